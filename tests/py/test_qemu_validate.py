# SPDX-License-Identifier: GPL-2.0-only
"""Kernel against simulator: a replayed guest, verdicts, table, both streams."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ioptlib import cmdq, qemu_validate
from ioptlib.cmdq import Command, Sent, Shape
from ioptlib.qemu_validate import (BadRun, Op, Result, Scenario, Setup, Skip,
                                   Verdict)

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parent / "golden/cmdq-7.3.json")
    .read_text("utf-8"))
SHIPPED = sorted((ROOT / "data/scenarios").glob("*.scenario"))
SETUP = Setup("7", "7.3.4+deb13-cloud-arm64", "7.3", "on", 1, "4K", 48, 48)
LEAF = Shape(0, 9, 3, 1, 1)


class Replay:
    """A guest that does one unmap, as it was recorded, after a map."""

    def __init__(self, record: dict[str, Any], said: list[str]) -> None:
        self.record = record
        self.said = said
        self.sent: list[str] = []
        self.trace = ["of the boot", *record["trace"]]
        self.ring = cmdq.Ring.of(*(int(word, 16)
                                   for word in record["cmdq_base"]))
        self.memory = bytearray(self.ring.size_bytes)
        for i, entry in enumerate(record["entries"]):
            at = (record["before"] + i) % self.ring.nr_entries * 16
            self.memory[at:at + 16] = bytes.fromhex(entry)

    def is_done(self) -> bool:
        """Whether the unmap has been asked for: program, map, unmap."""
        return len(self.sent) >= 3

    def send(self, line: str) -> None:
        self.sent.append(line)

    def expect(self, pattern: str, timeout_s: float,
               passed: list[str] | None = None) -> re.Match[str]:
        while self.said:
            found = re.search(pattern, self.said.pop(0))
            if found:
                return found
        raise AssertionError(f"nothing that matches {pattern}")

    def read_words(self, address: int, count: int) -> list[int]:
        if address == qemu_validate.CMDQ_BASE:
            return [int(word, 16) for word in self.record["cmdq_base"]]
        assert (address, count) == (qemu_validate.CMDQ_PROD, 1)
        return [self.record["after" if self.is_done() else "before"]]

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        assert (address, size_bytes) == (self.ring.address,
                                         self.ring.size_bytes)
        return bytes(self.memory)

    def trace_size(self) -> int:
        return 1

    def trace_since(self, offset: int) -> list[str]:
        assert offset == 1
        return self.trace[1:] if self.is_done() else []


def unmap_of(record: dict[str, Any]) -> Scenario:
    _, iova, size = record["line"].split()
    return Scenario("one", f"vfio_map {iova} {size} run=4K\n"
                    f"# a comment\n\n{record['line']}  # and another\n")


def said(record: dict[str, Any]) -> list[str]:
    return ["@ready 2", "a line of the kernel", "@op 0 ret 0 warnings 0",
            f"@op 1 ret {record['ret']} warnings 0", "@exit 0"]


@pytest.mark.parametrize("record", RECORDED)
def test_replayed(record: dict[str, Any]) -> None:
    """What the guest did against what iopt-sim printed: equal, in order."""
    scenario = unmap_of(record)
    guest = Replay(record, said(record))
    kernel = qemu_validate.run_scenario(guest, scenario, "/s")
    assert guest.sent == ["vfio-user --device 0000:00:01.0 /s", "", "", ""]
    assert kernel[0].sent == Sent({}, 0, {})
    simulator = qemu_validate.simulated(
        json.dumps(dict(record["simulated"], op=0, ret=0, commands={},
                        sync=0, ranges=[], queue=[])) + "\n" +
        json.dumps(record["simulated"]))
    result = qemu_validate.compare(scenario, SETUP, kernel, simulator)
    assert result.word == "yes"
    assert all(verdict.is_in_order for verdict in result.verdicts)


def test_trace_that_disagrees() -> None:
    record = RECORDED[0]
    guest = Replay(record, said(record))
    guest.trace[1] = guest.trace[1].replace("TLBI_NH_VA", "TLBI_NH_ASID")
    with pytest.raises(BadRun, match="command 0 of the queue"):
        qemu_validate.run_scenario(guest, unmap_of(record), "/s")


@pytest.mark.parametrize("lines, error, why", [
    (["@skip /dev/iommu: not here", "@exit 77"], Skip, "/dev/iommu"),
    (["@error 0000:00:01.0: no IOMMU group", "@exit 1"], BadRun, "no IOMMU"),
    (["@ready 3"], BadRun, "another number"),
    (["@ready 2", "@op 1 ret 0 warnings 0"], BadRun, "op 0"),
    (["@ready 2", "@exit 139"], BadRun, "139"),
])
def test_guest_says_no(lines: list[str], error: type[Exception],
                       why: str) -> None:
    guest = Replay(RECORDED[0], lines)
    with pytest.raises(error, match=why):
        qemu_validate.run_scenario(guest, unmap_of(RECORDED[0]), "/s")


class Small(Replay):
    """More commands than the ring holds, page by page."""

    def __init__(self, record: dict[str, Any], nr_traced: int) -> None:
        super().__init__(record, said(record))
        self.ring = cmdq.Ring(0x80000000, 4)
        self.memory = bytearray(self.ring.size_bytes)
        page = ["smmuv3_cmdq_opcode <--- SMMU_CMD_TLBI_NH_VA",
                "smmuv3_s1_range_inval vmid=0 asid=3 addr=0x1000 tg=0 "
                "num_pages=0x1 ttl=0 leaf=1"]
        self.trace = ["of the boot", *(page * nr_traced)]

    def read_words(self, address: int, count: int) -> list[int]:
        if address == qemu_validate.CMDQ_BASE:
            return [0x80000004, 0]
        return [5 if self.is_done() else 1]


def test_overflow() -> None:
    """36 commands through 16 entries: PROD fits, the trace has them."""
    record = RECORDED[0]
    ops = qemu_validate.run_scenario(Small(record, 36), unmap_of(record), "/")
    assert ops[1].sent.commands == {"TLBI_NH_VA": 36}
    assert "36 commands, and the queue holds 16" in ops[1].note
    with pytest.raises(BadRun, match="traced 37"):
        qemu_validate.run_scenario(Small(record, 37), unmap_of(record), "/")


def op(*commands: Command, **more: Any) -> Op:
    return Op(**{"line": "vfio_unmap 0 4K", "ret": 4096, "warnings": 0,
                 "stream": tuple(commands), "sent": Sent.of(commands),
                 **more})


FIRST = Command("TLBI_NH_VA", LEAF, 0x1000)
SECOND = Command("TLBI_NH_VA", LEAF, 0x2000)
END = Command("CMD_SYNC")


@pytest.mark.parametrize("kernel, simulator, differs, in_order", [
    (op(FIRST, END), op(FIRST, END), (), True),
    (op(FIRST, SECOND), op(SECOND, FIRST), (), False),
    (op(FIRST), op(FIRST, ret=0), ("ret",), False),
    (op(FIRST, warnings=2), op(FIRST, warnings=1), (), True),
    (op(FIRST, warnings=1), op(FIRST), ("warned",), False),
    (op(FIRST, END), op(FIRST, END, END), ("sync",), False),
    (op(FIRST), op(FIRST, SECOND), ("commands", "ranges"), False),
    (op(FIRST), op(Command("TLBI_NH_VA", Shape(0, 9, 0, 1, 0), 0x1000)),
     ("ranges",), False),
    (op(FIRST), op(SECOND), ("addresses",), False),
    # A ring that wrapped has no addresses to compare.
    (op(FIRST, SECOND), op(SECOND, sent=Sent.of([FIRST, SECOND])), (), False),
])
def test_verdict(kernel: Op, simulator: Op, differs: tuple[str, ...],
                 in_order: bool) -> None:
    verdict = Verdict.of(kernel, simulator)
    assert (verdict.differs, verdict.is_in_order) == (differs, in_order)


def result(kernel: Op, simulator: Op) -> Result:
    return Result("page", SETUP, [Verdict.of(kernel, simulator)])


def test_table() -> None:
    lines = qemu_validate.table([
        result(op(FIRST, END), op(FIRST, END)),
        result(op(FIRST, END), op(FIRST, END, END)),
        Result("iommufd", SETUP, skipped="no iommufd")])
    assert [re.split("  +", line) for line in lines] == [
        ["scenario", "kernel", "stage", "granule", "RIL", "sent",
         "simulated", "equal"],
        ["page", "7.3.4+deb13-cloud-arm64", "1", "4K", "on",
         "1 TLBI_NH_VA + 1 SYNC", "1 TLBI_NH_VA + 1 SYNC", "yes"],
        ["page", "7.3.4+deb13-cloud-arm64", "1", "4K", "on",
         "1 TLBI_NH_VA + 1 SYNC", "1 TLBI_NH_VA + 2 SYNC", "NO"],
        ["iommufd", "7.3.4+deb13-cloud-arm64", "1", "4K", "on", "-", "-",
         "skipped"]]


def test_summary() -> None:
    assert qemu_validate.summary([
        result(op(FIRST, SECOND), op(FIRST, SECOND)),
        result(op(FIRST, SECOND), op(SECOND, FIRST)),
        result(op(FIRST), op()),
        Result("iommufd", SETUP, skipped="no iommufd"),
    ]) == ("2 of 3 equal, 1 of them in every address and in the same order; "
           "1 skipped")


def test_both_streams() -> None:
    text = "\n".join(qemu_validate.disagreements([
        result(op(FIRST, END), op(FIRST, END)),
        result(op(FIRST, FIRST, FIRST, SECOND, END), op(FIRST, FIRST, FIRST,
                                                        END))]))
    assert "differs in commands, ranges" in text
    assert "op 0 (vfio_unmap 0 4K)" in text and "1 equal before" in text
    rows = [line for line in text.splitlines() if line.startswith("      * ")]
    assert [row.split()[1] for row in rows] == ["TLBI_NH_VA", "CMD_SYNC"]
    assert "0x2000" in rows[0] and rows[0].endswith("  CMD_SYNC")
    assert rows[1].endswith("  -")


def test_long_streams_are_cut() -> None:
    many = [Command("TLBI_NH_VA", LEAF, i << 12) for i in range(100)]
    text = "\n".join(qemu_validate.disagreements([result(op(*many), op())]))
    assert f"and {100 - qemu_validate.STREAM_LINES} more" in text


def test_document() -> None:
    document = qemu_validate.document(
        [result(op(FIRST, END, note="from the trace"), op(FIRST, END)),
         Result("iommufd", SETUP, skipped="no iommufd")], {"qemu": "7.2"})
    assert json.loads(json.dumps(document)) == document
    row = document["rows"][0]
    assert row["ops"][0]["sent"] == {
        "ret": 4096, "warnings": 0, "commands": {"TLBI_NH_VA": 1}, "sync": 1,
        "ranges": [{"num": 0, "scale": 9, "ttl": 3, "tg": 1, "leaf": 1,
                    "count": 1}], "note": "from the trace"}
    assert row["ops"][0]["in_order"] and row["equal"] == "yes"
    assert document["rows"][1]["skipped"] == "no iommufd"


def test_records() -> None:
    """A line a setup, the newest, sorted; skips leave nothing."""
    first = result(op(FIRST, END, note="from the trace"), op())
    other = Result("a", dataclasses.replace(SETUP, ril="off"), [])
    before = qemu_validate.merged_records("", [
        first, other, Result("iommufd", SETUP, skipped="no iommufd")])
    assert [json.loads(line)["scenario"] for line in before.splitlines()] == \
        ["a", "page"]
    record = json.loads(before.splitlines()[1])
    assert record["ops"] == [{
        "line": "vfio_unmap 0 4K", "ret": 4096, "warnings": 0,
        "commands": {"TLBI_NH_VA": 1}, "sync": 1,
        "ranges": [{"num": 0, "scale": 9, "ttl": 3, "tg": 1, "leaf": 1,
                    "count": 1}]}]
    assert (record["kernel"], record["ias"]) == (SETUP.release, 48)
    after = qemu_validate.merged_records(
        before, [result(op(END), op()),
                 Result("page", dataclasses.replace(SETUP, stage=2), [])])
    rows = [json.loads(line) for line in after.splitlines()]
    assert [(r["scenario"], r["stage"]) for r in rows] == [
        ("a", 1), ("page", 1), ("page", 2)]
    assert rows[1]["ops"][0]["commands"] == {}


@pytest.mark.parametrize("line, need", [
    ("vfio_unmap 0 64M", 0),
    ("iommu_map 0 0x40000000 2M", 0),
    ("vfio_map 0x500000000 64M run=4K", 64 << 20),
    ("iommufd_map 0 12K run=8K", 16 << 10),
    ("vfio_map 0 36K run=12K", 48 << 10),  # runs are 16K apart
    ("vfio_map 0 1G run=2G phys=0x40001000", (1 << 30) + 4096),
    ("vfio_map 0 4K run=4K phys=0x140000000", 4096),  # modulo 1G
])
def test_frames(line: str, need: int) -> None:
    assert qemu_validate.frames_needed(line) == need


@pytest.mark.parametrize("line, window", [
    ("vfio_map 0 4K run=4K", 1 << 30), ("vfio_map 0 1G run=1G", 1 << 30),
    ("vfio_map 0 1G run=1G phys=4K", 2 << 30),
    ("vfio_map 0 1T run=1T", qemu_validate.MAX_WINDOW_BYTES)])
def test_window(line: str, window: int) -> None:
    assert qemu_validate.window_bytes([Scenario("s", line)]) == window


@pytest.mark.parametrize("text, size", [
    ("4096", 4096), ("0x1000", 4096), ("4K", 4096), ("2M", 1 << 21),
    ("1G", 1 << 30), ("1T", 1 << 40), ("0xM", None), ("", None)])
def test_size(text: str, size: int | None) -> None:
    if size is None:
        with pytest.raises(BadRun, match="no size"):
            qemu_validate.size_of(text)
    else:
        assert qemu_validate.size_of(text) == size


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped(path: Path) -> None:
    """Each says what it shows, and needs no more than a guest has."""
    scenario = Scenario.load(path)
    assert scenario.text.startswith("# ") and len(scenario.lines) >= 2
    assert qemu_validate.window_bytes([scenario]) == 1 << 30
    words = {line.split("_")[0] for line in scenario.lines}
    assert len(words) == 1


def test_other_number_of_ops() -> None:
    with pytest.raises(BadRun, match="1 ops in the guest, 0 simulated"):
        qemu_validate.compare(Scenario("s", ""), SETUP, [op(FIRST)], [])


def test_options() -> None:
    setup = dataclasses.replace(SETUP, ril="off", stage=2, ias=44, oas=44)
    assert " ".join(setup.options()) == (
        "--driver 7.3 --ril off --stage 2 --granule 4K --ias 44 --oas 44")


@pytest.mark.parametrize("text", ["{", "[]", '{"op": 0}'])
def test_no_output_of_iopt_sim(text: str) -> None:
    with pytest.raises(BadRun, match="no such JSON"):
        qemu_validate.simulated(text)
