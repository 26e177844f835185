"""Write logs of dm-log-writes: `log` against a second implementation, and what `log` and `explore` refuse."""

import hashlib
import json
import os
import random
import re

import pytest
from replay_log import DISCARD, FLUSH, FUA, MARK, METADATA, Log, entries, replay

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
    yield "flags", Log().entry(0, 1, 64, data=bytes(512)).bytes(), "byte 512: entry 0 has unknown flags"
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
    (["explore", "x"], "explore takes no other arguments"),
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


DEVICE_SHA256 = "e2330bf6a6c0b27eb78987205133fa1f12fe2909c0b16352f8d44cdc5c2c2a87"


def test_a_log_of_the_kernel_replays_to_what_its_device_held(kernel_log, tornpage, tmp_path):
    log, base = (path.read_bytes() for path in kernel_log)
    found = entries(log)[1]
    assert {flags for _, _, flags, _ in found} == {0, FLUSH, FUA, DISCARD, MARK, METADATA, FUA | METADATA, FLUSH | FUA | METADATA}
    for upto in [*range(0, len(found), 7), len(found)]:
        assert tornpage("log", "replay", "--log", "kernel.log", "--base", "kernel.base", "--upto", upto, "-o", "image").returncode == 0
        assert (tmp_path / "image").read_bytes() == replay(log, base, limit=upto)
    assert hashlib.sha256((tmp_path / "image").read_bytes()).hexdigest() == DEVICE_SHA256


def numbers(text):
    """The numbers behind `kept` in a crash state's text: "3-5 8" is 3, 4, 5 and 8."""
    kept = re.search(r"kept ([\d -]+)", text)
    for part in kept[1].split() if kept else ():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")
def test_positions_in_findings_are_numbers_of_the_saved_log(tornpage, tmp_path):
    # The dropped write and the ignored flushes are no entries of the saved log.
    (tmp_path / "s.scn").write_text(
        "test: t.\norigin: a test of logs\ncrash: power\nopen -f f\nopen @g -f g\n---\n"
        "pwrite @f 0 4k\nfdatasync @f\npwrite @g 0 4k\nfdatasync @g\n"
    )
    args = ["run", "s.scn", "-b", "loop:fs=ext4,disk=ignore-flush+drop:2", "--crash", "power", "--json", "out.json"]
    assert tornpage(*args, "--log", "logs", "--findings", "found").returncode == 1
    log = next((tmp_path / "logs").glob("*.log")).read_bytes()
    found = entries(log)[1]
    ends = {data.decode(): i for i, (_, _, flags, data) in enumerate(found) if flags & MARK}
    seen = 0
    for path in (tmp_path / "found").iterdir():
        finding = json.loads(path.read_text())
        assert tornpage("replay", path).returncode == 1
        judged, cut, durable = (int(re.search(f"{word} (\\d+)", finding["state"])[1]) for word in ("position", "cut at", "up to"))
        assert judged == int(finding["position"], 16) and durable <= cut <= judged <= len(found)
        lost = [d for d in finding["defects"] if d["kind"] == "lost"]
        for promise in (d["step"] + 1 for d in lost if d["path"] in "fg"):
            assert judged > ends[f"step {promise} end"], "a promise counts once its step has ended"
        for entry in numbers(finding["state"]):
            assert durable <= entry < cut and not found[entry][2] & MARK
            seen += 1
    epochs = json.loads((tmp_path / "out.json").read_text())["results"][0]["epochs"]
    assert seen and epochs[-1]["to"] == len(found)
