"""A root with nothing in it but the portable programs, /dev/null, /proc and hostspin's own files."""

import os
import subprocess
from pathlib import Path

from .machine import Machine
from .namespace import Unavailable, propagation
from .process import clean_environment

# Mounts of this process alone, gone with it.
ENTER = 'root=$1; shift; mount --bind /dev/null "$root/dev/null"; mount --rbind /proc "$root/proc"; exec chroot "$@"'
PLACES = {"hostspin": "usr/sbin/hostspin", "sign": "usr/bin/hostspin-sign", "net": "usr/libexec/hostspin/hostspin-net",
          "ask": "usr/libexec/hostspin/hostspin-ask"}


class BareRoot(Machine):
    """Like a machine below --root, save that its programs are inside of it and see nothing else."""

    def __init__(self, path: Path, portable, namespace):
        super().__init__(path, portable, namespace)
        if os.geteuid() != 0:
            raise Unavailable("needs root, to make mounts and to change the root")
        path.chmod(0o755)
        for name, place in PLACES.items():
            (path / place).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["strip", "-o", path / place, getattr(portable, name)], check=True)
        (path / "proc").mkdir()
        (path / "dev").mkdir()
        (path / "dev/null").touch()
        (path / "etc/hostname").unlink()

    def inside(self, program: str, *arguments, user: int = 0) -> list:
        """What runs a program of the root; its process is the one that is started."""
        return [*self.namespace.prefix(), "unshare", "--mount", "--propagation", propagation(), "sh", "-ec", ENTER, "sh",
                str(self.path), f"--userspec={user}:{user}", str(self.path), "/" + PLACES[program], *map(str, arguments)]

    def command(self, *arguments) -> list:
        return self.inside("hostspin", *arguments)

    def put(self, name: str, content: bytes) -> str:
        return "/" + str(Path(super().put(name, content)).relative_to(self.path))

    def start(self, program: str, user: int) -> subprocess.Popen:
        return subprocess.Popen(self.inside(program, user=user), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=clean_environment())
