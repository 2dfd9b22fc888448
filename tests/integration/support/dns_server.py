"""A DNS server for one namespace: `dns_server.py ADDRESS PORT RECORDS-AS-JSON`, or no answers at all.

RECORDS is {"name": ["address", …]} for a server that answers, null for one that takes every question
and says nothing, as a black-holed one does.
"""

import ipaddress
import json
import socket
import struct
import sys

TYPE_A, TYPE_AAAA = 1, 28
NAME_ERROR = 3


def question(packet: bytes):
    """The name asked for, its type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from("!H", packet, at + 1)[0], at + 5


def answer(packet: bytes, records: dict) -> bytes:
    name, kind, end = question(packet)
    addresses = [ipaddress.ip_address(text) for text in records.get(name, [])]
    version = {TYPE_A: 4, TYPE_AAAA: 6}.get(kind)
    wanted = [address for address in addresses if address.version == version]
    code = 0 if name in records else NAME_ERROR
    header = packet[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(wanted), 0, 0)
    body = b"".join(
        struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(address.packed)) + address.packed for address in wanted)
    return header + packet[12:end] + body


def main() -> None:
    address, port, records = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))
    print("ready", flush=True)
    while True:
        packet, client = server.recvfrom(4096)
        if records is not None:
            server.sendto(answer(packet, records), client)


if __name__ == "__main__":
    main()
