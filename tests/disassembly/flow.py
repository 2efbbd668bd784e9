# SPDX-License-Identifier: GPL-2.0-only
"""Which instruction can follow which, and what can be reached from where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from objdump import Function, Instruction, Place

NO_RETURN = {"abort", "__assert_fail", "__stack_chk_fail"}

# What a register or the flags hold, where it is known. The flags are the
# difference of what was compared; nothing here needs their sign.
State = dict[str, int]
Edges = dict[Place, list[Place]]
Test = Callable[[Instruction], bool]

REGISTER = re.compile(r"\b[wx](\d+|zr)\b")
SETS_FLAGS = re.compile(r"f?cc?m[pn]e?|tst")
FLAGS = "flags"


def register(operand: str) -> str:
    """One name for w3 and x3."""
    return "r" + operand[1:]


class Graph:
    """The control flow of a function."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.code = {ins.place: ins for ins in function.code}
        self.entry = function.entry
        self.edges: Edges = {}
        for part in function.parts:
            for at, ins in enumerate(part):
                then = part[at + 1].place if at + 1 < len(part) else None
                self.edges[ins.place] = self.successors(ins, then)
        self.exclusive = self.drop_retries()
        self.all_reached()

    def successors(self, ins: Instruction, then: Place | None) -> list[Place]:
        """What may be executed after an instruction."""
        places = []
        if ins.is_condition and ins.target not in self.code:
            raise ValueError(f"{self.function.name}: {ins.place[1]:#x} "
                             f"{ins.text} leaves the function")
        if (ins.is_jump or ins.is_condition) and ins.target in self.code:
            places.append(ins.target)
        falls = not ins.is_jump and ins.mnemonic not in ("ret", "udf", "brk")
        if falls and then and ins.symbol not in NO_RETURN:
            places.append(then)
        return places

    def exits(self) -> list[Instruction]:
        """Returns, and jumps out of the function, which return for it."""
        return [ins for ins in self.code.values()
                if ins.mnemonic == "ret" or self.leaves(ins)]

    def leaves(self, ins: Instruction) -> bool:
        """Is it a jump out of the function?"""
        return ins.mnemonic == "br" or \
            ins.mnemonic == "b" and ins.target not in self.code

    def loads_exclusive(self, store: Instruction,
                        branch: Instruction) -> Instruction | None:
        """The load of the loop that a store-exclusive ends."""
        if branch.mnemonic != "cbnz" or branch.target not in self.code or \
                register(branch.operands[0]) != register(store.operands[0]):
            return None
        section, first = branch.target
        for offset in range(first, store.place[1], 4):
            ins = self.code.get((section, offset))
            if ins and ins.mnemonic in ("ldxr", "ldaxr"):
                return ins
        return None

    def drop_retries(self) -> dict[Place, Instruction]:
        """A load- and store-exclusive loop counts as executed once.

        Gives the load of each such store.
        """
        loads = {}
        for ins in self.code.values():
            then = self.edges[ins.place]
            if ins.mnemonic not in ("stxr", "stlxr") or not then:
                continue
            branch = self.code[then[0]]
            load = self.loads_exclusive(ins, branch)
            if load:
                loads[ins.place] = load
                self.edges[branch.place] = [
                    place for place in self.edges[branch.place]
                    if place != branch.target]
        return loads

    def all_reached(self) -> None:
        """Refuse code whose jumps were not understood."""
        reached = self.reach([self.entry])
        for ins in self.code.values():
            if ins.place not in reached and ins.mnemonic not in ("nop", "udf"):
                raise ValueError(f"{self.function.name}: nothing leads to "
                                 f"{ins.place[1]:#x} {ins.text}")

    def reach(self, start: Iterable[Place], avoid: Test | None = None,
              edges: Edges | None = None) -> set[Place]:
        """What can be executed from @start on, not past what @avoid names."""
        edges = self.edges if edges is None else edges
        reached: set[Place] = set()
        todo = list(start)
        while todo:
            place = todo.pop()
            if place in reached or avoid and avoid(self.code[place]):
                continue
            reached.add(place)
            todo += edges[place]
        return reached

    def after(self, ins: Instruction, avoid: Test | None = None,
              edges: Edges | None = None) -> list[Instruction]:
        """What can be executed after an instruction."""
        edges = self.edges if edges is None else edges
        return [self.code[place] for place
                in sorted(self.reach(edges[ins.place], avoid, edges))]

    def edges_when(self, is_flag: Test, value: int) -> Edges:
        """The edges that can be taken when each load of a flag gives @value."""
        states: dict[Place, State] = {self.entry: {}}
        edges: Edges = {place: [] for place in self.edges}
        todo = [self.entry]
        while todo:
            place = todo.pop()
            ins, state = self.code[place], dict(states[place])
            edges[place] = taken(ins, state, self.edges[place])
            execute(ins, state, value if is_flag(ins) else None)
            for then in edges[place]:
                before = states.get(then)
                merged = state if before is None else \
                    {k: v for k, v in before.items() if state.get(k) == v}
                if merged != before:
                    states[then] = merged
                    todo.append(then)
        return edges


def immediate(operand: str) -> int | None:
    """The value of #0x3."""
    return int(operand[1:], 0) if operand.startswith("#") else None


def value_of(operand: str, state: State) -> int | None:
    """What an operand holds, where that is known."""
    if operand in ("wzr", "xzr"):
        return 0
    number = immediate(operand)
    return number if number is not None else state.get(register(operand))


def taken(ins: Instruction, state: State, places: list[Place]) -> list[Place]:
    """Which of its successors an instruction has in a state."""
    if not ins.is_condition or len(places) != 2:
        return places
    if ins.mnemonic in ("b.eq", "b.ne"):
        value = state.get(FLAGS)
    else:
        value = value_of(ins.operands[0], state)
    if value is None:
        return places
    if ins.mnemonic in ("tbz", "tbnz"):
        value = value >> (immediate(ins.operands[1]) or 0) & 1
    if ins.mnemonic in ("b.eq", "cbz", "tbz"):
        return [places[0] if not value else places[1]]
    if ins.mnemonic in ("b.ne", "cbnz", "tbnz"):
        return [places[0] if value else places[1]]
    return places


def computed(ins: Instruction, state: State) -> int | None:
    """What the few instructions give that compilers put on a flag."""
    values = [value_of(operand, state) for operand in ins.operands[1:3]]
    if None in values or not values or len(ins.operands) > 3:
        return None
    known = [value for value in values if value is not None]
    if ins.mnemonic in ("mov", "uxtb") and len(known) == 1:
        return known[0]
    if len(known) != 2:
        return None
    first, second = known
    return {"and": first & second, "orr": first | second,
            "eor": first ^ second}.get(ins.mnemonic)


def execute(ins: Instruction, state: State, loaded: int | None) -> None:
    """Change a state as an instruction does; what is not known is lost."""
    if ins.mnemonic in ("cmp", "tst") and len(ins.operands) == 2:
        first, second = (value_of(operand, state) for operand in ins.operands)
        state.pop(FLAGS, None)
        if first is not None and second is not None:
            state[FLAGS] = first - second if ins.mnemonic == "cmp" \
                else first & second
        return
    if ins.is_condition or ins.is_jump or ins.mnemonic in ("nop", "dmb", "dsb"):
        return
    if ins.is_call:
        kept = {f"r{n}" for n in range(19, 29)}
        for name in [name for name in state if name not in kept]:
            del state[name]
        return
    value = computed(ins, state)
    # All that it names may be written, and the flags.
    for match in REGISTER.finditer(ins.text):
        if not is_plain_store(ins):
            state.pop(register(match[0]), None)
    if ins.mnemonic.endswith("s") or SETS_FLAGS.match(ins.mnemonic):
        state.pop(FLAGS, None)
    if loaded is not None:
        value = loaded
    if value is not None and ins.operands:
        state[register(ins.operands[0])] = value


def is_plain_store(ins: Instruction) -> bool:
    """A store that changes no register."""
    return ins.mnemonic in ("str", "strb", "strh", "stp", "stur") and \
        len(ins.operands) > 1 and ins.operands[-1].endswith("]")
