# SPDX-License-Identifier: GPL-2.0-only
"""What perf events counted for the suite's cases in a guest: user mode alone
and all, by two processes each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import names, results
from .perf_counts import (TOLERANCE_PERCENT, BadCounts, is_equal, number,
                          percent)
from .summary import render_table

# Cycles are the virtual nanoseconds of one instruction each, and of waiting.
LEAST_CYCLES_PER_INSTRUCTION = 0.99
ENGINES = ("lpae-6.12", "lpae-7.3")
ENGINE_WORD = "ENGINE"
OVERHEAD = "iopt_overhead_perf_"


@dataclass(frozen=True)
class Count:
    """What one process counted for a case, of one operation.

    What an empty section counts is subtracted.
    """

    instructions: float
    cycles: float
    pte_writes: float
    block_n: int
    blocks: int
    outcome: str


@dataclass(frozen=True)
class Process:
    """What one process of iopt-bench wrote; by case, in its order."""

    hardware: str
    kernel: str
    cases: dict[str, Count]
    failures: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()

    @property
    def counts_kernel(self) -> bool:
        """Whether kernel mode is in its counts."""
        return self.kernel == "yes"


def _count(row: Mapping[str, Any], empty: Mapping[str, float]) -> Count:
    """A row that holds numbers; KeyError names what it lacks."""
    return Count(
        instructions=row["perf_instructions"] -
        empty["instructions"] / row["block_n"],
        cycles=row["perf_cycles"] - empty["cycles"] / row["block_n"],
        pte_writes=row["pte_writes"], block_n=round(row["block_n"]),
        blocks=round(row["blocks"]), outcome=results.outcome(dict(row)))


def read_process(text: str) -> Process:
    """Read a result of iopt-bench; raises BadCounts when it is none."""
    try:
        output = results.parse_output(text)
    except results.BadOutput as error:
        raise BadCounts(f"iopt-bench: {error}") from error
    if not output.is_whole:
        raise BadCounts("iopt-bench: its result breaks off")
    context = output.context
    empty = {key: float(context.get(OVERHEAD + key, 0))
             for key in ("instructions", "cycles")}
    cases: dict[str, Count] = {}
    failures, skips = [], []
    for row in output.rows:
        name = names.strip_library(str(row.get("name")))
        if why := results.skip_reason(row):
            skips.append(f"{name}: {why}")
            continue
        wrong = results.row_error(row)
        doubts = str(row.get("label")).partition(";warn=")[2].split(",")
        if not wrong and "multiplexed" in doubts:
            wrong = "multiplexed: others took turns on the counters"
        if not wrong:
            try:
                cases[name] = _count(row, empty)
            except KeyError as missing:
                wrong = f"there is no {missing.args[0]}"
        if wrong:
            failures.append(f"{name}: {wrong}")
    return Process(str(context.get("iopt_perf_hardware", "unknown")),
                   str(context.get("iopt_perf_kernel", "unknown")), cases,
                   tuple(failures), tuple(skips))


@dataclass(frozen=True)
class Suite:
    """Two processes that count all, two that count user mode alone.

    again has the cases of the first two that were counted again.
    """

    whole: tuple[Process, Process]
    user: tuple[Process, Process]
    again: tuple[str, ...] = ()

    @property
    def skips(self) -> list[str]:
        """Cases that cannot run here, and why; the first process tried all."""
        return sorted(self.whole[0].skips)

    @property
    def cases(self) -> list[str]:
        """Cases that all four have, by name."""
        there = set.intersection(*(set(p.cases) for p in
                                   (*self.whole, *self.user)))
        return sorted(there, key=_order)


def _order(name: str) -> list[tuple[int, int, str]]:
    """By family, then by the values of its keys, numbers by value."""
    case = names.parse(name)
    return [(0, 0, case.family),
            *(names.sort_key(value) for _, value in case.keys)]


def _sane(name: str, count: Count) -> list[str]:
    """What cannot be, in one process's count of a case."""
    found = []
    if count.instructions <= 0 or count.cycles <= 0:
        return [f"{name}: {count.instructions:.1f} instructions and "
                f"{count.cycles:.1f} cycles an operation"]
    if count.instructions < count.pte_writes:
        found.append(f"{name}: {count.instructions:.1f} instructions for "
                     f"{count.pte_writes:.0f} stores to descriptors")
    if count.cycles < LEAST_CYCLES_PER_INSTRUCTION * count.instructions:
        found.append(f"{name}: {count.cycles:.1f} cycles for "
                     f"{count.instructions:.1f} instructions, where each "
                     "takes one")
    return found


def _pair(name: str, mode: str, first: Count, second: Count) -> list[str]:
    """Whether two processes counted the same."""
    if is_equal(first.instructions, second.instructions):
        return []
    return [f"{name}: {mode}: {first.instructions:.1f} and "
            f"{second.instructions:.1f} instructions an operation, more than "
            f"{TOLERANCE_PERCENT:g} % apart"]


def suite_failures(suite: Suite) -> list[str]:
    """A line for each thing that is not as it must be; none if all is well."""
    found = []
    processes = (*suite.whole, *suite.user)
    for process in processes:
        if process.hardware != "yes":
            found.append("perf events of the CPU are not counted: "
                         f"{process.hardware}")
        found += process.failures
    for process in suite.whole:
        if not process.counts_kernel:
            found.append(f"kernel mode is not counted: {process.kernel}")
    for process in suite.user:
        if process.counts_kernel:
            found.append("kernel mode is counted where user mode alone was "
                         "asked for")
    if not suite.cases:
        found.append("no case was counted by all four processes")
    for name in suite.cases:
        for process in processes:
            found += _sane(name, process.cases[name])
        whole = [process.cases[name] for process in suite.whole]
        user = [process.cases[name] for process in suite.user]
        found += _pair(name, "user and kernel mode", *whole)
        found += _pair(name, "user mode", *user)
        least = user[0].instructions * (1 - TOLERANCE_PERCENT / 100)
        if whole[0].instructions < least:
            found.append(f"{name}: {whole[0].instructions:.1f} instructions "
                         f"in all, {user[0].instructions:.1f} of them in user "
                         "mode")
    return list(dict.fromkeys(found))


def plan_of(process: Process, cases: Collection[str]) -> list[str]:
    """A plan for a process that does the same operations, last case first."""
    return [f"{name} {count.block_n} {count.blocks}"
            for name, count in reversed(process.cases.items())
            if name in cases]


def suspects(first: Process, second: Process) -> list[str]:
    """Cases that two processes counted differently."""
    return [name for name, count in first.cases.items()
            if name in second.cases and
            not is_equal(count.instructions,
                         second.cases[name].instructions)]


def replaced(process: Process, again: Process) -> Process:
    """A process with the cases that were counted again."""
    return replace(process, cases={**process.cases, **again.cases},
                   failures=(*process.failures, *again.failures))


def suite_table(suite: Suite) -> list[str]:
    """Each case, both modes, both processes."""
    header = ("case", "user 1", "user 2", "diff %", "all 1", "all 2",
              "diff %", "cycles", "IPC")
    rows = []
    for name in suite.cases:
        user = [process.cases[name] for process in suite.user]
        whole = [process.cases[name] for process in suite.whole]
        cells = [name]
        for first, second in (user, whole):
            counts = first.instructions, second.instructions
            cells += [*map(number, counts), f"{percent(*counts):+.3f}"]
        cells += [number(whole[0].cycles),
                  f"{whole[0].instructions / whole[0].cycles:.2f}"]
        rows.append(cells)
    return render_table(header, rows, 1)


def of_engine(pattern: str, engine: str) -> str:
    """The case of an engine, from one with the word ENGINE."""
    return pattern.replace(f"engine:{ENGINE_WORD}", f"engine:{engine}")


def _pattern(name: str) -> str:
    """A case's name without its engine."""
    return re.sub(r"/engine:[^/]*", f"/engine:{ENGINE_WORD}", name)


def engines_table(suite: Suite,
                  engines: tuple[str, str] = ENGINES) -> list[str]:
    """Instructions in user mode, old engine against new."""
    old, new = engines
    header = ("case", old, new, "new/old")
    counts = suite.user[0].cases
    rows = []
    for name in suite.cases:
        pattern = _pattern(name)
        if name != of_engine(pattern, old) or \
                of_engine(pattern, new) not in counts:
            continue
        before, after = counts[name], counts[of_engine(pattern, new)]
        ratio = f"{after.instructions / before.instructions:.2f}"
        if before.outcome != after.outcome:
            ratio = f"{after.outcome} ({ratio})"
        rows.append((pattern.replace(f"/engine:{ENGINE_WORD}", ""),
                     number(before.instructions), number(after.instructions),
                     ratio))
    return render_table(header, rows, 1)


def case_document(suite: Suite, name: str) -> dict[str, Any]:
    """A case for JSON."""
    def side(processes: Sequence[Process]) -> list[dict[str, Any]]:
        return [{"instructions": round(p.cases[name].instructions, 3),
                 "cycles": round(p.cases[name].cycles, 3)}
                for p in processes]
    count = suite.whole[0].cases[name]
    return {"case": name, "outcome": count.outcome,
            "pte_writes": count.pte_writes, "block_n": count.block_n,
            "blocks": count.blocks, "user": side(suite.user),
            "all": side(suite.whole)}
