"""Odd servers, asked by a tls and by an https check alike: both are to say the same."""

import ssl
from pathlib import Path

from odd_http import WHOLE
from odd_row import OK, Odd, resets, says, stalls


def certified(stem, change=None):
    """Makes the context of a server with that certificate."""
    def make(folder: Path):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(folder / f"{stem}.crt", folder / f"{stem}.key")
        if change:
            change(context, folder)
        return context
    return make


def demands_client(version):
    def change(context, folder):
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.pem")
    return change


def asks_client(context, folder):
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(folder / "ca.pem")


def old(context, _):
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1


def knows_no_name(context, _):
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def to_hello(*parts: bytes, then=None):
    """Answers the ClientHello with these bytes."""
    def serve(connection):
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)
        if then:
            then(connection)
    return serve


def alert(number: int) -> bytes:
    return bytes([0x15, 3, 3, 0, 2, 2, number])


def both(name, verdict, words, serve=None, secure=None, *, differs=None, **check):
    """A row for each of the two kinds. What the peers say differs by kind: ("tls", "curl") …"""
    serve = serve or says(WHOLE)
    return [Odd(name, kind, verdict, words if isinstance(words, str) else words[kind], serve, check, secure,
                {peer: why for (of, peer), why in (differs or {}).items() if of == kind})
            for kind in ("tls", "https")]


def everywhere(why, *peers):
    return {(kind, peer): why for kind in ("tls", "https") for peer in peers}


def https(name, verdict, words, serve, *, differs=None, **check):
    return Odd(name, "https", verdict, words, serve, check, certified("good"), differs or {})


FINE = {"tls": "TLSv1.3", "https": "200"}
NO_NAME = "it takes the subject's CN where no SAN has a name"

ROWS = [
    *both("a good certificate", "ok", FINE, secure=certified("good")),
    *both("a wildcard", "ok", FINE, secure=certified("wildcard")),
    *both("a certificate for another name", "tls_name", "elsewhere.example.com", secure=certified("name")),
    *both("a name in the subject alone", "tls_name", "no name", secure=certified("cn_only"),
          differs=everywhere(NO_NAME, "openssl", "curl")),
    *both("an address as the only SAN", "tls_name", "127.0.0.1", secure=certified("ip_only"),
          differs=everywhere(NO_NAME, "openssl")),
    *both("an expired certificate", "tls_expired", "expired", secure=certified("expired")),
    *both("a certificate of tomorrow", "tls_not_yet_valid", "valid from", secure=certified("early")),
    *both("a CA that is not trusted", "tls_ca", "issuer", secure=certified("ca")),
    *both("a CA's namesake", "tls_ca", "signature", secure=certified("namesake")),
    *both("an intermediate that is not sent", "tls_ca", "issuer", secure=certified("missing")),
    *both("a certificate for clients", "tls_purpose", "purpose", secure=certified("client")),
    *both("a CA for other names", "tls_constraint", "subtree", secure=certified("constraints")),
    *both("a CA below one that may have none", "tls_constraint", "path length", secure=certified("path")),
    *both("a certificate signed over SHA-1", "tls_weak", "weak", secure=certified("digest")),
    *both("an RSA key of 1,024 bits", "tls_weak", "key too weak", secure=certified("key"),
          differs=everywhere("Go takes RSA keys from 1,024 bits on", "blackbox")),
    *both("a key that is not pinned", "tls_pin", {"tls": "its key is", "https": "pinned"}, secure=certified("good"),
          differs=everywhere("it is not told the pin", "openssl", "curl", "blackbox"), spki=["A" * 43 + "="]),
    *both("TLS 1.1", "tls_protocol", "protocol version", secure=certified("good", old)),
    *both("demands a client certificate, TLS 1.2", "tls_client_certificate", "alert",
          secure=certified("good", demands_client(ssl.TLSVersion.TLSv1_2))),
    *both("demands a client certificate, TLS 1.3", "tls_client_certificate", "alert",
          secure=certified("good", demands_client(ssl.TLSVersion.TLSv1_3)),
          differs={("tls", "blackbox"): "its handshake is complete, and it has gone when the alert comes"}),
    *both("asks for a client certificate, and needs none", "ok", FINE, secure=certified("good", asks_client)),
    *both("does not know the name", "tls_protocol", "unrecognized name", secure=certified("good", knows_no_name)),
    *both("an alert: handshake failure", "tls_protocol", "handshake failure", to_hello(alert(40))),
    *both("an alert: internal error", "tls_protocol", "internal error", to_hello(alert(80))),
    *both("an alert, then a reset", "tls_protocol", "handshake failure", to_hello(alert(40), then=resets)),
    *both("closes in the handshake", "reset", "during the handshake", to_hello()),
    *both("closes before the handshake", "reset", "during the handshake", lambda connection: None),
    *both("resets in the handshake", "reset", "during the handshake", to_hello(then=resets)),
    *both("half a record, then the end", "reset", "during the handshake", to_hello(b"\x16\x03\x03\x40")),
    *both("plain HTTP", "tls_protocol", "wrong version", to_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    *both("503 in plain HTTP, then a reset", "tls_protocol", "wrong version",
          to_hello(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", then=resets)),
    *both("a greeting of SMTP", "tls_protocol", "wrong version", to_hello(b"220 mail.example.com ESMTP\r\n")),
    *both("silence", "tls_timeout", "1500 ms", stalls),
    # After a good handshake.
    https("bad framing within TLS", "http_protocol", "chunk",
          says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n")),
    https("503 within TLS, then a reset", "http_status", "503",
          says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ndown", then=resets)),
    https("closes without an answer", "reset", "", says()),
    https("a whole answer, and no close_notify", "ok", "200", says(WHOLE, then=resets)),
    https("0 of 100 promised bytes, and a stall", "http_timeout", "0 of 100 bytes",
          says(OK + b"Content-Length: 100\r\n\r\n", then=stalls)),
]
