"""A host whose openssl.cnf, locale or time zone is odd judges as every other host does, and so does a desk."""

import pytest
from desk_support import FLEET, PASSPHRASE, Desk
from support.block import expected_block
from support.fleet import Publication
from support.machine import DEFAULT_HOSTS, Machine
from support.namespace import Unavailable
from support.strace import traced

HEAD = "openssl_conf = init\nconfig_diagnostics = 1\n[init]\n"
CONFIGURATIONS = {
    "fips=yes": HEAD + "alg_section = alg\n[alg]\ndefault_properties = fips=yes\n",
    "a broken provider": HEAD + "providers = p\n[p]\nbroken = b\n[b]\nmodule = /nonexistent/broken.so\nactivate = 1\n",
    "only the null provider": HEAD + "providers = p\n[p]\nnull = n\n[n]\nactivate = 1\n",
    "not a configuration": "[[[\n= =\n",
}
VARIABLES = [{"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "ar_EG.UTF-8"}, {"TZ": "Pacific/Kiritimati"}, {"TZ": ":/nonexistent"},
             {"OPENSSL_MODULES": "/nonexistent"}]


def surroundings():
    for name, text in CONFIGURATIONS.items():
        yield pytest.param(text, {}, id=name)
    for variables in VARIABLES:
        yield pytest.param(None, variables, id="=".join(*variables.items()))


@pytest.fixture
def environment(tmp_path, request):
    text, variables = request.param
    if text is None:
        return variables
    (tmp_path / "openssl.cnf").write_text(text)
    return {"OPENSSL_CONF": str(tmp_path / "openssl.cnf")}


def every_surrounding(function):
    cases = [pytest.param(case.values, id=case.id) for case in surroundings()]
    return pytest.mark.parametrize("environment", cases, indirect=True)(function)


@every_surrounding
def test_surroundings_do_not_matter(tmp_path, programs, fleet, environment):
    publication = Publication(tmp_path / "publication")
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), fleet.manifest(1))
    refresh = ["refresh", "--from", publication.path]

    publication.offer_root(2, fleet.root(2))
    good = fleet.manifest(2, min_root=2)
    publication.offer(good)
    adopted = machine.hostspin(*refresh, environment=environment)
    assert adopted.code == 0, str(adopted)
    assert machine.hosts == expected_block(good, root=2) + DEFAULT_HOSTS

    before = machine.hosts, machine.state()
    for version, changes in ((3, {"signers": fleet.manifest_keys[:1]}), (1, {}), (3, {"fleet": "other.example"})):
        publication.offer(fleet.manifest(version, **changes))
        refused = machine.hostspin(*refresh, environment=environment)
        assert refused.code == 2 and (machine.hosts, machine.state()) == before, str(refused)


def test_a_boot_without_randomness_does_not_hold_apply_up(tmp_path, programs, fleet):
    machine = Machine(tmp_path / "machine", programs).trust(fleet.root(), fleet.manifest(1))
    try:
        done, trace = traced(machine.command("apply"), tmp_path / "trace")
    except Unavailable as reason:
        pytest.skip(str(reason))
    assert done.code == 0 and machine.hosts == expected_block(fleet.manifest(1)) + DEFAULT_HOSTS, str(done)
    assert trace.opened() and trace.waits_for_randomness() == []


@every_surrounding
def test_the_desk_works_in_them_too(tmp_path, programs, environment):
    desk = Desk(tmp_path / "desk", programs.sign)
    desk.ok("init", "fleet", "--fleet", FLEET, "--root-keys", "1", "--root-threshold", "1", "--manifest-keys", "1",
            passphrase=PASSPHRASE, **environment)
    fleet = Desk(desk.path("fleet"), programs.sign)
    fleet.ok("sign", "manifest.toml", "--root", "public", "--key", "keys/manifest-1.key", "-o", "public/manifest.note",
             passphrase=PASSPHRASE, **environment)
    fleet.ok("check", "public/manifest.note", "--root", "public", "--signed", **environment)
