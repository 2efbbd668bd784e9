# SPDX-License-Identifier: GPL-2.0-only
"""Counts of instructions, held against each other.

Under -icount a virtual machine executes the same instructions each time, so
two runs that differ by more than a tick here and there show a counter, or a
piece of code, that is not what it seems.
"""

from __future__ import annotations

TOLERANCE_PERCENT = 1.0


class BadCounts(Exception):
    """Output that is not what a counting program writes."""


def percent(old: float, new: float) -> float:
    """By how much new differs from old; old is above zero."""
    return 100 * (new / old - 1)


def is_equal(first: float, second: float,
             tolerance_percent: float = TOLERANCE_PERCENT) -> bool:
    """Whether two counts differ by no more than that of the smaller one."""
    if first <= 0 or second <= 0:
        return False
    return 100 * abs(first - second) <= tolerance_percent * min(first, second)


def number(value: float) -> str:
    """A count for a table: three digits or all before the point."""
    if value < 99.95:
        return f"{value:.1f}"
    return f"{value:,.0f}"
