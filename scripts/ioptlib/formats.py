# SPDX-License-Identifier: GPL-2.0-only
"""A comparison for other programs: Markdown, benchstat, CSV, JUnit, LAVA."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from . import cover, results, verdict
from .comparison import Comparison, Counter, Line
from .console import printable
from .paired import NEW, OLD
from .results import Row

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#!])")
_NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?")

# What a spreadsheet takes for the start of a formula, full-width ones too.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def _one_line(text: object) -> str:
    """Printable text, with one blank at most in a row and none at an end."""
    return " ".join(printable(text).split())


def md(text: object) -> str:
    """Text that Markdown and HTML leave alone, on one line."""
    return _MARKDOWN.sub(r"\\\1", _one_line(text))


def code(text: object) -> str:
    """Text as code in a table cell: no back tick or bar can end it."""
    safe = _one_line(text).replace("`", "'").replace("|", "/")
    return f"`{safe}`"


def _md_table(header: list[str], rows: list[list[str]],
              max_rows: int | None) -> list[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    more = [] if max_rows is None or len(rows) <= max_rows else \
        [f"{len(rows) - max_rows} more rows are in the artifacts.", ""]
    return ["| " + " | ".join(cells) + " |"
            for cells in (header, rule, *rows[:max_rows])] + ["", *more]


def _md_row(line: Line) -> list[str]:
    return [code(line.title), cover.pair_text(line, "avg"),
            cover.pair_text(line, "min"), md(cover.result_text(line)),
            line.verdict or md(line.note)]


def _differ(found: Comparison) -> list[tuple[str, Counter]]:
    """Each counter that differs, with its case: worse ones first."""
    return sorted(((key, counter)
                   for key, counters in found.other_counters.items()
                   for counter in counters), key=lambda kc: not kc[1].is_worse)


def _md_counters(title: str, counters: list[tuple[str, Counter]],
                 max_rows: int | None) -> list[str]:
    rows = [[code(key), md(c.title), str(c.old), str(c.new),
             f"{c.new - c.old:+d}"] for key, c in counters]
    header = ["case", "counter", "old", "new", "difference"]
    return [title, "", *_md_table(header, rows, max_rows)] if rows else []


def markdown(found: Comparison, max_rows: int | None = None) -> str:
    """For a job's page: what got worse first, at most so many rows of each
    table, and how many there are of each verdict."""
    lines = [f"### {md(found.side(OLD)['label'])} against "
             f"{md(found.side(NEW)['label'])}", "",
             md("; ".join(cover.count_lines(found))) + ".", ""]
    for text in cover.warnings(found):
        lines += [f"**{md(text)}**", ""]
    lines += [f"- {md(text)}" for text in found.doubts] + [""]
    differ = _differ(found)
    lines += _md_counters("Counters that got worse, of one operation:",
                          [kc for kc in differ if kc[1].is_worse], max_rows)
    rows = [_md_row(line) for line in cover.worst_first(found.lines)]
    if rows:
        lines += _md_table(["case", "avg new,old ns", "min new,old ns",
                            "min % [95 % CI]", "verdict"], rows, max_rows)
    for text in cover.pairs_note(found):
        lines += [md(text), ""]
    lines += _md_counters("Other counters that differ, of one operation:",
                          [kc for kc in differ if not kc[1].is_worse],
                          max_rows)
    texts = cover.left_texts(found)
    lines += [f"- {md(text)}" for text in texts[:max_rows]]
    if max_rows is not None and len(texts) > max_rows:
        lines.append(f"- and {len(texts) - max_rows} more lines")
    return "\n".join([*lines, "", "<details><summary>Where and how</summary>",
                      "", *(f"- {md(text)}" for text in cover.facts(found)),
                      "", "</details>", ""])


def go_name(case: str) -> str:
    """A case as a Go benchmark's name."""
    return "Benchmark" + case[:1].upper() + case[1:]


def benchstat(found: Comparison, rows: list[Row], which: str) -> str:
    """Raw samples of a side in Go's format: `benchstat old.txt new.txt`."""
    side = found.side(which)
    lines = [f"{key}: {cover.plain(value)}" for key, value in (
        ("goarch", found.context.get("iopt_host_arch", "unknown")),
        ("cpu", found.context.get("iopt_host_cpu_model", "unknown")),
        ("side", side["label"]), ("revision", side["revision"]))]
    for row in rows:
        name, _, arm = row["name"].rpartition("/side:")
        if arm != which or "cpu_ns" not in row or results.row_error(row) or \
                results.skip_reason(row) or not row.get("stage", 1):
            continue
        least = row.get("block_min_ns")
        lines.append(f"{go_name(name)} {int(row.get('iterations', 1))} "
                     f"{row['cpu_ns']:.6g} ns/op"
                     + (f" {least:.6g} min-ns/op" if least else ""))
    return "\n".join(lines) + "\n"


CSV_HEADER = ("kind", "case", "op", "verdict", "note", "old_avg_ns",
              "new_avg_ns", "old_min_ns", "new_min_ns", "percent_min",
              "percent_pairs", "low_percent", "high_percent",
              "detectable_percent", "pairs", "p", "old_count", "new_count")


def _time_cells(line: Line) -> dict[str, object]:
    decider = line.stages.deciding
    low, high = line.interval or (None, None)
    cells: dict[str, object] = {
        f"{word}_{field}_ns": getattr(side, field, None)
        for field in ("avg", "min")
        for word, side in (("old", line.old), ("new", line.new))}
    return {**cells, "kind": "time", "case": line.case, "op": line.op,
            "verdict": line.verdict,
            "note": line.note or ("null arm" if line.is_void else
                                  "not confirmed" if line.is_unconfirmed
                                  else ""),
            "percent_min": line.percent, "percent_pairs": line.percent_pairs,
            "low_percent": low, "high_percent": high,
            "detectable_percent": line.detectable,
            "pairs": decider.nr_pairs if decider else 0,
            "p": decider.p if decider else None}


def _csv_cells(found: Comparison) -> list[dict[str, object]]:
    """Worst first: counters, times, what is in no table, what weakens it."""
    counters: list[dict[str, object]] = [
        {"kind": "counter", "case": key, "op": counter.title,
         "verdict": "worse" if counter.is_worse else "differs",
         "old_count": counter.old, "new_count": counter.new}
        for key, counter in _differ(found)]
    nr_worse = sum(cells["verdict"] == "worse" for cells in counters)
    notes: list[dict[str, object]] = [
        {"kind": one.kind.lower(), "case": one.case, "note": one.why}
        for one in cover.left(found)]
    notes += [{"kind": "warning", "note": text}
              for text in cover.warnings(found)]
    return [*counters[:nr_worse],
            *map(_time_cells, cover.worst_first(found.lines)),
            *counters[nr_worse:], *notes]


def _cell(value: object) -> str:
    """A cell; one that a spreadsheet would calculate is quoted for it."""
    if isinstance(value, float):
        return f"{value:.9g}"
    text = "" if value is None else _one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) and \
        not _NUMBER.fullmatch(text) else text


def csv_text(found: Comparison) -> str:
    """A row for each comparison of times, for each counter that differs, and
    for all that could not be compared or warns of it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    for cells in _csv_cells(found):
        writer.writerow({key: _cell(value) for key, value in cells.items()})
    return out.getvalue()


def junit_case(suite: ElementTree.Element, name: str, kind: str = "",
               text: str = "") -> None:
    """A test case; kind is failure, error, skipped or nothing."""
    made = ElementTree.SubElement(suite, "testcase", {
        "classname": _one_line(name.split("/")[0]), "name": _one_line(name)})
    if kind:
        ElementTree.SubElement(made, kind, {"message": _one_line(text)})


def junit_text(name: str, fill: Callable[[ElementTree.Element], None]) -> str:
    """A JUnit file of one suite, whose cases fill() adds."""
    suite = ElementTree.Element("testsuite", {"name": name})
    fill(suite)
    for kind, attribute in (("failure", "failures"), ("error", "errors"),
                            ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            + ElementTree.tostring(root, encoding="unicode") + "\n")


# What a test came to, the worst first: its element in JUnit, LAVA's word.
_OUTCOMES = {"worse": ("failure", "fail"), "failed": ("error", "fail"),
             "no number": ("error", "unknown"),
             "untold": ("skipped", "unknown"), "skipped": ("skipped", "skip"),
             "fine": ("", "pass")}


@dataclass(frozen=True)
class _Test:
    """A comparison, or the lack of one, as those see it who count tests.

    ns: the new side's least time, of a comparison of times
    """

    name: str
    outcome: str
    text: str = ""
    ns: float | None = None


def _timed(line: Line) -> _Test:
    outcome = {verdict.SLOWER: "worse", verdict.FASTER: "fine",
               verdict.SAME: "fine"}.get(line.verdict, "untold")
    return _Test(line.title, outcome,
                 f"{line.verdict or 'not compared'}: "
                 f"{cover.result_text(line).strip()} "
                 f"({cover.pair_text(line, 'min')} ns)",
                 line.new.min if line.new else None)


def _counted(key: str, counters: list[Counter]) -> _Test:
    worse = [f"{c.title} {c.old}->{c.new}" for c in counters if c.is_worse]
    return _Test(f"{key} counters", "worse" if worse else "fine",
                 "got worse: " + ", ".join(worse))


def _tests(found: Comparison, has_counters: bool = True) -> list[_Test]:
    """What got worse, then what failed or has no number, then the rest."""
    made = [_counted(*item) for item in found.counters.items()] \
        if has_counters else []
    made += map(_timed, cover.worst_first(found.lines))
    made += [_Test(f"failure {i}", "failed", text)
             for i, text in enumerate(found.failures, 1)]
    if found.info.get("incomplete"):
        made.append(_Test("incomplete", "no number",
                          str(found.info["incomplete"])))
    made += [_Test(one.case if not one.kind.startswith(cover.COUNTED_IN)
                   else f"{one.case} {one.why}",
                   "skipped" if one.kind == cover.SKIPPED else "no number",
                   f"{one.kind}: {one.why}".rstrip(": "))
             for one in cover.left(found)
             if one.kind not in (cover.FAILED, cover.IN_DOUBT)
             and (has_counters or not one.kind.startswith(cover.COUNTED_IN))]
    order = list(_OUTCOMES)
    return sorted(made, key=lambda test: order.index(test.outcome))


def add_junit(found: Comparison, suite: ElementTree.Element,
              has_counters: bool = True) -> None:
    """The cases of a comparison: slower or more work fails, what cannot be
    told is skipped, what has no number or broke is an error."""
    for test in _tests(found, has_counters):
        junit_case(suite, test.name, _OUTCOMES[test.outcome][0], test.text)


def junit(found: Comparison) -> str:
    """JUnit XML."""
    return junit_text("iopt-bench compare",
                      lambda suite: add_junit(found, suite))


def lava_id(case: str) -> str:
    """A case as LAVA's test case id."""
    return re.sub(r"[^0-9A-Za-z_.-]+", "_", case)


def lava(found: Comparison) -> str:
    """Signals that LAVA reads from a log: the new side's least time."""
    return "".join(
        f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={lava_id(test.name)} "
        f"RESULT={_OUTCOMES[test.outcome][1]}"
        + ("" if test.ns is None
           else f" MEASUREMENT={test.ns:.6g} UNITS=ns") + ">\n"
        for test in _tests(found))


# By the word of FORMAT=: how to make it, and what a file of it is called.
FORMATS: dict[str, tuple[Callable[[Comparison], str], str]] = {
    "cover": (cover.render, "txt"),
    "markdown": (markdown, "md"),
    "csv": (csv_text, "csv"),
    "junit": (junit, "xml"),
    "lava": (lava, "lava"),
}

__all__ = ["FORMATS", "add_junit", "benchstat", "csv_text", "junit",
           "junit_case", "junit_text", "lava", "markdown"]
