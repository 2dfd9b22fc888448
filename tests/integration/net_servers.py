"""Small services of the tests' own for probes: gRPC health over cleartext HTTP/2, and SNTP."""

import socket
import struct
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, END_STREAM, END_HEADERS = 0, 1, 4, 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """HPACK: a literal field with a new name, never indexed, not Huffman-coded (RFC 7541 section 6.2.3)."""
    return b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value


class GrpcHealth:
    """Answers every call as grpc.health.v1 would; remembers the last message it was sent.

    `message` is the HealthCheckResponse, `status` the grpc-status trailer.
    """

    def __init__(self, message: bytes = b"\x08\x01", status: bytes = b"0"):
        self.asked = None
        self._reply = (b"\0" + struct.pack(">I", len(message)) + message) if message is not None else b""
        self._status = status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                if stream.read(len(PREFACE)) != PREFACE:
                    return
                connection.sendall(frame(SETTINGS, 0, 0, b""))
                while head := stream.read(9):
                    size = int.from_bytes(head[:3], "big")
                    kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
                    payload = stream.read(size)
                    if kind == SETTINGS and not flags & 1:
                        connection.sendall(frame(SETTINGS, 1, 0, b""))
                    if kind == DATA and flags & END_STREAM:
                        self.asked = payload
                        self._say(connection, number)
            except OSError:
                pass

    def _say(self, connection, number):
        # 0x88 is ":status: 200" of HPACK's static table.
        fields = b"\x88" + literal(b"content-type", b"application/grpc")
        connection.sendall(frame(HEADERS, END_HEADERS, number, fields))
        if self._reply:
            connection.sendall(frame(DATA, 0, number, self._reply))
        trailers = literal(b"grpc-status", self._status)
        connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, number, trailers))

    def close(self):
        self._listener.close()


class TimeServer:
    """Answers SNTP questions with whatever `answer(question)` makes of them: a packet, several, or None for silence."""

    def __init__(self, answer):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.questions = 0
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, sender = self._socket.recvfrom(512)
            except OSError:
                return
            self.questions += 1
            answer = self._answer(question)
            for packet in [answer] if isinstance(answer, bytes) else answer or []:
                self._socket.sendto(packet, sender)

    def close(self):
        self._socket.close()


def ntp_answer(question: bytes, *, leap=0, mode=4, stratum=2, delay=0.0, dispersion=0.0, reference=b"RATE",
               set_at=bytes(8), originate=None, received=bytes(8), transmit=b"\xe8" + bytes(7)) -> bytes:
    head = bytes([leap << 6 | 4 << 3 | mode, stratum, 6, 0xE8])
    echoed = question[40:48] if originate is None else originate
    distances = b"".join(round(seconds * 65536).to_bytes(4, "big") for seconds in (delay, dispersion))
    return head + distances + reference + set_at + echoed + received + transmit
