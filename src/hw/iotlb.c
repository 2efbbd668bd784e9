// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOTLB.
 *
 * Models, Does not model, Source: see iotlb.h.
 */
#include "iotlb.h"

#include "lg2.h"

int iotlb_init(struct iotlb *iotlb, const struct iotlb_cfg *cfg,
	       struct iopt_err *err)
{
	struct iotlb tlb = { .pgsizes = cfg->pgsizes,
			     .is_strict = cfg->is_strict };
	int ret = tcache_init(&tlb.cache, &cfg->cache, err);

	if (ret)
		return ret;
	*iotlb = tlb;
	return 0;
}

void iotlb_fini(struct iotlb *iotlb)
{
	tcache_fini(&iotlb->cache);
}

/* The smallest entry, and how many there are. */
static struct tcache_entry *find(const struct iotlb *iotlb, struct hw_tag tag,
				 u64 iova, unsigned int *nr)
{
	struct tcache_entry *found = NULL;

	*nr = 0;
	for (u64 sizes = iotlb->pgsizes; sizes; sizes &= sizes - 1) {
		struct tcache_entry *entry =
			tcache_find(&iotlb->cache, tag, iova, lg2_low(sizes));

		if (!entry)
			continue;
		if (!found)
			found = entry;
		++*nr;
	}
	return found;
}

const struct tcache_entry *iotlb_peek(const struct iotlb *iotlb,
				      struct hw_tag tag, u64 iova)
{
	unsigned int nr;

	return find(iotlb, tag, iova, &nr);
}

const struct tcache_entry *iotlb_lookup(struct iotlb *iotlb, struct hw_tag tag,
					u64 iova)
{
	unsigned int nr;
	struct tcache_entry *entry = find(iotlb, tag, iova, &nr);

	if (!entry) {
		iotlb->nr_misses++;
		return NULL;
	}
	iotlb->nr_hits++;
	iotlb->nr_conflicts += nr > 1;
	tcache_touch(&iotlb->cache, entry);
	return entry;
}

void iotlb_fill(struct iotlb *iotlb, struct hw_tag tag, u64 iova,
		const struct walk_result *res)
{
	u64 offset = lg2_mask(res->lg2_size);
	struct tcache_entry entry = {
		.span = { .tag = tag,
			  .level = res->level,
			  .lg2_size = res->lg2_size,
			  .iova = iova & ~offset },
		.paddr = res->paddr & ~offset,
		.attrs = res->attrs,
		.prot = res->prot,
	};

	tcache_fill(&iotlb->cache, &entry);
}

u64 iotlb_invalidate(struct iotlb *iotlb, const struct hw_inval *inval)
{
	return tcache_invalidate(&iotlb->cache, inval, iotlb->is_strict);
}
