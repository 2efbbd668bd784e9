// SPDX-License-Identifier: GPL-2.0-only
/* The reader of traces: iommu map and unmap events, one after the other. */
#include "trace.h"

#include "trace_input.h"
#include "trace_xz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct trace_reader {
	struct trace_input *in;
	struct trace_lost lost;
};

int trace_open(const char *path, struct trace_reader **out,
	       struct iopt_err *err)
{
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	int ret;

	if (!reader)
		return iopt_err_set(err, -ENOMEM, "%s: out of memory", path);
	ret = trace_input_open(path, &reader->in, err);
	if (ret) {
		free(reader);
		return ret;
	}
	*out = reader;
	return 0;
}

static void count_loss(struct trace_reader *reader, u64 nr_events, u64 nr_gaps)
{
	struct trace_lost *lost = &reader->lost;

	/* A hostile count must not wrap to "nothing lost". */
	if (__builtin_add_overflow(lost->nr_events, nr_events,
				   &lost->nr_events))
		lost->nr_events = UINT64_MAX;
	lost->nr_gaps += nr_gaps;
	if (!lost->first_line)
		lost->first_line = trace_input_nr_lines(reader->in);
}

int trace_next(struct trace_reader *reader, struct trace_event *event,
	       struct iopt_err *err)
{
	enum trace_line_kind kind;
	struct iopt_err why;
	char *text;
	u64 nr_lost;
	int ret;

	while ((ret = trace_input_line(reader->in, &text, err)) > 0) {
		ret = trace_line_parse(text, &kind, event, &nr_lost, &why);
		if (ret)
			return iopt_err_set(err, ret, "%s:%" PRIu64 ": %s",
					    trace_input_name(reader->in),
					    trace_input_nr_lines(reader->in),
					    why.msg);
		if (kind == TRACE_LINE_LOST)
			count_loss(reader, nr_lost, 0);
		if (kind == TRACE_LINE_GAP)
			count_loss(reader, 0, 1);
		if (kind != TRACE_LINE_EVENT)
			continue;
		event->line = trace_input_nr_lines(reader->in);
		return 1;
	}
	return ret;
}

struct trace_lost trace_lost(const struct trace_reader *reader)
{
	return reader->lost;
}

const char *trace_name(const struct trace_reader *reader)
{
	return trace_input_name(reader->in);
}

u64 trace_nr_lines(const struct trace_reader *reader)
{
	return trace_input_nr_lines(reader->in);
}

bool trace_reads_xz(void)
{
	return trace_xz_is_built();
}

void trace_close(struct trace_reader *reader)
{
	if (!reader)
		return;
	trace_input_close(reader->in);
	free(reader);
}
