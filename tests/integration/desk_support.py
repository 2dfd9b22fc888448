"""hostspin-sign as an operator uses it: a directory to work in, and what each command said."""

import os
import pty
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from support.process import clean_environment

SECONDS_MAX = 60
FLEET = "prod.example"
PASSPHRASE = "correct horse battery staple"


@dataclass
class Said:
    """One finished command."""

    command: list
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def verdict(self) -> str:
        return self.text.split("\n", 1)[0]

    def messages(self, kind: str) -> list:
        start = f"hostspin-sign: {kind}: "
        return [line[len(start):] for line in self.err.splitlines() if line.startswith(start)]

    def __str__(self):
        return f"$ {' '.join(self.command)}\nexit {self.code}\n--- stdout\n{self.out!r}\n--- stderr\n{self.err}"


class Desk:
    """A directory in which commands run one after the other."""

    def __init__(self, directory: Path, program: Path):
        self.directory = directory
        self.program = program
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self.directory / name

    def write(self, name: str, content, mode: int = 0o644) -> Path:
        path = self.path(name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def text(self, name: str) -> str:
        return self.path(name).read_text()

    def replace(self, name: str, old: str, new: str):
        """Edits a file as a person would; what is replaced must be there."""
        before = self.text(name)
        assert old in before
        self.path(name).write_text(before.replace(old, new))

    def run(self, *arguments, input: bytes = b"", passphrase: str = None, agree: bool = True, **environment) -> Said:
        """Runs a command; a passphrase goes over a pipe, as --passphrase-fd. What 'sign' shows is agreed to, unless a
        test says otherwise."""
        command = [str(self.program), *map(str, arguments)]
        if arguments[:1] == ("sign",) and agree and not {"--yes", "--sha256", "--help"} & set(arguments):
            command.append("--yes")
        descriptors = ()
        if passphrase is not None:
            read, write = os.pipe()
            os.write(write, passphrase.encode() + b"\n")
            os.close(write)
            command += ["--passphrase-fd", str(read)]
            descriptors = (read,)
        try:
            done = subprocess.run(command, cwd=self.directory, input=input, capture_output=True,
                                  timeout=SECONDS_MAX, pass_fds=descriptors,
                                  env=clean_environment(**environment), start_new_session=True)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return Said(command[1:], done.returncode, done.stdout, done.stderr.decode())

    def ok(self, *arguments, **options) -> Said:
        said = self.run(*arguments, **options)
        assert said.code == 0, str(said)
        assert said.messages("error") == [], str(said)
        return said

    def refused(self, code: int, *arguments, **options) -> Said:
        """A command that fails says one error and one hint, and nothing that looks like a crash."""
        said = self.run(*arguments, **options)
        assert said.code == code, str(said)
        assert len(said.messages("error")) == 1, str(said)
        assert len(said.messages("hint")) == 1, str(said)
        return said

    def fleet(self, *more) -> "Desk":
        """A fleet directory without passphrases, in this directory's `fleet`; the desk moves into it."""
        self.ok("init", "fleet", "--fleet", FLEET, "--no-passphrase", *more)
        return Desk(self.directory / "fleet", self.program)

    def on_terminal(self, arguments: list, answers: list, before_answer=None):
        """Runs a command on a terminal of its own and answers each prompt, after doing what is given. Returns exit
        code and screen."""
        command = [str(self.program), *map(str, arguments)]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.directory)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background shell has it ignored
            os.execve(command[0], command, clean_environment())
        screen = b""
        waiting = list(answers)
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                part = os.read(terminal, 4096)
            except OSError:  # EIO: the other end is closed
                break
            if not part:
                break
            screen += part
            if waiting and screen.endswith(b": "):
                if before_answer:
                    before_answer()
                os.write(terminal, waiting.pop(0).encode() + b"\n")
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), screen.decode()


def vkey_of(key_file: Path) -> str:
    """The verifier key in a private key file's comment."""
    start = "# verifier key: "
    return next(line[len(start):] for line in key_file.read_text().splitlines() if line.startswith(start))
