"""The packages made of the build under test."""

import shutil
from pathlib import Path

from support.namespace import Unavailable
from support.process import Run, clean_environment, run

# Any fixed moment: what is compared is two packages of one moment.
SOURCE_DATE = "1767225600"


def sanitized(build: Path) -> bool:
    cache = (build / "CMakeCache.txt").read_text()
    return any(line.startswith("HOSTSPIN_SANITIZE:") and not line.endswith("=") for line in cache.splitlines())


def make_packages(build: Path, out: Path, generators: str = "DEB", version: str = "", kind: str = "", **environment: str) -> Run:
    if not (build / "CPackConfig.cmake").exists():
        raise Unavailable(f"{build} is not configured")
    if sanitized(build):
        raise Unavailable("packages are made of a build without sanitizers")
    if "DEB" in generators and not shutil.which("dpkg-shlibdeps"):
        raise Unavailable("needs the program dpkg-shlibdeps")
    settings = {"SOURCE_DATE_EPOCH": SOURCE_DATE, **environment}
    other = ["-D", f"CPACK_PACKAGE_VERSION={version}"] if version else []
    other += ["-D", f"HOSTSPIN_KIND={kind}"] if kind else []
    done = run(["cpack", "-G", generators, *other, "-B", out], cwd=build, seconds=300, env=clean_environment(**settings))
    shutil.rmtree(out / "_CPack_Packages", ignore_errors=True)
    assert done.code == 0, done
    return done


_made: dict = {}


def debian_package(build: Path, tmp_path_factory) -> Path:
    """The DEB of the build; made once a session."""
    if build not in _made:
        out = tmp_path_factory.mktemp("package")
        make_packages(build, out)
        (_made[build],) = out.glob("*.deb")
    return _made[build]


def with_version(package: Path, version: str, out: Path) -> Path:
    """The same package under another version, to upgrade to."""
    tree = out / f"tree-{version}"
    for command in (
        ["dpkg-deb", "--raw-extract", package, tree],
        ["sed", "-i", f"s/^Version: .*/Version: {version}/", tree / "DEBIAN/control"],
        ["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, out / f"hostspin_{version}_amd64.deb"],
    ):
        done = run(command)
        assert done.code == 0, done
    shutil.rmtree(tree)
    return out / f"hostspin_{version}_amd64.deb"


def fields(package: Path) -> dict:
    done = run(["dpkg-deb", "--field", package])
    assert done.code == 0, done
    return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line and line[0] != " ")


def listing(package: Path) -> dict:
    """Path to (mode, owner) as `tar tv` writes them, without the leading dot."""
    done = run(["dpkg-deb", "--contents", package])
    assert done.code == 0, done
    found = {}
    for line in done.stdout.splitlines():
        mode, owner, _size, _day, _time, path = line.split(None, 5)
        found[path.split(" -> ")[0][1:]] = (mode, owner)
    return found
