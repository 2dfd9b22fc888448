#include "worker_process.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "program_paths.h"
#include "worker_process_stream.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long a worker may take to close its output after its end line.
constexpr milliseconds kEndLimit{1000};

/// What is common to both conversations: how many answers are due, and how the end must look.
class Conversation {
 public:
  Conversation(WorkerStream stream, steady_clock::time_point deadline, bool may_lack_libc)
      : stream_(std::move(stream)), deadline_(deadline), may_lack_libc_(may_lack_libc) {}

  Result<void> send(std::string_view line) { return stream_.send(line); }
  Result<void> finish() { return stream_.finish(); }
  Error fail(std::string detail) { return stream_.fail(std::move(detail)); }

  /// One line while the worker has more to say; after its end line an empty optional, once.
  Result<std::optional<std::string>> next(steady_clock::time_point limit) {
    if (over_) return {Errc::internal, "the conversation with " + stream_.name() + " is over"};
    if (ended_) return await_close(limit);
    Result<std::optional<std::string>> line = stream_.next_line(limit);
    if (line && !*line) {
      const std::string ending = stream_.await_exit();
      // A loader's word, such as musl's, for a program that it cannot link; no worker ends so
      // itself.
      if (may_lack_libc_ && ending == "exited with status 127") {
        (void)stream_.fail(ending);
        return {Errc::not_found, "cannot run " + stream_.name() + ": no glibc here"};
      }
      return stream_.fail("stopped without its end line: it " + ending);
    }
    return line;
  }

  /// The end line was read, with `unanswered` requests open.
  Result<std::optional<std::string>> end(std::size_t unanswered, steady_clock::time_point limit) {
    // Only its deadline excuses a worker: it cannot answer what it had no time to read.
    if (unanswered != 0 && steady_clock::now() < deadline_) {
      return stream_.fail("ended with " + std::to_string(unanswered) + " requests unanswered");
    }
    ended_ = true;
    close_by_ = steady_clock::now() + kEndLimit;
    return await_close(limit);
  }

 private:
  /// Nothing may follow the end line.
  Result<std::optional<std::string>> await_close(steady_clock::time_point limit) {
    Result<std::optional<std::string>> line = stream_.next_line(std::min(limit, close_by_));
    if (line && *line) return stream_.fail("wrote on after its end line");
    const bool is_slow = !line && line.error().code == Errc::timed_out;
    if (is_slow && steady_clock::now() < close_by_) return line;
    if (!line && !is_slow) return line;
    // All was answered; one that lingers is just not waited for.
    over_ = true;
    stream_.kill_now();
    return std::optional<std::string>();
  }

  WorkerStream stream_;
  steady_clock::time_point deadline_;
  bool may_lack_libc_;
  steady_clock::time_point close_by_;
  bool ended_ = false;
  bool over_ = false;
};

Result<void> check_room(std::size_t asked) {
  if (asked < kWorkerRequestsMax) return {};
  return {Errc::usage,
          "more than " + std::to_string(kWorkerRequestsMax) + " requests in one session"};
}

std::string id_text(std::uint32_t id) { return "id " + std::to_string(id); }

class ProcessNetSession : public NetSession {
 public:
  explicit ProcessNetSession(Conversation talk) : talk_(std::move(talk)) {}

  Result<void> ask(const FetchRequest& request) override {
    Result<void> sent = ask(fetches_, request.id, request.body_bytes_max, encode(request));
    if (sent && request.at_once) unasked_.insert(request.id);
    return sent;
  }
  Result<void> ask(const ProbeRequest& request) override {
    return ask(probes_, request.id, 0, encode(request));
  }
  Result<void> finish() override { return talk_.finish(); }

  Result<NetResult> next(steady_clock::time_point limit) override {
    NetResult result;
    Result<std::optional<std::string>> line = talk_.next(limit);
    if (!line) return line.error();
    if (*line) {
      Result<NetResult> decoded = decode_net_result(**line);
      if (!decoded) return talk_.fail("left the protocol: " + decoded.error().detail);
      result = *std::move(decoded);
      const Result<void> checked = check(result);
      if (!checked) return checked.error();
      if (!result.end) return result;
      line = talk_.end(fetches_.size() + probes_.size(), limit);
      if (!line) return line.error();
    }
    result.end = true;
    return result;
  }

 private:
  /// Unanswered ids, each with the largest body that was allowed.
  using Open = std::unordered_map<std::uint32_t, std::size_t>;

  Result<void> ask(Open& open, std::uint32_t id, std::size_t body_bytes_max,
                   const std::string& line) {
    Result<void> room = check_room(asked_);
    if (!room) return room;
    if (!open.emplace(id, body_bytes_max).second) {
      return {Errc::internal, id_text(id) + " is asked twice"};
    }
    Result<void> sent = talk_.send(line);
    if (!sent) open.erase(id);
    if (sent) ++asked_;
    return sent;
  }

  Result<void> check(const NetResult& result) {
    if (result.notice && ++notices_ > kWorkerNoticesMax) return talk_.fail("sent too many notices");
    if (result.probe && probes_.erase(result.probe->id) == 0) {
      return talk_.fail("answered a probe that is not open: " + id_text(result.probe->id));
    }
    if (result.asked && unasked_.erase(result.asked->id) == 0) {
      return talk_.fail("asked what it was not to ask: " + id_text(result.asked->id));
    }
    if (!result.fetch) return {};
    const Open::iterator open = fetches_.find(result.fetch->id);
    if (open == fetches_.end()) {
      return talk_.fail("answered a fetch that is not open: " + id_text(result.fetch->id));
    }
    if (result.fetch->body.size() > open->second) {
      return talk_.fail("sent more bytes than were asked for: " + id_text(result.fetch->id));
    }
    fetches_.erase(open);
    unasked_.erase(result.fetch->id);
    return {};
  }

  Conversation talk_;
  Open fetches_;
  Open probes_;
  std::unordered_set<std::uint32_t> unasked_;  ///< fetches at once that have not gone out yet
  std::size_t asked_ = 0;
  int notices_ = 0;
};

class ProcessAskSession : public AskSession {
 public:
  explicit ProcessAskSession(Conversation talk) : talk_(std::move(talk)) {}

  Result<void> ask(const AskRequest& request) override {
    Result<void> room = check_room(asked_);
    if (!room) return room;
    if (!open_.emplace(request.id, request).second) {
      return {Errc::internal, id_text(request.id) + " is asked twice"};
    }
    Result<void> sent = talk_.send(encode(request));
    if (!sent) open_.erase(request.id);
    if (sent) ++asked_;
    return sent;
  }
  Result<void> finish() override { return talk_.finish(); }

  Result<AskOutput> next(steady_clock::time_point limit) override {
    AskOutput output;
    Result<std::optional<std::string>> line = talk_.next(limit);
    if (!line) return line.error();
    if (*line) {
      Result<AskOutput> decoded = decode_ask_output(**line);
      if (!decoded) return talk_.fail("left the protocol: " + decoded.error().detail);
      output = *std::move(decoded);
      const Result<void> checked = check(output);
      if (!checked) return checked.error();
      if (!output.end) return output;
      line = talk_.end(open_.size(), limit);
      if (!line) return line.error();
    }
    output.end = true;
    return output;
  }

 private:
  Result<void> check(const AskOutput& output) {
    if (output.notice && ++notices_ > kWorkerNoticesMax) return talk_.fail("sent too many notices");
    if (!output.ask) return {};
    const auto open = open_.find(output.ask->id);
    if (open == open_.end()) {
      return talk_.fail("answered a question that is not open: " + id_text(output.ask->id));
    }
    for (const IPAddress& address : output.ask->addresses) {
      const AskRequest::Family family =
          address.is_v6() ? AskRequest::Family::inet6 : AskRequest::Family::inet;
      if (open->second.family != AskRequest::Family::any && open->second.family != family) {
        return talk_.fail("answered with the other family: " + id_text(output.ask->id));
      }
    }
    const bool about_servers = open->second.database == AskRequest::Database::servers;
    if (about_servers ? !output.ask->addresses.empty() : !output.ask->servers.empty()) {
      return talk_.fail("answered another question: " + id_text(output.ask->id));
    }
    open_.erase(open);
    return {};
  }

  Conversation talk_;
  std::unordered_map<std::uint32_t, AskRequest> open_;
  std::size_t asked_ = 0;
  int notices_ = 0;
};

Result<WorkerConnection> reach(const WorkerProcessOptions& options, const std::string& name,
                               const std::string& socket_path) {
  if (options.sockets) {
    std::optional<WorkerConnection> connection = connect_worker(socket_path);
    if (connection) return *std::move(connection);
  }
  std::string directory = options.libexec_directory;
  if (directory.empty()) {
    Result<std::string> found = libexec_directory();
    if (!found) return found.error();
    directory = *std::move(found);
  }
  return spawn_worker(directory + "/" + name, name,
                      options.verbose ? WorkerStderr::inherit : WorkerStderr::discard);
}

/// A conversation with its first line sent.
Result<Conversation> start(const WorkerProcessOptions& options, const std::string& name,
                           const std::string& socket_path, milliseconds deadline,
                           const std::string& first_line, bool may_lack_libc) {
  Result<WorkerConnection> connection = reach(options, name, socket_path);
  if (!connection) return connection.error();
  const steady_clock::time_point end = steady_clock::now() + deadline;
  Conversation talk(WorkerStream(*std::move(connection), name, end + options.grace), end,
                    may_lack_libc);
  const Result<void> sent = talk.send(first_line);
  if (!sent) return sent.error();
  return talk;
}

}  // namespace

Result<std::unique_ptr<NetSession>> WorkerProcess::start_net(const SessionStart& start_line) {
  Result<Conversation> talk =
      start(options_, "hostspin-net", options_.net_socket, start_line.deadline, encode(start_line),
            /*may_lack_libc=*/false);
  if (!talk) return talk.error();
  return std::make_unique<ProcessNetSession>(*std::move(talk));
}

Result<std::unique_ptr<AskSession>> WorkerProcess::start_ask(milliseconds deadline) {
  Result<Conversation> talk = start(options_, "hostspin-ask", options_.ask_socket, deadline,
                                    encode_ask_start(deadline), !options_.has_loader);
  if (!talk) return talk.error();
  return std::make_unique<ProcessAskSession>(*std::move(talk));
}

}  // namespace hostspin
