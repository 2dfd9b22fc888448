"""Signers that are not ours: a command, signify, minisign. Whatever they say, their signature is verified
before a line is appended."""

import base64
import os
import shutil
import stat
import subprocess

import pytest
from desk_support import Desk, vkey_of

NAME = "example.com/hsm"


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign).fleet()


@pytest.fixture
def hsm(fleet) -> str:
    """A key that only openssl touches; gives its verifier key."""
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", fleet.path("hsm.pem")], check=True)
    public = subprocess.run(["openssl", "pkey", "-in", fleet.path("hsm.pem"), "-pubout"], check=True,
                            capture_output=True).stdout
    vkey = fleet.ok("vkey", NAME, "-", input=public).text
    fleet.write("hsm.vkey", vkey)
    return vkey.strip()


def script(fleet: Desk, body: str) -> str:
    fleet.write("signer", "#!/bin/sh\n" + body, 0o755)
    return "./signer"


def sign(*signer):
    command = ["sign", "manifest.toml", "--vkey", "hsm.vkey", "-o", "out.note"]
    for word in signer:
        command += ["--signer-cmd", word]
    return command


PENDING = "manifest.pending.note"  # the signer is in no root, so nothing is ever complete here
OPENSSL = "openssl pkeyutl -sign -rawin -inkey hsm.pem -in"


@pytest.mark.parametrize("words", [
    [OPENSSL + " {}"], [OPENSSL],
    ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "hsm.pem", "-in", "{}"]])
def test_openssl_signs(fleet, hsm, words):
    fleet.ok(*sign(*words))
    fleet.ok("check", PENDING, "--key", hsm)
    assert not fleet.path("out.note").exists()
    assert fleet.path(PENDING).read_bytes().startswith(fleet.path("manifest.toml").read_bytes())


def test_base64_is_taken_too(fleet, hsm):
    fleet.ok(*sign(script(fleet, f'{OPENSSL} "$1" | base64 -w0\n')))
    fleet.ok("check", PENDING, "--key", hsm)


def test_the_signer_sees_a_regular_file_with_exactly_the_text(fleet, hsm):
    body = f'cp "$1" seen; stat -c "%F %a" "$1" > kind; echo "$1" > path; {OPENSSL} "$1"\n'
    fleet.ok(*sign(script(fleet, body)))
    assert fleet.path("seen").read_bytes() == fleet.path("manifest.toml").read_bytes()
    assert fleet.text("kind") == "regular file 600\n"
    assert not os.path.exists(fleet.text("path").strip())  # nothing is left behind
    assert not os.path.exists(os.path.dirname(fleet.text("path").strip()))


def test_a_second_signer_sees_the_text_without_the_block(fleet, hsm):
    fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "out.note")
    fleet.ok("sign", "out.note", "--root", "public", "--vkey", "hsm.vkey", "--signer-cmd", OPENSSL)
    fleet.ok("check", "out.note", "--key", hsm, vkey_of(fleet.path("keys/manifest-1.key")))


def test_no_shell_reads_the_command(fleet, hsm):
    fleet.refused(3, *sign("true; touch owned"))
    fleet.refused(3, *sign("$(touch owned)"))
    fleet.run(*sign("echo x > owned"))
    assert not fleet.path("owned").exists()


@pytest.mark.parametrize("body", [
    "exit 1\n", "kill -9 $$\n", "true\n", "echo hello\n", "head -c 63 /dev/zero\n", "head -c 65 /dev/zero\n",
    "yes\n", "cat \"$1\"\n"])
def test_a_signer_that_gives_no_signature(fleet, hsm, body):
    said = fleet.refused(3, *sign(script(fleet, body)))
    assert "signer" in said.messages("error")[0]
    assert not fleet.path("out.note").exists() and not fleet.path(PENDING).exists()


def test_a_program_that_is_not_there(fleet, hsm):
    fleet.refused(3, *sign("./none"))
    fleet.refused(3, *sign(" "))


@pytest.mark.parametrize("body", [
    "head -c 64 /dev/zero\n",                                  # no signature at all
    f'printf x > other; {OPENSSL} other\n',                    # of another text
    'openssl genpkey -algorithm ed25519 -out k; openssl pkeyutl -sign -rawin -inkey k -in "$1"\n'])  # another key
def test_a_signature_that_does_not_verify_is_not_appended(fleet, hsm, body):
    fleet.refused(2, *sign(script(fleet, body)))
    assert not fleet.path("out.note").exists() and not fleet.path(PENDING).exists()


def test_a_signer_needs_its_verifier_key(fleet, hsm):
    fleet.refused(3, "sign", "manifest.toml", "--signer-cmd", OPENSSL)
    fleet.refused(3, "sign", "manifest.toml", "--signer-cmd", OPENSSL, "--vkey", "none.vkey")


def test_above_4096_bytes_kms_is_warned_of(fleet, hsm):
    fleet.write("manifest.toml", fleet.text("manifest.toml") + "# padding\n" * 500)
    fleet.write("kms-sign", f'#!/bin/sh\n{OPENSSL} "$1"\n', 0o755)
    assert any("4096" in warning for warning in fleet.ok(*sign("./kms-sign")).messages("warning"))
    fleet.path(PENDING).unlink()
    said = fleet.ok(*sign(OPENSSL))
    assert not any("4096" in warning for warning in said.messages("warning")), str(said)


def test_the_signer_keeps_standard_input_for_its_questions(fleet, hsm):
    said = fleet.ok(*sign(script(fleet, f'read -r pin; echo "$pin" > pin; {OPENSSL} "$1"\n')), input=b"1234\n")
    assert fleet.text("pin") == "1234\n" and said.code == 0


class TestImportedSignatures:
    def take(self, fleet, signature):
        return ["sign", "manifest.toml", "--import-signature", signature, "--vkey", "foreign.vkey", "-o", "out.note"]

    @pytest.fixture
    def text(self, fleet):
        fleet.ok("text", "manifest.toml", "-o", "text")
        assert stat.S_ISREG(fleet.path("text").stat().st_mode)
        return fleet.path("text")

    def test_signify(self, fleet, text):
        signify = shutil.which("signify-openbsd")
        if not signify:
            pytest.skip("Debian's signify-openbsd is not installed")
        run = dict(cwd=fleet.directory, check=True)
        subprocess.run([signify, "-G", "-n", "-p", "s.pub", "-s", "s.sec"], **run)
        subprocess.run([signify, "-S", "-s", "s.sec", "-m", "text", "-x", "text.sig"], **run)
        fleet.write("foreign.vkey", fleet.ok("vkey", NAME, "s.pub").text)
        fleet.ok(*self.take(fleet, "text.sig"))
        fleet.ok("check", PENDING, "--key", "foreign.vkey")

    def test_minisign_legacy_yes_prehashed_no(self, fleet, text):
        minisign = shutil.which("minisign")
        if not minisign:
            pytest.skip("Debian's minisign is not installed")
        run = dict(cwd=fleet.directory, check=True, capture_output=True)
        subprocess.run([minisign, "-G", "-W", "-p", "m.pub", "-s", "m.sec"], **run)
        fleet.write("foreign.vkey", fleet.ok("vkey", NAME, "m.pub").text)
        subprocess.run([minisign, "-S", "-s", "m.sec", "-m", "text", "-x", "hashed"], **run)
        said = fleet.refused(3, *self.take(fleet, "hashed"))
        assert "-l" in said.messages("hint")[0]
        subprocess.run([minisign, "-S", "-l", "-s", "m.sec", "-m", "text", "-x", "legacy"], **run)
        fleet.ok(*self.take(fleet, "legacy"))
        fleet.ok("check", PENDING, "--key", "foreign.vkey")

    def test_raw_bytes_and_their_base64(self, fleet, hsm, text):
        fleet.write("foreign.vkey", hsm + "\n")
        signature = subprocess.run([*OPENSSL.split(), "text"], cwd=fleet.directory, check=True,
                                   capture_output=True).stdout
        for form in (signature, base64.b64encode(signature) + b"\n"):
            fleet.write("raw", form)
            fleet.ok(*self.take(fleet, "raw"))
        fleet.write("raw", bytes([signature[0] ^ 1]) + signature[1:])
        fleet.refused(2, *self.take(fleet, "raw"))
        fleet.write("raw", signature[:-1])
        fleet.refused(3, *self.take(fleet, "raw"))
