"""apply: the newest verified note of this machine into the hosts file, offline; diff and remove around it."""

import subprocess

import pytest
from support.block import expected_block
from support.fleet import moment, service
from support.machine import DEFAULT_HOSTS
from support.process import clean_environment


def test_apply_pins_the_baked_seed(machine, fleet):
    seed = fleet.manifest(4)
    machine.trust(fleet.root(), seed)

    done = machine.hostspin("apply")

    assert done.code == 0, str(done)
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_apply_pins_an_expired_seed_with_a_warning(machine, fleet):
    """An image that is months old boots: old pins are better than none."""
    seed = fleet.manifest(4, issued=moment(-90), expires=moment(-60))
    machine.trust(fleet.root(issued=moment(-100), expires=moment(1)), seed)

    done = machine.hostspin("apply")

    assert done.code == 1, str(done)
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS
    assert "expired" in done.stdout + done.stderr, str(done)


def test_apply_keeps_mode_and_owner(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4))
    machine.hosts_path.chmod(0o640)

    assert machine.hostspin("apply").code == 0
    assert machine.hosts_path.stat().st_mode & 0o7777 == 0o640


def test_apply_makes_a_missing_file(machine, fleet):
    seed = fleet.manifest(4)
    machine.trust(fleet.root(), seed)
    machine.hosts_path.unlink()

    done = machine.hostspin("apply")

    assert done.code in (0, 1), str(done)
    assert machine.hosts.startswith(expected_block(seed))
    assert b"localhost" in machine.hosts and machine.hosts_path.stat().st_mode & 0o7777 == 0o644


def test_apply_without_a_root_refuses(machine, fleet):
    (machine.path / "etc/hostspin/root.note").unlink()

    done = machine.hostspin("apply")

    assert done.code in (2, 3), str(done)
    assert machine.hosts == DEFAULT_HOSTS
    assert len(done.lines("error")) == 1 and len(done.lines("hint")) == 1, str(done)


@pytest.mark.parametrize("own", ["db.svc.example.com", "db"])
def test_the_machines_own_name_is_left_out(machine, fleet, own):
    (machine.path / "etc/hostname").write_text(own + "\n")
    seed = fleet.manifest(4, [service("db.svc.example.com", ["10.1.2.3"]), service("time", ["10.0.0.123"])])
    machine.trust(fleet.root(), seed)

    done = machine.hostspin("apply")

    if own == "db":
        # Without a domain the short name says nothing about the long one.
        assert done.code in (0, 1), str(done)
    else:
        assert done.code == 1, str(done)
        assert machine.hosts == expected_block(seed, without={own}) + DEFAULT_HOSTS


def test_drift_is_healed(machine, fleet):
    seed = fleet.manifest(4)
    machine.trust(fleet.root(), seed)
    assert machine.hostspin("apply").code == 0
    machine.hosts = machine.hosts.replace(b"10.1.2.3", b"10.6.6.6")

    done = machine.hostspin("apply")

    assert done.code in (0, 1), str(done)
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_a_conflict_is_reported_and_kept(machine, fleet):
    seed = fleet.manifest(4, [service("db.svc.example.com", ["10.1.2.3"])])
    machine.trust(fleet.root(), seed)
    machine.hosts = DEFAULT_HOSTS + b"10.9.9.9 DB.svc.example.com\n"

    done = machine.hostspin("apply")

    assert done.code == 1, str(done)
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS + b"10.9.9.9 DB.svc.example.com\n"
    assert "10.9.9.9" in done.stdout + done.stderr, str(done)


def test_conflicts_can_be_commented_out_and_come_back(machine, fleet):
    seed = fleet.manifest(4, [service("db.svc.example.com", ["10.1.2.3"])])
    foreign = DEFAULT_HOSTS + b"10.9.9.9 db.svc.example.com # by hand\n"
    machine.trust(fleet.root(), seed).configure(text='[hosts]\nconflicts = "comment-out"\n')
    machine.hosts = foreign

    assert machine.hostspin("apply").code in (0, 1)
    assert b"#hostspin-conflict# 10.9.9.9 db.svc.example.com # by hand\n" in machine.hosts
    assert machine.hostspin("remove").code in (0, 1)
    assert machine.hosts == foreign


def test_comment_out_leaves_the_machine_its_own_name(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4, [service("db.svc.example.com", ["10.1.2.3"])]))
    machine.configure(text='[hosts]\nconflicts = "comment-out"\n')
    (machine.path / "etc/hostname").write_text("web1\n")
    own = b"10.0.0.77 web1 db.svc.example.com\n"
    machine.hosts = DEFAULT_HOSTS + own + b"10.9.9.9 other.example db.svc.example.com\n"

    done = machine.hostspin("apply")

    assert done.code == 1 and "machine's own name" in done.stderr, str(done)
    assert machine.hosts.endswith(own + b"#hostspin-conflict# 10.9.9.9 other.example db.svc.example.com\n")
    before = machine.identity()
    assert machine.hostspin("apply").code == 1
    assert machine.identity() == before


def test_diff_shows_and_writes_nothing(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4))
    before = machine.identity()

    changes = machine.hostspin("diff")

    assert changes.code == 1, str(changes)
    assert "+10.1.2.3\tdb.svc.example.com" in changes.stdout
    assert machine.identity() == before
    assert machine.hostspin("apply").code == 0
    nothing = machine.hostspin("diff")
    assert nothing.code == 0, str(nothing)


@pytest.mark.parametrize("lines", [3, 20_000])
def test_a_preview_is_of_the_bytes_that_are_there(machine, fleet, publication, lines):
    """Small files and large ones: diff takes no foreign line away, and nobody stumbles over the size."""
    machine.trust(fleet.root(), fleet.manifest(4))
    machine.hosts = b"127.0.0.1\tlocalhost\n" + b"".join(
        b"10.9.%d.%d\thost%d.internal\n" % (i // 250, i % 250 + 1, i) for i in range(lines))
    changes = machine.hostspin("diff")
    assert changes.code == 1, str(changes)
    assert [line for line in changes.stdout.splitlines() if line[:1] == "-" and line[:3] != "---"] == []
    added = [line[1:] for line in changes.stdout.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert added[0].startswith("# BEGIN hostspin") and added[-1] == "# END hostspin", added
    assert machine.hostspin("status").code in (1, 2)
    publication.offer(fleet.manifest(5))
    assert machine.hostspin("refresh", "--from", publication.path).code == 0
    assert machine.hostspin("diff").code == 0


def test_hold_stops_apply_until_release(machine, fleet):
    seed = fleet.manifest(4)
    machine.trust(fleet.root(), seed)
    assert machine.hostspin("hold", "--reason", "migration").code == 0

    machine.hostspin("apply")
    assert machine.hosts == DEFAULT_HOSTS
    assert "migration" in machine.hostspin("status").stdout

    assert machine.hostspin("release").code == 0
    assert machine.hostspin("apply").code == 0
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_remove_holds_since_an_agent_would_put_it_back(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4))
    assert machine.hostspin("apply").code == 0

    assert machine.hostspin("remove").code in (0, 1)
    assert machine.hosts == DEFAULT_HOSTS
    machine.hostspin("apply")
    assert machine.hosts == DEFAULT_HOSTS


@pytest.mark.parametrize("damage", [
    lambda block: block.replace(b"# END hostspin\n", b""),
    lambda block: block[block.index(b"\n") + 1:],
    lambda block: block + block,
    lambda block: block + b"# END hostspin\n",
], ids=["no END", "no BEGIN", "twice", "two ENDs"])
def test_repair_mends_damaged_markers(machine, fleet, damage):
    seed = fleet.manifest(4)
    machine.trust(fleet.root(), seed)
    machine.hosts = damage(expected_block(seed)) + DEFAULT_HOSTS
    refused = machine.hostspin("apply")
    assert refused.code == 2, str(refused)

    mended = machine.hostspin("repair")

    assert mended.code in (0, 1), str(mended)
    again = machine.hostspin("apply")
    # Lines that cannot be proved to be ours stay, and are reported as conflicts (exit 1).
    assert again.code in (0, 1), str(again)
    assert machine.hosts.startswith(expected_block(seed)) and machine.hosts.endswith(DEFAULT_HOSTS)
    if again.code == 0:
        assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_a_verdict_that_cannot_be_said_is_an_error(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(5))
    with open("/dev/full", "wb") as full:
        done = subprocess.run(machine.command("apply"), stdout=full, stderr=subprocess.PIPE, env=clean_environment(),
                              text=True)
    assert done.returncode == 3
    assert "hostspin: error: cannot write to standard output" in done.stderr and "hostspin: hint: " in done.stderr
    assert expected_block(fleet.manifest(5)) in machine.hosts


def test_a_seed_that_cannot_be_used_is_critical(machine, fleet):
    machine.trust(fleet.root(), b"not a note\n")
    done = machine.hostspin("apply")
    assert done.code == 2 and done.stdout.startswith("CRITICAL: nothing is pinned"), done
    assert "manifest.note" in done.stderr
