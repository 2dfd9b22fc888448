"""tcpdump in a namespace: every packet that could be a look-up, as the wire saw it."""

import shutil
import subprocess
import time
from pathlib import Path

from support.namespace import Namespace, Unavailable
from support.process import clean_environment

MARKER_PORT = 49999
# DNS, DNS over TLS, mDNS and LLMNR; and our own mark.
FILTER = " or ".join(f"port {port}" for port in (53, 853, 5353, 5355, MARKER_PORT))
SECONDS_MAX = 20


class Capture:
    def __init__(self, namespace: Namespace, directory: Path):
        tool = shutil.which("tcpdump", path=clean_environment()["PATH"])
        if not tool:
            raise Unavailable("needs the program tcpdump")
        self._namespace, self._path = namespace, directory / "capture"
        self._read, self._marks = 0, 0
        with open(self._path, "wb") as out, open(directory / "capture.err", "wb") as errors:
            self._process = subprocess.Popen(
                [*namespace.prefix(), tool, "-i", "any", "-n", "-q", "-l", "--immediate-mode", FILTER],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=clean_environment())
        self._wait(lambda: "listening on" in (directory / "capture.err").read_text())

    def _wait(self, condition) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not condition():
            assert time.monotonic() < deadline and self._process.poll() is None, "tcpdump captures nothing"
            time.sleep(0.005)

    def look_ups(self) -> list:
        """The packets since the last call, in tcpdump's words. A mark sent now says that all of them are in."""
        self._marks += 1
        send = ("import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
                f".sendto(bytes({self._marks}), ('127.0.0.1', {MARKER_PORT}))")
        self._namespace.run("/usr/bin/python3", "-c", send)
        mark = f".{MARKER_PORT}: UDP, length {self._marks}\n"
        self._wait(lambda: mark in self._path.read_text())
        lines = self._path.read_text().splitlines()
        new, self._read = lines[self._read:], len(lines)
        return [line for line in new if f".{MARKER_PORT}" not in line]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
