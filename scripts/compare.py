# SPDX-License-Identifier: GPL-2.0-only
"""Compare two engines, builds, revisions of the suite, or result files.

Exit: 0 nothing got worse; 1 something failed; 2 usage; 3 a confirmed
regression; 4 inconclusive, or not comparable; 77 all was skipped;
130 interrupted, what was measured is kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shlex
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import (FAILED, INTERRUPTED, ROOT, USAGE, USUAL_PROFILES,
                   as_file_name, positive, shown)
from ioptlib import (comparing, comparison, documents, formats, paired,
                     profiles, results, runner, sides, summary)
from ioptlib.console import Console


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="compare.py", description="Compare two engines, builds, "
        "revisions of the suite, or result files.")
    parser.add_argument("sides", nargs="*", metavar="OLD NEW",
                        help="an engine word, a path, a git revision, or "
                        "two result files")
    subset = parser.add_mutually_exclusive_group()
    subset.add_argument("--quick", action="store_true", help="few cases")
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
    parser.add_argument("--reps", type=positive, metavar="N",
                        default=paired.FIRST_PAIRS,
                        help="pairs of stage one; stage two has twice as "
                        "many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="order of what is run")
    parser.add_argument("--trace", action="append", default=[],
                        metavar="FILE", help="replay this (repeatable)")
    parser.add_argument("--profile", action="append", default=[],
                        metavar="NAME", help="count what is sent under this "
                        "cost profile (repeatable)")
    parser.add_argument("--min-time-ms", type=positive, metavar="N",
                        help="time for each case in a process")
    parser.add_argument("--no-null", action="store_true",
                        help="no null arm; no verdict can then be trusted "
                        "on a busy machine")
    parser.add_argument("--no-turns", action="store_true",
                        help="run each process from its start to its end")
    parser.add_argument("--force", action="store_true",
                        help="time also what is the same machine code")
    parser.add_argument("--format", default="cover",
                        choices=sorted(formats.FORMATS),
                        help="what is printed (default: %(default)s); all "
                        "are written")
    parser.add_argument("--out", type=Path, metavar="STEM",
                        help="where files go, their names without suffix")
    parser.add_argument("--results", type=Path, metavar="DIR",
                        default=ROOT / "results",
                        help="where results of all hosts are kept")
    parser.add_argument("--bench", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/bench/iopt-bench",
                        help="the iopt-bench that has the engines")
    parser.add_argument("--kernel", default="", metavar="REPOSITORY",
                        help="OLD and NEW are revisions of this Linux "
                        "repository")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", type=Path, metavar="SPOOL",
                       help="go on with a comparison that broke off")
    again.add_argument("--merge", type=Path, metavar="SPOOL",
                       help="run nothing: compare what a broken one left")
    args = parser.parse_args(argv)
    if len(args.sides) != (0 if args.resume or args.merge else 2):
        parser.error("OLD and NEW are wanted, or --resume or --merge alone")
    return args


def is_result(word: str) -> bool:
    """Does a word name a result file, there or not?"""
    path = Path(word)
    return path.suffix == ".json" or \
        (path.is_file() and not os.access(path, os.X_OK))


def stem_of(args: argparse.Namespace, labels: list[str]) -> Path:
    """Where the files of this comparison go."""
    if args.out:
        out: Path = args.out
        return out.with_suffix("") if out.suffix == ".json" else out
    host = as_file_name(platform.node().split(".")[0])
    words = [as_file_name(Path(label).name)[:40] for label in labels]
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    directory: Path = args.results / host / "compare"
    return directory / "-".join([stamp, *words])


def command_text(argv: list[str], script: str = "compare.py") -> str:
    """The command, to be typed again."""
    return shlex.join([f"scripts/{script}", *argv])


def compare_files(args: argparse.Namespace, argv: list[str],
                  console: Console) -> int:
    """Two result files, or one line for each reason why not."""
    loaded = []
    for word in args.sides:
        if not Path(word).is_file():
            console.complain(f"compare: {word}: there is no such file")
            return USAGE
        loaded.append(results.load(Path(word)))
        if comparison.INFO in loaded[-1].context:
            console.complain(f"compare: {word} is a comparison already: "
                             f"make cover-letter RESULTS={word}")
            return USAGE
    old, new = loaded
    reasons = documents.incomparable(old, new)
    for reason in reasons:
        console.complain(f"compare: {reason}")
    if reasons:
        return comparison.INCONCLUSIVE
    document = documents.from_results(
        old, new, [Path(word).stem for word in args.sides],
        command_text(argv))
    found = comparison.analyse(document)
    console.say(formats.FORMATS[args.format][0](found).rstrip("\n"))
    if not found.info["cases"]:
        console.complain("compare: no case is on both sides")
    if args.out:
        comparing.write_all(document, found, stem_of(args, []))
    return found.exit_code


def options_of(args: argparse.Namespace) -> list[str]:
    """The options of iopt-bench that select cases."""
    options = [part for family in args.family for part in ("--family", family)]
    options += ["--quick"] if args.quick else ["--full"] if args.full else []
    options += ["--filter", args.filter] if args.filter else []
    return options + [part for trace in args.trace
                      for part in ("--trace", trace)]


def design_of(args: argparse.Namespace, console: Console) \
        -> tuple[paired.Design, dict[str, Any]]:
    """What is to be run, and what else to know of it."""
    shop = sides.Workshop(ROOT, args.bench, args.kernel, console.complain)
    old, new = (sides.resolve(word, shop) for word in args.sides)
    selection = comparing.select(old, new, options_of(args), args.full)
    seed = args.seed if args.seed is not None \
        else random.SystemRandom().getrandbits(31)
    is_timed = args.force or not old.is_same_work(new)
    design = paired.Design(
        old, new, selection.pairs, seed, args.reps, 2 * args.reps,
        not args.no_null, is_timed, args.cpu, tuple(args.trace),
        tuple(args.profile or USUAL_PROFILES), selection.ceilings,
        args.min_time_ms, has_turns=not args.no_turns, node=args.node)
    return design, {"unpaired": selection.unpaired,
                    "nr_long": selection.nr_long}


def place_context(command: str) -> dict[str, str]:
    """What the runner knows about the run."""
    return {"iopt_host": platform.node().split(".")[0] or "unknown",
            "iopt_runner_version": sides.revision_of(ROOT) or "unknown",
            "iopt_started": datetime.now(timezone.utc)
            .isoformat(timespec="seconds"),
            "iopt_schema": results.SCHEMA,
            "iopt_command": command}


def tell(found: comparison.Comparison, stem: Path, spool: runner.Spool,
         args: argparse.Namespace, console: Console) -> int:
    """Print it, and where it all is; the exit code."""
    console.say(formats.FORMATS[args.format][0](found).rstrip("\n"))
    for doubt in found.doubts:
        console.complain(f"compare: {doubt}")
    for line in summary.doubt_lines(found.context):
        console.complain(f"compare: {line}")
    for failure in found.failures:
        console.complain(f"FAILED {failure}")
    if spool.path.exists():
        console.complain("compare: " + comparing.how_to_go_on(
            Path(shown(spool.path))))
    where = (f"comparison in {shown(stem)}.json; also .txt .md .csv .xml "
             ".lava .old.bench .new.bench")
    if args.format == "cover":
        console.say(where)
    else:  # what a program reads has nothing behind it
        console.complain(where)
    return found.exit_code


def check_builds(design: paired.Design) -> None:
    """Raises sides.BadSide when a side is no longer what was begun with; a
    Linux tree's module is not looked at."""
    for side in (design.old, design.new):
        if side.code and not side.args and \
                sides.code_digest(Path(side.bench)) != side.code:
            raise sides.BadSide(
                f"{side.label} was built anew since this comparison began: "
                "--merge keeps what is there, or begin again")


def measure(args: argparse.Namespace, argv: list[str],
            console: Console) -> int:
    """Run both sides, or go on with that; the exit code."""
    broken = args.resume or args.merge
    if broken:
        spool = runner.Spool(broken)
        try:
            design, extra = paired.read_design(spool)
            kept_stem = Path(extra.pop("stem"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            console.complain(f"compare: {broken} is no spool of a "
                             f"comparison: {error}")
            return USAGE
        stem = args.out or kept_stem
        if args.resume:
            check_builds(design)
    else:
        design, extra = design_of(args, console)
        stem = stem_of(args, [design.old.label, design.new.label])
        spool = runner.Spool(stem.with_name(f"spool-{stem.name}"))
        extra["context"] = {
            **place_context(command_text(argv)), results.PROFILE_SOURCES:
            profiles.records(design.profiles, Path(design.new.bench))}
        paired.write_design(spool, design, {**extra, "stem": str(stem)})
    console.complain(
        f"comparing {len(design.pairs)} cases of {len(design.families)} "
        f"families, {design.nr_first} pairs (seed {design.seed})")
    with runner.Interrupt() as interrupt:
        session = comparing.session_of(design, spool, console, interrupt)
        try:
            found, _ = comparing.finish(session, extra, stem, not args.merge)
        finally:
            console.done()
        was_interrupted = bool(interrupt.name)
    code = tell(found, stem, spool, args, console)
    return INTERRUPTED if was_interrupted else code


def main(argv: list[str]) -> int:
    """Run as the command line says; the exit code."""
    args = parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        if args.sides and any(map(is_result, args.sides)):
            return compare_files(args, argv, console)
        return measure(args, argv, console)
    except (sides.BadSide, comparing.NothingToCompare,
            runner.UsageError) as error:
        console.complain(f"compare: {error}")
        return USAGE
    except comparing.Incomparable as error:
        console.complain(f"compare: {error}")
        return comparison.INCONCLUSIVE
    except (OSError, results.BadOutput, runner.SpoolError) as error:
        console.complain(f"compare: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("compare: interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
