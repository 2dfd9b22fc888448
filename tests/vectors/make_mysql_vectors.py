#!/usr/bin/python3
"""Writes tests/vectors/mysql: all that a MySQL server sends during one check, one behaviour a file.

A file is named for the behaviour and for the verdict that must come of it: BEHAVIOUR.VERDICT.bin, where the verdict
`open` is none yet. The numbers and layouts are those of MySQL's and MariaDB's protocol documentation. Run it again after
changing it, and commit what it wrote.
"""

import pathlib
import shutil
import struct

HERE = pathlib.Path(__file__).resolve().parent / "mysql"
CAPABILITIES = 0x81BFF7FF  # of a MariaDB 10.11: without its own extensions


def packet(sequence, payload, length=None):
    return struct.pack("<I", len(payload) if length is None else length)[:3] + bytes([sequence]) + payload


def greeting(version=b"10.11.6-MariaDB", capabilities=CAPABILITIES, plugin=b"mysql_native_password"):
    return packet(0, b"\x0a" + version + b"\0" + struct.pack("<I", 7) + b"scramble" + b"\0"
                  + struct.pack("<H", capabilities & 0xFFFF) + b"\x2d" + struct.pack("<H", 2)
                  + struct.pack("<H", capabilities >> 16) + bytes([21]) + bytes(10) + b"more scramble"[:12] + b"\0"
                  + plugin + b"\0")


def error(sequence, number, text=b"told", state=b"#HY000"):
    return packet(sequence, b"\xff" + struct.pack("<H", number) + state + text)


def ok(sequence):
    return packet(sequence, b"\0\0\0\2\0\0\0")


def switch(sequence, plugin):
    return packet(sequence, b"\xfe" + plugin + b"\0" + b"twenty bytes of salt" + b"\0")


HELLO = greeting()
DENIED = error(2, 1045, b"Access denied for user 'hostspin'@'app.example' (using password: NO)", b"#28000")

BEHAVIOURS = {
    "login": ("ok", HELLO + ok(2)),
    "denied": ("ok", HELLO + DENIED),
    "denied-without-state": ("ok", HELLO + error(2, 1045, b"Access denied", b"")),
    "denied-by-plugin": ("ok", HELLO + error(2, 1698)),
    "account-locked": ("ok", HELLO + error(2, 4151)),
    "tls-demanded": ("ok", HELLO + error(2, 3159)),
    "of-5.0": ("ok", greeting(b"5.0.96", 0xA22C) + ok(2)),
    "capabilities-of-16-bits": ("ok", packet(0, b"\x0a4.1.1\0" + bytes(13) + b"\x00\x82") + ok(2)),
    "of-8.4": ("ok", greeting(b"8.4.0", 0xDFFFFFFF, b"caching_sha2_password") + switch(2, b"caching_sha2_password") + ok(4)),
    "switch-old": ("ok", HELLO + packet(2, b"\xfe") + error(4, 1045)),
    "switch-ed25519": ("ok", HELLO + switch(2, b"client_ed25519") + error(4, 1045)),
    "switch-parsec": ("ok", HELLO + switch(2, b"parsec") + packet(4, b"\x01P\0" + bytes(18)) + error(6, 1045)),
    "switch-unknown": ("ok", HELLO + switch(2, b"dialog") + packet(4, b"\x01Password: ") + error(6, 1045)),
    "switch-without-end": ("ok", HELLO + packet(2, b"\xfeplugin") + error(4, 1045)),
    "blocked": ("mysql_blocked", error(0, 1129, b"Host '10.0.0.1' is blocked because of many connection errors", b"")),
    "blocked-with-state": ("mysql_blocked", error(0, 1129)),
    "full": ("mysql_full", error(0, 1040, b"Too many connections", b"#08004")),
    "full-counted-from-1": ("mysql_full", error(1, 1040, b"Too many connections", b"#08004")),
    "full-after-greeting": ("mysql_full", HELLO + error(2, 1040)),
    "host-not-allowed": ("mysql_bad", error(0, 1130, b"Host '10.0.0.1' is not allowed to connect", b"")),
    "denied-before-greeting": ("mysql_bad", error(0, 1045)),
    "shutting-down": ("mysql_bad", HELLO + error(2, 1053)),
    "protocol-9": ("mysql_bad", packet(0, b"\x093.20\0" + bytes(13))),
    "before-4.1": ("mysql_bad", greeting(b"3.23.58", 0x002C)),
    "greeting-without-version-end": ("mysql_bad", packet(0, b"\x0a10.11")),
    "greeting-short": ("mysql_bad", packet(0, b"\x0a10.11\0" + bytes(14))),
    "greeting-empty": ("mysql_bad", packet(0, b"")),
    "greeting-counted-from-5": ("mysql_bad", packet(5, HELLO[4:])),
    "greeting-of-16-mib": ("mysql_bad", packet(0, HELLO[4:], 0xFFFFFF)),
    "error-short": ("mysql_bad", packet(0, b"\xff\x11")),
    "answer-empty": ("mysql_bad", HELLO + packet(2, b"")),
    "answer-counted-from-3": ("mysql_bad", HELLO + ok(3)),
    "answer-a-second-greeting": ("mysql_bad", HELLO + packet(2, HELLO[4:])),
    "switch-without-end-of-it": ("mysql_bad", HELLO + b"".join(switch(n, b"x") for n in range(2, 20, 2))),
    "more-without-end-of-it": ("mysql_bad", HELLO + b"".join(packet(n, b"\x01") for n in range(2, 20, 2))),
    "ssh": ("mysql_bad", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
    "http": ("mysql_bad", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    "tls-alert": ("mysql_bad", b"\x15\x03\x01\x00\x02\x02\x46"),
    "nothing": ("open", b""),
    "half-a-header": ("open", HELLO[:2]),
    "half-a-greeting": ("open", HELLO[:40]),
    "greeting-alone": ("open", HELLO),
    "answer-cut": ("open", HELLO + DENIED[:20]),
}


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    for behaviour, (verdict, content) in BEHAVIOURS.items():
        (HERE / f"{behaviour}.{verdict}.bin").write_bytes(content)


if __name__ == "__main__":
    main()
