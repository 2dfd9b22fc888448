#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hostspin/result.h"
#include "secret.h"

namespace hostspin::desk {

inline constexpr std::size_t kPassphraseBytesMax = 1024;

/// How a command was told to get a passphrase: from a descriptor, or else from the terminal.
struct PassphraseSource {
  std::optional<int> descriptor;
};

/// For an existing key. `what` names it in the prompt.
Result<Secret> ask_passphrase(const PassphraseSource& source, std::string_view what);

/// For a new key: twice on a terminal, never empty.
Result<Secret> ask_new_passphrase(const PassphraseSource& source, std::string_view what);

}  // namespace hostspin::desk
