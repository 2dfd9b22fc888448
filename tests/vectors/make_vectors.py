#!/usr/bin/python3
"""Writes tests/vectors/{note,root,manifest,vkey}: accepted and refused inputs, one fault a file.

A file is named for its fault and for the code that must come of it: bad-FAULT.CODE.note, or good-WHAT.note.
The keys are test keys made from their names: never trust one. The output is the same on every run; run this
again after changing it, and commit what it wrote. Needs python3-cryptography.
"""

import base64
import hashlib
import pathlib
import shutil

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).resolve().parent
DASH = "\u2014 ".encode()


class Key:
    """A key pair whose seed is the SHA-256 of its name."""

    def __init__(self, name, seed=None):
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256((seed or name).encode()).digest()
        )
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = key_id(name, b"\x01" + self.public)

    @property
    def vkey(self):
        return vkey(self.name, b"\x01" + self.public)

    def blob(self, text):
        return self.id + self.private.sign(text)

    def line(self, text):
        return line(self.name, self.blob(text))


def key_id(name, type_and_key):
    return hashlib.sha256(name.encode() + b"\n" + type_and_key).digest()[:4]


def vkey(name, type_and_key, identity=None):
    identity = identity or key_id(name, type_and_key).hex()
    return f"{name}+{identity}+{base64.b64encode(type_and_key).decode()}"


def line(name, blob):
    return DASH + name.encode() + b" " + base64.b64encode(blob) + b"\n"


def note(text, *signers):
    return text + b"\n" + b"".join(key.line(text) for key in signers)


R0, R1, R2 = (Key(f"test/root/r{i}") for i in range(3))
ALICE, BOB, CAROL = (Key(f"test/manifest/{name}") for name in ("alice", "bob", "carol"))
MALLORY = Key("test/mallory")


def strings(items):
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


def lines(items):
    return "[\n" + "".join(f'  "{item}",\n' for item in items) + "]"


ROOT = f"""format = "hostspin-root/1"
fleet = "test.example"
version = 1
issued = 2026-01-01T00:00:00Z
expires = 2027-01-01T00:00:00Z

[root]
threshold = 2
keys = {lines([R0.vkey, R1.vkey, R2.vkey])}

[manifest]
threshold = 2
epoch = 1
min_version = 1
keys = {lines([ALICE.vkey, BOB.vkey, CAROL.vkey])}
names = ["*.svc.example.com", "ldap.example.com", "time"]
networks = ["10.0.0.0/8", "2001:db8:10::/48"]
"""
NEXT = ROOT.replace("version = 1\n", "version = 2\n", 1)

MANIFEST = """format = "hostspin-manifest/1"
fleet = "test.example"
epoch = 1
version = 1
min_root = 1
issued = 2026-02-01T00:00:00Z
expires = 2026-03-01T00:00:00Z

[[service]]
name = "db.svc.example.com"
addresses = ["10.1.2.3", "2001:db8:10::3"]
"""


def write(folder, name, content):
    if isinstance(content, str):
        content = content.encode()
    path = HERE / folder / name
    assert not path.exists(), path
    path.write_bytes(content)


def replaced(text, *pairs):
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def write_notes():
    """Judged with the keys of the manifest role, two of three, as a manifest."""

    def good(name, content):
        write("note", f"good-{name}.note", content)

    def bad(name, content, code="bad_note"):
        write("note", f"bad-{name}.{code}.note", content)

    text = MANIFEST.encode()
    whole = note(text, ALICE, BOB)
    alice, bob = ALICE.line(text), BOB.line(text)
    start = text + b"\n"

    good("two-signers", whole)
    good("other-order", note(text, BOB, ALICE))
    good("three-signers", note(text, ALICE, BOB, CAROL))
    good("unknown-signer-beside", note(text, MALLORY, ALICE, BOB))
    good("known-name-unknown-id", start + line(ALICE.name, b"\0\0\0\0" + bytes(64)) + alice + bob)
    commented = text + b"# " + whole.replace(DASH, b"- ").replace(b"\n", b"\n# ").rstrip(b"# ")
    good("nested-note-in-comments", note(commented, ALICE, BOB))
    gaps = text + b"\n\n\n"
    good("text-ends-in-empty-lines", note(gaps, ALICE, BOB))
    longest = text + b"#" * 4096 + b"\n"
    good("longest-line", note(longest, ALICE, BOB))
    many = [Key(f"test/many/{i}") for i in range(31)]
    good("most-signature-lines", note(text, *many[:30], ALICE, BOB))

    bad("empty", b"")
    bad("one-line-feed", b"\n")
    bad("no-final-line-feed", whole[:-1])
    bad("no-gap", text + alice + bob)
    bad("no-signature-lines", text + b"\n")
    bad("only-signature-lines", b"\n" + alice + bob)
    bad("carriage-return", whole.replace(b"\n", b"\r\n"))
    bad("tab", note(text + b"#\t\n", ALICE, BOB))
    bad("nul", note(text + b"#\0\n", ALICE, BOB))
    bad("delete-byte", note(text + b"#\x7f\n", ALICE, BOB))
    bad("latin-1", note(text + b"# caf\xe9\n", ALICE, BOB))
    bad("utf-8", note(text + "# caf\u00e9\n".encode(), ALICE, BOB))
    bad("byte-order-mark", note(b"\xef\xbb\xbf" + text, ALICE, BOB))
    bad("line-too-long", note(text + b"#" * 4097 + b"\n", ALICE, BOB))
    filler = b"".join(b"#" * 100 + b"\n" for _ in range(660))
    bad("too-large", note(text + filler, ALICE, BOB))
    bad("first-line-of-a-root", note(text.replace(b"hostspin-manifest", b"hostspin-root"), ALICE, BOB))
    bad("first-line-spaced", note(text.replace(b"format =", b"format  ="), ALICE, BOB))
    bad("first-line-comment", note(b"# a manifest\n" + text, ALICE, BOB))
    bad("first-line-version-2", note(text.replace(b"manifest/1", b"manifest/2"), ALICE, BOB))
    bad("hyphen-for-dash", whole.replace(DASH, b"- "))
    bad("en-dash", whole.replace(DASH, "\u2013 ".encode()))
    bad("no-blank-after-dash", whole.replace(DASH, DASH[:-1]))
    bad("two-blanks", whole.replace(b"alice ", b"alice  "))
    bad("no-name", start + DASH + b" " + base64.b64encode(ALICE.blob(text)) + b"\n" + bob)
    bad("name-with-plus", start + line("test+alice", bytes(68)) + alice + bob)
    bad("name-with-umlaut", start + line("test/\u00e4", bytes(68)) + alice + bob)
    bad("name-too-long", start + line("n" * 129, bytes(68)) + alice + bob)
    bad("no-base64", start + DASH + b"name\n" + alice + bob)
    bad("blank-behind-base64", start + alice[:-1] + b" \n" + bob)
    bad("base64-unpadded", start + alice.replace(b"=\n", b"\n") + bob)
    bad("base64-trailing-bits", start + trailing_bits(alice) + bob)
    bad("base64-url-alphabet", start + DASH + b"name " + b"-_-_" * 20 + b"\n" + alice + bob)
    bad("base64-only-padding", start + DASH + b"name ====\n" + alice + bob)
    bad("base64-padding-inside", start + DASH + b"name QUI=QUI=QUI=\n" + alice + bob)
    bad("key-id-alone", start + line(ALICE.name, ALICE.id) + bob)
    bad("too-many-signature-lines", note(text, *many, ALICE, BOB))
    bad("signature-line-too-long", start + line("name", bytes(6200)) + alice + bob)
    bad("duplicate-signer", start + alice + alice + bob)
    bad("duplicate-signer-other-bytes", start + alice + line(ALICE.name, ALICE.id + bytes(64)) + bob)
    bad("gap-in-the-block", start + alice + b"\n" + bob)
    bad("junk-behind-the-block", whole + b"# end\n")
    quoted = b'[x]\ny = """\n' + whole + b'"""\n'
    bad("nested-note-in-a-string", note(text + quoted, ALICE, BOB))
    bad("second-note-behind", whole + b"\n" + whole)

    bad("text-altered", whole.replace(b"10.1.2.3", b"10.1.2.4"), "bad_signature")
    bad("text-shortened", replaced(whole, (b"min_root = 1\n", b"")), "bad_signature")
    bad("line-feed-added", whole.replace(b"\n\n" + DASH, b"\n\n\n" + DASH), "bad_signature")
    flipped = bytes([ALICE.blob(text)[4] ^ 1]) + ALICE.blob(text)[5:]
    bad("signature-altered", start + line(ALICE.name, ALICE.id + flipped) + bob, "bad_signature")
    bad("signature-short", start + line(ALICE.name, ALICE.blob(text)[:-1]) + bob, "bad_signature")
    bad("signature-long", start + line(ALICE.name, ALICE.blob(text) + b"\0") + bob, "bad_signature")
    bad("signatures-swapped",
        start + line(ALICE.name, ALICE.id + BOB.blob(text)[4:])
        + line(BOB.name, BOB.id + ALICE.blob(text)[4:]), "bad_signature")
    bad("forged-under-a-known-name",
        start + line(ALICE.name, ALICE.id + MALLORY.blob(text)[4:]) + bob, "bad_signature")
    bad("two-good-one-forged", whole + line(CAROL.name, CAROL.id + bytes(64)), "bad_signature")
    bad("signed-without-last-line-feed",
        start + ALICE.line(text[:-1]) + BOB.line(text[:-1]), "bad_signature")
    bad("signed-as-another-text", start + ALICE.line(NEXT.encode()) + bob, "bad_signature")
    order = 2**252 + 27742317777372353535851937790883648493
    blob = ALICE.blob(text)
    malleable = (int.from_bytes(blob[36:], "little") + order).to_bytes(32, "little")
    bad("signature-malleable", start + line(ALICE.name, blob[:36] + malleable) + bob, "bad_signature")

    bad("one-signer", note(text, ALICE), "too_few_signatures")
    bad("unknown-signers", note(text, MALLORY, R0, R1), "too_few_signatures")
    bad("one-key-two-names", note(text, ALICE, Key("test/manifest/zoe", ALICE.name)),
        "too_few_signatures")
    bad("one-key-two-ids",
        start + alice + line(ALICE.name, b"\1\2\3\4" + ALICE.blob(text)[4:]), "too_few_signatures")
    bad("known-id-other-name", start + line("test/manifest/b0b", BOB.blob(text)) + alice,
        "too_few_signatures")
    bad("opaque-type-signature", start + alice + line("test/future", b"\5\6\7\10" + bytes(2420)),
        "too_few_signatures")


def trailing_bits(signature_line):
    """The same bytes, decoded carelessly: the last letter's unused bits are not zero."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = signature_line.index(b"=") - 1
    letter = alphabet[alphabet.index(signature_line[at]) + 1]
    return signature_line[:at] + bytes([letter]) + signature_line[at + 1:]


def write_roots():
    """Judged as the successor of good-1, which is the baked root."""

    def bad(name, text, code="bad_root", signers=(R0, R1)):
        write("root", f"bad-{name}.{code}.note", note(text.encode(), *signers))

    def edited(name, *pairs, code="bad_root", signers=(R0, R1)):
        bad(name, replaced(NEXT, *pairs), code, signers)

    write("root", "good-1.note", note(ROOT.encode(), R0, R1))
    write("root", "good-2.note", note(NEXT.encode(), R0, R1))
    write("root", "good-2-unknown-keys.note",
          note((NEXT + 'later = "x"\n[later]\nx = [1.5, 07:00:00]\n').encode(), R0, R1))
    opaque = vkey("test/future", b"\x06" + bytes(40))
    write("root", "good-2-opaque-key.note",
          note(replaced(NEXT, (R2.vkey, opaque)).encode(), R0, R1))

    edited("format-twice", ("version = 2\n", 'version = 2\nformat = "hostspin-root/1"\n'))
    edited("fleet-missing", ('fleet = "test.example"\n', ""))
    edited("fleet-empty", ('"test.example"', '""'))
    edited("fleet-upper-case", ("test.example", "Test.example"))
    edited("fleet-too-long", ("test.example", "a" * 65))
    edited("fleet-number", ('"test.example"', "7"))
    edited("fleet-changed", ("test.example", "other.example"), code="wrong_fleet")
    edited("version-missing", ("version = 2\n", ""))
    edited("version-zero", ("version = 2", "version = 0"))
    edited("version-negative", ("version = 2", "version = -2"))
    edited("version-same", ("version = 2", "version = 1"))
    edited("version-skipped", ("version = 2", "version = 3"))
    edited("version-string", ("version = 2", 'version = "2"'))
    edited("version-float", ("version = 2", "version = 2.0"))
    edited("version-above-2-53", ("version = 2", "version = 9007199254740992"))
    edited("version-beyond-int64", ("version = 2", "version = 9223372036854775808"))
    edited("issued-missing", ("issued = 2026-01-01T00:00:00Z\n", ""))
    edited("issued-local", ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00"))
    edited("issued-plus-zero", ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00"))
    edited("issued-minus-zero", ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00-00:00"))
    edited("issued-other-zone", ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"))
    edited("issued-fraction", ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z"))
    edited("issued-zero-fraction", ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"))
    edited("issued-date", ("2026-01-01T00:00:00Z", "2026-01-01"))
    edited("issued-string", ("2026-01-01T00:00:00Z", '"2026-01-01T00:00:00Z"'))
    edited("issued-day-32", ("2026-01-01T00:00:00Z", "2026-01-32T00:00:00Z"))
    edited("issued-february-29", ("2026-01-01T00:00:00Z", "2026-02-29T00:00:00Z"))
    edited("issued-hour-24", ("2026-01-01T00:00:00Z", "2026-01-01T24:00:00Z"))
    edited("issued-2019", ("2026-01-01T00:00:00Z", "2019-12-31T23:59:59Z"))
    edited("issued-2200", ("2026-01-01T00:00:00Z", "2200-01-01T00:00:00Z"))
    edited("issued-before-predecessor", ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"))
    edited("expires-missing", ("expires = 2027-01-01T00:00:00Z\n", ""))
    edited("expires-at-issued", ("2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z"))
    edited("expires-after-1096-days", ("2027-01-01T00:00:00Z", "2029-01-01T00:00:01Z"))
    edited("root-section-missing", ("[root]", "[rood]"))
    edited("root-no-table", ("\n[root]\nthreshold = 2\nkeys =", "\nroot ="))
    edited("threshold-zero", ("threshold = 2", "threshold = 0"))
    edited("threshold-negative", ("threshold = 2", "threshold = -1"))
    edited("threshold-missing", ("[root]\nthreshold = 2\n", "[root]\n"))
    edited("threshold-above-keys", ("threshold = 2", "threshold = 4"))
    edited("threshold-17", ("threshold = 2", "threshold = 17"))
    edited("threshold-above-usable-keys", ("threshold = 2", "threshold = 3"), (R2.vkey, opaque))
    edited("keys-empty", ("keys = " + lines([R0.vkey, R1.vkey, R2.vkey]), "keys = []"))
    many = [Key(f"test/many/{i}").vkey for i in range(17)]
    edited("keys-17", (lines([R0.vkey, R1.vkey, R2.vkey]), lines(many)))
    edited("keys-number", (f'"{R2.vkey}"', "7"))
    edited("key-listed-twice", (R2.vkey, R0.vkey))
    edited("key-under-two-names", (R2.vkey, Key("test/root/r9", R0.name).vkey))
    edited("opaque-key-under-two-names", (R2.vkey, opaque),
           (f'"{opaque}",', f'"{opaque}",\n  "{vkey("test/f2", bytes([6]) + bytes(40))}",'))
    edited("key-in-both-roles", (CAROL.vkey, R0.vkey))
    edited("key-in-both-roles-other-name", (CAROL.vkey, Key("test/manifest/eve", R0.name).vkey))
    small = vkey("test/root/small", b"\x01" + bytes(32))
    edited("small-order-key", (R2.vkey, small), code="bad_key")
    edited("key-wrong-id", (R2.vkey, R2.vkey.replace("+", "+0", 1)), code="bad_key")
    edited("manifest-section-missing", ("[manifest]", "[manifold]"))
    edited("epoch-zero", ("epoch = 1", "epoch = 0"))
    edited("epoch-missing", ("epoch = 1\n", ""))
    edited("min-version-zero", ("min_version = 1", "min_version = 0"))
    edited("min-version-missing", ("min_version = 1\n", ""))
    edited("manifest-threshold-zero", ("[manifest]\nthreshold = 2", "[manifest]\nthreshold = 0"))
    edited("names-empty", ('names = ["*.svc.example.com", "ldap.example.com", "time"]', "names = []"))
    edited("names-257", ('"time"', ",\n".join(f'"n{i}.x.example"' for i in range(255))))
    edited("names-bare-star", ('"time"', '"*"'))
    edited("names-star-inside", ('"time"', '"a.*.example"'))
    edited("names-star-star", ('"time"', '"*.*.example"'))
    edited("names-upper-case", ('"time"', '"Time"'))
    edited("names-trailing-dot", ('"time"', '"time."'))
    edited("names-number", ('"time"', "1"))
    edited("networks-empty", ('networks = ["10.0.0.0/8", "2001:db8:10::/48"]', "networks = []"))
    edited("networks-host-bits", ("10.0.0.0/8", "10.0.0.1/8"))
    edited("networks-v4-wider-than-8", ("10.0.0.0/8", "10.0.0.0/7"))
    edited("networks-v4-everything", ("10.0.0.0/8", "0.0.0.0/0"))
    edited("networks-v6-wider-than-16", ("2001:db8:10::/48", "2000::/15"))
    edited("networks-no-length", ("10.0.0.0/8", "10.0.0.0"))
    edited("networks-length-33", ("10.0.0.0/8", "10.0.0.0/33"))
    edited("networks-length-zero-first", ("10.0.0.0/8", "10.0.0.0/08"))
    edited("networks-not-canonical", ("2001:db8:10::/48", "2001:DB8:10::/48"))
    edited("not-toml", ("[root]", "[root"))
    edited("key-twice", ("version = 2\n", "version = 2\nversion = 2\n"))
    bad("multi-line-string", NEXT + 'x = """a"""\n')
    bad("multi-line-literal", NEXT + "x = '''a'''\n")
    bad("nine-segments", NEXT + "a.b.c.d.e.f.g.h.i = 1\n")
    bad("nine-brackets", NEXT + "x = " + "[" * 9 + "]" * 9 + "\n")
    bad("dotted-bomb", NEXT + "a" + ".a" * 2000 + " = 1\n")
    bad("bracket-bomb", NEXT + "x = " + "[" * 2000 + "]" * 2000 + "\n")
    bad("a-manifest", MANIFEST, "bad_note")
    bad("signed-by-manifest-keys", NEXT, "too_few_signatures", (ALICE, BOB))
    bad("signed-by-one", NEXT, "too_few_signatures", (R0,))
    new_keys = [Key(f"test/root/n{i}") for i in range(3)]
    rotated = replaced(NEXT, (lines([R0.vkey, R1.vkey, R2.vkey]), lines([k.vkey for k in new_keys])))
    write("root", "good-2-all-keys-new.note",
          note(rotated.encode(), R0, R1, new_keys[0], new_keys[1]))
    bad("signed-only-by-new-keys", rotated, "too_few_signatures", new_keys)
    bad("signed-only-by-old-keys", rotated, "too_few_signatures", (R0, R1, R2))
    signed_then_changed = note(NEXT.encode(), R0, R1).replace(b"epoch = 1", b"epoch = 2")
    write("root", "bad-text-altered.bad_signature.note", signed_then_changed)
    unparsable = NEXT + "x = " + "[" * 20000
    bad("unsigned-bomb", unparsable.replace("[" * 20000, "\n".join("[" * 4000 for _ in range(5))) + "\n",
        "too_few_signatures", (MALLORY,))


def write_manifests():
    """Judged under the root good-1."""

    def write_note(name, text, signers=(ALICE, BOB)):
        write("manifest", name, note(text.encode(), *signers))

    def good(name, *pairs):
        write_note(f"good-{name}.note", replaced(MANIFEST, *pairs))

    def bad(name, *pairs, code="bad_manifest"):
        write_note(f"bad-{name}.{code}.note", replaced(MANIFEST, *pairs))

    two = '"10.1.2.3", "2001:db8:10::3"'
    end = "addresses = [" + two + "]\n"
    service = '[[service]]\nname = "db.svc.example.com"\n' + end

    good("1")
    good("rollout", ("min_root = 1\n", "min_root = 1\nrollout = 1440\n"))
    good("aliases", (end, end + 'aliases = ["db1.svc.example.com", "time", "ldap.example.com"]\n'))
    good("checks", (end, end + """check = [
  { tcp = 5432 },
  { tls = 636, server_name = "ldap.example.com", ca = "internal", min_days_left = 14 },
  { https = 6443, path = "/readyz?verbose", host = "api.example.com", status = [200, 204], contains = "ok" },
  { http = 8080, status = 200 },
  { grpc = 50051, service = "pkg.Health", tls = true },
  { ntp = 123 },
  { mysql = 3306, user = "probe_1" },
]
kind = "vip"
description = "primary database"
owner = "db on-call"
runbook = "RB-017"
"""))
    good("check-of-a-later-version", (end, end + "check = { quic = 443, alpn = \"h3\" }\n"))
    good("unknown-keys", ("min_root = 1\n", "min_root = 1\nlater = 1.5\n"),
         (end, end + "zone = \"a\"\ncheck = { tcp = 1, later = true }\n"))
    good("lower-case-t", ("2026-02-01T", "2026-02-01t"))
    good("comment-with-quotes", (end, end + "# it's \"quoted [[[[[[[[[[ a.b.c.d.e.f.g.h.i.j\n"))
    good("longest-life", ("2026-03-01T00:00:00Z", "2027-03-08T00:00:00Z"))

    def many(count, each):
        return "".join(each(i) for i in range(count))

    def small(i, addresses='"10.1.2.3"'):
        return f'[[service]]\nname = "n{i}.svc.example.com"\naddresses = [{addresses}]\n'

    good("512-services", (service, many(512, small)))
    bad("513-services", (service, many(513, small)))
    twenty_five = ", ".join(f'"10.1.3.{i}"' for i in range(1, 17))
    good("1000-lines", (service, many(62, lambda i: small(i, twenty_five)) + many(
        8, lambda i: small(100 + i))))
    bad("1001-lines", (service, many(62, lambda i: small(i, twenty_five)) + many(
        9, lambda i: small(100 + i))), code="block_too_large")
    aliases = ", ".join(f'"a{i}.svc.example.com"' for i in range(63))
    good("64-names", (end, f'addresses = ["10.1.2.3"]\naliases = [{aliases}]\n'))
    bad("65-names", (end, f'addresses = ["10.1.2.3"]\naliases = [{aliases}, "time"]\n'))
    bad("17-addresses", (two, twenty_five + ', "10.1.2.3"'))

    bad("no-service", (service, ""))
    bad("service-empty-array", (service, ""), ("min_root = 1\n", "min_root = 1\nservice = []\n"))
    bad("service-numbers", (service, ""), ("min_root = 1\n", "min_root = 1\nservice = [1]\n"))
    bad("service-table", ("[[service]]", "[service]"))
    bad("fleet-missing", ('fleet = "test.example"\n', ""))
    bad("fleet-blank", ("test.example", "test example"))
    bad("fleet-other", ("test.example", "prod.example"), code="wrong_fleet")
    bad("epoch-zero", ("epoch = 1", "epoch = 0"))
    bad("epoch-other", ("epoch = 1", "epoch = 2"), code="wrong_epoch")
    bad("epoch-missing", ("epoch = 1\n", ""))
    bad("version-zero", ("version = 1", "version = 0"))
    bad("version-missing", ("version = 1\n", ""))
    bad("version-boolean", ("version = 1", "version = true"))
    bad("min-root-missing", ("min_root = 1\n", ""))
    bad("min-root-zero", ("min_root = 1", "min_root = 0"))
    bad("min-root-later", ("min_root = 1", "min_root = 2"), code="root_withheld")
    bad("rollout-1441", ("min_root = 1\n", "min_root = 1\nrollout = 1441\n"))
    bad("rollout-negative", ("min_root = 1\n", "min_root = 1\nrollout = -1\n"))
    bad("rollout-string", ("min_root = 1\n", 'min_root = 1\nrollout = "1h"\n'))
    bad("issued-local", ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00"))
    bad("issued-offset", ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00+00:00"))
    bad("issued-lower-case-z", ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00z"))
    bad("expires-before-issued", ("2026-03-01T00:00:00Z", "2026-01-31T00:00:00Z"))
    bad("expires-after-400-days", ("2026-03-01T00:00:00Z", "2027-03-08T00:00:01Z"))

    def name(fault, text, code="bad_manifest"):
        bad("name-" + fault, ("db.svc.example.com", text), code=code)

    name("empty", "")
    name("upper-case", "DB.svc.example.com")
    name("trailing-dot", "db.svc.example.com.")
    name("leading-dot", ".svc.example.com")
    name("two-dots", "db..svc.example.com")
    name("underscore", "db_1.svc.example.com")
    name("blank", "db svc.example.com")
    name("hash", "db#.svc.example.com")
    name("line-feed", "db.svc.example.com\\n10.6.6.6 bank.example")
    name("tab", "db.svc.example.com\\tbank.example")
    name("carriage-return", "db.svc.example.com\\r")
    name("nul", "db.svc.example.com\\u0000")
    name("non-ascii", "d\\u00f6.svc.example.com")
    name("hyphen-first", "-db.svc.example.com")
    name("hyphen-last", "db-.svc.example.com")
    name("label-64", "a" * 64 + ".svc.example.com")
    name("254-bytes", "a." * 119 + "svc.example.com" + "x" * 1)
    name("last-label-digits", "db.svc.example.123")
    name("is-an-address", "10.1.2.3")
    name("star", "*.svc.example.com")
    name("number-hex", "0x7f000001")
    name("number-hex-last-label", "10.0.0.0x1")
    name("number-hex-bare", "db.svc.example.0x")
    name("localhost", "localhost")
    name("localhost-digit", "localhost4")
    name("localhost-digit-label", "localhost6.svc.example.com")
    name("localhost-label", "localhost.svc.example.com")
    name("localhost-label-inside", "db.localhost.svc.example.com")
    name("ip6-loopback", "ip6-loopback")
    name("ip6-anything", "ip6-db.svc.example.com")
    name("gateway", "_gateway")
    name("outside-names", "db.example.org", code="name_not_allowed")
    name("suffix-without-dot", "evilsvc.example.com", code="name_not_allowed")
    name("the-pattern-itself", "svc.example.com", code="name_not_allowed")
    name("below-an-exact-name", "a.ldap.example.com", code="name_not_allowed")
    name("single-label-unlisted", "db", code="name_not_allowed")
    bad("name-missing", ('name = "db.svc.example.com"\n', ""))
    bad("name-number", ('"db.svc.example.com"', "7"))
    bad("name-twice", (service, service + service))
    bad("name-as-own-alias", (end, end + 'aliases = ["db.svc.example.com"]\n'))
    bad("alias-twice", (end, end + 'aliases = ["time", "time"]\n'))
    bad("alias-of-two-services", (service, service + 'aliases = ["time"]\n\n[[service]]\nname = "time"\n'
                                  'addresses = ["10.1.1.1"]\n'))
    bad("alias-localhost", (end, end + 'aliases = ["localhost"]\n'))
    bad("alias-number", (end, end + "aliases = [1]\n"))
    bad("aliases-string", (end, end + 'aliases = "time"\n'))
    bad("alias-outside-names", (end, end + 'aliases = ["bank.example"]\n'), code="name_not_allowed")

    def address(fault, text, code="bad_manifest"):
        bad("address-" + fault, ("10.1.2.3", text), code=code)

    address("empty", "")
    address("octet-300", "300.1.2.3")
    address("leading-zero", "10.01.2.3")
    address("three-octets", "10.1.2")
    address("decimal", "167838211")
    address("hexadecimal", "0x0a.1.2.3")
    address("blank", "10.1.2.3 ")
    address("hash", "10.1.2.3#")
    address("line-feed", "10.1.2.3\\n10.6.6.6")
    address("nul", "10.1.2.3\\u0000")
    address("port", "10.1.2.3:5432")
    address("prefix", "10.1.2.3/32")
    address("name", "db.svc.example.com")
    address("v6-upper-case", "2001:DB8:10::4")
    address("v6-long-form", "2001:db8:10:0:0:0:0:4")
    address("v6-zone", "2001:db8:10::4%eth0")
    address("v6-brackets", "[2001:db8:10::4]")
    address("v6-leading-zero", "2001:0db8:10::4")
    address("this-host", "0.0.0.0")
    address("loopback", "127.0.0.1")
    address("loopback-other", "127.255.255.254")
    address("metadata-v4", "169.254.169.254")
    address("link-local", "169.254.1.1")
    address("multicast", "224.0.0.1")
    address("reserved", "240.0.0.1")
    address("broadcast", "255.255.255.255")
    address("metadata-100", "100.100.100.200")
    address("metadata-168", "168.63.129.16")
    address("v6-unspecified", "::")
    address("v6-loopback", "::1")
    address("v6-mapped", "::ffff:10.1.2.3")
    address("v6-mapped-metadata", "::ffff:169.254.169.254")
    address("v6-link-local", "fe80::1")
    address("v6-site-local", "fec0::1")
    address("v6-multicast", "ff02::1")
    address("v6-metadata", "fd00:ec2::254")
    address("v6-metadata-c1", "fd00:c1::a9fe:a9fe")
    address("v6-metadata-ce", "fd20:ce::254")
    address("outside-networks", "192.0.2.1", code="address_not_allowed")
    address("v6-outside-networks", "2001:db8:11::1", code="address_not_allowed")
    bad("address-twice", ("2001:db8:10::3", "10.1.2.3"))
    bad("addresses-empty", (two, ""))
    bad("addresses-missing", (end, ""))
    bad("addresses-string", (end, 'addresses = "10.1.2.3"\n'))
    bad("addresses-number", (two, "7"))

    def check(fault, text):
        bad("check-" + fault, (end, end + f"check = {text}\n"))

    check("number", "5432")
    check("of-numbers", "[5432]")
    check("empty-table", "{}")
    check("two-kinds", "{ tcp = 1, ntp = 2 }")
    check("http-and-https", "{ http = 1, https = 2 }")
    check("port-zero", "{ tcp = 0 }")
    check("port-65536", "{ tcp = 65536 }")
    check("port-negative", "{ ntp = -1 }")
    check("port-string", '{ tcp = "5432" }')
    check("tls-boolean", "{ tls = true }")
    check("grpc-tls-port", "{ grpc = 1, tls = 443 }")
    check("server-name-address", '{ tls = 1, server_name = "10.1.2.3" }')
    check("server-name-upper-case", '{ tls = 1, server_name = "DB" }')
    check("ca-upper-case", '{ tls = 1, ca = "Internal" }')
    check("ca-empty", '{ tls = 1, ca = "" }')
    check("ca-path", '{ tls = 1, ca = "../x" }')
    check("ca-33", '{ tls = 1, ca = "' + "a" * 33 + '" }')
    check("days-negative", "{ tls = 1, min_days_left = -1 }")
    check("spki-short", '{ tls = 1, spki = "QUJD" }')
    check("spki-number", "{ tls = 1, spki = [1] }")
    check("path-relative", '{ https = 1, path = "readyz" }')
    check("path-blank", '{ https = 1, path = "/a b" }')
    check("path-line-feed", '{ http = 1, path = "/\\r\\nHost: x" }')
    check("host-port", '{ http = 1, host = "a.example:80" }')
    check("host-line-feed", '{ http = 1, host = "a.example\\r\\nX: y" }')
    check("status-99", "{ http = 1, status = 99 }")
    check("status-600", "{ http = 1, status = [200, 600] }")
    check("status-string", '{ http = 1, status = "200" }')
    check("contains-empty", '{ http = 1, contains = "" }')
    check("contains-number", "{ http = 1, contains = 1 }")
    check("grpc-service-blank", '{ grpc = 1, service = "a b" }')
    check("mysql-user-blank", '{ mysql = 3306, user = "a b" }')
    check("mysql-user-empty", '{ mysql = 3306, user = "" }')
    check("mysql-user-33", '{ mysql = 3306, user = "' + "u" * 33 + '" }')
    check("17", "[" + ", ".join("{ tcp = %d }" % i for i in range(1, 18)) + "]")
    bad("kind-unknown", (end, end + 'kind = "cluster"\n'))
    bad("kind-number", (end, end + "kind = 1\n"))
    bad("description-201", (end, end + 'description = "' + "x" * 201 + '"\n'))
    bad("description-escape", (end, end + 'description = "a\\u001b[2J"\n'))
    bad("owner-line-feed", (end, end + 'owner = "a\\nb"\n'))
    bad("owner-bidi", (end, end + 'owner = "ops \\u202egnp.sso"\n'))
    bad("description-zero-width", (end, end + 'description = "db\\u200b"\n'))
    bad("runbook-tag-character", (end, end + 'runbook = "RB\\U000e0041"\n'))
    bad("kind-not-ascii", (end, end + 'kind = "v\\u0456p"\n'))
    bad("unknown-key-bidi", (end, end + '"a\\u2066b" = 1\n'))
    bad("unknown-value-bidi", (end, end + 'later = ["\\u2067"]\n'))
    check("contains-line-feed", '{ http = 1, contains = "ok\\n" }')
    check("kind-zero-width", '{ "tcp\\u200d" = 1 }')
    bad("owner-c1-control", (end, end + 'owner = "a\\u009b2J"\n'))
    bad("runbook-number", (end, end + "runbook = 17\n"))

    bad("not-toml", ("epoch = 1", "epoch = "))
    bad("key-twice", ("epoch = 1\n", "epoch = 1\nepoch = 1\n"))
    bad("nested-note-in-a-string", (end, end + 'description = """\n— x"""\n'.replace("—", "-")))
    bad("literal-multi-line", (end, end + "description = '''x'''\n"))
    bad("nine-segments", (end, end + "a.b.c.d.e.f.g.h.i = 1\n"))
    bad("nine-segments-spaced", (end, end + '"a" . "b" . c . d . e . f . g . h . i = 1\n'))
    bad("nine-segment-header", (end, end + "[a.b.c.d.e.f.g.h.i]\n"))
    bad("nine-brackets", (end, end + "x = " + "[{a=" * 4 + "[1]" + "}]" * 4 + "\n"))
    bad("dotted-bomb", (end, end + "a" + ".a" * 2000 + " = 1\n"))
    write_note("bad-a-root.bad_note.note", ROOT, (R0, R1))
    write_note("bad-signed-by-root-keys.too_few_signatures.note", MANIFEST, (R0, R1))
    write_note("bad-signed-by-one.too_few_signatures.note", MANIFEST, (ALICE,))


def write_keys():
    """Each file holds one verifier key, without a line feed unless that is the fault."""

    def bad(name, text):
        write("vkey", f"bad-{name}.bad_key.vkey", text)

    good = ALICE.vkey
    name, identity, body = good.split("+", 2)
    raw = b"\x01" + ALICE.public
    write("vkey", "good-ed25519.vkey", good)
    write("vkey", "good-opaque.vkey", vkey("test/future", b"\x06" + bytes(40)))
    bad("empty", "")
    bad("name-alone", name)
    bad("no-body", f"{name}+{identity}")
    bad("empty-body", vkey(name, b""))
    bad("empty-name", vkey("", raw))
    bad("name-with-blank", vkey("a b", raw))
    bad("name-too-long", vkey("n" * 129, raw))
    bad("leading-blank", " " + good)
    bad("trailing-blank", good + " ")
    bad("trailing-line-feed", good + "\n")
    bad("upper-case-id", f"{name}+{identity.upper()}+{body}")
    bad("short-id", f"{name}+{identity[1:]}+{body}")
    bad("long-id", f"{name}+0{identity}+{body}")
    bad("wrong-id", vkey(name, raw, "00000000"))
    bad("id-of-another-name", vkey("test/manifest/zoe", raw, identity))
    bad("31-bytes", vkey(name, raw[:-1]))
    bad("33-bytes", vkey(name, raw + b"\0"))
    bad("type-alone", vkey(name, b"\x01"))
    bad("extra-padding", good + "=")
    bad("url-alphabet", f"{name}+{identity}+" + body.replace("/", "_").replace("+", "-") + "-")
    bad("private-key", "PRIVATE+KEY+" + good)
    bad("too-long", vkey(name, b"\x06" + bytes(4000)))
    p = 2**255 - 19
    eight = int.from_bytes(bytes.fromhex(
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
    for y in (0, 1, p - 1, p, p + 1, eight, p - eight):
        for sign in (0, 1):
            point = (y | sign << 255).to_bytes(32, "little")
            bad("small-order-" + point.hex(), vkey("test/small", b"\x01" + point))
    for y in (p + 2, p + 3, p + 18):
        bad(f"not-reduced-p-plus-{y - p}", vkey("test/big", b"\x01" + y.to_bytes(32, "little")))


def main():
    for folder in ("note", "root", "manifest", "vkey"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    write_notes()
    write_roots()
    write_manifests()
    write_keys()


if __name__ == "__main__":
    main()
