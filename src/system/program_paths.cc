#include "program_paths.h"

#include <limits.h>
#include <unistd.h>

#include <array>

namespace hostspin {
namespace {

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace

std::string libexec_directory_of(std::string_view executable) {
  return std::string(parent_of(parent_of(executable))) + "/libexec/hostspin";
}

Result<std::string> libexec_directory() {
  std::array<char, PATH_MAX> path;
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0 || path[0] != '/' || static_cast<std::size_t>(size) == path.size()) {
    return {Errc::io_error, "cannot tell where this program stands: /proc/self/exe cannot be read",
            "mount /proc"};
  }
  return libexec_directory_of(std::string_view(path.data(), static_cast<std::size_t>(size)));
}

}  // namespace hostspin
