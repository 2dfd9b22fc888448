"""A Debian root with systemd and cloud-init: made once, unpacked for every session, entered by chroot."""

import atexit
import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.namespace import Unavailable, propagation
from support.process import clean_environment, run

CHECKOUT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
PACKAGES = (
    "systemd-sysv", "dbus", "cloud-init", "netbase", "iproute2", "udev", "init-system-helpers", "procps",
    # What the package depends on, so that it installs without a mirror.
    "libcurl4", "libseccomp2", "libssl3", "libstdc++6",
)
BOOTSTRAP_SECONDS_MAX = 540
BOOT_SECONDS_MAX = 180
SCRATCH_BYTES_MIN = 2 << 30


def cache_directory() -> Path:
    chosen = os.environ.get("HOSTSPIN_CACHE")
    return Path(chosen) if chosen else CHECKOUT / "build/cache"


def need_root_and(*tools: str) -> None:
    if os.geteuid() != 0:
        raise Unavailable("needs root, to make and enter a Debian root")
    for tool in tools:
        if not shutil.which(tool, path=clean_environment()["PATH"]):
            raise Unavailable(f"needs the program {tool}")


@functools.cache
def archive(packages: tuple = PACKAGES, suite: str = SUITE) -> Path:
    """The root as a tar, named for what is in it; made the first time, which takes half a minute."""
    need_root_and("tar")
    names = " ".join((suite, *sorted(packages)))
    kept = cache_directory() / f"boot-root-{hashlib.sha256(names.encode()).hexdigest()[:12]}.tar"
    if kept.exists():
        return kept
    need_root_and("mmdebstrap")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        made = Path(scratch) / "root.tar"
        command = ["mmdebstrap", "--quiet", "--variant=apt", "--include=" + ",".join(packages), suite, str(made)]
        done = run(command, seconds=BOOTSTRAP_SECONDS_MAX,
                   env=clean_environment(**{key: value for key, value in os.environ.items() if "proxy" in key.lower()}))
        if done.code != 0:
            raise Unavailable(f"cannot make a Debian root (no mirror?): {done.stderr.strip()[-300:]}")
        made.rename(kept)  # whole or not at all, should two sessions make it at once
    return kept


@functools.cache
def scratch() -> Path:
    """In memory where there is enough of it: a root is ten thousand small files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free >= SCRATCH_BYTES_MIN
    directory = Path(tempfile.mkdtemp(prefix="hostspin-boot-", dir=memory if roomy else None))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@functools.cache
def unpacked(packages: tuple = PACKAGES, suite: str = SUITE) -> Path:
    """The root as a tree that nobody writes to: what every Root of the session lies over."""
    kept = archive(packages, suite)
    directory = Path(tempfile.mkdtemp(prefix="base-", dir=scratch()))
    # Device nodes are left out: nspawn and the mount of /dev in `enter` bring their own.
    done = run(["tar", "--extract", "--numeric-owner", "--exclude=./dev/*", "--file", kept,
                "--directory", directory], seconds=120)
    assert done.code == 0, done
    directory.chmod(0o755)
    return directory


@contextlib.contextmanager
def or_skip():
    """For fixtures: what this machine cannot do is a skip with the reason."""
    try:
        yield
    except Unavailable as reason:
        pytest.skip(str(reason))


class Root:
    """A root of one's own below `path`: an overlay, so that making one takes no time."""

    def __init__(self, path: Path, packages: tuple = PACKAGES, suite: str = SUITE):
        self._mount(path, [unpacked(packages, suite)])
        # The locale module fails on a root without locales, which would be taken for our fault.
        self.write("etc/cloud/cloud.cfg.d/90-test.cfg",
                   "datasource_list: [NoCloud, None]\nlocale: false\nssh_pwauth: false\n")
        self.write("etc/dpkg/dpkg.cfg.d/90-test", "force-unsafe-io\n")
        self.write("etc/hostname", "boot-test\n")
        self.write("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n")

    def _mount(self, path: Path, lower: list) -> None:
        layer = Path(tempfile.mkdtemp(dir=scratch()))
        self._upper, work = layer / "upper", layer / "work"
        for folder in (path, self._upper, work):
            folder.mkdir(parents=True)
        self._upper.chmod(0o755)
        self._lower, self.path = lower, path
        layers = f"lowerdir={':'.join(map(str, lower))},upperdir={self._upper},workdir={work}"
        done = run(["mount", "-t", "overlay", "overlay", "-o", layers, path])
        if done.code != 0:
            raise Unavailable(f"cannot mount an overlay here: {done.stderr.strip()}")
        atexit.register(self.remove)  # the finalizer of a fixture that failed never runs

    def clone(self, path: Path) -> "Root":
        """Another root that begins as this one is now. This one must not be written to any more."""
        made = Root.__new__(Root)
        made._mount(path, [self._upper, *self._lower])
        return made

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def enter(self, *command, seconds: float = 60, prefix: list = ()):
        """Runs a command in the root: no systemd runs there, as while an image is baked."""
        inside = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
        return run([*prefix, "unshare", "--mount", "--propagation", propagation(), "--pid", "--fork", "--kill-child", "--",
                    "sh", "-c", inside, self.path, *command],
                   seconds=seconds, env=clean_environment(DEBIAN_FRONTEND="noninteractive"))

    def install(self, package: Path):
        shutil.copy(package, self.path / "tmp" / package.name)
        return self.enter("dpkg", "--install", f"/tmp/{package.name}")

    @property
    def hosts(self) -> str:
        return (self.path / "etc/hosts").read_text()

    def remove(self) -> None:
        """Unmounts it; to call it again does nothing."""
        if os.path.ismount(self.path):
            run(["umount", self.path])


def nspawn(path: Path, *arguments: str, keep: bool = False, options=()) -> list:
    return ["systemd-nspawn", "--quiet", "-D", str(path), f"--volatile={'no' if keep else 'overlay'}", "--boot",
            "--register=no", "--keep-unit", "--console=pipe", "--private-network", *options, *arguments]


def booted(root: Root, out: Path, *, seconds: float = BOOT_SECONDS_MAX, binds=(), keep: bool = False) -> int:
    """Boots the root with systemd as process 1, no network, and, unless told to keep them, writes thrown
    away; the exit code that a unit in it chose by `systemctl exit N`. `out` is its /out."""
    mounts = [f"--bind={out}:/out", *(f"--bind-ro={source}:{target}" for source, target in binds)]
    command = nspawn(root.path, keep=keep, options=mounts)
    with open(out / "console.log", "wb") as console:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                                   env=clean_environment())
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise


@functools.cache
def boot_possible() -> str:
    """Empty if systemd-nspawn can boot a root here, else why not. The root has nothing of ours in it."""
    try:
        need_root_and("systemd-nspawn")
        base = unpacked()
    except Unavailable as reason:
        return str(reason)
    done = run(nspawn(base, "systemd.unit=exit.target"), seconds=BOOT_SECONDS_MAX)
    if done.code == 0:
        return ""
    return f"systemd does not boot in a container here: {(done.stdout + done.stderr).strip()[-200:]}"
