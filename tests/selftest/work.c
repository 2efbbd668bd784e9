// SPDX-License-Identifier: GPL-2.0-only
/*
 * Families that do a known share more of their operations in each timed section
 * than they say, in the place of those that do not.
 *
 * IOPT_WORK is that share in percent. Nothing else differs, so that sides with
 * and without it are the same program, and so is what the machine makes of it:
 * an operation more costs what the others cost.
 */
#include <errno.h>
#include <stdlib.h>

#include "families.h"

enum { MAP, UNMAP, UNMAP_PARTIAL, IOVA_TO_PHYS, NR_WORKING };

static const struct bench_family *const sound[NR_WORKING] = {
	&map_family,
	&unmap_family,
	&unmap_partial_family,
	&iova_to_phys_family,
};

static struct bench_family working[NR_WORKING];

/* clang-format off */
const struct bench_family *const bench_families[] = {
	&working[MAP],		&working[UNMAP],  &working[UNMAP_PARTIAL],
	&working[IOVA_TO_PHYS], &destroy_family,  &dma_family,
	&tlbi_family,		&replay_family,	  &aftermath_family,
	&contention_family,	&limit_family,
	NULL,
};
/* clang-format on */

/* Most percent; and what is kept free for them in all sides alike. */
#define MAX_PERCENT 100

/* The case that is timed: one at a time, by one thread. */
static struct {
	const struct bench_family *family;
	u64 percent;
} now;

static u64 with_more(u64 n)
{
	return n + (n * now.percent + 50) / 100;
}

static int find_percent(struct iopt_err *err)
{
	const char *text = getenv("IOPT_WORK");
	char *end;
	unsigned long percent;

	now.percent = 0;
	if (!text)
		return 0;
	percent = strtoul(text, &end, 10);
	if (end == text || *end || percent > MAX_PERCENT)
		return iopt_err_set(err, -EINVAL,
				    "IOPT_WORK=%s: not a percentage up to %d",
				    text, MAX_PERCENT);
	now.percent = percent;
	return 0;
}

static int setup(const struct bench_env *env, const struct bench_case *c,
		 enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	const struct bench_family *f = sound[c->family - working];
	int ret;

	if (phase == BENCH_TIME) {
		ret = find_percent(err);
		if (ret)
			return ret;
		now.family = f;
	}
	return f->setup(env, c, phase, ctx, err);
}

/* Of all sides the same, or they would not time the same sections. */
static u64 max_n(void *ctx)
{
	u64 most = now.family->max_n ? now.family->max_n(ctx) : 1u << 20;

	return most > 1 ? most * 100 / (100 + MAX_PERCENT) : most;
}

static int prepare(void *ctx, u64 n, struct iopt_err *err)
{
	return now.family->prepare(ctx, with_more(n), err);
}

static void run(void *ctx, u64 n)
{
	now.family->run(ctx, with_more(n));
}

static int check_after(void *ctx, u64 n, struct iopt_err *err)
{
	return now.family->check_after(ctx, with_more(n), err);
}

static int finish(void *ctx, u64 n, struct iopt_err *err)
{
	return now.family->finish(ctx, with_more(n), err);
}

static void __attribute__((constructor)) fill_families(void)
{
	for (int i = 0; i < NR_WORKING; i++) {
		struct bench_family *f = &working[i];

		*f = *sound[i];
		f->setup = setup;
		f->max_n = max_n;
		f->prepare = f->prepare ? prepare : NULL;
		f->run = run;
		f->check_after = f->check_after ? check_after : NULL;
		f->finish = f->finish ? finish : NULL;
	}
}
