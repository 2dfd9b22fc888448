#!/usr/bin/env bash
# Builds a preset, as tests/run.sh and examples/quickstart.sh do alike: with other options, one would compile again
# what the other has built.
#
#   tests/build.sh PRESET
set -euo pipefail
cd "$(dirname "$0")/.."
options=()
if command -v ccache >/dev/null; then
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
case $1 in
  ci | portable) packaging/portable/build-libcurl.sh ;; # nothing to do but the first time, and after an update
esac
cmake --preset "$1" ${options[@]+"${options[@]}"}
cmake --build --preset "$1" --parallel "$(nproc)"
