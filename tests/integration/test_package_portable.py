"""The packages of the portable programs: one build, a second version of the same package."""

import re
import shutil

import pytest
from boot_machine import bake, new_fleet
from boot_package import debian_package, fields, make_packages
from boot_root import Root, or_skip
from support.process import run

pytestmark = pytest.mark.slow

PROGRAMS = {"usr/sbin/hostspin": "static", "usr/bin/hostspin-sign": "static", "usr/libexec/hostspin/hostspin-net": "static",
            "usr/libexec/hostspin/hostspin-ask": "libc"}


@pytest.fixture(scope="module")
def twins(programs, tmp_path_factory):
    """Every kind of package, made twice: on one date, in two time zones."""
    if not programs.portable().hostspin.exists():
        pytest.skip("built without portable programs: HOSTSPIN_LINK is 'both' in the preset ci")
    kinds = "DEB;TGZ;RPM" if shutil.which("rpmbuild") else "DEB;TGZ"
    made = []
    for zone in ("UTC", "Asia/Tokyo"):
        made.append(tmp_path_factory.mktemp("portable"))
        with or_skip():
            make_packages(programs.build, made[-1], kinds, kind="portable", TZ=zone)
    return made


@pytest.fixture(scope="module")
def package(twins):
    (deb,) = twins[0].glob("*.deb")
    return deb


def unpacked(twins, kind: str, out):
    """The tree of one package."""
    (package,) = twins[0].glob("*" + kind)
    commands = {".deb": ["dpkg-deb", "--extract", package, out],
                ".rpm": ["sh", "-c", 'cd "$1" && rpm2cpio "$0" | cpio --extract --make-directories --quiet', package, out],
                ".tar.gz": ["tar", "--extract", "--strip-components=1", "--directory", out, "--file", package]}
    out.mkdir()
    done = run(commands[kind])
    assert done.code == 0, done
    return out


@pytest.mark.parametrize("kind", [".deb", ".rpm", ".tar.gz"])
def test_the_packaged_programs_need_nothing_of_the_machine(twins, checkout, tmp_path, kind):
    """The link has checked them with their symbols; stripped, they must still be what they were."""
    if kind == ".rpm" and not (shutil.which("rpmbuild") and shutil.which("cpio")):
        pytest.skip("needs the programs rpmbuild and cpio")
    tree = unpacked(twins, kind, tmp_path / "tree")
    for path, linked in PROGRAMS.items():
        headers = run(["readelf", "--wide", "--program-headers", tree / path]).stdout
        assert "LOAD" in headers and ("INTERP" in headers) == (linked == "libc"), path
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run(["readelf", "--wide", "--dynamic", tree / path]).stdout)
        assert [name for name in needed if not name.startswith("ld-linux")] == (["libc.so.6"] if linked == "libc" else []), path
        if linked == "static":
            assert run([tree / path, "--version"]).code == 0, path
            # What a resolver cannot do without, whatever its symbols are called.
            assert b"/etc/resolv.conf" not in (tree / path).read_bytes() or path == "usr/sbin/hostspin", path
    versions = re.findall(r"GLIBC_([0-9.]+)", run(["readelf", "--wide", "--version-info",
                                                   tree / "usr/libexec/hostspin/hostspin-ask"]).stdout)
    assert versions and max(tuple(map(int, one.split("."))) for one in versions) <= (2, 17)


def test_two_packages_of_one_moment_are_equal_bytes(twins):
    one, two = ({path.name: path.read_bytes() for path in twin.iterdir()} for twin in twins)
    assert one == two and all("+portable1" in name for name in one)


def test_the_rpm_asks_for_nothing_but_an_old_libc(twins):
    found = list(twins[0].glob("*.rpm"))
    if not found:
        pytest.skip("needs the program rpmbuild")
    asked = run(["rpm", "--query", "--package", "--requires", found[0]]).stdout.split("\n")
    asked = [line for line in asked if line and not line.startswith(("rpmlib(", "config("))]
    versions = [tuple(map(int, one.split("."))) for line in asked for one in re.findall(r"libc\.so\.6\(GLIBC_([0-9.]+)\)", line)]
    assert versions and max(versions) <= (2, 17)
    other = [line for line in asked if not line.startswith(("libc.so.6", "ld-linux", "/bin/sh", "rtld(GNU_HASH)"))]
    assert other == []
    assert "gzip" in run(["rpm", "--query", "--package", "--queryformat", "%{PAYLOADCOMPRESSOR}", found[0]]).stdout


def test_the_deb_asks_for_no_library_but_an_old_libc(package):
    assert "libc6 (>= 2.17)" in fields(package)["Depends"].split(", ") and "libcurl" not in fields(package)["Depends"]


def test_lintian_finds_nothing(package):
    if not shutil.which("lintian"):
        pytest.skip("needs the program lintian")
    done = run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", package])
    assert done.code == 0, done


def test_rpmlint_finds_nothing_but_what_it_is(twins):
    found = list(twins[0].glob("*.rpm"))
    if not found or not shutil.which("rpmlint"):
        pytest.skip("needs the programs rpmbuild and rpmlint")
    errors = [line for line in run(["rpmlint", found[0]]).stdout.splitlines() if ": E: " in line]
    left = [line for line in errors if "no-signature" not in line and "/doc/hostspin/examples/" not in line]
    static = [line for line in left if "statically-linked-binary" in line]
    assert left == static and len(static) == 3


def test_a_machine_goes_to_the_portable_package_and_back(programs, package, tmp_path, tmp_path_factory):
    with or_skip():
        shared = debian_package(programs.build, tmp_path_factory)
        root = Root(tmp_path / "root")
    try:
        original = root.hosts
        bake(root, new_fleet())
        assert root.install(shared).code == 0
        block = root.hosts
        assert block.startswith("# BEGIN hostspin") and block.endswith(original)
        root.write("etc/hostspin/hostspin.toml", "fleet = \"prod.example\"\n# by hand\n")
        state = sorted(path.name for path in (root.path / "var/lib/hostspin").iterdir())
        for step in (package, shared, package):
            done = root.install(step)
            assert done.code == 0, done
            assert root.hosts == block
            assert "# by hand" in (root.path / "etc/hostspin/hostspin.toml").read_text()
            assert sorted(path.name for path in (root.path / "var/lib/hostspin").iterdir()) == state
            masked = [unit.name for unit in (root.path / "etc/systemd/system").glob("hostspin*") if unit.is_symlink()
                      and str(unit.readlink()) == "/dev/null"]
            assert masked == []
            version = root.enter("dpkg-query", "--show", "--showformat=${Version}", "hostspin").stdout
            assert version == fields(step)["Version"]
            judged = root.enter("hostspin", "status")
            assert judged.code in (0, 1) and "in step" in judged.stdout, judged
        assert root.enter("dpkg", "--remove", "hostspin").code == 0 and root.hosts == original
    finally:
        root.remove()
