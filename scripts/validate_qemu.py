# SPDX-License-Identifier: GPL-2.0-only
"""Hold the simulator against real kernels: boot Debian's arm64 kernels in QEMU
with an SMMUv3, do each scenario there, read the command queue back, compare.

Exit: 0 all equal; 1 the tool failed; 2 usage, or a scenario that iopt-sim
refuses; 3 kernel and simulator disagree; 77 nothing could be run here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ioptlib import (debian, guest_kernel, qemu_guest, qemu_tool,
                     qemu_validate, smmu_guest)
from ioptlib.cmdq import BadQueue
from ioptlib.console import Console
from ioptlib.debian import Archive, Unreachable
from ioptlib.guest_kernel import BuildError, Kernel
from ioptlib.initramfs import BadModule
from ioptlib.qemu_guest import Guest, GuestError
from ioptlib.qemu_tool import Usage
from ioptlib.qemu_validate import (BadRun, Result, Scenario, Setup, Skip)
from ioptlib.results import write_atomic
from ioptlib.sides import revision_of

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "data/scenarios"
SIM_TIMEOUT_S = 60
LINES_SHOWN = 120
DRIVERS = {"6.1": "6.1", "6.12": "6.12", "7": "7.3"}
NO_STAGE_2 = "this QEMU's SMMUv3 has no stage 2 (8.1 and later have)"
NO_16K = ("16K pages: not asked for; --kernels 6.12-16k,7-16k, 92 MB to fetch "
          "for each")
NO_64K = "64K pages: Debian has no such kernel for arm64"


@dataclass(frozen=True)
class Job:
    """What one run is made of."""

    sim: Path
    archive: Archive
    scenarios: list[Scenario]
    qemu: str
    rils: tuple[str, ...]


def simulate(sim: Path, scenario: Scenario, setup: Setup) -> \
        list[qemu_validate.Op]:
    """A scenario through iopt-sim."""
    done = subprocess.run(
        [str(sim), "--json", "--dump-queue", *setup.options(), "-"],
        input=scenario.text, capture_output=True, text=True, check=False,
        timeout=SIM_TIMEOUT_S)
    if done.returncode == 2:
        said = done.stderr.strip().replace("stdin", scenario.name, 1)
        raise Usage(said)
    if done.returncode:
        raise BadRun(f"{scenario.name}: iopt-sim: exit {done.returncode}: "
                     f"{done.stderr.strip()}")
    return qemu_validate.simulated(done.stdout)


def setup_of(guest: Guest, kernel: Kernel, stage: int, ril: str) -> Setup:
    """What iopt-sim has to be told of this kernel and SMMU.

    The driver's stage 1 has 48 bits of input, more than this SMMU's output;
    iopt-sim has no such tables, and takes 48 for both.
    """
    oas = smmu_guest.oas_bits(guest) if stage == 2 else 48
    return Setup(family=kernel.family, release=guest.release,
                 driver=DRIVERS[kernel.family.partition("-")[0]], ril=ril,
                 stage=stage, granule=f"{kernel.page_bytes >> 10}K",
                 ias=oas, oas=oas)


def run_one(job: Job, guest: Guest, scenario: Scenario, path: str,
            setup: Setup) -> Result:
    """One scenario on both sides; a skip has its reason."""
    try:
        simulator = simulate(job.sim, scenario, setup)
    except Usage as refused:
        if f"multiple of {setup.granule}" not in str(refused):
            raise
        return Result(scenario.name, setup,
                      skipped=f"a size is no multiple of {setup.granule}")
    try:
        kernel = qemu_validate.run_scenario(guest, scenario, path)
    except Skip as why:
        return Result(scenario.name, setup, skipped=str(why))
    return qemu_validate.compare(scenario, setup, kernel, simulator)


def run_kernel(job: Job, kernel: Kernel, stage: int,
               console: Console) -> list[Result]:
    """Every scenario, with and without range invalidation, in one boot."""
    window = qemu_validate.window_bytes(job.scenarios)
    paths = [f"scenarios/{i}" for i in range(len(job.scenarios))]
    files = {path: scenario.text.encode()
             for path, scenario in zip(paths, job.scenarios)}
    files["bin/vfio-user"] = guest_kernel.user_program(job.archive.cache)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as spare:
        initramfs = Path(spare) / "initramfs"
        guest_kernel.write_initramfs(initramfs, job.archive, kernel, files,
                                     ["bin/vfio-user"])
        console.step(f"validate-qemu: booting {kernel.release}, stage "
                     f"{stage}")
        board = smmu_guest.board(kernel.image, initramfs, window, stage,
                                 job.qemu, qemu_validate.TRACE_EVENTS)
        with Guest(board) as guest:
            smmu_guest.prepare(guest, window, stage)
            for ril in job.rils:
                smmu_guest.set_ril(guest, ril == "on")
                setup = setup_of(guest, kernel, stage, ril)
                for path, scenario in zip(paths, job.scenarios):
                    console.live(f"{kernel.release}: RIL {ril}: "
                                 f"{scenario.name}")
                    results.append(run_one(job, guest, scenario, "/" + path,
                                           setup))
    return results


def save(directory: Path, context: dict[str, Any],
         results: list[Result]) -> Path:
    """The result as JSON and text; the path of the JSON."""
    lines = [*qemu_validate.table(results), "",
             qemu_validate.summary(results),
             *qemu_validate.disagreements(results)]
    return qemu_tool.save(directory, "qemu",
                          qemu_validate.document(results, context), lines)


def run_all(job: Job, kernels: Sequence[Kernel], stages: Sequence[int],
            skips: list[str], console: Console) -> list[Result]:
    """Every kernel and stage that this QEMU can do."""
    results: list[Result] = []
    for stage in stages:
        if stage == 2 and not smmu_guest.has_stage_2(job.qemu):
            skips.append(f"stage 2: {NO_STAGE_2}")
            continue
        for kernel in kernels:
            results += run_kernel(job, kernel, stage, console)
    return results


def report(console: Console, results: list[Result], skips: list[str],
           notes: list[str], path: Path, cache: str) -> None:
    """What a person gets to see."""
    console.done()
    console.say("\n".join(qemu_validate.table(results)))
    console.say()
    reasons: dict[str, list[str]] = {}
    for result in results:
        if result.skipped:
            reasons.setdefault(result.skipped, []).append(result.scenario)
    for why, names in reasons.items():
        console.say(f"skipped: {', '.join(sorted(set(names)))}: {why}")
    for line in skips:
        console.say(f"skipped: {line}")
    for line in notes:
        console.say(line)
    console.say(qemu_validate.summary(results))
    console.say(f"saved: {path}; {cache}")
    lines = qemu_validate.disagreements(results)
    for line in lines[:LINES_SHOWN]:
        console.complain(line)
    if len(lines) > LINES_SHOWN:
        console.complain(f"... {len(lines) - LINES_SHOWN} more lines in "
                         f"{path.with_suffix('.txt')}")


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="validate_qemu.py",
        description="Hold the simulator against real kernels in QEMU.")
    parser.add_argument("scenario", nargs="*", type=Path,
                        help="scenario files (default: data/scenarios)")
    qemu_tool.add_options(parser, ROOT, debian.default_cache())
    parser.add_argument("--stages", default=("1", "2"), metavar="LIST",
                        type=qemu_tool.words(("1", "2")),
                        help="(default: 1,2)")
    parser.add_argument("--ril", default=("on", "off"), metavar="LIST",
                        type=qemu_tool.words(("on", "off")),
                        help="range invalidation (default: on,off)")
    parser.add_argument("--sim", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/tools/iopt-sim")
    parser.add_argument("--record", type=Path, metavar="FILE",
                        help="put what the kernels did into these records, "
                        "like data/scenarios/kernels.jsonl")
    return parser.parse_args(argv)


def record(path: Path, results: list[Result]) -> None:
    """Keep what the kernels did, for tests without them."""
    before = path.read_text("utf-8") if path.exists() else ""
    write_atomic(path, qemu_validate.merged_records(before, results))


def run(args: argparse.Namespace, console: Console) -> int:
    """Do it all; the exit code."""
    began = time.monotonic()
    lack = qemu_tool.missing(args.qemu)
    if lack:
        console.complain(f"validate-qemu: skipped: {lack}")
        return qemu_tool.EXIT_SKIPPED
    job = Job(args.sim, Archive(args.cache.absolute()),
              qemu_tool.load_scenarios(args.scenario, SCENARIOS), args.qemu,
              args.ril)
    for scenario in job.scenarios:
        simulate(job.sim, scenario, Setup("", "", "7.3", "on", 1, "4K", 48,
                                          48))
    skips = [NO_64K]
    if not any(label.endswith("-16k") for label in args.kernels):
        skips.insert(0, NO_16K)
    notes: list[str] = []
    kernels = qemu_tool.get_kernels(job.archive, args.kernels, skips, notes)
    if not kernels:
        why = [line for line in skips if line not in (NO_16K, NO_64K)]
        console.complain(f"validate-qemu: skipped: {'; '.join(why)}")
        return qemu_tool.EXIT_SKIPPED
    results = run_all(job, kernels, [int(stage) for stage in args.stages],
                      skips, console)
    cache = qemu_tool.cache_line(job.archive)
    context = {
        "started": datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ"),
        "revision": revision_of(ROOT) or "unknown",
        "qemu": qemu_guest.version(args.qemu),
        "kernels": [kernel.release for kernel in kernels],
        "skipped": skips, "notes": notes,
        "seconds": round(time.monotonic() - began, 1)}
    path = save(args.out, context, results)
    if args.record:
        record(args.record.absolute(), results)
    report(console, results, skips, notes, path, cache)
    if not any(not result.skipped for result in results):
        console.complain("validate-qemu: skipped: no scenario could be run")
        return qemu_tool.EXIT_SKIPPED
    if console.is_broken:
        return 1
    return 0 if all(result.is_equal for result in results) else \
        qemu_tool.EXIT_DIFFERS


def main(argv: list[str]) -> int:
    """Run, with errors as one line."""
    console = Console(sys.stdout, sys.stderr)
    try:
        return run(arguments(argv), console)
    except Usage as error:
        console.complain(f"validate-qemu: {error}")
        return 2
    except KeyboardInterrupt:
        console.complain("validate-qemu: interrupted, nothing is saved")
        return 130
    except (BadModule, BadQueue, BadRun, BuildError, GuestError, OSError,
            Unreachable, subprocess.TimeoutExpired) as error:
        console.complain(f"validate-qemu: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
