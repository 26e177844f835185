"""A mistyped name on the command line is wrong usage (status 2), and the error names the similar one."""

import os
import subprocess

import pytest

TORNPAGE = os.environ.get("TORNPAGE", "build/release/tornpage")


@pytest.mark.parametrize(
    "args, similar",
    [
        (("run", "-b", "lop:fs=ext4"), "loop"),
        (("run", "-b", "smi"), "sim"),
        (("run", "-b", "loop:mont=nobarrier"), "mount"),
        (("run", "--crash", "powr"), "power"),
        (("list", "backend"), "backends"),
        (("rnu",), "run"),
    ],
)
def test_mistyped_name_is_wrong_usage_with_a_suggestion(args, similar):
    done = subprocess.run([TORNPAGE, *args], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2, done
    assert f"did you mean '{similar}'" in done.stderr


def test_name_without_a_similar_one_gets_no_suggestion():
    done = subprocess.run([TORNPAGE, "run", "-b", "zzzzzzzzzz"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "possible: dir, loop, sim" in done.stderr
    assert "did you mean" not in done.stderr
