"""Every Catch2 test case of build/…/tests/unit_tests as one test here, so that one summary counts all.

A case that says WARN("skipped: reason") and fails nothing is reported as skipped, with that reason. A case
that asserts nothing fails.
"""

import os
import re
import subprocess

import pytest
from support.process import clean_environment, run

_SKIPPED = re.compile(r"warning:\n((?:  .*\n)+)")


def case_names(program) -> list:
    """v2 lists with --list-test-names-only (its exit code is the count), v3 with --list-tests."""
    for options in (["--list-test-names-only"], ["--list-tests", "--verbosity", "quiet"]):
        listed = subprocess.run([program, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=clean_environment(), check=False)
        names = [line.strip().strip('"') if line.strip().startswith('"#') else line.strip()
                 for line in listed.stdout.decode().splitlines()]
        if any(names):
            return [name for name in names if name]
    return []


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        program = metafunc.config.hostspin_programs.unit_tests
        names = case_names(program) if program.exists() else []
        # An empty list would be a silent success: one item that fails says it instead.
        metafunc.parametrize("case", names or [None], ids=names or ["unit_tests was not built"])


def specification(name: str) -> str:
    """The name as a Catch2 test specification that matches it alone."""
    return re.sub(r"([\\,\[\"*])", r"\\\1", name)


def test_unit(case, programs):
    assert case is not None, f"{programs.unit_tests} is missing or lists no test case"
    vectors = {key: value for key, value in os.environ.items() if key.startswith("HOSTSPIN_")}
    done = run([programs.unit_tests, specification(case)], seconds=300, env=clean_environment(**vectors))
    assert done.code == 0, str(done)
    assert "1 test case" in done.stdout or "test cases: 1 |" in done.stdout, f"not exactly one case ran: {done}"
    for warning in _SKIPPED.findall(done.stdout):
        text = " ".join(warning.split())
        if text.startswith("skipped:"):
            pytest.skip(text.removeprefix("skipped:").strip())
    assert "assertions: - none -" not in done.stdout, f"the case asserts nothing: {done}"
