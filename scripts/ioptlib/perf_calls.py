# SPDX-License-Identifier: GPL-2.0-only
"""What perf events counted for a kernel's own calls, as vfio-user did them in a
guest: by two processes, several rounds each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from .perf_cases import ENGINES, Suite, of_engine
from .perf_counts import (TOLERANCE_PERCENT, BadCounts, is_equal, number,
                          percent)
from .summary import render_table


@dataclass(frozen=True)
class Call:
    """An op of a scenario whose instructions are counted.

    name is "" for one that only prepares; case is that of iopt-bench that
    does the same, with ENGINE for the engine, or "".
    """

    line: str
    name: str = ""
    case: str = ""


def calls_of(text: str) -> list[Call]:
    """A scenario's ops with what stands after their #.

    Without any name in the file each op is called by its line.
    """
    found = []
    for line in text.splitlines():
        op, _, said = line.partition("#")
        if op.strip():
            name, _, case = said.partition("|")
            found.append(Call(" ".join(op.split()), name.strip(),
                              case.strip()))
    if any(call.name for call in found):
        return found
    return [Call(call.line, call.line) for call in found]


@dataclass
class Counted:
    """What one process of vfio-user counted.

    empty has the instructions of a call that does nothing, by round; rounds
    those of each op, by round; rets what the ops returned.
    """

    empty: list[int] = field(default_factory=list)
    rounds: list[list[int]] = field(default_factory=list)
    rets: list[int] = field(default_factory=list)

    def net(self, op: int) -> int:
        """Instructions of an op, without those of the call itself: of most
        rounds, as a few are hit by an interrupt.
        """
        return median_low(self.rounds[op]) - median_low(self.empty)

    def first(self, op: int) -> int:
        """The same of the first round, where a kernel warns once."""
        return self.rounds[op][0] - median_low(self.empty)


_EMPTY = re.compile(r"@empty \d+ instructions (\d+) cycles \d+")
_COUNT = re.compile(r"@count (\d+) (\d+) ret (-?\d+) instructions (\d+) "
                    r"cycles \d+")


def parse_counted(lines: Iterable[str], calls: Sequence[Call]) -> Counted:
    """Read what vfio-user --count printed; raises BadCounts if it is odd."""
    done = Counted(rounds=[[] for _ in calls])
    rets: list[list[int]] = [[] for _ in calls]
    for line in lines:
        empty, count = _EMPTY.fullmatch(line), _COUNT.fullmatch(line)
        if empty:
            done.empty.append(int(empty[1]))
        elif count:
            nr_round, op = int(count[1]), int(count[2])
            if op >= len(calls) or len(done.rounds[op]) != nr_round:
                raise BadCounts(f"vfio-user: out of order: {line}")
            done.rounds[op].append(int(count[4]))
            rets[op].append(int(count[3]))
    if not done.empty or {len(rounds) for rounds in done.rounds} != \
            {len(done.empty)}:
        raise BadCounts("vfio-user: rounds are missing")
    for call, returned in zip(calls, rets):
        if len(set(returned)) > 1:
            raise BadCounts(f"{call.line}: returned {returned[0]}, then "
                            f"{next(r for r in returned if r != returned[0])}")
        done.rets.append(returned[0])
    return done


@dataclass(frozen=True)
class KernelRun:
    """A scenario's calls in one kernel, counted by two processes.

    warm is of a process before them, in which the kernel's allocators get to
    know the sizes; it has the first rounds of all. nr_before is how many there
    were before the second of the two. ril is off where the driver was told
    that the SMMU has no range invalidation.
    """

    scenario: str
    release: str
    calls: list[Call]
    warm: Counted
    counted: tuple[Counted, Counted]
    nr_before: int = 2
    ril: str = "on"

    @property
    def where(self) -> str:
        """The kernel, for a message."""
        return self.release + ("" if self.ril == "on" else ", RIL off")

    @property
    def names(self) -> list[str]:
        """What is shown, in the order of the file."""
        return list(dict.fromkeys(c.name for c in self.calls if c.name))

    def ops(self, name: str) -> list[int]:
        """The ops of a name."""
        return [i for i, call in enumerate(self.calls) if call.name == name]

    def net(self, name: str, process: int) -> int:
        """Instructions of a name's ops together."""
        return sum(self.counted[process].net(op) for op in self.ops(name))

    def first(self, name: str) -> int:
        """The same of the first round in this boot."""
        return sum(self.warm.first(op) for op in self.ops(name))

    def ret(self, name: str) -> int:
        """What the first op of a name returned."""
        return self.counted[0].rets[self.ops(name)[0]]

    def case(self, name: str) -> str:
        """The case of iopt-bench that does the same, "" if none."""
        return next((self.calls[op].case for op in self.ops(name)
                     if self.calls[op].case), "")


def run_failures(run: KernelRun) -> list[str]:
    """A line for each thing that is not as it must be."""
    found = []
    if run.counted[0].rets != run.counted[1].rets:
        found.append(f"{run.scenario}, {run.where}: the two processes were "
                     "returned different values")
    for name in run.names:
        first, second = run.net(name, 0), run.net(name, 1)
        if first <= 0 or second <= 0:
            found.append(f"{name}, {run.where}: {first} and {second} "
                         "instructions beyond those of a call that does "
                         "nothing")
        elif not is_equal(first, second):
            found.append(f"{name}, {run.where}: {first} and {second} "
                         f"instructions, more than {TOLERANCE_PERCENT:g} % "
                         "apart")
    return found


def version(release: str) -> str:
    """6.12.117+deb12-cloud-arm64 is 6.12."""
    found = re.match(r"\d+\.\d+", release)
    return found[0] if found else release


def _model(case: str, engine: str, suite: Suite | None) -> str:
    """What the suite counted for the same call."""
    name = of_engine(case, engine)
    if not suite or not case or name not in suite.user[0].cases:
        return "-"
    return number(suite.user[0].cases[name].instructions)


def moved(runs: Sequence[KernelRun]) -> dict[str, list[str]]:
    """By scenario, the calls that take something else without ranges."""
    found: dict[str, list[str]] = {}
    with_ril = {(run.scenario, run.release): run for run in runs
                if run.ril == "on"}
    for run in runs:
        other = with_ril.get((run.scenario, run.release))
        if run.ril == "on" or not other:
            continue
        names = found.setdefault(run.scenario, [])
        names += [name for name in run.names if name not in names and
                  not is_equal(run.net(name, 0), other.net(name, 0))]
    return found


def calls_table(runs: Sequence[KernelRun], suite: Suite | None,
                engines: Sequence[str] = ENGINES,
                only: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """Each call in each kernel, and what engines take for the same; only those
    that are named by scenario, if any are.
    """
    releases = list(dict.fromkeys(run.release for run in runs))
    by_key = {(run.scenario, run.release): run for run in runs}
    header = ["call", *releases]
    if len(releases) == 2:
        header.append("new/old")
    header += ["apart %", *engines]
    rows = []
    for scenario in dict.fromkeys(run.scenario for run in runs):
        mine = [by_key.get((scenario, release)) for release in releases]
        first = next(run for run in mine if run)
        shown = only.get(scenario, []) if only is not None else first.names
        for name in shown:
            row = _call_row(name, mine)
            rows.append(row + [_model(first.case(name), engine, suite)
                               for engine in engines])
    return render_table(header, rows, 1)


def _call_row(name: str, mine: Sequence[KernelRun | None]) -> list[str]:
    counts = [run.net(name, 0) if run else 0 for run in mine]
    cells = [name]
    for run, count in zip(mine, counts):
        word = f"{count:,}" if run else "-"
        cells.append(f"refused {word}" if run and is_refused(run, name)
                     else word)
    if len(mine) == 2:
        cells.append(f"{counts[1] / counts[0]:.2f}" if all(
            count > 0 for count in counts) else "-")
    apart = [abs(percent(run.net(name, 0), run.net(name, 1)))
             for run in mine if run and run.net(name, 0) > 0]
    cells.append(f"{max(apart):.2f}" if apart else "-")
    return cells


def is_refused(run: KernelRun, name: str) -> bool:
    """An unmap that did nothing, where something was mapped."""
    line = run.calls[run.ops(name)[0]].line
    return "_unmap" in line and run.ret(name) == 0


def call_document(run: KernelRun, name: str) -> dict[str, Any]:
    """A call for JSON, with all rounds."""
    return {"call": name, "scenario": run.scenario, "kernel": run.release,
            "ril": run.ril, "case": run.case(name), "nr_before": run.nr_before,
            "ops": [{"line": run.calls[op].line,
                     "ret": run.counted[0].rets[op],
                     "rounds": [c.rounds[op] for c in run.counted]}
                    for op in run.ops(name)],
            "empty": [c.empty for c in run.counted],
            "instructions": [run.net(name, i) for i in range(2)],
            "first": run.first(name)}
