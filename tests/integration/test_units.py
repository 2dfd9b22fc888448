"""The units as they are installed: systemd takes them without a word, and the sandbox is as tight as promised."""

import ipaddress
import re

import pytest
from boot_package import debian_package
from boot_root import Root, or_skip
from support.process import run
from unit_directives import NEWER, OLD, OLDEST, SINCE

# As `systemd-analyze security` writes exposure, in tenths: (most, unit).
EXPOSURE_TENTHS_MAX = {
    "hostspin-apply.service": 10,
    "hostspin-guard.service": 10,
    "hostspin.service": 10,
    "hostspin-refresh.service": 10,
    "hostspin-net@.service": 12,
    "hostspin-ask@.service": 12,
}
# Exit statuses that are no failure of the unit. The guard's looks, one a minute, leave it to apply's unit and to
# the alarm to say that nothing can be judged; the agent has none but 0.
NO_FAILURE = {"hostspin-apply.service": ["1"], "hostspin-guard.service": ["1 3"], "hostspin-refresh.service": ["1"],
              "hostspin.service": []}
WRITERS = ["hostspin-apply.service", "hostspin-guard.service", "hostspin.service", "hostspin-refresh.service"]
WORKERS = ["hostspin-net@.service", "hostspin-ask@.service"]
EARLY = ["hostspin-apply.service", "hostspin-guard.path"]
UNITS = "usr/lib/systemd/system"


@pytest.fixture(scope="module")
def root(programs, tmp_path_factory):
    """A root with systemd's own units and ours."""
    with or_skip():
        package = debian_package(programs.build, tmp_path_factory)
        made = Root(tmp_path_factory.mktemp("units") / "root")
    installed = made.install(package)
    assert installed.code == 0, installed
    yield made
    made.remove()


def directives(root, unit: str) -> list:
    text = (root.path / UNITS / unit).read_text()
    return [tuple(line.split("=", 1)) for line in text.splitlines() if "=" in line and not line.startswith("#")]


def values(root, unit: str, name: str) -> list:
    return [value for key, value in directives(root, unit) if key == name]


def test_systemd_accepts_every_unit_without_a_word(root):
    units = sorted(path.name for path in (root.path / UNITS).glob("hostspin*"))
    assert len(units) == 11, units
    # A template is checked through an instance of it.
    names = [re.sub(r"@\.", "@1.", unit) for unit in units]
    done = run(["systemd-analyze", "verify", "--man=no", f"--root={root.path}", *names])
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", EXPOSURE_TENTHS_MAX)
def test_exposure_stays_below_its_limit(root, unit):
    limit = EXPOSURE_TENTHS_MAX[unit]
    done = run(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={limit}",
                f"--root={root.path}", unit])
    assert done.code == 0, done


@pytest.mark.parametrize("unit", WRITERS)
def test_what_writes_has_no_network_and_no_capability(root, unit):
    assert values(root, unit, "PrivateNetwork") == ["yes"]
    assert values(root, unit, "RestrictAddressFamilies") == ["AF_UNIX"]
    assert values(root, unit, "CapabilityBoundingSet") == [""]
    assert values(root, unit, "ProtectSystem") == ["strict"]
    assert values(root, unit, "User") == []
    (writable,) = values(root, unit, "ReadWritePaths")
    assert set(writable.split()) <= {"/etc", "-/var/lib/hostspin", "-/var/lib/prometheus/node-exporter"}
    assert values(root, unit, "SuccessExitStatus") == NO_FAILURE[unit]


@pytest.mark.parametrize("unit", WRITERS)
def test_what_writes_has_room_for_the_largest_hosts_file(root, unit):
    """The limit of the program, 64 MiB, and that of the unit are kept together."""
    assert values(root, unit, "MemoryMax") == ["256M"]
    assert values(root, unit, "OOMPolicy") == ["continue"]


@pytest.mark.parametrize("unit", WRITERS + WORKERS)
def test_no_unit_needs_tmp(root, unit):
    """systemd 252 makes the /dev of PrivateDevices= in /tmp, unless another rule shuts it; what else uses /tmp is not there."""
    assert values(root, unit, "PrivateDevices") == ["yes"]
    assert "/dev" in " ".join(values(root, unit, "InaccessiblePaths")).split()
    assert values(root, unit, "PrivateTmp") == []


def test_every_directive_is_one_of_a_known_version(root):
    """A directive that is new to the units is to be looked up: what an older systemd does without it must be known."""
    units = [path.name for path in (root.path / UNITS).glob("hostspin*")]
    used = {name for unit in units for name, _ in directives(root, unit)}
    assert used == OLD | SINCE.keys() | NEWER.keys()
    assert max(SINCE.values()) <= OLDEST < min(NEWER.values())


def test_what_an_older_systemd_ignores_is_told(checkout):
    """By doctor, which has a table of its own, and by hostspin(8), with what holds without it."""
    table = (checkout / "src/system/doctor_systemd.cc").read_text()
    told = {name: int(since) for name, since in re.findall(r'Directive\{"(\w+)", (\d+)\}', table)}
    assert told == NEWER
    page = (checkout / "packaging/man/hostspin.8").read_text()
    rows = {name: int(since) for row in re.findall(r"^\.It (\w+=.*\(2\d\d\).*)$", page, re.M)
            for names, since in re.findall(r"((?:\w+=,? ?)+)\((\d+)\)", row) for name in re.findall(r"\w+", names)}
    assert rows == NEWER
    script = (checkout / "packaging/cpack/preinst").read_text()
    assert f"\noldest={OLDEST}\n" in script


@pytest.mark.parametrize("unit", WRITERS + WORKERS)
def test_a_call_that_is_not_on_the_list_is_answered_as_by_an_older_kernel(root, unit):
    """glibc asks for clone3 first, which the groups of systemd 239 do not know, and takes no other answer for a no."""
    assert values(root, unit, "SystemCallErrorNumber") == ["ENOSYS"]


def test_the_workers_user_is_made_without_a_shell(root):
    """systemd 238 and older take no column for one."""
    (line,) = [line for line in (root.path / "usr/lib/sysusers.d/hostspin.conf").read_text().splitlines()
               if not line.startswith("#")]
    assert line == 'u _hostspin - "hostspin workers" /'
    (made,) = [line for line in (root.path / "etc/passwd").read_text().splitlines() if line.startswith("_hostspin:")]
    assert made.endswith(":hostspin workers:/:/usr/sbin/nologin")


def test_no_burst_of_edits_ends_the_guard(root):
    assert values(root, "hostspin-guard.path", "TriggerLimitIntervalSec") == ["0"]
    for unit in ("hostspin-apply.service", "hostspin-guard.service"):
        assert values(root, unit, "StartLimitIntervalSec") == ["0"]


def test_the_guards_look_heeds_a_mask_of_applys_unit(root):
    """As the package's scripts do. The path unit cannot start what is masked anyway."""
    assert values(root, "hostspin-guard.service", "ConditionPathIsSymbolicLink") == [
        "!/etc/systemd/system/hostspin-apply.service", "!/run/systemd/system/hostspin-apply.service"]


def test_a_stop_leaves_the_agents_passes_to_the_agent(root):
    assert values(root, "hostspin.service", "KillMode") == ["mixed"]


@pytest.mark.parametrize("unit", WORKERS)
def test_what_has_a_network_writes_nothing(root, unit):
    assert values(root, unit, "User") == ["_hostspin"]
    assert values(root, unit, "ProtectSystem") == ["strict"]
    assert values(root, unit, "ReadWritePaths") == []
    assert values(root, unit, "StandardInput") == ["socket"]
    assert "AF_UNIX" not in values(root, "hostspin-net@.service", "RestrictAddressFamilies")[0]


# Who gives the instance's credentials to whoever asks, by cloud; the link, and what is no unicast.
METADATA = ["169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd00:c1::/64",
            "fd20:ce::/64", "fe80::/10"]
NO_UNICAST = ["224.0.0.0/3", "ff00::/8"]


def reachable(root, unit: str) -> set:
    """The networks that the unit's filter lets through, in their shortest form."""
    assert values(root, unit, "IPAddressDeny") == ["any"]
    words = " ".join(values(root, unit, "IPAddressAllow")).split()
    networks = [ipaddress.ip_network(word) for word in words]
    return {one for version in (4, 6)
            for one in ipaddress.collapse_addresses(n for n in networks if n.version == version)}


def everything_but(*networks: str) -> set:
    kept = {ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")}
    for out in map(ipaddress.ip_network, networks):
        (around,) = [one for one in kept if one.version == out.version and out.subnet_of(one)]
        kept = (kept - {around}) | set(around.address_exclude(out))
    return kept


def test_the_network_worker_reaches_no_metadata_service(root):
    assert reachable(root, "hostspin-net@.service") == everything_but(*METADATA, *NO_UNICAST)
    # A cloud's DNS server may stand on the link.
    assert reachable(root, "hostspin-ask@.service") == everything_but(*NO_UNICAST)


def test_the_resolver_worker_asks_no_netlink(root):
    families = values(root, "hostspin-ask@.service", "RestrictAddressFamilies")
    assert [set(one.split()) for one in families] == [{"AF_INET", "AF_INET6", "AF_UNIX"}]


@pytest.mark.parametrize("unit", EARLY)
def test_early_units_avoid_what_makes_systemd_delete_jobs(root, unit):
    assert values(root, unit, "DefaultDependencies") == ["no"]
    assert values(root, unit, "After") == ["systemd-remount-fs.service var.mount var-lib.mount"]
    named = {key for key, _ in directives(root, unit)}
    assert not named & {"PrivateTmp", "DynamicUser", "StateDirectory", "RequiresMountsFor", "Requires", "BindsTo"}
    assert values(root, unit, "WantedBy") == ["sysinit.target"]


def test_the_timers_wait_for_no_clock(root):
    for unit, first in (("hostspin-refresh.timer", "OnBootSec"), ("hostspin-guard.timer", "OnActiveSec")):
        named = {key for key, _ in directives(root, unit)}
        assert "OnCalendar" not in named and {first, "OnUnitInactiveSec"} <= named
    texts = [(root.path / UNITS / unit.name).read_text() for unit in (root.path / UNITS).glob("hostspin*")]
    settings = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    assert not [line for line in settings if "time-sync" in line or "time-set" in line]


@pytest.mark.parametrize("unit", ["hostspin-refresh.timer", "hostspin-guard.timer"])
def test_no_timer_wakes_an_idle_machine_for_itself_alone(root, unit):
    """With room to wait for another timer's turn; what is promised of the guard, about a minute, has it too."""
    assert values(root, unit, "AccuracySec") == ["10s"]


def test_the_package_enables_what_the_preset_says(root):
    preset = (root.path / "usr/lib/systemd/system-preset/90-hostspin.preset").read_text()
    wanted = dict(reversed(line.split()) for line in preset.splitlines() if line and not line.startswith("#"))
    for unit, state in wanted.items():
        done = run(["systemctl", f"--root={root.path}", "is-enabled", unit])
        assert done.stdout.strip() == f"{state}d", unit
    installable = {path.name for path in (root.path / UNITS).glob("hostspin*") if "[Install]" in path.read_text()}
    assert set(wanted) == installable
