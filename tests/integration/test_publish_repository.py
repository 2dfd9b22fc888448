"""packaging/publish-repository.sh: what it makes is judged by apt, rpm and dnf, by IP and with no DNS."""

import os
import shutil
from pathlib import Path

import pytest
from boot_machine import NAME, bake, new_fleet
from boot_package import debian_package, fields, make_packages
from boot_root import Root, or_skip
from support.namespace import Namespace, Unavailable
from support.nginx import Nginx
from support.process import clean_environment, run

pytestmark = pytest.mark.slow

NEEDED = ("gpg", "apt-ftparchive", "createrepo_c", "rpmsign", "rpmbuild", "dnf")


class Publisher:
    """A repository of its own, with a keyring of its own, served inside a namespace that has no way out."""

    def __init__(self, script: Path, folder: Path):
        self.script, self.folder = script, folder
        self.repository = folder / "repository"
        self.keyring = folder / "keyring"
        self.keyring.mkdir(mode=0o700)
        self.environment = clean_environment(GNUPGHOME=str(self.keyring))
        # An address that is no loopback one: without any, the resolver says that there is no IPv4 at all.
        self.namespace = Namespace(["192.0.2.10"])
        self.server = Nginx(folder / "nginx", self.repository / "current", [("192.0.2.10", None)], self.namespace)
        self.url = f"http://192.0.2.10:{self.server.ports[0]}"
        self.key = self.generate("rsa4096")

    def generate(self, kind: str) -> str:
        if self.gpg("--list-keys", f"{kind}@hostspin.invalid").code != 0:
            made = self.gpg("--passphrase", "", "--quick-generate-key", f"{kind} <{kind}@hostspin.invalid>", kind, "sign", "1y")
            assert made.code == 0, made
        listed = self.gpg("--with-colons", "--list-keys", f"{kind}@hostspin.invalid").stdout
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))

    def gpg(self, *arguments):
        return run(["gpg", "--batch", *arguments], env=self.environment)

    def publish(self, *packages, url: str = "", key: str = ""):
        return run([self.script, self.repository, "--url", url or self.url, "--key", key or self.key, *packages],
                   env=self.environment, seconds=120)

    def inside(self, *command, **more):
        return run([*self.namespace.prefix(), *command], seconds=120, **more)

    def close(self) -> None:
        run(["gpgconf", "--kill", "all"], env=self.environment)
        self.server.close()
        self.namespace.close()


@pytest.fixture(scope="module")
def packages(programs, tmp_path_factory):
    """The DEB, that of the portable programs, and their RPM."""
    folder = tmp_path_factory.mktemp("packages")
    if not programs.portable().hostspin.exists():
        pytest.skip("built without portable programs: HOSTSPIN_LINK is 'both' in the preset ci")
    with or_skip():
        if not shutil.which("rpmbuild"):
            raise Unavailable("needs the program rpmbuild")
        deb = debian_package(programs.build, tmp_path_factory)
        make_packages(programs.build, folder, "DEB;RPM", kind="portable")
    (portable,), (rpm,) = folder.glob("*.deb"), folder.glob("*.rpm")
    return deb, portable, rpm


@pytest.fixture(scope="module")
def publisher(checkout, tmp_path_factory):
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing:
        pytest.skip(f"needs the programs {', '.join(missing)}")
    with or_skip():
        made = Publisher(checkout / "packaging/publish-repository.sh", tmp_path_factory.mktemp("publisher"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def published(publisher, packages):
    done = publisher.publish(*packages)
    assert done.code == 0, done
    assert publisher.key in done.stdout, done
    return publisher


class Apt:
    """apt with folders of its own: the machine's lists and status stay out of it."""

    def __init__(self, publisher: Publisher, folder: Path, sources: str):
        self.publisher, self.folder = publisher, folder
        for name in ("lists/partial", "archives/partial", "etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        current = publisher.repository / "current"
        shutil.copy(current / "hostspin.asc", folder / "hostspin.asc")
        text = (current / sources).read_text()
        assert "/etc/apt/keyrings/hostspin.asc" in text
        (folder / "etc/apt/sources.list.d" / sources).write_text(
            text.replace("/etc/apt/keyrings/hostspin.asc", str(folder / "hostspin.asc")))

    def __call__(self, *arguments):
        settings = {"Dir::Etc": self.folder / "etc/apt", "Dir::State::lists": self.folder / "lists",
                    "Dir::State::status": self.folder / "status", "Dir::Cache": self.folder, "APT::Sandbox::User": "root",
                    "Dir::Cache::archives": self.folder / "archives", "Acquire::http::Proxy": "DIRECT"}
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        return self.publisher.inside("apt-get", *options, *arguments, cwd=self.folder)


@pytest.mark.parametrize("sources, number", [("hostspin.sources", 0), ("hostspin-portable.sources", 1)])
def test_apt_takes_the_package_of_each_suite(published, packages, tmp_path, sources, number):
    apt = Apt(published, tmp_path, sources)
    updated = apt("update")
    assert updated.code == 0 and "W:" not in updated.stdout + updated.stderr, updated
    done = apt("download", "hostspin")
    assert done.code == 0, done
    (got,) = tmp_path.glob("*.deb")
    assert got.read_bytes() == packages[number].read_bytes()
    assert published.namespace.packets_to_port_53() == 0


@pytest.mark.parametrize("sources, number", [("hostspin.sources", 0), ("hostspin-portable.sources", 1)])
def test_a_fresh_debian_installs_from_it_and_pins(published, packages, tmp_path, sources, number):
    """The README's three lines in a root of Debian 12 that knows nothing but the repository's address."""
    with or_skip():
        root = Root(tmp_path / "root")
    try:
        inside = published.namespace.prefix()
        for path in [root.path / "etc/apt/sources.list", *(root.path / "etc/apt/sources.list.d").iterdir()]:
            path.unlink(missing_ok=True)
        for name, place in (("hostspin.asc", "etc/apt/keyrings"), (sources, "etc/apt/sources.list.d")):
            got = published.inside("curl", "--fail", "--silent", "--create-dirs", "--output", root.path / place / name,
                                   f"{published.url}/{name}")
            assert got.code == 0, got
        bake(root, new_fleet())
        updated = root.enter("apt-get", "update", prefix=inside)
        assert updated.code == 0, updated
        done = root.enter("apt-get", "install", "--yes", "--no-install-recommends", "hostspin", prefix=inside)
        assert done.code == 0, done
        version = root.enter("dpkg-query", "--show", "--showformat=${Version}", "hostspin").stdout
        assert version == fields(packages[number])["Version"]
        resolved = root.enter("getent", "ahostsv4", NAME, prefix=inside)  # "hosts" asks for IPv6 too
        assert resolved.code == 0 and NAME in resolved.stdout, resolved
        assert published.namespace.packets_to_port_53() == 0
    finally:
        root.remove()


def test_apt_refuses_what_another_key_signed(published, packages, tmp_path):
    apt = Apt(published, tmp_path, "hostspin.sources")
    assert published.publish(packages[0], key=published.generate("rsa3072")).code == 0
    try:
        done = apt("-o", "APT::Update::Error-Mode=any", "update")
        assert done.code != 0 and "NO_PUBKEY" in done.stdout + done.stderr, done
    finally:
        assert published.publish(*packages).code == 0


def test_apt_refuses_a_list_that_was_changed(published, tmp_path):
    apt = Apt(published, tmp_path, "hostspin.sources")
    lists = (published.repository / "current/apt/dists/debian12/main/binary-amd64").resolve()
    kept = {path: path.read_bytes() for path in lists.iterdir()}
    try:
        (lists / "Packages").write_bytes(kept[lists / "Packages"].replace(b"Package: hostspin", b"Package: hostspim"))
        (lists / "Packages.gz").unlink()
        assert run(["gzip", "-9nk", lists / "Packages"]).code == 0
        done = apt("-o", "APT::Update::Error-Mode=any", "update")
        assert done.code != 0, done
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


class Dnf:
    """dnf with folders of its own, that says yes to each key that it is offered."""

    def __init__(self, publisher: Publisher, folder: Path):
        self.publisher, self.folder = publisher, folder
        (folder / "repositories").mkdir()
        current = publisher.repository / "current"
        shutil.copy(current / "hostspin.asc", folder / "hostspin.asc")
        text = (current / "hostspin.repo").read_text()
        (folder / "repositories/hostspin.repo").write_text(
            text.replace("/etc/pki/rpm-gpg/hostspin.asc", str(folder / "hostspin.asc")))
        (folder / "dnf.conf").write_text(f"[main]\ncachedir={folder}/cache\npersistdir={folder}/persist\n"
                                         f"reposdir={folder}/repositories\nlogdir={folder}\npluginpath=/nowhere\n")

    def __call__(self, *arguments):
        return self.publisher.inside("dnf", "--config", self.folder / "dnf.conf", "--installroot", self.folder / "root",
                                     "--releasever", "9", "--assumeyes", *arguments)


def test_dnf_refuses_what_another_key_signed(published, packages, tmp_path):
    dnf = Dnf(published, tmp_path)
    assert published.publish(packages[2], key=published.generate("rsa3072")).code == 0
    try:
        done = dnf("makecache")
        assert done.code != 0 and "GPG" in done.stdout + done.stderr, done
    finally:
        assert published.publish(*packages).code == 0


def test_rpm_and_dnf_take_the_signed_package(published, packages, tmp_path):
    current = published.repository / "current"
    dnf = Dnf(published, tmp_path)
    made = dnf("makecache")
    assert made.code == 0, made
    found = dnf("repoquery", "--location", "hostspin")
    (location,) = [line for line in found.stdout.splitlines() if line.startswith("http")]
    assert location.startswith(published.url + "/rpm/x86_64/"), found
    got = tmp_path / "got.rpm"
    assert published.inside("curl", "--silent", "--show-error", "--fail", "--output", got, location).code == 0

    keys = ["rpmkeys", "--dbpath", tmp_path / "keys"]
    assert "NOT OK" in run([*keys, "--checksig", got]).stdout
    assert run([*keys, "--import", current / "hostspin.asc"]).code == 0
    checked = run([*keys, "--checksig", "--verbose", got])
    assert checked.code == 0 and "Signature" in checked.stdout and "NOT OK" not in checked.stdout, checked
    unsigned = run([*keys, "--checksig", "--verbose", packages[2]])
    assert "Signature" not in unsigned.stdout, unsigned  # the release's own file is left as it was
    assert published.namespace.packets_to_port_53() == 0


def test_the_checksums_are_signed_and_right(published):
    current = published.repository / "current"
    assert published.gpg("--verify", current / "SHA256SUMS.asc", current / "SHA256SUMS").code == 0
    checked = run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=current)
    assert checked.code == 0, checked
    listed = {line.split("  ", 1)[1] for line in (current / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(current.resolve())) for path in current.resolve().rglob("*") if path.is_file()}
    assert there - listed == {"SHA256SUMS", "SHA256SUMS.asc"}


@pytest.mark.parametrize("url", ["http://packages.example/hostspin", "ftp://192.0.2.1/x", "http://192.0.2.1/x y", "192.0.2.1"])
def test_a_url_with_a_name_is_refused(published, packages, url):
    before = os.readlink(published.repository / "current")
    done = published.publish(packages[0], url=url)
    assert done.code == 3 and "IP address" in done.stderr and "hint: " in done.stderr, done
    assert os.readlink(published.repository / "current") == before


def test_a_key_that_old_rpms_do_not_know_is_refused(published, packages):
    done = published.publish(packages[0], key=published.generate("ed25519"))
    assert done.code == 3 and "is not an RSA key" in done.stderr, done


def test_the_key_itself_signs_and_no_subkey_does(published, packages):
    key = published.generate("rsa3072")
    added = published.gpg("--passphrase", "", "--quick-add-key", key, "ed25519", "sign", "1y")
    assert added.code == 0, added
    try:
        assert published.publish(*packages, key=key).code == 0
        current = published.repository / "current"
        (rpm,) = (current / "rpm").glob("*/*.rpm")
        signature = run(["rpm", "--query", "--package", "--nosignature", "--queryformat", "%{RSAHEADER:pgpsig}", rpm]).stdout
        assert signature.startswith("RSA/SHA256"), signature
        for signed in (current / "SHA256SUMS.asc", *(current / "rpm").glob("*/repodata/repomd.xml.asc")):
            assert ":signature packet: algo 1," in published.gpg("--list-packets", signed).stdout
        assert "algo 22" not in published.gpg("--list-packets", current / "hostspin.asc").stdout
    finally:
        assert published.publish(*packages).code == 0


def test_a_failure_leaves_what_is_published(published, packages, tmp_path):
    before = os.readlink(published.repository / "current")
    broken = tmp_path / "broken.deb"
    broken.write_bytes(b"no package\n")
    done = published.publish(packages[0], broken)
    assert done.code == 3 and f"'{broken}' is no Debian package" in done.stderr, done
    assert os.readlink(published.repository / "current") == before
    assert [path.name for path in published.repository.iterdir() if path.name.startswith(".")] == []


def test_the_repository_may_be_named_from_where_one_stands(publisher, packages, tmp_path):
    done = run([publisher.script, "here", "--url", publisher.url, "--key", publisher.key, *packages],
               env=publisher.environment, cwd=tmp_path, seconds=120)
    assert done.code == 0, done
    assert (tmp_path / "here/current/apt/dists/debian12/InRelease").exists()


def test_what_a_program_refuses_is_an_error_of_ours_that_leaves_nothing(published, packages, tmp_path):
    before = sorted(os.listdir(published.repository))
    broken = tmp_path / "createrepo_c"
    broken.write_text("#!/bin/sh\nexit 5\n")
    broken.chmod(0o755)
    environment = published.environment | {"PATH": f"{tmp_path}:{published.environment['PATH']}"}
    done = run([published.script, published.repository, "--url", published.url, "--key", published.key, *packages],
               env=environment, seconds=120)
    assert done.code == 3 and "status 5" in done.stderr and "hint: " in done.stderr, done
    assert sorted(os.listdir(published.repository)) == before
