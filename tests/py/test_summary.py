# SPDX-License-Identifier: GPL-2.0-only
"""The summary on the terminal, word for word and column for column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ioptlib import results, summary
from made import document

GOLDEN = Path(__file__).resolve().parent / "golden" / "summary.txt"
QUESTIONS = {"map": "what one call costs", "limit": "the floor",
             "unmap_partial": "a part out of a block",
             "replay": "a recorded trace"}


def nine(ns: float, step: float = 1.0) -> list[float]:
    return [ns + step * (i * 5 % 9) for i in range(9)]


def example() -> results.Result:
    cases = {}
    for engine, ns in (("lpae-split", 20), ("lpae-nosplit", 20),
                       ("lpae-6.12", 21), ("lpae-7.3", 18),
                       ("lpae-6.1", 23)):
        cases[f"map/engine:{engine}/granule:4K/size:4K/count:1"] = \
            (nine(ns, 0.1), "ok")
        cases[f"map/engine:{engine}/granule:4K/size:4K/count:256"] = \
            (nine(ns * 16), "ok")
        cases[f"map/engine:{engine}/granule:4K/size:1G/count:1"] = \
            (nine(ns * 1e6, 1e4), "ok")
    for engine, ns, label in (("lpae-split", 800, "ok"),
                              ("lpae-nosplit", 30, "refused")):
        for block in ("2M", "1G"):
            cases[f"unmap_partial/engine:{engine}/granule:4K/block:{block}/"
                  f"part:4K/where:first"] = (nine(ns), label)
    for engine, ns in (("lpae-6.12", 50), ("lpae-7.3", 100)):
        cases[f"replay/trace:nvme/engine:{engine}/sync:each"] = \
            (nine(ns), "ok")
    cases["limit/op:fill/granule:4K/count:256"] = (nine(64), "ok")
    return results.from_document(document(cases, map_ns=1.0, unmap_ns=2.0,
                    map_min_ns=0.5, unmap_min_ns=1.5))


def test_golden() -> None:
    """To see what changed: diff against the text in the assertion."""
    text = summary.render(example(), QUESTIONS) + "\n"
    assert text == GOLDEN.read_text("utf-8")


def test_width() -> None:
    text = summary.render(example(), QUESTIONS, None)
    assert max(map(len, text.splitlines())) <= summary.WIDTH


def test_all_rows_show_engines_without_a_partner() -> None:
    assert "lpae-6.1 " not in summary.render(example(), QUESTIONS)
    text = summary.render(example(), QUESTIONS, None)
    assert "engine:lpae-6.1 " in text


def test_rows_are_cut_and_said_to_be() -> None:
    text = summary.render(example(), QUESTIONS, 2)
    assert "... 1 more rows, V=1 shows them" in text


def test_wide_tables_move_keys_above_the_rows() -> None:
    cases = {}
    for engine in ("lpae-6.12", "lpae-7.3"):
        for cache in ("warm", "leftover"):
            for walker in ("coherent", "noncoherent"):
                for size in ("4K", "2M"):
                    cases[f"map/engine:{engine}/granule:{size}/size:{size}/"
                          f"count:{size}/cache:{cache}/walker:{walker}"] = \
                        (nine(20), "ok")
    cases["limit/op:fill/granule:4K/count:4K"] = (nine(4), "ok")
    result = results.from_document(document(cases))
    text = summary.render(result, {})
    assert max(map(len, text.splitlines())) <= summary.WIDTH
    assert text.count("cache:") == text.count("walker:") == 4
    assert "\n  cache:leftover walker:noncoherent\n" in text


def test_limit_is_the_floor() -> None:
    cases = {"limit/op:fill/granule:4K/count:1": ([3.0, 3.0], "ok")}
    for engine, ns in (("lpae-6.12", 21.0), ("lpae-7.3", 11.0)):
        cases[f"map/engine:{engine}/granule:4K/size:2M/count:1"] = \
            ([ns, ns], "ok")
    text = summary.render(results.from_document(document(cases)),
                          {"map": ""})
    # The least of each is 1 ns below: 10 over 2.
    assert text.splitlines()[2].endswith("new/limit")
    assert text.splitlines()[3].endswith(" 5.00x")


def test_counted_families_show_what_differs() -> None:
    cases = {f"aftermath/engine:{engine}/granule:4K/stream:{stream}":
             ([ns], "counted")
             for engine, ns in (("lpae-split", 64), ("lpae-nosplit", 1024))
             for stream in ("seq", "random")}
    made = document(cases, {"iopt_counter_classes":
                            "kept:exact same:exact reach_bytes:exact "
                            "real_time:noisy"},
                    kept=1.0, same=0.0, reach_bytes=1024.0)
    text = summary.render(results.from_document(made), {"aftermath": "why"})
    assert text == ("aftermath: why\n"
                    "  old = lpae-split, new = lpae-nosplit; counters old>new"
                    "  (granule:4K)\n"
                    "  stream     kept  reach_bytes\n"
                    "  seq     64>1024       64K>1M\n"
                    "  random  64>1024       64K>1M")


def test_cases_with_profiles_of_their_own() -> None:
    cases = {f"tlbi/unit:{unit}/pages:512/leaf:4K/tlbi:{profile}": ([ns], "ok")
             for unit, profile, ns in (("noril", "smmuv3-noril", 1000),
                                       ("noril", "grace-vcmdq", 1000),
                                       ("ril", "smmuv3-ril", 20),
                                       ("smmuv2", "none", 3000))}
    text = summary.render(results.from_document(document(cases)),
                          {"tlbi": "why"})
    assert text == ("tlbi: why\n"
                    "  pages:512 leaf:4K\n"
                    "  unit        avg      min\n"
                    "  noril   1.00 us   999 ns\n"
                    "  ril     20.0 ns  19.0 ns\n"
                    "  smmuv2  3.00 us  3.00 us")


@pytest.mark.parametrize("ns,text", [
    (0.5, "0.50 ns"), (9.994, "9.99 ns"), (9.996, "10.0 ns"),
    (99.96, "100 ns"), (812.4, "812 ns"), (999.6, "1.00 us"),
    (12412, "12.4 us"), (3.05e6, "3.05 ms"), (4.2e9, "4.20 s"),
    (1.2345e12, "1,234 s"),
])
def test_human_ns(ns: float, text: str) -> None:
    assert summary.human_ns(ns) == text


@pytest.mark.parametrize("value,text", [
    (0.0375, "0.037"), (0.9996, "1.00"), (1.019, "1.02"), (9.996, "10.0"),
    (25.64, "25.6"), (1234.5, "1,234"),
])
def test_human_ratio(value: float, text: str) -> None:
    assert summary.human_ratio(value) == text


def test_pairs_need_the_same_round() -> None:
    made = document({"map/engine:lpae-split/size:4K": ([11, 21, 41], "ok"),
                     "map/engine:lpae-nosplit/size:4K": ([21, 41], "ok")})
    result = results.from_document(made)
    old, new = result.family("map")
    ratio = summary.compare(old, new, summary.METRIC)
    assert ratio is not None and ratio.nr_pairs == 2
    assert ratio.point == pytest.approx(2.0)


def contention(**times: float) -> results.Result:
    """Cases of one CPU and of several, named <place>_<cpus>_<sharing>."""
    cases = {"contention/engine:lpae-7.3/cpus:1/place:one/sharing:nothing":
             (nine(100), "ok")}
    for name, ns in times.items():
        place, cpus, sharing = name.split("_")
        cases[f"contention/engine:lpae-7.3/cpus:{cpus}/place:{place}/"
              f"sharing:{sharing}"] = (nine(ns, ns / 100), "ok")
    return results.from_document(document(
        cases, unmap_p50_ns=0.5, unmap_p99_ns=2.0, unmap_max_ns=9.0,
        cmpxchg_per_issue=0.01))


def test_contention() -> None:
    text = summary.render(contention(complex_2_nothing=100, nodes_16_queue=400),
                          {})
    assert max(map(len, text.splitlines())) <= summary.WIDTH
    lines = [line.split() for line in text.splitlines()[2:]]
    rows = {line[0]: line for line in lines if line[0].isdigit()}
    assert "[1.00,1.00]" in rows["1"] and rows["1"][-1] == "1.04"
    # Two CPUs that each take as long as one alone: twice the throughput.
    assert "20.2M/s" in rows["2"] and "1.00" in rows["2"]
    # 16 CPUs that each take four times as long: a quarter of the ideal.
    assert "40.1M/s" in rows["16"] and "0.248" in rows["16"]


def test_contention_without_one_cpu() -> None:
    result = contention(complex_2_queue=100)
    result.cases.pop(next(iter(result.cases)))
    assert " - " in summary.render(result, {}).splitlines()[-1]


@pytest.mark.parametrize("value, text", [
    (812, "812/s"), (12400, "12.4k/s"), (999.6e3, "1.00M/s"),
    (3.1e6, "3.10M/s"), (2.5e9, "2.50G/s"), (7e12, "7000G/s")])
def test_human_rate(value: float, text: str) -> None:
    assert summary.human_rate(value) == text


def test_doubts() -> None:
    lines = summary.doubt_lines({
        "iopt_doubts": ["load thp", "thp"],
        "iopt_doubt_load": ["2.1 tasks ran. Wait.", "unknown",
                            "2.2 tasks ran. Wait."],
        "iopt_doubt_thp": "Page tables lie in base pages.",
        "iopt_host_load": ["1.0", "2.0"],
        "iopt_host_turbo": "off",
        "iopt_host_governor": ["performance", "powersave"],
        "iopt_host_throttling": ["held at 1500 of 2600 MHz", "none"]})
    assert lines == [
        "doubtful: 2.1 tasks ran. Wait.",
        "doubtful: Page tables lie in base pages.",
        "doubtful: governor changed while measuring: performance, then "
        "powersave. See who changes it, and measure again.",
        "doubtful: throttling changed while measuring: held at 1500 of 2600 "
        "MHz, then none. See who changes it, and measure again."]
    assert summary.doubt_lines({}) == []


THROTTLED = "doubtful: The CPU was throttled while measuring, {}x. "
STOLEN = "doubtful: The hypervisor took {} % of the CPU's time while measuring. "


@pytest.mark.parametrize("fact, values, said", [
    ("throttling", ["0 times since boot", "7 times since boot",
                    "12 times since boot"], THROTTLED.format(12)),
    ("throttling", "12 times since boot", ""),
    # A CPU that was off for a while counts from 0 again.
    ("throttling", ["12 times since boot", "0 times since boot"], ""),
    # 3 s of 20 s, of which the share since boot says nothing.
    ("steal", ["0.01 %: 1.00 of 10000.00 s since boot",
               "0.02 %: 2.00 of 10010.00 s since boot",
               "0.04 %: 4.00 of 10020.00 s since boot"],
     STOLEN.format("15.0")),
    ("steal", ["9.00 %: 900.00 of 10000.00 s since boot",
               "8.98 %: 900.10 of 10020.00 s since boot"], ""),
    # A tick of 10 ms, of three.
    ("steal", ["0.00 %: 0.00 of 100.00 s since boot",
               "0.01 %: 0.01 of 100.03 s since boot"], ""),
    ("steal", ["0.10 %", "0.20 %"], ""),
    ("steal", ["unknown", "0.04 %: 4.00 of 10020.00 s since boot"], ""),
    ("steal", "9.00 %: 900.00 of 10000.00 s since boot", ""),
])
def test_what_grew_while_measuring(fact: str, values: Any,
                                   said: str) -> None:
    lines = summary.doubt_lines({f"iopt_host_{fact}": values})
    assert len(lines) == bool(said)
    assert all(line.startswith(said) for line in lines)


def test_of_many_rows_those_that_differ_beyond_doubt_are_shown() -> None:
    cases: dict[str, tuple[list[float], str]] = {}
    for i in range(20):
        # 13 is twice as fast in each round; 5 is only now and then.
        new = [100.0] * 9
        if i == 13:
            new = [50.0] * 9
        if i == 5:
            new = [10.0, 300.0] * 4 + [10.0]
        for engine, times in (("lpae-6.12", [100.0] * 9), ("lpae-7.3", new)):
            cases[f"map/engine:{engine}/granule:4K/size:4K/count:{i + 1}"] = \
                (times, "ok")
    result = results.from_document(document(cases))
    lines = summary.render(result, {}).splitlines()
    shown = [line.split()[0] for line in lines if " ns " in line]
    assert len(shown) == summary.MAX_ROWS
    assert shown[:7] == [str(i) for i in range(1, 8)]
    assert shown[7] == "14"
    assert lines[-1] == f"  ... {20 - summary.MAX_ROWS} more rows, V=1 shows them"
    everything = summary.render(result, {}, None).splitlines()
    assert sum(" ns " in line for line in everything) >= 20


@pytest.mark.parametrize("low,high,telling", [
    (0.9, 1.1, False), (1.0, 1.2, False), (1.1, 1.2, True), (0.5, 0.9, True),
    (0.0, 0.5, False),
])
def test_weight(low: float, high: float, telling: bool) -> None:
    assert (summary.weight(low, high) > 0) == telling
