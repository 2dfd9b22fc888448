"""The README tells the truth: its transcripts are typed in, and the answers compared.

A line `...` stands for any lines. What differs from run to run (times, digests, spans) is compared by its shape.
"""

import re

import pytest
from support.namespace import Namespace
from support.process import clean_environment, run

VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"sha256=[0-9a-f]{16}"), "sha256=DIGEST"),
    (re.compile(r"\b\d+ (s|min|h|d)( \d+ (s|min|h))?\b"), "SPAN"),
    (re.compile(r"[ \t]+$", re.M), ""),
]
WEB, DATABASE = "10.0.0.5", "10.0.0.10"


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


@pytest.fixture(scope="module")
def place():
    namespace = Namespace([WEB, DATABASE])
    # The second address of the story does not exist: as on a network where it is not there.
    namespace.run("ip", "route", "delete", "default")
    yield namespace
    namespace.close()


def test_transcripts(place, checkout, programs, tmp_path):
    steps = transcripts((checkout / "README.md").read_text())
    assert len(steps) > 12, "the README has lost its transcripts"
    script = [
        "set -u",
        "wait_for() { for _ in $(seq 100); do (: </dev/tcp/$1/$2) 2>/dev/null && return; sleep 0.1; done; }",
        f"/usr/bin/python3 -m http.server --bind {DATABASE} 5432 >/dev/null 2>&1 &",
        "trap 'kill $(jobs -p)' EXIT",
        f"wait_for {DATABASE} 5432",
    ]
    for number, (command, _) in enumerate(steps):
        script += [f"{{ {command}", f"}} >{tmp_path}/out-{number} 2>&1"]
        if command.endswith("&"):
            script.append(f"wait_for {WEB} 8000")
    path = f"{programs.sign.parent}:{programs.hostspin.parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    environment = {**clean_environment(), "PATH": path}

    done = run([*place.prefix(), "bash", "-c", "\n".join(script)], cwd=tmp_path, env=environment, seconds=120)

    for number, (command, expected) in enumerate(steps):
        found = (tmp_path / f"out-{number}").read_text()
        assert same(expected, found), f"$ {command}\n{found}--- but the README says\n{expected}{done.stderr}"


def test_links_lead_somewhere(checkout):
    text = (checkout / "README.md").read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert targets
    assert [target for target in targets if not (checkout / target).exists()] == []
