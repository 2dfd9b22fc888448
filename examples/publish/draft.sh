#!/usr/bin/env bash
# A manifest draft, the next edition, from what Terraform and Consul know. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<'END'
usage: draft.sh --root ROOT [--previous NOTE] INPUT… [--services DIR] -o DRAFT

Makes DRAFT, a manifest that nobody has signed: the services of all inputs, changed by what DIR says, one version
above what is published. It asks no network: give it the answers as files. DRAFT is written only if clients would
take it once it is signed.

  --root ROOT        the root that clients trust: a note, or the published directory
  --previous NOTE    the manifest now published; leave it out before the first one
  --terraform FILE   what 'terraform output -json hostspin_services' prints, a map of names to addresses; or the
                     whole of 'terraform output -json' with an output of that name; or 'terraform show -json', or
                     a state file, for its DNS records
  --consul FILE      the answer of /v1/health/service/NAME; once for each service. An instance with a check that
                     does not pass is left out, and said
  --domain DOMAIN    what follows the name of a Consul service (service.consul)
  --services DIR     files NAME.toml: keys of the service NAME, added to what an input says or put in its place; a
                     NAME that no input has needs 'addresses'. _head.toml: keys above the services (rollout, min_root)
  --expires WHEN     30d, 2w, or a time (30d)
  -o DRAFT           a file, replaced if it is there

Needs hostspin-sign on the PATH, and awk.
Exit status: 0 written · 1 written, with findings that should be looked at · 2 clients would refuse it ·
3 could not judge
END
}
fail() {
  printf 'draft.sh: error: %s\n' "$1" >&2
  exit 3
}

root=
previous=
services=
domain=service.consul
expires=30d
out=
inputs=() # kind, file, kind, file, …
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --root | --previous | --terraform | --consul | --domain | --services | --expires | -o)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help"
      case $1 in
        --root) root=$2 ;;
        --previous) previous=$2 ;;
        --terraform | --consul) inputs+=("${1#--}" "$2") ;;
        --domain) domain=$2 ;;
        --services) services=$2 ;;
        --expires) expires=$2 ;;
        -o) out=$2 ;;
      esac
      shift 2
      ;;
    *) fail "unknown option '$1'; see --help" ;;
  esac
done
[ -n "$root" ] || fail "--root is missing; see --help"
[ -n "$out" ] || fail "-o is missing; see --help"
[ ${#inputs[@]} -gt 0 ] || fail "no input: give --terraform or --consul; see --help"
for tool in hostspin-sign awk; do
  command -v "$tool" >/dev/null || fail "needs the program $tool"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/hostspin-draft.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The fleet and the epoch are the root's. Whatever is read wrongly here, 'check' below refuses.
root_note=$root
if [ -d "$root" ]; then
  newest=$(find "$root/root" -name '*.note' -printf '%f\n' | sed -n '/^[1-9][0-9]*\.note$/p' | sort -n | tail -n 1)
  [ -n "$newest" ] || fail "no root in '$root/root'"
  root_note=$root/root/$newest
fi
[ -r "$root_note" ] || fail "cannot read '$root_note'"
fleet=$(sed -n 's/^fleet = "\([^"]*\)".*/\1/p' <"$root_note" | head -n 1)
epoch=$(sed -n 's/^epoch = \([0-9]*\).*/\1/p' <"$root_note" | head -n 1)

result=0
number=0
while [ $((2 * number)) -lt ${#inputs[@]} ]; do
  kind=${inputs[2 * number]}
  file=${inputs[2 * number + 1]}
  number=$((number + 1))
  command=(hostspin-sign import --quiet "$kind" "$file" --fleet "$fleet" --expires "$expires"
    -o "$work/import-$number.toml")
  case $kind in
    terraform) command+=(--terraform-output hostspin_services) ;;
    consul) command+=(--domain "$domain") ;;
  esac
  code=0
  "${command[@]}" || code=$?
  [ "$code" -le 1 ] || exit "$code"
  [ "$code" -eq 0 ] || result=1 # something was left out, and said
done

# One head, and the services of all.
cp "$work/import-1.toml" "$work/all"
for ((i = 2; i <= number; ++i)); do
  sed -n '/^$/,$p' "$work/import-$i.toml" >>"$work/all"
done
edits=()
if [ -n "$services" ]; then
  [ -d "$services" ] || fail "'$services' is no directory"
  for edit in "$services"/*.toml; do
    [ ! -e "$edit" ] || edits+=("$edit")
  done
fi
awk -v draft="$work/all" -v epoch="$epoch" -f "$here/merge.awk" ${edits[@]+"${edits[@]}"} "$work/all" \
  >"$work/draft.toml" || exit 3

compare=()
if [ -n "$previous" ]; then
  compare=(--previous "$previous")
  hostspin-sign bump --quiet "$work/draft.toml" --previous "$previous" --expires "$expires"
fi
code=0
hostspin-sign check "$work/draft.toml" --root "$root" ${compare[@]+"${compare[@]}"} || code=$?
[ "$code" -le 1 ] || exit "$code"
[ "$code" -eq 0 ] || result=1
cp "$work/draft.toml" "$out"
exit "$result"
