"""hostspin-net asks S3 with the keys of its instance's role; the signature is checked independently."""

import subprocess
import sys
from pathlib import Path

import pytest
from net_metadata_service import KEYS
from net_support import NAME, Certificates, MisbehavingServer, ask, fetch
from support import sigv4
from support.namespace import Namespace
from support.process import clean_environment

ADDRESS, SERVICE = "10.99.8.1", "169.254.169.254"
REGION = "eu-central-1"


def check_signature(head: str) -> dict:
    """The headers, in lower case, of a request that S3 would take for the role's own."""
    identity = sigv4.Identity(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
    return sigv4.check(head, identity, REGION)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    namespace = Namespace([ADDRESS, SERVICE])
    certificates = Certificates(tmp_path_factory.mktemp("s3") / "certificates", ADDRESS)
    server = MisbehavingServer(ADDRESS, certificates, namespace.prefix())
    yield namespace, certificates, server
    server.close()
    namespace.close()


@pytest.fixture
def metadata_service(site):
    started = []

    def start(role):
        script = Path(__file__).with_name("net_metadata_service.py")
        service = subprocess.Popen(
            [*site[0].prefix(), sys.executable, str(script), SERVICE, "80", role], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=clean_environment())
        assert service.stdout.readline() == b"ready\n"
        started.append(service)

    yield start
    for service in started:
        service.communicate()


@pytest.fixture
def s3(programs, site):
    def get(*requests):
        return ask(programs.net, requests, prefix=site[0].prefix(), ca_bundles={"system": site[1].ca})
    return get


def s3_fetch(number, site, behaviour="tls_echo", path="/fleet/manifest.note", **more):
    url = f"https://{NAME}:{site[2].ports[behaviour]}{path}"
    return fetch(number, url, ADDRESS, **{"s3_region": REGION, **more})


def test_signed_requests(s3, site, metadata_service):
    metadata_service("edge-role")
    answers = s3(s3_fetch(1, site), s3_fetch(2, site, path="/fleet/root.2.note"), s3_fetch(3, site, etag='"v1"'))
    for number in (1, 2, 3):
        assert answers[number]["outcome"] == "ok", answers[number]
        headers = check_signature(answers.body(number).decode())
        assert headers["x-amz-security-token"] == KEYS["Token"]
    assert 'If-None-Match: "v1"' in answers.body(3).decode()


def test_without_a_region_nothing_is_signed(s3, site, metadata_service):
    metadata_service("edge-role")
    head = s3(s3_fetch(1, site, s3_region="")).body(1).decode().lower()
    assert "authorization" not in head and "x-amz" not in head


def test_an_instance_without_a_role(s3, site, metadata_service):
    metadata_service("")
    result = s3(s3_fetch(1, site))[1]
    assert (result["outcome"], result["reason"]) == ("failed", "internal") and "404" in result["detail"]


def test_no_metadata_service(s3, site):
    """Somebody's own hardware: another source is not kept waiting by it."""
    answers = s3(s3_fetch(1, site), fetch(2, site[2].url("tls_good"), ADDRESS, priority=1))
    assert answers[1]["outcome"] == "failed" and "metadata service" in answers[1]["detail"]
    assert answers[2]["outcome"] == "ok"


@pytest.mark.parametrize("change", [
    {"path": "/fleet/a=b.note"}, {"path": "/fleet/manifest.note?versionId=1"}, {"path": "/a%20b"},
    {"s3_region": "eu central"}, {"s3_region": "EU"}, {"behaviour": "good"},
])
def test_what_cannot_be_signed_safely(s3, site, change):
    request = s3_fetch(1, site, **change)
    if change.get("behaviour") == "good":
        request["fetch"]["url"] = request["fetch"]["url"].replace("https://", "http://")
    result = s3(request)[1]
    assert (result["outcome"], result["reason"]) == ("failed", "protocol")
