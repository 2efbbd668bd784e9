// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the system that runs, and of what else it does. */
#include "environ_facts.h"
#include "hostfs.h"
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The file came with Linux 6.1. */
bool fact_arch(const struct host_source *src, char *value)
{
	struct utsname uts;

	if (hostfs_line(src->root, value, HOST_VALUE_MAX,
			"proc/sys/kernel/arch"))
		return true;
	return !src->root && !uname(&uts) &&
	       fact_format(value, "%s", uts.machine);
}

bool fact_kernel(const struct host_source *src, char *value)
{
	return hostfs_line(src->root, value, HOST_VALUE_MAX,
			   "proc/sys/kernel/osrelease");
}

bool fact_os(const struct host_source *src, char *value)
{
	FILE *f = hostfs_open(src->root, "etc/os-release");
	bool is_found;

	if (!f)
		return false;
	is_found = hostfs_value(f, "PRETTY_NAME", NULL, value, HOST_VALUE_MAX);
	fclose(f);
	return is_found;
}

/* setarch -R takes it away from one process only. */
bool fact_aslr(const struct host_source *src, char *value)
{
	static const char *const modes[] = { "off", "partial", "full" };
	u64 v;

	if (!src->root && personality(0xffffffff) & ADDR_NO_RANDOMIZE)
		return fact_format(value, "off");
	return hostfs_u64(src->root, &v,
			  "proc/sys/kernel/randomize_va_space") &&
	       v < ARRAY_SIZE(modes) && fact_format(value, "%s", modes[v]);
}

bool fact_clocksource(const struct host_source *src, char *value)
{
	return hostfs_line(src->root, value, HOST_VALUE_MAX,
			   "sys/devices/system/clocksource/clocksource0/"
			   "current_clocksource");
}

bool fact_load(const struct host_source *src, char *value)
{
	double one, five, fifteen;
	char line[128];

	return hostfs_line(src->root, line, sizeof(line), "proc/loadavg") &&
	       sscanf(line, "%lf %lf %lf", &one, &five, &fifteen) == 3 &&
	       fact_format(value, "%.2f %.2f %.2f", one, five, fifteen);
}

/* Share of the last 10 s in which some task waited for a resource. */
static bool psi(const struct host_source *src, const char *resource,
		char *value)
{
	char line[256];
	double avg10;

	return hostfs_line(src->root, line, sizeof(line), "proc/pressure/%s",
			   resource) &&
	       sscanf(line, "some avg10=%lf", &avg10) == 1 &&
	       fact_format(value, "%.2f %%", avg10);
}

bool fact_psi_cpu(const struct host_source *src, char *value)
{
	return psi(src, "cpu", value);
}

bool fact_psi_memory(const struct host_source *src, char *value)
{
	return psi(src, "memory", value);
}

bool fact_psi_io(const struct host_source *src, char *value)
{
	return psi(src, "io", value);
}

bool fact_perf_event_paranoid(const struct host_source *src, char *value)
{
	return hostfs_line(src->root, value, HOST_VALUE_MAX,
			   "proc/sys/kernel/perf_event_paranoid");
}

/**
 * struct cpu_group - The control group that limits the CPU time of a process.
 * @mount: below sys/fs/cgroup: the controllers of the first version, with a
 *	slash before them; "" for the second version
 * @path: of the group below that, "" for the topmost
 */
struct cpu_group {
	char mount[64];
	char path[HOST_VALUE_MAX];
};

/* Is the controller cpu in a list such as "cpu,cpuacct"? */
static bool has_cpu(const char *list)
{
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, "cpu", 3) && (!list[3] || list[3] == ','))
			return true;
	}
	return false;
}

/* A line is "number:controllers:path"; the second version names none. */
static bool group_parse(char *line, struct cpu_group *group)
{
	char *list = strchr(line, ':');
	char *path = list ? strchr(++list, ':') : NULL;

	if (!path)
		return false;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (path[0] != '/' || (list[0] && !has_cpu(list)))
		return false;
	snprintf(group->mount, sizeof(group->mount), "%s%s", list[0] ? "/" : "",
		 list);
	snprintf(group->path, sizeof(group->path), "%s", path[1] ? path : "");
	return true;
}

/* A controller that the first version has is not in the second. */
static bool group_find(const struct host_source *src, struct cpu_group *group)
{
	FILE *f = hostfs_open(src->root, "proc/self/cgroup");
	char line[HOST_VALUE_MAX + 64];
	bool is_found = false;

	if (!f)
		return false;
	*group = (struct cpu_group){ "", "" };
	while (!group->mount[0] && fgets(line, sizeof(line), f))
		is_found |= group_parse(line, group);
	fclose(f);
	return is_found &&
	       (!group->mount[0] ||
		hostfs_line(src->root, line, sizeof(line),
			    "sys/fs/cgroup%s/cpu.cfs_quota_us", group->mount));
}

/* CPUs that a group may use, if that is limited; -1 is the first's "no". */
static bool group_quota(const struct host_source *src,
			const struct cpu_group *group, double *cpus)
{
	double quota_us, period_us;
	u64 quota, period;
	char line[128];

	if (group->mount[0]) {
		if (!hostfs_u64(src->root, &quota,
				"sys/fs/cgroup%s%s/cpu.cfs_quota_us",
				group->mount, group->path) ||
		    !hostfs_u64(src->root, &period,
				"sys/fs/cgroup%s%s/cpu.cfs_period_us",
				group->mount, group->path))
			return false;
		quota_us = (double)quota;
		period_us = (double)period;
	} else if (!hostfs_line(src->root, line, sizeof(line),
				"sys/fs/cgroup%s/cpu.max", group->path) ||
		   sscanf(line, "%lf %lf", &quota_us, &period_us) != 2) {
		return false;
	}
	if (period_us <= 0)
		return false;
	*cpus = quota_us / period_us;
	return true;
}

/* The least of a group and all above it; the topmost one has none. */
bool fact_cpu_quota(const struct host_source *src, char *value)
{
	struct cpu_group group;
	double cpus, least = -1;
	char *slash;

	if (!group_find(src, &group))
		return false;
	for (;;) {
		if (group_quota(src, &group, &cpus) &&
		    (least < 0 || cpus < least))
			least = cpus;
		slash = strrchr(group.path, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return least < 0 ? fact_format(value, "none") :
			   fact_format(value, "%.2f CPUs", least);
}

/*
 * What the hypervisor took of the measured CPU's time: the seconds too, so that
 * what it took between two processes can be told.
 */
bool fact_steal(const struct host_source *src, char *value)
{
	const double hz = (double)sysconf(_SC_CLK_TCK);
	struct cpu_ticks ticks;

	return hz > 0 && host_ticks_of(src->root, src->cpu, &ticks) &&
	       fact_format(value, "%.2f %%: %.2f of %.2f s since boot",
			   100.0 * (double)ticks.steal / (double)ticks.total,
			   (double)ticks.steal / hz, (double)ticks.total / hz);
}
