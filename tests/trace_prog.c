// SPDX-License-Identifier: GPL-2.0-only
/* Tests of loading a trace for a replay: its calls, and what does not add up.
 */
#include "trace_prog.h"

#include <unistd.h>
#include <sys/mman.h>

#include "test.h"

#define MAP(iova, paddr, size)                                                 \
	"x-1 [0] 1.0: map: IOMMU: iova=" #iova " paddr=" #paddr " size=" #size \
	"\n"
#define UNMAP(iova, size, unmapped)                             \
	"x-1 [0] 1.0: unmap: IOMMU: iova=" #iova " size=" #size \
	" unmapped_size=" #unmapped "\n"

/* A call as it should come out. */
struct op_row {
	enum trace_kind kind;
	struct trace_op op;
	u64 line;
};

struct prog_row {
	const char *what;
	const char *text;
	struct op_row ops[6];
	size_t nr_ops;
	size_t nr_runs;
	struct trace_summary sum; /* without last_*, all_bits and lost */
};

static const struct prog_row rows[] = {
	{ .what = "map, map, unmap of both",
	  .text = MAP(0x1000, 0x9000, 4096) MAP(0x2000, 0x5000, 8192)
		  UNMAP(0x1000, 12288, 12288),
	  .ops = { { TRACE_MAP, { 0x1000, 4096, 0x9000 }, 1 },
		   { TRACE_MAP, { 0x2000, 8192, 0x5000 }, 2 },
		   { TRACE_UNMAP, { 0x1000, 12288, 12288 }, 3 } },
	  .nr_ops = 3,
	  .nr_runs = 2,
	  .sum = { .nr_maps = 2,
		   .nr_unmaps = 1,
		   .bytes_mapped = 12288,
		   .bytes_unmapped = 12288,
		   .peak_bytes = 12288,
		   .peak_ranges = 2 } },
	{ .what = "one map, unmapped from the middle, the rest stays",
	  .text = MAP(0x1000, 0x0, 12288) UNMAP(0x2000, 4096, 4096),
	  .ops = { { TRACE_MAP, { 0x1000, 12288, 0 }, 1 },
		   { TRACE_UNMAP, { 0x2000, 4096, 4096 }, 2 } },
	  .nr_ops = 2,
	  .nr_runs = 2,
	  .sum = { .nr_maps = 1,
		   .nr_unmaps = 1,
		   .bytes_mapped = 12288,
		   .bytes_unmapped = 4096,
		   .peak_bytes = 12288,
		   .peak_ranges = 2,
		   .end_bytes = 8192 } },
	{ .what = "a map over a live range is left out",
	  .text = MAP(0x1000, 0x0, 8192) "#\n" MAP(0x2000, 0x9000, 4096)
		  MAP(0x3000, 0x9000, 4096) MAP(0x0, 0x0, 65536),
	  .ops = { { TRACE_MAP, { 0x1000, 8192, 0 }, 1 },
		   { TRACE_MAP, { 0x3000, 4096, 0x9000 }, 4 } },
	  .nr_ops = 2,
	  .nr_runs = 1,
	  .sum = { .nr_maps = 4,
		   .bytes_mapped = 81920,
		   .peak_bytes = 12288,
		   .peak_ranges = 2,
		   .end_bytes = 12288,
		   .over_live = { 2, 3 } } },
	{ .what = "an unmap of what was never mapped is left out",
	  .text = UNMAP(0x1000, 4096, 4096) MAP(0x1000, 0x0, 4096)
		  UNMAP(0x1000, 4096, 4096) UNMAP(0x1000, 4096, 0),
	  .ops = { { TRACE_MAP, { 0x1000, 4096, 0 }, 2 },
		   { TRACE_UNMAP, { 0x1000, 4096, 4096 }, 3 } },
	  .nr_ops = 2,
	  .nr_runs = 2,
	  .sum = { .nr_maps = 1,
		   .nr_unmaps = 3,
		   .bytes_mapped = 4096,
		   .bytes_unmapped = 8192,
		   .peak_bytes = 4096,
		   .peak_ranges = 1,
		   .never_mapped = { 2, 1 },
		   .other_size = { 1, 4 } } },
	{ .what = "of an unmap over holes, what is mapped is replayed",
	  .text = MAP(0x2000, 0x0, 4096) MAP(0x3000, 0x9000, 4096)
		  MAP(0x6000, 0x0, 12288) UNMAP(0x1000, 24576, 24576),
	  .ops = { { TRACE_MAP, { 0x2000, 4096, 0 }, 1 },
		   { TRACE_MAP, { 0x3000, 4096, 0x9000 }, 2 },
		   { TRACE_MAP, { 0x6000, 12288, 0 }, 3 },
		   { TRACE_UNMAP, { 0x2000, 4096, 4096 }, 4 },
		   { TRACE_UNMAP, { 0x3000, 4096, 4096 }, 4 },
		   { TRACE_UNMAP, { 0x6000, 4096, 4096 }, 4 } },
	  .nr_ops = 6,
	  .nr_runs = 2,
	  .sum = { .nr_maps = 3,
		   .nr_unmaps = 1,
		   .bytes_mapped = 20480,
		   .bytes_unmapped = 24576,
		   .peak_bytes = 20480,
		   .peak_ranges = 3,
		   .end_bytes = 8192,
		   .never_mapped = { 1, 4 } } },
	{ .what = "a refused unmap: asked in full, nothing goes",
	  .text = MAP(0x0, 0x0, 2097152) UNMAP(0x1000, 4096, 0)
		  UNMAP(0x0, 2097152, 2097152),
	  .ops = { { TRACE_MAP, { 0, 2097152, 0 }, 1 },
		   { TRACE_UNMAP, { 0x1000, 4096, 0 }, 2 },
		   { TRACE_UNMAP, { 0, 2097152, 2097152 }, 3 } },
	  .nr_ops = 3,
	  .nr_runs = 2,
	  .sum = { .nr_maps = 1,
		   .nr_unmaps = 2,
		   .bytes_mapped = 2097152,
		   .bytes_unmapped = 2097152,
		   .peak_bytes = 2097152,
		   .peak_ranges = 1,
		   .other_size = { 1, 2 } } },
	{ .what = "an unmap that took more than asked for",
	  .text = MAP(0x0, 0x0, 2097152) UNMAP(0x0, 4096, 2097152),
	  .ops = { { TRACE_MAP, { 0, 2097152, 0 }, 1 },
		   { TRACE_UNMAP, { 0, 4096, 2097152 }, 2 } },
	  .nr_ops = 2,
	  .nr_runs = 2,
	  .sum = { .nr_maps = 1,
		   .nr_unmaps = 1,
		   .bytes_mapped = 2097152,
		   .bytes_unmapped = 2097152,
		   .peak_bytes = 2097152,
		   .peak_ranges = 1,
		   .other_size = { 1, 2 } } },
	{ .what = "events of no size are left out",
	  .text = MAP(0x1000, 0x0, 0) UNMAP(0x1000, 0, 0),
	  .sum = { .nr_maps = 1, .nr_unmaps = 1, .empty = { 2, 1 } } },
};

static struct trace_prog *load_text(const char *text, size_t len)
{
	int fd = memfd_create("trace", 0);
	struct trace_prog *prog;
	struct iopt_err err;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (trace_prog_load(path, &prog, &err))
		fail_msg("%s", err.msg);
	close(fd);
	return prog;
}

static void check_ops(const struct trace_prog *prog, const struct prog_row *row)
{
	size_t run = 0;

	expect_u64(prog->nr_ops, row->nr_ops, "%s: calls", row->what);
	expect_u64(prog->nr_runs, row->nr_runs, "%s: runs", row->what);
	for (size_t i = 0; i < row->nr_ops; i++) {
		const struct op_row *want = &row->ops[i];
		const struct trace_op *got = &prog->ops[i];

		while (run < prog->nr_runs &&
		       i >= prog->runs[run].first + prog->runs[run].nr_ops)
			run++;
		assert_true(run < prog->nr_runs && i >= prog->runs[run].first);
		expect_u64(prog->runs[run].kind, want->kind, "%s: call %zu",
			   row->what, i);
		expect_u64(got->iova, want->op.iova, "%s: iova of call %zu",
			   row->what, i);
		expect_u64(got->size, want->op.size, "%s: size of call %zu",
			   row->what, i);
		expect_u64(got->arg, want->op.arg, "%s: arg of call %zu",
			   row->what, i);
		expect_u64(prog->lines[i], want->line, "%s: line of call %zu",
			   row->what, i);
	}
}

static void check_flaw(struct trace_flaw got, struct trace_flaw want,
		       const char *what, const char *name)
{
	expect_u64(got.nr_events, want.nr_events, "%s: %s", what, name);
	expect_u64(got.first_line, want.first_line, "%s: first %s", what, name);
}

static void check_sum(const struct trace_summary *got,
		      const struct prog_row *row)
{
	const struct trace_summary *want = &row->sum;

	expect_u64(got->nr_maps, want->nr_maps, "%s: maps", row->what);
	expect_u64(got->nr_unmaps, want->nr_unmaps, "%s: unmaps", row->what);
	expect_u64(got->bytes_mapped, want->bytes_mapped, "%s: mapped",
		   row->what);
	expect_u64(got->bytes_unmapped, want->bytes_unmapped, "%s: unmapped",
		   row->what);
	expect_u64(got->peak_bytes, want->peak_bytes, "%s: peak", row->what);
	expect_u64(got->peak_ranges, want->peak_ranges, "%s: peak ranges",
		   row->what);
	expect_u64(got->end_bytes, want->end_bytes, "%s: end", row->what);
	check_flaw(got->over_live, want->over_live, row->what, "over live");
	check_flaw(got->never_mapped, want->never_mapped, row->what,
		   "never mapped");
	check_flaw(got->other_size, want->other_size, row->what, "other size");
	check_flaw(got->empty, want->empty, row->what, "empty");
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trace_prog *prog =
			load_text(rows[i].text, strlen(rows[i].text));

		check_ops(prog, &rows[i]);
		check_sum(&prog->sum, &rows[i]);
		trace_prog_destroy(prog);
	}
}

static void test_limits(void **state)
{
	static const char text[] = MAP(0x201000, 0x8000000000, 8192)
		UNMAP(0x200000, 4096, 0) "CPU:1 [LOST 3 EVENTS]\n";
	struct trace_prog *prog = load_text(text, sizeof(text) - 1);

	(void)state;
	expect_u64(prog->sum.last_iova, 0x202fff, "last iova");
	expect_u64(prog->sum.last_paddr, 0x8000001fff, "last paddr");
	expect_u64(prog->sum.all_bits & -prog->sum.all_bits, 4096, "granule");
	expect_u64(prog->sum.lost.nr_events, 3, "lost");
	trace_prog_destroy(prog);
}

/* Enough calls and runs that each array has to grow several times. */
static void test_growth(void **state)
{
	const size_t nr = 9000;
	char *text = malloc(nr * 160);
	struct trace_prog *prog;
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < nr; i++)
		len += (size_t)sprintf(
			text + len,
			i % 2 ? "unmap: IOMMU: iova=0x%zx size=4096 "
				"unmapped_size=4096\n" :
				"map: IOMMU: iova=0x%zx paddr=0x1000 "
				"size=4096\n",
			i / 2 * 4096);
	prog = load_text(text, len);
	expect_u64(prog->nr_ops, nr, "calls");
	expect_u64(prog->nr_runs, nr, "runs");
	expect_u64(prog->sum.peak_ranges, 1, "peak ranges");
	for (size_t i = 0; i < nr; i++) {
		expect_u64(prog->ops[i].iova, i / 2 * 4096, "call %zu", i);
		expect_u64(prog->lines[i], i + 1, "line of call %zu", i);
		expect_u64(prog->runs[i].kind, i % 2 ? TRACE_UNMAP : TRACE_MAP,
			   "run %zu", i);
	}
	trace_prog_destroy(prog);
	free(text);
}

static void test_errors(void **state)
{
	struct trace_prog *prog = NULL;
	struct iopt_err err;

	(void)state;
	assert_int_equal(trace_prog_load("/dev/null", &prog, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "/dev/null: no iommu:map"));
	assert_int_equal(trace_prog_load("/nonexistent", &prog, &err), -ENOENT);
	assert_int_equal(trace_prog_load("/dev/zero", &prog, &err), -EINVAL);
	assert_null(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
