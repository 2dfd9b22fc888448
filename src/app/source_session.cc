#include "source_session.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "ca_bundles.h"
#include "hostspin/crypto.h"
#include "replace_file.h"

namespace hostspin {
namespace {

/// Where a role may not list a bucket, S3 answers 403 for what is not there, too.
std::string not_found_words(const Endpoint& endpoint, int status) {
  constexpr int kForbidden = 403;
  const bool is_s3 = endpoint.source != nullptr && endpoint.source->kind == Source::Kind::s3;
  return "HTTP status " + std::to_string(status) +
         (is_s3 && status == kForbidden
              ? ": S3 refuses it to this instance's role, or it is missing"
              : "");
}

std::string document_path(std::int64_t root_version) {
  if (root_version == 0) return "manifest.note";
  return "root/" + std::to_string(root_version) + ".note";
}

std::size_t document_bytes_max(std::int64_t root_version) {
  return note_bytes_max(root_version == 0 ? DocumentKind::manifest : DocumentKind::root);
}

/// The worker ends this much before the session does, so that it can say of each source what it was
/// waiting for: silence would be blamed on the worker.
std::chrono::milliseconds last_words(std::chrono::milliseconds left) {
  return std::min(std::chrono::milliseconds(250), left / 10);
}

std::vector<Endpoint> endpoints_of(const Config& config) {
  std::vector<Endpoint> endpoints;
  std::uint16_t number = 0;
  for (const Source& source : config.sources) {
    ++number;
    if (source.kind == Source::Kind::file) {
      endpoints.push_back({source.url, &source, source.directory, "", std::nullopt, number});
      continue;
    }
    for (const IPAddress& address : source.addresses) {
      const bool plain = source.url.find(address.to_string()) != std::string::npos;
      const std::string label = plain ? source.url : source.url + " at " + address.to_string();
      endpoints.push_back({label, &source, "", "", address, number});
    }
  }
  return endpoints;
}

/// By priority; within one by a hash of host and source, the same at every pass of this host, and a
/// source's addresses in the same way. Many addresses make no source come earlier.
void order(std::vector<Endpoint>& endpoints, const std::string& machine_id) {
  const auto key = [&](const std::string& name) { return sha256(machine_id + "\n" + name); };
  std::map<const Source*, Sha256> sources;
  std::map<std::string, Sha256> labels;
  for (const Endpoint& endpoint : endpoints) {
    sources.try_emplace(endpoint.source, key(endpoint.source->url));
    labels.try_emplace(endpoint.label, key(endpoint.label));
  }
  const auto turn = [&](const Endpoint& endpoint) {
    return std::tuple(endpoint.source->priority, sources.at(endpoint.source), endpoint.number,
                      labels.at(endpoint.label));
  };
  std::stable_sort(endpoints.begin(), endpoints.end(),
                   [&](const Endpoint& a, const Endpoint& b) { return turn(a) < turn(b); });
}

}  // namespace

Result<SourceSession> SourceSession::open(Context& context, const std::string& from,
                                          const std::string& machine_id,
                                          std::chrono::steady_clock::time_point deadline) {
  SourceSession session(context, deadline);
  if (!from.empty()) {
    SysResult<Handle> directory = context.env.fs.open_directory("/", from);
    if (directory) {
      (void)context.env.fs.close(*directory);  // opened only to learn what it is
      session.endpoints_.push_back({from, nullptr, from, "", std::nullopt, 0});
    } else {
      session.endpoints_.push_back({from, nullptr, "", from, std::nullopt, 0});
    }
    return session;
  }
  session.endpoints_ = endpoints_of(context.config);
  if (session.endpoints_.empty()) {
    return {Errc::no_sources, "no source is configured"};
  }
  order(session.endpoints_, machine_id);
  return session;
}

void SourceSession::ask_file(const DocumentWanted& wanted) {
  const Endpoint& endpoint = endpoints_[wanted.endpoint];
  DocumentAnswer answer;
  answer.wanted = wanted;
  if (!endpoint.single_file.empty() && wanted.root_version != 0) {
    answer.kind = DocumentAnswer::Kind::not_found;
    ready_.push_back(std::move(answer));
    return;
  }
  const std::string path = endpoint.single_file.empty()
                               ? endpoint.directory + "/" + document_path(wanted.root_version)
                               : endpoint.single_file;
  Result<std::optional<std::string>> bytes =
      read_file(context_->env.fs, "/", path, document_bytes_max(wanted.root_version));
  if (!bytes) {
    answer.reason = "file";
    answer.detail = bytes.error().detail;
  } else if (*bytes) {
    answer.kind = DocumentAnswer::Kind::offer;
    answer.bytes = std::move(**bytes);
  } else {
    answer.kind = DocumentAnswer::Kind::not_found;
    answer.detail = path + " does not exist";
  }
  ready_.push_back(std::move(answer));
}

/// The worker knows bundles by short names, not by paths of this host.
std::string SourceSession::bundle_name(const std::string& path) {
  return bundle_names_.try_emplace(path, "source-" + std::to_string(bundle_names_.size()))
      .first->second;
}

/// Reads what the worker needs for a source, since it opens no file.
Result<void> SourceSession::gather_pem(const Source& source, SessionStart& start) {
  const std::string name = source.ca.empty() ? "system" : bundle_name(source.ca);
  const bool needs_bundle = !source.fetch_url.starts_with("http://");
  if (needs_bundle && !start.ca_bundles.contains(name)) {
    Result<std::string> pem =
        source.ca.empty() ? read_system_bundle(*context_) : read_pem(*context_, source.ca);
    if (!pem) return annotate(std::move(pem).error(), source.defined_at + ": source.ca");
    start.ca_bundles[name] = std::move(*pem);
  }
  bundle_of_[&source] = needs_bundle ? name : "system";
  for (const std::string& path : {source.client_certificate, source.client_key}) {
    if (path.empty() || pem_.contains(path)) continue;
    Result<std::string> pem = read_pem(*context_, path);
    if (!pem) return annotate(std::move(pem).error(), source.defined_at + ": source");
    pem_[path] = std::move(*pem);
  }
  return {};
}

void SourceSession::start_worker() {
  SessionStart start;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline_ - context_->env.clock.steady());
  start.deadline = std::max(left - last_words(left), std::chrono::milliseconds(1));
  start.tls_not_before = context_->certificate_floor;
  bool any_can_be_asked = false;
  for (const Source& source : context_->config.sources) {
    if (source.kind == Source::Kind::file) continue;
    if (Result<void> gathered = gather_pem(source, start); !gathered) {
      obstacles_.emplace(&source, std::move(gathered).error());
    } else {
      any_can_be_asked = true;
    }
  }
  if (!any_can_be_asked) return;
  Result<std::unique_ptr<NetSession>> net = context_->env.worker.start_net(start);
  if (net) {
    net_ = std::move(*net);
  } else {
    worker_error_ = std::move(net).error();
  }
}

const Error* SourceSession::obstacle(const Source& source) const {
  const auto found = obstacles_.find(&source);
  if (found != obstacles_.end()) return &found->second;
  return worker_error_ ? &*worker_error_ : nullptr;
}

/// Roots are asked for by their number, and never change: only the manifest has another edition.
std::string SourceSession::etag_for(const DocumentWanted& wanted) const {
  if (wanted.root_version != 0 || held_.empty()) return {};
  const auto known = etags_.find(endpoints_[wanted.endpoint].label);
  return known == etags_.end() ? std::string() : known->second;
}

FetchRequest SourceSession::fetch_request(const DocumentWanted& wanted) const {
  const Endpoint& endpoint = endpoints_[wanted.endpoint];
  const Source& source = *endpoint.source;
  FetchRequest request;
  request.source = endpoint.number;
  request.at_once = wanted.root_version != 0;  // U11
  request.url = source.fetch_url + "/" + document_path(wanted.root_version);
  request.address = endpoint.address;
  request.priority = source.priority;
  request.body_bytes_max = document_bytes_max(wanted.root_version);
  request.ca = bundle_of_.at(&source);
  request.pins = source.pins;
  if (!source.client_certificate.empty()) {
    request.client_certificate = pem_.at(source.client_certificate);
    request.client_key = pem_.at(source.client_key);
  }
  request.proxy = source.proxy;
  request.s3_region = source.region;
  request.etag = etag_for(wanted);
  return request;
}

void SourceSession::fail(const DocumentWanted& wanted, const Error& why) {
  DocumentAnswer answer;
  answer.wanted = wanted;
  answer.reason = std::string(code_name(why.code));
  answer.detail = why.detail;
  answer.code = why.code;
  answer.hint = why.hint;
  ready_.push_back(std::move(answer));
}

void SourceSession::ask(const DocumentWanted& wanted) {
  const Endpoint& endpoint = endpoints_[wanted.endpoint];
  if (wanted.root_version != 0) last_asked_ = context_->env.clock.steady();
  if (!endpoint.address) return ask_file(wanted);
  if (!std::exchange(worker_wanted_, true)) start_worker();
  if (const Error* why = obstacle(*endpoint.source); why != nullptr) return fail(wanted, *why);
  FetchRequest request = fetch_request(wanted);
  request.id = next_id_++;
  if (Result<void> asked = net_->ask(request); !asked) {
    worker_error_ = std::move(asked).error();  // it is not asked again
    return fail(wanted, *worker_error_);
  }
  outstanding_[request.id] = wanted;
  if (request.at_once) unasked_.insert(request.id);
}

void SourceSession::fail_outstanding(const std::string& reason, const std::string& detail) {
  for (const auto& [id, wanted] : outstanding_) {
    DocumentAnswer answer;
    answer.wanted = wanted;
    answer.reason = reason;
    answer.detail = detail;
    ready_.push_back(std::move(answer));
  }
  outstanding_.clear();
  unasked_.clear();
}

std::optional<std::chrono::steady_clock::time_point> SourceSession::all_asked_at() const {
  if (!unasked_.empty()) return std::nullopt;
  return last_asked_;
}

DocumentAnswer SourceSession::take(FetchResult fetch) {
  DocumentAnswer answer;
  answer.wanted = outstanding_[fetch.id];
  outstanding_.erase(fetch.id);
  unasked_.erase(fetch.id);
  switch (fetch.outcome) {
    case FetchOutcome::ok:
      answer.kind = DocumentAnswer::Kind::offer;
      answer.bytes = std::move(fetch.body);
      answer.etag = std::move(fetch.etag);
      break;
    case FetchOutcome::not_found:
      answer.kind = DocumentAnswer::Kind::not_found;
      answer.detail = not_found_words(endpoints_[answer.wanted.endpoint], fetch.status);
      break;
    case FetchOutcome::not_modified:
      answer.etag = etag_for(answer.wanted);
      if (answer.etag.empty()) {
        answer.reason = "protocol";
        answer.detail = "says 'not modified', which it was not asked";
        break;
      }
      answer.kind = DocumentAnswer::Kind::offer;
      answer.bytes = held_;
      break;
    case FetchOutcome::failed:
      answer.reason = std::move(fetch.reason);
      answer.detail = std::move(fetch.detail);
      break;
  }
  return answer;
}

std::optional<DocumentAnswer> SourceSession::next(std::chrono::steady_clock::time_point until) {
  while (ready_.empty() && !outstanding_.empty()) {
    Result<NetResult> result = net_->next(std::min(until, deadline_));
    if (!result) {
      // A worker that failed, or that let even the session's deadline pass, fails what is still
      // open, not the pass.
      const bool late = result.error().code == Errc::timed_out;
      if (late && context_->env.clock.steady() < deadline_) return std::nullopt;
      fail_outstanding(std::string(code_name(result.error().code)), result.error().detail);
      break;
    }
    if (result->notice) context_->env.console.note(result->notice->text);
    if (result->end) fail_outstanding("worker_failed", "hostspin-net left it unanswered");
    if (result->asked && unasked_.erase(result->asked->id) != 0) {
      last_asked_ = context_->env.clock.steady();
      if (unasked_.empty()) return std::nullopt;
    }
    if (!result->fetch) continue;
    if (outstanding_.contains(result->fetch->id)) ready_.push_back(take(*std::move(result->fetch)));
  }
  if (ready_.empty()) return std::nullopt;
  std::optional<DocumentAnswer> answer(std::move(ready_.front()));
  ready_.pop_front();
  return answer;
}

}  // namespace hostspin
