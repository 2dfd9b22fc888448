"""A cable that loses one packet in a hundred each way changes no verdict, and makes none flap."""

import re
from collections import Counter

import odd_certificates
import pytest
from net_support import ask
from odd_servers import TABLE, OddServers
from support.cable import SERVER, Cable
from test_odd_servers import request

TIMES = 200
# No row that resets: what a reset overtakes on its way is lost for good, and the verdict is another one by right.
# None that answers each connection differently, and none that takes the whole limit.
ROWS = [row for row in TABLE if row.key in {
    "tcp: says nothing", "tcp: greets first",
    "tls: a good certificate", "tls: a certificate for another name", "tls: a CA that is not trusted",
    "tls: demands a client certificate, TLS 1.2", "tls: demands a client certificate, TLS 1.3",
    "tls: an alert: handshake failure", "tls: closes in the handshake", "tls: plain HTTP",
    "https: a good certificate", "https: an expired certificate", "https: demands a client certificate, TLS 1.3",
    "https: closes in the handshake", "https: closes without an answer", "https: bad framing within TLS",
    "http: no length, and an end", "http: 503 and a body that never comes", "http: closes without an answer",
    "http: a head without its empty line, and an end", "http: two different Content-Lengths",
    "http: a stream of events with the text in its first bytes",
    "grpc: an answer and an end", "grpc: NOT_SERVING and GOAWAY", "grpc: an end in place of an answer",
}]


@pytest.fixture(scope="module")
def cable():
    made = Cable()
    ends = (made.client, made.server)
    tables = [made.rule(end, "input", "numgen random mod 100 < 1 counter drop;") for end in ends]
    made.lost = lambda: [int(re.search(r"packets (\d+)", end.run("nft", "list", "table", "inet", table)).group(1))
                         for end, table in zip(ends, tables)]
    yield made
    made.close()


@pytest.mark.slow
def test_a_lossy_cable_flaps_nothing(programs, cable, tmp_path):
    assert len(ROWS) == 25
    odd_certificates.make(tmp_path / "certificates", SERVER)
    servers = OddServers(SERVER, tmp_path / "certificates", cable.server.prefix())
    try:
        # A packet that is lost four times in a row takes three seconds: more than a check's usual limit, and as
        # likely as one in a hundred millions.
        answers = ask(programs.net, [request(n, ROWS[n % len(ROWS)], SERVER, servers.ports)
                                     for n in range(TIMES * len(ROWS))],
                      prefix=[*cable.client.prefix(), "prlimit", "--nofile=256:256", "--"], deadline_ms=120000,
                      handshake_limit_ms=10000, ca_bundles={"system": (tmp_path / "certificates/ca.pem").read_text()})
    finally:
        servers.close()
    found = {row.key: Counter(answers[n]["verdict"] for n in range(index, TIMES * len(ROWS), len(ROWS)))
             for index, row in enumerate(ROWS)}
    assert min(cable.lost()) > TIMES, cable.lost()
    assert found == {row.key: {row.verdict: TIMES} for row in ROWS}
