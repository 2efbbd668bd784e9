# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is made of: Debian kernels, and our programs and module built
for them, kept in a cache so that a second run needs neither network nor time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import initramfs
from .debian import Archive, Family, Unreachable, choose

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "tools" / "guest"
MODULES = ("vfio-pci", "vfio_iommu_type1", "iommufd")
MODULE_NAME = "iopt_guest"


@dataclass(frozen=True)
class Program:
    """A program of ours that runs in the guest: sources and their headers."""

    name: str
    sources: tuple[str, ...]
    includes: tuple[str, ...]


# What these parts could do with traces and layouts is not called, and dropped
# by the linker.
VFIO_USER = Program(
    "vfio-user",
    ("tools/guest/vfio-user.c", "tools/guest/frames.c", "tools/guest/kcount.c",
     "tools/guest/kmsg.c",
     "tools/guest/space-core.c", "tools/guest/space-user.c",
     "tools/scenario.c", "src/dma/dma_device.c", "src/dma/dma_iommufd.c",
     "src/dma/dma_space.c", "src/dma/dma_type1.c", "src/base/err.c",
     "src/base/sizes.c"),
    ("tools/guest", "tools", "src/base", "src/dma", "src/trace"))
IOPT_LIVE = Program(
    "iopt-live",
    ("tools/iopt-live.c", "tools/json_text.c", "tools/live_events.c",
     "tools/live_plan.c", "tools/live_run.c", "tools/option.c",
     "src/dma/dma_device.c",
     "src/dma/dma_iommufd.c", "src/dma/dma_limit.c", "src/dma/dma_space.c",
     "src/dma/dma_type1.c", "src/vfio/buddy.c", "src/vfio/pagemap.c",
     "src/vfio/vm_frames.c", "src/vfio/vm_live.c", "src/trace/trace_line.c",
     "src/base/err.c", "src/base/host_page.c", "src/base/sizes.c"),
    ("tools", "src/base", "src/dma", "src/trace", "src/vfio"))
PROGRAM_FLAGS = ("-std=gnu17", "-D_GNU_SOURCE", "-O2", "-static",
                 "-ffunction-sections", "-fdata-sections",
                 "-Wl,--gc-sections")

# As the kernel's own build has them; the rest follows from its headers.
MODULE_FLAGS = (
    "-D__KERNEL__", "-DMODULE", "-std=gnu11", "-fms-extensions", "-O2",
    "-mlittle-endian", "-mgeneral-regs-only", "-mabi=lp64", "-ffixed-x18",
    "-fno-strict-aliasing", "-fno-strict-overflow", "-fno-common",
    "-fno-PIE", "-fno-stack-protector", "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables", "-fshort-wchar", "-funsigned-char",
    "-Wno-attributes")

# The sections that the loader of arm64 wants to find.
MODULE_LDS = """SECTIONS {
    /DISCARD/ : { *(.discard) *(.discard.*) }
    .plt 0 : { BYTE(0) }
    .init.plt 0 : { BYTE(0) }
    .text.ftrace_trampoline 0 : { BYTE(0) }
    .init.text.ftrace_trampoline 0 : { BYTE(0) }
}
"""

MODULE_TAIL = """#define INCLUDE_VERMAGIC
#include <linux/module.h>
#include <linux/vermagic.h>
MODULE_INFO(name, KBUILD_MODNAME);
MODULE_INFO(vermagic, VERMAGIC_STRING);
MODULE_INFO(depends, "");
struct module __this_module __section(".gnu.linkonce.this_module") = {
    .name = KBUILD_MODNAME,
    .init = init_module,
    .exit = cleanup_module,
    .arch = MODULE_ARCH_INIT,
};
"""

# 6.1 numbers its ABI; later releases are the version itself.
FAMILIES = {
    "6.1": Family("6.1", r"linux-image-(6\.1\.\d+-\d+-cloud-arm64)"
                  r"(?:-unsigned)?", "6.1.0-56-cloud-arm64"),
    "6.12": Family("6.12", r"linux-image-(6\.12\.[\w.+~]+-cloud-arm64)"
                   r"(?:-unsigned)?", "6.12.117+deb12-cloud-arm64"),
    "7": Family("7", r"linux-image-(7\.[\w.+~]+-cloud-arm64)"
                r"(?:-unsigned)?", "7.3.4+deb13-cloud-arm64"),
    "6.12-16k": Family("6.12-16k", r"linux-image-(6\.12\.[\w.+~]+-arm64-16k)"
                       r"(?:-unsigned)?", "6.12.117+deb12-arm64-16k"),
    "7-16k": Family("7-16k", r"linux-image-(7\.[\w.+~]+-arm64-16k)"
                    r"(?:-unsigned)?", "7.3.4+deb13-arm64-16k"),
}


class BuildError(Exception):
    """Something of ours did not compile."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted, with what it needs."""

    family: str
    release: str
    is_pinned: bool
    directory: Path

    @property
    def image(self) -> Path:
        """What QEMU boots."""
        return self.directory / "Image"

    @property
    def page_bytes(self) -> int:
        """Its page size."""
        return 16384 if self.release.endswith("-16k") else 4096

    def modules(self) -> dict[str, bytes]:
        """Modules in the order to load."""
        order = (self.directory / "order").read_text("utf-8").split()
        return {name: (self.directory / name).read_bytes() for name in order}

    def guest_module(self) -> bytes:
        """Our module, to be loaded with its parameters."""
        return (self.directory / f"{MODULE_NAME}.ko").read_bytes()


def compiler() -> str:
    """A C compiler for arm64, "" when there is none."""
    native = platform.machine() in ("aarch64", "arm64")
    names = ("gcc", "cc") if native else ("aarch64-linux-gnu-gcc",)
    return next((name for name in names if shutil.which(name)), "")


def binutils(name: str) -> str:
    """A program of binutils that goes with the compiler."""
    cross = "aarch64-linux-gnu-" if compiler().startswith("aarch64") else ""
    return cross + name


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[:20])
        raise BuildError(f"{command[0]}: exit {done.returncode}:\n{said}")
    return done.stdout


def _digest(paths: Sequence[Path], more: str) -> str:
    """Of what something is built from."""
    sha = hashlib.sha256(more.encode())
    for path in paths:
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def user_program(cache: Path, program: Program = VFIO_USER) -> bytes:
    """A program of ours, static, for arm64."""
    sources = [ROOT / name for name in program.sources]
    headers = sorted(path for name in program.includes
                     for path in (ROOT / name).glob("*.h"))
    digest = _digest(sources + headers, " ".join((compiler(),
                                                  *PROGRAM_FLAGS)))
    built = cache / f"{program.name}-{digest}"
    if not built.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as spare:
            made = Path(spare) / program.name
            _run([compiler(), *PROGRAM_FLAGS,
                  *(f"-I{ROOT / name}" for name in program.includes),
                  *map(str, sources), "-o", str(made)])
            for old in cache.glob(f"{program.name}-*"):
                old.unlink()
            made.rename(built)
    return built.read_bytes()


def versions_table(symvers: str, needed: Sequence[str]) -> str:
    """C of the table that CONFIG_MODVERSIONS checks, from Module.symvers."""
    sums = {}
    for line in symvers.splitlines():
        words = line.split("\t")
        sums[words[1]] = words[0]
    missing = [name for name in needed if name not in sums]
    if missing:
        raise BuildError("the kernel exports no " + ", ".join(missing))
    rows = "".join(f'    {{ {sums[name]}, "{name}" }},\n' for name in needed)
    return ("static const struct modversion_info versions[] __used "
            f'__section("__versions") = {{\n{rows}}};\n')


def _module_flags(own: Path, common: Path) -> list[str]:
    """How the kernel's build would call the compiler."""
    includes = [common / "arch/arm64/include",
                own / "arch/arm64/include/generated",
                common / "include", own / "include",
                common / "arch/arm64/include/uapi",
                own / "arch/arm64/include/generated/uapi",
                common / "include/uapi", own / "include/generated/uapi"]
    forced = ["compiler-version.h", "kconfig.h", "compiler_types.h"]
    flags = [*MODULE_FLAGS, "-nostdinc", f"-I{SOURCES}"]
    flags += [f"-I{path}" for path in includes]
    for name in forced:
        flags += ["-include", str(common / "include/linux" / name)]
    for key in ("MODNAME", "BASENAME", "MODFILE"):
        flags.append(f'-DKBUILD_{key}="{MODULE_NAME}"')
    return [*flags, f"-D__KBUILD_MODNAME=kmod_{MODULE_NAME}"]


def build_module(own: Path, common: Path, spare: Path) -> Path:
    """Our module against unpacked headers, without the kernel's scripts.

    Those are binaries of the kernel's architecture and need a libc as new as
    theirs; a module of one file needs only what is done here.
    """
    flags = _module_flags(own, common)
    code, tail = spare / "code.o", spare / "tail.o"
    _run([compiler(), *flags, "-c", str(SOURCES / "iopt-guest.c"), "-o",
          str(code)])
    text = MODULE_TAIL
    if "CONFIG_MODVERSIONS=y" in (own / ".config").read_text("utf-8"):
        undefined = re.findall(r"^\s*U (\S+)$",
                               _run([binutils("nm"), "-u", str(code)]),
                               re.MULTILINE)
        needed = [name for name in undefined if name != "__this_module"]
        text += versions_table((own / "Module.symvers").read_text("utf-8"),
                               ["module_layout", *needed])
    (spare / "tail.c").write_text(text)
    (spare / "module.lds").write_text(MODULE_LDS)
    _run([compiler(), *flags, "-c", str(spare / "tail.c"), "-o", str(tail)])
    module = spare / f"{MODULE_NAME}.ko"
    _run([binutils("ld"), "-r", "-T", str(spare / "module.lds"), "-o",
          str(module), str(code), str(tail)])
    return module


def _one(paths: list[Path], what: str) -> Path:
    if not paths:
        raise Unreachable(f"{what} is not in its packages")
    return paths[0]


def _image_packages(archive: Archive, package: str) -> list[str]:
    """An image may come in parts."""
    return [package, *archive.needs(package, r"linux-(binary|modules)-.*")]


def _add_image(archive: Archive, package: str, release: str,
               directory: Path) -> None:
    """The image and the modules that a guest loads."""
    with tempfile.TemporaryDirectory(dir=directory) as name:
        tree = Path(name)
        archive.unpack(_image_packages(archive, package), tree)
        image = _one([*tree.glob(f"boot/vmlinuz-{release}"),
                      *tree.glob(f"usr/lib/modules/{release}/vmlinuz")],
                     "the image")
        modules = initramfs.with_dependencies(tree, MODULES)
        if not {"vfio_pci.ko", "vfio_iommu_type1.ko"} <= set(modules):
            raise Unreachable(f"{release} has no VFIO")
        for module, data in modules.items():
            (directory / module).write_bytes(data)
        (directory / "order").write_text("\n".join(modules))
        shutil.copyfile(image, directory / "Image")


def _add_module(archive: Archive, release: str, directory: Path,
                digest: str) -> None:
    """Our module, built again when its source has changed."""
    stamp = directory / "module-digest"
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    headers = f"linux-headers-{release}"
    common = archive.needs(headers, r"linux-headers-.*-common")
    with tempfile.TemporaryDirectory(dir=directory) as name:
        tree = Path(name)
        archive.unpack([headers, *common], tree)
        source = tree / "usr/src"
        module = build_module(
            source / headers,
            _one(sorted(source.glob("*-common")), "the common headers"), tree)
        module.rename(directory / module.name)
    stamp.write_text(digest)


def kernel(archive: Archive, label: str) -> Kernel:
    """A kernel of a family: pinned, else newest; from the cache if it can."""
    with archive.locked():
        return _kernel(archive, label)


def _kernel(archive: Archive, label: str) -> Kernel:
    family = FAMILIES[label]
    digest = _digest([SOURCES / "iopt-guest.c", SOURCES / "iopt-guest.h"],
                     " ".join((*MODULE_FLAGS, MODULE_TAIL, MODULE_LDS)))
    base = archive.cache / "kernels"
    release = family.pinned
    directory = base / release
    if not (directory / "ready").exists():
        package, release = choose(family, archive.names(
            r"linux-image-.*(cloud-arm64|-16k)(-unsigned)?"))
        directory = base / release
    if not (directory / "ready").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        _add_image(archive, package, release, directory)
        (directory / "ready").touch()
    _add_module(archive, release, directory, digest)
    return Kernel(label, release, release == family.pinned, directory)


def busybox(archive: Archive) -> bytes:
    """A static busybox."""
    path = archive.cache / "busybox"
    with archive.locked():
        if path.exists():
            return path.read_bytes()
        with tempfile.TemporaryDirectory(dir=archive.cache) as name:
            archive.unpack(["busybox-static"], Path(name))
            found = _one([*Path(name).glob("usr/bin/busybox"),
                          *Path(name).glob("bin/busybox")], "busybox")
            os.replace(found, path)
    return path.read_bytes()


def write_initramfs(path: Path, archive: Archive, booted: Kernel,
                    files: Mapping[str, bytes],
                    programs: Sequence[str] = ()) -> None:
    """An initramfs for a kernel: files by path, and our module beside them."""
    content = {f"{MODULE_NAME}.ko": booted.guest_module(), **files}
    path.write_bytes(initramfs.build(content, programs, booted.modules(),
                                     busybox(archive)))
