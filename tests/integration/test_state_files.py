"""Every file of the state directory, damaged in every way: the floor holds, the block stays, the message says
what happened, and the next good manifest is adopted."""

import json
import random

import pytest
from support.block import expected_block
from support.fleet import Publication
from support.machine import DEFAULT_HOSTS, Machine, source

FILES = ("manifest.note", "root/1.note", "root/2.note", "status.json")


def truncated(bytes_: bytes, older: bytes) -> bytes:
    return bytes_[: len(bytes_) // 2]


def emptied(bytes_: bytes, older: bytes) -> bytes:
    return b""


def noise(bytes_: bytes, older: bytes) -> bytes:
    return random.Random(7).randbytes(len(bytes_))


def older_valid_one(bytes_: bytes, older: bytes) -> bytes:
    return older


def deleted(bytes_: bytes, older: bytes):
    return None


class Held:
    """Root 2 and manifest 5 are held, over the baked root 1 and the seed 3; the source is a directory."""

    def __init__(self, tmp_path, programs, fleet):
        self.fleet = fleet
        self.publication = Publication(tmp_path / "publication")
        self.machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), fleet.manifest(3))
        self.machine.configure(source(self.publication.file_url))
        self.offer(4)
        self.older = {"root/1.note": fleet.root(2), "root/2.note": fleet.root(1), "manifest.note": self.four,
                      "status.json": (self.machine.state_path / "status.json").read_bytes()}
        self.publication.offer_root(2, fleet.root(2))
        self.five = self.offer(5, min_root=2)
        self.block = expected_block(self.five, root=2) + DEFAULT_HOSTS
        assert self.machine.hosts == self.block

    def offer(self, version: int, **changes) -> bytes:
        signed = self.fleet.manifest(version, **changes)
        self.publication.offer(signed)
        done = self.machine.hostspin("refresh")
        assert done.code == 0, str(done)
        if version == 4:
            self.four = signed
        return signed

    def damage(self, name: str, how):
        path = self.machine.state_path / name
        bytes_ = how(path.read_bytes(), self.older[name])
        if bytes_ is None:
            path.unlink()
        else:
            path.write_bytes(bytes_)


@pytest.fixture
def held(tmp_path, programs, fleet) -> Held:
    return Held(tmp_path, programs, fleet)


def what_is_said(name: str, how) -> tuple:
    """Words of which one must be in what `apply` says; none where the file is not needed for any verdict."""
    if name == "manifest.note":
        if how is older_valid_one:
            return ("newer than the stored manifest 4",)
        return ("state-lost",) if how is deleted else ("manifest.note",)
    if name == "root/2.note":
        return ("root 2", "root/2.note")
    return ()


@pytest.mark.parametrize("how", [deleted, truncated, emptied, noise, older_valid_one], ids=lambda how: how.__name__)
@pytest.mark.parametrize("name", FILES)
def test_damaged_state_file(held, name, how):
    machine = held.machine
    held.damage(name, how)

    applied = machine.hostspin("apply")
    words = what_is_said(name, how)
    if words:
        assert applied.code in (1, 2), str(applied)
        assert any(word in applied.stdout + applied.stderr for word in words), str(applied)
    else:
        assert applied.code == 0, str(applied)
    if name == "manifest.note" and how is older_valid_one:
        # What verifies decides over what the block says, and the message above says so. The pins stay.
        assert machine.hosts == expected_block(held.four, root=2) + DEFAULT_HOSTS
    else:
        assert machine.hosts == held.block, str(applied)

    # The floor: neither the seed's own version nor what the seed had left behind comes back.
    before = machine.hosts
    for version in (2, 3):
        held.publication.offer(held.fleet.manifest(version))
        refused = machine.hostspin("refresh")
        assert refused.code == 2 and machine.hosts == before, str(refused)

    held.publication.offer(held.fleet.manifest(6, min_root=2))
    healed = machine.hostspin("refresh")
    assert healed.code in (0, 1), str(healed)
    assert machine.hosts == expected_block(held.fleet.manifest(6, min_root=2), root=2) + DEFAULT_HOSTS
    trust = machine.hostspin("trust", "--output", "json")
    assert trust.code == 0 and json.loads(trust.stdout)["chain"][-1]["version"] == 2, str(trust)
    assert machine.hostspin("status").code in (0, 1)


@pytest.mark.parametrize("how", [deleted, truncated, noise], ids=lambda how: how.__name__)
def test_all_state_files_damaged_at_once(held, how):
    machine = held.machine
    for name in FILES:
        held.damage(name, how)
    applied = machine.hostspin("apply")
    assert applied.code == 2 and "state-lost" in applied.stdout, str(applied)
    assert machine.hosts == held.block
    held.publication.offer(held.four)  # valid, and older than the block says
    refused = machine.hostspin("refresh")
    assert refused.code == 2 and machine.hosts == held.block, str(refused)
    held.publication.offer(held.fleet.manifest(6, min_root=2))
    healed = machine.hostspin("refresh")
    assert healed.code in (0, 1), str(healed)
    assert machine.hosts == expected_block(held.fleet.manifest(6, min_root=2), root=2) + DEFAULT_HOSTS


def test_a_directory_in_a_files_place(held):
    """What cannot even be read is said, and the block stays."""
    path = held.machine.state_path / "manifest.note"
    path.unlink()
    path.mkdir()
    applied = held.machine.hostspin("apply")
    assert applied.code == 2 and "manifest.note" in applied.stdout + applied.stderr, str(applied)
    assert held.machine.hosts == held.block


def test_a_lost_state_is_told_by_every_command_that_judges(held):
    """The seed alone is older than the block: the block stays, and what is in the file is called right by nobody."""
    for name in FILES:
        held.damage(name, deleted)
    applied = held.machine.hostspin("apply")
    assert applied.code == 2 and held.machine.hosts == held.block, str(applied)
    status = held.machine.hostspin("status")
    assert status.code == 2 and "state-lost" in status.stdout, str(status)
    verified = held.machine.hostspin("verify", "--offline")
    assert verified.code == 2 and "newer than this machine's state" in verified.stdout, str(verified)
    assert held.machine.hosts == held.block
