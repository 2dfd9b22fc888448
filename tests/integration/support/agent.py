"""The resident agent as a process of the test's own, with what it logs, notifies and leaves."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from .machine import Machine
from .process import clean_environment

# Nothing happens by itself but once at the start.
CALM = '[refresh]\ninterval = "1h"\nsplay = "0"\n[verify]\ninterval = "0"\n'
SECONDS_MAX = 30  # a condition that does not come by then does not come


def wait_until(condition, what, seconds: float = SECONDS_MAX):
    """Polls for a condition; its value once it is true. `what` may be a function, called where it never is."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what() if callable(what) else what}"
        time.sleep(0.01)


class Datagrams:
    """A socket that a service manager, or the journal, would listen on."""

    def __init__(self, path: Path | None = None):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if path is None:
            self.name = "@hostspin-test-" + os.urandom(8).hex()  # abstract: no file, and no long path
            self._socket.bind("\0" + self.name[1:])
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Through a descriptor: a path below pytest's directories does not fit into the address.
            directory = os.open(path.parent, os.O_PATH)
            try:
                self._socket.bind(f"/proc/self/fd/{directory}/{path.name}")
            finally:
                os.close(directory)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._seen = []

    def all(self) -> list:
        """Everything that was ever received."""
        while True:
            try:
                self._seen.append(self._socket.recv(1 << 16))
            except BlockingIOError:
                return self._seen

    def close(self) -> None:
        self._socket.close()


def journal_fields(entry: bytes) -> dict:
    """One entry of journald's native protocol."""
    fields = {}
    while entry:
        line, _, entry = entry.partition(b"\n")
        if b"=" in line:
            key, _, value = line.partition(b"=")
        else:
            size = int.from_bytes(entry[:8], "little")
            key, value, entry = line, entry[8:8 + size], entry[9 + size:]
        fields[key.decode()] = value.decode()
    return fields


class Agent:
    """`hostspin agent` on a machine, logging JSON lines into a file; `piped` has somebody else write that file,
    and `failing` has strace make the supervisor's own system calls fail, as its `inject=` says."""

    def __init__(self, machine: Machine, *arguments, environment=None, log_format="json", piped=False, failing=""):
        # As a grandchild, so that the process that was started is the agent.
        tracer = ["strace", "-D", "-o", "/dev/null", "-e", f"inject={failing}", "--"] if failing else []
        self.machine = machine
        self.log_path = machine.path.parent / f"{machine.path.name}-agent.log"
        with open(self.log_path, "ab") as log:
            self._writer = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log) if piped else None
            self.process = subprocess.Popen(
                [*tracer, *machine.command("agent", "--log-format", log_format, *arguments)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._writer.stdin if piped else log,
                env=clean_environment(**(environment or {})))
            if piped:
                self._writer.stdin.close()

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=SECONDS_MAX)
        if self._writer:
            self._writer.wait(timeout=SECONDS_MAX)

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> list:
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def events(self, name: str, state: str | None = None) -> list:
        return [one for one in self.log() if one.get("event") == name and one.get("state") == state]

    def wait_event(self, name: str, state: str | None = None, count: int = 1) -> dict:
        return wait_until(lambda: len(self.events(name, state)) >= count and self.events(name, state)[-1],
                          lambda: f"{name} ({state}); the log: {self.log_path.read_text()}")

    def wait_pinned(self, address: str = "10.1.2.3") -> "Agent":
        wait_until(lambda: pinned(self.machine, address),
                   lambda: f"the pin of {address}; the log: {self.log_path.read_text()}")
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end_log(self) -> None:
        """Ends what reads the log of a `piped` agent."""
        self._writer.kill()
        self._writer.wait(timeout=SECONDS_MAX)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout=SECONDS_MAX)


def status(machine: Machine) -> dict:
    return json.loads(machine.hostspin("status", "--output", "json").stdout)


def pinned(machine: Machine, address: str = "10.1.2.3") -> bool:
    try:
        return f"\n{address}\tdb.svc.example.com\n".encode() in machine.hosts and b"# END hostspin\n" in machine.hosts
    except FileNotFoundError:
        return False


def replace(machine: Machine, content: bytes) -> None:
    """As a careful writer does it: a new file in the old one's place."""
    new = machine.hosts_path.with_name("hosts.other-writer")
    new.write_bytes(content)
    os.replace(new, machine.hosts_path)
