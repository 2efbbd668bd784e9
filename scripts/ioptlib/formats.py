# SPDX-License-Identifier: GPL-2.0-only
"""A comparison for other programs: Markdown, benchstat, CSV, JUnit, LAVA."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from xml.etree import ElementTree

from . import cover, verdict
from .comparison import Comparison, Line
from .paired import NEW, OLD
from .results import Row

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#!])")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def md(text: object) -> str:
    """Text that Markdown and HTML leave alone, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Text as code in a table cell: no back tick or bar can end it."""
    safe = " ".join(str(text).split()).replace("`", "'").replace("|", "/")
    return f"`{safe}`"


def _md_table(header: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return ["| " + " | ".join(cells) + " |"
            for cells in (header, rule, *rows)] + [""]


def _md_row(line: Line) -> list[str]:
    return [code(line.title), cover.pair_text(line, "avg"),
            cover.pair_text(line, "min"), md(cover.result_text(line)),
            line.verdict or md(line.note)]


def markdown(found: Comparison, max_rows: int | None = None) -> str:
    """For a job's page: what got worse first, at most so many rows of the
    rest, and how many there are of each verdict."""
    lines = [f"### {md(found.side(OLD)['label'])} against "
             f"{md(found.side(NEW)['label'])}", "",
             md("; ".join(cover.count_lines(found))) + ".", ""]
    lines += [f"**{md(text)}**" for text in cover.warnings(found)]
    lines += [f"- {md(text)}" for text in found.doubts] + [""]
    worse = [[code(key), md(c.title), str(c.old), str(c.new),
              f"{c.new - c.old:+d}"]
             for key, counters in found.worse_counters.items()
             for c in counters]
    if worse:
        lines += ["Counters that got worse, of one operation:", ""]
        lines += _md_table(["case", "counter", "old", "new", "difference"],
                           worse[:max_rows])
    rows = [_md_row(line) for line in cover.worst_first(found.lines)]
    if rows:
        lines += _md_table(["case", "avg new,old ns", "min new,old ns",
                            "min % [95 % CI]", "verdict"], rows[:max_rows])
    if max_rows is not None and len(rows) > max_rows:
        lines += [f"{len(rows) - max_rows} more rows are in the artifacts.",
                  ""]
    left = cover.left_out(found)
    lines += [f"- {md(text)}" for text in left[:max_rows]]
    if max_rows is not None and len(left) > max_rows:
        lines.append(f"- and {len(left) - max_rows} more lines")
    facts = [md(text) for text in cover.header(found)]
    return "\n".join([*lines, "", "<details><summary>Where and how</summary>",
                      "", *(f"{text}  " for text in facts), "",
                      "</details>", ""])


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
        if arm != which or "real_time" not in row or \
                row.get("error_occurred") or not row.get("stage", 1):
            continue
        least = row.get("block_min_ns")
        lines.append(f"{go_name(name)} {int(row.get('iterations', 1))} "
                     f"{row['real_time']:.6g} ns/op"
                     + (f" {least:.6g} min-ns/op" if least else ""))
    return "\n".join(lines) + "\n"


CSV_HEADER = ("case", "op", "verdict", "note", "old_avg_ns", "new_avg_ns",
              "old_min_ns", "new_min_ns", "min_percent", "low_percent",
              "high_percent", "detectable_percent", "pairs", "p")


def csv_text(found: Comparison) -> str:
    """A row a comparison; a cell that a spreadsheet would calculate is
    quoted for it."""
    def safe(value: object) -> str:
        text = "" if value is None else str(value)
        return f"'{text}" if text[:1] in "=+-@" and not \
            re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", text) else text
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for line in found.lines:
        decider = line.stages.deciding
        low, high = line.interval or (None, None)
        sides = [getattr(side, field, None) for field in ("avg", "min")
                 for side in (line.old, line.new)]
        writer.writerow(map(safe, [
            line.case, line.op, line.verdict, line.note, *sides,
            line.percent, low, high, line.detectable,
            decider.nr_pairs if decider else 0,
            decider.p if decider else None]))
    return out.getvalue()


def xml_text(text: object) -> str:
    """Text without the characters that XML cannot hold."""
    return _NO_XML.sub("?", str(text))


def junit_case(suite: ElementTree.Element, name: str, kind: str = "",
               text: str = "") -> None:
    """A test case; kind is failure, error, skipped or nothing."""
    made = ElementTree.SubElement(suite, "testcase", {
        "classname": xml_text(name.split("/")[0]), "name": xml_text(name)})
    if kind:
        ElementTree.SubElement(made, kind, {"message": xml_text(text)})


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


def add_junit(found: Comparison, suite: ElementTree.Element) -> None:
    """The cases of a comparison: slower or more work fails, what cannot be
    told is skipped, what has no number is an error."""
    for line in found.lines:
        kind = {verdict.SLOWER: "failure", verdict.UNRESOLVED: "skipped",
                "": "skipped"}.get(line.verdict, "")
        word = line.verdict or "not compared"
        junit_case(suite, line.title, kind,
                   f"{word}: {cover.result_text(line).strip()} "
                   f"({cover.pair_text(line, 'min')} ns)")
    for key, counters in found.counters.items():
        worse = [f"{c.title} {c.old}->{c.new}" for c in counters
                 if c.is_worse]
        junit_case(suite, f"{key} counters", "failure" if worse else "",
                   "more work: " + ", ".join(worse))
    for key, why in found.problems.items():
        junit_case(suite, key, "error", why)
    for key, why in found.skips.items():
        junit_case(suite, key, "skipped", why)
    for which in (OLD, NEW):
        for key in found.unpaired[which]:
            junit_case(suite, key, "error", f"only in {which}")


def junit(found: Comparison) -> str:
    """JUnit XML."""
    return junit_text("iopt-bench compare",
                      lambda suite: add_junit(found, suite))


def lava_id(case: str) -> str:
    """A case as LAVA's test case id."""
    return re.sub(r"[^0-9A-Za-z_.-]+", "_", case)


def lava(found: Comparison) -> str:
    """Signals that LAVA reads from a log: the new side's least time."""
    words = {verdict.SLOWER: "fail", verdict.FASTER: "pass",
             verdict.SAME: "pass"}
    lines = []
    for line in found.lines:
        measured = f" MEASUREMENT={line.new.min:.6g} UNITS=ns" \
            if line.new else ""
        lines.append(f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID="
                     f"{lava_id(line.title)} "
                     f"RESULT={words.get(line.verdict, 'unknown')}{measured}>")
    for key, counters in found.counters.items():
        word = "fail" if any(c.is_worse for c in counters) else "pass"
        lines.append(f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID="
                     f"{lava_id(key)}_counters RESULT={word}>")
    for key in [*found.problems, *found.unpaired[OLD], *found.unpaired[NEW]]:
        lines.append(f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={lava_id(key)} "
                     "RESULT=unknown>")
    lines += [f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={lava_id(key)} "
              "RESULT=skip>" for key in found.skips]
    return "".join(f"{line}\n" for line in lines)


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
