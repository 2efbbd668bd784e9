#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The commands of the CI files that users copy: list them, or run them here.

usage: recipes.py            each step, or why it cannot be run here
       recipes.py --run DIR  in a clone of HEAD for each file in DIR
The anchor is what a service may name: the revision before, forty zeros, a commit
that is not in the clone. It is built as each; the gate is run with the last.
Exit 1 when a step fails that may not. Reads no YAML but what these files have.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (".github/workflows/regress.yml", ".gitlab-ci.yml")

# Of the gate: what differs is told by other tests, and 4 is a busy machine.
ALLOWED = {"Gate": (0, 4), "script 3": (0, 4)}

# As in a first push, and after a forced one.
ZEROS = "0" * 40
LOST = "dead" * 10

_KEY = re.compile(r"^( *)(- )?(name|run|uses|before_script|script):\s*(.*)$")


@dataclass(frozen=True)
class Step:
    """A step of a CI file: a shell text, or an action of the service."""

    file: str
    name: str
    text: str
    action: str = ""


def _block(lines: list[str], at: int, indent: int) -> list[str]:
    """The lines below one that are indented deeper, without that indent."""
    found = []
    for line in lines[at + 1:]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        found.append(line)
    depth = min((len(li) - len(li.lstrip()) for li in found if li.strip()),
                default=0)
    return [line[depth:] for line in found]


def steps_of(file: str, text: str) -> Iterator[Step]:
    """The steps of a file in their order."""
    lines = text.splitlines()
    name = ""
    for at, line in enumerate(lines):
        match = _KEY.match(line)
        if not match:
            continue
        indent = len(match[1]) + len(match[2] or "")
        key, value = match[3], match[4]
        if key == "name" and match[2]:
            name = value
        elif key == "uses":
            yield Step(file, value, "", value)
        elif key == "run":
            yield Step(file, name, value if value != "|" else
                       "\n".join(_block(lines, at, indent)).strip())
        elif key in ("script", "before_script"):
            for i, item in enumerate(_block(lines, at, indent), 1):
                yield Step(file, f"{key} {i}", item.removeprefix("- "))


def all_steps(root: Path) -> list[Step]:
    """The steps of all files."""
    return [step for file in FILES
            for step in steps_of(file, (root / file).read_text("utf-8"))]


def anchors(clone: Path, file: str) -> list[str]:
    """What a service may name as the anchor; another one is the last of each
    file."""
    before = subprocess.run(
        ["git", "-C", str(clone), "rev-parse", "HEAD~1"],
        capture_output=True, text=True, check=True).stdout.strip()
    unknown = [ZEROS, LOST]
    return [before, *unknown[::-1 if FILES.index(file) else 1]]


def run_step(step: Step, clone: Path, anchor: str) -> bool:
    """Run a step with what the service would set; did it end as it may?"""
    code = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step.text], cwd=clone,
        stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "ANCHOR": anchor, "CI": "true",
             "GITHUB_STEP_SUMMARY": str(clone / "summary.md")}).returncode
    print(f"{step.file}: {step.name}: ANCHOR={anchor}: exit {code}",
          flush=True)
    return code in ALLOWED.get(step.name, (0,))


def run(root: Path, directory: Path) -> int:
    """Run each step of each file in a clone of its own; an exit code."""
    failed = 0
    for file in FILES:
        clone = directory / Path(file).stem.strip(".")
        subprocess.run(["git", "clone", "-q", str(root), str(clone)],
                       check=True)
        for step in (s for s in all_steps(clone) if s.file == file):
            if step.action:
                print(f"{file}: {step.name}: the service's own, not run here")
                continue
            named = anchors(clone, file)
            if "--build-only" not in step.text:
                named = named[-1:]
            failed += sum(not run_step(step, clone, a) for a in named)
        reports = [clone / "build/regress.xml", clone / "summary.md"
                   if file.startswith(".github") else
                   clone / "build/regress.md"]
        missing = [str(p) for p in reports if not p.is_file()]
        print(f"{file}: reports: " + (f"missing {missing}" if missing
                                      else "all there"))
        failed += len(missing)
    return 1 if failed else 0


def main(argv: list[str]) -> int:
    """As the command line says; the exit code."""
    if argv[:1] == ["--run"] and len(argv) == 2:
        return run(ROOT, Path(argv[1]).resolve())
    for step in all_steps(ROOT):
        print(f"{step.file}: {step.name}"
              + (" (the service's own)" if step.action else ":"))
        print("".join(f"    {line}\n" for line in step.text.splitlines()),
              end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
