"""A mount namespace of the test's own: what is mounted in it nobody else sees, and it goes with it."""

import os
import subprocess
from pathlib import Path

from .namespace import Unavailable, propagation
from .process import Run, clean_environment, run


class Mounts:
    """Lives as long as its holder, which ends when its standard input does: with this process."""

    def __init__(self, over_etc: bool = False):
        """`over_etc`: something will be mounted over /etc, which the machine must on no account come to see."""
        if os.geteuid() != 0:
            raise Unavailable("needs root, to mount")
        if over_etc and propagation() != "private":
            raise Unavailable("mounts would be seen outside, and one goes over /etc")
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", propagation(), "--", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        if self._holder.stdout.readline() != b"ready\n":
            _, reason = self._holder.communicate()
            raise Unavailable("cannot make a mount namespace: " + reason.decode().strip())

    def prefix(self) -> list:
        # With its root as well: the namespace does not know of a chroot that the tests may run in.
        process = f"/proc/{self._holder.pid}"
        return ["nsenter", f"--mount={process}/ns/mnt", f"--root={process}/root", "--"]

    def run(self, *command) -> Run:
        """Inside; what this machine cannot do skips the test."""
        done = run([*self.prefix(), *command])
        if done.code != 0:
            raise Unavailable(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done

    def inside(self, path: Path) -> Path:
        """The same path as it is in there."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def close(self) -> None:
        self._holder.stdin.close()
        self._holder.wait(timeout=10)
        self._holder.stdout.close()
        self._holder.stderr.close()
