"""A server that does each thing a server must not do, on a port of its own; and a few that behave.

Run by itself, so that it can stand in a network namespace: prints one JSON object, behaviour to port,
and serves until its standard input ends.

    misbehaving_server.py ADDRESS CERTIFICATES

CERTIFICATES is a folder with NAME.crt and NAME.key; each NAME gets a port `tls_NAME`.
"""

import gzip
import json
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"the body\n"


def read_request(connection) -> bytes:
    """The request's head; empty if the client went away."""
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = connection.recv(4096)
        if not chunk:
            return b""
        head += chunk
    return head


def good(connection):
    read_request(connection)
    connection.sendall(OK + b"ETag: \"v1\"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)


def etag(connection):
    """Knows version "v1", and has nothing newer."""
    if b'If-None-Match: "v1"\r\n' in read_request(connection):
        connection.sendall(b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
    else:
        connection.sendall(OK + b"Content-Length: 3\r\n\r\nnew")


def echo(connection):
    """Answers with the request itself."""
    head = read_request(connection)
    connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(head) + head)


def endless_body(connection):
    read_request(connection)
    connection.sendall(OK + b"\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def chunked_bomb(connection):
    read_request(connection)
    connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def drip(connection):
    """Five bytes a second, in the body."""
    read_request(connection)
    connection.sendall(OK + b"Content-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def drip_headers(connection):
    read_request(connection)
    connection.sendall(OK + b"X-Slow: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def silent(connection):
    connection.settimeout(None)
    while connection.recv(4096):
        pass


def holds(connection):
    """Keeps its end open, whatever the other side does."""
    time.sleep(3)


def endless_headers(connection):
    read_request(connection)
    connection.sendall(OK)
    while True:
        connection.sendall(b"X-More: and more\r\n" * 100)


def endless_continue(connection):
    read_request(connection)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def garbage(connection):
    read_request(connection)
    connection.sendall(bytes(range(256)) * 4)


def half_closed(connection):
    """Stops sending in the middle of the body, and waits."""
    read_request(connection)
    connection.sendall(OK + b"Content-Length: 1000\r\n\r\nfirst part")
    connection.shutdown(socket.SHUT_WR)
    silent(connection)


def no_answer(connection):
    read_request(connection)


def reset(connection):
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def redirect(connection):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example.com/x\r\n"
                       b"Content-Length: 0\r\n\r\n")


def gzip_bomb(connection):
    """Small on the wire, a hundred megabytes to whoever unpacks it."""
    read_request(connection)
    packed = gzip.compress(b"\0" * 20_000_000)
    connection.sendall(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)


def missing(connection):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone")


def broken(connection):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


def endless_error(connection):
    """An error page without an end."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_page(connection):
    """Says at once that all is well, and then never finishes."""
    read_request(connection)
    connection.sendall(OK + b"\r\nstatus: ok\n")
    while True:
        connection.sendall(b".")
        time.sleep(0.1)


def proxy(connection):
    """An HTTP proxy that connects where it is told, and says so in a header of its answer to CONNECT."""
    head = read_request(connection)
    method, target, _ = head.split(b" ", 2)
    if method != b"CONNECT":
        connection.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        return
    host, port = target.decode().rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port))) as origin:
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = threading.Thread(target=_copy, args=(origin, connection), daemon=True)
        back.start()
        _copy(connection, origin)
        back.join()


def _copy(source, sink):
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


BEHAVIOURS = {
    function.__name__: function
    for function in (good, etag, echo, endless_body, chunked_bomb, drip, drip_headers, silent, holds,
                     endless_headers, endless_continue, garbage, half_closed, no_answer, reset,
                     redirect, gzip_bomb, missing, broken, endless_error, endless_page, proxy)
}


def serve(listener, behave, context):
    def answer(connection):
        behave_now = behave
        try:
            connection.settimeout(30)
            # What is sent leaves at once: a reset would take along what still waits.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                try:
                    connection.do_handshake()
                except ssl.SSLError:
                    # Closed with unread bytes, it would be reset, and the alert lost.
                    connection = socket.socket(fileno=connection.detach())
                    connection.shutdown(socket.SHUT_WR)
                    behave_now = silent
            behave_now(connection)
        except (OSError, ValueError):
            pass  # the client had enough, as it should
        finally:
            connection.close()

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 0))
    listener.listen(512)
    return listener


def main():
    address, certificates = sys.argv[1], Path(sys.argv[2])
    ports = {}

    def add(name, behave, context=None):
        listener = listen(address)
        ports[name] = listener.getsockname()[1]
        threading.Thread(target=serve, args=(listener, behave, context), daemon=True).start()

    for name, behave in BEHAVIOURS.items():
        add(name, behave)
    for certificate in sorted(certificates.glob("*.crt")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        add("tls_" + certificate.stem, good, context)
        if certificate.stem == "good":
            add("tls_drip", drip, context)
            add("tls_half_closed", half_closed, context)
            add("tls_echo", echo, context)
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # up to TLS 1.1
            old.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.load_cert_chain(certificate, certificate.with_suffix(".key"))
            add("tls_old", good, old)
            wants = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            wants.load_cert_chain(certificate, certificate.with_suffix(".key"))
            wants.verify_mode = ssl.CERT_REQUIRED
            wants.load_verify_locations(certificates / "ca.pem")
            add("tls_wants_client", good, wants)
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
