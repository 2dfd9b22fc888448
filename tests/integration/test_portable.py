"""The portable programs: what is in the files, apart from what the link has checked itself."""

import json
import re
import urllib.parse

import pytest
from support.process import run

STATIC = ("hostspin", "sign", "net")
# By these names libc's resolver, its NSS and its loader of code go.
FORBIDDEN = re.compile(
    r"^(_*res_\w+|_+nss_\w+|_*gaih\w*|__gethost\w+|_*getservby\w+|_*getpw\w+|_*getgr(nam|gid|ent)\w*|_*dl_open"
    r"|__libc_dlopen\w*)$")
GLIBC_FLOOR = (2, 17)


@pytest.fixture(scope="module")
def portable(programs):
    made = programs.portable()
    if not made.hostspin.exists():
        pytest.skip("built without portable programs: HOSTSPIN_LINK is 'both' in the preset ci")
    return made


def output(*command) -> str:
    done = run(command)
    assert done.code == 0, str(done)
    return done.stdout


def defined_symbols(program) -> set:
    return {line.split()[-1] for line in output("nm", "--defined-only", program).splitlines()}


@pytest.mark.parametrize("name", STATIC)
def test_a_static_program_needs_nothing_of_the_machine(portable, name):
    program = getattr(portable, name)
    headers = output("readelf", "--wide", "--program-headers", program)
    assert "LOAD" in headers and "INTERP" not in headers, headers
    assert "Elf file type is DYN" in headers, "not position-independent"
    assert "(NEEDED)" not in output("readelf", "--wide", "--dynamic", program)


@pytest.mark.parametrize("name", STATIC)
def test_no_static_program_contains_a_resolver(portable, name):
    symbols = defined_symbols(getattr(portable, name))
    assert "main" in symbols and len(symbols) > 1000, "nm lists nothing: the test would be blind"
    assert sorted(symbol for symbol in symbols if FORBIDDEN.match(symbol)) == []


def test_a_static_program_with_a_resolver_would_be_seen(tmp_path, checkout):
    """The instrument of the test above and of the link itself, on a program that has what must not be there."""
    source, program = tmp_path / "lookup.c", tmp_path / "lookup"
    source.write_text('#include <netdb.h>\nint main(void) { return gethostbyname("a") != 0; }\n')
    output("gcc", "-w", "-static-pie", "-Wl,--no-warnings", source, "-o", program)
    assert any(FORBIDDEN.match(symbol) for symbol in defined_symbols(program))
    refused = run([checkout / "src/portable/check-program.sh", "static", program])
    assert refused.code == 1 and "contains" in refused.stderr, str(refused)


def test_ask_starts_on_an_old_libc(portable):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "--wide", "--dynamic", portable.ask))
    assert [name for name in needed if not name.startswith("ld-linux")] == ["libc.so.6"]
    versions = {tuple(int(part) for part in found.split("."))
                for found in re.findall(r"GLIBC_([0-9.]+)", output("readelf", "--wide", "--version-info", portable.ask))}
    assert versions and max(versions) <= GLIBC_FLOOR


def test_ask_that_wants_a_newer_libc_is_refused(programs, checkout):
    refused = run([checkout / "src/portable/check-program.sh", "libc", programs.shared().ask])
    assert refused.code == 1 and "needs more than libc" in refused.stderr, str(refused)


def test_they_say_the_version_of_the_others(portable, programs):
    for one, other in zip(portable.all(), programs.shared().all()):
        assert output(one, "--version") == output(other, "--version")


def bill_of(programs, kind: str) -> dict:
    """name: (the package's version, compiled in?) of the bill of materials."""
    bill = json.loads((programs.build / "packaging" / kind / "hostspin.spdx.json").read_text())
    linked = {one["relatedSpdxElement"]: one["relationshipType"] == "STATIC_LINK" for one in bill["relationships"]}
    found = {}
    for package in bill["packages"]:
        locators = [one["referenceLocator"] for one in package.get("externalRefs", [])]
        if package["SPDXID"] in linked and any(one.startswith("pkg:deb/") for one in locators):
            version = re.search(r"@([^?]+)", locators[0]).group(1)
            found[package["name"]] = (urllib.parse.unquote(version), linked[package["SPDXID"]])
    return found


@pytest.mark.parametrize("kind", ["portable", "shared"])
def test_the_program_says_what_is_compiled_into_it(portable, programs, kind):
    program = (portable if kind == "portable" else programs.shared()).hostspin
    bill = bill_of(programs, kind)
    assert {"openssl", "libcurl", "libsodium"} <= set(bill), bill
    assert bill["openssl"][1] == (kind == "portable") and bill["libsodium"][1]

    told = output(program, "--version", "--verbose")
    first, linked, heading, *lines = told.splitlines()
    assert first + "\n" == output(program, "--version")
    assert linked.startswith(f"linked: {kind}, ") and heading == "compiled into its programs:"
    compiled_in, found = True, {}
    for line in lines:
        if line.startswith("  "):
            name, version = line.split()
            found[name] = (version, compiled_in)
        else:
            assert line == "the machine's, whichever version it has; built with:" and compiled_in, told
            compiled_in = False
    assert found == bill

    report = json.loads(output(program, "--version", "-v", "--output", "json"))
    assert report["schema"] == "hostspin.version/1" and report["linked"] == kind
    assert report["exit_code"] == 0 and report["verdict"] == first
    assert {one["name"]: (one["version"], one["compiled_in"]) for one in report["libraries"]} == bill
    assert "libraries" not in json.loads(output(program, "--version", "--output=json"))
