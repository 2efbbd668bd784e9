# SPDX-License-Identifier: GPL-2.0-only
"""Made-up comparisons with an anchor, as compare.py writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ioptlib import comparison, results
from ioptlib.paired import NEW, OLD

MAP = "map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/" \
    "walker:coherent"
ANCHOR_NS = 20.0


def commit(name: str) -> str:
    """The id of a made-up revision's commit."""
    return hashlib.sha1(name.encode()).hexdigest()


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
                  anchor: str = "v1", nr_pairs: int = 10,
                  **more: str) -> dict[str, Any]:
    """A comparison of revision r<day> with the anchor: each case at a ratio,
    its pairs with a spread of 0.1 %."""
    spread = [1 + 0.001 / nr_pairs * (i - (nr_pairs - 1) / 2)
              for i in range(nr_pairs)]
    rows: list[results.Row] = []
    for key, ratio in ratios.items():
        rows += _rows(key, OLD, [ANCHOR_NS] * nr_pairs)
        rows += _rows(key, NEW, [ANCHOR_NS * ratio * s for s in spread])
    info = {
        "schema": comparison.SCHEMA, "kind": comparison.PAIRED,
        "has_null": False, "floor": 0.01, "seed": 1, "profiles": [],
        **{side: {"label": name, "revision": name, "engine": "",
                  "commit": commit(name), "context": {}}
           for side, name in ((OLD, anchor), (NEW, f"r{day}"))},
        "cases": [{"key": key, "old": key, "new": key} for key in ratios],
        "counters": {key: {OLD: dict(of), NEW: dict(of)}
                     for key, of in (counters or {}).items()}}
    return {"context": {**context(day, **more), comparison.INFO: info},
            "benchmarks": rows}
