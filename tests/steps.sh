# shellcheck shell=bash
# What tests/run.sh and examples/quickstart.sh do alike.

# Where ccache is installed, every build here goes through it: another launcher would compile everything again.
# shellcheck disable=SC2034  # for those who include this
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

# A long step whose output goes to a log, with signs of life meanwhile and the log's end if it fails.

# logged LOG COMMAND…
logged() {
  local log=$1 started=$SECONDS ticker code=0
  shift
  : >"$log"
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
  "$@" >>"$log" 2>&1 || code=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ "$code" -ne 0 ]; then
    printf '%s: failed: %s; the end of %s:\n' "$(basename "$0")" "$*" "$log" >&2
    tail -n 60 "$log" >&2
  fi
  return "$code"
}
