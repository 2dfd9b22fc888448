"""hostspin with a hostile hostspin-net beside it: it says so in time, and nothing else happens."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from support.fleet import Raw, service
from support.machine import Machine, source
from support.process import run
from support.worker_user import account

DEADLINE_SECONDS = 2
# Beyond the deadline: the parent's patience with a worker that is late, its kill, and a busy machine.
GRACE_SECONDS = 6

# What the worker does, and what the report must say of it.
HOSTILE = {
    "dies at once": ("exit 3", "exited with status 3"),
    "is killed": ("kill -KILL $$", "killed by signal 9"),
    "dies in a line": ("printf '{\"fetch'", "in the middle of a line"),
    "hangs": ("sleep 600", "no answer from hostspin-net"),
    "ignores signals and hangs": (
        "trap '' TERM HUP INT PIPE; while :; do sleep 600; done", "no answer from hostspin-net"),
    "reads nothing": ("exec 0<&-; sleep 600", "no answer from hostspin-net"),
    "closes its output and stays": ("exec >&-; sleep 600", "closed its output and stayed"),
    "floods without LF": ("cat /dev/zero", "sent a line above"),
    "floods with lines": ("yes", "left the protocol"),
    "floods with notices": ("yes '{\"notice\":\"no Landlock\"}'", "too many notices"),
    "sends garbage": ("head -c 4096 /dev/urandom; echo; sleep 600", "left the protocol"),
    "answers what was not asked": (
        "echo '{\"probe\":{\"id\":77,\"verdict\":\"ok\",\"errno\":0,\"elapsed_ms\":1}}'; sleep 600",
        "not open: id 77"),
    "ends at once": ("echo '{\"end\":true}'", "unanswered"),
    "has children that stay": ("sleep 600 & sleep 600 & exit 0", "no answer from hostspin-net"),
}


@pytest.fixture
def scratch():
    """A directory that the unprivileged worker can reach, which pytest's own is not."""
    path = Path(tempfile.mkdtemp(prefix="hostspin-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def install(scratch: Path, programs, script: str) -> Path:
    """The installed layout: hostspin finds its worker at ../libexec/hostspin alone."""
    worker = scratch / "libexec/hostspin/hostspin-net"
    worker.parent.mkdir(parents=True)
    worker.write_text(f"#!/bin/sh\n{script}\n")
    worker.chmod(0o755)
    (scratch / "sbin").mkdir()
    shutil.copy(programs.hostspin, scratch / "sbin/hostspin")
    return scratch / "sbin/hostspin"


def processes_with(*marks: str) -> list:
    """Every process whose command line holds one of the marks."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(mark in command for mark in marks):
            found.append((entry.name, command))
    return found


def await_end_of(*marks: str) -> list:
    """Those left after five seconds: a killed grandchild is nobody's to wait for, and dies when it is next run."""
    end = time.monotonic() + 5
    while (left := processes_with(*marks)) and time.monotonic() < end:
        time.sleep(0.02)
    return left


@pytest.mark.parametrize("behaviour", HOSTILE)
def test_a_hostile_worker_fails_the_refresh_and_nothing_else(scratch, tmp_path, programs, fleet, behaviour):
    seed = fleet.manifest(1, [service("db.svc.example.com", ["10.1.2.3"])])
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), seed)
    machine.configure(source("http://192.0.2.1/fleet"), text=f'[refresh]\ndeadline = "{DEADLINE_SECONDS}s"\n')
    script, expected = HOSTILE[behaviour]
    naps = str(600_000_000 + time.monotonic_ns() % 100_000_000)  # so that no other test's sleep is meant
    hostspin = install(scratch, programs, script.replace("600", naps))
    assert machine.hostspin("apply").code == 0
    before = machine.identity()

    begin = time.monotonic()
    done = run([hostspin, "--root", machine.path, "--output", "json", "refresh"])
    seconds = time.monotonic() - begin

    assert done.code == 2, str(done)  # nothing confirmed, and the exit code says so
    assert seconds < DEADLINE_SECONDS + GRACE_SECONDS, str(done)
    reasons = [one["failed"] for one in json.loads(done.stdout)["sources"]]
    assert len(reasons) == 1 and "hostspin-net" in reasons[0] and expected in reasons[0], str(done)
    assert machine.identity() == before
    assert await_end_of(str(scratch), f"sleep {naps}") == []
    assert machine.litter() == []


@pytest.mark.parametrize("behaviour", HOSTILE)
def test_a_hostile_worker_fails_the_probes_and_nothing_else(scratch, tmp_path, programs, fleet, behaviour):
    """verify says whose fault it is, whatever was to be probed."""
    check = Raw("{ tcp = 5432 }")
    seed = fleet.manifest(1, [service("db.svc.example.com", ["10.1.2.3"], check=check)])
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), seed)
    script, _ = HOSTILE[behaviour]
    naps = str(600_000_000 + time.monotonic_ns() % 100_000_000)
    hostspin = install(scratch, programs, script.replace("600", naps))
    assert machine.hostspin("apply").code == 0
    before = machine.identity()

    begin = time.monotonic()
    done = run([hostspin, "--root", machine.path, "verify", "--no-resolver", "--deadline", f"{DEADLINE_SECONDS}s"])
    seconds = time.monotonic() - begin

    assert done.code == 2 and len(done.lines("error")) == 1, str(done)
    assert "hostspin-net" in done.lines("error")[0], str(done)
    assert seconds < DEADLINE_SECONDS + GRACE_SECONDS, str(done)
    assert machine.identity() == before and machine.litter() == []
    assert await_end_of(str(scratch), f"sleep {naps}") == []


def test_a_missing_worker_is_named(scratch, tmp_path, programs, fleet):
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root())
    machine.configure(source("http://192.0.2.1/fleet"))
    hostspin = install(scratch, programs, "")
    (scratch / "libexec/hostspin/hostspin-net").unlink()

    done = run([hostspin, "--root", machine.path, "refresh"])

    assert done.code == 2, str(done)
    assert "hostspin-net" in done.stdout + done.stderr, str(done)


def test_what_both_workers_say_of_their_sandbox_is_told_once(tmp_path, programs, fleet):
    """They share it, and whoever reads along has two lines of one meaning less."""
    if os.geteuid() != 0 or account() is not None:
        pytest.skip("needs root and no user _hostspin, for something to say")
    seed = fleet.manifest(1, [service("db.svc.example.com", ["10.1.2.3"], check=Raw("{ quic = 1 }"))])
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), seed)
    assert machine.hostspin("apply").code == 0
    done = machine.hostspin("--verbose", "verify")
    assert done.stderr.count("so this runs as uid and gid 611") == 1, str(done)
    assert machine.hostspin("verify").stderr.count("611") == 0  # nobody reads along
