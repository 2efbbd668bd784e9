# SPDX-License-Identifier: GPL-2.0-only
"""The result of `make perf-qemu`: tests, cases and calls of a guest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .perf_calls import KernelRun, call_document, calls_table, moved
from .perf_cases import (ENGINES, Suite, case_document, engines_table,
                         suite_table)
from .perf_counts import TOLERANCE_PERCENT


@dataclass(frozen=True)
class Test:
    """A test program that ran in the guest."""

    name: str
    user: str
    code: int
    passed: int
    skipped: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def parse_test(name: str, user: str, code: int,
               lines: Sequence[str]) -> Test:
    """What a program of cmocka printed."""
    text = "\n".join(lines)
    passed = re.search(r"\[  PASSED  \] (\d+) test", text)
    skipped = re.findall(r"^\[  SKIPPED \] (\w+)$", text, re.MULTILINE)
    return Test(name, user, code, int(passed[1]) if passed else 0,
                tuple(dict.fromkeys(skipped)), tuple(lines))


def test_failures(test: Test) -> list[str]:
    """A line if it failed, and what it said."""
    if test.code == 0 and test.passed:
        return []
    return [f"{test.name} as {test.user}: exit {test.code}, {test.passed} "
            "passed", *(f"    {line}" for line in test.said)]


def document(context: Mapping[str, Any], tests: Sequence[Test],
             suite: Suite | None, runs: Sequence[KernelRun],
             failures: Sequence[str]) -> dict[str, Any]:
    """The whole result, for JSON."""
    return {
        "context": dict(context), "failures": list(failures),
        "tests": [{"name": t.name, "user": t.user, "code": t.code,
                   "passed": t.passed, "skipped": list(t.skipped)}
                  for t in tests],
        "again": list(suite.again) if suite else [],
        "cases": [case_document(suite, name) for name in suite.cases]
        if suite else [],
        "calls": [call_document(run, name) for run in runs
                  for name in run.names]}


def report_lines(tests: Sequence[Test], suite: Suite | None,
                 runs: Sequence[KernelRun],
                 engines: tuple[str, str] = ENGINES) -> list[str]:
    """All tables."""
    lines = []
    for test in tests:
        skips = f", skipped: {', '.join(test.skipped)}" if test.skipped \
            else ""
        lines.append(f"{test.name} as {test.user}: {test.passed} "
                     f"passed{skips}")
    if suite:
        lines += ["", "instructions of one operation, by perf events in the "
                  "guest: of user mode, of all", *suite_table(suite)]
        lines += ["", "old and new engine, instructions in user mode",
                  *engines_table(suite, engines)]
    by_ril = {ril: [run for run in runs if run.ril == ril]
              for ril in ("on", "off")}
    if by_ril["on"]:
        lines += ["", "instructions that the kernel executes for a call, and "
                  "those of the page table alone in user space",
                  *calls_table(by_ril["on"], suite, engines)]
    if any(moved(runs).values()):
        lines += ["", "the same without range invalidation, where it is "
                  "something else",
                  *calls_table(by_ril["off"], None, (), moved(runs))]
    return lines


def summary(suite: Suite | None, runs: Sequence[KernelRun],
            failures: Sequence[str]) -> str:
    """How it went, in a line."""
    nr_cases = len(suite.cases) if suite else 0
    nr_calls = sum(len(run.names) for run in runs)
    nr_found = sum(not line.startswith(" ") for line in failures)
    if nr_found:
        return f"{nr_found} finding{'s'[:nr_found > 1]} in {nr_cases} cases " \
            f"and {nr_calls} calls"
    return (f"{nr_cases} cases and {nr_calls} calls: all counted twice, equal "
            f"within {TOLERANCE_PERCENT:g} %")
