/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints iommu:map and iommu:unmap of one CPU, while something runs,
 * in an instance of tracefs that is ours alone.
 *
 * Source: Documentation/trace/ftrace.rst of Linux 6.12 (instances, per_cpu,
 *	trace_clock); include/trace/events/iommu.h.
 */
#ifndef IOPT_LIVE_EVENTS_H
#define IOPT_LIVE_EVENTS_H

#include "err.h"
#include "trace_line.h"
#include "types.h"

#define EVENTS_PATH_MAX 256

/**
 * struct event_stats - Events of one kind.
 * @nr: how many
 * @bytes: asked for by all of them
 * @unmapped_bytes: unmapped by all of them; 0 of maps
 * @nr_of_lg2: how many asked for 2^i bytes or more, and less than 2^(i+1)
 * @first_us: time of the first, in microseconds
 * @last_us: time of the last
 */
struct event_stats {
	u64 nr;
	u64 bytes;
	u64 unmapped_bytes;
	u64 nr_of_lg2[64];
	u64 first_us;
	u64 last_us;
};

/**
 * struct event_set - Events of both kinds.
 * @kinds: by enum trace_kind
 * @nr_lost: events that the buffer had no room for
 */
struct event_set {
	struct event_stats kinds[2];
	u64 nr_lost;
};

/**
 * struct live_events - The instance; the caller owns it.
 * @path: its folder; "" when there is none
 * @cpu: whose events
 */
struct live_events {
	char path[EVENTS_PATH_MAX];
	unsigned int cpu;
};

IOPT_BEGIN_DECLS

/**
 * event_set_add() - Count a line of a trace.
 * @set: counts
 * @line: the line; one of another event counts nothing
 * @err: gets what is wrong; may be NULL
 *
 * Return: 0; -EINVAL when it is an event that cannot be read, or has no time.
 */
int event_set_add(struct event_set *set, const char *line,
		  struct iopt_err *err);

/**
 * live_events_open() - Make an instance, with both events enabled.
 * @events: set up; live_events_close() is wanted when it worked
 * @cpu: whose events to take
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * a negative errno when tracefs cannot be written, or the kernel has no such
 * events.
 */
int live_events_open(struct live_events *events, unsigned int cpu,
		     struct iopt_err *err);

/**
 * live_events_start() - Take events from now on, none from before.
 * @events: instance
 *
 * Return: 0; a negative errno.
 */
int live_events_start(const struct live_events *events);

/**
 * live_events_stop() - Take no more, and count what came.
 * @events: instance
 * @set: set to the counts; untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; a negative errno; as event_set_add().
 */
int live_events_stop(const struct live_events *events, struct event_set *set,
		     struct iopt_err *err);

/**
 * live_events_close() - Remove the instance.
 * @events: instance, or one that could not be made
 */
void live_events_close(struct live_events *events);

IOPT_END_DECLS

#endif
