"""What a person reads first: the first lines of every command in situations of an incident, as transcripts.

`transcripts/SITUATION.txt` is read here, one file a situation, its commands in the order in which they run on one
machine. With --rewrite-transcripts the files are written anew; then every line is to be read like a sentence to
somebody who was just woken: right, with its cause, and no OK where an alarm stands.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.fleet import Fleet, Key, Publication, moment, service
from support.machine import DEFAULT_HOSTS, Machine, source
from support.namespace import Namespace
from support.process import Run, clean_environment, run

DATABASE, DEAD, WEB = "10.99.0.10", "10.99.0.11", "10.99.0.1"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
SERVICES = [service("db.svc.example.com", [DATABASE], check={"tcp": 5432}), service("time", ["10.99.0.12"])]
LATER = [service("db.svc.example.com", [DATABASE], check={"tcp": 5432}), service("ldap.example.com", ["10.99.0.13"])]

# What changes nothing first; each of the others leaves something to those after it.
COMMANDS = ("status", "verify --offline", "verify --no-resolver", "diff", "trust", "runbook", "doctor", "repair --dry-run",
            "refresh --dry-run", "apply", "refresh", "status", "hold --reason drill", "release", "remove")

VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "DIGEST"),
    (re.compile(r"\b\d+ (s|min|h|d)( \d+ (s|min|h))?\b"), "SPAN"),
    (re.compile(r"\bprocess \d+|\bpid \d+"), "PROCESS"),
]


class Stage:
    """One machine of a fleet with a source that offers version 5, which it has adopted, and a database that answers."""

    def __init__(self, path: Path, programs, namespace):
        self.fleet = Fleet()
        self.publication = Publication(path / "publication")
        self.machine = Machine(path / "machine", programs, namespace).trust(self.fleet.root())
        (path / "machine/etc/nsswitch.conf").write_text("hosts: files dns\n")
        self.path, self.programs, self.namespace = path, programs, namespace
        self.prefix, self.environment, self.closers = [], {}, []

    def adopt(self, version: int = 5, **changes) -> "Stage":
        self.publication.offer(self.fleet.manifest(version, SERVICES, **changes))
        self.machine.configure(source(self.publication.file_url))
        assert self.machine.hostspin("refresh").code in (0, 1)
        return self

    def run(self, command: str) -> Run:
        whole = self.machine.command(*command.split())
        inside = len(self.namespace.prefix())
        whole[inside:inside] = self.prefix
        return run(whole, env=clean_environment(**self.environment))

    def words(self, text: str) -> str:
        text = text.replace(str(self.path), "$PATH")
        for pattern, word in VARYING:
            text = pattern.sub(word, text)
        return text

    def close(self) -> None:
        for closer in self.closers:
            closer()


def fine(stage):
    """All is well."""
    stage.adopt()


def never_refreshed(stage):
    """A trust root, a source that can be asked, and nothing adopted yet."""
    stage.publication.offer(stage.fleet.manifest(5, SERVICES))
    stage.machine.configure(source(stage.publication.file_url))


def no_trust_root(stage):
    """The trust root is missing."""
    stage.adopt()
    (stage.machine.path / "etc/hostspin/root.note").unlink()


def seed_only(stage):
    """Baked: a root and a seed, no source."""
    stage.machine.trust(stage.fleet.root(), stage.fleet.manifest(5, SERVICES))


def alarms_standing(stage):
    """The source offered an older manifest, so that alarms stand; the file is right."""
    stage.adopt()
    stage.publication.offer(stage.fleet.manifest(4, SERVICES))
    stage.machine.hostspin("refresh")


def held_and_altered(stage):
    """Held on purpose, and the block was edited meanwhile."""
    stage.adopt()
    stage.machine.hostspin("hold", "--reason", "incident 7")
    stage.machine.hosts = stage.machine.hosts.replace(DATABASE.encode(), b"10.99.0.66")


def manifest_expired(stage):
    """The manifest has run out, and the source has no newer one."""
    stage.machine.trust(stage.fleet.root(), stage.fleet.manifest(5, SERVICES, issued=moment(-30), expires=moment(-1)))
    stage.machine.configure(source(stage.publication.file_url))
    stage.publication.offer(stage.fleet.manifest(5, SERVICES, issued=moment(-30), expires=moment(-1)))
    stage.machine.hostspin("refresh")


def root_expired(stage):
    """The trust root has run out, and the source has no later one."""
    root = stage.fleet.root(issued=moment(-300), expires=moment(-1))
    stage.machine.trust(root, stage.fleet.manifest(5, SERVICES))
    stage.publication.offer(stage.fleet.manifest(6, SERVICES))
    stage.machine.configure(source(stage.publication.file_url))
    stage.machine.hostspin("refresh")


def clock_of(stage, when: str):
    if not FAKETIME.exists():
        pytest.skip("needs the package faketime")
    stage.adopt()
    stage.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": when, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                         "FAKETIME_DISABLE_SHM": "1"}


def clock_in_1970(stage):
    """This machine's clock says 1970."""
    clock_of(stage, "1970-01-02 00:00:00")


def clock_in_2099(stage):
    """This machine's clock says 2099."""
    clock_of(stage, "2099-01-01 00:00:00")


def sources_dead(stage):
    """Nothing listens at the only source."""
    stage.adopt()
    stage.machine.configure(source(f"http://{DATABASE}:81"))
    stage.machine.hostspin("refresh")


def service_dead(stage):
    """The database does not answer at its new address."""
    stage.adopt()
    stage.publication.offer(stage.fleet.manifest(6, [service("db.svc.example.com", [DEAD], check={"tcp": 5432})]))
    stage.machine.hostspin("refresh")


def state_unreadable(stage):
    """Run by a user who may not read the state directory."""
    if not shutil.which("setpriv"):
        pytest.skip("needs the program setpriv")
    stage.adopt()
    stage.machine.state_path.chmod(0o700)
    os.chown(stage.machine.state_path, 1234, 1234)
    stage.prefix = list(WITHOUT_CAPABILITIES)


def worker_dead(stage):
    """The network worker cannot be started, and the source is reached over the network."""
    stage.adopt()
    stage.machine.configure(source(f"http://{DATABASE}:81"))
    shutil.copytree(stage.programs.build / "sbin", stage.path / "usr/sbin")

    class Half:
        hostspin = stage.path / "usr/sbin/hostspin"
    stage.machine.programs = Half


def temporary_directory_full(stage):
    """/tmp has no byte left."""
    stage.adopt()
    (stage.path / "fill").write_text("#!/bin/sh\nmount -t tmpfs -o size=4k none /tmp && { cat /dev/zero >/tmp/full 2>/dev/null; "
                                     'exec "$@"; }\n')
    (stage.path / "fill").chmod(0o755)
    stage.prefix = ["unshare", "--mount", "--", str(stage.path / "fill")]


def block_damaged(stage):
    """The block's last line is gone."""
    stage.adopt()
    stage.machine.hosts = stage.machine.hosts.replace(b"# END hostspin\n", b"")


def block_missing(stage):
    """Somebody took the block out."""
    stage.adopt()
    stage.machine.hosts = DEFAULT_HOSTS


def block_altered(stage):
    """Somebody edited a line of the block."""
    stage.adopt()
    stage.machine.hosts = stage.machine.hosts.replace(DATABASE.encode(), b"10.99.0.66")


def conflict(stage):
    """A foreign line gives a pinned name another address."""
    stage.adopt()
    stage.machine.hosts = b"10.9.9.9\tdb.svc.example.com\n" + stage.machine.hosts


def keys_rotated(stage):
    """A root has replaced a signer of what is held; nothing signed under it is published."""
    stage.adopt()
    keys = [Key("hostspin.test/manifest/newcomer"), *stage.fleet.manifest_keys[1:]]
    stage.publication.offer_root(2, stage.fleet.root(2, manifest={"keys": [key.vkey for key in keys]}))
    stage.machine.hostspin("refresh")


def scheduled(stage):
    """A newer manifest waits for this host's turn."""
    (stage.machine.path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    stage.adopt()
    stage.publication.offer(stage.fleet.manifest(6, LATER, rollout=1440, issued=moment(-0.001)))
    stage.machine.hostspin("refresh")


def state_lost(stage):
    """The state directory was deleted, and the block is newer than the seed."""
    stage.machine.trust(stage.fleet.root(), stage.fleet.manifest(4, SERVICES))
    stage.adopt()
    shutil.rmtree(stage.machine.state_path)
    stage.publication.offer(None)


def newer_block(stage):
    """An older state directory was put back: the block is newer than the stored manifest."""
    stage.adopt(4)
    older = (stage.machine.state_path / "manifest.note").read_bytes()
    stage.adopt(5)
    (stage.machine.state_path / "manifest.note").write_bytes(older)
    stage.publication.offer(None)


def own_name(stage):
    """The manifest pins this machine's own name."""
    (stage.machine.path / "etc/hostname").write_text("db.svc.example.com\n")
    stage.adopt()


def hosts_file_in_use(stage):
    """Another program keeps the hosts file open for writing, and it must be replaced."""
    stage.adopt()
    stage.machine.hosts = DEFAULT_HOSTS
    writer = open(stage.machine.hosts_path, "r+b")  # noqa: SIM115
    stage.closers.append(writer.close)


def another_pass_runs(stage):
    """Another hostspin holds the lock, and goes on holding it."""
    stage.adopt()
    lock = open(stage.machine.path / "run/hostspin/lock", "rb")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    stage.closers.append(lock.close)


def configuration_broken(stage):
    """The configuration has a mistake."""
    stage.adopt()
    stage.machine.configure(text="[refresh]\nintervall = '5m'\n")


SITUATIONS = [fine, never_refreshed, no_trust_root, seed_only, alarms_standing, held_and_altered, manifest_expired,
              root_expired, clock_in_1970, clock_in_2099, sources_dead, service_dead, state_unreadable, worker_dead,
              temporary_directory_full, block_damaged, block_missing, block_altered, conflict, keys_rotated, scheduled,
              state_lost, newer_block, own_name, hosts_file_in_use, another_pass_runs, configuration_broken]


@pytest.fixture(scope="module")
def network():
    made = Namespace([WEB, DATABASE, "10.99.0.12"])
    made.run("ip", "route", "delete", "default")
    server = subprocess.Popen([*made.prefix(), "/usr/bin/python3", "-m", "http.server", "--bind", DATABASE, "5432"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment())
    made.run("bash", "-c", f"for _ in $(seq 200); do (: </dev/tcp/{DATABASE}/5432) 2>/dev/null && exit; sleep 0.05; done; exit 1")
    yield made
    server.terminate()
    server.wait()
    made.close()


@pytest.fixture
def stage(programs, network):
    # Not below /tmp, which one situation fills.
    with tempfile.TemporaryDirectory(prefix="hostspin-", dir="/var/tmp") as path:
        Path(path).chmod(0o755)
        made = Stage(Path(path), programs, network)
        yield made
        made.close()


def transcript(stage, situation) -> str:
    situation(stage)
    lines = [f"# {situation.__doc__.strip()}"]
    for command in COMMANDS:
        done = stage.run(command)
        lines += ["", f"$ hostspin {command}", f"exit {done.code}"]
        for stream, text in (("out", done.stdout), ("err", done.stderr)):
            if text:
                lines.append(f"{stream}: {stage.words(text.splitlines()[0])}")
    return "\n".join(lines) + "\n"


PLAYED = [pytest.param(one, id=one.__name__,
                       marks=[pytest.mark.preloads] if one in (clock_in_1970, clock_in_2099) else [])
          for one in SITUATIONS]


@pytest.mark.parametrize("situation", PLAYED)
def test_first_lines(stage, situation, request):
    expected = Path(__file__).parent / "transcripts" / f"{situation.__name__}.txt"
    found = transcript(stage, situation)
    if request.config.getoption("--rewrite-transcripts"):
        expected.write_text(found)
    assert found == expected.read_text(), found


def test_every_transcript_has_its_situation():
    files = {path.stem for path in (Path(__file__).parent / "transcripts").glob("*.txt")}
    assert files == {one.__name__ for one in SITUATIONS}
    assert len(files) >= 20
