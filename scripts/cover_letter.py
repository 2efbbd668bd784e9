# SPDX-License-Identifier: GPL-2.0-only
"""The text for a cover letter from a saved comparison, or from a result.

A result holds engines that ran in the same processes: each usual pair of
them is a letter, or the two that are named. Exit: 0 printed, whatever it
says; 1 a file cannot be read; 2 usage.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

from bench import FAILED, PASS, ROOT, USAGE
from ioptlib import comparison, documents, formats, results, summary
from ioptlib.console import Console


# What the gate calls its comparisons: TIME-regress-ANCHOR.
GATE_STEM = "-regress-"


def newest(directory: Path) -> list[Path]:
    """This host's last comparison, by its name, which starts with a time;
    those of the gate are its own."""
    return sorted((path for path in directory.glob("*.json")
                   if GATE_STEM not in path.name),
                  key=lambda p: p.name)[-1:]


def load(path: Path) -> dict[str, Any]:
    """A document with context and rows; raises OSError, BadOutput."""
    output = results.parse_output(path.read_text(encoding="utf-8"))
    if not output.is_whole:
        raise results.BadOutput("it breaks off")
    return {"context": output.context, "benchmarks": output.rows}


def engine_pairs(found: results.Result, old: str, new: str) \
        -> list[tuple[str, str]]:
    """The two engines named, or the usual pairs that a result has."""
    if old and new:
        return [(old, new)]
    there = {case.get("engine") for case in found.cases}
    return [(pair.old, pair.new) for pair in summary.PAIRS
            if {pair.old, pair.new} <= there]


def comparisons(path: Path, old: str, new: str) \
        -> list[comparison.Comparison]:
    """What a file holds; raises OSError, BadOutput that names it."""
    try:
        document = load(path)
        if comparison.INFO in document["context"]:
            return [comparison.analyse(document)]
        found = results.from_document(document)
        return [comparison.analyse(documents.from_rounds(
            found, *engines, str(found.context.get("iopt_command", ""))))
            for engines in engine_pairs(found, old, new)]
    except (results.BadOutput, UnicodeDecodeError,
            json.JSONDecodeError) as error:
        raise results.BadOutput(f"{path}: {error}") from error


def main(argv: list[str]) -> int:
    """Print what the command line names; the exit code."""
    parser = argparse.ArgumentParser(
        prog="cover_letter.py", description="A comparison as text.")
    parser.add_argument("result", nargs="*", type=Path,
                        help="a comparison or a result (default: this "
                        "host's newest comparison)")
    parser.add_argument("--old", default="", help="engine of a result")
    parser.add_argument("--new", default="", help="engine of a result")
    parser.add_argument("--format", default="cover",
                        choices=sorted(formats.FORMATS))
    args = parser.parse_args(argv)
    where = ROOT / "results" / platform.node().split(".")[0] / "compare"
    paths = args.result or newest(where)
    console = Console(sys.stdout, sys.stderr)
    if not paths or bool(args.old) != bool(args.new):
        console.complain(
            f"cover_letter: no comparison in {where}: 'make compare' makes "
            "one; or RESULTS=FILE" if not paths else
            "cover_letter: OLD and NEW name two engines, or neither")
        return USAGE
    try:
        for path in paths:
            found = comparisons(path, args.old, args.new)
            if not found:
                console.complain(f"cover_letter: {path}: has no two engines "
                                 "to compare; OLD= NEW= name two")
                return USAGE
            texts = [formats.FORMATS[args.format][0](one) for one in found]
            console.say("\n".join(texts).rstrip("\n"))
    except (OSError, results.BadOutput) as error:
        console.complain(f"cover_letter: {error}")
        return FAILED
    return PASS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
