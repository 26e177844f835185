"""Pruning: the same verdicts and violations as when every crash state is mounted, on healthy and on lying disks."""

import json
import os
import re
import sys

import pytest

from conftest import ROOT, run_program

SCENARIOS = [
    "sync/msync-whole",
    "local/store-over-old-no-msync",
    "checkpoint/rename-no-sync",
    "size/down-up-store-msync",
]
DISKS = {
    "ext4": ["", ",mount=nobarrier", ",disk=ignore-flush"],
    "xfs": ["", ",disk=ignore-flush"],
    "btrfs": ["", ",mount=nobarrier", ",disk=ignore-flush"],
}


def needs(fs):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("no loop devices here")
    with open("/proc/filesystems", encoding="ascii") as f:
        if fs not in f.read().split():
            pytest.skip(f"this kernel has no {fs}")


def run(spec, where, states, *options, scenarios=SCENARIOS):
    """Results by scenario."""
    needs(re.match(r"loop:fs=(\w+)", spec)[1])
    report = where / "report.json"
    names = [ROOT / "scenarios" / f"{name}.scn" for name in scenarios]
    done = run_program(
        "run", *names, "-b", spec, "--crash", "power", "--states", states, "-f", where / "f", "--json", report, *options
    )
    assert done.returncode in (0, 1, 77), done.stdout + done.stderr
    results = json.loads(report.read_text())["results"]
    if all(r["verdict"] == "skipped" for r in results):
        pytest.skip(results[0]["reason"])
    return {r["scenario"]: r for r in results}


def first_violation(result):
    """Kind, path and offset: the first state is the same, whatever follows."""
    violations = [d for d in result["defects"] if not d["surprise"]]
    return tuple(violations[0][key] for key in ("kind", "path", "offset")) if result["verdict"] == "violated" else None


SPECS = [f"loop:fs={fs}{disk}" for fs, disks in DISKS.items() for disk in disks]


@pytest.mark.parametrize("spec", SPECS)
def test_what_is_concluded_is_what_a_mount_shows(spec, tmp_path):
    """In one recording: each state that is covered is mounted as well. A state that shows something else is a broken result."""
    for name, r in run(spec, tmp_path, 60, "--check-prune").items():
        assert r["verdict"] in ("kept", "lossy", "violated"), (name, r["reason"])


@pytest.mark.parametrize("spec", SPECS)
def test_pruning_changes_no_verdict_and_no_violation(spec, tmp_path):
    """Each run records anew, and what is in a log depends on the time too; so only the first violation can be compared."""
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    pruned, plain = run(spec, tmp_path / "with", 200), run(spec, tmp_path / "without", 200, "--no-prune")
    for name, want in plain.items():
        got = pruned[name]
        assert got["verdict"] == want["verdict"], name
        assert first_violation(got) == first_violation(want), name
        assert want["states_covered"] == want["states_mounted"]
        assert got["states_covered"] >= got["states_mounted"]
        assert got["epochs_sampled"] <= want["epochs_sampled"]


@pytest.mark.parametrize("fs", DISKS)
def test_results_do_not_depend_on_the_number_of_processes(fs, tmp_path):
    """Of one scenario at a time, so that all processes look at its states. Recordings differ by chance; verdicts do not."""
    spec = f"loop:fs={fs},disk=ignore-flush"
    seen = []
    for jobs in ("1", "8"):
        where = tmp_path / jobs
        where.mkdir()
        seen.append(run(spec, where, 300, "--jobs", jobs, scenarios=["sync/msync-whole"])["sync/msync-whole"])
    assert seen[0]["verdict"] == seen[1]["verdict"] == "violated"
    assert first_violation(seen[0]) == first_violation(seen[1])


def test_epochs_are_told_one_by_one(tmp_path):
    for name, r in run("loop:fs=btrfs", tmp_path, 40, "--no-prune").items():
        assert len(r["epochs"]) <= r["epochs_exhaustive"] + r["epochs_sampled"], name
        for e in r["epochs"]:
            assert e["writes"] > 1 and e["from"] < e["to"] and e["first_line"] <= e["last_line"]
            assert e["states_exist"] == 2 ** e["writes"]
            assert e["exhaustive"] or e["states_covered"] < e["states_exist"]
        assert any(not e["exhaustive"] for e in r["epochs"]) == (r["epochs_sampled"] > 0)


def test_time_limit_ends_exploration_and_the_rest_counts_as_sampled(tmp_path):
    r = run("loop:fs=btrfs", tmp_path, 100000, "--no-prune", "--time", "0.4", scenarios=["sync/msync-whole"])["sync/msync-whole"]
    assert r["cut_short"] is True
    assert 0 < r["states_mounted"] < r["states_exist"]
    assert r["epochs_sampled"] > 0


@pytest.mark.parametrize("states", range(1, 8))
def test_even_few_states_are_looked_at(tmp_path, states):
    """A run that looked at nothing would be "kept"."""
    r = run("loop:fs=ext4", tmp_path, states, "--no-prune", scenarios=["sync/msync-whole"])["sync/msync-whole"]
    assert 0 < r["states_mounted"] <= states


def test_where_tracing_is_impossible_the_results_are_the_same_and_it_is_told(tmp_path):
    needs("btrfs")
    report = tmp_path / "report.json"
    scenario = ROOT / "scenarios/sync/msync-whole.scn"
    args = ["run", scenario, "-b", "loop:fs=btrfs", "--crash", "power", "-f", tmp_path / "f", "--json", report]
    seen = []
    for prefix in ([], [sys.executable, str(ROOT / "ci/without_bpf.py")]):
        done = run_program(*args, prefix=prefix)
        assert done.returncode == 0, done.stdout + done.stderr
        r = json.loads(report.read_text())["results"][0]
        assert r["untraced"] == bool(prefix)
        assert ("could not be traced" in done.stdout) == bool(prefix)
        seen.append((r["verdict"], r["states_violated"]))
    assert seen[0] == seen[1]


REPEATED = """test: two recordings of a file that is not small
origin: a prefetch worker that was forked without the memory of its parent
crash: power
repeat: 2
open -f f
truncate 128k
---
mmap -rw 0 128k
mwrite 0 64k
msync -s 0 64k
mwrite 64k 64k
"""
FIVE_WRITES = """test: five writes in flight
origin: epochs that were counted twice
crash: power
open -f f
truncate 128k
fsync
---
pwrite 0 4k
writeback
pwrite 16k 4k
writeback
pwrite 32k 4k
writeback
pwrite 48k 4k
writeback
pwrite 64k 4k
writeback
"""
KILLED = """test: many kills
origin: a time limit between a kill and the last look
crash: kill
repeat: 40
open -f f
truncate 64k
---
mmap -rw 0 64k
mwrite 0 16k
mwrite 16k 16k
mwrite 32k 16k
"""


def run_text(text, where, *options):
    needs("ext4")
    (where / "s.scn").write_text(text)
    report = where / "report.json"
    done = run_program("run", where / "s.scn", "-b", "loop:fs=ext4", "-f", where / "f", "--json", report, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(report.read_text())["results"][0]


@pytest.mark.parametrize("jobs", [1, 4])
def test_each_recording_has_its_own_processes(tmp_path, jobs):
    assert run_text(REPEATED, tmp_path, "--jobs", jobs)["verdict"] == "lossy"


@pytest.mark.parametrize("states", range(20, 60, 5))
def test_nothing_is_counted_twice(tmp_path, states):
    r = run_text(FIVE_WRITES, tmp_path, "--states", states, "--jobs", 1)
    for e in r["epochs"]:
        assert e["states_covered"] <= e["states_exist"]
        assert not e["exhaustive"] or e["states_covered"] >= e["states_exist"] - 1
    assert r["states_violated"] == 0


def test_time_limit_between_kills_loses_nothing(tmp_path):
    for time in ("0.02", "0.05", "0.1"):
        r = run_text(KILLED, tmp_path, "--jobs", 1, "--time", time)
        assert r["verdict"] in ("kept", "skipped")
        assert r["verdict"] == "skipped" or r["kills"] > 0
