"""hostspin-net fetches by address, and gives every misbehaviour its name within its time."""

import base64
import hashlib
import os
import socket
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from net_support import NAME, Certificates, MisbehavingServer, Session, ask, fetch
from support.nginx import Nginx, free_port

HERE = "127.0.0.1"
BODY = b"the body\n"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("net") / "certificates", HERE)


@pytest.fixture(scope="module")
def server(certificates):
    made = MisbehavingServer(HERE, certificates)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server6(certificates):
    made = MisbehavingServer("::1", certificates)
    yield made
    made.close()


@pytest.fixture
def ask_one(programs, certificates):
    """Asks for one document and gives its result, after checking how the session ended."""
    def one(url, address=HERE, *, deadline_ms=5000, tls_not_before=0, environment=None, **more):
        answers = ask(programs.net, [fetch(7, url, address, **more)], deadline_ms=deadline_ms,
                      tls_not_before=tls_not_before, ca_bundles={"system": certificates.ca},
                      environment=environment)
        assert answers.ended and answers.code == 0, answers
        assert answers.lacks == [], "this machine can give the whole sandbox"
        result = answers[7]
        assert result["elapsed_ms"] <= deadline_ms + 100
        if result["outcome"] == "ok":
            result["bytes"] = base64.b64decode(result["body"])
        return result
    return one


def test_a_document_comes_by_name_and_address(ask_one, server):
    result = ask_one(server.url("good"))
    assert (result["outcome"], result["bytes"], result["etag"], result["status"]) == ("ok", BODY, '"v1"', 200)


def test_the_request_names_the_host(ask_one, server):
    head = ask_one(server.url("echo"))["bytes"].decode()
    assert head.startswith("GET /manifest.note HTTP/1.1\r\n")
    assert f"Host: {NAME}:{server.ports['echo']}\r\n" in head
    # Nothing that the environment or a default could have put there.
    fields = {line.split(":")[0].lower() for line in head.strip().split("\r\n")[1:]}
    assert fields == {"host", "user-agent", "accept"}


def test_verified_https(ask_one, server):
    assert ask_one(server.url("tls_good"))["bytes"] == BODY


def test_an_address_in_the_url_needs_no_other(ask_one, server):
    assert ask_one(server.url("tls_good", HERE), None)["bytes"] == BODY
    assert ask_one(server.url("good", HERE), HERE)["bytes"] == BODY


def test_an_ipv6_literal_is_verified_against_its_own_name(ask_one, server6, certificates):
    """The certificate must carry the address; a certificate for another name must still fail."""
    assert ask_one(server6.url("tls_good", "[::1]"), None)["bytes"] == BODY
    assert ask_one(server6.url("good", "[::1]"), "::1")["bytes"] == BODY
    wrong = ask_one(server6.url("tls_name", "[::1]"), None)
    assert (wrong["outcome"], wrong["reason"]) == ("failed", "tls_name")


def test_a_name_at_an_ipv6_address(ask_one, server6):
    assert ask_one(server6.url("tls_good"), "::1")["bytes"] == BODY


@pytest.mark.parametrize("behaviour, outcome, reason, status, seconds", [
    ("missing", "not_found", None, 404, 1),
    ("endless_error", "not_found", None, 404, 1),
    ("broken", "failed", "http_status", 503, 1),
    ("redirect", "failed", "redirect", 302, 1),
    ("endless_body", "failed", "too_large", 200, 1),
    ("chunked_bomb", "failed", "too_large", 200, 1),
    ("endless_headers", "failed", "too_large", 200, 1),
    ("endless_continue", "failed", "too_large", 100, 1),
    ("garbage", "failed", "protocol", None, 1),
    ("no_answer", "failed", "reset", None, 1),
    ("reset", "failed", "reset", None, 1),
    ("half_closed", "failed", "reset", 200, 1),
    ("gzip_bomb", "ok", None, 200, 2),
    ("tls_name", "failed", "tls_name", None, 1),
    ("tls_ca", "failed", "tls_ca", None, 1),
    ("tls_expired", "failed", "tls_expired", None, 1),
    ("tls_early", "failed", "tls_not_yet_valid", None, 1),
    ("tls_old", "failed", "tls_protocol", None, 1),
    ("tls_wants_client", "failed", "tls_client_certificate", None, 1),
    ("tls_half_closed", "failed", "reset", 200, 1),
])
def test_misbehaviour_has_a_name(ask_one, server, behaviour, outcome, reason, status, seconds):
    result = ask_one(server.url(behaviour))
    assert (result["outcome"], result.get("reason"), result.get("status")) == (outcome, reason, status)
    assert result["elapsed_ms"] < seconds * 1000
    assert outcome != "failed" or result["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("behaviour, reason, limit_ms", [
    ("drip", "slow", 4000), ("drip_headers", "slow", 4000), ("tls_drip", "slow", 4000),
    ("silent", "http_timeout", 4000),
])
def test_slowness_ends_after_four_seconds(ask_one, server, behaviour, reason, limit_ms):
    result = ask_one(server.url(behaviour), deadline_ms=8000)
    assert (result["outcome"], result["reason"]) == ("failed", reason), result
    assert limit_ms - 100 <= result["elapsed_ms"] <= limit_ms + 1300
    assert result["detail"].startswith("too slow: " if reason == "slow" else "did not answer in "), result


@pytest.mark.parametrize("behaviour, reason", [
    ("drip", "http_timeout"), ("silent", "http_timeout"), ("drip_headers", "http_timeout"),
])
def test_the_total_deadline_holds(programs, server, certificates, behaviour, reason):
    answers = ask(programs.net, [fetch(1, server.url(behaviour), HERE)], deadline_ms=700)
    assert (answers[1]["outcome"], answers[1]["reason"]) == ("failed", reason)
    assert 600 <= answers[1]["elapsed_ms"] <= 800


def test_a_silent_tls_port(ask_one, server):
    result = ask_one(f"https://{NAME}:{server.ports['silent']}/")
    assert (result["outcome"], result["reason"]) == ("failed", "tls_timeout")
    assert 1400 <= result["elapsed_ms"] <= 1700


def test_http_on_a_tls_port_and_the_reverse(ask_one, server):
    plain = ask_one(f"https://{NAME}:{server.ports['good']}/")
    assert plain["outcome"] == "failed" and plain["reason"] in ("tls_protocol", "tls_timeout")
    tls = ask_one(f"http://{NAME}:{server.ports['tls_good']}/")
    assert tls["outcome"] == "failed" and tls["reason"] in ("protocol", "reset", "http_status")


def test_a_closed_port(ask_one):
    result = ask_one(f"http://{NAME}:{free_port()}/")
    assert (result["outcome"], result["reason"]) == ("failed", "refused")


def test_the_largest_body_that_is_allowed(ask_one, server):
    assert ask_one(server.url("good"), body_bytes_max=len(BODY))["outcome"] == "ok"
    assert ask_one(server.url("good"), body_bytes_max=len(BODY) - 1)["reason"] == "too_large"


def test_compressed_bytes_stay_as_they_are(ask_one, server):
    result = ask_one(server.url("gzip_bomb"))
    assert result["bytes"].startswith(b"\x1f\x8b") and len(result["bytes"]) < 65536


def test_etag_and_not_modified(ask_one, server):
    same = ask_one(server.url("etag"), etag='"v1"')
    assert (same["outcome"], same["status"]) == ("not_modified", 304) and "body" not in same
    newer = ask_one(server.url("etag"), etag='"v0"')
    assert (newer["outcome"], newer["bytes"]) == ("ok", b"new")


def pin(certificate_path) -> str:
    certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def test_pins(ask_one, server, certificates):
    right, other = pin(certificates.directory / "good.crt"), pin(certificates.directory / "name.crt")
    assert ask_one(server.url("tls_good"), pins=[other, right])["outcome"] == "ok"
    wrong = ask_one(server.url("tls_good"), pins=[other])
    assert (wrong["outcome"], wrong["reason"]) == ("failed", "tls_pin")


def test_client_certificate(ask_one, server, certificates):
    folder = certificates.directory
    assert ask_one(server.url("tls_wants_client"), client_certificate=(folder / "name.crt").read_text(),
                   client_key=(folder / "name.key").read_text())["outcome"] == "ok"


def test_a_ca_of_another_name(programs, server, certificates):
    answers = ask(programs.net, [
        fetch(1, server.url("tls_good"), HERE, ca="own"), fetch(2, server.url("tls_good"), HERE),
        fetch(3, server.url("tls_good"), HERE, ca="empty")],
        ca_bundles={"own": certificates.ca, "empty": "no certificate at all"})
    assert answers[1]["outcome"] == "ok"
    assert answers[2]["reason"] == "tls_ca" and "'system'" in answers[2]["detail"]
    assert answers[3]["reason"] == "tls_ca" and "'empty'" in answers[3]["detail"]


def test_certificates_can_be_judged_at_a_later_time(ask_one, server):
    """tls_time = "floor": a clock that is behind does not make a certificate 'not yet valid'."""
    later = int(time.time()) + 15 * 86400
    assert ask_one(server.url("tls_early"), tls_not_before=later)["outcome"] == "ok"
    beyond = int(time.time()) + 200 * 86400
    assert ask_one(server.url("tls_good"), tls_not_before=beyond)["reason"] == "tls_expired"


def test_the_details_help(ask_one, server):
    assert "elsewhere.example.com" in ask_one(server.url("tls_name"))["detail"]
    assert "elsewhere.example.com" in ask_one(server.url("redirect"))["detail"]
    assert "expired" in ask_one(server.url("tls_expired"))["detail"]


@pytest.mark.parametrize("url, address", [
    (f"https://{NAME}/", None),            # a name and no address
    ("https://127.0.0.1/", "127.0.0.2"),   # two addresses
    (f"https://{NAME}./", HERE),           # a trailing dot
    (f"https://user@{NAME}/", HERE),
    (f"https://{NAME}/#part", HERE),
    (f"ftp://{NAME}/", HERE),
    ("file:///etc/hosts", HERE),
    ("https://0x7f.1/", HERE),
    ("https://127.1/", HERE),
    ("https://exa mple/", HERE),
])
def test_a_url_that_is_not_ours(ask_one, url, address):
    result = ask_one(url, address)
    assert (result["outcome"], result["reason"]) == ("failed", "protocol"), result


def test_through_a_proxy_the_address_is_asked_for(ask_one, server):
    proxy = f"http://{HERE}:{server.ports['proxy']}"
    assert ask_one(server.url("good"), proxy=proxy)["bytes"] == BODY
    assert ask_one(server.url("tls_good"), proxy=proxy)["bytes"] == BODY
    # The misbehaving server's proxy would fail to resolve this name; it is never told it.
    assert ask_one(server.url("tls_good").replace(NAME, HERE), proxy=proxy)["bytes"] == BODY
    refused = ask_one(server.url("tls_good"), proxy=f"http://{HERE}:{free_port()}")
    assert refused["reason"] == "refused"
    assert ask_one(server.url("good"), proxy="http://proxy.example.com:1")["reason"] == "protocol"
    assert ask_one(server.url("good"), proxy=f"https://{HERE}:1")["reason"] == "protocol"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behaviour, status", [("broken", 503), ("missing", 404), ("redirect", 302)])
def test_a_proxy_that_refuses_is_named_with_its_status(ask_one, server, scheme, behaviour, status):
    """It is neither the source that cut us off nor a handshake that failed."""
    result = ask_one(f"{scheme}://{NAME}:8443/manifest.note", proxy=f"http://{HERE}:{server.ports[behaviour]}")
    assert (result["outcome"], result["reason"]) == ("failed", "proxy"), result
    assert f"status {status}" in result["detail"] and "invalid" not in result["detail"]


def test_ipv6_proxy(ask_one, server6):
    proxy = f"http://[::1]:{server6.ports['proxy']}"
    assert ask_one(server6.url("tls_good"), "::1", proxy=proxy)["bytes"] == BODY


def test_the_environment_is_not_read(ask_one, server, certificates, tmp_path):
    dead = f"http://{HERE}:{free_port()}"
    keys = tmp_path / "keys"
    environment = {"PATH": "/usr/bin:/bin", "http_proxy": dead, "https_proxy": dead, "ALL_PROXY": dead,
                   "SSLKEYLOGFILE": str(keys), "SSL_CERT_FILE": "/nonexistent", "OPENSSL_CONF": "/nonexistent"}
    assert ask_one(server.url("tls_good"), environment=environment)["bytes"] == BODY
    assert ask_one(server.url("good"), environment=environment)["bytes"] == BODY
    assert not keys.exists()


def test_real_nginx(ask_one, certificates, tmp_path):
    root = tmp_path / "www"
    root.mkdir()
    document = root / "manifest.note"
    document.write_bytes(b"m" * 65536)
    pair = (certificates.directory / "good.crt", certificates.directory / "good.key")
    server = Nginx(tmp_path / "nginx", root, [(HERE, pair)])
    try:
        url = f"https://{NAME}:{server.ports[0]}/"
        # nginx's tag is a second and a size: one of this very second may stand for two documents, and counts not.
        fresh = ask_one(url + "manifest.note")
        assert fresh["bytes"] == b"m" * 65536 and "etag" not in fresh
        os.utime(document, (time.time() - 10,) * 2)
        first = ask_one(url + "manifest.note")
        assert first["bytes"] == b"m" * 65536 and first["etag"]
        assert ask_one(url + "manifest.note", etag=first["etag"])["outcome"] == "not_modified"
        assert ask_one(url + "root.2.note")["outcome"] == "not_found"
    finally:
        server.close()


# --- several sources ---------------------------------------------------------------------------------

def test_four_bad_sources_before_a_good_one(programs, server, certificates):
    """Silent, silent TLS, refused, wrong certificate, good: hedged, not one after another."""
    bad = [fetch(1, server.url("silent"), HERE, priority=1),
           fetch(2, f"https://{NAME}:{server.ports['silent']}/x", "127.0.0.1", priority=2),
           fetch(3, f"https://{NAME}:{free_port()}/x", HERE, priority=3),
           fetch(4, server.url("tls_ca"), HERE, priority=4)]
    session = Session(programs.net, ca_bundles={"system": certificates.ca})
    # The order of the lines is not the order of the sources.
    session.send(fetch(5, server.url("tls_good"), HERE, priority=5), *reversed(bad))
    while 5 not in session.answers.results:
        assert session.read_one() is not None
    assert session.answers[5]["outcome"] == "ok"
    assert session.answers[5]["at"] < 1.2
    assert {3, 4, 5} == set(session.answers.results)
    session.process.kill()
    session.finish()


def test_a_healthy_first_source_is_alone_for_a_while(programs, server):
    session = Session(programs.net)
    session.send(fetch(1, server.url("good"), HERE, priority=1), fetch(2, server.url("etag"), HERE, priority=2))
    answers = session.finish()
    assert answers[1]["at"] < 0.2
    assert 0.25 <= answers[2]["at"] - (answers[1]["at"] - answers[1]["elapsed_ms"] / 1000) <= 0.4


def test_documents_of_one_source_travel_together(programs, server):
    session = Session(programs.net)
    session.send(fetch(1, server.url("echo"), HERE, priority=1), fetch(2, server.url("good"), HERE, priority=2),
                 fetch(3, server.url("echo"), HERE, priority=1))
    while not {1, 3} <= set(session.answers.results):
        session.read_one()
    assert session.answers[3]["at"] < 0.2
    # A follow-up to a source that has been started does not wait for its turn either.
    session.send(fetch(4, server.url("echo"), HERE, priority=9))
    while 4 not in session.answers.results:
        session.read_one()
    assert 2 not in session.answers.results
    assert session.finish()[2]["outcome"] == "ok"


def test_failures_bring_the_next_source_at_once(programs, server):
    ports = [free_port() for _ in range(6)]
    session = Session(programs.net)
    session.send(*[fetch(n, f"http://{NAME}:{port}/", HERE, priority=n) for n, port in enumerate(ports)],
                 fetch(9, server.url("good"), HERE, priority=9))
    answers = session.finish()
    assert answers[9]["outcome"] == "ok" and answers[9]["at"] < 0.3


def test_at_most_eight_sources_at_work(programs, server):
    """Twelve silent ports: eight are asked, the others were never tried."""
    listeners = [socket.create_server((HERE, 0)) for _ in range(12)]
    answers = ask(programs.net, [
        fetch(n, f"http://{NAME}:{listener.getsockname()[1]}/", HERE) for n, listener in enumerate(listeners)],
        deadline_ms=2600)
    reasons = [answers[n]["reason"] for n in range(12)]
    assert reasons == ["http_timeout"] * 8 + ["not_tried"] * 4
    for listener in listeners:
        listener.close()


def test_a_source_with_eight_slow_addresses_takes_one_place(programs, server):
    """Counted by address, it kept every other source from being asked for as long as it liked."""
    slow = [fetch(n, server.url("drip"), f"127.0.0.{n + 2}", source=1, priority=0) for n in range(8)]
    listeners = [socket.create_server((f"127.0.0.{n + 2}", server.ports["drip"])) for n in range(8)]
    session = Session(programs.net)
    session.send(*slow, fetch(9, server.url("good"), HERE, source=2, priority=10))
    while 9 not in session.answers.results:
        assert session.read_one() is not None
    assert session.answers[9]["outcome"] == "ok" and session.answers[9]["at"] < 1.2
    session.process.kill()
    session.finish()
    for listener in listeners:
        listener.close()


def test_what_is_asked_at_once_waits_for_nobody(programs, server):
    """Twelve silent sources have all places; a thirteenth is asked beside them, and all are told of."""
    silent = [fetch(n, server.url("silent"), HERE, source=n) for n in range(12)]
    roots = [fetch(20 + n, server.url("silent"), HERE, source=n, at_once=True) for n in range(12)]
    session = Session(programs.net)
    session.send(*silent, *roots, fetch(40, server.url("good"), HERE, source=13, at_once=True))
    while 40 not in session.answers.results:
        assert session.read_one() is not None
    assert session.answers[40]["outcome"] == "ok" and session.answers[40]["at"] < 0.9
    assert set(session.answers.asked) == {*range(20, 32), 40}
    session.process.kill()
    session.finish()


# --- the stream --------------------------------------------------------------------------------------

def test_a_parent_that_goes_away_ends_the_worker(programs, server):
    session = Session(programs.net, deadline_ms=60000)
    session.send(fetch(1, server.url("silent"), HERE))
    session.process.stdout.close()
    assert session.process.wait(timeout=2) == 0
    session.process.stdin.close()
    session.process.stderr.close()


def test_an_open_session_ends_at_its_deadline(programs):
    session = Session(programs.net, deadline_ms=300)
    while session.read_one() is not None:
        pass
    assert session.answers.ended
    assert session.process.wait(timeout=2) == 0
    answers = session.finish()
    assert 0.25 <= answers.seconds <= 0.8


@pytest.mark.parametrize("lines, complaint", [
    (b"", "ended before a start line"),
    (b"hello\n", "not a line of the worker protocol"),
    (b'{"fetch":{"id":1,"source":0,"url":"http://a/"}}\n', "before the start line"),
    (b'{"hostspin-net":1,"deadline_ms":5}\n', "hostspin-net"),
    (b'{"hostspin-net":2,"deadline_ms":5000}\n' * 2, "second start line"),
    (b'{"hostspin-net":2,"deadline_ms":5000}\n{"fetch":{"id":1,"source":0,"url":"http://a/","surprise":1}}\n', "'surprise'"),
    (b"x" * (4 * 1024 * 1024 + 2), "more than"),
], ids=["nothing", "no JSON", "no start", "version", "two starts", "unknown key", "long line"])
def test_a_parent_outside_the_protocol(programs, lines, complaint):
    done = subprocess.run([programs.net], input=lines, capture_output=True, timeout=10, check=False)
    assert done.returncode == 1
    assert complaint in done.stderr.decode() and done.stderr.startswith(b"hostspin-net: error: ")
    assert b'"end"' not in done.stdout


def test_by_hand(programs, tmp_path):
    help_text = subprocess.run([programs.net, "--help"], capture_output=True, check=True).stdout.decode()
    assert "hostspin-net" in help_text and max(map(len, help_text.splitlines())) <= 100
    version = subprocess.run([programs.net, "--version"], capture_output=True, check=True).stdout.decode()
    assert version.startswith("hostspin-net ")
    assert subprocess.run([programs.net, "x"], capture_output=True, check=False).returncode == 2
    with (tmp_path / "out").open("wb") as file:
        refused = subprocess.run([programs.net], stdin=subprocess.DEVNULL, stdout=file,
                                 stderr=subprocess.PIPE, check=False)
    assert refused.returncode == 2 and b"use a pipe" in refused.stderr
    # A file of requests is read like a pipe.
    requests = tmp_path / "requests"
    requests.write_text('{"hostspin-net":2,"deadline_ms":2000}\n'
                        '{"probe":{"id":1,"address":"127.0.0.1","check":{"kind":"quic","port":1}}}\n')
    with requests.open("rb") as file:
        done = subprocess.run([programs.net], stdin=file, capture_output=True, check=True)
    assert b'"unsupported"' in done.stdout and b'{"end":true}\n' in done.stdout
