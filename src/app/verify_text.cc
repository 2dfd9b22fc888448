#include "verify_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "hostspin/time_text.h"

namespace hostspin {
namespace {

constexpr std::size_t kMarkColumns = 6;  ///< "DOWN  " and the like, before a line
constexpr std::size_t kRoom = kReportColumns - kMarkColumns;
constexpr std::size_t kServiceColumnsMin = 20;
constexpr std::size_t kKindColumnsMax = 30;
constexpr std::string_view kCut = "...";

std::string fit(std::string line, std::size_t columns) {
  if (line.size() <= columns) return line;
  return line.substr(0, columns - kCut.size()) + std::string(kCut);
}

/// `text` in lines of at most kRoom columns, broken at blanks, `mark` before the first and blanks
/// before the others.
std::string wrapped(const std::string& mark, std::string_view text) {
  std::string lines;
  std::string start = mark;
  while (text.size() > kRoom) {
    std::size_t end = text.rfind(' ', kRoom);
    if (end == std::string_view::npos || end == 0) end = kRoom;
    lines.append(start).append(text.substr(0, end)).append("\n");
    text.remove_prefix(end);
    if (text.front() == ' ') text.remove_prefix(1);
    start = std::string(kMarkColumns, ' ');
  }
  return lines.append(start).append(text).append("\n");
}

std::string milliseconds(const ProbeResult& result) {
  const double value = result.rtt_us ? static_cast<double>(*result.rtt_us) / 1000.0
                                     : static_cast<double>(result.elapsed.count());
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.2f ms", value);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string outcome_words(const AddressReport& check) {
  const ProbeResult& result = check.result;
  if (result.verdict == Verdict::ok) {
    std::string words = milliseconds(result);
    if (result.days_left) words += "  certificate " + std::to_string(*result.days_left) + " d";
    return words;
  }
  if (is_skipped(result)) return std::string(skipped_words(result));
  return std::string(verdict_layer(result.verdict)) + " " +
         std::string(verdict_name(result.verdict)) + ": " +
         std::string(verdict_words(result.verdict));
}

/// How wide the columns of a report are, so that its lines stand below each other. Address and
/// cause are never cut for the sake of a long name.
struct Columns {
  std::size_t service = 0;
  std::size_t endpoint = 0;
  std::size_t kind = 0;
  /// The checks of a service that kind and port do not tell apart, by alike_key().
  std::map<std::string, std::set<std::string>> alike;
};

/// What the checks that look alike share.
std::string alike_key(const AddressReport& check) {
  return check.service + " " + std::string(check_kind_name(check.check.kind)) + " " +
         std::to_string(check.check.port);
}

/// The kind; where a service has another check of that kind and port, its options too.
std::string kind_words(const AddressReport& check, const Columns& columns) {
  std::string words(check_kind_name(check.check.kind));
  if (columns.alike.at(alike_key(check)).size() < 2) return words;
  std::string identity = check.check.identity(check.service);
  const std::size_t options = identity.find_first_of("/ ");  // after kind and port
  if (check.check.port == 0) return identity;
  return options == std::string::npos
             ? words
             : words + " " + identity.substr(options + (identity[options] == ' ' ? 1 : 0));
}

Columns columns_of(const ProbeReport& probes) {
  Columns columns;
  std::size_t outcome = 0;
  for (const AddressReport& check : probes.checks) {
    columns.alike[alike_key(check)].insert(check.check.identity(check.service));
  }
  for (const AddressReport& check : probes.checks) {
    columns.kind =
        std::max(columns.kind, std::min(kind_words(check, columns).size(), kKindColumnsMax));
    columns.service = std::max(columns.service, check.service.size());
    columns.endpoint = std::max(columns.endpoint, endpoint_text(check).size());
    if (is_down(check.result)) outcome = std::max(outcome, outcome_words(check).size());
  }
  const std::size_t taken = columns.endpoint + columns.kind + outcome + 6;  // two blanks each
  const std::size_t left = kRoom > taken ? kRoom - taken : 0;
  columns.service = std::min(columns.service, std::max(left, kServiceColumnsMin));
  return columns;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + "  ";
}

std::string check_line(const std::string& mark, const AddressReport& check, const Columns& columns,
                       bool explained) {
  const std::string place = padded(fit(check.service, columns.service), columns.service) +
                            padded(endpoint_text(check), columns.endpoint) +
                            padded(kind_words(check, columns), columns.kind);
  std::string line = place + outcome_words(check);
  const std::string detail = is_skipped(check.result) ? "" : check.result.detail;
  if (explained && !detail.empty()) {
    return wrapped(mark, line) + wrapped(std::string(kMarkColumns, ' '), detail);
  }
  // The library's or kernel's own words, where there is room for them; JSON has them always.
  const bool is_fine = check.result.verdict == Verdict::ok;
  const std::string detailed = line + ": " + detail;
  if (!is_fine && !detail.empty() && detailed.size() <= kRoom) line = detailed;
  return wrapped(mark, line);
}

std::string header(const VerifyFindings& findings) {
  const Standing& standing = *findings.standing;
  const Manifest& manifest = standing.current->manifest();
  const bool expired = standing.current->expired(standing.now);
  const auto left = expired ? standing.now - manifest.expires : manifest.expires - standing.now;
  return "manifest " + std::to_string(manifest.version) + " of " + manifest.fleet + ", issued " +
         format_span(standing.now - manifest.issued) + " ago, " +
         (expired ? "EXPIRED " : "expires in ") + format_span(left) + (expired ? " ago" : "") +
         (standing.rotated_keys ? "; keys ROTATED" : "") + "; block " +
         pins_words(*findings.applied) +
         (findings.clock < standing.now ? "; clock IMPLAUSIBLE" : "");
}

/// Which DNS servers are alive, and what this machine makes of the names.
std::string resolver_words(const ResolverFindings& resolver) {
  std::string words;
  for (const DnsServer& server : resolver.servers.value_or(std::vector<DnsServer>())) {
    words += (words.empty() ? "" : ", ") + server.address.to_string() + " ";
    switch (server.state) {
      case DnsServer::State::answers:
        words += "answers";
        break;
      case DnsServer::State::error:
        words += "answers with ERRORS";
        break;
      case DnsServer::State::silent:
        words += "is SILENT";
        break;
    }
  }
  if (!resolver.servers) words = "no time to ask its servers";
  if (words.empty()) words = "no server is configured";
  const auto pinned = std::count_if(
      resolver.views.begin(), resolver.views.end(),
      [](const ResolverView& view) { return view.state == ResolverView::State::files; });
  return words + "; " + std::to_string(pinned) + " of " + std::to_string(resolver.views.size()) +
         " names resolve here as pinned";
}

enum class Mark { down, warn, skip, fine };

Mark mark_of(const AddressReport& check) {
  if (is_down(check.result)) return Mark::down;
  if (is_warning(check.check, check.result)) return Mark::warn;
  return check.result.verdict == Verdict::ok ? Mark::fine : Mark::skip;
}

std::string mark_text(const Console& console, Mark mark) {
  switch (mark) {
    case Mark::down:
      return console.red("DOWN") + "  ";
    case Mark::warn:
      return console.yellow("WARN") + "  ";
    case Mark::skip:
      return "SKIP  ";
    case Mark::fine:
      return console.green("ok") + "    ";
  }
  return "";
}

}  // namespace

std::string_view skipped_words(const ProbeResult& result) {
  return result.detail.empty() ? verdict_words(result.verdict) : std::string_view(result.detail);
}

std::string verify_text(const Console& console, const VerifyOptions& verify,
                        const VerifyFindings& findings, const VerifyJudgement& judgement,
                        bool checks_listed) {
  std::string text = wrapped("", header(findings));
  const Columns columns = findings.probes ? columns_of(*findings.probes) : Columns{};
  const auto list = [&](Mark wanted) {
    if (!findings.probes) return;
    for (const AddressReport& check : findings.probes->checks) {
      if (mark_of(check) != wanted) continue;
      text += check_line(mark_text(console, wanted), check, columns, !verify.explain.empty());
    }
  };
  list(Mark::down);
  list(Mark::warn);
  list(Mark::skip);
  for (const std::string& warning : judgement.warnings) {
    text += wrapped(mark_text(console, Mark::warn), warning);
  }
  if (findings.resolver) text += wrapped("DNS   ", resolver_words(*findings.resolver));
  for (const std::string& note : judgement.notes) text += wrapped("NOTE  ", note);
  if (checks_listed) {
    list(Mark::fine);
  } else if (judgement.tally.ok > 0) {
    text += std::to_string(judgement.tally.ok) +
            (judgement.tally.ok == 1 ? " check is" : " checks are") + " fine (--all lists them)\n";
  }
  if (!verify.all) return text;
  for (const Pin& pin : findings.applied->pins) {
    text += fit("pin   " + pin.address.to_string() + "  " + pin.name.text(), kReportColumns) + "\n";
  }
  return text;
}

}  // namespace hostspin
