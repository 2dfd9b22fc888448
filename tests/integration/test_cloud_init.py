"""The user-data for images without hostspin: cloud-init accepts it, and a machine that boots with it is pinned."""

import pytest
from boot_machine import ADDRESS, LATER_NAME, NAME, SOURCE_PORT, boot, new_fleet
from boot_package import debian_package, with_version
from boot_root import Root, boot_possible, or_skip
from support.process import run

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
                tmp_path / "seed"])
    assert done.code == 0 and done.stderr == "", done
    assert (tmp_path / "seed/meta-data").read_text().startswith("instance-id: ")
    text = (tmp_path / "seed/user-data").read_text()
    assert "PASTE-" not in text and "192.0.2.11" not in text
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
    fetches = [line for line in settings if "curl" in line]
    assert fetches and all("http://192.0.2.10/" in line for line in fetches)


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
