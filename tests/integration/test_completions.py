"""Shell completions and scripts beside hostile data: what a hosts file or a folder holds is offered or left out, and
never evaluated. In bash, zsh and fish themselves, with a hosts file of the tests' own mounted over /etc/hosts."""

import os
import pty
import re
import select
import shutil
import time

import pytest
from support.process import clean_environment, run

GOOD = ["db.svc.example.com", "web-1.svc.example.com"]
SECONDS_MAX = 20.0


def hostile_words(marker) -> list:
    """Each would leave a file whose name starts with `marker` if a shell evaluated it, or stands for other words."""
    touch = f"touch${{IFS}}{marker}"
    return [f"$({touch}1)", f"`{touch}2`", f"db$(touch {marker}3)", f'"$({touch}4)"', f"'$({touch}5)'", f")$({touch}6)(",
            f";{touch}7;", f"|{touch}8", f"\\$({touch}9)", f"${{x:-$({touch}a)}}", f"a[$({touch}b)]", f"<({touch}c)",
            f"(#e:'{touch}d':)", f"%$({touch}e)", f"db\r$({touch}f)", f"$[$({touch}g)]", "${IFS}", "*", "?", "[a-z]", "~root",
            "{a,b}", "--root=/x", "-x", "!!", "db example", "\x1b[31mdb", "db:x", "Db.Svc.Example.COM", "d\u00e4"]


@pytest.fixture
def hostile_hosts(tmp_path):
    marker = tmp_path / "ran-"
    words = [GOOD[0], *hostile_words(marker), GOOD[1]]
    lines = "".join(f"10.0.0.1\t{word}\n" for word in words)
    path = tmp_path / "hosts"
    path.write_bytes(("127.0.0.1\tlocalhost\n# BEGIN hostspin fleet=x\n" + lines +
                      f"$(touch {marker}h)\t$(touch {marker}i)\n# END hostspin\n10.0.0.9\toutside.example.com\n").encode())
    return path


def ran(tmp_path) -> list:
    return sorted(path.name for path in tmp_path.glob("ran-*"))


def behind(hosts, *command) -> list:
    """The command, in a mount namespace of its own where /etc/hosts is `hosts`."""
    return ["unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, *command]


class Terminal:
    """A shell at a terminal of its own, and a person who types."""

    def __init__(self, command, cwd):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(cwd)
            environment = clean_environment(HOME=str(cwd), TERM="dumb", ZDOTDIR=str(cwd), PS1="> ")
            os.execvpe(str(command[0]), [str(word) for word in command], environment)
        self.pid, self.seen = pid, ""

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait(self, pattern: str) -> str:
        """What has been shown until `pattern` is met."""
        deadline = time.monotonic() + SECONDS_MAX
        while not re.search(pattern, self.seen):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"no {pattern!r} in {self.seen!r}"
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
        seen, self.seen = self.seen, ""
        return seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)  # a hang-up ends the shell
        os.waitpid(self.pid, 0)


def zsh_start(checkout, tmp_path) -> str:
    functions = tmp_path / "functions"
    functions.mkdir(exist_ok=True)
    for program in ("hostspin", "hostspin-sign"):
        shutil.copy(checkout / f"packaging/completions/{program}.zsh", functions / f"_{program}")
    return (f"PS1='> '; fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=1000; "
            "setopt no_beep; unsetopt prompt_sp; print rea''dy")


def bash_start(checkout) -> str:
    return (f". {checkout}/packaging/completions/hostspin.bash; . {checkout}/packaging/completions/hostspin-sign.bash; "
            "bind 'set bell-style none'; bind 'set page-completions off'; bind 'set completion-query-items 0'; "
            "bind 'set enable-bracketed-paste off'; echo rea''dy")


def start(shell: str, checkout, tmp_path) -> tuple:
    if not shutil.which(shell):
        pytest.skip(f"needs the program {shell}")
    if shell == "bash":
        return ["bash", "--norc", "--noprofile", "-i"], bash_start(checkout)
    return ["zsh", "-f", "-i"], zsh_start(checkout, tmp_path)


@pytest.mark.parametrize("words", ["verify ", "verify --explain "])
def test_bash_offers_names_alone_and_evaluates_nothing(checkout, tmp_path, hostile_hosts, words):
    script = (f". {checkout}/packaging/completions/hostspin.bash; COMP_WORDS=(hostspin {words} ''); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hostspin; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = run(behind(hostile_hosts, "bash", "-c", script), cwd=tmp_path)
    assert (done.code, done.stdout.splitlines(), done.stderr) == (0, GOOD, ""), done
    assert ran(tmp_path) == []


@pytest.mark.parametrize("words", ["verify ", "verify --explain "])
def test_fish_offers_names_alone_and_evaluates_nothing(checkout, tmp_path, hostile_hosts, words):
    if not shutil.which("fish"):
        pytest.skip("needs the program fish")
    script = f"source {checkout}/packaging/completions/hostspin.fish; complete -C 'hostspin {words}'"
    done = run(behind(hostile_hosts, "fish", "--no-config", "-c", script), cwd=tmp_path,
               env=clean_environment(HOME=str(tmp_path)))
    assert done.code == 0, done
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == GOOD, done
    assert ran(tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("words", ["verify ", "verify --explain "])
def test_a_shell_at_a_terminal_offers_names_alone(checkout, tmp_path, hostile_hosts, shell, words):
    command, first = start(shell, checkout, tmp_path)
    with Terminal(behind(hostile_hosts, *command), tmp_path) as terminal:
        terminal.type(first + "\n")
        terminal.wait(r"\nready")
        terminal.type(f"hostspin {words}\t\t")
        shown = terminal.wait(re.escape(GOOD[1]))
        assert GOOD[0] in shown
        terminal.type("\x15echo ov''er\n")
        shown += terminal.wait(r"\nover")
    offered = set(shown.replace("\r", "").replace(f"hostspin {words}", "").split()) & {*hostile_words(tmp_path / "ran-"),
                                                                            "outside.example.com", "localhost"}
    assert offered == set() and ran(tmp_path) == [], shown


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("words", ["hostspin inspect ", "hostspin --config ", "hostspin-sign check ", "hostspin-sign sign --key "])
@pytest.mark.parametrize("name", ["file$(touch${IFS}ran-1)", "file`touch ran-2`", "file;touch ran-3", "file * x", "file'\"&x",
                                  "file${IFS}", "file<(touch ran-4)"])
def test_a_hostile_file_name_is_completed_as_what_it_is(checkout, tmp_path, shell, words, name):
    """The line that completion makes, run: the program is given that very name."""
    command, first = start(shell, checkout, tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_text("")
    program = words.split()[0]
    with Terminal(command, tmp_path) as terminal:
        terminal.type(first + "\n")
        terminal.wait(r"\nready")
        terminal.type(f"{program}() {{ printf '%s' \"${{@: -1}}\" >{tmp_path}/given; }}; cd folder; echo def''ined\n")
        terminal.wait(r"\ndefined")
        terminal.type(f"{words}fil\t")
        terminal.wait(r"fil.*(x|ran|IFS)")
        terminal.type("\necho ov''er\n")
        terminal.wait(r"\nover")
    assert (tmp_path / "given").read_text() == name
    assert ran(tmp_path) == [] and ran(folder) == []


@pytest.mark.parametrize("text", ["a\rbootcmd: [touch x]\n", "a\u0085bootcmd: x\n", "a\u2028bootcmd: x\n", "a\x1bx\n"])
@pytest.mark.parametrize("which", ["note", "site"])
def test_the_seed_takes_no_file_that_would_end_its_literal(checkout, tmp_path, text, which):
    for name in ("note", "deb", "site"):
        (tmp_path / name).write_text("good \u2014\tname\n", newline="")
    script = [checkout / "cloud-init/make-seed.sh", *(tmp_path / name for name in ("note", "deb", "site", "seed"))]
    assert run(script).code == 0
    shutil.rmtree(tmp_path / "seed")
    (tmp_path / which).write_text(text, newline="")
    done = run(script)
    assert done.code == 3 and "control character" in done.stderr and not (tmp_path / "seed").exists(), done


def test_no_shell_code_of_ours_has_a_word_for_evaluating(checkout):
    """What evaluates text as code, in whatever runs on somebody's machine."""
    listed = run(["git", "-C", checkout, "ls-files", "packaging", "examples", "cloud-init"]).stdout.splitlines()
    scripts = [path for path in listed if re.search(r"\.(sh|bash|zsh|fish|cron|awk)$|/(post|pre)(inst|rm)$|/rpm-", path)]
    assert len(scripts) > 12
    evaluates = re.compile(r"(^|[;&|(]|\bthen|\bdo)\s*(eval|source|\.)\s|\bsystem\(|\bxargs\b[^\n]*\bsh\b|\|\s*(ba|z)?sh\b"
                           r"|compgen -W \"[^\"]*\$\(|:name:\(")
    for path in scripts:
        for number, line in enumerate((checkout / path).read_text().splitlines(), 1):
            assert line.lstrip().startswith("#") or not evaluates.search(line), f"{path}:{number}: {line}"
