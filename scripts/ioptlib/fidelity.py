# SPDX-License-Identifier: GPL-2.0-only
"""How fast the model of a driver is beside that driver's own code.

A ratio is model over kernel: below 1 the model is faster. A case is out of
bounds when its whole interval is; one that is needs a reason here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CASE_BOUNDS = (0.8, 1.25)
MEAN_BOUNDS = (0.95, 1.05)
NO_REASON = "no reason known"

# Families whose operations are the page table's alone.
FAMILIES = ("map", "unmap", "unmap_partial", "iova_to_phys", "destroy")

# Where the model is faster than the bounds allow, by a pattern of "<model>
# <case>", and why. A model that is slower has no excuse.
REASONS: tuple[tuple[str, str], ...] = (
    (r"^lpae-7\.3 map/.*cache:leftover",
     "a table that is freed goes through a list, and its page is accounted "
     "for (iommu-pages.c)"),
    (r"^lpae-7\.3 unmap_partial/",
     "a refused call: the shim counts its warning for the table and for the "
     "module (4 ns)"),
    (r"^\S+ map/.*count:1/",
     "once a call a kernel tests for quirks and formats that the model has "
     "not, and has an eighth argument (1.1 ns of 4)"),
    (r"^\S+ iova_to_phys/.*order:hole",
     "a lookup of 3 ns: a test for a quirk, and the jump into the kernel's "
     "function (0.3 ns)"),
    (r"^\S+ mean$",
     "the same of all short calls; and in runs of blocks an entry takes the "
     "model 0.85 of the kernel's time, which is not explained"),
)


@dataclass(frozen=True)
class Row:
    """A case: ns of both, the ratio and its interval."""

    case: str
    kernel_ns: float
    model_ns: float
    ratio: float
    low: float
    high: float

    @property
    def family(self) -> str:
        """The family that it belongs to."""
        return self.case.partition("/")[0]

    @property
    def is_outside(self) -> bool:
        """Is no value of its interval within the bounds?"""
        return self.high < CASE_BOUNDS[0] or self.low > CASE_BOUNDS[1]


@dataclass(frozen=True)
class Table:
    """A model beside a tree."""

    model: str
    kernel: str
    rows: tuple[Row, ...]

    def mean(self, family: str = "") -> float:
        """Geometric mean of the ratios, of one family or of all."""
        return geometric_mean([row.ratio for row in self.rows
                               if family in ("", row.family)])

    def reason(self, case: str, ratio: float) -> str:
        """Why a case, or with "mean" the mean, is out of bounds."""
        if ratio > 1:
            return ""
        return next((why for pattern, why in REASONS
                     if re.search(pattern, f"{self.model} {case}")), "")

    @property
    def is_mean_outside(self) -> bool:
        """Is the geometric mean of all cases out of bounds?"""
        return not MEAN_BOUNDS[0] <= self.mean() <= MEAN_BOUNDS[1]

    @property
    def unexplained(self) -> list[str]:
        """What is out of bounds and has no reason here."""
        found = [row.case for row in self.rows
                 if row.is_outside and not self.reason(row.case, row.ratio)]
        if self.is_mean_outside and \
                not self.reason("mean", self.mean()):
            found.append(f"geometric mean {self.mean():.3f}")
        return found


def geometric_mean(ratios: Sequence[float]) -> float:
    """Of at least one."""
    return float(np.exp(np.mean(np.log(ratios))))


def ns(value: float) -> str:
    """A time, three digits."""
    return f"{value:.4g}" if value < 1000 else f"{value:,.0f}"


def mark_of(table: Table, row: Row) -> str:
    """What is to be said of a row."""
    if not row.is_outside:
        return ""
    return f"OUTSIDE: {table.reason(row.case, row.ratio) or NO_REASON}"


def render(table: Table) -> list[str]:
    """The table, for a terminal."""
    cells = [("case", "kernel ns", "model ns", "model/kernel", "")]
    for row in table.rows:
        cells.append((row.case, ns(row.kernel_ns), ns(row.model_ns),
                      f"{row.ratio:.3f} [{row.low:.3f},{row.high:.3f}]",
                      mark_of(table, row)))
    widths = [max(len(cell[i]) for cell in cells) for i in range(4)]
    lines = [f"{table.model} against {table.kernel}"]
    for cell in cells:
        lines.append("  " + "  ".join(
            [cell[0].ljust(widths[0]),
             *(text.rjust(width) for text, width
               in zip(cell[1:4], widths[1:])), cell[4]]).rstrip())
    families = dict.fromkeys(row.family for row in table.rows)
    lines.append("  geometric mean: " + ", ".join(
        [f"{family} {table.mean(family):.3f}" for family in families])
        + f"; all {table.mean():.3f}, {len(table.rows)} cases"
        + (f"; OUTSIDE: {table.reason('mean', table.mean()) or NO_REASON}"
           if table.is_mean_outside else ""))
    return lines
