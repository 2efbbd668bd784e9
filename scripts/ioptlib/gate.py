# SPDX-License-Identifier: GPL-2.0-only
"""The gate: exact counters against a committed expectation, and its reports.

Pure, but for load_settings() and load_baseline(), which read a file.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

from . import cover, formats, results
from .comparison import FAILED, INCONCLUSIVE, PASS, REGRESSION, SKIPPED, \
    Comparison

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
    """What results/baseline/gate.ini says.

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
        if not cases:
            raise ValueError("it names no cases")
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
    """Read the gate file; raises BadFile that names it."""
    try:
        return parse_settings(path.read_text("utf-8"))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
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
        results.check("cases", data["cases"],
                      results.Object(rest=results.Object(rest=int)))
        found: Counts = data["cases"]
    except (results.BadOutput, ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(f"it is no baseline: {error!r}") from error
    return found


def load_baseline(path: Path) -> Counts:
    """Read the baseline, empty if there is none; raises BadFile."""
    try:
        return parse_baseline(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
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
    skipped: by case of the baseline, why it cannot be counted here
    doubts: what should have been compared, and could not be
    notes: what else to know, such as that no anchor was named
    """

    counts: Counts
    baseline: Counts
    changes: list[Change] = field(default_factory=list)
    unstable: list[Change] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    times: Comparison | None = None

    @property
    def _timed(self) -> int:
        """The times' own exit code, without counters: those have to be what
        the baseline says, whatever the anchor counts. What cannot run here is
        no pass."""
        if self.times is None:
            return PASS
        code = self.times.times_code
        return INCONCLUSIVE if code in (PASS, SKIPPED) and self.times.skips \
            else code

    @property
    def exit_code(self) -> int:
        """As docs/method.md lists them: what is confirmed comes first, then
        what failed, then what cannot be told. A case too many or too few is
        no doubt but a difference, unless something failed and took it."""
        if self.unstable:
            return FAILED
        if self.changes or self._timed == REGRESSION:
            return REGRESSION
        if self.failures or self.skipped or self._timed == FAILED:
            return FAILED
        if self.missing or self.added:
            return REGRESSION
        if self.doubts or self._timed == INCONCLUSIVE:
            return INCONCLUSIVE
        return PASS

    @property
    def verdict(self) -> str:
        """The exit code in words."""
        if self.exit_code == REGRESSION and self._timed != REGRESSION:
            return "the counters are not those of the baseline"
        return {PASS: "pass", FAILED: "failed", REGRESSION: "regression",
                INCONCLUSIVE: "inconclusive"}[self.exit_code]


def judge(baseline: Counts, first: Counts, second: Counts,
          is_partial: bool = False,
          skips: Mapping[str, str] | None = None) -> Report:
    """Two counting passes against each other, and against the baseline;
    of a partial run nothing is missing. skips: why cases were not counted."""
    report = Report(first, baseline)
    report.skipped = {case: (skips or {})[case] for case in baseline
                      if case not in first and case in (skips or {})}
    report.unstable = differences(first, second)
    report.unstable += [Change(case, "(in one pass only)", 0, 0)
                        for case in sorted(first.keys() ^ second.keys())]
    report.changes = differences(baseline, first)
    report.missing = [] if is_partial else \
        [case for case in baseline
         if case not in first and case not in report.skipped]
    report.added = [case for case in first if case not in baseline]
    return report


def by_case(changes: Sequence[Change]) -> dict[str, str]:
    """All that changed in a case, in one line."""
    found: dict[str, list[str]] = {}
    for change in changes:
        found.setdefault(change.case, []).append(str(change))
    return {case: ", ".join(texts) for case, texts in found.items()}


def grouped(said: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """What is said of cases, and the cases that this is said of."""
    alike: dict[str, list[str]] = {}
    for case, text in said.items():
        alike.setdefault(text, []).append(case)
    return list(alike.items())


def told_of(said: Mapping[str, str]) -> list[str]:
    """A line for each that is said, with the first case that it is said of."""
    return [f"{cases[0]}"
            + (f" and {len(cases) - 1} more" if len(cases) > 1 else "")
            + f": {text}" for text, cases in grouped(said)]


def change_lines(changes: Sequence[Change]) -> list[str]:
    """A line for each kind of change, of one operation."""
    return told_of(by_case(changes))


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
    lines += _list("in the baseline, but not here (meant? make bless)",
                   report.missing)
    lines += _list("here, but not in the baseline (meant? make bless)",
                   report.added)
    lines += _list("in the baseline, but skipped here",
                   told_of(report.skipped))
    lines += [f"FAILED {line}" for line in report.failures]
    lines += report.doubts + report.notes
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
    lines += [f"- in the baseline, but skipped here: {formats.md(line)}"
              for line in told_of(report.skipped)]
    lines += [f"- **{formats.md(line)}**" for line in report.doubts]
    lines += [f"- {formats.md(line)}" for line in report.notes]
    if report.times is not None:
        lines += ["", formats.markdown(report.times, MAX_LINES)]
    return "\n".join([*lines, ""])


def junit_of(report: Report) -> str:
    """JUnit: a test for each case's counters, then those of the times."""
    said: dict[str, list[str]] = {case: [] for case in report.counts}

    def say(texts: Mapping[str, str]) -> None:
        for case, text in texts.items():
            said.setdefault(case, []).append(text)
    say(by_case(report.changes))
    say({case: f"two passes differ: {text}"
         for case, text in by_case(report.unstable).items()})
    say(dict.fromkeys(report.added, "not in the baseline: make bless"))
    say(dict.fromkeys(report.missing, "only in the baseline"))

    def fill(suite: ElementTree.Element) -> None:
        for case, texts in said.items():
            formats.junit_case(suite, case, "failure" if texts else "",
                               "; ".join(texts))
        for case, why in report.skipped.items():
            formats.junit_case(suite, case, "error", f"skipped here: {why}")
        for line in [*report.failures, *report.doubts]:
            formats.junit_case(suite, "suite", "error", line)
        if report.times is not None:
            formats.add_junit(report.times, suite, has_counters=False)
    return formats.junit_text("iopt-bench regress", fill)


def _family_lines(cases: Iterable[str], counts: Counts,
                  what: str) -> list[str]:
    """A line a case with its counters, but for many of one family one line."""
    lines = []
    for family, members in groupby(sorted(cases),
                                   lambda case: case.partition("/")[0]):
        names = list(members)
        if len(names) > MAX_LINES:
            lines.append(f"{family}: {len(names)} cases: {what}")
            continue
        for name in names:
            values = ", ".join(f"{key} {value}" for key, value
                               in counts[name].items())
            lines.append(f"{name}: {what}: {values or 'all counters are 0'}")
    return lines


def bless_text(report: Report) -> str:
    """What blessing changes: old, new and difference of each operation, and
    what cases that come or go have."""
    lines = [f"{case}: {text}"
             for case, text in by_case(report.changes).items()]
    lines += _family_lines(report.missing, report.baseline, "no longer there")
    lines += [f"{case}: no longer there, skipped: {why}"
              for case, why in report.skipped.items()]
    lines += _family_lines(report.added, report.counts, "new")
    return "".join(f"{line}\n" for line in lines) or \
        "the baseline is as it was\n"
