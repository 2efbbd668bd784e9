# SPDX-License-Identifier: GPL-2.0-only
"""The shared libraries that go with programs into a guest."""

from __future__ import annotations

from pathlib import Path

import pytest
from ioptlib import guest_kernel, shared_libs
from ioptlib.shared_libs import NoLibrary

READELF = """
Elf file type is DYN (Position-Independent Executable file)
      [Requesting program interpreter: /lib/ld-linux-aarch64.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libhwloc.so.15]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000001d (RUNPATH)            Library runpath: [/x]
"""


def test_needed() -> None:
    assert shared_libs.parse_needed(READELF) == [
        "ld-linux-aarch64.so.1", "libhwloc.so.15", "libc.so.6"]
    assert shared_libs.parse_needed("There is no dynamic section") == []


def test_closure() -> None:
    """What libraries need in turn, each once, circles or not."""
    needs = {"a": ["x", "y"], "b": ["x"], "x": ["z"], "y": [], "z": ["x"]}
    asked: list[str] = []

    def find(name: str) -> Path:
        asked.append(name)
        return Path("/lib") / name
    found = shared_libs.closure([Path("/bin/a"), Path("/bin/b")],
                                lambda path: needs[path.name], find)
    assert found == {name: Path("/lib") / name for name in "xyz"}
    assert sorted(asked) == ["x", "y", "z"]


@pytest.mark.skipif(not guest_kernel.compiler(),
                    reason="no compiler for arm64")
def test_not_installed() -> None:
    with pytest.raises(NoLibrary, match="libnowhere.so.7 for arm64.*ARCH"):
        shared_libs.closure([Path("a")], lambda path: ["libnowhere.so.7"])
