"""The C program of the tests' own that never stops sending, compiled for the session."""

import json
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from .namespace import Unavailable
from .process import clean_environment, run

SOURCE = Path(__file__).resolve().parents[2] / "support/flood_server.c"
CONNECTION_SECONDS = 8  # so that no flood outlives its test, whatever the client does

# Which check is asked of each kind, where another than https.
GRPC = ("h2_", "tls_h2_")


@lru_cache(maxsize=1)
def _compiled(folder: Path) -> Path:
    program = folder / "flood_server"
    done = run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE, "-lssl", "-lcrypto"])
    assert done.code == 0, done
    return program


def compiled(folder: Path) -> Path:
    if not shutil.which("cc", path=clean_environment()["PATH"]):
        raise Unavailable("needs a C compiler")
    return _compiled(folder)


class FloodServer:
    """Every kind of endless stream, each at a port of its own; `ports` tells which."""

    def __init__(self, program: Path, address: str, certificate: tuple, prefix=()):
        self.address = address
        self._process = subprocess.Popen(
            [*prefix, str(program), address, *map(str, certificate), str(CONNECTION_SECONDS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self.ports = json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
