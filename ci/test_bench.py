"""`tornpage bench`: the names and fields that machines read, and what cannot be measured. No test asserts a time."""

import json
import os
import re

import pytest
from conftest import run_program

POWER = ["power-ext4", "power-xfs", "power-btrfs"]
NAMES = [*POWER, "kill", "record", "verify", "sim"]
SHORT = ("--seconds", "0.2", "--rounds", "2", "--jobs", "2")


def measured(tornpage, *names):
    done = tornpage("bench", *names, *SHORT, "--json", "-")
    assert done.returncode in (0, 77), done.stderr
    return json.loads(done.stdout)["benches"], done


@pytest.fixture(scope="module")
def all_benches():
    done = run_program("bench", *SHORT, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["benches"]


def test_json_has_the_promised_names_in_order(all_benches):
    assert [b["name"] for b in all_benches][: len(NAMES)] == NAMES


def test_every_bench_has_the_promised_fields_or_a_reason(all_benches):
    for b in all_benches:
        assert b["unit"]
        if b["status"] == "skipped":
            assert b["reason"] and b["ratio"] is None
            continue
        assert (b["status"], b["reason"]) == ("measured", "")
        assert b["floor"] > 0 and b["ours"] > 0
        assert b["ratio_least"] <= b["ratio"] <= b["ratio_most"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_nothing_is_skipped_where_there_is_root_and_loop(all_benches):
    if not os.path.exists("/dev/loop-control") or not os.path.exists("/dev/fuse"):
        pytest.skip("no loop devices or no FUSE")
    assert [b["name"] for b in all_benches if b["status"] != "measured"] == []


def test_the_target_of_sim_is_its_floor(all_benches):
    sim = next(b for b in all_benches if b["name"] == "sim")
    assert (sim["floor"], sim["unit"]) == (30000, "runs/s")


def test_with_one_round_the_ratio_is_ours_by_floor(tornpage, tmp_path):
    done = tornpage("bench", "sim", "--seconds", "0.1", "--rounds", "1", "--json", "out.json")
    assert done.returncode == 0
    b = json.loads((tmp_path / "out.json").read_text())["benches"][0]
    assert b["ratio"] == pytest.approx(b["ours"] / b["floor"], rel=1e-3)


def test_the_ratio_of_memory_grows_as_memory_shrinks(all_benches):
    b = next(b for b in all_benches if b["name"] == "memory")
    assert b["ratio"] == pytest.approx(b["floor"] / b["ours"], rel=1e-3)


def test_only_named_benches_run_each_once(tornpage):
    benches, done = measured(tornpage, "verify", "sim", "verify")
    assert [b["name"] for b in benches] == ["verify", "sim"]
    assert re.search(r"^verify +bytes/s ", done.stderr, re.M)  # the table, out of the way of the JSON


def test_without_root_mounts_are_skipped_with_the_reason(open_dir):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = run_program("bench", *POWER, "record", *SHORT, "--json", "-", program=open_dir / "tornpage", prefix=nobody, cwd=open_dir)
    assert done.returncode == 77
    assert all("root" in b["reason"] for b in json.loads(done.stdout)["benches"])


def test_help_tells_the_floor_of_every_bench(all_benches):
    text = run_program("bench", "--help").stdout
    for b in all_benches:
        assert re.search(rf"^  .*{b['name']}.* ?\({re.escape(b['unit'])}\)$", text, re.M)


def test_unknown_bench_is_wrong_usage(tornpage):
    done = tornpage("bench", "frobnicate")
    assert done.returncode == 2
    assert "unknown bench 'frobnicate'; there are: power-ext4" in done.stderr
