// SPDX-License-Identifier: GPL-2.0-only
/* Tests of one line of a trace: is it an event, and what does it say? */
#include "trace_line.h"

#include "test.h"

#define MAP_TEXT                                               \
	"IOMMU: iova=0x0000000040002000 - 0x0000000040004000 " \
	"paddr=0x00000001045fb000 size=8192"
#define UNMAP_TEXT                                             \
	"IOMMU: iova=0x0000000000001000 - 0x0000000000002000 " \
	"size=4096 unmapped_size=4096"

#define MAP_EVENT                                                            \
	{                                                                    \
		TRACE_MAP, 0x40002000, 0x1045fb000, 8192, .unmapped_size = 0 \
	}
#define UNMAP_EVENT                                                      \
	{                                                                \
		TRACE_UNMAP, 0x1000, .size = 4096, .unmapped_size = 4096 \
	}

struct event_row {
	const char *text;
	struct trace_event event;
};

static const struct event_row events[] = {
	/* tracefs: with and without irq info, TGID, latency, no columns */
	{ "         vmtrace-188     [000] .....     3.484377: map: " MAP_TEXT,
	  MAP_EVENT },
	{ "          <idle>-0       [001] d.h1.    10.103506: "
	  "unmap: " UNMAP_TEXT,
	  UNMAP_EVENT },
	{ "              dd-122     [001]     11.257961: map: " MAP_TEXT,
	  MAP_EVENT },
	{ "              dd-118     (    118) [001] .....    11.1: "
	  "map: " MAP_TEXT,
	  MAP_EVENT },
	{ "  <idle>-0       (-------) [001] d.h1.  11.134521: "
	  "unmap: " UNMAP_TEXT,
	  UNMAP_EVENT },
	{ "      dd-120       1..... 21986us!: map: " MAP_TEXT, MAP_EVENT },
	{ "  <idle>-0         1d.h1. 24095us : unmap: " UNMAP_TEXT,
	  UNMAP_EVENT },
	{ "              dd-128     [000] .....            3: map: " MAP_TEXT,
	  MAP_EVENT },
	{ "map: " MAP_TEXT, MAP_EVENT },
	{ "unmap: " UNMAP_TEXT, UNMAP_EVENT },
	/* trace-cmd report: plain, -R, --ts-diff, -l */
	{ "    a b:c-1 [2]:-121   [001]    12.482286: map:                 "
	  " " MAP_TEXT,
	  MAP_EVENT },
	{ "    dd-148   [000]    19.303035: unmap:                 iova=0x1000 "
	  "size=4096 unmapped_size=4096",
	  UNMAP_EVENT },
	{ "    dd-148   [000]    19.303091: (+56)    map:          " MAP_TEXT,
	  MAP_EVENT },
	{ "  <idle>-0       0d.h1.    19.303035: unmap:            " UNMAP_TEXT,
	  UNMAP_EVENT },
	/* perf script: plain, one event by its name alone, -F +period */
	{ " kworker/0:1H-kb    38 [000]    38.628550:   iommu:map: " MAP_TEXT,
	  MAP_EVENT },
	{ "            init   372 iommu:unmap: " UNMAP_TEXT, UNMAP_EVENT },
	{ "init 372/372 [000] 38.630137:          1 iommu:unmap: " UNMAP_TEXT,
	  UNMAP_EVENT },
	{ "iommu:map: " MAP_TEXT, MAP_EVENT },
	/* Linux before the end of the range was printed */
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x40002000 paddr=0x1045fb000 "
	  "size=8192",
	  MAP_EVENT },
	/* names of tasks that look like something else */
	{ "     1: map: 2: x-188     [000] .....     3.484377: map: " MAP_TEXT,
	  MAP_EVENT },
	{ "  unmap: IOMMU:-188     [000] .....     3.484377: map: " MAP_TEXT,
	  MAP_EVENT },
	{ "#cat-188     [000] .....     3.484377: map: " MAP_TEXT, MAP_EVENT },
	{ "     PERF_RECORD_LO-188  [000] .....  3.484377: map: " MAP_TEXT,
	  MAP_EVENT },
	/* limits: the last page there is, nothing at all, blanks at the end */
	{ "map: IOMMU: iova=0xfffffffffffff000 - 0x0 paddr=0xffffffff000 "
	  "size=4096",
	  { TRACE_MAP, 0xfffffffffffff000, 0xffffffff000, .size = 4096 } },
	{ "map: IOMMU: iova=0x0 - 0x0 paddr=0x0 size=0 ",
	  { TRACE_MAP, .size = 0 } },
	{ "unmap: IOMMU: iova=0x0 - 0x200000 size=2097152 unmapped_size=0\t",
	  { TRACE_UNMAP, .size = 0x200000 } },
};

struct bad_row {
	const char *text;
	const char *message; /* a part of it */
};

static const struct bad_row bad[] = {
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x00000000fff",
	  "expected paddr=0x and hexadecimal digits at \"\"" },
	{ "dd-1 [000] 1.0: map:", "expected iova=0x" },
	{ "dd-1 [000] 1.0: map: IOM", "expected iova=0x" },
	{ "dd-1 [000] 1.0: unmap: IOMMU: iova=4096 size=1 unmapped_size=1",
	  "expected iova=0x and hexadecimal digits at \"iova=4096" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x1000 - paddr=0x0 size=4096",
	  "expected the end of the range" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x1000 - 0x2000 size=4096",
	  "expected paddr=0x" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x0 size=12x",
	  "expected size=decimal bytes at \"size=12x\"" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x0 paddr=0x0 size=0x1000",
	  "expected size=decimal bytes" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x0 paddr=0x0 size=-4096",
	  "expected size=decimal bytes" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x0 paddr=0x0 "
	  "size=18446744073709551616",
	  "expected size=decimal bytes" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x10000000000000000 paddr=0x0 "
	  "size=1",
	  "expected iova=0x" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x0 "
	  "size=4096",
	  "a range that is size bytes long" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0xfffffffffffff000 - 0x1000 "
	  "paddr=0x0 size=8192",
	  "ends below 2^64" },
	{ "dd-1 [000] 1.0: map: IOMMU: iova=0x0 paddr=0xfffffffffffff000 "
	  "size=8192",
	  "ends below 2^64" },
	{ "dd-1 [000] 1.0: unmap: IOMMU: iova=0xfffffffffffff000 size=4096 "
	  "unmapped_size=8192",
	  "ends below 2^64" },
	{ "dd-1 [000] 1.0: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096",
	  "expected unmapped_size=decimal bytes" },
	{ "dd-1 [000] 1.0: map: " MAP_TEXT " prot=3",
	  "expected the end of the line at \"prot=3\"" },
	{ "x 1 iommu:map: [FAILED TO PARSE] iova=4096", "expected iova=0x" },
	{ "x 1 iommu:map: IOMMU: dev=1d84000.ufshc iova=0x1000 paddr=0x0 "
	  "size=1",
	  "expected iova=0x and hexadecimal digits at \"dev=1d84000" },
	{ "map: IOMMU: \x01\x02\x1b[31m", "at \"???[31m\"" },
};

static const char *const others[] = {
	"",
	"# tracer: nop",
	"#",
	"# event : name = iommu:map, , id = { 11 }, type = 2",
	"##### CPU 1 buffer started ####",
	"# entries-in-buffer/entries-written: 2362/2362   #P:2",
	"# map: " MAP_TEXT,
	"cpus=2",
	"version = 6",
	"dd-1 [000] .....     1.0: attach_device_to_domain: IOMMU: device=x",
	"dd-1 [000] .....     1.0: io_page_fault: IOMMU:x iova=0x1000 flags=0",
	"dd-1 [000] .....     1.0: remap: " MAP_TEXT,
	"dd-1 [000] .....     1.0: foo:map: " MAP_TEXT,
	"dd-1 [000] .....     1.0: mm_map: iova=1",
	"dd-1 [000] .....     1.0: xiommu:map: " MAP_TEXT,
	/* somebody's text, not an event of that name */
	"dd-1 [000] .....     1.0: tracing_mark_write: 2: map: of the town",
	"dd-1 [000] .....     1.0: tracing_mark_write: x map: " MAP_TEXT,
	"map: of the town",
	"\tffffffffaa2e3c08 __iommu_map+0x258 ([kernel.kallsyms])",
	"CPU:1 [LOST",
	"CPU:1 [LOST 0 EVENTS]",
	"CPU:x [LOST 3 EVENTS]",
	"x CPU:1 [LOST 3 EVENTS]",
	"Processed 16999 events",
	"overrun: 0",
};

struct lost_row {
	const char *text;
	u64 nr_lost; /* 0: not said */
};

static const struct lost_row losses[] = {
	{ "CPU:0 [LOST 678 EVENTS]", 678 },
	{ "CPU:12 [LOST EVENTS]", 0 },
	{ "LOST 3 EVENTS", 3 },
	{ "[LOST 3 EVENTS]", 3 },
	{ "CPU:1 [452 EVENTS DROPPED]", 452 },
	{ "CPU:1 [EVENTS DROPPED]", 0 },
	{ "# entries-in-buffer/entries-written: 122/800   #P:2", 678 },
	{ "   perf   737 [000]    76.673639: PERF_RECORD_LOST lost 36", 36 },
	{ "   perf   737 [000]    76.673639: PERF_RECORD_LOST_SAMPLES lost 7",
	  7 },
	{ "PERF_RECORD_LOST", 0 },
	{ "Processed 9030 events and lost 6 chunks!", 0 },
	{ "Processed 4593325 samples and lost 70.00%!", 0 },
};

/* What a call must not touch holds this. */
#define UNTOUCHED 0x5a5a5a5a5a5a5a5aull

static void test_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		const struct event_row *row = &events[i];
		enum trace_line_kind kind = TRACE_LINE_OTHER;
		struct trace_event ev = { .line = UNTOUCHED };
		struct iopt_err err = { "" };
		u64 lost = UNTOUCHED;

		if (trace_line_parse(row->text, &kind, &ev, &lost, &err))
			fail_msg("\"%s\": %s", row->text, err.msg);
		expect_u64(kind, TRACE_LINE_EVENT, "%s: kind", row->text);
		expect_u64(ev.kind, row->event.kind, "%s: event", row->text);
		expect_u64(ev.iova, row->event.iova, "%s: iova", row->text);
		expect_u64(ev.paddr, row->event.paddr, "%s: paddr", row->text);
		expect_u64(ev.size, row->event.size, "%s: size", row->text);
		expect_u64(ev.unmapped_size, row->event.unmapped_size,
			   "%s: unmapped_size", row->text);
		expect_u64(lost, UNTOUCHED, "%s: lost", row->text);
	}
}

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		enum trace_line_kind kind = TRACE_LINE_GAP;
		struct trace_event ev = { .iova = UNTOUCHED };
		struct iopt_err err = { "" };
		u64 lost = UNTOUCHED;
		int ret =
			trace_line_parse(bad[i].text, &kind, &ev, &lost, &err);

		if (ret != -EINVAL || !strstr(err.msg, bad[i].message))
			fail_msg("\"%s\": expected -EINVAL and \"%s\", got %d "
				 "and \"%s\"",
				 bad[i].text, bad[i].message, ret, err.msg);
		expect_u64(kind, TRACE_LINE_GAP, "%s: kind", bad[i].text);
		expect_u64(ev.iova, UNTOUCHED, "%s: event", bad[i].text);
		expect_u64(lost, UNTOUCHED, "%s: lost", bad[i].text);
	}
}

static void test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		enum trace_line_kind kind = TRACE_LINE_GAP;
		struct trace_event ev = { .iova = UNTOUCHED };
		struct iopt_err err = { "" };
		u64 lost = UNTOUCHED;

		if (trace_line_parse(others[i], &kind, &ev, &lost, &err))
			fail_msg("\"%s\": %s", others[i], err.msg);
		expect_u64(kind, TRACE_LINE_OTHER, "%s: kind", others[i]);
		expect_u64(ev.iova, UNTOUCHED, "%s: event", others[i]);
	}
}

static void test_losses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		const struct lost_row *row = &losses[i];
		enum trace_line_kind kind = TRACE_LINE_OTHER;
		struct trace_event ev = { .iova = UNTOUCHED };
		struct iopt_err err = { "" };
		u64 lost = UNTOUCHED;

		if (trace_line_parse(row->text, &kind, &ev, &lost, &err))
			fail_msg("\"%s\": %s", row->text, err.msg);
		expect_u64(kind,
			   row->nr_lost ? TRACE_LINE_LOST : TRACE_LINE_GAP,
			   "%s: kind", row->text);
		expect_u64(lost, row->nr_lost ? row->nr_lost : UNTOUCHED,
			   "%s: lost", row->text);
		expect_u64(ev.iova, UNTOUCHED, "%s: event", row->text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
