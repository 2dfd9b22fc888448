"""The table of attacks in tests/README.md names tests that exist: whoever renames one is told."""

import re


def rows(readme: str) -> list:
    """(attack, what "core" says, what "whole" says)"""
    table = readme[readme.index("| attack | core | whole |"):]
    table = table[: table.index("\n\n")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_named_test_exists(checkout):
    tests = checkout / "tests"
    readme = (tests / "README.md").read_text()
    found = rows(readme)
    assert len(found) > 30
    pytests = {name for path in (tests / "integration").glob("test_*.py")
               for name in re.findall(r"^\s*def (test_\w+)", path.read_text(), re.M)}
    for attack, core, whole in found:
        for name in re.findall(r"`([^`]+)`", core + " " + whole):
            if name.endswith((".py", ".cc")):
                assert any(tests.glob(f"*/{name}")), f"{attack}: {name}"
            elif name.startswith("test_"):
                assert name in pytests, f"{attack}: {name}"


def test_every_attack_of_the_core_is_in_the_table(checkout):
    tests = checkout / "tests"
    cases = set(re.findall(r'TEST_CASE\(\s*"attack: ([^"]+)"', (tests / "unit/attacks_test.cc").read_text()))
    named = {part.strip() for _, core, _ in rows((tests / "README.md").read_text()) for part in core.split(";")}
    assert len(cases) > 25
    assert cases - named == set()


def test_every_root_chain_case_exists(checkout):
    tests = checkout / "tests"
    readme = (tests / "README.md").read_text()
    section = readme[readme.index("## Root chains"):readme.index("## Vectors")]
    units = " ".join(path.read_text() for path in (tests / "unit").glob("*_test.cc"))
    names = re.findall(r'"([^"]+)"', section)
    assert len(names) > 8
    for name in names:
        assert f'TEST_CASE("{name}"' in units.replace("TEST_CASE(\n    ", "TEST_CASE("), name
