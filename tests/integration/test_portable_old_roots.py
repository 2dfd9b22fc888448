"""The portable package on a distribution that is older than the one it was built on."""

import json
import re

import pytest
from boot_machine import ADDRESS, NAME, bake, new_fleet
from boot_package import fields, make_packages
from boot_root import Root, or_skip

pytestmark = pytest.mark.long

SUITE, GLIBC = "bullseye", "2.31"


@pytest.fixture(scope="module")
def package(programs, tmp_path_factory):
    if not programs.portable().hostspin.exists():
        pytest.skip("built without portable programs: HOSTSPIN_LINK is 'both' in the preset ci")
    out = tmp_path_factory.mktemp("package")
    with or_skip():
        make_packages(programs.build, out, kind="portable")
    (deb,) = out.glob("*.deb")
    return deb


@pytest.fixture(scope="module")
def installed(package, tmp_path_factory):
    """A root of what the package depends on, and of nothing else that apt would bring for it."""
    needed = [re.split(r"[ |]", one)[0] for one in fields(package)["Depends"].split(", ")]
    with or_skip():
        root = Root(tmp_path_factory.mktemp("old") / "root", tuple(needed), SUITE)
    root.original = root.hosts
    bake(root, new_fleet())
    done = root.install(package)
    assert done.code == 0, done
    yield root
    root.remove()


def test_it_is_older(installed):
    assert GLIBC in installed.enter("ldd", "--version").stdout.splitlines()[0]


def test_the_package_is_installed_and_the_baked_names_are_pinned(installed):
    status = installed.enter("dpkg-query", "--show", "--showformat=${Status}", "hostspin")
    assert status.stdout == "install ok installed", status
    assert installed.enter("dpkg", "--audit").stdout == ""
    applied = installed.enter("hostspin", "apply")
    assert applied.code == 0 and applied.stderr == "", applied
    assert installed.hosts.startswith("# BEGIN hostspin") and installed.hosts.endswith(installed.original)
    assert f"{ADDRESS}\t{NAME}\n" in installed.hosts


def test_verify_works_and_the_resolver_answers(installed):
    """Asked by hostspin-ask, which this glibc has loaded, and whose NSS has read the file."""
    assert installed.enter("hostspin", "apply").code == 0
    done = installed.enter("hostspin", "verify", "--output", "json")
    report = json.loads(done.stdout)
    assert done.code == 0 and report["warnings"] == [] and report["notes"] == [], done
    assert {one["name"]: one["state"] for one in report["resolver"]} == {NAME: "files"}, done
    assert installed.enter("getent", "hosts", NAME).stdout.split() == [ADDRESS, NAME]


def test_every_program_starts(installed):
    for program in ("/usr/sbin/hostspin", "/usr/bin/hostspin-sign", "/usr/libexec/hostspin/hostspin-net",
                    "/usr/libexec/hostspin/hostspin-ask"):
        done = installed.enter(program, "--version")
        assert done.code == 0 and done.stderr == "", done


def test_a_purge_leaves_the_file_as_it_was(installed):
    assert installed.enter("dpkg", "--purge", "hostspin").code == 0
    assert installed.hosts == installed.original
