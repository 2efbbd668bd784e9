# SPDX-License-Identifier: GPL-2.0-only
"""Where things are, and a runner of bench.py over the fake iopt-bench."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FAKE = Path(__file__).resolve().parent / "fake_bench.py"

# Hundreds of them are started: without what a session needs, in half the time.
SHEBANG = f"#!{sys.executable} -IS\n"

sys.path.insert(0, str(ROOT / "scripts"))


@dataclass
class Ran:
    """What a run of bench.py left."""

    code: int
    out: str
    err: str
    directory: Path

    @property
    def results(self) -> list[Path]:
        """The result files there are."""
        return sorted(self.directory.glob("*/*.json"))

    @property
    def spools(self) -> list[Path]:
        """The spool directories that were left behind."""
        return sorted(self.directory.glob("*/spool-*"))

    def document(self) -> dict[str, Any]:
        """The one result, strictly read."""
        assert len(self.results) == 1, (self.results, self.err)

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is no JSON")
        data: dict[str, Any] = json.loads(
            self.results[0].read_text("utf-8"), parse_constant=refuse)
        return data


BenchRunner = Callable[..., Ran]


@dataclass
class SmallDisk:
    """A disk of its own for a directory, which fills up soon."""

    path: Path

    def mount(self, size: str) -> None:
        """Make it that small; skips where that is not allowed."""
        self.path.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}",
                           "tmpfs", str(self.path)], capture_output=True,
                          check=False).returncode:
            pytest.skip("cannot mount a small tmpfs here")

    def grow(self) -> None:
        """Now there is room."""
        subprocess.run(["mount", "-o", "remount,size=8m", str(self.path)],
                       check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Where results go, once it is mounted."""
    small = SmallDisk(tmp_path / "results")
    yield small
    if small.path.is_mount():
        subprocess.run(["umount", str(small.path)], check=True)


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake iopt-bench, run by this interpreter."""
    path = tmp_path_factory.mktemp("fake") / "iopt-bench"
    path.write_text(SHEBANG + FAKE.read_text("utf-8"))
    path.chmod(0o755)
    return path


def repository(path: Path, nr_commits: int) -> list[str]:
    """A repository with so many commits; their names, the newest last."""
    git = ["git", "-C", str(path), "-c", "user.name=a", "-c",
           "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    for i in range(nr_commits):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(i)],
                       check=True)
    names = subprocess.run([*git, "rev-list", "--reverse", "HEAD"],
                           check=True, capture_output=True, text=True)
    return names.stdout.split()


Builder = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path, fake: Path) -> Builder:
    """Makes a directory with a fake iopt-bench whose constants differ:
    build("b", FACTOR=1.1)."""
    def make(name: str, **constants: Any) -> Path:
        text = fake.read_text("utf-8")
        for key, value in constants.items():
            text, nr = re.subn(rf"^{key} = .*$", f"{key} = {value!r}", text,
                               flags=re.MULTILINE)
            assert nr == 1
        path = tmp_path / name / "iopt-bench"
        path.parent.mkdir()
        path.write_text(text, "utf-8")
        path.chmod(0o755)
        return path.parent
    return make


@pytest.fixture
def command(tmp_path: Path, fake: Path) -> list[str]:
    """The command line that measures with the fake, no plots."""
    return [sys.executable, str(ROOT / "scripts/bench.py"), "--bench",
            str(fake), "--results", str(tmp_path / "results"), "--no-plot",
            "--profile", "none"]


@pytest.fixture
def bench(command: list[str], tmp_path: Path) -> BenchRunner:
    """Runs bench.py: bench("--reps", "2", fault="crash:map:0")."""
    def run(*args: str, fault: str = "", long: str = "",
            **popen: Any) -> Ran:
        environ = dict(os.environ, FAKE_FAULT=fault, FAKE_LONG=long,
                       PYTHONDONTWRITEBYTECODE="1")
        done = subprocess.run([*command, *args], capture_output=True,
                              text=True, env=environ, check=False, **popen)
        return Ran(done.returncode, done.stdout, done.stderr,
                   tmp_path / "results")
    return run
