#!/bin/sh
# Builds the packages into build/release/packages: DEB and TGZ, and RPM where rpmbuild is installed.
# The same source gives the same bytes, wherever and whenever it is built: the date is the commit's, or
# without a repository that of the newest file, which is the same in what `git archive` made.
set -eu
umask 022
cd "$(dirname "$0")/.."

# Without it cpack makes a DEB that depends on no library, and says nothing.
if ! command -v dpkg-shlibdeps >/dev/null; then
  echo "build-packages.sh: error: the program dpkg-shlibdeps is missing: the DEB would depend on no library" >&2
  echo "build-packages.sh: hint: install it, and what else a build needs, with 'tests/install-deps.sh build'" >&2
  exit 3
fi

date_of_source() {
  if [ -e .git ] && git log -1 --format=%ct 2>/dev/null; then
    return
  fi
  echo "build-packages.sh: no commit to take the date from: it is the newest file's" >&2
  find . -path ./build -prune -o -path ./.git -prune -o -type f -printf '%T@\n' | sort -n | sed -n '$s/\..*//p'
}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date_of_source)}
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
