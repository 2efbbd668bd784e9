# SPDX-License-Identifier: GPL-2.0-only
"""Barriers, swaps and cache maintenance in arm64 machine code.

Each rule holds for the engines as they are, for CPUs with and without LSE,
and is shown to fail for sources that lack what it asks for.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import barriers
import pytest
from barriers import ORDERED, RELAXED, Engine
from conftest import ENGINE, KINDS, ROOT, Compiler, coherent_offset
from objdump import Function, disassemble

# What writes descriptors; the mutants are of nothing else.
CHANGED = ("lpae.c", "lpae_map.c", "lpae_unmap.c")
AMDV1 = ("amdv1.c", "amdv1_map.c", "amdv1_unmap.c", "amdv1_walk.c")


def findings(engine: Engine) -> dict[str, list[str]]:
    """What each rule finds, of the rules that find something."""
    found = {rule.__name__: list(rule(engine)) for rule in barriers.RULES}
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("kind", KINDS)
def test_engine(any_compiler: Compiler, kind: str) -> None:
    engine = any_compiler.engine(kind)
    assert findings(engine) == {}
    assert list(barriers.swap_kind(engine, RELAXED[kind])) == []


@pytest.mark.parametrize("kind", KINDS)
def test_amdv1(any_compiler: Compiler, kind: str) -> None:
    """Its swaps publish by themselves; x86 has no other."""
    engine = any_compiler.engine(kind, names=AMDV1)
    swaps = [swap for graph in engine.graphs for swap in engine.swaps(graph)]
    assert swaps
    assert list(barriers.swap_kind(engine, ORDERED[kind])) == []


def test_cleaning(any_compiler: Compiler) -> None:
    clean = any_compiler.functions(ROOT, "base", ("barrier.c", "arena.c"),
                                   "outline")
    assert list(barriers.cleaning_is_complete(clean)) == []


def library(request: pytest.FixtureRequest) -> list[Function]:
    """What this build compiled."""
    paths = request.config.getoption("--arm64-library")
    if not paths:
        pytest.skip("this build is not one of arm64 that is timed: what it "
                    "compiled is not looked at")
    objdump = request.config.getoption("--arm64-objdump")
    return [f for path in paths for f in disassemble(objdump, Path(path))]


def test_library(request: pytest.FixtureRequest, compiler: Compiler) -> None:
    """The objects that are linked into iopt-bench, with the build's flags."""
    objects = {f"{name}.o" for name in ENGINE}
    functions = library(request)
    engine = Engine([f for f in functions
                     if any(f.file.endswith(o) for o in objects)],
                    coherent_offset(tuple(compiler.command)))
    assert findings(engine) == {}
    kinds = {kind for graph in engine.graphs
             for _, kind in engine.swaps(graph)}
    assert len(kinds) == 1 and kinds <= set(RELAXED.values())
    assert list(barriers.cleaning_is_complete(functions)) == []


# Rows: name, file, old text (found exactly once), new text, the rule that
# finds it, the kinds of CPU to try.
ALL = tuple(KINDS)
ONE = ("outline",)
MUTANTS = [
    ("no_dsb", "base/barrier.h", '"dsb st"', '""', "map_ends_in_dsb", ALL),
    ("dsb_of_one_domain", "base/barrier.h", '"dsb st"', '"dsb ishst"',
     "map_ends_in_dsb", ONE),
    ("dsb_of_success", "pgtable/lpae_map.c", "\twmb();",
     "\tif (!ret)\n\t\twmb();", "map_ends_in_dsb", ONE),
    ("dsb_of_leaves", "pgtable/lpae_map.c", "\twmb();",
     "\tif (pgcount)\n\t\twmb();", "map_ends_in_dsb", ONE),
    ("dsb_too_early", "pgtable/lpae_map.c",
     "\tret = map_walk(", "\twmb();\n\treturn map_walk(",
     "map_ends_in_dsb", ONE),
    ("dsb_twice", "pgtable/lpae_map.c", "\twmb();", "\twmb();\n\twmb();",
     "no_other_barrier", ONE),
    ("full_barrier", "base/barrier.h", '"dmb oshst"', '"dmb osh"',
     "no_other_barrier", ONE),
    ("dsb_in_unmap", "pgtable/lpae_unmap.c", "\t\tslot[i] = 0;",
     "\t\tslot[i] = 0;\n\twmb();", "no_other_barrier", ONE),
    ("create_without_dsb", "pgtable/lpae.c", "\twmb();", "",
     "create_ends_in_dsb", ONE),
    ("no_release", "pgtable/lpae_table.h", "\tdma_wmb();", "",
     "install_has_barrier", ALL),
    ("release_after_swap", "pgtable/lpae_table.h",
     "\tdma_wmb();\n\told = cmpxchg64_relaxed(slot, curr, desc);",
     "\told = cmpxchg64_relaxed(slot, curr, desc);\n\tdma_wmb();",
     "install_has_barrier", ALL),
    ("write_after_release", "pgtable/lpae_table.h", "\tdma_wmb();",
     "\tdma_wmb();\n\t((volatile u64 *)table)[511] = 0;",
     "install_has_barrier", ALL),
    ("release_of_splits", "pgtable/lpae_table.h", "\tdma_wmb();",
     "\tif (curr)\n\t\tdma_wmb();", "install_has_barrier", ONE),
    ("swap_twice", "pgtable/lpae_table.h",
     "\told = cmpxchg64_relaxed(slot, curr, desc);",
     "\told = cmpxchg64_relaxed(slot, curr, desc);\n\tdma_wmb();\n"
     "\told = cmpxchg64_relaxed(slot, old, desc);",
     "install_is_one_swap", ALL),
    ("swap_until_done", "pgtable/lpae_table.h",
     "\told = cmpxchg64_relaxed(slot, curr, desc);",
     "\tdo {\n\t\tdma_wmb();\n"
     "\t\told = cmpxchg64_relaxed(slot, curr, desc);\n"
     "\t} while (old != curr);",
     "install_is_one_swap", ALL),
    ("store_for_swap", "pgtable/lpae_table.h",
     "\told = cmpxchg64_relaxed(slot, curr, desc);",
     "\told = curr;\n\tWRITE_ONCE(*slot, desc);",
     "install_is_one_swap", ALL),
    ("ordered_swap", "base/barrier.h",
     "#define IOPT_MO_PUBLISH __ATOMIC_RELAXED",
     "#define IOPT_MO_PUBLISH __ATOMIC_ACQ_REL", "swap_kind", ALL),
    ("leaves_always_cleaned", "pgtable/lpae_table.h",
     "\tif (!lpae->pgt.cfg.coherent_walk)\n\t\tlpae_clean(slot, n);",
     "\tlpae_clean(slot, n);", "coherent_cleans_nothing", ALL),
    ("wrong_way_round", "pgtable/lpae_table.h",
     "\tif (!lpae->pgt.cfg.coherent_walk)\n\t\tlpae_clean(slot, n);",
     "\tif (lpae->pgt.cfg.coherent_walk)\n\t\tlpae_clean(slot, n);",
     "coherent_cleans_nothing", ONE),
    ("tables_always_cleaned", "pgtable/lpae_table.h",
     "if (table && !lpae->pgt.cfg.coherent_walk)", "if (table)",
     "coherent_cleans_nothing", ONE),
    ("clear_always_cleaned", "pgtable/lpae_unmap.c",
     "if (!lpae->pgt.cfg.coherent_walk && n)", "if (n)",
     "coherent_cleans_nothing", ONE),
    ("leaves_not_cleaned", "pgtable/lpae_table.h",
     "\tif (!lpae->pgt.cfg.coherent_walk)\n\t\tlpae_clean(slot, n);", "",
     "incoherent_is_cleaned", ALL),
    ("tables_not_cleaned", "pgtable/lpae_table.h",
     "\tif (table && !lpae->pgt.cfg.coherent_walk)\n"
     "\t\tcache_clean(table, bytes);", "",
     "incoherent_is_cleaned", ALL),
    ("entry_not_cleaned", "pgtable/lpae_table.h",
     "\tlpae_clean(slot, 1);\n\tif (old == curr)", "\tif (old == curr)",
     "incoherent_is_cleaned", ALL),
    ("clear_not_cleaned", "pgtable/lpae_unmap.c",
     "\tif (!lpae->pgt.cfg.coherent_walk && n)\n\t\tlpae_clean(slot, n);",
     "", "incoherent_is_cleaned", ONE),
    ("clean_not_awaited", "base/barrier.c", '"dsb sy"', '""',
     "cleaning_is_complete", ONE),
    ("clean_to_unification", "base/barrier.c", '"dc cvac, %0"',
     '"dc cvau, %0"', "cleaning_is_complete", ONE),
    ("clean_of_nothing", "base/barrier.c", '"dc cvac, %0"', '"" ',
     "cleaning_is_complete", ONE),
]


def mutate(root: Path, file: str, old: str, new: str) -> None:
    """A copy of the sources below @root with one fault."""
    for folder in ("base", "inval", "pgtable"):
        shutil.copytree(ROOT / "src" / folder, root / "src" / folder)
    path = root / "src" / file
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{file} has {text.count(old)} of {old!r}"
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    "file,old,new,rule,kind",
    [pytest.param(*row[1:5], kind, id=f"{row[0]}-{kind}")
     for row in MUTANTS for kind in row[5]])
def test_mutant(compiler: Compiler, tmp_path: Path, file: str, old: str,
                new: str, rule: str, kind: str) -> None:
    """Code that does not do it is found out, by the rule that asks for it."""
    mutate(tmp_path, file, old, new)
    if rule == "cleaning_is_complete":
        assert list(barriers.cleaning_is_complete(
            compiler.functions(tmp_path, "base", ("barrier.c",), kind)))
        return
    engine = compiler.engine(kind, tmp_path, CHANGED)
    if rule == "swap_kind":
        assert list(barriers.swap_kind(engine, RELAXED[kind]))
    else:
        assert rule in findings(engine)
