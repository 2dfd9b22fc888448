#!/usr/bin/env bash
# Makes a signed apt and rpm repository of hostspin's packages, to be served by IP address. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

usage() {
  cat <<'END'
usage: packaging/publish-repository.sh REPOSITORY --url URL --key KEY PACKAGE…

REPOSITORY/current is what the web server serves, a symbolic link to a directory made beside it, which is put in
its place by one rename once it is whole and signed; earlier ones stay beside it until you delete them. It has

  apt/            a suite for each way of linking: debian12 (DEBs whose libraries Debian keeps) and portable
                  (versions with +portable, which start on every Linux)
  rpm/ARCH/       the RPMs, each signed too
  hostspin.asc    the public key; compare its fingerprint before you trust it
  hostspin.sources, hostspin-portable.sources, hostspin.repo
                  what a machine needs in /etc/apt/sources.list.d or /etc/yum.repos.d
  SHA256SUMS, SHA256SUMS.asc

  --url URL       where current will be found: http or https, and an IP address, so that a machine can
                  install hostspin with no DNS
  --key KEY       the fingerprint of a secret RSA key in gpg's keyring: RSA, as rpm of RHEL 8 knows nothing newer
  PACKAGE         .deb and .rpm files, those of packaging/build-packages.sh for instance

Needs apt-ftparchive, createrepo_c, rpmsign and gpg (tests/install-deps.sh publish). The packages themselves are left
as they are. Exit status: 0 published · 3 nothing was published.
END
}
say() { printf 'publish-repository.sh: %s\n' "$1"; }
fail() {
  printf 'publish-repository.sh: error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'publish-repository.sh: hint: %s\n' "$2" >&2
  exit 3
}

repository=
url=
key=
debs=()
rpms=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --url | --key)
      [ $# -ge 2 ] || fail "$1 needs a value" "see --help"
      if [ "$1" = --url ]; then url=${2%/}; else key=$2; fi
      shift
      ;;
    -*) fail "unknown option '$1'" "see --help" ;;
    *.deb) debs+=("$1") ;;
    *.rpm) rpms+=("$1") ;;
    *)
      [ -z "$repository" ] || fail "'$1' is neither a .deb nor an .rpm file" "see --help"
      repository=$1
      ;;
  esac
  shift
done
[ -n "$repository" ] || fail "REPOSITORY is missing" "see --help"
[ -n "$url" ] || fail "--url is missing" "see --help"
[ -n "$key" ] || fail "--key is missing" "see --help"
[ $((${#debs[@]} + ${#rpms[@]})) -gt 0 ] || fail "no package is named" "give .deb and .rpm files"
for file in "${debs[@]}" "${rpms[@]}"; do
  [ -r "$file" ] || fail "cannot read '$file'"
done

ipv4='([0-9]{1,3}\.){3}[0-9]{1,3}'
ipv6='\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]'
[[ $url =~ ^https?://($ipv4|$ipv6)(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$ ]] ||
  fail "'$url' has no IP address for a host, or more than a path behind it" \
    "a machine must find the repository with no DNS: http://192.0.2.10/hostspin for instance"

for program in gpg apt-ftparchive createrepo_c rpmsign dpkg-deb rpm; do
  command -v "$program" >/dev/null || fail "needs the program $program" "tests/install-deps.sh publish"
done
# The line of a secret key: 3 is its length, 4 its algorithm (1 is RSA), 12 what it can do (s: sign, by itself).
algorithm=$(gpg --batch --with-colons --list-secret-keys "$key" 2>/dev/null |
  awk -F: '$1 == "sec" { print $4 " " $3 " " $12 }') || true
[ -n "$algorithm" ] || fail "gpg has no secret key '$key'" "list them with 'gpg --list-secret-keys'"
[ "$(wc -l <<<"$algorithm")" = 1 ] || fail "'$key' means several keys" "give the whole fingerprint"
read -r kind bits uses <<<"$algorithm"
if [ "$kind" != 1 ] || [ "$bits" -lt 3072 ]; then
  fail "'$key' is not an RSA key of 3072 bits or more" "gpg --quick-generate-key NAME rsa4096 sign 2y"
fi
[[ $uses == *s* ]] || fail "'$key' cannot sign by itself" "a subkey would be of no use: rpm of RHEL 8 may not know it"
# "!" for itself: else gpg takes the newest subkey, of whichever kind.
key=$(gpg --batch --with-colons --list-secret-keys "$key" 2>/dev/null | awk -F: '$1 == "fpr" && !seen++ { print $10 "!" }')

sign_detached() { gpg --batch --yes --quiet --local-user "$key" --armor --detach-sign --output "$1.asc" "$1"; }

mkdir -p "$repository"
repository=$(cd "$repository" && pwd)  # parts of the work are done in other folders
current=$repository/current
if [ -e "$current" ] && [ ! -L "$current" ]; then
  fail "'$current' is no symbolic link, so it cannot be replaced at once" "move it away"
fi
made=$(mktemp -d "$repository/.new.XXXXXX")
end() {
  local status=$?
  rm -rf "$made"
  [ "$status" -eq 3 ] || fail "nothing was published: a program failed with status $status" "what it said is above"
}
trap end EXIT
chmod 755 "$made"

# Machines know a suite by its name: one that has had packages before is there even when it has none now.
suites=(debian12 portable)
suite_of() {
  local version
  version=$(dpkg-deb --field "$1" Version) || return 1
  case $version in
    *+portable*) echo portable ;;
    *) echo debian12 ;;
  esac
}

publish_debs() {
  local suite deb architecture
  for suite in "${suites[@]}"; do mkdir -p "$made/apt/pool/$suite" "$made/apt/dists/$suite"; done
  for deb in "${debs[@]}"; do
    suite=$(suite_of "$deb") || fail "'$deb' is no Debian package"
    cp -- "$deb" "$made/apt/pool/$suite/"
  done
  cd "$made/apt"
  for suite in "${suites[@]}"; do
    for architecture in amd64 arm64; do
      mkdir -p "dists/$suite/main/binary-$architecture"
      apt-ftparchive --arch "$architecture" packages "pool/$suite" >"dists/$suite/main/binary-$architecture/Packages"
      gzip -9nk "dists/$suite/main/binary-$architecture/Packages"
    done
    # Elsewhere, or it would stand in its own list.
    apt-ftparchive -o APT::FTPArchive::Release::Origin=hostspin -o APT::FTPArchive::Release::Label=hostspin \
      -o APT::FTPArchive::Release::Suite="$suite" -o APT::FTPArchive::Release::Codename="$suite" \
      -o APT::FTPArchive::Release::Architectures="amd64 arm64" -o APT::FTPArchive::Release::Components=main \
      release "dists/$suite" >"$made/Release"
    mv "$made/Release" "dists/$suite/Release"
    gpg --batch --yes --quiet --local-user "$key" --clearsign --output "dists/$suite/InRelease" "dists/$suite/Release"
  done
  cd - >/dev/null
}

publish_rpms() {
  local file architecture
  for file in "${rpms[@]}"; do
    architecture=$(rpm --query --package --nosignature --queryformat '%{ARCH}' "$file" 2>/dev/null) ||
      fail "'$file' is no RPM package"
    mkdir -p "$made/rpm/$architecture"
    cp -- "$file" "$made/rpm/$architecture/"
    # Debian's rpm looks for gpg by another name than Debian's gpg has.
    rpmsign --define "__gpg $(command -v gpg)" --define "_gpg_name $key" --define "_gpg_digest_algo sha256" --addsign \
      "$made/rpm/$architecture/${file##*/}" >/dev/null || fail "cannot sign '$file'"
  done
  for architecture in "$made"/rpm/*; do
    [ -d "$architecture" ] || continue
    createrepo_c --quiet --general-compress-type gz "$architecture"
    sign_detached "$architecture/repodata/repomd.xml"
  done
}

write_sources() {
  local suite name
  for suite in "${suites[@]}"; do
    name=hostspin
    [ "$suite" = debian12 ] || name=hostspin-$suite
    printf 'Types: deb\nURIs: %s/apt\nSuites: %s\nComponents: main\nSigned-By: /etc/apt/keyrings/hostspin.asc\n' \
      "$url" "$suite" >"$made/$name.sources"
  done
  # The key is a file that somebody has compared: one at the URL would be whatever is served there, and `dnf -y` takes it.
  # shellcheck disable=SC2016  # $basearch is dnf's word
  printf '[hostspin]\nname=hostspin\nbaseurl=%s/rpm/$basearch\ngpgkey=%s\ngpgcheck=1\nrepo_gpgcheck=1\nenabled=1\n' \
    "$url" file:///etc/pki/rpm-gpg/hostspin.asc >"$made/hostspin.repo"
}

publish_debs
publish_rpms
write_sources
gpg --batch --armor --export "$key" >"$made/hostspin.asc"
(cd "$made" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | sort | xargs -d '\n' sha256sum >SHA256SUMS)
sign_detached "$made/SHA256SUMS"

# The new tree reaches the disk before its name does.
find "$made" -type f -exec sync {} +
place=$(date -u +%Y%m%dT%H%M%SZ).${made##*.}
mv -T "$made" "$repository/$place"
made=$repository/$place
ln -s "$place" "$repository/.current.$$"
mv -T "$repository/.current.$$" "$current"
trap - EXIT
sync "$repository"
say "published ${#debs[@]} DEB and ${#rpms[@]} RPM packages as $place in '$repository'"
say "signed by $(gpg --batch --with-colons --fingerprint "$key" | awk -F: '$1 == "fpr" { print $10; exit }')"
