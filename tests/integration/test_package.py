"""The packages: what is in them, and that they are made the same twice."""

import gzip
import json
import re
import shutil

import pytest
from boot_package import debian_package, fields, listing, make_packages
from boot_root import or_skip
from support.process import clean_environment, run

MAN_PAGES = {"hostspin.8", "hostspin-sign.1", "hostspin.toml.5", "hostspin-manifest.5", "hostspin-trust.7"}


@pytest.fixture(scope="module")
def package(programs, tmp_path_factory):
    with or_skip():
        return debian_package(programs.build, tmp_path_factory)


@pytest.fixture(scope="module")
def files(package):
    return listing(package)


def test_programs_stand_where_the_design_puts_them(files):
    for path in ("/usr/sbin/hostspin", "/usr/bin/hostspin-sign", "/usr/libexec/hostspin/hostspin-net",
                 "/usr/libexec/hostspin/hostspin-ask"):
        assert files[path] == ("-rwxr-xr-x", "root/root"), path


def test_everything_belongs_to_root_and_nobody_else_may_write(files):
    for path, (mode, owner) in files.items():
        assert owner == "root/root", path
        assert mode[5] == "-" and mode[8] == "-", (path, mode)
        assert "s" not in mode, (path, mode)
        if mode[0] == "d":
            assert mode == "drwxr-xr-x", (path, mode)


def test_what_comes_along(files):
    for path in ("/etc/hostspin/hostspin.toml", "/etc/hostspin/conf.d/", "/var/lib/hostspin/",
                 "/usr/lib/sysusers.d/hostspin.conf",
                 "/usr/share/doc/hostspin/hostspin.spdx.json", "/usr/share/doc/hostspin/copyright", "/usr/share/doc/hostspin/changelog.gz",
                 "/usr/share/doc/hostspin/examples/hostspin.cron",
                 "/usr/share/bash-completion/completions/hostspin", "/usr/share/zsh/vendor-completions/_hostspin",
                 "/usr/share/fish/vendor_completions.d/hostspin.fish"):
        assert path in files, path
    pages = {path.rsplit("/", 1)[1] for path in files if path.startswith("/usr/share/man/man")} - {""}
    assert pages == {f"{page}.gz" for page in MAN_PAGES}
    stray = [path for path in files if not path.startswith(("/etc/", "/usr/", "/var/")) and path != "/"]
    assert stray == []


def test_the_package_names_what_it_links(package):
    needs = fields(package)["Depends"]
    for library in ("libc6", "libcurl4", "libseccomp2", "libssl3", "libstdc++6"):
        assert library in needs
    assert "libcurl4 (>= 7.87)" in needs.split(", "), "which alone knows the options that are set"


@pytest.mark.parametrize("version, refused", [
    ("219", True), ("238 (238-1.el7)", True), ("239 (239-82.el8_10.3)", False), ("252 (252.39-1~deb12u2)", False),
    (None, False), ("", False)])
def test_a_systemd_that_knows_too_little_is_refused_before_anything_is_installed(checkout, tmp_path, version, refused):
    if version is not None:
        systemctl = tmp_path / "systemctl"
        systemctl.write_text(f"#!/bin/sh\necho 'systemd {version}'\necho '+PAM +AUDIT'\n")
        systemctl.chmod(0o755)
    for tool in ("sed", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    done = run(["/bin/sh", checkout / "packaging/cpack/preinst", "install"], env={"PATH": str(tmp_path)})
    assert done.code == (1 if refused else 0), done
    assert [len(done.lines(kind)) for kind in ("error", "hint")] == ([1, 1] if refused else [0, 0]), done
    assert not refused or version.split()[0] in done.stderr


def test_the_package_asks_for_systemds_version_first(package, checkout):
    script = (checkout / "packaging/cpack/preinst").read_text()
    assert run(["dpkg-deb", "--info", package, "preinst"]).stdout == script


def test_compressed_documents_carry_no_time(package, tmp_path):
    done = run(["dpkg-deb", "--extract", package, tmp_path])
    assert done.code == 0, done
    compressed = list(tmp_path.rglob("*.gz"))
    assert compressed
    for path in compressed:
        # Bytes 4 to 7 of a gzip file are its time; bit 3 of byte 3 says that a name follows.
        head = path.read_bytes()[:8]
        assert head[4:8] == bytes(4) and not head[3] & 8, path
        assert gzip.decompress(path.read_bytes())


# Debian's package of a header or library that the build uses: its name in the bill of materials.
MATERIALS = {
    "libcli11-dev": "CLI11", "libexpected-dev": "expected", "libfmt-dev": "fmt", "nlohmann-json3-dev": "nlohmann-json",
    "libspdlog-dev": "spdlog", "libtomlplusplus-dev": "tomlplusplus", "libcurl4-openssl-dev": "libcurl",
    "libseccomp-dev": "libseccomp", "libsodium-dev": "libsodium", "libssl-dev": "openssl",
}
# What the portable programs alone are linked with.
PORTABLE_MATERIALS = {"libnghttp2-dev": "nghttp2", "libc6-dev": "glibc"}
# GCC's run-time, whose package is named for the compiler's version.
RUN_TIME = ("libgcc", "libstdc++")


def of_machine(package: str) -> str:
    """The version that this machine has for its own architecture; it may have another one for another."""
    lines = run(["dpkg-query", "--show", "--showformat=${Architecture} ${Version}\n", package]).stdout.splitlines()
    own = run(["dpkg", "--print-architecture"]).stdout.strip()
    return next((line.split()[1] for line in lines if line.split()[0] in (own, "all") and len(line.split()) > 1), "")


def check_bill(document: dict, materials: dict, static: set) -> None:
    assert (document["spdxVersion"], document["SPDXID"]) == ("SPDX-2.3", "SPDXRef-DOCUMENT")
    versions = {one["name"]: one["versionInfo"] for one in document["packages"] if one["name"] != "hostspin"}
    purls = {one["name"]: one["externalRefs"][0]["referenceLocator"] for one in document["packages"] if "externalRefs" in one}
    assert set(purls) == set(versions) == {*materials.values(), *RUN_TIME}
    for debian, name in materials.items():
        known = of_machine(debian)
        if known:  # else it was not built from Debian's packages here
            upstream = known.split(":", 1)[-1].rsplit("-", 1)[0]
            assert upstream.split("+")[0].startswith(versions[name]), (name, upstream)
            quoted = known.replace("+", "%2B").replace(":", "%3A")
            assert purls[name].split("?")[0].endswith(f"/{debian}@{quoted}"), purls[name]
    related = {one["relatedSpdxElement"]: one["relationshipType"] for one in document["relationships"]}
    ids = {one["name"]: one["SPDXID"] for one in document["packages"]}
    assert set(related) == set(ids.values()) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in related)
    assert {name for name in versions if related[ids[name]] == "STATIC_LINK"} == static
    assert all(one["supplier"] for one in document["packages"])


def test_the_bill_of_materials_names_every_library_in_its_version(programs, package, checkout, tmp_path):
    done = run(["dpkg-deb", "--extract", package, tmp_path])
    assert done.code == 0, done
    document = json.loads((tmp_path / "usr/share/doc/hostspin/hostspin.spdx.json").read_text())
    (version,) = [one["versionInfo"] for one in document["packages"] if one["name"] == "hostspin"]
    assert version == fields(package)["Version"]
    check_bill(document, MATERIALS, {*MATERIALS.values(), *RUN_TIME} - {"libcurl", "libseccomp", "openssl"})
    portable = programs.build / "packaging/portable/hostspin.spdx.json"
    if portable.exists():
        every = MATERIALS | PORTABLE_MATERIALS
        check_bill(json.loads(portable.read_text()), every, {*every.values(), *RUN_TIME})

    # What a build needs and what the programs link can only be there if the document knows it.
    build_list = re.search(r"^build=\((.*?)\)", (checkout / "tests/install-deps.sh").read_text(), re.M | re.S).group(1)
    assert {word for word in build_list.split() if word.endswith("-dev")} - {"dpkg-dev"} <= set(MATERIALS | PORTABLE_MATERIALS)
    linked = {"libcrypto.so.3": "openssl", "libssl.so.3": "openssl", "libcurl.so.4": "libcurl",
              "libseccomp.so.2": "libseccomp"}
    run_time = ("libc.so", "libm.so", "libstdc++", "libgcc_s", "ld-linux", "linux-vdso")
    for program in ("usr/sbin/hostspin", "usr/bin/hostspin-sign", "usr/libexec/hostspin/hostspin-net",
                    "usr/libexec/hostspin/hostspin-ask"):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run(["readelf", "--dynamic", tmp_path / program]).stdout)
        assert needed, program
        assert [one for one in needed if one not in linked and not one.startswith(run_time)] == [], program
        if program == "usr/sbin/hostspin":
            assert not [one for one in needed if one.startswith(RUN_TIME)], "it is compiled in, as the document says"


def test_the_notices_of_what_is_compiled_in_come_along(package, tmp_path):
    """MIT and BSD want it; a package without them would be made by nobody (cpack/by_kind.cmake)."""
    done = run(["dpkg-deb", "--extract", package, tmp_path])
    assert done.code == 0, done
    documents = tmp_path / "usr/share/doc/hostspin"
    text = gzip.decompress((documents / "third-party-notices.gz").read_bytes()).decode()
    bill = json.loads((documents / "hostspin.spdx.json").read_text())
    names = {one["SPDXID"]: one["name"] for one in bill["packages"]}
    compiled_in = {names[one["relatedSpdxElement"]] for one in bill["relationships"] if one["relationshipType"] == "STATIC_LINK"}
    assert compiled_in == set(re.findall(r"^==== ([^=\s:]+)", text, re.M)) and "spdlog" in compiled_in
    for words in ("Permission is hereby granted, free of charge", "Redistributions in binary form", "Runtime Library Exception",
                  "Permission to use, copy, modify, and/or distribute this software"):
        assert words in text
    copyright_text = (documents / "copyright").read_text()
    assert "third-party-notices.gz" in copyright_text
    for name in compiled_in:
        assert name.replace("tomlplusplus", "toml++") in copyright_text


def test_no_package_is_built_whose_needs_cannot_be_told(checkout, tmp_path):
    """cpack would make a DEB that depends on no library, and say nothing."""
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    done = run(["/bin/sh", checkout / "packaging/build-packages.sh"], env=clean_environment(PATH=str(tmp_path)))
    assert done.code == 3 and "error: the program dpkg-shlibdeps is missing" in done.stderr, done
    assert "hint: install it" in done.stderr


@pytest.fixture(scope="module")
def twins(programs, tmp_path_factory):
    """Every kind of package, made twice: on one date, in two time zones."""
    kinds = "DEB;TGZ;RPM" if shutil.which("rpmbuild") else "DEB;TGZ"
    made = []
    for zone in ("UTC", "Asia/Tokyo"):
        made.append(tmp_path_factory.mktemp("twin"))
        with or_skip():
            make_packages(programs.build, made[-1], kinds, TZ=zone)
        assert len(list(made[-1].iterdir())) == kinds.count(";") + 1
    return made


@pytest.mark.slow
def test_two_packages_of_one_moment_are_equal_bytes(twins):
    one, two = ({path.name: path.read_bytes() for path in twin.iterdir()} for twin in twins)
    assert one == two


@pytest.mark.slow
def test_every_kind_of_package_holds_the_same_files(twins, files):
    """But for what one distribution wants otherwise: cpack/by_kind.cmake."""
    others = {path.replace("/zsh/vendor-completions/", "/zsh/site-functions/") for path in files if not path.endswith("/")}
    expected = others - {"/usr/share/lintian/overrides/hostspin"} | {"/usr/share/doc/hostspin/LICENSE"}
    assert "/usr/share/zsh/site-functions/_hostspin" in expected and "/usr/share/doc/hostspin/LICENSE" not in files
    (archive,) = twins[0].glob("*.tar.gz")
    names = run(["tar", "--list", "--file", archive]).stdout.splitlines()
    assert {"/" + name.split("/", 1)[1] for name in names if not name.endswith("/")} == expected
    for one in twins[0].glob("*.rpm"):
        assert "the units need $oldest" in run(["rpm", "--query", "--package", "--scripts", one]).stdout
        lines = run(["rpm", "--query", "--package", "--list", "--verbose", one]).stdout.splitlines()
        assert {line.split()[-1] for line in lines if line[0] == "-"} == expected
        kept = run(["rpm", "--query", "--package", "--configfiles", one]).stdout.split()
        assert kept == ["/etc/hostspin/hostspin.toml"]


@pytest.mark.long
def test_another_source_path_gives_the_same_packages(checkout, tmp_path):
    """The script that releases are made with, in two places, with two umasks, in two time zones."""
    sums = []
    for name, zone, umask in (("a", "UTC", "022"), ("a-longer-name", "America/Lima", "077")):
        tree = tmp_path / name / "hostspin"
        cloned = run(["sh", "-c", 'umask "$0" && exec git clone --quiet "$1" "$2"', umask, checkout, tree])
        assert cloned.code == 0, cloned
        done = run(["sh", "-c", 'umask "$0" && exec packaging/build-packages.sh', umask], cwd=tree, seconds=3000,
                   env=clean_environment(TZ=zone))
        if "would be packed with older libraries than apt has" in done.stderr:
            pytest.skip("this machine's libraries are older than those of its distribution by now")
        assert done.code == 0, done
        sums.append({path.name: path.read_bytes() for path in (tree / "build/release/packages").iterdir()})
    kinds = {"deb", "gz", "rpm"} if shutil.which("rpmbuild") else {"deb", "gz"}
    assert {name.rsplit(".", 1)[1] for name in sums[0]} == kinds
    assert sums[0].keys() == sums[1].keys()
    assert [name for name in sums[0] if sums[0][name] != sums[1][name]] == []


@pytest.mark.slow
def test_lintian_finds_nothing(package):
    if not shutil.which("lintian"):
        pytest.skip("needs the program lintian")
    done = run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", package])
    assert done.code == 0, done


@pytest.mark.slow
def test_rpmlint_finds_nothing_but_the_missing_signature(twins):
    if not shutil.which("rpmbuild") or not shutil.which("rpmlint"):
        pytest.skip("needs the programs rpmbuild and rpmlint")
    (made,) = twins[0].glob("*.rpm")
    done = run(["rpmlint", made])
    errors = [line for line in done.stdout.splitlines() if ": E: " in line]
    # Signing is the distributor's; the examples are for reading, and find their interpreter by env.
    left = [line for line in errors if "no-signature" not in line and "/doc/hostspin/examples/" not in line]
    assert len(errors) >= 1 and left == []


@pytest.mark.parametrize("page", sorted(MAN_PAGES))
def test_manual_pages_are_clean(checkout, page):
    if not shutil.which("mandoc"):
        pytest.skip("needs the program mandoc")
    done = run(["mandoc", "-T", "lint", "-W", "style", checkout / "packaging/man" / page])
    # What mandoc cannot know is which other pages a Debian system has.
    complaints = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert complaints == []


@pytest.mark.parametrize("script", ["preinst", "postinst", "prerm", "postrm", "rpm-post", "rpm-preun", "rpm-postun"])
def test_maintainer_scripts_are_plain_shell(checkout, script):
    done = run(["dash" if shutil.which("dash") else "sh", "-n", checkout / "packaging/cpack" / script])
    assert done.code == 0, done


def test_shellcheck_finds_nothing_in_any_script(checkout):
    if not shutil.which("shellcheck"):
        pytest.skip("needs the program shellcheck")
    known = run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=checkout)
    if known.code != 0:
        pytest.skip("needs git's list of the files")
    paths = [checkout / name for name in known.stdout.split("\0") if name]
    first_lines = {path: path.read_bytes().split(b"\n", 1)[0] for path in paths if path.is_file()}
    scripts = [path for path, line in first_lines.items() if re.match(rb"#!.*\b(ba|da)?sh\b", line)]
    assert {"run", "make-seed.sh", "postinst", "run.sh"} <= {path.name for path in scripts}
    # rpm's scriptlets come without a first line that says so.
    scriptlets = [path for path in paths if path.name.startswith("rpm-")]
    for command in (["shellcheck", *scripts], ["shellcheck", "--shell", "sh", *scriptlets]):
        done = run(command)
        assert done.code == 0, done
