#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "context.h"
#include "hostspin/result.h"
#include "hostspin/worker_lines.h"

namespace hostspin {

/// One place that is asked: a directory, or one source by one of its addresses.
struct Endpoint {
  std::string label;  ///< for messages: the URL, and the address where the URL has a name
  const Source* source = nullptr;  ///< null for --from
  std::string directory;           ///< file sources
  std::string single_file;         ///< --from with a file: its only document
  std::optional<IPAddress> address;
  std::uint16_t number = 0;  ///< of the source in the configuration; its addresses share it
};

/// A document asked of an endpoint: `manifest.note` where root_version is 0, else `root/<N>.note`.
struct DocumentWanted {
  std::size_t endpoint = 0;
  std::int64_t root_version = 0;
};

struct DocumentAnswer {
  DocumentWanted wanted;
  enum class Kind { offer, not_found, failed } kind = Kind::failed;
  std::string bytes;   ///< offer
  std::string etag;    ///< offer: what the source calls these bytes; empty where it does not say
  std::string reason;  ///< failed: a short stable word
  std::string detail;  ///< failed: for people
  /// failed: anything but fetch_failed where this machine lacks what it takes to ask, with a hint.
  Errc code = Errc::fetch_failed;
  std::string hint;
};

/// All sources behind one queue: files are read here, the rest is fetched by hostspin-net, which is
/// started when the first URL is asked. What one source lacks fails what that source is asked, and
/// a worker that cannot be started what it would have fetched; nothing ends the session.
class SourceSession {
 public:
  /// `from` other than empty is the only endpoint. Order within a priority is shuffled by the
  /// machine-id, so that a fleet spreads its load and a host keeps its order. Errc::no_sources.
  static Result<SourceSession> open(Context& context, const std::string& from,
                                    const std::string& machine_id,
                                    std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }

  /// The manifest this machine holds, and what sources (by their labels) called these very bytes.
  /// They are asked whether they have another; "not modified" is answered with `bytes`, which are
  /// judged like any offer.
  void hold(std::string bytes, std::map<std::string, std::string> etags) {
    held_ = std::move(bytes);
    etags_ = std::move(etags);
  }

  void ask(const DocumentWanted& wanted);
  /// The next answer. Empty when there was none by `until`, or what all_asked_at() says has
  /// changed; over() tells whether there can be another. What is not answered by the session's
  /// deadline is `failed`.
  std::optional<DocumentAnswer> next(std::chrono::steady_clock::time_point until);
  [[nodiscard]] bool over() const { return ready_.empty() && outstanding_.empty(); }
  /// When the last question about a root went out, to a source that was asked at all. Nothing while
  /// one is still to go out: a worker may take its time to start.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> all_asked_at() const;

 private:
  SourceSession(Context& context, std::chrono::steady_clock::time_point deadline)
      : context_(&context), deadline_(deadline) {}

  void start_worker();
  Result<void> gather_pem(const Source& source, SessionStart& start);
  std::string bundle_name(const std::string& path);
  [[nodiscard]] const Error* obstacle(const Source& source) const;
  [[nodiscard]] FetchRequest fetch_request(const DocumentWanted& wanted) const;
  [[nodiscard]] std::string etag_for(const DocumentWanted& wanted) const;
  DocumentAnswer take(FetchResult fetch);
  void ask_file(const DocumentWanted& wanted);
  void fail(const DocumentWanted& wanted, const Error& why);
  void fail_outstanding(const std::string& reason, const std::string& detail);

  Context* context_;
  std::chrono::steady_clock::time_point deadline_;
  std::vector<Endpoint> endpoints_;
  std::map<std::string, std::string> bundle_names_;  ///< PEM file → name in the session
  std::map<const Source*, std::string> bundle_of_;
  std::map<std::string, std::string> pem_;  ///< client certificates and keys by path
  std::string held_;
  std::map<std::string, std::string> etags_;
  std::map<const Source*, Error> obstacles_;  ///< why a source cannot be asked
  std::optional<Error> worker_error_;         ///< why nothing can be fetched
  bool worker_wanted_ = false;
  std::unique_ptr<NetSession> net_;
  std::deque<DocumentAnswer> ready_;
  std::map<std::uint32_t, DocumentWanted> outstanding_;
  std::set<std::uint32_t> unasked_;  ///< questions about a root that have not gone out
  std::chrono::steady_clock::time_point last_asked_{};
  std::uint32_t next_id_ = 0;
};

}  // namespace hostspin
