#!/usr/bin/python3
"""Which lines of src/core the unit tests run.

usage: tests/coverage.py [--build DIR] [--under FOLDER] [--min PERCENT] [--lines]

Runs the unit tests of a build made by 'cmake --preset coverage' and prints a line a source file: lines, those that ran,
their share; at the end that of all. --lines also lists the line numbers that did not run. Exit status 1 if the share is
below --min (95), or a test fails. Needs nothing but gcov, which comes with GCC.
"""

import argparse
import collections
import json
import subprocess
import sys
from pathlib import Path


def run_tests(build: Path) -> bool:
    for stale in build.rglob("*.gcda"):
        stale.unlink()
    return subprocess.run([build / "tests/unit_tests"], check=False).returncode == 0


def counted_lines(build: Path, under: str) -> dict:
    """By file: line number to how often it ran, over all objects that have a copy of it."""
    files = collections.defaultdict(collections.Counter)
    for data in sorted(build.rglob("*.gcda")):
        told = subprocess.run(["gcov", "--json-format", "--stdout", data], check=True, capture_output=True).stdout
        for report in told.splitlines():
            for one in json.loads(report)["files"]:
                name = one["file"]
                at = name.find(under)
                if at < 0:
                    continue
                for line in one["lines"]:
                    files[name[at:]][line["line_number"]] += line["count"]
    return files


def spans(numbers: list) -> str:
    """1-3, 7"""
    out = []
    for number in numbers:
        if out and number == out[-1][1] + 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in out)


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--build", type=Path, default=Path("build/coverage"))
    parser.add_argument("--under", default="src/core/")
    parser.add_argument("--min", type=float, default=95.0)
    parser.add_argument("--lines", action="store_true")
    asked = parser.parse_args()

    passed = run_tests(asked.build.resolve())
    files = counted_lines(asked.build.resolve(), asked.under)
    if not files:
        print(f"no counts of {asked.under} in {asked.build}: was it made by 'cmake --preset coverage'?", file=sys.stderr)
        return 1
    total = ran = 0
    for name, lines in sorted(files.items()):
        missed = sorted(number for number, count in lines.items() if count == 0)
        total += len(lines)
        ran += len(lines) - len(missed)
        print(f"{len(lines):6} {len(lines) - len(missed):6} {100 * (1 - len(missed) / len(lines)):6.1f} %  {name}")
        if asked.lines and missed:
            print(f"        not run: {spans(missed)}")
    print(f"{total:6} {ran:6} {100 * ran / total:6.1f} %  all of {asked.under}")
    return 0 if passed and 100 * ran / total >= asked.min else 1


if __name__ == "__main__":
    sys.exit(main())
