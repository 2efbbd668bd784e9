# SPDX-License-Identifier: GPL-2.0-only
"""A guest over a program that stands in for QEMU: console, monitor, ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ioptlib import qemu_guest
from ioptlib.qemu_guest import Guest, GuestError, Machine

FAKE = Path(__file__).resolve().parent / "fake_qemu.py"


@pytest.fixture(scope="session")
def qemu(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The stand-in as a program."""
    path = tmp_path_factory.mktemp("qemu") / "qemu-system-aarch64"
    path.write_text(f"#!{sys.executable} -IS\n" + FAKE.read_text("utf-8"))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def start(qemu: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Guest]:
    """A guest, not booted yet."""
    def make(fault: str = "", timeout_s: float = 30, **more: object) -> Guest:
        monkeypatch.setenv("FAKE_QEMU", fault)
        return Guest(Machine(Path("Image"), Path("initramfs"), qemu=qemu,
                             **more), timeout_s)  # type: ignore[arg-type]
    return make


def test_command_line() -> None:
    machine = Machine(Path("Image"), Path("initramfs"), nr_cpus=2,
                      memory_bytes=3 << 30, cmdline="iommu.strict=1",
                      devices=("pci-testdev,addr=1",), options=("-icount",
                                                                "1"),
                      trace_events=("smmuv3_*",))
    line = " ".join(machine.command(Path("/spare")))
    for part in ("-smp 2", "-m 3072M", "-kernel Image -initrd initramfs",
                 "-append console=ttyAMA0 panic=-1 quiet iommu.strict=1",
                 "-device pci-testdev,addr=1", "-icount 1",
                 "-D /spare/trace -trace smmuv3_*", "-nodefaults"):
        assert part in line


def test_run(start: Callable[..., Guest]) -> None:
    with start() as guest:
        assert guest.release == "6.12.0-fake"
        done = guest.run("echo hello")
        assert (done.code, done.lines) == (0, ["hello"])
        assert guest.check("echo two words") == "two words"
        assert guest.run("false").code == 1
        with pytest.raises(GuestError, match="in the guest: false: exit 1"):
            guest.check("false")
        assert not guest.run("echo again").code


def test_memory(start: Callable[..., Guest]) -> None:
    with start() as guest:
        assert guest.read_words(0x9050090, 2) == [0xfb900010, 0x40000000]
        with pytest.raises(GuestError, match="xp of 0x9050090"):
            guest.read_words(0x9050090, 3)
        assert guest.read_memory(0x80000012, 5) == b"\x12" * 5


def test_trace(start: Callable[..., Guest]) -> None:
    with start(trace_events=("smmuv3_*",)) as guest:
        size = guest.trace_size()
        assert size == len("first\nsecond\n")
        assert guest.trace_since(len("first\n")) == ["second"]
        assert guest.trace_since(size) == []
    with start() as guest:
        assert guest.trace_size() == 0 and guest.trace_since(0) == []


def test_dies(start: Callable[..., Guest]) -> None:
    with pytest.raises(GuestError, match="(?s)exit 3.*no such kernel"):
        with start("die"):
            raise AssertionError("it did not boot")


def test_module_that_fails(start: Callable[..., Guest]) -> None:
    with pytest.raises(GuestError, match="(?s)module vfio.ko.*disagrees"):
        with start("insmod"):
            raise AssertionError("it did not boot")


def test_never_up(start: Callable[..., Guest]) -> None:
    guest = start("mute", 0.5)
    with pytest.raises(GuestError, match="(?s)nothing more.*of the kernel"):
        with guest:
            raise AssertionError("it did not boot")
    assert guest._process and guest._process.returncode is not None
    assert not guest._directory.exists()


def test_no_answer(start: Callable[..., Guest]) -> None:
    with start() as guest:
        with pytest.raises(GuestError, match="nothing more"):
            guest.run("sleep 9", timeout_s=0.2)


def test_goes_away(start: Callable[..., Guest]) -> None:
    with start() as guest:
        with pytest.raises(GuestError, match="QEMU ended: exit 0"):
            guest.run("quit")


def test_what_it_is(qemu: str) -> None:
    assert qemu_guest.version(qemu) == "9.8.7"
    assert qemu_guest.version("no-such-qemu") == ""
    assert qemu_guest.has_option("arm-smmuv3", "stage", qemu)
    assert not qemu_guest.has_option("arm-smmuv3", "ril", qemu)
    assert qemu_guest.machines(qemu) == ["virt-9.1", "none"]
