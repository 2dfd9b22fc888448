#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hostspin/crypto.h"
#include "hostspin/result.h"

namespace hostspin::desk {

inline constexpr int kSignerSecondsMax = 300;  ///< somebody may have to find and touch a token

/// Runs a program that signs: `words` are its arguments, no shell reads them. "{}" in a word stands
/// for the path of a regular file with exactly `text`; where there is none, the path is the last
/// argument. It keeps the terminal for its own questions. Its standard output is 64 raw bytes or
/// their base64. Errc::usage where it cannot be run, fails, or prints something else.
Result<Ed25519Signature> run_signer(const std::vector<std::string>& words, std::string_view text);

/// A signature file: signify's or minisign's (legacy, plain Ed25519), 64 raw bytes, or their
/// base64. Errc::usage, with the remedy for minisign's prehashed form.
Result<Ed25519Signature> read_signature(std::string_view bytes);

}  // namespace hostspin::desk
