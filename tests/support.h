/* SPDX-License-Identifier: GPL-2.0-only */
/* What the C tests share: cmocka, seeds, arenas, creation that must work. */
#ifndef IOPT_TEST_SUPPORT_H
#define IOPT_TEST_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "arena.h"
#include "pgtable.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

/**
 * test_seed() - The seed of a random test: from IOPT_SEED, or a new one.
 *
 * Prints it with the way to repeat it.
 */
static inline u64 test_seed(void)
{
	const char *text = getenv("IOPT_SEED");
	u64 seed = 0;

	if (text && *text)
		seed = strtoull(text, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		fail_msg("no random seed; set IOPT_SEED");
	print_message("seed: IOPT_SEED=0x%" PRIx64 "\n", seed);
	return seed;
}

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
