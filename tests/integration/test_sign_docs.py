"""What hostspin-sign's help, man page and completions say of it is the same."""

import re
import shutil
import subprocess

import pytest
from desk_support import Desk

COMMANDS = [["init"], ["keygen"], ["vkey"], ["root", "new"], ["root", "next"], ["sign"], ["check"], ["bump"], ["diff"],
            ["text"], ["import"]]


@pytest.fixture
def desk(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign)


def help_options(desk: Desk, command: list) -> set:
    """The long options that the help explains; its examples have other programs' options too."""
    text = re.split(r"\n\nExamples?\b", desk.ok(*command, "--help").text)[0]
    return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text))


# What each command cannot do without, so that what is left to complain of is the option.
ENOUGH = {"init": ["d", "--fleet", "x"], "keygen": ["n", "-o", "k"], "vkey": ["n", "f"], "new": ["--fleet", "x"],
          "next": ["r"], "sign": ["f"], "check": ["f"], "bump": ["f"], "diff": ["a", "b"], "text": ["f"],
          "import": ["hosts", "f", "--fleet", "x"]}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_of_the_help_exists(desk, command):
    def knows(option):
        return "not expected" not in desk.run(*command, *ENOUGH[command[-1]], f"--{option}").err

    assert not knows("frobnicate")
    for option in help_options(desk, command):
        assert knows(option), option


def test_the_man_page_has_every_command_and_option(desk, checkout):
    page = (checkout / "packaging/man/hostspin-sign.1").read_text()
    for command in COMMANDS:
        assert f".Ss {' '.join(command)}" in page
        for option in help_options(desk, command):
            assert re.search(rf"Fl {option}\b", page), f"--{option} of {command}"


def test_every_completion_has_every_command_and_option(desk, checkout):
    for shell, form in (("bash", "--{}"), ("zsh", "--{}"), ("fish", "-l {}")):
        script = (checkout / f"packaging/completions/hostspin-sign.{shell}").read_text()
        for command in COMMANDS:
            assert command[-1] in script
            for option in help_options(desk, command):
                assert re.search(re.escape(form.format(option)) + r"\b", script), f"--{option} in {shell}"


def test_the_man_page_and_the_help_list_the_same_findings(desk, checkout):
    page = (checkout / "packaging/man/hostspin-sign.1").read_text()
    in_page = set(re.findall(r"^\.It Cm ([a-z]+-[a-z0-9-]+)$", page, re.M))
    text = desk.ok("check", "--help").text
    listed = text[text.index("Findings,"):text.index("hostspin-sign(1) explains")]
    in_help = set(re.findall(r"\b[a-z]+(?:-[a-z0-9]+)+\b", listed))
    assert in_page == in_help and len(in_page) > 10
    for code in in_page:  # and the program knows each
        assert "no finding" not in desk.run("check", "none", "--ignore", code).err


def test_the_man_page_is_clean_mdoc(checkout):
    if not shutil.which("mandoc"):
        pytest.skip("Debian's mandoc is not installed")
    page = checkout / "packaging/man/hostspin-sign.1"
    said = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, text=True, check=False)
    # Pages that are not installed where the tests run are no fault of this one.
    faults = [line for line in said.stdout.splitlines() if "referenced manual not found" not in line]
    assert faults == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_good_syntax(checkout, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = checkout / f"packaging/completions/hostspin-sign.{shell}"
    assert subprocess.run([shell, "-n", script], check=False).returncode == 0
