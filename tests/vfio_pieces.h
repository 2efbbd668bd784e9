/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of all shapes, as lists of physical pieces, for tests of src/vfio. */
#ifndef IOPT_VFIO_PIECES_H
#define IOPT_VFIO_PIECES_H

#include "rng.h"
#include "sizes.h"
#include "vfio.h"

#define PIECES_MAX 8192

/**
 * struct piece - A physical piece.
 * @size: bytes
 * @paddr: physical address in bytes
 */
struct piece {
	u64 size;
	u64 paddr;
};

/**
 * struct pieces - Memory; arg of a struct vfio_memory with pieces_run().
 * @piece: the pieces, in the order of offsets
 * @nr: how many
 * @size: their bytes
 */
struct pieces {
	struct piece piece[PIECES_MAX];
	size_t nr;
	u64 size;
};

static inline u64 pieces_run(const void *arg, u64 offset, u64 *paddr)
{
	const struct pieces *pieces = arg;
	size_t i = 0;

	while (offset >= pieces->piece[i].size)
		offset -= pieces->piece[i++].size;
	*paddr = pieces->piece[i].paddr + offset;
	return pieces->piece[i].size - offset;
}

static inline void pieces_add(struct pieces *pieces, u64 size, u64 paddr)
{
	pieces->piece[pieces->nr].size = size;
	pieces->piece[pieces->nr++].paddr = paddr;
	pieces->size += size;
}

/**
 * pieces_random() - Pieces of random lengths, alignments and order.
 * @pieces: set
 * @rng: where chance comes from
 * @size: bytes in all, a multiple of @page
 * @page: host page in bytes
 * @block: bytes of the first block above a page
 * @mix: 0: single pages; 1: blocks where they fit; 2: both and what is between,
 *	aligned to a block or not
 *
 * Some pieces touch the one before them; all lie below 2^42.
 */
static inline void pieces_random(struct pieces *pieces, struct rng *rng,
				 u64 size, u64 page, u64 block,
				 unsigned int mix)
{
	u64 next = 0;

	pieces->nr = 0;
	pieces->size = 0;
	while (pieces->size < size) {
		u64 left = size - pieces->size;
		u64 len = page * (1 + rng_below(rng, 40));
		u64 paddr = SZ_1G + block * rng_below(rng, 4096);

		if (mix == 0)
			len = page;
		else if (mix == 1 || !rng_below(rng, 3))
			len = block * (1 + rng_below(rng, 3));
		if (len > left || pieces->nr == PIECES_MAX - 1)
			len = left;
		if (mix != 1 && rng_below(rng, 2))
			paddr += page * rng_below(rng, block / page);
		if (next && !rng_below(rng, 4))
			paddr = next;
		pieces_add(pieces, len, paddr);
		next = paddr + len;
	}
}

#endif
