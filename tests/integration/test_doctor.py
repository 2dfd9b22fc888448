"""doctor on real parts: what could defeat the pins is a finding with a code, a severity and a remedy."""

import json
import shutil
import subprocess
import time

import pytest
from support.machine import DEFAULT_HOSTS
from support.mounts import Mounts
from support.process import clean_environment, run

SEVERITIES = ("ok", "info", "warning", "critical")
EXIT_CODES = {"ok": 0, "info": 0, "warning": 1, "critical": 2}


@pytest.fixture
def mounts():
    made = Mounts()
    yield made
    made.close()


@pytest.fixture
def pinned_machine(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4))
    (machine.path / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    (machine.path / "etc/host.conf").write_text("multi on\n")
    assert machine.hostspin("apply").code == 0
    return machine


def findings(machine, *, prefix=(), command=None) -> list:
    done = run([*prefix, *(command or machine.command()), "doctor", "--output", "json"])
    said = json.loads(done.stdout)
    assert said["schema"] == "hostspin.doctor/1" and said["exit_code"] == done.code, str(done)
    found = said["findings"]
    places = [SEVERITIES.index(one["severity"]) for one in found]
    assert places == sorted(places, reverse=True), "not the worst first"
    assert done.code == max(EXIT_CODES[one["severity"]] for one in found), str(done)
    for one in found:
        assert one["code"] and one["what"], one
        if one["severity"] in ("warning", "critical"):
            assert one["remedy"], one
    return found


def finding(machine, code: str, **options) -> dict:
    found = findings(machine, **options)
    chosen = [one for one in found if one["code"] == code]
    assert chosen, f"no {code} among {found}"
    return chosen[0]


def test_a_healthy_machine_has_nothing_that_defeats_the_pins(pinned_machine):
    bad = [one for one in findings(pinned_machine) if one["severity"] in ("warning", "critical")]
    assert bad == []


@pytest.mark.parametrize("path, text, code, severity", [
    ("etc/nsswitch.conf", "hosts: dns files\n", "nsswitch_order", "critical"),
    ("etc/nsswitch.conf", "hosts: dns\n", "nsswitch_order", "critical"),
    ("etc/host.conf", "", "host_conf_multi", None),
    ("etc/hosts", "10.9.9.9 db.svc.example.com\n", "conflict", "warning"),
    ("etc/hosts", "# Ansible managed\n127.0.0.1 localhost\n", "other_writer", "warning"),
    ("etc/hosts", "# Kubernetes-managed hosts file.\n127.0.0.1 localhost\n", "other_writer", "warning"),
    ("etc/hosts", "10.5.5.5 printer\n", "no_localhost", "warning"),
    ("etc/hosts", "127.0.0.1 localhost\n# " + "x" * 70_000 + "\n", "hosts_long_lines", "critical"),
    ("etc/cloud/cloud.cfg", "manage_etc_hosts: true\n", "cloud_init", None),
])
def test_what_stands_in_a_file_is_found(pinned_machine, path, text, code, severity):
    target = pinned_machine.path / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    found = finding(pinned_machine, code)
    assert severity is None or found["severity"] == severity, found


def test_mode_and_links(pinned_machine):
    pinned_machine.hosts_path.chmod(0o600)
    (pinned_machine.path / "etc/hosts.link").hardlink_to(pinned_machine.hosts_path)
    assert finding(pinned_machine, "hosts_mode")["severity"] == "critical"
    assert finding(pinned_machine, "hosts_hard_links")["severity"] == "warning"


def test_an_unreadable_trust_root(pinned_machine):
    (pinned_machine.path / "etc/hostspin/root.note").write_text("not a note\n")
    assert [one for one in findings(pinned_machine) if one["severity"] == "critical"]


def test_read_only_and_bind_mounts(pinned_machine, mounts):
    etc = pinned_machine.path / "etc"
    mounts.run("mount", "--bind", etc, etc)
    mounts.run("mount", "-o", "remount,bind,ro", etc)
    assert finding(pinned_machine, "read_only", prefix=mounts.prefix())["severity"] == "critical"
    mounts.run("mount", "-o", "remount,bind,rw", etc)
    elsewhere = pinned_machine.path / "elsewhere"
    elsewhere.write_bytes(DEFAULT_HOSTS)
    mounts.run("mount", "--bind", elsewhere, pinned_machine.hosts_path)
    assert finding(pinned_machine, "bind_mount", prefix=mounts.prefix())["severity"] == "critical"


def test_immutable(pinned_machine, mounts):
    image = pinned_machine.path / "image"
    with open(image, "wb") as file:
        file.truncate(4 << 20)
    mounts.run("mkfs.ext4", "-q", image)
    mounts.run("mount", "-o", "loop", image, pinned_machine.path / "etc")
    hosts = pinned_machine.hosts_path
    mounts.run("sh", "-c", f"echo 127.0.0.1 localhost > {hosts}; chattr +i {hosts}")
    found = finding(pinned_machine, "immutable", prefix=mounts.prefix())
    assert found["severity"] == "critical" and "chattr -i" in found["remedy"], found


def test_a_container_that_keeps_the_old_file_is_named(pinned_machine, fleet):
    """It mounted the file; since then the file has been replaced, and it will never see that."""
    machine = pinned_machine
    mounts = Mounts(over_etc=True)
    mounts.run("mount", "--bind", machine.path / "etc", "/etc")
    inside = machine.path / "hosts-in-container"
    inside.write_bytes(b"")
    container = subprocess.Popen(
        [*mounts.prefix(), "unshare", "--mount", "sh", "-c",
         f"mount --bind /etc/hosts {inside} && echo ready && exec cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
    try:
        assert container.stdout.readline() == b"ready\n"
        machine.trust(fleet.root(), fleet.manifest(5))
        assert machine.hostspin("apply").code == 0
        # Others on this machine may have such mounts too.
        stale = [one["what"] for one in findings(machine, prefix=mounts.prefix(), command=[machine.programs.hostspin])
                 if one["code"] == "stale_mount"]
        assert [what for what in stale if f"process {container.pid} ('cat')" in what and str(inside) in what], stale
    finally:
        container.communicate(timeout=10)
        mounts.close()


# What an unprivileged user does in each of his namespaces: many mounts, and a deleted "hosts" among the last of them.
PLANT = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, b"\x1b[2Jx\nfake: y", 0, 0, 0)  # PR_SET_NAME
def mount(source, target, kind, flags):
    if libc.mount(source, target, kind, flags, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
mount(b"none", b"/tmp", b"tmpfs", 0)
bad = b"/tmp/\x1b[31mfake\ncritical  block: planted"
for path in (b"/tmp/hosts", bad):
    open(path, "w").close()
os.mkdir("/tmp/d")
for _ in range(int(sys.argv[1])):
    mount(b"/tmp/d", b"/tmp/d", None, 4096)  # MS_BIND
mount(b"/tmp/hosts", bad, None, 4096)
os.unlink("/tmp/hosts")
print("ready", flush=True)
sys.stdin.read()
"""


def test_an_unprivileged_users_namespaces_neither_hold_doctor_up_nor_alarm(machine):
    """40 namespaces, each with a long table of mounts and a finding of its own making."""
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "unshare", "--user", "--map-root-user",
               "--mount", "--"]
    if not shutil.which("setpriv") or run([*as_user, "true"]).code != 0:
        pytest.skip("an unprivileged user has no namespaces here")
    planted = [subprocess.Popen([*as_user, "/usr/bin/python3", "-c", PLANT, "300"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, env=clean_environment(), cwd="/") for _ in range(40)]
    try:
        for one in planted:
            assert one.stdout.readline() == b"ready\n"
        begun = time.monotonic()
        text = run([machine.programs.hostspin, "doctor", "--all"])
        took = time.monotonic() - begun
        assert took < 5.0, f"{took:.1f} s"
        assert "\x1b" not in text.stdout and "\ncritical  block: planted" not in text.stdout
        done = run([machine.programs.hostspin, "doctor", "--output", "json"])
        ours = [one for one in json.loads(done.stdout)["findings"]
                if one["code"] == "stale_mount" and "of user 65534" in one["what"]]
        assert ours and len(ours) <= 6, ours
        for one in ours:
            assert one["severity"] == "info" and one["what"].startswith("reported by "), one
            assert one["what"].isprintable(), one
        named = {f"reported by process {one.pid} of user 65534 " for one in planted}
        assert any(one["what"].startswith(tuple(named)) for one in ours), ours
    finally:
        for one in planted:
            one.communicate(timeout=20)


def test_a_mount_that_does_not_answer_does_not_hold_doctor_up(pinned_machine, tmp_path):
    """Whoever opens that directory stops there, as on a mount whose server is gone."""
    if not shutil.which("strace"):
        pytest.skip("needs the program strace")
    machine = pinned_machine
    slow = machine.path / "etc/systemd/resolved.conf.d"
    slow.mkdir(parents=True)
    begun = time.monotonic()
    done = run(["strace", "-f", "-o", tmp_path / "trace", "-P", "/etc/systemd/resolved.conf.d", "-e", "trace=openat2",
                "-e", "inject=openat2:signal=STOP", "--", *machine.command("doctor", "--output", "json")], seconds=40)
    took = time.monotonic() - begun
    late = [one for one in json.loads(done.stdout)["findings"] if one["code"] == "not_checked"]
    assert took < 15 and late and "resolved.conf.d" in late[0]["what"] and "4000 ms" in late[0]["what"], done
    assert [one for one in json.loads(done.stdout)["findings"] if one["code"] == "trust_root"], "what was found is kept"
