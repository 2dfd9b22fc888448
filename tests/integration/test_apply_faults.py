"""Every system call of `apply` fails once, in every way: the hosts file is the old one or the new one, the exit
code is honest, and the next run leaves no litter. So for each way that apply goes: with --long in every one of them."""

import os
import re
import shutil
from collections import Counter
from dataclasses import dataclass

import pytest
from support.block import BEGIN, expected_block
from support.fleet import service
from support.machine import DEFAULT_HOSTS
from support.mounts import Mounts
from support.namespace import Unavailable
from support.process import run

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EPERM", "EBUSY", "EROFS")
# The call says that it did one byte and did none: a disk that lies. Writes that are really cut short are below, and
# each possible cut of each write is in unit/replace_file_faults_test.cc.
SHORT = "short"
KILL = "KILL"
WRITES = ("write", "pwrite64")
# What cannot fail once the program runs, and what ends it.
LEFT_OUT = ("execve", "exit_group", "arch_prctl", "brk")
SUCCESS = (0, 1)
KILLED = -9
KILLED_IN_NSENTER = (KILLED, 137)
ABORTED = -6
FIRST_OWN_FILE = '"lock"'  # from here on it is hostspin's own doing, and no longer the loader's
SAMPLE = 2  # of the seven errors, with each call of the short form
CONFLICT = b"10.6.6.6\tdb.svc.example.com\n"
HIDDEN = b"#hostspin-conflict# " + CONFLICT

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


@dataclass(frozen=True)
class Way:
    """One way that apply goes: from these bytes (none: there is no file) to those."""

    old: bytes | None
    new: bytes
    calls: set  # that it must make
    config: str = ""
    in_place: bool = False
    loader: bool = False  # with the calls of the loader, which are the same every way


REPLACING = {"renameat2", "fsync", "pwrite64", "fallocate", "unlinkat"}
OVERWRITING = {"pwrite64", "ftruncate", "fsync"}
IN_PLACE = '[hosts]\nwrite = "in-place"\n'
COMMENT_OUT = '[hosts]\nconflicts = "comment-out"\n'


def ways(fleet, name: str) -> tuple[bytes, Way]:
    """The manifest to apply, and the way."""
    seed, old_block = fleet.manifest(5), expected_block(fleet.manifest(4))
    wide = service("api.svc.example.com", ["10.1.2.9"], aliases=["a-rather-long-name-for-an-api.svc.example.com"])
    wide_block = expected_block(fleet.manifest(4, [wide, service("db.svc.example.com", ["10.1.2.3"])]))
    new = expected_block(seed) + DEFAULT_HOSTS
    return seed, {
        "change": Way(old_block + DEFAULT_HOSTS, new, REPLACING, loader=True),
        "add": Way(DEFAULT_HOSTS, new, REPLACING),
        "comment-out": Way(DEFAULT_HOSTS + CONFLICT, new + HIDDEN, REPLACING, COMMENT_OUT),
        "create": Way(None, expected_block(seed) + b"127.0.0.1\tlocalhost\n::1\tlocalhost\n", REPLACING),
        "grow-in-place": Way(DEFAULT_HOSTS, new, OVERWRITING, IN_PLACE, in_place=True),
        "shrink-in-place": Way(wide_block + DEFAULT_HOSTS, new, OVERWRITING, IN_PLACE, in_place=True),
    }[name]


class Player:
    """A machine on which one way is gone again and again."""

    def __init__(self, machine, way: Way):
        self.machine, self.way = machine, way
        machine.configure(text=way.config)
        self.mounts = None
        self.target = machine.hosts_path
        if way.in_place:
            self.mounts = Mounts()
            self.target = machine.path / "elsewhere"
            self.target.write_bytes(way.old)
            self.mounts.run("mount", "--bind", self.target, machine.hosts_path)

    def prepare(self) -> None:
        for path in (self.machine.state_path, self.machine.path / "run/hostspin"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.machine.litter():
            os.unlink(path)
        if self.way.old is None:
            self.target.unlink(missing_ok=True)
        else:
            self.target.write_bytes(self.way.old)

    def apply(self, *tracer, limit: int | None = None):
        """Under strace, where there is something to tell it; with a limit on the size of files."""
        mounts = self.mounts.prefix() if self.mounts else []
        limits = ["prlimit", f"--fsize={limit}"] if limit is not None else []
        return run([*mounts, *(["strace", *tracer, "--"] if tracer else []), *limits, *self.machine.command("apply")])

    @property
    def hosts(self) -> bytes | None:
        return self.target.read_bytes() if self.target.exists() else None

    @property
    def previous(self) -> bytes | None:
        """Where there is no state directory, it is below /run."""
        places = [self.machine.state_path / "hosts.prev", self.machine.path / "run/hostspin/hosts.prev"]
        return next((path.read_bytes() for path in places if path.exists()), None)

    def litter(self) -> list:
        """Nobody else was at work, so there is nothing of anybody's to keep either."""
        return [*self.machine.litter(), *map(str, self.machine.path.rglob("hosts.left-*"))]

    def calls(self, log) -> list:
        """Each call as (name, its number among those of its name, whether it comes after the loader's)."""
        self.prepare()
        done = self.apply("-o", log)
        assert done.code in SUCCESS and self.hosts == self.way.new, f"{done}\n{self.hosts!r}"
        self.code = done.code
        seen, calls, own = Counter(), [], False
        for line in log.read_text().splitlines():
            found = _CALL.match(line)
            if not found:
                continue
            own = own or FIRST_OWN_FILE in line
            seen[found[1]] += 1
            if found[1] not in LEFT_OUT:
                calls.append((found[1], seen[found[1]], own))
        assert {call for call, _, own in calls if own} >= self.way.calls
        return calls

    def close(self) -> None:
        if self.mounts:
            self.mounts.close()


def injection(call: str, number: int, fault: str) -> str:
    what = {SHORT: "retval=1", KILL: "signal=KILL"}.get(fault, f"error={fault}")
    return f"inject={call}:{what}:when={number}"


def faults(calls, everything: bool, loader: bool):
    for place, (call, number, own) in enumerate(calls):
        if not own and not loader:
            continue
        kinds = [*ERRORS, KILL, *([SHORT] if call in WRITES else [])]
        if everything:
            yield from ((call, number, fault) for fault in kinds)
        elif own and call not in ("futex", "close"):
            yield from ((call, number, kinds[(place + step) % len(kinds)]) for step in range(SAMPLE))


@pytest.fixture
def player(machine, fleet, request):
    if not shutil.which("strace"):
        raise Unavailable("needs the program strace")
    seed, way = ways(fleet, request.param)
    machine.trust(fleet.root(), seed)
    made = Player(machine, way)
    yield made
    made.close()


def judge(player, done, where: str) -> str:
    """Old or new, and an honest exit code."""
    way, now = player.way, player.hosts
    # By the signal; or by glibc, which aborts where futex says what no kernel says.
    killed = done.code in KILLED_IN_NSENTER or (done.code == ABORTED and where.startswith("futex "))
    if now not in (way.old, way.new):
        # Only in place can a kill leave a mixture, or a disk that fails the repair as well; never without a copy.
        assert way.in_place and player.previous == way.old, f"{where}: {done}\n{(now or b'')[:300]!r}"
        assert killed or (done.code not in SUCCESS and "hosts.prev" in done.stderr), f"{where}: {done}"
        return "mixed"
    is_new = now == way.new
    # Success means the new file; a failure that leaves the new one must say so.
    assert is_new or done.code not in SUCCESS, f"{where}: {done}"
    # Where standard output fails, the verdict itself is what could not be told.
    if is_new and not killed and done.code not in SUCCESS:
        assert "in place" in done.stderr or "cannot write to standard output" in done.stderr, f"{where}: {done}"
    return "new" if is_new else "old"


def names(*given, everything: bool):
    mark = pytest.mark.long if everything else pytest.mark.slow
    return [pytest.param(name, everything, id=f"{name}-{'every' if everything else 'sample'}", marks=mark)
            for name in given]


@pytest.mark.parametrize("player, everything", [
    *names("change", "grow-in-place", everything=False),
    *names("change", "add", "comment-out", "create", "grow-in-place", "shrink-in-place", everything=True)],
    indirect=["player"])
def test_a_failing_call_leaves_the_old_file_or_the_new_one(player, tmp_path, everything):
    calls = player.calls(tmp_path / "calls")
    way, outcomes = player.way, Counter()
    for call, number, fault in faults(calls, everything, way.loader):
        where = f"{call} {number} {fault}"
        player.prepare()
        done = player.apply("-o", "/dev/null", "-e", f"trace={call}", "-e", injection(call, number, fault))
        left = judge(player, done, where)
        outcomes[(fault, left, "killed" if done.code in KILLED_IN_NSENTER else done.code)] += 1

        again = player.apply()
        if left == "mixed":
            # Nothing can tell what belongs there but the copy, and that stays.
            print(f"{where}: then {again.code}, {again.stdout.strip()}")
            assert player.previous == way.old and player.litter() == [], f"{where}: {again}"
            continue
        assert again.code == (player.code if left == "old" else 0), f"{where}: {again}"
        assert player.hosts == way.new, f"{where}: {again}\n{player.hosts!r}"
        assert player.litter() == [], where

    print(f"{len(calls)} calls, {sum(outcomes.values())} faults: {dict(outcomes)}")
    # They fell on both sides of the exchange, and not all was shrugged off.
    assert outcomes[(KILL, "old", "killed")] and outcomes[(KILL, "new", "killed")]
    assert any(code not in (*SUCCESS, "killed") for _, _, code in outcomes)


@pytest.mark.parametrize("player", ["change", "add", "grow-in-place"], indirect=True)
def test_a_write_that_is_really_cut_short(player, tmp_path):
    """A limit on file sizes takes as much as fits, and refuses the rest; fallocate, which would tell first, cannot."""
    whole = player.calls(tmp_path / "calls")
    assert ("pwrite64", 1, True) in whole
    size = len(player.way.new)
    for fits in (1, size // 2, size - 1):
        player.prepare()
        log = tmp_path / "cut"
        done = player.apply("-o", log, "-e", "trace=pwrite64,fallocate", "-e", "inject=fallocate:error=EOPNOTSUPP",
                            limit=fits)
        # In place a copy comes first; where that does not fit, nothing was begun.
        if not player.way.in_place or fits >= len(player.way.old):
            assert f", {size}, 0) = {fits}\n" in log.read_text(), log.read_text()
        assert player.hosts == player.way.old and done.code == 2, f"{fits}: {done}"
        assert "File too large" in done.stderr, f"{fits}: {done}"
        again = player.apply()
        assert again.code == player.code and player.hosts == player.way.new and player.litter() == [], str(again)
