#include "app_world.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "catch.h"

using namespace std::chrono_literals;

namespace hostspin::testing {
namespace {

std::string slurp(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
    text.push_back(static_cast<char>(c));
  return text;
}

}  // namespace

class TableSession final : public NetSession {
 public:
  explicit TableSession(TableWorker& table) : table_(table) {}

  Result<void> ask(const FetchRequest& request) override {
    table_.fetched_.push_back(request.url);
    NetResult result;
    FetchResult fetch;
    fetch.id = request.id;
    const auto broken = table_.broken_.find(request.url);
    const auto body = table_.bodies_.find(request.url);
    if (broken != table_.broken_.end()) {
      fetch.outcome = FetchOutcome::failed;
      fetch.reason = broken->second;
      fetch.detail = "the test broke it";
    } else if (body != table_.bodies_.end()) {
      fetch.outcome = FetchOutcome::ok;
      fetch.status = 200;
      fetch.body = body->second;
    } else {
      fetch.outcome = FetchOutcome::not_found;
      fetch.status = 404;
    }
    result.fetch = std::move(fetch);
    const bool last =
        std::find(table_.last_.begin(), table_.last_.end(), request.url) != table_.last_.end();
    if (request.at_once) {
      NetResult asked;
      asked.asked = WorkerAsked{request.id};
      put(std::move(asked), table_.start_delay_);
    }
    const auto delay = table_.delays_.find(request.url);
    if (last) {
      late_.push_back(std::move(result));
    } else {
      put(std::move(result),
          table_.start_delay_ + (delay == table_.delays_.end() ? 0ms : delay->second));
    }
    return {};
  }

  Result<void> ask(const ProbeRequest& request) override {
    ++table_.probes_;
    NetResult result;
    ProbeResult probe;
    probe.id = request.id;
    const auto verdict = table_.verdicts_.find(request.address.to_string());
    probe.verdict = verdict == table_.verdicts_.end() ? Verdict::ok : verdict->second;
    result.probe = std::move(probe);
    put(std::move(result), 0ms);
    return {};
  }

  Result<void> finish() override { return {}; }

  Result<NetResult> next(std::chrono::steady_clock::time_point limit) override {
    if (table_.on_wait) table_.on_wait();
    if (table_.dead_ || answered_++ == table_.answers_max_)
      return Error{Errc::worker_failed, "the worker died"};
    if (!queue_.empty() && queue_.begin()->first <= std::max(limit, now())) {
      table_.clock->sleep(std::max(queue_.begin()->first - now(), std::chrono::nanoseconds(0)));
      return std::move(queue_.extract(queue_.begin()).mapped());
    }
    if (queue_.empty() && !late_.empty()) {
      if (table_.before_last) table_.before_last();
      NetResult result = std::move(late_.front());
      late_.pop_front();
      return result;
    }
    table_.clock->sleep(std::max(limit - now(), std::chrono::nanoseconds(0)));
    return Error{Errc::timed_out, "nothing more comes"};
  }

 private:
  using Time = std::chrono::steady_clock::time_point;
  [[nodiscard]] Time now() const { return table_.clock->steady(); }
  void put(NetResult result, std::chrono::milliseconds delay) {
    queue_.emplace(now() + delay, std::move(result));
  }

  TableWorker& table_;
  std::size_t answered_ = 0;
  std::multimap<Time, NetResult> queue_;  // by when it comes, then in the order asked
  std::deque<NetResult> late_;
};

Result<std::unique_ptr<NetSession>> TableWorker::start_net(const SessionStart&) {
  if (missing_) return Error{Errc::worker_failed, "there is no worker"};
  return std::unique_ptr<NetSession>(std::make_unique<TableSession>(*this));
}

Result<std::unique_ptr<AskSession>> TableWorker::start_ask(std::chrono::milliseconds) {
  return Error{Errc::worker_failed, "this network has no resolver"};
}

AppWorld::AppWorld() : out_(std::tmpfile()), err_(std::tmpfile()) {
  std::string pattern = std::filesystem::temp_directory_path() / "hostspin-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr || out_ == nullptr || err_ == nullptr) std::abort();
  directory_ = pattern;
  console_ = std::make_unique<Console>(out_, err_);
  options.root = directory_;
  net.clock = &clock;
  write("/etc/hosts", "127.0.0.1\tlocalhost\n");
  write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  write("/etc/hostspin/root.note", fleet.sign(root()));
  write("/etc/hostspin/hostspin.toml", "[[source]]\nurl = \"" + std::string(kSourceURL) +
                                           "\"\nca = \"" + directory_ + "/ca.pem\"\n");
  write("/ca.pem", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
}

AppWorld::~AppWorld() {
  std::error_code ignored;  // a scratch directory that stays behind fails no test
  std::filesystem::remove_all(directory_, ignored);
  std::fclose(out_);
  std::fclose(err_);
}

void AppWorld::write(const std::string& path, const std::string& bytes) {
  const std::filesystem::path file = directory_ + path;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string AppWorld::read(const std::string& path) const {
  std::ostringstream text;
  text << std::ifstream(directory_ + path, std::ios::binary).rdbuf();
  return text.str();
}

bool AppWorld::exists(const std::string& path) const {
  return std::filesystem::exists(directory_ + path);
}

void AppWorld::erase(const std::string& path) { std::filesystem::remove_all(directory_ + path); }

std::map<std::string, std::string> AppWorld::state() const {
  std::map<std::string, std::string> files;
  const std::string base = directory_ + "/var/lib/hostspin";
  if (!std::filesystem::exists(base)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
    if (!entry.is_regular_file() || entry.path().filename() == "status.json") continue;
    files[entry.path().string().substr(base.size())] =
        read(entry.path().string().substr(directory_.size()));
  }
  return files;
}

RootText AppWorld::root(std::int64_t version) const {
  RootText text = fleet.root(version);
  text.issued = "2150-01-01T00:00:00Z";
  text.expires = "2151-01-01T00:00:00Z";
  return text;
}

ManifestText AppWorld::manifest(std::int64_t version) const {
  ManifestText text = fleet.manifest(version);
  text.issued = "2150-02-01T00:00:00Z";
  text.expires = "2150-03-01T00:00:00Z";
  return text;
}

Result<Lock> AppWorld::take_lock() {
  return Lock::take(fs_, clock, options.root, std::chrono::milliseconds(0));
}

Env AppWorld::env() { return Env{fs_, clock, net, *console_}; }

ExitCode AppWorld::apply(const ApplyOptions& apply) {
  Env env = this->env();
  return command_apply(env, options, apply);
}

ExitCode AppWorld::probe() {
  Env env = this->env();
  return command_agent_probe(env, options);
}

ExitCode AppWorld::status() {
  Env env = this->env();
  return command_status(env, options);
}

ExitCode AppWorld::reload() {
  Env env = this->env();
  return command_agent_settings(env, options, {});
}

ExitCode AppWorld::refresh(const RefreshOptions& refresh) {
  Env env = this->env();
  return command_refresh(env, options, refresh);
}

ExitCode AppWorld::remove(const RemoveOptions& remove) {
  Env env = this->env();
  return command_remove(env, options, remove);
}

ExitCode AppWorld::release() {
  Env env = this->env();
  return command_release(env, options);
}

ExitCode AppWorld::verify(VerifyOptions verify) {
  Env env = this->env();
  verify.no_resolver = true;
  return command_verify(env, options, verify);
}

ExitCode AppWorld::trust_reset() {
  Env env = this->env();
  return command_trust_reset(env, options, true);
}

ExitCode AppWorld::diff(const std::string& note) {
  Env env = this->env();
  return command_diff(env, options, note.empty() ? note : directory_ + note);
}

std::string AppWorld::out() { return slurp(out_); }
std::string AppWorld::err() { return slurp(err_); }

void AppWorld::forget_output() {
  for (std::FILE* file : {out_, err_}) {
    std::rewind(file);
    if (ftruncate(fileno(file), 0) != 0) std::abort();
  }
}

void adopt(AppWorld& world, int version) {
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(version)));
  REQUIRE(world.refresh() == ExitCode::ok);
  world.forget_output();
}

}  // namespace hostspin::testing
