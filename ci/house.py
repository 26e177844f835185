"""The rules of the house: what its rooms are, which may use which, and how large they may be.

The table of floors is in README.md ("The tree"), from the bottom up, and is read from there. Each rule is a function that takes a tree
and returns its complaints, "file:line: what is wrong". ci/test_house.py demands that this tree gets none, and shows each rule to find a
fault that is planted in a copy of the tree. The rules on symbols read the objects of a build with nm (environment TORNPAGE_UNITS, else
build/release/unit; the objects lie beside it).
"""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from conftest import ROOT

BUILD = Path(os.environ.get("TORNPAGE_UNITS", ROOT / "build/release/unit")).resolve().parent
GENERATED = Path("gen/backends.c")  # the Makefile's list of backends, part of the room `backends`

ROOM_FILES = 20
ROOM_SHARE = 5  # a room has at most one in so many of the house's lines
FILE_LINES = 520
PRIVATE = "Private to this room."
SHARED = "Private to this room, and to the benches."  # also for harness/bench


class Inversion(NamedTuple):
    """A symbol that a lower room declares and a higher room defines: the one way in which calls may go up."""

    declared: str
    defined: str
    reason: str


INVERSIONS = {
    "verb_find": Inversion("harness/language/verb.h", "harness/verbs/table.c", "the parser reads verbs from the table they stand in"),
    "verb_next": Inversion("harness/language/verb.h", "harness/verbs/table.c", "the parser suggests similar verbs"),
    "backends": Inversion("harness/backend/backend.h", "gen/backends.c", "the Makefile makes the list from the files in backends/"),
}

# Objects of one room that use each other's symbols, and why they cannot do without. Each entry names all objects of the circle.
OBJECT_CIRCLES = {}


# ---- reading the tree ----


class Use(NamedTuple):
    """A file's #include of another one, both as paths from the root."""

    file: Path
    line: int
    target: Path


def room_of(path):
    """`base` of harness/base/buf.c; `backends` of backends/dir.c and of the list that is generated from them."""
    if path == GENERATED:
        return "backends"
    return path.parts[1] if path.parts[0] == "harness" else path.parts[0]


def sources(root, *suffixes):
    found = [p for pattern in ("harness/*/*", "backends/*") for p in root.glob(pattern) if p.suffix in (suffixes or (".c", ".h"))]
    return sorted(p.relative_to(root) for p in found)


def rooms(root):
    return sorted(p.name for p in (root / "harness").iterdir() if p.is_dir())


def lines_of(root, file):
    return (root / file).read_text().count("\n")


def section(text, title):
    """The lines below a heading of a page, with their numbers."""
    numbered = list(enumerate(text.splitlines(), 1))
    start = next((i for i, line in numbered if re.fullmatch(rf"##+ {re.escape(title)}", line)), len(numbered))
    end = next((i for i, line in numbered[start:] if line.startswith("## ")), len(numbered) + 1)
    return numbered[start : end - 1]


def table(root):
    """The rows of the table of floors: (line, path), from the bottom up."""
    rows = [(i, re.match(r"\| `([a-z_/]+)` \|", line)) for i, line in section((root / "README.md").read_text(), "The tree")]
    return [(i, match[1]) for i, match in rows if match]


def floors(root):
    """The number of each room's floor."""
    return {Path(path).name: n for n, (_, path) in enumerate(table(root))}


def uses(root):
    found = []
    for file in sources(root):
        for number, line in enumerate((root / file).read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            if not match:
                continue
            for target in (Path("harness") / match[1], Path(os.path.normpath(file.parent / match[1]))):
                if (root / target).is_file():
                    found.append(Use(file, number, target))
                    break
    return found


def reachable(graph, start):
    seen, todo = set(), [start]
    while todo:
        for node in graph.get(todo.pop(), ()):
            if node not in seen:
                seen.add(node)
                todo.append(node)
    return seen


def in_circles(edges):
    """Those of the pairs (from, to) that are part of a circle."""
    graph = {}
    for a, b in edges:
        graph.setdefault(a, set()).add(b)
    reach = {node: reachable(graph, node) for node in graph}
    return {(a, b) for a, b in edges if a in reach.get(b, ())}


def first_comment(root, file):
    match = re.search(r"/\*+\s*(.*?)\*/", (root / file).read_text(), re.S)
    return re.sub(r"\n \* ?", "\n", match[1]).removeprefix("* ") if match else ""


def is_private(root, header):
    return first_comment(root, header).startswith(PRIVATE)


def is_shared(root, header):
    return first_comment(root, header).startswith(SHARED)


# ---- rules: the table of floors ----


def table_is_complete(root):
    told = [path for _, path in table(root)]
    missing = [f"README.md: the table of floors lacks harness/{r}" for r in rooms(root) if f"harness/{r}" not in told]
    wrong = [f"README.md:{i}: there is no {path}" for i, path in table(root) if not (root / path).is_dir()]
    twice = [f"README.md:{i}: {path} has a floor already" for n, (i, path) in enumerate(table(root)) if path in told[:n]]
    return missing + wrong + twice


def map_has_the_same_order(root):
    page = (root / "harness/README.md").read_text()
    named = [match[1] for _, line in section(page, "The rooms") if (match := re.match(r"\d+\. `([a-z_]+)`", line))]
    order = [Path(path).name for _, path in table(root) if path.startswith("harness/") or path == "backends"]
    if named == order:
        return []
    at = next((n for n, (a, b) in enumerate(zip(named, order)) if a != b), min(len(named), len(order)))
    return [f"harness/README.md: the order of the rooms differs from README.md's floors from floor {at + 1} on: {named[at:at + 3]}"]


# ---- rules: includes ----


def includes_go_down(root):
    floor = floors(root)
    return [
        f"{u.file}:{u.line}: includes {u.target}, which is on a floor above {room_of(u.file)}"
        for u in uses(root)
        if floor.get(room_of(u.target), -1) > floor.get(room_of(u.file), -1)
    ]


def rooms_make_no_circle(root):
    between = {u: (room_of(u.file), room_of(u.target)) for u in uses(root) if room_of(u.file) != room_of(u.target)}
    bad = in_circles(set(between.values()))
    return [f"{u.file}:{u.line}: includes {u.target}: {pair[0]} and {pair[1]} use each other" for u, pair in between.items() if pair in bad]


def files_make_no_circle(root):
    bad = in_circles({(u.file, u.target) for u in uses(root)})
    return [f"{u.file}:{u.line}: includes {u.target}, which leads back here" for u in uses(root) if (u.file, u.target) in bad]


def private_headers_stay_in_their_room(root):
    return [
        f"{u.file}:{u.line}: includes {u.target}, which is private to its room"
        for u in uses(root)
        if room_of(u.file) != room_of(u.target)
        and (is_private(root, u.target) or (is_shared(root, u.target) and room_of(u.file) != "bench"))
    ]


# ---- rules: sizes ----


def rooms_have_few_files(root):
    count = {room: [f for f in sources(root) if room_of(f) == room] for room in rooms(root)}
    return [f"harness/{room}: {len(files)} files, of at most {ROOM_FILES}" for room, files in count.items() if len(files) > ROOM_FILES]


def rooms_have_a_fair_share(root):
    size = {room: sum(lines_of(root, f) for f in sources(root) if room_of(f) == room) for room in rooms(root)}
    limit = sum(size.values()) // ROOM_SHARE
    return [f"harness/{room}: {n} lines, of at most {limit}" for room, n in size.items() if n > limit]


def files_are_short(root):
    size = {f: lines_of(root, f) for f in sources(root)}
    return [f"{f}:{FILE_LINES + 1}: the file has {n} lines, of at most {FILE_LINES}" for f, n in size.items() if n > FILE_LINES]


# ---- rules: pages ----


def page(root, room):
    path = root / "harness" / room / "README.md"
    return path.read_text() if path.is_file() else ""


def rooms_have_a_page(root):
    return [f"harness/{room}/README.md: there is no such page" for room in rooms(root) if not page(root, room)]


def pages_say_what_is_forbidden(root):
    return [
        f"harness/{room}/README.md: no line begins with 'May not:'"
        for room in rooms(root)
        if page(root, room) and not re.search(r"^May not: \S", page(root, room), re.M)
    ]


def pages_name_the_public_headers(root):
    """Each public header has its line, "- `name.h`: ...", and no private one has."""
    complaints = []
    for room in filter(lambda r: page(root, r), rooms(root)):
        told = set(re.findall(r"^- `([a-z0-9_]+\.h)`: \S", page(root, room), re.M))
        for header in (f for f in sources(root, ".h") if room_of(f) == room):
            private = is_private(root, header)
            if private and header.name in told:
                complaints.append(f"harness/{room}/README.md: tells of {header.name} as public, but it is private")
            if not private and f"`{header.name}`" not in page(root, room):
                complaints.append(f"harness/{room}/README.md: does not name {header.name}")
    return complaints


def names_on_pages_exist(root):
    """Names of C files in code quotes, and paths, on the pages of harness/."""
    complaints = []
    for at in sorted(root.glob("harness/README.md")) + sorted(root.glob("harness/*/README.md")):
        for number, line in enumerate(at.read_text().splitlines(), 1):
            for name in re.findall(r"`([a-z0-9_]+\.[ch]|[a-z0-9_]+/[a-z0-9_./-]*)`", line):
                places = [at.parent, root / "harness", root]
                if not any((p / name).exists() for p in places):
                    complaints.append(f"{at.relative_to(root)}:{number}: there is no {name}")
    return complaints


def names_in_the_guide_exist(root):
    """Words of code in "Where to add what" stand in some file of the tree."""
    text = "".join((root / f).read_text() for f in sources(root))
    return [
        f"harness/README.md:{number}: no file has the word {word}"
        for number, line in section((root / "harness/README.md").read_text(), "Where to add what")
        for word in re.findall(r"`([a-z]+_[a-z_]+|[A-Z]+_[A-Z_]+)`", line)
        if not re.search(rf"\b{word}\b", text)
    ]


# ---- rules: symbols ----


class Symbols(NamedTuple):
    defined: dict  # symbol -> source file
    used: dict  # source file -> symbols that others define


def objects(root, build):
    """The object of each source file."""
    return {f: build / f.with_suffix(".o") for f in [*sources(root, ".c"), GENERATED]}


def symbols(root, build):
    by_object = {str(o): f for f, o in objects(root, build).items() if o.exists()}
    told = subprocess.run(["nm", "-A", "-P", "-g", *by_object], capture_output=True, text=True, check=True).stdout
    defined, undefined = {}, {}
    for line in told.splitlines():
        where, rest = line.split(": ", 1)
        name, kind = rest.split()[:2]
        if kind in "Uwv":
            undefined.setdefault(by_object[where], set()).add(name)
        else:
            defined[name] = by_object[where]
    used = {f: {n for n in names if n in defined and defined[n] != f} for f, names in undefined.items()}
    return Symbols(defined, used)


def place(root, file, word):
    """Where a file says the word; the file alone, when only its headers do."""
    text = (root / file).read_text() if (root / file).is_file() else ""
    number = next((i for i, line in enumerate(text.splitlines(), 1) if re.search(rf"\b{word}\b", line)), None)
    return f"{file}:{number}" if number else str(file)


def every_source_has_an_object(root, build):
    return [f"{f}: there is no {o}; build it first (make units)" for f, o in objects(root, build).items() if not o.exists()]


def upward(root, build):
    """Uses of symbols that are defined on a floor above: (file, symbol, where it is defined)."""
    floor, found = floors(root), symbols(root, build)
    for file in sorted(found.used):
        for name in sorted(found.used[file]):
            above = found.defined[name]
            if floor.get(room_of(above), -1) > floor.get(room_of(file), -1):
                yield file, name, above


def symbols_go_down(root, build):
    return [
        f"{place(root, file, name)}: uses {name} of {above}, which is on a floor above"
        for file, name, above in upward(root, build)
        if name not in INVERSIONS or str(above) != INVERSIONS[name].defined
    ]


def inversions_are_needed(root, build, inversions=None):
    used = {name for _, name, _ in upward(root, build)}
    complaints = []
    for name, known in (INVERSIONS if inversions is None else inversions).items():
        header = root / known.declared
        if name not in used:
            complaints.append(f"ci/house.py: nothing below {known.defined} uses {name}; strike it off the list")
        if not header.is_file() or not re.search(rf"\b{name}\b", header.read_text()):
            complaints.append(f"{known.declared}: does not declare {name}")
    return complaints


def object_circles(root, build):
    """The circles between objects of one room: a dict from the objects to the lines that tell of their uses."""
    found = symbols(root, build)
    edges = {}
    for file in found.used:
        for name in found.used[file]:
            if room_of(file) == room_of(found.defined[name]):
                edges.setdefault((file, found.defined[name]), []).append(name)
    circles = {}
    bad = in_circles(set(edges))
    graph = {a: {d for c, d in bad if c == a} for a, _ in bad}
    for a, b in sorted(bad):
        members = tuple(sorted(str(f) for f in reachable(graph, a) if a in reachable(graph, f)))
        names = sorted(edges[a, b])
        circles.setdefault(members, []).append(f"{place(root, a, names[0])}: uses {', '.join(names)} of {b}, which uses this file")
    return circles


def objects_make_no_circle(root, build, known=None):
    known = OBJECT_CIRCLES if known is None else known
    circles = object_circles(root, build)
    complaints = [line for members, lines in circles.items() if members not in known for line in lines]
    gone = [f"ci/house.py: {', '.join(m)} make no circle; strike it off the list" for m in known if m not in circles]
    return complaints + gone
