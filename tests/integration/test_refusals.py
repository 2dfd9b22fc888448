"""A refusal leaves the hosts file and the state byte for byte as they were, says one error and one hint,
and a later good offer is adopted."""

import pytest
from support.fleet import service
from support.refusals import REFUSALS, check_refusal


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_refused_and_nothing_changed(pinned, case):
    machine = pinned.machine
    case.prepare(pinned)
    before = (machine.identity(), machine.state(identities=True))

    done = machine.hostspin(*case.command)

    check_refusal(case, done, before, (machine.identity(), machine.state(identities=True)))
    assert machine.litter() == []


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_later_good_offer_is_adopted(pinned, case):
    machine = pinned.machine
    case.prepare(pinned)
    refused = machine.hostspin(*case.command)
    assert refused.code == case.code, str(refused)

    # The operator mends the cause; nothing has to be cleared first.
    machine.configure(pinned.source())
    if b"# END hostspin" not in machine.hosts:
        machine.hosts = b"127.0.0.1\tlocalhost\n"
    pinned.publication.offer(pinned.fleet.manifest(7, [service("db.svc.example.com", ["10.1.2.7"])]))

    done = machine.hostspin("refresh")
    assert done.code == 0, str(done)
    assert b"10.1.2.7\tdb.svc.example.com\n" in machine.hosts
