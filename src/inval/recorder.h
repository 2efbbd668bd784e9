/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The recorder: counts what a page table says of invalidation, and lists it.
 */
#ifndef IOPT_RECORDER_H
#define IOPT_RECORDER_H

#include "gather.h"

/* What a page table, or the gather, said. */
enum inval_kind {
	INVAL_ALL,  /* flush_all() */
	INVAL_WALK, /* flush_walk() */
	INVAL_PAGE, /* add_page() */
	INVAL_SYNC, /* sync() of a gather that holds pages */
};

/**
 * struct inval_event - One thing said; all sizes in bytes.
 * @kind: what
 * @iova: start of the range; 0 for INVAL_ALL
 * @size: size of the range; 0 for INVAL_ALL
 * @granule: smallest page size (WALK), leaf size (PAGE, SYNC), 0 (ALL); where
 *	leaves of any size gather, the size of the range (PAGE) and the smallest
 *	page (SYNC)
 */
struct inval_event {
	enum inval_kind kind;
	u64 iova;
	u64 size;
	u64 granule;
};

/**
 * struct inval_counts - How often each was said.
 * @nr_all: flush_all() calls
 * @nr_walks: flush_walk() calls
 * @nr_pages: add_page() calls
 * @nr_syncs: syncs of a gather that held pages; a sync of an empty gather
 *	sends nothing and is not counted
 */
struct inval_counts {
	u64 nr_all;
	u64 nr_walks;
	u64 nr_pages;
	u64 nr_syncs;
};

/**
 * struct recorder - The cookie of inval_recorder_ops; the caller owns it.
 * @rule: how pages gather
 * @counts: since recorder_init() or recorder_reset()
 * @events: list of what was said, oldest first; the recorder's memory
 * @nr_events: entries in @events
 * @max_events: room in @events
 * @wants_list: false to count only
 * @nr_lost: events not listed because memory ran out
 */
struct recorder {
	const struct gather_rule *rule;
	struct inval_counts counts;
	struct inval_event *events;
	size_t nr_events;
	size_t max_events;
	bool wants_list;
	u64 nr_lost;
};

IOPT_BEGIN_DECLS

/* Cookie: struct recorder. */
extern const struct inval_ops inval_recorder_ops;

/**
 * recorder_init() - Start a recorder with nothing recorded.
 * @rec: caller's
 * @rule: how pages gather; must outlive @rec
 * @wants_list: list each event (allocates as it grows), or only count
 */
void recorder_init(struct recorder *rec, const struct gather_rule *rule,
		   bool wants_list);

/**
 * recorder_reset() - Forget what was recorded; memory is kept.
 * @rec: recorder
 */
void recorder_reset(struct recorder *rec);

/**
 * recorder_fini() - Free what a recorder holds.
 * @rec: recorder
 */
void recorder_fini(struct recorder *rec);

/**
 * inval_kind_name() - "all", "walk", "page" or "sync".
 * @kind: any value of the enum
 */
const char *inval_kind_name(enum inval_kind kind);

IOPT_END_DECLS

#endif
