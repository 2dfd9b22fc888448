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

    # Nothing could be judged but the pins, which are reported.
    assert done.code == 3 and len(done.lines("error")) == 1, str(done)
    assert "hostspin-net" in done.lines("error")[0] and "10.1.2.3:5432 of db" in done.lines("error")[0], str(done)
    assert "block intact" in done.stdout and "0 of 1 checks ok" in done.verdict, str(done)
    assert seconds < DEADLINE_SECONDS + GRACE_SECONDS, str(done)
    assert machine.identity() == before and machine.litter() == []
    assert await_end_of(str(scratch), f"sleep {naps}") == []


OK = '{"probe":{"id":%d,"verdict":"ok","errno":0,"elapsed_ms":1}}'

# How a worker ends that has answered the first and the third of three probes.
BROKEN_OFF = {
    "is killed": ("kill -KILL $$", "killed by signal 9"),
    "stalls": ("sleep 600", "no answer from hostspin-net in time"),
    "lies": (f"echo '{OK % 77}'; sleep 600", "not open: id 77"),
    "is late": (f"sleep {DEADLINE_SECONDS + 1}; echo '{OK % 1}'; echo '{{\"end\":true}}'",
                "no answer from hostspin-net in time"),
    "ends early": ("echo '{\"end\":true}'", "ended with 1 requests unanswered"),
    "answers twice": (f"echo '{OK % 2}'; sleep 600", "not open: id 2"),
}


@pytest.fixture
def three(tmp_path, programs, fleet):
    """A machine that pins three services with a check each."""
    addresses = {"db.svc.example.com": "10.1.2.3", "api.svc.example.com": "10.1.2.4", "time": "10.1.2.5"}
    seed = fleet.manifest(1, [service(name, [address], check=Raw("{ tcp = 5432 }"))
                              for name, address in addresses.items()])
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), seed)
    assert machine.hostspin("apply").code == 0
    return machine


@pytest.mark.parametrize("ending", BROKEN_OFF)
def test_verify_reports_all_that_a_failing_worker_had_answered(scratch, programs, three, ending):
    script, expected = BROKEN_OFF[ending]
    naps = str(600_000_000 + time.monotonic_ns() % 100_000_000)
    hostspin = install(scratch, programs,
                       f"read start; echo '{OK % 0}'; echo '{OK % 2}'; {script.replace('600', naps)}")
    verify = [hostspin, "--root", three.path, "verify", "--no-resolver", "--deadline", f"{DEADLINE_SECONDS}s"]

    begin = time.monotonic()
    done = run([*verify, "--output", "json"])

    assert time.monotonic() - begin < DEADLINE_SECONDS + GRACE_SECONDS
    assert done.code == 1, str(done)  # something was judged, and all of that is fine
    found = json.loads(done.stdout)
    assert [check["verdict"] for check in found["checks"]] == ["ok", "not_tried", "ok"]
    assert expected in found["checks"][1]["detail"] and found["checks"][0]["detail"] == ""
    # Who was being served is named, and nobody else.
    assert expected in found["probes_failed"]
    assert found["probes_failed"].endswith("; unanswered: 10.1.2.4:5432 of api.svc.example.com")
    assert found["block"]["drift"] == "none"
    assert await_end_of(str(scratch), f"sleep {naps}") == []


def test_a_report_that_broke_off_in_every_format(scratch, programs, three):
    hostspin = install(scratch, programs, f"read start; echo '{OK % 0}'; echo '{OK % 2}'; kill -KILL $$")
    verify = [hostspin, "--root", three.path, "verify", "--no-resolver"]

    text = run(verify)
    assert text.code == 1 and "probing broke off" in text.verdict and "2 of 3 checks ok" in text.verdict, str(text)
    assert "10.1.2.4:5432" in text.stdout and "block intact" in text.stdout, str(text)
    assert all(len(line) <= 100 for line in text.stdout.splitlines()), str(text)
    assert len(text.lines("error")) == 1 and "10.1.2.4:5432 of api" in text.lines("error")[0], str(text)
    nagios = run([*verify, "--output", "nagios"])
    assert nagios.code == 1 and "ok=2 down=0 not_tried=1" in nagios.stdout, str(nagios)
    assert "probing broke off" in nagios.stdout.splitlines()[0] and "10.1.2.4:5432" in nagios.stdout, str(nagios)
    junit = run([*verify, "--output", "junit"])
    assert junit.code == 1 and 'type="worker_failed"' in junit.stdout and 'errors="1"' in junit.stdout, str(junit)
    prometheus = run([*verify, "--output", "prometheus"])
    assert prometheus.code == 1 and "hostspin_verify_exit_code 1" in prometheus.stdout, str(prometheus)
    assert "\nhostspin_verify_probing_finished 0\n" in prometheus.stdout, str(prometheus)
    assert prometheus.stdout.count("hostspin_verify_address_up{") == 2, str(prometheus)


def test_verify_keeps_what_a_failing_resolver_worker_had_answered(scratch, programs, three):
    answers = "; ".join(f"echo '{OK % number}'" for number in range(3))
    hostspin = install(scratch, programs, answers + "; echo '{\"end\":true}'")
    asked = scratch / "libexec/hostspin/hostspin-ask"
    asked.write_text("#!/bin/sh\nread start\n"
                     "echo '{\"ask\":{\"id\":0,\"status\":\"found\",\"addresses\":[\"10.9.9.9\"],\"elapsed_ms\":1}}'\n"
                     "kill -KILL $$\n")
    asked.chmod(0o755)

    done = run([hostspin, "--root", three.path, "--output", "json", "verify"])

    assert done.code == 1, str(done)
    found = json.loads(done.stdout)
    assert [check["verdict"] for check in found["checks"]] == ["ok"] * 3
    (view,) = found["resolver"]  # the one name that was answered
    assert view["system"]["addresses"] == ["10.9.9.9"] and view["state"] == "differs"
    assert any("killed by signal 9" in warning for warning in found["warnings"])


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
