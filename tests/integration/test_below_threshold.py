"""A note that too few have signed, offered to a host: it says who signed and that this is an attack, and never advises
anybody to sign it as well. With one stolen key that advice would be all that an attacker still needs."""

import json
import re

import pytest
from support.fleet import Key, service
from support.machine import Machine

EVIL = [service("ldap.example.com", ["10.6.6.6"])]
ADVICE = re.compile(r"\b(let|ask|have|another|others?|more|missing)\b[^.;\n]*(?<!hostspin-)\bsign", re.I)


@pytest.fixture
def victim(tmp_path, programs, fleet):
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), fleet.manifest(5))
    assert machine.hostspin("apply").code in (0, 1)
    return machine


def offered(fleet, tmp_path, kind: str):
    """A directory to refresh from, and the note in it; the thief has one key of two."""
    public = tmp_path / "public"
    (public / "root").mkdir(parents=True)
    if kind == "manifest":
        thief = fleet.manifest_keys[0]
        note = public / "manifest.note"
        note.write_bytes(fleet.manifest(6, EVIL, signers=[thief, Key("stranger/one")]))
    else:
        thief = fleet.root_keys[0]
        note = public / "root/2.note"
        note.write_bytes(fleet.root(2, signers=[thief]))
        (public / "manifest.note").write_bytes(fleet.manifest(5))
    return public, note, thief


def assert_no_advice(said: str, name: str):
    assert name in said, said
    assert "attack" in said, said
    assert not ADVICE.search(said), ADVICE.search(said)
    assert "hostspin-sign sign" not in said, said


@pytest.mark.parametrize("kind", ["manifest", "root"])
def test_half_signed_note_published(victim, fleet, tmp_path, kind):
    before = victim.hosts
    public, note, thief = offered(fleet, tmp_path, kind)

    done = victim.hostspin("inspect", note)
    assert done.code == 2 and "too_few" not in done.stdout.split("\n")[0], str(done)
    assert_no_advice(done.stdout.split("\n")[0] + done.stderr, thief.name)
    said = json.loads(victim.hostspin("inspect", note, "--output", "json").stdout)
    assert_no_advice(said["error"]["detail"] + " " + said["error"]["hint"], thief.name)

    done = victim.hostspin("refresh", "--from", public)
    assert done.code == 2, str(done)
    assert_no_advice(done.stdout + done.stderr, thief.name)
    assert victim.hosts == before
