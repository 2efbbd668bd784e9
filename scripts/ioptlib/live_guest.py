# SPDX-License-Identifier: GPL-2.0-only
"""What iopt-live must do in a guest: each refusal, by what provokes it, and a
run over every kind of memory there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from .qemu_guest import Machine
from .smmu_guest import DEVICE

PORT = "0000:00:02.0"  # a PCIe port, which a driver of the kernel has
PASSWD = b"root::0:0::/:/bin/sh\nuser::1000:1000::/:/bin/sh\n"
CHECK = f"iopt-live --device {DEVICE} --check"
SYSFS = f"/sys/bus/pci/devices/{DEVICE}"
BIND = (f"echo vfio-pci > {SYSFS}/driver_override && "
        f"echo {DEVICE} > /sys/bus/pci/drivers_probe")
GIANT = "live/case:giant/backing:1G"
KB, MB = 1 << 10, 1 << 20


def plan(page: int, huge: int) -> str:
    """A plan for pages and huge pages of these bytes; small, since the guest's
    memory is. The 1G page is one that is not there.
    """
    many = " ".join(f"0x{0x40000000 + (i << 24):x}+{16 * page:#x}"
                    for i in range(16))
    word, big, block = f"{page // KB}K", f"{huge // MB}M", _block(huge)
    rows = [("one", word, "range", f"0x40000000+{page:#x}"),
            ("small", word, "range",
             f"0x40000000+{16 * page:#x} 0x50000000+{32 * page:#x}"),
            ("pages", word, "range", "0x40000000+32M"),
            ("many", word, "range", many), ("manyall", word, "all", many),
            ("block", "thp", "range", f"0x40000000+{block:#x}"),
            ("blocks", big, "range",
             f"0x40000000+{block:#x} 0x80000000+{block:#x}")]
    return "".join(f"live/case:{name}/backing:{backing} {backing} {way} "
                   f"{ranges}\n" for name, backing, way, ranges in rows) + \
        f"{GIANT} 1G range 0x40000000+1G\n"


def _block(huge: int) -> int:
    """A range of several huge pages."""
    return max(32 * MB, 2 * huge)


def nr_huge_pages(huge: int) -> int:
    """As many as the plan takes at a time."""
    return 2 * _block(huge) // huge


def long_plan(page: int) -> str:
    """Enough rows to be still at it when something is done meanwhile."""
    word = f"{page // KB}K"
    return "".join(f"live/case:long{i}/backing:{word} {word} range "
                   "0x40000000+4M\n" for i in range(20))


@dataclass(frozen=True)
class Case:
    """A command in the guest, how it must exit, and a part of what it says."""

    name: str
    command: str
    code: int
    says: str


def as_user(command: str) -> str:
    """Somebody who is not root."""
    return f"su -s /bin/sh user -c '{command}'"


# In this order: the device has no driver at first, VFIO in the end.
REFUSALS = (
    Case("no address", "iopt-live --check", 2, "--device BDF is wanted"),
    Case("malformed address", "iopt-live --device 1:0 --check", 2,
         "must be a PCI address such as"),
    Case("no such device", "iopt-live --device 0000:07:00.0 --check", 77,
         "this machine has no such device"),
    Case("no driver", CHECK, 77, "no driver has it: bind it"),
    Case("another driver", f"iopt-live --device {PORT} --check", 77,
         "driver pcieport has it, and nothing is taken from a driver"),
    Case("that driver stays", "basename $(readlink "
         f"/sys/bus/pci/devices/{PORT}/driver)", 0, "pcieport"),
    Case("bound", f"{BIND} && {CHECK}", 0, '"way":"type1"'),
    Case("no iommufd", f"{CHECK} --way iommufd", 77,
         "/dev/iommu: this"),
    Case("bad plan", f"echo a 4K range 1+2 | iopt-live --device {DEVICE} -",
         2, "stdin:1: '1+2': must be of whole pages"),
    Case("not root", as_user(CHECK), 77,
         "Permission denied: run as root, or have root do 'chown USER"),
    Case("memlock", "chown user /dev/vfio/[0-9]* && "
         + as_user(f"ulimit -l 64; iopt-live --device {DEVICE} /long"), 77,
         "RLIMIT_MEMLOCK is 64K, and 4M are pinned at a time: "
         "'ulimit -l 4096'"),
    Case("memlock is enough",
         as_user(f"ulimit -l 4096; iopt-live --device {DEVICE} --reps 1 "
                 "/long"), 0, "must have CAP_SYS_ADMIN"),
    Case("busy", f"(iopt-live --device {DEVICE} --reps 1000 /long "
         f">/lines; echo exit $? >>/lines) & sleep 3; {CHECK}; "
         "echo code $?; kill -INT $(pidof iopt-live); sleep 2; "
         "tail -n 2 /lines", 0, "somebody else uses"),
    Case("interrupted keeps its lines",
         "grep -c '\"kind\":\"rep\"' /lines && tail -n 2 /lines", 0,
         '"outcome":"interrupted"'),
    Case("interrupted says so", "tail -n 1 /lines", 0, "exit 130"),
    Case("reserved addresses",
         "echo live/case:msi/backing:thp thp range 0x8000000+64K | "
         f"iopt-live --device {DEVICE} -", 1, "that the IOMMU reserves?"),
    Case("killed, and nothing stays mapped",
         f"(iopt-live --device {DEVICE} --reps 1000 /long >/lines & "
         "sleep 2; kill -KILL $!); sleep 1; "
         f"{CHECK} && rmdir /sys/kernel/tracing/instances/*", 0,
         '"way":"type1"'),
    Case("no container", "mv /dev/vfio/vfio /dev/vfio/away; "
         f"{CHECK}; code=$?; mv /dev/vfio/away /dev/vfio/vfio; exit $code",
         77, "no /dev/vfio/vfio and no /dev/iommu"),
)

# After all else: the module does not come back.
LAST = (
    Case("no type1", f"rmmod vfio_iommu_type1; {CHECK}", 77,
         "this kernel has no type1v2: 'modprobe vfio_iommu_type1'"),
)

# On a board whose SMMU is left out. (No kernel of Debian has noiommu mode.)
WITHOUT_IOMMU = (
    Case("no IOMMU", f"{BIND}; {CHECK}", 77, "no IOMMU stands before it"),
)


def with_port(board: Machine) -> Machine:
    """A board with a device that another driver has."""
    return replace(board, devices=(*board.devices,
                                   "pcie-root-port,id=rp0,addr=2"))


def without_iommu(board: Machine) -> Machine:
    """The same board with nothing before its PCI bus."""
    return replace(board, machine=board.machine.replace("iommu=smmuv3,", ""))


def lines_of(text: str) -> list[dict[str, Any]]:
    """The lines of JSON among what the guest printed."""
    return [json.loads(line) for line in text.splitlines()
            if line.startswith('{"kind"')]


def _row_faults(name: str, lines: list[dict[str, Any]], reps: int,
                nr_runs: int | None) -> list[str]:
    """What is wrong with the lines of a row that was measured."""
    faults = []
    done = [line for line in lines if line["kind"] == "rep"]
    if len(done) != reps:
        faults.append(f"{name}: {len(done)} repetitions, not {reps}")
    for line in done:
        if line["unmap_bytes"] != line["map_bytes"] or not line["map_bytes"]:
            faults.append(f"{name}: mapped {line['map_bytes']}, unmapped "
                          f"{line['unmap_bytes']}")
        if line["map_ns"] <= 0 or line["unmap_ns"] <= 0:
            faults.append(f"{name}: a time is not above zero")
    events = [line for line in lines if line["kind"] == "events"]
    if len(events) != 1:
        return faults + [f"{name}: {len(events)} lines of events"]
    for what in ("map", "unmap"):
        seen = events[0][f"{what}_events"]
        if seen["nr_lost"] or seen["bytes"] != events[0]["map_bytes"]:
            faults.append(f"{name}: {what} events of {seen['bytes']} bytes, "
                          f"{seen['nr_lost']} lost")
        if nr_runs is not None and seen["nr"] != nr_runs:
            faults.append(f"{name}: {seen['nr']} {what} events for "
                          f"{nr_runs} runs")
    return faults


def run_faults(text: str, lines: list[dict[str, Any]],
               reps: int) -> list[str]:
    """What is wrong with a run of a plan; nothing in a good one.

    In one range each contiguous run of memory is mapped by a call, and type1
    unmaps it by one.
    """
    faults: list[str] = []
    for row in text.splitlines():
        name, _, _, *ranges = row.split()
        mine = [line for line in lines if line.get("name") == name]
        if name == GIANT:
            if [line["kind"] for line in mine] != ["skip"]:
                faults.append(f"{name}: no named skip: {mine}")
            continue
        memory = [line for line in mine if line["kind"] == "memory"]
        if len(memory) != 1 or "nr_runs" not in memory[0]:
            faults.append(f"{name}: its frames are not known: {mine}")
            continue
        nr_runs = memory[0]["nr_runs"] if len(ranges) == 1 else None
        faults += _row_faults(name, mine, reps, nr_runs)
    if not lines or lines[-1].get("outcome") != "done":
        faults.append("the run did not end")
    return faults
