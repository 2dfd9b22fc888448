"""Everything at once, for a while: the block is right soon after each disturbance, and nothing is left behind."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.agent import Agent, pinned, replace, wait_until
from support.machine import DEFAULT_HOSTS, source
from support.process import clean_environment

CONFIG = '[refresh]\ninterval = "1s"\nsplay = "1s"\ndeadline = "2s"\n[verify]\ninterval = "2s"\ndeadline = "1s"\n'
# The claim is one second; a loaded machine gets more here, and tests/bench measures.
SECONDS_TO_HEAL = 10


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def private_kib(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_Dirty"))


def children(pid: int) -> list:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Vandals:
    """Five kinds of writers, and six kinds of other trouble. Each call is one disturbance, over when it returns."""

    def __init__(self, machine, publication, agent, fleet, dice):
        self.machine, self.publication, self.agent, self.fleet, self.dice = machine, publication, agent, fleet, dice
        self.note = fleet.manifest(5)

    # Writers.
    def write_in_place(self):
        self.machine.hosts = DEFAULT_HOSTS

    def replace_by_rename(self):
        replace(self.machine, DEFAULT_HOSTS)

    def delete(self):
        self.machine.hosts_path.unlink()

    def edit_a_line(self):
        self.machine.hosts = self.machine.hosts.replace(b"10.1.2.3", b"10.6.6.6")

    def write_slowly(self):
        with open(self.machine.hosts_path, "wb") as hosts:
            for line in DEFAULT_HOSTS.splitlines(keepends=True):
                hosts.write(line)
                hosts.flush()
                time.sleep(0.03)

    # Other trouble.
    def source_flaps(self):
        self.publication.offer(None)
        time.sleep(1.5)
        self.offer()

    def source_lies(self):
        self.publication.offer(b"format = 1\n\n")
        time.sleep(1.5)
        self.offer()

    def hangups(self):
        for _ in range(20):
            self.agent.signal(signal.SIGHUP)
            self.agent.signal(signal.SIGUSR1)
            time.sleep(0.01)

    def worker_killed(self):
        self.agent.signal(signal.SIGUSR1)
        time.sleep(self.dice.uniform(0, 0.02))
        for child in children(self.agent.pid):
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def clock_jumps(self):
        self.jump(self.dice.choice(["-3d", "+3d", "-1h"]))
        self.agent.signal(signal.SIGUSR1)
        time.sleep(0.5)
        self.jump("+0")

    def disk_full(self):
        """The disk below /etc, /var and /run has no room, and meanwhile somebody takes the block out."""
        fill = self.machine.path / "fill"
        with open(fill, "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        self.edit_a_line()
        time.sleep(0.4)
        fill.unlink()

    def jump(self, offset: str):
        self.clock.write_text(offset + "\n")

    def offer(self):
        self.publication.offer(self.note)

    WRITERS = ("write_in_place", "replace_by_rename", "delete", "edit_a_line", "write_slowly")
    TROUBLE = ("source_flaps", "source_lies", "hangups", "disk_full")


@pytest.fixture
def small_disk(tmp_path, programs):
    """A machine on a file system of its own, small enough to be filled."""
    from support.machine import Machine
    disk = tmp_path / "machine"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("cannot mount a small file system: " + mounted.stderr.decode().strip())
    try:
        yield Machine(disk, programs)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


# faketime's processes share a semaphore, which one that is killed never gives back: not both at a time.
@pytest.mark.slow
@pytest.mark.parametrize("special", ["worker_killed", "clock_jumps"])
@pytest.mark.parametrize("rounds", [1, pytest.param(60, marks=pytest.mark.long)])
def test_soak(small_disk, publication, fleet, tmp_path, rounds, special):
    if special == "clock_jumps" and not FAKETIME.exists():
        pytest.skip("needs the package faketime")
    machine = small_disk.trust(fleet.root())
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    if special == "worker_killed":
        environment = {}
    machine.configure(source(publication.file_url), text=CONFIG)
    publication.offer(fleet.manifest(5))
    with Agent(machine, environment=environment) as agent:
        agent.wait_pinned()
        dice = random.Random(rounds)
        vandals = Vandals(machine, publication, agent, fleet, dice)
        vandals.clock = clock
        before = (descriptors(agent.pid), private_kib(agent.pid))
        worst = 0.0
        for _ in range(rounds):
            names = [*Vandals.WRITERS, *Vandals.TROUBLE, special]
            dice.shuffle(names)
            for name in names:
                getattr(vandals, name)()
                begin = time.monotonic()
                # Many writers in a minute would be a fight, with its own test.
                (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)
                wait_until(lambda: pinned(machine), f"the block after {name}", SECONDS_TO_HEAL)
                worst = max(worst, time.monotonic() - begin)
        vandals.offer()
        agent.signal(signal.SIGUSR1)
        quiet = lambda: not json.loads(  # noqa: E731
            machine.hostspin("status", "--output", "json").stdout)["agent"]["alarms"]
        wait_until(quiet, "every alarm to end", 60)
        wait_until(lambda: not children(agent.pid), "no child to run", 30)
        after = (descriptors(agent.pid), private_kib(agent.pid))
        assert after[0] <= before[0]
        assert after[1] <= before[1] + 512, f"private memory grew from {before[1]} to {after[1]} KiB"
        assert agent.stop() == 0
    raised = [(one["event"], one.get("source", one.get("task", ""))) for one in agent.log() if one.get("state") == "raised"]
    cleared = [(one["event"], one.get("source", one.get("task", ""))) for one in agent.log() if one.get("state") == "cleared"]
    assert sorted(raised) == sorted(cleared)
    assert machine.litter() == []
    print(f"worst time to heal: {worst:.2f} s over {rounds} rounds")
