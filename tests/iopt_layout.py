# SPDX-License-Identifier: GPL-2.0-only
"""The program iopt-layout from outside: what it prints, files, exit codes.

usage: iopt_layout.py PATH_OF_IOPT_LAYOUT [unittest options]
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from ioptlib import program  # noqa: E402

LAYOUT: list[str] = []
SKIP = 77
K, M, G = 1 << 10, 1 << 20, 1 << 30

FRAMES = """iopt-frames 1
page 4K
how by hand
kernel none
thp -
0x200000 2M
0x401000 2M
0x8000 8K
end 3 4104K
"""


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LAYOUT, *args], input=stdin, capture_output=True,
                          text=True, timeout=300)


def as_json(*args: str, stdin: str = "") -> dict[str, Any]:
    done = run(*args, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class Show(unittest.TestCase):
    def test_every_range_is_named(self) -> None:
        for machine, count in (("virt", 11), ("q35", 17)):
            done = run("show", machine, "64G")
            self.assertEqual(done.returncode, 0, done.stderr)
            layout = as_json("show", machine, "64G")
            self.assertEqual(len(layout["ranges"]), count)
            self.assertIn(f"{count} DMA ranges, 64G of RAM", done.stdout)
            for r in layout["ranges"]:
                self.assertIn(f"0x{r['iova']:012x}-"
                              f"0x{r['iova'] + r['size'] - 1:012x}",
                              done.stdout)
                self.assertIn(r["note"], done.stdout)
            ram = sum(r["size"] for r in layout["ranges"]
                      if r["kind"] == "ram")
            self.assertEqual(ram + layout["hidden_bytes"], 64 * G)

    def test_host_page(self) -> None:
        layout = as_json("show", "q35", "16T", "--host-page", "64K")
        self.assertEqual(layout["host_page"], 64 * K)
        for r in layout["ranges"]:
            self.assertEqual((r["iova"] | r["size"]) % (64 * K), 0, r)


class Stat(unittest.TestCase):
    def test_file(self) -> None:
        # At 1G: 2M in a block, 2M in pages, 8K; the second does not touch.
        stat = as_json("stat", "-", stdin=FRAMES)
        self.assertEqual(stat["nr_runs"], 3)
        self.assertEqual(stat["bytes"], 4 * M + 8 * K)
        self.assertEqual(stat["leaves"], {"4K": 514, "2M": 1, "1G": 0})
        self.assertEqual(stat["runs"], [
            {"from": 8 * K, "count": 1, "bytes": 8 * K},
            {"from": 2 * M, "count": 2, "bytes": 4 * M},
        ])
        text = run("stat", "-", stdin=FRAMES).stdout
        self.assertIn("4104K in 3 runs", text)
        self.assertIn("leaves: 514 of 4K, 1 of 2M, 0 of 1G", text)

    def test_backing(self) -> None:
        rows = (
            ("2M", "4G", "4K", {"4K": 0, "2M": 2048, "1G": 0}),
            ("1G", "4G", "4K", {"4K": 0, "2M": 0, "1G": 4}),
            ("thp50", "4G", "4K", {"4K": 512 * 1024, "2M": 1024, "1G": 0}),
            ("32M", "4G", "16K", {"16K": 0, "32M": 128}),
            ("512M", "4G", "64K", {"64K": 0, "512M": 8}),
            ("buddy75", "4G", "64K", {"64K": 65536, "512M": 0}),
        )
        for word, machine, page, leaves in rows:
            stat = as_json("stat", word, "--vm", machine, "--host-page", page)
            self.assertEqual(stat["bytes"], 4 * G, word)
            self.assertEqual(stat["leaves"], leaves, word)

    def test_seed(self) -> None:
        def stat(seed: str) -> dict[str, Any]:
            return as_json("stat", "buddy75", "--vm", "1G", "--seed", seed)

        self.assertEqual(stat("5"), stat("5"))
        self.assertNotEqual(stat("5"), stat("6"))

    def test_file_behind_a_vm(self) -> None:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(FRAMES)
            file.flush()
            stat = as_json("stat", f"file:{file.name}", "--vm", "1G")
        # The first 4M, 256 times: a block and 512 pages each.
        self.assertEqual(stat["leaves"],
                         {"4K": 256 * 512, "2M": 256, "1G": 0})
        self.assertIn("used 256 times", stat["note"])


class Live(unittest.TestCase):
    def test_write_and_read_back(self) -> None:
        page = f"{os.sysconf('SC_PAGESIZE') // K}K"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frames"
            done = run("live", page, "64M", "-o", str(path))
            if done.returncode == SKIP:
                self.skipTest(done.stderr.strip())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("64M in ", done.stdout)
            stat = as_json("stat", str(path), "--granule", page)
            self.assertEqual(stat["bytes"], 64 * M)
            self.assertIn(os.uname().release, stat["note"])

    def test_no_such_folder(self) -> None:
        page = f"{os.sysconf('SC_PAGESIZE') // K}K"
        done = run("live", page, "64M", "-o", "/nonexistent/frames")
        if done.returncode == SKIP:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonexistent/frames: No such file", done.stderr)


class Usage(unittest.TestCase):
    def test_refused(self) -> None:
        rows = (
            ((), "a command is wanted"),
            (("list",), "list: must be show, live or stat"),
            (("show", "virt"), "show: 2 arguments are wanted"),
            (("show", "virt", "lots"), "lots: must be a size"),
            (("show", "pc", "4G"), 'no machine "pc"'),
            (("show", "virt", "1M"), "must be 1G to 16T"),
            (("stat", "4K", "--vm", "4G", "--host-page", "8K"),
             "--host-page 8K: must be 4K, 16K or 64K"),
            (("stat", "4K", "--vm", "4G", "--granule", "64K"),
             "the granule must not be above the host's page"),
            (("stat", "4K", "--vm", "4G", "--oas", "99"),
             "--oas 99: must be a number from 32 to 52"),
            (("stat", "4K", "--vm", "16T", "--oas", "40"), "above 40 bits"),
            (("stat", "8M", "--vm", "4G"), "must be 4K or 2M or 1G"),
            (("stat", "/nonexistent"), "/nonexistent"),
            (("stat", "-x"), "-x: there is no such option"),
            (("stat", "--vm"), "--vm: a value is wanted"),
            (("live", "3K", "4G"), "live 3K: must be"),
            (("live", "4K", "0"), "0: must be a size"),
        )
        for args, says in rows:
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(says, done.stderr, args)
            self.assertEqual(done.stderr.count("\n"), 1, args)
            self.assertEqual(done.stdout, "", args)

    def test_help(self) -> None:
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.startswith("usage: iopt-layout"))
        self.assertTrue(all(len(line) <= 80
                            for line in done.stdout.splitlines()))


if __name__ == "__main__":
    LAYOUT = program.command(sys.argv.pop(1))
    unittest.main()
