"""A slip of the finger: the nearest command, option, name or key is said, and the page that has it."""

import pytest
from desk_support import Desk
from support.fleet import Raw, service

HINTS = [
    (["verfiy"], "there is no command 'verfiy'", "did you mean 'verify'? 'hostspin --help' shows the commands"),
    (["reapir", "--dry-run"], "there is no command 'reapir'", "did you mean 'repair'? 'hostspin --help'"),
    (["trust", "rset"], "there is no command 'trust rset'", "did you mean 'reset'? 'hostspin trust --help' shows"),
    (["zap"], "there is no command 'zap'", "'hostspin --help' shows the commands"),
    (["help"], "there is no command 'help'", "'hostspin --help' shows the commands"),
    (["verify", "--ofline"], "there is no option '--ofline' of 'hostspin verify'",
     "did you mean '--offline'? 'hostspin verify --help' shows what it takes"),
    (["verify", "--explian=db"], "there is no option '--explian'", "did you mean '--explain'?"),
    (["refresh", "--form", "/media"], "there is no option '--form' of 'hostspin refresh'", "did you mean '--from'?"),
    (["--rot", "/tmp", "status"], "there is no option '--rot'", "did you mean '--root'?"),
    (["status", "--verbos"], "there is no option '--verbos' of 'hostspin status'", "did you mean '--verbose'?"),
    (["--all", "doctor"], "the option '--all' stands before its command", "put it after 'hostspin doctor'"),
    (["status", "db"], "'hostspin status' does not take the argument 'db'", "'hostspin status --help'"),
    (["verify", "--output", "jsno"], "--output must be text, json", "did you mean 'json'? 'hostspin verify --help'"),
    (["inspect"], "NOTE is required", "'hostspin inspect --help' shows what it takes"),
    ([], "subcommand is required", "'hostspin --help' shows the commands"),
]


@pytest.mark.parametrize("words, detail, hint", HINTS, ids=[" ".join(words) or "nothing" for words, *_ in HINTS])
def test_hostspin(machine, words, detail, hint):
    done = machine.hostspin(*words)
    assert done.code == 3 and done.stdout == "", str(done)
    (error,), (advice,) = done.lines("error"), done.lines("hint")
    assert detail in error and hint in advice, str(done)
    if "did you mean" not in hint:
        assert "did you mean" not in advice, str(done)


@pytest.mark.parametrize("name, meant", [
    ("db.svc.exmaple.com", "db.svc.example.com"), ("ldp.example.com", "ldap.example.com"), ("ldap", "ldap.example.com"),
    ("files.example.net", None)])
@pytest.mark.parametrize("option", [[], ["--explain"]])
def test_names_of_the_manifest(machine, fleet, name, meant, option):
    machine.trust(fleet.root(), fleet.manifest(4, [
        service("db.svc.example.com", ["10.0.0.10"]),
        service("other.svc.example.com", ["10.0.0.20"], aliases=["ldap.example.com"])]))
    done = machine.hostspin("verify", *option, name, "--no-resolver")
    (error,), (advice,) = done.lines("error"), done.lines("hint")
    assert done.code == 3 and f"no name '{name}'" in error, str(done)
    assert "'hostspin verify --all' lists every name" in advice
    assert ("did you mean" in advice) == (meant is not None)
    assert meant is None or f"did you mean '{meant}'?" in advice, str(done)


def test_a_ca_of_the_configuration(machine, fleet):
    machine.trust(fleet.root(), fleet.manifest(4, [
        service("db.svc.example.com", ["10.0.0.10"], check=Raw('{ tls = 9, ca = "internel" }'))]))
    machine.configure(text='[tls.ca]\ninternal = "/etc/ssl/internal.pem"\n')
    assert "has no [tls.ca] internel, but it has internal" in machine.hostspin("verify", "--output", "json").stdout


# --- the desk ----------------------------------------------------------------------------------------

@pytest.fixture
def desk(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign)


@pytest.mark.parametrize("words, detail, hint", [
    (["chekc", "f"], "there is no command 'chekc'", "did you mean 'check'? see 'hostspin-sign --help'"),
    (["root", "nxt"], "there is no command 'nxt'", "did you mean 'next'? see 'hostspin-sign root --help'"),
    (["check", "f", "--prevous", "g"], "--prevous", "did you mean '--previous'? see 'hostspin-sign check --help'"),
    (["bump", "f", "--quite"], "--quite", "did you mean '--quiet'? see 'hostspin-sign bump --help'"),
    (["import", "terrafrom", "/dev/null", "--fleet", "x"], "there is no kind 'terrafrom'", "did you mean 'terraform'?"),
    (["help"], "there is no command 'help'", "see 'hostspin-sign --help'"),
], ids=" ".join)
def test_hostspin_sign(desk, words, detail, hint):
    said = desk.refused(3, *words)
    assert detail in said.messages("error")[0] and hint in said.messages("hint")[0], str(said)
    if "did you mean" not in hint:
        assert "did you mean" not in said.err


@pytest.mark.parametrize("line, typed, detail, hint", [
    ('owner = "data"', 'ownre = "data"', "unknown key 'ownre'", "did you mean 'owner'? hostspin-manifest(5)"),
    ('addresses = ["10.0.0.10"]', 'adresses = ["10.0.0.10"]', "the key 'addresses' is missing",
     "is 'adresses' meant to be 'addresses'?"),
    ("check = { tcp = 5432 }", "check = { tpc = 5432 }", "unknown key 'tpc'", "did you mean 'tcp'?"),
    ("check = { http = 80, status = 200 }", "check = { http = 80, statsu = 200 }", "unknown key 'statsu'",
     "did you mean 'status'?"),
    ('owner = "data"', 'zebra = "data"', "unknown key 'zebra'", "hostspin-manifest(5)"),
], ids=["owner", "addresses", "tcp", "status", "zebra"])
def test_keys_of_a_draft(desk, line, typed, detail, hint):
    lines = ['name = "db.svc.example.com"', 'addresses = ["10.0.0.10"]', line]
    services = "\n".join(dict.fromkeys(lines)).replace(line, typed)
    desk.write("draft", f"""format = "hostspin-manifest/1"
fleet = "prod.example"
epoch = 1
version = 1
min_root = 1
issued = 2026-10-01T12:00:00Z
expires = 2026-10-31T12:00:00Z

[[service]]
{services}
""")
    said = desk.run("check", "draft")
    assert said.code != 0 and detail in said.err + said.text and hint in said.err + said.text, str(said)
    if "did you mean" not in hint:
        assert "did you mean" not in said.err
