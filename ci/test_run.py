"""`tornpage run` and `replay` on the model backend: matrix, exit statuses, reports, determinism."""

import json
import os
import pty
import re
import select
import shlex
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import PROGRAM, SCENARIO

SIM = ["-b", "sim", "--runs", "60"]
CANARY = ["-b", "sim:canary=flush-ignored", "--runs", "400"]
RESULT_FIELDS = {
    "scenario": str,
    "backend": str,
    "crash": str,
    "verdict": str,
    "reason": str,
    "states_covered": int,
    "states_mounted": int,
    "states_lossy": int,
    "states_violated": int,
    "epochs_exhaustive": int,
    "epochs_sampled": int,
    "states_exist": float,
    "epochs": list,
    "kills": int,
    "surprises": int,
    "findings": list,
    "defects": list,
    "untraced": bool,
    "cut_short": bool,
    "not_begun": bool,
    "known": bool,
    "known_why": str,
    "mended": str,
}


def without_times(text):
    return re.sub(r'"wall_s": [\d.e+-]+', '"wall_s": 0', text)


@pytest.fixture
def report(tornpage, scenarios):
    """Runs the two scenarios with these arguments and returns (exit status, JSON report)."""

    def run(*args):
        done = tornpage("run", scenarios, *args, "--json", "-")
        assert done.returncode in (0, 1, 77), done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def test_a_good_run_is_status_0_and_prints_the_matrix(tornpage, scenarios, tmp_path):
    done = tornpage("run", scenarios, *SIM)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no progress line where there is no terminal
    assert re.search(r"^scenario +\| kill +power", done.stdout, re.M)
    assert re.search(r"^  store-msync +\| kept (kept 60|lossy \d+/60)$", done.stdout, re.M)
    assert re.search(r"^  store-no-msync +\| kept lossy \d+/60$", done.stdout, re.M)
    assert re.search(r"^4 results: .* 0 VIOLATED, 0 broken, 0 skipped\.$", done.stdout, re.M)
    assert re.search(r"^Seed 1, kernel \S+\. To repeat:$", done.stdout, re.M)
    assert "\033" not in done.stdout
    assert not (tmp_path / "findings").exists()


def test_the_printed_command_repeats_the_run(tornpage, scenarios):
    first = tornpage("run", scenarios, *SIM, "--seed", "77")
    words = shlex.split(first.stdout.splitlines()[-1])
    assert words[0] == str(PROGRAM) and words.count("77") == 1
    again = tornpage(*words[1:])
    cut = lambda text: re.sub(r", in [^\n]*\.$", "", text, flags=re.M)
    assert cut(again.stdout) == cut(first.stdout)


def test_json_has_the_promised_fields_and_no_other(report):
    status, j = report(*SIM)
    assert status == 0
    assert list(j) == ["schema", "tornpage", "status", "complete", "incomplete", "kernel", "seed", "wall_s", "results"]
    assert (j["schema"], j["status"], j["complete"], j["incomplete"]) == (1, 0, True, "")
    assert j["kernel"] == os.uname().release and j["seed"] == 1 and j["wall_s"] > 0
    assert [(r["scenario"], r["crash"]) for r in j["results"]] == [
        (s, c) for s in ("t/store-msync", "t/store-no-msync") for c in ("kill", "power")
    ]
    for r in j["results"]:
        assert {k: type(v) for k, v in r.items()} == RESULT_FIELDS
        assert r["verdict"] in ("kept", "lossy")
        assert r["states_violated"] == 0 and r["findings"] == []
        assert r["states_lossy"] <= r["states_covered"]
        assert r["kills"] == (r["states_covered"] if r["crash"] == "kill" else 0)


def test_an_unsynced_store_is_lossy_at_a_power_cut_and_kept_at_a_kill(report):
    _, j = report(*SIM)
    verdicts = {(r["scenario"], r["crash"]): r["verdict"] for r in j["results"]}
    assert verdicts["t/store-no-msync", "kill"] == "kept"
    assert verdicts["t/store-no-msync", "power"] == "lossy"


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_one_seed_gives_byte_identical_json(tornpage, scenarios, jobs):
    args = ["run", scenarios, *SIM, "--random", "10", "--seed", "5", "--json", "-"]
    first, second = tornpage(*args), tornpage(*args, "--jobs", jobs)
    assert without_times(first.stdout) == without_times(second.stdout)
    assert first.stdout.count('"scenario"') >= 14


def test_another_seed_gives_another_run(tornpage):
    names = lambda seed: re.findall(r'"random/\d+"', tornpage("run", "--random", "3", *SIM, "--seed", seed, "--json", "-").stdout)
    assert len(set(names("1"))) == 3
    assert not set(names("1")) & set(names("2"))


def test_a_random_scenario_runs_again_by_its_name(tornpage):
    j = json.loads(tornpage("run", "--random", "2", *SIM, "--json", "-").stdout)
    name = j["results"][0]["scenario"]
    alone = json.loads(tornpage("run", name, *SIM, "--json", "-").stdout)
    assert alone["results"] == [r for r in j["results"] if r["scenario"] == name]
    assert "origin: random" not in tornpage("explain", name).stderr


def test_many_random_scenarios_share_a_row(tornpage):
    done = tornpage("run", "--random", "20", "-b", "sim", "--runs", "5")
    assert "(20 scenarios)" in done.stdout
    assert not re.search(r"^  \d+ +\|", done.stdout, re.M)


def test_a_planted_bug_is_status_1_with_a_finding_that_replays(tornpage, scenarios, tmp_path):
    done = tornpage("run", scenarios, *CANARY, "--crash", "power", "--json", "out.json", "--findings", "found/here")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^  store-msync +\| VIOLATED \d+/400", done.stdout, re.M)
    assert re.search(r"^VIOLATED t/store-msync on sim:canary=flush-ignored, power: in \d+ of 400 states$", done.stdout, re.M)
    j = json.loads((tmp_path / "out.json").read_text())
    found = [f for r in j["results"] for f in r["findings"]]
    assert found and all(f.startswith("found/here/") for f in found)
    assert f"tornpage replay {found[0]}" in done.stdout

    (tmp_path / "scenarios/t/store-msync.scn").unlink()
    again = tornpage("replay", found[0], "--times", "20")
    assert again.returncode == 1, again.stderr
    assert "t/store-msync on sim:canary=flush-ignored, power: VIOLATED" in again.stdout
    assert "VIOLATED 20 of 20 times" in again.stdout


def test_the_finding_names_the_lost_store(tornpage, scenarios):
    done = tornpage("run", "t/store-msync", *CANARY, "--crash", "power")
    text = done.stdout[done.stdout.index("VIOLATED t/") :]
    assert re.search(r"^    .*\b(lost|zeroed|stale)\b", text, re.M), text
    assert "msync -s 0 4k" in text


def test_a_finding_and_its_details_say_the_rule(tornpage, scenarios, tmp_path):
    done = tornpage("run", "t/store-msync", *CANARY, "--crash", "power", "--json", "out.json")
    path = json.loads((tmp_path / "out.json").read_text())["results"][0]["findings"][0]
    defect = json.loads((tmp_path / path).read_text())["defects"][0]
    rule = tornpage("explain", "--rule", defect["rule"]).stdout
    assert defect["sentence"] + "." in " ".join(rule.split())
    assert f"      rule {defect['rule']}: {defect['sentence']} (" in done.stdout


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"\x00\xff", b'{"tornpage_finding": 1}', b"[" * 100000])
def test_replay_of_something_else_is_wrong_usage(tornpage, tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    done = tornpage("replay", "x.json")
    assert done.returncode == 2
    assert "x.json" in done.stderr and done.stdout == ""


def test_a_finding_of_another_format_names_both_formats(tornpage, tmp_path):
    (tmp_path / "x.json").write_text('{"tornpage_finding": 1}')
    done = tornpage("replay", "x.json")
    assert done.returncode == 2
    assert "x.json" in done.stderr and "format 1," in done.stderr and "format 2" in done.stderr


def test_everything_skipped_is_status_77(report):
    status, j = report("-b", "dir", "--crash", "power")
    assert status == 77
    assert {r["verdict"] for r in j["results"]} == {"skipped"}
    assert all("dir" in r["reason"] for r in j["results"])


def test_nothing_that_applies_is_status_77(tornpage, scenarios):
    done = tornpage("run", scenarios, *SIM, "--crash", "none")
    assert done.returncode == 77
    assert "Nothing to do" in done.stdout


def test_skips_are_grouped_by_reason(tornpage, scenarios):
    done = tornpage("run", scenarios, "-b", "dir", "--crash", "power")
    assert len(re.findall(r"^    dir, power: t/store-msync, t/store-no-msync$", done.stdout, re.M)) == 1


# --- reports for machines ---


def tap_of(text):
    lines = text.splitlines()
    assert lines[0] == "TAP version 13"
    plan = re.fullmatch(r"1\.\.(\d+)", lines[1])
    tests = [re.fullmatch(r"(not ok|ok) (\d+) - ([^#]*)(?:# (SKIP) ?(.*))?", line) for line in lines[2:] if not line.startswith("#")]
    assert all(tests), text
    assert [int(t.group(2)) for t in tests] == list(range(1, int(plan.group(1)) + 1))
    return tests


def test_tap_counts_and_goes_alone_to_standard_output(tornpage, scenarios):
    done = tornpage("run", scenarios, *SIM, "--tap")
    assert done.returncode == 0
    assert [t.group(1) for t in tap_of(done.stdout)] == ["ok"] * 4
    assert "results:" in done.stderr  # the matrix is for people


def test_tap_of_violations_and_skips(tornpage, scenarios):
    tests = tap_of(tornpage("run", "t/store-msync", *CANARY, "-b", "dir", "--crash", "power", "--tap").stdout)
    assert [(t.group(1), t.group(4)) for t in tests] == [("not ok", None), ("ok", "SKIP")]


def test_reports_survive_odd_names(tornpage, tmp_path):
    path = tmp_path / "a <b> & \"c\" #1 \x01é\uffff.scn"
    path.write_text(SCENARIO)
    raw = tmp_path / os.fsdecode(b"bytes\xff.scn")
    raw.write_text(SCENARIO)
    done = tornpage("run", path, raw, *SIM, "--junit", "out.xml", "--json", "out.json", "--tap")
    assert done.returncode == 0, done.stderr
    names = {r["scenario"] for r in json.loads((tmp_path / "out.json").read_text())["results"]}
    assert names == {"a <b> & \"c\" #1 ?é\uffff", "bytes?"}
    assert {c.get("name") for c in ElementTree.parse(tmp_path / "out.xml").iter("testcase")} == {n.replace("\uffff", "?") for n in names}
    assert len(tap_of(done.stdout)) == 4


# --- backends on the command line ---


def backends_of(done):
    return list(dict.fromkeys(r["backend"] for r in json.loads(done.stdout)["results"]))


def test_braces_give_alternatives(tornpage, scenarios):
    done = tornpage("run", "t/store-msync", "-b", "sim:canary={none,flush-ignored}", "--runs", "5", "--json", "-")
    assert len(backends_of(done)) == 2


def test_braces_expanded_by_the_shell_give_the_same(scenarios, tmp_path):
    line = f"{shlex.quote(str(PROGRAM))} run t/store-msync -b loop:fs={{ext4,xfs,btrfs}},disk=ignore-flush --crash none --json -"
    quoted = line.replace("-b loop:fs={ext4,xfs,btrfs},disk=ignore-flush", "-b 'loop:fs={ext4,xfs,btrfs},disk=ignore-flush'")
    for one in line, quoted:
        done = subprocess.run(["bash", "-c", one + " --findings none"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 77, done.stderr  # crash kind none does not apply to the scenario
        again = done.stderr.strip().splitlines()[-1]
        assert "loop:fs=" in again


def test_a_backend_given_twice_runs_once(tornpage, scenarios):
    done = tornpage("run", "t/store-msync", "-b", "sim", "sim", "-b", "sim", "--runs", "5", "--json", "-")
    assert backends_of(done) == ["sim"]


def test_a_file_named_like_a_backend_is_a_file(tornpage, tmp_path):
    (tmp_path / "sim").write_text(SCENARIO)
    done = tornpage("run", "sim", "-b", "sim", "--runs", "5", "--json", "-")
    assert {r["scenario"] for r in json.loads(done.stdout)["results"]} == {"sim"}


def test_time_limit_skips_what_had_not_begun(tornpage):
    done = tornpage("run", "--random", "2000", "-b", "sim", "--runs", "2000", "--time", "0.2", "--jobs", "1", "--json", "-")
    results = json.loads(done.stdout)["results"]
    assert {r["reason"] for r in results if r["verdict"] == "skipped"} == {"the time was up before it began"}
    assert any(r["verdict"] != "skipped" for r in results)


def test_time_limit_ends_a_job_that_says_so(tornpage, scenarios):
    args = ["run", scenarios, "--crash", "power", "-b", "sim", "--runs", "1000000000", "--time", "0.3", "--jobs", "2"]
    done = tornpage(*args, "--json", "-")
    results = json.loads(done.stdout)["results"]
    assert done.returncode == 0 and len(results) == 2
    assert all(r["cut_short"] is True and 0 < r["states_covered"] < 1000000000 for r in results)
    assert "2 cut short by --time" in tornpage(*args).stdout


# --- terminals ---


def on_terminal(args, cwd, env=None, columns=120):
    """Runs the program with stdout and stderr on one pseudo-terminal; returns what it wrote."""
    control, terminal = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=terminal, check=True)
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    with subprocess.Popen(
        [str(PROGRAM), *map(str, args)], stdin=terminal, stdout=terminal, stderr=terminal, cwd=cwd, env={**clean, "TERM": "xterm", **(env or {})}
    ) as child:
        os.close(terminal)
        seen = b""
        while select.select([control], [], [], 120)[0]:
            try:
                chunk = os.read(control, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        assert child.wait(10) in (0, 1)
    os.close(control)
    return seen.decode()


def test_a_terminal_gets_colour_and_progress(tmp_path):
    seen = on_terminal(["run", "--random", "60", "-b", "sim", "--runs", "3000", "--jobs", "1"], tmp_path)
    assert "\033[32m" in seen
    assert re.search(r"\r[\d,]+/[\d,]+ jobs \| [\d,]+ states, [\d,]+ kills \| [\d,]+/s", seen)
    assert " left" in seen


def test_no_color_is_honoured(scenarios, tmp_path):
    seen = on_terminal(["run", scenarios, *SIM], tmp_path, env={"NO_COLOR": "1"})
    assert not re.search(r"\033\[\d*m", seen)


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_the_matrix_fits_the_terminal(scenarios, tmp_path, columns):
    specs = ["sim", "sim:canary=none", "dir"]
    seen = on_terminal(["run", scenarios, "--runs", "5", "-b", *specs], tmp_path, {"NO_COLOR": "1"}, columns)
    rows = [line.rstrip() for line in seen.splitlines() if " | " in line and "jobs |" not in line]
    assert rows and max(map(len, rows)) <= columns


def verdict_and_reason(tornpage, tmp_path, backend, steps):
    (tmp_path / "s.scn").write_text(f"test: A full volume.\norigin: a test\ncrash: none\nopen -f f\n---\n{steps}\n")
    done = tornpage("run", "s.scn", "-b", backend, "--json", "j.json", "--runs", "3")
    (result,) = json.loads((tmp_path / "j.json").read_text())["results"]
    return done.returncode, result["verdict"], result["reason"]


@pytest.mark.parametrize(
    "backend, steps, want",
    [
        ("sim", "falloc 0 64m -> ENOSPC", (77, "skipped", "line 6: the volume has room for the falloc")),
        ("dir", "falloc 0 1m -> ENOSPC", (77, "skipped", "line 6: the volume has room for the falloc")),
        ("loop:fs=ext4", "falloc 0 64m -> ENOSPC", (0, "kept", "")),
        ("loop:fs=ext4", "falloc 0 64m", (0, "kept", "")),
        ("loop:fs=ext4", "falloc 0 64m -> ok", (99, "broken", "line 6: falloc failed: No space left on device")),
        ("loop:fs=ext4", "truncate 64m\nmmap 0 64m\nmwrite -S 1 0 64m", (0, "kept", "")),
    ],
)
def test_a_full_volume_is_no_finding(tornpage, tmp_path, backend, steps, want):
    assert verdict_and_reason(tornpage, tmp_path, backend, steps) == want


def test_a_model_makes_fewer_runs_of_a_plan_that_writes_much(tornpage, tmp_path):
    for size, most in (("4k", 1000), ("4m", 64)):
        (tmp_path / "s.scn").write_text(f"test: Much.\norigin: a test\ncrash: power\nopen -f f\n---\npwrite 0 {size}\n")
        tornpage("run", "s.scn", "-b", "sim", "--json", "j.json")
        (result,) = json.loads((tmp_path / "j.json").read_text())["results"]
        assert most - 1 <= result["states_covered"] <= most


def test_time_that_leaves_named_scenarios_unbegun_is_not_green_but_a_soak_may_use_its_time_up(tornpage, scenarios):
    args = ["-b", "sim", "--jobs", "1", "--time"]
    assert tornpage("run", scenarios, *args, "0.000001").returncode == 99
    assert tornpage("run", "--random", "2000", *args, "0.3").returncode == 0


def test_all_columns_show_when_everything_was_skipped(tornpage, tmp_path):
    text = "test: A collapse.\norigin: a test\nrequires: collapse\ncrash: none kill power\nopen -f f\npwrite 0 64k\n---\nfcollapse 0 4k\n"
    (tmp_path / "s.scn").write_text(text)
    done = tornpage("run", "s.scn", "-b", "loop:fs=btrfs")
    assert done.returncode == 77
    assert re.search(r"^scenario +\| none +kill +power", done.stdout, re.M)
    assert re.search(r"^s +\| skipped skipped skipped", done.stdout, re.M)


def test_a_wrong_result_of_the_run_is_not_counted_in_states(tornpage, tmp_path):
    (tmp_path / "s.scn").write_text("test: A wrong wish.\norigin: a test\ncrash: none\nopen -f f\n---\nfsync -> EIO\n")
    done = tornpage("run", "s.scn", "-b", "sim", "--runs", "9")
    assert done.returncode == 1
    assert re.search(r"^s +\| VIOLATED$", done.stdout, re.M)
    assert re.search(r"^VIOLATED s on sim, none$", done.stdout, re.M)


def test_what_is_known_of_a_file_system_with_an_option_is_known_with_more_options_and_of_no_other(tornpage):
    known, more, other = ("loop:fs=ext4,mkfs=-O fast_commit", "loop:mkfs=-I 512 -O fast_commit,fs=ext4", "loop:fs=ext4")
    for backend in known, more:
        done = tornpage("run", "known/unlink-create-fsync", "-b", backend)
        assert done.returncode == 0, done.stdout
        assert "(VIOLATED" in done.stdout
        assert "fast commits" in done.stdout, "the report says what is known"
    done = tornpage("run", "known/unlink-create-fsync", "-b", other)
    assert done.returncode == 0
    assert "VIOLATED known" not in done.stdout and "Mended" not in done.stdout, "nothing is known of it, so that nothing is mended"


LOSING = "sim:canary=flush-ignored"
OVERWRITTEN = "open -f f\npwrite 0 4k\nfsync\n---\npwrite 0 4k\nfsync\n"  # `lost`, rule C1
GROWN = "open -f f\n---\npwrite 0 4k\nfsync\n"  # `wrong size`, rule D1, besides


def run_with_known(tornpage, directory, known, backend=LOSING, steps=OVERWRITTEN):
    scenario = directory / "s.scn"
    scenario.write_text(f"test: A sync.\norigin: claim 1\ncrash: power\nknown: {known}\n{steps}")
    out = directory / "report.json"
    done = tornpage("run", scenario, "-b", backend, "--json", out)
    return done, json.loads(out.read_text())["results"][0]


@pytest.mark.parametrize(
    "known, is_known",
    [
        (f"power {LOSING} lost C1", True),
        ("power sim lost C1", True),
        ("power sim lost B5", False),
        ("power sim stale C1", False),
        ("power dir lost C1", False),
        ("power sim:canary=torn-word lost C1", False),
        ("power sim kernel>=3.0 lost C1", True),
        ("power sim kernel<3.0 lost C1", False),
        ("power sim kernel>=3.0 kernel<3.1 lost C1", False),
        ("power sim kernel>=3.0 kernel<250.0 lost C1", True),
    ],
)
def test_a_violation_is_known_by_backend_kernel_defect_and_rule(tornpage, tmp_path, known, is_known):
    done, result = run_with_known(tornpage, tmp_path, known)
    assert result["verdict"] == "violated"
    assert done.returncode == (0 if is_known else 1), done.stdout
    assert result["known"] == is_known


def test_what_is_not_known_counts_beside_what_is(tornpage, tmp_path):
    done, result = run_with_known(tornpage, tmp_path, "power sim lost C1", steps=GROWN)
    assert done.returncode == 1
    assert not result["known"]
    assert {d["kind"] for d in result["defects"]} == {"lost", "wrong size"}, "what is known leaves room for what is not"


def test_what_is_known_and_not_seen_is_mended(tornpage, tmp_path):
    done, result = run_with_known(tornpage, tmp_path, "power sim lost C1", "sim")
    assert done.returncode == 0
    assert "Mended" in done.stdout and result["mended"]
    done, result = run_with_known(tornpage, tmp_path, "power sim kernel<3.0 lost C1", "sim")
    assert "Mended" not in done.stdout and not result["mended"], "nothing is known of this kernel"


def test_what_a_kernel_is_known_to_do_is_known_in_any_scenario(tornpage, tmp_path):
    scenario = tmp_path / "any.scn"
    scenario.write_text(
        "test: A sync makes a file shorter for good.\norigin: claim 42\ncrash: power\nopen -f f\npwrite 0 14k\n---\nmmap -r 8k 8k\n"
        "mmap @x 12k 4k\nmwrite 12k 2k\ntruncate 3113\nmsync @f -s\nsyncfs\nfalloc 1725 1388\nfalloc 4k 12k\n"
    )
    done = tornpage("run", scenario, "-b", "loop:fs={xfs,ext4}")
    assert done.returncode == 0, done.stdout
    assert "any on loop:fs=xfs, power (known)" in done.stdout
    assert "XFS sends no flush" in done.stdout
