"""Services of a story, run by themselves in a network namespace:

    plain_services.py SERVICES

SERVICES is JSON: [[address, port, [certificate, key] or null], …]. Each answers any request with "ok". Prints
"ready" when all listen; serves until its standard input ends.
"""

import http.server
import json
import socket
import ssl
import sys
import threading

from support.quiet_server import QuietServer


class QuietServer6(QuietServer):
    address_family = socket.AF_INET6


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


def main():
    for address, port, pair in json.loads(sys.argv[1]):
        server = (QuietServer6 if ":" in address else QuietServer)((address, port), Handler)
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            # The handshake is the thread's, not the listener's.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
