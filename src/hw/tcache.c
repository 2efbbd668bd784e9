// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tagged, set-associative cache of translations.
 *
 * Models, Does not model: see tcache.h.
 */
#include "tcache.h"

#include "lg2.h"

#include <errno.h>
#include <stdlib.h>

int tcache_init(struct tcache *cache, const struct tcache_cfg *cfg,
		struct iopt_err *err)
{
	struct tcache_entry *entries = NULL;

	if (!cfg->nr_sets != !cfg->nr_ways)
		return iopt_err_set(err, -EINVAL,
				    "%u sets of %u ways: neither may be 0, "
				    "or both",
				    cfg->nr_sets, cfg->nr_ways);
	if (cfg->nr_sets && !is_pow2(cfg->nr_sets))
		return iopt_err_set(err, -EINVAL, "%u sets: not a power of two",
				    cfg->nr_sets);
	if (cfg->nr_sets) {
		entries = calloc((size_t)cfg->nr_sets * cfg->nr_ways,
				 sizeof(*entries));
		if (!entries)
			return iopt_err_set(err, -ENOMEM,
					    "no memory for %u sets of %u ways",
					    cfg->nr_sets, cfg->nr_ways);
	}
	*cache = (struct tcache){ .cfg = *cfg, .entries = entries };
	rng_init(&cache->rng, cfg->seed);
	return 0;
}

void tcache_fini(struct tcache *cache)
{
	free(cache->entries);
	cache->entries = NULL;
}

/* First entry of the set of a page; the cache has sets. */
static struct tcache_entry *set_of(const struct tcache *cache, u64 iova,
				   unsigned int lg2_size)
{
	u64 set = (iova >> lg2_size) & (cache->cfg.nr_sets - 1);

	return cache->entries + set * cache->cfg.nr_ways;
}

struct tcache_entry *tcache_find(const struct tcache *cache, struct hw_tag tag,
				 u64 iova, unsigned int lg2_size)
{
	u64 base = iova & ~lg2_mask(lg2_size);
	struct tcache_entry *set;

	if (!cache->entries)
		return NULL;
	set = set_of(cache, iova, lg2_size);
	for (unsigned int i = 0; i < cache->cfg.nr_ways; i++) {
		struct tcache_entry *entry = &set[i];

		if (entry->is_valid && entry->span.iova == base &&
		    entry->span.lg2_size == lg2_size &&
		    hw_tag_eq(entry->span.tag, tag))
			return entry;
	}
	return NULL;
}

void tcache_touch(struct tcache *cache, struct tcache_entry *entry)
{
	entry->stamp = ++cache->clock;
}

/* A free entry if there is one, else the one that makes room. */
static struct tcache_entry *victim(struct tcache *cache,
				   struct tcache_entry *set)
{
	struct tcache_entry *oldest = set;

	for (unsigned int i = 0; i < cache->cfg.nr_ways; i++) {
		if (!set[i].is_valid)
			return &set[i];
		if (set[i].stamp < oldest->stamp)
			oldest = &set[i];
	}
	cache->nr_evictions++;
	if (cache->cfg.replace == TCACHE_RANDOM)
		return &set[rng_below(&cache->rng, cache->cfg.nr_ways)];
	return oldest;
}

void tcache_fill(struct tcache *cache, const struct tcache_entry *entry)
{
	const struct hw_span *span = &entry->span;
	struct tcache_entry *slot;

	if (!cache->entries)
		return;
	slot = tcache_find(cache, span->tag, span->iova, span->lg2_size);
	if (!slot)
		slot = victim(cache, set_of(cache, span->iova, span->lg2_size));
	*slot = *entry;
	slot->is_valid = true;
	slot->is_stale = false;
	cache->nr_fills++;
	tcache_touch(cache, slot);
}

u64 tcache_invalidate(struct tcache *cache, const struct hw_inval *inval,
		      bool is_strict)
{
	u64 nr = 0;

	for (size_t i = 0; i < tcache_nr_entries(cache); i++) {
		struct tcache_entry *entry = &cache->entries[i];

		if (!entry->is_valid ||
		    !hw_inval_hits(inval, &entry->span, is_strict))
			continue;
		entry->is_valid = false;
		nr++;
	}
	cache->nr_invalidated += nr;
	return nr;
}

u64 tcache_reach_bytes(const struct tcache *cache)
{
	u64 bytes = 0;

	for (size_t i = 0; i < tcache_nr_entries(cache); i++)
		if (cache->entries[i].is_valid)
			bytes += 1ull << cache->entries[i].span.lg2_size;
	return bytes;
}
