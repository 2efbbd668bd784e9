/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line of a trace: an iommu map or unmap event, a word on lost events, or
 * nothing to us.
 *
 * Models: what tracefs (trace, trace_pipe), perf script and trace-cmd report
 *	print for the tracepoints iommu:map and iommu:unmap, and for losses.
 * Does not model: other events, which are passed over; time stamps, tasks and
 *	CPUs, which a replay does not use.
 * Source: include/trace/events/iommu.h of Linux 6.1, 6.12 and 7.3;
 *	kernel/trace/trace.c, print_trace_line(), print_event_info();
 *	tools/perf/builtin-script.c, tools/perf/util/event.c;
 *	trace-cmd 3.1, tracecmd/trace-read.c.
 */
#ifndef IOPT_TRACE_LINE_H
#define IOPT_TRACE_LINE_H

#include "err.h"
#include "types.h"

/* Which of the two tracepoints. */
enum trace_kind {
	TRACE_MAP,
	TRACE_UNMAP,
};

/**
 * struct trace_event - An event; addresses and sizes in bytes.
 * @kind: map or unmap
 * @iova: input address
 * @paddr: output address of a map; 0 for an unmap
 * @size: what the caller asked for
 * @unmapped_size: what an unmap did; 0 for a map
 * @line: number of its line in the file, from 1
 */
struct trace_event {
	enum trace_kind kind;
	u64 iova;
	u64 paddr;
	u64 size;
	u64 unmapped_size;
	u64 line;
};

/* What a line is. */
enum trace_line_kind {
	TRACE_LINE_OTHER, /* another event, a comment, no event at all */
	TRACE_LINE_EVENT, /* an iommu map or unmap event */
	TRACE_LINE_LOST,  /* says how many events were lost */
	TRACE_LINE_GAP,	  /* says that events were lost, not how many */
};

IOPT_BEGIN_DECLS

/**
 * trace_line_parse() - Read a line.
 * @text: the line, without newline
 * @kind: set to what it is
 * @event: set for TRACE_LINE_EVENT, all but @line; else untouched
 * @nr_lost: set for TRACE_LINE_LOST, to events, not 0; else untouched
 * @err: gets what is wrong with a malformed event; may be NULL
 *
 * Return: 0;
 * -EINVAL when the line is an iommu map or unmap event that cannot be read,
 * or that contradicts itself. Nothing is set then.
 */
int trace_line_parse(const char *text, enum trace_line_kind *kind,
		     struct trace_event *event, u64 *nr_lost,
		     struct iopt_err *err);

IOPT_END_DECLS

#endif
