"""Certificates that are odd in one way each, in a folder: NAME.crt with its chain, NAME.key, and ca.pem to trust."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from net_support import NAME
from support.certificates import DAY, _alternative, _name

PEM = serialization.Encoding.PEM


class Signer:
    """A certificate authority, of its own or below another one."""

    def __init__(self, name: str, above: "Signer | None" = None, path_length=None, extensions=()):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name, self.above = _name(name), above
        issuer = above or self
        builder = _builder(self.name, issuer.name, self.key.public_key(), -1, 3650)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        self.certificate = builder.sign(issuer.key, hashes.SHA256())

    @property
    def chain(self) -> list:
        """From here to below the root."""
        return [] if self.above is None else [self.certificate, *self.above.chain]

    def issue(self, folder: Path, stem: str, alternatives, *, subject=None, days=(-1, 90), extensions=(), key=None,
              digest=None) -> None:
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject or stem), self.name, key.public_key(), *days)
        if alternatives:
            names = x509.SubjectAlternativeName([_alternative(one) for one in alternatives])
            builder = builder.add_extension(names, critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self.key, digest or hashes.SHA256())
        (folder / f"{stem}.crt").write_bytes(b"".join(one.public_bytes(PEM) for one in (certificate, *self.chain)))
        (folder / f"{stem}.key").write_bytes(key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _builder(subject, issuer, key, begin, end):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY))


def make(folder: Path, address: str) -> None:
    folder.mkdir()
    root = Signer("hostspin test CA")
    names = [NAME, address]
    root.issue(folder, "good", names)
    root.issue(folder, "name", ["elsewhere.example.com"])
    root.issue(folder, "wildcard", ["*.example.com"])
    root.issue(folder, "cn_only", [], subject=NAME)
    root.issue(folder, "ip_only", [address], subject=NAME)
    root.issue(folder, "expired", names, days=(-10, -1))
    root.issue(folder, "early", names, days=(10, 20))
    Signer("a CA that nobody trusts").issue(folder, "ca", names)
    Signer("hostspin test CA").issue(folder, "namesake", names)  # of the same name, with another key
    root.issue(folder, "client", names, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])])
    constraints = x509.NameConstraints([x509.DNSName("other.example.com")], None)
    Signer("of another domain", root, extensions=[constraints]).issue(folder, "constraints", names)
    short = Signer("of no CA below", root, path_length=0)
    Signer("a CA below", short).issue(folder, "path", names)
    root.issue(folder, "digest", names, digest=hashes.SHA1())
    root.issue(folder, "key", names, key=rsa.generate_private_key(65537, 1024))
    missing = Signer("an intermediate that is not sent", root)
    missing.above = None
    missing.issue(folder, "missing", names)
    (folder / "ca.pem").write_bytes(root.certificate.public_bytes(PEM))
