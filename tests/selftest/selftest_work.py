# SPDX-License-Identifier: GPL-2.0-only
"""Do the programs of the selftest do what it takes them to do?

usage: selftest_work.py IOPT_BENCH_WORK IOPT_BENCH_RELINKED SPIN_RATE

The extra work must take the time that it is said to take, only in the cases
that it is meant for, and change no counter; the relinked program must have its
functions elsewhere.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CASE = ("map/engine:lpae-7.3/granule:4K/size:4K/count:256/cache:warm/"
        "walker:coherent")
OTHER = CASE.replace("count:256", "count:16")
SHARE = 1.0
TRIES = 5


def run(bench: str, work: Path, *options: str) -> dict[str, dict]:
    """The rows of both cases by name."""
    with tempfile.TemporaryDirectory() as tmp:
        out = Path(tmp, "o.json")
        plan = Path(tmp, "plan")
        plan.write_text(f"{CASE}\n{OTHER}\n")
        subprocess.run([bench, "--plan", str(plan), "--min-time-ms", "5",
                        "--out", str(out), *options], timeout=60, check=False,
                       env={**os.environ, "IOPT_WORK": str(work)})
        rows = json.loads(out.read_text())["benchmarks"]
    return {row["name"].partition("/iterations")[0]: row for row in rows}


def addresses(bench: str) -> dict[str, str]:
    """Where each function of the page tables lies."""
    done = subprocess.run(["nm", bench], capture_output=True, text=True,
                          check=True)
    words = [line.split() for line in done.stdout.splitlines()]
    return {w[2]: w[0] for w in words if len(w) == 3 and w[1] in "tT"
            and w[2].startswith(("lpae_", "pgtable_", "arena_"))}


def expect(is_good: bool, text: str) -> None:
    print("ok" if is_good else "not ok", text)
    if not is_good:
        sys.exit(1)


def main() -> int:
    bench, relinked, rate = sys.argv[1:]
    ns = float(subprocess.run([rate], capture_output=True, text=True,
                              check=True).stdout)
    expect(0.05 < ns < 20, f"a step takes {ns} ns")
    here, there = addresses(bench), addresses(relinked)
    moved = [name for name in here if here[name] != there.get(name)]
    expect(len(here) > 10 and len(moved) > len(here) / 2,
           f"{len(moved)} of {len(here)} functions lie elsewhere")
    with tempfile.TemporaryDirectory() as tmp:
        none, some = Path(tmp, "none"), Path(tmp, "some")
        none.write_text("")
        counted = [run(b, none, "--count-only") for b in (bench, relinked)]
        exact = [{n: (r["pte_writes"], r["tables_alloc"])
                  for n, r in rows.items()} for rows in counted]
        expect(len(exact[0]) == 2 and exact[0] == exact[1],
               f"counters are the same: {exact}")
        rows = run(bench, Path(tmp, "missing"))
        expect(all("IOPT_WORK" in row.get("error_message", "")
                   for row in rows.values()), "a lost file is an error")
        # Others may take the CPU: the least of a few tries, in turn.
        base = {n: r["block_min_ns"] for n, r in run(bench, none).items()}
        some.write_text(f"{CASE} {SHARE * base[CASE] / ns}\n")
        more = {name: float("inf") for name in base}
        for _ in range(TRIES):
            for path, least in ((none, base), (some, more)):
                for name, row in run(bench, path).items():
                    least[name] = min(least[name], row["block_min_ns"])
        ratio = {name: more[name] / base[name] for name in base}
        expect(1.7 < ratio[CASE] < 2.4, f"as much again: {ratio[CASE]:.3f}")
        expect(0.7 < ratio[OTHER] < 1.4,
               f"nothing in another: {ratio[OTHER]:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
