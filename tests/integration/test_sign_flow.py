"""A fleet's life on the desk: init, sign, check, bump, a changed root; and what signing refuses."""

import hashlib
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from desk_support import FLEET, PASSPHRASE, Desk, vkey_of

SIGN = ("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key")


@pytest.fixture
def desk(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign)


@pytest.fixture
def fleet(desk) -> Desk:
    return desk.fleet()


def moment(**delta) -> str:
    return (datetime.now(timezone.utc) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def set_line(fleet: Desk, name: str, key: str, value: str):
    lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in fleet.text(name).splitlines()]
    fleet.write(name, "\n".join(lines) + "\n")


@pytest.mark.parametrize("umask", ["000", "027", "077"])
def test_modes_do_not_depend_on_the_umask(desk, umask):
    """What is published has to be readable, and a key must not be, whatever the signer's shell says."""
    done = subprocess.run(["sh", "-c", 'umask "$0"; exec "$@"', umask, desk.program, "init", "fleet", "--fleet", FLEET,
                           "--no-passphrase"], cwd=desk.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    for path in [desk.path("fleet"), *desk.path("fleet").rglob("*")]:
        secret = path.name == "keys" or path.suffix == ".key"
        wanted = (0o700 if secret else 0o755) if path.is_dir() else (0o600 if secret else 0o644)
        assert path.stat().st_mode & 0o7777 == wanted, path


def test_init_makes_a_fleet_that_works_at_once(desk):
    said = desk.ok("init", "fleet", "--fleet", FLEET, passphrase=PASSPHRASE)
    assert said.text == f"fleet {FLEET} is ready in fleet\n"
    assert "NEXT-STEPS.txt" in said.err
    fleet = Desk(desk.path("fleet"), desk.program)
    assert fleet.path("keys").stat().st_mode & 0o777 == 0o700
    for key in fleet.path("keys").glob("*.key"):
        assert key.stat().st_mode & 0o777 == 0o600
        assert "BEGIN ENCRYPTED PRIVATE KEY" in key.read_text()
    fleet.ok("check", "public/root/1.note", "--ignore", "single-signer")
    fleet.ok("check", "manifest.toml", "--root", "public")
    fleet.ok(*SIGN, "-o", "public/manifest.note", passphrase=PASSPHRASE)
    fleet.ok("check", "public/manifest.note", "--root", "public")


def test_nothing_private_is_below_public(fleet):
    published = [path for path in fleet.path("public").rglob("*") if path.is_file()]
    assert published == [fleet.path("public/root/1.note")]
    assert b"PRIVATE KEY" not in published[0].read_bytes()


@pytest.mark.parametrize("arguments", [
    ["--fleet", "Prod"], ["--fleet", ""], ["--fleet", "p", "--names", "*"], ["--fleet", "p", "--names", "a..b"],
    ["--fleet", "p", "--networks", "10.0.0.1/8"], ["--fleet", "p", "--networks", "0.0.0.0/0"],
    ["--fleet", "p", "--networks", "127.0.0.0/8"], ["--fleet", "p", "--root-keys", "2", "--root-threshold", "3"]])
def test_init_refused_leaves_no_directory(desk, arguments):
    said = desk.run("init", "fleet", *arguments, "--no-passphrase")
    assert said.code in (2, 3), str(said)
    assert len(said.messages("error")) == 1, str(said)
    assert not desk.path("fleet").exists()


def test_init_refuses_a_directory_that_holds_something(desk):
    desk.path("fleet").mkdir()
    desk.write("fleet/precious", "x")
    desk.refused(3, "init", "fleet", "--fleet", FLEET, "--no-passphrase")
    assert os.listdir(desk.path("fleet")) == ["precious"]


def test_signing_adds_a_block_and_keeps_the_text(fleet):
    text = fleet.path("manifest.toml").read_bytes()
    fleet.ok(*SIGN, "-o", "out.note")
    note = fleet.path("out.note").read_bytes()
    assert note.startswith(text + b"\n\xe2\x80\x94 " + f"{FLEET}/manifest-1 ".encode())
    assert note.count(b"\n") == text.count(b"\n") + 2
    assert fleet.path("manifest.toml").read_bytes() == text


def test_signing_in_place_keeps_mode_and_leaves_no_litter(fleet):
    fleet.path("manifest.toml").chmod(0o640)
    before = set(os.listdir(fleet.directory))
    fleet.ok(*SIGN)
    assert set(os.listdir(fleet.directory)) == before
    assert fleet.path("manifest.toml").stat().st_mode & 0o777 == 0o640
    fleet.ok("check", "manifest.toml", "--root", "public")


def test_two_signers_one_after_the_other(desk):
    fleet = desk.fleet("--manifest-threshold", "2")
    fleet.ok(*SIGN, "-o", "out.note")
    assert not fleet.path("out.note").exists()
    waiting = fleet.run("check", "manifest.pending.note", "--root", "public")
    assert waiting.code == 2 and "too_few_signatures" in waiting.verdict
    assert f"{FLEET}/manifest-2" in waiting.messages("hint")[0]
    second = fleet.ok("sign", "manifest.pending.note", "--root", "public", "--key", "keys/manifest-2.key",
                      "-o", "out.note")
    assert "complete: " in second.err
    assert not fleet.path("manifest.pending.note").exists()
    fleet.ok("check", "out.note", "--root", "public")


def test_both_signers_may_run_the_same_command_from_the_draft(desk):
    fleet = desk.fleet("--manifest-threshold", "2")
    for number in (1, 2):
        fleet.ok("sign", "manifest.toml", "--root", "public", "--key", f"keys/manifest-{number}.key", "-o", "out.note")
    fleet.ok("check", "out.note", "--root", "public")


def test_signing_twice_with_one_key_changes_nothing(fleet):
    fleet.ok(*SIGN, "-o", "out.note")
    before = fleet.path("out.note").read_bytes()
    said = fleet.ok("sign", "out.note", "--root", "public", "--key", "keys/manifest-1.key")
    assert "already" in said.err
    assert fleet.path("out.note").read_bytes() == before


def test_a_text_changed_after_signing_is_not_signed_again(fleet):
    fleet.ok(*SIGN, "-o", "out.note")
    fleet.replace("out.note", "10.0.0.10", "10.0.0.11")
    before = fleet.path("out.note").read_bytes()
    for key in ("1", "2"):
        fleet.refused(2, "sign", "out.note", "--root", "public", "--key", f"keys/manifest-{key}.key")
    assert fleet.path("out.note").read_bytes() == before


REFUSED = {
    "name outside the root's": ('name = "db.prod.example"', 'name = "db.example.com"', "name_not_allowed"),
    "address outside the networks": ("10.0.0.10", "192.0.2.1", "address_not_allowed"),
    "loopback": ("10.0.0.10", "127.0.0.1", None),
    "metadata service": ("10.0.0.10", "169.254.169.254", None),
    "not canonical": ("10.0.0.10", "10.0.0.010", None),
    "localhost": ("db.prod.example", "localhost", None),
    "upper case": ("db.prod.example", "DB.prod.example", None),
    "unknown key": ("check =", "chek =", None),
    "unknown top-level key": ("epoch = 1", "epoch = 1\nextra = 1", None),
    "wrong fleet": (f'"{FLEET}"\nepoch', '"other.example"\nepoch', "wrong_fleet"),
    "wrong epoch": ("epoch = 1", "epoch = 2", "wrong_epoch"),
    "needs a newer root": ("min_root = 1", "min_root = 2", "root_withheld"),
    "version zero": ("version = 1", "version = 0", None),
    "tab": ("owner =", "owner\t=", None),
    "not ASCII": ("your on-call", "déjà vu", None),
    "first line": ("hostspin-manifest/1", "hostspin-manifest/2", None),
    "unknown kind of check": ("tcp = 5432", "quic = 443", "bad_manifest"),
    "port zero": ("tcp = 5432", "tcp = 0", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_signing_refuses_what_clients_refuse(fleet, case):
    old, new, code = REFUSED[case]
    fleet.replace("manifest.toml", old, new)
    fleet.refused(2, *SIGN, "-o", "out.note")
    assert not fleet.path("out.note").exists()
    checked = json.loads(fleet.run("check", "manifest.toml", "--root", "public", "--output", "json").text)
    assert checked["verdict"] == "refused"
    if code:
        assert checked["error"]["code"] == code


def test_dos_line_ends_are_named(fleet):
    fleet.write("manifest.toml", fleet.path("manifest.toml").read_bytes().replace(b"\n", b"\r\n"))
    said = fleet.refused(2, *SIGN)
    assert "DOS" in said.messages("hint")[0]


def test_a_text_without_its_last_line_end_is_named(fleet):
    fleet.write("manifest.toml", fleet.text("manifest.toml").rstrip("\n"))
    said = fleet.refused(2, *SIGN)
    assert "echo >>" in said.messages("hint")[0]


def test_an_expired_manifest_is_not_signed(fleet):
    set_line(fleet, "manifest.toml", "issued", moment(days=-20))
    set_line(fleet, "manifest.toml", "expires", moment(days=-1))
    said = fleet.refused(2, *SIGN, "-o", "out.note")
    assert "bump" in said.messages("hint")[0]


class TestAgainstWhatIsPublished:
    @pytest.fixture
    def published(self, fleet):
        fleet.ok(*SIGN, "-o", "public/manifest.note")
        return fleet

    def test_bump_edit_sign_shows_the_difference(self, published):
        published.ok("bump", "manifest.toml")
        published.replace("manifest.toml", "10.0.0.10", "10.0.0.12")
        said = published.ok(*SIGN, "-o", "public/manifest.note")
        assert "~ version 1 -> 2" in said.err
        assert "- db.prod.example address 10.0.0.10" in said.err
        assert "+ db.prod.example address 10.0.0.12" in said.err

    def test_the_same_version_with_another_text_is_equivocation(self, published):
        published.replace("manifest.toml", "10.0.0.10", "10.0.0.12")
        before = published.path("public/manifest.note").read_bytes()
        said = published.refused(2, *SIGN, "-o", "public/manifest.note")
        assert "bump" in said.messages("hint")[0]
        assert published.path("public/manifest.note").read_bytes() == before
        checked = published.run("check", "manifest.toml", "--root", "public", "--previous", "public/manifest.note")
        assert checked.code == 2 and "equivocation" in checked.verdict

    def test_an_older_version_is_a_rollback(self, published):
        published.ok("bump", "manifest.toml", "-o", "next.toml")
        published.ok("sign", "next.toml", "--root", "public", "--key", "keys/manifest-1.key",
                     "-o", "public/manifest.note")
        published.refused(2, *SIGN, "--previous", "public/manifest.note", "-o", "out.note")
        checked = published.run("check", "manifest.toml", "--root", "public", "--previous", "public/manifest.note")
        assert checked.code == 2 and "rollback" in checked.verdict

    def test_bump_is_one_above_the_published_one(self, published):
        set_line(published, "manifest.toml", "version", "7")
        published.ok(*SIGN, "-o", "public/manifest.note")
        set_line(published, "manifest.toml", "version", "3")
        published.ok("bump", "manifest.toml", "--previous", "public/manifest.note")
        assert "\nversion = 8\n" in published.text("manifest.toml")


def test_bump_keeps_every_other_byte(fleet):
    text = fleet.text("manifest.toml")
    text = text.replace("version = 1\n", "version  =  1   # kept\n").replace(
        "\n[[service]]", "\n# version = 1, in a comment\n[[service]]")
    fleet.write("manifest.toml", text)
    fleet.ok("bump", "manifest.toml", "--expires", "14d")
    after = fleet.text("manifest.toml")
    assert "version  =  2   # kept\n" in after
    assert "# version = 1, in a comment\n" in after
    changed = [pair for pair in zip(text.splitlines(), after.splitlines()) if pair[0] != pair[1]]
    assert len(text.splitlines()) == len(after.splitlines())
    assert {pair[0].split(" ")[0] for pair in changed} <= {"version", "issued", "expires"}


def test_bump_takes_signatures_off(fleet):
    fleet.ok(*SIGN)
    said = fleet.refused(3, "bump", "manifest.toml")  # which is a complete note now
    assert "-o next.toml" in said.messages("hint")[0]
    said = fleet.ok("bump", "manifest.toml", "-o", "next.toml")
    assert "signatures" in said.err
    assert "\u2014" not in fleet.text("next.toml") and "\u2014" in fleet.text("manifest.toml")


@pytest.mark.parametrize("expires", ["0d", "5y", "2000d", "401d", "2020-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "soon"])
def test_bump_refuses_an_unfit_expires(fleet, expires):
    before = fleet.text("manifest.toml")
    said = fleet.run("bump", "manifest.toml", "--expires", expires)
    assert said.code in (2, 3) and len(said.messages("error")) == 1, str(said)
    assert fleet.text("manifest.toml") == before


class TestRoots:
    def test_a_changed_hand(self, fleet):
        fleet.ok("keygen", "example.com/dave", "-o", "dave.key", "--no-passphrase")
        said = fleet.ok("root", "next", "public", "--remove-root-key", f"{FLEET}/root-1", "--add-root-key", "dave.key",
                        "-o", "root-2.toml")
        assert "2 of the root keys of root 1" in said.err and "2 of its own root keys" in said.err
        old = "public/root/1.note"
        for key in ("keys/root-2.key", "dave.key"):
            fleet.ok("sign", "root-2.toml", "--key", key, "--previous", old)
        half = fleet.run("check", "root-2.pending.note", "--previous", old)
        assert half.code == 2 and "too_few_signatures" in half.verdict  # two of its own, one of the old
        done = fleet.ok("sign", "root-2.toml", "--key", "keys/root-3.key", "--previous", old, "-o", "public/root/2.note")
        assert "complete" in done.err
        checked = fleet.ok("check", "public/root/2.note", "--previous", old)
        assert "- root key" in checked.text and "+ root key" in checked.text
        fleet.ok("check", "public/root/2.note", "--root", "public")  # finds the one before by itself
        fleet.ok(*SIGN, "-o", "public/manifest.note")  # and manifests go on under the new one

    def test_next_without_changes_keeps_comments(self, fleet):
        fleet.ok("root", "next", "public", "-o", "root-2.toml")
        commented = fleet.text("root-2.toml").replace("[root]", "# who: the board\n[root]")
        fleet.write("root-2.toml", commented)
        for key in ("1", "2"):
            fleet.ok("sign", "root-2.toml", "--key", f"keys/root-{key}.key", "--previous", "public/root/1.note")
        os.rename(fleet.path("root-2.toml"), fleet.path("public/root/2.note"))
        fleet.ok("root", "next", "public", "-o", "root-3.toml")
        assert "# who: the board" in fleet.text("root-3.toml")
        assert "\nversion = 3\n" in fleet.text("root-3.toml")

    def test_next_epoch_starts_min_version_again(self, fleet):
        fleet.ok("root", "next", "public", "--min-version", "9", "-o", "a.toml")
        assert "min_version = 9\n" in fleet.text("a.toml")
        fleet.ok("root", "next", "public", "--next-epoch", "-o", "b.toml")
        assert "epoch = 2\nmin_version = 1\n" in fleet.text("b.toml")

    @pytest.mark.parametrize("line, value", [("version", "3"), ("fleet", '"other"'), ("epoch", "0"),
                                             ("issued", "2020-01-01T00:00:00Z")])
    def test_a_successor_that_breaks_the_chain_is_not_signed(self, fleet, line, value):
        fleet.ok("root", "next", "public", "-o", "root-2.toml")
        set_line(fleet, "root-2.toml", line, value)
        if line == "issued":
            set_line(fleet, "root-2.toml", "expires", "2021-01-01T00:00:00Z")
        before = fleet.text("root-2.toml")
        fleet.refused(2, "sign", "root-2.toml", "--key", "keys/root-1.key", "--previous", "public/root/1.note")
        assert fleet.text("root-2.toml") == before

    def test_a_root_from_the_future_is_not_signed(self, fleet):
        fleet.ok("root", "next", "public", "-o", "root-2.toml")
        set_line(fleet, "root-2.toml", "issued", moment(hours=25))
        said = fleet.refused(2, "sign", "root-2.toml", "--key", "keys/root-1.key", "--previous", "public/root/1.note")
        assert "24 hours" in said.messages("error")[0]
        set_line(fleet, "root-2.toml", "issued", moment(hours=23))
        fleet.ok("sign", "root-2.toml", "--key", "keys/root-1.key", "--previous", "public/root/1.note")

    def test_a_long_lived_root_is_warned_of(self, fleet):
        said = fleet.ok("root", "next", "public", "--expires", "500d", "-o", "root-2.toml")
        assert "400 days" in said.messages("warning")[0]
        said = fleet.ok("sign", "root-2.toml", "--key", "keys/root-1.key", "--previous", "public/root/1.note")
        assert "warning [root-lifetime]" in said.err and "400 days" in said.err
        fleet.refused(3, "root", "next", "public", "--expires", "1097d", "-o", "root-3.toml")

    def test_new_from_keys_that_people_sent(self, desk):
        for name in ("r1", "r2", "m1"):
            vkey = desk.ok("keygen", f"example.com/{name}", "-o", f"{name}.key", "--no-passphrase").text
            desk.write(f"{name}.vkey", vkey)
        desk.ok("root", "new", "--fleet", FLEET, "--root-key", "r1.vkey", vkey_of(desk.path("r2.key")),
                "--manifest-key", "m1.vkey", "--names", "*.svc.example.com", "time", "--networks", "10.0.0.0/8",
                "2001:db8:10::/48", "-o", "root-1.toml")
        assert "threshold = 2\n" in desk.text("root-1.toml")
        desk.ok("sign", "root-1.toml", "--key", "r1.key", "--key", "r2.key")
        said = desk.run("check", "root-1.toml", "--output", "json")
        assert said.code == 1  # both root keys must sign: none to spare
        assert {finding["code"] for finding in json.loads(said.text)["findings"]} == {"no-spare-key", "single-signer"}

    def test_one_key_in_both_roles_is_refused(self, desk):
        desk.ok("keygen", "example.com/a", "-o", "a.key", "--no-passphrase")
        desk.refused(2, "root", "new", "--fleet", FLEET, "--root-key", "a.key", "--manifest-key", "a.key",
                     "--names", "a.example", "--networks", "10.0.0.0/8")


class TestCheck:
    def test_a_signed_manifest_cannot_be_judged_without_a_root(self, fleet):
        fleet.ok(*SIGN, "-o", "out.note")
        fleet.refused(3, "check", "out.note")

    def test_at_a_later_time_it_is_expired(self, fleet):
        fleet.ok(*SIGN, "-o", "out.note")
        fleet.ok("check", "out.note", "--root", "public", "--at", moment(days=20))
        soon = fleet.run("check", "out.note", "--root", "public", "--at", moment(days=28))
        assert soon.code == 1 and "[expires-soon]" in soon.text
        late = fleet.run("check", "out.note", "--root", "public", "--at", moment(days=31))
        assert late.code == 2 and "expired" in late.verdict
        late = fleet.run("check", "out.note", "--root", "public", "--at", moment(days=366))
        assert late.code == 2 and "root_expired" in late.verdict

    def test_a_forged_note_is_refused(self, fleet, desk):
        fleet.ok("keygen", f"{FLEET}/manifest-1", "-o", "evil.key", "--no-passphrase")
        said = fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "evil.key", "-o", "out.note")
        assert "none of the keys" in said.messages("warning")[0]
        assert not fleet.path("out.note").exists()
        assert fleet.run("check", "manifest.pending.note", "--root", "public").code == 2

    def test_json_is_complete(self, fleet):
        fleet.ok(*SIGN, "-o", "out.note")
        said = json.loads(fleet.ok("check", "out.note", "--root", "public", "--output", "json").text)
        assert said["schema"] == "hostspin.check/1"
        assert said["verdict"] == "fine" and said["document"] == "manifest" and said["draft"] is False
        assert said["fleet"] == FLEET and said["version"] == 1 and said["services"] == 1
        assert said["signed_by"] == [f"{FLEET}/manifest-1"] and said["threshold"] == 1
        assert said["findings"] == []

    LINT = {
        "no-check": ("check = { tcp = 5432 }\n", ""),
        "broken-logins": ("check = { tcp = 5432 }", "check = { tcp = 3306 }"),
        "single-instance": ("owner =", 'kind = "instance"\nowner ='),
        "shared-address": ("check =", 'check = { tcp = 1 }\n[[service]]\nname = "b.prod.example"\n'
                                      'addresses = ["10.0.0.10", "10.0.0.11"]\ncheck ='),
    }

    @pytest.mark.parametrize("code", LINT)
    def test_lint_names_the_service(self, fleet, code):
        fleet.replace("manifest.toml", *self.LINT[code])
        said = fleet.run("check", "manifest.toml", "--root", "public", "--output", "json")
        findings = [finding for finding in json.loads(said.text)["findings"] if finding["code"] == code]
        assert len(findings) == 1 and findings[0]["service"].endswith(".prod.example"), str(said)
        assert findings[0]["reason"]
        assert said.code == 1
        fleet.ok("check", "manifest.toml", "--root", "public", "--ignore", code)

    def test_lint_lifetimes(self, fleet):
        fleet.ok("bump", "manifest.toml", "--expires", "2d")
        assert "[lifetime-short]" in fleet.run("check", "manifest.toml", "--root", "public").text
        fleet.ok("bump", "manifest.toml", "--expires", "200d")
        assert "[lifetime-long]" in fleet.run("check", "manifest.toml", "--root", "public").text

    def test_lint_shrinking(self, fleet):
        services = "".join(f'\n[[service]]\nname = "s{i}.prod.example"\naddresses = ["10.0.1.{i}"]\n'
                           "check = { tcp = 1 }\n" for i in range(1, 4))
        one = fleet.text("manifest.toml")
        fleet.write("manifest.toml", one + services)
        fleet.ok(*SIGN, "-o", "public/manifest.note")
        fleet.write("manifest.toml", one)
        fleet.ok("bump", "manifest.toml", "--previous", "public/manifest.note")
        said = fleet.run("check", "manifest.toml", "--root", "public", "--previous", "public/manifest.note")
        assert said.code == 1 and "[shrinks]" in said.text
        assert "- s1.prod.example 10.0.1.1 (tcp:1)" in said.text

    def test_lint_sources_and_kms(self, fleet):
        said = fleet.run("check", "manifest.toml", "--root", "public", "--source", "https://pins.prod.example:8443/x",
                         "--source", "https://10.0.0.1/")
        assert said.code == 1 and said.text.count("[source-not-pinned]") == 1
        fleet.ok("check", "manifest.toml", "--root", "public", "--source", "https://db.prod.example/")
        fleet.write("manifest.toml", fleet.text("manifest.toml") + "# padding\n" * 500)
        said = fleet.ok("check", "manifest.toml", "--root", "public")
        assert "note [kms-4096]" in said.text

    def test_a_misspelt_ignore_is_refused(self, fleet):
        fleet.refused(3, "check", "manifest.toml", "--ignore", "no-chek")


def test_diff_by_meaning(fleet):
    fleet.ok("bump", "manifest.toml", "-o", "b.toml")
    edition = fleet.ok("diff", "manifest.toml", "b.toml")  # another edition of the same content
    assert "~ version 1 -> 2" in edition.text
    fleet.replace("b.toml", 'owner = "your on-call"', 'owner = "platform"')
    said = fleet.run("diff", "manifest.toml", "b.toml", "--output", "json")
    assert said.code == 1
    result = json.loads(said.text)
    assert result["schema"] == "hostspin.diff/1" and result["substantial"] is True
    assert {"change": "changed", "service": "db.prod.example", "field": "owner", "before": "your on-call",
            "after": "platform"} in result["changes"]


def test_diff_sees_no_layout(fleet):
    fleet.write("b.toml", fleet.text("manifest.toml").replace("\n[[service]]", "\n\n# comment\n[[service]]"))
    said = fleet.ok("diff", "manifest.toml", "b.toml")
    assert said.verdict == "no difference"


def test_text_is_exactly_what_is_signed(fleet):
    text = fleet.path("manifest.toml").read_bytes()
    assert fleet.ok("text", "manifest.toml").out == text
    fleet.ok(*SIGN, "-o", "out.note")
    assert hashlib.sha256(fleet.ok("text", "out.note").out).digest() == hashlib.sha256(text).digest()


class TestCommandLine:
    @pytest.mark.parametrize("command", [[], ["keygen"], ["vkey"], ["init"], ["root"], ["root", "new"], ["root", "next"],
                                         ["sign"], ["check"], ["bump"], ["diff"], ["text"], ["import"]])
    def test_help_is_written_text_that_fits(self, desk, command):
        said = desk.ok(*command, "--help")
        assert "Usage: hostspin-sign" in said.text
        assert all(len(line) <= 100 for line in said.text.splitlines())
        if command not in ([], ["root"]):
            assert "Example" in said.text

    @pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["root"], ["root", "frobnicate"], ["sign"], ["check"],
                                           ["check", "x", "--frobnicate"], ["bump", "none.toml"], ["check", "/"],
                                           ["check", "x", "--at", "tomorrow"], ["sign", "x"], ["diff", "a"],
                                           ["check", "x", "--output", "yaml"]])
    def test_wrong_use_is_one_error_and_one_hint(self, desk, arguments):
        desk.refused(3, *arguments)

    def test_version(self, desk):
        assert desk.ok("--version").text.startswith("hostspin-sign ")

    def test_options_of_every_command_stand_anywhere(self, fleet):
        fleet.ok("--output", "json", "check", "manifest.toml", "--root", "public")
        quiet = fleet.ok("sign", "-q", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "o")
        # What is signed is shown all the same, and nothing after it.
        assert quiet.out == b"" and quiet.err.splitlines()[-1].startswith("sha256 of the text: "), str(quiet)

    def test_a_full_disk_is_not_success(self, fleet):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([fleet.program, "check", "manifest.toml", "--root", "public"], cwd=fleet.directory,
                                  stdout=full, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 3 and b"standard output" in done.stderr

    def test_no_colour_off_a_terminal_and_colour_on_one(self, fleet):
        assert "\x1b" not in fleet.ok("check", "manifest.toml", "--root", "public").text
        code, screen = fleet.on_terminal(["check", "manifest.toml", "--root", "public", "--no-color"], [])
        assert code == 0 and "\x1b" not in screen


def test_a_gate_lets_no_draft_through(fleet):
    fleet.ok("check", "manifest.toml", "--root", "public")
    said = fleet.run("check", "manifest.toml", "--root", "public", "--signed")
    assert said.code == 2 and b"nobody has signed" in said.out, str(said)
    fleet.ok(*SIGN, "-o", "public/manifest.note", passphrase=PASSPHRASE)
    fleet.ok("check", "public/manifest.note", "--root", "public", "--signed")


def test_a_stale_attempt_at_the_output_says_what_to_do(fleet):
    """Correcting a draft before anybody published it is the commonest case of "the same version"."""
    fleet.ok(*SIGN, "-o", "m.note", passphrase=PASSPHRASE)
    fleet.replace("manifest.toml", "10.0.0.10", "10.0.0.11")
    said = fleet.refused(2, *SIGN, "-o", "m.note", passphrase=PASSPHRASE)
    assert "if 'm.note' was never published, delete it" in said.messages("hint")[0]
    assert "bump" in said.messages("hint")[0]
    fleet.path("m.note").unlink()
    fleet.ok(*SIGN, "-o", "m.note", passphrase=PASSPHRASE)


def test_what_the_root_allows_is_said(fleet):
    fleet.replace("manifest.toml", "10.0.0.10", "192.0.2.1")
    said = fleet.refused(2, "check", "manifest.toml", "--root", "public")
    assert "root 1 allows 10.0.0.0/8" in said.messages("hint")[0] and "hostspin trust" not in said.err, str(said)
    fleet.replace("manifest.toml", "192.0.2.1", "10.0.0.10")
    fleet.replace("manifest.toml", f"db.{FLEET}", "db.elsewhere.example")
    said = fleet.refused(2, *SIGN, passphrase=PASSPHRASE)
    assert f"root 1 allows *.{FLEET}" in said.messages("hint")[0] and "hostspin trust" not in said.err, str(said)


def test_a_refusal_is_whole_on_each_stream(fleet):
    """A log that keeps one stream alone has the reason."""
    said = fleet.refused(2, "check", "manifest.toml", "--root", "public", "--signed")
    assert "REFUSED" in said.verdict and "nobody has signed" in said.verdict
    assert said.messages("error")[0].startswith("'manifest.toml': ") and "nobody" in said.messages("error")[0]
    assert fleet.run("--output", "json", "check", "manifest.toml", "--root", "public", "--signed").err == ""


def test_a_root_slipped_into_the_published_directory_judges_nothing(desk, fleet):
    """Signed by keys of its own it would let any manifest pass the gate."""
    desk.ok("init", "evil", "--fleet", FLEET, "--no-passphrase", "--networks", "192.0.2.0/24")
    evil = Desk(desk.path("evil"), desk.program)
    evil.ok("root", "next", "public", "-o", "root-2.toml")
    for key in ("root-1", "root-2"):
        evil.ok("sign", "root-2.toml", "--key", f"keys/{key}.key", "--previous", "public")
    fleet.write("public/root/2.note", evil.path("root-2.toml").read_bytes())
    for command in (["check", "manifest.toml", "--root", "public"], [*SIGN, "-o", "m.note"]):
        said = fleet.run(*command, **({"passphrase": PASSPHRASE} if command[0] == "sign" else {}))
        assert said.code in (2, 3) and "does not follow 'public/root/1.note'" in said.messages("error")[0], str(said)
    assert not fleet.path("m.note").exists()


def test_the_text_never_takes_its_notes_place(fleet):
    fleet.ok(*SIGN, "-o", "m.note", passphrase=PASSPHRASE)
    note = fleet.path("m.note").read_bytes()
    said = fleet.refused(3, "text", "m.note", "-o", "m.note")
    assert "signatures" in said.messages("error")[0] and fleet.path("m.note").read_bytes() == note
    fleet.ok("text", "m.note", "-o", "m.text")


def test_a_manifest_given_as_the_root_is_called_so(fleet):
    said = fleet.run("check", "manifest.toml", "--root", "manifest.toml")
    assert said.code == 3 and "is a manifest, not a root" in said.messages("error")[0], str(said)
