#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>

namespace hostspin {

/// U11: how long the sources that are silent about the next root are waited for, once one has said
/// that there is none and all have been asked.
inline constexpr std::chrono::milliseconds kRootPatience{500};

/// From when on an offer may be adopted: a source that answers first may be one that hides a root
/// which takes its keys out. Knows nothing of what is offered.
class AdoptionMoment {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// So many sources are asked about the next root from now on; whatever was said of an earlier one
  /// counts no more.
  void begin(std::size_t sources);
  /// A source has answered about the next root, or failed.
  void hear(std::size_t source) { silent_.erase(source); }
  /// One has said that there is none.
  void end_chain(Time now);

  /// `all_asked_at` is when the last source was asked; nothing while one is still to be.
  [[nodiscard]] bool has_come(Time now, std::optional<Time> all_asked_at) const;
  /// When it comes without another answer; never where that is not known, or has come.
  [[nodiscard]] Time wake_at(Time now, std::optional<Time> all_asked_at) const;

 private:
  [[nodiscard]] std::optional<Time> moment(std::optional<Time> all_asked_at) const;

  std::set<std::size_t> silent_;
  std::optional<Time> chain_end_at_;  ///< when the first said that there is none
};

}  // namespace hostspin
