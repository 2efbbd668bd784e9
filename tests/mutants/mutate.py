#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write a copy of an engine's source with one exact change.

usage: mutate.py SOURCE HEADER OLD NEW OUTPUT

HEADER is put in the place of the line of SOURCE that includes it, so that it
can be changed too. OLD must be found exactly once, or the mutant would test
nothing.
"""
import sys
from pathlib import Path


def mutate(source: str, header_name: str, header: str, old: str,
           new: str) -> str:
    """The changed text; ValueError when OLD is not there exactly once."""
    include = f'#include "{header_name}"\n'
    text = source.replace(include, header)
    found = text.count(old)
    if found != 1:
        raise ValueError(f"found {found} times, expected once: {old!r}")
    return text.replace(old, new)


def main(argv: list[str]) -> int:
    """Read, change, write."""
    if len(argv) != 6:
        print(__doc__, file=sys.stderr)
        return 2
    source, header, old, new, output = argv[1:]
    try:
        text = mutate(Path(source).read_text(), Path(header).name,
                      Path(header).read_text(), old, new)
    except ValueError as e:
        print(f"{source}: {e}", file=sys.stderr)
        return 1
    Path(output).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
