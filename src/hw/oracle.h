/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The coherence oracle: after a sync no cached entry may remain that the table
 * no longer has, and no change of the table may lack break-before-make.
 *
 * It reads raw descriptors and the hardware's caches, and knows neither engine
 * nor driver. It watches one table: a look between two operations, another at
 * each invalidation.
 *
 * Models: the rules of an SMMU with BBM level 0; see shadow.h for which changes
 *	count. What a caller deferred (an unmap whose gather is not synced, or
 *	that waits in a flush queue) may stay cached until oracle_defer_end().
 * Does not model: races within one operation; several SMMUs.
 * Source: see shadow.h; the shadow IOTLB of Linux's generic_pt tests is the
 *	idea's origin.
 */
#ifndef IOPT_ORACLE_H
#define IOPT_ORACLE_H

#include "err.h"
#include "hw.h"
#include "shadow.h"

struct oracle;

/* What the oracle may find. */
enum oracle_kind {
	ORACLE_STALE_LEAF,  /* the IOTLB has a leaf that the table has not */
	ORACLE_STALE_TABLE, /* a walk cache has a table that is gone */
	ORACLE_BBM,	    /* a change lacked break-before-make */
	ORACLE_ACCESS,	    /* an access went where the table does not lead */
};

/* Findings that are kept in full; all are counted. */
#define ORACLE_MAX_FINDINGS 16

/* Room for any oracle_finding_text() with its NUL. */
#define ORACLE_TEXT_MAX 192

/**
 * struct oracle_finding - One finding.
 * @kind: what
 * @level: of the cached or changed descriptor
 * @lg2_size: lg2 of the bytes that it covers
 * @iova: first address that it covers; of ORACLE_ACCESS, the address accessed
 * @was: what is, or may be, cached; WALK_NONE with ORACLE_BBM: pages below
 * @now: what the table has there
 */
struct oracle_finding {
	enum oracle_kind kind;
	u8 level;
	u8 lg2_size;
	u64 iova;
	struct walk_desc was;
	struct walk_desc now;
};

/**
 * struct oracle_counts - What was found.
 * @stale_after_sync: cached entries found stale; each once, however often it
 *	is looked at
 * @stale_leaves: those of the IOTLB
 * @stale_tables: those of the walk caches
 * @bbm_violations: changes that lacked break-before-make
 * @stale_accesses: accesses that went where the table does not lead, or were
 *	refused against it
 * @nr_checks: oracle_check() calls
 * @nr_checked: entries looked at by them
 */
struct oracle_counts {
	u64 stale_after_sync;
	u64 stale_leaves;
	u64 stale_tables;
	u64 bbm_violations;
	u64 stale_accesses;
	u64 nr_checks;
	u64 nr_checked;
};

IOPT_BEGIN_DECLS

/**
 * oracle_create() - Watch a table.
 * @context: table and tag; copied. The table must live until the last call
 *	but oracle_destroy()
 * @hw: its caches are examined; not owned
 * @out: set to the oracle, owned by the caller until oracle_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -ENOMEM when there is no memory.
 */
int oracle_create(const struct hw_context *context, struct hw *hw,
		  struct oracle **out, struct iopt_err *err);

/**
 * oracle_destroy() - Free an oracle.
 * @oracle: oracle, or NULL
 */
void oracle_destroy(struct oracle *oracle);

/**
 * oracle_grow() - The table has got a new top, above the one it had (amdv1).
 * @oracle: oracle
 * @table: the table as it is now; copied
 *
 * Before the next look; what was cached below stays under watch.
 *
 * Return: as oracle_look().
 */
int oracle_grow(struct oracle *oracle, const struct walk_table *table);

/**
 * oracle_look() - Compare the table with what may be cached of it.
 * @oracle: oracle
 *
 * For between two operations; oracle_invalidate() looks by itself.
 *
 * Cost: reads every reachable descriptor.
 *
 * Return: 0; -ENOMEM when memory ran out, now or before: what is reported then
 * is not complete.
 */
int oracle_look(struct oracle *oracle);

/**
 * oracle_invalidate() - Hear of an invalidation, before the hardware does.
 * @oracle: oracle
 * @inval: invalidation; of another context it is ignored
 */
void oracle_invalidate(struct oracle *oracle, const struct hw_inval *inval);

/**
 * oracle_defer() - A range is unmapped, its leaves are not invalidated yet.
 * @oracle: oracle
 * @iova: start in bytes
 * @size: bytes
 */
void oracle_defer(struct oracle *oracle, u64 iova, u64 size);

/**
 * oracle_defer_end() - What was deferred is synced: no leaf may be left.
 * @oracle: oracle
 */
void oracle_defer_end(struct oracle *oracle);

/**
 * oracle_check() - Look, and examine every cached entry, as after a sync.
 * @oracle: oracle
 *
 * Leaves in a deferred range are passed by; tables never are, since a table
 * flush is synced at once.
 *
 * Return: as oracle_look().
 */
int oracle_check(struct oracle *oracle);

/**
 * oracle_access() - One access of a device, held against the table.
 * @oracle: oracle
 * @iova: input address in bytes
 * @prot: as for hw_translate()
 * @res: set
 *
 * Return: @res->fault.
 */
enum walk_fault oracle_access(struct oracle *oracle, u64 iova, int prot,
			      struct hw_result *res);

/**
 * oracle_counts() - What was found so far.
 * @oracle: oracle
 */
struct oracle_counts oracle_counts(const struct oracle *oracle);

/**
 * oracle_finding() - One of the first findings.
 * @oracle: oracle
 * @i: from 0
 *
 * Return: the oracle's; NULL past the last, or past ORACLE_MAX_FINDINGS.
 */
const struct oracle_finding *oracle_finding(const struct oracle *oracle,
					    size_t i);

/**
 * oracle_finding_text() - Write a finding as a line of prose.
 * @finding: finding
 * @text: caller's buffer; gets the text and a NUL, no newline
 *
 * Return: @text.
 */
const char *oracle_finding_text(const struct oracle_finding *finding,
				char text[ORACLE_TEXT_MAX]);

IOPT_END_DECLS

#endif
