# SPDX-License-Identifier: GPL-2.0-only
"""Made-up comparisons with an anchor, as compare.py writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ioptlib import comparison, results
from ioptlib.paired import NEW, OLD

MAP = "map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/" \
    "walker:coherent"
ANCHOR_NS = 20.0


def context(day: int, **more: str) -> dict[str, str]:
    """What a result says of a machine and a run on a day of January."""
    return {"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU",
            "iopt_host_arch": "aarch64", "iopt_host_kernel": "6.12.1",
            "iopt_started": f"2026-01-{day:02}T03:04:05+00:00", **more}


def _rows(key: str, side: str, times: Sequence[float]) -> list[results.Row]:
    return [comparison.stage_row(
        {"name": key, "run_type": "iteration", "real_time": time + 1,
         "time_unit": "ns", "label": "ok", "block_min_ns": time},
        key, side, 1, i, len(times)) for i, time in enumerate(times)]


def comparison_of(day: int, ratios: Mapping[str, float],
                  counters: Mapping[str, Mapping[str, int]] | None = None,
                  anchor: str = "v1", **more: str) -> dict[str, Any]:
    """A comparison of revision r<day> with the anchor: each case at a ratio,
    ten pairs with a spread of 0.1 %."""
    spread = [1 + 0.0001 * (i - 4.5) for i in range(10)]
    rows: list[results.Row] = []
    for key, ratio in ratios.items():
        rows += _rows(key, OLD, [ANCHOR_NS] * 10)
        rows += _rows(key, NEW, [ANCHOR_NS * ratio * s for s in spread])
    info = {
        "schema": comparison.SCHEMA, "kind": comparison.PAIRED,
        "has_null": False, "floor": 0.01,
        OLD: {"label": anchor, "revision": anchor, "engine": "",
              "context": {}},
        NEW: {"label": f"r{day}", "revision": f"r{day}", "engine": "",
              "context": {}},
        "cases": [{"key": key, "old": key, "new": key} for key in ratios],
        "counters": {key: {OLD: dict(of), NEW: dict(of)}
                     for key, of in (counters or {}).items()}}
    return {"context": {**context(day, **more), comparison.INFO: info},
            "benchmarks": rows}
