"""Running programs: a clean environment, a limit on time, and the output kept."""

import os
import subprocess
from dataclasses import dataclass

SECONDS_MAX = 60


@dataclass
class Run:
    """One finished command."""

    command: list
    code: int
    stdout: str
    stderr: str

    def lines(self, kind: str) -> list:
        """The messages of one kind on standard error: `error` or `hint`."""
        start = f"hostspin: {kind}: "
        return [line[len(start):] for line in self.stderr.splitlines() if line.startswith(start)]

    @property
    def verdict(self) -> str:
        """The first line of standard output: what happened, for people."""
        return self.stdout.split("\n", 1)[0]

    def __str__(self):
        return (
            f"$ {' '.join(map(str, self.command))}\nexit code {self.code}\n"
            f"--- stdout\n{self.stdout}--- stderr\n{self.stderr}---"
        )


def clean_environment(**more: str) -> dict:
    """No proxy, no locale, no configuration of the person who runs the tests."""
    keep = {key: os.environ[key] for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if key in os.environ}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC", **keep, **more}


def run(command, *, seconds: float = SECONDS_MAX, env=None, cwd=None, stdin: bytes = b"") -> Run:
    command = [str(part) for part in command]
    done = subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds, cwd=cwd,
        env=clean_environment() if env is None else env, check=False,
    )
    return Run(command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
