#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "console.h"
#include "hostspin/result.h"
#include "option_set.h"
#include "passphrase.h"

namespace hostspin::desk {

// Exit codes, those of a Nagios plugin, as everywhere in hostspin.
inline constexpr int kFine = 0;
inline constexpr int kAttention = 1;  ///< works, but somebody should look
inline constexpr int kRefused = 2;    ///< clients would refuse it
inline constexpr int kNotJudged = 3;  ///< wrong use, no permission, no such file

/// What a command works with: one clock reading.
struct Desk {
  Console& console;
  std::chrono::sys_seconds now;
};

/// One command: its options, and what it does with them. run() gives the exit code; an Error ends
/// as kRefused if it is about a document's content, else as kNotJudged.
class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(OptionSet& options) = 0;
  virtual Result<int> run(Desk& desk) = 0;
};

struct CommandEntry {
  std::string_view name;  ///< "keygen", "root new"
  std::string_view help;  ///< the whole text of --help
  std::unique_ptr<Command> (*make)();
};

template <typename T>
std::unique_ptr<Command> make_command() {
  return std::make_unique<T>();
}

/// --passphrase-fd N, and where `for_new_keys` --no-passphrase.
struct PassphraseOptions {
  std::optional<std::int64_t> descriptor;
  bool none = false;

  void declare(OptionSet& options, bool for_new_keys);
  [[nodiscard]] PassphraseSource source() const;
};

extern const CommandEntry kKeygenCommand;
extern const CommandEntry kVkeyCommand;
extern const CommandEntry kInitCommand;
extern const CommandEntry kRootNewCommand;
extern const CommandEntry kRootNextCommand;
extern const CommandEntry kSignCommand;
extern const CommandEntry kCheckCommand;
extern const CommandEntry kBumpCommand;
extern const CommandEntry kDiffCommand;
extern const CommandEntry kTextCommand;
extern const CommandEntry kImportCommand;

}  // namespace hostspin::desk
