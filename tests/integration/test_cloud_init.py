"""The user-data for images without hostspin: cloud-init accepts it, and a machine that boots with it is pinned."""

import re

import pytest
from boot_machine import ADDRESS, LATER_NAME, NAME, SOURCE_PORT, boot, new_fleet
from boot_package import debian_package, with_version
from boot_root import Root, boot_possible, or_skip
from support.process import clean_environment, run

PACKAGE_URL = f"http://{ADDRESS}:{SOURCE_PORT}/hostspin.deb"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(programs, tmp_path_factory):
    if boot_possible():
        pytest.skip(boot_possible())
    with or_skip():
        return debian_package(programs.build, tmp_path_factory)


@pytest.fixture(scope="module")
def root(package, tmp_path_factory):
    """A stock image: cloud-init and no hostspin."""
    with or_skip():
        made = Root(tmp_path_factory.mktemp("stock") / "root")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def user_data(checkout) -> str:
    return (checkout / "cloud-init/user-data.yaml").read_text()


@pytest.fixture
def filled_in(checkout, package, tmp_path) -> str:
    """The file as the script fills it in, with a source on this machine in place of the fleet's."""
    fleet = new_fleet()
    (tmp_path / "root.note").write_bytes(fleet.root())
    (tmp_path / "site.toml").write_text(f'[[source]]\nurl = "http://{ADDRESS}:{SOURCE_PORT}/"\n')
    done = run([checkout / "cloud-init/make-seed.sh", tmp_path / "root.note", package, tmp_path / "site.toml",
                tmp_path / "seed", f"http://{ADDRESS}:{SOURCE_PORT}/none.deb", PACKAGE_URL])
    assert done.code == 0 and done.stderr == "", done
    assert (tmp_path / "seed/meta-data").read_text().startswith("instance-id: ")
    text = (tmp_path / "seed/user-data").read_text()
    assert "PASTE-" not in text and "192.0.2." not in text and PACKAGE_URL in text
    return text


@pytest.mark.parametrize("which", ["as shipped", "filled in"])
def test_cloud_init_accepts_the_user_data(root, user_data, filled_in, which):
    root.write("tmp/user-data.yaml", user_data if which == "as shipped" else filled_in)
    done = root.enter("cloud-init", "schema", "--config-file", "/tmp/user-data.yaml")
    assert done.code == 0 and "Valid" in done.stdout, done


def test_the_schema_check_can_fail(root, user_data):
    root.write("tmp/bad.yaml", user_data.replace("runcmd:", "runcmd: 3\nbootcmd:"))
    assert root.enter("cloud-init", "schema", "--config-file", "/tmp/bad.yaml").code != 0


def test_nothing_in_the_user_data_needs_a_name(user_data):
    settings = [line for line in user_data.splitlines() if not line.strip().startswith("#")]
    assert not [line for line in settings if line.startswith(("packages:", "apt:", "bootcmd:"))]
    urls = re.findall(r"https?://[^\s\"]+", "\n".join(line for line in settings if "url = " not in line))
    assert len(urls) == 2 and all(url.startswith("http://192.0.2.1") for url in urls)
    assert not [line for line in settings if re.search(r"\bapt", line)]


@pytest.fixture
def item(checkout, tmp_path):
    """The runcmd item as cloud-init has it run, with another after it and programs that say what they were told."""
    yaml = pytest.importorskip("yaml", reason="needs python3-yaml")

    def run_it(**programs: str):
        text = (checkout / "cloud-init/user-data.yaml").read_text()
        (script,) = yaml.safe_load(text.replace("/var/cache/hostspin.deb", str(tmp_path / "hostspin.deb")))["runcmd"]
        for name in ("curl", "sha256sum", "dpkg", "hostspin", "sleep"):
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\necho {name} \"$@\"\n{programs.get(name, '')}\n")
            program.chmod(0o755)
        done = run(["sh", "-c", f"{script}\nfalse\necho the next item"], env=clean_environment(PATH=f"{tmp_path}:/usr/bin:/bin"))
        assert done.stdout.endswith("the next item\n"), done
        return done.stdout
    return run_it


def test_the_second_address_is_asked_and_no_other_item_is_touched(item, tmp_path):
    good = f'case $* in *192.0.2.11*) : >{tmp_path}/hostspin.deb ;; *) exit 7 ;; esac'
    said = item(curl=good, sha256sum=f"[ -e {tmp_path}/hostspin.deb ]")
    assert said.count("curl ") == 2 and "dpkg --install" in said and "hostspin refresh --now" in said


def test_no_address_has_it(item):
    said = item(curl="exit 7", sha256sum="exit 1")
    assert said.count("curl ") == 2 and "dpkg" not in said


def test_the_installation_waits_for_another(item, tmp_path):
    said = item(curl=f": >{tmp_path}/hostspin.deb", dpkg=f"echo >>{tmp_path}/tries; [ $(wc -l <{tmp_path}/tries) -gt 2 ] || exit 2")
    assert said.count("dpkg --install") == 3 and "hostspin refresh" in said


def test_an_installation_that_fails_is_not_tried_again(item, tmp_path):
    said = item(curl=f": >{tmp_path}/hostspin.deb", dpkg="exit 1")
    assert said.count("dpkg --install") == 1 and "hostspin refresh" not in said


@pytest.mark.parametrize("url", ["http://mirror.example.com/x.deb", "ftp://10.0.0.5/x.deb", 'http://10.0.0.5/"; reboot"'])
def test_the_script_takes_addresses_alone(checkout, tmp_path, url):
    for name in ("note", "deb", "site"):
        (tmp_path / name).write_text("x\n")
    done = run([checkout / "cloud-init/make-seed.sh", *(tmp_path / name for name in ("note", "deb", "site", "seed")), url])
    assert done.code == 3 and "make-seed.sh: " in done.stderr and not (tmp_path / "seed").exists(), done


def test_the_seed_holds_the_root_note_byte_for_byte(root, filled_in):
    root.write("tmp/user-data.yaml", filled_in)
    read = ("import sys, yaml; files = yaml.safe_load(open('/tmp/user-data.yaml'))['write_files']; "
            "sys.stdout.write(files[0]['content'])")
    content = root.enter("python3", "-X", "utf8", "-c", read)
    assert content.stdout.encode() == new_fleet().root(), content


def test_a_stock_image_is_pinned_by_its_first_boot(root, filled_in, package, tmp_path):
    one = boot(root, new_fleet(), tmp_path / "stock", user_data=filled_in, early=False,
               binds=[(package, "/var/cache/hostspin.deb")])
    assert one.code == 0
    main = one.main
    assert (main["running"], main["failed"]) == ("running", ""), main["journal"]
    for name, address in ((NAME, ADDRESS), (LATER_NAME, "10.77.0.2")):
        assert main["answers"][name]["stdout"].split()[:1] == [address], main["journal"]
    for unit in ("hostspin.service", "hostspin-guard.path"):
        assert main["units"][unit]["ActiveState"] == "active"


def test_a_package_that_is_not_the_one_named_is_not_installed(root, filled_in, package, tmp_path):
    """The digest stands in the user-data because an address proves nothing."""
    other = with_version(package, "66.6", tmp_path)
    one = boot(root, new_fleet(), tmp_path / "other", user_data=filled_in, early=False,
               binds=[(other, "/var/cache/hostspin.deb")])
    assert one.code == 0
    assert one.main["units"]["hostspin.service"]["LoadState"] == "not-found"
    assert "# BEGIN hostspin" not in one.main["hosts"]
