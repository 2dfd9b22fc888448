"""A port that closes what it accepts is a warning in every output: a balancer without back ends does that."""

import json
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest
from support.fleet import Raw, service
from support.machine import Machine
from support.namespace import Namespace
from support.process import clean_environment

ADDRESS = "10.0.0.10"

CLOSING = """
import socket, struct, sys, threading
def run(listener, reset):
    while True:
        connection = listener.accept()[0]
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
for port in (5432, 5433):
    listener = socket.create_server((sys.argv[1], port), backlog=64)
    threading.Thread(target=run, args=(listener, port == 5433), daemon=True).start()
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path, programs, fleet):
    namespace = Namespace([ADDRESS])
    closing = subprocess.Popen([*namespace.prefix(), sys.executable, "-c", CLOSING, ADDRESS], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env=clean_environment())
    closing.stdout.readline()
    made = Machine(tmp_path / "machine", programs, namespace).trust(fleet.root(), fleet.manifest(1, services=[
        service("db.svc.example.com", [ADDRESS], check=Raw("[{ tcp = 5432 }, { tcp = 5433 }]"))]))
    made.configure()
    assert made.hostspin("apply").code == 0
    yield made
    closing.communicate()
    namespace.close()


def test_every_output_warns(machine):
    for _ in range(20):
        done = machine.hostspin("verify", "--no-resolver")
        assert done.code == 1 and done.stdout.startswith("WARNING"), done
        lines = [line for line in done.stdout.splitlines() if "closed_at_once" in line]
        assert [line.split()[0] for line in lines] == ["WARN", "WARN"], done
        words = " ".join(done.stdout.split())  # a line may be wrapped
        assert words.count("closed_at_once: accepts connections and closes them at once") == 2, done
    asked = {kind: machine.hostspin("verify", "--no-resolver", "--output", kind)
             for kind in ("json", "nagios", "prometheus", "junit")}
    assert {done.code for done in asked.values()} == {1}
    assert [check["verdict"] for check in json.loads(asked["json"].stdout)["checks"]] == 2 * ["closed_at_once"]
    assert asked["nagios"].stdout.startswith("WARNING")
    assert asked["prometheus"].stdout.count("hostspin_verify_address_up{") == 2
    assert 'check="tcp:5432"} 1' in asked["prometheus"].stdout
    failures = xml.fromstring(asked["junit"].stdout).iter("failure")
    assert {failure.get("type") for failure in failures} == {"closed_at_once"}
