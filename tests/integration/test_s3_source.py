"""hostspin's S3 sources, end to end: a bucket that checks every signature, and the instance's metadata service."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from net_metadata_service import KEYS, TOKEN
from support import sigv4
from support.block import expected_block
from support.certificates import Authority
from support.fleet import Publication
from support.machine import DEFAULT_HOSTS, Machine, source
from support.namespace import Namespace
from support.process import clean_environment, run

ADDRESS, SERVICE = "10.99.9.1", "169.254.169.254"
REGION, BUCKET = "eu-central-1", "fleet-notes"
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
SECRETS = (KEYS["SecretAccessKey"], KEYS["Token"], KEYS["AccessKeyId"], TOKEN)


class Child:
    """One of the tests' servers in the namespace, until close()."""

    def __init__(self, namespace, script, *arguments, **environment):
        path = Path(__file__).with_name(script)
        self._process = subprocess.Popen(
            [*namespace.prefix(), sys.executable, str(path), *map(str, arguments)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=clean_environment(**environment))
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> list:
        """What it wrote, line by line."""
        output, _ = self._process.communicate(timeout=10)
        return output.decode().splitlines()


@pytest.fixture
def cloud(tmp_path, programs, fleet):
    """(machine, publication, start): a machine in a cloud, and what starts its bucket and metadata service."""
    namespace = Namespace([ADDRESS, SERVICE])
    authority = Authority()
    certificate, key = authority.issue(tmp_path, "s3", [HOST])
    publication = Publication(tmp_path / "bucket" / "prod")
    machine = Machine(tmp_path / "machine", programs, namespace).trust(fleet.root())
    machine.configure(source(f"s3://{BUCKET}/prod", addresses=[ADDRESS], region=REGION,
                             ca=machine.put("ca.pem", authority.pem)))
    children = []

    def start(role="edge-role", region=REGION, **environment):
        bucket = Child(namespace, "s3_server.py", ADDRESS, 443, certificate, key, tmp_path / "bucket", region, HOST,
                       **environment)
        children.extend([bucket, Child(namespace, "net_metadata_service.py", SERVICE, 80, role, **environment)])

        def requests():
            """Ends both; what the bucket was asked."""
            lines = [child.close() for child in children]
            children.clear()
            return [json.loads(line) for line in lines[0]]
        return requests

    yield machine, publication, start
    for child in children:
        child.close()
    namespace.close()


def test_the_checker_against_amazons_own_example():
    """GET Object of the S3 API reference, "Signature Calculations for the Authorization Header"."""
    head = "\r\n".join([
        "GET /test.txt HTTP/1.1", "Host: examplebucket.s3.amazonaws.com", "Range: bytes=0-9",
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date: 20130524T000000Z",
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"])
    identity = sigv4.Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert sigv4.check(head, identity, "us-east-1")["range"] == "bytes=0-9"
    with pytest.raises(sigv4.Refused, match="SignatureDoesNotMatch"):
        sigv4.check(head.replace("bytes=0-9", "bytes=0-8"), identity, "us-east-1")


def test_a_manifest_from_s3(cloud, fleet):
    machine, publication, start = cloud
    requests = start()
    offered = fleet.manifest(1)
    publication.offer(offered)

    first, second = machine.hostspin("refresh"), machine.hostspin("refresh")

    assert (first.code, second.code) == (0, 0), f"{first}{second}"
    assert machine.hosts == expected_block(offered) + DEFAULT_HOSTS
    served = requests()
    assert ["/prod/manifest.note", 200, ""] in served and ["/prod/root/2.note", 404, "NoSuchKey"] in served, served
    # The second time the bucket need not send it again.
    assert ["/prod/manifest.note", 304, ""] in served, served


def test_a_newer_manifest_comes_in_spite_of_the_etag(cloud, fleet):
    machine, publication, start = cloud
    start()
    for version in (1, 2):
        publication.offer(fleet.manifest(version))
        done = machine.hostspin("refresh")
        assert done.code == 0 and f"manifest {version}" in done.verdict, str(done)


def test_not_modified_is_no_answer_for_a_machine_that_lost_its_manifest(cloud, fleet):
    """The tag alone survives: what it stood for is gone, so the whole document is asked for."""
    machine, publication, start = cloud
    start()
    publication.offer(fleet.manifest(1))
    assert machine.hostspin("refresh").code == 0
    (machine.state_path / "manifest.note").unlink()
    machine.hosts = DEFAULT_HOSTS
    done = machine.hostspin("refresh")
    assert done.code in (0, 1) and machine.hosts == expected_block(fleet.manifest(1)) + DEFAULT_HOSTS, str(done)


def test_credentials_stay_out_of_sight(cloud, fleet, tmp_path):
    """Neither printed, kept, nor on any command line; when all is well and when S3 refuses them."""
    machine, publication, start = cloud
    publication.offer(fleet.manifest(1))
    seen = []
    for region in (REGION, "us-west-2"):
        requests = start(region=region)
        trace = tmp_path / f"trace-{region}"
        command = machine.command("refresh", "--verbose")
        at = command.index(str(machine.programs.hostspin))
        command[at:at] = ["strace", "-f", "-v", "-s", "65536", "-e", "trace=execve,execveat", "-o", str(trace)]
        seen += [run(command), trace.read_text()]
        statuses = {status for _, status, _ in requests()}
        assert statuses == ({200, 404} if region == REGION else {403}), statuses
        machine.hostspin("status", "--output", "json")
    assert (seen[0].code, seen[2].code) == (0, 2), f"{seen[0]}{seen[2]}"
    seen += [path.read_text() for path in machine.state_path.rglob("*") if path.is_file()]
    seen.append(machine.hostspin("refresh", "--output", "json"))
    for secret in SECRETS:
        assert not any(secret in str(text) for text in seen), secret
    assert re.search(r"execve(at)?\(.*hostspin-net", seen[1]), "the trace saw no worker"


@pytest.mark.parametrize("size", [2048, 4095, 4096, 8000])
def test_a_sessions_token_may_be_long(cloud, fleet, size):
    """Those of STS have two to four kilobytes and no limit that Amazon would state."""
    machine, publication, start = cloud
    requests = start(METADATA_TOKEN_BYTES=str(size))
    publication.offer(fleet.manifest(1))
    done = machine.hostspin("refresh")
    assert done.code == 0, done
    assert ["/prod/manifest.note", 200, ""] in requests()


REFUSED = json.dumps({"Code": "AssumeRoleUnauthorizedAccess", "LastUpdated": "2026-01-01T00:00:00Z",
                      "Message": "EC2 cannot assume the role edge-role.\nSee the documentation."})


@pytest.mark.parametrize("answer,says", [
    (REFUSED, "AssumeRoleUnauthorizedAccess: EC2 cannot assume the role edge-role."),
    ('{"Code": "Failed"}', "role 'edge-role' is refused its keys: Failed"),
    ("404", "role 'edge-role' is not there (status 404)"),
    ("401", "its own token is not accepted (status 401)"),
    ('{"Code": "Success"}', "an answer without keys"),
])
def test_a_roles_refusal_is_named(cloud, fleet, answer, says):
    machine, publication, start = cloud
    start(METADATA_REFUSAL=answer)
    publication.offer(fleet.manifest(1))
    done = machine.hostspin("refresh")
    assert done.code == 2 and says in done.stderr, done
    assert "edge-role" in done.stderr or answer == "401" or "without keys" in says, done


def test_a_bucket_that_refuses_the_role_is_said_to(cloud, fleet):
    machine, publication, start = cloud
    start(region="us-west-2")
    publication.offer(fleet.manifest(1))
    done = machine.hostspin("refresh")
    assert done.code == 2 and "has no manifest.note (HTTP status 403: S3 refuses it to this instance's role, or it is missing)" in done.stderr, done


def test_an_instance_without_a_role_says_so(cloud, fleet):
    machine, publication, start = cloud
    start(role="")
    publication.offer(fleet.manifest(1))
    done = machine.hostspin("refresh")
    assert done.code == 2 and "no credentials from the instance's metadata service" in done.stderr, str(done)
    assert machine.hosts == DEFAULT_HOSTS


@pytest.mark.parametrize("keys, says", [
    ({"region": REGION}, "there are no addresses"),
    ({"addresses": [ADDRESS]}, "an s3:// url needs one"),
    ({"addresses": [ADDRESS], "region": "EU/../x"}, "an s3:// url needs one"),
    ({"url": "s3://Bad_Bucket/x", "addresses": [ADDRESS], "region": REGION}, "the bucket's name"),
    ({"url": "s3://10.0.0.1/x", "addresses": [ADDRESS], "region": REGION}, "the bucket's name"),
    ({"url": f"s3://{BUCKET}/a+b", "addresses": [ADDRESS], "region": REGION}, "the prefix may hold"),
    ({"url": "https://10.0.0.1/x", "region": REGION}, "goes with an s3:// url alone"),
])
def test_what_an_s3_source_needs(machine, keys, says):
    machine.configure({"url": f"s3://{BUCKET}/prod", **keys})
    done = machine.hostspin("refresh")
    assert done.code == 3 and says in done.stderr, str(done)
