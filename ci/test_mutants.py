"""ci/mutants.py: what it takes for a mutation, and what it says of one that a test notices and of one that none does."""

import mutants
import pytest

SOURCE = """\
#include <a.h>
/* if (a < b) */
static int f(int a)
{
    assert(a > 0);
    if (a < 2 && a != 1)
        return g("a < b");
    a = a + 1;
    free(p);
    g(a);
    return a;
}
"""

BLOCK = """\
# a comment
a.c
- one
+ two
why: it is wrong

a.c
- three
why: it is gone
equivalent: nobody asks
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "LIST", tmp_path / "list.txt")
    return tmp_path


def test_code_is_mutated_and_comments_strings_and_checks_are_not(tree):
    (tree / "a.c").write_text(SOURCE)
    made = [(m.line, m.source.split("\n")[m.line - 1].strip()) for m in mutants.made_by_rule("a.c")]
    assert made == [
        (6, "if (a <= 2 && a != 1)"),
        (6, "if (a < 2 && a == 1)"),
        (6, "if (a < 2 || a != 1)"),
        (6, "if (!(a < 2 && a != 1))"),
        (8, "a = a;"),
        (8, ";"),
        (10, ";"),
    ]


def test_the_list_is_read(tree):
    (tree / "a.c").write_text("one\nthree\n")
    (tree / "list.txt").write_text(BLOCK)
    first, second = mutants.made_by_hand()
    assert (first.line, first.source, first.what, first.equivalent) == (1, "two\nthree\n", "it is wrong", "")
    assert (second.line, second.source, second.equivalent) == (2, "one\n\n", "nobody asks")


@pytest.mark.parametrize("source", ["one\none\nthree\n", "three\n"])
def test_an_old_text_stands_once(tree, source):
    (tree / "a.c").write_text(source)
    (tree / "list.txt").write_text(BLOCK)
    with pytest.raises(mutants.Wrong, match="list.txt:2: the old text stands"):
        list(mutants.made_by_hand())


def test_the_list_of_this_tree_fits_it():
    assert len(list(mutants.made_by_hand())) > 50


@pytest.mark.parametrize(
    ("by_hand", "equivalent", "outcome", "allowed", "status"),
    [
        (True, "", "killed by x", 0, 0),
        (True, "", "survived", 1, 1),
        (True, "", "same code", 1, 1),
        (True, "why", "survived", 0, 0),
        (False, "", "survived", 1, 0),
        (False, "", "survived", 0, 1),
        (False, "why", "survived", 0, 0),
    ],
)
def test_survivors_made_by_hand_fail_and_by_rule_those_too_many(by_hand, equivalent, outcome, allowed, status, capsys):
    m = mutants.Mutation("a.c", 7, "", "it is wrong", by_hand, equivalent)
    mutants.tell(m, outcome)
    assert mutants.report([m], [outcome], allowed) == status
    told = "a.c:7: " in capsys.readouterr().out
    assert told == (outcome == "survived" and not equivalent or status == 1)


def test_an_equivalent_mutation_that_is_killed_is_an_error():
    with pytest.raises(mutants.Wrong, match="called equivalent"):
        mutants.tell(mutants.Mutation("a.c", 7, "", "it is wrong", True, "why"), "killed by x")
