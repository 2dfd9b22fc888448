#!/bin/sh
# Builds the packages into build/release/packages: DEB and TGZ, and RPM where rpmbuild is installed.
# The same source gives the same bytes, wherever and whenever it is built: the date is the commit's.
set -eu
umask 022
cd "$(dirname "$0")/.."

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC

generators="DEB;TGZ"
if command -v rpmbuild >/dev/null; then
  generators="$generators;RPM"
fi
cmake --preset release "$@"
cmake --build --preset release
rm -rf build/release/packages
cd build/release
cpack -G "$generators" -B packages
rm -rf packages/_CPack_Packages
sha256sum packages/*
