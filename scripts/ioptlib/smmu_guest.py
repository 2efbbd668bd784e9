# SPDX-License-Identifier: GPL-2.0-only
"""A guest with an SMMUv3 before its PCI bus: the board, one device without a
driver, a window of frames that the kernel gives up, and our module.
"""

from __future__ import annotations

from pathlib import Path

from . import guest_kernel, qemu_guest
from .qemu_guest import Guest, GuestError, Machine

SMMU_BASE = 0x09050000  # of QEMU's machine virt
IDR0 = SMMU_BASE
IDR0_S1P = 1 << 1
IDR5 = SMMU_BASE + 0x14
OAS_BITS = (32, 36, 40, 42, 44, 48, 52, 56)
CMDQ_BASE = SMMU_BASE + 0x90
CMDQ_PROD = SMMU_BASE + 0x98
DEVICE = "0000:00:01.0"
GB = 1 << 30
# Later machines give both stages, and a kernel then takes the first.
STAGE_2_MACHINE = "virt-9.1"
PARAMETERS = f"/sys/module/{guest_kernel.MODULE_NAME}/parameters"


def has_stage_2(qemu: str = qemu_guest.QEMU) -> bool:
    """Whether this QEMU's SMMUv3 can do stage 2."""
    return qemu_guest.has_option("arm-smmuv3", "stage", qemu)


def window_base(window_bytes: int) -> int:
    """Where a window of that size is: aligned to it, 1G from the start."""
    return max(2 * GB, window_bytes)


def board(kernel: Path, initramfs: Path, window_bytes: int = GB,
          stage: int = 1, qemu: str = qemu_guest.QEMU,
          trace_events: tuple[str, ...] = (),
          options: tuple[str, ...] = ()) -> Machine:
    """The machine; the kernel has 1G or more before the window, 1G after."""
    base = window_base(window_bytes)
    name = "virt"
    if stage == 2:
        options += ("-global", "arm-smmuv3.stage=2")
        if STAGE_2_MACHINE in qemu_guest.machines(qemu):
            name = STAGE_2_MACHINE
    return Machine(
        kernel=kernel, initramfs=initramfs, qemu=qemu,
        memory_bytes=base + window_bytes,
        machine=f"{name},iommu=smmuv3,gic-version=3",
        cmdline=f"crashkernel={window_bytes >> 20}M@{base >> 20}M "
        "iommu.passthrough=0 iommu.strict=1",
        devices=("pci-testdev,addr=1",), options=options,
        trace_events=trace_events)


def prepare(guest: Guest, window_bytes: int = GB, stage: int = 1) -> None:
    """Our module loaded, the device bound to vfio-pci."""
    if stage == 2 and guest.read_words(IDR0, 1)[0] & IDR0_S1P:
        raise GuestError("stage 2: the SMMU has stage 1 all the same")
    device = f"/sys/bus/pci/devices/{DEVICE}"
    guest.check(f"insmod /{guest_kernel.MODULE_NAME}.ko "
                f"window_base={window_base(window_bytes)} "
                f"window_size={window_bytes}")
    guest.check(f"echo vfio-pci > {device}/driver_override")
    guest.check(f"echo {DEVICE} > /sys/bus/pci/drivers_probe")


def set_ril(guest: Guest, is_on: bool) -> None:
    """Whether domains made from now on send ranges."""
    guest.check(f"echo {int(is_on)} > {PARAMETERS}/ril")


def oas_bits(guest: Guest) -> int:
    """Output address bits of the SMMU."""
    return OAS_BITS[guest.read_words(IDR5, 1)[0] & 7]
