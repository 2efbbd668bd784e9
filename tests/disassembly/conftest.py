# SPDX-License-Identifier: GPL-2.0-only
"""The compiler and objdump for arm64, and what is compiled with them."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from barriers import Engine
from objdump import Function, disassemble

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = 77

# Each way of a compare-and-swap, and how a compiler is told to take it.
KINDS = {
    "outline": ["-march=armv8-a", "-moutline-atomics"],
    "llsc": ["-march=armv8-a", "-mno-outline-atomics"],
    "lse": ["-march=armv8.1-a"],
}
ENGINE = ("lpae.c", "lpae_iova.c", "lpae_map.c", "lpae_unmap.c", "lpae_walk.c")

# The compiler says where the flag is that tells whether a walker snoops.
PROBE = """#include "lpae_table.h"
#include <stddef.h>
void probe(void)
{
	__asm__ volatile("# coherent_walk=%c0" ::
			 "i"(offsetof(struct lpae, pgt.cfg.coherent_walk)));
}
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What Meson hands over."""
    parser.addoption("--arm64-cc", action="append", default=[],
                     help="a compiler for arm64, with its arguments")
    parser.addoption("--arm64-objdump", default="")
    parser.addoption("--arm64-library", action="append", default=[],
                     help="a library of this build to look at")


def pytest_configure(config: pytest.Config) -> None:
    """Without a compiler there is nothing to look at."""
    if not config.getoption("--arm64-cc") or \
            not config.getoption("--arm64-objdump"):
        pytest.exit("skipped: no compiler or objdump for arm64 (Debian's "
                    "gcc-aarch64-linux-gnu brings both)", returncode=SKIPPED)


@dataclass
class Compiler:
    """A compiler for arm64, and where it may write."""

    command: list[str]
    objdump: str
    directory: Path

    def run(self, root: Path, arguments: list[str]) -> None:
        """Compile as the build does."""
        subprocess.run(
            [*self.command, "-std=gnu17", "-D_GNU_SOURCE", "-O2",
             "-fno-strict-aliasing", "-falign-functions=64",
             *(f"-I{root}/src/{d}" for d in ("base", "inval", "pgtable")),
             *arguments],
            check=True, timeout=120)

    def functions(self, root: Path, folder: str, names: tuple[str, ...],
                  kind: str) -> list[Function]:
        """The functions of some sources below @root, for a kind of CPU."""
        found: list[Function] = []
        for name in names:
            to = self.directory / f"{name}.o"
            self.run(root, [*KINDS[kind], "-c", "-o", str(to),
                            str(root / "src" / folder / name)])
            found += disassemble(self.objdump, to)
        return found

    def engine(self, kind: str, root: Path = ROOT,
               names: tuple[str, ...] = ENGINE) -> Engine:
        """The engine of these sources below @root."""
        return Engine(self.functions(root, "pgtable", names, kind),
                      coherent_offset(tuple(self.command)))


@cache
def coherent_offset(command: tuple[str, ...]) -> int:
    """Bytes from the start of a table to its coherent_walk."""
    with TemporaryDirectory() as directory:
        source, to = Path(directory, "probe.c"), Path(directory, "probe.s")
        source.write_text(PROBE, "utf-8")
        compiler = Compiler(list(command), "", Path(directory))
        compiler.run(ROOT, ["-S", "-o", str(to), str(source)])
        match = re.search(r"coherent_walk=(\d+)", to.read_text("utf-8"))
    assert match, f"{command}: the compiler does not tell an offset"
    return int(match[1])


def compilers(config: pytest.Config) -> list[str]:
    """The command lines of all compilers."""
    return list(config.getoption("--arm64-cc"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each compiler for what asks for one."""
    if "any_compiler" in metafunc.fixturenames:
        metafunc.parametrize("any_compiler", compilers(metafunc.config),
                             ids=lambda c: Path(shlex.split(c)[0]).name,
                             indirect=True)


def made(command: str, config: pytest.Config, tmp_path: Path) -> Compiler:
    """A compiler that works, or a skip that says why it does not."""
    compiler = Compiler(shlex.split(command),
                        config.getoption("--arm64-objdump"), tmp_path)
    try:
        compiler.run(ROOT, ["-fsyntax-only",
                            str(ROOT / "src/pgtable/lpae_map.c")])
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"{command} does not compile for arm64: {error}")
    return compiler


@pytest.fixture
def any_compiler(request: pytest.FixtureRequest, tmp_path: Path) -> Compiler:
    """Each of the compilers."""
    return made(request.param, request.config, tmp_path)


@pytest.fixture
def compiler(request: pytest.FixtureRequest, tmp_path: Path) -> Compiler:
    """The first compiler."""
    return made(compilers(request.config)[0], request.config, tmp_path)
