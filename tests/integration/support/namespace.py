"""A network namespace of the test's own, where every packet to port 53 is counted."""

import json
import os
import shutil
import subprocess

import pytest

from .process import clean_environment


def propagation() -> str:
    """Private; but in a chroot whose root is no mount point that cannot be had, and the mounts are the chroot's own."""
    tried = subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, check=False)
    return "private" if tried.returncode == 0 else "unchanged"


class Unavailable(pytest.skip.Exception):
    """Why this machine cannot give a test what it needs; raised anywhere, it skips the test with that reason."""


class Namespace:
    """Lives as long as its holder, a `cat` that ends when its standard input does: with this process.

    All addresses stand on its loopback interface, and so does the default route: what is sent to an
    address that is not there goes out, is counted, and is answered by nobody.
    """

    def __init__(self, addresses=()):
        for tool in ("unshare", "nsenter", "ip", "nft"):
            if not shutil.which(tool, path=clean_environment()["PATH"]):
                raise Unavailable(f"needs the program {tool}")
        if os.geteuid() != 0:
            raise Unavailable("needs root, to make a network namespace")
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment(),
        )
        if self._holder.stdout.readline() != b"ready\n":
            _, reason = self._holder.communicate()
            raise Unavailable("cannot make a network namespace: " + reason.decode().strip())
        try:
            self._prepare(addresses)
        except BaseException:
            self.close()
            raise

    def _prepare(self, addresses) -> None:
        self.run("ip", "link", "set", "lo", "up")
        for address in addresses:
            self.run("ip", "address", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo")
        self.run("ip", "route", "add", "default", "dev", "lo")
        rules = """
            table inet hostspin_test {
              counter dns { }
              chain out { type filter hook output priority 0; th dport 53 counter name dns; }
            }"""
        done = subprocess.run(
            [*self.prefix(), "nft", "-f", "-"], input=rules.encode(), stderr=subprocess.PIPE,
            env=clean_environment(), check=False)
        if done.returncode != 0:
            raise Unavailable("nft cannot count packets here: " + done.stderr.decode().strip())

    def prefix(self) -> list:
        """What goes before a command so that it runs inside."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]

    def run(self, *command) -> str:
        done = subprocess.run(
            [*self.prefix(), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment(), check=False)
        if done.returncode != 0:
            raise Unavailable(f"{' '.join(command)}: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def packets_to_port_53(self) -> int:
        answer = self.run("nft", "-j", "list", "counter", "inet", "hostspin_test", "dns")
        return next(one["counter"]["packets"] for one in json.loads(answer)["nftables"] if "counter" in one)

    def close(self) -> None:
        self._holder.stdin.close()
        self._holder.wait(timeout=10)
        self._holder.stdout.close()
        self._holder.stderr.close()
