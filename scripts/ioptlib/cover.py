# SPDX-License-Identifier: GPL-2.0-only
"""A comparison as text for a cover letter: at most 72 columns, ASCII, no
colour; the facts first, then what got worse."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import names, summary, verdict
from .comparison import (FILES, NULL_FAMILY, PAIRED, ROUNDS, Comparison,
                         Counter, Line)
from .console import printable
from .paired import NEW, OLD

WIDTH = 72
ENTRY_BYTES = 8

# The calls that the families stand for.
CALLS = {
    "map": "iommu_map()", "unmap": "iommu_unmap()",
    "unmap_partial": "iommu_unmap() of a part of a block",
    "iova_to_phys": "iommu_iova_to_phys()",
    "destroy": "free_io_pgtable_ops()",
    "dma": "dma_map_page() and dma_unmap_page()",
    "tlbi": "one invalidation into the queue",
    "replay": "replayed traces", "limit": "plain stores",
    "teardown": "teardown of a VM", "contention": "contention",
    "aftermath": "after the split",
}

# The operation of the family limit that nothing can be faster than.
CEILINGS = {"map": "fill", "unmap": "clear"}

# Always told, in this order: a counter, what it is called here.
ALWAYS = (("pte_writes", "pte_writes"), ("tlbi", "tlbi"),
          ("cmd_syncs", "sync"), ("tables_alloc", "tables"))

# Counters that say again, in detail, what those say: told when they are worse,
# or when nothing else tells the sides apart.
DETAILS = ("tlbi", "nr_ranges", "range_", "doorbells", "syncs", "inval_")


def plain(text: object) -> str:
    """Printable ASCII on one line: what else there is becomes a ?."""
    return "".join(c if c.isascii() else "?" for c in printable(text))


class _Wrapper(textwrap.TextWrapper):
    """Breaks lines at blanks, and long names behind a slash."""

    wordsep_simple_re = re.compile(r"(\s+)|(?<=/)")


def wrap(text: str, indent: str = "  ") -> list[str]:
    """A paragraph in lines that fit."""
    return _Wrapper(WIDTH, subsequent_indent=indent, break_long_words=True,
                    break_on_hyphens=False).wrap(plain(text))


def wrapped(texts: Iterable[str]) -> list[str]:
    """Several of them, each on lines of its own."""
    return [part for text in texts for part in wrap(text)]


def lg2(size: str) -> str:
    """A size as the list writes it: 2^12; as it is when it is none."""
    value = names.size_bytes(size)
    if value is None or value & (value - 1) or not value:
        return size
    return f"2^{value.bit_length() - 1}"


def times(count: str, size: str, granule: str) -> str:
    """So many of a size: 2^12, 256*2^12; a full table is its entries."""
    if count == "full":
        value = names.size_bytes(granule)
        count = str(value // ENTRY_BYTES) if value else count
    return lg2(size) if count in ("1", "") else f"{count}*{lg2(size)}"


def work(case: names.Case) -> tuple[str, tuple[str, ...]]:
    """What a row is about, and the keys that this says."""
    get = case.get
    if get("size") and get("count"):
        return times(get("count"), get("size"), get("granule")), \
            ("size", "count")
    if get("block") and get("part"):
        where = f" {get('where')}" if get("where") else ""
        return f"{get('part')} of {lg2(get('block'))}{where}", \
            ("block", "part", "where")
    if get("pages") and get("leaf"):
        return times(get("pages"), get("leaf"), ""), ("pages", "leaf")
    if get("vm") and get("strategy"):
        return f"{get('vm')} {get('backing')} {get('strategy')}", \
            ("vm", "backing", "strategy")
    if get("cpus") and get("place"):
        return f"{get('cpus')} CPUs {get('place')}", \
            ("cpus", "place")
    if get("trace"):
        return get("trace"), ("trace",)
    if get("size"):
        return lg2(get("size")), ("size",)
    if get("count"):
        return times(get("count"), get("granule"), get("granule")), ("count",)
    return "", ()


def ns_text(value: float) -> str:
    """Nanoseconds with at least three digits, no unit."""
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def pair_text(line: Line, which: str) -> str:
    """new,old of the average or the minimum."""
    if line.old is None or line.new is None:
        return "-"
    return ",".join(ns_text(getattr(side, which))
                    for side in (line.new, line.old))


def result_text(line: Line) -> str:
    """The last column: percent and interval, or ~ and why."""
    if line.note:
        return line.note
    if line.verdict in (verdict.FASTER, verdict.SLOWER):
        assert line.percent is not None and line.interval is not None
        low, high = line.interval
        pairs = f" pairs {line.percent_pairs:+.1f}" \
            if line.is_beside_pairs else ""
        return f"{line.percent:+.1f} [{low:.1f},{high:.1f}]{pairs}"
    if line.verdict == verdict.SAME:
        return "  ~"
    if line.is_void:
        return "  ~   (null arm)"
    if line.stages.is_suspect and not line.stages.is_apart:
        return "  ~   (overlap)"
    if line.is_unconfirmed and line.stages.second:
        return f"  ~   (not confirmed, n={line.stages.second.nr_pairs})"
    if line.detectable is None:
        nr = line.stages.first.nr_pairs if line.stages.first else 0
        return f"  ~   (n={nr}, no interval)"
    return f"  ~   (MDE {line.detectable:.1f})"


_RANK = {verdict.SLOWER: 0, verdict.FASTER: 1}


def worst_first(lines: Iterable[Line]) -> list[Line]:
    """Slower ones first, the worst of them at the top; the rest as it was,
    but what is faster before what is not."""
    def rank(line: Line) -> tuple[int, float]:
        found = line.stages.deciding
        is_told = line.verdict in _RANK and found is not None
        return (_RANK.get(line.verdict, 2),
                -found.effect if is_told and found else 0)
    return sorted(lines, key=rank)


@dataclass(frozen=True)
class Group:
    """One table: rows that share a family and what the rows do not say."""

    family: str
    title: str
    lines: list[Line]


def groups(found: Comparison) -> list[Group]:
    """The tables: those with something slower, by how much, then those with
    a counter that is worse, then the others."""
    tables: dict[tuple[str, str], list[Line]] = {}
    for line in found.lines:
        told = work(line.case)[1]
        title = " ".join(f"{key}:{value}" for key, value in line.case.keys
                         if key not in told)
        tables.setdefault((line.case.family, title), []).append(line)
    made = [Group(family, title, worst_first(lines))
            for (family, title), lines in tables.items()]
    worse = found.worse_counters

    def rank(group: Group) -> tuple[int, float]:
        worst = group.lines[0]
        if worst.verdict == verdict.SLOWER and worst.stages.deciding:
            return 0, -worst.stages.deciding.effect
        return (1 if any(line.key in worse for line in group.lines)
                else 2), 0
    return sorted(made, key=rank)


def row_name(line: Line) -> str:
    """First column of a row."""
    name = work(line.case)[0] or "all"
    return f"{name} {line.op}".strip()


def _column(cells: Sequence[str], is_right: bool = False) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if is_right else cell.ljust(width)
            for cell in cells]


# The columns, and shorter words for them where rows are long; the order of new
# and old stands in the head of each table.
_HEADS = (("avg new,old ns", "min new,old ns", "min %  [CI]"),
          ("avg ns", "min ns", "min %  [CI]"))


def table(group: Group) -> list[str]:
    """The rows of a group under their header, the columns as the list knows
    them; too wide a table has shorter heads, then no averages, and only
    then broken lines."""
    first = "pgsz" if work(group.lines[0].case)[1][:1] == ("size",) else "case"
    rows = [(row_name(line), pair_text(line, "avg"), pair_text(line, "min"),
             result_text(line)) for line in group.lines]
    for head, has_avg in ((_HEADS[0], True), (_HEADS[1], True),
                          (_HEADS[1], False)):
        cells = [(first, *head), *rows]
        columns = [_column([plain(row[i]) for row in cells], True)
                   for i in range(3)] + [[plain(row[3]) for row in cells]]
        if not has_avg:
            del columns[1]
        lines = ["  " + " , ".join(row).rstrip() for row in zip(*columns)]
        if max(map(len, lines)) <= WIDTH:
            return lines
    return [part for line in lines
            for part in (wrap(line, " " * 8) if len(line) > WIDTH else [line])]


def _counts(counter: Counter, profile: str, word: str = "") -> str:
    """A counter as old->new; with its profile, where that is not the one
    whose counters are told, or where it is worse."""
    at = f"@{counter.profile}" if counter.profile and (
        counter.is_worse or counter.profile != profile) else ""
    if counter.name != "sim_ps":
        return f"{word or counter.name}{at} {counter.old}->{counter.new}"
    old, new = (f"{ps / 1000:.3f}".rstrip("0").rstrip(".")
                for ps in (counter.old, counter.new))
    return f"sim_ns{at} {old}->{new}"


def _shown(counters: Sequence[Counter], profile: str) -> list[str]:
    """The counters that are always told, then others of the profile that
    differ, and under each profile all that are worse; where none of these
    differs, all that do."""
    by_title = {counter.title: counter for counter in counters}
    said: dict[str, str] = {}
    for name, word in ALWAYS:
        counter = by_title.get(f"{name}@{profile}") or by_title.get(name)
        if name == "cmd_syncs" and counter is None:
            counter = by_title.get("syncs")
        if counter is not None:
            said[counter.title] = _counts(counter, profile, word)
        elif profile and name in ("tlbi", "cmd_syncs") and \
                f"sim_ps@{profile}" in by_title:
            said[word] = f"{word} 0->0"
    differ = [counter for counter in counters if counter.old != counter.new]
    told = [counter for counter in differ if counter.is_worse or (
        counter.profile in ("", profile)
        and not counter.name.startswith(DETAILS))]
    if not told and not any(counter.title in said for counter in differ):
        told = differ
    for counter in told:
        said.setdefault(counter.title, _counts(counter, profile))
    return list(said.values())


def _first_profile(found: Comparison) -> str:
    """The cost profile whose counters are told, "" for none."""
    return next((p for p in found.info["profiles"] if p != "none"), "")


def exact_lines(found: Comparison, group: Group) -> list[str]:
    """What one operation does, exactly: rows that differ, worse ones first,
    or one of them."""
    profile = _first_profile(found)
    keys = list(dict.fromkeys(line.key for line in group.lines))
    rows = {line.key: work(line.case)[0] for line in group.lines}
    worse, other = found.worse_counters, found.other_counters
    differ = sorted((key for key in keys if key in other),
                    key=lambda key: key not in worse)
    alike: dict[str, list[str]] = {}
    for key in differ or keys[-1:]:
        counters = found.counters.get(key)
        if counters:
            alike.setdefault(" ".join(_shown(counters, profile)),
                             []).append(rows[key])
    lines = []
    for text, names_of in alike.items():
        where = " " + ", ".join(names_of) if len(keys) > 1 else ""
        lines += wrap(f"exact/op{where}: {text}", "    ")
    nr_same = len(keys) - len(differ)
    if differ and nr_same:
        lines.append(f"exact/op: nothing differs in the other {nr_same}")
    elif not differ and lines and len(keys) > 1:
        lines.append(f"exact/op: nothing differs in all {len(keys)}")
    return lines


def ceiling_line(found: Comparison, group: Group) -> list[str]:
    """What plain stores to the same entries took here."""
    op = CEILINGS.get(group.family)
    said = []
    ceilings = found.info.get("ceilings", {})
    for line in sorted(group.lines, key=lambda one: one.key):
        name = (f"limit/op:{op}/granule:{line.case.get('granule')}/"
                f"count:{line.case.get('count')}")
        text = f"{work(line.case)[0]} {ns_text(ceilings[name])} ns" \
            if name in ceilings else ""
        if text and text not in said:
            said.append(text)
    return wrap("ceiling (plain stores): " + ", ".join(said), "    ") \
        if said else []


def _known(*words: object) -> str:
    return ", ".join(str(w) for w in words if w and "unknown" not in str(w))


def _host(context: dict[str, Any]) -> list[str]:
    """The machine in words; what nobody knows is said to be unknown."""
    def get(key: str) -> str:
        return str(context.get(f"iopt_host_{key}", "unknown"))
    cpu = context.get("iopt_cpu", "unknown")
    return [
        "CPU: " + ", ".join([
            get("cpu_model"), counted(get("cores"), "core"),
            counted(get("numa_nodes"), "node"), f"measured on CPU {cpu}",
            f"governor {get('governor')}"]),
        "host: " + _known(get("arch"), f"Linux {get('kernel')}",
                          f"pages of {get('page_size')}",
                          f"THP {get('thp')}",
                          f"hypervisor {get('hypervisor')}"
                          if get("hypervisor") != "none" else ""),
    ]


def counted(number: str, what: str) -> str:
    """So many of something: 1 node, 2 nodes."""
    return f"{number} {what}{'' if number == '1' else 's'}"


def _values(found: Comparison, *keys: str) -> list[str]:
    values = {line.case.get(key) for line in found.lines for key in keys}
    return sorted(values - {""}, key=names.sort_key)


def _tables_line(found: Comparison) -> str:
    sizes = _values(found, "size", "block", "leaf")
    walks = _values(found, "walker") or ["coherent"]
    return ("page tables: granule " + (" ".join(_values(found, "granule"))
                                       or "as traced")
            + ("; page sizes hit: " + " ".join(sizes) if sizes else "")
            + "; walk: " + " ".join(walks))


def _build(side: dict[str, Any]) -> str:
    context = side["context"]
    return _known(side["revision"], context.get("iopt_cc"),
                  context.get("iopt_cflags"))


def facts(found: Comparison) -> list[str]:
    """What a reviewer asks for, an item each."""
    old, new = found.side(OLD), found.side(NEW)
    context = found.context
    profiles = [p for p in found.info["profiles"] if p != "none"]
    commands = ""
    if profiles:
        commands = f"; commands counted for {profiles[0]}"
    if len(profiles) > 1:
        commands += " (meant where no @ names another), " + \
            ", ".join(profiles[1:])
    lines = [f"old = {old['label']}, new = {new['label']}", *_host(context),
             f"SMMU: none, measured in user space{commands}; errata: none "
             "worked around",
             _tables_line(found)]
    if _build(old) == _build(new):
        lines.append(f"base: {_build(old)}")
    else:
        lines += [f"old: {_build(old)}", f"new: {_build(new)}"]
    lines.append("tools: " + _known(
        f"iopt-bench {new['context'].get('iopt_version', 'unknown')}",
        f"libbenchmark {context.get('iopt_lib_benchmark', 'unknown')}",
        f"hwloc {context.get('iopt_lib_hwloc', 'unknown')}",
        f"seed {found.info['seed']}"))
    command = context.get("iopt_command")
    return lines + ([f"command: {command}"] if command else [])


def count_lines(found: Comparison) -> list[str]:
    """How many of which verdict, and how many counters differ."""
    said = [f"{len(found.by_verdict(word))} {word}" for word in
            (verdict.SLOWER, verdict.FASTER, verdict.SAME,
             verdict.UNRESOLVED)]
    nr_lines = sum(bool(line.verdict) for line in found.lines)
    return [f"{nr_lines} timed: " + ", ".join(said),
            f"{len(found.counters)} counted: {len(found.worse_counters)} "
            f"worse, {len(found.other_counters)} differ"]


def how_line(found: Comparison) -> str:
    """How it was measured, for a table's head."""
    first = max((line.stages.first.nr_pairs for line in found.lines
                 if line.stages.first), default=0)
    second = max((line.stages.second.nr_pairs for line in found.lines
                  if line.stages.second), default=0)
    if found.kind == FILES:
        return f"n={first}, two runs, not interleaved, 95% CI"
    if found.kind != PAIRED:
        return f"n={first} rounds of one run, 95% CI"
    suspects = f", suspects again with n={second}" if second else ""
    return f"n={first} ABBA pairs{suspects}, 95% CI"


def _without_gate(found: Comparison) -> str:
    """What verdicts on time lack that only `make compare` gives."""
    if found.kind == ROUNDS:
        return ("Rounds of one run: one stage, no correction for the number "
                "of comparisons, no null arm. What looks faster or slower "
                "is a suspect; 'make compare' decides.")
    if found.kind == PAIRED and not found.info.get("has_null"):
        return ("There is no null arm: nothing says whether the machine made "
                "the difference. 'make compare' has one, and decides.")
    return ""


def warnings(found: Comparison) -> list[str]:
    """What takes verdicts away, or weakens them: a sentence each."""
    lines = []
    if found.info.get("is_identical"):
        lines.append("The measured object code of both sides is identical: "
                     "nothing was timed.")
    if found.is_timed and _without_gate(found):
        lines.append(_without_gate(found))
    if found.kind == FILES:
        lines.append("Two runs at two times: the floor is "
                     f"{found.info['floor'] * 100:.0f} %, and no sample of "
                     "one may lie among those of the other"
                     + ("." if found.info["has_null"] else
                        "; there is no null arm: without the family "
                        f"{NULL_FAMILY} nothing says whether the machine "
                        "was the same."))
    if found.null_fired:
        what = "The null arm (old against old)" if found.kind != FILES \
            else f"The family {NULL_FAMILY}, whose code is the same,"
        lines.append(f"{what} came out different in "
                     f"{len(found.null_fired)} cases: no verdict on time "
                     "stands, the counters do.")
    if found.info.get("nr_long"):
        lines.append(f"{found.info['nr_long']} cases that take long are left "
                     "out: FULL=1 has them.")
    if found.info.get("incomplete"):
        lines.append(f"Incomplete: {found.info['incomplete']}.")
    return lines


FAILED, NO_NUMBER, COUNTED_IN, SKIPPED, IN_DOUBT = \
    "FAILED", "no number", "counted only in", "skipped", "in doubt"


@dataclass(frozen=True)
class Left:
    """What is in no table, or not to be relied on there.

    kind: FAILED, "only in old", "only in new", NO_NUMBER, COUNTED_IN with its
        side, SKIPPED, IN_DOUBT
    case: "" where a process failed
    """

    kind: str
    case: str
    why: str


def left(found: Comparison) -> list[Left]:
    """Everything that is not in a table, and why: nothing is dropped in
    silence."""
    made = [Left(FAILED, "", failure) for failure in found.failures]
    for which in (OLD, NEW):
        for name in found.unpaired[which]:
            other = found.renamed.get(name)
            made.append(Left(f"only in {which}", name,
                             f"renamed to {other}?" if other else ""))
    made += [Left(NO_NUMBER, key, why) for key, why in found.problems.items()]
    made += [Left(f"{COUNTED_IN} {which}", key, what)
             for which, of_side in found.one_sided.items()
             for what, keys in of_side.items() for key in keys]
    made += [Left(SKIPPED, key, why) for key, why in found.skips.items()]
    return made + [Left(IN_DOUBT, key, summary.DOUBTS.get(word, word))
                   for word, keys in found.warnings.items() for key in keys]


def left_texts(found: Comparison) -> list[str]:
    """The same in words: a reason that many cases share is told once."""
    texts = []
    alike: dict[tuple[str, str], list[str]] = {}
    for one in left(found):
        if one.kind.startswith((COUNTED_IN, SKIPPED, IN_DOUBT)):
            alike.setdefault((one.kind, one.why), []).append(one.case)
        elif one.kind == FAILED:
            texts.append(f"{FAILED} {one.why}")
        elif one.kind == NO_NUMBER:
            texts.append(f"{one.kind}: {one.case}: {one.why}")
        else:
            texts.append(f"{one.kind}: {one.case}"
                         + (f" ({one.why})" if one.why else ""))
    return texts + [f"{kind}: {len(keys)}, {why}: {keys[0]}"
                    + (" ..." if len(keys) > 1 else "")
                    for (kind, why), keys in alike.items()]


def counted_only(found: Comparison) -> tuple[list[str], list[str]]:
    """Counters that differ in cases that no table has: of those in which one
    is worse, and of the others."""
    shown = {line.key for line in found.lines}
    profile = _first_profile(found)
    keys = sorted(key for key in found.counters if key not in shown)

    def told(some: Sequence[str], title: str) -> list[str]:
        lines = [part for key in some for part in wrap(f"{key}: " + " ".join(
            _shown(found.counters[key], profile)), "    ")]
        return [title, *lines] if lines else []
    by_worse, by_any = found.worse_counters, found.other_counters
    worse = [key for key in keys if key in by_worse]
    other = [key for key in keys if key in by_any and key not in by_worse]
    nr_same = len(keys) - len(worse) - len(other)
    same = [f"exact/op: nothing differs in {nr_same} cases without times"] \
        if nr_same else []
    return (told(worse, "exact/op that got worse, of cases without times:"),
            told(other, "exact/op of cases without times:") + same)


def group_lines(found: Comparison, group: Group) -> list[str]:
    """A table with its head, its ceiling and its counters."""
    old, new = found.side(OLD), found.side(NEW)
    head = (f"{CALLS.get(group.family, group.family)}: new,old = "
            f"{new['label']},{old['label']}, {how_line(found)}")
    return [*wrap(head, "    "),
            *([f"  {part}" for part in textwrap.wrap(group.title, WIDTH - 2)]
              if group.title else []),
            *table(group), *ceiling_line(found, group),
            *exact_lines(found, group)]


def pairs_note(found: Comparison) -> list[str]:
    """What the word pairs says in a last column, where one has it."""
    is_told = any(line.verdict in _RANK and line.is_beside_pairs
                  for line in found.lines)
    return ["pairs: median paired ratio, which decides, where % is outside "
            "of [CI]"] if is_told else []


def legend(found: Comparison) -> list[str]:
    """How to read the tables."""
    floors = [line.stages.floor * 100 for line in found.lines]
    floor = " to ".join(f"{one:g}" for one in sorted(
        {min(floors), max(floors)}))
    said = [f"+ve is better; ~ = unresolved or < {floor}% floor",
            "min: median over processes of the fastest section of each",
            "% from unrounded minima, [CI] of the paired ratios",
            *pairs_note(found)]
    return (" (" + ";\n  ".join(said) + ")").split("\n")


def render(found: Comparison) -> str:
    """The whole letter."""
    blocks = [wrapped(facts(found)), wrapped(warnings(found)),
              count_lines(found)]
    tables = [group_lines(found, group) for group in groups(found)]
    if tables:
        tables[0] += legend(found)
    worse, other = counted_only(found)
    blocks += [worse, *tables, other, wrapped(left_texts(found))]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
