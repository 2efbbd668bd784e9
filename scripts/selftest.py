# SPDX-License-Identifier: GPL-2.0-only
"""The method tests itself: equals against equals, work that is known, mutants.

Exit: 0 all targets are reached; 1 a mutant escaped, or something failed; 2
usage; 3 a target is missed, and its interval excludes it; 4 a target is open,
perhaps for want of tries; 130 interrupted, what was recorded is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import FAILED, INTERRUPTED, ROOT, USAGE, USUAL_PROFILES, \
    as_file_name, positive, shown
from compare import command_text, place_context
from ioptlib import comparing, gate, names, paired, results, runner, \
    selftest, sides, summary
from ioptlib.console import Console
from ioptlib.paired import OLD
from ioptlib.results import NUMBER, Object
from ioptlib.selftest import LINKED, SIZES, work_arm
from ioptlib.sides import Side
from regress import GATE, Counter

# Of the plan of processes, of which the first rounds are run.
MAX_ROUNDS = 3000
# A section of a hot case has a multiple of so many operations, of which each
# percent of work is a whole number.
MULTIPLE = 100
LEAST_SECTIONS = 5
WORKING = ("map", "unmap", "unmap_partial", "iova_to_phys")

# Rounds, minutes of recording, pairs of both stages, sizes of extra work. 210
# rounds are 7 whole comparisons, which 3 arms of equals make 21 runs: of 20 one
# may be wrong.
LONG = (210, 0, (paired.FIRST_PAIRS, paired.SECOND_PAIRS), SIZES)
SHORT = (14, 1, (6, 8), (10,))

COLD = (
    "map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:cold/"
    "walker:coherent",
    "map/engine:lpae-7.3/granule:4K/size:4K/count:256/cache:cold/"
    "walker:coherent",
)
SHORT_CASES = (
    "map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/"
    "walker:coherent",
    "map/engine:lpae-7.3/granule:4K/size:4K/count:256/cache:warm/"
    "walker:coherent",
    "map/engine:lpae-7.3/granule:4K/size:2M/count:256/cache:warm/"
    "walker:coherent",
    COLD[0],
)


# What a recording holds, as far as it is read.
RECORDING = Object(
    {"context": Object({"iopt_load": [NUMBER], "iopt_seed": (int, str)}),
     "nr_rounds": int, "sizes": [int], "arms": [str], "failures": [str],
     "shares": Object(rest=Object(rest=NUMBER)),
     "samples": Object(rest=Object(rest=Object(rest=[NUMBER])))},
    {"caught": Object(rest=str), "escaped": [str]})


@dataclass(frozen=True)
class Mutant:
    """A build with one fault, and the families that must show it."""

    fault: str
    program: str
    families: tuple[str, ...]


CONTROL = Mutant("no fault", "tests/xfail_bench/iopt_bench_no_fault",
                 ("map", "unmap", "destroy", "tlbi"))
MUTANTS = (
    Mutant("one more entry written",
           "tests/xfail_bench/iopt_bench_writes_leaf_twice", ("map",)),
    Mutant("one more TLBI per page",
           "tests/selftest/iopt_bench_one_more_tlbi", ("unmap", "tlbi")),
    Mutant("a lost range invalidation",
           "tests/selftest/iopt_bench_range_lost", ("unmap", "tlbi")),
    Mutant("a leaked table",
           "tests/xfail_bench/iopt_bench_free_leaks", ("destroy",)),
    Mutant("a skipped invalidation",
           "tests/xfail_bench/iopt_bench_walk_flush_skipped", ("map",)),
)


@dataclass(frozen=True)
class Recording(paired.Design):
    """A design with rings of arms for the differences that are known.

    sizes: percent of work that arms do more
    others: the sides of the arms that are not the old one
    """

    sizes: tuple[int, ...] = ()
    others: Mapping[str, Side] = field(default_factory=dict)

    @property
    def arms(self) -> tuple[str, ...]:
        """Who takes part in a round."""
        return tuple(arm for ring in selftest.rings(self.sizes)
                     for arm in ring)

    def side(self, arm: str) -> Side:
        """What an arm runs."""
        return self.others.get(arm, self.old)


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="selftest.py", description="How often is the method wrong here, "
        "and how much does it see?")
    parser.add_argument("--short", action="store_true",
                        help="few cases and rounds, at most 2 minutes")
    parser.add_argument("--rounds", type=positive, metavar="N",
                        help="rounds, a process of each arm and family; 30 "
                        f"make a whole comparison (default: {LONG[0]})")
    parser.add_argument("--minutes", type=positive, metavar="N",
                        help="record for so long at most")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="only cases of the gate set that match")
    parser.add_argument("--equals", action="store_true",
                        help="no extra work: only how often equals are called "
                        "different, in less time")
    parser.add_argument("--no-turns", action="store_true",
                        help="run each process from its start to its end, to "
                        "see what turns are good for")
    parser.add_argument("--cpu", default="", help="measure on this CPU")
    parser.add_argument("--node", default="",
                        help="page tables in this node's memory, on a CPU of "
                        "it unless --cpu")
    parser.add_argument("--seed", type=int, help="order of what is run")
    parser.add_argument("--build", type=Path, metavar="DIR",
                        default=ROOT / "build-test",
                        help="a build directory with tests")
    parser.add_argument("--gate", type=Path, default=GATE, metavar="FILE",
                        help="the gate set: its cases that can be given work "
                        "are the hot ones")
    parser.add_argument("--results", type=Path, metavar="DIR",
                        default=ROOT / "results",
                        help="where results of all hosts are kept")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--read", type=Path, metavar="FILE",
                      help="run nothing: judge a recording that was kept")
    kept.add_argument("--merge", type=Path, metavar="SPOOL",
                      help="run nothing: judge what a broken one left")
    args = parser.parse_args(argv)
    rounds, minutes, args.sizes, args.work = SHORT if args.short else LONG
    if args.equals:
        args.work = ()
    args.rounds = args.rounds or rounds
    args.minutes = args.minutes or minutes
    if args.rounds > MAX_ROUNDS:
        parser.error(f"--rounds {args.rounds} is more than {MAX_ROUNDS}")
    return args


def count(side: Side, families: Sequence[str], seed: int) \
        -> tuple[gate.Counts, list[str]]:
    """Exact counters of one process a family, and its error rows."""
    listed = sides.list_cases(side, has_long=False)
    counter = Counter(side, {f: listed[f] for f in families if f in listed},
                      USUAL_PROFILES, ["--skip-long"])
    return counter.count(seed, False), counter.failures


def what_catches(sound: gate.Counts, found: gate.Counts,
                 failures: Sequence[str]) -> str:
    """What shows that a build is not the sound one; "" when nothing does."""
    if failures:
        return failures[0]
    changes = gate.differences(sound, found)
    return gate.change_lines(changes)[0] if changes else ""


def try_mutants(args: argparse.Namespace, seed: int,
                report: selftest.Report, console: Console) -> None:
    """Count with each mutant once; what catches it goes into the report."""
    sound, failures = count(Side("sound", str(args.build
                                              / "bench/iopt-bench")),
                            CONTROL.families, seed)
    report.failures += [f"the sound build: {line}" for line in failures]
    for mutant in (CONTROL, *MUTANTS):
        console.complain(f"mutant: {mutant.fault}")
        side = Side(mutant.fault, str(args.build / mutant.program))
        found, failures = count(side, mutant.families, seed)
        if not found and not failures:
            report.failures.append(f"{mutant.program} has no case of "
                                   + " ".join(mutant.families))
            continue
        caught = what_catches(sound, found, failures)
        if mutant is CONTROL:
            report.failures += [f"a build without fault was caught: {caught}"
                                ] if caught else []
        elif caught:
            report.caught[mutant.fault] = caught
        else:
            report.escaped.append(mutant.fault)


def cases_of(args: argparse.Namespace, side: Side) -> list[str]:
    """What is recorded: hot cases of the gate set, and some cold ones."""
    shop = ["--full", *(["--filter", args.filter] if args.filter else [])]
    selected = {name for cases in sides.list_cases(side, shop).values()
                for name in cases}
    wanted = list(SHORT_CASES) if args.short else [
        name for name in gate.load_settings(args.gate).cases
        if names.parse(name).family in WORKING] + list(COLD)
    found = [name for name in wanted if name in selected]
    if not found:
        raise comparing.NothingToCompare(
            f"no case of the {'short' if args.short else 'gate'} set is "
            "selected")
    return found


def design_of(args: argparse.Namespace, seed: int) -> Recording:
    """All arms. Environments have the same size: the stack begins there."""
    def side(label: str, program: str = "iopt-bench-work",
             work: int = 0) -> Side:
        return Side(label, str(args.build / "tests/selftest" / program),
                    environ={"IOPT_WORK": f"{work:02d}"})
    old = side(OLD)
    others = {arm: side(arm, f"iopt-bench-re{arm}") for arm in LINKED}
    others.update({work_arm(size): side(work_arm(size), work=size)
                   for size in args.work})
    pairs = tuple(paired.Pair(key, key, key) for key in cases_of(args, old))
    settings = gate.load_settings(args.gate)
    return Recording(old, old, pairs, seed, args.rounds, 0, cpu=args.cpu,
                     node=args.node, min_time_ms=settings.min_time_ms,
                     has_turns=not args.no_turns, sizes=args.work,
                     others=others)


def with_whole_shares(counts: Mapping[str, paired.Count]) \
        -> dict[str, paired.Count]:
    """Counts of which each percent is whole, of hot cases, in as much time."""
    found = {}
    for key, count in counts.items():
        if selftest.class_of(key) == selftest.HOT:
            n = -(-count.n // MULTIPLE) * MULTIPLE
            count = paired.Count(n, max(LEAST_SECTIONS,
                                        count.n * count.blocks // n))
        found[key] = count
    return found


def shares_of(counts: Mapping[str, paired.Count], sizes: Sequence[int]) \
        -> dict[str, dict[int, float]]:
    """By case and size the share of operations that is really added, as
    iopt-bench-work rounds it."""
    return {key: {size: (count.n * size + 50) // 100 / count.n
                  for size in sizes} for key, count in counts.items()}


def samples_of(timing: comparing.Timing) \
        -> dict[str, dict[str, dict[int, list[float]]]]:
    """By case, arm and round the least time of an operation in each turn; of
    a process that took none, in all."""
    found: dict[str, dict[str, dict[int, list[float]]]] = {}
    for job, output in timing:
        for row in output.rows:
            value = row.get("block_min_ns")
            if value is not None:
                name = names.strip_library(str(row["name"]))
                found.setdefault(name, {}).setdefault(job.arm, {})[
                    job.round] = row.get(paired.TURNS) or [value]
    return found


def plan(design: Recording, keys: Sequence[str]) -> list[paired.Job]:
    """All rounds, block by block, and in a block ring by ring."""
    jobs = [job for i, ring in enumerate(selftest.rings(design.sizes))
            for job in paired.plan_stage(comparing.by_family(keys), ring, 1,
                                         MAX_ROUNDS, design.seed + i)
            if job.round < design.nr_first]
    return sorted(jobs, key=lambda job: job.block)


def record(design: Recording, session: paired.Session,
           extra: Mapping[str, Any], minutes: int,
           is_running: bool) -> dict[str, Any]:
    """Calibrate and run all rounds, or with is_running False nothing; what a
    recording of what is there holds, with what else is known of it."""
    before = paired.before_jobs(design, "calibration")
    if is_running:
        session.run_all(before)
    calibrated = session.outputs(before)
    session.counts = with_whole_shares(comparing.counts_from(
        design, calibrated))
    jobs = plan(design, list(session.counts))
    is_late = comparing.Lateness(60.0 * minutes or None, time.monotonic())
    if not is_running:
        session.incomplete = "merged from its spool after it broke off"
    elif not session.incomplete:
        session.run_all(jobs, is_late)
    outputs = session.outputs(jobs)
    whole = min((len({job.round for job, _ in outputs
                      if (job.family, job.arm) == (family, arm)})
                 for family in design.families for arm in design.arms),
                default=0)
    # The first and the last tell what changed between them.
    context, _ = results.merge_contexts(
        [output.context for _, output in calibrated[:1] + outputs[-1:]]
        or [{}])
    load = {"iopt_load": list(os.getloadavg())} if is_running else {}
    return {**extra,
            "context": {**context, **extra["context"], **load,
                        "iopt_seed": design.seed},
            "nr_rounds": whole,
            "shares": shares_of(session.counts, design.sizes),
            "has_turns": design.has_turns,
            "arms": list(design.arms), "samples": samples_of(outputs),
            "failures": [*extra["failures"], *session.failures],
            "incomplete": session.incomplete}


def by_number(found: Mapping[str, Any]) -> dict[int, Any]:
    """JSON has no numbers as keys."""
    return {int(key): value for key, value in found.items()}


def judge(kept: Mapping[str, Any]) -> selftest.Report:
    """The report of a recording as it stands in its file."""
    samples = {key: {arm: by_number(rounds) for arm, rounds in arms.items()}
               for key, arms in kept["samples"].items()}
    shares = {key: by_number(sizes) for key, sizes in kept["shares"].items()}
    first, second = kept["sizes"]
    report = selftest.analyse(samples, kept["nr_rounds"], shares,
                              (first, second))
    report.failures += kept["failures"]
    report.caught.update(kept.get("caught", {}))
    report.escaped += kept.get("escaped", [])
    if not samples:
        report.failures.append("nothing was recorded")
    return report


def heading(kept: Mapping[str, Any]) -> str:
    """What was recorded, where, and under which load."""
    context = kept["context"]
    return (f"bench-selftest: {context.get('iopt_host_cpu_model', 'unknown CPU')}, "
            f"{len(kept['samples'])} cases, {kept['nr_rounds']} rounds of "
            f"{len(kept['arms'])} arms, load "
            f"{'/'.join(f'{x:.1f}' for x in context['iopt_load'])}, seed "
            f"{context['iopt_seed']}")


def keep(path: Path, kept: Mapping[str, Any], spool: runner.Spool) -> None:
    """Write a recording and give up the spool; raises OSError."""
    try:
        results.write_atomic(path, json.dumps(kept, indent=1) + "\n")
    except OSError as error:
        raise OSError(
            f"cannot write {path}: {error.strerror}; what was recorded is "
            f"kept in {spool.path}, to finish with: scripts/python "
            f"scripts/selftest.py --merge {spool.path}") from error
    spool.remove()


def finish(args: argparse.Namespace, design: Recording,
           extra: Mapping[str, Any], spool: runner.Spool,
           console: Console) -> int:
    """Record, or judge what was recorded; the exit code."""
    path = spool.path.with_name(
        spool.path.name.removeprefix("spool-") + ".json")
    # Signals only set a flag from here until the recording is safe.
    with runner.Interrupt() as interrupt:
        session = paired.Session(design, spool, console, interrupt)
        try:
            kept = record(design, session, extra, args.minutes,
                          not args.merge)
        finally:
            console.done()
        keep(path, kept, spool)
        was_interrupted = bool(interrupt.name)
    code = tell(kept, console)
    console.say(f"recording in {shown(path)}")
    return INTERRUPTED if was_interrupted else code


def merge(args: argparse.Namespace, console: Console) -> int:
    """Judge what a recording left that could not be written; the exit code.
    It runs no more, so of the sides nothing has to be known."""
    spool = runner.Spool(args.merge.resolve())
    try:
        fields, extra = paired.read_manifest(spool)
        sizes = tuple(fields.pop("sizes"))
        del fields["others"]
        design = Recording(**vars(paired.Design.from_json(fields)),
                           sizes=sizes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        console.complain(f"selftest: {args.merge} is no spool of a "
                         f"recording: {error}")
        return USAGE
    return finish(args, design, extra, spool, console)


def run(args: argparse.Namespace, console: Console) -> int:
    """Mutants, recording, verdict; the exit code."""
    seed = args.seed if args.seed is not None \
        else random.SystemRandom().getrandbits(31)
    host = as_file_name(platform.node().split(".")[0])
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    directory = args.results / host / "selftest"
    spool = runner.Spool(directory / f"spool-{stamp}")
    mutants = selftest.Report()
    try_mutants(args, seed, mutants, console)
    design = design_of(args, seed)
    context: dict[str, Any] = dict(place_context(args.command))
    context["iopt_load"] = list(os.getloadavg())
    extra = {"context": context, "sizes": list(args.sizes),
             "failures": mutants.failures, "caught": mutants.caught,
             "escaped": mutants.escaped}
    paired.write_design(spool, design, extra)
    console.complain(
        f"recording {len(design.pairs)} cases, at most {args.rounds} rounds "
        f"of {len(design.arms)} arms (seed {seed})")
    return finish(args, design, extra, spool, console)


def tell(kept: Mapping[str, Any], console: Console) -> int:
    """Print the report of a recording; the exit code.

    Raises results.BadOutput when it is none, ValueError or ArithmeticError
    when its numbers are none of times.
    """
    results.check("recording", kept, RECORDING)
    if kept["nr_rounds"] > MAX_ROUNDS:
        raise results.BadOutput(f"recording: nr_rounds is {kept['nr_rounds']}"
                                f", more than {MAX_ROUNDS}")
    report = judge(json.loads(json.dumps(kept)))
    console.say(heading(kept))
    for line in summary.doubt_lines(kept["context"]):
        console.say(line)
    console.say(selftest.render(report).rstrip("\n"))
    if kept.get("incomplete"):
        console.complain(f"selftest: incomplete: {kept['incomplete']}")
    return report.exit_code


def main(argv: list[str]) -> int:
    """Run as the command line says; the exit code."""
    args = parse_args(argv)
    args.command = command_text(argv, "selftest.py")
    console = Console(sys.stdout, sys.stderr)
    try:
        if args.read:
            return tell(json.loads(args.read.read_text("utf-8")), console)
        if args.merge:
            return merge(args, console)
        return run(args, console)
    except (sides.BadSide, comparing.NothingToCompare, gate.BadFile,
            runner.UsageError) as error:
        console.complain(f"selftest: {error}")
        return USAGE
    except (OSError, runner.SpoolError, ValueError, KeyError,
            ArithmeticError, RecursionError) as error:
        console.complain(f"selftest: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("selftest: interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
