"""What the resident agent lives through: children, watches, books and logs that fail it."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.agent import CALM, Agent, pinned, wait_until
from support.machine import DEFAULT_HOSTS, source


@pytest.mark.skipif(not shutil.which("strace"), reason="needs the program strace")
def test_a_watch_that_cannot_be_had_at_first_is_had_later(machine, publication, fleet):
    """As where another program has used all of the machine's inotify instances up."""
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    with Agent(machine, failing="inotify_init1:error=EMFILE:when=1..4") as agent:
        agent.wait_pinned()

        def watching():
            with contextlib.suppress(FileNotFoundError):  # one that was closed meanwhile
                return any(os.readlink(fd) == "anon_inode:inotify" for fd in Path(f"/proc/{agent.pid}/fd").iterdir())

        wait_until(watching, lambda: f"a watch; the log: {agent.log()}")
        machine.hosts = DEFAULT_HOSTS
        wait_until(lambda: pinned(machine), "the block", 5)
        assert agent.stop() == 0
    said = [one for one in agent.log() if "cannot watch files" in one["message"]]
    assert [one["level"] for one in said] == ["warning"], "told once"


def test_a_lock_that_stays_taken_is_an_alarm_and_the_end_of_it_is_seen(watched):
    """As by a hostspin that was stopped, or hangs on a disk. A lock that is taken for a moment is no news."""
    machine = watched.machine
    with open(machine.path / "run/hostspin/lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid():10}\n")
        lock.flush()
        taken = time.monotonic()
        machine.hosts = DEFAULT_HOSTS
        alarm = watched.wait_event("pass_failed", "raised")
        assert 12 < time.monotonic() - taken < 28
        assert alarm["task"] == "apply"
        assert f"another hostspin (process {os.getpid()}) has held the lock since 2" in alarm["message"]
        assert len(watched.events("pass_failed", "raised")) == 1 and not pinned(machine)
        lock.truncate(0)
    wait_until(lambda: pinned(machine), "the block", 10)
    watched.wait_event("pass_failed", "cleared")
    assert watched.stop() == 0


@pytest.mark.parametrize("setting", ["interval", "sources"])
def test_an_alarm_about_a_task_that_is_not_done_any_more_ends(machine, publication, fleet, setting):
    now = '[refresh]\nsplay = "0"\n[verify]\n'
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=now + 'interval = "1s"\n')
    with Agent(machine) as agent:
        agent.wait_pinned()
        book = without_book(machine)
        publication.offer(None)
        tasks = lambda state: {one["task"] for one in agent.events("pass_failed", state)}  # noqa: E731
        wait_until(lambda: "agent-probe" in tasks("raised"), "an alarm about probes")
        agent.signal(signal.SIGUSR1)
        wait_until(lambda: "refresh" in tasks("raised"), "an alarm about refreshes")
        messages = {one["message"] for one in agent.events("pass_failed", "raised") if one["task"] == "agent-probe"}
        assert all("could not be kept: " in one and "directory" in one for one in messages), messages
        if setting == "interval":
            machine.configure(source(publication.file_url), text=now + 'interval = "0"\n')
        else:
            machine.configure(text=now + 'interval = "1s"\n')
        task = {"interval": "agent-probe", "sources": "refresh"}[setting]
        agent.signal(signal.SIGHUP)
        wait_until(lambda: task in tasks("cleared"), f"the end of the alarm about {task}")
        time.sleep(2)
        states = [one["state"] for one in agent.log() if one.get("task") == task]
        assert states == ["raised", "cleared"], states
        book.rmdir()
        assert agent.stop() == 0


@pytest.mark.parametrize("place", ["drop-ins", "nothing", "named"])
def test_a_configuration_that_cannot_be_copied_is_read_where_it_is(machine, publication, fleet, place):
    """As where /run is full: with drop-ins alone, or no configuration, there is no main file to name instead."""
    machine.trust(fleet.root(1), seed=fleet.manifest(5)) if place == "nothing" else publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    named = []
    if place == "drop-ins":
        machine.config_path.parent.joinpath("conf.d").mkdir()
        machine.config_path.rename(machine.config_path.parent / "conf.d/10-fleet.toml")
    elif place == "nothing":
        machine.config_path.unlink()
    else:
        machine.config_path.rename(machine.path / "etc/other.toml")
        named = ["--config", "/etc/other.toml"]
    (machine.path / "run/hostspin").mkdir()
    for copy in "config-a", "config-b":
        (machine.path / "run/hostspin" / copy).write_text("in the way of the directory, also for root")
    with Agent(machine, *named) as agent:
        agent.wait_pinned()
        machine.hosts = DEFAULT_HOSTS
        wait_until(lambda: pinned(machine), "the block")
        said = [one for one in agent.log() if "could not be copied" in one["message"]]
        assert [one["level"] for one in said] == ["warning"] and "config-b: Not a directory" in said[0]["message"], said
        assert agent.stop() == 0
    assert not [one for one in agent.log() if one["level"] == "error"]


def without_book(machine) -> Path:
    """The book of alarms cannot be written: a directory is in its place."""
    book = machine.path / "run/hostspin/alarms"

    def made():
        book.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):  # a pass was quicker
            book.mkdir()
            return True

    wait_until(made, "a directory")
    return book


def test_a_refusal_that_could_not_be_booked_is_told_later(watched):
    machine = watched.machine
    good = machine.config_path.read_text()
    book = without_book(machine)
    machine.config_path.write_text("refresh = 1\n")
    watched.signal(signal.SIGHUP)
    tasks = lambda state: {one["task"] for one in watched.events("pass_failed", state)}  # noqa: E731
    wait_until(lambda: "agent-settings" in tasks("raised"), "the alarm")
    assert not watched.events("configuration_refused", "raised")
    book.rmdir()
    watched.wait_event("configuration_refused", "raised")
    wait_until(lambda: "agent-settings" in tasks("cleared"), "its end")
    machine.config_path.write_text(good)
    watched.signal(signal.SIGHUP)
    watched.wait_event("configuration_refused", "cleared")
    assert watched.stop() == 0


def test_alarms_about_passes_end_with_the_agent(watched):
    without_book(watched.machine)
    watched.machine.config_path.write_text("refresh = 1\n")
    watched.signal(signal.SIGHUP)
    watched.wait_event("pass_failed", "raised")
    assert watched.stop() == 0
    raised = [one["task"] for one in watched.events("pass_failed", "raised")]
    assert sorted(one["task"] for one in watched.events("pass_failed", "cleared")) == sorted(raised)
    assert watched.log()[-1]["event"] == "agent_stopped"


def test_a_reload_whose_child_is_killed_is_done_later(watched):
    """Else the new configuration would never be in force, and the alarm never over."""
    def reader_killed():
        watched.signal(signal.SIGHUP)
        end = time.monotonic() + 2
        while time.monotonic() < end and not watched.events("pass_failed", "raised"):
            for child in Path(f"/proc/{watched.pid}/task/{watched.pid}/children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if b"agent-settings" in Path(f"/proc/{child}/cmdline").read_bytes():
                        os.kill(int(child), signal.SIGKILL)
        return watched.events("pass_failed", "raised")

    killed = wait_until(reader_killed, "a kill before the child is done")
    assert killed[0]["task"] == "agent-settings"
    loaded = len(watched.events("configuration_loaded"))
    cleared = watched.wait_event("pass_failed", "cleared")
    assert cleared["task"] == "agent-settings"
    watched.wait_event("configuration_loaded", count=loaded + 1)
    assert watched.stop() == 0


@pytest.mark.skipif(not shutil.which("strace"), reason="needs the program strace")
def test_a_refresh_that_cannot_be_started_is_not_put_off_for_an_interval(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    # The settings, the first pass, and then the refresh.
    with Agent(machine, failing="clone,clone3,vfork:error=EAGAIN:when=3") as agent:
        assert agent.wait_event("pass_failed", "raised")["task"] == "refresh"
        agent.wait_pinned()
        assert agent.wait_event("pass_failed", "cleared")["task"] == "refresh"
        assert agent.stop() == 0


def test_a_limit_on_file_sizes_is_an_error_and_no_death(machine, publication, fleet, tmp_path):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    with Agent(machine, piped=True) as agent:  # a log in a file could not grow either
        agent.wait_pinned()
        subprocess.run(["prlimit", "--fsize=0:unlimited", "--pid", str(agent.pid)], check=True)

        def failed():
            if pinned(machine):  # by a child that was started before
                machine.hosts = DEFAULT_HOSTS
            return agent.events("pass_failed", "raised")

        wait_until(failed, lambda: f"an alarm: {agent.log()}")
        assert machine.hosts == DEFAULT_HOSTS
        assert agent.process.poll() is None, "the supervisor lives on"
        said = agent.events("pass_failed", "raised")[0]
        assert "exit code 1" not in said["message"] and "File too large" in said["message"], said
        subprocess.run(["prlimit", "--fsize=unlimited", "--pid", str(agent.pid)], check=True)
        agent.wait_pinned()
        wait_until(lambda: agent.events("pass_failed", "cleared"), "the alarm's end")
        assert agent.stop() == 0
    assert machine.litter() == []


def test_a_log_that_nobody_reads_any_more_does_not_end_it(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    with Agent(machine, piped=True) as agent:
        agent.wait_pinned()
        agent.end_log()
        machine.hosts = DEFAULT_HOSTS
        wait_until(lambda: pinned(machine), "the block")
        assert agent.stop() == 0
