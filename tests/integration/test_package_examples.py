"""The examples and the shell completions, each judged by the tool that it is written for."""

import json
import re
import shutil

import pytest
from boot_machine import ADDRESS, NAME, new_fleet, seed_manifest
from boot_package import debian_package
from boot_root import Root, archive, or_skip
from support.process import clean_environment, run


@pytest.fixture
def need():
    def check(*tools: str) -> None:
        missing = [tool for tool in tools if not shutil.which(tool)]
        if missing:
            pytest.skip(f"needs the program {missing[0]}")
    return check


def test_packer_takes_the_template(checkout, need, tmp_path):
    need("packer")
    made = []
    for variable in ("package", "root_note", "manifest_note", "configuration"):
        (tmp_path / variable).write_text("x\n")
        made += ["-var", f"{variable}={tmp_path / variable}"]
    environment = clean_environment(HOME=str(tmp_path), CHECKPOINT_DISABLE="1")
    template = checkout / "examples/packer/amazon-ebs.pkr.hcl"
    validate = ["packer", "validate", "-var", "source_ami=ami-1", "-var", "region=eu-west-1", *made]
    done = run([*validate, template], env=environment)
    assert done.code == 0, done
    broken = tmp_path / "broken.pkr.hcl"
    broken.write_text(template.read_text().replace("instance_type", "instance_tipe"))
    assert run([*validate, broken], env=environment).code != 0


@pytest.mark.slow
def test_packer_bakes_an_image_whose_names_resolve(checkout, need, programs, tmp_path, tmp_path_factory):
    """The local builder, run: a Debian root goes in, a pinned one comes out."""
    need("packer")
    fleet = new_fleet()
    # The root of the recipe, not the tests' own, which has whatever the package needs.
    template = (checkout / "examples/packer/local.pkr.hcl").read_text()
    included = re.search(r"^#   mmdebstrap --variant=apt --include=(\S+) bookworm root.tar$", template, re.M).group(1)
    with or_skip():
        given = {"root_tar": archive(tuple(included.split(","))), "package": debian_package(programs.build, tmp_path_factory)}
    for name, content in {"root_note": fleet.root(), "manifest_note": seed_manifest(fleet), "configuration": b""}.items():
        (tmp_path / name).write_bytes(content)
        given[name] = tmp_path / name
    given["image"] = tmp_path / "image.tar"
    variables = [word for name, value in given.items() for word in ("-var", f"{name}={value}")]
    environment = clean_environment(HOME=str(tmp_path), CHECKPOINT_DISABLE="1", TMPDIR=str(tmp_path))
    done = run(["packer", "build", *variables, checkout / "examples/packer/local.pkr.hcl"], env=environment, seconds=300)
    assert done.code == 0, done
    listed = run(["tar", "--extract", "--to-stdout", "--file", given["image"], "./etc/hosts", "./etc/machine-id"])
    assert "# BEGIN hostspin" in listed.stdout and f"{ADDRESS}\t{NAME}" in listed.stdout, listed
    assert "hostspin.deb" not in run(["tar", "--list", "--file", given["image"], "./tmp"]).stdout
    assert run(["tar", "--list", "--file", given["image"], "./dev"]).stdout == "./dev/\n"
    given["image"].unlink()

    given["manifest_note"].write_bytes(seed_manifest(fleet).replace(b"10.77", b"10.78"))
    refused = run(["packer", "build", *variables, checkout / "examples/packer/local.pkr.hcl"], env=environment,
                  seconds=300)
    assert refused.code != 0 and not given["image"].exists(), refused


@pytest.mark.slow
def test_ansible_takes_the_role(checkout, need, tmp_path):
    need("ansible-playbook")
    folder = checkout / "examples/ansible"
    done = run(["ansible-playbook", "--syntax-check", "-i", "192.0.2.21,", "site.yml"], cwd=folder,
               env=clean_environment(HOME=str(tmp_path), LC_ALL="C.UTF-8"))
    assert done.code == 0, done


def test_ansible_has_the_agent_run_and_reloaded_whatever_refresh_says(checkout):
    yaml = pytest.importorskip("yaml", reason="needs python3-yaml")
    tasks = yaml.safe_load((checkout / "examples/ansible/roles/hostspin/tasks/main.yml").read_text())
    assert [task["name"] for task in tasks][-1] == "Fetch, verify and pin"
    assert [task["ansible.builtin.systemd"]["state"] for task in tasks if "ansible.builtin.systemd" in task] == ["started"]
    assert tasks[-2]["ansible.builtin.meta"] == "flush_handlers"


@pytest.mark.slow
@pytest.mark.parametrize("code,report,expected", [
    (3, {"verdict": "refresh could not be done: why"}, "refresh could not be done: why"),
    (1, {"verdict": "fine", "block": {"written": True}}, "ok=1    changed=1 "),
    (0, {"verdict": "fine", "block": {"written": False}}, "ok=1    changed=0 "),
])
def test_ansible_shows_what_refresh_says(checkout, need, tmp_path, code, report, expected):
    need("ansible-playbook")
    yaml = pytest.importorskip("yaml", reason="needs python3-yaml")
    tasks = yaml.safe_load((checkout / "examples/ansible/roles/hostspin/tasks/main.yml").read_text())
    (refresh,) = (task for task in tasks if task.get("register") == "hostspin_refresh")
    stub = tmp_path / "hostspin"
    stub.write_text(f"#!/bin/sh\necho '{json.dumps(report)}'\nexit {code}\n")
    stub.chmod(0o755)
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False,
                                                    "tasks": [refresh]}]))
    done = run(["ansible-playbook", "-i", "localhost,", tmp_path / "play.yml"],
               env=clean_environment(HOME=str(tmp_path), LC_ALL="C.UTF-8", PATH=f"{tmp_path}:/usr/bin:/bin"))
    assert (done.code == 0) == (code <= 1) and expected in done.stdout, done
    assert "has no attribute" not in done.stdout, done


@pytest.mark.slow
def test_terraform_renders_user_data_that_cloud_init_accepts(checkout, need, tmp_path):
    # In a plain folder of its own, without the environment's clean PATH: it seldom comes as a Debian package.
    need("terraform")
    root_note = new_fleet().root()
    (tmp_path / "root.note").write_bytes(root_note)
    shutil.copy(checkout / "examples/terraform/main.tf", tmp_path)
    terraform, environment = shutil.which("terraform"), clean_environment(HOME=str(tmp_path), CHECKPOINT_DISABLE="1")
    variables = {"template": checkout / "cloud-init/user-data.yaml", "root_note": tmp_path / "root.note",
                 "package_sha256": "0" * 64}
    arguments = [part for key, value in variables.items() for part in ("-var", f"{key}={value}")]
    for command in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false", *arguments]):
        done = run([terraform, *command], cwd=tmp_path, env=environment)
        assert done.code == 0, done
    rendered = run([terraform, "output", "-raw", "user_data"], cwd=tmp_path, env=environment).stdout
    assert "PASTE-" not in rendered

    # 16 KiB is a limit on bytes: these are fewer characters.
    variables["template"] = tmp_path / "long.yaml"
    variables["template"].write_text((checkout / "cloud-init/user-data.yaml").read_text() + "# " + "\u00fc" * 8000 + "\n")
    long = [part for key, value in variables.items() for part in ("-var", f"{key}={value}")]
    refused = run([terraform, "apply", "-auto-approve", "-input=false", *long], cwd=tmp_path, env=environment)
    assert refused.code != 0 and "16 KiB" in refused.stderr, refused

    root = Root(tmp_path / "root")
    try:
        root.write("tmp/user-data.yaml", rendered)
        judged = root.enter("cloud-init", "schema", "--config-file", "/tmp/user-data.yaml")
        assert judged.code == 0, judged
        read = ("import sys, yaml; "
                "sys.stdout.write(yaml.safe_load(open('/tmp/user-data.yaml'))['write_files'][0]['content'])")
        content = root.enter("python3", "-X", "utf8", "-c", read)
        assert content.stdout.encode() == root_note, content
    finally:
        root.remove()


def test_apparmor_takes_the_profile(checkout, need):
    if not shutil.which("apparmor_parser", path="/usr/sbin:/sbin"):
        pytest.skip("needs the program apparmor_parser")
    profile = checkout / "packaging/apparmor/usr.sbin.hostspin"
    assert run(["apparmor_parser", "-K", "-Q", profile]).code == 0
    # The names that hostspin(8) promises are the ones that it may write.
    # With k: without the lease nothing tells whether somebody has the file open for writing.
    assert "\n  /etc/hosts rwk," in profile.read_text()
    assert "\n  /etc/hosts.hostspin.tmp rwk," in profile.read_text()


def test_the_nomad_job_is_sound_hcl(checkout, need, tmp_path):
    """Its grammar and its form: Packer's is the same language, and there is no Nomad in Debian to judge the rest."""
    need("packer")
    text = (checkout / "examples/nomad/hostspin.nomad.hcl").read_text()
    copy = tmp_path / "job.pkr.hcl"
    for content, sound in ((text, True), (text.replace("delay    =", "delay    = ="), False)):
        copy.write_text(content)
        done = run(["packer", "fmt", "-check", copy], env=clean_environment(HOME=str(tmp_path), CHECKPOINT_DISABLE="1"))
        assert (done.code == 0) == sound, done


def test_the_daemon_set_is_whole(checkout):
    """No tool of Debian's judges it without a cluster: what is mounted is there, and the node is itself."""
    yaml = pytest.importorskip("yaml", reason="needs python3-yaml")
    configuration, daemons = yaml.safe_load_all((checkout / "examples/kubernetes/daemonset.yaml").read_text())
    assert (configuration["kind"], daemons["kind"]) == ("ConfigMap", "DaemonSet")
    pod = daemons["spec"]["template"]
    assert daemons["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert sorted(volumes) == sorted(mount["name"] for mount in mounts.values())
    assert volumes["configuration"]["configMap"]["name"] == configuration["metadata"]["name"]
    node_id = mounts["/etc/machine-id"]
    assert node_id["readOnly"] is True and volumes[node_id["name"]]["hostPath"] == {"path": "/etc/machine-id", "type": "File"}
    # The directory, since a file that is a mount cannot be replaced.
    assert volumes["node-etc"]["hostPath"] == {"path": "/etc", "type": "Directory"}


CRON_PATHS = ("/usr/sbin/hostspin", "/etc/hostspin/root.note", "/usr/share/hostspin/root.note")
ROOT_NOTES = CRON_PATHS[1:]


class Cron:
    """The example's jobs as cron runs them, on a machine of fakes below `home`."""

    def __init__(self, checkout, home):
        self.home = home
        lines = (checkout / "examples/hostspin.cron").read_text().splitlines()
        jobs = [re.match(r"(?:@reboot|(?:\S+\s+){5}) *root +(.*)", line) for line in lines if line.startswith(("@", "*"))]
        assert len(jobs) == 3 and all(jobs)
        self.jobs = dict(zip(("boot", "minute", "refresh"), (job.group(1) for job in jobs), strict=True))
        (home / "bin").mkdir()
        self._program("bin/sleep", f'echo "$1" >>{home}/slept')
        self._program("bin/logger", f'cat >>{home}/syslog')

    def _program(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def install(self) -> None:
        self._program("usr/sbin/hostspin", 'echo verdict; echo "$1 failed" >&2; exit 3')

    def trust(self, root_note: str) -> None:
        path = self.home / root_note[1:]
        path.parent.mkdir(parents=True)
        path.write_text("damaged\n")

    def mail(self, name: str) -> str:
        """What cron would send: all that the job prints, on whichever stream."""
        job = self.jobs[name]
        for path in sorted(CRON_PATHS, key=len, reverse=True):
            job = re.sub(rf"(?<!\S){path}\b", f"{self.home}{path}", job)
        done = run(["/bin/sh", "-c", job],
                   env=clean_environment(PATH=f"{self.home}/usr/sbin:{self.home}/bin:/usr/bin:/bin"))
        return done.stdout + done.stderr

    @property
    def syslog(self) -> str:
        path = self.home / "syslog"
        return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("root_note", ROOT_NOTES)
def test_cron_runs_the_program_spread_and_mails_errors_alone(checkout, tmp_path, root_note):
    """Cron mails whatever a job prints, and takes a % for a line feed."""
    cron = Cron(checkout, tmp_path)
    cron.install()
    cron.trust(root_note)
    assert not [job for job in cron.jobs.values() if "%" in job]
    assert cron.mail("boot") == "apply failed\n" and cron.syslog == ""
    assert cron.mail("refresh") == "refresh failed\n" and cron.syslog == ""
    assert int((tmp_path / "slept").read_text()) < 60
    # What goes wrong each minute would be 1,440 mails a day.
    assert cron.mail("minute") == "" and cron.syslog == "apply failed\n"


@pytest.mark.parametrize("installed", [True, False], ids=["no-trust-root", "removed"])
def test_cron_says_nothing_where_there_is_nothing_to_do(checkout, tmp_path, installed):
    """Before there is a trust root, and once the package is gone and the file in /etc/cron.d is not."""
    cron = Cron(checkout, tmp_path)
    if installed:
        cron.install()
    else:
        cron.trust(ROOT_NOTES[0])
    assert [cron.mail(name) for name in cron.jobs] == ["", "", ""] and cron.syslog == ""
    assert not (tmp_path / "slept").exists()


def commands_of(programs) -> set:
    text = run([programs.hostspin, "--help"]).stdout
    listed = text.split("Subcommands:", 1)[1]
    return set(re.findall(r"^  ([a-z][a-z-]+)  ", listed, re.MULTILINE))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_every_command_and_no_other(programs, checkout, shell):
    known = commands_of(programs)
    assert {"apply", "refresh", "verify"} <= known
    text = (checkout / f"packaging/completions/hostspin.{shell}").read_text()
    if shell == "zsh":
        offered = set(re.findall(r"^        '([a-z-]+):", text, re.MULTILINE))
    else:
        offered = set(re.search(r'commands=?"? ?((?:[a-z]+ ?)+ sign)', text).group(1).split())
    assert offered - {"sign"} == known - {"sign"}


def test_bash_completes(checkout, tmp_path):
    script = f"""
        . {checkout}/packaging/completions/hostspin.bash
        ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hostspin; echo "${{COMPREPLY[*]}}"; }}
        ask hostspin ver
        ask hostspin --root /x refresh --f
        ask hostspin verify --output j
        ask hostspin status --output j
        ask hostspin verify --e
    """
    done = run(["bash", "-c", script], cwd=tmp_path)
    assert done.stdout.splitlines() == ["verify", "--from", "json junit", "json", "--explain"], done


@pytest.mark.parametrize("shell,check", [("zsh", "-n"), ("fish", "--no-execute")])
def test_completions_parse(checkout, need, shell, check):
    need(shell)
    done = run([shell, check, checkout / f"packaging/completions/hostspin.{shell}"])
    assert (done.code, done.stderr) == (0, ""), done


def test_the_manual_page_knows_every_command(programs, checkout):
    page = (checkout / "packaging/man/hostspin.8").read_text()
    described = set(re.findall(r"^\.It Cm ([a-z]+)", page, re.MULTILINE))
    assert described - {"sign"} == commands_of(programs) - {"sign"}


def options_of(programs, command: str = "") -> set:
    """The long options that a command's help explains; without a command those that all have."""
    lines = run([programs.hostspin, *command.split(), "--help"]).stdout.splitlines()
    return {found for line in lines for found in re.findall(r"^  (?:-\w,)?--([a-z-]+)", line)} - {"version", "help"}


def commands_with_options(programs) -> dict:
    found = {command: options_of(programs, command) for command in commands_of(programs) - {"sign"}}
    found["trust"] |= options_of(programs, "trust reset")
    assert "explain" in found["verify"] and "yes" in found["trust"] and found["status"] == set()
    return found


def test_bash_offers_the_options_of_each_command_and_no_other(programs, checkout):
    everywhere = {*options_of(programs), "help"}
    for command, options in commands_with_options(programs).items():
        script = (f". {checkout}/packaging/completions/hostspin.bash; COMP_WORDS=(hostspin {command} --); COMP_CWORD=2; "
                  "_hostspin; echo ${COMPREPLY[*]}")
        offered = run(["bash", "-c", script]).stdout.split()
        assert set(offered) == {f"--{one}" for one in everywhere | options}, command


def test_zsh_fish_and_the_manual_page_know_the_options_of_each_command(programs, checkout):
    zsh, fish = ((checkout / f"packaging/completions/hostspin.{shell}").read_text() for shell in ("zsh", "fish"))
    page = (checkout / "packaging/man/hostspin.8").read_text()
    for option in options_of(programs):
        assert f"--{option}" in zsh and f"complete -c hostspin -l {option} " in fish.replace("-s q ", "").replace("-s v ", "")
        assert re.search(rf"^\.It .*Fl {option}\b", page, re.MULTILINE), option
    for command, options in commands_with_options(programs).items():
        branch = re.search(rf"^        {command}\)(.*?);;", zsh, re.MULTILINE | re.DOTALL)
        known = set(re.findall(r"['\"]--([a-z-]+)\[", branch.group(1))) if branch else set()
        assert known - {"output"} == options, command
        known = set(re.findall(rf"__fish_seen_subcommand_from {command}\".* -l ([a-z-]+)", fish))
        assert known - {"output"} == options, command
        described = "".join(re.findall(rf"^\.It Cm {command}\b.*?(?=^\.It Cm |^\.Sh )", page, re.MULTILINE | re.DOTALL))
        for option in options:
            assert f"Fl {option}" in described, f"--{option} of {command}"
