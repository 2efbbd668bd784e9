# SPDX-License-Identifier: GPL-2.0-only
"""What others published, beside what the simulator makes of the same unmaps.

Each check is a scenario for iopt-sim, a profile and a published figure. The
price of an unmap is

    call + clear * (leaves - 1) + sim_ns

call and clear being the profile's: call is an unmap of one leaf without its
commands, clear a further leaf. Tables that go whole have no price of their
own beyond the flush that is sent for them.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import zip_longest

BEGIN = "<!-- begin: printed by make validate -->"
END = "<!-- end: printed by make validate -->"

CALIBRATION = "calibration"  # the source also fed the profile
VALIDATION = "validation"    # it did not

OK, MISS, NO_VERDICT = "ok", "MISS", "-"

PAGE = 4096
M = 1 << 20
G = 1 << 30

MAX_DIGITS = 8  # of a figure that a source has; a quotient has more

UNITS_PS = {"ps": 1, "ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12}


class BadRun(Exception):
    """iopt-sim, a profile or the page is not as expected."""


@dataclass(frozen=True)
class Prices:
    """What of a profile is not in simulated time, in ns."""

    call: Decimal
    clear: Decimal
    exec: Decimal


@dataclass(frozen=True)
class Setup:
    """The machine that a scenario runs on.

    flushes_by_page: the SMMUv2 profile as it was before v5.15, with its
    table_flush set to page.
    """

    profile: str
    driver: str
    options: tuple[str, ...] = ()
    flushes_by_page: bool = False


@dataclass(frozen=True)
class Op:
    """An op of a scenario, as iopt-sim printed it."""

    line: str
    ret: int
    commands: Mapping[str, int]
    syncs: int
    flush_commands: int  # of table flushes, by address: not for leaves only
    pte_writes: int
    tables_freed: int
    sim_ns: Decimal
    queue: tuple[str, ...]

    @property
    def is_unmap(self) -> bool:
        """Is it one of the *_unmap ops?"""
        return self.line.split()[0].endswith("_unmap")


Runner = Callable[[Setup, Sequence[str]], list[Op]]


@dataclass(frozen=True)
class Lab:
    """Runs scenarios, and knows the prices of profiles by name."""

    run: Runner
    prices: Mapping[str, Prices]

    def unmaps(self, setup: Setup, lines: Sequence[str]) -> list[Op]:
        """The unmaps of a scenario, each of which took all it was told."""
        ops = self.run(setup, lines)
        for op in ops:
            size = _size(op.line.split()[2]) if op.is_unmap else 0
            if op.ret != size:
                raise BadRun(f"{op.line}: returned {op.ret}, not {size}")
        return [op for op in ops if op.is_unmap]

    def total_ns(self, setup: Setup, lines: Sequence[str]) -> Decimal:
        """What the unmaps of a scenario take, software and commands."""
        prices = self.prices[setup.profile]
        return sum((unmap_ns(op, prices) for op in self.unmaps(setup, lines)),
                   Decimal(0))


@dataclass(frozen=True)
class Source:
    """Where a figure was published."""

    key: str
    text: str


@dataclass(frozen=True)
class Rule:
    """How near is near enough.

    limit: of the relative deviation, or of the difference in points; None
    for a row without a verdict. is_sign: the sign is to be that of the
    figure, and limit is for a figure of 0.
    """

    text: str
    limit: Decimal | None
    is_points: bool = False
    is_sign: bool = False


EXACT = Rule("exact", Decimal(0))
TIME = Rule("15 %", Decimal("0.15"))
RATIO = Rule("10 %", Decimal("0.10"))
POINTS = Rule("2 points", Decimal(2), is_points=True)
SHOWN = Rule("-", None)
SHAPE = Rule("the sign", Decimal(15), is_points=True, is_sign=True)


@dataclass(frozen=True)
class Row:
    """A check: a published figure and its simulation, both in unit.

    why: the reason of a miss, or of a row without verdict.
    """

    title: str
    source: Source
    unit: str
    published: Decimal
    simulated: Decimal
    rule: Rule
    kind: str
    why: str = ""

    @property
    def deviation(self) -> Decimal:
        """Relative, or in points or whole commands where that is the rule."""
        difference = self.simulated - self.published
        if self.rule.is_points or not self.published:
            return difference
        return difference / self.published

    @property
    def verdict(self) -> str:
        """ok, MISS or neither."""
        if self.rule.limit is None:
            return NO_VERDICT
        if self.rule.is_sign and self.published:
            return OK if self.published * self.simulated > 0 else MISS
        return OK if abs(self.deviation) <= self.rule.limit else MISS


QCOM = Source("SM8150", "Sai Prakash Ranjan, Qualcomm SM8150, "
              "20210811160426.10312-1-saiprakash.ranjan@codeaurora.org, merged "
              "as ef75702d6d65")
CHEN = Source("HiSilicon", "Xiang Chen, HiSilicon, machine not stated, "
              "1627697831-158822-1-git-send-email-chenxiang66@hisilicon.com")
KUNPENG = Source("Kunpeng", "HiSilicon Kunpeng, "
                 "8d8e0c37-95f7-4d24-a4eb-a4b10f771c6a@hisilicon.com")
MORELLO = Source("Morello", "Mostafa Saleh, Arm Morello, the kernel's driver, "
                 "20241212180423.1578358-1-smostafa@google.com")
GRACE = Source("Grace", "Nicolin Chen, a guest on NVIDIA Grace, "
               "cover.1752126748.git.nicolinc@nvidia.com")
LOCKUP = Source("lockup", "Zekun Zhang, a soft lockup of qemu, "
                "20240115114040.6279-1-zhangzekun11@huawei.com")
THRESHOLD = Source("587bb3e56a2c", "commit 587bb3e56a2c, the whole-context "
                   "threshold for all invalidations of a domain")
LARGER = Source("166fd7d94afd", "commit 166fd7d94afd: VFIO unmaps a page and "
                "goes on by what the unmap says it took; io-pgtable-arm "
                "split the block from its start (e1d3c0fd701d)")
CHUNKS = Source("6fe1010d6d9c x86", "commit 6fe1010d6d9c, its message: a "
                "synthetic guest of 1T on VT-d, mapped and shut down; for AMD "
                "an estimate")
CHUNKING = Source("6fe1010d6d9c", "commit 6fe1010d6d9c, VFIO unmaps what is "
                  "contiguous at once; history in "
                  "20241101115439.GA8518@willie-the-truck")

# Kernel of the time; 6.1 is the oldest driver here.
SM8150 = Setup("smmuv2-sm8150", "6.1")
SM8150_BEFORE = Setup("smmuv2-sm8150", "6.1", flushes_by_page=True)
HISILICON = Setup("smmuv3-noril", "6.1")
BARE = Setup("smmuv3-noril", "6.12")
TRAPPED = Setup("smmuv3-guest-trapped", "6.12")
VCMDQ = Setup("grace-vcmdq", "6.12")


def prices_of(text: str) -> Prices:
    """The prices of a profile file, which iopt-sim has checked."""
    ini = configparser.ConfigParser(interpolation=None,
                                    comment_prefixes=(";",))
    try:
        ini.read_string(text)
        return Prices(**{name: time_ns(ini[name]["value"])
                         for name in ("call", "clear", "exec")})
    except (configparser.Error, KeyError) as error:
        raise BadRun(f"a profile without a price: {error}") from error


def time_ns(text: str) -> Decimal:
    """A price with its unit, "74 ns" or "1.35us", in ns."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *(ps|ns|us|ms|s)", text)
    if match is None:
        raise BadRun(f"{text!r} is no time: a number and ps, ns, us, ms or s "
                     "are wanted")
    return Decimal(match[1]) * UNITS_PS[match[2]] / 1000


def flushing_by_page(profile: str) -> str:
    """The text of an SMMUv2 profile with the table flush of before v5.15."""
    text, count = re.subn(r"(?m)^table_flush *= *asid$", "table_flush = page",
                          profile)
    if count != 1:
        raise BadRun("the profile has no line 'table_flush = asid'")
    return text


def parse_ops(text: str) -> list[Op]:
    """The ops that iopt-sim --json --dump-queue printed."""
    try:
        objects = [json.loads(line, parse_float=Decimal)
                   for line in text.splitlines()]
        return [Op(line=o["line"], ret=o["ret"], commands=o["commands"],
                   syncs=o["sync"],
                   flush_commands=sum(r["count"] for r in o["ranges"]
                                      if not r["leaf"]),
                   pte_writes=o["counters"]["pte_writes"],
                   tables_freed=o["counters"]["tables_freed"],
                   sim_ns=Decimal(o["sim_ns"]), queue=tuple(o["queue"]))
                for o in objects]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRun(f"iopt-sim printed no such JSON: {error!r}") from error


def unmap_ns(op: Op, prices: Prices) -> Decimal:
    """An unmap's software and commands. It takes leaves, or tables whole."""
    leaves = 0 if op.tables_freed else op.pte_writes
    return prices.call + prices.clear * max(leaves - 1, 0) + op.sim_ns


def _size(text: str) -> int:
    """A size of a scenario line in bytes."""
    factor = {"K": 1 << 10, "M": M, "G": G}.get(text[-1:], 1)
    return int(text.rstrip("KMG"), 0) * factor


def _text(size: int) -> str:
    """A size as scenarios and titles have it."""
    for unit, name in ((G, "G"), (M, "M"), (1 << 10, "K")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return str(size)


def contiguous(size: int) -> list[str]:
    """A buffer in one physical piece, unmapped at once."""
    return [f"iommu_map 0 0x100000000 {_text(size)}",
            f"iommu_unmap 0 {_text(size)}"]


def one_by_one(pages: int) -> list[str]:
    """The same, but a call and a sync for each page."""
    return [f"iommu_map 0 0x100000000 {_text(pages * PAGE)}",
            *(f"iommu_unmap {page * PAGE:#x} 4K" for page in range(pages))]


def scattered(size: int) -> list[str]:
    """A list of 4K pieces, unmapped at once."""
    return [f"vfio_map 0 {_text(size)} run=4K", f"iommu_unmap 0 {_text(size)}"]


# 32M as a list of 4K pieces, unmap us: before and after TLBIASID.
SM8150_US = {
    2 * M: ("67.291", "5.385"),
    12 * M: ("390.838", "21.250"),
    16 * M: ("518.187", "27.437"),
    24 * M: ("775.989", "39.937"),
    32 * M: ("1033.364", "51.797"),
}


def sm8150(lab: Lab) -> list[Row]:
    """SMMUv2: a table flush by page, and by ASID."""
    before = lab.unmaps(SM8150_BEFORE, scattered(32 * M))[0].commands
    after = lab.unmaps(SM8150, scattered(32 * M))[0].commands
    rows = [
        Row("SM8150, 32M of 4K: TLBIVA before", QCOM, "", Decimal(8192),
            Decimal(sum(before.values())), EXACT, CALIBRATION),
        Row("SM8150, 32M of 4K: TLBIASID after", QCOM, "", Decimal(16),
            Decimal(sum(after.values())), EXACT, CALIBRATION),
    ]
    if set(before) != {"TLBIVA"} or set(after) != {"TLBIASID"}:
        raise BadRun(f"SM8150 sent {dict(before)} and {dict(after)}")
    for size, texts in SM8150_US.items():
        published = [Decimal(text) for text in texts]
        times = [lab.total_ns(setup, scattered(size)) / 1000
                 for setup in (SM8150_BEFORE, SM8150)]
        if size in (2 * M, 32 * M):
            rows += [Row(f"SM8150, {_text(size)} of 4K: unmap {when}", QCOM,
                         "us", published[i], times[i], TIME, CALIBRATION)
                     for i, when in enumerate(("before", "after"))]
        rows.append(Row(f"SM8150, {_text(size)} of 4K: before / after", QCOM,
                        "x", published[0] / published[1], times[0] / times[1],
                        RATIO, CALIBRATION))
    return rows


# Unmap us of so many 4K pages, one thread, after unmap_pages.
ONE_THREAD_US = {1: "0.8", 2: "0.9", 4: "1.1", 8: "1.4", 16: "2.0",
                 32: "3.3", 64: "6.1", 128: "10.4", 256: "19.3"}
BLOCKS_US = {1: "0.9", 2: "1.0"}
# The same with ten threads, from where they saturate the SMMU.
TEN_THREADS_US = {16: "12.4", 32: "24.2", 64: "46.4", 128: "94.2",
                  256: "191.5"}


def hisilicon(lab: Lab) -> list[Row]:
    """SMMUv3 without range invalidation: one thread, and ten."""
    times = {n: lab.total_ns(HISILICON, contiguous(n * PAGE)) / 1000
             for n in ONE_THREAD_US}
    rows = [Row(f"no RIL, {n} x 4K", CHEN, "us", Decimal(text), times[n], TIME,
                CALIBRATION)
            for n, text in ONE_THREAD_US.items()]
    published = (Decimal("19.3") - Decimal("0.8")) / 255 * 1000
    rows.append(Row("no RIL, a further page", CHEN, "ns", published,
                    (times[256] - times[1]) / 255 * 1000, TIME, CALIBRATION))
    rows += [Row(f"no RIL, {n} x 2M block", CHEN, "us", Decimal(text),
                 lab.total_ns(HISILICON, contiguous(n * 2 * M)) / 1000, TIME,
                 CALIBRATION)
             for n, text in BLOCKS_US.items()]
    price = lab.prices[HISILICON.profile].exec
    for n, text in TEN_THREADS_US.items():
        op = lab.unmaps(HISILICON, contiguous(n * PAGE))[0]
        rows.append(Row(f"no RIL, {n} x 4K, 10 threads", CHEN, "us",
                        Decimal(text),
                        10 * sum(op.commands.values()) * price / 1000, TIME,
                        CALIBRATION))
    return rows


def other_machines(lab: Lab) -> list[Row]:
    """The same prices for machines that they were not taken from."""
    slow = ("the profile's 74 ns is what a saturated SMMU takes; here a page "
            "more costs (15.5 - 0.7) / 255 = 58 ns")
    each = ("the source does not say how often it synced; here each page pays "
            "a call of 446 ns and a sync of 280 ns, and a page alone comes "
            "out as 0.80 us against its 0.7")
    times = {name: lab.total_ns(setup, lines) / 1000
             for name, setup, lines in (
                 ("one", HISILICON, contiguous(PAGE)),
                 ("all", HISILICON, contiguous(M)),
                 ("each", HISILICON, one_by_one(256)),
                 ("4K", BARE, contiguous(PAGE)),
                 ("1M", BARE, contiguous(M)))}

    def row(title: str, source: Source, text: str, name: str,
            why: str = "") -> Row:
        return Row(title, source, "us", Decimal(text), times[name], TIME,
                   VALIDATION, why)

    return [
        row("Kunpeng, 4K", KUNPENG, "0.7", "one"),
        row("Kunpeng, 256 x 4K at once", KUNPENG, "15.5", "all", slow),
        row("Kunpeng, 256 x 4K one by one", KUNPENG, "171.1", "each", each),
        Row("Kunpeng, one by one / at once", KUNPENG, "x",
            Decimal("171.1") / Decimal("15.5"), times["each"] / times["all"],
            RATIO, VALIDATION),
        row("Morello, 4K", MORELLO, "0.7", "4K"),
        row("Morello, 256 x 4K", MORELLO, "21.5", "1M"),
    ]


# Unmap us in the guest: the queue trapped, and owned.
GUEST_US = {PAGE: ("35.7", "5.3"), 4 * PAGE: ("41.8", "6.8"),
            16 * PAGE: ("68.9", "9.9"), 32 * PAGE: ("109.0", "12.6"),
            64 * PAGE: ("187.1", "18.0")}


def guest(lab: Lab) -> list[Row]:
    """A guest whose command queue is trapped, and one that owns its queue."""
    why = ("the price of a command in the owned queue is the mean over 63 of "
           "them; the first ones cost more, 6.8 - 5.3 = 1.5 us for three, the "
           "last 32 only 0.17 us each")
    rows = []
    for size, texts in GUEST_US.items():
        published = [Decimal(text) for text in texts]
        times = [lab.total_ns(setup, contiguous(size)) / 1000
                 for setup in (TRAPPED, VCMDQ)]
        rows += [
            Row(f"guest, trapped, {_text(size)}", GRACE, "us", published[0],
                times[0], TIME, CALIBRATION),
            Row(f"guest, VCMDQ, {_text(size)}", GRACE, "us", published[1],
                times[1], TIME, CALIBRATION,
                why if size == 16 * PAGE else ""),
        ]
        if size in (PAGE, 64 * PAGE):
            rows.append(Row(f"guest, VCMDQ for trapped, {_text(size)}", GRACE,
                            "%", (published[1] / published[0] - 1) * 100,
                            (times[1] / times[0] - 1) * 100, POINTS,
                            CALIBRATION))
    return rows


def table_of_1g(lab: Lab) -> list[Row]:
    """1G of 4K pages in one unmap, without range invalidation."""
    old = lab.unmaps(HISILICON, scattered(G))[0]
    last = lab.unmaps(BARE, scattered(G))[0]
    new = lab.unmaps(Setup("smmuv3-noril", "7.3"), scattered(G))[0]
    whole = new.commands.get("TLBI_NH_ASID", 0)
    ms = lab.total_ns(HISILICON, scattered(G)) / 10**6
    return [
        Row("1G of 4K, no RIL, 6.1: commands of the flush", LOCKUP, "",
            Decimal(G // PAGE), Decimal(old.flush_commands), EXACT,
            VALIDATION),
        Row("1G of 4K, no RIL, 6.12: commands of the flush", LOCKUP, "",
            Decimal(G // PAGE), Decimal(last.flush_commands), EXACT,
            VALIDATION),
        Row("1G of 4K, no RIL, 7.3: commands of the flush", THRESHOLD, "",
            Decimal(1), Decimal(new.flush_commands + whole), EXACT,
            VALIDATION),
        Row("1G of 4K, no RIL, 6.1, at 74 ns each", CHEN, "ms",
            Decimal("19.4"), ms, TIME, CALIBRATION),
        Row("1G of 4K, no RIL: the lockup", LOCKUP, "ms", Decimal(12000), ms,
            SHOWN, VALIDATION,
            "the 12 s are of a queue that other CPUs kept busy, "
            "and the report does not say whether it was one unmap; the model "
            "has the queue to itself"),
    ]


VFIO_LINES = [
    line
    for iova, size, rest in (
        ("0x500000000", "64M", "run=4K"),
        ("0x600000000", "64M", "run=2M"),
        ("0x700001000", "64M", "run=64M phys=0x40000000"),
        ("0x800000000", "96M", "run=1536K"),
        ("0x900000000", "2G", "run=1G"),
    )
    for line in (f"vfio_map {iova} {size} {rest}", f"vfio_unmap {iova} {size}")
]


def vfio(lab: Lab) -> list[Row]:
    """VFIO's teardown with the split and without: the same commands?"""
    rows = []
    for driver in ("6.12", "7.3"):
        for ril in ("on", "off"):
            queues = [
                [command
                 for op in lab.unmaps(
                     Setup("smmuv3-ril", driver,
                           ("--ril", ril, "--strategy", "chunked-fast",
                            "--engine", engine)), VFIO_LINES)
                 for command in whole_queue(op)]
                for engine in ("lpae-split", "lpae-nosplit")]
            differ = sum(a != b for a, b in zip_longest(*queues))
            rows.append(Row(
                f"VFIO, split and no split, {driver}, RIL {ril}: commands that "
                f"differ, of {len(queues[0]):,}", CHUNKING, "", Decimal(0),
                Decimal(differ), EXACT, VALIDATION))
    return rows


# What the shape of a whole guest's life needs besides a profile: a lookup of a
# scan, measured here; pinning and unpinning of 16G, seconds as published for
# a kernel that still did both page by page.
LOOKUP_NS = Decimal(5)
PIN_4K_NS = (Decimal("0.280") + Decimal("0.312")) * 10**9 / (16 * G // PAGE)
PIN_2M_NS = (Decimal("0.052") + Decimal("0.136")) * 10**9 / (16 * G // (2 * M))


@dataclass(frozen=True)
class Life:
    """A guest of the published comparison: 1G of it, mapped and shut down.

    run: physically contiguous bytes; map: arguments of vfio_map beside it;
    pages: what one unmap of a page takes; engine: of both walks.
    """

    title: str
    published: str
    run: int
    map: str
    pages: int
    engine: str
    huge: bool


def _life_ns(lab: Lab, setup: Setup, life: Life, strategy: str) -> Decimal:
    """Pin, unpin, and the teardown by a strategy."""
    prices = lab.prices[setup.profile]
    op = lab.unmaps(
        Setup(setup.profile, setup.driver,
              ("--engine", life.engine, "--strategy", strategy)),
        [f"vfio_map 0x500000000 1G run={_text(life.run)} {life.map}".rstrip(),
         "vfio_unmap 0x500000000 1G"])[0]
    step = life.pages if strategy == "page" else life.run
    nr_unmaps = G // step
    nr_lookups = nr_unmaps if strategy == "page" else \
        G // PAGE + nr_unmaps - 1
    pinning = PIN_2M_NS * (G // (2 * M)) if life.huge \
        else PIN_4K_NS * (G // PAGE)
    return (pinning + prices.call * nr_unmaps + LOOKUP_NS * nr_lookups
            + prices.clear * max(op.pte_writes - nr_unmaps, 0) + op.sim_ns)


LIVES = (
    Life("4K pages, runs of 64K", "30", 64 << 10, "phys=0x100001000", PAGE,
         "lpae-whole", False),
    Life("2M hugetlb, no superpages", "40", 2 * M, "phys=0x100001000", PAGE,
         "lpae-whole", True),
    Life("2M hugetlb, superpages", "0", 2 * M, "", 2 * M, "lpae-whole", True),
    Life("4K pages, fgsp engine", "-25", 64 << 10, "", 64 << 10, "amdv1",
         False),
)


def history(lab: Lab) -> list[Row]:
    """How many unmaps, each with its sync, took a 2M block then and later."""
    def each(engine: str, strategy: str) -> Decimal:
        op = lab.unmaps(Setup("smmuv3-ril", "6.12", ("--engine", engine,
                                                     "--strategy", strategy)),
                        ["vfio_map 0x500000000 1G run=2M",
                         "vfio_unmap 0x500000000 1G"])[0]
        return Decimal(op.syncs) / (G // (2 * M))
    return [Row(f"2M block, {title}: unmaps", source, "", Decimal(published),
                each(engine, strategy), EXACT, VALIDATION)
            for title, source, engine, strategy, published in (
                ("page by page, whole", LARGER, "lpae-whole", "page", 1),
                ("page by page, split", LARGER, "lpae-split", "page", 512),
                ("chunks, split", CHUNKING, "lpae-split", "chunked", 1),
                ("chunks, no split", CHUNKING, "lpae-nosplit", "chunked", 1))]


def chunking(lab: Lab) -> list[Row]:
    """What the scan for contiguity gained, and lost: the published shape.

    Page by page where an unmap gives up the whole leaf, as VT-d and AMD do.
    """
    rows = []
    for life in LIVES:
        # The other format has a driver of its own.
        setup = Setup("smmuv3-ril",
                      "" if life.engine == "amdv1" else "6.12")
        page, chunked = (_life_ns(lab, setup, life, strategy)
                         for strategy in ("page", "chunked"))
        rows.append(Row(f"chunks for pages: {life.title}", CHUNKS, "%",
                        Decimal(life.published), (1 - chunked / page) * 100,
                        SHAPE, VALIDATION))
    return rows


def whole_queue(op: Op) -> tuple[str, ...]:
    """All that an op put into the queue; the ring must not have wrapped."""
    if len(op.queue) != sum(op.commands.values()) + op.syncs:
        raise BadRun(f"{op.line}: the queue holds {len(op.queue)} of its "
                     f"{sum(op.commands.values()) + op.syncs} commands")
    return op.queue


def all_rows(lab: Lab) -> list[Row]:
    """Every check, in the order of the page."""
    return [row for group in (sm8150, hisilicon, other_machines, guest,
                              table_of_1g, vfio, history, chunking)
            for row in group(lab)]


def unexplained(rows: Sequence[Row]) -> list[str]:
    """A line for each miss without its reason, and reason without a miss."""
    return [f"{row.title}: {row.verdict} {'without' if not row.why else 'with'}"
            f" a reason"
            for row in rows if (row.verdict == OK) == bool(row.why)]


def _rounded(value: Decimal, digits: int) -> str:
    step = Decimal(1).scaleb(-digits)
    return f"{value.quantize(step, ROUND_HALF_UP):,}"


def published_text(value: Decimal, unit: str) -> str:
    """A figure as its source has it; a quotient like the simulated one."""
    if len(value.as_tuple().digits) > MAX_DIGITS:
        return value_text(value, unit)
    return f"{value:,} {unit}".rstrip()


def value_text(value: Decimal, unit: str) -> str:
    """A figure with its unit, to two or three digits; a count as it is."""
    if not unit:
        return f"{value:,}"
    digits = 2 if abs(value) < 20 and unit != "%" else 1
    sign = "+" if unit == "%" and value > 0 else ""
    gap = "" if unit == "x" else " "
    return f"{sign}{_rounded(value, digits)}{gap}{unit}"


def deviation_text(row: Row) -> str:
    """How far off, as the rule counts it."""
    if row.rule is EXACT:
        return f"{row.simulated - row.published:+,}" \
            if row.simulated != row.published else "0"
    value = row.deviation if row.rule.is_points else row.deviation * 100
    value = value.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if not value:
        value = abs(value)
    return f"{value:+} {'points' if row.rule.is_points else '%'}"


HEADER = ("check", "source", "published", "simulated", "deviation", "allowed",
          "kind", "verdict")
RIGHT = {"published", "simulated", "deviation", "allowed"}


def table_lines(rows: Sequence[Row]) -> list[str]:
    """The table, in Markdown with aligned columns."""
    cells = [HEADER] + [
        (row.title, row.source.key, published_text(row.published, row.unit),
         value_text(row.simulated, row.unit), deviation_text(row),
         row.rule.text, row.kind, row.verdict)
        for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    rule = ["-" * (width - 1) + ":" if name in RIGHT else "-" * width
            for name, width in zip(HEADER, widths)]
    lines = [[cell.rjust(width) if name in RIGHT else cell.ljust(width)
              for name, cell, width in zip(HEADER, line, widths)]
             for line in cells]
    return ["| " + " | ".join(line) + " |"
            for line in (lines[0], rule, *lines[1:])]


def render(rows: Sequence[Row]) -> list[str]:
    """What make validate prints, and what stands in the page."""
    counts = {verdict: sum(row.verdict == verdict for row in rows)
              for verdict in (OK, MISS, NO_VERDICT)}
    reasons = [f"- {row.title}: {row.why}." for row in rows if row.why]
    sources = {row.source.key: row.source.text for row in rows}
    return [
        *table_lines(rows), "",
        f"{len(rows)} checks: {counts[OK]} ok, {counts[MISS]} missed, "
        f"{counts[NO_VERDICT]} without a verdict.",
        *(["", "Missed, or without a verdict:", "", *reasons]
          if reasons else []),
        "", "Sources:", "",
        *(f"- {key}: {text}." for key, text in sources.items()),
    ]


def spliced(page: str, lines: Sequence[str]) -> str:
    """The page with the lines between its two markers."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 \
            or page.index(BEGIN) > page.index(END):
        raise BadRun(f"the page must have once each: {BEGIN} and {END}")
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{tail}"
