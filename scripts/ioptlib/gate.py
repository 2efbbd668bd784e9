# SPDX-License-Identifier: GPL-2.0-only
"""The gate: exact counters against a committed expectation, and its reports.

Pure, but for load_settings() and load_baseline(), which read a file.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from . import cover, formats
from .comparison import FAILED, INCONCLUSIVE, PASS, REGRESSION, Comparison

SCHEMA = 1
MAX_S = 5.0
MAX_LINES = 40

# Of each case the exact counters of one operation that are not 0, those of a
# ledger as name@profile.
Counts = dict[str, dict[str, int]]


class BadFile(ValueError):
    """A baseline or a gate file that cannot be used; says what is wrong."""


@dataclass(frozen=True)
class Settings:
    """What data/gate.ini says.

    cases: names of the gate set, in their order
    floors: least effect as a share, by a regex of names; the first counts
    """

    cases: tuple[str, ...]
    profiles: tuple[str, ...]
    anchor: str = ""
    min_time_ms: int = 5
    nr_first: int = 10
    nr_second: int = 20
    budget_s: float = 240.0
    floors: tuple[tuple[str, float], ...] = ()

    def floors_of(self, keys: Sequence[str]) -> dict[str, float]:
        """The floor of each case that has one of its own."""
        found = {}
        for key in keys:
            for pattern, floor in self.floors:
                if re.search(pattern, key):
                    found[key] = floor
                    break
        return found


def parse_settings(text: str) -> Settings:
    """Read the gate file; raises BadFile."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",),
                                       strict=True)
    parser.optionxform = str  # type: ignore[assignment]
    try:
        parser.read_string(text)
        gate = parser["gate"]
        cases = tuple(line.strip() for line in gate["cases"].splitlines()
                      if line.strip() and not line.strip().startswith("#"))
        floors = tuple((pattern, float(percent) / 100) for pattern, percent
                       in (parser["floors"].items()
                           if parser.has_section("floors") else ()))
        for pattern, _ in floors:
            re.compile(pattern)
        found = Settings(
            cases, tuple(gate["profiles"].split()), gate.get("anchor", ""),
            gate.getint("min_time_ms", 5), gate.getint("pairs", 10),
            gate.getint("pairs_of_suspects", 20),
            gate.getfloat("budget_s", 240.0), floors)
    except (configparser.Error, KeyError, ValueError, re.error) as error:
        raise BadFile(f"it is no gate file: {error}") from error
    twice = [name for name in set(cases) if cases.count(name) > 1]
    if twice:
        raise BadFile(f"{twice[0]} is in it twice")
    return found


def load_settings(path: Path) -> Settings:
    """Read the gate file; raises OSError, and BadFile that names it."""
    try:
        return parse_settings(path.read_text("utf-8"))
    except (BadFile, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: {error}") from error


def nonzero(counters: Mapping[str, int]) -> dict[str, int]:
    """The counters that are not 0: a kind of command that is not sent has
    none at all."""
    return {name: counters[name] for name in sorted(counters)
            if counters[name]}


def dump_baseline(counts: Mapping[str, Mapping[str, int]],
                  profiles: Sequence[str]) -> str:
    """The text of the baseline, a case a line."""
    lines = [f"    {json.dumps(name)}: {json.dumps(nonzero(counters))}"
             for name, counters in sorted(counts.items())]
    return (f'{{\n  "schema": {SCHEMA},\n  "profiles": '
            f'{json.dumps(list(profiles))},\n  "cases": {{\n'
            + ",\n".join(lines) + "\n  }\n}\n")


def parse_baseline(text: str) -> Counts:
    """Read the baseline; raises BadFile."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise BadFile(f"its schema is {data['schema']!r}, not {SCHEMA}")
        found = {str(name): {str(key): int(value)
                             for key, value in counters.items()}
                 for name, counters in data["cases"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(f"it is no baseline: {error!r}") from error
    return found


def load_baseline(path: Path) -> Counts:
    """Read the baseline, empty if there is none; raises OSError, BadFile."""
    try:
        return parse_baseline(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (BadFile, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: {error}") from error


@dataclass(frozen=True)
class Change:
    """A counter of a case that is not what it was."""

    case: str
    counter: str
    old: int
    new: int

    def __str__(self) -> str:
        return (f"{self.counter} {self.old} -> {self.new} "
                f"({self.new - self.old:+d})")


def differences(old: Counts, new: Counts) -> list[Change]:
    """Every counter that differs, of the cases that both have."""
    found = []
    for case in old:
        if case not in new:
            continue
        was, now = old[case], new[case]
        for counter in sorted(was.keys() | now.keys()):
            pair = was.get(counter, 0), now.get(counter, 0)
            if pair[0] != pair[1]:
                found.append(Change(case, counter, *pair))
    return found


@dataclass
class Report:
    """What the gate found.

    unstable: counters that were different in the two passes of this job
    missing, added: cases only in the baseline, only in this build
    notes: what else to know, such as why times were not compared
    """

    counts: Counts
    baseline: Counts
    changes: list[Change] = field(default_factory=list)
    unstable: list[Change] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    times: Comparison | None = None

    @property
    def exit_code(self) -> int:
        """As docs/method.md lists them: what is confirmed comes first, then
        what failed, then what cannot be told."""
        timed = self.times.exit_code if self.times else PASS
        if self.unstable:
            return FAILED
        if self.changes or timed == REGRESSION:
            return REGRESSION
        if self.failures or timed == FAILED:
            return FAILED
        if self.missing or self.added or timed == INCONCLUSIVE:
            return INCONCLUSIVE
        return PASS

    @property
    def verdict(self) -> str:
        """The exit code in words."""
        return {PASS: "pass", FAILED: "failed", REGRESSION: "regression",
                INCONCLUSIVE: "inconclusive"}[self.exit_code]


def judge(baseline: Counts, first: Counts, second: Counts,
          is_partial: bool = False) -> Report:
    """Two counting passes against each other, and against the baseline;
    of a partial run nothing is missing."""
    report = Report(first, baseline)
    report.unstable = differences(first, second)
    report.unstable += [Change(case, "(in one pass only)", 0, 0)
                        for case in sorted(first.keys() ^ second.keys())]
    report.changes = differences(baseline, first)
    report.missing = [] if is_partial else \
        [case for case in baseline if case not in first]
    report.added = [case for case in first if case not in baseline]
    return report


def grouped(changes: Sequence[Change]) -> list[tuple[str, list[str]]]:
    """What changed in a case, and the cases that this is said of."""
    by_case: dict[str, list[str]] = {}
    for change in changes:
        by_case.setdefault(change.case, []).append(str(change))
    alike: dict[str, list[str]] = {}
    for case, texts in by_case.items():
        alike.setdefault(", ".join(texts), []).append(case)
    return list(alike.items())


def change_lines(changes: Sequence[Change]) -> list[str]:
    """A line for each kind of change, of one operation."""
    return [f"{cases[0]}"
            + (f" and {len(cases) - 1} more" if len(cases) > 1 else "")
            + f": {text}" for text, cases in grouped(changes)]


def _list(title: str, names: Sequence[str]) -> list[str]:
    more = [f"  and {len(names) - MAX_LINES} more"] \
        if len(names) > MAX_LINES else []
    return [f"{title}:", *(f"  {name}" for name in names[:MAX_LINES]),
            *more] if names else []


def text_of(report: Report) -> str:
    """For a person: the counters, then the times."""
    lines = [f"counters: {len(report.counts)} cases against "
             f"{len(report.baseline)} of the baseline, "
             f"{len({c.case for c in report.changes})} differ"]
    lines += _list("not the same in two passes of this job, which is a bug "
                   "of the suite", change_lines(report.unstable))
    lines += _list("of one operation, baseline -> now (meant? make bless)",
                   change_lines(report.changes))
    lines += _list("in the baseline, but not here", report.missing)
    lines += _list("here, but not in the baseline (meant? make bless)",
                   report.added)
    lines += [f"FAILED {line}" for line in report.failures]
    lines += report.notes
    if report.times is not None:
        lines += ["", cover.render(report.times).rstrip("\n")]
    return "\n".join([*lines, f"gate: {report.verdict}"]) + "\n"


def markdown_of(report: Report) -> str:
    """For the job's page."""
    lines = [f"## iopt-bench gate: {report.verdict}", "",
             f"Counters: {len(report.counts)} cases, "
             f"{len({c.case for c in report.changes})} differ from the "
             "baseline.", ""]
    for title, changes in (("Not the same in two passes of this job",
                            report.unstable),
                           ("Differs from the baseline", report.changes)):
        if not changes:
            continue
        lines += [f"**{title}**, of one operation:", "",
                  "| case | counter | old | new | difference |",
                  "| --- | --- | ---: | ---: | ---: |"]
        lines += [f"| {formats.code(c.case)} | {formats.md(c.counter)} | "
                  f"{c.old} | {c.new} | {c.new - c.old:+d} |"
                  for c in changes[:MAX_LINES]]
        if len(changes) > MAX_LINES:
            lines += ["", f"and {len(changes) - MAX_LINES} more"]
        lines.append("")
    for title, names in (("only in the baseline", report.missing),
                         ("not in the baseline", report.added)):
        lines += [f"- {title}: {formats.code(name)}"
                  for name in names[:MAX_LINES]]
        if len(names) > MAX_LINES:
            lines.append(f"- and {len(names) - MAX_LINES} more {title}")
    lines += [f"- **FAILED** {formats.md(line)}" for line in report.failures]
    lines += [f"- {formats.md(line)}" for line in report.notes]
    if report.times is not None:
        lines += ["", formats.markdown(report.times, MAX_LINES)]
    return "\n".join([*lines, ""])


def junit_of(report: Report) -> str:
    """JUnit: a test for each case's counters, then those of the times."""
    def fill(suite: ElementTree.Element) -> None:
        said: dict[str, list[str]] = {}
        for change in report.changes:
            said.setdefault(change.case, []).append(str(change))
        for change in report.unstable:
            said.setdefault(change.case, []).append(
                f"two passes differ: {change}")
        for case in report.counts:
            texts = said.get(case, [])
            kind = "failure" if texts else ""
            if case in report.added:
                kind, texts = "error", ["not in the baseline: make bless"]
            formats.junit_case(suite, case, kind, "; ".join(texts))
        for case in report.missing:
            formats.junit_case(suite, case, "error", "only in the baseline")
        for line in report.failures:
            formats.junit_case(suite, "suite", "error", line)
        if report.times is not None:
            formats.add_junit(report.times, suite)
    return formats.junit_text("iopt-bench regress", fill)


def bless_text(report: Report) -> str:
    """What blessing changes: old, new, difference, of each case."""
    lines = change_lines(report.changes)
    lines += [f"{name}: no longer there" for name in report.missing]
    lines += [f"{name}: new" for name in report.added]
    return "".join(f"{line}\n" for line in lines) or \
        "the baseline is as it was\n"
