/* SPDX-License-Identifier: GPL-2.0-only */
/* One trace of what a table allocates, frees, cleans and reports. */
#ifndef IOPT_TEST_KERNEL_TRACE_H
#define IOPT_TEST_KERNEL_TRACE_H

#include "gather.h"

enum trace_kind {
	TRACE_ALLOC, /* id, bytes */
	TRACE_FREE,  /* id, bytes */
	TRACE_CLEAN, /* id, offset, bytes */
	TRACE_WALK,  /* iova, bytes, granule */
	TRACE_PAGE,  /* iova, bytes, is there a gather */
	TRACE_SYNC,  /* start, last, pgsize */
	TRACE_ALL,
};

/**
 * struct trace_event - Something that happened; tables by their number.
 * @kind: what, wide so that events compare with memcmp()
 * @a: see enum trace_kind
 * @b: likewise
 * @c: likewise
 */
struct trace_event {
	u64 kind;
	u64 a, b, c;
};

/**
 * struct trace_block - Memory that is allocated.
 * @id: number of the allocation
 * @base: first byte
 * @size: bytes
 */
struct trace_block {
	u64 id;
	const u8 *base;
	size_t size;
};

/**
 * struct trace - What one side did.
 * @events: in their order
 * @nr: entries in @events
 * @max: room in @events
 * @blocks: what is allocated
 * @nr_blocks: entries in @blocks
 * @max_blocks: room in @blocks
 * @next_id: of the next allocation
 */
struct trace {
	struct trace_event *events;
	size_t nr, max;
	struct trace_block *blocks;
	size_t nr_blocks, max_blocks;
	u64 next_id;
};

/* Reports into the struct trace that is its cookie. */
extern const struct inval_ops trace_ops;

/**
 * trace_into() - Where allocations and cleans go from now on.
 * @trace: trace, or NULL for nowhere
 */
void trace_into(struct trace *trace);

/**
 * trace_reset() - Forget events; with @all, blocks and numbers too.
 * @trace: trace
 * @all: for a new table
 */
void trace_reset(struct trace *trace, bool all);

/**
 * trace_fini() - Free a trace's memory.
 * @trace: trace
 */
void trace_fini(struct trace *trace);

/**
 * trace_diff() - The first event in which two traces differ.
 * @model: one trace
 * @kernel: the other
 * @why: set to it when there is one
 * @size: bytes of @why
 *
 * Return: true when they are the same.
 */
bool trace_diff(const struct trace *model, const struct trace *kernel,
		char *why, size_t size);

/**
 * trace_count() - Events of a kind.
 * @trace: trace
 * @kind: kind
 */
size_t trace_count(const struct trace *trace, enum trace_kind kind);

#endif
