# SPDX-License-Identifier: GPL-2.0-only
"""Benchmark names: family/key:value/key:value, in the grammar's order."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Written into names by libbenchmark, never keys of ours.
LIBRARY_PARTS = ("min_time", "min_warmup_time", "iterations", "repeats",
                 "threads", "real_time", "process_time", "manual_time")

# Families whose rows depend on what an invalidation costs: the key tlbi,
# last in their names, is the runner's to add.
TLBI_FAMILIES = frozenset(("map", "unmap", "unmap_partial", "dma", "tlbi",
                           "teardown", "replay", "contention"))

PROFILE_KEY = "tlbi"
NO_PROFILE = "none"

_WORDS = ("page", "full", "first", "middle", "last", "warm", "cold", "fresh",
          "leftover", "coherent", "noncoherent", "seq", "sequential",
          "strided", "random", "hole", "one", "complex", "node", "nodes",
          "nothing", "queue", "root", "root-queue", "leaf", "leaf-queue")

_PART = re.compile(r"[a-z0-9_]+:[0-9A-Za-z_.-]+")
_SIZE = re.compile(r"([0-9]+)([KMGT]?)")


class BadName(ValueError):
    """A benchmark name that is not in the grammar."""


@dataclass(frozen=True)
class Case:
    """A parsed name: its family and the values of its keys, in order."""

    family: str
    keys: tuple[tuple[str, str], ...]

    def get(self, key: str, default: str = "") -> str:
        """The value of a key, or the default when it has none."""
        return dict(self.keys).get(key, default)

    def without(self, *drop: str) -> Case:
        """The same case less some keys: what its siblings share."""
        return Case(self.family,
                    tuple(kv for kv in self.keys if kv[0] not in drop))

    def __str__(self) -> str:
        return "/".join([self.family] + [f"{k}:{v}" for k, v in self.keys])


def strip_library(name: str) -> str:
    """The name without what libbenchmark appended to it."""
    return "/".join(part for part in name.split("/")
                    if part.split(":", 1)[0] not in LIBRARY_PARTS)


def parse(name: str) -> Case:
    """Parse a name; raises BadName with what is wrong in it."""
    family, *parts = strip_library(name).split("/")
    if not re.fullmatch(r"[a-z0-9_]+", family):
        raise BadName(f"{name!r}: family {family!r} is not a word")
    keys = []
    for part in parts:
        if not _PART.fullmatch(part):
            raise BadName(f"{name!r}: {part!r} is not key:value")
        key, value = part.split(":", 1)
        keys.append((key, value))
    if len(dict(keys)) != len(keys):
        raise BadName(f"{name!r}: a key appears twice")
    return Case(family, tuple(keys))


def is_cold(name: str) -> bool:
    """Does each operation of this case begin with cold caches?"""
    return parse(name).get("cache") == "cold"


def complete(name: str, profile: str = NO_PROFILE) -> str:
    """A row's full name: the library's parts gone, the cost profile added."""
    case = parse(name)
    if case.family in TLBI_FAMILIES and not case.get(PROFILE_KEY):
        return f"{case}/{PROFILE_KEY}:{profile}"
    return str(case)


def size_bytes(text: str) -> int | None:
    """Bytes of a size such as 4K or 1G, None when it is no size."""
    match = _SIZE.fullmatch(text)
    if not match:
        return None
    shift = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2]]
    return int(match[1]) << shift


def sort_key(value: str) -> tuple[int, int, str]:
    """Orders the values of a key: sizes and numbers by value, then words,
    those first that have an order of their own."""
    size = size_bytes(value)
    if size is not None:
        return 1, size, ""
    if value in _WORDS:
        return (0 if value == "page" else 2), _WORDS.index(value), ""
    return 3, 0, value
