# SPDX-License-Identifier: GPL-2.0-only
"""The history of this and other machines: add to it, carry it, mark it.

Exit: 0 done; 1 something failed; 2 usage; 4 a comparison was not usable, the
others are in; 130 interrupted.
"""

from __future__ import annotations

import argparse
import platform
import sqlite3
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import FAILED, INTERRUPTED, ROOT, USAGE, shown
from ioptlib import comparison, history, report, results
from ioptlib.console import Console

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
                     help="revision or iopt-bench to measure (default: HEAD)")
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
                      help="first one after the change (default: any)")
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
    except (results.BadOutput, UnicodeDecodeError) as error:
        raise results.BadOutput(f"no comparison: {error}") from error
    if not found.is_whole:
        raise results.BadOutput("it breaks off")
    return {"context": found.context, "benchmarks": found.rows}


def add(store: history.Store, files: list[Path], console: Console) -> int:
    """Add saved comparisons, each that can be; the exit code."""
    code = 0
    for path in files:
        try:
            machine, run = history.run_of(read(path))
        except (OSError, results.BadOutput) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            console.complain(f"track: {path}: {reason}")
            code = comparison.INCONCLUSIVE
            continue
        before = store.anchor(machine.id)
        word = "added" if store.add(machine, run) else "was there already"
        console.say(f"{path}: {word}: {run.revision} against {run.anchor}, "
                    f"{len(run.points)} ratios, machine {machine.id}")
        if before not in (None, run.anchor):
            console.complain(f"track: another anchor than the {before} "
                             "before: its ratios are a series of their own")
    return code


def anchor_of(store: history.Store, host: str) -> str:
    """What the newest run of a host was held against, "" if it has none;
    runs of others may have been merged."""
    runs = [run for run in store.runs()
            if run.context.get("iopt_host") == host]
    return runs[-1].anchor.partition(":")[0] if runs else ""


def measure(args: argparse.Namespace, store: history.Store,
            console: Console) -> int:
    """Compare with the anchor, then add; the exit code."""
    anchor = args.anchor
    if not anchor:
        anchor = anchor_of(store, platform.node().split(".")[0])
        if not anchor:
            console.complain("track: this host's first run needs an anchor: "
                             "make track ANCHOR=REV, a revision to pin")
            return USAGE
    stem = args.db.resolve().parent / "track" / \
        datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    command = [sys.executable, str(ROOT / "scripts/compare.py"), *args.options,
               "--out", str(stem), "--", anchor, args.what]
    code = subprocess.run(command, check=False).returncode
    path = stem.with_suffix(".json")
    if not path.is_file():
        return code or FAILED
    added = add(store, [path], console)
    return INTERRUPTED if code == INTERRUPTED else added


def list_all(store: history.Store, console: Console) -> int:
    """Machines, runs and changes as text; the exit code."""
    machines = store.machines()
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
                        f"{run.anchor}, {len(run.points)} ratios")
        for found in report.findings(runs, marks):
            console.say("  " + found.text)
    return 0


def exported(store: history.Store, path: Path | None) -> int:
    """Write all lines to a file, whole, or to standard output."""
    text = "".join(line + "\n" for line in store.lines())
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        results.write_atomic(path, text)
    return 0


def imported(store: history.Store, files: list[Path],
             console: Console) -> int:
    """Merge files of lines; the exit code."""
    for path in files:
        try:
            with open(path, encoding="utf-8") as stream:
                new, known = store.merge(stream)
        except (history.BadHistory, UnicodeDecodeError) as error:
            console.complain(f"track: {path}: {error}")
            return FAILED
        console.say(f"{path}: {new} added, {known} were there already")
    return 0


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
            return exported(store, args.file)
        if args.verb == "import":
            return imported(store, args.files, console)
        if args.verb == "mark":
            store.mark(history.Mark(now(), args.machine, args.case,
                                    args.revision, args.kind, args.reason))
            return 0
        return list_all(store, console)


def main(argv: list[str]) -> int:
    """Do what the command line says; the exit code."""
    args = parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        return do(args, console)
    except (OSError, history.BadHistory, sqlite3.Error) as error:
        console.complain(f"track: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("track: interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
