# SPDX-License-Identifier: GPL-2.0-only
"""The order of a paired run, its sides, and runs of two fake builds."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import compare as compare_script
import pytest
from conftest import ROOT, Builder, Ran, SmallDisk
from ioptlib import (comparing, comparison, cover, paired, results, runner,
                     sides)
from ioptlib.console import Console
from ioptlib.paired import NEW, NULL, OLD
from ioptlib.sides import Side, Workshop

CASES = {"map": ["map/size:4K", "map/size:2M", "map/size:1G"],
         "limit": ["limit/count:1"]}


@pytest.mark.parametrize("arms", [(OLD, NEW), (OLD, NEW, NULL)])
@pytest.mark.parametrize("stage", [1, 2])
def test_blocks_go_there_and_back(arms: tuple[str, ...], stage: int) -> None:
    jobs = paired.plan_stage(CASES, arms, stage, 12, seed=3)
    assert len(jobs) == 2 * 12 * len(arms)
    blocks: dict[tuple[int, str], list[paired.Job]] = {}
    for job in jobs:
        blocks.setdefault((job.block, job.family), []).append(job)
    assert len(blocks) == 12
    firsts: dict[str, Counter[str]] = {}
    for (_, family), block in blocks.items():
        order = [job.arm for job in block]
        assert order == order[::-1], "ABBA or BAAB"
        assert set(order[:len(arms)]) == set(arms)
        assert len({job.order for job in block}) == 1, "the same cases"
        assert len({job.seed for job in block}) == 1
        firsts.setdefault(family, Counter())[order[0]] += 1
        pairs = Counter((job.round, job.arm) for job in block)
        assert set(pairs.values()) == {1}
    for counter in firsts.values():
        assert set(counter.values()) == {6 // len(arms)}, \
            "each arm is first equally often"
    # Both halves of a block follow on each other.
    assert [key for key in dict.fromkeys((j.block, j.family) for j in jobs)
            ] == [(j.block, j.family) for j in jobs[::2 * len(arms)]]


def test_both_orders_occur_and_come_from_the_seed() -> None:
    def firsts(seed: int) -> list[str]:
        jobs = paired.plan_stage({"map": CASES["map"]}, (OLD, NEW), 1, 20,
                                 seed)
        return [job.arm for job in jobs[::4]]
    assert set(firsts(1)) == {OLD, NEW}
    assert firsts(1) == firsts(1)
    assert len({tuple(firsts(seed)) for seed in range(8)}) > 1


def test_stage_two_is_reversed() -> None:
    one = paired.plan_stage(CASES, (OLD, NEW), 1, 10, seed=9)
    two = paired.plan_stage(CASES, (OLD, NEW), 2, 10, seed=9)
    assert [(j.family, j.round, j.arm) for j in two] == \
        [(j.family, j.round, j.arm) for j in one][::-1]
    assert [j.order for j in two] == [j.order[::-1] for j in one][::-1]


def test_an_odd_number_of_pairs() -> None:
    jobs = paired.plan_stage(CASES, (OLD, NEW), 1, 7, seed=1)
    assert Counter(j.round for j in jobs if j.family == "map") == \
        dict.fromkeys(range(7), 2)


def row(real: float, n: float, blocks: float = 5.0) -> results.Row:
    return {"real_time": real, "block_n": n, "blocks": blocks}


def test_counts_are_those_of_the_slower() -> None:
    assert paired.agree(row(10, 900, 50), row(100, 90, 20)) == \
        paired.Count(90, 20)
    assert paired.agree(row(100, 90, 20), row(10, 900, 50)) == \
        paired.Count(90, 20)
    # The faster one cannot prepare as many.
    assert paired.agree(row(100, 90, 20), row(10, 40, 50)) == \
        paired.Count(40, 20)
    assert paired.agree(row(1, 1), {"real_time": 1}) is None


def test_pairing_up_engines_and_builds() -> None:
    old, new = Side("a", "x", "lpae-6.12"), Side("b", "x", "lpae-7.3")
    names = [f"map/engine:{e}/size:{s}" for e in ("lpae-6.12", "lpae-7.3")
             for s in ("4K", "2M")] + ["limit/count:1"]
    pairs, only_old, only_new = sides.pair_up(
        old, [n for n in names if old.has(n)],
        new, [n for n in names if new.has(n)][:1])
    assert pairs == {"map/size:4K": ("map/engine:lpae-6.12/size:4K",
                                     "map/engine:lpae-7.3/size:4K")}
    assert only_old == ["map/engine:lpae-6.12/size:2M"] and not only_new
    build = Side("c", "x")
    assert sides.pair_up(build, names, build, names)[0] == \
        {n: (n, n) for n in names}


def test_same_work_is_known() -> None:
    side = Side("a", "x", "lpae-7.3", code="1")
    assert side.is_same_work(Side("b", "y", "lpae-7.3", code="1"))
    assert not side.is_same_work(Side("b", "y", "lpae-6.12", code="1"))
    assert not side.is_same_work(Side("b", "y", "lpae-7.3", code="2"))
    assert not Side("a", "x").is_same_work(Side("a", "x")), "unknown code"


def compiled(tree: Path, source: str) -> str:
    """The digest of a build of a tree with this one source."""
    (tree / "src/a").mkdir(parents=True, exist_ok=True)
    (tree / "src/a/x.c").write_text(source)
    folder = tree / "build/src/a/liba.a.p"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-g", "-O2", f'-DDIR="{tree}/data"', "-c",
                    str(tree / "src/a/x.c"), "-o", str(folder / "x.c.o")],
                   check=True)
    bench = tree / "build/bench/iopt-bench"
    bench.parent.mkdir(parents=True, exist_ok=True)
    bench.write_text(str(tree))
    return sides.code_digest(bench)


def test_the_same_code_in_two_trees_is_known(tmp_path: Path) -> None:
    plain, again, longer = (
        "int f(int x) { return 3 * x; }\n",
        "/* comment */\nint f(int x)\n{\n\treturn 3 * x;\n}\n",
        'const char *f(void) { return DIR; }\n')
    one, two = tmp_path / "one", tmp_path / "another-tree"
    assert compiled(one, plain) == compiled(two, again)
    assert compiled(one, longer) == compiled(two, longer)
    assert compiled(one, longer) != compiled(two, plain)
    assert compiled(one, plain) != compiled(
        two, plain.replace("3", "5")), "other code"


# Fake builds ----------------------------------------------------------------

Compare = Callable[..., Ran]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
            capsys: pytest.CaptureFixture[str]) -> Compare:
    """Runs compare.py on these words, its files under results/."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, **environ: str) -> Ran:
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        capsys.readouterr()
        results_dir = tmp_path / "results"
        try:
            code = compare_script.main(["--results", str(results_dir),
                                        "--profile", "none", *args])
        except SystemExit as error:
            code = int(error.code or 0)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err, results_dir)
    return run


def saved(ran: Ran) -> dict[str, Any]:
    [path] = ran.directory.glob("*/compare/*.json")
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def test_a_slower_build(build: Builder, compare: Compare) -> None:
    ran = compare(str(build("a")), str(build("b", FACTOR=1.05)), "--filter",
                  "^limit", "--seed", "4", "--reps", "6")
    assert ran.code == 3, ran.err
    assert "2 timed: 2 slower, 0 faster" in ran.out
    assert "n=6 ABBA pairs, suspects again with n=12" in ran.out
    document = saved(ran)
    info = document["context"][comparison.INFO]
    found = comparison.analyse(document)
    assert not found.doubts and not found.failures
    for line in found.lines:
        assert line.percent == pytest.approx(-5, abs=0.5)
        assert line.null_verdict == "same"
    # Both sides repeated alike: what the slower one found.
    counts = {(r["block_n"], r["blocks"]) for r in document["benchmarks"]
              if r["stage"]}
    assert counts == {(1000, 7)}
    assert len(document["benchmarks"]) == 2 * (2 + 3 * 6 + 3 * 12)
    for process in info["processes"]:
        assert process["failure"] == ""
        assert {"migrations", "switches", "preemptions", "steal_ticks",
                "cpu"} <= set(process)
    assert not list(ran.directory.glob("*/compare/spool-*"))
    told = [li for li in ran.err.splitlines() if li.startswith("stage 1")]
    assert 5 <= len(told) <= 10, "not a line a process"
    assert told[-1].endswith("100 % done, 0 s left")


def test_what_begins_cold_has_a_larger_floor(build: Builder,
                                              compare: Compare) -> None:
    ran = compare(str(build("a")), str(build("b", FACTOR=1.015)), "--filter",
                  "^limit", "--seed", "4", "--reps", "6")
    assert ran.code == 3, ran.err
    text = json.dumps(saved(ran))
    for cache, words in (("warm", {"slower"}), ("cold", {"same"})):
        found = comparison.analyse(json.loads(
            text.replace("/count:", f"/cache:{cache}/count:")))
        assert {line.verdict for line in found.lines} == words


def test_what_is_doubtful_is_told(build: Builder, compare: Compare) -> None:
    """By who looks round, which those that take turns do not."""
    ran = compare(str(build("a")), str(build("b", FACTOR=1.05)), "--filter",
                  "^limit", "--seed", "4", "--reps", "6",
                  FAKE_DOUBT="CPU 1 was 80 % busy. Stop that.", FAKE_HOT="1")
    assert ran.code == 3
    assert ran.err.count(
        "\ncompare: doubtful: The CPU was throttled while measuring, ") == 1
    assert ran.err.splitlines().count(
        "compare: doubtful: CPU 1 was 80 % busy. Stop that.") == 1


def test_more_work_and_missing_cases(build: Builder,
                                     compare: Compare) -> None:
    ran = compare(str(build("a", WITHOUT="count:1$")),
                  str(build("b", EXTRA=1, WITHOUT="granule:4K/count:256$")),
                  "--filter", "^limit|engine:lpae-7.3/.*size:4K", "--family",
                  "limit", "--family", "map", "--seed", "4", "--reps", "2")
    assert ran.code == 3, ran.err
    assert "only in old: limit/op:fill/granule:4K/count:256" in ran.out
    assert "only in new: limit/op:fill/granule:4K/count:1" in ran.out
    assert re.search(r"exact/op.*: pte_writes \d+->\d+ ", ran.out)
    assert "fewer than 6 pairs have no interval" in ran.err


def test_two_engines(build: Builder, compare: Compare) -> None:
    ran = compare("lpae-6.12", "lpae-7.3", "--bench",
                  str(build("a") / "iopt-bench"), "--filter", "size:2M",
                  "--family", "map", "--seed", "4", "--reps", "2")
    assert "old = lpae-6.12, new = lpae-7.3" in ran.out, ran.err
    document = saved(ran)
    keys = {case["key"] for case in document["context"][comparison.INFO]
            ["cases"]}
    assert keys == {f"map/granule:4K/size:2M/count:{n}/cache:warm/"
                    "walker:coherent" for n in (1, 256)}


def test_identical_code_is_not_timed(build: Builder,
                                     compare: Compare) -> None:
    ran = compare(str(build("a")), str(build("b")), "--filter", "^limit")
    assert ran.code == 0, ran.err
    assert "The measured object code of both sides is identical" in ran.out
    assert "2 counted: 0 worse" in ran.out
    assert not saved(ran)["benchmarks"]


def test_other_libraries_are_not_compared(
        build: Builder, compare: Compare) -> None:
    """Known before anything is timed; nothing is left."""
    ran = compare(str(build("a")), str(build("b", LIBRARY="1.9.0")),
                  "--filter", "^limit", FAKE_CASE_S="1")
    assert ran.code == 4, ran.err
    assert ran.err.splitlines()[-1] == \
        "compare: other library: libbenchmark is '1.7.1' in old and " \
        "'1.9.0' in new; nothing was timed"
    assert not ran.out and "stage 1" not in ran.err
    assert not list(ran.directory.glob("*/compare/*"))


def test_a_crash_is_told(build: Builder, compare: Compare) -> None:
    ran = compare(str(build("a")), str(build("b", FACTOR=1.2)), "--filter",
                  "^limit", "--reps", "2", FAKE_FAULT="crash:limit:1")
    assert ran.code == 1, ran.err
    assert "FAILED limit, stage 1, pair 2, old: iopt-bench killed by " \
        "SIGSEGV" in ran.err
    assert list(ran.directory.glob("*/compare/spool-*"))


def turns_in(path: Path) -> list[tuple[str, str, str]]:
    """Process, turn and case, in the order in which they had their turns."""
    words = [tuple(line.split()) for line in path.read_text().splitlines()]
    return [(pid, turn, case) for pid, turn, case in words]


def test_processes_of_a_pair_take_turns(build: Builder, compare: Compare,
                                        tmp_path: Path) -> None:
    """One after the other, each as often, case by case."""
    watch = tmp_path / "watch"
    ran = compare(str(build("a")), str(build("b", FACTOR=1.2)),
                  "--filter", "^limit", "--reps", "6", "--seed", "4",
                  FAKE_WATCH=str(watch))
    assert ran.code == 3, ran.err
    seen = turns_in(watch)
    pids = list(dict.fromkeys(pid for pid, _, _ in seen))
    # Stage one and two of 6 and 12 pairs, three arms each.
    assert len(pids) == 3 * (6 + 12)
    for i in range(0, len(pids), 3):
        ring = pids[i:i + 3]
        of_ring = [(pid, case) for pid, _, case in seen if pid in ring]
        assert len(of_ring) == 3 * 3 * 2
        for j in range(0, len(of_ring), 3):
            now = of_ring[j:j + 3]
            assert {pid for pid, _ in now} == set(ring), "each has its turn"
            assert len({case for _, case in now}) == 1, "of the same case"
    rows = [r for r in saved(ran)["benchmarks"] if r["stage"]]
    assert {len(r["turn_min_ns"]) for r in rows} == {2}


def disturbed(document: dict[str, Any], key: str, factor: float, side: str,
              *stages: int, every: int = 1) -> dict[str, Any]:
    """A copy in which each so manyth pair of a side took longer."""
    made: dict[str, Any] = json.loads(json.dumps(document))
    for r in made["benchmarks"]:
        if r["name"].endswith(f"side:{side}") and r["stage"] in stages \
                and r["repetition_index"] % every == 0:
            r[key] = [ns * factor for ns in r[key]] \
                if isinstance(r[key], list) else r[key] * factor
    return made


def test_turns_decide(build: Builder, compare: Compare) -> None:
    """A process that was slow as a whole is not slower turn by turn, though
    its minima are; and stage two alone is no reason for the null arm to
    fire."""
    ran = compare(str(build("a")), str(build("b", FACTOR=1.05)), "--filter",
                  "^limit.*count:1$", "--seed", "4", "--reps", "6")
    document = saved(ran)
    slow = disturbed(document, "block_min_ns", 1.5, OLD, 1, 2, every=2)
    [line] = comparison.analyse(slow).lines
    assert line.verdict == "slower"
    assert line.percent_pairs == pytest.approx(-5, abs=0.5)
    # Of the minima half are 1.5, half 1: (1.25 - 1.05) / 1.25.
    assert line.percent == pytest.approx(16, abs=0.5)
    assert line.is_beside_pairs
    for r in slow["benchmarks"]:
        r.pop("turn_min_ns", None)
    [line] = comparison.analyse(slow).lines
    assert line.verdict == "unresolved"
    [line] = comparison.analyse(
        disturbed(document, "turn_min_ns", 1.05, NULL, 2)).lines
    assert line.verdict == "slower" and line.null_verdict == "same"
    [line] = comparison.analyse(
        disturbed(document, "turn_min_ns", 1.05, NULL, 1, 2)).lines
    assert line.verdict == "unresolved" and line.null_verdict == "slower"


@pytest.mark.parametrize("nr_turns", [0, 3])
def test_builds_that_take_other_turns(build: Builder, compare: Compare,
                                      nr_turns: int) -> None:
    """One that knows of none runs to its end in its first; and so do all
    where there are none."""
    words = [str(build("a", TURNS=nr_turns)), str(build("b", FACTOR=1.2)),
             "--filter", "^limit", "--reps", "6", "--seed", "4"]
    ran = compare(*words)
    assert ran.code == 3, ran.err
    assert "2 slower" in ran.out
    for path in ran.directory.glob("*/compare/*"):
        path.unlink()
    alone = compare(*words, "--no-turns")
    assert alone.code == 3, alone.err
    assert not any("turn_min_ns" in r for r in saved(alone)["benchmarks"])


def test_others_go_on_when_one_hangs(build: Builder, compare: Compare,
                                     monkeypatch: pytest.MonkeyPatch) \
        -> None:
    made = paired.Design.__init__

    def impatient(self: Any, *args: Any, **more: Any) -> None:
        made(self, *args, **{**more, "stall_s": 1.0})
    monkeypatch.setattr(paired.Design, "__init__", impatient)
    ran = compare(str(build("a")), str(build("b", FACTOR=1.2)), "--filter",
                  "^limit", "--reps", "6", "--seed", "4", "--no-null",
                  FAKE_FAULT="hang:limit:1")
    assert "FAILED limit, stage 1, pair 2, old: no progress for 1" in ran.err
    rounds = {r["repetition_index"] for r in saved(ran)["benchmarks"]
              if r["stage"] == 1}
    assert {0, 2, 3, 4, 5} <= rounds


def test_who_waits_for_a_turn_is_interrupted(build: Builder,
                                             tmp_path: Path) -> None:
    """Ctrl-C ends them all, also those that sleep."""
    with subprocess.Popen(
            [sys.executable, str(ROOT / "scripts/compare.py"), "--results",
             str(tmp_path / "results"), str(build("a")),
             str(build("b", FACTOR=1.2)), "--filter", "^limit", "--reps",
             "6", "--profile", "none"], text=True, cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, FAKE_CASE_S="0.2",
                     FAKE_WATCH=str(tmp_path / "watch"))) as p:
        while not (tmp_path / "watch").exists():
            assert p.poll() is None
            time.sleep(0.02)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=30)
    assert p.returncode == 130, err
    left = {pid for pid, _, _ in turns_in(tmp_path / "watch")
            if Path(f"/proc/{pid}").exists()}
    assert not left


def test_both_sides_have_tables_on_the_node(build: Builder,
                                            compare: Compare) -> None:
    words = [str(build("a")), str(build("b", FACTOR=1.2)), "--filter",
             "^limit", "--reps", "6"]
    ran = compare(*words, "--node", "9")
    assert ran.code == 2
    assert "node 9 cannot be used" in ran.err
    assert compare(*words, "--node", "0", "--out", "out").code == 3


def test_interrupt_and_resume(build: Builder, compare: Compare,
                              tmp_path: Path) -> None:
    words = [str(build("a")), str(build("b", FACTOR=1.2)), "--filter",
             "^limit.*count:1$", "--reps", "6", "--seed", "4",
             "--profile", "none"]
    with subprocess.Popen(
            [sys.executable, str(ROOT / "scripts/compare.py"), "--results",
             str(tmp_path / "results"), *words], text=True, cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, FAKE_CASE_S="0.03")) as p:
        while len(list(tmp_path.glob(
                "results/*/compare/spool-*/stage1*.meta"))) < 7:
            assert p.poll() is None
            time.sleep(0.02)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=30)
    assert p.returncode == 130, err
    assert "incomplete: interrupted by SIGINT" in err
    [spool] = tmp_path.glob("results/*/compare/spool-*")
    kept = {path.name: path.read_bytes() for path in spool.glob("stage1-00*")}
    merged = compare("--merge", str(spool))
    assert merged.code == 4 and spool.exists(), merged.err
    resumed = compare("--resume", str(spool))
    assert resumed.code == 3, resumed.err
    assert not spool.exists()
    document = saved(resumed)
    rounds = Counter(r["repetition_index"] for r in document["benchmarks"]
                     if r["stage"] == 1)
    assert rounds == dict.fromkeys(range(6), 3)
    # What was measured before the interrupt is what counts.
    first = json.loads(kept["stage1-00-limit-0-old.json"
                            if "stage1-00-limit-0-old.json" in kept else
                            sorted(n for n in kept if n.endswith(".json"))
                            [0]])
    times = {r["real_time"] for r in document["benchmarks"]}
    assert {r["real_time"] for r in first["benchmarks"]} <= times


def test_full_disk(build: Builder, compare: Compare,
                   disk: SmallDisk) -> None:
    """It says how to go on, and that goes on."""
    disk.mount("128k")
    ran = compare(str(build("a")), str(build("b", FACTOR=1.2)), "--filter",
                  "^limit", "--reps", "6", "--seed", "4")
    assert ran.code == 1, ran.err
    [spool] = disk.path.glob("*/compare/spool-*")
    [said] = [li for li in ran.err.splitlines() if "cannot write" in li]
    assert "No space left on device" in said
    assert f"scripts/compare.py --resume {spool}" in said
    assert not list(disk.path.glob("*/compare/*.json"))
    kept = {path: path.read_text("utf-8") for path in spool.glob("*.meta")}
    assert len(kept) > 4
    disk.grow()
    resumed = compare("--resume", str(spool))
    assert resumed.code == 3, resumed.err
    assert "2 timed: 2 slower, 0 faster" in resumed.out
    assert not spool.exists()
    cpu_s = [process["cpu_s"] for process in
             saved(resumed)["context"][comparison.INFO]["processes"]]
    assert {json.loads(text)["cpu_s"] for path, text in kept.items()
            if path.name.startswith("calibration")} <= set(cpu_s)


@pytest.mark.parametrize("words,said", [
    (("nothing-of-this-name", "HEAD"), "'nothing-of-this-name' is neither"),
    (("--reps", "2"), "OLD and NEW are wanted"),
    (("old.json", "new.json"), "there is no such file"),
    (("--merge", "/nonexistent"), "is no spool of a comparison"),
    (("/", "/"), "is no iopt-bench, and holds none"),
])
def test_usage(compare: Compare, words: tuple[str, ...],
               said: str) -> None:
    ran = compare(*words)
    assert ran.code == 2
    assert said in ran.err and "Traceback" not in ran.err


def test_nothing_in_common(build: Builder,
                           compare: Compare) -> None:
    ran = compare(str(build("a")), str(build("b", EXTRA=1)), "--filter",
                  "no_such_case")
    assert ran.code == 2
    assert "no case is on both sides: a has 0, b has 0" in ran.err


def test_old_builds_without_plans_are_refused(
        tmp_path: Path, compare: Compare) -> None:
    old = tmp_path / "iopt-bench"
    old.write_text("#!/bin/sh\necho usage\n")
    old.chmod(0o755)
    ran = compare(str(old), str(old))
    assert ran.code == 2
    assert "has no --plan" in ran.err


def test_a_revision_is_built_once(tmp_path: Path) -> None:
    """In a repository of its own, whose build copies the fake."""
    root = tmp_path / "suite"
    (root / "scripts").mkdir(parents=True)
    script = root / "scripts/build"
    script.write_text("#!/bin/sh\nmkdir -p build/bench && cp fake "
                      "build/bench/iopt-bench && echo >>built\n")
    script.chmod(0o755)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c",
           "user.email=a@example.org"]
    (root / "fake").write_text("#!/bin/sh\necho --plan\n")
    (root / "fake").chmod(0o755)
    (root / ".gitignore").write_text("/build/\nbuilt\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    said: list[str] = []
    shop = Workshop(root, root / "build/bench/iopt-bench", say=said.append)
    first = sides.resolve("HEAD", shop)
    again = sides.resolve("HEAD", shop)
    assert first == again
    assert first.bench.startswith(str(root / "build/revisions/"))
    assert len(said) == 1 and "building revision" in said[0]
    (root / "fake").write_text("#!/bin/sh\nexit 1\n")
    script.write_text("#!/bin/sh\necho no compiler >&2\nexit 1\n")
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    with pytest.raises(sides.BadSide, match="does not build:\nno compiler"):
        sides.resolve("HEAD", shop)
    with pytest.raises(sides.BadSide, match="is neither"):
        sides.resolve("v99", shop)


@pytest.mark.parametrize("kernel,word,spec", [
    ("", "debian:6.12", "debian:6.12"),
    ("/linux", "v6.12", "/linux:v6.12"),
    ("", "linux-6.12.tar.xz", "linux-6.12.tar.xz"),
    ("", "kernel-mine", ""), ("", "lpae-7.3", None),
])
def test_linux_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                     build: Builder, kernel: str, word: str,
                     spec: str | None) -> None:
    """What a word builds; "" is built already, None is no Linux tree."""
    info = SimpleNamespace(
        label="mine", version="6.12", revision="r1", digest="d", rule="6.12",
        cc="gcc", cflags="-O2", features="", module="/m/kernel.so")
    asked: list[list[str]] = []

    def build_all(root: Path, out: Path, specs: list[str]) -> list[Any]:
        asked.append(specs)
        return [info]
    monkeypatch.setattr(sides.kernel_build, "build_all", build_all)
    monkeypatch.setattr(sides.kernel_build, "built", lambda out: [info])
    monkeypatch.setattr(sides, "_run_git", lambda root, *args: "abc")
    shop = Workshop(tmp_path, build("a") / "iopt-bench", kernel)
    side = sides.kernel_side(word, shop)
    assert asked == ([[spec]] if spec else [])
    if spec is None:
        assert side is None
        return
    assert side is not None and side.engine == "kernel-mine"
    assert side.command("--list") == [str(shop.bench), "--kernel",
                                      "/m/kernel.so", "--list"]
    assert side.revision == "Linux 6.12 r1"
    again = sides.kernel_side(word, shop)
    assert again is not None and side.is_same_work(again)


def test_teardown_counts_by_profile() -> None:
    """Each profile's own, none in place of another's."""
    classes = dict.fromkeys(("nr_unmaps", "nr_ranges_dma", "nr_commands",
                             "unpin_ps"), "exact")
    plain = {"name": "teardown/vm:1G", "nr_unmaps": 8.0, "nr_ranges_dma": 3.0}
    found = comparison.exact_of(plain, classes)
    for profile, nr in (("noril", 12339.0), ("ril", 34.0)):
        found.update(comparison.exact_of(
            {"name": f"teardown/vm:1G/tlbi:{profile}", "nr_commands": nr,
             "unpin_ps": 5.0, "sim_ps": nr, "nr_ranges": 1.0}, classes,
            profile))
    assert found == {
        "nr_unmaps": 8, "nr_ranges_dma": 3,
        "nr_commands@noril": 12339, "unpin_ps@noril": 5,
        "sim_ps@noril": 12339, "nr_ranges@noril": 1,
        "nr_commands@ril": 34, "unpin_ps@ril": 5, "sim_ps@ril": 34,
        "nr_ranges@ril": 1}
    unit = {"name": "tlbi/unit:smmuv2", "nr_commands": 16.0}
    assert comparison.exact_of(unit, classes) == {"nr_commands": 16}
    assert comparison.exact_of(unit, classes, "smmuv2") == {"nr_commands": 16}


def test_ledger_counters_are_told_apart() -> None:
    classes = {"pte_writes": "exact", "tlbi_nh_va": "exact",
               "sim_ps": "exact", "block_min_ns": "noisy"}
    made = {"name": "x", "pte_writes": 3.0, "tlbi_nh_va": 2.0,
            "sim_ps": 5.0, "block_min_ns": 7.0, "real_time": 1.0}
    assert comparison.exact_of(made, classes, "p") == {
        "pte_writes": 3, "tlbi_nh_va@p": 2, "sim_ps@p": 5}
    assert comparison.with_totals({"tlbi_nh_va@p": 2, "tlbi_nh_asid@p": 1}) \
        == {"tlbi_nh_va@p": 2, "tlbi_nh_asid@p": 1, "tlbi@p": 3}


def test_the_budget_ends_stage_two(build: Builder, tmp_path: Path) -> None:
    old, new = (Side(n, str(build(n, FACTOR=f) / "iopt-bench"))
                for n, f in (("a", 1.0), ("b", 1.2)))
    selection = comparing.select(old, new, ["--filter", "^limit"])
    design = paired.Design(old, new, selection.pairs, 5, 6, 12,
                           budget_s=0.01)
    spool = runner.Spool(tmp_path / "spool")
    paired.write_design(spool, design, {})
    with runner.Interrupt() as interrupt:
        session = comparing.session_of(design, spool, Console(), interrupt)
        document = comparing.carry_out(session, {})
    found = comparison.analyse(document)
    assert "stage two had time for 0 pairs of 12" in found.doubts[-1]
    assert {line.verdict for line in found.lines} == {"unresolved"}
    assert found.exit_code == 4


@pytest.mark.parametrize("fault", ["nothing:limit:*", "nothing:limit:ledger",
                                   "nothing:limit:1"])
def test_a_process_that_leaves_nothing_is_told(
        build: Builder, compare: Compare, fault: str) -> None:
    """As one that dies before it opens its output."""
    ran = compare(str(build("a")), str(build("b", FACTOR=1.001)), "--filter",
                  "^limit", "--reps", "6", "--seed", "4", FAKE_FAULT=fault)
    assert ran.code == 1, ran.out
    assert re.search("^FAILED limit, .*(No such file|no output)", ran.err,
                     re.MULTILINE), ran.err
    assert list(ran.directory.glob("*/compare/spool-*"))


def test_a_failure_that_was_mended_is_not_told(
        build: Builder, compare: Compare,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """By --resume, which runs again what left nothing."""
    ran = compare(str(build("a")), str(build("b", FACTOR=1.001)), "--filter",
                  "^limit", "--reps", "6", "--seed", "4",
                  FAKE_FAULT="nothing:limit:1")
    [spool] = ran.directory.glob("*/compare/spool-*")
    monkeypatch.delenv("FAKE_FAULT")
    resumed = compare("--resume", str(spool))
    assert resumed.code == 0, resumed.err
    assert "FAILED" not in resumed.err and not spool.exists()


def test_what_was_built_anew_is_not_gone_on_with(
        build: Builder, compare: Compare) -> None:
    other = build("b", FACTOR=1.001)
    ran = compare(str(build("a")), str(other), "--filter", "^limit",
                  "--reps", "6", "--seed", "4", FAKE_FAULT="nothing:limit:1")
    [spool] = ran.directory.glob("*/compare/spool-*")
    program = other / "iopt-bench"
    program.write_text(program.read_text("utf-8").replace(
        "FACTOR = 1.001", "FACTOR = 1.5"), "utf-8")
    resumed = compare("--resume", str(spool))
    assert resumed.code == 2, resumed.out
    assert "b was built anew since this comparison began" in resumed.err
    assert spool.exists()
    assert compare("--merge", str(spool)).code in (1, 4)


def test_a_copy_beside_a_build_is_another_program(tmp_path: Path) -> None:
    """Kept from before the last build, by hand."""
    source = "int f(int x) { return 3 * x; }\n"
    digest = compiled(tmp_path, source)
    bench = tmp_path / "build/bench/iopt-bench"
    copy = bench.with_name("iopt-bench.old")
    copy.write_text("what it was before")
    assert sides.code_digest(copy) not in ("", digest)
    assert sides.code_digest(bench) == digest
    # Compiled, but not linked: the program is not what its objects are.
    os.utime(bench, (1, 1))
    assert sides.code_digest(bench) not in ("", digest)


def test_a_copy_of_a_build_far_away(tmp_path: Path) -> None:
    """By another name or a link, the program that it names counts."""
    digest = compiled(tmp_path, "int f(int x) { return 3 * x; }\n")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "build/bench/iopt-bench")
    assert sides.code_digest(link) == digest


@pytest.mark.parametrize("suffix", ["csv", "junit", "markdown", "lava"])
def test_nothing_is_behind_what_a_program_reads(
        build: Builder, compare: Compare, suffix: str) -> None:
    ran = compare(str(build("a")), str(build("b", FACTOR=1.2)), "--filter",
                  "^limit", "--reps", "2", "--seed", "4", "--format", suffix)
    assert "comparison in " in ran.err
    assert "comparison in " not in ran.out
    assert ran.out.startswith(
        {"csv": "kind,", "junit": "<?xml", "markdown": "", "lava": "<LAVA"}
        [suffix])


def suspects_at(nr_pairs: int, ratio: float) -> dict[str, Any]:
    """Stage one of ten pairs, stage two of some, of two cases; a third one
    is the same."""
    keys = ["map/count:1", "map/count:2", "limit/count:1"]

    def row_of(key: str, side: str, stage: int, pair: int,
               nr: int) -> results.Row:
        ns = 100.0 + pair / 100
        if side == NEW and key.startswith("map"):
            ns *= ratio
        return comparison.stage_row(
            {"name": key, "run_name": key, "run_type": "iteration",
             "iterations": 1, "real_time": ns, "cpu_time": ns,
             "time_unit": "ns", "label": "ok", "block_min_ns": ns},
            key, side, stage, pair, nr)
    rows = [row_of(key, side, stage, pair, nr)
            for key in keys for stage, nr in ((1, 10), (2, nr_pairs))
            for pair in range(nr) for side in (OLD, NEW)
            if stage == 1 or key.startswith("map")]
    side = {"label": "x", "revision": "y", "context": {}}
    return {"context": {comparison.INFO: {
        "kind": comparison.PAIRED, "floor": 0.01, "has_null": False,
        "seed": 1, "profiles": [], OLD: side, NEW: side,
        "cases": [{"key": key} for key in keys], "counters": {}}},
        "benchmarks": rows}


def test_suspects_that_are_not_confirmed_are_named() -> None:
    """Six pairs of each of two say nothing that stands Holm's correction."""
    found = comparison.analyse(suspects_at(6, 1.5))
    assert [line.verdict for line in found.lines] == \
        ["unresolved", "unresolved", "same"]
    assert [line.is_unconfirmed for line in found.lines] == \
        [True, True, False]
    assert "(not confirmed, n=6)" in cover.render(found)
    assert "MDE" not in cover.render(found)
    confirmed = comparison.analyse(suspects_at(20, 1.5))
    assert [line.verdict for line in confirmed.lines] == \
        ["slower", "slower", "same"]
    assert not any(line.is_unconfirmed for line in confirmed.lines)


@pytest.mark.parametrize("nr_pairs,ratio,said", [
    (6, 1.5, "stage two had time for 6 pairs of 20, too few to confirm 2 "
             "suspects"),
    (4, 1.5, "stage two had time for 4 pairs of 20"),
    (18, 1.5, ""), (20, 1.5, "")])
def test_a_stage_two_cut_short(nr_pairs: int, ratio: float,
                               said: str) -> None:
    """It is no pass for suspects that it could not confirm."""
    side = Side("a", "x")
    design = paired.Design(side, side, (), 1)
    session = SimpleNamespace(design=design, incomplete="", started=0.0,
                              console=Console())
    documents = iter((suspects_at(0, ratio), suspects_at(nr_pairs, ratio)))

    def outputs(jobs: list[paired.Job], **_late: Any) -> list[Any]:
        return [(job, None) for job in jobs if job.round < nr_pairs]
    comparing._second_stage(session, outputs,  # type: ignore[arg-type]
                            lambda timing: next(documents), [])
    assert session.incomplete == said
