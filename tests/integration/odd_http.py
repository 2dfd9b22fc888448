"""Odd servers, asked by an http check."""

import time

from misbehaving_server import chunked_bomb, drip, drip_headers, endless_body, endless_headers, garbage
from odd_row import OK, Odd, resets, says, stalls

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\nok"


def repeats(piece: bytes, seconds: float):
    """Sends the piece again and again."""
    def serve(connection):
        while True:
            connection.sendall(piece)
            time.sleep(seconds)
    return serve


def http(name, verdict, words, serve, *, differs=None, **check):
    return Odd(name, "http", verdict, words, serve, check, None, differs or {})


ENDLESS = "it waits for the end of the body"

ROWS = [
    # Status and text are known: what comes after them is nobody's business.
    http("a stream of events with the text in its first bytes", "ok", "200",
         says(OK + b"Content-Type: text/event-stream\r\n\r\ndata: all is well\n\n", then=repeats(b": ping\n\n", 0.2)),
         contains="all is well", differs={"curl": ENDLESS, "blackbox": ENDLESS}),
    http("an endless body, of whose text nothing is asked", "ok", "200", endless_body,
         differs={"curl": ENDLESS, "blackbox": ENDLESS}),
    http("endless chunks", "ok", "200", chunked_bomb, differs={"curl": ENDLESS, "blackbox": ENDLESS}),
    http("a reset after a whole answer", "ok", "200", says(WHOLE, then=resets), contains="ok"),
    http("a reset after a whole answer in chunks", "ok", "200", says(CHUNKED + b"2\r\nok\r\n0\r\n\r\n", then=resets),
         contains="ok"),
    http("a body that drips", "ok", "200", drip, differs={"curl": ENDLESS, "blackbox": ENDLESS}),
    http("no length, and an end", "ok", "200", says(OK + b"\r\nall is well"), contains="all is well"),
    http("a status without a reason", "ok", "204", says(b"HTTP/1.1 204\r\n\r\n")),
    http("bare line feeds", "ok", "200", says(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), contains="ok"),
    http("100 Continue unasked", "ok", "200", says(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE), contains="ok"),
    http("103 Early Hints", "ok", "200", says(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WHOLE), contains="ok"),
    http("HTTP/1.0", "ok", "200", says(b"HTTP/1.0 200 OK\r\n\r\nok"), contains="ok"),
    http("a redirect", "ok", "302", says(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example.com/\r\n"
                                         b"Content-Length: 0\r\n\r\n")),
    http("gzip unasked, whose text is not looked into", "http_body", "lack",
         says(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), contains="all is well"),
    # A status that is not accepted is one however the answer ends.
    http("503 followed at once by a reset", "http_status", "503",
         says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ndown", then=resets)),
    http("503 and a body that never comes", "http_status", "503",
         says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n", then=stalls)),
    http("another page than the one that is meant", "http_body", "lack", says(WHOLE), contains="all is well"),
    # No answer, or not a whole one.
    http("silence", "http_timeout", "1500 ms", stalls),
    http("a head that drips", "http_timeout", "1500 ms", drip_headers),
    http("closes without an answer", "reset", "", says()),
    http("resets without an answer", "reset", "", says(then=resets)),
    http("0 of 100 promised bytes, and a stall", "http_timeout", "0 of 100 bytes",
         says(OK + b"Content-Length: 100\r\n\r\n", then=stalls)),
    http("0 of 100 promised bytes, and an end", "reset", "", says(OK + b"Content-Length: 100\r\n\r\n")),
    http("an endless page that lacks the text", "http_timeout", "", says(OK + b"\r\n", then=repeats(b".", 0.1)),
         contains="never"),
    http("a reset in a body without a length", "reset", "", says(OK + b"\r\nhalf of it", then=resets),
         contains="all of it"),
    # Not HTTP, or not as it should be.
    http("bytes that are no HTTP", "http_protocol", "HTTP", garbage),
    http("a head without its empty line, and an end", "http_protocol", "head", says(OK + b"X: y\r\n"),
         differs={"curl": "the end of the connection ends a head for it"}),
    http("an endless head", "http_protocol", "bytes of headers", endless_headers),
    http("33 KB of headers", "http_protocol", "bytes of headers",
         says(OK + b"X: %s\r\n" % (b"a" * 1000) * 33 + b"Content-Length: 2\r\n\r\nok"),
         differs={"curl": "it takes 300 KB of headers", "blackbox": "it takes 10 MB of headers"}),
    http("two different Content-Lengths", "http_protocol", "Content-Length",
         says(OK + b"Content-Length: 5\r\nContent-Length: 2\r\n\r\nok"),
         differs={"curl": "the last of them counts"}),
    http("one Content-Length twice", "ok", "200", says(OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok")),
    http("a length that is no number", "http_protocol", "Content-Length", says(OK + b"Content-Length: two\r\n\r\nok")),
    http("a chunk whose size is no number", "http_protocol", "chunk", says(CHUNKED + b"zz\r\nok\r\n0\r\n\r\n")),
]
