"""How much memory a pass takes for the largest hosts file that it takes on: its units have 256 MiB."""

import subprocess
import sys

import pytest
from support.fleet import service

MEMORY_MAX = 256 << 20
HOSTS_MAX = 64 << 20
PREFIX = b"#hostspin-conflict# "
LINES = {"the shortest lines": b"1::9 a.b\n", "lines of 64 bytes": b"10.9.9.9 a.b # " + b"x" * 48 + b"\n"}


# A process of its own, and a small one: what a parent has counts as its child's peak.
MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
said = child.stdout.read()
status, used = os.wait4(child.pid, 0)[1:]
sys.stdout.buffer.write(b"%d %d\\n" % (os.waitstatus_to_exitcode(status), used.ru_maxrss) + said)
"""


def peak_of(machine, *arguments) -> tuple[int, int, str]:
    """Exit code, peak of the process's memory in bytes, what it said."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *machine.command(*arguments)], stdout=subprocess.PIPE,
                          check=True)
    first, said = done.stdout.decode().split("\n", 1)
    code, peak = first.split()
    return int(code), int(peak) * 1024, said


@pytest.fixture
def commenting(machine, fleet):
    machine.trust(fleet.root(manifest={"names": ["a.b"]}), fleet.manifest(4, [service("a.b", ["10.1.2.3"])]))
    return machine.configure(text='[hosts]\nconflicts = "comment-out"\n')


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("share", [19 << 20, HOSTS_MAX - (1 << 20)], ids=["19 MiB", "63 MiB afterwards"])
def test_a_file_of_conflicts(commenting, kind, share):
    """As large as it may be: what comment-out makes of it is the larger one."""
    line = LINES[kind]
    count = share // (len(line) + len(PREFIX)) if share > 32 << 20 else share // len(line)
    before = b"127.0.0.1 localhost\n" + line * count
    commenting.hosts = before
    code, peak, said = peak_of(commenting, "apply")
    assert code in (0, 1), said[:2000]
    assert commenting.hosts.count(b"\n" + PREFIX) == count
    assert peak < MEMORY_MAX * 3 // 4, f"{peak >> 20} MiB: {said[:2000]}"
    for arguments in (("apply",), ("remove",)):
        code, peak, said = peak_of(commenting, *arguments)
        assert code in (0, 1), said[:2000]
        assert peak < MEMORY_MAX * 3 // 4, f"{arguments}: {peak >> 20} MiB: {said[:2000]}"
    assert commenting.hosts == before


def test_lines_that_come_back(commenting):
    """None of the names that they give is pinned any more."""
    line = b"1::9 other.example\n"
    count = (HOSTS_MAX - (1 << 20)) // (len(line) + len(PREFIX))
    commenting.hosts = b"127.0.0.1 localhost\n" + (PREFIX + line) * count
    code, peak, said = peak_of(commenting, "apply")
    assert code in (0, 1) and f"{count - 1000} more lines are in effect again" in said, said[-2000:]
    assert commenting.hosts.endswith(b"127.0.0.1 localhost\n" + line * count)
    assert peak < MEMORY_MAX * 3 // 4, f"{peak >> 20} MiB: {said[:2000]}"


@pytest.mark.parametrize("kind", LINES)
def test_a_file_that_would_pass_the_limit_is_refused_before_anything_changes(commenting, kind):
    line = LINES[kind]
    before = b"127.0.0.1 localhost\n" + line * ((HOSTS_MAX - (1 << 20)) // len(line))
    commenting.hosts = before
    identity = commenting.identity()
    code, peak, said = peak_of(commenting, "apply")
    assert code == 2 and "is larger than 64 MiB" in said, said[:2000]
    assert peak < MEMORY_MAX * 3 // 4, f"{peak >> 20} MiB: {said[:2000]}"
    assert commenting.identity() == identity and commenting.hosts == before
