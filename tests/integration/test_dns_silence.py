"""Nothing asks DNS and nothing reads how DNS is configured: refresh, apply and verify under strace, in a
namespace that counts packets to port 53, with tcpdump listening; on success and on every refusal."""

import pytest
from support.capture import Capture
from support.fleet import Raw, service
from support.namespace import Unavailable
from support.process import clean_environment
from support.refusals import REFUSALS, check_refusal
from support.strace import Trace, traced


class Silence:
    """Runs commands on a machine, and checks after each that it was silent."""

    def __init__(self, machine, capture, directory):
        self.machine, self.capture, self.directory = machine, capture, directory
        self.programs = set()

    def run(self, *arguments, environment=None):
        namespace = self.machine.namespace
        before = namespace.packets_to_port_53()
        command = self.machine.command(*arguments)[len(namespace.prefix()):]
        done, trace = traced(command, self.directory / "trace", prefix=namespace.prefix(),
                             env=clean_environment(**(environment or {})))
        assert trace.opened(), "the trace is empty: the test would be blind"
        assert trace.resolver_files(but=self.machine.hosts_path) == [], str(done)
        assert trace.sent_to_port_53() == [], str(done)
        assert namespace.packets_to_port_53() == before, str(done)
        assert self.capture.look_ups() == [], str(done)
        self.programs |= trace.programs()
        return done


@pytest.fixture(scope="module")
def capture(site, tmp_path_factory):
    try:
        made = Capture(site.namespace, tmp_path_factory.mktemp("capture"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


@pytest.fixture
def silence(member, capture, tmp_path) -> Silence:
    return Silence(member.machine, capture, tmp_path)


def test_the_instruments_see_a_look_up(site, capture, tmp_path):
    """The control: an ordinary look-up is seen by all three instruments, else silence means nothing."""
    namespace = site.namespace
    before = namespace.packets_to_port_53()
    code = "import socket; socket.getaddrinfo('control.example.com', 80)"
    # It would wait ten seconds for an answer that does not come; one packet is enough.
    traced(["timeout", "1", "/usr/bin/python3", "-c", code], tmp_path / "trace", prefix=namespace.prefix())
    trace = Trace((tmp_path / "trace").read_text(errors="replace").splitlines())
    assert namespace.packets_to_port_53() > before
    assert trace.sent_to_port_53() != []
    assert any(".53: UDP" in line for line in capture.look_ups())
    assert "/etc/resolv.conf" in trace.resolver_files()


def test_silent_on_success(silence, member):
    path = f"/{member.publication.path.name}/manifest.note"
    member.publication.offer(member.fleet.manifest(1, [
        service("db.svc.example.com", ["10.99.0.1"], check=Raw(
            f'{{ https = {member.site.port}, path = "{path}", ca = "internal" }}')),
        service("time", ["10.99.0.1"], check=Raw(f"{{ tcp = {member.site.port} }}")),
    ]))
    member.machine.configure(member.source(), text=f'[tls.ca]\ninternal = "{member.ca}"\n')

    for command in (["refresh"], ["refresh"], ["apply"], ["verify", "--no-resolver"], ["status"], ["diff"]):
        done = silence.run(*command)
        assert done.code == 0, str(done)
    # The network half ran, and was traced; the program that may ask did not run at all.
    assert "hostspin-net" in silence.programs and "hostspin-ask" not in silence.programs


def test_silent_with_a_source_by_name(silence, member):
    member.publication.offer(member.fleet.manifest(1))
    url = member.url.replace("10.99.0.1", "pins.example.com")
    member.machine.configure(member.source(url, addresses=["10.99.0.1"]))
    done = silence.run("refresh")
    assert done.code == 0, str(done)


def test_silent_with_proxy_variables(silence, member):
    """Libraries would look a proxy's name up; the environment is not theirs to read."""
    member.publication.offer(member.fleet.manifest(1))
    proxies = {key: "http://proxy.example.com:3128" for key in ("http_proxy", "https_proxy", "ALL_PROXY")}
    done = silence.run("refresh", environment=proxies)
    assert done.code == 0, str(done)


def test_silent_when_services_are_down(silence, member):
    member.publication.offer(member.fleet.manifest(1, [
        service("db.svc.example.com", ["10.99.0.12", "10.77.0.1"], check=Raw("{ tcp = 1 }"))]))
    refreshed = silence.run("refresh")
    assert refreshed.code in (1, 2), str(refreshed)
    verified = silence.run("verify", "--no-resolver")
    assert verified.code == 2, str(verified)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_silent_on_every_refusal(silence, pinned, case):
    machine = pinned.machine
    case.prepare(pinned)
    before = (machine.identity(), machine.state(identities=True))
    done = silence.run(*case.command)
    check_refusal(case, done, before, (machine.identity(), machine.state(identities=True)))
