"""hostspin-ask in a namespace whose hosts file, switch and DNS are the test's own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.namespace import Namespace, propagation
from support.process import clean_environment
from support.worker_user import worker_identity

DNS_ADDRESS = "127.0.0.53"
NAME = "db.svc.example.com"
PINNED = "10.9.0.99"
RECORDS = {NAME: ["10.9.0.2", "fd09::2"], "alias.example.net": ["10.9.0.3"]}
SECONDS_MAX = 30


def start_line(deadline_ms: int = 10000) -> dict:
    return {"hostspin-ask": 1, "deadline_ms": deadline_ms}


def ask(number: int, database: str, family: str = "any", name: str = NAME) -> dict:
    return {"ask": {"id": number, "name": name, "database": database, "family": family}}


class ResolverMachine:
    """A network and mount namespace: what the resolver reads is bound over the machine's files for the
    worker alone."""

    def __init__(self, path: Path, programs):
        self.path, self.ask = path, programs.ask
        self.namespace = Namespace()
        self.server = None
        self.bound = {}
        self.put("hosts", f"127.0.0.1 localhost\n{PINNED} {NAME}\n")
        self.put("nsswitch.conf", "hosts: files dns\n")
        self.put("resolv.conf", f"nameserver {DNS_ADDRESS}\n")
        self.put("host.conf", "multi on\n")
        path.chmod(0o755)

    def put(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o644)

    def bind(self, file: Path, over: Path) -> None:
        self.bound[file] = over

    def serve(self, records) -> "ResolverMachine":
        self.server = subprocess.Popen(
            [*self.namespace.prefix(), sys.executable, Path(__file__).parent / "support/dns_server.py",
             DNS_ADDRESS, "53", json.dumps(records)], stdout=subprocess.PIPE, env=clean_environment())
        assert self.server.stdout.readline() == b"ready\n"
        return self

    def command(self) -> list:
        binds = " && ".join(f"mount --bind {self.path}/{name} $(readlink -f /etc/{name})"
                            for name in ("hosts", "nsswitch.conf", "resolv.conf", "host.conf"))
        binds += "".join(f" && mount --bind {file} {over}" for file, over in self.bound.items())
        return [*self.namespace.prefix(), "unshare", "--mount", "--propagation", propagation(), "--",
                "sh", "-c", f"{binds} && exec {self.ask}"]

    def start(self, **environment) -> subprocess.Popen:
        return subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=clean_environment(**environment))

    def run(self, *lines: dict, **environment) -> "Answers":
        worker = self.start(**environment)
        begin = time.monotonic()
        text = "".join(json.dumps(line) + "\n" for line in lines)
        out, err = worker.communicate(text.encode(), timeout=SECONDS_MAX)
        return Answers(worker.returncode, out.decode(), err.decode(), time.monotonic() - begin)

    def close(self) -> None:
        if self.server:
            self.server.terminate()
            self.server.wait(timeout=10)
            self.server.stdout.close()
        self.namespace.close()


class Answers:
    def __init__(self, code: int, out: str, err: str, seconds: float):
        self.code, self.err, self.seconds = code, err, seconds
        lines = [json.loads(line) for line in out.splitlines()]
        self.ended = bool(lines) and lines[-1] == {"end": True}
        self.results = {line["ask"]["id"]: line["ask"] for line in lines if "ask" in line}
        self.count = sum("ask" in line for line in lines)

    def said(self, number: int) -> tuple:
        result = self.results[number]
        return (result["status"], *result["addresses"])


@pytest.fixture
def resolver(tmp_path, programs):
    made = ResolverMachine(tmp_path, programs)
    yield made
    made.close()


def test_three_answers_about_one_name(resolver):
    answers = resolver.serve(RECORDS).run(
        start_line(), ask(1, "files"), ask(2, "dns"), ask(3, "system"), ask(4, "system", "inet6"),
        ask(5, "files", "inet6"), ask(6, "dns", "inet"), ask(7, "files", name="other.example.com"),
        ask(8, "dns", name="other.example.com"))
    assert (answers.code, answers.ended, answers.count) == (0, True, 8), answers.err
    assert answers.said(1) == ("found", PINNED)
    assert answers.said(2) == ("found", "10.9.0.2", "fd09::2")
    assert answers.said(3) == ("found", PINNED)
    # The family that is not pinned goes on to DNS: what the one-family question is asked for.
    assert answers.said(4) == ("found", "fd09::2")
    assert answers.said(5) == ("not_found",)
    assert answers.said(6) == ("found", "10.9.0.2")
    assert answers.said(7) == ("not_found",)
    assert answers.said(8) == ("not_found",)


MODULE = r"""
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <string.h>
// An answer to each question for IPv4 addresses: 10.9.0.44.
enum nss_status _nss_hesiod_gethostbyname2_r(const char* name, int family, struct hostent* host, char* bytes,
                                             size_t size, int* error, int* host_error) {
  static char* none[] = {NULL};
  if (family != 2 || size < 64) {
    *error = ENOENT;
    *host_error = HOST_NOT_FOUND;
    return NSS_STATUS_NOTFOUND;
  }
  char** list = (char**)(((unsigned long)bytes + 15) & ~15UL);
  char* address = (char*)(list + 2);
  memcpy(address, "\012\011\000\054", 4);
  list[0] = address;
  list[1] = NULL;
  host->h_name = (char*)name;
  host->h_aliases = none;
  host->h_addrtype = 2;
  host->h_length = 4;
  host->h_addr_list = list;
  return NSS_STATUS_SUCCESS;
}
"""


def test_a_module_is_loaded_within_the_sandbox(resolver):
    """As sssd's, systemd-resolved's or avahi's: by dlopen(3), while the question is asked."""
    (found,) = Path("/usr/lib").glob("*/libnss_hesiod.so.2")  # the C library's own, whose place it takes
    (resolver.path / "module.c").write_text(MODULE)
    module = resolver.path / "libnss_hesiod.so.2"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", module, resolver.path / "module.c"], check=True,
                   env=clean_environment())
    resolver.put("nsswitch.conf", "hosts: hesiod\n")
    resolver.bind(module, found)
    answers = resolver.run(start_line(), ask(1, "system", "inet"), ask(2, "files"))
    assert answers.said(1) == ("found", "10.9.0.44")
    assert answers.said(2) == ("found", PINNED)


def test_the_system_is_asked_as_it_is_configured(resolver):
    resolver.put("nsswitch.conf", "hosts: dns files\n")
    answers = resolver.serve(RECORDS).run(start_line(), ask(1, "system"), ask(2, "files"))
    assert answers.said(1) == ("found", "10.9.0.2", "fd09::2")
    assert answers.said(2) == ("found", PINNED)


def test_every_line_of_a_name_is_seen_or_the_first_as_host_conf_says(resolver):
    resolver.put("hosts", f"10.9.0.8 {NAME}\n10.9.0.7 {NAME}\n10.9.0.8 {NAME}\n")
    assert resolver.run(start_line(), ask(1, "files")).said(1) == ("found", "10.9.0.7", "10.9.0.8")
    resolver.put("host.conf", "multi off\n")
    assert resolver.run(start_line(), ask(1, "files")).said(1) == ("found", "10.9.0.8")


def test_no_more_addresses_than_the_protocol_takes(resolver):
    resolver.put("hosts", "".join(f"10.9.1.{number} {NAME}\n" for number in range(1, 101)))
    status, *addresses = resolver.run(start_line(), ask(1, "files")).said(1)
    assert (status, len(addresses)) == ("found", 64)


def test_a_question_about_files_sends_nothing(resolver):
    answers = resolver.run(start_line(), ask(1, "files"), ask(2, "files", name="other.example.com"))
    assert answers.said(1) == ("found", PINNED)
    assert resolver.namespace.packets_to_port_53() == 0


def test_a_silent_dns_stalls_its_own_questions_alone(resolver):
    names = [f"name-{number}.example.com" for number in range(10)]
    answers = resolver.serve(None).run(
        start_line(), *[ask(number, "dns", name=name) for number, name in enumerate(names)],
        ask(100, "system", "inet6"), ask(101, "system", "inet"), ask(102, "files"))
    assert answers.ended and answers.count == 13
    assert {answers.said(number) for number in range(10)} == {("stalled",)}
    assert answers.said(100) == ("stalled",)
    assert answers.said(101) == ("found", PINNED)
    assert answers.said(102) == ("found", PINNED)
    assert all(1500 <= answers.results[number]["elapsed_ms"] < 2500 for number in range(10))
    assert answers.seconds < 4
    # What could stall was asked last: the others were not kept waiting.
    assert max(answers.results[number]["elapsed_ms"] for number in (101, 102)) < 1000


def test_a_refusing_dns_is_no_answer_about_the_name(resolver):
    # Nothing listens there: the kernel refuses at once.
    answers = resolver.run(start_line(), ask(1, "dns"), ask(2, "files"))
    assert answers.said(1) == ("failed",)
    assert answers.said(2) == ("found", PINNED)


def test_the_deadline_ends_more_questions_than_time_allows(resolver):
    questions = [ask(number, "dns", name=f"name-{number}.example.com") for number in range(300)]
    answers = resolver.serve(None).run(start_line(1000), *questions)
    assert answers.code == 0 and answers.ended and answers.count == 300
    statuses = [answers.said(number)[0] for number in range(300)]
    assert statuses.count("stalled") == 32  # as many as were under way
    assert statuses.count("failed") == 268
    assert 1.0 <= answers.seconds < 2.5


def test_many_questions_are_all_answered(resolver):
    answers = resolver.run(start_line(30000), *[ask(number, "files") for number in range(2000)])
    assert answers.ended and answers.count == 2000
    assert {answers.said(number) for number in range(2000)} == {("found", PINNED)}


def test_the_environment_bends_no_answer(resolver, tmp_path):
    resolver.put("aliases", "db alias.example.net\n")
    bent = {"LOCALDOMAIN": "svc.example.com", "HOSTALIASES": str(tmp_path / "aliases"), "RES_OPTIONS": "ndots:0"}
    answers = resolver.serve(RECORDS).run(start_line(), ask(1, "dns", name="db"), **bent)
    assert answers.said(1) == ("not_found",)


@pytest.mark.parametrize("text, reason", [
    ("", "no first line came"),
    ("nonsense\n", ""),
    (json.dumps(ask(1, "files")) + "\n", "the first line"),
    ((json.dumps(start_line()) + "\n") * 2, "the first line"),
    (json.dumps(start_line()) + "\n" + json.dumps(ask(1, "files")), "stops in a line"),
    (json.dumps(start_line()) + "\n" + "x" * 5000, "too long"),
    (json.dumps(start_line()) + "\n" + '{"ask":{"id":1,"name":"UPPER.example","database":"files","family":"any"}}\n',
     ""),
])
def test_wrong_input_is_refused_without_an_end(programs, text, reason):
    done = subprocess.run([programs.ask], input=text.encode(), capture_output=True, timeout=SECONDS_MAX,
                          env=clean_environment(), check=False)
    assert done.returncode == 2
    assert b'"end"' not in done.stdout
    assert reason in done.stderr.decode()


def status_of(process: int) -> dict:
    text = Path(f"/proc/{process}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_no_rights_and_no_new_ones(programs):
    if os.geteuid() != 0:
        pytest.skip("needs root, whose rights are given up")
    worker = subprocess.Popen([programs.ask], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
    with worker:
        # An answer shows that the sandbox is complete.
        worker.stdin.write((json.dumps(start_line()) + "\n" + json.dumps(ask(1, "files")) + "\n").encode())
        worker.stdin.flush()
        while not (line := worker.stdout.readline()).startswith(b'{"ask"'):
            assert line.startswith(b'{"notice"')
        status = status_of(worker.pid)
        assert status["Uid"].split() == status["Gid"].split() == [str(worker_identity())] * 4
        assert status["Groups"].strip() == ""
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        environment = Path(f"/proc/{worker.pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", environment)
        worker.stdin.close()
        assert worker.stdout.read() == b'{"end":true}\n'


def test_a_killed_worker_leaves_no_child(resolver):
    worker = resolver.serve(None).start()
    with worker:
        lines = [start_line(), ask(1, "files"), *[ask(number, "dns") for number in range(2, 20)]]
        worker.stdin.write("".join(json.dumps(line) + "\n" for line in lines).encode())
        worker.stdin.flush()
        while b'"id":1,' not in worker.stdout.readline():  # after it the others are under way
            pass
        worker.send_signal(signal.SIGKILL)
        begin = time.monotonic()
        # Each child holds the worker's standard error: its end is the last child's.
        assert worker.stderr.read() == b""
        assert time.monotonic() - begin < 1
        assert worker.wait(timeout=10) == -signal.SIGKILL


def test_it_links_the_resolver_and_little_else(programs):
    symbols = subprocess.run(["nm", "-D", "--undefined-only", programs.ask], capture_output=True, check=True,
                             env=clean_environment()).stdout.decode()
    assert re.search(r"\bgetaddrinfo\b", symbols)
    dynamic = subprocess.run(["readelf", "-d", programs.ask], capture_output=True, check=True,
                             env=clean_environment()).stdout.decode()
    libraries = re.findall(r"\(NEEDED\).*\[(.*?)\]", dynamic)
    assert libraries
    known = ("libc.", "ld-linux", "libseccomp.", "libstdc++.", "libgcc_s.", "libm.", "libasan.", "libubsan.")
    assert [name for name in libraries if not name.startswith(known)] == []
