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


def test_a_disk_that_ignores_requests_to_write_zeros_is_found(tornpage):
    args = ["run", "space/store-into-small-preallocated", "--crash", "power", "-b"]
    assert tornpage(*args, "loop:fs=ext4,mount=dioread_lock").returncode == 0
    done = tornpage(*args, "loop:fs=ext4,mount=dioread_lock,disk=ignore-discard")
    assert done.returncode == 1 and "foreign f" in done.stdout


# No other file had these blocks: what they show was there before mkfs.
PREALLOCATED = """test: A store into preallocated space leaves zeros around it.
origin: a test of used disks
crash: power
open -f f
falloc 0 32k
fsync
---
mmap -rw 0 32k
mwrite 8k 4k
msync -s 0 32k
"""


@pytest.mark.parametrize("media, lie, status", [("old", "", 0), ("zeros", ",disk=ignore-discard", 0), ("old", ",disk=ignore-discard", 1)])
def test_old_bytes_of_a_used_disk_show_what_zeros_hide(media, lie, status, tornpage, tmp_path):
    (tmp_path / "s.scn").write_text(PREALLOCATED)
    done = tornpage("run", "s.scn", "-b", f"loop:fs=ext4,mount=dioread_lock,media={media}{lie}")
    assert done.returncode == status, done.stdout
    assert ("nobody's f" in done.stdout and "bytes nobody wrote (0xd7" in done.stdout) == bool(status)


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_volume_is_filled_and_its_scenarios_are_as_in_an_empty_one(fs, tornpage, tmp_path):
    args = ["run", "sync/msync-whole", "space/punch-then-msync", "--states", "50", "--runs", "10", "-b"]
    assert tornpage(*args, f"loop:fs={fs},fill=70", "--log", "full").returncode == 0
    assert tornpage(*args, f"loop:fs={fs}", "--log", "empty").returncode == 0
    full, empty = (next((tmp_path / log).glob("sync*.base")).stat() for log in ("full", "empty"))
    assert full.st_blocks * 512 > empty.st_blocks * 512 + full.st_size // 3
    assert tornpage(*args, f"loop:fs={fs},fill=96").returncode == 2
