# SPDX-License-Identifier: GPL-2.0-only
"""Packages of another architecture: which kernel, the cache, no network."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest
from ioptlib import debian
from ioptlib.debian import Archive, Family, Unreachable

FAMILY = Family("6.12", r"linux-image-(6\.12\.[\w.+~]+-cloud-arm64)"
                r"(?:-unsigned)?", "6.12.117+deb12-cloud-arm64")
OLD = "linux-image-6.12.9+deb12-cloud-arm64"
NEW = "linux-image-6.12.118+deb12-cloud-arm64-unsigned"
PINNED = "linux-image-6.12.117+deb12-cloud-arm64"


@pytest.mark.parametrize("names, package", [
    ([OLD, PINNED, NEW], PINNED),
    ([OLD, NEW], NEW),
    ([OLD, "linux-image-6.12.10+deb12-cloud-arm64"],
     "linux-image-6.12.10+deb12-cloud-arm64"),
    ([PINNED + "-unsigned", PINNED], PINNED),
    ([PINNED + "-unsigned"], PINNED + "-unsigned"),
    ([OLD, "linux-image-6.12.300+deb12-arm64",
      "linux-image-6.12.300+deb12-cloud-arm64-dbg",
      "linux-image-7.3.4+deb13-cloud-arm64"], OLD),
])
def test_choose(names: list[str], package: str) -> None:
    assert debian.choose(FAMILY, names) == (
        package, package[len("linux-image-"):].removesuffix("-unsigned"))


def test_no_kernel() -> None:
    with pytest.raises(Unreachable, match="no kernel 6.12"):
        debian.choose(FAMILY, ["linux-image-6.1.0-56-cloud-arm64"])


def test_release_order() -> None:
    names = ["6.12.117+deb12", "6.12.90+deb12.1", "6.12.90+deb12", "6.12.9",
             "7.0.1"]
    assert sorted(names, key=debian.release_key) == [
        "6.12.9", "6.12.90+deb12", "6.12.90+deb12.1", "6.12.117+deb12",
        "7.0.1"]


APT = """#!/bin/sh
[ "$1" = -c ] && grep -q '"arm64"' "$2" || exit 9
shift 2
echo "$@" >>"$APT_LOG"
[ -z "${APT_FAULT:-}" ] || { echo "E: $APT_FAULT" >&2; exit 100; }
case "$1" in
pkgnames) printf 'linux-image-a\\nlinux-image-b\\nother\\n' ;;
show) printf 'Package: x\\nDepends: a (= 1) | b, linux-binary-x (= 1)\\n' ;;
download) : >"$3_1_arm64.deb" ;;
esac
"""
DPKG = """#!/bin/sh
[ "$1" = -x ] && echo "$2" >"$3/unpacked"
"""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An archive over programs that stand in for apt's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", APT), ("apt-cache", APT),
                       ("dpkg-deb", DPKG)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("APT_LOG", str(tmp_path / "log"))
    keyring = tmp_path / "keyring"
    keyring.touch()
    monkeypatch.setattr(debian, "KEYRING", keyring)
    return Archive(tmp_path / "cache")


def log(archive: Archive) -> list[str]:
    path = archive.cache.parent / "log"
    return [line.split()[0] for line in path.read_text().splitlines()] \
        if path.exists() else []


def test_names(archive: Archive) -> None:
    assert archive.names(r"linux-image-.") == ["linux-image-a",
                                               "linux-image-b"]
    assert archive.needs("x", r"linux-.*") == ["linux-binary-x"]
    assert log(archive) == ["update", "pkgnames", "show"]
    text = (archive.cache / "sources.list").read_text()
    assert text.count("signed-by=") == len(debian.SUITES)


def test_lists_are_kept_for_a_day(archive: Archive) -> None:
    archive.refresh()
    Archive(archive.cache).refresh()
    assert log(archive) == ["update"]
    yesterday = time.time() - debian.LISTS_FRESH_S - 1
    os.utime(archive.cache / "updated", (yesterday, yesterday))
    Archive(archive.cache).refresh()
    assert log(archive) == ["update", "update"]


def test_fetched_once(archive: Archive) -> None:
    path = archive.fetch("busybox")
    assert path.name == "busybox_1_arm64.deb"
    assert Archive(archive.cache).fetch("busybox") == path
    assert log(archive) == ["update", "download"]
    archive.unpack(["busybox"], archive.cache / "tree")
    assert (archive.cache / "tree/unpacked").read_text().strip() == str(path)
    assert archive.size_bytes() > 0


def test_no_network(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what apt said; what is cached is still there."""
    monkeypatch.setenv("APT_FAULT", "Could not resolve 'deb.debian.org'")
    with pytest.raises(Unreachable, match="update: E: Could not resolve"):
        archive.fetch("busybox")
    monkeypatch.delenv("APT_FAULT")
    archive.fetch("busybox")
    monkeypatch.setenv("APT_FAULT", "Could not resolve 'deb.debian.org'")
    again = Archive(archive.cache)
    assert again.fetch("busybox").exists()
    with pytest.raises(Unreachable, match="update: E: Could not resolve"):
        again.fetch("linux-image-a")


def test_old_lists_will_do(archive: Archive) -> None:
    """When they cannot be had anew, unless a package is gone."""
    archive.refresh()
    (archive.cache / "updated").touch()
    yesterday = time.time() - debian.LISTS_FRESH_S - 1
    os.utime(archive.cache / "updated", (yesterday, yesterday))
    apt = archive.cache.parent / "bin/apt-get"
    apt.write_text(APT.replace("case", '[ "$1" = update ] && exit 100\ncase',
                               1))
    again = Archive(archive.cache)
    assert again.names("other") == ["other"]
    with pytest.raises(Unreachable):
        again.refresh(is_forced=True)


def test_one_at_a_time(archive: Archive) -> None:
    with archive.locked():
        with (archive.cache / "lock").open() as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with archive.locked():
        pass


@pytest.mark.parametrize("program", ["apt-get", "apt-cache", "dpkg-deb"])
def test_no_apt(archive: Archive, monkeypatch: pytest.MonkeyPatch,
                program: str) -> None:
    programs = archive.cache.parent / "bin"
    (programs / program).unlink()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(Unreachable, match=f"{program} is not here"):
        archive.refresh()


def test_no_keyring(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "KEYRING", archive.cache / "none")
    with pytest.raises(Unreachable, match="debian-archive-keyring"):
        archive.refresh()


def test_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert debian.default_cache() == Path("/there/iopt-bench/debian-arm64")
