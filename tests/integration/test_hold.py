"""hold is the emergency stop, for the agent too; remove holds by itself."""

import subprocess
import time

import pytest
from support.block import expected_block
from support.machine import DEFAULT_HOSTS, source
from support.process import clean_environment

SECONDS_MAX = 30


class RunningAgent:
    def __init__(self, machine):
        self.log = machine.path / "agent.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(machine.command("agent", "--verbose"), stdout=log, stderr=log,
                                             env=clean_environment())

    def wait_until(self, condition, what: str) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not condition():
            assert self._process.poll() is None and time.monotonic() < deadline, f"{what}: {self.log.read_text()}"
            time.sleep(0.01)

    def times_held(self) -> int:
        return self.log.read_text().count("was left alone")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=SECONDS_MAX)


@pytest.mark.parametrize("stop", ["hold", "remove"])
def test_the_agent_leaves_a_held_file_alone_until_release(machine, fleet, stop):
    seed = fleet.manifest(4)
    pinned = expected_block(seed) + DEFAULT_HOSTS
    machine.trust(fleet.root(), seed)
    agent = RunningAgent(machine)
    try:
        agent.wait_until(lambda: machine.hosts == pinned, "the first apply")
        machine.hosts = DEFAULT_HOSTS
        agent.wait_until(lambda: machine.hosts == pinned, "it heals drift")

        assert machine.hostspin(stop).code == 0
        before = agent.times_held()
        machine.hosts = DEFAULT_HOSTS
        agent.wait_until(lambda: agent.times_held() > before, "it saw the edit, and that it is held")
        assert machine.hosts == DEFAULT_HOSTS

        assert machine.hostspin("release").code == 0
        machine.hosts = DEFAULT_HOSTS
        agent.wait_until(lambda: machine.hosts == pinned, "it heals drift again")
    finally:
        agent.close()


@pytest.mark.parametrize("broken", ["hostspin.toml", "conf.d/50-site.toml"])
def test_remove_works_with_a_broken_configuration(machine, fleet, broken):
    machine.trust(fleet.root(), fleet.manifest(4))
    assert machine.hostspin("apply").code == 0 and machine.hosts != DEFAULT_HOSTS
    path = machine.path / "etc/hostspin" / broken
    path.parent.mkdir(exist_ok=True)
    path.write_text("hosts = [\n")
    assert machine.hostspin("apply").code == 3
    removed = machine.hostspin("remove")
    assert (removed.code, removed.verdict) == (1, "WARNING: the block is out of /etc/hosts; held until 'hostspin release'")
    (warning,) = removed.lines("warning")
    assert broken in warning and "the defaults are taken" in warning
    assert machine.hosts == DEFAULT_HOSTS


def test_remove_does_not_pass_over_a_broken_configuration_that_was_named(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4))
    assert machine.hostspin("apply").code == 0
    pinned = machine.hosts
    (machine.path / "other.toml").write_text("hosts = [\n")
    assert machine.hostspin("remove", "--config", "/other.toml").code == 3
    assert machine.hosts == pinned


@pytest.mark.parametrize("text,kept", [("[package]\nkeep_block_on_remove = true\n", True), ("", False), ("hosts = [\n", False)])
def test_remove_for_the_package_heeds_the_configuration_and_never_holds(machine, fleet, text, kept):
    machine.trust(fleet.root(), fleet.manifest(4))
    assert machine.hostspin("apply").code == 0
    pinned = machine.hosts
    numbers = machine.path / "var/lib/prometheus/node-exporter"
    numbers.mkdir(parents=True)
    for name in ("hostspin.prom", "apt.prom"):
        (numbers / name).write_text("")
    machine.configure(text=text)
    done = machine.hostspin("remove", "--for-package")
    assert done.code == (1 if "[\n" in text else 0), done
    assert machine.hosts == (pinned if kept else DEFAULT_HOSTS)
    assert not (machine.path / "etc/hostspin/hold").exists()
    assert [path.name for path in numbers.iterdir()] == ["apt.prom"]


def test_remove_for_the_package_finds_the_metrics_that_are_configured(machine):
    (machine.path / "srv").mkdir()
    (machine.path / "srv/hostspin.prom").write_text("")
    machine.configure(text='[metrics]\ntextfile = "/srv"\n')
    assert machine.hostspin("remove", "--for-package").code == 0
    assert list((machine.path / "srv").iterdir()) == []


def test_a_remove_that_fails_holds_nothing(machine, fleet):
    """Or the repair that it asks for would be of no use: apply would leave the file alone."""
    machine.trust(fleet.root(), fleet.manifest(4))
    assert machine.hostspin("apply").code == 0
    pinned = machine.hosts
    machine.hosts = pinned.replace(b"# END hostspin\n", b"")
    assert machine.hostspin("remove").code == 2
    assert not (machine.path / "etc/hostspin/hold").exists()
    assert machine.hostspin("hold", "--reason", "INC-7").code == 0
    assert machine.hostspin("remove").code == 2  # a hold that was there stays
    repaired = machine.hostspin("repair")
    assert "held: 'hostspin release' before 'hostspin apply'" in repaired.stdout, repaired
    assert machine.hostspin("release").code == 0
    assert machine.hostspin("apply").code == 0 and machine.hosts == pinned


@pytest.mark.parametrize("edited", [False, True])
def test_every_command_says_that_the_file_is_held(machine, fleet, publication, edited):
    """And none cries that what the holder did to it is an alteration."""
    machine.trust(fleet.root(), fleet.manifest(4))
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("apply").code == 0
    assert machine.hostspin("hold", "--reason", "INC-7").code == 0
    if edited:
        machine.hosts = DEFAULT_HOSTS

    for command in (["refresh"], ["status"], ["verify", "--offline"], ["verify", "--no-resolver"], ["apply"]):
        done = machine.hostspin(*command)
        assert done.code == 1 and done.verdict.startswith("WARNING: held (INC-7): "), str(done)
        assert "ALTERED" not in done.stdout and "MISSING" not in done.stdout, str(done)
    nagios = machine.hostspin("verify", "--offline", "--output", "nagios")
    assert nagios.stdout.startswith("WARNING: held (INC-7): "), str(nagios)
    junit = machine.hostspin("verify", "--offline", "--output", "junit")
    assert "<skipped" in junit.stdout and "<failure" not in junit.stdout, str(junit)
    metrics = machine.hostspin("verify", "--offline", "--output", "prometheus").stdout
    assert "\nhostspin_verify_block_in_sync 0\n" in metrics  # manifest 5 is held, and is not written

    assert machine.hostspin("release").code == 0
    assert "held" not in machine.hostspin("apply").verdict.lower()
    assert machine.hostspin("verify", "--offline").code == 0
