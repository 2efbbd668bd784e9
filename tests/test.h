/* SPDX-License-Identifier: GPL-2.0-only */
/* What every C test shares: cmocka, seeds, and failures that name the case. */
#ifndef IOPT_TEST_H
#define IOPT_TEST_H

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "types.h"

/**
 * test_seed() - The seed of a random test, printed so that it can be given.
 *
 * Return: IOPT_SEED from the environment, else one from the clock.
 */
static inline u64 test_seed(void)
{
	const char *text = getenv("IOPT_SEED");
	struct timespec now;
	u64 seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
	if (text)
		seed = strtoull(text, NULL, 0);
	print_message("IOPT_SEED=%" PRIu64 "\n", seed);
	return seed;
}

/**
 * test_emulator() - What runs this test in place of a CPU.
 *
 * Return: IOPT_EMULATED from the environment, which the cross file of an
 * emulated build sets; NULL on a CPU. Only for what no emulator can show.
 */
static inline const char *test_emulator(void)
{
	return getenv("IOPT_EMULATED");
}

/**
 * test_nth() - Where everything is tried with everything: which share of it.
 * @nth: one in so many, where each is slow
 *
 * Return: @nth under an emulator, which has shown already that this code does
 * what it does on a CPU; else 1, which is all.
 */
static inline size_t test_nth(size_t nth)
{
	return test_emulator() ? nth : 1;
}

/**
 * expect_u64() - Fail unless two numbers are equal, and say of which case.
 * @got: what the code gave
 * @want: what is right
 * @fmt: printf format that names case, configuration and seed
 */
__attribute__((format(printf, 3, 4))) static inline void
expect_u64(u64 got, u64 want, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (got == want)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_msg("%s: expected %" PRIu64 " (0x%" PRIx64 "), got %" PRIu64
		 " (0x%" PRIx64 ")",
		 text, want, want, got, got);
}

/**
 * expect_int() - expect_u64() for return values that may be negative.
 * @got: what the code gave
 * @want: what is right
 * @what: names the case
 */
static inline void expect_int(int got, int want, const char *what)
{
	if (got != want)
		fail_msg("%s: expected %d, got %d", what, want, got);
}

/**
 * expect_text() - Fail unless @text holds @part.
 * @text: what the code gave
 * @part: what must be in it
 * @what: names the case
 */
static inline void expect_text(const char *text, const char *part,
			       const char *what)
{
	if (!strstr(text, part))
		fail_msg("%s: expected \"%s\" in \"%s\"", what, part, text);
}

#endif
