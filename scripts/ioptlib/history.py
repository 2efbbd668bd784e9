# SPDX-License-Identifier: GPL-2.0-only
"""The history of machines: comparisons with an anchor, kept for good.

A run is a comparison whose old side is the anchor: a pinned build that ran
interleaved with what was measured, so that a run is worth ratios, and what
the machine did that day is in both sides. Runs on machines of one identity
against one anchor make a series.

The store is an SQLite file that only grows: triggers refuse to change or to
delete what is in it. As JSON lines, an object each, it can be carried to
another machine and merged; what is there already is not added twice.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from . import comparison, names, results
from .paired import NEW, OLD

SCHEMA = 1
EXPECTED, IGNORED, CLEARED = "expected", "ignored", "cleared"
KINDS = (EXPECTED, IGNORED, CLEARED)

# What makes a machine another one: times of two that differ in one of these
# do not belong in one series.
IDENTITY = ("iopt_host", "iopt_host_cpu_model", "iopt_host_arch",
            "iopt_host_packages", "iopt_host_cores", "iopt_host_pus",
            "iopt_host_caches", "iopt_host_page_size", "iopt_host_hypervisor",
            "iopt_lib_benchmark")

_TABLES = """
CREATE TABLE machine (
    id TEXT PRIMARY KEY,
    facts TEXT NOT NULL);
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    machine TEXT NOT NULL REFERENCES machine(id),
    anchor TEXT NOT NULL,
    revision TEXT NOT NULL,
    started TEXT NOT NULL,
    context TEXT NOT NULL);
CREATE TABLE point (
    run TEXT NOT NULL REFERENCES run(id),
    "case" TEXT NOT NULL,
    op TEXT NOT NULL,
    ratio REAL NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    old_ns REAL NOT NULL,
    new_ns REAL NOT NULL,
    samples TEXT NOT NULL,
    PRIMARY KEY (run, "case", op));
CREATE TABLE counter (
    run TEXT NOT NULL REFERENCES run(id),
    "case" TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (run, "case", name));
CREATE TABLE mark (
    id TEXT PRIMARY KEY,
    made TEXT NOT NULL,
    machine TEXT NOT NULL,
    "case" TEXT NOT NULL,
    revision TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL);
"""


class BadHistory(ValueError):
    """A store or a line of JSON that is not one of ours; says which."""


@dataclass(frozen=True)
class Machine:
    """What a series belongs to; facts: what its identity is made of."""

    id: str
    facts: dict[str, str]

    @property
    def title(self) -> str:
        """For a person: host and CPU."""
        return (f"{self.facts.get('iopt_host', 'unknown')}: "
                f"{self.facts.get('iopt_host_cpu_model', 'unknown')}")


@dataclass(frozen=True)
class Point:
    """A case in a run: new over anchor.

    ratio, low, high: of the paired samples, with their interval or range.
    old_ns, new_ns: median of what each sample took at least.
    samples: by side, what each sample took at least, in ns, by pair.
    """

    case: str
    op: str
    ratio: float
    low: float
    high: float
    old_ns: float
    new_ns: float
    samples: dict[str, list[float]]


@dataclass(frozen=True)
class Run:
    """A comparison with the anchor.

    id: of its contents. started: UTC, ISO 8601. context: all that its
    result says of the machine and the build. counters: by case.
    """

    id: str
    machine: str
    anchor: str
    revision: str
    started: str
    context: dict[str, Any]
    points: tuple[Point, ...] = ()
    counters: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """What a person says of changes; a later one of the same place counts.

    machine: its id, "" for all. case: a shell pattern over names.
    revision: of the first run after the change, "" for any.
    kind: EXPECTED, IGNORED, or CLEARED to take a mark back.
    """

    made: str
    machine: str
    case: str
    revision: str
    kind: str
    reason: str

    @property
    def id(self) -> str:
        """Of its contents."""
        return _digest(asdict(self))

    def covers(self, machine: str, case: str, revision: str) -> bool:
        """Does it speak of a change in this case at this revision?"""
        return (self.machine in ("", machine)
                and self.revision in ("", revision)
                and fnmatchcase(case, self.case))


@dataclass(frozen=True)
class Series:
    """The points of one case on one machine against one anchor, by time."""

    machine: str
    anchor: str
    case: str
    op: str
    runs: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """The case, and the operation where there are several."""
        return f"{self.case} {self.op}".rstrip()

    @property
    def ratios(self) -> list[float]:
        """New over anchor, by run."""
        return [point.ratio for point in self.points]


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def machine_of(context: Mapping[str, Any]) -> Machine:
    """The machine that a context tells of."""
    facts = {key: str(context.get(key, "unknown")) for key in IDENTITY}
    return Machine(_digest(facts), facts)


def _revision(side: Mapping[str, Any]) -> str:
    """What was measured: the revision, and the engine where that differs."""
    revision = side.get("revision") or side["context"].get("iopt_version")
    engine = side.get("engine")
    return f"{revision or side['label']}{':' if engine else ''}{engine or ''}"


def _points(found: comparison.Comparison) -> Iterator[Point]:
    for line in found.lines:
        decider = line.stages.deciding
        if decider is None or line.note or line.is_void or \
                line.old is None or line.new is None:
            continue
        yield Point(line.key, line.op, decider.point, decider.low,
                    decider.high, line.old.min, line.new.min, {})


def _samples(document: Mapping[str, Any]) -> dict[tuple[str, str],
                                                  list[float]]:
    """By case and side, what each sample took at least, by its pair.

    Of a suspect only stage two counts: stage one is why it was picked.
    """
    found: dict[tuple[str, str], dict[tuple[int, int], float]] = {}
    for row in document["benchmarks"]:
        case = names.parse(row["name"])
        value = row.get("block_min_ns") or row.get("cpu_ns")
        if value is None or results.row_error(row):
            continue
        key = (str(case.without(comparison.SIDE_KEY)),
               case.get(comparison.SIDE_KEY))
        found.setdefault(key, {})[
            (int(row.get("stage", 1)), int(row["repetition_index"]))] = value
    done = {}
    for key, samples in found.items():
        last = max(stage for stage, _ in samples)
        done[key] = [value for (stage, _), value in sorted(samples.items())
                     if stage == last]
    return done


def run_of(document: Mapping[str, Any]) -> tuple[Machine, Run]:
    """The run that a comparison is; its old side is the anchor.

    Raises results.BadOutput when it is no comparison of paired processes,
    or too little of one to keep.
    """
    found = comparison.analyse(document)
    if found.kind != comparison.PAIRED:
        raise results.BadOutput("its sides did not run interleaved, so it "
                                "holds no ratio to an anchor")
    machine = machine_of(found.context)
    samples = _samples(document)
    points = tuple(
        Point(p.case, p.op, p.ratio, p.low, p.high, p.old_ns, p.new_ns,
              {side: samples.get((p.case, side), []) for side in (OLD, NEW)})
        for p in _points(found))
    counters = {case: {c.title: c.new for c in of_case}
                for case, of_case in found.counters.items()}
    if not points and not counters:
        raise results.BadOutput("it has neither a ratio nor a counter")
    started = str(found.context.get("iopt_started", ""))
    try:
        when = datetime.fromisoformat(started.replace("Z", "+00:00"))
    except ValueError:
        raise results.BadOutput(f"its iopt_started is {started!r}, no time "
                                "such as 2026-01-02T03:04:05Z") from None
    started = when.astimezone(timezone.utc).isoformat(timespec="seconds")
    fields: dict[str, Any] = {
        "machine": machine.id, "anchor": _revision(found.info["old"]),
        "revision": _revision(found.info["new"]), "started": started,
        "context": found.context}
    run_id = _digest({**fields, "points": [asdict(p) for p in points],
                      "counters": counters})
    return machine, Run(run_id, points=points, counters=counters, **fields)


# Lines of JSON --------------------------------------------------------------

def _typed(kind: str, value: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, **value}, sort_keys=True,
                      allow_nan=False)


def _run_from(data: Mapping[str, Any]) -> Run:
    points = tuple(Point(**point) for point in data["points"])
    fields: dict[str, Any] = {**data, "points": points}
    run = Run(**fields)
    contents = {key: value for key, value in asdict(run).items()
                if key != "id"}
    if _digest({**contents, "points": [asdict(p) for p in points]}) != run.id:
        raise ValueError(f"run {run.id} is not what its id was made of")
    return run


class Store:
    """An open history.db; close it after use."""

    def __init__(self, path: Path) -> None:
        """Open, or make, a store; raises BadHistory, or OSError."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise BadHistory(f"{path}: no history of iopt-bench: {error}") \
                from error

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA:
            return
        if version != 0:
            raise BadHistory(f"{self.path}: its format is {version}, this "
                             f"reads {SCHEMA}")
        tables = self._db.execute("SELECT count(*) FROM sqlite_master")
        if tables.fetchone()[0]:
            raise BadHistory(f"{self.path}: a database, but no history of "
                             "iopt-bench")
        triggers = "".join(
            f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'a history only grows'); END;"
            for table in ("machine", "run", "point", "counter", "mark")
            for verb in ("UPDATE", "DELETE"))
        self._db.executescript(f"BEGIN;{_TABLES}{triggers}"
                               f"PRAGMA user_version = {SCHEMA};COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _has(self, table: str, key: str) -> bool:
        found = self._db.execute(f"SELECT 1 FROM {table} WHERE id = ?", (key,))
        return found.fetchone() is not None

    def add(self, machine: Machine, run: Run) -> bool:
        """Keep a run, whole or not at all; False when it is there."""
        if self._has("run", run.id):
            return False
        with closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                self._insert(cursor, machine, run)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
        return True

    @staticmethod
    def _insert(cursor: sqlite3.Cursor, machine: Machine, run: Run) -> None:
        cursor.execute("INSERT OR IGNORE INTO machine VALUES (?, ?)",
                       (machine.id, json.dumps(machine.facts)))
        cursor.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?)",
                       (run.id, run.machine, run.anchor, run.revision,
                        run.started, json.dumps(run.context)))
        cursor.executemany(
            "INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(run.id, p.case, p.op, p.ratio, p.low, p.high, p.old_ns,
              p.new_ns, json.dumps(p.samples)) for p in run.points])
        cursor.executemany(
            "INSERT INTO counter VALUES (?, ?, ?, ?)",
            [(run.id, case, name, value)
             for case, counters in run.counters.items()
             for name, value in counters.items()])

    def mark(self, mark: Mark) -> bool:
        """Keep what a person says; False when it is there."""
        if self._has("mark", mark.id):
            return False
        self._db.execute(
            "INSERT INTO mark VALUES (?, ?, ?, ?, ?, ?, ?)",
            (mark.id, mark.made, mark.machine, mark.case, mark.revision,
             mark.kind, mark.reason))
        return True

    def machines(self) -> list[Machine]:
        """All machines, by id."""
        rows = self._db.execute("SELECT id, facts FROM machine ORDER BY id")
        return [Machine(key, json.loads(facts)) for key, facts in rows]

    def marks(self) -> list[Mark]:
        """All marks, by the time they were made."""
        return [Mark(*row) for row in self._db.execute(
            'SELECT made, machine, "case", revision, kind, reason '
            "FROM mark ORDER BY made, rowid")]

    def _points(self, run: str) -> tuple[Point, ...]:
        rows = self._db.execute(
            'SELECT "case", op, ratio, low, high, old_ns, new_ns, samples '
            "FROM point WHERE run = ? ORDER BY rowid", (run,))
        return tuple(Point(case, op, ratio, low, high, old, new,
                           json.loads(samples))
                     for case, op, ratio, low, high, old, new, samples in rows)

    def _counters(self, run: str) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for case, name, value in self._db.execute(
                'SELECT "case", name, value FROM counter WHERE run = ? '
                "ORDER BY rowid", (run,)):
            found.setdefault(case, {})[name] = value
        return found

    def runs(self, machine: str = "") -> list[Run]:
        """Runs of a machine, or all, by the time they started."""
        rows = self._db.execute(
            "SELECT id, machine, anchor, revision, started, context FROM run "
            "WHERE ? IN ('', machine) ORDER BY started, rowid", (machine,))
        return [Run(key, of, anchor, revision, started, json.loads(context),
                    self._points(key), self._counters(key))
                for key, of, anchor, revision, started, context
                in rows.fetchall()]

    def anchor(self, machine: str) -> str | None:
        """What the newest run of a machine was held against."""
        row = self._db.execute(
            "SELECT anchor FROM run WHERE machine = ? "
            "ORDER BY started DESC, rowid DESC LIMIT 1", (machine,)).fetchone()
        return None if row is None else str(row[0])

    def lines(self) -> Iterator[str]:
        """All of it as lines of JSON, machines before their runs."""
        for machine in self.machines():
            yield _typed("machine", asdict(machine))
        for run in self.runs():
            yield _typed("run", asdict(run))
        for mark in self.marks():
            yield _typed("mark", asdict(mark))

    def merge(self, lines: Iterable[str]) -> tuple[int, int]:
        """Take in lines of JSON: how many were new, how many there already.

        Raises BadHistory that names the line; the lines before it are in.
        """
        machines = {m.id: m for m in self.machines()}
        nr_new = nr_known = 0
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                is_new = self._take(json.loads(line), machines)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadHistory(f"line {number}: {error}") from error
            nr_new += is_new is True
            nr_known += is_new is False
        return nr_new, nr_known

    def _take(self, data: dict[str, Any],
              machines: dict[str, Machine]) -> bool | None:
        kind = data.pop("type", None)
        if kind == "machine":
            machine = Machine(**data)
            if _digest(machine.facts) != machine.id:
                raise ValueError(f"machine {machine.id} is not what its id "
                                 "was made of")
            machines[machine.id] = machine
            return None
        if kind == "run":
            run = _run_from(data)
            if run.machine not in machines:
                raise ValueError(f"run {run.id} is of machine {run.machine}, "
                                 "which no line before it describes")
            return self.add(machines[run.machine], run)
        if kind == "mark":
            mark = Mark(**data)
            if mark.kind not in KINDS:
                raise ValueError(f"a mark is {', '.join(KINDS)}, not "
                                 f"{mark.kind!r}")
            return self.mark(mark)
        raise ValueError(f"type is {kind!r}: machine, run or mark is wanted")


def series_of(runs: Sequence[Run]) -> list[Series]:
    """The series in runs that are in the order of time."""
    found: dict[tuple[str, str, str, str], tuple[list[str], list[Point]]] = {}
    for run in runs:
        for point in run.points:
            key = (run.machine, run.anchor, point.case, point.op)
            ids, points = found.setdefault(key, ([], []))
            ids.append(run.id)
            points.append(point)
    return [Series(*key, tuple(ids), tuple(points))
            for key, (ids, points) in found.items()]


def mark_of(marks: Sequence[Mark], machine: str, case: str,
            revision: str) -> Mark | None:
    """What counts for a change: the last mark that covers it, if it was not
    taken back."""
    for mark in reversed(marks):
        if mark.covers(machine, case, revision):
            return None if mark.kind == CLEARED else mark
    return None
