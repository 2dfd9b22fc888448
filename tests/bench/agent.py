"""What the resident agent costs while nothing happens, after a thousand passes, and how soon it heals.

    tests/bench/run.sh agent [--build DIR] [--passes N] [--seconds N] [--heals N] [--resolved FILE]

Each claim of the documentation is a line with PASS or MISS; the exit code is 1 if any is missed. Beside it
stand daemons that Debian has, idle in a network namespace of their own; --resolved names the binary of
systemd-resolved, whose package takes over the machine's resolv.conf.
"""

import argparse
import atexit
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from support.agent import Agent, pinned, wait_until  # noqa: E402
from support.fleet import Fleet, Publication, service  # noqa: E402
from support.machine import DEFAULT_HOSTS, Machine, source  # noqa: E402
from support.process import clean_environment  # noqa: E402

PSS_KIB_MAX = 4096
CPU_PERCENT_MAX = 0.1
HEAL_MS_MAX = 250
WAKE_UPS_PER_MINUTE_MAX = 12  # a sweep and a round of probes (one more where the minute begins well), the watchdog twice
SERVICES = 100
TICKS = os.sysconf("SC_CLK_TCK")


def pss_kib(pid: int) -> int:
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def rss_kib(pid: int) -> int:
    return int(re.search(r"^Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def cpu_seconds(pid: int) -> tuple:
    """Its own, and that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    user, system, child_user, child_system = (int(one) / TICKS for one in fields[11:15])
    return user + system, child_user + child_system


class Table:
    def __init__(self):
        self.missed = 0

    def claim(self, name: str, value: float, most: float, unit: str) -> None:
        holds = value <= most
        self.missed += not holds
        print(f"  {name:<52} {value:9.2f} {unit:<4} at most {most:g}  {'PASS' if holds else 'MISS'}", flush=True)

    @staticmethod
    def line(name: str, text: str) -> None:
        print(f"  {name:<52} {text}", flush=True)


def new_machine(path: Path, hostspin: Path) -> tuple:
    fleet, publication = Fleet(), Publication(path / "publication")
    machine = Machine(path / "machine", SimpleNamespace(hostspin=hostspin)).trust(fleet.root())
    services = [service("db.svc.example.com", ["10.1.2.3"])]
    services += [service(f"s{i}.svc.example.com", [f"10.1.3.{i}", f"10.1.4.{i}"]) for i in range(1, SERVICES)]
    publication.offer(fleet.manifest(5, services))
    machine.configure(source(publication.file_url), text='[refresh]\nsplay = "0"\n')
    return machine, publication


def passes(agent: Agent, count: int) -> None:
    """So many refreshes, one after the other."""
    shown = agent.machine.path / "run/hostspin/agent"
    for _ in range(count):
        before = shown.stat().st_mtime_ns
        agent.signal(signal.SIGUSR1)
        wait_until(lambda: shown.stat().st_mtime_ns != before, "a pass")  # noqa: B023


def wake_ups(agent: Agent, seconds: int, log: Path) -> tuple:
    """How often the supervisor came back from its wait, and which other system calls it made."""
    tracer = subprocess.Popen(["strace", "-o", log, "-p", str(agent.pid)], stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    calls = [re.match(r"(\w+)\(", line) for line in log.read_text().splitlines()]
    names = [found[1] for found in calls if found]
    return sum(name in ("poll", "ppoll", "restart_syscall") for name in names), len(names)


def heals(agent: Agent, count: int) -> list:
    machine, times = agent.machine, []
    for _ in range(count):
        (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)  # so many would be a fight
        machine.hosts = DEFAULT_HOSTS
        closed = time.perf_counter()
        while not pinned(machine):
            time.sleep(0.0005)
        times.append((time.perf_counter() - closed) * 1000)
        time.sleep(2.1)
    return times


def peers(scratch: Path, resolved: str | None):
    """(name, command) of the daemons that are here."""
    (scratch / "chrony.conf").write_text(f"pidfile {scratch}/chrony.pid\nport 0\ncmdport 0\nserver 192.0.2.1\n")
    # The user that systemd-resolved turns into, known in its own mounts alone.
    for name, line in (("passwd", "systemd-resolve:x:65530:65530::/:/bin/sh\n"), ("group", "systemd-resolve:x:65530:\n")):
        (scratch / name).write_text(Path("/etc", name).read_text() + line)
    known = {
        "chronyd": ["/usr/sbin/chronyd", "-x", "-d", "-u", "root", "-f", scratch / "chrony.conf"],
        "prometheus-node-exporter": ["/usr/bin/prometheus-node-exporter", "--web.listen-address=127.0.0.1:9100"],
        "systemd-resolved": [resolved or "/lib/systemd/systemd-resolved"],
    }
    for name, command in known.items():
        if os.access(command[0], os.X_OK):
            yield name, [str(part) for part in command]
        else:
            Table.line(name, "not here")


def measure_peers(scratch: Path, seconds: int, resolved: str | None) -> None:
    for name, command in peers(scratch, resolved):
        inside = ("ip link set lo up; mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/resolve /run/chrony; "
                  "chown 65530:65530 /run/systemd/resolve; "
                  f"for f in passwd group; do mount --bind {scratch}/$f /etc/$f; done; exec \"$@\"")
        process = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", inside, "sh", *command],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=clean_environment())
        try:
            time.sleep(3)
            if process.poll() is not None:
                Table.line(name, "does not run here")
                continue
            before = sum(cpu_seconds(process.pid))
            time.sleep(seconds)
            used = sum(cpu_seconds(process.pid)) - before
            Table.line(name, f"PSS {pss_kib(process.pid):6} KiB  RSS {rss_kib(process.pid):6} KiB  "
                             f"CPU {100 * used / seconds:.3f} %")
        finally:
            process.kill()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.sh agent")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--passes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--heals", type=int, default=20)
    parser.add_argument("--resolved")
    options = parser.parse_args()
    hostspin = (HERE.parent.parent / options.build / "sbin/hostspin").resolve()
    scratch = Path(tempfile.mkdtemp(prefix="hostspin-bench-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)

    table = Table()
    machine, _ = new_machine(scratch, hostspin)
    with Agent(machine, environment={"WATCHDOG_USEC": "60000000"}) as agent:
        agent.wait_pinned()
        time.sleep(8)  # the first round of probes
        print(f"the supervisor, {SERVICES} services")
        table.claim("PSS, idle", pss_kib(agent.pid), PSS_KIB_MAX, "KiB")
        Table.line("RSS, idle (shared libraries in full)", f"{rss_kib(agent.pid):6} KiB")
        woken, calls = wake_ups(agent, options.seconds, scratch / "trace")
        table.claim(f"wake-ups a minute ({calls} system calls in {options.seconds} s)", woken * 60 / options.seconds,
                    WAKE_UPS_PER_MINUTE_MAX, "")
        own, of_children = cpu_seconds(agent.pid)
        passes(agent, options.passes)
        own, of_children = (after - before for after, before in zip(cpu_seconds(agent.pid), (own, of_children)))
        table.claim(f"PSS after {options.passes} passes", pss_kib(agent.pid), PSS_KIB_MAX, "KiB")
        # An hour has 60 sweeps, 60 rounds of probes and 12 refreshes; a refresh is the dearest of them.
        hourly = 60 + 60 + 12
        table.claim("CPU of the supervisor, an hour's equivalent", 100 * own / options.passes * hourly / 3600,
                    CPU_PERCENT_MAX, "%")
        Table.line("CPU of all passes, an hour's equivalent",
                   f"{100 * of_children / options.passes * hourly / 3600:9.3f} % "
                   f"({1000 * of_children / options.passes:.1f} ms a pass)")
        times = heals(agent, options.heals)
        table.claim(f"drift healed, worst of {len(times)} (median {statistics.median(times):.0f} ms)", max(times),
                    HEAL_MS_MAX, "ms")
        agent.stop()
    print("beside it, idle")
    measure_peers(scratch, min(options.seconds, 20), options.resolved)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
