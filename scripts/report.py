# SPDX-License-Identifier: GPL-2.0-only
"""Write the history as one HTML page that needs no network and no server.

Exit: 0 written; 1 the history cannot be read or the page not written;
2 usage; 77 the history is empty.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path

from bench import FAILED, ROOT, SKIPPED, USAGE, shown
from ioptlib import history, page, results
from track import DEFAULT


def main(argv: list[str]) -> int:
    """Write the page; the exit code."""
    parser = argparse.ArgumentParser(
        prog="report.py", description="Write the history as an HTML page.")
    parser.add_argument("--db", type=Path, default=DEFAULT, metavar="FILE",
                        help="the history (default: results/history.db)")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        default=ROOT / "results/history.html",
                        help="the page (default: results/history.html)")
    args = parser.parse_args(argv)
    if not args.db.exists():
        print(f"report: {shown(args.db)}: there is no history yet: "
              "make track ANCHOR=REV begins one", file=sys.stderr)
        return USAGE
    try:
        with history.Store(args.db) as store:
            for line in store.unsound():
                print(f"report: {line}: an older program took it in",
                      file=sys.stderr)
            is_empty = not store.runs()
            text = page.render(store)
        results.write_atomic(args.out, text)
    except (OSError, history.BadHistory, sqlite3.Error) as error:
        print(f"report: {error}", file=sys.stderr)
        return FAILED
    print(f"report in {shown(args.out)}")
    return SKIPPED if is_empty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
