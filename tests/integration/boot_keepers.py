"""Scenarios of boot_probe.py that try the keepers of the block: guard, timer, agent and cron, one at a time.

Runs inside the booted root, where the probe is /probe.py; Python's standard library alone.
"""

import os
import pathlib
import subprocess
import threading
import time

from probe import HOSTS, call, has_block, hosts_text, show, wait_until

REVERTS = pathlib.Path("/run/hostspin/reverts")
CRON = pathlib.Path("/usr/share/doc/hostspin/examples/hostspin.cron")
# The guard's second look, which is due each minute as shipped; the same unit, only sooner.
SOON = "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=500ms\nOnUnitInactiveSec=500ms\nAccuracySec=10ms\n"
LOST_AFTER_SECONDS = 20.0
SHIPPED_SECONDS_MAX = 75.0
HOSTS_BYTES_MAX = 64 << 20


def settle() -> None:
    """Pinned, with no memory of earlier repairs, and nobody at work."""
    REVERTS.unlink(missing_ok=True)
    call("hostspin", "apply")
    wait_until(lambda: show("hostspin-apply.service")["ActiveState"] != "activating")
    wait_until(lambda: show("hostspin-guard.service")["ActiveState"] != "activating")


def wipe(remark: str = "") -> None:
    HOSTS.write_bytes(b"127.0.0.1\tlocalhost\n" + remark.encode())


def edit_during_reload() -> None:
    reload = subprocess.Popen(["systemctl", "daemon-reload"])
    time.sleep(0.05)
    wipe()
    reload.wait()


def edit_twice(gap: float) -> None:
    wipe("# one\n")
    time.sleep(gap)
    wipe("# two\n")


def lost_edits(count: int, seconds: float = LOST_AFTER_SECONDS) -> list:
    """Numbers of the edits that nobody repaired: every other one falls into a reload of systemd, the rest
    come in pairs, 20 to 200 ms apart."""
    lost = []
    for number in range(count):
        settle()
        if number % 2 == 0:
            edit_during_reload()
        else:
            edit_twice(0.020 + 0.180 * number / count)
        if wait_until(has_block, seconds) is None:
            lost.append(number)
    return lost


def keep_by(*units: str) -> None:
    """These alone from now on."""
    keepers = {"hostspin-guard.path", "hostspin.service", "hostspin-refresh.timer"}
    call("systemctl", "stop", *sorted(keepers - set(units)), "hostspin-guard.service", "hostspin-apply.service")
    for unit in units:
        call("systemctl", "start", unit)


def look_soon() -> None:
    folder = pathlib.Path("/run/systemd/system/hostspin-guard.timer.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soon.conf").write_text(SOON)
    call("systemctl", "daemon-reload")


def minutely_cron_job() -> str:
    """What cron would run each minute, as the example has it."""
    (line,) = (line for line in CRON.read_text().splitlines() if line.startswith("* * * * *"))
    return line.split(None, 6)[6]


def lost_edits_with_cron(count: int) -> list:
    """Cron's minute is half a second here: its job is the same each time."""
    job, over = minutely_cron_job(), threading.Event()

    def cron() -> None:
        while not over.wait(0.5):
            subprocess.run(["sh", "-c", job], check=False)

    thread = threading.Thread(target=cron)
    thread.start()
    try:
        return lost_edits(count)
    finally:
        over.set()
        thread.join()


def end_of_back_off() -> dict:
    """Somebody reverts it until it is left alone, and then rests."""
    settle()
    for _ in range(6):
        wipe()
        if wait_until(has_block, 3) is None:
            break
    wipe()
    return {"left_alone": not has_block(), "back": wait_until(has_block, 90) is not None}


def burst_without_a_trust_root() -> dict:
    """Edits without end while nothing can be pinned; then there is a root."""
    note = pathlib.Path("/etc/hostspin/root.note")
    kept = note.rename("/etc/hostspin/root.note.away")
    call("systemctl", "log-level", "err")
    until = time.monotonic() + 4
    edits = 0
    while time.monotonic() < until:
        with open(HOSTS, "ab", buffering=0) as file:
            file.write(b"#\n")
        edits += 1
        time.sleep(0.001)
    call("systemctl", "log-level", "info")
    found = {"edits": edits, "guard": show("hostspin-guard.path")["ActiveState"], "result": show("hostspin-guard.path")["Result"]}
    wipe()
    time.sleep(1.5)  # more than one look of the timer's, each of which finds no root
    kept.rename(note)
    found["pinned_once_there_is_one"] = wait_until(has_block, LOST_AFTER_SECONDS) is not None
    return found


def scenario_keepers() -> dict:
    count = int(pathlib.Path("/edits").read_text())
    found: dict = {"shipped": call("systemctl", "show", "hostspin-guard.timer", "--property=TimersMonotonic")["stdout"]}
    wait_until(lambda: show("hostspin-apply.service").get("ActiveState") == "inactive")
    if count > 20:  # a minute
        keep_by("hostspin-guard.path")
        found["lost_as_shipped"] = lost_edits(1, SHIPPED_SECONDS_MAX)
    look_soon()
    keep_by("hostspin-guard.path")
    found["lost_by_guard"] = lost_edits(count)
    found["back_off"] = end_of_back_off()
    found["burst"] = burst_without_a_trust_root()
    call("systemctl", "stop", "hostspin-guard.path")
    found["stopped_with_the_guard"] = show("hostspin-guard.timer")["ActiveState"]
    keep_by("hostspin-refresh.timer", "hostspin-guard.path")
    found["lost_by_timer"] = lost_edits(count)
    keep_by()
    found["lost_by_cron"] = lost_edits_with_cron(count)
    keep_by("hostspin.service")
    found["lost_by_agent"] = lost_edits(count)
    return found


def release_with_the_agent() -> dict:
    """Held for so long that what the agent retries has become rare."""
    keep_by("hostspin.service")
    settle()
    call("hostspin", "hold", "--reason", "a test")
    wipe()
    time.sleep(8)
    found = {"while_held": has_block()}
    call("hostspin", "release")
    found["seconds"] = wait_until(has_block, 30)
    return found


def everything_starts() -> dict:
    call("systemctl", "restart", "hostspin.service")
    settle()
    wipe()
    found = {"healed": wait_until(has_block) is not None, "agent": show("hostspin.service")["ActiveState"]}
    found["verify"] = call("hostspin", "verify")
    found["failed"] = call("systemctl", "--failed", "--plain", "--no-legend")["stdout"]
    return found


def without_room_in_tmp() -> dict:
    keep_by("hostspin.service")
    call("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/tmp")
    found = {"read_only": everything_starts()}
    call("umount", "/tmp")
    call("mount", "-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", "/tmp")
    pathlib.Path("/tmp/last").touch()
    full = subprocess.run(["mkdir", "/tmp/more"], check=False, capture_output=True).returncode != 0
    found["full"] = {**everything_starts(), "is_full": full}
    call("umount", "/tmp")
    return found


def started_while_read_only() -> dict:
    """Its sandbox shows the file system as it was when that was built."""
    keep_by()
    settle()
    call("mount", "--bind", "/etc", "/etc")
    wipe()
    call("mount", "-o", "remount,bind,ro", "/etc")
    found: dict = {"remounted": not os.access("/etc", os.W_OK)}
    call("systemctl", "start", "hostspin.service")
    agent = show("hostspin.service")["MainPID"]
    time.sleep(2)
    call("mount", "-o", "remount,bind,rw", "/etc")
    found["seconds"] = wait_until(has_block, 120)
    found["is_new"] = show("hostspin.service")["MainPID"] not in ("0", agent)
    keep_by()
    call("umount", "/etc")
    return found


def large_file(size: int) -> None:
    line = b"0.0.0.0 ad%07d-tracker.example.net\n"
    with open(HOSTS, "wb") as file:
        written = file.write(b"127.0.0.1\tlocalhost\n")
        number = 0
        while written < size:
            rows = b"".join(line % (number + i) for i in range(1000))[: size - written]
            number += 1000
            written += file.write(rows[: len(rows) - 1] + b"\n")


def memory_peak(unit: str) -> int:
    peak = pathlib.Path(f"/sys/fs/cgroup/system.slice/{unit}/memory.peak")
    return int(peak.read_text()) if peak.exists() else 0


def large_hosts(size: int) -> dict:
    """By the unit of the boot, then by the agent."""
    keep_by()
    REVERTS.unlink(missing_ok=True)
    large_file(size)
    before = HOSTS.stat()
    started = call("systemctl", "start", "hostspin-apply.service")
    unit = show("hostspin-apply.service")
    found = {"size": size, "started": started["code"], "result": unit["Result"], "exit_status": unit["ExecMainStatus"],
             "pinned_by_unit": has_block()}
    after = HOSTS.stat()
    found["untouched"] = (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    call("journalctl", "--sync")
    found["said"] = call("journalctl", "--boot", "--no-pager", "--output=cat", "--unit=hostspin-apply.service", "--lines=6")["stdout"]
    if found["pinned_by_unit"]:
        large_file(size)
        REVERTS.unlink(missing_ok=True)
    call("systemctl", "start", "hostspin.service")
    wait_until(lambda: show("hostspin.service").get("StatusText"), 60)
    if found["pinned_by_unit"]:
        wait_until(has_block, 60)
    found["pinned_by_agent"] = has_block()
    time.sleep(2)
    agent = show("hostspin.service")
    found["agent"] = {name: agent[name] for name in ("ActiveState", "Result", "StatusText")}
    found["restarts"] = call("systemctl", "show", "hostspin.service", "--property=NRestarts", "--value")["stdout"].strip()
    found["peak"] = memory_peak("hostspin.service")
    found["litter"] = [name for name in os.listdir("/etc") if name.endswith(".hostspin.tmp")]
    found["alarms"] = call("journalctl", "--boot", "--output=json", "HOSTSPIN_EVENT=block_not_written")["stdout"]
    found["status"] = call("hostspin", "status", "--output", "json")["stdout"]
    wipe()
    return found


def scenario_incident() -> dict:
    """Room runs out, file systems turn read-only, the file grows without bounds, the hold is lifted."""
    wait_until(lambda: show("hostspin-apply.service").get("ActiveState") == "inactive")
    found = {"release": release_with_the_agent(), "tmp": without_room_in_tmp(), "read_only": started_while_read_only()}
    found["too_large"] = large_hosts(HOSTS_BYTES_MAX + (1 << 20))
    return found


def scenario_large() -> dict:
    """Where the memory limits of the units hold: a machine with a kernel of its own."""
    found = {"sizes": [large_hosts(size) for size in (16 << 20, HOSTS_BYTES_MAX - (1 << 20), HOSTS_BYTES_MAX + (1 << 20), 90 << 20)]}
    found["killed"] = [line for line in call("dmesg")["stdout"].splitlines() if "oom" in line.lower()]
    # The real thing: not one mount, but the file system itself.
    keep_by()
    wipe()
    call("systemctl", "stop", "systemd-journald.socket", "systemd-journald")
    call("mount", "-o", "remount,ro", "/")
    found["remounted"] = not os.access("/etc", os.W_OK)
    call("systemctl", "start", "hostspin.service")
    time.sleep(5)
    call("mount", "-o", "remount,rw", "/")
    found["seconds_after_remount"] = wait_until(has_block, 240)
    return found


def package(action: str, *arguments: str) -> dict:
    return call("timeout", "60", "dpkg", action, *arguments)


def states() -> dict:
    return {unit: show(unit)["ActiveState"] for unit in
            ("hostspin.service", "hostspin-guard.path", "hostspin-guard.timer", "hostspin-net.socket", "hostspin-ask.socket")}


def looks_while_masked(*how: str) -> dict:
    """The guard's look where an administrator has masked apply's unit, and once the mask is off."""
    call("systemctl", "stop", "hostspin.service", "hostspin-guard.path")
    call("systemctl", "mask", *how, "hostspin-apply.service")
    wipe()
    found = {"look": call("systemctl", "start", "hostspin-guard.service")["code"], "pinned": has_block(),
             "result": show("hostspin-guard.service")["Result"]}
    call("systemctl", "unmask", *how, "hostspin-apply.service")
    call("systemctl", "start", "hostspin-guard.service")
    found["pinned_once_unmasked"] = has_block()
    call("systemctl", "start", "hostspin-guard.path", "hostspin.service")
    return found


def scenario_life() -> dict:
    """A package that was installed by the boot it runs in lives on, as an administrator has it."""
    found = {"installed_by_bootcmd": pathlib.Path("/out/bootcmd").read_text().strip(), "after_boot": states(), "pinned": has_block()}
    call("systemctl", "stop", "hostspin.service", "hostspin-ask.socket", "hostspin-guard.timer")
    found["upgrade"] = package("--install", "/newer.deb")
    found["upgraded"] = states()
    call("systemctl", "start", "hostspin.service", "hostspin-ask.socket", "hostspin-guard.timer")
    agent = show("hostspin.service")["MainPID"]
    found["downgrade"] = package("--install", "/package.deb")
    found["downgraded"] = {**states(), "is_new": show("hostspin.service")["MainPID"] != agent}
    found["masked_by"] = {where: looks_while_masked(*how) for where, how in (("etc", ()), ("run", ("--runtime",)))}

    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    agent = show("hostspin.service")["MainPID"]
    found["with_policy"] = package("--install", "/newer.deb")
    found["policy_kept_the_agent"] = show("hostspin.service")["MainPID"] == agent
    policy.unlink()

    call("hostspin", "hold", "--reason", "a test")
    found["remove_held"] = package("--remove", "hostspin")
    found["held_block"] = has_block()
    pathlib.Path("/etc/hostspin/hold").unlink()
    wipe()
    found["install_again"] = package("--install", "/package.deb")
    found["installed_again"] = states()
    found["pinned_again"] = wait_until(has_block) is not None
    call("mount", "-t", "tmpfs", "tmpfs", "/var/lib/hostspin")
    pathlib.Path("/var/lib/hostspin/of-an-agent").touch()
    found["purge"] = package("--purge", "hostspin")
    found["state"] = os.listdir("/var/lib/hostspin")
    found["masked"] = [path.name for path in pathlib.Path("/etc/systemd/system").glob("hostspin*")]
    found["hosts"] = hosts_text()
    return found
