"""README.md is true: its commands run, end with the status it says, and print the excerpts it shows.

Each ```sh block runs in an empty directory beside a link to the scenarios, line by line. A line may end in `# status N`. Lines
of `make` and `export` are looked at, not run. A ```text block behind it must be what one of its commands prints, except that numbers and
the width of columns may differ. Blocks that name `loop` need root.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import PROGRAM, ROOT

README = (ROOT / "README.md").read_text()


class Block(NamedTuple):
    line: int
    commands: list
    shows: str  # the ```text block behind it, or nothing


def blocks():
    found = []
    for match in re.finditer(r"^```(sh|text)\n(.*?)^```$", README, re.M | re.S):
        if match[1] == "sh":
            found.append(Block(README[: match.start()].count("\n") + 2, match[2].splitlines(), ""))
        else:
            found[-1] = found[-1]._replace(shows=match[2])
    return found


def needs_root(block):
    return any("loop" in line for line in block.commands)


def skeleton(line):
    """A line without what differs from run to run."""
    return re.sub(r"[-+\s]+", " ", re.sub(r"\d+", "N", line)).strip()


def in_path(program, directory):
    (directory / "bin").mkdir()
    (directory / "bin/tornpage").symlink_to(program)
    clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "TORNPAGE_SCENARIOS")}
    return {**clean, "PATH": f"{directory}/bin:{os.environ['PATH']}"}


def test_there_are_commands_and_excerpts():
    assert len([b for b in blocks() if not needs_root(b)]) >= 3
    assert len([b for b in blocks() if b.shows]) >= 2


@pytest.mark.parametrize("block", blocks(), ids=lambda b: f"line-{b.line}")
def test_commands_do_what_is_said(block, tmp_path):
    if needs_root(block) and os.geteuid() != 0:
        pytest.skip("loop needs root")
    env = in_path(PROGRAM, tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/scenarios").symlink_to(ROOT / "scenarios")
    printed = ""
    for line in block.commands:
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.M), line
        elif not line.startswith("export "):
            assert line.startswith("tornpage "), line
            status = re.search(r"# status (\d+)$", line)
            done = subprocess.run(["bash", "-c", line], cwd=tmp_path / "work", env=env, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == (int(status[1]) if status else 0), line + "\n" + done.stdout + done.stderr
            printed += done.stdout
    seen = {skeleton(line) for line in printed.splitlines()}
    for line in block.shows.splitlines():
        assert skeleton(line) in seen, line + "\n\n" + printed


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert {"scenarios/README.md", "backends/sim.md", "backends/dir.md", "backends/loop.md"} <= set(links)
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_backend_and_floor_is_named():
    for page in (ROOT / "backends").glob("*.md"):
        assert f"(backends/{page.name})" in README
    for floor in (ROOT / "harness").iterdir():
        if floor.is_dir():
            assert f"`harness/{floor.name}`" in README


def test_every_word_in_code_that_is_a_path_exists():
    for path in re.findall(r"`((?:harness|backends|ci|scenarios)/[a-z_./]+)`", README):
        assert list(Path(ROOT).glob(path)), path
