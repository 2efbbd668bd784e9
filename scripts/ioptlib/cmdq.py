# SPDX-License-Identifier: GPL-2.0-only
"""The command queue of an SMMUv3: decode it from memory, from QEMU's trace,
and from what iopt-sim prints, all into the same commands.

Source: Arm SMMU architecture specification, IHI 0070, 4.1 to 4.7 (commands),
6.3.26 to 6.3.28 (CMDQ_BASE, CMDQ_PROD, CMDQ_CONS).
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

COMMAND_BYTES = 16
SYNC = "CMD_SYNC"

_NAMES = {
    0x01: "PREFETCH_CFG", 0x02: "PREFETCH_ADDR", 0x03: "CFGI_STE",
    0x04: "CFGI_ALL", 0x05: "CFGI_CD", 0x06: "CFGI_CD_ALL",
    0x10: "TLBI_NH_ALL", 0x11: "TLBI_NH_ASID", 0x12: "TLBI_NH_VA",
    0x13: "TLBI_NH_VAA", 0x20: "TLBI_EL2_ALL", 0x21: "TLBI_EL2_ASID",
    0x22: "TLBI_EL2_VA", 0x23: "TLBI_EL2_VAA", 0x28: "TLBI_S12_VMALL",
    0x2a: "TLBI_S2_IPA", 0x30: "TLBI_NSNH_ALL", 0x40: "ATC_INV",
    0x41: "PRI_RESP", 0x44: "RESUME", 0x46: SYNC,
}
_RANGED = {0x12, 0x13, 0x22, 0x23, 0x2a}

# QEMU's words for those that it names otherwise.
_QEMU_NAMES = {"SYNC": SYNC, "PREFETCH_CONFIG": "PREFETCH_CFG",
               "CFGI_STE_RANGE": "CFGI_ALL"}


class BadQueue(Exception):
    """A queue or a trace that cannot be read."""


@dataclass(frozen=True, order=True)
class Shape:
    """The fields of a command for an address; num is the field itself."""

    num: int
    scale: int
    ttl: int
    tg: int
    leaf: int

    @property
    def nr_pages(self) -> int:
        """Pages that it covers; one without a range."""
        return (self.num + 1) << self.scale if self.tg else 1


@dataclass(frozen=True)
class Command:
    """A command as far as streams are compared: no ASID, VMID, signalling."""

    name: str
    shape: Shape | None = None
    address: int = 0

    def __str__(self) -> str:
        if not self.shape:
            return self.name
        text = f"{self.name} {self.address:#x} leaf={self.shape.leaf}"
        if self.shape.tg:
            text += (f" num={self.shape.num} scale={self.shape.scale} "
                     f"ttl={self.shape.ttl} tg={self.shape.tg}")
        return text


@dataclass(frozen=True)
class Traced:
    """A command as QEMU traced it; ranges as (address, pages, ttl, leaf)."""

    name: str
    range: tuple[int, int, int, int] | None = None

    def fits(self, command: Command) -> bool:
        """Whether it can be that command of the queue."""
        if self.name != command.name:
            return False
        if self.range is None or command.shape is None:
            return True
        shape = command.shape
        return self.range == (command.address, shape.nr_pages, shape.ttl,
                              shape.leaf)


def decode(raw: bytes) -> Command:
    """One entry of the queue."""
    low, high = struct.unpack("<QQ", raw)
    op = low & 0xff
    name = _NAMES.get(op, f"opcode {op:#x}")
    if op not in _RANGED:
        return Command(name)
    shape = Shape(num=low >> 12 & 0x1f, scale=low >> 20 & 0x1f,
                  ttl=high >> 8 & 3, tg=high >> 10 & 3, leaf=high & 1)
    return Command(name, shape, high & ~0xfff)


@dataclass(frozen=True)
class Ring:
    """Where the queue is: CMDQ_BASE read as two words."""

    address: int
    lg2_entries: int

    @classmethod
    def of(cls, low: int, high: int) -> Ring:
        """From the register's value."""
        base = high << 32 | low
        lg2_entries = base & 0x1f
        # The address is aligned to the queue's size, of 32 bytes at least.
        lg2_size = max(5, lg2_entries + 4)
        mask = (1 << 52) - (1 << lg2_size)
        if not lg2_entries or lg2_entries > 19:
            raise BadQueue(f"CMDQ_BASE {base:#x}: no queue of "
                           f"2^{lg2_entries} entries")
        return cls(base & mask, lg2_entries)

    @property
    def nr_entries(self) -> int:
        """Entries that it has."""
        return 1 << self.lg2_entries

    @property
    def size_bytes(self) -> int:
        """Its memory."""
        return self.nr_entries * COMMAND_BYTES

    def nr_between(self, before: int, after: int) -> int:
        """Commands between two values of CMDQ_PROD, index with wrap bit."""
        return (after - before) % (2 * self.nr_entries)

    def commands(self, memory: bytes, before: int, after: int) -> \
            list[Command]:
        """What was put in between two values of CMDQ_PROD, the oldest first.

        Raises BadQueue when it is more than the ring holds.
        """
        if len(memory) != self.size_bytes:
            raise BadQueue(f"{len(memory)} bytes for a queue of "
                           f"{self.size_bytes}")
        count = self.nr_between(before, after)
        if count > self.nr_entries:
            raise BadQueue(f"{count} commands since, and the queue holds "
                           f"{self.nr_entries}")
        places = ((before + i) % self.nr_entries * COMMAND_BYTES
                  for i in range(count))
        return [decode(memory[at:at + COMMAND_BYTES]) for at in places]


_OPCODE = re.compile(r"smmuv3_cmdq_opcode <--- SMMU_CMD_(\w+)$")
_RANGE = re.compile(
    r"smmuv3_(?:s1_)?range_inval .*addr=(0x[0-9a-f]+) tg=(\d+) "
    r"num_pages=(0x[0-9a-f]+) ttl=(\d+) leaf=(\d+)")


def traced(lines: Iterable[str]) -> list[Traced]:
    """Commands of the trace events smmuv3_cmdq_opcode and *range_inval.

    QEMU cuts a range into aligned powers of two: they are one command.
    """
    commands: list[Traced] = []
    for line in lines:
        found = _OPCODE.search(line)
        if found:
            name = _QEMU_NAMES.get(found[1], found[1])
            commands.append(Traced(name))
            continue
        found = _RANGE.search(line)
        if not found:
            continue
        if not commands:
            raise BadQueue(f"a range without a command: {line!r}")
        last = commands[-1]
        pages, ttl = int(found[3], 16), int(found[4])
        here = (int(found[1], 16), pages, ttl, int(found[5]))
        if last.range:
            here = (last.range[0], last.range[1] + pages, *here[2:])
        commands[-1] = Traced(last.name, here)
    return commands


def check_traced(commands: Sequence[Command],
                 trace: Sequence[Traced]) -> str:
    """Whether queue and trace tell the same story: "" or what differs."""
    for i, (command, event) in enumerate(zip(commands, trace)):
        if not event.fits(command):
            return (f"command {i} of the queue is {command}, of QEMU's trace "
                    f"{event.name} {event.range or ''}".rstrip())
    if len(commands) != len(trace):
        return (f"the queue has {len(commands)} commands, QEMU's trace "
                f"{len(trace)}")
    return ""


def from_trace(trace: Sequence[Traced]) -> list[Command]:
    """Commands of a stream that the ring was too small for.

    Possible where no range was sent, since a trace has no NUM and SCALE.
    """
    commands = []
    for event in trace:
        shape = None
        address = 0
        if event.range:
            address, pages, ttl, leaf = event.range
            if pages != 1 or ttl:
                raise BadQueue("a range among more commands than the queue "
                               "holds: its fields are not in the trace")
            shape = Shape(0, 0, 0, 0, leaf)
        commands.append(Command(event.name, shape, address))
    return commands


_DUMPED = re.compile(
    r"^(\w+)(?: asid=\d+)?(?: vmid=\d+)?(?: (?:va|ipa) (0x[0-9a-f]+)"
    r"(?: \+\w+)?(?: num=(\d+) scale=(\d+) ttl=(\d+) tg=(\d+))? leaf=(\d))?")


def dumped(lines: Iterable[str]) -> list[Command]:
    """Commands as iopt-sim --dump-queue prints them."""
    commands = []
    for line in lines:
        found = _DUMPED.match(line)
        if not found:
            raise BadQueue(f"no command of iopt-sim: {line!r}")
        shape = None
        if found[2]:
            num, scale, ttl, tg, leaf = (int(found[i] or 0)
                                         for i in range(3, 8))
            shape = Shape(num, scale, ttl, tg, leaf)
        commands.append(Command(found[1], shape, int(found[2] or "0", 16)))
    return commands


@dataclass(frozen=True)
class Sent:
    """What one op sent, as it is compared."""

    commands: dict[str, int]
    sync: int
    ranges: dict[Shape, int]

    @classmethod
    def of(cls, commands: Iterable[Command]) -> Sent:
        """Counted; whole-context commands have no range."""
        names: Counter[str] = Counter()
        shapes: Counter[Shape] = Counter()
        for command in commands:
            names[command.name] += 1
            if command.shape:
                shapes[command.shape] += 1
        sync = names.pop(SYNC, 0)
        return cls(dict(names), sync, dict(shapes))

    def __str__(self) -> str:
        parts = [f"{count} {name}" for name, count in
                 sorted(self.commands.items())]
        if self.sync:
            parts.append(f"{self.sync} SYNC")
        return " + ".join(parts) or "-"
