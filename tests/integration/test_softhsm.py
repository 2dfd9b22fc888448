"""A key that never leaves its token signs through --signer-cmd: SoftHSM holds it, PKCS#11 reaches it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from desk_support import Desk
from support.process import clean_environment

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
NAME = "example.com/hsm"
PENDING = "manifest.pending.note"  # until both have signed
TOKEN = "hostspin"
KEY = "signer"
PIN = "4321"
# What OpenSC's pkcs11-tool signs at once; longer texts it hands over in parts, which Ed25519 has not.
PKCS11_TOOL_BYTES_MAX = 1024


class Token:
    """A token of this test's own, with one Ed25519 key; nothing of the machine's SoftHSM is touched."""

    def __init__(self, directory: Path):
        for tool in ("softhsm2-util", "pkcs11-tool"):
            if not shutil.which(tool, path=clean_environment()["PATH"]):
                pytest.skip(f"needs the program {tool} (Debian: softhsm2, opensc)")
        if not MODULE.exists():
            pytest.skip(f"needs {MODULE} (Debian: softhsm2)")
        (directory / "tokens").mkdir(parents=True)
        (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory}/tokens\nlog.level = ERROR\n")
        self.directory = directory
        self.environment = {"SOFTHSM2_CONF": str(directory / "softhsm2.conf"), "HOSTSPIN_PIN": PIN}
        self.run("softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--so-pin", "12345678", "--pin", PIN)
        mechanisms = self.run("pkcs11-tool", "--module", MODULE, "--list-mechanisms")
        if "EDDSA" not in mechanisms:
            pytest.skip("this SoftHSM is built without EDDSA")
        self.tool("--login", "--pin", PIN, "--keypairgen", "--key-type", "EC:edwards25519", "--label", KEY,
                  "--id", "01", "--usage-sign")

    def run(self, *command) -> str:
        done = subprocess.run([*map(str, command)], capture_output=True, timeout=60, check=False,
                              env=clean_environment(**self.environment))
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.decode()

    def tool(self, *arguments) -> str:
        return self.run("pkcs11-tool", "--module", MODULE, "--token-label", TOKEN, *arguments)


@pytest.fixture
def token(tmp_path) -> Token:
    return Token(tmp_path / "token")


@pytest.fixture
def fleet(tmp_path, programs, token) -> Desk:
    """A fleet whose manifests need two signatures, one of them the token's."""
    desk = Desk(tmp_path / "desk", programs.sign)
    token.tool("--read-object", "--type", "pubkey", "--label", KEY, "--output-file", desk.path("hsm.pem"))
    desk.write("hsm.vkey", desk.ok("vkey", NAME, "hsm.pem").text)
    for name in ("r1", "m1"):
        made = desk.ok("keygen", "example.com/" + name, "-o", name + ".key", "--no-passphrase")
        desk.write(name + ".vkey", made.text)
    desk.ok("root", "new", "--fleet", "prod.example", "--root-key", "r1.vkey", "--root-threshold", "1",
            "--manifest-key", "m1.vkey", "hsm.vkey", "--manifest-threshold", "2", "--names", "*.svc.example.com",
            "--networks", "10.1.0.0/16", "-o", "root.note")
    desk.ok("sign", "root.note", "--key", "r1.key")
    desk.write("hosts", "10.1.0.1 db.svc.example.com\n")
    desk.ok("import", "hosts", "hosts", "--fleet", "prod.example", "-o", "manifest.toml")
    return desk


def big(desk: Desk) -> None:
    """The manifest grows beyond what some signers take at once."""
    with desk.path("manifest.toml").open("a") as file:
        for number in range(200):
            file.write(f'\n[[service]]\nname = "s{number}.svc.example.com"\naddresses = ["10.1.1.{number + 1}"]\n')
    assert desk.path("manifest.toml").stat().st_size > 10 * PKCS11_TOOL_BYTES_MAX


def signer_of(tool: str, checkout: Path) -> str:
    if tool == "pkcs11-tool":
        return (f"pkcs11-tool --module {MODULE} --token-label {TOKEN} --login --pin env:HOSTSPIN_PIN --sign "
                f"--mechanism EDDSA --label {KEY} --input-file {{}}")
    asked = ["/usr/bin/python3", "-c", "import PyKCS11; PyKCS11.CKM_EDDSA"]
    if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the Python module PyKCS11 (Debian: python3-pykcs11)")
    return f"{checkout}/examples/publish/pkcs11-sign.py {MODULE} {TOKEN} {KEY} {{}}"


def sign(desk: Desk, signer: str) -> list:
    return ["sign", "manifest.toml", "--root", "root.note", "--vkey", "hsm.vkey", "--signer-cmd", signer,
            "-o", "manifest.note"]


@pytest.mark.parametrize("tool", ["pkcs11-tool", "pkcs11-sign.py"])
def test_a_token_and_a_person_sign(fleet, token, checkout, tool):
    fleet.ok(*sign(fleet, signer_of(tool, checkout)), **token.environment)
    assert not fleet.path("manifest.note").exists()
    fleet.ok("sign", PENDING, "--root", "root.note", "--key", "m1.key", "-o", "manifest.note")
    said = fleet.run("check", "manifest.note", "--root", "root.note", "--ignore", "no-check")
    assert said.code == 0 and NAME in said.text, str(said)


def test_a_manifest_of_any_size_is_signed(fleet, token, checkout):
    big(fleet)
    fleet.ok(*sign(fleet, signer_of("pkcs11-sign.py", checkout)), **token.environment)
    fleet.ok("check", PENDING, "--key", "hsm.vkey")


def test_a_signer_that_cannot_says_why_and_nothing_is_written(fleet, token, checkout):
    """pkcs11-tool and a long text. A version of it that can is as welcome: then the signature must hold."""
    big(fleet)
    said = fleet.run(*sign(fleet, signer_of("pkcs11-tool", checkout)), **token.environment)
    if said.code == 0:
        fleet.ok("check", PENDING, "--key", "hsm.vkey")
        return
    assert said.code == 3 and "signer 'pkcs11-tool' failed" in said.messages("error")[0], str(said)
    assert "1024" in said.messages("hint")[0], str(said)
    assert not fleet.path("manifest.note").exists() and not fleet.path(PENDING).exists()


@pytest.mark.parametrize("tool", ["pkcs11-tool", "pkcs11-sign.py"])
def test_a_wrong_pin_signs_nothing(fleet, token, checkout, tool):
    said = fleet.refused(3, *sign(fleet, signer_of(tool, checkout)), **{**token.environment, "HOSTSPIN_PIN": "0000"})
    assert "CKR_PIN_INCORRECT" in said.err and not fleet.path("manifest.note").exists() and not fleet.path(PENDING).exists()


@pytest.mark.parametrize("what, arguments", [
    ("0 of token", f"{MODULE} another {KEY}"), ("0 of private key", f"{MODULE} {TOKEN} another"),
    ("error", f"/nonexistent.so {TOKEN} {KEY}"), ("usage", f"{MODULE} {TOKEN}")])
def test_what_is_not_there_is_named(fleet, token, checkout, what, arguments):
    program = signer_of("pkcs11-sign.py", checkout).split()[0]
    said = fleet.refused(3, *sign(fleet, f"{program} {arguments} {{}}"), **token.environment)
    assert what in said.err and "Traceback" not in said.err, str(said)
    assert not fleet.path("manifest.note").exists() and not fleet.path(PENDING).exists()


def test_the_pin_may_be_typed(fleet, token, checkout):
    signer = signer_of("pkcs11-sign.py", checkout)
    child = sign(fleet, signer)
    # The terminal's own environment has no HOSTSPIN_PIN; env(1) tells where the token is.
    child[child.index(signer)] = f"env SOFTHSM2_CONF={token.environment['SOFTHSM2_CONF']} {signer}"
    code, screen = fleet.on_terminal(child, ["yes", PIN])
    assert code == 0, screen
    assert f"PIN of {TOKEN}: " in screen and PIN not in screen.replace("PIN", "")
    fleet.ok("check", PENDING, "--key", "hsm.vkey")


def test_the_private_key_stays_in_the_token(fleet, token):
    listed = token.tool("--login", "--pin", PIN, "--list-objects", "--type", "privkey")
    assert re.search(r"Access: .*sensitive.*never extractable", listed), listed
    assert os.listdir(fleet.directory).count("hsm.key") == 0
