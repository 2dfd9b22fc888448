#pragma once

#include <bitset>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"

// What the halves of the workers' protocol share: one strict way to read a line's JSON, one to
// write it. Private to src/core/worker_lines*.cc.
namespace hostspin::worker_lines {

/// Members in the order of the line, in one piece of memory: objects here are small, and a line is
/// read for each of thousands of checks.
using json = nlohmann::ordered_json;

inline constexpr std::size_t kDetailBytesMax = 300;
/// What a deadline or an elapsed time can be: 10 minutes is the longest session.
inline constexpr std::int64_t kMillisecondsMax = 600000;
inline constexpr std::size_t kMembersMax = 256;  ///< of one object

/// One line's object. Errc::worker_failed for a line above `bytes_max`, anything but one JSON
/// object, a key that stands twice, or nesting or as many values as no message of ours has.
Result<json> parse_line(std::string_view line, std::size_t bytes_max);

/// Writes one object as a line, member by member. Keys are literals that need no escape.
class LineWriter {
 public:
  LineWriter& object(std::string_view key);  ///< a member that is an object, until end()
  LineWriter& object();                      ///< the same, as an entry of a list
  LineWriter& list(std::string_view key);    ///< a member that is a list, until end()
  LineWriter& end();

  LineWriter& text(std::string_view key, std::string_view value);  ///< bytes not UTF-8: U+FFFD
  LineWriter& integer(std::string_view key, std::int64_t value);
  LineWriter& boolean(std::string_view key, bool value);
  LineWriter& texts(std::string_view key, const std::vector<std::string>& values);
  LineWriter& integers(std::string_view key, const std::vector<int>& values);

  /// The line with its LF; what is still open is closed.
  std::string line() &&;

 private:
  void next();
  void name(std::string_view key);
  void quote(std::string_view value);
  LineWriter& open(char opening, char closing);

  std::string out_ = "{";
  std::string closing_ = "}";
};

/// `text` with everything outside 0x20–0x7E as '?', cut at `bytes_max`.
std::string printable(std::string_view text, std::size_t bytes_max);

enum class Need { required, optional };

/// Reads the members of one object; keys and `path` are literals. The first fault is kept and
/// done() tells it; what is read after a fault means nothing.
class Members {
 public:
  Members(const json& object, std::string_view path);

  /// The member, counted as known; null where it is absent (a fault if it is required).
  const json* take(const char* key, Need need);
  void text(const char* key, Need need, std::size_t bytes_max, std::string& out);
  /// Only 0x20–0x7E.
  void printable_text(const char* key, Need need, std::size_t bytes_max, std::string& out);
  void boolean(const char* key, Need need, bool& out);
  void texts(const char* key, std::size_t count_max, std::size_t bytes_max,
             std::vector<std::string>& out);
  void milliseconds(const char* key, Need need, std::int64_t min, std::chrono::milliseconds& out);
  template <std::integral Int>
  void integer(const char* key, Need need, Int min, Int max, Int& out) {
    std::int64_t value = 0;
    if (!read_integer(key, need, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max),
                      value))
      return;
    out = static_cast<Int>(value);
  }
  void id(std::uint32_t& out) {
    integer<std::uint32_t>("id", Need::required, 0, std::numeric_limits<std::uint32_t>::max(), out);
  }

  void refuse(const char* key, std::string_view why);
  /// Errc::worker_failed with the first fault, an unknown key among them.
  Result<void> done() const;

 private:
  bool read_integer(const char* key, Need need, std::int64_t min, std::int64_t max,
                    std::int64_t& out);

  const json& object_;
  std::string_view path_;
  std::bitset<kMembersMax> taken_;
  std::string fault_;
};

}  // namespace hostspin::worker_lines
