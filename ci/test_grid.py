"""Mount and mkfs options under which a kernel breaks a promise, a power cut each: it is known, and grid.txt lists it."""

import json
import os

import pytest

from conftest import ROOT

CELLS = {
    tuple(line.rsplit(" ", 1)) for line in (ROOT / "ci" / "grid.txt").read_text().splitlines() if line and not line.startswith("#")
}
BACKENDS = sorted({backend for backend, _ in CELLS} | {"loop:fs=ext4", "loop:fs=ext4,mkfs=-O bigalloc"})  # the last two have none
SCENARIOS = sorted({scenario for _, scenario in CELLS} | {"known/preallocate-collapse-zero-store"})


def test_each_backend_is_one_of_the_mount_options():
    lines = (ROOT / "ci" / "mount-options.txt").read_text().splitlines()
    assert set(BACKENDS) <= set(lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")
def test_the_grid_shows_what_is_listed_and_nothing_that_is_not_known(tornpage, tmp_path):
    options = [word for backend in BACKENDS for word in ("-b", backend)]
    done = tornpage("run", *SCENARIOS, *options, "--crash", "power", "--json", tmp_path / "out.json")
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert CELLS <= {(r["backend"], r["scenario"]) for r in results if r["verdict"] == "violated"}
    assert done.returncode == 0, done.stdout
