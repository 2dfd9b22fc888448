"""A stranger's first hour: a fresh minimal Debian 12, the checkout, what the README installs, and its two commands."""

import os
import shutil

import pytest
from support.process import run


@pytest.mark.long
def test_the_readme_in_a_fresh_debian(checkout):
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        pytest.skip("needs root and the program mmdebstrap")
    done = run([checkout / "tests/fresh-debian.sh"], seconds=3600)
    assert done.code == 0, str(done)
    assert "depends on " in done.stdout, str(done)
    assert " failed" not in done.stdout and " passed" in done.stdout, str(done)
