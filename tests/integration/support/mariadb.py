"""A real MariaDB in a namespace of the test's own, which resolves its clients by a hosts file of its own."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from .namespace import Namespace, Unavailable, propagation
from .process import clean_environment

# tests/install-deps.sh unpacks it there: installed, it would become this machine's database.
UNPACKED = Path("/usr/local/lib/hostspin-tests/mariadb-server-core")
HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'


class DatabaseServer:
    """Answers at an address and port of its namespace, from a data folder that it has just made."""

    def __init__(self, path: Path, namespace: Namespace, address: str, port: int, *options: str, hosts: str = ""):
        root = Path("/") if shutil.which("mariadbd", path=clean_environment()["PATH"]) else UNPACKED
        program = root / "usr/sbin/mariadbd"
        if not program.exists():
            raise Unavailable("needs the program mariadbd")
        share = root / "usr/share/mysql"
        path.mkdir()
        names = path / "hosts"
        names.write_text("127.0.0.1 localhost\n" + hosts)
        self.log = path / "log"
        base = [str(program), "--no-defaults", "--user=root", f"--datadir={path}/data", f"--lc-messages-dir={share}",
                f"--character-sets-dir={share}/charsets", "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M"]
        (path / "data").mkdir()
        tables = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n" + "".join(
            (share / f"mysql_{part}.sql").read_text()
            for part in ("system_tables", "performance_tables", "system_tables_data"))
        made = subprocess.run([*base, "--bootstrap"], input=tables.encode(), capture_output=True,
                              env=clean_environment(), check=False)
        assert made.returncode == 0, made.stderr.decode()[-2000:]
        # Without an account for any host it turns every client away (error 1130).
        (path / "accounts").write_text("create user application@'%' identified by 'secret';\n"
                                       "create user passwordless@'%';\n")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*namespace.prefix(), "unshare", "--mount", "--propagation", propagation(), "sh", "-c", HOSTS, str(names),
                 *base, f"--bind-address={address}", f"--port={port}", f"--socket={path}/socket",
                 f"--pid-file={path}/pid", f"--init-file={path}/accounts", *options],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=clean_environment())
        self._wait(path / "socket")

    def _wait(self, ready: Path) -> None:
        """Until it takes connections; by its local socket, which has no host to count them for."""
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            try:
                with socket.socket(socket.AF_UNIX) as tried:
                    tried.connect(str(ready))
                    if tried.recv(64)[4:5] == b"\x0a":
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError("mariadbd does not answer: " + self.log.read_text()[-2000:])

    def close(self) -> None:
        self.process.kill()
        self.process.wait(timeout=20)
