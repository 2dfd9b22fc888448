"""What this machine lacks is no verdict on a service: descriptors, local ports, a family of addresses."""

import json
import subprocess
import sys

import pytest
from net_support import NAME, Certificates, MisbehavingServer, ask, probe
from support.fleet import Raw, service
from support.machine import Machine
from support.namespace import Namespace
from support.process import clean_environment, run

EVERYWHERE = "0.0.0.0"
SKIPPED, WARNING, CRITICAL = 3, 1, 2


def address(number: int) -> str:
    return f"10.40.{number // 250}.{number % 250 + 1}"


def limited(files: int) -> list:
    return ["prlimit", f"--nofile={files}:{files}", "--"]


@pytest.fixture(scope="module")
def namespace():
    """Every address of 10.40.0.0/16 is here."""
    made = Namespace()
    made.run("ip", "route", "add", "local", "10.40.0.0/16", "dev", "lo")
    yield made
    made.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("limits") / "certificates", "10.40.0.1")


@pytest.fixture(scope="module")
def server(namespace, certificates):
    made = MisbehavingServer(EVERYWHERE, certificates, namespace.prefix())
    yield made
    made.close()


# --- descriptors -------------------------------------------------------------------------------------

@pytest.mark.parametrize("files", [40, 128, 256, 512])
def test_few_descriptors(programs, namespace, certificates, server, files):
    """Connections that the other side leaves open take a descriptor for a tenth of a second after their verdict."""
    kinds = [("tcp", "holds"), ("tcp", "holds"), ("http", "good"), ("tls", "tls_good"), ("https", "tls_good")]
    requests = [probe(n, address(n), kind, server.ports[behaviour], server_name=NAME)
                for n in range(400) for kind, behaviour in [kinds[n % len(kinds)]]]
    answers = ask(programs.net, requests, prefix=[*namespace.prefix(), *limited(files)], deadline_ms=60000,
                  handshake_limit_ms=20000, ca_bundles={"system": certificates.ca})
    found = {(result["verdict"], result.get("detail")) for result in answers.results.values()}
    assert {verdict for verdict, _ in found} == {"ok"}, found


LISTEN = """
import socket, sys
listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


# The server closes first, so that the ports are free again for us.
SLOW = """
import socket, sys, threading, time
listener = socket.create_server(("0.0.0.0", 0), backlog=64)
def answer(connection):
    connection.recv(4096)
    time.sleep(0.9)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    connection.close()
def serve():
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=serve, daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("files", [128, 256, 512])
def test_a_thousand_addresses_that_close_nothing(programs, namespace, files):
    """Their connections are ended faster than their descriptors are free again."""
    command = [*namespace.prefix(), sys.executable, "-c", LISTEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as listener:
        port = int(listener.stdout.readline())
        answers = ask(programs.net, [probe(n, address(n), "tcp", port) for n in range(1000)],
                      prefix=[*namespace.prefix(), *limited(files)], deadline_ms=20000)
        listener.stdin.close()
    found = {(result["verdict"], result.get("detail")) for result in answers.results.values()}
    assert found == {("ok", None)}


def test_no_descriptor_at_all(programs, namespace, server):
    """Its own input, output and epoll take all there are; each waits, and is then skipped with its reason."""
    answers = ask(programs.net, [probe(n, address(n), kind, server.ports["holds"])
                                 for n, kind in enumerate(("tcp", "http", "ntp"))],
                  prefix=[*namespace.prefix(), *limited(4)], deadline_ms=15000)
    for result in answers.results.values():
        assert (result["verdict"], result["errno"]) == ("local_limit", 24), result
        assert "ulimit -n" in result["detail"]


@pytest.mark.slow
def test_five_hundred_services_with_128_descriptors(programs, fleet, namespace, certificates, server, tmp_path):
    """1,000 addresses, among them those of five services where nothing listens: these are down, and no others."""
    ports = server.ports
    checks = [f"{{ tcp = {ports['holds']} }}", f"{{ tcp = {ports['holds']} }}", f"{{ http = {ports['good']} }}",
              f'{{ tls = {ports["tls_good"]}, server_name = "{NAME}", ca = "internal" }}', f"{{ http = {ports['good']} }}"]
    dead = {f"s{n}.svc.example.com" for n in range(0, 500, 100)}
    services = [service(f"s{n}.svc.example.com", [address(2 * n), address(2 * n + 1)],
                        check=Raw("{ tcp = 1 }" if n % 100 == 0 else checks[n % 5])) for n in range(500)]
    machine = Machine(tmp_path / "machine", programs, namespace).trust(fleet.root(), fleet.manifest(1, services=services))
    ca = machine.put("ca.pem", certificates.ca.encode())
    machine.configure(text=f'[tls.ca]\ninternal = "{ca}"\n')
    assert machine.hostspin("apply").code == 0
    command = machine.command("verify", "--no-resolver", "--deadline", "55s", "--output", "json")
    done = run([*limited(128), *command])
    told = json.loads(done.stdout)["checks"]
    assert len(told) == 1000 and done.code == CRITICAL
    wrong = [one for one in told if one["verdict"] != ("refused" if one["service"] in dead else "ok")]
    assert not wrong, wrong[:5]


# --- local ports -------------------------------------------------------------------------------------

def test_few_local_ports(programs, namespace, server):
    """Three ports for twenty connections to one address that is slow to close them."""
    namespace.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=50000 50002")
    try:
        answers = ask(programs.net, [probe(n, address(0), kind, server.ports[behaviour])
                                     for n in range(20) for kind, behaviour in [(("tcp", "holds"), ("http", "good"))[n % 2]]],
                      prefix=namespace.prefix(), deadline_ms=5000)
    finally:
        namespace.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=32768 60999")
    verdicts = [result["verdict"] for result in answers.results.values()]
    assert set(verdicts) <= {"ok", "source_address"} and verdicts.count("ok") >= 3, answers.results
    for result in answers.results.values():
        assert result["verdict"] == "ok" or "ip_local_port_range" in result["detail"]


def test_local_ports_that_our_own_checks_hold(programs, namespace):
    """Four answers at a time, a second each: later ones wait for the ports of earlier ones."""
    command = [*namespace.prefix(), sys.executable, "-c", SLOW]
    namespace.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=51000 51003")
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as server:
            port = int(server.stdout.readline())
            answers = ask(programs.net, [probe(n, address(0), "http", port) for n in range(6)],
                          prefix=namespace.prefix(), deadline_ms=10000)
            server.stdin.close()
    finally:
        namespace.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=32768 60999")
    assert {result["verdict"] for result in answers.results.values()} == {"ok"}, answers.results


# --- a family of addresses -----------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["tcp", "ntp", "http"])
@pytest.mark.parametrize("disabled", [False, True])
def test_no_ipv6(programs, kind, disabled):
    lacking = Namespace()
    try:
        if disabled:
            lacking.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")
        result = ask(programs.net, [probe(1, "2001:db8::1", kind, 443)], prefix=lacking.prefix())[1]
    finally:
        lacking.close()
    assert (result["verdict"], result["detail"]) == ("no_family", "this machine has no route of IPv6 at all"), result
    assert result["elapsed_ms"] < 500


def test_no_ipv4(programs):
    lacking = Namespace()
    try:
        lacking.run("ip", "route", "del", "default")
        without_any = ask(programs.net, [probe(1, "10.1.2.3", "tcp", 443)], prefix=lacking.prefix())[1]
        lacking.run("ip", "-6", "route", "add", "default", "dev", "lo")
        result = ask(programs.net, [probe(1, "10.1.2.3", "tcp", 443)], prefix=lacking.prefix())[1]
    finally:
        lacking.close()
    assert (result["verdict"], result["detail"]) == ("no_family", "this machine has no route of IPv4 at all"), result
    assert without_any["verdict"] == "no_route", without_any  # its network is down, and that is a verdict


@pytest.mark.parametrize("addresses, port, code", [
    (["2001:db8:10::1"], "silent", SKIPPED), (["10.40.0.1", "2001:db8:10::1"], "silent", WARNING),
    (["10.40.0.1"], "closed", CRITICAL),
])
def test_verify_without_ipv6(programs, fleet, namespace, server, tmp_path, addresses, port, code):
    number = {**server.ports, "closed": 1}[port]
    machine = Machine(tmp_path / "machine", programs, namespace).trust(fleet.root(), fleet.manifest(1, services=[
        service("db.svc.example.com", addresses, check=Raw(f"{{ tcp = {number} }}"))]))
    assert machine.hostspin("apply").code == 0
    done = machine.hostspin("verify", "--no-resolver")
    assert done.code == code, str(done)
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIP")]
    assert len(skipped) == sum(":" in one for one in addresses)
    assert all("this machine has no route of IPv6 at all" in line for line in skipped), str(done)
