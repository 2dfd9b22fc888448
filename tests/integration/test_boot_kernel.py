"""One boot of a whole machine with Debian's kernel under qemu, without any network, AppArmor enforcing.

Software emulation: minutes, so it runs with --long alone.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from boot_machine import ADDRESS, EARLY_UNIT, KEEPERS, MAIN_UNIT, NAME, PROBE, bake, new_fleet
from boot_package import debian_package
from boot_root import PACKAGES, Root, need_root_and, or_skip
from support.process import clean_environment, run

pytestmark = pytest.mark.long

KERNEL_PACKAGES = (*PACKAGES, "linux-image-cloud-amd64", "initramfs-tools", "apparmor", "e2fsprogs")
BOOT_SECONDS_MAX = 900
PROFILE = "usr/share/doc/hostspin/examples/apparmor/usr.sbin.hostspin"


def write_units(root: Root, scenario: str) -> None:
    system = root.path / "etc/systemd/system"
    for unit, text in {"test-early.service": EARLY_UNIT,
                       "test-main.service": MAIN_UNIT.format(scenario=scenario, names=NAME)}.items():
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


def played(programs, tmp_path_factory, scenario: str, prepare=lambda root: None) -> dict:
    """What one machine of its own saw: `early` and `main`."""
    with or_skip():
        need_root_and("qemu-system-x86_64", "mke2fs", "debugfs")
        package = debian_package(programs.build, tmp_path_factory)
        root = Root(tmp_path_factory.mktemp(scenario) / "root", KERNEL_PACKAGES)
    assert root.install(package).code == 0
    bake(root, new_fleet())
    prepare(root)
    root.write("var/lib/cloud/seed/nocloud/user-data", "#cloud-config\nruncmd:\n  - touch /out/runcmd\n")
    root.write("var/lib/cloud/seed/nocloud/meta-data", f"instance-id: {scenario}\n")
    root.write("probe.py", PROBE.read_bytes())
    root.write("boot_keepers.py", KEEPERS.read_bytes())
    (root.path / "out").mkdir()
    write_units(root, scenario)
    directory = tmp_path_factory.mktemp("machine")
    emulated(root, directory)
    root.remove()
    try:
        return {name: dumped(directory / "disk.img", name) for name in ("early", "main")}
    finally:
        (directory / "disk.img").unlink()


@pytest.fixture(scope="module")
def machine(programs, tmp_path_factory):
    def confine(root: Root) -> None:
        shutil.copy(root.path / PROFILE, root.path / "etc/apparmor.d/usr.sbin.hostspin")

    return played(programs, tmp_path_factory, "kernel", confine)


@pytest.fixture(scope="module")
def large(programs, tmp_path_factory):
    return played(programs, tmp_path_factory, "large")["main"]["scenario"]


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


def test_a_hosts_file_up_to_the_limit_fits_into_the_units_memory(large):
    """By the unit of the boot and by the agent, whose limits a kernel of its own keeps."""
    assert large["killed"] == [], large["killed"]
    for found in large["sizes"]:
        fits = found["size"] < 64 << 20
        assert (found["pinned_by_unit"], found["pinned_by_agent"]) == (fits, fits), found
        assert (found["agent"]["ActiveState"], found["restarts"], found["litter"]) == ("active", "0", []), found
        assert 0 < found["peak"] <= 256 << 20
        if not fits:
            assert "is larger than 64 MiB" in found["said"] and found["untouched"] is True, found


def test_an_agent_that_started_on_a_read_only_root_starts_anew(large):
    assert large["remounted"] is True
    assert large["seconds_after_remount"] is not None
