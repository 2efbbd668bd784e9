# SPDX-License-Identifier: GPL-2.0-only
"""The summary's tables of the family teardown, and its null check."""

from __future__ import annotations

from typing import Any

import pytest
from ioptlib import results, summary, teardown

S = 1e9
CLASSES = ("nr_unmaps:exact nr_lookups:exact nr_commands:exact "
           "tables_freed:exact scan_ns:noisy longest_stretch_ms:noisy")


def row(strategy: str, engine: str, seconds: float, *, vm: str = "64G",
        backing: str = "2M", profile: str = "smmuv3-ril",
        label: str = "ok", index: int = 0, **more: float) -> dict[str, Any]:
    """A completed row; times in seconds."""
    fields = {"scan_ns": 0.9 * seconds * S, "nr_unmaps": 32768,
              "nr_lookups": 21_000_000, "nr_commands": 40,
              "bytes_unmapped": 80 << 30, "table_bytes_peak": 344064,
              "longest_stretch_ms": 26.0, "unpin_ps": 180e9,
              "sim_ps": 14e6, "syncs": 69, **more}
    return results.complete_row(
        {"name": f"teardown/vm:{vm}/backing:{backing}/page:4K/"
                 f"engine:{engine}/strategy:{strategy}",
         "run_type": "iteration", "real_time": seconds * S,
         "time_unit": "ns", "label": label, "block_min_ns": seconds * S,
         **fields}, index, 3, profile)


def result(rows: list[dict[str, Any]]) -> results.Result:
    return results.from_document({
        "context": {results.CLASSES_KEY: CLASSES}, "benchmarks": rows})


def text_of(rows: list[dict[str, Any]], is_all: bool = False) -> list[str]:
    made = result(rows)
    return teardown.lines(made.family("teardown"),
                          results.counter_classes(made.context), is_all)


def both_profiles(strategy: str, engine: str, seconds: float, sim_noril: float,
                  **more: Any) -> list[dict[str, Any]]:
    return [row(strategy, engine, seconds, **more),
            row(strategy, engine, seconds, profile="smmuv3-noril",
                **{**more, "sim_ps": sim_noril * 1e12})]


def test_strategies_down_engines_across() -> None:
    rows = [*both_profiles("leafwalk", "lpae-nosplit", 0.002, 0.0029),
            *both_profiles("chunked-fast", "lpae-nosplit", 0.25, 0.0029),
            *both_profiles("chunked-fast", "lpae-split", 0.26, 0.0029),
            *both_profiles("page", "lpae-split", 1.3, 1.2, scan_ns=0.2 * S,
                           nr_unmaps=21_000_000),
            *both_profiles("page", "lpae-nosplit", 0.001, 0, label="stuck"),
            *both_profiles("fgsp", "lpae-nosplit", 0.27, 0.0029,
                           label="no-fgsp")]
    lines = text_of(rows)
    assert lines == [
        "  64G of 2M, host pages of 4K; CPU + simulated by "
        "smmuv3-ril/smmuv3-noril",
        "  strategy       lpae-split  lpae-nosplit  scan   unpin  stretch",
        "  page          1.30/2.50 s         stuck  15 %  180 ms  26.0 ms",
        "  chunked-fast       260 ms        250 ms  90 %  180 ms  26.0 ms",
        "  fgsp                    -      (270 ms)",
        "  leafwalk                -  2.01/4.90 ms  90 %  180 ms  26.0 ms",
        "  Slowest is page on lpae-split under smmuv3-noril: 2.50 s, as "
        "40 commands to send; leafwalk on lpae-nosplit takes 2.01 ms.",
        "  null check: lpae-split and lpae-nosplit send the same commands "
        "and write the same entries",
        "  in all 1 teardowns that both did by chunked-fast, iommufd, "
        "leafwalk"]


@pytest.mark.parametrize("more,why", [
    ({"sim_ps": 3e12, "nr_commands": 16_800_000},
     "lpae-split: 4.00 s, as 16.8M commands to send"),
    ({"scan_ns": 0.97 * S}, "1.00 s, as 97 % of it looks up 21.0M pages"),
    ({"scan_ns": 0.1 * S, "nr_unmaps": 524288},
     "1.00 s, as 524K unmaps"),
])
def test_why_it_is_slowest(more: dict[str, float], why: str) -> None:
    lines = text_of([row("chunked", "lpae-split", 1.0, **more),
                     row("leafwalk", "lpae-split", 0.01)])
    assert lines[-1].startswith("  Slowest is chunked on")
    assert why in lines[-1]


def test_one_case_has_nothing_to_be_slower_than() -> None:
    lines = text_of([row("chunked", "lpae-split", 1.0)])
    assert not any("Slowest" in line for line in lines)


def test_machines_are_in_order_of_size() -> None:
    lines = text_of([row("chunked", "lpae-split", 1.0, vm=vm, backing=b)
                     for vm, b in (("1T", "2M"), ("64G-q35", "2M"),
                                   ("4G", "4K"), ("4G", "2M"), ("1G", "2M"))])
    found = [line.split(",")[0].strip() for line in lines if "host" in line]
    assert found == ["1G of 2M", "4G of 4K", "4G of 2M", "1T of 2M",
                     "64G-q35 of 2M"]


def test_null_check_fails_loudly() -> None:
    lines = text_of([row("chunked-fast", "lpae-split", 1.0),
                     row("chunked-fast", "lpae-nosplit", 1.0, nr_commands=41)])
    assert lines[-1] == ("  NULL CHECK FAILS, lpae-split and lpae-nosplit "
                         "differ: chunked-fast, 64G of 2M, host pages of 4K: "
                         "nr_commands")


def test_null_check_leaves_out_what_may_differ() -> None:
    lines = text_of([row("page", "lpae-split", 1.0),
                     row("page", "lpae-nosplit", 1.0, nr_commands=41)])
    assert not any("check" in line.lower() for line in lines)


def test_all_tells_everything() -> None:
    lines = text_of([row("chunked", "lpae-split", 1.0, index=i,
                         **({"calls": 1.0} if i else {})) for i in range(3)]
                    + [row("leafwalk", "lpae-split", 0.01)], is_all=True)
    at = lines.index("  64G of 2M, host pages of 4K; smmuv3-ril")
    # 1 s, 14 us simulated, 180 ms of unpinning: 80 GiB in 1.18 s.
    assert lines[at + 2].split() == [
        "chunked", "lpae-split", "1.00", "s", "900", "ms", "14.0", "us",
        "180", "ms", "1.18", "s", "67.8", "26.0", "ms"]
    counts = next(line for line in lines[at + 4:] if "chunked" in line)
    assert counts.split() == ["chunked", "lpae-split", "32.8K", "21.0M", "1",
                              "-", "40", "69", "-", "336K"]


def test_skipped_cases_leave_a_gap() -> None:
    skipped = {**row("chunked", "amdv1", 1.0), "error_occurred": True,
               "error_message": "skip: not enough memory"}
    lines = text_of([row("chunked", "lpae-split", 1.0),
                     row("leafwalk", "lpae-split", 1.0), skipped])
    assert "amdv1" not in "\n".join(lines)


@pytest.mark.parametrize("values,text", [
    ([2.7e9], "2.70 s"), ([2.7e9, 6.12e9], "2.70/6.12 s"),
    ([9.0e8, 1.25e9], "900ms/1.25s"),
])
def test_pair_text(values: list[float], text: str) -> None:
    assert teardown.pair_text(values) == text


@pytest.mark.parametrize("count,text", [
    (812, "812"), (1000, "1.00K"), (524288, "524K"), (21_000_000, "21.0M"),
    (4_563_402_752, "4.56G"),
])
def test_short(count: int, text: str) -> None:
    assert teardown.short(count) == text


def test_the_summary_takes_its_tellers() -> None:
    made = result([row("chunked", "lpae-split", 1.0),
                   row("leafwalk", "lpae-split", 0.01)])
    text = summary.render(made, {"teardown": "how long?"},
                          tellers={"teardown": teardown.lines})
    assert text.startswith("teardown: how long?\n  64G of 2M")
    assert "Slowest is chunked" in text


def test_unpinning_is_no_part_of_the_total() -> None:
    done = row("chunked", "lpae-split", 1.0)
    assert done["unpin_ns"] == 180e6
    assert done["total_ns"] == 1 * S + 14000
