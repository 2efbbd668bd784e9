# SPDX-License-Identifier: GPL-2.0-only
"""Does iopt-bench find the fault of the engine that it is linked with?

usage: xfail_bench.py PATH_OF_IOPT_BENCH FAMILY[|FAMILY...] TEXT

Every case of the families is verified and counted. One error row at least must
say TEXT, no error row may have a counter, and the program must fail. Without
TEXT nothing may fail.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from ioptlib import program  # noqa: E402


def counted_rows(bench: str, family: str) -> tuple[int, list[dict]]:
    args = [*program.command(bench), "--full", "--count-only",
            "--filter", f"^({family})/"]
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(tmp, "o.json")
        done = subprocess.run([*args, "--out", str(path)])
        return done.returncode, json.loads(path.read_text())["benchmarks"]


def main() -> int:
    bench, family, text = sys.argv[1:]
    code, rows = counted_rows(bench, family)
    errors = [row for row in rows if row.get("error_occurred")]
    failed = [row for row in errors if not row["error_message"].startswith("skip: ")]
    for row in failed[:5]:
        print(f"{row['name']}: {row['error_message']}")
    print(f"{len(failed)} of {len(rows)} cases failed, exit code {code}")
    if not rows or any("pte_writes" in row or "calls" in row for row in errors):
        return 1
    if not text:
        return 0 if not failed and code == 0 else 1
    return 0 if code == 1 and any(text in row["error_message"] for row in failed) else 1


if __name__ == "__main__":
    sys.exit(main())
