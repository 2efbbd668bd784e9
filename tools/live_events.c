// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints iommu:map and iommu:unmap of one CPU. */
#include "live_events.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lg2.h"

/* A million events: as many as an unmap of 4G in scattered 4K pages has. */
#define BUFFER_KIB "65536"
#define PATH_ROOM  (EVENTS_PATH_MAX + 64)

/* "... 1234.567890: unmap: IOMMU: ..." */
static bool time_of(const char *line, u64 *us)
{
	static const char *const marks[] = { ": map: ", ": unmap: " };
	const char *end = NULL, *start;
	u64 seconds, fraction;

	for (size_t i = 0; i < ARRAY_SIZE(marks) && !end; i++)
		end = strstr(line, marks[i]);
	if (!end)
		return false;
	for (start = end; start > line && start[-1] != ' '; start--)
		;
	if (sscanf(start, "%" SCNu64 ".%6" SCNu64 ":", &seconds, &fraction) !=
	    2)
		return false;
	*us = seconds * 1000000 + fraction;
	return true;
}

int event_set_add(struct event_set *set, const char *line, struct iopt_err *err)
{
	enum trace_line_kind kind;
	struct trace_event event;
	struct event_stats *stats;
	u64 nr_lost, us = 0;
	int ret = trace_line_parse(line, &kind, &event, &nr_lost, err);

	if (ret || kind == TRACE_LINE_OTHER)
		return ret;
	if (kind != TRACE_LINE_EVENT) {
		set->nr_lost += kind == TRACE_LINE_LOST ? nr_lost : 1;
		return 0;
	}
	if (!time_of(line, &us))
		return iopt_err_set(err, -EINVAL, "no time in '%.100s'", line);
	stats = &set->kinds[event.kind];
	if (!stats->nr++)
		stats->first_us = us;
	stats->last_us = us;
	stats->bytes += event.size;
	stats->unmapped_bytes += event.unmapped_size;
	if (event.size)
		stats->nr_of_lg2[lg2_floor(event.size)]++;
	return 0;
}

static int put(const struct live_events *e, const char *file, const char *text)
{
	char path[PATH_ROOM];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", e->path, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int make_instance(struct live_events *e, struct iopt_err *err)
{
	static const char *const roots[] = { "/sys/kernel/tracing",
					     "/sys/kernel/debug/tracing" };
	int ret = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		snprintf(e->path, sizeof(e->path), "%s/instances/iopt-live-%d",
			 roots[i], (int)getpid());
		if (!mkdir(e->path, 0700))
			return 0;
		ret = -errno;
		if (ret != -ENOENT)
			break;
	}
	iopt_err_set(err, ret, "%s: %s%s", e->path, strerror(-ret),
		     ret == -EACCES || ret == -EPERM ?
			     " (tracefs is for root)" :
			     "");
	e->path[0] = '\0';
	return ret;
}

int live_events_open(struct live_events *e, unsigned int cpu,
		     struct iopt_err *err)
{
	char buffer[64];
	int ret;

	e->cpu = cpu;
	ret = make_instance(e, err);
	if (ret)
		return ret;
	snprintf(buffer, sizeof(buffer), "per_cpu/cpu%u/buffer_size_kb", cpu);
	ret = put(e, "tracing_on", "0");
	if (!ret)
		ret = put(e, "trace_clock", "mono");
	if (!ret)
		ret = put(e, buffer, BUFFER_KIB);
	if (!ret)
		ret = put(e, "events/iommu/map/enable", "1");
	if (!ret)
		ret = put(e, "events/iommu/unmap/enable", "1");
	if (!ret)
		return 0;
	iopt_err_set(err, ret, "%s: no events of iommu: %s", e->path,
		     strerror(-ret));
	live_events_close(e);
	return ret;
}

int live_events_start(const struct live_events *e)
{
	int ret = put(e, "trace", "");

	return ret ? ret : put(e, "tracing_on", "1");
}

/* "overrun: 12" of the CPU's buffer. */
static u64 nr_overrun(const struct live_events *e)
{
	char path[PATH_ROOM], line[128];
	u64 nr = 0, n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/per_cpu/cpu%u/stats", e->path, e->cpu);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "overrun: %" SCNu64, &n) == 1 ||
		    sscanf(line, "dropped events: %" SCNu64, &n) == 1)
			nr += n;
	if (file)
		fclose(file);
	return nr;
}

static int read_events(const struct live_events *e, struct event_set *set,
		       struct iopt_err *err)
{
	char path[PATH_ROOM], *line = NULL;
	size_t room = 0;
	FILE *file;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/per_cpu/cpu%u/trace", e->path, e->cpu);
	file = fopen(path, "re");
	if (!file) {
		ret = -errno;
		return iopt_err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	while (!ret && getline(&line, &room, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		ret = event_set_add(set, line, err);
	}
	free(line);
	fclose(file);
	return ret;
}

int live_events_stop(const struct live_events *e, struct event_set *set,
		     struct iopt_err *err)
{
	struct event_set read = { .nr_lost = 0 };
	int ret = put(e, "tracing_on", "0");

	if (ret)
		return iopt_err_set(err, ret, "%s: %s", e->path,
				    strerror(-ret));
	ret = read_events(e, &read, err);
	if (ret)
		return ret;
	if (!read.nr_lost)
		read.nr_lost = nr_overrun(e);
	*set = read;
	return 0;
}

void live_events_close(struct live_events *e)
{
	if (!e->path[0])
		return;
	rmdir(e->path);
	e->path[0] = '\0';
}
