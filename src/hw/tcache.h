/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tagged, set-associative cache of translations: the array under the IOTLB
 * and under each walk cache.
 *
 * Models: sets, ways, least-recently-used or pseudo-random replacement, entries
 *	of several sizes in one array, each in the set that its own size picks.
 * Does not model: banks, ports, prefetch, entries that merge contiguous pages;
 *	hashed set indices (the set is the low bits of the page number).
 */
#ifndef IOPT_TCACHE_H
#define IOPT_TCACHE_H

#include "err.h"
#include "hw_inval.h"
#include "rng.h"

/* Which entry of a full set makes room. */
enum tcache_replace {
	TCACHE_LRU,    /* the one not used for longest */
	TCACHE_RANDOM, /* any, from a seeded generator */
};

/**
 * struct tcache_cfg - Shape of a cache.
 * @nr_sets: a power of two; 0 with @nr_ways 0 makes a cache that holds nothing
 * @nr_ways: entries in a set
 * @replace: replacement
 * @seed: of TCACHE_RANDOM
 */
struct tcache_cfg {
	unsigned int nr_sets;
	unsigned int nr_ways;
	enum tcache_replace replace;
	u64 seed;
};

/**
 * struct tcache_entry - A cached translation.
 * @span: what it stands for
 * @paddr: output address of @span.iova, or physical address of the next table
 * @attrs: attributes as the format gives them; 0 for a table
 * @prot: IOMMU_READ and friends; 0 for a table
 * @is_valid: false for a free entry
 * @is_stale: the coherence oracle has seen, and counted, that it is stale
 * @stamp: time of the last use
 */
struct tcache_entry {
	struct hw_span span;
	u64 paddr;
	u64 attrs;
	int prot;
	bool is_valid;
	bool is_stale;
	u64 stamp;
};

/**
 * struct tcache - A cache; the caller owns it.
 * @cfg: shape
 * @entries: nr_sets * nr_ways of them, a set after the other
 * @clock: time in uses
 * @rng: for replacement
 * @nr_fills: entries written
 * @nr_evictions: valid entries that made room for another
 * @nr_invalidated: entries removed by invalidation
 */
struct tcache {
	struct tcache_cfg cfg;
	struct tcache_entry *entries;
	u64 clock;
	struct rng rng;
	u64 nr_fills;
	u64 nr_evictions;
	u64 nr_invalidated;
};

IOPT_BEGIN_DECLS

/**
 * tcache_init() - Make an empty cache.
 * @cache: caller's; tcache_fini() when done
 * @cfg: shape; copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the number of sets is no power of two, or of two numbers only
 * one is 0;
 * -ENOMEM when there is no memory.
 */
int tcache_init(struct tcache *cache, const struct tcache_cfg *cfg,
		struct iopt_err *err);

/**
 * tcache_fini() - Free what a cache holds.
 * @cache: cache; may be all zero
 */
void tcache_fini(struct tcache *cache);

/**
 * tcache_find() - Find an entry of one size; no use is noted.
 * @cache: cache
 * @tag: whose
 * @iova: any address in it
 * @lg2_size: lg2 of the bytes that it covers
 *
 * Cost: reads one set.
 *
 * Return: the entry, the cache's; NULL when there is none.
 */
struct tcache_entry *tcache_find(const struct tcache *cache, struct hw_tag tag,
				 u64 iova, unsigned int lg2_size);

/**
 * tcache_touch() - Note that an entry was used.
 * @cache: cache
 * @entry: one of its entries
 */
void tcache_touch(struct tcache *cache, struct tcache_entry *entry);

/**
 * tcache_fill() - Put an entry in, in the place of one that makes room.
 * @cache: cache
 * @entry: what to put in; is_valid, is_stale and stamp are not read
 *
 * An entry for the same addresses, size and tag is overwritten.
 */
void tcache_fill(struct tcache *cache, const struct tcache_entry *entry);

/**
 * tcache_invalidate() - Remove what an invalidation hits.
 * @cache: cache
 * @inval: invalidation
 * @is_strict: see hw_inval_hits()
 *
 * Cost: reads every entry.
 *
 * Return: how many entries went.
 */
u64 tcache_invalidate(struct tcache *cache, const struct hw_inval *inval,
		      bool is_strict);

/**
 * tcache_reach_bytes() - Addresses that the valid entries cover.
 * @cache: cache
 *
 * Return: the sum of their sizes in bytes.
 */
u64 tcache_reach_bytes(const struct tcache *cache);

/**
 * tcache_nr_entries() - Number of entries, free ones too.
 * @cache: cache
 */
static inline size_t tcache_nr_entries(const struct tcache *cache)
{
	return (size_t)cache->cfg.nr_sets * cache->cfg.nr_ways;
}

IOPT_END_DECLS

#endif
