// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the selftests that a tree brings: functions that its kernel calls when
 * it boots, or a suite of KUnit.
 */
#include <kunit/test.h>

#include "selftest.h"

static unsigned int run_suite(const struct kunit_suite *suite)
{
	const struct kunit_case *c = suite->test_cases;
	unsigned int nr = 0;

	for (; c->run_case; c++) {
		struct kunit test = { .nr_failures = 0 };

		c->run_case(&test);
		fprintf(stderr, "%s: %s: %s\n", suite->name, c->name,
			test.nr_failures ? "failed" : "ok");
		nr += test.nr_failures;
	}
	return nr;
}

static unsigned int run_initcall(const char *name, int (*initcall)(void))
{
	int ret = initcall();

	fprintf(stderr, "%s: %s\n", name, ret ? "failed" : "ok");
	return ret != 0;
}

int shim_selftest(void)
{
	unsigned int nr = 0;

	if (shim_initcall_arm)
		nr += run_initcall("io-pgtable-arm", shim_initcall_arm);
	if (shim_initcall_v7s)
		nr += run_initcall("io-pgtable-arm-v7s", shim_initcall_v7s);
	if (shim_kunit_suite)
		nr += run_suite(shim_kunit_suite());
	return (int)nr;
}
