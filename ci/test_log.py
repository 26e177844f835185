"""Write logs of dm-log-writes: `log` against a second implementation, `explore`, and the logs that `run` saves."""

import hashlib
import json
import lzma
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PROGRAM, ROOT
from replay_log import DISCARD, FLUSH, FUA, MARK, METADATA, Log, entries, replay

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")
BASE_BYTES = 256 * 1024


def random_log(sector, seed, n=40):
    """A log of everything the kernel may write, over a device of random bytes."""
    rnd = random.Random(seed)
    log, base = Log(sector), rnd.randbytes(BASE_BYTES)
    last = BASE_BYTES // sector
    for i in range(n):
        first = rnd.randrange(last)
        count = rnd.randrange(1, min(20, last - first) + 1)
        kind = rnd.randrange(6)
        if kind < 3:
            log.write(first, rnd.randbytes(count * sector), rnd.choice([0, FUA, FLUSH, FLUSH | FUA, METADATA]))
        elif kind == 3:
            log.flush()
        elif kind == 4:
            log.discard(first, count)
        else:
            log.mark(f"mark-{i}")
    return log.bytes(), base


@pytest.fixture
def sample(tmp_path):
    """Writes the files log and base; returns their bytes."""

    def make(sector=512, seed=1, **more):
        log, base = random_log(sector, seed, **more)
        (tmp_path / "log").write_bytes(log)
        (tmp_path / "base").write_bytes(base)
        return log, base

    return make


@pytest.mark.parametrize("sector", [512, 4096])
def test_every_prefix_replays_byte_by_byte_as_the_reference(sector, sample, tornpage, tmp_path):
    log, base = sample(sector, seed=sector)
    n = len(entries(log)[1])
    for upto in range(n + 1):
        done = tornpage("log", "replay", "--log", "log", "--base", "base", "--upto", upto, "-o", "image")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / "image").read_bytes() == replay(log, base, limit=upto)


def test_a_mark_replays_as_the_reference(sample, tornpage, tmp_path):
    log, base = sample(seed=3)
    marks = [data.decode() for _, _, flags, data in entries(log)[1] if flags & MARK]
    assert len(marks) >= 3
    for mark in marks:
        assert tornpage("log", "replay", "log", "--base", "base", "--upto", mark, "-o", "image").returncode == 0
        assert (tmp_path / "image").read_bytes() == replay(log, base, end_mark=mark)


def test_an_image_that_is_no_multiple_of_a_block_keeps_its_size(tornpage, tmp_path):
    log = Log().write(7, b"x" * 512).bytes()
    (tmp_path / "log").write_bytes(log)
    (tmp_path / "base").write_bytes(bytes(4096 + 512))
    assert tornpage("log", "replay", "log", "--base", "base", "-o", "image").returncode == 0
    assert (tmp_path / "image").read_bytes() == replay(log, bytes(4096 + 512))


def test_import_normalises_and_export_gives_back(sample, tornpage, tmp_path):
    log, _ = sample(4096, seed=5)
    same = [(off, length, flags & ~METADATA, data) for off, length, flags, data in entries(log)[1]]
    assert tornpage("log", "import", "log", "-o", "ours").returncode == 0
    assert entries((tmp_path / "ours").read_bytes()) == (512, same)
    assert tornpage("log", "export", "ours", "-o", "theirs", "--sector", 4096).returncode == 0
    assert entries((tmp_path / "theirs").read_bytes()) == (4096, same)
    assert tornpage("log", "import", "log", "-o", "part", "--upto", 7).returncode == 0
    assert entries((tmp_path / "part").read_bytes()) == (512, same[:7])


def test_export_to_sectors_that_do_not_fit_is_an_error(tornpage, tmp_path):
    (tmp_path / "log").write_bytes(Log().write(1, bytes(512)).bytes())
    done = tornpage("log", "export", "log", "-o", "new", "--sector", 4096)
    assert done.returncode == 2
    assert "entry 0" in done.stderr and "not aligned to sectors of 4096" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log"]


def test_show_has_one_line_an_entry(tornpage, tmp_path):
    log = Log().write(8, bytes(1024), FUA | METADATA).flush().discard(3, 5).write(1, bytes(512), FLUSH)
    log.entry(flags=FLUSH | FUA | METADATA).mark("fsync\ndone \033[1m")
    (tmp_path / "log").write_bytes(log.bytes())
    done = tornpage("log", "show", "log")
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    assert lines == [
        ["0", "write", "fua,meta", "8", "2"],
        ["1", "flush"],
        ["2", "discard", "-", "3", "5"],
        ["3", "write", "flush", "1", "1"],
        ["4", "flush", "fua,meta"],
        ["5", "mark", "fsync", "done", "?[1m"],
    ]
    assert "6 entries, 1 marks, sectors of 512 bytes" in done.stdout


def wrong_logs():
    good = Log().write(8, b"a" * 512).flush().mark("m")
    yield "empty", b"", "byte 0: the file ends within the super"
    yield "cut-super", good.bytes()[:20], "byte 20: the file ends within the super"
    yield "text", b"no log, only text that is long enough", "byte 0: this is no log of dm-log-writes"
    yield "version", good.bytes(version=2), "byte 8: version 2"
    yield "sector-size", good.bytes(sector=1000), "byte 24: the sector size is 1000"
    yield "too-many", good.bytes(n=2**60), "byte 16: 1152921504606846976 entries are promised"
    yield "truncated", Log().write(8, b"a" * 1024).bytes()[:1400], "byte 512: entry 0 has more data than the file"
    yield "one-more", good.bytes(n=4), "byte 2560: entry 3 of 4 begins here, but the file ends"
    yield "huge", Log().entry(0, 2**62, 0).bytes(), "byte 512: entry 0 goes beyond"
    yield "wraps", Log().entry(2**55 - 1, 2, DISCARD).bytes(), "byte 512: entry 0 goes beyond"
    yield "flags", Log().entry(0, 1, 64, data=bytes(512)).bytes(), "byte 512: entry 0 has flags that nobody knows"
    yield "zeros", Log().entry().bytes(), "byte 512: entry 0 is all zeros"
    yield "long-mark", Log().entry(flags=MARK, data_len=481).bytes(), "a mark whose text does not fit"


@pytest.mark.parametrize("name, log, says", wrong_logs(), ids=lambda v: v if isinstance(v, str) and " " not in v else "")
def test_a_wrong_log_is_status_2_and_names_the_byte(name, log, says, tornpage, tmp_path):
    (tmp_path / "log").write_bytes(log)
    (tmp_path / "base").write_bytes(bytes(65536))
    for args in (
        ["log", "show", "log"],
        ["log", "import", "log", "-o", "new"],
        ["log", "replay", "log", "--base", "base", "-o", "new"],
        ["explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true"],
    ):
        done = tornpage(*args)
        assert done.returncode == 2, args
        assert says in done.stderr and "log: " in done.stderr
        assert not (tmp_path / "new").exists()


def test_an_entry_beyond_the_base_image_is_an_error(tornpage, tmp_path):
    (tmp_path / "log").write_bytes(Log().write(0, bytes(512)).write(127, bytes(1024)).bytes())
    (tmp_path / "base").write_bytes(bytes(65536))
    for args in (
        ["log", "show", "log", "--base", "base"],
        ["log", "replay", "log", "--base", "base", "-o", "new"],
        ["explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true"],
    ):
        done = tornpage(*args)
        assert done.returncode == 2
        assert "byte 1536: entry 1 goes from byte 65024 to 66048 of the device, but the base image has only 65536" in done.stderr


def test_discards_of_a_whole_large_device_are_refused_not_tried(tornpage, tmp_path):
    (tmp_path / "log").write_bytes(Log().discard(0, 2**28).bytes())
    with open(tmp_path / "base", "wb") as f:
        f.truncate(2**37)
    done = tornpage("explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true")
    assert done.returncode == 2
    assert "writes and discards more than" in done.stderr


WRONG = [
    (["log"], "what is to be done with the log?"),
    (["log", "shwo", "x"], "did you mean 'show'?"),
    (["log", "show"], "which log?"),
    (["log", "show", "no/such"], "no/such"),
    (["log", "show", "a", "b"], "takes one log"),
    (["log", "import", "x"], "--output is missing"),
    (["log", "show", "x", "-o", "y"], "takes no --output"),
    (["log", "replay", "x", "-o", "y"], "--base is missing"),
    (["log", "import", "x", "-o", "y", "--sector", "512"], "takes no --sector"),
    (["log", "export", "x", "-o", "y", "--sector", "1000"], "expected a power of two"),
    (["log", "show", "log", "--upto", "99"], "the log has only"),
    (["log", "show", "log", "--upto", "nope"], "no such mark; it has 'mark-"),
    (["explore", "x"], "explore takes nothing else"),
    (["explore", "--base", "b", "--fs", "xfs", "--check", "true"], "--log is missing"),
    (["explore", "--log", "log", "--base", "base", "--fs", "ext4"], "--check is missing"),
    (["explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true", "--from", "nope"], "no such mark"),
    (["explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true", "--sector", "9"], "expected 512 or 4096"),
    (["explore", "--jobs", "0"], "expected a whole number from 1 to 1024"),
    (["explore", "--log", "log", "--base", "base", "--fs", "ext4", "--check", "true", "--deadline", "x"], "expected seconds"),
    (["run", "--log", ""], "the name of the directory is empty"),
]


@pytest.mark.parametrize("args, says", WRONG, ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "")
def test_wrong_usage(args, says, sample, tornpage):
    sample()
    done = tornpage(*args)
    assert done.returncode == 2
    assert says in done.stderr


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
    assert seen[0]["states_covered"] <= 30


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


@needs_root
@pytest.mark.parametrize("check", ['sh check.sh "$1" "$2"', SOME_STATES], ids=["healthy", "objects"])
@pytest.mark.parametrize("spec", ["loop:fs=ext4,disk=ignore-flush", "loop:fs=xfs", "loop:fs=btrfs"])
def test_what_is_concluded_is_what_a_mount_shows(spec, check, recorded, tornpage, tmp_path):
    log, base = recorded(spec)
    seen = {}
    for option in ("--jobs=3", "--check-prune", "--no-prune"):
        done = explore(tornpage, log, base, spec[8:].split(",")[0], option, "--states", 80, check=check)
        assert done.returncode in (0, 1) and done.stderr == ""
        seen[option] = comparable(tmp_path)
    pruned, checked, plain = seen.values()
    assert pruned == checked
    assert (check == SOME_STATES or "ignore" in spec) == (pruned["states_violated"] > 0)
    assert pruned["states_mounted"] <= plain["states_mounted"] == plain["states_covered"]
    assert pruned["checks"] <= plain["checks"]
    if "btrfs" in spec:  # how much the others read depends on the recording
        assert pruned["states_mounted"] < plain["states_mounted"] and pruned["checks"] < plain["checks"]
    for r in (pruned, plain):
        del r["states_mounted"], r["checks"]
    assert pruned == plain


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


def wait_until(condition):
    """Polls, because it is other processes and the kernel that get there."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


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
@pytest.mark.parametrize("victim", ["looker", "caller"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_death_in_the_midst_of_a_check_is_told_and_leaves_nothing(jobs, victim, ext4, tmp_path):
    program, sleep = f"tp{os.getpid() % 10**6}-{jobs}", f"zz{os.getpid() % 10**6}-{jobs}"
    shutil.copy(PROGRAM, tmp_path / program)
    shutil.copy(shutil.which("sleep"), tmp_path / sleep)
    log, base = ext4
    args = ["--log", log, "--base", base, "--fs", "ext4", "--jobs", str(jobs), "--deadline", "300", "--check", f"exec ./{sleep} 1000"]
    run = subprocess.Popen([f"./{program}", "explore", *args], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: pids(sleep))
    looker = parent(parent(pids(sleep)[0]))  # between the two: the init of the command's pid namespace
    devices = set().union(*(attachments(pid) for pid in pids(program)))
    assert devices and all(attached(*d) for d in devices)
    os.kill(looker if victim == "looker" else run.pid, signal.SIGKILL)
    said = run.communicate(timeout=60)[1]
    if victim == "looker":
        assert run.returncode == 99
        assert "crash states died" in said
    wait_until(lambda: not pids(sleep) and not pids(program))
    wait_until(lambda: not any(attached(*d) for d in devices))


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


DEVICE_SHA256 = "e2330bf6a6c0b27eb78987205133fa1f12fe2909c0b16352f8d44cdc5c2c2a87"

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


@pytest.fixture
def kernel_log(tmp_path):
    """The files kernel.log and kernel.base: a log that the kernel's dm-log-writes made."""
    for name in ("kernel.log", "kernel.base"):
        (tmp_path / name).write_bytes(lzma.decompress((ROOT / f"ci/data/{name}.xz").read_bytes()))
    (tmp_path / "check.sh").write_text(KERNEL_CHECK)
    return tmp_path / "kernel.log", tmp_path / "kernel.base"


def test_a_log_of_the_kernel_replays_to_what_its_device_held(kernel_log, tornpage, tmp_path):
    log, base = (path.read_bytes() for path in kernel_log)
    found = entries(log)[1]
    assert {flags for _, _, flags, _ in found} == {0, FLUSH, FUA, DISCARD, MARK, METADATA, FUA | METADATA, FLUSH | FUA | METADATA}
    for upto in [*range(0, len(found), 7), len(found)]:
        assert tornpage("log", "replay", "--log", "kernel.log", "--base", "kernel.base", "--upto", upto, "-o", "image").returncode == 0
        assert (tmp_path / "image").read_bytes() == replay(log, base, limit=upto)
    assert hashlib.sha256((tmp_path / "image").read_bytes()).hexdigest() == DEVICE_SHA256


@needs_root
def test_a_log_of_the_kernel_explores(kernel_log, tornpage, tmp_path):
    done = explore(tornpage, *kernel_log, "ext4", "--states", 150)
    assert (done.returncode, done.stderr) == (0, "")
    r = result(tmp_path)
    assert (r["entries"], r["marks"], r["states_violated"]) == (96, 10, 0)
    # The rename was not synced at its mark.
    wrong = '[ "$2" != a-renamed ] || [ "$(cat "$1/a")" = three ]'
    done = explore(tornpage, *kernel_log, "ext4", "--from", "b-removed", "--to", "a-renamed", check=wrong)
    assert done.returncode == 1
    assert {v["mark"] for v in result(tmp_path)["violations"]} == {"a-renamed"}
