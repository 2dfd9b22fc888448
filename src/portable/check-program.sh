#!/bin/sh
# Run on each portable program once it is linked: what it must not contain, and what it may ask of a machine.
#
#   check-program.sh static PROGRAM    no interpreter, no library, no resolver, no NSS, no loader of code
#   check-program.sh libc PROGRAM      libc alone, and none newer than FLOOR
#
# NM and READELF name the tools of the machine that the program is for.
set -eu
export LC_ALL=C
FLOOR=2.17
kind=$1
program=$2
nm=${NM:-nm}
readelf=${READELF:-readelf}

fail() {
  echo "check-program.sh: error: $program $1" >&2
  exit 1
}

headers=$("$readelf" --wide --program-headers "$program")
dynamic=$("$readelf" --wide --dynamic "$program")
needed=$(printf '%s\n' "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
printf '%s\n' "$headers" | grep -q 'Elf file type is DYN' || fail "is not position-independent"

case $kind in
  static)
    ! printf '%s\n' "$headers" | grep -q ' INTERP ' || fail "has an interpreter"
    [ -z "$needed" ] || fail "needs a library: $needed"
    symbols=$("$nm" "$program" | sed 's/^.* //')
    printf '%s\n' "$symbols" | grep -qx main || fail "has no symbols to look at"
    found=$(printf '%s\n' "$symbols" | grep -E \
      '^(_*res_|_+nss_|_*gaih|_*gethost|_*getserv|_*getpw|_*getgr|_*initgroups|_*dl_open$|_*libc_dlopen)' |
      grep -vxE 'gethostby(name|addr)|_*gethostname|_*getgroups' || true)
    [ -z "$found" ] || fail "contains $(printf '%s' "$found" | tr '\n' ' ')"
    ;;
  libc)
    # The loader belongs to libc: __tls_get_addr is in it.
    [ "$(printf '%s\n' "$needed" | grep -v '^ld-linux')" = libc.so.6 ] ||
      fail "needs more than libc: $(printf '%s' "$needed" | tr '\n' ' ')"
    newest=$("$readelf" --wide --version-info "$program" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' |
      sort -Vu | tail -n 1)
    [ -n "$newest" ] || fail "names no version of libc"
    [ "$(printf '%s\n' "$newest" "$FLOOR" | sort -V | tail -n 1)" = "$FLOOR" ] ||
      fail "asks for glibc $newest, newer than $FLOOR: $("$nm" --dynamic "$program" | grep "GLIBC_$newest" |
        sed 's/^ *//' | tr '\n' ' ')"
    ;;
  *)
    echo "check-program.sh: error: '$kind' is neither static nor libc" >&2
    exit 3
    ;;
esac
