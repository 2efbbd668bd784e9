/* SPDX-License-Identifier: GPL-2.0-only */
/* Work whose amount is known: a chain of arithmetic, each step on the last. */
#ifndef IOPT_SPIN_H
#define IOPT_SPIN_H

#include "types.h"

IOPT_BEGIN_DECLS

/**
 * spin() - Do a number of steps that depend on each other.
 * @nr: steps
 *
 * What is before is complete when it starts, and nothing behind it starts
 * before its end, so that no step hides behind other work.
 *
 * Shape: touches no memory.
 * Cost: a multiplication and an addition a step.
 */
void spin(u64 nr);

IOPT_END_DECLS

#endif
