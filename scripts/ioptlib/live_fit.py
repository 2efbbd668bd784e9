# SPDX-License-Identifier: GPL-2.0-only
"""Prices of one machine, fitted to what its unmaps took.

    unmap - cpu = ioctl * calls of the user + call * iommu_unmap()s
                  + sync * CMD_SYNCs + exec * commands by address
                  + context_exec * whole-context commands
                  + unpin_4k * pages + unpin_2m * 2M in huge pages

The counts, and the CPU time of the page table, are the model's. Prices are not
negative. Each row counts by its relative error, so that the large ones do not
decide alone. A price whose column follows from others, or that nothing was
done of, stays what the base profile says, and that is said.
"""

from __future__ import annotations

import configparser
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from .validate import BadRun, time_ns

# In this order they are taken: one that follows from those before it stays.
KEYS = ("ioctl", "unpin_4k", "unpin_2m", "call", "sync", "exec",
        "context_exec")
WORDS = {"ioctl": "a call of the user", "call": "an iommu_unmap()",
         "sync": "a CMD_SYNC", "exec": "a command by address",
         "context_exec": "a whole-context command",
         "unpin_4k": "unpinning a page", "unpin_2m": "unpinning 2M in huge "
         "pages"}
# Of a column of length 1, what must be left when those before are taken out.
LEAST_NEW = 0.02
# A column has a part in another when it makes up that much of it.
LEAST_PART = 0.05
TEXT_MAX = 500
LINE_MAX = 78

Matrix = NDArray[np.float64]


class BadFit(ValueError):
    """Nothing can be fitted to these points."""


@dataclass(frozen=True)
class Point:
    """A row: what it took, the model's CPU time of it, and its counts."""

    name: str
    measured_ns: float
    cpu_ns: float
    counts: Mapping[str, float]


@dataclass(frozen=True)
class Price:
    """A price in ns; held has the reason why it is the base profile's."""

    key: str
    ns: float
    error_ns: float | None = None
    held: str = ""

    @property
    def is_at_bound(self) -> bool:
        """Fitted, and nothing is left for it."""
        return not self.held and self.ns == 0


@dataclass(frozen=True)
class Residual:
    """A row as predicted with the fitted prices."""

    name: str
    measured_ns: float
    predicted_ns: float

    @property
    def relative(self) -> float:
        """What is predicted too much, of what was measured."""
        return self.predicted_ns / self.measured_ns - 1


@dataclass(frozen=True)
class Fit:
    """All prices, by key, and how well they do."""

    prices: Mapping[str, Price]
    residuals: tuple[Residual, ...]
    dropped: tuple[str, ...] = ()
    label: str = ""
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def rms(self) -> float:
        """Root mean square of the relative errors."""
        return math.sqrt(sum(r.relative ** 2 for r in self.residuals) /
                         len(self.residuals))

    @property
    def worst(self) -> Residual:
        """The row that is predicted worst."""
        return max(self.residuals, key=lambda r: abs(r.relative))

    def parts(self, point: Point) -> dict[str, float]:
        """What a row is predicted to take, in ns: CPU time of the page table,
        software round it, simulated invalidation, unpinning.
        """
        def cost(*keys: str) -> float:
            return sum(self.prices[key].ns * point.counts.get(key, 0.0)
                       for key in keys)
        return {"cpu": point.cpu_ns, "calls": cost("ioctl", "call"),
                "sim": cost("sync", "exec", "context_exec"),
                "unpin": cost("unpin_4k", "unpin_2m")}


def usable(points: Sequence[Point]) -> tuple[list[Point], list[str]]:
    """The points that are numbers, and a line for each that is not."""
    good, dropped = [], []
    for point in points:
        values = [point.measured_ns, point.cpu_ns,
                  *(point.counts.get(key, 0.0) for key in KEYS)]
        if not all(math.isfinite(value) and value >= 0 for value in values) \
                or point.measured_ns == 0:
            dropped.append(f"{point.name}: not a time above zero, or a count "
                           "that is none")
        else:
            good.append(point)
    return good, dropped


def _share(kept: Matrix, column: Matrix, names: Sequence[str]) \
        -> tuple[float, list[str]]:
    """How much of a column of length 1 the others leave, and which have part
    in it.
    """
    if not names:
        return 1.0, []
    weights = np.linalg.lstsq(kept, column, rcond=None)[0]
    left = float(np.linalg.norm(column - kept @ weights))
    return left, [name for name, weight in zip(names, weights)
                  if abs(weight) > LEAST_PART]


def choose(matrix: Matrix) -> tuple[list[str], dict[str, str]]:
    """The keys that can be told apart, and why each other one cannot."""
    chosen: list[str] = []
    held: dict[str, str] = {}
    units = np.zeros((matrix.shape[0], 0))
    for index, key in enumerate(KEYS):
        length = float(np.linalg.norm(matrix[:, index]))
        if length == 0:
            held[key] = "no row did any of it"
            continue
        if len(chosen) == matrix.shape[0]:
            held[key] = "there are not more rows than prices"
            continue
        column = matrix[:, index] / length
        left, partners = _share(units, column, chosen)
        if left < LEAST_NEW:
            held[key] = ("in these rows it follows from "
                         + ", ".join(partners or chosen))
            continue
        chosen.append(key)
        units = np.column_stack([units, column])
    return chosen, held


def _errors(matrix: Matrix, solution: Matrix, target: Matrix) \
        -> list[float | None]:
    """Standard errors of the prices that are not at their bound."""
    active = np.flatnonzero(solution > 0)
    spare = matrix.shape[0] - len(active)
    errors: list[float | None] = [None] * len(solution)
    if spare <= 0 or not len(active):
        return errors
    part = matrix[:, active]
    rest = target - matrix @ solution
    variance = float(rest @ rest) / spare
    covariance = np.linalg.pinv(part.T @ part) * variance
    for place, index in enumerate(active):
        errors[index] = math.sqrt(max(0.0, float(covariance[place, place])))
    return errors


def fit(points: Sequence[Point], base_ns: Mapping[str, float],
        label: str = "") -> Fit:
    """Prices that make the least of the relative errors; base_ns has those
    that stand in where one cannot be told, 0 for one that it does not have.
    """
    good, dropped = usable(points)
    if not good:
        raise BadFit("there is no row to fit prices to")
    weights = np.array([1 / p.measured_ns for p in good])
    matrix = np.array([[p.counts.get(key, 0.0) for key in KEYS]
                       for p in good]) * weights[:, None]
    target = np.array([p.measured_ns - p.cpu_ns for p in good]) * weights
    chosen, held = choose(matrix)
    columns = [KEYS.index(key) for key in chosen]
    for key in held:
        target = target - matrix[:, KEYS.index(key)] * base_ns.get(key, 0.0)
    prices = {key: Price(key, base_ns.get(key, 0.0), held=why)
              for key, why in held.items()}
    if chosen:
        part = matrix[:, columns]
        lengths = np.linalg.norm(part, axis=0)
        solution = nnls(part / lengths, target)[0] / lengths
        errors = _errors(part, solution, target)
        for key, value, error in zip(chosen, solution, errors):
            prices[key] = Price(key, float(value), error)
    return _with_residuals(Fit(prices, (), tuple(dropped), label), good)


def _with_residuals(done: Fit, points: Sequence[Point]) -> Fit:
    """The same prices, held against these points."""
    residuals = tuple(Residual(p.name, p.measured_ns,
                               sum(done.parts(p).values())) for p in points)
    return Fit(done.prices, residuals, done.dropped, done.label, done.others)


def against(done: Fit, points: Sequence[Point]) -> Fit:
    """How well prices foretell other points than those they were fitted to."""
    good, dropped = usable(points)
    if not good:
        raise BadFit("there is no row to hold the prices against")
    return _with_residuals(Fit(done.prices, (), tuple(dropped), done.label),
                           good)


def best(fits: Sequence[Fit]) -> Fit:
    """Of several candidates the one with the least error; the first of
    equals. It knows how the others did.
    """
    if not fits:
        raise BadFit("there is no candidate")
    found = min(fits, key=lambda candidate: candidate.rms)
    return Fit(found.prices, found.residuals, found.dropped, found.label,
               {other.label: other.rms for other in fits
                if other is not found})


def as_dict(done: Fit) -> dict[str, Any]:
    """For a result file."""
    return {"features": done.label, "rms": done.rms,
            "worst": done.worst.name, "worst_relative": done.worst.relative,
            "prices": {key: asdict(price)
                       for key, price in sorted(done.prices.items())},
            "residuals": [asdict(r) | {"relative": r.relative}
                          for r in done.residuals],
            "dropped": list(done.dropped), "others": dict(done.others)}


def told(done: Fit) -> list[str]:
    """The prices, for a person."""
    lines = [f"fitted to {len(done.residuals)} rows with {done.label}: rms "
             f"{done.rms:.1%}, worst {done.worst.relative:+.1%} "
             f"({done.worst.name})"]
    lines += [f"  with {name} instead: rms {rms:.1%}"
              for name, rms in done.others.items()]
    for key in KEYS:
        price = done.prices[key]
        said = f"{price.ns:.4g} ns"
        if price.held:
            said = f"left at {said}: {price.held}"
        elif price.is_at_bound:
            said = "0 ns: nothing is left for it"
        elif price.error_ns is not None:
            said += f" +- {price.error_ns:.2g}"
        lines.append(f"  {key:12} {said}  ({WORDS[key]})")
    return lines + [f"  left out: {line}" for line in done.dropped]


def rows_text(done: Fit) -> list[str]:
    """Measured and predicted, a line a row."""
    width = max(len(r.name) for r in done.residuals)
    return [f"  {'row':{width}} {'measured ns':>14} {'predicted ns':>14}",
            *(f"  {r.name:{width}} {r.measured_ns:14.0f} "
              f"{r.predicted_ns:14.0f} {r.relative:+8.1%}"
              for r in done.residuals)]


def report(done: Fit) -> list[str]:
    """Prices and residuals, for a person."""
    return [*told(done), *rows_text(done)]


def foretold(done: Fit, name: str) -> list[str]:
    """The same of points that it was not fitted to."""
    return [f"held against {name}: rms {done.rms:.1%}, worst "
            f"{done.worst.relative:+.1%} ({done.worst.name})",
            *rows_text(done)]


# Profiles.

def read_profile(text: str) -> configparser.ConfigParser:
    """A profile's sections."""
    ini = configparser.ConfigParser(interpolation=None,
                                    comment_prefixes=(";",))
    try:
        ini.read_string(text)
    except configparser.Error as error:
        raise BadFit(f"the base profile cannot be read: {error}") from error
    return ini


def base_prices(text: str) -> dict[str, float]:
    """The prices of a profile in ns, by section."""
    ini = read_profile(text)
    try:
        return {name: float(time_ns(ini[name]["value"]))
                for name in ini.sections() if "value" in ini[name]}
    except BadRun as error:
        raise BadFit(f"the base profile: {error}") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())[:TEXT_MAX]


def _folded(line: str) -> list[str]:
    """A line of a profile as several that its reader takes, which allows 198
    characters: a value goes on behind a blank."""
    return textwrap.wrap(
        line, LINE_MAX, break_on_hyphens=False,
        subsequent_indent="; " if line.startswith(";") else "    ") or [""]


def _section(name: str, ns: float, kind: str, source: str,
             arithmetic: str = "") -> list[str]:
    lines = [f"[{name}]", f"value = {round(ns, 3):.15g} ns", f"kind = {kind}"]
    if arithmetic:
        lines.append(f"arithmetic = {_one_line(arithmetic)}")
    return [*lines, f"source = {_one_line(source)}", ""]


def _fitted(done: Fit, price: Price, source: str) -> list[str]:
    arithmetic = (f"non-negative least squares of relative errors over "
                  f"{len(done.residuals)} rows, rms {done.rms:.1%}")
    if price.error_ns is not None:
        arithmetic += f", standard error {price.error_ns:.2g} ns"
    if price.is_at_bound:
        arithmetic += ", at its bound: nothing was left for it"
    return _section(price.key, price.ns, "derived", f"fitted: {source}",
                    arithmetic)


def _issue(key: str, base_ns: float, exec_ns: float) -> list[str]:
    """The CPU's share of a command, which one thread cannot tell from that of
    the hardware: no more than it.
    """
    return _section(key, min(base_ns, exec_ns), "assumed",
                    "cannot be told from execution by one thread: the base "
                    "profile's, at most that of execution")


def profile_text(done: Fit, base: str, base_name: str, name: str, title: str,
                 has_ril: bool, source: str) -> str:
    """A profile with the fitted prices, and the base's where there is none.

    The price of a call of the user is no price of a profile: it is said at
    the head.
    """
    ini, prices = read_profile(base), base_prices(base)
    user = done.prices["ioctl"]
    lines = ["; SPDX-License-Identifier: GPL-2.0-only",
             f"; Fitted to {len(done.residuals)} rows of a live run:",
             f"; {source};",
             f"; relative errors rms {done.rms:.1%}, worst "
             f"{done.worst.relative:+.1%} ({done.worst.name}).",
             f"; Beside these prices a call of the user took {user.ns:.4g} "
             "ns.", "", "[profile]", f"name = {name}",
             f"title = {_one_line(title)}", "interface = smmuv3",
             f"ril = {'on' if has_ril else 'off'}", ""]
    for section in ini.sections():
        if section == "profile" or section.startswith("contention"):
            continue
        price = done.prices.get(section)
        issued = {"issue": "exec", "context_issue": "context_exec"}
        if price and not price.held:
            lines += _fitted(done, price, source)
        elif section in issued:
            lines += _issue(section, prices[section],
                            done.prices[issued[section]].ns)
        else:
            why = f" ({price.held})" if price else ""
            lines += _section(
                section, prices[section], ini[section]["kind"],
                f"of {base_name}{why}: {ini[section]['source']}",
                ini[section].get("arithmetic", ""))
    return "\n".join(part for line in lines for part in _folded(line))
