"""refresh, apply and verify end to end: from nginx over TLS by IP, by name with addresses, from files."""

import json
import shutil

import pytest
from support.block import expected_block
from support.fleet import Raw, moment, service
from support.machine import DEFAULT_HOSTS, Machine, source
from support.process import clean_environment, run


def test_first_refresh_pins_what_the_source_offers(member):
    offered = member.fleet.manifest(1, [
        service("db.svc.example.com", ["10.1.2.3", "2001:db8:10::3"], aliases=["db1.svc.example.com"]),
        service("time", ["10.0.0.123"]),
    ])
    member.publication.offer(offered)

    done = member.machine.hostspin("refresh")

    assert done.code == 0, str(done)
    assert member.machine.hosts == expected_block(offered) + DEFAULT_HOSTS
    assert member.machine.state()["manifest.note"] == (offered,)
    assert done.verdict and done.stderr == "", str(done)


def test_source_by_name_with_addresses(member):
    offered = member.fleet.manifest(1)
    member.publication.offer(offered)
    name = "pins.example.com"
    member.machine.configure(member.source(
        member.url.replace("10.99.0.1", name), addresses=["10.99.0.1"]))

    done = member.machine.hostspin("refresh")

    assert done.code == 0, str(done)
    assert member.machine.hosts == expected_block(offered) + DEFAULT_HOSTS


def test_source_by_name_tries_its_other_addresses(member):
    """Nothing listens at the first address; the second confirms, and nothing is worth a warning but that."""
    offered = member.fleet.manifest(1)
    member.publication.offer(offered)
    member.machine.configure(member.source(
        member.url.replace("10.99.0.1", "pins.example.com"), addresses=["10.99.0.12", "10.99.0.1"]))

    done = member.machine.hostspin("refresh")

    assert done.code in (0, 1), str(done)
    assert member.machine.hosts == expected_block(offered) + DEFAULT_HOSTS


def test_without_a_source_a_whole_block_is_a_warning(machine, fleet):
    """A machine that lives from what was baked: its timer's unit must not fail each time."""
    seed = fleet.manifest(1)
    machine.trust(fleet.root(), seed)
    for _ in range(2):  # it puts the block in place, and finds it there
        done = machine.hostspin("refresh", "--output", "json")
        assert done.code == 1, str(done)
        report = json.loads(done.stdout)
        assert (report["outcome"], report["manifest"]["version"]) == ("no_sources", 1), report
        assert report["warnings"] == ["no source is configured, so no newer manifest can be fetched"]
        assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS


def test_without_a_source_and_a_manifest_there_is_nothing_to_keep(machine):
    done = machine.hostspin("refresh")
    assert done.code == 3 and "no source is configured" in done.stderr, str(done)
    assert machine.hosts == DEFAULT_HOSTS


def test_source_in_a_directory(machine, fleet, publication):
    offered = fleet.manifest(1)
    publication.offer(offered)
    machine.configure(source(publication.file_url))

    done = machine.hostspin("refresh")

    assert done.code == 0, str(done)
    assert machine.hosts == expected_block(offered) + DEFAULT_HOSTS


@pytest.mark.parametrize("what", ["directory", "file"])
def test_by_hand_with_from(machine, fleet, publication, what):
    offered = fleet.manifest(1)
    publication.offer(offered)
    path = publication.path if what == "directory" else publication.path / "manifest.note"

    done = machine.hostspin("refresh", "--from", path)

    assert done.code == 0, str(done)
    assert machine.hosts == expected_block(offered) + DEFAULT_HOSTS


def test_from_checks_as_strictly(machine, fleet, publication):
    publication.offer(fleet.manifest(1, signers=fleet.manifest_keys[:1]))

    done = machine.hostspin("refresh", "--from", publication.path)

    assert done.code == 2, str(done)
    assert machine.hosts == DEFAULT_HOSTS and "manifest.note" not in machine.state()


def test_newer_version_replaces_the_older(pinned):
    newer = pinned.fleet.manifest(6, [service("api.svc.example.com", ["10.1.2.10", "10.1.2.11"])])
    pinned.publication.offer(newer)

    done = pinned.machine.hostspin("refresh")

    assert done.code == 0, str(done)
    assert pinned.machine.hosts == expected_block(newer) + DEFAULT_HOSTS


def test_a_bad_source_beside_a_good_one_costs_a_warning_only(member):
    member.publication.offer(member.fleet.manifest(3))
    bad = member.site.publication(member.publication.path.name + "-bad")
    bad.offer(b"garbage\n")
    member.machine.configure(member.source(), member.source(member.site.url(bad.path.name)))

    done = member.machine.hostspin("refresh")

    assert done.code == 1, str(done)
    assert member.machine.state()["manifest.note"] == (member.fleet.manifest(3),)


def test_the_highest_version_of_all_sources_wins(member):
    member.publication.offer(member.fleet.manifest(3))
    other = member.site.publication(member.publication.path.name + "-other")
    newest = member.fleet.manifest(4, [service("db.svc.example.com", ["10.1.2.4"])])
    other.offer(newest)
    member.machine.configure(member.source(), member.source(member.site.url(other.path.name)))

    done = member.machine.hostspin("refresh")

    assert done.code in (0, 1), str(done)  # the first source lags: worth a warning
    assert member.machine.hosts == expected_block(newest) + DEFAULT_HOSTS


def test_root_chain_is_followed(member):
    """Root 2 changes who signs manifests; root 3 follows it; a manifest of the new signers is adopted."""
    from support.fleet import Key

    fleet = member.fleet
    news = [Key(f"prod.example/manifest/{who}") for who in ("dave", "erin")]
    role = {"keys": [key.vkey for key in news]}
    member.publication.offer_root(2, fleet.root(2, manifest=role))
    member.publication.offer_root(3, fleet.root(3, manifest=role))
    offered = fleet.manifest(1, signers=news, min_root=3)
    member.publication.offer(offered)

    done = member.machine.hostspin("refresh")

    assert done.code == 0, str(done)
    assert member.machine.hosts == expected_block(offered, root=3) + DEFAULT_HOSTS
    assert set(member.machine.state()) >= {"manifest.note", "root/2.note", "root/3.note"}
    # The stored chain alone is enough at the next start, offline.
    member.machine.hosts = DEFAULT_HOSTS
    again = member.machine.hostspin("apply")
    assert again.code in (0, 1), str(again)
    assert member.machine.hosts == expected_block(offered, root=3) + DEFAULT_HOSTS


def test_refresh_probes_what_it_pinned(member, service_ports):
    tcp, _ = service_ports
    up = service("db.svc.example.com", ["10.99.0.10"], check=Raw(f"{{ tcp = {tcp} }}"))
    down = service("api.svc.example.com", ["10.99.0.11"], check=Raw("{ tcp = 1 }"))
    member.publication.offer(member.fleet.manifest(1, [up, down]))

    done = member.machine.hostspin("refresh")

    assert done.code == 1, str(done)
    assert "10.99.0.11" in done.stdout + done.stderr, str(done)


@pytest.fixture(scope="session")
def service_ports(site, tmp_path_factory):
    """A plain port and a TLS port at 10.99.0.10."""
    server = site.nginx(tmp_path_factory.mktemp("services"),
                        [("10.99.0.10", None), ("10.99.0.10", site.service_certificate)])
    return server.ports


def checked_services(service_ports) -> list:
    tcp, tls = service_ports
    return [
        service("db.svc.example.com", ["10.99.0.10"], check=Raw(
            f'[ {{ tcp = {tcp} }}, {{ tls = {tls}, ca = "internal" }} ]')),
        service("time", ["10.99.0.10"], check=Raw(f"{{ tcp = {tcp} }}")),
    ]


@pytest.fixture
def checked(member, service_ports):
    """A member whose two services answer every check."""
    member.publication.offer(member.fleet.manifest(1, checked_services(service_ports)))
    member.machine.configure(member.source(), text=f'[tls.ca]\ninternal = "{member.ca}"\n')
    first = member.machine.hostspin("refresh")
    assert first.code == 0, str(first)
    return member


def test_verify_finds_everything_well(checked):
    before = checked.machine.identity(), checked.machine.state(identities=True)
    done = checked.machine.hostspin("verify", "--no-resolver")
    assert done.code == 0, str(done)
    assert done.verdict, str(done)
    assert all(len(line) <= 100 for line in done.stdout.splitlines()), str(done)
    assert (checked.machine.identity(), checked.machine.state(identities=True)) == before


def test_verify_names_what_is_down(checked, service_ports):
    tcp, _ = service_ports
    broken = checked_services(service_ports)
    broken.append(service("api.svc.example.com", ["10.99.0.11"], check=Raw(f"{{ tcp = {tcp} }}")))
    checked.publication.offer(checked.fleet.manifest(2, broken))
    refreshed = checked.machine.hostspin("refresh")
    assert refreshed.code == 1, str(refreshed)

    done = checked.machine.hostspin("verify", "--no-resolver")

    assert done.code == 2, str(done)
    failing = [line for line in done.stdout.splitlines() if "api.svc.example.com" in line]
    assert any("10.99.0.11" in line and str(tcp) in line for line in failing), str(done)


def test_verify_one_name_alone(checked):
    done = checked.machine.hostspin("verify", "--no-resolver", "time")
    assert done.code == 0, str(done)


def test_verify_as_json(checked):
    done = checked.machine.hostspin("verify", "--no-resolver", "--output", "json")
    assert done.code == 0, str(done)
    assert json.loads(done.stdout)["schema"] == "hostspin.verify/1", str(done)


def test_verify_offline_asks_nobody(checked):
    done = checked.machine.hostspin("verify", "--offline")
    assert done.code == 0, str(done)


def test_verify_sees_a_missing_pin(checked):
    checked.machine.hosts = DEFAULT_HOSTS
    done = checked.machine.hostspin("verify", "--no-resolver")
    assert done.code in (1, 2), str(done)
    assert checked.machine.hosts == DEFAULT_HOSTS


def test_a_machine_without_sources_says_so(tmp_path, programs, fleet):
    bare = Machine(tmp_path / "machine", programs).trust(fleet.root())
    done = bare.hostspin("refresh")
    assert done.code == 3, str(done)
    assert len(done.lines("error")) == 1 and len(done.lines("hint")) == 1, str(done)


def test_workers_run_below_a_directory_that_only_root_may_enter(member, tmp_path, programs):
    """A checkout below /root: the worker gives up its rights, and still has to be started."""
    closed = tmp_path / "closed"
    for program in (programs.hostspin, programs.net):
        copy = closed / program.relative_to(programs.folder)
        copy.parent.mkdir(parents=True)
        shutil.copy(program, copy)
    closed.chmod(0o700)
    offered = member.fleet.manifest(1)
    member.publication.offer(offered)
    command = [part.replace(str(programs.folder), str(closed)) for part in member.machine.command("refresh")]

    done = run(command)

    assert done.code == 0, str(done)
    assert member.machine.hosts == expected_block(offered) + DEFAULT_HOSTS


def test_an_adoption_says_which_services_came_went_and_changed(machine, fleet, publication):
    machine.trust(fleet.root(), fleet.manifest(4, [
        service("db.svc.example.com", ["10.1.2.3"]), service("old.svc.example.com", ["10.1.2.4"]),
        service("same.svc.example.com", ["10.1.2.5"])]))
    publication.offer(fleet.manifest(5, [
        service("new.svc.example.com", ["10.1.2.7"]), service("same.svc.example.com", ["10.1.2.5"]),
        service("db.svc.example.com", ["10.1.2.3", "10.1.2.6"])]))
    machine.configure(source(publication.file_url))

    done = machine.hostspin("refresh")

    assert done.code == 0, str(done)
    assert done.verdict == "OK: adopted manifest 5 of fleet prod.example: 1 service added, 1 removed, 1 changed"
    assert done.stdout.splitlines()[1:] == [
        "added    new.svc.example.com  10.1.2.7",
        "changed  db.svc.example.com  addresses 10.1.2.3 10.1.2.6, was 10.1.2.3",
        "removed  old.svc.example.com  was 10.1.2.4"]
    again = machine.hostspin("refresh")
    assert again.verdict == "OK: manifest 5 is current" and len(again.stdout.splitlines()) == 1
    publication.offer(fleet.manifest(6, [service("db.svc.example.com", ["10.1.2.3", "10.1.2.6"])]))
    changes = json.loads(machine.hostspin("refresh", "--output", "json").stdout)["changes"]
    assert changes == {"added": [], "removed": ["new.svc.example.com", "same.svc.example.com"], "changed": []}


def test_status_is_not_fine_while_alarms_stand(machine, fleet, publication):
    machine.trust(fleet.root(), fleet.manifest(4))
    publication.offer(fleet.manifest(4))
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    assert machine.hostspin("status").code == 0
    machine.configure(source("file:///no/such/directory"))
    assert machine.hostspin("refresh").code == 2
    told = machine.hostspin("status")
    assert told.code == 1 and told.verdict.startswith("WARNING: manifest 4 of fleet"), str(told)
    assert "2 alarms: refresh_failed, source_failed" in told.verdict, str(told)
    machine.configure(source(publication.file_url))
    assert machine.hostspin("refresh").code == 0
    assert machine.hostspin("status").code == 0


def test_an_expired_root_is_no_reason_for_a_new_one_where_nobody_could_be_asked(machine, fleet, publication):
    machine.trust(fleet.root(issued=moment(-60), expires=moment(-1)), fleet.manifest(4))
    publication.offer(fleet.manifest(4))
    machine.configure(source("file:///no/such/directory"))
    dead = machine.hostspin("refresh")
    machine.configure(source(publication.file_url))
    answered = machine.hostspin("refresh")
    for done in (dead, answered):
        assert done.code == 2 and "root-expired" in done.verdict, str(done)
    assert "mend the way to them first" in dead.lines("hint")[0], str(dead)
    assert "publish a new root" in answered.lines("hint")[0], str(answered)


@pytest.mark.preloads
def test_an_expired_root_where_the_clock_says_2099(machine, fleet, publication):
    machine.trust(fleet.root(), fleet.manifest(4))
    publication.offer(fleet.manifest(4))
    machine.configure(source(publication.file_url))
    faketime = shutil.which("faketime", path=clean_environment()["PATH"])
    if not faketime:
        pytest.skip("needs the program faketime")
    done = run([faketime, "2099-01-01 00:00:00", *machine.command("refresh")])
    assert done.code == 2 and "look at this machine's clock first, it says 2099-" in done.stderr, str(done)


def test_diff_of_a_note_shows_what_its_adoption_would_change(machine, fleet, publication):
    machine.trust(fleet.root(), fleet.manifest(4))
    assert machine.hostspin("apply").code == 0
    before = (machine.identity(), machine.state())
    offer = machine.path / "offer.note"
    offer.write_bytes(fleet.manifest(5, [service("api.svc.example.com", ["10.1.2.9"])]))

    done = machine.hostspin("diff", offer)

    assert done.code == 1, str(done)
    assert done.verdict == "WARNING: manifest 5 would change /etc/hosts: 1 service added, 1 removed"
    assert "added    api.svc.example.com  10.1.2.9\n" in done.stdout
    assert "\n+10.1.2.9\tapi.svc.example.com\n" in done.stdout and "\n-10.1.2.3\tdb.svc.example.com\n" in done.stdout
    assert (machine.identity(), machine.state()) == before
    offer.write_bytes(fleet.manifest(4))
    assert machine.hostspin("diff", offer).code == 0
    offer.write_bytes(fleet.manifest(3))
    refused = machine.hostspin("diff", offer)
    assert refused.code == 2 and "rollback" in refused.stderr or "older than" in refused.stderr, str(refused)
    assert machine.hostspin("diff", "/no/such.note").code == 3
    assert (machine.identity(), machine.state()) == before


def test_adopted_and_not_written_is_not_told_as_kept(machine, fleet, publication):
    """The manifest is stored, the hosts file cannot be written: the next pass writes it."""
    machine.trust(fleet.root(), fleet.manifest(1))
    assert machine.hostspin("apply").code == 0
    publication.offer(fleet.manifest(2))
    hosts = machine.path / "etc/hosts"
    if run(["chattr", "+i", hosts]).code != 0:
        pytest.skip("this file system knows no immutable files")
    try:
        done = machine.hostspin("refresh", "--from", publication.path)
    finally:
        assert run(["chattr", "-i", hosts]).code == 0
    assert done.code == 2 and "manifest 2 was adopted, but is not in the hosts file yet" in done.stdout, str(done)
    assert "kept" not in done.stdout, str(done)
    assert machine.hostspin("apply").code == 0 and machine.hosts == expected_block(fleet.manifest(2)) + DEFAULT_HOSTS
