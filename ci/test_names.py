"""A mistyped name on the command line is wrong usage (status 2), and the error names the similar one."""

import json
import os
import shutil

import pytest
from conftest import ROOT, run_program


@pytest.mark.parametrize(
    "args, similar",
    [
        (("run", "-b", "lop:fs=ext4"), "loop"),
        (("run", "-b", "smi"), "sim"),
        (("run", "-b", "loop:mont=nobarrier"), "mount"),
        (("run", "--crash", "powr"), "power"),
        (("list", "backend"), "backends"),
        (("rnu",), "run"),
        (("--verison",), "--version"),
        (("run", "--satates", "3"), "--states"),
        (("run", "-b", "loop:fs=ext44"), "ext4"),
        (("run", "-b", "loop:fs=EXT4"), "ext4"),
        (("run", "-b", "loop:fs={ext4,xsf}"), "xfs"),
        (("run", "-b", "loop:disk=ignore-flsuh"), "ignore-flush"),
        (("run", "-b", "loop:disk=drp:7"), "drop"),
        (("run", "-b", "loop:sector=4069"), "4096"),
        (("run", "-b", "sim:canary=flush-ingored"), "flush-ignored"),
        (("run", "sync/msync-hole"), "sync/msync-whole"),
        (("run", "msync-hole"), "sync/msync-whole"),
        (("explain", "locl/store-no-msync"), "local/store-no-msync"),
        (("explain", "--rule", "c11"), "C1"),
        (("log", "exprot", "x"), "export"),
        (("bench", "vreify"), "verify"),
    ],
)
def test_mistyped_name_is_wrong_usage_with_a_suggestion(args, similar):
    done = run_program(*args, cwd=ROOT)
    assert done.returncode == 2, done
    assert f"did you mean '{similar}'" in done.stderr


def test_name_without_a_similar_one_gets_no_suggestion():
    done = run_program("run", "-b", "zzzzzzzzzz")
    assert done.returncode == 2 and "possible: dir, loop, sim" in done.stderr
    assert "did you mean" not in done.stderr


def test_a_scenario_without_a_similar_one_gets_no_suggestion():
    done = run_program("run", "quite/another-thing-altogether", cwd=ROOT)
    assert done.returncode == 2 and "no scenario, file or directory" in done.stderr
    assert "did you mean" not in done.stderr


# ---- file systems ----


def skip_reason(tornpage, fs, **more):
    done = tornpage("run", ROOT / "scenarios/local/store-no-msync.scn", "-b", f"loop:fs={fs}", "--crash", "kill", "--json", "-", **more)
    assert done.returncode == 77, done.stderr
    return json.loads(done.stdout)["results"][0]["reason"]


@pytest.mark.parametrize("fs", ["ext44", "tmpfs", "proc", "../ext4", ""])
def test_a_file_system_that_no_disk_has_is_wrong_usage(tornpage, fs):
    done = tornpage("run", ROOT / "scenarios/local", "-b", f"loop:fs={fs}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"fs={fs}: no disk has such a file system" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="without root loop is skipped before")
def test_a_file_system_that_this_machine_lacks_is_skipped(tornpage):
    names = [line.split()[-1] for line in open("/proc/filesystems")]
    lacking = [fs for fs in ("jfs", "hfsplus", "ocfs2") if fs not in names]
    if not lacking:
        pytest.skip("this kernel has them all")
    assert f"this kernel has no file system {lacking[0]}" in skip_reason(tornpage, lacking[0])


def after(command):
    """Runs the program in a mount namespace of its own in which this shell command ran before."""
    return ["unshare", "--mount", "sh", "-c", f'{command} && exec "$@"', "sh"]


@pytest.mark.skipif(os.geteuid() != 0, reason="without root loop is skipped before")
def test_a_missing_mkfs_is_skipped_with_its_package(tornpage):
    hidden = after(f"mount --bind /dev/null {os.path.realpath(shutil.which('mkfs.ext4'))}")
    assert "no mkfs.ext4 here: install e2fsprogs" in skip_reason(tornpage, "ext4", prefix=hidden)


@pytest.mark.skipif(os.geteuid() != 0, reason="without root loop is skipped before")
def test_a_file_system_of_which_there_is_a_mkfs_is_no_typo(tornpage):
    made = after("mount -t tmpfs none /usr/local/sbin && ln -s /bin/true /usr/local/sbin/mkfs.newfs")
    assert "this kernel has no file system newfs" in skip_reason(tornpage, "newfs", prefix=made)
