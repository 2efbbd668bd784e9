// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table walker.
 *
 * Models, Does not model, Source: see walker.h.
 */
#include "walker.h"

#include "barrier.h"
#include "lpae_fmt.h"

#define LG2_4K	12
#define LG2_16K 14
#define LG2_64K 16

/* What of a leaf's attributes break-before-make and a cached entry mind. */
#define S1_ATTRS ((7ull << 2) | LPAE_SH_IS | LPAE_S1_NG)
#define S2_ATTRS ((0xfull << 2) | LPAE_SH_IS)
#define XN_BIT	 (1ull << 54) /* UXN at stage 1, XN[1] at stage 2 */

void walk_table_init(struct walk_table *table, const struct pgtable *pgt)
{
	const struct pgtable_cfg *cfg = &pgt->cfg;

	*table = (struct walk_table){
		.root_paddr =
			(u64)(uintptr_t)pgt->root + arena_pa_offset(cfg->arena),
		.lg2_granule = lg2_floor(cfg->granule),
		.oas = cfg->oas,
		.start_level = pgt->geo.start_level,
		.stage = cfg->stage,
		.decode = walk_decode_lpae,
		.arena = cfg->arena,
	};
	/* What the table reaches, which may be less than it could grow to. */
	table->ias = walk_shift(table, table->start_level) + pgt->geo.top_bits;
	if (pgt->geo.format == PGTABLE_AMDV1) {
		table->decode = walk_decode_amdv1;
		table->lg2_copies = WALK_AMDV1_LG2_COPIES;
	}
}

const u64 *walk_map(const struct walk_table *table, u64 paddr, size_t bytes)
{
	const char *p =
		(const char *)(uintptr_t)(paddr -
					  arena_pa_offset(table->arena));

	if (!arena_owns(table->arena, p) ||
	    !arena_owns(table->arena, p + bytes - 1))
		return NULL;
	return (const u64 *)p;
}

__attribute__((noinline, no_sanitize("address"))) u64 walk_read(const u64 *slot)
{
	return READ_ONCE(*slot);
}

static bool may_be_block(const struct walk_table *table, unsigned int level)
{
	switch (table->lg2_granule) {
	case LG2_4K:
		return level == 1 || level == 2;
	case LG2_16K:
		return level == 2;
	default:
		return level == 2 || (level == 1 && table->oas == 52);
	}
}

static u64 desc_paddr(const struct walk_table *table, u64 desc,
		      unsigned int lg2_size)
{
	u64 paddr = desc & lg2_mask(48) & ~lg2_mask(lg2_size);

	if (table->lg2_granule == LG2_64K)
		paddr |= (desc >> 12 & 0xf) << 48;
	return paddr;
}

static int prot_of(const struct walk_table *table, u64 desc)
{
	int prot = desc & XN_BIT ? IOMMU_NOEXEC : 0;

	if (table->stage == 2) {
		if (desc & LPAE_S2_HAP_READ)
			prot |= IOMMU_READ;
		if (desc & LPAE_S2_HAP_WRITE)
			prot |= IOMMU_WRITE;
		return prot;
	}
	prot |= IOMMU_READ;
	if (!(desc & LPAE_S1_AP_RDONLY))
		prot |= IOMMU_WRITE;
	if (!(desc & LPAE_S1_AP_UNPRIV))
		prot |= IOMMU_PRIV;
	return prot;
}

static struct walk_desc none(enum walk_fault fault)
{
	return (struct walk_desc){ .kind = WALK_NONE, .fault = fault };
}

struct walk_desc walk_decode_lpae(const struct walk_table *table, u64 desc,
				  unsigned int level)
{
	bool is_last = level == WALK_NR_LEVELS - 1;
	bool has_bit_1 = desc & 2;
	struct walk_desc d = { .lg2_size = (u8)walk_shift(table, level) };

	if (!(desc & LPAE_VALID) || (is_last && !has_bit_1) ||
	    (!has_bit_1 && !may_be_block(table, level)))
		return none(WALK_TRANSLATION);
	d.kind = !is_last && has_bit_1 ? WALK_TABLE : WALK_LEAF;
	d.paddr = desc_paddr(table, desc,
			     d.kind == WALK_TABLE ? table->lg2_granule :
						    d.lg2_size);
	if (d.paddr >> table->oas)
		return none(WALK_ADDRESS_SIZE);
	if (d.kind == WALK_TABLE)
		return d;
	if (!(desc & LPAE_AF))
		return none(WALK_ACCESS_FLAG);
	d.attrs = desc & (table->stage == 1 ? S1_ATTRS : S2_ATTRS);
	d.prot = prot_of(table, desc);
	return d;
}

/* The descriptor of @level for an address, in the table at @paddr. */
static struct walk_desc read_desc(const struct walk_table *table, u64 paddr,
				  u64 iova, unsigned int level)
{
	u64 index = (iova >> walk_shift(table, level)) &
		    lg2_mask(walk_index_bits(table, level));
	const u64 *slot =
		walk_map(table, paddr + index * sizeof(*slot), sizeof(*slot));

	if (!slot)
		return none(WALK_EXTERNAL);
	return table->decode(table, walk_read(slot), level);
}

/* The deepest table known: sets its level, returns its address. */
static u64 start_of(struct walker *walker, const struct walk_table *table,
		    struct hw_tag tag, u64 iova, unsigned int *level)
{
	for (unsigned int i = WALK_NR_LEVELS - 1; i > table->start_level; i--) {
		struct tcache *cache = &walker->caches[i - 1];
		struct tcache_entry *entry =
			tcache_find(cache, tag, iova, walk_shift(table, i - 1));

		if (!entry)
			continue;
		tcache_touch(cache, entry);
		walker->nr_hits[i - 1]++;
		*level = i;
		return entry->paddr;
	}
	*level = table->start_level;
	return table->root_paddr;
}

static void keep_table(struct walker *walker, struct hw_tag tag, u64 iova,
		       const struct walk_desc *d, unsigned int level)
{
	struct tcache_entry entry = {
		.span = { .tag = tag,
			  .is_table = true,
			  .level = (u8)level,
			  .lg2_size = d->lg2_size,
			  .iova = iova & ~lg2_mask(d->lg2_size) },
		.paddr = d->paddr,
	};

	tcache_fill(&walker->caches[level], &entry);
}

/* @walker may be NULL: no caches. */
static enum walk_fault walk(struct walker *walker,
			    const struct walk_table *table, struct hw_tag tag,
			    u64 iova, struct walk_result *res)
{
	unsigned int level = table->start_level;
	u64 paddr = table->root_paddr;
	struct walk_desc d;

	*res = (struct walk_result){ .level = (u8)level };
	if (iova >> table->ias)
		return res->fault = WALK_TRANSLATION;
	if (walker)
		paddr = start_of(walker, table, tag, iova, &level);
	for (;; level++) {
		d = read_desc(table, paddr, iova, level);
		res->level = (u8)level;
		res->nr_reads++;
		if (d.kind != WALK_TABLE)
			break;
		if (walker)
			keep_table(walker, tag, iova, &d, level);
		paddr = d.paddr;
	}
	res->fault = d.fault;
	if (d.kind != WALK_LEAF)
		return res->fault;
	res->lg2_size = d.lg2_size;
	res->paddr = d.paddr | (iova & lg2_mask(d.lg2_size));
	res->attrs = d.attrs;
	res->prot = d.prot;
	return res->fault;
}

enum walk_fault walk_lookup(const struct walk_table *table, u64 iova,
			    struct walk_result *res)
{
	return walk(NULL, table, (struct hw_tag){ 0 }, iova, res);
}

struct walk_desc walk_find(const struct walk_table *table, u64 iova,
			   unsigned int level)
{
	u64 paddr = table->root_paddr;

	if (iova >> table->ias || level < table->start_level)
		return none(WALK_TRANSLATION);
	for (unsigned int l = table->start_level;; l++) {
		struct walk_desc d = read_desc(table, paddr, iova, l);

		if (l == level || d.kind == WALK_NONE)
			return d;
		if (d.kind == WALK_LEAF)
			return none(WALK_TRANSLATION);
		paddr = d.paddr;
	}
}

const char *walk_fault_name(enum walk_fault fault)
{
	static const char *const names[] = {
		"ok",	       "translation", "address-size",
		"access-flag", "permission",  "external",
	};

	return names[fault];
}

int walker_init(struct walker *walker, const struct walker_cfg *cfg,
		struct iopt_err *err)
{
	struct walker w = { 0 };
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(w.caches); i++) {
		struct tcache_cfg cache = {
			.nr_sets = cfg->nr_entries[i] ? 1 : 0,
			.nr_ways = cfg->nr_entries[i],
			.replace = cfg->replace,
			.seed = cfg->seed + i,
		};

		ret = tcache_init(&w.caches[i], &cache, err);
		if (ret) {
			walker_fini(&w);
			return ret;
		}
	}
	*walker = w;
	return 0;
}

void walker_fini(struct walker *walker)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(walker->caches); i++)
		tcache_fini(&walker->caches[i]);
}

enum walk_fault walker_walk(struct walker *walker,
			    const struct walk_table *table, struct hw_tag tag,
			    u64 iova, struct walk_result *res)
{
	walk(walker, table, tag, iova, res);
	walker->nr_walks++;
	walker->nr_reads += res->nr_reads;
	return res->fault;
}

u64 walker_invalidate(struct walker *walker, const struct hw_inval *inval)
{
	u64 nr = 0;

	/* Only leaves have the level that TTL names. */
	for (unsigned int i = 0; i < ARRAY_SIZE(walker->caches); i++)
		nr += tcache_invalidate(&walker->caches[i], inval, true);
	return nr;
}
