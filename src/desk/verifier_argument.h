#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/note.h"
#include "hostspin/result.h"

namespace hostspin::desk {

/// A verifier key given on the command line: the key itself, or a file that has it on a line of its
/// own or, as private key files do, in a comment. Errc::bad_key or the file's trouble.
Result<VerifierKey> read_verifier_argument(const std::string& argument);

/// Several, with a threshold that they can meet. Errc::usage.
Result<KeyRing> read_key_ring(const std::vector<std::string>& arguments, std::int64_t threshold,
                              std::string_view role);

}  // namespace hostspin::desk
