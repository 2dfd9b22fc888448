"""On kernels that lack newer system calls (ENOSYS), and below filters that are older than these calls and refuse
what they do not know (EPERM), as systemd's or a container engine's: everything is done all the same."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.agent import CALM, Agent, pinned, wait_until
from support.block import expected_block
from support.fleet import Raw, service
from support.machine import DEFAULT_HOSTS
from support.process import clean_environment, run

SOURCE = Path(__file__).with_name("support") / "old_kernel.c"
LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
# What a libc or we ask for, and what there is without it.
CALLS = {
    "openat2": ("openat2",), "close_range": ("close_range",), "clone3": ("clone3",), "pidfd_open": ("pidfd_open",),
    "faccessat2": ("faccessat2",), "epoll_pwait2": ("epoll_pwait2",), "landlock": LANDLOCK,
    "renameat2": ("renameat2",), "statx": ("statx",), "memfd_create": ("memfd_create",),
    "copy_file_range": ("copy_file_range",), "seccomp": ("seccomp",),
}
ALL = "all together"
FLAGS = "the flags of renameat2"  # which the kernel has, and the file system has not


@pytest.fixture(scope="module")
def old_kernel(tmp_path_factory) -> Path:
    program = tmp_path_factory.mktemp("old-kernel") / "old_kernel"
    subprocess.run(["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE, "-lseccomp"],
                   check=True, env=clean_environment())
    return program


def words(old_kernel: Path, what: str, error: str) -> list:
    if what == FLAGS:
        return [old_kernel, f"renameat2:4={error}", "--"]
    calls = [call for row in CALLS.values() for call in row] if what == ALL else CALLS[what]
    return [old_kernel, *(f"{call}={error}" for call in calls), "--"]


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_the_calls_do_fail(old_kernel, error):
    """What the other tests rest on."""
    script = "import os; os.memfd_create('x')"
    python = shutil.which("python3", path="/usr/bin")
    done = run([*words(old_kernel, ALL, error), python, "-c", script])
    assert {"ENOSYS": "Errno 38", "EPERM": "Errno 1]"}[error] in done.stderr, done


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_the_resolver_is_asked(old_kernel, member, error):
    member.machine.run_by = words(old_kernel, ALL, error)
    member.publication.offer(member.fleet.manifest(5))
    assert member.machine.hostspin("refresh").code == 0
    done = member.machine.hostspin("verify", "--deadline", "1s", "--output", "json")
    asked = json.loads(done.stdout)["resolver"]
    # This machine's own file is asked, which is not the one below --root.
    assert asked and {one["files"]["status"] for one in asked} == {"not_found"}, done


ROWS = [*((what, error) for what in CALLS for error in ("ENOSYS", "EPERM")), (FLAGS, "EINVAL"), (FLAGS, "EPERM")]


@pytest.mark.parametrize("what, error", [
    (ALL, "ENOSYS"), (ALL, "EPERM"), *(pytest.param(*row, marks=pytest.mark.slow) for row in ROWS)])
def test_everything_is_done(old_kernel, member, what, error):
    machine, fleet = member.machine, member.fleet
    machine.run_by = words(old_kernel, what, error)
    baked = fleet.manifest(4)
    machine.trust(fleet.root(), baked)

    machine.configure()
    done = machine.hostspin("apply")
    assert done.code == 0 and machine.hosts == expected_block(baked) + DEFAULT_HOSTS, done

    check = Raw(f"{{ tcp = {member.site.port} }}")
    offered = fleet.manifest(5, [service("db.svc.example.com", ["10.99.0.1"], check=check)])
    member.publication.offer(offered)
    machine.configure(member.source(), text=CALM)
    done = machine.hostspin("refresh")
    assert done.code == 0 and machine.hosts == expected_block(offered) + DEFAULT_HOSTS, done

    done = machine.hostspin("verify", "--no-resolver")
    assert done.code == 0 and done.verdict.startswith("OK: 1 of 1 checks ok"), done

    machine.hosts = DEFAULT_HOSTS
    with Agent(machine) as agent:
        agent.wait_pinned("10.99.0.1")
        machine.hosts = DEFAULT_HOSTS
        wait_until(lambda: pinned(machine, "10.99.0.1"), lambda: f"the block; the log: {agent.log()}")
        assert agent.stop() == 0
    assert not [one for one in agent.log() if one["level"] == "error"], agent.log()
    assert machine.litter() == []
