#include "version_report.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "hostspin/version.h"
#include "output.h"

namespace hostspin {
namespace {

Json facts_of(const Linkage& linkage) {
  Json libraries = Json::array();
  for (const Material& material : linkage.materials) {
    libraries.push_back({{"name", material.name},
                         {"version", material.version},
                         {"package", material.package},
                         {"compiled_in", material.compiled_in}});
  }
  return {{"linked", linkage.kind}, {"libraries", std::move(libraries)}};
}

/// The libraries that are compiled in, or the others, below a heading.
std::string listed(const Linkage& linkage, bool compiled_in, std::string_view heading) {
  std::size_t width = 0;
  for (const Material& material : linkage.materials) {
    width = std::max(width, std::string_view(material.name).size());
  }
  std::string lines;
  for (const Material& material : linkage.materials) {
    if (material.compiled_in != compiled_in) continue;
    std::string name = material.name;
    name.resize(width, ' ');
    lines += "  " + name + "  " + material.version + "\n";
  }
  return lines.empty() ? lines : std::string(heading) + "\n" + lines;
}

std::string in_words(const Linkage& linkage) {
  const bool is_portable = std::string_view(linkage.kind) == "portable";
  return std::string("linked: ") + linkage.kind +
         (is_portable ? ", to start on any Linux\n" : ", with the machine's libraries\n") +
         listed(linkage, true, "compiled into its programs:") +
         listed(linkage, false, "the machine's, whichever version it has; built with:");
}

}  // namespace

ExitCode report_version(Env& env, const CommonOptions& options, const Linkage& linkage) {
  const std::string line = std::string("hostspin ") + kVersion;
  if (options.format == OutputFormat::json) {
    return finish(env, options, "version", ExitCode::ok, line, std::nullopt,
                  options.verbose ? facts_of(linkage) : Json::object());
  }
  env.console.print(line + "\n");
  if (options.verbose) env.console.print(in_words(linkage));
  return ExitCode::ok;
}

}  // namespace hostspin
