// Whether a source can get the credentials that it needs: the unit keeps metadata services out.

#include <algorithm>
#include <array>

#include "config_lines.h"
#include "doctor_examination.h"

namespace hostspin {
namespace {

using Severity = Finding::Severity;

constexpr std::string_view kService = "169.254.169.254";
constexpr std::string_view kUnit = "hostspin-net@.service";
constexpr std::string_view kSetting = "IPAddressAllow=";

bool has_unit(Examination& exam) {
  constexpr std::array<std::string_view, 3> kFolders{
      "/usr/lib/systemd/system/", "/lib/systemd/system/", "/etc/systemd/system/"};
  return std::any_of(kFolders.begin(), kFolders.end(), [&](std::string_view folder) {
    return exam.exists(std::string(folder) + std::string(kUnit));
  });
}

bool lets_through(std::string_view word) {
  constexpr std::array<std::string_view, 4> kCovers{"169.254.169.254/32", "169.254.0.0/16",
                                                    "link-local", "any"};
  return word == kService || std::find(kCovers.begin(), kCovers.end(), word) != kCovers.end();
}

bool has_drop_in(Examination& exam, const std::string& folder) {
  for (const std::string& name : exam.list(folder, ".conf")) {
    std::string path = folder;
    path += "/";
    path += name;
    const std::string text = exam.read(path);
    for (const std::string_view line : lines_of(text)) {
      if (!trimmed(line).starts_with(kSetting)) continue;
      const auto words = words_of(trimmed(line).substr(kSetting.size()));
      if (std::any_of(words.begin(), words.end(), lets_through)) return true;
    }
  }
  return false;
}

}  // namespace

void examine_metadata_service(Examination& exam) {
  if (!exam.input().needs_instance_credentials || !has_unit(exam)) return;
  const std::string folder = "/etc/systemd/system/" + std::string(kUnit) + ".d";
  if (has_drop_in(exam, folder)) {
    return exam.add("metadata_service", Severity::ok,
                    "a drop-in lets " + std::string(kUnit) + " ask the metadata service");
  }
  exam.add("metadata_service", Severity::warning,
           "a source at S3 needs the instance's credentials, and " + std::string(kUnit) +
               " lets nobody ask the metadata service at " + std::string(kService),
           "put '[Service]' and '" + std::string(kSetting) + std::string(kService) +
               "', a line each, into " + folder +
               "/metadata.conf, and run 'systemctl daemon-reload'");
}

}  // namespace hostspin
