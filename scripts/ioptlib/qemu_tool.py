# SPDX-License-Identifier: GPL-2.0-only
"""What the scripts that boot kernels in QEMU share: which kernels, whether
they can be had, where results go.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import guest_kernel, qemu_guest
from .debian import Archive, Unreachable
from .guest_kernel import Kernel
from .qemu_validate import Scenario
from .results import write_atomic

EXIT_DIFFERS = 3
EXIT_SKIPPED = 77
DEFAULT_KERNELS = ("6.12", "7")


class Usage(Exception):
    """What the user gave cannot be run."""


def load_scenarios(paths: Sequence[Path], folder: Path) -> list[Scenario]:
    """The user's files, or the shipped ones; raises Usage."""
    try:
        return [Scenario.load(path)
                for path in paths or sorted(folder.glob("*.scenario"))]
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"a scenario could not be read: {error}") from error


def missing(qemu: str) -> str:
    """What is not installed, "" if nothing."""
    if not qemu_guest.version(qemu):
        return f"no {qemu} here: 'scripts/deps --for qemu' installs it"
    if not guest_kernel.compiler():
        return ("no compiler for arm64 here: 'scripts/deps --for qemu' "
                "installs one")
    return ""


def get_kernels(archive: Archive, labels: Sequence[str], skips: list[str],
                notes: list[str]) -> list[Kernel]:
    """The kernels that can be had; a line for each that cannot, and for each
    that stands in for the pinned one.
    """
    kernels = []
    for label in labels:
        try:
            kernel = guest_kernel.kernel(archive, label)
        except Unreachable as why:
            skips.append(f"kernel {label}: {why}")
            continue
        kernels.append(kernel)
        if not kernel.is_pinned:
            notes.append(f"kernel {label}: the archive has "
                         f"{guest_kernel.FAMILIES[label].pinned} no more, "
                         f"took {kernel.release}")
    return kernels


def cache_line(archive: Archive) -> str:
    """Where packages are kept, and what they take."""
    return f"cache {archive.cache}, {archive.size_bytes() / 1e6:.0f} MB"


def save(directory: Path, kind: str, document: Mapping[str, Any],
         lines: Sequence[str]) -> Path:
    """A result as JSON and as text, its context first; the JSON's path."""
    context = document["context"]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{kind}-{context['started']}.json"
    told = [f"{key}: {value}" for key, value in context.items()]
    for target, text in (
            (path, json.dumps(document, indent=1)),
            (path.with_suffix(".txt"), "\n".join([*told, "", *lines]))):
        write_atomic(target, text + "\n")
    return path


def words(choices: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of a list of words with commas."""
    def parse(text: str) -> tuple[str, ...]:
        given = tuple(word for word in text.split(",") if word)
        for word in given:
            if word not in choices:
                raise argparse.ArgumentTypeError(
                    f"{word!r}: must be of {', '.join(choices)}")
        return given
    return parse


def add_options(parser: argparse.ArgumentParser, root: Path,
                cache: Path) -> None:
    """The options that all of them have."""
    parser.add_argument("--kernels", default=DEFAULT_KERNELS, metavar="LIST",
                        type=words(tuple(guest_kernel.FAMILIES)),
                        help="of " + ", ".join(guest_kernel.FAMILIES) +
                        f" (default: {','.join(DEFAULT_KERNELS)})")
    parser.add_argument("--qemu", default=qemu_guest.QEMU, metavar="PROGRAM",
                        help=f"(default: {qemu_guest.QEMU})")
    parser.add_argument("--cache", type=Path, metavar="DIRECTORY",
                        default=cache)
    parser.add_argument("--out", type=Path, metavar="DIRECTORY",
                        default=root / "results/validation")
