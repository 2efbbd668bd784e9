/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process is doing, for who waits: a line a case, and lines of what a
 * long case is at. Never from code that is timed.
 */
#ifndef IOPT_PROGRESS_H
#define IOPT_PROGRESS_H

#include <stdio.h>

#include "types.h"

/**
 * struct progress - Where the lines go; the caller owns it.
 * @out: stream
 * @said_ns: when a line was written last, by CLOCK_MONOTONIC
 */
struct progress {
	FILE *out;
	u64 said_ns;
};

IOPT_BEGIN_DECLS

/**
 * progress_case() - A case begins: "progress <i> <n> <name>".
 * @p: progress; NULL to say nothing
 * @i: its number, from 1
 * @n: how many there are
 * @name: of the case
 */
void progress_case(struct progress *p, size_t i, size_t n, const char *name);

/**
 * progress_say() - What the case is at: "doing <text>".
 * @p: progress; NULL to say nothing
 * @fmt: as printf, one line
 */
void progress_say(struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * progress_is_due() - Was nothing said for a quarter of a second?
 * @p: progress; NULL: never due
 *
 * For who could speak often.
 *
 * Cost: a reading of the clock.
 */
bool progress_is_due(const struct progress *p);

IOPT_END_DECLS

#endif
