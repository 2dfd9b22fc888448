"""A note that too few have signed, offered to a host: it says who signed and that this is an attack, and never advises
anybody to sign it as well. With one stolen key that advice would be all that an attacker still needs."""

import json
import re

import pytest
from support.fleet import Key, service
from support.machine import Machine, source

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


def publish_root_2(publication, fleet, **manifest_role):
    publication.offer_root(2, fleet.root(2, manifest=manifest_role))


def test_between_a_root_and_its_manifest_nobody_is_called_an_attacker(machine, publication, fleet):
    """A root replaced a signer, and the sources still offer what this host has: that is half a publication."""
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    newcomer = Key("hostspin.test/manifest/newcomer")
    publish_root_2(publication, fleet, keys=[newcomer.vkey, *(key.vkey for key in fleet.manifest_keys[1:])])

    for _ in range(2):  # as root 2 comes, and ever after
        done = machine.hostspin("refresh")
        assert done.code == 2, done
        assert "attack" not in done.stderr and "attack" not in done.stdout, done
        assert done.lines("hint") == ["a root replaced a signer; its manifest is not published yet"], done

    # Another text of the same signers is no gap.
    publication.offer(fleet.manifest(6, EVIL, signers=fleet.manifest_keys[:2]))
    assert "attack" in machine.hostspin("refresh").lines("hint")[0]


def test_a_manifest_of_an_epoch_to_come_misses_its_root(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    publication.offer(fleet.manifest(1, epoch=2))
    done = machine.hostspin("refresh")
    assert done.code == 2, done
    assert done.lines("hint") == ["the root that opens epoch 2 is withheld or not published"], done
