// SPDX-License-Identifier: GPL-2.0-only
/* What the CPU and the kernel count while this thread runs. */
#include "perf.h"

#include "hostfs.h"
#include "perf_pmu.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TRY_NS	    100000 /* how long a group must run at once */
#define FIRST_SOFT  HOST_PERF_TASK_CLOCK
#define NR_SOFTWARE (HOST_PERF_NR_EVENTS - FIRST_SOFT)
#define READ_FORMAT                                           \
	(PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | \
	 PERF_FORMAT_TOTAL_TIME_RUNNING)

/* What read(2) gives for a group. */
struct reading {
	u64 nr;
	u64 time_enabled;
	u64 time_running;
	u64 value[HOST_PERF_NR_EVENTS];
};

/* What the kernel tells without perf events, by event from FIRST_SOFT on. */
struct usage {
	u64 value[NR_SOFTWARE];
	unsigned int cpu;
};

/**
 * struct host_perf - A group.
 * @sys: system calls
 * @pmu: monitor of the CPU
 * @root: folder that holds proc and sys, or NULL
 * @fds: descriptors, the leader first
 * @events: what each of @fds counts
 * @nr: how many
 * @excludes_kernel: user mode alone
 * @is_broken: the kernel did not do what it was asked
 * @uses_usage: a software event is not in the group
 * @base: counted before the reset
 * @before: usage at the last begin
 * @used: since the reset, what @before and its end differ by
 * @why: by part
 * @source: by event
 */
struct host_perf {
	struct host_perf_sys sys;
	struct perf_pmu pmu;
	const char *root;
	int fds[HOST_PERF_NR_EVENTS];
	enum host_perf_event events[HOST_PERF_NR_EVENTS];
	size_t nr;
	bool excludes_kernel;
	bool is_broken;
	bool uses_usage;
	struct reading base;
	struct usage before;
	struct usage used;
	char why[HOST_PERF_NR_PARTS][HOST_PERF_TEXT_MAX];
	char source[HOST_PERF_NR_EVENTS][HOST_PERF_TEXT_MAX];
};

static const char *const names[HOST_PERF_NR_EVENTS] = {
	[HOST_PERF_CYCLES] = "perf_cycles",
	[HOST_PERF_INSTRUCTIONS] = "perf_instructions",
	[HOST_PERF_BRANCH_MISSES] = "perf_branch_misses",
	[HOST_PERF_L1D_MISSES] = "perf_l1d_misses",
	[HOST_PERF_LLC_MISSES] = "perf_llc_misses",
	[HOST_PERF_DTLB_MISSES] = "perf_dtlb_misses",
	[HOST_PERF_TASK_CLOCK] = "perf_task_clock_ns",
	[HOST_PERF_PAGE_FAULTS] = "perf_page_faults",
	[HOST_PERF_CONTEXT_SWITCHES] = "perf_context_switches",
	[HOST_PERF_CPU_MIGRATIONS] = "perf_cpu_migrations",
};

/* The calling thread, on any CPU. */
static int real_open(struct perf_event_attr *attr, int group_fd, void *arg)
{
	long fd = syscall(SYS_perf_event_open, attr, 0, -1, group_fd,
			  PERF_FLAG_FD_CLOEXEC);

	(void)arg;
	return fd < 0 ? -errno : (int)fd;
}

static int real_control(int fd, unsigned long request, void *arg)
{
	(void)arg;
	return ioctl(fd, request, 0) ? -errno : 0;
}

static ssize_t real_read(int fd, void *buf, size_t size, void *arg)
{
	ssize_t ret = read(fd, buf, size);

	(void)arg;
	return ret < 0 ? -errno : ret;
}

static void real_close(int fd, void *arg)
{
	(void)arg;
	close(fd);
}

static const struct host_perf_sys real_sys = {
	.open = real_open,
	.control = real_control,
	.read = real_read,
	.close = real_close,
};

static void __attribute__((format(printf, 3, 4)))
say(struct host_perf *perf, enum host_perf_part part, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(perf->why[part], HOST_PERF_TEXT_MAX, fmt, ap);
	va_end(ap);
}

static void say_paranoid(struct host_perf *perf, enum host_perf_part part,
			 int wanted)
{
	char level[32] = "too high";

	hostfs_line(perf->root, level, sizeof(level),
		    "proc/sys/kernel/perf_event_paranoid");
	say(perf, part,
	    "paranoid: perf_event_paranoid is %s; as root: sysctl "
	    "kernel.perf_event_paranoid=%d",
	    level, wanted);
}

/* A kernel with perf events has the file; then a filter answers for it. */
static void say_no_call(struct host_perf *perf, enum host_perf_part part)
{
	char level[32];

	if (hostfs_line(perf->root, level, sizeof(level),
			"proc/sys/kernel/perf_event_paranoid"))
		say(perf, part,
		    "seccomp: a filter denies perf_event_open(2), as in most "
		    "containers; allow it there, or run outside");
	else
		say(perf, part,
		    "no-perf: the kernel was built without "
		    "CONFIG_PERF_EVENTS");
}

/* Why the first event of a group cannot be had. */
static void say_why(struct host_perf *perf, enum host_perf_part part, int ret)
{
	switch (-ret) {
	case EACCES:
		say_paranoid(perf, part, part == HOST_PERF_KERNEL ? 1 : 2);
		break;
	case EPERM:
	case ENOSYS:
		say_no_call(perf, part);
		break;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case EOPNOTSUPP:
		say(perf, part,
		    "no-pmu: the kernel has no such counters here; a virtual "
		    "machine needs a virtual PMU");
		break;
	case EMFILE:
	case ENFILE:
		say(perf, part, "files: no descriptor is left; ulimit -n");
		break;
	case EBUSY:
		say(perf, part,
		    "busy: somebody has the counters for himself; stop what "
		    "profiles this machine");
		break;
	default:
		say(perf, part, "refused: perf_event_open(2): %s",
		    strerror(-ret));
	}
}

/* -errno of the first way to count that is not just a missing name. */
static int open_event(struct host_perf *perf, enum host_perf_event event)
{
	const struct perf_candidate *c = perf_candidates;
	struct perf_event_attr attr;
	int fd, ret = -ENOENT;

	for (; c->name; c++) {
		if (c->event != event)
			continue;
		attr = (struct perf_event_attr){
			.size = sizeof(attr),
			.read_format = READ_FORMAT,
			.disabled = !perf->nr,
			.exclude_kernel = perf->excludes_kernel,
			.exclude_hv = 1,
		};
		if (perf_pmu_attr(&perf->pmu, c, &attr, perf->source[event]))
			continue;
		fd = perf->sys.open(&attr, perf->nr ? perf->fds[0] : -1,
				    perf->sys.arg);
		if (fd >= 0) {
			perf->events[perf->nr] = event;
			perf->fds[perf->nr++] = fd;
			return 0;
		}
		if (ret == -ENOENT)
			ret = fd;
	}
	strcpy(perf->source[event], "none");
	return ret;
}

static void close_from(struct host_perf *perf, size_t first)
{
	while (perf->nr > first) {
		perf->nr--;
		perf->sys.close(perf->fds[perf->nr], perf->sys.arg);
		strcpy(perf->source[perf->events[perf->nr]], "none");
	}
}

/* The kernel's share too, unless that alone is forbidden. */
static int open_leader(struct host_perf *perf, enum host_perf_event event)
{
	int ret;

	perf->excludes_kernel = false;
	ret = open_event(perf, event);
	strcpy(perf->why[HOST_PERF_KERNEL], "yes");
	if (ret != -EACCES)
		return ret;
	say_why(perf, HOST_PERF_KERNEL, ret);
	perf->excludes_kernel = true;
	return open_event(perf, event);
}

/*
 * Switches and migrations happen in the kernel: where that is left out they
 * would count as 0.
 */
static void open_software(struct host_perf *perf)
{
	for (int e = FIRST_SOFT; e < HOST_PERF_NR_EVENTS; e++) {
		if (strcmp(perf->source[e], "none"))
			continue;
		if (perf->excludes_kernel && (e == HOST_PERF_CONTEXT_SWITCHES ||
					      e == HOST_PERF_CPU_MIGRATIONS))
			continue;
		open_event(perf, (enum host_perf_event)e);
	}
}

static int read_group(const struct host_perf *perf, struct reading *r)
{
	const size_t size = offsetof(struct reading, value) +
			    perf->nr * sizeof(r->value[0]);

	*r = (struct reading){ .nr = perf->nr };
	if (!perf->nr)
		return 0;
	if (perf->sys.read(perf->fds[0], r, size, perf->sys.arg) !=
		    (ssize_t)size ||
	    r->nr != perf->nr)
		return -EIO;
	return 0;
}

/* Between two readings, all the time that it was enabled. */
static bool has_run(const struct reading *before, const struct reading *after)
{
	return after->time_enabled - before->time_enabled ==
	       after->time_running - before->time_running;
}

static u64 now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

/* Does the group run whenever it is enabled? 0, -EBUSY or what failed. */
static int try_group(struct host_perf *perf)
{
	u64 end = now_ns(CLOCK_MONOTONIC) + TRY_NS;
	struct reading before, after;
	int ret = read_group(perf, &before);

	if (!ret)
		ret = perf->sys.control(perf->fds[0], PERF_EVENT_IOC_ENABLE,
					perf->sys.arg);
	while (!ret && now_ns(CLOCK_MONOTONIC) < end)
		;
	if (!ret)
		ret = perf->sys.control(perf->fds[0], PERF_EVENT_IOC_DISABLE,
					perf->sys.arg);
	if (!ret)
		ret = read_group(perf, &after);
	if (ret)
		return ret;
	return has_run(&before, &after) ? 0 : -EBUSY;
}

/* How many of the first events the CPU can count at once, by trying. */
static void open_hardware(struct host_perf *perf)
{
	int ret = open_leader(perf, HOST_PERF_CYCLES);

	if (ret) {
		say_why(perf, HOST_PERF_HARDWARE, ret);
		return;
	}
	for (int e = HOST_PERF_CYCLES + 1; e < FIRST_SOFT; e++)
		open_event(perf, (enum host_perf_event)e);
	while (perf->nr && (ret = try_group(perf)))
		close_from(perf, perf->nr - 1);
	if (perf->nr)
		strcpy(perf->why[HOST_PERF_HARDWARE], "yes");
	else if (ret == -EBUSY)
		say(perf, HOST_PERF_HARDWARE,
		    "multiplexed: others hold the counters, such as another "
		    "perf or the NMI watchdog");
	else
		say(perf, HOST_PERF_HARDWARE, "refused: %s", strerror(-ret));
}

static void open_all(struct host_perf *perf)
{
	int ret = 0;

	open_hardware(perf);
	if (!perf->nr)
		ret = open_leader(perf, HOST_PERF_TASK_CLOCK);
	if (ret) {
		say_why(perf, HOST_PERF_SOFTWARE, ret);
		strcpy(perf->why[HOST_PERF_KERNEL],
		       perf->why[HOST_PERF_SOFTWARE]);
		return;
	}
	open_software(perf);
	/* Hardware was tried, and events of the kernel take no counters. */
	if (perf->events[0] == HOST_PERF_TASK_CLOCK)
		ret = try_group(perf);
	if (ret) {
		close_from(perf, 0);
		say(perf, HOST_PERF_SOFTWARE, "refused: %s", strerror(-ret));
	} else {
		strcpy(perf->why[HOST_PERF_SOFTWARE], "yes");
	}
}

/* Where each software event comes from that is not in the group. */
static void use_usage(struct host_perf *perf)
{
	static const char *const sources[NR_SOFTWARE] = {
		"CLOCK_THREAD_CPUTIME_ID", "getrusage", "getrusage", "getcpu"
	};

	for (int i = 0; i < NR_SOFTWARE; i++) {
		char *source = perf->source[FIRST_SOFT + i];

		if (strcmp(source, "none"))
			continue;
		strcpy(source, sources[i]);
		perf->uses_usage = true;
	}
}

int host_perf_create(const struct host_perf_cfg *cfg, struct host_perf **out,
		     struct iopt_err *err)
{
	struct host_perf *perf = calloc(1, sizeof(*perf));

	if (!perf)
		return iopt_err_set(err, -ENOMEM, "perf: out of memory");
	perf->sys = cfg->sys ? *cfg->sys : real_sys;
	perf->root = cfg->root;
	for (int e = 0; e < HOST_PERF_NR_EVENTS; e++)
		strcpy(perf->source[e], "none");
	perf_pmu_find(&perf->pmu, cfg->root, cfg->cpu);
	open_all(perf);
	use_usage(perf);
	host_perf_reset(perf);
	*out = perf;
	return 0;
}

void host_perf_destroy(struct host_perf *perf)
{
	if (!perf)
		return;
	close_from(perf, 0);
	free(perf);
}

static void usage_get(struct usage *u)
{
	struct rusage r;

	u->cpu = (unsigned int)sched_getcpu();
	getrusage(RUSAGE_THREAD, &r);
	u->value[HOST_PERF_TASK_CLOCK - FIRST_SOFT] =
		now_ns(CLOCK_THREAD_CPUTIME_ID);
	u->value[HOST_PERF_PAGE_FAULTS - FIRST_SOFT] =
		(u64)(r.ru_minflt + r.ru_majflt);
	u->value[HOST_PERF_CONTEXT_SWITCHES - FIRST_SOFT] =
		(u64)(r.ru_nvcsw + r.ru_nivcsw);
	u->value[HOST_PERF_CPU_MIGRATIONS - FIRST_SOFT] = 0;
}

/* Of several migrations between two looks one is seen. */
static void usage_add(struct usage *sum, const struct usage *before)
{
	struct usage now;

	usage_get(&now);
	now.value[HOST_PERF_CPU_MIGRATIONS - FIRST_SOFT] =
		now.cpu != before->cpu;
	for (int i = 0; i < NR_SOFTWARE; i++)
		sum->value[i] += now.value[i] - before->value[i];
}

void host_perf_reset(struct host_perf *perf)
{
	perf->is_broken = read_group(perf, &perf->base) != 0;
	perf->used = (struct usage){ .cpu = 0 };
}

void host_perf_begin(struct host_perf *perf)
{
	if (perf->uses_usage)
		usage_get(&perf->before);
	if (perf->nr && perf->sys.control(perf->fds[0], PERF_EVENT_IOC_ENABLE,
					  perf->sys.arg))
		perf->is_broken = true;
}

void host_perf_end(struct host_perf *perf)
{
	if (perf->nr && perf->sys.control(perf->fds[0], PERF_EVENT_IOC_DISABLE,
					  perf->sys.arg))
		perf->is_broken = true;
	if (perf->uses_usage)
		usage_add(&perf->used, &perf->before);
}

int host_perf_read(struct host_perf *perf, struct host_perf_counts *counts)
{
	struct host_perf_counts got = { .value = { 0 } };
	struct reading r;

	if (perf->is_broken || read_group(perf, &r))
		return -EIO;
	if (!has_run(&perf->base, &r))
		return -EBUSY;
	for (int e = FIRST_SOFT; e < HOST_PERF_NR_EVENTS; e++) {
		got.value[e] = perf->used.value[e - FIRST_SOFT];
		got.has[e] = true;
	}
	for (size_t i = 0; i < perf->nr; i++) {
		got.value[perf->events[i]] = r.value[i] - perf->base.value[i];
		got.has[perf->events[i]] = true;
	}
	*counts = got;
	return 0;
}

const char *host_perf_why(const struct host_perf *perf,
			  enum host_perf_part part)
{
	return perf->why[part];
}

const char *host_perf_source(const struct host_perf *perf,
			     enum host_perf_event event)
{
	return perf->source[event];
}

const char *host_perf_name(enum host_perf_event event)
{
	return names[event];
}
