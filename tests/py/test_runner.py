# SPDX-License-Identifier: GPL-2.0-only
"""bench.py from end to end, over a fake iopt-bench with chosen faults."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BenchRunner, SmallDisk
from ioptlib import runner
from ioptlib.console import Console

CASES = {"map": 16, "unmap_partial": 16, "replay": 8, "limit": 2}
NR_CASES = sum(CASES.values())


def test_success(bench: BenchRunner) -> None:
    ran = bench("--reps", "3", "--seed", "7")
    assert ran.code == 0, ran.err
    document = ran.document()
    context, rows = document["context"], document["benchmarks"]
    assert len(rows) == 3 * NR_CASES
    assert context["iopt_incomplete"] == "false"
    assert context["iopt_seed"] == "7" and context["iopt_rounds"] == "3"
    assert context["iopt_host_cpu_model"] == "Made-up CPU"
    # Each process has a clock of its own: 20, 21, 22 ns.
    assert context["iopt_clock_overhead_ns"] == "21"
    assert len(context["iopt_processes"]) == 3 * len(CASES)
    assert not ran.spools
    last = ran.out.strip().splitlines()[-1]
    assert last == f"results in {ran.results[0]}"


def test_rows_are_completed(bench: BenchRunner) -> None:
    rows = bench("--reps", "3").document()["benchmarks"]
    by_name: dict[str, list[int]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(row["repetition_index"])
        assert row["run_name"] == row["name"]
        assert row["repetitions"] == 3
        assert row["cpu_ns"] == row["real_time"]
        assert row["sim_ns"] == 0 and row["total_ns"] == row["cpu_ns"]
        assert isinstance(row["pte_writes"], int)
        assert "iterations:" not in row["name"]
        has_profile = row["name"].endswith("/tlbi:none")
        assert has_profile == (not row["name"].startswith("limit/"))
    assert len(by_name) == NR_CASES
    assert all(sorted(rounds) == [0, 1, 2] for rounds in by_name.values())


def test_each_profile_completes_the_same_measurement(
        bench: BenchRunner) -> None:
    ran = bench("--reps", "2", "--profile", "smmuv3-ril")
    assert ran.code == 0, ran.err
    document = ran.document()
    context, rows = document["context"], document["benchmarks"]
    assert context["iopt_profiles"] == ["none", "smmuv3-ril"]
    assert "sim_ps:exact" in context["iopt_counter_classes"].split()
    assert len(context["iopt_processes"]) == 2 * len(CASES)
    nr_priced = NR_CASES - CASES["limit"]
    assert len(rows) == 2 * (2 * nr_priced + CASES["limit"])
    cases: dict[tuple[str, int], dict[str, dict]] = {}
    for row in rows:
        name, _, profile = row["name"].partition("/tlbi:")
        cases.setdefault((name, row["repetition_index"]), {})[profile] = row
    for (name, _), profiles in cases.items():
        if name.startswith("limit/"):
            assert list(profiles) == [""]
            continue
        none, ril = profiles["none"], profiles["smmuv3-ril"]
        assert none["cpu_ns"] == ril["cpu_ns"]
        assert none["pte_writes"] == ril["pte_writes"]
        assert none["sim_ns"] == 0 and none["total_ns"] == none["cpu_ns"]
        # 354,500 ps in the ledger.
        assert ril["sim_ns"] == 354.5 and ril["tlbi_nh_va"] == 1
        assert ril["total_ns"] == ril["cpu_ns"] + 354.5
    assert "simulated by smmuv3-ril" in ran.out
    assert "simulated by none" not in ran.out


def test_a_broken_ledger_fails_and_loses_no_time(bench: BenchRunner) -> None:
    ran = bench("--reps", "2", fault="crash:map:ledger")
    assert ran.code == 1
    assert "FAILED map, counting: iopt-bench killed by SIGSEGV" in ran.err
    rows = ran.document()["benchmarks"]
    assert sum(r["name"].startswith("map/") for r in rows) == 2 * CASES["map"]


def orders(document: dict) -> list[tuple[str, int]]:
    return [(p["family"], p["seed"])
            for p in document["context"]["iopt_processes"]]


def test_order_comes_from_the_seed(bench: BenchRunner) -> None:
    files = []
    for seed in ("1", "1", "2"):
        out = Path(bench("--reps", "4", "--seed", seed).results[-1])
        files.append(orders(json.loads(out.read_text("utf-8"))))
        out.unlink()
    assert files[0] == files[1]
    assert files[0] != files[2]
    rounds = [tuple(f for f, _ in files[0][i:i + 4])
              for i in range(0, 16, 4)]
    assert all(sorted(r) == sorted(CASES) for r in rounds)
    assert len(set(rounds)) > 1, "each round has its own order"


def test_default_rounds(bench: BenchRunner) -> None:
    for args, rounds in ((("--filter", "limit"), 9),
                         (("--filter", "limit", "--quick"), 3)):
        ran = bench(*args)
        rows = ran.document()["benchmarks"]
        assert len(rows) == rounds * CASES["limit"]
        ran.results[0].unlink()


# fault, code, rows lost of 2 rounds, what standard error must say
FAULTS = [
    ("crash:map:1", 1, 15, "map, round 2: iopt-bench killed by SIGSEGV in "
                           "map/"),
    ("exit1:map:0", 1, 0, "map, round 1: iopt-bench: exit 1: iopt-bench: "
                          "arena: out of memory"),
    ("truncate:map:0", 1, 14, "map, round 1: its result breaks off"),
    ("garbage:limit:1", 1, 2, "limit, round 2: its result cannot be read"),
    ("nothing:limit:1", 1, 2, "limit, round 2: it left no result"),
    ("lost:replay:0", 1, 1, "replay, round 1: no row for replay/"),
    ("error:map:0", 1, 0, "verify: returned 0, want 4096 (1 of 2 rounds)"),
    ("nan:map:0", 1, 0, "block_min_ns is nan, no number (1 of 2 rounds)"),
    ("zero:map:0", 1, 0, "real_time is 0"),
    ("drift:limit:1", 1, 0, "pte_writes is exact but was"),
    ("noisy:map:0", 0, 0, ""),
    ("skip:map:0", 0, 0, ""),
]


@pytest.mark.parametrize("fault,code,lost,said", FAULTS,
                         ids=[f[0] for f in FAULTS])
def test_fault(bench: BenchRunner, fault: str, code: int, lost: int,
               said: str) -> None:
    ran = bench("--reps", "2", fault=fault)
    assert ran.code == code, ran.err
    assert said in ran.err
    failed = [line for line in ran.err.splitlines()
              if line.startswith("FAILED ")]
    assert len(failed) == (1 if code else 0), "one line, and no more"
    assert len(ran.document()["benchmarks"]) == 2 * NR_CASES - lost
    assert not ran.spools


def test_skips_are_listed_with_reason(bench: BenchRunner) -> None:
    ran = bench("--reps", "2", fault="skip:map:* skip:limit:0")
    assert ran.code == 0
    assert "skipped: no such trace (" in ran.out


def test_doubts_are_listed(bench: BenchRunner) -> None:
    ran = bench("--reps", "2", fault="noisy:map:0")
    assert "1 in doubt: twice the operations did not take twice the time (map/" in ran.out


def test_all_skipped(bench: BenchRunner) -> None:
    ran = bench("--reps", "1", "--filter", "limit.*count:1$",
                fault="skip:limit:*")
    assert ran.code == 77, ran.err


def test_error_rows_of_all_rounds_make_one_line(bench: BenchRunner) -> None:
    ran = bench("--reps", "3", "--filter", "limit.*count:1$",
                fault="error:limit:*")
    assert ran.code == 1
    assert ran.err.count("FAILED") == 1
    assert "(3 of 3 rounds)" in ran.err


def test_cases_that_fail_alike_make_one_line(bench: BenchRunner) -> None:
    ran = bench("--reps", "2", fault="sick:map:*")
    failed = [li for li in ran.err.splitlines() if li.startswith("FAILED ")]
    assert len(failed) == 1
    assert failed[0].startswith("FAILED map/")
    assert failed[0].endswith(" and 15 more: verify: setup: bad line 7 "
                              "(2 of 2 rounds)")


@pytest.mark.parametrize("args,said", [
    (("--filter", "no-such"), "no case matches FILTER 'no-such'"),
    (("--cpu", "999"), "iopt-bench: no CPU 999: 0 to 1"),
    (("--node", "9"), "iopt-bench: node 9 cannot be used"),
    (("--reps", "0"), "0 is not above zero"),
    (("--quick", "--full"), "not allowed with"),
    (("--merge", "/nonexistent"), "is no spool"),
    (("--trace", "/nonexistent"), "TRACE=/nonexistent: No such file"),
])
def test_usage(bench: BenchRunner, args: tuple[str, ...], said: str) -> None:
    ran = bench(*args)
    assert ran.code == 2
    assert said in ran.err
    assert not ran.results and not ran.spools


def test_out_is_a_directory(bench: BenchRunner, tmp_path: Path) -> None:
    ran = bench("--out", str(tmp_path))
    assert ran.code == 2
    assert f"OUT={tmp_path} is a directory" in ran.err


def test_no_program(bench: BenchRunner) -> None:
    ran = bench("--bench", "/nonexistent")
    assert ran.code == 1
    assert "/nonexistent" in ran.err and "Traceback" not in ran.err


def test_out(bench: BenchRunner, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "mine.json"
    ran = bench("--reps", "1", "--out", str(out))
    assert ran.code == 0
    assert json.loads(out.read_text("utf-8"))["benchmarks"]
    assert [p.name for p in out.parent.iterdir()] == ["mine.json"]


def test_trace_replays_that_and_nothing_else(bench: BenchRunner,
                                             tmp_path: Path) -> None:
    trace = tmp_path / "mine.trace"
    trace.write_text("")
    ran = bench("--reps", "1", "--trace", str(trace))
    names = {row["name"] for row in ran.document()["benchmarks"]}
    assert len(names) == 4
    assert all(n.startswith("replay/trace:mine/") for n in names)


def test_budget_stops_between_rounds(bench: BenchRunner) -> None:
    ran = bench("--budget", "0.01")
    assert ran.code == 0, ran.err
    document = ran.document()
    assert len(document["benchmarks"]) == NR_CASES
    assert {r["repetitions"] for r in document["benchmarks"]} == {1}
    assert document["context"]["iopt_incomplete"] == "false"
    assert "1 of 9 rounds" in document["context"]["iopt_note"]
    assert "1 of 9 rounds" in ran.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_what_was_measured(
        command: list[str], tmp_path: Path, number: signal.Signals) -> None:
    environ = dict(os.environ, FAKE_CASE_S="0.05")
    with subprocess.Popen([*command, "--reps", "9"], env=environ, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        assert p.stderr is not None
        for _ in range(2):
            assert p.stderr.readline()
        while len(list(tmp_path.glob("results/*/spool-*/round*.json"))) < 3:
            time.sleep(0.01)
        p.send_signal(number)
        out, err = p.communicate(timeout=20)
    assert p.returncode == 130, err
    assert f"incomplete: interrupted by {number.name}" in err
    files = list((tmp_path / "results").glob("*/*"))
    assert len(files) == 1, "a result and no spool"
    document = json.loads(files[0].read_text("utf-8"))
    context = document["context"]
    assert context["iopt_incomplete"] == "true"
    assert context["iopt_incomplete_reason"] == \
        f"interrupted by {number.name}"
    whole = [CASES[p["family"]] for p in context["iopt_processes"]]
    # Two processes are whole; the third is cut, but its rows are there.
    assert sum(whole[:2]) < len(document["benchmarks"]) <= sum(whole)
    assert {r["repetitions"] for r in document["benchmarks"]} == {9}
    assert str(files[0]) in out.splitlines()[-1]


def test_stalled_process_is_ended(fake: Path, tmp_path: Path) -> None:
    settings = runner.Settings(str(fake), 1, 1, families=("limit",),
                               stall_s=1.0)
    families = runner.list_families(settings)
    spool = runner.Spool.create(tmp_path / "spool", settings, families, {})
    os.environ["FAKE_FAULT"] = "hang:limit:0"
    try:
        with runner.Interrupt() as interrupt:
            done = runner.run(settings, families, spool, Console(), interrupt)
    finally:
        del os.environ["FAKE_FAULT"]
    failure = done.outcomes[0].failure
    assert failure.startswith("limit, round 1: no progress for 1 s in limit/")
    assert done.outcomes[0].output is not None
    assert len(done.outcomes[0].output.rows) == 1


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))


def test_result_too_large_for_the_disk(bench: BenchRunner) -> None:
    ran = bench("--reps", "4", preexec_fn=limit_file_size)
    assert ran.code == 1
    assert not ran.results, "no piece of a result"
    assert len(ran.spools) == 1
    lines = [li for li in ran.err.splitlines() if " cases in " not in li]
    assert len(lines) == 1
    assert "cannot write" in lines[0] and str(ran.spools[0]) in lines[0]
    merged = bench("--merge", str(ran.spools[0]))
    document = merged.document()
    assert len(document["benchmarks"]) == 4 * NR_CASES
    assert not merged.spools


def test_full_disk(bench: BenchRunner, disk: SmallDisk) -> None:
    disk.mount("128k")
    ran = bench("--reps", "9")
    assert ran.code == 1
    lines = [li for li in ran.err.splitlines() if " cases in " not in li]
    assert len(lines) == 1, ran.err
    assert "No space left on device" in lines[0]
    assert str(ran.spools[0]) in lines[0]
    done = [li for li in ran.err.splitlines() if li.startswith("round ")]
    disk.grow()
    merged = bench("--merge", str(ran.spools[0]))
    context = merged.document()["context"]
    assert context["iopt_incomplete"] == "true"
    assert len(context["iopt_processes"]) >= len(done) > 4
    assert len(merged.document()["benchmarks"]) >= \
        sum(CASES[li.split()[2].rstrip(":")] for li in done)


def test_unwritable_results_are_told_before_measuring(
        bench: BenchRunner, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    ran = bench("--reps", "1")
    assert ran.code == 1
    assert "cannot write" in ran.err and "round 1" not in ran.err


def test_reader_that_goes_away(command: list[str], tmp_path: Path) -> None:
    with subprocess.Popen([*command, "--reps", "2"], text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as p:
        assert p.stdout is not None
        p.stdout.close()
        assert p.wait(timeout=60) == 1
    assert len(list((tmp_path / "results").glob("*/*.json"))) == 1


def test_live_progress_on_a_terminal(command: list[str]) -> None:
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal can be made here: {error}")
    environ = dict(os.environ, FAKE_CASE_S="0.02", COLUMNS="120")
    with subprocess.Popen([*command, "--reps", "2"], env=environ,
                          stdout=subprocess.DEVNULL, stderr=theirs) as p:
        os.close(theirs)
        text = b""
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side closed
                break
            if not data:
                break
            text += data
        assert p.wait() == 0
    os.close(ours)
    drawn = [li for li in text.decode().split("\r\033[K") if li]
    assert drawn and all("\n" not in li for li in drawn)
    assert any(li.startswith("round 2/2 ") and li.endswith(" left")
               and f" of {3 * NR_CASES - CASES['limit']}, " in li for li in drawn)


def rounds_of(document: dict) -> dict[str, list[int]]:
    """The rounds that each case has rows of."""
    rounds: dict[str, list[int]] = {}
    for row in document["benchmarks"]:
        rounds.setdefault(row["name"], []).append(row["repetition_index"])
    return rounds


@pytest.mark.parametrize("args, nr_long, nr_short", [
    ((), 3, 9),
    (("--quick",), 3, 3),
    (("--reps", "4"), 4, 4),
])
def test_long_cases_are_in_three_rounds(
        bench: BenchRunner, args: tuple[str, ...], nr_long: int,
        nr_short: int) -> None:
    ran = bench(*args, "--filter", "limit", long="count:256")
    assert ran.code == 0, ran.err
    document = ran.document()
    rounds = {name: sorted(found)
              for name, found in rounds_of(document).items()}
    assert rounds == {
        "limit/op:fill/granule:4K/count:1": list(range(nr_short)),
        "limit/op:fill/granule:4K/count:256": list(range(nr_long))}
    context = document["context"]
    assert context["iopt_rounds"] == str(nr_short)
    assert context["iopt_long_rounds"] == str(nr_long)
    # What it is at is progress, not something that a process has to say.
    assert "doing" not in ran.out + ran.err


def test_only_long_cases_end_after_three_rounds(bench: BenchRunner) -> None:
    ran = bench("--filter", "count:256", "--family", "limit",
                long="limit")
    assert ran.code == 0, ran.err
    document = ran.document()
    assert document["context"]["iopt_rounds"] == "3"
    assert len(document["benchmarks"]) == 3


def test_a_long_case_tells_what_it_does(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TOLD_S", 0.0)
    job = runner.Job("teardown", 0, 1)
    progress = runner.Progress(Console(sys.stdout, sys.stderr), {job: 4},
                               [job])
    progress.start(job)
    progress.case(2)
    progress.doing("mapping 1T", "teardown/vm:1T")
    assert capsys.readouterr().err == \
        "round 1/1 teardown: 2 of 4, mapping 1T teardown/vm:1T\n"


def test_time_left_knows_rounds_without_long_cases(
        monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0}
    monkeypatch.setattr(runner.time, "monotonic", lambda: clock["now"])
    jobs = [runner.Job("teardown", i, 1) for i in range(4)]
    progress = runner.Progress(
        Console(), dict(zip(jobs, (4, 4, 3, 3))), jobs)
    for job, seconds in zip(jobs, (100.0, 100.0, 10.0)):
        progress.start(job)
        clock["now"] += seconds
        progress.finish()
    progress.start(jobs[3])
    assert progress.seconds_left(0) == 10.0


def test_frames_are_looked_for_first(bench: BenchRunner,
                                     tmp_path: Path) -> None:
    path = tmp_path / "my.frames"
    ran = bench("--frames", str(path))
    assert ran.code == 2
    assert ran.err == f"bench: FRAMES={path}: No such file or directory\n"
    path.write_text("")
    ran = bench("--frames", str(path), "--family", "limit", "--reps", "1")
    assert ran.code == 0, ran.err
