"""What the packages' scripts do to a machine: from the first installation to the purge."""

import os
import shutil

import pytest
from boot_machine import bake, new_fleet
from boot_package import debian_package, make_packages, with_version
from boot_root import CHECKOUT, Root, or_skip
from support.process import run

BLOCK = "# BEGIN hostspin"


@pytest.fixture(scope="module")
def package(programs, tmp_path_factory):
    with or_skip():
        return debian_package(programs.build, tmp_path_factory)


@pytest.fixture
def root(package, tmp_path):
    with or_skip():
        made = Root(tmp_path / "root")
    yield made
    made.remove()


def dpkg(root, *arguments):
    done = root.enter("dpkg", *arguments)
    assert done.code == 0, done
    return done


def masked(root) -> list:
    """The units that removal hid from systemd, so that it does not complain of what is not there."""
    units = (root.path / "etc/systemd/system").glob("hostspin*")
    return sorted(unit.name for unit in units if unit.is_symlink() and os.readlink(unit) == "/dev/null")


def script(root, name: str, *arguments: str):
    """One of the installed maintainer scripts, called as dpkg calls it."""
    return root.enter("env", "DPKG_MAINTSCRIPT_PACKAGE=hostspin", f"/var/lib/dpkg/info/hostspin.{name}", *arguments)


def identity(root) -> tuple:
    """What changes with any write of the hosts file."""
    status = os.stat(root.path / "etc/hosts")
    return status.st_ino, status.st_mtime_ns, root.hosts


@pytest.mark.slow
def test_a_life_without_a_running_systemd(package, root, tmp_path):
    """Install, install again, pin, upgrade, remove, come back, purge: as an image's build does it."""
    original = root.hosts
    first = root.install(package)
    assert first.code == 0, first
    assert "no trust root yet" in first.stdout and root.hosts == original
    assert "_hostspin:" in (root.path / "etc/passwd").read_text()

    bake(root, new_fleet())
    again = root.install(package)
    assert again.code == 0, again
    assert root.hosts.startswith(BLOCK) and root.hosts.endswith(original)

    before = identity(root)
    upgraded = root.install(with_version(package, "99.0", tmp_path))
    assert upgraded.code == 0, upgraded
    assert "99.0" in root.enter("dpkg-query", "--show", "hostspin").stdout
    assert identity(root) == before
    # As dpkg does it when the next upgrade fails half-way, and when somebody goes back.
    assert script(root, "postinst", "abort-upgrade", "100.0").code == 0 and identity(root) == before
    downgraded = root.install(package)
    assert downgraded.code == 0 and "downgrading" in downgraded.stderr, downgraded
    assert identity(root) == before
    # A removal that cannot be ended puts back what it took out.
    assert script(root, "prerm", "remove").code == 0 and root.hosts == original
    assert script(root, "postinst", "abort-remove").code == 0 and root.hosts == before[-1]

    # Stands for the manifests that an agent has stored: what a rollback is judged by.
    root.write("var/lib/hostspin/of-an-agent", "")
    dpkg(root, "--remove", "hostspin")
    assert root.hosts == original
    assert "hostspin-refresh.timer" in masked(root)
    assert (root.path / "etc/hostspin/hostspin.toml").exists()
    assert (root.path / "var/lib/hostspin/of-an-agent").exists()

    back = root.install(package)
    assert back.code == 0, back
    assert root.hosts.startswith(BLOCK)
    assert masked(root) == []

    dpkg(root, "--purge", "hostspin")
    assert root.hosts == original
    assert not (root.path / "var/lib/hostspin").exists()
    assert not (root.path / "etc/hostspin/hostspin.toml").exists()
    left = [path for path in (root.path / "etc/systemd/system").rglob("*hostspin*")]
    left += [path for path in (root.path / "var/lib/systemd").rglob("*hostspin*")]
    assert left == []
    # What the administrator put there is the administrator's.
    assert (root.path / "etc/hostspin/root.note").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["disable", "mask"])
def test_an_upgrade_does_not_pin_again_what_was_taken_out(package, root, tmp_path, how):
    original = root.hosts
    bake(root, new_fleet())
    assert root.install(package).code == 0 and root.hosts.startswith(BLOCK)
    stopped = root.enter("systemctl", "--root=/", how, "hostspin-apply.service", "hostspin-guard.path", "hostspin.service")
    assert stopped.code == 0, stopped
    assert root.enter("hostspin", "remove", "--no-hold").code == 0 and root.hosts == original
    assert root.install(with_version(package, "99.0", tmp_path)).code == 0 and root.hosts == original
    assert script(root, "postinst", "abort-upgrade", "100.0").code == 0 and root.hosts == original


# Stands for systemctl on a machine that runs; the states are in /states, by unit, and what it was told is in /calls.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/calls
for unit; do :; done
state=$(sed -n "s/^$unit //p" /states)
case "$*" in
  *is-system-running*) echo running ;;
  *is-enabled*) echo enabled ;;
  *is-active*) [ "$state" = active ] ;;
  *ActiveState*) echo "$state" ;;
esac
"""
STARTED = ["hostspin-net.socket", "hostspin-ask.socket", "hostspin-guard.path", "hostspin.service"]


def told(root, kind: str, states: dict, *, upgrade: bool) -> list:
    """What the package's script has systemd start and restart, in order, on a machine with its units in `states`."""
    root.write("usr/bin/systemctl", SYSTEMCTL, 0o755)
    (root.path / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    every = {**dict.fromkeys(STARTED, "active"), "hostspin-refresh.timer": "inactive", **states}
    root.write("states", "".join(f"{unit} {state}\n" for unit, state in every.items()))
    root.write("calls", "")
    if kind == "deb":
        done = script(root, "postinst", "configure", *(["0.1"] if upgrade else [""]))
    else:
        shutil.copy(CHECKOUT / "packaging/cpack/rpm-post", root.path / "tmp/rpm-post")
        done = root.enter("sh", "/tmp/rpm-post", "2" if upgrade else "1")
    assert done.code == 0, done
    calls = [line.split() for line in (root.path / "calls").read_text().splitlines()]
    return [(word, unit) for line in calls for word in line if word in ("start", "restart")
            for unit in line if unit.startswith("hostspin")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_an_upgrade_restarts_the_agent_and_leaves_what_is_active_alone(package, root, kind):
    """To start hostspin-guard.path anew would bring back the hostspin-guard.timer that somebody has stopped."""
    assert root.install(package).code == 0
    agent = ("restart", "hostspin.service")
    assert told(root, kind, {}, upgrade=True) == [agent]
    assert told(root, kind, {"hostspin-guard.path": "inactive"}, upgrade=True) == [agent]
    assert told(root, kind, {"hostspin-guard.path": "failed"}, upgrade=True) == [("start", "hostspin-guard.path"), agent]
    assert told(root, kind, {"hostspin.service": "inactive"}, upgrade=True) == []
    assert told(root, kind, {"hostspin.service": "inactive", "hostspin-refresh.timer": "active"}, upgrade=True) == []
    stopped = dict.fromkeys(STARTED, "inactive")
    assert told(root, kind, stopped, upgrade=True) == []
    assert told(root, kind, stopped, upgrade=False) == [("start", unit) for unit in STARTED[:3]] + [agent]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_an_installation_pins_nothing_where_applys_unit_is_masked(package, root, kind):
    original = root.hosts
    assert root.install(package).code == 0
    bake(root, new_fleet())
    unit = root.path / "etc/systemd/system/hostspin-apply.service"
    unit.symlink_to("/dev/null")
    told(root, kind, {}, upgrade=False)
    assert root.hosts == original
    unit.unlink()
    told(root, kind, {}, upgrade=False)
    assert root.hosts.startswith(BLOCK)


@pytest.mark.slow
@pytest.mark.parametrize("where,text,kept", [
    ("hostspin.toml", "[package]\nkeep_block_on_remove = true\n", True),
    ("hostspin.toml", "[package]\n  keep_block_on_remove=true # until the move\n", True),
    ("conf.d/90-keep.toml", "package.keep_block_on_remove = true\n", True),
    ("conf.d/90-keep.toml", "package = { keep_block_on_remove = true }\n", True),
    ("hostspin.toml", "[package]\n# keep_block_on_remove = true\n", False),
    ("hostspin.toml", "[package]\nkeep_block_on_remove = false\n[tls.ca]\ntrue = \"/etc/hostspin/ca.pem\"\n", False),
    ("hostspin.toml", "[package]\nkeep_block_on_remove = true\nfleet = [\n", False),
])
def test_removal_keeps_the_block_where_the_configuration_says_so(package, root, where, text, kept):
    original = root.hosts
    bake(root, new_fleet())
    assert root.install(package).code == 0
    assert root.hosts.startswith(BLOCK)
    root.write(f"etc/hostspin/{where}", text)
    dpkg(root, "--remove", "hostspin")
    assert root.hosts.startswith(BLOCK) == kept
    if not kept:
        assert root.hosts == original


@pytest.mark.slow
def test_removal_keeps_the_block_though_the_main_file_is_gone(package, root):
    bake(root, new_fleet())
    assert root.install(package).code == 0
    (root.path / "etc/hostspin/hostspin.toml").unlink()
    root.write("etc/hostspin/conf.d/90-keep.toml", "package.keep_block_on_remove = true\n")
    dpkg(root, "--remove", "hostspin")
    assert root.hosts.startswith(BLOCK)


@pytest.mark.slow
def test_removal_while_held_leaves_the_block_and_says_so(package, root):
    bake(root, new_fleet())
    assert root.install(package).code == 0
    assert root.enter("hostspin", "hold", "--reason", "a test").code == 0
    said = dpkg(root, "--remove", "hostspin").stdout
    assert root.hosts.startswith(BLOCK) and "held: the block stays in /etc/hosts" in said, said


@pytest.mark.slow
def test_removal_after_remove_by_hand_has_nothing_to_leave(package, root):
    original = root.hosts
    bake(root, new_fleet())
    assert root.install(package).code == 0
    assert root.enter("hostspin", "remove").code == 0  # which holds, with a reason of its own
    said = dpkg(root, "--remove", "hostspin").stdout
    assert root.hosts == original and "there was no block" in said, said


@pytest.mark.slow
@pytest.mark.parametrize("options,left", [("rw", []), ("ro", ["of-an-agent"])], ids=["mount", "read-only"])
def test_a_purge_ends_whatever_the_state_directory_is(package, root, options, left):
    bake(root, new_fleet())
    assert root.install(package).code == 0
    steps = ("mount -t tmpfs tmpfs /var/lib/hostspin", "touch /var/lib/hostspin/of-an-agent",
             f"mount -o remount,{options} /var/lib/hostspin", "dpkg --purge hostspin", "ls -A /var/lib/hostspin >/left")
    done = root.enter("sh", "-c", " && ".join(steps))
    assert done.code == 0, done
    assert (root.path / "left").read_text().split() == left
    assert ("could not be emptied" in done.stderr) == bool(left), done
    assert masked(root) == [] and "hostspin" not in root.enter("dpkg-query", "--list").stdout
    status = root.enter("dpkg", "--status", "hostspin")
    assert status.code != 0, status  # nothing half purged


RPM = ("rpm", "--force-debian")
NO_DEPENDENCIES = "--nodeps"  # the root's libraries are Debian's, of which its database knows nothing


@pytest.mark.slow
def test_the_rpm_lives_in_a_root(programs, root, tmp_path):
    """Install, upgrade and erase with its own scriptlets, in a root whose database knows nothing else."""
    if not shutil.which("rpmbuild"):
        pytest.skip("needs the program rpmbuild")
    with or_skip():
        make_packages(programs.build, tmp_path / "first", "RPM")
        make_packages(programs.build, tmp_path / "newer", "RPM", version="99.0")
    (first,), (newer,) = (tmp_path / "first").glob("*.rpm"), (tmp_path / "newer").glob("*.rpm")

    def rpm(*arguments):
        done = run([*RPM, "--root", root.path, *arguments], seconds=120)
        assert done.code == 0 and "scriptlet failed" not in done.stderr, done
        return done

    original = root.hosts
    bake(root, new_fleet())
    run([*RPM, "--root", root.path, "--initdb"])
    rpm("--install", NO_DEPENDENCIES, first)
    assert root.hosts.startswith(BLOCK) and root.hosts.endswith(original)
    assert "_hostspin:" in (root.path / "etc/passwd").read_text()
    wanted = root.path / "etc/systemd/system/sysinit.target.wants"
    assert {"hostspin-apply.service", "hostspin-guard.path"} <= {one.name for one in wanted.iterdir()}

    pinned = identity(root)
    root.write("etc/hostspin/hostspin.toml", "fleet = \"prod.example\"\n")
    rpm("--upgrade", NO_DEPENDENCIES, newer)
    assert "99.0" in rpm("--query", "hostspin").stdout
    assert identity(root) == pinned
    assert (root.path / "etc/hostspin/hostspin.toml").read_text() == "fleet = \"prod.example\"\n"
    assert {"hostspin-apply.service", "hostspin-guard.path"} <= {one.name for one in wanted.iterdir()}

    assert root.enter("hostspin", "remove", "--no-hold").code == 0
    rpm("--upgrade", "--oldpackage", NO_DEPENDENCIES, first)  # for the scriptlets an upgrade like any other
    assert root.hosts == original
    assert root.enter("hostspin", "apply").code == 0 and root.hosts.startswith(BLOCK)
    rpm("--erase", NO_DEPENDENCIES, "hostspin")
    assert root.hosts == original
    left = [path for path in (root.path / "etc/systemd/system").rglob("*hostspin*")]
    assert left == [] and not (root.path / "usr/sbin/hostspin").exists()
    assert (root.path / "etc/hostspin/root.note").exists()
