# SPDX-License-Identifier: GPL-2.0-only
"""The history of this and other machines: add to it, carry it, mark it.

Exit: 0 done; 1 something failed, or a line was refused; 2 usage; 4 a comparison
was not usable, or is inconclusive, the others are in; 77 all was skipped; 130
interrupted. What is whole is kept with any of them.
"""

from __future__ import annotations

import argparse
import platform
import sqlite3
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import FAILED, INTERRUPTED, PASS, ROOT, USAGE, shown
from ioptlib import comparison, history, report, results, sides
from ioptlib.console import Console
from ioptlib.endings import Endings

DEFAULT = ROOT / "results/history.db"
NEWEST = 10


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="track.py", description="Keep a history of comparisons with an "
        "anchor, a pinned build.")
    parser.add_argument("--db", type=Path, default=DEFAULT, metavar="FILE",
                        help="the history (default: results/history.db)")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    run = verbs.add_parser("run", help="measure against the anchor and add")
    run.add_argument("--anchor", default="", metavar="REV",
                     help="revision or iopt-bench of the anchor (default: "
                     "that of this machine's newest run)")
    run.add_argument("--what", default="HEAD", metavar="REV",
                     help="revision or iopt-bench to measure (default: HEAD, "
                     "without changes that are in no commit)")
    run.add_argument("options", nargs="*", metavar="OPTION",
                     help="options of compare.py, after --")

    add = verbs.add_parser("add", help="add comparisons that were saved")
    add.add_argument("files", nargs="+", type=Path, metavar="FILE")

    out = verbs.add_parser("export", help="write all of it as JSON lines")
    out.add_argument("file", nargs="?", type=Path, metavar="FILE")
    take = verbs.add_parser("import", help="merge JSON lines of another")
    take.add_argument("files", nargs="+", type=Path, metavar="FILE")

    mark = verbs.add_parser("mark", help="say what is known of a change")
    mark.add_argument("case", help="name, or shell pattern of names")
    mark.add_argument("--kind", required=True, choices=history.KINDS)
    mark.add_argument("--reason", default="",
                      help=f"why; wanted unless {history.CLEARED}")
    mark.add_argument("--revision", default="",
                      help="first one after the change, by name or commit "
                      "(default: any)")
    mark.add_argument("--machine", default="",
                      help="id of a machine (default: all)")

    verbs.add_parser("list", help="machines, their runs and changes")
    args = parser.parse_args(argv)
    if args.verb == "mark" and args.kind != history.CLEARED \
            and not args.reason.strip():
        parser.error(f"a mark that says {args.kind} needs a --reason")
    return args


def now() -> str:
    """The time as a history keeps it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def read(path: Path) -> dict[str, Any]:
    """The document in a file; raises OSError or results.BadOutput."""
    try:
        found = results.parse_output(path.read_text(encoding="utf-8"))
    except (results.BadOutput, UnicodeDecodeError, RecursionError) as error:
        raise results.BadOutput(f"no comparison: {error}") from error
    if not found.is_whole:
        raise results.BadOutput("it breaks off")
    return {"context": found.context, "benchmarks": found.rows}


def commit_of(word: str) -> str:
    """The whole id of the commit that a word names here, "" for none."""
    return sides.commit_of(ROOT, word)


def add(store: history.Store, files: list[Path], console: Console) -> int:
    """Add saved comparisons, each that can be; the exit code."""
    code = 0
    for path in files:
        try:
            machine, run = history.run_of(read(path), commit_of)
            before = store.anchor(machine.id)
            word = "added" if store.add(machine, run) else "was there already"
        except (OSError, results.BadOutput, history.BadHistory) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            console.complain(f"track: {path}: {reason}")
            code = comparison.INCONCLUSIVE
            continue
        console.say(f"{path}: {word}: {run.revision} against "
                    f"{run.anchor_title}, {len(run.points)} ratios, machine "
                    f"{machine.id}")
        if before is not None and not history.is_same_anchor(
                before, run.anchor, run.anchor_word):
            console.complain(f"track: another anchor than the {before} "
                             "before: its ratios are a series of their own")
    return code


def anchor_of(store: history.Store, host: str) -> str:
    """What the newest run of a host was held against, "" if it has none;
    runs of others may have been merged."""
    runs = [run for run in store.runs()
            if run.context.get("iopt_host") == host]
    if not runs:
        return ""
    commit = runs[-1].anchor.partition(":")[0]
    word = runs[-1].anchor_word
    return word if word and commit_of(word) == commit else commit


def can_pin(word: str) -> bool:
    """Does a word name a commit, or an iopt-bench that was built from one?

    Raises sides.BadSide for a path that holds no iopt-bench.
    """
    program = sides.program_side(word, sides.Workshop(
        ROOT, ROOT / "build/bench/iopt-bench"))
    return bool(program.commit if program else commit_of(word))


def measure(args: argparse.Namespace, store: history.Store,
            console: Console) -> int:
    """Compare with the anchor, then add; the exit code."""
    anchor = args.anchor or anchor_of(store, platform.node().split(".")[0])
    if not anchor:
        console.complain("track: this host's first run needs an anchor: make "
                         "track ANCHOR=REV, a revision to pin")
        return USAGE
    if not can_pin(anchor):
        whose = "" if args.anchor else ", this host's newest anchor,"
        console.complain(
            f"track: {anchor}{whose} is no commit, or was built from changes "
            "that are in none: make track ANCHOR=REV, a revision to pin")
        return USAGE
    if args.what == "HEAD" and sides.revision_of(ROOT).endswith("-dirty"):
        console.complain("track: HEAD is measured: changes that are in no "
                         "commit are not")
    if "--quick" in args.options:
        console.say("track: the quick set of cases; FILTER=REGEX or FULL=1 "
                    "tracks others")
    stem = args.db.resolve().parent / "track" / \
        datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    command = [sys.executable, str(ROOT / "scripts/compare.py"), *args.options,
               "--out", str(stem), "--", anchor, args.what]
    with Endings() as endings:  # it saves what it has
        code = endings.run(command)
    path = stem.with_suffix(".json")
    if not path.is_file():
        if endings.noted:
            raise KeyboardInterrupt
        return code or FAILED
    added = add(store, [path], console)
    if code == comparison.REGRESSION:
        # Being slower than the anchor is no fault; what else there is, is.
        found = comparison.analyse(read(path))
        code = FAILED if found.failures else \
            comparison.INCONCLUSIVE if found.doubts else PASS
    return code or added


def mark(args: argparse.Namespace, store: history.Store,
         console: Console) -> int:
    """Keep what a person says, and warn if it is of nothing; the code."""
    said = history.Mark(now(), args.machine, args.case, args.revision,
                        args.kind, args.reason)
    store.mark(said)
    if not any(said.covers(found.bad, found.case)
               for machine in store.machines()
               for found in report.findings(store.runs(machine.id), [])):
        console.complain("track: the mark is kept, but covers no change yet: "
                         "track.py list has those that there are")
    return PASS


def list_all(store: history.Store, console: Console) -> int:
    """Machines, runs and changes as text; the exit code."""
    machines = store.machines()
    for line in store.unsound():
        console.complain(f"track: {line}: an older program took it in")
    if not machines:
        console.say("the history is empty: make track ANCHOR=REV adds to it")
    marks = store.marks()
    for machine in machines:
        runs = store.runs(machine.id)
        console.say(f"machine {machine.id}  {machine.title}")
        skipped = len(runs) - NEWEST
        if skipped > 0:
            console.say(f"  {skipped} older runs, then")
        for run in runs[-NEWEST:]:
            console.say(f"  {run.started}  {run.revision} against "
                        f"{run.anchor_title}, {len(run.points)} ratios")
        for found in report.findings(runs, marks):
            console.say("  " + found.text)
    return 0


def exported(store: history.Store, path: Path | None,
             console: Console) -> int:
    """Write all lines to a file, whole, or to standard output; the code."""
    unsound = store.unsound()
    for line in unsound:
        console.complain(f"track: {line}: no import would take it")
    text = "".join(line + "\n" for line in store.lines())
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        results.write_atomic(path, text)
    return FAILED if unsound else PASS


def imported(store: history.Store, files: list[Path],
             console: Console) -> int:
    """Merge files of lines, all that can be; the exit code."""
    code = PASS
    for path in files:
        try:
            # What is no UTF-8 is a line to refuse, not the end of the file.
            with open(path, encoding="utf-8",
                      errors="surrogateescape") as stream:
                merged = store.merge(stream)
        except OSError as error:
            console.complain(f"track: {path}: {error.strerror}")
            code = FAILED
            continue
        for line in merged.refused:
            console.complain(f"track: {path}: {line}: refused")
            code = FAILED
        console.say(f"{path}: {merged.nr_new} added, {merged.nr_known} were "
                    "there already")
    return code


def do(args: argparse.Namespace, console: Console) -> int:
    """What the command line says; the exit code."""
    if args.verb in ("export", "list") and not args.db.exists():
        console.complain(f"track: {shown(args.db)}: there is no history yet: "
                         "make track ANCHOR=REV begins one")
        return USAGE
    with history.Store(args.db) as store:
        if args.verb == "run":
            return measure(args, store, console)
        if args.verb == "add":
            return add(store, args.files, console)
        if args.verb == "export":
            return exported(store, args.file, console)
        if args.verb == "import":
            return imported(store, args.files, console)
        if args.verb == "mark":
            return mark(args, store, console)
        return list_all(store, console)


def main(argv: list[str]) -> int:
    """Do what the command line says; the exit code."""
    args = parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        return do(args, console)
    except sides.BadSide as error:
        console.complain(f"track: {error}")
        return USAGE
    except (OSError, history.BadHistory, results.BadOutput, sqlite3.Error,
            RecursionError) as error:
        console.complain(f"track: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("track: interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
