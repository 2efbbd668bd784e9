# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios done to a real kernel in a guest, beside what iopt-sim says.

What a kernel sent is read from the command queue in the guest's memory, op by
op, and checked against QEMU's own trace of the same commands.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from . import cmdq
from .cmdq import Command, Sent
from .smmu_guest import CMDQ_BASE, CMDQ_PROD, DEVICE, GB

TRACE_EVENTS = ("smmuv3_cmdq_opcode", "smmuv3_*range_inval")
MAX_WINDOW_BYTES = 16 * GB
OP_TIMEOUT_S = 60.0
STREAM_LINES = 24


class BadRun(Exception):
    """A run that says nothing about the kernel or the simulator."""


class Skip(Exception):
    """A case that this kernel, or this machine, cannot do; why."""


class Machine(Protocol):
    """What is needed of qemu_guest.Guest."""

    def send(self, line: str) -> None: ...

    def expect(self, pattern: str, timeout_s: float,
               passed: list[str] | None = None) -> re.Match[str]: ...

    def read_words(self, address: int, count: int) -> list[int]: ...

    def read_memory(self, address: int, size_bytes: int) -> bytes: ...

    def trace_size(self) -> int: ...

    def trace_since(self, offset: int) -> list[str]: ...


@dataclass(frozen=True)
class Scenario:
    """Ops in the grammar of iopt-sim."""

    name: str
    text: str

    @classmethod
    def load(cls, path: Path) -> Scenario:
        """From a file; its name is the file's."""
        return cls(path.stem, path.read_text("utf-8"))

    @property
    def lines(self) -> list[str]:
        """The ops, without comments."""
        bare = (line.partition("#")[0].strip()
                for line in self.text.splitlines())
        return [line for line in bare if line]


@dataclass(frozen=True)
class Setup:
    """How a scenario is run: the kernel's side and the simulator's."""

    family: str
    release: str
    driver: str
    ril: str
    stage: int
    granule: str
    ias: int
    oas: int

    def options(self) -> list[str]:
        """The same for iopt-sim."""
        return ["--driver", self.driver, "--ril", self.ril, "--stage",
                str(self.stage), "--granule", self.granule, "--ias",
                str(self.ias), "--oas", str(self.oas)]


@dataclass(frozen=True)
class Op:
    """One op: its return value, its stream, and how often it was warned."""

    line: str
    ret: int
    warnings: int
    stream: tuple[Command, ...]
    sent: Sent
    note: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the stream has all that was sent."""
        return len(self.stream) == (sum(self.sent.commands.values()) +
                                    self.sent.sync)


def size_of(text: str) -> int:
    """A size or address of a scenario line in bytes."""
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    try:
        return int(text.rstrip("KMGT"), 0) * factor.get(text[-1:], 1)
    except ValueError:
        raise BadRun(f"{text!r}: no size") from None


def frames_needed(line: str) -> int:
    """Bytes from the start of a window of frames that a map needs."""
    words = line.split()
    if words[0] not in ("vfio_map", "iommufd_map"):
        return 0
    named = dict(word.partition("=")[::2] for word in words[3:])
    size, run = size_of(words[2]), size_of(named["run"])
    span = size
    if run < size:
        span = -(-size // run) << (run - 1).bit_length()
    return size_of(named.get("phys", "0")) % GB + span


def window_bytes(scenarios: Iterable[Scenario]) -> int:
    """A power of two from 1G up that holds the frames of each scenario."""
    need = max((frames_needed(line) for scenario in scenarios
                for line in scenario.lines), default=0)
    window = 1 << max(30, (need - 1).bit_length())
    return min(window, MAX_WINDOW_BYTES)


def simulated(text: str) -> list[Op]:
    """The ops that iopt-sim --json --dump-queue printed."""
    ops = []
    try:
        for line in text.splitlines():
            o = json.loads(line)
            ranges = {cmdq.Shape(r["num"], r["scale"], r["ttl"], r["tg"],
                                 r["leaf"]): r["count"] for r in o["ranges"]}
            ops.append(Op(o["line"], o["ret"], o["counters"]["warnings"],
                          tuple(cmdq.dumped(o["queue"])),
                          Sent(o["commands"], o["sync"], ranges)))
    except (ValueError, KeyError, TypeError, cmdq.BadQueue) as error:
        raise BadRun(f"iopt-sim printed no such JSON: {error!r}") from error
    return ops


class Queue:
    """The command queue of a running guest."""

    def __init__(self, guest: Machine) -> None:
        self._guest = guest
        self.ring = cmdq.Ring.of(*guest.read_words(CMDQ_BASE, 2))
        self._prod = 0
        self._traced = 0
        self.mark()

    def _read_prod(self) -> int:
        return self._guest.read_words(CMDQ_PROD, 1)[0]

    def mark(self) -> None:
        """From here on."""
        self._prod = self._read_prod()
        self._traced = self._guest.trace_size()

    def since(self) -> tuple[list[Command], str]:
        """What was sent since the mark, and where it is from if not the
        queue's memory.

        Raises BadRun when queue and trace disagree.
        """
        before, after = self._prod, self._read_prod()
        trace = cmdq.traced(self._guest.trace_since(self._traced))
        if len(trace) > self.ring.nr_entries:
            if (len(trace) - self.ring.nr_between(before, after)) % \
                    (2 * self.ring.nr_entries):
                raise BadRun(f"CMDQ_PROD went from {before:#x} to {after:#x} "
                             f"while QEMU traced {len(trace)} commands")
            return (cmdq.from_trace(trace),
                    f"from QEMU's trace: {len(trace)} commands, and the "
                    f"queue holds {self.ring.nr_entries}")
        memory = self._guest.read_memory(self.ring.address,
                                         self.ring.size_bytes)
        commands = self.ring.commands(memory, before, after)
        wrong = cmdq.check_traced(commands, trace)
        if wrong:
            raise BadRun(wrong)
        return commands, ""


def run_scenario(guest: Machine, scenario: Scenario, path: str) -> list[Op]:
    """A scenario's ops done to the guest's kernel.

    Raises Skip with the guest's reason, BadRun when the run is no use.
    """
    answer = r"^@(?:(ready|op) (.*)|(skip|error|exit) (.*))$"
    ops: list[Op] = []

    def expect(word: str) -> str:
        found = guest.expect(answer, OP_TIMEOUT_S)
        if found[1] == word:
            return found[2]
        if found[3] in ("skip", "error"):
            guest.expect(r"^@exit \d+$", OP_TIMEOUT_S)
            if found[3] == "skip":
                raise Skip(found[4])
        raise BadRun(f"{scenario.name}: the guest said {found[0]!r} in place "
                     f"of {word}")

    lines = scenario.lines
    guest.send(f"vfio-user --device {DEVICE} {path}")
    if expect("ready") != str(len(lines)):
        raise BadRun(f"{scenario.name}: the guest reads another number of "
                     "ops")
    queue = Queue(guest)
    for i, line in enumerate(lines):
        queue.mark()
        guest.send("")
        found = re.fullmatch(r"(\d+) ret (-?\d+) warnings (\d+)",
                             expect("op"))
        if not found or int(found[1]) != i:
            raise BadRun(f"{scenario.name}: op {i}: no answer that fits")
        stream, note = queue.since()
        ops.append(Op(line, int(found[2]), int(found[3]), tuple(stream),
                      Sent.of(stream), note))
    guest.send("")
    guest.expect(r"^@exit 0$", OP_TIMEOUT_S)
    return ops


@dataclass(frozen=True)
class Verdict:
    """One op on both sides."""

    kernel: Op
    simulator: Op
    differs: tuple[str, ...]
    is_in_order: bool

    @classmethod
    def of(cls, kernel: Op, simulator: Op) -> Verdict:
        """Compared: return value, counts, ranges, whether it warned."""
        ours, theirs = kernel, simulator
        differs = [
            name for name, is_equal in (
                ("ret", ours.ret == theirs.ret),
                ("warned", (ours.warnings > 0) == (theirs.warnings > 0)),
                ("commands", ours.sent.commands == theirs.sent.commands),
                ("sync", ours.sent.sync == theirs.sent.sync),
                ("ranges", ours.sent.ranges == theirs.sent.ranges),
            ) if not is_equal]
        if not differs and ours.is_whole and theirs.is_whole and \
                Counter(ours.stream) != Counter(theirs.stream):
            differs.append("addresses")
        return cls(ours, theirs, tuple(differs),
                   not differs and ours.stream == theirs.stream)


@dataclass
class Result:
    """A scenario under a setup: verdicts, or why there are none."""

    scenario: str
    setup: Setup
    verdicts: list[Verdict] = field(default_factory=list)
    skipped: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether both sides agree on every op."""
        return not any(verdict.differs for verdict in self.verdicts)

    @property
    def word(self) -> str:
        """The last column of the table."""
        if self.skipped:
            return "skipped"
        return "yes" if self.is_equal else "NO"


def compare(scenario: Scenario, setup: Setup, kernel: Sequence[Op],
            simulator: Sequence[Op]) -> Result:
    """Both sides of a scenario."""
    if len(kernel) != len(simulator):
        raise BadRun(f"{scenario.name}: {len(kernel)} ops in the guest, "
                     f"{len(simulator)} simulated")
    return Result(scenario.name, setup, [
        Verdict.of(ours, theirs) for ours, theirs in zip(kernel, simulator)])


def _total(ops: Iterable[Op]) -> Sent:
    commands: Counter[str] = Counter()
    ranges: Counter[cmdq.Shape] = Counter()
    sync = 0
    for op in ops:
        commands.update(op.sent.commands)
        ranges.update(op.sent.ranges)
        sync += op.sent.sync
    return Sent(dict(commands), sync, dict(ranges))


HEADER = ("scenario", "kernel", "stage", "granule", "RIL", "sent",
          "simulated", "equal")


def table(results: Sequence[Result]) -> list[str]:
    """Scenario x kernel x (sent, simulated, equal), in columns."""
    rows = [HEADER]
    for result in results:
        sent = str(_total(v.kernel for v in result.verdicts))
        told = str(_total(v.simulator for v in result.verdicts))
        if result.skipped:
            sent = told = "-"
        rows.append((result.scenario, result.setup.release,
                     str(result.setup.stage), result.setup.granule,
                     result.setup.ril, sent, told, result.word))
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in
                      zip(row, widths)).rstrip() for row in rows]


def _side(op: Op) -> dict[str, Any]:
    """An op of one side, for the file."""
    return {
        "ret": op.ret, "warnings": op.warnings, "commands": op.sent.commands,
        "sync": op.sent.sync,
        "ranges": [{"num": s.num, "scale": s.scale, "ttl": s.ttl, "tg": s.tg,
                    "leaf": s.leaf, "count": n}
                   for s, n in sorted(op.sent.ranges.items())],
        **({"note": op.note} if op.note else {})}


def document(results: Sequence[Result],
             context: Mapping[str, Any]) -> dict[str, Any]:
    """The whole result, for JSON."""
    rows = []
    for result in results:
        setup = result.setup
        row: dict[str, Any] = {
            "scenario": result.scenario, "kernel": setup.release,
            "driver": setup.driver, "ril": setup.ril, "stage": setup.stage,
            "granule": setup.granule, "equal": result.word}
        if result.skipped:
            row["skipped"] = result.skipped
        row["ops"] = [{
            "line": v.kernel.line, "sent": _side(v.kernel),
            "simulated": _side(v.simulator), "differs": list(v.differs),
            "in_order": v.is_in_order} for v in result.verdicts]
        rows.append(row)
    return {"context": dict(context), "rows": rows}


RECORD_KEY = ("scenario", "driver", "granule", "stage", "ril")


def _record(result: Result) -> dict[str, Any]:
    """What a kernel did, without what was simulated beside it."""
    setup = result.setup
    return {
        "scenario": result.scenario, "driver": setup.driver,
        "granule": setup.granule, "stage": setup.stage, "ril": setup.ril,
        "ias": setup.ias, "oas": setup.oas, "kernel": setup.release,
        "ops": [{"line": v.kernel.line, **{
            key: value for key, value in _side(v.kernel).items()
            if key != "note"}} for v in result.verdicts]}


def merged_records(before: str, results: Sequence[Result]) -> str:
    """Records, one JSON object a line, with new ones in their places."""
    records = [json.loads(line) for line in before.splitlines()]
    records += [_record(result) for result in results if not result.skipped]
    by_key = {tuple(record[key] for key in RECORD_KEY): record
              for record in records}
    return "".join(json.dumps(by_key[key], separators=(",", ":")) + "\n"
                   for key in sorted(by_key))


def _streams(verdict: Verdict) -> list[str]:
    """Both streams side by side round the first difference."""
    pairs = list(zip_longest(map(str, verdict.kernel.stream),
                             map(str, verdict.simulator.stream),
                             fillvalue="-"))
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
    start = max(0, first - 2)
    shown = pairs[start:start + STREAM_LINES]
    width = max([len("sent by the kernel"), *(len(a) for a, _ in shown)])
    lines = [f"        {'sent by the kernel':<{width}}  simulated"]
    if start:
        lines.append(f"        ... {start} equal before")
    lines += [f"      {'  ' if a == b else '* '}{a:<{width}}  {b}"
              for a, b in shown]
    rest = len(pairs) - start - len(shown)
    if rest > 0:
        lines.append(f"        ... and {rest} more")
    return lines


def disagreements(results: Sequence[Result]) -> list[str]:
    """What a person needs to see where both sides differ."""
    lines = []
    for result in results:
        for i, verdict in enumerate(result.verdicts):
            if not verdict.differs:
                continue
            ours, theirs = verdict.kernel, verdict.simulator
            lines += [
                f"{result.scenario}, {result.setup.release}, RIL "
                f"{result.setup.ril}, op {i} ({ours.line}): differs in "
                f"{', '.join(verdict.differs)}",
                f"        kernel: ret {ours.ret}, {ours.sent}, warnings "
                f"{ours.warnings}",
                f"     simulator: ret {theirs.ret}, {theirs.sent}, warnings "
                f"{theirs.warnings}", *_streams(verdict)]
    return lines


def summary(results: Sequence[Result]) -> str:
    """One line at the end."""
    run = [result for result in results if not result.skipped]
    equal = sum(result.is_equal for result in run)
    in_order = sum(all(v.is_in_order for v in result.verdicts)
                   for result in run if result.is_equal)
    text = (f"{equal} of {len(run)} equal, {in_order} of them in every "
            "address and in the same order")
    if len(run) < len(results):
        text += f"; {len(results) - len(run)} skipped"
    return text
