# SPDX-License-Identifier: GPL-2.0-only
"""Carries a comparison out, from two sides to its document and its files.

This module does I/O. Count, calibrate, stage one on all, stage two on the
suspects: each step leaves its processes' files in the spool, and a step whose
files are there is not run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import (comparison, cover, documents, formats, names, paired, results,
               runner, sides, stats)
from .comparison import Comparison
from .paired import NEW, OLD, Count, Design, Job, Output, Pair, Session
from .sides import Side

Timing = list[tuple[Job, Output]]


class NothingToCompare(Exception):
    """No case is on both sides; says what is on each."""


class Incomparable(Exception):
    """Times of both sides would mean different things; says why."""


@dataclass(frozen=True)
class Selection:
    """The cases of both sides: those that pair up, those that do not, and
    how many were left out because they take long."""

    pairs: tuple[Pair, ...]
    unpaired: dict[str, list[str]]
    ceilings: tuple[str, ...]
    nr_long: int = 0


def ceilings_of(side: Side, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The cases of plain stores that bound the selected ones."""
    wanted = []
    for pair in pairs:
        case = names.parse(pair.key)
        op = cover.CEILINGS.get(case.family)
        if op:
            wanted.append(f"{comparison.NULL_FAMILY}/op:{op}/granule:"
                          f"{case.get('granule')}/count:{case.get('count')}")
    if not wanted:
        return ()
    listed = sides.list_cases(Side(side.label, side.bench, args=side.args,
                                   environ=side.environ),
                              ["--family", comparison.NULL_FAMILY, "--full"])
    there = {name for cases in listed.values() for name in cases}
    return tuple(name for name in dict.fromkeys(wanted) if name in there)


def select(old: Side, new: Side, options: Sequence[str],
           has_long: bool = True) -> Selection:
    """Ask both sides which cases they have, and pair them up.

    Raises sides.BadSide, and NothingToCompare when no case is on both.
    """
    def flat_list(side: Side, wants_long: bool) -> list[str]:
        listed = sides.list_cases(side, options, wants_long)
        return [name for cases in listed.values() for name in cases]
    flat = [flat_list(side, has_long) for side in (old, new)]
    nr_long = 0 if has_long else len(flat_list(new, True)) - len(flat[1])
    pairs, only_old, only_new = sides.pair_up(old, flat[0], new, flat[1])
    if not pairs:
        raise NothingToCompare(
            f"no case is on both sides: {old.label} has {len(flat[0])}, "
            f"{new.label} has {len(flat[1])} of those that are selected")
    found = tuple(Pair(key, *both) for key, both in pairs.items())
    return Selection(found, {OLD: only_old, NEW: only_new},
                     ceilings_of(old, found), nr_long)


def _rows_by_key(design: Design, outputs: Timing) \
        -> dict[tuple[str, str], results.Row]:
    found = {}
    for job, output in outputs:
        by_name = {names.strip_library(str(row.get("name"))): row
                   for row in output.rows}
        for pair in design.pairs:
            row = by_name.get(pair.name(job.arm))
            if row is not None:
                found[pair.key, job.arm] = row
    return found


def counts_from(design: Design, calibration: Timing) -> dict[str, Count]:
    """How often each case is repeated, of those that can be compared: both
    sides have a time for the same outcome."""
    rows = _rows_by_key(design, calibration)
    counts = {}
    for pair in design.pairs:
        both = [rows.get((pair.key, arm)) for arm in (OLD, NEW)]
        if both[0] is None or both[1] is None or any(
                results.skip_reason(row) or results.row_error(row)
                for row in both if row is not None):
            continue
        if results.outcome(both[0]) != results.outcome(both[1]):
            continue
        count = paired.agree(both[0], both[1])
        if count is not None:
            counts[pair.key] = count
    return counts


def by_family(keys: Sequence[str]) -> dict[str, list[str]]:
    """Cases by their family, in their order."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(names.parse(key).family, []).append(key)
    return found


class Lateness:
    """Says when no further block fits the budget; the first ones have to,
    since fewer than six pairs have no interval."""

    def __init__(self, budget_s: float | None, started: float,
                 nr_free_blocks: int = 0) -> None:
        self._ends = None if budget_s is None else started + budget_s
        self._nr_free = nr_free_blocks
        self._last = time.monotonic()
        self._longest = 0.0

    def __call__(self, job: Job) -> bool:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        return self._ends is not None and job.block >= self._nr_free and \
            now + self._longest > self._ends


def check_libraries(counting: Timing) -> None:
    """Raise Incomparable unless both sides were linked with one library."""
    contexts = {job.arm: output.context for job, output in counting}
    if OLD in contexts and NEW in contexts:
        others = documents.other_library(contexts[OLD], contexts[NEW])
        if others:
            raise Incomparable("; ".join([*others, "nothing was timed"]))


def _stage(session: Session, jobs: Sequence[Job],
           is_late: Callable[[Job], bool] = lambda job: False) -> Timing:
    session.run_all(jobs, is_late)
    return session.outputs(jobs)


def carry_out(session: Session, extra: Mapping[str, Any],
              is_running: bool = True) -> dict[str, Any]:
    """Run what is missing, or with is_running False nothing, and make the
    document of all that is there.

    Raises runner.UsageError when iopt-bench refuses its options, and
    Incomparable.
    """
    design = session.design

    def outputs(jobs: Sequence[Job], **late: Any) -> Timing:
        if not is_running or session.incomplete:
            return session.outputs(jobs)
        return _stage(session, jobs, **late)

    def document(timing: Timing) -> dict[str, Any]:
        return documents.assemble(
            design, session.counts, counting, timing, ceilings,
            {**extra, "failures": session.failures,
             "incomplete": session.incomplete})
    ceilings: Timing = []
    counting = outputs(paired.before_jobs(design, "counts"))
    check_libraries(counting)
    timing: Timing = []
    if design.is_timed:
        timing = outputs(paired.before_jobs(design, "calibration"))
        ceilings = outputs(paired.ceiling_jobs(design))
        session.counts = counts_from(design, timing)
        timing += outputs(paired.plan_stage(
            by_family(list(session.counts)), design.arms, 1,
            design.nr_first, design.seed),
            is_late=Lateness(design.budget_s, session.started,
                             stats.MIN_PAIRS // 2))
        _second_stage(session, outputs, document, timing)
    if not is_running and not session.incomplete:
        session.incomplete = "merged from its spool after it broke off"
        session.is_broken = True
    return document(timing)


def _second_stage(session: Session, outputs: Callable[..., Timing],
                  document: Callable[[Timing], dict[str, Any]],
                  timing: Timing) -> None:
    """The suspects once more, afresh, if there are any."""
    design = session.design
    if session.incomplete or not design.nr_second:
        return
    suspects = comparison.suspects(comparison.analyse(document(timing)))
    jobs = paired.plan_stage(by_family(suspects), design.arms, 2,
                             design.nr_second, design.seed + 1)
    if not jobs:
        return
    session.console.complain(f"stage two: {len(suspects)} suspects, "
                             f"{design.nr_second} pairs")
    found = outputs(jobs, is_late=Lateness(design.budget_s,
                                            session.started))
    timing += found
    nr_pairs = min((len({job.round for job, _ in found
                         if job.family == family and job.arm == NEW})
                    for family in by_family(suspects)), default=0)
    if nr_pairs >= design.nr_second or session.incomplete:
        return
    nr_open = sum(line.is_unconfirmed for line in
                  comparison.analyse(document(timing)).lines)
    if nr_pairs < stats.MIN_PAIRS or nr_open:
        session.incomplete = (f"stage two had time for {nr_pairs} pairs of "
                              f"{design.nr_second}" + (
                                  f", too few to confirm {nr_open} suspects"
                                  if nr_open else ""))


def write_all(document: dict[str, Any], found: Comparison,
              stem: Path) -> list[Path]:
    """Write the document and all formats beside it; the paths.

    Raises OSError; a file is there whole or not at all.
    """
    document["context"][comparison.INFO]["verdicts"] = \
        comparison.verdict_rows(found)
    stem.parent.mkdir(parents=True, exist_ok=True)
    texts = {f"{stem.name}.json": results.dump(document)}
    texts.update({f"{stem.name}.{suffix}": make(found)
                  for make, suffix in formats.FORMATS.values()})
    texts.update({f"{stem.name}.{arm}.bench": formats.benchstat(
        found, document["benchmarks"], arm) for arm in (OLD, NEW)})
    for name, text in texts.items():
        results.write_atomic(stem.parent / name, text)
    return [stem.parent / name for name in texts]


def how_to_go_on(spool: Path) -> str:
    """What to do with the spool of a comparison that is not whole."""
    return (f"what the processes left is kept in {spool}; to go on: "
            f"scripts/python scripts/compare.py --resume {spool}, or --merge "
            "to run no more of it")


def finish(session: Session, extra: Mapping[str, Any], stem: Path,
           is_running: bool = True) -> tuple[Comparison, dict[str, Any]]:
    """Carry it out, write it all, and give up the spool unless there is
    something to go on with, or to look into.

    Raises OSError, runner.UsageError, runner.SpoolError, Incomparable.
    """
    try:
        document = carry_out(session, extra, is_running)
    except Incomparable:
        if is_running:
            session.spool.remove()
        raise
    found = comparison.analyse(document)
    try:
        write_all(document, found, stem)
    except OSError as error:
        raise OSError(f"cannot write {stem}.*: {error.strerror}; "
                      + how_to_go_on(session.spool.path)) from error
    if not session.is_broken and not session.failures:
        session.spool.remove()
    return found, document


def session_of(design: Design, spool: runner.Spool, console: Any,
               interrupt: runner.Interrupt) -> Session:
    """A session whose CPU is the one that a broken one ran on."""
    session = Session(design, spool, console, interrupt)
    for _, output in session.outputs(paired.before_jobs(design, "counts")):
        chosen = str(output.context.get("iopt_cpu", ""))
        if not session.cpu and chosen.isdigit():
            session.cpu = chosen
    # Of those some may be run again; what still fails is found again.
    session.failures.clear()
    return session
