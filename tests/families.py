# SPDX-License-Identifier: GPL-2.0-only
"""Does each family of benchmarks run? Its small set, timed, a millisecond a case.

usage: families.py PATH_OF_IOPT_BENCH

Each case must be verified and have a time, or a reason to be skipped. Prints
TAP, a line a family.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib import program  # noqa: E402

SMALL = ["--quick", "--min-time-ms", "1"]


def complaint(names: list[str], rows: list[dict[str, Any]]) -> str:
    """What is wrong with the rows of these cases; "" for nothing."""
    if not names or sorted(names) != sorted(row["name"] for row in rows):
        return f"{len(names)} cases are listed, {len(rows)} came back"
    for row in rows:
        error = row.get("error_message", "")
        if error and not error.startswith("skip: "):
            return f"{row['name']}: {error}"
        if not error and not row["real_time"] > 0:
            return f"{row['name']}: a time of {row['real_time']}"
    return ""


def timed(bench: list[str], family: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and rows of a family's run."""
    with tempfile.TemporaryDirectory() as tmp:
        out = Path(tmp, "o.json")
        done = subprocess.run(
            [*bench, "--family", family, *SMALL, "--out", str(out)],
            stdout=subprocess.DEVNULL, timeout=200, check=False)
        rows = json.loads(out.read_text())["benchmarks"] if out.exists() else []
        return done.returncode, rows


def main() -> int:
    """Run all families; the exit code."""
    bench = program.command(sys.argv[1])
    listed = subprocess.run([*bench, "--list", "--json", *SMALL], check=True,
                            capture_output=True, text=True)
    families = json.loads(listed.stdout)["families"]
    print(f"1..{len(families)}")
    nr_bad = 0
    for i, family in enumerate(families, 1):
        code, rows = timed(bench, family["name"])
        wrong = complaint(family["cases"], rows) or \
            (f"exit code {code}" if code else "")
        nr_bad += bool(wrong)
        nr_timed = sum("error_message" not in row for row in rows)
        left_out = "" if nr_timed or wrong else \
            f" # {rows[0]['error_message'].replace('skip: ', 'SKIP ', 1)}"
        print(f"{'not ok' if wrong else 'ok'} {i} - {family['name']}: "
              f"{nr_timed} of {len(rows)} cases timed{left_out}", flush=True)
        for line in wrong.splitlines():
            print(f"# {line}")
    return 1 if nr_bad or not families else 0


if __name__ == "__main__":
    sys.exit(main())
