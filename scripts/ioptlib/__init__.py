# SPDX-License-Identifier: GPL-2.0-only
"""What the scripts share: pure functions, except where a module says so."""
