#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Check what no compiler does: links, left-overs and licence lines.

usage: check_tree.py [ROOT]; exit 1 with one line for each finding.
Looks at the files that git knows, or at all of them outside a repository.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)

# Left-overs of work in progress, and paths of somebody's machine.
LEFT_OVERS = (
    re.compile(r"\b(TODO|FIXME|XXX)\b"),
    re.compile(r"\bfor now\b", re.IGNORECASE),
    re.compile(r"(?<![\w.$}/])/(home|root|work|Users)/\w"),
    re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
)

SOURCE_SUFFIXES = {".c", ".h", ".cc", ".py", ".sh"}
SOURCE_NAMES = {"Makefile"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".build", ".md", ".txt", ".yml", ".toml", ".in"}
SPDX = "SPDX-License-Identifier: GPL-2.0-only"


def anchor(heading: str) -> str:
    """A heading's link target, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def bad_links(path: Path, text: str) -> list[str]:
    """Relative links of a page that lead nowhere."""
    wrong = []
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        there = path.parent / file if file else path
        if not there.exists():
            wrong.append(f"{path}: link to {target}: no such file")
        elif fragment and there.suffix == ".md":
            headings = HEADING.findall(FENCE.sub("", there.read_text("utf-8")))
            if fragment not in map(anchor, headings):
                wrong.append(f"{path}: link to {target}: no such heading")
    return wrong


def left_overs(path: Path, text: str) -> list[str]:
    """Lines that were not meant to stay."""
    return [f"{path}:{text.count(chr(10), 0, match.start()) + 1}: "
            f"{match[0].strip()!r}"
            for pattern in LEFT_OVERS for match in pattern.finditer(text)]


def licence(path: Path, text: str) -> list[str]:
    """A source file must say its licence at its head."""
    if path.suffix not in SOURCE_SUFFIXES and path.name not in SOURCE_NAMES \
            and not text.startswith("#!"):
        return []
    head = "\n".join(text.splitlines()[:3])
    return [] if SPDX in head else [f"{path}: no line '{SPDX}' at its head"]


def check(path: Path, text: str) -> list[str]:
    """All findings in one file."""
    found = licence(path, text)
    if path.resolve() != Path(__file__).resolve():
        found += left_overs(path, text)
    if path.suffix == ".md":
        found += bad_links(path, text)
    return found


def files(root: Path) -> list[Path]:
    """What belongs to the tree."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "-z"],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [root / name for name in done.stdout.split("\0") if name]
    return [path for path in root.rglob("*") if path.is_file()]


def main(argv: list[str]) -> int:
    """Check the tree; the exit code."""
    root = Path(argv[0] if argv else ".")
    found = []
    for path in files(root):
        is_script = path.suffix == "" and path.is_file() and \
            path.read_bytes()[:2] == b"#!"
        if path.is_file() and (path.suffix in TEXT_SUFFIXES or is_script
                               or path.name in SOURCE_NAMES):
            found += check(path, path.read_text("utf-8"))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
