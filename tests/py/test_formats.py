# SPDX-License-Identifier: GPL-2.0-only
"""One comparison with something of every kind, in every format, word for word.

IOPT_BLESS=1 writes the expected texts anew; look at what changed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cover_letter
import pytest
from ioptlib import comparison, cover, formats, results
from ioptlib.comparison import Counter
from ioptlib.console import Console
from ioptlib.paired import NEW, NULL, OLD, TURNS
from made import CONTEXT, rows

GOLDEN = Path(__file__).resolve().parent / "golden" / "formats"

Document = dict[str, Any]
Times = Callable[[int], float]

TAIL = "cache:warm/walker:coherent"
SLOWER, DISTURBED = (f"map/size:4K/count:{n}/{TAIL}" for n in (256, 1))
FASTER, REFUSED = f"map/size:2M/count:1/{TAIL}", f"map/size:1G/count:1/{TAIL}"
WORST, SAME = f"dma/size:4K/count:1/{TAIL}", f"unmap/size:4K/count:1/{TAIL}"
UNSURE, DOUBTFUL = (f"unmap/size:2M/count:{n}/{TAIL}" for n in (1, 256))
SKIPPED, BROKEN = "replay/trace:mine", "iova_to_phys/size:4K/order:random"
COUNTED, SHIFTED = "tlbi/size:4K/count:256", "tlbi/size:2M/count:1"
ONLY_OLD, ONLY_NEW = f"map/size:64K/count:1/{TAIL}", "destroy/size:4K/count:1"
FIRST, SECOND = "smmuv3-ril", "smmuv3-noril"


def timed(key: str, old: float, new: float, nr_pairs: tuple[int, ...],
          least: Mapping[str, Times] | None = None, turns: bool = False,
          label: str = "ok", new_label: str = "ok") -> list[results.Row]:
    """Rows of a case in so many pairs of stages one and two.

    least: by side, by what its fastest section is longer in a pair
    turns: what took turns did so undisturbed
    """
    made = []
    for stage, nr in enumerate(nr_pairs, 1):
        for pair in range(nr):
            for side, ns in ((OLD, old), (NEW, new), (NULL, old)):
                factor = (least or {}).get(side, lambda pair: 1.0)(pair)
                row = {"name": key, "run_type": "iteration",
                       "iterations": 1000, "time_unit": "ns",
                       "label": new_label if side == NEW else label,
                       "real_time": ns * factor * 1.25, "cpu_time": 30.0,
                       "block_min_ns": ns * factor}
                if turns:
                    row[TURNS] = [ns, ns * 1.01]
                made.append(comparison.stage_row(row, key, side, stage, pair,
                                                 nr))
    return made


def unusable(key: str, message: str) -> list[results.Row]:
    """Rows of both sides that have no number."""
    return [comparison.stage_row(
        {"name": key, "run_type": "iteration", "error_occurred": True,
         "error_message": message}, key, side, 0, 0, 1)
        for side in (OLD, NEW)]


def every_second(factor: float) -> Times:
    return lambda pair: factor if pair % 2 else 1.0


def counters() -> dict[str, dict[str, dict[str, int]]]:
    """Those of both sides: worse under the second profile only, worse in
    what stands for details, other commands as many, and better."""
    plain = {"pte_writes": 1, "tables_alloc": 0, "inval_pages": 1}
    sent = {f"{name}@{p}": value for p in (FIRST, SECOND)
            for name, value in (("tlbi_nh_va", 1), ("cmd_syncs", 1),
                                ("sim_ps", 1234567890))}
    both = {**plain, **sent}
    return {
        SLOWER: {OLD: {**both, "pte_writes": 256},
                 NEW: {**both, "pte_writes": 256}},
        SAME: {OLD: both, NEW: {**both, f"tlbi_nh_va@{SECOND}": 2,
                                f"sim_ps@{SECOND}": 1234567891}},
        UNSURE: {OLD: both, NEW: {**both, f"tlbi_nh_va@{SECOND}": 0,
                                  f"tlbi_nh_asid@{SECOND}": 1}},
        FASTER: {OLD: {**both, "pte_writes": 512}, NEW: both},
        COUNTED: {OLD: both, NEW: {**both, "inval_pages": 2,
                                   "nr_lookups": 3}},
        SHIFTED: {OLD: {**both, "inval_pages": 2}, NEW: both},
    }


def side(label: str) -> dict[str, Any]:
    return {"label": label, "engine": "", "revision": f"revision of {label}",
            "bench": "", "context": {"iopt_version": "v1",
                                     "iopt_cc": "gcc 12.2.0"}}


def everything() -> Document:
    """A paired comparison in which all has happened that can."""
    both = (10, 20)
    made = [
        *timed(SAME, 30, 30, (10,)),
        *timed(SLOWER, 400, 440, both),
        *timed(DISTURBED, 20, 21, both, {OLD: every_second(1.5)}, True),
        *timed(FASTER, 30, 24, both),
        *timed(UNSURE, 50, 50, (10,), {NEW: every_second(1.3)}),
        *timed(DOUBTFUL, 900, 900, (10,), label="ok;warn=n2n",
               new_label="ok;warn=n2n"),
        *timed(REFUSED, 40, 4, (10,), new_label="refused"),
        *timed(WORST, 100, 150, both),
        *unusable(SKIPPED, "skip: the file is not here"),
        *unusable(BROKEN, "verify: returned 0, want 4096"),
    ]
    keys = [SAME, SLOWER, DISTURBED, FASTER, UNSURE, DOUBTFUL, REFUSED, WORST,
            SKIPPED, BROKEN, COUNTED, SHIFTED]
    info = {
        "schema": "1", "kind": comparison.PAIRED, "has_null": True,
        "floor": 0.01, "seed": 7, "nr_first": 10, "nr_second": 20,
        "profiles": [FIRST, SECOND], "is_identical": False, "ceilings": {},
        OLD: side("v1"), NEW: side("v2"),
        "cases": [{"key": key, OLD: key, NEW: key} for key in keys],
        "counters": counters(),
        "unpaired": {OLD: [ONLY_OLD], NEW: [ONLY_NEW]},
        "failures": ["unmap, stage 1, pair 2, old: killed by SIGSEGV"],
        "incomplete": "stage two had time for 20 pairs of 40",
    }
    return {"context": {**CONTEXT, "iopt_command": "scripts/compare.py v1 v2",
                        comparison.INFO: info}, "benchmarks": made}


SUFFIXES = ("csv", "lava", "md", "new.bench", "old.bench", "short.md", "txt",
            "xml")


def texts() -> dict[str, str]:
    """By the suffix of its file, all that a comparison is written as."""
    document = everything()
    found = comparison.analyse(document)
    made = {suffix: make(found) for make, suffix in formats.FORMATS.values()}
    return {**made, "short.md": formats.markdown(found, 2),
            **{f"{arm}.bench": formats.benchstat(
                found, document["benchmarks"], arm) for arm in (OLD, NEW)}}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_golden(suffix: str) -> None:
    text = texts()[suffix]
    path = GOLDEN / f"everything.{suffix}"
    if os.environ.get("IOPT_BLESS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_every_golden_text_is_made() -> None:
    assert sorted(texts()) == list(SUFFIXES)
    assert sorted(path.name for path in GOLDEN.iterdir()) == \
        [f"everything.{suffix}" for suffix in SUFFIXES]


@pytest.fixture
def found() -> comparison.Comparison:
    """All of it, judged."""
    return comparison.analyse(everything())


def test_it_has_every_kind(found: comparison.Comparison) -> None:
    verdicts = {line.key: line.verdict for line in found.lines}
    assert verdicts == {
        SAME: "same", SLOWER: "slower", DISTURBED: "slower", WORST: "slower",
        FASTER: "faster", UNSURE: "unresolved", DOUBTFUL: "same", REFUSED: ""}
    assert set(found.worse_counters) == {SAME, COUNTED}
    assert list(found.skips) == [SKIPPED] and list(found.problems) == [BROKEN]
    assert found.exit_code == 3


def test_a_letter_fits(found: comparison.Comparison) -> None:
    text = cover.render(found)
    assert text.isascii() and max(map(len, text.splitlines())) <= 72


# What is worse, and what has to be said of it; sides have one profile's tlbi,
# sync and simulated time.
SHOWN: list[tuple[str, dict[str, int], str]] = [
    ("tlbi of the second", {f"tlbi_nh_va@{SECOND}": 2},
     f"tlbi@{SECOND} 1->2"),
    ("time of the second", {f"sim_ps@{SECOND}": 1234567891},
     f"sim_ns@{SECOND} 1234567.89->1234567.891"),
    ("doorbells", {f"doorbells@{FIRST}": 3}, f"doorbells@{FIRST} 0->3"),
    ("inval_pages", {"inval_pages": 2}, "inval_pages 1->2"),
    ("one told, one a detail", {"pte_writes": 2, "inval_pages": 2},
     "pte_writes 1->2 tlbi 1->1 sync 1->1 tables 0->0 inval_pages 1->2"),
    ("other commands", {f"tlbi_nh_va@{FIRST}": 0, f"tlbi_nh_asid@{FIRST}": 1},
     "tlbi_nh_va 1->0 tlbi_nh_asid 0->1"),
    ("better in the second", {f"tlbi_nh_va@{SECOND}": 0},
     f"tlbi_nh_va@{SECOND} 1->0 tlbi@{SECOND} 1->0"),
    ("better in the first", {f"tlbi_nh_va@{FIRST}": 0},
     "pte_writes 1->1 tlbi 1->0 sync 1->1 tables 0->0"),
]


@pytest.mark.parametrize("new,said", [row[1:] for row in SHOWN],
                         ids=[row[0] for row in SHOWN])
@pytest.mark.parametrize("key", [SAME, COUNTED], ids=["timed", "counted"])
def test_counters_are_not_hidden(key: str, new: dict[str, int],
                                 said: str) -> None:
    """One that differs is told, be it of the first profile or not, with
    times beside it or not."""
    document = everything()
    info = document["context"][comparison.INFO]
    old = counters()[SAME][OLD]
    info["counters"] = {key: {OLD: old, NEW: {**old, **new}}}
    text = " ".join(cover.render(comparison.analyse(document)).split())
    assert said in text


def test_percent_is_of_the_minima(found: comparison.Comparison) -> None:
    [line] = [one for one in found.lines if one.key == DISTURBED]
    assert line.old is not None and line.new is not None
    # Half of old's minima are 30, half 20; all of new's are 21.
    assert (line.old.min, line.new.min) == (25, 21)
    assert line.percent == pytest.approx(16)
    assert line.percent_pairs == pytest.approx(-5)
    assert line.is_beside_pairs
    assert cover.result_text(line) == "+16.0 [-5.0,-5.0] pairs -5.0"
    [line] = [one for one in found.lines if one.key == SLOWER]
    assert line.percent == pytest.approx(-10) and not line.is_beside_pairs
    [row] = [row for row in comparison.verdict_rows(found)
             if row["key"] == DISTURBED]
    assert row["percent_min"] == pytest.approx(16)
    assert row["ratio"] == pytest.approx(1.05)


def test_pairs_are_explained_where_they_are_told(
        found: comparison.Comparison) -> None:
    for make in (cover.render, formats.markdown):
        assert "pairs: median paired ratio" in make(found)
        found.lines = [line for line in found.lines if line.key != DISTURBED]
        assert "pairs: median paired ratio" not in make(found)
        found = comparison.analyse(everything())


def test_floors_of_the_lines_are_told() -> None:
    text = json.dumps(everything())
    assert "unresolved or < 1% floor;" in cover.render(
        comparison.analyse(json.loads(text)))
    assert "unresolved or < 1 to 2% floor;" in cover.render(
        comparison.analyse(json.loads(text.replace(
            REFUSED, REFUSED.replace("warm", "cold")))))


def test_worst_first_everywhere(found: comparison.Comparison) -> None:
    letter = cover.render(found)
    places = [letter.index(text) for text in (
        COUNTED, "dma_map_page()", "iommu_map()", "iommu_unmap()", SHIFTED)]
    assert places == sorted(places)
    assert letter.index("FAILED") < letter.index("only in old")
    page = formats.markdown(found)
    slower = [WORST, SLOWER, DISTURBED]
    places = [page.index(text) for text in (
        "Counters that got worse", *(f"| `{key}` | " for key in slower),
        f"| `{FASTER}` | ", "Other counters")]
    assert places == sorted(places)
    parsed = list(csv.DictReader(io.StringIO(formats.csv_text(found))))
    nr_worse = sum(row["verdict"] == "worse" for row in parsed)
    assert nr_worse == 3
    assert [row["verdict"] for row in parsed[:nr_worse]] == ["worse"] * 3
    assert [row["case"] for row in parsed[nr_worse:][:3]] == slower
    signals = formats.lava(found).splitlines()
    results_of = [re.findall("RESULT=([a-z]+)", line)[0] for line in signals]
    assert results_of[:6] == ["fail"] * 6 and "fail" not in results_of[6:]
    suite = ElementTree.fromstring(
        formats.junit(found).partition("\n")[2].encode())[0]
    kinds = [case[0].tag if len(case) else "" for case in suite]
    assert kinds[:5] == ["failure"] * 5 and "failure" not in kinds[5:]
    assert kinds[5:11] == ["error"] * 6 and "error" not in kinds[11:]


def test_nothing_is_dropped_in_silence(found: comparison.Comparison) -> None:
    parsed = list(csv.DictReader(io.StringIO(formats.csv_text(found))))
    kinds = {(row["kind"], row["case"]) for row in parsed}
    assert kinds >= {
        ("only in old", ONLY_OLD), ("only in new", ONLY_NEW),
        ("no number", BROKEN), ("skipped", SKIPPED), ("in doubt", DOUBTFUL),
        ("counter", COUNTED), ("counter", SAME), ("failed", ""),
        ("counted only in new", COUNTED),
        ("warning", "")}
    suite = ElementTree.fromstring(
        formats.junit(found).partition("\n")[2].encode())[0]
    errors = {case.get("name"): case[0].get("message") for case in suite
              if case.find("error") is not None}
    assert errors["failure 1"] == found.failures[0]
    assert errors["incomplete"] == found.info["incomplete"]
    assert {BROKEN, ONLY_OLD, ONLY_NEW, f"{COUNTED} nr_lookups"} <= \
        set(errors)
    text = formats.lava(found)
    assert "TEST_CASE_ID=failure_1 RESULT=fail>" in text
    assert "TEST_CASE_ID=incomplete RESULT=unknown>" in text


def test_a_crash_alone_is_not_all_green(found: comparison.Comparison) -> None:
    found.lines, found.counters = [], {}
    found.problems, found.unpaired = {}, {OLD: [], NEW: []}
    found.one_sided = {}
    found.info["incomplete"] = ""
    assert found.exit_code == 1
    suite = ElementTree.fromstring(
        formats.junit(found).partition("\n")[2].encode())[0]
    assert suite.get("errors") == "1"
    assert formats.lava(found).startswith(
        "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=failure_1 RESULT=fail>\n")


def test_what_is_cut_is_told(found: comparison.Comparison) -> None:
    found.counters[COUNTED] = [
        Counter(f"inval_{i}", "", 1, 2) for i in range(9)] + [
        Counter("warnings", "", i, i + 1) for i in range(9)]
    text = formats.markdown(found, 4)
    assert "7 more rows are in the artifacts." in text, "counters, 11 worse"
    assert "4 more rows are in the artifacts." in text, "times, 8"


def test_without_a_null_arm_it_is_told(found: comparison.Comparison) -> None:
    def said() -> str:
        return " ".join([cover.render(found), formats.markdown(found),
                         formats.csv_text(found)]).replace("\n", " ")
    assert "There is no null arm" not in said()
    found.info["has_null"] = False
    assert said().count("There is no null arm") == 3
    found.lines = []
    assert "There is no null arm" not in said(), "no verdict on time"


def test_two_engines_of_a_result_are_suspects(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One stage, no correction, no null arm: the letter says so."""
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"context": CONTEXT, "benchmarks": [
        {**row, "iterations": 1000, "cpu_time": 30.0}
        for engine, ns in (("lpae-6.12", 20.0), ("lpae-7.3", 30.0))
        for row in rows(f"map/engine:{engine}/size:4K/count:1",
                        [ns + i / 100 for i in range(9)])]}), "utf-8")
    assert cover_letter.main([str(path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "1 timed: 1 slower" in text
    assert "one stage, no correction for the number of comparisons, no null " \
        "arm. What looks faster or slower is a suspect; 'make compare' " \
        "decides." in text


# Text of a file, and what a cell of CSV makes of it.
CELLS = [
    ("=1+1", "'=1+1"), ("\t=1+1", "'=1+1"), ("\r=1+1", "?=1+1"),
    ("\n+1+cmd", "'+1+cmd"), ("@SUM(A1)", "'@SUM(A1)"), ("-5.0", "-5.0"),
    ("\uff1d1+1", "'\uff1d1+1"), ("\tab\x1b[2J", "ab?[2J"), ("", ""),
]


@pytest.mark.parametrize("text,cell", CELLS)
def test_cells(found: comparison.Comparison, text: str, cell: str) -> None:
    found.problems = {BROKEN: text}
    [row] = [row for row in csv.DictReader(io.StringIO(
        formats.csv_text(found))) if row["kind"] == "no number"]
    assert row["note"] == cell


HOSTILE = "a\x1b[31m\u202eb\u2066c\x9b2J\u200b\rd\ud800"


def test_text_of_files_is_cleaned(found: comparison.Comparison) -> None:
    """No control of a terminal or of the direction of text comes through."""
    found.failures = [HOSTILE]
    found.problems = {BROKEN: HOSTILE}
    found.skips = {SKIPPED: HOSTILE}
    found.info["incomplete"] = HOSTILE
    found.info[OLD]["label"] = HOSTILE
    found.context["iopt_host_cpu_model"] = HOSTILE
    for make, _ in formats.FORMATS.values():
        text = make(found)
        assert all(c.isprintable() for c in text.replace("\n", ""))
        assert "a?" in text or make is formats.lava
    assert formats.benchstat(found, [], OLD).replace("\n", "").isprintable()


def test_the_console_cleans(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(sys.stdout, sys.stderr)
    console.complain(f"one\ntwo\t{HOSTILE}")
    console.say(f"{HOSTILE}\r\nend \u00e9")
    said = capsys.readouterr()
    assert said.err == "one\ntwo a?[31m?b?c?2J?\nd?\n"
    assert said.out == "a?[31m?b?c?2J?\nd?\nend \u00e9\n"
