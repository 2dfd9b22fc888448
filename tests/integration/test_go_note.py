"""Round trips with Go's golang.org/x/mod/sumdb/note: each side accepts what the other signed."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from desk_support import Desk, vkey_of

GOPATH = Path("/usr/share/gocode")
SOURCE = Path(__file__).parent / "go_note/main.go"


class GoNote:
    def __init__(self, program: Path):
        self.program = program

    def run(self, *arguments, input: bytes = b""):
        return subprocess.run([self.program, *arguments], input=input, capture_output=True, timeout=30, check=False)

    def ok(self, *arguments, input: bytes = b"") -> bytes:
        done = self.run(*arguments, input=input)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def go_note(tmp_path_factory) -> GoNote:
    if not shutil.which("go"):
        pytest.skip("no Go compiler (Debian's golang-go)")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/note").is_dir():
        pytest.skip("no golang.org/x/mod (Debian's golang-golang-x-mod-dev)")
    directory = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GOPATH": str(GOPATH), "GO111MODULE": "off", "GOFLAGS": "",
                   "GOCACHE": str(directory / "cache")}
    program = directory / "go_note"
    built = subprocess.run(["go", "build", "-o", program, SOURCE], env=environment, capture_output=True, check=False)
    assert built.returncode == 0, built.stderr
    return GoNote(program)


@pytest.fixture
def fleet(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign).fleet()


def test_go_opens_our_manifest_and_our_root(go_note, fleet):
    fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "--key", "keys/manifest-2.key",
             "-o", "out.note")
    keys = [vkey_of(fleet.path(f"keys/manifest-{number}.key")) for number in (1, 2)]
    done = go_note.run("open", *keys, input=fleet.path("out.note").read_bytes())
    assert done.returncode == 0, done.stderr
    assert done.stdout == fleet.path("manifest.toml").read_bytes()
    assert done.stderr.count(b"signed by") == 2

    root_key = vkey_of(fleet.path("keys/root-3.key"))
    text = go_note.ok("open", root_key, input=fleet.path("public/root/1.note").read_bytes())
    assert text == fleet.ok("text", "public/root/1.note").out


def test_go_refuses_ours_when_a_byte_is_altered_and_so_do_we(go_note, fleet):
    fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "out.note")
    fleet.replace("out.note", "10.0.0.10", "10.0.0.11")
    key = vkey_of(fleet.path("keys/manifest-1.key"))
    assert go_note.run("open", key, input=fleet.path("out.note").read_bytes()).returncode == 1
    assert fleet.run("check", "out.note", "--key", key).code == 2


@pytest.mark.parametrize("text", [b"hello\n", b"one\n\ntwo\n", b"a + b = c\n", b"x" * 4000 + b"\n"])
def test_we_accept_any_note_of_go(go_note, fleet, text):
    private, verifier = go_note.ok("keygen", "go.example/key").decode().split()
    fleet.write("go.note", go_note.ok("sign", private, input=text))
    said = fleet.ok("check", "go.note", "--key", verifier)
    assert said.verdict == "FINE: note, signed by go.example/key (1 needed)"


def test_go_signs_a_manifest_that_we_then_sign_too(go_note, fleet):
    private, verifier = go_note.ok("keygen", "go.example/key").decode().split()
    fleet.write("go.note", go_note.ok("sign", private, input=fleet.path("manifest.toml").read_bytes()))
    fleet.ok("sign", "go.note", "--root", "public", "--key", "keys/manifest-1.key")
    own = vkey_of(fleet.path("keys/manifest-1.key"))
    fleet.ok("check", "go.note", "--key", verifier, own)
    fleet.ok("check", "go.note", "--root", "public")
    assert go_note.ok("open", verifier, own, input=fleet.path("go.note").read_bytes()) == \
        fleet.path("manifest.toml").read_bytes()


def test_verifier_keys_are_the_same_text_on_both_sides(go_note, fleet):
    _, verifier = go_note.ok("keygen", "go.example/key").decode().split()
    public = base64.b64decode(verifier.split("+", 2)[2])[1:]
    assert fleet.ok("vkey", "go.example/key", "-", input=public).text.strip() == verifier
