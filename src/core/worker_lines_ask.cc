#include <algorithm>
#include <array>

#include "hostspin/worker_lines.h"
#include "worker_lines_json.h"

// hostspin-ask's protocol, both halves. A file of its own, so that hostspin-ask links no more of
// the core than it speaks.
namespace hostspin {
namespace {

using worker_lines::json;
using worker_lines::LineWriter;
using worker_lines::Members;
using worker_lines::Need;

constexpr int kProtocolVersion = 1;
constexpr std::size_t kLineBytesMax = 16U << 10U;
constexpr std::size_t kAddressesMax = 64;
constexpr std::size_t kNameBytesMax = 253;
constexpr std::size_t kWordBytesMax = 16;

constexpr std::size_t kServersMax = 8;

constexpr std::array<std::string_view, 4> kDatabases{"files", "dns", "system", "servers"};
constexpr std::array<std::string_view, 3> kServerStates{"answers", "error", "silent"};
constexpr std::array<std::string_view, 3> kFamilies{"any", "inet", "inet6"};
constexpr std::array<std::string_view, 4> kStatuses{"found", "not_found", "stalled", "failed"};

template <typename Enum, std::size_t Count>
std::string_view word(const std::array<std::string_view, Count>& words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

template <typename Enum, std::size_t Count>
void read_word(Members& members, const char* key, const std::array<std::string_view, Count>& words,
               Enum& out) {
  std::string text;
  members.printable_text(key, Need::required, kWordBytesMax, text);
  const auto* found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return members.refuse(key, "is not a known word");
  out = static_cast<Enum>(found - words.begin());
}

Result<AskRequest> request_from_json(const json& object) {
  Members members(object, "ask");
  std::uint32_t id = 0;
  members.id(id);
  std::string name_text;
  members.printable_text("name", Need::required, kNameBytesMax, name_text);
  AskRequest::Database database{};
  read_word(members, "database", kDatabases, database);
  AskRequest::Family family{};
  read_word(members, "family", kFamilies, family);
  Result<HostName> name = HostName::parse(name_text);
  if (!name) members.refuse("name", "is not a host name");
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return AskRequest{id, *std::move(name), database, family};
}

void read_servers(Members& members, std::vector<DnsServer>& out) {
  const json* list = members.take("servers", Need::optional);
  if (list == nullptr) return;
  if (!list->is_array() || list->size() > kServersMax) {
    return members.refuse("servers", "is not a list of few servers");
  }
  for (const json& entry : *list) {
    Members server(entry, "server");
    std::string text;
    DnsServer::State state{};
    server.printable_text("address", Need::required, 64, text);
    read_word(server, "state", kServerStates, state);
    Result<IPAddress> address = IPAddress::parse(text);
    if (!server.done() || !address) {
      return members.refuse("servers", "has an entry that is not a server and its state");
    }
    out.push_back({*address, state});
  }
}

Result<AskResult> result_from_json(const json& object) {
  AskResult result;
  Members members(object, "ask");
  members.id(result.id);
  read_word(members, "status", kStatuses, result.status);
  std::vector<std::string> texts;
  members.texts("addresses", kAddressesMax, 64, texts);
  for (const std::string& text : texts) {
    Result<IPAddress> address = IPAddress::parse(text);
    if (!address) {
      members.refuse("addresses", "has an entry that is not an IP address");
      break;
    }
    if (!result.addresses.empty() && !(result.addresses.back() < *address)) {
      members.refuse("addresses", "is not sorted and distinct");
      break;
    }
    result.addresses.push_back(*address);
  }
  read_servers(members, result.servers);
  members.milliseconds("elapsed_ms", Need::required, 0, result.elapsed);
  const bool nothing = result.addresses.empty() && result.servers.empty();
  if ((result.status == AskResult::Status::found) == nothing) {
    members.refuse("addresses", "does not fit the status");
  }
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return result;
}

}  // namespace

std::string encode_ask_start(std::chrono::milliseconds deadline) {
  LineWriter line;
  line.integer("hostspin-ask", kProtocolVersion);
  line.integer("deadline_ms", deadline.count());
  return std::move(line).line();
}

std::string encode(const AskRequest& request) {
  LineWriter line;
  line.object("ask");
  line.integer("id", request.id);
  line.text("name", request.name.text());
  line.text("database", word(kDatabases, request.database));
  line.text("family", word(kFamilies, request.family));
  return std::move(line).line();
}

std::string encode(const AskResult& result) {
  std::vector<std::string> addresses;
  addresses.reserve(result.addresses.size());
  for (const IPAddress& address : result.addresses) addresses.push_back(address.to_string());

  LineWriter line;
  line.object("ask");
  line.integer("id", result.id);
  line.text("status", word(kStatuses, result.status));
  line.texts("addresses", addresses);
  if (!result.servers.empty()) {
    line.list("servers");
    for (const DnsServer& server : result.servers) {
      line.object();
      line.text("address", server.address.to_string());
      line.text("state", word(kServerStates, server.state));
      line.end();
    }
    line.end();
  }
  line.integer("elapsed_ms", result.elapsed.count());
  return std::move(line).line();
}

Result<AskInput> decode_ask_input(std::string_view line) {
  Result<json> object = worker_lines::parse_line(line, kLineBytesMax);
  if (!object) return std::move(object).error();
  AskInput input;
  if (object->contains("hostspin-ask")) {
    Members members(*object, "start");
    int version = 0;
    std::chrono::milliseconds deadline{0};
    members.integer<int>("hostspin-ask", Need::required, kProtocolVersion, kProtocolVersion,
                         version);
    members.milliseconds("deadline_ms", Need::required, 1, deadline);
    if (Result<void> done = members.done(); !done) return std::move(done).error();
    input.deadline = deadline;
    return input;
  }
  Members members(*object, "request");
  const json* ask_object = members.take("ask", Need::required);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  Result<AskRequest> ask = request_from_json(*ask_object);
  if (!ask) return std::move(ask).error();
  input.ask = *std::move(ask);
  return input;
}

Result<AskOutput> decode_ask_output(std::string_view line) {
  Result<json> object = worker_lines::parse_line(line, kLineBytesMax);
  if (!object) return std::move(object).error();
  Members members(*object, "result");
  AskOutput output;
  const json* ask_object = members.take("ask", Need::optional);
  std::string notice;
  members.printable_text("notice", Need::optional, worker_lines::kDetailBytesMax, notice);
  members.boolean("end", Need::optional, output.end);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  if (!notice.empty()) output.notice = WorkerNotice{std::move(notice)};
  if ((ask_object != nullptr ? 1 : 0) + (output.notice ? 1 : 0) + (output.end ? 1 : 0) != 1) {
    return {Errc::worker_failed, "a line of the worker is not one message"};
  }
  if (ask_object == nullptr) return output;
  Result<AskResult> ask = result_from_json(*ask_object);
  if (!ask) return std::move(ask).error();
  output.ask = *std::move(ask);
  return output;
}

}  // namespace hostspin
