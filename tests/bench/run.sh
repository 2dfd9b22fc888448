#!/usr/bin/env bash
# tests/bench/run.sh NAME [OPTION…]: runs the benchmark NAME.py of this folder and prints its table.
#   agent   the supervisor: memory, wake-ups, CPU, healing  (--build DIR, --passes N, --seconds N)
#   boot    early apply in a boot, under its sandbox       (--build DIR, --boots N)
#   hosts   apply beside Ansible, Augeas, sed and a bare rewrite   (--build DIR, --rounds X)
#   net     probing and fetching beside nmap, fping, nc, openssl and bare loops   (--build DIR, --quick)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=${1:-}
if [ -z "$name" ] || [ ! -f "$here/$name.py" ]; then
  sed -n '2,$s/^# \{0,1\}//p;/^set /q' "$0" >&2
  exit 3
fi
shift
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$here/$name.py" "$@"
