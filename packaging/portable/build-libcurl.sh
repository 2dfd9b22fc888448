#!/usr/bin/env bash
# Builds the libcurl that the portable programs contain, from the distribution's own source package with the
# distribution's patches: HTTP and HTTPS with OpenSSL and nghttp2, nothing else. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<'END'
usage: build-libcurl.sh [OPTION…] [PREFIX]

Builds a static libcurl into PREFIX (~/.cache/hostspin/libcurl-ARCHITECTURE, below XDG_CACHE_HOME where that is set,
and where cmake looks for it). Does nothing where PREFIX was built from the source that belongs to the installed
libcurl4-openssl-dev, against the installed OpenSSL and nghttp2, by this script.

  --newest         ask the distribution's suites also when PREFIX seems current
  --print-prefix   only print the default PREFIX
  --help           this text

The source comes by a list of sources of its own, release and security suite; the machine's lists stay as they are.
Mirrors: HOSTSPIN_MIRROR, HOSTSPIN_SECURITY_MIRROR (http://deb.debian.org/debian, …/debian-security).
Fails where a suite offers no source that is as new as the libcurl4-openssl-dev that this machine would install.
END
}

fail() {
  echo "build-libcurl.sh: error: $1" >&2
  echo "build-libcurl.sh: hint: $2" >&2
  exit 3
}

version_of() { dpkg-query --show --showformat '${Version}' "$1:$architecture" 2>/dev/null || true; }

architecture=$(dpkg --print-architecture)
prefix=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hostspin/libcurl-$architecture
newest=
while [ $# -gt 0 ]; do
  case $1 in
    --newest) newest=yes ;;
    --print-prefix) echo "$prefix"; exit 0 ;;
    --help | -h) usage; exit 0 ;;
    -*) usage >&2; fail "unknown option '$1'" "the options are listed above" ;;
    *) prefix=$1 ;;
  esac
  shift
done

for package in libcurl4-openssl-dev libssl-dev libnghttp2-dev; do
  [ -n "$(version_of $package)" ] || fail "the package $package:$architecture is missing" \
    "install what a portable build needs with 'tests/install-deps.sh build'"
done

# What was built, of what, by what: another word in it, and it is built again.
recipe=$(sha256sum <"$here/build-libcurl.sh" | cut -c 1-16)
made_of() { echo "curl $1 openssl $(version_of libssl-dev) nghttp2 $(version_of libnghttp2-dev) recipe $recipe"; }
installed=$(version_of libcurl4-openssl-dev)
if [ -z "$newest" ] && [ "$(cat "$prefix/made-of" 2>/dev/null)" = "$(made_of "$installed")" ]; then
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Read, not run.
codename=$(sed -n "s/^VERSION_CODENAME=\"*\([a-z]*\)\"*$/\1/p" /etc/os-release)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
main_mirror=${HOSTSPIN_MIRROR:-http://deb.debian.org/debian}
security_mirror=${HOSTSPIN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,source}
cat >"$work/sources.list" <<END
deb-src [signed-by=$keyring] $main_mirror $codename main
deb-src [signed-by=$keyring] $main_mirror $codename-updates main
deb-src [signed-by=$keyring] $security_mirror $codename-security main
END
own_apt() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State="$work/state" \
    -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Retries=3 -o APT::Update::Error-Mode=any "$@"
}
own_apt update
(cd "$work/source" && own_apt source curl)
source=$(find "$work/source" -mindepth 1 -maxdepth 1 -type d)
offered=$(dpkg-parsechangelog --file "$source/debian/changelog" --show-field Version)
# Read from the machine's own lists, so that one stale mirror does not pass for the newest.
candidate=$(apt-cache policy "libcurl4-openssl-dev:$architecture" | sed -n 's/^ *Candidate: //p')
for wanted in "$installed" "$candidate"; do
  case $wanted in '' | '(none)') continue ;; esac
  dpkg --compare-versions "$offered" ge "$wanted" ||
    fail "the newest source of curl is $offered, older than the package $wanted" \
      "name mirrors that are current by HOSTSPIN_MIRROR and HOSTSPIN_SECURITY_MIRROR"
done
[ "$offered" = "$installed" ] || echo "build-libcurl.sh: curl $offered is built, while its headers here are of $installed" >&2
if [ "$(cat "$prefix/made-of" 2>/dev/null)" = "$(made_of "$offered")" ]; then
  exit 0
fi

flags="-O2 -g -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3 -ffunction-sections"
flags="$flags -fdata-sections -ffile-prefix-map=$source=/curl -ffile-prefix-map=$work=/b"
cmake -S "$source" -B "$work/build" -G Ninja -Wno-dev -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$flags" \
  -DCMAKE_C_FLAGS_RELEASE= -DCMAKE_INSTALL_PREFIX="$work/out" -DCMAKE_INSTALL_LIBDIR=lib \
  -DBUILD_SHARED_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF -DPICKY_COMPILER=OFF \
  -DHTTP_ONLY=ON -DENABLE_ARES=OFF -DENABLE_THREADED_RESOLVER=OFF -DENABLE_IPV6=ON -DENABLE_UNIX_SOCKETS=OFF \
  -DCURL_ENABLE_SSL=ON -DCURL_USE_OPENSSL=ON -DCURL_DISABLE_OPENSSL_AUTO_LOAD_CONFIG=ON \
  -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DUSE_NGHTTP2=ON \
  -DNGHTTP2_LIBRARY="$(${CC:-gcc} -print-file-name=libnghttp2.a)" \
  -DCURL_USE_GSSAPI=OFF -DCURL_USE_LIBSSH=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF \
  -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
  -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_GETOPTIONS=ON \
  -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_LIBCURL_OPTION=ON -DCURL_DISABLE_MIME=ON -DCURL_DISABLE_NETRC=ON \
  -DCURL_DISABLE_NTLM=ON -DCURL_DISABLE_PROGRESS_METER=ON -DCURL_DISABLE_SHUFFLE_DNS=ON \
  -DCURL_DISABLE_SOCKETPAIR=ON
cmake --build "$work/build" --parallel "$(nproc)"
cmake --install "$work/build" >/dev/null

# Of what was installed the archive alone is linked; headers are the installed package's. The names of versions go in
# last: a run that is cut short leaves no PREFIX that passes for a finished one.
mkdir -p "$prefix/lib"
rm -f "$prefix/made-of"
cp "$work/out/lib/libcurl.a" "$prefix/lib/libcurl.a.$$"
mv "$prefix/lib/libcurl.a.$$" "$prefix/lib/libcurl.a"
cp "$source/COPYING" "$prefix/COPYING"
echo "$offered" >"$prefix/version"
made_of "$offered" >"$prefix/made-of"
echo "build-libcurl.sh: curl $offered is in $prefix"
