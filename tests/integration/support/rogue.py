"""A source that misbehaves: on loopback, at a free port, one behaviour a path."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        behaviour = self.path.split("/")[1]
        try:
            getattr(self, behaviour, self.missing)()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough, as it should
        self.close_connection = True

    def _head(self, status: int = 200, **headers) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()

    def missing(self) -> None:
        self._head(404, Content_Length=0)

    def endless(self) -> None:
        """No length, no end."""
        self._head()
        while not self.server.stopping.is_set():
            self.wfile.write(b"x" * 65536)

    def drip(self) -> None:
        """One byte a second."""
        self._head(Content_Length=4000)
        while not self.server.stopping.wait(1):
            self.wfile.write(b"x")
            self.wfile.flush()

    def trickle(self) -> None:
        """Fast enough for a minimum speed, and still no end in sight."""
        self._head(Content_Length=60000)
        while not self.server.stopping.wait(0.25):
            self.wfile.write(b"x" * 100)
            self.wfile.flush()

    def silent(self) -> None:
        """Never a word."""
        self.server.stopping.wait()

    def redirect(self) -> None:
        """To a name, which following it would have to look up."""
        self._head(302, Location=f"http://elsewhere.example.com/{self.path.split('/', 2)[2]}", Content_Length=0)

    def broken(self) -> None:
        self._head(500, Content_Length=0)

    def short(self) -> None:
        """Less than was promised."""
        self._head(Content_Length=4000)
        self.wfile.write(b'format = "hostspin-manifest/1"\n')


class RogueServer:
    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.stopping = threading.Event()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{behaviour}"

    def close(self) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
