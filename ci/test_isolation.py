"""What a run leaves behind when it is killed: nothing. And what happens without privileges: loop is skipped, the rest runs."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROGRAM, ROOT, SCENARIO, run_program, wait_until

SCENARIOS = ROOT / "scenarios"
KILLS = int(os.environ.get("TORNPAGE_TEST_KILLS", "40"))
DEADLINE_S = 30

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")


def descriptors():
    """The open descriptors of all processes, as paths in /proc."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield from list((process / "fd").iterdir())
        except OSError:
            pass  # it ended while we looked


def disks_without_server():
    """How many recorded disks are there, as loop devices or FUSE connections, beyond those that a living process serves.

    Counted, not compared with what was there before: other runs may come and go on the same machine.
    """

    def count(paths, read, text):
        n = 0
        for path in paths:
            try:
                n += read(path).strip() == text
            except OSError:
                pass  # it ended while we looked
        return n

    servers = count(descriptors(), os.readlink, "/dev/fuse")
    loops = count(Path("/sys/block").glob("loop*/loop/backing_file"), Path.read_text, "/disk")
    listing = "mount -t fusectl none /sys/fs/fuse/connections && ls /sys/fs/fuse/connections"
    fuse = len(subprocess.run(["unshare", "-m", "sh", "-c", listing], capture_output=True, text=True, check=True).stdout.split())
    return max(loops, fuse) - servers


def processes(name):
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().strip() == name:
                found.append(comm.parent.name)
        except OSError:
            pass  # it ended while we looked
    return found


def our_mounts():
    """The mounts of ours that this namespace sees: those below /run/tornpage, and whatever tornpage mounted. Others' come and go."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if "tornpage" in line]


@pytest.fixture
def named(tmp_path):
    """A copy of the program under a name that no other process has."""
    path = tmp_path / f"torn{os.getpid()}"
    shutil.copy(PROGRAM, path)
    return path


@needs_root
def test_kill_9_at_any_moment_leaves_nothing(named, scenarios, tmp_path):
    r = random.Random(1)
    before, mounts = max(0, disks_without_server()), our_mounts()
    for i in range(KILLS):
        args = [named, "run", scenarios, "-b", "loop:fs={ext4,xfs,btrfs}", "--seed", str(i)]
        with subprocess.Popen(args, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                child.wait(r.uniform(0, 2))
            except subprocess.TimeoutExpired:
                pass
            child.send_signal(signal.SIGKILL)
        assert wait_until(lambda: not processes(named.name)), f"kill {i}: processes {processes(named.name)}"
        assert wait_until(lambda: disks_without_server() <= before), f"kill {i}: {disks_without_server()} disks are left"
        assert our_mounts() == mounts, f"kill {i}"


@needs_root
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_soon_and_still_reports(named, scenarios, tmp_path, signum):
    args = [named, "run", scenarios, "-b", "loop:fs=xfs", "--jobs", "1"]
    with subprocess.Popen(args, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
        assert wait_until(lambda: len(processes(named.name)) > 2)
        child.send_signal(signum)
        out, _ = child.communicate(timeout=DEADLINE_S)
    assert "interrupted" in out
    assert child.returncode == 128 + signum
    assert wait_until(lambda: not processes(named.name))


def test_without_root_loop_is_skipped_with_the_remedy_and_the_rest_runs(open_dir):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    (open_dir / "work").mkdir()
    (open_dir / "work").chmod(0o777)
    (open_dir / "one.scn").write_text(SCENARIO)
    args = ["run", open_dir / "one.scn", "-b", "loop", "-b", "sim", "-b", "dir", "--runs", "50", "--json", "-"]
    done = run_program(*args, program=open_dir / "tornpage", prefix=nobody, cwd=open_dir / "work")
    assert done.returncode == 0, done.stderr
    results = {(r["backend"].split(":")[0], r["crash"]): r for r in json.loads(done.stdout)["results"]}
    for crash in "kill", "power":
        assert results["loop", crash]["verdict"] == "skipped"
        assert "root" in results["loop", crash]["reason"]
    assert results["sim", "power"]["verdict"] == "lossy"
    assert results["dir", "kill"]["verdict"] == "kept"


@needs_root
@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_real_disk_that_ignores_flushes_is_caught_and_replays(fs, tornpage, scenarios, tmp_path):
    """A finding gives the same verdict 20 times out of 20, and needs nothing of the run that made it."""
    args = ["-b", f"loop:fs={fs},disk=ignore-flush", "--crash", "power"]
    done = tornpage("run", "t/store-msync", *args, "--json", "out.json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "msync -s 0 4k" in done.stdout  # the step that had promised it
    finding = json.loads((tmp_path / "out.json").read_text())["results"][0]["findings"][0]
    (tmp_path / "scenarios/t/store-msync.scn").unlink()
    again = tornpage("replay", finding, "--times", "20")
    assert again.returncode == 1, again.stderr
    assert "VIOLATED 20 of 20 times" in again.stdout


# $1: tmpfs's size, $2: the image's size, $3: the directory that takes what is left of the tmpfs, then the program with its arguments.
TARGET = """
set -e
mkdir below target
mount -t tmpfs -o size=$1 none below
truncate -s $2 below/image
mkfs.ext4 -q -F -E lazy_itable_init=0,nodiscard below/image
mount -o loop below/image target
dd if=/dev/zero of=$3/fill bs=4k 2>/dev/null || true
shift 3
exec "$@"
"""


@needs_root
@pytest.mark.parametrize("sizes", [("40m", "30m", "target"), ("40m", "200m", "below")], ids=["full", "failing"])
def test_a_full_or_failing_target_is_never_a_finding(sizes, tmp_path):
    command = [PROGRAM, "run", SCENARIOS / "local", SCENARIOS / "block", "-b", f"dir:path={tmp_path}/target", "--findings", tmp_path / "f"]
    done = subprocess.run(["unshare", "-m", "sh", "-c", TARGET, "sh", *sizes, *command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 99, done.stdout + done.stderr
    reasons = re.search(r"^Broken: .*?(?=^Skipped|^\d+ results)", done.stdout, re.M | re.S)[0]
    assert re.search("No space left on device|Input/output error|Read-only file system", reasons)


@needs_root
def test_a_killed_part_of_the_harness_is_never_a_finding():
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "long/trust.py", PROGRAM, "--kills", "12", "--pauses", "0", "--stops", "0", "--memory", "3", "--loads", "0"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 1: " in done.stdout
