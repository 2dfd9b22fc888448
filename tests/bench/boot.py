"""What being pinned at boot costs, in boots of systemd by nspawn and on this machine.

    tests/bench/run.sh boot [--build DIR] [--boots N]

Each claim of the documentation is a line with PASS or MISS; the exit code is 1 if any is missed.
"""

import argparse
import atexit
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from boot_machine import bake, boot, installed_root, new_fleet  # noqa: E402
from boot_root import boot_possible  # noqa: E402
from support.fleet import service  # noqa: E402
from support.process import clean_environment  # noqa: E402

APPLY_MS_MAX = 5.0
EARLY_MS_MAX = 50.0
HEAL_MS_MAX = 250.0
RUNS = 200
SERVICES = 100
MANAGED = "#cloud-config\nmanage_etc_hosts: true\n"
# What any program costs there: the same place in the same boot and nothing done, in no sandbox and in ours.
FLOOR = """
[Unit]
DefaultDependencies=no
After=systemd-remount-fs.service var.mount var-lib.mount {after}
Before={before}
[Service]
Type=oneshot
ExecStart=/bin/true
"""
FLOORS = ("bench-floor", "bench-floor-sandboxed")
FLOORS_SHOWN = "[Service]\nType=oneshot\n" + "".join(
    f"ExecStart=/bin/sh -c '/bin/systemctl show {name}.service >/out/{name}'\n" for name in FLOORS)


class Scratch:
    """Folders as the boots of the tests take them."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="hostspin-bench-"))
        atexit.register(shutil.rmtree, self.path, ignore_errors=True)

    def mktemp(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.path))


def claim(name: str, values: list, most: float) -> bool:
    median, worst = statistics.median(values), max(values)
    holds = median <= most
    print(f"  {name:<46} median {median:7.2f} ms  worst {worst:7.2f} ms  of {len(values):3}"
          f"  at most {most:g} ms  {'PASS' if holds else 'MISS'}", flush=True)
    return holds


def apply_alone(hostspin: Path, scratch: Scratch) -> bool:
    """`apply --root` with a hundred services: nothing to do, and a block to write."""
    measure = scratch.path / "measure"  # a small program: what it starts is not slowed by an interpreter's size
    subprocess.run(["c++", "-std=c++20", "-O2", "-o", measure, HERE / "measure.cc"], check=True)

    def timed(command: list) -> float:
        done = subprocess.run([measure, *command], stdin=subprocess.DEVNULL, capture_output=True,
                              env=clean_environment(), check=True)
        wall, _, _, code = map(int, done.stdout.split())
        assert code in (0, 1), (command, code)
        return wall / 1e6

    fleet, root = new_fleet(), scratch.mktemp("root")
    services = [service(f"s{i}.svc.example.com", [f"10.1.{i // 200}.{i % 200 + 1}"]) for i in range(SERVICES)]
    for name, content in {"etc/hosts": b"127.0.0.1\tlocalhost\n" * 10, "etc/hostspin/root.note": fleet.root(),
                          "etc/hostspin/manifest.note": fleet.manifest(1, services)}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    for directory in ("run", "var/lib/hostspin"):
        (root / directory).mkdir(parents=True)
    if os.geteuid() == 0:  # as on a machine: what lies there costs no disk
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root / "run"], check=True)
        atexit.register(subprocess.run, ["umount", root / "run"], check=True)
    command = [hostspin, "apply", "--root", root, "--quiet"]
    timed(command)
    unchanged = [timed(command) for _ in range(RUNS)]
    written = []
    for _ in range(RUNS):
        (root / "etc/hosts").write_bytes(b"127.0.0.1\tlocalhost\n" * 10)
        os.sync()  # the file that is replaced is at rest
        written.append(timed(command))
    floor = [timed(["/bin/true"]) for _ in range(RUNS)]
    print(f"apply alone, {SERVICES} services, process start and sync included"
          f" (/bin/true: {statistics.median(floor):.2f} ms)")
    return all([claim("nothing to do", unchanged, APPLY_MS_MAX), claim("a block to write", written, APPLY_MS_MAX)])


def unit_ms(shown: dict) -> float:
    """From the start of the unit to its end, sandbox included, by systemd's own time stamps."""
    return (int(shown["InactiveEnterTimestampMonotonic"]) - int(shown["InactiveExitTimestampMonotonic"])) / 1000


def add_floors(root, early_first: bool) -> None:
    """One after the other, so that none waits for another's work. Of the two in the sandbox the first finds
    nothing warm: only that one's time counts."""
    ours = (root.path / "usr/lib/systemd/system/hostspin-apply.service").read_text()
    sandbox = re.search(r"^\[Service\]\n(.*?)^\[Install\]", ours, re.M | re.S).group(1)
    sandbox = re.sub(r"^(Type|ExecStart)=.*\n", "", sandbox, flags=re.M)
    place = {"after": "hostspin-apply.service", "before": "cloud-init-local.service"} if early_first else {
        "after": "bench-floor.service", "before": "hostspin-apply.service"}
    texts = {"bench-floor": FLOOR.format(after="", before="hostspin-apply.service"),
             "bench-floor-sandboxed": FLOOR.format(**place) + sandbox,
             "bench-floors-shown": FLOORS_SHOWN}
    for name, text in texts.items():
        unit = root.write(f"etc/systemd/system/{name}.service", text)
        target = "multi-user.target" if name == "bench-floors-shown" else "sysinit.target"
        link = unit.parent / f"{target}.wants" / unit.name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(f"../{unit.name}")


def boots(build: Path, scratch: Scratch, count: int) -> bool:
    reason = boot_possible()
    if reason:
        print(f"boots: left out: {reason}")
        return False
    fleet = new_fleet()
    root = installed_root(build, scratch).clone(scratch.mktemp("image") / "root")
    bake(root, fleet)
    # An image is baked with its block in place, as the README has it.
    subprocess.run([build / "sbin/hostspin", "apply", "--root", root.path, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    early, healed, floors = [], [], {name: [] for name in FLOORS}
    for number in range(2 * count):
        early_first = number % 2 == 0
        add_floors(root, early_first)
        one = boot(root, fleet, scratch.mktemp("boot"), user_data=MANAGED, watch=True)
        assert one.code == 0, one
        if early_first:
            early.append(unit_ms(one.read("early")["apply"]))
        for name, values in floors.items():
            lines = (one.out / name).read_text().splitlines()
            shown = dict(line.split("=", 1) for line in lines if "=" in line)
            assert shown["Result"] == "success", shown
            if name == "bench-floor" or not early_first:
                values.append(unit_ms(shown))
        changes = one.read("watch")
        gone = [change["at"] for change in changes if not change["block"]]
        healed += [(min(c["at"] for c in changes if c["block"] and c["at"] > at) - at) / 1000 for at in gone]
        print(f"\r  boot {number + 1} of {2 * count}", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    bare, sandboxed = (statistics.median(floors[name]) for name in FLOORS)
    print("boots with real cloud-init, manage_etc_hosts: true"
          f" (/bin/true in its place: {bare:.1f} ms; in the same sandbox: {sandboxed:.1f} ms,"
          f" and early apply takes {statistics.median(early) / sandboxed:.2f} times that)")
    return all([claim("early apply in its sandbox, from start to end", early, EARLY_MS_MAX),
                claim("after cloud-init's wipe, until the block is back", healed, HEAL_MS_MAX)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh boot", description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build/release", help="the build (build/release)")
    parser.add_argument("--boots", type=int, default=5, help="how many of each order (5)")
    chosen = parser.parse_args()
    hostspin = chosen.build.resolve() / "sbin/hostspin"
    if not hostspin.exists():
        sys.exit(f"bench: {hostspin} is missing; build it first, or name its folder with --build")
    scratch = Scratch()
    held = [apply_alone(hostspin, scratch), boots(chosen.build.resolve(), scratch, chosen.boots)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
