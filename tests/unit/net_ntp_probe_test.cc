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
      changed(1, 0),       // not synchronised either
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

namespace {

std::string timestamp(std::int64_t seconds_since_1970) {
  const auto seconds = static_cast<std::uint32_t>(seconds_since_1970 + 2208988800);
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(seconds >> shift);
  return bytes + "half";  // a fraction
}

constexpr std::int64_t kNow = 1790000000;  // 2026

std::string at(std::int64_t seconds) { return answer().replace(40, 8, timestamp(seconds)); }

}  // namespace

TEST_CASE("a server without a source of its own is not synchronised, however it says so", "[ntp]") {
  std::string stratum_zero = answer();
  stratum_zero[0] = '\xe4';  // as chronyd: leap indicator 3, stratum 0, no reference
  stratum_zero[1] = 0;
  std::string sixteen = answer();
  sixteen[1] = 16;
  std::string alarm = answer();
  alarm[0] = '\xe4';
  std::string init = answer().replace(12, 4, "INIT");
  init[1] = 0;
  for (const std::string& packet : {stratum_zero, sixteen, alarm, init}) {
    const NtpAnswer judged = judge_ntp_answer(packet, kNonce, kNow);
    CHECK(judged.verdict == Verdict::ntp_bad);
    CHECK(judged.detail.find("is not synchronised") == 0);
    CHECK_FALSE(judged.stray);
  }
  std::string kiss = answer().replace(12, 4, "DENY");
  kiss[1] = 0;
  CHECK(judge_ntp_answer(kiss, kNonce, kNow).detail == "refuses, kiss code 'DENY'");
}

TEST_CASE("a root distance of 16 s and more is named (RFC 5905)", "[ntp]") {
  const auto with = [](std::string_view delay, std::string_view dispersion) {
    return judge_ntp_answer(answer().replace(4, 4, delay).replace(8, 4, dispersion), kNonce, kNow);
  };
  using namespace std::string_view_literals;
  CHECK(with("\0\x1f\xff\xff"sv, "\0\0\0\0"sv).verdict == Verdict::ok);  // half of 31.99 s
  CHECK(with("\0\0\0\0"sv, "\0\x0f\xff\xff"sv).verdict == Verdict::ok);
  CHECK(with("\xff\xff\0\0"sv, "\0\x01\0\0"sv).verdict == Verdict::ok);  // a negative delay
  for (const NtpAnswer& far :
       {with("\0\x20\0\0"sv, "\0\0\0\0"sv), with("\0\0\0\0"sv, "\0\x10\0\0"sv),
        with("\0\x10\0\0"sv, "\0\x08\0\0"sv), with("\0\0\0\0"sv, "\xff\xff\xff\xff"sv)}) {
    CHECK(far.verdict == Verdict::ntp_bad);
    CHECK(far.detail.find("root distance") != std::string::npos);
  }
}

TEST_CASE("a time that cannot be is named, one that only differs from ours is not", "[ntp]") {
  const std::int64_t good[] = {1577836800, kNow - 3600, kNow, kNow + 86400 * 365,
                               2085978496 + 1};  // the second after NTP's seconds begin again
  for (const std::int64_t seconds : good) {
    CAPTURE(seconds);
    CHECK(judge_ntp_answer(at(seconds), kNonce, kNow).verdict == Verdict::ok);
  }
  const std::int64_t bad[] = {0, 946684800, 1577836799, kNow + 86400LL * 365 * 30};
  for (const std::int64_t seconds : bad) {
    CAPTURE(seconds);
    const NtpAnswer judged = judge_ntp_answer(at(seconds), kNonce, kNow);
    CHECK(judged.verdict == Verdict::ntp_bad);
    CHECK(judged.detail.find("implausible") != std::string::npos);
  }
  // A machine whose own clock stands in 1970 takes no server for wrong.
  CHECK(judge_ntp_answer(at(kNow), kNonce, 0).verdict == Verdict::ok);
  // Set after it answered, or asked after it answered.
  CHECK(judge_ntp_answer(at(kNow).replace(16, 8, timestamp(kNow + 2)), kNonce, kNow).verdict ==
        Verdict::ntp_bad);
  CHECK(judge_ntp_answer(at(kNow).replace(32, 8, timestamp(kNow + 2)), kNonce, kNow).verdict ==
        Verdict::ntp_bad);
  CHECK(judge_ntp_answer(
            at(kNow).replace(16, 8, timestamp(kNow - 60)).replace(32, 8, timestamp(kNow)), kNonce,
            kNow)
            .verdict == Verdict::ok);
}

TEST_CASE("what does not answer our question is a stray", "[ntp]") {
  std::string client = answer();
  client[0] = '\x23';
  for (const std::string& packet :
       {std::string(), answer().substr(0, 47), client, answer().replace(24, 8, "87654321")})
    CHECK(judge_ntp_answer(packet, kNonce, kNow).stray);
  CHECK_FALSE(judge_ntp_answer(answer(), kNonce, kNow).stray);
}
