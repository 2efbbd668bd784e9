# SPDX-License-Identifier: GPL-2.0-only
"""Runs of iopt-live: what to map and unmap, what came of it, and what the
model says of the same, as records, a document and a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import live_fit
from .live_fit import Fit, Point
from .results import SCHEMA, Row
from .stats import median
from .summary import human_ns

KB, MB, GB, TB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_UNITS = {"": 1, "K": KB, "M": MB, "G": GB, "T": TB}
HUGE_PAGE = {4 * KB: 2 * MB, 16 * KB: 32 * MB, 64 * KB: 512 * MB}

# Above what an x86 machine reserves for interrupts; on arm64 it matters not.
BASE_IOVA = 4 * GB
STRIDE = 16 * MB
VM_BYTES = (GB, 4 * GB, 16 * GB, 64 * GB)
SMALL_PAGES = (1, 16, 256, 4096)
MANY = 64
FAMILY = "live"
COUNTERS = ("map_ns", "map_cpu_ns", "unmap_ns", "unmap_cpu_ns", "map_bytes",
            "unmap_bytes", "nr_map_ioctls", "nr_unmap_ioctls")
PREDICTED = ("map_cpu_ns", "unmap_cpu_ns", "nr_ioctls", "nr_unmaps",
             "nr_lookups", "nr_addr", "nr_context", "nr_syncs", "nr_pushes",
             "bytes", "unpinned_bytes", "huge_bytes", "page_bytes", "sim_ns")


class BadLines(ValueError):
    """Lines that iopt-live or iopt-predict does not write."""


class BadSize(ValueError):
    """A size that nothing can be mapped of."""


def size_bytes(text: str) -> int:
    """A size as 4K, 2M, 1G."""
    match = re.fullmatch(r"([0-9]+)([KMGT]?)", text)
    if not match or not int(match[1]):
        raise BadSize(f"{text!r}: must be a size such as 64M or 4G")
    return int(match[1]) * _UNITS[match[2]]


def size_text(size: int) -> str:
    """The size with the largest unit that divides it."""
    for unit, factor in reversed(_UNITS.items()):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


# What to do.

@dataclass(frozen=True)
class Range:
    """I/O addresses, and where their memory starts in that of the row."""

    iova: int
    size: int
    offset: int

    @property
    def text(self) -> str:
        """As a plan has it."""
        return f"{self.iova:#x}+{size_text(self.size)}@" \
            f"{size_text(self.offset) if self.offset else '0'}"


@dataclass(frozen=True)
class PlanRow:
    """A row of a plan."""

    name: str
    backing: str
    way: str
    ranges: tuple[Range, ...]

    @property
    def memory_bytes(self) -> int:
        """End of the memory that its ranges take."""
        return max(r.offset + r.size for r in self.ranges)

    @property
    def text(self) -> str:
        """Its line."""
        return " ".join((self.name, self.backing, self.way,
                         *(r.text for r in self.ranges)))


@dataclass(frozen=True)
class Host:
    """What decides about the plan for a machine."""

    page_bytes: int
    available_bytes: int
    hugetlb_bytes: tuple[int, ...]
    is_arm: bool

    @property
    def machine(self) -> str:
        """The virtual machine whose layout is used."""
        return "virt" if self.is_arm else "q35"


def plain_ranges(size: int, count: int) -> tuple[Range, ...]:
    """Ranges of one size, side by side in memory, apart as addresses."""
    stride = max(STRIDE, 2 * size)
    return tuple(Range(BASE_IOVA + i * stride, size, i * size)
                 for i in range(count))


def vm_ranges(layout: Mapping[str, Any]) -> tuple[Range, ...]:
    """The RAM of a virtual machine, as iopt-layout show --json has it."""
    return tuple(Range(r["iova"], r["size"], r["offset"])
                 for r in layout["ranges"]
                 if r["kind"] == "ram" and not r["is_readonly"])


def small_rows(host: Host) -> list[PlanRow]:
    """Ranges by which a call, a sync and a page can be told apart."""
    page, rows = host.page_bytes, []
    word = size_text(page)

    def add(size: int, count: int, backing: str, way: str) -> None:
        rows.append(PlanRow(
            f"{FAMILY}/size:{size_text(size)}/nr:{count}/backing:{backing}/"
            f"way:{way}", backing, way, plain_ranges(size, count)))

    for pages in SMALL_PAGES:
        add(pages * page, 1, word, "range")
    for way in ("range", "all"):
        add(page, MANY, word, way)
        add(16 * page, MANY, word, way)
    backings = [("thp", HUGE_PAGE[page])]
    backings += [(size_text(size), size) for size in host.hugetlb_bytes
                 if size < GB]
    for backing, huge in backings:
        for count in (1, 16, 64):
            if count == 1 or huge * count <= GB:
                add(huge * count, 1, backing, "range")
        for way in ("range", "all"):
            add(huge, min(16, max(2, GB // huge)), backing, way)
    return rows


def vm_rows(layouts: Mapping[int, Mapping[str, Any]], host: Host) \
        -> list[PlanRow]:
    """Whole virtual machines, by RAM, on each kind of memory."""
    backings = [size_text(host.page_bytes), "thp",
                *(size_text(size) for size in host.hugetlb_bytes)]
    return [PlanRow(f"{FAMILY}/vm:{size_text(ram)}/backing:{backing}/"
                    f"way:{way}", backing, way, vm_ranges(layout))
            for ram, layout in sorted(layouts.items())
            for backing in backings for way in ("range", "all")]


def vm_sizes(host: Host, wanted: Sequence[int] = ()) -> list[int]:
    """The machines to do: those wanted, or what half of the memory holds."""
    if wanted:
        return sorted(set(wanted))
    return [ram for ram in VM_BYTES if ram <= host.available_bytes // 2]


def plan_text(rows: Iterable[PlanRow]) -> str:
    """A plan for iopt-live."""
    return "".join(f"{row.text}\n" for row in rows)


def engine_of(release: str) -> tuple[str, str]:
    """Driver and engine that stand for a kernel's release."""
    match = re.match(r"([0-9]+)\.([0-9]+)", release)
    if not match:
        raise BadLines(f"kernel {release!r}: no release")
    version = int(match[1]), int(match[2])
    if version <= (6, 1):
        return "6.1", "lpae-6.1"
    if version <= (6, 12):
        return "6.12", "lpae-6.12"
    if version < (7, 0):
        return "6.12", "lpae-nosplit"
    return "7.3", "lpae-7.3"


# What came of it.

@dataclass
class Measured:
    """All lines of a row of the plan."""

    name: str
    reps: list[dict[str, Any]] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    events: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    error: str = ""

    def best(self, key: str) -> float:
        """The least of all repetitions."""
        return float(min(rep[key] for rep in self.reps))

    def middle(self, key: str) -> float:
        """Their median."""
        return median([float(rep[key]) for rep in self.reps])


@dataclass
class Run:
    """What iopt-live wrote."""

    host: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, Measured] = field(default_factory=dict)
    outcome: str = "broke off"

    @property
    def done(self) -> list[Measured]:
        """Rows with a measurement."""
        return [row for row in self.rows.values() if row.reps]


def json_lines(text: str) -> list[dict[str, Any]]:
    """A JSON object a line; one that breaks off at the end is left out."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise BadLines(f"line {number} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise BadLines(f"line {number} is no object")
        found.append(value)
    return found


def _take(run: Run, line: dict[str, Any]) -> None:
    kind = line["kind"]
    if kind == "host":
        run.host = line
        return
    if kind == "end":
        run.outcome = line["outcome"]
        return
    row = run.rows.setdefault(line["name"], Measured(line["name"]))
    if kind == "rep":
        missing = [key for key in COUNTERS
                   if not isinstance(line.get(key), (int, float))]
        if missing:
            raise BadLines(f"{row.name}: a repetition without {missing[0]}")
        row.reps.append(line)
    elif kind == "memory":
        row.memory = line
    elif kind == "events":
        row.events = line
    elif kind == "skip":
        row.skipped = line["reason"]
    elif kind == "error":
        row.error = line["reason"]
    else:
        raise BadLines(f"a line of kind {kind!r}")


def parse_run(text: str) -> Run:
    """What iopt-live wrote, as far as it came."""
    run = Run()
    try:
        for line in json_lines(text):
            _take(run, line)
    except KeyError as error:
        raise BadLines(f"a line without {error}") from error
    return run


def parse_predictions(text: str) -> dict[str, dict[str, Any]]:
    """What iopt-predict wrote, by row; one without frames has a reason."""
    rows = {}
    for line in json_lines(text):
        if "name" not in line or not ("reason" in line or
                                      all(key in line for key in PREDICTED)):
            raise BadLines(f"no prediction: {line}")
        rows[line["name"]] = line
    return rows


def point_of(row: Measured, predicted: Mapping[str, Any]) -> Point:
    """What the fit takes of a row: the unmap."""
    huge = predicted["huge_bytes"]
    counts = {
        "ioctl": predicted["nr_ioctls"], "call": predicted["nr_unmaps"],
        "sync": predicted["nr_syncs"], "exec": predicted["nr_addr"],
        "context_exec": predicted["nr_context"],
        "unpin_4k": (predicted["unpinned_bytes"] - huge) /
        predicted["page_bytes"],
        "unpin_2m": huge / (2 * MB)}
    return Point(row.name, row.best("unmap_ns"), predicted["unmap_cpu_ns"],
                 {key: float(value) for key, value in counts.items()})


def points(run: Run, predictions: Mapping[str, Mapping[str, Any]]) \
        -> list[Point]:
    """Every row that was measured and predicted."""
    return [point_of(row, predictions[row.name]) for row in run.done
            if "reason" not in predictions.get(row.name, {"reason": ""})]


def count_faults(run: Run, predictions: Mapping[str, Mapping[str, Any]]) \
        -> list[str]:
    """Rows whose events are not the calls that the model makes."""
    faults = []
    for row in run.done:
        predicted = predictions.get(row.name, {})
        seen = row.events.get("unmap_events", {})
        if "nr_unmaps" in predicted and seen and not seen["nr_lost"] and \
                seen["nr"] != predicted["nr_unmaps"]:
            faults.append(f"{row.name}: the kernel called iommu_unmap() "
                          f"{seen['nr']} times, the model "
                          f"{predicted['nr_unmaps']}")
    return faults


# The result.

CLASSES = " ".join([f"{key}:noisy" for key in COUNTERS if key.endswith("_ns")]
                   + [f"{key}:exact" for key in COUNTERS
                      if not key.endswith("_ns")])


def rows_of(run: Run) -> list[Row]:
    """The rows of a result: a row a repetition, as Google's tools read it."""
    rows: list[Row] = []
    for measured in run.rows.values():
        common: Row = {"name": measured.name, "run_name": measured.name,
                       "run_type": "iteration"}
        for rep in measured.reps:
            rows.append({
                **common, "repetition_index": rep["rep"],
                "repetitions": len(measured.reps), "iterations": 1,
                "real_time": rep["unmap_ns"], "cpu_time": rep["unmap_cpu_ns"],
                "time_unit": "ns", "label": "ok",
                **{key: rep[key] for key in COUNTERS}})
        if measured.reps and not measured.error:
            continue
        text = f"skip: {measured.skipped}" if measured.skipped \
            else measured.error or "nothing was measured"
        rows.append({**common, "repetition_index": 0, "repetitions": 1,
                     "error_occurred": True, "error_message": text})
    return rows


Predictions = Mapping[str, Mapping[str, Any]]


def fit_all(run: Run, predictions: Mapping[str, Predictions],
            base_ns: Mapping[str, Mapping[str, float]]) -> Fit | None:
    """The fit under the features that do best; None when nothing could be
    predicted. Both arguments go by the name of the features.
    """
    fits = [live_fit.fit(found, base_ns[label], label)
            for label, rows in predictions.items()
            if (found := points(run, rows))]
    return live_fit.best(fits) if fits else None


def document(run: Run, context: Mapping[str, str], plan: str,
             predictions: Mapping[str, Predictions],
             fit: Fit | None) -> dict[str, Any]:
    """The result file; predictions by the name of the features."""
    mine = predictions[fit.label] if fit else {}
    details = {
        "outcome": run.outcome, "host": run.host,
        "plan": plan.splitlines(),
        "memory": {row.name: row.memory for row in run.rows.values()
                   if row.memory},
        "events": {row.name: row.events for row in run.rows.values()
                   if row.events},
        "predictions": dict(predictions),
        "count_faults": count_faults(run, mine),
        "fit": live_fit.as_dict(fit) if fit else None}
    return {"context": {"iopt_schema": SCHEMA, **context,
                        "iopt_counter_classes": CLASSES,
                        "iopt_live": details},
            "benchmarks": rows_of(run)}


def run_of(result: Mapping[str, Any]) -> Run:
    """A run again, from its result file."""
    try:
        details = result["context"]["iopt_live"]
        run = Run(details["host"], {}, details["outcome"])
        for row in result["benchmarks"]:
            mine = run.rows.setdefault(row["name"], Measured(row["name"]))
            message = row.get("error_message", "")
            if message.startswith("skip: "):
                mine.skipped = message.removeprefix("skip: ")
            elif row.get("error_occurred"):
                mine.error = message
            else:
                mine.reps.append({"rep": row["repetition_index"],
                                  **{key: row[key] for key in COUNTERS}})
            mine.memory = details["memory"].get(row["name"], {})
            mine.events = details["events"].get(row["name"], {})
        return run
    except (AttributeError, KeyError, TypeError) as error:
        raise BadLines("no result of 'make bench-live': it has no "
                       f"{error}") from error


# The table.

def _cells(row: Measured, predicted: Mapping[str, Any] | None,
           fit: Fit | None) -> tuple[str, ...]:
    measured = (str(len(row.reps)), human_ns(row.middle("map_ns")),
                human_ns(row.middle("unmap_ns")),
                human_ns(row.best("unmap_ns")))
    nr_events = row.events.get("unmap_events", {}).get("nr")
    calls = "-" if nr_events is None else str(nr_events)
    name = row.name.removeprefix(f"{FAMILY}/")
    if not predicted or "reason" in predicted or not fit:
        return (name, *measured, calls, "-", "-", "-", "-", "-", "-")
    parts = fit.parts(point_of(row, predicted))
    total = sum(parts.values())
    return (name, *measured, calls, human_ns(parts["cpu"]),
            human_ns(parts["calls"]), human_ns(parts["sim"]),
            human_ns(parts["unpin"]), human_ns(total),
            f"{row.best('unmap_ns') / total:.3f}" if total else "-")


HEAD = ("row", "n", "map med", "unmap med", "unmap min", "calls", "cpu",
        "+calls", "+sim", "+unpin", "=total", "min/total")


def table(run: Run, predictions: Mapping[str, Mapping[str, Any]],
          fit: Fit | None) -> list[str]:
    """Measured beside predicted, a line a row."""
    cells = [HEAD, *(_cells(row, predictions.get(row.name), fit)
                     for row in run.done)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEAD))]
    return ["  ".join(cell.rjust(width) if i else cell.ljust(width)
                      for i, (cell, width) in enumerate(zip(row, widths)))
            .rstrip() for row in cells]


def skips(run: Run, predictions: Mapping[str, Mapping[str, Any]]) \
        -> list[str]:
    """A line for each reason why something is missing, with its rows."""
    reasons: dict[str, list[str]] = {}
    for row in run.rows.values():
        if row.skipped:
            reasons.setdefault(f"skipped: {row.skipped}", []).append(row.name)
        if row.error:
            reasons.setdefault(f"FAILED: {row.error}", []).append(row.name)
        why = predictions.get(row.name, {}).get("reason")
        if why and row.reps:
            why = row.memory.get("no_frames", why)
            reasons.setdefault(f"not predicted: {why}", []).append(row.name)
    return [f"{why}: {', '.join(names)}" for why, names in reasons.items()]
