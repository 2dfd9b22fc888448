#pragma once

#include <optional>
#include <string>

#include "hostspin/worker_lines.h"
#include "http_client.h"

namespace hostspin {

/// No health answer is longer.
inline constexpr std::size_t kGrpcAnswerBytesMax = 4096;

/// HealthCheckRequest{service} in one frame (grpc.health.v1, gRPC over HTTP/2).
[[nodiscard]] std::string grpc_health_request(const std::string& service);

struct GrpcAnswer {
  Verdict verdict = Verdict::grpc_not_serving;
  std::string detail;
};

/// What the server said of its health. None where its connection or the call ended before it said
/// anything, which it does when it restarts or has had the connection for long: that is no "no". Of
/// an answer that came whole, but not the status of the call behind it, the answer counts.
[[nodiscard]] std::optional<GrpcAnswer> judge_grpc_answer(const HttpReply& reply);

/// Whether the server has ended the call, or the connection, in whatever way.
[[nodiscard]] bool is_grpc_ended(const HttpReply& reply);

/// What it means that it has, and gave no answer, in another attempt as well.
[[nodiscard]] GrpcAnswer judge_grpc_silence(const HttpReply& reply);

}  // namespace hostspin
