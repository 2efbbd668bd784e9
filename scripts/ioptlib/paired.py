# SPDX-License-Identifier: GPL-2.0-only
"""Runs two builds in turn, a process at a time, so that they can be compared.

This module does I/O: it starts processes and keeps all that they wrote in a
spool directory, from which a broken comparison can be gone on with.

The unit is the process. Those of a pair measure in turns of a millisecond, so
that what the machine does meanwhile is done to all of them. A block has every
arm twice, there and back again (old new new old, or with the null arm old new
null null new old), which gives two pairs; which arm is first is drawn from the
seed so that each is first equally often. Both sides run the same cases in the
same order and repeat each as often, as calibrated once on the slower of the two.
"""

from __future__ import annotations

import json
import os
import random
import resource
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from . import names, results, runner
from .console import Console, duration
from .sides import Side

OLD, NEW, NULL = "old", "new", "null"
FIRST_PAIRS, SECOND_PAIRS = 10, 20
MANIFEST = "compare.json"
SCHED = "nr_migrations"
TURNS = results.TURNS


@dataclass(frozen=True)
class Pair:
    """A case of both sides: what they share, and each one's own name."""

    key: str
    old: str
    new: str

    @property
    def family(self) -> str:
        """The family that it belongs to."""
        return names.parse(self.key).family

    def name(self, arm: str) -> str:
        """What an arm calls it."""
        return self.new if arm == NEW else self.old


@dataclass(frozen=True)
class Design:
    """All that decides what is run; kept in the spool.

    nr_first, nr_second: pairs of stage one, and of the suspects in stage two
    is_timed: False when both sides are the same machine code
    cpu, node: as iopt-bench takes them, "" for its own choice
    min_time_ms: timed part of a case in a process, as calibrated
    budget_s: no block starts that would end after this, once there are
        pairs enough for an interval
    has_turns: the processes of a pair are there at once, and measure in turns
    """

    old: Side
    new: Side
    pairs: tuple[Pair, ...]
    seed: int
    nr_first: int = FIRST_PAIRS
    nr_second: int = SECOND_PAIRS
    has_null: bool = True
    is_timed: bool = True
    cpu: str = ""
    traces: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    ceilings: tuple[str, ...] = ()
    min_time_ms: int | None = None
    budget_s: float | None = None
    stall_s: float = runner.STALL_S
    has_turns: bool = True
    node: str = ""

    @property
    def arms(self) -> tuple[str, ...]:
        """Who takes part in a block."""
        return (OLD, NEW, NULL) if self.has_null else (OLD, NEW)

    def side(self, arm: str) -> Side:
        """What an arm runs: the null arm is the old side once more."""
        return self.new if arm == NEW else self.old

    @property
    def families(self) -> list[str]:
        """Families of the cases, in their order."""
        return list(dict.fromkeys(pair.family for pair in self.pairs))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Design:
        """Read back what asdict() made; raises KeyError, TypeError."""
        fields = dict(data)
        for which in (OLD, NEW):
            side = dict(fields[which])
            side["args"] = tuple(side["args"])
            fields[which] = Side(**side)
        fields["pairs"] = tuple(Pair(**p) for p in fields["pairs"])
        for key in ("traces", "profiles", "ceilings"):
            fields[key] = tuple(fields[key])
        return cls(**fields)


@dataclass(frozen=True)
class Job(runner.Job):
    """One process of a comparison; round is the pair that it belongs to.

    stage: 1 or 2; 0 for what comes before
    what: stage, counts, calibration, ceilings
    order: keys of its cases, as it runs them
    """

    arm: str = OLD
    what: str = "stage"
    stage: int = 0
    block: int = 0
    position: int = 0
    order: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Name of its files in the spool."""
        if not self.stage:
            return f"{self.what}-{self.family}-{self.arm}"
        return (f"stage{self.stage}-{self.block:02d}-{self.family}-"
                f"{self.position}-{self.arm}")

    @property
    def title(self) -> str:
        """What it is, for a person."""
        if not self.stage:
            return f"{self.family}, {self.what}, {self.arm}"
        return (f"{self.family}, stage {self.stage}, pair {self.round + 1}, "
                f"{self.arm}")


def arrangements(arms: Sequence[str], nr_blocks: int, rng: random.Random) \
        -> list[list[str]]:
    """The order of the arms in the first half of each block.

    Rotations of one shuffled order, each as often as the others, drawn at
    random: with two arms that is ABBA or BAAB by chance, each in half of the
    blocks.
    """
    base = list(arms)
    rng.shuffle(base)
    deck: list[list[str]] = []
    drawn = []
    for _ in range(nr_blocks):
        if not deck:
            deck = [base[i:] + base[:i] for i in range(len(base))]
            rng.shuffle(deck)
        drawn.append(deck.pop())
    return drawn


def plan_stage(cases: Mapping[str, Sequence[str]], arms: Sequence[str],
               stage: int, nr_pairs: int, seed: int) -> list[Job]:
    """The processes of a stage in order; cases are the keys of each family.

    Stage two is in reverse: its last process first, and in each process the
    last case first.
    """
    rng = random.Random(seed)
    nr_blocks = (nr_pairs + 1) // 2
    orders = {family: arrangements(arms, nr_blocks, rng) for family in cases}
    jobs = []
    for block in range(nr_blocks):
        shuffled = list(cases)
        rng.shuffle(shuffled)
        for family in shuffled:
            order = list(cases[family])
            rng.shuffle(order)
            if stage == 2:
                order.reverse()
            there = orders[family][block]
            both = [(2 * block, arm) for arm in there]
            if 2 * block + 1 < nr_pairs:
                both += [(2 * block + 1, arm) for arm in reversed(there)]
            job_seed = rng.getrandbits(31)
            jobs += [Job(family, pair, job_seed, False, arm, "stage", stage,
                         block, position, tuple(order))
                     for position, (pair, arm) in enumerate(both)]
    if stage == 2:
        jobs.reverse()
    return jobs


@dataclass(frozen=True)
class Count:
    """How often a case is repeated: operations of a section, sections."""

    n: int
    blocks: int


def agree(old: results.Row, new: results.Row) -> Count | None:
    """What the slower of two calibrating rows found; where the faster one
    cannot prepare so many operations, as many as it can. None when they
    were not timed."""
    try:
        slow, fast = (old, new) if old["real_time"] >= new["real_time"] \
            else (new, old)
        return Count(int(min(slow["block_n"], fast["block_n"])),
                     int(slow["blocks"]))
    except (KeyError, TypeError):
        return None


def plan_text(pairs: Sequence[Pair], arm: str,
              counts: Mapping[str, Count]) -> str:
    """The plan of a process, a line a case."""
    lines = []
    for pair in pairs:
        count = counts.get(pair.key)
        lines.append(f"{pair.name(arm)} {count.n} {count.blocks}"
                     if count else pair.name(arm))
    return "\n".join(lines) + "\n"


def _steal_ticks(cpu: str) -> int | None:
    """Ticks that the hypervisor took from a CPU so far."""
    try:
        with open("/proc/stat", encoding="ascii") as stream:
            for line in stream:
                words = line.split()
                if words and words[0] == f"cpu{cpu}" and len(words) > 8:
                    return int(words[8])
    except (OSError, ValueError):
        pass
    return None


def _sched_value(pid: int, key: str) -> int | None:
    """A number of /proc/PID/sched, readable until it was waited for."""
    try:
        with open(f"/proc/{pid}/sched", encoding="ascii",
                  errors="replace") as stream:
            for line in stream:
                name, _, value = line.partition(":")
                if name.strip().rpartition(".")[2] == key:
                    return int(float(value))
    except (OSError, ValueError):
        pass
    return None


class Observed(runner.Process):
    """A process whose migrations are read before it is gone."""

    migrations: int | None = None

    def before_wait(self, child: subprocess.Popen[bytes]) -> None:
        """Wait for its end without taking it away, and look at it."""
        try:
            handle = os.pidfd_open(child.pid)
        except (AttributeError, OSError):
            return
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(handle, selectors.EVENT_READ)
                selector.select(runner.TERM_S)
        finally:
            os.close(handle)
        self.migrations = _sched_value(child.pid, SCHED)


@dataclass
class Session:
    """A comparison that is being run.

    counts: repetitions as calibrated; only cases in it are timed
    incomplete: why not all was run
    is_broken: it can be gone on with, so the spool has to stay
    started: when the time that the budget limits began
    """

    design: Design
    spool: runner.Spool
    console: Console
    interrupt: runner.Interrupt
    counts: dict[str, Count] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    incomplete: str = ""
    is_broken: bool = False
    cpu: str = ""
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.cpu = self.cpu or self.design.cpu
        self._pairs = {pair.key: pair for pair in self.design.pairs}

    def meta(self, job: Job) -> Path:
        """Where stands what the process was like."""
        return self.spool.path / f"{job.stem}.meta"

    def _is_there(self, job: Job) -> bool:
        return self.spool.out(job).exists() and self.meta(job).exists()

    def _command(self, job: Job, plan: Path) -> list[str]:
        design = self.design
        options = ["--plan", str(plan), "--family", job.family, "--progress",
                   "--seed", str(job.seed), "--round", str(job.round),
                   "--out", str(self.spool.out(job))]
        if self.cpu:
            options += ["--cpu", self.cpu]
        if design.node:
            options += ["--node", design.node]
        for trace in design.traces:
            options += ["--trace", trace]
        if job.what == "counts":
            options.append("--count-only")
            if job.family in names.TLBI_FAMILIES:
                for profile in design.profiles:
                    options += ["--profile", profile]
        elif design.min_time_ms is not None:
            options += ["--min-time-ms", str(design.min_time_ms)]
        return design.side(job.arm).command(*options)

    def _write_plan(self, job: Job) -> Path:
        path = self.spool.path / f"{job.stem}.plan"
        pairs = [self._pairs.get(key) or Pair(key, key, key)
                 for key in job.order]
        counts = self.counts if job.stage else {}
        try:
            path.write_text(plan_text(pairs, job.arm, counts), "utf-8")
        except OSError as error:
            raise runner.SpoolError(f"cannot write {path}: "
                                    f"{error.strerror}") from error
        return path

    def _observed(self, job: Job, progress: runner.Progress,
                  has_turns: bool) -> Observed:
        plan = self._write_plan(job)
        self.meta(job).unlink(missing_ok=True)
        return Observed(self._command(job, plan), self.spool.log(job),
                        progress, self.interrupt, self.design.stall_s,
                        self.design.side(job.arm).environment(), has_turns)

    def _turn(self, job: Job, process: Observed,
              progress: runner.Progress) -> bool:
        """Let it start or go on; is there more to come?"""
        if process.is_started:
            progress.resume(job)
        else:
            progress.start(job)
        try:
            return process.take_turn()
        except OSError as error:
            raise runner.SpoolError(
                f"cannot run {self.design.side(job.arm).bench}, or write "
                f"{self.spool.log(job)}: {error.strerror}") from error

    def run_ring(self, jobs: Sequence[Job], progress: runner.Progress) -> None:
        """Run processes that take turns, or one alone, and keep what each was
        like beside its rows.

        Raises runner.UsageError, runner.SpoolError.
        """
        ring = deque((job, self._observed(job, progress, len(jobs) > 1))
                     for job in jobs)
        stolen = _steal_ticks(self.cpu)
        try:
            while ring and not self.interrupt.name:
                job, process = ring[0]
                if self._turn(job, process, progress):
                    progress.pause()
                    ring.rotate(-1)
                elif not self.interrupt.name:
                    ring.popleft()
                    self._end(job, process, stolen)
                    progress.finish()
        finally:
            for _, process in ring:
                with suppress(OSError):  # what is not wanted needs no log
                    process.end(is_wanted=False)

    def _end(self, job: Job, process: Observed, stolen: int | None) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            code = process.end()
        except OSError as error:
            raise runner.SpoolError(f"cannot write {self.spool.log(job)}: "
                                    f"{error.strerror}") from error
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        now = _steal_ticks(self.cpu)
        if code == runner.USAGE_ERROR:
            raise runner.UsageError(process.said[-1] if process.said else
                                    "iopt-bench does not like its options")
        expected = [(self._pairs.get(key) or Pair(key, key, key))
                    .name(job.arm) for key in job.order]
        output, failure = runner.judge(job, code, process,
                                       self.spool.out(job), expected)
        if failure:
            self.spool.check()
        if not self.cpu and output is not None:
            chosen = str(output.context.get("iopt_cpu", ""))
            self.cpu = chosen if chosen.isdigit() else ""
        meta = {
            "cpu": self.cpu or "unknown", "migrations": process.migrations,
            "switches": after.ru_nvcsw - before.ru_nvcsw,
            "preemptions": after.ru_nivcsw - before.ru_nivcsw,
            "steal_ticks": None if now is None or stolen is None
            else now - stolen,
            "cpu_s": round(after.ru_utime + after.ru_stime
                           - before.ru_utime - before.ru_stime, 4),
            "failure": failure, "turns": process.turns,
        }
        try:
            results.write_atomic(self.meta(job), json.dumps(meta))
        except OSError as error:
            raise runner.SpoolError(f"cannot write {self.meta(job)}: "
                                    f"{error.strerror}") from error

    def _rings(self, jobs: Sequence[Job]) -> list[list[Job]]:
        """Those that follow each other and are of one pair take turns."""
        def ring(job: Job) -> tuple[object, ...]:
            return (job.stage, job.block, job.family, job.round) if \
                job.stage and self.design.has_turns else (job,)
        return [list(group) for _, group in groupby(jobs, ring)]

    def run_all(self, jobs: Sequence[Job],
                is_late: Callable[[Job], bool] = lambda job: False) -> bool:
        """Run what is not there yet, whole blocks at a time.

        Returns False when it was interrupted, the disk is full, or is_late()
        said that the time is up, which is asked at the start of a block.
        """
        missing = {(job.stage, job.block, job.family) for job in jobs
                   if not self._is_there(job)}
        left = [job for job in jobs
                if (job.stage, job.block, job.family) in missing
                and (job.stage or not self._is_there(job))]
        if not left:
            return True
        progress = Live(self.console, {job: len(job.order) for job in left},
                        left)
        last: Job | None = None
        for ring in self._rings(left):
            job = ring[0]
            starts = last is None or (job.block, job.family) != \
                (last.block, last.family)
            if starts and is_late(job):
                return False
            last = job
            try:
                self.run_ring(ring, progress)
            except runner.SpoolError as error:
                self.incomplete, self.is_broken = str(error), True
                return False
            if self.interrupt.name:
                self.incomplete = f"interrupted by {self.interrupt.name}"
                self.is_broken = True
                return False
        return True

    def outputs(self, jobs: Sequence[Job]) -> list[tuple[Job, Output]]:
        """What the spool has of these processes."""
        found = []
        for job in jobs:
            if not self.meta(job).exists():
                continue
            # A process that failed early has no output, but a failure.
            meta = json.loads(self.meta(job).read_text("utf-8"))
            if meta["failure"] and meta["failure"] not in self.failures:
                self.failures.append(meta["failure"])
            try:
                output = results.parse_output(
                    self.spool.out(job).read_text("utf-8"))
            except (OSError, results.BadOutput, UnicodeDecodeError):
                continue
            turns = meta.pop("turns", {})
            for row in output.rows:
                of_case = turns.get(names.strip_library(str(row.get("name"))))
                if of_case:
                    row[TURNS] = of_case
            found.append((job, Output(output.context, output.rows, meta)))
        return found


@dataclass(frozen=True)
class Output:
    """What a process of a comparison wrote, and what it was like."""

    context: dict[str, Any]
    rows: list[results.Row]
    meta: dict[str, Any]


class Live(runner.Progress):
    """Where a comparison is and how long it will take."""

    def _where(self) -> str:
        job = self._job
        if not isinstance(job, Job) or not job.stage:
            return f"{getattr(job, 'what', '')} {job.family}"
        return (f"stage {job.stage}, pair {job.round + 1}/{self._rounds} "
                f"{job.family} {job.arm}")

    def finish(self) -> None:
        """The process is done; of hundreds of lines where no terminal is,
        only every tenth part of the way is told."""
        before = self._done * 10 // self._total
        self.account()
        if before != self._done * 10 // self._total:
            self._console.step(
                f"{self._where()}: {self._done * 100 // self._total} % done, "
                f"{duration(self.seconds_left(0) or 0)} left")


def before_jobs(design: Design, what: str) -> list[Job]:
    """A process of each family and side that counts or calibrates."""
    by_family: dict[str, list[str]] = {}
    for pair in design.pairs:
        by_family.setdefault(pair.family, []).append(pair.key)
    return [Job(family, 0, design.seed, False, arm, what, 0, 0, i,
                tuple(keys))
            for family, keys in by_family.items()
            for i, arm in enumerate((OLD, NEW))]


def ceiling_jobs(design: Design) -> list[Job]:
    """One process that measures what nothing can be faster than."""
    return [Job("limit", 0, design.seed, False, OLD, "ceilings", 0, 0, 0,
                design.ceilings)] if design.ceilings else []


def write_design(spool: runner.Spool, design: Design,
                 extra: Mapping[str, Any]) -> None:
    """Make the spool; raises runner.SpoolError when it cannot be written."""
    text = json.dumps({"design": asdict(design), "extra": dict(extra)})
    try:
        spool.path.mkdir(parents=True)
        (spool.path / MANIFEST).write_text(text, "utf-8")
    except OSError as error:
        raise runner.SpoolError(
            f"cannot write {error.filename or spool.path}: "
            f"{error.strerror}") from error


def read_manifest(spool: runner.Spool) -> tuple[dict[str, Any],
                                                dict[str, Any]]:
    """What write_design() wrote, the design as it stands there; raises
    OSError, ValueError, KeyError, TypeError."""
    data = json.loads((spool.path / MANIFEST).read_text("utf-8"))
    return data["design"], data["extra"]


def read_design(spool: runner.Spool) -> tuple[Design, dict[str, Any]]:
    """What a spool was to hold; raises as read_manifest()."""
    design, extra = read_manifest(spool)
    return Design.from_json(design), extra
