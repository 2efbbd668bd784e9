/* SPDX-License-Identifier: GPL-2.0-only */
/* The ranges of addresses that are mapped: an ordered set of intervals. */
#ifndef IOPT_LIVE_H
#define IOPT_LIVE_H

#include "types.h"

/**
 * struct live_range - A range of addresses, never empty.
 * @start: first address, in bytes
 * @last: last address, in bytes, inside the range
 */
struct live_range {
	u64 start;
	u64 last;
};

/**
 * struct live - A set of ranges that do not overlap; the caller owns it.
 * @root: tree of struct live_range by address, of libc's tsearch()
 * @nr_ranges: ranges in the set; two that touch stay two
 * @bytes: bytes in the set
 * @peak_ranges: largest @nr_ranges so far
 * @peak_bytes: largest @bytes so far
 *
 * Cost: each call is logarithmic in the ranges that are live; memory is
 * linear in them.
 */
struct live {
	void *root;
	u64 nr_ranges;
	u64 bytes;
	u64 peak_ranges;
	u64 peak_bytes;
};

IOPT_BEGIN_DECLS

/**
 * live_init() - Start with nothing live.
 * @live: caller's
 */
void live_init(struct live *live);

/**
 * live_add() - Make a range live.
 * @live: set
 * @iova: start in bytes
 * @size: bytes, not 0; the range ends at 2^64 or below
 *
 * Return: 0;
 * -EEXIST when a part of it is live, nothing is changed then;
 * -ENOMEM when there is no memory.
 */
int live_add(struct live *live, u64 iova, u64 size);

/**
 * live_find() - The lowest live piece of a range.
 * @live: set
 * @iova: start in bytes
 * @size: bytes, not 0; the range ends at 2^64 or below
 * @piece: set to the part of the lowest live range that lies inside
 *
 * Return: true; false when nothing of the range is live, @piece is untouched
 * then.
 */
bool live_find(const struct live *live, u64 iova, u64 size,
	       struct live_range *piece);

/**
 * live_remove() - Make a range no longer live.
 * @live: set
 * @iova: start in bytes
 * @size: bytes, not 0; the range ends at 2^64 or below
 * @removed: set to the bytes that were live
 *
 * Return: 0;
 * -ENOMEM when a range had to be cut in two and there is no memory for it;
 * nothing is changed then.
 */
int live_remove(struct live *live, u64 iova, u64 size, u64 *removed);

/**
 * live_fini() - Free what a set holds.
 * @live: set
 */
void live_fini(struct live *live);

IOPT_END_DECLS

#endif
