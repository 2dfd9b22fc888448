"""What `hostspin apply` costs beside other ways to keep a block in a hosts file, and beside the least it can cost."""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from support.block import expected_block  # noqa: E402
from support.fleet import Fleet, service  # noqa: E402
from support.machine import Machine  # noqa: E402

SIZES = (10, 1_000, 100_000)
PINS = 20
ROUNDS = {"hostspin": 40, "floor": 40, "sed + mv": 40, "Ansible": 3, "Augeas": 5}
SECONDS_MAX = 60  # Augeas on 100,000 lines takes longer than anybody waits
REACH = {10: 3.0, 100_000: 2.0}  # times the floor's wall; where nothing changes, the floor only reads
MEMORY_REACH_KIB = 8 * 1024  # at 10 lines

SED = """
set -e
sed '/^# BEGIN hostspin/,/^# END hostspin/d' "$1" > "$1.new"
cat "$2" "$1.new" > "$1.newer"
mv "$1.newer" "$1"
rm "$1.new"
"""


class Programs:
    def __init__(self, build: Path):
        self.hostspin = build / "sbin/hostspin"


def compiled(directory: Path, name: str) -> Path:
    target = directory / name
    subprocess.run(["c++", "-std=c++20", "-O2", "-o", target, HERE / f"{name}.cc"], check=True)
    return target


def foreign(lines: int) -> bytes:
    local = b"127.0.0.1\tlocalhost\n"
    return local + b"".join(b"10.%d.%d.%d host%d.internal.example.net host%d\n"
                            % (i >> 16 & 255, i >> 8 & 255, i & 255, i, i) for i in range(1, lines))


def pins(block: bytes) -> list:
    """The lines between the markers."""
    return block.decode().splitlines()[1:-1]


class Bench:
    def __init__(self, directory: Path, build: Path, rounds: float):
        self.directory, self.rounds = directory, rounds
        self.measure, self.floor = compiled(directory, "measure"), compiled(directory, "floor")
        fleet = Fleet()
        notes = [fleet.manifest(version, [service(f"s{i}.svc.example.com", [f"10.1.{version}.{i + 1}"])
                                          for i in range(PINS)]) for version in (4, 5)]
        self.machine = Machine(directory / "machine", Programs(build)).trust(fleet.root(), notes[1])
        self.old_block, self.block = (expected_block(note) for note in notes)
        (directory / "block").write_bytes(self.block)
        (directory / "sed.sh").write_text(SED)

    def contenders(self) -> dict:
        hosts, directory = str(self.machine.hosts_path), self.directory
        found = {
            "floor": [self.floor, hosts],
            "floor, reading": [self.floor, "--read", hosts],
            "hostspin": self.machine.command("apply"),
            "sed + mv": ["sh", directory / "sed.sh", hosts, directory / "block"],
        }
        if shutil.which("ansible"):
            body = "\\n".join(pins(self.block)).replace("\t", "\\t")
            found["Ansible"] = ["ansible", "localhost", "-i", "localhost,", "-c", "local", "-m", "blockinfile", "-a",
                                f"path={hosts} insertbefore=BOF marker_begin=BEGIN marker_end=END "
                                f"marker='# {{mark}} bench' block=\"{body}\""]
        if shutil.which("augtool"):
            script = directory / "augeas"
            # Loaded for this file alone; a pin is an entry of its own, as in the block.
            script.write_text("".join(
                [f"set /augeas/load/Hosts/lens Hosts.lns\nset /augeas/load/Hosts/incl {hosts}\nload\n",
                 *(f"defnode pin /files{hosts}/seq::*[canonical='{name}']\n"
                   f"set $pin/ipaddr {address}\nset $pin/canonical {name}\n"
                   for address, name in (line.split("\t") for line in pins(self.block))), "save\n"]))
            found["Augeas"] = ["augtool", "--noload", "--noautoload", "-f", script]
        return found

    def before(self, name: str) -> bytes:
        """The file with the old pins as this contender keeps them."""
        if name != "Ansible":
            return self.old_block + self.foreign
        return "\n".join(["# BEGIN bench", *pins(self.old_block), "# END bench\n"]).encode() + self.foreign

    def check(self, name: str, before: bytes) -> None:
        """What has not done the work is not timed."""
        content = self.machine.hosts
        if name.startswith("floor"):
            assert content == before, f"{name} altered the file"
            return
        assert content.endswith(self.foreign), f"{name} altered foreign lines"
        given = [line for line in content[:-len(self.foreign)].decode().splitlines() if not line.startswith("#")]
        assert given == pins(self.block), f"{name} gave {given}"

    def run(self, name: str, command, kind: str) -> tuple | None:
        """Median wall (ms), CPU (ms) and peak memory (KiB); where something is to change, the file has the old pins
        ahead of each run."""
        rounds = max(1, round(ROUNDS.get(name.split(",")[0], 5) * self.rounds))
        before = self.before(name)
        self.machine.hosts = before
        if self._once(command) is None:
            return None
        self.check(name, before)  # from here on there is nothing to change
        results = []
        for _ in range(rounds):
            if kind == "changed":
                self.machine.hosts = before
            one = self._once(command)
            if one is None:
                return None
            results.append(one)
        self.check(name, before)
        return tuple(statistics.median(column) for column in zip(*results))

    def _once(self, command):
        process = subprocess.Popen([self.measure, *map(str, command)], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            told, _ = process.communicate(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it measures, too
            process.communicate()
            return None
        wall, cpu, memory, code = map(int, told.split())
        if code not in (0, 1):
            raise SystemExit(f"exit code {code}: {' '.join(map(str, command))}")
        return wall / 1e6, cpu / 1e3, memory

    def table(self) -> bool:
        print(f"{'lines':>7}  {'':9}  {'':14}  {'wall ms':>9}  {'x floor':>7}  {'CPU ms':>9}  {'peak KiB':>8}")
        missed = []
        for lines in SIZES:
            self.foreign = foreign(lines)
            too_slow = set()
            for kind in ("changed", "unchanged"):
                floor_name = "floor" if kind == "changed" else "floor, reading"
                floor = None
                for name, command in self.contenders().items():
                    if name.startswith("floor") and name != floor_name:
                        continue
                    result = None if name in too_slow else self.run(name, command, kind)
                    if result is None:
                        too_slow.add(name)
                        print(f"{lines:>7}  {kind:9}  {name:14}  not done in {SECONDS_MAX} s")
                        continue
                    wall, cpu, memory = result
                    floor = floor or wall
                    print(f"{lines:>7}  {kind:9}  {name:14}  {wall:9.2f}  {wall / floor:7.2f}  {cpu:9.2f}  {memory:8.0f}",
                          flush=True)
                    if name == "hostspin":
                        small = lines != SIZES[0] or memory <= MEMORY_REACH_KIB
                        if wall / floor > REACH.get(lines, float("inf")) or not small:
                            missed.append(f"{lines} lines {kind}")
        limits = ", ".join(f"{limit:g} times the floor at {lines} lines" for lines, limit in REACH.items())
        print(f"{'OUTSIDE' if missed else 'within'} the limits, changed and unchanged: {limits}; "
              f"{MEMORY_REACH_KIB // 1024} MiB at 10 lines" + "".join(f"; missed: {one}" for one in missed))
        return not missed


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.sh hosts", description=__doc__)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build/release")
    parser.add_argument("--directory", help="where the files stand (a temporary directory)")
    parser.add_argument("--rounds", type=float, default=1.0, help="times as many runs of each (1)")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="hostspin-bench-", dir=options.directory) as directory:
        reached = Bench(Path(directory), options.build.resolve(), options.rounds).table()
    sys.exit(0 if reached else 1)


if __name__ == "__main__":
    main()
