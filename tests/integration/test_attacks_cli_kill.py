"""A kill at every step: after SIGKILL at any system call that changes something, the hosts file is the old
one or the new one, the state verifies, and the next run finishes the job and leaves no litter."""

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


def killed_at(machine, call, step, *arguments):
    done = run(["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={step}",
                "--", *machine.command(*arguments)])
    assert done.code in (KILLED, 0, 1), str(done)
    return done.code == KILLED


@pytest.mark.slow
@pytest.mark.parametrize("command", ["apply", "refresh"])
def test_killed_at_every_step(tmp_path, programs, fleet, command):
    if not shutil.which("strace"):
        pytest.skip("needs the program strace")
    old = fleet.manifest(4)
    new = fleet.manifest(5, [service("time", ["10.0.0.123"])])
    publication = Publication(tmp_path / "publication")
    publication.offer(new)
    pinned_old, pinned_new = (expected_block(note) + DEFAULT_HOSTS for note in (old, new))
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), old)
    arguments = ["apply"] if command == "apply" else ["refresh", "--from", publication.path]
    survived = {}

    for call in CALLS:
        for step in range(1, STEPS_MAX):
            where = f"{call} {step}"
            shutil.rmtree(machine.state_path, ignore_errors=True)
            machine.trust(fleet.root(), new if command == "apply" else old)
            machine.hosts = pinned_old
            killed = killed_at(machine, call, step, *arguments)
            assert machine.hosts in (pinned_old, pinned_new), f"{where}: {machine.hosts[:200]!r}"
            survived.setdefault(machine.hosts, []).append(where)
            if not killed:
                break

            again = machine.hostspin(*arguments)
            assert again.code in (0, 1), f"{where}: {again}"
            assert machine.hosts == pinned_new, f"{where}: {again}"
            assert machine.litter() == [], where
        else:
            pytest.fail(f"still not through after {STEPS_MAX} kills at {call}")

    # The kills fell on both sides of the swap, and not only on what a start does anyway.
    assert len(survived[pinned_old]) > 10 and len(survived[pinned_new]) > len(CALLS), survived
