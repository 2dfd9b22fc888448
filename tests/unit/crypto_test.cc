#include "hostspin/crypto.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::value_of;

namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

template <typename Array>
Array array_from_hex(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  Array array{};
  REQUIRE(bytes.size() == array.size());
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return array;
}

struct Rfc8032 {
  const char* seed;
  const char* public_key;
  std::string message;
  const char* signature;
};

/// RFC 8032 section 7.1, TEST 1, 2, 3, SHA(abc); and TEST 1024 by its parts below.
std::vector<Rfc8032> rfc8032() {
  return {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
      {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
       "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
       "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
       "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
  };
}

/// What a child prints of the verdicts that must not depend on its surroundings.
const char* const kProbeTest = "a child's verdicts for the surroundings test";

int run_child(const std::vector<std::string>& environment) {
  std::vector<std::string> arguments = {"unit_tests", kProbeTest};
  std::vector<char*> argv;
  for (std::string& one : arguments) argv.push_back(one.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = environment;
  std::vector<char*> envp;
  for (std::string& one : variables) envp.push_back(one.data());
  envp.push_back(nullptr);

  const pid_t child = fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);  // and not stdio, whose buffer is the parent's
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0) _exit(126);
    execve("/proc/self/exe", argv.data(), envp.data());
    _exit(127);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("RFC 8032 section 7.1: signatures verify, and no longer with one bit changed",
          "[crypto]") {
  for (const Rfc8032& vector : rfc8032()) {
    CAPTURE(vector.public_key);
    const auto seed = array_from_hex<Sha256>(vector.seed);
    const auto key = array_from_hex<Ed25519PublicKey>(vector.public_key);
    const auto signature = array_from_hex<Ed25519Signature>(vector.signature);
    const std::string message = from_hex(vector.message);
    CHECK(testing::public_key_of_seed(seed) == key);
    CHECK(testing::sign_with_seed(seed, message) == signature);
    CHECK(verify_ed25519(key, message, signature));

    CHECK_FALSE(verify_ed25519(key, message + " ", signature));
    for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
      Ed25519Signature changed = signature;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
      REQUIRE_FALSE(verify_ed25519(key, message, changed));
    }
    for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
      Ed25519PublicKey changed = key;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
      REQUIRE_FALSE(verify_ed25519(changed, message, signature));
    }
  }
}

TEST_CASE("RFC 8032 section 7.1, TEST 1024: a message of 1,023 bytes", "[crypto]") {
  const auto key = array_from_hex<Ed25519PublicKey>(
      "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e");
  const auto signature = array_from_hex<Ed25519Signature>(
      "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
      "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03");
  const std::string message = from_hex(
      "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98"
      "fa6e264bf09efe12ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d8"
      "79de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d"
      "658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc"
      "1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4fe"
      "ba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e"
      "06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbef"
      "efd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7"
      "aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
      "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2"
      "d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
      "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270"
      "88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc"
      "2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b07"
      "07e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba"
      "b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51a"
      "ddd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429e"
      "c96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
      "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c"
      "42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8"
      "ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
      "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
      "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649"
      "de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4"
      "88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3"
      "2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e"
      "6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
      "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b5"
      "0d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1"
      "369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d"
      "b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c"
      "0618983f8741c5ef68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0");
  REQUIRE(message.size() == 1023);
  CHECK(verify_ed25519(key, message, signature));
  CHECK_FALSE(verify_ed25519(key, message.substr(1), signature));
}

// Where verifiers differ; a fleet's hosts must all say the same, whichever release of the library
// is compiled in.
TEST_CASE("the equation has no cofactor, and R is of no small order", "[crypto]") {
  struct Case {
    const char* key;
    const char* signature;
    bool openssl;
  };
  const std::vector<Case> cases = {
      // A key with a part of small order: an equation with the cofactor would take this.
      {"359dbf604a3b3bedc20d5408b9d4770fbe52c922979b3178d02ab8d41c9c3a4e",
       "5866666666666666666666666666666666666666666666666666666666666666"
       "661f72d6cc5b3c29afefb9586acce9fc58cf63e39a2928f52fb88d474443fa06",
       false},
      // A good key, and the neutral element for R.
      {"b862409fb5c4c4123df2abf7462b88f041ad36dd6864ce872fd5472be363c5b1",
       "0100000000000000000000000000000000000000000000000000000000000000"
       "ff9f21ea3158363e93b54a0fcb6465f6fc4732cbf1854b56804ac5f7e5fef103",
       true},
  };
  for (const Case& one : cases) {
    CAPTURE(one.key);
    const auto key = array_from_hex<Ed25519PublicKey>(one.key);
    const auto signature = array_from_hex<Ed25519Signature>(one.signature);
    CHECK(testing::openssl_verifies(key, "hello", signature) == one.openssl);
    CHECK_FALSE(verify_ed25519(key, "hello", signature));
  }
}

TEST_CASE("FIPS 180-4: SHA-256 of nothing, of abc, of a million letters", "[crypto]") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256(std::string(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Run by the test below in a process of its own, which begins in its surroundings.
TEST_CASE("a child's verdicts for the surroundings test", "[.surroundings]") {
  const TrustRoot root = value_of(open_baked_root(testing::read_vector("root/good-1.note")));
  CHECK(root.document().issued == testing::at("2026-01-01T00:00:00Z"));
  CHECK(root.document().fleet == "test.example");
  CHECK(admit_manifest(testing::read_vector("manifest/good-checks.note"), root));
  CHECK(testing::code_of(admit_manifest(
            testing::read_vector("manifest/bad-signed-by-one.too_few_signatures.note"), root)) ==
        Errc::too_few_signatures);
}

TEST_CASE("verdicts do not depend on locale or time zone", "[crypto]") {
  for (const char* const variable :
       {"TZ=Pacific/Kiritimati", "TZ=:/nonexistent", "LC_ALL=tr_TR.UTF-8", "LC_ALL=ar_EG.UTF-8",
        "LANG=de_DE.ISO-8859-1"}) {
    INFO(variable);
    CHECK(run_child({variable}) == 0);
  }
  CHECK(run_child({}) == 0);
}

}  // namespace hostspin
