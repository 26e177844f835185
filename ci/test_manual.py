"""Man pages and bash's completion: made from the tables of --help, sound, and installed."""

import os
import pty
import re
import select
import subprocess

import pytest
from conftest import PROGRAM, ROOT, run_program
from test_cli import COMMANDS, help_of, option_table

PAGES = ["", *COMMANDS]
BREAKS = " \t\n\"'@><=;|&(:"  # COMP_WORDBREAKS of an interactive bash


def roff(command):
    done = run_program("help", "--man", *([command] if command else []))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def rendered(text):
    """The page as man(1) shows it, and what man complains of."""
    env = {**os.environ, "MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "GROFF_NO_SGR": "1"}
    done = subprocess.run(["man", "--warnings", "-l", "-"], input=text, env=env, capture_output=True, text=True, check=True)
    return re.sub(r".\x08", "", done.stdout), done.stderr


def words_of(text):
    """Without what differs between the two: line breaks, the hyphens at them, and how quotes look."""
    return re.sub(r"[‐-]\s*", "-", " ".join(text.replace("‘", "'").replace("’", "'").split()))


# ---- man pages ----


@pytest.mark.parametrize("command", PAGES)
def test_man_has_no_complaint(command):
    _, complaints = rendered(roff(command))
    assert complaints == ""


@pytest.mark.parametrize("command", PAGES)
def test_a_page_has_its_sections_in_order(command):
    sections = re.findall(r"^\.SH (.*)$", roff(command), re.M)
    want = ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]
    assert sections == [s for s in want if s in sections]
    assert {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"} <= set(sections)
    assert bool(command) != ("FILES" in sections and "ENVIRONMENT" in sections)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_says_what_the_help_says(command):
    """Each line of the help, apart from the headings, is in the page."""
    page = re.sub(r"\s|[‐-]", "", rendered(roff(command))[0])
    for line in help_of(command).splitlines():
        if not line.startswith(("Usage: ", "Exit status:", "Examples:")):
            for part in re.split(r" {2,}|(?<=\w), (?=--)", line):
                assert re.sub(r"[\s-]", "", part) in page, part


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_every_option(command):
    told = set(re.findall(r"^(?:\\fB\\-.\\fR, )?\\fB\\-\\-([a-z\\-]+)\\fR", roff(command), re.M))
    assert {name.replace("\\-", "-") for name in told} == {name for name, _, _ in option_table(command)} | {"help", "version"}


def test_the_page_of_the_program_names_every_command():
    text = rendered(roff(""))[0]
    for command in COMMANDS:
        assert f"tornpage-{command}(1)" in words_of(text)


def test_every_variable_of_the_environment_is_documented():
    source = "".join(p.read_text() for room in ("harness", "backends") for p in (ROOT / room).rglob("*.c"))
    used = set(re.findall(r'getenv\("(\w+)"\)', source))
    assert used == set(re.findall(r"^\\fB([A-Z_]+)\\fR$", roff("").split(".SH ENVIRONMENT")[1].split(".SH FILES")[0], re.M))


def test_roff_of_odd_text_is_quoted():
    """A line of an example that begins with a dot, quotes and backslashes."""
    text = roff("explore")
    assert "\\(aqsh verify.sh" in text and not re.search(r"^'", text, re.M)
    assert not [line for line in text.splitlines() if re.match(r"\.(?!TH|SH|SS|TP|PP|B |BR |I |nf|fi)", line)]


def test_a_manual_of_no_command_is_wrong_usage():
    done = run_program("help", "--man", "expolre")
    assert done.returncode == 2 and "did you mean 'explore'?" in done.stderr
    assert run_program("help", "--man", "run", "log").returncode == 2


# ---- completion ----


def completed(line, cwd=ROOT):
    """What bash puts in place of the current word: the entries of COMPREPLY."""
    script = (
        'source <(tornpage help --completion); COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2; COMPREPLY=(); _tornpage; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", line, BREAKS], cwd=cwd, env=path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_are_completed():
    assert completed("tornpage ") == [*re.findall(r"^  (\w+)  ", run_program("--help").stdout, re.M)[: len(COMMANDS)], "help", "--help", "--version"]
    assert completed("tornpage r") == ["run", "replay"]
    assert completed("tornpage help l") == completed("tornpage help --man l") == ["list", "log"]


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_completed(command):
    want = [f"--{name}" for name, _, _ in option_table(command)] + ["--help", "--version"]
    assert sorted(completed(f"tornpage {command} --")) == sorted(want)


@pytest.mark.parametrize(
    "line, words",
    [
        ("run -b ", "dir dir: loop loop: sim sim:"),
        ("run -b l", "loop loop:"),
        ("run --backend loop:f", "fs= fill="),
        ("run -b loop:fs=x", "xfs"),
        ("run -b loop:fs=ext4,mo", "ext4,mount="),
        ("run -b loop:fs=xfs,sector=", "512 4096"),
        ("run -b loop:disk=ignore-f", "ignore-flush ignore-fua"),
        ("run -b loop:disk=ignore-flush+d", "ignore-flush+drop:"),
        ("run -b sim:canary=flush", "flush-ignored"),
        ("run --crash ", "none kill power"),
        ("run -c kill,p", "kill,power"),
        ("run --crash=kill,p", "kill,power"),
        ("run sync/msync-wh", "sync/msync-whole"),
        ("run -b sim sync/msync-wh", "sync/msync-whole"),
        ("run --fsck sync/msync-wh", "sync/msync-whole"),
        ("explain local/store-no-m", "local/store-no-msync"),
        ("explain --rule C", "C1 C2 C3 C4"),
        ("explore --fs x", "xfs"),
        ("list b", "backends"),
        ("list scenarios sync/msync-wh", "sync/msync-whole"),
        ("log ", "show import export replay"),
        ("bench ver", "verify"),
        ("log show x", ""),
        ("replay fi", ""),
        ("run --json ", ""),
        ("run -- --s", ""),
        ("help --m", "--man"),
        ("frobnicate ", ""),
    ],
)
def test_arguments_are_completed(line, words):
    assert completed(f"tornpage {line}") == words.split()


def test_all_scenarios_are_offered():
    named = re.findall(r"^(\S+)  \(", run_program("list", "scenarios", cwd=ROOT).stdout, re.M)
    assert completed("tornpage run ") == named and len(named) > 100


def keys(text, cwd):
    """What an interactive bash prints in which someone types this."""
    control, terminal = pty.openpty()
    env = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "$ ", "INPUTRC": "/dev/null"}
    args = ["bash", "--norc", "--noprofile", "-i"]
    with subprocess.Popen(args, cwd=cwd, env=env, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True) as bash:
        os.close(terminal)
        os.write(control, b"source <(tornpage help --completion)\n" + text.encode() + b"exit 0\n")
        seen = b""
        while select.select([control], [], [], 60)[0]:
            try:
                chunk = os.read(control, 65536)
            except OSError:
                break
            seen += chunk
        assert bash.wait(60) == 0
    os.close(control)
    return seen.decode()


def test_an_interactive_bash_completes(tmp_path):
    seen = keys("tornpage he\trepl\t\n", tmp_path)
    assert "Usage: tornpage replay" in seen
    seen = keys("tornpage run sync/msync-wh\t-b sim:can\tosy\t--runs 3 --cr\tpo\t\n", ROOT)
    assert "run --seed 1 sync/msync-whole -b sim:canary=osync-lies --runs 3 --crash power" in seen


# ---- installed ----


def test_make_install_installs_pages_and_completion(tmp_path):
    build = PROGRAM.parent
    if build.parent != ROOT / "build":
        pytest.skip("the program is not of this tree")
    # -o: the flags of another make must not build it anew.
    made = [f"build/{build.name}/flags", f"build/{build.name}/tornpage"]
    args = ["make", "-C", ROOT, f"VARIANT={build.name}", f"DESTDIR={tmp_path}", *(f"-o{m}" for m in made), "install"]
    subprocess.run(args, check=True, capture_output=True)
    share = tmp_path / "usr/local/share"
    assert {p.name for p in (share / "man/man1").iterdir()} == {"tornpage.1", *(f"tornpage-{c}.1" for c in COMMANDS)}
    assert (share / "man/man1/tornpage-run.1").read_text() == roff("run")
    assert (share / "bash-completion/completions/tornpage").read_text() == run_program("help", "--completion").stdout
    assert (share / "tornpage/scenarios/local/store-no-msync.scn").exists()
    assert (tmp_path / "usr/local/bin/tornpage").exists()
