#include "verifier_argument.h"

#include <algorithm>

#include "desk_files.h"
#include "private_key.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kFileBytesMax = 16384;

/// `name+8 hex digits+base64`: no sensible path looks like it.
bool looks_like_key(const std::string& text) {
  const std::size_t first = text.find('+');
  if (first == std::string::npos) return false;
  return text.find('+', first + 1) == first + 9 && !exists(text);
}

}  // namespace

Result<VerifierKey> read_verifier_argument(const std::string& argument) {
  if (looks_like_key(argument)) return VerifierKey::parse(argument);

  const Result<std::string> bytes = read_document(argument, kFileBytesMax);
  if (!bytes) {
    Error error = bytes.error();
    error.hint = "give a verifier key, name+id+key, or a file that has one";
    return error;
  }
  std::string text = verifier_comment(*bytes);
  for (const std::string_view line : lines_of(*bytes)) {
    const std::string_view candidate = trim(line);
    if (text.empty() && !candidate.empty() && !candidate.starts_with('#')) text = candidate;
  }
  Result<VerifierKey> key = VerifierKey::parse(text);
  if (!key) return annotate(std::move(key).error(), quoted(argument));
  return key;
}

Result<KeyRing> read_key_ring(const std::vector<std::string>& arguments, std::int64_t threshold,
                              std::string_view role) {
  KeyRing ring;
  for (const std::string& argument : arguments) {
    Result<VerifierKey> key = read_verifier_argument(argument);
    if (!key) return annotate(std::move(key).error(), role);
    ring.keys.push_back(*std::move(key));
  }
  const auto usable = std::count_if(ring.keys.begin(), ring.keys.end(),
                                    [](const VerifierKey& key) { return !key.is_opaque(); });
  if (threshold < 1 || threshold > usable) {
    return {Errc::usage,
            std::string(role) + ": a threshold of " + std::to_string(threshold) +
                " cannot be met by " + count_of(static_cast<std::size_t>(usable), "key"),
            "name more keys, or a lower threshold"};
  }
  ring.threshold = static_cast<int>(threshold);
  return ring;
}

}  // namespace hostspin::desk
