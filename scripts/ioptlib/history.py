# SPDX-License-Identifier: GPL-2.0-only
"""The history of machines: comparisons with an anchor, kept for good.

A run is a comparison whose old side is the anchor: a pinned build that ran
interleaved with what was measured, so that a run is worth ratios, and what
the machine did that day is in both sides. Runs on machines of one identity
against one anchor make a series.

The store is an SQLite file that only grows: triggers refuse to change, to
replace or to delete what is in it. As JSON lines, an object each, it can be
carried to another machine and merged; what is there already is not added twice.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import comparison, names, results, stats
from .paired import NEW, OLD

RATIO = "ratio"
EXPECTED, IGNORED, CLEARED = "expected", "ignored", "cleared"
KINDS = (EXPECTED, IGNORED, CLEARED)

# What a series has in common: the machine, and the library that measured.
IDENTITY = (*results.MACHINE, "iopt_lib_benchmark")

_TABLES = ("""
CREATE TABLE machine (
    id TEXT PRIMARY KEY,
    facts TEXT NOT NULL)""", """
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    machine TEXT NOT NULL REFERENCES machine(id),
    anchor TEXT NOT NULL,
    revision TEXT NOT NULL,
    started TEXT NOT NULL,
    context TEXT NOT NULL)""", """
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
    PRIMARY KEY (run, "case", op))""", """
CREATE TABLE counter (
    run TEXT NOT NULL REFERENCES run(id),
    "case" TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (run, "case", name))""", """
CREATE TABLE mark (
    id TEXT PRIMARY KEY,
    made TEXT NOT NULL,
    machine TEXT NOT NULL,
    "case" TEXT NOT NULL,
    revision TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL)""")

_KEYS = {"machine": ("id",), "run": ("id",), "point": ("run", '"case"', "op"),
         "counter": ("run", '"case"', "name"), "mark": ("id",)}

# What a store of each version lacks to be one of the next: only ever more.
_STEPS: tuple[tuple[str, ...], ...] = (
    (*_TABLES, *(
        f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, 'a history only grows'); END"
        for table in _KEYS for verb in ("UPDATE", "DELETE"))),
    ("ALTER TABLE run ADD COLUMN anchor_word TEXT NOT NULL DEFAULT ''",
     "ALTER TABLE run ADD COLUMN commit_id TEXT NOT NULL DEFAULT ''",
     # REPLACE deletes without firing the triggers of DELETE.
     *(f"CREATE TRIGGER {table}_INSERT BEFORE INSERT ON {table} "
       f"WHEN EXISTS (SELECT 1 FROM {table} WHERE "
       f"(rowid = NEW.rowid AND NEW.rowid > 0) OR "
       f"({' AND '.join(f'{key} = NEW.{key}' for key in keys)})) BEGIN "
       f"SELECT RAISE(ABORT, 'a history only grows'); END"
       for table, keys in _KEYS.items())))
SCHEMA = len(_STEPS)

# A whole commit id, with the engine that was pinned; and what git describe
# says of a commit without a tag, or some commits behind one.
_PINNED = re.compile(r"[0-9a-f]{40}(:.*)?")
_ABBREVIATED = re.compile(r"(?:^|-g)([0-9a-f]{4,40})$")
_LIMIT = 2.0 ** 63


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
    samples: by pair, what each side took at least, in ns, and RATIO, new
        over old, of which ratio is the median. Version 1 had no RATIO.
    """

    case: str
    op: str
    ratio: float
    low: float
    high: float
    old_ns: float
    new_ns: float
    samples: dict[str, list[float]]

    @property
    def nr_pairs(self) -> int:
        """Pairs that the ratio is made of."""
        return min(map(len, self.samples.values()), default=0)

    @property
    def is_interval(self) -> bool:
        """Are low and high an interval? Else the range of what was seen."""
        return self.nr_pairs >= stats.MIN_PAIRS


@dataclass(frozen=True)
class Run:
    """A comparison with the anchor.

    id: of its contents. anchor: whole id of its commit, and :engine where one
    was pinned; version 1 had what git describe said. revision: what git
    describe said of what was measured. started: UTC, ISO 8601. context: all
    that its result says of the machine and the build. counters: by case.
    anchor_word: what a person called the anchor. commit: whole id of what was
    measured, "" where it was no commit. Version 1 had neither.
    """

    id: str
    machine: str
    anchor: str
    revision: str
    started: str
    context: dict[str, Any]
    points: tuple[Point, ...] = ()
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    anchor_word: str = ""
    commit: str = ""

    @property
    def anchor_title(self) -> str:
        """The anchor for a person: its word and the id of the commit."""
        commit, _, engine = self.anchor.partition(":")
        if not _PINNED.fullmatch(commit):
            return self.anchor
        short = commit[:12] + (f":{engine}" if engine else "")
        is_id = commit.startswith(self.anchor_word)
        return short if is_id else f"{self.anchor_word} ({short})"

    @property
    def contents(self) -> dict[str, Any]:
        """All but the id, which is made of it, as version 1 wrote it."""
        points = [vars(point) for point in self.points]
        return {key: value
                for key, value in {**vars(self), "points": points}.items()
                if key != "id" and
                (value or key not in ("anchor_word", "commit"))}

    def is_of(self, revision: str) -> bool:
        """Is this its revision, by name or by the start of a commit's id?"""
        name = self.revision.partition(":")[0]
        if revision in (self.revision, name):
            return True
        told, own = map(_ABBREVIATED.search, (revision.lower(), name))
        commit = self.commit or (own[1] if own else "")
        return told is not None and commit != "" and (
            commit.startswith(told[1]) or
            not self.commit and told[1].startswith(commit))


@dataclass(frozen=True)
class Mark:
    """What a person says of changes; a later one of the same place counts.

    machine: its id, "" for all. case: a shell pattern over names.
    revision: of the first run after the change, or the start of its commit's
    id; "" for any.
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

    def covers(self, run: Run, case: str) -> bool:
        """Does it speak of a change in this case, seen first in this run?"""
        return (self.machine in ("", run.machine)
                and (not self.revision or run.is_of(self.revision))
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
                    decider.high, float(line.old.min), float(line.new.min),
                    {OLD: list(line.pairs.old), NEW: list(line.pairs.new),
                     RATIO: list(line.pairs.ratios)})


def _commit(side: Mapping[str, Any], commit_of: Callable[[str], str]) -> str:
    """The commit that a side was built from, "" when that is none.

    A comparison of before this was written down has what git describes.
    """
    if str(side["context"].get("iopt_version", "")).endswith("-dirty"):
        return ""
    commit = side.get("commit")
    return commit_of(str(side.get("revision", ""))) if commit is None \
        else str(commit)


def _anchor(side: Mapping[str, Any], commit_of: Callable[[str], str]) \
        -> dict[str, str]:
    """What is pinned, and its word; a bare id has no better one than what git
    describes. Raises results.BadOutput for what cannot be pinned."""
    commit = _commit(side, commit_of)
    if not commit:
        raise results.BadOutput(
            f"its old side, {_revision(side)}, is no commit, so it is no "
            "anchor: that is a revision of this suite, or an iopt-bench of a "
            "tree without changes")
    engine = side.get("engine")
    word = str(side["label"])
    if commit.startswith(word):
        word = str(side.get("revision") or word)
    return {"anchor": f"{commit}:{engine}" if engine else commit,
            "anchor_word": word}


def _utc(text: str) -> str:
    """A time as a history keeps it; raises ValueError when it is none."""
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return when.astimezone(timezone.utc).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r}, no time such as "
                         "2026-01-02T03:04:05+00:00") from None


def run_of(document: Mapping[str, Any],
           commit_of: Callable[[str], str] = lambda word: "") \
        -> tuple[Machine, Run]:
    """The run that a comparison is; its old side is the anchor.

    commit_of: the commit that a word of git names, "" for none

    Raises results.BadOutput when it is no comparison of paired processes,
    not whole, not against a commit, or too little to keep.
    """
    found = comparison.analyse(document)
    if found.kind != comparison.PAIRED:
        raise results.BadOutput("its sides did not run interleaved, so it "
                                "holds no ratio to an anchor")
    if found.info.get("incomplete"):
        raise results.BadOutput(
            f"it is not complete ({found.info['incomplete']}): gone on with "
            "by compare.py --resume, it can be added")
    machine = machine_of(found.context)
    points = tuple(_points(found))
    counters = found.of_new
    if not points and not counters:
        raise results.BadOutput("it has neither a ratio nor a counter")
    try:
        started = _utc(str(found.context.get("iopt_started", "")))
    except ValueError as error:
        raise results.BadOutput(f"its iopt_started is {error}") from None
    try:
        run = Run("", machine.id, revision=_revision(found.info[NEW]),
                  started=started, context=found.context, points=points,
                  counters=counters,
                  commit=_commit(found.info[NEW], commit_of),
                  **_anchor(found.info[OLD], commit_of))
        _check(run)
    except results.BadOutput:
        raise
    except (KeyError, TypeError, ValueError, AttributeError,
            RecursionError) as error:
        raise results.BadOutput(f"it is no whole comparison: {error}") \
            from error
    return machine, replace(run, id=_digest(run.contents))


# What may be in a history ---------------------------------------------------

_case = lru_cache(maxsize=4096)(names.parse)


def _text(value: Any, what: str) -> str:
    """Text for a person, on one line; raises ValueError when it is none."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{what} is {reprlib.repr(value)}, no printable text")
    return value


def _positive(value: Any, what: str) -> float:
    """A number that a ratio can be made of; raises ValueError else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or \
            not 0 < value < _LIMIT:
        raise ValueError(f"{what} is {reprlib.repr(value)}, no number above "
                         "zero")
    return float(value)


def _check_stored(run: Run) -> None:
    """Raises ValueError when another run would be read back."""
    for point in run.points:
        for key in ("ratio", "low", "high", "old_ns", "new_ns"):
            value = getattr(point, key)
            if not isinstance(value, float):
                raise ValueError(f"{point.case}: {key} is {value}, not "
                                 f"{float(value)}")
    empty = [case for case, counters in run.counters.items() if not counters]
    if empty:
        raise ValueError(f"{empty[0]}: it has no counters")


def _check_point(point: Point) -> None:
    """Raises ValueError when a report could not draw it."""
    case = _case(_text(point.case, "case"))
    _text(point.op, f"{case}: op")
    low, ratio, high, *_ = (
        _positive(getattr(point, key), f"{case}: {key}")
        for key in ("low", "ratio", "high", "old_ns", "new_ns"))
    if not low <= ratio <= high:
        raise ValueError(f"{case}: ratio is {ratio}, not in [{low}, {high}]")
    if not isinstance(point.samples, dict) or not all(
            isinstance(of, list) for of in point.samples.values()):
        raise ValueError(f"{case}: samples are no lists by side")


def _check_counters(case: str, counters: Mapping[str, int]) -> None:
    """Raises ValueError when they are no counters of a case."""
    _case(_text(case, "case"))
    for name, value in counters.items():
        _text(name, f"{case}: name of a counter")
        if isinstance(value, bool) or not isinstance(value, int) or \
                not -_LIMIT <= value < _LIMIT:
            raise ValueError(f"{case}: {name} is {reprlib.repr(value)}, no "
                             "whole number of 64 bits")


def _writable(value: Any) -> None:
    """Raises ValueError when it is no JSON that every reader takes."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no plain JSON: {error}") from None


def _check(run: Run) -> None:
    """Raises ValueError when a history cannot hold, or show, a run."""
    for key in ("machine", "anchor", "revision", "started", "anchor_word",
                "commit"):
        _text(getattr(run, key), key)
    if run.started != _utc(run.started):
        raise ValueError(f"started is {run.started!r}, not in UTC as in "
                         "2026-01-02T03:04:05+00:00")
    if not isinstance(run.context, dict):
        raise ValueError("context is no object")
    for point in run.points:
        _check_point(point)
        for side, samples in point.samples.items():
            _text(side, f"{point.case}: side")
            for value in samples:
                _positive(value, f"{point.case}: a sample")
    if len({(p.case, p.op) for p in run.points}) != len(run.points):
        raise ValueError("a case and its operation appear twice")
    for case, counters in run.counters.items():
        _check_counters(case, counters)
    _check_stored(run)
    _writable(run.context)


def _check_mark(mark: Mark) -> None:
    """Raises BadHistory when it is no mark."""
    try:
        for key, value in asdict(mark).items():
            _text(value, key)
        _utc(mark.made)
    except ValueError as error:
        raise BadHistory(f"a mark: {error}") from error
    if mark.kind not in KINDS:
        raise BadHistory(f"a mark is {', '.join(KINDS)}, not {mark.kind!r}")


def _fault(check: Callable[..., None], *args: Any) -> str:
    """What a check says, "" when all is well."""
    try:
        check(*args)
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)
    return ""


# Lines of JSON --------------------------------------------------------------

def _typed(kind: str, value: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, **value}, sort_keys=True,
                      allow_nan=False)


def _run_from(data: Mapping[str, Any]) -> Run:
    points = tuple(Point(**point) for point in data["points"])
    fields: dict[str, Any] = {**data, "points": points}
    run = Run(**fields)
    _check(run)
    if _digest(run.contents) != run.id:
        raise ValueError(f"run {_text(run.id, 'id')} is not what its id was "
                         "made of")
    return run


def _machine_from(data: Mapping[str, Any]) -> Machine:
    machine = Machine(**data)
    if not all(isinstance(fact, str) for fact in machine.facts.values()):
        raise ValueError("facts of a machine are texts")
    if _digest(machine.facts) != machine.id:
        raise ValueError(f"machine {_text(machine.id, 'id')} is not what its "
                         "id was made of")
    return machine


def _object(line: str) -> dict[str, Any]:
    """The object that a line is; raises ValueError when it is none, or holds
    what no line of ours could."""
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("it is no object")
    _writable(data)
    return data


@dataclass
class Merged:
    """What became of lines: new ones, ones there already, and of each that
    was refused, its number and why."""

    nr_new: int = 0
    nr_known: int = 0
    refused: list[str] = field(default_factory=list)


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

    def _version(self) -> int:
        """That of the format; raises BadHistory for what is none of ours."""
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if not 0 <= version <= SCHEMA:
            raise BadHistory(f"{self.path}: its format is {version}, this "
                             f"reads up to {SCHEMA}")
        tables = self._db.execute("SELECT count(*) FROM sqlite_master")
        if version == 0 and tables.fetchone()[0]:
            raise BadHistory(f"{self.path}: a database, but no history of "
                             "iopt-bench")
        return version

    def _prepare(self) -> None:
        """Add what an older store lacks; what is in it stays as it is."""
        if self._version() == SCHEMA:
            return
        with self._transaction() as cursor:
            for step in _STEPS[self._version():]:
                for statement in step:
                    cursor.execute(statement)
            cursor.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """All that is done inside, or nothing."""
        with closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

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
        """Keep a run, whole or not at all; False when it is there.

        Raises BadHistory when it is there with another outcome, which stays.
        """
        def ratios(of: Run) -> dict[tuple[str, str], float]:
            return {(p.case, p.op): p.ratio for p in of.points}
        with self._transaction() as cursor:
            if self._has("run", run.id):
                return False
            twin = self._twin(run)
            if twin is not None:
                if ratios(twin) == ratios(run):
                    return False
                raise BadHistory(
                    f"it was added before, when it had {len(twin.points)} "
                    "ratios, or others: what is in a history stays")
            self._insert(cursor, machine, run)
        return True

    def _insert(self, cursor: sqlite3.Cursor, machine: Machine,
                run: Run) -> None:
        if not self._has("machine", machine.id):
            cursor.execute("INSERT INTO machine VALUES (?, ?)",
                           (machine.id, json.dumps(machine.facts)))
        cursor.execute(
            "INSERT INTO run (id, machine, anchor, revision, started, context,"
            " anchor_word, commit_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (run.id, run.machine, run.anchor, run.revision, run.started,
             json.dumps(run.context), run.anchor_word, run.commit))
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
        """Keep what a person says; False when it is there.

        Raises BadHistory when it is no mark.
        """
        _check_mark(mark)
        with self._transaction() as cursor:
            if self._has("mark", mark.id):
                return False
            cursor.execute(
                "INSERT INTO mark VALUES (?, ?, ?, ?, ?, ?, ?)",
                (mark.id, mark.made, mark.machine, mark.case, mark.revision,
                 mark.kind, mark.reason))
        return True

    def _stored_machines(self) -> list[Machine]:
        rows = self._db.execute("SELECT id, facts FROM machine ORDER BY id")
        return [Machine(key, json.loads(facts)) for key, facts in rows]

    def _stored_marks(self) -> list[Mark]:
        return [Mark(*row) for row in self._db.execute(
            'SELECT made, machine, "case", revision, kind, reason '
            "FROM mark ORDER BY made, rowid")]

    def machines(self) -> list[Machine]:
        """All machines that have runs, by id: as they are told apart today,
        whatever made one another one when a run was added."""
        found = (machine_of(run.context) for run in self._heads())
        return sorted({machine.id: machine for machine in found}.values(),
                      key=lambda machine: machine.id)

    def marks(self) -> list[Mark]:
        """All marks, by the time they were made."""
        today = {run.machine: machine_of(run.context).id
                 for run in self._heads()}
        return [replace(mark, machine=today.get(mark.machine, mark.machine))
                for mark in self._stored_marks()]

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

    def _heads(self, started: str = "") -> list[Run]:
        """All runs, or those of a time, as they were added, by their time,
        without what they measured."""
        rows = self._db.execute(
            "SELECT id, machine, anchor, revision, started, context, "
            "anchor_word, commit_id FROM run WHERE ?1 IN ('', started) "
            "ORDER BY started, rowid", (started,))
        return [Run(key, machine, anchor, revision, started,
                    _context(context), anchor_word=word, commit=commit)
                for key, machine, anchor, revision, started, context, word,
                commit in rows]

    def _whole(self, head: Run) -> Run:
        """A run with what it measured."""
        return replace(head, points=self._points(head.id),
                       counters=self._counters(head.id))

    def _anchors(self) -> dict[str, tuple[str, str]]:
        """By what version 1 called an anchor, the commit and the word of runs
        that came later, where they were held against the same."""
        rows = self._db.execute(
            "SELECT anchor, anchor_word FROM run ORDER BY started, rowid")
        pinned: dict[str, str] = {}
        older = []
        for anchor, word in rows:
            if _PINNED.fullmatch(anchor):
                pinned.setdefault(anchor, word)
            else:
                older.append(anchor)
        return {anchor: (commit, word) for anchor in older
                for commit, word in pinned.items()
                if is_same_anchor(anchor, commit, word)}

    def runs(self, machine: str = "") -> list[Run]:
        """Runs of a machine, or all, by the time they started: those of one
        anchor have one name for it, and what cannot be is left out."""
        known = self._anchors()
        found = []
        for head in self._heads():
            today = machine_of(head.context).id
            if machine not in ("", today):
                continue
            anchor, word = known.get(head.anchor,
                                     (head.anchor, head.anchor_word))
            found.append(_sound(replace(
                self._whole(head), machine=today, anchor=anchor,
                anchor_word=word)))
        return found

    def unsound(self) -> list[str]:
        """Of runs that an older program took in although they hold what
        cannot be, a line each."""
        return [f"run of {head.started!r}: {fault}" for head in self._heads()
                if (fault := _fault(_check, self._whole(head)))]

    def _twin(self, run: Run) -> Run | None:
        """A run of the same build that started there at the same time: the
        same comparison, if perhaps with another outcome."""
        here = machine_of(run.context).id
        return next((self._whole(other) for other in self._heads(run.started)
                     if other.revision == run.revision and
                     machine_of(other.context).id == here), None)

    def anchor(self, machine: str) -> str | None:
        """What the newest run of a machine was held against."""
        return next((run.anchor for run in reversed(self._heads())
                     if machine_of(run.context).id == machine), None)

    def lines(self) -> Iterator[str]:
        """All of it as lines of JSON, machines before their runs; without
        what unsound() tells of, which nobody could take in.

        Machines are read after the runs, so that none is missing when
        another program adds runs meanwhile.
        """
        heads = self._heads()
        for machine in self._stored_machines():
            yield _typed("machine", asdict(machine))
        for head in heads:
            run = self._whole(head)
            if not _fault(_check, run):
                yield _typed("run", {"id": run.id, **run.contents})
        for mark in self._stored_marks():
            yield _typed("mark", asdict(mark))

    def merge(self, lines: Iterable[str]) -> Merged:
        """Take in lines of JSON, all that can be."""
        machines = {m.id: m for m in self._stored_machines()}
        merged = Merged()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                is_new = self._take(_object(line), machines)
            except (KeyError, TypeError, ValueError, AttributeError,
                    RecursionError) as error:
                merged.refused.append(f"line {number}: {error}")
                continue
            merged.nr_new += is_new is True
            merged.nr_known += is_new is False
        return merged

    def _take(self, data: dict[str, Any],
              machines: dict[str, Machine]) -> bool | None:
        kind = data.pop("type", None)
        if kind == "machine":
            machine = _machine_from(data)
            machines[machine.id] = machine
            return None
        if kind == "run":
            run = _run_from(data)
            if run.machine not in machines:
                raise ValueError(f"run {run.id} is of machine {run.machine}, "
                                 "which no line before it describes")
            return self.add(machines[run.machine], run)
        if kind == "mark":
            return self.mark(Mark(**data))
        raise ValueError(f"type is {kind!r}: machine, run or mark is wanted")


def is_same_anchor(told: str, anchor: str, word: str) -> bool:
    """Is what is told of an anchor, be it by version 1, this commit, which
    has a word?"""
    name, _, engine = told.partition(":")
    commit, _, its_engine = anchor.partition(":")
    abbreviated = _ABBREVIATED.search(name)
    return engine == its_engine and (
        name == word or
        abbreviated is not None and commit.startswith(abbreviated[1]))


def _context(text: str) -> dict[str, Any]:
    """A context that is stored; an older program took in other things."""
    context = json.loads(text)
    return context if isinstance(context, dict) else {}


def _sound(run: Run) -> Run:
    """A run without the points and counters that cannot be."""
    return replace(
        run, points=tuple(p for p in run.points if not _fault(_check_point, p)),
        counters={case: of for case, of in run.counters.items()
                  if not _fault(_check_counters, case, of)})


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


def mark_of(marks: Sequence[Mark], run: Run, case: str) -> Mark | None:
    """What counts for a change that this run is the first to show: the last
    mark that covers it, if it was not taken back."""
    for mark in reversed(marks):
        if mark.covers(run, case):
            return None if mark.kind == CLEARED else mark
    return None
