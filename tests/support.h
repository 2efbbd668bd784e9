/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of page tables share beyond test.h. */
#ifndef IOPT_TEST_SUPPORT_H
#define IOPT_TEST_SUPPORT_H

#include "test.h"

#include "arena.h"
#include "pgtable.h"

/**
 * test_arena() - An arena that needs no huge pages.
 * @bytes: its bound
 *
 * Return: the arena, the caller's to destroy; a failure fails the test.
 */
static inline struct arena *test_arena(size_t bytes)
{
	const struct arena_cfg cfg = { .size = bytes, .want_base_pages = true };
	struct iopt_err err = { "" };
	struct arena *arena = NULL;

	if (arena_create(&cfg, &arena, &err))
		fail_msg("%s", err.msg);
	return arena;
}

#endif
