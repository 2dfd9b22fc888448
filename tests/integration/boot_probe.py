"""Runs inside the booted root (Python's standard library alone); writes what it saw to /out.

`early` stands between hostspin-apply.service and cloud-init; `watch` records every appearance and
disappearance of the block; `main` waits for the end of the boot, then plays the scenario it is told.
"""

import ctypes
import importlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

OUT = pathlib.Path("/out")
HOSTS = pathlib.Path("/etc/hosts")
BEGIN = b"# BEGIN hostspin"
UNITS = ("hostspin-apply.service", "hostspin-guard.path", "hostspin.service", "hostspin-net.socket",
         "hostspin-ask.socket", "cloud-init-local.service", "cloud-init.service", "cloud-final.service")
PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "MainPID",
              "ExecMainStartTimestampMonotonic", "InactiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic",
              "StatusText", "UnitFileState", "ConditionResult")
HEAL_SECONDS_MAX = 10.0


def call(*command) -> dict:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def monotonic_us() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def has_block() -> bool:
    try:
        return BEGIN in HOSTS.read_bytes()
    except FileNotFoundError:
        return False


def hosts_text() -> str:
    return HOSTS.read_text(errors="replace") if HOSTS.exists() else ""


def wait_until(condition, seconds: float = HEAL_SECONDS_MAX):
    """Seconds until the condition held, or None."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if condition():
            return time.monotonic() - started
        time.sleep(0.002)
    return None


def show(unit: str) -> dict:
    lines = call("systemctl", "show", unit, *(f"--property={name}" for name in PROPERTIES))["stdout"]
    return dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)


def save(name: str, value) -> None:
    temporary = OUT / f"{name}.tmp"
    temporary.write_text(json.dumps(value, indent=1))
    temporary.rename(OUT / f"{name}.json")


def early(names) -> None:
    answers = {name: call("getent", "ahosts", name) for name in names}
    save("early", {"at": monotonic_us(), "answers": answers, "hosts": hosts_text(),
                   "apply": show("hostspin-apply.service"),  # of its first run: the guard starts it again
                   "etc_writable": os.access("/etc", os.W_OK), "var_tmp": os.path.exists("/var/tmp")})


def watch() -> None:
    changes = []
    signal.signal(signal.SIGTERM, lambda *_: (save("watch", changes), sys.exit(0)))
    last = None
    while True:
        now = has_block()
        if now != last:
            changes.append({"at": monotonic_us(), "block": now})
            last = now
        time.sleep(0.0005)


def vandalise() -> bytes:
    """Writes the file in place without the block, as tools do; the bytes from before."""
    before = HOSTS.read_bytes()
    HOSTS.write_bytes(b"127.0.0.1\tlocalhost\n# somebody was here\n")
    return before


def heal_by(unit: str) -> dict:
    before = vandalise()
    seconds = wait_until(has_block)
    after = HOSTS.read_bytes()
    end = b"# END hostspin\n"
    return {"by": unit, "seconds": seconds, "same_block": after.split(end)[0] == before.split(end)[0],
            "kept_foreign": b"# somebody was here" in after}


def hold_against_the_guard() -> dict:
    """The guard starts apply for every writer, and a held file is left as it is."""
    call("hostspin", "hold", "--reason", "a test")
    before = int(show("hostspin-apply.service")["ExecMainStartTimestampMonotonic"])
    vandalise()
    started = wait_until(lambda: int(show("hostspin-apply.service")["ExecMainStartTimestampMonotonic"]) > before)
    wait_until(lambda: show("hostspin-apply.service")["ActiveState"] == "inactive")
    found = {"guard_started_apply": started is not None, "block_while_held": has_block()}
    call("hostspin", "release")
    HOSTS.write_bytes(HOSTS.read_bytes() + b"# one more\n")
    found["block_after_release"] = wait_until(has_block) is not None
    return found


def landlock_abi() -> int:
    """-1 where the kernel, or the container's own filter, has none for us."""
    create_ruleset, version_flag = 444, 1
    return ctypes.CDLL(None).syscall(create_ruleset, None, 0, version_flag)


def status(pid: int) -> dict:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


def process(pid: int) -> dict:
    """What the kernel says of a process: user, capabilities, seccomp, and whether its network is ours."""
    wanted = ("Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs")
    fields, of_systemd = status(pid), status(1)
    found: dict = {key: value.split() for key, value in fields.items() if key in wanted}
    # The container has filters of its own, which everything in it inherits.
    found["filtered"] = int(fields["Seccomp_filters"]) > int(of_systemd["Seccomp_filters"])
    found["own_network"] = os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/1/ns/net")
    return found


def worker_process(name: str) -> dict:
    """Holds a connection open, so that there is a worker to look at."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"/run/hostspin-{name}.sock")
        pids: list = []

        def started() -> bool:
            units = call("systemctl", "list-units", "--plain", "--no-legend", f"hostspin-{name}@*")["stdout"]
            pids[:] = [int(show(line.split()[0])["MainPID"]) for line in units.splitlines()]
            # Until it has executed the worker it is systemd's own child, with systemd's rights.
            return bool(pids and pids[0] and os.readlink(f"/proc/{pids[0]}/exe").endswith(f"/hostspin-{name}"))

        if wait_until(started) is None:
            return {}
        return process(pids[0])


def scenario_baked() -> dict:
    found = {}
    found["agent"] = show("hostspin.service")
    # One keeper at a time, so that neither can do the other's work.
    call("systemctl", "stop", "hostspin-guard.path")
    wait_until(lambda: show("hostspin-apply.service").get("ActiveState") == "inactive")
    found["healed_by_agent"] = heal_by("hostspin.service")
    call("systemctl", "stop", "hostspin.service")
    found["block_after_stop"] = has_block()
    found["refresh_by_unit"] = call("systemctl", "start", "hostspin-refresh.service")
    found["refresh_unit"] = show("hostspin-refresh.service")
    call("systemctl", "start", "hostspin-guard.path")
    found["healed_by_guard"] = heal_by("hostspin-guard.path")
    found["held"] = hold_against_the_guard()

    pair = ("hostspin-refresh.timer", "hostspin.service")
    call("systemctl", "start", "hostspin-refresh.timer")
    call("systemctl", "start", "hostspin.service")
    found["agent_started_over_timer"] = [show(unit)["ActiveState"] for unit in pair]
    call("systemctl", "start", "hostspin-refresh.timer")
    wait_until(lambda: show("hostspin.service")["ActiveState"] != "deactivating")  # nobody waits for its stop
    found["timer_started_over_agent"] = [show(unit)["ActiveState"] for unit in pair]
    call("systemctl", "start", "hostspin.service")

    found["sockets"] = {path: [oct(os.stat(path).st_mode & 0o7777), os.stat(path).st_uid]
                        for path in ("/run/hostspin-net.sock", "/run/hostspin-ask.sock")}
    found["worker_user"] = call("id", "--user", "_hostspin")["stdout"].strip()
    found["processes"] = {"agent": process(int(show("hostspin.service")["MainPID"]))}
    for worker in ("net", "ask"):
        found["processes"][worker] = worker_process(worker)
    found["status"] = call("hostspin", "status")
    found["verify"] = call("hostspin", "verify", "--output", "json")
    found["landlock_abi"] = landlock_abi()
    found["verify_verbose"] = call("hostspin", "verify", "--verbose")
    return found


def identity() -> list:
    status = HOSTS.stat()
    return [status.st_ino, status.st_mtime_ns, HOSTS.read_text()]


def scenario_remove() -> dict:
    """The package is upgraded on a running system, leaves it, comes back, and goes for good."""
    found = {"before": HOSTS.read_text()}
    wait_until(lambda: show("hostspin-apply.service").get("ActiveState") == "inactive")
    before, agent = identity(), show("hostspin.service")["MainPID"]
    found["upgrade"] = call("dpkg", "--install", "/newer.deb")
    wait_until(lambda: show("hostspin.service")["ActiveState"] == "active")
    found["upgrade_left_the_file"] = identity() == before
    found["upgraded_agent_is_new"] = show("hostspin.service")["MainPID"] not in ("0", agent)
    found["upgraded_units"] = {unit: show(unit)["ActiveState"] for unit in UNITS if unit.startswith("hostspin")}
    found["remove"] = call("dpkg", "--remove", "hostspin")
    found["removed_hosts"] = HOSTS.read_text()
    found["removed_units"] = {unit: show(unit)["ActiveState"] for unit in UNITS if unit.startswith("hostspin")}
    time.sleep(0.5)  # a keeper that outlived its package would put the block back by now
    found["removed_hosts_later"] = HOSTS.read_text()
    found["install"] = call("dpkg", "--install", "/package.deb")
    found["reinstalled_block"] = wait_until(has_block) is not None
    found["reinstalled_states"] = call("systemctl", "list-unit-files", "--no-legend", "hostspin*")["stdout"]
    found["reinstalled_units"] = {unit: show(unit)["ActiveState"] for unit in UNITS if unit.startswith("hostspin")}
    found["purge"] = call("dpkg", "--purge", "hostspin")
    found["purged_hosts"] = HOSTS.read_text()
    found["purged_state"] = os.path.exists("/var/lib/hostspin")
    return found


def scenario_status() -> dict:
    """What an engineer sees who logs in, and what no unit may be waiting for any more."""
    return {"status": call("hostspin", "status", "--output", "json"), "agent": show("hostspin.service"),
            "verify": call("hostspin", "verify", "--offline", "--output", "json"), "doctor": call("hostspin", "doctor")}


def everyday_commands() -> dict:
    """What an engineer types in an incident, with a file brought along on a stick."""
    stick = pathlib.Path("/media/stick")
    stick.mkdir(parents=True)
    shutil.copy("/etc/hostspin/manifest.note", stick)
    note = str(stick / "manifest.note")
    commands = {"hold": ["hold", "--reason", "a test"], "release": ["release"], "inspect": ["inspect", note],
                "from": ["refresh", "--from", note], "doctor": ["doctor", "--output", "json"], "remove": ["remove", "--no-hold"]}
    found = {name: call("hostspin", *command) for name, command in commands.items()}
    found["removed"] = not has_block()
    found["shadow"] = call("hostspin", "inspect", "/etc/shadow")
    return found


def scenario_kernel() -> dict:
    """A machine with a kernel of its own, whose AppArmor confines /usr/sbin/hostspin and no copy of it."""
    found = {"profiles": pathlib.Path("/sys/kernel/security/apparmor/profiles").read_text()}
    agent = show("hostspin.service")
    found["agent"] = agent
    found["agent_profile"] = pathlib.Path(f"/proc/{agent['MainPID']}/attr/current").read_text().strip()
    call("systemctl", "stop", "hostspin-guard.path", "hostspin.service")
    vandalise()
    found["apply"] = call("hostspin", "apply")
    found["applied"] = has_block()
    # A file that the profile lets it read, in a directory where it may make nothing.
    elsewhere = pathlib.Path("/etc/hostspin/other-hosts")
    elsewhere.write_text("127.0.0.1\tlocalhost\n")
    found["elsewhere"] = call("hostspin", "apply", "--hosts-file", str(elsewhere))
    found["elsewhere_after"] = elsewhere.read_text()
    shutil.copy("/usr/sbin/hostspin", "/usr/local/sbin/hostspin-unconfined")
    found["unconfined"] = call("/usr/local/sbin/hostspin-unconfined", "apply", "--hosts-file", str(elsewhere))
    found["unconfined_after"] = elsewhere.read_text()
    found["offline"] = call("hostspin", "verify", "--offline")
    found["everyday"] = everyday_commands()
    found["denials"] = [line for line in call("dmesg")["stdout"].splitlines() if 'apparmor="DENIED"' in line]
    return found


def scenario_foreign_owner() -> dict:
    """The unit that applies at boot found somebody else's file, and the agent after it."""
    def seen() -> list:
        status = HOSTS.stat()
        return [status.st_uid, status.st_gid, status.st_mode & 0o7777, HOSTS.read_text()]

    def journal(*options: str) -> str:
        call("journalctl", "--sync")  # what a unit said last may still wait in its stream
        return call("journalctl", "--boot", "--no-pager", *options)["stdout"]

    found = {"apply": show("hostspin-apply.service"), "owner": seen()}
    found["said"] = journal("--output=cat", "--unit=hostspin-apply.service")
    events = journal("--output=json", "HOSTSPIN_EVENT=block_not_written")
    found["events"] = [json.loads(line) for line in events.splitlines()]
    wait_until(lambda: show("hostspin.service").get("StatusText"))
    found["agent"] = show("hostspin.service")
    found["owner_with_agent"] = seen()
    found["by_hand"] = call("hostspin", "apply")  # root with all its capabilities may keep the owner
    found["owner_by_hand"] = seen()
    return found


SCENARIOS = {"kernel": scenario_kernel, "baked": scenario_baked, "remove": scenario_remove, "status": scenario_status,
             "foreign_owner": scenario_foreign_owner, "none": dict}


def play(scenario: str):
    if scenario in SCENARIOS:
        return SCENARIOS[scenario]()
    return getattr(importlib.import_module("boot_keepers"), f"scenario_{scenario}")()


def main(scenario: str, names) -> None:
    result = {"running": call("systemctl", "is-system-running", "--wait")["stdout"].strip()}
    result["failed"] = call("systemctl", "--failed", "--plain", "--no-legend")["stdout"]
    result["units"] = {unit: show(unit) for unit in UNITS}
    result["graph"] = call("systemctl", "show", "--all", "*", "-p", "Id", "-p", "After", "-p", "Before")["stdout"]
    result["hosts"] = hosts_text()
    result["answers"] = {name: call("getent", "ahosts", name) for name in names}
    result["scenario"] = play(scenario)
    if show("test-watch.service")["ActiveState"] == "active":
        call("systemctl", "stop", "test-watch.service")
    result["failed_later"] = call("systemctl", "--failed", "--plain", "--no-legend")["stdout"]
    result["journal"] = call("journalctl", "--boot", "--no-pager", "--output=short-monotonic")["stdout"]
    save("main", result)


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "early":
        early(sys.argv[2:])
    elif what == "watch":
        watch()
    else:
        try:
            main(sys.argv[2], sys.argv[3:])
        finally:
            # The exit code of the whole container; a fault above is in the journal, and 9 says so.
            contained = subprocess.run(["systemd-detect-virt", "--quiet", "--container"], check=False).returncode == 0
            end = ["exit", "0" if (OUT / "main.json").exists() else "9"] if contained else ["poweroff"]
            subprocess.run(["systemctl", *end], check=False)
