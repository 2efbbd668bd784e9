# SPDX-License-Identifier: GPL-2.0-only
"""Build io-pgtable-arm.c of Linux trees as engines; list what is built.

KERNEL is a checked-out tree, REPOSITORY:REV, a linux-*.tar.xz, or
debian:VERSION. Exit: 0 done; 1 something failed; 2 usage.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from ioptlib import kernel_build, kernel_source
from ioptlib.console import Console
from ioptlib.kernel_build import BadBuild, Builder, Info
from ioptlib.kernel_source import BadSource

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build/kernel"
TIMEOUT_S = 600


def parse_args(argv: list[str]) -> argparse.Namespace:
    """The command line; exits 2 with one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="kernel.py", description="Linux trees as engines.")
    parser.add_argument("kernel", nargs="*", metavar="KERNEL",
                        help="a tree, REPOSITORY:REV, a linux-*.tar.xz or "
                        "debian:6.12; none: list what is built")
    parser.add_argument("--label", default="",
                        help="name of the engine behind 'kernel-'")
    parser.add_argument("--cflags", default="",
                        help="more compiler flags")
    parser.add_argument("--cc", default="", help="compiler (default: $CC, cc)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR",
                        help="where modules are (default: build/kernel)")
    parser.add_argument("--paths", action="store_true",
                        help="print the modules' paths and nothing else")
    parser.add_argument("--selftest", action="store_true",
                        help="build the trees with their own tests, and run "
                        "these")
    parser.add_argument("--runner", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/tools/kernel-selftest",
                        help="what runs them")
    args = parser.parse_args(argv)
    if args.label and len(args.kernel) != 1:
        parser.error("--label goes with one KERNEL")
    if args.selftest and not args.kernel:
        parser.error("--selftest: a KERNEL is wanted")
    return args


def selftest(args: argparse.Namespace) -> int:
    """Build the trees' own tests and run them; the exit code."""
    builder = Builder(ROOT, args.out, args.cc, args.cflags)
    modules = [str(builder.build_selftest(tree)) for tree
               in kernel_build.load_all(args.out, args.kernel, args.label)]
    return subprocess.run([str(args.runner), *modules], check=False,
                          timeout=TIMEOUT_S).returncode


def lines_of(infos: list[Info]) -> list[str]:
    """A table of what is built."""
    if not infos:
        return ["no kernel is built; make kernel KERNEL=debian:6.12 builds one"]
    rows = [("engine", "version", "revision", "size", "compiler")]
    rows += [(f"kernel-{info.label}", info.version, info.revision,
              f"{(info.bytes + 1023) >> 10}K", info.cc) for info in infos]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width
                         in zip(row, widths)), row[4]]).rstrip()
            for row in rows]


def main(argv: list[str]) -> int:
    """Build or list; the exit code."""
    args = parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        if args.selftest:
            return selftest(args)
        infos = kernel_build.build_all(
            ROOT, args.out, args.kernel, args.label, args.cc, args.cflags
        ) if args.kernel else kernel_build.built(args.out)
    except (BadSource, BadBuild, OSError,
            subprocess.TimeoutExpired) as error:
        console.complain(f"kernel: {error}")
        return 1
    if args.paths:
        for info in infos:
            console.say(info.module)
        return 0
    console.say("\n".join(lines_of(infos)))
    cache = kernel_source.cache_dir()
    if cache.is_dir():
        console.say(f"cache: {kernel_source.cache_text(cache)}")
    return 1 if console.is_broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
