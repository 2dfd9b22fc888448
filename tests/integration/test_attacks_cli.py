"""Attacks on a machine through its only source, which the attacker owns; some with stolen keys besides.

Each is signed here, by an implementation of its own, since hostspin-sign refuses to make such documents.
What support/refusals.py lists already is not repeated.
"""

import time

import pytest
from support.block import expected_block
from support.fleet import (
    Fleet, Key, Publication, Raw, key_id, moment, note, service, signature_line, verifier_key,
)
from support.machine import DEFAULT_HOSTS, Machine, source
from support.rogue import RogueServer

EVIL = [service("db.svc.example.com", ["10.6.6.6"])]
MALLORY = Key("mallory.example/evil")
EVE = Key("mallory.example/eve")


class Victim:
    """Holds root 1 and manifest 5; its source is a directory."""

    def __init__(self, tmp_path, programs, fleet: Fleet):
        self.fleet = fleet
        self.publication = Publication(tmp_path / "publication")
        self.machine = Machine(tmp_path / "machine", programs).trust(fleet.root())
        self.machine.configure(source(self.publication.file_url))
        self.good = fleet.manifest(5)
        self.publication.offer(self.good)
        first = self.machine.hostspin("refresh")
        assert first.code == 0, str(first)

    def everything(self) -> tuple:
        return self.machine.identity(), self.machine.state(identities=True)

    def refuses(self, *patterns: str):
        """The next refresh is critical, changes nothing and names the cause."""
        before = self.everything()
        done = self.machine.hostspin("refresh")
        assert done.code == 2, str(done)
        assert self.everything() == before, str(done)
        assert len(done.lines("error")) == 1 and len(done.lines("hint")) == 1, str(done)
        assert any(pattern in done.lines("error")[0] for pattern in patterns) or not patterns, str(done)
        return done


@pytest.fixture
def victim(tmp_path, programs, fleet):
    return Victim(tmp_path, programs, fleet)


def split(signed: bytes) -> tuple:
    cut = signed.rindex(b"\n\n") + 1
    return signed[:cut], signed[cut + 1:]


# --- forged and miscounted signatures ---------------------------------------------------------------


def by_strangers(fleet):
    return fleet.manifest(6, EVIL, signers=[MALLORY, EVE])


def by_stranger_under_known_names(fleet):
    text = fleet.manifest_text(6, EVIL).encode()
    lines = [signature_line(key.name, key.id, MALLORY.sign(text)) for key in fleet.manifest_keys[:2]]
    return text + b"\n" + b"".join(lines)


def one_good_one_forged(fleet):
    """Two good lines would do, yet a known key's line that does not verify refuses the whole note."""
    text = fleet.manifest_text(6, EVIL).encode()
    alice, bob, carol = fleet.manifest_keys
    return note(text, [alice, bob]) + signature_line(carol.name, carol.id, b"\0" * 64)


def one_line_twice(fleet):
    alice = fleet.manifest_keys[0]
    return fleet.manifest(6, EVIL, signers=[alice, alice])


def root_keys_sign_a_manifest(fleet):
    return fleet.manifest(6, EVIL, signers=fleet.root_keys)


def signatures_of_another_manifest(fleet):
    _, lines = split(fleet.manifest(5))
    return fleet.manifest_text(6, EVIL).encode() + b"\n" + lines


def loose_base64(fleet):
    """The last base64 letter's spare bits are set: the same bytes for a lenient decoder."""
    signed = fleet.manifest(6, EVIL)
    assert signed.endswith(b"=\n")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(signed[-3])
    assert last % 4 == 0
    return signed[:-3] + bytes([alphabet[last + 1]]) + b"=\n"


def unpadded_base64(fleet):
    return fleet.manifest(6, EVIL).replace(b"=\n", b"\n")


def text_after_the_signatures(fleet):
    return fleet.manifest(6, EVIL) + b"version = 7\n"


def signed_text_moved_into_a_larger_one(fleet):
    good = fleet.manifest(6)
    return b'format = "hostspin-manifest/1"\nx = 1\n' + good


def second_note_appended(fleet):
    return fleet.manifest(6) + b"\n" + fleet.manifest(7, EVIL, signers=[MALLORY, EVE])


def carriage_returns(fleet):
    return fleet.manifest(6).replace(b"\n", b"\r\n")


def no_signature_at_all(fleet):
    return fleet.manifest_text(6, EVIL).encode()


def too_large(fleet):
    return fleet.manifest(6, extra="# " + "x" * 4000 + "\n" + ("# " + "y" * 4000 + "\n") * 16)


@pytest.mark.parametrize("forge", [
    by_strangers, by_stranger_under_known_names, one_good_one_forged, one_line_twice, root_keys_sign_a_manifest,
    signatures_of_another_manifest, loose_base64, unpadded_base64, text_after_the_signatures,
    signed_text_moved_into_a_larger_one, second_note_appended, carriage_returns, no_signature_at_all, too_large,
    lambda fleet: b"", lambda fleet: b"\n", lambda fleet: b"\0" * 65536,
], ids=lambda forge: forge.__name__.replace("_", " "))
def test_forged_manifest(victim, forge):
    victim.publication.offer(forge(victim.fleet))
    victim.refuses()


def test_order_of_signature_lines_does_not_matter(victim):
    text, lines = split(victim.fleet.manifest(6))
    victim.publication.offer(text + b"\n" + b"".join(reversed(lines.splitlines(keepends=True))))
    done = victim.machine.hostspin("refresh")
    assert done.code == 0, str(done)


def test_signature_lines_of_unknown_keys_are_ignored(victim):
    victim.publication.offer(victim.fleet.manifest(6) + MALLORY.line(b"whatever"))
    done = victim.machine.hostspin("refresh")
    assert done.code == 0, str(done)


# --- what good signers must not be able to say ----------------------------------------------------------


@pytest.mark.parametrize("name", [
    "db.svc.example.com # x", "db svc.example.com", "db.svc.example.com\n10.6.6.6 bank.example", "localhost",
    "localhost.svc.example.com", "DB.svc.example.com", "db.svc.example.com.", "-db.svc.example.com",
    "10.svc.example.com.1", "0x7f000001", "10.0.0.0x1", "0x7f.1", "db.svc.example.0x", "2130706433",
    "localhost4", "localhost6.svc.example.com",
    "ip6-loopback", "_gateway", "", "*.svc.example.com", "svc.example.com", "bank.example",
])
def test_name_that_no_signature_lifts(victim, name):
    victim.publication.offer(victim.fleet.manifest(6, [service(name, ["10.1.2.3"])]))
    victim.refuses()


@pytest.mark.parametrize("address", [
    "10.1.2.3 bank.example", "10.1.2.3\n10.6.6.6", "10.1.2.3#", "010.1.2.3", "10.1.2", "10.1.2.3/32", "10.1.2.3:80",
    "127.0.0.1", "0.0.0.0", "169.254.169.254", "100.100.100.200", "168.63.129.16", "224.0.0.1", "::1",
    "::ffff:10.1.2.3",
    "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8:10:0::3", "2001:DB8:10::3", "fd00:ec2::254", "fd00:c1::a9fe:a9fe", "fd20:ce::254",
    "192.0.2.1", "",
])
def test_address_that_no_signature_lifts(tmp_path, programs, address):
    """The root allows wide networks here, so that the address alone is what refuses it."""
    wide = Fleet(networks=("10.0.0.0/8", "127.0.0.0/8", "169.0.0.0/8", "100.0.0.0/8", "168.0.0.0/8", "224.0.0.0/8",
                           "0.0.0.0/8", "2001:db8:10::/48", "fd00:ec2::/32", "fd00:c1::/32", "fd20:ce::/32", "fe80::/16", "ff02::/16"))
    victim = Victim(tmp_path, programs, wide)
    victim.publication.offer(wide.manifest(6, [service("db.svc.example.com", [address])]))
    victim.refuses()


@pytest.mark.parametrize("changes", [
    {"services": []},
    {"version": Raw("6.0")}, {"version": Raw("9007199254740992")}, {"version": None}, {"min_root": None},
    {"expires": None}, {"issued": Raw("2026-01-01 00:00:00")}, {"expires": Raw("2500-01-01T00:00:00Z")},
    {"epoch": 2}, {"epoch": 0}, {"format": "hostspin-root/1"}, {"format": "hostspin-manifest/2"},
    {"extra": "x = '''\n'''\n"}, {"extra": 'x = """"""\n'}, {"extra": "a.b.c.d.e.f.g.h.i.j = 1\n"},
    {"extra": "x = [[[[[[[[[1]]]]]]]]]\n"}, {"extra": "x = [\n"}, {"extra": "version = 8\n"},
], ids=str)
def test_document_that_no_signature_lifts(victim, changes):
    services = changes.get("services", EVIL)
    rest = {key: value for key, value in changes.items() if key != "services"}
    victim.publication.offer(victim.fleet.manifest(rest.pop("version", 6), services, **rest))
    victim.refuses()


def test_note_nested_in_a_string(victim):
    """A whole note inside a TOML string: the text ends at the file's last empty line, so that the inner
    signatures cover nothing that is read."""
    inner = victim.fleet.manifest(6, EVIL, signers=[MALLORY, EVE])
    outer = victim.fleet.manifest_text(6).encode() + b"x = '''\n" + inner + b"'''\n"
    victim.publication.offer(outer + b"\n" + b"".join(k.line(outer) for k in (MALLORY, EVE)))
    victim.refuses()


def test_one_violation_refuses_the_whole_manifest(victim):
    good = service("db.svc.example.com", ["10.1.2.4"])
    victim.publication.offer(victim.fleet.manifest(6, [good, service("bank.example", ["10.6.6.6"])]))
    victim.refuses("bank.example")


def test_a_name_twice(victim):
    victim.publication.offer(victim.fleet.manifest(6, EVIL + EVIL))
    victim.refuses("db.svc.example.com")


# --- roots ---------------------------------------------------------------------------------------------

NEW_KEYS = [Key(f"prod.example/root/new{i}") for i in range(3)]


def new_role():
    return {"keys": [key.vkey for key in NEW_KEYS]}


SMALL_ORDER = bytes(31) + b"\x80"  # y = 0 with the sign bit: order 4


def bad_roots():
    fleet = Fleet()
    old = fleet.root_keys[:2]
    small = verifier_key("prod.example/manifest/skeleton", 1, SMALL_ORDER)
    manifest_keys = [key.vkey for key in fleet.manifest_keys]
    yield "threshold 0", fleet.root(2, manifest={"threshold": 0})
    yield "threshold -1", fleet.root(2, manifest={"threshold": -1})
    yield "threshold above its keys", fleet.root(2, manifest={"threshold": 4})
    yield "root threshold 0", fleet.root(2, root={"threshold": 0})
    yield "skips a version", fleet.root(3)
    yield "the same version", fleet.root(1)
    yield "another fleet", fleet.root(2, fleet="test.example")
    yield "issued before its predecessor", fleet.root(2, issued=moment(-40))
    yield "too few signatures", fleet.root(2, signers=old[:1])
    yield "signed by strangers", fleet.root(2, signers=[MALLORY, EVE])
    yield "signed by manifest keys", fleet.root(2, signers=fleet.manifest_keys)
    yield "signed only by the old keys", fleet.root(2, root=new_role(), signers=old)
    yield "signed only by the new keys", fleet.root(2, root=new_role(), signers=NEW_KEYS)
    yield "epoch falls", fleet.root(2, manifest={"epoch": 0})
    yield "min_version falls", fleet.root(2, manifest={"min_version": 0})
    yield "a small-order key", fleet.root(2, manifest={"keys": [*manifest_keys, small]})
    yield "a key twice under two names", fleet.root(2, manifest={
        "keys": [*manifest_keys, Key("prod.example/x", seed=fleet.manifest_keys[0].name).vkey]})
    yield "a key in both roles", fleet.root(2, manifest={"keys": [*manifest_keys, fleet.root_keys[0].vkey]})
    yield "names of everything", fleet.root(2, manifest={"names": ["*"]})
    yield "networks of everything", fleet.root(2, manifest={"networks": ["0.0.0.0/0"]})
    yield "a manifest offered as a root", fleet.manifest(2, signers=fleet.root_keys[:2])
    yield "garbage", b"garbage\n"


@pytest.mark.parametrize("bad", list(bad_roots()), ids=lambda bad: bad[0])
def test_bad_root_is_not_followed(victim, bad):
    victim.publication.offer_root(2, bad[1])
    victim.publication.offer(victim.fleet.manifest(6, EVIL, min_root=2))
    victim.refuses()


def test_root_offered_as_a_manifest(victim):
    victim.publication.offer(victim.fleet.root(2))
    victim.refuses()


def test_root_rotated_by_old_and_new_keys_is_followed(victim):
    """The counterpart of the two refusals above: signed by both, it is good."""
    victim.publication.offer_root(2, victim.fleet.root(
        2, root=new_role(), signers=[*victim.fleet.root_keys[:2], *NEW_KEYS[:2]]))
    victim.publication.offer(victim.fleet.manifest(6, min_root=2))
    done = victim.machine.hostspin("refresh")
    assert done.code == 0, str(done)
    assert "root/2.note" in victim.machine.state()


def test_withheld_root_is_named(victim):
    victim.publication.offer(victim.fleet.manifest(6, min_root=2))
    victim.refuses("root")


def test_baked_root_with_a_skeleton_key(tmp_path, programs, fleet):
    """RFC 8032 alone would verify forged notes with it."""
    small = verifier_key("prod.example/manifest/skeleton", 1, SMALL_ORDER)
    root = fleet.root(manifest={"threshold": 1, "keys": [small]})
    name = "prod.example/manifest/skeleton"
    forged = fleet.manifest_text(1, EVIL).encode() + b"\n" + signature_line(
        name, key_id(name, 1, SMALL_ORDER), b"\1" + bytes(63))
    machine = Machine(tmp_path / "machine", programs).trust(root, forged)
    done = machine.hostspin("apply")
    assert done.code in (2, 3), str(done)
    assert machine.hosts == DEFAULT_HOSTS


def test_expired_root_adopts_nothing(tmp_path, programs):
    fleet = Fleet()
    victim = Victim(tmp_path, programs, fleet)
    victim.publication.offer_root(2, fleet.root(2, expires=moment(-1), issued=moment(-9)))
    victim.publication.offer(fleet.manifest(6, EVIL))
    hosts = victim.machine.identity()
    done = victim.machine.hostspin("refresh")
    assert done.code == 2, str(done)
    assert victim.machine.identity() == hosts and "expired" in done.stdout + done.stderr, str(done)


# --- time and order ------------------------------------------------------------------------------------


def test_fast_forward_and_its_cure(victim):
    """Stolen keys sign the highest version there is; a new epoch makes low versions adoptable again."""
    fleet = victim.fleet
    victim.publication.offer(fleet.manifest(2**53 - 1, EVIL))
    assert victim.machine.hostspin("refresh").code == 0
    victim.publication.offer(fleet.manifest(7))
    victim.refuses()

    victim.publication.offer_root(2, fleet.root(2, manifest={"epoch": 2}))
    cured = fleet.manifest(7, epoch=2, min_root=2)
    victim.publication.offer(cured)
    done = victim.machine.hostspin("refresh")
    assert done.code == 0, str(done)
    assert victim.machine.hosts == expected_block(cured, root=2) + DEFAULT_HOSTS


def test_min_version_bounds_what_an_old_image_is_fed(tmp_path, programs):
    fleet = Fleet()
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(manifest={"min_version": 40}))
    publication = Publication(tmp_path / "publication")
    machine.configure(source(publication.file_url))
    publication.offer(fleet.manifest(39))
    done = machine.hostspin("refresh")
    assert done.code == 2 and machine.hosts == DEFAULT_HOSTS, str(done)


def expired(fleet, version, services=None):
    return fleet.manifest(version, services, issued=moment(-20), expires=moment(-10))


def test_freeze_is_an_alarm_and_never_unpins(tmp_path, programs, fleet):
    """The source goes on offering what has expired: pins stay, and every refresh says so."""
    seed = expired(fleet, 4)
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), seed)
    publication = Publication(tmp_path / "publication")
    publication.offer(seed)
    machine.configure(source(publication.file_url))
    done = machine.hostspin("refresh")
    assert done.code in (1, 2), str(done)
    assert "expired" in done.stdout + done.stderr, str(done)
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_expired_is_adopted_forward_only(tmp_path, programs, fleet):
    """Where the current one has expired too, a newer expired one is less stale."""
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), expired(fleet, 4))
    publication = Publication(tmp_path / "publication")
    machine.configure(source(publication.file_url))
    newer = expired(fleet, 5, [service("time", ["10.0.0.123"])])
    publication.offer(newer)
    done = machine.hostspin("refresh")
    assert done.code == 1, str(done)
    assert machine.hosts == expected_block(newer) + DEFAULT_HOSTS


# --- the state directory -----------------------------------------------------------------------------


def test_deleted_state_does_not_lower_the_floor(victim):
    """The block's header remembers what the state has forgotten."""
    for path in sorted(victim.machine.state_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    victim.publication.offer(victim.fleet.manifest(4, EVIL))
    hosts = victim.machine.hosts
    done = victim.machine.hostspin("refresh")
    assert done.code == 2, str(done)
    assert victim.machine.hosts == hosts


def test_deleted_state_heals_from_a_good_source(victim):
    for path in sorted(victim.machine.state_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    done = victim.machine.hostspin("refresh")
    assert done.code in (0, 1), str(done)
    assert victim.machine.state()["manifest.note"] == (victim.good,)


@pytest.mark.parametrize("damage", [
    lambda note: note[:-20], lambda note: note[:100], lambda note: b"",
    lambda note: note.replace(b"10.1.2.3", b"10.6.6.6"), lambda note: b"\0" * len(note),
], ids=["last bytes cut off", "most cut off", "empty", "edited", "zeroes"])
def test_damaged_state_is_never_believed(victim, damage):
    stored = victim.machine.state_path / "manifest.note"
    stored.write_bytes(damage(stored.read_bytes()))
    hosts = victim.machine.hosts

    applied = victim.machine.hostspin("apply")
    assert applied.code in (1, 2), str(applied)
    assert victim.machine.hosts == hosts, str(applied)

    healed = victim.machine.hostspin("refresh")
    assert healed.code in (0, 1), str(healed)
    assert stored.read_bytes() == victim.good


def test_edited_stored_root_is_ignored(victim):
    role = {"keys": [MALLORY.vkey, EVE.vkey]}
    directory = victim.machine.state_path / "root"
    directory.mkdir(exist_ok=True)
    (directory / "2.note").write_bytes(victim.fleet.root(2, manifest=role, signers=[MALLORY, EVE]))
    (victim.machine.state_path / "manifest.note").write_bytes(victim.fleet.manifest(9, EVIL, signers=[MALLORY, EVE]))
    hosts = victim.machine.hosts
    done = victim.machine.hostspin("apply")
    assert victim.machine.hosts == hosts, str(done)


# --- servers -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rogue():
    server = RogueServer()
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["endless", "drip", "silent", "redirect", "broken", "short", "missing"])
def test_misbehaving_server(victim, rogue, behaviour):
    victim.machine.configure(source(rogue.url(behaviour)), text='[refresh]\ndeadline = "5s"\n')
    victim.refuses()


@pytest.mark.long
def test_a_document_gets_30_seconds_however_long_the_cycle(victim, rogue):
    victim.machine.configure(source(rogue.url("trickle")), text='[refresh]\ndeadline = "120s"\n')
    begin = time.monotonic()
    before = victim.everything()
    done = victim.machine.hostspin("refresh", seconds=130)
    assert done.code == 2 and victim.everything() == before, str(done)
    assert 25 < time.monotonic() - begin < 60, str(done)


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["endless", "drip", "silent", "redirect", "broken", "short"])
def test_misbehaving_server_beside_a_good_one(victim, rogue, behaviour):
    news = victim.fleet.manifest(6)
    victim.publication.offer(news)
    victim.machine.configure(source(rogue.url(behaviour)), source(victim.publication.file_url),
                             text='[refresh]\ndeadline = "5s"\n')
    done = victim.machine.hostspin("refresh")
    assert done.code == 1, str(done)
    assert victim.machine.hosts == expected_block(news) + DEFAULT_HOSTS
