// SPDX-License-Identifier: GPL-2.0-only
/* What invalidation costs: prices applied to counts. */
#include "cost.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const char *const item_names[COST_NR_ITEMS] = {
	[COST_ISSUE] = "issue",
	[COST_EXEC] = "exec",
	[COST_CONTEXT_ISSUE] = "context_issue",
	[COST_CONTEXT_EXEC] = "context_exec",
	[COST_ATC_ISSUE] = "atc_issue",
	[COST_ATC_EXEC] = "atc_exec",
	[COST_SYNC] = "sync",
	[COST_SUBMIT] = "submit",
	[COST_CALL] = "call",
	[COST_CLEAR] = "clear",
	[COST_UNPIN_4K] = "unpin_4k",
	[COST_UNPIN_2M] = "unpin_2m",
};

static const enum cost_item issue_of[TLB_NR_CLASSES] = {
	[TLB_CLASS_ADDR] = COST_ISSUE,
	[TLB_CLASS_CONTEXT] = COST_CONTEXT_ISSUE,
	[TLB_CLASS_ATC] = COST_ATC_ISSUE,
};

static const enum cost_item exec_of[TLB_NR_CLASSES] = {
	[TLB_CLASS_ADDR] = COST_EXEC,
	[TLB_CLASS_CONTEXT] = COST_CONTEXT_EXEC,
	[TLB_CLASS_ATC] = COST_ATC_EXEC,
};

const char *cost_item_name(enum cost_item item)
{
	return item_names[item];
}

const char *cost_interface_name(enum cost_interface interface)
{
	static const char *const names[] = { "smmuv3", "smmuv2", "none" };

	return names[interface];
}

/* *@sum += @n * @price; false when that does not fit. */
static bool add(u64 *sum, u64 n, u64 price)
{
	u64 product;

	return !__builtin_mul_overflow(n, price, &product) &&
	       !__builtin_add_overflow(*sum, product, sum);
}

/* The larger of what the CPU and what the hardware spend on commands. */
static bool pipeline(const struct cost_profile *profile,
		     const u64 nr[TLB_NR_CLASSES], u64 *ps)
{
	u64 issue = 0, exec = 0;

	for (int i = 0; i < TLB_NR_CLASSES; i++)
		if (!add(&issue, nr[i], profile->items[issue_of[i]].ps) ||
		    !add(&exec, nr[i], profile->items[exec_of[i]].ps))
			return false;
	*ps = issue > exec ? issue : exec;
	return true;
}

int cost_sim_ps(const struct cost_profile *profile,
		const struct tlb_counters *c, u64 *ps)
{
	u64 sum = 0, one;

	if (c->nr_lost)
		return -ENOMEM;
	for (u32 i = 0; i < c->nr_segments; i++)
		if (!pipeline(profile, c->segments[i].nr, &one) ||
		    !add(&sum, c->segments[i].count, one))
			return -ERANGE;
	if (!pipeline(profile, c->open, &one) || !add(&sum, 1, one) ||
	    !add(&sum, c->nr_syncs, profile->items[COST_SYNC].ps) ||
	    !add(&sum, c->nr_pushes, profile->items[COST_SUBMIT].ps))
		return -ERANGE;
	*ps = sum;
	return 0;
}

/* The line through (@x0, @y0) and (@x1, @y1), at @x between them. */
static u64 between(u64 x0, u64 y0, u64 x1, u64 y1, u64 x)
{
	if (y1 >= y0)
		return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
	return y0 - (y0 - y1) * (x - x0) / (x1 - x0);
}

int cost_contention(const struct cost_profile *profile, u32 threads,
		    struct cost_contention *row)
{
	const struct cost_contention *t = profile->contention;
	u32 nr = profile->nr_contention, i = 1;

	if (!nr)
		return -ENOENT;
	if (threads < t[0].threads || threads > t[nr - 1].threads)
		return -ERANGE;
	if (threads == t[0].threads) {
		*row = t[0];
		return 0;
	}
	while (t[i].threads < threads)
		i++;
	*row = t[i];
	if (t[i].threads == threads)
		return 0;
	*row = (struct cost_contention){
		.threads = threads,
		.unmap_ps = between(t[i - 1].threads, t[i - 1].unmap_ps,
				    t[i].threads, t[i].unmap_ps, threads),
		.cmdlist_ps = between(t[i - 1].threads, t[i - 1].cmdlist_ps,
				      t[i].threads, t[i].cmdlist_ps, threads),
		.sync_ps = between(t[i - 1].threads, t[i - 1].sync_ps,
				   t[i].threads, t[i].sync_ps, threads),
		.is_interpolated = true,
	};
	return 0;
}

const char *cost_ns_text(u64 ps, char text[COST_NS_TEXT_MAX])
{
	u64 rest = ps % 1000;
	int digits = 3;

	if (!rest) {
		snprintf(text, COST_NS_TEXT_MAX, "%" PRIu64, ps / 1000);
		return text;
	}
	while (rest % 10 == 0) {
		rest /= 10;
		digits--;
	}
	snprintf(text, COST_NS_TEXT_MAX, "%" PRIu64 ".%0*" PRIu64, ps / 1000,
		 digits, rest);
	return text;
}
