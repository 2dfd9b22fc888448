"""After it has written, refresh asks this machine's resolver, in a fresh process, whether look-ups see the pins."""

import pytest
from support.block import expected_block
from support.fleet import service
from support.machine import DEFAULT_HOSTS
from support.mounts import Mounts
from support.process import run

PINS = [service("db.svc.example.com", ["10.1.2.3", "2001:db8:10::3"]), service("time", ["10.0.0.123"])]


@pytest.fixture
def as_own_machine(machine):
    """hostspin without --root, where the machine's etc is /etc and nothing leads to any network."""
    mounts = Mounts(over_etc=True)
    (machine.path / "etc/host.conf").write_text("")
    (machine.path / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    mounts.run("mount", "-t", "tmpfs", "tmpfs", "/run")
    mounts.run("mount", "--bind", machine.path / "etc", "/etc")

    def hostspin(*arguments):
        return run([*mounts.prefix(), "unshare", "--net", "--", machine.programs.hostspin,
                    "--state-dir", machine.state_path, *arguments])

    yield hostspin
    mounts.close()


@pytest.mark.parametrize("switch, code, says", [
    ("hosts: files dns\n", 0, None),
    ("hosts: dns\n", 1, "does not see the pin of db.svc.example.com: "),
    ("hosts: myhostname files\n", 0, None),
])
def test_refresh_says_whether_look_ups_see_the_pins(machine, fleet, publication, as_own_machine, switch, code, says):
    (machine.path / "etc/nsswitch.conf").write_text(switch)
    machine.state_path.mkdir(parents=True, exist_ok=True)
    news = fleet.manifest(5, PINS)
    publication.offer(news)

    done = as_own_machine("refresh", "--from", publication.path)

    assert done.code == code, str(done)
    assert machine.hosts == expected_block(news) + DEFAULT_HOSTS
    if says:
        assert says in done.stderr, str(done)
    else:
        assert "resolver" not in done.stderr, str(done)

    again = as_own_machine("refresh", "--from", publication.path)  # nothing written, nothing asked
    assert again.code == 0 and "resolver" not in again.stderr, str(again)


def test_another_hosts_file_is_not_what_the_resolver_reads(machine, fleet, publication, as_own_machine):
    """As in a container that has the node's /etc mounted elsewhere."""
    (machine.path / "etc/nsswitch.conf").write_text("hosts: files\n")
    machine.state_path.mkdir(parents=True, exist_ok=True)
    news = fleet.manifest(5, PINS)
    publication.offer(news)

    done = as_own_machine("--hosts-file", "/etc/others-hosts", "refresh", "--from", publication.path)

    assert done.code == 0 and "resolver" not in done.stderr, str(done)
    assert expected_block(news) in (machine.path / "etc/others-hosts").read_bytes()
    assert machine.hosts == DEFAULT_HOSTS
