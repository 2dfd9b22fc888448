"""What the programs are linked with: the one that writes cannot reach the network, and no program but
hostspin-ask can look a name up."""

import re

import pytest
from support.process import run

# test_portable.py looks at the portable programs.
pytestmark = pytest.mark.preloads

# By these a C library asks DNS, or an NSS module that does (LDAP, SSSD).
LOOKUPS = re.compile(
    r"^(getaddrinfo|getnameinfo|gethostby\w+|gethostent\w*|getpw\w+|getgr\w+|initgroups|getservby\w+"
    r"|__?res_\w+|res_\w+|__nss_\w+)$")


def undefined_symbols(program) -> set:
    done = run(["nm", "-D", "--undefined-only", "--no-demangle", program])
    assert done.code == 0, str(done)
    return {line.split()[-1].split("@")[0] for line in done.stdout.splitlines() if line.strip()}


def test_hostspin_needs_no_library_but_libc(programs):
    """So that it starts in any image and at any boot; in a build with sanitizers these come along."""
    done = run(["readelf", "--dynamic", programs.hostspin])
    assert done.code == 0, str(done)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout)
    if any("san.so" in name for name in needed):
        pytest.skip("built with sanitizers, which bring libraries of their own")
    assert [name for name in needed if not name.startswith("ld-linux")] == ["libc.so.6"], str(done)


def test_hostspin_has_no_network_library(programs):
    done = run(["ldd", programs.hostspin])
    assert done.code == 0 and "libc.so" in done.stdout, str(done)
    assert not re.search("libcurl|libssl|libnss|libresolv|libsystemd", done.stdout), str(done)


def test_sign_has_no_network_library(programs):
    done = run(["ldd", programs.sign])
    assert done.code == 0 and not re.search("libcurl|libssl|libresolv", done.stdout), str(done)


@pytest.mark.parametrize("program", ["hostspin", "sign", "net"])
def test_no_program_but_ask_can_look_up_names(programs, program):
    symbols = undefined_symbols(getattr(programs, program))
    assert len(symbols) > 20, "nm lists nothing: the test would be blind"
    assert sorted(name for name in symbols if LOOKUPS.match(name)) == []


def test_ask_is_the_one_that_can(programs):
    """The other test's instrument works: it finds the call where it must be."""
    assert "getaddrinfo" in undefined_symbols(programs.ask)


def test_hostspin_opens_no_socket_of_the_network(programs):
    """socket() is there for AF_UNIX alone (sd_notify, journal, workers); nothing listens or accepts."""
    symbols = undefined_symbols(programs.hostspin)
    assert symbols & {"listen", "accept", "accept4"} == set()
