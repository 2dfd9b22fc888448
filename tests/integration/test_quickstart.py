"""The tour works from a checkout and from the package, says so, and leaves nothing behind."""

import json
import os
import shutil

import pytest
from support.process import clean_environment, run


@pytest.fixture
def as_root():
    if os.geteuid() != 0:
        pytest.skip("needs root, for a network namespace with the demo's own addresses")


def toured(done, scratch) -> None:
    assert done.code == 0, str(done)
    assert "quickstart: OK" in done.stdout, str(done)
    assert "DOWN  ldap.demo.example  10.99.0.13:636" in done.stdout, str(done)
    assert list(scratch.iterdir()) == []


@pytest.fixture
def scratch(tmp_path):
    made = tmp_path / "scratch"
    made.mkdir()
    return made


def test_quickstart(as_root, checkout, programs, scratch):
    done = run([checkout / "examples/quickstart.sh", "--programs", programs.folder], cwd=scratch,
               env=clean_environment(TMPDIR=str(scratch)), seconds=300)
    toured(done, scratch)


def test_quickstart_of_the_package(as_root, checkout, programs, scratch, tmp_path):
    """Where a package puts it there is nothing to build: it takes the programs that came along."""
    usr = tmp_path / "usr"
    for part in ("sbin", "bin", "libexec"):
        shutil.copytree(programs.folder / part, usr / part)
    examples = usr / "share/doc/hostspin/examples"
    examples.mkdir(parents=True)
    shutil.copy(checkout / "examples/quickstart.sh", examples)

    done = run([examples / "quickstart.sh"], cwd=scratch, env=clean_environment(TMPDIR=str(scratch)), seconds=300)

    toured(done, scratch)
    assert f"those of {usr}" in done.stdout and "README" not in done.stdout
    assert sorted(path.name for path in (usr / "share/doc/hostspin").iterdir()) == ["examples"]


def test_quickstart_looks_for_namespaces_before_it_builds(as_root, checkout, tmp_path):
    tree, tools = tmp_path / "hostspin", tmp_path / "tools"
    for path in ("examples/quickstart.sh", "tests/logged.sh", "CMakeLists.txt"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout / path, tree / path)
    tools.mkdir()
    (tools / "unshare").write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    (tools / "unshare").chmod(0o755)

    done = run([tree / "examples/quickstart.sh"], env=clean_environment(PATH=f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin"))

    assert done.code == 1 and "lets nobody make a network namespace" in done.stderr, done
    assert done.stdout == "" and not (tree / "build").exists()


def test_quickstart_says_who_may_run_it(checkout):
    done = run([checkout / "examples/quickstart.sh", "--help"])
    assert done.code == 0 and "Needs root" in done.stdout, str(done)


def test_a_long_step_shows_that_it_goes_on(checkout, tmp_path):
    """Seen on a terminal within a second or two; a failure shows the log's end."""
    logged = f"'{checkout}/tests/logged.sh' '{tmp_path}/log'"
    script = f"{logged} sh -c 'echo \"[7/9] making things\"; read wait'"
    # What is typed after three seconds lets the step end.
    (tmp_path / "step").write_text(script + "\n")
    done = run(["bash", "-c", f"(sleep 3; echo) | script -qec 'bash {tmp_path}/step' /dev/null"])
    assert done.code == 0 and "[7/9] making things" in done.stdout, done

    (tmp_path / "step").write_text(f"{logged} sh -c 'echo why; exit 7'\n")
    failed = run(["bash", tmp_path / "step"])
    assert failed.code == 7 and failed.stderr.splitlines()[-1] == "why", failed


def test_one_build_serves_the_tour_the_tests_and_the_packages(checkout):
    """The same directory, and no flag that would compile everything again."""
    presets = {preset["name"]: preset
               for preset in json.loads((checkout / "CMakePresets.json").read_text())["configurePresets"]}
    assert presets["ci"]["inherits"] == "release" and presets["ci"]["binaryDir"].endswith("/build/release")
    assert set(presets["ci"]["cacheVariables"]) == {"HOSTSPIN_TESTS", "HOSTSPIN_LINK"}  # neither of which is a flag: see below
    for script, words in (("examples/quickstart.sh", "build.sh\" release"), ("packaging/build-packages.sh", "--preset release"),
                          ("tests/run.sh", "preset=ci\n")):
        assert words in (checkout / script).read_text(), script


@pytest.mark.slow
def test_a_source_is_compiled_alike_for_the_tour_the_tests_and_the_packages(checkout, tmp_path):
    libcurl = tmp_path / "libcurl/lib"  # none is linked here
    libcurl.mkdir(parents=True)
    (libcurl / "libcurl.a").touch()
    commands = []
    for preset, *link in (("release",), ("ci",), ("release", "-DHOSTSPIN_LINK=both")):
        build = tmp_path / "".join([preset, *link])
        done = run(["cmake", "--preset", preset, "-S", checkout, "-B", build, f"-DHOSTSPIN_LIBCURL={libcurl.parent}", *link],
                   cwd=checkout, seconds=300)
        assert done.code == 0, done
        commands.append({one["file"]: one["command"].replace(str(build), "BUILD")
                         for one in json.loads((build / "compile_commands.json").read_text())
                         if one["file"].startswith(f"{checkout}/src/") and one["file"].endswith(".cc")})
    assert len(commands[0]) > 100 and commands[0] == commands[1] == commands[2]
