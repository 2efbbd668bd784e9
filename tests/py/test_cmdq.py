# SPDX-License-Identifier: GPL-2.0-only
"""The command queue: entries that a real kernel wrote, the ring, the trace."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from ioptlib import cmdq
from ioptlib.cmdq import BadQueue, Command, Ring, Sent, Shape, Traced

GOLDEN = Path(__file__).resolve().parent / "golden"
# Ops of 7.3.4+deb13-cloud-arm64 in QEMU 7.2.22, as they were read.
RECORDED: list[dict[str, Any]] = json.loads(
    (GOLDEN / "cmdq-7.3.json").read_text("utf-8"))
IDS = [f"{r['line'].split()[2]}-ril-{r['ril']}" for r in RECORDED]
PAGE = Shape(0, 0, 3, 1, 1)


def raw(low: int, high: int = 0) -> bytes:
    return struct.pack("<QQ", low, high)


def memory_of(record: dict[str, Any], ring: Ring) -> bytes:
    """The queue's memory with the recorded entries in their places."""
    memory = bytearray(ring.size_bytes)
    for i, entry in enumerate(record["entries"]):
        at = (record["before"] + i) % ring.nr_entries * 16
        memory[at:at + 16] = bytes.fromhex(entry)
    return bytes(memory)


@pytest.mark.parametrize("low, high, expected", [
    # NUM 16:12, SCALE 24:20, ASID 63:48; LEAF 0, TTL 9:8, TG 11:10.
    (0x12 | 31 << 12 | 15 << 20 | 3 << 48, 0x500000701,
     Command("TLBI_NH_VA", Shape(31, 15, 3, 1, 1), 0x500000000)),
    (0x12, 0x500000001, Command("TLBI_NH_VA", Shape(0, 0, 0, 0, 1),
                                0x500000000)),
    (0x2a | 9 << 20, 0x40200600, Command("TLBI_S2_IPA",
                                         Shape(0, 9, 2, 1, 0), 0x40200000)),
    (0x11 | 7 << 48, 0, Command("TLBI_NH_ASID")),
    (0x28, 0, Command("TLBI_S12_VMALL")),
    (0x46 | 2 << 12, 0, Command("CMD_SYNC")),
    (0x03, 0x1, Command("CFGI_STE")),
    (0x77, 0, Command("opcode 0x77")),
])
def test_decode(low: int, high: int, expected: Command) -> None:
    assert cmdq.decode(raw(low, high)) == expected


@pytest.mark.parametrize("low, high, address, lg2_entries", [
    (0xfb900010, 0x40000000, 0xfb900000, 16),  # RA is bit 62
    (0x80000008, 0, 0x80000000, 8),
    (0x80000fe1, 1, 0x180000fe0, 1),  # at least 32 bytes
])
def test_ring(low: int, high: int, address: int, lg2_entries: int) -> None:
    ring = Ring.of(low, high)
    assert (ring.address, ring.lg2_entries) == (address, lg2_entries)
    assert ring.size_bytes == 16 << lg2_entries


@pytest.mark.parametrize("low", [0x80000000, 0x8000001f])
def test_no_ring(low: int) -> None:
    with pytest.raises(BadQueue, match="no queue"):
        Ring.of(low, 0)


def numbered(ring: Ring) -> bytes:
    """A ring whose entry i is a TLBI of page i."""
    return b"".join(raw(0x12, i << 12 | 1) for i in range(ring.nr_entries))


@pytest.mark.parametrize("before, after, places", [
    (0, 3, [0, 1, 2]),
    (5, 5, []),
    (6, 8, [6, 7]),          # the wrap bit becomes set: nothing is lost
    (6, 9, [6, 7, 0]),
    (14, 1, [6, 7, 0]),      # and becomes clear again
    (3, 11, [3, 4, 5, 6, 7, 0, 1, 2]),  # as much as there is room for
])
def test_wrap(before: int, after: int, places: list[int]) -> None:
    ring = Ring(0, 3)
    commands = ring.commands(numbered(ring), before, after)
    assert [command.address >> 12 for command in commands] == places


def test_more_than_the_ring_holds() -> None:
    ring = Ring(0, 3)
    with pytest.raises(BadQueue, match="9 commands since.* holds 8"):
        ring.commands(numbered(ring), 3, 12)
    with pytest.raises(BadQueue, match="127 bytes"):
        ring.commands(bytes(127), 0, 1)


@pytest.mark.parametrize("record", RECORDED, ids=IDS)
def test_recorded(record: dict[str, Any]) -> None:
    """Memory, trace and iopt-sim: three ways to the same commands."""
    ring = Ring.of(*(int(word, 16) for word in record["cmdq_base"]))
    commands = ring.commands(memory_of(record, ring), record["before"],
                             record["after"])
    assert cmdq.check_traced(commands, cmdq.traced(record["trace"])) == ""
    assert commands == cmdq.dumped(record["simulated"]["queue"])
    sent = Sent.of(commands)
    assert sent.commands == record["simulated"]["commands"]
    assert sent.sync == record["simulated"]["sync"]


def test_recorded_counts() -> None:
    """64M off by a page: 31 tables, 511 pages, 31 blocks, a page."""
    ring = Ring.of(*(int(word, 16) for word in RECORDED[1]["cmdq_base"]))
    sent = Sent.of(ring.commands(memory_of(RECORDED[1], ring),
                                 RECORDED[1]["before"],
                                 RECORDED[1]["after"]))
    assert sent == Sent({"TLBI_NH_VA": 35}, 34, {
        Shape(0, 9, 0, 1, 0): 31, Shape(30, 0, 3, 1, 1): 1,
        Shape(14, 5, 3, 1, 1): 1, Shape(30, 9, 2, 1, 1): 1,
        Shape(0, 0, 3, 1, 1): 1})
    assert str(sent) == "35 TLBI_NH_VA + 34 SYNC"


PAIR = [Command("TLBI_NH_VA", PAGE, 0x1000), Command("CMD_SYNC")]
TRACE = ["smmuv3_cmdq_opcode <--- SMMU_CMD_TLBI_NH_VA",
         "smmuv3_s1_range_inval vmid=0 asid=3 addr=0x1000 tg=1 "
         "num_pages=0x1 ttl=3 leaf=1",
         "smmuv3_cmdq_opcode <--- SMMU_CMD_SYNC"]


@pytest.mark.parametrize("old, new, complaint", [
    ("", "", ""),
    ("TLBI_NH_VA", "TLBI_NH_VAA", "command 0"),
    ("addr=0x1000", "addr=0x2000", "command 0"),
    ("num_pages=0x1", "num_pages=0x2", "command 0"),
    ("ttl=3", "ttl=2", "command 0"),
    ("leaf=1", "leaf=0", "command 0"),
    ("smmuv3_cmdq_opcode <--- SMMU_CMD_SYNC", "", "has 2 commands"),
])
def test_queue_against_trace(old: str, new: str, complaint: str) -> None:
    lines = "\n".join(TRACE).replace(old, new).splitlines()
    said = cmdq.check_traced(PAIR, cmdq.traced(lines))
    assert complaint in said and bool(said) == bool(complaint)


def test_trace_of_both_stages() -> None:
    """Newer QEMU: another name, one line, with the stage."""
    assert cmdq.traced([
        "smmuv3_cmdq_opcode <--- SMMU_CMD_TLBI_S2_IPA",
        "smmuv3_range_inval vmid=1 asid=0 addr=0x5000 tg=1 num_pages=0x4 "
        "ttl=3 leaf=1 stage=2"]) == [
        Traced("TLBI_S2_IPA", (0x5000, 4, 3, 1))]
    with pytest.raises(BadQueue, match="without a command"):
        cmdq.traced(TRACE[1:])


def test_from_trace() -> None:
    """Page by page the trace has everything; a range it has not."""
    assert cmdq.from_trace([
        Traced("TLBI_NH_VA", (0x1000, 1, 0, 1)), Traced("CMD_SYNC")]) == [
        Command("TLBI_NH_VA", Shape(0, 0, 0, 0, 1), 0x1000),
        Command("CMD_SYNC")]
    with pytest.raises(BadQueue, match="range among more"):
        cmdq.from_trace([Traced("TLBI_NH_VA", (0x1000, 32, 3, 1))])


@pytest.mark.parametrize("text, expected", [
    ("TLBI_NH_VA asid=1 vmid=0 va 0x500001000 +124K num=30 scale=0 ttl=3 "
     "tg=1 leaf=1", Command("TLBI_NH_VA", Shape(30, 0, 3, 1, 1),
                            0x500001000)),
    ("TLBI_NH_VA asid=1 vmid=0 va 0x500001000 leaf=1",
     Command("TLBI_NH_VA", Shape(0, 0, 0, 0, 1), 0x500001000)),
    ("TLBI_S2_IPA vmid=1 ipa 0x1000 +4K num=0 scale=0 ttl=3 tg=1 leaf=1",
     Command("TLBI_S2_IPA", PAGE, 0x1000)),
    ("TLBI_NH_ASID asid=1 vmid=0", Command("TLBI_NH_ASID")),
    ("CMD_SYNC cs=sev", Command("CMD_SYNC")),
])
def test_dumped(text: str, expected: Command) -> None:
    assert cmdq.dumped([text]) == [expected]


def test_nothing_sent() -> None:
    assert str(Sent.of([])) == "-"
    with pytest.raises(BadQueue, match="no command of iopt-sim"):
        cmdq.dumped(["?"])
