"""The scenarios as a collection: every claim has one, every one says what it is for, and the program reads them all.

The program is taken from the environment variable TORNPAGE, else from build/release/tornpage; without it the tests that need it
are skipped.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest
from conftest import run_program

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "scenarios"
TORNPAGE = pathlib.Path(os.environ.get("TORNPAGE", ROOT / "build" / "release" / "tornpage"))

# Bugs that file systems had, which the scenarios must be able to show again; by words of the origin.
BUG_PATTERNS = [
    "grow, mremap, store with blocks smaller than a page",
    "generic/029",
    "generic/030",
    "generic/438",
    "generic/456",
    "generic/325",
    "btrfs/209",
    "store racing fsync, btrfs",
    "data=journal",
    "rename, truncate up, fsync another file",
    "generic/623",
]
CRASHES = {"none", "kill", "power"}
RULES = (ROOT / "harness" / "truth" / "RULES.md").read_text()
SIGHTS = {"lost", "kept", "torn", "mixed", "absent"}
HEADERS = {"test", "origin", "requires", "crash", "sometimes", "known", "repeat"}

FILES = sorted(SCENARIOS.rglob("*.scn"))


def name(path):
    return path.relative_to(SCENARIOS).with_suffix("").as_posix()


def headers(path):
    """The header lines of a scenario: everything of the form `word: value` before its first step."""
    found = {}
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.match(r"([a-z]+):\s+(.*)$", line)
        if not match:
            break
        assert match[1] not in found, f"{name(path)}: header {match[1]} stands there twice"
        found[match[1]] = match[2]
    return found


def steps(path):
    """The step lines of a scenario, and the `---` that ends set-up."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [line for line in lines if line.split(":")[0] not in HEADERS]


def claims(path):
    return {int(n) for n in re.findall(r"\bclaim (\d+)", headers(path).get("origin", ""))}


def claim_rows():
    """The table of CLAIMS.md: a claim's number, and the last cell of its row, which names its scenarios."""
    text = (SCENARIOS / "CLAIMS.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a claim has two rows"
    return {int(number): cell for number, cell in rows}


CLAIMS = claim_rows()


def strikes_of_claims():
    """The table's column of strikes, for the claims that have scenarios."""
    rows = re.findall(r"^\| (\d+) \|[^|]+\|[^|]+\| ([^|]+) \|", (SCENARIOS / "CLAIMS.md").read_text(), re.MULTILINE)
    return {int(number): set(cell.split(", ")) for number, cell in rows if CLAIMS[int(number)].startswith("`")}


def scenarios_of(claim):
    return re.findall(r"`([^`]+)`", CLAIMS[claim])


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Verdict by scenario and strike on the model, which keeps and loses as the documents allow."""
    out = tmp_path_factory.mktemp("claims")
    done = run_program("run", "-b", "sim", "--runs", "300", "--json", out / "report.json", "--findings", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return {(r["scenario"], r["crash"]): r["verdict"] for r in json.loads((out / "report.json").read_text())["results"]}


@pytest.fixture(scope="module")
def program():
    if not TORNPAGE.exists():
        pytest.skip(f"{TORNPAGE} is not built")
    return TORNPAGE


def test_there_are_scenarios():
    assert SCENARIOS / "local" / "store-no-msync.scn" in FILES


@pytest.mark.parametrize("path", FILES, ids=name)
def test_cited_claims_exist(path):
    assert claims(path) <= set(CLAIMS), "CLAIMS.md has no such claim"


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim_names_the_scenarios_that_cite_it(claim):
    named = scenarios_of(claim)
    assert named or CLAIMS[claim].startswith("not tested yet: needs "), "neither a scenario nor what is missing for one"
    assert named == [name(path) for path in FILES if claim in claims(path)]


@pytest.mark.parametrize("claim, strikes", strikes_of_claims().items())
def test_claim_names_the_strikes_of_its_scenarios(claim, strikes):
    assert strikes == set().union(*(headers(SCENARIOS / f"{s}.scn")["crash"].split() for s in scenarios_of(claim)))


# Claims about what the model lacks.
NOT_MODELLED = {49: "shutdown"}
# Scenarios about calls that are durable when they return, or about what never reaches the file: a power cut loses nothing.
LOSE_NOTHING = {
    "sync/odsync-write",
    "sync/osync-of-a-grown-file",
    "sync/osync-write",
    "private/msync-does-nothing",
    "private/store-never-reaches-file",
}


@pytest.mark.parametrize("claim", strikes_of_claims())
def test_only_a_power_cut_loses_anything_and_each_claim_about_one_shows_it(verdicts, claim):
    for scenario in scenarios_of(claim):
        for strike in headers(SCENARIOS / f"{scenario}.scn")["crash"].split():
            verdict = verdicts[scenario, strike]
            if verdict == "skipped":
                continue
            assert verdict == ("lossy" if strike == "power" and scenario not in LOSE_NOTHING else "kept"), (scenario, strike)
    shown = {verdicts[s, strike] for s, strike in verdicts if s in scenarios_of(claim)}
    assert shown != {"skipped"} or claim in NOT_MODELLED


@pytest.mark.parametrize("pattern", BUG_PATTERNS)
def test_bug_pattern_has_a_scenario(pattern):
    assert any(pattern in headers(path).get("origin", "") for path in FILES), f"no scenario's origin names {pattern}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_headers_are_complete(path):
    found = headers(path)
    assert {"test", "origin", "crash"} <= set(found) <= HEADERS
    assert re.fullmatch(r"[A-Z].*[^.]\.", found["test"]), "the test sentence begins with a capital and ends with a full stop"
    assert re.match(r"claim \d+|bug pattern \S", found["origin"])
    crashes = found["crash"].split()
    assert crashes and set(crashes) <= CRASHES and len(set(crashes)) == len(crashes)
    for sight in filter(None, found.get("sometimes", "").split(", ")):
        crash, what = sight.split()
        assert crash in crashes, f"`sometimes: {sight}` for a crash that is not tested"
        assert what in SIGHTS
    for known in filter(None, found.get("known", "").split(", ")):
        crash, backend, *kernels, defect, rule = known.split()
        assert crash in crashes, f"`known: {known}` for a crash that is not tested"
        assert backend.startswith("loop:fs=") and defect
        assert all(kernel.startswith("kernel") for kernel in kernels)
        assert f"| {rule} |" in RULES, f"`known: {known}` for a rule that does not exist"
        assert path.read_text().startswith("#"), "a comment says what is known"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_set_up_and_run_are_told_apart(path):
    lines = steps(path)
    assert lines.count("---") == 1
    assert lines[-1] != "---", "nothing happens after set-up"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_shutdown_never_meets_a_directory_of_the_machine(path):
    """`dir` runs on whatever file system holds the directory; only power cuts, which it cannot show, keep shutdowns off it."""
    if any(re.match(r"([A-Z][.\d]*:\s*)?shutdown\b", line) for line in steps(path)):
        assert headers(path)["crash"] == "power"
        assert "shutdown" in headers(path)["requires"].split()


def test_names_are_unique():
    leaves = [path.stem for path in FILES]
    assert sorted(leaves) == sorted(set(leaves)), {leaf for leaf in leaves if leaves.count(leaf) > 1}


def test_sentences_are_unique():
    sentences = [headers(path)["test"] for path in FILES]
    assert sorted(sentences) == sorted(set(sentences)), {s for s in sentences if sentences.count(s) > 1}


def test_no_two_scenarios_have_the_same_steps():
    seen = {}
    for path in FILES:
        text = "\n".join(steps(path))
        assert text not in seen, f"{name(path)} repeats {seen[text]}"
        seen[text] = name(path)


def test_mount_options_name_loop_backends_once():
    lines = [line for line in (ROOT / "ci" / "mount-options.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(set(lines))
    for line in lines:
        assert re.fullmatch(r"!?loop:fs=[a-z0-9]+(,(mkfs|mount|size|sector|media|fill|disk)=[^,]+)*", line), line
    for wanted in ("nobarrier", "data=writeback", "commit=1", "nodelalloc", "-b 1024"):
        assert any(wanted in line for line in lines), f"no line tries {wanted}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_program_reads_it(program, path):
    run = subprocess.run([program, "explain", path], capture_output=True, text=True, timeout=30, check=False)
    # explain asks the model what would happen; 77 says that the model lacks a verb, which is no fault of the scenario.
    assert run.returncode in (0, 77), run.stderr
    assert run.stdout or run.returncode == 77


def test_the_template_runs_and_names_every_header(tmp_path):
    text = run_program("list", "template").stdout
    (tmp_path / "t.scn").write_text(text)
    done = run_program("run", tmp_path / "t.scn", "-b", "sim", "--runs", "200")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not observed" not in done.stdout
    source = (ROOT / "harness/parser/headers.c").read_text()
    for header in re.findall(r'^    \{"([a-z]+)", (?:true|false), parse_', source, re.M):
        assert f"{header}: " in text
