# SPDX-License-Identifier: GPL-2.0-only
"""The history: it only grows, it can be carried, it says what changed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import track
from ioptlib import history, report, results
from made_history import MAP, comparison_of

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
    assert (back.revision, back.anchor) == ("r1", "v1")
    assert store.machines() == [machine]
    assert store.anchor(machine.id) == "v1"


@pytest.mark.parametrize("sql", [
    "UPDATE run SET revision = 'x'", "DELETE FROM run",
    "UPDATE point SET ratio = 1", "DELETE FROM counter",
    "DELETE FROM machine"])
def test_it_only_grows(store: history.Store, sql: str) -> None:
    fill(store, range(1, 3), 1.0)
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
    assert track.anchor_of(store, "here") == "v1"
    assert track.anchor_of(store, "there") == "v2"
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
    mark = seen(kind=history.IGNORED, reason="noisy")
    assert mark is not None and mark.kind == history.IGNORED


def test_lines_carry_it_all(store: history.Store, tmp_path: Path) -> None:
    fill(store, range(1, 4), 1.0)
    store.mark(history.Mark("2026-02-01", "", "*", "", history.IGNORED, "x"))
    lines = list(store.lines())
    with history.Store(tmp_path / "other.db") as other:
        assert other.merge(lines) == (4, 0)
        assert other.merge(lines) == (0, 4)
        assert list(other.lines()) == lines


BROKEN = [
    ("{", "line 2"),
    ('{"type": "dog"}', "type is 'dog'"),
    ('{"type": "run"}', "line 2: 'points'"),
    ('{"type": "machine", "id": "x", "facts": {}}', "not what its id"),
    ("[]", "line 2"),
]


@pytest.mark.parametrize("line,said", BROKEN)
def test_broken_lines(store: history.Store, line: str, said: str) -> None:
    machine, run = history.run_of(comparison_of(1, {MAP: 1.0}))
    good = json.dumps({"type": "machine", "id": machine.id,
                       "facts": machine.facts})
    with pytest.raises(history.BadHistory, match=said):
        store.merge([good, line])


def test_a_forged_run_is_refused(store: history.Store) -> None:
    fill(store, range(1, 2), 1.0)
    lines = [line.replace('"r1"', '"r2"') for line in store.lines()]
    with pytest.raises(history.BadHistory, match="not what its id"):
        store.merge(lines)


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


@pytest.mark.parametrize("spoil,said", [
    (_separate, "interleaved"), (_timeless, "yesterday"),
    (_empty, "neither"), (_plain, "no comparison")])
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
    assert "added: r1 against v1, 1 ratios" in said.out
    assert len(said.err.splitlines()) == 2 and str(bad) in said.err
    assert track.main([*db, "add", str(good)]) == 0
    assert "was there already" in capsys.readouterr().out
    lines = tmp_path / "all.jsonl"
    assert track.main([*db, "export", str(lines)]) == 0
    other = ["--db", str(tmp_path / "other.db")]
    assert track.main([*other, "import", str(lines)]) == 0
    assert "1 added" in capsys.readouterr().out
    assert track.main([*db, "mark", "map/*", "--kind", "ignored",
                       "--reason", "noisy"]) == 0
    assert track.main([*db, "list"]) == 0
    assert "Made-up CPU" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        track.main([*db, "mark", "map/*", "--kind", "ignored"])
    assert stopped.value.code == 2
