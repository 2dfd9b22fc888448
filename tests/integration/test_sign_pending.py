"""Nothing incomplete ever stands where a complete note is published, at no instant; and what a pending note is."""

import os
import shutil
import subprocess

import pytest
from desk_support import FLEET, Desk
from support.process import clean_environment
from support.watched_directory import WatchedDirectory

PUBLISHED = "public/manifest.note"
SIGN = ("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", PUBLISHED)
SECOND = ("sign", "manifest.pending.note", "--root", "public", "--key", "keys/manifest-2.key", "-o", PUBLISHED)
THIRD_OVER_DRAFT = ("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-3.key", "-o", PUBLISHED)


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    """Two must sign; version 1 is published, and the draft is version 2."""
    made = Desk(tmp_path / "desk", programs.sign).fleet("--manifest-threshold", "2")
    made.ok(*SIGN)
    made.ok(*SECOND)
    made.ok("bump", "manifest.toml")
    made.replace("manifest.toml", "10.0.0.10", "10.0.0.11")
    return made


@pytest.fixture
def watched(fleet):
    directory = WatchedDirectory(fleet.path("public"))
    yield directory
    directory.close()


def assert_complete(fleet: Desk, where=""):
    said = fleet.run("check", PUBLISHED, "--root", "public", "--signed")
    assert said.code == 0, f"{where}: {said}"


def test_the_first_signature_touches_nothing_that_is_published(fleet, watched):
    before = fleet.path(PUBLISHED).read_bytes()
    said = fleet.ok(*SIGN)
    assert watched.events() == []
    assert fleet.path(PUBLISHED).read_bytes() == before
    assert f"'{PUBLISHED}' is as it was" in said.err
    assert "hostspin-sign sign manifest.pending.note --root public" in said.err  # what the next one runs
    assert f"{FLEET}/manifest-2" in said.err and f"-o {PUBLISHED}" in said.err


@pytest.mark.parametrize("last", [SECOND, THIRD_OVER_DRAFT], ids=["over the pending note", "over the draft"])
def test_the_signature_that_completes_it_is_one_rename(fleet, watched, last):
    fleet.ok(*SIGN)
    fleet.path(PUBLISHED).chmod(0o640)
    watched.events()
    said = fleet.ok(*last)
    assert "complete: it can be published" in said.err
    assert watched.events() == [("moved_to", "manifest.note")]  # and no file beside it, not for a moment
    assert fleet.path(PUBLISHED).stat().st_mode & 0o777 == 0o640
    assert_complete(fleet)
    assert sorted(os.listdir(fleet.directory)) == ["NEXT-STEPS.txt", "keys", "manifest.toml", "public"]


def test_all_signers_at_once_are_one_rename_too(fleet, watched):
    fleet.ok(*SIGN, "--key", "keys/manifest-3.key")
    assert watched.events() == [("moved_to", "manifest.note")]
    assert_complete(fleet)


CALLS = ("openat", "write", "fsync", "fchmod", "chmod", "fchmodat", "rename", "renameat", "renameat2", "unlink")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs the program strace")
def test_killed_at_each_step_of_the_completing_rename(fleet, watched):
    """What is published is the old note or the new one, whole, and the same command finishes the job."""
    fleet.ok(*SIGN)
    old, half = fleet.path(PUBLISHED).read_bytes(), fleet.path("manifest.pending.note").read_bytes()
    met, killed_at = [], []
    for call in CALLS:
        for step in range(1, 200):
            where = f"{call} {step}"
            for name in os.listdir(fleet.directory):
                if name.startswith("manifest.pending.note"):
                    fleet.path(name).unlink()
            fleet.write("manifest.pending.note", half)
            os.replace(fleet.write("old.note", old), fleet.path(PUBLISHED))
            watched.events()
            command = ["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={step}",
                       "--", fleet.program, *SECOND, "--yes"]
            done = subprocess.run(command, cwd=fleet.directory, env=clean_environment(), capture_output=True, check=False)
            assert done.returncode in (-9, 137, 0), f"{where}: {done}"
            assert watched.events() in ([], [("moved_to", "manifest.note")]), where
            now = fleet.path(PUBLISHED).read_bytes()
            if now != old:
                assert now.startswith(half) and now.count(b"\n\xe2\x80\x94 ") + now.count(b"\xe2\x80\x94 ") >= 2, where
                assert_complete(fleet, where)
            met.append(now != old)
            if done.returncode == 0:
                break
            killed_at.append(where)
            if now == old:  # the same command again, or the one over the draft
                fleet.ok(*(SECOND if fleet.path("manifest.pending.note").exists() else SIGN))
                assert_complete(fleet, where)
                assert not fleet.path("manifest.pending.note").exists(), where
    # The kills fell on both sides of the rename, and on the renames and the syncs themselves.
    assert True in met and False in met
    for call in ("rename", "fsync", "openat", "write"):
        assert any(where.startswith(call) for where in killed_at), killed_at


def test_half_signed_note_published_by_hand_is_said_to_be_no_note(fleet):
    """What the first signer once put there: the gate refuses it, and no advice says that it should be signed on."""
    fleet.ok(*SIGN)
    shutil.copy(fleet.path("manifest.pending.note"), fleet.path(PUBLISHED))
    said = fleet.run("check", PUBLISHED, "--root", "public", "--signed")
    assert said.code == 2 and "too_few_signatures" in said.verdict and f"{FLEET}/manifest-1" in said.verdict
    assert "not to be published" in said.messages("hint")[0]


def test_a_pending_note_that_differs_from_the_draft_beside_it_is_refused(fleet):
    fleet.ok(*SIGN)
    half = fleet.path("manifest.pending.note").read_bytes()
    fleet.replace("manifest.toml", "10.0.0.11", "10.0.0.12")
    for command in (SECOND, THIRD_OVER_DRAFT):
        said = fleet.refused(2, *command)
        assert "'manifest.pending.note' differs from the draft 'manifest.toml'" in said.messages("error")[0]
        assert "hostspin-sign diff manifest.toml manifest.pending.note" in said.messages("hint")[0]
    assert fleet.path("manifest.pending.note").read_bytes() == half
    said = fleet.ok("bump", "manifest.toml")  # which tells of it beforehand
    assert any("manifest.pending.note" in warning for warning in said.messages("warning")), str(said)
    fleet.path("manifest.pending.note").unlink()
    fleet.ok(*SIGN)


def test_at_another_desk_there_is_no_draft_beside_it(fleet):
    fleet.ok(*SIGN)
    os.mkdir(fleet.path("bob"))
    shutil.move(fleet.path("manifest.pending.note"), fleet.path("bob"))
    said = fleet.ok("sign", "bob/manifest.pending.note", "--root", "public", "--key", "keys/manifest-2.key",
                    "-o", "bob/manifest.note")
    assert "- db.prod.example address 10.0.0.10" in said.err  # against what is published below --root
    assert os.listdir(fleet.path("bob")) == ["manifest.note"]


def test_a_pending_note_completed_without_a_place_named(fleet):
    fleet.ok(*SIGN)
    fleet.ok("sign", "manifest.pending.note", "--root", "public", "--key", "keys/manifest-2.key")
    fleet.ok("check", "manifest.note", "--root", "public", "--signed")


class TestTheCompletingSignatureChecksAgain:
    """Time goes by between two signatures."""

    def test_min_version_has_risen(self, fleet):
        fleet.ok(*SIGN)
        fleet.ok("root", "next", "public", "--min-version", "3", "-o", "root-2.toml")
        fleet.ok("sign", "root-2.toml", "--key", "keys/root-1.key", "--key", "keys/root-2.key", "--previous",
                 "public/root/1.note", "-o", "public/root/2.note")
        before = fleet.path(PUBLISHED).read_bytes()
        said = fleet.refused(2, *SECOND)
        assert "min_version 3" in said.messages("error")[0]
        assert fleet.path(PUBLISHED).read_bytes() == before

    def test_another_text_of_this_version_was_published(self, fleet):
        fleet.ok(*SIGN)
        other = fleet.text("manifest.toml").replace("10.0.0.11", "10.0.0.99")
        fleet.write("other.toml", other)
        fleet.ok("sign", "other.toml", "--root", "public", "--key", "keys/manifest-2.key", "--key",
                 "keys/manifest-3.key", "-o", PUBLISHED)
        before = fleet.path(PUBLISHED).read_bytes()
        said = fleet.refused(2, *SECOND)
        assert "another text already" in said.messages("error")[0]
        assert fleet.path(PUBLISHED).read_bytes() == before

    def test_a_later_version_was_published_where_previous_does_not_point(self, fleet):
        shutil.copy(fleet.path(PUBLISHED), fleet.path("one.note"))
        fleet.ok(*SIGN)
        fleet.write("other.toml", fleet.text("manifest.toml").replace("version = 2", "version = 3"))
        fleet.ok("sign", "other.toml", "--root", "public", "--key", "keys/manifest-2.key", "--key",
                 "keys/manifest-3.key", "-o", PUBLISHED)
        before = fleet.path(PUBLISHED).read_bytes()
        said = fleet.refused(2, *SECOND, "--previous", "one.note")
        assert "older than version 3" in said.messages("error")[0]
        assert fleet.path(PUBLISHED).read_bytes() == before

    def test_a_root_that_asks_for_more_was_published_while_this_signer_read(self, fleet):
        fleet.ok(*SIGN)
        fleet.ok("root", "next", "public", "--manifest-threshold", "3", "-o", "root-2.toml")
        fleet.ok("sign", "root-2.toml", "--key", "keys/root-1.key", "--key", "keys/root-2.key", "--previous",
                 "public/root/1.note", "-o", "root-2.note")
        before = fleet.path(PUBLISHED).read_bytes()
        code, screen = fleet.on_terminal(SECOND, ["yes"], before_answer=lambda: os.rename(
            fleet.path("root-2.note"), fleet.path("public/root/2.note")))
        assert code == 0 and "2 of 3 signatures" in screen and "not complete" in screen, screen
        assert fleet.path(PUBLISHED).read_bytes() == before

    def test_even_between_its_review_and_its_signature(self, fleet):
        """Published by others while this signer reads."""
        fleet.ok(*SIGN)
        other = fleet.text("manifest.toml").replace("10.0.0.11", "10.0.0.99")
        fleet.write("other.toml", other)

        def publish():
            fleet.ok("sign", "other.toml", "--root", "public", "--key", "keys/manifest-2.key", "--key",
                     "keys/manifest-3.key", "-o", PUBLISHED)

        code, screen = fleet.on_terminal(SECOND, ["yes"], before_answer=publish)
        assert code == 2 and "another text already" in screen, screen
        assert b"10.0.0.99" in fleet.path(PUBLISHED).read_bytes()


def test_a_root_waits_beside_its_draft_and_never_replaces_another(fleet):
    fleet.ok("root", "next", "public", "-o", "root-2.toml")
    sign = ("sign", "root-2.toml", "--previous", "public/root/1.note", "-o", "public/root/2.note")
    fleet.ok(*sign, "--key", "keys/root-1.key")
    assert fleet.path("root-2.pending.note").exists() and not fleet.path("public/root/2.note").exists()
    fleet.ok(*sign, "--key", "keys/root-2.key")
    published = fleet.path("public/root/2.note").read_bytes()
    fleet.ok("root", "next", "public/root/1.note", "--add-name", "time", "-o", "again.toml")
    said = fleet.refused(2, "sign", "again.toml", "--previous", "public/root/1.note", "--key", "keys/root-1.key",
                         "--key", "keys/root-2.key", "-o", "public/root/2.note")
    assert "never replaced" in said.messages("hint")[0]
    assert fleet.path("public/root/2.note").read_bytes() == published
    fleet.refused(3, "sign", "again.toml", "--previous", "public/root/1.note", "--key", "keys/root-1.key",
                  "--key", "keys/root-2.key", "-o", PUBLISHED)  # the wrong place altogether


def test_without_a_root_nothing_is_known_to_be_complete(fleet, watched):
    fleet.ok("sign", "manifest.toml", "--key", "keys/manifest-1.key", "--key", "keys/manifest-2.key", "-o", PUBLISHED)
    assert watched.events() == [] and fleet.path("manifest.pending.note").exists()


def test_standard_input_has_no_place_beside_it(fleet):
    text = fleet.path("manifest.toml").read_bytes()
    one = ("sign", "-", "--root", "public", "--key", "keys/manifest-1.key")
    fleet.refused(3, *one, "-o", "new.note", input=text)
    half = fleet.ok(*one, "-o", "-", input=text).out
    assert half.startswith(text + b"\n\xe2\x80\x94 ")
    fleet.ok("sign", "-", "--root", "public", "--key", "keys/manifest-2.key", "-o", "new.note", input=half)
    fleet.ok("check", "new.note", "--root", "public", "--signed")


class TestTwoSignersAtOnce:
    """One reads while another signs: no signature is lost, and who completes it is told so."""

    @pytest.fixture
    def three(self, tmp_path, programs) -> Desk:
        return Desk(tmp_path / "three", programs.sign).fleet("--manifest-threshold", "3")

    @staticmethod
    def lines(fleet: Desk, name: str) -> list:
        return sorted(line.split()[1] for line in fleet.text(name).splitlines() if line.startswith("\u2014 "))

    @pytest.mark.parametrize("first", ["manifest.toml", "manifest.pending.note"])
    def test_neither_is_lost_while_it_is_incomplete(self, three, first):
        def sign(number, file):
            return ("sign", file, "--root", "public", "--key", f"keys/manifest-{number}.key", "-o", PUBLISHED)

        if first != "manifest.toml":
            three.ok(*sign(4, "manifest.toml"))
            three.path("manifest.toml").rename(three.path("elsewhere.toml"))
        numbers = [1, 2] if first == "manifest.toml" else [1]
        for number in numbers[:-1]:
            three.ok(*sign(number, first))
        expected = self.lines(three, "manifest.pending.note") if three.path("manifest.pending.note").exists() else []
        code, screen = three.on_terminal(sign(3, first), ["yes"], before_answer=lambda: three.ok(*sign(numbers[-1], first)))
        expected += [f"{FLEET}/manifest-{number}" for number in (numbers[-1], 3)]
        assert code == 0 and len(expected) == 3, screen
        assert "complete: it can be published" in screen and "not complete" not in screen
        assert self.lines(three, PUBLISHED) == sorted(expected)
        assert not three.path("manifest.pending.note").exists()

    def test_two_of_three_are_both_kept(self, three):
        sign = [("sign", "manifest.toml", "--root", "public", "--key", f"keys/manifest-{number}.key", "-o", PUBLISHED)
                for number in (1, 2)]
        code, screen = three.on_terminal(sign[1], ["yes"], before_answer=lambda: three.ok(*sign[0]))
        assert code == 0 and "2 of 3 signatures" in screen, screen
        assert self.lines(three, "manifest.pending.note") == [f"{FLEET}/manifest-1", f"{FLEET}/manifest-2"]

    def test_a_note_that_was_completed_meanwhile_keeps_its_signatures(self, fleet):
        fleet.ok(*SIGN)
        code, screen = fleet.on_terminal(THIRD_OVER_DRAFT, ["yes"], before_answer=lambda: fleet.ok(*SECOND))
        assert code == 0 and "3 of 2 signatures" in screen, screen
        assert self.lines(fleet, PUBLISHED) == [f"{FLEET}/manifest-{number}" for number in (1, 2, 3)]
        assert not fleet.path("manifest.pending.note").exists()

    def test_a_pending_note_that_got_another_text_meanwhile_is_left_alone(self, fleet):
        fleet.ok(*SIGN)
        fleet.path("manifest.toml").rename(fleet.path("old.toml"))
        fleet.write("other.toml", fleet.text("old.toml").replace("10.0.0.11", "10.0.0.99"))
        fleet.ok("sign", "other.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", PUBLISHED)
        other = fleet.path("other.pending.note").read_bytes()
        code, screen = fleet.on_terminal(SECOND, ["yes"], before_answer=lambda: os.rename(
            fleet.path("other.pending.note"), fleet.path("manifest.pending.note")))
        assert code == 2 and "another text since it was shown" in screen, screen
        assert fleet.path("manifest.pending.note").read_bytes() == other

    def test_many_at_the_same_time(self, three):
        """Without a look in between: as many processes as keys, and every line is there."""
        three.write("manifest.toml", three.text("manifest.toml"))
        running = [subprocess.Popen([three.program, "sign", "manifest.toml", "--root", "public", "--key",
                                     f"keys/manifest-{number}.key", "-o", PUBLISHED, "--yes"], cwd=three.directory,
                                    env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for number in (1, 2, 3, 4)]
        assert [process.wait(60) for process in running] == [0] * 4
        assert self.lines(three, PUBLISHED) == [f"{FLEET}/manifest-{number}" for number in (1, 2, 3, 4)]
        assert not three.path("manifest.pending.note").exists()
