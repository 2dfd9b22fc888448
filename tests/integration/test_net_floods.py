"""A peer that never stops sending, at full speed: it stops neither the clock nor anybody else.

Each flood of support/flood_server.c stands beside ten healthy services and, where something is fetched, a
healthy second source. Bounds are a second wide; tests/bench/run.sh net measures them.
"""

import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from net_servers import GrpcHealth
from net_support import NAME, Certificates, MisbehavingServer, Session, ask, fetch, probe
from support.flood import FloodServer, compiled

HERE = "127.0.0.1"
DEADLINE_MS = 4000
MEMORY_KIB_MAX = 64 * 1024  # of hostspin-net, whatever is sent to it

FRAMES = ("goaway", "ping", "ping_ack", "settings", "window_update", "priority", "unknown", "altsvc", "empty_data",
          "padded_data", "continuation")
RECORDS = ("hello_request", "key_update", "key_update_asked", "session_ticket")
# Kinds that OpenSSL counts itself, and refuses in its own words.
COUNTED = ("warning_alert", "change_cipher_spec")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("floods")
    folder.chmod(0o755)
    return Certificates(folder / "certificates", HERE)


@pytest.fixture(scope="module")
def floods(certificates, tmp_path_factory):
    pair = [certificates.directory / f"good.{kind}" for kind in ("crt", "key")]
    made = FloodServer(compiled(tmp_path_factory.mktemp("flood_server")), HERE, pair)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(certificates):
    made = MisbehavingServer(HERE, certificates)
    yield made
    made.close()


@pytest.fixture(scope="module")
def grpc():
    made = GrpcHealth()
    yield made
    made.close()


@pytest.fixture
def healthy(server, grpc):
    """Ten services that are well, of every kind."""
    plain, secure = server.ports["good"], server.ports["tls_good"]
    checks = [("tcp", plain), ("http", plain), ("http", plain), ("http", plain), ("tls", secure), ("tls", secure),
              ("https", secure), ("https", secure), ("https", secure), ("grpc", grpc.port)]
    return [probe(100 + n, HERE, kind, port, server_name=NAME) for n, (kind, port) in enumerate(checks)]


def check_of(number: int, kind: str, port: int) -> dict:
    if "h2_" in kind:
        return probe(number, HERE, "grpc", port, server_name=NAME, **({"grpc_tls": True} if kind.startswith("tls_") else {}))
    return probe(number, HERE, "http" if kind == "chunk_extension" else "https", port, server_name=NAME)


@pytest.fixture
def converse(programs, certificates):
    """A session held open until everything is answered: the answers, and the most memory that it had."""
    def one(requests, **start):
        session = Session(programs.net, ca_bundles={"system": certificates.ca}, **{"deadline_ms": DEADLINE_MS, **start})
        session.send(*requests)
        while len(session.answers.results) < len(requests) and session.read_one() is not None:
            pass
        status = Path(f"/proc/{session.process.pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))
        answers = session.finish()
        assert answers.ended and answers.code == 0, answers
        if not answers.sanitized:
            assert peak < MEMORY_KIB_MAX
        return answers
    return one


def assert_well(answers, healthy) -> None:
    for request in healthy:
        result = answers[request["probe"]["id"]]
        assert result["verdict"] == "ok" and result["elapsed_ms"] < 1500, (request, result)


# --- one flood ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", [*RECORDS, "chunk_extension", *(p + "h2_" + f for p in ("", "tls_") for f in FRAMES)])
def test_a_flood_beside_ten_healthy_services(converse, floods, healthy, kind):
    answers = converse([check_of(1, kind, floods.ports[kind]), *healthy])
    assert answers[1]["verdict"] == "flood", answers[1]
    assert re.fullmatch(r"sent \d+ KiB and no answer", answers[1]["detail"])
    assert answers[1]["elapsed_ms"] < 2500  # its limit is 1500
    assert_well(answers, healthy)


def test_a_flood_in_the_handshake_of_a_tls_check(converse, floods, healthy):
    answers = converse([probe(1, HERE, "tls", floods.ports["hello_request"], server_name=NAME), *healthy])
    assert answers[1]["verdict"] == "flood", answers[1]
    assert_well(answers, healthy)


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("check", ["tls", "https"])
def test_a_flood_that_openssl_refuses(converse, floods, healthy, kind, check):
    answers = converse([probe(1, HERE, check, floods.ports[kind], server_name=NAME), *healthy])
    assert answers[1]["verdict"] == "tls_protocol", answers[1]
    assert_well(answers, healthy)


@pytest.mark.parametrize("kind", ["key_update", "session_ticket"])
def test_a_flood_after_the_handshake_is_nothing_to_a_tls_check(converse, floods, kind):
    answers = converse([probe(1, HERE, "tls", floods.ports[kind], server_name=NAME)])
    assert answers[1]["verdict"] == "ok" and answers.seconds < 1.5


@pytest.mark.parametrize("kind", [*RECORDS, "chunk_extension", "proxy_body"])
def test_a_flooding_source_beside_a_healthy_one(converse, floods, server, kind):
    scheme = "http" if kind == "chunk_extension" else "https"
    bad = fetch(1, f"{scheme}://{NAME}:{floods.ports[kind]}/manifest.note", HERE, priority=1)
    if kind == "proxy_body":
        bad = fetch(1, f"https://{NAME}:8443/manifest.note", "10.1.2.3", priority=1,
                    proxy=f"http://{HERE}:{floods.ports[kind]}")
    good = fetch(2, server.url("good"), HERE, priority=2)
    answers = converse([bad, good])
    assert answers[2]["outcome"] == "ok" and answers[2]["at"] < 2
    assert answers[1]["reason"] == "flood", answers[1]
    assert answers[1]["at"] < DEADLINE_MS / 1000 + 1


# --- all of them at once -------------------------------------------------------------------------------

def test_every_flood_at_once(converse, floods, healthy):
    """As many hostile addresses as there are kinds: each has its verdict, and the others are not late."""
    kinds = [kind for kind in floods.ports if kind != "proxy_body"]
    checks = [check_of(n, kind, floods.ports[kind]) for n, kind in enumerate(kinds)]
    answers = converse([*checks, *healthy], deadline_ms=20000, handshake_limit_ms=15000)
    assert_well(answers, healthy)
    found = {kind: answers[n]["verdict"] for n, kind in enumerate(kinds)}
    assert found == {kind: "tls_protocol" if kind in COUNTED else "flood" for kind in kinds}


@pytest.mark.parametrize("kind", ["hello_request", "key_update", "h2_ping_ack", "tls_h2_empty_data"])
def test_the_deadline_holds_under_twenty_floods(programs, certificates, floods, kind):
    """Shorter than it takes to work through them all."""
    requests = [check_of(n, kind, floods.ports[kind]) for n in range(20)]
    answers = ask(programs.net, requests, deadline_ms=600, ca_bundles={"system": certificates.ca})
    assert len(answers.results) == 20 and answers.ended
    assert {result["verdict"] for result in answers.results.values()} <= {"flood", "not_tried"}
    assert max(result["at"] for result in answers.results.values()) < 1.6
    assert answers.seconds < 2.6


# --- what passes through the pump stays what it was ---------------------------------------------------

RESET = """
import socket, struct, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.recv(4096)
connection.sendall(sys.argv[1].encode().decode("unicode_escape").encode())
time.sleep(float(sys.argv[2]))
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
connection.close()
"""


@pytest.fixture
def resetting():
    """A server that answers with some bytes and then resets the connection; its port."""
    started = []

    def start(text: str, seconds: float = 0.1) -> int:
        child = subprocess.Popen([sys.executable, "-c", RESET, text, str(seconds)], stdout=subprocess.PIPE)
        started.append(child)
        return int(child.stdout.readline())

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_reset_in_a_body_without_a_length_is_no_end(programs, resetting):
    """Only the end of the connection ends such a body, and a reset is none."""
    port = resetting(r"HTTP/1.1 200 OK\r\n\r\nhalf of it")
    answers = ask(programs.net, [fetch(1, f"http://{HERE}:{port}/manifest.note")], deadline_ms=1000)
    assert answers[1]["outcome"] == "failed", answers[1]
    port = resetting(r"HTTP/1.1 200 OK\r\n\r\nhalf of it")
    answers = ask(programs.net, [probe(1, HERE, "http", port, contains="all of it")])
    assert (answers[1]["verdict"], answers[1]["errno"]) == ("reset", 104)


def test_a_reset_after_a_whole_answer_is_none_of_ours(programs, resetting):
    port = resetting(r"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0)
    assert ask(programs.net, [probe(1, HERE, "http", port, contains="ok")])[1]["verdict"] == "ok"


def test_a_body_as_large_as_is_allowed_arrives_whole(programs):
    """65,536 bytes, more than a turn and than the pump's pair holds."""
    body = bytes(range(256)) * 256

    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            for begin in range(0, len(body), 5000):
                connection.sendall(body[begin:begin + 5000])
                time.sleep(0.001)

    with socket.create_server((HERE, 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        answers = ask(programs.net, [fetch(1, f"http://{HERE}:{listener.getsockname()[1]}/manifest.note")])
    assert answers[1]["outcome"] == "ok" and answers.body(1) == body


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def answering(certificates):
    """A server that answers one request with these pieces, each a record of its own with TLS; its port."""
    listeners = []

    def serve(listener, tls, pieces):
        try:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*(certificates.directory / f"good.{kind}" for kind in ("crt", "key")))
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(4096)
                for piece in pieces:
                    connection.sendall(piece)
                connection.recv(1)
        except OSError:
            pass  # the client has seen enough

    def start(pieces, tls=False) -> int:
        listener = socket.create_server((HERE, 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, tls, pieces), daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("tls, size", [(False, 60000), (True, 14000), (True, 30000)])
def test_a_page_in_chunks_of_a_byte_is_no_flood(programs, certificates, answering, tls, size):
    """What the framing takes is a multiple of what it carries; what it carries arrives."""
    chunks = [b"1\r\ny\r\n"] * (size - 1) + [b"1\r\nZ\r\n", b"0\r\n\r\n"]
    pieces = [CHUNKED, *(chunks if tls else [b"".join(chunks)])]
    check = probe(1, HERE, "https" if tls else "http", answering(pieces, tls), server_name=NAME, contains="Z")
    answers = ask(programs.net, [check], ca_bundles={"system": certificates.ca}, handshake_limit_ms=8000,
                  deadline_ms=9000)
    assert answers[1]["verdict"] == "ok", answers[1]
    name = f"{'https' if tls else 'http'}://{NAME}:{answering(pieces, tls)}/manifest.note"
    answers = ask(programs.net, [fetch(1, name, HERE)], ca_bundles={"system": certificates.ca}, deadline_ms=9000)
    assert answers[1]["outcome"] == "ok" and answers.body(1) == b"y" * (size - 1) + b"Z", answers[1]


def test_an_endless_stream_of_events_is_well_by_its_status(programs, certificates, answering):
    """Past the bytes that an attempt may waste, with an answer that is complete."""
    def events():
        yield CHUNKED
        for _ in range(4000):  # 29 bytes each, of which 2 arrive
            yield b"2\r\n:\n\r\n"

    check = probe(1, HERE, "https", answering(events(), True), server_name=NAME)
    answers = ask(programs.net, [check], ca_bundles={"system": certificates.ca})
    assert (answers[1]["verdict"], answers[1]["detail"]) == ("ok", "status 200"), answers[1]


# --- what costs time, not bytes ------------------------------------------------------------------------

@pytest.fixture
def openssl_server(tmp_path):
    """`openssl s_server` with these options and an RSA key of its own; its port."""
    started = []
    key, certificate = tmp_path / "rsa.key", tmp_path / "rsa.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", certificate],
                   check=True, stderr=subprocess.DEVNULL)

    def start(*options) -> int:
        child = subprocess.Popen(["openssl", "s_server", "-accept", f"{HERE}:0", "-key", key, "-cert", certificate,
                                  *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True)
        started.append(child)
        for line in child.stdout:
            if line.startswith("ACCEPT"):
                return int(line.rpartition(":")[2])
        raise AssertionError("openssl s_server does not listen")

    start.ca = certificate.read_text
    yield start
    for child in started:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("kind", ["tls", "https"])
@pytest.mark.parametrize("options, accepted", [
    (("-tls1_2", "-cipher", "DHE:@SECLEVEL=0", "-dhparam", "ffdhe2048.pem"), False),
    (("-tls1_3", "-groups", "ffdhe2048"), False),
    (("-tls1_3", "-groups", "ffdhe8192"), False),
    (("-tls1_2", "-cipher", "ECDHE"), True),
    (("-tls1_3", "-groups", "P-256"), True),
    (("-tls1_3", "-groups", "P-521"), True),
    (("-tls1_3", "-groups", "X25519"), True),
], ids=lambda value: "_".join(value) if isinstance(value, tuple) else None)
def test_no_group_whose_size_the_peer_chooses(programs, openssl_server, tmp_path, kind, options, accepted):
    """One handshake over a group of 10,000 bits takes a second of the whole session's time."""
    if "-dhparam" in options:
        subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out",
                        tmp_path / "ffdhe2048.pem"], check=True)
        options = [str(tmp_path / word) if word.endswith(".pem") else word for word in options]
    port = openssl_server("-www", *options)
    answers = ask(programs.net, [probe(1, HERE, kind, port, server_name=NAME)],
                  ca_bundles={"system": openssl_server.ca()})
    assert answers[1]["verdict"] == ("ok" if accepted else "tls_protocol"), answers[1]


# --- a peer that resets at once --------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["http", "https", "grpc"])
def test_a_peer_that_resets_is_called_so_at_any_moment(programs, certificates, kind):
    """Before anything is handed over, while it is, and while the request is sent. A grpc check tries twice."""
    def serve(listener, pauses):
        for pause in pauses:
            connection, _ = listener.accept()
            until = time.perf_counter() + pause
            while time.perf_counter() < until:
                pass
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    found = []
    for pause in (0, 0.00005, 0.0002, 0.0005, 0.002):
        with socket.create_server((HERE, 0), backlog=64) as listener:
            threading.Thread(target=serve, args=(listener, [pause] * 64), daemon=True).start()
            port = listener.getsockname()[1]
            answers = ask(programs.net, [probe(n, HERE, kind, port, server_name=NAME) for n in range(32)],
                          ca_bundles={"system": certificates.ca})
        found += answers.results.values()
    assert {(result["verdict"], result.get("errno") in (32, 104)) for result in found} == {("reset", True)}, found
    assert not any("hostspin.invalid" in result["detail"] for result in found)
