#pragma once

#include <optional>
#include <string>

#include "hostspin/worker_lines.h"

namespace hostspin {

/// Addresses that no request is for, so that a parent which was talked into one does not reach it
/// either: what no manifest may name, loopback apart, among it the link and metadata services. The
/// one that gives credentials for S3 is asked by InstanceCredentials alone. Empty, or the answer to
/// give in place of an attempt.
[[nodiscard]] std::optional<FetchResult> keep_out(const FetchRequest& request);
[[nodiscard]] std::optional<ProbeResult> keep_out(const ProbeRequest& request);

}  // namespace hostspin
