"""`hostspin runbook`: a page for people, whose commands can be pasted as they stand."""

import html.parser
import re
import shlex
import subprocess

import pytest
from support.fleet import Raw, service
from support.machine import Machine
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
