#pragma once

#include <string>

#include "alarms.h"
#include "context.h"
#include "probe_book.h"
#include "telemetry.h"

namespace hostspin {

/// Where node_exporter's textfile collector looks on Debian.
inline constexpr const char* kTextfileDirectory = "/var/lib/prometheus/node-exporter";
inline constexpr const char* kTextfileName = "hostspin.prom";

struct Metrics {
  const Telemetry& telemetry;
  const AlarmBook& alarms;
  const ProbeBook& probes;
};

/// The Prometheus text format: every family with its help and type, in a fixed order. What is not
/// known (no manifest, never refreshed) is left out, so that no alert compares with 1970.
[[nodiscard]] std::string format_metrics(const Metrics& metrics);

/// Writes them, atomically, into the configured directory; nothing where it does not exist.
void write_metrics(Context& context, const Metrics& metrics);

}  // namespace hostspin
