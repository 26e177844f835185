#!/usr/bin/python3
"""Kills, stops and starves parts of the harness while it works: it must end with 0 or 99, never with a finding.

usage: trust.py TORNPAGE [--kills N] [--pauses N] [--stops N] [--memory N] [--loads N] [--seed S]

A kill hits one descendant at random (disk server, worker, actor, prefetch worker) at a random moment. A pause stops every process of
the run for longer than a step's deadline, a stop only one of them. A memory run has less address space than it wants (ulimit -v). A
load run has 25 busy processes a processor beside it. A 99 must say what broke. Prints each run that is not as it must be, the seed,
how many kills and stops hit a process, and how often each status came. Needs root.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAUSE_S = 25
RUN_S = 300  # a run that takes longer hangs
HOGS_PER_PROCESSOR = 25
MEMORY_MIB = (64, 2048)  # too little to begin with, and enough
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


def start(tornpage, directory, seed, backends, **popen):
    """A run over the scenarios of local/ in a directory of its own."""
    args = [tornpage, "run", ROOT / "scenarios/local", "--findings", directory, "--seed", str(seed)]
    args += [word for backend in backends for word in ("-b", backend)]
    return subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **popen)


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


def stop_one(tornpage, rng, directory, seed, tally):
    child = start(tornpage, directory, seed, ["loop:fs=ext4", "dir"])
    time.sleep(rng.uniform(0.1, 1.0))
    below = [pid for pid, depth in descendants(child.pid) if depth >= 2]
    if below:
        chosen = [rng.choice(below)]
        send(chosen, signal.SIGSTOP)
        tally["hit"] += 1
        time.sleep(PAUSE_S)  # the stop itself
        send(chosen, signal.SIGCONT)
    finish(child, f"stop {seed}", tally)


def little_memory(tornpage, rng, directory, seed, tally):
    size = int(rng.uniform(*MEMORY_MIB)) << 20

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    backends = ["loop:fs=ext4", "loop:fs=btrfs", "dir", "sim"]
    finish(start(tornpage, directory, seed, backends, preexec_fn=limit), f"memory {seed}, {size >> 20} MiB", tally)


def under_load(tornpage, _, directory, seed, tally):
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(HOGS_PER_PROCESSOR * os.cpu_count())]
    try:
        finish(start(tornpage, directory, seed, ["loop:fs=ext4", "loop:fs=btrfs", "dir"]), f"load {seed}", tally)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


KINDS = {  # how many by default
    "kills": (kill_one, 200),
    "pauses": (pause_all, 4),
    "stops": (stop_one, 10),
    "memory": (little_memory, 20),
    "loads": (under_load, 2),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tornpage", type=os.path.abspath)
    for name, (_, number) in KINDS.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, tally = random.Random(options.seed), collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        for name, (once, _) in KINDS.items():
            for n in range(getattr(options, name)):
                once(options.tornpage, rng, directory, n + 1, tally)
    hit = tally.pop("hit", 0)
    print(f"seed {options.seed}: {hit} kills and stops hit; " + ", ".join(f"status {status}: {n}" for status, n in tally.items()))
    return 0 if set(tally) <= FINE and hit >= (options.kills + options.stops) // 2 else 1


if __name__ == "__main__":
    sys.exit(main())
