# SPDX-License-Identifier: GPL-2.0-only
"""What is checked of iopt-live's run in a guest, on lines made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ioptlib import live_guest
from ioptlib.qemu_guest import Machine

REPS = 2
PLAN = live_guest.plan(4096, 2 << 20)
ONE, PAGES, MANY = (f"live/case:{word}/backing:4K"
                    for word in ("one", "pages", "many"))


def row(name: str, nr_runs: int) -> list[dict[str, Any]]:
    """The lines of a row that is as it must be."""
    spent = {"map_ns": 5, "unmap_ns": 7, "map_bytes": 4096,
             "unmap_bytes": 4096}
    events = {"nr": nr_runs, "bytes": 4096, "unmapped_bytes": 4096,
              "nr_lost": 0}
    return [{"kind": "memory", "name": name, "nr_runs": nr_runs},
            *({"kind": "rep", "name": name, "rep": rep, **spent}
              for rep in range(REPS)),
            {"kind": "events", "name": name, **spent,
             "map_events": dict(events), "unmap_events": dict(events)}]


def good() -> list[dict[str, Any]]:
    """A run of the whole plan."""
    lines: list[dict[str, Any]] = []
    for text in PLAN.splitlines():
        name = text.split()[0]
        lines += [{"kind": "skip", "name": name}] \
            if name == live_guest.GIANT else row(name, 3)
    return [*lines, {"kind": "end", "outcome": "done"}]


def find(lines: list[dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
    """The first line of a kind."""
    return next(line for line in lines
                if line.get("name") == name and line["kind"] == kind)


def test_a_good_run() -> None:
    """Nothing is wrong with it."""
    assert not live_guest.run_faults(PLAN, good(), REPS)


@pytest.mark.parametrize("name, kind, key, value, says", [
    (PAGES, "rep", "unmap_bytes", 0, "mapped 4096, unmapped 0"),
    (PAGES, "rep", "unmap_ns", 0, "not above zero"),
    (PAGES, "memory", "nr_runs", 4, "3 map events for 4 runs"),
    (live_guest.GIANT, "skip", "kind", "rep", "no named skip"),
    (MANY, "events", "kind", "other", "0 lines of events"),
])
def test_a_fault(name: str, kind: str, key: str, value: Any,
                 says: str) -> None:
    """One thing that is not as it must be is named."""
    lines = good()
    find(lines, name, kind)[key] = value
    assert says in "\n".join(live_guest.run_faults(PLAN, lines, REPS))


def test_lost_events_and_no_end() -> None:
    """Lost events are told, and so is a run that broke off."""
    lines = good()[:-1]
    find(lines, ONE, "events")["unmap_events"]["nr_lost"] = 2
    faults = live_guest.run_faults(PLAN, lines, REPS)
    assert len(faults) == 2 and "2 lost" in faults[0]
    assert faults[1] == "the run did not end"
    assert live_guest.run_faults(PLAN, [], REPS)


def test_plans_of_both_page_sizes() -> None:
    """All in pages of that size, and as many huge pages as they take."""
    assert live_guest.nr_huge_pages(2 << 20) == 32
    assert live_guest.nr_huge_pages(32 << 20) == 4
    text = live_guest.plan(16384, 32 << 20)
    assert "live/case:one/backing:16K 16K range 0x40000000+0x4000\n" in text
    assert " 32M range 0x40000000+0x4000000 0x80000000+0x4000000" in text
    assert "backing:16K" in live_guest.long_plan(16384)


def test_lines_of() -> None:
    """What the guest prints besides is passed over."""
    assert live_guest.lines_of('noise\n{"kind":"end"}\n[ 1.0] x') == [
        {"kind": "end"}]


def test_boards() -> None:
    """The board has another device, and one of the two no SMMU."""
    board = Machine(Path("k"), Path("i"),
                    machine="virt,iommu=smmuv3,gic-version=3",
                    devices=("pci-testdev,addr=1",))
    assert len(live_guest.with_port(board).devices) == 2
    assert "smmu" not in live_guest.without_iommu(board).machine
