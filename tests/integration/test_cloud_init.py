"""The user-data for images without hostspin: cloud-init accepts it, and a machine that boots with it is pinned."""

import hashlib

import pytest
from boot_machine import ADDRESS, LATER_NAME, NAME, SOURCE_PORT, boot, new_fleet
from boot_package import debian_package, with_version
from boot_root import Root, boot_possible, or_skip

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


def filled_in(user_data: str, root_note: bytes, package: bytes) -> str:
    """The file as a person fills it in, and a source on this machine in place of the fleet's."""
    indented = root_note.decode().rstrip("\n").replace("\n", "\n      ")
    text = user_data.replace("PASTE-ROOT-NOTE-HERE", indented)
    text = text.replace("PASTE-SHA256-HERE", hashlib.sha256(package).hexdigest())
    start, end = text.index("      [[source]]"), text.index("\n\n# In runcmd")
    return text[:start] + f'      [[source]]\n      url = "http://{ADDRESS}:{SOURCE_PORT}/"' + text[end:]


@pytest.mark.parametrize("which", ["as shipped", "filled in"])
def test_cloud_init_accepts_the_user_data(root, user_data, package, which):
    text = user_data if which == "as shipped" else filled_in(user_data, new_fleet().root(), package.read_bytes())
    root.write("tmp/user-data.yaml", text)
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


def test_a_stock_image_is_pinned_by_its_first_boot(root, user_data, package, tmp_path):
    fleet = new_fleet()
    fleet.name = "prod.example"
    text = filled_in(user_data, fleet.root(), package.read_bytes())
    one = boot(root, fleet, tmp_path / "stock", user_data=text, early=False,
               binds=[(package, "/var/cache/hostspin.deb")])
    assert one.code == 0
    main = one.main
    assert (main["running"], main["failed"]) == ("running", ""), main["journal"]
    for name, address in ((NAME, ADDRESS), (LATER_NAME, "10.77.0.2")):
        assert main["answers"][name]["stdout"].split()[:1] == [address], main["journal"]
    for unit in ("hostspin.service", "hostspin-guard.path"):
        assert main["units"][unit]["ActiveState"] == "active"


def test_a_package_that_is_not_the_one_named_is_not_installed(root, user_data, package, tmp_path):
    """The digest stands in the user-data because an address proves nothing."""
    fleet = new_fleet()
    other = with_version(package, "66.6", tmp_path)
    text = filled_in(user_data, fleet.root(), package.read_bytes())
    one = boot(root, fleet, tmp_path / "other", user_data=text, early=False, binds=[(other, "/var/cache/hostspin.deb")])
    assert one.code == 0
    assert one.main["units"]["hostspin.service"]["LoadState"] == "not-found"
    assert "# BEGIN hostspin" not in one.main["hosts"]
