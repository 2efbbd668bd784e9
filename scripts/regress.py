# SPDX-License-Identifier: GPL-2.0-only
"""The gate: counters against the baseline, times against an anchor build.

Exit: 0 pass; 1 something failed, two counting passes differ, or a case of the
baseline cannot be counted here; 2 usage; 3 a confirmed regression, or counters
or cases that are not those of the baseline; 4 times that are inconclusive, or
not comparable; 130 interrupted, what was found is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

from bench import FAILED, INTERRUPTED, PASS, ROOT, USAGE, as_file_name, shown
from compare import command_text, place_context
from ioptlib import (comparing, comparison, gate, names, paired, results,
                     runner, sides, summary, verdict)
from ioptlib.console import Console
from ioptlib.sides import Side

PADDING_BYTES = 5000
POLL_S = 0.2
BASELINE = ROOT / "results/baseline/counters.json"
GATE = ROOT / "results/baseline/gate.ini"


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="regress.py", description="Counters against the baseline, times "
        "against an anchor build.")
    parser.add_argument("--anchor", default="", metavar="WORD",
                        help="a git revision of this suite or a path of an "
                        "iopt-bench, measured in turn with this build "
                        "(default: that of the gate file, if it has one)")
    parser.add_argument("--or-parent", action="store_true",
                        help="where the anchor is no revision of this clone, "
                        "as after a first or a forced push, take HEAD~1, and "
                        "compare no times if there is none")
    parser.add_argument("--build-only", action="store_true",
                        help="build the anchor and stop: for a job that "
                        "must not count that time")
    parser.add_argument("--bless", action="store_true",
                        help="make the counters of this build the baseline, "
                        "and print what changed")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="only cases whose name matches")
    parser.add_argument("--cpu", default="", help="measure on this CPU")
    parser.add_argument("--node", default="",
                        help="page tables in this node's memory, on a CPU of "
                        "it unless --cpu")
    parser.add_argument("--seed", type=int, help="order of what is run")
    parser.add_argument("--junit", type=Path, metavar="FILE",
                        help="write JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="FILE",
                        help="append the summary (default: "
                        "$GITHUB_STEP_SUMMARY)")
    parser.add_argument("--baseline", type=Path, default=BASELINE,
                        metavar="FILE", help="the committed counters")
    parser.add_argument("--gate", type=Path, default=GATE, metavar="FILE",
                        help="the gate set")
    parser.add_argument("--results", type=Path, metavar="DIR",
                        default=ROOT / "results",
                        help="where results of all hosts are kept")
    parser.add_argument("--bench", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/bench/iopt-bench",
                        help="the iopt-bench to judge")
    return parser.parse_args(argv)


class Counter:
    """Counts all cases, a process a family.

    The second of two passes has another order of families and cases, a larger
    environment and, where it is allowed, no ASLR: another layout. Once
    is_stopped() says so it kills what runs and begins nothing more.

    skips: by case, why it cannot run here
    notes: what else to know of the passes
    """

    def __init__(self, side: Side, families: Mapping[str, list[str]],
                 profiles: Sequence[str], selection: Sequence[str],
                 is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._side = side
        self._families = families
        self._profiles = profiles
        self._selection = list(selection)
        self._is_stopped = is_stopped
        self.failures: list[str] = []
        self.skips: dict[str, str] = {}
        self.notes: list[str] = []

    def _command(self, family: str, seed: int, out: Path) -> list[str]:
        options = ["--family", family, "--count-only", "--seed", str(seed),
                   "--out", str(out), *self._selection]
        if family in names.TLBI_FAMILIES:
            for profile in self._profiles:
                options += ["--profile", profile]
        return self._side.command(*options)

    @staticmethod
    def _without_aslr() -> list[str]:
        """A prefix that switches ASLR off, empty where that is not allowed."""
        prefix = ["setarch", "-R"]
        if shutil.which(prefix[0]) and subprocess.run(
                [*prefix, "true"], capture_output=True,
                check=False).returncode == 0:
            return prefix
        return []

    def count(self, seed: int, is_second: bool) -> gate.Counts:
        """One pass; what went wrong is added to failures."""
        order = sorted(self._families)
        random.Random(seed).shuffle(order)
        prefix: list[str] = []
        environ = self._side.environment()
        if is_second:
            environ["IOPT_PADDING"] = "x" * PADDING_BYTES
            prefix = self._without_aslr()
            if not prefix:
                self.notes.append(
                    "the second counting pass had ASLR too: setarch -R is "
                    "refused here, or not there (a container's seccomp "
                    "profile does that)")
        found: gate.Counts = {}
        with tempfile.TemporaryDirectory() as scratch:
            for family in order:
                out = Path(scratch) / f"{family}.json"
                code, said = self._run(
                    [*prefix, *self._command(family, seed, out)], environ)
                if self._is_stopped():
                    break
                self._read(family, out, code, said, found)
        return found

    def _run(self, command: list[str], environ: dict[str, str]) \
            -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        with subprocess.Popen(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True,
                              env=environ) as child:
            while True:
                try:
                    said = child.communicate(timeout=POLL_S)[1]
                    return child.returncode, said
                except subprocess.TimeoutExpired:
                    if self._is_stopped():
                        child.kill()

    def _read(self, family: str, out: Path, code: int, stderr: str,
              found: gate.Counts) -> None:
        said = runner.last_line(stderr)
        try:
            output = results.parse_output(out.read_text("utf-8"))
        except (OSError, results.BadOutput, UnicodeDecodeError) as error:
            self._fail(f"{family}: no counters: {runner.how_it_ended(code)}: "
                       f"{said or error}")
            return
        classes = results.counter_classes(output.context)
        before = len(self.failures)
        for row in output.rows:
            name, _, profile = names.strip_library(str(row.get("name"))) \
                .partition(f"/{names.PROFILE_KEY}:")
            reason = results.skip_reason(row)
            if reason is not None:
                self.skips[name] = reason
                continue
            wrong = results.row_error(row)
            if wrong is not None:
                self._fail(f"{row.get('name')}: {wrong}")
                continue
            found.setdefault(name, {}).update(gate.nonzero(
                comparison.exact_of(row, classes, profile)))
        if code and len(self.failures) == before:
            self._fail(f"{family}: {runner.how_it_ended(code)}: {said}")

    def _fail(self, line: str) -> None:
        if line not in self.failures:
            self.failures.append(line)


def count_twice(args: argparse.Namespace, settings: gate.Settings,
                console: Console, interrupt: runner.Interrupt) -> gate.Report:
    """Both counting passes, and what the baseline says of them; of passes
    that were interrupted nothing but that."""
    baseline = gate.load_baseline(args.baseline)
    side = Side("this build", str(args.bench))
    selection = ["--filter", args.filter] if args.filter else []
    families = sides.list_cases(side, selection, has_long=False)
    if not families:
        raise comparing.NothingToCompare(
            f"no case matches FILTER {args.filter!r}")
    counter = Counter(side, families, settings.profiles,
                      [*selection, "--skip-long"],
                      lambda: bool(interrupt.name))
    nr_cases = sum(map(len, families.values()))
    console.complain(f"counting {nr_cases} cases of {len(families)} families, "
                     "twice")
    with ThreadPoolExecutor(2) as pool:
        passes = [pool.submit(counter.count, args.seed, False),
                  pool.submit(counter.count, args.seed + 1, True)]
        first, second = (done.result() for done in passes)
    if interrupt.name:
        return gate.Report({}, baseline)
    report = gate.judge(baseline, first, second, bool(args.filter),
                        counter.skips)
    report.failures = counter.failures
    report.notes = counter.notes
    return report


def anchor_word(args: argparse.Namespace, settings: gate.Settings,
                root: Path) -> tuple[str, str]:
    """What names the anchor, "" for none, and what to say of that."""
    word = args.anchor or settings.anchor
    if args.or_parent and not sides.commit_of(root, word):
        gone = f"the anchor {word!r} is no revision of this clone: " \
            if word else "no anchor was named: "
        word = sides.commit_of(root, "HEAD~1")
        return word, gone + (f"HEAD~1 ({word[:12]}) in its place" if word
                             else "nor is there a HEAD~1, so times were not "
                             "compared")
    return word, "" if word else \
        "times were not compared: no ANCHOR= was named"


def find_anchor(args: argparse.Namespace, settings: gate.Settings,
                console: Console) -> tuple[Side | None, list[str]]:
    """The build that times are held against, if there is one, and notes.

    Raises sides.BadSide when the word names nothing that can be.
    """
    word, note = anchor_word(args, settings, ROOT)
    notes = [note] if note else []
    if not word:
        return None, notes
    anchor = sides.resolve(word, sides.Workshop(ROOT, args.bench,
                                                say=console.complain))
    if anchor.engine:
        raise sides.BadSide(f"ANCHOR={anchor.label} is an engine; a revision "
                            "or a path of an iopt-bench is wanted")
    return anchor, notes


def gate_design(args: argparse.Namespace, settings: gate.Settings,
                anchor: Side, report: gate.Report) \
        -> tuple[paired.Design, dict[str, list[str]]]:
    """The gate set on the anchor and on this build, and what of it only one
    of them has; what no comparison will tell is a doubt of the report."""
    new = Side("this build", str(args.bench),
               revision=sides.revision_of(ROOT),
               code=sides.code_digest(args.bench))
    there = [{name for cases in sides.list_cases(side, ["--full"]).values()
              for name in cases} for side in (anchor, new)]
    wanted = [name for name in settings.cases if name in report.counts] \
        if args.filter else list(settings.cases)
    pairs = tuple(paired.Pair(name, name, name) for name in wanted
                  if name in there[0] and name in there[1])
    unpaired = {paired.OLD: [n for n in wanted
                             if n in there[0] and n not in there[1]],
                paired.NEW: [n for n in wanted
                             if n in there[1] and n not in there[0]]}
    lost = {"on neither side": [n for n in wanted if n not in there[0]
                                and n not in there[1]]}
    if not pairs:
        lost[f"only in {anchor.label}"] = unpaired[paired.OLD]
        lost[f"only in {new.label}"] = unpaired[paired.NEW]
    report.doubts += [f"of the gate set, {where}: {', '.join(cases)}"
                      for where, cases in lost.items() if cases]
    return paired.Design(
        anchor, new, pairs, args.seed, settings.nr_first, settings.nr_second,
        is_timed=not anchor.is_same_work(new), cpu=args.cpu, node=args.node,
        profiles=settings.profiles, min_time_ms=settings.min_time_ms,
        budget_s=settings.budget_s), unpaired


def seconds_a_process(document: dict[str, object]) -> float:
    """What the gate set takes on one side, all its processes together."""
    context = document["context"]
    assert isinstance(context, dict)
    spent: dict[str, float] = {}
    for process in context[comparison.INFO]["processes"]:
        if process["stage"] == 1 and process["arm"] == paired.NEW:
            family = process["family"]
            spent[family] = max(spent.get(family, 0.0), process["cpu_s"])
    return sum(spent.values())


def compare_times(args: argparse.Namespace, settings: gate.Settings,
                  anchor: Side, report: gate.Report, console: Console,
                  interrupt: runner.Interrupt, started: float) -> None:
    """Add the times to the report, as far as an interrupt lets it."""
    design, unpaired = gate_design(args, settings, anchor, report)
    if not design.pairs:
        report.notes.append("times were not compared: nothing of the gate "
                            "set is selected and on both sides")
    if not design.pairs or interrupt.name:
        return
    host = as_file_name(platform.node().split(".")[0])
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    stem = args.results / host / "compare" / \
        f"{stamp}-regress-{as_file_name(design.old.label)[:40]}"
    spool = runner.Spool(stem.with_name(f"spool-{stem.name}"))
    extra = {"unpaired": unpaired,
             "context": place_context(args.command),
             "floors": settings.floors_of([p.key for p in design.pairs])}
    paired.write_design(spool, design, {**extra, "stem": str(stem)})
    session = comparing.session_of(design, spool, console, interrupt)
    session.started = started
    try:
        report.times, document = comparing.finish(session, extra, stem)
    except comparing.Incomparable as error:
        report.doubts.append(f"times were not compared: {error}")
        return
    finally:
        console.done()
    report.notes += summary.doubt_lines(report.times.context)
    if spool.path.exists():
        report.notes.append(comparing.how_to_go_on(Path(shown(spool.path))))
    took = seconds_a_process(document)
    report.notes.append(
        f"times: {len(design.pairs)} cases, {took:.1f} s a process, "
        f"{time.monotonic() - started:.0f} s in all; {shown(stem)}.json")
    if took > gate.MAX_S:
        report.notes.append(f"the gate set takes more than {gate.MAX_S:g} s "
                            f"a process: shorten {args.gate}")
    unresolved = report.times.by_verdict(verdict.UNRESOLVED)
    if 2 * len(unresolved) > sum(bool(li.verdict) for li
                                 in report.times.lines):
        report.notes.append(
            f"{len(unresolved)} cases are unresolved: this machine is too "
            "busy, or too noisy, for its clock to say much")


def try_times(args: argparse.Namespace, settings: gate.Settings,
              anchor: Side, report: gate.Report, console: Console,
              interrupt: runner.Interrupt, started: float) -> bool:
    """compare_times(), and what hinders it as a failure of the report, so that
    the counters are told; False when it is the user's to mend."""
    try:
        compare_times(args, settings, anchor, report, console, interrupt,
                      started)
    except (OSError, results.BadOutput, runner.SpoolError, sides.BadSide,
            runner.UsageError) as error:
        console.complain(f"regress: {error}")
        report.failures.append(f"times were not compared: {error}")
        return not isinstance(error, (sides.BadSide, runner.UsageError))
    return True


def publish(args: argparse.Namespace, report: gate.Report) -> None:
    """Write what was asked for, as much of it as can be; raises OSError."""
    summary = args.markdown or os.environ.get("GITHUB_STEP_SUMMARY")
    try:
        if summary:
            with open(summary, "a", encoding="utf-8") as stream:
                stream.write(gate.markdown_of(report))
    finally:
        if args.junit:
            args.junit.parent.mkdir(parents=True, exist_ok=True)
            results.write_atomic(args.junit, gate.junit_of(report))


def bless(args: argparse.Namespace, settings: gate.Settings,
          report: gate.Report, console: Console) -> int:
    """Make this build's counters the baseline; the exit code."""
    if report.unstable or report.failures:
        console.say(gate.text_of(report).rstrip("\n"))
        console.complain("regress: nothing was blessed")
        return FAILED
    console.say(gate.bless_text(report).rstrip("\n"))
    kept = {case: counters for case, counters in report.baseline.items()
            if args.filter and case not in report.skipped}
    text = gate.dump_baseline({**kept, **report.counts}, settings.profiles)
    args.baseline.parent.mkdir(parents=True, exist_ok=True)
    results.write_atomic(args.baseline, text)
    console.say(f"{len(report.counts)} cases in {shown(args.baseline)}")
    return PASS


def judge(args: argparse.Namespace, settings: gate.Settings,
          anchor: Side | None, notes: list[str], console: Console,
          started: float) -> int:
    """Count, measure, tell, as far as an interrupt lets it; the exit code."""
    with runner.Interrupt() as interrupt:
        report = count_twice(args, settings, console, interrupt)
        report.notes += notes
        is_usage = False
        if anchor is not None and not interrupt.name and not args.bless:
            is_usage = not try_times(args, settings, anchor, report, console,
                                     interrupt, started)
        if interrupt.name:
            report.failures.append(f"interrupted by {interrupt.name} after "
                                   f"{time.monotonic() - started:.0f} s")
        if args.bless:
            code = bless(args, settings, report, console)
        else:
            console.say(gate.text_of(report).rstrip("\n"))
            publish(args, report)
            code = report.exit_code
            if is_usage and code == FAILED:
                code = USAGE
    return INTERRUPTED if interrupt.name else code


def run(args: argparse.Namespace, console: Console) -> int:
    """Find the anchor, then judge; the exit code."""
    started = time.monotonic()
    settings = gate.load_settings(args.gate)
    if args.seed is None:
        args.seed = random.SystemRandom().getrandbits(31)
    anchor: Side | None = None
    notes: list[str] = []
    if not args.bless:
        anchor, notes = find_anchor(args, settings, console)
    if not args.build_only:
        return judge(args, settings, anchor, notes, console, started)
    if anchor is None and not args.or_parent:
        raise sides.BadSide("--build-only: no anchor was named")
    for line in notes:
        console.say(line)
    if anchor is not None:
        console.say(f"{anchor.label} is built: {shown(Path(anchor.bench))}")
    return PASS


def main(argv: list[str]) -> int:
    """Run as the command line says; the exit code."""
    args = parse_args(argv)
    args.command = command_text(argv, "regress.py")
    console = Console(sys.stdout, sys.stderr)
    try:
        return run(args, console)
    except (sides.BadSide, comparing.NothingToCompare, gate.BadFile,
            runner.UsageError) as error:
        console.complain(f"regress: {error}")
        return USAGE
    except (OSError, results.BadOutput, runner.SpoolError,
            json.JSONDecodeError) as error:
        console.complain(f"regress: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("regress: interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
