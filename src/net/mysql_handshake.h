#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hostspin/worker_lines.h"

namespace hostspin {

/// A client's half of one MySQL login without a password (protocol version 10, as MySQL and MariaDB
/// speak it): bytes in, bytes out, no socket. Carried through to its end, because a server counts
/// every connection that ends before its login is judged, and blocks a host that has made many.
class MysqlHandshake {
 public:
  explicit MysqlHandshake(std::string user) : user_(std::move(user)) {}

  /// Takes what the server sent, in pieces of any size; nothing more once it is finished.
  void take(std::string_view bytes);
  /// What is to be sent now, once.
  [[nodiscard]] std::string take_output();

  [[nodiscard]] bool finished() const { return state_ == State::finished; }
  /// Of a finished one: ok, mysql_blocked, mysql_full or mysql_bad, and why.
  [[nodiscard]] Verdict verdict() const { return verdict_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  /// What an unfinished one waits for: "greeting", "answer to the login".
  [[nodiscard]] std::string_view awaited() const;
  /// How much of what was awaited has arrived.
  [[nodiscard]] std::size_t pending() const { return input_.size(); }

 private:
  enum class State { greeting, login, finished };

  void take_packet(std::string_view payload);
  void take_greeting(std::string_view payload);
  void take_answer(std::string_view payload);
  void take_error(std::string_view payload);
  void switch_plugin(std::string_view payload);
  void send(std::string_view payload);
  void finish(Verdict verdict, std::string detail);
  void finish_no_mysql();

  const std::string user_;
  State state_ = State::greeting;
  std::string input_;
  std::string output_;
  std::string version_;  // the server's
  std::string plugin_;   // which the server judges the login by
  std::uint8_t sequence_ = 0;
  int rounds_ = 0;
  Verdict verdict_ = Verdict::mysql_bad;
  std::string detail_;
};

}  // namespace hostspin
