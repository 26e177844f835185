#!/usr/bin/python3
"""Kills and stops parts of the harness while it works: it must end with 0 or 99, never with a finding.

usage: trust.py TORNPAGE [--kills N] [--pauses N] [--seed S]

A kill hits one descendant at random (disk server, worker, actor, prefetch worker) at a random moment. A pause stops every process of
the run for longer than a step's deadline. A 99 must say what broke. Prints each run that is not as it must be, the seed, how many
kills hit a process, and how often each status came. Needs root.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAUSE_S = 25
RUN_S = 180  # a run that takes longer hangs
FINE = {0, 99}


def descendants(root):
    """The processes below `root`, each with its depth."""
    children = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children[int(stat.rsplit(")", 1)[1].split()[1])].append(int(entry))
    found, todo = [], [(root, 0)]
    while todo:
        pid, depth = todo.pop()
        found += [(child, depth + 1) for child in children[pid]]
        todo += [(child, depth + 1) for child in children[pid]]
    return found


def send(pids, signum):
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            pass


def start(tornpage, directory, seed, backends):
    """A run over the scenarios of local/ in a directory of its own."""
    args = [tornpage, "run", ROOT / "scenarios/local", "--findings", directory, "--seed", str(seed)]
    args += [word for backend in backends for word in ("-b", backend)]
    return subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(child, what, tally):
    try:
        out, _ = child.communicate(timeout=RUN_S)
        status = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, status = child.communicate()[0], "did not end"
    if status == 99 and not re.search(r"^Broken: ", out, re.M):
        status = "99 without a reason"
    tally[status] += 1
    if status not in FINE:
        print(f"{what}: status {status}")
        print("\n".join(line for line in out.splitlines() if "(rule" in line), flush=True)


def kill_one(tornpage, rng, directory, seed, tally):
    child = start(tornpage, directory, seed, ["loop:fs=ext4"])
    time.sleep(rng.uniform(0.1, 1.0))  # a moment of the run, whatever it does then
    below = [pid for pid, depth in descendants(child.pid) if depth >= 2]
    if below:
        send([rng.choice(below)], signal.SIGKILL)
        tally["hit"] += 1
    finish(child, f"kill {seed}", tally)


def pause_all(tornpage, rng, directory, seed, tally):
    child = start(tornpage, directory, seed, ["loop:fs=ext4", "dir"])
    time.sleep(rng.uniform(0.2, 1.0))
    everything = [child.pid, *(pid for pid, _ in descendants(child.pid))]
    send(everything, signal.SIGSTOP)
    time.sleep(PAUSE_S)  # the pause itself
    send(reversed(everything), signal.SIGCONT)
    finish(child, f"pause {seed}", tally)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tornpage", type=os.path.abspath)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pauses", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, tally = random.Random(options.seed), collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        for n in range(options.kills):
            kill_one(options.tornpage, rng, directory, n + 1, tally)
        for n in range(options.pauses):
            pause_all(options.tornpage, rng, directory, n + 1, tally)
    hit = tally.pop("hit", 0)
    print(f"seed {options.seed}: {hit} kills hit; " + ", ".join(f"status {status}: {n}" for status, n in tally.items()))
    return 0 if set(tally) <= FINE and hit > options.kills // 2 - 1 else 1


if __name__ == "__main__":
    sys.exit(main())
