"""Odd servers, asked by a tcp check."""

import time

from odd_row import Odd, resets, stalls


def greets(connection):
    connection.sendall(b"220 mail.example.com ESMTP\r\n")
    stalls(connection)


def refuses(connection):
    """As a database does with a host that it has blocked, or sshd when it is full."""
    connection.sendall(b"Exceeded MaxStartups\r\n")


def closes(connection):
    """The server is done with it, and closes it."""


def after(seconds: float, then):
    def serve(connection):
        time.sleep(seconds)
        then(connection)
    return serve


CLOSED = "closed_at_once"
NO_LOOK = {"blackbox": "it looks no further than the connection"}


def tcp(name, verdict, words, serve):
    return Odd(name, "tcp", verdict, words, serve, differs=NO_LOOK if verdict == CLOSED else {})


ROWS = [
    tcp("accepts and closes", CLOSED, "", closes),
    tcp("accepts and resets", CLOSED, "", resets),
    tcp("accepts, looks for a back end, and closes", CLOSED, "", after(0.1, closes)),
    tcp("accepts, looks for a back end, and resets", CLOSED, "", after(0.1, resets)),
    tcp("says why it closes", CLOSED, "", refuses),
    tcp("closes a second later", "ok", "", after(1.0, closes)),
    Odd("says nothing", "tcp", "ok", "", stalls),
    Odd("greets first", "tcp", "ok", "", greets),
]
