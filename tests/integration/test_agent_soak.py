"""Everything at once, for a while: the block is right soon after each disturbance, and nothing is left behind.

One round of all the disturbances as a rule, sixty with --long; HOSTSPIN_SOAK_SEED chooses another order of them.
"""

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.agent import Agent, pinned, replace, wait_until
from support.machine import DEFAULT_HOSTS, source

CONFIG = '[refresh]\ninterval = "1s"\nsplay = "1s"\ndeadline = "2s"\n[verify]\ninterval = "2s"\ndeadline = "1s"\n'
NO_PROBES = CONFIG.replace('interval = "2s"', 'interval = "0"')
SELDOM = NO_PROBES.replace('"1s"\nsplay = "1s"', '"1h"\nsplay = "0"')
SECONDS_TO_HEAL = 1.0
# What has no alarm in a round and in sixty proves nothing about its end.
ALWAYS_RAISED = {"configuration_refused", "manifest_refused"}
SOMETIME_RAISED = ALWAYS_RAISED | {"source_failed", "refresh_failed", "block_not_written"}
SECONDS_TO_GIVE_UP = 10  # so that a failure says how long it took


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def private_kib(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_Dirty"))


def children(pid: int) -> list:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def workers(pid: int) -> list:
    """The process's children, theirs and so on, as far as they are hostspin-net."""
    found, todo = [], children(pid)
    while todo:
        one = todo.pop()
        try:
            if Path(f"/proc/{one}/comm").read_text().strip() == "hostspin-net":
                found.append(int(one))
            todo += children(int(one))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


class HttpSource:
    """The publication over HTTP, so that every refresh needs the network worker; it can keep who asks waiting."""

    def __init__(self, directory: Path):
        self.answering, self.asked = threading.Event(), threading.Event()
        self.answering.set()
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(directory))

            def do_GET(self):
                outer.asked.set()
                outer.answering.wait(timeout=30)
                try:
                    super().do_GET()
                except OSError:
                    pass  # who asked was killed, or has given up

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self):
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Vandals:
    """Five kinds of writers, and other trouble. Each call is one disturbance, over when it returns; whatever does not
    concern the file itself has a writer beside it, so that there is something to heal."""

    def __init__(self, machine, publication, http, agent, fleet, dice):
        self.machine, self.publication, self.http = machine, publication, http
        self.agent, self.fleet, self.dice = agent, fleet, dice
        self.note = fleet.manifest(5)
        self.workers_killed = 0

    # Writers.
    def write_in_place(self):
        self.machine.hosts = DEFAULT_HOSTS

    def replace_by_rename(self):
        replace(self.machine, DEFAULT_HOSTS)

    def delete(self):
        self.machine.hosts_path.unlink(missing_ok=True)

    def edit_a_line(self):
        try:
            self.machine.hosts = self.machine.hosts.replace(b"10.1.2.3", b"10.6.6.6")
        except FileNotFoundError:
            self.machine.hosts = DEFAULT_HOSTS

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
        self.write()

    def source_lies(self):
        """Until that was noticed, however long a refresh takes on a busy machine."""
        self.publication.offer(b"format = 1\n\n")
        wait_until(lambda: self.last_of("manifest_refused") == "raised", "the refusal raised")
        self.offer()
        self.write()

    def hangups(self):
        """Good configurations and bad ones in turn; the bad one is refused, and the good one ends that."""
        good = self.machine.config_path.read_text()
        for number in range(20):
            self.machine.config_path.write_text(good if number % 2 else "refresh = 1\n" + good)
            self.agent.signal(signal.SIGHUP)
            self.agent.signal(signal.SIGUSR1)
            time.sleep(0.01)
        for content, state in (("refresh = 1\n" + good, "raised"), (good, "cleared")):
            self.machine.config_path.write_text(content)
            self.agent.signal(signal.SIGHUP)
            wait_until(lambda: self.last_of("configuration_refused") == state, f"the refusal {state}")  # noqa: B023
        self.write()

    def last_of(self, event: str) -> str:
        return next((one["state"] for one in reversed(self.agent.log()) if one["event"] == event), "")

    def worker_killed(self):
        """The one that fetches, or what waits for it."""
        self.http.answering.clear()
        self.http.asked.clear()
        self.agent.signal(signal.SIGUSR1)
        if self.http.asked.wait(timeout=10):
            ended = workers(self.agent.pid)
            self.workers_killed += len(ended)
            if self.dice.random() < 0.3:
                ended += map(int, children(self.agent.pid))
            for one in ended:
                try:
                    os.kill(one, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.http.answering.set()
        self.write()

    def repair_killed(self):
        """The pass that is about to put the block back."""
        self.write()
        end = time.monotonic() + 1
        while time.monotonic() < end and not pinned(self.machine):
            for child in children(self.agent.pid):
                try:
                    if b"\0apply\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                        os.kill(int(child), signal.SIGKILL)
                        return
                except (FileNotFoundError, ProcessLookupError):
                    pass

    def clock_jumps(self):
        self.jump(self.dice.choice(["-3d", "+3d", "-1h"]))
        self.agent.signal(signal.SIGUSR1)
        self.write()
        time.sleep(0.5)
        self.jump("+0")
        self.write()

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
        time.sleep(self.dice.uniform(0.2, 2))
        fill.unlink()

    def directory_gone(self):
        """The directory of the file cannot be had for a while, and what comes back has no block."""
        etc, away = self.machine.path / "etc", self.machine.path / "etc.away"
        etc.rename(away)
        time.sleep(self.dice.uniform(0.2, 1))
        (away / "hosts").write_bytes(DEFAULT_HOSTS)
        away.rename(etc)

    def directory_replaced(self):
        """Another directory with the same files but for the block."""
        etc, old = self.machine.path / "etc", self.machine.path / "etc.old"
        new = self.machine.path / "etc.new"
        shutil.copytree(etc, new, symlinks=True, ignore=shutil.ignore_patterns("*.tmp"))
        (new / "hosts").write_bytes(DEFAULT_HOSTS)
        etc.rename(old)
        new.rename(etc)
        while old.exists():  # a pass may still be writing into it
            shutil.rmtree(old, ignore_errors=True)

    def write(self):
        """Any of the writers."""
        getattr(self, self.dice.choice(self.WRITERS))()

    def jump(self, offset: str):
        self.clock.write_text(offset + "\n")

    def offer(self):
        self.publication.offer(self.note)

    WRITERS = ("write_in_place", "replace_by_rename", "delete", "edit_a_line", "write_slowly")
    TROUBLE = ("source_flaps", "source_lies", "hangups", "disk_full", "directory_gone", "directory_replaced")


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


@pytest.fixture
def http(publication):
    made = HttpSource(publication.path)
    yield made
    made.close()


FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def about(event: dict) -> tuple:
    """What an alarm is about: a source, a task or one address's check; else there is one of its kind, with its code."""
    object_ = tuple(event.get(key, "") for key in ("source", "task", "service", "address", "check"))
    return object_ if any(object_) else (event.get("code", ""),)


def unpaired(agent) -> dict:
    """Alarms that were raised more often than cleared, or the other way round, by what they are about."""
    balance = collections.Counter()
    for one in agent.log():
        if state := one.get("state"):
            balance[one["event"], about(one)] += 1 if state == "raised" else -1
    return {key: count for key, count in balance.items() if count}


def end_refreshes(agent, sources):
    """The agent goes on without any, and the last one has ended."""
    agent.machine.configure(*sources, text=SELDOM)
    loaded = len(agent.events("configuration_loaded"))
    agent.signal(signal.SIGHUP)
    agent.wait_event("configuration_loaded", count=loaded + 1)
    quiet_since = time.monotonic()
    while time.monotonic() < quiet_since + 1:
        if children(agent.pid):
            quiet_since = time.monotonic()
        time.sleep(0.01)


# faketime's processes share a semaphore. One that is killed in its hold never gives it back, and all others wait for
# ever. So kills and clock jumps do not come together, and the agent gets no reason to end a child: it ends a probe
# for a refresh that somebody asked for, and a refresh when it stops.
@pytest.mark.slow
@pytest.mark.parametrize("kills", [True, pytest.param(False, marks=pytest.mark.preloads)], ids=["kills", "clock_jumps"])
@pytest.mark.parametrize("rounds", [1, pytest.param(60, marks=pytest.mark.long)])
def test_soak(small_disk, publication, http, fleet, tmp_path, rounds, kills):
    special = ("worker_killed", "repair_killed") if kills else ("clock_jumps",)
    if not kills and not FAKETIME.exists():
        pytest.skip("needs the package faketime")
    machine = small_disk.trust(fleet.root())
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    if kills:
        environment = {}
    sources = [source(publication.file_url), source(http.url)]
    machine.configure(*sources, text=CONFIG if kills else NO_PROBES)
    publication.offer(fleet.manifest(5))
    with Agent(machine, environment=environment) as agent:
        agent.wait_pinned()
        seed = int(os.environ.get("HOSTSPIN_SOAK_SEED", rounds))
        dice = random.Random(seed)
        vandals = Vandals(machine, publication, http, agent, fleet, dice)
        vandals.clock = clock
        before = (descriptors(agent.pid), private_kib(agent.pid))
        worst = collections.defaultdict(float)
        for _ in range(rounds):
            names = [*Vandals.WRITERS, *Vandals.TROUBLE, *special]
            dice.shuffle(names)
            for name in names:
                # Many writers in a minute would be a fight, with its own test.
                (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)
                getattr(vandals, name)()
                begin = time.monotonic()
                wait_until(lambda: pinned(machine), lambda: f"the block after {name}; "  # noqa: B023
                           f"the log: {agent.log_path.read_text()}", SECONDS_TO_GIVE_UP)
                worst[name] = max(worst[name], time.monotonic() - begin)
        vandals.offer()
        # Whatever configuration a storm has left: without its directory there was none.
        loaded = len(agent.events("configuration_loaded"))
        agent.signal(signal.SIGHUP)
        agent.wait_event("configuration_loaded", count=loaded + 1)
        agent.signal(signal.SIGUSR1)
        quiet = lambda: not json.loads(  # noqa: E731
            machine.hostspin("status", "--output", "json").stdout)["agent"]["alarms"]
        wait_until(quiet, "every alarm to end", 60)
        wait_until(lambda: not unpaired(agent), lambda: f"the pairs of {unpaired(agent)}", 60)
        # A pass that is under way has a pipe to the agent.
        wait_until(lambda: descriptors(agent.pid) <= before[0], "no descriptor more than before", 30)
        after = private_kib(agent.pid)
        print(f"seed {seed}, {rounds} rounds; worst time to heal, in seconds: " + ", ".join(
            f"{name} {seconds:.2f}" for name, seconds in sorted(worst.items(), key=lambda one: -one[1])))
        raised = collections.Counter(one["event"] for one in agent.log() if one.get("state") == "raised")
        print(f"raised: {dict(raised)}; workers killed: {vandals.workers_killed}")
        assert 2 * vandals.workers_killed >= rounds if kills else http.asked.is_set()
        expected = SOMETIME_RAISED | ({"pass_failed"} if kills else set()) if rounds > 1 else ALWAYS_RAISED
        assert expected <= set(raised), expected - set(raised)
        assert after <= before[1] + 512, f"private memory grew from {before[1]} to {after} KiB"
        if not kills:
            end_refreshes(agent, sources)
        assert agent.stop() == 0
    assert unpaired(agent) == {}
    assert machine.litter() == []
    late = {name: seconds for name, seconds in worst.items() if seconds >= SECONDS_TO_HEAL}
    assert late == {}
