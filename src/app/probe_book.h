#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/report.h"

namespace hostspin {

/// A failing address is an alarm after so many failures in a row, and no more after so many
/// successes: one lost packet is no news.
inline constexpr int kProbeFall = 3;
inline constexpr int kProbeRise = 2;

/// More than a manifest has: at most 1,000 lines of addresses, each with at most 16 checks.
inline constexpr std::size_t kProbedChecksMax = 16384;
inline constexpr std::size_t kProbeDetailBytesMax = 300;
/// Of the book: one check with its longest names and words takes less than 4 KiB.
inline constexpr std::size_t kProbeBookBytesMax = kProbedChecksMax * 4096;

/// What the agent's probes have found, for metrics and status. Nothing here ever edits the hosts
/// file.
struct ProbedCheck {
  std::string service;
  std::string address;
  std::string check;
  std::string verdict;    ///< of the last probe
  bool up = false;        ///< by the last probe
  bool tried = false;     ///< the last probe came to it in time
  bool alarming = false;  ///< by rise and fall
  int streak = 0;         ///< probes in a row that said the other thing than `alarming`
  double duration_s = 0;  ///< of the last probe that was tried
  std::string detail;
};

class ProbeBook {
 public:
  static ProbeBook parse(std::string_view text);
  [[nodiscard]] std::string format() const;

  /// Takes in one round. Checks that the manifest no longer has are dropped. A check that was not
  /// tried keeps its alarm as it was.
  void note(const ProbeReport& report, std::int64_t now);
  /// A round could not be run: what the last one found stays for a while.
  void note_failure(std::int64_t now) { last_attempt_ = now; }
  /// Forgets a round that is `limit` old: nobody probes any more, and it says nothing about now.
  void forget_old(std::int64_t now, std::chrono::seconds limit);

  [[nodiscard]] const std::vector<ProbedCheck>& checks() const { return checks_; }
  [[nodiscard]] std::int64_t last_round() const { return last_round_; }      ///< 0 = none
  [[nodiscard]] std::int64_t last_attempt() const { return last_attempt_; }  ///< 0 = none

 private:
  std::vector<ProbedCheck> checks_;  ///< manifest order; each (service, address, check) once
  std::int64_t last_round_ = 0;
  std::int64_t last_attempt_ = 0;
};

}  // namespace hostspin
