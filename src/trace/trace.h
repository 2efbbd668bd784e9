/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader of traces: iommu map and unmap events, one after the other.
 *
 * Reads the text of tracefs (trace, trace_pipe), perf script and trace-cmd
 * report, plain or .xz. Streams: memory does not grow with the file.
 */
#ifndef IOPT_TRACE_H
#define IOPT_TRACE_H

#include "trace_line.h"

struct trace_reader;

/**
 * struct trace_lost - Events that the file says it does not hold.
 * @nr_events: as many as it says; of all kinds, not only iommu events
 * @nr_gaps: places where events are missing and it does not say how many
 * @first_line: line that first says so, from 1; 0 when nothing was lost
 *
 * A buffer that was told not to overwrite (options/overwrite 0) drops events
 * without a word in the text: only per_cpu/cpuN/stats of tracefs tells.
 */
struct trace_lost {
	u64 nr_events;
	u64 nr_gaps;
	u64 first_line;
};

IOPT_BEGIN_DECLS

/**
 * trace_open() - Open a trace.
 * @path: path of the file, or "-" for standard input
 * @out: set to the reader; owned by the caller until trace_close()
 * @err: gets the reason of a failure, with the file; may be NULL
 *
 * Return: 0; as trace_input_open() otherwise.
 */
int trace_open(const char *path, struct trace_reader **out,
	       struct iopt_err *err);

/**
 * trace_next() - Read on to the next event.
 * @reader: reader
 * @event: set to the event; untouched at the end and on failure
 * @err: gets the reason of a failure, with file and line or byte; may be NULL
 *
 * Return: 1; 0 at the end of the file;
 * -EINVAL when an event is malformed, or the file is not text;
 * otherwise as trace_input_line(). After a malformed event the next call goes
 * on behind it.
 */
int trace_next(struct trace_reader *reader, struct trace_event *event,
	       struct iopt_err *err);

/**
 * trace_lost() - What was lost, as far as the file has been read.
 * @reader: reader
 */
struct trace_lost trace_lost(const struct trace_reader *reader);

/**
 * trace_name() - What messages call the file: its path, or "stdin".
 * @reader: reader
 */
const char *trace_name(const struct trace_reader *reader);

/**
 * trace_nr_lines() - Lines read so far.
 * @reader: reader
 */
u64 trace_nr_lines(const struct trace_reader *reader);

/**
 * trace_reads_xz() - Can this build read .xz?
 *
 * Return: false when it has no liblzma.
 */
bool trace_reads_xz(void);

/**
 * trace_close() - Close the file and free the reader.
 * @reader: from trace_open(), or NULL
 */
void trace_close(struct trace_reader *reader);

IOPT_END_DECLS

#endif
