// SPDX-License-Identifier: GPL-2.0-only
/* Exact counts of what was sent to a TLB. */
#include "tlb_counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smmu_cmd.h"

#define FIRST_SEGMENTS 512u

struct op_info {
	const char *name;
	const char *counter;
};

static const struct op_info ops[TLB_NR_OPS] = {
	[TLB_NH_ALL] = { "TLBI_NH_ALL", "tlbi_nh_all" },
	[TLB_NH_ASID] = { "TLBI_NH_ASID", "tlbi_nh_asid" },
	[TLB_NH_VA] = { "TLBI_NH_VA", "tlbi_nh_va" },
	[TLB_NH_VAA] = { "TLBI_NH_VAA", "tlbi_nh_vaa" },
	[TLB_EL2_ALL] = { "TLBI_EL2_ALL", "tlbi_el2_all" },
	[TLB_EL2_ASID] = { "TLBI_EL2_ASID", "tlbi_el2_asid" },
	[TLB_EL2_VA] = { "TLBI_EL2_VA", "tlbi_el2_va" },
	[TLB_S12_VMALL] = { "TLBI_S12_VMALL", "tlbi_s12_vmall" },
	[TLB_S2_IPA] = { "TLBI_S2_IPA", "tlbi_s2_ipa" },
	[TLB_NSNH_ALL] = { "TLBI_NSNH_ALL", "tlbi_nsnh_all" },
	[TLB_ATC_INV] = { "ATC_INV", "atc_inv" },
	[TLB_CFGI] = { "CFGI", "cfgi" },
	[TLB_V2_VA] = { "TLBIVA", "tlbiva" },
	[TLB_V2_VAL] = { "TLBIVAL", "tlbival" },
	[TLB_V2_ASID] = { "TLBIASID", "tlbiasid" },
	[TLB_V2_IPAS2] = { "TLBIIPAS2", "tlbiipas2" },
	[TLB_V2_IPAS2L] = { "TLBIIPAS2L", "tlbiipas2l" },
	[TLB_V2_VMID] = { "TLBIVMID", "tlbivmid" },
};

const u8 tlb_class_of_op[TLB_NR_OPS] = {
	[TLB_NH_ALL] = TLB_CLASS_CONTEXT,  [TLB_NH_ASID] = TLB_CLASS_CONTEXT,
	[TLB_NH_VA] = TLB_CLASS_ADDR,	   [TLB_NH_VAA] = TLB_CLASS_ADDR,
	[TLB_EL2_ALL] = TLB_CLASS_CONTEXT, [TLB_EL2_ASID] = TLB_CLASS_CONTEXT,
	[TLB_EL2_VA] = TLB_CLASS_ADDR,	   [TLB_S12_VMALL] = TLB_CLASS_CONTEXT,
	[TLB_S2_IPA] = TLB_CLASS_ADDR,	   [TLB_NSNH_ALL] = TLB_CLASS_CONTEXT,
	[TLB_ATC_INV] = TLB_CLASS_ATC,	   [TLB_CFGI] = TLB_CLASS_CONTEXT,
	[TLB_V2_VA] = TLB_CLASS_ADDR,	   [TLB_V2_VAL] = TLB_CLASS_ADDR,
	[TLB_V2_ASID] = TLB_CLASS_CONTEXT, [TLB_V2_IPAS2] = TLB_CLASS_ADDR,
	[TLB_V2_IPAS2L] = TLB_CLASS_ADDR,  [TLB_V2_VMID] = TLB_CLASS_CONTEXT,
};

/* What is not listed is 0: TLB_CFGI. */
const u8 tlb_op_of[256] = {
	[CMD_TLBI_NH_ALL] = TLB_NH_ALL,	  [CMD_TLBI_NH_ASID] = TLB_NH_ASID,
	[CMD_TLBI_NH_VA] = TLB_NH_VA,	  [CMD_TLBI_NH_VAA] = TLB_NH_VAA,
	[CMD_TLBI_EL2_ALL] = TLB_EL2_ALL, [CMD_TLBI_EL2_ASID] = TLB_EL2_ASID,
	[CMD_TLBI_EL2_VA] = TLB_EL2_VA,	  [CMD_TLBI_S12_VMALL] = TLB_S12_VMALL,
	[CMD_TLBI_S2_IPA] = TLB_S2_IPA,	  [CMD_TLBI_NSNH_ALL] = TLB_NSNH_ALL,
	[CMD_ATC_INV] = TLB_ATC_INV,
};

const char *tlb_op_name(enum tlb_op op)
{
	return ops[op].name;
}

const char *tlb_op_counter(enum tlb_op op)
{
	return ops[op].counter;
}

static u32 segment_hash(const u64 nr[TLB_NR_CLASSES])
{
	u64 h = 0;

	for (int i = 0; i < TLB_NR_CLASSES; i++)
		h = (h ^ nr[i]) * 0x9e3779b97f4a7c15ull;
	return (u32)(h >> 32);
}

/* The slot of @index where a segment is, or belongs. */
static u32 *segment_slot(struct tlb_counters *c, const u64 nr[TLB_NR_CLASSES])
{
	u32 mask = 2 * c->max_segments - 1;
	u32 i = segment_hash(nr) & mask;

	while (c->index[i] && memcmp(c->segments[c->index[i] - 1].nr, nr,
				     sizeof(c->segments[0].nr)) != 0)
		i = (i + 1) & mask;
	return &c->index[i];
}

/* Make room for @max segments, and a hash of twice as many slots. */
static int segments_grow(struct tlb_counters *c, u32 max)
{
	struct tlb_segment *segments;
	u32 *index = calloc(2 * (size_t)max, sizeof(*index));

	if (!index)
		return -ENOMEM;
	segments = realloc(c->segments, max * sizeof(*segments));
	if (!segments) {
		free(index);
		return -ENOMEM;
	}
	free(c->index);
	c->index = index;
	c->segments = segments;
	c->max_segments = max;
	for (u32 i = 0; i < c->nr_segments; i++)
		*segment_slot(c, segments[i].nr) = i + 1;
	return 0;
}

int tlb_counters_init(struct tlb_counters *c)
{
	*c = (struct tlb_counters){ 0 };
	c->shapes = calloc(TLB_NR_SHAPES, sizeof(*c->shapes));
	c->slot_of = calloc(TLB_NR_SHAPES, sizeof(*c->slot_of));
	if (!c->shapes || !c->slot_of || segments_grow(c, FIRST_SEGMENTS)) {
		tlb_counters_fini(c);
		return -ENOMEM;
	}
	return 0;
}

void tlb_counters_fini(struct tlb_counters *c)
{
	free(c->shapes);
	free(c->slot_of);
	free(c->segments);
	free(c->index);
	*c = (struct tlb_counters){ 0 };
}

static u32 shape_key(const struct tlb_shape *shape)
{
	return shape->num | (u32)shape->scale << 5 | (u32)shape->ttl << 10 |
	       (u32)shape->tg << 12 | (u32)shape->is_leaf << 14;
}

void tlb_counters_reset(struct tlb_counters *c)
{
	struct tlb_counters clean = {
		.shapes = c->shapes,
		.slot_of = c->slot_of,
		.segments = c->segments,
		.max_segments = c->max_segments,
		.index = c->index,
	};

	for (u32 i = 0; i < c->nr_shapes; i++)
		c->slot_of[shape_key(&c->shapes[i])] = 0;
	if (c->nr_segments)
		memset(c->index, 0, 2 * c->max_segments * sizeof(*c->index));
	*c = clean;
}

void tlb_counters_add_shape(struct tlb_counters *c, u32 key, u64 n)
{
	struct tlb_shape *shape;

	if (!c->slot_of[key]) {
		c->shapes[c->nr_shapes] = (struct tlb_shape){
			.num = key & 31,
			.scale = (key >> 5) & 31,
			.ttl = (key >> 10) & 3,
			.tg = (key >> 12) & 3,
			.is_leaf = key >> 14,
		};
		c->slot_of[key] = (u16)++c->nr_shapes;
	}
	shape = &c->shapes[c->slot_of[key] - 1];
	shape->count += n;
	c->last = shape;
	c->last_key = key;
}

int tlb_counters_add_segments(struct tlb_counters *c,
			      const struct tlb_segment *segment)
{
	u32 *slot = segment_slot(c, segment->nr);

	if (*slot) {
		c->last_segment = *slot - 1;
		c->segments[c->last_segment].count += segment->count;
		return 0;
	}
	if (c->nr_segments == c->max_segments) {
		if (segments_grow(c, 2 * c->max_segments)) {
			c->nr_lost += segment->count;
			return -ENOMEM;
		}
		slot = segment_slot(c, segment->nr);
	}
	c->segments[c->nr_segments] = *segment;
	c->last_segment = c->nr_segments;
	*slot = ++c->nr_segments;
	return 0;
}

int tlb_counters_merge(struct tlb_counters *into,
		       const struct tlb_counters *from)
{
	int ret = 0;

	for (int op = 0; op < TLB_NR_OPS; op++)
		into->nr_ops[op] += from->nr_ops[op];
	into->nr_syncs += from->nr_syncs;
	into->nr_doorbells += from->nr_doorbells;
	into->nr_pushes += from->nr_pushes;
	into->nr_full_waits += from->nr_full_waits;
	into->nr_lost += from->nr_lost;
	for (int i = 0; i < TLB_NR_CLASSES; i++)
		into->open[i] += from->open[i];
	for (u32 i = 0; i < from->nr_shapes; i++)
		tlb_counters_add_shape(into, shape_key(&from->shapes[i]),
				       from->shapes[i].count);
	for (u32 i = 0; i < from->nr_segments; i++)
		if (tlb_counters_add_segments(into, &from->segments[i]))
			ret = -ENOMEM;
	return ret;
}
