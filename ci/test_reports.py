"""Reports for machines: JUnit as Jenkins and GitLab read it, TAP, and each key of the JSON as its page describes it.

The rules of JUnit are those of junit-10.xsd, by which the xUnit plugin of Jenkins checks, and of GitLab's page "Unit test reports". Both
are written down here as checks of our own.
"""

import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import PROGRAM, ROOT, run_program

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices and mount namespaces")
CANARY = ["-b", "sim:canary=flush-ignored", "--runs", "400"]
ENDLESS = ["--runs", "1000000000"]

# junit-10.xsd: which attributes an element has, those without which it is invalid, and which elements are in it.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
    "system-err": set(),
}
REQUIRED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name"}, "property": {"name", "value"}}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def complaints_of_the_schema(element):
    found = []
    for one in element.iter():
        if one.tag not in ATTRIBUTES:
            found.append(f"<{one.tag}>")
            continue
        found += [f"<{one.tag} {a}>" for a in set(one.attrib) - ATTRIBUTES[one.tag]]
        found += [f"<{one.tag}> without {a}" for a in REQUIRED.get(one.tag, set()) - set(one.attrib)]
        found += [f"<{child.tag}> in <{one.tag}>" for child in one if child.tag not in CHILDREN.get(one.tag, set())]
        if one.tag in CHILDREN and (one.text or "").strip():
            found.append(f"text in <{one.tag}>")
        if one.tag.startswith("testsuite") and not TIME.fullmatch(one.get("time", "")):
            found.append(f"time {one.get('time')}")
    return found


def check_junit(path):
    """Demands of the file what both readers demand, and that its counts are right. Returns its root."""
    root = ElementTree.parse(path).getroot()
    cases = list(root.iter("testcase"))
    names = [(c.get("classname"), c.get("name")) for c in cases]
    assert root.tag == "testsuites" and complaints_of_the_schema(root) == []
    assert len(set(names)) == len(names), "GitLab ignores all but the first of a name"
    for holder in [root, *root]:
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            if holder.tag != "testsuites" or tag != "skipped":  # the schema has no such attribute there
                assert int(holder.get(attribute)) == len(holder.findall(f".//{tag}")), (holder.get("name"), attribute)
        assert int(holder.get("tests")) == len(list(holder.iter("testcase")))
    for suite in root:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    for case in cases:
        verdicts = [e for e in case if e.tag in ("failure", "error", "skipped")]
        assert len(verdicts) <= 1
        for e in verdicts:  # GitLab shows the content, Jenkins both
            assert e.get("type") and e.get("message") and (e.text or "").strip(), case.attrib
            assert "\n" not in e.get("message")
    return root


def properties(suite):
    return {p.get("name"): p.get("value") for p in suite.iter("property")}


def report(tornpage, tmp_path, *args, status):
    """Runs with all three reports. Returns the JSON, the JUnit's root and the TAP."""
    done = tornpage("run", *args, "--json", "out.json", "--junit", "out.xml", "--tap")
    assert done.returncode == status, done.stdout + done.stderr
    j = json.loads((tmp_path / "out.json").read_text())
    assert j["status"] == status
    return j, check_junit(tmp_path / "out.xml"), done.stdout


# ---- JUnit ----


def test_the_schema_finds_what_is_wrong():
    bad = '<testsuites skipped="0"><testsuite name="x" tests="1" errors="0" time="1e3"><testcase><failure/><b/></testcase>text</testsuite></testsuites>'
    found = complaints_of_the_schema(ElementTree.fromstring(bad))
    for part in ["<testsuites skipped>", "<testsuite> without failures", "<testcase> without name", "<b> in <testcase>", "time 1e3"]:
        assert part in found, found


def test_junit_names_backend_and_crash_kind_in_the_class(tornpage, scenarios, tmp_path):
    j, root, _ = report(tornpage, tmp_path, scenarios, *CANARY, "-b", "sim", "-b", "dir", status=1)
    assert [s.get("name") for s in root] == ["sim:canary=flush-ignored", "sim", "dir"]
    for suite in root:
        want = [(f"{r['backend']}.{r['crash']}", r["scenario"]) for r in j["results"] if r["backend"] == suite.get("name")]
        assert [(c.get("classname"), c.get("name")) for c in suite.iter("testcase")] == want


def test_junit_has_elements_as_the_verdicts_say(tornpage, scenarios, tmp_path):
    j, root, _ = report(tornpage, tmp_path, scenarios, *CANARY, "-b", "dir", status=1)
    element = {"violated": ["failure"], "broken": ["error"], "skipped": ["skipped"]}
    by_name = {(c.get("classname"), c.get("name")): c for c in root.iter("testcase")}
    for r in j["results"]:
        case = by_name[f"{r['backend']}.{r['crash']}", r["scenario"]]
        assert [e.tag for e in case if e.tag != "system-out"] == element.get(r["verdict"], [])
        assert case.find("system-out").text.startswith(r["verdict"])
        for finding in r["findings"]:
            assert finding in case.find("failure").text
    assert root.find(".//failure").get("type") in ("lost", "zeroed", "stale")
    assert root.find(".//skipped") is not None


def test_junit_tells_how_the_results_came_about(tornpage, scenarios, tmp_path):
    _, root, _ = report(tornpage, tmp_path, scenarios, *CANARY, "--seed", "7", status=1)
    told = properties(root[0])
    assert (told["seed"], told["kernel"], told["backend"], told["canary"]) == ("7", os.uname().release, "sim", "flush-ignored")
    assert told["tornpage"] in run_program("--version").stdout and "--seed 7" in told["command"]


@needs_root
def test_a_known_violation_is_no_failure_and_options_are_told(tornpage, tmp_path):
    backend = "loop:fs=ext4,mkfs=-I 512,mount=commit=1+noatime"
    args = ["space/collapse-then-store-msync", "-b", backend, "--crash", "power"]
    j, root, tap = report(tornpage, tmp_path, *args, status=0)
    assert (j["results"][0]["verdict"], j["results"][0]["known"]) == ("violated", True)
    assert root.get("failures") == "0" and root.find(".//system-out").text.startswith("violated (known)")
    assert re.search(r"^not ok 1 - .* # TODO known", tap, re.M)
    told = properties(root[0])
    assert (told["fs"], told["mkfs"], told["mount"], told["disk"]) == ("ext4", "-I 512", "commit=1,noatime", "")


def test_a_broken_result_is_an_error(tornpage, scenarios, tmp_path):
    """A worker that is killed leaves a broken result."""
    args = [str(PROGRAM), "run", "t/store-msync", "-b", "sim", "--crash", "power", *ENDLESS, "--junit", "out.xml", "--jobs", "1"]
    with subprocess.Popen(args, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        os.kill(busiest_below(run.pid), signal.SIGKILL)
        run.communicate(timeout=60)
    assert run.returncode == 99
    root = check_junit(tmp_path / "out.xml")
    assert root.get("errors") == "1" and root.find(".//error").get("type") == "broken"


# ---- an incomplete run ----


def processes_below(pid):
    found = [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    return found + [q for p in found for q in processes_below(p)]


def cpu_ticks(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11])


def busiest_below(pid, deadline_s=60):
    """The first process below pid that has computed for 0.2 s: the run has begun, and this is its worker."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        for p in processes_below(pid):
            if cpu_ticks(p) >= 20:
                return p
        time.sleep(0.02)
    raise AssertionError("no worker")


def assert_incomplete(j, root, tap, why):
    assert (j["complete"], j["incomplete"]) == (False, why)
    missing = [r for r in j["results"] if r["not_begun"]]
    assert missing and all(r["verdict"] == "skipped" for r in missing)
    first = root[0].find("testcase")
    assert root[0].get("errors") == "1" and first.find("error").text == why
    lines = tap.splitlines()
    assert lines[:3] == ["TAP version 13", f"1..{len(j['results'])}", f"# incomplete: {why}"]
    assert lines[-1] == f"Bail out! {why}"
    tests = [line for line in lines if re.match(r"(not )?ok ", line)]
    assert len(tests) == len(j["results"]) - len(missing)


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_so_at_the_top(scenarios, tmp_path, signo):
    args = [str(PROGRAM), "run", "-b", "sim", *ENDLESS, "-b", "dir", "--crash", "power", "--json", "out.json", "--junit", "out.xml", "--tap"]
    with subprocess.Popen(args, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        busiest_below(run.pid)
        run.send_signal(signo)
        tap, people = run.communicate(timeout=60)
    j = json.loads((tmp_path / "out.json").read_text())
    assert run.returncode == j["status"] == 128 + signo
    why = f"interrupted by {signo.name}: 2 of 4 results are missing"
    assert_incomplete(j, check_junit(tmp_path / "out.xml"), tap, why)
    assert f"\nIncomplete: {why}.\n" in people


def test_a_run_whose_time_ran_out_says_so_at_the_top(tornpage, scenarios, tmp_path):
    # Each result has a share of the time, so it takes next to none to leave some out.
    j, root, tap = report(tornpage, tmp_path, scenarios, "-b", "sim", *ENDLESS, "--time", "0.000001", "--jobs", "1", status=99)
    n = sum(r["not_begun"] for r in j["results"])
    assert_incomplete(j, root, tap, f"--time ran out: {n} of 4 results are missing")


def test_random_scenarios_that_time_left_out_make_nothing_incomplete(tornpage, tmp_path):
    args = ["--random", "2000", "-b", "sim", "--runs", "2000", "--time", "0.2", "--jobs", "1"]
    j, root, tap = report(tornpage, tmp_path, *args, status=0)
    assert j["complete"] and any(r["not_begun"] for r in j["results"])
    assert root.get("errors") == "0" and "Bail out!" not in tap and "# incomplete" not in tap


# ---- JSON ----


def page():
    """What JSON.md describes: {"run": {"": {key: type}, "results": {...}}, "explore": ..., "bench": ...}."""
    found, command, part = {}, None, None
    for line in (ROOT / "harness/report/JSON.md").read_text().splitlines():
        if line.startswith("## "):
            command, part = line[3:], ""
            found[command] = {"": {}}
        elif line.startswith("### "):
            part = line[4:]
            found[command][part] = {}
        elif row := re.match(r"\| `(\w+)` \| (\w+) \| \S", line):
            assert row[1] not in found[command][part]
            found[command][part][row[1]] = row[2]
    found["explore"]["epochs"] = found["run"]["epochs"]
    return found


TYPES = {"string": str, "integer": int, "real": float, "boolean": bool, "array": list}


def check_keys(value, described, part, seen):
    """Each key of the object is described with its type, and the other way round. `seen` collects the parts that there were."""
    seen.add(part)
    assert set(value) == set(described[part]), part
    for key, item in value.items():
        assert item is None and part == "benches" or type(item) is TYPES[described[part][key]], (part, key, item)
        for one in item if isinstance(item, list) else []:
            if isinstance(one, dict):
                check_keys(one, described, key, seen)
            else:
                assert isinstance(one, str), (part, key)


def test_each_key_of_a_run_is_described_and_each_described_key_is_there(tornpage, scenarios, tmp_path):
    j, _, _ = report(tornpage, tmp_path, scenarios, *CANARY, "-b", "dir", status=1)
    seen = set()
    check_keys(j, page()["run"], "", seen)
    assert seen == {"", "results", "defects"}


@needs_root
def test_each_key_of_an_epoch_is_described(tornpage, tmp_path):
    j, _, _ = report(tornpage, tmp_path, "sync/msync-whole", "-b", "loop:fs=ext4,disk=ignore-flush", "--crash", "power", status=1)
    seen = set()
    check_keys(j, page()["run"], "", seen)
    assert seen == set(page()["run"])


@needs_root
def test_each_key_of_explore_is_described(tornpage, tmp_path):
    done = tornpage("run", "sync/msync-whole", "-b", "loop:fs=ext4", "--crash", "power", "--log", "logs")
    assert done.returncode == 0, done.stdout
    log = next((tmp_path / "logs").glob("*.log"))
    args = ["--log", log, "--base", log.with_suffix(".base"), "--fs", "ext4", "--check", "exit 3", "--states", "20"]
    done = tornpage("explore", *args, "--json", "out.json")
    assert done.returncode == 1, done.stderr
    seen = set()
    check_keys(json.loads((tmp_path / "out.json").read_text()), page()["explore"], "", seen)
    assert seen == {"", "epochs", "violations"}


def test_each_key_of_bench_is_described(tornpage):
    done = tornpage("bench", "sim", "--seconds", "0.1", "--rounds", "1", "--json", "-")
    seen = set()
    check_keys(json.loads(done.stdout), page()["bench"], "", seen)
    assert seen == {"", "benches"}


def test_a_defect_is_told_in_its_parts(tornpage, scenarios, tmp_path):
    j, _, _ = report(tornpage, tmp_path, "t/store-msync", *CANARY, "--crash", "power", status=1)
    (result,) = j["results"]
    first = result["defects"][0]
    finding = json.loads((tmp_path / first["finding"]).read_text())
    saved = finding["defects"][0]
    assert result["reason"] == "" and first["finding"] in result["findings"]
    for key in ("kind", "rule", "surprise", "path", "offset", "length", "text"):
        assert first[key] == saved[key], key
    assert first["step"] == saved["step"] + 1
    lines = finding["text"].splitlines()
    assert lines[first["line"] - 1] == first["action"] if first["step"] else first["action"] == ""
    assert {"kind": "lost", "rule": "C1", "path": "f"}.items() <= first.items()


@needs_root
def test_a_defect_on_a_disk_tells_the_crash_state(tornpage, tmp_path):
    j, _, _ = report(tornpage, tmp_path, "sync/msync-whole", "-b", "loop:fs=ext4,disk=ignore-flush", "--crash", "power", status=1)
    first = j["results"][0]["defects"][0]
    finding = json.loads((tmp_path / first["finding"]).read_text())
    assert re.match(r"judged at position \d+; cut at \d+", first["state"]) and first["state"] == finding["state"][:500]


@needs_root
def test_a_refused_mount_tells_what_kernel_and_checker_say(tornpage, tmp_path):
    j, _, tap = report(tornpage, tmp_path, "known/many-links", "-b", "loop:fs=xfs", "--crash", "power", status=0)
    (refused,) = [d for d in j["results"][0]["defects"] if d["kind"] == "cannot mount"]
    assert re.match(r"(kernel|fsck): ", refused["refusal"]) and refused["refusal"].splitlines()[0] in tap
    assert all(d["refusal"] == "" for d in j["results"][0]["defects"] if d != refused)


def test_results_without_defects_have_none(tornpage, scenarios, tmp_path):
    j, _, _ = report(tornpage, tmp_path, scenarios, "-b", "sim", "--runs", "50", status=0)
    assert [r["defects"] for r in j["results"]] == [[]] * 4
