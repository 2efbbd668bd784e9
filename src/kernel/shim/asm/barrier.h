/* SPDX-License-Identifier: GPL-2.0-only */
/* Barriers of the host CPU: base/barrier.h has them under the kernel's names.
 */
#ifndef SHIM_ASM_BARRIER_H
#define SHIM_ASM_BARRIER_H

/* In angle brackets: in quotes it would be this very file. */
#include <barrier.h>

#endif
