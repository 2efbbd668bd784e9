/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Putting memory out of every cache of the CPU, for cold measurements.
 *
 * Source: Intel SDM, "CLFLUSH"; Arm ARM, "DC CIVAC".
 */
#ifndef IOPT_EVICT_H
#define IOPT_EVICT_H

#include "types.h"

IOPT_BEGIN_DECLS

/**
 * evict_name() - The instruction that evict_line() issues.
 *
 * Return: "clflush", "dc civac", or NULL when this architecture has none that
 * a program may use; a static string.
 */
const char *evict_name(void);

/**
 * evict_lines() - Write back and invalidate the lines of a range.
 * @p: start, any alignment
 * @len: bytes, not 0
 *
 * The lines may still be on their way out: evict_wait() ends a series.
 */
void evict_lines(const void *p, size_t len);

/**
 * evict_wait() - Wait until every line has left.
 */
void evict_wait(void);

IOPT_END_DECLS

#endif
