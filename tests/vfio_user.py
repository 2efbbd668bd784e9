# SPDX-License-Identifier: GPL-2.0-only
"""The program vfio-user where there is no guest: what it refuses, and how.

usage: vfio_user.py PATH_OF_VFIO_USER [unittest options]
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib import program  # noqa: E402

USER: list[str] = []
NOBODY = "ffff:ff:1f.7"  # no machine has it
CORE = "iommu_map 0x0 0x40000000 1M\niommu_unmap 0x0 1M\n"
MIXED = CORE + "vfio_map 0x0 1M run=1M\n"


def run(*args: str, scenario: str = CORE) -> subprocess.CompletedProcess[str]:
    """The program, with a scenario as its last argument."""
    with tempfile.NamedTemporaryFile("w", suffix=".scenario") as file:
        file.write(scenario)
        file.flush()
        return subprocess.run([*USER, *args, file.name], capture_output=True,
                              text=True, timeout=60, input="")


class Refusals(unittest.TestCase):
    def test_help(self) -> None:
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--count ROUNDS", done.stdout)

    def test_usage(self) -> None:
        for args in ((), ("--nothing",), ("--device", NOBODY, "more")):
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(done.stdout, "", args)

    def test_rounds(self) -> None:
        for rounds in ("0", "1001", "-1", "3x", ""):
            done = run("--device", NOBODY, "--count", rounds)
            self.assertEqual(done.returncode, 2, rounds)
            self.assertIn(f"--count {rounds}: 1 to 1000 rounds", done.stderr)

    def test_bad_line(self) -> None:
        done = run("--device", NOBODY, "--count", "3", scenario="bad\n")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, "^@error .*:1: ")

    def test_two_spaces(self) -> None:
        for args in ((), ("--count", "3")):
            done = run("--device", NOBODY, *args, scenario=MIXED)
            self.assertEqual(done.returncode, 77)
            self.assertIn("@skip vfio_*, iommufd_* and iommu_*", done.stdout)

    def test_no_module(self) -> None:
        """Nor, in most places, a counter: that is a skip, with its reason."""
        done = run("--device", NOBODY)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "^@error /dev/iopt-guest: ")
        done = run("--device", NOBODY, "--count", "3")
        if done.returncode == 77:
            self.assertRegex(done.stdout, "@skip no counter of .*: .+")
        else:
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, "@error /dev/iopt-guest: ")
        self.assertNotIn("@count", done.stdout)


if __name__ == "__main__":
    USER.extend(program.command(os.path.abspath(sys.argv[1])))
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
