#include "ca_bundles.h"

#include <array>
#include <string_view>

namespace hostspin {
namespace {

// Debian and its kin; Fedora, RHEL and theirs; openSUSE; Alpine.
constexpr std::array<std::string_view, 4> kSystemBundles{
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/cert.pem"};

}  // namespace

// CA bundles and keys are the running system's, whatever tree is being worked on: like file://
// sources they are not looked for below --root.
Result<std::string> read_pem(Context& context, const std::string& path) {
  Result<std::optional<std::string>> bytes = read_file(context.env.fs, "/", path, kBundleBytesMax);
  if (!bytes) return Error{Errc::bad_config, bytes.error().detail, bytes.error().hint};
  if (!*bytes) return {Errc::bad_config, path + ": there is no such file"};
  if ((*bytes)->find("-----BEGIN ") == std::string::npos) {
    return {Errc::bad_config, path + ": holds no PEM block"};
  }
  return std::move(**bytes);
}

Result<std::string> read_system_bundle(Context& context) {
  for (const std::string_view path : kSystemBundles) {
    Result<std::optional<std::string>> bytes =
        read_file(context.env.fs, "/", std::string(path), kBundleBytesMax);
    if (bytes && *bytes) return std::move(**bytes);
  }
  return {Errc::bad_config, "this machine has no CA bundle in any of the usual places",
          "install ca-certificates, or name a bundle with ca = \"/path.pem\" in the source"};
}

}  // namespace hostspin
