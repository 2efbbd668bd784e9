# SPDX-License-Identifier: GPL-2.0-only
"""The checks of the tree find what they are for, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from conftest import ROOT

spec = importlib.util.spec_from_file_location("check_tree",
                                              ROOT / ".ci/check_tree.py")
assert spec and spec.loader
check_tree = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_tree)

HEAD = "// SPDX-License-Identifier: GPL-2.0-only\n"


@pytest.mark.parametrize("name,text,found", [
    ("a.c", HEAD + "int x;\n", 0),
    ("a.c", "int x;\n", 1),
    ("run", "#!/bin/sh\n", 1),
    ("a.txt", "no licence needed\n", 0),
    ("a.c", HEAD + "/* TO" "DO: later */\n", 1),
    ("a.c", HEAD + "/* good for n" "ow */\n", 1),
    ("a.md", "see /ho" "me/me/x and build/home/x\n", 1),
    ("a.md", "<<<<" "<<< HEAD\n", 1),
    ("a.md", "[here](there.md) [out](https://example.org/x)\n", 0),
    ("a.md", "[here](there.md#a-heading-of-its-own) [me](#mine)\n# Mine\n",
     0),
    ("a.md", "[here](nowhere.md)\n", 1),
    ("a.md", "[here](there.md#nothing)\n", 1),
    ("a.md", "![a picture](nowhere.png)\n", 1),
    ("a.md", "```\n[code](nowhere.md)\n```\n", 0),
])
def test_findings(tmp_path: Path, name: str, text: str, found: int) -> None:
    (tmp_path / "there.md").write_text("# There\n\n## A heading, of its own\n")
    path = tmp_path / name
    path.write_text(text)
    lines = check_tree.check(path, text)
    assert len(lines) == found, lines
    assert all(str(path) in line for line in lines)


def test_whole_tree() -> None:
    assert check_tree.main([str(ROOT)]) == 0
