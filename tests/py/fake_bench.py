#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stands in for iopt-bench: the same options, made-up rows, chosen faults.

FAKE_FAULT names what goes wrong, as fault:family:round (round from 0, or
ledger for the process that counts what profiles are sent):
crash, exit1, usage, hang, truncate, garbage, nothing, nan, zero, error, skip,
lost, drift, noisy in one row, sick in all, layout (counts that depend on the
environment). Each case takes FAKE_CASE_S seconds.
Cases whose names match FAKE_LONG are long ones, and tell what they do.
Two builds of it differ in FACTOR, which times are multiplied with, in EXTRA,
which is added to pte_writes, in WITHOUT, a regex of cases it does not have, in
TURNS, the turns that it takes for a case, 0 for one that knows of none, and in
LIBRARY, the version of libbenchmark.
With FAKE_WATCH it appends to that file its process, the turn and the case
whenever it gets a turn. FAKE_DOUBT is what makes its times less sure, unless it
takes turns. With FAKE_HOT its CPU is throttled all the time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import socket
import sys
import time
import zlib

FACTOR = 1.0
EXTRA = 0
WITHOUT = "^$"
TURNS = 2
LIBRARY = "1.7.1"

QUESTIONS = {
    "map": "what one call costs",
    "unmap_partial": "a part out of a block",
    "replay": "a recorded trace",
    "limit": "the floor",
}
ENGINES = ("lpae-split", "lpae-nosplit", "lpae-6.12", "lpae-7.3")
CLASSES = ("pte_writes:exact tables_alloc:exact block_min_ns:noisy "
           "block_n:noisy map_ns:noisy unmap_ns:noisy map_min_ns:noisy "
           "unmap_min_ns:noisy nr_maps:exact")


def cases(family: str, traces: list[str]) -> list[str]:
    """The names of a family's cases."""
    if family == "map":
        return [f"map/engine:{e}/granule:4K/size:{s}/count:{c}/cache:warm/"
                "walker:coherent" for e in ENGINES for s in ("4K", "2M")
                for c in ("1", "256")]
    if family == "unmap_partial":
        return [f"unmap_partial/engine:{e}/granule:4K/block:{b}/part:4K/"
                f"where:{w}" for e in ENGINES for b in ("2M", "1G")
                for w in ("first", "middle")]
    if family == "replay":
        words = [os.path.basename(t).split(".")[0] for t in traces] or \
            ["nvme", "vfio"]
        return [f"replay/trace:{t}/engine:{e}/sync:each"
                for t in words for e in ENGINES]
    return ["limit/op:fill/granule:4K/count:1",
            "limit/op:fill/granule:4K/count:256"]


def planned(path: str) -> dict[str, tuple[int, int]]:
    """Operations and sections of each case of a plan, in its order."""
    with open(path, encoding="utf-8") as stream:
        lines = [line.split() for line in stream]
    return {words[0]: (int(words[1]), int(words[2])) if words[1:] else (0, 0)
            for words in lines}


def row(name: str, args: argparse.Namespace, rng: random.Random) -> dict:
    """A row of made-up numbers, the same in each run but for a jitter."""
    base = 20 + zlib.crc32(name.encode()) % 500
    ns = base * FACTOR * rng.uniform(1.0, 1.002 if args.plan else 1.05)
    made = {
        "name": name + "/iterations:1000/manual_time", "family_index": 0,
        "per_family_instance_index": 0,
        "run_name": name + "/iterations:1000/manual_time",
        "run_type": "iteration", "repetitions": 1, "repetition_index": 0,
        "threads": 1, "iterations": 1000, "real_time": ns, "cpu_time": ns,
        "time_unit": "ns", "label": "ok", "pte_writes": float(base % 7 + 1 + EXTRA),
        "tables_alloc": 1.0, "block_min_ns": ns * 0.98, "block_n": 1000.0,
        "blocks": 7.0,
    }
    if args.plan and args.counts[name][0]:
        made["block_n"], made["blocks"] = map(float, args.counts[name])
    if name.startswith("replay"):
        made.update(map_ns=ns, unmap_ns=ns * 2, map_min_ns=ns * 0.9,
                    unmap_min_ns=ns * 1.8, nr_maps=100.0)
    if "nosplit" in name and name.startswith("unmap_partial"):
        made["label"] = "refused"
    return made


def ledger(made: dict, args: argparse.Namespace) -> list[dict]:
    """What a case sends under each profile: one command, or none."""
    if args.count_only:
        made["label"] = "counted"
    if not args.count_only or made["name"].startswith("limit"):
        return []
    name = made["name"].split("/iterations")[0]
    return [{**{k: made[k] for k in made if k not in ("pte_writes",
                                                     "tables_alloc")},
             "name": f"{name}/tlbi:{profile}", "label": "counted",
             "sim_ps": 0.0 if profile == "none" else 354500.0,
             "tlbi_nh_va": 1.0} for profile in args.profile]


def spoil(made: dict, fault: str, args: argparse.Namespace) -> dict:
    """Put the fault of a row into it."""
    if fault == "nan":
        made["block_min_ns"] = float("nan")
    elif fault == "zero":
        made["real_time"] = 0.0
    elif fault == "drift":
        made["pte_writes"] += 1
    elif fault == "noisy":
        made["label"] = "ok;warn=n2n"
    elif fault in ("error", "skip", "sick"):
        made = {k: made[k] for k in ("name", "run_name", "run_type")}
        made["error_occurred"] = True
        made["error_message"] = {"error": "verify: returned 0, want 4096",
                                 "sick": "verify: setup: bad line 7",
                                 "skip": "skip: no such trace"}[fault]
    return made


def is_long(name: str) -> bool:
    """Does a case take long?"""
    pattern = os.environ.get("FAKE_LONG", "")
    return bool(pattern) and re.search(pattern, name) is not None


def take_turns(made: dict, name: str) -> None:
    """Measure a case in turns, if somebody gives them."""
    number = os.environ.get("IOPT_TURNS")
    if number is None or not TURNS or "block_min_ns" not in made:
        return
    with socket.socket(fileno=os.dup(int(number))) as turns:
        for i in range(TURNS + 1):
            turns.send(f"{made['block_min_ns']} {name}".encode() if i
                       else b"-")
            if not turns.recv(1):
                sys.exit("iopt-bench: IOPT_TURNS: who gives turns is gone")
            if "FAKE_WATCH" in os.environ:
                with open(os.environ["FAKE_WATCH"], "a") as stream:
                    stream.write(f"{os.getpid()} {i} {name}\n")


def parse_args() -> argparse.Namespace:
    """The options of iopt-bench."""
    parser = argparse.ArgumentParser()
    for flag in ("list", "json", "quick", "full", "progress", "count-only",
                 "skip-long"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--family", action="append", default=[])
    parser.add_argument("--trace", action="append", default=[])
    parser.add_argument("--frames", action="append", default=[])
    parser.add_argument("--profile", action="append", default=[])
    parser.add_argument("--filter", default="")
    for option in ("cpu", "node", "out", "plan"):
        parser.add_argument(f"--{option}", default="")
    for option in ("seed", "round", "min-time-ms"):
        parser.add_argument(f"--{option}", type=int, default=0)
    args = parser.parse_args()
    args.counts = planned(args.plan) if args.plan else {}
    return args


def measure(args: argparse.Namespace, names: list[str], fault: str) -> int:
    """Write the rows, as far as the fault lets it."""
    rng = random.Random(args.seed)
    if args.plan:
        names = [name for name in args.counts if name in names]
        rng = random.Random()
    else:
        rng.shuffle(names)
    context = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"), "num_cpus": 2,
        "iopt_version": "v0-fake", "iopt_family": args.family[0],
        "iopt_round": str(args.round), "iopt_seed": str(args.seed),
        "iopt_clock_overhead_ns": str(20 + args.round),
        "iopt_host_cpu_model": "Made-up CPU", "iopt_lib_benchmark": LIBRARY,
        "iopt_counter_classes": CLASSES,
    }
    if "FAKE_DOUBT" in os.environ and "IOPT_TURNS" not in os.environ:
        context["iopt_doubt_busy"] = os.environ["FAKE_DOUBT"]
    if "FAKE_HOT" in os.environ:
        context["iopt_host_throttling"] = \
            f"{time.monotonic_ns()} times since boot"
    rows = []
    for i, name in enumerate(names):
        if args.progress:
            print(f"progress {i + 1} {len(names)} {name}", file=sys.stderr,
                  flush=True)
            if is_long(name):
                print("doing counting", file=sys.stderr, flush=True)
        if not args.count_only:
            time.sleep(float(os.environ.get("FAKE_CASE_S", "0")))
        if fault == "hang" and i == 1:
            time.sleep(1000)
        if fault == "crash" and i == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if fault == "lost" and i == 1:
            continue
        made = row(name, args, rng)
        take_turns(made, name)
        if fault == "layout" and "IOPT_PADDING" in os.environ:
            made["pte_writes"] += 1
        is_spoilt = i == 0 or fault == "sick"
        rows.append(spoil(made, fault, args) if is_spoilt else made)
        rows += ledger(made, args)
        text = json.dumps({"context": context, "benchmarks": rows})
        if fault == "truncate" and i == 2:
            text = text[:-30]
        with open(args.out, "w", encoding="utf-8") as stream:
            stream.write("gibberish" if fault == "garbage" else text)
        if fault == "truncate" and i == 2:
            return 1
    if fault == "nothing":
        os.unlink(args.out)
    if fault == "exit1":
        print("iopt-bench: arena: out of memory", file=sys.stderr)
    return 1 if fault in ("error", "exit1", "sick") else 0


def main() -> int:
    """Act as iopt-bench."""
    args = parse_args()
    if args.cpu == "999":
        print("iopt-bench: no CPU 999: 0 to 1", file=sys.stderr)
        return 2
    if args.node == "9":
        print("iopt-bench: node 9 cannot be used; this process may use 0",
              file=sys.stderr)
        return 2
    selected = {
        family: [n for n in cases(family, args.trace)
                 if re.search(args.filter, n) and not re.search(WITHOUT, n)
                 and not (args.skip_long and is_long(n))]
        for family in args.family or QUESTIONS}
    if args.list:
        print(json.dumps({"families": [
            {"name": f, "question": QUESTIONS[f], "cases": c,
             "long": [n for n in c if is_long(n)]}
            for f, c in selected.items()]}))
        return 0
    faults = dict((family + ":" + index, fault) for fault, family, index in (
        word.split(":") for word in os.environ.get("FAKE_FAULT", "").split()))
    family = args.family[0]
    fault = faults.get(f"{family}:{args.round}", faults.get(f"{family}:*", ""))
    if args.count_only:
        fault = faults.get(f"{family}:ledger", "")
    if args.plan and not all(n in selected[family] for n in args.counts):
        print("iopt-bench: plan: there is no such case", file=sys.stderr)
        return 1
    return measure(args, selected[family], fault)


if __name__ == "__main__":
    sys.exit(main())
