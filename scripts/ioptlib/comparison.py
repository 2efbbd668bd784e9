# SPDX-License-Identifier: GPL-2.0-only
"""What two sides are worth beside each other: pure, from rows to verdicts.

A comparison is one document in Google Benchmark's format: rows of both sides
(and of the null arm) under the name that they share, with side:old, side:new
or side:null as last key, and all else in the context's iopt_comparison.
Verdicts are derived from the rows whenever it is read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import names, results, stats, summary, verdict
from .paired import NEW, NULL, OLD, TURNS
from .results import NUMBER, Object, Row, Samples
from .verdict import Estimate, Stages

INFO = "iopt_comparison"
SCHEMA = "1"
SIDE_KEY = "side"

# How the pairs came about: processes in turn, with a null arm and a second
# stage; two files of runs at two times; two engines in the rounds of one run.
PAIRED, FILES, ROUNDS = "paired", "files", "rounds"

# Runs that were not interleaved differ by what the machine did meanwhile: a
# larger floor, and every sample of one side has to be above all of the other.
SEPARATE_FLOOR = 0.10
NULL_FAMILY = "limit"

PASS, FAILED, USAGE, REGRESSION, INCONCLUSIVE, SKIPPED = 0, 1, 2, 3, 4, 77

# Of one operation, more of these is worse, and less of those is.
COSTS = frozenset((
    "pte_writes", "tables_alloc", "table_bytes_peak", "inval_all",
    "inval_walks", "inval_pages", "syncs", "warnings", "calls",
    "nr_commands", "nr_doorbells", "nr_differ", "sim_ps", "tlbi", "atc_inv",
    "cmd_syncs", "doorbells", "tables_kept", "table_bytes_kept",
    "bbm_violations", "stale_after_sync", "iotlb_misses", "walk_reads",
    "nr_unmaps", "nr_lookups", "max_lookups", "unpin_ps"))
GAINS = frozenset(("bytes_mapped", "bytes_unmapped", "iotlb_hits",
                   "iotlb_reach_bytes"))

# Where single calls are timed: the median of a process beside its fastest
# section, and the tail.
LATENCIES = {"contention": (
    summary.METRIC,
    *(summary.Metric(f"{call} {what}", *2 * (f"{call}_{what}_ns",))
      for call in ("map", "unmap") for what in ("p50", "p99")))}

# What is sent under a cost profile: a kind that is not sent has no counter.
_SENT = frozenset(("atc_inv", "cmd_syncs", "doorbells", "nr_ranges"))
_SENT_KINDS = ("tlbi", "range_")

# What else a profile decides; of a family, what others count without one.
_PRICED = frozenset(("sim_ps", "unpin_ps"))
_PRICED_OF = {"teardown": frozenset(("nr_commands",))}

# What iopt_comparison holds, as far as it is read.
_SIDE = Object({"label": str, "revision": str, "context": dict},
               {"engine": str})
_COUNTS = Object(rest=Object(rest=Object(rest=int)))
_INFO = Object(
    {"kind": str, "floor": NUMBER, "has_null": bool, "seed": (int, str),
     "profiles": [str], OLD: _SIDE, NEW: _SIDE,
     "cases": [Object({"key": str})], "counters": _COUNTS},
    {"floors": Object(rest=NUMBER), "ceilings": Object(rest=NUMBER),
     "unpaired": Object(rest=[str]), "unpaired_counters": _COUNTS,
     "failures": [str], "incomplete": str, "nr_long": int})


@dataclass(frozen=True)
class Figures:
    """What one side took, in ns: mean of all samples, and the median of
    what each sample took at least; one lucky process does not decide."""

    avg: float
    min: float
    nr: int


@dataclass(frozen=True)
class Pairs:
    """What the pairs of a stage took at least, in ns, in their order, and
    new over old of each: of its turns, where both sides took turns."""

    old: tuple[float, ...] = ()
    new: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()


@dataclass(frozen=True)
class Counter:
    """An exact counter of one operation on both sides.

    profile: the cost profile that it was counted under, "" for none
    """

    name: str
    profile: str
    old: int
    new: int

    @property
    def is_worse(self) -> bool:
        """Does new cost more, or give less?"""
        if self.name in GAINS:
            return self.new < self.old
        return self.name in COSTS and self.new > self.old

    @property
    def title(self) -> str:
        """Its name, with the profile that it belongs to."""
        return f"{self.name}@{self.profile}" if self.profile else self.name


@dataclass(frozen=True)
class Line:
    """One comparison: a case, or one operation of a case.

    op: which operation, "" where a case has only one
    verdict: "" when there are no times that compare; note says why
    is_void: the null arm fired, so the verdict is taken away
    pairs: those of the stage that decides
    """

    case: names.Case
    op: str
    old: Figures | None
    new: Figures | None
    stages: Stages
    null: Stages
    verdict: str = ""
    null_verdict: str = ""
    note: str = ""
    label: str = "ok"
    is_void: bool = False
    pairs: Pairs = Pairs()

    @property
    def key(self) -> str:
        """The name that both sides share."""
        return str(self.case)

    @property
    def title(self) -> str:
        """The name, and the operation where there are several."""
        return f"{self.case} {self.op}".rstrip()

    @property
    def percent(self) -> float | None:
        """(old - new) / old of the minima that the line shows, those of the
        stage that decides, in percent: + is better."""
        if self.old is None or self.new is None or not self.verdict:
            return None
        return (self.old.min - self.new.min) / self.old.min * 100

    @property
    def percent_pairs(self) -> float | None:
        """The same of the pairs, which decide: from their median ratio."""
        found = self.stages.deciding
        return None if found is None or not self.verdict \
            else (1 - found.point) * 100

    @property
    def is_beside_pairs(self) -> bool:
        """Does percent, as it is printed, lie outside of the interval of the
        pairs? Then the minima of the sides met other states of the machine."""
        if self.percent is None or self.interval is None:
            return False
        low, high = (round(end, 1) for end in self.interval)
        return not low <= round(self.percent, 1) <= high

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the paired samples, in percent: + is better."""
        found = self.stages.deciding
        if found is None or not found.is_interval:
            return None
        return (1 - found.high) * 100, (1 - found.low) * 100

    @property
    def is_unconfirmed(self) -> bool:
        """Do the pairs of this case alone say that it is faster or slower, and
        are too few to say so of one among all suspects?"""
        return self.verdict == verdict.UNRESOLVED and not self.is_void and \
            self.stages.is_apart and verdict.judge(
                self.stages.deciding, self.stages.floor) in (
                    verdict.FASTER, verdict.SLOWER)

    @property
    def detectable(self) -> float | None:
        """The least effect that would have been seen, in percent."""
        found = self.stages.deciding
        share = found.detectable(self.stages.floor) if found else None
        return None if share is None else share * 100


@dataclass
class Comparison:
    """All that was found.

    one_sided: by side, what only that one counted: a profile, a counter, or
        anything; and the cases in which it did
    unpaired: by side, the cases that the other one does not have
    problems: by case, why a side has no number
    skips: by case, why both sides were skipped
    warnings: by word of iopt-bench about the quality of a number, its cases
    """

    context: dict[str, Any]
    info: dict[str, Any]
    lines: list[Line]
    counters: dict[str, list[Counter]]
    one_sided: dict[str, dict[str, list[str]]]
    unpaired: dict[str, list[str]]
    renamed: dict[str, str]
    problems: dict[str, str]
    skips: dict[str, str]
    failures: list[str]
    warnings: dict[str, list[str]]

    def side(self, which: str) -> dict[str, Any]:
        """What is known of a side: label, revision, engine, context."""
        return dict(self.info[which])

    @property
    def kind(self) -> str:
        """How its pairs came about: PAIRED, FILES or ROUNDS."""
        return str(self.info["kind"])

    @property
    def is_timed(self) -> bool:
        """Was there anything to time?"""
        return any(line.verdict for line in self.lines)

    @property
    def null_fired(self) -> list[Line]:
        """Comparisons of the same with the same that came out different."""
        return [line for line in self.lines if line.null_verdict in
                (verdict.FASTER, verdict.SLOWER)]

    @property
    def worse_counters(self) -> dict[str, list[Counter]]:
        """By case, the counters in which new is worse."""
        found = {key: [c for c in counters if c.is_worse]
                 for key, counters in self.counters.items()}
        return {key: worse for key, worse in found.items() if worse}

    @property
    def other_counters(self) -> dict[str, list[Counter]]:
        """By case, the counters that differ, better ones too."""
        found = {key: [c for c in counters if c.old != c.new]
                 for key, counters in self.counters.items()}
        return {key: differ for key, differ in found.items() if differ}

    @property
    def of_new(self) -> dict[str, dict[str, int]]:
        """By case, what new counted; 0 for what only old sent."""
        return {key: {**{c.title: c.new for c in self.counters.get(key, ())},
                      **with_totals(sides[NEW])}
                for key, sides in self.info["counters"].items()
                if sides.get(NEW)}

    def by_verdict(self, word: str) -> list[Line]:
        """The lines with a verdict, those with the largest effect first."""
        found = [line for line in self.lines if line.verdict == word]
        return sorted(found, key=lambda line: -(
            line.stages.deciding.effect if line.stages.deciding else 0))

    def _doubts(self, has_counters: bool) -> list[str]:
        said = []
        if not self.info["cases"]:
            said.append("no case is on both sides")
        for which in (OLD, NEW):
            missing = self.unpaired[which]
            if missing:
                said.append(f"{len(missing)} only in {which}")
        if self.problems:
            said.append(f"{len(self.problems)} without a number on a side")
        if has_counters and any(self.one_sided.values()):
            cases = {case for of_side in self.one_sided.values()
                     for found in of_side.values() for case in found}
            said.append(f"{len(cases)} with counters that only one side has")
        other = [line for line in self.lines if line.note]
        if other:
            said.append(f"{len(other)} that did not do the same work")
        if self.null_fired:
            said.append(f"the null arm fired {len(self.null_fired)} times")
        timed = [line for line in self.lines if line.verdict]
        if timed and not any(line.interval for line in timed):
            said.append(f"fewer than {stats.MIN_PAIRS} pairs have no "
                        "interval")
        elif timed and all(line.verdict == verdict.UNRESOLVED
                           for line in timed):
            said.append("no time is resolved")
        if self.info.get("incomplete"):
            said.append(f"incomplete: {self.info['incomplete']}")
        return said

    @property
    def doubts(self) -> list[str]:
        """Why nothing, or not all, can be concluded: a line each."""
        return self._doubts(True)

    def _code(self, has_counters: bool) -> int:
        if self.by_verdict(verdict.SLOWER) or \
                has_counters and self.worse_counters:
            return REGRESSION
        if self.failures:
            return FAILED
        if self._doubts(has_counters):
            return INCONCLUSIVE
        if self.skips and not self.lines and not self.counters:
            return SKIPPED
        return PASS

    @property
    def exit_code(self) -> int:
        """As docs/method.md lists them."""
        return self._code(True)

    @property
    def times_code(self) -> int:
        """The same for who holds the counters against something else."""
        return self._code(False)


def is_sent(counter: str) -> bool:
    """Is a counter one of a kind of command, which is left out at 0?"""
    return counter in _SENT or counter.startswith(_SENT_KINDS)


def is_ledger(counter: str, family: str) -> bool:
    """Does a counter of a family depend on the cost profile?"""
    return is_sent(counter) or counter in _PRICED or \
        counter in _PRICED_OF.get(family, ())


def with_totals(counters: Mapping[str, int]) -> dict[str, int]:
    """Counters by name@profile, with tlbi for all kinds of commands."""
    done = dict(counters)
    for title, value in counters.items():
        name, at, profile = title.partition("@")
        if at and name.startswith("tlbi"):
            total = f"tlbi@{profile}"
            done[total] = done.get(total, 0) + value
    return done


def exact_of(row: Row, classes: Mapping[str, str], profile: str = "") \
        -> dict[str, int]:
    """The exact counters of a row, those of a ledger with its profile."""
    found = {}
    family = str(row["name"]).partition("/")[0]
    for name, value in row.items():
        if name in results.ROW_FIELDS or not isinstance(value, (int, float)):
            continue
        if not is_ledger(name, family):
            if classes.get(name) == "exact":
                found[name] = int(value)
        elif profile:
            found[f"{name}@{profile}"] = int(value)
    return found


def stage_row(row: Row, key: str, side: str, stage: int, pair: int,
              nr_pairs: int) -> Row:
    """A process's row as it stands in the document."""
    name = str(row["name"])
    done = results.complete_row({**row, "name": name}, pair, nr_pairs,
                                names.NO_PROFILE)
    done["name"] = done["run_name"] = f"{key}/{SIDE_KEY}:{side}"
    done["case"] = names.strip_library(name)
    done["stage"] = stage
    return done


Grouped = dict[tuple[str, int], Samples]


def _group(rows: Iterable[Row]) -> dict[str, Grouped]:
    """By key: samples of each side and stage."""
    found: dict[str, Grouped] = {}
    for row in rows:
        case = names.parse(row["name"])
        side = case.get(SIDE_KEY)
        bare = case.without(SIDE_KEY)
        stage = int(row.get("stage", 1))
        found.setdefault(str(bare), {}).setdefault(
            (side, stage), Samples(bare)).rows.append(row)
    return found


def _sampled(samples: Samples | None, metric: summary.Metric) \
        -> dict[int, float]:
    """The least of each sample, by pair."""
    if samples is None:
        return {}
    found = samples.by_round(metric.min) or samples.by_round(metric.avg)
    return {pair: value for pair, value in found.items() if value > 0}


def _turns(samples: Samples | None, metric: summary.Metric) \
        -> dict[int, list[float]]:
    """The least of each turn of each sample, by pair, where it took turns."""
    if samples is None or metric is not summary.METRIC:
        return {}
    return {int(row["repetition_index"]): turns for row in samples.good
            if (turns := row.get(TURNS)) and min(turns) > 0
            and math.isfinite(sum(turns))}


def _pairs(grouped: Grouped, metric: summary.Metric, stage: int,
           arm: str) -> Pairs:
    """Old and an arm in a stage: the pairs that both have a sample of."""
    old = _sampled(grouped.get((OLD, stage)), metric)
    new = _sampled(grouped.get((arm, stage)), metric)
    pairs = sorted(pair for pair in old if pair in new)
    turns = [_turns(grouped.get((side, stage)), metric) for side in (OLD, arm)]
    return Pairs(
        tuple(old[p] for p in pairs), tuple(new[p] for p in pairs),
        tuple(stats.ratio_in_turns(turns[0][p], turns[1][p])
              if p in turns[0] and p in turns[1] else new[p] / old[p]
              for p in pairs))


def _estimate(pairs: Pairs) -> Estimate | None:
    return verdict.estimate([1.0] * len(pairs.ratios), pairs.ratios)


def _figures(grouped: Grouped, metric: summary.Metric, stage: int,
             arm: str) -> Figures | None:
    samples = grouped.get((arm, stage))
    least = list(_sampled(samples, metric).values())
    if samples is None or not least:
        return None
    means = samples.values(metric.avg) or least
    return Figures(sum(means) / len(means), stats.median(least), len(least))


def _told(rows: Iterable[Row]) -> tuple[str, str]:
    """What is wrong with a side's rows, and why they were skipped."""
    skip = ""
    for row in rows:
        reason = results.skip_reason(row)
        error = results.row_error(row) if reason is None else None
        if error is not None:
            return error, ""
        skip = skip or reason or ""
    return "", skip


def _trouble(grouped: Grouped) -> tuple[str, str]:
    """Why a case has no number, and why it was skipped, which it is when both
    sides were; one is empty."""
    told = {side: _told(row for (of, _), samples in grouped.items()
                        if of == side for row in samples.rows)
            for side in (OLD, NEW)}
    skips = [skip for _, skip in told.values() if skip]
    if len(skips) == len(told):
        return "", "; ".join(dict.fromkeys(skips))
    return "; ".join(f"{side}: {error or f'skipped: {skip}'}" for side,
                     (error, skip) in told.items() if error or skip), ""


def _warnings(cases: Mapping[str, Grouped]) -> dict[str, list[str]]:
    """By word of doubt, the cases whose rows that count have it."""
    found: dict[str, dict[str, None]] = {}
    for key, grouped in cases.items():
        for (_, stage), samples in grouped.items():
            for words in samples.warnings if stage else ():
                for word in words.split(","):
                    found.setdefault(word, {})[key] = None
    return {word: list(keys) for word, keys in found.items()}


def _labels(grouped: Grouped) -> tuple[str, str]:
    """How each side went, in its first row."""
    found: dict[str, str] = {}
    for (side, _), samples in sorted(grouped.items()):
        if samples.good:
            found.setdefault(side, samples.label)
    return found.get(OLD, "no result"), found.get(NEW, "no result")


def _is_apart(grouped: Grouped, metric: summary.Metric) -> bool:
    """Is all of one side in stage one above all of the other?"""
    old, new = (_sampled(grouped.get((arm, 1)), metric).values()
                for arm in (OLD, NEW))
    return bool(old) and bool(new) and \
        (max(old) < min(new) or max(new) < min(old))


def _lines_of(case: names.Case, grouped: Grouped, floor: float,
              kind: str) -> list[Line]:
    """The comparisons of one case, verdicts still to be decided."""
    old_label, new_label = _labels(grouped)
    counted = results.COUNTED in (old_label, new_label)
    note = ""
    if old_label != new_label:
        note = ", ".join(f"{side}: {label}" for side, label in
                         ((OLD, old_label), (NEW, new_label))
                         if label != "ok")
    lines = []
    for metric in LATENCIES.get(case.family) or summary.metrics(case.family):
        stage = 2 if grouped.get((NEW, 2)) else 1
        first, second = (_pairs(grouped, metric, of, NEW) for of in (1, 2))
        stages = Stages(_estimate(first), _estimate(second), floor,
                        kind != FILES or _is_apart(grouped, metric))
        null = verdict.null_stages(
            _estimate(_pairs(grouped, metric, 1, NULL)),
            _estimate(_pairs(grouped, metric, 2, NULL)), floor)
        if counted or stages.first is None:
            if note and not counted:
                lines.append(Line(case, metric.title, None, None, stages,
                                  null, "", "", note, new_label))
            continue
        lines.append(Line(
            case, metric.title, _figures(grouped, metric, stage, OLD),
            _figures(grouped, metric, stage, NEW), stages, null,
            "" if note else verdict.UNRESOLVED, "", note, new_label,
            pairs=second if stages.second else first))
    return lines


def _decided(lines: Sequence[Line], is_gated: bool,
             null_family: str) -> list[Line]:
    """The lines with their verdicts; when a comparison of the same with
    the same differs, no verdict of the run stands."""
    told = verdict.decide({i: line.stages for i, line in enumerate(lines)
                           if line.verdict}, is_gated)
    null = verdict.decide({i: line.null for i, line in enumerate(lines)
                           if line.null.first is not None}, is_gated)
    if null_family:
        null = {i: told[i] for i, line in enumerate(lines)
                if i in told and line.case.family == null_family}
    has_fired = any(word in (verdict.FASTER, verdict.SLOWER)
                    for word in null.values())
    return [replace(line, null_verdict=null.get(i, ""),
                    is_void=has_fired and i in told,
                    verdict="" if i not in told else
                    verdict.UNRESOLVED if has_fired else told[i])
            for i, line in enumerate(lines)]


def _profiles(titles: Iterable[str]) -> set[str]:
    return {title.partition("@")[2] for title in titles} - {""}


def _counters(info: Mapping[str, Any], known: Collection[str]) \
        -> tuple[dict[str, list[Counter]], dict[str, dict[str, list[str]]]]:
    """What both sides counted, by case; and what only one did, by side.

    A kind of command that is not there is 0 where both counted the profile;
    of all else nothing is known. Cases that are known to have no number are
    not told of.
    """
    found: dict[str, list[Counter]] = {}
    only: dict[str, dict[str, list[str]]] = {OLD: {}, NEW: {}}
    for key, sides in info["counters"].items():
        old, new = (with_totals(sides.get(arm) or {}) for arm in (OLD, NEW))
        both = _profiles(old) & _profiles(new)
        of_case = []
        for title in dict.fromkeys([*old, *new]):
            name, _, profile = title.partition("@")
            if title in old and title in new or \
                    profile in both and is_sent(name):
                of_case.append(Counter(name, profile, old.get(title, 0),
                                       new.get(title, 0)))
            elif key not in known:
                what = "anything" if not old or not new else \
                    f"profile {profile}" if profile and profile not in both \
                    else title
                cases = only[OLD if title in old else NEW].setdefault(what, [])
                if key not in cases[-1:]:
                    cases.append(key)
        if of_case:
            found[key] = of_case
    return found, only


def renames(old: Sequence[str], new: Sequence[str],
            counters: Mapping[str, Mapping[str, Mapping[str, int]]]) \
        -> dict[str, str]:
    """Cases of old that may be those of new under another name: of the same
    family, with one part of the name different and the same counters."""
    found: dict[str, str] = {}
    for name in old:
        parts = set(name.split("/"))
        likely = [other for other in new if other not in found.values()
                  and other.split("/")[0] == name.split("/")[0]
                  and len(parts - set(other.split("/"))) == 1
                  and len(other.split("/")) == len(name.split("/"))
                  and counters.get(OLD, {}).get(name)
                  == counters.get(NEW, {}).get(other)]
        if len(likely) == 1:
            found[name] = likely[0]
    return found


def analyse(document: Mapping[str, Any]) -> Comparison:
    """Gather a document and judge it.

    Raises results.BadOutput when it is no comparison.
    """
    context = dict(document["context"])
    info = context.pop(INFO, None)
    if not isinstance(info, dict):
        raise results.BadOutput("it is no comparison: its context has no "
                                f"{INFO}")
    results.check(INFO, info, _INFO)
    results.check_rows(document["benchmarks"])
    try:
        grouped = _group(document["benchmarks"])
        lines: list[Line] = []
        problems: dict[str, str] = {}
        skips: dict[str, str] = {}
        # Whole, it has a row of each case, timed or counted.
        is_whole = info["kind"] == PAIRED and not info.get("is_identical") \
            and not info.get("incomplete")
        for pair in info["cases"]:
            case = names.parse(pair["key"])
            of_case = grouped.get(pair["key"], {})
            problem, skip = _trouble(of_case)
            if is_whole and not of_case:
                problem = "no process has left a row of it"
            if problem:
                problems[pair["key"]] = problem
            elif skip:
                skips[pair["key"]] = skip
            else:
                floor = info.get("floors", {}).get(
                    pair["key"], verdict.floor_of(pair["key"], info["floor"]))
                lines += _lines_of(case, of_case, float(floor), info["kind"])
        unpaired = {arm: list(info.get("unpaired", {}).get(arm, []))
                    for arm in (OLD, NEW)}
        null_family = NULL_FAMILY if info["kind"] == FILES else ""
        counters, one_sided = _counters(info, {*problems, *skips})
        return Comparison(
            context, info,
            _decided(lines, info["kind"] == PAIRED, null_family),
            counters, one_sided, unpaired,
            renames(unpaired[OLD], unpaired[NEW],
                    info.get("unpaired_counters", {})),
            problems, skips, list(info.get("failures", [])),
            _warnings(grouped))
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise results.BadOutput(f"it is no whole comparison: {error!r}") \
            from error


def suspects(found: Comparison) -> list[str]:
    """The cases that stage two must look at, in their order."""
    return list(dict.fromkeys(
        line.key for line in found.lines
        if line.verdict and (line.stages.is_hinted or line.null.is_suspect)))


def verdict_rows(found: Comparison) -> list[dict[str, Any]]:
    """Each line as plain data, for those who read the JSON."""
    rows = []
    for line in found.lines:
        decider = line.stages.deciding
        rows.append({
            "key": line.key, "op": line.op, "verdict": line.verdict,
            "note": line.note, "percent_min": line.percent,
            "interval_percent": list(line.interval or ()),
            "detectable_percent": line.detectable,
            "ratio": decider.point if decider else None,
            "p": decider.p if decider else None,
            "pairs": decider.nr_pairs if decider else 0,
            "stage": 2 if line.stages.second else 1,
            "null": line.null_verdict,
            "old": line.old and asdict(line.old),
            "new": line.new and asdict(line.new)})
    return rows
