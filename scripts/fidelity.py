# SPDX-License-Identifier: GPL-2.0-only
"""Time the model of each driver against that driver's own io-pgtable-arm.c.

Both run in turn, in processes of their own, as in a comparison. Exit: 0 all
within bounds, or explained; 1 something failed; 2 usage; 3 a case or a mean is
out of bounds without a reason; 77 no tree of a modelled driver is built.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from ioptlib import comparing, comparison, fidelity, kernel_build, \
    kernel_source, paired, results, runner, sides
from ioptlib.console import Console
from ioptlib.fidelity import Row, Table

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build/kernel"
FAILED, USAGE, OUTSIDE, SKIPPED = 1, 2, 3, 77


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="fidelity.py", description="The model of a driver against its "
        "tree, in time.")
    parser.add_argument("kernel", nargs="*", metavar="KERNEL",
                        help="trees, as for kernel.py (default: those built "
                        "as 6.1, 6.12 and 7.3)")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="only cases whose name matches")
    parser.add_argument("--reps", type=int, default=paired.FIRST_PAIRS,
                        metavar="N", help="pairs (default: %(default)s)")
    parser.add_argument("--cpu", default="", help="measure on this CPU")
    parser.add_argument("--seed", type=int, help="order of what is run")
    parser.add_argument("--bench", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/bench/iopt-bench",
                        help="the iopt-bench that has the models")
    return parser.parse_args(argv)


def trees(args: argparse.Namespace) -> list[kernel_build.Info]:
    """The trees to hold against a model."""
    if args.kernel:
        return kernel_build.build_all(ROOT, OUT, args.kernel)
    return [info for info in kernel_build.built(OUT)
            if info.label == info.rule]


def row_of(line: comparison.Line) -> Row | None:
    """A compared case, if it has times; old is the kernel."""
    found = line.stages.deciding
    if found is None or line.old is None or line.new is None:
        return None
    return Row(line.key, line.old.min, line.new.min, found.point, found.low,
               found.high)


def measure(info: kernel_build.Info, args: argparse.Namespace, seed: int,
            spool: Path, console: Console) -> Table:
    """Run both in turn."""
    shop = sides.Workshop(ROOT, args.bench, "", console.complain)
    model = f"lpae-{info.rule}"
    old = sides.resolve(f"kernel-{info.label}", shop)
    new = sides.resolve(model, shop)
    options = [part for family in fidelity.FAMILIES
               for part in ("--family", family)] + ["--full"]
    if args.filter:
        options += ["--filter", args.filter]
    chosen = comparing.select(old, new, options, False)
    design = paired.Design(old, new, chosen.pairs, seed, args.reps, 0, False,
                           cpu=args.cpu)
    files = runner.Spool(spool)
    paired.write_design(files, design, {"context": {}})
    with runner.Interrupt() as interrupt:
        session = comparing.session_of(design, files, console, interrupt)
        document = comparing.carry_out(session, {"context": {}})
        if interrupt.name:
            raise KeyboardInterrupt
    found = comparison.analyse(document)
    for failure in found.failures:
        console.complain(f"FAILED {failure}")
    rows = [row for row in map(row_of, found.lines) if row]
    if not rows or found.failures:
        raise results.BadOutput(f"{model}: no times")
    return Table(model, f"kernel-{info.label} ({info.version})", tuple(rows))


def run(args: argparse.Namespace, console: Console) -> int:
    """All trees; the exit code."""
    infos = trees(args)
    if not infos:
        console.complain("fidelity: skipped: no tree is built as 6.1, 6.12 "
                         "or 7.3; make kernel KERNEL=debian:6.12 builds one")
        return SKIPPED
    seed = args.seed if args.seed is not None \
        else random.SystemRandom().getrandbits(31)
    console.complain(f"seed {seed}")
    code = 0
    with tempfile.TemporaryDirectory() as scratch:
        for info in infos:
            table = measure(info, args, seed, Path(scratch) / info.label,
                            console)
            console.done()
            console.say("\n".join(fidelity.render(table)))
            for case in table.unexplained:
                console.complain(f"fidelity: {table.model}: {case}")
                code = OUTSIDE
    return code


def main(argv: list[str]) -> int:
    """Measure and print; the exit code."""
    args = parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        return run(args, console)
    except (sides.BadSide, comparing.NothingToCompare, runner.UsageError,
            kernel_source.BadSource, kernel_build.BadBuild) as error:
        console.complain(f"fidelity: {error}")
        return USAGE
    except (OSError, results.BadOutput, runner.SpoolError) as error:
        console.complain(f"fidelity: {error}")
        return FAILED
    except KeyboardInterrupt:
        console.complain("fidelity: interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
