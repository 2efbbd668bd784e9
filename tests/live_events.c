// SPDX-License-Identifier: GPL-2.0-only
/* Counting the events of a trace, line by line. */
#include "test.h"

#include "live_events.h"
#include "sizes.h"

static void test_counts(void **unused)
{
	static const char *const lines[] = {
		"# tracer: nop",
		"   iopt-live-71      [003] .....   100.999998: map: IOMMU: "
		"iova=0x0000000040000000 - 0x0000000040200000 "
		"paddr=0x0000000100000000 size=2097152",
		"   iopt-live-71      [003] .....   101.000500: unmap: IOMMU: "
		"iova=0x0000000040000000 - 0x0000000040200000 size=2097152 "
		"unmapped_size=2097152",
		"   other-71          [003] .....   101.000600: sched_switch: "
		"prev=1",
		"   iopt-live-71      [003] d..1.   101.000700: unmap: IOMMU: "
		"iova=0x0000000040200000 - 0x0000000040203000 size=12288 "
		"unmapped_size=12288",
		"CPU:3 [LOST 5 EVENTS]",
	};
	const struct event_stats *unmaps, *maps;
	struct event_set set = { .nr_lost = 0 };
	struct iopt_err err = { "" };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (event_set_add(&set, lines[i], &err))
			fail_msg("%s: %s", lines[i], err.msg);
	maps = &set.kinds[TRACE_MAP];
	unmaps = &set.kinds[TRACE_UNMAP];
	expect_u64(maps->nr, 1, "maps");
	expect_u64(maps->bytes, SZ_2M, "bytes");
	expect_u64(maps->unmapped_bytes, 0, "of a map");
	expect_u64(maps->first_us, 100999998, "time");
	expect_u64(unmaps->nr, 2, "unmaps");
	expect_u64(unmaps->bytes, SZ_2M + 3 * SZ_4K, "bytes");
	expect_u64(unmaps->unmapped_bytes, SZ_2M + 3 * SZ_4K, "bytes");
	expect_u64(unmaps->last_us - unmaps->first_us, 200, "time between");
	expect_u64(unmaps->nr_of_lg2[21], 1, "of 2M");
	/* 12K is 8K or more, and less than 16K. */
	expect_u64(unmaps->nr_of_lg2[13], 1, "of 8K");
	expect_u64(set.nr_lost, 5, "lost");
}

static void test_refused(void **unused)
{
	static const struct {
		const char *line;
		const char *says;
	} rows[] = {
		{ "x-1 [003] ..... 1.000001: unmap: IOMMU: iova=0x0", "" },
		{ "x-1 [003] ..... 12: unmap: IOMMU: "
		  "iova=0x0000000040200000 - 0x0000000040203000 size=12288 "
		  "unmapped_size=12288",
		  "no time in" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_set set = { .nr_lost = 0 };
		struct iopt_err err = { "" };

		expect_int(event_set_add(&set, rows[i].line, &err), -EINVAL,
			   rows[i].line);
		expect_text(err.msg, rows[i].says, rows[i].line);
		expect_u64(set.kinds[TRACE_UNMAP].nr, 0, "%s", rows[i].line);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
