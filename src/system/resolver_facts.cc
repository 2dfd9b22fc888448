#include "resolver_facts.h"

#include <algorithm>

#include "config_lines.h"

namespace hostspin {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view unquoted(std::string_view text) {
  const bool is_quoted = text.size() >= 2 && text.front() == text.back() &&
                         (text.front() == '"' || text.front() == '\'');
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}

/// "key: value" or "key = value", both trimmed; an empty key where the line has no divider.
struct KeyValue {
  std::string_view key;
  std::string_view value;
};
KeyValue divide(std::string_view line, char divider) {
  const std::size_t at = line.find(divider);
  if (at == std::string_view::npos) return {};
  return {trimmed(line.substr(0, at)), trimmed(line.substr(at + 1))};
}

}  // namespace

std::optional<std::vector<SwitchSource>> parse_switch(std::string_view nsswitch_conf) {
  std::optional<std::vector<SwitchSource>> sources;
  for (const std::string_view line : lines_of(nsswitch_conf)) {
    const KeyValue entry = divide(without_comment(line), ':');
    if (entry.key != "hosts") continue;
    sources.emplace();
    for (std::string_view rest = entry.value; !(rest = trimmed(rest)).empty();) {
      const bool is_action = rest.front() == '[';
      const std::size_t end = is_action ? rest.find(']') : rest.find_first_of(" \t[");
      const std::string_view word = rest.substr(is_action ? 1 : 0, end - (is_action ? 1 : 0));
      if (!is_action) sources->push_back({lower(word), {}});
      if (is_action && !sources->empty()) sources->back().action = lower(trimmed(word));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + (is_action ? 1 : 0));
    }
  }
  return sources;
}

bool says_multi_on(std::string_view host_conf) {
  bool multi = false;
  for (const std::string_view line : lines_of(host_conf)) {
    const std::vector<std::string_view> words = words_of(without_comment(line));
    if (words.size() >= 2 && lower(words[0]) == "multi") multi = lower(words[1]) == "on";
  }
  return multi;
}

std::optional<bool> parse_read_etc_hosts(std::string_view resolved_conf) {
  std::optional<bool> says;
  bool in_section = false;
  for (const std::string_view raw : lines_of(resolved_conf)) {
    const std::string_view line = trimmed(raw);
    if (line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) in_section = line == "[Resolve]";
    const KeyValue entry = divide(line, '=');
    if (!in_section || entry.key != "ReadEtcHosts") continue;
    const std::string value = lower(entry.value);
    // systemd's booleans; an empty value sets the default again, a wrong one is ignored.
    if (value == "no" || value == "n" || value == "false" || value == "f" || value == "off" ||
        value == "0") {
      says = false;
    } else if (value.empty() || value == "yes" || value == "y" || value == "true" || value == "t" ||
               value == "on" || value == "1") {
      says = true;
    }
  }
  return says;
}

CloudInitHosts parse_manage_etc_hosts(std::string_view cloud_config) {
  CloudInitHosts says = CloudInitHosts::unsaid;
  for (const std::string_view line : lines_of(cloud_config)) {
    const KeyValue entry = divide(without_comment(line), ':');
    const bool is_top_level = !line.empty() && line.front() != ' ' && line.front() != '\t';
    if (!is_top_level || unquoted(entry.key) != "manage_etc_hosts") continue;
    const std::string value = lower(unquoted(entry.value));
    if (value == "localhost") {
      says = CloudInitHosts::localhost;
    } else if (value == "true" || value == "template" || value == "yes" || value == "on" ||
               value == "1") {
      says = CloudInitHosts::rewrite;
    } else {
      says = CloudInitHosts::leave;
    }
  }
  return says;
}

}  // namespace hostspin
