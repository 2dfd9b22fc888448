#!/bin/sh
# Fills user-data.yaml in and makes a NoCloud seed of it, to try a stock image without a cloud.
#
#   cloud-init/make-seed.sh ROOT-NOTE PACKAGE SITE-TOML DIRECTORY [URL…]
#
# ROOT-NOTE is hostspin-sign's root/1.note, PACKAGE the .deb, SITE-TOML the fleet and its sources as
# conf.d takes them. DIRECTORY/user-data and DIRECTORY/meta-data are written, and belong into
# /var/lib/cloud/seed/nocloud of the image, or onto a disk labelled CIDATA. user-data alone is what a
# cloud takes. URL is where the machine gets the package from, by address; the next one where that fails.
# Without any, the image has the package at /var/cache/hostspin.deb.
set -eu
export LC_ALL=C
if [ $# -lt 4 ]; then
  echo "usage: make-seed.sh ROOT-NOTE PACKAGE SITE-TOML DIRECTORY [URL…]" >&2
  exit 3
fi
template=$(dirname "$0")/user-data.yaml
for file in "$template" "$1" "$2" "$3"; do
  [ -r "$file" ] || { echo "make-seed.sh: cannot read '$file'" >&2; exit 3; }
done
# What YAML takes for the end of a line ends a literal, too, and what follows it would be cloud-init's to run.
line_ends=$(printf '\302\205|\342\200[\250\251]')
for file in "$1" "$3"; do
  ! tr '\n\t' '  ' <"$file" | grep -Eqa "[[:cntrl:]]|$line_ends" ||
    { echo "make-seed.sh: '$file' has a control character" >&2; exit 3; }
done
root_note=$1 package=$2 site=$3 directory=$4
shift 4
for url in "$@"; do
  case $url in
    *[!a-zA-Z0-9:/._~%+@?\&=,[\]-]*) echo "make-seed.sh: '$url' is not a plain URL" >&2; exit 3 ;;
    http://[0-9[]* | https://[0-9[]*) ;;
    *) echo "make-seed.sh: '$url' has no address: a name would have to be looked up" >&2; exit 3 ;;
  esac
done
digest=$(sha256sum <"$package" | cut -d ' ' -f 1)

mkdir -p "$directory"
awk -v note="$root_note" -v site="$site" -v digest="$digest" -v urls="$*" '
  # A file as the body of a YAML literal; empty lines need no indentation.
  function insert(file,   line) {
    while ((getline line <file) > 0) print (line == "" ? "" : "      " line)
    close(file)
  }
  /^      PASTE-ROOT-NOTE-HERE$/ { insert(note); next }
  /path: .*50-site\.toml/ { in_site = 1 }
  in_site && /content: \|/ { print; insert(site); in_site = 0; skip = 1; next }
  skip && /^(      .*)?$/ { next }
  skip { skip = 0; print "" }
  match($0, /^ *urls=/) { $0 = substr($0, 1, RLENGTH) "\"" urls "\"" }
  { sub(/PASTE-SHA256-HERE/, digest); print }
' "$template" >"$directory/user-data"
printf 'instance-id: trial-%s\n' "$(date -u +%Y%m%dT%H%M%SZ)" >"$directory/meta-data"

if [ "$(wc -c <"$directory/user-data")" -gt 16384 ]; then
  echo "make-seed.sh: $directory/user-data is above 16 KiB, which is more than EC2 takes" >&2
fi
