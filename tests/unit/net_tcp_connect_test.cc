#include <cerrno>

#include "catch.h"
#include "tcp_connect.h"

using namespace hostspin;
using namespace std::chrono_literals;

TEST_CASE("an errno at once is this machine's own", "[tcp_connect]") {
  CHECK(verdict_of_local_errno(ENETUNREACH) == Verdict::no_route);
  CHECK(verdict_of_local_errno(EHOSTUNREACH) == Verdict::no_route);
  CHECK(verdict_of_local_errno(EINVAL) == Verdict::no_route);
  CHECK(verdict_of_local_errno(EACCES) == Verdict::local_firewall);
  CHECK(verdict_of_local_errno(EPERM) == Verdict::local_firewall);
  CHECK(verdict_of_local_errno(EADDRNOTAVAIL) == Verdict::source_address);
  CHECK(verdict_of_local_errno(ECONNREFUSED) == Verdict::refused);
}

TEST_CASE("what this machine lacks is no verdict on an address", "[tcp_connect]") {
  CHECK(verdict_of_local_errno(EAFNOSUPPORT) == Verdict::no_family);
  CHECK(verdict_of_local_errno(EAGAIN) == Verdict::source_address);
  for (const int shortage : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    CHECK(verdict_of_local_errno(shortage) == Verdict::local_limit);
    CHECK(is_worth_waiting(shortage, IPAddress::parse("127.0.0.1").value()));
  }
  CHECK_FALSE(is_worth_waiting(EPERM, IPAddress::parse("127.0.0.1").value()));
  CHECK(local_fault(EAFNOSUPPORT, IPAddress::parse("::1").value()).detail ==
        "this machine has no IPv6");
}

TEST_CASE("an errno later is somebody else's", "[tcp_connect]") {
  CHECK(verdict_of_remote_errno(ECONNREFUSED, 1ms) == Verdict::refused);
  CHECK(verdict_of_remote_errno(ECONNRESET, 1ms) == Verdict::reset);
  CHECK(verdict_of_remote_errno(ENETUNREACH, 1ms) == Verdict::unreachable);
  CHECK(verdict_of_remote_errno(EACCES, 1020ms) == Verdict::unreachable);
  CHECK(verdict_of_remote_errno(EHOSTUNREACH, 1ms) == Verdict::unreachable);
  CHECK(verdict_of_remote_errno(EHOSTUNREACH, 3060ms) == Verdict::next_hop_dead);
  CHECK(verdict_of_remote_errno(ETIMEDOUT, 1ms) == Verdict::tcp_timeout);
}
