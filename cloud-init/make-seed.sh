#!/bin/sh
# Fills user-data.yaml in and makes a NoCloud seed of it, to try a stock image without a cloud.
#
#   cloud-init/make-seed.sh ROOT-NOTE PACKAGE SITE-TOML DIRECTORY
#
# ROOT-NOTE is hostspin-sign's root/1.note, PACKAGE the .deb, SITE-TOML the fleet and its sources as
# conf.d takes them. DIRECTORY/user-data and DIRECTORY/meta-data are written, and belong into
# /var/lib/cloud/seed/nocloud of the image, or onto a disk labelled CIDATA. user-data alone is what a
# cloud takes: its address in runcmd is then where it gets the package from.
set -eu
export LC_ALL=C
if [ $# -ne 4 ]; then
  echo "usage: make-seed.sh ROOT-NOTE PACKAGE SITE-TOML DIRECTORY" >&2
  exit 3
fi
template=$(dirname "$0")/user-data.yaml
for file in "$template" "$1" "$2" "$3"; do
  [ -r "$file" ] || { echo "make-seed.sh: cannot read '$file'" >&2; exit 3; }
done
digest=$(sha256sum "$2" | cut -d ' ' -f 1)

mkdir -p "$4"
awk -v note="$1" -v site="$3" -v digest="$digest" '
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
  { sub(/PASTE-SHA256-HERE/, digest); print }
' "$template" >"$4/user-data"
printf 'instance-id: trial-%s\n' "$(date -u +%Y%m%dT%H%M%SZ)" >"$4/meta-data"

if [ "$(wc -c <"$4/user-data")" -gt 16384 ]; then
  echo "make-seed.sh: $4/user-data is above 16 KiB, which is more than EC2 takes" >&2
fi
