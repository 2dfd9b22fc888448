#include "worker_identity.h"

#include <string>

#include "catch.h"

using namespace hostspin;

namespace {

/// Everybody's lines before those of a test.
std::string passwd(const std::string& lines) {
  return "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/usr/sbin/nologin\n" + lines;
}

std::optional<Identity> chosen(const std::string& lines, std::set<std::uint32_t> in_use = {}) {
  return worker_identity_in(passwd(lines), in_use);
}

constexpr Identity kUnnamed{61170, 61170};

}  // namespace

TEST_CASE("the worker's identity is _hostspin's, where it has one of its own", "[identity]") {
  CHECK(chosen("_hostspin:x:987:986::/:/usr/sbin/nologin\n") == Identity{987, 986});
  CHECK(chosen("_hostspin:x:987:986::/:/usr/sbin/nologin") == Identity{987, 986});
  CHECK(chosen("_hostspin:x:987:986::/:/x\n", {987}) == Identity{987, 986});
}

TEST_CASE("a worker is never root, nor whom other daemons are", "[identity]") {
  for (const std::string lines :
       {"", "_hostspin:x:0:986::/:/x\n", "_hostspin:x:65534:986::/:/x\n",
        "_hostspin:x:987:986::/:/x\nother:x:987:5::/:/x\n", "_hostspin:x:-1:986::/:/x\n",
        "_hostspin:x:99999999999:986::/:/x\n", "_hostspin:x:987:986\n",
        "_hostspin2:x:987:986::/:/x\n"}) {
    CAPTURE(lines);
    CHECK(chosen(lines) == kUnnamed);
  }
  CHECK(worker_identity_in("", {}) == kUnnamed);  // no passwd at all
}

TEST_CASE("_hostspin without a group of its own keeps its user", "[identity]") {
  // `adduser --system _hostspin` says nogroup; root's group is no more for a worker.
  for (const std::string group : {"65534", "0"}) {
    CAPTURE(group);
    const std::string account = "_hostspin:x:987:" + group + "::/:/x\n";
    CHECK(chosen(account) == Identity{987, 61170});
    CHECK(chosen(account, {987, 61170}) == Identity{987, 61170});
    CHECK(chosen(account + "a:x:5:61170::/:/x\n") == Identity{987, 61171});
    CHECK(chosen(account + "other:x:987:5::/:/x\n") == kUnnamed);
  }
}

TEST_CASE("without _hostspin it is the first number that nobody has", "[identity]") {
  CHECK(chosen("a:x:61170:5::/:/x\n") == Identity{61171, 61171});
  CHECK(chosen("a:x:5:61170::/:/x\n") == Identity{61171, 61171});
  CHECK(chosen("", {61170, 61171, 61173}) == Identity{61172, 61172});
  CHECK(chosen("a:x:61171:61171::/:/x\n", {61170}) == Identity{61172, 61172});
  std::set<std::uint32_t> all;
  for (std::uint32_t id = 61170; id < 61183; ++id) all.insert(id);
  CHECK(chosen("", all) == Identity{61183, 61183});
  all.insert(61183);
  CHECK(chosen("", all) == std::nullopt);
}

TEST_CASE("a worker that has just started is no stranger", "[identity]") {
  for (const std::string ours : {"hostspin", "hostspin-net", "hostspin-ask", "5", "1023", ""}) {
    CAPTURE(ours);
    CHECK(is_workers_name(ours));
  }
  for (const std::string other : {"sshd", "nginx", "7zip", "my-hostspin", "5 "}) {
    CAPTURE(other);
    CHECK_FALSE(is_workers_name(other));
  }
}

TEST_CASE("this machine has an identity for workers", "[identity]") {
  const Result<Identity> identity = worker_identity();
  REQUIRE(identity);
  CHECK(identity->user != 0);
  CHECK(identity->user != 65534);
}
