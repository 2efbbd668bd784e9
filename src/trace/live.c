// SPDX-License-Identifier: GPL-2.0-only
/* The ranges of addresses that are mapped: an ordered set of intervals. */
#include "live.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

/*
 * What seek_cmp() looks for, and what it finds on its way down the tree. The
 * range is first, since tsearch() hands both keys as the same type.
 */
struct seek {
	struct live_range want;
	struct live_range *found;
};

/* Order of the tree. Ranges of the set do not overlap: the start decides. */
static int range_cmp(const void *a, const void *b)
{
	const struct live_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Never equal, so that tfind() goes down to a leaf: to the left of each range
 * that ends at or after the wanted start, noting it. The last one noted is
 * the lowest. The key comes first, in glibc as in musl.
 */
static int seek_cmp(const void *key, const void *node)
{
	struct seek *seek = (struct seek *)(uintptr_t)key;
	const struct live_range *range = node;

	if (range->last < seek->want.start)
		return 1;
	seek->found = (struct live_range *)(uintptr_t)range;
	return -1;
}

/* The lowest range of the set that touches [start, last], or NULL. */
static struct live_range *lowest_hit(const struct live *live, u64 start,
				     u64 last)
{
	struct seek seek = { .want = { start, last } };

	tfind(&seek, &live->root, seek_cmp);
	if (!seek.found || seek.found->start > last)
		return NULL;
	return seek.found;
}

static int insert(struct live *live, u64 start, u64 last)
{
	struct live_range *range = malloc(sizeof(*range));

	if (!range)
		return -ENOMEM;
	*range = (struct live_range){ start, last };
	if (!tsearch(range, &live->root, range_cmp)) {
		free(range);
		return -ENOMEM;
	}
	live->nr_ranges++;
	if (live->peak_ranges < live->nr_ranges)
		live->peak_ranges = live->nr_ranges;
	return 0;
}

void live_init(struct live *live)
{
	*live = (struct live){ .root = NULL };
}

int live_add(struct live *live, u64 iova, u64 size)
{
	u64 last = iova + size - 1;
	int ret;

	if (lowest_hit(live, iova, last))
		return -EEXIST;
	ret = insert(live, iova, last);
	if (ret)
		return ret;
	live->bytes += size;
	if (live->peak_bytes < live->bytes)
		live->peak_bytes = live->bytes;
	return 0;
}

bool live_find(const struct live *live, u64 iova, u64 size,
	       struct live_range *piece)
{
	u64 last = iova + size - 1;
	const struct live_range *hit = lowest_hit(live, iova, last);

	if (!hit)
		return false;
	piece->start = hit->start > iova ? hit->start : iova;
	piece->last = hit->last < last ? hit->last : last;
	return true;
}

int live_remove(struct live *live, u64 iova, u64 size, u64 *removed)
{
	u64 last = iova + size - 1;
	u64 before = live->bytes;
	struct live_range *hit = lowest_hit(live, iova, last);
	u64 hit_last;
	int ret;

	if (hit && hit->start < iova) {
		/* Its start stays: shortening it does not move it. */
		hit_last = hit->last;
		hit->last = iova - 1;
		ret = hit_last > last ? insert(live, last + 1, hit_last) : 0;
		if (ret) {
			hit->last = hit_last;
			return ret;
		}
		live->bytes -= (hit_last < last ? hit_last : last) - iova + 1;
	}
	while ((hit = lowest_hit(live, iova, last)) != NULL) {
		if (hit->last > last) {
			/* Nothing lies between, so that the order holds. */
			live->bytes -= last + 1 - hit->start;
			hit->start = last + 1;
			break;
		}
		live->bytes -= hit->last - hit->start + 1;
		live->nr_ranges--;
		tdelete(hit, &live->root, range_cmp);
		free(hit);
	}
	*removed = before - live->bytes;
	return 0;
}

void live_fini(struct live *live)
{
	tdestroy(live->root, free);
	live->root = NULL;
}
