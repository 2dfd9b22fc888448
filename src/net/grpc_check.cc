#include "grpc_check.h"

#include <cstdint>
#include <string_view>

namespace hostspin {
namespace {

constexpr std::size_t kPrefixBytes = 5;  // whether it is compressed, and four of its length
constexpr std::string_view kContentType = "application/grpc";

/// A number as protobuf writes it: 7 bits a byte, the lowest first, the top bit where more follow.
std::string varint(std::size_t value) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7U) bytes += static_cast<char>((value & 0x7fU) | 0x80U);
  return bytes + static_cast<char>(value);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  constexpr unsigned kBitsMax = 64;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < kBitsMax && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

/// Past the value of a field that is not known here; false where it is cut, or of no such type.
bool skip_value(std::string_view& bytes, unsigned wire_type) {
  std::optional<std::uint64_t> size;
  switch (wire_type) {
    case 0:
      return take_varint(bytes).has_value();
    case 1:
      size = 8;
      break;
    case 2:
      size = take_varint(bytes);
      break;
    case 5:
      size = 4;
      break;
    default:
      return false;
  }
  if (!size || *size > bytes.size()) return false;
  bytes.remove_prefix(*size);
  return true;
}

/// The status of a HealthCheckResponse, whatever fields a later version adds; 0 where it has none.
/// None for what is no message.
std::optional<std::uint32_t> status_in(std::string_view message) {
  constexpr std::uint64_t kStatusField = 1;
  std::uint32_t status = 0;
  while (!message.empty()) {
    const std::optional<std::uint64_t> tag = take_varint(message);
    if (!tag || *tag >> 3U == 0) return std::nullopt;
    const auto wire_type = static_cast<unsigned>(*tag & 7U);
    if (*tag >> 3U == kStatusField && wire_type == 0) {
      const std::optional<std::uint64_t> value = take_varint(message);
      if (!value) return std::nullopt;
      status = static_cast<std::uint32_t>(*value);  // the last one counts
    } else if (!skip_value(message, wire_type)) {
      return std::nullopt;
    }
  }
  return status;
}

GrpcAnswer not_serving(std::string detail) {
  return {Verdict::grpc_not_serving, std::move(detail)};
}

GrpcAnswer judge_message(std::string_view message) {
  const std::optional<std::uint32_t> status = status_in(message);
  if (!status) return not_serving("an unreadable health answer");
  switch (*status) {
    case 0:
      return not_serving("status UNKNOWN");
    case 1:
      return {Verdict::ok, ""};
    case 2:
      return not_serving("status NOT_SERVING");
    case 3:
      return not_serving("status SERVICE_UNKNOWN");
    default:
      return not_serving("status " + std::to_string(*status));
  }
}

GrpcAnswer judge_call(const std::string& status) {
  if (status == "5") {
    return not_serving("its health service does not know that service (grpc-status 5)");
  }
  if (status == "12") return not_serving("it has no health service (grpc-status 12)");
  return not_serving("grpc-status " + quoted(status, 20));
}

/// One message in one frame that says how long it is.
std::optional<GrpcAnswer> judge_body(std::string_view body, bool call_ended) {
  if (body.size() >= kGrpcAnswerBytesMax) return not_serving("an unreadable health answer");
  if (body.empty() && call_ended) return not_serving("grpc-status 0 without a message");
  if (body.size() < kPrefixBytes) {
    if (!call_ended) return std::nullopt;
    return not_serving("a frame that ends within its own length");
  }
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < kPrefixBytes; ++i) {
    length = length << 8U | static_cast<unsigned char>(body[i]);
  }
  const std::string_view message = body.substr(kPrefixBytes);
  if (message.size() < length && !call_ended) return std::nullopt;  // cut
  if (message.size() != length) {
    return not_serving("a frame of " + std::to_string(message.size()) +
                       " bytes that gives its length as " + std::to_string(length));
  }
  if (body.front() != '\0') return not_serving("a compressed answer, which nobody asked for");
  return judge_message(message);
}

}  // namespace

std::string grpc_health_request(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    message += varint(service.size());
    message += service;
  }
  std::string frame(1, '\0');  // not compressed
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>((message.size() >> static_cast<unsigned>(shift)) & 0xffU);
  }
  return frame + message;
}

std::optional<GrpcAnswer> judge_grpc_answer(const HttpReply& reply) {
  // A server that says no may reset the stream as well.
  const bool refused = !reply.grpc_status.empty() && reply.grpc_status != "0";
  if (!reply.headers_complete) return std::nullopt;
  const bool is_grpc = reply.content_type.empty() || reply.content_type.starts_with(kContentType);
  const std::string told = is_grpc ? "" : quoted(reply.content_type, 40);
  if (reply.status != 200) {
    return GrpcAnswer{Verdict::http_status, "answers with status " + std::to_string(reply.status) +
                                                (is_grpc ? "" : " and " + told)};
  }
  if (!is_grpc) return not_serving("it answers with " + told + ", not with gRPC");
  if (refused) return judge_call(reply.grpc_status);
  // gRPC has a status for each reason to reset a stream, and none of them says that all is well.
  if (reply.stream_reset && reply.grpc_status.empty()) return std::nullopt;
  return judge_body(reply.body, reply.grpc_status == "0");
}

bool is_grpc_ended(const HttpReply& reply) {
  return reply.reason.empty() || reply.reason == verdict_name(Verdict::reset) ||
         reply.stream_reset || reply.session_ended;
}

GrpcAnswer judge_grpc_silence(const HttpReply& reply) {
  if (reply.stream_refused) return not_serving("it refuses the request's stream (REFUSED_STREAM)");
  if (reply.stream_reset) return not_serving("it reset the request's stream");
  std::string detail = "the connection ended without a health answer";
  if (reply.error_number != 0 && !reply.detail.empty()) detail += ": " + reply.detail;
  return {Verdict::reset, std::move(detail)};
}

}  // namespace hostspin
