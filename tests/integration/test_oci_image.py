"""The image from scratch: what is in it, and the agent in a container as the DaemonSet has it."""

import json
import shutil
import subprocess

import pytest
from boot_package import make_packages
from boot_root import or_skip
from support.agent import wait_until
from support.fleet import service
from support.machine import DEFAULT_HOSTS
from support.process import clean_environment, run

pytestmark = pytest.mark.slow

CONTENT = {
    "/etc/group", "/etc/passwd", "/usr/sbin/hostspin", "/usr/libexec/hostspin/hostspin-net", "/usr/libexec/hostspin/hostspin-ask",
    "/usr/share/doc/hostspin/LICENSE", "/usr/share/doc/hostspin/hostspin.spdx.json",
    "/usr/share/doc/hostspin/third-party-notices.gz",
}


@pytest.fixture(scope="module")
def package(programs, tmp_path_factory):
    if not programs.portable().hostspin.exists():
        pytest.skip("built without portable programs: HOSTSPIN_LINK is 'both' in the preset ci")
    out = tmp_path_factory.mktemp("archive")
    with or_skip():
        make_packages(programs.build, out, "TGZ", kind="portable")
    (made,) = out.glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def image(package, checkout, tmp_path_factory):
    made = tmp_path_factory.mktemp("image") / "hostspin.tar"
    done = run([checkout / "packaging/build-oci-image", package, made])
    assert done.code == 0, done
    return made


@pytest.fixture(scope="module")
def bundle(image, tmp_path_factory):
    """The image unpacked, as a runtime is given it."""
    for program in ("skopeo", "umoci"):
        if not shutil.which(program):
            pytest.skip(f"needs the program {program}")
    folder = tmp_path_factory.mktemp("bundle")
    for command in (["skopeo", "copy", "--quiet", f"oci-archive:{image}", f"oci:{folder}/layout:x"],
                    ["umoci", "unpack", "--image", f"{folder}/layout:x", folder / "bundle"]):
        done = run(command, seconds=60)
        assert done.code == 0, done
    return folder / "bundle"


def test_the_image_has_the_agent_its_workers_and_nothing_else(bundle):
    root = bundle / "rootfs"
    assert {"/" + str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()} == CONTENT
    assert (root / "etc/passwd").read_text().splitlines()[1].startswith("_hostspin:x:61170:61170:")


def test_one_package_gives_one_image(package, image, checkout, tmp_path):
    again = tmp_path / "again.tar"
    assert run([checkout / "packaging/build-oci-image", package, again]).code == 0
    assert again.read_bytes() == image.read_bytes()


@pytest.mark.parametrize("how", ["no file", "no archive", "shared"])
def test_no_image_of_anything_else(programs, checkout, tmp_path, how):
    given, made = tmp_path / "given.tar.gz", tmp_path / "image.tar"
    if how == "no archive":
        given.write_bytes(b"no archive\n")
    if how == "shared":
        with or_skip():
            make_packages(programs.build, tmp_path / "out", "TGZ")
        (given,) = (tmp_path / "out").glob("*.tar.gz")
    done = run([checkout / "packaging/build-oci-image", given, made])
    assert done.code == 3 and not made.exists(), done
    assert "build-oci-image: error: " in done.stderr and "hint: give the hostspin-VERSION" in done.stderr, done


def contained(bundle, checkout, folder, member) -> list:
    """The container of the DaemonSet, its volumes below `folder`, on the network of `member`: a command line."""
    yaml = pytest.importorskip("yaml", reason="needs python3-yaml")
    configuration_map, daemons = yaml.safe_load_all((checkout / "examples/kubernetes/daemonset.yaml").read_text())
    pod = daemons["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    own = folder / "bundle"
    own.mkdir()
    (own / "rootfs").symlink_to(bundle / "rootfs")

    text = '[refresh]\nsplay = "0"\n' + "[[source]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in (member.source() | {"ca": "/etc/hostspin/ca.pem"}).items())
    given = {"root.note": member.fleet.root().decode(), "ca.pem": (member.machine.path / "etc/hostspin/source-ca.pem").read_text(),
             "hostspin.toml": text + '[hosts]\npath = "/host/etc/hosts"\n'}
    assert set(configuration_map["data"]) <= set(given)

    settings = json.loads((bundle / "config.json").read_text())
    assert settings["process"]["args"] == container["command"], "what the image starts by itself"
    security = container["securityContext"]
    names = ["CAP_" + name for name in security["capabilities"]["add"]]
    assert security["capabilities"]["drop"] == ["ALL"]
    settings["process"] |= {"terminal": False, "args": container["command"],
                            "noNewPrivileges": not security["allowPrivilegeEscalation"],
                            "capabilities": {kind: names for kind in ("bounding", "effective", "permitted")}}
    settings["root"] = {"path": str((bundle / "rootfs").resolve()), "readonly": security["readOnlyRootFilesystem"]}
    settings["linux"]["namespaces"] = [one for one in settings["linux"]["namespaces"] if one["type"] not in ("network", "user", "cgroup")]
    settings["linux"]["resources"] = {}
    mounts = [one for one in settings["mounts"] if not one["destination"].startswith(("/etc/", "/sys"))]
    for mount in container["volumeMounts"]:
        volume, place = volumes[mount["name"]], folder / mount["name"]
        if volume.get("hostPath", {}).get("type") == "File":
            place.write_text("0123456789abcdef0123456789abcdef\n")
        else:
            place.mkdir()
        if "configMap" in volume:
            for name, content in given.items():
                (place / name).write_text(content)
        mounts.append({"destination": mount["mountPath"], "type": "bind", "source": str(place),
                       "options": ["bind", "ro" if mount.get("readOnly") else "rw"]})
    settings["mounts"] = mounts
    (own / "config.json").write_text(json.dumps(settings))
    (folder / "node-etc/hosts").write_bytes(DEFAULT_HOSTS)
    return [*member.site.namespace.prefix(), "runc", "--root", folder / "runc", "run",
            "--bundle", own, f"hostspin-{folder.name}"]


def test_the_agent_runs_as_the_daemon_set_has_it(bundle, checkout, tmp_path, member):
    if not shutil.which("runc"):
        pytest.skip("needs the program runc")
    manifest = member.fleet.manifest(5, [service("db.svc.example.com", ["10.1.2.3"])])
    member.publication.offer(manifest)
    command = contained(bundle, checkout, tmp_path, member)
    hosts = tmp_path / "node-etc/hosts"
    log = tmp_path / "log"
    with open(log, "wb") as output:
        agent = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                                 env=clean_environment())
    try:
        wait_until(lambda: b"10.1.2.3\tdb.svc.example.com" in hosts.read_bytes() or agent.poll() is not None, log.read_text)
        assert agent.poll() is None, log.read_text()
        pinned = hosts.read_bytes()
        assert pinned.endswith(DEFAULT_HOSTS)
        hosts.write_bytes(pinned.replace(b"10.1.2.3", b"10.6.6.6"))
        wait_until(lambda: hosts.read_bytes() == pinned, log.read_text)
        assert (tmp_path / "state").exists() and any((tmp_path / "state").iterdir())
        lacking = [line for line in log.read_text().splitlines() if "sandbox: " in line and "Landlock" not in line]
        assert lacking == []  # Landlock is the kernel's to have; the rest the container leaves us
    finally:
        agent.terminate()
        assert agent.wait(timeout=20) == 0, log.read_text()
