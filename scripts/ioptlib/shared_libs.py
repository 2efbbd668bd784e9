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


def _ask_compiler(option: str) -> str:
    done = subprocess.run([guest_kernel.compiler(), option],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _find(name: str) -> Path:
    """Beside the libraries of arm64, or where the linker would find it.

    A cross compiler's own libc is another version than that of the libraries,
    and its loader does not fit them.
    """
    triplet = _ask_compiler("-print-multiarch")
    for folder in ("/lib", "/usr/lib") if triplet else ():
        path = Path(folder) / triplet / name
        if path.exists():
            return path
    path = Path(_ask_compiler(f"-print-file-name={name}") or name)
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
