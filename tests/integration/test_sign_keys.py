"""Keys on the desk: how they are made, kept and opened."""

import base64
import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import (Encoding, PublicFormat, load_pem_private_key)
from desk_support import PASSPHRASE, Desk, vkey_of

NAME = "example.com/root/alice"


@pytest.fixture
def desk(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign)


def public_bytes(vkey: str) -> bytes:
    return base64.b64decode(vkey.split("+", 2)[2])[1:]


def test_keygen_prints_the_verifier_key_of_the_file_it_writes(desk):
    said = desk.ok("keygen", NAME, "-o", "a.key", passphrase=PASSPHRASE)
    vkey = said.text.strip()
    assert vkey.startswith(NAME + "+")
    assert stat.S_IMODE(desk.path("a.key").stat().st_mode) == 0o600
    assert vkey_of(desk.path("a.key")) == vkey

    # Somebody else's code opens it, with that passphrase alone, and finds that very key.
    key = load_pem_private_key(desk.path("a.key").read_bytes(), PASSPHRASE.encode())
    assert key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) == public_bytes(vkey)
    with pytest.raises(ValueError):
        load_pem_private_key(desk.path("a.key").read_bytes(), b"wrong")


def test_keys_are_encrypted_with_scrypt_and_aes(desk):
    desk.ok("keygen", NAME, "-o", "a.key", passphrase=PASSPHRASE)
    shown = subprocess.run(["openssl", "asn1parse", "-in", desk.path("a.key")], capture_output=True,
                           text=True, check=True).stdout
    assert ":PBES2" in shown and ":scrypt" in shown.lower() and ":aes-256-cbc" in shown


def test_keygen_without_passphrase_says_so(desk):
    said = desk.ok("keygen", NAME, "-o", "a.key", "--no-passphrase")
    assert "not encrypted" in said.err
    assert "BEGIN PRIVATE KEY" in desk.text("a.key")
    load_pem_private_key(desk.path("a.key").read_bytes(), None)


def test_a_limit_on_file_sizes_is_an_error_and_no_death(tmp_path, programs):
    desk = Desk(tmp_path / "desk", "/usr/bin/prlimit")
    said = desk.refused(3, "--fsize=0", programs.sign, "keygen", NAME, "-o", "a.key", "--no-passphrase")
    assert "File too large" in said.messages("error")[0] and not desk.path("a.key").exists()


def test_a_key_is_never_overwritten(desk):
    desk.ok("keygen", NAME, "-o", "a.key", "--no-passphrase")
    before = desk.text("a.key")
    desk.refused(3, "keygen", NAME, "-o", "a.key", "--no-passphrase")
    os.symlink("elsewhere", desk.path("link.key"))
    desk.refused(3, "keygen", NAME, "-o", "link.key", "--no-passphrase")
    assert desk.text("a.key") == before
    assert not desk.path("elsewhere").exists()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "ä", "a" * 129, "a\nb"])
def test_names_outside_the_rule_are_refused(desk, name):
    desk.refused(3, "keygen", name, "-o", "a.key", "--no-passphrase")
    assert not desk.path("a.key").exists()


def test_empty_passphrase_is_refused(desk):
    said = desk.refused(3, "keygen", NAME, "-o", "a.key", passphrase="")
    assert "--no-passphrase" in said.messages("hint")[0]
    assert not desk.path("a.key").exists()


def test_without_a_terminal_the_descriptor_is_named(desk):
    said = desk.refused(3, "keygen", NAME, "-o", "a.key")
    assert "--passphrase-fd" in said.messages("hint")[0]


def test_terminal_asks_twice_and_shows_nothing(desk):
    code, screen = desk.on_terminal(["keygen", NAME, "-o", "a.key"], [PASSPHRASE, PASSPHRASE])
    assert code == 0, screen
    assert PASSPHRASE not in screen
    load_pem_private_key(desk.path("a.key").read_bytes(), PASSPHRASE.encode())


def test_terminal_refuses_two_different_passphrases(desk):
    code, screen = desk.on_terminal(["keygen", NAME, "-o", "a.key"], ["one", "other"])
    assert code == 3 and "differ" in screen
    assert not desk.path("a.key").exists()


def test_interrupt_at_the_prompt_leaves_nothing_and_ends_by_the_signal(desk):
    code, _ = desk.on_terminal(["keygen", NAME, "-o", "a.key"], ["\x03"])
    assert code == -2
    assert not desk.path("a.key").exists()


PENDING = "manifest.pending.note"  # where the note stays: these keys are in no root


class TestSigningKeyFiles:
    @pytest.fixture
    def fleet(self, desk):
        return desk.fleet()

    def sign(self, fleet, key):
        return ("sign", "manifest.toml", "--root", "public", "--key", key, "-o", "out.note")

    def test_wrong_passphrase(self, fleet):
        fleet.ok("keygen", NAME, "-o", "a.key", passphrase=PASSPHRASE)
        said = fleet.refused(3, *self.sign(fleet, "a.key"), passphrase="wrong")
        assert "passphrase" in said.messages("error")[0]
        assert not fleet.path("out.note").exists() and not fleet.path(PENDING).exists()

    def test_right_passphrase_on_a_terminal(self, fleet):
        fleet.ok("keygen", NAME, "-o", "a.key", passphrase=PASSPHRASE)
        code, screen = fleet.on_terminal(self.sign(fleet, "a.key"), ["yes", PASSPHRASE])
        assert code == 0, screen
        assert PASSPHRASE not in screen
        fleet.ok("check", PENDING, "--key", "a.key")

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
    def test_a_key_that_others_can_reach_is_refused(self, fleet, mode):
        fleet.path("keys/manifest-1.key").chmod(mode)
        said = fleet.refused(3, *self.sign(fleet, "keys/manifest-1.key"))
        assert "chmod 600" in said.messages("hint")[0]
        assert not fleet.path("out.note").exists() and not fleet.path(PENDING).exists()

    def test_a_key_behind_a_symlink_is_refused(self, fleet):
        os.symlink("keys/manifest-1.key", fleet.path("link.key"))
        said = fleet.refused(3, *self.sign(fleet, "link.key"))
        assert "symbolic link" in said.messages("error")[0]

    def test_a_directory_a_fifo_and_nothing_are_refused(self, fleet):
        os.mkfifo(fleet.path("fifo.key"), 0o600)
        for path in ("keys", "fifo.key", "none.key"):
            fleet.refused(3, *self.sign(fleet, path))

    def test_a_damaged_key_is_refused(self, fleet):
        lines = fleet.text("keys/manifest-1.key").splitlines(keepends=True)
        fleet.write("short.key", "".join(lines[:3]), 0o600)
        fleet.write("empty.key", "", 0o600)
        fleet.refused(3, *self.sign(fleet, "short.key"))
        fleet.refused(3, *self.sign(fleet, "empty.key"))

    def test_a_comment_that_names_another_key_is_refused(self, fleet):
        other = vkey_of(fleet.path("keys/manifest-2.key"))
        mine = vkey_of(fleet.path("keys/manifest-1.key"))
        mixed = fleet.text("keys/manifest-1.key").replace(mine, other)
        fleet.write("mixed.key", mixed, 0o600)
        fleet.refused(2, *self.sign(fleet, "mixed.key"))

    def test_a_key_made_by_openssl_signs_under_the_name_given(self, fleet):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", fleet.path("o.key")], check=True)
        fleet.path("o.key").chmod(0o600)
        said = fleet.refused(3, *self.sign(fleet, "o.key"))
        assert "--name" in said.messages("hint")[0]
        fleet.ok(*self.sign(fleet, "o.key"), "--name", NAME)
        public = subprocess.run(["openssl", "pkey", "-in", fleet.path("o.key"), "-pubout"], check=True,
                                capture_output=True).stdout
        vkey = fleet.ok("vkey", NAME, "-", input=public).text.strip()
        fleet.ok("check", PENDING, "--key", vkey)

    def test_a_key_that_is_not_ed25519_is_refused(self, fleet):
        subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", fleet.path("x.key")], check=True)
        fleet.path("x.key").chmod(0o600)
        fleet.refused(3, *self.sign(fleet, "x.key"), "--name", NAME)


def test_vkey_reads_every_usual_form_of_the_same_key(desk):
    desk.ok("keygen", NAME, "-o", "a.key", "--no-passphrase")
    vkey = vkey_of(desk.path("a.key"))
    raw = public_bytes(vkey)
    openssl = ["openssl", "pkey", "-in", desk.path("a.key"), "-pubout"]
    pem = subprocess.run(openssl, check=True, capture_output=True).stdout
    der = subprocess.run([*openssl, "-outform", "DER"], check=True, capture_output=True).stdout
    signify = b"untrusted comment: x\n" + base64.b64encode(b"Ed" + b"\x01" * 8 + raw) + b"\n"
    for form in (pem, der, base64.b64encode(der), base64.b64encode(raw) + b"\n", raw, signify):
        assert desk.ok("vkey", NAME, "-", input=form).text.strip() == vkey


@pytest.mark.parametrize("junk", [b"", b"hello", b"\x00" * 31, b"-----BEGIN PUBLIC KEY-----\nx\n"])
def test_vkey_refuses_what_is_no_key(desk, junk):
    desk.refused(3, "vkey", NAME, "-", input=junk)


def test_vkey_refuses_a_small_order_key(desk):
    desk.refused(2, "vkey", NAME, "-", input=b"\x01" + b"\x00" * 31)
