# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is made of: from the cache if it can, its versions table."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from ioptlib import guest_kernel, initramfs
from ioptlib.debian import Archive, Unreachable
from ioptlib.guest_kernel import BuildError, FAMILIES

PINNED = FAMILIES["6.12"].pinned
NEWEST = "6.12.130+deb12-cloud-arm64"


class Offline(Archive):
    """No package can be had but by name."""

    def __init__(self, cache: Path, known: Sequence[str] = ()) -> None:
        super().__init__(cache)
        self.known = known

    def refresh(self, is_forced: bool = False) -> None:
        if not self.known:
            raise Unreachable("apt-get update: no network")

    def names(self, pattern: str) -> list[str]:
        self.refresh()
        return list(self.known)

    def needs(self, package: str, pattern: str) -> list[str]:
        self.refresh()
        return []


def ready(cache: Path, release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel as an earlier run left it."""
    directory = cache / "kernels" / release
    directory.mkdir(parents=True)
    (directory / "order").write_text("b.ko\na.ko")
    for name in ("ready", "Image", "a.ko", "b.ko", "iopt_guest.ko"):
        (directory / name).write_text(name)
    (directory / "module-digest").write_text("same")
    monkeypatch.setattr(guest_kernel, "_digest", lambda *_: "same")


def test_from_the_cache(tmp_path: Path,
                        monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of the network when the pinned kernel is there."""
    ready(tmp_path, PINNED, monkeypatch)
    kernel = guest_kernel.kernel(Offline(tmp_path), "6.12")
    assert (kernel.release, kernel.is_pinned) == (PINNED, True)
    assert kernel.image.read_text() == "Image"
    assert kernel.modules() == {"b.ko": b"b.ko", "a.ko": b"a.ko"}
    assert list(kernel.modules()) == ["b.ko", "a.ko"]
    assert kernel.page_bytes == 4096


def test_pinned_is_gone(tmp_path: Path,
                        monkeypatch: pytest.MonkeyPatch) -> None:
    ready(tmp_path, NEWEST, monkeypatch)
    kernel = guest_kernel.kernel(
        Offline(tmp_path, ["linux-image-6.12.9+deb12-cloud-arm64",
                           f"linux-image-{NEWEST}-unsigned"]), "6.12")
    assert (kernel.release, kernel.is_pinned) == (NEWEST, False)


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="no network"):
        guest_kernel.kernel(Offline(tmp_path), "7")


@pytest.mark.parametrize("label, name, release", [
    ("6.1", "linux-image-6.1.0-56-cloud-arm64-unsigned",
     "6.1.0-56-cloud-arm64"),
    ("6.12", "linux-image-6.12.117+deb12-cloud-arm64",
     "6.12.117+deb12-cloud-arm64"),
    ("7", "linux-image-7.3.4+deb13-cloud-arm64", "7.3.4+deb13-cloud-arm64"),
    ("6.12-16k", "linux-image-6.12.117+deb12-arm64-16k",
     "6.12.117+deb12-arm64-16k"),
    ("7-16k", "linux-image-7.3.4+deb13-arm64-16k", "7.3.4+deb13-arm64-16k"),
])
def test_families(label: str, name: str, release: str) -> None:
    """A package belongs to its own family alone, and gives the release."""
    package, found = guest_kernel.choose(FAMILIES[label], [name])
    assert (package, found) == (name, release) == (name,
                                                   FAMILIES[label].pinned)
    for other in set(FAMILIES) - {label}:
        with pytest.raises(Unreachable):
            guest_kernel.choose(FAMILIES[other], [name])


def test_page_size(tmp_path: Path) -> None:
    kernel = guest_kernel.Kernel("7-16k", "7.3.4+deb13-arm64-16k", True,
                                 tmp_path)
    assert kernel.page_bytes == 16384


SYMVERS = ("0x11\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n"
           "0x22\tiommu_unmap\tvmlinux\tEXPORT_SYMBOL_GPL\t\n")


def test_versions() -> None:
    text = guest_kernel.versions_table(SYMVERS, ["module_layout",
                                                 "iommu_unmap"])
    assert '{ 0x11, "module_layout" },' in text
    assert '{ 0x22, "iommu_unmap" },' in text
    with pytest.raises(BuildError, match="exports no iommu_map$"):
        guest_kernel.versions_table(SYMVERS, ["iommu_unmap", "iommu_map"])


def test_initramfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(tmp_path, PINNED, monkeypatch)
    (tmp_path / "busybox").write_bytes(b"busy")
    archive = Offline(tmp_path)
    kernel = guest_kernel.kernel(archive, "6.12")
    guest_kernel.write_initramfs(tmp_path / "out", archive, kernel,
                                 {"bin/tool": b"elf"}, ["bin/tool"])
    image = gzip.decompress((tmp_path / "out").read_bytes())
    for text in (b"iopt_guest.ko", b"bin/tool", b"busy", b"b.ko\na.ko\n",
                 initramfs.INIT.encode()):
        assert text in image


@pytest.mark.parametrize("program", [guest_kernel.VFIO_USER,
                                     guest_kernel.IOPT_LIVE])
def test_program(tmp_path: Path, program: guest_kernel.Program) -> None:
    """It builds, is static and for arm64, and is built once."""
    if not guest_kernel.compiler():
        pytest.skip("no compiler for arm64")
    built = guest_kernel.user_program(tmp_path, program)
    assert built[:5] == b"\x7fELF\x02" and built[18:20] == b"\xb7\0"
    assert b"/lib/ld-linux" not in built
    made = next(tmp_path.glob(f"{program.name}-*"))
    before = made.stat().st_mtime_ns
    assert guest_kernel.user_program(tmp_path, program) == built
    assert made.stat().st_mtime_ns == before
    shutil.rmtree(tmp_path)
