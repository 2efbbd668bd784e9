# SPDX-License-Identifier: GPL-2.0-only
"""The script perf_qemu.py: what it does in a guest, exit codes, skips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import perf_qemu as tool
import pytest
from ioptlib import guest_kernel, kernel_build, qemu_guest, shared_libs
from ioptlib.debian import Unreachable
from ioptlib.guest_kernel import Kernel
from ioptlib.kernel_build import Features, Info
from ioptlib.kernel_source import BadSource
from ioptlib.qemu_guest import GuestError, Output
from ioptlib.qemu_validate import Scenario
from ioptlib.shared_libs import NoLibrary
from test_perf_counts import (CMOCKA, NETS, PARANOID, SCENARIO, row, said,
                              suite, written)
from test_perf_counts import run as kernel_run

CASE = row("")["name"] + "map/engine:lpae-7.3/granule:4K"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script with a build, kernels and a guest that are only told of."""
    for path in tool.programs(tmp_path / "build").values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"ELF")
    monkeypatch.setattr(qemu_guest, "version", lambda qemu: "7.2.22")
    monkeypatch.setattr(guest_kernel, "compiler", lambda: "cc")
    monkeypatch.setattr(shared_libs, "closure", lambda programs: {})
    monkeypatch.setattr(
        guest_kernel, "kernel",
        lambda archive, label: Kernel(label, f"{label}.9-cloud-arm64", True,
                                      tmp_path))

    def booted(job: tool.Job, kernel: Kernel, has_suite: bool,
               outcome: tool.Outcome, console: Any) -> None:
        outcome.runs.append(kernel_run(release=kernel.release))
        if has_suite:
            outcome.suite = suite()
    monkeypatch.setattr(tool, "run_kernel", booted)

    def run(*args: str) -> int:
        path = tmp_path / "mine.scenario"
        path.write_text(SCENARIO)
        return tool.main(["--build", str(tmp_path / "build"), "--out",
                          str(tmp_path / "out"), "--cache",
                          str(tmp_path / "cache"), str(path), *args])
    return run


def saved(tmp_path: Path) -> dict[str, Any]:
    path, = (tmp_path / "out").glob("perf-*.json")
    assert "instructions of one operation" in \
        path.with_suffix(".txt").read_text()
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_equal(run: Any, tmp_path: Path, capsys: Any) -> None:
    assert run() == 0
    document = saved(tmp_path)
    assert document["failures"] == []
    assert [call["kernel"] for call in document["calls"]] == \
        ["6.12.9-cloud-arm64"] * 2 + ["7.9-cloud-arm64"] * 2
    # The suite runs once, in the last kernel.
    assert document["context"]["suite_in"] == "7.9-cloud-arm64"
    out = capsys.readouterr().out
    assert "2 cases and 4 calls: all counted twice" in out


def test_differs(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                 capsys: Any) -> None:
    def booted(job: Any, kernel: Any, has_suite: bool, outcome: tool.Outcome,
               console: Any) -> None:
        outcome.suite = suite()
        outcome.runs.append(kernel_run(said(600, 480, *NETS[2:])))
    monkeypatch.setattr(tool, "run_kernel", booted)
    assert run("--kernels", "7") == 3
    assert "a part, 7.3.4+deb13-cloud-arm64: 460 and 480" in \
        capsys.readouterr().err
    assert len(saved(tmp_path)["failures"]) == 1


def test_failed_test(run: Any, monkeypatch: pytest.MonkeyPatch,
                     capsys: Any) -> None:
    def booted(job: Any, kernel: Any, has_suite: bool, outcome: tool.Outcome,
               console: Any) -> None:
        outcome.tests = [tool.perf_guest.parse_test("host_perf", "root", 1,
                                                    ["line 7: failed"])]
    monkeypatch.setattr(tool, "run_kernel", booted)
    assert run() == 3
    assert "line 7: failed" in capsys.readouterr().err


@pytest.mark.parametrize("what, why", [
    ("qemu", "no qemu-system-aarch64 here"),
    ("compiler", "no compiler for arm64"),
    ("build", "'make perf-qemu' builds it"),
    ("library", "'make deps ARCH=arm64'"),
    ("network", "apt-get update: no network"),
])
def test_skips(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
               capsys: Any, what: str, why: str) -> None:
    """What is missing is said in a line, and nothing else is."""
    def no_library(programs: Any) -> dict[str, Path]:
        raise NoLibrary("no libhwloc.so.15 for arm64 here: 'make deps "
                        "ARCH=arm64' installs what the suite needs")

    def no_kernel(archive: Any, label: str) -> Kernel:
        raise Unreachable("apt-get update: no network")
    if what == "qemu":
        monkeypatch.setattr(qemu_guest, "version", lambda qemu: "")
    elif what == "compiler":
        monkeypatch.setattr(guest_kernel, "compiler", lambda: "")
    elif what == "build":
        (tmp_path / "build/bench/iopt-bench").unlink()
    elif what == "library":
        monkeypatch.setattr(shared_libs, "closure", no_library)
    else:
        monkeypatch.setattr(guest_kernel, "kernel", no_kernel)
    assert run() == 77
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and why in told.err
    assert not (tmp_path / "out").exists()


def test_guest_that_dies(run: Any, monkeypatch: pytest.MonkeyPatch,
                         capsys: Any) -> None:
    def die(*_: Any) -> None:
        raise GuestError("QEMU ended: exit 0")
    monkeypatch.setattr(tool, "run_kernel", die)
    assert run() == 1
    assert "perf-qemu: QEMU ended" in capsys.readouterr().err


def test_no_such_file(run: Any, capsys: Any) -> None:
    assert run("none.scenario") == 2
    assert "none.scenario" in capsys.readouterr().err


def test_usage(run: Any) -> None:
    with pytest.raises(SystemExit) as error:
        run("--kernels", "5.10")
    assert error.value.code == 2


class Shell:
    """A guest that keeps what it is told and has its answers ready.

    more_of is the factor of what each process of iopt-bench counts.
    """

    def __init__(self, *more_of: float) -> None:
        self.commands: list[str] = []
        self.plans: list[str] = []
        self.more_of = list(more_of)
        self.wrote = ""
        self.answers: dict[str, Output] = {}

    def run(self, command: str, timeout_s: float = 0) -> Output:
        self.commands.append(command)
        for word, answer in self.answers.items():
            if word in command:
                return answer
        if "iopt-bench" in command:
            user = command.startswith("su ")
            many = 350 * (self.more_of.pop(0) if self.more_of else 1)
            self.wrote = written(
                row(CASE, perf_instructions=many, perf_cycles=many),
                kernel=PARANOID if user else "yes")
            return Output(0)
        return Output(0, CMOCKA.split("\n"))

    def check(self, command: str, timeout_s: float = 0) -> str:
        self.commands.append(command)
        return self.wrote if command.startswith("cat") else ""


class Quiet:
    def live(self, text: str) -> None:
        """No terminal."""


def info(tmp_path: Path, label: str) -> Info:
    """A Linux tree that was built, with its counted twin."""
    folder = tmp_path / "build/kernel" / label
    folder.mkdir(parents=True)
    for name in ("kernel.so", "kernel.counted.so"):
        (folder / name).write_bytes(label.encode())
    return Info(label, label, "abc", f"debian:{label}", "", "6.12", "cc", "",
                str(folder / "kernel.so"), 7,
                Features(False, False, False, ""))


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Builds of trees that are only told of; what was asked for."""
    asked: list[str] = []

    def build_all(root: Path, out: Path, specs: list[str],
                  cc: str) -> list[Info]:
        assert out == tmp_path / "build/kernel" and cc == "cc"
        asked.extend(specs)
        if "nowhere" in specs[0]:
            raise BadSource(f"{specs[0]}: no Linux tree in it")
        return [info(tmp_path, spec.rpartition(":")[2]) for spec in
                dict.fromkeys(specs)] * (3 - len(set(specs)))
    monkeypatch.setattr(kernel_build, "build_all", build_all)
    return asked


def test_two_trees(run: Any, tmp_path: Path, trees: list[str],
                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Their engines take the models' place, in the guest and the tables."""
    jobs: list[tool.Job] = []

    def booted(job: tool.Job, kernel: Any, has_suite: bool, outcome: Any,
               console: Any) -> None:
        jobs.append(job)
        outcome.suite = suite()
    monkeypatch.setattr(tool, "run_kernel", booted)
    assert run("--kernel", "~/linux", "--old", "v6.12", "--new", "mine",
               "--kernels", "7") == 0
    assert trees == ["~/linux:v6.12", "~/linux:mine"]
    assert jobs[0].engines == ("kernel-v6.12", "kernel-mine")
    assert r"engine:(kernel\-v6\.12|kernel\-mine)/" in jobs[0].cases
    assert jobs[0].modules == ("--kernel /kernels/v6.12/kernel.so "
                               "--kernel /kernels/mine/kernel.so ")
    context = saved(tmp_path)["context"]
    assert context["engines"] == ["kernel-v6.12", "kernel-mine"]
    assert context["trees"] == ["Linux v6.12 abc", "Linux mine abc"]
    monkeypatch.setattr(guest_kernel, "user_program", lambda cache: b"")
    files, runnable = tool.guest_files(jobs[0], True)
    assert files["kernels/mine/kernel.counted.so"] == b"mine"
    assert "bin/iopt-bench" in runnable


@pytest.mark.parametrize("old, new, why", [
    ("nowhere", "7.3", "nowhere: no Linux tree in it"),
    ("debian:7.3", "debian:7.3", "are the same tree")])
def test_no_trees(run: Any, trees: list[str], capsys: Any, old: str, new: str,
                  why: str) -> None:
    assert run("--old", old, "--new", new) == 2
    assert why in capsys.readouterr().err


def test_one_tree(run: Any) -> None:
    with pytest.raises(SystemExit) as error:
        run("--old", "debian:6.12")
    assert error.value.code == 2


def the_suite(shell: Shell) -> tool.Suite:
    job = tool.Job(Path("b"), None, [], "", "^map/")  # type: ignore[arg-type]
    assert job.engines == ("lpae-6.12", "lpae-7.3") and job.cases == "^map/"
    return tool.run_suite(shell, job, Quiet())  # type: ignore[arg-type]


def test_suite_in_a_guest() -> None:
    """One process finds out, three do the same: as others, otherwise."""
    shell = Shell()
    done = the_suite(shell)
    benches = [c for c in shell.commands if "iopt-bench" in c]
    assert len(benches) == 4
    assert "--filter '^map/'" in benches[0]
    assert all("--plan /tmp/" in command for command in benches[1:])
    assert [c.startswith("su -s /bin/sh nobody") for c in benches] == \
        [False, False, True, True]
    assert [tool.ENVIRONMENT in c for c in benches] == \
        [False, True, False, True]
    assert f"printf '%s\\n' '{CASE} 50 42' >> /tmp/plan" in shell.commands
    assert done.again == ()
    assert done.whole[0].counts_kernel and not done.user[0].counts_kernel


def test_suspects_in_a_guest() -> None:
    """An interrupt in the first pair, none in the second."""
    shell = Shell(1, 1.5, 1, 1)
    done = the_suite(shell)
    assert done.again == (CASE,)
    assert tool.perf_cases.suite_failures(done) == []


def test_suspects_that_stay() -> None:
    """No more than twice: what differs then, differs."""
    shell = Shell(1, 1.5, 1, 1, 1, 1.5, 1, 1.5, 1, 1)
    done = the_suite(shell)
    assert len([c for c in shell.commands if "iopt-bench" in c]) == 8
    assert any("more than 1 % apart" in line
               for line in tool.perf_cases.suite_failures(done))


def test_bench_that_fails() -> None:
    shell = Shell()
    shell.answers["iopt-bench"] = Output(2, ["iopt-bench: --filter ["])
    with pytest.raises(tool.Usage, match=r"^iopt-bench: --filter \["):
        the_suite(shell)
    shell.answers["iopt-bench"] = Output(139, ["Segmentation fault"])
    with pytest.raises(GuestError, match="exit 139: Segmentation"):
        the_suite(shell)


def test_tests_in_a_guest() -> None:
    found = tool.run_tests(Shell())  # type: ignore[arg-type]
    assert {(t.name, t.user) for t in found} == {
        (name, user) for name in tool.TESTS for user in ("root", "nobody")}


@pytest.mark.parametrize("answer, outcome", [
    (Output(0, said(*NETS)), None),
    (Output(77, ["@skip no iommufd"]), "no iommufd"),
    (Output(2, ["@error s:1: size 4K: expected a multiple of 16K"]),
     "a size is no multiple of 16K"),
])
def test_calls_in_a_guest(tmp_path: Path, answer: Output,
                          outcome: str | None) -> None:
    shell = Shell()
    shell.answers["vfio-user"] = answer
    kernel = Kernel("7-16k", "7.9-arm64-16k", True, tmp_path)
    done = tool.count_calls(shell, Scenario("mine", SCENARIO),
                            "/s", kernel)  # type: ignore[arg-type]
    if outcome:
        assert done == outcome
    else:
        assert isinstance(done, tool.KernelRun)
        assert len(shell.commands) == 3
        assert shell.commands[0] == \
            f"vfio-user --device 0000:00:01.0 --count {tool.ROUNDS} /s"


@pytest.mark.parametrize("nets, nr, is_equal", [
    ((460, 460, 460), 3, True), ((520, 460, 460), 3, True),
    ((460, 460, 480, 480), 4, True), ((460, 480, 460, 480, 460), 5, False)])
def test_calls_again(tmp_path: Path, nets: tuple[int, ...], nr: int,
                     is_equal: bool) -> None:
    """The first is not looked at; two that differ get a third, and a fourth."""
    shell = Shell()
    left = list(nets)
    shell.run = lambda command, timeout_s=0: Output(  # type: ignore
        0, said(600, left.pop(0), 1700, 640))
    kernel = Kernel("7", "7.9", True, tmp_path)
    done = tool.count_calls(shell, Scenario("mine", SCENARIO), "/s",
                            kernel)  # type: ignore[arg-type]
    assert isinstance(done, tool.KernelRun)
    assert not left and done.nr_before == nr - 1
    assert done.warm.net(1) == nets[0]
    assert (tool.perf_calls.run_failures(done) == []) is is_equal


def test_calls_that_fail(tmp_path: Path) -> None:
    shell = Shell()
    shell.answers["vfio-user"] = Output(1, ["@error nothing was counted"])
    kernel = Kernel("7", "7.9", True, tmp_path)
    with pytest.raises(GuestError, match="nothing was counted"):
        tool.count_calls(shell, Scenario("mine", SCENARIO), "/s",
                         kernel)  # type: ignore[arg-type]
