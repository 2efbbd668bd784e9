#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run the tests of a build for arm64 under QEMU's user mode, and tell what came
of it: each family of benchmarks, what could not be tested and why, one last line.

Exit: 0 all passed, 1 a test failed or none ran, 2 usage. docs/arm64.md has more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from ioptlib import testlog
from ioptlib.console import Console

ROOT = Path(__file__).resolve().parent.parent
LOGBASE = "arm64"
# An emulated test takes several times as long, an emulator on a busy CPU more.
TIMEOUT_FACTOR = 5
# LeakSanitizer stops threads by ptrace, which QEMU's user mode has not. ASan takes
# the address space to end where the stack's does, which QEMU places below 2^39.
SANITIZED = {"ASAN_OPTIONS": "detect_leaks=0",
             "QEMU_RESERVED_VA": "0x8000000000"}
SANITIZED_SUITES = ["unit", "model"]


def run_tests(build: Path, suites: list[str], verbose: bool,
              environ: dict[str, str]) -> int:
    """Meson's exit code; its lines go through."""
    command = ["meson", "test", "-C", str(build), "--no-rebuild",
               "--print-errorlogs", "--logbase", LOGBASE,
               "--timeout-multiplier", str(TIMEOUT_FACTOR),
               "--num-processes", str(len(os.sched_getaffinity(0))),
               *(f"--suite={suite}" for suite in suites),
               *(["--verbose"] if verbose else [])]
    return subprocess.run(command, check=False,
                          env={**os.environ, **environ}).returncode


def main(argv: list[str]) -> int:
    """Test and tell; the exit code."""
    parser = argparse.ArgumentParser(
        prog="test_arm64.py",
        description="Run the tests of a build for arm64.")
    parser.add_argument("build", type=Path, metavar="BUILD",
                        help="its directory, such as build-arm64")
    parser.add_argument("--sanitized", action="store_true",
                        help="it has ASan and UBSan: the suites unit and model")
    parser.add_argument("--verbose", action="store_true",
                        help="show what the tests print")
    args = parser.parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    log = args.build / "meson-logs" / f"{LOGBASE}.json"
    log.unlink(missing_ok=True)
    started = time.monotonic()
    code = run_tests(args.build, SANITIZED_SUITES if args.sanitized else [],
                     args.verbose, SANITIZED if args.sanitized else {})
    seconds = time.monotonic() - started
    try:
        outcomes = testlog.parse(log.read_text("utf-8"))
    except (OSError, ValueError, KeyError) as error:
        console.complain(f"test-arm64: meson left no log to read: {error}")
        return 1
    for line in testlog.families(outcomes):
        console.say(f"family {line}")
    for line in testlog.skipped(outcomes):
        console.say(f"not tested: {line}")
    console.say(f"test-arm64: {testlog.verdict(outcomes)}; {seconds:.0f} s")
    return 0 if code == 0 and outcomes else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
