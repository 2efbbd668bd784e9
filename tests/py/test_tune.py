# SPDX-License-Identifier: GPL-2.0-only
"""tune.py: what it would change, asking, changing, putting back exactly."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tune
from conftest import ROOT
from ioptlib import tuning

TUNE = ROOT / "scripts" / "tune.py"
CPU = "sys/devices/system/cpu"
THP = "sys/kernel/mm/transparent_hugepage/enabled"

# A server as it comes; policy10 is of CPUs that are set already.
SERVER = {
    f"{CPU}/cpufreq/policy0/scaling_governor": "schedutil\n",
    f"{CPU}/cpufreq/policy0/scaling_available_governors":
        "schedutil performance \n",
    f"{CPU}/cpufreq/policy1/scaling_governor": "schedutil\n",
    f"{CPU}/cpufreq/policy1/scaling_available_governors":
        "schedutil performance \n",
    f"{CPU}/cpufreq/policy10/scaling_governor": "performance\n",
    f"{CPU}/cpufreq/policy10/scaling_available_governors":
        "schedutil performance \n",
    f"{CPU}/cpufreq/boost": "1\n",
    "proc/sys/kernel/numa_balancing": "1\n",
    "proc/sys/kernel/perf_event_paranoid": "4\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    THP: "always madvise [never]\n",
}
CHANGED = [f"{CPU}/cpufreq/policy0/scaling_governor",
           f"{CPU}/cpufreq/policy1/scaling_governor",
           f"{CPU}/cpufreq/boost",
           "proc/sys/kernel/numa_balancing",
           "proc/sys/kernel/perf_event_paranoid", THP]


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def contents(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text()
            for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "root", SERVER)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def run(root: Path, state: Path, *args: str) \
        -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TUNE), "--root", str(root), "--state",
         str(state), *args], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False)


class Terminal:
    """tune.py at a terminal."""

    def __init__(self, root: Path, state: Path, *args: str) -> None:
        self._fd, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, str(TUNE), "--root", str(root), "--state",
             str(state), *args], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True)
        os.close(slave)
        self.said = ""

    def until(self, text: str) -> None:
        while text not in self.said:
            self.said += os.read(self._fd, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def end(self) -> int:
        while True:
            try:
                data = os.read(self._fd, 4096)
            except OSError:
                break
            if not data:
                break
            self.said += data.decode()
        os.close(self._fd)
        return self.process.wait(60)


# What is there, and what would be changed: path and new value.
PLANS: list[tuple[str, dict[str, str], list[tuple[str, str]]]] = [
    ("nothing there", {}, []),
    ("all as it should be", {
        f"{CPU}/cpufreq/policy0/scaling_governor": "performance\n",
        f"{CPU}/intel_pstate/no_turbo": "1\n", f"{CPU}/cpufreq/boost": "0\n",
        "proc/sys/kernel/numa_balancing": "0\n",
        "proc/sys/kernel/nmi_watchdog": "0\n",
        "proc/sys/kernel/perf_event_paranoid": "-1\n",
        THP: "always [madvise] never\n"}, []),
    ("huge pages always", {THP: "[always] madvise never\n"}, []),
    ("no huge pages", {THP: "always madvise [never]\n"}, [(THP, "madvise")]),
    ("governor that there is none of", {
        f"{CPU}/cpufreq/policy0/scaling_governor": "userspace\n",
        f"{CPU}/cpufreq/policy0/scaling_available_governors": "userspace\n"},
     []),
    ("Intel", {f"{CPU}/intel_pstate/no_turbo": "0\n"},
     [(f"{CPU}/intel_pstate/no_turbo", "1")]),
    ("watchdog", {"proc/sys/kernel/nmi_watchdog": "1\n"},
     [("proc/sys/kernel/nmi_watchdog", "0")]),
    ("paranoid", {"proc/sys/kernel/perf_event_paranoid": "2\n"},
     [("proc/sys/kernel/perf_event_paranoid", "1")]),
    ("tiering too", {"proc/sys/kernel/numa_balancing": "3\n"},
     [("proc/sys/kernel/numa_balancing", "0")]),
    ("odd", {"proc/sys/kernel/perf_event_paranoid": "what\n"}, []),
]


@pytest.mark.parametrize("files, want", [row[1:] for row in PLANS],
                         ids=[row[0] for row in PLANS])
def test_plan(tmp_path: Path, files: dict[str, str],
              want: list[tuple[str, str]]) -> None:
    machine = tuning.Machine(make(tmp_path, files))
    assert [(c.path, c.new) for c in tuning.plan(machine)] == want


def test_says_what(root: Path, state: Path) -> None:
    done = run(root, state)
    assert done.returncode == 2 and "--yes" in done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert lines[1].startswith(f"  /{CPU}/cpufreq/policy*/scaling_governor: "
                               "schedutil -> performance in 2 files; ")
    assert "/proc/sys/kernel/perf_event_paranoid: 4 -> 1" in done.stdout
    assert f"/{THP}: never -> madvise" in done.stdout
    assert contents(root) == SERVER and not state.exists()


@pytest.mark.parametrize("answer", ["n\n", "\n", "yea\n", "\x04"])
def test_no(root: Path, state: Path, answer: str) -> None:
    terminal = Terminal(root, state)
    terminal.until("[y/N]")
    terminal.type(answer)
    assert terminal.end() == 0
    assert "nothing was changed\r\n" in terminal.said
    assert contents(root) == SERVER and not state.exists()


def test_no_to_a_command(root: Path, state: Path) -> None:
    terminal = Terminal(root, state, "--", "touch", str(root / "ran"))
    terminal.until("[y/N]")
    terminal.type("n\n")
    assert terminal.end() == 0
    assert "nothing was changed, and nothing run" in terminal.said
    assert contents(root) == SERVER and not state.exists()


def test_yes_and_back(root: Path, state: Path) -> None:
    terminal = Terminal(root, state)
    terminal.until("[y/N]")
    terminal.type("y\n")
    assert terminal.end() == 0
    changed = contents(root)
    assert [p for p in SERVER if changed[p] != SERVER[p]] == CHANGED
    assert changed[f"{CPU}/cpufreq/policy1/scaling_governor"] == "performance\n"
    # A second time there is nothing to do, and what was is still known.
    again = run(root, state, "--yes")
    assert again.returncode == 0 and "nothing to change" in again.stdout
    done = run(root, state, "--undo")
    assert done.returncode == 0 and "6 files put back" in done.stdout
    assert_back(root, state)
    done = run(root, state, "--undo")
    assert done.returncode == 0 and "nothing is put back" in done.stdout


def assert_back(root: Path, state: Path) -> None:
    """All values are what they were; the file of huge pages, which only the
    kernel writes with brackets, holds the word."""
    assert contents(root) == {**SERVER, THP: "never\n"}
    assert not state.exists()


def test_tuned_already(root: Path, state: Path) -> None:
    assert run(root, state, "--yes").returncode == 0
    (root / "proc/sys/kernel/numa_balancing").write_text("1\n")
    before = contents(root), state.read_text()
    for command in ([], ["--", "true"]):
        done = run(root, state, "--yes", *command)
        assert done.returncode == 1 and "make untune" in done.stderr
        assert (contents(root), state.read_text()) == before


def test_changed_meanwhile(root: Path, state: Path) -> None:
    assert run(root, state, "--yes").returncode == 0
    (root / f"{CPU}/cpufreq/boost").write_text("7\n")
    done = run(root, state, "--undo")
    assert done.returncode == 0
    assert f"/{CPU}/cpufreq/boost had become 7 meanwhile" in done.stdout
    assert_back(root, state)


def test_command(root: Path, state: Path) -> None:
    """All is changed while it runs, and put back whatever it ends with."""
    seen = root.parent / "seen"
    done = run(root, state, "--yes", "--", "sh", "-c",
               f"cat {root}/{CPU}/cpufreq/boost > {seen}; exit 7")
    assert done.returncode == 7
    assert seen.read_text() == "0\n"
    assert_back(root, state)


def test_no_such_command(root: Path, state: Path) -> None:
    done = run(root, state, "--yes", "--", "/nonexistent/bench")
    assert done.returncode == 1 and "/nonexistent/bench" in done.stderr
    assert_back(root, state)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 5),
                                          (signal.SIGTERM, 143)])
def test_interrupted_command(root: Path, state: Path, number: int,
                             code: int) -> None:
    """Ctrl-C reaches the command, which may save what it has first."""
    ready = root.parent / "ready"
    terminal = Terminal(root, state, "--yes", "--", "sh", "-c",
                        f"trap 'sleep 0.3; echo saved; exit 5' INT; "
                        f"touch {ready}; while :; do sleep 0.05; done")
    while not ready.exists():
        time.sleep(0.01)
    time.sleep(0.1)
    if number == signal.SIGINT:
        os.killpg(terminal.process.pid, number)
    else:
        terminal.process.send_signal(number)
    assert terminal.end() == code
    assert ("saved" in terminal.said) == (number == signal.SIGINT)
    assert_back(root, state)


def test_interrupted_at_the_question(root: Path, state: Path) -> None:
    terminal = Terminal(root, state)
    terminal.until("[y/N]")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "interrupted; all is as it was" in terminal.said
    assert contents(root) == SERVER and not state.exists()


def test_interrupted_when_something_is_changed(root: Path,
                                               state: Path) -> None:
    """By whom, and when, makes no difference to who reads it."""
    assert run(root, state, "--yes").returncode == 0
    (root / "proc/sys/kernel/numa_balancing").write_text("1\n")
    before = contents(root)
    terminal = Terminal(root, state)
    terminal.until("[y/N]")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 130
    assert "interrupted; what was changed stays so" in terminal.said
    assert "make untune" in terminal.said
    assert contents(root) == before and len(tuning.load(state)) == 6


class Pestered(tuning.Machine):
    """From the nth write on somebody asks to end at each; that one may go
    wrong by itself."""

    def __init__(self, root: Path, nth: int,
                 fault: Callable[[], None] | None = None) -> None:
        super().__init__(root)
        self.nth = nth
        self.fault = fault

    def write(self, path: str, value: str) -> None:
        self.nth -= 1
        if self.nth <= 0:
            os.kill(os.getpid(), signal.SIGINT)
        if self.nth == 0 and self.fault is not None:
            self.fault()
        super().write(path, value)


@pytest.fixture
def main(root: Path, state: Path) -> Iterator[Callable[..., int]]:
    """tune.py in this process, whose signals are then as they were."""
    before = {number: signal.getsignal(number) for number in tune.ENDINGS}
    yield lambda *args: tune.main(["--root", str(root), "--state",
                                   str(state), "--yes", *args])
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("has_command", [False, True])
@pytest.mark.parametrize("nth", range(1, 7))
def test_interrupted_while_changing(
        root: Path, state: Path, main: Callable[..., int], nth: int,
        has_command: bool, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    """As often as somebody likes: what it says it was is so."""
    monkeypatch.setattr(tuning, "Machine", lambda _: Pestered(root, nth))
    command = ["--", "touch", str(root / "ran")] if has_command else []
    assert main(*command) == 130
    assert "interrupted; all is as it was" in capsys.readouterr().err
    assert_back(root, state)


@pytest.mark.parametrize("has_command", [False, True])
def test_interrupted_when_all_is_changed(
        root: Path, state: Path, main: Callable[..., int], has_command: bool,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    apply = tuning.apply

    def apply_and_interrupt(*args: Any) -> None:
        apply(*args)
        os.kill(os.getpid(), signal.SIGTERM)
    monkeypatch.setattr(tuning, "apply", apply_and_interrupt)
    command = ["--", "touch", str(root / "ran")] if has_command else []
    assert main(*command) == 130
    assert "interrupted; all is as it was" in capsys.readouterr().err
    assert_back(root, state)


def test_interrupted_while_a_failure_is_undone(
        root: Path, state: Path, main: Callable[..., int],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tuning, "Machine",
                        lambda _: Pestered(root, 3, refuse))
    assert main() == 1
    assert "does not take" in capsys.readouterr().err
    assert contents(root) == SERVER and not state.exists()


class Faulty(tuning.Machine):
    """A machine on which the nth write goes wrong, and those after it not."""

    def __init__(self, root: Path, nth: int,
                 fault: Callable[[], None] | None) -> None:
        super().__init__(root)
        self.nth = nth
        self.fault = fault

    def write(self, path: str, value: str) -> None:
        self.nth -= 1
        if self.nth == 0:
            if self.fault is None:
                return
            self.fault()
        super().write(path, value)


def refuse() -> None:
    raise OSError(16, os.strerror(16))


def interrupt() -> None:
    raise KeyboardInterrupt


FAULTS = [(refuse, tuning.TuneError, "does not take"),
          (None, tuning.TuneError, "did not become"),
          (interrupt, KeyboardInterrupt, "")]


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("fault, error, text", FAULTS)
def test_all_or_nothing(root: Path, state: Path, nth: int,
                        fault: Callable[[], None] | None,
                        error: type[BaseException], text: str) -> None:
    machine = Faulty(root, nth, fault)
    with pytest.raises(error, match=text):
        tuning.apply(machine, tuning.plan(machine), state)
    now = {path: tuning.chosen(value)
           for path, value in contents(root).items()}
    assert now == {path: tuning.chosen(value)
                   for path, value in SERVER.items()} | {
        f"{CPU}/cpufreq/policy{n}/scaling_available_governors":
            "schedutil performance" for n in (0, 1, 10)}
    assert not state.exists()


def test_what_cannot_be_put_back_is_remembered(root: Path,
                                               state: Path) -> None:
    tuning.apply(tuning.Machine(root), tuning.plan(tuning.Machine(root)),
                 state)
    with pytest.raises(tuning.TuneError, match="does not take"):
        tuning.undo(Faulty(root, 2, refuse), state)
    assert [c.path for c in tuning.load(state)] == [CHANGED[-2]]
    tuning.undo(tuning.Machine(root), state)
    assert_back(root, state)


def test_not_allowed(root: Path, state: Path,
                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode:
                        "numa_balancing" not in str(path))
    machine = tuning.Machine(root)
    with pytest.raises(tuning.TuneError, match="numa_balancing.*as root"):
        tuning.apply(machine, tuning.plan(machine), state)
    assert contents(root) == SERVER and not state.exists()


def test_state_that_cannot_be_written(root: Path, tmp_path: Path) -> None:
    done = run(root, tmp_path / "nowhere" / "state", "--yes")
    assert done.returncode == 1 and "nothing was changed" in done.stderr
    assert contents(root) == SERVER


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"path": "x"}]'])
def test_broken_state(root: Path, state: Path, text: str) -> None:
    state.write_text(text)
    done = run(root, state, "--undo")
    if text == "{}":
        assert done.returncode == 0
        return
    assert done.returncode == 1 and "no record of changes" in done.stderr
    assert contents(root) == SERVER and state.read_text() == text


def test_state_holds_what_was(root: Path, state: Path) -> None:
    assert run(root, state, "--yes").returncode == 0
    saved = json.loads(state.read_text())
    assert [c["path"] for c in saved] == CHANGED
    assert saved[-1]["old"] == "never"
