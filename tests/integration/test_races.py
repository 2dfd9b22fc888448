"""Other programs edit the hosts file while `apply` replaces it: no line of theirs is lost but by each other."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import hosts_writer
from support.block import BEGIN, END, expected_block
from support.fleet import service
from support.machine import DEFAULT_HOSTS
from support.process import clean_environment

ROUNDS, ROUNDS_LONG = 25, 2000
# The file was never at rest, or another hostspin was at work for longer than anybody waits: the next apply comes soon.
BUSY = {"writer_busy": 2, "busy": 3}
BUSY_MAX = 0.1  # of all applies; none of 400 was, on two cores with a load of ten
SPAN_FIRST = 20_000
SPAN_MAX = 500_000  # a writer that has the file open for longer than 2 s is left behind, with a warning


class Writer:
    def __init__(self, kind: str, path: Path, name: str):
        self.overwrites = kind in ("truncate", "rename")
        self.edits = []
        self._process = subprocess.Popen(
            [sys.executable, hosts_writer.__file__, kind, path, name], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=clean_environment(), text=True)

    def go(self, span: int) -> None:
        self._process.stdin.write(f"{span}\n")
        self._process.stdin.flush()

    def rest(self) -> None:
        self.edits += json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait(timeout=10) == 0
        self._process.stdout.close()


def start_apply(machine):
    return subprocess.Popen(machine.command("apply", "--output", "json"), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=clean_environment())


def is_overwritten(edit, others) -> bool:
    """Whether a writer of whole files read the file before this line was in it, and wrote after that."""
    return any(other["started"] <= edit["ended"] and other["ended"] >= edit["started"] for other in others)


def is_out_of_sight(edit, others, applies) -> bool:
    """Whether a writer of whole files read the file while this line may have been in neither of the two that are
    exchanged: from its writing to the end of an apply that met it. Then it wrote the line over without having seen it.
    """
    sure = max([edit["ended"], *(ended for started, ended in applies
                                 if started <= edit["ended"] and ended >= edit["started"])])
    return any(edit["ended"] < other["started"] <= sure for other in others)


def race(machine, fleet, kinds, rounds, applies_at_once=1):
    """Every round a new manifest is applied while each writer makes its edits. Counts what became of them."""
    machine.hosts = DEFAULT_HOSTS
    writers = [Writer(kind, machine.hosts_path, f"{kind}{i}") for i, kind in enumerate(kinds)]
    applies, counts = [], {"rounds": rounds, "busy": 0, "taken over": 0, "edits": 0, "overwritten": 0,
                            "out of sight": 0, "reverted": 0}
    span = SPAN_FIRST
    for number in range(1, rounds + 1):
        seed = fleet.manifest(number, [service("db.svc.example.com", [f"10.1.{number // 250}.{number % 250 + 1}"])])
        machine.trust(fleet.root(), seed)
        for writer in writers:
            writer.go(span)
        started = time.monotonic_ns()
        running = [start_apply(machine) for _ in range(applies_at_once)]
        outputs = [process.communicate(timeout=60) for process in running]
        applies.append((started, time.monotonic_ns()))
        span = min((applies[-1][1] - started) // 1000, SPAN_MAX)
        for writer in writers:
            writer.rest()
        for process, (out, errors) in zip(running, outputs):
            said = json.loads(out)
            if "error" in said:
                assert process.returncode == BUSY.get(said["error"]["code"]), (said, errors)
                counts["busy"] += 1
            else:
                assert process.returncode in (0, 1), (said, errors)
                counts["taken over"] += said["block"]["rebases"]
        content = machine.hosts
        # A writer of whole files may have put an old block back; a torn or doubled one is never seen.
        assert content.count(BEGIN) == content.count(END) <= 1, content[:400]
        counts["reverted"] += expected_block(seed) not in content
        assert content.count(DEFAULT_HOSTS) == 1, content[:1000]
    for writer in writers:
        writer.close()

    last = machine.hostspin("apply")
    assert last.code in (0, 1), str(last)
    assert machine.hosts.startswith(expected_block(seed)) and DEFAULT_HOSTS in machine.hosts
    assert machine.litter() == []

    lines = machine.hosts.decode().splitlines()
    kept_beside = {line for path in machine.state_path.glob("hosts.left-*") for line in path.read_text().splitlines()}
    counts["kept beside"] = 0
    for writer in writers:
        for edit in writer.edits:
            counts["edits"] += 1
            assert lines.count(edit["line"]) <= 1, f"twice in the file: {edit}"
            if edit["line"] in lines:
                continue
            others = [other for one in writers if one.overwrites for other in one.edits if other is not edit]
            if is_overwritten(edit, others):
                counts["overwritten"] += 1
            elif is_out_of_sight(edit, others, applies):
                counts["out of sight"] += 1
            else:
                assert edit["line"] in kept_beside, f"lost: {edit}"
                counts["kept beside"] += 1
    print(f"{'+'.join(kinds)}: {counts}")
    # A run in which hardly any apply gets through would prove nothing about those that do.
    assert counts["busy"] <= BUSY_MAX * rounds * applies_at_once, counts
    return counts


@pytest.fixture(params=[pytest.param(ROUNDS, id="short", marks=pytest.mark.slow),
                        pytest.param(ROUNDS_LONG, id="long", marks=pytest.mark.long)])
def rounds(request):
    return request.param


@pytest.mark.parametrize("kind", ["append", "slow"])
def test_appended_lines_are_never_lost(machine, fleet, kind, rounds):
    counts = race(machine, fleet, [kind, "append"], rounds)
    assert not any(counts[what] for what in ("overwritten", "out of sight", "kept beside")), counts
    assert counts["reverted"] <= counts["busy"], counts


@pytest.mark.parametrize("kind", ["truncate", "rename"])
def test_writers_of_whole_files_lose_only_what_they_overwrite(machine, fleet, kind, rounds):
    race(machine, fleet, [kind], rounds)
    race(machine, fleet, [kind, "append"], rounds)


def test_a_second_hostspin_waits_its_turn(machine, fleet, rounds):
    counts = race(machine, fleet, ["append"], rounds, applies_at_once=2)
    assert not any(counts[what] for what in ("overwritten", "out of sight", "kept beside")), counts


HELD_SECONDS = 3.5  # longer than an apply waits
HOLDER = """
import os, sys, time
path, flags, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
file = os.open(path, flags)
print("open", flush=True)
time.sleep(seconds)
os.write(file, sys.stdin.buffer.read())
os.close(file)
"""


class Holder:
    """Opens the file at once, and writes and closes it after longer than anybody waits: `curl -o` on a slow network."""

    def __init__(self, path: Path, flags: int, content: bytes):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path, str(os.O_WRONLY | flags), str(HELD_SECONDS)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=clean_environment())
        self.process.stdin.write(content)
        self.process.stdin.close()
        assert self.process.stdout.readline() == b"open\n"
        self.inode = path.stat().st_ino

    def at_work(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        assert self.process.wait(timeout=10) == 0
        self.process.stdout.close()


def apply_while_held(machine, fleet, flags: int, content: bytes) -> tuple:
    """A new manifest and one apply after the other, the last begun while the file was still open; what became of each,
    and the manifest. Wherever the writer's file is meanwhile, it has a name: the hosts file or hosts.prev."""
    kept = machine.state_path / "hosts.prev"
    seed = fleet.manifest(6, [service("db.svc.example.com", ["10.1.2.6"])])
    holder = Holder(machine.hosts_path, flags, content)
    machine.trust(fleet.root(), seed)
    outcomes = []
    while holder.at_work():
        done = machine.hostspin("apply", "--output", "json")
        said = json.loads(done.stdout)
        outcomes.append(said["error"]["code"] if "error" in said else done.code)
        places = [path for path in (machine.hosts_path, kept) if path.exists() and path.stat().st_ino == holder.inode]
        lost = f"what the writer has open is in no place any more: {outcomes}, {machine.hosts!r}"
        assert places or not holder.at_work(), lost
    holder.close()
    return outcomes, seed


@pytest.mark.slow
def test_a_download_is_neither_cut_short_nor_lost(machine, fleet):
    """The file is empty and held open for 3.5 s: no apply takes that for the file."""
    machine.trust(fleet.root(), fleet.manifest(5))
    assert machine.hostspin("apply").code == 0
    downloaded = DEFAULT_HOSTS + b"".join(b"10.7.0.%d host%d.example\n" % (i, i) for i in range(1, 200))

    outcomes, seed = apply_while_held(machine, fleet, os.O_TRUNC, downloaded)

    assert set(outcomes) <= {0, 1, "writer_busy"}, outcomes
    last = machine.hostspin("apply")
    assert last.code in (0, 1), str(last)
    assert machine.hosts == expected_block(seed) + downloaded
    assert machine.litter() == []


@pytest.mark.slow
def test_a_line_written_long_after_the_file_was_opened_is_kept(machine, fleet):
    """An appender that holds the file for 3.5 s is left behind: its file, with what it then writes, is hosts.prev."""
    machine.trust(fleet.root(), fleet.manifest(5))
    assert machine.hostspin("apply").code == 0
    line = b"10.7.0.1 late.example\n"

    outcomes, seed = apply_while_held(machine, fleet, os.O_APPEND, line)

    assert set(outcomes) <= {0, 1}, outcomes
    places = [machine.hosts, (machine.state_path / "hosts.prev").read_bytes()]
    assert sum(line in place for place in places) == 1, places
    assert machine.hosts.startswith(expected_block(seed)) and DEFAULT_HOSTS in machine.hosts
