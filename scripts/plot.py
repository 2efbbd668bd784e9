# SPDX-License-Identifier: GPL-2.0-only
"""Draw the pictures of one or several results.

Exit: 0 drawn; 1 a result cannot be read or a picture not written; 2 usage;
77 there is nothing in the results that is drawn.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from ioptlib import plots, results

ROOT = Path(__file__).resolve().parent.parent


def newest(directory: Path) -> list[Path]:
    """The last result of a host, by its name, as names start with a time."""
    return sorted(directory.glob("*.json"), key=lambda p: p.name)[-1:]


def main(argv: list[str]) -> int:
    """Draw what the command line names; the exit code."""
    parser = argparse.ArgumentParser(prog="plot.py",
                                     description="Draw results.")
    parser.add_argument("result", nargs="*", type=Path,
                        help="result files (default: this host's newest)")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="where to (default: beside the first result)")
    args = parser.parse_args(argv)
    host = ROOT / "results" / (platform.node().split(".")[0] or "unknown")
    paths = args.result or newest(host)
    if not paths:
        print(f"plot: no result in {host}: 'make bench' makes one",
              file=sys.stderr)
        return 2
    directory = args.out or paths[0].with_suffix(".plots")
    try:
        written = plots.draw_all(paths, directory)
    except (OSError, results.BadOutput) as error:
        print(f"plot: {error}", file=sys.stderr)
        return 1
    if not written:
        print("plot: nothing in there that is drawn", file=sys.stderr)
        return 77
    for path in written:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
