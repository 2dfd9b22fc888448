"""Drafts from what knows the addresses already: each ends as a manifest that `check` finds in order."""

import json
import tomllib

import pytest
from desk_support import FLEET, Desk


@pytest.fixture
def desk(tmp_path, programs) -> Desk:
    return Desk(tmp_path / "desk", programs.sign)


def imported(desk: Desk, kind: str, content, *more, code: int = 0) -> dict:
    """The services of the draft, by name."""
    desk.write("source", content if isinstance(content, str) else json.dumps(content))
    said = desk.run("import", kind, "source", "--fleet", FLEET, *more)
    assert said.code == code, str(said)
    assert said.messages("error") == [], str(said)
    desk.write("draft.toml", said.out)
    assert desk.run("check", "draft.toml").code in (0, 1)
    draft = tomllib.loads(said.text)
    assert draft["fleet"] == FLEET and draft["version"] == 1
    return {service["name"]: service for service in draft["service"]}


def record(kind: str, **attributes) -> dict:
    return {"mode": "managed", "type": kind, "name": "x", "instances": [{"attributes": attributes}]}


TERRAFORM_STATE = {"version": 4, "resources": [
    record("aws_route53_record", name="db.example.com", type="A", records=["10.0.0.1", "10.0.0.2"]),
    record("aws_route53_record", name="*.wild.example.com", type="A", records=["10.0.0.1"]),
    record("aws_route53_record", name="www.example.com", type="CNAME", records=["db.example.com."]),
    record("aws_route53_record", name="example.com", type="MX", records=["10 mail.example.com"]),
    record("google_dns_record_set", name="Api.example.com.", type="AAAA", rrdatas=["2001:db8::1"]),
    record("cloudflare_record", hostname="cf.example.com", name="cf", type="A", value="10.0.0.3"),
    record("azurerm_dns_a_record", name="az", zone_name="example.com", records=["10.0.0.4"]),
    record("dns_a_record_set", name="bind", zone="example.com.", addresses=["10.0.0.5"]),
    record("aws_instance", name="no.example.com", type="A", records=["10.0.0.6"]),
]}


def test_terraform_state(desk):
    services = imported(desk, "terraform", TERRAFORM_STATE, code=1)  # the wildcard is left out, and said
    assert {name: service["addresses"] for name, service in services.items()} == {
        "db.example.com": ["10.0.0.1", "10.0.0.2"], "api.example.com": ["2001:db8::1"], "cf.example.com": ["10.0.0.3"],
        "az.example.com": ["10.0.0.4"], "bind.example.com": ["10.0.0.5"]}
    assert services["db.example.com"]["aliases"] == ["www.example.com"]


def test_terraform_show_with_modules(desk):
    values = {"name": "db.example.com", "type": "A", "records": ["10.0.0.1"]}
    module = {"resources": [{"type": "aws_route53_record", "values": values}]}
    services = imported(desk, "terraform", {"values": {"root_module": {"child_modules": [{"child_modules": [module]}]}}})
    assert services["db.example.com"]["addresses"] == ["10.0.0.1"]


PINS = {"db.example.com": ["10.0.0.1", "2001:db8::1"], "api.example.com": "10.0.0.2"}


def output(value, kind="map") -> dict:
    return {"sensitive": False, "type": [kind], "value": value}


@pytest.mark.parametrize("content, more", [
    (PINS, []),  # terraform output -json NAME
    ({"pins": output(PINS)}, []),  # terraform output -json
    ({"pins": output(PINS), "region": output("eu", "string"), "empty": output({})}, []),
    ({"pins": output(PINS), "bastions": output({"jump": "10.9.9.9"})}, ["--terraform-output", "pins"]),
])
def test_terraform_output(desk, content, more):
    services = imported(desk, "terraform", content, *more)
    assert {name: service["addresses"] for name, service in services.items()} == {
        "db.example.com": ["10.0.0.1", "2001:db8::1"], "api.example.com": ["10.0.0.2"]}


@pytest.mark.parametrize("content, more, said", [
    ({"pins": output(PINS), "bastions": output({"jump": "10.9.9.9"})}, [], "bastions, pins"),
    ({"pins": output(PINS)}, ["--terraform-output", "pin"], "there is no output 'pin'"),
    ({"pins": output("10.0.0.1")}, ["--terraform-output", "pins"], "no map of names to addresses"),
    ({"region": output("eu", "string")}, [], "none of its outputs"),
    ({"pins": output({"db.example.com": {"ip": "10.0.0.1"}})}, [], "none of its outputs"),
])
def test_terraform_output_that_cannot_be_meant(desk, content, more, said):
    desk.write("source", json.dumps(content))
    assert said in desk.refused(3, "import", "terraform", "source", "--fleet", FLEET, *more).messages("error")[0]


def test_consul_catalog_health_and_agent(desk):
    catalog = [{"ServiceName": "db", "Address": "10.0.0.9", "ServiceAddress": "10.0.0.1", "ServicePort": 5432},
               {"ServiceName": "db", "Address": "10.0.0.2", "ServiceAddress": "", "ServicePort": 5432}]
    health = [{"Node": {"Address": "10.0.0.1"}, "Service": {"Service": "db", "Address": "", "Port": 5432}},
              {"Node": {"Address": "10.0.0.9"}, "Service": {"Service": "db", "Address": "10.0.0.2", "Port": 5432}}]
    agent = {"db-1": {"Service": "db", "Address": "10.0.0.1", "Port": 5432},
             "db-2": {"Service": "db", "Address": "10.0.0.2", "Port": 5432}}
    for form in (catalog, health, agent):
        services = imported(desk, "consul", form)
        assert services == {"db.service.consul": {"name": "db.service.consul", "addresses": ["10.0.0.1", "10.0.0.2"],
                                                  "check": {"tcp": 5432}}}
    assert list(imported(desk, "consul", catalog, "--domain", "svc.example.com")) == ["db.svc.example.com"]


def consul_instance(address: str, *statuses: str) -> dict:
    checks = [{"CheckID": f"service:{n}", "Name": f"check {n}", "Status": status} for n, status in enumerate(statuses)]
    return {"Node": {"Address": "10.9.9.9"}, "Checks": checks,
            "Service": {"Service": "db", "Address": address, "Port": 5432}}


def test_consul_instance_with_a_failing_check_is_left_out_and_said(desk):
    answer = [consul_instance("10.0.0.1", "passing", "passing"), consul_instance("10.0.0.2", "passing", "critical"),
              consul_instance("10.0.0.3", "warning"), consul_instance("10.0.0.4")]
    desk.write("source", json.dumps(answer))
    said = desk.run("import", "consul", "source", "--fleet", FLEET)
    assert said.code == 1, str(said)
    assert tomllib.loads(said.text)["service"][0]["addresses"] == ["10.0.0.1", "10.0.0.4"]
    warnings = said.messages("warning")
    assert len(warnings) == 2, str(said)
    assert "10.0.0.2" in warnings[0] and "'check 1' is 'critical'" in warnings[0]
    assert "10.0.0.3" in warnings[1] and "'warning'" in warnings[1]


def test_consul_where_no_instance_passes(desk):
    """The very incident: the message says so, and nothing is drafted."""
    desk.write("source", json.dumps([consul_instance("10.0.0.1", "critical")]))
    said = desk.refused(3, "import", "consul", "source", "--fleet", FLEET, "-o", "draft.toml")
    assert "nothing in 'source' can be pinned" in said.messages("error")[0]
    for empty in ("[]", "{}"):
        desk.write("source", empty)
        said = desk.refused(3, "import", "consul", "source", "--fleet", FLEET, "-o", "draft.toml")
        assert "no instance passes its checks, or there is no such service" in said.messages("error")[0]
        assert "/v1/health/service/NAME" not in said.messages("hint")[0]
    assert not desk.path("draft.toml").exists()


def test_standard_input_is_called_so(desk):
    said = desk.refused(3, "import", "consul", "-", "--fleet", FLEET, input=b"[]")
    assert said.messages("error")[0].startswith("standard input: "), str(said)
    for command in (["check", "-"], ["sign", "-", "--key", "k"], ["bump", "-"], ["text", "-"]):
        said = desk.run(*command, input=b"hello\n")
        assert "standard input" in said.err and "'-'" not in said.err, str(said)


def endpoint_slice(name: str, *endpoints, kind: str = "IPv4", **labels) -> dict:
    return {"kind": "EndpointSlice", "addressType": kind, "ports": [{"port": 5432, "protocol": "TCP"}],
            "metadata": {"namespace": "prod", "labels": {"kubernetes.io/service-name": name, **labels}},
            "endpoints": [{"addresses": [address], "conditions": conditions} for address, conditions in endpoints]}


def test_kubernetes_endpoint_slices(desk):
    """They give the addresses of a service that has none of its own; pods behind a cluster address stay out."""
    ready = {"ready": True}
    items = [
        endpoint_slice("db", ("10.0.0.1", ready), ("10.0.0.2", {}), ("10.0.0.3", {"ready": False})),
        endpoint_slice("db", ("2001:db8::1", ready), kind="IPv6"),
        endpoint_slice("db", ("elsewhere.example.com", ready), kind="FQDN"),
        endpoint_slice("api", ("10.244.0.7", ready)),
        endpoint_slice("alone", ("10.0.0.9", ready)),
        {"kind": "Service", "metadata": {"name": "db", "namespace": "prod", "annotations": {
            "external-dns.alpha.kubernetes.io/hostname": "db.example.com"}}, "spec": {"clusterIP": "None"}},
        {"kind": "Service", "metadata": {"name": "api", "namespace": "prod"}, "spec": {"clusterIP": "10.96.0.1"}},
    ]
    services = imported(desk, "k8s", {"kind": "List", "items": items}, code=1)  # one is not ready, and said
    assert {name: service["addresses"] for name, service in services.items()} == {
        "db.example.com": ["10.0.0.1", "10.0.0.2", "2001:db8::1"], "api.prod.svc.cluster.local": ["10.96.0.1"],
        "alone.prod.svc.cluster.local": ["10.0.0.9"]}
    assert services["db.example.com"]["check"] == {"tcp": 5432}


def test_kubernetes_services_and_ingresses(desk):
    def service(name, spec, status=None, **annotations):
        return {"kind": "Service", "metadata": {"name": name, "namespace": "prod", "annotations": annotations},
                "spec": spec, "status": status or {}}
    balancer = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    items = [
        service("api", {"ports": [{"port": 443}, {"port": 53, "protocol": "UDP"}], "clusterIP": "10.96.0.1"}, balancer,
                **{"external-dns.alpha.kubernetes.io/hostname": "api.example.com,api2.example.com"}),
        service("inner", {"ports": [{"port": 80}, {"port": 81}], "clusterIPs": ["10.96.0.2"]}),
        service("headless", {"clusterIP": "None"}),
        {"kind": "Ingress", "metadata": {}, "spec": {"tls": [{}], "rules": [{"host": "www.example.com"}]},
         "status": balancer},
    ]
    services = imported(desk, "k8s", {"kind": "List", "items": items})
    assert services["api.example.com"]["addresses"] == ["10.0.0.1"]
    assert services["api.example.com"]["check"] == {"tcp": 443}
    assert services["inner.prod.svc.cluster.local"]["check"] == [{"tcp": 80}, {"tcp": 81}]
    assert services["www.example.com"]["check"] == {"tcp": 443}
    assert len(services) == 4


DIG = """
; <<>> DiG 9.18.28 <<>> www.example.com db.example.com
;; ANSWER SECTION:
www.example.com.\t300\tIN\tCNAME\tdb.example.com.
db.example.com.\t60\tIN\tA\t10.0.0.1
db.example.com.\t60\tIN\tA\t10.0.0.2
db.example.com.\t60\tIN\tAAAA\t2001:db8::1
example.com.\t60\tIN\tMX\t10 mail.example.com.
"""


def test_dig(desk):
    services = imported(desk, "dig", DIG)
    assert services == {"db.example.com": {"name": "db.example.com", "aliases": ["www.example.com"],
                                           "addresses": ["10.0.0.1", "10.0.0.2", "2001:db8::1"]}}


def test_hosts_leaves_out_what_is_the_machines_own(desk):
    hosts = "127.0.0.1 localhost\n::1 ip6-localhost localhost\n10.0.0.1\tDb.example.com db # the old one\n"
    services = imported(desk, "hosts", hosts, code=1)
    assert {name: service["addresses"] for name, service in services.items()} == {
        "db.example.com": ["10.0.0.1"], "db": ["10.0.0.1"]}


def test_what_cannot_be_pinned_is_left_out_and_said(desk):
    desk.write("source", "10.0.0.1 good.example.com\n127.0.0.1 a.example.com\n10.0.0.01 b.example.com\n"
                         "10.0.0.2 under_score.example.com\n169.254.169.254 metadata.example.com\n")
    said = desk.run("import", "hosts", "source", "--fleet", FLEET)
    assert said.code == 1
    assert len([line for line in said.messages("warning") if line.startswith("left out: ")]) == 4
    assert [service["name"] for service in tomllib.loads(said.text)["service"]] == ["good.example.com"]


def test_a_loop_of_aliases_ends(desk):
    desk.write("source", "a.x. 1 IN CNAME b.x.\nb.x. 1 IN CNAME a.x.\nc.x. 1 IN A 10.0.0.1\n")
    said = desk.run("import", "dig", "source", "--fleet", FLEET)
    assert said.code == 1 and len(said.messages("warning")) == 2


@pytest.mark.parametrize("kind, content", [
    ("terraform", "{}"), ("terraform", "no json"), ("terraform", "[1]"), ("consul", "[]"), ("consul", '[{"Service": 3}]'),
    ("consul", "3"), ("k8s", '{"items": 3}'), ("k8s", "[]"), ("dig", ""), ("hosts", "# nothing\n"), ("zone", "x"),
    ("hosts", "127.0.0.1 localhost\n"), ("terraform", '{"resources": {"a": 1}}'),
    ("k8s", '{"kind": "EndpointSlice", "endpoints": [3, {"addresses": {}}], "ports": 7, "metadata": {"labels": []}}'),
    ("consul", '[{"Checks": 3, "Service": {"Service": "db"}}]'),
    ("k8s", '{"kind": "Service", "spec": {"ports": 3, "clusterIPs": {"a": 1}}}'),
    ("terraform", '{"values": {"root_module": {"child_modules": 7, "resources": [null, 3, {"type": "dns_record"}]}}}')])
def test_what_holds_nothing_is_refused(desk, kind, content):
    desk.write("source", content)
    desk.refused(3, "import", kind, "source", "--fleet", FLEET)


def test_deep_json_is_no_way_to_crash(desk):
    desk.write("source", "[" * 200000)
    desk.refused(3, "import", "k8s", "source", "--fleet", FLEET)
    desk.refused(3, "import", "consul", "source", "--fleet", FLEET)
    module = "{}"
    for _ in range(3000):
        module = '{"child_modules":[' + module + "]}"
    desk.write("source", '{"values":{"root_module":' + module + "}}")
    desk.refused(3, "import", "terraform", "source", "--fleet", FLEET)


def test_a_draft_never_overwrites(desk):
    desk.write("source", DIG)
    desk.write("manifest.toml", "precious")
    desk.refused(3, "import", "dig", "source", "--fleet", FLEET, "-o", "manifest.toml")
    assert desk.text("manifest.toml") == "precious"


def test_too_much_to_pin_is_called_so(desk):
    desk.write("source", "".join(f"10.0.{n // 250}.{n % 250 + 1} h{n}.example.com\n" for n in range(3000)))
    said = desk.refused(2, "import", "hosts", "source", "--fleet", FLEET)
    assert "larger than 65536 bytes" in said.messages("error")[0] and "pin less" in said.messages("hint")[0], str(said)
