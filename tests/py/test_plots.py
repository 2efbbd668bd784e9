# SPDX-License-Identifier: GPL-2.0-only
"""Pictures: they are drawn, they can be read, and nothing is clipped."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import ROOT
from ioptlib import plots, results
from made import document
from matplotlib.image import imread


def example() -> dict[str, object]:
    cases: dict[str, tuple[list[float], str]] = {}
    for i, engine in enumerate(("lpae-split", "lpae-nosplit", "lpae-6.12")):
        for granule, block in (("4K", "2M"), ("4K", "1G"), ("16K", "32M")):
            cases[f"unmap_partial/engine:{engine}/granule:{granule}/block:"
                  f"{block}/part:{granule}/where:middle"] = (
                [800.0 * (i + 1), 900.0], "refused" if i == 1 else "ok")
        for family in ("map", "unmap"):
            for count in ("1", "16", "256"):
                cases[f"{family}/engine:{engine}/granule:4K/size:4K/count:"
                      f"{count}/cache:warm/walker:coherent"] = (
                    [20.0 * int(count), 21.0], "ok")
        cases[f"replay/trace:nvme/engine:{engine}/sync:each"] = (
            [100.0 + i, 130.0], "ok")
    for vm, factor in (("1G", 1.0), ("64G", 64.0), ("64G-q35", 9.0)):
        for strategy, ns, label in (("page", 5e6, "stuck"),
                                    ("chunked-fast", 4e6, "ok"),
                                    ("leafwalk", 4e4, "ok")):
            cases[f"teardown/vm:{vm}/backing:2M/page:4K/engine:lpae-nosplit/"
                  f"strategy:{strategy}"] = (
                [ns * factor, 1.1 * ns * factor], label)
    cases["contention/engine:lpae-7.3/cpus:1/place:one/sharing:nothing"] = (
        [80.0, 90.0], "ok")
    for place in ("complex", "nodes"):
        for i, sharing in enumerate(("nothing", "queue", "leaf-queue")):
            for cpus in (2, 16):
                cases[f"contention/engine:lpae-7.3/cpus:{cpus}/place:{place}/"
                      f"sharing:{sharing}"] = (
                    [80.0 * (1 + i * cpus), 95.0 * (1 + i * cpus)], "ok")
    for op in ("fill", "clear"):
        cases[f"limit/op:{op}/granule:4K/count:16"] = ([5.0, 6.0], "ok")
    return document(cases, map_ns=1.0, unmap_ns=2.0,
                    map_min_ns=0.5, unmap_min_ns=1.5,
                    unmap_p50_ns=0.5, unmap_p99_ns=2.0, unmap_max_ns=9.0)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "one.json"
    path.write_text(results.dump(example()))
    return path


def test_all_pictures(result: Path, tmp_path: Path) -> None:
    directory = tmp_path / "pictures"
    written = plots.draw_all([result], directory)
    assert sorted(p.name for p in written) == sorted(
        f"{name}.{suffix}" for name in plots.PICTURES
        for suffix in ("png", "svg"))
    for path in written:
        if path.suffix == ".svg":
            text = " ".join(ET.parse(path).getroot().itertext())
            assert "Made-up CPU (here), 2026-01-02, iopt-bench v1" in text
            assert "n=2 processes" in text
        else:
            pixels = imread(path)
            assert pixels.shape[0] > 200 and pixels.shape[1] > 300
            # The margin is empty on each side, so nothing is cut off.
            for edge in (pixels[:3], pixels[-3:], pixels[:, :3],
                         pixels[:, -3:]):
                assert (edge[..., :3] > 0.99).all(), path.name


def test_costs_are_stacked_by_profile(tmp_path: Path) -> None:
    name = ("unmap_partial/engine:{}/granule:4K/block:2M/part:page/"
            "where:middle/tlbi:{}")
    made = document({name.format("lpae-split", "cheap"): ([1001.0], "ok"),
                     name.format("lpae-split", "dear"): ([1001.0], "ok"),
                     name.format("lpae-nosplit", "cheap"): ([21.0], "refused"),
                     name.format("lpae-nosplit", "dear"): ([21.0], "refused")})
    for row in made["benchmarks"]:
        row["sim_ns"] = 250.0 if row["name"].endswith("dear") else 0.0
    path = tmp_path / "one.json"
    path.write_text(results.dump(made))
    plots.draw_all([path], tmp_path)
    text = list(ET.parse(tmp_path / "costs.svg").getroot().itertext())
    # 1000 ns of CPU, alone and with 250 ns simulated on top.
    for word in ("cheap", "dear", "1.00 us", "1.25 us", "20.0 ns (refused)",
                 "270 ns (refused)"):
        assert word in text, word


def test_several_results_are_told_apart(result: Path,
                                        tmp_path: Path) -> None:
    other = tmp_path / "two.json"
    other.write_text(result.read_text())
    plots.draw_all([result, other], tmp_path / "p")
    text = " ".join(ET.parse(tmp_path / "p/replay.svg").getroot().itertext())
    for label in ("lpae-split, one", "lpae-split, two", "one: Made-up CPU",
                  "two: Made-up CPU"):
        assert label in text


def test_cost_profiles_are_not_drawn_again(tmp_path: Path) -> None:
    base = "map/engine:lpae-split/granule:4K/size:4K/count:1"
    path = tmp_path / "profiles.json"
    path.write_text(results.dump(document(
        {f"{base}/tlbi:{p}": ([20.0], "ok")
         for p in ("smmuv2", "none", "smmuv3-ril")})))
    source = plots.Source(results.load(path), "")
    assert [str(s.case) for s in plots._timed(source, "map")] == [base]


def test_a_replay_without_its_times_is_not_drawn(tmp_path: Path) -> None:
    """The time of a whole replay must not pass for that of an event."""
    path = tmp_path / "old.json"
    path.write_text(results.dump(document(
        {"replay/trace:nvme/engine:lpae-split/sync:each": ([1e9], "ok")})))
    result = results.load(path)
    samples = result.family("replay")[0]
    assert plots.spread_of(samples, "map_min_ns") is None
    assert plots.spread_of(samples) == (1e9 - 1, 0, 0)


@pytest.mark.parametrize("low,high,ticks", [
    (1, 2e5, [1, 10, 100, 1000, 10000, 100000]),
    (15, 3000, [20, 50, 100, 200, 500, 1000, 2000]),
    (20, 50, [20, 25, 30, 35, 40, 50]),
    (13, 110, [15, 20, 30, 50, 70, 100]),
])
def test_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert plots.time_ticks(low, high) == pytest.approx(ticks)


def run_plot(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(ROOT / "scripts/plot.py"),
                           *args], capture_output=True, text=True,
                          check=False)


def test_command(result: Path) -> None:
    done = run_plot(str(result))
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert len(paths) == 2 * len(plots.PICTURES)
    assert all(p.stat().st_size > 1000 for p in paths)
    assert paths[0].parent == result.with_suffix(".plots")


def test_nothing_to_draw(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text(results.dump(document(
        {"destroy/engine:lpae-split/size:4K": ([1.0], "ok")})))
    done = run_plot(str(path))
    assert done.returncode == 77
    assert not path.with_suffix(".plots").exists()


@pytest.mark.parametrize("text,code", [(None, 1), ("gibberish", 1)])
def test_no_result(tmp_path: Path, text: str | None, code: int) -> None:
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_text(text)
    done = run_plot(str(path))
    assert done.returncode == code
    assert "bad.json" in done.stderr and "Traceback" not in done.stderr


def test_teardown_draws_what_was_done(result: Path) -> None:
    source = plots.Source(results.load(result), "one")
    figure = plots.draw_teardown([source])
    assert figure is not None
    # CPU, lookups (none here), and one profile whose prices are 0.
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["CPU time, measured", "of it lookups, measured",
                      "simulated by none"]
    drawn = {bar.get_label(): bar for bar in figure.axes[0].containers}
    assert sorted(drawn) == ["chunked-fast", "leafwalk"]  # page got stuck
    xs, ys = drawn["chunked-fast"].lines[0].get_data()
    # 1G and 64G; the other machine has another layout. Medians of two.
    assert len(xs) == 2 and abs(xs[1] / xs[0] - 64) < 1
    assert abs(ys[1] / ys[0] - 64) < 0.01
    assert not figure.axes[2].containers


def test_no_teardown_of_one_size_is_drawn() -> None:
    made = results.from_document(document({
        "teardown/vm:1G/backing:2M/page:4K/engine:lpae-nosplit/"
        "strategy:page": ([5e6], "ok")}))
    assert plots.draw_teardown([plots.Source(made, "one")]) is None


def test_published_contention() -> None:
    """The table that is drawn beside measurements, of one machine."""
    told = dict(plots.published_unmaps())
    assert told[1] == 1956 and told[96] == 101880
    assert sorted(told) == [1, 16, 32, 64, 96]


def test_one_cpu_is_no_contention(tmp_path: Path) -> None:
    path = tmp_path / "alone.json"
    path.write_text(results.dump(document({
        "contention/engine:lpae-7.3/cpus:1/place:one/sharing:nothing":
            ([80.0], "ok")})))
    assert plots.draw_all([path], tmp_path / "pictures") == []
