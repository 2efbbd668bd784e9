/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What invalidation costs: a profile of published figures, applied to counts
 * after the run.
 *
 * Models: the CPU issues the commands of a segment while the SMMU executes
 *	them, in order, and waits for the last: max(n * issue, n * exec) + sync,
 *	summed over the segments between two syncs, and a submission for each
 *	batch that was pushed without one. In integer picoseconds.
 * Does not model: contention between CPUs, but as a published table; what the
 *	CPU does besides (that is measured); a full queue, which delays the CPU
 *	and not the end.
 * Source: each value names its own.
 */
#ifndef IOPT_COST_H
#define IOPT_COST_H

#include "tlb_counters.h"
#include "types.h"

#define COST_TEXT_MAX	    512
#define COST_NAME_MAX	    64
#define COST_MAX_CONTENTION 16

/* What has a price. */
enum cost_item {
	COST_ISSUE,	    /* CPU: one command by address, or its MMIO write */
	COST_EXEC,	    /* hardware: the same */
	COST_CONTEXT_ISSUE, /* CPU: a whole-context command */
	COST_CONTEXT_EXEC,  /* hardware: the same */
	COST_ATC_ISSUE,	    /* CPU: an ATC_INV */
	COST_ATC_EXEC,	    /* hardware and device: the same */
	COST_SYNC,	    /* from the last command done to the CPU going on */
	COST_SUBMIT,	    /* a batch pushed without a sync */
	COST_CALL,     /* software around one unmap; not in simulated time */
	COST_CLEAR,    /* software for one entry; not in simulated time */
	COST_UNPIN_4K, /* unpinning a 4K page; shown apart */
	COST_UNPIN_2M, /* unpinning a 2M folio; shown apart */
	COST_NR_ITEMS,
};

/* Where a value comes from. */
enum cost_kind {
	COST_MEASURED, /* the source measured it */
	COST_DERIVED,  /* computed from what the source measured */
	COST_ASSUMED,  /* no source; the text says why this value */
};

/* What the commands are sent through. */
enum cost_interface {
	COST_SMMUV3,
	COST_SMMUV2,
	COST_NOTHING, /* invalidations go nowhere */
};

/**
 * struct cost_value - One price.
 * @ps: in picoseconds
 * @kind: where it comes from
 * @source: message-id, commit, or for an assumption its reason
 * @arithmetic: how it was derived, "" otherwise
 */
struct cost_value {
	u64 ps;
	enum cost_kind kind;
	char source[COST_TEXT_MAX];
	char arithmetic[COST_TEXT_MAX];
};

/**
 * struct cost_contention - A row of a published contention table, times in ps.
 * @threads: CPUs that map and unmap at a time
 * @unmap_ps: a whole unmap
 * @cmdlist_ps: of that, in arm_smmu_cmdq_issue_cmdlist()
 * @sync_ps: of that, waiting for the CMD_SYNC
 * @is_interpolated: lies between two published rows
 */
struct cost_contention {
	u32 threads;
	u64 unmap_ps;
	u64 cmdlist_ps;
	u64 sync_ps;
	bool is_interpolated;
};

/**
 * struct cost_profile - Prices of one machine.
 * @name: as the value of a benchmark's key tlbi
 * @title: for people
 * @interface: what the commands are sent through
 * @has_ril: SMMUv3 with range invalidation
 * @flushes_by_asid: SMMUv2 whose table flush is one TLBIASID
 * @repeats_tlbi: SMMUv3 with the erratum that repeats each TLBI batch
 * @items: prices by enum cost_item
 * @contention: rows in rising order of threads
 * @contention_source: where they come from
 * @nr_contention: how many, 0 when nothing was published
 */
struct cost_profile {
	char name[COST_NAME_MAX];
	char title[COST_TEXT_MAX];
	enum cost_interface interface;
	bool has_ril;
	bool flushes_by_asid;
	bool repeats_tlbi;
	struct cost_value items[COST_NR_ITEMS];
	struct cost_contention contention[COST_MAX_CONTENTION];
	char contention_source[COST_TEXT_MAX];
	u32 nr_contention;
};

/* Room for any cost_ns_text() with its NUL. */
#define COST_NS_TEXT_MAX 32

IOPT_BEGIN_DECLS

/**
 * cost_sim_ps() - Simulated time of what was sent.
 * @profile: prices
 * @c: counts
 * @ps: set to the time in picoseconds; untouched on failure
 *
 * Commands after the last sync cost their maximum without a sync.
 *
 * Cost: a few multiplications for each distinct segment.
 *
 * Return: 0;
 * -ENOMEM when @c lost segments for want of memory;
 * -ERANGE when the time does not fit 64 bits (213 days).
 */
int cost_sim_ps(const struct cost_profile *profile,
		const struct tlb_counters *c, u64 *ps);

/**
 * cost_contention() - What a published table says of so many CPUs.
 * @profile: prices
 * @threads: CPUs
 * @row: set to the row, or between two rows to the line through them, which
 *	it then says; untouched on failure
 *
 * Return: 0;
 * -ENOENT when the profile has no table;
 * -ERANGE when @threads is outside the table: nothing is extrapolated.
 */
int cost_contention(const struct cost_profile *profile, u32 threads,
		    struct cost_contention *row);

/**
 * cost_ns_text() - Picoseconds as exact nanoseconds: "280", "72.5".
 * @ps: picoseconds
 * @text: caller's buffer; gets the text and a NUL
 *
 * Return: @text.
 */
const char *cost_ns_text(u64 ps, char text[COST_NS_TEXT_MAX]);

/**
 * cost_item_name() - "issue", "context_exec", ...: the section of a profile.
 * @item: any value of the enum
 */
const char *cost_item_name(enum cost_item item);

/**
 * cost_interface_name() - "smmuv3", "smmuv2" or "none".
 * @interface: any value of the enum
 */
const char *cost_interface_name(enum cost_interface interface);

IOPT_END_DECLS

#endif
