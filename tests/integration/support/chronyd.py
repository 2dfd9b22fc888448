"""A real chronyd in a namespace of the test's own."""

import shutil
import subprocess
import time
from pathlib import Path

from .namespace import Namespace, Unavailable
from .process import clean_environment

# tests/install-deps.sh unpacks it there: installed, it would take another time service's place.
UNPACKED = "/usr/local/lib/hostspin-tests/chrony/usr/sbin/chronyd"


def chronyd() -> str:
    found = shutil.which("chronyd", path=clean_environment()["PATH"]) or shutil.which(UNPACKED)
    if not found:
        raise Unavailable("needs the program chronyd")
    return found


class TimeService:
    """Answers at an address and port of its namespace; it never touches this machine's clock (-x)."""

    def __init__(self, path: Path, namespace: Namespace, address: str, port: int, *lines: str):
        path.mkdir()
        configuration = path / "chrony.conf"
        configuration.write_text("\n".join([
            f"bindaddress {address}", f"port {port}", "allow", "cmdport 0", f"bindcmdaddress {path}/chronyd.sock",
            f"pidfile {path}/chronyd.pid", *lines]) + "\n")
        self.process = subprocess.Popen(
            [*namespace.prefix(), chronyd(), "-d", "-x", "-F", "0", "-u", "root", "-f", str(configuration)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())

    def wait_for(self, is_ready) -> None:
        """Until `is_ready()`; it takes a moment to start."""
        for _ in range(100):
            if is_ready():
                return
            assert self.process.poll() is None, self.process.stdout.read()
            time.sleep(0.1)
        raise AssertionError("chronyd does not answer")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
