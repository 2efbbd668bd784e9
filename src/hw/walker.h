/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table walker: reads raw descriptors from the root, with walk caches.
 *
 * It knows no engine: what it is given is what an SMMU is given, the physical
 * address of the top table, granule, address sizes, start level and stage.
 *
 * Models: the VMSAv8-64 translation table walk of one stage; its faults; walk
 *	caches that keep table descriptors, one cache a level. The same walk
 *	over AMD's version 1 tables, see walker_amdv1.c.
 * Does not model: hierarchical permissions (APTable), contiguous hint, hardware
 *	update of AF and dirty state, FEAT_LPA2, nested translation; time.
 * Source: Arm ARM DDI 0487, D8.2 "Translation process", D8.3 "Translation
 *	table descriptor formats"; Arm SMMUv3 specification, IHI 0070, 3.4.
 */
#ifndef IOPT_WALKER_H
#define IOPT_WALKER_H

#include "pgtable.h"
#include "tcache.h"

#define WALK_NR_LEVELS 4

/* lg2 of the most entries that one leaf of AMD's version 1 takes. */
#define WALK_AMDV1_LG2_COPIES 8

/* Why a translation fails. */
enum walk_fault {
	WALK_OK,
	WALK_TRANSLATION,  /* no valid descriptor, or @iova is too large */
	WALK_ADDRESS_SIZE, /* an output address has more bits than allowed */
	WALK_ACCESS_FLAG,  /* AF is 0 */
	WALK_PERMISSION,   /* the access is not allowed */
	WALK_EXTERNAL,	   /* a descriptor lies outside memory */
};

/* What a descriptor is to the walker. */
enum walk_kind {
	WALK_NONE, /* a fault; never cached */
	WALK_TABLE,
	WALK_LEAF,
};

/**
 * struct walk_desc - A descriptor taken apart.
 * @kind: what it is
 * @fault: WALK_OK, or with WALK_NONE why it faults
 * @lg2_size: lg2 of the bytes that it covers; of a leaf that is in several
 *	descriptors, of all of it
 * @paddr: of the next table or of the first byte of the leaf
 * @attrs: leaf: memory type, shareability and nG, as they lie in the descriptor
 * @prot: leaf: IOMMU_READ, _WRITE, _NOEXEC, _PRIV
 */
struct walk_desc {
	enum walk_kind kind;
	enum walk_fault fault;
	u8 lg2_size;
	u64 paddr;
	u64 attrs;
	int prot;
};

struct walk_table;

typedef struct walk_desc walk_decode_fn(const struct walk_table *table,
					u64 desc, unsigned int level);

/**
 * struct walk_table - What the hardware is told of a table.
 * @root_paddr: physical address of the top table (TTBR)
 * @lg2_granule: lg2 of the smallest page in bytes (TG)
 * @ias: input address bits (64 - TxSZ; AMD: what the table's mode reaches)
 * @oas: output address bits (IPS, PS)
 * @start_level: level of the top table (implied at stage 1, SL0 at stage 2)
 * @stage: 1 or 2
 * @decode: format of the descriptors
 * @lg2_copies: lg2 of the most descriptors that one leaf takes, aligned to them
 * @arena: memory; reads outside it are external aborts
 */
struct walk_table {
	u64 root_paddr;
	unsigned int lg2_granule;
	unsigned int ias;
	unsigned int oas;
	unsigned int start_level;
	unsigned int stage;
	walk_decode_fn *decode;
	unsigned int lg2_copies;
	const struct arena *arena;
};

/**
 * struct walk_result - A translation, or why there is none.
 * @fault: WALK_OK when the rest of the leaf's members is set
 * @level: of the last descriptor read
 * @nr_reads: descriptors read from memory
 * @lg2_size: lg2 of the leaf's bytes
 * @paddr: output address of the address asked for, in bytes
 * @attrs: see struct walk_desc
 * @prot: see struct walk_desc
 */
struct walk_result {
	enum walk_fault fault;
	u8 level;
	u8 nr_reads;
	u8 lg2_size;
	u64 paddr;
	u64 attrs;
	int prot;
};

/**
 * struct walker_cfg - The walk caches.
 * @nr_entries: entries of the cache of each level's table descriptors; fully
 *	associative, 0 for none
 * @replace: replacement
 * @seed: of TCACHE_RANDOM
 */
struct walker_cfg {
	unsigned int nr_entries[WALK_NR_LEVELS - 1];
	enum tcache_replace replace;
	u64 seed;
};

/**
 * struct walker - A walker with its caches; the caller owns it.
 * @caches: of table descriptors, by level
 * @nr_hits: walks that started below each level's table descriptor
 * @nr_walks: walks
 * @nr_reads: descriptors read from memory
 */
struct walker {
	struct tcache caches[WALK_NR_LEVELS - 1];
	u64 nr_hits[WALK_NR_LEVELS - 1];
	u64 nr_walks;
	u64 nr_reads;
};

IOPT_BEGIN_DECLS

/**
 * walk_table_init() - Tell the hardware of an engine's table.
 * @table: caller's
 * @pgt: its configuration, shape and root are read, nothing else; @table holds
 *	no reference but to the arena. To be told anew when a map has added a
 *	level (amdv1), as the driver rewrites the device table entry
 */
void walk_table_init(struct walk_table *table, const struct pgtable *pgt);

/**
 * walk_shift() - lg2 of the bytes that one descriptor of a level covers.
 * @table: table
 * @level: 0 to 3
 */
static inline unsigned int walk_shift(const struct walk_table *table,
				      unsigned int level)
{
	return table->lg2_granule +
	       (WALK_NR_LEVELS - 1 - level) * (table->lg2_granule - 3);
}

/**
 * walk_index_bits() - lg2 of the descriptors in a table of a level.
 * @table: table
 * @level: @table->start_level to 3
 *
 * The top table has what is left of the input address: fewer than another, or
 * more when stage 2 tables are concatenated.
 */
static inline unsigned int walk_index_bits(const struct walk_table *table,
					   unsigned int level)
{
	if (level == table->start_level)
		return table->ias - walk_shift(table, level);
	return table->lg2_granule - 3;
}

/**
 * walk_map() - Where a table lies for the CPU.
 * @table: table
 * @paddr: physical address of one of its tables
 * @bytes: how much of it must be there
 *
 * Return: the memory, which may be freed: read it with walk_read() alone;
 * NULL when it is not in the arena.
 */
const u64 *walk_map(const struct walk_table *table, u64 paddr, size_t bytes);

/**
 * walk_read() - Read a descriptor as a device does, freed memory too.
 * @slot: in the arena
 */
u64 walk_read(const u64 *slot);

/**
 * walk_decode_lpae() - Take a VMSAv8-64 descriptor apart.
 * @table: table
 * @desc: descriptor
 * @level: of its table
 */
struct walk_desc walk_decode_lpae(const struct walk_table *table, u64 desc,
				  unsigned int level);

/**
 * walk_decode_amdv1() - Take an entry of an AMD version 1 table apart.
 * @table: table
 * @desc: entry
 * @level: of its table, as Arm counts: 3 has pages
 */
struct walk_desc walk_decode_amdv1(const struct walk_table *table, u64 desc,
				   unsigned int level);

/**
 * walk_lookup() - Walk from the root, with no cache.
 * @table: table
 * @iova: input address in bytes
 * @res: set
 *
 * Return: @res->fault.
 */
enum walk_fault walk_lookup(const struct walk_table *table, u64 iova,
			    struct walk_result *res);

/**
 * walk_find() - The descriptor of a level on the way to an address.
 * @table: table
 * @iova: input address in bytes
 * @level: 0 to 3
 *
 * Return: the descriptor taken apart; WALK_NONE when the walk ends above it.
 */
struct walk_desc walk_find(const struct walk_table *table, u64 iova,
			   unsigned int level);

/**
 * walk_fault_name() - "ok", "translation", "address-size", ...
 * @fault: any value of the enum
 */
const char *walk_fault_name(enum walk_fault fault);

/**
 * walker_init() - Make a walker with empty caches.
 * @walker: caller's; walker_fini() when done
 * @cfg: copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int walker_init(struct walker *walker, const struct walker_cfg *cfg,
		struct iopt_err *err);

/**
 * walker_fini() - Free what a walker holds.
 * @walker: walker; may be all zero
 */
void walker_fini(struct walker *walker);

/**
 * walker_walk() - Walk, from the deepest table that a cache knows.
 * @walker: walker; each table descriptor read is put into its caches
 * @table: table
 * @tag: whose it is
 * @iova: input address in bytes
 * @res: set
 *
 * Return: @res->fault.
 */
enum walk_fault walker_walk(struct walker *walker,
			    const struct walk_table *table, struct hw_tag tag,
			    u64 iova, struct walk_result *res);

/**
 * walker_invalidate() - Remove what an invalidation hits from the walk caches.
 * @walker: walker
 * @inval: invalidation
 *
 * Return: how many entries went.
 */
u64 walker_invalidate(struct walker *walker, const struct hw_inval *inval);

IOPT_END_DECLS

#endif
