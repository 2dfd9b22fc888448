"""`hostspin runbook`: a page for people, whose commands can be pasted as they stand."""

import html.parser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.certificates import Authority
from support.chronyd import TimeService, chronyd
from support.fleet import Raw, service
from support.machine import Machine
from support.namespace import Namespace, propagation
from support.process import clean_environment

NASTY = "<b>$(touch /tmp/x)</b> `id` 'q' & \"d\" *md* [x](y)"
SERVICES = [
    service("db.svc.example.com", ["10.0.0.10", "2001:db8:10::1"], owner="data team", description=NASTY,
            runbook="https://wiki.example.com/db?a=1&b=2", aliases=["db1.svc.example.com"],
            check=Raw('[{ tcp = 5432 }, { tls = 5433, server_name = "tls.example.com", ca = "internal", min_days_left = 14 }]')),
    service("ldap.example.com", ["10.0.0.20"]),
    service("api.svc.example.com", ["10.0.0.30"], check=Raw(
        '[{ https = 8443, path = "/health?x=1&y=2", host = "virtual.example.com", server_name = "api.example.com",'
        ' ca = "internal", contains = "it\'s up" }, { grpc = 50051, service = "pay.Ledger" }, { http = 80, status = [204] }]')),
    service("time", ["10.0.0.40"], check=Raw("{ ntp = 123 }")),
    service("later.svc.example.com", ["10.0.0.50"], check=Raw('{ "<i>*k*</i>[a](b)" = 1 }')),
]


@pytest.fixture
def page(tmp_path, programs, fleet):
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), fleet.manifest(12, SERVICES))
    machine.configure(text='[tls.ca]\ninternal = "/etc/ssl/our own.pem"\n')

    def write(form: str) -> str:
        done = machine.hostspin("runbook", "--format", form)
        assert done.code == 0 and done.stderr == "", str(done)
        return done.stdout
    return write


class Reader(html.parser.HTMLParser):
    """The commands of the HTML page, and its elements; a well-formed page closes what it opens."""

    def __init__(self, text: str):
        super().__init__()
        self.commands, self.open, self.seen, self.text = [], [], set(), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)
        if tag == "pre":
            self.commands.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "pre" in self.open:
            self.commands[-1] += data


def commands(form: str, text: str) -> list:
    if form == "html":
        return [one for one in Reader(text).commands if "\n" not in one.strip()]
    start = "    $ " if form == "text" else "      "
    return [line[len(start):] for line in text.splitlines() if line.startswith(start) and line[len(start):].strip()]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_the_commands_are_the_same_in_every_form_and_can_be_pasted(page, form):
    found = commands(form, page(form))
    assert found == commands("text", page("text")) and len(found) == 9
    for command in found:
        parsed = subprocess.run(["sh", "-n", "-c", command], env=clean_environment(), check=False)
        assert parsed.returncode == 0, command
    curl = next(shlex.split(one) for one in found if "8443" in one)
    assert curl[curl.index("--resolve") + 1] == "api.example.com:8443:10.0.0.30"
    assert curl[curl.index("--cacert") + 1] == "/etc/ssl/our own.pem"
    assert curl[curl.index("-H") + 1] == "Host: virtual.example.com"
    assert curl[-1] == "https://api.example.com:8443/health?x=1&y=2"
    assert any(one.startswith("openssl s_client -connect '[2001:db8:10::1]:5433' -servername tls.example.com") for one in found)
    # None of them leaves a name for a resolver.
    assert all(re.search(r"10\.0\.0\.|2001:db8", one) for one in found)


def test_foreign_text_stays_text(page):
    reader = Reader(page("html"))
    assert NASTY in reader.text and reader.open == [] and not reader.seen & {"b>$", "script", "a", "i"}
    for form in ("html", "markdown", "text"):  # an unknown kind of check is no markup in any of them
        assert "<i>" not in page(form) and "*k*" not in page(form) and "[a](b)" not in page(form)
    assert "&lt;b&gt;$(touch /tmp/x)" in page("html")
    assert "\\<b\\>$\\(touch /tmp/x\\)\\</b\\>" in page("markdown")


def test_a_sheet_of_paper_holds_the_words(page):
    words = [line for line in page("text").splitlines() if not line.startswith(" ")]
    assert max(map(len, words)) <= 80, max(words, key=len)
    assert "@media print" in page("html") and "break-inside:avoid" in page("html")


def test_what_a_person_must_compare_is_said(page):
    text = page("text")
    for part in ("a certificate for 14 more days", "the text ", "s up", "SERVING for 'pay.Ledger'", "status 204",
                 "10.0.0.10 db.svc.example.com db1.svc.example.com"):
        assert part in text, part


DB, DB6, API, TIME = "10.0.0.10", "2001:db8:10::1", "10.0.0.30", "10.0.0.40"
TIME_PORT = 1123
PROXIES = {name: "http://proxy.example.com:3128" for name in (
    "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY")}


def test_every_command_works_with_dns_dead_and_proxies_set(tmp_path, programs, fleet):
    """Each command is run as it stands, against real services of a namespace whose port 53 answers nobody."""
    for tool in ("curl", "nc", "openssl"):
        if not shutil.which(tool, path=clean_environment()["PATH"]):
            pytest.skip(f"needs the program {tool}")
    time_program = Path(chronyd())
    authority = Authority()
    pair = list(map(str, authority.issue(tmp_path, "api", ["api.svc.example.com"])))
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), fleet.manifest(12, [
        service("db.svc.example.com", [DB, DB6], check={"tcp": 5432}),
        service("api.svc.example.com", [API], check=Raw(
            '[{ http = 80, host = "virtual.example.com" }, { https = 8443, ca = "internal" }, { tls = 8443, ca = "internal" }]')),
        service("time", [TIME], check={"ntp": TIME_PORT})]))
    machine.configure(text=f'[tls.ca]\ninternal = "{machine.put("ca.pem", authority.pem)}"\n')
    found = commands("text", machine.hostspin("runbook").stdout)
    assert len(found) == 6

    (tmp_path / "resolv.conf").write_text("nameserver 10.0.0.53\n")  # nobody
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    (tmp_path / "passwd").write_text(Path("/etc/passwd").read_text() + "_chrony:x:64999:64999::/:/usr/sbin/nologin\n")
    (tmp_path / "group").write_text(Path("/etc/group").read_text() + "_chrony:x:64999:\n")
    binds = " && ".join(f"mount --bind {tmp_path}/{name} $(readlink -f /etc/{name})"
                        for name in ("resolv.conf", "nsswitch.conf", "passwd", "group"))
    namespace = Namespace([DB, DB6, API, TIME])
    servers = subprocess.Popen(
        [*namespace.prefix(), sys.executable, str(Path(__file__).with_name("plain_services.py")), json.dumps([
            [DB, 5432, None], [DB6, 5432, None], [API, 80, None], [API, 8443, pair]])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
    clock = TimeService(tmp_path / "chrony", namespace, TIME, TIME_PORT, "local stratum 10")
    environment = {**clean_environment(), **PROXIES}
    environment["PATH"] = f"{environment['PATH']}:{time_program.parent}"

    def typed(command):
        return subprocess.run(
            [*namespace.prefix(), "unshare", "--mount", "--propagation", propagation(), "--", "sh", "-c",
             f"mount -t tmpfs none /run && {binds} && {command}"],
            env=environment, capture_output=True, text=True, timeout=30, check=False)

    try:
        assert servers.stdout.readline() == b"ready\n"
        (of_time,) = (one for one in found if one.startswith("chronyd"))
        clock.wait_for(lambda: typed(of_time).returncode == 0)
        for command in found:
            done = typed(command)
            assert done.returncode == 0, (command, done)
            assert "curl" not in command or done.stdout == "200\n", (command, done)
        assert namespace.packets_to_port_53() == 0
    finally:
        clock.close()
        servers.kill()
        servers.communicate()
        namespace.close()
