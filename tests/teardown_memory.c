// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mapping a machine and tearing it down takes in memory: its tables, and
 * 64M for all else. A list with an entry a run, or a page, would not fit.
 */
#include "families.h"
#include "sanitizer.h"
#include "sizes.h"
#include "test.h"
#include "vm.h"

#define SPARE_BYTES (64 * SZ_1M)

/* A line of /proc/self/status, in bytes. */
static u64 status_bytes(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), ": %llu", &kib);
	fclose(f);
	return kib * SZ_1K;
}

/* Let the peak start at what is resident now, where the kernel lets us. */
static void reset_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "we");

	if (!f)
		return;
	fputs("5", f);
	fclose(f);
}

/* 16G in pages: 4M runs, 32M of tables. 8 bytes a page more would be seen. */
static const struct {
	const char *vm, *backing, *strategy;
} rows[] = {
	{ "16G", "4K", "chunked-fast" }, { "16G", "4K", "iommufd" },
	{ "16G", "4K", "leafwalk" },	 { "16G", "buddy75", "chunked-fast" },
	{ "1T", "2M", "leafwalk" },	 { "16T", "1G", "whole-range" },
};

static void test_memory(void **state)
{
	(void)state;
	if (HAS_ASAN || HAS_TSAN) {
		print_message("skipped: a sanitizer takes memory of its own\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct arena_cfg cfg = { .size = 512 * SZ_1M };
		struct bench_case c = { .family = &teardown_family };
		struct bench_env env = { .nr_traces = 0 };
		struct iopt_err err = { "" };
		struct vm_ends ends;
		struct vm vm;
		u64 before, after, tables;

		assert_int_equal(arena_create(&cfg, &env.arena, NULL), 0);
		c.values[0] = rows[i].vm;
		c.values[1] = rows[i].backing;
		c.values[2] = "4K";
		c.values[3] = "lpae-nosplit";
		c.values[4] = rows[i].strategy;
		reset_peak();
		before = status_bytes("VmRSS");
		if (vm_init(&vm, &env, &c, BENCH_TIME, NULL, &err) ||
		    vm_map(&vm, 1, &err))
			fail_msg("%s %s %s: %s", rows[i].vm, rows[i].backing,
				 rows[i].strategy, err.msg);
		vm_tear_down(&vm, 0);
		after = status_bytes("VmHWM");
		tables = arena_stats(env.arena).peak_bytes;
		if (vm_check_ended(&vm, 0, &ends, &err))
			fail_msg("%s", err.msg);
		print_message("%s of %s, %s: %llu KiB of tables, peak %llu KiB "
			      "above what was there\n",
			      rows[i].vm, rows[i].backing, rows[i].strategy,
			      (unsigned long long)(tables / SZ_1K),
			      (unsigned long long)((after - before) / SZ_1K));
		if (after > before + tables + SPARE_BYTES)
			fail_msg("%s of %s, %s: a peak of %llu bytes, at most "
				 "%llu wanted",
				 rows[i].vm, rows[i].backing, rows[i].strategy,
				 (unsigned long long)(after - before),
				 (unsigned long long)(tables + SPARE_BYTES));
		/* What was found to be enough must be what is asked for. */
		assert_true(tables <= vm_table_bytes(&c));
		vm_fini(&vm);
		expect_u64(arena_destroy(env.arena), 0, "bytes leaked");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
