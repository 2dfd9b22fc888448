#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "context.h"
#include "lock.h"
#include "posix_file_system.h"
#include "signing.h"
#include "worker.h"

namespace hostspin::testing {

/// A clock that stands still until a test moves it; sleeping moves it.
class SetClock final : public Clock {
 public:
  explicit SetClock(std::chrono::sys_seconds now) : now_(now) {}
  void set(std::chrono::sys_seconds now) { now_ = now; }
  [[nodiscard]] std::chrono::system_clock::time_point now() const override { return now_; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return steady_; }
  void sleep(std::chrono::nanoseconds time) override {
    steady_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
  }

 private:
  std::chrono::system_clock::time_point now_;
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
};

/// A network made of a table: what each URL answers at each address. What the table lacks is not
/// found. Answers come in the order of `order_last`: those whose URL it names come after all
/// others.
class TableWorker final : public Worker {
 public:
  void serve(const std::string& url, const std::string& body) { bodies_[url] = body; }
  void withdraw(const std::string& url) { bodies_.erase(url); }
  void break_url(const std::string& url, const std::string& reason) { broken_[url] = reason; }
  void mend_url(const std::string& url) { broken_.erase(url); }
  void answer_last(const std::string& url) { last_.push_back(url); }
  /// A URL is answered that long after it was asked; the clock below moves there.
  void answer_after(const std::string& url, std::chrono::milliseconds delay) {
    delays_[url] = delay;
  }
  /// It never is.
  void never_answer(const std::string& url) { delays_[url] = std::chrono::hours(1000); }
  /// What goes out at once goes out that late, as from a worker that is slow to start.
  void ask_after(std::chrono::milliseconds delay) { start_delay_ = delay; }
  SetClock* clock = nullptr;
  /// The verdict of every probe of an address.
  void set_verdict(const std::string& address, Verdict verdict) { verdicts_[address] = verdict; }
  void die() { dead_ = true; }
  /// Each session from now on answers so often, and then the worker dies.
  void die_after(std::size_t answers) { answers_max_ = answers; }
  void live() { answers_max_.reset(); }
  /// Called before answers of `order_last` come; what is done then, is done while a source is slow.
  std::function<void()> before_last;
  /// Called whenever the next answer is waited for: what the cycle has done by then can be seen.
  std::function<void()> on_wait;
  void refuse_to_start() { missing_ = true; }
  [[nodiscard]] const std::vector<std::string>& fetched() const { return fetched_; }
  [[nodiscard]] std::size_t probes() const { return probes_; }

  Result<std::unique_ptr<NetSession>> start_net(const SessionStart& start) override;
  Result<std::unique_ptr<AskSession>> start_ask(std::chrono::milliseconds deadline) override;

 private:
  friend class TableSession;
  std::map<std::string, std::string> bodies_;
  std::map<std::string, std::string> broken_;
  std::map<std::string, Verdict> verdicts_;
  std::map<std::string, std::chrono::milliseconds> delays_;
  std::chrono::milliseconds start_delay_{0};
  std::vector<std::string> last_;
  std::vector<std::string> fetched_;
  std::size_t probes_ = 0;
  std::optional<std::size_t> answers_max_;
  bool dead_ = false;
  bool missing_ = false;
};

/// One machine in a scratch directory, with a fleet's root baked in, a network that is a table, and
/// every command at hand.
class AppWorld {
 public:
  AppWorld();
  ~AppWorld();
  AppWorld(const AppWorld&) = delete;
  AppWorld& operator=(const AppWorld&) = delete;

  /// A file below the scratch root, by its absolute path there.
  void write(const std::string& path, const std::string& bytes);
  [[nodiscard]] std::string read(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
  void erase(const std::string& path);
  [[nodiscard]] std::string hosts() const { return read("/etc/hosts"); }
  /// Every file of the state directory but telemetry, by name, with its bytes.
  [[nodiscard]] std::map<std::string, std::string> state() const;

  ExitCode apply(const ApplyOptions& apply = {});
  ExitCode probe();
  ExitCode status();
  /// The agent's reading of its configuration.
  ExitCode reload();
  ExitCode refresh(const RefreshOptions& options = {});
  ExitCode remove(const RemoveOptions& options = {});
  ExitCode release();
  ExitCode verify(VerifyOptions options = {});
  ExitCode trust_reset();
  /// The note is a file below the scratch root.
  ExitCode diff(const std::string& note = "");

  /// As another hostspin that is at work, for as long as it lives.
  Result<Lock> take_lock();

  /// The fleet's documents in the year 2150: the clock rule believes no moment before this build's.
  [[nodiscard]] RootText root(std::int64_t version = 1) const;
  [[nodiscard]] ManifestText manifest(std::int64_t version) const;

  /// What the last command printed.
  [[nodiscard]] std::string out();
  [[nodiscard]] std::string err();
  void forget_output();

  TestFleet fleet;
  SetClock clock{at("2150-02-10T00:00:00Z")};
  TableWorker net;
  CommonOptions options;

 private:
  Env env();
  std::string directory_;
  PosixFileSystem fs_;
  std::FILE* out_;
  std::FILE* err_;
  std::unique_ptr<Console> console_;
};

inline constexpr const char* kSourceURL = "https://10.0.0.1/fleet";
inline const std::string kManifestURL = std::string(kSourceURL) + "/manifest.note";
inline std::string root_url(int version) {
  return std::string(kSourceURL) + "/root/" + std::to_string(version) + ".note";
}

/// The source offers that manifest from now on, and it is adopted.
void adopt(AppWorld& world, int version);

}  // namespace hostspin::testing
