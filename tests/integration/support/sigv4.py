"""Amazon's Signature Version 4 for S3, from the receiver's side: written from the published specification
("Authenticating Requests: Using the Authorization Header"), so that a fault of the signer cannot hide."""

import hashlib
import hmac
from dataclasses import dataclass


class Refused(Exception):
    """Why S3 would answer 403."""


@dataclass(frozen=True)
class Identity:
    key_id: str
    secret: str
    token: str = ""


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise Refused(why)


def split_head(head: str) -> tuple:
    """(method, path, headers in lower case) of a request's head."""
    request_line, *lines = head.strip().split("\r\n")
    method, path, _ = request_line.split(" ")
    return method, path, {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}


def check(head: str, identity: Identity, region: str, must_sign=("host", "x-amz-date", "x-amz-content-sha256")) -> dict:
    """The headers of a request without query whose signature is right; Refused otherwise."""
    method, path, headers = split_head(head)
    _need("authorization" in headers, "no Authorization")
    scheme, _, parts = headers["authorization"].partition(" ")
    _need(scheme == "AWS4-HMAC-SHA256", f"scheme {scheme}")
    fields = dict(part.strip().split("=", 1) for part in parts.split(","))
    key_id, date, scope_region, service, end = fields["Credential"].split("/")
    _need((key_id, scope_region, service, end) == (identity.key_id, region, "s3", "aws4_request"),
          f"scope {fields['Credential']}")
    moment = headers["x-amz-date"]
    _need(moment.startswith(date) and len(moment) == 16, f"date {moment}")
    signed = fields["SignedHeaders"].split(";")
    _need(signed == sorted(signed), "signed headers not in order")
    _need(set(must_sign) <= set(signed), f"not signed: {set(must_sign) - set(signed)}")
    _need(all(name in signed for name in headers if name.startswith("x-amz-")), "an x-amz header is not signed")
    _need("?" not in path, "a query")
    canonical = "\n".join([method, path, "", *[f"{name}:{' '.join(headers[name].split())}" for name in signed], "",
                           ";".join(signed), headers["x-amz-content-sha256"]])
    text = "\n".join(["AWS4-HMAC-SHA256", moment, f"{date}/{region}/{service}/{end}",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + identity.secret).encode()
    for part in (date, region, service, end):
        key = _hmac(key, part)
    _need(hmac.compare_digest(_hmac(key, text).hex(), fields["Signature"]), "SignatureDoesNotMatch")
    if identity.token:
        _need(headers.get("x-amz-security-token") == identity.token, "InvalidToken")
    return headers
