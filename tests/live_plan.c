// SPDX-License-Identifier: GPL-2.0-only
/* Plans of iopt-live: what is read, what is refused. */
#include "test.h"

#include <unistd.h>

#include "live_plan.h"
#include "sizes.h"

static int load(const char *text, u64 page, struct plan *plan,
		struct iopt_err *err)
{
	char path[] = "/tmp/iopt-plan-XXXXXX";
	int fd = mkstemp(path);
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = plan_load(path, page, plan, err);
	unlink(path);
	return ret;
}

static void test_rows(void **unused)
{
	struct iopt_err err = { "" };
	struct plan plan;

	(void)unused;
	if (load("# nothing\n"
		 "a 4K range 0x1000+64K 1M+4K@2M 2M+4K\n"
		 "\n"
		 "b/thp thp all 0x40000000+1G # all of it",
		 SZ_4K, &plan, &err))
		fail_msg("%s", err.msg);
	expect_u64(plan.nr_rows, 2, "rows");
	assert_string_equal(plan.rows[0].name, "a");
	assert_string_equal(plan.rows[0].backing, "4K");
	assert_false(plan.rows[0].is_all);
	expect_u64(plan.rows[0].nr_ranges, 3, "ranges");
	expect_u64(plan.rows[0].ranges[0].iova, SZ_4K, "first");
	expect_u64(plan.rows[0].ranges[0].offset, 0, "first");
	expect_u64(plan.rows[0].ranges[1].offset, SZ_2M, "given");
	expect_u64(plan.rows[0].ranges[2].offset, SZ_2M + SZ_4K, "behind it");
	expect_u64(plan.rows[0].mapped_bytes, SZ_64K + 2 * SZ_4K, "mapped");
	expect_u64(plan.rows[0].memory_bytes, SZ_2M + 2 * SZ_4K, "memory");
	assert_string_equal(plan.rows[1].name, "b/thp");
	assert_true(plan.rows[1].is_all);
	expect_u64(plan_most_mapped(&plan), SZ_1G, "most");
	plan_fini(&plan);
	expect_u64(plan_most_mapped(&plan), 0, "after the end");
}

static void test_refused(void **unused)
{
	static const struct {
		const char *text;
		u64 page;
		const char *says;
	} rows[] = {
		{ "", SZ_4K, "there is no row" },
		{ "# a\n", SZ_4K, "there is no row" },
		{ "a\n", SZ_4K, ":1: 'a': must be followed by" },
		{ "a 4K range\n", SZ_4K, "must be followed by" },
		{ "\na 4K some 0+4K\n", SZ_4K, ":2: 'some': must be range" },
		{ "a 4K range 4K\n", SZ_4K, "'4K': must be IOVA+SIZE" },
		{ "a 4K range 0+\n", SZ_4K, "must be IOVA+SIZE" },
		{ "a 4K range 0+4K@\n", SZ_4K, "must be IOVA+SIZE" },
		{ "a 4K range 0+4K@x\n", SZ_4K, "must be IOVA+SIZE" },
		{ "a 4K range 0+0\n", SZ_4K, "whole pages" },
		{ "a 4K range 0+4K\n", SZ_64K, "whole pages" },
		{ "a 4K range 0x800+4K\n", SZ_4K, "whole pages" },
		{ "a 4K range 0+4K@1K\n", SZ_4K, "whole pages" },
		{ "a 4K range 0+8192T\n", SZ_4K, "below 2^52" },
		{ "a 4K range 0+8K 4K+4K\n", SZ_4K, "above the range before" },
		{ "a 4K range 1M+8K 0+4K\n", SZ_4K, "above the range before" },
		{ "a 4KandMuchMoreThanThat range 0+4K\n", SZ_4K,
		  "must be 4K, thp" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan plan = { .nr_rows = 77 };
		struct iopt_err err = { "" };
		int ret = load(rows[i].text, rows[i].page, &plan, &err);

		expect_int(ret, -EINVAL, rows[i].text);
		expect_text(err.msg, rows[i].says, rows[i].text);
		expect_u64(plan.nr_rows, 77, "untouched by '%s'", rows[i].text);
	}
	expect_int(plan_load("/nowhere/plan", SZ_4K, NULL, NULL), -ENOENT,
		   "no file");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
