# SPDX-License-Identifier: GPL-2.0-only
"""See iopt-live at work on a real kernel: boot Debian's arm64 kernel in QEMU
with an SMMUv3, provoke each of its refusals, then measure a small plan. Times
of an emulated machine say nothing; that all is there and adds up is checked.

Exit: 0 all as it must be; 1 the tool failed; 2 usage; 3 something is not;
77 nothing could be run here.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ioptlib import (debian, guest_kernel, live_guest, qemu_guest,
                     qemu_tool, smmu_guest)
from ioptlib.console import Console
from ioptlib.debian import Archive, Unreachable
from ioptlib.guest_kernel import BuildError, Kernel
from ioptlib.initramfs import BadModule
from ioptlib.live import HUGE_PAGE
from ioptlib.live_guest import Case
from ioptlib.qemu_guest import Guest, GuestError, Machine

EXIT_WRONG = qemu_tool.EXIT_DIFFERS
EXIT_SKIPPED = qemu_tool.EXIT_SKIPPED
REPS = 3
CASE_TIMEOUT_S = 120.0


def run_cases(guest: Guest, cases: Sequence[Case],
              console: Console) -> int:
    """Each case in turn; how many did something else."""
    nr_wrong = 0
    for case in cases:
        done = guest.run(case.command, CASE_TIMEOUT_S)
        if done.code == case.code and case.says in done.text:
            said = next(line for line in done.lines if case.says in line)
            console.say(f"ok     {case.name}: {said[:300]}")
            continue
        nr_wrong += 1
        console.complain(f"WRONG  {case.name}: exit {done.code}, not "
                         f"{case.code}; '{case.says}' is wanted in:\n"
                         f"{done.text}")
    return nr_wrong


def measure(guest: Guest, plan: str, out: Path | None,
            console: Console) -> int:
    """A run of the plan; how many of its lines are not as they must be."""
    guest.check("mkdir -p /frames")
    done = guest.run(f"iopt-live --device {smmu_guest.DEVICE} --reps {REPS} "
                     "--frames /frames /plan", CASE_TIMEOUT_S)
    if done.code:
        console.complain(f"WRONG  the run: exit {done.code}:\n{done.text}")
        return 1
    lines = live_guest.lines_of(done.text)
    faults = live_guest.run_faults(plan, lines, REPS)
    for fault in faults:
        console.complain(f"WRONG  {fault}")
    left = guest.check("ls /sys/kernel/tracing/instances")
    if left:
        faults.append(f"left in tracefs: {left}")
        console.complain(f"WRONG  {faults[-1]}")
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "lines.jsonl").write_text(done.text + "\n", "utf-8")
        (out / "plan").write_text(plan, "utf-8")
        for name in guest.check("ls /frames").split():
            (out / name).write_text(guest.check(f"cat /frames/{name}") +
                                    "\n", "utf-8")
    nr_reps = sum(line["kind"] == "rep" for line in lines)
    console.say(f"{'ok    ' if not faults else 'WRONG '} the run: {nr_reps} "
                f"repetitions, {len(lines)} lines")
    return len(faults)


def run_board(board: Machine, kernel: Kernel, out: Path | None,
              console: Console) -> int:
    """A machine with all that is to be seen on it; how much is wrong."""
    with_iommu = "iommu=" in board.machine
    huge = HUGE_PAGE[kernel.page_bytes]
    with Guest(board) as guest:
        console.say(f"{guest.release}, booted in {guest.boot_s:.0f} s, "
                    f"{'with' if with_iommu else 'without'} an SMMU")
        if not with_iommu:
            return run_cases(guest, live_guest.WITHOUT_IOMMU, console)
        guest.check(f"echo {live_guest.nr_huge_pages(huge)} > "
                    "/proc/sys/vm/nr_hugepages")
        return (run_cases(guest, live_guest.REFUSALS, console) +
                measure(guest, live_guest.plan(kernel.page_bytes, huge), out,
                        console) +
                run_cases(guest, live_guest.LAST, console))


def run(args: argparse.Namespace, console: Console) -> int:
    """Do it all; the exit code."""
    lack = qemu_tool.missing(args.qemu)
    if lack:
        console.complain(f"validate-live: skipped: {lack}")
        return EXIT_SKIPPED
    archive = Archive(args.cache.absolute())
    try:
        kernel: Kernel = guest_kernel.kernel(archive, args.kernel)
    except Unreachable as why:
        console.complain(f"validate-live: skipped: {why}")
        return EXIT_SKIPPED
    program = guest_kernel.user_program(archive.cache, guest_kernel.IOPT_LIVE)
    files = {"bin/iopt-live": program, "plan": live_guest.plan(
        kernel.page_bytes, HUGE_PAGE[kernel.page_bytes]).encode(),
             "long": live_guest.long_plan(kernel.page_bytes).encode(),
             "etc/passwd": live_guest.PASSWD}
    with tempfile.TemporaryDirectory() as spare:
        initramfs = Path(spare) / "initramfs"
        guest_kernel.write_initramfs(initramfs, archive, kernel, files,
                                     ["bin/iopt-live"])
        board = live_guest.with_port(
            smmu_guest.board(kernel.image, initramfs, qemu=args.qemu))
        nr_wrong = run_board(board, kernel, args.out, console)
        nr_wrong += run_board(live_guest.without_iommu(board), kernel, None,
                              console)
    console.say(f"{nr_wrong} of these were not as they must be" if nr_wrong
                else "all as it must be")
    if console.is_broken:
        return 1
    return EXIT_WRONG if nr_wrong else 0


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="validate_live.py",
        description="See iopt-live at work on a real kernel in QEMU.")
    parser.add_argument("--kernel", default="7",
                        choices=tuple(guest_kernel.FAMILIES),
                        help="(default: 7)")
    parser.add_argument("--qemu", default=qemu_guest.QEMU, metavar="PROGRAM",
                        help=f"(default: {qemu_guest.QEMU})")
    parser.add_argument("--cache", type=Path, metavar="DIRECTORY",
                        default=debian.default_cache())
    parser.add_argument("--out", type=Path, metavar="DIRECTORY",
                        help="keep the lines and frames of the run there")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run, with errors as one line."""
    console = Console(sys.stdout, sys.stderr)
    try:
        return run(arguments(argv), console)
    except KeyboardInterrupt:
        console.complain("validate-live: interrupted")
        return 130
    except (BadModule, BuildError, GuestError, OSError, Unreachable,
            subprocess.TimeoutExpired) as error:
        console.complain(f"validate-live: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
