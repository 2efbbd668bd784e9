# SPDX-License-Identifier: GPL-2.0-only
"""Pairs of result files: the text and the exit code of each, word for word.

IOPT_BLESS=1 writes the expected texts anew; look at what changed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import compare
import cover_letter
import plot
import pytest
import selftest
import track
from ioptlib import comparison, documents, formats, results
from made import CONTEXT, rows

GOLDEN = Path(__file__).resolve().parent / "golden" / "compare"

Document = dict[str, Any]
Change = Callable[[Document], None]

MAP = "map/engine:lpae-7.3/granule:4K/size:{}/count:{}/cache:warm/" \
    "walker:coherent"
CASES = {MAP.format("4K", "1"): 20.0, MAP.format("4K", "256"): 400.0,
         MAP.format("2M", "1"): 21.0,
         "limit/op:fill/granule:4K/count:1": 2.0,
         "limit/op:fill/granule:4K/count:256": 100.0}
FIRST = next(iter(CASES))


def sound() -> Document:
    """A result of nine rounds, each a little slower than the last."""
    made = [{**row, "iterations": 1000, "cpu_time": 30.0,
             "pte_writes": 256 if "256" in name else 1, "tables_alloc": 0,
             "block_min_ns": row["real_time"] * 0.95}
            for name, ns in CASES.items()
            for row in rows(name, [ns * (1 + i / 1000) for i in range(9)])]
    return {"context": dict(CONTEXT), "benchmarks": made}


def of(document: Document, name: str = FIRST) -> list[dict[str, Any]]:
    return [row for row in document["benchmarks"]
            if row["name"].startswith(name)]


def scale(factor: float, name: str = "map/") -> Change:
    def change(document: Document) -> None:
        for row in of(document, name):
            for key in ("real_time", "cpu_ns", "total_ns", "block_min_ns"):
                row[key] *= factor
    return change


def put(key: str, value: Any, name: str = FIRST, nr: int = 99) -> Change:
    def change(document: Document) -> None:
        for row in of(document, name)[:nr]:
            row[key] = value
    return change


def drop(name: str = FIRST) -> Change:
    def change(document: Document) -> None:
        document["benchmarks"] = [row for row in document["benchmarks"]
                                  if not row["name"].startswith(name)]
    return change


def rename(old: str, new: str) -> Change:
    def change(document: Document) -> None:
        for row in document["benchmarks"]:
            for key in ("name", "run_name"):
                row[key] = row[key].replace(old, new)
    return change


def context(key: str, value: str) -> Change:
    def change(document: Document) -> None:
        document["context"][key] = value
    return change


def error(message: str, name: str = FIRST) -> Change:
    def change(document: Document) -> None:
        for row in of(document, name):
            for key in ("real_time", "block_min_ns", "cpu_ns"):
                row.pop(key)
            row.update(error_occurred=True, error_message=message)
    return change


def first_rounds(nr: int) -> Change:
    def change(document: Document) -> None:
        document["benchmarks"] = [row for row in document["benchmarks"]
                                  if row["repetition_index"] < nr]
    return change


def both(*changes: Change) -> Change:
    def change(document: Document) -> None:
        for one in changes:
            one(document)
    return change


def priced(*profiles: str, **counters: int) -> Change:
    """Rows of maps under these profiles too, with what is sent."""
    def change(document: Document) -> None:
        document["benchmarks"] += [
            {**row, "sim_ps": 7000, **counters,
             **{key: row["name"].replace("tlbi:none", f"tlbi:{profile}")
                for key in ("name", "run_name")}}
            for profile in profiles for row in of(document, "map/")
            if "tlbi:none" in row["name"]]
    return change


def sources(**digests: str) -> Change:
    """What the result says of its profiles."""
    def change(document: Document) -> None:
        document["context"][results.PROFILE_SOURCES] = [
            {"name": name, "digest": digest}
            for name, digest in digests.items()]
    return change


def counts_more(document: Document) -> None:
    """As a revision of the suite that has one counter more."""
    document["context"]["iopt_counter_classes"] += " nr_lookups:exact"
    put("nr_lookups", 3, "map/")(document)


def crashed(document: Document) -> None:
    """As a run writes it, a process of which was killed."""
    document["context"]["iopt_failures"] = [
        "limit, round 3: iopt-bench killed by SIGSEGV"]


def nothing(document: Document) -> None:
    """Leave it as it is."""


def hostile(document: Document) -> None:
    """Strings that would break a table, a terminal or a file."""
    document["context"].update({
        "iopt_host_governor": "=cmd|' /C calc'!A0 </td><script>",
        "iopt_host_kernel": "6.12\x1b[31m \u202e\u00e9 |`# ]]>",
        "iopt_cc": "gcc\n\n# heading\r| a | b |"})
    for row in of(document):
        row["label"] = "=1+1|<b>\x1b[2J\u00e9"


ROWS: list[tuple[str, Change, Change, int]] = [
    ("same", nothing, nothing, 0),
    ("regressed", nothing, scale(1.25), 3),
    ("regressed-counter", nothing, put("pte_writes", 2), 3),
    ("improved", scale(1.3), put("pte_writes", 0), 0),
    ("below-the-floor", nothing, scale(1.08), 0),
    ("overlap", nothing, both(scale(1.25), put(
        "block_min_ns", 19.1, nr=1)), 3),
    ("missing", nothing, drop(), 4),
    ("new", drop(), nothing, 4),
    ("renamed", nothing, rename("size:2M", "size:2048K"), 4),
    ("nan", nothing, put("block_min_ns", float("nan"), nr=2), 4),
    ("error", nothing, error("verify: returned 0, want 4096"), 4),
    ("skip", error("skip: no trace"), error("skip: no trace"), 0),
    ("skip-one-side", nothing, error("skip: no trace"), 4),
    ("skip-and-error", error("skip: no trace"),
     error("verify: returned 0, want 4096"), 4),
    ("more-profiles", priced("ril"), priced("ril", "smmuv2"), 4),
    ("fewer-profiles", priced("ril", "smmuv2"), priced("ril"), 4),
    ("no-profiles", nothing, priced("ril"), 4),
    ("sent-now", priced("ril"), priced("ril", tlbi_nh_va=2), 3),
    ("not-sent-now", priced("ril", tlbi_nh_va=2), priced("ril"), 0),
    ("new-counter", nothing, counts_more, 4),
    ("lost-counter", counts_more, nothing, 4),
    ("profile-edited", both(priced("mine"), sources(mine="a", x="b")),
     both(priced("mine"), sources(mine="c", x="b")), 4),
    ("profile-unknown", both(priced("mine"), sources(mine="a")),
     priced("mine"), 4),
    ("profile-of-one", both(priced("mine"), sources(mine="a")),
     both(priced("mine"), sources(mine="a", x="c")), 0),
    ("page-size", nothing, context("iopt_host_page_size", "64K"), 4),
    ("hypervisor", nothing, context("iopt_host_hypervisor", "KVM"), 4),
    ("caches", nothing, context("iopt_host_caches", "L2 1M"), 4),
    ("zero", nothing, put("real_time", 0.0), 4),
    ("unit", nothing, put("time_unit", "us"), 4),
    ("machine", nothing, context("iopt_host_cpu_model", "Other CPU"), 4),
    ("host", nothing, context("iopt_host", "there"), 4),
    ("library", nothing, context("iopt_lib_benchmark", "1.9.0"), 4),
    ("null-arm", nothing, both(scale(1.25), scale(0.8, "limit/")), 4),
    ("no-null-arm", drop("limit/"), both(drop("limit/"), scale(1.25)), 3),
    ("few-rounds", nothing, both(first_rounds(3), scale(1.25)), 4),
    ("incomplete", nothing, both(context("iopt_incomplete", "true"), context(
        "iopt_incomplete_reason", "interrupted by SIGINT")), 4),
    ("refused", nothing, put("label", "refused"), 4),
    ("in-doubt", nothing, put("label", "ok;warn=n2n,short"), 0),
    ("crashed", nothing, both(drop("limit/"), crashed), 1),
    ("inexact", nothing, put("pte_writes", 3, nr=2), 1),
    ("hostile", hostile, hostile, 0),
]


class Ran:
    """What compare.py said of two files, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Compare = Callable[..., Ran]


@pytest.fixture
def files(tmp_path: Path, capsys: pytest.CaptureFixture[str],
          monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Compares two documents, or texts, as files old.json and new.json."""
    monkeypatch.chdir(tmp_path)

    def run(old: Document | str, new: Document | str, *args: str) -> Ran:
        for name, content in (("old.json", old), ("new.json", new)):
            text = content if isinstance(content, str) \
                else json.dumps(content)
            (tmp_path / name).write_text(text, "utf-8")
        code = compare.main([*args, "old.json", "new.json"])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)
    return run


def changed(old: Change, new: Change) -> tuple[Document, Document]:
    pair = sound(), sound()
    old(pair[0])
    new(pair[1])
    return pair


@pytest.mark.parametrize("name,old,new,code", ROWS, ids=[r[0] for r in ROWS])
def test_golden(files: Compare, name: str, old: Change, new: Change,
                code: int) -> None:
    ran = files(*changed(old, new))
    text = f"exit {ran.code}\n{ran.err}{ran.out}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("IOPT_BLESS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert ran.code == code, text
    assert text == path.read_text("utf-8")
    assert text.isascii() and "\x1b" not in text
    assert max(map(len, ran.out.splitlines() or [""])) <= 72


def test_every_golden_text_has_its_row() -> None:
    assert sorted(p.stem for p in GOLDEN.glob("*.txt")) == \
        sorted(row[0] for row in ROWS)


def with_row(**fields: Any) -> str:
    """A result whose second row has these fields; None takes one away."""
    document = sound()
    row = {**document["benchmarks"][1], **fields}
    document["benchmarks"][1] = {key: value for key, value in row.items()
                                 if value is not None}
    return json.dumps(document)


def with_context(**fields: Any) -> str:
    """A result with these fields in its context."""
    document = sound()
    document["context"].update(fields)
    return json.dumps(document)


# what the file is, and what is said
BROKEN = {
    "empty": ("", "it has no context"),
    "object": ("{}", "it is no object"),
    "list": ("[1, 2]", "it is no object"),
    "gibberish": ("gibberish", "it has no context"),
    "deep": ("[" * 100000, "it has no context"),
    "truncated": (json.dumps(sound())[:-40], "it breaks off"),
    "truncated-in-a-list": ('{"context": [], "benchmarks": [',
                            "context is \\[\\], not an object"),
    "number-as-row": ('{"context": {}, "benchmarks": [1]}',
                      "row 1 is 1, not an object"),
    "number-as-name": (with_row(name=7), "row 2: name is 7, not text"),
    "no-name": (with_row(name=None), "row 2 has no name"),
    "no-round": (with_row(repetition_index=None),
                 "row 2 has no repetition_index"),
    "round-in-words": (with_row(repetition_index="first"),
                       "row 2: repetition_index is 'first', not a whole"),
    "unit-list": (with_row(time_unit=[]), "time_unit is \\[\\], not text"),
    "time-in-words": (with_row(block_min_ns="fast"),
                      "block_min_ns is 'fast', not a number"),
    "400-digits": (with_row(block_min_ns=10**399),
                   r"block_min_ns is 10+\.\.\., not what can be kept"),
    "half-a-character": (with_row(label="\ud800"),
                         r"label is '.ud800', not what can be kept"),
    "5000-digits": (with_row(cpu_time="@").replace('"@"', "9" * 5000),
                    "it breaks off"),
    "turns": (with_row(turn_min_ns=[1, []]),
              "turn_min_ns 2 is \\[\\], not a number"),
    "context-nan": (with_context(load_avg=[float("nan")]),
                    "its context has a number that is NaN"),
    "failures": (with_context(iopt_failures="all"),
                 "iopt_failures is 'all', not a list"),
    "profiles": (with_context(iopt_profile_sources=[{"name": "a"}]),
                 "iopt_profile_sources 1 has no digest"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_files(files: Compare, what: str) -> None:
    text, said = BROKEN[what]
    ran = files(sound(), text)
    assert ran.code == 1 and not ran.out, "no table"
    assert re.fullmatch(f"compare: new.json: no result of iopt-bench: .*{said}"
                        ".*\n", ran.err)


def test_no_rows(files: Compare) -> None:
    empty = {"context": CONTEXT, "benchmarks": []}
    assert files(sound(), empty).code == 4
    ran = files(empty, empty)
    assert ran.code == 4 and "no case is on both sides" in ran.err + ran.out


PROGRAMS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "cover_letter": (cover_letter.main, []),
    "plot": (plot.main, []),
    "selftest": (selftest.main, ["--read"]),
    "track": (track.main, ["--db", "h.db", "import"]),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("what", BROKEN)
def test_nobody_reads_broken_files(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch, program: str, what: str) -> None:
    if (program, what) == ("track", "empty"):
        pytest.skip("an empty file is no line to import")
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text(BROKEN[what][0], "utf-8")
    main, words = PROGRAMS[program]
    assert main([*words, "bad.json"]) == 1
    said = capsys.readouterr()
    assert re.fullmatch(f"{program}: .+\n", said.err)
    assert said.out in ("", "bad.json: 0 added, 0 were there already\n")


def without(key: str) -> Change:
    def change(info: Document) -> None:
        del info[key]
    return change


def given(key: str, value: Any) -> Change:
    def change(info: Document) -> None:
        info[key] = value
    return change


# what is done to iopt_comparison
BROKEN_COMPARISONS: dict[str, tuple[Change, str]] = {
    "no-profiles": (without("profiles"), "has no profiles"),
    "no-seed": (without("seed"), "has no seed"),
    "no-side": (without("new"), "has no new"),
    "no-counters": (without("counters"), "has no counters"),
    "floors": (given("floors", {"k": "x"}),
               "floors: k is 'x', not a number"),
    "floor": (given("floor", "1 %"), "floor is '1 %', not a number"),
    "cases": (given("cases", [1]), "cases 1 is 1, not an object"),
    "case": (given("cases", [{"key": "a b"}]), "'a b'"),
    "side": (given("old", {"label": 1, "revision": "", "context": {}}),
             "old: label is 1, not text"),
    "counters": (given("counters", {"a": {"old": {"b": "c"}}}),
                 "counters: a: old: b is 'c', not a whole number"),
    "ceilings": (given("ceilings", {"a": []}), "not a number"),
    "failures": (given("failures", [1]), "failures 1 is 1, not text"),
}


@pytest.mark.parametrize("what", [*BROKEN_COMPARISONS, "row", "turn"])
def test_broken_comparisons(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    document = documents.from_results(
        results.from_document(sound()), results.from_document(sound()),
        ["a", "b"])
    change, expected = BROKEN_COMPARISONS.get(what, (nothing, "row 1"))
    change(document["context"][comparison.INFO])
    if what == "row":
        del document["benchmarks"][0]["repetition_index"]
    if what == "turn":
        document["benchmarks"][0]["turn_min_ns"] = 5
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text(json.dumps(document), "utf-8")
    assert cover_letter.main(["bad.json"]) == 1
    said = capsys.readouterr()
    assert re.fullmatch(r"cover_letter: bad\.json: .+\n", said.err)
    assert expected in said.err and not said.out
    assert track.main(["--db", "h.db", "add", "bad.json"]) == 4
    said = capsys.readouterr()
    assert expected in said.err and said.err.count("\n") == 1


HOSTILE_NAMES = ["map/size:<script>alert(1)</script>", "map/size:4K\n# x",
                 "map/size:$(reboot)", "map/a:1|b", "../../etc/passwd",
                 "map/size:\u202e4K", "map/size:4K/size:2M", ""]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_refused(files: Compare, name: str) -> None:
    document = sound()
    rename(FIRST, name)(document)
    ran = files(sound(), document)
    assert ran.code == 1
    assert "a row has no good name" in ran.err
    assert ran.err.count("\n") == 1 and not ran.out


def test_no_such_file(files: Compare, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    assert compare.main(["old.json", "nowhere.json"]) in (1, 2)
    assert compare.main(["nowhere.json", "old.json"]) == 2


def test_incomparable_files_make_no_table(files: Compare) -> None:
    for name in ("unit", "machine", "host", "library", "page-size",
                 "hypervisor", "caches", "profile-edited",
                 "profile-unknown"):
        old, new = next((r[1], r[2]) for r in ROWS if r[0] == name)
        ran = files(*changed(old, new))
        assert ran.code == 4 and not ran.out
        assert ran.err.startswith("compare: other ")


def compared(old: Change, new: Change) -> comparison.Comparison:
    """What is found of two results that were changed."""
    return comparison.analyse(documents.from_results(
        *map(results.from_document, changed(old, new)), ["a", "b"]))


def test_what_one_side_counted_is_no_counter_of_both() -> None:
    found = compared(priced("ril"), both(
        counts_more, priced("ril", "smmuv2", tlbiva=1)))
    maps = [key for key in found.counters if key.startswith("map/")]
    assert found.one_sided == {"old": {}, "new": {
        "nr_lookups": maps, "profile smmuv2": maps}}
    assert {c.title for key in maps for c in found.counters[key]} == {
        "pte_writes", "tables_alloc", "sim_ps@ril", "tlbiva@ril", "tlbi@ril"}
    assert {c.title for of_case in found.worse_counters.values()
            for c in of_case} == {"tlbi@ril"}
    assert found.of_new[maps[0]]["nr_lookups"] == 3
    assert found.of_new[maps[0]]["sim_ps@smmuv2"] == 7000


def test_a_side_that_counted_nothing_is_told() -> None:
    document = documents.from_results(
        *map(results.from_document, (sound(), sound())), ["a", "b"])
    document["context"][comparison.INFO]["counters"][FIRST] = {
        "old": {"pte_writes": 1, "calls": 2}, "new": {}}
    found = comparison.analyse(document)
    assert found.one_sided["old"] == {"anything": [FIRST]}
    assert found.doubts == ["1 with counters that only one side has"]
    assert found.exit_code == 4


def test_more_lookups_are_worse() -> None:
    for name in ("nr_unmaps", "nr_lookups", "max_lookups", "unpin_ps",
                 "nr_commands"):
        assert comparison.Counter(name, "", 1, 2).is_worse
        assert not comparison.Counter(name, "", 2, 1).is_worse


@pytest.fixture
def found() -> comparison.Comparison:
    """A comparison with one of everything."""
    old, new = changed(hostile, both(
        hostile, scale(1.25, MAP.format("4K", "256")),
        put("pte_writes", 2, MAP.format("2M", "1")),
        error("verify: </failure>\x1b", "limit/op:fill/granule:4K/count:1")))
    rename("count:256", "count:128")(old)
    rename("map/engine:lpae-7.3/granule:4K/size:4K/count:128",
           "map/engine:lpae-7.3/granule:4K/size:4K/count:256")(old)
    return comparison.analyse(documents.from_results(
        results.from_document(old), results.from_document(new),
        ["<old>", "new|\x1b"], "make compare"))


def test_junit_is_xml(found: comparison.Comparison) -> None:
    root = ElementTree.fromstring(
        formats.junit(found).partition("\n")[2].encode())
    suite = root[0]
    kinds = {kind: len(suite.findall(f"testcase/{kind}"))
             for kind in ("failure", "error", "skipped")}
    assert kinds["failure"] == 2, "one slower, one with more stores"
    assert kinds["error"] >= 3, "one without a number, two unpaired"
    assert suite.get("failures") == "2"


def test_csv_has_a_row_each(found: comparison.Comparison) -> None:
    parsed = list(csv.reader(io.StringIO(formats.csv_text(found))))
    assert parsed[0] == list(formats.CSV_HEADER)
    assert all(len(row) == len(parsed[0]) for row in parsed)
    assert sum(row[0] == "time" for row in parsed) == len(found.lines)
    kinds = {row[0] for row in parsed[1:]}
    assert kinds == {"counter", "time", "only in old", "only in new",
                     "no number", "warning"}
    for row in parsed[1:]:
        for cell in row:
            assert not re.match(r"[=@]|[-+][^0-9]", cell), cell


def test_markdown_is_not_broken_out_of(found: comparison.Comparison) -> None:
    text = formats.markdown(found)
    assert "<script>" not in text and "\x1b[31m" not in text
    assert "\n# heading" not in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert len(tables) >= 4 and widths <= {6}


def test_lava_ids(found: comparison.Comparison) -> None:
    for line in formats.lava(found).splitlines():
        assert re.fullmatch(
            r"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=[0-9A-Za-z_.-]+ "
            r"RESULT=(pass|fail|skip|unknown)"
            r"( MEASUREMENT=[0-9.e+]+ UNITS=ns)?>", line), line


def test_googles_compare_reads_it(tmp_path: Path) -> None:
    tool = Path("/usr/share/benchmark/compare.py")
    if not tool.exists():
        pytest.skip("Google's compare.py (libbenchmark-tools) is not here")
    old, new = changed(nothing, scale(1.5))
    document = documents.from_results(
        results.from_document(old), results.from_document(new), ["a", "b"])
    path = tmp_path / "c.json"
    path.write_text(results.dump(document), "utf-8")
    done = subprocess.run(
        [sys.executable, str(tool), "--no-color", "filters", str(path),
         "/side:old", "/side:new"], capture_output=True, text=True,
        check=False)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines()
            if line.startswith(f"{FIRST}[/side:old vs. /side:new] ")]
    assert len(told) == 9
    assert all("+0.5000" in line for line in told)


def test_medians_of_single_calls_are_compared(files: Compare) -> None:
    name = "contention/engine:lpae-7.3/cpus:2/place:node/sharing:queue"

    def with_calls(unmap_p50: float) -> Document:
        document = sound()
        document["benchmarks"] += [
            {**row, "iterations": 1000, "cpu_time": 30.0, "map_p50_ns": 60.0,
             "map_p99_ns": 90.0, "unmap_p50_ns": unmap_p50,
             "unmap_p99_ns": 200.0}
            for row in rows(name, [900.0 + i for i in range(9)])]
        return document
    ran = files(with_calls(100.0), with_calls(130.0))
    assert ran.code == 3
    assert re.search(r"2 CPUs node unmap p50 , +130,100 , +130,100 , -30\.0 "
                     r"\[-30\.0,-30\.0\]\n", ran.out)
    assert re.search(r"2 CPUs node map p50 , +60\.0,60\.0 , .* ~\n", ran.out)


def test_worst_is_first(files: Compare) -> None:
    ran = files(*changed(nothing, both(
        scale(0.5, MAP.format("4K", "1")), scale(1.5, MAP.format("2M", "1")),
        scale(1.2, MAP.format("4K", "256")))))
    table = [line.split(",")[0].split()[0] for line in ran.out.splitlines()
             if re.match(r" +(256\*)?2\^", line)]
    assert table[:3] == ["2^21", "256*2^12", "2^12"]
    assert ran.code == 3


def test_files_of_a_comparison(files: Compare, tmp_path: Path) -> None:
    ran = files(*changed(nothing, scale(1.25)), "--out", "out/c")
    assert ran.code == 3
    there = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert there == ["c.csv", "c.json", "c.lava", "c.md", "c.new.bench",
                     "c.old.bench", "c.txt", "c.xml"]
    saved = json.loads((tmp_path / "out/c.json").read_text("utf-8"))
    again = comparison.analyse(saved)
    assert formats.FORMATS["cover"][0](again) == ran.out
    assert {v["verdict"] for v in saved["context"][comparison.INFO]
            ["verdicts"]} == {"slower", "same"}
    bench = (tmp_path / "out/c.new.bench").read_text("utf-8").splitlines()
    lines = [li for li in bench if li.startswith("Benchmark")]
    assert len(lines) == 9 * len(CASES)
    assert all(re.fullmatch(r"Benchmark\S+ \d+ [0-9.e+]+ ns/op "
                            r"[0-9.e+]+ min-ns/op", li) for li in lines)
    assert compare.main(["out/c.json", "out/c.json"]) == 2


def test_samples_are_in_ns_whatever_their_unit(files: Compare,
                                               tmp_path: Path) -> None:
    """And rows that are no samples are left out."""
    def in_us(document: Document) -> None:
        for row in of(document, ""):
            row.update(time_unit="us", real_time=row["real_time"] / 1000)
        put("skipped", True, nr=2)(document)
    files(*changed(in_us, in_us), "--out", "out/c")
    found = (tmp_path / "out/c.old.bench").read_text("utf-8")
    values = [float(li.split()[2]) for li in found.splitlines()
              if li.startswith("Benchmark")]
    assert len(values) == 9 * len(CASES) - 2
    assert min(values) >= 2


def test_the_newest_letter_is_not_the_gates(tmp_path: Path) -> None:
    for name in ("20261101T000000Z-a.json",
                 "20261102T000000Z-regress-v1.json"):
        (tmp_path / name).write_text("{}")
    assert [p.name for p in cover_letter.newest(tmp_path)] == \
        ["20261101T000000Z-a.json"]
