"""A real systemd boots with a real cloud-init: the names are there before anything could ask for them,
they survive cloud-init, and no ordering cycle is hidden in the graph of units."""

import json
import os
import shlex

import boot_machine
import pytest
from boot_graph import comes_before, cycles
from boot_machine import ADDRESS, LATER_NAME, NAME, DeskFleet, bake, boot, installed_root
from boot_package import debian_package, with_version
from boot_root import boot_possible, or_skip

pytestmark = pytest.mark.slow

# 46 ms where it was measured alone, 320 ms with fourteen busy processes on two cores.
GAP_SECONDS_MAX = 2.0
RUNCMD = """#cloud-config
runcmd:
  - hostspin refresh --now --output json >/out/refresh.json 2>/out/refresh.err; echo $? >/out/refresh.code
"""
# A mount that waits for cloud-init: After=local-fs.target in an early unit would close a cycle here.
FSTAB = "tmpfs /mnt tmpfs x-systemd.requires=cloud-init.service 0 0\n"


@pytest.fixture(scope="module")
def fleet(programs, tmp_path_factory):
    if not programs.sign.exists():
        pytest.skip(f"{programs.sign} was not built")
    return DeskFleet(programs.sign, tmp_path_factory.mktemp("desk") / "fleet")


@pytest.fixture(scope="module")
def package(programs, tmp_path_factory):
    if boot_possible():
        pytest.skip(boot_possible())
    with or_skip():
        return debian_package(programs.build, tmp_path_factory)


@pytest.fixture(scope="module")
def baked_root(programs, package, fleet, tmp_path_factory):
    """An image: the package installed in a chroot, and the fleet's files put in."""
    with or_skip():
        root = installed_root(programs.build, tmp_path_factory).clone(tmp_path_factory.mktemp("baked") / "root")
    bake(root, fleet)
    yield root
    root.remove()


def booted_once(root, fleet, tmp_path_factory, name, **options):
    return boot(root, fleet, tmp_path_factory.mktemp(name), **options)


@pytest.fixture(scope="module")
def plain(baked_root, fleet, tmp_path_factory):
    return booted_once(baked_root, fleet, tmp_path_factory, "plain", user_data=RUNCMD, scenario="baked")


@pytest.fixture(scope="module")
def managed(baked_root, fleet, tmp_path_factory):
    """cloud-init owns the hosts file, and a mount waits for cloud-init."""
    return booted_once(baked_root, fleet, tmp_path_factory, "managed", watch=True,
                       user_data=RUNCMD + "manage_etc_hosts: true\n", files=[("/etc/fstab", FSTAB)])


@pytest.fixture(scope="module")
def localhost_managed(baked_root, fleet, tmp_path_factory):
    return booted_once(baked_root, fleet, tmp_path_factory, "localhost",
                       user_data=RUNCMD + "manage_etc_hosts: localhost\n")


BOOTS = ["plain", "managed", "localhost_managed"]


@pytest.fixture
def any_boot(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("any_boot", BOOTS, indirect=True)
def test_the_boot_ends_well_and_no_unit_fails(any_boot):
    main = any_boot.main
    assert any_boot.code == 0
    assert (main["running"], main["failed"]) == ("running", ""), main["journal"]


@pytest.mark.parametrize("any_boot", BOOTS, indirect=True)
def test_names_resolve_before_cloud_init_starts(any_boot):
    early = any_boot.read("early")
    started = int(any_boot.main["units"]["cloud-init-local.service"]["ExecMainStartTimestampMonotonic"])
    assert early["at"] < started
    answer = early["answers"][NAME]
    assert (answer["code"], answer["stdout"].split()[0]) == (0, ADDRESS), early["hosts"]


@pytest.mark.parametrize("any_boot", BOOTS, indirect=True)
def test_no_ordering_cycle_hides_in_the_graph(any_boot):
    after = any_boot.ordering
    assert cycles(after) == []
    for later in ("cloud-init-local.service", "network-pre.target", "nss-lookup.target", "sysinit.target"):
        assert comes_before(after, "hostspin-apply.service", later)
    assert not comes_before(after, "local-fs.target", "hostspin-apply.service")


def test_the_cycle_detector_sees_the_cycle_it_is_for(managed):
    """The same graph with the one dependency that the early unit must never have."""
    after = {unit: set(before) for unit, before in managed.ordering.items()}
    after["hostspin-apply.service"].add("local-fs.target")
    (found,) = cycles(after)
    assert {"hostspin-apply.service", "local-fs.target", "mnt.mount", "cloud-init.service"} <= set(found)


@pytest.mark.parametrize("any_boot", BOOTS, indirect=True)
def test_runcmd_ran_and_its_refresh_fetched_and_probed(any_boot):
    """Fetched by the worker in its sandbox, adopted by a program without a network."""
    code = int((any_boot.out / "refresh.code").read_text())
    report = (any_boot.out / "refresh.json").read_text()
    assert code == 0, (report, (any_boot.out / "refresh.err").read_text())
    assert json.loads(report)["schema"] == "hostspin.refresh/1"
    answer = any_boot.main["answers"][LATER_NAME]
    assert (answer["code"], answer["stdout"].split()[0]) == (0, "10.77.0.2"), any_boot.main["hosts"]


def test_the_agent_runs_and_says_how_it_is(plain):
    agent = plain.main["scenario"]["agent"]
    assert (agent["ActiveState"], agent["SubState"]) == ("active", "running")
    assert agent["StatusText"] != ""


@pytest.mark.parametrize("keeper", ["agent", "guard"])
def test_a_block_that_was_wiped_is_put_back(plain, keeper):
    healed = plain.main["scenario"][f"healed_by_{keeper}"]
    assert healed["seconds"] is not None, plain.main["journal"]
    assert healed["same_block"] and healed["kept_foreign"]


def test_a_hold_binds_the_guard(plain):
    held = plain.main["scenario"]["held"]
    assert held == {"guard_started_apply": True, "block_while_held": False, "block_after_release": True}


def test_stopping_the_agent_leaves_the_block(plain):
    assert plain.main["scenario"]["block_after_stop"] is True


def test_the_refresh_unit_works_in_its_sandbox(plain):
    scenario = plain.main["scenario"]
    ended = (scenario["refresh_by_unit"]["code"], scenario["refresh_unit"]["Result"])
    assert ended == (0, "success"), plain.main["journal"]
    assert plain.main["failed_later"] == ""


def test_the_agent_and_the_timer_stop_each_other(plain):
    scenario = plain.main["scenario"]
    assert scenario["agent_started_over_timer"] == ["inactive", "active"]
    assert scenario["timer_started_over_agent"] == ["active", "inactive"]


def test_the_workers_are_reached_by_root_alone(plain):
    assert all(rights == ["0o600", 0] for rights in plain.main["scenario"]["sockets"].values())


def test_what_writes_has_no_network_and_what_has_one_is_nobody(plain):
    """As the kernel tells it of the running processes."""
    scenario = plain.main["scenario"]
    processes, user = scenario["processes"], scenario["worker_user"]
    assert set(processes) == {"agent", "net", "ask"} and all(processes.values()), processes
    for one in processes.values():
        assert set(one["CapPrm"] + one["CapEff"] + one["CapBnd"]) == {"0000000000000000"}
        assert (one["NoNewPrivs"], one["filtered"]) == (["1"], True)
    assert processes["agent"]["own_network"] is True and set(processes["agent"]["Uid"]) == {"0"}
    for worker in ("net", "ask"):
        assert processes[worker]["own_network"] is False
        assert user != "0" and set(processes[worker]["Uid"]) == {user}


def test_verify_and_status_on_the_booted_machine(plain):
    scenario = plain.main["scenario"]
    assert scenario["status"]["code"] in (0, 1), scenario["status"]
    assert json.loads(scenario["verify"]["stdout"])["schema"] == "hostspin.verify/1"
    assert scenario["verify"]["code"] == 0, scenario["verify"]


def test_without_landlock_the_worker_works_and_says_so_once(plain):
    scenario = plain.main["scenario"]
    if scenario["landlock_abi"] > 0:
        pytest.skip("this container has Landlock")
    said = scenario["verify_verbose"]
    assert said["code"] == 0 and said["stderr"].count("no Landlock") == 1, said


def test_cloud_init_wipes_the_block_and_the_guard_puts_it_back(managed):
    """Only a boot in which the block was seen to go proves anything about its return."""
    changes = managed.read("watch")
    gone = [change["at"] for change in changes if not change["block"]]
    back = [change["at"] for change in changes if change["block"]]
    assert gone, "cloud-init did not touch the block"
    assert changes[-1]["block"] is True
    later_stage = int(managed.main["units"]["cloud-final.service"]["ExecMainStartTimestampMonotonic"])
    for moment in gone:
        returned = min(at for at in back if at > moment)
        assert (returned - moment) / 1e6 < GAP_SECONDS_MAX
        assert returned < later_stage  # runcmd and what follows never see a file without the block
    assert "manage_etc_hosts" in managed.main["hosts"]


@pytest.mark.parametrize("owner", [(0, 4), (65534, 65534)], ids=["root:adm", "nobody:nogroup"])
def test_a_foreign_owner_is_named_and_the_file_untouched(baked_root, fleet, tmp_path, owner):
    """By the real unit, which has no capability with which it could keep that owner."""
    root = baked_root.clone(tmp_path / "root")
    before = "127.0.0.1\tlocalhost\n# somebody else's\n"
    os.chown(root.write("etc/hosts", before), *owner)
    try:
        # Without RUNCMD, whose refresh is root's with all capabilities.
        one = boot(root, fleet, tmp_path / "boot", user_data="#cloud-config\n", scenario="foreign_owner", early=False,
                   source=False)
    finally:
        root.remove()
    assert one.code == 0
    scenario = one.main["scenario"]
    assert scenario["owner"] == scenario["owner_with_agent"] == [*owner, 0o644, before]
    assert (scenario["apply"]["Result"], scenario["apply"]["ExecMainStatus"]) == ("exit-code", "2"), scenario["apply"]
    said = scenario["said"]
    assert f"cannot keep the owner of '/etc/hosts', uid {owner[0]} gid {owner[1]}" in said, said
    assert "hint: give the file to root ('chown root:root')" in said, said
    raised = scenario["events"][0]
    assert (raised["HOSTSPIN_STATE"], raised["HOSTSPIN_CODE"]) == ("raised", "foreign_owner"), raised
    assert int(raised["__MONOTONIC_TIMESTAMP"]) < int(scenario["agent"]["ExecMainStartTimestampMonotonic"])
    assert "cannot keep the owner" in scenario["agent"]["StatusText"], scenario["agent"]
    assert scenario["by_hand"]["code"] == 0, scenario["by_hand"]
    assert scenario["owner_by_hand"][:3] == [*owner, 0o644] and NAME in scenario["owner_by_hand"][3]


def test_upgrade_removal_and_purge_on_a_running_machine(baked_root, package, fleet, tmp_path):
    """An upgrade does not touch the file; removal takes the block and the units out, purge the rest."""
    newer = with_version(package, "99.0", tmp_path)
    one = boot(baked_root, fleet, tmp_path / "remove", user_data=RUNCMD, scenario="remove", early=False,
               binds=[(package, "/package.deb"), (newer, "/newer.deb")])
    assert one.code == 0
    scenario = one.main["scenario"]
    assert "# BEGIN hostspin" in scenario["before"]
    assert scenario["upgrade"]["code"] == 0, scenario["upgrade"]
    assert scenario["upgrade_left_the_file"] is True and scenario["upgraded_agent_is_new"] is True, scenario
    for unit in ("hostspin.service", "hostspin-guard.path", "hostspin-net.socket", "hostspin-ask.socket"):
        assert scenario["upgraded_units"][unit] == "active"
    assert scenario["remove"]["code"] == 0, scenario["remove"]
    assert "hostspin" not in baked_root.hosts and scenario["removed_hosts"] == baked_root.hosts
    assert scenario["removed_hosts_later"] == scenario["removed_hosts"]
    assert set(scenario["removed_units"].values()) == {"inactive"}, scenario["removed_units"]
    assert scenario["install"]["code"] == 0, scenario["install"]
    assert scenario["reinstalled_block"] is True, scenario["install"]
    for unit in ("hostspin.service", "hostspin-guard.path", "hostspin-net.socket", "hostspin-ask.socket"):
        assert scenario["reinstalled_units"][unit] == "active"
    assert "hostspin-refresh.timer" in scenario["reinstalled_states"] and "masked" not in scenario["reinstalled_states"]
    assert scenario["purge"]["code"] == 0, scenario["purge"]
    assert scenario["purged_hosts"] == baked_root.hosts and scenario["purged_state"] is False
    assert one.main["failed_later"] == ""


def test_the_probe_asks_for_names_of_the_manifest():
    """The probe's names come from here, so that a typing mistake cannot make it ask for nothing."""
    assert NAME in shlex.split(boot_machine.EARLY_UNIT.split("ExecStart=")[1].splitlines()[0])
