"""The table of odd servers: each behaviour with the verdict that it deserves, why, and what others say of it.

A kind of check has a file of rows. Run by itself, it serves them all: prints one JSON object, a row's key to its port,
and serves until its standard input ends.

    odd_servers.py ADDRESS CERTIFICATES      a folder that odd_certificates.py has made
"""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import odd_grpc
import odd_http
import odd_ntp
import odd_tcp
import odd_tls
from misbehaving_server import listen, serve
from support.process import clean_environment

TABLE = [*odd_tcp.ROWS, *odd_tls.ROWS, *odd_http.ROWS, *odd_grpc.ROWS, *odd_ntp.ROWS]

BY_DATAGRAMS = ("ntp",)


def answer_datagrams(asked: socket.socket, answer) -> None:
    while True:
        question, sender = asked.recvfrom(512)
        packets = answer(question)
        for packet in [packets] if isinstance(packets, bytes) else packets or []:
            asked.sendto(packet, sender)


def main():
    address, certificates = sys.argv[1], Path(sys.argv[2])
    ports = {}
    for row in TABLE:
        if row.kind in BY_DATAGRAMS:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.bind((address, 0))
            work = (answer_datagrams, (opened, row.serve))
        else:
            opened = listen(address)
            work = (serve, (opened, row.serve, row.secure(certificates) if row.secure else None))
        ports[row.key] = opened.getsockname()[1]
        threading.Thread(target=work[0], args=work[1], daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


class OddServers:
    """All of them, in a process of their own."""

    def __init__(self, address: str, certificates: Path, prefix=()):
        self._process = subprocess.Popen([*prefix, sys.executable, __file__, address, str(certificates)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
        self.ports = json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


if __name__ == "__main__":
    main()
