"""Where documents may stand: no draft in the place of a note that hosts fetch, and no note where none would take it."""

import fcntl
import os

import pytest
from desk_support import Desk

PUBLISHED = "public/manifest.note"
SIGN = ("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", PUBLISHED)


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    """One signature is enough; version 1 is published."""
    made = Desk(tmp_path / "desk", programs.sign).fleet()
    made.ok(*SIGN)
    return made


def signed_lines(fleet: Desk, name: str) -> int:
    return fleet.text(name).count("\n\u2014 ")


@pytest.mark.parametrize("command", [
    ["bump", PUBLISHED], ["bump", "manifest.toml", "-o", PUBLISHED], ["bump", PUBLISHED, "-o", "other.note"],
    ["text", "manifest.toml", "-o", PUBLISHED], ["text", PUBLISHED, "-o", PUBLISHED],
    ["text", "manifest.toml", "-o", "public/root/1.note"], ["bump", "manifest.toml", "-o", "link.note"],
    ["bump", "manifest.toml", "-o", "half.note"]], ids=" ".join)
def test_no_draft_takes_the_place_of_a_note(fleet, command):
    """Hosts would find a text without signatures where they fetch a complete note."""
    fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "other.note")
    fleet.write("half.note", fleet.path(PUBLISHED).read_bytes())
    os.symlink(PUBLISHED, fleet.path("link.note"))
    before = {str(path): path.read_bytes() for path in fleet.directory.rglob("*") if path.is_file()}
    said = fleet.refused(3, *command)
    assert "signature" in said.messages("error")[0] and command[-1] in said.messages("error")[0], str(said)
    if command[0] == "bump":
        assert "-o manifest.toml" in said.messages("hint")[0], str(said)
    assert {str(path): path.read_bytes() for path in fleet.directory.rglob("*") if path.is_file()} == before
    assert signed_lines(fleet, PUBLISHED) == 1


def test_the_next_edition_of_a_published_note_goes_to_the_draft(fleet):
    fleet.ok("bump", PUBLISHED, "-o", "manifest.toml")
    assert "\nversion = 2\n" in fleet.text("manifest.toml") and signed_lines(fleet, "manifest.toml") == 0
    assert signed_lines(fleet, PUBLISHED) == 1


@pytest.mark.parametrize("place", ["public/root/2.note", "public/root/17.note", "./public//root/2.note", "root/2.note",
                                   "public/link/2.note"])
@pytest.mark.parametrize("command", [["root", "next", "public"], ["root", "new"], ["text", "root-2.toml"]], ids=" ".join)
def test_no_draft_of_a_root_stands_where_hosts_fetch_roots(fleet, command, place):
    """They would be offered a root that nobody has signed, and later find another text under its number."""
    if command[0] == "text":
        fleet.ok("root", "next", "public", "-o", "root-2.toml")
    if command == ["root", "new"]:
        command = [*command, "--fleet", "p", "--root-key", "keys/root-1.vkey", "--manifest-key", "keys/manifest-1.vkey",
                   "--names", "a.example", "--networks", "10.0.0.0/8"]
    os.mkdir(fleet.path("root"))
    os.symlink("root", fleet.path("public/link"))
    said = fleet.refused(3, *command, "-o", place)
    assert place in said.messages("error")[0] and "root-" in said.messages("hint")[0], str(said)
    assert os.listdir(fleet.path("public/root")) == ["1.note"] and os.listdir(fleet.path("root")) == []
    for draft in ("root-next.toml", "public/root/2.toml"):
        fleet.ok(*command, "-o", draft)


def test_the_help_puts_a_root_beside_its_draft(fleet):
    for command in (["sign"], ["root", "next"]):
        said = fleet.ok(*command, "--help").text
        assert "-o root-2.note" in said and "-o public/root/2.note" not in said


class TestWhereTheCompleteNoteGoes:
    """A place that would fail, or a note that no host takes there, is told before anybody signs in vain."""

    @pytest.fixture
    def ahead(self, fleet) -> Desk:
        """Root 2 opens another epoch and is complete, but not published; the draft is the manifest under it."""
        fleet.ok("root", "next", "public", "--next-epoch", "-o", "root-2.toml")
        fleet.ok("sign", "root-2.toml", "--key", "keys/root-1.key", "--key", "keys/root-2.key", "--previous",
                 "public/root/1.note", "-o", "root-2.note")
        fleet.ok("bump", "manifest.toml", "--root", "root-2.note")
        return fleet

    SIGN_AHEAD = ("sign", "manifest.toml", "--root", "root-2.note", "--key", "keys/manifest-1.key", "--previous",
                  PUBLISHED, "-o", PUBLISHED)

    def test_a_manifest_is_not_published_before_its_root(self, ahead):
        before = ahead.path(PUBLISHED).read_bytes()
        said = ahead.refused(2, *self.SIGN_AHEAD)
        assert "root 1" in said.messages("error")[0] and f"'{PUBLISHED}'" in said.messages("error")[0]
        hint = said.messages("hint")[0]
        assert "publish" in hint and "root 2" in hint and "'manifest.pending.note'" in hint, str(said)
        assert ahead.path(PUBLISHED).read_bytes() == before
        # The signature is kept, and what the hint says leads on.
        os.rename(ahead.path("root-2.note"), ahead.path("public/root/2.note"))
        ahead.ok("sign", "manifest.pending.note", "--root", "public", "--key", "keys/manifest-1.key", "-o", PUBLISHED)
        ahead.ok("check", PUBLISHED, "--root", "public", "--signed")

    def test_nor_under_a_root_that_hosts_have_left(self, ahead):
        os.rename(ahead.path("root-2.note"), ahead.path("public/root/2.note"))
        ahead.replace("manifest.toml", "epoch = 2", "epoch = 1")
        said = ahead.refused(2, "sign", "manifest.toml", "--root", "public/root/1.note", "--key", "keys/manifest-1.key",
                             "-o", PUBLISHED)
        assert "root 2" in said.messages("error")[0] and "--root public" in said.messages("hint")[0], str(said)

    def test_elsewhere_it_may_wait_for_its_root(self, ahead):
        ahead.ok(*self.SIGN_AHEAD[:-1], "manifest.note")

    @pytest.mark.parametrize("place", ["pubic/manifest.note", "public", "link.note", "manifest.toml/x.note",
                                       "public/root/1.note"])
    def test_a_mistyped_place_is_told_before_the_question(self, fleet, place):
        fleet.ok("bump", "manifest.toml")
        os.symlink(PUBLISHED, fleet.path("link.note"))
        said = fleet.run("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", place,
                         agree=False)
        assert said.code == 3 and place in said.messages("error")[0], str(said)
        assert "sha256" not in said.err and not fleet.path("manifest.pending.note").exists()

    def test_a_place_that_goes_meanwhile_costs_no_signature(self, fleet):
        fleet.ok("bump", "manifest.toml")
        os.mkdir(fleet.path("new"))
        code, screen = fleet.on_terminal(["sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key",
                                          "-o", "new/manifest.note"], ["yes"],
                                         before_answer=lambda: os.rmdir(fleet.path("new")))
        assert code == 3 and "the signed note is in 'manifest.pending.note'" in screen, screen
        fleet.ok("check", "manifest.pending.note", "--root", "public", "--signed")


def test_a_hint_names_the_draft_not_the_pending_note(tmp_path, programs):
    """'bump' takes a draft."""
    fleet = Desk(tmp_path / "desk", programs.sign).fleet("--manifest-threshold", "2")
    two = ("--key", "keys/manifest-2.key", "--key", "keys/manifest-3.key")
    fleet.ok(*SIGN)
    fleet.write("other.toml", fleet.text("manifest.toml").replace("10.0.0.10", "10.0.0.12"))
    fleet.ok("sign", "other.toml", "--root", "public", *two, "-o", PUBLISHED)
    second = ("sign", "manifest.pending.note", "--root", "public", "--key", "keys/manifest-2.key", "-o", PUBLISHED)
    said = fleet.refused(2, *second)
    assert "hostspin-sign bump 'manifest.toml'" in said.messages("hint")[0], str(said)
    said = fleet.refused(3, "bump", "manifest.pending.note")
    assert "manifest.toml" in said.messages("hint")[0]
    pending = fleet.text("manifest.pending.note")
    fleet.path("manifest.toml").unlink()
    fleet.write("manifest.pending.note", pending)
    said = fleet.refused(2, *second)
    assert "'manifest.toml'" in said.messages("hint")[0] and "bump 'manifest.pending.note'" not in said.err


@pytest.mark.slow
def test_two_drafts_with_one_place_take_the_same_lock(fleet):
    """Each is judged against what is published while nobody else can publish there, wherever the drafts lie."""
    os.mkdir(fleet.path("mine"))
    fleet.ok("bump", "manifest.toml", "-o", "mine/manifest.toml")
    sign = ("sign", "mine/manifest.toml", *SIGN[2:])
    place = os.open(fleet.path("public"), os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)  # as another signer does, whose draft lies elsewhere
        said = fleet.refused(3, *sign)
        assert "another process holds directory" in said.messages("error")[0] and "public" in said.messages("error")[0]
        assert "\nversion = 1\n" in fleet.text(PUBLISHED)
    finally:
        os.close(place)
    fleet.ok(*sign)
    assert "\nversion = 2\n" in fleet.text(PUBLISHED)
