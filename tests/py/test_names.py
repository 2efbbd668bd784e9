# SPDX-License-Identifier: GPL-2.0-only
"""Benchmark names: parsing, what the library adds, what the runner adds."""

from __future__ import annotations

import pytest
from ioptlib import names


@pytest.mark.parametrize("name,want", [
    ("map/size:4K", "map/size:4K/tlbi:none"),
    ("map/size:4K/iterations:12/manual_time", "map/size:4K/tlbi:none"),
    ("map/size:4K/min_time:0.5/repeats:3/real_time/threads:2",
     "map/size:4K/tlbi:none"),
    ("map/size:4K/tlbi:smmuv3", "map/size:4K/tlbi:smmuv3"),
    ("limit/op:fill/count:1/manual_time", "limit/op:fill/count:1"),
    ("destroy/engine:lpae-7.3", "destroy/engine:lpae-7.3"),
])
def test_complete(name: str, want: str) -> None:
    assert names.complete(name) == want


@pytest.mark.parametrize("name", [
    "", "/size:4K", "map/size", "map/size:", "map/:4K", "map/size:4 K",
    "map/size:4K/size:2M", "Map/size:4K", "map//size:4K",
])
def test_bad_name(name: str) -> None:
    with pytest.raises(names.BadName):
        names.parse(name)


def test_case() -> None:
    case = names.parse("map/engine:lpae-7.3/size:4K")
    assert case.family == "map"
    assert case.get("engine") == "lpae-7.3"
    assert case.get("nothing") == ""
    assert str(case.without("engine")) == "map/size:4K"


def test_order_of_values() -> None:
    values = ["zebra", "full", "1G", "256", "page", "64K", "1", "apple", "2M"]
    assert sorted(values, key=names.sort_key) == \
        ["page", "1", "256", "64K", "2M", "1G", "full", "apple", "zebra"]
    values = ["last", "middle", "first"]
    assert sorted(values, key=names.sort_key) == ["first", "middle", "last"]
