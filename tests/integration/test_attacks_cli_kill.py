"""A kill at every step: after SIGKILL at any system call the hosts file is the old one or the new one, the state
verifies, the floor has not fallen, and the next run finishes the job and leaves no litter."""

import collections
import json
import re
import shutil

import pytest
from support.block import expected_block
from support.fleet import Publication, service
from support.machine import DEFAULT_HOSTS, Machine
from support.process import run

# What changes the disk; opening is where temporary files are born. strace counts each call by itself.
CALLS = ("openat", "openat2", "write", "pwrite64", "fallocate", "ftruncate", "fsync", "fdatasync", "fchmod", "fchown",
         "fsetxattr", "utimensat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdirat")
STEPS_MAX = 300
KILLED = -9

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("strace"), reason="needs the program strace")]


def killed_at(machine, call, step, *arguments):
    done = run(["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={step}",
                "--", *machine.command(*arguments)])
    assert done.code in (KILLED, 0, 1), str(done)
    return done.code == KILLED


def test_apply_killed_at_every_step(tmp_path, programs, fleet):
    old = fleet.manifest(4)
    new = fleet.manifest(5, [service("time", ["10.0.0.123"])])
    pinned_old, pinned_new = (expected_block(note) + DEFAULT_HOSTS for note in (old, new))
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), new)
    survived = {}

    for call in CALLS:
        for step in range(1, STEPS_MAX):
            where = f"{call} {step}"
            shutil.rmtree(machine.state_path, ignore_errors=True)
            machine.hosts = pinned_old
            killed = killed_at(machine, call, step, "apply")
            assert machine.hosts in (pinned_old, pinned_new), f"{where}: {machine.hosts[:200]!r}"
            survived.setdefault(machine.hosts, []).append(where)
            if not killed:
                break

            again = machine.hostspin("apply")
            assert again.code in (0, 1), f"{where}: {again}"
            assert machine.hosts == pinned_new, f"{where}: {again}"
            assert machine.litter() == [], where
        else:
            pytest.fail(f"still not through after {STEPS_MAX} kills at {call}")

    # The kills fell on both sides of the swap, and not only on what a start does anyway.
    assert len(survived[pinned_old]) > 10 and len(survived[pinned_new]) > len(CALLS), survived


class Refreshing:
    """A machine that holds root 1 and manifest 4, and a publication that has root 2 and manifest 5."""

    def __init__(self, tmp_path, programs, fleet):
        self.notes = {version: fleet.manifest(version, [service("time", [f"10.0.0.{version}"])], min_root=min_root)
                      for version, min_root in ((3, 1), (4, 1), (5, 2), (6, 2))}
        self.hosts = {version: expected_block(note, root=1 if version < 5 else 2) + DEFAULT_HOSTS
                      for version, note in self.notes.items()}
        self.publication = Publication(tmp_path / "publication")
        self.publication.offer_root(2, fleet.root(2))
        self.machine = Machine(tmp_path / "machine", programs).trust(fleet.root())
        self.reset()

    def refresh(self, version: int):
        self.publication.offer(self.notes[version])
        return self.machine.hostspin(*self.arguments)

    @property
    def arguments(self) -> list:
        return ["refresh", "--from", self.publication.path]

    def reset(self):
        """As it was before the refresh that will be killed: written, not run, since this happens a thousand times."""
        shutil.rmtree(self.machine.state_path, ignore_errors=True)
        (self.machine.state_path / "root").mkdir(parents=True)
        (self.machine.state_path / "manifest.note").write_bytes(self.notes[4])
        self.machine.hosts = self.hosts[4]
        self.publication.offer(self.notes[5])

    def calls(self, log) -> dict:
        """Every system call of a refresh, and how often it is made."""
        self.reset()
        done = run(["strace", "-o", log, "--", *self.machine.command(*self.arguments)])
        assert done.code == 0, str(done)
        counted = collections.Counter(re.findall(r"^(\w+)\(", log.read_text(errors="replace"), re.M))
        # The first is strace's own doing, and the last cannot be survived.
        return {call: count for call, count in counted.items() if call not in ("execve", "exit_group")}

    def survives(self, call: str, step: int) -> int:
        """Kills one refresh at a call, and looks at what is left. The version that the hosts file is of."""
        where = f"{call} {step}"
        self.reset()
        killed_at(self.machine, call, step, *self.arguments)
        version = next((v for v in (4, 5) if self.machine.hosts == self.hosts[v]), None)
        assert version, f"{where}: {self.machine.hosts[:200]!r}"

        # The state verifies: every note that is there, and the manifest is one of the two.
        trust = self.machine.hostspin("trust", "--output", "json")
        said = json.loads(trust.stdout)
        assert trust.code == 0 and said["remarks"] == [], f"{where}: {trust}"
        held = said["manifest"]["version"]
        assert held >= max(4, version), f"{where}: {trust}"
        root = said["chain"][-1]["version"]
        assert held == 4 or root == 2, f"{where}: {trust}"

        # The floor has not fallen, the block is of the root that is trusted, and the next good manifest is adopted.
        refused = self.refresh(3)
        assert refused.code == 2 and "older" in refused.stderr, f"{where}: {refused}"
        assert self.machine.hosts == expected_block(self.notes[held], root=root) + DEFAULT_HOSTS, f"{where}: {refused}"
        adopted = self.refresh(6)
        assert adopted.code == 0, f"{where}: {adopted}"
        assert self.machine.hosts == self.hosts[6], f"{where}: {adopted}"
        assert self.machine.state()["manifest.note"] == (self.notes[6],), where
        assert self.machine.litter() == [], where
        return version


def sweep(refreshing: Refreshing, steps) -> None:
    survived = collections.Counter(refreshing.survives(call, step) for call, step in steps)
    assert survived[4] > 10 and survived[5] > 10, f"the kills fell on one side of the swap alone: {survived}"


def test_refresh_killed_at_every_change_of_the_disk(tmp_path, programs, fleet):
    """What a program does before its first change cannot differ from a kill at that change."""
    refreshing = Refreshing(tmp_path, programs, fleet)
    counts = refreshing.calls(tmp_path / "log")
    changing = [call for call in CALLS if call not in ("openat", "openat2") and call in counts]
    sweep(refreshing, [(call, step) for call in changing for step in range(1, counts[call] + 1)])


@pytest.mark.long
def test_refresh_killed_at_every_system_call(tmp_path, programs, fleet):
    refreshing = Refreshing(tmp_path, programs, fleet)
    counts = refreshing.calls(tmp_path / "log")
    assert sum(counts.values()) > 200, counts
    sweep(refreshing, [(call, step) for call, count in sorted(counts.items()) for step in range(1, count + 1)])
