"""Where documents may stand: no draft in the place of a note that hosts fetch, and no note where none would take it."""

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
