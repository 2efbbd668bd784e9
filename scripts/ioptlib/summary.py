# SPDX-License-Identifier: GPL-2.0-only
"""The tables that a person sees after a run: old and new side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from . import names, results
from .results import Result, Samples
from .stats import Ratio, paired_ratio

WIDTH = 100
MAX_ROWS = 40


@dataclass(frozen=True)
class Pair:
    """Two engines to hold side by side, and what they differ in."""

    old: str
    new: str
    what: str


PAIRS = (
    Pair("lpae-split", "lpae-nosplit", "policy"),
    Pair("lpae-6.12", "lpae-7.3", "driver"),
)


@dataclass(frozen=True)
class Metric:
    """Which fields of a row are its average and its minimum."""

    title: str
    avg: str
    min: str


METRIC = Metric("", "cpu_ns", "block_min_ns")
REPLAY = (Metric("map", "map_ns", "map_ns"),
          Metric("unmap", "unmap_ns", "unmap_ns"))


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


def _render(header: Sequence[str], rows: Iterable[Sequence[str]],
            nr_left: int) -> list[str]:
    """Columns as wide as needed, the first nr_left flush left, the last
    one too."""
    body = [list(row) for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *body])
              for i in range(len(header))]
    lines = []
    for row in [list(header), *body]:
        cells = [cell.ljust(w) if i < nr_left or i == len(row) - 1
                 else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(row, widths))]
        lines.append("  " + "  ".join(cells).rstrip())
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
    """One comparison, ready to print."""

    heading: str
    lines: list[str]
    nr_rows: int


def _note(old: Samples, new: Samples) -> str:
    """What keeps two cases from being the same work."""
    notes = [f"{which}: {s.label}" for which, s in (("old", old), ("new", new))
             if s.label != "ok"]
    return ", ".join(notes)


def pair_table(family: Sequence[Samples], pair: Pair) -> Table | None:
    """Old and new of a pair side by side, None when it has no such rows."""
    by_case: dict[names.Case, dict[str, Samples]] = {}
    for samples in family:
        by_case.setdefault(samples.case.without("engine"), {})[
            samples.case.get("engine")] = samples
    both = {case: engines for case, engines in by_case.items()
            if pair.old in engines and pair.new in engines}
    if not both:
        return None
    cases = sorted(both, key=_order)
    keys, same = _varying(cases)
    rows, nr_rounds = [], 0
    is_interval = True
    for case in cases:
        old, new = both[case][pair.old], both[case][pair.new]
        for metric in metrics(case.family):
            ratio = compare(old, new, metric)
            if ratio:
                nr_rounds = max(nr_rounds, ratio.nr_pairs)
                is_interval = is_interval and ratio.is_interval
            note = _note(old, new)
            (old_avg, old_min) = _times(old, metric)
            (new_avg, new_min) = _times(new, metric)
            ratio_text = note or (spread(ratio) if ratio else "-")
            cells = [case.get(key) for key in keys]
            if len(metrics(case.family)) > 1:
                cells.append(metric.title)
            rows.append([*cells, old_avg, new_avg, old_min, new_min,
                         ratio_text])
    title_keys = list(keys)
    if len(metrics(cases[0].family)) > 1:
        title_keys.append("op")
    how = "" if nr_rounds < 2 else f" [95% CI, n={nr_rounds}]" \
        if is_interval else f" [range, n={nr_rounds}]"
    header = [*title_keys, "old avg", "new avg", "old min", "new min",
              "new/old min" + how]
    heading = f"old = {pair.old}, new = {pair.new}"
    if same:
        heading += f"  ({' '.join(same)})"
    return Table(heading, _render(header, rows, len(title_keys)), len(rows))


def plain_table(family: Sequence[Samples]) -> Table | None:
    """Average and minimum of cases that are compared with nothing."""
    ordered = sorted(family, key=lambda s: _order(s.case))
    if not ordered:
        return None
    keys, same = _varying([s.case for s in ordered])
    rows = []
    for samples in ordered:
        for metric in metrics(samples.case.family):
            avg, least = _times(samples, metric)
            cells = [samples.case.get(key) for key in keys]
            if len(metrics(samples.case.family)) > 1:
                cells.append(metric.title)
            rows.append([*cells, avg, least,
                         "" if samples.label == "ok" else samples.label])
    title_keys = list(keys)
    if len(metrics(ordered[0].case.family)) > 1:
        title_keys.append("op")
    lines = _render([*title_keys, "avg", "min", ""], rows, len(title_keys))
    return Table(" ".join(same), lines, len(rows))


def _unpaired(family: Sequence[Samples]) -> list[Samples]:
    paired = {engine for pair in PAIRS for engine in (pair.old, pair.new)}
    present = {s.case.get("engine") for s in family}
    whole = {e for pair in PAIRS if {pair.old, pair.new} <= present
             for e in (pair.old, pair.new)}
    return [s for s in family
            if s.case.get("engine") not in paired & whole]


def family_lines(family: Sequence[Samples], question: str,
                 max_rows: int | None = MAX_ROWS) -> list[str]:
    """A family's part of the summary."""
    measured = [s for s in family if s.good
                and results.outcome(s.good[0]) != results.COUNTED]
    if not measured:
        return []
    name = measured[0].case.family
    lines = [f"{name}: {question}" if question else name]
    tables = [pair_table(measured, pair) for pair in PAIRS]
    if not any(tables) or max_rows is None:
        tables.append(plain_table(_unpaired(measured)))
    for table in tables:
        if table is None:
            continue
        if table.heading:
            lines.append("  " + table.heading)
        shown = table.lines
        if max_rows is not None and table.nr_rows > max_rows:
            shown = shown[:max_rows + 1]
        lines += shown
        if len(shown) < len(table.lines):
            lines.append(f"  ... {len(table.lines) - len(shown)} more rows, "
                         f"V=1 shows them")
    return lines


def render(result: Result, questions: dict[str, str],
           max_rows: int | None = MAX_ROWS) -> str:
    """The whole summary, a table a family."""
    order = [name for name in questions if name in result.families]
    order += [name for name in result.families if name not in order]
    blocks = [family_lines(result.family(name), questions.get(name, ""),
                           max_rows)
              for name in order]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def error_lines(result: Result) -> list[str]:
    """One line for each case that failed in some round."""
    lines = []
    for case, samples in result.cases.items():
        errors: dict[str, int] = {}
        for row in samples.rows:
            text = results.row_error(row)
            if text and results.skip_reason(row) is None:
                errors[text] = errors.get(text, 0) + 1
        lines += [f"{case}: {text} ({count} of {len(samples.rows)} rounds)"
                  for text, count in errors.items()]
    return lines


def skip_lines(result: Result) -> list[str]:
    """One line for each reason for which cases were skipped."""
    reasons: dict[str, list[str]] = {}
    for case, samples in result.cases.items():
        for text in {results.skip_reason(row) for row in samples.rows}:
            if text is not None:
                reasons.setdefault(text, []).append(str(case))
    return [f"{len(cases)} skipped: {reason} ({cases[0]}"
            f"{', ...' if len(cases) > 1 else ''})"
            for reason, cases in reasons.items()]


def warning_lines(result: Result) -> list[str]:
    """One line for each doubt about the quality of numbers."""
    doubts: dict[str, list[str]] = {}
    for case, samples in result.cases.items():
        for text in samples.warnings:
            doubts.setdefault(text, []).append(str(case))
    return [f"{len(cases)} in doubt: {text} ({cases[0]}"
            f"{', ...' if len(cases) > 1 else ''})"
            for text, cases in doubts.items()]
