# SPDX-License-Identifier: GPL-2.0-only
"""Cost profiles as a result records them: whose prices they are, and a digest
that tells two of one name apart. Reads their files."""

from __future__ import annotations

import configparser
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = Path("data/profiles")
UNKNOWN = "unknown"
DIGEST_CHARS = 16

# What is said for a reader, and changes no price.
TEXTS = frozenset(("title", "kind", "source", "arithmetic"))


def find(word: str, bench: Path) -> Path:
    """The file that an iopt-bench reads for a word: a path is itself, a name
    is that of the tree it was built in, else of this one."""
    if "/" in word or word.endswith(".ini"):
        return Path(word)
    trees = (bench.resolve().parent.parent.parent, ROOT, Path())
    files = [tree / SHIPPED / f"{word}.ini" for tree in trees]
    return next((path for path in files if path.is_file()), files[0])


def _line(text: str) -> str:
    return " ".join(text.split())


def digest(ini: configparser.ConfigParser) -> str:
    """A digest of all that a profile counts with."""
    said = {section: {key: _line(value) for key, value in ini[section].items()
                      if key not in TEXTS} for section in ini.sections()}
    text = json.dumps(said, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARS]


def record(word: str, bench: Path) -> dict[str, Any]:
    """A profile by the word that names it; of a file that cannot be read the
    digest is unknown."""
    path = find(word, bench)
    ini = configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=(";", "#"),
        inline_comment_prefixes=(";",))
    try:
        ini.read_string(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {"name": word, "file": str(path), "digest": UNKNOWN}
    prices = {name: ini[name] for name in ini.sections()
              if "value" in ini[name]}
    return {
        "name": ini.get("profile", "name", fallback=word),
        "file": str(path), "digest": digest(ini),
        "title": _line(ini.get("profile", "title", fallback=UNKNOWN)),
        "sources": {name: _line(f"{price['value']}, "
                                f"{price.get('kind', UNKNOWN)}: "
                                f"{price.get('source', UNKNOWN)}")
                    for name, price in prices.items()}}


def records(words: Sequence[str], bench: Path) -> list[dict[str, Any]]:
    """All profiles that a run prices by."""
    return [record(word, bench) for word in words]
