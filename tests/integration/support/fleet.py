"""Signed notes made without hostspin.

A second, independent implementation of the signing side (C2SP signed-note over Ed25519, here through
python3-cryptography), so that a fault shared by hostspin's signer and verifier cannot hide, and so that
tests can sign what the desk tool refuses to.
"""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DAY = 86400
NOW = int(time.time())  # one moment for all documents of a session, so that their order in time is exact
DASH = "\u2014".encode()


class Key:
    """An Ed25519 signer whose private half follows from its name: a test key, never to be trusted."""

    def __init__(self, name: str, seed: str = ""):
        self.name = name
        secret = hashlib.sha256(f"hostspin test key {seed or name}".encode()).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def id(self) -> bytes:
        return key_id(self.name, 1, self.public)

    @property
    def vkey(self) -> str:
        return verifier_key(self.name, 1, self.public)

    def sign(self, text: bytes) -> bytes:
        return self._private.sign(text)

    def line(self, text: bytes) -> bytes:
        return signature_line(self.name, self.id, self.sign(text))


def key_id(name: str, key_type: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([key_type]) + public).digest()[:4]


def verifier_key(name: str, key_type: int, public: bytes) -> str:
    blob = base64.b64encode(bytes([key_type]) + public).decode()
    return f"{name}+{key_id(name, key_type, public).hex()}+{blob}"


def signature_line(name: str, identifier: bytes, signature: bytes) -> bytes:
    return DASH + b" " + name.encode() + b" " + base64.b64encode(identifier + signature) + b"\n"


def note(text: str | bytes, signers) -> bytes:
    """The text, an empty line, and one signature line a signer."""
    body = text.encode() if isinstance(text, str) else text
    return body + b"\n" + b"".join(signer.line(body) for signer in signers)


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def moment(days: float) -> "Raw":
    """That many days from the session's one moment, as TOML writes it."""
    return Raw(stamp(NOW + days * DAY))


def toml(value) -> str:
    """A value as TOML writes it; a Raw one stands as it is."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, str):
        return json.dumps(value)  # a TOML basic string for everything that the tests write
    return str(value)


class Raw(str):
    """TOML text that toml() leaves alone."""


def _table(values: dict) -> str:
    return "".join(f"{key} = {toml(value)}\n" for key, value in values.items() if value is not None)


def service(name: str, addresses, **keys) -> dict:
    return {"name": name, "addresses": list(addresses), **keys}


@dataclass
class Fleet:
    """Keys and rules of one fleet; makes its roots and manifests, good ones unless told otherwise.

    Every document takes overrides: a key set to None is left out, `signers` chooses who signs.
    """

    name: str = "prod.example"
    root_keys: list = field(default_factory=list)
    manifest_keys: list = field(default_factory=list)
    threshold: int = 2
    names: tuple = ("*.svc.example.com", "ldap.example.com", "time")
    networks: tuple = ("10.0.0.0/8", "2001:db8:10::/48")

    def __post_init__(self):
        if not self.root_keys:
            self.root_keys = [Key(f"{self.name}/root/r{i}") for i in range(3)]
        if not self.manifest_keys:
            self.manifest_keys = [Key(f"{self.name}/manifest/{who}") for who in ("alice", "bob", "carol")]

    def root_text(self, version: int = 1, *, root=None, manifest=None, **changes) -> str:
        head = {
            "version": version,
            "issued": moment(-30),
            "expires": moment(300),
        }
        roles = {
            "root": {"threshold": self.threshold, "keys": [key.vkey for key in self.root_keys]},
            "manifest": {
                "threshold": self.threshold,
                "epoch": 1,
                "min_version": 1,
                "keys": [key.vkey for key in self.manifest_keys],
                "names": list(self.names),
                "networks": list(self.networks),
            },
        }
        head = {"format": "hostspin-root/1", "fleet": self.name, **head, **changes}
        roles["root"].update(root or {})
        roles["manifest"].update(manifest or {})
        return _table(head) + "".join(f"\n[{role}]\n{_table(keys)}" for role, keys in roles.items())

    def root(self, version: int = 1, *, signers=None, **changes) -> bytes:
        signers = self.root_keys[: self.threshold] if signers is None else signers
        return note(self.root_text(version, **changes), signers)

    def manifest_text(self, version: int, services=None, *, extra: str = "", **changes) -> str:
        if services is None:
            services = [service("db.svc.example.com", ["10.1.2.3"], aliases=["db1.svc.example.com"])]
        head = {
            "format": "hostspin-manifest/1",
            "fleet": self.name,
            "epoch": 1,
            "version": version,
            "min_root": 1,
            "issued": moment(-1),
            "expires": moment(30),
            **changes,
        }
        return _table(head) + extra + "".join(f"\n[[service]]\n{_table(one)}" for one in services)

    def manifest(self, version: int, services=None, *, signers=None, **changes) -> bytes:
        signers = self.manifest_keys[: self.threshold] if signers is None else signers
        return note(self.manifest_text(version, services, **changes), signers)


class Publication:
    """A source's directory: `manifest.note` and `root/<N>.note`."""

    def __init__(self, path: Path):
        self.path = path
        (path / "root").mkdir(parents=True, exist_ok=True)

    @property
    def file_url(self) -> str:
        return f"file://{self.path}"

    def offer(self, manifest: bytes | None) -> None:
        target = self.path / "manifest.note"
        if manifest is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(manifest)

    def offer_root(self, version: int, root: bytes) -> None:
        (self.path / "root" / f"{version}.note").write_bytes(root)
