"""verify and refresh where some of the addresses never stop sending; hostspin-net alone: test_net_floods.py."""

import json
import re
import time

import pytest
from net_support import NAME, Certificates
from support.block import expected_block
from support.fleet import Publication, Raw, service
from support.flood import FloodServer, compiled
from support.machine import DEFAULT_HOSTS, Machine, source
from support.namespace import Namespace
from support.nginx import Nginx

GOOD, BAD = "10.99.7.1", "10.99.7.2"
KINDS = ("hello_request", "key_update", "chunk_extension", "h2_goaway", "h2_empty_data", "tls_h2_ping_ack")


class Town:
    """A namespace with healthy services and a source at one address, and floods at another."""

    def __init__(self, folder, program):
        self.namespace = Namespace([GOOD, BAD])
        self.certificates = Certificates(folder / "certificates", GOOD)
        pair = tuple(self.certificates.directory / f"good.{kind}" for kind in ("crt", "key"))
        self.publication = Publication(folder / "www")
        self.source = Nginx(folder / "nginx", folder / "www", [(GOOD, None), (GOOD, pair)], self.namespace)
        self.floods = FloodServer(program, BAD, pair, self.namespace.prefix())

    def close(self) -> None:
        self.floods.close()
        self.source.close()
        self.namespace.close()

    def bad_check(self, kind: str) -> Raw:
        port, tls = self.floods.ports[kind], f'server_name = "{NAME}", ca = "internal"'
        if "h2_" in kind:
            return Raw(f"{{ grpc = {port}" + (f", tls = true, {tls} }}" if kind.startswith("tls_") else " }"))
        return Raw(f"{{ http = {port} }}" if kind == "chunk_extension" else f"{{ https = {port}, {tls} }}")

    def services(self) -> list:
        """Six hostile ones before ten healthy ones."""
        plain, secure = self.source.ports
        bad = [service(f"bad-{kind.replace('_', '-')}.svc.example.com", [BAD], check=self.bad_check(kind))
               for kind in KINDS]
        tls = f'{{ tls = {secure}, server_name = "{NAME}", ca = "internal" }}'
        return bad + [service(f"good-{n}.svc.example.com", [GOOD], check=Raw(tls if n % 2 else f"{{ tcp = {plain} }}"))
                      for n in range(10)]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    folder.chmod(0o755)
    made = Town(folder, compiled(tmp_path_factory.mktemp("flood_server")))
    yield made
    made.close()


@pytest.fixture
def resident(tmp_path, programs, fleet, town):
    """A machine in the town, with the manifest of all services pinned."""
    machine = Machine(tmp_path / "machine", programs, town.namespace).trust(
        fleet.root(), fleet.manifest(1, town.services()))
    ca = machine.put("ca.pem", town.certificates.authority.pem)
    machine.configure(source(town.publication.file_url), text=f'[tls.ca]\ninternal = "{ca}"\n')
    assert machine.hostspin("apply").code in (0, 1)
    return machine


def test_verify_beside_every_flood(resident):
    begin = time.monotonic()
    done = resident.hostspin("verify", "--no-resolver", "--output", "json")
    assert time.monotonic() - begin < 6
    assert done.code == 2, str(done)
    found = json.loads(done.stdout)
    assert found["block"]["drift"] == "none"
    verdicts = {check["service"].split(".")[0]: check["verdict"] for check in found["checks"]}
    assert verdicts == {**{f"bad-{kind.replace('_', '-')}": "flood" for kind in KINDS},
                        **{f"good-{n}": "ok" for n in range(10)}}


def test_verify_says_in_plain_words_who_floods(resident):
    done = resident.hostspin("verify", "--no-resolver")
    (line,) = [line for line in done.stdout.splitlines() if "bad-hello-request" in line and BAD in line]
    assert "flood: it sends without end and never answers" in line and len(line) <= 100


@pytest.mark.parametrize("kind", ["hello_request", "key_update", "session_ticket"])
def test_a_flooding_source_keeps_nobody_from_the_next(tmp_path, programs, fleet, town, kind):
    machine = Machine(tmp_path / "machine", programs, town.namespace).trust(fleet.root())
    news = fleet.manifest(2)
    town.publication.offer(news)
    ca = machine.put("ca.pem", town.certificates.authority.pem)
    machine.configure(source(f"https://{NAME}:{town.floods.ports[kind]}", addresses=[BAD], ca=ca),
                      source(f"http://{GOOD}:{town.source.ports[0]}", priority=1),
                      text='[refresh]\ndeadline = "5s"\n')
    begin = time.monotonic()
    done = machine.hostspin("refresh")
    assert time.monotonic() - begin < 6
    assert machine.hosts == expected_block(news) + DEFAULT_HOSTS, str(done)
    assert done.code in (0, 1) and re.search(rf"at {BAD}: sent \d+ KiB and no answer", done.stderr), str(done)
