# SPDX-License-Identifier: GPL-2.0-only
"""Make a cost profile of this machine out of a live run.

Exit: 0 written; 1 it failed; 2 usage, or a result that is none of a live run;
77 there is nothing in it to fit to.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import as_file_name
from ioptlib import live, live_fit, results
from ioptlib.console import Console
from ioptlib.live import BadLines
from ioptlib.live_fit import BadFit, Fit
from live import FEATURES, PROFILES, ROOT, base_text

MARK = "; Fitted to "
EXIT_USAGE = 2
EXIT_SKIPPED = 77


class BadProfile(Exception):
    """What was written is refused by the suite, or must not be written."""


def newest(host: str) -> Path:
    """The last live run of a host, by its name, as names start with a time."""
    folder = ROOT / "results" / as_file_name(host) / "live"
    found = sorted(folder.glob("*.json"))
    if not found:
        raise BadLines(f"no live run in {folder}: 'make bench-live "
                       "DEVICE=...' makes one")
    return found[-1]


def load(path: Path) -> dict[str, Any]:
    """A result of a live run."""
    try:
        document = json.loads(path.read_text("utf-8"))
        document["context"]["iopt_live"]["predictions"].items()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadLines(f"{path}: no result of 'make bench-live'") from error
    assert isinstance(document, dict)
    return document


def profile_name(text: str) -> str:
    """A name as the key tlbi may have it."""
    return re.sub(r"[^0-9A-Za-z_-]", "-", text).strip("-") or "unknown"


def check_writable(path: Path) -> None:
    """A profile that somebody wrote by hand is not overwritten."""
    if path.exists() and MARK not in path.read_text("utf-8"):
        raise BadProfile(f"{path} is there and was not fitted: give another "
                         "NAME=")


def check_profile(path: Path, sim: Path) -> None:
    """Does the suite read it?"""
    done = subprocess.run(
        [str(sim), "--profile", str(path), "-"], text=True,
        input="vfio_map 0x40000000 2M run=2M\nvfio_unmap 0x40000000 2M\n",
        capture_output=True, check=False, timeout=60)
    if done.returncode:
        raise BadProfile(f"iopt-sim refuses it: {done.stderr.strip()}")


def write(fit: Fit, path: Path, name: str, source: str, args:
          argparse.Namespace, run: live.Run) -> None:
    """The profile, whole or not at all."""
    ril, base_name = FEATURES[fit.label]
    text = live_fit.profile_text(
        fit, base_text(fit.label, args.profile), args.profile or base_name,
        name, f"fitted on {name}: {run.host['iommu']}, Linux "
        f"{run.host['kernel']}", ril == "on", source)
    path.parent.mkdir(parents=True, exist_ok=True)
    trial = path.with_name(f".{path.name}.new.ini")
    trial.write_text(text, "utf-8")
    try:
        check_profile(trial, args.sim)
    finally:
        trial.unlink()
    results.write_atomic(path, text)


def against(fit: Fit, path: Path) -> list[str]:
    """How well the prices foretell another run."""
    details = load(path)
    rows = details["context"]["iopt_live"]["predictions"].get(fit.label, {})
    found = live.points(live.run_of(details), rows)
    return live_fit.foretold(live_fit.against(fit, found), path.name)


def run(args: argparse.Namespace, console: Console) -> int:
    """Do it; the exit code."""
    host = platform.node().split(".")[0] or "unknown"
    result = args.result or newest(host)
    document = load(result)
    context = document["context"]
    name = profile_name(args.name or context.get("iopt_host", host))
    path = args.out or PROFILES / f"{name}.ini"
    check_writable(path)
    measured = live.run_of(document)
    base = {label: live_fit.base_prices(base_text(label, args.profile))
            for label in FEATURES}
    fit = live.fit_all(measured, context["iopt_live"]["predictions"], base)
    if fit is None:
        console.complain(f"fit-profile: {result}: no row of it could be "
                         "predicted, so there is nothing to fit to")
        return EXIT_SKIPPED
    source = (f"{result.name}, {context.get('iopt_started', 'unknown')}, "
              f"{measured.host['way']} on {measured.host['iommu']}, Linux "
              f"{measured.host['kernel']}")
    write(fit, path, name, source, args, measured)
    report = live_fit.report(fit)
    if args.against:
        report += against(fit, args.against)
    residuals = result.with_suffix(".fit.txt")
    results.write_atomic(residuals, "\n".join(report) + "\n")
    console.say("\n".join(report))
    console.say(f"profile in {path}; residuals in {residuals}")
    return 0


def main(argv: list[str]) -> int:
    """Run, with errors as one line."""
    parser = argparse.ArgumentParser(
        prog="fit_profile.py",
        description="Make a cost profile out of a live run.")
    parser.add_argument("result", nargs="?", type=Path,
                        help="(default: this host's newest live run)")
    parser.add_argument("--name", default="",
                        help="of the profile (default: the host's)")
    parser.add_argument("--profile", default="", metavar="NAME",
                        help="for prices that the run does not tell (default: "
                        "smmuv3-ril or smmuv3-noril)")
    parser.add_argument("--against", type=Path, metavar="RESULT",
                        help="another live run, to see how well the prices "
                        "foretell it")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="(default: data/profiles/NAME.ini)")
    parser.add_argument("--sim", type=Path, metavar="PROGRAM",
                        default=ROOT / "build/tools/iopt-sim")
    args = parser.parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        return run(args, console)
    except BadLines as error:
        console.complain(f"fit-profile: {error}")
        return EXIT_USAGE
    except (BadFit, BadProfile, OSError,
            subprocess.TimeoutExpired) as error:
        console.complain(f"fit-profile: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
