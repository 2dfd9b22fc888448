"""What is signed is what was seen: each signer is shown all of it and agrees, and nothing else gets the signature."""

import hashlib
import json
import os
import time

import pytest
from desk_support import FLEET, Desk

SIGN = ("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "public/manifest.note")
SECOND = ("sign", "manifest.pending.note", "--root", "public", "--key", "keys/manifest-2.key",
          "-o", "public/manifest.note")
NAMES = [f"s{number}.{FLEET}" for number in range(1, 10)]
DROPPED = NAMES[6:]


def services(names) -> str:
    return "".join(f'\n[[service]]\nname = "{name}"\naddresses = ["10.0.1.{number}"]\ncheck = {{ tcp = {number} }}\n'
                   for number, name in enumerate(names, 1))


def pin(fleet: Desk, names):
    """The draft's services, below the head that it has."""
    head = fleet.text("manifest.toml").split("\n[[service]]", 1)[0].split("\n\n#", 1)[0]
    fleet.write("manifest.toml", head + "\n" + services(names))


def digest(fleet: Desk, name: str = "manifest.toml") -> str:
    return hashlib.sha256(fleet.ok("text", name).out).hexdigest()


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    """Two must sign; nine services are published, the draft of the next version drops a third of them."""
    made = Desk(tmp_path / "desk", programs.sign).fleet("--manifest-threshold", "2")
    pin(made, NAMES)
    made.ok(*SIGN)
    made.ok(*SECOND)
    made.ok("bump", "manifest.toml")
    pin(made, NAMES[:6])
    return made


def assert_shows_all(screen: str, text_digest: str):
    for number, name in enumerate(NAMES[:6], 1):
        assert f"  {name} 10.0.1.{number} (tcp:{number})" in screen, screen
    for number, name in enumerate(DROPPED, 7):
        assert f"  - {name} 10.0.1.{number} (tcp:{number})" in screen, screen
    assert "changes against public/manifest.note, version 1, " in screen
    assert "[shrinks]" in screen and text_digest in screen


def test_a_second_signer_sees_the_dropped_services_by_name_and_is_asked(fleet):
    """On a terminal, over the note that the first signer left: only "yes" signs."""
    fleet.ok(*SIGN)
    half = fleet.path("manifest.pending.note").read_bytes()
    published = fleet.path("public/manifest.note").read_bytes()
    for answer in ("", "no", "y", "YES", "sign", "\x04"):
        code, screen = fleet.on_terminal(SECOND, [answer])
        assert code == 3 and "not signed" in screen, screen
        assert_shows_all(screen, digest(fleet))
        assert screen.index(DROPPED[0]) < screen.index("Sign this text?")
        assert fleet.path("manifest.pending.note").read_bytes() == half
    code, screen = fleet.on_terminal(SECOND, ["yes"])
    assert code == 0 and "complete: " in screen, screen
    assert_shows_all(screen, digest(fleet))
    assert fleet.path("public/manifest.note").read_bytes().startswith(half)
    assert fleet.path("public/manifest.note").read_bytes() != published


@pytest.mark.parametrize("signer", [SIGN, SECOND], ids=["first", "second"])
def test_without_a_terminal_nobody_is_taken_to_agree(fleet, signer):
    if signer == SECOND:
        fleet.ok(*SIGN)
    before = {name: fleet.path(name).read_bytes() for name in os.listdir(fleet.directory) if fleet.path(name).is_file()}
    said = fleet.refused(3, *signer, agree=False, input=b"yes\n")
    assert_shows_all(said.err, digest(fleet))
    assert f"--sha256 {digest(fleet)}" in said.messages("hint")[0] and "--yes" in said.messages("hint")[0]
    said = fleet.refused(3, *signer, "--quiet", agree=False)  # it is shown in any case
    assert_shows_all(said.err, digest(fleet))
    for wrong in (digest(fleet)[:63], "0x" + digest(fleet)[:62], digest(fleet)[:16], "yes"):
        fleet.refused(3, *signer, "--sha256", wrong)
    fleet.refused(2, *signer, "--sha256", hashlib.sha256(b"another").hexdigest())
    fleet.refused(3, *signer, "--sha256", digest(fleet), "--yes")
    after = {name: fleet.path(name).read_bytes() for name in os.listdir(fleet.directory) if fleet.path(name).is_file()}
    assert after == before
    fleet.ok(*signer, "--sha256", digest(fleet).upper())


def test_check_prints_the_digest_that_sign_takes(fleet):
    said = fleet.run("check", "manifest.toml", "--root", "public", "--output", "json")
    assert json.loads(said.text)["sha256"] == digest(fleet)
    assert digest(fleet) in fleet.run("check", "manifest.toml", "--root", "public").text
    fleet.ok(*SIGN, "--sha256", json.loads(said.text)["sha256"])


def test_swapped_after_review(fleet):
    """A file that is replaced between the review and the answer does not get the signature; what was shown does."""
    reviewed = fleet.ok("text", "manifest.toml").out
    fleet.replace("manifest.toml", "10.0.1.1", "10.0.1.66")
    evil = fleet.path("manifest.toml").read_bytes()
    fleet.write("manifest.toml", reviewed)

    def swap():
        fleet.write("evil.toml", evil)
        os.rename(fleet.path("evil.toml"), fleet.path("manifest.toml"))

    code, screen = fleet.on_terminal(SIGN, ["yes"], before_answer=swap)
    assert code == 0, screen
    assert fleet.path("manifest.pending.note").read_bytes().startswith(reviewed + b"\n\xe2\x80\x94 ")
    # The next signer is told, whichever of the two files is given.
    for name in ("manifest.toml", "manifest.pending.note"):
        said = fleet.refused(2, "sign", name, *SECOND[2:])
        assert "differs from the draft" in said.messages("error")[0]
    assert b"10.0.1.66" not in fleet.path("public/manifest.note").read_bytes()


def test_swapped_after_review_where_a_program_signs(fleet):
    """A digest that was agreed to does not sign another text."""
    agreed = digest(fleet)
    fleet.replace("manifest.toml", "10.0.1.1", "10.0.1.66")
    said = fleet.refused(2, *SIGN, "--sha256", agreed)
    assert agreed not in said.messages("error")[0] and digest(fleet) in said.messages("error")[0]
    assert "10.0.1.66" in said.err  # and what changed is shown
    assert not fleet.path("manifest.pending.note").exists()


def test_check_and_diff_compare_half_signed_notes(fleet):
    fleet.ok(*SIGN)
    said = fleet.run("check", "manifest.pending.note", "--root", "public", "--previous", "public/manifest.note")
    assert said.code == 2 and "too_few_signatures" in said.verdict
    assert "[shrinks]" in said.text
    for name in DROPPED:
        assert f"- {name} " in said.text
    as_json = json.loads(fleet.run("check", "manifest.pending.note", "--root", "public", "--previous",
                                   "public/manifest.note", "--output", "json").text)
    removed = [change["service"] for change in as_json["changes"] if change["change"] == "removed"]
    assert removed == DROPPED and as_json["error"]["code"] == "too_few_signatures"
    said = fleet.run("diff", "public/manifest.note", "manifest.pending.note")
    assert said.code == 1 and all(f"- {name} " in said.text for name in DROPPED)


def test_a_half_signed_note_is_never_what_changes_are_shown_against(fleet):
    """Put where a complete one is looked for, it would hide them."""
    fleet.ok(*SIGN)
    half = fleet.path("manifest.pending.note").read_bytes()
    published = fleet.path("public/manifest.note").read_bytes()
    fleet.write("half.note", half)
    said = fleet.refused(2, *SECOND, "--previous", "half.note")
    assert "never published" in said.messages("error")[0]
    fleet.write("public/manifest.note", half)
    said = fleet.ok(*SECOND[:-1], "elsewhere.note")
    assert any("not complete" in warning for warning in said.messages("warning")), str(said)
    assert "changes: not known" in said.err
    fleet.write("public/manifest.note", published)


def test_a_root_is_shown_whole(fleet):
    fleet.ok("root", "next", "public", "--add-name", "time", "--add-network", "192.0.2.0/24", "-o", "root-2.toml")
    said = fleet.refused(3, "sign", "root-2.toml", "--key", "keys/root-1.key", "--previous", "public/root/1.note",
                         agree=False)
    for line in ("2 of these root keys must sign:", f"  name *.{FLEET}", "  name time", "  network 10.0.0.0/8",
                 "  + name time", "  + network 192.0.2.0/24", "epoch 1, min_version 1"):
        assert line in said.err, str(said)
    assert digest(fleet, "root-2.toml") in said.err


INVISIBLE = {"bidi": "\\u202e", "isolate": "\\u2066", "zero width": "\\u200b", "joiner": "\\u200d", "BOM": "\\ufeff",
             "soft hyphen": "\\u00ad", "tag": "\\U000e0041", "look-alike": "\\u0430", "line feed": "\\n"}


@pytest.mark.parametrize("what", INVISIBLE)
@pytest.mark.parametrize("line", ['owner = "a{}b"', 'kind = "vip{}"', '"later{}" = 1', 'runbook = "{}"'])
def test_invisible_characters(fleet, line, what):
    """No text in a document can show a signer something else than what is signed."""
    fleet.write("manifest.toml", fleet.text("manifest.toml") + line.format(INVISIBLE[what]) + "\n")
    said = fleet.refused(2, *SIGN)
    assert "not printable ASCII" in said.messages("error")[0] and said.err.isascii(), str(said)
    assert not fleet.path("manifest.pending.note").exists()


def test_a_name_pattern_that_covers_a_public_suffix_is_not_signed(fleet):
    fleet.ok("root", "next", "public", "--add-name", "*.co.uk", "-o", "root-2.toml")
    sign = ("sign", "root-2.toml", "--key", "keys/root-1.key", "--previous", "public/root/1.note")
    said = fleet.refused(2, *sign)
    assert "error [public-suffix]" in said.err and "*.co.uk" in said.messages("error")[0]
    checked = fleet.run("check", "root-2.toml", "--previous", "public/root/1.note")
    assert checked.code == 2 and "[public-suffix]" in checked.text
    fleet.ok("check", "root-2.toml", "--previous", "public/root/1.note", "--ignore", "public-suffix")
    fleet.ok(*sign, "--ignore", "public-suffix")
    fleet.refused(2, "init", "other", "--fleet", "p", "--names", "*.com", "--no-passphrase")
    assert not fleet.path("other").exists()


def test_the_review_is_there_at_once_for_the_largest_manifest(fleet):
    """512 services: a person waits for nothing."""
    pin(fleet, [])
    head = fleet.text("manifest.toml")
    fleet.write("manifest.toml", head + "".join(
        f'\n[[service]]\nname = "n{n}.{FLEET}"\naddresses = ["10.1.{n // 250}.{n % 250 + 1}"]\ncheck = {{ tcp = 1 }}\n'
        for n in range(512)))
    started = time.monotonic()
    said = fleet.ok(*SIGN)
    assert said.err.count(f".{FLEET} 10.1.") >= 512 and time.monotonic() - started < 10


class TestWhatIsComparedWith:
    """The newest complete note that is known: an old --previous hides what changes."""

    @pytest.fixture
    def old(self, fleet) -> str:
        """One before what is published: it has only what the draft has, so against it nothing would be dropped."""
        published = fleet.path("public/manifest.note")
        draft = fleet.text("manifest.toml")
        pin(fleet, NAMES[:6])
        fleet.write("manifest.toml", fleet.text("manifest.toml").replace("version = 2", "version = 1"))
        published.unlink()
        fleet.ok(*SIGN)
        fleet.ok(*SECOND)
        published.rename(fleet.path("old.note"))
        fleet.write("manifest.toml", draft.replace("version = 2", "version = 2"))
        pin(fleet, NAMES)
        fleet.ok(*SIGN)
        fleet.ok(*SECOND)
        fleet.write("manifest.toml", draft.replace("version = 2", "version = 3"))
        return "old.note"

    def assert_hides_nothing(self, said):
        assert "changes against public/manifest.note, version 2, " in said.err, str(said)
        for name in DROPPED:
            assert f"  - {name} " in said.err, str(said)
        assert any("'old.note'" in line and "'public/manifest.note'" in line for line in said.messages("warning")), str(said)

    @pytest.mark.parametrize("out", ["public/manifest.note", "elsewhere.note"])
    def test_an_old_previous_hides_no_change(self, fleet, old, out):
        said = fleet.ok(*SIGN[:-1], out, "--previous", old)
        self.assert_hides_nothing(said)
        step = next(line for line in said.err.splitlines() if "hostspin-sign sign manifest.pending.note" in line)
        assert "--previous" not in step and f"-o {out}" in step

    def test_nor_for_one_who_copies_an_old_line(self, fleet, old):
        fleet.ok(*SIGN)
        self.assert_hides_nothing(fleet.ok(*SECOND, "--previous", old))

    def test_of_two_that_nobody_named_it_is_the_newer_one_too(self, fleet, old):
        os.rename(fleet.path(old), fleet.path("elsewhere.note"))
        said = fleet.ok(*SIGN[:-1], "elsewhere.note")
        assert "changes against public/manifest.note, version 2, " in said.err and said.messages("warning") == []

    def test_a_previous_that_is_newer_than_the_copy_here_counts(self, fleet, old):
        os.rename(fleet.path("public/manifest.note"), fleet.path("new.note"))
        os.rename(fleet.path(old), fleet.path("public/manifest.note"))
        said = fleet.ok(*SIGN, "--previous", "new.note")
        assert "changes against new.note, version 2, " in said.err and said.messages("warning") == []
        assert "--previous new.note" in said.err


def test_the_heading_says_how_it_spreads_and_which_root_it_needs(fleet):
    """Both decide when hosts adopt it; without a rollout it is all of them at once."""
    said = fleet.ok(*SIGN)
    assert "min_root 1, rollout none, " in said.err, str(said)
    fleet.path("manifest.pending.note").unlink()
    fleet.replace("manifest.toml", "min_root = 1\n", 'min_root = 1\nrollout = 45\n')
    assert "min_root 1, rollout 45 min, " in fleet.ok(*SIGN).err
