#include "events.h"

#include <algorithm>
#include <array>

#include "number_text.h"

namespace hostspin {
namespace {

struct KindFacts {
  EventKind kind;
  std::string_view name;
  std::string_view message_id;
  LogLevel level;
};

// In the order of the enumeration, so that a kind is its own index. The IDs are in hostspin(8), and
// people's searches: none may change.
constexpr std::array kKinds{
    KindFacts{EventKind::agent_started, "agent_started", "88c84443f2d74520939db761741d32ea",
              LogLevel::info},
    KindFacts{EventKind::agent_stopped, "agent_stopped", "ff1aef1ad8b54890a13c668f78dc22bd",
              LogLevel::info},
    KindFacts{EventKind::configuration_loaded, "configuration_loaded",
              "3bcadee600974a14b67cf4252b55dc08", LogLevel::info},
    KindFacts{EventKind::manifest_adopted, "manifest_adopted", "176b58839ef940a79c473e7587d07f3a",
              LogLevel::info},
    KindFacts{EventKind::manifest_scheduled, "manifest_scheduled",
              "6738970f661b42e18024464aecb2a5c4", LogLevel::info},
    KindFacts{EventKind::roots_adopted, "roots_adopted", "9ef9c12635144b7abdef17363d4f9a70",
              LogLevel::info},
    KindFacts{EventKind::drift_repaired, "drift_repaired", "92c2d617097740ce9f1c300a7a31dbe6",
              LogLevel::warning},
    KindFacts{EventKind::foreign_edit_kept, "foreign_edit_kept", "e60a14454eeb446785ea1f3ecf3c66b5",
              LogLevel::warning},
    KindFacts{EventKind::newer_block_replaced, "newer_block_replaced",
              "90907331c9484ceab4d042ae88277d70", LogLevel::warning},
    KindFacts{EventKind::configuration_refused, "configuration_refused",
              "fcdab432d92243759531850572cd4eef", LogLevel::error},
    KindFacts{EventKind::pass_failed, "pass_failed", "4e56c69b330047fdad10355fae3ac9f9",
              LogLevel::error},
    KindFacts{EventKind::block_not_written, "block_not_written", "6461ae0b46744761af319e3216c67fca",
              LogLevel::error},
    KindFacts{EventKind::nothing_held, "nothing_held", "f2c142ed8a0a4212bc85b463474017fa",
              LogLevel::warning},
    KindFacts{EventKind::manifest_expired, "manifest_expired", "2f32756bde414cf9b9fbf0f953298599",
              LogLevel::warning},
    KindFacts{EventKind::root_expired, "root_expired", "220fd65e67b345f1a0d31bca86ed34fc",
              LogLevel::error},
    KindFacts{EventKind::state_lost, "state_lost", "7c34c6c8a8064af9b4ad036e2bdfee6b",
              LogLevel::error},
    KindFacts{EventKind::state_damaged, "state_damaged", "f70216559cb64c21a4669d0930383f43",
              LogLevel::warning},
    KindFacts{EventKind::held, "held", "d7e9637936b34b74885e8e011768c8d7", LogLevel::warning},
    KindFacts{EventKind::own_name, "own_name", "37a65aeb4a6779fd40784c58653ef95e", LogLevel::error},
    KindFacts{EventKind::conflict, "conflict", "fec0a05d2e13422fa2ec1eccb4dc6d1a",
              LogLevel::warning},
    KindFacts{EventKind::writer_fight, "writer_fight", "a1ed4fd460ab45408ce5645d4f3b4e2d",
              LogLevel::error},
    KindFacts{EventKind::refresh_failed, "refresh_failed", "f7dc870d5da745cbbfe3fc4c44b12009",
              LogLevel::error},
    KindFacts{EventKind::manifest_refused, "manifest_refused", "07685e699b084d2fbced2279576d810e",
              LogLevel::error},
    KindFacts{EventKind::source_failed, "source_failed", "487092cc8df241029d231230402aa405",
              LogLevel::warning},
    KindFacts{EventKind::address_down, "address_down", "b7f0a1c95f0e4d0ea2c4ec0bb6c1c0f4",
              LogLevel::warning},
    KindFacts{EventKind::probe_failed, "probe_failed", "0d6d2a34ce8c4a6ab5fca9f6ba2d8a17",
              LogLevel::warning},
    KindFacts{EventKind::rotated_keys, "rotated_keys", "d59b3586a8bd4222aef6019241457afa",
              LogLevel::warning},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (static_cast<std::size_t>(kKinds[i].kind) != i) return false;
  }
  return kKinds.size() == kEventKinds;
}
static_assert(in_order());

constexpr std::string_view kEventWord = "@event";
constexpr std::string_view kHintWord = "@hint ";
constexpr std::size_t kLineFieldsMax = 32;

const KindFacts& facts(EventKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kJournalValueBytesMax));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

bool is_field_name(std::string_view name) {
  return name.starts_with("HOSTSPIN_") &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == std::string_view::npos;
}

std::string_view cut_part(std::string_view& line) {
  const std::size_t end = std::min(line.find('\t'), line.size());
  const std::string_view part = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return part;
}

}  // namespace

std::string_view event_name(EventKind kind) { return facts(kind).name; }
std::string_view event_message_id(EventKind kind) { return facts(kind).message_id; }
LogLevel event_level(EventKind kind) { return facts(kind).level; }
bool is_alarm(EventKind kind) { return kind >= EventKind::configuration_refused; }

std::optional<EventKind> event_from_name(std::string_view name) {
  for (const KindFacts& known : kKinds) {
    if (known.name == name) return known.kind;
  }
  return std::nullopt;
}

JournalFields journal_fields(const Event& event) {
  JournalFields fields{{"MESSAGE", event.message},
                       {"MESSAGE_ID", std::string(event_message_id(event.kind))},
                       {"PRIORITY", std::to_string(static_cast<int>(event.level()))},
                       {"SYSLOG_IDENTIFIER", "hostspin"},
                       {"HOSTSPIN_EVENT", std::string(event_name(event.kind))}};
  if (is_alarm(event.kind)) {
    fields.emplace_back("HOSTSPIN_STATE", event.cleared ? "cleared" : "raised");
  }
  fields.insert(fields.end(), event.fields.begin(), event.fields.end());
  return fields;
}

std::string format_event_line(const Event& event) {
  std::string line(kEventWord);
  line.append("\t").append(event_name(event.kind));
  line.append(event.cleared ? "\tcleared" : "\t-");
  if (event.number != 0) line.append(" ").append(std::to_string(event.number));
  line.append("\t").append(one_line(event.message));
  for (const auto& [key, value] : event.fields) {
    line.append("\t").append(key).append("=").append(one_line(value));
  }
  return line + "\n";
}

std::optional<Event> parse_event_line(std::string_view line) {
  if (cut_part(line) != kEventWord) return std::nullopt;
  const std::optional<EventKind> kind = event_from_name(cut_part(line));
  if (!kind) return std::nullopt;
  Event event;
  event.kind = *kind;
  const std::string_view state = cut_part(line);
  const std::size_t blank = std::min(state.find(' '), state.size());
  event.cleared = state.substr(0, blank) == "cleared";
  event.number = parse_number(state.substr(std::min(blank + 1, state.size()))).value_or(0);
  event.message = std::string(cut_part(line));
  while (!line.empty() && event.fields.size() < kLineFieldsMax) {
    const std::string_view part = cut_part(line);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || !is_field_name(part.substr(0, equals))) continue;
    event.fields.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return event;
}

std::string format_hint_line(const Hint& hint) {
  std::string line(kHintWord);
  line.append(hint.key).append("=").append(std::to_string(hint.value));
  if (!hint.why.empty()) line.append(" ").append(one_line(hint.why));
  return line.append("\n");
}

std::optional<Hint> parse_hint_line(std::string_view line) {
  if (!line.starts_with(kHintWord)) return std::nullopt;
  line.remove_prefix(kHintWord.size());
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view rest = line.substr(equals + 1);
  const std::size_t blank = std::min(rest.find(' '), rest.size());
  const std::optional<std::int64_t> value = parse_number(rest.substr(0, blank));
  if (!value) return std::nullopt;
  return Hint{std::string(line.substr(0, equals)), *value,
              std::string(rest.substr(std::min(blank + 1, rest.size())))};
}

void emit_events(Env& env, const CommonOptions& options, const std::vector<Event>& events) {
  Journal journal(options.root);
  for (const Event& event : events) {
    if (options.for_agent) {
      env.console.print(format_event_line(event));
    } else {
      (void)journal.send(journal_fields(event));  // no journal: nobody listens
    }
  }
}

void give_hint(Env& env, const CommonOptions& options, std::string_view key, std::int64_t value,
               std::string_view why) {
  if (!options.for_agent) return;
  env.console.print(format_hint_line({std::string(key), value, std::string(why)}));
}

}  // namespace hostspin
