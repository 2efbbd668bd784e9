# SPDX-License-Identifier: GPL-2.0-only
"""The page of a history: whole, alone, safe, and read by a real browser."""

from __future__ import annotations

import html.parser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import report
from ioptlib import history, page, trend
from ioptlib.report import findings
from made_history import MAP, commit, comparison_of

HOSTILE = '<img src=x onerror=alert(1)>"\'&amp;'
OTHER = "unmap_partial/engine:lpae-split/granule:4K/block:2M/part:page/" \
    "where:middle"


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A history with a change, an exact counter that moved, a mark, and a
    second machine whose name tries to be HTML."""
    path = tmp_path / "history.db"
    with history.Store(path) as store:
        for day in range(1, 13):
            wiggle = 1 + 0.001 * ((day * 7) % 5 - 2)
            store.add(*history.run_of(comparison_of(
                day, {MAP: wiggle * (1 if day < 7 else 1.05), OTHER: wiggle},
                {MAP: {"pte_writes": 1 if day < 9 else 2}})))
        for day in range(1, 3):
            store.add(*history.run_of(comparison_of(
                day, {MAP: 1.0}, iopt_host=HOSTILE, iopt_cc=HOSTILE)))
        store.mark(history.Mark("2026-02-01", "", "map/*", "r7",
                                history.EXPECTED, HOSTILE))
    return path


@pytest.fixture
def text(filled: Path) -> str:
    with history.Store(filled) as store:
        return page.render(store)


class Elements(html.parser.HTMLParser):
    """Collects what is in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str,
                        attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag


def test_it_needs_nothing_else(text: str) -> None:
    for tag, attributes in Elements(text).tags:
        assert tag not in ("link", "img", "iframe", "base"), tag
        for name in ("src", "href", "xlink:href", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, value)
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttp", text)


def test_nothing_breaks_out(text: str) -> None:
    assert "<img" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 3


def test_ids_are_used_once_and_found(text: str) -> None:
    elements = Elements(text).tags
    ids = [a["id"] for _, a in elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        link = attributes.get("xlink:href")
        assert link is None or link[1:] in ids
    clips = re.findall(r"url\(#([^)]*)\)", text)
    assert clips and set(clips) <= set(ids)


def test_it_says_what_there_is(text: str) -> None:
    assert "r6..r7" in text and "r8..r9" in text
    assert "1 -&gt; 2" in text
    assert "r7, 2026-01-07T03:04:05+00:00: 1.0" in text
    assert f"anchor v1 ({commit('v1')[:12]})" in text
    sections = [a["id"] for t, a in Elements(text).tags if t == "section"]
    assert len(sections) == 2


def test_ranges_are_no_intervals(tmp_path: Path) -> None:
    """Fewer than six pairs have no interval, and are not called so."""
    with history.Store(tmp_path / "r.db") as store:
        for day, nr_pairs in ((1, 10), (2, 3)):
            store.add(*history.run_of(comparison_of(day, {MAP: 1.1},
                                                    nr_pairs=nr_pairs)))
        text = page.render(store)
    assert "with fewer than\n6 pairs, the range" in text
    assert "], 95 % interval of 10 pairs<" in text
    assert "], range of 3 pairs<" in text
    assert "<td>range of 3 pairs</td>" in text
    assert "<td>95 % interval" not in text
    assert 'class="number worse"' not in text
    assert "; 1 with a range, no interval" in text


def test_a_point_stands_at_the_number_of_its_run(tmp_path: Path) -> None:
    """That of the table, also where its case was not in every run."""
    with history.Store(tmp_path / "r.db") as store:
        for day in range(1, 13):
            ratio = (1 + 0.001 * (day % 3)) * (1 if day < 7 else 1.05)
            store.add(*history.run_of(comparison_of(
                day, {MAP: 1.0} if day in (1, 6) else {OTHER: ratio})))
        text, runs = page.render(store), store.runs()
    table = re.findall(r'<td class="number">(\d+)</td><td>[^<]*</td>'
                       r"<td><code>(r\d+)</code>", text)
    numbers = {revision: int(number) for number, revision in table}
    by_id = {run.id: run for run in runs}
    [_, one] = history.series_of(runs)
    [found] = findings(runs, [])
    [axes] = trend._draw(one, by_id, [found], "p").axes
    lines = {line.get_gid(): list(line.get_xdata()) for line in axes.lines}
    assert [lines[f"p-{i}"] for i in range(len(one.runs))] == \
        [[numbers[by_id[run].revision]] for run in one.runs]
    assert found.span == "r5..r7"
    # The line of the change, between runs 4 and 6.
    assert [5, 5] in [list(line.get_xdata()) for line in axes.lines]


def test_command_line(filled: Path, tmp_path: Path,
                      capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    assert report.main(["--db", str(filled), "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert report.main(["--db", str(tmp_path / "none.db")]) == 2
    assert report.main(["--db", str(filled),
                        "--out", str(tmp_path / "no" / "p.html")]) == 1
    bad = tmp_path / "bad.db"
    bad.write_text("x" * 5000)
    assert report.main(["--db", str(bad), "--out", str(out)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and str(bad) in said[2]


def test_empty(tmp_path: Path) -> None:
    history.Store(tmp_path / "e.db").close()
    out = tmp_path / "e.html"
    assert report.main(["--db", str(tmp_path / "e.db"),
                        "--out", str(out)]) == 77
    assert "empty" in out.read_text(encoding="utf-8")


def browser() -> str | None:
    """A browser that can be run without a screen."""
    return next((found for name in ("chromium", "chromium-browser",
                                    "google-chrome")
                 if (found := shutil.which(name))), None)


def in_browser(path: Path, profile: Path, fragment: str,
               *more: str) -> subprocess.CompletedProcess[str]:
    """Show a page in a browser that reaches no network."""
    found = browser()
    assert found is not None
    return subprocess.run(
        [found, "--headless", "--no-sandbox", "--disable-gpu",
         "--disable-dev-shm-usage", f"--user-data-dir={profile}",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
         *more, f"{path.as_uri()}{fragment}"], text=True, timeout=120,
        capture_output=True, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.skipif(browser() is None, reason="no chromium is installed")
def test_in_a_browser(filled: Path, tmp_path: Path) -> None:
    """Its script runs without an error, and shows the machine that is asked
    for and no other."""
    out = tmp_path / "page.html"
    report.main(["--db", str(filled), "--out", str(out)])
    with history.Store(filled) as store:
        hostile = next(m.id for m in store.machines()
                       if m.facts["iopt_host"] == HOSTILE)
    ran = in_browser(out, tmp_path / "profile", f"#{hostile}", "--dump-dom")
    assert "CONSOLE" not in ran.stderr, ran.stderr
    sections = {str(a["id"]): "hidden" in a
                for t, a in Elements(ran.stdout).tags if t == "section"}
    assert len(sections) == 2
    assert not sections[f"machine-{hostile}"]
    assert sum(sections.values()) == 1


@pytest.mark.skipif(browser() is None, reason="no chromium is installed")
def test_points_are_drawn(filled: Path, tmp_path: Path) -> None:
    """Seen as a picture, a trend has its points: in the colour of them."""
    from matplotlib import image
    out = tmp_path / "page.html"
    report.main(["--db", str(filled), "--out", str(out)])
    shot = Path(os.path.abspath(tmp_path / "shot.png"))
    in_browser(out, tmp_path / "profile", "", f"--screenshot={shot}",
               "--window-size=1200,1600")
    pixels = image.imread(shot)[:, :, :3]
    blue = abs(pixels - (0, 0x72 / 255, 0xb2 / 255)).max(axis=2) < 0.02
    # 24 points of 4 pt, 5 pixels wide: some 20 pixels each.
    assert blue.sum() > 24 * 10
