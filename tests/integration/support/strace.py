"""What a program opened and where it sent, as the kernel saw it."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .namespace import Unavailable
from .process import Run, clean_environment, run

# open("x" | openat(5</dir>, "x" | openat2(5</dir>, "x", {…}
_OPEN = re.compile(r'\b(?:open|openat2?|creat)\((?:(?:AT_FDCWD|\d+)(?:<(?P<base>[^>]*)>)?, )?"(?P<path>[^"]*)"')
# execve("x" | execveat(5</x>, ""
_EXEC = re.compile(r'\bexecve(?:\("(?P<path>[^"]*)"|at\(\d+<(?P<open>[^>]*)>)')
# A call, or the end of one that another process came in between of: where the flags stand.
_GETRANDOM = re.compile(r"\bgetrandom(?:\(| resumed>)(?!.*<unfinished)")
_PORT_53 = re.compile(r"htons\(53\)")
# The files by which a C library decides how to look a name up.
RESOLVER_FILES = ("resolv.conf", "nsswitch.conf", "hosts", "host.conf", "gai.conf")


@dataclass
class Trace:
    lines: list

    def opened(self) -> list:
        paths = []
        for line in self.lines:
            for found in _OPEN.finditer(line):
                path, base = found["path"], found["base"] or "/"
                inside = not path.startswith("/") or "RESOLVE_IN_ROOT" in line
                paths.append(f"{base.rstrip('/')}/{path.lstrip('/')}" if inside else path)
        return paths

    def resolver_files(self, but: Path | None = None) -> list:
        """Opened files that belong to name resolution, except the target `but`."""
        return [p for p in self.opened() if Path(p).name in RESOLVER_FILES and Path(p) != but]

    def sent_to_port_53(self) -> list:
        return [line for line in self.lines if _PORT_53.search(line)]

    def waits_for_randomness(self) -> list:
        """Calls that block until the kernel has enough of it, which early in a boot can take long."""
        random = [path for path in self.opened() if path.startswith("/dev/") and path.endswith("random")]
        calls = [line for line in self.lines if _GETRANDOM.search(line)]
        assert calls, "glibc's malloc asks once, without waiting: the instrument would be blind"
        return random + [line for line in calls if "GRND_NONBLOCK" not in line]

    def programs(self) -> set:
        """Names of the programs that were started."""
        found = (_EXEC.search(line) for line in self.lines)
        return {Path(match["path"] or match["open"]).name for match in found if match}


def traced(command, log: Path, *, prefix=(), **options) -> tuple[Run, Trace]:
    """Runs the command with every child under strace; `prefix` (nsenter) stays outside the log."""
    if not shutil.which("strace", path=clean_environment()["PATH"]):
        raise Unavailable("needs the program strace")
    calls = "open,openat,openat2,creat,execve,execveat,connect,bind,sendto,sendmsg,sendmmsg,getrandom"
    tracer = ["strace", "-f", "-y", "-s", "400", "-e", f"trace={calls}", "-o", log, "--"]
    done = run([*prefix, *tracer, *command], **options)
    return done, Trace(log.read_text(errors="replace").splitlines())
