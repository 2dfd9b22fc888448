"""A power cut at any moment of `apply`, on real file systems: everything that was written to the disk is recorded,
and every state that it may have been left in is mounted again. The hosts file is the old one or the new one, and the
new one once apply has reported success."""

import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.block import expected_block
from support.machine import DEFAULT_HOSTS
from support.mounts import Mounts
from support.namespace import Unavailable
from support.process import clean_environment, run

SUPPORT = Path(__file__).resolve().parent / "support"
HEAD = struct.Struct("=cQQ")
SECONDS_MAX = 20


@dataclass
class FileSystem:
    kind: str
    size: int
    options: str = ""
    make: tuple = ()


FILE_SYSTEMS = {
    "ext4": FileSystem("ext4", 24 << 20, make=("-J", "size=4")),
    "ext4 noauto_da_alloc": FileSystem("ext4", 24 << 20, "noauto_da_alloc", ("-J", "size=4")),
    "xfs": FileSystem("xfs", 320 << 20),
}


def compiled(directory: Path) -> Path:
    for program in ("cc", "pkg-config", "fusermount3"):
        if not shutil.which(program, path=clean_environment()["PATH"]):
            raise Unavailable(f"needs the program {program}")
    flags = run(["pkg-config", "--cflags", "--libs", "fuse3"])
    if flags.code != 0 or not Path("/dev/fuse").exists():
        raise Unavailable("needs libfuse3-dev and /dev/fuse")
    program = directory / "logging_disk"
    done = run(["cc", "-O1", "-o", program, SUPPORT / "logging_disk.c", *flags.stdout.split()])
    assert done.code == 0, str(done)
    return program


def read_log(log: Path) -> list:
    """(offset, bytes) for each write, None for each flush."""
    content, at, entries = log.read_bytes(), 0, []
    while at < len(content):
        kind, offset, size = HEAD.unpack_from(content, at)
        at += HEAD.size
        entries.append((offset, content[at:at + size]) if kind == b"W" else None)
        at += size
    return entries


class Disk:
    """A file system on a loop device on a file that logs what is written to it."""

    def __init__(self, mounts, directory: Path, program: Path, file_system: FileSystem):
        self.mounts, self.directory, self.file_system = mounts, directory, file_system
        self.image, self.log, self.base = directory / "image", directory / "log", directory / "base"
        self.fuse = directory / "fuse"
        self.fuse.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(file_system.size)
        mounts.run(f"mkfs.{file_system.kind}", "-q", *file_system.make, self.image)
        self._program = program
        self._daemon = None

    def fill(self, target: Path) -> None:
        """What is in `target` becomes the file system's content; mounted over it, unlogged and at rest."""
        copy = self.directory / "copy"
        shutil.copytree(target, copy)
        self.mounts.run("mount", "-o", "loop", self.image, target)
        self.mounts.run("cp", "-a", f"{copy}/.", target)
        self.mounts.run("umount", target)
        run(["cp", "--sparse=always", self.image, self.base])

    def start(self, target: Path) -> None:
        command = [*self.mounts.prefix(), self._program, self.image, self.log, self.fuse]
        self._daemon = subprocess.Popen([str(part) for part in command], env=clean_environment())
        disk = self.mounts.inside(self.fuse / "disk")
        deadline = time.monotonic() + SECONDS_MAX
        while not disk.exists():
            assert self._daemon.poll() is None, "the logging disk did not start"
            assert time.monotonic() < deadline, "the logging disk is not there"
            time.sleep(0.01)
        self.mounts.run("mount", "-o", ",".join(filter(None, ["loop", self.file_system.options])),
                        self.fuse / "disk", target)

    def stop(self, target: Path) -> None:
        self.mounts.run("umount", target)
        self.mounts.run("umount", self.fuse)
        assert self._daemon.wait(timeout=SECONDS_MAX) == 0


def states(entries: list):
    """Every prefix of the log, and every prefix that lacks one write which no flush had made durable."""
    for end in range(len(entries) + 1):
        yield end, None
        flushes = [place for place in range(end) if entries[place] is None]
        first = flushes[-1] + 1 if flushes else 0
        for lost in range(first, end - 1):
            yield end, lost


def replay(disk: Disk, entries: list):
    """Mounts each state that a cut may have left; yields it with its hosts file and whether a temporary one is there."""
    state, view = disk.directory / "state", disk.directory / "view"
    view.mkdir()
    for end, lost in states(entries):
        run(["cp", "--sparse=always", disk.base, state])
        with open(state, "r+b") as file:
            for place, entry in enumerate(entries[:end]):
                if entry is not None and place != lost:
                    file.seek(entry[0])
                    file.write(entry[1])
        mounted = run([*disk.mounts.prefix(), "mount", "-o", "loop", state, view])
        assert mounted.code == 0, f"after {end} entries, without {lost}: {mounted}"
        inside = disk.mounts.inside(view)
        yield end, lost, (inside / "hosts").read_bytes(), (inside / "hosts.hostspin.tmp").exists()
        disk.mounts.run("umount", view)


@pytest.fixture
def disk_of(tmp_path):
    """Makes the machine's etc a file system that is logged; one a test."""
    mounts = Mounts()

    def make(machine, file_system: FileSystem) -> Disk:
        if not shutil.which(f"mkfs.{file_system.kind}", path=clean_environment()["PATH"]):
            raise Unavailable(f"needs mkfs.{file_system.kind}")
        directory = tmp_path / "disk"
        directory.mkdir()
        disk = Disk(mounts, directory, compiled(tmp_path), file_system)
        disk.fill(machine.path / "etc")
        disk.start(machine.path / "etc")
        return disk

    yield make
    mounts.close()


@pytest.mark.long
@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_a_power_cut_leaves_the_old_file_or_the_new_one(machine, fleet, disk_of, name):
    old, seed = expected_block(fleet.manifest(4)) + DEFAULT_HOSTS, fleet.manifest(5)
    new = expected_block(seed) + DEFAULT_HOSTS
    machine.trust(fleet.root(), seed)
    machine.hosts = old
    disk = disk_of(machine, FILE_SYSTEMS[name])
    before = len(read_log(disk.log))
    done = run([*disk.mounts.prefix(), *machine.command("apply")])
    assert done.code == 0, str(done)
    reported = len(read_log(disk.log))
    disk.stop(machine.path / "etc")
    entries = read_log(disk.log)
    assert None in entries[before:reported], "apply made nothing durable"

    counts = {"old": 0, "new": 0, "with a left-over": 0}
    for end, lost, hosts, left in replay(disk, entries):
        where = f"after {end} of {len(entries)} entries, without {lost}; success was reported after {reported}"
        assert hosts in (old, new), f"{where}: {hosts[:200]!r}"
        assert hosts == new or end < reported, where
        counts["new" if hosts == new else "old"] += 1
        counts["with a left-over"] += left
    print(f"{name}: {len(entries)} entries, reported after {reported}: {counts}")
    assert counts["old"] and counts["new"]


@pytest.mark.long
def test_the_replay_shows_what_a_careless_writer_leaves(machine, disk_of):
    """The instrument is not blind: written to a new file and renamed without a sync, the file can come up empty."""
    machine.hosts = DEFAULT_HOSTS
    disk = disk_of(machine, FILE_SYSTEMS["ext4 noauto_da_alloc"])
    hosts = machine.hosts_path
    new = DEFAULT_HOSTS + b"# more\n" * 1000
    (machine.path / "new").write_bytes(new)
    run([*disk.mounts.prefix(), "sh", "-c", f"cat {machine.path}/new > {hosts}.new && mv {hosts}.new {hosts}"])
    # Somebody else's sync commits the rename before the bytes are on disk.
    run([*disk.mounts.prefix(), "sh", "-c", f"echo x > {hosts}.other && sync {hosts}.other"])
    disk.stop(machine.path / "etc")
    found = {hosts for _, _, hosts, _ in replay(disk, read_log(disk.log))}
    assert found - {DEFAULT_HOSTS, new}, "every state was whole"
