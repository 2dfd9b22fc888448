// Our own units, as systemd has them. Told by what it leaves in files, since doctor needs no rights
// and no bus: `/run/systemd/units/invocation:UNIT` is there as long as a unit is active.

#include <algorithm>
#include <array>

#include "config_lines.h"
#include "doctor_examination.h"
#include "owned_handle.h"

namespace hostspin {
namespace {

using Severity = Finding::Severity;

constexpr const char* kUnitFiles = "/etc/systemd/system";
constexpr const char* kRuntimeUnitFiles = "/run/systemd/system";
constexpr const char* kActiveUnits = "/run/systemd/units";
constexpr std::string_view kActiveMark = "invocation:";
constexpr std::array kVendorDirectories = {"/usr/lib/systemd/system", "/lib/systemd/system"};

struct OwnUnit {
  const char* name;
  const char* without;      ///< what does not work where it is not active
  const char* target;       ///< that wants it where it is enabled; empty: another unit of ours does
  const char* in_place_of;  ///< it is fine for this one to be active instead; may be empty
};
constexpr std::array kOwnUnits = {
    OwnUnit{"hostspin-guard.path", "an edit that takes the block out is repaired late",
            "sysinit.target", ""},
    OwnUnit{"hostspin-net.socket", "nothing can be fetched or probed", "sockets.target", ""},
    OwnUnit{"hostspin-ask.socket", "the local resolver is not queried", "sockets.target", ""},
    OwnUnit{"hostspin.service", "no newer manifest is fetched", "multi-user.target",
            "hostspin-refresh.timer"},
    OwnUnit{"hostspin-refresh.timer", "no newer manifest is fetched", "timers.target",
            "hostspin.service"},
    OwnUnit{"hostspin-guard.timer", "a change that the guard missed is not found", "", ""},
};

/// Started by others and not lasting: that one of them is not active says nothing.
struct StartedUnit {
  const char* name;
  const char* without;
};
constexpr std::array kStartedUnits = {
    StartedUnit{"hostspin-apply.service",
                "the block is not written at boot, and not put back by the guard"},
    StartedUnit{"hostspin-refresh.service", "hostspin-refresh.timer fetches nothing"},
    StartedUnit{"hostspin-net@.service", "nothing can be fetched or probed"},
    StartedUnit{"hostspin-ask@.service", "the local resolver is not queried"},
};

class Units {
 public:
  explicit Units(Examination& exam) : exam_(exam), active_(exam.list(kActiveUnits, "")) {}

  [[nodiscard]] bool is_active(const std::string& unit) const {
    const std::string mark = std::string(kActiveMark) + unit;
    return std::find(active_.begin(), active_.end(), mark) != active_.end();
  }
  [[nodiscard]] bool is_enabled(const OwnUnit& unit) {
    // The guard brings its timer along.
    if (*unit.target == '\0') return is_active("hostspin-guard.path");
    return exam_.exists(std::string(kUnitFiles) + "/" + unit.target + ".wants/" + unit.name);
  }
  [[nodiscard]] bool is_masked(const std::string& unit) {
    return is_masked_in(kUnitFiles, unit) || is_masked_in(kRuntimeUnitFiles, unit);
  }

 private:
  [[nodiscard]] bool is_masked_in(const char* path, const std::string& unit) {
    const SysResult<Handle> directory = exam_.fs().open_directory(exam_.input().root, path);
    if (!directory) return false;
    const OwnedHandle owned(exam_.fs(), *directory);
    const SysResult<std::string> link = exam_.fs().read_link(*directory, unit);
    return link && *link == "/dev/null";
  }

  Examination& exam_;
  std::vector<std::string> active_;
};

/// Whether the unit is masked, which is said then.
bool is_found_masked(Examination& exam, Units& units, const std::string& name,
                     const std::string& without) {
  if (!units.is_masked(name)) return false;
  exam.add("unit_masked", Severity::warning, name + " is masked: " + without,
           "systemctl unmask " + name + ", unless that is meant");
  return true;
}

void examine_unit(Examination& exam, Units& units, const OwnUnit& unit) {
  const std::string name = unit.name;
  if (is_found_masked(exam, units, name, unit.without)) return;
  if (!units.is_enabled(unit) || units.is_active(name)) return;
  if (*unit.in_place_of != '\0' && units.is_active(unit.in_place_of)) return;
  // Without a trust root, which is a finding of its own, the agent is not started.
  if (name == "hostspin.service" && exam.input().trust_root) return;
  exam.add("unit_inactive", Severity::warning,
           name + " is enabled and not active: it failed or was stopped; " + unit.without,
           "see 'systemctl status " + name + "', then 'systemctl start " + name + "'");
}

/// Without their user the workers' units end before they begin, with status 217/USER.
void examine_worker_user(Examination& exam) {
  const bool has_workers =
      std::any_of(kVendorDirectories.begin(), kVendorDirectories.end(), [&](const char* directory) {
        return exam.exists(std::string(directory) + "/hostspin-net@.service");
      });
  if (!has_workers) return;
  // The second is where images keep the vendor's users.
  for (const char* path : {"/etc/passwd", "/usr/lib/passwd"}) {
    const std::string users = exam.read(path);
    for (const std::string_view line : lines_of(users)) {
      if (line.starts_with("_hostspin:")) return;
    }
  }
  exam.add("worker_user", Severity::critical,
           "the user _hostspin is missing, so that systemd cannot start hostspin-net and "
           "hostspin-ask (217/USER)",
           "run 'systemd-sysusers hostspin.conf'");
}

}  // namespace

void examine_units(Examination& exam) {
  if (!exam.is_running_system() || !exam.exists("/run/systemd/system")) return;
  const std::size_t before = exam.troubles();
  Units units(exam);
  for (const OwnUnit& unit : kOwnUnits) examine_unit(exam, units, unit);
  for (const StartedUnit& unit : kStartedUnits) {
    (void)is_found_masked(exam, units, unit.name, unit.without);  // no more is asked of it
  }
  examine_worker_user(exam);
  if (exam.troubles() == before) {
    exam.add("units", Severity::ok, "no unit of hostspin is masked, or enabled and not active");
  }
}

}  // namespace hostspin
