#!/usr/bin/python3
"""Writes the odd hosts files beside this script, and expected.tsv, which says what becomes of each.

Every line of the table below is one file. `foreign(...)` has no block, `block(head, body, tail)` has one,
`damaged(...)` is refused; what is expected is written down by hand, never taken from the program. Run it
after a change and commit what it wrote; the output depends on nothing but this file.

Columns of expected.tsv: file; outcome (insert, replace, refuse); bytes before the block; bytes after it;
drift; flags (newline: a final LF is added, nolocalhost, bom, long: a line above 64 KiB); conflicts as
line:name:address:flags with flags s (same address), b (before the block), r (some readers only),
f (other family), d (comment-out leaves the line alone); what a refusal must name.
A refused file's .repaired is what repair makes of it when it knows the block's pins.
"""

import pathlib

HERE = pathlib.Path(__file__).parent
DB, DB1 = "db.svc.example.com", "db1.svc.example.com"
BEGIN = (b"# BEGIN hostspin fleet=prod.example epoch=1 version=42 sha256=0123456789abcdef"
         b" - managed, see hostspin(8)\n")
PINS = (b"10.1.2.3\tdb.svc.example.com\n2001:db8:10::3\tdb.svc.example.com\n"
        b"10.1.2.3\tdb1.svc.example.com\n")
END = b"# END hostspin\n"
BLOCK = BEGIN + PINS + END
LOCAL = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

rows = []


def write(name, data):
    (HERE / name).write_bytes(data)


def row(name, outcome, head, tail, drift, flags, conflicts, refusal):
    assert name not in [r[0] for r in rows], name
    rows.append((name, outcome, str(head), str(tail), drift, ",".join(flags) or "-",
                 " ".join(conflicts) or "-", refusal or "-"))


def foreign(name, data, flags=(), conflicts=()):
    write(name, data)
    row(name, "insert", 0, len(data), "missing", flags, conflicts, None)


def block(name, head, body, tail, drift, flags=(), conflicts=()):
    write(name, head + body + tail)
    row(name, "replace", len(head), len(tail), drift, flags, conflicts, None)


def damaged(name, data, refusal, repaired):
    write(name, data)
    write(name + ".repaired", repaired)
    row(name, "refuse", 0, 0, "-", (), (), refusal)


# Plain files, and how they end.
foreign("plain.hosts", LOCAL)
foreign("debian.hosts", b"127.0.0.1\tlocalhost\n127.0.1.1\thost.example.net\thost\n\n"
        b"# The following lines are desirable for IPv6 capable hosts\n"
        b"::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\n")
foreign("empty.hosts", b"", ["nolocalhost"])
foreign("one-newline.hosts", b"\n", ["nolocalhost"])
foreign("no-final-newline.hosts", b"127.0.0.1 localhost\n10.0.0.7 last.example", ["newline"])
foreign("single-word.hosts", b"x", ["newline", "nolocalhost"])
foreign("blank-lines-at-end.hosts", LOCAL + b"\n\n\n")
foreign("only-comments.hosts", b"# nothing here yet\n#\n", ["nolocalhost"])
foreign("only-blanks.hosts", b" \t \n\t\n  ", ["newline", "nolocalhost"])
foreign("localhost-upper-case.hosts", b"127.0.0.1 LOCALHOST\n")
foreign("localhost-commented-out.hosts", b"#127.0.0.1 localhost\n10.0.0.1 a.example\n",
        ["nolocalhost"])
foreign("localhost-as-address.hosts", b"localhost 127.0.0.1\n", ["nolocalhost"])

# Line ends and odd bytes.
foreign("crlf.hosts", b"127.0.0.1 localhost\r\n10.0.0.1 a.example\r\n")
foreign("crlf-no-final-newline.hosts", b"127.0.0.1 localhost\r\n10.0.0.1 a.example\r", ["newline"])
foreign("mixed-line-ends.hosts", b"127.0.0.1 localhost\r\n10.0.0.1 a.example\n\r\n")
foreign("cr-only.hosts", b"127.0.0.1 localhost\r10.0.0.1 a.example\r", ["newline"])
foreign("byte-order-mark.hosts", b"\xef\xbb\xbf127.0.0.1 localhost\n127.0.0.1 localhost\n", ["bom"])
foreign("byte-order-mark-alone.hosts", b"\xef\xbb\xbf", ["newline", "nolocalhost", "bom"])
foreign("byte-order-mark-hides-localhost.hosts", b"\xef\xbb\xbf127.0.0.1 localhost\n",
        ["nolocalhost", "bom"])
foreign("utf16-le.hosts", "127.0.0.1 localhost\n".encode("utf-16"), ["newline", "nolocalhost"])
foreign("latin-1.hosts", LOCAL + b"# caf\xe9 \xa7\n10.0.0.1 b\xfccher.example\n")
foreign("utf-8.hosts", LOCAL + "10.0.0.1 bücher.example # naïve\u2028comment\n".encode())
foreign("nul-in-line.hosts", LOCAL + b"10.0.0.1 a\0b.example\n")
foreign("nul-block.hosts", LOCAL + b"\0" * 4096 + b"\n")
foreign("nul-tail.hosts", LOCAL + b"\0" * 512, ["newline"])
foreign("all-bytes.hosts", LOCAL + bytes(range(256)) + b"\n")
foreign("vertical-blanks.hosts", b"127.0.0.1\vlocalhost\f\n10.0.0.1\x0b a.example\n")
foreign("escape-codes.hosts", LOCAL + b"# \x1b[31mred\x1b[0m \x07\n")
foreign("backspaces.hosts", LOCAL + b"10.0.0.1 good.example\x08\x08\x08\x08\n")

# Long lines.
foreign("line-511.hosts", LOCAL + b"# " + b"x" * 508 + b"\n")
foreign("line-512.hosts", LOCAL + b"# " + b"x" * 509 + b"\n")
foreign("line-64k.hosts", LOCAL + b"#" + b"y" * 65534 + b"\n10.0.0.1 a.example\n")
foreign("line-above-64k.hosts", LOCAL + b"#" + b"y" * 65536 + b"\n10.0.0.1 a.example\n", ["long"])
foreign("line-100k.hosts", LOCAL + b"10.0.0.1 " + b" ".join(b"n%05d.example" % i for i in
        range(7000)) + b"\n", ["long"])
foreign("many-aliases.hosts", LOCAL + b"10.0.0.1" + b"".join(b" a%d" % i for i in range(100)) + b"\n")
foreign("comment-tail-injects.hosts",
        LOCAL + b"#" + b"z" * 510 + b"203.0.113.77 " + DB.encode() + b"\n", [],
        [f"3:{DB}:203.0.113.77:rd"])
foreign("line-tail-injects.hosts",
        LOCAL + b"10.0.0.1 " + b"n" * 253 + b" " + b"m" * 248 + b"10.6.6.6 " + DB1.encode() + b"\n", [],
        [f"3:{DB1}:10.0.0.1:d", f"3:{DB1}:10.6.6.6:rd"])

# Other tools' blocks and layouts.
foreign("docker.hosts", LOCAL + b"fe00::0\tip6-localnet\n172.17.0.2\t4f1c2d3e5a6b\n")
foreign("kubelet.hosts", b"# Kubernetes-managed hosts file (host network).\n" + LOCAL)
foreign("proxmox.hosts", b"# --- BEGIN PVE ---\n127.0.0.1 localhost\n# --- END PVE ---\n")
foreign("cloud-init.hosts", b"# Your system has configured 'manage_etc_hosts' as True.\n" + LOCAL)
foreign("google.hosts", LOCAL + b"169.254.169.254 metadata.google.internal  # Added by Google\n")
foreign("ansible.hosts", LOCAL + b"# BEGIN ANSIBLE MANAGED BLOCK\n10.0.0.1 a.example\n"
        b"# END ANSIBLE MANAGED BLOCK\n")
foreign("ad-blocker.hosts", LOCAL + b"".join(b"0.0.0.0 ads%d.example\n" % i for i in range(500)))
foreign("scope-and-mapped.hosts", LOCAL + b"fe80::1%eth0 router\n::ffff:10.0.0.1 mapped.example\n")
foreign("short-and-octal.hosts", LOCAL + b"198.51.100 short.example\n010.0.0.1 octal.example\n")
foreign("garbage.hosts", LOCAL + b"; not a comment\nexample.com\n10.0.0.1\n=== ===\n")

# Marker text that is no marker.
foreign("marker-in-comment.hosts", LOCAL + b"## BEGIN hostspin\n# see # END hostspin\n")
foreign("marker-indented.hosts", LOCAL + b" # BEGIN hostspin\n\t# END hostspin\n")
foreign("marker-longer-word.hosts", LOCAL + b"# BEGIN hostspinner x=1\n# END hostspinner\n")
foreign("marker-other-case.hosts", LOCAL + b"# Begin hostspin\n# end hostspin\n")
foreign("marker-end-with-text.hosts", LOCAL + b"# END hostspin was here\n")
foreign("marker-inside-entry.hosts", LOCAL + b"10.0.0.1 a.example # BEGIN hostspin\n")

# A block: right, drifted, in odd places.
block("block-right.hosts", b"", BLOCK, LOCAL, "none")
block("block-alone.hosts", b"", BLOCK, b"", "none", ["nolocalhost"])
block("block-in-middle.hosts", LOCAL, BLOCK, b"10.0.0.1 a.example\n", "none")
block("block-at-end.hosts", LOCAL, BLOCK, b"", "none")
block("block-end-without-newline.hosts", LOCAL, BLOCK[:-1], b"", "layout", ["newline"])
block("block-after-byte-order-mark-line.hosts", b"\xef\xbb\xbf\n", BLOCK, LOCAL, "none", ["bom"])
block("block-before-crlf.hosts", b"", BLOCK, b"127.0.0.1 localhost\r\n", "none")
block("block-crlf.hosts", b"", BLOCK.replace(b"\n", b"\r\n"), LOCAL, "layout")
block("block-blanks-for-tabs.hosts", b"", BLOCK.replace(b"\t", b"  "), LOCAL, "layout")
block("block-trailing-blanks.hosts", b"", BEGIN[:-1] + b" \t\n" + PINS + b"# END hostspin \t\n", LOCAL,
      "layout")
block("block-reordered.hosts", b"", BEGIN + b"".join(sorted(PINS.splitlines(True))) + END, LOCAL,
      "layout")
block("block-merged-names.hosts", b"",
      BEGIN + b"10.1.2.3 db.svc.example.com db1.svc.example.com\n2001:DB8:10:0::3 DB.svc.example.com\n"
      + END, LOCAL, "layout")
block("block-comment-inside.hosts", b"", BEGIN + b"# by hand\n\n" + PINS + END, LOCAL, "layout")
block("block-duplicate-line.hosts", b"", BEGIN + PINS + PINS + END, LOCAL, "layout")
block("block-empty.hosts", b"", BEGIN + END, LOCAL, "content")
block("block-line-missing.hosts", b"", BEGIN + PINS[:PINS.index(b"\n") + 1] + END, LOCAL, "content")
block("block-address-changed.hosts", b"", BEGIN + PINS.replace(b"10.1.2.3", b"10.1.2.4") + END, LOCAL,
      "content")
block("block-line-added.hosts", b"", BEGIN + PINS + b"10.0.0.1 a.example\n" + END, LOCAL, "content")
block("block-garbage-inside.hosts", b"", BEGIN + PINS + b"rubbish\n" + END, LOCAL, "content")
block("block-line-commented-out.hosts", b"", BEGIN + b"#" + PINS + END, LOCAL, "content")
block("block-bare-markers.hosts", b"", b"# BEGIN hostspin\n" + PINS + END, LOCAL, "header")
block("block-other-version.hosts", b"", BEGIN.replace(b"version=42", b"version=41") + PINS + END, LOCAL,
      "header")
block("block-other-root.hosts", b"", BEGIN.replace(b" sha256", b" root=3 sha256") + PINS + END, LOCAL, "none")
block("block-malformed-root.hosts", b"", BEGIN.replace(b" sha256", b" root=03x sha256") + PINS + END, LOCAL, "none")
block("block-two-roots.hosts", b"", BEGIN.replace(b" sha256", b" root=3 root=4 sha256") + PINS + END, LOCAL, "layout")
block("block-malformed-header.hosts", b"",
      BEGIN.replace(b"version=42", b"version=042").replace(b"epoch=1", b"epoch=-1") + PINS + END, LOCAL,
      "header")
block("block-unknown-fields.hosts", b"", BEGIN.replace(b" - ", b" colour=blue - ") + PINS + END, LOCAL,
      "layout")
block("block-repeated-fields.hosts", b"", BEGIN.replace(b" - ", b" version=7 - ") + PINS + END, LOCAL,
      "layout")

# Foreign lines that give our names.
foreign("conflict-after.hosts", LOCAL + b"10.9.9.9 db.svc.example.com\n", [], [f"3:{DB}:10.9.9.9:"])
foreign("conflict-case.hosts", LOCAL + b"10.9.9.9\tDB.Svc.Example.COM\n", [], [f"3:{DB}:10.9.9.9:"])
foreign("conflict-alias.hosts", LOCAL + b"10.9.9.9 other.example db1.svc.example.com # note\n", [],
        [f"3:{DB1}:10.9.9.9:"])
foreign("conflict-both-names.hosts", LOCAL + b"10.9.9.9 " + f"{DB} {DB1} {DB}\n".encode(), [],
        [f"3:{DB}:10.9.9.9:", f"3:{DB1}:10.9.9.9:"])
foreign("conflict-same-address.hosts", LOCAL + b"2001:DB8:10:0:0::3 db.svc.example.com\n", [],
        [f"3:{DB}:2001:DB8:10:0:0::3:s"])
foreign("conflict-other-family.hosts", LOCAL + b"2001:db8::9 db1.svc.example.com\n", [],
        [f"3:{DB1}:2001:db8::9:f"])
foreign("conflict-no-final-newline.hosts", LOCAL + b"10.9.9.9 db.svc.example.com", ["newline"],
        [f"3:{DB}:10.9.9.9:"])
foreign("conflict-crlf.hosts", b"127.0.0.1 localhost\r\n10.9.9.9 db.svc.example.com\r\n", [],
        [f"2:{DB}:10.9.9.9:"])
foreign("conflict-indented.hosts", LOCAL + b"   10.9.9.9 db.svc.example.com\n", [],
        [f"3:{DB}:10.9.9.9:"])
foreign("conflict-commented-out.hosts", LOCAL + b"#10.9.9.9 db.svc.example.com\n"
        b"10.9.9.9 other.example # db.svc.example.com\n")
foreign("conflict-localhost-line.hosts", b"127.0.0.1 localhost db.svc.example.com\n", [],
        [f"1:{DB}:127.0.0.1:d"])
foreign("conflict-long-line.hosts", LOCAL + b"10.9.9.9 db.svc.example.com " + b"p" * (512 - 20 - 29) + b"\n", [],
        [f"3:{DB}:10.9.9.9:d"])
foreign("conflict-longest-line.hosts",
        LOCAL + b"10.9.9.9 db.svc.example.com " + b"p" * (511 - 20 - 29) + b"\n", [],
        [f"3:{DB}:10.9.9.9:"])
foreign("conflict-not-an-address.hosts", LOCAL + b"server db.svc.example.com\n")
foreign("conflict-scoped.hosts", LOCAL + b"fe80::9%eth0 db.svc.example.com\n", [],
        [f"3:{DB}:fe80::9%eth0:"])
foreign("conflict-trailing-dot.hosts", LOCAL + b"10.9.9.9 db.svc.example.com.\n", [],
        [f"3:{DB}:10.9.9.9:r"])
foreign("conflict-behind-cr.hosts", LOCAL + b"# note\r10.9.9.9 db.svc.example.com\n", [],
        [f"3:{DB}:10.9.9.9:rd"])
foreign("conflict-behind-nul.hosts", LOCAL + b"10.0.0.1 a.example\x0010.9.9.9 db.svc.example.com\n", [],
        [f"3:{DB}:10.9.9.9:rd"])
foreign("conflict-prefix-of-name.hosts", LOCAL + b"10.9.9.9 db.svc.example.co db.svc.example.comm\n")
block("conflict-before-block.hosts", LOCAL + b"10.9.9.9 db.svc.example.com\n", BLOCK, b"", "none", [],
      [f"3:{DB}:10.9.9.9:b"])
block("conflict-both-sides.hosts", b"10.9.9.8 db.svc.example.com\n", BLOCK,
      LOCAL + b"10.9.9.9 db1.svc.example.com\n", "none", [],
      [f"1:{DB}:10.9.9.8:b", f"9:{DB1}:10.9.9.9:"])

# Damaged markers.
damaged("bad-begin-alone.hosts", BEGIN + PINS + LOCAL, "BEGIN at line 1", LOCAL)
damaged("bad-end-alone.hosts", LOCAL + PINS + END, "END at line 6", LOCAL)
damaged("bad-reversed.hosts", END + LOCAL + BEGIN, "END at line 1, BEGIN at line 4", LOCAL)
damaged("bad-two-blocks.hosts", BLOCK + LOCAL + BLOCK,
        "BEGIN at line 1, END at line 5, BEGIN at line 8, END at line 12", LOCAL)
damaged("bad-nested.hosts", BEGIN + b"10.0.0.1 a.example\n" + BLOCK + END + LOCAL,
        "BEGIN at line 1, BEGIN at line 3, END at line 7, END at line 8", b"10.0.0.1 a.example\n" + LOCAL)
damaged("bad-two-begins.hosts", BEGIN + BEGIN + PINS + END + LOCAL,
        "BEGIN at line 1, BEGIN at line 2, END at line 6", LOCAL)
damaged("bad-two-ends.hosts", BLOCK + END + LOCAL, "BEGIN at line 1, END at line 5, END at line 6",
        LOCAL)
damaged("bad-foreign-inside-second.hosts", BLOCK + LOCAL + BEGIN + b"10.0.0.1 a.example b.example\n" + END,
        "BEGIN at line 8, END at line 10", LOCAL + b"10.0.0.1 a.example b.example\n")
damaged("bad-begin-alone-foreign-after.hosts", BEGIN + PINS + b"10.0.0.1\ta.example\n" + LOCAL,
        "BEGIN at line 1", b"10.0.0.1\ta.example\n" + LOCAL)
damaged("bad-behind-byte-order-mark.hosts", b"\xef\xbb\xbf" + BLOCK + LOCAL,
        "BEGIN at line 1 (behind a byte order mark)", b"\xef\xbb\xbf" + LOCAL)
damaged("bad-end-first-line-crlf.hosts", b"# END hostspin\r\n" + LOCAL, "END at line 1", LOCAL)
damaged("bad-begin-last-line.hosts", LOCAL + b"# BEGIN hostspin", "BEGIN at line 3", LOCAL)
damaged("bad-many.hosts", LOCAL + END * 12, "4 more", LOCAL)

with open(HERE / "expected.tsv", "w", encoding="utf-8", newline="\n") as table:
    for r in rows:
        table.write("\t".join(r) + "\n")
