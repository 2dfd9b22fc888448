"""Odd hosts files keep every foreign byte through apply, apply again, and remove."""

import pytest
from support.block import expected_block

LOCAL = b"127.0.0.1 localhost\n"
ODD = {
    "plain": LOCAL,
    "CRLF": b"127.0.0.1 localhost\r\n::1 localhost\r\n# a comment\r\n10.5.5.5 printer\r\n",
    "mixed line ends": b"127.0.0.1 localhost\r\n10.5.5.5 a\n10.5.5.6 b\r10.5.5.7 c\n",
    "no final newline": b"127.0.0.1 localhost\n10.5.5.5 printer",
    "latin-1": LOCAL + b"# Drucker im B\xfcro\n10.5.5.5 b\xfcro\n",
    "a byte order mark": b"\xef\xbb\xbf" + LOCAL,
    "NUL bytes": LOCAL + b"\0\0\0\n10.5.5.5 pri\0nter\n",
    "a 100 kB line": LOCAL + b"# " + b"x" * 100_000 + b"\n10.5.5.5 after\n",
    "a 100 kB line without an end": LOCAL + b"10.5.5.5 " + b"y" * 100_000,
    "another tool's block": LOCAL + b"# BEGIN ANSIBLE MANAGED BLOCK\n10.5.5.5 a\n# END ANSIBLE MANAGED BLOCK\n",
    "two other tools' blocks": b"## cloud-init\n" + LOCAL
    + b"# Kubernetes-managed hosts file.\n10.5.5.5 pod\n"
    + b"# Added by Docker Desktop\n10.5.5.6 host.docker.internal\n# End of section\n",
    "marker text inside lines": LOCAL
    + b" # BEGIN hostspin\n# BEGIN hostspins\n10.5.5.5 a # END hostspin\n#END hostspin\n",
    "blank lines at both ends": b"\n\n\n" + LOCAL + b"\n\n\n",
    "tabs, form feeds, blanks": b"127.0.0.1\t \tlocalhost  \t\n\x0c\x0b\n   \n10.5.5.5   a\tb   c\n",
    "every byte": LOCAL + bytes(range(256)) + b"\n",
    "empty": b"",
    "a newline alone": b"\n",
}


def ended(content: bytes) -> bytes:
    """The file always ends in LF; nothing else may differ."""
    return content if content.endswith(b"\n") or not content else content + b"\n"


@pytest.mark.parametrize("name", ODD)
def test_every_foreign_byte_stays(machine, fleet, name):
    foreign = ODD[name]
    seed = fleet.manifest(4)
    machine.trust(fleet.root(), seed)
    machine.hosts = foreign

    first = machine.hostspin("apply")
    assert first.code in (0, 1), str(first)
    assert machine.hosts == expected_block(seed) + ended(foreign)
    before = machine.identity()

    second = machine.hostspin("apply")
    assert second.code in (0, 1), str(second)
    assert machine.identity() == before, "an unchanged file was written"

    removed = machine.hostspin("remove")
    assert removed.code in (0, 1), str(removed)
    assert machine.hosts == ended(foreign)


@pytest.mark.parametrize("name", ODD)
def test_a_new_version_changes_the_block_alone(machine, fleet, publication, name):
    """The block stands where it stood, with foreign bytes before it too."""
    machine.trust(fleet.root(), fleet.manifest(4))
    machine.hosts = LOCAL
    assert machine.hostspin("apply").code == 0
    above = b"# added above by somebody\n"
    foreign = ended(ODD[name])
    machine.hosts = above + machine.hosts.removesuffix(LOCAL) + foreign
    news = fleet.manifest(5, [{"name": "time", "addresses": ["10.0.0.123"]}])
    publication.offer(news)

    done = machine.hostspin("refresh", "--from", publication.path)

    assert done.code in (0, 1), str(done)
    assert machine.hosts == above + expected_block(news) + foreign
