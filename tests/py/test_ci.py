# SPDX-License-Identifier: GPL-2.0-only
"""The CI files that users copy: docs/ci.md has them word for word, and what
they run is there. .ci/run recipes runs them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, repository
from ioptlib import gate

sys.path.insert(0, str(ROOT / ".ci"))
import recipes  # noqa: E402

STEPS = recipes.all_steps(ROOT)


def test_the_page_has_the_files() -> None:
    page = (ROOT / "docs/ci.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.S | re.M)
    assert blocks == [(ROOT / file).read_text("utf-8")
                      for file in recipes.FILES]


def test_all_steps_are_seen() -> None:
    """By hand: what the files hold."""
    shape = [(step.file, step.name, bool(step.action)) for step in STEPS]
    github, gitlab = recipes.FILES
    assert shape == [
        (github, "actions/checkout@v4", True), (github, "Install", False),
        (github, "Build both", False), (github, "Gate", False),
        (github, "actions/upload-artifact@v4", True),
        (gitlab, "before_script 1", False), (gitlab, "before_script 2", False),
        (gitlab, "script 1", False), (gitlab, "script 2", False),
        (gitlab, "script 3", False)]


@pytest.mark.parametrize("step", [s for s in STEPS if not s.action],
                         ids=lambda s: f"{Path(s.file).name}: {s.name}")
def test_step_is_shell_whose_commands_exist(step: recipes.Step) -> None:
    checked = subprocess.run(["bash", "-n"], input=step.text, text=True,
                             capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    for target in re.findall(r"\bmake (\w[\w-]*)$", step.text, re.M):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, check=False,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for script in re.findall(r"scripts/\S+", step.text):
        assert (ROOT / script).is_file(), script
    options = set(re.findall(r" (--[a-z-]+)", step.text))
    if "regress.py" in step.text:
        known = (ROOT / "scripts/regress.py").read_text("utf-8") + \
            '"--preserve-status"'
        assert all(f'"{option}"' in known for option in options)
        assert "--or-parent" in options


def test_limits_leave_time_to_report() -> None:
    """budget_s < what sends SIGTERM < what kills < the step's own limit."""
    settings = gate.load_settings(ROOT / "results/baseline/gate.ini")
    limits = [re.search(r"timeout --preserve-status -k (\d+) (\d+) ", s.text)
              for s in STEPS if "--junit" in s.text]
    assert len(limits) == 2
    step = re.search(r"^        timeout-minutes: (\d+)$",
                     (ROOT / recipes.FILES[0]).read_text("utf-8"), re.M)
    assert step
    for limit in limits:
        assert limit
        kill, term = int(limit[1]), int(limit[2])
        assert settings.budget_s + 10 <= term
        assert term + kill < 60 * int(step[1])


def test_each_anchor_is_tried(tmp_path: Path) -> None:
    """The gate is run with another one in each file."""
    repository(tmp_path, 2)
    tried = [recipes.anchors(tmp_path, file) for file in recipes.FILES]
    assert {frozenset(names) for names in tried} == {frozenset(tried[0])}
    assert {names[-1] for names in tried} == {recipes.ZEROS, recipes.LOST}
    assert len(set(tried[0])) == 3


@pytest.mark.parametrize("code,want", [(0, 0), (1, 1), (2, 1), (3, 1), (4, 0),
                                       (77, 1), (130, 1)])
def test_an_open_selftest_is_no_failure(tmp_path: Path, code: int,
                                        want: int) -> None:
    """And nothing else but a pass is none, a skip neither."""
    for name, ends in (("deps", 0), ("build", 0), ("python", code)):
        script = tmp_path / "scripts" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\nexit {ends}\n")
        script.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    copied = shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    done = subprocess.run(["bash", str(copied), "--inside", "selftest"],
                          capture_output=True, check=False)
    assert done.returncode == want


def test_the_workflow_runs_steps_that_are_there() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    named = [word for line in re.findall(r"\.ci/run (.*)$", text, re.M)
             for word in line.split()]
    listed = subprocess.run([str(ROOT / ".ci/run"), "--list"], check=True,
                            capture_output=True, text=True).stdout.split()
    assert set(named) <= set(listed) and "selftest" in named
    page = (ROOT / "docs/ci.md").read_text("utf-8")
    left = re.search(r"`([a-z0-9 ]+)`\)\s+are\s+run by hand", page)
    assert left and set(left[1].split()) == \
        set(listed) - set(named) - {"test"}


def test_a_failing_gate_fails_its_step(tmp_path: Path) -> None:
    """What the step does with each exit code of the script."""
    [step] = [s for s in STEPS if s.name == "Gate"]
    script = tmp_path / "scripts/python"
    script.parent.mkdir()
    for code, want in ((0, 0), (1, 1), (2, 2), (3, 3), (4, 0), (130, 130)):
        script.write_text(f"#!/bin/sh\nexit {code}\n")
        script.chmod(0o755)
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", step.text],
                              cwd=tmp_path, capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin", "ANCHOR": "x"},
                              check=False)
        assert done.returncode == want
        assert ("::warning::" in done.stdout) == (code == 4)
