#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make times on this machine more sure, until that is put back.

usage: tune.py [--yes]               say what would be changed, ask, change it
       tune.py [--yes] -- COMMAND... likewise, run it, put all back
       tune.py --undo                put all back
Exit: 0 done, or nothing to do, or the answer was no; 1 failed, all is as it was
unless said otherwise; 2 usage; 130 interrupted; with COMMAND its own code.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from ioptlib import tuning
from ioptlib.endings import ENDINGS, Endings

PASS, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tune.py", description="Change what makes times less sure, and "
        "put it back.")
    parser.add_argument("--undo", action="store_true",
                        help="put back what was changed")
    parser.add_argument("--yes", action="store_true",
                        help="change without asking")
    parser.add_argument("--state", type=Path, default=tuning.STATE,
                        metavar="FILE", help="where to remember what was "
                        f"before (default: {tuning.STATE})")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR",
                        help="folder that holds proc and sys (default: /)")
    parser.add_argument("command", nargs="*", metavar="COMMAND",
                        help="what to run before all is put back")
    return parser.parse_args(argv)


def ask(question: str) -> bool:
    """A yes of the person at the terminal."""
    print(question, end=" ", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def end_by_signal(number: int, _frame: FrameType | None) -> None:
    """A request to end, while nothing is changed, ends as Ctrl-C does."""
    raise KeyboardInterrupt(number)


def run(endings: Endings, command: list[str]) -> int:
    """The exit code of a command; raises TuneError when there is none."""
    try:
        return endings.run(command)
    except OSError as error:
        raise tuning.TuneError(f"{command[0]}: {error.strerror}") from error


def put_back(machine: tuning.Machine, state: Path) -> None:
    """Undo, and say so."""
    if not tuning.load(state):
        print("tune: nothing was changed, so nothing is put back")
        return
    nr = len(tuning.load(state))
    for line in tuning.undo(machine, state):
        print(f"tune: {line}")
    print(f"tune: {nr} file{'s' if nr > 1 else ''} put back")


def change(args: argparse.Namespace, machine: tuning.Machine,
           changes: list[tuning.Change]) -> int:
    """Change it, and what is to be run then decides when to put it back; the
    exit code. All is back too when somebody asked to end on the way."""
    with Endings() as endings:
        tuning.apply(machine, changes, args.state)
        if not args.command and not endings.noted:
            print("tune: changed; 'make untune' puts it back")
            return PASS
        try:
            if not endings.noted:
                return run(endings, args.command)
        finally:
            put_back(machine, args.state)
    raise KeyboardInterrupt


def tune(args: argparse.Namespace, machine: tuning.Machine) -> int:
    """Say, ask, change, and run what is to be run."""
    changes = tuning.plan(machine)
    if not changes:
        print("tune: nothing to change: what can be set is as it should be")
        if not args.command:
            return PASS
        with Endings() as endings:
            return run(endings, args.command)
    print("tune: this would be changed, until make untune or a reboot:"
          if not args.command else "tune: this would be changed meanwhile:")
    for line in tuning.describe(changes):
        print(f"  {line}")
    if not args.yes:
        if not sys.stdin.isatty():
            print("tune: there is no terminal to ask at, so nothing was "
                  "changed; --yes (make tune YES=1) does not ask",
                  file=sys.stderr)
            return USAGE
        if not ask("Change this? [y/N]"):
            print("tune: nothing was changed"
                  + (", and nothing run" if args.command else ""))
            return PASS
    return change(args, machine, changes)


def main(argv: list[str]) -> int:
    """Do as the command line says; the exit code."""
    args = parse_args(argv)
    machine = tuning.Machine(args.root)
    for number in ENDINGS:
        signal.signal(number, end_by_signal)
    try:
        if args.undo:
            with Endings():
                put_back(machine, args.state)
            return PASS
        return tune(args, machine)
    except tuning.TuneError as error:
        print(f"tune: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\ntune: interrupted; " + (
            "what was changed stays so: 'make untune' puts it back"
            if args.state.exists() else "all is as it was"), file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
