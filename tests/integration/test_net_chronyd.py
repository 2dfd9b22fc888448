"""What is said of a real chronyd that has no source, and of one that says that it is one itself."""

import pytest
from net_support import ask, probe
from support.chronyd import TimeService
from support.namespace import Namespace

SERVER = "10.0.0.123"


@pytest.fixture
def namespace():
    made = Namespace([SERVER])
    yield made
    made.close()


@pytest.mark.parametrize("lines, verdict, words", [
    ((), "ntp_bad", "is not synchronised itself"),
    (("local stratum 10",), "ok", "stratum 10"),
])
def test_a_real_time_server(programs, namespace, tmp_path, lines, verdict, words):
    service = TimeService(tmp_path / "chrony", namespace, SERVER, 123, *lines)
    results = []

    def has_answered():
        results.append(ask(programs.net, [probe(1, SERVER, "ntp", 123)], prefix=namespace.prefix())[1])
        return results[-1]["verdict"] != "refused"

    try:
        service.wait_for(has_answered)
        assert results[-1]["verdict"] == verdict and results[-1]["detail"].startswith(words), results[-1]
    finally:
        service.close()
