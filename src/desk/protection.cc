#include "protection.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstddef>

namespace hostspin::desk {
namespace {

// What a fleet of 32 new keys takes, twice over; a power of two, as OpenSSL wants it.
inline constexpr std::size_t kSecretHeapBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kSecretBytesMin = 32;

}  // namespace

void protect_process() {
  const struct rlimit none { 0, 0 };
  (void)::setrlimit(RLIMIT_CORE, &none);       // lowering a limit cannot fail
  (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // nor can this, with 0
  (void)CRYPTO_secure_malloc_init(kSecretHeapBytes, kSecretBytesMin);  // at worst as before
}

}  // namespace hostspin::desk
