"""hostspin-net as its parent sees it: lines in, lines out, and when they came."""

import base64
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from support.certificates import Authority
from support.process import clean_environment

NAME = "mirror.example.com"


@dataclass
class Answers:
    """What one session said."""

    results: dict = field(default_factory=dict)  # id → the result, with the second it came in "at"
    asked: dict = field(default_factory=dict)  # id of what was to go out at once → the second it did
    notices: list = field(default_factory=list)
    ended: bool = False
    seconds: float = 0.0  # until the process was gone
    code: int = 0
    stderr: str = ""

    @property
    def sanitized(self) -> bool:
        """Built with a sanitizer, whose run-time library the sandbox would break."""
        return any("sanitizer" in notice for notice in self.notices)

    @property
    def lacks(self) -> list:
        """What the sandbox could not do, other than for a sanitizer."""
        return [notice for notice in self.notices
                if notice.startswith("sandbox: ") and "sanitizer" not in notice]

    def __getitem__(self, number: int) -> dict:
        return self.results[number]

    def body(self, number: int) -> bytes:
        return base64.b64decode(self.results[number]["body"])


class Session:
    """One running hostspin-net."""

    def __init__(self, program: Path, prefix=(), environment=None, **start):
        self.answers = Answers()
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=clean_environment() if environment is None else environment)
        self.send({"hostspin-net": 2, "deadline_ms": 5000, **start})

    def send(self, *objects) -> None:
        lines = "".join(json.dumps(one) + "\n" for one in objects)
        self.process.stdin.write(lines.encode())
        self.process.stdin.flush()

    def finish_input(self) -> None:
        self.process.stdin.close()

    def read_one(self) -> dict | None:
        """The next line, filed; None at the end of the output."""
        line = self.process.stdout.readline()
        if not line:
            return None
        at = time.monotonic() - self._began
        message = json.loads(line)
        assert not self.answers.ended, f"a line after the end: {message}"
        if "notice" in message:
            self.answers.notices.append(message["notice"])
        elif "end" in message:
            self.answers.ended = True
        elif "asked" in message:
            assert message["asked"]["id"] not in self.answers.results, "asked after its answer"
            self.answers.asked[message["asked"]["id"]] = at
        else:
            (result,) = message.values()
            assert result["id"] not in self.answers.results, "answered twice"
            self.answers.results[result["id"]] = {**result, "at": at}
        return message

    def finish(self) -> Answers:
        if not self.process.stdin.closed:
            self.process.stdin.close()
        while self.read_one() is not None:
            pass
        self.answers.code = self.process.wait(timeout=20)
        self.answers.seconds = time.monotonic() - self._began
        self.answers.stderr = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.answers


def ask(program: Path, requests, *, prefix=(), environment=None, **start) -> Answers:
    """One session: everything asked at once, then the input closed."""
    session = Session(program, prefix, environment, **start)
    session.send(*requests)
    return session.finish()


_SOURCES: dict = {}


def fetch(number: int, url: str, address: str | None = None, **more) -> dict:
    """A request; where it does not say of which configured source, each server is one of its own."""
    server = (urlsplit(url).netloc, address, more.get("proxy"))
    request = {"id": number, "source": _SOURCES.setdefault(server, len(_SOURCES)), "url": url, **more}
    if address:
        request["address"] = address
    return {"fetch": request}


def probe(number: int, address: str, kind: str, port: int, **more) -> dict:
    return {"probe": {"id": number, "address": address, "check": {"kind": kind, "port": port, **more}}}


class Certificates:
    """A folder of certificates for the misbehaving server, each wrong in one way."""

    def __init__(self, directory: Path, address: str):
        self.directory = directory
        directory.mkdir()
        self.authority = Authority()
        stranger = Authority("a CA that nobody trusts")
        names = [NAME, address, "::1"]
        self.authority.issue(directory, "good", names, end=90)
        self.authority.issue(directory, "name", ["elsewhere.example.com"])
        stranger.issue(directory, "ca", names)
        self.authority.issue(directory, "expired", names, start=-10, end=-1)
        self.authority.issue(directory, "early", names, start=10, end=20)
        (directory / "ca.pem").write_bytes(self.authority.pem)

    @property
    def ca(self) -> str:
        return self.authority.pem.decode()


class MisbehavingServer:
    def __init__(self, address: str, certificates: Certificates, prefix=()):
        self.address = address
        script = Path(__file__).with_name("misbehaving_server.py")
        self._process = subprocess.Popen(
            [*prefix, sys.executable, str(script), address, str(certificates.directory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self.ports = json.loads(self._process.stdout.readline())

    def url(self, behaviour: str, host: str = NAME) -> str:
        scheme = "https" if behaviour.startswith("tls_") else "http"
        return f"{scheme}://{host}:{self.ports[behaviour]}/manifest.note"

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
