# SPDX-License-Identifier: GPL-2.0-only
"""What real kernels did, as it was recorded, against what iopt-sim says now.

usage: kernel_commands.py PATH_OF_IOPT_SIM SOURCE_ROOT

data/scenarios/kernels.jsonl has a line for each scenario, kernel, stage,
granule and RIL, written by scripts/validate_qemu.py --record from the command
queue of a booted kernel. Prints TAP.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib import program  # noqa: E402

SHAPE = ("num", "scale", "ttl", "tg", "leaf", "count")
# Each scenario must be there for these; others are welcome.
WANTED = [(driver, ril) for driver in ("6.1", "6.12", "7.3")
          for ril in ("on", "off")]
# No kernel of Debian has iommufd: recorded for one that was made to have it.
WANTED_IOMMUFD = [("7.3", "on"), ("7.3", "off")]


def compared(op: dict[str, Any], warnings: int) -> dict[str, Any]:
    """An op as it is compared; the order of ranges means nothing."""
    return {"ret": op["ret"], "warned": warnings > 0,
            "commands": op["commands"], "sync": op["sync"],
            "ranges": sorted(tuple(r[key] for key in SHAPE)
                             for r in op["ranges"])}


def simulated(sim: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The same ops through iopt-sim."""
    done = subprocess.run(
        [*program.command(sim), "--json", "--driver", record["driver"],
         "--ril", record["ril"], "--stage", str(record["stage"]),
         "--granule", record["granule"], "--ias", str(record["ias"]),
         "--oas", str(record["oas"]), "-"],
        input="\n".join(op["line"] for op in record["ops"]) + "\n",
        capture_output=True, text=True, check=True, timeout=60)
    ops = [json.loads(line) for line in done.stdout.splitlines()]
    return [compared(op, op["counters"]["warnings"]) for op in ops]


def differences(sim: str, record: dict[str, Any]) -> Iterator[str]:
    """A line for each op that comes out otherwise."""
    ours = simulated(sim, record)
    assert len(ours) == len(record["ops"])
    for i, (op, got) in enumerate(zip(record["ops"], ours)):
        expected = compared(op, op["warnings"])
        for key in expected:
            if got[key] != expected[key]:
                yield (f"op {i} ({op['line']}): {key}: {record['kernel']} "
                       f"{expected[key]}, iopt-sim {got[key]}")


def bare_lines(path: Path) -> list[str]:
    """The ops of a scenario file."""
    lines = (line.partition("#")[0].strip()
             for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def gaps(records: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """Scenarios that nobody recorded, or that have changed since."""
    for path in sorted(folder.glob("*.scenario")):
        lines = bare_lines(path)
        mine = [r for r in records if r["scenario"] == path.stem]
        there = {(r["driver"], r["ril"]) for r in mine
                 if r["granule"] == "4K" and r["stage"] == 1}
        wanted = WANTED_IOMMUFD if lines[0].startswith("iommufd") else WANTED
        for driver, ril in wanted:
            if (driver, ril) not in there:
                yield f"{path.name}: no record of {driver}, RIL {ril}"
        for record in mine:
            if [op["line"] for op in record["ops"]] != lines:
                yield f"{path.name}: not what {record['kernel']} did"
    names = {path.stem for path in folder.glob("*.scenario")}
    for name in sorted({r["scenario"] for r in records} - names):
        yield f"{name}: recorded, and no such scenario"


def main(sim: str, root: Path) -> int:
    """Every record; the exit code."""
    folder = root / "data/scenarios"
    records = [json.loads(line) for line in
               (folder / "kernels.jsonl").read_text("utf-8").splitlines()]
    checks = [("every scenario is recorded", list(gaps(records, folder)))]
    # A program starts slowly in an emulator.
    records = records[::4] if program.wrapper() else records
    print(f"1..{len(records) + 1}")
    failed = 0
    checks += [(f"{r['scenario']} on {r['kernel']}, stage {r['stage']}, "
                f"{r['granule']}, RIL {r['ril']}", list(differences(sim, r)))
               for r in records]
    for i, (what, lines) in enumerate(checks, 1):
        failed += bool(lines)
        print(f"{'not ok' if lines else 'ok'} {i} - {what}")
        for line in lines:
            print(f"# {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
