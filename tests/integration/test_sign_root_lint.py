"""What is said of a root to whoever signs or checks it, also of one that was written by hand, and where the published
manifest lies elsewhere."""

import pytest
from desk_support import Desk
from test_sign_root_next import ALICE, CAROL, PUBLISHED, fleet, next_root, sign_manifest  # noqa: F401

IGNORED = ("--ignore", "no-spare-key")


def lone(fleet: Desk) -> str:  # noqa: F811
    """A signer's own copy of root 1, with nothing published beside it."""
    fleet.write("lone.note", fleet.path("public/root/1.note").read_bytes())
    return "lone.note"


def sign(fleet: Desk, *more):  # noqa: F811
    fleet.path("root-2.pending.note").unlink(missing_ok=True)
    return fleet.ok("sign", "root-2.toml", "--key", "keys/root-1.key", *more, "-o", "root-2.note").err


def check(fleet: Desk, *more):  # noqa: F811
    return fleet.run("check", "root-2.toml", *IGNORED, *more)


def codes(text: str) -> set:
    return {line.split("[", 1)[1].split("]")[0] for line in text.splitlines() if " [" in line}


def test_a_signer_is_told_that_nothing_published_was_compared(fleet):  # noqa: F811
    next_root(fleet, "--remove-manifest-key", ALICE)
    previous = ("--previous", lone(fleet))
    for said in (sign(fleet, *previous), check(fleet, *previous).text):
        assert "not-compared" in codes(said) and "give --published NOTE" in said, said
        assert "drops-published" not in codes(said)
    for said in (sign(fleet, *previous, "--published", PUBLISHED), check(fleet, *previous, "--published", PUBLISHED).text):
        assert "drops-published" in codes(said) and ALICE in said, said
        assert "not-compared" not in codes(said)


def test_what_is_named_as_published_must_be_complete(fleet):  # noqa: F811
    next_root(fleet, "--remove-manifest-key", CAROL)
    fleet.replace("manifest.toml", "version = 7", "version = 8")
    half = fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "-").out
    fleet.write("half.note", half)
    for command in (("check", "root-2.toml"), ("sign", "root-2.toml", "--key", "keys/root-1.key")):
        said = fleet.refused(3, *command, "--previous", "public/root/1.note", "--published", "half.note")
        assert "half.note" in said.messages("error")[0] and "not complete" in said.messages("error")[0], said
    of_manifest = fleet.refused(3, "check", "manifest.toml", "--root", "public", "--published", PUBLISHED)
    assert "--previous" in of_manifest.messages("hint")[0]


def write_by_hand(fleet: Desk, old: str, new: str):  # noqa: F811
    next_root(fleet, "--remove-manifest-key", CAROL)
    fleet.replace("root-2.toml", "epoch = 2\nmin_version = 1\n", old)
    if new:
        fleet.replace("root-2.toml", old, new)


def found(fleet: Desk) -> tuple:  # noqa: F811
    """The findings that the signer and the checker are shown alike."""
    said = check(fleet, "--previous", "public/root/1.note")
    signed = sign(fleet, "--previous", "public/root/1.note", *IGNORED)
    assert codes(said.text) == codes(signed)
    return codes(said.text), said


@pytest.mark.parametrize("rules,code,words", [
    ("epoch = 1\nmin_version = 1\n", "key-taken-out", "and the epoch stays 1"),
    ("epoch = 3\nmin_version = 1\n", "epoch-jump", "from 1 to 3"),
    ("epoch = 1\nmin_version = 1008\n", "version-jump", "min_version"),
    ("epoch = 2\nmin_version = 1002\n", "version-jump", "min_version"),
])
def test_a_root_written_by_hand(fleet, rules, code, words):  # noqa: F811
    write_by_hand(fleet, rules, "")
    there, said = found(fleet)
    assert code in there, said
    (line,) = [line for line in said.text.splitlines() if f"[{code}]" in line]
    assert "warning" in line and words in line
    if code == "key-taken-out":
        assert CAROL in line


def test_who_leaves_on_good_terms_is_a_note(fleet):  # noqa: F811
    """`root next --same-epoch` has set min_version to what is published: nothing below it counts."""
    next_root(fleet, "--remove-manifest-key", CAROL, "--same-epoch")
    said = check(fleet, "--previous", "public/root/1.note")
    (line,) = [line for line in said.text.splitlines() if "[key-taken-out]" in line]
    assert line.strip().startswith("note ") and CAROL in line


def test_a_new_epoch_begins_with_low_versions(fleet):  # noqa: F811
    said = next_root(fleet, "--next-epoch", "--min-version", "9007199254740000", code=2)
    assert "min_version 9007199254740000 is more than 1,000 above 1" in said.messages("error")[0]
    assert not fleet.path("root-2.toml").exists()
    said = next_root(fleet, "--remove-manifest-key", CAROL, "--min-version", "1002", code=2)
    assert "more than 1,000" in said.messages("error")[0]
    next_root(fleet, "--next-epoch", "--min-version", "1001")
