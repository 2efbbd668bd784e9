# SPDX-License-Identifier: GPL-2.0-only
"""Runs iopt-bench, a process a family and round, and collects its rows.

This module does I/O: it starts processes and keeps what they wrote in a
spool directory until the merged result is safe.
"""

from __future__ import annotations

import json
import os
import random
import re
import selectors
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from . import names, results
from .console import Console, duration

USAGE_ERROR = 2
TURNS = "IOPT_TURNS"
STALL_S = 300.0
TERM_S = 2.0
PROBE_BYTES = 1 << 16
_PROGRESS = re.compile(r"progress (\d+) (\d+) (\S+)")
_DOING = re.compile(r"doing (.+)")
TOLD_S = 30.0


class UsageError(Exception):
    """What was asked for makes no sense; says what would."""


class SpoolError(Exception):
    """The spool directory cannot be written; says which file and why."""


@dataclass(frozen=True)
class Settings:
    """What to measure; fields as the options of bench.py.

    long_rounds: cases that take long are in this many rounds, None for all.
    """

    bench: str
    rounds: int
    seed: int
    budget_s: float | None = None
    subset: str = ""
    filter: str = ""
    cpu: str = ""
    node: str = ""
    traces: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    min_time_ms: int | None = None
    long_rounds: int | None = None
    stall_s: float = STALL_S

    def selection(self) -> list[str]:
        """The options of iopt-bench that select cases."""
        args = []
        for family in self.families:
            args += ["--family", family]
        if self.subset:
            args.append(f"--{self.subset}")
        if self.filter:
            args += ["--filter", self.filter]
        for trace in self.traces:
            args += ["--trace", trace]
        for path in self.frames:
            args += ["--frames", path]
        for kernel in self.kernels:
            args += ["--kernel", kernel]
        return args

    def _placing(self) -> list[str]:
        """The options for any process: where it runs, and that it tells."""
        return (["--progress"] + (["--cpu", self.cpu] if self.cpu else [])
                + (["--node", self.node] if self.node else []))

    def measuring(self) -> list[str]:
        """The options of iopt-bench for a process that measures."""
        args = self._placing()
        if self.min_time_ms is not None:
            args += ["--min-time-ms", str(self.min_time_ms)]
        return args

    def has_long(self, index: int) -> bool:
        """Are long cases measured in this round?"""
        return self.long_rounds is None or index < self.long_rounds

    def counting(self) -> list[str]:
        """The options for a process that counts what profiles are sent."""
        args = [*self._placing(), "--count-only"]
        for profile in self.profiles:
            args += ["--profile", profile]
        return args


@dataclass(frozen=True)
class Family:
    """A family and the names of its selected cases, and which are long."""

    name: str
    question: str
    cases: tuple[str, ...]
    long: tuple[str, ...] = ()

    def in_round(self, settings: Settings, index: int) -> tuple[str, ...]:
        """The cases that a round measures."""
        if settings.has_long(index):
            return self.cases
        return tuple(c for c in self.cases if c not in set(self.long))


@dataclass(frozen=True)
class Job:
    """One process to run."""

    family: str
    round: int
    seed: int
    is_ledger: bool = False

    @property
    def stem(self) -> str:
        """Name of its files in the spool."""
        if self.is_ledger:
            return f"ledger-{self.family}"
        return f"round{self.round:02d}-{self.family}"

    @property
    def title(self) -> str:
        """What it is, for a person."""
        if self.is_ledger:
            return f"{self.family}, counting"
        return f"{self.family}, round {self.round + 1}"


@dataclass
class Outcome:
    """What became of a job."""

    job: Job
    seconds: float
    output: results.Output | None
    failure: str = ""


@dataclass
class Run:
    """What a whole run gave."""

    outcomes: list[Outcome] = field(default_factory=list)
    incomplete: str = ""
    note: str = ""
    rounds_done: int = 0


def list_families(settings: Settings) -> list[Family]:
    """Ask iopt-bench which cases are selected.

    Raises UsageError with its own words when it does not like the options,
    OSError when it cannot be run.
    """
    command = [settings.bench, "--list", "--json", *settings.selection()]
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode == USAGE_ERROR:
        raise UsageError(last_line(done.stderr) or "iopt-bench: usage error")
    try:
        listed = json.loads(done.stdout)["families"] if done.stdout else []
        families = [Family(f["name"], f.get("question", ""),
                           tuple(f["cases"]), tuple(f.get("long", ())))
                    for f in listed]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise OSError(f"{settings.bench} --list --json printed no list of "
                      f"families: {error}") from error
    if done.returncode and any(f.cases for f in families):
        raise OSError(f"{settings.bench} --list: exit {done.returncode}: "
                      f"{last_line(done.stderr)}")
    if done.returncode and "match" not in done.stderr:
        raise OSError(last_line(done.stderr) or f"{settings.bench} --list: "
                      f"{how_it_ended(done.returncode)}")
    return [f for f in families if f.cases]


def plan(families: Sequence[Family], settings: Settings) -> list[Job]:
    """The processes in order: each round has its own order of families.

    A round has no process for a family of which only long cases were
    selected, if it measures none of them.
    """
    rng = random.Random(settings.seed)
    jobs = []
    for index in range(settings.rounds):
        order = [f for f in families if f.in_round(settings, index)]
        rng.shuffle(order)
        jobs += [Job(f.name, index, rng.getrandbits(31)) for f in order]
    return jobs


def plan_ledger(settings: Settings, families: Sequence[str],
                seed: int) -> list[Job]:
    """A process for each family whose operations invalidate."""
    if not settings.profiles:
        return []
    return [Job(family, 0, seed, True) for family in families
            if family in names.TLBI_FAMILIES]


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def how_it_ended(code: int) -> str:
    """A process's end in words."""
    if code >= 0:
        return f"exit {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


@dataclass
class Spent:
    """What processes took that ended."""

    nr: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.nr += 1
        self.seconds += seconds


class Progress:
    """Where the run is and how long it will take. Of processes that take turns
    one goes on and the others pause."""

    def __init__(self, console: Console, sizes: Mapping[Job, int],
                 jobs: Sequence[Job]) -> None:
        self._console = console
        self._sizes = sizes
        self._rounds = max(job.round for job in jobs) + 1
        self._total = sum(sizes[job] for job in jobs)
        self._done = 0
        # By family and size: long cases are not in each process of a family.
        self._left = Counter((job.family, sizes[job]) for job in jobs)
        self._spent: dict[tuple[str, int], Spent] = {}
        self._job = jobs[0]
        self._started = 0.0
        self._waiting: dict[Job, tuple[float, int]] = {}
        self._told = time.monotonic()
        self._nr_done = 0

    def start(self, job: Job) -> None:
        """A process starts."""
        self._job = job
        self._started = time.monotonic()
        self.case(0)

    def pause(self) -> None:
        """Another one starts or goes on."""
        self._waiting[self._job] = (time.monotonic() - self._started,
                                    self._nr_done)

    def resume(self, job: Job) -> None:
        """One that paused goes on; says nothing, there are many turns."""
        before, self._nr_done = self._waiting.pop(job)
        self._job = job
        self._started = time.monotonic() - before

    def seconds_left(self, nr_cases_done: int) -> float | None:
        """From how long families took so far; None when nothing is known."""
        elapsed = time.monotonic() - self._started
        seconds = sum(spent.seconds for spent in self._spent.values())
        cases = sum(size * spent.nr
                    for (_, size), spent in self._spent.items())
        is_known = any(family == self._job.family
                       for family, _ in self._spent)
        if not is_known and nr_cases_done:
            seconds += elapsed
            cases += nr_cases_done
        if not cases:
            return None
        left = 0.0
        for (family, size), nr in self._left.items():
            alike = self._spent.get((family, size))
            left += nr * (alike.seconds / alike.nr if alike
                          else size * seconds / cases)
        return max(0.0, left - elapsed)

    def _where(self) -> str:
        if self._job.is_ledger:
            return self._job.title
        return f"round {self._job.round + 1}/{self._rounds} {self._job.family}"

    def _text(self) -> str:
        left = self.seconds_left(self._nr_done)
        time_left = "" if left is None else f", {duration(left)} left"
        return (f"{self._where()}: {self._nr_done} of "
                f"{self._sizes[self._job]}, in all "
                f"{self._done + self._nr_done} of {self._total}{time_left}")

    def case(self, nr_done: int) -> None:
        """So many cases of this process are done."""
        self._nr_done = nr_done
        self._console.live(self._text())

    def doing(self, what: str, case: str) -> None:
        """What a long case is at; where no terminal is, now and then."""
        self._console.live(f"{self._text()}: {what}")
        now = time.monotonic()
        if now - self._told >= TOLD_S:
            self._told = now
            self._console.step(f"{self._where()}: {self._nr_done} of "
                               f"{self._sizes[self._job]}, {what} {case}")

    def account(self) -> float:
        """The process is done; says nothing. Returns how long it took."""
        kind = (self._job.family, self._sizes[self._job])
        self._told = time.monotonic()
        seconds = self._told - self._started
        self._spent.setdefault(kind, Spent()).add(seconds)
        self._left[kind] -= 1
        self._done += kind[1]
        self._started = self._told
        self._nr_done = 0
        return seconds

    def finish(self) -> None:
        """The process is done."""
        size = self._sizes[self._job]
        seconds = self.account()
        left = self.seconds_left(0)
        self._console.step(
            f"{self._where()}: {size} cases in {duration(seconds)}, in all "
            f"{self._done} of {self._total}, {duration(left or 0)} left")


class Spool:
    """A directory that keeps what each process wrote, until it is merged."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, settings: Settings,
               families: Sequence[Family], extra: Mapping[str, Any]) -> Spool:
        """Make the directory; raises SpoolError when it cannot be written."""
        spool = cls(path)
        text = json.dumps({"settings": asdict(settings), "context": extra,
                           "families": [asdict(f) for f in families]})
        try:
            path.mkdir(parents=True)
            (path / "run.json").write_text(text, encoding="utf-8")
        except OSError as error:
            raise SpoolError(f"cannot write {error.filename or path}: "
                             f"{error.strerror}") from error
        return spool

    def manifest(self) -> tuple[Settings, list[Family], dict[str, Any]]:
        """What was to be run; raises OSError or ValueError."""
        data = json.loads((self.path / "run.json").read_text("utf-8"))
        fields = data["settings"]
        for key in ("traces", "frames", "kernels", "families", "profiles"):
            fields[key] = tuple(fields[key])
        return (Settings(**fields),
                [Family(f["name"], f["question"], tuple(f["cases"]),
                        tuple(f["long"]))
                 for f in data["families"]], data["context"])

    def out(self, job: Job) -> Path:
        """Where the process writes its rows."""
        return self.path / f"{job.stem}.json"

    def log(self, job: Job) -> Path:
        """Where goes what the process says."""
        return self.path / f"{job.stem}.log"

    def check(self) -> None:
        """Raises SpoolError when nothing more can be written here."""
        probe = self.path / "probe"
        try:
            with open(probe, "wb") as stream:
                stream.write(b"\0" * PROBE_BYTES)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise SpoolError(f"cannot write {self.path}: "
                             f"{error.strerror}") from error
        finally:
            probe.unlink(missing_ok=True)

    def said(self) -> str:
        """What all processes said that was no progress."""
        texts = ((path.stem, path.read_text("utf-8", "replace").strip())
                 for path in sorted(self.path.glob("*.log")))
        return "\n".join(f"{stem}: {text}" for stem, text in texts if text)

    def remove(self) -> None:
        """The result is safe: take the directory away."""
        for path in self.path.iterdir():
            path.unlink()
        self.path.rmdir()


class Interrupt:
    """Turns SIGINT, SIGTERM and SIGHUP into a flag and a readable pipe."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.name = ""
        self.pipe = -1

    def __enter__(self) -> Interrupt:
        self.pipe, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self.pipe, False)
        self._before = {s: signal.signal(s, self._handle)
                        for s in self.SIGNALS}
        return self

    def _handle(self, number: int, _frame: object) -> None:
        self.name = self.name or signal.Signals(number).name
        try:
            os.write(self._write, b"!")
        except BlockingIOError:
            pass

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.pipe)
        os.close(self._write)


class Process:
    """One iopt-bench, followed to its end, or from turn to turn: between
    turns it sleeps, if it has_turns and knows of them."""

    def __init__(self, command: Sequence[str], log: Path, progress: Progress,
                 interrupt: Interrupt, stall_s: float,
                 environ: Mapping[str, str] | None = None,
                 has_turns: bool = False) -> None:
        self._command = command
        self._environ = environ
        self._log = log
        self._progress = progress
        self._interrupt = interrupt
        self._has_turns = has_turns
        self._child: subprocess.Popen[bytes] | None = None
        self._turns: socket.socket | None = None
        self._selector: selectors.BaseSelector | None = None
        self.stall_s = stall_s
        self._partial = ""
        self.last_case = ""
        self.said: list[str] = []
        self.is_stalled = False
        # By case the least time of an operation in each turn, in ns.
        self.turns: dict[str, list[float]] = {}

    @property
    def is_started(self) -> bool:
        """Was there a first turn?"""
        return self._child is not None

    def run(self) -> int:
        """Start it, follow it, and return its exit code as subprocess does.

        Raises OSError when it cannot be started or its log not be written.
        """
        try:
            while self.take_turn():
                pass
        finally:
            code = self.end()
        return code

    def take_turn(self) -> bool:
        """Start it, or tell it to go on, and follow it until its turn is
        over; False when it has ended, stalled or was interrupted.

        Raises OSError when it cannot be started or its log not be written.
        """
        if self._child is None:
            self._start()
        elif self._turns is not None:
            try:
                self._turns.send(b".")
            except OSError:  # it is gone: what it said last is read
                pass
        return self._follow()

    def _start(self) -> None:
        theirs: tuple[int, ...] = ()
        environ = dict(os.environ if self._environ is None
                       else self._environ)
        environ.pop(TURNS, None)
        if self._has_turns:
            self._turns, their = socket.socketpair(
                socket.AF_UNIX, socket.SOCK_SEQPACKET)
            theirs = (their.detach(),)
            # Of one length for all: the stack begins behind the environment.
            environ[TURNS] = f"{theirs[0]:05}"
        try:
            with open(self._log, "w", encoding="utf-8") as log:
                self._child = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.PIPE, start_new_session=True,
                    env=environ, pass_fds=theirs)
        finally:
            for fd in theirs:
                os.close(fd)
        self._selector = selectors.DefaultSelector()
        for source in (self._child.stderr, self._turns, self._interrupt.pipe):
            if source is not None:
                self._selector.register(source, selectors.EVENT_READ)

    def _follow(self) -> bool:
        """Until its turn is over, which is True, or more is not to come."""
        assert self._child is not None and self._child.stderr is not None
        assert self._selector is not None
        while not self._interrupt.name:
            ready = {key.fileobj for key, _ in
                     self._selector.select(self.stall_s)}
            if not ready:
                self.is_stalled = True
                return False
            if self._child.stderr in ready:
                if not self._read(self._child.stderr.fileno()):
                    return False
            elif self._turns is not None and self._turns in ready:
                if self._gave_up(self._turns):
                    return True
                self._selector.unregister(self._turns)
        return False

    def _gave_up(self, turns: socket.socket) -> bool:
        """Did it give up its turn? False: it is gone."""
        try:
            text = turns.recv(1 << 12).decode("utf-8", "replace")
        except OSError:
            return False
        least, _, name = text.partition(" ")
        if name:
            self.turns.setdefault(name, []).append(float(least))
        return bool(text)

    def _read(self, fd: int) -> bool:
        data = os.read(fd, 1 << 16)
        *lines, self._partial = (
            self._partial + data.decode("utf-8", "replace")).split("\n")
        if not data and self._partial:
            lines.append(self._partial)
        for line in lines:
            self._line(line)
        return bool(data)

    def _line(self, line: str) -> None:
        match = _PROGRESS.fullmatch(line.strip())
        if match:
            self.last_case = match[3]
            self._progress.case(int(match[1]) - 1)
            return
        match = _DOING.fullmatch(line.strip())
        if match:
            self._progress.doing(match[1], self.last_case)
        elif line.strip():
            self.said.append(line.strip())

    def before_wait(self, child: subprocess.Popen[bytes]) -> None:
        """Its output ended, and it was not yet waited for; for subclasses."""

    def end(self, is_wanted: bool = True) -> int:
        """Its exit code; it ended by itself, or is made to, also when it is not
        wanted any more: asked first, then killed.

        Raises OSError when its log cannot be written."""
        for held in (self._selector, self._turns):
            if held is not None:
                held.close()
        child = self._child
        if child is None:
            return 0
        must_end = bool(self._interrupt.name) or self.is_stalled or \
            not is_wanted
        if must_end:
            child.terminate()
        self.before_wait(child)
        try:
            child.wait(timeout=TERM_S if must_end else self.stall_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        assert child.stderr is not None
        child.stderr.close()
        if self.said:
            with open(self._log, "a", encoding="utf-8") as log:
                log.write("\n".join(self.said) + "\n")
        return child.returncode


def _read_output(path: Path) -> tuple[results.Output | None, str]:
    """What a process wrote, and what is wrong with it."""
    try:
        output = results.parse_output(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, f"it left no result ({error.strerror})"
    except (results.BadOutput, UnicodeDecodeError) as error:
        return None, f"its result cannot be read: {error}"
    return output, "" if output.is_whole else "its result breaks off"


def _missing(expected: Sequence[str], output: results.Output | None) -> str:
    """What of the expected cases has no row."""
    there = {names.strip_library(str(row.get("name")))
             for row in (output.rows if output else ())}
    lost = [name for name in expected if name not in there]
    if not lost:
        return ""
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"no row for {lost[0]}{more}"


def judge(job: Job, code: int, process: Process, path: Path,
          expected: Sequence[str]) -> tuple[results.Output | None, str]:
    """What a finished process gave, and one line if that is not all."""
    output, wrong = _read_output(path)
    where = job.title
    at = f" in {process.last_case}" if process.last_case else ""
    said = f": {process.said[-1]}" if process.said else ""
    if process.is_stalled:
        return output, f"{where}: no progress for {duration(process.stall_s)}{at}"
    if code < 0:
        return output, f"{where}: iopt-bench {how_it_ended(code)}{at}{said}"
    if wrong:
        return output, f"{where}: {wrong} ({how_it_ended(code)}{said})"
    lost = _missing(expected, output)
    if lost:
        return output, f"{where}: {lost} ({how_it_ended(code)}{said})"
    assert output is not None
    is_explained = any(results.row_error(row) for row in output.rows
                       if results.skip_reason(row) is None)
    if code and not is_explained:
        return output, f"{where}: iopt-bench: {how_it_ended(code)}{said}"
    return output, ""


def run_job(job: Job, settings: Settings, family: Family, spool: Spool,
            progress: Progress, interrupt: Interrupt) -> Outcome:
    """Run one process.

    Raises UsageError when it refuses its options, SpoolError when nothing
    more can be written or started.
    """
    only = replace(settings, families=(job.family,))
    command = [settings.bench, *only.selection(),
               *(only.counting() if job.is_ledger else only.measuring()),
               *([] if job.is_ledger or settings.has_long(job.round)
                 else ["--skip-long"]),
               "--seed", str(job.seed), "--round", str(job.round),
               "--out", str(spool.out(job))]
    progress.start(job)
    started = time.monotonic()
    process = Process(command, spool.log(job), progress, interrupt,
                      settings.stall_s)
    try:
        code = process.run()
    except OSError as error:
        raise SpoolError(f"cannot write {error.filename or spool.path}: "
                         f"{error.strerror}") from error
    seconds = time.monotonic() - started
    if interrupt.name:
        return Outcome(job, seconds, _read_output(spool.out(job))[0])
    if code == USAGE_ERROR:
        raise UsageError(process.said[-1] if process.said
                         else "iopt-bench does not like its options")
    expected = family.cases if job.is_ledger \
        else family.in_round(settings, job.round)
    output, failure = judge(job, code, process, spool.out(job), expected)
    if failure:
        spool.check()
    progress.finish()
    return Outcome(job, seconds, output, failure)


def same_cpu(settings: Settings, outcome: Outcome) -> Settings:
    """Where the first process chose to run, all others shall."""
    if settings.cpu or outcome.output is None:
        return settings
    chosen = str(outcome.output.context.get("iopt_cpu", ""))
    return replace(settings, cpu=chosen) if chosen.isdigit() else settings


def run(settings: Settings, families: Sequence[Family], spool: Spool,
        console: Console, interrupt: Interrupt) -> Run:
    """Run all rounds, or as many as the budget, the disk and signals allow.

    Raises UsageError when iopt-bench refuses its options.
    """
    by_name = {family.name: family for family in families}
    ledger = plan_ledger(settings, list(by_name), settings.seed)
    jobs = ledger + plan(families, settings)
    progress = Progress(console, {
        job: len(by_name[job.family].cases if job.is_ledger else
                 by_name[job.family].in_round(settings, job.round))
        for job in jobs}, jobs)
    done = Run()
    started = round_started = time.monotonic()
    longest = 0.0
    for i, job in enumerate(jobs):
        if i == len(ledger):
            round_started = time.monotonic()
        if i and job.round != jobs[i - 1].round:
            now = time.monotonic()
            longest = max(longest, now - round_started)
            round_started = now
            done.rounds_done = job.round
            if settings.budget_s is not None and \
                    now - started + longest > settings.budget_s:
                done.note = (f"{job.round} of {settings.rounds} rounds, as "
                             f"the next would pass "
                             f"{duration(settings.budget_s)}; REPS=N for "
                             f"just N")
                return done
        try:
            done.outcomes.append(run_job(job, settings, by_name[job.family],
                                         spool, progress, interrupt))
        except SpoolError as error:
            done.incomplete = str(error)
            return done
        if interrupt.name:
            done.incomplete = f"interrupted by {interrupt.name}"
            return done
        settings = same_cpu(settings, done.outcomes[-1])
    done.rounds_done = jobs[-1].round + 1
    return done


def reread(spool: Spool, settings: Settings,
           families: Sequence[Family]) -> Run:
    """The run whose processes' files are in a spool."""
    done = Run(incomplete="merged from its spool after it broke off")
    listed = [f.name for f in families]
    for job in plan_ledger(settings, listed, settings.seed) + \
            plan(families, settings):
        if spool.out(job).exists():
            output, wrong = _read_output(spool.out(job))
            done.outcomes.append(Outcome(job, 0.0, output,
                                         f"{job.title}: {wrong}"
                                         if wrong else ""))
    done.rounds_done = len({o.job.round for o in done.outcomes
                            if not o.job.is_ledger})
    return done


Ledger = dict[str, dict[str, results.Row]]


def read_ledger(outcomes: Sequence[Outcome]) -> tuple[Ledger, list[str]]:
    """By case and profile what is sent; and a line for each bad row."""
    ledger: Ledger = {}
    failures = []
    for outcome in outcomes:
        for row in outcome.output.rows if outcome.output else ():
            name, has_profile, profile = str(row.get("name")).rpartition(
                f"/{names.PROFILE_KEY}:")
            if not has_profile:
                continue
            if results.skip_reason(row) is not None:
                continue
            wrong = results.row_error(row)
            if wrong:
                failures.append(f"{row['name']}: {wrong}")
                continue
            ledger.setdefault(name, {})[names.strip_library(profile)] = \
                results.ledger_counters(row)
    return ledger, failures


def complete_rows(outcomes: Sequence[Outcome], ledger: Ledger, rounds: int) \
        -> tuple[list[results.Row], list[str]]:
    """Every timed row once for each profile; and a line for each bad one."""
    rows: list[results.Row] = []
    failures = []
    for outcome in outcomes:
        for row in outcome.output.rows if outcome.output else ():
            try:
                prices = ledger.get(names.strip_library(row["name"])) or \
                    {names.NO_PROFILE: {}}
                rows += [results.complete_row(row, outcome.job.round, rounds,
                                              profile, counters)
                         for profile, counters in prices.items()]
            except (KeyError, TypeError, names.BadName) as error:
                failures.append(f"{outcome.job.title}: a row without a good "
                                f"name: {error}")
    return rows, failures


def classes_with_ledger(classes: str, ledger: Ledger) -> str:
    """The classes of counters, those of the ledger added: all are exact."""
    known = {word.rpartition(":")[0] for word in classes.split()}
    found = {name for prices in ledger.values() for counters in
             prices.values() for name in counters} - known
    return " ".join([*classes.split(), *(f"{n}:exact" for n in sorted(found))])


def merge(done: Run, settings: Settings,
          extra: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The document of a result, and a line for each failure."""
    failures = [o.failure for o in done.outcomes if o.failure]
    usable = [o for o in done.outcomes if o.output is not None]
    timed = [o for o in usable if not o.job.is_ledger]
    outputs = [o.output for o in timed if o.output is not None]
    context, own = results.merge_contexts([o.context for o in outputs])
    rounds = settings.rounds if done.incomplete else done.rounds_done
    ledger, bad = read_ledger([o for o in usable if o.job.is_ledger])
    rows, nameless = complete_rows(timed, ledger, rounds)
    if results.CLASSES_KEY in context:
        context[results.CLASSES_KEY] = classes_with_ledger(
            str(context[results.CLASSES_KEY]), ledger)
    failures += bad + nameless + results.inexact_counters(
        (row for row in rows if results.row_error(row) is None),
        results.counter_classes(context))
    profiles = dict.fromkeys(p for prices in ledger.values() for p in prices)
    context.update(extra)
    context.update({
        "iopt_schema": results.SCHEMA,
        "iopt_profiles": list(profiles),
        "iopt_seed": str(settings.seed),
        "iopt_rounds": str(rounds),
        "iopt_long_rounds": str(rounds if settings.long_rounds is None else
                                min(rounds, settings.long_rounds)),
        "iopt_incomplete": "true" if done.incomplete else "false",
        "iopt_incomplete_reason": done.incomplete,
        "iopt_note": done.note,
        "iopt_failures": failures,
        "iopt_processes": [
            {"family": o.job.family, "round": o.job.round, "seed":
             o.job.seed, "seconds": round(o.seconds, 3), **more}
            for o, more in zip(timed, own)],
    })
    return {"context": context, "benchmarks": rows}, failures
