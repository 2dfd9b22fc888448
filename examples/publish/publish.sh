#!/usr/bin/env bash
# Publishes signed notes at once or not at all, after every check that a client makes. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

usage() {
  cat <<'END'
usage: publish.sh PUBLICATION [--root NOTE]… [--manifest NOTE] [--accept FINDING]…

PUBLICATION/current is what the web server serves, a symbolic link to a directory with manifest.note and
root/1.note, root/2.note, … The new directory is made beside it, judged, synced to disk, and then the link is
replaced by one rename. Whatever is refused, current stays what it was.

  --root NOTE        the fleet's next root (the first one too); give several in their order
  --manifest NOTE    the manifest, signed by as many as the root asks for
  --accept FINDING   publish in spite of this finding of 'hostspin-sign check', for instance shrinks

Needs hostspin-sign on the PATH.
Exit status: 0 published, or it was already · 1 findings that nobody accepted · 2 clients would refuse it ·
3 could not judge. Nothing is published unless it is 0.
END
}
say() { printf 'publish.sh: %s\n' "$1"; }
fail() {
  printf 'publish.sh: error: %s\n' "$1" >&2
  exit 3
}

publication=
manifest=
roots=()
accepted=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --root | --manifest | --accept)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help"
      case $1 in
        --root) roots+=("$2") ;;
        --manifest) manifest=$2 ;;
        --accept) accepted+=(--ignore "$2") ;;
      esac
      shift 2
      ;;
    -*) fail "unknown option '$1'; see --help" ;;
    *)
      [ -z "$publication" ] || fail "one PUBLICATION, not two; see --help"
      publication=$1
      shift
      ;;
  esac
done
[ -n "$publication" ] || fail "PUBLICATION is missing; see --help"
command -v hostspin-sign >/dev/null || fail "needs the program hostspin-sign"
mkdir -p "$publication"
current=$publication/current
if [ -e "$current" ] && [ ! -L "$current" ]; then
  fail "'$current' is no symbolic link, so it cannot be replaced at once"
fi

# One publisher at a time; the lock goes with this process.
exec 9<"$publication"
flock -w 60 9 || fail "somebody else has been publishing to '$publication' for a minute"

rm -rf "$publication"/.new.* # what a publisher left that was killed

# What is judged is the copy that will be served, not a file that may change meanwhile.
new=$(mktemp -d "$publication/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
mkdir "$new/root"
[ ! -d "$current/root" ] || cp "$current"/root/*.note "$new/root"
[ ! -e "$current/manifest.note" ] || cp "$current/manifest.note" "$new"

judge() { # what, and the arguments of check
  local what=$1 code=0 verdict
  shift
  hostspin-sign check "$@" ${accepted[@]+"${accepted[@]}"} || code=$?
  if [ $code -eq 0 ]; then
    # 'check' takes a draft for what it is, so that a fine one exits with 0 too.
    verdict=$(hostspin-sign check --output json "$@") || [ $? -eq 1 ]
    [[ $verdict != *'"draft":false'* ]] || return 0
    printf 'publish.sh: not published: nobody has signed %s\n' "$what" >&2
    exit 2
  fi
  case $code in
    1) printf 'publish.sh: not published: look at the findings on %s; --accept takes their codes\n' "$what" >&2 ;;
    2) printf 'publish.sh: not published: machines would refuse %s\n' "$what" >&2 ;;
    *) printf 'publish.sh: not published: %s could not be judged\n' "$what" >&2 ;;
  esac
  exit "$code"
}

# Before the roots are judged: whether the manifest holds under them is one of their findings.
[ -z "$manifest" ] || cp -- "$manifest" "$new/manifest.note"

# Digits alone: bash evaluates whatever else it finds in arithmetic.
newest=$(find "$new/root" -name '*.note' -printf '%f\n' | sed -n 's/^\([1-9][0-9]\{0,14\}\)\.note$/\1/p' | sort -n | tail -n 1)
for note in ${roots[@]+"${roots[@]}"}; do
  next=$((${newest:-0} + 1))
  version=$(sed -n 's/^version = \([1-9][0-9]*\)$/\1/p' <"$note" | head -n 1)
  if cmp -s -- "$note" "$new/root/$version.note"; then
    continue # published already, as when a pipeline runs again
  fi
  cp -- "$note" "$new/root/$next.note"
  against=()
  if [ -n "$newest" ]; then
    against=(--previous "$new/root/$newest.note")
  elif [ "$version" != 1 ]; then
    fail "'$note' is not root 1, and '$publication' has no root before it"
  fi
  judge "root $next" "$new/root/$next.note" ${against[@]+"${against[@]}"}
  newest=$next
done
[ -n "$newest" ] || fail "'$publication' has no root yet: give --root NOTE"

against=()
[ -z "$manifest" ] || [ ! -e "$current/manifest.note" ] || against=(--previous "$current/manifest.note")
[ -e "$new/manifest.note" ] || fail "'$publication' has no manifest yet: give --manifest NOTE"
judge "the manifest" "$new/manifest.note" --root "$new" ${against[@]+"${against[@]}"}

if [ -d "$current" ] && diff -r "$new" "$current/" >/dev/null; then
  say "published already: nothing to do"
  exit 0
fi
chmod 644 "$new"/manifest.note "$new"/root/*.note

version=$(sed -n 's/^version = \([1-9][0-9]*\)$/\1/p' "$new/manifest.note" | head -n 1)
digest=$(cat "$new"/root/*.note "$new/manifest.note" | sha256sum | cut -c 1-12)
name=manifest-$version-root-$newest-$digest
target=$publication/$name
if [ -e "$target" ]; then # published once before, or made and not switched to
  diff -r "$new" "$target" >/dev/null || fail "'$target' is there and differs: somebody edited it"
else
  sync "$new"/manifest.note "$new"/root/*.note "$new/root" "$new" # before a name leads to them
  mv -T "$new" "$target"
fi
ln -sfn "$name" "$publication/.current.new"
mv -T "$publication/.current.new" "$current"
sync "$publication"
say "published: manifest $version under root $newest, $target"
