// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor: filling and clearing page-table entries with plain stores.
 *
 * Question: what would an operation cost if a page table were nothing but an
 *	array? Each entry takes one 8-byte store, since a walker must never see
 *	half a descriptor; no walk, no check, no barrier, no invalidation.
 * What a reader learns: a map or unmap of the same count reads as a multiple
 *	of this. The granule decides how many entries "full" is, and the step
 *	of the addresses that are written.
 */
#include "families.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "barrier.h"
#include "sizes.h"

#define BUFFER_BYTES SZ_2M
#define NR_ENTRIES   (BUFFER_BYTES / sizeof(u64))
#define ATTRS	     0x767ull /* a leaf's low bits: valid, AF, shareable */

/**
 * struct limit - Context of a case.
 * @arena: where @entries are from
 * @entries: NR_ENTRIES of them
 * @is_fill: the operation fills, otherwise it clears
 * @count: entries of one operation
 * @step: bytes from one filled address to the next
 */
struct limit {
	struct arena *arena;
	u64 *entries;
	bool is_fill;
	size_t count;
	u64 step;
};

static __attribute__((noinline)) void fill(u64 *entry, size_t count, u64 paddr,
					   u64 step)
{
	for (size_t i = 0; i < count; i++)
		WRITE_ONCE(entry[i], (paddr + i * step) | ATTRS);
}

static __attribute__((noinline)) void clear(u64 *entry, size_t count)
{
	for (size_t i = 0; i < count; i++)
		WRITE_ONCE(entry[i], 0);
}

static u64 address(const struct limit *l, u64 op)
{
	return SZ_4T + op * l->count * l->step;
}

static void fill_all(struct limit *l, u64 n)
{
	for (u64 op = 0; op < n; op++)
		fill(l->entries + op * l->count, l->count, address(l, op),
		     l->step);
}

static void clear_all(struct limit *l, u64 n)
{
	for (u64 op = 0; op < n; op++)
		clear(l->entries + op * l->count, l->count);
}

static bool limit_check(const struct bench_env *env, struct bench_case *c)
{
	(void)env;
	c->set = bench_is(c, "granule", "4K") ? BENCH_QUICK : BENCH_DEFAULT;
	return true;
}

static int limit_setup(const struct bench_env *env, const struct bench_case *c,
		       enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	struct limit *l = calloc(1, sizeof(*l));

	(void)phase;
	if (!l)
		return iopt_err_set(err, -ENOMEM, "no memory");
	l->arena = env->arena;
	l->entries = arena_alloc(env->arena, BUFFER_BYTES);
	if (!l->entries) {
		free(l);
		return iopt_err_set(err, -ENOMEM, "no arena memory");
	}
	l->is_fill = bench_is(c, "op", "fill");
	l->step = bench_size(c, "granule");
	l->count = bench_is(c, "count", "full") ?
			   l->step / sizeof(u64) :
			   (size_t)strtoul(bench_value(c, "count"), NULL, 10);
	*ctx = l;
	return 0;
}

static void limit_teardown(void *ctx)
{
	struct limit *l = ctx;

	arena_free(l->arena, l->entries, BUFFER_BYTES);
	free(l);
}

static u64 limit_max_n(void *ctx)
{
	const struct limit *l = ctx;

	return NR_ENTRIES / l->count;
}

static int limit_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct limit *l = ctx;

	(void)err;
	if (l->is_fill)
		clear_all(l, n);
	else
		fill_all(l, n);
	return 0;
}

static void limit_run(void *ctx, u64 n)
{
	struct limit *l = ctx;

	if (l->is_fill)
		fill_all(l, n);
	else
		clear_all(l, n);
}

/* The first @n operations were done, and nothing else. */
static int limit_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	const struct limit *l = ctx;

	for (u64 i = 0; i < n * l->count; i++) {
		u64 want =
			l->is_fill ? (address(l, 0) + i * l->step) | ATTRS : 0;

		if (l->entries[i] != want)
			return iopt_err_set(
				err, -EINVAL,
				"entry %llu is %#llx, expected %#llx",
				(unsigned long long)i,
				(unsigned long long)l->entries[i],
				(unsigned long long)want);
	}
	return 0;
}

static int limit_verify(void *ctx, struct iopt_err *err)
{
	struct limit *l = ctx;
	const u64 behind = 3 * l->count;
	int ret;

	limit_prepare(l, 3, err);
	l->entries[behind] = ATTRS;
	limit_run(l, 3);
	ret = limit_check_after(l, 3, err);
	if (!ret && l->entries[behind] != ATTRS)
		ret = iopt_err_set(err, -EINVAL,
				   "the entry behind the last was written");
	return ret;
}

static int limit_count(void *ctx, struct bench_counts *counts,
		       struct iopt_err *err)
{
	struct limit *l = ctx;
	u64 nr_changed = 0;

	limit_prepare(l, 2, err);
	limit_run(l, 1);
	for (size_t i = 0; i < 2 * l->count; i++)
		nr_changed += !l->entries[i] != l->is_fill;
	if (nr_changed != l->count)
		return iopt_err_set(err, -EINVAL,
				    "%llu entries changed, expected %zu",
				    (unsigned long long)nr_changed, l->count);
	bench_count(counts, "pte_writes", (double)nr_changed);
	bench_count(counts, "calls", 1);
	return 0;
}

static const char *const ops[] = { "fill", "clear", NULL };
static const char *const granules[] = { "4K", "16K", "64K", NULL };
static const char *const nr_entries[] = { "1", "16", "256", "full", NULL };

static const struct bench_key keys[] = {
	{ .name = "op", .values = ops },
	{ .name = "granule", .values = granules },
	{ .name = "count", .values = nr_entries },
	{ .name = NULL },
};

const struct bench_family limit_family = {
	.name = "limit",
	.question = "the floor: filling and clearing the same entries with "
		    "plain stores",
	.keys = keys,
	.check = limit_check,
	.setup = limit_setup,
	.teardown = limit_teardown,
	.verify = limit_verify,
	.count = limit_count,
	.max_n = limit_max_n,
	.prepare = limit_prepare,
	.run = limit_run,
	.check_after = limit_check_after,
};
