// What stands between a program's question and the hosts file.

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "doctor_examination.h"
#include "path_text.h"
#include "resolver_facts.h"

#ifdef __GLIBC__  // known once a header of the C library has been read
#include <gnu/libc-version.h>
#endif

namespace hostspin {
namespace {

using Severity = Finding::Severity;

constexpr std::string_view kGoodOrder = "write 'hosts: files dns' in /etc/nsswitch.conf";

/// systemd-resolved's own files, in the order in which they are read; of two of the same name the
/// one in /etc hides the one in /run, and that the vendor's (resolved.conf(5)).
bool resolved_reads_hosts(Examination& exam) {
  bool reads = parse_read_etc_hosts(exam.read("/etc/systemd/resolved.conf")).value_or(true);
  std::map<std::string, std::string> drop_ins;  // name → directory, by name
  for (const char* directory : {"/usr/lib/systemd/resolved.conf.d", "/run/systemd/resolved.conf.d",
                                "/etc/systemd/resolved.conf.d"}) {
    for (const std::string& name : exam.list(directory, ".conf")) drop_ins[name] = directory;
  }
  for (const auto& [name, directory] : drop_ins) {
    reads = parse_read_etc_hosts(exam.read(join_path(directory, name))).value_or(reads);
  }
  return reads;
}

bool pins_dot_local(const std::vector<Pin>& pins) {
  return std::any_of(pins.begin(), pins.end(), [](const Pin& pin) {
    return std::string_view(pin.name.text()).ends_with(".local");
  });
}

/// A source asked before the hosts file.
void examine_earlier_source(Examination& exam, const SwitchSource& source) {
  const std::string& name = source.name;
  const std::string shown = quoted(name);
  if (name == "resolve") return;                             // examine_resolved() looks at it
  if (name == "myhostname" || name == "mymachines") return;  // this machine's own names alone
  if (name == "dns") {
    exam.add("nsswitch_order", Severity::critical,
             "/etc/nsswitch.conf asks DNS before the hosts file: DNS decides while it answers, and "
             "every look-up waits for it when it is dead",
             std::string(kGoodOrder));
    return;
  }
  if (name.starts_with("mdns") && !pins_dot_local(exam.input().pins)) {
    if (name.find("minimal") != std::string::npos) return;  // asks for .local names alone
  }
  exam.add("nsswitch_order", Severity::warning,
           "/etc/nsswitch.conf asks " + shown +
               " before the hosts file: its answers come first, and its stalls are every look-up's",
           "put 'files' first on the 'hosts:' line of /etc/nsswitch.conf");
}

void examine_missing_switch(Examination& exam) {
#ifdef __GLIBC__
  // glibc bug 28700: since 2.35 the default is "files dns", before it "dns [!UNAVAIL=return]
  // files".
  constexpr int kFilesFirstSince = 35;
  const std::string_view version = gnu_get_libc_version();  // "2.36"
  int minor = 0;
  const std::string_view minor_text = version.substr(version.find('.') + 1);
  (void)std::from_chars(minor_text.data(), minor_text.data() + minor_text.size(), minor);
  const bool files_first = exam.is_running_system() && minor >= kFilesFirstSince;
  exam.add("nsswitch_order", files_first ? Severity::info : Severity::warning,
           files_first
               ? "there is no 'hosts:' line in /etc/nsswitch.conf; this C library then asks "
                 "the hosts file first"
               : "there is no 'hosts:' line in /etc/nsswitch.conf: a glibc before 2.35 then "
                 "asks DNS before the hosts file",
           std::string(kGoodOrder));
#else
  exam.add("nsswitch_order", Severity::ok, "this C library asks the hosts file first");
#endif
}

void examine_resolved(Examination& exam, bool before_files) {
  if (resolved_reads_hosts(exam)) {
    if (!before_files) return;
    exam.add("nsswitch_resolve_first", Severity::info,
             "/etc/nsswitch.conf asks systemd-resolved before the hosts file; it reads the file "
             "itself, and sees a change within 2 s");
    return;
  }
  exam.add("resolved_ignores_hosts", before_files ? Severity::critical : Severity::warning,
           before_files
               ? "systemd-resolved is asked before the hosts file and ignores it "
                 "(ReadEtcHosts=no)"
               : "systemd-resolved ignores the hosts file (ReadEtcHosts=no): programs that "
                 "ask it directly do not see the pins",
           "remove ReadEtcHosts=no from /etc/systemd/resolved.conf and its drop-ins, then "
           "'systemctl restart systemd-resolved'");
}

void examine_switch(Examination& exam) {
  const std::optional<std::vector<SwitchSource>> sources =
      parse_switch(exam.read("/etc/nsswitch.conf"));
  if (!sources) {
    examine_missing_switch(exam);
    return examine_resolved(exam, false);
  }
  const auto files = std::find_if(sources->begin(), sources->end(),
                                  [](const SwitchSource& one) { return one.name == "files"; });
  const auto resolve = std::find_if(sources->begin(), files,
                                    [](const SwitchSource& one) { return one.name == "resolve"; });
  const bool resolve_first = resolve != files;
  if (files == sources->end()) {
    exam.add("nsswitch_order", resolve_first ? Severity::warning : Severity::critical,
             resolve_first
                 ? "/etc/nsswitch.conf leaves the hosts file to systemd-resolved: while it "
                   "is down the pins are not seen"
                 : "/etc/nsswitch.conf has no 'files' on its 'hosts:' line: the hosts file "
                   "is not read",
             std::string(kGoodOrder));
    return examine_resolved(exam, resolve_first);
  }
  if (files->action.find("success=continue") != std::string::npos) {
    exam.add("nsswitch_order", Severity::critical,
             "/etc/nsswitch.conf goes on after the hosts file has answered (SUCCESS=continue): the "
             "next source decides",
             std::string(kGoodOrder));
  }
  for (auto one = sources->begin(); one != files; ++one) examine_earlier_source(exam, *one);
  if (files == sources->begin() && files->action.empty()) {
    exam.add("nsswitch_order", Severity::ok, "the hosts file is asked first");
  }
  examine_resolved(exam, resolve_first);
}

void examine_host_conf(Examination& exam) {
  std::map<HostName, int> lines;
  for (const Pin& pin : exam.input().pins) ++lines[pin.name];
  std::vector<std::string> names;
  for (const auto& [name, count] : lines) {
    if (count > 1) names.push_back(name.text());
  }
  if (says_multi_on(exam.read("/etc/host.conf"))) {
    exam.add("host_conf_multi", Severity::ok, "glibc gives every address of a name (multi on)");
  } else if (names.empty()) {
    exam.add("host_conf_multi", Severity::ok,
             "glibc gives a name's first line only, and no name here has more");
  } else {
    exam.add(
        "host_conf_multi", Severity::warning,
        "glibc gives only the first line of " + counted(names.size(), "name") +
            " with several addresses (" + listed(names) + "): /etc/host.conf lacks 'multi on'",
        "write 'multi on' in /etc/host.conf; a program reads it once, so restart what shall see "
        "it");
  }
}

void examine_families(Examination& exam) {
  std::set<HostName> v4;
  std::set<HostName> v6;
  for (const Pin& pin : exam.input().pins) (pin.address.is_v6() ? v6 : v4).insert(pin.name);
  std::vector<std::string> names;
  for (const HostName& name : v4) {
    if (v6.count(name) == 0) names.push_back(name.text());
  }
  for (const HostName& name : v6) {
    if (v4.count(name) == 0) names.push_back(name.text());
  }
  if (names.empty()) return;
  exam.add("one_family", Severity::info,
           counted(names.size(), "name") + " pinned in one address family alone (" + listed(names) +
               "): a question for the other one goes on to DNS, and waits for it");
}

void examine_nscd(Examination& exam) {
  if (!exam.is_running_system()) return;
  if (!exam.exists("/run/nscd/socket") && !exam.exists("/var/run/nscd/socket")) return;
  exam.add("nscd", Severity::info,
           "nscd answers for the C library; it sees a changed hosts file at once, but 'multi' and "
           "nsswitch.conf only when it is restarted",
           "'systemctl restart nscd' after a change to either");
}

}  // namespace

void examine_resolver(Examination& exam) {
  examine_switch(exam);
  examine_host_conf(exam);
  examine_families(exam);
  examine_nscd(exam);
}

}  // namespace hostspin
