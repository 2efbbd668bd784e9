# SPDX-License-Identifier: GPL-2.0-only
"""What a run of Meson's tests came to: read from its log, told in a few lines."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

# How tests say that they left out a part, or all.
SKIP = re.compile(r"^skip(?:ped)?(?:: |, )(.+)$", re.MULTILINE)
TAP_LINE = re.compile(r"^ok \d+ - (.*)$", re.MULTILINE)

GOOD = ("OK", "EXPECTEDFAIL")
SKIPPED = "SKIP"


@dataclass(frozen=True)
class Outcome:
    """A test that was run."""

    suite: str
    name: str
    result: str
    seconds: float
    output: str

    @property
    def is_good(self) -> bool:
        """Did it do what it should, be it to fail?"""
        return self.result in GOOD

    @property
    def skips(self) -> list[str]:
        """The reasons for what was left out in it, each once."""
        return list(dict.fromkeys(SKIP.findall(self.output)))


def parse(text: str) -> list[Outcome]:
    """The tests of a testlog.json: an object a line."""
    outcomes = []
    for line in text.splitlines():
        test = json.loads(line)
        suite, _, name = test["name"].rpartition(" / ")
        suite = suite.rpartition(":")[2] or "other"
        outcomes.append(Outcome(suite, name, test["result"],
                                test["duration"], test["stdout"]))
    return outcomes


def skipped(outcomes: list[Outcome]) -> list[str]:
    """A line for each thing that was not tested: where, and why."""
    lines = []
    for test in outcomes:
        whole = "" if test.result != SKIPPED else ", all of it"
        reasons = test.skips or (["no reason is told"] if whole else [])
        lines += [f"{test.name}{whole}: {reason}" for reason in reasons]
    return lines


def families(outcomes: list[Outcome]) -> list[str]:
    """The families of benchmarks that ran, as tests/families.py tells them."""
    return [line for test in outcomes if test.name == "families"
            for line in TAP_LINE.findall(test.output)]


def verdict(outcomes: list[Outcome]) -> str:
    """The last line: how many of each suite passed, and what did not."""
    if not outcomes:
        return "no test ran"
    bad = [test for test in outcomes
           if not test.is_good and test.result != SKIPPED]
    good = Counter(test.suite for test in outcomes if test.is_good)
    by_suite = ", ".join(f"{good[suite]} {suite}" for suite in sorted(good))
    nr_skipped = len(outcomes) - len(bad) - sum(good.values())
    text = f"{sum(good.values())} tests passed ({by_suite})"
    if nr_skipped:
        text += f", {nr_skipped} skipped"
    if bad:
        text += f", {len(bad)} FAILED: " + \
            ", ".join(f"{test.name} ({test.result})" for test in bad)
    return text
