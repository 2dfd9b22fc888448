#!/usr/bin/env bash
# Runs what a stranger would run, in a fresh minimal Debian 12 with nothing but the checkout copied in: the
# README's Install block, and in another one tests/run.sh, then examples/quickstart.sh. Needs root, mmdebstrap
# and a Debian mirror.
#
#   tests/fresh-debian.sh [--shell] [--install | COMMAND…]
#
# --install: the Install block alone; COMMAND: that, instead of all; --shell: opens one on failure.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "fresh-debian.sh: needs root" >&2; exit 3; }
command -v mmdebstrap >/dev/null || { echo "fresh-debian.sh: needs the program mmdebstrap" >&2; exit 3; }
shell=
if [ "${1:-}" = --shell ]; then
  shell=yes
  shift
fi

install=
if [ "${1:-}" = --install ]; then
  install=only
  shift
elif [ $# -eq 0 ]; then
  install=too
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hostspin-fresh.XXXXXX")
root=$work/root
child=
clean_up() { # unshare itself does not listen to a polite signal
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  wait
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
echo "[1/3] a minimal Debian 12 in $root"
mmdebstrap --quiet --variant=minbase bookworm "$root" >"$work/mmdebstrap.log" 2>&1 || {
  tail -n 30 "$work/mmdebstrap.log" >&2
  exit 1
}
# Only apt needs it: how this machine reaches a mirror.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"

echo "[2/3] the checkout into it"
mkdir -p "$root/hostspin"
tar -c --exclude=./build --exclude=./.git --exclude=__pycache__ . | tar -x -C "$root/hostspin"
# A machine of its own, since the block leaves a package installed.
[ -z "$install" ] || cp -a "$root" "$work/installed"

# Mounts in a namespace of their own vanish with it; /sys and /proc are the fresh root's view of this kernel.
inside() { # inside ROOT COMMAND…
  # shellcheck disable=SC2016  # the inner shell expands it
  unshare --mount --pid --fork --kill-child -- bash -c '
    set -e
    mount --make-rprivate /
    mount --bind "$1" "$1" # a root that is a mount point, as on any machine
    mount -t proc proc "$1/proc"
    mount -t sysfs sysfs "$1/sys"
    mount --rbind /dev "$1/dev"
    root=$1
    shift
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb chroot "$root" "$@"
  ' bash "$@" &
  child=$!
  wait "$child"
}

run() { # run ROOT COMMAND
  echo "--- $2"
  if ! inside "$1" bash -c "$2"; then
    [ -z "$shell" ] || inside "$1" bash </dev/tty || true
    exit 1
  fi
}

echo "[3/3] in it:"
if [ -n "$install" ]; then
  block=$(awk '/^## / { here = $2 == "Install" } here && /^```/ { if (open++) exit; next } here && open' README.md)
  [ -n "$block" ] || { echo "fresh-debian.sh: README.md has no Install block" >&2; exit 1; }
  # In place of the person who answers apt's question.
  echo 'APT::Get::Assume-Yes "true";' >"$work/installed/etc/apt/apt.conf.d/90yes"
  # shellcheck disable=SC2016  # the inner shell expands it
  run "$work/installed" "set -e; cd /hostspin; $block"'
    needs=$(dpkg-query --show --showformat="\${Depends}" hostspin)
    echo "depends on $needs"
    for library in libc6 libcurl4 libseccomp2 libssl3; do
      case "$needs" in *"$library"*) ;; *) echo "does not depend on $library" >&2; exit 1 ;; esac
    done
    hostspin --version && hostspin-sign --version'
fi
[ "$install" != only ] || exit 0
commands=("$*")
[ $# -gt 0 ] || commands=("bash /hostspin/tests/run.sh" "bash /hostspin/examples/quickstart.sh")
for command in "${commands[@]}"; do
  run "$root" "$command"
done
