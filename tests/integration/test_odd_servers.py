"""The table of odd servers (odd_servers.py), walked: one session asks them all."""

from concurrent.futures import ThreadPoolExecutor

import odd_certificates
import odd_peers
import pytest
from net_support import NAME, ask, probe
from odd_servers import TABLE, OddServers

HERE = "127.0.0.1"
ROWS_MIN = 60


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / "certificates"
    odd_certificates.make(folder, HERE)
    return folder


@pytest.fixture(scope="module")
def servers(certificates):
    made = OddServers(HERE, certificates)
    yield made
    made.close()


def request(number: int, row, address: str, ports: dict) -> dict:
    check = {"server_name": NAME} if row.kind in ("tls", "https") else {}
    return probe(number, address, row.kind, ports[row.key], **check, **row.check)


def complaints(answers) -> list:
    found = []
    for number, row in enumerate(TABLE):
        result = answers[number]
        detail = result.get("detail", "")
        if result["verdict"] != row.verdict or row.words not in detail:
            found.append(f"{row.key}: {result['verdict']} ({detail}), not {row.verdict} ({row.words})")
        if "internal" in detail and "internal error" not in detail or "hostspin.invalid" in detail:
            found.append(f"{row.key}: words of our own making: {detail}")
    return found


def test_the_table_is_long_and_tells_its_rows_apart():
    assert len(TABLE) >= ROWS_MIN
    assert len({row.key for row in TABLE}) == len(TABLE)


def test_odd_servers(programs, certificates, servers):
    answers = ask(programs.net, [request(n, row, HERE, servers.ports) for n, row in enumerate(TABLE)],
                  deadline_ms=20000, ca_bundles={"system": (certificates / "ca.pem").read_text()})
    assert answers.ended and answers.code == 0, answers
    found = complaints(answers)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("key", [row.key for row in TABLE if row.kind == "grpc" and row.is_well
                                 and "first attempt" not in row.key])
def test_a_grpc_answer_is_the_same_each_time(programs, servers, key):
    """Whatever comes first, the answer's last frames or the end of the connection."""
    row = next(row for row in TABLE if row.key == key)
    answers = ask(programs.net, [request(n, row, HERE, servers.ports) for n in range(100)], deadline_ms=20000)
    assert {result["verdict"] for result in answers.results.values()} == {"ok"}, answers.results


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(odd_peers.KINDS))
def test_what_others_say(certificates, servers, tmp_path, name):
    """Where they call a service well that is not to us, or the other way round, the row says why."""
    peers = {"curl": odd_peers.curl, "openssl": odd_peers.openssl, "chronyd": odd_peers.time_by_chronyd}
    blackbox = odd_peers.Blackbox(tmp_path, TABLE, HERE, servers.ports, certificates) if name == "blackbox" else None
    peer = blackbox or peers[name]
    rows = [row for row in TABLE if row.kind in odd_peers.KINDS[name]]
    try:
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda row: peer(row, HERE, servers.ports[row.key], certificates), rows))
    finally:
        if blackbox:
            blackbox.close()
    found = [f"{row.key}: {name} says {'well' if well else 'not well'}, we say {row.verdict}; "
             f"told: {row.differs.get(name, 'no difference')}"
             for row, well in zip(rows, answers) if (well != row.is_well) != (name in row.differs)]
    assert not found, "\n".join(found)
