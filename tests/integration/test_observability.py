"""What Prometheus, Grafana and the journal make of what hostspin says."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from support.agent import CALM, Agent, pinned, wait_until
from support.fleet import Key, Raw, moment, service
from support.machine import DEFAULT_HOSTS, source
from support.namespace import Namespace
from support.process import clean_environment

# Of the day's rollout that begins with this session, such a machine's turn for version 6 is at 0.990.
LATE_TURN = "e1" * 16 + "\n"


@pytest.fixture
def promtool():
    found = shutil.which("promtool", path=clean_environment()["PATH"])
    if not found:
        pytest.skip("needs the program promtool")
    return found


def metrics_of(machine) -> str:
    return (machine.path / "var/lib/prometheus/node-exporter/hostspin.prom").read_text()


def families(text: str) -> set:
    return set(re.findall(r"^# TYPE (\S+) ", text, re.M))


def failures_of(machine) -> int:
    """How often a source has failed or was refused."""
    return sum(int(count) for count in re.findall(r"^hostspin_refresh_failures_total{.*} (\d+)$", metrics_of(machine), re.M))


@pytest.fixture
def measured(member, publication, fleet):
    """A machine whose metrics have every family: probed, repaired, with a source that failed and a manifest that waits."""
    machine = member.machine
    (machine.path / "var/lib/prometheus/node-exporter").mkdir(parents=True)
    (machine.path / "etc/machine-id").write_text(LATE_TURN)
    machine.configure(source(publication.file_url), source("file:///no/such/directory"))
    publication.offer(fleet.manifest(5, [service("db.svc.example.com", ["10.99.0.10"], check={"tcp": 9})]))
    machine.hostspin("refresh")
    machine.hosts = DEFAULT_HOSTS
    machine.hostspin("apply")
    machine.hostspin("agent-probe")
    publication.offer(fleet.manifest(6, issued=moment(0), rollout=1440))
    machine.hostspin("refresh")
    return machine


def test_metrics_pass_promtool(measured, promtool):
    text = metrics_of(measured)
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert "\nhostspin_drift_repairs_total 1\n" in text
    assert "hostspin_refresh_failures_total{reason=" in text
    assert not [path for path in measured.path.rglob("*.tmp")]


TWO_SITES = service("web.svc.example.com", ["10.99.0.11"], check=Raw(
    '[{ http = 9, host = "a.example.com" }, { http = 9, host = "b.example.com" }, { http = 9, status = 503 }]'))


@pytest.fixture
def two_outputs(measured, publication, fleet):
    """What the agent writes, and what verify prints, where checks of one address differ in options alone."""
    publication.offer(fleet.manifest(7, [service("db.svc.example.com", ["10.99.0.10"], check={"tcp": 9}), TWO_SITES]))
    measured.hostspin("refresh", "--now")
    measured.hostspin("agent-probe")
    done = measured.hostspin("verify", "--output", "prometheus", "--no-resolver")
    return metrics_of(measured), done.stdout


def helps(text: str) -> dict:
    return dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))


def test_both_outputs_pass_promtool_and_share_no_family(two_outputs, promtool, checkout):
    textfile, verify = two_outputs
    for text in (textfile, verify, textfile + verify):
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert helps(textfile).keys() == families(textfile) and helps(verify).keys() == families(verify)
    assert not families(textfile) & families(verify)
    assert all(name.startswith("hostspin_verify_") for name in families(verify))
    # Units as Prometheus has them, and every family in the manual.
    assert not [name for name in families(textfile + verify) if re.search("_(days|hours|minutes|ms|milliseconds)", name)]
    listed = set(re.findall(r"hostspin_verify_\w+", (checkout / "packaging/man/hostspin.8").read_text()))
    assert families(verify) <= listed
    for name, text in (("hostspin_address_up", textfile), ("hostspin_verify_address_up", verify)):
        checks = set(re.findall(rf'^{name}{{service="web.svc.example.com",.*check="(.*)"}}', text, re.M))
        assert checks == {"http:9 host=a.example.com", "http:9 host=b.example.com", "http:9 status=503"}, text


def test_node_exporter_reads_both_outputs_at_once(two_outputs, tmp_path):
    program = "prometheus-node-exporter"
    if not shutil.which(program, path=clean_environment()["PATH"]):
        pytest.skip(f"needs the program {program}")
    directory = tmp_path / "textfile"
    directory.mkdir()
    for name, text in zip(("hostspin.prom", "verify.prom"), two_outputs, strict=True):
        (directory / name).write_text(text)
    namespace = Namespace()
    exporter = subprocess.Popen(
        [*namespace.prefix(), program, "--web.listen-address=127.0.0.1:9100", "--collector.disable-defaults",
         "--collector.textfile", f"--collector.textfile.directory={directory}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=clean_environment())
    try:
        for line in exporter.stderr:
            if "Listening on" in line or "listening on" in line.lower():
                break
        scraped = subprocess.run(
            [*namespace.prefix(), "curl", "-sS", "--noproxy", "*", "--retry", "20", "--retry-connrefused",
             "--retry-delay", "1", "-w", "%{http_code}", "http://127.0.0.1:9100/metrics"],
            capture_output=True, text=True, check=False, env=clean_environment())
    finally:
        exporter.kill()
        exporter.communicate()
        namespace.close()
    assert scraped.stdout.endswith("200"), scraped
    assert "\nnode_textfile_scrape_error 0\n" in scraped.stdout, scraped.stdout
    for text in two_outputs:
        assert families(text) <= families(scraped.stdout)


def test_a_manifest_whose_keys_were_replaced_is_seen_by_whoever_watches(measured, publication, fleet):
    """A root has replaced a signer of what is held, and nothing newer is published; then it is."""
    newcomer = Key("hostspin.test/manifest/newcomer")
    keys = [newcomer, *fleet.manifest_keys[1:]]
    publication.offer(fleet.manifest(7))
    assert measured.hostspin("refresh", "--now").code in (0, 1)
    publication.offer_root(2, fleet.root(2, manifest={"keys": [key.vkey for key in keys]}))
    assert measured.hostspin("refresh").code == 2
    for command in ("", "apply", "refresh"):  # what the cycle that brought the root wrote, then what later ones do
        if command:
            measured.hostspin(command)
        text = metrics_of(measured)
        assert '\nhostspin_status{state="rotated_keys"} 1\n' in text and '\nhostspin_status{state="ok"} 0\n' in text, command
        assert '\nhostspin_alarms{alarm="rotated_keys"} 1\n' in text, command
    status = json.loads(measured.hostspin("status", "--output", "json").stdout)
    assert status["manifest"]["rotated_keys"] and status["exit_code"] == 1
    assert [alarm["alarm"] for alarm in status["agent"]["alarms"]].count("rotated_keys") == 1
    assert any(line.startswith("rotated-keys: manifest 7 ") for line in status["warnings"])
    verify = measured.hostspin("verify", "--offline")
    assert verify.code == 1 and "; keys ROTATED; " in verify.stdout and "rotated-keys: manifest 7 " in verify.stdout

    publication.offer(fleet.manifest(8, min_root=2, signers=keys[:2]))
    assert measured.hostspin("refresh", "--now").code in (0, 1)
    text = metrics_of(measured)
    assert '\nhostspin_status{state="ok"} 1\n' in text and '\nhostspin_alarms{alarm="rotated_keys"} 0\n' in text


def test_counters_survive_restarts(measured):
    failures = failures_of(measured)
    assert failures == 2  # one a refresh
    for repairs in (2, 3):
        measured.hosts = DEFAULT_HOSTS
        assert measured.hostspin("apply").code in (0, 1)
        assert f"\nhostspin_drift_repairs_total {repairs}\n" in metrics_of(measured)
    with Agent(measured) as agent:
        wait_until(lambda: pinned(measured, "10.99.0.10"), "the block")
        measured.hosts = DEFAULT_HOSTS
        wait_until(lambda: "\nhostspin_drift_repairs_total 4\n" in metrics_of(measured), "the agent's repair")
        agent.stop()
    before = failures_of(measured)
    assert before >= failures
    measured.hostspin("refresh")
    assert failures_of(measured) == before + 1


def test_no_textfile_directory_no_metrics(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    assert not (machine.path / "var/lib/prometheus").exists()


def test_rules_hold_and_use_only_metrics_that_are_written(measured, promtool, checkout):
    examples = checkout / "examples/observability"
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts-test.yml"]):
        done = subprocess.run([promtool, *command], cwd=examples, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    # The man page lists every family and no other, and nothing names one that is not listed.
    page = (checkout / "packaging/man/hostspin.8").read_text()
    listed = set(re.findall(r"^\.It Sy (hostspin_\w+)", page, re.M))
    assert families(metrics_of(measured)) == listed
    for name in ("alerts.yml", "dashboard.json"):
        used = set(re.findall(r"\bhostspin_\w+", (examples / name).read_text()))
        assert used <= listed, f"{name}: {used - listed}"


def test_dashboard_is_one_that_grafana_reads(checkout):
    board = json.loads((checkout / "examples/observability/dashboard.json").read_text())
    assert board["schemaVersion"] >= 30 and board["uid"] == "hostspin"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) >= 10
    for panel in board["panels"]:
        assert panel["targets"][0]["expr"] and panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_man_page_lists_every_event_with_its_id(checkout):
    source_text = (checkout / "src/app/events.cc").read_text()
    kinds = dict(re.findall(r'"(\w+)",\s*"([0-9a-f]{32})"', source_text))
    assert len(kinds) > 20
    page = (checkout / "packaging/man/hostspin.8").read_text()
    for name, identifier in kinds.items():
        assert re.search(rf"^\.It Sy {name}$\n\.Li {identifier}$", page, re.M), name


# What happens once; the alarms begin and end.
OCCURRENCES = {"agent_started", "agent_stopped", "configuration_loaded", "manifest_adopted", "manifest_scheduled",
               "roots_adopted", "drift_repaired", "foreign_edit_kept", "newer_block_replaced", "pass_failed"}


@pytest.mark.slow
def test_the_journal_is_searched_by_field(machine, publication, fleet, checkout, tmp_path):
    """A journald of the test's own, in a mount namespace, fed by an agent and asked by journalctl."""
    journald = "/usr/lib/systemd/systemd-journald"
    if not shutil.which("journalctl", path=clean_environment()["PATH"]) or not shutil.which(journald):
        pytest.skip("needs systemd-journald")
    identity = Path("/etc/machine-id")
    if not identity.exists() or len(identity.read_text().strip()) != 32:
        pytest.skip("journald keeps nothing without a machine's identity in /etc/machine-id")
    publication.offer(fleet.manifest(5))
    publication.offer_root(2, fleet.root(2))
    with_probes = CALM.replace('[verify]\ninterval = "0"', '[verify]\ninterval = "1h"')
    machine.configure(source(publication.file_url), text=with_probes)
    (machine.path / "etc/machine-id").write_text(LATE_TURN)  # without one nothing waits
    (machine.path / "run/systemd/journal").mkdir(parents=True)
    # Alarms of every kind, as an earlier agent booked them; what raised them is gone, so each must be cleared.
    kinds = re.findall(r'"(\w+)",\s*"([0-9a-f]{32})"', (checkout / "src/app/events.cc").read_text())
    alarms = [name for name, _ in kinds if name not in OCCURRENCES]
    assert len(alarms) > 12
    (machine.path / "run/hostspin").mkdir(parents=True, exist_ok=True)
    (machine.path / "run/hostspin/alarms").write_text(json.dumps({"schema": "hostspin.alarms/1", "alarms": [
        {"alarm": name, "object": "", "detail": "", "since": 1, "fields": {}} for name in alarms]}))
    start = f"""
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal &&
        mount --bind {machine.path}/run/systemd/journal /run/systemd/journal &&
        exec {journald}"""
    log = (tmp_path / "journald.log").open("wb")
    service_process = subprocess.Popen(["unshare", "--mount", "sh", "-c", start], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=clean_environment())

    def ask(*matches: str) -> list:
        done = subprocess.run(
            ["nsenter", f"--mount=/proc/{service_process.pid}/ns/mnt", f"--root=/proc/{service_process.pid}/root", "--",
             "journalctl", "-o", "json", "--no-pager", "--directory", "/run/log/journal", *matches], capture_output=True, text=True, check=False,
            env=clean_environment())
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    try:
        socket_path = machine.path / "run/systemd/journal/socket"
        end = time.monotonic() + 10
        while not socket_path.exists():
            if service_process.poll() is not None or time.monotonic() > end:
                pytest.skip("systemd-journald does not run here: " + (tmp_path / "journald.log").read_text())
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"MESSAGE=does it keep anything\nTEST_PROBE=1\n", str(socket_path))
        end = time.monotonic() + 5
        while not ask("TEST_PROBE=1"):
            if time.monotonic() > end:
                pytest.skip("systemd-journald keeps nothing here: " + (tmp_path / "journald.log").read_text())
            time.sleep(0.05)
        with Agent(machine, log_format="journal") as agent:
            wait_until(lambda: ask("HOSTSPIN_EVENT=manifest_adopted", "HOSTSPIN_VERSION=5"), "the adoption")
            machine.hosts = DEFAULT_HOSTS
            for name in alarms:
                wait_until(lambda: ask(f"HOSTSPIN_EVENT={name}", "HOSTSPIN_STATE=cleared"), name)  # noqa: B023
            for name, identifier in kinds:
                if name in alarms:
                    assert ask(f"MESSAGE_ID={identifier}")[0]["HOSTSPIN_EVENT"] == name
            wait_until(lambda: ask("HOSTSPIN_EVENT=roots_adopted", "HOSTSPIN_ROOT_VERSION=2"), "the root")
            agent.signal(signal.SIGHUP)
            wait_until(lambda: ask("HOSTSPIN_EVENT=configuration_loaded"), "the configuration")
            publication.offer(fleet.manifest(6, issued=moment(0), rollout=1440))
            agent.signal(signal.SIGUSR1)
            wait_until(lambda: ask("HOSTSPIN_EVENT=manifest_scheduled", "HOSTSPIN_VERSION=6"), "the wait")
            assert len(ask("HOSTSPIN_EVENT=manifest_scheduled")) == 1
            assert not ask("HOSTSPIN_EVENT=manifest_adopted", "HOSTSPIN_VERSION=6")
            found = wait_until(lambda: ask("MESSAGE_ID=92c2d617097740ce9f1c300a7a31dbe6"), "the drift")
            assert found[0]["HOSTSPIN_WRITER"] == "unknown writer" and found[0]["SYSLOG_IDENTIFIER"] == "hostspin"
            def vandalised_until(*matches: str, hosts: bytes = DEFAULT_HOSTS, count: int = 1):
                """A pass may be under way that heals it unnoticed; then once more."""
                for _ in range(10):
                    (machine.path / "run/hostspin/reverts").unlink(missing_ok=True)  # or it would be a fight
                    machine.hosts = hosts
                    end = time.monotonic() + 4
                    while time.monotonic() < end:
                        if len(ask(*matches)) >= count:
                            return
                        time.sleep(0.05)
                raise AssertionError(f"nothing in the journal for {matches}")

            good, note = machine.config_path.read_text(), (publication.path / "manifest.note").read_bytes()
            machine.config_path.write_text("nonsense = 1\n")
            (publication.path / "manifest.note").write_bytes(b"garbage")
            agent.signal(signal.SIGHUP)
            agent.signal(signal.SIGUSR1)
            for name in ("configuration_refused", "manifest_refused", "refresh_failed"):
                wait_until(lambda: ask(f"HOSTSPIN_EVENT={name}", "HOSTSPIN_STATE=raised"), name)  # noqa: B023
            machine.config_path.write_text(good)
            (publication.path / "manifest.note").write_bytes(note)
            agent.signal(signal.SIGHUP)
            agent.signal(signal.SIGUSR1)
            for name in ("configuration_refused", "manifest_refused", "refresh_failed"):  # the seeded one, and this one
                wait_until(lambda: len(ask(f"HOSTSPIN_EVENT={name}", "HOSTSPIN_STATE=cleared")) == 2, name)  # noqa: B023
            (machine.path / "etc/hostspin/hold").write_text("INC-17\n")
            vandalised_until("HOSTSPIN_EVENT=held", "HOSTSPIN_STATE=raised")
            (machine.path / "etc/hostspin/hold").unlink()
            vandalised_until("HOSTSPIN_EVENT=held", "HOSTSPIN_STATE=cleared", count=2)
            vandalised_until("HOSTSPIN_EVENT=conflict", "HOSTSPIN_STATE=raised",
                             hosts=DEFAULT_HOSTS + b"10.9.9.9\tdb.svc.example.com\n")
            vandalised_until("HOSTSPIN_EVENT=conflict", "HOSTSPIN_STATE=cleared", count=2)
            with open(machine.path / "etc/hosts", "r+b"):  # somebody who never closes it
                vandalised_until("HOSTSPIN_EVENT=foreign_edit_kept")
            book = machine.path / "run/hostspin/alarms"
            while not book.is_dir():  # where nothing can be booked, a pass has not done its work
                book.unlink(missing_ok=True)
                with contextlib.suppress(FileExistsError):
                    book.mkdir()
            failed = ("HOSTSPIN_EVENT=pass_failed", "HOSTSPIN_TASK=apply")  # a round of probes comes once an hour
            vandalised_until(*failed, "HOSTSPIN_STATE=raised")
            book.rmdir()
            vandalised_until(*failed, "HOSTSPIN_STATE=cleared")
            wait_until(lambda: pinned(machine), "the block")
            machine.hosts = machine.hosts + machine.hosts
            wait_until(lambda: ask("HOSTSPIN_EVENT=block_not_written", "HOSTSPIN_STATE=raised"), "the alarm")
            machine.hosts = DEFAULT_HOSTS
            wait_until(lambda: ask("HOSTSPIN_EVENT=block_not_written", "HOSTSPIN_STATE=cleared"), "its end")
            assert agent.stop() == 0
        wait_until(lambda: ask("HOSTSPIN_EVENT=agent_stopped"), "the end")
        assert ask("HOSTSPIN_EVENT=agent_started")
    finally:
        service_process.kill()
        service_process.wait()
        log.close()


def test_every_verdict_is_in_the_manual(checkout):
    """With its layer and the words of the report; whoever adds one is told."""
    source = re.sub(r"\s+", " ", (checkout / "src/core/verdict.cc").read_text())
    known = re.findall(r'VerdictFacts\{Verdict::\w+, "(\w+)", "([^"]+)", "([^"]+)"\}', source)
    page = (checkout / "packaging/man/hostspin.8").read_text()
    section = page[page.index(".Sh VERDICTS"):]
    told = re.findall(r"^\.It Sy (\w+) Ta (\S+) Ta (.*)$", section[:section.index(".El")], re.M)
    assert len(known) > 20 and told == known
