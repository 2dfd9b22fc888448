#include <openssl/crypto.h>

#include "desk.h"

int main(int argc, char** argv) {
  // Before anything else would do without them: why a key cannot be read is told in these words.
  (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                            nullptr);
  return hostspin::run_desk(argc, argv);
}
