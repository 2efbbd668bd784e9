# SPDX-License-Identifier: GPL-2.0-only
"""Hold the simulator against published figures: print the table, refresh the
page that has it.

Exit: 0 every check came out, or is explained where it did not; 1 iopt-sim, a
profile or the page could not be used, or standard output not written; 2 usage;
3 a check missed without an explanation, has one that it no longer needs, or
with --check the page is not what would be printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ioptlib import program, validate
from ioptlib.console import Console
from ioptlib.validate import BadRun, Lab, Op, Setup

ROOT = Path(__file__).resolve().parent.parent
PROFILES = ("smmuv2-sm8150", "smmuv3-noril", "smmuv3-ril",
            "smmuv3-guest-trapped", "grace-vcmdq")
TIMEOUT_S = 300


def profile_path(setup: Setup, spare: Path) -> Path:
    """The profile of a setup; a changed one is written into spare."""
    path = ROOT / "data/profiles" / f"{setup.profile}.ini"
    if not setup.flushes_by_page:
        return path
    changed = spare / path.name
    changed.write_text(validate.flushing_by_page(path.read_text("utf-8")),
                       "utf-8")
    return changed


def run_sim(sim: Path, spare: Path, setup: Setup,
            lines: Sequence[str]) -> list[Op]:
    """A scenario through iopt-sim."""
    driver = ["--driver", setup.driver] if setup.driver else []
    command = [*program.command(sim), "--json", "--dump-queue", *driver,
               "--profile", str(profile_path(setup, spare)), *setup.options,
               "-"]
    done = subprocess.run(command, input="\n".join(lines) + "\n",
                          capture_output=True, text=True, timeout=TIMEOUT_S,
                          check=False)
    if done.returncode:
        raise BadRun(f"{' '.join(command)}: exit {done.returncode}: "
                     f"{done.stderr.strip()}")
    return validate.parse_ops(done.stdout)


def all_rows(sim: Path) -> list[validate.Row]:
    """Every check, simulated."""
    prices = {name: validate.prices_of(
        (ROOT / "data/profiles" / f"{name}.ini").read_text("utf-8"))
        for name in PROFILES}
    with tempfile.TemporaryDirectory() as spare:
        return validate.all_rows(Lab(
            lambda setup, lines: run_sim(sim, Path(spare), setup, lines),
            prices))


def main(argv: list[str]) -> int:
    """Check and print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="validate.py",
        description="Hold the simulator against published figures.")
    parser.add_argument("--sim", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/tools/iopt-sim",
                        help="iopt-sim (default: build/tools/iopt-sim)")
    parser.add_argument("--page", type=Path, metavar="FILE",
                        default=ROOT / "docs/validation.md",
                        help="page with the table (default: "
                        "docs/validation.md)")
    parser.add_argument("--check", action="store_true",
                        help="write nothing; is the page what is printed?")
    args = parser.parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        rows = all_rows(args.sim)
        lines = validate.render(rows)
        before = args.page.read_text("utf-8")
        page = validate.spliced(before, lines)
        if not args.check and page != before:
            args.page.write_text(page, "utf-8")
    except (BadRun, OSError, subprocess.TimeoutExpired) as error:
        console.complain(f"validate: {error}")
        return 1
    console.say("\n".join(lines))
    complaints = validate.unexplained(rows)
    if args.check and page != before:
        complaints.append(f"{args.page} is not what is printed: "
                          "'make validate' refreshes it")
    for line in complaints:
        console.complain(f"validate: {line}")
    if console.is_broken:
        return 1
    return 3 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
