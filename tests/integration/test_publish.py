"""The pipeline of examples/publish, run as its README says: an inventory, a draft, two signers, a publication that
changes at once or not at all, and a machine that adopts it."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from desk_support import Desk
from support.machine import Machine
from support.namespace import Namespace
from support.process import clean_environment, run

ADDRESSES = ["10.1.0.1", "10.1.0.2"]
TERRAFORM = {
    "password": {"sensitive": True, "type": "string", "value": "hunter2"},
    "hostspin_services": {"sensitive": False, "type": ["object", {}], "value": {
        "db.svc.example.com": ADDRESSES, "ldap.svc.example.com": "10.1.0.20"}},
}


def instance(address: str, status: str = "passing", service: str = "db") -> dict:
    return {"Node": {"Node": "n-" + address, "Address": "10.1.99.99"},
            "Service": {"Service": service, "Address": address, "Port": 5432},
            "Checks": [{"CheckID": "serfHealth", "Status": "passing"}, {"CheckID": "tcp", "Status": status}]}


CONSUL = [instance(address) for address in ADDRESSES]
INPUTS = {"terraform": TERRAFORM, "consul": CONSUL}


def tree(directory: Path) -> dict:
    """Every name below, hidden ones too: what a link points to, or a file's bytes, inode and time."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
        else:
            found[name] = None
    return found


class Pipeline:
    def __init__(self, directory: Path, programs, checkout: Path):
        for tool in ("awk", "flock"):
            if not shutil.which(tool, path=clean_environment()["PATH"]):
                pytest.skip(f"needs the program {tool}")
        self.scripts = checkout / "examples/publish"
        self.desk = Desk(directory, programs.sign)
        self.desk.ok("init", "prod", "--fleet", "prod.example", "--names", "*.svc.example.com", "--networks",
                     "10.1.0.0/16", "--manifest-keys", "3", "--manifest-threshold", "2", "--no-passphrase")
        self.publication = self.desk.path("public")
        self.desk.path("services").mkdir()
        self.desk.write("services/db.svc.example.com.toml", 'owner = "database on-call"\ncheck = { tcp = 5432 }\n')
        self.environment = clean_environment(TMPDIR=str(directory))
        self.environment["PATH"] = f"{programs.sign.parent}:{self.environment['PATH']}"

    @property
    def current(self) -> Path:
        return self.publication / "current"

    @property
    def note(self) -> bytes:
        return (self.current / "manifest.note").read_bytes()

    def script(self, name: str, *arguments):
        return run([self.scripts / name, *arguments], cwd=self.desk.directory, env=self.environment)

    def ask(self, kind: str, answer) -> list:
        self.desk.write(kind + ".json", json.dumps(answer))
        return [f"--{kind}", kind + ".json"]

    def base(self) -> list:
        """What is published, as the options of draft.sh and of a signer."""
        if not self.current.exists():
            return ["--root", "prod/public"]
        return ["--root", "public/current", "--previous", "public/current/manifest.note"]

    def draft(self, *inputs):
        return self.script("draft.sh", *self.base(), *inputs, "--domain", "svc.example.com", "--services", "services",
                           "-o", "draft.toml")

    def sign(self, *signers: int, base=None, draft: str = "draft.toml"):
        """Each signer in turn, the first from the draft, the others over the pending note that they are handed."""
        source, pending = draft, "draft.pending.note"
        for signer in signers:
            self.desk.ok("sign", source, *(self.base() if base is None else base), "--key",
                         f"prod/keys/manifest-{signer}.key", "-o", "manifest.note")
            source = pending if self.desk.path(pending).exists() else "manifest.note"

    def publish(self, *more, manifest: str = "manifest.note"):
        return self.script("publish.sh", "public", "--manifest", manifest, "--accept", "no-check", *more)

    def first(self, kind: str) -> "Pipeline":
        """Version 1, published."""
        drafted = self.draft(*self.ask(kind, INPUTS[kind]))
        assert drafted.code in (0, 1), str(drafted)
        self.sign(1, 2)
        published = self.publish("--root", "prod/public/root/1.note")
        assert published.code == 0, str(published)
        return self

    def refused(self, code: int, *more, manifest: str = "manifest.note"):
        """publish.sh refuses, and what is published is what it was, byte for byte and file for file."""
        before = tree(self.publication)
        done = self.publish(*more, manifest=manifest)
        assert done.code == code, str(done)
        assert tree(self.publication) == before
        return done


@pytest.fixture
def pipeline(tmp_path, programs, checkout) -> Pipeline:
    return Pipeline(tmp_path / "desk", programs, checkout)


@pytest.fixture
def network():
    """The services' addresses, and somebody who answers at them."""
    made = Namespace([*ADDRESSES, "10.1.0.3"])
    listen = ("import socket, sys\ns = socket.create_server(('', 5432))\nprint('ready', flush=True)\n"
              "sys.stdin.read()\n")
    server = subprocess.Popen([*made.prefix(), "/usr/bin/python3", "-c", listen], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env=clean_environment())
    assert server.stdout.readline() == b"ready\n"
    yield made
    server.communicate(timeout=10)
    made.close()


@pytest.mark.parametrize("kind", INPUTS)
def test_a_machine_adopts_each_edition(pipeline, network, programs, tmp_path, kind):
    pipeline.first(kind)
    machine = Machine(tmp_path / "machine", programs, network).trust((pipeline.current / "root/1.note").read_bytes())

    done = machine.hostspin("refresh", "--from", pipeline.current)
    assert done.code == 0, str(done)
    for address in ADDRESSES:
        assert f"{address}\tdb.svc.example.com\n".encode() in machine.hosts

    more = json.loads(json.dumps(INPUTS[kind]).replace("10.1.0.2\"", "10.1.0.3\""))
    drafted = pipeline.draft(*pipeline.ask(kind, more))
    assert drafted.code in (0, 1) and "10.1.0.3" in drafted.stdout, str(drafted)
    pipeline.sign(2, 3)
    published = pipeline.publish()
    assert published.code == 0, str(published)

    done = machine.hostspin("refresh", "--from", pipeline.current)
    assert done.code == 0, str(done)
    assert b"10.1.0.3\tdb.svc.example.com\n" in machine.hosts and b"10.1.0.2\t" not in machine.hosts
    assert b" version=2 " in machine.hosts


@pytest.mark.parametrize("kind", INPUTS)
def test_the_draft_has_what_people_know_and_what_the_inventory_knows(pipeline, kind):
    pipeline.desk.write("services/_head.toml", "rollout = 60\n")
    pipeline.desk.write("services/extra.svc.example.com.toml", 'addresses = ["10.1.7.7"]\n')
    pipeline.first(kind)
    published = tomllib.loads(pipeline.note.split(b"\n\n\xe2\x80\x94", 1)[0].decode())
    services = {one["name"]: one for one in published["service"]}
    assert published["rollout"] == 60 and published["version"] == 1
    assert services["db.svc.example.com"] == {"name": "db.svc.example.com", "addresses": ADDRESSES,
                                              "owner": "database on-call", "check": {"tcp": 5432}}
    assert services["extra.svc.example.com"]["addresses"] == ["10.1.7.7"]
    assert ("ldap.svc.example.com" in services) == (kind == "terraform")


def test_both_inputs_make_one_manifest(pipeline):
    del (terraform := json.loads(json.dumps(TERRAFORM)))["hostspin_services"]["value"]["db.svc.example.com"]
    done = pipeline.draft(*pipeline.ask("terraform", terraform), *pipeline.ask("consul", CONSUL))
    assert done.code == 1, str(done)  # no check is given for ldap
    names = [one["name"] for one in tomllib.loads(pipeline.desk.text("draft.toml"))["service"]]
    assert names == ["ldap.svc.example.com", "db.svc.example.com"]


def test_the_forms_of_terraform_agree(pipeline):
    records = [{"type": "aws_route53_record", "values": {"name": name, "type": "A", "records": [address]}}
               for name, addresses in (("db.svc.example.com", ADDRESSES), ("ldap.svc.example.com", ["10.1.0.20"]))
               for address in addresses]
    shown = {"format_version": "1.0", "values": {"root_module": {"resources": records}}}
    made = []
    for form in (TERRAFORM, TERRAFORM["hostspin_services"]["value"], shown):
        done = pipeline.draft(*pipeline.ask("terraform", form))
        assert done.code == 1, str(done)
        made.append(tomllib.loads(pipeline.desk.text("draft.toml"))["service"])
    assert made[0] == made[1] == made[2] and len(made[0]) == 2
    assert "hunter2" not in pipeline.desk.text("draft.toml")


@pytest.mark.parametrize("kind, answer, code, reason", [
    ("consul", [], 3, "no instance passes"),
    ("consul", [instance("10.1.0.1", "critical")], 3, "can be pinned"),
    ("consul", [instance("10.1.0.1"), instance("192.0.2.1")], 2, "outside the root's networks"),
    ("consul", [instance("10.1.0.1", service="other")], 3, "no input has this service"),
    ("consul", "not json", 3, "it is not JSON"),
    ("terraform",
     {"hostspin_services": {"value": {"db.svc.example.com": "192.0.2.1"}}}, 2, "outside the root's networks"),
    ("terraform",
     {"hostspin_services": {"value": {"db.elsewhere.example": "10.1.0.1"}}}, 3, "no input has this service"),
    ("terraform", {"another": {"value": {}}}, 3, "there is no output"),
    ("terraform", {}, 3, "no DNS record"),
])
def test_no_draft_of_what_cannot_be_pinned(pipeline, kind, answer, code, reason):
    done = pipeline.draft(*pipeline.ask(kind, answer))
    assert done.code == code and reason in done.stdout + done.stderr, str(done)
    assert not pipeline.desk.path("draft.toml").exists()


def test_an_instance_that_fails_its_check_is_left_out_and_said(pipeline):
    answer = [instance("10.1.0.1"), instance("10.1.0.2", "critical")]
    done = pipeline.draft(*pipeline.ask("consul", answer))
    assert done.code == 1 and "10.1.0.2" in done.stderr, str(done)
    assert tomllib.loads(pipeline.desk.text("draft.toml"))["service"][0]["addresses"] == ["10.1.0.1"]


def test_a_service_of_two_inputs_is_refused(pipeline):
    done = pipeline.draft(*pipeline.ask("terraform", TERRAFORM), *pipeline.ask("consul", CONSUL))
    assert done.code == 2 and "db.svc.example.com" in done.stdout + done.stderr, str(done)
    assert not pipeline.desk.path("draft.toml").exists()


@pytest.mark.parametrize("kind", INPUTS)
class TestRefusedPublication:
    def test_the_second_signer_is_missing(self, pipeline, kind):
        pipeline.first(kind).draft(*pipeline.ask(kind, INPUTS[kind]))
        pipeline.sign(1)
        assert "equivocation" not in pipeline.publish().stdout  # what lies at -o is still the complete one
        assert b"\nversion = 1\n" in pipeline.note
        assert "too_few_signatures" in pipeline.refused(2, manifest="draft.pending.note").stdout
        pipeline.sign(2, draft="draft.pending.note")  # mended, it is published
        assert pipeline.publish().code == 0
        assert b"\nversion = 2\n" in pipeline.note

    def test_nobody_has_signed(self, pipeline, kind):
        pipeline.first(kind).draft(*pipeline.ask(kind, INPUTS[kind]))
        shutil.copy(pipeline.desk.path("draft.toml"), pipeline.desk.path("manifest.note"))
        assert "nobody has signed the manifest" in pipeline.refused(2).stderr

    def test_one_signer_twice_is_one_signer(self, pipeline, kind):
        pipeline.first(kind).draft(*pipeline.ask(kind, INPUTS[kind]))
        pipeline.sign(1, 1)
        assert "too_few_signatures" in pipeline.refused(2, manifest="draft.pending.note").stdout

    @pytest.mark.parametrize("published, code", [("rollback", "rollback"), ("same", "equivocation")])
    def test_the_version_is_not_higher(self, pipeline, kind, published, code):
        pipeline.first(kind)
        one = pipeline.desk.path("draft.toml").read_bytes()
        if published == "rollback":
            pipeline.draft(*pipeline.ask(kind, INPUTS[kind]))
            pipeline.sign(1, 2)
            assert pipeline.publish().code == 0
        pipeline.desk.write("draft.toml", one.replace(b"10.1.0.2", b"10.1.0.3"))
        pipeline.desk.path("manifest.note").unlink()  # another desk, where nothing of the earlier round lies
        pipeline.sign(1, 2, base=["--root", "prod/public"])  # signers who did not ask what is published
        assert code in pipeline.refused(2).stdout

    def test_an_address_outside_the_networks_of_the_root(self, pipeline, kind):
        pipeline.first(kind).draft(*pipeline.ask(kind, INPUTS[kind]))
        pipeline.desk.replace("draft.toml", "10.1.0.2", "192.0.2.2")
        pipeline.desk.refused(2, "sign", "draft.toml", *pipeline.base(), "--key", "prod/keys/manifest-1.key")
        pipeline.sign(1, 2, base=[])  # signers who did not ask what the root allows, so that nothing is complete
        assert "address_not_allowed" in pipeline.refused(2, manifest="draft.pending.note").stdout

    def test_a_finding_that_nobody_accepted(self, pipeline, kind):
        pipeline.desk.write("services/extra.svc.example.com.toml", 'addresses = ["10.1.7.7"]\n')
        pipeline.desk.write("services/extra2.svc.example.com.toml", 'addresses = ["10.1.7.8"]\n')
        pipeline.first(kind)
        for name in ("extra", "extra2"):
            pipeline.desk.path(f"services/{name}.svc.example.com.toml").unlink()
        pipeline.draft(*pipeline.ask(kind, INPUTS[kind]))
        pipeline.sign(1, 2)
        assert "[shrinks]" in pipeline.refused(1).stdout
        assert pipeline.publish("--accept", "shrinks").code == 0
        assert b"extra" not in pipeline.note


def test_a_first_publication_that_is_refused_leaves_nothing(pipeline):
    pipeline.draft(*pipeline.ask("consul", CONSUL))
    pipeline.sign(1)
    done = pipeline.publish("--root", "prod/public/root/1.note", manifest="draft.pending.note")
    assert done.code == 2 and tree(pipeline.publication) == {}, str(done)


def test_a_name_among_the_published_roots_is_never_evaluated(pipeline, tmp_path):
    """Whoever can put a file there must not run code where the next edition is published: bash evaluates what it finds
    in arithmetic."""
    pipeline.first("terraform")
    for name in ("2+BASH[$(touch${IFS}ran-1)].note", "x[`touch ran-2`].note"):
        (pipeline.current / "root" / name).write_text("version = 2+a[$(touch ran-4)]\n")
    drafted = pipeline.draft(*pipeline.ask("terraform", TERRAFORM))
    assert drafted.code in (0, 1), str(drafted)
    pipeline.sign(1, 2)
    pipeline.publish("--root", "prod/public/root/1.note")
    assert list(pipeline.desk.directory.rglob("ran-*")) == []


def test_publishing_again_changes_nothing(pipeline):
    pipeline.first("consul")
    before = tree(pipeline.publication)
    for more in ((), ("--root", "prod/public/root/1.note")):
        done = pipeline.publish(*more)
        assert done.code == 0 and "nothing to do" in done.stdout, str(done)
        assert tree(pipeline.publication) == before


def test_what_is_served_is_readable_and_complete(pipeline):
    pipeline.desk.path("prod/public/root/1.note").chmod(0o600)
    pipeline.first("consul")
    modes = {path.name: path.stat().st_mode & 0o777 for path in pipeline.current.resolve().rglob("*")}
    assert modes == {"manifest.note": 0o644, "root": 0o755, "1.note": 0o644}
    assert pipeline.current.resolve().stat().st_mode & 0o777 == 0o755
    assert not list(pipeline.publication.glob(".*"))


def test_the_next_root_is_published_with_its_manifest(pipeline):
    """A signer leaves: the next root takes her key out and begins the next epoch, and the others sign for it."""
    pipeline.first("consul")
    desk, root = pipeline.desk, ["--root", "root-2.note", "--accept", "no-spare-key"]
    said = desk.ok("root", "next", "public/current", "--remove-manifest-key", "prod.example/manifest-1",
                   "-o", "root-2.toml")
    assert any("every host goes critical" in warning for warning in said.messages("warning")), str(said)
    for signer in (1, 2):
        before = tree(pipeline.publication)
        done = pipeline.publish(*root)
        assert done.code != 0 and tree(pipeline.publication) == before, str(done)
        desk.ok("sign", "root-2.toml", "--key", f"prod/keys/root-{signer}.key", "--previous", "public/current/root/1.note",
                "-o", "root-2.note")
    # The root is complete now, but the manifest that is published counts nothing under it.
    assert "[drops-published]" in pipeline.refused(1, *root).stdout
    assert "too_few_signatures" in pipeline.refused(2, *root, "--accept", "drops-published").stdout
    base = ["--root", "root-2.note", "--previous", "public/current/manifest.note"]
    drafted = pipeline.script("draft.sh", *base, *pipeline.ask("consul", CONSUL), "--domain", "svc.example.com",
                              "--services", "services", "-o", "draft.toml")
    assert drafted.code in (0, 1), str(drafted)
    pipeline.sign(2, 3, base=base)
    done = pipeline.publish(*root)
    assert done.code == 0, str(done)
    assert sorted(path.name for path in (pipeline.current / "root").iterdir()) == ["1.note", "2.note"]
    assert b"\nepoch = 2\n" in pipeline.note


SHIM = """#!/bin/sh
step=$(($(cat {count}) + 1))
echo $step > {count}
if [ "$step$WHEN" = "{step}before" ]; then kill -9 $PPID; exit 1; fi
/usr/bin/{name} "$@"
code=$?
if [ "$step$WHEN" = "{step}after" ]; then kill -9 $PPID; fi
exit $code
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reader_meets_the_old_publication_or_the_new_one(pipeline, when):
    """Killed around any step that changes the disk, publish.sh leaves a whole publication; the next run publishes,
    and leaves no litter."""
    pipeline.first("consul").draft(*pipeline.ask("consul", [*CONSUL, instance("10.1.0.3")]))
    pipeline.sign(1, 2)
    desk, old = pipeline.desk, tree(pipeline.current.resolve())
    old_bytes, new_bytes = pipeline.note, desk.path("manifest.note").read_bytes()
    kept = desk.path("kept")
    shutil.copytree(pipeline.publication, kept, symlinks=True)
    desk.path("shims").mkdir()
    met = []
    for step in range(1, 50):
        shutil.rmtree(pipeline.publication)
        shutil.copytree(kept, pipeline.publication, symlinks=True)
        desk.write("count", "0\n")
        for name in ("cp", "mv", "ln", "sync"):
            desk.write(f"shims/{name}", SHIM.format(count=desk.path("count"), step=step, name=name), 0o755)
        environment = {**pipeline.environment, "WHEN": when}
        environment["PATH"] = f"{desk.path('shims')}:{environment['PATH']}"
        done = run([pipeline.scripts / "publish.sh", "public", "--manifest", "manifest.note"],
                   cwd=desk.directory, env=environment)
        served = {name: entry and entry[0] for name, entry in tree(pipeline.current.resolve()).items()}
        assert served.keys() == old.keys() and served["root/1.note"] == old["root/1.note"][0]
        assert served["manifest.note"] in (old_bytes, new_bytes)
        met.append(served["manifest.note"] == new_bytes)
        if done.code == 0:
            break
        again = pipeline.publish()
        assert again.code == 0 and pipeline.note == new_bytes, str(again)
        assert not list(pipeline.publication.glob(".*"))
    # Every step was met, the publication changed at one of them, and the step after the last one ran undisturbed.
    assert done.code == 0 and len(met) > 6 and met == sorted(met) and not met[0], met


@pytest.mark.parametrize("script", ["draft.sh", "publish.sh"])
def test_the_scripts_explain_themselves(pipeline, script):
    said = pipeline.script(script, "--help")
    assert said.code == 0 and said.stdout.startswith("usage: " + script), str(said)
    for wrong in (["--nonsense"], [], ["--root"]):
        done = pipeline.script(script, *wrong)
        assert done.code == 3 and f"{script}: error: " in done.stderr, str(done)


def test_shellcheck_is_content(checkout):
    if not shutil.which("shellcheck"):
        pytest.skip("needs the program shellcheck")
    done = run(["shellcheck", *sorted((checkout / "examples/publish").glob("*.sh"))])
    assert done.code == 0, str(done)
