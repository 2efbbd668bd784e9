# SPDX-License-Identifier: GPL-2.0-only
"""scripts/build: what a first build removes, and what it leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/build"


def test_kernels_and_revisions_stay(tmp_path: Path) -> None:
    """make kernel comes before the first build of the suite, or may."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts/build")
    meson = tmp_path / "bin/meson"
    meson.parent.mkdir()
    meson.write_text('#!/bin/sh\necho "$@" >>"$MESON_LOG"\n'
                     '[ "$1" = compile ] || touch "$2/build.ninja"\n', "utf-8")
    meson.chmod(0o755)
    for name in ("kernel/6.12/kernel.so", "revisions/1a2b3c4/bench",
                 "src/stale.o"):
        path = tmp_path / "build" / name
        path.parent.mkdir(parents=True)
        path.touch()
    log = tmp_path / "log"
    environ = {**os.environ, "MESON_LOG": str(log),
               "PATH": f"{meson.parent}:{os.environ['PATH']}"}
    for words in (["setup", "compile"], ["compile"]):
        log.write_text("", "utf-8")
        subprocess.run([tmp_path / "scripts/build", "release"], env=environ,
                       check=True, timeout=60)
        assert [line.split()[0] for line in
                log.read_text("utf-8").splitlines()] == words
    assert (tmp_path / "build/kernel/6.12/kernel.so").exists()
    assert (tmp_path / "build/revisions/1a2b3c4/bench").exists()
    assert not (tmp_path / "build/src").exists()
