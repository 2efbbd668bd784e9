# SPDX-License-Identifier: GPL-2.0-only
"""The picture of a live run: what was measured over what is predicted."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .live import Run
from .live_fit import Fit

US = 1000.0


def draw(fit: Fit, run: Run, path: Path) -> None:
    """Write the picture as PNG: the least of a row's repetitions, and a bar up
    to their median.
    """
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    predicted = [r.predicted_ns / US for r in fit.residuals]
    measured = [r.measured_ns / US for r in fit.residuals]
    above = [max(0.0, run.rows[r.name].middle("unmap_ns") / US - least)
             for r, least in zip(fit.residuals, measured)]
    for backing in sorted({_backing(r.name) for r in fit.residuals}):
        mine = [i for i, r in enumerate(fit.residuals)
                if _backing(r.name) == backing]
        axes.errorbar([predicted[i] for i in mine],
                      [measured[i] for i in mine],
                      yerr=[[0.0] * len(mine), [above[i] for i in mine]],
                      fmt="o", label=backing, alpha=0.7, capsize=2)
    ends = [min(predicted + measured) / 2, max(predicted + measured) * 2]
    axes.plot(ends, ends, "-", color="gray", linewidth=1,
              label="as predicted")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("predicted with the fitted prices, us")
    axes.set_ylabel("measured, us: least of all repetitions, to the median")
    host = run.host
    axes.set_title(f"Unmapping for a device, {host['way']}, "
                   f"Linux {host['kernel']}\n{host['iommu']}: "
                   f"n={len(fit.residuals)} rows, rms {fit.rms:.1%}",
                   fontsize=10)
    axes.legend(title="memory")
    axes.grid(True, which="major", alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _backing(name: str) -> str:
    """The key of a row's name; the word behind the slash in other names."""
    for part in name.split("/"):
        if part.startswith("backing:"):
            return part.removeprefix("backing:")
    return name.partition("/")[2] or name
