"""The mysql check against Debian's MariaDB, which blocks hosts whose connections end before their login does."""

import subprocess
import sys

import pytest
from net_support import ask, probe
from support.cable import CLIENT, SERVER, Cable
from support.mariadb import DatabaseServer
from support.process import clean_environment

PORT = 3306  # of a namespace
MAX_CONNECTIONS = 20
BATCH = 15

HOLD = """
import socket, sys
held = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(int(sys.argv[3]))]
for one in held:
    one.recv(4096)
print(flush=True)
sys.stdin.read()
"""


class Database:
    def __init__(self, path, programs):
        self.cable, self.programs = Cable(), programs
        try:
            self.server = DatabaseServer(path, self.cable.server, SERVER, PORT, f"--max-connections={MAX_CONNECTIONS}",
                                         hosts=f"{CLIENT} app.example.com\n")
        except BaseException:
            self.cable.close()
            raise

    def probes(self, kind: str, count: int, **check) -> list:
        """Results of so many probes, a few at a time: the server takes no more."""
        results = []
        while len(results) < count:
            wanted = [probe(n, SERVER, kind, PORT, **check) for n in range(min(BATCH, count - len(results)))]
            answers = ask(self.programs.net, wanted, prefix=self.cable.client.prefix())
            results += [answers[n] for n in range(len(wanted))]
        return results

    def held(self, count: int):
        """A process that has so many connections open, and no more than a greeting of each."""
        process = subprocess.Popen(
            [*self.cable.client.prefix(), sys.executable, "-c", HOLD, SERVER, str(PORT), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        assert process.stdout.readline() == b"\n"
        return process

    def close(self):
        self.server.close()
        self.cable.close()


@pytest.fixture(scope="module")
def database(tmp_path_factory, programs):
    made = Database(tmp_path_factory.mktemp("mariadb") / "server", programs)
    yield made
    made.close()


def test_500_checks_get_nobody_blocked(database):
    for result in database.probes("mysql", 500, user="hostspin"):
        assert result["verdict"] == "ok" and "refuses user 'hostspin' (error 1045)" in result["detail"], result


@pytest.mark.parametrize("user, words", [
    ("passwordless", "user 'passwordless' logs in"), ("application", "refuses user 'application' (error 1045)"),
])
def test_a_login(database, user, words):
    (result,) = database.probes("mysql", 1, user=user)
    assert result["verdict"] == "ok" and result["detail"].endswith(words), result


def test_no_connection_left(database):
    holder = database.held(MAX_CONNECTIONS + 1)  # one is for an administrator
    try:
        (full,) = database.probes("mysql", 1, user="hostspin")
        assert full["verdict"] == "mysql_full" and "error 1040" in full["detail"], full
    finally:
        holder.communicate()


def test_110_plain_tcp_checks_get_the_host_blocked(database):
    """The control, last: this is what the check is for."""
    assert {result["verdict"] for result in database.probes("tcp", 110)} <= {"ok", "closed_at_once"}
    (blocked,) = database.probes("mysql", 1, user="hostspin")
    assert blocked["verdict"] == "mysql_blocked" and "error 1129" in blocked["detail"], blocked
