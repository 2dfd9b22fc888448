#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app_world.h"
#include "catch.h"
#include "events.h"

namespace hostspin::testing {

inline const std::string kMetrics = "/var/lib/prometheus/node-exporter/hostspin.prom";

/// A machine with manifest 5 pinned, whose passes speak as the agent's do.
struct Watched {
  Watched() {
    world.write("/var/lib/prometheus/node-exporter/other.prom", "");
    ManifestText manifest = world.manifest(5);
    manifest.services = {{"db.svc.example.com", {"10.1.2.3"}, {}, "check = { tcp = 5432 }\n"}};
    world.net.serve(kManifestURL, world.fleet.sign(manifest));
    world.options.for_agent = true;
    REQUIRE(world.refresh() == ExitCode::ok);
    good = world.hosts();
  }

  /// What the last command told, and nothing of what was told before.
  std::vector<std::string> told() {
    std::vector<std::string> names;
    const std::string out = world.out();
    for (std::size_t at = 0; at < out.size();) {
      const std::size_t end = std::min(out.find('\n', at), out.size());
      const std::optional<Event> event =
          parse_event_line(std::string_view(out).substr(at, end - at));
      if (event)
        names.push_back(std::string(event_name(event->kind)) + (event->cleared ? "-" : ""));
      at = end + 1;
    }
    world.forget_output();
    return names;
  }

  std::int64_t hint(const std::string& key) {
    const std::string out = world.out();
    const std::string line = "@hint " + key + "=";
    const std::size_t at = out.rfind(line);
    REQUIRE(at != std::string::npos);
    return std::stoll(out.substr(at + line.size()));
  }

  /// The value of one line of the metrics.
  std::string metric(const std::string& name) const {
    const std::string text = "\n" + world.read(kMetrics);
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "(none)";
    const std::size_t value = at + name.size() + 2;
    return text.substr(value, text.find('\n', value) - value);
  }

  void vandalize(const std::string& bytes = "127.0.0.1\tlocalhost\n") {
    world.write("/etc/hosts", bytes);
  }

  AppWorld world;
  std::string good;
};

using Told = std::vector<std::string>;
inline constexpr ApplyOptions kUnattended{true};

}  // namespace hostspin::testing
