/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exact counts of what was sent to a TLB, complete enough that any cost
 * profile can be applied to them after the run.
 *
 * Models: nothing; bookkeeping.
 *
 * The simulated time of a run is a sum over segments, the commands between two
 * syncs: max(issue, execution) + sync. Neither part can be had from totals,
 * since a maximum is taken in each segment; so the counts hold how many
 * segments had exactly so many commands of each class of cost.
 */
#ifndef IOPT_TLB_COUNTERS_H
#define IOPT_TLB_COUNTERS_H

#include "types.h"

/* Invalidations by kind: SMMUv3 commands, then SMMUv2 registers. */
enum tlb_op {
	TLB_CFGI, /* configuration and everything that is no invalidation */
	TLB_NH_ALL,
	TLB_NH_ASID,
	TLB_NH_VA,
	TLB_NH_VAA,
	TLB_EL2_ALL,
	TLB_EL2_ASID,
	TLB_EL2_VA,
	TLB_S12_VMALL,
	TLB_S2_IPA,
	TLB_NSNH_ALL,
	TLB_ATC_INV,
	TLB_V2_VA,
	TLB_V2_VAL,
	TLB_V2_ASID,
	TLB_V2_IPAS2,
	TLB_V2_IPAS2L,
	TLB_V2_VMID,
	TLB_NR_OPS,
};

/* Commands that a cost profile gives one price. */
enum tlb_class {
	TLB_CLASS_ADDR,	   /* by address, one or a range */
	TLB_CLASS_CONTEXT, /* a whole context, or more */
	TLB_CLASS_ATC,	   /* ATC_INV */
	TLB_NR_CLASSES,
};

#define TLB_NR_SHAPES                                          \
	(1u << 15) /* NUM 5, SCALE 5, TTL 2, TG 2, LEAF 1 bits \
		    */

/**
 * struct tlb_shape - Commands by address that differ in the address only.
 * @num: field NUM, chunks less one
 * @scale: field SCALE
 * @ttl: field TTL
 * @tg: field TG, 0 without range invalidation
 * @is_leaf: field LEAF
 * @count: how many
 */
struct tlb_shape {
	u8 num;
	u8 scale;
	u8 ttl;
	u8 tg;
	bool is_leaf;
	u64 count;
};

/**
 * struct tlb_segment - Segments with equal contents.
 * @nr: commands of each class before the sync
 * @count: how many such segments
 */
struct tlb_segment {
	u64 nr[TLB_NR_CLASSES];
	u64 count;
};

/**
 * struct tlb_counters - Counts of one queue, or of several added up.
 * @nr_ops: commands of each kind, repeats of an erratum included
 * @nr_syncs: CMD_SYNC, TLBSYNC or sTLBGSYNC
 * @nr_doorbells: writes of the producer register; 0 for SMMUv2
 * @nr_pushes: doorbells whose batch had no CMD_SYNC
 * @nr_full_waits: how often the queue had no room for a batch
 * @shapes: shapes in the order of first appearance
 * @nr_shapes: entries in @shapes
 * @slot_of: index + 1 into @shapes by the packed fields, 0 for none
 * @last_key: packed fields of the shape counted last
 * @last: that shape, NULL for none
 * @segments: distinct segments in the order of first appearance
 * @nr_segments: entries in @segments
 * @max_segments: room in @segments; half the size of @index
 * @index: open-addressed hash, index + 1 into @segments
 * @last_segment: index into @segments of the one counted last
 * @open: commands since the last sync
 * @nr_lost: segments not recorded because memory ran out
 *
 * Read only outside this module.
 */
struct tlb_counters {
	u64 nr_ops[TLB_NR_OPS];
	u64 nr_syncs;
	u64 nr_doorbells;
	u64 nr_pushes;
	u64 nr_full_waits;
	struct tlb_shape *shapes;
	u32 nr_shapes;
	u16 *slot_of;
	u32 last_key;
	struct tlb_shape *last;
	struct tlb_segment *segments;
	u32 nr_segments;
	u32 max_segments;
	u32 *index;
	u32 last_segment;
	u64 open[TLB_NR_CLASSES];
	u64 nr_lost;
};

IOPT_BEGIN_DECLS

/* enum tlb_class of each enum tlb_op; see tlb_op_class(). */
extern const u8 tlb_class_of_op[TLB_NR_OPS];

/* enum tlb_op of each SMMUv3 opcode; see tlb_op_of_opcode(). */
extern const u8 tlb_op_of[256];

/**
 * tlb_counters_init() - Start counts at 0.
 * @c: caller's
 *
 * Cost: allocates for every shape and the first 512 distinct segments.
 *
 * Return: 0;
 * -ENOMEM when there is no memory, tlb_counters_fini() is not needed then.
 */
int tlb_counters_init(struct tlb_counters *c);

/**
 * tlb_counters_fini() - Free what counts hold.
 * @c: counts
 */
void tlb_counters_fini(struct tlb_counters *c);

/**
 * tlb_counters_reset() - Set all to 0; memory is kept.
 * @c: counts
 *
 * Cost: proportional to the distinct shapes and segments seen.
 */
void tlb_counters_reset(struct tlb_counters *c);

/**
 * tlb_counters_merge() - Add counts to others; shapes keep their order.
 * @into: counts that grow
 * @from: counts to add
 *
 * Return: 0;
 * -ENOMEM when there was no memory for a segment; @into->nr_lost tells too.
 */
int tlb_counters_merge(struct tlb_counters *into,
		       const struct tlb_counters *from);

/**
 * tlb_counters_add_shape() - Count commands of one shape; slow part.
 * @c: counts
 * @key: packed as tlb_shape_key()
 * @n: how many
 */
void tlb_counters_add_shape(struct tlb_counters *c, u32 key, u64 n);

/**
 * tlb_counters_add_segments() - Count segments.
 * @c: counts
 * @segment: contents and how many
 *
 * Cost: a hash lookup; allocates when the number of distinct segments doubles.
 *
 * Return: 0;
 * -ENOMEM when there was no memory, @c->nr_lost is raised.
 */
int tlb_counters_add_segments(struct tlb_counters *c,
			      const struct tlb_segment *segment);

/**
 * tlb_op_name() - "TLBI_NH_VA", "ATC_INV", "TLBIVAL", ...
 * @op: any value of the enum
 */
const char *tlb_op_name(enum tlb_op op);

/**
 * tlb_op_counter() - Name of a kind among counters: "tlbi_nh_va", "atc_inv".
 * @op: any value of the enum
 */
const char *tlb_op_counter(enum tlb_op op);

IOPT_END_DECLS

/**
 * tlb_op_class() - The class of cost of a kind.
 * @op: any value of the enum
 */
static inline enum tlb_class tlb_op_class(enum tlb_op op)
{
	return (enum tlb_class)tlb_class_of_op[op];
}

/**
 * tlb_op_of_opcode() - The kind of an SMMUv3 opcode.
 * @opcode: any value but CMD_SYNC
 *
 * Return: TLB_CFGI for what is no invalidation.
 */
static inline enum tlb_op tlb_op_of_opcode(u8 opcode)
{
	return (enum tlb_op)tlb_op_of[opcode];
}

/**
 * tlb_shape_key() - Pack the fields of a command by address.
 * @w0: its first word
 * @w1: its second word
 */
static inline u32 tlb_shape_key(u64 w0, u64 w1)
{
	return (u32)((w0 >> 12) & 31) | (u32)((w0 >> 20) & 31) << 5 |
	       (u32)((w1 >> 8) & 15) << 10 | (u32)(w1 & 1) << 14;
}

/**
 * tlb_counters_shape() - Count commands of one shape.
 * @c: counts
 * @key: packed as tlb_shape_key()
 * @n: how many
 */
static inline void tlb_counters_shape(struct tlb_counters *c, u32 key, u64 n)
{
	if (c->last && c->last_key == key)
		c->last->count += n;
	else
		tlb_counters_add_shape(c, key, n);
}

/**
 * tlb_counters_sync() - Count a sync: what came before it is a segment.
 * @c: counts
 */
static inline void tlb_counters_sync(struct tlb_counters *c)
{
	struct tlb_segment *last = &c->segments[c->last_segment];
	struct tlb_segment segment;
	u64 differs = c->nr_segments ? 0 : 1;

	for (int i = 0; i < TLB_NR_CLASSES; i++) {
		segment.nr[i] = c->open[i];
		differs |= segment.nr[i] ^ last->nr[i];
		c->open[i] = 0;
	}
	segment.count = 1;
	c->nr_syncs++;
	if (differs)
		tlb_counters_add_segments(c, &segment);
	else
		last->count++;
}

/**
 * tlb_counters_invalidations() - All commands but syncs.
 * @c: counts
 */
static inline u64 tlb_counters_invalidations(const struct tlb_counters *c)
{
	u64 n = 0;

	for (int op = 0; op < TLB_NR_OPS; op++)
		n += c->nr_ops[op];
	return n;
}

#endif
