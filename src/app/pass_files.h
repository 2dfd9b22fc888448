#pragma once

#include <cstdint>
#include <string>

#include "context.h"
#include "probe_book.h"
#include "reverts.h"
#include "run_files.h"

/// What passes keep for those after them in /run/hostspin, until the next boot. All of it is best
/// effort.
namespace hostspin {

inline constexpr const char* kRevertsFile = "reverts";
inline constexpr const char* kAlarmsFile = "alarms";
inline constexpr const char* kProbesFile = "probes";
inline constexpr const char* kChangedFile = "changed";
inline constexpr const char* kBlockFile = "block";

/// Milliseconds of the clock that nobody sets.
[[nodiscard]] std::int64_t steady_ms(const Env& env);
/// Seconds since 1970.
[[nodiscard]] std::int64_t wall(const Env& env);

/// Empty where there is none that can be read.
[[nodiscard]] std::string run_text(Env& env, const CommonOptions& options, const char* name,
                                   std::size_t bytes_max = kRunFileBytesMax);
/// Notes why it could not be kept.
Result<void> store_text(Env& env, const CommonOptions& options, const char* name,
                        const std::string& text);

/// The same, written only where it changed.
template <typename Book>
void store_book(Context& context, const char* name, const Book& book,
                std::size_t bytes_max = kRunFileBytesMax) {
  const std::string text = book.format();
  if (run_text(context.env, context.options, name, bytes_max) == text) return;
  (void)store_text(context.env, context.options, name, text);  // best effort
}

[[nodiscard]] Reverts load_reverts(Context& context);
/// Without what was found when somebody still probed.
[[nodiscard]] ProbeBook load_probes(Context& context);

}  // namespace hostspin
