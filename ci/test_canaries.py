"""Each bug that can be planted in the model is seen by several scenarios: ci/canaries.txt names them."""

import json
import re

import pytest
from conftest import ROOT, run_program

LINES = [line for line in (ROOT / "ci/canaries.txt").read_text().splitlines() if line and not line.startswith("#")]
SEEN_BY = {name: scenarios.split() for name, scenarios in (line.split(": ") for line in LINES)}


def test_every_canary_has_three_scenarios():
    table = (ROOT / "backends/sim.md").read_text().split("## Canaries")[1]
    assert list(SEEN_BY) == [name for name in re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) if name != "none"]
    assert all(len(set(scenarios)) >= 3 for scenarios in SEEN_BY.values())


@pytest.mark.parametrize("canary", SEEN_BY)
def test_each_of_its_scenarios_sees_the_canary(canary, tmp_path):
    paths = [ROOT / f"scenarios/{name}.scn" for name in SEEN_BY[canary]]
    run_program("run", *paths, "-b", f"sim:canary={canary}", "--json", "out.json", "--runs", "300", cwd=tmp_path)
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    seen = {r["scenario"] for r in results if r["verdict"] == "violated"}
    assert seen == set(SEEN_BY[canary])
