"""How the resident agent takes a configuration, and refuses one."""

import signal
import time

from support.agent import CALM, Agent, pinned, status, wait_until
from support.fleet import service
from support.machine import DEFAULT_HOSTS, source


def test_hangup_takes_a_good_configuration_and_keeps_the_old_one_against_a_bad_one(watched, publication, fleet):
    machine = watched.machine
    good = machine.config_path.read_text()
    machine.config_path.write_text(good + "\n[refresh]\nintervall = '1s'\n")
    watched.signal(signal.SIGHUP)
    refused = watched.wait_event("configuration_refused", "raised")
    assert "hostspin.toml" in refused["message"]
    machine.hosts = DEFAULT_HOSTS  # what was read before goes on to be in force
    wait_until(lambda: pinned(machine), "the block, with a broken configuration on disk")
    publication.offer(fleet.manifest(6, [service("db.svc.example.com", ["10.1.2.6"])]))
    watched.signal(signal.SIGUSR1)
    watched.wait_pinned("10.1.2.6")
    assert not watched.events("block_not_written", "raised")

    machine.config_path.write_text(good)
    watched.signal(signal.SIGHUP)
    watched.wait_event("configuration_refused", "cleared")
    watched.wait_event("configuration_loaded")
    other = machine.path / "etc/elsewhere"
    other.write_bytes(DEFAULT_HOSTS)
    machine.config_path.write_text(good + '\n[hosts]\npath = "/etc/elsewhere"\n')
    watched.signal(signal.SIGHUP)
    wait_until(lambda: b"10.1.2.6" in other.read_bytes(), "the block in another file")
    other.write_bytes(DEFAULT_HOSTS)
    wait_until(lambda: b"10.1.2.6" in other.read_bytes(), "its repair")
    assert watched.stop() == 0


def test_hangup_asks_new_sources_without_waiting_for_the_interval(watched, publication, fleet, tmp_path):
    machine = watched.machine
    moved = publication.path.rename(tmp_path / "moved")
    (moved / "manifest.note").write_bytes(
        fleet.manifest(6, [service("db.svc.example.com", ["10.1.2.6"])]))
    machine.configure(source(f"file://{moved}"), text=CALM)
    watched.signal(signal.SIGHUP)
    watched.wait_pinned("10.1.2.6")
    assert watched.stop() == 0


def test_hangup_without_any_configuration_keeps_the_old_one(watched, publication, fleet):
    """Its directory is being replaced, say: nobody has asked for the defaults, which name no source."""
    machine = watched.machine
    away = machine.config_path.rename(machine.config_path.with_suffix(".away"))
    watched.signal(signal.SIGHUP)
    refused = watched.wait_event("configuration_refused", "raised")
    assert "nothing is configured any more" in refused["message"]
    publication.offer(fleet.manifest(6, [service("db.svc.example.com", ["10.1.2.6"])]))
    watched.signal(signal.SIGUSR1)
    watched.wait_pinned("10.1.2.6")
    away.rename(machine.config_path)
    watched.signal(signal.SIGHUP)
    watched.wait_event("configuration_refused", "cleared")
    assert watched.stop() == 0


def test_without_a_good_configuration_it_does_not_start(machine):
    machine.config_path.write_text("refresh = 1\n")
    with Agent(machine) as agent:
        assert agent.process.wait(timeout=30) == 3
        assert agent.events("configuration_refused", "raised")
        stopped = agent.events("agent_stopped")[0]["message"]
        assert "it could not start: " in stopped and "hostspin.toml" in stopped
    # As its service manager does it. The alarm stands and was told; the reason is said anew.
    with Agent(machine) as agent:
        assert agent.process.wait(timeout=30) == 3
        assert [one["message"] for one in agent.events("agent_stopped")] == [stopped] * 2
        assert len(agent.events("configuration_refused", "raised")) == 1
    # Whoever mends it and runs passes without an agent has no alarm that stays.
    machine.config_path.write_text("")
    machine.hostspin("apply")
    assert not [one for one in status(machine)["agent"]["alarms"] if one["alarm"] == "configuration_refused"]


def test_each_mistake_in_a_configuration_is_told(watched):
    machine = watched.machine
    good = machine.config_path.read_text()
    for mistakes in 'first = 1\nsecond = 1\n', 'second = 1\n':
        machine.config_path.write_text(mistakes + good)
        watched.signal(signal.SIGHUP)
        told = mistakes.split()[0]
        wait_until(lambda: any(told in one["message"] for one in watched.events("configuration_refused", "raised")),
                   f"the mistake {told}; the log: {watched.log()}")
    watched.signal(signal.SIGHUP)
    time.sleep(2)
    assert len(watched.events("configuration_refused", "raised")) == 2, "the same one is told once"
    # A pass by hand does not end it: the agent has not read what is good by now.
    machine.config_path.write_text(good)
    assert machine.hostspin("apply").code == 0
    assert {one["alarm"] for one in status(machine)["agent"]["alarms"]} == {"configuration_refused"}
    watched.signal(signal.SIGHUP)
    watched.wait_event("configuration_refused", "cleared")
    assert watched.stop() == 0
    assert len(watched.events("configuration_refused", "cleared")) == 1
