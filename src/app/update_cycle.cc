#include "update_cycle.h"

#include <algorithm>
#include <set>
#include <utility>

#include "adoption_moment.h"
#include "host_facts.h"
#include "hostspin/crypto.h"
#include "lock.h"
#include "pass_record.h"
#include "scheduled_offers.h"
#include "source_session.h"
#include "telemetry.h"

namespace hostspin {
namespace {

using std::chrono::steady_clock;

std::string note_digest(const std::string& bytes) { return to_hex(sha256(bytes)); }

/// One cycle while it runs. Answers arrive in any order; what they mean depends on the root that is
/// trusted when they are judged, so offers are kept, and judged again after every new root. Until
/// the chain's end is known nothing is adopted: a source that answers first may be one that hides a
/// root which takes its keys out.
class Cycle {
 public:
  /// `awaited` is what an earlier cycle has found scheduled, for comparison.
  Cycle(Context& context, Standing& standing, const CycleRequest& request, SourceSession& session,
        std::optional<ScheduledOffer> awaited)
      : context_(context),
        standing_(standing),
        session_(session),
        dry_run_(request.dry_run),
        scheduled_(std::move(awaited)) {
    staging_.machine_id = machine_id(context.env.fs, context.options.root);
    staging_.own_name = own_name(context.env.fs, context.options.root);
    staging_.adopt_now = request.adopt_now;
    for (const Endpoint& endpoint : session.endpoints()) {
      EndpointReport report;
      report.label = endpoint.label;
      report_.endpoints.push_back(std::move(report));
    }
    offers_.resize(report_.endpoints.size());
  }

  CycleReport run();

 private:
  void ask_for_root(std::int64_t version);
  void take(DocumentAnswer answer);
  void take_root_answer(const DocumentAnswer& answer);
  Result<void> take_over(TrustRoot root);
  void judge_late_root(const DocumentAnswer& answer);
  void start_under_new_root();
  void take_manifest_answer(DocumentAnswer& answer);
  void fail(const DocumentAnswer& answer);
  [[nodiscard]] bool is_rotation_gap(std::size_t endpoint, Errc code) const;
  void refuse(std::size_t endpoint, const Error& error);
  void adopt_highest();
  [[nodiscard]] std::optional<AdmittedManifest> judge(std::size_t endpoint);
  void adopt_offer(std::size_t endpoint, const AdmittedManifest& offer);
  Result<Adopted> adopt_and_book(const std::string& note_bytes,
                                 const std::optional<AdmittedManifest>& before);
  void settle(std::size_t endpoint, const AdmittedManifest& offer, Adoption adoption);
  void keep_etags_of_held();
  void finish();

  Context& context_;
  Standing& standing_;
  SourceSession& session_;
  const bool dry_run_;
  Staging staging_;
  CycleReport report_;
  std::vector<std::string> offers_;  ///< manifest bytes by endpoint; empty = none
  std::set<std::size_t> fresh_;      ///< endpoints whose offers were not judged under this root
  AdoptionMoment moment_;
  bool adopted_ = false;
  ScheduledOffers scheduled_;
  bool root_not_kept_ = false;  ///< the next root is known, and could not be stored
  bool write_failed_ = false;   ///< of the last adoption
  int root_steps_ = 0;
};

void Cycle::ask_for_root(std::int64_t version) {
  moment_.begin(offers_.size());
  for (std::size_t i = 0; i < offers_.size(); ++i) {
    session_.ask({i, version});
  }
}

void Cycle::fail(const DocumentAnswer& answer) {
  EndpointReport& endpoint = report_.endpoints[answer.wanted.endpoint];
  if (!endpoint.failed.empty()) return;
  endpoint.failed = answer.detail.empty() ? answer.reason : answer.detail;
  endpoint.failed_reason = answer.reason;
  endpoint.failed_code = answer.code;
  endpoint.failed_hint = answer.hint;
}

/// Whether what it offers is what this host holds, which the trusted root's keys no longer sign:
/// then nobody attacks, and somebody has published a root before its manifest.
bool Cycle::is_rotation_gap(std::size_t endpoint, Errc code) const {
  if (code != Errc::too_few_signatures || !standing_.rotated_keys || !standing_.current) {
    return false;
  }
  // The text ends at the empty line before the signatures.
  return offers_[endpoint].starts_with(std::string(standing_.current->text()) + "\n");
}

void Cycle::refuse(std::size_t endpoint, const Error& error) {
  report_.endpoints[endpoint].refused = error.detail;
  report_.endpoints[endpoint].refused_code = error.code;
  report_.endpoints[endpoint].refused_hint =
      is_rotation_gap(endpoint, error.code)
          ? "a root replaced a signer; its manifest is not published yet"
          : error.hint;
  // An older manifest beside a newer one is a mirror that lags behind; alone it is a rollback.
  report_.endpoints[endpoint].lagging = error.code == Errc::rollback;
}

// U2–U4.
void Cycle::take_root_answer(const DocumentAnswer& answer) {
  const std::int64_t next = standing_.root().version + 1;
  if (answer.wanted.root_version != next) return judge_late_root(answer);
  moment_.hear(answer.wanted.endpoint);
  if (answer.kind == DocumentAnswer::Kind::failed) return fail(answer);
  if (answer.kind == DocumentAnswer::Kind::not_found) {
    report_.chain_end_seen = true;
    moment_.end_chain(context_.env.clock.steady());
    return;
  }
  Result<TrustRoot> root = open_next_root(standing_.chain.trusted(), answer.bytes);  // U3
  if (!root) {
    EndpointReport& endpoint = report_.endpoints[answer.wanted.endpoint];
    endpoint.root_refused = "root " + std::to_string(next) + ": " + root.error().detail;
    endpoint.root_refused_code = root.error().code;
    return;
  }
  if (root_steps_ >= kRootStepsMax) return;
  if (Result<void> kept = take_over(*std::move(root)); !kept) {  // U4
    report_.error = annotate(std::move(kept).error(), "cannot keep root " + std::to_string(next));
    root_not_kept_ = true;  // under the old one nothing may be adopted any more
    return;
  }
  ++root_steps_;
  ++report_.roots_added;
  start_under_new_root();
  judge_late_root(answer);  // another process may have stored another one of this version
}

Result<void> Cycle::take_over(TrustRoot root) {
  if (!dry_run_) return keep_root(context_, standing_, std::move(root));
  trust_next(standing_, std::move(root));
  return {};
}

/// What was judged under the old root counts no more: offers are judged again at the chain's new
/// end.
void Cycle::start_under_new_root() {
  report_.chain_end_seen = false;
  if (std::exchange(root_not_kept_, false)) report_.error.reset();
  scheduled_.clear();
  for (EndpointReport& endpoint : report_.endpoints) {
    if (endpoint.root_refused_code != Errc::equivocation) endpoint.root_refused.clear();
    endpoint.refused.clear();
    endpoint.confirmed = false;
    endpoint.lagging = false;
  }
  for (std::size_t i = 0; i < offers_.size(); ++i) {
    if (!offers_[i].empty()) fresh_.insert(i);
  }
  ask_for_root(standing_.root().version + 1);
}

/// An answer about a root that is trusted by now: the same once more, or a second truth.
void Cycle::judge_late_root(const DocumentAnswer& answer) {
  if (answer.kind != DocumentAnswer::Kind::offer) return;
  const std::int64_t version = answer.wanted.root_version;
  const std::optional<Error> error = find_equivocation(standing_.chain, version, answer.bytes);
  if (!error) return;
  EndpointReport& endpoint = report_.endpoints[answer.wanted.endpoint];
  endpoint.root_refused = "root " + std::to_string(version) + ": " + error->detail;
  endpoint.root_refused_code = error->code;
}

void Cycle::take_manifest_answer(DocumentAnswer& answer) {
  EndpointReport& endpoint = report_.endpoints[answer.wanted.endpoint];
  if (answer.kind == DocumentAnswer::Kind::failed) return fail(answer);
  endpoint.answered = true;
  if (answer.kind == DocumentAnswer::Kind::not_found) {
    endpoint.failed = "has no manifest.note";
    if (!answer.detail.empty()) endpoint.failed += " (" + answer.detail + ")";
    endpoint.failed_reason = "not_found";
    return;
  }
  offers_[answer.wanted.endpoint] = std::move(answer.bytes);
  endpoint.etag = std::move(answer.etag);
  fresh_.insert(answer.wanted.endpoint);
}

/// Of what has been offered since it was judged last, the highest that passes.
void Cycle::adopt_highest() {
  if (!moment_.has_come(context_.env.clock.steady(), session_.all_asked_at())) return;
  std::optional<AdmittedManifest> highest;
  std::size_t of = 0;
  for (const std::size_t endpoint : std::exchange(fresh_, {})) {
    std::optional<AdmittedManifest> offer = judge(endpoint);
    if (!offer || (highest && offer->rank() <= highest->rank())) continue;
    highest = std::move(offer);
    of = endpoint;
  }
  if (highest) adopt_offer(of, *highest);
}

// U5–U10 for one offer, under the root trusted now. What is to be adopted, if it is.
std::optional<AdmittedManifest> Cycle::judge(std::size_t endpoint) {
  EndpointReport& report = report_.endpoints[endpoint];
  report.refused.clear();
  report.lagging = false;
  report.confirmed = false;
  const TrustRoot& root = standing_.chain.trusted();
  Result<AdmittedManifest> offer = admit_manifest(offers_[endpoint], root);
  if (!offer) {
    refuse(endpoint, offer.error());
    return std::nullopt;
  }
  Result<Adoption> adoption = judge_offer(*offer, standing_.held(), staging_, standing_.now);
  if (!adoption) {
    refuse(endpoint, adoption.error());
    return std::nullopt;
  }
  if (*adoption == Adoption::adopt) return std::move(*offer);
  settle(endpoint, *offer, *adoption);
  return std::nullopt;
}

// U12.
void Cycle::adopt_offer(std::size_t endpoint, const AdmittedManifest& offer) {
  const TrustRoot& root = standing_.chain.trusted();
  if (root.expired(standing_.now) || root_not_kept_) return;  // finish() says so
  std::optional<AdmittedManifest> before = standing_.current;
  Result<Adopted> adopted = adopt_and_book(offers_[endpoint], before);
  // What could not be done, since another process held the lock, may be possible with a later
  // offer.
  write_failed_ = !adopted;
  if (!adopted) {
    report_.error = std::move(adopted).error();
    return;
  }
  report_.error.reset();
  if (adopted->later_root) return start_under_new_root();
  if (adopted->refused) return refuse(endpoint, *adopted->refused);
  if (adopted->adoption == Adoption::adopt && !std::exchange(adopted_, true)) {
    report_.replaced = std::move(before);
  }
  if (adopted->applied) report_.applied = std::move(adopted->applied);
  if (adopted->not_written) {
    report_.error = std::move(adopted->not_written);
    write_failed_ = true;
  }
  settle(endpoint, offer, adopted->adoption);
  if (!session_.over()) {
    context_.env.console.progress("adopted manifest " +
                                  std::to_string(standing_.current->manifest().version) +
                                  "; listening to the other sources");
  }
}

/// U12. Booked before anybody may end this process: the rest of the cycle may take long, or never
/// end.
Result<Adopted> Cycle::adopt_and_book(const std::string& note_bytes,
                                      const std::optional<AdmittedManifest>& before) {
  if (dry_run_) return preview_adoption(context_, standing_, note_bytes, staging_);
  Env& env = context_.env;
  Result<Lock> lock = Lock::take(env.fs, env.clock, context_.options.root, kLockLimit);
  if (!lock) return std::move(lock).error();
  Result<Adopted> adopted = adopt(context_, standing_, note_bytes, staging_);
  if (adopted && adopted->adoption == Adoption::adopt) {
    record_adoption(context_, standing_, *adopted, before ? &before->manifest() : nullptr);
  }
  if (!adopted && adopted.error().code == Errc::read_only) {
    give_hint(env, context_.options, "read_only", 1);
  }
  return adopted;
}

void Cycle::settle(std::size_t endpoint, const AdmittedManifest& offer, Adoption adoption) {
  switch (adoption) {
    case Adoption::adopt:
    case Adoption::same:
      report_.endpoints[endpoint].confirmed = true;
      return;
    case Adoption::scheduled:
      if (const std::optional<Error> other =
              scheduled_.note(offer, adoption_time(offer.manifest(), staging_))) {
        refuse(endpoint, *other);
      }
      return;
  }
}

/// What a source calls bytes that are not held says nothing about the ones that are.
void Cycle::keep_etags_of_held() {
  if (!standing_.current) return;
  const std::string& held = standing_.current->note_bytes();
  report_.held_digest = note_digest(held);
  for (std::size_t i = 0; i < offers_.size(); ++i) {
    EndpointReport& endpoint = report_.endpoints[i];
    if (!endpoint.confirmed || offers_[i] != held) endpoint.etag.clear();
  }
}

void Cycle::finish() {
  // An offer that was confirmed and then overtaken by a higher one is a mirror that lags behind.
  for (std::size_t i = 0; adopted_ && report_.chain_end_seen && i < offers_.size(); ++i) {
    if (!offers_[i].empty()) (void)judge(i);  // for what it says of the source
  }
  keep_etags_of_held();
  report_.scheduled = scheduled_.highest_above(standing_.current);
  const bool confirmed = std::any_of(report_.endpoints.begin(), report_.endpoints.end(),
                                     [](const EndpointReport& e) { return e.confirmed; });
  if (write_failed_ || root_not_kept_) {
    report_.not_written = adopted_;
    report_.outcome = CycleOutcome::failed;
    return;
  }
  if (Result<void> lasts = check_root_lasts(standing_); !lasts) {
    report_.outcome = CycleOutcome::root_expired;
    report_.error = std::move(lasts).error();
    return;
  }
  if (adopted_ && standing_.rotated_keys) {
    report_.disowned = true;
    report_.outcome = CycleOutcome::refused;
    report_.error = disowned_error(standing_);
  } else if (adopted_) {
    report_.outcome = CycleOutcome::adopted;
  } else if (!report_.chain_end_seen) {
    report_.outcome = CycleOutcome::failed;
    report_.error = worst_error(report_.endpoints, standing_.root().version + 1);
  } else if (report_.scheduled) {
    report_.outcome = CycleOutcome::scheduled;
  } else if (confirmed) {
    report_.outcome = CycleOutcome::confirmed;
  } else {
    const bool refused = std::any_of(
        report_.endpoints.begin(), report_.endpoints.end(),
        [](const EndpointReport& e) { return !e.refused.empty() || !e.root_refused.empty(); });
    report_.outcome = refused ? CycleOutcome::refused : CycleOutcome::failed;
    report_.error = worst_error(report_.endpoints, standing_.root().version + 1);
  }
}

void Cycle::take(DocumentAnswer answer) {
  if (answer.wanted.root_version == 0) return take_manifest_answer(answer);
  take_root_answer(answer);
}

CycleReport Cycle::run() {
  ask_for_root(standing_.root().version + 1);  // U1
  for (std::size_t i = 0; i < offers_.size(); ++i) session_.ask({i, 0});
  while (!session_.over()) {
    const steady_clock::time_point wake =
        moment_.wake_at(context_.env.clock.steady(), session_.all_asked_at());
    if (std::optional<DocumentAnswer> answer = session_.next(wake)) take(*std::move(answer));
    adopt_highest();
  }
  finish();
  return std::move(report_);
}

}  // namespace

Result<CycleReport> run_update_cycle(Context& context, Standing& standing,
                                     const CycleRequest& request) {
  const auto deadline = context.env.clock.steady() + context.config.refresh_deadline;
  Result<SourceSession> session = SourceSession::open(
      context, request.from, machine_id(context.env.fs, context.options.root), deadline);
  if (!session) return std::move(session).error();
  const Telemetry telemetry = load_telemetry(context);
  if (standing.current) {
    const std::string& held = standing.current->note_bytes();
    session->hold(held, known_etags(telemetry, note_digest(held)));
  }
  return Cycle(context, standing, request, *session, awaited_offer(telemetry)).run();
}

}  // namespace hostspin
