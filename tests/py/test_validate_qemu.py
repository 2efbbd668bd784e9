# SPDX-License-Identifier: GPL-2.0-only
"""The script validate_qemu.py: exit codes, skips, what it saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import validate_qemu as tool
from ioptlib import guest_kernel, qemu_guest
from ioptlib.cmdq import Command, Sent
from ioptlib.debian import Unreachable
from ioptlib.guest_kernel import Kernel
from ioptlib.qemu_guest import GuestError
from ioptlib.qemu_validate import Op, Result, Scenario, Setup, Verdict

SIM = """#!/bin/sh
grep -q bad && { echo 'stdin:1: "bad": expected vfio_map' >&2; exit 2; }
exit 0
"""


def one(stream: list[Command]) -> Op:
    return Op("vfio_unmap 0 4K", 4096, 0, tuple(stream), Sent.of(stream))


SYNCS = one([Command("CMD_SYNC")])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script with kernels and guests that are only told of."""
    sim = tmp_path / "iopt-sim"
    sim.write_text(SIM)
    sim.chmod(0o755)
    monkeypatch.setattr(qemu_guest, "version", lambda qemu: "7.2.22")
    monkeypatch.setattr(qemu_guest, "has_option", lambda *_: False)
    monkeypatch.setattr(guest_kernel, "compiler", lambda: "cc")
    monkeypatch.setattr(
        guest_kernel, "kernel",
        lambda archive, label: Kernel(label, f"{label}.9-cloud-arm64",
                                      label != "7", tmp_path))

    def booted(job: tool.Job, kernel: Kernel, stage: int,
               console: Any) -> list[Result]:
        return [Result(scenario.name,
                       Setup(kernel.family, kernel.release, "7.3", ril, stage,
                             "4K", 48, 48),
                       [Verdict.of(SYNCS, SYNCS)])
                for ril in job.rils for scenario in job.scenarios]
    monkeypatch.setattr(tool, "run_kernel", booted)

    def run(*args: str, scenario: str = "vfio_unmap 0 4K\n") -> int:
        path = tmp_path / "mine.scenario"
        path.write_text(scenario)
        return tool.main(["--sim", str(sim), "--out", str(tmp_path / "out"),
                          "--cache", str(tmp_path / "cache"), str(path),
                          *args])
    return run


def saved(tmp_path: Path) -> dict[str, Any]:
    path, = (tmp_path / "out").glob("qemu-*.json")
    assert path.with_suffix(".txt").exists()
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_equal(run: Any, tmp_path: Path, capsys: Any) -> None:
    assert run() == 0
    document = saved(tmp_path)
    assert [(row["kernel"], row["ril"]) for row in document["rows"]] == [
        ("6.12.9-cloud-arm64", "on"), ("6.12.9-cloud-arm64", "off"),
        ("7.9-cloud-arm64", "on"), ("7.9-cloud-arm64", "off")]
    assert document["context"]["qemu"] == "7.2.22"
    out = capsys.readouterr().out
    assert "4 of 4 equal" in out
    assert "skipped: stage 2: this QEMU" in out
    # A kernel that stands in for the pinned one is named.
    assert "kernel 7: the archive has 7.3.4+deb13-cloud-arm64 no more, " \
        "took 7.9-cloud-arm64" in out


def test_differs(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                 capsys: Any) -> None:
    setup = Setup("7", "7.9", "7.3", "on", 1, "4K", 48, 48)
    bad = Result("mine", setup, [Verdict.of(SYNCS, one([]))])
    monkeypatch.setattr(tool, "run_kernel", lambda *_: [bad])
    assert run("--kernels", "7") == 3
    said = capsys.readouterr()
    assert "NO" in said.out and "differs in sync" in said.err
    assert "CMD_SYNC" in said.err
    assert saved(tmp_path)["rows"][0]["equal"] == "NO"
    text = next((tmp_path / "out").glob("*.txt")).read_text()
    assert "differs in sync" in text


def test_record(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "kernels.jsonl"
    assert run("--record", str(path), "--kernels", "7") == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["ril"] for row in rows] == ["off", "on"]
    assert rows[0]["ops"][0]["sync"] == 1


def test_no_qemu(run: Any, monkeypatch: pytest.MonkeyPatch,
                 capsys: Any) -> None:
    monkeypatch.setattr(qemu_guest, "version", lambda qemu: "")
    assert run() == 77
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert "no qemu-system-aarch64 here" in said.err


def test_no_compiler(run: Any, monkeypatch: pytest.MonkeyPatch,
                     capsys: Any) -> None:
    monkeypatch.setattr(guest_kernel, "compiler", lambda: "")
    assert run() == 77
    assert "no compiler for arm64" in capsys.readouterr().err


def test_no_network(run: Any, monkeypatch: pytest.MonkeyPatch,
                    capsys: Any) -> None:
    def kernel(archive: Any, label: str) -> Kernel:
        raise Unreachable("apt-get update: no network")
    monkeypatch.setattr(guest_kernel, "kernel", kernel)
    assert run() == 77
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "no network" in said.err


def test_one_kernel_is_enough(run: Any, monkeypatch: pytest.MonkeyPatch,
                              tmp_path: Path, capsys: Any) -> None:
    def kernel(archive: Any, label: str) -> Kernel:
        if label == "6.12":
            raise Unreachable("the archive has no kernel 6.12")
        return Kernel(label, "7.9", True, tmp_path)
    monkeypatch.setattr(guest_kernel, "kernel", kernel)
    assert run() == 0
    assert "skipped: kernel 6.12: the archive has no kernel" in \
        capsys.readouterr().out


def test_all_skipped(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup("7", "7.9", "7.3", "on", 1, "4K", 48, 48)
    monkeypatch.setattr(tool, "run_kernel", lambda *_: [
        Result("mine", setup, skipped="no iommufd")])
    assert run() == 77


def test_bad_scenario(run: Any, capsys: Any) -> None:
    """iopt-sim's message, before anything is booted."""
    assert run(scenario="bad\n") == 2
    assert 'mine:1: "bad": expected vfio_map' in capsys.readouterr().err


def test_no_such_file(run: Any, capsys: Any) -> None:
    assert run("none.scenario") == 2
    assert "none.scenario" in capsys.readouterr().err


def test_guest_that_dies(run: Any, monkeypatch: pytest.MonkeyPatch,
                         capsys: Any) -> None:
    def die(*_: Any) -> list[Result]:
        raise GuestError("QEMU ended: exit 0\n    Kernel panic")
    monkeypatch.setattr(tool, "run_kernel", die)
    assert run() == 1
    assert "Kernel panic" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [
    ("--kernels", "5.10"), ("--stages", "3"), ("--ril", "maybe")])
def test_usage(run: Any, arguments: tuple[str, str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as error:
        run(*arguments)
    assert error.value.code == 2
    assert "must be of" in capsys.readouterr().err


def test_too_fine_for_the_page_size(tmp_path: Path) -> None:
    """4K scenarios on a 16K kernel are skipped by name, not errors."""
    sim = tmp_path / "iopt-sim"
    sim.write_text("#!/bin/sh\necho 'stdin:1: size \"4K\": expected a "
                   "multiple of 16K' >&2\nexit 2\n")
    sim.chmod(0o755)
    job = tool.Job(sim, None, [], "", ())  # type: ignore[arg-type]
    setup = Setup("7-16k", "7.9", "7.3", "on", 1, "16K", 48, 48)
    scenario = Scenario("mine", "vfio_map 0 4K run=4K\n")
    result = tool.run_one(job, None, scenario, "/s",  # type: ignore[arg-type]
                          setup)
    assert result.skipped == "a size is no multiple of 16K"
    sim.write_text("#!/bin/sh\necho 'stdin:1: no such op' >&2\nexit 2\n")
    with pytest.raises(tool.Usage, match="no such op"):
        tool.run_one(job, None, scenario, "/s",  # type: ignore[arg-type]
                     setup)
