# SPDX-License-Identifier: GPL-2.0-only
"""The two sides of a comparison: what each runs, and how cases pair up.

A word for OLD= or NEW= is tried by each of KINDS in turn; the first that
knows it makes a Side of it. Another kind of side, such as an engine that is
built on demand, is a function from the word and the Workshop to a Side, or
None, and a line in KINDS. This module runs git, the build and iopt-bench.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import kernel_build, kernel_source, names

ENGINE_KEY = "engine"

# Where a build directory has its program.
BENCH = Path("bench/iopt-bench")

# Objects that hold the revision, or options: nothing of them is timed.
_UNTIMED_OBJECTS = frozenset(("context.c.o", "main.c.o", "options.c.o"))


class BadSide(Exception):
    """A word that names nothing that can be compared; says what would."""


@dataclass(frozen=True)
class Side:
    """One side: a command line, its environment, and which cases are its.

    label: as tables name it
    bench: the iopt-bench that measures it
    engine: only cases of this engine word, which is then left out of the
        names that pair up; "" for all cases, paired by their whole names
    args: options of iopt-bench before all others
    environ: added to the environment of its processes
    revision: what it was built from, for the header
    commit: the whole id of that, "" where it is no commit of this suite
    code: a digest of the measured object code, "" when unknown; sides with
        the same digest and the same engine need no stopwatch
    """

    label: str
    bench: str
    engine: str = ""
    args: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    code: str = ""
    commit: str = ""

    def has(self, name: str) -> bool:
        """Is a case of iopt-bench one of this side's?"""
        return not self.engine or \
            names.parse(name).get(ENGINE_KEY) == self.engine

    def key(self, name: str) -> str:
        """What a case's name has in common with its partner's."""
        case = names.parse(name)
        return str(case.without(ENGINE_KEY) if self.engine else case)

    def command(self, *options: str) -> list[str]:
        """The command line of one process."""
        return [self.bench, *self.args, *options]

    def environment(self) -> dict[str, str]:
        """The whole environment of its processes."""
        return {**os.environ, **self.environ}

    def is_same_work(self, other: Side) -> bool:
        """Do both run the same machine code on the same cases?"""
        if (self.engine, self.args, dict(self.environ)) != \
                (other.engine, other.args, dict(other.environ)):
            return False
        return bool(self.code) and self.code == other.code


@dataclass(frozen=True)
class Workshop:
    """What the kinds of sides work with.

    root: this tree
    bench: its release build's iopt-bench
    kernel: a Linux repository whose revisions the words are, "" for none
    say: takes a line about what takes long
    """

    root: Path
    bench: Path
    kernel: str = ""
    say: Callable[[str], None] = print


def list_cases(side: Side, options: Sequence[str] = (),
               has_long: bool = True) -> dict[str, list[str]]:
    """A side's cases by family, those that take long only if asked for.

    Raises BadSide with its own words.
    """
    try:
        done = subprocess.run(side.command("--list", "--json", *options),
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, env=side.environment())
    except OSError as error:
        raise BadSide(f"{side.bench}: {error.strerror}") from error
    try:
        families = json.loads(done.stdout or "{}").get("families", [])
        found = {f["name"]: [c for c in f["cases"] if side.has(c) and
                             (has_long or c not in f.get("long", ()))]
                 for f in families}
    except (ValueError, KeyError, TypeError, AttributeError,
            names.BadName) as error:
        raise BadSide(f"{side.bench} --list --json printed no list of "
                      f"families: {error}") from error
    if done.returncode and not any(found.values()) and \
            "no case" not in done.stderr:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise BadSide(f"{side.bench} --list: exit {done.returncode}: "
                      f"{said[-1]}")
    return {name: cases for name, cases in found.items() if cases}


def can_plan(side: Side) -> bool:
    """Does its iopt-bench know --plan, which fixes what it repeats?"""
    done = subprocess.run([side.bench, "--help"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False,
                          env=side.environment())
    return "--plan" in done.stdout


def _run_git(root: Path, *args: str) -> str:
    """What git prints, "" when it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(root), *args],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def revision_of(root: Path) -> str:
    """What git calls a tree, "" outside a repository."""
    return _run_git(root, "describe", "--always", "--dirty", "--tags")


def commit_of(root: Path, word: str) -> str:
    """The whole id of the commit that a word names, "" when it names none."""
    if not word or word.startswith("-"):
        return ""
    return _run_git(root, "rev-parse", "--verify", "--quiet",
                    f"{word}^{{commit}}")


def _commit_of_tree(tree: Path) -> str:
    """The commit that a tree is, "" when it has changes to it."""
    return "" if revision_of(tree).endswith("-dirty") \
        else commit_of(tree, "HEAD")


def _timed_objects(build: Path) -> list[Path]:
    """The object files of a build directory that timed code comes from."""
    return sorted(path for part in ("src", "bench")
                  for path in (build / part).rglob("*.o")
                  if path.name not in _UNTIMED_OBJECTS)


def _object_bytes(build: Path, path: Path, stripped: Path) -> bytes:
    """What an object is made of: itself, or its source where it holds the
    path of the tree and so is another one in each tree."""
    data = stripped.read_bytes()
    source = path.parent.parent.relative_to(build) / path.stem
    if str(build.parent).encode() in data and \
            (build.parent / source).is_file():
        return (build.parent / source).read_bytes()
    return data


def code_digest(bench: Path) -> str:
    """A digest of the measured object code of an iopt-bench.

    Of the program of a build directory that is what is in its object files,
    without what names paths and lines; a revision in the program's text does
    not count. Of any other, such as a copy beside it, or one that is older
    than an object, it is the program itself. "" when it cannot be read.
    """
    build = bench.resolve().parent.parent
    digest = hashlib.sha256()
    try:
        objects = _timed_objects(build)
        if bench.resolve() != build / BENCH or not objects or \
                shutil.which("strip") is None or \
                bench.stat().st_mtime_ns < max(path.stat().st_mtime_ns
                                               for path in objects):
            digest.update(bench.read_bytes())
            return digest.hexdigest()
        with tempfile.TemporaryDirectory() as scratch:
            copies = [Path(scratch) / f"{i}.o" for i in range(len(objects))]
            for path, copy in zip(objects, copies):
                shutil.copyfile(path, copy)
            subprocess.run(["strip", "--strip-debug", *map(str, copies)],
                           check=True, capture_output=True)
            for path, copy in zip(objects, copies):
                digest.update(f"{path.relative_to(build)}\0".encode())
                digest.update(hashlib.sha256(
                    _object_bytes(build, path, copy)).digest())
    except (OSError, subprocess.CalledProcessError):
        return ""
    return digest.hexdigest()


def short_label(path: str) -> str:
    """A build by the name of its directory."""
    parts = [part for part in Path(path).parts
             if part not in ("bench", "iopt-bench", "/", ".", "..")]
    return parts[-1] if parts else path


def _kernel_info(word: str, shop: Workshop) -> kernel_build.Info | None:
    """The module that a word names, built if it is not; None when the word
    names no Linux tree."""
    modules = shop.root / "build/kernel"
    path = Path(word).expanduser()
    if shop.kernel and not word.startswith("-") and \
            _run_git(Path(shop.kernel).expanduser(), "rev-parse", "--verify",
                     "--quiet", f"{word}^{{commit}}"):
        spec = f"{shop.kernel}:{word}"
    elif info := next((info for info in kernel_build.built(modules)
                       if word == f"kernel-{info.label}"), None):
        return info
    elif word.startswith("debian:") or word.endswith(".tar.xz") or \
            (path / kernel_source.MAKEFILE).is_file() and \
            (path / "drivers/iommu").is_dir() or \
            ":" in word and Path(word.rpartition(":")[0]).expanduser().is_dir():
        spec = word
    else:
        return None
    try:
        return kernel_build.build_all(shop.root, modules, [spec])[0]
    except (kernel_build.BadBuild, kernel_source.BadSource, OSError) as error:
        raise BadSide(f"{spec}: {error}") from error


def kernel_side(word: str, shop: Workshop) -> Side | None:
    """A Linux tree's own io-pgtable-arm.c."""
    info = _kernel_info(word, shop)
    if info is None:
        return None
    made_of = [code_digest(shop.bench), info.digest, info.rule, info.cc,
               info.cflags, repr(info.features)]
    return Side(word, str(shop.bench), f"kernel-{info.label}",
                ("--kernel", info.module),
                revision=f"Linux {info.version} {info.revision}",
                code=hashlib.sha256("\0".join(made_of).encode()).hexdigest())


def program_side(word: str, shop: Workshop) -> Side | None:
    """A path: an iopt-bench, or a build directory that holds one."""
    path = Path(word).expanduser()
    for bench in (path, path / "bench/iopt-bench", path / "iopt-bench",
                  path / "build/bench/iopt-bench"):
        if bench.is_file() and os.access(bench, os.X_OK):
            tree = bench.resolve().parent.parent.parent
            return Side(short_label(word), str(bench.resolve()),
                        revision=revision_of(tree) or word,
                        code=code_digest(bench),
                        commit=_commit_of_tree(tree))
    if "/" in word and path.exists():
        raise BadSide(f"{word}: is no iopt-bench, and holds none")
    return None


def engine_side(word: str, shop: Workshop) -> Side | None:
    """An engine word of this build."""
    if not re.fullmatch(r"[0-9A-Za-z_.-]+", word) or not shop.bench.is_file():
        return None
    side = Side(word, str(shop.bench), engine=word,
                revision=revision_of(shop.root))
    if not list_cases(side, ["--full"]):
        return None
    return Side(word, str(shop.bench), engine=word, revision=side.revision,
                code=code_digest(shop.bench),
                commit=_commit_of_tree(shop.root))


def checkout(commit: str, shop: Workshop) -> Path:
    """A worktree of a revision below build/, built once and then kept.

    Raises BadSide when it cannot be checked out or does not build.
    """
    tree = shop.root / "build/revisions" / commit[:12]
    if not (tree / "scripts/build").is_file():
        shutil.rmtree(tree, ignore_errors=True)
        tree.parent.mkdir(parents=True, exist_ok=True)
        _run_git(shop.root, "worktree", "prune")
        done = subprocess.run(
            ["git", "-C", str(shop.root), "worktree", "add", "--force",
             "--detach", str(tree), commit], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False)
        if done.returncode:
            raise BadSide(f"{commit}: cannot be checked out: "
                          f"{done.stderr.strip().splitlines()[-1]}")
        shop.say(f"building revision {commit[:12]} in "
                 f"{tree.relative_to(shop.root)}")
    if not (tree / "scripts/build").is_file():
        raise BadSide(f"{commit}: has no scripts/build: older than the "
                      "first revision that can be compared")
    done = subprocess.run([str(tree / "scripts/build"), "release"],
                          cwd=tree, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise BadSide("\n".join([f"{commit}: does not build:", *said]))
    return tree


def revision_side(word: str, shop: Workshop) -> Side | None:
    """A git revision of this suite, built in a worktree of its own."""
    commit = commit_of(shop.root, word)
    if not commit:
        return None
    bench = checkout(commit, shop) / "build/bench/iopt-bench"
    if not bench.is_file():
        raise BadSide(f"{word}: its build has no bench/iopt-bench")
    described = _run_git(shop.root, "describe", "--always", "--tags", commit)
    label = word[:12] if word == commit else word
    return Side(label, str(bench), revision=described or commit[:12],
                code=code_digest(bench), commit=commit)


Kind = Callable[[str, Workshop], "Side | None"]

# In this order: with KERNEL= a word is a revision of that; then an engine word
# comes before a branch of the same name.
KINDS: list[tuple[str, Kind]] = [
    ("a Linux tree (or, with KERNEL=, a revision of it)", kernel_side),
    ("an engine of this build", engine_side),
    ("a path of an iopt-bench or build directory", program_side),
    ("a git revision of this suite", revision_side),
]


def resolve(word: str, shop: Workshop) -> Side:
    """The side that a word names; raises BadSide when it is none."""
    for _, kind in KINDS:
        side = kind(word, shop)
        if side is not None:
            if not can_plan(side):
                raise BadSide(f"{word}: its iopt-bench has no --plan, so both "
                              "sides cannot be made to repeat alike: it is "
                              "older than that option")
            return side
    raise BadSide(f"{word!r} is neither "
                  + ", nor ".join(title for title, _ in KINDS))


def pair_up(old: Side, old_cases: Sequence[str], new: Side,
            new_cases: Sequence[str]) \
        -> tuple[dict[str, tuple[str, str]], list[str], list[str]]:
    """The names of both sides by what they share, and those of old and of
    new that have no partner."""
    olds = {old.key(name): name for name in old_cases}
    news = {new.key(name): name for name in new_cases}
    pairs = {key: (name, news[key]) for key, name in olds.items()
             if key in news}
    return (pairs, [n for k, n in olds.items() if k not in news],
            [n for k, n in news.items() if k not in olds])
