# SPDX-License-Identifier: GPL-2.0-only
"""What a result records of its cost profiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, BenchRunner
from ioptlib import profiles, results

TEXT = """; made up
[profile]
name = mine
title = made up
interface = smmuv3

[sync]
value = 280 ns
kind = measured
source = a mail of
	somebody; and more
"""


def digest_of(tmp_path: Path, text: str) -> str:
    """The digest of a profile with this text."""
    path = tmp_path / "my.ini"
    path.write_text(text)
    return str(profiles.record(str(path), Path("iopt-bench"))["digest"])


# what is changed into what, and whether it counts
CHANGES = [
    ("280 ns", "281 ns", True), ("smmuv3", "smmuv2", True),
    ("[sync]", "[exec]", True), ("; made up", "; copied", False),
    ("a mail of", "mails of", False), ("measured", "assumed", False),
    ("280 ns", "280 ns ; 281 ns", False), ("= made up", "= copied", False),
]


@pytest.mark.parametrize("old,new,counts", CHANGES)
def test_the_digest_is_of_what_counts(tmp_path: Path, old: str, new: str,
                                      counts: bool) -> None:
    assert old in TEXT
    assert (digest_of(tmp_path, TEXT) !=
            digest_of(tmp_path, TEXT.replace(old, new))) == counts


def test_a_profile_and_where_its_prices_are_from(tmp_path: Path) -> None:
    digest = digest_of(tmp_path, TEXT)
    assert len(digest) == profiles.DIGEST_CHARS
    assert profiles.records([str(tmp_path / "my.ini")], Path("x")) == [{
        "name": "mine", "file": str(tmp_path / "my.ini"), "digest": digest,
        "title": "made up", "sources": {
            "sync": "280 ns, measured: a mail of somebody; and more"}}]


@pytest.mark.parametrize("text", ["gibberish\n", "[a]\n[a]\n", "[a]\nb\n"])
def test_what_cannot_be_read_is_unknown(tmp_path: Path, text: str) -> None:
    assert digest_of(tmp_path, text) == profiles.UNKNOWN
    assert profiles.record("nowhere", Path("x"))["digest"] == \
        profiles.UNKNOWN


def test_a_name_is_that_of_the_tree_it_was_built_in(tmp_path: Path) -> None:
    bench = tmp_path / "build/bench/iopt-bench"
    own = tmp_path / profiles.SHIPPED / "smmuv3-ril.ini"
    assert profiles.find("smmuv3-ril", bench) == \
        ROOT / profiles.SHIPPED / "smmuv3-ril.ini"
    own.parent.mkdir(parents=True)
    own.write_text(TEXT)
    assert profiles.find("smmuv3-ril", bench) == own


def test_shipped_profiles_can_be_told_apart() -> None:
    words = sorted(p.stem for p in (ROOT / profiles.SHIPPED).glob("*.ini"))
    found = profiles.records(words, Path("x"))
    assert [one["name"] for one in found] == words
    assert len({one["digest"] for one in found}) == len(words)
    assert profiles.UNKNOWN not in str(found)


def test_a_result_says_which_they_were(bench: BenchRunner) -> None:
    ran = bench("--reps", "1", "--filter", "size:2M", "--family", "map",
                "--profile", "smmuv3-ril")
    context = ran.document()["context"]
    assert context[results.PROFILE_SOURCES] == profiles.records(
        ["none", "smmuv3-ril"], Path("x"))
