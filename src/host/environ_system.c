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

/* The control group of this process, in the second version's hierarchy. */
static bool cgroup_path(const struct host_source *src, char *path, size_t size)
{
	FILE *f = hostfs_open(src->root, "proc/self/cgroup");
	bool is_found;

	if (!f)
		return false;
	is_found = hostfs_value(f, "0:", NULL, path, size);
	fclose(f);
	return is_found && path[0] == '/';
}

/* CPUs that a group may use, if that is limited. */
static bool group_quota(const struct host_source *src, const char *group,
			double *cpus)
{
	double quota_us, period_us;
	char line[128];

	if (!hostfs_line(src->root, line, sizeof(line),
			 "sys/fs/cgroup%s/cpu.max", group) ||
	    sscanf(line, "%lf %lf", &quota_us, &period_us) != 2 ||
	    period_us <= 0)
		return false;
	*cpus = quota_us / period_us;
	return true;
}

/* The least of a group and all above it; the topmost one has none. */
bool fact_cpu_quota(const struct host_source *src, char *value)
{
	char group[HOST_VALUE_MAX], *slash;
	double cpus, least = -1;

	if (!cgroup_path(src, group, sizeof(group)))
		return false;
	if (!strcmp(group, "/"))
		group[0] = '\0';
	for (;;) {
		if (group_quota(src, group, &cpus) &&
		    (least < 0 || cpus < least))
			least = cpus;
		slash = strrchr(group, '/');
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
