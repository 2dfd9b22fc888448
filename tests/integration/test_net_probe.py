"""hostspin-net probes addresses: one verdict for each, with the layer that failed."""

import socket
import threading
import time

import pytest
from net_servers import GrpcHealth, TimeServer, ntp_answer
from net_support import NAME, Certificates, MisbehavingServer, ask, probe
from support.nginx import Nginx, free_port
from test_net_fetch import pin

HERE = "127.0.0.1"
LEAF_DAYS = {89, 90}  # ninety, or a second less


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("probe") / "certificates", HERE)


@pytest.fixture(scope="module")
def server(certificates):
    made = MisbehavingServer(HERE, certificates)
    yield made
    made.close()


@pytest.fixture
def probe_one(programs, certificates):
    def one(kind, port, address=HERE, *, start=None, **check):
        answers = ask(programs.net, [probe(3, address, kind, port, **check)],
                      ca_bundles={"system": certificates.ca}, **(start or {}))
        assert answers.ended and answers.code == 0, answers
        return answers[3]
    return one


# --- tcp ---------------------------------------------------------------------------------------------

def test_tcp(probe_one, server):
    result = probe_one("tcp", server.ports["silent"])
    assert result["verdict"] == "ok" and "errno" not in result
    assert result["rtt_us"] < 100_000
    closed = probe_one("tcp", free_port())
    assert (closed["verdict"], closed["errno"]) == ("refused", 111)


def test_ipv6(probe_one):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        assert probe_one("tcp", listener.getsockname()[1], "::1")["verdict"] == "ok"


@pytest.mark.parametrize("greeting", [b"", b"220 mail.example.com ESMTP\r\n"])
def test_tcp_closes_without_a_reset(probe_one, greeting):
    """A service that greets first must not see ECONNRESET in its log."""
    seen = []

    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(greeting)
            try:
                seen.append(connection.recv(100))
            except OSError as error:
                seen.append(error)

    with socket.create_server((HERE, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        assert probe_one("tcp", listener.getsockname()[1])["verdict"] == "ok"
        thread.join(timeout=5)
    assert seen == [b""]


def test_one_verdict_per_request(programs, server):
    ports = [server.ports["good"], free_port(), server.ports["good"]]
    answers = ask(programs.net, [probe(n, HERE, "tcp", port) for n, port in enumerate(ports)])
    assert [answers[n]["verdict"] for n in range(3)] == ["ok", "refused", "ok"]


def test_unsupported(probe_one):
    result = probe_one("quic", 443)
    assert result["verdict"] == "unsupported"


# --- tls ---------------------------------------------------------------------------------------------

def test_tls(probe_one, server):
    result = probe_one("tls", server.ports["tls_good"], server_name=NAME)
    assert result["verdict"] == "ok"
    assert result["days_left"] in LEAF_DAYS
    assert result["detail"] == "TLSv1.3"


@pytest.mark.parametrize("behaviour, verdict, words", [
    ("tls_name", "tls_name", "elsewhere.example.com"),
    ("tls_ca", "tls_ca", "issuer"),
    ("tls_expired", "tls_expired", "expired"),
    ("tls_early", "tls_not_yet_valid", "valid from"),
    ("tls_old", "tls_protocol", "version"),
    ("garbage", "tls_timeout", "1500 ms"),
    ("silent", "tls_timeout", "1500 ms"),
])
def test_tls_failures_are_told_apart(probe_one, server, behaviour, verdict, words):
    result = probe_one("tls", server.ports[behaviour], server_name=NAME)
    assert result["verdict"] == verdict, result
    assert words in result["detail"]
    assert result["elapsed_ms"] < 1700


def test_tls_pins(probe_one, server, certificates):
    right, other = pin(certificates.directory / "good.crt"), pin(certificates.directory / "name.crt")
    port = server.ports["tls_good"]
    assert probe_one("tls", port, server_name=NAME, spki=[other, right])["verdict"] == "ok"
    wrong = probe_one("tls", port, server_name=NAME, spki=[other])
    assert wrong["verdict"] == "tls_pin" and right in wrong["detail"]


def test_tls_by_an_address_as_name(probe_one, server):
    assert probe_one("tls", server.ports["tls_good"], server_name=HERE)["verdict"] == "ok"
    assert probe_one("tls", server.ports["tls_good"], server_name="127.0.0.9")["verdict"] == "tls_name"


def test_tls_against_something_that_hangs_up(probe_one):
    def hang_up(listener):
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.close()

    with socket.create_server((HERE, 0)) as listener:
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        result = probe_one("tls", listener.getsockname()[1], server_name=NAME)
    assert result["verdict"] == "reset"


def test_tls_judges_at_the_floor(probe_one, server):
    start = {"tls_not_before": int(time.time()) + 15 * 86400}
    assert probe_one("tls", server.ports["tls_early"], server_name=NAME, start=start)["verdict"] == "ok"
    good = probe_one("tls", server.ports["tls_good"], server_name=NAME, start=start)
    assert good["verdict"] == "ok" and good["days_left"] in (74, 75)


# --- http --------------------------------------------------------------------------------------------

def test_http_status(probe_one, server):
    assert probe_one("http", server.ports["good"], host=NAME)["verdict"] == "ok"
    assert probe_one("http", server.ports["redirect"], host=NAME)["verdict"] == "ok"  # 302 is below 400
    for behaviour, status in (("missing", 404), ("broken", 503)):
        result = probe_one("http", server.ports[behaviour], host=NAME)
        assert result["verdict"] == "http_status" and str(status) in result["detail"]
        assert probe_one("http", server.ports[behaviour], host=NAME, status=[200, status])["verdict"] == "ok"
    assert probe_one("http", server.ports["good"], host=NAME, status=[204])["verdict"] == "http_status"


def test_https(probe_one, server):
    result = probe_one("https", server.ports["tls_good"], server_name=NAME, host=NAME)
    assert result["verdict"] == "ok" and result["days_left"] in LEAF_DAYS and "rtt_us" in result
    for behaviour in ("name", "ca", "expired", "early"):
        expected = {"early": "tls_not_yet_valid"}.get(behaviour, "tls_" + behaviour)
        wrong = probe_one("https", server.ports["tls_" + behaviour], server_name=NAME, host=NAME)
        assert wrong["verdict"] == expected


@pytest.mark.parametrize("bundles", [{}, {"system": "none\n"}])
@pytest.mark.parametrize("kind", ["tls", "https"])
def test_a_bundle_without_certificates_is_no_fault_of_the_server(programs, server, kind, bundles):
    check = probe(1, HERE, kind, server.ports["tls_good"], server_name=NAME)
    result = ask(programs.net, [check], ca_bundles=bundles)[1]
    assert result["verdict"] == "not_tried" and "CA bundle 'system'" in result["detail"], result


def test_what_an_http_check_sends(probe_one, server):
    port = server.ports["echo"]
    sent = f"GET /v1/health?deep=1 HTTP/1.1\r\nHost: vault.example.com:{port}\r\n"
    assert probe_one("http", port, host="vault.example.com", path="/v1/health?deep=1", contains=sent)["verdict"] == "ok"
    secure = server.ports["tls_echo"]
    sent = f"Host: vault.example.com:{secure}\r\n"
    assert probe_one("https", secure, server_name=NAME, host="vault.example.com", contains=sent)["verdict"] == "ok"


def test_http_body(probe_one, server):
    assert probe_one("http", server.ports["good"], host=NAME, contains="the body")["verdict"] == "ok"
    lacks = probe_one("http", server.ports["good"], host=NAME, contains="another")
    assert lacks["verdict"] == "http_body" and "'another'" in lacks["detail"]


def test_only_the_first_64_kib_of_a_body_count(probe_one):
    def serve(listener, place):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            body = b"x" * place + b"needle"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            connection.recv(1000)

    for place, verdict in ((65536 - 6, "ok"), (65536 - 5, "http_body")):
        with socket.create_server((HERE, 0)) as listener:
            threading.Thread(target=serve, args=(listener, place), daemon=True).start()
            result = probe_one("http", listener.getsockname()[1], host=NAME, contains="needle")
        assert result["verdict"] == verdict


@pytest.mark.parametrize("behaviour, verdict", [
    ("silent", "http_timeout"), ("drip_headers", "http_timeout"), ("garbage", "http_protocol"),
    ("no_answer", "reset"), ("reset", "reset"), ("endless_headers", "http_protocol"),
    ("endless_body", "ok"), ("chunked_bomb", "ok"), ("endless_page", "ok"),
])
def test_http_misbehaviour(probe_one, server, behaviour, verdict):
    result = probe_one("http", server.ports[behaviour], host=NAME)
    assert result["verdict"] == verdict, result
    assert result["elapsed_ms"] < 1700


def test_an_endless_page_without_the_text_times_out(probe_one, server):
    result = probe_one("http", server.ports["endless_page"], host=NAME, contains="never")
    assert result["verdict"] == "http_timeout"


# --- grpc --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("message, status, verdict, words", [
    (b"\x08\x01", b"0", "ok", ""),
    (b"\x08\x02", b"0", "grpc_not_serving", "NOT_SERVING"),
    (b"", b"0", "grpc_not_serving", "UNKNOWN"),
    (None, b"5", "grpc_not_serving", "does not know that service"),
    (None, b"12", "grpc_not_serving", "no health service"),
    (None, b"14", "grpc_not_serving", "14"),
])
def test_grpc(probe_one, message, status, verdict, words):
    server = GrpcHealth(message, status)
    try:
        result = probe_one("grpc", server.port, grpc_service="pay.Ledger")
        assert result["verdict"] == verdict, result
        assert words in result.get("detail", "")
        assert server.asked == b"\0\0\0\0\x0c\x0a\x0apay.Ledger"
    finally:
        server.close()


def test_grpc_as_a_whole(probe_one):
    server = GrpcHealth()
    try:
        assert probe_one("grpc", server.port)["verdict"] == "ok"
        assert server.asked == b"\0\0\0\0\0"
    finally:
        server.close()


def test_grpc_against_http1(probe_one, server):
    result = probe_one("grpc", server.ports["good"])
    assert result["verdict"] in ("http_protocol", "reset", "http_timeout"), result


# --- ntp ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("changes, verdict, words", [
    ({}, "ok", "stratum 2"),
    ({"stratum": 0}, "ntp_bad", "RATE"),
    ({"stratum": 16}, "ntp_bad", "not synchronised"),
    ({"leap": 3}, "ntp_bad", "not synchronised"),
    ({"leap": 3, "stratum": 0, "reference": bytes(4)}, "ntp_bad", "not synchronised"),  # as chronyd says it
    ({"stratum": 0, "reference": b"INIT"}, "ntp_bad", "not synchronised"),
    ({"delay": 31.9}, "ok", "stratum 2"),
    ({"delay": 33.0}, "ntp_bad", "root distance"),
    ({"dispersion": 16.5}, "ntp_bad", "root distance"),
    ({"transmit": b"\x83\xaa\x7e\x80" + bytes(4)}, "ntp_bad", "implausible"),  # 1970
    ({"transmit": b"\xc0" + bytes(7)}, "ntp_bad", "implausible"),  # 2002
    ({"set_at": b"\xe9" + bytes(7)}, "ntp_bad", "implausible"),
    ({"received": b"\xe9" + bytes(7)}, "ntp_bad", "implausible"),
    ({"mode": 3}, "ntp_bad", "not a server's"),
    ({"originate": bytes(8)}, "ntp_bad", "another question"),
    ({"transmit": bytes(8)}, "ntp_bad", "without a time"),
])
def test_ntp(probe_one, changes, verdict, words):
    server = TimeServer(lambda question: ntp_answer(question, **changes))
    try:
        result = probe_one("ntp", server.port)
        assert result["verdict"] == verdict and words in result["detail"]
    finally:
        server.close()


def test_ntp_drops_what_is_no_answer_to_it(probe_one):
    """An answer to another question, a client's packet, half a packet and 20 more: then the right one."""
    def answer(question):
        stale = ntp_answer(question, originate=b"12345678")
        return [stale, ntp_answer(question, mode=3), stale[:20], *[stale] * 20, ntp_answer(question, stratum=3)]
    server = TimeServer(answer)
    try:
        result = probe_one("ntp", server.port)
        assert (result["verdict"], result["detail"]) == ("ok", "stratum 3") and result["elapsed_ms"] < 1000
    finally:
        server.close()


def test_ntp_flood_of_strays_ends(probe_one):
    server = TimeServer(lambda question: [ntp_answer(question, originate=b"12345678")] * 200)
    try:
        result = probe_one("ntp", server.port)
        assert result["verdict"] == "ntp_bad" and "another question" in result["detail"], result
    finally:
        server.close()


def test_ntp_asks_three_times(probe_one):
    server = TimeServer(lambda question: None)
    try:
        result = probe_one("ntp", server.port)
        assert result["verdict"] == "ntp_bad" and 1400 <= result["elapsed_ms"] <= 1700
        assert server.questions == 3
    finally:
        server.close()


def test_ntp_closed_port(probe_one):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind((HERE, 0))
        port = unused.getsockname()[1]
    assert probe_one("ntp", port)["verdict"] == "refused"


# --- many --------------------------------------------------------------------------------------------

def test_the_total_deadline_leaves_not_tried(programs, server):
    """Silent ports, more than fit the window: nothing is claimed about any."""
    answers = ask(programs.net, [probe(n, HERE, "http", server.ports["silent"], host=NAME) for n in range(400)],
                  deadline_ms=700)
    assert {answers[n]["verdict"] for n in range(400)} == {"not_tried"}
    assert len(answers.results) == 400 and answers.ended
    assert max(answers[n]["at"] for n in range(400)) < 1.6


@pytest.mark.slow
def test_ten_thousand_addresses(programs, tmp_path):
    server = Nginx(tmp_path / "nginx", tmp_path, [("0.0.0.0", None)])
    try:
        answers = ask(programs.net, [
            probe(n, f"127.1.{n // 250}.{n % 250 + 1}", "tcp", server.ports[0]) for n in range(10000)],
            deadline_ms=30000)
    finally:
        server.close()
    assert {answers[n]["verdict"] for n in range(10000)} == {"ok"}
    assert answers.lacks == []


@pytest.mark.slow
def test_a_thousand_verified_handshakes(programs, certificates, tmp_path):
    pair = (certificates.directory / "good.crt", certificates.directory / "good.key")
    server = Nginx(tmp_path / "nginx", tmp_path, [("0.0.0.0", pair)])
    try:
        answers = ask(programs.net, [
            probe(n, f"127.1.{n // 250}.{n % 250 + 1}", "tls", server.ports[0], server_name=NAME)
            for n in range(1000)], deadline_ms=30000, ca_bundles={"system": certificates.ca},
            handshake_limit_ms=10000)
    finally:
        server.close()
    assert {answers[n]["verdict"] for n in range(1000)} == {"ok"}
    assert {answers[n]["days_left"] for n in range(1000)} <= LEAF_DAYS
