# SPDX-License-Identifier: GPL-2.0-only
"""Do the programs of the selftest do what it takes them to do?

usage: selftest_work.py IOPT_BENCH_WORK IOPT_BENCH_RELINKED...

The extra work must take the time that it is said to take, measured as in a
comparison, in turns; and change no counter. Each relinked program must have
its functions elsewhere.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from ioptlib import names, paired, program, runner, stats  # noqa: E402
from ioptlib.console import Console  # noqa: E402
from ioptlib.paired import NEW, OLD  # noqa: E402
from ioptlib.sides import Side  # noqa: E402

CASE = ("map/engine:lpae-7.3/granule:4K/size:4K/count:256/cache:warm/"
        "walker:coherent")
OTHER = CASE.replace("count:256", "count:16")
# Operations of a section, sections: some milliseconds, and as many turns.
COUNTS = {CASE: paired.Count(70, 250), OTHER: paired.Count(700, 250)}
NR_PAIRS = 10


def run(bench: str, work: str, *options: str) -> dict[str, dict]:
    """The rows of both cases by name."""
    with tempfile.TemporaryDirectory() as tmp:
        out = Path(tmp, "o.json")
        plan = Path(tmp, "plan")
        plan.write_text(f"{CASE}\n{OTHER}\n")
        subprocess.run([*program.command(bench), "--plan", str(plan),
                        "--out", str(out), *options], timeout=60, check=False,
                       env={**os.environ, "IOPT_WORK": work})
        rows = json.loads(out.read_text())["benchmarks"]
    return {row["name"].partition("/iterations")[0]: row for row in rows}


def addresses(bench: str) -> dict[str, str]:
    """Where each function of the page tables lies."""
    done = subprocess.run(["nm", bench], capture_output=True, text=True,
                          check=True)
    words = [line.split() for line in done.stdout.splitlines()]
    return {w[2]: w[0] for w in words if len(w) == 3 and w[1] in "tT"
            and w[2].startswith(("lpae_", "pgtable_", "arena_"))}


def ratios(bench: str, work: str) -> dict[str, float]:
    """By case what so much more work costs: new over old, none and that much.

    What a machine is busy with, or how fast it is at the time, is in neither.
    """
    words = program.command(bench)
    old, new = (Side(percent, words[0], args=tuple(words[1:]),
                     environ={"IOPT_WORK": percent})
                for percent in ("000", work))
    pairs = tuple(paired.Pair(name, name, name) for name in COUNTS)
    design = paired.Design(old, new, pairs, 1, NR_PAIRS, has_null=False)
    jobs = paired.plan_stage({"map": list(COUNTS)}, design.arms, 1, NR_PAIRS,
                             design.seed)
    with tempfile.TemporaryDirectory() as tmp, runner.Interrupt() as interrupt:
        session = paired.Session(
            design, runner.Spool(Path(tmp)), Console(), interrupt, COUNTS)
        expect(session.run_all(jobs), f"pairs are run {session.incomplete}")
        outputs = session.outputs(jobs)
    expect(not session.failures, f"pairs do not fail: {session.failures}")
    turns = {(names.strip_library(row["name"]), job.arm, job.round):
             row[paired.TURNS] for job, output in outputs
             for row in output.rows}
    return {name: stats.median([
        stats.ratio_in_turns(turns[name, OLD, pair], turns[name, NEW, pair])
        for pair in range(NR_PAIRS)]) for name in COUNTS}


def expect(is_good: bool, text: str) -> None:
    print("ok" if is_good else "not ok", text)
    if not is_good:
        sys.exit(1)


def main() -> int:
    bench, *relinked = sys.argv[1:]
    for one, other in itertools.combinations(sys.argv[1:], 2):
        here, there = addresses(one), addresses(other)
        moved = [name for name in here if here[name] != there.get(name)]
        expect(len(here) > 10 and len(moved) > len(here) / 2,
               f"{len(moved)} of {len(here)} functions lie elsewhere")
    counted = [run(b, work, "--count-only") for b, work in
               [(b, "00") for b in (bench, *relinked)] + [(bench, "10")]]
    exact = [{n: (r["pte_writes"], r["tables_alloc"]) for n, r in rows.items()}
             for rows in counted]
    expect(len(exact[0]) == 2 and all(exact[0] == e for e in exact),
           f"counters are the same: {exact}")
    for wrong in ("101", "x", ""):
        expect(all("IOPT_WORK" in row.get("error_message", "")
                   for row in run(bench, wrong).values()),
               f"IOPT_WORK={wrong} is an error")
    for name, ratio in ratios(bench, "100").items():
        expect(1.7 < ratio < 2.4, f"as much again: {ratio:.3f} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
