"""One boot of a whole machine with Debian's kernel under qemu, without any network, AppArmor enforcing.

Software emulation: minutes, so it runs with --long alone.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from boot_machine import ADDRESS, EARLY_UNIT, MAIN_UNIT, NAME, PROBE, bake, new_fleet
from boot_package import debian_package
from boot_root import PACKAGES, Root, need_root_and, or_skip
from support.process import clean_environment, run

pytestmark = pytest.mark.long

KERNEL_PACKAGES = (*PACKAGES, "linux-image-cloud-amd64", "initramfs-tools", "apparmor", "e2fsprogs")
BOOT_SECONDS_MAX = 900
PROFILE = "usr/share/doc/hostspin/examples/apparmor/usr.sbin.hostspin"


def write_units(root: Root) -> None:
    system = root.path / "etc/systemd/system"
    for unit, text in {"test-early.service": EARLY_UNIT,
                       "test-main.service": MAIN_UNIT.format(scenario="kernel", names=NAME)}.items():
        root.write(f"etc/systemd/system/{unit}", text)
        wants = system / (text.split("WantedBy=")[1].strip() + ".wants")
        wants.mkdir(parents=True, exist_ok=True)
        (wants / unit).symlink_to(f"../{unit}")


def emulated(root: Root, directory: Path) -> None:
    """Boots a disk image of the root and waits until the machine switched itself off."""
    disk = directory / "disk.img"
    made = run(["mke2fs", "-q", "-t", "ext4", "-d", root.path, disk, "3G"], seconds=300)
    assert made.code == 0, made
    (kernel,), (initrd,) = ((root.path / "boot").glob(f"{name}-*") for name in ("vmlinuz", "initrd.img"))
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024",
               "-nic", "none", "-display", "none", "-no-reboot", "-serial", f"file:{directory / 'console.log'}",
               "-drive", f"file={disk},format=raw,if=virtio,cache=unsafe", "-kernel", kernel, "-initrd", initrd,
               "-append", "root=/dev/vda rw console=ttyS0 quiet security=apparmor"]
    subprocess.run(command, check=True, timeout=BOOT_SECONDS_MAX, env=clean_environment(), stdin=subprocess.DEVNULL)


def dumped(disk: Path, name: str) -> dict:
    """A file of the disk after the machine is off."""
    done = run(["debugfs", "-R", f"cat /out/{name}.json", disk], seconds=60)
    assert done.stdout, done
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def machine(programs, tmp_path_factory):
    with or_skip():
        need_root_and("qemu-system-x86_64", "mke2fs", "debugfs")
        package = debian_package(programs.build, tmp_path_factory)
        root = Root(tmp_path_factory.mktemp("kernel") / "root", KERNEL_PACKAGES)
    assert root.install(package).code == 0
    bake(root, new_fleet())
    shutil.copy(root.path / PROFILE, root.path / "etc/apparmor.d/usr.sbin.hostspin")
    root.write("var/lib/cloud/seed/nocloud/user-data", "#cloud-config\nruncmd:\n  - touch /out/runcmd\n")
    root.write("var/lib/cloud/seed/nocloud/meta-data", "instance-id: kernel\n")
    root.write("probe.py", PROBE.read_bytes())
    (root.path / "out").mkdir()
    write_units(root)
    directory = tmp_path_factory.mktemp("machine")
    emulated(root, directory)
    root.remove()
    yield {name: dumped(directory / "disk.img", name) for name in ("early", "main")}
    (directory / "disk.img").unlink()


def test_names_resolve_before_cloud_init_without_a_network(machine):
    answer = machine["early"]["answers"][NAME]
    assert (answer["code"], answer["stdout"].split()[:1]) == (0, [ADDRESS]), machine["early"]["hosts"]
    started = int(machine["main"]["units"]["cloud-init-local.service"]["ExecMainStartTimestampMonotonic"])
    assert machine["early"]["at"] < started
    assert machine["main"]["failed"] == "" and machine["main"]["running"] == "running", machine["main"]["journal"]
    assert "ordering cycle" not in machine["main"]["journal"]
    answer = machine["main"]["answers"][NAME]
    assert (answer["code"], answer["stdout"].split()[:1]) == (0, [ADDRESS])


def test_apparmor_confines_it_and_apply_works(machine):
    scenario = machine["main"]["scenario"]
    assert "hostspin (enforce)" in scenario["profiles"]
    assert scenario["agent"]["ActiveState"] == "active"
    assert scenario["agent_profile"] == "hostspin (enforce)"
    assert scenario["apply"]["code"] == 0 and scenario["applied"] is True, scenario["apply"]
    assert scenario["offline"]["code"] == 0, scenario["offline"]


def test_apparmor_denies_a_write_elsewhere(machine):
    """The same program under another name, which no profile confines, does write there."""
    scenario = machine["main"]["scenario"]
    assert scenario["elsewhere"]["code"] == 3, scenario["elsewhere"]
    assert "Permission denied" in scenario["elsewhere"]["stderr"]
    assert "BEGIN hostspin" not in scenario["elsewhere_after"]
    assert any("other-hosts.hostspin.tmp" in line for line in scenario["denials"]), scenario["denials"]
    assert scenario["unconfined"]["code"] == 0, scenario["unconfined"]
    assert "BEGIN hostspin" in scenario["unconfined_after"]


def test_apparmor_lets_everyday_commands_work(machine):
    """It limits writes: a note may be read from anywhere, but not the passwords."""
    scenario = machine["main"]["scenario"]
    everyday = scenario["everyday"]
    for name in ("hold", "release", "inspect", "from", "remove"):
        assert everyday[name]["code"] in (0, 1), everyday[name]
    assert everyday["removed"] is True
    assert json.loads(everyday["doctor"]["stdout"])["schema"] == "hostspin.doctor/1", everyday["doctor"]
    assert everyday["shadow"]["code"] == 3 and "Permission denied" in everyday["shadow"]["stderr"], everyday["shadow"]
    ours = [line for line in scenario["denials"] if 'profile="hostspin' in line]
    unexpected = [line for line in ours if "/etc/hostspin/other-hosts" not in line]
    assert unexpected == [], "\n".join(unexpected)
