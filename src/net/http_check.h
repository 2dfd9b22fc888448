#pragma once

#include "hostspin/manifest.h"
#include "hostspin/worker_lines.h"
#include "http_client.h"

namespace hostspin {

/// The request that an http, https or grpc check asks `address`. Errc::fetch_failed where the check
/// makes no URL.
Result<HttpRequest> http_request_of(const Check& check, const IPAddress& address,
                                    std::chrono::milliseconds limit);

/// What the answer means for the check: verdict, error number, days left and detail of the result.
void judge_http_reply(const Check& check, const HttpReply& reply, ProbeResult& result);

}  // namespace hostspin
