"""A machine that boots: a Debian root with hostspin, a fleet's files, cloud-init's seed and our probes."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import boot_graph
from boot_package import debian_package
from boot_root import BOOT_SECONDS_MAX, Root, booted
from support.fleet import Fleet, Publication, service
from support.process import run

NAME = "db.svc.example.com"
LATER_NAME = "api.svc.example.com"
ADDRESS = "10.77.0.1"
SOURCE_PORT = 8080
PROBE = Path(__file__).with_name("boot_probe.py")
KEEPERS = Path(__file__).with_name("boot_keepers.py")

EARLY_UNIT = f"""
[Unit]
DefaultDependencies=no
After=hostspin-apply.service
Before=cloud-init-local.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 /probe.py early {NAME} {LATER_NAME}
[Install]
WantedBy=sysinit.target
"""
WATCH_UNIT = """
[Unit]
DefaultDependencies=no
After=hostspin-apply.service
[Service]
ExecStart=/usr/bin/python3 /probe.py watch
[Install]
WantedBy=sysinit.target
"""
# Type=simple and not after multi-user.target: it waits for the end of the boot, of which it is a part.
MAIN_UNIT = """
[Service]
ExecStart=/usr/bin/python3 /probe.py main {scenario} {names}
[Install]
WantedBy=multi-user.target
"""
# The fleet's source and the service that the manifest names, on an address of the loopback interface.
SOURCE_UNIT = f"""
[Unit]
Before=hostspin.service
[Service]
ExecStartPre=/bin/ip address add {ADDRESS}/32 dev lo
ExecStart=/usr/bin/python3 -m http.server {SOURCE_PORT} --bind {ADDRESS} --directory /publication
[Install]
WantedBy=multi-user.target
"""
CONFIGURATION = f"""
[[source]]
url = "http://{ADDRESS}:{SOURCE_PORT}/"
"""


@dataclass
class Boot:
    """What one boot left behind."""

    code: int
    out: Path

    def read(self, name: str):
        return json.loads((self.out / f"{name}.json").read_text())

    @property
    def main(self) -> dict:
        return self.read("main")

    @property
    def ordering(self) -> dict:
        return boot_graph.ordering(self.main["graph"])


_installed: dict = {}


def installed_root(build: Path, tmp_path_factory) -> Root:
    """A root with the package in it and nothing of a fleet; made once a session, to be cloned."""
    if build not in _installed:
        root = Root(tmp_path_factory.mktemp("image") / "root")
        done = root.install(debian_package(build, tmp_path_factory))
        assert done.code == 0, done
        _installed[build] = root
    return _installed[build]


def new_fleet() -> Fleet:
    return Fleet(names=("*.svc.example.com",), networks=("10.0.0.0/8",))


class DeskFleet:
    """The same, made and signed as operators do it: by hostspin-sign."""

    def __init__(self, sign: Path, directory: Path):
        self.sign, self.directory = sign, directory
        self._texts = new_fleet()
        made = run([sign, "init", directory, "--fleet", self._texts.name, "--names", *self._texts.names,
                    "--networks", *self._texts.networks, "--no-passphrase"])
        assert made.code == 0, made

    def root(self) -> bytes:
        return (self.directory / "public/root/1.note").read_bytes()

    def manifest(self, version: int, services) -> bytes:
        text, note = self.directory / f"manifest-{version}.toml", self.directory / f"manifest-{version}.note"
        text.write_text(self._texts.manifest_text(version, services))
        # 1 is a finding of its lint, such as a service without a check.
        signed = run([self.sign, "sign", text, "--yes", "--key", self.directory / "keys/manifest-1.key",
                      "--root", self.directory / "public", "-o", note])
        assert signed.code in (0, 1), signed
        return note.read_bytes()


def seed_manifest(fleet) -> bytes:
    """What is baked: one name, nothing to probe."""
    return fleet.manifest(1, [service(NAME, [ADDRESS])])


def later_manifest(fleet) -> bytes:
    """What the source offers: one name more, and a check of the address that serves it."""
    return fleet.manifest(2, [service(NAME, [ADDRESS], check={"tcp": SOURCE_PORT}), service(LATER_NAME, ["10.77.0.2"])])


def bake(root: Root, fleet, seed: bytes = b"") -> None:
    """Trust root, seed and source, as an image has them before its first boot."""
    root.write("etc/hostspin/root.note", fleet.root())
    root.write("etc/hostspin/manifest.note", seed or seed_manifest(fleet))
    root.write("etc/hostspin/conf.d/50-test.toml", CONFIGURATION)


def boot(root: Root, fleet, directory: Path, *, user_data: str, scenario: str = "none", early: bool = True,
         watch: bool = False, source: bool = True, keep: bool = False, instance: str = "", names=(NAME, LATER_NAME),
         files=(), binds=(), seconds: float = BOOT_SECONDS_MAX) -> Boot:
    """One boot, everything written thrown away unless `keep`. `files` are (path, content) of this boot alone;
    without `source` nothing answers on any network."""
    out = directory / "out"
    out.mkdir(parents=True)
    publication = Publication(directory / "publication")
    publication.offer(later_manifest(fleet))
    seed = directory / "seed"
    seed.mkdir()
    (seed / "user-data").write_text(user_data)
    (seed / "meta-data").write_text(f"instance-id: {instance or directory.name}\n")
    shutil.copy(PROBE, directory / "probe.py")

    units = {"test-main.service": MAIN_UNIT.format(scenario=scenario, names=" ".join(names))}
    if source:
        units["test-source.service"] = SOURCE_UNIT
    if early:
        units["test-early.service"] = EARLY_UNIT
    if watch:
        units["test-watch.service"] = WATCH_UNIT
    system = directory / "units"
    binds = list(binds)
    for unit, text in units.items():
        wanted = text.split("WantedBy=")[1].strip()
        (system / f"{wanted}.wants").mkdir(parents=True, exist_ok=True)
        (system / unit).write_text(text)
        (system / f"{wanted}.wants" / unit).symlink_to(f"../{unit}")
    for path, content in files:
        kept = directory / "files" / path.strip("/").replace("/", "-")
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(content)
        binds.append((kept, path))
    binds += [(directory / "probe.py", "/probe.py"), (KEEPERS, "/boot_keepers.py"), (publication.path, "/publication"),
              (seed, "/var/lib/cloud/seed/nocloud"), (system, "/usr/local/lib/systemd/system")]
    one = Boot(booted(root, out, binds=binds, keep=keep, seconds=seconds), out)
    # systemd breaks a cycle by deleting somebody's job: the boot goes on, and says so here.
    assert not (out / "main.json").exists() or "ordering cycle" not in one.main["journal"], one.main["journal"]
    return one
