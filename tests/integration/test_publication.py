"""From a manifest's publication to every look-up's new answer: on three hosts, for glibc and for musl, and at each
host's turn where the manifest has one."""

import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import textwrap
import time
from urllib.parse import urlsplit

import pytest
from support.agent import CALM, Agent, pinned, wait_until
from support.fleet import Raw, service, stamp
from support.machine import Machine, source
from support.namespace import Namespace, propagation
from support.process import clean_environment

NAME = "db.svc.example.com"
PUBLICATIONS = 4  # of each kind
INTERVAL, SPLAY = 2, 1
BY_INTERVAL, BY_SIGNAL = INTERVAL + SPLAY + 1, 2  # the claims, in seconds
CONFIG = f'[refresh]\ninterval = "{INTERVAL}s"\nsplay = "{SPLAY}s"\n[verify]\ninterval = "0"\n'

# One long-lived reader a libc: it asks again and again, as a client that reconnects does.
READER = r"""
#include <netdb.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char last[64] = "";
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (argc < 2) return 2;
  for (;;) {
    struct addrinfo *found = 0;
    char now[64] = "none";
    if (getaddrinfo(argv[1], 0, &hints, &found) == 0) {
      inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, now, sizeof now);
      freeaddrinfo(found);
    }
    if (strcmp(now, last) != 0) {
      puts(strcpy(last, now));
      fflush(stdout);
    }
    usleep(10000);
  }
}
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """The same program on both C libraries; musl's is static, so that it runs anywhere."""
    path = tmp_path_factory.mktemp("readers")
    (path / "reader.c").write_text(textwrap.dedent(READER))
    built = {}
    for libc, command in {"glibc": ["gcc"], "musl": ["musl-gcc", "-static"]}.items():
        if not shutil.which(command[0], path=clean_environment()["PATH"]):
            pytest.skip(f"needs the program {command[0]}")
        built[libc] = path / libc
        subprocess.run([*command, "-O1", "-o", built[libc], path / "reader.c"], check=True)
    return built


class Reader:
    """A look-up client on a machine: it sees that machine's /etc, in a mount namespace of its own."""

    def __init__(self, machine: Machine, program, log):
        for name, text in {"nsswitch.conf": "hosts: files\n", "resolv.conf": "nameserver 192.0.2.53\n"}.items():
            (machine.path / "etc" / name).write_text(text)
        mount = f'mount --bind "{machine.path}/etc" /etc && exec "{program}" {NAME}'
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [*machine.namespace.prefix(), "unshare", "--mount", "--propagation", propagation(), "sh", "-c", mount],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=clean_environment())

    def answers(self) -> list:
        return self.log.read_text().split()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


_links = itertools.count()


def host_namespace(site) -> Namespace:
    """A network of one host's own, with a cable to the site's source and to nothing else."""
    made = Namespace()
    number = next(_links)
    here, there, subnet = f"h{number}", f"s{number}", f"10.99.{100 + number}"
    holder = made.prefix()[1].split("/")[2]
    site.namespace.run("ip", "link", "add", there, "type", "veth", "peer", "name", here, "netns", holder)
    for namespace, device, address in ((made, here, f"{subnet}.2/24"), (site.namespace, there, f"{subnet}.1/24")):
        namespace.run("ip", "address", "add", address, "dev", device)
        namespace.run("ip", "link", "set", device, "up")
    made.run("ip", "route", "del", "default")
    made.run("ip", "route", "add", urlsplit(site.url("")).hostname, "via", f"{subnet}.1")
    return made


@pytest.fixture
def hosts(site, tmp_path, programs, fleet, readers):
    publication = site.publication(tmp_path.name)
    publication.offer(fleet.manifest(5, [service(NAME, ["10.1.2.5"])]))
    agents, clients, namespaces = [], [], []
    try:
        for number in range(3):
            namespaces.append(host_namespace(site))
            machine = Machine(tmp_path / f"host-{number}", programs, namespaces[-1]).trust(fleet.root())
            ca = machine.put("source-ca.pem", site.authority.pem)
            machine.configure({"url": site.url(tmp_path.name), "ca": ca}, text=CONFIG)
            agents.append(Agent(machine))
            clients += [Reader(machine, program, tmp_path / f"{number}-{libc}.answers")
                        for libc, program in readers.items()]
        for agent in agents:
            agent.wait_pinned("10.1.2.5")
        wait_until(lambda: all(client.answers()[-1:] == ["10.1.2.5"] for client in clients), "the first answers")
        yield publication, agents, clients
    finally:
        for client in clients:
            client.close()
        for agent in agents:
            agent.__exit__()
        for namespace in namespaces:
            namespace.close()


def publish(publication, note: bytes) -> float:
    new = publication.path / "manifest.new"
    new.write_bytes(note)
    os.replace(new, publication.path / "manifest.note")
    return time.monotonic()


@pytest.mark.slow
def test_every_look_up_answers_the_new_address(hosts, fleet):
    publication, agents, clients = hosts
    version = 5

    def seconds_until_all_answer(asked: bool) -> float:
        nonlocal version
        version += 1
        address = f"10.1.2.{version}"
        began = publish(publication, fleet.manifest(version, [service(NAME, [address])]))
        if asked:
            for agent in agents:
                agent.signal(signal.SIGUSR1)
        wait_until(lambda: all(client.answers()[-1] == address for client in clients), f"{address} everywhere")
        return time.monotonic() - began

    by_interval = [seconds_until_all_answer(False) for _ in range(PUBLICATIONS)]
    by_signal = [seconds_until_all_answer(True) for _ in range(PUBLICATIONS)]
    print(f"publication to the last of {len(clients)} readers, in seconds: "
          f"{', '.join(f'{one:.2f}' for one in by_interval)}; "
          f"with SIGUSR1 {', '.join(f'{one:.2f}' for one in by_signal)}")
    assert max(by_interval) <= BY_INTERVAL, by_interval
    assert max(by_signal) <= BY_SIGNAL, by_signal
    for client in clients:  # no look-up ever failed, or saw anything else
        answers = client.answers()
        assert [one for one in answers if one != "none"] == [f"10.1.2.{number}" for number in range(5, version + 1)]
        assert "none" not in answers[answers.index("10.1.2.5"):]


ROLLOUT_SECONDS = 60  # the least that a manifest can ask for
LATE_SECONDS_MAX = 3  # up to one of jitter, and the wait is in whole seconds, too; then the refresh itself


def turn(machine_id: str, fleet_name: str, version: int) -> int:
    """Seconds after `issued` at which client-7, every Machine's name, adopts; the clock's seconds are whole ones."""
    digest = hashlib.sha256(f"{machine_id}\nclient-7\n{fleet_name}\n{version}\n".encode()).digest()
    return ROLLOUT_SECONDS * int.from_bytes(digest[:8], "big") >> 64


def machine_id_with_turn(wanted: int, fleet_name: str, version: int) -> str:
    """Of a host whose turn comes that many seconds after `issued`."""
    ids = (hashlib.md5(str(number).encode()).hexdigest() for number in itertools.count())
    return next(one for one in ids if turn(one, fleet_name, version) == wanted)


@pytest.mark.slow
def test_each_agent_adopts_at_its_turn_and_not_before(tmp_path, programs, fleet, publication):
    """All see the offer at once and would ask again in an hour; nothing but their turn brings them to adopt it."""
    turns = (8, 13)
    publication.offer(fleet.manifest(5, [service(NAME, ["10.1.2.5"])]))
    agents = []
    try:
        for number, wanted in enumerate(turns):
            machine = Machine(tmp_path / f"host-{number}", programs).trust(fleet.root())
            (machine.path / "etc/machine-id").write_text(machine_id_with_turn(wanted, fleet.name, 6) + "\n")
            agents.append(Agent(machine.configure(source(publication.file_url), text=CALM)))
        for agent in agents:
            agent.wait_pinned("10.1.2.5")
        issued = int(time.time())
        publish(publication, fleet.manifest(6, [service(NAME, ["10.1.2.6"])], issued=Raw(stamp(issued)), rollout=1))
        for agent in agents:
            agent.signal(signal.SIGUSR1)
        for agent in agents:
            wait_until(lambda: "scheduled" in agent.machine.hostspin("status").stdout, "its waiting")  # noqa: B023
        assert time.time() < issued + turns[0], "the offer was seen ahead of every turn"

        adopted = {}

        def all_adopted() -> bool:
            for number, agent in enumerate(agents):
                if number not in adopted and pinned(agent.machine, "10.1.2.6"):
                    adopted[number] = time.time() - issued
            return len(adopted) == len(agents)

        wait_until(all_adopted, lambda: f"adoption everywhere: {adopted}")
    finally:
        for agent in agents:
            agent.__exit__()
    late = [adopted[number] - wanted for number, wanted in enumerate(turns)]
    print("seconds after the turn: " + ", ".join(f"{one:.2f}" for one in late))
    assert all(0 <= one <= LATE_SECONDS_MAX for one in late), late
