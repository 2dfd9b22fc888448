"""hostspin-net resolves nothing: no packet to port 53, no resolver's file, no file at all."""

import json
import re

import pytest
from net_support import NAME, Certificates, MisbehavingServer, fetch, probe
from support.namespace import Namespace
from support.process import clean_environment
from support.strace import traced

ADDRESS = "10.99.7.1"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A namespace with the misbehaving server in it; its default route leads nowhere."""
    namespace = Namespace([ADDRESS])
    certificates = Certificates(tmp_path_factory.mktemp("silence") / "certificates", ADDRESS)
    server = MisbehavingServer(ADDRESS, certificates, namespace.prefix())
    yield namespace, certificates, server
    server.close()
    namespace.close()


@pytest.fixture
def silent_ask(programs, site, tmp_path):
    namespace, certificates, _ = site

    def ask(*requests, environment=None):
        start = {"hostspin-net": 2, "deadline_ms": 4000, "ca_bundles": {"system": certificates.ca}}
        lines = "".join(json.dumps(one) + "\n" for one in (start, *requests)).encode()
        before = namespace.packets_to_port_53()
        done, trace = traced([programs.net], tmp_path / "trace", prefix=namespace.prefix(), stdin=lines,
                             env=clean_environment(**(environment or {})))
        assert done.code == 0, str(done)
        assert trace.opened(), "the trace is empty: the test would be blind"
        assert trace.resolver_files() == []
        assert trace.sent_to_port_53() == []
        assert namespace.packets_to_port_53() == before
        # What the loader needs to start a program, and nothing after it. The C library looks for a time
        # zone when OpenSSL compares dates; in the sandbox it goes without, which is UTC. Started by root, it
        # looks whom else it can be before it enters the sandbox.
        whom = re.compile("/etc/passwd|/proc(/[0-9]+/comm)?")
        others = {path for path in trace.opened() if ".so" not in path and not whom.fullmatch(path)}
        assert sanitized(done.stdout) or others <= {"/etc/localtime"}, "files other than libraries were opened"
        results = {}
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if "end" not in message and "notice" not in message:
                (result,) = message.values()
                results[result["id"]] = result
        return results
    return ask


PROXIES = {key: "http://proxy.example.com:3128" for key in
           ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")}


def sanitized(output: str) -> bool:
    return "sanitizer" in output.splitlines()[0]


def outcome(result):
    return result.get("reason", result["outcome"])


@pytest.mark.parametrize("behaviour, expected", [
    ("good", "ok"), ("tls_good", "ok"), ("redirect", "redirect"), ("missing", "not_found"),
    ("garbage", "protocol"), ("tls_name", "tls_name"), ("tls_ca", "tls_ca"), ("half_closed", "reset"),
])
def test_silent_fetch(silent_ask, site, behaviour, expected):
    results = silent_ask(fetch(1, site[2].url(behaviour), ADDRESS))
    assert outcome(results[1]) == expected


def test_silent_when_nothing_changed(silent_ask, site):
    assert outcome(silent_ask(fetch(1, site[2].url("etag"), ADDRESS, etag='"v1"'))[1]) == "not_modified"


def test_silent_with_proxy_variables(silent_ask, site):
    results = silent_ask(fetch(1, site[2].url("good"), ADDRESS), fetch(2, site[2].url("tls_good"), ADDRESS),
                         probe(3, ADDRESS, "http", site[2].ports["good"], host=NAME), environment=PROXIES)
    assert (outcome(results[1]), outcome(results[2])) == ("ok", "ok")
    assert results[3]["verdict"] == "ok"


@pytest.mark.parametrize("url, address, expected", [
    ("https://mirror.example.com:9/x", ADDRESS, "refused"),   # a port where nothing listens
    ("https://mirror.example.com/x", ADDRESS, "refused"),     # the usual one
    ("https://mirror.example.com./x", ADDRESS, "protocol"),   # a trailing dot
    ("https://mirror.example.com/x", None, "protocol"),       # no address
    ("https://10.99.7.1:9/x", None, "refused"),
    ("https://10.99.7.256/x", None, "protocol"),              # not an address: a name to a resolver
    ("https://localhost/x", ADDRESS, "refused"),              # this machine, says every C library
    ("https://mirror.example.com/x", "10.250.0.1", "tcp_timeout"),
], ids=["wrong port", "usual port", "trailing dot", "no address", "literal", "bad literal", "localhost", "nobody"])
def test_silent_failure(silent_ask, url, address, expected):
    assert outcome(silent_ask(fetch(1, url, address))[1]) == expected


def test_silent_through_a_proxy(silent_ask, site):
    proxy = f"http://{ADDRESS}:{site[2].ports['proxy']}"
    results = silent_ask(fetch(1, site[2].url("good"), ADDRESS, proxy=proxy),
                         fetch(2, site[2].url("tls_good"), ADDRESS, proxy=proxy),
                         fetch(3, site[2].url("good"), ADDRESS, proxy="http://proxy.example.com:3128"))
    assert [outcome(results[n]) for n in (1, 2, 3)] == ["ok", "ok", "protocol"]


def test_silent_probes(silent_ask, site):
    ports = site[2].ports
    results = silent_ask(
        probe(1, ADDRESS, "tcp", ports["good"]),
        probe(2, ADDRESS, "tls", ports["tls_good"], server_name=NAME),
        probe(3, ADDRESS, "tls", ports["tls_expired"], server_name=NAME),
        probe(4, ADDRESS, "https", ports["tls_good"], server_name=NAME, host="other.example.com"),
        probe(5, ADDRESS, "http", ports["redirect"], host=NAME),
        probe(6, ADDRESS, "grpc", ports["good"]),
        probe(7, ADDRESS, "ntp", 9),
        probe(8, "10.250.0.1", "https", 443, server_name=NAME))
    verdicts = [results[n]["verdict"] for n in range(1, 9)]
    assert verdicts[:5] == ["ok", "ok", "tls_expired", "ok", "ok"]
    assert verdicts[6:] == ["refused", "tcp_timeout"]
