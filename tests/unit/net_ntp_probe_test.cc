#include "catch.h"
#include "ntp_probe.h"

using namespace hostspin;

namespace {

const std::string kNonce = "12345678";

std::string answer() {
  std::string packet(48, '\0');
  packet[0] = '\x24';  // no leap warning, version 4, server
  packet[1] = 2;
  packet.replace(24, 8, kNonce);
  packet.replace(40, 8, "\xe8moment!");
  return packet;
}

}  // namespace

TEST_CASE("a synchronised server's answer to our question is good", "[ntp]") {
  CHECK(judge_ntp_answer(answer(), kNonce).verdict == Verdict::ok);
  CHECK(judge_ntp_answer(answer() + std::string(20, 'x'), kNonce).verdict == Verdict::ok);
}

TEST_CASE("no other packet is an answer", "[ntp]") {
  const auto changed = [](std::size_t place, char value) {
    std::string packet = answer();
    packet[place] = value;
    return packet;
  };
  const std::string bad[] = {
      "",
      answer().substr(0, 47),
      changed(0, '\x23'),  // a client's
      changed(0, '\xe4'),  // not synchronised
      changed(1, 0),       // kiss of death
      changed(1, 16),
      changed(31, 'x'),  // another question's
      answer().replace(40, 8, std::string(8, '\0')),
  };
  for (const std::string& packet : bad) {
    const NtpAnswer judged = judge_ntp_answer(packet, kNonce);
    CHECK(judged.verdict == Verdict::ntp_bad);
    CHECK_FALSE(judged.detail.empty());
  }
}
