"""The one test session: where the programs are, which tests run, and what must stay untouched."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
OWN_HOSTS = Path("/etc/hosts")


@dataclass(frozen=True)
class Programs:
    """The build tree, laid out as the installed one is; with `portable`, the second link of the programs in it."""

    build: Path
    is_portable: bool = False

    @property
    def folder(self) -> Path:
        return self.build / "portable" if self.is_portable else self.build

    @property
    def hostspin(self) -> Path:
        return self.folder / "sbin/hostspin"

    @property
    def sign(self) -> Path:
        return self.folder / "bin/hostspin-sign"

    @property
    def net(self) -> Path:
        return self.folder / "libexec/hostspin/hostspin-net"

    @property
    def ask(self) -> Path:
        return self.folder / "libexec/hostspin/hostspin-ask"

    @property
    def unit_tests(self) -> Path:
        return self.build / "tests/unit_tests"

    def portable(self) -> "Programs":
        """The second link of them, where the build has one."""
        return Programs(self.build, is_portable=True)

    def shared(self) -> "Programs":
        return Programs(self.build)

    def all(self) -> list:
        return [self.hostspin, self.sign, self.net, self.ask]


def pytest_addoption(parser):
    group = parser.getgroup("hostspin")
    group.addoption("--build", default=os.environ.get("HOSTSPIN_BUILD", "build/release"),
                    help="the build directory whose programs are tested (build/release)")
    group.addoption("--long", action="store_true", help="also what takes many minutes (marker: long)")
    group.addoption("--portable", action="store_true",
                    help="test the portable programs of the build; what they cannot be tested by is listed (marker: preloads)")
    group.addoption("--rewrite-transcripts", action="store_true", help="write integration/transcripts anew: read the difference")
    group.addoption("--quick", action="store_true", help="leave out what takes seconds each (marker: slow)")


def pytest_configure(config):
    # A background job inherits an ignored SIGINT, and so would every program under test.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: takes seconds; left out by --quick")
    config.addinivalue_line("markers", "long: takes minutes; runs with --long alone")
    config.addinivalue_line("markers", "preloads: needs a library that static programs do not load; left out by --portable")
    config.hostspin_programs = Programs((CHECKOUT / config.getoption("--build")).resolve(), config.getoption("--portable"))
    config.hostspin_not_portable = []
    if config.getoption("--portable") and not config.hostspin_programs.hostspin.exists():
        raise pytest.UsageError(f"{config.hostspin_programs.folder} has no portable programs: build the preset ci or portable")


def pytest_collection_modifyitems(config, items):
    """Left-out tests are deselected, not skipped: a skip says that this machine could not do it."""
    left_out = set()
    if not config.getoption("--long"):
        left_out.add("long")
    if config.getoption("--quick"):
        left_out |= {"slow", "long"}
    if config.getoption("--portable"):
        left_out.add("preloads")
        config.hostspin_not_portable = sorted(item.nodeid for item in items
                                               if item.get_closest_marker("preloads"))
    gone = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


def pytest_terminal_summary(terminalreporter, config):
    for name in config.hostspin_not_portable:
        terminalreporter.write_line(f"left out by --portable: {name}")


def _fingerprint(path: Path):
    """Inode, modification time and bytes; None where there is no such file."""
    try:
        status = path.stat()
        return status.st_ino, status.st_mtime_ns, path.read_bytes()
    except FileNotFoundError:
        return None


@pytest.fixture(scope="session", autouse=True)
def own_hosts_file_untouched():
    """The machine's own /etc/hosts after the whole session: same inode, same time, same bytes."""
    before = _fingerprint(OWN_HOSTS)
    yield
    assert _fingerprint(OWN_HOSTS) == before, f"a test changed this machine's own {OWN_HOSTS}"


@pytest.fixture(scope="session")
def programs(pytestconfig) -> Programs:
    return pytestconfig.hostspin_programs


@pytest.fixture(scope="session")
def checkout() -> Path:
    return CHECKOUT
