# SPDX-License-Identifier: GPL-2.0-only
"""The picture of a series, as SVG to stand inside a page."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from . import plots
from .console import printable
from .history import Point, Run, Series
from .report import Finding

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
SIZE_INCHES = (6.4, 1.9)
NEAR = 0.03

# The prefixes that HTML knows: it has no others inside an svg element.
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def whiskers(point: Point) -> str:
    """What a point's whiskers are, and of how many pairs."""
    return (f"{'95 % interval' if point.is_interval else 'range'} of "
            f"{point.nr_pairs} pairs")


def _told(run: Run, point: Point) -> str:
    """What stands at a point: revision, time, value and how sure."""
    return (f"{run.revision}, {run.started}: {point.ratio:.4f} "
            f"[{point.low:.4f}, {point.high:.4f}], {whiskers(point)}")


def _draw(one: Series, runs: Iterable[str], found: Sequence[Finding],
          prefix: str) -> Figure:
    """The series at the numbers that its runs have among all of these."""
    numbers = {run: i for i, run in enumerate(runs)}
    at = [numbers[run] for run in one.runs]
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    for is_interval, color in ((True, plots.COLORS[0]),
                               (False, plots.LIMIT_COLOR)):
        part = [(i, point.ratio, point.ratio - point.low,
                 point.high - point.ratio)
                for i, point in zip(at, one.points)
                if point.is_interval is is_interval]
        if part:
            where, ratios, down, up = zip(*part)
            axes.errorbar(where, ratios, yerr=[down, up], fmt="none",
                          ecolor=color, alpha=0.7)
    axes.plot(at, one.ratios, color=plots.COLORS[0], linewidth=0.8, alpha=0.6)
    for i, ratio in enumerate(one.ratios):
        [dot] = axes.plot([at[i]], [ratio], marker="o", markersize=4,
                          color=plots.COLORS[0])
        dot.set_gid(f"{prefix}-{i}")
    for finding in found:
        between = (numbers[finding.good.id] + numbers[finding.bad.id]) / 2
        color = plots.COLORS[1] if finding.is_worse else plots.COLORS[2]
        axes.axvline(between, color=color,
                     linestyle=":" if finding.mark else "-")
    low_end, high_end = min(one.ratios), max(one.ratios)
    axes.set_ylim(min(low_end, 1) * (1 - NEAR), max(high_end, 1) * (1 + NEAR))
    axes.axhline(1, color=plots.LIMIT_COLOR, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set_xlabel("run", fontsize=8)
    axes.set_ylabel("time / anchor", fontsize=8)
    axes.tick_params(labelsize=8)
    return figure


def picture(one: Series, runs: Mapping[str, Run], found: Sequence[Finding],
            prefix: str) -> str:
    """The series as an svg element; a point says its run when hovered.

    runs are all of the machine, by time: their places are their numbers.
    prefix makes the ids of one picture differ from those of the others.
    """
    stream = io.StringIO()
    _draw(one, runs, found, prefix).savefig(
        stream, format="svg", metadata=plots.METADATA["svg"])
    text = stream.getvalue()
    root = ElementTree.fromstring(text[text.index("<svg"):])
    for i, (run, point) in enumerate(zip(one.runs, one.points)):
        dot = root.find(f".//*[@id='{prefix}-{i}']")
        if dot is not None:
            title = ElementTree.SubElement(dot, f"{{{SVG}}}title")
            title.text = printable(_told(runs[run], point))
    metadata = root.find(f"{{{SVG}}}metadata")
    if metadata is not None:
        root.remove(metadata)
    root.set("role", "img")
    root.set("aria-label", printable(
        f"{one.title}: time over that of the anchor, {len(one.points)} runs"))
    return own_ids(ElementTree.tostring(root, encoding="unicode"), prefix)


def own_ids(text: str, prefix: str) -> str:
    """Ids in one page must differ: those of matplotlib get a prefix."""
    root = ElementTree.fromstring(text)
    renamed = {}
    for element in root.iter():
        key = element.get("id")
        if key and not key.startswith(f"{prefix}-"):
            renamed[key] = f"{prefix}-{key}"
            element.set("id", renamed[key])
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in (f"{{{XLINK}}}href", "href") and value[1:] in renamed:
                element.set(name, "#" + renamed[value[1:]])
            elif value.startswith("url(#") and value[5:-1] in renamed:
                element.set(name, f"url(#{renamed[value[5:-1]]})")
    return ElementTree.tostring(root, encoding="unicode")


def escape(text: object) -> str:
    """Text as it stands in a page."""
    return html.escape(printable(text), quote=True)
