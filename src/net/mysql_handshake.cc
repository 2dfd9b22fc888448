#include "mysql_handshake.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace hostspin {
namespace {

constexpr std::size_t kHeaderBytes = 4;  // three of the length, one of the sequence
// Of a greeting and whatever answers a login, which have some hundred bytes.
constexpr std::size_t kPacketBytesMax = 2048;
constexpr int kRoundsMax = 6;  // of questions about the login
constexpr std::size_t kShownBytes = 80;
constexpr std::size_t kVersionBytes = 40;

constexpr char kProtocolVersion = 10;
constexpr char kOk = '\x00';
constexpr char kMoreData = '\x01';
constexpr char kSwitchPlugin = '\xfe';
constexpr char kError = '\xff';

constexpr std::uint32_t kLongPassword = 0x1;
constexpr std::uint32_t kProtocol41 = 0x200;
constexpr std::uint32_t kSecureConnection = 0x8000;  // the scramble has a length
constexpr std::uint32_t kPluginAuth = 0x80000;
constexpr std::uint32_t kPacketMax = 0x10000;
constexpr char kCharacterSet = 33;  // utf8, which every version knows
constexpr std::string_view kPlugin = "mysql_native_password";
constexpr std::string_view kQuit("\x01\x00\x00\x00\x01", 5);  // COM_QUIT, a packet of its own

constexpr int kTooManyConnections = 1040;
constexpr int kHostBlocked = 1129;
// The server has judged the login of this user and says no, which it would not if it were ill:
// access denied, by password or by plugin; the user's own limits; an account that is locked, or
// whose password has expired; TLS demanded of every client.
constexpr std::array kLoginsRefused{1045, 1698, 1203, 1226, 1862, 3118, 3159, 4151};

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = count; i-- > 0;) {
    number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

void append_number(std::string& bytes, std::uint32_t number, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    bytes += static_cast<char>(number >> (8 * i) & 0xffU);
  }
}

/// The text up to a zero byte; none where there is no zero byte.
std::optional<std::string_view> text_at(std::string_view bytes, std::size_t at) {
  const std::size_t end = bytes.find('\0', at);
  if (end == std::string_view::npos) return std::nullopt;
  return bytes.substr(at, end - at);
}

/// What a client without a password says to a plugin. One that is told something of the wrong
/// length calls the handshake broken, which counts towards the block.
std::string empty_proof(std::string_view plugin, bool asked_before) {
  constexpr std::size_t kEd25519 = 64;
  constexpr std::size_t kParsec = 32 + 64;
  if (plugin == "client_ed25519") return std::string(kEd25519, '\0');
  if (plugin == "parsec") return asked_before ? std::string(kParsec, '\0') : std::string();
  const bool wants_zero = plugin == "caching_sha2_password" || plugin == "sha256_password" ||
                          plugin == "mysql_clear_password";
  return wants_zero ? std::string(1, '\0') : std::string();
}

}  // namespace

void MysqlHandshake::take(std::string_view bytes) {
  if (finished()) return;
  // No more than a packet: what lies behind it is taken in the next turn of the loop.
  while (!finished()) {
    const std::size_t room = kHeaderBytes + kPacketBytesMax - input_.size();
    const std::size_t taken = std::min(room, bytes.size());
    input_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    if (input_.size() < kHeaderBytes) return;
    const std::size_t length = number_at(input_, 0, 3);
    if (length > kPacketBytesMax) return finish_no_mysql();
    if (input_.size() < kHeaderBytes + length) return;
    const std::string payload = input_.substr(kHeaderBytes, length);
    // Servers that refuse before they greet differ in where they begin to count.
    const bool counts = payload.empty() || payload.front() != kError;
    if (counts && number_at(input_, 3, 1) != sequence_) return finish_no_mysql();
    ++sequence_;
    take_packet(payload);
    if (!finished()) input_.erase(0, kHeaderBytes + length);
  }
}

std::string MysqlHandshake::take_output() { return std::exchange(output_, {}); }

std::string_view MysqlHandshake::awaited() const {
  return state_ == State::greeting ? "greeting" : "answer to the login";
}

void MysqlHandshake::take_packet(std::string_view payload) {
  if (payload.empty()) return finish_no_mysql();
  if (payload.front() == kError) return take_error(payload);
  if (state_ == State::greeting) return take_greeting(payload);
  take_answer(payload);
}

// Protocol::HandshakeV10: version, text, thread, 8 bytes of scramble, a filler, capabilities; and,
// from 4.1 on, more that needs no look.
void MysqlHandshake::take_greeting(std::string_view payload) {
  constexpr std::size_t kThreadAndScramble = 4 + 8 + 1;
  if (payload.front() != kProtocolVersion) return finish_no_mysql();
  const std::optional<std::string_view> version = text_at(payload, 1);
  if (!version) return finish_no_mysql();
  const std::size_t low = 1 + version->size() + 1 + kThreadAndScramble;
  constexpr std::size_t kHighAfter = 2 + 1 + 2;  // after the low half, character set and status
  if (payload.size() < low + 2) return finish_no_mysql();
  version_ = quoted(*version, kVersionBytes);
  std::uint32_t capabilities = number_at(payload, low, 2);
  if (payload.size() >= low + kHighAfter + 2) {
    capabilities |= number_at(payload, low + kHighAfter, 2) << 16U;
  }
  if ((capabilities & kProtocol41) == 0) {
    return finish(Verdict::mysql_bad, "its version " + version_ + " is older than 4.1");
  }
  // Protocol::HandshakeResponse41 with an empty proof.
  const std::uint32_t plugins = capabilities & kPluginAuth;
  std::string response;
  append_number(response, kLongPassword | kProtocol41 | kSecureConnection | plugins, 4);
  append_number(response, kPacketMax, 4);
  response += kCharacterSet;
  response.append(23, '\0');
  response.append(user_).append(1, '\0');
  response.append(1, '\0');  // the proof's length
  plugin_ = kPlugin;
  if (plugins != 0) response.append(kPlugin).append(1, '\0');
  state_ = State::login;
  send(response);
}

void MysqlHandshake::take_answer(std::string_view payload) {
  switch (payload.front()) {
    case kOk:
      finish(Verdict::ok, "version " + version_ + ", user " + quoted(user_) + " logs in");
      output_ += kQuit;
      return;
    case kSwitchPlugin:
      return switch_plugin(payload);
    case kMoreData:
      if (++rounds_ > kRoundsMax) return finish_no_mysql();
      return send(empty_proof(plugin_, true));
    default:
      return finish_no_mysql();
  }
}

// Protocol::AuthSwitchRequest; without a name it means the plugin of before 4.1.
void MysqlHandshake::switch_plugin(std::string_view payload) {
  if (++rounds_ > kRoundsMax) return finish_no_mysql();
  plugin_ = payload.size() > 1 ? text_at(payload, 1).value_or(payload.substr(1)) : "";
  send(empty_proof(plugin_, false));
}

// ERR_Packet: 0xff, two bytes of number, '#' and five of SQLSTATE where there is one, text.
void MysqlHandshake::take_error(std::string_view payload) {
  constexpr std::size_t kNumberEnd = 3;
  constexpr std::size_t kStateBytes = 6;
  if (payload.size() < kNumberEnd) return finish_no_mysql();
  const int number = static_cast<int>(number_at(payload, 1, 2));
  std::string_view text = payload.substr(kNumberEnd);
  if (text.size() >= kStateBytes && text.front() == '#') text.remove_prefix(kStateBytes);
  const std::string error = "error " + std::to_string(number);
  const std::string told = error + ": " + quoted(text, kShownBytes);
  if (number == kHostBlocked) {
    return finish(Verdict::mysql_blocked, told + "; FLUSH HOSTS on the server lifts it");
  }
  if (number == kTooManyConnections) return finish(Verdict::mysql_full, told);
  const bool is_refusal =
      std::find(kLoginsRefused.begin(), kLoginsRefused.end(), number) != kLoginsRefused.end();
  if (is_refusal && state_ == State::login) {
    return finish(Verdict::ok,
                  "version " + version_ + ", refuses user " + quoted(user_) + " (" + error + ")");
  }
  finish(Verdict::mysql_bad, told);
}

void MysqlHandshake::send(std::string_view payload) {
  append_number(output_, static_cast<std::uint32_t>(payload.size()), 3);
  output_ += static_cast<char>(sequence_++);
  output_ += payload;
}

void MysqlHandshake::finish(Verdict verdict, std::string detail) {
  state_ = State::finished;
  verdict_ = verdict;
  detail_ = std::move(detail);
}

void MysqlHandshake::finish_no_mysql() {
  const bool greets = state_ == State::greeting;
  finish(Verdict::mysql_bad,
         (greets ? "its greeting is not MySQL's: " : "its answer to the login is not MySQL's: ") +
             quoted(input_, kShownBytes / 2));
}

}  // namespace hostspin
