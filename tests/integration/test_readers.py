"""Those who read the hosts file get from our block what it says: glibc, musl, Go and systemd-resolved."""

import ipaddress
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.block import expected_block
from support.fleet import moment, service
from support.machine import DEFAULT_HOSTS
from support.mounts import Mounts
from support.namespace import Unavailable
from support.process import clean_environment, run

LINES = 1000  # the most that a block may have
APPLIES, APPLIES_LONG = 150, 10_000
GO = """
package main

import ("bufio"; "context"; "fmt"; "net"; "os")

func main() {
	resolver := &net.Resolver{PreferGo: true}
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		fmt.Print(names.Text())
		found, _ := resolver.LookupHost(context.Background(), names.Text())
		for _, one := range found { fmt.Print(" ", one) }
		fmt.Println()
	}
}
"""
SUPPORT = Path(__file__).resolve().parent / "support"
SOURCE = SUPPORT / "reader.c"
# Debian's package, once installed, takes /etc/resolv.conf over; unpacked elsewhere it serves as well.
RESOLVED = Path(os.environ.get("HOSTSPIN_RESOLVED", "/lib/systemd/systemd-resolved"))
RESOLVED_SCRIPT = """
ip link set lo up
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/resolve && chown 4711:4711 /run/systemd/resolve
"$1" >/run/log 2>&1 &
resolved=$!
"$2" -I "$3"; code=$?
kill "$resolved"; wait "$resolved"
exit $code
"""


def services() -> list:
    """1,000 lines, a pair of lines a name: most names in both families, a few with two addresses of one."""
    found = []
    for i in range(LINES // 4):
        v4, v6 = f"10.1.{i // 200}.{i % 200 + 1}", f"2001:db8:10::{i + 1:x}"
        other = f"10.2.{i // 200}.{i % 200 + 1}"
        found.append(service(f"s{i}.svc.example.com", [v4, other] if i % 10 == 0 else [v4, v6],
                             aliases=[f"a{i}.svc.example.com"]))
    return found


def pinned(content: bytes) -> dict:
    """What the block's lines say, by name."""
    answers = {}
    for line in content.decode().splitlines():
        if not line.startswith("#"):
            address, name = line.split("\t")
            answers.setdefault(name, set()).add(ipaddress.ip_address(address))
    return answers


@pytest.fixture(scope="session")
def readers(tmp_path_factory) -> dict:
    """Each kind of reader as a program, as far as this machine has its compiler."""
    directory = tmp_path_factory.mktemp("readers")
    (directory / "main.go").write_text(GO)
    made = {}
    environment = {**clean_environment(), "HOME": str(directory), "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    for kind, command in {
            "glibc": ["cc", "-O1", "-o", directory / "glibc", SOURCE],
            "musl": ["musl-gcc", "-static", "-O1", "-o", directory / "musl", SOURCE],
            "go": ["go", "build", "-o", directory / "go", directory / "main.go"]}.items():
        if shutil.which(command[0], path=clean_environment()["PATH"]):
            done = run(command, env=environment, cwd=directory, seconds=180)
            assert done.code == 0, str(done)
            made[kind] = [str(directory / kind), *(["names"] if kind != "go" else [])]
    return made


class Etc:
    """A mount namespace and a network of nothing in which the machine's etc is /etc."""

    def __init__(self, machine, host_conf: str = ""):
        self.mounts = Mounts(over_etc=True)
        etc = machine.path / "etc"
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        (etc / "host.conf").write_text(host_conf)
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        try:
            self.mounts.run("mount", "--bind", etc, "/etc")
        except Unavailable:
            self.mounts.close()
            raise

    def prefix(self) -> list:
        return [*self.mounts.prefix(), "unshare", "--net", "--"]

    def ask(self, command, names) -> dict:
        done = run([*self.prefix(), *command], stdin="".join(f"{name}\n" for name in names).encode())
        assert done.code == 0, str(done)
        return {words[0]: {ipaddress.ip_address(word) for word in words[1:]}
                for words in map(str.split, done.stdout.splitlines())}


@pytest.fixture
def thousand(machine, fleet) -> dict:
    seed = fleet.manifest(4, services())
    machine.trust(fleet.root(), seed)
    assert machine.hostspin("apply").code == 0
    assert machine.hosts == expected_block(seed) + DEFAULT_HOSTS
    block = expected_block(seed)
    assert block.count(b"\n") == LINES + 2
    return pinned(block)


def first_only(block: bytes) -> dict:
    """glibc without `multi on`: what the first line says."""
    first = {}
    for line in block.decode().splitlines():
        address, _, name = line.partition("\t")
        if name:
            first.setdefault(name, {ipaddress.ip_address(address)})
    return first


@pytest.mark.parametrize("kind, host_conf", [
    ("glibc", "multi on\n"), ("glibc", ""), ("musl", ""), ("go", "")],
    ids=["glibc, multi on", "glibc", "musl", "Go"])
def test_every_name_is_answered_with_exactly_its_addresses(machine, thousand, readers, kind, host_conf):
    if kind not in readers:
        raise Unavailable(f"no compiler for {kind}")
    etc = Etc(machine, host_conf)
    try:
        answers = etc.ask(readers[kind], thousand)
    finally:
        etc.mounts.close()
    wanted = thousand if kind != "glibc" or host_conf else {name: first_only(machine.hosts)[name] for name in thousand}
    wrong = {name: answers.get(name) for name in wanted if answers.get(name) != wanted[name]}
    assert not wrong, f"{len(wrong)} of {len(wanted)}: {dict(list(wrong.items())[:5])}"


def test_resolved_answers_every_name_with_exactly_its_addresses(machine, thousand):
    if not RESOLVED.exists():
        raise Unavailable(f"needs systemd-resolved: {RESOLVED}, or where HOSTSPIN_RESOLVED says")
    etc = Etc(machine)
    (machine.path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nsystemd-resolve:x:4711:4711::/:/bin/sh\n")
    (machine.path / "etc/group").write_text("root:x:0:\nsystemd-resolve:x:4711:\n")
    try:
        answers = etc.ask(["unshare", "--mount", "sh", "-c", RESOLVED_SCRIPT, "sh", RESOLVED, sys.executable,
                           SUPPORT / "stub_client.py"], thousand)
    finally:
        etc.mounts.close()
    wrong = {name: answers.get(name) for name in thousand if answers.get(name) != thousand[name]}
    assert not wrong, f"{len(wrong)} of {len(thousand)}: {dict(list(wrong.items())[:5])}"


@pytest.mark.parametrize("applies", [
    pytest.param(APPLIES, id="short", marks=pytest.mark.slow),
    pytest.param(APPLIES_LONG, id="long", marks=pytest.mark.long)])
def test_no_reader_sees_a_torn_file_or_misses_a_name(machine, fleet, readers, applies):
    """Two readers at once, glibc and musl, while every apply changes the block."""
    kinds = sorted(set(readers) & {"glibc", "musl"})
    if not kinds:
        raise Unavailable("no compiler for glibc or musl: nobody would be watching")
    names = [f"s{i}.svc.example.com" for i in range(40)]
    last = b"10.5.5.5 printer.example\n# last foreign"
    machine.hosts = DEFAULT_HOSTS + last  # no final LF yet: apply adds one
    root = fleet.root()

    def apply(version: int) -> None:
        address = f"10.1.{version // 250}.{version % 250 + 1}"
        machine.trust(root, fleet.manifest(version, [service(name, [address]) for name in names]))
        done = machine.hostspin("apply")
        assert done.code == 0 and "written" in done.stdout, str(done)

    machine.hosts = DEFAULT_HOSTS + last
    apply(1)
    etc = Etc(machine)
    watchers = []
    try:
        for kind in kinds:
            watchers.append(subprocess.Popen(
                [*etc.prefix(), readers[kind][0], "watch", names[0], names[-1], "printer.example"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment(), text=True))
            assert watchers[-1].stdout.readline() == "ready\n"
        for version in range(2, applies + 2):
            apply(version)
    finally:
        said = [watcher.communicate(timeout=30)[0] for watcher in watchers]
        etc.mounts.close()
    for line in said:
        look_ups, reads, missed, torn = map(int, line.split())
        print(f"{applies} applies: {look_ups} look-ups, {reads} whole reads, {missed} missed, {torn} torn")
        assert look_ups > applies and missed == 0 and torn == 0, line
