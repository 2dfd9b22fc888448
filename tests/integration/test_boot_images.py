"""Boots of images that are odd in one way each: the names are there before cloud-init all the same."""

import json

import pytest
from boot_graph import cycles
from boot_machine import ADDRESS, LATER_NAME, NAME, bake, boot, installed_root, new_fleet
from boot_package import debian_package
from boot_root import boot_possible, or_skip
from support.fleet import moment, service

pytestmark = pytest.mark.slow

RUNCMD = """#cloud-config
runcmd:
  - hostspin refresh --now --output json >/out/refresh.json 2>/out/refresh.err; echo $? >/out/refresh.code
"""


@pytest.fixture(scope="module")
def clone(programs, tmp_path_factory):
    """Makes a root with the package in it, and the fleet's files unless told otherwise."""
    if boot_possible():
        pytest.skip(boot_possible())

    def made(name: str):
        with or_skip():
            debian_package(programs.build, tmp_path_factory)
        return installed_root(programs.build, tmp_path_factory).clone(tmp_path_factory.mktemp(name) / "root")

    return made


def without_var_tmp(root):
    (root.path / "var/tmp").rmdir()


def without_hosts(root):
    (root.path / "etc/hosts").unlink()


def pinned_at_bake(root):
    """As the README's bake does it, with its gate."""
    applied = root.enter("hostspin", "apply")
    assert applied.code == 0, applied
    gate = root.enter("hostspin", "verify", "--offline")
    assert gate.code == 0, gate


def expired_seed(fleet) -> bytes:
    return fleet.manifest(1, [service(NAME, [ADDRESS])], issued=moment(-60), expires=moment(-30))


# name: (what is done to the image, options of its boot, what refresh from runcmd ends with, what status does, at most
# what the offline gate does)
IMAGES = {
    "manage_etc_hosts false": (None, {"user_data": RUNCMD + "manage_etc_hosts: false\n"}, 0, 0, 0),
    "no network": (None, {"source": False}, 2, 1, 0),
    "no /var/tmp": (without_var_tmp, {}, 0, 0, 0),
    "read-only /etc": (pinned_at_bake, {"read_only_etc": True, "source": False}, 2, None, None),
    "no hosts file": (without_hosts, {}, 0, 0, 0),
    "expired seed": (None, {"source": False, "expired": True}, 2, 1, 1),
}


@pytest.fixture(scope="module", params=sorted(IMAGES))
def booted_image(request, clone, tmp_path_factory):
    change, options, _refresh, _status, _verify = IMAGES[request.param]
    options = {"user_data": RUNCMD, "scenario": "status", **options}
    fleet = new_fleet()
    name = request.param.replace(" ", "-").replace("/", "")
    root = clone(name)
    bake(root, fleet, seed=expired_seed(fleet) if options.pop("expired", False) else b"")
    if change:
        change(root)
    if options.pop("read_only_etc", False):
        options["binds"] = [(root.path / "etc", "/etc")]
    result = boot(root, fleet, tmp_path_factory.mktemp(f"boot-{name}"), **options)
    yield request.param, result
    root.remove()


def test_names_resolve_before_cloud_init_starts(booted_image):
    _name, result = booted_image
    early = result.read("early")
    started = int(result.main["units"]["cloud-init-local.service"]["ExecMainStartTimestampMonotonic"])
    assert early["at"] < started
    answer = early["answers"][NAME]
    assert (answer["code"], answer["stdout"].split()[:1]) == (0, [ADDRESS]), early["hosts"]


def test_the_image_was_as_odd_as_its_name_says(booted_image):
    name, result = booted_image
    early = result.read("early")
    assert early["etc_writable"] is (name != "read-only /etc")
    assert early["var_tmp"] is (name != "no /var/tmp")
    assert ("ip6-localhost" in early["hosts"]) is (name != "no hosts file"), early["hosts"]
    status = json.loads(result.main["scenario"]["status"]["stdout"])
    assert status["manifest"]["expired"] is (name == "expired seed")


def test_the_boot_ends_and_nothing_of_ours_failed(booted_image):
    _name, result = booted_image
    assert result.code == 0
    assert "hostspin" not in result.main["failed"], result.main["journal"]
    assert cycles(result.ordering) == []
    assert result.main["scenario"]["agent"]["ActiveState"] == "active", result.main["journal"]


def test_runcmd_ran_and_said_how_it_went(booted_image):
    name, result = booted_image
    expected = IMAGES[name][2]
    report = (result.out / "refresh.json").read_text()
    assert int((result.out / "refresh.code").read_text()) == expected, report
    pinned = result.main["answers"][NAME]
    assert (pinned["code"], pinned["stdout"].split()[:1]) == (0, [ADDRESS]), result.main["hosts"]
    if expected == 0:
        assert result.main["answers"][LATER_NAME]["code"] == 0, result.main["hosts"]


def test_status_and_the_offline_gate_on_that_machine(booted_image):
    name, result = booted_image
    _change, _options, _refresh, status, verify = IMAGES[name]
    scenario = result.main["scenario"]
    assert json.loads(scenario["status"]["stdout"])["schema"] == "hostspin.status/1"
    if status is not None:
        assert scenario["status"]["code"] == status, scenario["status"]
        assert scenario["verify"]["code"] <= verify, scenario["verify"]


def test_the_second_boot_begins_with_what_the_first_one_learned(clone, tmp_path):
    """What runcmd's refresh adopted is pinned before cloud-init of the next boot, with no source left."""
    fleet, root = new_fleet(), clone("second-boot")
    bake(root, fleet)
    first = boot(root, fleet, tmp_path / "first", user_data=RUNCMD, keep=True, instance="one")
    assert (first.code, int((first.out / "refresh.code").read_text())) == (0, 0)
    assert first.read("early")["answers"][LATER_NAME]["code"] != 0

    second = boot(root, fleet, tmp_path / "second", user_data=RUNCMD, keep=True, instance="one", source=False,
                  names=(NAME, LATER_NAME))
    assert second.code == 0 and "hostspin" not in second.main["failed"]
    early = second.read("early")
    assert early["answers"][NAME]["stdout"].split()[:1] == [ADDRESS]
    assert early["answers"][LATER_NAME]["stdout"].split()[:1] == ["10.77.0.2"], early["hosts"]
    assert not (second.out / "refresh.code").exists()  # once an instance
    root.remove()
