"""What hostspin must refuse, each case prepared on a machine that holds a good version 5.

One table for two tests: that each refusal leaves everything as it was (test_refusals), and that none of
them asks DNS (test_dns_silence).
"""

import re
from dataclasses import dataclass
from typing import Callable

from .fleet import Fleet, Key, moment, note, service

ADDRESS = "10.1.2.3"
GOOD = [service("db.svc.example.com", [ADDRESS])]


@dataclass(frozen=True)
class Refusal:
    name: str
    prepare: Callable  # of a Member
    says: str  # a pattern that the error line must match: the operator learns the cause
    code: int = 2
    command: tuple = ("refresh",)


def offers(make) -> Callable:
    """The case in which the only source offers what `make(fleet)` returns."""
    return lambda member: member.publication.offer(make(member.fleet))


def changed_byte(fleet: Fleet) -> bytes:
    good = fleet.manifest(6, GOOD)
    assert good.count(ADDRESS.encode()) == 1
    return good.replace(ADDRESS.encode(), b"10.1.2.4")


def source_down(member) -> None:
    # Port 1 of the namespace: nothing ever listens there.
    member.machine.configure(member.source(member.site.url("any", port=1)))


def wrong_authority(member) -> None:
    member.publication.offer(member.fleet.manifest(6, GOOD))
    member.machine.configure(member.source(member.url.replace(
        str(member.site.port), str(member.site.wrong_ca_port))))


def wrong_certificate_name(member) -> None:
    member.publication.offer(member.fleet.manifest(6, GOOD))
    member.machine.configure(member.source(member.url.replace(
        str(member.site.port), str(member.site.wrong_name_port))))


def name_without_addresses(member) -> None:
    member.machine.configure(member.source(f"https://pins.example.com:{member.site.port}/pins"))


def unknown_key(member) -> None:
    member.machine.configure(member.source(), text='[refresh]\nintervall = "5m"\n')


def damaged_markers(member) -> None:
    member.machine.hosts = member.machine.hosts.replace(b"# END hostspin\n", b"")


def damaged_markers_and_news(member) -> None:
    damaged_markers(member)
    member.publication.offer(member.fleet.manifest(6, GOOD))


def one_key_twice(fleet: Fleet) -> bytes:
    alice = fleet.manifest_keys[0]
    text = fleet.manifest_text(6, GOOD).encode()
    return note(text, [alice, Key("prod.example/manifest/alias", seed=alice.name)])


REFUSALS = [
    Refusal("a byte of the text changed", offers(changed_byte), "signature"),
    Refusal("a signature too few",
            offers(lambda f: f.manifest(6, GOOD, signers=f.manifest_keys[:1])), "1 of the 3 keys .*2 must sign"),
    Refusal("one key counted twice", offers(one_key_twice), "1 of the 3 keys .*2 must sign"),
    Refusal("a wrong fleet", offers(lambda f: f.manifest(6, GOOD, fleet="test.example")), "fleet"),
    Refusal("an older version", offers(lambda f: f.manifest(4, GOOD)), "older|rollback"),
    Refusal("the same version with another text",
            offers(lambda f: f.manifest(5, [service("db.svc.example.com", ["10.1.2.9"])])), "version 5"),
    Refusal("an expired manifest", offers(lambda f: f.manifest(
        6, GOOD, issued=moment(-20), expires=moment(-10))), "expired"),
    Refusal("an address outside networks",
            offers(lambda f: f.manifest(6, [service("db.svc.example.com", ["192.0.2.7"])])), r"192\.0\.2\.7"),
    Refusal("a name outside names",
            offers(lambda f: f.manifest(6, [service("db.other.example", [ADDRESS])])), r"db\.other\.example"),
    Refusal("localhost", offers(lambda f: f.manifest(6, [service("localhost", [ADDRESS])])), "localhost"),
    Refusal("a name with a newline",
            offers(lambda f: f.manifest(6, [service("db\nevil.svc.example.com", [ADDRESS])])), "not printable ASCII"),
    Refusal("the source is down", source_down, "listen|refused|connect"),
    Refusal("a certificate of an unknown authority", wrong_authority, "certificate|CA|authority"),
    Refusal("a certificate of another name", wrong_certificate_name, "certificate|name"),
    Refusal("a source name without addresses", name_without_addresses, "address", code=3),
    Refusal("an unknown configuration key", unknown_key, r"intervall.*interval\b", code=3),
    Refusal("an unknown configuration key, at apply", unknown_key, r"intervall.*interval\b", code=3,
            command=("apply",)),
    Refusal("damaged markers, at apply", damaged_markers, "BEGIN|END|marker", command=("apply",)),
    Refusal("damaged markers, at refresh", damaged_markers, "BEGIN|END|marker"),
    Refusal("damaged markers and a newer manifest", damaged_markers_and_news, "BEGIN|END|marker"),
]


def check_refusal(case: Refusal, run, before: tuple, after: tuple) -> None:
    assert run.code == case.code, str(run)
    assert after == before, f"a refusal changed the hosts file or the state: {run}"
    errors, hints = run.lines("error"), run.lines("hint")
    assert len(errors) == 1 and len(hints) == 1, f"one error and one hint: {run}"
    # The nearest known key may stand in the hint; what is wrong stands in the error.
    assert re.search(case.says, errors[0] + " " + hints[0]), f"'{case.says}' is not said: {run}"
    assert all(0x20 <= ord(letter) < 0x7F for letter in errors[0] + hints[0]), str(run)
