"""The README tells the truth: its transcripts are typed in, and the answers compared.

A line `...` stands for any lines. What differs from run to run (times, digests, spans) is compared by its shape.
"""

import os
import re
import shutil

import pytest
from support.process import clean_environment, run

VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"sha256=[0-9a-f]{16}"), "sha256=DIGEST"),
    (re.compile(r"\b\d+ (s|min|h|d)( \d+ (s|min|h))?\b"), "SPAN"),
    (re.compile(r"[ \t]+$", re.M), ""),
]
BACKGROUND = re.compile(r"--bind (\S+) (\d+) .*&$")


def transcripts(text: str) -> list:
    """(command, expected output) of every ```console block, in order."""
    steps = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            steps.append((command, output))
    return steps


def same(expected: str, found: str) -> bool:
    for pattern, word in VARYING:
        expected, found = pattern.sub(word, expected), pattern.sub(word, found)
    pieces = [re.escape(piece) for piece in re.split(r"^\.\.\.$\n?", expected, flags=re.M)]
    return re.fullmatch("(?:.*\n)?".join(pieces), found, re.S) is not None


def typed(steps: list, out) -> str:
    """What a shell is given line by line, each command's output in a file. The shell that the first command starts
    reads the rest of the same input."""
    lines = ["set -u"]
    for number, (command, _) in enumerate(steps):
        lines += [f"exec >{out}/out-{number} 2>&1", command]
        server = BACKGROUND.search(command)
        if server:  # a person is not so fast
            address, port = server.groups()
            lines.append(f"for _ in $(seq 100); do (: </dev/tcp/{address}/{port}) 2>/dev/null && break; sleep 0.1; done")
    return "\n".join(lines) + "\n"


def test_the_walk_can_be_typed(checkout, programs, tmp_path):
    """Every command as it stands, in an empty directory, by a newcomer who has prepared nothing."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root, for the walk's own network namespace")
    steps = transcripts((checkout / "README.md").read_text())
    assert len(steps) > 12, "the README has lost its transcripts"
    place, out = tmp_path / "empty", tmp_path / "out"
    place.mkdir()
    out.mkdir()
    path = f"{programs.sign.parent}:{programs.hostspin.parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    environment = clean_environment(PATH=path)

    done = run(["bash"], stdin=typed(steps, out).encode(), cwd=place, env=environment, seconds=120)

    for number, (command, expected) in enumerate(steps):
        written = out / f"out-{number}"
        found = written.read_text() if written.exists() else "(it was not reached)\n"
        assert same(expected, found), f"$ {command}\n{found}--- but the README says\n{expected}{done.stderr}"
    assert done.code == 0, done


def test_the_walk_needs_nothing_that_is_not_there(checkout):
    """Loopback, and addresses for documentation inside a namespace: nobody else's machine answers for them."""
    walk = "\n".join(command for command, _ in transcripts((checkout / "README.md").read_text()))
    addresses = set(re.findall(r"\d+\.\d+\.\d+\.\d+", walk))
    assert walk.startswith("unshare --net bash\n")
    assert {address for address in addresses if not address.startswith(("127.", "192.0.2."))} == set()


def test_links_lead_somewhere(checkout):
    text = (checkout / "README.md").read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert targets
    assert [target for target in targets if not (checkout / target).exists()] == []
