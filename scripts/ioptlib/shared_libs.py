# SPDX-License-Identifier: GPL-2.0-only
"""The shared libraries that programs for arm64 need, to take them along."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from . import guest_kernel


class NoLibrary(Exception):
    """A library that is not installed for arm64; what to do."""


def parse_needed(text: str) -> list[str]:
    """The libraries and the loader that readelf -dl says a file asks for."""
    loader = re.findall(r"program interpreter: (\S+?)\]", text)
    return [Path(path).name for path in loader] + \
        re.findall(r"\(NEEDED\).*\[(.+)\]", text)


def _readelf(path: Path) -> str:
    command = [guest_kernel.binutils("readelf"), "-dlW", str(path)]
    done = subprocess.run(command, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise NoLibrary(f"{path}: {done.stderr.strip()}")
    return done.stdout


def _find(name: str) -> Path:
    """Where the compiler's linker would find it."""
    done = subprocess.run(
        [guest_kernel.compiler(), f"-print-file-name={name}"],
        capture_output=True, text=True, check=False)
    path = Path(done.stdout.strip() or name)
    if not path.is_absolute():
        raise NoLibrary(f"no {name} for arm64 here: 'make deps ARCH=arm64' "
                        "installs what the suite needs")
    return path


def closure(programs: Iterable[Path],
            needed: Callable[[Path], list[str]] =
            lambda path: parse_needed(_readelf(path)),
            find: Callable[[str], Path] = _find) -> dict[str, Path]:
    """Each library by name that the programs need, and those need in turn."""
    found: dict[str, Path] = {}
    todo = list(programs)
    while todo:
        for name in needed(todo.pop()):
            if name not in found:
                found[name] = find(name)
                todo.append(found[name])
    return found
