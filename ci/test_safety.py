"""Files from others, and what the program may write: nothing of a user's is replaced or lost."""

import json
import os
import stat
import subprocess

import pytest
from conftest import PROGRAM
from test_log import random_log


def test_output_replaces_neither_devices_nor_links_nor_inputs(tornpage, tmp_path):
    log, base = random_log(512, 1)
    (tmp_path / "log").write_bytes(log)
    (tmp_path / "base").write_bytes(base)
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dir").mkdir()
    os.link(tmp_path / "base", tmp_path / "other-name")
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for command, path, why in [
        (["import", "log"], "null", "a character device"),
        (["export", "log"], "link", "a symbolic link"),
        (["import", "log"], "dir", "a directory"),
        (["import", "log"], "log", "an input of this command"),
        (["replay", "log", "--base", "base"], "log", "an input of this command"),
        (["replay", "log", "--base", "base"], "./base", "an input of this command"),
        (["replay", "log", "--base", "base"], "other-name", "an input of this command"),
    ]:
        done = tornpage("log", *command, "-o", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
    assert (tmp_path / "null").is_char_device() and (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "kept"
    assert (tmp_path / "log").read_bytes() == log and (tmp_path / "base").read_bytes() == base
    assert sorted(os.listdir(tmp_path)) == ["base", "dir", "link", "log", "null", "other-name", "target"]


def test_reports_replace_neither_inputs_nor_links(tornpage, scenarios, tmp_path):
    (scenario,) = scenarios.rglob("store-msync.scn")
    text = scenario.read_text()
    (tmp_path / "link").symlink_to("target")
    for path, why in [(scenario, "an input of this command"), ("link", "a symbolic link"), (scenarios, "a directory")]:
        for form in "json", "junit":
            done = tornpage("run", scenario, "-b", "sim", f"--{form}={path}")
            assert done.returncode == 2 and why in done.stderr
    assert scenario.read_text() == text and not (tmp_path / "target").exists()
    # A run that wrong usage ends leaves the report of the run before.
    (tmp_path / "old.json").write_text("before")
    assert tornpage("run", scenario, "-b", "sim", "--json", "old.json", "--junit=no/such/x.xml").returncode == 2
    assert (tmp_path / "old.json").read_text() == "before"
    assert tornpage("run", scenario, "-b", "sim", "--json", "/dev/null").returncode == 0


def test_runs_that_share_a_findings_directory_lose_none(tmp_path):
    command = [PROGRAM, "run", "sync/msync-whole", "-b", "sim:canary=flush-ignored", "--crash", "power", "--findings", "same"]
    for _ in range(3):
        runs = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(6)]
        for run in runs:
            assert b"could not be saved" not in run.communicate()[0]
            assert run.returncode == 1
        for path in (tmp_path / "same").iterdir():
            assert path.name.endswith(".finding.json")
            json.loads(path.read_text())
            path.unlink()


def saved(tornpage, tmp_path, spec):
    """The path and the contents of a finding of `spec`."""
    done = tornpage("run", "sync/msync-whole", "-b", spec, "--crash", "power", "-f", "found", "--states", "20")
    assert done.returncode == 1, done.stderr
    path = min((tmp_path / "found").iterdir())
    return path, json.loads(path.read_text())


def test_a_finding_from_others_runs_no_command_of_its_choice(tornpage, tmp_path):
    path, finding = saved(tornpage, tmp_path, "loop:fs=ext4,disk=ignore-flush")
    done = tornpage("replay", path)
    assert done.returncode == 1
    assert "the kernel of this machine mounts the disk image in this file" in done.stdout.splitlines()[0]
    undo, hostile = tmp_path / "undo", tmp_path / "hostile.json"
    del finding["image"]
    finding |= {"crash": "none", "backend": f"loop:fs=ext4,mkfs=-z {undo}"}
    hostile.write_text(json.dumps(finding))
    done = tornpage("replay", hostile)
    assert done.returncode == 2 and "'mkfs=-z " in done.stderr and "--trust allows it" in done.stderr
    assert not undo.exists()
    assert tornpage("replay", "--trust", hostile).returncode != 2
    assert undo.exists()  # so the option would have done it


def test_a_small_finding_gives_no_large_image(tornpage, tmp_path):
    path, finding = saved(tornpage, tmp_path, "loop:fs=ext4,disk=ignore-flush")
    for change in {"size": 4 << 30}, {"data": finding["image"]["data"] | {"bytes": 4 << 30}}:
        path.write_text(json.dumps(finding | {"image": finding["image"] | change}))
        done = tornpage("replay", "--trust", path)
        assert done.returncode == 2 and "larger than the volumes of its backend" in done.stderr


def test_a_finding_with_an_unknown_word_is_wrong_usage(tornpage, tmp_path):
    path, finding = saved(tornpage, tmp_path, "sim:canary=flush-ignored")
    for backend, says in [("sim:canary=flush-ignord", "flush-ignored"), ("sin", "did you mean 'sim'"), ("sim:canery=x", "canary")]:
        path.write_text(json.dumps(finding | {"backend": backend}))
        done = tornpage("replay", path)
        assert done.returncode == 2 and says in done.stderr


@pytest.mark.parametrize("limit", [5, 7, 8, 63])
def test_too_few_open_files_are_told(tornpage, limit):
    done = tornpage("run", "sync/msync-whole", "-b", "dir", "--crash", "kill", prefix=["prlimit", f"--nofile={limit}:{limit}"], timeout=60)
    assert (done.returncode, done.stdout) == (99, "")
    assert f"may have {limit} open files, and 64 are needed" in done.stderr


def test_64_open_files_are_enough(tornpage):
    done = tornpage("run", "sync/msync-whole", "-b", "dir", "-b", "loop", "--states", "20", "--runs", "5", prefix=["prlimit", "--nofile=64:64"])
    assert done.returncode == 0, done.stdout


def in_odd_place(setup, tmp_path, *backends):
    """Runs a scenario behind a command that changes what this process sees of the machine."""
    run = f"{PROGRAM} run sync/msync-whole -b {' -b '.join(backends)} --crash kill,power --states 5 --runs 5"
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{setup} && {run}"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("setup", ["mount -t tmpfs -o ro none /run", "umask 777", "mount -t tmpfs none /proc"])
def test_odd_places_where_all_works(setup, tmp_path):
    done = in_odd_place(setup, tmp_path, "dir", "loop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 1 lossy, 0 VIOLATED, 0 broken, 1 skipped" in done.stdout


@pytest.mark.parametrize("node", ["", "mknod node c 1 3", "mknod node b 10 229", "mknod node c 10 228"])
def test_a_fuse_device_that_is_none_skips_with_the_remedy(node, tmp_path):
    done = in_odd_place(f"{node or 'touch node'} && mount --bind node /dev/fuse", tmp_path, "loop")
    assert done.returncode == 77 and "no /dev/fuse here: load the module fuse" in done.stdout
