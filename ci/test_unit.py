"""Each C unit test program is one test here (environment TORNPAGE_UNITS, else build/release/unit)."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

UNITS = Path(os.environ.get("TORNPAGE_UNITS", ROOT / "build/release/unit"))
SOURCES = sorted(p.stem for p in (ROOT / "ci/unit").glob("test_*.c"))


def test_there_are_unit_tests():
    assert SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_unit(name):
    done = subprocess.run([UNITS / name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
