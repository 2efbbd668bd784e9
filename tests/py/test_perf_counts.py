# SPDX-License-Identifier: GPL-2.0-only
"""Counts of a guest: read, held against each other; each fault must be seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ioptlib import perf_calls, perf_cases, perf_guest
from ioptlib.perf_calls import KernelRun, calls_of, parse_counted
from ioptlib.perf_cases import Suite, read_process, suite_failures
from ioptlib.perf_counts import BadCounts, is_equal, number

MAP = "map/engine:{}/granule:4K/size:2M/count:1/cache:warm/walker:coherent"
OLD, NEW = MAP.format("lpae-6.12"), MAP.format("lpae-7.3")
PARANOID = "paranoid: perf_event_paranoid is 2; as root: sysctl ..."


@pytest.mark.parametrize("first, second, equal", [
    (1000, 1000, True), (1000, 1009, True), (1009, 1000, True),
    (1000, 1011, False), (1011, 1000, False),
    # One per cent of the smaller one, whichever that is.
    (1000, 1010, True), (1000, 990, False), (990, 1000, False),
    (0, 0, False), (0, 5, False), (5, 0, False), (-3, -3, False)])
def test_equal(first: float, second: float, equal: bool) -> None:
    assert is_equal(first, second) is equal


@pytest.mark.parametrize("value, text", [
    (90.123, "90.1"), (99.96, "100"), (455.2, "455"), (12897, "12,897")])
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def row(name: str, **other: Any) -> dict[str, Any]:
    """What iopt-bench writes of a case that went well."""
    return {"name": name, "run_type": "iteration", "label": "ok",
            "real_time": 300.0, "time_unit": "ns", "block_n": 50.0,
            "blocks": 42.0, "pte_writes": 1.0, "perf_instructions": 350.0,
            "perf_cycles": 350.0, **other}


def written(*rows: dict[str, Any], kernel: str = "yes",
            empty: int = 4000) -> str:
    """A result; an empty section has 80 instructions for each of its 50."""
    return json.dumps({"context": {
        "iopt_perf_hardware": "yes", "iopt_perf_kernel": kernel,
        "iopt_overhead_perf_instructions": str(empty),
        "iopt_overhead_perf_cycles": str(empty)}, "benchmarks": list(rows)})


def test_read() -> None:
    """What an empty section counts is no part of an operation."""
    process = read_process(written(row(OLD), row(NEW)))
    assert process.counts_kernel and process.failures == ()
    count = process.cases[OLD]
    assert count.instructions == 350 - 4000 / 50
    assert count.cycles == count.instructions
    assert (count.block_n, count.blocks, count.outcome) == (50, 42, "ok")
    # The other way round, with the same operations.
    assert perf_cases.plan_of(process, process.cases) == [f"{NEW} 50 42",
                                                          f"{OLD} 50 42"]
    assert perf_cases.plan_of(process, [OLD]) == [f"{OLD} 50 42"]


@pytest.mark.parametrize("change, why", [
    ({"label": "ok;warn=n2n,multiplexed"}, "multiplexed: others took turns"),
    ({"error_occurred": True, "error_message": "verify: 3 pages"},
     "verify: 3 pages"),
    ({"perf_instructions": None}, "there is no perf_instructions"),
    ({"perf_cycles": None}, "there is no perf_cycles"),
])
def test_row_without_counts(change: dict[str, Any], why: str) -> None:
    bad = {key: value for key, value in row(OLD, **change).items()
           if value is not None}
    process = read_process(written(bad, row(NEW)))
    assert list(process.cases) == [NEW]
    assert len(process.failures) == 1
    assert process.failures[0].startswith(f"{OLD}: {why}")


def test_skipped_row() -> None:
    """A case that cannot run is named, and no fault."""
    skipped = row(OLD, error_occurred=True, error_message="skip: no memory")
    process = read_process(written(skipped, row(NEW)))
    assert list(process.cases) == [NEW]
    assert (process.failures, process.skips) == ((), (f"{OLD}: no memory",))
    whole = suite()
    less = replace(whole, whole=(process, whole.whole[1]))
    assert less.skips == [f"{OLD}: no memory"]
    assert suite_failures(less) == []


@pytest.mark.parametrize("text", ["", "iopt-bench: no", "[]",
                                  written(row(OLD))[:-30]])
def test_no_result(text: str) -> None:
    with pytest.raises(BadCounts, match="iopt-bench: "):
        read_process(text)


def suite(change: Callable[[int, dict[str, Any]], Any] = lambda i, r: None,
          kernels: tuple[str, ...] = ("yes", "yes", PARANOID, PARANOID)) \
        -> Suite:
    """Four processes; change() does something to a process's first row."""
    processes = []
    for i, kernel in enumerate(kernels):
        rows = [row(OLD), row(NEW)]
        if i >= 2:
            for each in rows:
                each["perf_instructions"] = each["perf_cycles"] = 270.0
        change(i, rows[0])
        processes.append(read_process(written(*rows, kernel=kernel,
                                              empty=4000 if i < 2 else 250)))
    return Suite((processes[0], processes[1]), (processes[2], processes[3]))


def scaled(process: int, factor: float) -> Callable[[int, dict[str, Any]],
                                                    None]:
    """A process that counts more or less."""
    def change(i: int, r: dict[str, Any]) -> None:
        if i == process:
            for key in ("perf_instructions", "perf_cycles"):
                r[key] *= factor
    return change


def test_suite() -> None:
    assert suite_failures(suite()) == []
    # Half a per cent is an interrupt more.
    assert suite_failures(suite(scaled(1, 1.005))) == []
    table = "\n".join(perf_cases.suite_table(suite(scaled(1, 1.005))))
    assert "+0.648" in table and OLD in table


@pytest.mark.parametrize("process, mode", [
    (0, "user and kernel mode"), (1, "user and kernel mode"),
    (2, "user mode"), (3, "user mode")])
@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_mutant_that_counts_otherwise(process: int, mode: str,
                                      factor: float) -> None:
    """3 % in one of four processes, up or down, is told with its mode."""
    found = suite_failures(suite(scaled(process, factor)))
    assert any(line.startswith(f"{OLD}: {mode}: ") and
               "more than 1 % apart" in line for line in found)
    assert not any(NEW in line for line in found)


def set_to(**values: Any) -> Callable[[int, dict[str, Any]], None]:
    return lambda i, r: r.update(values)


@pytest.mark.parametrize("change, why", [
    (set_to(perf_instructions=80.0, perf_cycles=80.0),
     "0.0 instructions and 0.0 cycles"),
    (set_to(pte_writes=400.0), "instructions for 400 stores"),
    (set_to(perf_cycles=200.0), "where each takes one"),
    (scaled(0, 0.9), "instructions in all, 265.0 of them in user mode"),
    (set_to(label="ok;warn=n2n,multiplexed"), "multiplexed"),
])
def test_mutant_that_cannot_be(change: Any, why: str) -> None:
    assert any(why in line for line in suite_failures(suite(change)))


@pytest.mark.parametrize("kernels, why", [
    (("yes", "yes", "yes", PARANOID), "kernel mode is counted where user"),
    (("yes", PARANOID, PARANOID, PARANOID), "kernel mode is not counted"),
])
def test_mutant_of_the_mode(kernels: tuple[str, ...], why: str) -> None:
    assert any(line.startswith(why)
               for line in suite_failures(suite(kernels=kernels)))


def test_mutant_without_hardware() -> None:
    whole = suite()
    blind = replace(whole.whole[0], hardware="no-pmu: the kernel has none")
    found = suite_failures(replace(whole, whole=(blind, whole.whole[1])))
    assert found == ["perf events of the CPU are not counted: no-pmu: the "
                     "kernel has none"]


def test_nothing_in_common() -> None:
    whole = suite()
    empty = replace(whole.user[1], cases={})
    found = suite_failures(replace(whole, user=(whole.user[0], empty)))
    assert found == ["no case was counted by all four processes"]


def test_again() -> None:
    """Only what differs is counted again, and takes the place of what was."""
    first, second = suite(scaled(1, 1.5)).whole
    assert perf_cases.suspects(first, second) == [OLD]
    again = read_process(written(row(OLD)))
    mended = perf_cases.replaced(second, again)
    assert perf_cases.suspects(first, mended) == []
    assert mended.cases[NEW] == second.cases[NEW]


def test_engines() -> None:
    """Old against new; an outcome that is another one is no ratio."""
    def refused(i: int, r: dict[str, Any]) -> None:
        if r["name"] == OLD:
            r.update(label="refused")
    lines = perf_cases.engines_table(suite())
    assert lines[1].split() == [OLD.replace("/engine:lpae-6.12", ""), "265",
                                "265", "1.00"]
    assert "ok (1.00)" in perf_cases.engines_table(suite(refused))[1]


SCENARIO = f"""# A head.
iommu_map   0x0 0x1000 2M
iommu_unmap 0x0 4K    # a part | {MAP.format("ENGINE")}
iommu_unmap 0x0 2M    # all, and again
iommu_map   0x0 0x1000 2M  # all, and again
"""


def said(*nets: int, rets: tuple[int, ...] = (0, 0, 2 << 20, 0),
         empty: int = 3000, nr_rounds: int = 3) -> list[str]:
    """What vfio-user prints of rounds of four ops."""
    lines = ["@ready 4"]
    for i in range(nr_rounds):
        lines.append(f"@empty {i} instructions {empty} cycles {empty - 700}")
        lines += [f"@count {i} {op} ret {ret} instructions {empty + net} "
                  "cycles 7" for op, (net, ret) in
                  enumerate(zip(nets, rets))]
    return lines


NETS = (600, 460, 1700, 640)


def run(second: list[str] | None = None,
        release: str = "7.3.4+deb13-cloud-arm64") -> KernelRun:
    calls = calls_of(SCENARIO)
    first = parse_counted(said(*NETS), calls)
    other = parse_counted(said(*NETS) if second is None else second, calls)
    return KernelRun("mine", release, calls, first, (first, other))


def test_calls_of() -> None:
    calls = calls_of(SCENARIO)
    assert [call.name for call in calls] == ["", "a part", "all, and again",
                                             "all, and again"]
    assert calls[1].line == "iommu_unmap 0x0 4K"
    assert calls[1].case == MAP.format("ENGINE")
    bare = calls_of("iommu_map 0x0 0x0   2M\n")
    assert bare[0].name == bare[0].line == "iommu_map 0x0 0x0 2M"


def test_calls() -> None:
    one = run()
    assert one.names == ["a part", "all, and again"]
    assert one.net("a part", 0) == 460
    # Ops of one name are added up.
    assert one.net("all, and again", 1) == 1700 + 640
    assert perf_calls.is_refused(one, "a part")
    assert not perf_calls.is_refused(one, "all, and again")
    assert perf_calls.run_failures(one) == []


def test_median_and_first() -> None:
    """A round that an interrupt, or a first warning, hits decides nothing."""
    lines = said(*NETS)
    lines[3] = lines[3].replace("instructions 3460", "instructions 561460")
    counted = parse_counted(lines, calls_of(SCENARIO))
    assert counted.net(1) == 460
    assert counted.first(1) == 558460


@pytest.mark.parametrize("nets, why", [
    ((600, 470, 1700, 640), "a part, 7.3.4+deb13-cloud-arm64: 460 and 470"),
    ((600, 450, 1700, 640), "460 and 450 instructions, more than 1 %"),
    ((600, -3000, 1700, 640), "460 and -3000 instructions beyond"),
])
def test_mutant_of_a_call(nets: tuple[int, ...], why: str) -> None:
    found = perf_calls.run_failures(run(said(*nets)))
    assert len(found) == 1 and why in found[0]


def test_mutant_that_returns_otherwise() -> None:
    found = perf_calls.run_failures(run(said(*NETS, rets=(0, 4096, 2 << 20,
                                                          0))))
    assert found == ["mine, 7.3.4+deb13-cloud-arm64: the two processes were "
                     "returned different values"]


@pytest.mark.parametrize("lines, why", [
    ([], "rounds are missing"),
    (said(*NETS)[:-1], "rounds are missing"),
    (said(*NETS, 5, rets=(0, 0, 0, 0, 0)), "out of order"),
    (said(*NETS, nr_rounds=1) + said(*NETS, nr_rounds=1), "out of order"),
    (said(*NETS, nr_rounds=1) + [line.replace("@count 0", "@count 1").replace(
        "ret 0", "ret -16") for line in said(*NETS, nr_rounds=1)],
     "returned 0, then -16"),
])
def test_no_counts(lines: list[str], why: str) -> None:
    with pytest.raises(BadCounts, match=why):
        parse_counted(lines, calls_of(SCENARIO))


def test_calls_table() -> None:
    """Kernels side by side, and the model of a call."""
    old = run(release="6.12.117+deb12-cloud-arm64")
    moved = replace(old, counted=(parse_counted(
        said(600, 920, 1700, 640, rets=(0, 4096, 2 << 20, 0)), old.calls),
        old.counted[1]))
    lines = perf_calls.calls_table([moved, run()], suite())
    assert lines[0].split()[:4] == ["call", moved.release,
                                    "7.3.4+deb13-cloud-arm64", "new/old"]
    assert lines[1].split("  ")[1:] and lines[1].split()[2:] == [
        "920", "refused", "460", "0.50", "50.00", "265", "265"]
    assert lines[2].split()[-2:] == ["-", "-"]
    alone = perf_calls.calls_table([run()], None)
    assert "new/old" not in alone[0] and alone[1].split()[-2:] == ["-", "-"]


def test_without_ranges() -> None:
    """Only what differs is shown again, and a fault says where it is."""
    with_ril = run()
    off = replace(with_ril, ril="off", counted=2 * (parse_counted(
        said(600, 460, 9999, 640), with_ril.calls),))
    assert perf_calls.moved([with_ril, off]) == {"mine": ["all, and again"]}
    lines = perf_guest.report_lines([], None, [with_ril, off])
    table = lines[lines.index("the same without range invalidation, where it "
                              "is something else") + 1:]
    assert len(table) == 2 and "10,639" in table[1]
    assert perf_guest.report_lines([], None, [with_ril, replace(
        with_ril, ril="off")]) == perf_guest.report_lines([], None, [with_ril])
    bad = replace(off, counted=(with_ril.counted[0], off.counted[0]))
    assert perf_calls.run_failures(bad)[0].startswith(
        "all, and again, 7.3.4+deb13-cloud-arm64, RIL off: 2340 and 10639")


CMOCKA = """[==========] 3 test(s) run.
[  SKIPPED ] test_b
[  PASSED  ] 2 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] test_b"""


def test_tests() -> None:
    good = perf_guest.parse_test("host_perf", "root", 0, CMOCKA.split("\n"))
    assert (good.passed, good.skipped) == (2, ("test_b",))
    assert perf_guest.test_failures(good) == []
    for code, text in ((1, CMOCKA), (0, "Segmentation fault"), (127, "")):
        bad = perf_guest.parse_test("host_perf", "nobody", code,
                                    text.split("\n"))
        assert perf_guest.test_failures(bad)[0].startswith(
            f"host_perf as nobody: exit {code}, ")


def test_document() -> None:
    test = perf_guest.parse_test("host_perf", "root", 0, CMOCKA.split("\n"))
    made = perf_guest.document({"started": "now"}, [test], suite(), [run()],
                               ["a finding"])
    assert made["failures"] == ["a finding"]
    assert made["cases"][0]["user"][0]["instructions"] == 265
    assert made["calls"][0]["instructions"] == [460, 460]
    assert made["calls"][0]["ops"][0]["rounds"][1] == [3460] * 3
    assert json.loads(json.dumps(made)) == made
    assert perf_guest.summary(suite(), [run()], []) == \
        "2 cases and 2 calls: all counted twice, equal within 1 %"
    assert perf_guest.summary(None, [run()], ["a", "    more of it"]) == \
        "1 finding in 0 cases and 2 calls"
    assert perf_guest.summary(None, [], ["a", "b"]).startswith("2 findings")
