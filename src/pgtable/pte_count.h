/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting what an engine writes, without a word of it in the engine.
 *
 * The counted engine is compiled with -fsanitize=thread, so that its compiler
 * reports each access to functions named __tsan_*; ours count those that fall
 * into the arena. The same works for any source, a kernel's too.
 */
#ifndef IOPT_PTE_COUNT_H
#define IOPT_PTE_COUNT_H

#include "arena.h"
#include "types.h"

/**
 * struct pte_count - Descriptors written and read by a counted engine.
 * @writes: 8-byte stores into the arena; a compare-and-swap counts when it
 *	stores
 * @reads: 8-byte loads from the arena; a compare-and-swap counts as one
 */
struct pte_count {
	u64 writes;
	u64 reads;
};

IOPT_BEGIN_DECLS

/**
 * pte_count_start() - Count this thread's accesses from now on.
 * @count: caller's; set to 0, must live until pte_count_stop()
 * @arena: accesses elsewhere are not counted
 *
 * Where the build has no counted engine the counts stay 0.
 */
void pte_count_start(struct pte_count *count, const struct arena *arena);

/**
 * pte_count_stop() - Count no more in this thread.
 */
void pte_count_stop(void);

/**
 * pte_count_write() - Something was stored, by what is counted.
 * @p: first byte
 * @bytes: stored from there on; counts as one for every 8 begun
 */
void pte_count_write(const volatile void *p, size_t bytes);

/**
 * pte_count_read() - Something was loaded, by what is counted.
 * @p: first byte
 * @bytes: loaded from there on; counts as one for every 8 begun
 */
void pte_count_read(const volatile void *p, size_t bytes);

IOPT_END_DECLS

#endif
