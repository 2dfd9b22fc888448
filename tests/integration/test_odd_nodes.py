"""What is no regular file in a file's place, below --root: it is never opened, nothing outside the tree is touched, no
command hangs, and all is well again once it is gone."""

import json
import os
import re
import shutil
import socket
import stat

import pytest
from support.agent import CALM, Agent, wait_until
from support.block import expected_block
from support.machine import DEFAULT_HOSTS, source
from support.process import run

SECONDS_MAX = 20.0
OUTSIDE = b"outside of the tree\n"

# Every file that is read or written, and every directory on the way to one.
PLACES = [
    "etc/hosts", "etc/hosts.hostspin.tmp", "etc/hostname", "etc/machine-id", "etc/nsswitch.conf", "etc/host.conf",
    "etc/os-release", "etc/cloud/cloud.cfg", "etc/cloud/cloud.cfg.d/1.cfg", "etc/systemd/resolved.conf", "etc/hostspin",
    "etc/hostspin/hostspin.toml", "etc/hostspin/conf.d", "etc/hostspin/conf.d/1.toml", "etc/hostspin/root.note",
    "etc/hostspin/manifest.note", "etc/hostspin/hold", "var/lib/hostspin", "var/lib/hostspin/manifest.note",
    "var/lib/hostspin/manifest.note.hostspin.tmp", "var/lib/hostspin/root", "var/lib/hostspin/root/1.note",
    "var/lib/hostspin/root/2.note", "var/lib/hostspin/status.json", "var/lib/hostspin/hosts.prev",
    "var/lib/hostspin/hosts.prev.hostspin.tmp", "var/lib/hostspin/hosts.left-1", "var/lib/hostspin/hosts.next",
    "run/hostspin", "run/hostspin/lock", "run/hostspin/reverts", "run/hostspin/changed", "run/hostspin/alarms",
    "run/hostspin/block", "run/hostspin/agent", "run/hostspin/probes", "run/hostspin/status.json", "run/systemd/journal",
    "run/systemd/journal/socket", "var/lib/prometheus/node-exporter", "var/lib/prometheus/node-exporter/hostspin.prom",
]
COMMANDS = [["apply"], ["refresh"], ["status"], ["verify", "--offline"], ["doctor"], ["hold"], ["release"]]


class Kind:
    """A way to make something odd at `path`; `outside` is a file and a folder that no command may touch."""

    @staticmethod
    def character_device(path, outside):
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))

    @staticmethod
    def block_device(path, outside):
        os.mknod(path, stat.S_IFBLK | 0o666, os.makedev(7, 0))

    @staticmethod
    def fifo(path, outside):
        os.mkfifo(path)

    @staticmethod
    def unix_socket(path, outside):
        with socket.socket(socket.AF_UNIX) as made:  # bound by a short path: a socket's address has 108 bytes
            os.chdir(path.parent)
            made.bind(path.name)
            os.chdir("/")

    @staticmethod
    def directory(path, outside):
        path.mkdir()

    @staticmethod
    def link_outside(path, outside):
        path.symlink_to(outside / "file")

    @staticmethod
    def climbing_link(path, outside):
        path.symlink_to("../" * 40 + str(outside / "file").lstrip("/"))

    @staticmethod
    def link_to_folder_outside(path, outside):
        path.symlink_to(outside / "folder")


KINDS = [name for name in vars(Kind) if not name.startswith("_")]
# What strace shows of a descriptor that should not be there.
OPENED = {"character_device": r"= \d+<.*<char 1:7>", "block_device": r"= \d+<.*<block 7:0>", "fifo": r"= \d+<(FIFO|pipe):",
          "unix_socket": r"= \d+<(UNIX|socket):", "directory": r"^$", "link_outside": r"= \d+<{outside}",
          "climbing_link": r"= \d+<{outside}", "link_to_folder_outside": r"= \d+<{outside}"}


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    (folder / "folder").mkdir(parents=True)
    (folder / "file").write_bytes(OUTSIDE)
    return folder


@pytest.fixture
def pinned(machine, publication, fleet):
    for directory in ("etc/hostspin/conf.d", "etc/cloud/cloud.cfg.d", "etc/systemd", "run/systemd/journal",
                      "var/lib/prometheus/node-exporter"):
        (machine.path / directory).mkdir(parents=True)
    machine.trust(fleet.root(), fleet.manifest(4))
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    first = machine.hostspin("refresh")
    assert first.code == 0, first
    return machine


def touched(outside) -> bool:
    return sorted(path.name for path in outside.rglob("*")) != ["file", "folder"] or (outside / "file").read_bytes() != OUTSIDE


def aside(path):
    """What is in the way goes, and can be put back."""
    kept = path.with_name(path.name + ".aside")
    if os.path.lexists(path):
        path.rename(kept)

    def back():
        if os.path.isdir(path) and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()
        if os.path.lexists(kept):
            kept.rename(path)
    return back


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_is_never_opened_and_nothing_hangs(pinned, fleet, outside, tmp_path, place):
    if not shutil.which("strace"):
        pytest.skip("needs the program strace")
    log = tmp_path / "trace"
    path = pinned.path / place
    for kind in KINDS:
        back = aside(path)
        getattr(Kind, kind)(path, outside)
        for number, command in enumerate(COMMANDS):
            if number == 0:  # something to write
                pinned.hosts_path.parent.mkdir(exist_ok=True)
                if pinned.hosts_path.is_file() and not pinned.hosts_path.is_symlink():
                    pinned.hosts = DEFAULT_HOSTS
            done = run(["strace", "-f", "-yy", "-e", "trace=open,openat,openat2", "-o", log, "--", *pinned.command(*command)],
                       seconds=SECONDS_MAX)
            assert done.code in (0, 1, 2, 3), f"{kind} at {place}: {done}"
            opened = [line for line in log.read_text(errors="replace").splitlines()
                      if re.search(OPENED[kind].format(outside=outside), line) and "O_PATH" not in line]
            assert opened == [], f"{kind} at {place} was opened by {command}"
            assert not touched(outside), f"{kind} at {place}: {done}"
        back()
    pinned.hosts = DEFAULT_HOSTS
    pinned.hostspin("release")
    healed = pinned.hostspin("refresh")
    assert healed.code in (0, 1), healed
    assert pinned.hosts == expected_block(fleet.manifest(5)) + DEFAULT_HOSTS


@pytest.mark.parametrize("place, command", [
    ("etc/hosts", "apply"), ("run/hostspin/lock", "apply"), ("etc/hostspin/root.note", "apply"),
    ("etc/hostspin/hostspin.toml", "apply"), ("etc/hostspin", "apply"), ("var/lib/hostspin/manifest.note", "verify"),
    ("etc/hostspin/hold", "apply"), ("etc/hosts", "verify"), ("etc/hosts", "doctor"),
])
def test_what_is_in_the_way_is_named(pinned, outside, place, command):
    path = pinned.path / place
    for kind in ("character_device", "fifo", "unix_socket"):
        back = aside(path)
        getattr(Kind, kind)(path, outside)
        arguments = [command, "--offline"] if command == "verify" else [command]
        done = pinned.hostspin(*arguments, seconds=SECONDS_MAX)
        assert done.code != 0 and f"/{place}" in done.stdout + done.stderr, f"{kind}: {done}"
        back()


def test_a_lock_that_is_another_files_name_leaves_that_file_alone(pinned):
    victim = pinned.path / "etc/secret"
    victim.write_bytes(OUTSIDE)
    lock = pinned.path / "run/hostspin/lock"
    lock.unlink()
    lock.hardlink_to(victim)
    done = pinned.hostspin("apply")
    assert done.code == 2 and "/run/hostspin/lock" in done.stderr, done
    assert victim.read_bytes() == OUTSIDE


@pytest.mark.parametrize("target", ["{outside}/journal", "../../../../../../../../../../../../../../{outside}/journal"])
@pytest.mark.parametrize("link", ["run/systemd/journal/socket", "run/systemd/journal", "run/systemd"])
def test_no_link_leads_to_a_journal_outside(pinned, outside, tmp_path, link, target):
    """An event is due: the block is put back. A listener outside of the tree hears nothing of it."""
    where = {"socket": outside / "journal", "journal": outside / "journal/socket", "systemd": outside / "journal/journal/socket"}
    listener_path = where[link.rsplit("/", 1)[1]]
    listener_path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        os.chdir(listener_path.parent)
        listener.bind(listener_path.name)
        os.chdir("/")
        path = pinned.path / link
        shutil.rmtree(path, ignore_errors=True)
        path.symlink_to(target.format(outside=str(outside).lstrip("/") if target.startswith("..") else outside))
        pinned.hosts = DEFAULT_HOSTS
        done = pinned.hostspin("apply")
        assert done.code in (0, 1), done
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(65536)


def test_the_journal_of_the_tree_hears_of_it_through_links_within(pinned):
    real = pinned.path / "run/elsewhere"
    real.mkdir()
    shutil.rmtree(pinned.path / "run/systemd")
    (pinned.path / "run/systemd").mkdir()
    (pinned.path / "run/systemd/journal").symlink_to("/run/elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        os.chdir(real)
        listener.bind("socket")
        os.chdir("/")
        pinned.hosts = DEFAULT_HOSTS
        assert pinned.hostspin("apply").code in (0, 1)
        listener.setblocking(False)
        assert b"HOSTSPIN_EVENT=" in listener.recv(65536)


def test_the_agent_watches_the_file_that_a_link_leads_to_within_the_tree(machine, publication, fleet):
    """An image's absolute link leads into the image; its sweep would come after a minute."""
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url), text=CALM)
    real = machine.path / "real"
    real.mkdir()
    machine.hosts_path.rename(real / "hosts")
    machine.hosts_path.symlink_to("/real/hosts")
    with Agent(machine) as agent:
        wait_until(lambda: b"# BEGIN" in (real / "hosts").read_bytes(), "the block")
        agent.wait_event("manifest_adopted")
        for _ in range(2):
            new = real / "new"
            new.write_bytes(DEFAULT_HOSTS)
            new.rename(real / "hosts")
            wait_until(lambda: b"# BEGIN" in (real / "hosts").read_bytes(), "the block again")
        assert agent.stop() == 0


# --- modes -------------------------------------------------------------------------------------------------

def modes(folder) -> dict:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


@pytest.mark.parametrize("umask", ["000", "022", "077", "777"])
def test_modes_do_not_depend_on_the_umask(machine, publication, fleet, umask):
    """An image without /var and /run: what is made has the documented modes, what was there keeps its own."""
    publication.offer(fleet.manifest(5))
    publication.offer_root(2, fleet.root(2))
    machine.configure(source(publication.file_url))
    shutil.rmtree(machine.path / "var")
    shutil.rmtree(machine.path / "run")
    machine.hosts_path.unlink()
    (machine.path / "etc").chmod(0o750)
    textfiles = machine.path / "textfiles"
    textfiles.mkdir(mode=0o700)
    machine.config_path.write_text(machine.config_path.read_text() + '[metrics]\ntextfile = "/textfiles"\n')
    before = modes(machine.path)

    def hostspin(*arguments):
        return run(["sh", "-c", 'umask "$0"; exec "$@"', umask, *machine.command(*arguments)])
    assert hostspin("refresh").code in (0, 1)
    machine.hosts = DEFAULT_HOSTS
    assert hostspin("apply").code in (0, 1)
    assert hostspin("hold", "--reason", "test").code == 0

    found = modes(machine.path)
    assert {name: mode for name, mode in found.items() if name in before} == before
    made = {name: mode for name, mode in found.items() if name not in before}
    for name in ("var", "var/lib", "var/lib/hostspin", "var/lib/hostspin/root", "run", "run/hostspin"):
        assert made.pop(name) == 0o755, name
    assert made.pop("run/hostspin/lock") == 0o600
    assert {"etc/hosts", "etc/hostspin/hold", "textfiles/hostspin.prom", "var/lib/hostspin/manifest.note",
            "var/lib/hostspin/root/2.note", "var/lib/hostspin/status.json", "var/lib/hostspin/hosts.prev"} <= made.keys()
    assert set(made.values()) == {0o644}, made


@pytest.mark.parametrize("umask", ["000", "077"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_no_copy_of_the_hosts_file_is_wider_than_it(machine, fleet, umask, mode):
    machine.trust(fleet.root(), fleet.manifest(4))
    machine.hosts_path.chmod(mode)
    machine.state_path.mkdir()
    (machine.path / "etc/hosts.hostspin.tmp").write_bytes(b"10.1.1.1 lost.example.com\n")  # a killed run's
    (machine.path / "etc/hosts.hostspin.tmp").chmod(mode)
    done = run(["sh", "-c", 'umask "$0"; exec "$@"', umask, *machine.command("apply")])
    assert done.code in (0, 1), done
    found = modes(machine.path)
    assert {found["etc/hosts"], found["var/lib/hostspin/hosts.prev"], found["var/lib/hostspin/hosts.left-1"]} == {mode}


# --- without permission ------------------------------------------------------------------------------------

READERS = [["status"], ["verify", "--offline"], ["diff"], ["trust"], ["inspect", "{note}"], ["doctor"], ["runbook"]]


@pytest.fixture
def open_machine(tmp_path_factory, programs, fleet, publication):
    """A machine at a path that an ordinary user can follow, which pytest's own folders are not."""
    import tempfile
    from pathlib import Path

    from support.machine import Machine
    with tempfile.TemporaryDirectory(prefix="hostspin-test-") as folder:
        os.chmod(folder, 0o755)
        made = Machine(Path(folder) / "machine", programs).trust(fleet.root(), fleet.manifest(3))
        publication.offer_root(2, fleet.root(2))
        publication.offer(fleet.manifest(5, min_root=2))
        made.configure(source(publication.file_url))
        assert made.hostspin("refresh").code == 0
        (made.path / "note").write_bytes(fleet.manifest(5, min_root=2))
        yield made


def as_nobody(machine, *arguments):
    if not shutil.which("setpriv"):
        pytest.skip("needs the program setpriv")
    return run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *machine.command(*arguments)])


@pytest.mark.parametrize("place", ["var/lib/hostspin", "var/lib/hostspin/manifest.note", "var/lib/hostspin/root",
                                   "var/lib/hostspin/root/2.note", "var/lib/hostspin/status.json", "etc/hostspin",
                                   "etc/hostspin/hostspin.toml", "etc/hostspin/root.note", "etc/hostspin/manifest.note"])
def test_who_may_not_read_is_told_so_and_nothing_else(open_machine, place):
    readers = [[word.format(note=open_machine.path / "note") for word in words] for words in READERS]
    for words in readers:
        if as_nobody(open_machine, *words).code == 3:
            pytest.skip("an ordinary user cannot reach the programs")
    (open_machine.path / place).chmod(0)
    for words in readers:
        for more in ([], ["--output", "json"]):
            done = as_nobody(open_machine, *words, *more)
            said = done.stdout + done.stderr
            assert done.code == 3 and f"no permission for '/{place}'" in said, done
            assert "no manifest" not in said and "nothing to pin" not in said and "no trust root" not in said, done
            assert "never" not in said and "telemetry" not in said, done
            if more:
                body = json.loads(done.stdout)
                assert body["exit_code"] == 3 and body["error"]["code"] == "denied", done
