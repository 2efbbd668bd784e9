/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of KUnit as runs a suite of cases one after the other.
 *
 * Does not model: assertions that end a case, parameters, resources.
 */
#ifndef SHIM_KUNIT_TEST_H
#define SHIM_KUNIT_TEST_H

#include <linux/err.h>
#include <linux/kernel.h>

/**
 * struct kunit - A case that runs.
 * @nr_failures: of it so far
 */
struct kunit {
	unsigned int nr_failures;
};

/**
 * struct kunit_case - A case of a suite.
 * @run_case: what it does; NULL ends the list
 * @name: for the reader
 */
struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

/**
 * struct kunit_suite - Cases that belong together.
 * @name: for the reader
 * @test_cases: cases
 */
struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)                      \
	{                                   \
		.run_case = fn, .name = #fn \
	}

/* The one suite of a file, where shim/selftest.c finds it. */
#define kunit_test_suite(suite)                    \
	struct kunit_suite *shim_kunit_suite(void) \
	{                                          \
		return &(suite);                   \
	}
#define kunit_test_suites(suite) kunit_test_suite(*(suite))

#define kunit_info(test, fmt, ...) ((void)(test))
#define kunit_err(test, fmt, ...)  ((void)(test), pr_err(fmt, ##__VA_ARGS__))

#define KUNIT_FAIL(test, fmt, ...) \
	((test)->nr_failures++, pr_err(fmt, ##__VA_ARGS__))
#define KUNIT_EXPECT_TRUE(test, cond)                                       \
	do {                                                                \
		if (!(cond))                                                \
			KUNIT_FAIL(test, "%s:%d: %s\n", __FILE__, __LINE__, \
				   #cond);                                  \
	} while (0)
#define KUNIT_EXPECT_FALSE(test, cond) KUNIT_EXPECT_TRUE(test, !(cond))
#define KUNIT_EXPECT_EQ(test, a, b)    KUNIT_EXPECT_TRUE(test, (a) == (b))
#define KUNIT_EXPECT_NE(test, a, b)    KUNIT_EXPECT_TRUE(test, (a) != (b))
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, p) \
	KUNIT_EXPECT_TRUE(test, !IS_ERR_OR_NULL(p))

struct kunit_suite *shim_kunit_suite(void);

#endif
