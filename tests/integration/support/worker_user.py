"""Whom a worker runs as when root starts it."""

import re
from pathlib import Path

UNNAMED = range(61170, 61184)


def account() -> int | None:
    """The user _hostspin of this machine, if it has one."""
    found = re.search(r"^_hostspin:[^:]*:(\d+):", Path("/etc/passwd").read_text(), re.MULTILINE)
    return int(found[1]) if found else None


def worker_identity() -> int:
    """The account's; without it, the first number that no line of passwd has and nobody uses who is no worker."""
    if (user := account()) is not None:
        return user
    taken = {int(number) for line in Path("/etc/passwd").read_text().splitlines()
             for number in line.split(":")[2:4]}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not (process / "comm").read_text().startswith("hostspin"):
                taken.add(process.stat().st_uid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return next(user for user in UNNAMED if user not in taken)
