"""Whoever keeps the block, no edit of /etc/hosts is lost for good, and an incident on the machine itself
(no room, a file system that turned read-only, a hosts file without bounds) does not stop the keepers."""

import json

import pytest
from boot_machine import DeskFleet, bake, boot, installed_root
from boot_package import debian_package, with_version
from boot_root import BOOT_SECONDS_MAX, Root, boot_possible, or_skip

pytestmark = pytest.mark.slow

EDITS, EDITS_LONG = 20, 200
BOOTS, BOOTS_LONG = 3, 20
QUIET = "#cloud-config\n"
# Reload upon reload while cloud-init writes its template over the file.
RELOADS = """#cloud-config
manage_etc_hosts: true
bootcmd:
  - [sh, -c, "(for i in $(seq 60); do systemctl daemon-reload; sleep 0.05; done) >/dev/null 2>&1 &"]
"""
INSTALL = """#cloud-config
bootcmd:
  - [sh, -c, "timeout 60 dpkg --install /package.deb >/out/bootcmd.log 2>&1; echo $? >/out/bootcmd"]
"""


@pytest.fixture(scope="module")
def fleet(programs, tmp_path_factory):
    if not programs.sign.exists():
        pytest.skip(f"{programs.sign} was not built")
    if boot_possible():
        pytest.skip(boot_possible())
    return DeskFleet(programs.sign, tmp_path_factory.mktemp("desk") / "fleet")


@pytest.fixture(scope="module")
def baked_root(programs, fleet, tmp_path_factory):
    with or_skip():
        root = installed_root(programs.build, tmp_path_factory).clone(tmp_path_factory.mktemp("kept") / "root")
    bake(root, fleet)
    yield root
    root.remove()


@pytest.fixture(scope="module")
def is_long(request) -> bool:
    return request.config.getoption("--long")


@pytest.fixture(scope="module")
def keepers(baked_root, fleet, tmp_path_factory, is_long):
    count = EDITS_LONG if is_long else EDITS
    one = boot(baked_root, fleet, tmp_path_factory.mktemp("keepers"), user_data=QUIET, scenario="keepers", early=False,
               files=[("/edits", str(count))], seconds=BOOT_SECONDS_MAX + 40 * count)
    assert one.code == 0
    return one


@pytest.fixture(scope="module")
def incident(baked_root, fleet, tmp_path_factory):
    one = boot(baked_root, fleet, tmp_path_factory.mktemp("incident"), user_data=QUIET, scenario="incident", early=False,
               seconds=2 * BOOT_SECONDS_MAX)
    assert one.code == 0
    return one.main["scenario"]


@pytest.mark.parametrize("keeper", ["guard", "timer", "cron", "agent"])
def test_no_edit_is_lost(keepers, keeper):
    """Whether it falls into a reload of systemd, or right behind another one."""
    assert keepers.main["scenario"][f"lost_by_{keeper}"] == [], keepers.main["journal"][-20000:]


def test_the_guard_looks_again_each_minute(keepers, is_long):
    scenario = keepers.main["scenario"]
    assert "OnUnitInactiveUSec=1min" in scenario["shipped"] and "OnActiveUSec=1min" in scenario["shipped"]
    assert scenario["stopped_with_the_guard"] == "inactive"  # one thing to stop, as an administrator expects
    if is_long:
        assert scenario["lost_as_shipped"] == []


def test_the_end_of_a_back_off_needs_no_agent(keepers):
    assert keepers.main["scenario"]["back_off"] == {"left_alone": True, "back": True}


def test_edits_without_end_do_not_end_the_guard(keepers):
    burst = keepers.main["scenario"]["burst"]
    assert burst["edits"] > 500
    assert (burst["guard"], burst["result"]) == ("active", "success"), burst
    assert burst["pinned_once_there_is_one"] is True


def test_the_guards_looks_do_not_fill_the_journal(keepers):
    """Hundreds of them, of which only the repairs are news."""
    lines = [line for line in keepers.main["journal"].splitlines() if "hostspin-guard.service" in line]
    assert len(lines) < 20, lines[:30]


def test_release_brings_the_block_back_at_once(incident):
    assert incident["release"]["while_held"] is False
    assert incident["release"]["seconds"] is not None and incident["release"]["seconds"] < 2.0


@pytest.mark.parametrize("tmp", ["read_only", "full"])
def test_nothing_needs_tmp(incident, tmp):
    """The units of agent and workers start, and what verify says is about the services."""
    found = incident["tmp"][tmp]
    assert found.get("is_full", True) is True
    assert (found["healed"], found["agent"], found["failed"]) == (True, "active", ""), found
    assert found["verify"]["code"] == 0, found["verify"]


def test_an_agent_that_started_read_only_starts_anew(incident):
    found = incident["read_only"]
    assert found["remounted"] is True
    assert found["seconds"] is not None and found["is_new"] is True


def refused_by_name(found: dict) -> None:
    assert (found["result"], found["exit_status"], found["pinned_by_unit"], found["untouched"]) == ("exit-code", "2", False, True)
    assert "is larger than 64 MiB, which is more than hostspin takes on" in found["said"], found["said"]
    assert found["agent"]["ActiveState"] == "active" and found["restarts"] == "0", found["agent"]
    assert found["litter"] == []
    raised = [json.loads(line)["HOSTSPIN_CODE"] for line in found["alarms"].splitlines()]
    assert "hosts_too_large" in raised, found["alarms"]
    assert json.loads(found["status"])["error"]["code"] == "hosts_too_large", found["status"]


def test_a_file_above_the_limit_is_refused_by_name(incident):
    refused_by_name(incident["too_large"])


def test_every_cloud_init_boot_with_reloads_ends_with_the_block(baked_root, fleet, tmp_path, is_long):
    """By the guard alone, whose edge a reload of systemd swallows."""
    root = baked_root.clone(tmp_path / "root")
    assert root.enter("systemctl", "--root=/", "disable", "hostspin.service").code == 0
    ended_without = []
    try:
        for number in range(BOOTS_LONG if is_long else BOOTS):
            one = boot(root, fleet, tmp_path / f"boot-{number}", user_data=RELOADS, early=False, source=False)
            assert one.code == 0 and "manage_etc_hosts" in one.main["hosts"], one.main["hosts"]
            if "# BEGIN hostspin" not in one.main["hosts"]:
                ended_without.append(number)
    finally:
        root.remove()
    assert ended_without == []


@pytest.fixture(scope="module")
def life(programs, fleet, tmp_path_factory):
    """Installed by bootcmd, in the middle of the boot; nothing of ours was in the image but the fleet's files."""
    with or_skip():
        package = debian_package(programs.build, tmp_path_factory)
        root = Root(tmp_path_factory.mktemp("life") / "root")
    newer = with_version(package, "99.0", tmp_path_factory.mktemp("newer"))
    bake(root, fleet)
    try:
        one = boot(root, fleet, tmp_path_factory.mktemp("life-boot"), user_data=INSTALL, scenario="life", early=False,
                   binds=[(package, "/package.deb"), (newer, "/newer.deb")])
    finally:
        root.remove()
    assert one.code == 0
    return one


RUNNING = {"hostspin.service": "active", "hostspin-guard.path": "active", "hostspin-guard.timer": "active",
           "hostspin-net.socket": "active", "hostspin-ask.socket": "active"}


def test_an_installation_does_not_wait_for_the_boot_it_is_part_of(life):
    scenario = life.main["scenario"]
    assert scenario["installed_by_bootcmd"] == "0", (life.out / "bootcmd.log").read_text()
    assert life.main["running"] == "running" and life.main["failed"] == "", life.main["journal"]
    assert scenario["after_boot"] == RUNNING and scenario["pinned"] is True


def test_what_was_stopped_stays_stopped_over_an_upgrade(life):
    scenario = life.main["scenario"]
    assert scenario["upgrade"]["code"] == 0, scenario["upgrade"]
    stopped = dict.fromkeys(("hostspin.service", "hostspin-ask.socket", "hostspin-guard.timer"), "inactive")
    assert scenario["upgraded"] == {**RUNNING, **stopped}
    assert scenario["downgrade"]["code"] == 0, scenario["downgrade"]
    assert scenario["downgraded"] == {**RUNNING, "is_new": True}


@pytest.mark.parametrize("where", ["etc", "run"])
def test_the_guards_look_pins_nothing_where_applys_unit_is_masked(life, where):
    assert life.main["scenario"]["masked_by"][where] == {"look": 0, "pinned": False, "result": "success",
                                                         "pinned_once_unmasked": True}


def test_policy_rc_d_is_heeded(life):
    scenario = life.main["scenario"]
    assert scenario["with_policy"]["code"] == 0, scenario["with_policy"]
    assert scenario["policy_kept_the_agent"] is True


def test_removal_while_held_leaves_the_block_and_says_so(life):
    scenario = life.main["scenario"]
    assert scenario["remove_held"]["code"] == 0, scenario["remove_held"]
    assert scenario["held_block"] is True
    assert "held: the block stays in /etc/hosts" in scenario["remove_held"]["stdout"], scenario["remove_held"]
    assert scenario["install_again"]["code"] == 0, scenario["install_again"]
    assert scenario["installed_again"] == RUNNING and scenario["pinned_again"] is True


def test_a_purge_empties_a_state_directory_that_is_a_mount(life):
    scenario = life.main["scenario"]
    assert scenario["purge"]["code"] == 0, scenario["purge"]
    assert (scenario["state"], scenario["masked"]) == ([], [])
    assert "BEGIN hostspin" not in scenario["hosts"]
