#!/usr/bin/python3
"""Writes tests/vectors/{config,worker_lines}: accepted and refused inputs without signatures, one fault a file.

As with make_vectors.py, a file is named for its fault and for the code that must come of it:
bad-FAULT.bad_config.toml; and of the workers' lines, with the decoder before the fault:
bad-DECODER-FAULT.worker_failed.json. Run it again after changing it, and commit what it wrote.
"""

import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent


def fresh(folder):
    shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / folder).mkdir()


def write(folder, name, content):
    path = HERE / folder / name
    assert not path.exists(), path
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


GOOD_CONFIGURATIONS = {
    "empty": "",
    "every-key": """fleet = "prod.example"

[refresh]
interval = "5m"
splay = "1m"
deadline = "30s"

[hosts]
path = "/etc/hosts"
conflicts = "comment-out"
write = "in-place"

[verify]
deadline = "5s"
interval = "0"

[tls]
time = "floor"
ca = { internal = "/etc/ssl/internal.pem" }

[metrics]
textfile = "/var/lib/metrics"

[package]
keep_block_on_remove = true

[[source]]
url = "https://config.example.com:8443/fleet/"
addresses = ["10.0.0.5", "2001:db8::5"]
priority = 3
ca = "/etc/ssl/source.pem"
pins = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
client_certificate = "/etc/ssl/client.pem"
client_key = "/etc/ssl/client.key"
proxy = "http://10.0.0.9:3128"

[[source]]
url = "file:///srv/fleet"
""",
    "literal-v6": '[[source]]\nurl = "https://[2001:db8::1]:8443/x"\n',
    "utf-8-in-a-comment": '# f\u00fcr \u2028 und \u3000\nfleet = "a" # \u00e9\n',
    "comment-with-quotes": '# say "hostspin" and \'hosts\' and [[[[[[[[[[ and a.b.c.d.e.f.g.h.i.j\nfleet = "a"\n',
}

BAD_CONFIGURATIONS = {
    "not-toml": "not toml",
    "utf-8-in-an-error": 'fleet = "a"\n\u00e9',
    "utf-8-in-a-key": '\u00e9 = 1\n',
    "utf-8-behind-a-quote-that-opens-nothing": "x = +20z'\u029b\n",
    "utf-8-blank": '\u3000\nfleet = "a"\n',
    "utf-8-behind-a-value": 'fleet = "a"\u00e9\n',
    "utf-8-in-a-header": "[\u00e9]\n",
    "latin-1": b'fleet = "\xe9"\n',
    "escape-sequence": b'\x1b[2Jfleet = "a"\n',
    "nul": b"fleet = \x00\n",
    "key-twice": 'fleet = "a"\nfleet = "b"\n',
    "unknown-key": '[refresh]\nintervall = "5m"\n',
    "unknown-key-escaped": '[refresh]\n"\\u001b[2J" = 1\n',
    "unknown-section": "[refesh]\n",
    "dotted-bomb": ".".join(["a"] * 16000) + " = 1\n",
    "dotted-header-bomb": "[" + ".".join(["a"] * 16000) + "]\n",
    "bracket-bomb": "a = " + "[" * 16000 + "\n",
    "inline-table-bomb": "a = " + "{a=" * 16000 + "\n",
    "nine-segments": "a.b.c.d.e.f.g.h.i = 1\n",
    "multi-line-string": 'fleet = """\na"""\n',
    "multi-line-literal": "fleet = '''\na'''\n",
    "assumed-date": "x = 2026-01-01T",
    "assumed-header": "[%]",
    "fleet-number": "fleet = 1\n",
    "fleet-control": 'fleet = "a\\u0007"\n',
    "fleet-too-long": 'fleet = "' + "a" * 4097 + '"\n',
    "hosts-number": "hosts = 1\n",
    "hosts-path-relative": '[hosts]\npath = "etc/hosts"\n',
    "hosts-conflicts-word": '[hosts]\nconflicts = "delete"\n',
    "refresh-number": "[refresh]\ninterval = 300\n",
    "refresh-blank": '[refresh]\ninterval = "5 m"\n',
    "refresh-negative": '[refresh]\ninterval = "-5m"\n',
    "refresh-huge": '[refresh]\ninterval = "99999999999999999999h"\n',
    "refresh-deadline-121s": '[refresh]\ndeadline = "121s"\n',
    "refresh-zero": '[refresh]\ninterval = "0"\n',
    "package-flag-string": '[package]\nkeep_block_on_remove = "yes"\n',
    "ca-system": '[tls.ca]\nsystem = "/x"\n',
    "ca-name": '[tls.ca]\n"../x" = "/x"\n',
    "ca-relative": '[tls.ca]\nown = "x"\n',
    "source-table": '[source]\nurl = "https://10.0.0.1/"\n',
    "source-numbers": "source = [1]\n",
    "source-empty": "[[source]]\n",
    "source-name-without-addresses": '[[source]]\nurl = "https://config.example.com/"\n',
    "source-literal-with-addresses": '[[source]]\nurl = "https://10.0.0.1/"\naddresses = ["10.0.0.2"]\n',
    "source-address-name": '[[source]]\nurl = "https://a.example/"\naddresses = ["b.example"]\n',
    "source-address-number": '[[source]]\nurl = "https://a.example/"\naddresses = [1]\n',
    "source-17-addresses": '[[source]]\nurl = "https://a.example/"\naddresses = ['
    + ", ".join(f'"10.0.0.{i}"' for i in range(1, 18))
    + "]\n",
    "source-65": '[[source]]\nurl = "https://10.0.0.1/"\n' * 65,
    "source-ftp": '[[source]]\nurl = "ftp://10.0.0.1/"\n',
    "source-user": '[[source]]\nurl = "https://u@10.0.0.1/"\n',
    "source-line-feed": '[[source]]\nurl = "https://10.0.0.1\\n/"\n',
    "source-priority-1001": '[[source]]\nurl = "https://10.0.0.1/"\npriority = 1001\n',
    "source-key-without-certificate": '[[source]]\nurl = "https://10.0.0.1/"\nclient_key = "/k"\n',
    "source-s3-without-region": '[[source]]\nurl = "s3://fleet-notes/a"\naddresses = ["10.0.0.1"]\n',
    "source-s3-bucket": '[[source]]\nurl = "s3://Fleet/a"\naddresses = ["10.0.0.1"]\nregion = "eu-west-1"\n',
    "source-region-without-s3": '[[source]]\nurl = "https://10.0.0.1/"\nregion = "eu-west-1"\n',
    "source-proxy-name": '[[source]]\nurl = "https://10.0.0.1/"\nproxy = "http://proxy.example:3128"\n',
}

PIN = "A" * 43 + "="
CHECK = '{"probe":{"id":1,"address":"192.0.2.1","check":%s}}'

GOOD_LINES = {
    "request-start": '{"hostspin-net":2,"deadline_ms":30000,"ca_bundles":{"own-ca":"x"},"tls_not_before":1790000000}',
    "request-fetch": '{"fetch":{"id":1,"source":0,"url":"https://mirror.example/manifest.note","address":"2001:db8::1",'
    '"priority":7,"ca":"own-ca","pins":["' + PIN + '"],"proxy":"http://192.0.2.9:3128","etag":"W/\\"x\\""}}',
    "request-fetch-at-once": '{"fetch":{"id":1,"source":65535,"at_once":true,"url":"https://mirror.example/root/2.note"}}',
    "request-probe": CHECK % '{"kind":"https","port":8443,"path":"/x","status":[200,429],"contains":"\\u00e9"}',
    "request-probe-of-a-later-kind": CHECK % '{"kind":"quic","port":0}',
    "result-fetch": '{"fetch":{"id":1,"outcome":"ok","body":"QQ==","etag":"\\"a\\"","status":200,"elapsed_ms":3}}',
    "result-failed": '{"fetch":{"id":1,"outcome":"failed","reason":"tls_ca","detail":"x","elapsed_ms":3}}',
    "result-probe": '{"probe":{"id":1,"verdict":"tls_expired","errno":111,"rtt_us":0,"elapsed_ms":5,"days_left":-3}}',
    "result-asked": '{"asked":{"id":4294967295}}',
    "result-notice": '{"notice":"no Landlock"}',
    "result-end": '{"end":true}',
    "ask-input-start": '{"hostspin-ask":1,"deadline_ms":1500}',
    "ask-input-ask": '{"ask":{"id":5,"name":"db.corp.example","database":"dns","family":"inet6"}}',
    "ask-output-ask": '{"ask":{"id":5,"status":"found","addresses":["192.0.2.1","2001:db8::1"],"elapsed_ms":2}}',
    "ask-output-servers": '{"ask":{"id":5,"status":"found","addresses":[],"servers":['
    '{"address":"192.0.2.53","state":"silent"}],"elapsed_ms":2}}',
    "ask-output-end": '{"end":true}',
    "ask-output-notice": '{"notice":"no Landlock"}',
}

BAD_LINES = {
    "request-empty": "",
    "request-other-version": '{"hostspin-net":1,"deadline_ms":1}',
    "request-no-deadline": '{"hostspin-net":2}',
    "request-bundle-name": '{"hostspin-net":2,"deadline_ms":1,"ca_bundles":{"../x":"x"}}',
    "request-two": '{"fetch":{"id":1,"source":0,"url":"https://a/"},"probe":{}}',
    "request-no-url": '{"fetch":{"id":1,"source":0}}',
    "request-no-source": '{"fetch":{"id":1,"url":"https://a/"}}',
    "request-source-65536": '{"fetch":{"id":1,"source":65536,"url":"https://a/"}}',
    "request-source-negative": '{"fetch":{"id":1,"source":-1,"url":"https://a/"}}',
    "request-at-once-number": '{"fetch":{"id":1,"source":0,"at_once":1,"url":"https://a/"}}',
    "request-address-not-canonical": '{"fetch":{"id":1,"source":0,"url":"https://a/","address":"192.0.2.01"}}',
    "request-header-injection": '{"fetch":{"id":1,"source":0,"url":"https://a/\\r\\nHost: b"}}',
    "request-pin-short": '{"fetch":{"id":1,"source":0,"url":"https://a/","pins":["short"]}}',
    "request-body-65537": '{"fetch":{"id":1,"source":0,"url":"https://a/","body_bytes_max":65537}}',
    "request-check-not-an-object": CHECK % '"tcp"',
    "request-check-port-zero": CHECK % '{"kind":"tcp","port":0}',
    "request-check-command": CHECK % '{"kind":"tcp","port":1,"command":"x"}',
    "request-check-status-string": CHECK % '{"kind":"http","port":1,"status":["200"]}',
    "result-list": "[]",
    "result-null": "null",
    "result-two-values": '{"end":true} {"end":true}',
    "result-key-twice": '{"end":true,"end":true}',
    "result-end-false": '{"end":false}',
    "result-two-messages": '{"end":true,"notice":"x"}',
    "result-too-deep": '{"notice":{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}}',
    "result-bracket-bomb": "[" * 16000,
    "result-object-bomb": '{"a":' * 16000,
    "result-not-utf-8": b'{"notice":"\xff"}',
    "result-line-feed": '{"notice":"a\\nb"}',
    "result-id-negative": '{"fetch":{"id":-1,"outcome":"ok","elapsed_ms":3}}',
    "result-id-float": '{"fetch":{"id":1.0,"outcome":"ok","elapsed_ms":3}}',
    "result-id-2-64": '{"fetch":{"id":18446744073709551616,"outcome":"ok","elapsed_ms":3}}',
    "result-id-2-32": '{"fetch":{"id":4294967296,"outcome":"ok","elapsed_ms":3}}',
    "result-unknown-key": '{"fetch":{"id":1,"outcome":"ok","elapsed_ms":3,"surprise":1}}',
    "result-unknown-outcome": '{"fetch":{"id":1,"outcome":"great","elapsed_ms":3}}',
    "result-reason-of-success": '{"fetch":{"id":1,"outcome":"ok","reason":"slow","elapsed_ms":3}}',
    "result-failed-without-reason": '{"fetch":{"id":1,"outcome":"failed","elapsed_ms":3}}',
    "result-body-of-not-found": '{"fetch":{"id":1,"outcome":"not_found","body":"QQ==","elapsed_ms":3}}',
    "result-body-not-canonical": '{"fetch":{"id":1,"outcome":"ok","body":"QR==","elapsed_ms":3}}',
    "result-status-1000": '{"fetch":{"id":1,"outcome":"ok","status":1000,"elapsed_ms":3}}',
    "result-asked-not-an-object": '{"asked":1}',
    "result-asked-no-id": '{"asked":{}}',
    "result-asked-unknown-key": '{"asked":{"id":1,"at":3}}',
    "result-asked-and-answered": '{"asked":{"id":1},"fetch":{"id":1,"outcome":"ok","elapsed_ms":3}}',
    "result-unknown-verdict": '{"probe":{"id":1,"verdict":"fine","elapsed_ms":3}}',
    "result-days-fraction": '{"probe":{"id":1,"verdict":"ok","elapsed_ms":3,"days_left":0.5}}',
    "ask-input-name": '{"ask":{"id":1,"name":"a b","database":"dns","family":"any"}}',
    "ask-input-database": '{"ask":{"id":1,"name":"a","database":"x","family":"any"}}',
    "ask-input-no-family": '{"ask":{"id":1,"name":"a","database":"dns"}}',
    "ask-output-empty": "{}",
    "ask-output-server-state": '{"ask":{"id":5,"status":"found","addresses":[],"servers":['
    '{"address":"192.0.2.53","state":"tired"}],"elapsed_ms":2}}',
    "ask-output-server-name": '{"ask":{"id":5,"status":"found","addresses":[],"servers":['
    '{"address":"dns.example","state":"silent"}],"elapsed_ms":2}}',
    "ask-output-not-sorted": '{"ask":{"id":5,"status":"found","addresses":["192.0.2.2","192.0.2.1"],"elapsed_ms":2}}',
    "ask-output-twice": '{"ask":{"id":5,"status":"found","addresses":["192.0.2.1","192.0.2.1"],"elapsed_ms":2}}',
    "ask-output-found-nothing": '{"ask":{"id":5,"status":"found","addresses":[],"elapsed_ms":2}}',
}


def main():
    fresh("config")
    for name, text in GOOD_CONFIGURATIONS.items():
        write("config", f"good-{name}.toml", text)
    for name, text in BAD_CONFIGURATIONS.items():
        write("config", f"bad-{name}.bad_config.toml", text)
    fresh("worker_lines")
    for name, line in GOOD_LINES.items():
        write("worker_lines", f"good-{name}.json", line)
    for name, line in BAD_LINES.items():
        write("worker_lines", f"bad-{name}.worker_failed.json", line)


if __name__ == "__main__":
    main()
