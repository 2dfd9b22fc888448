"""`hostspin verify` on a good, a degraded and a black day: what the README shows is what it prints."""

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from support.certificates import Authority
from support.fleet import Raw, moment, service
from support.machine import Machine
from support.namespace import Namespace, Unavailable, propagation
from support.process import clean_environment, run
from test_readme import same

DNS, DNS2, OTHER_DNS = "10.0.0.53", "10.0.1.53", "10.0.2.53"
DB, DB2, LDAP, API = "10.0.0.10", "10.0.0.11", "10.0.0.20", "10.0.0.30"
NAMES = {"db.svc.example.com": [DB, DB2], "ldap.example.com": [LDAP], "api.svc.example.com": [API]}
COLUMNS_MAX = 100
NOBODY = 65534


class Story:
    """A machine whose resolver, services and network are the test's own."""

    def __init__(self, path: Path, programs, fleet):
        self.path, self.programs = path, programs
        self.namespace = Namespace([DNS, DNS2, OTHER_DNS, DB, DB2, LDAP, API])
        self._children = []
        authority = Authority()
        certificates = {
            "ldap": authority.issue(path, "ldap", ["ldap.example.com"], end=21.5),
            "api": authority.issue(path, "api", ["api.svc.example.com"], end=90.5),
        }
        self.start("plain_services.py", json.dumps([
            [DB, 5432, None], [DB2, 5432, None], [LDAP, 636, list(map(str, certificates["ldap"]))],
            [API, 443, list(map(str, certificates["api"]))]]))
        for address in (DNS, DNS2):
            self.start("support/dns_server.py", address, "53", json.dumps(NAMES))
        self.machine = Machine(path / "machine", programs, self.namespace).trust(
            fleet.root(), fleet.manifest(12, issued=moment(-2), expires=moment(28.1), services=[
                service("db.svc.example.com", [DB, DB2], owner="data", check=Raw("{ tcp = 5432 }")),
                service("ldap.example.com", [LDAP], owner="identity", check=Raw(
                    '{ tls = 636, ca = "internal", min_days_left = 14 }')),
                service("api.svc.example.com", [API], owner="edge", check=Raw(
                    '{ https = 443, ca = "internal", path = "/health" }')),
            ]))
        ca = self.machine.put("ca.pem", authority.pem)
        self.machine.configure(text=f'[tls.ca]\ninternal = "{ca}"\n')
        assert self.machine.hostspin("apply").code == 0
        (path / "resolv.conf").write_text(f"nameserver {DNS}\nnameserver {DNS2}\n")
        (path / "nsswitch.conf").write_text("hosts: files dns\n")
        for one in (path, path / "machine", path / "machine/etc", path / "machine/etc/hostspin"):
            one.chmod(0o755)

    def start(self, script: str, *arguments) -> None:
        child = subprocess.Popen(
            [*self.namespace.prefix(), sys.executable, str(Path(__file__).with_name(script.split("/")[0]).joinpath(
                *script.split("/")[1:])), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        assert child.stdout.readline() == b"ready\n"
        self._children.append(child)

    def drop(self, *addresses: str, udp: bool = False) -> None:
        """From now on nothing that is sent to these arrives."""
        rules = "".join(f"ip daddr {address} drop; " for address in addresses)
        text = f"table inet dark{len(addresses)}{int(udp)} {{ chain c {{ type filter hook input priority 0; {rules} }}\n}}"
        done = subprocess.run([*self.namespace.prefix(), "nft", "-f", "-"], input=text.encode(), check=False)
        assert done.returncode == 0

    def refuse(self, address: str) -> None:
        text = (f"table inet refuse {{ chain c {{ type filter hook input priority 0; "
                f"ip daddr {address} tcp flags syn reject with tcp reset; }}\n}}")
        assert subprocess.run([*self.namespace.prefix(), "nft", "-f", "-"], input=text.encode(), check=False).returncode == 0

    def command(self, *arguments, user: int = 0) -> list:
        """hostspin with the machine's own files bound over this one's, for it and its workers alone."""
        binds = " && ".join([
            f"mount --bind {self.machine.hosts_path} $(readlink -f /etc/hosts)",
            f"mount --bind {self.path}/resolv.conf $(readlink -f /etc/resolv.conf)",
            f"mount --bind {self.path}/nsswitch.conf $(readlink -f /etc/nsswitch.conf)"])
        identity = f"setpriv --reuid {user} --regid {user} --clear-groups " if user else ""
        words = " ".join(map(str, ("--root", self.machine.path, "verify", *arguments)))
        return [*self.namespace.prefix(), "unshare", "--mount", "--propagation", propagation(), "--",
                "sh", "-c", f"{binds} && exec {identity}{self.programs.hostspin} {words}"]

    def verify(self, *arguments, **options):
        return run(self.command(*arguments, **options))

    def close(self) -> None:
        for child in self._children:
            child.kill()
            child.communicate()
        self.namespace.close()


@pytest.fixture
def story(tmp_path_factory, programs, fleet):
    # Nobody must be able to enter it; what pytest makes is the owner's alone.
    path = Path("/var/tmp") / f"hostspin-story-{os.getpid()}-{time.monotonic_ns()}"
    path.mkdir()
    made = Story(path, programs, fleet)
    yield made
    made.close()
    subprocess.run(["rm", "-rf", str(path)], check=True)


def good(story: Story) -> None:
    """Nothing has happened."""


def degraded(story: Story) -> None:
    """One database and one DNS server are gone."""
    story.refuse(DB2)
    story.drop(DNS2)


def black(story: Story) -> None:
    """DNS is dead, and so is the API behind its black hole; somebody has edited the hosts file."""
    story.drop(DNS, DNS2, API)
    story.refuse(DB2)
    story.machine.hosts = story.machine.hosts.replace(b"10.0.0.20\tldap", b"10.0.0.99\tldap")


DAYS = {"good": (good, 0), "degraded": (degraded, 1), "black": (black, 2)}


def shown(text: str, day: str) -> str:
    """The README's transcript of that day."""
    found = re.search(rf"^```text\n\$ hostspin verify +# a {day} day\n(.*?)^```", text, re.M | re.S)
    assert found, f"the README has no {day} day"
    return found.group(1)


def normal(text: str) -> str:
    return re.sub(r"\d+\.\d\d ms", "0.00 ms", text)


@pytest.mark.parametrize("day", DAYS)
def test_days(story, checkout, day):
    happen, code = DAYS[day]
    happen(story)
    begin = time.monotonic()
    done = story.verify()
    seconds = time.monotonic() - begin
    assert done.code == code, str(done)
    assert all(len(line) <= COLUMNS_MAX for line in done.stdout.splitlines()), str(done)
    assert same(normal(shown((checkout / "README.md").read_text(), day)), normal(done.stdout)), str(done)
    assert seconds < 5 + 5, str(done)  # its deadline is 5 s; how exactly it is kept is for the benchmark


def test_nobody_on_a_black_day(story):
    """No rights, nothing writable, no DNS: it tells the same."""
    black(story)
    before = story.machine.identity(), story.machine.state(identities=True)
    mine, theirs = story.verify("--all"), story.verify("--all", user=NOBODY)
    assert (mine.code, theirs.code) == (2, 2), f"{mine}{theirs}"

    def without_times(text):
        return re.sub(r"\d+\.\d\d ms|issued .* ago", "", text)
    assert without_times(mine.stdout) == without_times(theirs.stdout)
    assert (story.machine.identity(), story.machine.state(identities=True)) == before


def test_the_resolver_and_its_servers_as_json(story):
    degraded(story)
    told = json.loads(story.verify("--output", "json").stdout)
    assert told["dns_servers"] == [{"address": DNS, "state": "answers"}, {"address": DNS2, "state": "silent"}]
    assert {one["name"]: one["state"] for one in told["resolver"]} == dict.fromkeys(NAMES, "files")
    assert told["clock_plausible"] is True


def test_a_resolver_that_passes_the_pins_by(story):
    """DNS before files, and DNS knows another address: the pin helps nobody here."""
    (story.path / "nsswitch.conf").write_text("hosts: dns files\n")
    story.start("support/dns_server.py", OTHER_DNS, "53", json.dumps({**NAMES, "ldap.example.com": ["10.0.0.21"]}))
    (story.path / "resolv.conf").write_text(f"nameserver {OTHER_DNS}\n")
    done = story.verify("--output", "json")
    states = {one["name"]: one["state"] for one in json.loads(done.stdout)["resolver"]}
    assert done.code == 1 and states == {**dict.fromkeys(NAMES, "files"), "ldap.example.com": "dns"}, str(done)
    assert "WARN  resolver dns: ldap.example.com: this machine answers 10.0.0.21" in story.verify().stdout


def test_nagios(story):
    degraded(story)
    done = story.verify("--output", "nagios")
    first, *rest = done.stdout.splitlines()
    assert done.code == 1 and first.startswith("WARNING: ") and first.count("|") == 1, str(done)
    text, data = first.split(" | ")
    pairs = re.findall(r"('[^'=]+'|[a-z_]+)=([0-9.]+)(s?)(?: |$)", data)
    assert " ".join(f"{label}={value}{unit}" for label, value, unit in pairs) == data
    assert dict((label, value) for label, value, _ in pairs)["down"] == "1"
    assert f"'db.svc.example.com {DB} tcp:5432'" in data and "checks ok" in text
    assert any("DOWN" in line and DB2 in line for line in rest) and not any("|" in line for line in rest)


def test_prometheus(story):
    degraded(story)
    done = story.verify("--output", "prometheus")
    samples, families = {}, {}
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            _, kind, name, text = line.split(" ", 3)
            families.setdefault(name, {})[kind] = text
            continue
        assert re.fullmatch(r'[a-z_]+(\{([a-z_]+="[^"\\\n]*",?)+\})? -?[0-9.]+', line), line
        name = re.match(r"[a-z_]+", line).group()
        assert families[name].keys() == {"HELP", "TYPE"}, line
        labels, value = line[len(name):].rsplit(" ", 1)
        assert (name, labels) not in samples
        samples[name, labels] = float(value)
    up = f'{{service="db.svc.example.com",address="{DB}",check="tcp:5432"}}'
    assert samples["hostspin_verify_address_up", up] == 1
    assert samples["hostspin_verify_address_up", up.replace(DB, DB2)] == 0
    assert samples["hostspin_verify_exit_code", ""] == done.code == 1
    assert samples["hostspin_verify_block_in_sync", ""] == 1
    assert samples["hostspin_verify_probing_finished", ""] == 1
    assert samples["hostspin_verify_dns_server_up", f'{{server="{DNS2}"}}'] == 0
    ldap = f'{{service="ldap.example.com",address="{LDAP}",check="tls:636 ca=internal min_days_left=14"}}'
    assert samples["hostspin_verify_certificate_remaining_seconds", ldap] == 21 * 86400
    assert any(name == "hostspin_verify_probe_failure_info" and 'verdict="refused"' in labels for name, labels in samples)


def test_junit(story):
    black(story)
    done = story.verify("--output", "junit")
    suite = xml.fromstring(done.stdout).find("testsuite")
    cases = {(case.get("classname"), case.get("name")): case for case in suite.findall("testcase")}
    assert done.code == 2 and int(suite.get("tests")) == len(cases) == 6
    failed = {key: case.find("failure").get("type") for key, case in cases.items() if case.find("failure") is not None}
    assert failed == {("hosts file", "block"): "drift",
                      ("db.svc.example.com", f"{DB2}:5432 tcp:5432"): "refused",
                      ("api.svc.example.com", f"{API}:443 https:443/health ca=internal"): "tcp_timeout"}
    assert int(suite.get("failures")) == len(failed)
    assert "CRITICAL" in suite.find("system-out").text


@pytest.mark.parametrize("output, says", [
    ("nagios", "UNKNOWN: "), ("prometheus", "hostspin_verify_exit_code 3\n"), ("junit", '<error type="bad_config"'),
    ("json", '"exit_code": 3'), ("text", "UNKNOWN: ")])
def test_every_format_says_that_it_could_not_judge(story, output, says):
    story.machine.configure(text="nonsense = 1\n")
    done = story.verify("--output", output)
    assert done.code == 3 and says in done.stdout and len(done.lines("error")) == 1, str(done)


def test_what_this_machine_cannot_judge_is_no_fault_of_a_service(story):
    """A CA bundle that is not configured: skipped and said, 1 beside what was judged, 3 where nothing was."""
    story.machine.configure(text="")
    done = story.verify("--no-resolver")
    lines = [line for line in done.stdout.splitlines() if line.startswith("SKIP")]
    assert done.code == 1 and len(lines) == 2 and "DOWN" not in done.stdout, str(done)
    assert all("has no [tls.ca] internal" in line and "- internal:" not in line and "not_tried" not in line for line in lines)
    assert story.verify("--no-resolver", "ldap.example.com").code == 3
    story.refuse(DB)
    story.refuse(DB2)
    assert story.verify("--no-resolver").code == 2
    suite = xml.fromstring(story.verify("--no-resolver", "--output", "junit").stdout).find("testsuite")
    assert (suite.get("skipped"), suite.get("failures")) == ("2", "2")


def test_explained(story):
    """What the kernel and the routers on the way know of one name's failure."""
    black(story)
    done = story.verify("--explain", "api.svc.example.com", "--no-resolver")
    lines = done.stdout.splitlines()
    assert done.code == 2 and any("tcp_timeout" in line and f"{API}:443" in line for line in lines), str(done)
    assert "dev lo" in done.stdout and "4 attempts unanswered" in done.stdout, str(done)
    assert all(len(line) <= COLUMNS_MAX for line in lines) and DB not in done.stdout, str(done)
    unknown = story.verify("--explain", "nobody.example.com")
    assert unknown.code == 3 and "nobody.example.com" in unknown.stderr, str(unknown)


def test_watch_appends_where_there_is_no_terminal(story):
    child = subprocess.Popen(story.command("--watch", "--no-resolver"), stdout=subprocess.PIPE, env=clean_environment())
    rounds = []
    try:
        for line in child.stdout:
            assert b"\033" not in line
            rounds.append(line.decode()) if line.startswith((b"OK: ", b"WARNING: ", b"CRITICAL: ")) else None
            if len(rounds) == 1 and rounds[0].startswith("OK: "):
                story.refuse(DB2)
            if len(rounds) == 3 or rounds[-1].startswith("WARNING: "):
                break
    finally:
        child.kill()
        child.communicate()
    assert rounds[0].startswith("OK: ") and rounds[-1].startswith("WARNING: "), rounds


def test_watch_paints_over_on_a_terminal(story):
    rows, columns = 12, 120
    reader, writer = os.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    child = subprocess.Popen(story.command("--watch", "--no-resolver"), stdout=writer, stderr=subprocess.DEVNULL,
                             env=clean_environment(TERM="xterm"))
    os.close(writer)
    seen = b""
    try:
        while seen.count(b"\033[J") < 2:
            seen += os.read(reader, 4096)
    finally:
        child.kill()
        child.wait(timeout=10)
        os.close(reader)
    screen = seen.split(b"\033[J")[0]
    assert screen.startswith(b"\033[H") and b"\033[1;32mok\033[0m" in screen, screen
    assert screen.count(b"\n") < rows


def test_watch_is_for_people(story):
    done = story.verify("--watch", "--output", "json")
    assert done.code == 3 and "--watch" in done.stderr, str(done)


def test_names_choose_what_is_asked(story):
    black(story)
    done = story.verify("ldap.example.com", "--output", "json")
    told = json.loads(done.stdout)
    assert {one["service"] for one in told["checks"]} == {one["name"] for one in told["resolver"]} == {"ldap.example.com"}


def test_long_names_leave_room_for_address_and_cause(story, fleet):
    long_name = "a" * 60 + "." + "b" * 60 + ".svc.example.com"
    v6 = "2001:db8:10:1111:2222:3333:4444:5555"
    manifest = fleet.manifest(13, services=[
        service(long_name, ["10.0.2.1", v6], check=Raw("{ tcp = 5432 }")),
        *[service(f"{'c' * 50}{n}.svc.example.com", ["10.0.2.2"], check=Raw("{ tcp = 1 }")) for n in range(5)]])
    story.machine.trust(fleet.root(), manifest)
    story.machine.hostspin("apply")
    story.namespace.run("ip", "route", "del", "default")
    done = story.verify("--no-resolver")
    lines = done.stdout.splitlines()
    assert done.code == 2 and max(map(len, lines)) <= COLUMNS_MAX, str(done)
    down = [line for line in lines if line.startswith("DOWN")]
    assert len(down) == 7 and all("no_route" in line for line in down), str(done)
    assert f"[{v6}]:5432" in down[1], str(done)


# --- the two ways to the workers ---------------------------------------------------------------------------

def test_both_ways_to_the_workers_give_the_same(story):
    """By fork, and through sockets as systemd's units give them: the same verdicts, answers and exit code."""
    if not shutil.which("systemd-socket-activate", path=clean_environment()["PATH"]):
        raise Unavailable("needs systemd-socket-activate")
    black(story)
    libexec = story.programs.net.parent
    *prefix, script = story.command("--output", "json")
    # An instance for each connection, as an unprivileged user whose standard input and output is the connection.
    listen = "; ".join(
        f"systemd-socket-activate --accept --inetd --listen /run/hostspin-{name}.sock setpriv --reuid {NOBODY} "
        f"--regid {NOBODY} --clear-groups {libexec}/hostspin-{name} 2>/run/{name}.log & pids=\"$pids $!\""
        for name in ("net", "ask"))
    by_socket = "; ".join([
        "mount -t tmpfs none /run", listen,
        "until [ -S /run/hostspin-net.sock ] && [ -S /run/hostspin-ask.sock ]; do sleep 0.05; done",
        script.replace("exec ", ""), "code=$?", "kill $pids", "cat /run/net.log >&2", "exit $code"])
    forked, reached = run([*prefix, script]), run([*prefix, by_socket])
    assert reached.stderr.count("Spawned") >= 1, str(reached)

    def essence(done):
        told = json.loads(done.stdout)
        for check in told["checks"]:
            for varying in ("elapsed_ms", "rtt_us"):
                del check[varying]
        del told["block"]
        return told
    assert forked.code == reached.code == 2 and essence(forked) == essence(reached), f"{forked}{reached}"
