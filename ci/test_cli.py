"""The command line: help texts, wrong usage, malformed scenarios, and what `list` and `explain` print."""

import os
import re

import malformed
import pytest
from conftest import ROOT, SCENARIO, run_program

COMMANDS = ["run", "list", "explain", "replay", "log", "explore", "bench"]


def option_table(command):
    """(long name, letter or None, takes a value) of each option in the command's source."""
    source = (ROOT / f"harness/faces/cmd_{command}.c").read_text()
    rows = re.findall(r"""\{\s*"([a-z-]+)",\s*(0|'.'),\s*(NULL|")""", source)
    table = [(name, None if letter == "0" else letter[1], value != "NULL") for name, letter, value in rows]
    if "REPORT_FORMS(" in source:
        forms = (ROOT / "harness/report/report.h").read_text()
        table += [(name, None, value != "NULL") for name, value in re.findall(r"^    X\((\w+), (NULL|\"\w+\")", forms, re.M)]
    return table


def help_of(command):
    done = run_program(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def options_in(text):
    return re.findall(r"^  (?:-(.), |    )--([a-z-]+)( [A-Z])?", text, re.M)


def test_help_lists_every_command():
    done = run_program("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", done.stdout, re.M)
        assert run_program("help", command).stdout == help_of(command)


def test_the_source_has_the_options_we_compare_with():
    assert len(option_table("run")) >= 12
    assert option_table("replay") == [("times", "n", True), ("trust", None, False)]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_every_option_of_the_table_and_no_other(command):
    told = {(name, letter or None, bool(value)) for letter, name, value in options_in(help_of(command))}
    assert told == set(option_table(command)) | {("help", "h", False), ("version", "V", False)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_help_is_known(command):
    for _, name, value in options_in(help_of(command)):
        done = run_program(command, f"--{name}=" if value else f"--{name}=x")
        assert done.returncode == 2
        assert "unknown option" not in done.stderr
        assert value or f"'--{name}' takes no value" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(command):
    assert max(map(len, help_of(command).splitlines())) <= 100


@pytest.mark.parametrize("before", [[], *([c] for c in COMMANDS)], ids=lambda b: " ".join(b))
@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(before, option):
    done = run_program(*before, option)
    assert done.returncode == 0 and re.fullmatch(r"tornpage \d+\.\d+\S*\n", done.stdout)


def statuses_in(text):
    """{"0": meaning, ...} of the list below "Exit status" in a help text."""
    rows = re.findall(r"^  ([\d, ]*\d) +(\S.*(?:\n {17}\S.*)*)", text[text.index("Exit status") :], re.M)
    return {status: " ".join(meaning.split()) for status, meaning in rows}


def test_the_readme_and_the_help_agree_on_exit_statuses():
    readme = (ROOT / "README.md").read_text()
    table = re.search(r"^\| exit status of `run` \| \|\n\|---\|---\|\n((?:\|.*\n)+)", readme, re.M)[1]
    written = {status: meaning.replace("`", "") for status, meaning in re.findall(r"^\| ([\d, ]+) \| (.*) \|$", table, re.M)}
    assert len(written) == 6
    assert statuses_in(help_of("run")) == statuses_in(run_program("--help").stdout) == written


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_tells_its_exit_statuses(command):
    told = statuses_in(help_of(command))
    assert {"0", "2", "99"} <= set(told) <= {"0", "1", "2", "77", "99", "129, 130, 143"}


def test_the_readme_and_the_help_agree_on_verdicts():
    readme = (ROOT / "README.md").read_text()
    words = re.findall(r"^\| `(\w+)(?: N/M)?` \|", readme[readme.index("| verdict |") : readme.index("| exit status")], re.M)
    assert words == ["kept", "lossy", "VIOLATED", "broken", "skipped"]
    text = " ".join(help_of("run").split())
    for word in words:
        assert re.search(rf"\b{word}\b( N/M)?( \(|,)", text), word


WRONG = [
    ([], "a command is missing"),
    (["rnu"], "did you mean 'run'?"),
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["--frobnicate"], "unknown option '--frobnicate'"),
    (["help", "nope"], "unknown command 'nope'"),
    (["run", "--sedd", "3"], "did you mean '--seed'?"),
    (["run", "--s", "3"], "'--s' is ambiguous: --seed, --states"),
    (["run", "-x"], "unknown option '-x'"),
    (["run", "--seed"], "'--seed' needs a value"),
    (["run", "-b"], "'-b' needs a value"),
    (["run", "--fsck=yes"], "'--fsck' takes no value"),
    (["run", "--seed", "x"], "--seed x: expected a whole number"),
    (["run", "--seed", "-1"], "expected a whole number"),
    (["run", "--seed", "9223372036854775808"], "expected a whole number"),
    (["run", "--seed", "1e3"], "expected a whole number"),
    (["run", "--seed", ""], "expected a whole number"),
    (["run", "--jobs", "0"], "--jobs 0: expected a whole number from 1"),
    (["run", "--states", "0"], "--states 0"),
    (["run", "--runs", "many"], "--runs many"),
    (["run", "--random", "0"], "--random 0"),
    (["run", "--time", "5x"], "expected seconds, or a time such as 90s, 5m or 2h"),
    (["run", "--time", "0"], "expected seconds"),
    (["run", "--time", "nan"], "expected seconds"),
    (["run", "--crash", "pwoer"], "did you mean 'power'?"),
    (["run", "--crash", "kill,,power"], "unknown crash kind ''"),
    (["run", "--findings", ""], "the name of the directory is empty"),
    (["run", "-b", "lop", "x.scn"], "backend 'lop'"),
    (["run", "-b", "sim:canaries=x"], "canary"),
    (["run", "-b", "sim:canary=no-such-bug"], "no-such-bug"),
    (["run", "-b", "loop:fs={ext4,xfs"], "a brace is never closed"),
    (["run", "-b", "sim:canary={%s}" % ",".join("x" * 2000)], "more than 1024 backends"),
    (["run", "no/such/scenario"], "no scenario, file or directory 'no/such/scenario'"),
    (["run", ""], "the name of a scenario is empty"),
    (["list"], "what is to be listed?"),
    (["list", "backend"], "did you mean 'backends'?"),
    (["list", "verbs", "x"], "takes no further argument"),
    (["explain"], "which scenario?"),
    (["explain", "no/such/scenario"], "no scenario, file or directory"),
    (["replay"], "which finding?"),
    (["replay", "--times", "0", "x"], "--times 0: expected a whole number from 1"),
    (["replay", "no/such/finding"], "no/such/finding"),
    (["bench", "pwer-ext4"], "did you mean 'power-ext4'?"),
    (["bench", "--rounds", "0"], "--rounds 0: expected a whole number from 1"),
    (["bench", "--seconds", "0"], "--seconds 0: expected seconds"),
    (["bench", "--jobs", "x"], "--jobs x: expected a whole number from 1"),
    (["bench", "sim", "--json", "no/such/dir/x.json"], "--json no/such/dir/x.json: No such file"),
]


@pytest.mark.parametrize("args, says", WRONG, ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_wrong_usage_is_status_2_and_says_why(args, says, tornpage):
    done = tornpage(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_an_unwritable_report_is_told_before_the_run(tornpage, scenarios):
    done = tornpage("run", scenarios, "-b", "sim", "--json", "no/such/dir/x.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json no/such/dir/x.json: No such file" in done.stderr


def test_only_one_report_gets_standard_output(tornpage, scenarios):
    done = tornpage("run", scenarios, "-b", "sim", "--tap", "--json", "-")
    assert done.returncode == 2
    assert "only one of --json and --tap can have the standard output" in done.stderr


def test_a_full_device_is_broken_not_good():
    with open("/dev/full", "w") as full:
        done = __import__("subprocess").run([str(__import__("conftest").PROGRAM), "list", "verbs"], stdout=full, stderr=-1, text=True)
    assert done.returncode == 99
    assert "standard output could not be written" in done.stderr


# --- malformed scenarios ---


@pytest.fixture(scope="module")
def bad_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("bad")
    for c in malformed.CASES:
        (path / f"{c.name}.scn").write_bytes(c.data)
    return path


def test_there_are_enough_malformed_cases():
    assert len({c.name for c in malformed.CASES}) == len(malformed.CASES) >= 60


@pytest.mark.parametrize("case", malformed.CASES, ids=lambda c: c.name)
def test_malformed_scenario_is_located(case, bad_dir, tornpage):
    path = bad_dir / f"{case.name}.scn"
    done = tornpage("run", path, "-b", "sim")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{path}:{case.line}:{case.column}: found "), done.stderr
    assert case.says in done.stderr
    assert ", expected " in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_malformed_file_is_reported_and_nothing_runs(bad_dir, scenarios, tornpage, tmp_path):
    done = tornpage("run", bad_dir, scenarios, "-b", "sim:canary={flush-ignored,none}", "--json", "out.json")
    assert (done.returncode, done.stdout) == (2, "")
    for c in malformed.CASES:
        assert f"{c.name}.scn:{c.line}:{c.column}: " in done.stderr
    assert not (tmp_path / "findings").exists() and not (tmp_path / "out.json").exists()


def test_unreadable_scenario(open_dir):
    path = open_dir / "secret.scn"
    path.write_text(SCENARIO)
    path.chmod(0)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = run_program("run", path, "-b", "sim", program=open_dir / "tornpage", prefix=nobody, cwd=open_dir)
    assert done.returncode == 2
    assert str(path) in done.stderr and "Permission denied" in done.stderr


def test_unreadable_directory(open_dir):
    (open_dir / "d").mkdir(mode=0)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = run_program("run", open_dir / "d", "-b", "sim", program=open_dir / "tornpage", prefix=nobody, cwd=open_dir)
    assert done.returncode == 2
    assert f"{open_dir}/d: Permission denied" in done.stderr


def test_huge_scenario(tmp_path, tornpage):
    path = tmp_path / "huge.scn"
    path.write_bytes(SCENARIO.encode() + b"# more\n" * (1 << 18))
    done = tornpage("run", path, "-b", "sim")
    assert done.returncode == 2
    assert str(path) in done.stderr and "at most 1048576" in done.stderr


def test_endless_scenario(tornpage):
    done = tornpage("run", "/dev/zero", "-b", "sim", timeout=20)
    assert done.returncode == 2
    assert "/dev/zero" in done.stderr


def test_a_fifo_does_not_hang(tmp_path, tornpage):
    os.mkfifo(tmp_path / "pipe.scn")
    done = tornpage("run", tmp_path / "pipe.scn", "-b", "sim", timeout=20)
    assert done.returncode == 2
    assert "pipe.scn" in done.stderr


def test_directory_without_scenarios(tmp_path, tornpage):
    done = tornpage("run", tmp_path, "-b", "sim")
    assert done.returncode == 2
    assert "no scenario (*.scn) below this directory" in done.stderr


def test_two_files_of_one_name(tmp_path, tornpage):
    for d in "ab":
        (tmp_path / d).mkdir()
        (tmp_path / d / "x.scn").write_text(SCENARIO)
    done = tornpage("run", "a/x.scn", "b/x.scn", "-b", "sim")
    assert done.returncode == 2
    assert "has the same name as" in done.stderr


# --- list and explain ---


def test_list_scenarios_names_them_below_the_scenarios_root(scenarios, tornpage, tmp_path):
    for args, cwd in [((scenarios,), tmp_path), ((scenarios / "t",), tmp_path), ((), tmp_path), (("store-msync.scn", "store-no-msync.scn"), scenarios / "t")]:
        done = tornpage("list", "scenarios", *args, cwd=cwd)
        assert done.returncode == 0, done.stderr
        assert re.findall(r"^(\S+)  \(kill, power; ", done.stdout, re.M) == ["t/store-msync", "t/store-no-msync"]
    assert "may be lost at a power cut" in done.stdout


def test_a_file_elsewhere_is_named_by_its_base_name(tmp_path, tornpage):
    (tmp_path / "one.scn").write_text(SCENARIO)
    assert tornpage("list", "scenarios", "one.scn").stdout.startswith("one  (")
    assert tornpage("list", "scenarios", tmp_path).stdout.startswith("one  (")


def test_a_scenario_is_found_by_its_name(scenarios, tornpage):
    assert tornpage("list", "scenarios", "t/store-msync").stdout.startswith("t/store-msync  (")
    assert tornpage("list", "scenarios", "t/store-msync", env={"TORNPAGE_SCENARIOS": str(scenarios)}, cwd="/").returncode == 0


def test_every_scenario_of_the_tree_loads():
    done = run_program("list", "scenarios", ROOT / "scenarios")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\S", done.stdout, re.M)) == len(list((ROOT / "scenarios").rglob("*.scn")))


def test_list_backends_tells_every_backend_and_option_of_the_sources():
    text = run_program("list", "backends").stdout
    for source in (ROOT / "backends").glob("*.c"):
        body = source.read_text()
        name = re.search(r'\.name = "(\w+)"', body).group(1)
        part = re.search(rf"^{name}  .*?(?=^\S|\Z)", text, re.M | re.S).group(0)
        assert "Cannot show: " in part
        assert source.with_suffix(".md").exists()
        table = re.search(r"struct backend_option \w+\[\] = \{(.*?)\};", body, re.S)
        for key in re.findall(r'\{"([a-z_]+)",', table.group(1)) if table else []:
            assert re.search(rf"^    {key}=", part, re.M), key


def test_list_faults_tells_crash_kinds_lies_and_canaries():
    text = run_program("list", "faults").stdout
    for word in ["none", "kill", "power", "-b loop:disk=", "ignore-flush", "misdirect", "-b sim:canary=", "flush"]:
        assert word in text


def test_list_verbs_has_a_paragraph_for_each_verb_of_the_sources():
    text = run_program("list", "verbs").stdout
    names = [n for f in (ROOT / "harness/verbs").glob("*.c") for n in re.findall(r'\.name = "(\w+)"', f.read_text())]
    assert len(names) >= 35
    for name in names:
        assert re.search(rf"^{name}\b.*\n    \S", text, re.M), name


def test_the_manual_of_scenarios_has_the_verbs_as_listed():
    manual = (ROOT / "scenarios/README.md").read_text()
    section = manual[manual.index("<!-- verbs -->") : manual.index("<!-- /verbs -->")]
    written = [(syntax, " ".join(text.split())) for syntax, text in re.findall(r"^### `(.*)`\n\n(.*)\n", section, re.M)]
    listed = re.findall(r"^(\S.*)\n((?: {4}.*\n)+)", run_program("list", "verbs").stdout, re.M)
    assert written == [(syntax, " ".join(text.split())) for syntax, text in listed]


def test_explain_prints_what_is_legal(scenarios, tornpage):
    done = tornpage("explain", "t/store-msync")
    assert done.returncode == 0, done.stderr
    assert "mwrite 0 4k" in done.stdout and "msync -s 0 4k" in done.stdout
    assert "power" in done.stdout and "kill" in done.stdout
