#include "resolver_view.h"

#include <algorithm>
#include <set>

namespace hostspin {
namespace {

constexpr std::chrono::milliseconds kWorkerGrace{250};
/// systemd-resolved looks at the hosts file every two seconds.
constexpr std::chrono::milliseconds kResolverSettles{2500};
constexpr std::chrono::milliseconds kAnswerLimit{2000};
constexpr std::chrono::milliseconds kAskAgain{250};

std::vector<ResolverView> views_of(const std::vector<Pin>& pins) {
  std::vector<ResolverView> views;
  std::map<std::string, std::size_t> places;
  for (const Pin& pin : pins) {
    const auto [place, is_new] = places.try_emplace(pin.name.text(), views.size());
    if (is_new) {
      ResolverView view;
      view.name = pin.name.text();
      view.files.status = view.dns.status = view.system.status = AskResult::Status::stalled;
      views.push_back(std::move(view));
    }
    views[place->second].pinned.push_back(pin.address);
  }
  for (ResolverView& view : views) std::sort(view.pinned.begin(), view.pinned.end());
  return views;
}

ResolverView::State judge(const ResolverView& view) {
  switch (view.system.status) {
    case AskResult::Status::stalled:
      return ResolverView::State::stalled;
    case AskResult::Status::not_found:
    case AskResult::Status::failed:
      return ResolverView::State::missing;
    case AskResult::Status::found:
      break;
  }
  if (view.system.addresses == view.pinned) return ResolverView::State::files;
  const bool is_dns =
      view.dns.status == AskResult::Status::found && view.system.addresses == view.dns.addresses;
  return is_dns ? ResolverView::State::dns : ResolverView::State::differs;
}

/// Why the answer is not what is pinned; empty where it is. Some of the addresses will do: without
/// `multi on` glibc gives the first.
std::string trouble_with(const ResolverView& view) {
  switch (view.state) {
    case ResolverView::State::stalled:
      return view.name + ": no answer in time";
    case ResolverView::State::missing:
      return view.name + ": not found";
    case ResolverView::State::files:
    case ResolverView::State::dns:
    case ResolverView::State::differs:
      break;
  }
  for (const IPAddress& address : view.system.addresses) {
    if (!std::binary_search(view.pinned.begin(), view.pinned.end(), address)) {
      return view.name + ": " + address.to_string() + ", which is not pinned";
    }
  }
  return "";
}

}  // namespace

std::string_view resolver_state_name(ResolverView::State state) {
  switch (state) {
    case ResolverView::State::files:
      return "files";
    case ResolverView::State::dns:
      return "dns";
    case ResolverView::State::differs:
      return "differs";
    case ResolverView::State::missing:
      return "missing";
    case ResolverView::State::stalled:
      return "stalled";
  }
  return "stalled";
}

std::string_view dns_server_state_name(DnsServer::State state) {
  switch (state) {
    case DnsServer::State::answers:
      return "answers";
    case DnsServer::State::error:
      return "error";
    case DnsServer::State::silent:
      return "silent";
  }
  return "silent";
}

Result<void> ResolverInquiry::ask_all(Scope scope) {
  using Database = AskRequest::Database;
  using Family = AskRequest::Family;
  using Kind = Question::Kind;
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < findings_.views.size(); ++i) {
    const ResolverView& view = findings_.views[i];
    Result<HostName> name = HostName::parse(view.name);
    if (!name) return std::move(name).error();
    Result<void> asked;
    const auto put = [&](Database database, Family family, Question question) {
      if (!asked) return;
      open_[id] = std::move(question);
      asked = ask_->ask(AskRequest{id++, *name, database, family});
    };
    const auto has = [&](bool v6) {
      return std::any_of(view.pinned.begin(), view.pinned.end(),
                         [&](const IPAddress& a) { return a.is_v6() == v6; });
    };
    put(Database::system, Family::any, {i, Kind::system, ""});
    if (!asked) return asked;
    if (scope == Scope::system_alone) continue;
    if (i == 0) put(Database::servers, Family::any, {i, Kind::servers, ""});
    put(Database::files, Family::any, {i, Kind::files, ""});
    put(Database::dns, Family::any, {i, Kind::dns, ""});
    if (!has(true)) put(Database::system, Family::inet6, {i, Kind::one_family, "inet6"});
    if (!has(false)) put(Database::system, Family::inet, {i, Kind::one_family, "inet"});
    if (!asked) return asked;
  }
  return ask_->finish();
}

Result<ResolverInquiry> ResolverInquiry::start(Context& context, const std::vector<Pin>& pins,
                                               std::chrono::milliseconds deadline, Scope scope) {
  ResolverInquiry inquiry(context.env.console);
  inquiry.findings_.views = views_of(pins);
  inquiry.limit_ = context.env.clock.steady() + deadline + kWorkerGrace;
  if (pins.empty()) return inquiry;
  Result<std::unique_ptr<AskSession>> ask = context.env.worker.start_ask(deadline);
  if (!ask) return std::move(ask).error();
  inquiry.ask_ = std::move(*ask);
  if (Result<void> asked = inquiry.ask_all(scope); !asked) return std::move(asked).error();
  return inquiry;
}

void ResolverInquiry::take(AskResult answer) {
  const auto found = open_.extract(answer.id);
  if (found.empty()) return;
  const Question& question = found.mapped();
  ResolverView& view = findings_.views[question.view];
  const bool somebody_else =
      answer.status == AskResult::Status::stalled || answer.status == AskResult::Status::found;
  switch (question.kind) {
    case Question::Kind::files:
      view.files = std::move(answer);
      return;
    case Question::Kind::dns:
      view.dns = std::move(answer);
      return;
    case Question::Kind::system:
      view.system = std::move(answer);
      return;
    case Question::Kind::one_family:
      if (somebody_else) view.one_family.push_back(question.family);
      return;
    case Question::Kind::servers:
      if (answer.status == AskResult::Status::found ||
          answer.status == AskResult::Status::not_found) {
        findings_.servers = std::move(answer.servers);
      }
      return;
  }
}

/// A worker that is gone says nothing of the names it was not done with.
void ResolverInquiry::leave_out_open() {
  std::set<std::string> left_open;
  for (const auto& [id, question] : open_) {
    if (question.kind == Question::Kind::system) {
      left_open.insert(findings_.views[question.view].name);
    }
  }
  std::erase_if(findings_.views,
                [&](const ResolverView& view) { return left_open.contains(view.name); });
}

ResolverFindings ResolverInquiry::collect() {
  while (!open_.empty()) {
    Result<AskOutput> output = ask_->next(limit_);
    if (!output) {
      if (output.error().code == Errc::timed_out) break;  // what is open stays stalled
      if (output.error().code == Errc::not_found) {
        findings_.views.clear();
        findings_.no_glibc = true;
        return std::move(findings_);
      }
      findings_.failure = output.error().detail;
      leave_out_open();
      break;
    }
    if (output->end) break;
    if (output->notice) console_->note(output->notice->text);
    if (output->ask) take(*std::move(output->ask));
  }
  for (ResolverView& view : findings_.views) view.state = judge(view);
  return std::move(findings_);
}

Result<std::vector<std::string>> check_resolver(Context& context, const std::vector<Pin>& pins) {
  const auto limit = context.env.clock.steady() + kResolverSettles;
  for (;;) {
    Result<ResolverInquiry> inquiry =
        ResolverInquiry::start(context, pins, kAnswerLimit, ResolverInquiry::Scope::system_alone);
    if (!inquiry) return std::move(inquiry).error();
    const ResolverFindings findings = inquiry->collect();
    if (findings.no_glibc) return {Errc::not_found, "no glibc here"};
    if (!findings.failure.empty()) return {Errc::worker_failed, findings.failure};
    std::vector<std::string> troubles;
    for (const ResolverView& view : findings.views) {
      if (std::string trouble = trouble_with(view); !trouble.empty()) {
        troubles.push_back(std::move(trouble));
      }
    }
    if (troubles.empty() || context.env.clock.steady() >= limit) return troubles;
    context.env.clock.sleep(kAskAgain);
  }
}

}  // namespace hostspin
