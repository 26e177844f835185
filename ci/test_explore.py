"""`explore`: crash states of logs that `run`, the kernel or a test wrote, judged by a command."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PROGRAM, wait_until
from replay_log import FLUSH, FUA, MARK, Log, entries

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")

SCENARIO = """test: What fdatasync covers is there after a power cut.
origin: a test of logs
crash: power
open -f f
pwrite -S 0x61 0 8k
fsync
---
pwrite -S 0x62 0 8k
fdatasync
pwrite -S 0x63 0 8k
"""

# Which bytes may be in f, by the last mark.
CHECK = r"""
f=$1/run-0/f
[ "$TORNPAGE_MOUNT" = "$1" ] && [ "$TORNPAGE_MARK" = "$2" ] || exit 9
[ "$(stat -c %s "$f")" = 8192 ] || exit 3
case "$2" in
'' | start | 'step 4 '*) may=abc ;;
'step 5 begin') may=abc ;;
*) may=bc ;;
esac
echo "seen $(head -c 1 "$f") at mark $TORNPAGE_MARKS"
[ -z "$(tr -d "$may" <"$f")" ]
"""


@pytest.fixture
def recorded(tornpage, tmp_path):
    """Runs SCENARIO and returns the names of the log and the base image that it saved."""

    def record(spec):
        (tmp_path / "s.scn").write_text(SCENARIO)
        (tmp_path / "check.sh").write_text(CHECK)
        tornpage("run", "s.scn", "-b", spec, "--crash", "power", "--log", "logs", "--findings", "found")
        logs = list((tmp_path / "logs").glob("*.log"))
        assert len(logs) == 1
        return logs[0], logs[0].with_suffix(".base")

    return record


def explore(tornpage, log, base, fs, *more, check='sh check.sh "$1" "$2"'):
    done = tornpage("explore", "--log", log, "--base", base, "--fs", fs, "--check", check, "--json", "out.json", *more)
    return done


def result(tmp_path):
    return json.loads((tmp_path / "out.json").read_text())


@needs_root
@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_recording_of_ours_explores_without_violation(fs, recorded, tornpage, tmp_path):
    log, base = recorded(f"loop:fs={fs}")
    marks = [data.decode() for _, _, flags, data in entries(log.read_bytes())[1] if flags & MARK]
    assert marks == ["start"] + [f"step {n} {w}" for n in (4, 5, 6) for w in ("begin", "end")] + ["unmount begin", "unmount end"]
    done = explore(tornpage, log, base, fs)
    assert (done.returncode, done.stderr) == (0, "")
    r = result(tmp_path)
    assert (r["verdict"], r["states_violated"], r["findings"]) == ("kept", 0, [])
    assert r["states_covered"] > 5 and r["checks"] > r["states_mounted"] > 0


@needs_root
def test_a_disk_that_ignores_flushes_is_found_by_the_check(recorded, tornpage, tmp_path):
    log, base = recorded("loop:fs=ext4,disk=ignore-flush")
    assert not any(flags & FLUSH for _, _, flags, _ in entries(log.read_bytes())[1])
    done = explore(tornpage, log, base, "ext4", "--findings", "images")
    assert done.returncode == 1
    assert "VIOLATED" in done.stdout and "seen a at mark" in done.stdout
    r = result(tmp_path)
    assert r["verdict"] == "violated" and 0 < r["states_violated"] < r["states_covered"]
    bad = r["violations"][0]
    assert (bad["kind"], bad["status"]) == ("check", 1)
    assert bad["mark"].startswith(("step 5 end", "step 6", "unmount"))

    # The image is that crash state: the check says the same about it by hand.
    (tmp_path / "mnt").mkdir()
    by_hand = f'mount -o loop {bad["image"]} mnt && {{ sh check.sh mnt "{bad["mark"]}"; echo $?; umount mnt; }}'
    env = {**os.environ, "TORNPAGE_MOUNT": "mnt", "TORNPAGE_MARK": bad["mark"], "TORNPAGE_MARKS": str(bad["marks"])}
    seen = subprocess.run(["unshare", "-m", "sh", "-c", by_hand], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert seen.stdout == f'{bad["said"]}1\n'

    # Before the mark that promises something nothing is violated; with an honest reading of --to.
    assert explore(tornpage, log, base, "ext4", "--to", "step 5 begin").returncode == 0
    assert explore(tornpage, log, base, "ext4", "--from", "step 5 end", "--to", "step 6 begin").returncode == 1
    r = result(tmp_path)
    assert {v["mark"] for v in r["violations"]} <= {"step 5 end", "step 6 begin"}


@needs_root
def test_results_depend_on_the_seed_alone(recorded, tornpage, tmp_path):
    log, base = recorded("loop:fs=ext4,disk=ignore-flush")
    seen = []
    for _ in range(2):
        explore(tornpage, log, base, "ext4", "--states", 30, "--seed", 7)
        r = result(tmp_path)
        del r["wall_s"]
        seen.append(r)
    assert seen[0] == seen[1]
    assert seen[0]["states_mounted"] <= 30


def comparable(tmp_path):
    """A result without times, and with the images' contents instead of their names."""
    r = result(tmp_path)
    del r["wall_s"], r["findings"]
    for v in r["violations"]:
        v["image"] = v["image"] and hashlib.sha256((tmp_path / v["image"]).read_bytes()).hexdigest()
    return r


# Objects to some states only, and says where it looked.
SOME_STATES = 'sh check.sh "$1" "$2"; was=$?; echo "$1"; ls -l "$1/run-0"; [ $was = 0 ] && [ "$(head -c 1 "$1/run-0/f")" != c ]'


@needs_root
@pytest.mark.parametrize("spec", ["loop:fs=ext4", "loop:fs=ext4,disk=ignore-flush", "loop:fs=btrfs"])
def test_results_do_not_depend_on_the_number_of_jobs(spec, recorded, tornpage, tmp_path):
    log, base = recorded(spec)
    seen = []
    for jobs in (1, 3, 8):
        done = explore(
            tornpage, log, base, spec[8:].split(",")[0], "--jobs", jobs, "--states", 100, "--findings", f"f{jobs}", check=SOME_STATES
        )
        assert (done.returncode, done.stderr) == (1, "")
        seen.append(comparable(tmp_path))
    assert 0 < seen[0]["states_violated"] < seen[0]["states_covered"]
    assert any(v["image"] for v in seen[0]["violations"])
    assert seen[0] == seen[1] == seen[2]


LYING = [f"loop:fs={fs},disk=ignore-flush" for fs in ("ext4", "xfs", "btrfs")]


@needs_root
@pytest.mark.parametrize("check", ['sh check.sh "$1" "$2"', SOME_STATES], ids=["healthy", "objects"])
@pytest.mark.parametrize("spec", ["loop:fs=ext4", "loop:fs=ext4,mount=nobarrier", "loop:fs=xfs", "loop:fs=btrfs", *LYING])
def test_what_is_concluded_is_what_a_mount_shows(spec, check, recorded, tornpage, tmp_path):
    """One recording, with and without pruning: the same violations, state by state."""
    log, base = recorded(spec)
    states = 40 if spec in LYING else 80  # room for all states of small epochs
    seen = {}
    for option in ("--jobs=3", "--check-prune", "--no-prune"):
        done = explore(tornpage, log, base, spec[8:].split(",")[0], option, "--states", states, check=check)
        assert done.returncode in (0, 1) and done.stderr == ""
        seen[option] = comparable(tmp_path)
    pruned, checked, plain = seen.values()
    assert pruned == checked
    assert (check == SOME_STATES or "ignore" in spec or "nobarrier" in spec) == (plain["states_violated"] > 0)
    assert pruned["states_mounted"] <= states and plain["states_mounted"] == plain["states_covered"]
    if spec == "loop:fs=btrfs":  # how much the others read depends on the recording
        assert pruned["states_mounted"] < plain["states_mounted"]
    # All of plain's are listed. Pruning goes on from there where there are more subsets.
    assert pruned["violations"][: len(plain["violations"])] == plain["violations"]
    assert pruned["epochs_exhaustive"] >= plain["epochs_exhaustive"]
    assert pruned["states_exist"] == plain["states_exist"]
    if plain["epochs_sampled"] == 0:
        assert (pruned["states_covered"], pruned["states_violated"]) == (plain["states_covered"], plain["states_violated"])


@pytest.fixture
def ext4(tmp_path):
    """An ext4 image; and the log that overwrites its superblock, with a mark in front."""
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "^has_journal", tmp_path / "base", "8m"], check=True)
    log = Log().mark("fine").flush().write(0, b"\xff" * 4096).flush().mark("broken")
    (tmp_path / "log").write_bytes(log.bytes())
    return tmp_path / "log", tmp_path / "base"


@needs_root
def test_a_state_that_does_not_mount_is_a_violation(ext4, tornpage, tmp_path):
    done = explore(tornpage, *ext4, "ext4", check="true")
    assert done.returncode == 1
    assert "it does not mount" in done.stdout
    assert {v["kind"] for v in result(tmp_path)["violations"]} == {"mount"}
    assert explore(tornpage, *ext4, "ext4", "--to", "fine", check="true").returncode == 0


@pytest.fixture
def unread(ext4):
    """The same image; and a log of writes, with a mark in their midst, to a block that nobody reads."""
    log = Log()
    for i in range(12):
        log.write(2040 * 8, bytes([i]) * 4096)
        if i == 5:
            log.mark("midst")
    ext4[0].write_bytes(log.bytes())
    return ext4


@needs_root
@pytest.mark.parametrize("jobs", [1, 3])
def test_all_subsets_of_a_large_epoch_are_covered_with_few_mounts(jobs, ext4, tornpage, tmp_path):
    """Of 20 writes in flight three are to blocks that are read: 8 states that differ."""
    log = Log().mark("begin")
    for i in range(20):
        block = 2028 + i
        log.write(block * 8, bytes([i + 1]) * 4096)
        if i == 10:
            log.mark("midst")
    log.mark("end")
    ext4[0].write_bytes(log.bytes())
    device = "$(findmnt -n -o SOURCE \"$1\")"
    read = "".join(f"dd if={device} bs=4096 skip={2028 + i} count=1 status=none; " for i in (3, 7, 15))
    check = f'[ "$( ({read}) | tr -d "\\0" | tr "\\004\\010\\020" abc | head -c 1)" != c ]'
    done = explore(tornpage, *ext4, "ext4", "--jobs", jobs, check=check)
    assert done.returncode == 1, done.stderr
    r = result(tmp_path)
    assert (r["epochs_exhaustive"], r["epochs_sampled"], r["states_exist"]) == (1, 0, 2**20)
    assert [(e["writes"], e["states_covered"], e["exhaustive"]) for e in r["epochs"]] == [(20, 2**20, True)]
    assert r["states_mounted"] < 100
    # Violated: c is there and neither a nor b is.
    assert (r["states_covered"], r["states_violated"]) == (2**20, 2**17)
    assert {v["marks"] for v in r["violations"]} == {2, 3}  # the 16th write is behind the mark in the midst
    # Only before the mark in the midst: a is there, and whatever else of the eleven writes up to there.
    first = f'[ "$TORNPAGE_MARKS" != 1 ] || [ "$(dd if={device} bs=4096 skip=2031 count=1 status=none | head -c 1)" = "" ]'
    assert explore(tornpage, *ext4, "ext4", "--jobs", jobs, check=first).returncode == 1
    r = result(tmp_path)
    assert (r["states_covered"], r["states_violated"]) == (2**20, 2**10)
    done = explore(tornpage, *ext4, "ext4", "--jobs", jobs, "--states", 4, check=check)
    r = result(tmp_path)
    assert (r["epochs_exhaustive"], r["epochs_sampled"]) == (0, 1)
    assert "Sampled epochs" in done.stdout and "20 writes, 1048576 states" in done.stdout


@needs_root
@pytest.mark.parametrize("flags, few, enough, all_states", [(0, 31, 46, 16), (FUA, 20, 34, 10)], ids=["plain", "fua"])
def test_a_small_epoch_is_exhaustive_when_there_was_room_for_all_subsets(flags, few, enough, all_states, ext4, tornpage, tmp_path):
    """The kinds of states share --states; the subsets may not all get in. Whoever loses a FUA write has none behind it."""
    log = Log()
    for i in range(4):
        log.write((2028 + i) * 8, bytes([i + 1]) * 4096, flags if i == 1 else 0)
    ext4[0].write_bytes(log.bytes())
    for states, exhaustive in ((few, False), (enough, True)):
        explore(tornpage, *ext4, "ext4", "--no-prune", "--states", states, check="true")
        r = result(tmp_path)
        assert (r["epochs_exhaustive"], r["epochs_sampled"]) == (exhaustive, not exhaustive)
        assert r["states_exist"] == all_states
        assert (r["states_covered"] == all_states) == exhaustive


@needs_root
def test_subsets_of_equal_bytes_need_not_be_seen_twice(ext4, tornpage, tmp_path):
    log = Log().write(2028 * 8, b"a" * 4096).flush()
    for i in range(3):
        log.write((2028 + i) * 8, b"abc"[i : i + 1] * 4096)  # the first one writes what is there
    ext4[0].write_bytes(log.bytes())
    explore(tornpage, *ext4, "ext4", "--no-prune", check="true")
    r = result(tmp_path)
    assert (r["epochs_exhaustive"], r["epochs_sampled"], r["states_exist"]) == (2, 0, 9)
    assert r["states_covered"] < 9 and r["epochs"][0]["states_covered"] == 8


@needs_root
def test_what_keeps_nothing_of_an_epoch_is_counted_once(ext4, tornpage, tmp_path):
    log = Log()
    for i in range(16):
        log.write((2028 + i) * 8, bytes([i + 1]) * 4096)
        if i == 7:
            log.flush()
    ext4[0].write_bytes(log.bytes())
    explore(tornpage, *ext4, "ext4", check="true")
    r = result(tmp_path)
    assert (r["states_exist"], r["states_covered"], r["epochs_exhaustive"], r["epochs_sampled"]) == (511, 511, 2, 0)


def device_holds(block, text):
    """A shell condition: the block's first byte on the mounted device is this."""
    return f'[ "$(dd if="$(findmnt -n -o SOURCE "$1")" bs=4096 skip={block} count=1 status=none | head -c 1)" = "{text}" ]'


def log_of(n):
    """n writes of "x" in flight to blocks 2010 and on, which mount and unmount do not touch."""
    log = Log()
    for i in range(n):
        log.write((2010 + i) * 8, b"x" * 4096)
    return log


@needs_root
@pytest.mark.parametrize("option", ["--jobs=1", "--jobs=3", "--check-prune"])
def test_what_is_wrong_with_a_whole_epoch_only_behind_its_flush_is_found(option, ext4, tornpage, tmp_path):
    ext4[0].write_bytes(log_of(10).flush().mark("synced").bytes())
    # Before it, the 2^8 states with the first write and without the last.
    before = f'! {{ {device_holds(2010, "x")} && ! {device_holds(2019, "x")}; }}'
    check = f'if [ "$2" = synced ]; then ! {device_holds(2013, "x")}; else {before}; fi'
    assert explore(tornpage, *ext4, "ext4", option, check=check).returncode == 1
    r = result(tmp_path)
    assert (r["states_covered"], r["states_violated"], r["epochs_exhaustive"]) == (1024, 2**8 + 1, 1)


@needs_root
def test_a_violation_in_an_epoch_that_is_not_covered_whole_counts(ext4, tornpage, tmp_path):
    ext4[0].write_bytes(log_of(30).bytes())
    check = "! { " + " && ".join(device_holds(2010 + i, "x") for i in range(30)) + "; }"
    assert explore(tornpage, *ext4, "ext4", "--states", 200, check=check).returncode == 1
    r = result(tmp_path)
    assert (r["states_violated"], r["epochs_sampled"], r["verdict"]) == (1, 1, "violated")
    assert r["states_covered"] >= r["states_mounted"]


@needs_root
def test_a_hang_that_is_met_among_many_subsets_counts(ext4, tornpage, tmp_path):
    ext4[0].write_bytes(log_of(7).bytes())
    held = " ".join(f'{device_holds(2010 + i, "x")} && k=${{k}}{i};' for i in range(7))
    check = f'k=; {held} [ "$k" != 14 ] || exec sleep 100'
    assert explore(tornpage, *ext4, "ext4", "--deadline", "1", check=check).returncode == 1
    r = result(tmp_path)
    assert r["states_violated"] == 1 and len(r["violations"]) == 1
    assert r["epochs_sampled"] == 1  # nothing is concluded from a hang


@needs_root
def test_each_state_has_an_image_of_its_own(ext4, tornpage, tmp_path):
    ext4[0].write_bytes(log_of(7).bytes())
    wrong = f"{device_holds(2010, 'x')} && {device_holds(2016, 'x')}"  # two at the ends: seldom among samples
    assert explore(tornpage, *ext4, "ext4", check=f"! {{ {wrong}; }}").returncode == 1
    r = result(tmp_path)
    assert r["states_violated"] == 2**5
    images = [v["image"] for v in r["violations"] if v["image"]]
    assert len(images) == len(set(images)) > 1
    assert len({hashlib.sha256((tmp_path / i).read_bytes()).digest() for i in images}) == len(images)


@needs_root
def test_when_the_time_is_up_the_rest_is_told(recorded, tornpage, tmp_path):
    log, base = recorded("loop:fs=btrfs")
    done = explore(tornpage, log, base, "btrfs", "--no-prune", "--jobs", 1, "--time", "0.01")
    assert done.returncode == 0 and "cut short by --time" in done.stdout
    r = result(tmp_path)
    assert r["cut_short"] is True
    assert 0 < r["states_mounted"] < r["states_exist"]
    assert r["epochs_sampled"] > 0
    assert explore(tornpage, log, base, "btrfs", "--time", "soon").returncode == 2
    explore(tornpage, log, base, "btrfs", "--time", "1h")
    assert result(tmp_path)["cut_short"] is False


@needs_root
def test_states_that_differ_in_what_nobody_reads_are_checked_once_for_each_number_of_marks(unread, tornpage, tmp_path):
    done = explore(tornpage, *unread, "ext4", check='ls "$1"; exit $TORNPAGE_MARKS')
    r = result(tmp_path)
    assert (done.returncode, r["checks"], r["states_mounted"]) == (1, 2, 1)  # the first state exists on both sides of the mark
    assert r["states_covered"] > 10
    assert {(v["marks"], v["status"], v["said"]) for v in r["violations"]} == {(1, 1, "lost+found\n")}
    assert len({v["image"] for v in r["violations"]} - {""}) > 5  # each state has its own


@needs_root
def test_a_command_that_depends_on_more_than_the_volume_is_told_by_check_prune(unread, tornpage, tmp_path):
    check = '[ ! -e "seen$TORNPAGE_MARKS" ] && : >"seen$TORNPAGE_MARKS"'
    assert explore(tornpage, *unread, "ext4", "--jobs", 1, check=check).returncode == 0
    for mark in (0, 1):
        (tmp_path / f"seen{mark}").unlink()
    done = explore(tornpage, *unread, "ext4", "--jobs", 1, "--check-prune", check=check)
    assert done.returncode == 99
    assert "--no-prune" in done.stderr and "with 0 marks passed" in done.stderr


@needs_root
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_base_that_does_not_mount_is_wrong_usage(jobs, ext4, tornpage, tmp_path):
    done = explore(tornpage, *ext4, "xfs", "-j", jobs, check="true")
    assert done.returncode == 2
    assert "does not mount as xfs at the start of the log" in done.stderr
    done = explore(tornpage, *ext4, "ext4", "-j", jobs, "--from", "broken", check="true")
    assert done.returncode == 2
    assert "does not mount as ext4 at the last flush before --from" in done.stderr


@needs_root
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_command_that_cannot_run_is_broken(jobs, ext4, tornpage, tmp_path):
    done = explore(tornpage, *ext4, "ext4", "-j", jobs, check="no-such-command-here")
    assert done.returncode == 99
    assert "no-such-command-here" in done.stderr


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def pids(name):
    return [int(pid) for pid in subprocess.run(["pgrep", "-x", name], capture_output=True, text=True).stdout.split()]


def attachments(pid):
    """The loop devices that this process has open, each with the number that it gets whenever something is attached."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        disk = Path("/sys/block") / Path(os.readlink(fd)).name
        if disk.name.startswith("loop") and (disk / "diskseq").exists():
            found.add((disk, (disk / "diskseq").read_text()))
    return found


def attached(disk, number):
    return (disk / "loop/backing_file").exists() and (disk / "diskseq").read_text() == number


@needs_root
@pytest.mark.parametrize("victim", ["worker", "caller"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_death_in_the_midst_of_a_check_is_told_and_leaves_nothing(jobs, victim, ext4, tmp_path):
    program, sleep = f"tp{os.getpid() % 10**6}-{jobs}", f"zz{os.getpid() % 10**6}-{jobs}"
    shutil.copy(PROGRAM, tmp_path / program)
    shutil.copy(shutil.which("sleep"), tmp_path / sleep)
    log, base = ext4
    args = ["--log", log, "--base", base, "--fs", "ext4", "--jobs", str(jobs), "--deadline", "300", "--check", f"exec ./{sleep} 1000"]
    run = subprocess.Popen([f"./{program}", "explore", *args], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert wait_until(lambda: pids(sleep))
    worker = parent(parent(pids(sleep)[0]))  # between the two: the init of the command's pid namespace
    devices = set().union(*(attachments(pid) for pid in pids(program)))
    assert devices and all(attached(*d) for d in devices)
    os.kill(worker if victim == "worker" else run.pid, signal.SIGKILL)
    said = run.communicate(timeout=60)[1]
    if victim == "worker":
        assert run.returncode == 99
        assert "crash states died" in said
    assert wait_until(lambda: not pids(sleep) and not pids(program))
    assert wait_until(lambda: not any(attached(*d) for d in devices))


@needs_root
def test_a_command_that_hangs_once_is_no_violation(ext4, tornpage, tmp_path):
    check = f"mkdir {tmp_path}/first 2>/dev/null && exec sleep 1000; exit 0"
    assert explore(tornpage, *ext4, "ext4", "--to", "fine", "--deadline", "0.5", check=check).returncode == 0
    assert (tmp_path / "first").is_dir()
    assert result(tmp_path)["violations"] == []


@needs_root
def test_a_command_that_hangs_is_killed_with_all_that_it_started(ext4, tornpage, tmp_path):
    name = f"hang{os.getpid()}"
    shutil.copy(shutil.which("sleep"), tmp_path / name)
    begin = time.monotonic()
    done = explore(
        tornpage, *ext4, "ext4", "--to", "fine", "--deadline", "0.3", check=f'setsid ./{name} 1000 <"$1/lost+found" & exec ./{name} 1000'
    )
    assert done.returncode == 1
    assert time.monotonic() - begin < 20
    assert {v["kind"] for v in result(tmp_path)["violations"]} == {"hung"}
    assert subprocess.run(["pgrep", "-x", name[:15]], capture_output=True).returncode == 1


@needs_root
@pytest.mark.parametrize("jobs", [1, 3])
def test_without_a_loop_device_the_reason_is_told(jobs, ext4, tornpage, tmp_path):
    hide = ["unshare", "-m", "sh", "-c", 'mount --bind /dev/null /dev/loop-control && exec "$@"', "sh"]
    args = ["explore", "--log", ext4[0], "--base", ext4[1], "--fs", "ext4", "--check", "true", "--jobs", jobs]
    done = tornpage(*args, prefix=hide)
    assert done.returncode == 99, done.stderr
    assert "LOOP_CTL_GET_FREE" in done.stderr


@needs_root
def test_what_a_command_leaves_running_does_not_disturb_the_next(ext4, tornpage, tmp_path):
    done = explore(tornpage, *ext4, "ext4", "--to", "fine", check='(cd "$1" && setsid sleep 1000 >/dev/null 2>&1 &); touch "$1/new"; test -e "$1/new"')
    assert (done.returncode, done.stderr) == (0, "")


@needs_root
def test_without_privileges_it_is_skipped(ext4, tornpage, open_dir):
    for path in ext4:
        shutil.copy(path, open_dir)
    args = ["explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true"]
    for name in ("log", "base"):
        (open_dir / name).chmod(0o644)
    done = tornpage(*args, cwd=open_dir, program=open_dir / "tornpage", prefix=["setpriv", "--reuid=65534", "--clear-groups"])
    assert done.returncode == 77
    assert "root" in done.stderr


# What the log of ci/data/README.md promises at each mark.
KERNEL_CHECK = r"""
a=$(cat "$1/a" 2>&1)
case "$2" in
'' | mounted) ;;
a-synced | b-begin | b-written | b-synced) [ "$a" = one ] ;;
b-removed | a-renamed) [ "$a" = one ] || [ "$a" = three ] ;;
*) [ "$a" = three ] ;;
esac || { echo "a: $a"; exit 1; }
case "$2" in
b-synced) [ ! -e "$1/b" ] || [ "$(stat -c %s "$1/b")" = 6000 ] && [ -z "$(tr -d 'two\n' 2>/dev/null <"$1/b")" ] ;;
b-removed | a-*ed) [ "$2" = a-synced ] || [ ! -e "$1/b" ] ;;
esac
"""


@needs_root
def test_a_log_of_the_kernel_explores(kernel_log, tornpage, tmp_path):
    (tmp_path / "check.sh").write_text(KERNEL_CHECK)
    done = explore(tornpage, *kernel_log, "ext4", "--states", 150)
    assert (done.returncode, done.stderr) == (0, "")
    r = result(tmp_path)
    assert (r["entries"], r["marks"], r["states_violated"]) == (96, 10, 0)
    # The rename was not synced at its mark.
    wrong = '[ "$2" != a-renamed ] || [ "$(cat "$1/a")" = three ]'
    done = explore(tornpage, *kernel_log, "ext4", "--from", "b-removed", "--to", "a-renamed", check=wrong)
    assert done.returncode == 1
    assert {v["mark"] for v in result(tmp_path)["violations"]} == {"a-renamed"}
