"""Attacks through what a machine remembers, and through what the network tells it about itself."""

import shutil

import pytest
from support.block import expected_block
from support.fleet import Key, Publication, service
from support.machine import DEFAULT_HOSTS, source
from support.mounts import Mounts
from support.process import run

NAME = "db.svc.example.com"
OLD = [service(NAME, ["10.1.2.3"])]
NEW = [service(NAME, ["10.7.7.7"])]


@pytest.fixture
def mirror(machine, publication):
    """A machine whose only source is a directory, which it may find changed."""
    machine.configure(source(publication.file_url))
    return machine


def lose_state(machine) -> None:
    shutil.rmtree(machine.state_path)


def judged_lost(machine, hosts: bytes, *refresh) -> None:
    """Every command that judges says so, and the block stays."""
    for command in (["apply"], ["apply", "--unattended"], ["verify", "--offline"], ["status"], ["refresh", *refresh]):
        done = machine.hostspin(*command)
        assert done.code == 2, str(done)
        assert machine.hosts == hosts, str(done)
        assert "in step" not in done.stdout and "pinned as signed" not in done.stdout, str(done)
        assert command[0] != "refresh" or "state-lost" in done.stdout.splitlines()[0], str(done)
    assert "state-lost" in machine.hostspin("status").stdout


def new_epoch(fleet, publication):
    """Root 2 opens epoch 2 and takes the manifest's signers out; manifest 3 is by the new ones."""
    news = [Key(f"prod.example/manifest/{who}") for who in ("dave", "erin")]
    role = {"epoch": 2, "keys": [key.vkey for key in news]}
    publication.offer_root(2, fleet.root(2, manifest=role))
    return news, role


@pytest.mark.parametrize("names_root", [True, False], ids=["root in the header", "header of before"])
@pytest.mark.parametrize("with_seed", [True, False], ids=["seed", "no seed"])
def test_lost_state_after_an_epoch_change(mirror, fleet, publication, with_seed, names_root):
    """Revoked keys signed the image's seed, and a mirror replays their highest version: neither comes back."""
    machine = mirror.trust(fleet.root(), fleet.manifest(900, OLD) if with_seed else None)
    news, _ = new_epoch(fleet, publication)
    three = fleet.manifest(3, NEW, signers=news, epoch=2, min_root=2)
    publication.offer(three)
    assert machine.hostspin("refresh").code == 0
    assert machine.hosts == expected_block(three, root=2) + DEFAULT_HOSTS

    lose_state(machine)
    if not names_root:
        machine.hosts = machine.hosts.replace(b" root=2", b"")
    (publication.path / "root/2.note").rename(publication.path / "root/2.hidden")
    publication.offer(fleet.manifest(901, OLD))
    judged_lost(machine, machine.hosts)
    judged_lost(machine, machine.hosts, "--from", "/no/such/directory")

    (publication.path / "root/2.hidden").rename(publication.path / "root/2.note")
    judged_lost(machine, machine.hosts)
    publication.offer(fleet.manifest(2, OLD, signers=news, epoch=2, min_root=2))
    judged_lost(machine, machine.hosts)
    publication.offer(three)
    healed = machine.hostspin("refresh")
    assert healed.code == 0, str(healed)
    assert machine.hosts == expected_block(three, root=2) + DEFAULT_HOSTS
    assert machine.hostspin("verify", "--offline").code == 0


@pytest.mark.parametrize("with_seed", [True, False], ids=["seed", "no seed"])
def test_lost_state_with_nobody_to_ask(mirror, fleet, publication, with_seed):
    machine = mirror.trust(fleet.root(), fleet.manifest(1, OLD) if with_seed else None)
    publication.offer(fleet.manifest(2, NEW))
    assert machine.hostspin("refresh").code == 0
    lose_state(machine)
    machine.configure()
    judged_lost(machine, machine.hosts)


@pytest.mark.parametrize("claim", [b"epoch=1 version=99999", b"epoch=7 version=1"], ids=["version", "epoch"])
@pytest.mark.parametrize("with_seed", [True, False], ids=["seed", "no seed"])
def test_wrong_header_is_cured_by_a_later_root(mirror, fleet, publication, with_seed, claim):
    """A header that nothing can outrank holds adoption up until a root is published, and no longer."""
    machine = mirror.trust(fleet.root(), fleet.manifest(2, OLD) if with_seed else None)
    publication.offer(fleet.manifest(5, OLD))
    assert machine.hostspin("refresh").code == 0
    machine.hosts = machine.hosts.replace(b"epoch=1 version=5", claim)
    lose_state(machine)
    six = fleet.manifest(6, NEW)
    publication.offer(six)
    judged_lost(machine, machine.hosts)

    publication.offer_root(2, fleet.root(2))
    cured = machine.hostspin("refresh")
    assert cured.code == 0, str(cured)
    assert machine.hosts == expected_block(six, root=2) + DEFAULT_HOSTS
    assert machine.hostspin("verify", "--offline").code == 0


def test_header_never_stops_healing(mirror, fleet, publication):
    """Where the stored manifest verifies, a header that says more is repaired, at once."""
    machine = mirror.trust(fleet.root())
    five = fleet.manifest(5, OLD)
    publication.offer(five)
    assert machine.hostspin("refresh").code == 0
    machine.hosts = machine.hosts.replace(b"epoch=1 version=5", b"epoch=9 version=9").replace(b"10.1.2.3", b"10.6.6.6")
    done = machine.hostspin("apply")
    assert done.code == 1 and "epoch 9 version 9" in done.stderr, str(done)
    assert machine.hosts == expected_block(five) + DEFAULT_HOSTS


def test_trust_reset_clears_a_wrong_header(mirror, fleet, publication):
    machine = mirror.trust(fleet.root(), fleet.manifest(2, OLD))
    publication.offer(fleet.manifest(5, OLD))
    assert machine.hostspin("refresh").code == 0
    machine.hosts = machine.hosts.replace(b"epoch=1 version=5", b"epoch=9 version=9")
    lose_state(machine)
    assert machine.hostspin("apply").code == 2
    assert machine.hostspin("trust", "reset", "--yes").code == 0
    done = machine.hostspin("refresh")
    assert done.code == 0, str(done)
    assert machine.hosts == expected_block(fleet.manifest(5, OLD)) + DEFAULT_HOSTS


def test_second_valid_root_of_the_same_version(machine, tmp_path, fleet):
    """Root keys that signed two truths: the first one that was stored stays, and the other is an alarm."""
    one, other = Publication(tmp_path / "one"), Publication(tmp_path / "other")
    first = fleet.root(2)
    one.offer_root(2, first)
    other.offer_root(2, fleet.root(2, manifest={"networks": ["10.0.0.0/8", "192.0.2.0/24"]}))
    for publication in (one, other):
        publication.offer(fleet.manifest(5, OLD, min_root=2))
    machine.configure(source(one.file_url, priority=1), source(other.file_url, priority=2))

    done = machine.hostspin("refresh")

    assert done.code == 1 and "two texts were signed" in done.stderr, str(done)
    assert machine.state()["root/2.note"][0] in {first, (other.path / "root/2.note").read_bytes()}
    status = machine.hostspin("status")
    assert "alarm" in status.stdout and "another valid root" in status.stdout, str(status)
    kept = machine.state()["root/2.note"]
    assert machine.hostspin("refresh").code in (0, 1)
    assert machine.state()["root/2.note"] == kept


@pytest.mark.parametrize("file, is_own", [
    ("client-7\n", False), (None, True), ("# none yet\n", True), ("localhost\n", True), (NAME + "\n", True),
], ids=["named", "no file", "empty", "localhost", "its own"])
def test_own_name_from_the_network(machine, fleet, file, is_own):
    """Whoever answers DHCP sets the kernel's name. Where the machine has a name of its own, that takes no pin out."""
    mounts = Mounts(over_etc=True)
    try:
        if file is None:
            (machine.path / "etc/hostname").unlink()
        else:
            (machine.path / "etc/hostname").write_text(file)
        machine.state_path.mkdir(parents=True)
        mounts.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        mounts.run("mount", "--bind", machine.path / "etc", "/etc")
        seed = fleet.manifest(4, [*OLD, service("time", ["10.0.0.123"])])
        machine.trust(fleet.root(), seed)

        def hostspin(*arguments):
            rename = 'hostname "$1" && shift && exec "$@"'
            return run([*mounts.prefix(), "unshare", "--uts", "sh", "-c", rename, "sh", NAME,
                        machine.programs.hostspin, "--state-dir", machine.state_path, *arguments])

        done = hostspin("apply")
        if not is_own:
            assert done.code == 0, str(done)
            assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS
            return
        assert done.code == 1 and f"own_name: {NAME}" in done.stderr, str(done)
        assert machine.hosts == expected_block(seed, without={NAME}) + DEFAULT_HOSTS
        status = hostspin("status")
        assert status.code == 1 and f"own_name {NAME}, since" in status.stdout, str(status)
        assert hostspin("verify", "--offline").code == 1

        machine.configure(text=f'[hosts]\nown_names = ["{NAME}"]\n')
        for command in (["apply"], ["status"], ["verify", "--offline"]):
            done = hostspin(*command)
            assert done.code == 0 and "own_name" not in done.stdout + done.stderr, str(done)
    finally:
        mounts.close()
