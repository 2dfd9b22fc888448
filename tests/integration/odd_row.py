"""One row of the table of odd servers: what a server does, and what has to be said of it."""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from misbehaving_server import read_request

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Odd:
    """`serve` is given each connection; or, of a kind that asks by datagrams, each question, and returns a packet,
    several, or None for silence. `secure` makes the context of a TLS server from the folder of certificates; the
    handshake is done before `serve` is called.

    `words` stand in the result's detail. `differs` says of each peer of odd_peers.py that calls the service well where
    we don't, or the other way round, why it does.
    """

    name: str
    kind: str
    verdict: str
    words: str
    serve: Callable
    check: dict = field(default_factory=dict)
    secure: Callable | None = None
    differs: dict = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.kind}: {self.name}"

    @property
    def is_well(self) -> bool:
        return self.verdict == "ok"


# --- what many of them do ------------------------------------------------------------------------------

def says(*parts: bytes, then=None):
    """Answers a request with these bytes; then closes, or does what `then` does."""
    def serve(connection):
        read_request(connection)
        for part in parts:
            connection.sendall(part)
        if then:
            then(connection)
    return serve


def stalls(connection):
    """Sends no more, until the other side is gone."""
    connection.settimeout(20)
    while connection.recv(4096):
        pass


def resets(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
