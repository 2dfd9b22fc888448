"""A client's and a server's network namespace with a cable between them."""

import itertools
import subprocess
import sys
import time

from .namespace import Namespace, Unavailable
from .process import clean_environment

CLIENT, SERVER = "10.9.0.1", "10.9.0.2"
CLIENT6, SERVER6 = "fd09::1", "fd09::2"

LISTEN = """
import resource, selectors, socket, sys, threading
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
def accept(listener):
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listener:
                waiting.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            try:
                said = key.fileobj.recv(65536)
            except OSError:
                said = b""
            if not said:  # the other side is done with it
                waiting.unregister(key.fileobj)
                key.fileobj.close()
listeners = []
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    listener = socket.socket(family)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, listeners[0].getsockname()[1]))
    else:
        listener.bind((address, 0))
    listener.listen(4096)
    listeners.append(listener)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
print(listeners[0].getsockname()[1], flush=True)
sys.stdin.read()
"""


class Cable:
    """A client's and a server's namespace, a port that listens in the second, and rules that come and go."""

    def __init__(self):
        self.client, self.server = Namespace(), Namespace()
        self._rules = itertools.count()
        server_holder = self.server.prefix()[1].split("/")[2]
        self.client.run("ip", "route", "del", "default")
        self.client.run("ip", "link", "add", "hsc", "type", "veth", "peer", "name", "hss", "netns", server_holder)
        for namespace, device, v4, v6 in ((self.client, "hsc", CLIENT, CLIENT6), (self.server, "hss", SERVER, SERVER6)):
            namespace.run("ip", "address", "add", f"{v4}/24", "dev", device)
            namespace.run("ip", "address", "add", f"{v6}/64", "dev", device, "nodad")
            namespace.run("ip", "link", "set", device, "up")
            # Answers at once, however many there are: the tests are about what they mean.
            namespace.run("sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=0")
            namespace.run("sysctl", "-q", "-w", "net.ipv6.icmp.ratelimit=0")
        self._wait_until_up(self.client, "hsc")
        self._wait_until_up(self.server, "hss")
        self.client.run("ip", "route", "add", "10.9.1.0/24", "via", SERVER)
        self._listener = subprocess.Popen(
            [*self.server.prefix(), sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=clean_environment())
        self.port = int(self._listener.stdout.readline())

    @staticmethod
    def _wait_until_up(namespace: Namespace, device: str) -> None:
        """The kernel takes up to a second to call both ends of a new cable up."""
        end = time.monotonic() + 10
        while " UP " not in namespace.run("ip", "-br", "link", "show", "dev", device):
            assert time.monotonic() < end, f"{device} does not come up"
            time.sleep(0.02)

    def rule(self, namespace: Namespace, hook: str, text: str) -> str:
        """A table of its own with one rule; its name."""
        table = f"t{next(self._rules)}"
        nft(namespace, f"table inet {table} {{ chain c {{ type filter hook {hook} priority 0; {text} }}\n}}")
        return table

    def close(self):
        self._listener.stdin.close()
        self._listener.wait(timeout=10)
        self._listener.stdout.close()
        self.client.close()
        self.server.close()


def nft(namespace: Namespace, text: str) -> None:
    done = subprocess.run([*namespace.prefix(), "nft", "-f", "-"], input=text.encode(), stderr=subprocess.PIPE,
                          env=clean_environment(), check=False)
    complaint = done.stderr.decode().strip()
    assert "syntax error" not in complaint, complaint
    if done.returncode != 0:
        raise Unavailable("nft cannot do that here: " + complaint)
