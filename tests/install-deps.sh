#!/usr/bin/env bash
# Installs the Debian packages that are missing for the named purposes, and nothing that is there.
#
#   tests/install-deps.sh build        what compiles hostspin and makes its packages
#   tests/install-deps.sh test         what its tests need besides
#   tests/install-deps.sh long         what its longest tests need besides
#   tests/install-deps.sh bench        what tests/bench compares with
#   tests/install-deps.sh demo         what examples/quickstart.sh needs besides
#   tests/install-deps.sh clang        the second compiler
#   tests/install-deps.sh publish      what packaging/publish-repository.sh needs
#   tests/install-deps.sh --print …    only prints the missing ones, one a line
#
# Needs root, or sudo. No service that comes along is started, or enabled for the next boot.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

build=(g++ cmake ninja-build pkg-config libssl-dev libcurl4-openssl-dev nlohmann-json3-dev libspdlog-dev
  libcli11-dev libexpected-dev libtomlplusplus-dev libseccomp-dev libsodium-dev
  libnghttp2-dev                                              # what portable programs contain besides
  dpkg-dev file git python3)                                 # packages: what they depend on, and their date
test=(catch2 python3 python3-pytest python3-cryptography nginx-light openssl ca-certificates
  strace tcpdump nftables iproute2 util-linux binutils python3-grpcio
  musl-tools attr acl e2fsprogs xfsprogs                      # the hosts file: its readers, its metadata, its disks
  golang-go golang-golang-x-mod-dev minisign signify-openbsd  # independent signers
  apt-utils createrepo-c gnupg dnf                            # a repository, and who reads it
  skopeo umoci runc                                           # an image, and a container of it
  softhsm2 opensc python3-pykcs11 shellcheck                  # examples/publish, and a key in a token
  lintian rpm rpmlint mandoc apparmor                         # packages
  systemd systemd-container mmdebstrap                        # units, and a boot of them
  prometheus prometheus-node-exporter                         # the agent's metrics, and who reads them
  libaio1 libnuma1 liburing2                                  # what an unpacked MariaDB is linked with
  faketime musl-tools netcat-openbsd curl                     # its clock, its readers, the runbook's commands
  packer ansible-core zsh fish)                               # what judges the examples and completions
long=(qemu-system-x86 e2fsprogs
  fuse3 libfuse3-dev pkg-config)                              # power cuts on a disk that logs
bench=(g++ python3 python3-cryptography ansible-core augeas-tools
  nmap fping netcat-openbsd prometheus-blackbox-exporter curl)
# Not installed but unpacked: they would take the place of what the machine has.
unpacked_test=(chrony mariadb-server-core)
unpacked_in=/usr/local/lib/hostspin-tests
demo=(nginx-light openssl iproute2 util-linux)
clang=(clang)
publish=(apt-utils createrepo-c rpm gnupg)

print=
wanted=()
unpack=()
for purpose in "$@"; do
  case $purpose in
    --print) print=yes ;;
    build) wanted+=("${build[@]}") ;;
    test)
      wanted+=("${test[@]}")
      unpack+=("${unpacked_test[@]}")
      ;;
    long) wanted+=("${long[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    demo) wanted+=("${demo[@]}") ;;
    clang) wanted+=("${clang[@]}") ;;
    publish) wanted+=("${publish[@]}") ;;
    *)
      echo "install-deps.sh: unknown purpose '$purpose': build, test, long, bench, demo, clang, publish" >&2
      exit 3
      ;;
  esac
done

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }
missing=()
for package in "${wanted[@]}"; do
  installed "$package" || missing+=("$package")
done
folded=()
for package in "${unpack[@]}"; do
  [ -d "$unpacked_in/$package" ] || folded+=("$package")
done
if [ -n "$print" ]; then
  [ ${#missing[@]} -eq 0 ] || printf '%s\n' "${missing[@]}"
  [ ${#folded[@]} -eq 0 ] || printf '%s\n' "${folded[@]}"
  exit 0
fi
[ $((${#missing[@]} + ${#folded[@]})) -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-deps.sh: missing: ${missing[*]} ${folded[*]}" >&2
    echo "install-deps.sh: run this as root, or install them with: apt-get install ${missing[*]}" >&2
    exit 3
  fi
  as_root=(sudo)
fi

# Would otherwise be started on ports of this machine, now and at each boot.
services=(nginx-common:nginx prometheus:prometheus prometheus-node-exporter:prometheus-node-exporter)
policy=/usr/sbin/policy-rc.d
fresh=()
for service in "${services[@]}"; do
  installed "${service%:*}" || fresh+=("$service")
done
made_policy=
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
  made_policy=yes
fi
cleanup() { [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy; }
trap cleanup EXIT

"${as_root[@]}" apt-get update -q
if [ ${#missing[@]} -gt 0 ]; then
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
for service in "${fresh[@]}"; do
  if installed "${service%:*}"; then "${as_root[@]}" update-rc.d "${service#*:}" disable; fi
done
for package in "${folded[@]}"; do
  into=$(mktemp -d)
  (cd "$into" && apt-get download -q "$package" && dpkg-deb -x "$package"_*.deb files && chmod 755 files)
  "${as_root[@]}" mkdir -p "$unpacked_in"
  "${as_root[@]}" mv "$into/files" "$unpacked_in/$package"
  rm -rf "$into"
done
