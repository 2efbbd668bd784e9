# SPDX-License-Identifier: GPL-2.0-only
"""The tables that a person sees after a run: old and new side by side."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from . import names, results
from .results import Result, Samples
from .stats import MIN_PAIRS, Ratio, median, paired_ratio

WIDTH = 100
MAX_ROWS = 8


@dataclass(frozen=True)
class Pair:
    """Two engines to hold side by side, and what to know of it."""

    old: str
    new: str
    note: str = ""

    def __str__(self) -> str:
        note = f": {self.note}" if self.note else ""
        return f"old = {self.old}, new = {self.new}{note}"


PAIRS = (
    Pair("lpae-split", "lpae-nosplit"),
    Pair("lpae-split", "unmap-remap", "what callers do without a split"),
    Pair("lpae-split", "lpae-whole", "which gives up all of the block"),
    Pair("lpae-6.12", "lpae-7.3"),
)

# The operation of the family limit that is the floor of a family.
FLOORS = {"map": "fill", "unmap": "clear"}


@dataclass(frozen=True)
class Metric:
    """Which fields of a row are its average and its minimum."""

    title: str
    avg: str
    min: str


METRIC = Metric("", "cpu_ns", "block_min_ns")
REPLAY = (Metric("map", "map_ns", "map_min_ns"),
          Metric("unmap", "unmap_ns", "unmap_min_ns"))


def metrics(family: str) -> tuple[Metric, ...]:
    """What is worth telling of a family's rows."""
    return REPLAY if family == "replay" else (METRIC,)


def human_ns(value: float) -> str:
    """A time with three digits and its unit: 812 ns, 12.4 us."""
    for unit in ("ns", "us", "ms"):
        digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
        if value < 999.5:
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f} s"


def human_ratio(value: float) -> str:
    """A ratio with three significant digits, short."""
    if value >= 99.95:
        return f"{value:,.0f}"
    digits = 1 if value >= 9.995 else 2 if value >= 0.9995 else 3
    return f"{value:.{digits}f}"


def spread(ratio: Ratio) -> str:
    """A ratio and how sure it is: 1.02 [1.01,1.04]."""
    if ratio.nr_pairs == 1:
        return human_ratio(ratio.point)
    return (f"{human_ratio(ratio.point)} "
            f"[{human_ratio(ratio.low)},{human_ratio(ratio.high)}]")


def _minimum(samples: Samples, metric: Metric) -> dict[int, float]:
    return samples.by_round(metric.min) or samples.by_round(metric.avg)


def compare(old: Samples, new: Samples, metric: Metric) -> Ratio | None:
    """New over old from the minima of each round that both have."""
    olds, news = _minimum(old, metric), _minimum(new, metric)
    rounds = sorted(r for r in olds if r in news
                    and olds[r] > 0 and news[r] > 0)
    if not rounds:
        return None
    return paired_ratio([olds[r] for r in rounds], [news[r] for r in rounds])


def _times(samples: Samples | None, metric: Metric) -> tuple[str, str]:
    """Average over all rounds, and the least."""
    values = samples.values(metric.avg) if samples else []
    if not samples or not values:
        return "-", "-"
    return (human_ns(sum(values) / len(values)),
            human_ns(min(_minimum(samples, metric).values())))


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]],
                 nr_left: int) -> list[str]:
    """Columns as wide as needed, the first nr_left flush left."""
    widths = [max(len(row[i]) for row in [header, *rows])
              for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [cell.ljust(w) if i < nr_left else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(row, widths))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _layout(keys: Sequence[str], header: Sequence[str],
            rows: Sequence[tuple[names.Case, Sequence[str]]]) -> list[str]:
    """A table of cases with their keys in front, and then op if there is.

    While it is too wide, the last key moves from a column to a line above
    those rows that share its value.
    """
    for nr_columns in range(len(keys), -1, -1):
        columns, above = keys[:nr_columns], keys[nr_columns:]
        groups: dict[str, list[Sequence[str]]] = {}
        for case, cells in rows:
            title = " ".join(f"{key}:{case.get(key)}" for key in above)
            groups.setdefault(title, []).append(
                [*(case.get(key) for key in columns), *cells])
        table = render_table([*columns, *header],
                        [row for group in groups.values() for row in group],
                        nr_columns + (header[0] == "op"))
        if max(map(len, table)) <= WIDTH or not nr_columns:
            break
    lines, body = [table[0]], iter(table[1:])
    for title, group in groups.items():
        lines += [f"  {title}"] if title else []
        lines += [next(body) for _ in group]
    return lines


def _varying(cases: Sequence[names.Case]) -> tuple[list[str], list[str]]:
    """The keys whose values differ, and key:value of those that do not."""
    keys = list(dict.fromkeys(key for case in cases for key, _ in case.keys))
    differ = [k for k in keys if len({case.get(k) for case in cases}) > 1]
    same = [f"{k}:{cases[0].get(k)}" for k in keys if k not in differ]
    return differ, same


def _order(case: names.Case) -> list[tuple[int, int, str]]:
    return [names.sort_key(value) for _, value in case.keys]


@dataclass(frozen=True)
class Table:
    """One comparison, ready to print; nr_left rows did not get in."""

    heading: str
    lines: list[str]
    nr_left: int = 0


R = TypeVar("R")


def most_telling(rows: Sequence[R], weights: Sequence[float],
                 max_rows: int | None) -> list[R]:
    """The rows of most weight, in their order; all where there is room."""
    if max_rows is None or len(rows) <= max_rows:
        return list(rows)
    best = sorted(range(len(rows)), key=lambda i: (-weights[i], i))[:max_rows]
    return [rows[i] for i in sorted(best)]


def weight(low: float, high: float) -> float:
    """How much a ratio between two bounds tells: by what factor it is off 1
    at least; 0 when it may be 1."""
    if low <= 0 or low <= 1 <= high:
        return 0.0
    return min(abs(math.log(low)), abs(math.log(high)))


Floors = dict[tuple[str, str, str], float]


def floors(result: Result) -> Floors:
    """The least that filling or clearing entries took, by operation,
    granule and count."""
    found = {}
    for samples in result.family("limit"):
        least = _minimum(samples, METRIC)
        if least:
            case = samples.case
            found[case.get("op"), case.get("granule"), case.get("count")] = \
                min(least.values())
    return found


def _over_floor(samples: Samples, floor: Floors) -> str:
    """How many times the floor a case takes: 8.2x, or nothing."""
    case = samples.case
    least = _minimum(samples, METRIC)
    bound = floor.get((FLOORS.get(case.family, ""), case.get("granule"),
                       case.get("count")))
    if not bound or not least:
        return ""
    return f"{human_ratio(min(least.values()) / bound)}x"


def _note(old: Samples, new: Samples) -> str:
    """What keeps two cases from being the same work."""
    notes = [f"{which}: {s.label}" for which, s in (("old", old), ("new", new))
             if s.label != "ok"]
    return ", ".join(notes)


def both_sides(family: Sequence[Samples], pair: Pair) \
        -> list[tuple[names.Case, Samples, Samples]]:
    """The cases that old and new of a pair both have, without the engine."""
    by_case: dict[names.Case, dict[str, Samples]] = {}
    for samples in family:
        by_case.setdefault(samples.case.without("engine"), {})[
            samples.case.get("engine")] = samples
    return sorted(((case, engines[pair.old], engines[pair.new])
                   for case, engines in by_case.items()
                   if pair.old in engines and pair.new in engines),
                  key=lambda row: _order(row[0]))


def pair_table(family: Sequence[Samples], pair: Pair, floor: Floors,
               max_rows: int | None = None) -> Table | None:
    """Old and new of a pair side by side, None when it has no such rows.

    Of more than max_rows those that differ most, beyond doubt.
    """
    both = both_sides(family, pair)
    if not both:
        return None
    keys, same = _varying([case for case, _, _ in both])
    wanted = metrics(both[0][0].family)
    rows, ratios, weights = [], [], []
    for case, old, new in both:
        for metric in wanted:
            ratio = compare(old, new, metric)
            ratios += [ratio] if ratio else []
            note = _note(old, new)
            told = note or (spread(ratio) if ratio else "-")
            weights.append(weight(ratio.low, ratio.high)
                           if ratio and not note else 0.0)
            averages, minima = zip(_times(old, metric), _times(new, metric))
            rows.append((case, [*([metric.title] if metric.title else []),
                                *averages, *minima, told,
                                _over_floor(new, floor)]))
    nr_rounds = max((r.nr_pairs for r in ratios), default=0)
    kind = "95% CI" if all(r.is_interval for r in ratios) else "range"
    how = f" [{kind}, n={nr_rounds}]" if nr_rounds > 1 else ""
    has_floor = any(cells[-1] for _, cells in rows)
    header = [*(["op"] if wanted[0].title else []), "old avg", "new avg",
              "old min", "new min", "new/old min" + how,
              "new/limit" if has_floor else ""]
    heading = str(pair)
    if same:
        heading += f"  ({' '.join(same)})"
    shown = most_telling(rows, weights, max_rows)
    return Table(heading, _layout(keys, header, shown),
                 len(rows) - len(shown))


def _priced(samples: Samples) -> list[float]:
    """Least CPU time of an operation, its simulated time, and their sum."""
    cpu = min(_minimum(samples, METRIC).values())
    sim = samples.values("sim_ns")[0]
    return [cpu, sim, cpu + sim]


def cost_table(family: Sequence[Samples], pair: Pair, profile: str,
               max_rows: int | None = None) -> Table | None:
    """CPU and simulated time of a pair under a profile, where both did the
    same work; None when nothing is sent, or it has no such rows."""
    both = [row for row in both_sides(family, pair)
            if row[1].values("sim_ns") and row[2].values("sim_ns")]
    priced = [(case, _priced(old), _priced(new)) for case, old, new in both
              if not _note(old, new)]
    if max_rows is not None:
        # What sends nothing costs what the table above says.
        priced = [row for row in priced if row[1][1] or row[2][1]]
    if not any(old[1] or new[1] for _, old, new in priced):
        return None
    keys, same = _varying([case for case, *_ in priced])
    rows = [(case, [*map(human_ns, old), *map(human_ns, new),
                    human_ratio(new[2] / old[2])])
            for case, old, new in priced]
    header = ["old cpu", "+sim", "=total", "new cpu", "+sim", "=total",
              "new/old"]
    heading = (f"{pair}; simulated by {profile}"
               + (f"  ({' '.join(same)})" if same else ""))
    shown = most_telling(rows, [weight(new[2] / old[2], new[2] / old[2])
                                for _, old, new in priced], max_rows)
    return Table(heading, _layout(keys, header, shown),
                 len(rows) - len(shown))


def by_profile(family: Sequence[Samples]) -> dict[str, list[Samples]]:
    """A family's cases by cost profile, without that key in their names."""
    found: dict[str, list[Samples]] = {}
    for s in family:
        found.setdefault(s.case.get(names.PROFILE_KEY), []).append(
            Samples(s.case.without(names.PROFILE_KEY), s.rows))
    return found


def _once(family: Sequence[Samples]) -> list[Samples]:
    """Each case under the first profile that it has: not all have each."""
    found: dict[names.Case, Samples] = {}
    for s in family:
        case = s.case.without(names.PROFILE_KEY)
        found.setdefault(case, Samples(case, s.rows))
    return list(found.values())


def plain_table(family: Sequence[Samples],
                max_rows: int | None = None) -> Table | None:
    """Average and minimum of cases that are compared with nothing."""
    ordered = sorted(family, key=lambda s: _order(s.case))
    if not ordered:
        return None
    keys, same = _varying([s.case for s in ordered])
    wanted = metrics(ordered[0].case.family)
    rows = [(samples.case,
             [*([metric.title] if metric.title else []),
              *_times(samples, metric),
              "" if samples.label == "ok" else samples.label])
            for samples in ordered for metric in wanted]
    header = [*(["op"] if wanted[0].title else []), "avg", "min", ""]
    shown = most_telling(rows, [0.0] * len(rows), max_rows)
    return Table(" ".join(same), _layout(keys, header, shown),
                 len(rows) - len(shown))


def human_rate(value: float) -> str:
    """Operations a second with three digits: 812/s, 12.4k/s, 3.10M/s."""
    for letter in ("", "k", "M", "G"):
        if value < 999.5 or letter == "G":
            break
        value /= 1000
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{letter}/s"


def nr_cpus(samples: Samples) -> int:
    """How many CPUs a case of the family contention uses."""
    return int(samples.case.get("cpus"))


def alone(family: Sequence[Samples], samples: Samples) -> Samples | None:
    """The case of one CPU that a case of several is held against."""
    return next((s for s in family if nr_cpus(s) == 1 and s.case.get("engine")
                 == samples.case.get("engine")), None)


def efficiency(family: Sequence[Samples], samples: Samples) -> Ratio | None:
    """Throughput over that of one CPU times their number, from the minima of
    each round: the time of an operation alone over its time among others."""
    base = alone(family, samples)
    return compare(samples, base, METRIC) if base else None


def _calls(samples: Samples, key: str) -> str:
    """The median over rounds of what single calls took."""
    values = samples.values(key)
    return human_ns(median(values)) if values else "-"


def contention_table(family: Sequence[Samples]) -> Table | None:
    """Throughput, efficiency and single calls by what CPUs share."""
    timed = sorted((s for s in family if s.good and not _is_counted(s)),
                   key=lambda s: _order(s.case))
    if not timed:
        return None
    keys, same = _varying([s.case for s in timed])
    rows, nr_rounds = [], 0
    for s in timed:
        ratio = efficiency(timed, s)
        nr_rounds = max(nr_rounds, ratio.nr_pairs if ratio else 0)
        least = _minimum(s, METRIC)
        tries = s.values("cmpxchg_per_issue")
        rows.append((s.case, [
            *_times(s, METRIC),
            human_rate(nr_cpus(s) * 1e9 / min(least.values())),
            spread(ratio) if ratio else "-",
            *(_calls(s, f"unmap_{which}_ns")
              for which in ("p50", "p99", "max")),
            f"{median(tries):.2f}" if tries else "-"]))
    how = f" [95% CI, n={nr_rounds}]" if nr_rounds >= MIN_PAIRS else ""
    return Table(
        "of ideal: throughput over that of one CPU times their number"
        + (f"  ({' '.join(same)})" if same else ""),
        _layout(keys, ["avg", "min", "best", "of ideal" + how, "unmap p50",
                       "p99", "max", "tries"], rows))


def human_count(name: str, value: float) -> str:
    """A counter's value: 32768, or 128M if its name says bytes."""
    whole = int(value)
    if "bytes" in name and whole:
        for shift, letter in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
            if whole % (1 << shift) == 0:
                return f"{whole >> shift}{letter}"
    return str(whole) if whole == value else f"{value:g}"


def counted_table(family: Sequence[Samples], pair: Pair,
                  classes: dict[str, str],
                  max_rows: int | None = None) -> Table | None:
    """The exact counters in which old and new of a pair differ."""
    both = both_sides(family, pair)
    if not both:
        return None
    differ = [name for name, cls in classes.items() if cls == "exact" and any(
        old.values(name) != new.values(name) for _, old, new in both)]
    keys, same = _varying([case for case, _, _ in both])
    heading = f"{pair}; counters old>new"
    if same:
        heading += f"  ({' '.join(same)})"
    if not differ:
        return Table(heading, ["  no difference"])

    def cell(name: str, old: Samples, new: Samples) -> str:
        return ">".join(human_count(name, s.values(name)[0])
                        if s.values(name) else "-" for s in (old, new))
    rows = [(case, [cell(name, old, new) for name in differ])
            for case, old, new in most_telling(both, [0.0] * len(both),
                                               max_rows)]
    # As many as fit beside the keys; the result has them all.
    for nr_shown in range(len(differ), 0, -1):
        lines = render_table([*keys, *differ[:nr_shown]],
                        [[*(case.get(key) for key in keys), *cells[:nr_shown]]
                         for case, cells in rows], len(keys))
        if max(map(len, lines)) <= WIDTH:
            break
    return Table(heading, lines, len(both) - len(rows))


def _unpaired(family: Sequence[Samples]) -> list[Samples]:
    paired = {engine for pair in PAIRS for engine in (pair.old, pair.new)}
    present = {s.case.get("engine") for s in family}
    whole = {e for pair in PAIRS if {pair.old, pair.new} <= present
             for e in (pair.old, pair.new)}
    return [s for s in family
            if s.case.get("engine") not in paired & whole]


def _is_counted(samples: Samples) -> bool:
    return bool(samples.good) and \
        results.outcome(samples.good[0]) == results.COUNTED


def _tables(family: Sequence[Samples], floor: Floors,
            classes: dict[str, str], max_rows: int | None) -> list[Table]:
    """What there is to say of a family: measured times are those of any
    profile; then what each profile makes of them."""
    cases = _once(family)
    if cases and cases[0].case.family == "contention":
        table = contention_table(cases)
        if table:
            return [table]
    profiles = by_profile(family)
    counted = [s for s in cases if _is_counted(s)]
    timed = [s for s in cases if s.good and not _is_counted(s)]
    tables = [pair_table(timed, pair, floor, max_rows) for pair in PAIRS]
    tables += [counted_table(counted, pair, classes, max_rows)
               for pair in PAIRS]
    if max_rows is None or not any(tables):
        tables.append(plain_table(_unpaired(timed), max_rows))
    tables += [cost_table([s for s in of_profile if s.good], pair, profile,
                          max_rows)
               for profile, of_profile in profiles.items() if profile
               for pair in PAIRS]
    return [table for table in tables if table is not None]


# Tells a family in its own way: its cases, the classes of counters, and
# whether all is wanted or what fits a terminal.
Teller = Callable[[Sequence[Samples], Mapping[str, str], bool], list[str]]


def family_lines(family: Sequence[Samples], question: str, floor: Floors,
                 classes: dict[str, str], max_rows: int | None,
                 teller: Teller | None = None) -> list[str]:
    """A family's part of the summary."""
    lines = teller(family, classes, max_rows is None) if teller else []
    for table in () if teller else _tables(family, floor, classes, max_rows):
        lines += [f"  {table.heading}"] if table.heading else []
        lines += table.lines
        if table.nr_left:
            lines.append(f"  ... {table.nr_left} more rows, V=1 shows them")
    if not lines:
        return []
    name = family[0].case.family
    return [f"{name}: {question}" if question else name, *lines]


def render(result: Result, questions: dict[str, str],
           max_rows: int | None = MAX_ROWS,
           tellers: Mapping[str, Teller] | None = None) -> str:
    """The whole summary, a table a family, or what its own teller says."""
    order = [name for name in questions if name in result.families]
    order += [name for name in result.families if name not in order]
    floor = floors(result)
    classes = results.counter_classes(result.context)
    blocks = [family_lines(result.family(name), questions.get(name, ""),
                           floor, classes, max_rows,
                           (tellers or {}).get(name))
              for name in order]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _gather(result: Result, tell: Callable[[Samples], Iterable[str]]) \
        -> dict[str, list[str]]:
    """What there is to tell, and the cases of each, once for all profiles."""
    found: dict[str, dict[str, None]] = {}
    for case, samples in result.cases.items():
        for text in tell(samples):
            found.setdefault(text, {})[str(case.without("tlbi"))] = None
    return {text: list(cases) for text, cases in found.items()}


def _first(cases: Sequence[str]) -> str:
    return cases[0] + (f" and {len(cases) - 1} more" if len(cases) > 1 else "")


def error_lines(result: Result) -> list[str]:
    """One line for each way in which cases failed."""
    def tell(samples: Samples) -> list[str]:
        errors = [results.row_error(row) for row in samples.rows
                  if results.skip_reason(row) is None]
        return [f"{text} ({errors.count(text)} of {len(samples.rows)} rounds)"
                for text in dict.fromkeys(errors) if text]
    return [f"{_first(cases)}: {text}"
            for text, cases in _gather(result, tell).items()]


def skip_lines(result: Result) -> list[str]:
    """One line for each reason for which cases were skipped."""
    def tell(samples: Samples) -> list[str]:
        reasons = map(results.skip_reason, samples.rows)
        return [reason for reason in reasons if reason is not None]
    return [f"{len(cases)} skipped: {reason} ({_first(cases)})"
            for reason, cases in _gather(result, tell).items()]


# Facts of the machine that should be the same from the first process to the
# last; load and the like change by nature.
SETTLED = ("governor", "frequency", "turbo", "throttling", "smt", "thp",
           "numa_balancing", "aslr", "clocksource", "cpu_quota")


# Counts since boot, and how much may be stolen of the time between.
_THROTTLED = re.compile(r"(\d+) times since boot")
_STOLEN = re.compile(r"[\d.]+ %: ([\d.]+) of ([\d.]+) s since boot")
STOLEN_SHARE, STOLEN_FROM_S = 0.01, 1.0


def _growth(values: Any, count: re.Pattern[str]) -> list[float]:
    """By how much the counts of a fact grew from the first process to the
    last; nothing if they did not, or it is no such fact."""
    if not isinstance(values, list):
        return []
    ends = [match for text in (values[0], values[-1])
            if (match := count.fullmatch(str(text)))]
    if len(ends) < 2:
        return []
    return [float(last) - float(first)
            for first, last in zip(ends[0].groups(), ends[1].groups())]


def _growth_lines(context: Mapping[str, Any]) -> list[str]:
    """What was done to the CPU while it was measured on."""
    lines = []
    throttled = _growth(context.get("iopt_host_throttling"), _THROTTLED)
    if throttled and throttled[0] > 0:
        lines.append(
            "doubtful: The CPU was throttled while measuring, "
            f"{throttled[0]:.0f}x. Cool the machine, and run: make tune, "
            "which takes turbo away.")
    stolen = _growth(context.get("iopt_host_steal"), _STOLEN)
    if stolen and stolen[1] >= STOLEN_FROM_S and \
            stolen[0] > STOLEN_SHARE * stolen[1]:
        lines.append(
            f"doubtful: The hypervisor took {100 * stolen[0] / stolen[1]:.1f} "
            "% of the CPU's time while measuring. Use a machine with CPUs of "
            "its own, or measure again when its neighbours are quiet.")
    return lines


def doubt_lines(context: Mapping[str, Any]) -> list[str]:
    """What makes times on this machine less sure, and what to do about it."""
    lines = []
    for key, value in context.items():
        if not key.startswith("iopt_doubt_"):
            continue
        texts = value if isinstance(value, list) else [str(value)]
        lines += [f"doubtful: {text}" for text in texts
                  if text != "unknown"][:1]
    for fact in SETTLED:
        value = context.get(f"iopt_host_{fact}")
        if isinstance(value, list) and not _growth(value, _THROTTLED):
            lines.append(f"doubtful: {fact} changed while measuring: "
                         + ", then ".join(map(str, value))
                         + ". See who changes it, and measure again.")
    return lines + _growth_lines(context)


# What the words of a row's warning mean.
DOUBTS = {
    "n2n": "twice the operations did not take twice the time",
    "short": "sections too short for the clock",
    "multiplexed": "another used the CPU's counters, so there are none",
    "perf-failed": "the CPU's counters could not be read, so there are none",
    "lost": "events were lost when the trace was recorded",
    "cut": "events of the trace that could not be replayed were left out",
}


def warning_lines(result: Result) -> list[str]:
    """One line for each doubt about the quality of numbers."""
    def tell(samples: Samples) -> list[str]:
        return [DOUBTS.get(word, word) for words in samples.warnings
                for word in words.split(",")]
    return [f"{len(cases)} in doubt: {text} ({_first(cases)})"
            for text, cases in _gather(result, tell).items()]
