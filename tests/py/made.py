# SPDX-License-Identifier: GPL-2.0-only
"""Made-up results with numbers chosen by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ioptlib import results

Times = Sequence[float]

# The context of a result, of a machine that there is not.
CONTEXT = {
    "iopt_schema": "1", "iopt_host": "here", "iopt_cpu": "3",
    "iopt_version": "v1", "iopt_cc": "gcc 12.2.0", "iopt_cflags": "-O2",
    "iopt_lib_benchmark": "1.7.1", "iopt_lib_hwloc": "2.9.0",
    "iopt_seed": "7", "iopt_host_cpu_model": "Made-up CPU",
    "iopt_host_arch": "aarch64", "iopt_host_cores": "4",
    "iopt_host_numa_nodes": "1", "iopt_host_governor": "performance",
    "iopt_host_kernel": "6.12", "iopt_host_page_size": "4K",
    "iopt_host_thp": "madvise", "iopt_host_hypervisor": "none",
    "iopt_incomplete": "false",
    "iopt_counter_classes": "pte_writes:exact tables_alloc:exact "
                            "block_min_ns:noisy sim_ps:exact",
}


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
