"""What an adoption brings is told: by its event in the journal, by `diff` before it comes, and by alarms that end."""

import json

import pytest
from support.fleet import moment, service
from support.machine import source

SERVICES = [service("db.svc.example.com", ["10.1.2.3"]), service("api.svc.example.com", ["10.1.2.10"]),
            service("time", ["10.0.0.123"])]
LATER = [service("db.svc.example.com", ["10.1.2.4"]), service("time", ["10.0.0.123"]),
         service("ldap.example.com", ["10.1.2.9"])]


def alarms(machine) -> set:
    said = json.loads(machine.hostspin("status", "--output", "json").stdout)
    return {one["alarm"] for one in said["agent"]["alarms"]}


@pytest.fixture
def held(machine, publication, fleet):
    publication.offer(fleet.manifest(5, SERVICES))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    return machine


def events(machine, kind) -> list:
    """Those that a child of the agent's tells."""
    done = machine.hostspin("refresh", "--for-agent")
    return [line for line in done.stdout.splitlines() if kind in line]


def test_an_adoptions_event_names_the_services(held, publication, fleet):
    publication.offer(fleet.manifest(6, LATER))
    (event,) = events(held, "manifest_adopted")
    assert "1 service added, 1 removed, 1 changed" in event
    for field in ("HOSTSPIN_ADDED=ldap.example.com", "HOSTSPIN_REMOVED=api.svc.example.com",
                  "HOSTSPIN_CHANGED=db.svc.example.com"):
        assert field in event
    publication.offer(fleet.manifest(7, LATER))
    (event,) = events(held, "manifest_adopted")
    assert "no service changed" in event and "HOSTSPIN_ADDED" not in event


def test_diff_shows_a_scheduled_manifest_whole(held, publication, fleet):
    (held.path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    publication.offer(fleet.manifest(6, LATER, rollout=1440, issued=moment(-0.001)))
    assert "scheduled" in held.hostspin("refresh").verdict
    before = held.hosts
    done = held.hostspin("diff")
    assert done.code == 0 and held.hosts == before, done
    assert "manifest 6" in done.verdict and "1 service added, 1 removed, 1 changed" in done.verdict, done
    lines = done.stdout.splitlines()
    assert "+10.1.2.9\tldap.example.com" in lines and "-10.1.2.10\tapi.svc.example.com" in lines, done
    assert "-10.1.2.3\tdb.svc.example.com" in lines and "+10.1.2.4\tdb.svc.example.com" in lines, done
    said = json.loads(held.hostspin("diff", "--output", "json").stdout)
    assert said["diff"] == "" and said["scheduled"]["version"] == 6
    assert said["scheduled"]["changes"]["added"] == ["ldap.example.com"] and "+10.1.2.9" in said["scheduled"]["diff"]

    # Its bytes are no state: another's in their place are not believed, and without them it says how to get them.
    kept = held.path / "run/hostspin/scheduled.note"
    kept.write_bytes(fleet.manifest(6, SERVICES, signers=fleet.manifest_keys[:1]))
    done = held.hostspin("diff")
    assert done.code == 0 and "hostspin diff NOTE" in done.stdout and "ldap" not in done.stdout, done
    kept.unlink()
    assert "hostspin diff NOTE" in held.hostspin("diff").stdout
    assert held.hostspin("refresh", "--now").code == 0
    assert not kept.exists()
    assert json.loads(held.hostspin("diff", "--output", "json").stdout)["scheduled"] is None


def test_a_root_alarm_ends_with_its_cure(machine, publication, fleet):
    """The root had expired; its successor comes, and the manifest is confirmed under it."""
    machine.trust(fleet.root(issued=moment(-300), expires=moment(-1)), fleet.manifest(5, SERVICES))
    publication.offer(fleet.manifest(5, SERVICES))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 2
    assert "root_expired" in alarms(machine)
    publication.offer_root(2, fleet.root(2))
    done = machine.hostspin("refresh")
    assert done.code == 0 and "manifest 5 is current" in done.verdict, done
    assert alarms(machine) == set()


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_withheld_root_that_comes_ends_what_was_said_under_the_old_one(held, publication, fleet, tmp_path, by_hand):
    """A source has a manifest that needs root 2 and not that root: by hand, or from another, the root comes."""
    publication.offer(fleet.manifest(6, LATER, min_root=2))
    done = held.hostspin("refresh")
    assert done.code == 2 and {"manifest_refused", "refresh_failed"} <= alarms(held), done
    if by_hand:
        stick = tmp_path / "stick"
        (stick / "root").mkdir(parents=True)
        (stick / "root/2.note").write_bytes(fleet.root(2))
        (stick / "manifest.note").write_bytes(fleet.manifest(6, LATER, min_root=2))
        done = held.hostspin("refresh", "--from", stick)
    else:
        publication.offer_root(2, fleet.root(2))
        done = held.hostspin("refresh")
    assert done.code == 0, done
    assert alarms(held) == set()
