#include <netdb.h>

#include <string>

#include "ask_loop.h"
#include "catch.h"
#include "dns_servers.h"
#include "resolver_child.h"

using namespace hostspin;

namespace {

AskRequest question(std::uint32_t id, AskRequest::Database database) {
  return AskRequest{id, *HostName::parse("db.example.com"), database, AskRequest::Family::any};
}

/// What a child writes: three words of 32 bits, then 64 slots of a family, a state and 16 bytes.
std::string child_answer(std::uint32_t status, std::uint32_t count, char family,
                         std::uint32_t are_servers = 0, char state = 0) {
  std::string bytes;
  bytes.append(reinterpret_cast<const char*>(&status), sizeof(status));
  bytes.append(reinterpret_cast<const char*>(&count), sizeof(count));
  bytes.append(reinterpret_cast<const char*>(&are_servers), sizeof(are_servers));
  for (std::size_t i = 0; i < kAnswerAddressesMax; ++i) {
    bytes.push_back(family);
    bytes.push_back(state);
    bytes.append({static_cast<char>(10), 0, 0, static_cast<char>(i)});
    bytes.append(12, '\0');
  }
  return bytes;
}

constexpr auto kFound = static_cast<std::uint32_t>(AskResult::Status::found);
constexpr auto kNotFound = static_cast<std::uint32_t>(AskResult::Status::not_found);

}  // namespace

TEST_CASE("what a dead DNS leaves hanging is asked after what it does not", "[ask]") {
  QuestionQueue queue;
  AskRequest one_family = question(5, AskRequest::Database::system);
  one_family.family = AskRequest::Family::inet6;
  queue.push(one_family);
  queue.push(question(6, AskRequest::Database::servers));
  queue.push(question(1, AskRequest::Database::dns));
  queue.push(question(2, AskRequest::Database::system));
  queue.push(question(3, AskRequest::Database::files));
  queue.push(question(4, AskRequest::Database::files));
  CHECK(queue.size() == 6);
  std::string order;
  while (const std::optional<AskRequest> next = queue.pop()) order += std::to_string(next->id);
  CHECK(order == "346251");
  CHECK(queue.size() == 0);
}

TEST_CASE("only a name that is known not to be there is not_found", "[ask]") {
  CHECK(status_of_getaddrinfo(0) == AskResult::Status::found);
  CHECK(status_of_getaddrinfo(EAI_NONAME) == AskResult::Status::not_found);
  CHECK(status_of_getaddrinfo(EAI_AGAIN) == AskResult::Status::failed);
  CHECK(status_of_getaddrinfo(EAI_FAIL) == AskResult::Status::failed);
  CHECK(status_of_getaddrinfo(EAI_SYSTEM) == AskResult::Status::failed);
}

TEST_CASE("a child's answer is taken whole or not at all", "[ask]") {
  const AskResult found = decode_child_answer(7, child_answer(kFound, 2, 0));
  CHECK(found.id == 7);
  CHECK(found.status == AskResult::Status::found);
  REQUIRE(found.addresses.size() == 2);
  CHECK(found.addresses[1].to_string() == "10.0.0.1");
  CHECK(decode_child_answer(7, child_answer(kFound, 64, 1)).addresses.size() == 64);
  CHECK(decode_child_answer(7, child_answer(kNotFound, 0, 0)).status ==
        AskResult::Status::not_found);

  const std::string whole = child_answer(kFound, 2, 0);
  for (const std::string& bad :
       {std::string(), whole.substr(1), whole + "x", child_answer(kFound, 0, 0),
        child_answer(kNotFound, 1, 0), child_answer(kFound, 65, 0), child_answer(kFound, 1, 2),
        child_answer(77, 0, 0)}) {
    CAPTURE(bad.size());
    CHECK(decode_child_answer(7, bad).status == AskResult::Status::failed);
  }
}

TEST_CASE("a child's answer about servers is taken only with states there are", "[ask]") {
  const AskResult result = decode_child_answer(7, child_answer(kFound, 2, 0, 1, 2));
  REQUIRE(result.servers.size() == 2);
  CHECK(result.addresses.empty());
  CHECK(result.servers[1].address.to_string() == "10.0.0.1");
  CHECK(result.servers[1].state == DnsServer::State::silent);
  CHECK(decode_child_answer(7, child_answer(kFound, 2, 0, 1, 3)).status ==
        AskResult::Status::failed);
}

TEST_CASE("the servers of resolv.conf are those that a resolver would take", "[ask]") {
  const auto texts = [](std::string_view resolv_conf) {
    std::string all;
    for (const IPAddress& address : parse_dns_servers(resolv_conf))
      all += address.to_string() + " ";
    return all;
  };
  CHECK(texts("# nameserver 10.0.0.9\nnameserver 10.0.0.1\nnameserver\t2001:db8::1 \r\n"
              "options rotate\nnameserver 10.0.0.2") == "10.0.0.1 2001:db8::1 10.0.0.2 ");
  CHECK(texts("nameserverx 10.0.0.1\nnameserver10.0.0.1\nnameserver\nnameserver dns.example\n")
            .empty());
  std::string many;
  for (int i = 0; i < 20; ++i) many += "nameserver 10.0.0.1\n";
  CHECK(parse_dns_servers(many).size() == kDnsServersMax);
}

TEST_CASE("a DNS server is alive when it knows an answer, be it that there is none", "[ask]") {
  const std::string question = dns_question(0x1234, *HostName::parse("db.example.com"));
  CHECK(question == std::string("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                "\x02"
                                "db"
                                "\x07"
                                "example"
                                "\x03"
                                "com"
                                "\x00\x00\x01\x00\x01",
                                32));
  const auto state = [&](char flags, char code, std::uint16_t id = 0x1234) {
    std::string answer = question;
    answer[2] = flags;
    answer[3] = code;
    return judge_dns_answer(answer, id);
  };
  constexpr char kAnswer = static_cast<char>(0x81);
  CHECK(state(kAnswer, 0) == DnsServer::State::answers);
  CHECK(state(kAnswer, 3) == DnsServer::State::answers);
  CHECK(state(kAnswer, 2) == DnsServer::State::error);
  CHECK(state(kAnswer, 5) == DnsServer::State::error);
  CHECK(state(0x01, 0) == DnsServer::State::silent);  // our own question come back
  CHECK(state(kAnswer, 0, 0x4321) == DnsServer::State::silent);
  CHECK(judge_dns_answer("\x12\x34", 0x1234) == DnsServer::State::silent);
}
