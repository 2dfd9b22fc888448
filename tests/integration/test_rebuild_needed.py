"""packaging/rebuild-needed: an SBOM against what apt has now, apt's answer being made up or real."""

import json
import os
import shutil
from pathlib import Path

import pytest
from support.process import clean_environment, run


def bill(path, **versions):
    """An SBOM in the shape of ours; libraries by name, each with its purl."""
    packages = [{"SPDXID": "SPDXRef-hostspin", "name": "hostspin", "versionInfo": "1"}]
    packages += [{"SPDXID": f"SPDXRef-{name}", "name": name, "externalRefs": [{"referenceLocator": purl}]}
                 for name, purl in versions.items()]
    related = [{"relationshipType": "STATIC_LINK", "relatedSpdxElement": f"SPDXRef-{name}"} for name in versions]
    path.write_text(json.dumps({"packages": packages, "relationships": related}))
    return path


@pytest.fixture
def judge(checkout, tmp_path):
    """Runs the script on an apt that knows libexample-dev 1:2.0-3+deb12u1 and nothing else."""
    if not shutil.which("apt-cache"):
        pytest.skip("needs the program apt-cache")
    architecture = run(["dpkg", "--print-architecture"]).stdout.strip()
    for name in ("lists/partial", "cache", "etc/sources.list.d", "etc/apt.conf.d", "etc/preferences.d", "repository"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "status").touch()
    (tmp_path / "repository/Packages").write_text(
        f"Package: libexample-dev\nVersion: 1:2.0-3+deb12u1\nArchitecture: {architecture}\nMaintainer: x <x@y.invalid>\n"
        f"Filename: ./none.deb\nSize: 1\nSHA256: {'0' * 64}\nDescription: an example\n\n")
    (tmp_path / "etc/sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/repository ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc "{tmp_path}/etc"; Dir::State::lists "{tmp_path}/lists"; Dir::State::status "{tmp_path}/status";\n'
        f'Dir::Cache "{tmp_path}/cache"; APT::Sandbox::User "root";\n')
    environment = clean_environment(APT_CONFIG=str(tmp_path / "apt.conf"))
    updated = run(["apt-get", "update"], env=environment)
    assert updated.code == 0, updated

    def judged(path, *options):
        return run([checkout / "packaging/rebuild-needed", *options, path], env=environment)

    return judged


def test_the_newest_version_needs_nothing(judge, tmp_path):
    done = judge(bill(tmp_path / "sbom", example="pkg:deb/debian/libexample-dev@1%3A2.0-3%2Bdeb12u1"))
    assert done.code == 0 and done.stdout.startswith("1 libraries are compiled in"), done


@pytest.mark.parametrize("linked", ["1%3A2.0-3", "9.0-1", "1%3A2.0-3~rc1"])
def test_an_older_version_is_named(judge, tmp_path, linked):
    path = bill(tmp_path / "sbom", example=f"pkg:deb/debian/libexample-dev@{linked}")
    done = judge(path)
    version = linked.replace("%3A", ":")
    assert done.code == 1, done
    assert f"example: {version} is compiled in, libexample-dev is 1:2.0-3+deb12u1 by now\n" in done.stdout, done
    report = json.loads(judge(path, "--output", "json").stdout)
    assert report["rebuild"] is True and report["libraries"][0]["linked"] == version


def test_the_linked_architecture_is_asked_for(judge, tmp_path):
    own = run(["dpkg", "--print-architecture"]).stdout.strip()
    path = bill(tmp_path / "sbom", example=f"pkg:deb/debian/libexample-dev@1%3A2.0-2?arch={own}")
    assert judge(path).code == 1
    other = "arm64" if own != "arm64" else "amd64"
    done = judge(bill(tmp_path / "sbom", example=f"pkg:deb/debian/libexample-dev@1%3A2.0-2?arch={other}"))
    assert done.code == 3 and f"apt knows no libexample-dev:{other}" in done.stderr, done


@pytest.mark.parametrize("purl, words", [
    ("pkg:deb/debian/libother-dev@1", "apt knows no libother-dev"),
    ("pkg:generic/example@1", "does not come from a Debian package"),
])
def test_what_cannot_be_judged_is_no_all_clear(judge, tmp_path, purl, words):
    done = judge(bill(tmp_path / "sbom", example=purl))
    assert done.code == 3 and words in done.stderr and "hint: " in done.stderr, done
    assert "newest" not in done.stdout


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"packages":[],"relationships":[]}'])
def test_a_file_that_is_no_bill_of_materials(judge, tmp_path, text):
    (tmp_path / "sbom").write_text(text)
    done = judge(tmp_path / "sbom")
    assert done.code == 3 and "Traceback" not in done.stderr and "error: " in done.stderr, done


def test_this_builds_own_bill_can_be_read(judge, programs):
    path = programs.build / "packaging/shared/hostspin.spdx.json"
    if not path.exists():
        pytest.skip("the build has no bill of materials")
    done = judge(path)
    # The made-up apt knows none of it; each is asked for by name.
    assert done.code == 3 and "apt knows no " in done.stderr and "libsodium-dev" in done.stderr, done


def test_what_was_made_of_an_older_library_is_made_anew(programs):
    """Debian's files are as old as the day they were packed: by their times an update can look older than our programs."""
    if not (programs.build / "build.ninja").exists():
        pytest.skip("needs a build by ninja")
    listed = (programs.build / "generated/materials").read_text().splitlines()
    kinds = [kind for kind, place in (("shared", "sbin/hostspin"), ("portable", "portable/sbin/hostspin"))
             if (programs.build / place).exists()]
    for kind in kinds:
        document = json.loads((programs.build / f"packaging/{kind}/hostspin.spdx.json").read_text())
        for one in document["packages"]:
            for reference in one.get("externalRefs", []):
                assert f"{kind} {reference['referenceLocator']}" in listed
        folder = "portable/" if kind == "portable" else ""
        for made in ("sbin/hostspin", "bin/hostspin-sign", "libexec/hostspin/hostspin-net", "libexec/hostspin/hostspin-ask"):
            asked = run(["ninja", "-C", programs.build, "-t", "query", folder + made])
            assert asked.code == 0 and "| generated/materials\n" in asked.stdout, asked
    asked = run(["ninja", "-C", programs.build, "-t", "query", "src/CMakeFiles/hostspin_core.dir/core/crypto.cc.o"])
    assert asked.code == 0 and "| generated/materials\n" in asked.stdout, asked


@pytest.mark.slow
def test_the_bill_names_the_libcurl_that_was_built(checkout, tmp_path):
    """Not the package of its headers, which may have been updated since."""
    script = checkout / "packaging/portable/build-libcurl.sh"
    archive = Path(run([script, "--print-prefix"], env=dict(os.environ)).stdout.strip()) / "lib/libcurl.a"
    if not archive.exists():
        pytest.skip("needs the libcurl of packaging/portable/build-libcurl.sh")
    (tmp_path / "curl/lib").mkdir(parents=True)
    (tmp_path / "curl/lib/libcurl.a").symlink_to(archive)
    (tmp_path / "curl/version").write_text("7.88.1-10+deb12u1\n")
    done = run(["cmake", "--preset", "portable", "-S", checkout, "-B", tmp_path / "build", "-D", f"HOSTSPIN_LIBCURL={tmp_path}/curl"],
               seconds=300, cwd=checkout)
    assert done.code == 0, done
    document = json.loads((tmp_path / "build/packaging/portable/hostspin.spdx.json").read_text())
    (curl,) = [one for one in document["packages"] if one["name"] == "libcurl"]
    assert "@7.88.1-10%2Bdeb12u1?" in curl["externalRefs"][0]["referenceLocator"], curl
