# SPDX-License-Identifier: GPL-2.0-only
"""What is told of a run of Meson's tests."""

from __future__ import annotations

import json

import pytest
from ioptlib import program, testlog


def line(name: str, result: str, stdout: str = "") -> str:
    """As Meson logs a test."""
    return json.dumps({"name": name, "stdout": stdout, "result": result,
                       "starttime": 1.0, "duration": 0.5, "returncode": 0,
                       "env": {}, "command": [name]})


LOG = "\n".join([
    line("iopt-bench:unit / arena", "OK",
         "[ RUN ] a\nskip: no THP here\n[ OK ] a\nskip: no THP here\n"),
    line("iopt-bench:unit / live", "OK",
         "skipped, 2M: none is free\nnothing to skip: all good\n"),
    line("iopt-bench:model / xfail_lost", "EXPECTEDFAIL"),
    line("iopt-bench:kernel / kernel_diff", "SKIP", "skipped: no tree\n"),
    line("iopt-bench:kernel / mute", "SKIP"),
    line("iopt-bench:smoke / families", "OK",
         "1..2\nok 1 - map: 12 of 12 cases timed\n"
         "ok 2 - limit: 8 of 8 cases timed\n"),
    line("alone", "OK"),
])


def test_what_passed() -> None:
    outcomes = testlog.parse(LOG)
    assert [(o.suite, o.name) for o in outcomes[:2]] == [("unit", "arena"),
                                                         ("unit", "live")]
    assert testlog.verdict(outcomes) == \
        "5 tests passed (1 model, 1 other, 1 smoke, 2 unit), 2 skipped"
    assert testlog.families(outcomes) == ["map: 12 of 12 cases timed",
                                          "limit: 8 of 8 cases timed"]


def test_what_was_left_out() -> None:
    assert testlog.skipped(testlog.parse(LOG)) == [
        "arena: no THP here", "live: 2M: none is free",
        "kernel_diff, all of it: no tree",
        "mute, all of it: no reason is told"]


@pytest.mark.parametrize("result", ["FAIL", "TIMEOUT", "ERROR", "INTERRUPT",
                                    "UNEXPECTEDPASS"])
def test_what_failed(result: str) -> None:
    log = LOG + "\n" + line("iopt-bench:unit / bad", result)
    assert testlog.verdict(testlog.parse(log)).endswith(
        f", 2 skipped, 1 FAILED: bad ({result})")


def test_nothing_ran() -> None:
    assert testlog.parse("") == []
    assert testlog.verdict([]) == "no test ran"


@pytest.mark.parametrize("wrapper,words", [
    (None, []), ("", []), ("qemu -E A=b", ["qemu", "-E", "A=b"]),
    ("'/a b/qemu' -L '/x y'", ["/a b/qemu", "-L", "/x y"])])
def test_what_starts_a_program(monkeypatch: pytest.MonkeyPatch,
                               wrapper: str | None, words: list[str]) -> None:
    monkeypatch.delenv("MESON_EXE_WRAPPER", raising=False)
    if wrapper is not None:
        monkeypatch.setenv("MESON_EXE_WRAPPER", wrapper)
    assert program.command("build/iopt-bench") == [*words, "build/iopt-bench"]
