"""The house keeps its rules (ci/house.py), and each rule finds a fault that is planted in a copy of the tree."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from house import (
    BUILD,
    FILE_LINES,
    ROOM_FILES,
    Inversion,
    every_source_has_an_object,
    files_are_short,
    files_make_no_circle,
    includes_go_down,
    inversions_are_needed,
    map_has_the_same_order,
    names_in_the_guide_exist,
    names_on_pages_exist,
    objects,
    objects_make_no_circle,
    pages_name_the_public_headers,
    pages_say_what_is_forbidden,
    private_headers_stay_in_their_room,
    rooms,
    rooms_have_a_fair_share,
    rooms_have_a_page,
    rooms_have_few_files,
    rooms_make_no_circle,
    symbols_go_down,
    table,
    table_is_complete,
    uses,
)


# ---- this tree ----


def demand_none(complaints):
    assert not complaints, "\n" + "\n".join(complaints)


def test_there_is_a_house():
    assert len(rooms(ROOT)) > 10
    assert len(uses(ROOT)) > 500


def test_the_table_of_floors_names_all_rooms():
    demand_none(table_is_complete(ROOT))


def test_the_map_of_the_rooms_has_the_order_of_the_floors():
    demand_none(map_has_the_same_order(ROOT))


def test_no_include_goes_up():
    demand_none(includes_go_down(ROOT))


def test_no_circle_between_rooms():
    demand_none(rooms_make_no_circle(ROOT))


def test_no_circle_between_files():
    demand_none(files_make_no_circle(ROOT))


def test_private_headers_are_included_by_their_room_only():
    demand_none(private_headers_stay_in_their_room(ROOT))


def test_no_room_has_too_many_files():
    demand_none(rooms_have_few_files(ROOT))


def test_no_room_has_too_many_lines():
    demand_none(rooms_have_a_fair_share(ROOT))


def test_no_file_is_too_long():
    demand_none(files_are_short(ROOT))


def test_each_room_has_a_page():
    demand_none(rooms_have_a_page(ROOT))


def test_each_page_says_what_its_room_may_not():
    demand_none(pages_say_what_is_forbidden(ROOT))


def test_each_page_names_the_public_headers():
    demand_none(pages_name_the_public_headers(ROOT))


def test_what_pages_name_exists():
    demand_none(names_on_pages_exist(ROOT))


def test_what_the_guide_names_exists():
    demand_none(names_in_the_guide_exist(ROOT))


def test_the_build_has_all_objects():
    demand_none(every_source_has_an_object(ROOT, BUILD))


def test_no_symbol_is_used_from_below():
    demand_none(symbols_go_down(ROOT, BUILD))


def test_the_known_inversions_are_needed():
    demand_none(inversions_are_needed(ROOT, BUILD))


def test_no_circle_between_objects_of_a_room():
    demand_none(objects_make_no_circle(ROOT, BUILD))


# ---- the rules find what is planted ----


@pytest.fixture
def tree(tmp_path):
    """A copy of what the rules read."""
    for name in ("harness", "backends"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def write(root, file, text):
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(text)


def change(root, file, old, new):
    text = (root / file).read_text()
    assert old in text, f"{file} has no {old!r} that could be changed"
    (root / file).write_text(text.replace(old, new, 1))


def swap_first_floors(root):
    (_, a), (_, b) = table(root)[:2]
    change(root, "README.md", f"| `{a}` |", "| `first` |")
    change(root, "README.md", f"| `{b}` |", f"| `{a}` |")
    change(root, "README.md", "| `first` |", f"| `{b}` |")


def room_below_in_a_circle(root):
    write(root, "harness/base/planted.c", '#include "host/files.h"\n')
    write(root, "harness/host/planted.c", '#include "base/buf.h"\n')


def headers_in_a_circle(root):
    write(root, "harness/base/planted_a.h", '#include "base/planted_b.h"\n')
    write(root, "harness/base/planted_b.h", '\n#include "planted_c.h"\n')
    write(root, "harness/base/planted_c.h", '\n\n#  include "base/planted_a.h"\n')


def private_header_from_afar(root):
    write(root, "harness/base/planted.h", "/*\n * Private to this room. Planted.\n */\n")
    write(root, "harness/base/planted.c", '#include "base/planted.h"\n')
    write(root, "backends/planted.c", '\n#include "base/planted.h"\n')


def shared_header_from_afar(root):
    write(root, "harness/trial/planted.h", "/* Private to this room, and to the benches. Planted. */\n")
    write(root, "harness/bench/planted.c", '#include "trial/planted.h"\n')
    write(root, "harness/report/planted.c", '#include "trial/planted.h"\n')


def many_files(root):
    for n in range(ROOM_FILES + 1):
        write(root, f"harness/planted/{n}.c", "")


PLANTED = {
    "a room without a floor": (
        lambda root: write(root, "harness/planted/a.c", ""),
        table_is_complete,
        "README.md: the table of floors lacks harness/planted",
    ),
    "a floor without a room": (lambda root: shutil.rmtree(root / "harness/bench"), table_is_complete, "there is no harness/bench"),
    "a floor twice": (
        lambda root: change(root, "README.md", "| `harness/host` |", "| `harness/base` | |\n| `harness/host` |"),
        table_is_complete,
        "harness/base has a floor already",
    ),
    "another order on the map": (swap_first_floors, map_has_the_same_order, "from floor 1 on"),
    "another order in the table": (swap_first_floors, includes_go_down, "which is on a floor above host"),
    "an include of a room above": (
        lambda root: write(root, "harness/base/planted.c", '#include <stdio.h>\n#include "truth/world.h"\n'),
        includes_go_down,
        "harness/base/planted.c:2: includes harness/truth/world.h",
    ),
    "an include of a room above, by another way": (
        lambda root: write(root, "harness/base/planted.c", '#include "../truth/world.h"\n'),
        includes_go_down,
        "harness/base/planted.c:1: includes harness/truth/world.h",
    ),
    "a harness that includes a backend": (
        lambda root: write(root, "backends/planted.h", "") or write(root, "harness/base/planted.c", '#include "../../backends/planted.h"\n'),
        includes_go_down,
        "harness/base/planted.c:1: includes backends/planted.h",
    ),
    "two rooms in a circle": (room_below_in_a_circle, rooms_make_no_circle, "harness/base/planted.c:1: includes harness/host/files.h"),
    "three headers in a circle": (headers_in_a_circle, files_make_no_circle, "harness/base/planted_c.h:3: includes harness/base/planted_a.h"),
    "a header that includes itself": (
        lambda root: write(root, "harness/base/planted.h", '#include "base/planted.h"\n'),
        files_make_no_circle,
        "harness/base/planted.h:1",
    ),
    "a private header in another room": (private_header_from_afar, private_headers_stay_in_their_room, "backends/planted.c:2: includes"),
    "a header of the benches in another room": (
        shared_header_from_afar,
        private_headers_stay_in_their_room,
        "harness/report/planted.c:1: includes",
    ),
    "too many files": (many_files, rooms_have_few_files, f"harness/planted: {ROOM_FILES + 1} files"),
    "too many lines in a room": (
        lambda root: write(root, "harness/base/planted.c", "\n" * 50000),
        rooms_have_a_fair_share,
        "harness/base: 5",
    ),
    "too long a file": (
        lambda root: write(root, "backends/planted.c", "\n" * (FILE_LINES + 1)),
        files_are_short,
        f"backends/planted.c:{FILE_LINES + 1}: ",
    ),
    "a room without a page": (
        lambda root: (root / "harness/base/README.md").unlink(),
        rooms_have_a_page,
        "harness/base/README.md: there is no such page",
    ),
    "a page that forbids nothing": (
        lambda root: change(root, "harness/base/README.md", "\nMay not:", "\nIt may not"),
        pages_say_what_is_forbidden,
        "harness/base/README.md: no line",
    ),
    "a header that no page names": (
        lambda root: write(root, "harness/base/planted.h", "/* Planted. */\n"),
        pages_name_the_public_headers,
        "harness/base/README.md: does not name planted.h",
    ),
    "a private header told as public": (
        lambda root: change(root, "harness/base/buf.h", "/* ", "/* Private to this room. "),
        pages_name_the_public_headers,
        "harness/base/README.md: tells of buf.h",
    ),
    "a page of a header that is gone": (
        lambda root: (root / "harness/base/buf.h").unlink(),
        names_on_pages_exist,
        ": there is no buf.h",
    ),
    "a path that does not exist": (
        lambda root: change(root, "harness/README.md", "\n", "\n`harness/base/planted.c`\n"),
        names_on_pages_exist,
        "harness/README.md:2: there is no harness/base/planted.c",
    ),
    "a table of the guide that is gone": (
        lambda root: change(root, "harness/README.md", "`STRIKE_TABLE`", "`PLANTED_TABLE`"),
        names_in_the_guide_exist,
        "no file has the word PLANTED_TABLE",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(tree, fault):
    plant, rule, complaint = PLANTED[fault]
    assert not any(complaint in told for told in rule(tree))
    plant(tree)
    told = rule(tree)
    assert any(complaint in line for line in told), told


@pytest.fixture
def built(tree):
    """A copy of the tree, and a build of it whose objects are those of this tree."""
    for file, real in objects(ROOT, BUILD).items():
        (tree / "build" / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / "build" / file.with_suffix(".o")).symlink_to(real)
    return tree


def compile_planted(root, file, text):
    write(root, file, text)
    done = [*shlex.split(os.environ.get("CC", "cc")), "-c", "-o", root / "build" / Path(file).with_suffix(".o"), root / file]
    subprocess.run(done, check=True)


def test_a_planted_use_of_a_symbol_above_is_found(built):
    compile_planted(built, "harness/base/planted.c", "void world_free(void);\nvoid planted(void);\nvoid planted(void)\n{\n    world_free();\n}\n")
    told = symbols_go_down(built, built / "build")
    assert any(line.startswith("harness/base/planted.c:1: uses world_free of harness/truth/world.c") for line in told), told


def test_a_planted_circle_of_objects_is_found(built):
    call = "void planted_{0}(void);\nvoid planted_{1}(void);\nvoid planted_{0}(void)\n{{\n    planted_{1}();\n}}\n"
    for a, b in ("ab", "bc", "ca"):
        compile_planted(built, f"harness/base/planted_{a}.c", call.format(a, b))
    told = objects_make_no_circle(built, built / "build")
    assert any(line.startswith("harness/base/planted_c.c:2: uses planted_a of harness/base/planted_a.c") for line in told), told


def test_a_source_that_was_not_built_is_found(built):
    write(built, "harness/base/planted.c", "")
    assert any(line.startswith("harness/base/planted.c: there is no ") for line in every_source_has_an_object(built, built / "build"))


def test_an_exception_that_is_not_needed_is_found():
    unused = {"buf_free": Inversion("harness/base/size.h", "harness/base/buf.c", "planted")}
    told = inversions_are_needed(ROOT, BUILD, unused)
    assert [line.split(":")[0] for line in told] == ["ci/house.py", "harness/base/size.h"]
    assert "strike it off" in objects_make_no_circle(ROOT, BUILD, {("harness/base/buf.c", "harness/base/rng.c"): "planted"})[-1]
