/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace made ready to be replayed: checked, and in memory without its text.
 */
#ifndef IOPT_TRACE_PROG_H
#define IOPT_TRACE_PROG_H

#include "trace.h"

/**
 * struct trace_op - One call of a replay; addresses and sizes in bytes.
 * @iova: input address
 * @size: what to map or unmap
 * @arg: of a map, its output address; of an unmap, what it should return
 */
struct trace_op {
	u64 iova;
	u64 size;
	u64 arg;
};

/**
 * struct trace_run - Calls of one kind that follow each other.
 * @kind: all maps or all unmaps
 * @first: index of the first call
 * @nr_ops: calls, not 0
 */
struct trace_run {
	enum trace_kind kind;
	u32 first;
	u32 nr_ops;
};

/**
 * struct trace_flaw - Something of a trace that does not add up.
 * @nr_events: events that show it
 * @first_line: line of the first of them; 0 when there is none
 */
struct trace_flaw {
	u64 nr_events;
	u64 first_line;
};

/**
 * struct trace_summary - What a trace holds; addresses and sizes in bytes.
 * @nr_maps: map events in the file
 * @nr_unmaps: unmap events in the file
 * @bytes_mapped: sum of the sizes of all map events
 * @bytes_unmapped: sum of the unmapped_size of all unmap events
 * @peak_bytes: most that was mapped at a time
 * @peak_ranges: most map events, or pieces of one, that were live at a time
 * @end_bytes: what is still mapped when the trace ends
 * @all_bits: all iovas, paddrs and sizes, or-ed: the lowest set bit is the
 *	granule that the trace needs
 * @last_iova: highest input address of any event
 * @last_paddr: highest output address of any event
 * @lost: events that the file says it does not hold
 * @over_live: maps over a range that was live; not replayed
 * @never_mapped: unmaps, of which a part was never mapped; what was mapped of
 *	them is replayed
 * @other_size: unmaps whose unmapped_size was not their size
 * @empty: events of size 0; not replayed
 */
struct trace_summary {
	u64 nr_maps;
	u64 nr_unmaps;
	u64 bytes_mapped;
	u64 bytes_unmapped;
	u64 peak_bytes;
	u64 peak_ranges;
	u64 end_bytes;
	u64 all_bits;
	u64 last_iova;
	u64 last_paddr;
	struct trace_lost lost;
	struct trace_flaw over_live;
	struct trace_flaw never_mapped;
	struct trace_flaw other_size;
	struct trace_flaw empty;
};

/**
 * struct trace_prog - A trace in memory; made by trace_prog_load().
 * @ops: calls in the order of the file
 * @lines: line of the file that each call comes from
 * @nr_ops: entries in @ops and @lines
 * @runs: the same calls by kind
 * @nr_runs: entries in @runs
 * @sum: what the trace holds
 */
struct trace_prog {
	struct trace_op *ops;
	u64 *lines;
	size_t nr_ops;
	struct trace_run *runs;
	size_t nr_runs;
	struct trace_summary sum;
};

IOPT_BEGIN_DECLS

/**
 * trace_prog_load() - Read a trace to its end and check it.
 * @path: path of the file, or "-" for standard input
 * @out: set to the trace; owned by the caller until trace_prog_destroy()
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * An unmap of which a part was never mapped becomes one call for each piece
 * that was. Flaws are counted in the summary and are no failure.
 *
 * Cost: 32 bytes a call; while it runs, memory for the live ranges too.
 *
 * Return: 0;
 * -ENODATA when the file holds no event;
 * -EINVAL when an event is malformed;
 * -ENOMEM when there is no memory;
 * -E2BIG when it has more than 2^32 - 1 calls;
 * as trace_open() and trace_next() otherwise.
 */
int trace_prog_load(const char *path, struct trace_prog **out,
		    struct iopt_err *err);

/**
 * trace_prog_destroy() - Free a trace.
 * @prog: from trace_prog_load(), or NULL
 */
void trace_prog_destroy(struct trace_prog *prog);

IOPT_END_DECLS

#endif
