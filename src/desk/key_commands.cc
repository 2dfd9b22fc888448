#include "command.h"
#include "desk_files.h"
#include "key_name.h"
#include "private_key.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kPublicKeyBytesMax = 4096;

constexpr std::string_view kKeygenHelp =
    R"(Make an Ed25519 signing key.

Usage: hostspin-sign keygen NAME -o KEY [--passphrase-fd N | --no-passphrase]

NAME names the signer for as long as the key lives, as in example.com/root/alice; letters, digits
and . _ / - are allowed. The private key goes to KEY: a new file that only you can read, encrypted
under a passphrase that is asked for twice. Its verifier key, which is public, goes to standard
output: whoever makes the root needs that line, and nothing else.

  -o, --out KEY        the new private key; an existing file is never overwritten
  --passphrase-fd N    read the passphrase from descriptor N, up to the end of its first line
  --no-passphrase      leave the private key unencrypted

Examples
  hostspin-sign keygen example.com/root/alice -o alice.key > alice.vkey
  hostspin-sign keygen example.com/ci -o ci.key --passphrase-fd 3 3< passphrase.txt

KEY is PKCS#8 in PEM: 'openssl pkey -in KEY' reads it too. A comment line in it carries the verifier
key, so 'grep verifier KEY' shows it again.
)";

constexpr std::string_view kVkeyHelp =
    R"(Print the verifier key of a public key that is kept elsewhere.

Usage: hostspin-sign vkey NAME FILE

FILE holds an Ed25519 public key: PEM or DER as openssl, HSMs and cloud key services give it, the
.pub file of signify or minisign, or 32 bytes, raw or in base64. '-' is standard input.

Examples
  openssl pkey -in hsm.pem -pubout | hostspin-sign vkey example.com/root/hsm -
  aws kms get-public-key --key-id ID --query PublicKey --output text |
      hostspin-sign vkey example.com/root/kms -
  hostspin-sign vkey example.com/ops/bob minisign.pub
)";

Result<void> check_key_name(const std::string& name) {
  if (is_key_name(name)) return {};
  return {Errc::usage, quoted(name) + " cannot name a key",
          "use 1 to 128 letters, digits and . _ / -, as in example.com/root/alice"};
}

class Keygen : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("NAME", name_);
    options.required("-o,--out", path_);
    passphrase_.declare(options, true);
  }

  Result<int> run(Desk& desk) override {
    Result<void> good = check_key_name(name_);
    if (!good) return std::move(good).error();
    if (exists(path_)) {  // before a passphrase is typed for nothing
      return {Errc::usage, quoted(path_) + " exists already and is never overwritten",
              "name another file with -o, or move that one away first"};
    }
    std::optional<Secret> passphrase;
    if (!passphrase_.none) {
      Result<Secret> asked = ask_new_passphrase(passphrase_.source(), quoted(path_));
      if (!asked) return std::move(asked).error();
      passphrase = std::move(*asked);
    }
    const Result<SigningKey> key =
        make_signing_key(path_, name_, passphrase ? &*passphrase : nullptr);
    if (!key) return key.error();
    desk.console.result(key->verifier.text() + "\n");
    desk.console.note("private key: " + path_ +
                      (passphrase_.none ? " (not encrypted)" : " (encrypted)"));
    return kFine;
  }

 private:
  std::string name_;
  std::string path_;
  PassphraseOptions passphrase_;
};

class Vkey : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("NAME", name_);
    options.argument("FILE", path_);
  }

  Result<int> run(Desk& desk) override {
    Result<void> good = check_key_name(name_);
    if (!good) return std::move(good).error();
    const Result<std::string> bytes = read_document(path_, kPublicKeyBytesMax);
    if (!bytes) return bytes.error();
    Result<Ed25519PublicKey> key = read_public_key(*bytes);
    if (!key) return annotate(std::move(key).error(), shown_path(path_));
    Result<VerifierKey> verifier = VerifierKey::from_public_key(name_, *key);
    if (!verifier) return std::move(verifier).error();
    desk.console.result(verifier->text() + "\n");
    return kFine;
  }

 private:
  std::string name_;
  std::string path_;
};

}  // namespace

const CommandEntry kKeygenCommand{"keygen", kKeygenHelp, make_command<Keygen>};
const CommandEntry kVkeyCommand{"vkey", kVkeyHelp, make_command<Vkey>};

}  // namespace hostspin::desk
