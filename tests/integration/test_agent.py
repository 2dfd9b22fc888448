"""The resident agent: drift, fights, signals, the service manager, and what it leaves when it ends."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from support.agent import CALM, Agent, Datagrams, journal_fields, pinned, replace, status, wait_until
from support.block import expected_block
from support.fleet import service
from support.machine import DEFAULT_HOSTS, source

CLOUD_INIT = b"# Your system has configured 'manage_etc_hosts' as True.\n127.0.0.1 localhost\n"


@pytest.mark.parametrize("spoil", [
    lambda m: setattr(m, "hosts", DEFAULT_HOSTS),
    lambda m: replace(m, DEFAULT_HOSTS),
    lambda m: setattr(m, "hosts", m.hosts.replace(b"10.1.2.3", b"10.6.6.6")),
    lambda m: m.hosts_path.unlink(),
    lambda m: os.truncate(m.hosts_path, 0),
], ids=["written", "replaced", "edited", "deleted", "truncated"])
def test_drift_is_healed_and_told_once(watched, spoil):
    machine = watched.machine
    spoil(machine)
    wait_until(lambda: pinned(machine), "the block")
    event = watched.wait_event("drift_repaired")
    assert event["writer"] == "unknown writer" and event["level"] == "warning"
    drifts = status(machine)["telemetry"]["drifts"]
    assert [one["writer"] for one in drifts] == ["unknown writer"]
    assert watched.stop() == 0
    assert len(watched.events("drift_repaired")) == 1
    assert pinned(machine), "stopping leaves the block"


def test_a_directory_that_is_replaced_is_watched_in_its_turn(watched):
    machine = watched.machine
    etc = machine.path / "etc"
    for turn in range(3):
        time.sleep(1)  # no pass is on its way that would look anyway
        (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)  # or it would be a fight
        new = machine.path / "etc.new"
        shutil.copytree(etc, new, ignore=shutil.ignore_patterns("*.tmp"))
        (new / "hosts").write_bytes(DEFAULT_HOSTS)
        etc.rename(machine.path / f"etc.{turn}")
        new.rename(etc)
        wait_until(lambda: pinned(machine), f"the block in directory {turn}", 5)
        time.sleep(1)
        machine.hosts = DEFAULT_HOSTS
        wait_until(lambda: pinned(machine), f"its repair in directory {turn}", 5)
    assert watched.stop() == 0


def test_a_directory_that_goes_as_soon_as_it_is_back_is_not_lost(watched):
    """It may go before the pass that put it right has ended, so that there is nothing to watch."""
    machine = watched.machine
    etc, away = machine.path / "etc", machine.path / "etc.away"
    for turn in range(30):
        (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)  # or it would be a fight
        etc.rename(away)
        time.sleep(0.2)
        (away / "hosts").write_bytes(DEFAULT_HOSTS)
        away.rename(etc)
        wait_until(lambda: pinned(machine), f"the block in turn {turn}", 5)
    assert watched.stop() == 0


def test_foreign_lines_stay_and_are_no_drift(watched):
    machine = watched.machine
    with open(machine.hosts_path, "ab") as hosts:
        hosts.write(b"192.0.2.9\tprinter\n")
    machine.hosts_path.chmod(0o640)
    machine.hosts = machine.hosts.replace(b"10.1.2.3", b"10.6.6.6", 1)
    wait_until(lambda: pinned(machine), "the block")
    assert machine.hosts.endswith(b"192.0.2.9\tprinter\n")
    assert machine.hosts_path.stat().st_mode & 0o777 == 0o640
    assert watched.stop() == 0
    assert len(watched.events("drift_repaired")) == 1


def test_drift_does_not_wait_for_a_refresh_that_hangs(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        machine.configure(source(f"http://127.0.0.1:{silent.getsockname()[1]}/fleet"),
                          text='[refresh]\ninterval = "1h"\nsplay = "0"\ndeadline = "20s"\n[verify]\ninterval = "0"\n')
        with Agent(machine) as agent:
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                machine.hosts = DEFAULT_HOSTS
                wait_until(lambda: pinned(machine), "the block while a refresh hangs", 10)
                assert not agent.events("refresh_failed", "raised")
            agent.stop()


def test_an_adoption_is_told_although_the_agent_is_stopped_while_a_source_is_slow(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        machine.configure(source(publication.file_url), source(f"http://127.0.0.1:{silent.getsockname()[1]}/fleet"),
                          text='[refresh]\ninterval = "1h"\nsplay = "0"\ndeadline = "30s"\n[verify]\ninterval = "0"\n')
        with Agent(machine) as agent:
            agent.wait_pinned()
            begin = time.monotonic()
            assert agent.stop() == 0
            assert time.monotonic() - begin < 20, "nobody has waited for the source"
    assert [one["version"] for one in agent.events("manifest_adopted")] == ["5"]
    assert (machine.path / "run/hostspin/changed").read_text() == "version=5\n"
    assert status(machine)["telemetry"]["last_write"], "and booked"


@pytest.mark.parametrize("content,name", [(CLOUD_INIT, "cloud-init"), (DEFAULT_HOSTS, "unknown writer")])
def test_a_fight_is_one_alarm_and_few_passes(watched, content, name):
    """A writer who takes the block out as soon as it is back."""
    machine = watched.machine
    reverts = 0
    end = time.monotonic() + 6
    while time.monotonic() < end:
        if pinned(machine):
            machine.hosts = content
            reverts += 1
        time.sleep(0.01)
    alarm = watched.wait_event("writer_fight", "raised")
    assert alarm["writer"] == name
    # Five at once, then after 1, 2, 4 … seconds.
    assert 5 <= reverts <= 9
    shown = status(machine)["agent"]
    assert shown["fights_with"] == name and shown["back_off_ms"] > 0
    # The boot guard shares the back-off; who says apply by hand means it.
    machine.hosts = content
    guard = machine.hostspin("apply", "--unattended")
    assert guard.code == 1 and not pinned(machine), guard
    assert machine.hostspin("apply").code in (0, 1) and pinned(machine)
    assert watched.stop() == 0
    assert len(watched.events("writer_fight", "raised")) == 1


def processor_seconds(pid: int) -> tuple[float, float]:
    """What the process itself has used, and what its children that have ended have."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:15])
    return user + system, children_user + children_system


def test_a_fight_with_a_writer_who_never_rests_leaves_the_processor_alone(watched):
    machine = watched.machine
    own_before, children_before = processor_seconds(watched.pid)
    begin = time.monotonic()
    while (seconds := time.monotonic() - begin) < 5 or (seconds < 30 and not watched.events("writer_fight", "raised")):
        if pinned(machine):
            machine.hosts = CLOUD_INIT
    own, children = processor_seconds(watched.pid)
    assert watched.events("writer_fight", "raised")
    assert own - own_before < seconds / 10, "the supervisor sleeps"
    assert own - own_before + children - children_before < seconds / 2, "passes are few"
    assert watched.stop() == 0


@pytest.mark.long
def test_a_fight_ends(watched):
    machine = watched.machine
    for _ in range(6):
        wait_until(lambda: pinned(machine), "the block")
        machine.hosts = CLOUD_INIT
    watched.wait_event("writer_fight", "raised")
    cleared = wait_until(lambda: watched.events("writer_fight", "cleared"), "the end of the fight", 200)
    assert cleared[0]["writer"] == "cloud-init" and pinned(machine)
    assert status(machine)["agent"]["alarms"] == []


def test_many_alarms_at_once_are_all_told(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    (machine.path / "run/hostspin").mkdir()
    (machine.path / "run/hostspin/alarms").write_text(json.dumps({"schema": "hostspin.alarms/1", "alarms": [
        {"alarm": "source_failed", "object": f"https://10.0.0.1/{number:0200}", "detail": "", "since": 1,
         "fields": {"HOSTSPIN_SOURCE": f"https://10.0.0.1/{number:0200}"}} for number in range(256)]}))
    with Agent(machine) as agent:
        wait_until(lambda: len(agent.events("source_failed", "cleared")) == 256, "their end")
        assert agent.stop() == 0
    assert len({one["source"] for one in agent.events("source_failed", "cleared")}) == 256
    assert not agent.events("pass_failed", "raised")


def test_user_signal_refreshes_at_once(watched, publication, fleet):
    publication.offer(fleet.manifest(6, [service("db.svc.example.com", ["10.1.2.6"])]))
    watched.signal(signal.SIGUSR1)
    watched.wait_pinned("10.1.2.6")
    adopted = watched.wait_event("manifest_adopted", count=2)
    assert adopted["version"] == "6" and adopted["fleet"] == fleet.name


def test_service_manager_hears_what_it_has_to(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    machine.hosts = DEFAULT_HOSTS + b"192.0.2.7\tdb.svc.example.com\n"  # each pass warns of it
    manager = Datagrams()
    said = lambda: b"\n".join(manager.all()).decode()  # noqa: E731
    environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"}
    with Agent(machine, environment=environment) as agent:
        wait_until(lambda: "READY=1" in said(), "READY=1")
        wait_until(lambda: "STATUS=WARNING: adopted manifest 5" in said(), "STATUS")
        wait_until(lambda: said().count("WATCHDOG=1") >= 5, "the watchdog")
        ready = said().count("READY=1")
        agent.signal(signal.SIGHUP)
        wait_until(lambda: "RELOADING=1\nMONOTONIC_USEC=" in said(), "RELOADING")
        wait_until(lambda: said().count("READY=1") > ready, "READY after the reload")
        assert agent.stop() == 0
        assert "STOPPING=1" in said()
        assert "STATUS=hostspin:" not in said(), "the verdict, and no warning"
    manager.close()


def test_every_event_is_in_the_journal_with_its_fields(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    journal = Datagrams(machine.path / "run/systemd/journal/socket")
    entries = lambda: [journal_fields(one) for one in journal.all()]  # noqa: E731
    find = lambda **wanted: [e for e in entries() if wanted.items() <= e.items()]  # noqa: E731
    with Agent(machine, log_format="journal") as agent:
        wait_until(lambda: find(HOSTSPIN_EVENT="manifest_adopted", HOSTSPIN_VERSION="5"), "the adoption")
        machine.hosts = CLOUD_INIT
        drift = wait_until(lambda: find(HOSTSPIN_EVENT="drift_repaired"), "the drift")[0]
        assert drift["HOSTSPIN_WRITER"] == "cloud-init" and drift["PRIORITY"] == "4"
        assert drift["MESSAGE_ID"] == "92c2d617097740ce9f1c300a7a31dbe6"
        assert drift["SYSLOG_IDENTIFIER"] == "hostspin"
        machine.hosts = machine.hosts + machine.hosts
        wait_until(lambda: find(HOSTSPIN_EVENT="block_not_written", HOSTSPIN_STATE="raised",
                                HOSTSPIN_CODE="damaged_markers"), "the alarm")
        machine.hosts = DEFAULT_HOSTS
        wait_until(lambda: find(HOSTSPIN_EVENT="block_not_written", HOSTSPIN_STATE="cleared"), "its end")
        assert agent.stop() == 0
    assert [e["HOSTSPIN_EVENT"] for e in (entries()[0], entries()[-1])] == ["agent_started", "agent_stopped"]
    # A one-shot run by hand or by a timer is in the same books.
    publication.offer(fleet.manifest(7))
    assert machine.hostspin("refresh").code == 0
    assert find(HOSTSPIN_EVENT="manifest_adopted", HOSTSPIN_VERSION="7")
    journal.close()
    assert agent.log_path.read_text() == "", "nothing twice"


def test_an_agent_and_one_shot_runs_side_by_side_do_no_harm(watched, publication, fleet):
    machine = watched.machine
    for version in range(6, 12):
        publication.offer(fleet.manifest(version, [service("db.svc.example.com", [f"10.1.2.{version}"])]))
        watched.signal(signal.SIGUSR1)
        runs = [subprocess.Popen(machine.command(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                for command in (["refresh"], ["apply"], ["refresh"], ["apply", "--unattended"])]
        for one in runs:
            said = one.communicate(timeout=30)[0]
            assert one.returncode in (0, 1), said
        watched.wait_pinned(f"10.1.2.{version}")
    assert watched.stop() == 0
    adopted = [one["version"] for one in watched.events("manifest_adopted")]
    assert len(adopted) == len(set(adopted))
    assert not watched.events("drift_repaired")
    assert machine.litter() == []


def descendants(pid: int) -> list:
    """The process and all that came from it, as many as can still be found."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            todo += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def kill_all_of(agent) -> None:
    """As systemd does with a unit's control group: everything, and whatever was started meanwhile."""
    agent.signal(signal.SIGSTOP)  # it starts nobody any more
    for one in reversed(descendants(agent.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    agent.process.wait()


def is_whole(content: bytes, blocks) -> bool:
    """The file as it was without a block, or with one whole block of a version that was offered."""
    return content == DEFAULT_HOSTS or any(content == block + DEFAULT_HOSTS for block in blocks)


@pytest.mark.parametrize("kills", [20, pytest.param(500, marks=pytest.mark.long)])
def test_killed_at_any_time_it_leaves_everything_whole(machine, publication, fleet, kills):
    """kill -9 at random moments while a vandal is at work and versions are adopted; then a clean start. Every other
    time its children go with it, as in a unit; else they live on and finish what they do."""
    import random
    dice = random.Random(kills)
    notes = [fleet.manifest(5)]
    publication.offer(notes[0])
    blocks = [expected_block(notes[0])]
    text = '[refresh]\ninterval = "1s"\nsplay = "0"\n[verify]\ninterval = "0"\n'
    machine.configure(source(publication.file_url), text=text)
    with_block = 0
    for round_number in range(kills):
        with Agent(machine) as agent:
            time.sleep(dice.uniform(0, 0.12))
            version = 6 + round_number
            new = publication.path / "new"
            note = fleet.manifest(version, [service("db.svc.example.com", [f"10.2.{version // 250}.{version % 250}"])])
            blocks.append(expected_block(note))
            new.write_bytes(note)
            os.replace(new, publication.path / "manifest.note")
            agent.signal(signal.SIGUSR1)
            if dice.random() < 0.5:
                replace(machine, DEFAULT_HOSTS)
            time.sleep(dice.uniform(0, 0.12))
            if dice.random() < 0.5:  # and the kill comes before the repair, or in the middle of another pass
                replace(machine, DEFAULT_HOSTS)
            if round_number % 2:
                kill_all_of(agent)
            else:
                agent.process.kill()
                agent.process.wait()
        left = machine.hosts
        assert is_whole(left, blocks), (round_number, left)
        with_block += left != DEFAULT_HOSTS
        stored = machine.state_path / "manifest.note"
        if stored.exists():
            # A refresh that has lost its agent may still be adopting: then it is older than what is held.
            wait_until(lambda: machine.hostspin("inspect", stored).code == 0, "a stored manifest that verifies")
    assert 0 < with_block < kills, "kills fell on both sides"
    (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)
    with Agent(machine) as agent:
        last = 5 + kills
        wait_until(lambda: status(machine)["agent"]["pid"] == agent.pid, "the new agent")
        agent.wait_pinned(f"10.2.{last // 250}.{last % 250}")
        assert agent.stop() == 0
    assert machine.hostspin("apply").code == 0
    assert machine.hosts == blocks[-1] + DEFAULT_HOSTS
    assert machine.litter() == []
    assert not list(machine.path.rglob("hosts.left-*"))


def test_status_says_how_each_source_fared_and_when_it_is_asked_next(watched, publication):
    machine = watched.machine
    publication.offer(None)
    watched.signal(signal.SIGUSR1)
    watched.wait_event("refresh_failed", "raised")
    shown = wait_until(lambda: (s := status(machine))["agent"]["next_refresh"] and s, "the schedule")
    assert shown["agent"]["running"] and shown["agent"]["pid"] == watched.pid
    attempt = shown["telemetry"]["sources"][0]
    assert attempt["outcome"] == "failed" and attempt["detail"] and attempt["last_fine"] > 0
    assert {one["alarm"] for one in shown["agent"]["alarms"]} == {"refresh_failed", "source_failed"}
    text = machine.hostspin("status").stdout
    assert "next refresh " in text and "last fine: " in text and "alarm           refresh_failed" in text
    assert watched.stop() == 0
    assert not status(machine)["agent"]["running"]
