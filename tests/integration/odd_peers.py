"""What others say of the odd servers: curl, openssl, blackbox_exporter and chronyd, each asked as well as it can be."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from net_support import NAME
from odd_row import Odd
from support.chronyd import chronyd
from support.namespace import Unavailable
from support.nginx import free_port
from support.process import clean_environment, run

KINDS = {"curl": ("http", "https"), "openssl": ("tls",), "blackbox": ("tcp", "tls", "http", "https", "grpc"),
         "chronyd": ("ntp",)}
SECONDS = 3


def needs(program: str) -> str:
    found = shutil.which(program, path=clean_environment()["PATH"])
    if not found:
        raise Unavailable(f"needs the program {program}")
    return found


def accepts(status: int, row: Odd) -> bool:
    wanted = row.check.get("status")
    return status in wanted if wanted else 200 <= status <= 399


def curl(row: Odd, address: str, port: int, certificates: Path) -> bool:
    done = run([needs("curl"), "-sS", "--noproxy", "*", "--max-time", SECONDS, "--cacert", certificates / "ca.pem",
                "--resolve", f"{NAME}:{port}:{address}", "-w", "\n%{http_code}", f"{row.kind}://{NAME}:{port}/"])
    body, _, status = done.stdout.rpartition("\n")
    return done.code == 0 and accepts(int(status), row) and row.check.get("contains", "") in body


def openssl(_, address: str, port: int, certificates: Path) -> bool:
    command = [needs("openssl"), "s_client", "-connect", f"{address}:{port}", "-servername", NAME, "-verify_hostname",
               NAME, "-verify_return_error", "-CAfile", str(certificates / "ca.pem"), "-brief"]
    # Its input ends only once an alert that follows a handshake of TLS 1.3 has had time to come.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=clean_environment()) as child:
        try:
            return child.wait(timeout=1) == 0
        except subprocess.TimeoutExpired:
            child.stdin.close()
        try:
            return child.wait(timeout=SECONDS) == 0
        except subprocess.TimeoutExpired:
            child.kill()
            return False


def time_by_chronyd(_, address: str, port: int, __) -> bool:
    """It measures an offset, and leaves the clock alone (-Q)."""
    return run([chronyd(), "-Q", "-t", SECONDS, "-u", "root", "-f", "/dev/null",
                f"server {address} port {port} iburst maxsamples 1"]).code == 0


class Blackbox:
    """One exporter with a module for each row."""

    def __init__(self, folder: Path, rows, address: str, ports: dict, certificates: Path):
        self.rows = [row for row in rows if row.kind in KINDS["blackbox"]]
        self._address, self._ports = address, ports
        modules = {f"m{n}": self._module(row, certificates) for n, row in enumerate(self.rows)}
        configuration = folder / "blackbox.yml"
        configuration.write_text(json.dumps({"modules": modules}))  # which is YAML
        self._port = free_port()
        self._process = subprocess.Popen(
            [needs("prometheus-blackbox-exporter"), f"--config.file={configuration}",
             f"--web.listen-address=127.0.0.1:{self._port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=clean_environment())
        end = time.monotonic() + 20
        while not self._listens():
            assert self._process.poll() is None and time.monotonic() < end, "blackbox_exporter does not start"
            time.sleep(0.05)

    @staticmethod
    def _module(row: Odd, certificates: Path) -> dict:
        tls = {"ca_file": str(certificates / "ca.pem"), "server_name": NAME}
        module = {"timeout": f"{SECONDS}s"}
        if row.kind in ("tcp", "tls"):
            return {**module, "prober": "tcp", "tcp": {"tls": row.kind == "tls", "tls_config": tls}}
        if row.kind == "grpc":
            return {**module, "prober": "grpc", "grpc": {"service": row.check.get("grpc_service", ""), "tls": False}}
        http = {"follow_redirects": False, "tls_config": tls,
                "valid_status_codes": row.check.get("status") or list(range(200, 400))}
        if "contains" in row.check:
            http["fail_if_body_not_matches_regexp"] = [row.check["contains"]]
        return {**module, "prober": "http", "http": http}

    def _get(self, path: str) -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self._port}{path}", timeout=60) as answer:
            return answer.read().decode()

    def _listens(self) -> bool:
        try:
            return bool(self._get("/-/healthy"))
        except OSError:
            return False

    def __call__(self, row: Odd, address: str, port: int, certificates: Path) -> bool:
        scheme = {"http": "http://", "https": "https://"}.get(row.kind, "")
        query = urllib.parse.urlencode({"target": f"{scheme}{address}:{port}", "module": f"m{self.rows.index(row)}"})
        return "\nprobe_success 1\n" in self._get(f"/probe?{query}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
