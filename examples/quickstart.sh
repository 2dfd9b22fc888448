#!/usr/bin/env bash
# hostspin in a few minutes, on this machine and without touching it: a throw-away fleet with two signers, a
# source over TLS, three services, one machine in a scratch directory. See --help.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export LC_ALL=C.UTF-8

usage() {
  cat <<'EOF'
usage: quickstart.sh [--programs DIR] [--keep]

Shows hostspin at work: sign, publish, refresh, apply, verify; then a service breaks, and verify names it.
From a checkout (examples/quickstart.sh) it installs the Debian packages that are missing and builds hostspin into
build/release, which tests/run.sh and packaging/build-packages.sh go on with. From /usr/share/doc it takes the
installed programs, and needs nginx, openssl and ip beside them.

Needs root: its servers stand on addresses of their own (10.99.0.x) in a private network namespace, which no
other program sees. It writes below build/ and a scratch directory, never to this machine's /etc/hosts, and
leaves nothing running.

  --programs DIR   take the programs in DIR/sbin and DIR/bin (a build tree, or /usr) instead
  --keep           keep the scratch directory, to look around in it
EOF
}

programs=
keep=
inside=
while [ $# -gt 0 ]; do
  case $1 in
    --programs) programs=$(cd "${2:?--programs needs a directory}" && pwd); shift ;;
    --keep) keep=yes ;;
    --inside) inside=yes ;;  # the second half, already in its namespace
    --help | -h) usage; exit 0 ;;
    *) echo "quickstart.sh: unknown option '$1'" >&2; usage >&2; exit 3 ;;
  esac
  shift
done

step() { printf '\n[%s/8] %s\n' "$1" "$2"; }
without_work() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "${line//"$work"/\$work}"; done
}
# Shows a command as a person would type it, then runs it; its exit code is in $code.
show() {
  local shown="$*"
  shown=${shown//"$programs/sbin/"/}
  shown=${shown//"$programs/bin/"/}
  printf '\n  $ %s\n' "$shown" | without_work
  code=0
  "$@" >"$work/output" 2>&1 || code=$?
  without_work <"$work/output" | sed 's/^/    /'
  printf '    (exit code %s)\n' "$code"
}
fail() {
  printf '\nquickstart: FAILED: %s\n' "$1" >&2
  exit 1
}
expect() { [ "$code" -eq "$1" ] || fail "exit code $1 was expected from: $2"; }

# --- first half: packages and programs, with the network as it is ------------------------------------------

if [ -z "$inside" ]; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "quickstart.sh: needs root, for a network namespace with the demo's own addresses; run:" >&2
    echo "  sudo $0" >&2
    exit 3
  fi
  # Before minutes of building: all of it would be for nothing.
  if ! reason=$(unshare --net -- true 2>&1); then
    fail "this machine lets nobody make a network namespace ($reason); a container needs CAP_SYS_ADMIN for it"
  fi
  if [ -f "$here/CMakeLists.txt" ]; then
    mkdir -p "$here/build"
    purposes=(demo)
    [ -n "$programs" ] || purposes+=(build)
    missing=$("$here/tests/install-deps.sh" --print "${purposes[@]}" | tr '\n' ' ')
    step 1 "Packages: ${missing:+installing }${missing:-nothing is missing}"
    "$here/tests/logged.sh" "$here/build/quickstart-packages.log" "$here/tests/install-deps.sh" "${purposes[@]}" ||
      fail "packages could not be installed; see $here/build/quickstart-packages.log"
    if [ -z "$programs" ]; then
      programs=$here/build/release
      step 2 "Building hostspin into build/release (a few minutes; log: build/quickstart-build.log)"
      "$here/tests/logged.sh" "$here/build/quickstart-build.log" "$here/tests/build.sh" release ||
        fail "the build failed; see $here/build/quickstart-build.log"
    else
      step 2 "Programs: those of $programs"
    fi
  else
    missing=
    for need in nginx:nginx-light openssl:openssl ip:iproute2; do
      command -v "${need%:*}" >/dev/null || missing+=" ${need#*:}"
    done
    step 1 "Packages:${missing:- nothing is missing}"
    [ -z "$missing" ] || fail "missing:$missing; install with: apt-get install --no-install-recommends$missing"
    # Those that came with this script: /usr/share/doc/hostspin is three below /usr.
    [ -n "$programs" ] || programs=$(cd "$here/../../.." && pwd)
    step 2 "Programs: those of $programs"
  fi
  for program in sbin/hostspin bin/hostspin-sign; do
    [ -x "$programs/$program" ] || fail "there is no program $programs/$program; --programs DIR says where they are"
  done
  exec unshare --net -- "$0" --inside --programs "$programs" ${keep:+--keep}
fi

# --- second half: inside a network namespace where DNS does not exist ---------------------------------------

hostspin=$programs/sbin/hostspin
sign=$programs/bin/hostspin-sign
work=$(mktemp -d "${TMPDIR:-/tmp}/hostspin-quickstart.XXXXXX")
running=()
clean_up() {
  local pid
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  [ -n "$keep" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fingerprint() { stat -c '%i %y' /etc/hosts 2>/dev/null || echo none; }
own_hosts=$(fingerprint)

step 3 "A fleet: keys for two signers, the first trust root, a manifest that both sign"
fleet=$work/fleet
show "$sign" init "$fleet" --fleet demo.example --names '*.demo.example' --networks 10.99.0.0/24 \
  --manifest-keys 2 --manifest-threshold 2 --no-passphrase
expect 0 "init"
# The sample's head (fleet, version, times) and the services of this demo.
{
  sed '/^$/,$d' "$fleet/manifest.toml"
  cat <<'EOF'

[[service]]
name = "db.demo.example"
addresses = ["10.99.0.10"]
check = { tcp = 5432 }

[[service]]
name = "api.demo.example"
addresses = ["10.99.0.11", "10.99.0.12"]
owner = "platform on-call"
check = { https = 6443, path = "/readyz", ca = "demo" }

[[service]]
name = "ldap.demo.example"
addresses = ["10.99.0.13"]
owner = "directory on-call"
check = { tls = 636, ca = "demo" }
EOF
} >"$work/manifest.toml"
mv "$work/manifest.toml" "$fleet/manifest.toml"
printf '\n  The manifest, %s:\n\n' "\$work/fleet/manifest.toml"
sed 's/^/    /' "$fleet/manifest.toml"
# --yes: a person at a terminal is asked instead, once all of this was shown.
show "$sign" sign "$fleet/manifest.toml" --root "$fleet/public" --key "$fleet/keys/manifest-1.key" \
  -o "$fleet/public/manifest.note" --yes
expect 0 "the first signature"
[ ! -e "$fleet/public/manifest.note" ] || fail "a note that lacks a signature stands where notes are published"
show "$sign" sign "$fleet/manifest.pending.note" --root "$fleet/public" --key "$fleet/keys/manifest-2.key" \
  -o "$fleet/public/manifest.note" --yes
expect 0 "the second signature"
show "$sign" check "$fleet/public/manifest.note" --root "$fleet/public"
[ "$code" -le 1 ] || fail "the manifest does not pass its check"

step 4 "A source and three services, each at an address of its own, where no DNS server exists"
ip link set lo up
for address in 10.99.0.1 10.99.0.10 10.99.0.11 10.99.0.12 10.99.0.13; do
  ip address add "$address/32" dev lo
done

openssl req -x509 -newkey ed25519 -noenc -keyout "$work/ca.key" -out "$work/ca.pem" -days 30 \
  -subj "/CN=quickstart CA" 2>"$work/openssl.log"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$work/server.key" \
  -out "$work/server.csr" -subj "/CN=quickstart" 2>>"$work/openssl.log"
printf 'subjectAltName=IP:10.99.0.1,DNS:api.demo.example,DNS:ldap.demo.example\n' >"$work/names"
openssl x509 -req -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
  -days 30 -extfile "$work/names" -out "$work/server.pem" 2>>"$work/openssl.log"

mkdir "$work/nginx"
cat >"$work/nginx.conf" <<EOF
user root; # the scratch directory may lie where nobody else may look
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.log;
events {}
http {
  access_log $work/access.log;
  client_body_temp_path $work/nginx/body;
  proxy_temp_path $work/nginx/proxy;
  fastcgi_temp_path $work/nginx/fastcgi;
  uwsgi_temp_path $work/nginx/uwsgi;
  scgi_temp_path $work/nginx/scgi;
  ssl_certificate $work/server.pem;
  ssl_certificate_key $work/server.key;
  server { listen 10.99.0.1:8443 ssl; root $fleet/public; }
  server { listen 10.99.0.10:5432; return 200; }
  server {
    listen 10.99.0.11:6443 ssl;
    listen 10.99.0.12:6443 ssl;
    location = /readyz { return 200 "ok\n"; }
  }
}
EOF
wait_for() { # until a command succeeds, ten seconds at most
  local tries=100
  until "$@" 2>/dev/null; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}
listens() { : <"/dev/tcp/$1/$2"; }
nginx -e "$work/nginx.log" -c "$work/nginx.conf" >"$work/nginx.out" 2>&1 &
running+=($!)
openssl s_server -accept 10.99.0.13:636 -cert "$work/server.pem" -key "$work/server.key" -quiet \
  >"$work/ldap.log" 2>&1 </dev/null &
ldap=$!
running+=("$ldap")
for service in "10.99.0.1 8443" "10.99.0.10 5432" "10.99.0.11 6443" "10.99.0.13 636"; do
  # shellcheck disable=SC2086  # an address and a port
  wait_for listens $service || fail "nothing listens at $service; see $work/*.log with --keep"
done
cat <<'EOF'

    10.99.0.1:8443                     the source: nginx serves fleet/public over TLS
    10.99.0.10:5432                    db.demo.example, a plain TCP service
    10.99.0.11:6443, 10.99.0.12:6443   api.demo.example, HTTPS with /readyz
    10.99.0.13:636                     ldap.demo.example, TLS
EOF

step 5 "A machine of the fleet, below a scratch directory: its trust root, its configuration, its hosts file"
machine=$work/machine
mkdir -p "$machine/etc/hostspin"
cp "$fleet/public/root/1.note" "$machine/etc/hostspin/root.note"
printf '127.0.0.1\tlocalhost\n10.1.1.1\tprinter  # somebody wrote this by hand\n' >"$machine/etc/hosts"
cat >"$machine/etc/hostspin/hostspin.toml" <<EOF
[[source]]
url = "https://10.99.0.1:8443"
ca = "$work/ca.pem"

[tls.ca]
demo = "$work/ca.pem"
EOF
printf '\n  etc/hostspin/hostspin.toml:\n\n'
without_work <"$machine/etc/hostspin/hostspin.toml" | sed 's/^/    /'

step 6 "Refresh: fetch, verify, write the block, probe. Apply: the same from what is held, offline"
show "$hostspin" --root "$machine" refresh
expect 0 "refresh"
before=$(stat -c '%i %y' "$machine/etc/hosts")
show "$hostspin" --root "$machine" apply
expect 0 "apply"
[ "$(stat -c '%i %y' "$machine/etc/hosts")" = "$before" ] || fail "apply wrote although nothing had changed"
printf '\n  The hosts file now: the managed block, and every other byte as it was.\n\n'
sed 's/^/    /' "$machine/etc/hosts"

step 7 "Verify: does every pinned address answer its check?"
# --no-resolver: this machine's own resolver knows nothing of the scratch directory.
show "$hostspin" --root "$machine" verify --all --no-resolver
expect 0 "verify"

step 8 "ldap.demo.example breaks; verify names it, its address and the cause. The pin stays: a probe never edits"
kill "$ldap"
wait "$ldap" 2>/dev/null || true
show "$hostspin" --root "$machine" verify --no-resolver
expect 2 "verify with a dead service"
grep -q 'ldap\.demo\.example.*10\.99\.0\.13:636' "$work/output" || fail "verify does not name the dead service"
[ "$(stat -c '%i %y' "$machine/etc/hosts")" = "$before" ] || fail "verify wrote the hosts file"
[ "$own_hosts" = "$(fingerprint)" ] || fail "this machine's own /etc/hosts has changed meanwhile"

printf '\nquickstart: OK: signed by two, fetched by IP, pinned, verified, and the broken service was named.\n'
[ -z "$keep" ] || printf 'The scratch directory stays: %s\n' "$work"
next='hostspin(8) and hostspin-sign(1)'
[ ! -f "$here/README.md" ] || next='README.md, "A fleet in five minutes"'
printf 'Nothing was left running, and /etc/hosts was not touched. Next: %s.\n' "$next"
