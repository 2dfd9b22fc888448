"""Another program that edits a hosts file, run as a process of its own.

    hosts_writer.py KIND PATH NAME

Each line on standard input is a number of microseconds; within them it makes some edits, each of which adds
one line of its own, and then says on standard output what it added and when, as JSON. Times are CLOCK_MONOTONIC's,
the same for every process.
"""

import json
import os
import random
import sys
import time

EDITS = 3
PIECES = 2  # what a truncating writer writes the file in


def add_line(path: str, line: bytes, pause: float) -> dict:
    """A shell's `>>`; with a pause, the file is open all the while."""
    started = time.monotonic_ns()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    time.sleep(pause)
    os.write(file, line)
    os.close(file)
    return {"started": started, "ended": time.monotonic_ns()}


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def truncate(path: str, line: bytes, pause: float) -> dict:
    """Read all, cut the file down to nothing, write all in pieces: what many tools do."""
    started = time.monotonic_ns()
    content = read(path) + line
    time.sleep(pause)
    file = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o644)
    for piece in range(PIECES):
        os.write(file, content[piece * len(content) // PIECES:(piece + 1) * len(content) // PIECES])
        time.sleep(pause)
    os.close(file)
    return {"started": started, "ended": time.monotonic_ns()}


def rename(path: str, line: bytes, pause: float) -> dict:
    """Read all, write a new file, rename it over the old one: sed -i and most editors."""
    started = time.monotonic_ns()
    content = read(path) + line
    new = path + ".editor"
    with open(new, "wb") as file:
        file.write(content)
    time.sleep(pause)
    os.rename(new, path)
    return {"started": started, "ended": time.monotonic_ns()}


KINDS = {
    "append": lambda path, line, _: add_line(path, line, 0),
    "slow": add_line,
    "truncate": truncate,
    "rename": rename,
}


def main() -> None:
    kind, path, name = sys.argv[1:]
    chance = random.Random(name)
    number = 0
    for order in sys.stdin:
        span = int(order) / 1e6
        edits = []
        for _ in range(EDITS):
            time.sleep(chance.random() * span / EDITS)
            line = f"10.8.0.1 {name}-{number}.example"
            number += 1
            edits.append({"line": line, **KINDS[kind](path, f"{line}\n".encode(), chance.random() * span / EDITS)})
        print(json.dumps(edits), flush=True)


if __name__ == "__main__":
    main()
