// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the system that runs, and of what else it does. */
#include "environ_facts.h"
#include "hostfs.h"
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

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

/* Share of the last 10 s in which some task waited for a CPU. */
bool fact_psi_cpu(const struct host_source *src, char *value)
{
	char line[256];
	double avg10;

	return hostfs_line(src->root, line, sizeof(line),
			   "proc/pressure/cpu") &&
	       sscanf(line, "some avg10=%lf", &avg10) == 1 &&
	       fact_format(value, "%.2f %%", avg10);
}

/* Share of the time since boot that the hypervisor took. */
bool fact_steal(const struct host_source *src, char *value)
{
	struct cpu_ticks ticks;

	return host_ticks_total(src->root, &ticks) && ticks.total &&
	       fact_format(value, "%.2f %%",
			   100.0 * (double)ticks.steal / (double)ticks.total);
}
