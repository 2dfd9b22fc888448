"""Every system call of `apply` fails once, in every way: the hosts file is the old one or the new one, the exit
code is honest, and the next run leaves no litter."""

import re
import shutil
from collections import Counter

import pytest
from support.block import expected_block
from support.machine import DEFAULT_HOSTS
from support.namespace import Unavailable
from support.process import run

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EPERM", "EBUSY", "EROFS")
SHORT = "short"  # the call says that it did one byte
KILL = "KILL"
WRITES = ("write", "pwrite64")
# What cannot fail once the program runs, and what ends it.
LEFT_OUT = ("execve", "exit_group", "arch_prctl", "brk")
SUCCESS = (0, 1)
KILLED = -9
FIRST_OWN_FILE = '"lock"'  # from here on it is hostspin's own doing, and no longer the loader's
SAMPLE = 2  # of the seven errors, with each call of the short form

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


def strace(*options) -> list:
    return ["strace", *options, "--"]


def prepare(machine, old: bytes) -> None:
    machine.hosts = old
    shutil.rmtree(machine.state_path, ignore_errors=True)
    for path in machine.path.rglob("*.tmp"):
        path.unlink()


def calls_of_apply(machine, log) -> list:
    """Each call as (name, its number among those of its name, whether it comes after the loader's)."""
    done = run([*strace("-o", log), *machine.command("apply")])
    assert done.code == 0, str(done)
    seen, calls, own = Counter(), [], False
    for line in log.read_text().splitlines():
        found = _CALL.match(line)
        if not found:
            continue
        own = own or FIRST_OWN_FILE in line
        seen[found[1]] += 1
        if found[1] not in LEFT_OUT:
            calls.append((found[1], seen[found[1]], own))
    return calls


def injection(call: str, number: int, fault: str) -> str:
    what = {SHORT: "retval=1", KILL: "signal=KILL"}.get(fault, f"error={fault}")
    return f"inject={call}:{what}:when={number}"


def faults(calls, everything: bool):
    for place, (call, number, own) in enumerate(calls):
        kinds = [*ERRORS, KILL, *([SHORT] if call in WRITES else [])]
        if everything:
            yield from ((call, number, fault) for fault in kinds)
        elif own and call not in ("futex", "close"):
            yield from ((call, number, kinds[(place + step) % len(kinds)]) for step in range(SAMPLE))


@pytest.mark.parametrize("everything", [
    pytest.param(False, id="sample", marks=pytest.mark.slow),
    pytest.param(True, id="every", marks=pytest.mark.long)])
def test_a_failing_call_leaves_the_old_file_or_the_new_one(machine, fleet, tmp_path, everything):
    if not shutil.which("strace"):
        raise Unavailable("needs the program strace")
    old = expected_block(fleet.manifest(4)) + DEFAULT_HOSTS
    seed = fleet.manifest(5)
    new = expected_block(seed) + DEFAULT_HOSTS
    machine.trust(fleet.root(), seed)
    prepare(machine, old)
    calls = calls_of_apply(machine, tmp_path / "calls")
    assert {call for call, _, own in calls if own} >= {"renameat2", "fsync", "pwrite64", "fallocate", "unlinkat"}

    outcomes = Counter()
    for call, number, fault in faults(calls, everything):
        where = f"{call} {number} {fault}"
        prepare(machine, old)
        done = run([*strace("-o", "/dev/null", "-e", f"trace={call}", "-e", injection(call, number, fault)),
                    *machine.command("apply")])
        assert machine.hosts in (old, new), f"{where}: {machine.hosts[:300]!r}"
        is_new = machine.hosts == new
        # Success means the new file; a failure that leaves the new one must say so.
        assert is_new or done.code not in SUCCESS, f"{where}: {done}"
        if is_new and done.code == 2:
            assert "in place" in done.stderr, f"{where}: {done}"
        outcomes[(fault, "new" if is_new else "old", done.code)] += 1

        again = machine.hostspin("apply")
        assert again.code in SUCCESS and machine.hosts == new, f"{where}: {again}"
        assert machine.litter() == [], where

    print(f"{len(calls)} calls, {sum(outcomes.values())} faults: {dict(outcomes)}")
    # They fell on both sides of the exchange, and not all was shrugged off.
    assert outcomes[(KILL, "old", KILLED)] and outcomes[(KILL, "new", KILLED)]
    assert any(code not in SUCCESS for _, _, code in outcomes)
