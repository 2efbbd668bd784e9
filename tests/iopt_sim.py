# SPDX-License-Identifier: GPL-2.0-only
"""The program iopt-sim from outside: grammar, exit codes, JSON, and the commands
that real kernels sent for the same scenarios.

usage: iopt_sim.py PATH_OF_IOPT_SIM SOURCE_ROOT [unittest options]

IOPT_GOLDEN_COMMANDS may name a file with more scenarios; without it
../shared/golden/smmuv3-commands.json beside the source tree is tried.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib import program  # noqa: E402

SIM: list[str] = []
ROOT = Path()
Shape = tuple[int, int, int, int, int]  # num, scale, ttl, tg, leaf


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SIM, *args], input=stdin, capture_output=True, text=True, timeout=300
    )


def ops(lines: list[str], *args: str) -> list[dict[str, Any]]:
    done = run("--json", *args, "-", stdin="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def shapes(op: dict[str, Any]) -> Counter[Shape]:
    count: Counter[Shape] = Counter()
    for r in op["ranges"]:
        count[(r["num"], r["scale"], r["ttl"], r["tg"], r["leaf"])] += r["count"]
    return count


@dataclass(frozen=True)
class Sent:
    """What one op sent: commands by name, syncs, ranges by shape."""

    commands: dict[str, int] = field(default_factory=dict)
    sync: int = 0
    ranges: dict[Shape, int] = field(default_factory=dict)
    ret: int | None = None


@dataclass(frozen=True)
class Fact:
    """A scenario and what kernels sent for it, by index of the op."""

    name: str
    options: str
    lines: list[str]
    expect: dict[int, Sent]


def pages(n: int, name: str = "TLBI_NH_VA", leaf: int = 1) -> Sent:
    """One command a page, one sync: no range invalidation."""
    return Sent({name: n}, 1, {(0, 0, 0, 0, leaf): n})


M = 1 << 20
SCATTERED = ["vfio_map 0x500000000 64M run=4K", "vfio_unmap 0x500000000 64M"]
HUGETLB = ["vfio_map 0x500000000 64M run=2M", "vfio_unmap 0x500000000 64M"]
SHIFTED = ["vfio_map 0x500001000 64M run=64M phys=0x40000000", "vfio_unmap 0x500001000 64M"]
PART = ["iommu_map 0x500000000 0x40000000 2M", "iommu_unmap 0x500000000 4K"]
# 16384 pages: 32 times 512 regions, each a range of 1 << 9 pages.
BY_512 = Sent({"TLBI_NH_VA": 32}, 32, {(0, 9, 3, 1, 1): 32}, 64 * M)
# One physical run off by a page: 511 pages at its start (31 and 15 << 5), 31
# tables, one page at the end; since 6.12 the 31 former tables are gathered as
# 2M leaves too: 15872 pages = 31 << 9.
SHIFT_612 = Sent(
    {"TLBI_NH_VA": 35},
    34,
    {
        (0, 9, 0, 1, 0): 31,
        (30, 0, 3, 1, 1): 1,
        (14, 5, 3, 1, 1): 1,
        (30, 9, 2, 1, 1): 1,
        (0, 0, 3, 1, 1): 1,
    },
)
# 6.1 adds leaves only: 511 pages and the last one are disjoint.
SHIFT_61 = Sent(
    {"TLBI_NH_VA": 34},
    33,
    {(0, 9, 0, 1, 0): 31, (30, 0, 3, 1, 1): 1, (14, 5, 3, 1, 1): 1, (0, 0, 3, 1, 1): 1},
)

FACTS = [
    *(
        Fact("scattered", f"--driver {d}", SCATTERED, {0: Sent(ret=0), 1: BY_512})
        for d in ("6.1", "6.12", "7.3")
    ),
    *(
        Fact(
            "hugetlb",
            f"--driver {d}",
            HUGETLB,
            {1: Sent({"TLBI_NH_VA": 1}, 1, {(0, 14, 2, 1, 1): 1}, 64 * M)},
        )
        for d in ("6.1", "6.12", "7.3")
    ),
    Fact("shifted", "--driver 6.1", SHIFTED, {1: SHIFT_61}),
    Fact("shifted", "--driver 6.12", SHIFTED, {1: SHIFT_612}),
    Fact("shifted", "--driver 7.3", SHIFTED, {1: SHIFT_612}),
    Fact(
        # The tables stay after the pages; the map of blocks frees them.
        "block over tables",
        "--driver 6.12",
        SCATTERED + HUGETLB,
        {
            1: BY_512,
            2: Sent({"TLBI_NH_VA": 32}, 32, {(0, 9, 0, 1, 0): 32}, 0),
            3: Sent({"TLBI_NH_VA": 1}, 1, {(0, 14, 2, 1, 1): 1}),
        },
    ),
    # Without ranges: 16384 single commands, or one for the context at 512.
    *(
        Fact(
            "scattered, no RIL",
            f"--driver {d} --ril off",
            SCATTERED,
            {1: Sent({"TLBI_NH_VA": 16384}, 32, {(0, 0, 0, 0, 1): 16384})},
        )
        for d in ("6.1", "6.12")
    ),
    Fact(
        "scattered, no RIL", "--driver 7.3 --ril off", SCATTERED, {1: Sent({"TLBI_NH_ASID": 32}, 32)}
    ),
    Fact(
        "511 and 512 pages, no RIL",
        "--driver 7.3 --profile smmuv3-noril",
        [
            "iommu_map 0 0x40000000 4M",
            "iommu_unmap 0 4K",
            "vfio_map 0x40000000 2044K run=4K",
            "vfio_unmap 0x40000000 2044K",
            "vfio_map 0x40000000 2M run=4K",
            "vfio_unmap 0x40000000 2M",
        ],
        {1: Sent(ret=0), 3: pages(511), 5: Sent({"TLBI_NH_ASID": 1}, 1, {}, 2 * M)},
    ),
    Fact("hugetlb, no RIL", "--driver 7.3 --ril off", HUGETLB, {1: pages(32)}),
    # Stage 2 is the same with its own opcodes.
    Fact(
        "stage 2",
        "--driver 6.12 --stage 2",
        SCATTERED,
        {1: Sent({"TLBI_S2_IPA": 32}, 32, {(0, 9, 3, 1, 1): 32})},
    ),
    Fact(
        "stage 2, no RIL",
        "--driver 7.3 --stage 2 --ril off",
        SCATTERED,
        {1: Sent({"TLBI_S12_VMALL": 32}, 32)},
    ),
    Fact(
        "E2H",
        "--driver 6.12 --e2h on",
        SCATTERED,
        {1: Sent({"TLBI_EL2_VA": 32}, 32, {(0, 9, 3, 1, 1): 32})},
    ),
    Fact(
        "E2H, no RIL",
        "--driver 7.3 --e2h on --ril off",
        SCATTERED,
        {1: Sent({"TLBI_EL2_ASID": 32}, 32)},
    ),
    # A page out of a block: split says level 3 of what was cached at level 2.
    *(
        Fact(
            "split",
            f"--driver {d}",
            PART + ["iommu_unmap 0x500001000 2044K"],
            {
                1: Sent({"TLBI_NH_VA": 1}, 1, {(0, 0, 3, 1, 1): 1}, 4096),
                2: Sent({"TLBI_NH_VA": 2}, 1, {(30, 0, 3, 1, 1): 1, (14, 5, 3, 1, 1): 1}),
            },
        )
        for d in ("6.1", "6.12")
    ),
    Fact(
        "no split",
        "--driver 7.3",
        PART + ["iommu_unmap 0x500000000 2M"],
        {1: Sent(ret=0), 2: Sent({"TLBI_NH_VA": 1}, 1, {(0, 9, 2, 1, 1): 1}, 2 * M)},
    ),
    # The policy alone, under the driver's other rules.
    Fact(
        "whole",
        "--engine lpae-whole",
        PART,
        {1: Sent({"TLBI_NH_VA": 1}, 1, {(0, 9, 2, 1, 1): 1}, 2 * M)},
    ),
    # Granules of 16K and 64K: their tables, and TG 2 and 3.
    Fact(
        "16K",
        "--granule 16K",
        ["vfio_map 0 32M run=16K", "vfio_unmap 0 32M"],
        {1: Sent({"TLBI_NH_VA": 4}, 4, {(0, 9, 3, 2, 1): 4})},
    ),
    Fact(
        "64K",
        "--granule 64K",
        ["vfio_map 0 512M run=512M phys=0x20000000", "vfio_unmap 0 512M"],
        {1: Sent({"TLBI_NH_VA": 1}, 1, {(0, 13, 2, 3, 1): 1})},
    ),
    # Bisecting is refused before anything is sent.
    Fact(
        "bisect",
        "",
        [
            "vfio_map 0 2M run=4K",
            "vfio_unmap 0 4K",
            "iommufd_map 1G 2M run=4K",
            "iommufd_unmap 1G 4K",
            "iommufd_unmap 4G 4K",
            "vfio_unmap 4G 4K",
        ],
        {1: Sent(ret=-22), 3: Sent(ret=-2), 4: Sent(ret=-2), 5: Sent(ret=0)},
    ),
    # Above the input size: type1 and iommufd know the aperture, the core asks
    # the page table (-ERANGE); 7.3 tells a range that wraps (-EOVERFLOW).
    Fact(
        "aperture",
        "--ias 40",
        [
            "vfio_map 0x10000000000 4K run=4K",
            "iommufd_map 0x10000000000 4K run=4K",
            "iommu_map 0x10000000000 0 4K",
            "vfio_map 0xfffffffffffff000 8K run=4K",
        ],
        {0: Sent(ret=-22), 1: Sent(ret=-22), 2: Sent(ret=-34), 3: Sent(ret=-75)},
    ),
    Fact("wrap", "--driver 6.12", ["vfio_map 0xfffffffffffff000 8K run=4K"], {0: Sent(ret=-22)}),
    # iommufd unmaps 5461 pages at once: ten tables go as tables, and the next
    # batch starts in the midst of one. 5461 = 10 * 512 + 341, and so on.
    Fact(
        "iommufd, one batch",
        "--driver 6.12",
        ["iommufd_map 0x500000000 20M run=4K", "iommufd_unmap 0x500000000 20M"],
        {1: Sent({"TLBI_NH_VA": 11}, 11, {(0, 9, 0, 1, 0): 10, (4, 10, 2, 1, 1): 1}, 20 * M)},
    ),
    # An SMMUv2 invalidates each page at once, and a sync polls.
    Fact(
        "SMMUv2",
        "--driver 6.12 --profile smmuv2-sm8150",
        SCATTERED + HUGETLB,
        {
            1: Sent({"TLBIVAL": 16384}, 32),
            2: Sent({"TLBIASID": 32}, 32),
            3: Sent({"TLBIVAL": 32}, 1),
        },
    ),
    Fact("nothing is sent", "--profile none", SCATTERED, {1: Sent(ret=64 * M)}),
]


class Facts(unittest.TestCase):
    """What real kernels sent for these scenarios, or what follows from it."""

    def check(self, got: dict[str, Any], want: Sent) -> None:
        self.assertEqual(got["commands"], want.commands)
        self.assertEqual(got["sync"], want.sync)
        self.assertEqual(shapes(got), Counter(want.ranges))
        if want.ret is not None:
            self.assertEqual(got["ret"], want.ret)

    def test_facts(self) -> None:
        for fact in FACTS:
            got = ops(fact.lines, *fact.options.split())
            self.assertEqual(len(got), len(fact.lines))
            for i, want in fact.expect.items():
                with self.subTest(fact=fact.name, options=fact.options, line=fact.lines[i]):
                    self.check(got[i], want)

    def test_same_stream(self) -> None:
        """VFIO never splits: the policies send the same commands."""
        for lines in (SCATTERED, HUGETLB, SHIFTED):
            streams = [
                [(op["commands"], op["sync"], op["ranges"]) for op in ops(lines, "--engine", e)]
                for e in ("lpae-split", "lpae-nosplit", "lpae-whole")
            ]
            self.assertEqual(streams[0], streams[1], lines)
            self.assertEqual(streams[0], streams[2], lines)

    def test_more_scenarios(self) -> None:
        path = Path(
            os.environ.get(
                "IOPT_GOLDEN_COMMANDS", ROOT.parent / "shared/golden/smmuv3-commands.json"
            )
        )
        if not path.exists():
            self.skipTest(f"{path} is not there")
        for row in json.loads(path.read_text()):
            options = f"--driver {row['driver']} --ril {row['ril']} --stage {row['stage']}"
            options += f" --granule {row['granule']}"
            got = ops(row["ops"], *options.split())
            for i, want in row["expect"].items():
                with self.subTest(scenario=row["scenario"], options=options, op=i):
                    self.check(got[int(i)], Sent(want["commands"], want["sync"], shapes(want)))


def need_counted(test: unittest.TestCase) -> None:
    """Stores are not counted in a build with ThreadSanitizer."""
    if "pte_writes" not in ops(["iommu_unmap 0 4K"])[0]["counters"]:
        test.skipTest("this build does not count stores")


class Json(unittest.TestCase):
    """One object a line, an op each, its keys in order."""

    KEYS = ["op", "line", "ret", "commands", "sync", "ranges", "counters", "sim_ns"]

    def test_object(self) -> None:
        need_counted(self)
        got = ops(["# nothing", "", "  vfio_map 0 2M\trun=4K # pages", "vfio_unmap 0 2M"])
        self.assertEqual([op["op"] for op in got], [0, 1])
        self.assertEqual(got[0]["line"], "vfio_map 0 2M\trun=4K")
        for op in got:
            self.assertEqual(list(op), self.KEYS)
        # 512 leaves and three tables written; then 512 leaves cleared.
        self.assertEqual(got[0]["counters"]["pte_writes"], 515)
        self.assertEqual(got[0]["counters"]["tables_alloc"], 3)
        self.assertEqual(got[0]["counters"]["table_bytes_peak"], 4 * 4096)
        self.assertEqual(got[0]["counters"]["bytes_unmapped"], 0)
        want = {
            "pte_writes": 512,
            "tables_alloc": 0,
            "tables_freed": 0,
            "table_bytes_peak": 4 * 4096,
            "tlbi_nh_va": 1,
            "syncs": 1,
            "doorbells": 1,
            "bytes_unmapped": 2 * M,
            "warnings": 0,
        }
        self.assertEqual(got[1]["counters"], want)
        self.assertEqual(got[1]["ret"], 2 * M)
        # max(20, 74) + 280
        self.assertEqual(got[1]["sim_ns"], 354)

    def test_counters(self) -> None:
        need_counted(self)
        # 512 commands: 8 doorbells; 512 * 74 + 280.
        got = ops(["vfio_map 0 2M run=4K", "vfio_unmap 0 2M"], "--ril", "off", "--driver", "6.12")
        self.assertEqual(got[1]["counters"]["doorbells"], 8)
        self.assertEqual(got[1]["sim_ns"], 512 * 74 + 280)
        # The split: a table of 511 leaves, and its own entry.
        got = ops(PART, "--driver", "6.12")
        self.assertEqual(got[1]["counters"]["pte_writes"], 512)
        self.assertEqual(got[1]["counters"]["tables_alloc"], 1)
        got = ops(PART + PART[1:])
        self.assertEqual([op["counters"]["warnings"] for op in got], [0, 1, 1])
        # type1 takes physical address 0 for a hole.
        got = ops(["vfio_map 0 8K run=8K phys=0", "vfio_unmap 0 8K"])
        self.assertEqual(got[1]["counters"]["warnings"], 1)
        # A block over a table frees it.
        got = ops(["iommu_map 0 0x40000000 4K", "iommu_unmap 0 4K", "iommu_map 0 0x40000000 2M"])
        self.assertEqual(got[2]["counters"]["tables_freed"], 1)
        # The peak is that of the op: 4 tables, then 3 once one was freed.
        lines = ["iommu_map 0 0x40000000 4K", "iommu_unmap 0 4K"]
        got = ops([*lines, "iommu_map 0 0x40000000 2M", "iommu_unmap 0 2M"])
        peaks = [op["counters"]["table_bytes_peak"] // 4096 for op in got]
        self.assertEqual(peaks, [4, 4, 4, 3])

    def test_ranges_in_order(self) -> None:
        # 511 pages: 31, then 15 << 5; each 511 again.
        lines = ["vfio_map 0 2044K run=2044K", "vfio_unmap 0 2044K"]
        got = ops(lines)[1]["ranges"]
        self.assertEqual([(r["num"], r["scale"]) for r in got], [(30, 0), (14, 5)])

    def test_queue(self) -> None:
        lines = ["iommu_map 0 0x40000000 8K", "iommu_unmap 4K 4K", "iommu_unmap 0 4K"]
        got = ops(lines, "--dump-queue")
        self.assertEqual(got[0]["queue"], [])
        self.assertEqual(
            got[2]["queue"],
            [
                "TLBI_NH_VA asid=1 vmid=0 va 0x0 +4K num=0 scale=0 ttl=3 tg=1 leaf=1",
                "CMD_SYNC cs=sev",
            ],
        )

    def test_explain(self) -> None:
        got = ops(HUGETLB, "--explain")
        self.assertEqual(got[0]["explain"], [])
        self.assertEqual(len(got[1]["explain"]), 2)
        self.assertIn("64M of 2M leaves at 0x500000000", got[1]["explain"][0])

    def test_own_profile(self) -> None:
        text = (ROOT / "data/profiles/smmuv3-ril.ini").read_text()
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp) / "mine.ini"
            path.write_text(text.replace("value = 280 ns", "value = 0.5005 us"))
            self.assertEqual(ops(HUGETLB, "--profile", str(path))[1]["sim_ns"], 574.5)


class Text(unittest.TestCase):
    """What people read."""

    def test_lines(self) -> None:
        need_counted(self)
        done = run("--driver", "6.12", "--explain", "--dump-queue", "-", stdin="\n".join(PART))
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in (
            "0: iommu_map 0x500000000 0x40000000 2M = 0\n",
            "1: iommu_unmap 0x500000000 4K = 4096 (4K)\n",
            "    page table: 512 entries written, 1 table allocated, 0 freed, peak 16K\n",
            "    sent: 1 TLBI_NH_VA, 1 sync, 1 doorbell; simulated 354 ns\n",
            "    1 x num=0 scale=0 ttl=3 tg=1 leaf=1\n",
            "    CMD_SYNC cs=sev\n",
            "the caller synced\n",
            "    a block was split: nothing invalidated it before its table was put in\n",
        ):
            self.assertIn(part, done.stdout)

    def test_error_is_a_result(self) -> None:
        done = run("-", stdin="iommufd_unmap 0 4K\nvfio_map 0x800 4K run=4K\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0: iommufd_unmap 0 4K = -ENOENT\n", done.stdout)
        self.assertIn("1: vfio_map 0x800 4K run=4K = -EINVAL\n", done.stdout)

    def test_overwritten(self) -> None:
        """The queue of 2^16 entries holds the end of what was sent."""
        lines = ["vfio_map 0 512M run=4K", "iommu_unmap 0 512M"]
        done = run("--ril", "off", "--driver", "6.1", "--dump-queue", "-", stdin="\n".join(lines))
        # 256 tables of 512 commands and a sync: 131328 entries, 65536 kept.
        self.assertIn("    [65792 older ones were overwritten]\n", done.stdout)


class Amdv1(unittest.TestCase):
    """The engine of another format, which VFIO knew as fgsp."""

    def test_fgsp(self) -> None:
        lines = [
            "iommu_map 0x500000000 0x40000000 8K",
            "iommu_unmap 0x500000000 4K",
            "vfio_map 0x500000000 64M run=64K",
            "vfio_unmap 0x500000000 64M",
        ]
        got = ops(lines, "--engine", "amdv1")
        self.assertEqual([op["ret"] for op in got], [0, 2 * 4096, 0, 64 * M])
        # Two installed tables, two entries emptied and written; then cleared.
        writes = [op["counters"].get("pte_writes") for op in got]
        if writes[0] is not None:
            self.assertEqual(writes[:2], [2 + 2 * 2, 2])
            self.assertEqual(writes[3], 64 * M // 4096)
        # 1024 runs: two gathers of 512, which widen over them.
        self.assertEqual(got[3]["sync"], 2)
        self.assertEqual(shapes(got[3]), {(0, 13, 0, 1, 1): 2})

    def test_threshold(self) -> None:
        lines = ["iommu_map 0x500000000 0x40000000 2M", "iommu_unmap 0x500000000 4K"]
        got = ops(lines, "--engine", "amdv1", "--profile", "smmuv3-noril")
        self.assertEqual(got[1]["commands"], {"TLBI_NH_ASID": 1})


class Strategies(unittest.TestCase):
    """How 8M of 2M pages in any order is torn down: commands and syncs."""

    LINES = ["vfio_map 0x40000000 8M run=2M", "vfio_unmap 0x40000000 8M"]
    ROWS = (
        # 512 pages a block, each with a sync, where blocks are split.
        ("page", "lpae-split", 4 * 512, 4 * 512),
        ("page", "lpae-whole", 4, 4),
        ("page", "lpae-nosplit", 0, 0),
        ("chunked", "lpae-nosplit", 4, 4),
        # A page, and the other 511: 31 and 15 << 5 of them.
        ("chunked-unfixed", "lpae-split", 4 * 3, 4 * 2),
        ("chunked-fast", "lpae-split", 1, 1),
        ("chunked-fast", "lpae-nosplit", 1, 1),
        # One gather of 2048 pages, but split behind each first page.
        ("chunked-fast-unfixed", "lpae-split", 1, 1),
        ("fgsp", "lpae-split", 1, 1),
        ("fgsp", "amdv1", 1, 1),
        ("page", "amdv1", 4, 4),
        ("iommufd", "lpae-split", 1, 1),
        ("unmap-remap", "lpae-nosplit", 4 * 512, 4 * 512),
        ("whole-range", "lpae-nosplit", 1, 1),
        ("leafwalk", "lpae-nosplit", 1, 1),
    )

    def test_rows(self) -> None:
        for strategy, engine, commands, syncs in self.ROWS:
            driver = () if engine == "amdv1" else ("--driver", "6.12")
            got = ops(self.LINES, "--engine", engine, "--strategy", strategy, *driver)[1]
            with self.subTest(strategy=strategy, engine=engine):
                self.assertEqual(sum(got["commands"].values()), commands)
                self.assertEqual(got["sync"], syncs)

    def test_unfixed(self) -> None:
        done = run("--engine", "amdv1", "--strategy", "chunked-unfixed", "-", stdin="")
        self.assertEqual(done.returncode, 2)
        self.assertIn("amdv1 has no unfixed walk", done.stderr)


class Trace(unittest.TestCase):
    """A recorded trace, as bare calls."""

    LINES = [
        "qemu-1 [000] 1.0: map: IOMMU: iova=0x0000000000001000 - 0x0000000000003000"
        " paddr=0x0000000040000000 size=8192",
        "qemu-1 [000] 1.1: unmap: IOMMU: iova=0x0000000000001000 - 0x0000000000003000"
        " size=8192 unmapped_size=8192",
    ]

    def trace(self, text: str, *args: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp) / "trace"
            path.write_text(text)
            return run("--json", "--trace", str(path), *args)

    def test_calls(self) -> None:
        done = self.trace("\n".join(self.LINES) + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        got = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(got[0]["line"], "iommu_map 0x1000 0x40000000 0x2000")
        self.assertEqual(got[1]["line"], "iommu_unmap 0x1000 0x2000")
        self.assertEqual([op["ret"] for op in got], [0, 8192])
        self.assertEqual(got[1]["commands"], {"TLBI_NH_VA": 1})
        self.assertEqual(done.stderr, "")

    def test_flaws(self) -> None:
        done = self.trace("\n".join([self.LINES[0], *self.LINES]) + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("1 maps over a live range were skipped (first: line 2)", done.stderr)

    def test_malformed(self) -> None:
        done = self.trace("\n".join([*self.LINES, self.LINES[0].replace("8192", "x")]) + "\n")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertIn("trace:3: ", done.stderr)

    def test_shipped(self) -> None:
        path = ROOT / "data/traces/vfio-vm-hugetlb2m-7.3.trace.xz"
        done = run("--json", "--trace", str(path))
        if "no liblzma" in done.stderr or "without liblzma" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stdout.splitlines():
            self.assertGreaterEqual(json.loads(line)["ret"], 0, line)


class Usage(unittest.TestCase):
    """Exit code 2, one line on stderr, nothing on stdout."""

    LINES = [
        ("vfio_mapp 0 4K", '"vfio_mapp": expected vfio_map, vfio_unmap, '),
        ("vfio_map 0 4K", "expected vfio_map <iova> <size> run=<size> [phys=<addr>]"),
        ("iommufd_map 0 4K phys=0", "no run=: expected iommufd_map <iova> <size> run="),
        ("vfio_map 0 4K run=4K run=4K", '"run=4K": expected vfio_map <iova>'),
        ("vfio_map 0 4K run=4K phys=0 x", "expected vfio_map <iova> <size>"),
        ("vfio_map 0 4K walk=4K", '"walk=4K": expected vfio_map'),
        ("vfio_map 0 5000 run=4K", 'size "5000": expected a multiple of 4K'),
        ("vfio_map 0 4K run=2K", 'run "2K": expected a multiple of 4K'),
        ("vfio_map 0 4K run=0", "run=0: expected at least one page"),
        ("vfio_map 0 4K run=4K phys=high", 'phys "high": expected an address'),
        ("vfio_map 0 8K run=4K phys=0xffffffffffffe000", "the runs end beyond 2^64"),
        ("vfio_unmap 0", "expected vfio_unmap <iova> <size>"),
        ("iommufd_unmap 0 4K 4K", "expected iommufd_unmap <iova> <size>"),
        ("iommu_map 0 4K", "expected iommu_map <iova> <paddr> <size>"),
        ("iommu_unmap 0x 4K", 'iova "0x": expected an address'),
        ("iommu_unmap 0 4k", 'size "4k": expected a multiple of 4K'),
        ("iommu_unmap 0 -4096", 'size "-4096": expected a multiple of 4K'),
        ("iommu_unmap 0 4P", 'size "4P": expected a multiple of 4K'),
    ]
    OPTIONS = [
        ("--bogus -", "--bogus: there is no such option"),
        ("-q -", "-q: there is no such option"),
        ("--stage", "--stage: a value is wanted"),
        ("--stage 0 -", "--stage 0: must be a number from 1 to 2"),
        ("--granule 8K -", "--granule 8K: must be 4K, 16K or 64K"),
        ("--ias 33 -", "ias 33"),
        ("--ias 48 --oas 40 -", "ias 48, oas 40"),
        ("--ril yes -", "--ril yes: must be on or off"),
        ("--e2h 1 -", "--e2h 1: must be on or off"),
        ("--driver 5.4 -", "driver 5.4: must be 6.1, 6.12 or 7.3"),
        ("--driver amdv1 -", "driver amdv1: must be 6.1, 6.12 or 7.3"),
        ("--engine amdv1 --driver 6.12 -", "driver 6.12: engine amdv1 has one of its own"),
        ("--engine amdv1 --stage 2 -", "stage 2: amdv1 has one stage, 1"),
        ("--engine amdv1 --granule 64K -", "granule 64K: amdv1 has 4K pages alone"),
        ("--engine amdv1 --ias 40 -", "ias 40: of amdv1 it is 39 or 48"),
        ("--engine amdv1 --strategy chunked-unfixed -", "engine amdv1 has no unfixed walk"),
        ("--engine lpae -", "engine lpae: must be one of lpae-split, "),
        ("--strategy slow -", "strategy slow: must be one of page, chunked, "),
        ("--profile fast -", 'no cost profile "fast"'),
        ("--profile none --ril on -", "profile none is of interface none"),
        ("--profile smmuv2-sm8150 --e2h on -", "RIL, E2H and ATS are of smmuv3"),
        ("", "a scenario (FILE or -) or --trace FILE is wanted"),
        ("- -", "-: one scenario is wanted"),
        ("--trace x -", "a scenario (FILE or -) or --trace FILE is wanted"),
        ("/nonexistent", "/nonexistent: No such file or directory"),
        ("--trace /nonexistent", "/nonexistent: No such file or directory"),
    ]

    def refuse(self, done: subprocess.CompletedProcess[str], message: str) -> None:
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("iopt-sim: "), done.stderr)

    def test_lines(self) -> None:
        for line, message in self.LINES:
            with self.subTest(line=line):
                # A good line in front of it must not have run.
                text = f"iommu_map 0 0x40000000 4K\n\n{line}\n"
                self.refuse(run("-", stdin=text), "stdin:3: " + message)

    def test_options(self) -> None:
        for options, message in self.OPTIONS:
            with self.subTest(options=options):
                self.refuse(run(*options.split()), message)

    def test_file(self) -> None:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp) / "scenario"
            path.write_bytes(b"vfio_unmap 0 4K\nvfio_unmap 0\0 4K\n")
            self.refuse(run(str(path)), f"{path}:2: a NUL byte")
            path.write_bytes(b"vfio_unmap 0 4K\r\nvfio_unmap 0 64K")
            self.assertEqual(len(run("--json", str(path)).stdout.splitlines()), 2)
            path.write_bytes(b"")
            self.assertEqual(run("--json", str(path)).stdout, "")
            # A size is a multiple of the granule that is chosen.
            path.write_bytes(b"vfio_unmap 0 4K\n")
            self.refuse(run("--granule", "64K", str(path)), f"{path}:1: size")

    def test_help(self) -> None:
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("usage: iopt-sim", done.stdout)

    def test_full_disk(self) -> None:
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(
                [*SIM, "-"], input="vfio_unmap 0 4K\n", text=True, stdout=full, stderr=subprocess.PIPE
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output: ", done.stderr)


if __name__ == "__main__":
    SIM = program.command(sys.argv.pop(1))
    ROOT = Path(sys.argv.pop(1))
    unittest.main()
