"""A kill at every step: after SIGKILL at any system call that changes something, the hosts file is the old
one or the new one, the state verifies, and the next run finishes the job and leaves no litter."""

import pytest
from support.block import expected_block
from support.fleet import Publication, service
from support.machine import DEFAULT_HOSTS, Machine
from support.namespace import Unavailable
from support.process import run

# What changes the disk, or the moment around a change; openat is where temporary files are born.
CALLS = "openat,openat2,write,pwrite64,fallocate,fsync,fchmod,fchown,utimensat,rename,renameat,renameat2,unlink,unlinkat,mkdirat"
STEPS_MAX = 400


@pytest.mark.slow
@pytest.mark.parametrize("command", ["apply", "refresh"])
def test_killed_at_every_step(tmp_path, programs, fleet, command):
    old = fleet.manifest(4)
    new = fleet.manifest(5, [service("time", ["10.0.0.123"])])
    publication = Publication(tmp_path / "publication")
    publication.offer(new)
    allowed = {expected_block(old) + DEFAULT_HOSTS, expected_block(new) + DEFAULT_HOSTS}
    seen = set()
    kills = 0

    for step in range(1, STEPS_MAX):
        machine = Machine(tmp_path / f"machine-{step}", programs).trust(fleet.root(), old)
        assert machine.hostspin("apply").code == 0
        if command == "apply":
            machine.trust(fleet.root(), new)
            arguments = ["apply"]
        else:
            arguments = ["refresh", "--from", publication.path]

        killed = run(["strace", "-o", "/dev/null", "-e", f"inject={CALLS}:signal=KILL:when={step}", "--",
                      *machine.command(*arguments)])
        if killed.code == 127:
            raise Unavailable("needs the program strace")
        assert machine.hosts in allowed, f"step {step}: {machine.hosts[:200]!r}"
        seen.add(machine.hosts)
        if killed.code == 0:
            break
        kills += 1

        again = machine.hostspin(*arguments)
        assert again.code in (0, 1), f"step {step}: {again}"
        assert machine.hosts == expected_block(new) + DEFAULT_HOSTS, f"step {step}"
        assert machine.litter() == [], f"step {step}"
    else:
        pytest.fail(f"still not through after {STEPS_MAX} steps")
    assert seen == allowed and kills > 10, "the kills did not cover the change"
