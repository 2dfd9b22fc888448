#!/usr/bin/env bash
# A long step whose output goes to a log, with signs of life meanwhile and the log's end if it fails.
#
#   tests/logged.sh LOG COMMAND…
set -uo pipefail
log=$1
shift
started=$SECONDS
: >"$log" || exit 1

# On a terminal one line that is written over; elsewhere a line every half minute.
if [ -t 2 ]; then
  (while sleep 1 >/dev/null 2>&1; do
    printf '\r\033[K  %s s  %.70s' $((SECONDS - started)) "$(tail -n 1 "$log" | tr -cd '[:print:]')" >&2
  done) &
else
  (while sleep 30 >/dev/null 2>&1; do
    printf '  %s s  %.100s\n' $((SECONDS - started)) "$(tail -n 1 "$log" | tr -cd '[:print:]')" >&2
  done) &
fi
ticker=$!
code=0
"$@" >>"$log" 2>&1 || code=$?
kill "$ticker" 2>/dev/null
wait "$ticker" 2>/dev/null
[ ! -t 2 ] || printf '\r\033[K' >&2
if [ "$code" -ne 0 ]; then
  printf 'failed: %s; the end of %s:\n' "$*" "$log" >&2
  tail -n 60 "$log" >&2
fi
exit "$code"
