// SPDX-License-Identifier: GPL-2.0-only
/* Single pages as a buddy allocator hands them out. */
#include "buddy.h"

#include <errno.h>
#include <stdlib.h>

#include "lg2.h"
#include "permute.h"
#include "rng.h"
#include "sizes.h"

#define NR_PATTERNS	 4u
#define NR_SORTS	 14u
#define TABLES_PER_CHUNK 2u

/* A window of the stream holds so many blocks of the largest order. */
#define WINDOW_BLOCKS_LG2 4u

/*
 * Of what is in small blocks, single pages have 1/4; the other orders share the
 * rest equally. The three recorded aged hosts have 11, 23 and 49 % in single
 * pages, 28 % in the mean.
 */
#define SINGLE_FRACTION 4u

/**
 * struct block - A free block of the stream.
 * @start: first page in its window
 * @nth: number among the blocks of its sort in the window
 * @sort: its sort: the order of a small block; large ones are the last sort
 */
struct block {
	u32 start;
	u32 nth;
	u32 sort;
};

/**
 * struct pattern - One way in which the blocks of a window follow each other.
 * @blocks: as they follow
 * @block_of: for each page of the window, the block that it is in
 */
struct pattern {
	struct block *blocks;
	u32 *block_of;
};

/**
 * struct buddy - A stream of pages, in windows of equal size, each of which has
 * the same blocks in one of a few patterns.
 * @page_lg2: log2 of a page's bytes
 * @chunk_lg2: log2 of the pages that one page table maps
 * @window_lg2: log2 of the pages of a window
 * @nr_pages: pages that the process touches
 * @nr_blocks: blocks in a window
 * @counts: of them, how many of each sort
 * @sizes: pages of a block of each sort
 * @bases: physical address of the first block of a sort
 * @places: where the blocks of a sort lie
 * @end: address behind the highest block
 * @key: chooses patterns
 * @patterns: which block comes after which
 */
struct buddy {
	unsigned int page_lg2;
	unsigned int chunk_lg2;
	unsigned int window_lg2;
	u64 nr_pages;
	u32 nr_blocks;
	u32 counts[NR_SORTS];
	u32 sizes[NR_SORTS];
	u64 bases[NR_SORTS];
	struct permute places[NR_SORTS];
	u64 end;
	u64 key;
	struct pattern patterns[NR_PATTERNS];
};

/* A table is a page of 8-byte entries; a huge page is what one maps. */
static unsigned int huge_order(u64 page)
{
	return lg2_floor(page) - 3;
}

/* MAX_ORDER: 10 with 4K pages, and the huge page's order with larger ones. */
static unsigned int max_order(u64 page)
{
	return page == SZ_4K ? 10 : huge_order(page);
}

u64 buddy_huge_page(u64 page)
{
	return page << huge_order(page);
}

u64 buddy_max_block(u64 page)
{
	return page << max_order(page);
}

/*
 * What a window has of each sort. A host just booted hands large blocks out
 * from here and there; on an aged one what is left of them is one stretch.
 */
static void set_sorts(struct buddy *b, const struct buddy_cfg *cfg)
{
	unsigned int huge = huge_order(cfg->page);
	u32 window = 1u << b->window_lg2, nr_huge = window >> huge;
	u32 large, left, share, carry = 0;

	large = ((nr_huge * (100 - cfg->small_percent) + 50) / 100) << huge;
	b->sizes[huge] =
		cfg->small_percent ? large : 1u << max_order(cfg->page);
	b->counts[huge] = large ? large / b->sizes[huge] : 0;
	left = window - large;
	share = (left - left / SINGLE_FRACTION) / (huge - 1);
	for (unsigned int o = huge - 1; o; o--) {
		/* What is no whole block is left to the order below. */
		b->sizes[o] = 1u << o;
		b->counts[o] = (share + carry) >> o;
		carry = share + carry - (b->counts[o] << o);
		left -= b->counts[o] << o;
	}
	b->sizes[0] = 1;
	b->counts[0] = left;
	for (unsigned int i = 0; i < NR_SORTS; i++)
		b->nr_blocks += b->counts[i];
}

static int pattern_make(const struct buddy *b, struct pattern *p,
			struct rng *rng)
{
	u32 n = 0, start = 0;

	p->blocks = malloc(b->nr_blocks * sizeof(*p->blocks));
	p->block_of = malloc((1u << b->window_lg2) * sizeof(*p->block_of));
	if (!p->blocks || !p->block_of)
		return -ENOMEM;
	for (u32 sort = 0; sort < NR_SORTS; sort++)
		for (u32 i = 0; i < b->counts[sort]; i++)
			p->blocks[n++] = (struct block){ 0, i, sort };
	while (n > 1) {
		u32 i = (u32)rng_below(rng, n--);
		struct block block = p->blocks[i];

		p->blocks[i] = p->blocks[n];
		p->blocks[n] = block;
	}
	for (u32 i = 0; i < b->nr_blocks; i++) {
		p->blocks[i].start = start;
		for (u32 k = 0; k < b->sizes[p->blocks[i].sort]; k++)
			p->block_of[start++] = i;
	}
	return 0;
}

/* Each sort has an area of its own, the largest first: all are aligned. */
static void set_places(struct buddy *b, const struct buddy_cfg *cfg,
		       struct rng *rng)
{
	u64 nr_tables = div_round_up(b->nr_pages, 1ull << b->chunk_lg2);
	u64 stream = b->nr_pages + TABLES_PER_CHUNK * nr_tables;
	u64 nr_windows = div_round_up(stream, 1ull << b->window_lg2);

	b->end = cfg->base;
	for (unsigned int i = NR_SORTS; i--;) {
		u64 n = nr_windows * b->counts[i];

		b->bases[i] = b->end;
		if (!n)
			continue;
		n = 1ull << lg2_ceil(n);
		permute_init(&b->places[i], n, rng_next(rng));
		b->end += n * b->sizes[i] << b->page_lg2;
	}
}

int buddy_create(const struct buddy_cfg *cfg, struct buddy **out)
{
	struct buddy *b = calloc(1, sizeof(*b));
	struct rng rng;
	int ret = 0;

	if (!b)
		return -ENOMEM;
	rng_init(&rng, cfg->seed);
	b->page_lg2 = lg2_floor(cfg->page);
	b->chunk_lg2 = huge_order(cfg->page);
	b->window_lg2 = max_order(cfg->page) + WINDOW_BLOCKS_LG2;
	b->nr_pages = cfg->bytes >> b->page_lg2;
	b->key = rng_next(&rng);
	set_sorts(b, cfg);
	set_places(b, cfg, &rng);
	for (unsigned int i = 0; i < NR_PATTERNS && !ret; i++)
		ret = pattern_make(b, &b->patterns[i], &rng);
	if (ret) {
		buddy_destroy(b);
		return ret;
	}
	*out = b;
	return 0;
}

u64 buddy_end(const struct buddy *buddy)
{
	return buddy->end;
}

static const struct pattern *pattern_of(const struct buddy *b, u64 window)
{
	struct rng rng = { window ^ b->key };

	return &b->patterns[rng_next(&rng) % NR_PATTERNS];
}

u64 buddy_run(const struct buddy *b, u64 offset, u64 *paddr)
{
	u64 page = offset >> b->page_lg2;
	u64 in_page = offset & lg2_mask(b->page_lg2);
	u64 chunk = page >> b->chunk_lg2;
	u64 chunk_left = ((chunk + 1) << b->chunk_lg2) - page;
	u64 at = page + TABLES_PER_CHUNK * (chunk + 1);
	u64 window = at >> b->window_lg2;
	u32 in_window = (u32)(at & lg2_mask(b->window_lg2));
	const struct pattern *p = pattern_of(b, window);
	const struct block *block = &p->blocks[p->block_of[in_window]];
	u64 nth = window * b->counts[block->sort] + block->nth;
	u64 place = permute_at(&b->places[block->sort], nth);
	u32 size = b->sizes[block->sort], in_block = in_window - block->start;
	u64 left = size - in_block;

	*paddr = b->bases[block->sort] +
		 ((place * size + in_block) << b->page_lg2) + in_page;
	if (left > chunk_left)
		left = chunk_left;
	if (left > b->nr_pages - page)
		left = b->nr_pages - page;
	return (left << b->page_lg2) - in_page;
}

u64 buddy_bytes(const struct buddy *b)
{
	u64 pattern = b->nr_blocks * sizeof(struct block) +
		      (sizeof(u32) << b->window_lg2);

	return sizeof(*b) + NR_PATTERNS * pattern;
}

void buddy_destroy(struct buddy *buddy)
{
	if (!buddy)
		return;
	for (unsigned int i = 0; i < NR_PATTERNS; i++) {
		free(buddy->patterns[i].blocks);
		free(buddy->patterns[i].block_of);
	}
	free(buddy);
}
