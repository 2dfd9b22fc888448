"""Odd servers, asked by a tcp check."""

from odd_row import Odd, stalls


def greets(connection):
    connection.sendall(b"220 mail.example.com ESMTP\r\n")
    stalls(connection)


ROWS = [
    Odd("says nothing", "tcp", "ok", "", stalls),
    Odd("greets first", "tcp", "ok", "", greets),
]
