#!/usr/bin/python3
"""Plants mutations, one at a time, and runs the unit tests that should notice: `make mutants`.

A mutation is a small change of the code that makes it wrong. One that no test notices survives, and shows what the tests miss. Some
are made by hand (ci/mutants.txt), the others by rule: another relational or logical operator, a condition negated, 1 not added, a
statement left out. ci/mutants.txt also argues which of the others no test can notice. The tree is never changed: the mutated file lies in
a temporary directory, is compiled there, and is linked with the objects of build/release in place of the original.

Ends with status 0; 1 if mutations survive that ci/mutants.txt does not call equivalent, any that is made by hand or more made by rule
than --survivors allows; 2 if something else is wrong.
"""

import argparse
import ctypes
import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "ci/mutants.txt"
BUILD = ROOT / "build/release"
MAKE = ["make", "--no-print-directory", "VARIANT=release"]
DATA_BYTES_MAX = 6 << 30  # of a unit test: a mutation may make it allocate without end
UNIT_SECONDS_MIN, UNIT_SECONDS_MAX = 10, 60  # before a unit test counts as hanging: five times as long as without a mutation

# Which unit tests judge a room, the fast ones first. A file may have more of its own.
UNITS_OF_ROOM = {
    "truth": "oracle oracle_bytes oracle_sizes names contents world races timelines world_rules strict verify verify_rules "
    "defects_steps oracle_sim",
    "verifier": "defects defects_names defects_steps defects_volume explain timelines verify verify_rules strict oracle_sim",
    "evidence": "survivors readback readback_calls readback_pages history stamp",
    "disk": "writelog disk disk_limits fuse_fast logwrites",
    "states": "crash_states state_rules state_shares subsets crash_image read_notes prune explorer",
}
UNITS_OF_FILE = {
    "harness/disk/fuse_disk.c": "loop",
    "harness/disk/fuse_queue.c": "crash_disk",
    "harness/states/crash_disk.c": "crash_disk",
}


class Wrong(Exception):
    """The list, the build or a unit test is not as it must be."""


@dataclass
class Mutation:
    file: str
    line: int
    source: str  # the whole mutated file
    what: str
    by_hand: bool = False
    equivalent: str = ""  # why no test can notice it
    text: str = ""  # of one made by rule: the mutated line, or "without" the statement


# ---- by hand ----


def read_blocks(text):
    """Blocks of lines between empty lines, without comments, each with the number of its first line."""
    block, first = [], 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            first = first if block else number
            block.append(line)
        elif block:
            yield first, block
            block = []


def blocks():
    """Of the list: where each block stands, its file, and its other lines."""
    for number, block in read_blocks(LIST.read_text()):
        where, file = f"{LIST.relative_to(ROOT)}:{number}", block[0].strip()
        if not (ROOT / file).is_file():
            raise Wrong(f"{where}: no such file: {file}")
        yield where, file, block[1:]


def made_by_hand():
    for where, file, rest in blocks():
        if any(s.startswith("~ ") for s in rest):
            continue
        old = "\n".join(s[2:] for s in rest if s.startswith("- "))
        new = "\n".join(s[2:] for s in rest if s.startswith("+ "))
        fields = dict(s.split(": ", 1) for s in rest if s[:2] not in ("- ", "+ "))
        if not old or not set(fields) <= {"why", "equivalent"} or "why" not in fields:
            raise Wrong(f"{where}: wants lines `- old`, `+ new` and `why: ...`, perhaps `equivalent: ...`")
        source = (ROOT / file).read_text()
        if source.count(old) != 1:
            raise Wrong(f"{where}: the old text stands {source.count(old)} times in {file}, must be once")
        line = source[: source.index(old)].count("\n") + 1
        yield Mutation(file, line, source.replace(old, new), fields["why"], True, fields.get("equivalent", ""))


# ---- by rule ----


def argue(by_rule):
    """Marks the mutations of these that the list calls equivalent."""
    of = {}
    for m in by_rule:
        of.setdefault((m.file, m.text), []).append(m)
    files = {m.file for m in by_rule}
    for where, file, rest in blocks():
        texts = [s[2:].strip() for s in rest if s.startswith("~ ")]
        reasons = [s.removeprefix("equivalent: ") for s in rest if s.startswith("equivalent: ")]
        if texts and len(texts) + 1 != len(rest) or len(reasons) != 1 and texts:
            raise Wrong(f"{where}: wants lines `~ mutated line` or `~ without statement`, and `equivalent: ...`")
        for text in texts if file in files else []:
            if (file, text) not in of:
                raise Wrong(f"{where}: no rule makes this: {text}")
            for m in of[file, text]:
                m.equivalent = reasons[0]


SWAPS = [(" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "), (" != ", " == "),
         (" && ", " || "), (" || ", " && "), (" + 1", ""), (" - 1", ""), ("return true;", "return false;"),
         ("return false;", "return true;")]  # fmt: skip
CONDITION = re.compile(r"^(\s*(?:\} else )?(?:if|while) )\((.*)\)( \{)?$")
STATEMENT = re.compile(r"^\s+(?:[*\w][\w.>\[\]\-]*(?:\[.*\])? [-+|&^]?= .*|\w[\w.>\[\]\-]*(?:\+\+|--)|\w+\(.*\)|continue|break);$")
# Whichever of two equal values is taken is the same: `a < b ? a : b`; so is a sort of one element.
CLAMP = re.compile(r"([\w.>\[\]\-+*/() ]+?) [<>]=? ([\w.>\[\]\-+*/() ]+?) \? (.+?) : ([\w.>\[\]\-+*/() ]+?)(?:[,;)]|$)")
CLAMP_BEGINS = re.compile(r"if \((.+) [<>]=? (.+)\)$")
CAST = re.compile(r"\(\w+\)(?=[\w(])")
# Of the numbers of the sequence each is the begin or the end of one event only (harness/evidence/history.h).
SEQUENCE = re.compile(r"[\w.>\-]*_seq$")
# What only gives back memory or descriptors, which no unit test notices, or only checks.
UNNOTICED = re.compile(r"^\s*(?:\w*free|close|munmap|unmap|unreserve|assert|check_range|madvise)\(")
STATEMENT_BEGINS_BEHIND = re.compile(r"(^|[;{})]|else|: ?)$")


def code_lines(source):
    """The lines with code, comments and strings blanked out to the same length; None for lines without code."""
    blank = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r"[^\n]", "_", m.group()), source, flags=re.S)
    return [None if s.startswith("#") or not s.strip(" _") else s for s in blank.split("\n")]


def is_clamp(code, at, behind):
    """Does the relation at `at` choose the smaller or the larger of two values? `behind`: the code of the next line."""
    for m in CLAMP.finditer(code):
        a, b, *arms = (CAST.sub("", s).strip() for s in m.groups())
        if m.start() <= at < m.start(3) and {a.split("= ")[-1], b} == set(arms):
            return True
    begins = CLAMP_BEGINS.search(code)
    if not begins:
        return False
    a, b = begins.groups()
    return behind.strip() == f"{a} = {b};" or (b == "1" and behind.lstrip().startswith("qsort("))


def no_boundary(code, at, width, behind):
    """Can the two sides of the relation at `at` not be equal, or is it the same what becomes of equal ones?"""
    left, right = re.search(r"[^ (!&|]*$", code[:at]).group(), re.match(r"[^ );]*", code[at + width :]).group()
    begin_and_end = SEQUENCE.match(left) and SEQUENCE.match(right) and left.endswith("end_seq") != right.endswith("end_seq")
    return bool(begin_and_end) or is_clamp(code, at, behind)


def mutate_line(text, code, before, behind):
    """Pairs (mutated line, what was done). `before` and `behind`: the code of the lines before and after."""
    if UNNOTICED.match(code):
        return
    for old, new in SWAPS:
        at = code.find(old)
        while at >= 0:
            swaps_boundary = {old.strip("= "), new.strip("= ")} <= {"<", ">"} and old.strip() != new.strip()
            if not (old in (" + 1", " - 1") and re.match(r"[\w.]", code[at + len(old) :])) and not (
                swaps_boundary and no_boundary(code, at, len(old), behind)
            ):
                yield text[:at] + new + text[at + len(old) :], f"`{old.strip()}` became `{new.strip()}`"
            at = code.find(old, at + 1)
    condition = CONDITION.match(code)
    if condition and code.count("(") == code.count(")"):
        begin, end = condition.span(2)
        yield f"{text[:begin]}!({text[begin:end]}){text[end:]}", "the condition is negated"
    if STATEMENT.match(code) and code.count("(") == code.count(")") and STATEMENT_BEGINS_BEHIND.search(before):
        yield re.match(r"\s*", text).group() + ";", f"without `{text.strip()}`"


def made_by_rule(file):
    source = (ROOT / file).read_text()
    lines, codes = source.split("\n"), code_lines(source)
    before = ""
    for i, code in enumerate(codes):
        if code is None or not code[0].isspace():
            before = code or ""
            continue
        behind = codes[i + 1] if i + 1 < len(codes) and codes[i + 1] else ""
        for line, what in mutate_line(lines[i], code, before, behind):
            text = line.strip() if line.strip() != ";" else what.replace("`", "")
            yield Mutation(file, i + 1, "\n".join(lines[:i] + [line] + lines[i + 1 :]), what, text=text)
        before = code.rstrip(" _")


# ---- compiling and running ----


def commands():
    """What compiles an object, without debugging information and warnings, and what links a program, as lists of words."""
    asked = MAKE + ["-n", "V=1", "-W"]
    some, unit = "harness/truth/oracle.c", "build/release/unit/test_oracle"
    told = subprocess.run(asked + [some, unit], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    compiling = [s.split() for s in told if f" {some}" in s and " -c -o " in s]
    linking = [s.split() for s in told if f" -o {unit} " in s]
    if not compiling or not linking:
        raise Wrong("make does not tell how it compiles and links")
    words = [w for w in compiling[0] if not w.startswith("-W") and w not in ("-g", "-MMD", "-MP", "-c", some)]
    at = words.index("-o")
    del words[at : at + 2]
    compiler = [w.replace("-Iharness", f"-I{ROOT}/harness") for w in words] + ["-w"]
    return compiler, linking[0]


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # prctl(2)


def limit_unit():
    """In a unit test's process: little memory, and no life beyond that of this script's thread."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES_MAX, DATA_BYTES_MAX))


class Trials:
    def __init__(self, scratch):
        self.scratch = Path(scratch)
        self.compiler, self.linking = commands()
        self.archive = self.scratch / "all.a"
        objects = [w for w in self.linking if w.endswith(".o") and "/ci/unit/" not in w]
        subprocess.run(["ar", "rcs", self.archive, *objects], cwd=ROOT, check=True)
        self.libraries = [w for w in self.linking if w.startswith("-l")]
        self.seconds, self.originals = {}, {}

    def units_of(self, file):
        names = UNITS_OF_ROOM[file.split("/")[1]] + " " + UNITS_OF_FILE.get(file, "")
        return [n for n in names.split() if (ROOT / f"ci/unit/test_{n}.c").is_file()]

    def compile(self, file, directory):
        """The object of `file`; that of the mutated copy in `directory`, if there is one. None: it does not compile."""
        mutated = directory / file
        made = directory / (Path(file).stem + ".o")
        source = mutated if mutated.is_file() else ROOT / file
        done = subprocess.run(
            [*self.compiler, "-c", "-o", made, source], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return made if done.returncode == 0 else None

    def run(self, program, seconds, directory):
        """Does the unit test pass?"""
        with subprocess.Popen(
            [program],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=limit_unit,
        ) as process:
            try:
                return process.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                try:  # what it has started goes with it
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def prepare(self, files):
        """Sees that the units pass without a mutation, how long they take, and how the originals compile."""
        for unit in sorted({u for f in files for u in self.units_of(f)}):
            began = time.monotonic()
            if not self.run(BUILD / f"unit/test_{unit}", 300, self.scratch):
                raise Wrong(f"test_{unit} fails without a mutation")
            self.seconds[unit] = time.monotonic() - began
        for file in files:
            with tempfile.TemporaryDirectory(dir=self.scratch) as d:
                made = self.compile(file, Path(d))
                if not made:
                    raise Wrong(f"{file} does not compile")
                self.originals[file] = made.read_bytes()

    def try_one(self, mutation):
        """`killed by UNIT`, `survived`, or why it is none: `does not compile`, `same code`."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as d:
            directory = Path(d)
            mutated = directory / mutation.file
            mutated.parent.mkdir(parents=True)
            mutated.write_text(mutation.source)
            made = self.compile(mutation.file, directory)
            if not made:
                return "does not compile"
            if made.read_bytes() == self.originals[mutation.file]:
                return "same code"
            for unit in self.units_of(mutation.file):
                program = directory / unit
                words = ["gcc" if self.compiler[0] == "ccache" else self.compiler[0], "-pthread", "-o", program]
                objects = [BUILD / f"ci/unit/test_{unit}.o", made, self.archive]
                subprocess.run([*words, *objects, *self.libraries], cwd=directory, check=True)
                if not self.run(program, min(max(UNIT_SECONDS_MIN, 5 * self.seconds[unit]), UNIT_SECONDS_MAX), directory):
                    return f"killed by {unit}"
            return "survived"


def place_in_sample(m, seed):
    """A change elsewhere does not change which mutations of a file are in the sample."""
    return hashlib.sha256(f"{seed} {m.file} {m.what} {m.text}".encode()).digest()


def chosen(args, rooms):
    by_hand = list(made_by_hand())
    known = {m.source for m in by_hand}
    files = [str(f.relative_to(ROOT)) for r in rooms for f in sorted((ROOT / "harness" / r).glob("*.c"))]
    by_rule = [] if args.only == "hand" else [m for f in files for m in made_by_rule(f) if m.source not in known]
    argue(by_rule)
    if args.file:
        by_hand = [m for m in by_hand if args.file in m.file]
        by_rule = [m for m in by_rule if args.file in m.file]
    if args.only == "rule":
        by_hand = []
    if args.sample is not None:
        by_rule = sorted(by_rule, key=lambda m: place_in_sample(m, args.seed))[: args.sample]
    return by_hand + by_rule


def tell(m, outcome):
    """Prints a survivor; what cannot be right is an error."""
    if m.by_hand and outcome == "does not compile":
        raise Wrong(f"{m.file}:{m.line}: does not compile: {m.what}")
    if m.by_hand and m.equivalent and outcome.startswith("killed"):
        raise Wrong(f"{m.file}:{m.line}: called equivalent, but {outcome}: {m.what}")
    if not m.equivalent and (outcome == "survived" or (m.by_hand and outcome == "same code")):
        print(f"{m.file}:{m.line}: {outcome}{' (by hand)' if m.by_hand else ''}: {m.what}", flush=True)


def report(mutations, outcomes, most_survivors):
    """Prints the score; returns the status."""
    survivors = 0
    made = [(m, o) for m, o in zip(mutations, outcomes, strict=True) if not m.equivalent]
    for kind, hand in (("by hand", True), ("by rule", False)):
        of_kind = [o for m, o in made if m.by_hand == hand]
        killed, alive = sum(o.startswith("killed") for o in of_kind), sum(o == "survived" for o in of_kind)
        if killed + alive:
            print(f"{kind}: {killed} of {killed + alive} killed, {100 * killed / (killed + alive):.1f} %", end="")
            argued = sum(bool(m.equivalent) for m in mutations if m.by_hand == hand)
            print(f"; {len(of_kind) - killed - alive} others do not compile or compile to the same code, {argued} are argued")
        survivors += 0 if hand else alive
    return 1 if survivors > most_survivors or any(m.by_hand and not o.startswith("killed") for m, o in made) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, metavar="N", help="of those made by rule, N at random; all by default")
    parser.add_argument("--seed", type=int, default=int(time.time()), metavar="N", help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="mutations at a time")
    parser.add_argument("--only", choices=["hand", "rule"], help="only those made by hand, or by rule")
    parser.add_argument("--file", metavar="TEXT", help="only in files whose path has TEXT in it")
    parser.add_argument("--survivors", type=int, default=sys.maxsize, metavar="N", help="made by rule, allowed with status 0; all")
    parser.add_argument("--verbose", action="store_true", help="print what became of each")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leaves the `with` below, so no directory stays
    try:
        mutations = chosen(args, UNITS_OF_ROOM)
        print(f"{len(mutations)} mutations, seed {args.seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="tornpage-mutants-") as scratch:
            trials = Trials(scratch)
            trials.prepare(sorted({m.file for m in mutations}))
            with ThreadPoolExecutor(args.jobs) as pool:
                outcomes = []
                for m, outcome in zip(mutations, pool.map(trials.try_one, mutations), strict=False):
                    outcomes.append(outcome)
                    tell(m, outcome)
                    if args.verbose and outcome != "survived":
                        print(f"{m.file}:{m.line}: {outcome}: {m.what}", flush=True)
        return report(mutations, outcomes, args.survivors)
    except (Wrong, subprocess.CalledProcessError) as e:
        print(f"mutants.py: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
