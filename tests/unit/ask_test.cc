#include <netdb.h>

#include <string>

#include "ask_loop.h"
#include "catch.h"
#include "resolver_child.h"

using namespace hostspin;

namespace {

AskRequest question(std::uint32_t id, AskRequest::Database database) {
  return AskRequest{id, *HostName::parse("db.example.com"), database, AskRequest::Family::any};
}

/// What a child writes: two words of 32 bits, then 64 slots of a family and 16 bytes.
std::string child_answer(std::uint32_t status, std::uint32_t count, char family) {
  std::string bytes;
  bytes.append(reinterpret_cast<const char*>(&status), sizeof(status));
  bytes.append(reinterpret_cast<const char*>(&count), sizeof(count));
  for (std::size_t i = 0; i < kAnswerAddressesMax; ++i) {
    bytes.push_back(family);
    bytes.append({static_cast<char>(10), 0, 0, static_cast<char>(i)});
    bytes.append(12, '\0');
  }
  return bytes;
}

constexpr auto kFound = static_cast<std::uint32_t>(AskResult::Status::found);
constexpr auto kNotFound = static_cast<std::uint32_t>(AskResult::Status::not_found);

}  // namespace

TEST_CASE("the hosts file is asked first and DNS last", "[ask]") {
  QuestionQueue queue;
  queue.push(question(1, AskRequest::Database::dns));
  queue.push(question(2, AskRequest::Database::system));
  queue.push(question(3, AskRequest::Database::files));
  queue.push(question(4, AskRequest::Database::files));
  CHECK(queue.size() == 4);
  std::string order;
  while (const std::optional<AskRequest> next = queue.pop()) order += std::to_string(next->id);
  CHECK(order == "3421");
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
