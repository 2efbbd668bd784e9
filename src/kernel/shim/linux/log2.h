/* SPDX-License-Identifier: GPL-2.0-only */
/* Logarithms that fold to a constant where the argument is one. */
#ifndef SHIM_LINUX_LOG2_H
#define SHIM_LINUX_LOG2_H

#define ilog2(n) ((int)(63 - __builtin_clzll(n)))

#endif
