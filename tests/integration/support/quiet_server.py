"""An HTTP server that asks no resolver: the library's own looks up the name of the address it is bound to."""

import http.server
import socketserver


class QuietServer(http.server.ThreadingHTTPServer):
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, *_):
        pass  # a client that hangs up is no news
