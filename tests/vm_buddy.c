// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of a buddy allocator beside what real ones handed out: the lengths
 * of physically contiguous runs, by the memory that is in them.
 */
#include "test.h"

#include "buddy.h"
#include "lg2.h"
#include "sizes.h"
#include "vm_frames.h"

#define NR_LENGTHS 64

/* Memory in runs of 2^i bytes to under twice that, and all of it. */
struct histogram {
	u64 bytes[NR_LENGTHS];
	u64 nr[NR_LENGTHS];
	u64 sum;
	u64 nr_runs;
};

static void add_run(struct histogram *h, u64 size)
{
	h->bytes[lg2_floor(size)] += size;
	h->nr[lg2_floor(size)]++;
	h->sum += size;
	h->nr_runs++;
}

static void of_model(struct histogram *h, u64 page, u64 bytes,
		     unsigned int percent)
{
	const struct buddy_cfg cfg = { page, bytes, percent, 0, 1 };
	u64 len = 0, before = 0, at = 0, paddr, size;
	struct buddy *b;

	memset(h, 0, sizeof(*h));
	assert_int_equal(buddy_create(&cfg, &b), 0);
	while (at < bytes) {
		size = buddy_run(b, at, &paddr);
		if (len && paddr != before) {
			add_run(h, len);
			len = 0;
		}
		len += size;
		at += size;
		before = paddr + size;
	}
	add_run(h, len);
	expect_u64(h->sum, bytes, "percent %u", percent);
	buddy_destroy(b);
}

/* -EOPNOTSUPP without liblzma. */
static int of_trace(struct histogram *h, const char *name)
{
	struct iopt_err err = { "" };
	struct vm_frames f;
	char path[1024];
	u64 start = 0;
	int ret;

	memset(h, 0, sizeof(*h));
	snprintf(path, sizeof(path), "%s/%s.trace.xz", TRACE_DIR, name);
	ret = vm_frames_from_trace(path, &f, &err);
	if (ret == -EOPNOTSUPP)
		print_message("skipped: %s\n", err.msg);
	else if (ret)
		fail_msg("%s", err.msg);
	if (ret)
		return ret;
	for (size_t i = 0; i < f.nr_runs; i++) {
		add_run(h, f.runs[i].end - start);
		start = f.runs[i].end;
	}
	vm_frames_fini(&f);
	return 0;
}

/* Per mille of memory that would have to be in runs of another length. */
static u64 distance(const struct histogram *a, const struct histogram *b)
{
	double sum = 0;

	for (int i = 0; i < NR_LENGTHS; i++) {
		double x = (double)a->bytes[i] / (double)a->sum;
		double y = (double)b->bytes[i] / (double)b->sum;

		sum += x > y ? x - y : y - x;
	}
	return (u64)(sum * 500);
}

/* How many times as many runs one has, in percent. */
static u64 run_factor(const struct histogram *a, const struct histogram *b)
{
	return a->nr_runs > b->nr_runs ? 100 * a->nr_runs / b->nr_runs :
					 100 * b->nr_runs / a->nr_runs;
}

/* Memory in runs below 2M, in percent, is what makes a buddy<NN>. */
static unsigned int percent_of(const struct histogram *h)
{
	u64 small = 0;

	for (int i = 0; i < NR_LENGTHS && 1ull << i < SZ_2M; i++)
		small += h->bytes[i];
	return (unsigned int)((100 * small + h->sum / 2) / h->sum);
}

static void check(const struct histogram *trace, const char *name,
		  unsigned int percent, u64 max_distance, u64 max_factor)
{
	struct histogram model;
	u64 apart, factor;

	of_model(&model, SZ_4K, trace->sum, percent);
	apart = distance(&model, trace);
	factor = run_factor(&model, trace);
	print_message("%s: %" PRIu64 " runs; buddy%u: %" PRIu64 ", %" PRIu64
		      " of 1000 apart\n",
		      name, trace->nr_runs, percent, model.nr_runs, apart);
	if (apart > max_distance || factor > max_factor)
		fail_msg("%s and buddy%u: %" PRIu64 " of 1000 apart, %" PRIu64
			 " %% of the runs; at most %" PRIu64 " and %" PRIu64,
			 name, percent, apart, factor, max_distance,
			 max_factor);
}

/*
 * A host just booted is buddy0. What it had more in runs of 2M are large
 * blocks that were neighbours by chance, every fifth or so.
 */
static void test_fresh(void **unused)
{
	static const char *const names[] = { "vfio-vm-4k-6.12",
					     "vfio-vm-4k-7.3" };
	struct histogram trace;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (of_trace(&trace, names[i]))
			skip();
		check(&trace, names[i], 0, 125, 106);
	}
}

/* The model is nearer to each of the two aged hosts than they are together. */
static void test_aged(void **unused)
{
	struct histogram a, b;

	(void)unused;
	if (of_trace(&a, "vfio-vm-4k-frag-6.12") ||
	    of_trace(&b, "vfio-vm-4k-frag-7.3"))
		skip();
	check(&a, "vfio-vm-4k-frag-6.12", percent_of(&a), distance(&a, &b),
	      run_factor(&a, &b));
	check(&b, "vfio-vm-4k-frag-7.3", percent_of(&b), distance(&a, &b),
	      run_factor(&a, &b));
}

/*
 * What is in pages where no huge page was to be had, as thp<NN> takes it from a
 * buddy100. That host had fewer single pages than the two aged ones.
 */
static void test_fallback(void **unused)
{
	struct histogram trace;

	(void)unused;
	if (of_trace(&trace, "vfio-vm-thp-defer-6.12"))
		skip();
	for (int i = 0; i < NR_LENGTHS; i++) {
		if (1ull << i < SZ_2M)
			continue;
		trace.sum -= trace.bytes[i];
		trace.nr_runs -= trace.nr[i];
		trace.bytes[i] = trace.nr[i] = 0;
	}
	check(&trace, "vfio-vm-thp-defer-6.12, below 2M", 100, 300, 220);
}

/* The share in small blocks is what the name says; runs get shorter with it. */
static void test_percent(void **unused)
{
	static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };
	struct histogram h;

	(void)unused;
	for (size_t p = 0; p < ARRAY_SIZE(pages); p++) {
		u64 before = 0;

		for (unsigned int percent = 0; percent <= 100; percent += 10) {
			/* Sixteen windows. */
			u64 bytes = buddy_max_block(pages[p]) * 256;
			u64 share = 0, want = 100 - percent;

			of_model(&h, pages[p], bytes, percent);
			/* Small blocks give half a huge page at most. */
			for (int i = 0; i < NR_LENGTHS; i++)
				if (2ull << i > buddy_huge_page(pages[p]))
					share += h.bytes[i];
			share = 100 * share / h.sum;
			/*
			 * The two ends of a stretch in sixteen huge pages may
			 * be short: 6 %. Its length is whole huge pages: 3 %.
			 */
			if (percent && (share + 10 < want || share > want + 4))
				fail_msg("buddy%u of %" PRIu64 ": %" PRIu64
					 " %% in large runs",
					 percent, pages[p], share);
			if (h.nr_runs <= before)
				fail_msg("buddy%u of %" PRIu64 ": no more runs "
					 "than with less in small blocks",
					 percent, pages[p]);
			before = h.nr_runs;
		}
	}
}

/* No run is longer than what a page table maps. */
static void test_cut(void **unused)
{
	static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };
	struct histogram h;

	(void)unused;
	for (size_t p = 0; p < ARRAY_SIZE(pages); p++)
		for (unsigned int percent = 0; percent <= 100; percent += 25) {
			u64 huge = buddy_huge_page(pages[p]);

			of_model(&h, pages[p], 64 * huge, percent);
			for (int i = 0; i < NR_LENGTHS; i++)
				if (h.nr[i] && 1ull << i > huge)
					fail_msg("buddy%u of %" PRIu64
						 ": a run of 2^%d",
						 percent, pages[p], i);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),	 cmocka_unit_test(test_aged),
		cmocka_unit_test(test_fallback), cmocka_unit_test(test_percent),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
