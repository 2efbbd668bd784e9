# SPDX-License-Identifier: GPL-2.0-only
"""The program iopt-bench from outside: exit codes, messages, results, signals.

usage: iopt_bench.py PATH_OF_IOPT_BENCH [unittest options]
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib import program  # noqa: E402

BENCH: list[str] = []
TOPOLOGIES = Path(__file__).resolve().parent / "data" / "topology"
SERVER = str(TOPOLOGIES / "arm64-2s128c.xml")
HYBRID = str(TOPOLOGIES / "arm64-hybrid.xml")
GRAMMAR = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+:[0-9A-Za-z_.-]+)+")


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BENCH, *args], capture_output=True, text=True, timeout=300)


def names(*args: str) -> list[str]:
    families = json.loads(run("--list", "--json", *args).stdout)["families"]
    return [name for family in families for name in family["cases"]]


class Load(unittest.TestCase):
    """Who watches how busy the CPUs are before it measures."""

    FILL = "^limit/op:fill/granule:4K/count:1$"
    # options, whether in turns -> whether it watches
    ROWS = [
        (["--filter", FILL, "--cpu"], False, True),
        (["--filter", FILL], True, True),
        (["--filter", FILL, "--cpu"], True, False),
        # places threads of its own
        (["--family", "contention", "--quick", "--cpu"], True, True),
    ]

    def test_rows(self) -> None:
        cpu = str(min(os.sched_getaffinity(0)))
        for options, has_turns, watches in self.ROWS:
            with self.subTest(options=options, has_turns=has_turns):
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                args = [*options, cpu] if options[-1] == "--cpu" else options
                with ours, theirs, tempfile.TemporaryDirectory() as tmp:
                    out = Path(tmp, "o.json")
                    turns = {"IOPT_TURNS": str(theirs.fileno())} if has_turns else {}
                    subprocess.run([*BENCH, "--count-only", "--out", str(out), *args],
                                   env={**os.environ, **turns}, timeout=300, check=True,
                                   pass_fds=[theirs.fileno()])
                    reason = json.loads(out.read_text())["context"]["iopt_cpu_reason"]
                self.assertEqual("load unknown" not in reason, watches, reason)


class Usage(unittest.TestCase):
    """Exit code and the one line on stderr."""

    ROWS = [
        (["--family", "nothing"], 2, "--family nothing: there is no such family; there are: "),
        (["--filter", "["], 2, "--filter [: "),
        (["--bogus"], 2, "--bogus: there is no such option"),
        (["--out"], 2, "--out: a value is wanted"),
        (["--cpu", "60000"], 2, "cpu 60000 cannot be used; this process may use "),
        (["--node", "1000"], 2, "node 1000 cannot be used; this process may use "),
        (["--node", "one"], 2, "--node one: a number from 0 to 65535 is wanted"),
        (["map"], 2, "map: there are options only"),
        (["--filter", "no_such_case"], 1, "no case matches --filter no_such_case"),
        (["--out", "/nonexistent/o.json"], 1, "--out /nonexistent/o.json: No such file"),
        (["--family", "teardown", "--frames", "/no/f.xz", "--filter", "1G/.*whole",
          "--out", "/dev/null"], 1, "/no/f.xz"),
        (["--count-only", "--profile", "nosuch"], 2, 'no cost profile "nosuch"'),
        (["--profile", "none"], 2, "--profile: goes with --count-only"),
        (["--plan", "/nonexistent"], 2, "--plan /nonexistent: No such file"),
        (["--plan", "/dev/null"], 2, "--plan /dev/null: it names no case"),
        (["--list"], 0, ""),
        (["--help"], 0, ""),
    ]

    def test_rows(self) -> None:
        for args, code, message in self.ROWS:
            with self.subTest(args=args):
                done = run(*args)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(message, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1 if code else 0, done.stderr)
                if code:
                    self.assertTrue(done.stderr.startswith("iopt-bench: "), done.stderr)

    def test_unknown_family_lists_the_right_ones(self) -> None:
        listed = run("--family", "nothing").stderr.split("there are: ")[1].split()
        known = [f["name"] for f in json.loads(run("--list", "--json").stdout)["families"]]
        self.assertEqual(listed, known)


class List(unittest.TestCase):
    def test_names(self) -> None:
        full = names("--full")
        self.assertEqual(len(full), len(set(full)))
        for name in full:
            self.assertRegex(name, GRAMMAR)
            self.assertNotIn("/tlbi:", name)
        default, quick = names(), names("--quick")
        self.assertLess(len(quick), len(default))
        self.assertLessEqual(set(quick), set(default))
        self.assertLessEqual(set(default), set(full))

    def test_long(self) -> None:
        """What takes long is named, and left out when asked to."""
        families = json.loads(run("--list", "--json").stdout)["families"]
        for family in families:
            self.assertLessEqual(set(family["long"]), set(family["cases"]))
        long = {name for family in families for name in family["long"]}
        self.assertEqual(set(names("--skip-long")), set(names()) - long)
        if "teardown" in [family["name"] for family in families]:
            self.assertIn("teardown/vm:1T/backing:2M/page:4K/engine:lpae-nosplit/"
                          "strategy:chunked-fast", long)

    def test_filter(self) -> None:
        some = names("--filter", "count:16$", "--family", "limit")
        self.assertTrue(some)
        for name in some:
            self.assertRegex(name, r"^limit/.*count:16$")


class Result(unittest.TestCase):
    ARGS = ["--family", "limit", "--quick", "--seed", "7", "--round", "3"]

    def result(self, *args: str) -> tuple[dict, subprocess.CompletedProcess[str]]:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp, "o.json")
            start = time.monotonic()
            done = run(*self.ARGS, "--out", str(path), *args)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(path.read_text())
        # Counted in ticks, which may be late; left out if the CPU changed.
        most_ms = 1000 * (time.monotonic() - start) + 100
        for row in result["benchmarks"]:
            self.assertTrue(0 <= row.get("steal_ms", 0) <= most_ms, row)
        return result, done

    def test_rows(self) -> None:
        result, done = self.result("--progress")
        rows = result["benchmarks"]
        ran = [row["run_name"] for row in rows]
        self.assertEqual(sorted(ran), sorted(names("--family", "limit", "--quick")))
        for row in rows:
            self.assertEqual(row["name"], row["run_name"])
            self.assertEqual(row["repetition_index"], 0)
            self.assertGreater(row["real_time"], 0)
            self.assertGreaterEqual(row["real_time"], row["block_min_ns"] * 0.999)
            self.assertEqual(row["iterations"], row["block_n"] * row["blocks"])
            self.assertEqual(row["time_unit"], "ns")
            self.assertTrue(row["label"].startswith("ok"), row["label"])
        progress = [line.split() for line in done.stderr.splitlines()]
        self.assertEqual(
            progress,
            [["progress", str(i + 1), str(len(ran)), name] for i, name in enumerate(ran)],
        )

    def test_context(self) -> None:
        context = self.result()[0]["context"]
        self.assertNotIn("library_build_type", context)
        self.assertEqual(context["iopt_seed"], "7")
        self.assertEqual(context["iopt_round"], "3")
        self.assertEqual(context["iopt_family"], "limit")
        order = [int(i) for i in context["iopt_order"].split(",")]
        self.assertEqual(sorted(order), list(range(len(order))))
        classes = dict(c.split(":") for c in context["iopt_counter_classes"].split())
        self.assertEqual(classes["pte_writes"], "exact")
        self.assertEqual(classes["block_min_ns"], "noisy")
        self.assertGreaterEqual(float(context["iopt_harness_overhead_ns"]), 0)
        self.assertGreater(float(context["iopt_clock_overhead_ns"]), 0)
        for key in ("version", "clock", "arena_backing", "cache_clean", "cc", "cflags"):
            self.assertTrue(context["iopt_" + key])
        for key in ("cpu_model", "arch", "kernel", "page_size", "thp", "governor", "caches"):
            self.assertTrue(context["iopt_host_" + key])
        self.assertEqual(context["iopt_cpu_bound"], "yes")

    def test_cpu(self) -> None:
        for cpu in sorted(os.sched_getaffinity(0)):
            with self.subTest(cpu=cpu):
                context = self.result("--cpu", str(cpu))[0]["context"]
                self.assertEqual(context["iopt_cpu"], str(cpu))

    def test_node(self) -> None:
        context = self.result("--node", "0")[0]["context"]
        self.assertEqual(context["iopt_node"], "0")
        self.assertRegex(context["iopt_node_bound"], "^(yes$|no: )")

    # Variable, file or text; options; CPU, node and part of the topology.
    ELSEWHERE = [
        ("HWLOC_XMLFILE", SERVER, [], "127", "1", "Package:2 "),
        ("HWLOC_XMLFILE", SERVER, ["--node", "0"], "63", "0", "Core:8 PU:1"),
        ("HWLOC_XMLFILE", SERVER, ["--cpu", "5", "--node", "1"], "5", "1", "L3Cache:8"),
        ("HWLOC_XMLFILE", HYBRID, [], "7", "0", "kinds:0-3;4-7"),
        ("HWLOC_SYNTHETIC", "pack:2 numa:1 core:64 pu:1", [], "127", "1", "Core:64"),
    ]

    def test_other_machines(self) -> None:
        """A CPU is chosen there, and what cannot be bound here is said."""
        for variable, value, options, cpu, node, topology in self.ELSEWHERE:
            with self.subTest(topology=value, options=options):
                os.environ[variable] = value
                try:
                    context = self.result(*options)[0]["context"]
                finally:
                    del os.environ[variable]
                self.assertEqual(context["iopt_cpu"], cpu)
                self.assertEqual(context["iopt_node"], node)
                self.assertIn(topology, context["iopt_topology"])
                self.assertEqual(context["iopt_cpu_bound"], "no")
                self.assertTrue(context["iopt_node_bound"].startswith("no: "))

    def contention(self, *args: str) -> dict[str, dict]:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp, "o.json")
            done = run("--family", "contention", "--out", str(path), *args)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(path.read_text())
            self.context = result["context"]
            return {row["run_name"]: row for row in result["benchmarks"]}

    def test_contention(self) -> None:
        """What is timed has all that is promised, the rest one reason each."""
        rows = self.contention("--full", "--filter", "lpae-7.3/cpus:(1|2|96)/", "--min-time-ms", "1")
        told = self.context.get("iopt_contention_cpus", "")
        places = dict(place.split("=") for place in told.split())
        timed = {(row["run_name"].split("/")[2][5:], row["run_name"].split("/")[3][6:])
                 for row in rows.values() if not row.get("error_occurred")}
        self.assertEqual({p for p in places if p.split("/")[0] in ("2", "96")},
                         {f"{nr}/{place}" for nr, place in timed if nr != "1"})
        for place, listed in places.items():
            cpus = [int(cpu) for cpu in listed.split(",")]
            self.assertEqual(str(cpus[0]), self.context["iopt_cpu"])
            self.assertEqual(len(cpus), int(place.split("/")[0]))
            self.assertEqual(len(cpus), len(set(cpus) & os.sched_getaffinity(0)), told)
        alone = rows["contention/engine:lpae-7.3/cpus:1/place:one/sharing:nothing"]
        self.assertEqual(alone["cmpxchg_per_issue"], 1)
        for name, row in rows.items():
            if row.get("error_occurred"):
                self.assertRegex(row["error_message"], "^skip: place:[a-z]+: .")
                continue
            self.assertRegex(row["label"], "^ok")
            self.assertEqual((row["pte_writes"], row["syncs"], row["calls"]), (2, 1, 2))
            self.assertGreater(row["ops_per_s"], 0)
            self.assertGreaterEqual(row["slowest_over_fastest"], 1)
            self.assertGreaterEqual(row["cmpxchg_per_issue"], 1, name)
            for op in ("map", "unmap"):
                self.assertGreater(row[f"{op}_p50_ns"], 0)
                self.assertGreaterEqual(row[f"{op}_p99_ns"], row[f"{op}_p50_ns"])
                self.assertGreaterEqual(row[f"{op}_max_ns"], row[f"{op}_p99_ns"])

    def test_contention_elsewhere(self) -> None:
        """Nothing can be placed on another machine; counts are the same."""
        os.environ["HWLOC_XMLFILE"] = SERVER
        try:
            timed = self.contention("--filter", "cpus:(2|64)/")
            counted = self.contention("--filter", "cpus:(2|64)/", "--count-only")
            self.assertNotIn("iopt_contention_cpus", self.context)
        finally:
            del os.environ["HWLOC_XMLFILE"]
        self.assertEqual(set(timed), set(counted))
        for row in timed.values():
            self.assertIn("not this machine's", row["error_message"])
        for row in counted.values():
            self.assertEqual(row["label"], "counted")
            self.assertEqual(row["pte_writes"], 2)

    def test_perf(self) -> None:
        """What is not counted has a reason, and what is counted a number."""
        counted = self.result()[0]
        context = counted["context"]
        for part in ("hardware", "kernel", "software"):
            self.assertRegex(context[f"iopt_perf_{part}"], "^(yes$|[a-z-]+: .)")
        events = dict(e.split("=", 1) for e in context["iopt_perf_events"].split())
        self.assertEqual(len(events), 10)
        for row in counted["benchmarks"]:
            if "multiplexed" in row["label"]:
                continue
            there = {key for key in row if key.startswith("perf_")}
            self.assertEqual(there, {e for e in events if events[e] != "none"})
            self.assertIn("steal_ms", row)
        without = self.result("--no-perf")[0]
        self.assertEqual(without["context"]["iopt_perf_hardware"], "off: --no-perf")
        for row in without["benchmarks"]:
            self.assertFalse([key for key in row if key.startswith("perf_")])

    def test_order_is_the_seeds(self) -> None:
        first = [row["name"] for row in self.result()[0]["benchmarks"]]
        again = self.result()[0]
        other = [row["name"] for row in self.result("--seed", "8")[0]["benchmarks"]]
        self.assertEqual(first, [row["name"] for row in again["benchmarks"]])
        self.assertNotEqual(first, other)
        order = [int(i) for i in again["context"]["iopt_order"].split(",")]
        listed = names("--family", "limit", "--quick")
        self.assertEqual(first, [listed[i] for i in order])

    def test_count_only(self) -> None:
        rows = self.result("--count-only")[0]["benchmarks"]
        for row in rows:
            self.assertEqual(row["label"], "counted")
            self.assertEqual(row["iterations"], 1)
            self.assertGreater(row["real_time"], 0)
            self.assertNotIn("block_min_ns", row)

    def test_console(self) -> None:
        done = run(*self.ARGS)
        self.assertEqual(done.returncode, 0)
        self.assertIn("limit/op:fill/granule:4K/count:256", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_full_disk(self) -> None:
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        done = run(*self.ARGS, "--out", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


class Plan(unittest.TestCase):
    """Which cases, in which order, how often: the file decides."""

    TEXT = ("limit/op:fill/granule:4K/count:256 200 3\n"
            "limit/op:clear/granule:4K/count:1 # found out\n"
            "limit/op:fill/granule:4K/count:16 300 5\n")

    def plan(self, text: str, *args: str) -> tuple[subprocess.CompletedProcess[str], list]:
        with tempfile.TemporaryDirectory() as tmp:
            path, out = Path(tmp, "plan"), Path(tmp, "o.json")
            path.write_text(text)
            done = run("--plan", str(path), "--out", str(out), "--min-time-ms", "1", *args)
            rows = json.loads(out.read_text()) if out.exists() else {}
            return done, [rows.get("context"), *rows.get("benchmarks", [])]

    def test_order_and_counts(self) -> None:
        done, [context, *rows] = self.plan(self.TEXT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([row["name"] for row in rows],
                         [line.split()[0] for line in self.TEXT.splitlines()])
        self.assertEqual(context["iopt_order"], "0,1,2")
        self.assertEqual((rows[0]["block_n"], rows[0]["blocks"]), (200, 3))
        self.assertEqual(rows[2]["iterations"], 1500)
        self.assertGreater(rows[1]["block_n"], 300)

    def test_cases_of_the_full_set(self) -> None:
        name = sorted(set(names("--full")) - set(names()))[0]
        done, [_, row] = self.plan(name + "\n", "--count-only")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(row["name"], name)

    def test_unknown_case(self) -> None:
        done, _ = self.plan("limit/op:fill/granule:4K/count:256\nmap/no:such\n")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^iopt-bench: .*:2: there is no case map/no:such; ")

    def test_stands_alone(self) -> None:
        for other in (["--filter", "map"], ["--quick"], ["--full"], ["--list"]):
            done, _ = self.plan(self.TEXT, *other)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--plan: names the cases itself: not with", done.stderr)


class Trace(unittest.TestCase):
    """A user's own trace."""

    MAP = "dd-1 [000] 1.0: map: IOMMU: iova=0x%x paddr=0x0 size=4096\n"
    UNMAP = "dd-1 [000] 1.0: unmap: IOMMU: iova=0x%x size=4096 unmapped_size=4096\n"

    def replay(self, text: str) -> tuple[int, str, dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            trace, out = Path(folder, "my trace.txt"), Path(folder, "o.json")
            trace.write_text(text)
            done = run("--family", "replay", "--filter", "engine:lpae-7.3/sync:each",
                       "--trace", str(trace), "--out", str(out), "--min-time-ms", "1")
            return done.returncode, str(trace), json.loads(out.read_text())

    def test_good(self) -> None:
        code, path, result = self.replay((self.MAP + self.UNMAP) % (4096, 4096) * 3)
        self.assertEqual(code, 0)
        [row] = result["benchmarks"]
        self.assertEqual(row["name"].split("/")[1], "trace:my_trace.txt")
        self.assertEqual((row["nr_maps"], row["nr_unmaps"], row["nr_differ"]), (3, 3, 0))
        self.assertGreater(row["map_ns"], 0)
        self.assertEqual(result["context"]["iopt_traces"],
                         f"my_trace.txt: {path}, 3 maps, 3 unmaps, 0 lost")

    def test_lost(self) -> None:
        code, _, result = self.replay("CPU:0 [LOST 7 EVENTS]\n" + self.MAP % 4096)
        self.assertEqual(code, 0)
        [row] = result["benchmarks"]
        self.assertTrue(row["label"].startswith("ok;warn=lost"), row["label"])
        self.assertEqual(row["nr_lost"], 7)
        self.assertTrue(result["context"]["iopt_traces"].endswith(", 7 lost"))

    def test_malformed(self) -> None:
        code, path, result = self.replay(self.MAP % 4096 + "x 1.0: map: IOMMU: iova=0x\n")
        self.assertEqual(code, 1)
        [row] = result["benchmarks"]
        self.assertTrue(row["error_message"].startswith(
            f"verify: setup: {path}:2: malformed iommu event"), row["error_message"])


class Ledger(unittest.TestCase):
    """What a page out of a block sends, and its price by a profile."""

    # One command by address: max(20 ns issue, 74 ns execution) + 280 ns sync;
    # SMMUv2: one write of 120 ns and a sync of at most 1350 ns.
    ROWS = {
        "lpae-split/tlbi:smmuv3-ril": {"sim_ps": 354000, "tlbi_nh_va": 1, "cmd_syncs": 1,
                                       "doorbells": 1, "nr_ranges": 1, "range_0_0_3_1_1": 1},
        "lpae-split/tlbi:smmuv3-noril": {"sim_ps": 354000, "tlbi_nh_va": 1, "cmd_syncs": 1,
                                         "doorbells": 1, "nr_ranges": 1, "range_0_0_0_0_1": 1},
        "lpae-split/tlbi:smmuv2-sm8150": {"sim_ps": 1470000, "tlbival": 1, "cmd_syncs": 1},
        "lpae-nosplit/tlbi:smmuv3-ril": {"sim_ps": 0},
    }
    WHERE = "granule:4K/block:2M/part:page/where:middle"

    # 255 buffers of 128K. Strict: each one range command of 2^5 pages and a
    # sync, or 32 commands: 255 * max(32 * 20, 32 * 74) ns + 255 * 280 ns.
    # Lazy: one whole-context command and one sync for all of them.
    DMA = {
        "strict/tlbi:smmuv3-ril": {"sim_ps": 90270000, "tlbi_nh_va": 255, "cmd_syncs": 255,
                                   "doorbells": 255, "nr_ranges": 1, "range_0_5_3_1_1": 255},
        "strict/tlbi:smmuv3-noril": {"sim_ps": 675240000, "tlbi_nh_va": 8160, "cmd_syncs": 255,
                                     "doorbells": 255, "nr_ranges": 1, "range_0_0_0_0_1": 8160},
        "lazy/tlbi:smmuv3-ril": {"sim_ps": 354000, "tlbi_nh_asid": 1, "cmd_syncs": 1,
                                 "doorbells": 1},
    }
    # 511 pages are 31 and 15 * 2^5 of them; or 511 commands, 64 a doorbell.
    TLBI = {
        "smmuv3-ril/tlbi:smmuv3-ril": {
            "sim_ps": 428000, "tlbi_nh_va": 2, "cmd_syncs": 1, "doorbells": 1, "nr_ranges": 2,
            "range_30_0_3_1_1": 1, "range_14_5_3_1_1": 1},
        "smmuv3-noril/tlbi:smmuv3-noril": {
            "sim_ps": 38094000, "tlbi_nh_va": 511, "cmd_syncs": 1, "doorbells": 8,
            "nr_ranges": 1, "range_0_0_0_0_1": 511},
        "smmuv3-noril-threshold/tlbi:smmuv3-noril": {
            "sim_ps": 38094000, "tlbi_nh_va": 511, "cmd_syncs": 1, "doorbells": 8,
            "nr_ranges": 1, "range_0_0_0_0_1": 511},
        "smmuv2/tlbi:smmuv2-sm8150": {"sim_ps": 62670000, "tlbival": 511, "cmd_syncs": 1},
    }

    def ledger(self, family: str, where: str) -> dict[str, dict[str, int]]:
        """What the rows of some cases say is sent, by their names."""
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp, "o.json")
            args = ["--family", family, "--count-only", "--full", "--filter", where]
            for name in ("smmuv3-ril", "smmuv3-noril", "smmuv2-sm8150"):
                args += ["--profile", name]
            done = run(*args, "--out", str(path))
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = json.loads(path.read_text())["benchmarks"]
        self.assertEqual({row["label"] for row in rows}, {"counted"})
        return {row["name"]: {k: v for k, v in row.items() if k.split("_")[0] in
                              ("sim", "tlbi", "tlbival", "cmd", "doorbells", "range", "nr")}
                for row in rows if "/tlbi:" in row["name"]}

    def test_rows(self) -> None:
        rows = self.ledger("unmap_partial", self.WHERE)
        for key, want in self.ROWS.items():
            engine, profile = key.split("/")
            self.assertEqual(rows[f"unmap_partial/engine:{engine}/{self.WHERE}/{profile}"], want)

    def test_dma(self) -> None:
        where = "dma/engine:lpae-7.3/granule:4K/size:128K/inval:"
        rows = self.ledger("dma", where)
        self.assertEqual({key: rows[where + key] for key in self.DMA}, self.DMA)

    def test_each_unit_has_the_profiles_of_its_kind(self) -> None:
        rows = self.ledger("tlbi", "pages:511/leaf:4K")
        want = {f"tlbi/unit:{unit}/pages:511/leaf:4K/{profile}": row
                for (unit, profile), row in ((key.split("/"), row)
                                             for key, row in self.TLBI.items())}
        self.assertEqual(rows, want)


class EveryCase(unittest.TestCase):
    """Each case once, verified and counted. families.py times the small set."""

    def rows(self, *args: str, env: dict[str, str] | None = None) -> dict[str, dict]:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp, "o.json")
            done = subprocess.run(
                [*BENCH, *args, "--out", str(path)],
                capture_output=True, text=True, timeout=300, env={**os.environ, **(env or {})},
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = json.loads(path.read_text())["benchmarks"]
        for row in rows:
            if row.get("error_occurred"):
                self.assertRegex(row["error_message"], "^skip: ")
        return {row["name"]: row for row in rows}

    def test_counters_are_the_same_in_every_run(self) -> None:
        """Another order, another layout of the address space, another environment."""
        # Under an emulator all of them, twice, would take a quarter of an hour.
        once = ["--skip-long"] if program.wrapper() else []
        twice = ["--quick", *once] if once else []
        first = self.rows("--count-only", "--seed", "1", *once)
        again = self.rows("--count-only", "--seed", "2", *twice, env={"PADDING": "x" * 5000})
        self.assertEqual(sorted(first), sorted(names(*once)))
        self.assertEqual(sorted(again), sorted(names(*twice)))
        self.assertLessEqual(set(again), set(first))
        noisy = {"real_time", "cpu_time", "family_index", "per_family_instance_index"}
        for name, row in again.items():
            for key in row.keys() | first[name].keys():
                if key not in noisy:
                    self.assertEqual(row.get(key), first[name].get(key), f"{name}: {key}")


class Interrupt(unittest.TestCase):
    def test_what_was_measured_is_kept(self) -> None:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp, "o.json")
            args = ["--family", "limit", "--min-time-ms", "200", "--progress"]
            child = subprocess.Popen(
                [*BENCH, *args, "--out", str(path)], stderr=subprocess.PIPE, text=True
            )
            assert child.stderr
            for line in child.stderr:
                if line.startswith("progress 3 "):
                    break
            start = time.monotonic()
            child.send_signal(signal.SIGINT)
            rest = child.stderr.read()
            self.assertEqual(child.wait(60), 130, rest)
            self.assertLess(time.monotonic() - start, 5)
            child.stderr.close()
            rows = json.loads(path.read_text())["benchmarks"]
            self.assertEqual(len(rows), 2)
            for row in rows:
                self.assertGreater(row["real_time"], 0)

    def test_nothing_is_lost_with_a_long_case(self) -> None:
        """Killed in one that takes seconds: the rows before it are there."""
        long = "teardown/vm:64G/backing:2M/page:4K/engine:lpae-nosplit/strategy:unmap-remap"
        if long not in names():
            self.skipTest("this build has no teardown")
        short = [n for n in names("--family", "limit") if "count:16" in n]
        with tempfile.TemporaryDirectory() as tmp:
            path, plan = Path(tmp, "o.json"), Path(tmp, "plan")
            plan.write_text("\n".join([*short, long]) + "\n")
            child = subprocess.Popen(
                [*BENCH, "--plan", str(plan), "--progress", "--out", str(path)],
                stderr=subprocess.PIPE, text=True,
            )
            assert child.stderr
            said = ""
            for said in child.stderr:
                if said.startswith("doing "):
                    break
            self.assertRegex(said, "^doing (counting|mapping)")
            child.kill()
            child.wait(60)
            child.stderr.close()
            text = path.read_text()
        for name in short:
            self.assertIn(f'"run_name": "{name}"', text)
        self.assertNotIn(long, text)


if __name__ == "__main__":
    BENCH = program.command(sys.argv.pop(1))
    unittest.main()
