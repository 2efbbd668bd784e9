# SPDX-License-Identifier: GPL-2.0-only
"""Plans, lines and tables of live runs; what the scripts round iopt-live do
when it refuses, is interrupted, or is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ioptlib import live, live_fit, names, results
from ioptlib.live import BadLines, BadSize, Host, Run

GB, MB, KB = live.GB, live.MB, live.KB
ROOT = Path(__file__).resolve().parents[2]
HOST = Host(4 * KB, 20 * GB, (2 * MB, GB), True)
A, B, C = "live/size:a", "live/size:b", "live/size:c"
LAYOUT = {"ranges": [
    {"kind": "vram", "iova": 256 * MB, "size": 16 * MB, "offset": 0,
     "is_readonly": False},
    {"kind": "ram", "iova": GB, "size": GB, "offset": 0,
     "is_readonly": False},
    {"kind": "bar", "iova": 512 * GB, "size": 16 * GB, "offset": 0,
     "is_readonly": False}]}
GUEST = {"kind": "host", "device": "0000:01:00.0", "driver": "vfio-pci",
         "iommu": "smmu3.0x2b400000", "group": 7, "way": "type1",
         "kernel": "6.12.1-arm64", "machine": "aarch64", "page_bytes": 4096,
         "cpu": 3, "events": "yes"}


def rep(name: str, number: int, unmap_ns: int) -> dict[str, Any]:
    """A repetition of 64K."""
    return {"kind": "rep", "name": name, "rep": number, "map_ns": 900,
            "map_cpu_ns": 800, "map_bytes": 65536, "nr_map_ioctls": 1,
            "unmap_ns": unmap_ns, "unmap_cpu_ns": unmap_ns,
            "unmap_bytes": 65536, "nr_unmap_ioctls": 1}


def events(name: str, count: int) -> dict[str, Any]:
    """What the tracepoints said."""
    seen = {"nr": count, "bytes": 65536, "unmapped_bytes": 65536,
            "nr_lost": 0, "first_to_last_us": 4, "nr_of_size": {"4K": count}}
    return {"kind": "events", "name": name, "map_events": seen,
            "unmap_events": seen}


LINES = [GUEST, {"kind": "memory", "name": A, "bytes": 65536,
                 "nr_runs": 3}, rep(A, 0, 7000), rep(A, 1, 5000),
         rep(A, 2, 6000), events(A, 3),
         {"kind": "skip", "name": B, "reason": "no 1G page is free"},
         {"kind": "error", "name": C, "reason": "it is refused"},
         {"kind": "end", "outcome": "done"}]
PREDICTED = {"name": A, "map_cpu_ns": 100, "unmap_cpu_ns": 500,
             "nr_ioctls": 1, "nr_unmaps": 3, "nr_lookups": 16, "nr_addr": 1,
             "nr_context": 0, "nr_syncs": 1, "nr_pushes": 0, "bytes": 65536,
             "unpinned_bytes": 65536, "huge_bytes": 0, "page_bytes": 4096,
             "sim_ns": 354.0}


def as_text(lines: list[dict[str, Any]]) -> str:
    """As iopt-live writes them."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_a_plan_is_read_again() -> None:
    """Names are in the grammar, no two are equal, ranges rise."""
    rows = live.small_rows(HOST) + live.vm_rows({GB: LAYOUT}, HOST)
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        names.parse(row.name)
        assert len(row.name) < 96
        for low, high in zip(row.ranges, row.ranges[1:]):
            assert low.iova + low.size <= high.iova
        for range_ in row.ranges:
            assert (range_.iova | range_.size | range_.offset) % 4096 == 0
    backings = {row.backing for row in rows}
    assert backings == {"4K", "thp", "2M", "1G"}
    assert {row.way for row in rows} == {"range", "all"}
    machine = next(row for row in rows if "vm:1G" in row.name)
    assert machine.text == "live/vm:1G/backing:4K/way:range 4K range " \
        "0x40000000+1G@0"


def test_a_plan_tells_all_prices_apart() -> None:
    """Where each run is a page, and one command goes with each sync but for
    calls of many regions, only exec and context_exec stay held.
    """
    points = []
    for row in live.small_rows(HOST):
        size = sum(r.size for r in row.ranges)
        is_huge = row.backing != "4K"
        runs = len(row.ranges) if is_huge else size // 4096
        ioctls = 1.0 if row.way == "all" else float(len(row.ranges))
        syncs = float(sum(-(-r.size // (512 * 4096)) if not is_huge else 1
                          for r in row.ranges))
        counts = {"ioctl": ioctls, "call": float(runs), "sync": syncs,
                  "exec": syncs, "unpin_2m": size / (2 * MB) if is_huge else 0,
                  "unpin_4k": 0 if is_huge else size / 4096}
        points.append(live_fit.Point(row.name, 1000.0 + size / 1000, 0,
                                     counts))
    chosen = {key for key, price in live_fit.fit(points, {}).prices.items()
              if not price.held}
    assert {"ioctl", "sync", "unpin_4k", "unpin_2m"} <= chosen
    assert "exec" not in chosen and "context_exec" not in chosen


def test_sizes() -> None:
    """The machines that half of the memory holds, or those wanted."""
    assert live.vm_sizes(HOST) == [GB, 4 * GB]
    assert live.vm_sizes(HOST, [16 * GB, GB, GB]) == [GB, 16 * GB]
    assert live.size_bytes("64M") == 64 * MB and live.size_text(GB) == "1G"
    for bad in ("", "0", "4x", "-1G", "1.5G"):
        with pytest.raises(BadSize):
            live.size_bytes(bad)


@pytest.mark.parametrize("release, engine", [
    ("5.15.0", ("6.1", "lpae-6.1")), ("6.1.0-30-arm64", ("6.1", "lpae-6.1")),
    ("6.6.1", ("6.12", "lpae-6.12")), ("6.12.9", ("6.12", "lpae-6.12")),
    ("6.13.0-rc1", ("6.12", "lpae-nosplit")),
    ("6.18.2", ("6.12", "lpae-nosplit")), ("7.0.1", ("7.3", "lpae-7.3")),
])
def test_which_engine(release: str, engine: tuple[str, str]) -> None:
    """A kernel's driver by its release."""
    assert live.engine_of(release) == engine


def test_which_engine_of_nothing() -> None:
    """No release."""
    with pytest.raises(BadLines):
        live.engine_of("unknown")


def test_lines_become_a_run() -> None:
    """Also those of a run that was killed in the middle of a line."""
    run = live.parse_run(as_text(LINES))
    assert run.outcome == "done" and len(run.done) == 1
    assert run.rows[A].best("unmap_ns") == 5000
    assert run.rows[A].middle("unmap_ns") == 6000
    assert run.rows[B].skipped == "no 1G page is free"
    assert run.rows[C].error == "it is refused"
    cut = live.parse_run(as_text(LINES[:4]) + '{"kind":"re')
    assert cut.outcome == "broke off" and len(cut.rows[A].reps) == 2


@pytest.mark.parametrize("text", [
    '{"kind":"rep"\n{}\n', '[1]\n', '{"name":"a"}\n', '{"kind":"rep"}\n',
    '{"kind":"rep","name":"a"}\n', '{"kind":"what","name":"a"}\n',
    '{"kind":"skip","name":"a"}\n',
])
def test_bad_lines(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(BadLines):
        live.parse_run(text)


def made_document(run: Run) -> dict[str, Any]:
    """A result with a fit."""
    rows = {A: PREDICTED, B: {"name": B, "reason": "x"}}
    predictions = {"RIL": rows}
    fit = live.fit_all(run, predictions, {"RIL": {"exec": 74.0}})
    assert fit
    return live.document(run, {"iopt_host": "h"}, "a plan\n", predictions,
                         fit)


def test_a_result_is_read_by_all(tmp_path: Path) -> None:
    """By the suite's own reader, and back into the same run."""
    run = live.parse_run(as_text(LINES))
    document = made_document(run)
    path = tmp_path / "r.json"
    path.write_text(results.dump(document), "utf-8")
    result = results.load(path)
    case = result.family("live")[0]
    assert case.values("unmap_ns") == [7000, 5000, 6000]
    assert results.skip_reason(result.family("live")[1].rows[0]) == \
        "no 1G page is free"
    assert results.row_error(result.family("live")[2].rows[0]) == \
        "it is refused"
    again = live.run_of(json.loads(path.read_text("utf-8")))
    assert again.host == run.host and again.outcome == "done"
    for name, row in run.rows.items():
        other = again.rows[name]
        assert [r["unmap_ns"] for r in other.reps] == \
            [r["unmap_ns"] for r in row.reps]
        assert (other.skipped, other.error, other.events) == \
            (row.skipped, row.error, row.events)
    with pytest.raises(BadLines):
        live.run_of({"context": {}, "benchmarks": []})


def test_the_table_adds_up() -> None:
    """5000 ns, of which 500 are the page table: all the rest is fitted."""
    run = live.parse_run(as_text(LINES))
    document = made_document(run)
    fit = live.fit_all(run, {"RIL": {A: PREDICTED}},
                       {"RIL": {"exec": 74.0}})
    head, line = live.table(run, {A: PREDICTED}, fit)
    assert head.split()[:2] == ["row", "n"]
    assert "6.00 us" in line and "5.00 us" in line and "500 ns" in line
    assert line.endswith("1.000")
    assert document["context"]["iopt_live"]["fit"]["rms"] < 1e-9
    alone = live.table(run, {}, None)[1]
    assert "5.00 us" in alone and alone.endswith("-")


def test_calls_that_the_model_does_not_make_are_told() -> None:
    """The kernel's own events against the model's calls."""
    run = live.parse_run(as_text(LINES))
    assert not live.count_faults(run, {A: PREDICTED})
    wrong = {**PREDICTED, "nr_unmaps": 4}
    assert live.count_faults(run, {A: wrong}) == [
        "live/size:a: the kernel called iommu_unmap() 3 times, the model 4"]
    run.rows[A].events["unmap_events"]["nr_lost"] = 1
    assert not live.count_faults(run, {A: wrong})


def test_reasons_are_told_once() -> None:
    """With all rows that they hold for."""
    run = live.parse_run(as_text(LINES))
    run.rows[A].memory["no_frames"] = "must have CAP_SYS_ADMIN"
    lines = live.skips(run, {A: {"name": A, "reason": "none"}})
    assert "skipped: no 1G page is free: live/size:b" in lines
    assert "FAILED: it is refused: live/size:c" in lines
    assert "not predicted: must have CAP_SYS_ADMIN: live/size:a" in lines


# The scripts, with programs made here in place of ours.

FAKE_LIVE = """#!{python}
import json, signal, sys, time
if "--check" in sys.argv:
    if {refusal!r} and not {later!r}:
        sys.stderr.write("iopt-live: " + {refusal!r} + "\\n")
        sys.exit(77)
    sys.exit(0)
if {later!r}:
    sys.stderr.write("iopt-live: " + {refusal!r} + "\\n")
    sys.exit(77)
stopped = []
signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
for line in {lines!r}:
    print(json.dumps(line), flush=True)
while {waits!r} and not stopped:
    time.sleep(0.02)
print(json.dumps({{"kind": "end", "outcome":
                  "interrupted" if stopped else "done"}}), flush=True)
sys.exit(130 if stopped else 0)
"""
FAKE_PREDICT = """#!{python}
import json
print(json.dumps({predicted!r}))
"""


def tools(folder: Path, refusal: str = "", waits: bool = False,
          later: bool = False) -> Path:
    """A folder of programs."""
    texts = {"iopt-live": FAKE_LIVE.format(
                 python=sys.executable, refusal=refusal, waits=waits,
                 later=later,
                 lines=LINES[:6]),
             "iopt-predict": FAKE_PREDICT.format(python=sys.executable,
                                                 predicted=PREDICTED)}
    for name, text in texts.items():
        path = folder / name
        path.write_text(text, "utf-8")
        path.chmod(0o755)
    (folder / "plan").write_text("live/size:a 4K range 0+64K\n", "utf-8")
    return folder


def command(folder: Path, *more: str) -> list[str]:
    """bench-live on these programs."""
    return [sys.executable, str(ROOT / "scripts/live.py"), "--device",
            "0000:01:00.0", "--tools", str(folder), "--results",
            str(folder / "results"), "--plan", str(folder / "plan"), *more]


def test_a_plan_with_other_names(tmp_path: Path) -> None:
    """Its rows could not be read back."""
    folder = tools(tmp_path)
    for name in ("map/engine:x", "nothing"):
        (folder / "plan").write_text(f"{name} 4K range 0+64K\n", "utf-8")
        done = subprocess.run(command(folder), capture_output=True, text=True,
                              check=False)
        assert done.returncode == 2 and "the plan: " in done.stderr


def found(folder: Path) -> list[Path]:
    """Results of all hosts."""
    return list((folder / "results").glob("*/live/*.json"))


@pytest.mark.parametrize("later", [False, True])
def test_a_refusal_is_one_line(tmp_path: Path, later: bool) -> None:
    """Its reason and exit code are iopt-live's own, and nothing is left; also
    of one that depends on the plan, as RLIMIT_MEMLOCK.
    """
    done = subprocess.run(
        command(tools(tmp_path, "no IOMMU, enable it", later=later)),
        capture_output=True, text=True, check=False)
    assert done.returncode == 77
    assert done.stderr == "bench-live: no IOMMU, enable it\n"
    assert done.stdout == ""
    assert not list((tmp_path / "results").rglob("spool*"))


@pytest.mark.parametrize("words, says", [
    (["--device", ""], "DEVICE= is wanted"),
    (["--plan", "", "--sizes", "64X"], "must be a size"),
    (["--plan", "", "--sizes", "64M"], "has 1G or more"),
])
def test_usage(tmp_path: Path, words: list[str], says: str) -> None:
    """One line, exit 2."""
    line = command(tools(tmp_path), *words)
    if "--plan" in words:
        for _ in range(2):
            at = line.index("--plan")
            del line[at:at + 2]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr and done.stderr.count("\n") == 1


def test_a_run_and_its_profile(tmp_path: Path) -> None:
    """Result, frames' folder, picture; then the profile out of it."""
    folder = tools(tmp_path)
    done = subprocess.run(command(folder), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    result, = found(tmp_path)
    assert results.load(result).family("live")[0].values("unmap_ns")
    assert (result.with_suffix(".frames") / "lines.jsonl").exists()
    assert result.with_suffix(".plots").joinpath("live.png").exists()
    sim = folder / "sim"
    sim.write_text("#!/bin/sh\nexit 0\n")
    sim.chmod(0o755)
    fit = [sys.executable, str(ROOT / "scripts/fit_profile.py"), str(result),
           "--out", str(tmp_path / "p.ini"), "--sim", str(sim)]
    done = subprocess.run(fit, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    prices = live_fit.base_prices((tmp_path / "p.ini").read_text("utf-8"))
    assert prices["call"] == 446
    assert "predicted ns" in result.with_suffix(".fit.txt").read_text()
    done = subprocess.run([*fit, "--against", str(result)],
                          capture_output=True, text=True, check=False)
    assert f"held against {result.name}: rms 0.0%" in done.stdout
    # One that is refused leaves the old one; one by hand is not overwritten.
    sim.write_text("#!/bin/sh\necho no >&2; exit 2\n")
    before = (tmp_path / "p.ini").read_text("utf-8")
    done = subprocess.run(fit, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "iopt-sim refuses it" in done.stderr
    assert (tmp_path / "p.ini").read_text("utf-8") == before
    (tmp_path / "p.ini").write_text("[profile]\n")
    done = subprocess.run(fit, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "was not fitted" in done.stderr
    done = subprocess.run([*fit[:2], str(folder / "plan")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no result of" in done.stderr


def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    """Ctrl-C goes to both; the result has the rows and says so."""
    child = subprocess.Popen(command(tools(tmp_path, waits=True)),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not any('"events"' in p.read_text() for p in
                  (tmp_path / "results").glob("*/live/*/lines.jsonl")):
        assert time.monotonic() < until and child.poll() is None
        time.sleep(0.05)
    time.sleep(0.2)
    os.killpg(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert "what was measured is kept" in said
    result, = found(tmp_path)
    document = json.loads(result.read_text("utf-8"))
    assert document["context"]["iopt_live"]["outcome"] == "interrupted"
    assert len(document["benchmarks"]) == 3


def test_what_fails_later_loses_nothing(tmp_path: Path) -> None:
    """The lines stay where they are, and the message says how to go on."""
    folder = tools(tmp_path)
    (folder / "iopt-predict").write_text("#!/bin/sh\necho x: no >&2; exit 1\n")
    done = subprocess.run(command(folder), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and not found(tmp_path)
    said = re.search(r"bench-live: no; what was measured is kept: .*--merge "
                     r"(\S+)'", done.stderr)
    assert said, done.stderr
    assert live.parse_run((Path(said[1]) / "lines.jsonl").read_text()).done


def test_a_broken_run_is_merged(tmp_path: Path) -> None:
    """What a killed run left becomes a result."""
    folder = tools(tmp_path)
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "plan").write_text("live/size:a 4K range 0+64K\n")
    (spool / "lines.jsonl").write_text(as_text(LINES[:5]) + '{"kind"')
    out = tmp_path / "merged.json"
    done = subprocess.run(command(folder, "--merge", str(spool), "--out",
                                  str(out)),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text("utf-8"))
    assert document["context"]["iopt_live"]["outcome"] == "broke off"
    assert len(document["benchmarks"]) == 3


def test_other_calls_than_the_model_are_no_success(tmp_path: Path) -> None:
    """The events say so, and the exit code."""
    folder = tools(tmp_path)
    (folder / "plan").write_text("live/size:a 4K range 0+64K\n")
    (folder / "lines.jsonl").write_text(as_text(
        [*LINES[:5], events(A, 5)]))
    done = subprocess.run(command(folder, "--merge", str(folder), "--out",
                                  str(tmp_path / "r.json")),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "DIFFERS: live/size:a: the kernel called" in done.stderr
