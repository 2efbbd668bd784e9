# SPDX-License-Identifier: GPL-2.0-only
"""Count instructions where no hardware does: boot Debian's arm64 kernels in
QEMU under -icount, run the suite's perf tests and cases there with the events
of the guest's own CPU, and count what the kernel executes for a call.

Exit: 0 all counts are sane and the same in two runs; 1 the tool failed; 2
usage; 3 a test failed, or two runs differ; 77 nothing could be run here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ioptlib import (debian, guest_kernel, kernel_build, perf_calls,
                     perf_cases, perf_guest, qemu_guest, qemu_tool,
                     shared_libs, smmu_guest)
from ioptlib.console import Console
from ioptlib.debian import Archive, Unreachable
from ioptlib.guest_kernel import BuildError, Kernel
from ioptlib.initramfs import BadModule
from ioptlib.kernel_build import BadBuild, Info
from ioptlib.kernel_source import BadSource
from ioptlib.perf_calls import Counted, KernelRun
from ioptlib.perf_cases import Process, Suite
from ioptlib.perf_counts import BadCounts
from ioptlib.perf_guest import Test
from ioptlib.qemu_guest import Guest, GuestError
from ioptlib.qemu_tool import Usage
from ioptlib.qemu_validate import Scenario, window_bytes
from ioptlib.shared_libs import NoLibrary
from ioptlib.sides import revision_of

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "data/scenarios/counted"
# One instruction is one virtual nanosecond, whatever this machine does.
ICOUNT = ("-icount", "shift=0")
BOOT_TIMEOUT_S = 180.0
RUN_TIMEOUT_S = 300.0
MIN_TIME_MS = 5
# Stacks at random places cost a random number of instructions a call.
CMDLINE = "randomize_kstack_offset=off"
ROUNDS = 9
MAX_AGAIN = 2
TESTS = ("host_perf", "harness")
BENCH = "iopt-bench"
PLAN = "/tmp/plan"
FORWARD = "/tmp/forward"
ENVIRONMENT = "PAD=$(seq -s, 1 400)"
CASES = (
    "^((map|unmap)/engine:({engines})/granule:4K/size:(4K|2M)/"
    "count:(1|256|full)/cache:warm/walker:coherent|"
    "unmap_partial/engine:({engines}|unmap-remap)/granule:4K/block:2M/"
    "part:(page|64K)/where:first|"
    "iova_to_phys/engine:({engines})/granule:4K/size:(4K|2M|1G)/order:seq/"
    "cache:warm)$")
# Who may count user mode alone, once the kernel is told to be strict.
PASSWD = ("root:x:0:0::/:/bin/sh\n"
          "nobody:x:65534:65534::/:/bin/sh\n").encode()
PARANOID = "/proc/sys/kernel/perf_event_paranoid"


@dataclass(frozen=True)
class Job:
    """What one run is made of."""

    build: Path
    archive: Archive
    scenarios: list[Scenario]
    qemu: str
    filter: str
    trees: tuple[Info, ...] = ()

    @property
    def engines(self) -> tuple[str, str]:
        """Old and new."""
        if not self.trees:
            return perf_cases.ENGINES
        old, new = (f"kernel-{info.label}" for info in self.trees)
        return old, new

    @property
    def cases(self) -> str:
        """What is selected of the suite: the user's cases, or ours."""
        words = "|".join(map(re.escape, self.engines))
        return self.filter or CASES.format(engines=words)

    @property
    def modules(self) -> str:
        """Arguments of iopt-bench in the guest."""
        return "".join(f"--kernel /kernels/{info.label}/kernel.so "
                       for info in self.trees)


@dataclass
class Outcome:
    """What came out, of all kernels."""

    tests: list[Test] = field(default_factory=list)
    suite: Suite | None = None
    runs: list[KernelRun] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)

    def failures(self) -> list[str]:
        """A line for each thing that is not as it must be."""
        found = [line for test in self.tests
                 for line in perf_guest.test_failures(test)]
        if self.suite:
            found += perf_cases.suite_failures(self.suite)
        return found + [line for run in self.runs
                        for line in perf_calls.run_failures(run)]


def programs(build: Path) -> dict[str, Path]:
    """What is taken along from a build for arm64, by its name there."""
    found = {BENCH: build / "bench" / BENCH}
    found.update((name, build / "tests" / f"test_{name}") for name in TESTS)
    return found


def guest_files(job: Job, has_suite: bool) -> tuple[dict[str, bytes],
                                                    list[str]]:
    """Files of the guest by path, and which of them may be executed."""
    files = {"bin/vfio-user": guest_kernel.user_program(job.archive.cache),
             "etc/passwd": PASSWD}
    runnable = ["bin/vfio-user"]
    for i, scenario in enumerate(job.scenarios):
        files[f"scenarios/{i}"] = scenario.text.encode()
    if has_suite:
        taken = programs(job.build)
        files.update((f"bin/{name}", path.read_bytes())
                     for name, path in taken.items())
        runnable += [f"bin/{name}" for name in taken]
        for info in job.trees:
            for path in Path(info.module).parent.glob("kernel*.so"):
                files[f"kernels/{info.label}/{path.name}"] = path.read_bytes()
        for name, path in shared_libs.closure(taken.values()).items():
            files[f"lib/{name}"] = path.read_bytes()
            runnable.append(f"lib/{name}")
    return files, runnable


def as_user(user: str, command: str) -> str:
    """A command for the guest's shell, done by a user."""
    return command if user == "root" else \
        f'su -s /bin/sh {user} -c "{command}"'


def run_tests(guest: Guest) -> list[Test]:
    """The perf tests of the suite, with kernel mode and without."""
    found = []
    for name in TESTS:
        for user in ("root", "nobody"):
            done = guest.run(as_user(user, name), RUN_TIMEOUT_S)
            found.append(perf_guest.parse_test(name, user, done.code,
                                               done.lines))
    return found


def run_bench(guest: Guest, user: str, selection: str,
              environment: str = "") -> Process:
    """One process of the suite; what it wrote."""
    out = f"/tmp/{user}.json"
    guest.check(f"rm -f {out}")
    command = (f"{environment} {BENCH} --cpu 0 --min-time-ms {MIN_TIME_MS} "
               f"--out {out} {selection}").strip()
    done = guest.run(as_user(user, command), RUN_TIMEOUT_S)
    if done.code == 2:
        raise Usage(done.text)
    if done.code:
        raise GuestError(f"iopt-bench in the guest: exit {done.code}: "
                         f"{done.text}")
    return perf_cases.read_process(guest.check(f"cat {out}", RUN_TIMEOUT_S))


def write_plan(guest: Guest, lines: list[str]) -> None:
    """A plan in the guest, and the same backwards; a few lines at a time, as
    a console is narrow.
    """
    guest.check(f": > {PLAN}")
    for i in range(0, len(lines), 8):
        words = " ".join(f"'{line}'" for line in lines[i:i + 8])
        guest.check(f"printf '%s\\n' {words} >> {PLAN}")
    guest.check(f"tac {PLAN} > {FORWARD}")


def run_suite(guest: Guest, job: Job, console: Console) -> Suite:
    """Four processes: the first finds out how often, the others do the same,
    in another order and with an environment of another size.
    """
    console.live("the suite, user and kernel mode")
    plan = f"{job.modules}--plan {PLAN}"
    forward = f"{job.modules}--plan {FORWARD}"
    first = run_bench(guest, "root",
                      f"{job.modules}--full --filter '{job.cases}'")
    write_plan(guest, perf_cases.plan_of(first, first.cases))
    second = run_bench(guest, "root", plan, ENVIRONMENT)
    console.live("the suite, user mode")
    third = run_bench(guest, "nobody", forward)
    fourth = run_bench(guest, "nobody", plan, ENVIRONMENT)
    again: dict[str, None] = {}
    for _ in range(MAX_AGAIN):
        cases = perf_cases.suspects(first, second)
        if not cases:
            break
        console.live("what an interrupt may have hit, again")
        again.update(dict.fromkeys(cases))
        write_plan(guest, perf_cases.plan_of(first, cases))
        first = perf_cases.replaced(
            first, run_bench(guest, "root", forward))
        second = perf_cases.replaced(
            second, run_bench(guest, "root", plan, ENVIRONMENT))
    return Suite((first, second), (third, fourth), tuple(again))


def count_calls(guest: Guest, scenario: Scenario, path: str, kernel: Kernel,
                ril: str = "on") -> KernelRun | str:
    """A scenario by two processes and one before them, or why it cannot be.

    Where the two differ, the kernel's allocators still were not full: one
    more takes the place of the first.
    """
    calls = perf_calls.calls_of(scenario.text)
    counted: list[Counted] = []
    while True:
        done = guest.run(f"vfio-user --device {smmu_guest.DEVICE} --count "
                         f"{ROUNDS} {path}", RUN_TIMEOUT_S)
        if done.code == qemu_tool.EXIT_SKIPPED:
            return done.text.partition("@skip ")[2]
        if done.code == 2 and "multiple of" in done.text:
            return f"a size is no multiple of {kernel.page_bytes >> 10}K"
        if done.code:
            raise GuestError(f"vfio-user {scenario.name}: exit {done.code}: "
                             f"{done.text}")
        counted.append(perf_calls.parse_counted(done.lines, calls))
        if len(counted) < 3:
            continue
        run = KernelRun(scenario.name, kernel.release, calls, counted[0],
                        (counted[-2], counted[-1]), len(counted) - 1, ril)
        if len(counted) == 3 + MAX_AGAIN or not perf_calls.run_failures(run):
            return run


def count_all(guest: Guest, job: Job, kernel: Kernel, ril: str,
              outcome: Outcome, console: Console) -> None:
    """All scenarios, with range invalidation or without."""
    for i, scenario in enumerate(job.scenarios):
        console.live(f"{kernel.release}: RIL {ril}: {scenario.name}")
        done = count_calls(guest, scenario, f"/scenarios/{i}", kernel, ril)
        if isinstance(done, str):
            line = f"{scenario.name}, {kernel.release}: {done}"
            if line not in outcome.skips:
                outcome.skips.append(line)
        else:
            outcome.runs.append(done)


def run_kernel(job: Job, kernel: Kernel, has_suite: bool, outcome: Outcome,
               console: Console) -> None:
    """All that is done in one boot."""
    window = window_bytes(job.scenarios)
    with tempfile.TemporaryDirectory() as spare:
        initramfs = Path(spare) / "initramfs"
        guest_kernel.write_initramfs(initramfs, job.archive, kernel,
                                     *guest_files(job, has_suite))
        console.step(f"perf-qemu: booting {kernel.release}")
        board = smmu_guest.board(kernel.image, initramfs, window,
                                 qemu=job.qemu, options=ICOUNT)
        board = replace(board, cmdline=f"{board.cmdline} {CMDLINE}")
        with Guest(board, BOOT_TIMEOUT_S) as guest:
            smmu_guest.prepare(guest, window)
            guest.check(f"chmod 1777 /tmp; echo 2 > {PARANOID}")
            for ril in ("on", "off"):
                smmu_guest.set_ril(guest, ril == "on")
                count_all(guest, job, kernel, ril, outcome, console)
            if has_suite:
                console.live(f"{kernel.release}: tests")
                outcome.tests = run_tests(guest)
                outcome.suite = run_suite(guest, job, console)
                outcome.skips += outcome.suite.skips


def missing(job: Job) -> str:
    """What is not installed or built, "" if nothing."""
    lack = qemu_tool.missing(job.qemu)
    absent = [str(path) for path in programs(job.build).values()
              if not path.exists()]
    if not lack and absent:
        lack = f"no {absent[0]} here: 'make perf-qemu' builds it"
    if not lack:
        try:
            shared_libs.closure(programs(job.build).values())
        except NoLibrary as why:
            lack = str(why)
    return lack


def report(console: Console, job: Job, outcome: Outcome, notes: list[str],
           failures: list[str], where: str) -> None:
    """What a person gets to see."""
    console.done()
    console.say("\n".join(perf_guest.report_lines(
        outcome.tests, outcome.suite, outcome.runs, job.engines)))
    console.say()
    for line in outcome.skips:
        console.say(f"skipped: {line}")
    for line in notes:
        console.say(line)
    console.say(perf_guest.summary(outcome.suite, outcome.runs, failures))
    console.say(where)
    for line in failures:
        console.complain(line)


def build_trees(args: argparse.Namespace, build: Path) -> tuple[Info, ...]:
    """The user's two trees as engines for the guest; raises Usage."""
    prefix = f"{args.kernel}:" if args.kernel else ""
    try:
        old, new = kernel_build.build_all(
            ROOT, build / "kernel", [prefix + args.old, prefix + args.new],
            cc=guest_kernel.compiler())
    except BadSource as error:
        raise Usage(str(error)) from error
    if old.label == new.label:
        raise Usage(f"{args.old} and {args.new} are the same tree")
    return old, new


def native() -> bool:
    """Whether programs of this machine run in the guest."""
    return guest_kernel.binutils("readelf") == "readelf"


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="perf_qemu.py",
        description="Count instructions by perf events in a guest.")
    parser.add_argument("scenario", nargs="*", type=Path,
                        help="scenario files whose calls are counted "
                        "(default: data/scenarios/counted)")
    qemu_tool.add_options(parser, ROOT, debian.default_cache())
    parser.add_argument("--old", default="", metavar="TREE",
                        help="with --new: Linux trees whose io-pgtable-arm.c "
                        "takes the place of the models, as for kernel.py")
    parser.add_argument("--new", default="", metavar="TREE")
    parser.add_argument("--kernel", default="", metavar="REPOSITORY",
                        help="of Linux; --old and --new are its revisions")
    parser.add_argument("--filter", default="", metavar="REGEX",
                        help="cases of the suite (default: map, unmap, "
                        "unmap_partial, iova_to_phys of 4K)")
    parser.add_argument("--build", type=Path, metavar="DIRECTORY",
                        default=ROOT / ("build-test" if native()
                                        else "build-arm64"),
                        help="the suite with its tests, built for arm64")
    args = parser.parse_args(argv)
    if bool(args.old) != bool(args.new):
        parser.error("--old and --new go together")
    return args


def context_of(args: argparse.Namespace, job: Job, kernels: list[Kernel],
               outcome: Outcome, notes: list[str],
               began: float) -> dict[str, Any]:
    """What a result is of."""
    return {
        "started": datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ"),
        "revision": revision_of(ROOT) or "unknown",
        "qemu": qemu_guest.version(args.qemu),
        "kernels": [kernel.release for kernel in kernels],
        "suite_in": kernels[-1].release, "icount": " ".join(ICOUNT),
        "engines": list(job.engines),
        "trees": [f"Linux {info.version} {info.revision}"
                  for info in job.trees],
        "filter": job.cases, "skipped": outcome.skips, "notes": notes,
        "seconds": round(time.monotonic() - began, 1)}


def run(args: argparse.Namespace, console: Console) -> int:
    """Do it all; the exit code."""
    began = time.monotonic()
    job = Job(args.build.absolute(), Archive(args.cache.absolute()),
              qemu_tool.load_scenarios(args.scenario, SCENARIOS), args.qemu,
              args.filter)
    lack = missing(job)
    if lack:
        console.complain(f"perf-qemu: skipped: {lack}")
        return qemu_tool.EXIT_SKIPPED
    if args.old:
        job = replace(job, trees=build_trees(args, job.build))
    outcome = Outcome()
    notes: list[str] = []
    kernels = qemu_tool.get_kernels(job.archive, args.kernels, outcome.skips,
                                    notes)
    if not kernels:
        console.complain(f"perf-qemu: skipped: {'; '.join(outcome.skips)}")
        return qemu_tool.EXIT_SKIPPED
    for kernel in kernels:
        run_kernel(job, kernel, kernel is kernels[-1], outcome, console)
    failures = outcome.failures()
    context = context_of(args, job, kernels, outcome, notes, began)
    path = qemu_tool.save(
        args.out, "perf",
        perf_guest.document(context, outcome.tests, outcome.suite,
                            outcome.runs, failures),
        [*perf_guest.report_lines(outcome.tests, outcome.suite, outcome.runs,
                                  job.engines), "",
          perf_guest.summary(outcome.suite, outcome.runs, failures),
         *failures])
    report(console, job, outcome, notes, failures,
           f"saved: {path}; {qemu_tool.cache_line(job.archive)}")
    if console.is_broken:
        return 1
    return qemu_tool.EXIT_DIFFERS if failures else 0


def main(argv: list[str]) -> int:
    """Run, with errors as one line."""
    console = Console(sys.stdout, sys.stderr)
    try:
        return run(arguments(argv), console)
    except Usage as error:
        console.complain(f"perf-qemu: {error}")
        return 2
    except KeyboardInterrupt:
        console.complain("perf-qemu: interrupted, nothing is saved")
        return 130
    except (BadBuild, BadCounts, BadModule, BuildError, GuestError, NoLibrary,
            OSError, Unreachable, subprocess.TimeoutExpired) as error:
        console.complain(f"perf-qemu: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
