/* SPDX-License-Identifier: GPL-2.0-only */
/* The selftests of a tree, as far as it has them. */
#ifndef SHIM_SELFTEST_H
#define SHIM_SELFTEST_H

#include <kunit/test.h>

/* What subsys_initcall() of the two files makes; see linux/kernel.h. */
int shim_initcall_arm(void) __attribute__((__weak__));
int shim_initcall_v7s(void) __attribute__((__weak__));
struct kunit_suite *shim_kunit_suite(void) __attribute__((__weak__));

/* Runs them; the number of those that failed. */
int shim_selftest(void);

#endif
