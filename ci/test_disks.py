"""Disks of the loop backend: lies, what a used disk held before, and volumes that were filled."""

import json
import os

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")

LIE = """test: What was written comes back.
origin: a test of lies
crash: none
open -f f
pwrite 0 8k
---
pwrite 0 8k
"""


@pytest.mark.parametrize("lie, verdict", [("drop:1", "violated"), ("drop:1000", "kept"), ("ignore-flush", "kept")])
def test_a_disk_lies_where_nothing_is_struck_and_is_named(lie, verdict, tornpage, tmp_path):
    (tmp_path / "s.scn").write_text(LIE)
    done = tornpage("run", "s.scn", "-b", f"loop:fs=ext4,disk={lie}", "--json", "out.json")
    result = json.loads((tmp_path / "out.json").read_text())["results"][0]
    assert (done.returncode, result["verdict"]) == (1 if verdict == "violated" else 0, verdict)
    assert [f"The disk lied, as it was told to: {lie}." in d["text"] for d in result["defects"]] == [True] * (verdict == "violated")
    for finding in (tmp_path / "findings").glob("*"):
        assert tornpage("replay", finding).returncode == 1


@pytest.mark.parametrize("crash", ["none", "power"])
def test_a_recorded_run_reads_back_from_the_disk_once_caches_were_dropped(crash, tornpage, tmp_path):
    text = LIE.replace("none", crash) + "fsync\ndrop_caches\npread 0 8k\n"
    (tmp_path / "s.scn").write_text(text)
    args = ["run", "s.scn", "-b", "loop:fs=ext4,disk=drop:1", "--crash", crash, "--states", "5", "--json", "out.json"]
    assert tornpage(*args).returncode == 1
    defect = json.loads((tmp_path / "out.json").read_text())["results"][0]["defects"][0]
    assert defect["kind"] == "incoherent" and "`pread 0 8k` (line 10) read the bytes of step 2" in defect["text"]


@pytest.mark.parametrize("options, says", [("mount=dioread_lock", "foreign f"), ("mount=nodelalloc,media=old", "nobody's f")])
def test_a_disk_that_ignores_requests_to_write_zeros_is_found(options, says, tornpage):
    args = ["run", "space/store-into-small-preallocated", "--crash", "power", "-b"]
    assert tornpage(*args, f"loop:fs=ext4,{options}").returncode == 0
    done = tornpage(*args, f"loop:fs=ext4,{options},disk=ignore-discard")
    assert done.returncode == 1 and says in done.stdout


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_volume_is_filled_and_its_scenarios_are_as_in_an_empty_one(fs, tornpage, tmp_path):
    args = ["run", "sync/msync-whole", "space/punch-then-msync", "--states", "50", "--runs", "10", "-b"]
    assert tornpage(*args, f"loop:fs={fs},fill=70", "--log", "full").returncode == 0
    assert tornpage(*args, f"loop:fs={fs}", "--log", "empty").returncode == 0
    full, empty = (next((tmp_path / log).glob("sync*.base")).stat() for log in ("full", "empty"))
    assert full.st_blocks * 512 > empty.st_blocks * 512 + full.st_size // 3
    assert tornpage(*args, f"loop:fs={fs},fill=96").returncode == 2
