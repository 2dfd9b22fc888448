"""The tour works, says so, and leaves nothing behind."""

import os

import pytest
from support.process import clean_environment, run


def test_quickstart(checkout, programs, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, for a network namespace with the demo's own addresses")
    done = run([checkout / "examples/quickstart.sh", "--programs", programs.build], cwd=tmp_path,
               env=clean_environment(TMPDIR=str(tmp_path)), seconds=300)
    assert done.code == 0, str(done)
    assert "quickstart: OK" in done.stdout, str(done)
    assert "DOWN  ldap.demo.example  10.99.0.13:636" in done.stdout, str(done)
    assert list(tmp_path.iterdir()) == []


def test_quickstart_says_who_may_run_it(checkout):
    done = run([checkout / "examples/quickstart.sh", "--help"])
    assert done.code == 0 and "Needs root" in done.stdout, str(done)
