"""The gRPC check against Debian's gRPC: a real server, in the clear and over TLS."""

from concurrent import futures

import pytest
from net_support import NAME, Certificates, ask, probe

grpc = pytest.importorskip("grpc", reason="needs python3-grpcio")

# grpc.health.v1.HealthCheckResponse, field 1: UNKNOWN, SERVING, NOT_SERVING
STATES = {"": b"\x08\x01", "up": b"\x08\x01", "down": b"\x08\x02", "unknown": b""}
HERE = "127.0.0.1"


class Health(grpc.GenericRpcHandler):
    """grpc.health.v1.Health/Check without generated code: HealthCheckRequest has one string, field 1."""

    def service(self, call):
        if call.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(self._check)

    @staticmethod
    def _check(request: bytes, context):
        service = request[2:].decode() if request else ""
        if service not in STATES:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return STATES[service]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("grpc") / "certificates", HERE)


@pytest.fixture(scope="module")
def ports(certificates):
    """(clear, TLS) of one server, and of one that has no health service."""
    pair = [(certificates.directory / f"good.{kind}").read_bytes() for kind in ("key", "crt")]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=[Health()])
    bare = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    credentials = grpc.ssl_server_credentials([tuple(pair)])
    found = [port for each in (server, bare)
             for port in (each.add_insecure_port(f"{HERE}:0"), each.add_secure_port(f"{HERE}:0", credentials))]
    server.start()
    bare.start()
    yield found
    server.stop(None).wait()
    bare.stop(None).wait()


@pytest.fixture
def grpc_one(programs, certificates):
    def one(port, **check):
        return ask(programs.net, [probe(1, HERE, "grpc", port, **check)], ca_bundles={"system": certificates.ca})[1]
    return one


@pytest.mark.parametrize("service, verdict, words", [
    (None, "ok", ""), ("up", "ok", ""), ("down", "grpc_not_serving", "NOT_SERVING"),
    ("unknown", "grpc_not_serving", "UNKNOWN"), ("absent", "grpc_not_serving", "grpc-status 5"),
])
@pytest.mark.parametrize("tls", [False, True])
def test_health_of_a_real_server(grpc_one, ports, service, verdict, words, tls):
    check = {"grpc_tls": True, "server_name": NAME} if tls else {}
    if service is not None:
        check["grpc_service"] = service
    result = grpc_one(ports[tls], **check)
    assert result["verdict"] == verdict and words in result.get("detail", ""), result
    assert ("days_left" in result) == tls


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_without_a_health_service(grpc_one, ports, tls):
    """It answers the headers alone and resets the stream; its status is told all the same."""
    result = grpc_one(ports[2 + tls], **({"grpc_tls": True, "server_name": NAME} if tls else {}))
    assert result["verdict"] == "grpc_not_serving" and "grpc-status 12" in result["detail"], result


def test_the_certificate_of_a_real_server_is_checked(grpc_one, ports):
    assert grpc_one(ports[1], grpc_tls=True, server_name="elsewhere.example.com")["verdict"] == "tls_name"


def test_cleartext_where_tls_is_spoken(grpc_one, ports):
    assert grpc_one(ports[1])["verdict"] in ("reset", "http_status", "http_timeout")


@pytest.fixture(params=[1, 5, 20], ids="{}ms".format)
def hasty(request):
    """Its connections are at their end after so many milliseconds, calls or not, as of servers behind a balancer."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=[Health()], options=[
        ("grpc.max_connection_age_ms", request.param), ("grpc.max_connection_age_grace_ms", 1000)])
    port = server.add_insecure_port(f"{HERE}:0")
    server.start()
    yield port
    server.stop(None).wait()


def test_connections_that_never_live_long(programs, hasty):
    """A connection's end beside the answer, or in its place, is no "no"."""
    asked = [probe(n, HERE, "grpc", hasty, grpc_service="up" if n % 4 else "down") for n in range(200)]
    results = ask(programs.net, asked, deadline_ms=20000).results
    wrong = [results[n] for n in range(200) if results[n]["verdict"] != ("ok" if n % 4 else "grpc_not_serving")]
    assert not wrong, wrong
