# SPDX-License-Identifier: GPL-2.0-only
"""A history as one HTML page that needs no network and no server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import Template

from . import history, report, stats, trend
from .history import Machine, Mark, Run, Series
from .report import Finding
from .summary import human_ns
from .trend import escape

# What of a run's context says where its numbers come from.
_ENVIRONMENT = ("iopt_host_", "iopt_cc", "iopt_cflags", "iopt_lib_",
                "iopt_clock", "iopt_cpu", "iopt_arena_backing",
                "iopt_cache_clean", "iopt_perf_hardware")

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>iopt-bench: history</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5em auto;
       max-width: 75em; padding: 0 1em; color: #1a1a1a; }
table { border-collapse: collapse; margin: .5em 0 1.5em; }
th, td { padding: .2em .8em .2em 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
td.number, th.number { text-align: right; white-space: nowrap;
                       font-variant-numeric: tabular-nums; }
td.span { min-width: 12em; }
.worse { color: #a33c00; } .better { color: #00664a; }
.quiet { color: #666; }
code { font-size: 92%; }
figure { margin: 1em 0; } figcaption { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; }
label { margin-right: 1.5em; }
[hidden] { display: none; }
@media print { .controls { display: none; } }
</style>
</head>
<body>
<h1>iopt-bench: history</h1>
<p>Times are ratios: CPU time of a case over that of the anchor, a pinned build
that ran interleaved with it in the same job, so below 1 is faster than the anchor.
Whiskers are the sign test's 95 % interval, or, grey, of runs with fewer than
$min_pairs pairs, the range of what was seen. Lines are changes (energy distance, t-test
at p &lt; 0.001, at least 1.5 %, confirmed by three runs): solid, or dotted when somebody said
what they are. Counters are exact, and any difference is shown.</p>
<p class="controls">
<label>Machine <select id="machine">$options</select></label>
<label>Cases with <input id="filter" type="search"
 placeholder="part of a name"></label>
<label><input id="moved" type="checkbox"> only those that changed</label>
</p>
$sections
<script>
"use strict";
const machine = document.getElementById("machine");
const filter = document.getElementById("filter");
const moved = document.getElementById("moved");
function show() {
  for (const part of document.querySelectorAll("section"))
    part.hidden = part.id !== "machine-" + machine.value;
  const words = filter.value.toLowerCase().split(/\\s+/);
  for (const item of document.querySelectorAll("[data-case]"))
    item.hidden =
      !words.every(word => item.dataset.case.toLowerCase().includes(word)) ||
      (moved.checked && item.dataset.moved !== "1");
  history.replaceState(null, "", "#" + machine.value);
}
if ([...machine.options].some(o => "#" + o.value === location.hash))
  machine.value = location.hash.slice(1);
for (const control of [machine, filter, moved])
  control.addEventListener("input", show);
show();
</script>
</body>
</html>
""")


def _row(cells: Iterable[tuple[str, str]], attributes: str = "") -> str:
    """A table row of cells, each with its class; they are HTML already."""
    text = "".join(f'<td class="{cls}">{cell}</td>' if cls
                   else f"<td>{cell}</td>" for cell, cls in cells)
    return f"<tr{attributes}>{text}</tr>\n"


def _table(heads: Sequence[tuple[str, str]], rows: Sequence[str]) -> str:
    head = "".join(f'<th class="{cls}">{escape(title)}</th>'
                   for title, cls in heads)
    return (f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
            f"{''.join(rows)}</tbody></table>\n")


def _about(case: str, is_moved: bool) -> str:
    return f' data-case="{escape(case)}" data-moved="{int(is_moved)}"'


def _finding(found: Finding) -> str:
    color = "" if found.is_counter else \
        "worse" if found.is_worse else "better"
    said = f"{found.mark.kind}: {found.mark.reason}" if found.mark else ""
    return _row((
        (f"<code>{escape(found.what)}</code>", "quiet" if said else ""),
        (escape(found.change), f"number {color}"),
        (f"<code>{escape(found.span)}</code>", "span"),
        (escape(said), "")), _about(found.case, True))


def _changes(found: Sequence[Finding]) -> str:
    if not found:
        return "<p>No change was found.</p>\n"
    return _table((("case", ""), ("change", "number"), ("revisions", ""),
                   ("what is known of it", "")), [_finding(f) for f in found])


def _newest(run: Run, moved: frozenset[str]) -> str:
    """The newest run beside the anchor, what is slowest against it first."""
    rows = [_row((
        (f"<code>{escape(f'{p.case} {p.op}'.rstrip())}</code>", ""),
        (escape(human_ns(p.old_ns)), "number"),
        (escape(human_ns(p.new_ns)), "number"),
        (f"{p.ratio:.3f}", "number " + ("" if not p.is_interval else
                                        "worse" if p.low > 1 else
                                        "better" if p.high < 1 else "")),
        (f"[{p.low:.3f}, {p.high:.3f}]", "number"),
        (escape(trend.whiskers(p)), "")),
        _about(p.case, p.case in moved))
        for p in sorted(run.points, key=lambda p: -p.ratio)]
    return ("<p>old is the anchor "
            f"<code>{escape(run.anchor_title)}</code>, new is "
            f"<code>{escape(run.revision)}</code> of {escape(run.started)}; "
            "medians over processes of the fastest section.</p>\n" +
            _table((("case", ""), ("old", "number"), ("new", "number"),
                    ("new/old", "number"), ("", "number"), ("", "")), rows))


def _trends(runs: Sequence[Run], found: Sequence[Finding],
            prefix: str) -> str:
    by_id = {run.id: run for run in runs}
    parts = []
    for i, one in enumerate(history.series_of(runs)):
        own = [f for f in found if not f.is_counter and f.what == one.title
               and f.bad.anchor == one.anchor]
        parts.append(
            f"<figure{_about(one.case, bool(own))}>"
            f"<figcaption><code>{escape(one.title)}</code>{_span(one, by_id)}"
            f"</figcaption>{trend.picture(one, by_id, own, f'{prefix}-{i}')}"
            "</figure>\n")
    return "".join(parts)


def _span(one: Series, runs: Mapping[str, Run]) -> str:
    first, last = runs[one.runs[0]], runs[one.runs[-1]]
    nr_ranges = sum(not point.is_interval for point in one.points)
    told = f"; {nr_ranges} with a range, no interval" if nr_ranges else ""
    return (f' <span class="quiet">n = {len(one.points)} runs, '
            f"{escape(first.revision)} to {escape(last.revision)}, anchor "
            f"{escape(last.anchor_title)}{told}</span>")


def _environment(run: Run) -> str:
    rows = [_row(((f"<code>{escape(key)}</code>", ""), (escape(value), "")))
            for key, value in sorted(run.context.items())
            if key.startswith(_ENVIRONMENT)]
    return _table((("of the newest run", ""), ("", "")), rows)


def _runs(runs: Sequence[Run]) -> str:
    rows = [_row(((str(i), "number"), (escape(run.started), ""),
                  (f"<code>{escape(run.revision)}</code>", ""),
                  (f"<code>{escape(run.anchor_title)}</code>", ""),
                  (escape(run.context.get("iopt_host_kernel", "unknown")), ""),
                  (str(len(run.points)), "number")))
            for i, run in reversed(list(enumerate(runs)))]
    return _table((("run", "number"), ("started", ""), ("revision", ""),
                   ("anchor", ""), ("kernel", ""), ("ratios", "number")), rows)


def _section(machine: Machine, runs: Sequence[Run],
             marks: Sequence[Mark]) -> str:
    found = report.findings(runs, marks)
    moved = frozenset(f.case for f in found)
    return (f'<section id="machine-{escape(machine.id)}">\n'
            f"<h2>{escape(machine.title)}</h2>\n"
            f"<h3>Changes</h3>\n{_changes(found)}"
            f"<h3>Newest run</h3>\n{_newest(runs[-1], moved)}"
            f"<h3>Trends</h3>\n{_trends(runs, found, 'm' + machine.id)}"
            f"<h3>Runs</h3>\n{_runs(runs)}"
            f"<h3>Environment</h3>\n{_environment(runs[-1])}</section>\n")


def render(store: history.Store) -> str:
    """The page of all machines in a store."""
    marks = store.marks()
    known = [(machine, store.runs(machine.id)) for machine in
             store.machines()]
    known = [(machine, runs) for machine, runs in known if runs]
    known.sort(key=lambda pair: pair[1][-1].started, reverse=True)
    options = "".join(f'<option value="{escape(machine.id)}">'
                      f"{escape(machine.title)}, {len(runs)} runs</option>"
                      for machine, runs in known)
    sections = "".join(_section(machine, runs, marks)
                       for machine, runs in known) or \
        "<p>The history is empty.</p>\n"
    return _PAGE.substitute(options=options, sections=sections,
                            min_pairs=stats.MIN_PAIRS)
