# SPDX-License-Identifier: GPL-2.0-only
"""Result files: reading what breaks off, merging, writing whole or not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ioptlib import results

WHOLE = json.dumps({"context": {"num_cpus": 2}, "benchmarks": [
    {"name": "map/size:4K", "real_time": 1.5, "time_unit": "us"},
    {"name": "map/size:2M", "real_time": 3.0, "time_unit": "us"}]})


def test_whole() -> None:
    output = results.parse_output(WHOLE)
    assert output.is_whole and len(output.rows) == 2


def test_broken_off_anywhere() -> None:
    """At each byte: whole rows are kept, and it is never called whole."""
    first = WHOLE.index("}, {") + 1
    second = WHOLE.index("}]}") + 1
    context = WHOLE.index('{"num_cpus": 2}') + len('{"num_cpus": 2}')
    for cut in range(len(WHOLE)):
        text = WHOLE[:cut]
        if cut < context:
            with pytest.raises(results.BadOutput):
                results.parse_output(text)
            continue
        output = results.parse_output(text)
        assert not output.is_whole
        assert len(output.rows) == (cut >= first) + (cut >= second), cut


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "gibberish",
                                  '{"context": [], "benchmarks": []}',
                                  '{"context": {}, "benchmarks": {}}'])
def test_no_output(text: str) -> None:
    with pytest.raises(results.BadOutput):
        results.parse_output(text)


def test_times_are_in_ns() -> None:
    row = results.complete_row(
        {"name": "map/size:4K", "real_time": 1.5, "time_unit": "us"}, 2, 9,
        "none")
    assert (row["cpu_ns"], row["sim_ns"], row["total_ns"]) == (1500, 0, 1500)
    assert (row["repetition_index"], row["repetitions"]) == (2, 9)


def test_counted_rows_have_no_time() -> None:
    row = results.complete_row(
        {"name": "map/size:4K", "real_time": 99.0, "time_unit": "ns",
         "label": "counted", "pte_writes": 3.0}, 0, 1, "none")
    assert "cpu_ns" not in row and row["pte_writes"] == 3


@pytest.mark.parametrize("row,reason", [
    ({"error_occurred": True, "error_message": "skip: no trace"}, "no trace"),
    ({"skipped": True, "skip_message": "no trace"}, "no trace"),
    ({"error_occurred": True, "error_message": "verify: bad"}, None),
    ({"real_time": 1.0}, None),
])
def test_skip_reason(row: results.Row, reason: str | None) -> None:
    assert results.skip_reason(row) == reason


def test_inexact_counters() -> None:
    rows = [{"name": "a", "pte_writes": 1, "block_min_ns": 1.0},
            {"name": "a", "pte_writes": 2, "block_min_ns": 2.0},
            {"name": "b", "pte_writes": 3}]
    classes = results.counter_classes(
        {"iopt_counter_classes": "pte_writes:exact block_min_ns:noisy"})
    assert results.inexact_counters(rows, classes) == \
        ["a: pte_writes is exact but was 1, 2"]


def test_contexts() -> None:
    merged, own = results.merge_contexts([
        {"num_cpus": 2, "ns": "1.5", "cc": "gcc", "date": "x"},
        {"num_cpus": 2, "ns": "2.5", "cc": "clang", "date": "y"},
        {"num_cpus": 2, "ns": "9", "cc": "gcc", "date": "z"}])
    assert merged == {"num_cpus": 2, "ns": "2.5", "cc": ["gcc", "clang"]}
    assert own[1] == {"ns": "2.5", "cc": "clang", "date": "y"}


def test_counter_classes_of_all_families() -> None:
    merged, own = results.merge_contexts([
        {"iopt_counter_classes": "a:exact b:noisy"},
        {"iopt_counter_classes": "a:exact c:exact"}])
    assert results.counter_classes(merged) == \
        {"a": "exact", "b": "noisy", "c": "exact"}
    assert own == [{}, {}]


def test_dump_reads_back() -> None:
    document = {"context": {"a": "1", "list": [{"x": 1}, {"y": [2]}]},
                "benchmarks": [{"name": "map/size:4K", "x": 0.1}]}
    text = results.dump(document)
    assert json.loads(text) == document
    with pytest.raises(ValueError):
        results.dump({"context": {}, "benchmarks": [{"x": float("nan")}]})


def test_write_atomic(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    results.write_atomic(path, "one")
    results.write_atomic(path, "two")
    assert path.read_text() == "two"
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError):
        results.write_atomic(path, "three")
    assert os.listdir(tmp_path) == ["a.json"], "no temporary file is left"


@pytest.mark.parametrize("text", ["gibberish", WHOLE[:-1], '{"context": {}, '
                                  '"benchmarks": [{"name": "a b"}]}'])
def test_load_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(results.BadOutput, match="bad.json"):
        results.load(path)


def test_live_memory_has_no_exact_counters() -> None:
    def rows(backing: str) -> list[dict[str, object]]:
        return [{"name": f"teardown/vm:1G/backing:{backing}/page:4K",
                 "nr_unmaps": n} for n in (5, 6)]
    classes = {"nr_unmaps": "exact"}
    assert results.inexact_counters(rows("live-4K"), classes) == []
    assert len(results.inexact_counters(rows("4K"), classes)) == 1
