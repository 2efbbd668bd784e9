# SPDX-License-Identifier: GPL-2.0-only
"""Debian's arm64 packages on any machine with apt: fetched, verified by
Debian's keys and unpacked in a cache of one's own; nothing is installed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ARCH = "arm64"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
# Old kernels with their updates, new ones, and what goes beside them.
SUITES = ((SECURITY, "bookworm-security"), (MIRROR, "trixie"),
          (SECURITY, "trixie-security"), (MIRROR, "trixie-backports"))
LISTS_FRESH_S = 24 * 3600
FETCH_TIMEOUT_S = 600

CONF = """APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Sandbox::User "{user}";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{root}/state";
Dir::State::status "/dev/null";
Dir::Cache "{root}/cache";
"""


class Unreachable(Exception):
    """A package, or the archive, that cannot be had; why in a line."""


@dataclass(frozen=True)
class Family:
    """Kernels that may stand in for each other.

    pattern matches names of the image's package; its group 1 is the release,
    as uname -r says it.
    """

    label: str
    pattern: str
    pinned: str


def default_cache() -> Path:
    """Where packages are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "iopt-bench" / "debian-arm64"


def release_key(release: str) -> list[tuple[int, int, str]]:
    """Sorts 6.12.9 before 6.12.10, numbers by value."""
    return [(0, int(word), "") if word.isdigit() else (1, 0, word)
            for word in re.findall(r"\d+|[a-z]+", release)]


def choose(family: Family, names: Iterable[str]) -> tuple[str, str]:
    """Package and release of a family: the pinned one, else the newest.

    Of a signed and an unsigned image, the signed one.
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        match = re.fullmatch(family.pattern, name)
        if match:
            found.setdefault(match[1], name)
    if not found:
        raise Unreachable(f"the archive has no kernel {family.label}")
    release = family.pinned if family.pinned in found else \
        max(found, key=release_key)
    return found[release], release


class Archive:
    """The packages of some suites, and what of them was fetched."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._is_fresh = False

    def _apt(self, *words: str, timeout_s: float = FETCH_TIMEOUT_S) -> str:
        """An apt program with this archive's settings."""
        command = [words[0], "-c", str(self.cache / "apt.conf"), *words[1:]]
        environ = dict(os.environ, LC_ALL="C")
        environ.pop("APT_CONFIG", None)
        try:
            done = subprocess.run(command, capture_output=True, text=True,
                                  check=False, timeout=timeout_s, env=environ,
                                  cwd=self.cache / "debs")
        except subprocess.TimeoutExpired:
            raise Unreachable(f"{words[0]} {words[1]}: nothing for "
                              f"{timeout_s:.0f} s") from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            raise Unreachable(f"{words[0]} {words[1]}: {said[0]}")
        return done.stdout

    def _configure(self) -> None:
        for program in ("apt-get", "apt-cache", "dpkg-deb"):
            if not shutil.which(program):
                raise Unreachable(f"{program} is not here: Debian's packages "
                                  "need it")
        if not KEYRING.exists():
            raise Unreachable(f"{KEYRING} is not here: the package "
                              "debian-archive-keyring has it")
        for name in ("debs", "state/lists/partial", "cache/archives/partial"):
            (self.cache / name).mkdir(parents=True, exist_ok=True)
        (self.cache / "apt.conf").write_text(CONF.format(
            arch=ARCH, root=self.cache,
            user="root" if os.getuid() == 0 else ""))
        (self.cache / "sources.list").write_text("".join(
            f"deb [signed-by={KEYRING}] {mirror} {suite} main\n"
            for mirror, suite in SUITES))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time changes the cache."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def refresh(self, is_forced: bool = False) -> None:
        """The lists of packages, when they are older than a day."""
        if self._is_fresh and not is_forced:
            return
        self._configure()
        stamp = self.cache / "updated"
        age_s = time.time() - stamp.stat().st_mtime if stamp.exists() else \
            LISTS_FRESH_S
        if is_forced or not 0 <= age_s < LISTS_FRESH_S:
            try:
                self._apt("apt-get", "update", "-q", "-o",
                          "APT::Update::Error-Mode=any")
                stamp.touch()
            except Unreachable:
                # Old lists may still name what was fetched by them.
                if is_forced or not stamp.exists():
                    raise
        self._is_fresh = True

    def names(self, pattern: str) -> list[str]:
        """Packages whose whole name matches."""
        self.refresh()
        said = self._apt("apt-cache", "pkgnames")
        return [name for name in said.split() if re.fullmatch(pattern, name)]

    def needs(self, package: str, pattern: str) -> list[str]:
        """Those of a package's dependencies whose name matches."""
        self.refresh()
        said = self._apt("apt-cache", "show", "--no-all-versions", package)
        depends = re.search(r"^Depends: (.*)$", said, re.MULTILINE)
        words = re.split(r"[,|]", depends[1]) if depends else []
        names = [word.split()[0] for word in words if word.split()]
        return [name for name in names if re.fullmatch(pattern, name)]

    def fetch(self, package: str) -> Path:
        """A package's file, fetched unless it is there."""
        debs = self.cache / "debs"
        there = sorted(debs.glob(f"{package}_*.deb"))
        if there:
            return there[-1]
        self.refresh()
        try:
            self._apt("apt-get", "download", "-q", package)
        except Unreachable:
            # The lists may name what the mirror has replaced since.
            self.refresh(is_forced=True)
            self._apt("apt-get", "download", "-q", package)
        there = sorted(debs.glob(f"{package}_*.deb"))
        if not there:
            raise Unreachable(f"{package}: apt-get download left no file")
        return there[-1]

    def unpack(self, packages: Sequence[str], directory: Path) -> None:
        """The contents of packages."""
        directory.mkdir(parents=True, exist_ok=True)
        for package in packages:
            done = subprocess.run(
                ["dpkg-deb", "-x", str(self.fetch(package)), str(directory)],
                capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unreachable(f"{package}: {done.stderr.strip()}")

    def size_bytes(self) -> int:
        """What the cache takes."""
        return sum(path.lstat().st_size for path in self.cache.rglob("*"))
