"""Odd servers, asked by a grpc check: HTTP/2 in the clear, spelled out frame by frame."""

import itertools
import time

from net_servers import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, literal
from odd_row import Odd, resets, says, stalls

RST_STREAM, GOAWAY = 3, 7
CANCEL, REFUSED_STREAM = 8, 7
LAST_OF_ALL = 2**31 - 1


def head(content_type=b"application/grpc", status=b"\x88", flags=0):
    return frame(HEADERS, END_HEADERS | flags, 1, status + literal(b"content-type", content_type))


def data(payload: bytes, flags=0):
    return frame(DATA, flags, 1, payload)


def message(fields: bytes, length=None, compressed=0):
    return bytes([compressed]) + (len(fields) if length is None else length).to_bytes(4, "big") + fields


def trailers(status=b"0"):
    return frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b"grpc-status", status))


def goaway(last: int, code=0):
    return frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))


def reset_stream(code: int):
    return frame(RST_STREAM, 0, 1, code.to_bytes(4, "big"))


def answer(fields=b"\x08\x01", **more):
    return head() + data(message(fields, **more)) + trailers()


def read_call(stream, connection) -> None:
    """Until the request has ended, and acknowledges the settings."""
    assert stream.read(len(PREFACE)) == PREFACE
    connection.sendall(frame(SETTINGS, 0, 0, b""))
    while start := stream.read(9):
        stream.read(int.from_bytes(start[:3], "big"))
        kind, flags = start[3], start[4]
        if kind == SETTINGS and not flags & 1:
            connection.sendall(frame(SETTINGS, 1, 0, b""))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            return


def calls(*parts, then=stalls):
    """Answers a call with these bytes, numbers being seconds of a pause."""
    def serve(connection):
        with connection.makefile("rb") as stream:
            read_call(stream, connection)
            for part in parts:
                if isinstance(part, float):
                    time.sleep(part)
                else:
                    connection.sendall(part)
            if then:
                then(connection)
    return serve


def in_turn(*servers):
    """The first connection gets the first of them, and so on, round and round."""
    turns = itertools.cycle(servers)

    def serve(connection):
        next(turns)(connection)
    return serve


def grpc(name, verdict, words, serve, *, blackbox=None):
    return Odd(name, "grpc", verdict, words, serve, differs={"blackbox": blackbox} if blackbox else {})


ONCE = "grpc-go asks once, unless the server says that it has not begun"


NOT_SERVING = "grpc_not_serving"
NO_ANSWER = "without a health answer"
LIES = "length"

ROWS = [
    grpc("serves", "ok", "", calls(answer())),
    # A connection that is at its end says nothing of the service.
    grpc("an answer and GOAWAY", "ok", "", calls(answer() + goaway(1))),
    grpc("GOAWAY, and an answer later", "ok", "", calls(goaway(LAST_OF_ALL), 0.1, answer())),
    grpc("GOAWAY twice, as max_connection_age has it", "ok", "",
         calls(goaway(LAST_OF_ALL), answer() + goaway(1), then=None)),
    grpc("an answer and an end", "ok", "", calls(answer(), then=None)),
    grpc("an answer, GOAWAY and an end", "ok", "", calls(answer() + goaway(1), then=None)),
    grpc("an answer and a reset", "ok", "", calls(answer(), then=resets)),
    grpc("an answer without its status, and an end", "ok", "", calls(head() + data(message(b"\x08\x01")), then=None),
         blackbox="to grpc-go a call without its status has failed"),
    grpc("a graceful stop in the first attempt", "ok", "",
         in_turn(calls(goaway(0), then=None), calls(answer()))),
    grpc("an end in the first attempt", "ok", "", in_turn(calls(then=None), calls(answer())), blackbox=ONCE),
    grpc("REFUSED_STREAM in the first attempt", "ok", "",
         in_turn(calls(reset_stream(REFUSED_STREAM)), calls(answer())), blackbox=ONCE),
    grpc("CANCEL in the first attempt", "ok", "", in_turn(calls(reset_stream(CANCEL)), calls(answer())),
         blackbox=ONCE),
    grpc("NOT_SERVING and GOAWAY", NOT_SERVING, "status NOT_SERVING", calls(answer(b"\x08\x02") + goaway(1))),
    grpc("no service of that name, and GOAWAY", NOT_SERVING, "grpc-status 5",
         calls(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88" + literal(b"content-type", b"application/grpc")
                      + literal(b"grpc-status", b"5")) + goaway(1), then=None)),
    grpc("GOAWAY in place of an answer", "reset", NO_ANSWER, calls(goaway(0), then=None)),
    grpc("an end in place of an answer", "reset", NO_ANSWER, calls(then=None)),
    grpc("half an answer, and an end", "reset", NO_ANSWER,
         calls(head() + data(message(b"\x08\x01")[:6]), then=None)),
    grpc("REFUSED_STREAM", NOT_SERVING, "REFUSED_STREAM", calls(reset_stream(REFUSED_STREAM))),
    grpc("CANCEL", NOT_SERVING, "reset the request's stream", calls(reset_stream(CANCEL))),
    # What a health answer is made of.
    grpc("a field of a later version", "ok", "", calls(answer(b"\x08\x01\x78\x96\x01"))),
    grpc("fields of later versions before it", "ok", "",
         calls(answer(b"\x7a\x03abc\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x08\x01"))),
    grpc("two statuses, of which the last counts", NOT_SERVING, "NOT_SERVING", calls(answer(b"\x08\x01\x08\x02"))),
    grpc("a status of 5 bytes that is 1", "ok", "", calls(answer(b"\x08\x81\x80\x80\x80\x00"))),
    grpc("SERVICE_UNKNOWN", NOT_SERVING, "SERVICE_UNKNOWN", calls(answer(b"\x08\x03"))),
    grpc("a status of a later version", NOT_SERVING, "status 9", calls(answer(b"\x08\x09"))),
    grpc("a field that is cut", NOT_SERVING, "unreadable", calls(answer(b"\x08\x01\x7a\x09ab"))),
    grpc("a frame that claims more", NOT_SERVING, LIES, calls(answer(length=3))),
    grpc("a frame that claims less", NOT_SERVING, LIES, calls(answer(length=1))),
    grpc("two messages", NOT_SERVING, LIES, calls(head() + data(2 * message(b"\x08\x01")) + trailers())),
    grpc("a compressed message", NOT_SERVING, "compressed", calls(answer(compressed=1))),
    grpc("OK without a message", NOT_SERVING, "without a message", calls(head() + trailers())),
    grpc("SERVING, and a status that is not 0", NOT_SERVING, "grpc-status '13'",
         calls(head() + data(message(b"\x08\x01")) + trailers(b"13"))),
    # Something else.
    grpc("a page of HTML", NOT_SERVING, "text/html", calls(head(b"text/html") + data(b"<html>", END_STREAM))),
    grpc("a page of HTML that says 404", "http_status", "404",
         calls(head(b"text/html", b"\x8d") + data(b"<html>", END_STREAM))),
    grpc("HTTP/1.1", "http_protocol", "not HTTP/2", says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
]
