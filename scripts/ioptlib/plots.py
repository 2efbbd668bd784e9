# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of results: drawn with Agg, written as PNG and SVG.

A process's value is its fastest timed section. Points are medians over
processes, whiskers reach from the fastest to the slowest. Each caption has n,
machine, date and revision.
"""

from __future__ import annotations

import configparser
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.axis import Axis  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.ticker import (  # noqa: E402
    FixedLocator,
    FuncFormatter,
    Locator,
    MaxNLocator,
    NullLocator,
)

from . import names, results, teardown  # noqa: E402
from .results import Result, Samples  # noqa: E402
from .stats import median  # noqa: E402
from .summary import (  # noqa: E402
    by_profile,
    human_count,
    human_ns,
    human_rate,
    nr_cpus,
)

# Text stays text in SVG, and the same result gives the same file.
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["svg.hashsalt"] = "iopt-bench"

DPI = 120
METADATA: dict[str, dict[str, str | None]] = {"png": {}, "svg": {"Date": None}}

# Okabe and Ito's colours, told apart by colour-blind eyes too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00",
          "#000000", "#882255")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
ENGINE_ORDER = ("lpae-split", "lpae-nosplit", "lpae-whole", "lpae-6.1",
                "lpae-6.12", "lpae-7.3", "amdv1", "unmap-remap")
MIN_TICKS = 4
LEAF_TICKS = (1, 16, 256, 4096)
LIMIT_COLOR = "#777777"

HOW = ("Median over n={n} processes of each one's fastest section, whiskers: "
       "fastest to slowest process.")


@dataclass(frozen=True)
class Source:
    """A result and how it is told from others in a legend."""

    result: Result
    name: str

    def caption(self, is_named: bool) -> str:
        """Machine, date and revision, and the name where there are more."""
        context = self.result.context
        name = f"{self.name}: " if is_named else ""
        machine = context.get("iopt_host_cpu_model") or "unknown CPU"
        date = str(context.get("iopt_started", "unknown date"))[:10]
        host = context.get("iopt_host", "unknown host")
        rev = context.get("iopt_runner_version", "unknown revision")
        partial = ", incomplete" \
            if context.get("iopt_incomplete") == "true" else ""
        return f"{name}{machine} ({host}), {date}, iopt-bench {rev}{partial}"


@dataclass(frozen=True)
class Style:
    """How one series looks, the same in all pictures."""

    label: str
    color: str
    marker: str
    linestyle: str
    fillstyle: str = "full"


def color_of(engine: str) -> str:
    """The colour of an engine, the same in all pictures."""
    place = ENGINE_ORDER.index(engine) if engine in ENGINE_ORDER \
        else sum(map(ord, engine))
    return COLORS[place % len(COLORS)]


def style_of(engine: str, source: int, sources: Sequence[Source]) -> Style:
    """An engine has its colour and marker, a source its line and filling."""
    place = ENGINE_ORDER.index(engine) if engine in ENGINE_ORDER \
        else sum(map(ord, engine))
    lines = ("-", "--", ":", "-.")
    fillings = ("full", "left", "bottom", "top")
    label = engine if len(sources) == 1 \
        else f"{engine}, {sources[source].name}"
    return Style(label, color_of(engine),
                 MARKERS[place % len(MARKERS)], lines[source % len(lines)],
                 fillings[source % len(fillings)])


def spread_of(samples: Samples, key: str = "block_min_ns") \
        -> tuple[float, float, float] | None:
    """Median, and how far below and above it the rounds reach."""
    values = samples.values(key)
    if not values and key == "block_min_ns":
        values = samples.values("cpu_ns")
    if not values:
        return None
    middle = median(values)
    return middle, middle - min(values), max(values) - middle


def nr_rounds(series: Sequence[Samples]) -> str:
    """The n of a caption: 9, or 3 to 9 where cases differ."""
    counts = sorted({len(s.good) for s in series if s.good})
    if not counts:
        return "0"
    return str(counts[0]) if len(counts) == 1 \
        else f"{counts[0]} to {counts[-1]}"


def _engines(series: Sequence[Samples]) -> list[str]:
    found = dict.fromkeys(s.case.get("engine") for s in series)
    known = [e for e in ENGINE_ORDER if e in found]
    return known + sorted(e for e in found if e not in known)


def _values(series: Sequence[Samples], key: str) -> list[str]:
    return sorted({s.case.get(key) for s in series}, key=names.sort_key)


def _tick(value: float, _place: int) -> str:
    """20 ns, 5 us: a time at a tick."""
    number, unit = human_ns(value).split()
    return f"{float(number.replace(',', '')):g} {unit}"


def time_ticks(low: float, high: float) -> list[float]:
    """Round times of a log axis: 1 2 5, or more where few of them fit."""
    ticks: list[float] = []
    for steps in ((1, 10), (1, 2, 5), (1, 1.5, 2, 3, 5, 7),
                  (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)):
        decades = range(math.floor(math.log10(low)),
                        math.ceil(math.log10(high)) + 1)
        ticks = sorted({step * 10.0 ** decade for decade in decades
                        for step in steps if low <= step * 10.0 ** decade
                        <= high})
        if len(ticks) >= MIN_TICKS:
            break
    return ticks


class TimeLocator(Locator):  # type: ignore[misc]
    """Puts the ticks where time_ticks() says."""

    def __call__(self) -> list[float]:
        return self.tick_values(*sorted(self.axis.get_view_interval()))

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """As matplotlib calls it."""
        return time_ticks(max(vmin, 1e-3), max(vmax, 1e-3))


def _time_axis(axis: Axis) -> None:
    """A log axis of nanoseconds with enough ticks to read it by."""
    axis.set_major_locator(TimeLocator())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(_tick))
    axis.set_tick_params(labelsize=8)
    axis.grid(True, color="#dddddd", zorder=0)


def _finish(figure: Figure, panels: Sequence[Axes], title: str,
            caption: str, sources: Sequence[Source],
            legend: Sequence[tuple[Any, str]] = (),
            order: Sequence[str] = ENGINE_ORDER) -> Figure:
    """Put title and legend above the panels and the caption below; without a
    legend of its own, it is made of the panels' labels, in order."""
    width, height = figure.get_size_inches()
    found: dict[str, Any] = {label: handle for handle, label in legend}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            found.setdefault(label, handle)
    known = {word: i for i, word in enumerate(order)}
    entries = dict(sorted(found.items(), key=lambda entry: known.get(
        entry[0].split(",")[0], len(known))))
    columns = max(1, min(len(entries), int(width / 1.6)))
    legend_rows = -(-len(entries) // columns)
    text = [line for part in [caption, *(s.caption(len(sources) > 1)
                                         for s in sources)]
            for line in textwrap.wrap(part, int(width * 15))]
    top = 0.45 + 0.2 * legend_rows
    bottom = 0.1 + 0.155 * len(text)
    figure.tight_layout(rect=(0, bottom / height, 1, 1 - top / height))
    figure.text(0.12 / width, 1 - 0.12 / height, title, fontsize=12,
                ha="left", va="top")
    figure.legend(list(entries.values()), list(entries), loc="upper left",
                  ncol=columns, fontsize=8, frameon=False, borderaxespad=0,
                  bbox_to_anchor=(0.12 / width, 1 - 0.4 / height))
    figure.text(0.12 / width, 0.08 / height, "\n".join(text), fontsize=7.5,
                color="#444444", ha="left", va="bottom", linespacing=1.3)
    return figure


def _kept(series: Sequence[Samples], **wanted: str) -> list[Samples]:
    """The series less those whose keys have another value than wanted;
    a value that no case has is no wish."""
    kept = list(series)
    for key, value in wanted.items():
        narrowed = [s for s in kept if s.case.get(key) == value]
        kept = narrowed or kept
    return kept


def _profiles(source: Source, family: str) -> dict[str, list[Samples]]:
    """A family's timed cases by cost profile."""
    return {profile: [s for s in cases if s.good and results.outcome(
                      s.good[0]) != results.COUNTED]
            for profile, cases in
            by_profile(source.result.family(family)).items()}


def _timed(source: Source, family: str) -> list[Samples]:
    """Its timed cases, once each: what was measured is in every profile."""
    return next(iter(_profiles(source, family).values()), [])


def _dodge(index: int, count: int) -> float:
    """Where beside its place on the x axis a series stands."""
    return (index - (count - 1) / 2) * 0.7 / max(count, 1)


def draw_partial(sources: Sequence[Source]) -> Figure | None:
    """What a partial unmap costs, by granule, block and part."""
    per_source = [_kept(_timed(s, "unmap_partial"), where="middle")
                  for s in sources]
    everything = [s for series in per_source for s in series]
    if not everything:
        return None
    granules = _values(everything, "granule")
    places = {g: sorted({(s.case.get("block"), s.case.get("part"))
                         for s in everything if s.case.get("granule") == g},
                        key=lambda bp: [names.sort_key(v) for v in bp])
              for g in granules}
    figure, panels = plt.subplots(
        1, len(granules), squeeze=False, sharey=True,
        figsize=(3.2 + 0.9 * sum(map(len, places.values())), 5.2),
        gridspec_kw={"width_ratios": [len(places[g]) for g in granules]})
    engines = _engines(everything)
    nr_series = len(engines) * len(sources)
    for axes, granule in zip(panels[0], granules):
        for i, series in enumerate(per_source):
            for j, engine in enumerate(engines):
                _partial_series(
                    axes, [s for s in series
                           if s.case.get("granule") == granule
                           and s.case.get("engine") == engine],
                    places[granule], _dodge(i * len(engines) + j, nr_series),
                    style_of(engine, i, sources))
        axes.set_title(f"{granule} granule", fontsize=10)
        axes.set_xticks(range(len(places[granule])),
                        [f"{part}\nof {block}"
                         for block, part in places[granule]], fontsize=8)
        axes.set_xlim(-0.5, len(places[granule]) - 0.5)
        for edge in range(1, len(places[granule])):
            axes.axvline(edge - 0.5, color="#eeeeee", zorder=0)
        axes.set_yscale("log")
        _time_axis(axes.yaxis)
    panels[0][0].set_ylabel("CPU time of one unmap (log)")
    where = "/".join(_values(everything, "where"))
    return _finish(
        figure, panels[0], "Unmapping a part out of a block",
        HOW.format(n=nr_rounds(everything)) +
        f" Part: {where} of the block. No TLB cost. Hollow: the work was not "
        "done (refused or stuck). lpae-whole gives up all of the block.",
        sources)


def _partial_series(axes: Axes, series: Sequence[Samples],
                    places: Sequence[tuple[str, str]], dodge: float,
                    style: Style) -> None:
    for samples in series:
        spread = spread_of(samples)
        if spread is None:
            continue
        middle, below, above = spread
        x = places.index((samples.case.get("block"),
                          samples.case.get("part"))) + dodge
        is_same_work = samples.label == "ok"
        axes.errorbar([x], [middle], yerr=[[below], [above]],
                      color=style.color, marker=style.marker, markersize=6,
                      markerfacecolor=style.color if is_same_work else "white",
                      fillstyle=style.fillstyle, linestyle="none", capsize=2,
                      label=style.label, zorder=3)


def _count_of(samples: Samples) -> float | None:
    """How many leaves a call handles; a full table's by what it did."""
    word = samples.case.get("count")
    if word.isdigit():
        return float(word)
    size = names.size_bytes(samples.case.get("size"))
    moved = max((value for key in ("bytes_mapped", "bytes_unmapped")
                 for value in samples.values(key)), default=0)
    if size and moved:
        return moved / size
    entries = samples.values("pte_writes")
    return entries[0] if entries else None


def _line(axes: Axes, series: Sequence[Samples], style: Style,
          dodge: float = 0.0) -> None:
    """One engine's cost by leaves, a little beside its neighbours."""
    points = []
    for samples in series:
        count, spread = _count_of(samples), spread_of(samples)
        if count and spread:
            points.append((count * 2 ** (0.5 * dodge), *spread))
    if not points:
        return
    points.sort()
    xs, middles, below, above = zip(*points)
    axes.errorbar(xs, middles, yerr=[below, above], color=style.color,
                  marker=style.marker, markersize=5, capsize=2,
                  linestyle=style.linestyle, fillstyle=style.fillstyle,
                  label=style.label, zorder=3)


def draw_calls(sources: Sequence[Source]) -> Figure | None:
    """What one map or unmap call costs by the leaves it handles."""
    wanted = {"cache": "warm", "walker": "coherent"}
    per_source = [{family: _kept(_timed(s, family), **wanted)
                   for family in ("map", "unmap")} for s in sources]
    everything = [s for families in per_source
                  for series in families.values() for s in series]
    if not everything:
        return None
    columns = sorted({(s.case.get("granule"), s.case.get("size"))
                      for s in everything},
                     key=lambda gs: [names.sort_key(v) for v in gs])
    families = [f for f in ("map", "unmap")
                if any(p[f] for p in per_source)]
    figure, panels = plt.subplots(
        len(families), len(columns), squeeze=False, sharey=True, sharex=True,
        figsize=(2.0 + 2.1 * len(columns), 1.8 + 2.6 * len(families)))
    for row, family in zip(panels, families):
        for axes, (granule, size) in zip(row, columns):
            for i, source in enumerate(sources):
                chosen = [s for s in per_source[i][family]
                          if s.case.get("granule") == granule
                          and s.case.get("size") == size]
                engines = _engines(chosen)
                for j, engine in enumerate(engines):
                    _line(axes, [s for s in chosen
                                 if s.case.get("engine") == engine],
                          style_of(engine, i, sources),
                          _dodge(j, len(engines)))
                _limit_line(axes, source, family, granule, sources)
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_locator(FixedLocator(LEAF_TICKS))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(
                FuncFormatter(lambda value, _: f"{value:g}"))
            axes.tick_params(axis="x", labelsize=7)
            axes.set_yscale("log")
            _time_axis(axes.yaxis)
        row[0].set_ylabel(f"CPU time of one {family} (log)", fontsize=8)
    for i, (granule, size) in enumerate(columns):
        panels[0][i].set_title(f"{size} leaves\n{granule} granule",
                               fontsize=9)
        panels[-1][i].set_xlabel("leaves a call (log)", fontsize=8)
    return _finish(
        figure, list(panels.flat), "One map or unmap call",
        HOW.format(n=nr_rounds(everything)) +
        " Warm cache, coherent walker, no TLB cost. Limit: plain stores to "
        "as many entries.", sources)


def _limit_line(axes: Axes, source: Source, family: str, granule: str,
                sources: Sequence[Source]) -> None:
    """The floor: filling (map) or clearing (unmap) the same entries."""
    series = [s for s in _timed(source, "limit")
              if s.case.get("op").startswith("fill") == (family == "map")
              and s.case.get("granule") == granule]
    label = "limit" if len(sources) == 1 else f"limit, {source.name}"
    _line(axes, series, Style(label, LIMIT_COLOR, "", ":"))


def draw_replay(sources: Sequence[Source]) -> Figure | None:
    """What an event of a recorded trace costs on each engine."""
    per_source = [_kept(_timed(s, "replay"), sync="each") for s in sources]
    everything = [s for series in per_source for s in series]
    if not everything:
        return None
    traces = _values(everything, "trace")[::-1]
    engines = _engines(everything)
    nr_series = len(engines) * len(sources)
    figure, panels = plt.subplots(
        1, 2, squeeze=False, sharey=True,
        figsize=(10.5, 1.9 + len(traces) * (0.16 + 0.11 * nr_series)))
    for axes, op in zip(panels[0], ("map", "unmap")):
        for i, series in enumerate(per_source):
            for j, engine in enumerate(engines):
                _replay_series(axes, [s for s in series
                                      if s.case.get("engine") == engine],
                               traces, f"{op}_min_ns",
                               -_dodge(i * len(engines) + j, nr_series),
                               style_of(engine, i, sources))
        axes.set_title(op, fontsize=10)
        axes.set_xscale("log")
        _time_axis(axes.xaxis)
        axes.set_xlabel(f"CPU time of one {op} event, mean over the trace (log)", fontsize=8)
        axes.set_yticks(range(len(traces)), traces, fontsize=8)
        axes.set_ylim(-0.5, len(traces) - 0.5)
        for edge in range(1, len(traces)):
            axes.axhline(edge - 0.5, color="#eeeeee", zorder=0)
    return _finish(
        figure, panels[0], "Replay of recorded traces",
        HOW.format(n=nr_rounds(everything)) +
        " One gather and sync an unmap event. No TLB cost.",
        sources)


def _replay_series(axes: Axes, series: Sequence[Samples],
                   traces: Sequence[str], key: str, dodge: float,
                   style: Style) -> None:
    points = [(spread_of(s, key), traces.index(s.case.get("trace")) + dodge)
              for s in series]
    there = [(spread, y) for spread, y in points if spread is not None]
    if not there:
        return
    axes.errorbar([spread[0] for spread, _ in there], [y for _, y in there],
                  xerr=[[spread[1] for spread, _ in there],
                        [spread[2] for spread, _ in there]],
                  color=style.color, marker=style.marker, markersize=5,
                  fillstyle=style.fillstyle, capsize=1.5, linestyle="none",
                  label=style.label, zorder=3)


@dataclass(frozen=True)
class Operation:
    """A column of the picture of costs: one operation on several engines."""

    family: str
    title: str
    keys: dict[str, str]


def _operations(source: Source) -> list[Operation]:
    """A page out of each block, and unmaps of many leaves."""
    found = []
    for samples in _kept(_timed(source, "unmap_partial"), where="middle",
                         part="page"):
        case = samples.case
        found.append(Operation(
            "unmap_partial",
            f"{case.get('granule')} page\nout of {case.get('block')}",
            {k: v for k, v in case.keys if k != "engine"}))
    for samples in _kept(_timed(source, "unmap"), count="256", granule="4K",
                         cache="warm", walker="coherent"):
        if samples.case.get("size") in ("4K", "2M"):
            found.append(Operation(
                "unmap", f"unmap of\n256 x {samples.case.get('size')}",
                {k: v for k, v in samples.case.keys if k != "engine"}))
    unique = {op.title: op for op in found}
    return sorted(unique.values(), key=lambda op: (
        op.family != "unmap_partial",
        [names.sort_key(op.keys.get(key, ""))
         for key in ("granule", "block", "size")]))


def _cost_bars(axes: Axes, cases: Sequence[Samples],
               shown: Sequence[str]) -> None:
    """A bar an engine: CPU time, simulated time stacked on it, the sum."""
    by_engine = {s.case.get("engine"): s for s in cases}
    engines = [e for e in shown if e in by_engine]
    widest = 0.0
    for y, engine in enumerate(engines):
        samples = by_engine[engine]
        spread = spread_of(samples)
        if spread is None:
            continue
        cpu, sim = spread[0], samples.values("sim_ns")[0]
        widest = max(widest, cpu + sim)
        color = color_of(engine)
        is_done = samples.label == "ok"
        axes.barh([y], [cpu], color=color if is_done else "white",
                  edgecolor=color, height=0.62, zorder=3)
        axes.barh([y], [sim], left=[cpu], color="#cccccc", height=0.62,
                  edgecolor="#666666", hatch="////", zorder=3)
        text = human_ns(cpu + sim) + ("" if is_done else
                                      f" ({samples.label})")
        axes.annotate(text, (cpu + sim, y), xytext=(3, 0), fontsize=7,
                      textcoords="offset points", va="center")
    axes.set_yticks(range(len(engines)), engines, fontsize=7.5)
    axes.set_ylim(len(engines) - 0.4, -0.6)
    axes.set_xlim(0, widest * 1.75 or 1)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(
        lambda value, _: _tick(value, 0) if value else "0"))
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(True, axis="x", color="#dddddd", zorder=0)


def draw_costs(sources: Sequence[Source]) -> Figure | None:
    """CPU and simulated time of an operation, stacked, by cost profile."""
    source = sources[-1]
    profiles = [p for p in _profiles(source, "unmap_partial") if p]
    operations = _operations(source)
    if not profiles or not operations:
        return None
    figure, panels = plt.subplots(
        len(profiles), len(operations), squeeze=False,
        figsize=(0.8 + 2.15 * len(operations), 1.4 + 1.75 * len(profiles)))
    everything: list[Samples] = []
    for row, profile in zip(panels, profiles):
        for axes, op in zip(row, operations):
            cases = [s for s in _profiles(source, op.family).get(profile, [])
                     if {k: v for k, v in s.case.keys if k != "engine"}
                     == op.keys]
            everything += cases
            shown = ("lpae-split", "unmap-remap", "lpae-whole",
                     "lpae-nosplit") if op.family == "unmap_partial" \
                else ("lpae-6.1", "lpae-6.12", "lpae-7.3")
            _cost_bars(axes, cases, shown)
        row[0].set_ylabel(profile, fontsize=9, fontweight="bold")
    for axes, op in zip(panels[0], operations):
        axes.set_title(op.title, fontsize=9)
    handles = [Patch(facecolor="#555555", edgecolor="#555555"),
               Patch(facecolor="#cccccc", edgecolor="#666666", hatch="////")]
    return _finish(
        figure, list(panels.flat), "What an unmap costs",
        f"CPU: median over n={nr_rounds(everything)} processes of each one's "
        "fastest section. Hatched: simulated by the cost profile named at the "
        "left, not measured. Each panel has a scale of its own. White: the "
        "work was not done. lpae-whole gives up all of the block; "
        "unmap-remap is what a caller does where the engine does not split.",
        [source], list(zip(handles, ["CPU time, measured",
                                     "TLB invalidation, simulated"])))


TEARDOWN_ENGINE = "lpae-nosplit"
SIZE_TICKS = tuple(1 << i for i in range(30, 46, 2))


# More strategies than engines: two more colours and markers.
STRATEGY_STYLES = tuple(zip((*COLORS, "#999933", "#117733"),
                            (*MARKERS, "p", "h")))


def _strategy_style(strategy: str) -> dict[str, Any]:
    """How a strategy looks: a line of its colour."""
    place = teardown.STRATEGIES.index(strategy)
    color, marker = STRATEGY_STYLES[place % len(STRATEGY_STYLES)]
    return {"color": color, "marker": marker, "markersize": 5,
            "linewidth": 1.2, "alpha": 0.85}


def _ram(machine: teardown.Machine) -> int:
    return names.size_bytes(machine.vm.partition("-")[0]) or 0


def _teardown_series(axes: Axes, machines: dict[teardown.Machine,
                                                teardown.Cells],
                     engine: str, key: str, profile: str) -> list[Samples]:
    """A line a strategy: a time over the machine's size; what was drawn."""
    drawn = []
    for place, strategy in enumerate(teardown.STRATEGIES):
        points = []
        beside = 2 ** (0.6 * _dodge(place, len(teardown.STRATEGIES)))
        for machine, cells in machines.items():
            cell = cells.get((strategy, engine))
            samples = cell.profiles.get(profile) if cell else None
            spread = spread_of(samples, key) if samples else None
            if samples and spread and spread[0] > 0 and cell \
                    and cell.label != "stuck":
                points.append((_ram(machine) * beside, *spread))
                drawn.append(samples)
        if not points:
            continue
        xs, middles, below, above = zip(*sorted(points))
        axes.errorbar(xs, middles, yerr=[below, above], capsize=2,
                      label=strategy, zorder=3,
                      **_strategy_style(strategy))
    return drawn


def _size_axis(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(SIZE_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(
        lambda value, _: human_count("bytes", value)))
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("RAM of the machine (log)", fontsize=8)
    axes.set_yscale("log")
    _time_axis(axes.yaxis)


def draw_teardown(sources: Sequence[Source]) -> Figure | None:
    """Teardown time over the machine's size: CPU, of it scanning, and what
    each profile simulates, each in a panel of its own."""
    source = sources[-1]
    machines = {m: c for m, c in teardown.machines(
        source.result.family(teardown.FAMILY)).items()
        if (m.backing, m.page) == ("2M", "4K") and "-" not in m.vm}
    engines = _engines([s for cells in machines.values()
                        for cell in cells.values() if cell.label
                        for s in cell.profiles.values()])
    if len(machines) < 2 or not engines:
        return None
    engine = TEARDOWN_ENGINE if TEARDOWN_ENGINE in engines else engines[0]
    profiles = [p for p in _profiles(source, teardown.FAMILY)]
    columns = [("CPU time, measured", "block_min_ns", profiles[0]),
               ("of it lookups, measured", "scan_ns", profiles[0]),
               *((f"simulated by {p}", "sim_ns", p) for p in profiles)]
    figure, panels = plt.subplots(
        1, len(columns), squeeze=False, sharex=True, sharey=True,
        figsize=(1.0 + 2.9 * len(columns), 5.6))
    everything: list[Samples] = []
    for axes, (title, key, profile) in zip(panels[0], columns):
        everything += _teardown_series(axes, machines, engine, key, profile)
        axes.set_title(title, fontsize=9)
        _size_axis(axes)
    panels[0][0].set_ylabel("time of one teardown (log)", fontsize=8)
    return _finish(
        figure, panels[0], f"Tearing down a virtual machine, {engine}",
        f"Median over n={nr_rounds(everything)} processes, whiskers: fastest "
        "to slowest. Memory in hugetlb pages of 2M, host pages of 4K; each "
        "machine also has a BAR of 16G, which all but iommufd scan. Simulated "
        "time is not measured. Strategies that got stuck are left out; "
        "unpinning is in none. Lines that lie on each other are drawn a "
        "little beside their place.", [source], order=teardown.STRATEGIES)


SHARINGS = ("nothing", "queue", "root", "root-queue", "leaf", "leaf-queue")
PLACES = {"complex": "cores of one complex", "node": "complexes of one node",
          "nodes": "several nodes"}
PUBLISHED = Path(__file__).resolve().parents[2] / "data" / "profiles" / \
    "smmuv3-noril.ini"


def published_unmaps(path: Path = PUBLISHED) -> list[tuple[int, float]]:
    """CPUs and ns of an unmap, from the contention table of a profile."""
    profile = configparser.ConfigParser(interpolation=None)
    profile.read(path, encoding="utf-8")
    return [(int(section.split()[1]),
             float(profile[section]["unmap"].removesuffix(" ns")))
            for section in profile.sections()
            if section.startswith("contention ")]


def _sharing_style(sharing: str, source: int,
                   sources: Sequence[Source]) -> Style:
    """What is shared has its colour and marker, a source its line."""
    place = SHARINGS.index(sharing) if sharing in SHARINGS else 0
    label = sharing if len(sources) == 1 \
        else f"{sharing}, {sources[source].name}"
    return Style(label, COLORS[place], MARKERS[place],
                 ("-", "--", ":", "-.")[source % 4])


def _by_cpus(series: Sequence[Samples], place: str, sharing: str) \
        -> list[Samples]:
    """The cases of a line, that of one CPU first."""
    return sorted((s for s in series if nr_cpus(s) == 1
                   or (s.case.get("place"), s.case.get("sharing"))
                   == (place, sharing)), key=nr_cpus)


def _rates(axes: Axes, line: Sequence[Samples], style: Style) -> None:
    """Operations a second of all CPUs, from each process's least time."""
    points = []
    for s in line:
        values = s.values("block_min_ns") or s.values("cpu_ns")
        rates = [nr_cpus(s) * 1e9 / value for value in values]
        middle = median(rates)
        points.append((nr_cpus(s), middle, middle - min(rates),
                       max(rates) - middle))
    xs, middles, below, above = zip(*points)
    axes.errorbar(xs, middles, yerr=[below, above], color=style.color,
                  marker=style.marker, markersize=5, capsize=2,
                  linestyle=style.linestyle, label=style.label, zorder=3)


def _unmap_calls(axes: Axes, line: Sequence[Samples], style: Style) -> None:
    """Half of all unmaps take less, and 1 % more than the whisker's end."""
    points = [(nr_cpus(s), median(s.values("unmap_p50_ns")),
               median(s.values("unmap_p99_ns")))
              for s in line if s.values("unmap_p50_ns")]
    if not points:
        return
    xs, halves, tails = zip(*points)
    axes.errorbar(xs, halves, yerr=[[0] * len(xs), [
        max(0, tail - half) for half, tail in zip(halves, tails)]],
        color=style.color, marker=style.marker, markersize=5, capsize=2,
        linestyle=style.linestyle, label=style.label, zorder=3)


def _cpu_axis(axes: Axes, most: int) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(
        [n for n in (1, 2, 4, 8, 16, 32, 64, 96) if n <= most]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(0.85, most * 1.2)
    axes.tick_params(axis="x", labelsize=8)


def _contention_column(panels: Sequence[Axes], place: str,
                       per_source: Sequence[Sequence[Samples]],
                       sources: Sequence[Source]) -> None:
    """A place: throughput above, single calls below."""
    rates, calls = panels
    for i, series in enumerate(per_source):
        for sharing in SHARINGS:
            line = _by_cpus(series, place, sharing)
            if not any(nr_cpus(s) > 1 for s in line):
                continue
            style = _sharing_style(sharing, i, sources)
            _rates(rates, line, style)
            _unmap_calls(calls, line, style)
    most = max(nr_cpus(s) for series in per_source for s in series)
    alone = [1e9 / min(s.values("block_min_ns") or s.values("cpu_ns"))
             for s in per_source[0] if nr_cpus(s) == 1]
    if alone:
        rates.plot([1, most], [alone[0], alone[0] * most], linestyle=":",
                   color=LIMIT_COLOR, label="ideal", zorder=1)
    told = [(n, ns) for n, ns in published_unmaps() if n <= most]
    calls.plot(*zip(*told), color="#000000", linestyle=":", marker="x",
               label="published dma_unmap", zorder=2)
    rates.set_title(PLACES.get(place, place), fontsize=9)
    rates.set_yscale("log")
    rates.yaxis.set_major_locator(TimeLocator())
    rates.yaxis.set_minor_locator(NullLocator())
    rates.yaxis.set_major_formatter(FuncFormatter(
        lambda value, _: re.sub(r"\.0+(?=[kMG]|/)", "", human_rate(value))))
    rates.tick_params(labelsize=8)
    rates.grid(True, color="#dddddd", zorder=0)
    calls.set_yscale("log")
    _time_axis(calls.yaxis)
    for axes in panels:
        _cpu_axis(axes, most)
    calls.set_xlabel("CPUs (log)", fontsize=8)


def draw_contention(sources: Sequence[Source]) -> Figure | None:
    """How CPUs that map and unmap at a time get on with each other."""
    per_source = [_timed(s, "contention") for s in sources]
    everything = [s for series in per_source for s in series]
    engines = _engines(everything)
    if not any(nr_cpus(s) > 1 for s in everything):
        return None
    engine = "lpae-7.3" if "lpae-7.3" in engines else engines[-1]
    per_source = [_kept(series, engine=engine) for series in per_source]
    places = [p for p in PLACES if any(s.case.get("place") == p
                                       for s in everything)]
    figure, panels = plt.subplots(
        2, len(places), squeeze=False, sharex=True, sharey="row",
        figsize=(2.6 + 3.0 * len(places), 6.6))
    for i, place in enumerate(places):
        _contention_column([row[i] for row in panels], place, per_source,
                           sources)
    panels[0][0].set_ylabel("maps and unmaps of 4K, all CPUs (log)",
                            fontsize=8)
    panels[1][0].set_ylabel("a single unmap: half, and 99 % (log)",
                            fontsize=8)
    return _finish(
        figure, list(panels.flat),
        f"What CPUs share that map and unmap at a time ({engine})",
        HOW.format(n=nr_rounds(everything)) +
        " Below: medians over processes of the 50th percentile, whiskers to "
        "the 99th. The queue's SMMU takes no time. Published: a HiSilicon "
        "server with one, Linux 5.7, the SMMU's time included; another "
        "machine, for the shape.", sources)


PICTURES: dict[str, Callable[[Sequence[Source]], Figure | None]] = {
    "costs": draw_costs,
    "unmap_partial": draw_partial,
    "map_unmap": draw_calls,
    "replay": draw_replay,
    "teardown": draw_teardown,
    "contention": draw_contention,
}


def draw_all(paths: Sequence[Path], directory: Path) -> list[Path]:
    """Draw each picture that the results have rows for.

    Makes the directory if there is something to put in it. Raises OSError,
    or results.BadOutput when a file is no result.
    """
    sources = [Source(results.load(path), path.stem) for path in paths]
    written = []
    for name, draw in PICTURES.items():
        figure = draw(sources)
        if figure is None:
            continue
        directory.mkdir(parents=True, exist_ok=True)
        for suffix in METADATA:
            path = directory / f"{name}.{suffix}"
            figure.savefig(path, dpi=DPI, metadata=METADATA[suffix])
            written.append(path)
        plt.close(figure)
    return written
