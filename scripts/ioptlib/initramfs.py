# SPDX-License-Identifier: GPL-2.0-only
"""An initramfs: the newc form of cpio, and the kernel modules it needs."""

from __future__ import annotations

import gzip
import lzma
import stat
import struct
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

TRAILER = "TRAILER!!!"
MODULE_SUFFIXES = (".ko", ".ko.xz", ".ko.zst")

# What runs first: the file systems, the modules in order, then a command for
# each line of the console, its end marked.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
stty raw -echo
for module in $(cat /modules/order); do
    insmod /modules/$module || { dmesg | tail -n 9; echo "@insmod $module"; }
done
echo "@up $(uname -r)"
while read -r line; do
    (eval "$line") </dev/console
    echo "@exit $?"
done
poweroff -f
"""


class BadModule(Exception):
    """A kernel module that cannot be read."""


def _entry(inode: int, name: str, mode: int, data: bytes) -> bytes:
    """A cpio member; names and contents are padded to four bytes."""
    path = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def cpio(files: Mapping[str, bytes], programs: Iterable[str]) -> bytes:
    """An archive of files by path; those in programs may be executed."""
    executable = set(programs)
    unknown = executable - set(files)
    if unknown:
        raise ValueError(f"programs that are no files: {sorted(unknown)}")
    directories = sorted({str(parent) for name in files
                          for parent in PurePosixPath(name).parents
                          if str(parent) != "."})
    members = [_entry(inode, name, stat.S_IFDIR | 0o755, b"")
               for inode, name in enumerate(directories, 1)]
    for inode, name in enumerate(sorted(files), 1 + len(directories)):
        mode = 0o755 if name in executable else 0o644
        members.append(_entry(inode, name, stat.S_IFREG | mode, files[name]))
    members.append(_entry(0, TRAILER, 0, b""))
    return b"".join(members)


def build(files: Mapping[str, bytes], programs: Iterable[str],
          modules: Mapping[str, bytes], busybox: bytes) -> bytes:
    """The whole image: files beside busybox, modules loaded in order."""
    content = dict(files)
    content["bin/busybox"] = busybox
    content["init"] = INIT.encode()
    content["modules/order"] = "".join(
        f"{name}\n" for name in modules).encode()
    content.update((f"modules/{name}", data)
                   for name, data in modules.items())
    return gzip.compress(
        cpio(content, [*programs, "bin/busybox", "init"]), 1, mtime=0)


def modinfo(module: bytes) -> dict[str, str]:
    """The .modinfo section of a kernel module, the last of each key."""
    if module[:6] != b"\x7fELF\x02\x01":
        raise BadModule("no little-endian ELF of 64 bits")
    table, = struct.unpack_from("<Q", module, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", module, 0x3a)
    sections = [struct.unpack_from("<IIQQQQ", module, table + i * size)
                for i in range(count)]
    names = module[sections[names_at][4]:][:sections[names_at][5]]
    for name, _, _, _, offset, length in sections:
        if names[name:names.index(b"\0", name)] == b".modinfo":
            words = module[offset:offset + length].split(b"\0")
            pairs = (word.decode().partition("=") for word in words if word)
            return {key: value for key, _, value in pairs}
    raise BadModule("no section .modinfo")


def unpacked(path: Path) -> bytes:
    """A module as the kernel wants it."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        done = subprocess.run(["zstd", "-dc", str(path)], capture_output=True,
                              check=False)
        if done.returncode:
            raise BadModule(f"{path.name}: zstd could not unpack it")
        return done.stdout
    return data


def _stem(name: str) -> str:
    """vfio-pci.ko.xz is vfio_pci, as depends= says."""
    return name.partition(".")[0].replace("-", "_")


def with_dependencies(tree: Path, wanted: Iterable[str]) -> dict[str, bytes]:
    """Modules of a kernel's tree and what they need, in the order to load.

    One that the tree does not have is taken to be built in.
    """
    paths = {_stem(path.name): path for path in tree.rglob("*.ko*")
             if path.name.endswith(MODULE_SUFFIXES)}
    loaded: dict[str, bytes] = {}

    def load(stem: str) -> None:
        if f"{stem}.ko" in loaded or stem not in paths:
            return
        data = unpacked(paths[stem])
        for need in modinfo(data).get("depends", "").split(","):
            if need:
                load(_stem(need))
        loaded[f"{stem}.ko"] = data

    for name in wanted:
        load(_stem(name))
    return loaded
