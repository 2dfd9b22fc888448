#include "resolver_view.h"

#include <algorithm>

namespace hostspin {
namespace {

constexpr std::chrono::milliseconds kWorkerGrace{250};
/// systemd-resolved looks at the hosts file every two seconds.
constexpr std::chrono::milliseconds kResolverSettles{2500};
constexpr std::chrono::milliseconds kAnswerLimit{2000};
constexpr std::chrono::milliseconds kAskAgain{250};

/// Which question of which name an id stands for.
struct Question {
  std::size_t view = 0;
  enum class Kind { files, dns, system, one_family } kind = Kind::system;
  std::string family;
};

std::vector<ResolverView> views_of(const std::vector<Pin>& pins) {
  std::vector<ResolverView> views;
  std::map<std::string, std::size_t> places;
  for (const Pin& pin : pins) {
    const auto [place, is_new] = places.try_emplace(pin.name.text(), views.size());
    if (is_new) {
      ResolverView view;
      view.name = pin.name.text();
      views.push_back(std::move(view));
    }
    views[place->second].pinned.push_back(pin.address);
  }
  for (ResolverView& view : views) std::sort(view.pinned.begin(), view.pinned.end());
  return views;
}

enum class Scope { system_alone, everything };

Result<std::map<std::uint32_t, Question>> ask_all(AskSession& ask,
                                                  const std::vector<ResolverView>& views,
                                                  Scope scope) {
  using Database = AskRequest::Database;
  using Family = AskRequest::Family;
  std::map<std::uint32_t, Question> questions;
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < views.size(); ++i) {
    Result<HostName> name = HostName::parse(views[i].name);
    if (!name) return std::move(name).error();
    const auto put = [&](Database database, Family family, Question question) -> Result<void> {
      questions[id] = std::move(question);
      return ask.ask(AskRequest{id++, *name, database, family});
    };
    const auto has = [&](bool v6) {
      return std::any_of(views[i].pinned.begin(), views[i].pinned.end(),
                         [&](const IPAddress& a) { return a.is_v6() == v6; });
    };
    Result<void> asked = put(Database::system, Family::any, {i, Question::Kind::system, ""});
    if (!asked) return std::move(asked).error();
    if (scope == Scope::system_alone) continue;
    asked = put(Database::files, Family::any, {i, Question::Kind::files, ""});
    if (asked) asked = put(Database::dns, Family::any, {i, Question::Kind::dns, ""});
    if (asked && !has(true)) {
      asked = put(Database::system, Family::inet6, {i, Question::Kind::one_family, "inet6"});
    }
    if (asked && !has(false)) {
      asked = put(Database::system, Family::inet, {i, Question::Kind::one_family, "inet"});
    }
    if (!asked) return std::move(asked).error();
  }
  return questions;
}

void take(ResolverView& view, const Question& question, AskResult answer) {
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
      if (answer.status == AskResult::Status::stalled ||
          answer.status == AskResult::Status::found) {
        view.one_family.push_back(question.family);
      }
      return;
  }
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
  return view.system.addresses == view.pinned ? ResolverView::State::files
                                              : ResolverView::State::differs;
}

Result<std::vector<ResolverView>> ask(Context& context, const std::vector<Pin>& pins, Scope scope,
                                      std::chrono::milliseconds deadline) {
  std::vector<ResolverView> views = views_of(pins);
  for (ResolverView& view : views) {
    view.files.status = view.dns.status = view.system.status = AskResult::Status::stalled;
  }
  if (views.empty()) return views;
  Result<std::unique_ptr<AskSession>> session = context.env.worker.start_ask(deadline);
  if (!session) return std::move(session).error();
  Result<std::map<std::uint32_t, Question>> questions = ask_all(**session, views, scope);
  if (!questions) return std::move(questions).error();
  if (Result<void> finished = (*session)->finish(); !finished) return std::move(finished).error();

  const auto limit = context.env.clock.steady() + deadline + kWorkerGrace;
  for (std::size_t answered = 0; answered < questions->size();) {
    Result<AskOutput> output = (*session)->next(limit);
    if (!output) {
      if (output.error().code == Errc::timed_out) break;  // what is open stays stalled
      return std::move(output).error();
    }
    if (output->end) break;
    if (!output->ask) continue;
    ++answered;
    const Question& question = questions->at(output->ask->id);
    take(views[question.view], question, std::move(*output->ask));
  }
  for (ResolverView& view : views) view.state = judge(view);
  return views;
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
    case ResolverView::State::differs:
      return "differs";
    case ResolverView::State::missing:
      return "missing";
    case ResolverView::State::stalled:
      return "stalled";
  }
  return "stalled";
}

Result<std::vector<ResolverView>> ask_resolver(Context& context, const std::vector<Pin>& pins,
                                               std::chrono::milliseconds deadline) {
  return ask(context, pins, Scope::everything, deadline);
}

Result<std::vector<std::string>> check_resolver(Context& context, const std::vector<Pin>& pins) {
  const auto limit = context.env.clock.steady() + kResolverSettles;
  for (;;) {
    const Result<std::vector<ResolverView>> views =
        ask(context, pins, Scope::system_alone, kAnswerLimit);
    if (!views) return views.error();
    std::vector<std::string> troubles;
    for (const ResolverView& view : *views) {
      if (std::string trouble = trouble_with(view); !trouble.empty()) {
        troubles.push_back(std::move(trouble));
      }
    }
    if (troubles.empty() || context.env.clock.steady() >= limit) return troubles;
    context.env.clock.sleep(kAskAgain);
  }
}

}  // namespace hostspin
