# SPDX-License-Identifier: GPL-2.0-only
"""The board with an SMMUv3: its memory, its stages, what is done in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ioptlib import qemu_guest, smmu_guest
from ioptlib.qemu_guest import GuestError
from ioptlib.smmu_guest import GB, IDR0, IDR5


class Told:
    """A guest that keeps what it is told, with registers."""

    def __init__(self, registers: dict[int, int]) -> None:
        self.registers = registers
        self.commands: list[str] = []

    def read_words(self, address: int, count: int) -> list[int]:
        assert count == 1
        return [self.registers[address]]

    def check(self, command: str) -> str:
        self.commands.append(command)
        return ""


@pytest.mark.parametrize("window, base, memory", [
    (GB, 2 * GB, 3 * GB), (2 * GB, 2 * GB, 4 * GB), (4 * GB, 4 * GB, 8 * GB)])
def test_window(window: int, base: int, memory: int) -> None:
    """Aligned to its size, 1G of other memory before it, some after it."""
    board = smmu_guest.board(Path("Image"), Path("initramfs"), window)
    assert board.memory_bytes == memory
    assert f"crashkernel={window >> 20}M@{base >> 20}M " in board.cmdline
    assert base % window == 0
    assert base >= qemu_guest.RAM_BASE + GB
    assert base + window < qemu_guest.RAM_BASE + memory


@pytest.mark.parametrize("machines, name", [
    (["virt-7.2"], "virt"), (["virt-9.1", "virt-10.0"], "virt-9.1")])
def test_stages(monkeypatch: pytest.MonkeyPatch, machines: list[str],
                name: str) -> None:
    monkeypatch.setattr(qemu_guest, "machines", lambda qemu: machines)
    first = smmu_guest.board(Path("a"), Path("b"), options=("-icount", "1"))
    assert first.machine.startswith("virt,iommu=smmuv3,")
    assert first.options == ("-icount", "1")
    second = smmu_guest.board(Path("a"), Path("b"), stage=2,
                              options=("-icount", "1"))
    assert second.machine.startswith(f"{name},iommu=smmuv3,")
    assert second.options == ("-icount", "1", "-global",
                              "arm-smmuv3.stage=2")


def test_prepare() -> None:
    guest = Told({IDR0: 0b01})
    smmu_guest.prepare(guest, 4 * GB, 2)  # type: ignore[arg-type]
    smmu_guest.set_ril(guest, False)  # type: ignore[arg-type]
    assert guest.commands == [
        f"insmod /iopt_guest.ko window_base={4 * GB} window_size={4 * GB}",
        "echo vfio-pci > /sys/bus/pci/devices/0000:00:01.0/driver_override",
        "echo 0000:00:01.0 > /sys/bus/pci/drivers_probe",
        "echo 0 > /sys/module/iopt_guest/parameters/ril"]


def test_stage_2_that_is_none() -> None:
    guest = Told({IDR0: 0b11})
    with pytest.raises(GuestError, match="stage 1 all the same"):
        smmu_guest.prepare(guest, GB, 2)  # type: ignore[arg-type]
    assert guest.commands == []
    smmu_guest.prepare(guest)  # type: ignore[arg-type]


@pytest.mark.parametrize("idr5, bits", [(0x74, 44), (0x75, 48), (0x70, 32)])
def test_output_bits(idr5: int, bits: int) -> None:
    assert smmu_guest.oas_bits(
        Told({IDR5: idr5})) == bits  # type: ignore[arg-type]
