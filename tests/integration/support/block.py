"""The managed block as the format says it looks, worked out here from a manifest note's text."""

import hashlib
import tomllib

BEGIN = b"# BEGIN hostspin"
END = b"# END hostspin"


def expected_block(manifest_note: bytes, without=(), root: int = 1) -> bytes:
    text = manifest_note[: manifest_note.rindex(b"\n\n") + 1]
    content = tomllib.loads(text.decode())
    digest = hashlib.sha256(text).hexdigest()[:16]
    lines = [
        f"# BEGIN hostspin fleet={content['fleet']} epoch={content['epoch']} "
        f"version={content['version']} root={root} sha256={digest} - managed, see hostspin(8)"
    ]
    for one in content["service"]:
        for name in [one["name"], *one.get("aliases", [])]:
            if name not in without:
                lines += [f"{address}\t{name}" for address in one["addresses"]]
    return ("\n".join(lines) + "\n# END hostspin\n").encode()
