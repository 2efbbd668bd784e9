# SPDX-License-Identifier: GPL-2.0-only
"""Linux trees as sources, and what is said when one does not build.

The trees here are made up: a few lines under the names that a kernel has.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
from conftest import ROOT
from ioptlib import kernel_build, kernel_source
from ioptlib.kernel_build import BadBuild, Builder
from ioptlib.kernel_source import BadSource

MAKEFILE = ("VERSION = 6\nPATCHLEVEL = 99\nSUBLEVEL = 3\n"
            "EXTRAVERSION = -rc1\nNAME = Made up\n")


def make_tree(path: Path, arm: str = "int arm;\n") -> Path:
    """A tree with the files that must be there."""
    for name in kernel_source.REQUIRED:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("int empty;\n")
    (path / "Makefile").write_text(MAKEFILE)
    (path / kernel_build.ARM).write_text(arm)
    return path


def git(path: Path, *args: str) -> str:
    """git with an author, in a repository."""
    return subprocess.run(
        ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=e",
         *args], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(name="repository")
def fixture_repository(tmp_path: Path) -> Path:
    """A repository with two revisions, the first one tagged v6.99."""
    path = make_tree(tmp_path / "linux", "int first;\n")
    git(path, "init", "-q")
    git(path, "add", ".")
    git(path, "commit", "-qm", "one")
    git(path, "tag", "v6.99")
    (path / kernel_build.ARM).write_text("int second;\n")
    git(path, "commit", "-qam", "two")
    return path


def arm_of(tree: kernel_source.Tree) -> str:
    """The file that it is all about."""
    return tree.files[kernel_build.ARM].decode()


@pytest.mark.parametrize("text, version", [
    (MAKEFILE, "6.99.3-rc1"),
    ("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION =\n", "7.3.0"),
    ("VERSION = 7\nPATCHLEVEL = 3\n", "7.3"),
    ("all:\n\techo VERSION = 7\n", ""),
])
def test_version(text: str, version: str) -> None:
    assert kernel_source.makefile_version(text) == version


@pytest.mark.parametrize("version, rule", [
    ("5.15.1", "6.1"), ("6.1.192", "6.1"), ("6.11.9", "6.1"),
    ("6.12.0", "6.12"), ("6.18.2", "6.12"), ("7.0.9", "6.12"),
    ("7.1.0-rc1", "7.3"),
    ("12.1", "7.3"), ("", "6.1"),
])
def test_rule(version: str, rule: str) -> None:
    assert kernel_build.rule_of(version) == rule


def test_folder(tmp_path: Path) -> None:
    tree = kernel_source.load(str(make_tree(tmp_path / "t")), tmp_path)
    assert (tree.label, tree.version, tree.revision) == (
        "6.99.3-rc1", "6.99.3-rc1", "no revision")
    assert set(tree.files) == set(kernel_source.REQUIRED)


def test_only_what_is_needed(tmp_path: Path) -> None:
    path = make_tree(tmp_path / "t")
    (path / "drivers/iommu/iommu.c").write_text("int other;\n")
    assert "drivers/iommu/iommu.c" not in kernel_source.load(
        str(path), tmp_path).files


def test_revision_leaves_the_working_tree(repository: Path) -> None:
    (repository / kernel_build.ARM).write_text("int changed;\n")
    tree = kernel_source.load(f"{repository}:v6.99", repository)
    assert arm_of(tree) == "int first;\n"
    assert tree.label == "v6.99"
    assert tree.revision == git(repository, "rev-parse", "v6.99")[:12]
    assert (repository / kernel_build.ARM).read_text() == "int changed;\n"


def test_dirty_is_named(repository: Path) -> None:
    clean = kernel_source.load(str(repository), repository)
    assert clean.label == "6.99.3-rc1"
    assert clean.revision == git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / "README").write_text("no file that is taken\n")
    assert kernel_source.load(str(repository), repository) == clean
    (repository / kernel_build.ARM).write_text("int changed;\n")
    tree = kernel_source.load(str(repository), repository)
    assert tree.label == "6.99.3-rc1-dirty"
    assert tree.revision == clean.revision + "-dirty"
    assert tree.digest != clean.digest


def test_bare_repository(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    assert arm_of(kernel_source.load(f"{bare}:HEAD", tmp_path)) \
        == "int second;\n"
    with pytest.raises(BadSource, match="of a bare repository name a rev"):
        kernel_source.load(str(bare), tmp_path)


def test_archive(tmp_path: Path) -> None:
    make_tree(tmp_path / "linux-6.99.3", "int packed;\n")
    archive = tmp_path / "linux-6.99.3.tar.xz"
    subprocess.run(["tar", "-C", str(tmp_path), "-cJf", str(archive),
                    "linux-6.99.3"], check=True)
    work = tmp_path / "work"
    tree = kernel_source.load(str(archive), work)
    assert (tree.label, arm_of(tree)) == ("6.99.3", "int packed;\n")
    again = kernel_source.load(str(archive), work)
    assert again == tree


def test_archive_that_changed_is_unpacked_again(tmp_path: Path) -> None:
    archive = tmp_path / "linux-6.99.3.tar.xz"
    for text in ("int one;\n", "int other;\n"):
        make_tree(tmp_path / "linux-6.99.3", text)
        subprocess.run(["tar", "-C", str(tmp_path), "-cJf", str(archive),
                        "linux-6.99.3"], check=True)
        tree = kernel_source.load(str(archive), tmp_path / "work")
        assert arm_of(tree) == text


@pytest.mark.parametrize("spec, said", [
    ("{tmp}/nothing", "no such tree"),
    ("{tmp}/linux:", "a revision is wanted"),
    ("{tmp}/linux:nope", "has no revision nope"),
    ("{tmp}/linux:--all", "has no revision --all"),
    ("{tmp}/work.xz", "no Linux tree in it"),
    ("debian:new", "want a version as debian:6.12"),
])
def test_no_source(repository: Path, spec: str, said: str) -> None:
    tmp = repository.parent
    (tmp / "work.xz").write_text("no archive\n")
    with pytest.raises(BadSource, match=said):
        kernel_source.load(spec.format(tmp=tmp), tmp / "work")


@pytest.mark.parametrize("name", kernel_source.REQUIRED[1:])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    path = make_tree(tmp_path / "t")
    (path / name).unlink()
    with pytest.raises(BadSource, match=f"has no {name}"):
        kernel_source.load(str(path), tmp_path)


def test_features() -> None:
    files = {kernel_build.ARM: b"", kernel_build.API: b""}
    plain = kernel_source.Tree("", "", "", "", files)
    assert kernel_build.features_of(plain) == kernel_build.Features(
        v7s=False, pages=False, custom_alloc=False, selftest="")
    rich = kernel_source.Tree("", "", "", "", {
        **files, kernel_build.V7S: b"", kernel_build.PAGES: b"",
        kernel_build.KUNIT: b"",
        kernel_build.API: b"void *(*alloc)(void *cookie, size_t size);"})
    assert kernel_build.features_of(rich) == kernel_build.Features(
        v7s=True, pages=True, custom_alloc=True, selftest="kunit")


@pytest.mark.parametrize("arm, said", [
    ("#include <linux/nonesuch.h>\n",
     "linux/nonesuch.h: the shim has no such header; "
     "drivers/iommu/io-pgtable-arm.c:1 wants it; "
     "add src/kernel/shim/linux/nonesuch.h"),
    ("int f(void);\nint f(void)\n{\n\treturn iommu_frob(1);\n}\n",
     "iommu_frob: the shim has no such function; "
     "drivers/iommu/io-pgtable-arm.c:4 wants it"),
    ("iommu_frob_t frob;\n",
     "iommu_frob_t: the shim has no such type; "
     "drivers/iommu/io-pgtable-arm.c:1 wants it"),
    ("int broken(;\n", "drivers/iommu/io-pgtable-arm.c:1:"),
])
def test_what_the_shim_lacks_is_named(tmp_path: Path, arm: str,
                                      said: str) -> None:
    tree = kernel_source.load(str(make_tree(tmp_path / "t", arm)), tmp_path)
    with pytest.raises(BadBuild) as caught:
        Builder(ROOT, tmp_path / "out").build(tree)
    assert str(caught.value).startswith(said)


def test_no_compiler(tmp_path: Path) -> None:
    with pytest.raises(BadBuild, match="no-such-cc"):
        Builder(ROOT, tmp_path, cc="no-such-cc")


def test_nothing_built(tmp_path: Path) -> None:
    assert not kernel_build.built(tmp_path)
    broken = tmp_path / "6.99"
    broken.mkdir()
    (broken / "info.json").write_text("{}")
    (broken / "kernel.so").write_text("")
    assert not kernel_build.built(tmp_path)


def test_two_trees_of_one_version(tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one does not take the place of the first."""
    def build(self: Builder, tree: kernel_source.Tree) -> kernel_build.Info:
        folder = self.folder(tree)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.so").write_text("")
        info = kernel_build.Info(
            tree.label, tree.version, tree.revision, tree.spec, tree.digest,
            "6.12", "cc", "-O2", "", 0, kernel_build.features_of(tree))
        (folder / "info.json").write_text(json.dumps(asdict(info)))
        return info

    monkeypatch.setattr(Builder, "build", build)
    specs = [str(make_tree(tmp_path / name, f"int {name};\n"))
             for name in ("a", "b")]
    for _ in range(2):
        first, second = kernel_build.build_all(ROOT, tmp_path / "out", specs)
        assert first.label == "6.99.3-rc1"
        assert second.label == f"6.99.3-rc1-{second.digest[:6]}"
    named, = kernel_build.build_all(ROOT, tmp_path / "out", specs[1:],
                                    label="6.99.3-rc1")
    assert named.label == "6.99.3-rc1"


def test_flags_that_a_compiler_knows(tmp_path: Path) -> None:
    """What it does not know is left out, whatever stands beside it."""
    cc = tmp_path / "cc"
    cc.write_text('#!/bin/sh\ncase " $* " in *" -fstrange "*) exit 1 ;; esac\n')
    cc.chmod(0o755)
    assert kernel_build.supported([str(cc)], ["-O2", "-fstrange", "-g"]) \
        == ("-O2", "-g")
    assert kernel_build.supported([str(cc)], ["-O2", "-g"]) == ("-O2", "-g")
