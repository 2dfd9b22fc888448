"""The book of alarms: no pass loses what another has booked, and none that is killed loses what it has to tell."""

import re
import shutil

import pytest
from support.machine import DEFAULT_HOSTS, source
from support.process import run

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("strace"), reason="needs the program strace")]

STEPS_MAX = 300
KILLED = -9
ALARMS = {"refresh_failed", "source_failed"}


def told(done) -> list:
    """The alarms that a child told its supervisor: name, state, and the number that a repetition shares."""
    lines = [line.split("\t") for line in done.stdout.splitlines(keepends=True)
             if line.startswith("@event\t") and line.endswith("\n")]
    return [(line[1], *(line[2].split() + ["0"])[:2]) for line in lines if line[1] in ALARMS]


@pytest.fixture
def refreshing(machine, publication, fleet):
    """A machine with manifest 5 pinned, and a source that can be made to fail."""
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    return machine


@pytest.mark.parametrize("call", ["write", "rename", "renameat", "renameat2", "flock", "close"])
def test_a_pass_that_is_killed_loses_no_alarm(refreshing, publication, fleet, call):
    """Killed at each of its calls: what the next pass tells, together with what was told before, has the alarms' end."""
    kills = 0
    for step in range(1, STEPS_MAX):
        publication.offer(None)
        raised = told(refreshing.hostspin("--for-agent", "refresh"))
        assert {(name, state) for name, state, _ in raised} == {(name, "-") for name in ALARMS}, f"{call} {step}"
        publication.offer(fleet.manifest(5))
        killed = run(["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                      f"inject={call}:signal=KILL:when={step}", "--",
                      *refreshing.command("--for-agent", "refresh")])
        assert killed.code in (KILLED, 0, 1), str(killed)
        # With each alarm's number, so that one that is told again is known for what it is.
        ends = [*told(killed), *told(refreshing.hostspin("--for-agent", "refresh"))]
        assert sorted(name for name, state, _ in set(ends) if state == "cleared") == sorted(ALARMS), (call, step, ends)
        assert told(refreshing.hostspin("--for-agent", "refresh")) == []
        if killed.code != KILLED:
            break
        kills += 1
    else:
        pytest.fail(f"still not through after {STEPS_MAX} kills at {call}")
    assert kills > 0 or call.startswith("rename")


@pytest.mark.parametrize("trouble", ["markers", "configuration", "no trust", "source"])
@pytest.mark.parametrize("command", ["apply", "refresh", "agent-settings", "agent-probe"])
def test_alarms_are_booked_under_the_lock(refreshing, publication, tmp_path, trouble, command):
    """Two passes that read and write the book at a time would each undo what the other has booked."""
    if trouble == "markers":
        refreshing.hosts = refreshing.hosts + refreshing.hosts
    elif trouble == "configuration":
        refreshing.config_path.write_text("nonsense = 1\n")
    elif trouble == "no trust":
        (refreshing.path / "etc/hostspin/root.note").write_bytes(b"nonsense")
    else:
        publication.offer(None)
        refreshing.hosts = DEFAULT_HOSTS
    log = tmp_path / "trace"
    run(["strace", "-o", log, "-e", "trace=flock,close,rename,renameat,renameat2", "--",
         *refreshing.command("--for-agent", command)])
    held, booked = None, 0
    for line in log.read_text().splitlines():
        if taken := re.match(r"flock\((\d+), LOCK_EX.* = 0", line):
            held = taken[1]
        elif (closed := re.match(r"close\((\d+)\)", line)) and closed[1] == held:
            held = None
        elif line.startswith("rename") and '"alarms"' in line:
            booked += 1
            assert held is not None, log.read_text()
    assert booked or command.startswith("agent") or trouble == "source", log.read_text()
