# SPDX-License-Identifier: GPL-2.0-only
"""Made-up results with numbers chosen by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ioptlib import results

Times = Sequence[float]


def rows(name: str, times: Times, label: str = "ok",
         **more: float) -> list[results.Row]:
    """A case's rows: a round for each time, block_min_ns 1 ns below it."""
    return [results.complete_row(
        {"name": name, "run_type": "iteration", "real_time": time,
         "time_unit": "ns", "label": label, "block_min_ns": time - 1,
         **{k: v * time for k, v in more.items()}}, i, len(times), "none")
        for i, time in enumerate(times)]


def document(cases: Mapping[str, tuple[Times, str]],
             context: Mapping[str, Any] | None = None,
             **more: float) -> dict[str, Any]:
    """A result with these cases: times and label of each."""
    made = {"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU",
            "iopt_started": "2026-01-02T03:04:05+00:00",
            "iopt_runner_version": "v1", "iopt_incomplete": "false"}
    return {"context": {**made, **(context or {})},
            "benchmarks": [row for name, (times, label) in cases.items()
                           for row in rows(name, times, label, **more)]}
