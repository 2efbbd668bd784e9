/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the CPU and the kernel count while this thread runs: one group of
 * perf events, read at once.
 *
 * Nothing here fails because a machine cannot count. What is not to be had is
 * named, with one reason: no monitor, perf_event_paranoid, a container's
 * filter, counters that others hold. Software events that perf_event_open(2)
 * does not give are taken from getrusage(2), the thread's CPU clock and
 * getcpu(2).
 *
 * Source: perf_event_open(2); kernel/events/core.c of Linux.
 */
#ifndef IOPT_PERF_H
#define IOPT_PERF_H

#include "err.h"
#include "types.h"

#include <sys/types.h>

#define HOST_PERF_TEXT_MAX 192

struct perf_event_attr;

/* What is counted, in the order of how much it is missed. */
enum host_perf_event {
	HOST_PERF_CYCLES,
	HOST_PERF_INSTRUCTIONS,
	HOST_PERF_BRANCH_MISSES,
	HOST_PERF_L1D_MISSES,
	HOST_PERF_LLC_MISSES,
	HOST_PERF_DTLB_MISSES,
	HOST_PERF_TASK_CLOCK, /* the first that the kernel counts; in ns */
	HOST_PERF_PAGE_FAULTS,
	HOST_PERF_CONTEXT_SWITCHES,
	HOST_PERF_CPU_MIGRATIONS,
	HOST_PERF_NR_EVENTS,
};

/**
 * struct host_perf_sys - The system calls, so that a test can take their place.
 * @open: perf_event_open(2) of the calling thread on any CPU, in the group of
 *	@group_fd or, for -1, as the first of one; a descriptor or -errno
 * @control: ioctl(2) with no argument; 0 or -errno
 * @read: read(2); bytes or -errno
 * @close: close(2)
 * @arg: handed to each
 */
struct host_perf_sys {
	int (*open)(struct perf_event_attr *attr, int group_fd, void *arg);
	int (*control)(int fd, unsigned long request, void *arg);
	ssize_t (*read)(int fd, void *buf, size_t size, void *arg);
	void (*close)(int fd, void *arg);
	void *arg;
};

/**
 * struct host_perf_cfg - Where to count.
 * @root: folder that holds proc and sys; NULL for the running system
 * @cpu: CPU that is measured on, whose monitor is used
 * @sys: system calls, copied; NULL for the real ones
 */
struct host_perf_cfg {
	const char *root;
	unsigned int cpu;
	const struct host_perf_sys *sys;
};

/**
 * struct host_perf_counts - What was counted.
 * @value: by event; task clock in ns
 * @has: whether @value holds; by event
 */
struct host_perf_counts {
	u64 value[HOST_PERF_NR_EVENTS];
	bool has[HOST_PERF_NR_EVENTS];
};

/* What a person wants to know of a counter group; see host_perf_why(). */
enum host_perf_part {
	HOST_PERF_HARDWARE, /* events of the CPU */
	HOST_PERF_KERNEL,   /* events in kernel mode */
	HOST_PERF_SOFTWARE, /* events of the kernel through perf_event_open() */
	HOST_PERF_NR_PARTS,
};

struct host_perf;

IOPT_BEGIN_DECLS

/**
 * host_perf_create() - Open what can be had, for the calling thread.
 * @cfg: where; not kept
 * @out: set to the group, owned by the caller until host_perf_destroy();
 *	counts nothing yet
 * @err: gets the reason of a failure; may be NULL
 *
 * Events are given up, the last first, until the group runs without taking
 * turns with others on the CPU's counters.
 *
 * Cost: some dozen system calls; 0.1 ms for each try at running.
 *
 * Return: 0, whatever the machine can count; -ENOMEM when memory ran out.
 */
int host_perf_create(const struct host_perf_cfg *cfg, struct host_perf **out,
		     struct iopt_err *err);

/**
 * host_perf_destroy() - Close a group.
 * @perf: from host_perf_create(), or NULL
 */
void host_perf_destroy(struct host_perf *perf);

/**
 * host_perf_reset() - Forget what was counted.
 * @perf: group that is not counting
 */
void host_perf_reset(struct host_perf *perf);

/**
 * host_perf_begin() - Count from now on, on top of what was counted.
 * @perf: group
 *
 * Cost: at most three system calls, all before counting begins.
 */
void host_perf_begin(struct host_perf *perf);

/**
 * host_perf_end() - Count no more.
 * @perf: group
 *
 * Cost: as host_perf_begin().
 */
void host_perf_end(struct host_perf *perf);

/**
 * host_perf_read() - What was counted between begin and end since the reset.
 * @perf: group that is not counting
 * @counts: set on success
 *
 * Cost: one read(2).
 *
 * Return: 0;
 * -EBUSY when the group shared the CPU's counters with another, so that it ran
 * a part of the time: nothing is scaled, the counts are not given;
 * -EIO when the kernel gave something else than was asked for.
 */
int host_perf_read(struct host_perf *perf, struct host_perf_counts *counts);

/**
 * host_perf_why() - Whether a part is counted, and why not.
 * @perf: group
 * @part: any value of the enum
 *
 * Return: "yes", or "<word>: <what is, and what to do>", in @perf.
 */
const char *host_perf_why(const struct host_perf *perf,
			  enum host_perf_part part);

/**
 * host_perf_source() - What an event is counted by.
 * @perf: group
 * @event: any value of the enum
 *
 * Return: such as "cycles", "armv8_pmuv3_0/ll_cache_miss_rd/", "getrusage", or
 * "none", in @perf.
 */
const char *host_perf_source(const struct host_perf *perf,
			     enum host_perf_event event);

/**
 * host_perf_name() - Name of a counter: "perf_cycles", "perf_task_clock_ns".
 * @event: any value of the enum
 *
 * Return: a static string.
 */
const char *host_perf_name(enum host_perf_event event);

IOPT_END_DECLS

#endif
