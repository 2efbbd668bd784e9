# SPDX-License-Identifier: GPL-2.0-only
"""Where a Linux tree comes from, and the few files of it that are needed.

A source is named by one word: a checked-out tree, REPOSITORY:REV, a
linux-*.tar.xz, or debian:VERSION. Nothing of it is changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MAKEFILE = "Makefile"
REQUIRED = (
    MAKEFILE,
    "drivers/iommu/io-pgtable-arm.c",
    "drivers/iommu/io-pgtable-arm.h",
    "drivers/iommu/io-pgtable.c",
    "include/linux/io-pgtable.h",
)
OPTIONAL = (
    "drivers/iommu/io-pgtable-arm-selftests.c",
    "drivers/iommu/io-pgtable-arm-v7s.c",
    "drivers/iommu/iommu-pages.c",
    "drivers/iommu/iommu-pages.h",
)
FILES = REQUIRED + OPTIONAL

BACKPORTS = ("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
             "http://deb.debian.org/debian trixie-backports main\n")
DOWNLOAD_TIMEOUT_S = 900
UNPACK_TIMEOUT_S = 600
GIT_TIMEOUT_S = 120


class BadSource(Exception):
    """A tree, a revision or a file is not to be had; the text names it."""


@dataclass(frozen=True)
class Tree:
    """The needed files of a tree.

    label: for the engine's name; version: as its Makefile has it; revision:
    a commit or a package; files: text by path.
    """

    spec: str
    label: str
    version: str
    revision: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Short hash of the files: the same for the same code."""
        total = hashlib.sha256()
        for name in sorted(self.files):
            total.update(f"{name}\0{len(self.files[name])}\0".encode())
            total.update(self.files[name])
        return total.hexdigest()[:12]


def as_label(text: str) -> str:
    """Text as a part of an engine's name."""
    return re.sub(r"[^0-9A-Za-z.-]", "_", text).strip("._-") or "tree"


def makefile_version(text: str) -> str:
    """The version that a kernel's Makefile sets, "" if it sets none."""
    found: dict[str, str] = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)"
                            r"[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))
    if not found.get("VERSION") or not found.get("PATCHLEVEL"):
        return ""
    version = f"{found['VERSION']}.{found['PATCHLEVEL']}"
    if found.get("SUBLEVEL"):
        version += f".{found['SUBLEVEL']}"
    return version + found.get("EXTRAVERSION", "")


def run(command: list[str], timeout_s: float,
        env: Mapping[str, str] | None = None) -> bytes:
    """What a command prints; BadSource with its last line when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, check=False,
                              timeout=timeout_s, stdin=subprocess.DEVNULL,
                              env={**os.environ, **(env or {})})
    except FileNotFoundError as error:
        raise BadSource(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise BadSource(f"{command[0]} took more than {timeout_s:.0f} s"
                        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BadSource(f"{command[0]}: {said[-1] if said else 'failed'}")
    return done.stdout


def complete(spec: str, label: str, revision: str,
             files: Mapping[str, bytes]) -> Tree:
    """A tree of these files; BadSource names the first one that is missing."""
    for name in REQUIRED:
        if name not in files:
            raise BadSource(f"{spec}: has no {name}")
    version = makefile_version(files[MAKEFILE].decode("utf-8", "replace"))
    if not version:
        raise BadSource(f"{spec}: its Makefile sets no VERSION and PATCHLEVEL; "
                        "is it a Linux tree?")
    return Tree(spec, as_label(label or version), version, revision,
                dict(files))


def git(repository: Path, *args: str) -> bytes:
    """git in a repository, a bare one or one with a working tree."""
    return run(["git", "-C", str(repository), *args], GIT_TIMEOUT_S)


def from_directory(spec: str, path: Path) -> Tree:
    """A checked-out tree as it lies there, changes and all."""
    files = {name: (path / name).read_bytes() for name in FILES
             if (path / name).is_file()}
    revision, label = "no revision", ""
    try:
        git(path, "ls-files", "--error-unmatch", "--", MAKEFILE)
        revision = git(path, "rev-parse", "--short=12", "HEAD").decode().strip()
        dirty = git(path, "status", "--porcelain", "--", *FILES)
    except BadSource:
        return complete(spec, label, revision, files)
    tree = complete(spec, label, revision, files)
    if dirty:
        return complete(spec, f"{tree.version}-dirty", f"{revision}-dirty",
                        files)
    return tree


def from_git(spec: str, repository: Path, rev: str) -> Tree:
    """A revision of a repository; its working tree is not looked at."""
    try:
        commit = git(repository, "rev-parse", "--verify", "--quiet",
                     "--end-of-options", f"{rev}^{{commit}}").decode().strip()
    except BadSource as error:
        raise BadSource(f"{spec}: {repository} has no revision {rev}"
                        ) from error
    there = git(repository, "ls-tree", "-r", "--name-only", "--full-tree",
                commit, "--", *FILES).decode().splitlines()
    files = {name: git(repository, "show", f"{commit}:{name}")
             for name in there}
    return complete(spec, rev, commit[:12], files)


def unpack(reading: list[str], spec: str, into: Path) -> dict[str, bytes]:
    """The needed files out of the .tar.xz that a command prints."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    patterns = [f"*/{name}" for name in FILES]
    tar = ["tar", "-x", "-J", "-f", "-", "-C", str(into),
           "--strip-components=1", "--wildcards",
           "--no-wildcards-match-slash", *patterns]
    with subprocess.Popen(reading, stdout=subprocess.PIPE) as reader:
        # What is optional may be missing: tar then ends with an error.
        done = subprocess.run(tar, stdin=reader.stdout, capture_output=True,
                              timeout=UNPACK_TIMEOUT_S, check=False)
    files = {name: (into / name).read_bytes() for name in FILES
             if (into / name).is_file()}
    if not files:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BadSource(f"{spec}: no Linux tree in it"
                        + (f" (tar: {said[-1]})" if said else ""))
    return files


def identity(path: Path) -> str:
    """A file by what tells that it has changed."""
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


def from_archive(spec: str, path: Path, label: str, revision: str,
                 member: str, work: Path) -> Tree:
    """A linux-*.tar.xz, or the one in a package; unpacked only once."""
    into = work / as_label(path.name)
    stamp = into / ".identity"
    if stamp.is_file() and stamp.read_text("utf-8") == identity(path):
        files = {name: (into / name).read_bytes() for name in FILES
                 if (into / name).is_file()}
    elif member:
        script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -O -f - "$2"'
        files = unpack(["sh", "-c", script, "sh", str(path), member], spec,
                       into)
    else:
        files = unpack(["cat", str(path)], spec, into)
    stamp.write_text(identity(path), "utf-8")
    return complete(spec, label, revision, files)


def cache_dir() -> Path:
    """Where packages are kept: $IOPT_CACHE, or below the user's cache."""
    named = os.environ.get("IOPT_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "iopt-bench"


def cache_text(cache: Path) -> str:
    """How large the cache is."""
    sizes = [path.stat().st_size for path in cache.rglob("*")
             if path.is_file()]
    return f"{cache} holds {len(sizes)} files, {sum(sizes) >> 20}M"


def private_apt(cache: Path) -> dict[str, str]:
    """An apt configuration of our own with trixie-backports in it."""
    home = cache / "apt"
    for name in ("lists/partial", "archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "sources.list").write_text(BACKPORTS, "utf-8")
    (home / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{home}/sources.list";\n'
        'Dir::Etc::sourceparts "/dev/null";\n'
        f'Dir::State::lists "{home}/lists";\n'
        f'Dir::Cache "{home}";\n', "utf-8")
    return {"APT_CONFIG": str(home / "apt.conf")}


def apt_knows(package: str, env: Mapping[str, str]) -> bool:
    """Has a configured suite this package?"""
    try:
        return bool(run(["apt-cache", "--quiet", "show", package],
                        GIT_TIMEOUT_S, env))
    except BadSource:
        return False


def newest(paths: Iterable[Path]) -> Path | None:
    """The file changed last."""
    by_time = sorted(paths, key=lambda path: path.stat().st_mtime_ns)
    return by_time[-1] if by_time else None


def download(package: str, cache: Path) -> Path:
    """The package file, from the configured suites or from backports."""
    env: Mapping[str, str] = {}
    if not apt_knows(package, env):
        env = private_apt(cache)
        if not apt_knows(package, env):
            run(["apt-get", "-q", "update"], DOWNLOAD_TIMEOUT_S, env)
        if not apt_knows(package, env):
            raise BadSource(f"no package {package} in the configured suites "
                            "or in trixie-backports")
    where = cache / "packages"
    where.mkdir(parents=True, exist_ok=True)
    run(["sh", "-c", 'cd "$1" && exec apt-get -q -y '
         '-o APT::Sandbox::User=root download "$2"', "sh", str(where), package],
        DOWNLOAD_TIMEOUT_S, env)
    found = newest(where.glob(f"{package}_*.deb"))
    if not found:
        raise BadSource(f"apt-get downloaded no {package}")
    return found


def from_debian(spec: str, version: str, work: Path, cache: Path) -> Tree:
    """The distribution's package of a kernel's source."""
    if not re.fullmatch(r"\d+\.\d+", version):
        raise BadSource(f"{spec}: want a version as debian:6.12")
    package = f"linux-source-{version}"
    deb = newest((cache / "packages").glob(f"{package}_*.deb")) \
        or download(package, cache)
    revision = "_".join(deb.stem.split("_")[:2]).replace("%3a", ":")
    return from_archive(spec, deb, version, revision,
                        f"./usr/src/{package}.tar.xz", work)


def load(spec: str, work: Path, cache: Path | None = None) -> Tree:
    """The tree that a word names; work is for what has to be unpacked."""
    if spec.startswith("debian:"):
        return from_debian(spec, spec.removeprefix("debian:"), work,
                           cache or cache_dir())
    path = Path(spec).expanduser()
    if path.is_dir():
        if (path / MAKEFILE).is_file():
            return from_directory(spec, path)
        raise BadSource(f"{spec}: has no {MAKEFILE}; of a bare repository "
                        f"name a revision, {spec}:REV")
    if path.is_file():
        return from_archive(spec, path,
                            re.sub(r"^linux-|\.tar\.xz$", "", path.name),
                            path.name, "", work)
    repository, colon, rev = spec.rpartition(":")
    if not colon or not Path(repository).expanduser().is_dir():
        raise BadSource(f"{spec}: no such tree; want a folder, "
                        "REPOSITORY:REV, a linux-*.tar.xz or debian:6.12")
    if not rev:
        raise BadSource(f"{spec}: a revision is wanted behind the colon")
    return from_git(spec, Path(repository).expanduser(), rev)
