"""A machine in a scratch directory, and hostspin run on it with --root."""

import os
from pathlib import Path

from .process import Run, clean_environment, run

DEFAULT_HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"


def source(url: str, **keys) -> dict:
    return {"url": url, **keys}


class Machine:
    """What stands below `path` is one machine's file tree; nothing outside it is written."""

    def __init__(self, path: Path, programs, namespace=None):
        self.path = path
        self.programs = programs
        self.namespace = namespace
        self.run_by = []  # words of a program that runs hostspin in its turn
        for directory in ("etc/hostspin", "var/lib", "run"):
            (path / directory).mkdir(parents=True, exist_ok=True)
        self.hosts_path = path / "etc/hosts"
        self.state_path = path / "var/lib/hostspin"
        self.config_path = path / "etc/hostspin/hostspin.toml"
        self.hosts_path.write_bytes(DEFAULT_HOSTS)
        (path / "etc/hostname").write_text("client-7\n")
        self.config_path.write_text("")

    def trust(self, root: bytes, seed: bytes | None = None) -> "Machine":
        """Bakes the trust root, and a first manifest beside it."""
        (self.path / "etc/hostspin/root.note").write_bytes(root)
        if seed is not None:
            (self.path / "etc/hostspin/manifest.note").write_bytes(seed)
        return self

    def configure(self, *sources: dict, text: str = "") -> "Machine":
        from .fleet import toml

        parts = [text]
        for one in sources:
            parts.append("[[source]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in one.items()))
        self.config_path.write_text("\n".join(parts))
        return self

    def put(self, name: str, content: bytes) -> str:
        """A CA bundle or a key; its path for the configuration, which like file:// is not below --root."""
        path = self.path / "etc/hostspin" / name
        path.write_bytes(content)
        return str(path)

    def command(self, *arguments) -> list:
        prefix = self.namespace.prefix() if self.namespace else []
        return [*prefix, *map(str, self.run_by), str(self.programs.hostspin), "--root", str(self.path), *map(str, arguments)]

    def hostspin(self, *arguments, **options) -> Run:
        options["env"] = clean_environment(**options.pop("environment", {}))
        return run(self.command(*arguments), **options)

    @property
    def hosts(self) -> bytes:
        return self.hosts_path.read_bytes()

    @hosts.setter
    def hosts(self, content: bytes) -> None:
        self.hosts_path.write_bytes(content)

    def identity(self) -> tuple:
        """What changes with any write of the hosts file."""
        status = os.stat(self.hosts_path)
        return (status.st_ino, status.st_mtime_ns, self.hosts)

    def state(self, identities: bool = False) -> dict:
        """Every file of the state directory but the telemetry, by name: its bytes, and where asked for
        its inode and mtime."""
        found = {}
        for path in sorted(self.state_path.rglob("*")):
            if path.is_dir() or path.name == "status.json":
                continue
            status = path.stat()
            extra = (status.st_ino, status.st_mtime_ns) if identities else ()
            found[str(path.relative_to(self.state_path))] = (path.read_bytes(), *extra)
        return found

    def litter(self) -> list:
        """Temporary files left beside what hostspin writes."""
        return sorted(str(path) for path in self.path.rglob("*.tmp"))
