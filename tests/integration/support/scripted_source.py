"""A source that keeps to a script: what it has, how late it says each thing, and to whom it drips."""

import socket
import threading
import time

CHUNK = b"x" * 150


class ScriptedSource:
    """Serves `files`, path to bytes, at one port of one or more loopback addresses; the rest is 404.

    `delay` is how late every answer comes, `delays` how late that about one path does. At an address in
    `dripping` every answer is endless, at 150 bytes a second: faster than any minimum that a slow line
    could keep to. All of them can be changed at any time.
    """

    def __init__(self, addresses=("127.0.0.1",), files=None):
        self.files = dict(files or {})
        self.delay = 0.0
        self.delays = {}
        self.dripping = set()
        self.asked = []  # (path, address), in the order of their arrival
        self.addresses = list(addresses)
        self._stopping = threading.Event()
        self._listeners = self._listen()
        self.port = self._listeners[0].getsockname()[1]
        for listener in self._listeners:
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _listen(self) -> list:
        """One port, free at all addresses."""
        while True:
            listeners = [socket.create_server((self.addresses[0], 0), backlog=128)]
            port = listeners[0].getsockname()[1]
            try:
                for address in self.addresses[1:]:
                    listeners.append(socket.create_server((address, port), backlog=128))
                return listeners
            except OSError:  # taken there: another one
                for listener in listeners:
                    listener.close()

    def _serve(self, listener) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = connection.recv(4096)
                if not chunk:
                    return
                head += chunk
            path = head.split()[1].decode().lstrip("/")
            address = connection.getsockname()[0]
            self.asked.append((path, address))
            if address in self.dripping:
                return self._drip(connection)
            self._stopping.wait(self.delays.get(path, self.delay))
            body = self.files.get(path)
            status = b"404 Not Found" if body is None else b"200 OK"
            body = body or b""
            connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        except OSError:
            pass  # the client had enough
        finally:
            connection.close()

    def _drip(self, connection) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not self._stopping.wait(1):
            connection.sendall(CHUNK)

    def url(self, host: str | None = None) -> str:
        return f"http://{host or self.addresses[0]}:{self.port}"

    def close(self) -> None:
        self._stopping.set()
        for listener in self._listeners:
            listener.close()
