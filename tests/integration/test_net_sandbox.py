"""The running worker, as /proc shows it; tests/unit/net_sandbox_test.cc tries the doors from inside."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from net_support import Session, ask, fetch, probe
from support.process import clean_environment
from support.worker_user import UNNAMED, worker_identity


@pytest.fixture
def running(programs):
    """A worker that has read its start line and answered a first request; it was given one descriptor too
    many."""
    session = Session(programs.net, prefix=["sh", "-c", 'exec 7</etc/passwd; exec "$@"', "sh"])
    session.send(probe(1, "127.0.0.1", "quic", 1))
    while not session.answers.results:
        session.read_one()
    if session.answers.sanitized:
        session.finish()
        pytest.skip("built with a sanitizer, which the sandbox would break")
    yield session
    session.finish()


def status(pid: int) -> dict:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_the_running_worker_has_no_rights(running):
    shown = status(running.process.pid)
    assert running.answers.lacks == []
    assert "0" not in shown["Uid"].split() and "0" not in shown["Gid"].split()
    if os.geteuid() == 0:
        assert shown["Uid"].split() == [str(worker_identity())] * 4 and shown["Groups"].strip() == ""
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(shown[kind], 16) == 0
    assert shown["NoNewPrivs"] == "1"
    assert shown["Seccomp"] == "2"


def test_the_running_worker_has_few_descriptors(running, programs):
    if os.geteuid() != 0:
        pytest.skip("needs root, to look into a process that is not dumpable")
    descriptors = Path(f"/proc/{running.process.pid}/fd")
    kinds = sorted(os.readlink(one).split(":")[0] for one in descriptors.iterdir())
    # epoll, the stream with standard error, and two ends of libcurl's own, to wake itself up: the portable one has none
    assert kinds == ["anon_inode", "pipe", "pipe", "pipe", *([] if programs.is_portable else ["socket", "socket"])]


@pytest.mark.parametrize("identity", [65534, 1])
def test_it_runs_as_any_user(programs, identity):
    """As systemd starts it: with no right from the start."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    answers = ask(programs.net, [probe(1, "127.0.0.1", "quic", 1)],
                  prefix=["setpriv", f"--reuid={identity}", f"--regid={identity}", "--clear-groups",
                          "--inh-caps=-all", "--bounding-set=-all"])
    assert answers[1]["verdict"] == "unsupported" and answers.lacks == []


def test_root_that_cannot_become_another_says_so(programs):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    answers = ask(programs.net, [probe(1, "127.0.0.1", "quic", 1)],
                  prefix=["setpriv", "--inh-caps=-all", "--bounding-set=-setuid,-setgid"])
    assert answers[1]["verdict"] == "unsupported"
    assert answers.lacks == ["sandbox: this process runs as root and cannot change that"]


@pytest.mark.parametrize("worker", ["net", "ask"])
def test_root_for_whom_no_user_is_free_is_refused(programs, tmp_path, worker):
    """Rather than to go on as root. The passwd file is that of a mount namespace of the test's own."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0::/:/bin/sh\n" + "".join(f"u{n}:x:{n}:{n}::/:/bin/sh\n" for n in UNNAMED))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/passwd && exec "$2"', "sh", passwd,
         getattr(programs, worker)],
        input=f'{{"hostspin-{worker}":2,"deadline_ms":50}}\n', capture_output=True, text=True, timeout=30,
        env=clean_environment())
    assert done.returncode == 3 and done.stdout == "", str(done)
    assert done.stderr.splitlines() == [
        f"hostspin-{worker}: error: no user is free for the workers: 61170 to 61183 are all taken",
        f"hostspin-{worker}: hint: add the system user _hostspin"]


def test_one_socket_for_both_directions(programs):
    """As behind a socket unit with Accept=yes: standard input and output are one connection."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            worker = subprocess.Popen([programs.net], stdin=theirs, stdout=theirs, env=clean_environment())
        ours.sendall(b'{"hostspin-net":2,"deadline_ms":3000}\n'
                     b'{"probe":{"id":1,"address":"127.0.0.1","check":{"kind":"quic","port":1}}}\n')
        first = b""
        while b'"id":1' not in first:  # a notice may come before
            first = ours.recv(1000)
        assert b'"unsupported"' in first and b'"end"' not in first
        # Still open: more may come. Half-closed: nothing more will.
        ours.sendall(b'{"probe":{"id":2,"address":"127.0.0.1","check":{"kind":"quic","port":1}}}\n')
        assert b'"id":2' in ours.recv(1000)
        ours.shutdown(socket.SHUT_WR)
        assert ours.recv(1000) == b'{"end":true}\n'
        assert ours.recv(1000) == b""
        assert worker.wait(timeout=5) == 0


def test_a_socket_that_is_closed_ends_the_worker(programs):
    ours, theirs = socket.socketpair()
    with theirs:
        worker = subprocess.Popen([programs.net], stdin=theirs, stdout=theirs, env=clean_environment())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ours.sendall(b'{"hostspin-net":2,"deadline_ms":60000}\n'
                     b'{"fetch":{"id":1,"source":0,"url":"http://127.0.0.1:%d/"}}\n' % silent.getsockname()[1])
        silent.accept()
        ours.close()
        assert worker.wait(timeout=5) == 0


def test_a_slow_reader_gets_everything(programs):
    """More results than a pipe holds, read late."""
    session = Session(programs.net, deadline_ms=120000)
    session.send(*[probe(n, "127.0.0.1", "quic", 1) for n in range(5000)])
    session.finish_input()
    with pytest.raises(subprocess.TimeoutExpired):
        session.process.wait(timeout=0.5)  # it waits for its reader
    answers = session.finish()
    assert len(answers.results) == 5000 and answers.ended and answers.code == 0


@pytest.mark.parametrize("worker, version, request_line", [
    ("net", 2, probe(1, "127.0.0.1", "quic", 1)),
    ("ask", 1, {"ask": {"id": 1, "name": "localhost", "database": "files", "family": "any"}}),
], ids=["net", "ask"])
def test_a_full_log_costs_no_verdict(programs, tmp_path, worker, version, request_line):
    """Standard error is a file that may not grow: what is said there is lost, and the answers are not."""
    start = {f"hostspin-{worker}": version, "deadline_ms": 5000}
    text = "".join(json.dumps(line) + "\n" for line in (start, request_line)) + "nonsense\n"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([getattr(programs, worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=log, env=clean_environment())
        process.stdin.write(text.encode().removesuffix(b"nonsense\n"))
        process.stdin.flush()
        line = process.stdout.readline()
        while b'"id":1' not in line:
            assert b"notice" in line
            line = process.stdout.readline()
        process.communicate(b"nonsense\n", timeout=20)
    assert process.returncode > 0, "it ended by a signal"


@pytest.mark.parametrize("worker", ["net", "ask"])
def test_no_answers_into_a_file(programs, tmp_path, worker):
    with open(tmp_path / "out", "wb") as out:
        done = subprocess.run([getattr(programs, worker)], input=b"", stdout=out, stderr=subprocess.PIPE, timeout=20,
                              env=clean_environment(), check=False)
    assert done.returncode == 2 and b"standard output is a file; use a pipe" in done.stderr


FORBIDDEN = ["169.254.169.254", "169.254.1.1", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fe80::1",
             "::ffff:169.254.169.254", "224.0.0.1"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_request_reaches_the_link_or_a_metadata_service(programs, address):
    """Whoever asks for it; only credentials for S3 are fetched there, and by nobody's request."""
    host = f"[{address}]" if ":" in address else address
    session = Session(programs.net)
    session.send(probe(1, address, "tcp", 80), fetch(2, f"http://{host}/latest/meta-data/"),
                 fetch(3, "http://mirror.example.com/", address),
                 fetch(4, "http://192.0.2.1/", proxy=f"http://{host}:3128"))
    answers = session.finish()
    assert answers[1]["verdict"] == "local_firewall"
    assert [answers[number]["reason"] for number in (2, 3, 4)] == ["local_firewall"] * 3
    assert all("not asked" in answers[number]["detail"] for number in (1, 2, 3, 4))
    assert answers.code == 0 and answers.ended
    said = [notice for notice in answers.notices if notice.startswith("addresses: ")]
    assert len(said) == 1 and "by this process alone" in said[0]
