"""A root that takes a manifest key out: the epoch, what still holds, and what to sign and publish in which order."""

import base64
import hashlib
import os

import pytest
from desk_support import FLEET, Desk
from support.machine import Machine

ALICE, BOB, CAROL = (f"{FLEET}/manifest-{number}" for number in (1, 2, 3))
PUBLISHED = "public/manifest.note"


def sign_manifest(fleet: Desk, *numbers, root="public", out=PUBLISHED, more=()):
    keys = [word for number in numbers for word in ("--key", f"keys/manifest-{number}.key")]
    return fleet.ok("sign", "manifest.toml", "--root", root, *keys, *more, "-o", out)


def sign_root(fleet: Desk, name="root-2", out="root-2.note"):
    return fleet.ok("sign", f"{name}.toml", "--key", "keys/root-1.key", "--key", "keys/root-2.key", "--previous",
                    "public/root/1.note", "-o", out)


def set_version(fleet: Desk, version: int):
    lines = [f"version = {version}" if line.startswith("version =") else line
             for line in fleet.text("manifest.toml").splitlines()]
    fleet.write("manifest.toml", "\n".join(lines) + "\n")


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    """Two of three must sign a manifest; version 7 is published, signed by Alice and Bob."""
    made = Desk(tmp_path / "desk", programs.sign).fleet("--manifest-threshold", "2")
    set_version(made, 7)
    sign_manifest(made, 1, 2)
    return made


def next_root(fleet: Desk, *changes, code=0):
    for name in ("root-2.toml", "root-2.note"):
        fleet.path(name).unlink(missing_ok=True)
    if code:
        return fleet.refused(code, "root", "next", "public", *changes, "-o", "root-2.toml")
    return fleet.ok("root", "next", "public", *changes, "-o", "root-2.toml")


def test_revoked_signer(fleet):
    """Taking out one who signed what is published would leave the whole fleet critical: the desk says so, names her,
    and the next epoch begins, under which nothing of hers counts."""
    said = next_root(fleet, "--remove-manifest-key", ALICE)
    assert "epoch = 2\nmin_version = 1\n" in fleet.text("root-2.toml")
    digest = hashlib.sha256(fleet.ok("text", PUBLISHED).out).hexdigest()
    assert f"{PUBLISHED}, version 7, sha256 {digest}" in said.err
    warning = said.messages("warning")[0]
    assert "does not hold under root 2" in warning and f"{ALICE} signed it and is taken out" in warning
    assert "every host goes critical" in warning
    # Whoever signs or checks that root is told as well.
    assert "[drops-published]" in sign_root(fleet).err
    checked = fleet.run("check", "root-2.note", "--previous", "public/root/1.note", "--ignore", "no-spare-key")
    assert checked.code == 1 and "[drops-published]" in checked.text and ALICE in checked.text


def test_one_who_did_not_sign_it_opens_the_next_epoch_too(fleet):
    """What else she signed, nobody knows."""
    said = next_root(fleet, "--remove-manifest-key", CAROL)
    assert "epoch = 2\n" in fleet.text("root-2.toml")
    assert "does not hold under root 2" in said.messages("warning")[0]


def test_the_steps_that_it_prints_lead_to_a_fleet_that_is_well(fleet, programs, tmp_path):
    """Each line as it is printed, and a host that follows: published in that order, nothing is ever refused."""
    machine = Machine(tmp_path / "machine", programs).trust(fleet.path("public/root/1.note").read_bytes())
    assert machine.hostspin("refresh", "--from", fleet.path("public")).code in (0, 1)
    said = next_root(fleet, "--remove-manifest-key", ALICE)
    steps = [line.strip().split() for line in said.err.splitlines() if line.startswith("  hostspin-sign ")]
    assert [step[1] for step in steps] == ["sign", "bump", "sign"]
    for step in steps:
        keys = {"root-2.toml": ("root-1", "root-2"), "manifest.toml": ("manifest-2", "manifest-3")}[step[2]]
        if "KEY" not in step:
            fleet.ok(*step[1:])
            continue
        for key in keys:
            fleet.ok(*(f"keys/{key}.key" if word == "KEY" else word for word in step[1:]))
    assert "epoch = 2\nversion = 8\n" in fleet.ok("text", "manifest.note").text
    assert said.err.rstrip().endswith("the root's file first: as root/2.note, then manifest.note")
    os.rename(fleet.path("root-2.note"), fleet.path("public/root/2.note"))
    os.rename(fleet.path("manifest.note"), fleet.path(PUBLISHED))
    done = machine.hostspin("refresh", "--from", fleet.path("public"))
    assert done.code in (0, 1) and b" epoch=2 version=8 " in machine.hosts, str(done)
    assert fleet.run("check", PUBLISHED, "--root", "public", "--signed").code == 0


class TestSameEpoch:
    """For one who leaves on good terms."""

    def test_min_version_becomes_the_published_one(self, fleet):
        said = next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch")
        assert "epoch = 1\nmin_version = 7\n" in fleet.text("root-2.toml")
        assert "it holds under root 2, too" in said.err and said.messages("warning") == []
        assert "publish it as root/2.note" in said.err

    def test_a_higher_min_version_may_be_asked_for(self, fleet):
        said = next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch", "--min-version", "9")
        assert "epoch = 1\nmin_version = 9\n" in fleet.text("root-2.toml")
        assert "below the min_version 9" in said.messages("warning")[0]

    def test_a_signer_of_what_is_published_is_flagged(self, fleet):
        said = next_root(fleet, "--remove-manifest-key", BOB, "--same-epoch")
        warning = said.messages("warning")[0]
        assert "1 of 2 signatures" in warning and f"{BOB} signed it" in warning
        sign_manifest(fleet, 3)  # Carol signs the same text, too
        said = next_root(fleet, "--remove-manifest-key", BOB, "--same-epoch")
        assert "it holds under root 2, too" in said.err and said.messages("warning") == []

    @pytest.mark.parametrize("version, code", [(1001, 0), (1002, 2)])
    def test_a_jump_of_more_than_1000_wants_the_next_epoch(self, fleet, version, code):
        set_version(fleet, version)
        sign_manifest(fleet, 1, 2)
        said = next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch", code=code)
        if code:
            assert "more than 1,000" in said.messages("error")[0] and "--next-epoch" in said.messages("hint")[0]
            assert not fleet.path("root-2.toml").exists()

    def test_it_needs_what_is_published(self, fleet):
        fleet.path(PUBLISHED).rename(fleet.path("kept.note"))
        said = next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch", code=3)
        assert "--published" in said.messages("hint")[0]
        next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch", "--published", "kept.note")
        assert "min_version = 7\n" in fleet.text("root-2.toml")

    def test_it_is_about_a_key_that_is_taken_out(self, fleet):
        next_root(fleet, "--same-epoch", code=3)
        next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch", "--next-epoch", code=3)


def test_a_key_that_only_changes_its_name_is_not_taken_out(fleet):
    old = next(line for line in fleet.text("keys/manifest-3.vkey").splitlines())
    public = fleet.write("carol.raw", old.split("+", 2)[2])
    fleet.write("renamed.pub", base64.b64decode(public.read_text())[1:])
    fleet.write("renamed.vkey", fleet.ok("vkey", "example.com/carol", "renamed.pub").out)
    next_root(fleet, "--remove-manifest-key", CAROL, "--add-manifest-key", "renamed.vkey")
    assert "epoch = 1\nmin_version = 1\n" in fleet.text("root-2.toml")


def test_what_is_not_complete_under_the_root_is_not_what_is_published(fleet):
    """A note slipped there, or a half-signed one, moves nothing."""
    set_version(fleet, 900)
    fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "x.note")
    half = fleet.path("manifest.pending.note").read_bytes()
    fleet.write("half.note", half)
    said = next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch", "--published", "half.note", code=2)
    assert f"signed by 1 of the 3 keys ({ALICE})" in said.messages("error")[0]
    fleet.write(PUBLISHED, half)
    said = next_root(fleet, "--add-name", "time")
    assert "does not hold under root 1" in said.messages("warning")[0]


@pytest.mark.parametrize("changes", [["--add-name", "time"], ["--remove-root-key", f"{FLEET}/root-3"], []])
def test_other_changes_keep_the_epoch_and_what_is_published(fleet, changes):
    said = next_root(fleet, *changes)
    assert "epoch = 1\nmin_version = 1\n" in fleet.text("root-2.toml")
    assert "it holds under root 2, too" in said.err


def test_what_no_longer_may_be_pinned_is_said(fleet):
    said = next_root(fleet, "--remove-network", "10.0.0.0/8", "--add-network", "192.0.2.0/24")
    assert "outside the root's networks" in said.messages("warning")[0]


@pytest.mark.parametrize("version, code", [(1007, 0), (1008, 2)])
def test_min_version_far_above_what_is_published_is_refused(fleet, version, code):
    said = next_root(fleet, "--min-version", str(version), code=code)
    if code:
        assert "more than 1,000" in said.messages("error")[0]


@pytest.mark.parametrize("minimum, version", [("9", 9), ("8", 8), ("3", 8)])
def test_bump_starts_at_the_min_version_of_its_root(fleet, minimum, version):
    """The line that 'root next' prints leads to a manifest that is not refused."""
    said = next_root(fleet, "--remove-manifest-key", ALICE, "--min-version", minimum)
    sign_root(fleet)
    bump = next(line.split() for line in said.err.splitlines() if line.startswith("  hostspin-sign bump "))
    fleet.ok(*bump[1:])
    assert f"\nversion = {version}\n" in fleet.text("manifest.toml")
    sign_manifest(fleet, 2, 3, root="root-2.note", out="manifest.note", more=("--previous", PUBLISHED))


def test_bump_never_goes_back(fleet):
    next_root(fleet, "--min-version", "9")
    sign_root(fleet)
    set_version(fleet, 40)
    fleet.ok("bump", "manifest.toml", "--root", "root-2.note")
    assert "\nversion = 41\n" in fleet.text("manifest.toml")
