"""Odd time servers, asked by an ntp check."""

from net_servers import ntp_answer
from odd_row import Odd


NOW = b"\xe8" + bytes(7)


def ntp(name, verdict, words, serve, *, differs=None, **changes):
    return Odd(name, "ntp", verdict, words, serve or (lambda question: ntp_answer(question, **changes)),
               differs=differs or {})


def stray_first(question):
    stale = ntp_answer(question, originate=b"12345678")
    return [stale, ntp_answer(question, mode=3), stale[:20], ntp_answer(question, stratum=3, received=NOW)]


ROWS = [
    ntp("a sane answer", "ok", "stratum 2", None, received=NOW),
    ntp("strays before the answer", "ok", "stratum 3", stray_first),
    ntp("silence", "ntp_bad", "no answer", lambda question: None),
    ntp("leap indicator 3", "ntp_bad", "not synchronised", None, leap=3),
    ntp("stratum 16", "ntp_bad", "not synchronised", None, stratum=16),
    ntp("kiss code RATE", "ntp_bad", "RATE", None, stratum=0),
    ntp("kiss code INIT", "ntp_bad", "not synchronised", None, stratum=0, reference=b"INIT"),
    ntp("33 s to its own source and back", "ntp_bad", "root distance", None, delay=33.0),
    ntp("dispersion of 16.5 s", "ntp_bad", "root distance", None, dispersion=16.5),
    ntp("a time in 2002", "ntp_bad", "implausible", None, transmit=b"\xc0" + bytes(7)),
    ntp("no time at all", "ntp_bad", "without a time", None, transmit=bytes(8)),
    ntp("a clock that was set after now", "ntp_bad", "implausible", None, set_at=b"\xe9" + bytes(7)),
    ntp("an answer to another question", "ntp_bad", "another question", None, originate=bytes(8)),
    ntp("half an answer", "ntp_bad", "too short", lambda question: ntp_answer(question)[:24]),
]
