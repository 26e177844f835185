"""Fixtures: the built program (environment TORNPAGE, else build/release/tornpage) and places to run it in."""

import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(os.environ.get("TORNPAGE", ROOT / "build/release/tornpage")).resolve()


def run_program(*args, env=None, program=PROGRAM, prefix=(), **more):
    """Runs the program; output is decoded leniently, so that a test can also look at broken bytes."""
    clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "TORNPAGE_SCENARIOS")}
    return subprocess.run(
        [*prefix, str(program), *map(str, args)],
        capture_output=True,
        text=True,
        errors="backslashreplace",
        stdin=subprocess.DEVNULL,
        env={**clean, **(env or {})},
        timeout=more.pop("timeout", 300),
        **more,
    )


def wait_until(condition, deadline_s=60):
    """Polls, because the kernel and other processes get there after what is waited for is gone. False: they did not."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def tornpage(tmp_path):
    """run_program in a directory of its own, where findings and reports may go."""
    return lambda *args, **more: run_program(*args, **{"cwd": tmp_path, **more})


@pytest.fixture
def open_dir():
    """A directory that every user may enter, holding a copy of the program."""
    path = Path(tempfile.mkdtemp(prefix="tornpage-test-"))
    path.chmod(0o755)
    shutil.copy(PROGRAM, path / "tornpage")
    (path / "tornpage").chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def kernel_log(tmp_path):
    """The files kernel.log and kernel.base: a log that the kernel's dm-log-writes made."""
    for name in ("kernel.log", "kernel.base"):
        (tmp_path / name).write_bytes(lzma.decompress((ROOT / f"ci/data/{name}.xz").read_bytes()))
    return tmp_path / "kernel.log", tmp_path / "kernel.base"


SCENARIO = """test: A store that nobody syncs survives a kill and may be lost at a power cut.
origin: a test of the command line
crash: kill power
sometimes: power lost
open -f f
truncate 16k
fsync
---
mmap -rw 0 16k
mwrite 0 4k
exit
"""

SYNCED = """test: A store that msync covered is there after any crash.
origin: a test of the command line
crash: kill power
open -f f
truncate 16k
fsync
---
mmap -rw 0 16k
mwrite 0 4k
msync -s 0 4k
"""


@pytest.fixture
def scenarios(tmp_path):
    """A directory scenarios/ with two good scenarios in a folder `t`."""
    home = tmp_path / "scenarios"
    (home / "t").mkdir(parents=True)
    (home / "t/store-no-msync.scn").write_text(SCENARIO)
    (home / "t/store-msync.scn").write_text(SYNCED)
    return home
