#include "judgement.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "command.h"
#include "desk_files.h"
#include "words.h"

namespace hostspin::desk {
namespace {

std::string_view verdict(const Judgement& judgement) {
  if (judgement.refusal) return "refused";
  return judgement.has_warnings() ? "attention" : "fine";
}

/// "version" of the facts, or empty.
std::string fact(const Judgement& judgement, std::string_view name) {
  for (const auto& [key, value] : judgement.facts) {
    if (key == name) return value;
  }
  return {};
}

std::string headline(const Judgement& judgement, const Console& console) {
  std::string what = judgement.kind;
  const std::string version = fact(judgement, "version");
  if (!version.empty()) what += " " + version + " of fleet " + fact(judgement, "fleet");
  if (judgement.refusal) {
    return console.paint("31", "REFUSED") + ": " + what + ": " +
           std::string(code_name(judgement.refusal->code)) + ": " + judgement.refusal->detail;
  }
  std::string line =
      judgement.has_warnings() ? console.paint("33", "ATTENTION") : console.paint("32", "FINE");
  line += ": " + what;
  if (judgement.draft) return line + ", a draft that nobody has signed";
  line += ", signed by " + join(judgement.signed_by, ", ");
  if (judgement.threshold) line += " (" + std::to_string(*judgement.threshold) + " needed)";
  return line;
}

void print_text(const Judgement& judgement, Console& console) {
  console.result(headline(judgement, console) + "\n");
  std::string facts;
  for (const auto& [key, value] : judgement.facts) {
    if (key == "version" || key == "fleet") continue;
    facts.append(facts.empty() ? "  " : ", ").append(key).append(" ").append(value);
  }
  if (!facts.empty()) console.result(facts + "\n");
  if (!judgement.digest.empty()) console.result("  sha256 of the text: " + judgement.digest + "\n");
  for (const Finding& finding : judgement.findings) {
    console.result("  " + render(finding, console) + "\n");
  }
  if (judgement.compared) {
    console.result(judgement.changes.empty() ? "  nothing changes against --previous\n"
                                             : "  changes against --previous:\n");
    const std::string rendered = render(judgement.changes, console);
    for (const std::string_view line : lines_of(rendered)) {
      console.result("    " + std::string(line) + "\n");
    }
  }
  if (!judgement.refusal) return;
  // On standard error too: a log that keeps that stream alone shall not have a hint without its
  // reason.
  console.error(annotate(*judgement.refusal, shown_path(judgement.path)));
}

void print_json(const Judgement& judgement, Console& console) {
  using Json = nlohmann::ordered_json;
  Json object{{"schema", "hostspin.check/1"},
              {"verdict", verdict(judgement)},
              {"path", judgement.path},
              {"document", judgement.kind},
              {"draft", judgement.draft}};
  for (const auto& [key, value] : judgement.facts) {
    const bool is_number =
        !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    object[key] = is_number ? Json(std::stoll(value)) : Json(value);
  }
  if (!judgement.digest.empty()) object["sha256"] = judgement.digest;
  object["signed_by"] = judgement.signed_by;
  if (judgement.threshold) object["threshold"] = *judgement.threshold;
  if (judgement.refusal) {
    object["error"] = {{"code", code_name(judgement.refusal->code)},
                       {"detail", judgement.refusal->detail},
                       {"hint", judgement.refusal->advice()}};
  }
  object["findings"] = Json::array();
  for (const Finding& finding : judgement.findings) {
    Json item{{"code", finding.code}, {"level", level_name(finding.level)}};
    if (!finding.service.empty()) item["service"] = finding.service;
    item["reason"] = finding.reason;
    object["findings"].push_back(std::move(item));
  }
  if (judgement.compared) object["changes"] = Json::parse(render_json(judgement.changes));
  console.result(object.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n");
}

}  // namespace

bool Judgement::has_warnings() const {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.level == Finding::Level::warning;
  });
}

int Judgement::exit_code() const {
  if (refusal) return kRefused;
  return has_warnings() ? kAttention : kFine;
}

void print(const Judgement& judgement, Console& console) {
  if (console.json()) return print_json(judgement, console);
  print_text(judgement, console);
}

}  // namespace hostspin::desk
