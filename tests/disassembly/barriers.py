# SPDX-License-Identifier: GPL-2.0-only
"""What the engines' machine code must do, as the kernel's does on arm64.

map_pages ends in wmb() (DSB ST); a table is published by dma_wmb() (DMB
OSHST) and one relaxed compare-and-swap; caches are cleaned (DC CVAC, then DSB
SY) for a walker that does not snoop and for no other.

Each rule is a question about paths: can this be reached from there without
that. A function of the engine that another one calls counts there as what it
does. Source: drivers/iommu/io-pgtable-arm.c of Linux 6.1, 6.12 and 7.3,
arch/arm64/include/asm/barrier.h and arch/arm64/mm/cache.S.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from flow import Edges, Graph, Test
from objdump import Function, Instruction

WMB = "dsb st"
DMA_WMB = "dmb oshst"
CLEANED = "dsb sy"
ALLOC = "arena_alloc"
CLEAN = "cache_clean"
ERROR = "iopt_err_set"
MAPS = ("lpae_map_pages_each", "lpae_map_pages_run")
CREATE = "lpae_create"
# What may be called behind the last descriptor: it counts a warning.
QUIET = ("lpae_warn", "amdv1_warn")

# How a relaxed and an ordered compare-and-swap are written for a CPU.
RELAXED = {"lse": "cas", "llsc": "ldxr/stxr", "outline": "__aarch64_cas8_relax"}
ORDERED = {"lse": "casal", "llsc": "ldaxr/stlxr",
           "outline": "__aarch64_cas8_acq_rel"}

LSE_CAS = re.compile(r"cas(a|l|al)?(b|h)?$|casp")
LSE_WRITE = re.compile(r"cas|swp|ldadd|ldclr|ldset|ldeor|ld[su](max|min)")
OUTLINE_CAS = re.compile(r"__aarch64_cas\d+_")
ON_STACK = re.compile(r"\[(sp|x29)\b")


def writes_memory(ins: Instruction) -> bool:
    """Does an instruction write memory that is not on the stack?"""
    if LSE_WRITE.match(ins.mnemonic):
        return True
    place = next((op for op in ins.operands if op.startswith("[")), "")
    return ins.mnemonic.startswith("st") and not ON_STACK.match(place)


def reads(text: str) -> Test:
    """A test for an instruction as it is written."""
    return lambda ins: ins.text == text


class Engine:
    """The functions of an engine, and what each of them does."""

    def __init__(self, functions: list[Function], coherent_offset: int) -> None:
        self.graphs = [Graph(f) for f in functions]
        self.coherent = re.compile(
            rf"ldrb w\d+, \[x\d+, #{coherent_offset}\]$")
        self.local = {(g.function.file, g.entry): g for g in self.graphs}
        self.named = {g.function.name: g for g in self.graphs}

    def graph(self, name: str) -> Graph:
        """A function that must be there."""
        if name not in self.named:
            raise LookupError(f"no function {name} in the objects")
        return self.named[name]

    def callee(self, ins: Instruction, caller: Graph) -> Graph | None:
        """The function of the engine that an instruction calls."""
        if not ins.is_call and not caller.leaves(ins):
            return None
        if ins.symbol:
            return self.named.get(ins.symbol)
        if ins.target:
            return self.local.get((caller.function.file, ins.target))
        return None

    def calls(self, name: str, graph: Graph) -> Test:
        """A test for calls of a function, through inline helpers or not."""
        def test(ins: Instruction) -> bool:
            if ins.symbol == name:
                return True
            inner = self.callee(ins, graph)
            return inner is not None and inner is not graph and \
                not list(self.swaps(inner)) and \
                any(i.symbol == name for i in inner.code.values())
        return test

    def cleans(self, graph: Graph) -> Test:
        """A test for cleaning the cache."""
        called = self.calls(CLEAN, graph)
        return lambda ins: ins.mnemonic == "dc" or called(ins)

    def stores(self, graph: Graph) -> Test:
        """A test for what may write a descriptor: stores and most calls."""
        def test(ins: Instruction) -> bool:
            if writes_memory(ins):
                return True
            if not ins.is_call and not graph.leaves(ins):
                return False
            inner = self.callee(ins, graph)
            if inner is None:
                return True
            return inner.function.source_name not in QUIET and any(
                writes_memory(i) or i.is_call or inner.leaves(i)
                for i in inner.code.values())
        return test

    def edges(self, graph: Graph, is_coherent: bool) -> Edges:
        """What can be taken when walkers snoop, or when they do not."""
        return graph.edges_when(
            lambda ins: bool(self.coherent.match(ins.text)), int(is_coherent))

    @staticmethod
    def is_swap_loop(graph: Graph, store: Instruction) -> bool:
        """A store-exclusive that a comparison may skip: no plain addition."""
        load = graph.exclusive.get(store.place)
        return load is None or any(
            graph.code[(load.place[0], at)].is_condition
            for at in range(load.place[1], store.place[1], 4))

    def swaps(self, graph: Graph) -> Iterator[tuple[Instruction, str]]:
        """Each compare-and-swap of a function, with how it is written."""
        for ins in graph.code.values():
            if LSE_CAS.match(ins.mnemonic):
                yield ins, ins.mnemonic
            elif OUTLINE_CAS.match(ins.symbol):
                yield ins, ins.symbol
            elif ins.mnemonic in ("stxr", "stlxr") and \
                    self.is_swap_loop(graph, ins):
                load = graph.exclusive.get(ins.place)
                yield ins, (f"{load.mnemonic}/{ins.mnemonic}" if load
                            else f"{ins.mnemonic} in no loop")

    def installs(self, graph: Graph) -> list[Instruction]:
        """Its compare-and-swaps, and calls of what swaps what it is given."""
        found = [ins for ins, _ in self.swaps(graph)]
        for ins in graph.code.values():
            inner = self.callee(ins, graph)
            if inner and inner is not graph and self.swaps_given(inner):
                found.append(ins)
        return found

    def swaps_given(self, graph: Graph) -> bool:
        """Can a function swap before it has allocated anything?"""
        ahead = graph.reach([graph.entry], self.calls(ALLOC, graph))
        return any(ins.place in ahead for ins, _ in self.swaps(graph))


Found = Iterator[str]
Rule = Callable[[Engine], Found]


def at(graph: Graph, ins: Instruction, what: str) -> str:
    """A finding, with where it is."""
    offset = ins.place[1] - graph.entry[1]
    return f"{graph.function.name}+{offset:#x} ({ins.text}): {what}"


def tests_all(starts: Iterable[Instruction], graph: Graph, avoid: Test,
              wanted: Callable[[Instruction], bool],
              edges: Edges | None = None
              ) -> Iterator[tuple[Instruction, Instruction]]:
    """Each start with the first that it reaches of what is @wanted."""
    for start in starts:
        for ins in graph.after(start, avoid, edges):
            if wanted(ins):
                yield start, ins
                break


def map_ends_in_dsb(engine: Engine) -> Found:
    """No return behind a descriptor store but through DSB ST."""
    for name in MAPS:
        graph = engine.graph(name)
        stores = filter(engine.stores(graph), graph.code.values())
        ends = graph.exits()
        for ins, end in tests_all(stores, graph, reads(WMB),
                                  lambda i: i in ends):
            yield at(graph, ins, f"returns at {end.place[1]:#x} with no {WMB}")
        if not any(map(reads(WMB), graph.code.values())):
            yield f"{name}: no {WMB}"


def create_ends_in_dsb(engine: Engine) -> Found:
    """A new table is not handed out but through DSB ST."""
    graph = engine.graph(CREATE)
    allocs = list(filter(engine.calls(ALLOC, graph), graph.code.values()))
    ends = graph.exits()
    if not allocs:
        yield f"{CREATE}: allocates nothing"
    for ins, end in tests_all(
            allocs, graph, lambda i: i.text == WMB or i.symbol == ERROR,
            lambda i: i in ends):
        yield at(graph, ins, f"returns at {end.place[1]:#x} with no {WMB}")


def no_other_barrier(engine: Engine) -> Found:
    """What the kernel does not wait for is not waited for here."""
    for graph in engine.graphs:
        ends = graph.function.name in (*MAPS, CREATE)
        for ins in graph.code.values():
            if ins.mnemonic == "dmb" and ins.text != DMA_WMB:
                yield at(graph, ins, "no barrier of the kernel's")
            if ins.mnemonic != "dsb":
                continue
            if not ends or ins.text != WMB:
                yield at(graph, ins, "no barrier of the kernel's")
            elif any(i.mnemonic == "dsb" for i in graph.after(ins)):
                yield at(graph, ins, "a second one follows")


def install_has_barrier(engine: Engine) -> Found:
    """Nothing is written between DMB OSHST and the compare-and-swap."""
    for graph in engine.graphs:
        swaps = [ins for ins, _ in engine.swaps(graph)]
        ahead = graph.reach([graph.entry], reads(DMA_WMB))
        for ins in swaps:
            if ins.place in ahead:
                yield at(graph, ins, f"no {DMA_WMB} before it")
        stores = filter(engine.stores(graph), graph.code.values())
        for ins, swap in tests_all(stores, graph, reads(DMA_WMB),
                                   lambda i: i in swaps):
            yield at(graph, ins, "may be seen after the swap at "
                     f"{swap.place[1]:#x}: no {DMA_WMB} between them")


def install_is_one_swap(engine: Engine) -> Found:
    """A table that was allocated is offered once, and by a swap."""
    for graph in engine.graphs:
        alloc = engine.calls(ALLOC, graph)
        installs = engine.installs(graph)
        for ins, again in tests_all(installs, graph, alloc,
                                    lambda i: i in installs):
            yield at(graph, ins, f"swaps again at {again.place[1]:#x}")
        if graph.function.name == CREATE:
            continue
        for ins in filter(alloc, graph.code.values()):
            behind = graph.after(ins)
            if not any(i in installs for i in behind) and \
                    any(map(engine.stores(graph), behind)):
                yield at(graph, ins, "no swap installs it")
    for name in MAPS:
        if not engine.installs(engine.graph(name)):
            yield f"{name}: no compare-and-swap"


def swap_kind(engine: Engine, wanted: str) -> Found:
    """Each compare-and-swap is written as it is wanted."""
    for graph in engine.graphs:
        for ins, kind in engine.swaps(graph):
            if kind != wanted:
                yield at(graph, ins, f"{kind}, not {wanted}")


def coherent_cleans_nothing(engine: Engine) -> Found:
    """A walker that snoops costs no cache maintenance."""
    for graph in engine.graphs:
        edges = engine.edges(graph, True)
        for place in sorted(graph.reach([graph.entry], edges=edges)):
            ins = graph.code[place]
            if ins.mnemonic == "dc" or ins.symbol == CLEAN:
                yield at(graph, ins, "cleans for a coherent walker")


def leaf_stores(engine: Engine, graph: Graph, edges: Edges
                ) -> Iterator[Instruction]:
    """Stores of a loop that calls nothing: it fills or clears descriptors."""
    def leaves_loop(ins: Instruction) -> bool:
        return ins.is_call or ins.mnemonic == "dc"
    for ins in graph.code.values():
        if writes_memory(ins) and ins in graph.after(ins, leaves_loop, edges):
            yield ins


def incoherent_is_cleaned(engine: Engine) -> Found:
    """Tables before they are installed, entries and leaves once written."""
    for graph in engine.graphs:
        edges = engine.edges(graph, False)
        cleans, ends = engine.cleans(graph), graph.exits()
        installs = engine.installs(graph)
        alloc = engine.calls(ALLOC, graph)
        allocs = list(filter(alloc, graph.code.values()))
        installed = [*installs, *filter(reads(WMB), graph.code.values())] \
            if graph.function.name == CREATE else installs
        for ins, swap in tests_all(allocs, graph, cleans,
                                   lambda i: i in installed, edges):
            yield at(graph, ins, f"not clean when installed at "
                     f"{swap.place[1]:#x}")
        for swap in installs:
            if not any(map(cleans, graph.after(swap, alloc, edges))):
                yield at(graph, swap, "the entry is not cleaned")
        for ins, end in tests_all(leaf_stores(engine, graph, edges), graph,
                                  cleans, lambda i: i in ends, edges):
            yield at(graph, ins, f"not clean on return at {end.place[1]:#x}")


def cleaning_is_complete(functions: list[Function]) -> Found:
    """DC CVAC stands in cache_clean() alone, and DSB SY behind it."""
    graphs = [Graph(f) for f in functions]
    clean = [g for g in graphs if g.function.name == CLEAN]
    if len(clean) != 1:
        yield f"{len(clean)} functions {CLEAN}"
    for graph in graphs:
        lines = [i for i in graph.code.values() if i.mnemonic == "dc"]
        if graph in clean and not lines:
            yield f"{CLEAN}: no dc cvac"
        for ins in lines:
            if graph not in clean:
                yield at(graph, ins, f"outside of {CLEAN}")
            elif ins.operands[0] != "cvac":
                yield at(graph, ins, "not dc cvac")
        ends = graph.exits()
        for ins, end in tests_all(lines, graph, reads(CLEANED),
                                  lambda i: i in ends):
            yield at(graph, ins,
                     f"returns at {end.place[1]:#x} with no {CLEANED}")


RULES: tuple[Rule, ...] = (
    map_ends_in_dsb, create_ends_in_dsb, no_other_barrier,
    install_has_barrier, install_is_one_swap, coherent_cleans_nothing,
    incoherent_is_cleaned,
)
