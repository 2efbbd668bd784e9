# SPDX-License-Identifier: GPL-2.0-only
"""The gate: exit codes, readable differences, blessing, reports."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import compare
import pytest
import regress
from conftest import ROOT, Builder, Ran, SmallDisk, repository
from ioptlib import gate

CASES = ["limit/op:fill/granule:4K/count:1",
         "limit/op:fill/granule:4K/count:256"]
GATE = f"""[gate]
profiles = none smmuv3-ril
pairs = 6
pairs_of_suspects = 6
cases =
    # comment
    {CASES[0]}
    {CASES[1]}
[floors]
count:256$ = 20
"""

# map 16, unmap_partial 16, replay 8, limit 2
NR_CASES = 42

Regress = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, build: Builder, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> Regress:
    """Runs regress.py over a fake, with a baseline of its own."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "gate.ini").write_text(GATE)
    build("now")

    def go(*args: str, fault: str = "", bench: str = "now") -> Ran:
        monkeypatch.setenv("FAKE_FAULT", fault)
        capsys.readouterr()
        code = regress.main([
            "--bench", str(tmp_path / bench / "iopt-bench"), "--baseline",
            str(tmp_path / "counters.json"), "--gate",
            str(tmp_path / "gate.ini"), "--results",
            str(tmp_path / "results"), "--seed", "3", *args])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err, tmp_path / "results")
    return go


def baseline(tmp_path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        (tmp_path / "counters.json").read_text("utf-8"))
    return data


def change(tmp_path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    data = baseline(tmp_path)
    edit(data["cases"])
    (tmp_path / "counters.json").write_text(json.dumps(data))


def test_bless_then_pass(run: Regress, tmp_path: Path) -> None:
    blessed = run("--bless")
    assert blessed.code == 0, blessed.err
    assert blessed.out.count(": new: ") == NR_CASES
    assert re.search(r"^limit/op:fill/granule:4K/count:1: new: pte_writes \d, "
                     r"tables_alloc 1$", blessed.out, re.MULTILINE)
    data = baseline(tmp_path)
    assert data["profiles"] == ["none", "smmuv3-ril"]
    assert len(data["cases"]) == NR_CASES
    first = data["cases"]["map/engine:lpae-7.3/granule:4K/size:2M/count:1/"
                          "cache:warm/walker:coherent"]
    assert first["tlbi_nh_va@smmuv3-ril"] == 1
    assert first["sim_ps@smmuv3-ril"] == 354500
    assert 0 not in first.values()
    lines = (tmp_path / "counters.json").read_text("utf-8").splitlines()
    assert sum(line.startswith('    "') for line in lines) == NR_CASES
    passed = run()
    assert passed.code == 0, passed.out
    assert "gate: pass" in passed.out
    assert "no ANCHOR= was named" in passed.out
    again = run("--bless")
    assert again.out.startswith("the baseline is as it was\n")


def edit_counter(cases: dict[str, Any]) -> None:
    cases[CASES[0]]["pte_writes"] += 2
    cases[CASES[1]]["pte_writes"] += 2


def warn_of_all(cases: dict[str, Any]) -> None:
    for counters in cases.values():
        counters["warnings"] = 4


# what is edited in the baseline, exit code, what is said
EDITS = [
    (edit_counter, 3, r"  limit/op:fill/granule:4K/count:1(: pte_writes \d+ "
                      r"-> \d+ \(-2\)| and 1 more: )"),
    (lambda cases: cases[CASES[0]].update(warnings=4), 3,
     r"count:1: warnings 4 -> 0 \(-4\)"),
    (lambda cases: cases.pop(CASES[0]), 3,
     r"here, but not in the baseline.*\n  limit/op:fill"),
    (lambda cases: cases.update({"map/gone:1": {"pte_writes": 1}}), 3,
     r"in the baseline, but not here.*\n  map/gone:1\n(.*\n)*"
     r"gate: the counters are not those of the baseline"),
]


@pytest.mark.parametrize("edit,code,said", EDITS,
                         ids=["counter", "vanished", "added", "missing"])
def test_differences(run: Regress, tmp_path: Path,
                     edit: Callable[[dict[str, Any]], None], code: int,
                     said: str) -> None:
    is_whole = "gone" in said
    args = [] if is_whole else ["--filter", "^limit"]
    run("--bless", *args)
    change(tmp_path, edit)
    ran = run(*args)
    assert ran.code == code, ran.out
    assert re.search(said, ran.out), ran.out


def test_without_a_baseline_nothing_passes(run: Regress,
                                           tmp_path: Path) -> None:
    """Else who deletes the file has a green job."""
    ran = run("--junit", str(tmp_path / "u.xml"))
    assert ran.code == 3, ran.out
    suite = ElementTree.parse(tmp_path / "u.xml").getroot()[0]
    assert suite.get("failures") == str(NR_CASES)


def test_what_failed_is_not_called_missing(run: Regress) -> None:
    run("--bless")
    ran = run(fault="crash:limit:ledger")
    assert ran.code == 1, ran.out


def test_a_case_that_cannot_be_counted_here(run: Regress,
                                            tmp_path: Path) -> None:
    args = ["--filter", "^limit.*count:1$"]
    run("--bless", *args)
    ran = run(*args, "--junit", str(tmp_path / "u.xml"),
              fault="skip:limit:ledger")
    assert ran.code == 1, ran.out
    assert "in the baseline, but skipped here:\n  " \
        f"{CASES[0]}: no such trace\n" in ran.out
    suite = ElementTree.parse(tmp_path / "u.xml").getroot()[0]
    assert suite.get("errors") == "1" and suite.get("failures") == "0"
    # What the baseline does not have may be skipped: blessing takes it out.
    blessed = run("--bless", *args, fault="skip:limit:ledger")
    assert blessed.out.startswith(f"{CASES[0]}: no longer there, skipped: ")
    assert run(*args, fault="skip:limit:ledger").code == 0


def test_blessing_prints_every_change(run: Regress, tmp_path: Path) -> None:
    run("--bless", "--filter", "^limit")
    change(tmp_path, warn_of_all)
    ran = run("--bless", "--filter", "^limit")
    assert [line for line in ran.out.splitlines() if "warnings" in line] == \
        [f"{case}: warnings 4 -> 0 (-4)" for case in CASES]


def test_many_new_cases_of_a_family_are_a_line() -> None:
    new = {f"map/count:{i}": {"pte_writes": i}
           for i in range(gate.MAX_LINES + 1)}
    new["limit/count:1"] = {}
    text = gate.bless_text(gate.judge({"dma/a:1": {"syncs": 2}}, new, new))
    assert text.splitlines() == [
        "dma/a:1: no longer there: syncs 2",
        "limit/count:1: new: all counters are 0",
        f"map: {gate.MAX_LINES + 1} cases: new"]


def test_junit_has_what_only_one_pass_has() -> None:
    one = {"map/a:1": {"syncs": 1}}
    both = {**one, "map/a:2": {"syncs": 1}}
    for passes in ((one, both), (both, one)):
        report = gate.judge(one, *passes)
        assert report.exit_code == 1
        suite = ElementTree.fromstring(gate.junit_of(report))[0]
        assert {case.get("name"): case.find("failure") is not None
                for case in suite} == {"map/a:1": False, "map/a:2": True}


def test_without_setarch_it_is_said(run: Regress, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose seccomp profile refuses personality()."""
    refuses = tmp_path / "bin/setarch"
    refuses.parent.mkdir()
    refuses.write_text("#!/bin/sh\nexit 1\n")
    refuses.chmod(0o755)
    monkeypatch.setenv("PATH", f"{refuses.parent}:{os.environ['PATH']}")
    run("--bless", "--filter", "^limit")
    ran = run("--filter", "^limit")
    assert ran.code == 0 and "setarch -R is refused here" in ran.out


@pytest.mark.skipif(regress.Counter._without_aslr() == [],
                    reason="setarch -R is refused here")
def test_with_setarch_nothing_is_said(run: Regress) -> None:
    run("--bless", "--filter", "^limit")
    assert "setarch" not in run("--filter", "^limit").out


def test_bless_prints_old_new_and_difference(run: Regress,
                                             tmp_path: Path) -> None:
    run("--bless", "--filter", "^limit")
    change(tmp_path, lambda cases: cases[CASES[0]].update(pte_writes=100))
    before = baseline(tmp_path)
    ran = run("--bless", "--filter", "^limit")
    assert re.match(r"limit/op:fill/granule:4K/count:1: pte_writes 100 -> "
                    r"(\d) \(-9\d\)\n", ran.out)
    assert baseline(tmp_path) != before
    # What the filter left out stays.
    change(tmp_path, lambda cases: cases.update({"map/x:1": {"calls": 1}}))
    run("--bless", "--filter", "^limit")
    assert "map/x:1" in baseline(tmp_path)["cases"]


def test_passes_that_differ_are_a_bug_of_the_suite(run: Regress,
                                                   tmp_path: Path) -> None:
    run("--bless", "--filter", "^limit")
    kept = (tmp_path / "counters.json").read_bytes()
    ran = run("--filter", "^limit", fault="layout:limit:ledger")
    assert ran.code == 1
    assert "not the same in two passes of this job" in ran.out
    assert re.search(r"pte_writes \d+ -> \d+ \(\+1\)", ran.out)
    blessed = run("--bless", "--filter", "^limit",
                  fault="layout:limit:ledger")
    assert blessed.code == 1 and "nothing was blessed" in blessed.err
    assert (tmp_path / "counters.json").read_bytes() == kept


@pytest.mark.parametrize("fault,said", [
    ("crash:limit:ledger", "limit: killed by SIGSEGV"),
    ("garbage:limit:ledger", "limit: no counters: exit 0"),
    ("error:limit:ledger", "verify: returned 0, want 4096"),
])
def test_failures(run: Regress, tmp_path: Path, fault: str,
                  said: str) -> None:
    run("--bless", "--filter", "^limit")
    ran = run("--filter", "^limit", fault=fault)
    assert ran.code == 1, ran.out
    assert said in ran.out and "Traceback" not in ran.err


def test_times_against_an_anchor(run: Regress, build: Builder, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DOUBT", "CPU 1 was busy.")
    anchor = build("anchor", FACTOR=0.9)
    run("--bless")
    ran = run("--anchor", str(anchor), "--junit", str(tmp_path / "j/u.xml"),
              "--markdown", str(tmp_path / "s.md"))
    assert ran.code == 3, ran.out + ran.err
    # 11 % is above the usual floor, and below that of one case.
    assert "2 timed: 1 slower, 0 faster, 1 same, 0 unresolved" in ran.out
    assert re.search(r"times: 2 cases, \d\.\d s a process", ran.out)
    assert ran.out.count("\ndoubtful: CPU 1 was busy.\n") == 1
    suite = ElementTree.parse(tmp_path / "j/u.xml").getroot()[0]
    failed = [case.get("name") for case in suite
              if case.find("failure") is not None]
    assert failed == [CASES[0]]
    text = (tmp_path / "s.md").read_text("utf-8")
    assert text.startswith("## iopt-bench gate: regression\n")
    assert "| slower |" in text


def test_full_disk(run: Regress, build: Builder, disk: SmallDisk,
                   capsys: pytest.CaptureFixture[str]) -> None:
    """What it says to go on with its times does."""
    disk.mount("128k")
    anchor = build("anchor", FACTOR=0.9)
    run("--bless")
    ran = run("--anchor", str(anchor))
    assert ran.code == 1, ran.out + ran.err
    [spool] = disk.path.glob("*/compare/spool-*")
    [said] = [li for li in ran.err.splitlines() if "cannot write" in li]
    assert said.startswith("regress: ") and "No space left" in said
    assert f"scripts/compare.py --resume {spool}" in said
    disk.grow()
    assert compare.main(["--resume", str(spool)]) == 3
    # By the floors of the gate file, as above.
    assert "2 timed: 1 slower, 0 faster, 1 same, 0 unresolved" in \
        capsys.readouterr().out
    assert not spool.exists()


def test_an_anchor_with_another_library(run: Regress, build: Builder) -> None:
    """Counters are told, times are not."""
    run("--bless")
    ran = run("--anchor", str(build("anchor", LIBRARY="1.9.0")))
    assert ran.code == 4, ran.out
    assert re.search("times were not compared: other library: libbenchmark is "
                     "'1.9.0' in old and '1.7.1' in new; nothing was timed",
                     ran.out)
    assert "gate: inconclusive" in ran.out and "0 differ" in ran.out


def test_identical_code_is_not_timed(run: Regress, tmp_path: Path) -> None:
    run("--bless")
    ran = run("--anchor", str(tmp_path / "now"))
    assert ran.code == 0, ran.out
    assert "object code of both sides is identical" in ran.out


def test_a_case_that_the_anchor_lacks(run: Regress, build: Builder) -> None:
    run("--bless")
    ran = run("--anchor", str(build("anchor", FACTOR=1.01,
                                    WITHOUT="count:256$")))
    assert ran.code == 4, ran.out
    assert f"only in new: {CASES[1]}" in ran.out


def test_an_anchor_without_any_case_of_the_gate_set(
        run: Regress, build: Builder, tmp_path: Path) -> None:
    run("--bless")
    ran = run("--anchor", str(build("anchor", FACTOR=1.01, WITHOUT="^limit")),
              "--junit", str(tmp_path / "u.xml"))
    assert ran.code == 4, ran.out
    assert f"of the gate set, only in this build: {', '.join(CASES)}" \
        in ran.out
    suite = ElementTree.parse(tmp_path / "u.xml").getroot()[0]
    assert suite.get("errors") == "1"
    # A person who asks for other cases does not miss these.
    assert run("--anchor", str(tmp_path / "anchor"), "--filter",
               "^map").code == 0


def test_a_gate_set_that_nobody_has(run: Regress, tmp_path: Path) -> None:
    gone = "limit/op:gone/count:1"
    (tmp_path / "gate.ini").write_text(GATE.replace(CASES[0], gone))
    run("--bless")
    ran = run("--anchor", str(tmp_path / "now"))
    assert ran.code == 4, ran.out
    assert f"of the gate set, on neither side: {gone}" in ran.out


def test_what_cannot_be_timed_here_is_no_pass(run: Regress,
                                              build: Builder) -> None:
    run("--bless")
    ran = run("--anchor", str(build("anchor", FACTOR=1.001)),
              fault="skip:limit:*")
    assert ran.code == 4, ran.out
    assert "no such trace" in ran.out


def test_node(run: Regress, build: Builder) -> None:
    run("--bless")
    ran = run("--anchor", str(build("anchor", FACTOR=1.01)), "--node", "9")
    assert ran.code == 2 and "node 9 cannot be used" in ran.err


@pytest.mark.parametrize("target", ["bench", "regress", "compare", "track",
                                    "bench-selftest"])
def test_make_passes_the_node_on(target: str) -> None:
    done = subprocess.run(["make", "-n", target, "OLD=a", "NEW=b", "NODE=7"],
                          cwd=ROOT, capture_output=True, text=True,
                          check=True)
    assert "--node '7'" in done.stdout


@pytest.mark.parametrize("word", ["0" * 40, "dead" * 10, ""])
def test_an_anchor_that_is_not_there(tmp_path: Path, word: str) -> None:
    """A first push, a forced one, a scheduled job."""
    settings = gate.Settings(("a",), ())
    first, second = repository(tmp_path / "two", 2)
    repository(tmp_path / "one", 1)

    def ask(where: str, named: str, or_parent: bool = True) \
            -> tuple[str, str]:
        args = argparse.Namespace(anchor=named, or_parent=or_parent)
        return regress.anchor_word(args, settings, tmp_path / where)
    found, note = ask("two", word)
    assert found == first and "HEAD~1" in note and word in note
    found, note = ask("one", word)
    assert found == "" and "times were not compared" in note
    assert ask("two", second) == (second, "")
    assert ask("two", "HEAD") == ("HEAD", "")
    assert ask("two", word, False)[0] == word


def test_build_only_wants_an_anchor(run: Regress) -> None:
    ran = run("--build-only")
    assert ran.code == 2 and "no anchor was named" in ran.err


def wait_for(pattern: str, where: Path, process: subprocess.Popen[str]) \
        -> None:
    """Until there is such a file."""
    while not list(where.glob(pattern)):
        assert process.poll() is None
        time.sleep(0.02)


# When it is ended, what FAKE_FAULT is, the file that says so
ENDS = [
    ("while counting", "hang:limit:ledger", "started"),
    ("while measuring", "", "results/*/compare/spool-*/stage1-*.meta"),
]


@pytest.mark.parametrize("when,fault,sign", ENDS,
                         ids=[when for when, _, _ in ENDS])
def test_a_job_that_is_out_of_time_leaves_its_reports(
        run: Regress, build: Builder, tmp_path: Path, when: str, fault: str,
        sign: str) -> None:
    run("--bless")
    anchor = build("anchor", FACTOR=1.2)
    program = tmp_path / "now/iopt-bench"
    if fault:  # it says when it counts
        real = shutil.move(program, tmp_path / "real")
        program.write_text(
            f'#!/bin/sh\ncase $* in *--count-only*) echo >"{tmp_path}/'
            f'started" ;; esac\nexec "{real}" "$@"\n')
        program.chmod(0o755)
    with subprocess.Popen(
            [sys.executable, str(ROOT / "scripts/regress.py"), "--bench",
             str(program), "--anchor", str(anchor), "--baseline",
             str(tmp_path / "counters.json"), "--gate",
             str(tmp_path / "gate.ini"), "--results",
             str(tmp_path / "results"), "--junit", str(tmp_path / "u.xml"),
             "--markdown", str(tmp_path / "s.md")], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, FAKE_CASE_S="0.1", FAKE_FAULT=fault)) as p:
        wait_for(sign, tmp_path, p)
        p.send_signal(signal.SIGTERM)
        _, err = p.communicate(timeout=30)
    assert p.returncode == 130, err
    suite = ElementTree.parse(tmp_path / "u.xml").getroot()[0]
    said = [error.get("message", "") for error in suite.iter("error")]
    assert any("interrupted by SIGTERM" in text for text in said), said
    assert "interrupted by SIGTERM" in (tmp_path / "s.md").read_text("utf-8")
    passed = [c for c in suite if len(c) == 0]
    assert len(passed) >= (0 if fault else NR_CASES), when


def test_summary_of_the_job(run: Regress, tmp_path: Path,
                            monkeypatch: pytest.MonkeyPatch) -> None:
    run("--bless", "--filter", "^limit")
    change(tmp_path, edit_counter)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    run("--filter", "^limit")
    text = (tmp_path / "page.md").read_text("utf-8")
    assert f"| `{CASES[0]}` | pte\\_writes |" in text
    assert "| -2 |" in text


@pytest.mark.parametrize("text,said", [
    ("", "it is no gate file"), ("[gate]\nprofiles = a\n", "no gate file"),
    ("[gate]\nprofiles =\ncases =\n a\n a\n", "a is in it twice"),
    ("[gate]\nprofiles =\ncases =\n # a\n", "it names no cases"),
    ("[gate]\nprofiles =\ncases = a\n[floors]\n( = 1\n", "no gate file"),
])
def test_bad_gate_file(run: Regress, tmp_path: Path, text: str,
                       said: str) -> None:
    (tmp_path / "gate.ini").write_text(text)
    ran = run()
    assert ran.code == 2 and said in ran.err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}',
                                  '{"schema": 1, "cases": {"a": 3}}'])
def test_bad_baseline(run: Regress, tmp_path: Path, text: str) -> None:
    (tmp_path / "counters.json").write_text(text)
    ran = run("--filter", "^limit")
    assert ran.code == 2 and "counters.json: it" in ran.err


def test_no_gate_file(run: Regress, tmp_path: Path) -> None:
    (tmp_path / "gate.ini").unlink()
    ran = run()
    assert ran.code == 2 and "gate.ini: No such file" in ran.err


def test_usage(run: Regress) -> None:
    assert run("--filter", "no_such_case").code == 2
    ran = run("--filter", "^limit", "--anchor", "no-such-revision")
    assert ran.code == 2 and "is neither" in ran.err
    ran = run("--filter", "^limit", "--anchor", "lpae-7.3")
    assert ran.code == 2 and "ANCHOR=lpae-7.3 is an engine" in ran.err


def test_what_is_committed_fits_together() -> None:
    """The gate set is part of the baseline, so a renamed case is seen."""
    settings = gate.load_settings(ROOT / "results/baseline/gate.ini")
    counts = gate.load_baseline(ROOT / "results/baseline/counters.json")
    assert len(settings.cases) > 30
    assert [name for name in settings.cases if name not in counts] == []
    text = (ROOT / "results/baseline/counters.json").read_text("utf-8")
    assert gate.dump_baseline(counts, settings.profiles) == text


def test_blessed_counters_pass_beside_an_anchor(
        run: Regress, build: Builder, tmp_path: Path) -> None:
    """A change that means to store more commits what was blessed; what the
    anchor counts then is for the reader alone."""
    build("more", EXTRA=1, FACTOR=1.001)
    anchor = build("anchor", FACTOR=1.001)
    assert run("--bless", bench="more").code == 0
    ran = run("--anchor", str(anchor), "--junit", str(tmp_path / "u.xml"),
              bench="more")
    assert ran.code == 0, ran.out
    assert "0 differ" in ran.out and "gate: pass" in ran.out
    assert re.search(r"exact/op.*: pte_writes \d+->\d+", ran.out)
    suite = ElementTree.parse(tmp_path / "u.xml").getroot()[0]
    assert suite.get("failures") == "0"
    # Not blessed, it is what it was.
    assert run("--bless").code == 0
    assert run("--anchor", str(anchor), bench="more").code == 3


def test_counters_are_told_where_times_cannot_be_kept(
        run: Regress, build: Builder, tmp_path: Path) -> None:
    run("--bless")
    change(tmp_path, edit_counter)
    anchor = build("anchor", FACTOR=1.2)
    (tmp_path / "file").write_text("")
    ran = run("--anchor", str(anchor), "--results", str(tmp_path / "file"),
              "--junit", str(tmp_path / "u.xml"),
              "--markdown", str(tmp_path / "no/such/folder.md"))
    assert ran.code == 1 and "2 differ" in ran.out, ran.out
    assert "FAILED times were not compared: cannot write" in ran.out
    suite = ElementTree.parse(tmp_path / "u.xml").getroot()[0]
    assert suite.get("failures") == "2" and suite.get("errors") == "1"
    told = run("--anchor", str(anchor), "--results", str(tmp_path / "file"))
    assert told.code == 3, told.out
    # What the user can mend, of counters that are as they were.
    run("--bless")
    ran = run("--anchor", str(anchor), "--cpu", "999")
    assert ran.code == 2 and "no CPU 999" in ran.err, ran.err
    assert "0 differ" in ran.out


@pytest.mark.parametrize("text", [
    '{"schema": 1, "cases": {"a": {"b": Infinity}}}',
    '{"schema": 1, "cases": {"a": {"b": 1.9}}}',
    '{"schema": 1, "cases": {"a": 3}}', '{"schema": 1, "cases": []}',
    '{"schema": 1}', '[]', '{'])
def test_a_baseline_that_is_none(text: str) -> None:
    with pytest.raises(gate.BadFile):
        gate.parse_baseline(text)
