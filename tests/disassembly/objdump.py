# SPDX-License-Identifier: GPL-2.0-only
"""arm64 machine code as objdump prints it: functions of instructions.

Reads `objdump -dr --no-show-raw-insn` of an object or an archive. The cold
part that a compiler moved away (f.cold) is a part of its function again.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# Where an instruction is: its section and its offset in it.
Place = tuple[str, int]

OBJECT = re.compile(r"^(\S.*):\s+file format (\S+)$")
SECTION = re.compile(r"^Disassembly of section (.+):$")
LABEL = re.compile(r"^([0-9a-f]+) <(.+)>:$")
CODE = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\s+(.*?))?\s*$")
RELOCATION = re.compile(
    r"^\s+([0-9a-f]+): (R_AARCH64_\w+)\s+(\S+?)(?:([+-]0x[0-9a-f]+))?$")
BRANCH_RELOCATIONS = {"R_AARCH64_CALL26", "R_AARCH64_JUMP26",
                      "R_AARCH64_CONDBR19", "R_AARCH64_TSTBR14"}
COMMENT = re.compile(r"\s*//.*$")
TARGET = re.compile(r"^([0-9a-f]+)(?: <.*>)?$")


@dataclass
class Instruction:
    """One instruction; a branch has a target or a symbol."""

    place: Place
    mnemonic: str
    operands: list[str]
    target: Place | None = None  # a branch within what was read
    symbol: str = ""             # a branch to what another object defines

    @property
    def text(self) -> str:
        """As the assembler writes it."""
        return f"{self.mnemonic} {', '.join(self.operands)}".strip()

    @property
    def is_call(self) -> bool:
        """A call that comes back."""
        return self.mnemonic in ("bl", "blr")

    @property
    def is_jump(self) -> bool:
        """A jump that is always taken."""
        return self.mnemonic in ("b", "br")

    @property
    def is_condition(self) -> bool:
        """A jump that may be taken."""
        return self.mnemonic.startswith("b.") or \
            self.mnemonic in ("cbz", "cbnz", "tbz", "tbnz")


@dataclass
class Function:
    """A function: its instructions in the order of the text."""

    file: str
    name: str
    parts: list[list[Instruction]] = field(default_factory=list)

    @property
    def code(self) -> list[Instruction]:
        """The instructions of all parts."""
        return [ins for part in self.parts for ins in part]

    @property
    def source_name(self) -> str:
        """Its name without what a compiler adds (f.isra.0, f.constprop.1)."""
        return self.name.split(".")[0]

    @property
    def entry(self) -> Place:
        """Where it begins."""
        return self.parts[0][0].place


def split_operands(text: str) -> list[str]:
    """At the commas that are in no bracket."""
    operands, depth = [""], 0
    for char in text:
        depth += (char in "[{") - (char in "]}")
        if char == "," and not depth:
            operands.append("")
        else:
            operands[-1] += char
    return [operand.strip() for operand in operands if operand.strip()]


class Reader:
    """Lines of objdump, one object after the other."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.file = ""
        self.section = ""
        self.relocations: list[tuple[Instruction, str, int]] = []

    def line(self, line: str) -> None:
        """Take one line."""
        if match := OBJECT.match(line):
            if "aarch64" not in match[2]:
                raise ValueError(f"{match[1]}: {match[2]}, not arm64")
            self.end_object()
            self.file = match[1]
        elif match := SECTION.match(line):
            self.section = match[1]
        elif match := LABEL.match(line):
            self.functions.append(Function(self.file, match[2], [[]]))
        elif match := RELOCATION.match(line):
            if match[2] in BRANCH_RELOCATIONS:
                ins = self.functions[-1].parts[0][-1]
                self.relocations.append(
                    (ins, match[3], int(match[4] or "0", 16)))
        elif match := CODE.match(line):
            self.instruction(match)

    def instruction(self, match: re.Match[str]) -> None:
        """Take one line of code."""
        place = (self.section, int(match[1], 16))
        operands = split_operands(COMMENT.sub("", match[3] or ""))
        ins = Instruction(place, match[2], operands)
        if match[2] in ("b", "bl") or ins.is_condition:
            there = TARGET.match(operands[-1])
            if not there:
                raise ValueError(f"{self.file}: no target: {ins.text}")
            ins.target = (self.section, int(there[1], 16))
        self.functions[-1].parts[0].append(ins)

    def end_object(self) -> None:
        """Resolve what goes from section to section; join cold parts."""
        here = [f for f in self.functions if f.file == self.file]
        entries = {f.name: f.entry for f in here if f.parts[0]}
        sections = {place[0] for place in entries.values()}
        for ins, name, offset in self.relocations:
            if name in sections:
                ins.target = (name, offset)
            elif name in entries:
                ins.target = (entries[name][0], entries[name][1] + offset)
            else:
                ins.target, ins.symbol = None, name
        self.relocations = []
        for cold in [f for f in here if f.name.endswith(".cold")]:
            whole = next(f for f in here
                         if f.name == cold.name.removesuffix(".cold"))
            whole.parts += cold.parts
            self.functions.remove(cold)


def parse(text: str) -> list[Function]:
    """The functions of what objdump printed."""
    reader = Reader()
    for line in text.splitlines():
        reader.line(line)
    reader.end_object()
    return [f for f in reader.functions if f.parts[0]]


def disassemble(objdump: str, path: Path) -> list[Function]:
    """The functions of an object or an archive."""
    done = subprocess.run([objdump, "-dr", "--no-show-raw-insn", str(path)],
                          capture_output=True, text=True, check=True,
                          timeout=120)
    return parse(done.stdout)
