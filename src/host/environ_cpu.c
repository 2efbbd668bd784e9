// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the CPU that is measured on, and of how it is run. */
#include "cpu_part.h"
#include "environ_facts.h"
#include "hostfs.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of @key in the block of the measured CPU in /proc/cpuinfo. */
static bool cpuinfo_value(const struct host_source *src, const char *key,
			  char *value)
{
	FILE *f = hostfs_open(src->root, "proc/cpuinfo");
	char number[32];
	bool is_found = false;

	if (!f)
		return false;
	while (hostfs_value(f, "processor", NULL, number, sizeof(number))) {
		if (strtoul(number, NULL, 10) != src->cpu)
			continue;
		is_found = hostfs_value(f, key, "processor", value,
					HOST_VALUE_MAX);
		break;
	}
	fclose(f);
	return is_found;
}

static bool cpuinfo_number(const struct host_source *src, const char *key,
			   unsigned int *v)
{
	char value[HOST_VALUE_MAX];

	if (!cpuinfo_value(src, key, value))
		return false;
	*v = (unsigned int)strtoul(value, NULL, 0);
	return true;
}

/* Arm's core and NVIDIA's chip: only the SoC's number tells it is Grace. */
static bool is_grace(const struct host_source *src)
{
	char id[64];

	return hostfs_line(src->root, id, sizeof(id),
			   "sys/devices/soc0/soc_id") &&
	       !strcmp(id, "jep106:036b:0241");
}

static bool arm_model(const struct host_source *src, char *value)
{
	unsigned int implementer, part, variant, revision;
	const char *name;

	if (!cpuinfo_number(src, "CPU implementer", &implementer) ||
	    !cpuinfo_number(src, "CPU part", &part) ||
	    !cpuinfo_number(src, "CPU variant", &variant) ||
	    !cpuinfo_number(src, "CPU revision", &revision))
		return false;
	name = cpu_part_name(implementer, part);
	if (!name)
		return fact_format(value,
				   "implementer 0x%02x part 0x%03x r%up%u",
				   implementer, part, variant, revision);
	return fact_format(value, "%s r%up%u%s", name, variant, revision,
			   is_grace(src) ? " (Grace)" : "");
}

bool fact_cpu_model(const struct host_source *src, char *value)
{
	return cpuinfo_value(src, "model name", value) ||
	       arm_model(src, value) || cpuinfo_value(src, "uarch", value);
}

bool fact_microcode(const struct host_source *src, char *value)
{
	return cpuinfo_value(src, "microcode", value);
}

bool fact_governor(const struct host_source *src, char *value)
{
	return hostfs_line(src->root, value, HOST_VALUE_MAX,
			   "sys/devices/system/cpu/cpu%u/cpufreq/"
			   "scaling_governor",
			   src->cpu);
}

bool fact_frequency(const struct host_source *src, char *value)
{
	u64 min_khz, max_khz;

	if (!hostfs_u64(src->root, &min_khz,
			"sys/devices/system/cpu/cpu%u/cpufreq/"
			"scaling_min_freq",
			src->cpu) ||
	    !hostfs_u64(src->root, &max_khz,
			"sys/devices/system/cpu/cpu%u/cpufreq/"
			"scaling_max_freq",
			src->cpu))
		return false;
	return fact_format(value, "%llu-%llu MHz",
			   (unsigned long long)min_khz / 1000,
			   (unsigned long long)max_khz / 1000);
}

/* Below its hardware's limit, by a cooling device or by hand. */
static bool frequency_cap(const struct host_source *src, char *value)
{
	u64 allowed_khz, most_khz;

	if (!hostfs_u64(src->root, &allowed_khz,
			"sys/devices/system/cpu/cpu%u/cpufreq/"
			"scaling_max_freq",
			src->cpu) ||
	    !hostfs_u64(src->root, &most_khz,
			"sys/devices/system/cpu/cpu%u/cpufreq/"
			"cpuinfo_max_freq",
			src->cpu))
		return false;
	if (allowed_khz >= most_khz)
		return fact_format(value, "none");
	return fact_format(value, "held at %llu of %llu MHz",
			   (unsigned long long)allowed_khz / 1000,
			   (unsigned long long)most_khz / 1000);
}

/* x86 counts; elsewhere a limit that is in force now can be seen. */
bool fact_throttling(const struct host_source *src, char *value)
{
	u64 core, package = 0;

	if (!hostfs_u64(src->root, &core,
			"sys/devices/system/cpu/cpu%u/thermal_throttle/"
			"core_throttle_count",
			src->cpu))
		return frequency_cap(src, value);
	hostfs_u64(src->root, &package,
		   "sys/devices/system/cpu/cpu%u/thermal_throttle/"
		   "package_throttle_count",
		   src->cpu);
	return fact_format(value, "%llu times since boot",
			   (unsigned long long)(core + package));
}

/* Intel's driver has a switch of its own, the other way round. */
bool fact_turbo(const struct host_source *src, char *value)
{
	u64 v;

	if (hostfs_u64(src->root, &v,
		       "sys/devices/system/cpu/intel_pstate/no_turbo"))
		return fact_format(value, v ? "off" : "on");
	if (hostfs_u64(src->root, &v, "sys/devices/system/cpu/cpufreq/boost"))
		return fact_format(value, v ? "on" : "off");
	return false;
}

bool fact_smt(const struct host_source *src, char *value)
{
	u64 is_active;

	if (!hostfs_u64(src->root, &is_active,
			"sys/devices/system/cpu/smt/active"))
		return false;
	if (is_active)
		return fact_format(value, "on");
	/* off, forceoff, notsupported or notimplemented */
	return fact_line(src, "sys/devices/system/cpu/smt/control", "off",
			 value);
}

bool fact_isolated(const struct host_source *src, char *value)
{
	return fact_line(src, "sys/devices/system/cpu/isolated", "none", value);
}

bool fact_nohz_full(const struct host_source *src, char *value)
{
	if (!fact_line(src, "sys/devices/system/cpu/nohz_full", "none", value))
		return false;
	return strcmp(value, "(null)") ? true : fact_format(value, "none");
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Append " name" to a list of names. */
static void list_add(char *list, const char *name)
{
	size_t len = strlen(list);

	snprintf(list + len, HOST_VALUE_MAX - len, "%s%s", len ? " " : "",
		 name);
}

/* What each file says: "Not affected", "Mitigation: x", "Vulnerable: x". */
static void mitigation_sort(const struct host_source *src, const char *name,
			    char *mitigated, char *vulnerable)
{
	char line[HOST_VALUE_MAX];

	if (!hostfs_line(src->root, line, sizeof(line),
			 "sys/devices/system/cpu/vulnerabilities/%s", name))
		return;
	if (strstr(line, "Vulnerable"))
		list_add(vulnerable, name);
	else if (strstr(line, "Mitigation"))
		list_add(mitigated, name);
}

bool fact_mitigations(const struct host_source *src, char *value)
{
	char mitigated[HOST_VALUE_MAX] = "", vulnerable[HOST_VALUE_MAX] = "";
	char path[PATH_MAX];
	struct dirent **entries;
	int nr;

	hostfs_path(src->root, "sys/devices/system/cpu/vulnerabilities", path,
		    sizeof(path));
	nr = scandir(path, &entries, is_visible, alphasort);
	if (nr < 0)
		return false;
	for (int i = 0; i < nr; i++) {
		mitigation_sort(src, entries[i]->d_name, mitigated, vulnerable);
		free(entries[i]);
	}
	free(entries);
	if (!mitigated[0] && !vulnerable[0])
		return fact_format(value, "none needed");
	return fact_format(value, "mitigated: %.240s; vulnerable: %.240s",
			   mitigated[0] ? mitigated : "none",
			   vulnerable[0] ? vulnerable : "none");
}
