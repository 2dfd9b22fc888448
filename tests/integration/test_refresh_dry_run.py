"""refresh --dry-run: a whole cycle that stores nothing, and ends with the exit code that a refresh would have."""

import pytest
from support.fleet import Key, moment, service
from support.machine import source

OTHER = [service("ldap.example.com", ["10.1.2.9"])]


def everything(machine) -> dict:
    """Each file below the machine's root with its bytes, inode and times."""
    seen = {}
    for path in sorted(machine.path.rglob("*")):
        about = path.lstat()
        seen[str(path)] = (about.st_ino, about.st_mtime_ns, path.read_bytes() if path.is_file() else None)
    return seen


def agree(machine, *options, code=None):
    """The rehearsal leaves everything as it was, and the refresh after it ends with the same code."""
    before = everything(machine)
    rehearsal = machine.hostspin("refresh", "--dry-run", *options)
    assert everything(machine) == before, rehearsal
    done = machine.hostspin("refresh", *options)
    assert rehearsal.code == done.code, f"{rehearsal}\n{done}"
    if code is not None:
        assert done.code == code, done
    assert rehearsal.verdict.startswith("OK: dry run: " if done.code == 0 else ("WARNING: dry run: ", "CRITICAL: dry run: ")), rehearsal
    return rehearsal, done


@pytest.fixture
def held(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    return machine


def test_an_adoption(machine, publication, fleet):
    publication.offer(fleet.manifest(5))
    machine.configure(source(publication.file_url))
    rehearsal, done = agree(machine, code=0)
    assert "would adopt manifest 5" in rehearsal.verdict and "adopted manifest 5" in done.verdict
    assert [line for line in rehearsal.stdout.splitlines() if line.startswith("added ")] == \
        [line for line in done.stdout.splitlines() if line.startswith("added ")] != []

    publication.offer(fleet.manifest(6, OTHER))
    rehearsal, _ = agree(machine, code=0)
    assert "1 service added" in rehearsal.verdict and "would adopt manifest 6" in rehearsal.verdict


def test_nothing_new(held):
    rehearsal, _ = agree(held, code=0)
    assert "manifest 5 is current" in rehearsal.verdict


def test_new_roots_are_followed_and_not_kept(held, publication, fleet):
    newcomer = Key("hostspin.test/manifest/newcomer")
    keys = [newcomer, *fleet.manifest_keys[1:]]
    publication.offer_root(2, fleet.root(2, manifest={"keys": [key.vkey for key in keys]}))
    publication.offer_root(3, fleet.root(3, manifest={"keys": [key.vkey for key in keys]}))
    agree(held, code=2)  # the published manifest does not hold under it

    publication.offer(fleet.manifest(6, OTHER, signers=keys[:2]))
    rehearsal, _ = agree(held, code=0)
    assert "would adopt manifest 6" in rehearsal.verdict


def test_drift(held):
    held.hosts = held.hosts.replace(b"10.", b"11.", 1)
    rehearsal, _ = agree(held, code=1)
    assert "altered" in rehearsal.stderr


def test_refused_failed_and_expired(held, publication, fleet):
    publication.offer(fleet.manifest(4))
    agree(held, code=2)
    publication.offer(None)
    agree(held, code=2)
    publication.offer(fleet.manifest(6, issued=moment(-10), expires=moment(-1)))
    agree(held, code=2)


def test_without_sources_and_without_configuration(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(1))
    agree(machine, code=1)
    machine.configure(text="nonsense = 1\n")
    before = everything(machine)
    assert machine.hostspin("refresh", "--dry-run").code == machine.hostspin("refresh").code == 3
    assert everything(machine).keys() >= before.keys()


def test_a_file_by_hand_while_another_pass_holds_the_lock(held, tmp_path, fleet):
    """It needs no lock, as it writes nothing."""
    import fcntl
    note = tmp_path / "by-hand.note"
    note.write_bytes(fleet.manifest(6, OTHER))
    with open(held.path / "run/hostspin/lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = held.hostspin("refresh", "--dry-run", "--from", note)
    assert done.code == 0 and "would adopt manifest 6" in done.verdict, done
