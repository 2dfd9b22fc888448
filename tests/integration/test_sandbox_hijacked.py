"""A worker that has been taken over tries whatever no worker needs, from inside: support/hijack.c has a row for
each. With this kernel's Landlock, with that of Linux 6.1, which knows no ports, and without. That both workers do
their work in the same sandbox is what all the other tests show."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from net_support import fetch
from support.process import clean_environment
from support.worker_user import account, worker_identity

SOURCE = Path(__file__).with_name("support") / "hijack.c"
REFUSED = {1: "EPERM", 13: "EACCES"}
ANYWAY, LANDLOCK = 4, 8  # of hijack.c's table
ROWS_MIN = 220
# What Landlock the worker sees (None: this kernel's), and what it says that this leaves open.
KERNELS = {None: None, 2: "this kernel's Landlock knows no ports", 0: "this kernel has no Landlock"}
PORTS_NOTICE = "so a plain TCP connection to a port that nobody asked for is not refused"


class Attempt:
    """A line of standard error: who tried which row, and what came of it."""

    def __init__(self, line: str):
        self.where, self.name, kind, result = line.split()
        self.kind, self.result = int(kind), int(result)

    def __repr__(self):
        return f"{self.where} {self.name} {os.strerror(self.result) if self.result else 'DONE'}"


class Hijacker:
    """The compiled table, a folder and a file that anybody may write, and a process of the workers' user."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name, options in {"hijack.so": ["-shared", "-fPIC"], "control": ["-DCONTROL"]}.items():
            subprocess.run(["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", *options, "-o",
                            folder / name, SOURCE, "-ldl"], check=True, env=clean_environment())
        self.open_folder = folder / "open"
        self.open_folder.mkdir()
        self.open_folder.chmod(0o777)
        self.user = worker_identity()
        writable = self.open_folder / "writable"
        writable.write_text("untouched\n")
        writable.chmod(0o666)
        os.chown(writable, self.user, -1)

    def as_user(self) -> list:
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups",
                "--inh-caps=-all", "--bounding-set=-all"]

    def victim(self) -> subprocess.Popen:
        # Named as a worker is, so that the worker's user does not seem taken; in a group of its own.
        script = 'printf hostspin-victim >/proc/self/comm; echo ready; read -r line'
        made = subprocess.Popen([*self.as_user(), "bash", "-c", script], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, env=clean_environment(), start_new_session=True)
        assert made.stdout.readline() == b"ready\n"
        return made

    def environment(self, victim, port: int, landlock: int | None = None) -> dict:
        abi = {} if landlock is None else {"HIJACK_LANDLOCK": str(landlock)}
        return clean_environment(
            HIJACK_PID=str(victim.pid), HIJACK_PORT=str(port), HIJACK_FOLDER=str(self.open_folder), **abi)


def landlock_abi() -> int:
    """What this kernel's own can do; ports are from 4 on."""
    return ctypes.CDLL(None, use_errno=True).syscall(444, None, ctypes.c_size_t(0), 1)


@pytest.fixture(scope="module")
def hijacker():
    if os.geteuid() != 0:
        pytest.skip("needs root, to have a process of the workers' user")
    if landlock_abi() < 4:
        pytest.skip("needs a kernel whose Landlock knows ports (Linux 6.7)")
    folder = Path(tempfile.mkdtemp(prefix="hostspin-"))  # which the workers can reach
    folder.chmod(0o755)
    yield Hijacker(folder)
    shutil.rmtree(folder)


@pytest.fixture
def victim(hijacker):
    made = hijacker.victim()
    yield made
    made.stdin.close()
    made.stdout.close()
    made.wait(timeout=10)


@pytest.fixture
def foreign():
    """A port that nobody asks for, and who listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def was_reached(listener) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def attempts_of(stderr) -> list:
    """Up to and without the line "done"."""
    attempts = []
    for line in stderr:
        if line == b"done\n":
            return attempts
        attempts.append(Attempt(line.decode()))
    raise AssertionError(f"the worker ended in the attack, after {attempts[-1:]}")


def judge(attempts: list, landlock: int | None) -> None:
    assert len(attempts) > ROWS_MIN
    assert len({one.name for one in attempts}) == len(attempts)
    exempt = [] if landlock is None else [one for one in attempts if one.kind & LANDLOCK]
    assert [one.name for one in exempt] == ([] if landlock is None else ["connect_plainly"])
    assert [one for one in attempts if one.result not in REFUSED and one not in exempt] == []


def untouched(hijacker, victim) -> bool:
    left = sorted(path.name for path in hijacker.open_folder.iterdir())
    return (left == ["writable"] and (hijacker.open_folder / "writable").read_text() == "untouched\n"
            and victim.poll() is None)


def test_outside_the_kernel_refuses_none_of_it(hijacker, victim, foreign):
    """Else a row would show nothing of the sandbox."""
    done = subprocess.run([*hijacker.as_user(), hijacker.folder / "control"], capture_output=True, timeout=60,
                          env=hijacker.environment(victim, foreign.getsockname()[1]), check=True)
    attempts = [Attempt(line) for line in done.stderr.decode().splitlines()]
    assert len(attempts) > ROWS_MIN
    assert [one for one in attempts if one.result in REFUSED and not one.kind & ANYWAY] == []
    assert victim.wait(timeout=10) == -signal.SIGABRT  # the last row's doing
    assert was_reached(foreign)
    for path in hijacker.open_folder.iterdir():
        if path.name != "writable":
            path.unlink() if not path.is_dir() else path.rmdir()
    (hijacker.open_folder / "writable").write_text("untouched\n")


@pytest.mark.preloads
@pytest.mark.parametrize("landlock", KERNELS, ids=["landlock", "landlock of 6.1", "no landlock"])
def test_a_hijacked_net_worker(programs, hijacker, victim, foreign, landlock):
    """It reads no file, signals nobody, reaches no port that was not asked for; and what was asked is answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker = subprocess.Popen(
            [programs.net], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**hijacker.environment(victim, foreign.getsockname()[1], landlock),
                 "LD_PRELOAD": str(hijacker.folder / "hijack.so")})
        with worker:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/manifest.note"
            lines = [{"hostspin-net": 2, "deadline_ms": 20000}, fetch(1, url)]
            worker.stdin.write("".join(json.dumps(line) + "\n" for line in lines).encode())
            worker.stdin.flush()
            peer, _ = server.accept()  # it is at work
            worker.stdin.close()
            first = worker.stderr.readline()
            if not first and b"sanitizer" in worker.stdout.read():
                pytest.skip("built with a sanitizer, which the sandbox would break")
            attempts = [Attempt(first.decode()), *attempts_of(worker.stderr)]
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnote\n")
                answers = [json.loads(line) for line in worker.stdout]
    assert worker.returncode == 0
    results = [line["fetch"] for line in answers if "fetch" in line]
    assert [one["outcome"] for one in results] == ["ok"]
    judge(attempts, landlock)
    assert was_reached(foreign) == (landlock is not None)
    check_opening([line["notice"] for line in answers if "notice" in line], landlock)
    assert untouched(hijacker, victim)


@pytest.mark.parametrize("landlock", KERNELS, ids=["landlock", "landlock of 6.1", "no landlock"])
def test_a_hijacked_ask_worker(programs, hijacker, victim, foreign, landlock):
    """The process that talks to hostspin, and the one that reads what the network says."""
    worker = subprocess.Popen(
        [programs.ask], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**hijacker.environment(victim, foreign.getsockname()[1], landlock),
             "LD_PRELOAD": str(hijacker.folder / "hijack.so")})
    lines = [{"hostspin-ask": 1, "deadline_ms": 20000},
             {"ask": {"id": 1, "name": "localhost", "database": "files", "family": "any"}}]
    out, err = worker.communicate("".join(json.dumps(line) + "\n" for line in lines).encode(), timeout=30)
    if b"sanitizer" in out:
        pytest.skip("built with a sanitizer, which the sandbox would break")
    answers = [json.loads(line) for line in out.splitlines()]
    (answer,) = [line["ask"] for line in answers if "ask" in line]
    assert (worker.returncode, answer["status"], answers[-1]) == (0, "found", {"end": True})
    lines = [line for line in err.decode().splitlines() if line != "done"]
    attempts = [Attempt(line) for line in lines]
    for where in ("ask", "child"):
        judge([one for one in attempts if one.where == where], landlock)
    assert len(attempts) > 2 * ROWS_MIN
    assert was_reached(foreign) == (landlock is not None)
    check_opening([line["notice"] for line in answers if "notice" in line], landlock)
    assert untouched(hijacker, victim)


def check_opening(notices: list, landlock: int | None) -> None:
    """What the sandbox lacks is said, and nothing else; so is who it runs as where nobody chose."""
    lacks = [notice for notice in notices if notice.startswith("sandbox: ")]
    assert lacks == ([] if landlock is None else [f"sandbox: {KERNELS[landlock]}, {PORTS_NOTICE}"])
    named = [notice for notice in notices if notice.startswith("user: ")]
    if account() is None:
        assert len(named) == 1 and f"uid and gid {worker_identity()}" in named[0]
    else:
        assert named == []
