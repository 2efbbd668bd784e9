# SPDX-License-Identifier: GPL-2.0-only
"""Published against simulated: prices, arithmetic, verdicts, table and page.

The numbers themselves are checked against the page by the test validation.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import validate as tool
from ioptlib import validate
from ioptlib.validate import (BadRun, EXACT, Lab, Op, POINTS, Prices, RATIO,
                              Row, SHAPE, SHOWN, Setup, Source, TIME)

ROOT = Path(__file__).resolve().parent.parent.parent
PROFILES = sorted((ROOT / "data/profiles").glob("*.ini"))
PRICES = Prices(call=Decimal(446), clear=Decimal("1.1"), exec=Decimal(74))
SOURCE = Source("someone", "someone, a message")
LEAVES = Op(line="iommu_unmap 0 1M", ret=1 << 20, commands={"TLBI_NH_VA": 256},
            syncs=1, flush_commands=0, pte_writes=256, tables_freed=0,
            sim_ns=Decimal(19224), queue=())


def row(published: str, simulated: str, rule: validate.Rule, unit: str = "us",
        why: str = "") -> Row:
    return Row("a check", SOURCE, unit, Decimal(published),
               Decimal(simulated), rule, validate.VALIDATION, why)


@pytest.mark.parametrize("text, ns", [
    ("74 ns", "74"), ("1.1 ns", "1.1"), ("2.4 us", "2400"),
    ("1.35us", "1350"), ("500 ps", "0.5"), ("3 ms", "3000000"),
    ("1 s", "1000000000")])
def test_time(text: str, ns: str) -> None:
    assert validate.time_ns(text) == Decimal(ns)


@pytest.mark.parametrize("text", ["74", "-1 ns", "1 min", "", "ns", "1e3 ns"])
def test_no_time(text: str) -> None:
    with pytest.raises(BadRun, match="is no time"):
        validate.time_ns(text)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_has_prices(path: Path) -> None:
    prices = validate.prices_of(path.read_text("utf-8"))
    assert prices.call >= 0 and prices.clear > 0 and prices.exec >= 0


def test_prices() -> None:
    text = (ROOT / "data/profiles/smmuv3-noril.ini").read_text("utf-8")
    assert validate.prices_of(text) == PRICES
    with pytest.raises(BadRun, match="without a price"):
        validate.prices_of(text.replace("[clear]", "[clean]"))


def test_only_the_table_flush_changes() -> None:
    text = (ROOT / "data/profiles/smmuv2-sm8150.ini").read_text("utf-8")
    changed = validate.flushing_by_page(text)
    differ = [pair for pair in zip(text.splitlines(), changed.splitlines())
              if pair[0] != pair[1]]
    assert differ == [("table_flush = asid", "table_flush = page")]
    with pytest.raises(BadRun, match="no line"):
        validate.flushing_by_page(changed)


def test_price_of_an_unmap() -> None:
    # 446 + 255 * 1.1 + 256 * 74 + 280; the first leaf is in the call.
    assert validate.unmap_ns(LEAVES, PRICES) == Decimal("19950.5")
    one = dataclasses.replace(LEAVES, pte_writes=1, sim_ns=Decimal(354))
    assert validate.unmap_ns(one, PRICES) == 800
    # 16 entries that led to tables: no leaves.
    tables = dataclasses.replace(LEAVES, pte_writes=16, tables_freed=16,
                                 sim_ns=Decimal(50854))
    assert validate.unmap_ns(tables, PRICES) == 446 + 50854


def lab(ops: list[Op]) -> Lab:
    return Lab(lambda setup, lines: ops, {"p": PRICES})


def test_total_is_of_unmaps_alone() -> None:
    mapping = dataclasses.replace(LEAVES, line="iommu_map 0 0x1000 1M", ret=0,
                                  sim_ns=Decimal(5))
    assert lab([mapping, LEAVES, LEAVES]).total_ns(Setup("p", "6.1"), []) \
        == 2 * Decimal("19950.5")


@pytest.mark.parametrize("line, ret", [
    ("iommu_unmap 0 1M", 4096), ("iommu_unmap 0 1M", -22),
    ("vfio_map 0 1M run=4K", -17)])
def test_an_op_that_failed(line: str, ret: int) -> None:
    bad = dataclasses.replace(LEAVES, line=line, ret=ret)
    with pytest.raises(BadRun, match=f"returned {ret}"):
        lab([bad]).unmaps(Setup("p", "6.1"), [])


def test_scenarios() -> None:
    assert validate.contiguous(256 * 4096) == [
        "iommu_map 0 0x100000000 1M", "iommu_unmap 0 1M"]
    assert validate.one_by_one(2) == [
        "iommu_map 0 0x100000000 8K", "iommu_unmap 0x0 4K",
        "iommu_unmap 0x1000 4K"]
    assert validate.scattered(1 << 30) == [
        "vfio_map 0 1G run=4K", "iommu_unmap 0 1G"]


SIM_LINE = {
    "op": 0, "line": "iommu_unmap 0 1G", "ret": 1 << 30,
    "commands": {"TLBI_NH_VA": 4}, "sync": 2,
    "ranges": [{"leaf": 0, "count": 3}, {"leaf": 1, "count": 1}],
    "counters": {"pte_writes": 2, "tables_freed": 513},
    "sim_ns": 574.5, "queue": ["a", "b"]}


def test_ops() -> None:
    (op,) = validate.parse_ops(json.dumps(SIM_LINE) + "\n")
    assert (op.flush_commands, op.syncs, op.pte_writes) == (3, 2, 2)
    assert op.sim_ns == Decimal("574.5") and op.queue == ("a", "b")
    assert op.is_unmap


@pytest.mark.parametrize("text", [
    "{", "[]", json.dumps({**SIM_LINE, "counters": {}}),
    json.dumps({**SIM_LINE, "ranges": [1]})])
def test_no_ops(text: str) -> None:
    with pytest.raises(BadRun, match="no such JSON"):
        validate.parse_ops(text)


@pytest.mark.parametrize("published, simulated, rule, text, verdict", [
    ("100", "115", TIME, "+15.0 %", "ok"),
    ("100", "115.01", TIME, "+15.0 %", "MISS"),
    ("100", "84.99", TIME, "-15.0 %", "MISS"),
    ("20", "22", RATIO, "+10.0 %", "ok"),
    ("20", "17.9", RATIO, "-10.5 %", "MISS"),
    ("-85.2", "-83.2", POINTS, "+2.0 points", "ok"),
    ("-85.2", "-87.3", POINTS, "-2.1 points", "MISS"),
    ("8192", "8192", EXACT, "0", "ok"),
    ("8192", "8191", EXACT, "-1", "MISS"),
    ("0", "0", EXACT, "0", "ok"),
    ("0", "1200", EXACT, "+1,200", "MISS"),
    ("12000", "19.4", SHOWN, "-99.8 %", "-"),
    ("100", "99.999", TIME, "+0.0 %", "ok"),
])
def test_verdict(published: str, simulated: str, rule: validate.Rule,
                 text: str, verdict: str) -> None:
    made = row(published, simulated, rule)
    assert validate.deviation_text(made) == text
    assert made.verdict == verdict


def test_reasons_stand_where_they_must() -> None:
    rows = [row("1", "1", TIME), row("1", "2", TIME, why="because"),
            row("1", "2", SHOWN, why="because")]
    assert validate.unexplained(rows) == []
    rows = [row("1", "1", TIME, why="because"), row("1", "2", TIME),
            row("1", "2", SHOWN)]
    assert validate.unexplained(rows) == [
        "a check: ok with a reason", "a check: MISS without a reason",
        "a check: - without a reason"]


@pytest.mark.parametrize("value, unit, published, simulated", [
    ("1033.364", "us", "1,033.364 us", "1,033.4 us"),
    ("0.8", "us", "0.8 us", "0.80 us"),
    ("19.9505", "us", "19.9505 us", "19.95 us"),
    ("262144", "", "262,144", "262,144"),
    ("19.9502673127", "x", "19.95x", "19.95x"),
    ("-85.1540616246", "%", "-85.2 %", "-85.2 %"),
])
def test_figures(value: str, unit: str, published: str,
                 simulated: str) -> None:
    assert validate.published_text(Decimal(value), unit) == published
    assert validate.value_text(Decimal(value), unit) == simulated


def test_table() -> None:
    lines = validate.render([row("1", "2", TIME, why="because"),
                             row("10.5", "10.5", TIME)])
    assert lines[:4] == [
        "| check   | source  | published | simulated | deviation | allowed "
        "| kind       | verdict |",
        "| ------- | ------- | --------: | --------: | --------: | ------: "
        "| ---------- | ------- |",
        "| a check | someone |      1 us |   2.00 us |  +100.0 % |    15 % "
        "| validation | MISS    |",
        "| a check | someone |   10.5 us |  10.50 us |    +0.0 % |    15 % "
        "| validation | ok      |"]
    assert "2 checks: 1 ok, 1 missed, 0 without a verdict." in lines
    assert "- a check: because." in lines
    assert lines[-1] == "- someone: someone, a message."


def test_page() -> None:
    page = f"head\n{validate.BEGIN}\nold\n{validate.END}\ntail\n"
    once = validate.spliced(page, ["new"])
    assert once == f"head\n{validate.BEGIN}\n\nnew\n\n{validate.END}\ntail\n"
    assert validate.spliced(once, ["new"]) == once


@pytest.mark.parametrize("page", [
    "", validate.BEGIN, f"{validate.END}{validate.BEGIN}",
    f"{validate.BEGIN}{validate.BEGIN}{validate.END}"])
def test_page_without_its_markers(page: str) -> None:
    with pytest.raises(BadRun, match="once each"):
        validate.spliced(page, ["new"])


def test_streams_are_compared_whole() -> None:
    """One command that another engine sends must be seen, and a ring that
    wrapped."""
    def run(setup: Setup, lines: Sequence[str]) -> list[Op]:
        queue = ["TLBI a", "CMD_SYNC"]
        if "lpae-split" in setup.options and setup.driver == "7.3":
            queue = ["TLBI b", "TLBI a", "CMD_SYNC"]
        return [dataclasses.replace(LEAVES, queue=tuple(queue),
                                    commands={"TLBI_NH_VA": len(queue) - 1})]

    rows = validate.vfio(Lab(run, {}))
    assert [int(made.simulated) for made in rows] == [0, 0, 3, 3]
    with pytest.raises(BadRun, match="the queue holds 0 of its 257"):
        validate.whole_queue(LEAVES)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with nothing between its markers."""
    path = tmp_path / "page.md"
    path.write_text(f"{validate.BEGIN}\n{validate.END}\n", "utf-8")
    return path


def test_tool(page: Path, monkeypatch: pytest.MonkeyPatch,
              capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row("1", "1", TIME)]
    monkeypatch.setattr(tool, "all_rows", lambda sim: rows)
    stale = page.read_text("utf-8")
    assert tool.main(["--check", "--page", str(page)]) == 3
    assert "is not what is printed" in capsys.readouterr().err
    assert page.read_text("utf-8") == stale
    assert tool.main(["--page", str(page)]) == 0
    said = capsys.readouterr()
    assert said.out.strip() in page.read_text("utf-8")
    assert said.err == ""
    assert tool.main(["--check", "--page", str(page)]) == 0
    rows[:] = [row("1", "2", TIME)]
    assert tool.main(["--page", str(page)]) == 3
    assert "MISS without a reason" in capsys.readouterr().err


def test_tool_that_cannot(page: Path, tmp_path: Path,
                          capsys: pytest.CaptureFixture[str]) -> None:
    before = page.read_text("utf-8")
    arguments = ["--page", str(page), "--sim"]
    assert tool.main([*arguments, str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err
    broken = tmp_path / "iopt-sim"
    broken.write_text(f"#!{sys.executable} -IS\n"
                      "raise SystemExit('no such profile')\n")
    broken.chmod(0o755)
    assert tool.main([*arguments, str(broken)]) == 1
    assert "exit 1: no such profile" in capsys.readouterr().err
    assert page.read_text("utf-8") == before
    with pytest.raises(SystemExit) as stopped:
        tool.main(["--bogus"])
    assert stopped.value.code == 2


def test_full_disk(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    monkeypatch.setattr(tool, "all_rows", lambda sim: [row("1", "1", TIME)])
    with open("/dev/full", "w", encoding="ascii") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert tool.main(["--page", str(page)]) == 1


@pytest.mark.parametrize("published,simulated,verdict", [
    ("30", "79", validate.OK), ("30", "1", validate.OK),
    ("30", "-1", validate.MISS), ("-25", "-2.6", validate.OK),
    ("-25", "3", validate.MISS), ("0", "-10.8", validate.OK),
    ("0", "-15.1", validate.MISS), ("0", "16", validate.MISS),
])
def test_the_sign_of_a_shape(published: str, simulated: str,
                             verdict: str) -> None:
    assert row(published, simulated, SHAPE, "%").verdict == verdict


def life_lab(syncs: dict[str, int]) -> Lab:
    """A lab whose strategies sync so often, and take 1 ns a sync."""
    def run(setup: Setup, lines: Sequence[str]) -> list[Op]:
        nr = syncs[setup.options[3]]
        return [dataclasses.replace(
            LEAVES, line=line, ret=(1 << 30) * ("unmap" in line), syncs=nr, pte_writes=nr, sim_ns=Decimal(nr))
            for line in lines]
    return Lab(run, {"smmuv3-ril": PRICES})


def test_lives_are_priced() -> None:
    # 262144 pages of 141.1 ns, as many calls of 446 + 1 ns and lookups of 5;
    # against 16384 runs of 64K: calls of 447, and 262144 + 16383 lookups.
    rows = validate.chunking(life_lab({"page": 262144, "chunked": 16384}))
    pin = validate.PIN_4K_NS * 262144
    page = pin + 262144 * (446 + 1 + 5)
    chunked = pin + 16384 * 447 + (262144 + 16383) * 5
    assert abs(rows[0].simulated - (1 - chunked / page) * 100) < \
        Decimal("0.0001")


def test_history_counts_unmaps_of_a_block() -> None:
    rows = validate.history(life_lab({"page": 262144, "chunked": 512}))
    assert [int(r.simulated) for r in rows] == [512, 512, 1, 1]
