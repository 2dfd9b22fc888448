"""nginx as a manifest source and as services to probe."""

import itertools
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from .namespace import Unavailable
from .process import clean_environment

START_SECONDS_MAX = 10
_namespace_ports = itertools.count(20000)  # a namespace's ports are the test's own


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def quoted(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class Nginx:
    """Serves `document_root` at every (address, certificate) of `listeners`; one port each."""

    def __init__(self, directory: Path, document_root: Path, listeners, namespace=None):
        program = shutil.which("nginx", path=clean_environment()["PATH"])
        if not program:
            raise Unavailable("needs the program nginx")
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ports = []
        servers = []
        for address, certificate in listeners:
            port = next(_namespace_ports) if namespace else free_port(address)
            self.ports.append(port)
            tls = ""
            if certificate:
                tls = f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};"
            servers.append(
                f"server {{ listen {quoted(address)}:{port}{' ssl' if tls else ''}; {tls}"
                f" root {document_root}; }}")
        self._pid_path = directory / "nginx.pid"
        self.access_log = directory / "access.log"
        configuration = directory / "nginx.conf"
        configuration.write_text("\n".join([
            "user root;" if os.geteuid() == 0 else "",
            "daemon off; worker_processes 1;",
            f"pid {self._pid_path}; error_log {directory}/error.log;",
            "events { worker_connections 1024; }",
            f"http {{ access_log {self.access_log};",
            *[f"{kind}_temp_path {directory}/{kind};"
              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")],
            *servers, "}",
        ]))
        self._process = subprocess.Popen(
            [*(namespace.prefix() if namespace else []), program, "-e", f"{directory}/error.log",
             "-c", str(configuration)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=clean_environment())
        # nginx writes its pid once its sockets listen.
        end = time.monotonic() + START_SECONDS_MAX
        while not self._pid_path.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                self._process.kill()
                _, reason = self._process.communicate()
                raise RuntimeError("nginx does not start: " + reason.decode())
            time.sleep(0.01)

    def requests(self) -> str:
        return self.access_log.read_text()

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)
