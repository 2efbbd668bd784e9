# SPDX-License-Identifier: GPL-2.0-only
"""The family teardown in the summary: a table a machine, strategies down,
engines across; what is slowest and why; and the null check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import names
from .results import Samples
from .summary import human_count, human_ns, render_table

FAMILY = "teardown"

# Strategies and engines in the order of the kernel's history.
STRATEGIES = ("page", "chunked", "chunked-unfixed", "chunked-fast",
              "chunked-fast-unfixed", "fgsp", "iommufd", "unmap-remap",
              "whole-range", "leafwalk")
ENGINES = ("lpae-split", "lpae-nosplit", "lpae-whole", "lpae-7.3", "amdv1")

# The two engines that a teardown cannot tell apart, and the strategies that
# never ask for a part of a leaf.
NULL_PAIR = ("lpae-split", "lpae-nosplit")
NULL_STRATEGIES = ("chunked-fast", "iommufd", "leafwalk")

DIFFERS = 1.05  # profiles whose totals are this far apart are shown both
GIB = 1 << 30


@dataclass(frozen=True)
class Machine:
    """What is torn down: values of the keys vm, backing and page."""

    vm: str
    backing: str
    page: str

    def __str__(self) -> str:
        return f"{self.vm} of {self.backing}, host pages of {self.page}"

    @property
    def order(self) -> tuple[object, ...]:
        """Small ones first."""
        size, _, layout = self.vm.partition("-")
        return (layout, names.sort_key(size), names.sort_key(self.page),
                names.sort_key(self.backing))


class Cell:
    """One strategy on one engine: what was measured, under each profile."""

    def __init__(self) -> None:
        self.profiles: dict[str, Samples] = {}

    @property
    def _any(self) -> Samples:
        return next(iter(self.profiles.values()))

    @property
    def label(self) -> str:
        """How it went; "" when there is no number."""
        return self._any.label if self._any.good else ""

    def least(self, key: str) -> float | None:
        """The least that was measured of something, None of nothing."""
        return min(self._any.values(key), default=None)

    @property
    def cpu_ns(self) -> float:
        """CPU time, the least of all rounds."""
        return self.least("block_min_ns") or self.least("cpu_ns") or 0.0

    def priced(self, profile: str, key: str) -> float:
        """What a profile says; 0 when it says nothing."""
        values = self.profiles[profile].values(key)
        return values[0] if values else 0.0

    def total_ns(self, profile: str) -> float:
        """CPU and simulated time."""
        return self.cpu_ns + self.priced(profile, "sim_ns")

    def count(self, key: str, profile: str = "") -> int:
        """An exact counter; 0 when it is not there."""
        samples = self.profiles.get(profile, self._any)
        values = samples.values(key)
        return int(values[0]) if values else 0

    def is_counted(self, key: str) -> bool:
        """Is this counter known?"""
        return bool(self._any.values(key))


Cells = dict[tuple[str, str], Cell]


def machines(family: Sequence[Samples]) -> dict[Machine, Cells]:
    """The cells of each machine by strategy and engine, in order."""
    found: dict[Machine, Cells] = {}
    for samples in family:
        case = samples.case
        machine = Machine(case.get("vm"), case.get("backing"),
                          case.get("page"))
        place = case.get("strategy"), case.get("engine")
        cell = found.setdefault(machine, {}).setdefault(place, Cell())
        cell.profiles[case.get(names.PROFILE_KEY, names.NO_PROFILE)] = samples
    return dict(sorted(found.items(), key=lambda item: item[0].order))


def _in_order(words: Iterable[str], known: Sequence[str]) -> list[str]:
    there = set(words)
    return [w for w in known if w in there] + sorted(there - set(known))


def pair_text(values: Sequence[float]) -> str:
    """One time, or several with one unit if they share it: 2.70/6.12 s."""
    texts = [human_ns(value) for value in values]
    units = {text.split()[1] for text in texts}
    if len(units) == 1:
        return "/".join(t.split()[0] for t in texts) + " " + units.pop()
    return "/".join(t.replace(" ", "") for t in texts)


def _differing(values: Sequence[float]) -> list[float]:
    """All of them where they differ, else the first."""
    low, high = min(values), max(values)
    return list(values) if high > low * DIFFERS else [values[0]]


def cell_text(cell: Cell | None, profiles: Sequence[str]) -> str:
    """Total time under each profile, in brackets when it did other work."""
    if cell is None or not cell.label:
        return "-"
    if cell.label == "stuck":
        return cell.label
    text = pair_text(_differing([cell.total_ns(p) for p in profiles]))
    return text if cell.label == "ok" else f"({text})"


def _facts(cell: Cell | None, profiles: Sequence[str]) -> list[str]:
    """Share of the scan, unpinning and longest stretch of a cell."""
    if cell is None:
        return ["", "", ""]
    scan = cell.least("scan_ns") or 0.0
    share = f"{min(scan / cell.cpu_ns, 1) * 100:.0f} %" \
        if scan and cell.cpu_ns else "-"
    unpin = cell.priced(profiles[0], "unpin_ns")
    stretches = [cell.priced(p, "longest_stretch_ms") * 1e6 for p in profiles]
    return [share, human_ns(unpin) if unpin else "-",
            pair_text(_differing(stretches)) if all(stretches) else "-"]


def table(machine: Machine, cells: Cells) -> list[str]:
    """A machine's table: strategies down, engines across."""
    engines = _in_order((engine for _, engine in cells), ENGINES)
    profiles = list(next(iter(cells.values())).profiles)
    rows = []
    for strategy in _in_order((s for s, _ in cells), STRATEGIES):
        across = [cells.get((strategy, engine)) for engine in engines]
        done = [cell for cell in across if cell and cell.label == "ok"]
        rows.append([strategy, *(cell_text(c, profiles) for c in across),
                     *_facts(done[0] if done else None, profiles)])
    header = ["strategy", *engines, "scan", "unpin", "stretch"]
    return [f"  {machine}; CPU + simulated by {'/'.join(profiles)}",
            *render_table(header, rows, 1)]


def short(count: int) -> str:
    """A large number in three digits: 21.0M, 524K, 812."""
    for factor, letter in ((10**9, "G"), (10**6, "M"), (10**3, "K")):
        if count >= factor:
            value = count / factor
            return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f}{letter}"
    return str(count)


def reason(cell: Cell, profile: str) -> str:
    """Where the time of a cell goes."""
    sim = cell.priced(profile, "sim_ns")
    scan = cell.least("scan_ns") or 0.0
    calls = cell.cpu_ns - scan
    if sim >= max(scan, calls):
        return (f"{short(cell.count('nr_commands', profile))} commands to "
                f"send")
    if scan >= calls:
        share = min(scan / cell.cpu_ns, 1)
        return (f"{share * 100:.0f} % of it looks up "
                f"{short(cell.count('nr_lookups'))} pages")
    return f"{short(cell.count('nr_unmaps'))} unmaps"


def sentence(cells: Cells) -> str:
    """What is slowest and why, against what is fastest."""
    done = [(place, cell) for place, cell in cells.items()
            if cell.label == "ok" and cell.cpu_ns]
    if len(done) < 2:
        return ""
    ranked = sorted(((cell.total_ns(profile), place, profile)
                     for place, cell in done for profile in cell.profiles),
                    key=lambda entry: entry[0])
    least, (fast, fast_on), _ = ranked[0]
    most, (slow, slow_on), profile = ranked[-1]
    cell = cells[slow, slow_on]
    totals = [cell.total_ns(p) for p in cell.profiles]
    by = f" under {profile}" if len(_differing(totals)) > 1 else ""
    return (f"  Slowest is {slow} on {slow_on}{by}: {human_ns(most)}, as "
            f"{reason(cell, profile)}; {fast} on {fast_on} takes "
            f"{human_ns(least)}.")


def null_check(family: Sequence[Samples],
               classes: Mapping[str, str]) -> list[str]:
    """Do split and no split the same work, by every exact counter?"""
    exact = [name for name, cls in classes.items() if cls == "exact"]
    nr_same, wrong = 0, []
    for machine, cells in machines(family).items():
        for strategy in NULL_STRATEGIES:
            old, new = (cells.get((strategy, engine)) for engine in NULL_PAIR)
            if not old or not new or not old.label or not new.label:
                continue
            differ = [name for name in exact
                      for profile in old.profiles if profile in new.profiles
                      and old.profiles[profile].values(name)[:1]
                      != new.profiles[profile].values(name)[:1]]
            if differ:
                wrong.append(f"{strategy}, {machine}: "
                             f"{', '.join(dict.fromkeys(differ))}")
            else:
                nr_same += 1
    if wrong:
        return [f"  NULL CHECK FAILS, {' and '.join(NULL_PAIR)} differ: {line}"
                for line in wrong]
    if not nr_same:
        return []
    return [f"  null check: {' and '.join(NULL_PAIR)} send the same commands "
            f"and write the same entries",
            f"  in all {nr_same} teardowns that both did by "
            f"{', '.join(NULL_STRATEGIES)}"]


def detail(machine: Machine, cells: Cells, profile: str) -> list[str]:
    """All that there is to tell of a machine under a profile."""
    times, counts = [], []
    for strategy, engine in ((s, e) for s in _in_order(
            (s for s, _ in cells), STRATEGIES) for e in _in_order(
            (e for _, e in cells), ENGINES) if (s, e) in cells):
        cell = cells[strategy, engine]
        if not cell.label or profile not in cell.profiles:
            continue
        sim, unpin = (cell.priced(profile, k) for k in ("sim_ns", "unpin_ns"))
        total = cell.cpu_ns + sim + unpin
        unmapped = cell.count("bytes_unmapped")
        times.append([
            strategy, engine, human_ns(cell.cpu_ns),
            human_ns(cell.least("scan_ns") or 0), human_ns(sim),
            human_ns(unpin), human_ns(total),
            f"{unmapped / GIB / total * 1e9:.3g}" if total else "-",
            human_ns(cell.priced(profile, "longest_stretch_ms") * 1e6),
            "" if cell.label == "ok" else cell.label])
        counts.append([
            strategy, engine,
            *(short(cell.count(key, profile)) if cell.is_counted(key) else "-"
              for key in ("nr_unmaps", "nr_lookups", "calls", "pte_writes",
                          "nr_commands", "syncs", "tables_freed")),
            human_count("bytes", cell.count("table_bytes_peak"))])
    if not times:
        return []
    return [f"  {machine}; {profile}",
            *render_table(["strategy", "engine", "cpu", "of it scan", "+sim",
                           "+unpin", "=sum", "GiB/s", "stretch", ""],
                          times, 2),
            *render_table(["strategy", "engine", "unmaps", "walks", "calls",
                           "writes", "commands", "syncs", "freed",
                           "peak tables"], counts, 2)]


def lines(family: Sequence[Samples], classes: Mapping[str, str],
          is_all: bool) -> list[str]:
    """The part of the summary below the family's name."""
    said: list[str] = []
    for machine, cells in machines(family).items():
        cells = {place: cell for place, cell in cells.items() if cell.label}
        if not cells:
            continue
        said += table(machine, cells)
        text = sentence(cells)
        said += [text] if text else []
        if is_all:
            for profile in next(iter(cells.values())).profiles:
                said += detail(machine, cells, profile)
    return said + null_check(family, classes)
