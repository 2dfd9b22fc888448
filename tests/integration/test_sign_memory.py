"""What hostspin-sign keeps in memory: private keys and passphrases, for nobody else to read."""

import base64
import os
import pty
import re
import select
import time
from pathlib import Path

import pytest
from desk_support import PASSPHRASE, SECONDS_MAX, Desk, vkey_of
from support.process import clean_environment

NOBODY = 65534
OTHER = "another passphrase, of the second key"


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign).fleet()


class AtPrompt:
    """A command on a terminal, standing still at its last prompt."""

    def __init__(self, fleet: Desk, arguments: list, prompts: list, user: int = 0):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(fleet.directory)
            if user:
                os.setgid(user)
                os.setuid(user)
            os.execve(fleet.program, [str(fleet.program), *map(str, arguments)], clean_environment())
        for prompt, answer in prompts:
            self.wait_for(prompt)
            if answer is not None:
                os.write(self.terminal, answer.encode() + b"\n")

    def wait_for(self, prompt: str):
        screen, deadline = b"", time.monotonic() + SECONDS_MAX
        while not screen.endswith(prompt.encode()):
            assert time.monotonic() < deadline, screen
            if select.select([self.terminal], [], [], 1)[0]:
                screen += os.read(self.terminal, 4096)

    def status(self, key: str) -> str:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return re.search(rf"^{key}:\s*(.*)$", text, re.M).group(1)

    def memory(self) -> bytes:
        """All that is mapped and can be read, as root sees it."""
        found = b""
        with open(f"/proc/{self.pid}/maps") as maps, open(f"/proc/{self.pid}/mem", "rb", 0) as mem:
            for line in maps:
                bounds, permissions = line.split()[:2]
                if "r" not in permissions or "[v" in line:
                    continue
                start, end = (int(bound, 16) for bound in bounds.split("-"))
                mem.seek(start)
                try:
                    found += mem.read(end - start)
                except OSError:
                    continue  # a guard page
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.terminal)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


SIGN = ["sign", "manifest.toml", "--root", "public", "--yes", "-o", "out.note"]


def test_no_core_and_no_other_process_of_the_user_can_look(fleet):
    fleet.ok("keygen", "example.com/a", "-o", "a.key", passphrase=PASSPHRASE)
    for path in (fleet.directory.parent, fleet.directory, *fleet.directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for path in fleet.directory.parents:
        if path != Path("/") and path.stat().st_uid == 0 and path.stat().st_mode & 0o077 == 0:
            path.chmod(0o711)
    with AtPrompt(fleet, [*SIGN, "--key", "a.key"], [("a.key': ", None)], user=NOBODY) as sign:
        assert sign.status("Uid").split() == [str(NOBODY)] * 4
        # The files in /proc of a process that cannot be dumped are root's, whoever it runs as.
        assert os.stat(f"/proc/{sign.pid}/mem").st_uid == 0
        limits = Path(f"/proc/{sign.pid}/limits").read_text()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.M), limits
        assert int(sign.status("VmLck").split()[0]) > 0


def test_passphrase_and_key_are_gone_once_they_have_been_used(fleet):
    fleet.ok("keygen", "example.com/a", "-o", "a.key", passphrase=PASSPHRASE)
    fleet.ok("keygen", "example.com/b", "-o", "b.key", passphrase=OTHER)
    plain = fleet.text("keys/manifest-1.key").splitlines()[3].encode()  # a private key's line of base64
    arguments = [*SIGN, "--key", "keys/manifest-1.key", "--key", "a.key", "--key", "b.key"]
    with AtPrompt(fleet, arguments, [("a.key': ", PASSPHRASE), ("b.key': ", None)]) as sign:
        memory = sign.memory()
    assert vkey_of(fleet.path("b.key")).encode() in memory  # it is the right memory: b's file is open
    assert PASSPHRASE.encode() not in memory
    assert plain not in memory
    assert base64.b64decode(plain)[-32:] not in memory
