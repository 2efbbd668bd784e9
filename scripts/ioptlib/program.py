# SPDX-License-Identifier: GPL-2.0-only
"""How a program of a build is started: alone, or by what emulates its machine.

Reads the environment: Meson tells its tests there what runs a program that was
built for another machine.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Union


def wrapper() -> list[str]:
    """What has to stand before a program of this build."""
    return shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))


def command(program: Union[str, Path]) -> list[str]:
    """The words that start a program."""
    return [*wrapper(), str(program)]
