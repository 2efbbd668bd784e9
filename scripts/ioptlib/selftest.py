# SPDX-License-Identifier: GPL-2.0-only
"""How often the method is wrong, and how much it sees: from a recording of
processes whose difference is known.

Pure. A recording has rounds; in each round every arm ran once. Disjoint groups
of rounds are comparisons that have no process in common.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.stats import binomtest

from . import names, verdict
from .paired import FIRST_PAIRS, NEW, NULL, OLD, SECOND_PAIRS
from .stats import median, ratio_in_turns
from .verdict import Estimate, Stages

LINKED = ("linked1", "linked2")
SIZES = (1, 2, 5, 10)

HOT, COLD = "hot", "cold"
SHOWN, MET, OPEN, MISSED = "shown", "met", "open", "missed"

# Of hot comparisons, of runs, of hot cases with 5 % more work.
MOST_FALSE, MOST_FAMILY, LEAST_POWER = 0.01, 0.05, 0.95

# By case, arm and round the least time of an operation in ns, of each turn.
Samples = Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]]


def work_arm(size: int) -> str:
    """The arm that does so many percent more."""
    return f"work{size:02d}"


def rings(sizes: Sequence[int]) -> list[tuple[str, ...]]:
    """Arms that take turns: three, as in a comparison. Each ring has the old
    side in it, and what is measured in it is compared with that alone."""
    new = [*LINKED, *(work_arm(size) for size in sizes)]
    return [(OLD, NEW, NULL)] + [(f"{OLD}{i}", *new[i:i + 2])
                                 for i in range(0, len(new), 2)]


def base_of(arm: str, arms: Collection[str]) -> str:
    """The arm that this one is compared with, of those there are."""
    sizes = [size for size in SIZES if work_arm(size) in arms]
    base = next((ring[0] for ring in rings(sizes) if arm in ring), OLD)
    return base if base in arms else OLD


def class_of(key: str) -> str:
    """Hot, or cold where the case says so."""
    return COLD if names.is_cold(key) else HOT


@dataclass(frozen=True)
class Rate:
    """How often something happened."""

    hits: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's, of 95 %."""
        if not self.total:
            return 0.0, 1.0
        found = binomtest(self.hits, self.total).proportion_ci(
            0.95, method="exact")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        if not self.total:
            return "nothing tried"
        low, high = self.interval
        return (f"{self.hits}/{self.total} = {100 * self.hits / self.total:.1f}"
                f" % [{100 * low:.1f},{100 * high:.1f}]")


def tries_needed(most: float) -> int:
    """How many it takes for one that goes wrong to be no more than that."""
    return round(1 / most)


def met_most(rate: Rate, most: float) -> str:
    """Is it at most so much? shown: by all of its interval; met: by the rate
    itself, of tries enough; missed: the interval does not allow it; open: it
    does, and no more can be said."""
    low, high = rate.interval
    if high <= most:
        return SHOWN
    if low > most:
        return MISSED
    is_met = rate.total >= tries_needed(most) and \
        rate.hits / rate.total <= most
    return MET if is_met else OPEN


def met_least(rate: Rate, least: float) -> str:
    """Is it at least so much? As met_most() says it."""
    return met_most(Rate(rate.total - rate.hits, rate.total), 1 - least)


def groups(nr_rounds: int, size: int) -> list[range]:
    """Disjoint groups of rounds that follow each other; a rest is left."""
    return [range(i, i + size)
            for i in range(0, nr_rounds - size + 1, size)]


def estimate(samples: Samples, key: str, arm: str,
             rounds: Iterable[int]) -> Estimate | None:
    """An arm against the old side of its ring, of the rounds that both
    have."""
    of_case = samples[key]
    old = of_case.get(base_of(arm, of_case), {})
    new = of_case.get(arm, {})
    both = [i for i in rounds if i in old and i in new]
    ratios = [ratio_in_turns(old[i], new[i]) for i in both]
    return verdict.estimate([1.0] * len(ratios), ratios)


def is_difference(word: str) -> bool:
    """Does a verdict say that they differ?"""
    return word in (verdict.FASTER, verdict.SLOWER)


def single_verdicts(samples: Samples, keys: Sequence[str], new: str,
                    nr_rounds: int, size: int = FIRST_PAIRS) \
        -> list[tuple[str, str, Estimate]]:
    """Case, verdict and estimate of each comparison by one stage alone."""
    found = []
    for group in groups(nr_rounds, size):
        for key in keys:
            one = estimate(samples, key, new, group)
            if one is not None and one.is_interval:
                found.append((key, verdict.judge(
                    one, verdict.floor_of(key)), one))
    return found


@dataclass(frozen=True)
class Run:
    """A whole comparison: stage one, stage two of its suspects, null arm.

    verdicts: of each case, unresolved when the null arm fired
    """

    verdicts: dict[str, str]
    has_fired: bool

    def nr_differences(self, keys: Iterable[str]) -> int:
        """How many of these cases it says differ."""
        return sum(is_difference(self.verdicts[key]) for key in keys
                   if key in self.verdicts)


def _decided(samples: Samples, keys: Sequence[str], new: str,
             group: range, nr_first: int) -> dict[str, str]:
    stages = {}
    for key in keys:
        first, second = (estimate(samples, key, new, rounds) for rounds in
                         (group[:nr_first], group[nr_first:]))
        floor = verdict.floor_of(key)
        one = verdict.null_stages(first, second, floor) if new == NULL else \
            Stages(first, second if Stages(first, None, floor).is_hinted
                   else None, floor)
        if one.first is not None and one.first.is_interval:
            stages[key] = one
    return verdict.decide(stages)


def runs(samples: Samples, keys: Sequence[str], new: str, nr_rounds: int,
         nr_first: int = FIRST_PAIRS, nr_second: int = SECOND_PAIRS) \
        -> list[Run]:
    """Whole comparisons of disjoint rounds, decided as a comparison is."""
    found = []
    for group in groups(nr_rounds, nr_first + nr_second):
        told = _decided(samples, keys, new, group, nr_first)
        null = _decided(samples, keys, NULL, group, nr_first)
        has_fired = any(map(is_difference, null.values()))
        if has_fired:
            told = {key: verdict.UNRESOLVED for key in told}
        found.append(Run(told, has_fired))
    return found


@dataclass(frozen=True)
class Line:
    """A figure of the report, with what is asked of it if anything is, and
    how many tries it takes to reach that."""

    title: str
    rate: Rate
    target: str = ""
    word: str = ""
    needs: int = 0

    @property
    def answer(self) -> str:
        """What is asked, and what came of it; "" when nothing is."""
        if not self.target:
            return ""
        is_few = self.word == OPEN and self.rate.total < self.needs
        return f"{self.target}: {self.word}" + (
            f" (needs {self.needs})" if is_few else "")


def at_most(title: str, rate: Rate, most: float) -> Line:
    """A figure that is to be at most so much."""
    return Line(title, rate, f"<= {100 * most:g} %", met_most(rate, most),
                tries_needed(most))


def at_least(title: str, rate: Rate, least: float) -> Line:
    """A figure that is to be at least so much."""
    return Line(title, rate, f">= {100 * least:g} %", met_least(rate, least),
                tries_needed(1 - least))


@dataclass
class Report:
    """All that was found.

    escaped: mutants that nothing caught; caught: what caught each other one
    failures: what else went wrong; notes: what else to know
    """

    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    caught: dict[str, str] = field(default_factory=dict)
    escaped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all reached; 1 a mutant escaped or something failed; 3 a target
        is missed, confirmed by its interval; 4 a target is open."""
        words = [line.word for line in self.lines]
        if self.escaped or self.failures:
            return 1
        return 3 if MISSED in words else 4 if OPEN in words else 0


def _with_any(found: Sequence[Run], keys: Sequence[str]) -> Rate:
    """Runs that say of any case that it differs."""
    return Rate(sum(run.nr_differences(keys) > 0 for run in found),
                len(found))


def _false_rates(samples: Samples, keys: Mapping[str, list[str]],
                 nr_rounds: int, sizes: tuple[int, int]) -> list[Line]:
    """Of arms that are the same, or the same code elsewhere. Of one stage
    nothing is asked with fewer pairs than a comparison has, and of runs all
    equals are asked together: a round gives one of each arm."""
    lines = []
    first, second = sizes
    both = keys[HOT] + keys[COLD]
    equals: list[Run] = []
    for title, arms in (("same binary", (NEW,)), ("relinked", LINKED)):
        for kind in (HOT, COLD):
            words = [word for arm in arms for _, word, _ in single_verdicts(
                samples, keys[kind], arm, nr_rounds, first)]
            rate = Rate(sum(map(is_difference, words)), len(words))
            told = f"A/A {title}, {kind}, one stage of {first}"
            is_asked = kind == HOT and first >= FIRST_PAIRS
            if words:
                lines.append(at_most(told, rate, MOST_FALSE) if is_asked
                             else Line(told, rate))
        whole = [run for arm in arms for run in
                 runs(samples, both, arm, nr_rounds, first, second)]
        each = Rate(sum(run.nr_differences(both) for run in whole),
                    sum(len(run.verdicts) for run in whole))
        if whole:
            lines += [Line(f"A/A {title}, all, both stages", each),
                      Line(f"A/A {title}, runs with any",
                           _with_any(whole, both))]
        equals += whole
    lines.append(at_most("A/A all equals, runs with any",
                         _with_any(equals, both), MOST_FAMILY))
    fired = runs(samples, both, NEW, nr_rounds, first, second)
    if fired:
        lines.append(Line("null arm fired, runs", Rate(
            sum(run.has_fired for run in fired), len(fired))))
    return lines


def _powers(samples: Samples, keys: Mapping[str, list[str]], nr_rounds: int,
            sizes: tuple[int, int]) -> list[Line]:
    """How often more work is found to be slower."""
    lines = []
    first, second = sizes
    both = keys[HOT] + keys[COLD]
    recorded = {arm for of_case in samples.values() for arm in of_case}
    for size in SIZES:
        arm = work_arm(size)
        if arm not in recorded:
            continue
        whole = runs(samples, both, arm, nr_rounds, first, second)
        for kind in (HOT, COLD):
            words = [word for _, word, _ in single_verdicts(
                samples, keys[kind], arm, nr_rounds, first)]
            if words:
                lines.append(Line(
                    f"+{size} % found, {kind}, one stage of {first}",
                    Rate(words.count(verdict.SLOWER), len(words))))
            told = [run.verdicts[key] for run in whole for key in keys[kind]
                    if key in run.verdicts]
            is_asked = size == 5 and kind == HOT and first >= FIRST_PAIRS
            if told or is_asked:
                title = f"+{size} % found, {kind}, both stages"
                rate = Rate(told.count(verdict.SLOWER), len(told))
                lines.append(at_least(title, rate, LEAST_POWER) if is_asked
                             else Line(title, rate))
    return lines


def _cold_note(samples: Samples, keys: Sequence[str], nr_rounds: int,
               first: int) -> list[str]:
    """What is said of cold cases, and what they could show."""
    found = single_verdicts(samples, keys, NEW, nr_rounds, first)
    least = [mde for key, _, one in found if
             (mde := one.detectable(verdict.floor_of(key))) is not None]
    if not least:
        return []
    nr = sum(word == verdict.UNRESOLVED for _, word, _ in found)
    return [f"cold, same binary: {nr} of {len(found)} comparisons are "
            f"unresolved; least detectable effect {100 * min(least):.1f} to "
            f"{100 * max(least):.1f} %, median {100 * median(least):.1f} %"]


def share_notes(samples: Samples,
                shares: Mapping[str, Mapping[int, float]]) -> list[str]:
    """What was added to hot cases, and what all rounds together see of it."""
    added: dict[int, list[float]] = {}
    seen: dict[int, list[float]] = {}
    for key, by_size in shares.items():
        for size, share in by_size.items():
            of_case = samples.get(key, {}).get(work_arm(size), {})
            one = estimate(samples, key, work_arm(size), of_case) \
                if class_of(key) == HOT and of_case else None
            if one is not None:
                added.setdefault(size, []).append(share)
                seen.setdefault(size, []).append(one.point - 1)

    def of(found: Sequence[float]) -> str:
        return (f"{100 * min(found):.2f} to {100 * max(found):.2f} % (median "
                f"{100 * median(found):.2f})")
    return [f"+{size} %, hot: {of(added[size])} more operations; all rounds "
            f"see {of(seen[size])}" for size in sorted(seen)]


def analyse(samples: Samples, nr_rounds: int,
            shares: Mapping[str, Mapping[int, float]],
            sizes: tuple[int, int] = (FIRST_PAIRS, SECOND_PAIRS)) -> Report:
    """Everything that a recording says; the mutants are not in it."""
    keys = {kind: [key for key in samples if class_of(key) == kind]
            for kind in (HOT, COLD)}
    return Report(
        _false_rates(samples, keys, nr_rounds, sizes)
        + _powers(samples, keys, nr_rounds, sizes),
        _cold_note(samples, keys[COLD], nr_rounds, sizes[0])
        + share_notes(samples, shares))


def render(report: Report) -> str:
    """For a person: figures, mutants, notes."""
    lines = []
    width = max((len(line.title) for line in report.lines), default=0)
    rates = max((len(str(line.rate)) for line in report.lines), default=0)
    for line in report.lines:
        lines.append(f"{line.title:{width}}  {line.rate!s:{rates}}  "
                     f"{line.answer}".rstrip())
    nr_mutants = len(report.caught) + len(report.escaped)
    lines.append(f"mutants: {len(report.caught)} of {nr_mutants} caught in one"
                 " run")
    lines += [f"  {name}: {by}" for name, by in report.caught.items()]
    lines += [f"  ESCAPED {name}" for name in report.escaped]
    lines += report.notes
    lines += [f"FAILED {line}" for line in report.failures]
    word = {0: "pass", 1: "failed", 3: "a target is missed",
            4: "inconclusive: too few comparisons, or too noisy a machine"}
    return "\n".join([*lines, f"selftest: {word[report.exit_code]}"]) + "\n"
