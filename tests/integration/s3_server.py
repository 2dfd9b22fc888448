"""A bucket of S3, run by itself in a network namespace:

    s3_server.py ADDRESS PORT CERTIFICATE KEY FOLDER REGION HOST

Serves FOLDER to requests for HOST whose Signature Version 4 is right, and writes a line of JSON for each:
[path, status, why]. Prints "ready" first; serves until its standard input ends.
"""

import hashlib
import http.server
import json
import ssl
import sys
import threading
from pathlib import Path

from net_metadata_service import KEYS
from support import sigv4
from support.quiet_server import QuietServer

IDENTITY = sigv4.Identity(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        status, body, tag, why = self._judge()
        self.send_response(status)
        if tag:
            self.send_header("ETag", tag)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)
        print(json.dumps([self.path, status, why]), flush=True)

    def _judge(self):
        head = self.requestline + "\r\n" + "\r\n".join(f"{name}: {value}" for name, value in self.headers.items())
        try:
            headers = sigv4.check(head, IDENTITY, self.server.region)
        except sigv4.Refused as refusal:
            return 403, b"<Error/>", "", str(refusal)
        if headers["host"] != self.server.host:
            return 404, b"<Error/>", "", "NoSuchBucket"
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            return 404, b"<Error/>", "", "NoSuchKey"
        body = path.read_bytes()
        tag = '"' + hashlib.md5(body).hexdigest() + '"'
        if headers.get("if-none-match") == tag:
            return 304, b"", tag, ""
        return 200, body, tag, ""


def main():
    address, port, certificate, key, folder, region, host = sys.argv[1:]
    server = QuietServer((address, int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.region, server.host, server.folder = region, host, Path(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
