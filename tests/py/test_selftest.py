# SPDX-License-Identifier: GPL-2.0-only
"""The method's test of itself: rates, targets, whole runs, mutants, flow."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import selftest as script
from conftest import Ran, SmallDisk
from ioptlib import paired, selftest, verdict
from ioptlib.paired import NEW, NULL, OLD
from ioptlib.selftest import LINKED, MET, MISSED, OPEN, SHOWN, Rate, work_arm

HOT = [f"map/engine:e/granule:4K/count:{n}/cache:warm" for n in range(5)]
COLD = ["map/engine:e/granule:4K/count:1/cache:cold"]
SEED = 20260101

Samples = dict[str, dict[str, dict[int, list[float]]]]


def made(nr_rounds: int, factors: Mapping[str, float] | None = None,
         noise: float = 0.003, seed: int = SEED) -> Samples:
    """A recording: turns have their own speed, which pairs cancel; cold
    cases vary by half."""
    rng = random.Random(seed)
    arms = {arm: 1.0 for ring in selftest.rings(selftest.SIZES)
            for arm in ring}
    arms |= {work_arm(size): 1 + size / 100 for size in selftest.SIZES}
    arms |= factors or {}
    samples: Samples = {}
    for key in HOT + COLD:
        spread = noise if key in HOT else 0.5
        for i in range(nr_rounds):
            speeds = [100 * rng.uniform(1, 1.5) for _ in range(3)]
            for arm, factor in arms.items():
                own = factor * rng.lognormvariate(0, spread)
                samples.setdefault(key, {}).setdefault(arm, {})[i] = [
                    speed * own for speed in speeds]
    return samples


def line(report: selftest.Report, title: str) -> selftest.Line:
    """The one line of this title."""
    found = [one for one in report.lines if one.title == title]
    assert len(found) == 1, (title, [one.title for one in report.lines])
    return found[0]


@pytest.mark.parametrize("hits,total,low,high", [
    # (0.025 ** (1 / n)) is what none, or all, of n leave
    (0, 100, 0.0, 1 - 0.025 ** 0.01),
    (100, 100, 0.025 ** 0.01, 1.0),
    (0, 0, 0.0, 1.0),
    # tables of Clopper and Pearson: 5 of 10
    (5, 10, 0.18709, 0.81291),
])
def test_interval(hits: int, total: int, low: float, high: float) -> None:
    assert Rate(hits, total).interval == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize("hits,total,most,word", [
    (0, 1000, 0.01, SHOWN),
    (0, 100, 0.01, MET),
    (0, 99, 0.01, OPEN),
    (1, 100, 0.01, MET),
    (2, 100, 0.01, OPEN),
    (8, 100, 0.01, MISSED),
    (0, 20, 0.05, MET),
    (1, 20, 0.05, MET),
    (0, 19, 0.05, OPEN),
    (0, 2, 0.05, OPEN),
    (0, 1, 0.05, OPEN),
    (1, 1, 0.05, OPEN),
    (2, 2, 0.05, MISSED),
    (0, 0, 0.05, OPEN),
])
def test_targets(hits: int, total: int, most: float, word: str) -> None:
    assert selftest.met_most(Rate(hits, total), most) == word
    assert selftest.met_least(Rate(total - hits, total), 1 - most) == word


@pytest.mark.parametrize("rate,answer", [
    (Rate(0, 20), "<= 5 %: met"),
    (Rate(2, 20), "<= 5 %: open"),
    (Rate(0, 2), "<= 5 %: open (needs 20)"),
    (Rate(2, 2), "<= 5 %: missed"),
])
def test_a_line_says_how_many_it_needs(rate: Rate, answer: str) -> None:
    told = selftest.at_most("x", rate, 0.05)
    assert told.answer == answer
    more = selftest.at_least("x", Rate(rate.total - rate.hits, rate.total),
                             0.95)
    assert more.answer == answer.replace("<= 5", ">= 95")
    assert selftest.render(selftest.Report([told])).startswith(
        f"x  {rate}  {answer}\n")


def test_the_default_can_reach_its_targets() -> None:
    """Three arms of equals, each once in thirty rounds."""
    args = script.parse_args([])
    runs = 3 * len(selftest.groups(args.rounds, sum(args.sizes)))
    assert (args.rounds, runs) == (210, 21)
    assert runs >= selftest.tries_needed(selftest.MOST_FAMILY)


def test_groups_have_no_round_in_common() -> None:
    found = selftest.groups(65, 30)
    assert [list(group) for group in found] == [
        list(range(30)), list(range(30, 60))]
    assert selftest.groups(29, 30) == []


def test_equals_are_equal_and_work_is_seen() -> None:
    report = selftest.analyse(made(300), 300, {})
    wrong = line(report, "A/A same binary, hot, one stage of 10")
    # 30 groups of 5 hot cases
    assert (wrong.rate, wrong.word) == (Rate(0, 150), MET), f"seed {SEED}"
    relinked = line(report, "A/A relinked, runs with any")
    # both other layouts
    assert (relinked.rate, relinked.word) == (Rate(0, 20), ""), f"seed {SEED}"
    family = line(report, "A/A all equals, runs with any")
    assert (family.rate, family.word) == (Rate(0, 30), MET), f"seed {SEED}"
    for size in (2, 5, 10):
        power = line(report, f"+{size} % found, hot, both stages")
        assert power.rate == Rate(50, 50), f"seed {SEED}"
    assert line(report, "+5 % found, hot, both stages").word == MET
    cold = line(report, "+5 % found, cold, both stages")
    assert cold.rate.hits <= 1 and not cold.target
    assert report.exit_code == 0
    assert re.search(r"cold, same binary: (2[5-9]|30) of 30 comparisons are "
                     "unresolved; least detectable effect", report.notes[0])


def test_a_side_that_is_slower_is_a_false_positive() -> None:
    """Layout that costs 3 %: of each comparison, and of each run."""
    report = selftest.analyse(made(150, {LINKED[1]: 1.03}), 150, {})
    wrong = line(report, "A/A relinked, hot, one stage of 10")
    assert (wrong.rate, wrong.word) == (Rate(75, 150), MISSED)
    assert line(report, "A/A relinked, runs with any").rate == Rate(5, 10)
    assert line(report, "A/A same binary, runs with any").rate == Rate(0, 5)
    family = line(report, "A/A all equals, runs with any")
    assert (family.rate, family.word) == (Rate(5, 15), MISSED)
    assert report.exit_code == 3


def test_a_few_pairs_are_asked_for_nothing() -> None:
    """Six pairs are all on one side once in 32 times, in all cases at once."""
    report = selftest.analyse(made(14, {NEW: 1.03}), 14, {}, (6, 8))
    wrong = line(report, "A/A same binary, hot, one stage of 6")
    assert (wrong.rate, wrong.word) == (Rate(10, 10), "")
    family = line(report, "A/A all equals, runs with any")
    assert (family.rate, family.word) == (Rate(1, 3), OPEN)
    assert report.exit_code == 4


def test_a_few_runs_reach_no_target() -> None:
    """Two whole comparisons without a wrong verdict may be luck."""
    report = selftest.analyse(made(60), 60, {})
    family = line(report, "A/A all equals, runs with any")
    assert (family.rate, family.word) == (Rate(0, 6), OPEN), f"seed {SEED}"
    power = line(report, "+5 % found, hot, both stages")
    # two of each of five hot cases
    assert (power.rate, power.word) == (Rate(10, 10), OPEN), f"seed {SEED}"
    assert report.exit_code == 4


def test_work_that_is_not_seen_is_a_missed_target() -> None:
    report = selftest.analyse(made(150, {work_arm(5): 1.0}), 150, {})
    assert line(report, "+5 % found, hot, both stages").word == MISSED
    assert report.exit_code == 3


def test_the_null_arm_takes_verdicts_away() -> None:
    found = selftest.runs(made(60, {NULL: 1.05}), HOT, work_arm(10), 60)
    assert [run.has_fired for run in found] == [True, True]
    assert {word for run in found for word in run.verdicts.values()} == \
        {verdict.UNRESOLVED}


def test_cold_cases_have_a_floor_of_their_own() -> None:
    """A layout that costs 1.5 % counts where caches are warm."""
    steady = {key: {arm: {i: [100.0 * factor] for i in range(30)}
                    for arm, factor in ((OLD, 1.0), (NULL, 1.0),
                                        (LINKED[0], 1.015))}
              for key in (HOT[0], COLD[0])}
    for found in ({key: word for key, word, _ in selftest.single_verdicts(
            steady, list(steady), LINKED[0], 10)},
            selftest.runs(steady, list(steady), LINKED[0], 30)[0].verdicts):
        assert found == {HOT[0]: verdict.SLOWER, COLD[0]: verdict.SAME}


def test_stage_two_is_afresh() -> None:
    """A difference in the first ten rounds alone is no difference."""
    samples = made(30)
    for i in range(10):
        samples[HOT[0]][NEW][i] = [ns * 1.2 for ns in
                                   samples[HOT[0]][NEW][i]]
    first = selftest.single_verdicts(samples, HOT[:1], NEW, 10)
    assert [word for _, word, _ in first] == [verdict.SLOWER]
    run, = selftest.runs(samples, HOT, NEW, 30)
    assert run.verdicts[HOT[0]] != verdict.SLOWER


def test_too_few_rounds_have_no_verdict() -> None:
    """What was not tried is open, never reached."""
    report = selftest.analyse(made(28), 28, {})
    assert [(one.title, one.word) for one in report.lines
            if one.target and not one.rate.total] == [
        ("A/A all equals, runs with any", OPEN),
        ("+5 % found, hot, both stages", OPEN)]
    assert report.exit_code == 4
    assert selftest.single_verdicts(made(5), HOT, NEW, 5, 5) == []


def test_rings_are_as_a_comparison_has_them() -> None:
    """Three arms at a time, and the old side in each ring."""
    rings = selftest.rings((1, 2, 5, 10))
    assert rings[0] == (OLD, NEW, NULL)
    assert {len(ring) for ring in rings} == {3}
    arms = [arm for ring in rings for arm in ring]
    assert len(set(arms)) == len(arms)
    for ring in rings:
        assert ring[0].startswith(OLD)
        assert {selftest.base_of(arm, arms) for arm in ring[1:]} == {ring[0]}
    assert selftest.base_of(LINKED[0], (OLD, LINKED[0])) == OLD
    assert selftest.rings(()) == rings[:2]


def test_an_arm_is_compared_within_its_ring() -> None:
    """What slows a ring down is no difference of its arms."""
    rings = selftest.rings(selftest.SIZES)
    slow = {arm: 1.4 for arm in rings[2]}
    found = selftest.single_verdicts(made(10, slow), HOT, rings[2][1], 10)
    assert [word for _, word, _ in found] == [verdict.SAME] * len(HOT)


def test_shares_are_whole_operations() -> None:
    counts = script.with_whole_shares({
        HOT[0]: paired.Count(51, 194), HOT[1]: paired.Count(1000, 10),
        HOT[2]: paired.Count(99, 5), COLD[0]: paired.Count(30, 7)})
    assert counts == {
        # 51 times 194 operations, in sections of a hundred
        HOT[0]: paired.Count(100, 98), HOT[1]: paired.Count(1000, 10),
        HOT[2]: paired.Count(100, 5), COLD[0]: paired.Count(30, 7)}
    shares = script.shares_of(counts, (1, 5))
    assert shares[HOT[0]] == {1: 0.01, 5: 0.05}
    # a half of 30's 5 % is rounded up: 2 of 30
    assert shares[COLD[0]] == {1: 0.0, 5: 2 / 30}


def test_what_was_added_is_seen() -> None:
    samples = {key: {OLD: {0: [80.0, 120.0]},
                     work_arm(10): {0: [88.0, 132.0]}} for key in HOT}
    notes = selftest.share_notes(samples, {key: {10: 0.1} for key in HOT})
    assert notes == ["+10 %, hot: 10.00 to 10.00 % (median 10.00) more "
                     "operations; all rounds see 10.00 to 10.00 % (median "
                     "10.00)"]


@pytest.mark.parametrize("found,failures,said", [
    ({"a": {"x": 1}}, [], ""),
    ({"a": {"x": 2}}, [], "a: x 1 -> 2 (+1)"),
    ({"a": {}}, [], "a: x 1 -> 0 (-1)"),
    ({"a": {"x": 1}}, ["a: verify: lost"], "a: verify: lost"),
    ({}, [], ""),
])
def test_what_catches(found: Any, failures: list[str], said: str) -> None:
    assert script.what_catches({"a": {"x": 1}}, found, failures) == said


def test_environments_are_of_one_size(tmp_path: Path, fake: Path) -> None:
    """The stack begins behind the environment."""
    build = build_of(tmp_path, fake.read_text("utf-8"))
    args = script.parse_args(["--build", str(build)])
    design = script.design_of(args, 1)
    sizes = {len(design.side(arm).environ["IOPT_WORK"])
             for arm in design.arms}
    assert len(sizes) == 1 and len(design.arms) == 12
    assert len({design.side(arm).bench for arm in design.arms}) == 3


# The flow, over the fake ----------------------------------------------------

Selftest = Callable[..., Ran]


def build_of(tmp_path: Path, text: str, mutant: int = 1) -> Path:
    """A build directory of fakes."""
    work = text.replace("FACTOR = 1.0", (
        'FACTOR = 1 + int(os.environ["IOPT_WORK"]) / 100'))
    assert work != text
    programs = {
        "bench/iopt-bench": text,
        "tests/selftest/iopt-bench-work": work,
        "tests/selftest/iopt-bench-relinked1": work,
        "tests/selftest/iopt-bench-relinked2": work,
        "tests/fine": text,
        "tests/bad": text.replace("EXTRA = 0", f"EXTRA = {mutant}"),
    }
    for name, what in programs.items():
        path = tmp_path / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(what, "utf-8")
        path.chmod(0o755)
    return tmp_path / "build"


@pytest.fixture
def run(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> Selftest:
    """Runs selftest.py over fakes; mutant 0 has no fault."""
    def go(*args: str, mutant: int = 1) -> Ran:
        build = build_of(tmp_path, fake.read_text("utf-8"), mutant)
        monkeypatch.setattr(script, "CONTROL", script.Mutant(
            "no fault", "tests/fine", ("map", "limit")))
        monkeypatch.setattr(script, "MUTANTS", (script.Mutant(
            "one more entry", "tests/bad", ("map",)),))
        code = script.main(["--short", "--seed", "1", "--build", str(build),
                            "--results", str(tmp_path / "results"), *args])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err, tmp_path / "results")
    return go


def test_node_is_passed_on(run: Selftest) -> None:
    ran = run("--node", "9")
    assert ran.code == 2 and "node 9 cannot be used" in ran.err


def test_short_form(run: Selftest) -> None:
    ran = run()
    assert ran.code == 4, ran.out + ran.err
    assert "Made-up CPU, 3 cases, 14 rounds of 8 arms" in ran.out
    # two groups of six rounds, three cases; one whole comparison
    assert re.search(r"A/A same binary, hot, one stage of 6 +0/6 = 0\.0 % "
                     r"\[0\.0,45\.9\]\n", ran.out)
    assert re.search(r"\+10 % found, hot, both stages +3/3 = 100\.0 %",
                     ran.out)
    # One of each arm of equals, too few to say more.
    assert re.search(r"A/A all equals, runs with any +0/3 = 0\.0 % "
                     r"\[0\.0,70\.8\] +<= 5 %: open \(needs 20\)\n", ran.out)
    assert "mutants: 1 of 1 caught in one run" in ran.out
    path, = ran.directory.glob("*/selftest/*.json")
    assert not list(ran.directory.glob("*/selftest/spool-*"))
    again = run("--read", str(path))
    assert again.code == 4
    assert again.out == ran.out[:ran.out.index("recording in")]
    kept = json.loads(path.read_text("utf-8"))
    assert kept["nr_rounds"] == 14 and len(kept["samples"]) == 3


def test_equals_alone(run: Selftest,
                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Of work that nobody did, nothing is told and nothing asked."""
    monkeypatch.setenv("FAKE_DOUBT", "CPU 1 was busy.")
    monkeypatch.setenv("FAKE_HOT", "1")
    ran = run("--equals")
    assert ran.code == 4, ran.out + ran.err
    assert "14 rounds of 6 arms" in ran.out
    assert "A/A relinked, runs with any" in ran.out
    assert "found" not in ran.out
    assert ran.out.count("\ndoubtful: CPU 1 was busy.\n") == 1
    assert ran.out.count(
        "\ndoubtful: The CPU was throttled while measuring, ") == 1
    path, = ran.directory.glob("*/selftest/*.json")
    assert run("--read", str(path)).out in ran.out


RECORDING = {
    "context": {"iopt_load": [0.5], "iopt_seed": 1}, "nr_rounds": 6,
    "sizes": [6, 8], "arms": [OLD, NEW], "failures": [], "shares": {},
    "samples": {HOT[0]: {arm: {str(i): [80.0] for i in range(6)}
                         for arm in (OLD, NEW, NULL)}}}


def test_a_recording_is_read(tmp_path: Path) -> None:
    """The one that BROKEN spoils."""
    path = tmp_path / "r.json"
    path.write_text(json.dumps(RECORDING))
    assert script.main(["--read", str(path)]) in (0, 4)


# what of a recording is given another value
BROKEN = [
    ("samples", []), ("samples", {HOT[0]: 1}), ("samples", {HOT[0]: {OLD: 1}}),
    ("samples", {HOT[0]: {OLD: {"0": 80.0}}}),
    ("samples", {HOT[0]: {OLD: {"0": ["80"]}}}),
    ("samples", {HOT[0]: {OLD: {"first": [80.0]}}}),
    ("samples", {HOT[0]: {arm: {str(i): [0] for i in range(6)}
                          for arm in (OLD, NEW, NULL)}}),
    ("shares", {HOT[0]: {"a": 0.1}}), ("sizes", [6]), ("sizes", [0, 0]),
    ("nr_rounds", "6"), ("nr_rounds", 10**12), ("nr_rounds", 10**400),
    ("context", {"iopt_load": ["a"], "iopt_seed": 1}), ("failures", 1),
    ("caught", []),
]


@pytest.mark.parametrize("key,value", BROKEN)
def test_broken_recordings(tmp_path: Path, key: str, value: Any,
                           capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**RECORDING, key: value}))
    assert script.main(["--read", str(path)]) == 1
    said = capsys.readouterr()
    assert re.fullmatch("selftest: .+\n", said.err) and not said.out


def test_full_disk(run: Selftest, disk: SmallDisk) -> None:
    """What was recorded until then can be judged."""
    disk.mount("512k")
    ran = run()
    assert ran.code == 1, ran.out + ran.err
    [spool] = disk.path.glob("*/selftest/spool-*")
    [said] = [li for li in ran.err.splitlines() if "cannot write" in li]
    assert "No space left on device" in said
    assert f"scripts/selftest.py --merge {spool}" in said
    assert not list(disk.path.glob("*/selftest/*.json"))
    disk.grow()
    merged = run("--merge", str(spool))
    assert merged.code == 4, merged.err
    assert "selftest: incomplete: merged from its spool" in merged.err
    assert "mutants: 1 of 1 caught in one run" in merged.out
    assert not spool.exists()
    [path] = disk.path.glob("*/selftest/*.json")
    assert spool.name == f"spool-{path.stem}"
    kept = json.loads(path.read_text("utf-8"))
    assert kept["nr_rounds"] >= 2 and len(kept["arms"]) == 8
    assert kept["shares"]["map/engine:lpae-7.3/granule:4K/size:4K/count:1/"
                          "cache:warm/walker:coherent"] == {"10": 0.1}
    again = run("--read", str(path))
    assert again.code == 4 and again.out in merged.out


def test_an_escaped_mutant_fails(run: Selftest) -> None:
    ran = run("--rounds", "1", mutant=0)
    assert ran.code == 1
    assert "ESCAPED one more entry" in ran.out
    assert "selftest: failed" in ran.out


def test_a_control_that_is_caught_fails(
        run: Selftest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "what_catches", lambda *_: "x 1 -> 2")
    ran = run("--rounds", "1")
    assert ran.code == 1
    assert "FAILED a build without fault was caught: x 1 -> 2" in ran.out


@pytest.mark.parametrize("args,said", [
    (["--build", "/nonexistent"], "/nonexistent"),
    (["--filter", "^nothing$", "--rounds", "1"], "no case"),
    (["--merge", "/nonexistent"], "is no spool of a recording"),
])
def test_usage(run: Selftest, args: list[str], said: str) -> None:
    ran = run(*args)
    assert ran.code == 2, ran.err
    assert said in ran.err


def test_the_short_form_has_a_filter(run: Selftest) -> None:
    ran = run("--rounds", "1", "--filter", "size:4K/count:1/cache:warm")
    assert ", 1 cases, 1 rounds of 8 arms" in ran.out, ran.err


def test_too_many_rounds_are_refused() -> None:
    with pytest.raises(SystemExit) as refused:
        script.parse_args(["--rounds", "3001"])
    assert refused.value.code == 2
