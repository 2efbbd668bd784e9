// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hardware may hold of a table.
 *
 * Models, Does not model, Source: see shadow.h.
 */
#include "shadow.h"

#include "lg2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LAST_LEVEL (WALK_NR_LEVELS - 1)

/**
 * struct shadow_node - What may be cached of one table.
 * @seen: descriptors; 0 where nothing may be cached
 * @below: nodes of the tables below; NULL at the last level
 *
 * A node outlives its table: what was in it may be cached still.
 */
struct shadow_node {
	u64 *seen;
	struct shadow_node **below;
};

/**
 * struct look - One walk over a table and its shadow.
 * @shadow: shadow
 * @inval: invalidation to take, or NULL
 * @first: first address to look at
 * @last: last address to look at
 */
struct look {
	struct shadow *shadow;
	const struct hw_inval *inval;
	u64 first;
	u64 last;
};

/* A descriptor's place. */
struct place {
	unsigned int level;
	unsigned int index;
	u64 iova;
};

static size_t nr_slots(const struct shadow *shadow, unsigned int level)
{
	return (size_t)1 << walk_index_bits(&shadow->table, level);
}

static struct shadow_node *node_create(struct shadow *shadow,
				       unsigned int level)
{
	struct shadow_node *node = calloc(1, sizeof(*node));
	size_t n = nr_slots(shadow, level);

	if (!node)
		goto err;
	node->seen = calloc(n, sizeof(*node->seen));
	if (level != LAST_LEVEL)
		node->below = calloc(n, sizeof(struct shadow_node *));
	if (!node->seen || (level != LAST_LEVEL && !node->below))
		goto err_free;
	return node;

err_free:
	free(node->seen);
	free(node->below);
	free(node);
err:
	shadow->err = -ENOMEM;
	return NULL;
}

static void node_destroy(const struct shadow *shadow, struct shadow_node *node,
			 unsigned int level)
{
	if (!node)
		return;
	if (node->below)
		for (size_t i = 0; i < nr_slots(shadow, level); i++)
			node_destroy(shadow, node->below[i], level + 1);
	free(node->seen);
	free(node->below);
	free(node);
}

/* Forget all of a node. Returns whether there was anything. */
static bool node_wipe(const struct shadow *shadow, struct shadow_node *node,
		      unsigned int level)
{
	bool was_any = false;

	if (!node)
		return false;
	for (size_t i = 0; i < nr_slots(shadow, level); i++) {
		was_any |= node->seen[i] != 0;
		node->seen[i] = 0;
		if (node->below)
			was_any |= node_wipe(shadow, node->below[i], level + 1);
	}
	return was_any;
}

static struct walk_desc decode(const struct shadow *shadow, u64 desc,
			       unsigned int level)
{
	return shadow->table.decode(&shadow->table, desc, level);
}

static bool needs_break(const struct walk_desc *was,
			const struct walk_desc *now)
{
	return was->kind != now->kind || was->paddr != now->paddr ||
	       was->lg2_size != now->lg2_size || was->attrs != now->attrs;
}

static void report(const struct look *look, struct place at,
		   const struct walk_desc *was, const struct walk_desc *now)
{
	struct shadow_break brk = {
		.level = (u8)at.level,
		.lg2_size = (u8)walk_shift(&look->shadow->table, at.level),
		.iova = at.iova,
		.was = *was,
		.now = *now,
	};

	look->shadow->report(look->shadow->arg, &brk);
}

static void look_at_table(const struct look *look, struct shadow_node *node,
			  unsigned int level, u64 base, const u64 *live);

/* What the table has now against what may be cached; keeps what may be. */
static void compare(const struct look *look, struct shadow_node *node,
		    struct place at, u64 desc, const struct walk_desc *now)
{
	struct shadow *shadow = look->shadow;
	struct shadow_node *below = node->below ? node->below[at.index] : NULL;
	struct walk_desc was = decode(shadow, node->seen[at.index], at.level);

	if (now->kind == WALK_NONE)
		return;
	if (was.kind != WALK_NONE && needs_break(&was, now)) {
		node_wipe(shadow, below, at.level + 1);
		report(look, at, &was, now);
	} else if (now->kind == WALK_LEAF &&
		   node_wipe(shadow, below, at.level + 1)) {
		was.kind = WALK_NONE;
		report(look, at, &was, now);
	}
	node->seen[at.index] = desc;
}

static void take(const struct look *look, u64 *seen, struct place at)
{
	const struct shadow *shadow = look->shadow;
	struct walk_desc was = decode(shadow, *seen, at.level);
	struct hw_span span = {
		.tag = shadow->tag,
		.is_table = was.kind == WALK_TABLE,
		.level = (u8)at.level,
		.lg2_size = was.lg2_size,
		.iova = at.iova & ~lg2_mask(was.lg2_size),
	};

	if (*seen && hw_inval_hits(look->inval, &span, shadow->is_strict))
		*seen = 0;
}

static void look_at_slot(const struct look *look, struct shadow_node *node,
			 struct place at, u64 desc)
{
	struct shadow *shadow = look->shadow;
	struct walk_desc now = decode(shadow, desc, at.level);
	const u64 *live = NULL;

	compare(look, node, at, desc, &now);
	if (now.kind == WALK_NONE && look->inval)
		take(look, &node->seen[at.index], at);
	if (!node->below)
		return;
	if (now.kind == WALK_TABLE) {
		size_t bytes = nr_slots(shadow, at.level + 1) * sizeof(*live);

		if (!node->below[at.index])
			node->below[at.index] =
				node_create(shadow, at.level + 1);
		live = walk_map(&shadow->table, now.paddr, bytes);
	}
	if (node->below[at.index])
		look_at_table(look, node->below[at.index], at.level + 1,
			      at.iova, live);
}

/* @live is NULL when the table is gone. */
static void look_at_table(const struct look *look, struct shadow_node *node,
			  unsigned int level, u64 base, const u64 *live)
{
	const struct walk_table *table = &look->shadow->table;
	unsigned int shift = walk_shift(table, level);
	size_t n = nr_slots(look->shadow, level);
	size_t i = look->first > base ? (look->first - base) >> shift : 0;
	size_t last = (look->last - base) >> shift;

	/* A leaf is hit in all of its descriptors. */
	i &= ~(size_t)lg2_mask(table->lg2_copies);
	last |= lg2_mask(table->lg2_copies);
	if (look->shadow->err || (!live && !look->inval))
		return;
	if (level == LAST_LEVEL && live &&
	    !memcmp(live, node->seen, n * sizeof(*live)))
		return;
	for (; i < n && i <= last; i++) {
		u64 desc = live ? live[i] : 0;
		struct place at = {
			.level = level,
			.index = (unsigned int)i,
			.iova = base + ((u64)i << shift),
		};

		if (desc == node->seen[i] && !(node->below && node->below[i]))
			continue;
		look_at_slot(look, node, at, desc);
	}
}

static int look_at_root(struct shadow *shadow, struct look look)
{
	const struct walk_table *table = &shadow->table;
	unsigned int level = table->start_level;
	const u64 *live = walk_map(table, table->root_paddr,
				   nr_slots(shadow, level) * sizeof(*live));

	if (!shadow->root && !shadow->err)
		shadow->root = node_create(shadow, level);
	if (shadow->root)
		look_at_table(&look, shadow->root, level, 0, live);
	return shadow->err;
}

void shadow_init(struct shadow *shadow)
{
	shadow->root = NULL;
	shadow->err = 0;
}

int shadow_grow(struct shadow *shadow, const struct walk_table *table)
{
	unsigned int level = shadow->table.start_level;
	struct shadow_node *top;

	shadow->table = *table;
	while (shadow->root && level > table->start_level) {
		top = node_create(shadow, level - 1);
		if (!top) {
			node_destroy(shadow, shadow->root, level);
			shadow->root = NULL;
			break;
		}
		top->below[0] = shadow->root;
		shadow->root = top;
		level--;
	}
	return shadow->err;
}

void shadow_fini(struct shadow *shadow)
{
	node_destroy(shadow, shadow->root, shadow->table.start_level);
	shadow->root = NULL;
}

int shadow_look(struct shadow *shadow)
{
	return look_at_root(shadow, (struct look){
					    .shadow = shadow,
					    .last = ~0ull,
				    });
}

int shadow_invalidate(struct shadow *shadow, const struct hw_inval *inval)
{
	struct look look = { .shadow = shadow, .inval = inval, .last = ~0ull };

	if (!hw_inval_reaches(inval, shadow->tag))
		return shadow->err;
	if (inval->kind == HW_INVAL_VA) {
		look.first = inval->iova;
		look.last = hw_inval_last(inval);
	}
	return look_at_root(shadow, look);
}
