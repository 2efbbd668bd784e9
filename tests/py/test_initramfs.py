# SPDX-License-Identifier: GPL-2.0-only
"""The initramfs: read back member by member, modules in the order to load."""

from __future__ import annotations

import gzip
import lzma
import stat
import struct
from pathlib import Path

import pytest
from ioptlib import initramfs
from ioptlib.initramfs import BadModule


def members(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and contents by name, as the kernel would unpack them."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert at % 4 == 0 and data[at:at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16)
                  for i in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[at + 110:at + 110 + name_size]
        assert name.endswith(b"\0")
        at += 110 + name_size
        at += -at % 4
        if name == b"TRAILER!!!\0":
            assert at == len(data)
            return found
        found[name[:-1].decode()] = (mode, data[at:at + size])
        at += size
        at += -at % 4


@pytest.mark.parametrize("length", range(6))
def test_cpio(length: int) -> None:
    """Names and contents of any length keep their places."""
    files = {"a" * (length + 1): b"x" * length, "bin/deep/er": b"12345",
             "run": b"#!"}
    found = members(initramfs.cpio(files, ["run"]))
    assert {name: data for name, (mode, data) in found.items()
            if stat.S_ISREG(mode)} == files
    assert [name for name, (mode, _) in found.items()
            if stat.S_ISDIR(mode)] == ["bin", "bin/deep"]
    assert stat.S_IMODE(found["run"][0]) == 0o755
    assert stat.S_IMODE(found["bin/deep/er"][0]) == 0o644
    # A directory comes before what is in it.
    assert list(found).index("bin") < list(found).index("bin/deep/er")


def test_program_that_is_no_file() -> None:
    with pytest.raises(ValueError, match="bin/none"):
        initramfs.cpio({"a": b""}, ["bin/none"])


def test_build() -> None:
    image = initramfs.build({"bin/tool": b"elf"}, ["bin/tool"],
                            {"b.ko": b"2", "a.ko": b"1"}, b"busy")
    found = members(gzip.decompress(image))
    assert found["modules/order"][1] == b"b.ko\na.ko\n"
    assert found["modules/a.ko"][1] == b"1"
    assert found["bin/busybox"][1] == b"busy"
    assert found["init"][1].startswith(b"#!/bin/busybox sh\n")
    for name in ("init", "bin/busybox", "bin/tool"):
        assert stat.S_IMODE(found[name][0]) == 0o755
    assert image == initramfs.build({"bin/tool": b"elf"}, ["bin/tool"],
                                    {"b.ko": b"2", "a.ko": b"1"}, b"busy")


def elf(modinfo: bytes) -> bytes:
    """A module that has nothing but the sections that are looked for."""
    names = b"\0.shstrtab\0.modinfo\0"
    at = 64
    body = names + modinfo
    table = at + len(body)

    def section(name: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0,
                           1, 0)
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", head, 0x28, table)
    struct.pack_into("<HHH", head, 0x3a, 64, 3, 1)
    return bytes(head) + body + section(0, 0, 0) + \
        section(1, at, len(names)) + \
        section(11, at + len(names), len(modinfo))


def test_modinfo() -> None:
    found = initramfs.modinfo(elf(b"license=GPL\0\0depends=a,b\0x=y=z\0"))
    assert found == {"license": "GPL", "depends": "a,b", "x": "y=z"}


@pytest.mark.parametrize("data, complaint", [
    (b"#!/bin/sh", "no little-endian ELF"),
    (elf(b"").replace(b".modinfo", b".nothing"), "no section"),
])
def test_no_module(data: bytes, complaint: str) -> None:
    with pytest.raises(BadModule, match=complaint):
        initramfs.modinfo(data)


def test_dependencies(tmp_path: Path) -> None:
    """Depth first, each once; packed or not; what is built in is left out."""
    (tmp_path / "sub").mkdir()
    top, core = elf(b"depends=core,bus,builtin\0"), elf(b"depends=bus\0")
    bus = elf(b"depends=\0")
    (tmp_path / "sub/top-one.ko.xz").write_bytes(lzma.compress(top))
    (tmp_path / "core.ko").write_bytes(core)
    (tmp_path / "bus.ko.xz").write_bytes(lzma.compress(bus))
    (tmp_path / "other.ko").write_bytes(bus)
    loaded = initramfs.with_dependencies(tmp_path, ["top-one", "bus", "none"])
    assert loaded == {"bus.ko": bus, "core.ko": core, "top_one.ko": top}
    assert list(loaded) == ["bus.ko", "core.ko", "top_one.ko"]
