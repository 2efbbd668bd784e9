# SPDX-License-Identifier: GPL-2.0-only
"""Result files: what one process wrote, many merged, and read back."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import names
from .stats import median

SCHEMA = "1"
CLASSES_KEY = "iopt_counter_classes"
COUNTED = "counted"
SIM_PS = "sim_ps"
UNPIN_PS = "unpin_ps"
LIVE_BACKING = "/backing:live-"
PROFILE_SOURCES = "iopt_profile_sources"
TURNS = "turn_min_ns"

# What makes a machine another one, and what it is called: times of two that
# differ in one of these are neither compared nor put in one series.
MACHINE = {"iopt_host": "host", "iopt_host_machine": "machine",
           "iopt_host_cpu_model": "CPU", "iopt_host_arch": "architecture",
           "iopt_host_packages": "packages", "iopt_host_cores": "cores",
           "iopt_host_pus": "hardware threads", "iopt_host_caches": "caches",
           "iopt_host_page_size": "page size",
           "iopt_host_hypervisor": "hypervisor"}

# What a row has besides counters; all of libbenchmark's but the last four.
ROW_FIELDS = frozenset((
    "name", "family_index", "per_family_instance_index", "run_name",
    "run_type", "repetitions", "repetition_index", "threads", "iterations",
    "real_time", "cpu_time", "time_unit", "label", "error_occurred",
    "error_message", "skipped", "skip_message",
    "cpu_ns", "sim_ns", "unpin_ns", "total_ns"))

_NS = {"ns": 1, "us": 1000, "ms": 1000000, "s": 1000000000}

# Keys of the context that each process has its own of.
PROCESS_KEYS = frozenset((
    "date", "load_avg", "iopt_family", "iopt_round", "iopt_seed",
    "iopt_order"))

# Of those, what the runner itself says of each process.
_TOLD_KEYS = frozenset(("iopt_family", "iopt_round", "iopt_seed"))

Row = dict[str, Any]


class BadOutput(ValueError):
    """A file that is not what a benchmark process writes."""


@dataclass(frozen=True)
class Object:
    """What an object in a file is made of.

    needs, may: shapes of the keys that must be there, and of those that may
    rest: shape of any other
    """

    needs: Mapping[str, Any] = field(default_factory=dict)
    may: Mapping[str, Any] = field(default_factory=dict)
    rest: Any = object


NUMBER = (int, float)
MAX_NUMBER = 1 << 64
SHOWN_CHARS = 40
_SURROGATE = re.compile("[\ud800-\udfff]")

_WORDS: dict[Any, str] = {
    str: "text", int: "a whole number", bool: "true or false",
    dict: "an object", list: "a list", NUMBER: "a number"}

_ROW = Object(
    {"name": str, "repetition_index": int},
    {TURNS: [NUMBER], **dict.fromkeys((
        "run_name", "run_type", "time_unit", "label", "error_message",
        "skip_message", "case"), str)}, NUMBER)
_CONTEXT = Object(may={PROFILE_SOURCES: [Object({"name": str,
                                                 "digest": str})],
                      "iopt_failures": [str]})


def _is_odd(value: Any) -> bool:
    """Can JSON say it, but nobody keep it: too large, or half a character?"""
    if isinstance(value, str):
        return not value.isascii() and bool(_SURROGATE.search(value))
    return isinstance(value, int) and abs(value) > MAX_NUMBER


def _fits(value: Any, kinds: Any) -> bool:
    return isinstance(kinds, (type, tuple)) and isinstance(value, kinds) \
        and not _is_odd(value)


def check(where: str, value: Any, shape: Any) -> None:
    """Is what a file holds what its readers expect?

    A shape is a type or a tuple of types; a list of one shape, for a list of
    such; or an Object. Raises BadOutput that says where it is not so.
    """
    if isinstance(shape, Object):
        check(where, value, dict)
        for key in shape.needs:
            if key not in value:
                raise BadOutput(f"{where} has no {key}")
        for key, item in value.items():
            part = shape.needs.get(key) or shape.may.get(key) or shape.rest
            if not _fits(item, part):
                check(f"{where}: {ascii(key)[1:-1]}", item, part)
    elif isinstance(shape, list):
        check(where, value, list)
        for i, item in enumerate(value):
            check(f"{where} {i + 1}", item, shape[0])
    elif not _fits(value, shape):
        text = ascii(value)
        text = f"{text[:SHOWN_CHARS]}..." if len(text) > SHOWN_CHARS else text
        word = "what can be kept" if _is_odd(value) else \
            _WORDS.get(shape, "what it has to be")
        raise BadOutput(f"{where} is {text}, not {word}")


def check_rows(rows: Any) -> None:
    """Can each row of a result or a comparison be read? Raises BadOutput."""
    check("row", rows, [_ROW])


@dataclass(frozen=True)
class Output:
    """What one process wrote; is_whole is False when it broke off."""

    context: dict[str, Any]
    rows: list[Row]
    is_whole: bool


def _salvage(text: str) -> Output:
    """The context and the whole rows of a file that breaks off."""
    decoder = json.JSONDecoder()
    match = re.search(r'"context"\s*:\s*', text)
    if not match:
        raise BadOutput("it has no context")
    try:
        context, end = decoder.raw_decode(text, match.end())
    except (ValueError, RecursionError) as error:
        raise BadOutput(f"its context is no JSON ({error})") from error
    check("context", context, dict)
    rows: list[Row] = []
    match = re.compile(r'\s*,\s*"benchmarks"\s*:\s*\[').match(text, end)
    separator = re.compile(r"\s*,?\s*")
    at = match.end() if match else len(text)
    while at < len(text):
        at = separator.match(text, at).end()  # type: ignore[union-attr]
        try:
            row, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        check(f"row {len(rows) + 1}", row, dict)
        rows.append(row)
    return Output(context, rows, False)


def parse_output(text: str) -> Output:
    """Read what a process wrote, or as much of it as there is.

    Raises BadOutput when not even the context can be read.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _salvage(text)
    if not isinstance(document, dict) or \
            not isinstance(document.get("context"), dict) or \
            not isinstance(document.get("benchmarks"), list):
        raise BadOutput("it is no object with context and benchmarks")
    check("row", document["benchmarks"], [dict])
    return Output(document["context"], document["benchmarks"], True)


def outcome(row: Row) -> str:
    """How a case went: ok, counted, or an outcome such as refused."""
    return str(row.get("label") or "ok").split(";")[0]


def skip_reason(row: Row) -> str | None:
    """Why a row is a named skip, None when it is none."""
    text = str(row.get("error_message") or row.get("skip_message") or "")
    if text.startswith("skip:"):
        return text[5:].strip() or "no reason given"
    if row.get("skipped") and not row.get("error_occurred"):
        return text or "no reason given"
    return None


def row_error(row: Row) -> str | None:
    """What is wrong with a row that is no skip, None when it can be used."""
    if row.get("error_occurred"):
        return str(row.get("error_message") or "error without a message")
    for key, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"{key} is {value}, no number"
    if outcome(row) == COUNTED:
        return None
    time = row.get("real_time")
    if not isinstance(time, (int, float)) or time <= 0:
        return f"real_time is {time!r}, no time above zero"
    if row.get("time_unit") not in _NS:
        return f"time_unit is {row.get('time_unit')!r}"
    return None


def ledger_counters(row: Row) -> Row:
    """What a row of the ledger says of one operation: its counters."""
    return {key: value for key, value in row.items()
            if key not in ROW_FIELDS}


def complete_row(row: Row, index: int, rounds: int, profile: str,
                 ledger: Mapping[str, Any] | None = None) -> Row:
    """A process's row as it stands in the result, made whole.

    The name gets its cost profile and the row its place among the rounds,
    the profile's counters and, if it was timed, cpu_ns, sim_ns and total_ns
    of one operation, and unpin_ns, no part of the total, where pages are
    unpinned. Without a ledger an invalidation costs nothing, so
    sim_ns is 0. A value that is no number cannot be written: the row becomes
    an error row.
    """
    row = {**(ledger or {}), **row}
    done: Row = {}
    for key, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            done["error_occurred"] = True
            done["error_message"] = f"{key} is {value}, no number"
            continue
        is_whole = isinstance(value, float) and value.is_integer()
        done[key] = int(value) if is_whole and abs(value) < 2**53 and \
            key not in ("real_time", "cpu_time") else value
    done["name"] = done["run_name"] = names.complete(row["name"], profile)
    done["repetitions"] = rounds
    done["repetition_index"] = index
    if skip_reason(row) is None and row_error(row) is None and \
            outcome(row) != COUNTED:
        done["cpu_ns"] = row["real_time"] * _NS[row["time_unit"]]
        done["sim_ns"] = done.get(SIM_PS, 0) / 1000
        done["total_ns"] = done["cpu_ns"] + done["sim_ns"]
        if UNPIN_PS in done:
            done["unpin_ns"] = done[UNPIN_PS] / 1000
    return done


def counter_classes(context: Mapping[str, Any]) -> dict[str, str]:
    """Each counter's class (exact, bounded, noisy) by name."""
    pairs = (word.rpartition(":")
             for word in str(context.get(CLASSES_KEY, "")).split())
    return {name: cls for name, _, cls in pairs}


def inexact_counters(rows: Iterable[Row],
                     classes: Mapping[str, str]) -> list[str]:
    """One line for each exact counter that is not the same in all rounds.

    Each process allocates live memory anew, so there nothing is to be alike.
    """
    seen: dict[tuple[str, str], set[Any]] = {}
    for row in rows:
        if LIVE_BACKING in row["name"]:
            continue
        for key, value in row.items():
            if classes.get(key) == "exact":
                seen.setdefault((row["name"], key), set()).add(value)
    return [f"{name}: {key} is exact but was "
            f"{', '.join(str(v) for v in sorted(values))}"
            for (name, key), values in seen.items() if len(values) > 1]


def _agreed(values: list[Any]) -> Any:
    """One value for several: their median if numbers, else all of them."""
    try:
        return f"{median([float(value) for value in values]):g}"
    except (TypeError, ValueError):
        return list(dict.fromkeys(str(value) for value in values))


def merge_contexts(contexts: Sequence[Mapping[str, Any]]) \
        -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The context of all processes, and what each has of its own.

    A key that differs between processes is in the first as the median, if
    it is a number, or the list of values, and in the second as it was. The
    classes of counters are those of all families together.
    """
    merged: dict[str, Any] = {}
    own: list[dict[str, Any]] = [{} for _ in contexts]
    for key in dict.fromkeys(k for c in contexts for k in c):
        values = [context.get(key, "unknown") for context in contexts]
        if key not in PROCESS_KEYS:
            if all(value == values[0] for value in values):
                merged[key] = values[0]
                continue
            if key == CLASSES_KEY:
                words = (w for value in values for w in str(value).split())
                merged[key] = " ".join(dict.fromkeys(words))
                continue
            merged[key] = _agreed(values)
        if key in _TOLD_KEYS:
            continue
        for i, value in enumerate(values):
            own[i][key] = value
    return merged, own


def _lines(value: Any) -> str:
    """JSON of a value, a list of objects with one object a line."""
    if isinstance(value, list) and value and \
            all(isinstance(item, dict) for item in value):
        items = ",\n      ".join(json.dumps(item, allow_nan=False)
                                 for item in value)
        return f"[\n      {items}\n    ]"
    return json.dumps(value, allow_nan=False)


def dump(document: Mapping[str, Any]) -> str:
    """The text of a result file: a row a line, so that it can be read."""
    context = ",\n    ".join(f"{json.dumps(key)}: {_lines(value)}"
                             for key, value in document["context"].items())
    rows = ",\n    ".join(json.dumps(row, allow_nan=False)
                          for row in document["benchmarks"])
    return (f'{{\n  "context": {{\n    {context}\n  }},\n'
            f'  "benchmarks": [\n    {rows}\n  ]\n}}\n')


def write_atomic(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all.

    Raises OSError, after which neither it nor a piece of it is there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@dataclass
class Samples:
    """All rounds of one case."""

    case: names.Case
    rows: list[Row] = field(default_factory=list)

    @property
    def good(self) -> list[Row]:
        """The rows that hold numbers, by round."""
        return [row for row in self.rows
                if skip_reason(row) is None and row_error(row) is None]

    @property
    def label(self) -> str:
        """How it went: ok, or a named outcome such as refused."""
        return outcome(self.good[0]) if self.good else "no result"

    @property
    def warnings(self) -> list[str]:
        """What was said against the quality of the numbers, each once."""
        parts = [part for row in self.good
                 for part in str(row.get("label") or "").split(";")[1:]]
        return list(dict.fromkeys(p.removeprefix("warn=") for p in parts))

    def by_round(self, key: str) -> dict[int, float]:
        """A field's value in each round that has it."""
        return {row["repetition_index"]: row[key]
                for row in self.good if key in row}

    def values(self, key: str) -> list[float]:
        """A field's value in each row that has it, by round."""
        return [value for _, value in sorted(self.by_round(key).items())]


@dataclass
class Result:
    """A result file, its rows gathered by case."""

    context: dict[str, Any]
    cases: dict[names.Case, Samples]

    def family(self, name: str) -> list[Samples]:
        """The cases of a family, in the order of the file."""
        return [s for s in self.cases.values() if s.case.family == name]

    @property
    def families(self) -> list[str]:
        """The families that it has rows of."""
        return list(dict.fromkeys(case.family for case in self.cases))


def from_document(document: Mapping[str, Any]) -> Result:
    """Gather the rows of a result; raises BadOutput when it is none."""
    cases: dict[names.Case, Samples] = {}
    rows = [row for row in document["benchmarks"]
            if row.get("run_type", "iteration") == "iteration"]
    check("context", document["context"], _CONTEXT)
    try:
        json.dumps(document["context"], allow_nan=False)
    except ValueError as error:
        raise BadOutput("its context has a number that is NaN or infinite") \
            from error
    check_rows(rows)
    for row in rows:
        try:
            case = names.parse(row["name"])
        except names.BadName as error:
            raise BadOutput(f"a row has no good name: {error}") from error
        cases.setdefault(case, Samples(case)).rows.append(row)
    return Result(dict(document["context"]), cases)


def load(path: Path) -> Result:
    """Read a result file; raises OSError, or BadOutput that names it."""
    try:
        output = parse_output(path.read_text(encoding="utf-8"))
        if not output.is_whole:
            raise BadOutput("it breaks off")
        return from_document({"context": output.context,
                              "benchmarks": output.rows})
    except (BadOutput, UnicodeDecodeError) as error:
        raise BadOutput(f"{path}: no result of iopt-bench: {error}") from error
