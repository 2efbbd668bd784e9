# SPDX-License-Identifier: GPL-2.0-only
"""Measure: run iopt-bench in rounds, merge, summarise, plot.

Exit: 0 measured; 1 something failed; 2 usage, or nothing matched; 77 all that
was selected was skipped; 130 interrupted, what was measured is kept.
"""

from __future__ import annotations

import argparse
import platform
import random
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ioptlib import (kernel_build, profiles, results, runner, summary,
                     teardown)
from ioptlib.console import Console, duration
from ioptlib.kernel_build import BadBuild
from ioptlib.kernel_source import BadSource

ROOT = Path(__file__).resolve().parent.parent
PASS, FAILED, USAGE, SKIPPED, INTERRUPTED = 0, 1, 2, 77, 130
BENCH_ROUNDS, BENCH_BUDGET_S = 9, 600.0
QUICK_ROUNDS, QUICK_BUDGET_S = 3, 60.0
LONG_ROUNDS = 3
PROFILES = ROOT / "data/profiles"
USUAL_PROFILES = ("smmuv3-ril", "smmuv3-noril")


def positive(text: str) -> int:
    """An argument that is a whole number above zero."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="bench.py", description="Measure with iopt-bench.")
    subset = parser.add_mutually_exclusive_group()
    subset.add_argument("--quick", action="store_true",
                        help="few cases, three rounds, at most a minute")
    subset.add_argument("--full", action="store_true",
                        help="each combination there is")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="only cases whose name matches")
    parser.add_argument("--family", action="append", default=[],
                        help="only this family (repeatable)")
    parser.add_argument("--cpu", default="", help="measure on this CPU")
    parser.add_argument("--node", default="",
                        help="page tables in this node's memory, on a CPU of "
                        "it unless --cpu")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="where the result goes")
    parser.add_argument("--reps", type=positive, metavar="N",
                        help="rounds, a process a family each")
    parser.add_argument("--seed", type=int, help="order of what is run")
    parser.add_argument("--trace", action="append", default=[],
                        metavar="FILE", help="replay this instead (repeatable)")
    parser.add_argument("--frames", action="append", default=[],
                        metavar="FILE", help="tear down machines whose memory "
                        "has these frames; without a filter nothing else "
                        "(repeatable)")
    parser.add_argument("--kernel", action="append", default=[],
                        metavar="TREE", help="build this Linux tree and "
                        "measure its io-pgtable-arm.c; without a filter "
                        "nothing else (repeatable)")
    parser.add_argument("--profile", action="append", default=[],
                        metavar="NAME", help="price invalidations by this "
                        "cost profile, a file too (repeatable)")
    parser.add_argument("--min-time-ms", type=positive, metavar="N",
                        help="time for each case in a process")
    parser.add_argument("--budget", type=float, metavar="SECONDS",
                        help="start no round that would end after this")
    parser.add_argument("--bench", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/bench/iopt-bench",
                        help="the iopt-bench to run")
    parser.add_argument("--results", type=Path, metavar="DIR",
                        default=ROOT / "results",
                        help="where results of all hosts are kept")
    parser.add_argument("--no-plot", action="store_true",
                        help="draw no pictures")
    parser.add_argument("--merge", type=Path, metavar="SPOOL",
                        help="run nothing: merge what a broken run left")
    parser.add_argument("--verbose", action="store_true",
                        help="show every row and what the processes said")
    return parser.parse_args(argv)


def git_describe() -> str:
    """The revision of this tree, unknown outside a repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty",
             "--tags"], capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def as_file_name(text: str) -> str:
    """The text with only letters, digits and .+- in it."""
    return re.sub(r"[^0-9A-Za-z.+-]", "_", text) or "unknown"


def profiles_of(args: argparse.Namespace) -> list[str]:
    """The cost profiles to price by: those named, or all, or the usual."""
    if args.profile:
        return list(dict.fromkeys(args.profile))
    if args.full:
        return sorted(path.stem for path in PROFILES.glob("*.ini"))
    return list(USUAL_PROFILES)


def kernels_of(args: argparse.Namespace) -> tuple[str, ...]:
    """The modules of the trees that were named, built."""
    if not args.kernel:
        return ()
    specs = [spec for word in args.kernel for spec in word.split()]
    try:
        infos = kernel_build.build_all(ROOT, ROOT / "build/kernel", specs)
    except (BadBuild, BadSource) as error:
        raise runner.UsageError(f"bench: KERNEL: {error}") from error
    return tuple(info.module for info in infos)


def settings_of(args: argparse.Namespace) -> runner.Settings:
    """What to run: the defaults of the command filled in."""
    rounds = args.reps or (QUICK_ROUNDS if args.quick else BENCH_ROUNDS)
    budget = args.budget
    if budget is None and args.reps is None and not args.full:
        budget = QUICK_BUDGET_S if args.quick else BENCH_BUDGET_S
    families = args.family
    if args.trace and not families and not args.filter:
        families = ["replay"]
    wanted = args.filter
    if args.frames and not families and not wanted:
        families, wanted = ["teardown"], "/backing:file-"
    seed = args.seed if args.seed is not None \
        else random.SystemRandom().getrandbits(31)
    return runner.Settings(
        bench=str(args.bench), rounds=rounds, seed=seed, budget_s=budget,
        subset="quick" if args.quick else "full" if args.full else "",
        filter=wanted or ("/engine:kernel-" if args.kernel else ""),
        cpu=args.cpu, node=args.node, traces=tuple(args.trace), frames=tuple(args.frames),
        kernels=kernels_of(args), families=tuple(families),
        profiles=tuple(profiles_of(args)),
        min_time_ms=args.min_time_ms,
        long_rounds=None if args.reps else LONG_ROUNDS)


class Place:
    """Where a run's files go."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._out: Path | None = args.out
        self._started = datetime.now(timezone.utc)
        self.host = platform.node().split(".")[0] or "unknown"
        of_host: Path = args.results / as_file_name(self.host)
        self._directory = self._out.parent if self._out else of_host
        self._version = git_describe()

    @property
    def stamp(self) -> str:
        """When it started, as in file names."""
        return self._started.strftime("%Y%m%dT%H%M%SZ")

    @property
    def result(self) -> Path:
        """The result file."""
        name = f"{self.stamp}-{as_file_name(self._version)}.json"
        return self._out or self._directory / name

    @property
    def spool(self) -> Path:
        """A directory that is not there yet."""
        path = self._directory / f"spool-{self.stamp}"
        number = 1
        while path.exists():
            number += 1
            path = self._directory / f"spool-{self.stamp}-{number}"
        return path

    def context(self, argv: list[str]) -> dict[str, str]:
        """What the runner knows about the run."""
        return {"iopt_host": self.host,
                "iopt_runner_version": self._version,
                "iopt_started": self._started.isoformat(timespec="seconds"),
                "iopt_command": shlex.join(["scripts/bench.py", *argv])}


def write_result(path: Path, document: dict[str, Any], spool: runner.Spool,
                 console: Console) -> bool:
    """Write the result and give up the spool, or say where all is kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        results.write_atomic(path, results.dump(document))
    except OSError as error:
        console.complain(
            f"bench: cannot write {path}: {error.strerror}; what was "
            f"measured is kept in {spool.path}, to finish with: "
            f"scripts/python scripts/bench.py --merge {spool.path}")
        return False
    try:
        spool.remove()
    except OSError as error:
        console.complain(f"bench: cannot remove {spool.path}: "
                         f"{error.strerror}")
    return True


def draw(path: Path, console: Console) -> tuple[str, int]:
    """Draw the plots; where they are in words, and an exit code."""
    from ioptlib import plots  # matplotlib takes its time to load
    directory = path.with_suffix(".plots")
    try:
        drawn = plots.draw_all([path], directory)
    except Exception as error:  # the measured result must still be told
        console.complain(f"bench: cannot draw the plots: {error!r}")
        return ", no plots", FAILED
    except KeyboardInterrupt:
        return ", plots not drawn (interrupted)", INTERRUPTED
    if not drawn:
        return ", no plots (nothing in it to draw)", PASS
    return f", plots in {shown(directory)}/", PASS


def shown(path: Path) -> str:
    """A path as short as it can be from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@dataclass
class Session:
    """What a run needs from its start to its end."""

    args: argparse.Namespace
    console: Console
    place: Place
    settings: runner.Settings
    spool: runner.Spool
    families: list[runner.Family]
    extra: dict[str, Any]

    def save(self, done: runner.Run) -> tuple[dict[str, Any], list[str]]:
        """Merge and write; the document, and a line for each failure.

        The document is empty when there is nothing to go on with.
        """
        document, failures = runner.merge(done, self.settings, self.extra)
        if document["benchmarks"]:
            if not write_result(self.place.result, document, self.spool,
                                self.console):
                return {}, failures
            return document, failures
        for line in failures:
            self.console.complain(f"FAILED {line}")
        why = f": {done.incomplete}" if done.incomplete else ""
        self.console.complain(f"bench: nothing was measured{why}; what the "
                              f"processes said is in {self.spool.path}")
        return {}, failures

    def tell(self, done: runner.Run, document: dict[str, Any],
             failures: list[str]) -> int:
        """Print the summary and what went wrong; an exit code."""
        result = results.from_document(document)
        say, complain = self.console.say, self.console.complain
        text = summary.render(result,
                              {f.name: f.question for f in self.families},
                              None if self.args.verbose else summary.MAX_ROWS,
                              {teardown.FAMILY: teardown.lines})
        say(f"\n{text}\n" if text else "")
        for line in (summary.skip_lines(result) + summary.warning_lines(result)
                     + summary.doubt_lines(result.context)):
            say(line)
        if done.note:
            say(done.note)
        errors = failures + summary.error_lines(result)
        for line in errors:
            complain(f"FAILED {line}")
        if done.incomplete:
            complain(f"bench: incomplete: {done.incomplete}")
        if errors or done.incomplete:
            return FAILED
        is_all_skipped = not any(s.good for s in result.cases.values())
        return SKIPPED if is_all_skipped else PASS

    def present(self, done: runner.Run, document: dict[str, Any],
                failures: list[str], is_drawing: bool) -> int:
        """Tell, draw, and say last where it all is; the exit code."""
        if not document:
            return FAILED
        code = self.tell(done, document, failures)
        plots, plot_code = "", PASS
        if is_drawing and not self.args.no_plot:
            plots, plot_code = draw(self.place.result, self.console)
        self.console.say(f"results in {shown(self.place.result)}{plots}")
        if plot_code == INTERRUPTED:
            return INTERRUPTED
        return code or plot_code or (FAILED if self.console.is_broken
                                     else PASS)


def measure(settings: runner.Settings, place: Place, argv: list[str],
            args: argparse.Namespace, console: Console) -> int:
    """List, run, and finish; the exit code."""
    if args.out and args.out.is_dir():
        raise runner.UsageError(f"bench: OUT={args.out} is a directory; name "
                                "a file in it")
    for variable, path in [("TRACE", p) for p in settings.traces] + \
            [("FRAMES", p) for p in settings.frames]:
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise runner.UsageError(f"bench: {variable}={path}: "
                                    f"{error.strerror}") from error
    families = runner.list_families(settings)
    if not families:
        console.complain(f"bench: no case matches FILTER {settings.filter!r}"
                         if settings.filter else "bench: no case is selected")
        return USAGE
    extra: dict[str, Any] = {
        **place.context(argv), results.PROFILE_SOURCES:
        profiles.records(settings.profiles, args.bench)}
    spool = runner.Spool.create(place.spool, settings, families, extra)
    session = Session(args, console, place, settings, spool, families, extra)
    nr_cases = sum(len(f.cases) for f in families)
    console.say(f"measuring {nr_cases} cases of {len(families)} families, "
                f"{settings.rounds} rounds"
                + (f", at most {duration(settings.budget_s)}"
                   if settings.budget_s else "")
                + f" (seed {settings.seed})")
    # Signals only set a flag from here until the result is safe.
    with runner.Interrupt() as interrupt:
        try:
            done = runner.run(settings, families, spool, console, interrupt)
        except runner.UsageError:
            shutil.rmtree(spool.path, ignore_errors=True)
            raise
        finally:
            console.done()
        said = spool.said() if args.verbose else ""
        document, failures = session.save(done)
        was_interrupted = bool(interrupt.name)
    if said:
        console.say(said)
    code = session.present(done, document, failures, not was_interrupted)
    return INTERRUPTED if was_interrupted else code


def merge_spool(place: Place, args: argparse.Namespace,
                console: Console) -> int:
    """Finish a run that could not write its result."""
    spool = runner.Spool(args.merge)
    try:
        settings, families, extra = spool.manifest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        console.complain(f"bench: {args.merge} is no spool of a run: {error}")
        return USAGE
    done = runner.reread(spool, settings, families)
    session = Session(args, console, place, settings, spool, families, extra)
    document, failures = session.save(done)
    return session.present(done, document, failures, True)


def main(argv: list[str]) -> int:
    """Run as the command line says; the exit code."""
    args = parse_args(argv)
    console = Console()
    place = Place(args)
    try:
        if args.merge:
            return merge_spool(place, args, console)
        return measure(settings_of(args), place, argv, args, console)
    except runner.UsageError as error:
        console.complain(str(error))
        return USAGE
    except runner.SpoolError as error:
        console.complain(f"bench: {error}")
        return FAILED
    except OSError as error:
        console.complain(f"bench: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("bench: interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
