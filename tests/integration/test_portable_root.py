"""The portable programs in a root with nothing else in it: no libc, no loader, no shell, no resolver's files."""

import json

import odd_certificates
import pytest
from odd_servers import OddServers
from support.agent import Agent, pinned, replace, wait_until
from support.bare_root import BareRoot
from support.block import expected_block
from support.fleet import Raw, service
from support.machine import DEFAULT_HOSTS, source
from support.worker_user import UNNAMED

ADDRESS = "10.99.0.1"
NAME = "db.svc.example.com"
NOT_ASKED = "no glibc here: the resolver is not asked"


@pytest.fixture
def bare(tmp_path, programs, site, fleet) -> BareRoot:
    if not programs.portable().hostspin.exists():
        pytest.skip("built without portable programs: HOSTSPIN_LINK is 'both' in the preset ci")
    return BareRoot(tmp_path / "bare", programs.portable(), site.namespace).trust(fleet.root())


@pytest.fixture(scope="module")
def odd(site, tmp_path_factory):
    certificates = tmp_path_factory.mktemp("portable") / "certificates"
    odd_certificates.make(certificates, ADDRESS)
    servers = OddServers(ADDRESS, certificates, site.namespace.prefix())
    yield servers.ports
    servers.close()


def test_apply_pins_what_was_baked(bare, fleet):
    seed = fleet.manifest(1)
    bare.trust(fleet.root(), seed)
    done = bare.hostspin("apply")
    assert done.code == 0 and done.stderr == "", str(done)
    assert bare.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_refresh_over_https_with_a_ca_file(bare, site, fleet):
    publication = site.publication("portable-https")
    publication.offer(offered := fleet.manifest(3))
    bare.configure(source(site.url("portable-https"), ca=bare.put("ca.pem", site.authority.pem)))
    done = bare.hostspin("refresh", "--verbose")
    assert done.code == 0 and "sandbox" not in done.stderr, str(done)
    assert bare.hosts == expected_block(offered) + DEFAULT_HOSTS


def test_refresh_over_https_trusts_nobody_else(bare, site, fleet):
    site.publication("portable-https").offer(fleet.manifest(3))
    bare.configure(source(site.url("portable-https", port=site.wrong_ca_port),
                          ca=bare.put("ca.pem", site.authority.pem)))
    done = bare.hostspin("refresh")
    assert done.code == 2 and "unable to get local issuer certificate" in done.stderr, str(done)
    assert bare.hosts == DEFAULT_HOSTS


def test_refresh_over_http(bare, site, fleet, tmp_path):
    publication = site.publication("portable-http")
    publication.offer(offered := fleet.manifest(4))
    port = site.nginx(tmp_path / "plain", [(ADDRESS, None)]).ports[0]
    bare.configure(source(f"http://{ADDRESS}:{port}/portable-http"))
    done = bare.hostspin("refresh")
    assert done.code == 0, str(done)
    assert bare.hosts == expected_block(offered) + DEFAULT_HOSTS


def test_verify_of_every_kind(bare, site, fleet, odd):
    """And a resolver that is not there to be asked is worth a note, not a warning."""
    (site.document_root / "health").write_text("fine\n")
    checks = [f"{{ tcp = {site.port} }}", f"{{ tls = {site.port} }}",
              f'{{ https = {site.port}, path = "/health", contains = "fine" }}',
              f"{{ grpc = {odd['grpc: serves']} }}", f"{{ ntp = {odd['ntp: a sane answer']} }}"]
    bare.trust(fleet.root(), fleet.manifest(1, [
        service(NAME, [ADDRESS], check=Raw("[" + ", ".join(checks) + "]"))]))
    bundle = bare.path / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(site.authority.pem)
    assert bare.hostspin("apply").code == 0

    done = bare.hostspin("verify")
    assert done.code == 0 and NOT_ASKED in done.stdout, str(done)
    assert done.verdict == "OK: 5 of 5 checks ok, 1 line pinned as signed", str(done)
    assert done.stderr == "", str(done)

    told = bare.hostspin("verify", "--output", "json")
    report = json.loads(told.stdout)
    assert told.code == 0 and report["notes"] == [NOT_ASKED] and report["warnings"] == [], str(told)


def test_a_missing_ask_is_a_warning_all_the_same(bare, fleet):
    """The note is for a machine without a libc, not for half a package."""
    bare.trust(fleet.root(), fleet.manifest(1))
    assert bare.hostspin("apply").code == 0
    (bare.path / "usr/libexec/hostspin/hostspin-ask").unlink()
    done = bare.hostspin("verify")
    assert done.code == 1 and "could not be asked" in done.stdout and NOT_ASKED not in done.stdout, str(done)


def test_the_agent_heals_drift(bare, fleet):
    bare.trust(fleet.root(), fleet.manifest(1))
    bare.configure(text="[verify]\ninterval = \"0\"\n")
    with Agent(bare) as agent:
        agent.wait_pinned()
        replace(bare, DEFAULT_HOSTS)
        wait_until(lambda: pinned(bare), "the pin to come back")
        assert agent.stop() == 0


def test_the_network_worker_is_in_its_whole_sandbox(bare):
    worker = bare.start("net", UNNAMED[0])
    try:
        def status():
            with open(f"/proc/{worker.pid}/status", encoding="ascii") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

        wait_until(lambda: status().get("Seccomp") == "2", "the filter", seconds=10)
        seen = status()
        assert seen["NoNewPrivs"] == "1" and int(seen["CapEff"], 16) == 0, seen
        assert seen["Name"] == "hostspin-net" and seen["Uid"].split()[0] == str(UNNAMED[0]), seen
    finally:
        output, errors = worker.communicate(timeout=10)
    assert b"sandbox" not in errors, errors
