# SPDX-License-Identifier: GPL-2.0-only
"""The history: it only grows, it can be carried, it says what changed."""

from __future__ import annotations

import json
import math
import os
import reprlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import report as report_page
import track
from conftest import ROOT, SmallDisk
from ioptlib import comparison, history, report, results, sides, stats
from ioptlib.endings import Endings
from ioptlib.paired import NEW, OLD, TURNS
from made_history import MAP, commit, comparison_of, context

VERSION_1 = Path(__file__).resolve().parent / "history-1.sql"
COUNTERS = {MAP: {"pte_writes": 1, "tables_alloc": 0}}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with history.Store(tmp_path / "h" / "history.db") as opened:
        yield opened


def fill(store: history.Store, days: range, ratio: float,
         **more: str) -> None:
    for day in days:
        # Days differ a little, as days do.
        wiggle = 1 + 0.001 * ((day * 7) % 5 - 2)
        assert store.add(*history.run_of(
            comparison_of(day, {MAP: ratio * wiggle}, COUNTERS, **more)))


def test_a_run_is_kept_with_its_samples(store: history.Store) -> None:
    machine, run = history.run_of(comparison_of(1, {MAP: 1.1}, COUNTERS))
    assert store.add(machine, run)
    assert not store.add(machine, run)
    [back] = store.runs()
    assert back == run
    [point] = back.points
    assert point.ratio == pytest.approx(1.1, rel=1e-3)
    assert point.samples["old"] == [20.0] * 10
    assert len(point.samples["new"]) == 10
    assert back.counters == COUNTERS
    assert (back.revision, back.anchor) == ("r1", commit("v1"))
    assert back.anchor_title == f"v1 ({commit('v1')[:12]})"
    assert store.machines() == [machine]
    assert store.anchor(machine.id) == commit("v1")


REPLAY = "replay/engine:lpae-7.3/trace:boot"
CONTENTION = "contention/engine:lpae-7.3/cpus:2/share:node"


def with_operations(document: dict[str, Any], key: str, nr: int,
                    times: dict[str, tuple[float, float]]) -> None:
    """Add a case with times of several operations, by field: old, new."""
    document["context"][comparison.INFO]["cases"].append(
        {"key": key, "old": key, "new": key})
    document["benchmarks"] += [comparison.stage_row(
        {"name": key, "run_type": "iteration", "real_time": 900.0,
         "time_unit": "ns", "label": "ok", "block_min_ns": 800.0,
         **{name: pair[at] + i / 100 for name, pair in times.items()}},
        key, side, 1, i, nr)
        for at, side in enumerate((OLD, NEW)) for i in range(nr)]


def test_samples_are_of_the_operation() -> None:
    """Beside a ratio stand the times that it was made of, and no others."""
    document = comparison_of(1, {MAP: 1.0})
    with_operations(document, REPLAY, 10, {
        "map_ns": (30.0, 60.0), "map_min_ns": (20.0, 40.0),
        "unmap_ns": (9.0, 9.0), "unmap_min_ns": (5.0, 5.0)})
    with_operations(document, CONTENTION, 10, {
        "map_p50_ns": (70.0, 70.0), "map_p99_ns": (90.0, 180.0),
        "unmap_p50_ns": (60.0, 60.0), "unmap_p99_ns": (80.0, 80.0)})
    _, run = history.run_of(document)
    first = {(p.case, p.op): (p.samples["old"][0], p.samples["new"][0])
             for p in run.points}
    assert first == {
        (MAP, ""): (20.0, pytest.approx(20.0, rel=1e-3)),
        (REPLAY, "map"): (20.0, 40.0), (REPLAY, "unmap"): (5.0, 5.0),
        (CONTENTION, ""): (800.0, 800.0),
        (CONTENTION, "map p50"): (70.0, 70.0),
        (CONTENTION, "map p99"): (90.0, 180.0),
        (CONTENTION, "unmap p50"): (60.0, 60.0),
        (CONTENTION, "unmap p99"): (80.0, 80.0)}
    for point in run.points:
        assert [len(of) for of in point.samples.values()] == [10] * 3
        assert point.nr_pairs == 10 and point.is_interval


def test_ratios_of_turns_are_kept() -> None:
    """What a ratio is the median of: of its turns, not of the minima."""
    document = comparison_of(1, {MAP: 1.0}, nr_pairs=7)
    for row in document["benchmarks"]:
        row[TURNS] = [21.0, 26.0, 30.0] if \
            row["name"].endswith(f"side:{NEW}") else [20.0, 20.0, 20.0]
    [point] = history.run_of(document)[1].points
    assert point.samples["ratio"] == pytest.approx([1.3] * 7)
    assert point.ratio == pytest.approx(1.3)
    assert max(point.samples["new"]) < 20.1


@pytest.mark.parametrize("nr_pairs", [3, 5, 6])
def test_few_pairs_have_no_interval(nr_pairs: int) -> None:
    document = comparison_of(1, {MAP: 1.1}, nr_pairs=nr_pairs)
    [line] = comparison.analyse(document).lines
    [point] = history.run_of(document)[1].points
    assert line.stages.deciding is not None
    assert point.is_interval == line.stages.deciding.is_interval
    assert point.is_interval == (nr_pairs >= stats.MIN_PAIRS)


RUN_COLUMNS = "id, machine, anchor, revision, started, context"


@pytest.mark.parametrize("sql", [
    "UPDATE run SET revision = 'x'", "DELETE FROM run",
    "UPDATE point SET ratio = 1", "DELETE FROM counter",
    "DELETE FROM machine",
    *(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
      for table in ("machine", "run", "point", "counter", "mark")),
    f"REPLACE INTO run ({RUN_COLUMNS}) SELECT id, machine, 'x', revision, "
    "started, context FROM run",
    f"REPLACE INTO run (rowid, {RUN_COLUMNS}) SELECT rowid, 'x' || id, "
    "machine, anchor, revision, started, context FROM run",
    'REPLACE INTO point SELECT run, "case", op, 1, 1, 1, 1, 1, samples '
    "FROM point"])
def test_it_only_grows(store: history.Store, sql: str) -> None:
    fill(store, range(1, 3), 1.0)
    store.mark(history.Mark("2026-02-01", "", "*", "", history.IGNORED, "x"))
    with sqlite3.connect(store.path) as other, \
            pytest.raises(sqlite3.DatabaseError, match="only grows"):
        other.execute(sql)


def test_another_machine_is_another_series(store: history.Store) -> None:
    fill(store, range(1, 3), 1.0)
    fill(store, range(3, 5), 1.0, iopt_host_cpu_model="Another CPU")
    fill(store, range(5, 7), 1.0, iopt_host_kernel="7.3")
    assert len(store.machines()) == 2
    lengths = sorted(len(one.points)
                     for one in history.series_of(store.runs()))
    assert lengths == [2, 4]


def test_another_anchor_is_another_series(store: history.Store) -> None:
    fill(store, range(1, 3), 1.0)
    for day in (3, 4):
        store.add(*history.run_of(comparison_of(day, {MAP: 1.0},
                                                anchor="v2")))
    assert sorted(len(one.points) for one in
                  history.series_of(store.runs())) == [2, 2]


def test_the_anchor_is_that_of_this_host(store: history.Store) -> None:
    fill(store, range(1, 3), 1.0)
    store.add(*history.run_of(comparison_of(9, {MAP: 1.0}, anchor="v2",
                                            iopt_host="there")))
    assert track.anchor_of(store, "here") == commit("v1")
    assert track.anchor_of(store, "there") == commit("v2")
    assert track.anchor_of(store, "nowhere") == ""


def test_a_change_has_its_revisions(store: history.Store) -> None:
    fill(store, range(1, 11), 1.0)
    fill(store, range(11, 13), 1.05)
    assert report.findings(store.runs(), []) == []  # not confirmed yet
    fill(store, range(13, 15), 1.05)
    [found] = report.findings(store.runs(), [])
    assert found.span == "r10..r11"
    assert found.is_worse and found.percent == pytest.approx(5, abs=0.3)
    assert "+5" in found.text and MAP in found.text


def test_a_counter_has_its_revisions(store: history.Store) -> None:
    fill(store, range(1, 3), 1.0)
    store.add(*history.run_of(comparison_of(
        3, {MAP: 1.0}, {MAP: {"pte_writes": 2, "tables_alloc": 0}})))
    [found] = report.findings(store.runs(), [])
    assert found.text == f"{MAP} pte_writes: 1 -> 2 in r2..r3"


SENT = "tlbi_el2_va@smmu"
PLAIN = {"cmd_syncs@smmu": 1}

# By run the anchor and what it counted, None where the case was not run; and
# what is told of it.
COUNTED = [
    ([("v1", {"x": 1}), ("v1", None), ("v1", {"x": 2})], ["x: 1 -> 2 r1..r3"]),
    ([("v1", {"x": 1}), ("v2", {"x": 2})], ["x: 1 -> 2 r1..r2"]),
    ([("v1", {"x": 1}), ("v2", {"x": 2}), ("v1", {"x": 1})],
     ["x: 1 -> 2 r1..r2", "x: 2 -> 1 r2..r3"]),
    ([("v1", {"x": 1}), ("v1", {"y": 1}), ("v1", {"x": 2})],
     ["x: 1 -> 2 r1..r3"]),
    ([("v1", PLAIN), ("v1", PLAIN | {SENT: 5}), ("v1", PLAIN)],
     [f"{SENT}: 0 -> 5 r1..r2", f"{SENT}: 5 -> 0 r2..r3"]),
    ([("v1", PLAIN | {SENT: 5}), ("v1", {"x": 1}), ("v1", PLAIN)],
     [f"{SENT}: 5 -> 0 r1..r3"]),
    # Of what is no command, or of another profile, nothing is known.
    ([("v1", {"x": 1}), ("v1", {"y": 1})], []),
    ([("v1", {"cmd_syncs@old": 1}), ("v1", PLAIN | {SENT: 5})], []),
    ([("v1", {"x": 16777216}), ("v1", {"x": 16777217})],
     ["x: 16777216 -> 16777217 r1..r2"]),
]


@pytest.mark.parametrize("counted,told", COUNTED)
def test_no_difference_of_counters_is_lost(
        store: history.Store, counted: list[tuple[str, dict[str, int] | None]],
        told: list[str]) -> None:
    for day, (anchor, counters) in enumerate(counted, 1):
        machine, run = history.run_of(comparison_of(
            day, {MAP: 1.0}, {}, anchor=anchor))
        store.add(machine, replace(
            run, counters={} if counters is None else {MAP: counters}))
    found = report.findings(store.runs(), [])
    assert sorted(f"{f.what.removeprefix(MAP + ' ')}: {f.change} "
                  f"{f.span}" for f in found) == told


def test_marks(store: history.Store) -> None:
    fill(store, range(1, 11), 1.0)
    fill(store, range(11, 15), 1.05)

    def seen(**mark: str) -> history.Mark | None:
        store.mark(history.Mark(**{
            "made": f"2026-02-01T00:00:{len(store.marks()):02}",
            "machine": "", "case": "map/*", "revision": "r11",
            "kind": history.EXPECTED, "reason": "a barrier more", **mark}))
        [found] = report.findings(store.runs(), store.marks())
        return found.mark

    assert seen(revision="r12") is None
    assert seen(case="unmap/*") is None
    assert seen(machine="0") is None
    mark = seen()
    assert mark is not None and mark.reason == "a barrier more"
    assert seen(kind=history.CLEARED) is None
    assert seen(revision=commit("r12")[:9]) is None
    assert seen(revision=commit("r11")[:9]) is not None
    mark = seen(kind=history.IGNORED, reason="noisy")
    assert mark is not None and mark.kind == history.IGNORED


def test_lines_carry_it_all(store: history.Store, tmp_path: Path) -> None:
    fill(store, range(1, 4), 1.0)
    store.mark(history.Mark("2026-02-01", "", "*", "", history.IGNORED, "x"))
    lines = list(store.lines())
    with history.Store(tmp_path / "other.db") as other:
        assert other.merge(lines) == history.Merged(4, 0)
        assert other.merge(lines) == history.Merged(0, 4)
        assert list(other.lines()) == lines


def test_whole_minima_are_carried(store: history.Store,
                                  tmp_path: Path) -> None:
    """The median of an odd number of whole ones is an int, but not so when it
    comes from the store: the id must be that of what is read back."""
    document = comparison_of(1, {}, COUNTERS, nr_pairs=7)
    key = MAP.replace("size:4K", "size:2M")
    with_operations(document, key, 7, {})
    store.add(*history.run_of(document))
    with history.Store(tmp_path / "other.db") as other:
        assert other.merge(store.lines()) == history.Merged(1, 0)


def made_again(run: history.Run, **changed: Any) -> str:
    """The line of a run with other contents, under the id of those."""
    other = replace(run, **changed)
    contents = json.loads(json.dumps(other.contents))
    return json.dumps({"type": "run", "id": history._digest(contents),
                       **contents})


def with_point(**changed: Any) -> Callable[[history.Run], str]:
    """Makes the line of a run whose point is another."""
    return lambda run: made_again(run, points=(
        replace(run.points[0], **changed),))


def with_run(**changed: Any) -> Callable[[history.Run], str]:
    """Makes the line of a run with other fields."""
    return lambda run: made_again(run, **changed)


def with_mark(**changed: Any) -> Callable[[history.Run], str]:
    """Makes the line of a mark."""
    mark = history.Mark("2026-02-01", "", "*", "", history.IGNORED, "x")
    return lambda run: json.dumps(
        {"type": "mark", **asdict(replace(mark, **changed))})


def plain(line: str) -> Callable[[history.Run], str]:
    """A line that no run is needed for."""
    return lambda run: line


def twice(run: history.Run) -> str:
    """A run with the same case twice."""
    return made_again(run, points=run.points * 2)


def forged(run: history.Run) -> str:
    """A run that is not what its id was made of."""
    return json.dumps({"type": "run", "id": run.id, **run.contents,
                       "revision": "r2"})


BROKEN = [
    (plain("{"), "line 2"),
    (plain('{"type": "dog"}'), "type is 'dog'"),
    (plain('{"type": "run"}'), "line 2: 'points'"),
    (plain('{"type": "machine", "id": "x", "facts": {}}'), "not what its id"),
    (plain('{"type": "machine", "id": "x", "facts": {"a": 1}}'), "facts"),
    (plain("[]"), "no object"), (plain("[" * 99999), "recursion"),
    (plain('{"type": "mark", "x": "\\ud800"}'), "surrogates"),
    (plain('{"type": "mark", "x": "\udc80"}'), "surrogates"),
    (with_point(ratio=0), "ratio is 0, no number above zero"),
    (with_point(ratio=-1.0), "ratio is -1.0"),
    (with_point(ratio="x"), "ratio is 'x'"),
    (with_point(ratio=True), "ratio is True"),
    (with_point(ratio=math.nan), "JSON"), (with_point(ratio=math.inf), "JSON"),
    (with_point(ratio=10 ** 400), "ratio is 1000"),
    (with_point(ratio=2.0), "ratio is 2.0, not in"),
    (with_point(old_ns=0), "old_ns is 0"), (with_point(low=None), "low is"),
    (with_point(op="map\x1b[2J"), "no printable"),
    (with_point(case="map/x"), "not key:value"),
    (with_point(case="map\x1b"), "case is 'map\\x1b'"),
    (with_point(case=["map"]), "no printable"),
    (with_point(samples={"old": [-1]}), "a sample is -1"),
    (with_point(samples={"old": 3}), "no lists"), (twice, "twice"),
    (with_run(revision="v1\x1b"), "revision is 'v1\\x1b'"),
    (with_run(anchor="v1\x00"), "anchor is"),
    (with_run(anchor_word=7), "anchor_word is 7"),
    (with_run(started="2026-01-01T00:00:00+00:00\x1b"), "started is"),
    (with_run(started="yesterday"), "no time"),
    (with_run(started="2026-01-01T02:00:00+02:00"), "not in UTC"),
    (with_run(context=[]), "context"),
    (with_run(context={"x": math.inf}), "JSON"),
    (with_run(counters={MAP: {"pte_writes": 2 ** 63}}), "64 bits"),
    (with_run(counters={MAP: {"pte_writes": "1"}}), "64 bits"),
    (with_run(counters={"m\n": {"pte_writes": 1}}), "case is"),
    (with_run(counters={MAP: {}}), "no counters"),
    (with_point(old_ns=20), "old_ns is 20, not 20.0"),
    (with_run(machine="other"), "no line before it describes"),
    (forged, "not what its id"),
    (with_mark(made="soon"), "no time"), (with_mark(kind="good"), "a mark is"),
    (with_mark(reason="\x1b]0;x"), "reason is"),
    (with_mark(machine=None), "machine is None"),
]


@pytest.mark.parametrize("make,said", BROKEN)
def test_broken_lines(store: history.Store, make: Any, said: str) -> None:
    """A line that cannot be is refused by its number; the others are in, and
    what reads the history can read on."""
    machine, run = history.run_of(comparison_of(1, {MAP: 1.0}))
    good = json.dumps({"type": "machine", "id": machine.id,
                       "facts": machine.facts})
    more = made_again(run, revision="r3")
    merged = store.merge([good, make(run), more])
    assert (merged.nr_new, merged.nr_known) == (1, 0)
    [refused] = merged.refused
    assert refused.startswith("line 2: ") and said in refused
    assert [run.revision for run in store.runs()] == ["r3"]
    assert store.unsound() == [] and report.findings(store.runs(), []) == []


def test_what_is_stored_already_can_be_read(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An older program took in what cannot be, and it cannot be deleted."""
    db = tmp_path / "history.db"
    with history.Store(db) as store:
        fill(store, range(1, 4), 1.0)
        for day, changed in enumerate(({"ratio": 0.0}, {"ratio": -1.0},
                                       {"ratio": "x"}, {"low": 2.0},
                                       {"case": "map\x1b"}), 4):
            machine, run = history.run_of(comparison_of(day, {MAP: 1.0}))
            bad = replace(run.points[0], **changed)
            store.add(machine, replace(run, id=f"bad{day}", points=(bad,)))
        machine, run = history.run_of(comparison_of(9, {MAP: 1.0}, COUNTERS))
        store.add(machine, replace(run, revision="v1\x1b\x00"))
        assert [len(run.points) for run in store.runs()] == \
            [1, 1, 1, 0, 0, 0, 0, 0, 1]
    assert track.main(["--db", str(db), "list"]) == 0
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 6
    assert "ratio is -1.0, no number above zero" in said.err
    out = tmp_path / "h.html"
    assert report_page.main(["--db", str(db), "--out", str(out)]) == 0
    assert "v1??" in out.read_text("utf-8")
    assert "\x1b" not in out.read_text("utf-8")
    assert len(capsys.readouterr().err.splitlines()) == 6
    lines = tmp_path / "all.jsonl"
    assert track.main(["--db", str(db), "export", str(lines)]) == 1
    assert track.main(["--db", str(tmp_path / "other.db"), "import",
                       str(lines)]) == 0
    assert "3 added" in capsys.readouterr().out


def nested(depth: int) -> str:
    """A list in a list in a list."""
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("text,code", [
    ("NaN", 4), ("1e999", 4), ('{"x": [-1e999]}', 4), ('"\\ud800"', 4),
    (nested(800), 0), (nested(99999), 4)], ids=reprlib.repr)
def test_what_no_line_could_hold_is_not_added(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        text: str, code: int) -> None:
    """What is taken in can be exported, and that imported."""
    path, lines = tmp_path / "a.json", tmp_path / "all.jsonl"
    whole = results.dump(comparison_of(1, {MAP: 1.0}, iopt_cc="here"))
    path.write_text(whole.replace('"iopt_cc": "here"', f'"iopt_cc": {text}'))
    db, other = (["--db", str(tmp_path / name)] for name in ("a.db", "b.db"))
    assert track.main([*db, "add", str(path)]) == code
    assert len(capsys.readouterr().err.splitlines()) == (1 if code else 0)
    assert track.main([*db, "export", str(lines)]) == 0
    assert track.main([*other, "import", str(lines)]) == 0
    assert f"{0 if code else 1} added" in capsys.readouterr().out


@pytest.mark.parametrize("cc", [math.nan, math.inf, "\ud800"])
def test_what_no_line_can_hold_is_left_out(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], cc: Any) -> None:
    """An older program took it in."""
    db, lines = tmp_path / "history.db", tmp_path / "all.jsonl"
    with history.Store(db) as store:
        machine, run = history.run_of(comparison_of(1, {MAP: 1.0}))
        store.add(machine, replace(run, context={**run.context, "x": cc}))
        fill(store, range(2, 3), 1.0)
    assert track.main(["--db", str(db), "export", str(lines)]) == 1
    [said] = capsys.readouterr().err.splitlines()
    assert "2026-01-01" in said and "no plain JSON" in said
    with history.Store(tmp_path / "other.db") as other:
        assert other.merge(lines.read_text("utf-8").splitlines()) == \
            history.Merged(1, 0)


def test_a_later_tag_is_the_same_anchor(store: history.Store) -> None:
    """What git describe says of a commit changes when it gets a tag."""
    for day, described in enumerate(("v0.1-3-g1a2b3c4", "v0.2"), 1):
        document = comparison_of(day, {MAP: 1.0})
        document["context"][comparison.INFO][OLD] |= {
            "label": commit("v1")[:12], "revision": described}
        store.add(*history.run_of(document))
    [one] = history.series_of(store.runs())
    assert len(one.points) == 2


def test_a_saved_comparison_of_before_names_its_commit_by_git() -> None:
    document = comparison_of(1, {MAP: 1.0})
    del document["context"][comparison.INFO][OLD]["commit"]
    _, run = history.run_of(document, {"v1": commit("x")}.get)
    assert run.anchor == commit("x")


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A store that the program of version 1 wrote."""
    path = tmp_path / "older.db"
    with sqlite3.connect(path) as db:
        db.executescript(VERSION_1.read_text("utf-8"))
    return path


def rows_of(path: Path) -> list[Any]:
    """What a store holds of what version 1 knew."""
    with sqlite3.connect(path) as db:
        return [db.execute(f"SELECT {columns} FROM {table} ORDER BY rowid")
                .fetchall() for table, columns in (
                    ("machine", "*"), ("run", RUN_COLUMNS), ("point", "*"),
                    ("counter", "*"), ("mark", "*"))]


def test_an_older_store_goes_on(older: Path, tmp_path: Path) -> None:
    """It gets what it lacks, keeps what it has, and its series grow."""
    before = rows_of(older)
    with history.Store(older) as store:
        assert rows_of(older) == before
        assert [run.anchor for run in store.runs()] == ["v1"] * 4
        store.add(*history.run_of(comparison_of(9, {MAP: 1.0}, COUNTERS)))
        store.add(*history.run_of(comparison_of(10, {MAP: 1.0}, COUNTERS,
                                                anchor="v2")))
        assert sorted(len(one.points) for one in
                      history.series_of(store.runs())) == [1, 5]
        assert [run.anchor for run in store.runs()] == \
            [commit("v1")] * 5 + [commit("v2")]
        with history.Store(tmp_path / "other.db") as other:
            lines = list(store.lines())
            assert other.merge(lines) == history.Merged(7, 0)
            assert list(other.lines()) == lines
    with sqlite3.connect(older) as db, \
            pytest.raises(sqlite3.DatabaseError, match="only grows"):
        db.execute("INSERT OR REPLACE INTO point SELECT * FROM point")
    with history.Store(older) as store:
        assert len(store.runs()) == 6


def test_what_makes_a_machine_may_become_more(
        store: history.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer program that tells machines apart by one fact more goes on with
    the series, where the runs before had that fact too; and with its marks."""
    fill(store, range(1, 11), 1.0, iopt_host_microcode="1a")
    [before] = store.machines()
    store.mark(history.Mark("2026-02-01", before.id, "*", "r11",
                            history.EXPECTED, "x"))
    monkeypatch.setattr(history, "IDENTITY",
                        (*history.IDENTITY, "iopt_host_microcode"))
    assert store.add(*history.run_of(comparison_of(
        1, {MAP: 0.998}, COUNTERS, iopt_host_microcode="2b")))
    fill(store, range(11, 15), 1.05, iopt_host_microcode="1a")
    lengths = {m.facts["iopt_host_microcode"]: len(store.runs(m.id))
               for m in store.machines()}
    assert lengths == {"1a": 14, "2b": 1}
    [board] = (m for m in store.machines()
               if m.facts["iopt_host_microcode"] == "1a")
    assert board.id != before.id
    [found] = report.findings(store.runs(board.id), store.marks())
    assert found.mark is not None


SAME = [
    # What version 1 called an anchor; that of a later run; the same?
    ("v0.1", commit("a"), "v0.1", True),
    ("v0.1", commit("a"), "v0.2", False),
    (f"v0.1-3-g{commit('a')[:7]}", commit("a"), "main", True),
    (f"v0.1-3-g{commit('b')[:7]}", commit("a"), "main", False),
    (commit("a")[:9], commit("a"), "main", True),
    (f"{commit('a')[:9]}-dirty", commit("a"), "main", False),
    (f"{commit('a')[:9]}:lpae-6.1", commit("a"), "main", False),
    (f"{commit('a')[:9]}:lpae-6.1", f"{commit('a')}:lpae-6.1", "", True),
]


@pytest.mark.parametrize("told,anchor,word,same", SAME)
def test_anchors_of_version_1(told: str, anchor: str, word: str,
                              same: bool) -> None:
    assert history.is_same_anchor(told, anchor, word) == same


REVISIONS = [
    # What was measured, its commit, what a mark says; is it that?
    ("v0.1-3-g1a2b3c4", "", "1a2b3c4", True),
    ("v0.1-3-g1a2b3c4", "", "1a2b", True),
    ("v0.1-3-g1a2b3c4", "", "1A2B3C4D5E6F", True),
    ("v0.1-3-g1a2b3c4", "", "v0.1-3-g1a2b3c4", True),
    ("v0.1-3-g1a2b3c4:lpae-7.3", "", "1a2b3c4", True),
    ("v0.1-3-g1a2b3c4", "", "v0.1", False),
    ("v0.1-3-g1a2b3c4", "", "1a2", False),
    ("v0.1-3-g1a2b3c4", "", "2b3c4", False),
    ("v0.1-3-g1a2b3c4-dirty", "", "1a2b3c4", False),
    ("v0.2", commit("a"), commit("a")[:7], True),
    ("v0.2", commit("a"), f"v0.1-9-g{commit('a')[:7]}", True),
    ("v0.2", commit("a"), commit("a"), True),
    ("v0.2", commit("a"), commit("b")[:7], False),
]


@pytest.mark.parametrize("told,its_commit,said,same", REVISIONS)
def test_a_mark_is_of_a_revision(told: str, its_commit: str, said: str,
                                 same: bool) -> None:
    _, run = history.run_of(comparison_of(1, {MAP: 1.0}))
    assert replace(run, revision=told, commit=its_commit).is_of(said) == same


def test_files_that_are_no_history(tmp_path: Path) -> None:
    text = tmp_path / "a.db"
    text.write_text("no database at all, by its length not even nearly\n" * 9)
    with pytest.raises(history.BadHistory, match="no history"):
        history.Store(text)
    other = tmp_path / "b.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE cat (name)")
    with pytest.raises(history.BadHistory, match="no history"):
        history.Store(other)
    newer = tmp_path / "c.db"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(history.BadHistory, match="format is 9"):
        history.Store(newer)


def _separate(document: dict[str, Any]) -> None:
    document["context"]["iopt_comparison"]["kind"] = "files"


def _timeless(document: dict[str, Any]) -> None:
    document["context"]["iopt_started"] = "yesterday"


def _empty(document: dict[str, Any]) -> None:
    document["benchmarks"] = []


def _plain(document: dict[str, Any]) -> None:
    del document["context"]["iopt_comparison"]


def _broken(document: dict[str, Any]) -> None:
    document["context"]["iopt_comparison"]["incomplete"] = "no space left"


def _dirty(document: dict[str, Any]) -> None:
    document["context"]["iopt_comparison"]["old"] |= {
        "commit": "", "revision": "abc1234-dirty"}


def _of_dirty(document: dict[str, Any]) -> None:
    document["context"]["iopt_comparison"]["old"]["context"] = {
        "iopt_version": "abc1234-dirty"}


def _sideless(document: dict[str, Any]) -> None:
    del document["context"]["iopt_comparison"]["old"]


@pytest.mark.parametrize("spoil,said", [
    (_separate, "interleaved"), (_timeless, "yesterday"),
    (_empty, "neither"), (_plain, "no comparison"),
    (_broken, "not complete .no space left."), (_sideless, "has no old"),
    (_dirty, "abc1234-dirty, is no commit"), (_of_dirty, "no commit")])
def test_what_is_no_run(spoil: Any, said: str) -> None:
    document = comparison_of(1, {MAP: 1.0})
    spoil(document)
    with pytest.raises(results.BadOutput, match=said):
        history.run_of(document)


def test_the_command_line(tmp_path: Path,
                          capsys: pytest.CaptureFixture[str]) -> None:
    db = ["--db", str(tmp_path / "history.db")]
    assert track.main([*db, "list"]) == 2
    assert "ANCHOR" in capsys.readouterr().err
    good = tmp_path / "good.json"
    good.write_text(results.dump(comparison_of(1, {MAP: 1.0}, COUNTERS)))
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    assert track.main([*db, "add", str(bad), str(good),
                       str(tmp_path / "none.json")]) == 4
    said = capsys.readouterr()
    assert f"added: r1 against v1 ({commit('v1')[:12]}), 1 ratios" in said.out
    assert len(said.err.splitlines()) == 2 and str(bad) in said.err
    assert track.main([*db, "add", str(good)]) == 0
    assert "was there already" in capsys.readouterr().out
    lines = tmp_path / "all.jsonl"
    assert track.main([*db, "export", str(lines)]) == 0
    other = ["--db", str(tmp_path / "other.db")]
    assert track.main([*other, "import", str(lines)]) == 0
    assert "1 added" in capsys.readouterr().out
    lines.write_bytes(b'{"x": "\xff"}\n' + lines.read_bytes())
    last = ["--db", str(tmp_path / "last.db")]
    assert track.main([*last, "import", str(tmp_path / "none"),
                       str(lines)]) == 1
    said = capsys.readouterr()
    assert "1 added" in said.out
    assert len(said.err.splitlines()) == 2 and "line 1: " in said.err
    assert track.main([*db, "mark", "map/*", "--kind", "ignored",
                       "--reason", "noisy"]) == 0
    assert "covers no change yet" in capsys.readouterr().err
    assert track.main([*db, "list"]) == 0
    assert "Made-up CPU" in capsys.readouterr().out
    assert track.main([*db, "mark", "\x1b[2J", "--kind", "cleared"]) == 1
    assert "no printable text" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        track.main([*db, "mark", "map/*", "--kind", "ignored"])
    assert stopped.value.code == 2


def test_a_mark_that_covers_a_change(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "history.db"
    with history.Store(db) as store:
        fill(store, range(1, 11), 1.0)
        fill(store, range(11, 15), 1.05)
    for revision, warns in ((commit("r11")[:7], False), ("r11", False),
                            (commit("r12")[:7], True)):
        assert track.main(["--db", str(db), "mark", "map/*", "--kind",
                           "expected", "--reason", "x", "--revision",
                           revision]) == 0
        assert ("covers no change" in capsys.readouterr().err) == warns


def compared(document: dict[str, Any], code: int) -> Callable[..., Any]:
    """Stands in for compare.py: writes this and exits so."""
    def run(_: Endings, command: Sequence[str]) -> int:
        stem = Path(command[command.index("--out") + 1])
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".json").write_text(results.dump(document))
        return code
    return run


def _failed(document: dict[str, Any]) -> None:
    document["context"]["iopt_comparison"]["failures"] = ["map: crashed"]


def _lone(document: dict[str, Any]) -> None:
    document["context"]["iopt_comparison"]["unpaired"] = {NEW: ["map/x:1"]}


def _as_it_is(document: dict[str, Any]) -> None:
    pass


@pytest.mark.parametrize("told,spoil,code,nr_runs", [
    (0, _as_it_is, 0, 1), (3, _as_it_is, 0, 1), (1, _failed, 1, 1),
    (4, _lone, 4, 1), (3, _failed, 1, 1), (3, _lone, 4, 1),
    (130, _broken, 130, 0), (4, _broken, 4, 0), (0, _broken, 4, 0),
    (77, _empty, 77, 0)])
def test_a_run_ends_as_its_comparison_did(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str], told: int, spoil: Any,
        code: int, nr_runs: int) -> None:
    """What is whole is kept, what is not stays a file until it is."""
    document = comparison_of(1, {MAP: 1.0})
    spoil(document)
    monkeypatch.setattr(track, "can_pin", lambda word: True)
    monkeypatch.setattr(Endings, "run", compared(document, told))
    db = tmp_path / "history.db"
    assert track.main(["--db", str(db), "run", "--anchor", "v1", "--what",
                       "there", "--", "--quick"]) == code
    with history.Store(db) as store:
        assert len(store.runs()) == nr_runs
    [path] = (tmp_path / "track").glob("*.json")
    said = capsys.readouterr()
    assert "the quick set" in said.out
    if not nr_runs:
        [line] = said.err.splitlines()
        assert str(path) in line
    if spoil is _broken:
        document["context"]["iopt_comparison"]["incomplete"] = ""
        path.write_text(results.dump(document))
        assert track.main(["--db", str(db), "add", str(path)]) == 0
        with history.Store(db) as store:
            assert len(store.runs()) == 1


# Stands in for compare.py: asked to end, it needs a second and saves.
SLOW_TO_END = """
import pathlib, shutil, signal, sys, time
def end(number, frame):
    time.sleep(1)
    shutil.copy({saved!r}, sys.argv[sys.argv.index("--out") + 1] + ".json")
    sys.exit(130)
pathlib.Path(sys.argv[sys.argv.index("--out") + 1]).parent.mkdir()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, end)
pathlib.Path({ready!r}).touch()
time.sleep(60)
"""
TRACK = """
import pathlib, sys
sys.path.insert(0, {scripts!r})
import track
track.ROOT = pathlib.Path({root!r})
track.can_pin = lambda word: True
sys.exit(track.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_comparison_saves(tmp_path: Path, number: int) -> None:
    """It is waited for, and how to go on with it is said."""
    saved, ready = tmp_path / "saved.json", tmp_path / "ready"
    document = comparison_of(1, {MAP: 1.0})
    _broken(document)
    saved.write_text(results.dump(document))
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/compare.py").write_text(
        SLOW_TO_END.format(saved=str(saved), ready=str(ready)))
    process = subprocess.Popen(
        [sys.executable, "-c", TRACK.format(scripts=str(ROOT / "scripts"),
                                            root=str(tmp_path)),
         "--db", str(tmp_path / "history.db"), "run", "--anchor", "v1",
         "--what", "there"], stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        while not ready.exists() and process.poll() is None:
            time.sleep(0.01)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, said = process.communicate(timeout=10)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, said
    [path] = (tmp_path / "track").glob("*.json")
    assert str(path) in said and "compare.py --resume" in said


def test_another_outcome_is_no_other_run(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with a failure, gone on with: one comparison, one point."""
    path = tmp_path / "a.json"
    db = ["--db", str(tmp_path / "history.db")]
    for ratio, code in ((1.0, 0), (1.0, 0), (1.1, 4)):
        path.write_text(results.dump(comparison_of(1, {MAP: ratio})))
        assert track.main([*db, "add", str(path)]) == code
    assert "was added before" in capsys.readouterr().err
    with history.Store(tmp_path / "history.db") as store:
        assert [run.points[0].ratio for run in store.runs()] == \
            pytest.approx([1.0])


def test_an_export_beside_a_writer(store: history.Store,
                                   tmp_path: Path) -> None:
    """Whatever is added meanwhile, an import takes all lines."""
    fill(store, range(1, 3), 1.0)
    lines = store.lines()
    found = [next(lines)]
    with history.Store(store.path) as other:
        fill(other, range(3, 5), 1.0, iopt_host="there")
    found += lines
    with history.Store(tmp_path / "other.db") as other:
        assert other.merge(found) == history.Merged(2, 0)


def test_a_full_disk_is_told(disk: SmallDisk,
                             capsys: pytest.CaptureFixture[str]) -> None:
    """SQLite has ended the transaction itself by then."""
    disk.mount("512k")
    db, path = disk.path / "a.db", disk.path.parent / "a.json"
    path.write_text(results.dump(comparison_of(1, {MAP: 1.0},
                                               iopt_cc="x" * 4_000_000)))
    assert track.main(["--db", str(db), "add", str(path)]) == 1
    assert capsys.readouterr().err == "track: database or disk is full\n"
    with history.Store(db) as store:
        assert store.runs() == []


@pytest.mark.parametrize("changed,said", [
    ({"context": {**context(1), "iopt_runner_version": "v2"}}, None),
    ({"points": ()}, "line 2: it was added before, when it had 1 ratios")])
def test_an_import_takes_no_comparison_twice(
        store: history.Store, changed: dict[str, Any],
        said: str | None) -> None:
    """Two machines that added the same file keep other things of it, if
    their programs differ."""
    machine, run = history.run_of(comparison_of(1, {MAP: 1.1}, COUNTERS))
    store.add(machine, run)
    merged = store.merge([
        json.dumps({"type": "machine", **asdict(machine)}),
        made_again(run, **changed), made_again(run, revision="r3")])
    assert (merged.nr_new, merged.nr_known) == (1, 0 if said else 1)
    assert [line.startswith(str(said)) for line in merged.refused] == \
        [True] * (said is not None)
    assert store.runs()[0] == run and len(store.runs()) == 2


def git(tree: Path, *args: str) -> str:
    """Run git as nobody in particular."""
    return subprocess.run(
        ["git", "-C", str(tree), "-c", "user.name=x", "-c", "user.email=x@x",
         *args], check=True, capture_output=True, text=True).stdout.strip()


def test_what_can_be_an_anchor(
        tmp_path: Path, build: Any, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    """A revision, and an iopt-bench of a tree that is one; no other, which is
    told before anything is measured."""
    tree = tmp_path / "build"
    bench = tree / "a/b/iopt-bench"
    bench.parent.mkdir(parents=True)
    (build("c") / "iopt-bench").rename(bench)
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "x")
    head = git(tree, "rev-parse", "HEAD")
    monkeypatch.setattr(track, "ROOT", tree)
    side = sides.resolve(str(bench), sides.Workshop(tree, bench))
    assert side.commit == head
    assert track.can_pin(str(bench)) and track.can_pin("HEAD")
    assert not track.can_pin("lpae-6.12") and not track.can_pin("-x")
    (tree / "a/new").write_text("x")
    git(tree, "add", ".")
    side = sides.resolve(str(bench), sides.Workshop(tree, bench))
    assert side.commit == "" and side.revision.endswith("-dirty")
    db = tmp_path / "history.db"
    capsys.readouterr()
    assert track.main(["--db", str(db), "run", "--anchor", str(bench)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "is no commit" in line and "ANCHOR=REV" in line
    assert not (tmp_path / "track").exists()
    document = comparison_of(1, {MAP: 1.0}, iopt_host="x")
    monkeypatch.setattr(track.platform, "node", lambda: "x")
    with history.Store(db) as store:
        machine, run = history.run_of(document)
        store.add(machine, replace(run, anchor="abc1234-dirty",
                                   anchor_word=""))
    assert track.main(["--db", str(db), "run"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "abc1234-dirty, this host's newest anchor, is no commit" in line


def test_the_anchor_is_called_by_its_word_while_that_is_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with history.Store(tmp_path / "history.db") as store:
        fill(store, range(1, 2), 1.0)
        for named, expected in ((commit("v1"), "v1"),
                                (commit("v2"), commit("v1"))):
            monkeypatch.setattr(track, "commit_of", lambda word: named)
            assert track.anchor_of(store, "here") == expected
