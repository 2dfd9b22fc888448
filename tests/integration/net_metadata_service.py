"""The metadata service of a cloud's instance, IMDSv2, run by itself in a network namespace:

    net_metadata_service.py ADDRESS PORT ROLE

ROLE "" is an instance without one. METADATA_TOKEN_BYTES in the environment makes the session's token so long, and
METADATA_REFUSAL is what the role's keys are answered with instead: "401", "404" or an object of JSON. Prints a line when it listens; serves until its standard input ends.
"""

import http.server
import json
import os
import sys
import threading

from support.quiet_server import QuietServer

TOKEN = "a-token-of-the-service=="
KEYS = {"Code": "Success", "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "Token": "a/session+token==", "Expiration": "2099-01-01T00:00:00Z"}
if "METADATA_TOKEN_BYTES" in os.environ:
    KEYS["Token"] = ("IQoJb3JpZ2luX2VjE+/=" * 1000)[:int(os.environ["METADATA_TOKEN_BYTES"])]
REFUSAL = os.environ.get("METADATA_REFUSAL", "")
ROLE_PATH = "/latest/meta-data/iam/security-credentials/"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _say(self, status, text=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        known = self.path == "/latest/api/token" and lifetime.isdigit()
        self._say(200, TOKEN) if known else self._say(400)

    def do_GET(self):
        role = self.server.role
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self._say(401)
        elif not role or self.path not in (ROLE_PATH, ROLE_PATH + role):
            self._say(404)
        elif REFUSAL and self.path != ROLE_PATH:
            self._say(int(REFUSAL)) if REFUSAL.isdigit() else self._say(200, REFUSAL)
        else:
            self._say(200, role if self.path == ROLE_PATH else json.dumps(KEYS))


def main():
    address, port, role = sys.argv[1:]
    server = QuietServer((address, int(port)), Handler)
    server.role = role
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
