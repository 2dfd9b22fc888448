"""Where the hosts file may stand: on full and read-only disks, immutable, mounted, behind symlinks. Each has its
named outcome and remedy, and the file is intact."""

import json
import os
import shutil

import pytest
from support.block import expected_block
from support.machine import DEFAULT_HOSTS
from support.mounts import Mounts
from support.namespace import Unavailable
from support.process import run

CRITICAL, UNKNOWN = 2, 3
UNPRIVILEGED_ROOT = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
FOREIGN = (1234, 2345)


@pytest.fixture
def mounts():
    made = Mounts()
    yield made
    made.close()


@pytest.fixture
def seed(machine, fleet) -> bytes:
    note = fleet.manifest(4)
    machine.trust(fleet.root(), note)
    return note


def refused(machine, code: str, remedy: str, *, prefix=(), exit_code=CRITICAL):
    """An apply that fails by name, in JSON and in words."""
    done = run([*prefix, *machine.command("apply", "--output", "json")])
    assert done.code == exit_code, str(done)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == code and remedy in error["hint"], error
    assert done.lines("hint") == [error["hint"]], str(done)


def hosts_in(mounts, machine) -> bytes:
    return mounts.inside(machine.hosts_path).read_bytes()


def needs(*programs) -> None:
    for program in programs:
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            raise Unavailable(f"needs the program {program}")


def mount_etc(mounts, machine, *mount) -> None:
    """Puts a file system of its own over the machine's etc, with what stood there."""
    etc = machine.path / "etc"
    copy = machine.path / "etc.copy"
    shutil.copytree(etc, copy)
    mounts.run("mount", *mount, etc)
    mounts.run("cp", "-a", f"{copy}/.", etc)


def test_full_tmpfs(machine, seed, mounts):
    mount_etc(mounts, machine, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    full = run([*mounts.prefix(), "dd", "if=/dev/zero", f"of={machine.path}/etc/filler", "bs=4096"])
    assert "No space left" in full.stderr, str(full)

    refused(machine, "disk_full", "free space", prefix=mounts.prefix())

    assert hosts_in(mounts, machine) == DEFAULT_HOSTS
    mounts.run("rm", machine.path / "etc/filler")
    assert run([*mounts.prefix(), *machine.command("apply")]).code == 0
    assert hosts_in(mounts, machine) == expected_block(seed) + DEFAULT_HOSTS


def loop_file_system(mounts, machine, kind: str, *options) -> None:
    needs(f"mkfs.{kind}", "losetup")
    image = machine.path / "image"
    with open(image, "wb") as file:
        file.truncate(320 << 20 if kind == "xfs" else 4 << 20)  # the least that mkfs.xfs takes
    mounts.run(f"mkfs.{kind}", "-q", *options, image)
    mount_etc(mounts, machine, "-o", "loop", image)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_full_disk(machine, seed, mounts, kind):
    loop_file_system(mounts, machine, kind)
    for size in ("1M", "4k", "1k"):  # the last bytes, too
        run([*mounts.prefix(), "dd", "if=/dev/zero", f"of={machine.path}/etc/filler{size}", f"bs={size}", "conv=fsync"])

    refused(machine, "disk_full", "free space", prefix=mounts.prefix())

    assert hosts_in(mounts, machine) == DEFAULT_HOSTS


def test_read_only_mount(machine, seed, mounts):
    etc = machine.path / "etc"
    mounts.run("mount", "--bind", etc, etc)
    mounts.run("mount", "-o", "remount,bind,ro", etc)

    refused(machine, "read_only", "remount it writable", prefix=mounts.prefix())

    assert machine.hosts == DEFAULT_HOSTS and machine.litter() == []


@pytest.mark.parametrize("which", ["etc/hosts", "etc"])
def test_immutable(machine, seed, mounts, which):
    needs("chattr")
    loop_file_system(mounts, machine, "ext4")
    mounts.run("chattr", "+i", machine.path / which)

    refused(machine, "immutable", "chattr -i", prefix=mounts.prefix())

    assert hosts_in(mounts, machine) == DEFAULT_HOSTS
    mounts.run("chattr", "-i", machine.path / which)
    assert run([*mounts.prefix(), *machine.command("apply")]).code == 0


def test_bind_mounted_file(machine, seed, mounts):
    elsewhere = machine.path / "elsewhere"
    elsewhere.write_bytes(DEFAULT_HOSTS)
    mounts.run("mount", "--bind", elsewhere, machine.hosts_path)

    refused(machine, "bind_mount", "in-place", prefix=mounts.prefix())

    assert hosts_in(mounts, machine) == DEFAULT_HOSTS and machine.litter() == []
    machine.configure(text='[hosts]\nwrite = "in-place"\n')
    machine.state_path.mkdir(exist_ok=True)
    before = elsewhere.stat().st_ino
    assert run([*mounts.prefix(), *machine.command("apply")]).code == 0
    assert elsewhere.read_bytes() == hosts_in(mounts, machine) == expected_block(seed) + DEFAULT_HOSTS
    assert elsewhere.stat().st_ino == before
    assert (machine.state_path / "hosts.prev").read_bytes() == DEFAULT_HOSTS


def test_in_place_is_for_mount_points_alone(machine, seed):
    machine.configure(text='[hosts]\nwrite = "in-place"\n')
    before = machine.hosts_path.stat().st_ino
    assert machine.hostspin("apply").code == 0
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS
    assert machine.hosts_path.stat().st_ino != before


def test_dangling_symlink(machine, seed):
    """Into a directory that is there, the file is made; into none, it is refused and stays as it is."""
    machine.hosts_path.unlink()
    machine.hosts_path.symlink_to("hosts.real")
    done = machine.hostspin("apply")
    assert done.code == 0, str(done)
    assert machine.hosts_path.is_symlink()
    made = expected_block(seed) + b"127.0.0.1\tlocalhost\n::1\tlocalhost\n"
    assert (machine.path / "etc/hosts.real").read_bytes() == made

    machine.hosts_path.unlink()
    machine.hosts_path.symlink_to("../nowhere/hosts")
    refused(machine, "not_found", "check the path", exit_code=UNKNOWN)
    assert os.readlink(machine.hosts_path) == "../nowhere/hosts" and not (machine.path / "nowhere").exists()


def test_chained_symlinks_are_kept(machine, seed):
    store = machine.path / "store"
    store.mkdir()
    (store / "hosts").write_bytes(DEFAULT_HOSTS)
    machine.hosts_path.unlink()
    machine.hosts_path.symlink_to("hosts.first")
    (machine.path / "etc/hosts.first").symlink_to("../store/second")
    (store / "second").symlink_to("hosts")

    done = machine.hostspin("apply")

    assert done.code == 0, str(done)
    assert (store / "hosts").read_bytes() == expected_block(seed) + DEFAULT_HOSTS
    assert [os.readlink(path) for path in (machine.hosts_path, machine.path / "etc/hosts.first", store / "second")] == [
        "hosts.first", "../store/second", "hosts"]
    assert sorted(path.name for path in store.iterdir()) == ["hosts", "second"]


def test_symlinks_in_a_circle(machine, seed):
    machine.hosts_path.unlink()
    machine.hosts_path.symlink_to("hosts.again")
    (machine.path / "etc/hosts.again").symlink_to("hosts")
    refused(machine, "symlink_refused", "--hosts-file")


def test_absolute_symlink_never_leaves_the_root(machine, seed, tmp_path):
    """An image's /etc/hosts -> /run/hosts is the image's, whatever stands there on the machine that bakes it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hosts").write_bytes(DEFAULT_HOSTS)
    machine.hosts_path.unlink()
    machine.hosts_path.symlink_to(outside / "hosts")

    nowhere = machine.hostspin("apply")  # there is no such directory inside
    assert nowhere.code not in (0, 1), str(nowhere)
    inside = machine.path / str(outside).lstrip("/")
    inside.mkdir(parents=True)
    done = machine.hostspin("apply")

    assert done.code in (0, 1), str(done)
    assert (inside / "hosts").read_bytes().startswith(expected_block(seed))
    assert (outside / "hosts").read_bytes() == DEFAULT_HOSTS
    assert [path.name for path in outside.iterdir()] == ["hosts"]


@pytest.mark.parametrize("climb", ["../../../../../../../../etc", "/../../../../../etc"])
def test_a_symlink_cannot_climb_out_of_the_root(machine, seed, climb):
    machine.hosts_path.rename(machine.path / "etc/hosts.real")
    machine.hosts_path.symlink_to(f"{climb}/hosts.real")
    done = machine.hostspin("apply")
    assert done.code == 0, str(done)
    assert (machine.path / "etc/hosts.real").read_bytes() == expected_block(seed) + DEFAULT_HOSTS


def test_hard_link(machine, seed):
    other = machine.path / "etc/hosts.link"
    os.link(machine.hosts_path, other)

    done = machine.hostspin("apply")

    assert done.code == 1 and "hard link" in done.stderr, str(done)
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS
    assert other.read_bytes() == DEFAULT_HOSTS


def test_a_fifo_or_directory_in_its_place_is_refused(machine, seed):
    machine.hosts_path.unlink()
    os.mkfifo(machine.hosts_path)
    assert machine.hostspin("apply").code == CRITICAL
    assert machine.hosts_path.is_fifo()
    machine.hosts_path.unlink()
    machine.hosts_path.mkdir()
    assert machine.hostspin("apply").code == CRITICAL
    assert machine.hosts_path.is_dir() and machine.litter() == []


def test_metadata_survives(machine, seed):
    """As root: owner, mode, ACL, extended attributes, and an SELinux label set by hand."""
    needs("setfattr", "setfacl")
    if os.geteuid() != 0:
        raise Unavailable("needs root, to give the file away")
    path = machine.hosts_path
    os.chown(path, *FOREIGN)
    path.chmod(0o640)
    for command in (["setfacl", "-m", "u:4321:r", path], ["setfattr", "-n", "user.note", "-v", "kept", path],
                    ["setfattr", "-n", "security.selinux", "-v", "system_u:object_r:net_conf_t:s0", path]):
        done = run(command)
        if done.code != 0:
            raise Unavailable(str(done))

    def metadata() -> tuple:
        status = path.stat()
        dumps = [run(["getfacl", "-cpn", path]), run(["getfattr", "-d", "-m", "-", "--absolute-names", path])]
        return status.st_uid, status.st_gid, status.st_mode, [dump.stdout for dump in dumps]

    before, inode = metadata(), path.stat().st_ino
    assert "u:4321:r" in before[3][0].replace("user", "u") and "net_conf_t" in before[3][1], before
    assert machine.hostspin("apply").code == 0
    assert path.stat().st_ino != inode
    assert metadata() == before


def test_foreign_owner_without_capabilities(machine, seed):
    """As in the units: uid 0 without a capability cannot keep somebody else's file somebody else's."""
    needs("setpriv")
    os.chown(machine.hosts_path, *FOREIGN)
    before = machine.identity()

    refused(machine, "foreign_owner", "chown root:root", prefix=UNPRIVILEGED_ROOT)

    assert machine.identity() == before and machine.litter() == []
    os.chown(machine.hosts_path, 0, 0)
    assert run([*UNPRIVILEGED_ROOT, *machine.command("apply")]).code == 0
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_a_file_cut_short_is_read_again(machine, seed):
    """A file without localhost, as in the middle of a truncation, gets a moment; then it is reported loudly."""
    machine.hosts = b""
    done = machine.hostspin("apply")
    assert done.code == 1 and "localhost" in done.stderr, str(done)
    assert machine.hosts == expected_block(seed)
