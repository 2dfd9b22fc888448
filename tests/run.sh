#!/usr/bin/env bash
# From a fresh Debian 12 to the tests: packages, build, and every test but the longest. See --help.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

usage() {
  cat <<'EOF'
usage: tests/run.sh [OPTION…]

Installs the Debian packages that are missing, builds hostspin and runs every test but the longest: unit
tests (Catch2) and integration tests (pytest) under one runner, whose summary line ends the run. As root, or with
sudo, on Debian 12.

  --quick          leave out the tests that take seconds each
  --long           also the ones that take many minutes (soaks, a fresh Debian root, a boot under qemu)
  --portable       test the portable programs in place of those of the machine's libraries; tests that these cannot
                   be put to (faketime and other preloaded libraries) are left out and listed
  -k EXPR          only the tests whose names match, as in pytest
  --preset NAME    the CMake preset: ci (default), asan, clang, dev
  --no-install     do not touch packages
  --help           this text

Logs: build/*.log. Exit code 0 when everything passed.
Example: tests/run.sh --preset asan -k refusals
EOF
}

preset=ci
install=yes
purposes=(build test)
pytest_options=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick | --portable) pytest_options+=("$1") ;;
    --long)
      pytest_options+=("$1")
      purposes+=(long)
      ;;
    --preset | -k)
      [ $# -ge 2 ] || { echo "run.sh: $1 needs a value" >&2; exit 3; }
      if [ "$1" = -k ]; then pytest_options+=(-k "$2"); else preset=$2; fi
      shift
      ;;
    --no-install) install= ;;
    --help | -h) usage; exit 0 ;;
    *) echo "run.sh: unknown option '$1'" >&2; usage >&2; exit 3 ;;
  esac
  shift
done

started=$SECONDS
step() { printf '[%s/3] %s\n' "$1" "$2"; }
mkdir -p build

if [ -n "$install" ]; then
  missing=$(tests/install-deps.sh --print "${purposes[@]}")
  step 1 "packages: ${missing:+installing }$(printf '%s' "${missing:-nothing is missing}" | tr '\n' ' ')"
  tests/logged.sh build/packages.log tests/install-deps.sh "${purposes[@]}"
  if [ "$preset" = clang ] && ! command -v clang++ >/dev/null; then
    tests/logged.sh build/packages-clang.log tests/install-deps.sh clang
  fi
else
  step 1 "packages: left alone (--no-install)"
fi

build=build/$preset
[ "$preset" != ci ] || build=build/release # as CMakePresets.json has it: one build for all
step 2 "build: preset $preset into $build, $(nproc) jobs, log in build/build.log"
tests/logged.sh build/build.log tests/build.sh "$preset"

# Namespaces, strace and file owners need root; where sudo gives it, the tests take it.
as_root=()
if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo -n -E)
fi
step 3 "tests: ${as_root:+as root by sudo, }built in $((SECONDS - started)) s"
exec "${as_root[@]}" /usr/bin/python3 -m pytest tests -c tests/pytest.ini --build "$build" -q \
  "${pytest_options[@]}"
