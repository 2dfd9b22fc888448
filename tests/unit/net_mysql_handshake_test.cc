// Every server of ../vectors/mysql ends with the verdict that its file's name has.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "catch.h"
#include "mysql_handshake.h"

using namespace hostspin;

namespace {

const std::filesystem::path kFolder = std::filesystem::path(HOSTSPIN_VECTORS) / "mysql";

std::string bytes_of(const std::string& name) {
  std::ifstream file(kFolder / name, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Talk {
  std::string verdict = "open";
  std::string detail;
  std::string said;
};

Talk talk(const std::string& bytes, std::size_t piece) {
  MysqlHandshake handshake("hostspin");
  Talk done;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    handshake.take(std::string_view(bytes).substr(at, piece));
    done.said += handshake.take_output();
  }
  if (handshake.finished()) done.verdict = verdict_name(handshake.verdict());
  done.detail = handshake.detail();
  return done;
}

Talk talk_with(const std::string& name) {
  const std::string bytes = bytes_of(name);
  return talk(bytes, bytes.size());
}

const std::string kQuit("\x01\x00\x00\x00\x01", 5);

}  // namespace

TEST_CASE("each MySQL server has its verdict, however its bytes are cut", "[mysql]") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string verdict = entry.path().stem().extension().string().substr(1);
    const std::string bytes = bytes_of(entry.path().filename());
    for (const std::size_t piece : {bytes.size() + 1, std::size_t{1}, std::size_t{5}}) {
      CAPTURE(entry.path().filename(), piece);
      CHECK(talk(bytes, piece).verdict == verdict);
    }
    ++count;
  }
  CHECK(count >= 40);
}

TEST_CASE("a login has a user, no password, and an end", "[mysql]") {
  const std::string said = talk_with("login.ok.bin").said;
  CHECK(said.substr(3, 1) == std::string(1, '\1'));  // the packet after the greeting
  CHECK(said.find(std::string("hostspin\0\0mysql_native_password\0", 32)) != std::string::npos);
  CHECK(said.substr(said.size() - kQuit.size()) == kQuit);
  // A refused login is over already.
  const std::string refused = talk_with("denied.ok.bin").said;
  CHECK(refused + kQuit == said);
}

TEST_CASE("each way to judge a login is told as much as it reads", "[mysql]") {
  const auto last = [](const std::string& name, std::size_t size) {
    const std::string said = talk_with(name).said;
    REQUIRE(said.size() > size + 4);
    return static_cast<unsigned char>(said[said.size() - size - 4]) == size;
  };
  CHECK(last("switch-old.ok.bin", 0));
  CHECK(last("switch-ed25519.ok.bin", 64));
  CHECK(last("switch-parsec.ok.bin", 96));
  CHECK(last("switch-unknown.ok.bin", 0));
}

TEST_CASE("a refusal names the user, the version and the error", "[mysql]") {
  CHECK(talk_with("denied.ok.bin").detail ==
        "version '10.11.6-MariaDB', refuses user 'hostspin' (error 1045)");
  CHECK(talk_with("login.ok.bin").detail == "version '10.11.6-MariaDB', user 'hostspin' logs in");
}

TEST_CASE("what is no MySQL is shown, and so is what a server says", "[mysql]") {
  CHECK(talk_with("ssh.mysql_bad.bin").detail.find("SSH-2.0-OpenSSH") != std::string::npos);
  CHECK(talk_with("host-not-allowed.mysql_bad.bin").detail.find("error 1130: ") == 0);
  CHECK(talk_with("before-4.1.mysql_bad.bin").detail.find("3.23.58") != std::string::npos);
  const std::string blocked = talk_with("blocked.mysql_blocked.bin").detail;
  CHECK(blocked.find("error 1129: ") == 0);
  CHECK(blocked.find("FLUSH HOSTS") != std::string::npos);
}
