/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A log of what was sent to a TLB, in order, each command with the request
 * that it belongs to and the reason why it was sent.
 *
 * Models: nothing; bookkeeping. Attached only when somebody wants to read it.
 */
#ifndef IOPT_TLB_LOG_H
#define IOPT_TLB_LOG_H

#include "smmu_cmd.h"
#include "types.h"

/* Why an invalidation was sent. */
enum tlb_why {
	TLB_WHY_ALL,	  /* the whole context was to go */
	TLB_WHY_WALK,	  /* a table went: leaves and walk caches below it */
	TLB_WHY_SYNC,	  /* the caller synced its gather */
	TLB_WHY_SIZE,	  /* the next leaf was of another size */
	TLB_WHY_DISJOINT, /* the next leaf did not touch the gathered ones */
	TLB_WHY_PAGE,	  /* a leaf went, and this driver sends at once */
};

/**
 * struct tlb_request - What the page table, or its gather, asked for.
 * @why: reason
 * @iova: start of the range in bytes
 * @size: its size in bytes; 0 for a whole context
 * @granule: leaf size (SYNC, SIZE, DISJOINT, PAGE) or smallest page size
 *	(WALK) in bytes; 0 for a whole context
 * @is_leaf: leaf entries only
 * @is_mixed: leaves of any size, @granule is the smallest: no level is known
 */
struct tlb_request {
	enum tlb_why why;
	u64 iova;
	u64 size;
	u64 granule;
	bool is_leaf;
	bool is_mixed;
};

/* What an entry of a log is. */
enum tlb_log_kind {
	TLB_LOG_CMD,  /* an SMMUv3 command, in a queue */
	TLB_LOG_MMIO, /* an SMMUv2 register write */
};

#define TLB_LOG_NO_REQUEST (~0u)
#define TLB_LOG_GLOBAL	   (1ull << 63) /* MMIO in the global space */

/**
 * struct tlb_log_entry - One command or register write.
 * @raw: the command; for MMIO the offset in the context bank (or, with
 *	TLB_LOG_GLOBAL, in the global space) and the value
 * @kind: which of the two
 * @is_repeat: the second copy that an erratum asks for
 * @unit: number of the SMMU, from 0
 * @request: index into the requests of the log; TLB_LOG_NO_REQUEST for a
 *	command that somebody put into the queue without one
 * @part: number of this command within its request on that SMMU, from 0;
 *	repeats do not count
 */
struct tlb_log_entry {
	struct smmu_raw raw;
	u8 kind;
	bool is_repeat;
	u16 unit;
	u32 request;
	u32 part;
};

/**
 * struct tlb_log - The log; the caller owns it and attaches it.
 * @entries: oldest first; the log's memory
 * @nr_entries: entries in @entries
 * @max_entries: room in @entries
 * @requests: requests, oldest first; the log's memory
 * @nr_requests: entries in @requests
 * @max_requests: room in @requests
 * @part: @part of the next entry
 * @nr_lost: entries not listed because memory ran out
 */
struct tlb_log {
	struct tlb_log_entry *entries;
	size_t nr_entries;
	size_t max_entries;
	struct tlb_request *requests;
	size_t nr_requests;
	size_t max_requests;
	u32 part;
	u64 nr_lost;
};

/* Room for any tlb_log_prose() with its NUL. */
#define TLB_LOG_PROSE_MAX 512

IOPT_BEGIN_DECLS

/**
 * tlb_log_init() - Start an empty log.
 * @log: caller's
 */
void tlb_log_init(struct tlb_log *log);

/**
 * tlb_log_reset() - Forget what was logged; memory is kept.
 * @log: log
 */
void tlb_log_reset(struct tlb_log *log);

/**
 * tlb_log_fini() - Free what a log holds.
 * @log: log
 */
void tlb_log_fini(struct tlb_log *log);

/**
 * tlb_log_request() - Say what the next entries are for.
 * @log: log, or NULL for none
 * @request: copied
 */
void tlb_log_request(struct tlb_log *log, const struct tlb_request *request);

/**
 * tlb_log_add() - Append an entry to the request said last.
 * @log: log
 * @entry: copied; its @request and @part are filled in
 */
void tlb_log_add(struct tlb_log *log, const struct tlb_log_entry *entry);

/**
 * tlb_log_text() - One entry, decoded.
 * @log: log
 * @i: index of the entry
 * @text: caller's buffer; gets the text and a NUL, no newline
 *
 * Return: @text.
 */
const char *tlb_log_text(const struct tlb_log *log, size_t i,
			 char text[SMMU_CMD_TEXT_MAX]);

/**
 * tlb_log_prose() - One line that says why an entry was sent.
 * @log: log
 * @i: index of the entry
 * @text: caller's buffer; gets the text and a NUL, no newline
 *
 * Return: @text.
 */
const char *tlb_log_prose(const struct tlb_log *log, size_t i,
			  char text[TLB_LOG_PROSE_MAX]);

IOPT_END_DECLS

#endif
