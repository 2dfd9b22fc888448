"""A second pass over an unchanged manifest writes nothing: same inode, same modification time."""

from support.fleet import service


def everything(machine):
    return machine.identity(), machine.state(identities=True)


def test_second_refresh_writes_nothing(pinned):
    before = everything(pinned.machine)
    again = pinned.machine.hostspin("refresh")
    assert again.code == 0, str(again)
    assert everything(pinned.machine) == before


def test_apply_after_refresh_writes_nothing(pinned):
    before = everything(pinned.machine)
    done = pinned.machine.hostspin("apply")
    assert done.code == 0, str(done)
    assert everything(pinned.machine) == before


def test_second_apply_writes_nothing(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4, [service("time", ["10.0.0.123"])]))
    assert machine.hostspin("apply").code == 0
    before = everything(machine)
    done = machine.hostspin("apply")
    assert done.code == 0, str(done)
    assert everything(machine) == before


def test_reading_commands_write_nothing(pinned):
    before = everything(pinned.machine)
    for command in (["status"], ["diff"], ["trust"], ["doctor"], ["runbook"], ["verify", "--offline"]):
        done = pinned.machine.hostspin(*command)
        assert done.code in (0, 1), str(done)
        assert everything(pinned.machine) == before, str(done)
