#!/bin/sh
# Builds the packages into build/release/packages: a DEB for Debian 12, linked with Debian's libraries, and as version
# +portable1 what starts on any Linux: DEB, TGZ, and RPM where rpmbuild is installed.
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
packaging/portable/build-libcurl.sh --newest
cmake --preset release -D HOSTSPIN_LINK=both "$@"
cmake --build --preset release
# A package of today has today's libraries in it.
status=0
packaging/rebuild-needed build/release/packaging/portable/hostspin.spdx.json || status=$?
if [ "$status" -eq 1 ]; then
  echo "build-packages.sh: error: the portable programs would be packed with older libraries than apt has" >&2
  echo "build-packages.sh: hint: 'apt-get update && apt-get upgrade', then build again" >&2
fi
[ "$status" -eq 0 ] || exit 3  # what could not be judged has said why
rm -rf build/release/packages
cd build/release
cpack -G DEB -B packages
cpack -G "$generators" -D HOSTSPIN_KIND=portable -B packages
rm -rf packages/_CPack_Packages
sha256sum packages/*
