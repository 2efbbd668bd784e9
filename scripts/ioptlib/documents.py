# SPDX-License-Identifier: GPL-2.0-only
"""Documents of comparisons: from a paired run, from two result files, from two
engines of one; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from . import names, results, verdict
from .comparison import (FILES, INFO, NULL_FAMILY, PAIRED, ROUNDS, SCHEMA,
                         SEPARATE_FLOOR, exact_of, stage_row)
from .paired import NEW, OLD, Count, Design, Job, Output
from .results import Row, Samples

# What must be the same on both sides besides the machine.
_LIBRARY = {"iopt_lib_benchmark": "libbenchmark", "iopt_schema": "schema"}

# What each side may have of its own.
_OF_SIDE = ("iopt_version", "iopt_cc", "iopt_cflags", "iopt_seed",
            "iopt_started", "iopt_command", "iopt_runner_version", "date",
            "iopt_kernels")


def _side_info(label: str, context: Mapping[str, Any], **more: Any) \
        -> dict[str, Any]:
    return {"label": label, **more,
            "context": {key: context[key] for key in _OF_SIDE
                        if key in context}}


def _stage_rows(design: Design, outputs: Iterable[tuple[Job, Output]]) \
        -> list[Row]:
    names_of = {(arm, pair.name(arm)): pair.key for pair in design.pairs
                for arm in design.arms}
    rows = []
    for job, output in outputs:
        nr_pairs = {1: design.nr_first, 2: design.nr_second}.get(job.stage, 1)
        for row in output.rows:
            key = names_of.get((job.arm,
                                names.strip_library(str(row.get("name")))))
            if key is not None:
                rows.append(stage_row(row, key, job.arm, job.stage,
                                      job.round, nr_pairs))
    return rows


def _counted(design: Design, outputs: Iterable[tuple[Job, Output]]) \
        -> dict[str, dict[str, dict[str, int]]]:
    """By key and side, the exact counters of the counting processes."""
    names_of = {(arm, pair.name(arm)): pair.key for pair in design.pairs
                for arm in (OLD, NEW)}
    found: dict[str, dict[str, dict[str, int]]] = {}
    for job, output in outputs:
        classes = results.counter_classes(output.context)
        for row in output.rows:
            if results.skip_reason(row) or results.row_error(row):
                continue
            name, _, profile = names.strip_library(str(row["name"])) \
                .partition(f"/{names.PROFILE_KEY}:")
            key = names_of.get((job.arm, name))
            if key is not None:
                found.setdefault(key, {}).setdefault(job.arm, {}).update(
                    exact_of(row, classes, profile))
    return found


def _ceilings(outputs: Iterable[tuple[Job, Output]]) -> dict[str, float]:
    return {names.strip_library(str(row["name"])): row["block_min_ns"]
            for _, output in outputs for row in output.rows
            if "block_min_ns" in row and not results.row_error(row)}


def assemble(design: Design, counts: Mapping[str, Count],
             counting: Sequence[tuple[Job, Output]],
             timing: Sequence[tuple[Job, Output]],
             ceilings: Sequence[tuple[Job, Output]],
             extra: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a paired run; extra goes into iopt_comparison, and
    its context into the context."""
    everything = [*counting, *timing]
    context, _ = results.merge_contexts(
        [output.context for _, output in timing or everything] or [{}])
    of_side: dict[str, dict[str, Any]] = {
        arm: next((output.context for job, output in everything
                   if job.arm == arm), {}) for arm in (OLD, NEW)}
    more = dict(extra)
    context.update(more.pop("context", {}))
    info = {
        "schema": SCHEMA, "kind": PAIRED, "has_null": design.has_null,
        "floor": verdict.FLOOR, "seed": design.seed,
        "nr_first": design.nr_first, "nr_second": design.nr_second,
        "profiles": list(design.profiles), "is_identical": not design.is_timed,
        **{arm: _side_info(design.side(arm).label, of_side[arm],
                           engine=design.side(arm).engine,
                           revision=design.side(arm).revision,
                           commit=design.side(arm).commit,
                           bench=design.side(arm).bench)
           for arm in (OLD, NEW)},
        "cases": [asdict(pair) for pair in design.pairs],
        "counts": {key: [count.n, count.blocks]
                   for key, count in counts.items()},
        "counters": _counted(design, counting),
        "ceilings": _ceilings(ceilings),
        "processes": [
            {"stage": job.stage, "pair": job.round, "block": job.block,
             "position": job.position, "arm": job.arm, "family": job.family,
             "seed": job.seed, **output.meta} for job, output in timing],
        **more,
    }
    context[INFO] = info
    return {"context": context, "benchmarks": _stage_rows(design, timing)}


def _profiles(found: results.Result) -> list[str]:
    """The cost profiles that it has rows of."""
    profiles = dict.fromkeys(case.get(names.PROFILE_KEY)
                             for case in found.cases)
    return [p for p in profiles if p and p != names.NO_PROFILE]


def _unprofiled(found: results.Result) -> dict[str, list[Samples]]:
    """The samples of each case, one for each cost profile that it has."""
    cases: dict[str, list[Samples]] = {}
    for case, samples in found.cases.items():
        cases.setdefault(str(case.without(names.PROFILE_KEY)),
                         []).append(samples)
    return cases


def _counters_of(samples: Sequence[Samples], classes: Mapping[str, str]) \
        -> dict[str, int]:
    counters: dict[str, int] = {}
    for one in samples:
        profile = one.case.get(names.PROFILE_KEY)
        for row in one.rows:
            if not results.skip_reason(row) and not results.row_error(row):
                counters.update(exact_of(row, classes, profile))
    return counters


def _others(title: str, old: Mapping[str, Any], new: Mapping[str, Any],
            keys: Mapping[str, str]) -> list[str]:
    """A line for each key that differs; what is not said is unknown."""
    pairs = ((what, str(old.get(key, "unknown")), str(new.get(key, "unknown")))
             for key, what in keys.items())
    return [f"other {title}: {what} is {a!r} in old and {b!r} in new"
            for what, a, b in pairs if a != b]


def other_library(old: Mapping[str, Any], new: Mapping[str, Any]) \
        -> list[str]:
    """Why the times of two builds mean different things, by their contexts;
    empty when they do not."""
    return _others("library", old, new, _LIBRARY)


def _digests(found: results.Result) -> dict[str, str]:
    return {one["name"]: one["digest"]
            for one in found.context.get(results.PROFILE_SOURCES, ())}


def _other_profiles(old: results.Result, new: results.Result) -> list[str]:
    """The profiles that both priced by, and that are not the same."""
    both = {name: name for name in _profiles(old) if name in _profiles(new)}
    return _others("profile", _digests(old), _digests(new), both)


def incomparable(old: results.Result, new: results.Result) -> list[str]:
    """Why two results must not stand in one table; empty when they may."""
    said = _others("machine", old.context, new.context, results.MACHINE)
    said += other_library(old.context, new.context)
    said += _other_profiles(old, new)
    units: dict[str, str] = {}
    for case, samples in old.cases.items():
        partner = new.cases.get(case)
        for a, b in zip(samples.rows[:1], partner.rows[:1] if partner else []):
            pair = (a.get("time_unit", "ns"), b.get("time_unit", "ns"))
            if pair[0] != pair[1]:
                units.setdefault(f"{pair[0]!r} in old and {pair[1]!r} in new",
                                 str(case))
    said += [f"other unit: {what} ({case})" for what, case in units.items()]
    return said


def _engine_cases(found: results.Result, engine: str) \
        -> dict[str, list[Samples]]:
    """The samples of an engine's cases, by what engines share."""
    cases: dict[str, list[Samples]] = {}
    for case, samples in found.cases.items():
        if case.get("engine") == engine:
            cases.setdefault(str(case.without("engine", names.PROFILE_KEY)),
                             []).append(samples)
    return cases


def from_rounds(found: results.Result, old: str, new: str,
                command: str = "") -> dict[str, Any]:
    """The document of two engines of one result file. Both ran in each
    process, so that rounds are pairs; there is no null arm and one stage."""
    cases = {OLD: _engine_cases(found, old), NEW: _engine_cases(found, new)}
    return _document({OLD: found, NEW: found}, cases, (old, new), {
        "kind": ROUNDS, "has_null": False, "floor": verdict.FLOOR}, command)


def from_results(old: results.Result, new: results.Result,
                 labels: Sequence[str], command: str = "") -> dict[str, Any]:
    """The document of two result files. They were not measured in turn, so
    their floor is larger; the family limit stands in for the null arm."""
    sides = {OLD: old, NEW: new}
    cases = {arm: _unprofiled(found) for arm, found in sides.items()}
    has_null = any(key.startswith(f"{NULL_FAMILY}/") and key in cases[NEW]
                   for key in cases[OLD])
    return _document(sides, cases, labels, {
        "kind": FILES, "has_null": has_null, "floor": SEPARATE_FLOOR}, command)


def _document(sides: Mapping[str, results.Result],
              cases: Mapping[str, Mapping[str, list[Samples]]],
              labels: Sequence[str], more: Mapping[str, Any],
              command: str) -> dict[str, Any]:
    """The document of what result files hold; the rounds are the pairs."""
    keys = [key for key in cases[OLD] if key in cases[NEW]]
    classes = {arm: results.counter_classes(found.context)
               for arm, found in sides.items()}
    rows: list[Row] = []
    for key in keys:
        for arm in (OLD, NEW):
            samples = cases[arm][key][0]
            rows += [stage_row(row, key, arm, 1, row["repetition_index"],
                               len(samples.rows)) for row in samples.rows]
    counters = {arm: {key: _counters_of(samples, classes[arm])
                      for key, samples in cases[arm].items()}
                for arm in (OLD, NEW)}
    context = sides[NEW].context
    of_old = _profiles(sides[OLD])
    info = {
        "schema": SCHEMA, "seed": str(context.get("iopt_seed", "")),
        "profiles": [p for p in _profiles(sides[NEW]) if p in of_old],
        **more,
        **{arm: _side_info(label, sides[arm].context, engine="",
                           revision=str(sides[arm].context.get(
                               "iopt_version", "unknown")))
           for arm, label in zip((OLD, NEW), labels)},
        "cases": [{"key": key, "old": key, "new": key} for key in keys],
        "unpaired": {arm: [key for key in cases[arm] if key not in keys]
                     for arm in (OLD, NEW)},
        "unpaired_counters": {
            arm: {key: found for key, found in counters[arm].items()
                  if key not in keys} for arm in (OLD, NEW)},
        "counters": {key: {arm: counters[arm][key] for arm in (OLD, NEW)}
                     for key in keys},
        "failures": list(dict.fromkeys(
            f"{arm}: {line}" for arm, found in sides.items()
            for line in [
                *found.context.get("iopt_failures", ()),
                *results.inexact_counters(
                    (row for s in found.cases.values() for row in s.good),
                    classes[arm])])),
        "incomplete": "; ".join(dict.fromkeys(
            f"{arm} "
            f"{found.context.get('iopt_incomplete_reason') or 'broke off'}"
            for arm, found in sides.items()
            if found.context.get("iopt_incomplete") == "true")),
    }
    return {"context": {**context, INFO: info, "iopt_command": command},
            "benchmarks": rows}
