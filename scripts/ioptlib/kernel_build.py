# SPDX-License-Identifier: GPL-2.0-only
"""Build the needed files of a Linux tree as a module of the suite.

What a tree needs is found by looking at it: which files there are, what its
headers declare. Each tree gives a module and its counted twin; an object is
compiled again only when something that goes into it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ioptlib import kernel_source
from ioptlib.kernel_source import Tree

COMPILE_TIMEOUT_S = 300

# As the kernel is compiled, as far as it decides code, and aligned like the
# engines of the suite: a loop that crosses a cache line costs up to half more.
KERNEL_FLAGS = (
    "-std=gnu11", "-O2", "-fno-strict-aliasing", "-fno-strict-overflow",
    "-fno-common", "-fno-delete-null-pointer-checks", "-fno-stack-protector",
    "-falign-functions=64", "-falign-loops=64",
)
MODULE_FLAGS = ("-g", "-fPIC", "-fvisibility=hidden", "-D_GNU_SOURCE",
                "-DCONFIG_IOMMU_IO_PGTABLE_LPAE")
# Loops stay loops in the counted twin: every store must be seen as one.
COUNTED_FLAGS = ("-fsanitize=thread", "-O1", "-fno-builtin",
                 "-fno-tree-loop-distribute-patterns", "-fno-tree-vectorize")
# A kernel's warnings are its own affair; an unknown function is ours.
WARNING_FLAGS = ("-Werror=implicit-function-declaration",)

ARM = "drivers/iommu/io-pgtable-arm.c"
V7S = "drivers/iommu/io-pgtable-arm-v7s.c"
CORE = "drivers/iommu/io-pgtable.c"
PAGES = "drivers/iommu/iommu-pages.c"
KUNIT = "drivers/iommu/io-pgtable-arm-selftests.c"
API = "include/linux/io-pgtable.h"

# The drivers whose invalidation the suite models, from the version on that has
# what they do: 7.3's came with the array of invalidations (587bb3e56a2c).
RULES = ((7, 1, "7.3"), (6, 12, "6.12"), (0, 0, "6.1"))


class BadBuild(Exception):
    """A tree does not build; the text says what is missing and where."""


@dataclass(frozen=True)
class Features:
    """What a tree has, as found in its files."""

    v7s: bool
    pages: bool
    custom_alloc: bool
    selftest: str  # "initcall", "kunit" or ""


@dataclass(frozen=True)
class Info:
    """A module that was built; kept beside it as info.json."""

    label: str
    version: str
    revision: str
    spec: str
    digest: str
    rule: str
    cc: str
    cflags: str
    module: str
    bytes: int
    features: Features


@dataclass(frozen=True)
class Unit:
    """A file to compile, and what it is compiled with beside the rest."""

    source: Path
    object: Path
    flags: tuple[str, ...]


def features_of(tree: Tree) -> Features:
    """What the files of a tree tell."""
    def text(name: str) -> str:
        return tree.files.get(name, b"").decode("utf-8", "replace")

    selftest = ""
    if "CONFIG_IOMMU_IO_PGTABLE_LPAE_SELFTEST" in text(ARM):
        selftest = "initcall"
    elif KUNIT in tree.files:
        selftest = "kunit"
    return Features(
        v7s=V7S in tree.files,
        pages=PAGES in tree.files,
        custom_alloc=bool(re.search(r"\(\s*\*\s*alloc\s*\)\s*\(\s*void\s*\*"
                                    r"\s*cookie", text(API))),
        selftest=selftest)


def rule_of(version: str) -> str:
    """The modelled driver that goes with a version."""
    found = re.match(r"(\d+)\.(\d+)", version)
    at = (int(found[1]), int(found[2])) if found else (0, 0)
    return next(rule for major, minor, rule in RULES if at >= (major, minor))


def compiler_name(cc: Sequence[str]) -> str:
    """A compiler with its version, in a few words."""
    try:
        done = subprocess.run([*cc, "--version"], capture_output=True,
                              text=True, timeout=60, check=False)
    except OSError as error:
        raise BadBuild(f"{cc[0]}: {error.strerror}") from error
    if done.returncode or not done.stdout:
        raise BadBuild(f"{cc[0]}: is no compiler")
    return done.stdout.splitlines()[0]


def compiles(cc: Sequence[str], flags: Sequence[str]) -> bool:
    """Does a compiler take flags?"""
    done = subprocess.run([*cc, "-Werror", *flags, "-x", "c", "-c",
                           os.devnull, "-o", os.devnull],
                          capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def supported(cc: Sequence[str], flags: Sequence[str]) -> tuple[str, ...]:
    """Those of the flags that a compiler knows; mostly that is all."""
    if compiles(cc, flags):
        return tuple(flags)
    return tuple(flag for flag in flags if compiles(cc, [flag]))


def write_changed(path: Path, data: bytes) -> None:
    """Write a file unless it has this content, so that its time stays."""
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def extract(tree: Tree, into: Path) -> None:
    """The files of a tree below a folder, and no others."""
    for path in list(into.rglob("*")) if into.is_dir() else []:
        if path.is_file() and str(path.relative_to(into)) not in tree.files:
            path.unlink()
    for name, data in tree.files.items():
        write_changed(into / name, data)


# What compilers say of a name that the shim lacks, and what kind of name it is.
MISSING = (
    (re.compile(r"fatal error: '?([\w/.-]+\.h)'?(?: file not found|: No such)"),
     "header"),
    (re.compile(r"implicit declaration of function '(\w+)'"), "function"),
    (re.compile(r"call to undeclared function '(\w+)'"), "function"),
    (re.compile(r"'(\w+)' undeclared"), "name"),
    (re.compile(r"use of undeclared identifier '(\w+)'"), "name"),
    (re.compile(r"unknown type name '(\w+)'"), "type"),
    (re.compile(r"has no member named '(\w+)'"), "member"),
    (re.compile(r"no member named '(\w+)'"), "member"),
    (re.compile(r"undefined reference to [`'](\w+)'"), "function"),
    (re.compile(r"undefined symbol: (\w+)"), "function"),
)
PLACE = re.compile(r"^(?:/usr/bin/ld: )?(\S+?):(\d+)?")


def missing_text(said: str, tree_dir: Path) -> str:
    """What the shim lacks, in a line; "" when that is not what was said."""
    for line in said.splitlines():
        for pattern, kind in MISSING:
            found = pattern.search(line)
            if not found:
                continue
            place = PLACE.match(line)
            wants = place[0].removeprefix(f"{tree_dir}/").rstrip(":") \
                if place else "the link"
            if kind == "header":
                where = f"add src/kernel/shim/{found[1]}"
            else:
                where = ("declare it in the header below src/kernel/shim/linux/"
                         " that stands for the one that declares it in Linux")
            return (f"{found[1]}: the shim has no such {kind}; {wants} wants "
                    f"it; {where} (docs/kernel-engine.md)")
    return ""


class Builder:
    """Builds modules of trees into a folder each."""

    def __init__(self, root: Path, out: Path, cc: str = "",
                 cflags: str = "") -> None:
        self._root = root
        self._out = out
        self._cc = tuple(shlex.split(cc or os.environ.get("CC") or "cc"))
        self._extra = tuple(shlex.split(cflags))
        self._cc_name = compiler_name(self._cc)
        self._flags = supported(self._cc, KERNEL_FLAGS)
        self._counted = supported(self._cc, COUNTED_FLAGS)

    def folder(self, tree: Tree) -> Path:
        """Where a tree is built."""
        return self._out / tree.label

    def _includes(self, tree_dir: Path) -> list[str]:
        src = self._root / "src"
        return [f"-I{path}" for path in (
            src / "kernel/shim", tree_dir / "include", src / "kernel",
            src / "base", src / "inval", src / "pgtable")]

    def _shared_digest(self, tree: Tree) -> str:
        """Of all headers that a unit may include."""
        total = hashlib.sha256()
        src = self._root / "src"
        headers = sorted([*(src / "kernel/shim").rglob("*.h"),
                          src / "kernel/kmodule.h", *src.glob("base/*.h"),
                          *src.glob("inval/*.h"), src / "pgtable/pte_count.h"])
        for path in headers:
            total.update(str(path).encode())
            total.update(path.read_bytes())
        for name in sorted(tree.files):
            if name.endswith(".h"):
                total.update(tree.files[name])
        return total.hexdigest()

    def _compile(self, unit: Unit, tree_dir: Path, shared: str) -> bool:
        """Compile what has changed; was there anything to do?"""
        command = [*self._cc, *unit.flags, *self._includes(tree_dir), "-c",
                   str(unit.source), "-o", str(unit.object)]
        stamp = unit.object.with_suffix(".stamp")
        wanted = hashlib.sha256("\0".join(
            [*command, self._cc_name, shared]).encode()
            + unit.source.read_bytes()).hexdigest()
        if unit.object.is_file() and stamp.is_file() \
                and stamp.read_text("utf-8") == wanted:
            return False
        unit.object.parent.mkdir(parents=True, exist_ok=True)
        self._run(command, tree_dir)
        stamp.write_text(wanted, "utf-8")
        return True

    @staticmethod
    def _run(command: list[str], tree_dir: Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=COMPILE_TIMEOUT_S, check=False,
                              env={**os.environ, "LC_ALL": "C"})
        if not done.returncode:
            return
        missing = missing_text(done.stderr, tree_dir)
        if missing:
            raise BadBuild(missing)
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        raise BadBuild((errors or [f"{command[0]} failed"])[0].removeprefix(
            f"{tree_dir}/"))

    def _identity_flags(self, tree: Tree) -> tuple[str, ...]:
        """What the door says of the tree."""
        texts = {"LABEL": tree.label, "VERSION": tree.version,
                 "REVISION": tree.revision, "RULE": rule_of(tree.version),
                 "CC": self._cc_name, "CFLAGS": self.cflags}
        return tuple(f"-DKMODULE_{key}={json.dumps(value)}"
                     for key, value in texts.items())

    @property
    def cflags(self) -> str:
        """What decides the code of a module."""
        return " ".join((*self._flags, *self._extra))

    def _base_flags(self, tree: Tree, features: Features) -> tuple[str, ...]:
        """What all units of a tree are compiled with."""
        has = (*(("-DCONFIG_IOMMU_IO_PGTABLE_ARMV7S",) if features.v7s
                 else ()),
               *(("-DSHIM_HAS_CUSTOM_ALLOC",) if features.custom_alloc
                 else ()))
        return (*self._flags, *self._extra, *MODULE_FLAGS, *has,
                f"-fmacro-prefix-map={self.folder(tree) / 'tree'}/=")

    def _units(self, tree: Tree, features: Features,
               counted: bool) -> list[Unit]:
        folder = self.folder(tree)
        objects = folder / ("counted" if counted else "timed")
        base = self._base_flags(tree, features)
        kernel = (*base, *WARNING_FLAGS, *(self._counted if counted else ()))
        names = [ARM, CORE, *([V7S] if features.v7s else []),
                 *([PAGES] if features.pages else [])]
        units = [Unit(folder / "tree" / name,
                      objects / (Path(name).name + ".o"), kernel)
                 for name in names]
        shim = self._root / "src/kernel/shim"
        ours = (*base, "-Wall", "-Wextra", "-Werror")
        door = (*ours, *self._identity_flags(tree),
                *(("-DKMODULE_COUNTED",) if counted else ()))
        units.append(Unit(shim / "kmodule.c", objects / "kmodule.o", door))
        if counted:
            units += [Unit(path, objects / f"{path.stem}.o", ours)
                      for path in (shim / "counted.c",
                                   self._root / "src/pgtable/pte_hooks.c")]
        return units

    def _selftest_units(self, tree: Tree, features: Features) -> list[Unit]:
        """The tree with its own tests in it."""
        folder = self.folder(tree)
        objects = folder / "selftest"
        base = self._base_flags(tree, features)
        kernel = (*base, *WARNING_FLAGS)
        ours = (*base, "-Wall", "-Wextra", "-Werror", "-DSHIM_SELFTEST")
        tests = {
            ARM: ("-DCONFIG_IOMMU_IO_PGTABLE_LPAE_SELFTEST",
                  "-DSHIM_INITCALL=shim_initcall_arm"),
            V7S: ("-DCONFIG_IOMMU_IO_PGTABLE_ARMV7S_SELFTEST",
                  "-DSHIM_INITCALL=shim_initcall_v7s"),
        }
        names = [name for name in (ARM, CORE, V7S, PAGES, KUNIT)
                 if name in tree.files]
        shim = self._root / "src/kernel/shim"
        return [*(Unit(folder / "tree" / name,
                       objects / (Path(name).name + ".o"),
                       (*kernel, *tests.get(name, ()))) for name in names),
                Unit(shim / "selftest.c", objects / "selftest.o", ours),
                Unit(shim / "kmodule.c", objects / "kmodule.o",
                     (*ours, *self._identity_flags(tree)))]

    def build_selftest(self, tree: Tree) -> Path:
        """A module of a tree that can run the tree's own tests."""
        folder = self.folder(tree)
        tree_dir = folder / "tree"
        features = features_of(tree)
        if not features.selftest:
            raise BadBuild(f"{tree.spec}: brings no selftests of "
                           "io-pgtable-arm.c")
        extract(tree, tree_dir)
        shared = self._shared_digest(tree)
        units = self._selftest_units(tree, features)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(lambda unit: self._compile(unit, tree_dir, shared),
                          units))
        module = folder / "kernel.selftest.so"
        self._link(module, units, tree_dir)
        return module

    def _link(self, module: Path, units: Sequence[Unit],
              tree_dir: Path) -> None:
        fresh = module.with_name(module.name + ".new")
        self._run([*self._cc, "-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs",
                   *(str(unit.object) for unit in units), "-o", str(fresh)],
                  tree_dir)
        # A process may have the old one open.
        fresh.replace(module)

    def build(self, tree: Tree) -> Info:
        """Build a tree's module and twin, as far as they are not there."""
        folder = self.folder(tree)
        tree_dir = folder / "tree"
        features = features_of(tree)
        extract(tree, tree_dir)
        shared = self._shared_digest(tree)
        module = folder / "kernel.so"
        sides = [(module, self._units(tree, features, False)),
                 (folder / "kernel.counted.so",
                  self._units(tree, features, True))]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            done = list(pool.map(
                lambda unit: self._compile(unit, tree_dir, shared),
                [unit for _, units in sides for unit in units]))
            is_new = iter(done)
            stale = [side for side in sides
                     if any([next(is_new) for _ in side[1]])
                     or not side[0].is_file()]
            list(pool.map(lambda side: self._link(side[0], side[1], tree_dir),
                          stale))
        info = Info(tree.label, tree.version, tree.revision, tree.spec,
                    tree.digest, rule_of(tree.version), self._cc_name,
                    self.cflags, str(module), module.stat().st_size, features)
        write_changed(folder / "info.json",
                      (json.dumps(asdict(info), indent=1) + "\n").encode())
        return info


def load_all(out: Path, specs: Sequence[str], label: str = "") -> list[Tree]:
    """The trees that words name; a label goes with one alone."""
    trees = [kernel_source.load(spec, out / ".unpacked") for spec in specs]
    if label:
        trees = [replace(tree, label=kernel_source.as_label(label))
                 for tree in trees]
    return trees


def build_all(root: Path, out: Path, specs: Sequence[str], label: str = "",
              cc: str = "", cflags: str = "") -> list[Info]:
    """Build each tree that a word names.

    Two trees may be of one version: without a label that was asked for, the
    one that comes later has its digest in its name.
    """
    builder = Builder(root, out, cc, cflags)
    infos = []
    for tree in load_all(out, specs, label):
        owner = next((info.spec for info in built(out)
                      if info.label == tree.label), tree.spec)
        if not label and owner != tree.spec:
            tree = replace(tree, label=f"{tree.label}-{tree.digest[:6]}")
        infos.append(builder.build(tree))
    return infos


def info_of(data: Mapping[str, object]) -> Info:
    """An info.json as a record."""
    fields = dict(data)
    fields["features"] = Features(**fields["features"])  # type: ignore[arg-type]
    return Info(**fields)  # type: ignore[arg-type]


def built(out: Path) -> list[Info]:
    """Every module that is there, by label."""
    infos = []
    for path in sorted(out.glob("*/info.json")):
        if not (path.parent / "kernel.so").is_file():
            continue
        try:
            infos.append(info_of(json.loads(path.read_text("utf-8"))))
        except (ValueError, TypeError, KeyError):
            continue  # of another version of the suite: as if not built
    return infos
