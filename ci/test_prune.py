"""Pruning: the same verdicts and violations as when every crash state is mounted, on healthy and on lying disks."""

import json
import os
import re

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
STATES = 2000  # more than any of them has


def needs(fs):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("no loop devices here")
    with open("/proc/filesystems", encoding="ascii") as f:
        if fs not in f.read().split():
            pytest.skip(f"this kernel has no {fs}")


def run(spec, where, *options):
    """Results by scenario."""
    report = where / "report.json"
    names = [ROOT / "scenarios" / f"{name}.scn" for name in SCENARIOS]
    done = run_program(
        "run", *names, "-b", spec, "--crash", "power", "--states", STATES, "-f", where / "f", "--json", report, *options
    )
    assert done.returncode in (0, 1, 77), done.stdout + done.stderr
    results = json.loads(report.read_text())["results"]
    if all(r["verdict"] == "skipped" for r in results):
        pytest.skip(results[0]["reason"])
    return {r["scenario"]: r for r in results}


def violations(result, where):
    """Kind, path and offset of the first violation of each kind that was seen, as its finding tells."""
    findings = [json.loads((where / f).read_text()) for f in result["findings"]]
    return {(d["kind"], d["path"], d["offset"]) for f in findings for d in f["defects"] if not d["surprise"]}


@pytest.mark.parametrize("spec", [f"loop:fs={fs}{disk}" for fs, disks in DISKS.items() for disk in disks])
def test_pruning_changes_no_verdict_and_no_violation(spec, tmp_path):
    needs(re.match(r"loop:fs=(\w+)", spec)[1])
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    pruned, plain = run(spec, tmp_path / "with"), run(spec, tmp_path / "without", "--no-prune")
    for name, want in plain.items():
        got = pruned[name]
        assert got["verdict"] == want["verdict"], name
        assert violations(got, tmp_path) == violations(want, tmp_path), name
        assert want["states_covered"] == want["states_mounted"]
        assert got["states_covered"] >= want["states_covered"]
        assert got["states_mounted"] <= got["states_covered"]
        assert got["epochs_exhaustive"] >= want["epochs_exhaustive"]
