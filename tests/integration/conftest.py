"""Fixtures of the integration tests: a fleet, a machine, and a site with servers in a namespace."""

import pytest
from support.agent import CALM, Agent
from support.certificates import Authority
from support.fleet import Fleet, Publication, service
from support.machine import Machine, source
from support.namespace import Namespace
from support.nginx import Nginx, quoted

SOURCE_NAME = "pins.example.com"
SOURCE_ADDRESS = "10.99.0.1"
SERVICE_ADDRESSES = ("10.99.0.10", "10.99.0.11", "10.99.0.12")


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def publication(tmp_path) -> Publication:
    return Publication(tmp_path / "publication")


@pytest.fixture
def machine(tmp_path, programs, fleet) -> Machine:
    """A machine with a baked root and nothing else; outside every namespace."""
    return Machine(tmp_path / "machine", programs).trust(fleet.root())


@pytest.fixture
def watched(machine, publication, fleet):
    """A machine whose source offers version 5, with an agent that asks it at its start and then in an hour."""
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    with Agent(machine) as agent:
        yield agent.wait_pinned()


class Site:
    """A namespace with an nginx source over TLS (a good one and two with wrong certificates) and
    services to probe. One for the session; every test publishes into a folder of its own."""

    def __init__(self, directory):
        self.namespace = Namespace([SOURCE_ADDRESS, *SERVICE_ADDRESSES])
        self.authority = Authority()
        stranger = Authority("a CA that nobody trusts")
        names = [SOURCE_ADDRESS, SOURCE_NAME, "db.svc.example.com"]
        good = self.authority.issue(directory, "good", names)
        wrong_ca = stranger.issue(directory, "wrong-ca", names)
        wrong_name = self.authority.issue(directory, "wrong-name", ["elsewhere.example.com"])
        self.document_root = directory / "www"
        self.document_root.mkdir()
        self.namespace_closers = []
        self.server = self.nginx(directory / "source", [
            (SOURCE_ADDRESS, good), (SOURCE_ADDRESS, wrong_ca), (SOURCE_ADDRESS, wrong_name)])
        self.port, self.wrong_ca_port, self.wrong_name_port = self.server.ports
        self.service_certificate = good

    def nginx(self, directory, listeners) -> Nginx:
        server = Nginx(directory, self.document_root, listeners, self.namespace)
        self.namespace_closers.append(server)
        return server

    def publication(self, name: str) -> Publication:
        return Publication(self.document_root / name)

    def url(self, name: str, *, host: str = SOURCE_ADDRESS, port: int | None = None) -> str:
        return f"https://{quoted(host)}:{port or self.port}/{name}"

    def close(self) -> None:
        for server in self.namespace_closers:
            server.close()
        self.namespace.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


class Member:
    """One machine of the fleet inside the site, with a publication of its own as its source."""

    def __init__(self, site: Site, machine: Machine, publication: Publication, url: str, ca: str, fleet: Fleet):
        self.site, self.machine, self.publication, self.url, self.ca = site, machine, publication, url, ca
        self.fleet = fleet

    def source(self, url: str | None = None, **keys) -> dict:
        return source(url or self.url, ca=self.ca, **keys)


@pytest.fixture
def member(site, tmp_path, programs, fleet) -> Member:
    folder = tmp_path.name
    machine = Machine(tmp_path / "machine", programs, site.namespace).trust(fleet.root())
    made = Member(site, machine, site.publication(folder), site.url(folder),
                  machine.put("source-ca.pem", site.authority.pem), fleet)
    machine.configure(made.source())
    return made


@pytest.fixture
def pinned(member) -> Member:
    """A member that has adopted version 5, whose second refresh has nothing to do."""
    member.publication.offer(member.fleet.manifest(5, [service("db.svc.example.com", ["10.1.2.3"])]))
    first = member.machine.hostspin("refresh")
    assert first.code == 0, first
    return member
