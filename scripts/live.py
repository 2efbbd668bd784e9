# SPDX-License-Identifier: GPL-2.0-only
"""Map and unmap real memory for a real device, and set what it took beside
what the model says, with prices fitted to the run.

The device must be bound to vfio-pci already: nothing is bound or unbound here.
Rows are written as they are done; a run that broke off is finished by --merge.

Exit: 0 done; 1 it failed, or a row did; 2 usage; 4 the kernel made other calls
than the model; 77 this machine cannot do it, with the reason; 130 interrupted,
what was measured is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import as_file_name, git_describe, positive
from ioptlib import live, live_fit, live_plot, names, results
from ioptlib.console import Console
from ioptlib.live import BadLines, BadSize, Host, Run
from ioptlib.live_fit import BadFit, Fit

ROOT = Path(__file__).resolve().parent.parent
PROFILES = ROOT / "data/profiles"
EXIT_USAGE = 2
EXIT_DIFFERS = 4
EXIT_SKIPPED = 77
EXIT_INTERRUPTED = 130
TOOL_TIMEOUT_S = 600
PROGRESS_S = 0.5
# What an SMMU may have, and the profile that stands for it.
FEATURES = {"range invalidation": ("on", "smmuv3-ril"),
            "no range invalidation": ("off", "smmuv3-noril")}


class Refused(Exception):
    """It cannot be done; the code says whose fault it is."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def tool(command: Sequence[str]) -> str:
    """What one of our programs printed; its own words when it did not."""
    done = subprocess.run(command, capture_output=True, text=True,
                          check=False, timeout=TOOL_TIMEOUT_S)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [
            f"{command[0]}: exit {done.returncode}"]
        raise Refused(said[-1].partition(": ")[2] or said[-1],
                      done.returncode)
    return done.stdout


def read_number(path: Path) -> int:
    """A number in a file of the kernel, 0 when there is none."""
    try:
        return int(path.read_text("ascii").split()[0])
    except (OSError, IndexError, ValueError):
        return 0


def this_host() -> Host:
    """What the plan depends on."""
    available = 0
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * live.KB
    pools = Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB")
    huge = {int(pool.name[len("hugepages-"):-len("kB")]) * live.KB
            for pool in pools}
    return Host(os.sysconf("SC_PAGESIZE"), available,
                tuple(sorted(size for size in huge if size <= live.GB)),
                platform.machine() in ("aarch64", "arm64"))


def check_names(plan: str) -> None:
    """The names of a plan are those of benchmarks, whose files they go to."""
    for line in plan.splitlines():
        words = line.partition("#")[0].split()
        try:
            if words and names.parse(words[0]).family != live.FAMILY:
                raise names.BadName(f"{words[0]!r}: must begin with live/")
        except names.BadName as error:
            raise Refused(f"the plan: {error}", EXIT_USAGE) from error


def plan_of(args: argparse.Namespace, host: Host) -> str:
    """The plan for this machine."""
    sizes = live.vm_sizes(host, [live.size_bytes(word)
                                 for word in args.sizes.split()])
    layouts = {}
    for size in sizes:
        if size < live.GB:
            raise BadSize(f"{live.size_text(size)}: a virtual machine has 1G "
                          "or more")
        layouts[size] = json.loads(tool(
            [str(args.tools / "iopt-layout"), "show", host.machine,
             live.size_text(size), "--json"]))
    rows = [*live.small_rows(host), *live.vm_rows(layouts, host)]
    return live.plan_text(rows)


def local_cpu(device: str) -> str:
    """The last CPU beside the device: none that interrupts go to at first."""
    path = Path(f"/sys/bus/pci/devices/{device}/local_cpulist")
    try:
        last = path.read_text("ascii").strip().replace("-", ",").split(",")[-1]
    except OSError:
        return ""
    return last if last.isdigit() and int(last) in os.sched_getaffinity(0) \
        else ""


def run_live(args: argparse.Namespace, spool: Path,
             console: Console) -> tuple[int, str]:
    """Run iopt-live; its exit code, and what it complained of."""
    command = [str(args.tools / "iopt-live"), "--device", args.device,
               "--way", args.way, "--reps", str(args.reps), "--seconds",
               str(args.seconds), "--frames", str(spool)]
    cpu = args.cpu or local_cpu(args.device)
    if cpu:
        command += ["--cpu", cpu]
    lines, said = spool / "lines.jsonl", spool / "said"
    with lines.open("w") as out, said.open("w") as err, \
            subprocess.Popen([*command, str(spool / "plan")], stdout=out,
                             stderr=err) as child:
        code = None
        while code is None:
            try:
                code = child.wait(PROGRESS_S)
            except subprocess.TimeoutExpired:
                console.live(f"bench-live: {last_row(lines)}")
            except KeyboardInterrupt:
                # The child was told too: it unmaps, says so and ends.
                continue
    return code, said.read_text("utf-8").strip()


def last_row(lines: Path) -> str:
    """The row that was written last."""
    rows = re.findall(r'"name":"([^"]*)"', lines.read_text("utf-8"))
    return str(rows[-1]) if rows else "starting"


def is_smmu(run: Run) -> bool:
    """Is it the IOMMU that the model is of?"""
    return str(run.host.get("iommu", "")).startswith("smmu3.")


def predict(args: argparse.Namespace, run: Run, spool: Path) \
        -> dict[str, dict[str, dict[str, Any]]]:
    """What the model says, by the features that the SMMU may have."""
    driver, engine = live.engine_of(run.host["kernel"])
    is_here = run.host["machine"] == platform.machine() and \
        run.host["cpu"] in os.sched_getaffinity(0)
    command = [str(args.tools / "iopt-predict"), "--driver", driver,
               *(["--cpu", str(run.host["cpu"])] if is_here else []),
               "--engine", engine, "--way", run.host["way"], "--page",
               live.size_text(run.host["page_bytes"]), "--frames", str(spool)]
    return {label: live.parse_predictions(tool(
        [*command, "--profile", profile, "--ril", ril, str(spool / "plan")]))
        for label, (ril, profile) in FEATURES.items()}


def base_text(label: str, profile: str) -> str:
    """The profile that stands in for what cannot be told."""
    name = profile or FEATURES[label][1]
    path = Path(name) if "/" in name or name.endswith(".ini") \
        else PROFILES / f"{name}.ini"
    return path.read_text("utf-8")


def finish(args: argparse.Namespace, spool: Path, context: Mapping[str, str],
           console: Console) -> tuple[int, Path]:
    """A result out of what a run left; the exit code that it deserves."""
    run = live.parse_run((spool / "lines.jsonl").read_text("utf-8"))
    plan = (spool / "plan").read_text("utf-8")
    predictions: dict[str, dict[str, dict[str, Any]]] = {}
    fit: Fit | None = None
    if run.done and is_smmu(run):
        predictions = predict(args, run, spool)
        base = {label: live_fit.base_prices(base_text(label, args.profile))
                for label in FEATURES}
        try:
            fit = live.fit_all(run, predictions, base)
        except BadFit as why:
            console.complain(f"bench-live: no prices are fitted: {why}")
    document = live.document(run, context, plan, predictions, fit)
    path = args.out or spool.parent / (
        f"{context['iopt_started_stamp']}-"
        f"{as_file_name(context['iopt_runner_version'])}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    results.write_atomic(path, results.dump(document))
    mine = predictions[fit.label] if fit else {}
    console.done()
    tell(run, mine, fit, console)
    if fit:
        picture = path.with_suffix(".plots") / "live.png"
        live_plot.draw(fit, run, picture)
        console.say(f"picture: {picture}")
    if live.count_faults(run, mine):
        return EXIT_DIFFERS, path
    return 0 if run.done else EXIT_SKIPPED, path


def tell(run: Run, predictions: Mapping[str, Mapping[str, Any]],
         fit: Fit | None, console: Console) -> None:
    """What a person gets to see."""
    host = run.host
    console.say(f"{host['device']} behind {host['iommu']}, {host['way']}, "
                f"Linux {host['kernel']}, CPU {host['cpu']}")
    console.say("\n".join(live.table(run, predictions, fit)))
    for line in live.skips(run, predictions):
        console.say(line)
    if host["events"] != "yes":
        console.say(f"no events of iommu: {host['events']}")
    for line in live.count_faults(run, predictions):
        console.complain(f"DIFFERS: {line}")
    if fit:
        console.say("\n".join(live_fit.told(fit)))
        console.say("the prices are of this very run: 'min/total' says how "
                    "well it can be described, not foretold")
        if host["machine"] != platform.machine():
            console.say(f"'cpu' was measured on this {platform.machine()}, "
                        f"all else on {host['machine']}: the prices are none "
                        "of either")
    elif run.done and not is_smmu(run):
        console.say("nothing is predicted: the model is of an SMMUv3, and "
                    f"this is {host['iommu']}")


def context_of(argv: list[str]) -> dict[str, str]:
    """What is known of the run."""
    started = datetime.now(timezone.utc)
    return {"iopt_host": platform.node().split(".")[0] or "unknown",
            "iopt_runner_version": git_describe(),
            "iopt_started": started.isoformat(timespec="seconds"),
            "iopt_started_stamp": started.strftime("%Y%m%dT%H%M%SZ"),
            "iopt_command": shlex.join(["scripts/live.py", *argv])}


def keep_frames(spool: Path, path: Path) -> None:
    """The spool becomes the folder beside the result."""
    kept = path.with_suffix(".frames")
    if kept.exists():
        shutil.rmtree(kept)
    spool.rename(kept)


def measure(args: argparse.Namespace, argv: list[str],
            console: Console) -> int:
    """A run; the exit code."""
    tool([str(args.tools / "iopt-live"), "--device", args.device, "--way",
          args.way, "--check"])
    plan = args.plan.read_text("utf-8") if args.plan \
        else plan_of(args, this_host())
    check_names(plan)
    context = context_of(argv)
    folder = args.out.parent if args.out else \
        args.results / as_file_name(context["iopt_host"]) / "live"
    spool = folder / f"spool-{context['iopt_started_stamp']}"
    spool.mkdir(parents=True)
    (spool / "plan").write_text(plan, "utf-8")
    (spool / "context.json").write_text(json.dumps(context), "utf-8")
    code, said = run_live(args, spool, console)
    console.done()
    if not (spool / "lines.jsonl").stat().st_size:
        shutil.rmtree(spool)
        raise Refused(said.partition(": ")[2] or "iopt-live said nothing",
                      code or 1)
    if said:
        console.complain(said)
    try:
        deserved, path = finish(args, spool, context, console)
    except (BadFit, BadLines, OSError, Refused,
            subprocess.TimeoutExpired) as error:
        raise Refused(f"{error}; what was measured is kept: 'scripts/python "
                      f"scripts/live.py --merge {spool}'", 1) from error
    keep_frames(spool, path)
    console.say(f"result in {path}")
    if code == EXIT_INTERRUPTED:
        console.complain("bench-live: interrupted; what was measured is kept, "
                         "nothing is mapped")
    return code or deserved


def merge(args: argparse.Namespace, argv: list[str],
          console: Console) -> int:
    """Finish what a run left; the exit code."""
    kept = args.merge / "context.json"
    context = json.loads(kept.read_text("utf-8")) if kept.exists() \
        else context_of(argv)
    code, path = finish(args, args.merge, context, console)
    console.say(f"result in {path}")
    return code


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="live.py", description="Map and unmap real memory for a real "
        "device that is bound to vfio-pci.")
    parser.add_argument("--device", default="", metavar="BDF",
                        help="PCI address, such as 0000:01:00.0")
    parser.add_argument("--way", default="auto",
                        choices=("auto", "type1", "iommufd"))
    parser.add_argument("--sizes", default="", metavar="LIST",
                        help="RAM of the virtual machines, '1G 4G' (default: "
                        "1G 4G 16G 64G, up to half of the free memory)")
    parser.add_argument("--plan", type=Path, metavar="FILE",
                        help="a plan of iopt-live in place of the usual one")
    parser.add_argument("--reps", type=positive, default=9, metavar="N")
    parser.add_argument("--seconds", type=positive, default=20, metavar="N",
                        help="no repetition starts after so long in a row")
    parser.add_argument("--cpu", default="", metavar="N")
    parser.add_argument("--profile", default="", metavar="NAME",
                        help="for prices that the run does not tell")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--results", type=Path, metavar="DIR",
                        default=ROOT / "results")
    parser.add_argument("--tools", type=Path, metavar="DIR",
                        default=ROOT / "build/tools")
    parser.add_argument("--merge", type=Path, metavar="SPOOL",
                        help="run nothing: finish what a broken run left")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run, with errors as one line."""
    console = Console(sys.stdout, sys.stderr)
    args = arguments(argv)
    try:
        if args.merge:
            return merge(args, argv, console)
        if not args.device:
            raise Refused("DEVICE= is wanted: the PCI address of a device "
                          "that is bound to vfio-pci, such as 0000:01:00.0",
                          EXIT_USAGE)
        return measure(args, argv, console)
    except Refused as why:
        console.complain(f"bench-live: {why}")
        return why.code
    except BadSize as error:
        console.complain(f"bench-live: {error}")
        return EXIT_USAGE
    except KeyboardInterrupt:
        console.complain("bench-live: interrupted")
        return EXIT_INTERRUPTED
    except (BadFit, BadLines, OSError, subprocess.TimeoutExpired) as error:
        console.complain(f"bench-live: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
