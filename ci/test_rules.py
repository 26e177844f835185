"""The rules that findings cite: RULES.md, the table in the code and `tornpage list rules` say the same."""

import re

import pytest
from conftest import ROOT, run_program

PAGE = (ROOT / "harness/truth/RULES.md").read_text()


def listed(text):
    """(id, what a breach is, sentence, source) of each rule that `list rules` prints."""
    rules = []
    for block in re.split(r"^(?=\S)", text, flags=re.M)[1:]:
        head, *rest = block.splitlines()
        sentence, source = " ".join(line.strip() for line in rest).split(" Source: ")
        rules.append((*re.fullmatch(r"(\S+)  \((.*)\)", head).groups(), sentence, source))
    return rules


def on_page(text):
    return [tuple(cell.strip() for cell in row) for row in re.findall(r"^\| (\w+) \| (.*) \| (.*) \| (.*) \|$", text, re.M)]


RULES = listed(run_program("list", "rules").stdout)


def test_the_page_holds_the_table():
    told = [(rule, breach, sentence, source) for rule, sentence, breach, source in on_page(PAGE) if rule != "rule"]
    assert told == RULES


def test_every_rule_in_the_code_is_listed():
    source = (ROOT / "harness/truth/rules.h").read_text()
    assert [rule for rule, *_ in RULES] == re.findall(r'^\s*X\(\w+, "(\w+)"', source, re.M)


def test_rules_that_the_verifier_cites_are_judged():
    cited = set()
    for file in [*ROOT.glob("harness/verifier/*.c"), *ROOT.glob("harness/trial/*.c")]:
        cited |= set(re.findall(r"\bRULE_([A-I]\d+)\b", file.read_text()))
    judged = {rule for rule, breach, *_ in RULES if "not judged" not in breach}
    assert cited and cited <= judged


@pytest.mark.parametrize("rule", ["C1", "c1", "scenario"])
def test_one_rule_is_explained(rule):
    done = run_program("explain", "--rule", rule)
    assert done.returncode == 0
    assert listed(done.stdout)[0] in RULES


def test_an_unknown_rule_is_wrong_usage():
    done = run_program("explain", "--rule", "C9")
    assert done.returncode == 2
    assert "did you mean" in done.stderr


def test_rules_that_scenarios_cite_exist():
    ids = {rule for rule, *_ in RULES}
    for file in sorted((ROOT / "scenarios").rglob("*.scn")):
        for rule in re.findall(r"\brules? ([A-I]\d+)\b", file.read_text()):
            assert rule in ids, f"{file}: rule {rule}"
