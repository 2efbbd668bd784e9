# SPDX-License-Identifier: GPL-2.0-only
"""The programs iopt-live and iopt-predict from outside: usage, refusals, and
what is predicted of frames that are made here.

usage: iopt_live.py PATH_OF_IOPT_LIVE PATH_OF_IOPT_PREDICT [unittest options]
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib.program import command  # noqa: E402

LIVE: list[str] = []
PREDICT: list[str] = []
K, M = 1 << 10, 1 << 20

# 2M in a block, then 4M whose pages lie in falling order, 16K at a time.
SCATTERED = [(0x40000000 - i * 16 * K * 2, 16 * K) for i in range(256)]
FRAMES = ("iopt-frames 1\npage 4K\nhow 4K\nkernel none\nthp -\n"
          "0x80000000 2M\n"
          + "".join(f"{at:#x} 16K\n" for at, _ in SCATTERED)
          + f"end {1 + len(SCATTERED)} 6M\n")


def live(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LIVE, *args], input=stdin, capture_output=True,
                          text=True, timeout=60)


def predict(plan: str, *args: str, frames: str = FRAMES) \
        -> subprocess.CompletedProcess[str]:
    """On a folder with the frames of the row "a/b:c"."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a_b_c.frames").write_text(frames)
        return subprocess.run([*PREDICT, "--page", "4K", "--frames",
                               folder, *args, "-"], input=plan, capture_output=True,
                              text=True, timeout=120)


def rows(plan: str, *args: str) -> list[dict[str, Any]]:
    done = predict(plan, *args)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Live(unittest.TestCase):
    def test_usage(self) -> None:
        device = ("--device", "0000:01:00.0")
        for args, says in (
                ((), "--device BDF is wanted"),
                (device, "one PLAN"),
                ((*device, "a", "b"), "one PLAN"),
                ((*device, "--reps", "0", "-"), "from 1 to 1000"),
                ((*device, "--seconds", "x", "-"), "from 1 to"),
                ((*device, "--way", "some", "-"), "auto, type1 or iommufd"),
                ((*device, "--cpu", "-1", "-"), "from 0 to"),
                ((*device, "--what", "-"), "no such option"),
                ((*device, "--reps"), "a value is wanted"),
                ((*device, "/nowhere/plan"), "/nowhere/plan"),
                (("--device", "1:0.0", "--check"), "must be a PCI address"),
                (("--device", "../../x", "--check"), "must be a PCI"),
                ((*device, "-"), "there is no row")):
            done = live(*args)
            self.assertEqual(done.returncode, 2, (args, done.stderr))
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, args)
            self.assertEqual(done.stdout, "", args)

    def test_a_device_that_is_not_there(self) -> None:
        done = live("--device", "ffff:ff:1f.7", "--check")
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("this machine has no such device", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_device_of_a_driver_is_left_alone(self) -> None:
        """Any of this machine that has one, and VFIO has not."""
        for device in Path("/sys/bus/pci/devices").glob("*"):
            driver = device / "driver"
            if not driver.exists() or "vfio" in driver.resolve().name:
                continue
            done = live("--device", device.name, "--check")
            self.assertEqual(done.returncode, 77, done.stderr)
            self.assertTrue(driver.exists())
            return
        self.skipTest("no PCI device here has a driver")

    def test_help(self) -> None:
        for program in (LIVE, PREDICT):
            done = subprocess.run([*program, "--help"], capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.startswith("usage: iopt-"))
            self.assertTrue(all(len(line) <= 80
                                for line in done.stdout.splitlines()))


class Predict(unittest.TestCase):
    def test_a_block(self) -> None:
        """Each page is looked up; one call, one command, one sync."""
        row, = rows("a/b:c thp range 0x40000000+2M\n")
        self.assertEqual(
            (row["nr_ioctls"], row["nr_unmaps"], row["nr_lookups"],
             row["nr_addr"], row["nr_syncs"], row["nr_context"]),
            (1, 1, 512, 1, 1, 0))
        self.assertEqual((row["bytes"], row["unpinned_bytes"],
                          row["huge_bytes"]), (2 * M, 2 * M, 2 * M))
        self.assertGreater(row["unmap_cpu_ns"], 0)
        # The same memory asked for as pages has none.
        row, = rows("a/b:c 4K range 0x40000000+2M\n")
        self.assertEqual(row["huge_bytes"], 0)

    def test_runs(self) -> None:
        """256 runs of 4 pages: a lookup more for each but the last; all in
        one gather, and 1024 pages in one command.
        """
        row, = rows("a/b:c 4K range 0x40000000+4M@2M\n")
        self.assertEqual(
            (row["nr_unmaps"], row["nr_lookups"], row["nr_syncs"]),
            (256, 1024 + 255, 1))
        self.assertEqual(row["nr_addr"], 1)
        # Without range invalidation each page is one, up to 6.12.
        row, = rows("a/b:c 4K range 0x40000000+4M@2M\n", "--ril", "off",
                    "--driver", "6.12", "--engine", "lpae-6.12")
        self.assertEqual((row["nr_addr"], row["nr_context"]), (1024, 0))
        row, = rows("a/b:c 4K range 0x40000000+4M@2M\n", "--ril", "off")
        self.assertEqual((row["nr_addr"], row["nr_context"]), (0, 1))

    def test_ways(self) -> None:
        """One call for two ranges, or two; iommufd in a batch each."""
        plan = "a/b:c 4K {} 0x40000000+2M@2M 0x80000000+2M\n"
        row, = rows(plan.format("range"))
        self.assertEqual((row["nr_ioctls"], row["nr_syncs"]), (2, 2))
        row, = rows(plan.format("all"))
        self.assertEqual((row["nr_ioctls"], row["nr_unmaps"]), (1, 256))
        row, = rows(plan.format("range"), "--way", "iommufd")
        self.assertEqual((row["nr_unmaps"], row["bytes"]), (2, 4 * M))

    def test_frames_that_are_not_there(self) -> None:
        answers = rows("a/b:c 4K range 0+1M\nx 4K range 0+4K\n"
                       "a/b:c 4K range 0+8M\n")
        self.assertEqual([answer["name"] for answer in answers],
                         ["a/b:c", "x", "a/b:c"])
        self.assertIn("x.frames", answers[1]["reason"])
        self.assertIn("of another plan", answers[2]["reason"])

    def test_usage(self) -> None:
        plan = "a/b:c 4K range 0+4K\n"
        for args, says in ((("--driver", "5.0"), "6.1, 6.12 or 7.3"),
                           (("--way", "x"), "iommufd or type1"),
                           (("--page", "8K"), "4K, 16K or 64K"),
                           (("--profile", "x"), "x"),
                           (("--stage", "3"), "1 or 2"),
                           (("--cpu", "99999"), "--cpu 99999: "),
                           (("--cpu", "x"), "--cpu x: "),
                           (("--engine", "x"), "must be one of")):
            done = predict(plan, *args)
            self.assertEqual(done.returncode, 2, (args, done.stderr))
            self.assertIn(says, done.stderr)
        self.assertEqual(predict("a\n").returncode, 2)


if __name__ == "__main__":
    LIVE = command(sys.argv.pop(1))
    PREDICT = command(sys.argv.pop(1))
    unittest.main()
