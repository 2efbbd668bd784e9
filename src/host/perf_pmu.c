// SPDX-License-Identifier: GPL-2.0-only
/* What a CPU's performance monitor calls its events. */
#include "perf_pmu.h"

#include "hostfs.h"

#include <dirent.h>
#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "sys/bus/event_source/devices"

/* Where a generic event of CPUs that differ says whose it is (Linux 5.13). */
#define PMU_TYPE_SHIFT 32

#define CACHE_READ_MISS(cache)                                              \
	(PERF_COUNT_HW_CACHE_##cache | (PERF_COUNT_HW_CACHE_OP_READ << 8) | \
	 (PERF_COUNT_HW_CACHE_RESULT_MISS << 16))

/*
 * The kernel's generic "cache-misses" are those of the last level on Intel
 * alone. On arm64 they are those of L1D, and sysfs has no event of that name.
 * On AMD they are those of L2 (0x964 in amd_f17h_perfmon_event_map[] of
 * arch/x86/events/amd/core.c, 0x77e before Zen); amd_hw_cache_event_ids_f17h[]
 * has none of the last level, as L3 has a monitor of its own, which counts for
 * all cores around it and not for a thread.
 */
const struct perf_candidate perf_candidates[] = {
	{ HOST_PERF_CYCLES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES,
	  "cycles" },
	{ HOST_PERF_CYCLES, PERF_TYPE_RAW, 0, "cpu_cycles" },
	{ HOST_PERF_CYCLES, PERF_TYPE_RAW, 0, "cpu-cycles" },
	{ HOST_PERF_INSTRUCTIONS, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_INSTRUCTIONS, "instructions" },
	{ HOST_PERF_INSTRUCTIONS, PERF_TYPE_RAW, 0, "inst_retired" },
	{ HOST_PERF_INSTRUCTIONS, PERF_TYPE_RAW, 0, "instructions" },
	{ HOST_PERF_BRANCH_MISSES, PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_BRANCH_MISSES, "branch-misses" },
	{ HOST_PERF_BRANCH_MISSES, PERF_TYPE_RAW, 0, "br_mis_pred_retired" },
	{ HOST_PERF_BRANCH_MISSES, PERF_TYPE_RAW, 0, "br_mis_pred" },
	{ HOST_PERF_BRANCH_MISSES, PERF_TYPE_RAW, 0, "branch-misses" },
	{ HOST_PERF_L1D_MISSES, PERF_TYPE_HW_CACHE, CACHE_READ_MISS(L1D),
	  "L1-dcache-load-misses" },
	{ HOST_PERF_L1D_MISSES, PERF_TYPE_RAW, 0, "l1d_cache_refill" },
	{ HOST_PERF_LLC_MISSES, PERF_TYPE_HW_CACHE, CACHE_READ_MISS(LL),
	  "LLC-load-misses" },
	{ HOST_PERF_LLC_MISSES, PERF_TYPE_RAW, 0, "ll_cache_miss_rd" },
	{ HOST_PERF_LLC_MISSES, PERF_TYPE_RAW, 0, "l3d_cache_refill" },
	{ HOST_PERF_LLC_MISSES, PERF_TYPE_RAW, 0, "cache-misses" },
	{ HOST_PERF_DTLB_MISSES, PERF_TYPE_HW_CACHE, CACHE_READ_MISS(DTLB),
	  "dTLB-load-misses" },
	{ HOST_PERF_DTLB_MISSES, PERF_TYPE_RAW, 0, "l1d_tlb_refill" },
	{ HOST_PERF_TASK_CLOCK, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK,
	  "task-clock" },
	{ HOST_PERF_PAGE_FAULTS, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS,
	  "page-faults" },
	{ HOST_PERF_CONTEXT_SWITCHES, PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_CONTEXT_SWITCHES, "context-switches" },
	{ HOST_PERF_CPU_MIGRATIONS, PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_CPU_MIGRATIONS, "cpu-migrations" },
	{ HOST_PERF_NR_EVENTS, 0, 0, NULL },
};

static bool has_event(const char *root, const char *name, const char *event)
{
	char text[HOST_PERF_TEXT_MAX];

	return hostfs_line(root, text, sizeof(text), DEVICES "/%s/events/%s",
			   name, event);
}

/* Monitors of other things than CPUs count no cycles under these names. */
static bool is_core_pmu(const char *root, const char *name)
{
	return has_event(root, name, "cpu_cycles") ||
	       has_event(root, name, "cpu-cycles");
}

/* Where all CPUs are alike, x86 does not list them. */
static bool is_of_cpu(const char *root, const char *name, unsigned int cpu)
{
	hwloc_bitmap_t cpus;
	char list[4096];
	bool is_set;

	if (!hostfs_line(root, list, sizeof(list), DEVICES "/%s/cpus", name))
		return true;
	cpus = hwloc_bitmap_alloc();
	if (!cpus)
		return false;
	is_set = !hwloc_bitmap_list_sscanf(cpus, list) &&
		 hwloc_bitmap_isset(cpus, cpu);
	hwloc_bitmap_free(cpus);
	return is_set;
}

static void read_vendor(struct perf_pmu *pmu)
{
	FILE *f = hostfs_open(pmu->root, "proc/cpuinfo");

	if (!f)
		return;
	hostfs_value(f, "vendor_id", NULL, pmu->vendor, sizeof(pmu->vendor));
	fclose(f);
}

void perf_pmu_find(struct perf_pmu *pmu, const char *root, unsigned int cpu)
{
	struct dirent **entries;
	char path[PATH_MAX];
	u64 type;
	int nr;

	*pmu = (struct perf_pmu){ .root = root };
	read_vendor(pmu);
	hostfs_path(root, DEVICES, path, sizeof(path));
	nr = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < nr; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.' && strlen(name) < sizeof(pmu->name) &&
		    is_core_pmu(root, name)) {
			pmu->nr_core_pmus++;
			if (is_of_cpu(root, name, cpu) &&
			    hostfs_u64(root, &type, DEVICES "/%s/type", name)) {
				strcpy(pmu->name, name);
				pmu->type = (u32)type;
			}
		}
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}

/* Spread @v over the bits of a list such as "0-7,32-35", lowest first. */
static bool deposit(const char *bits, u64 v, __u64 *config)
{
	unsigned int first, last;
	int len;

	for (;; bits += len + 1) {
		if (sscanf(bits, "%u-%u%n", &first, &last, &len) != 2) {
			if (sscanf(bits, "%u%n", &first, &len) != 1)
				return false;
			last = first;
		}
		if (last > 63 || first > last)
			return false;
		for (unsigned int bit = first; bit <= last; bit++, v >>= 1)
			*config |= (v & 1) << bit;
		if (bits[len] != ',')
			return !bits[len] && !v;
	}
}

/* One term, "event=0x17" or "edge", as the monitor's format says. */
static bool add_term(const struct perf_pmu *pmu, char *term,
		     struct perf_event_attr *attr)
{
	char *value = strchr(term, '='), *bits, *end;
	char format[HOST_PERF_TEXT_MAX];
	__u64 *config;
	u64 v = 1;

	if (value) {
		*value++ = '\0';
		v = strtoull(value, &end, 0);
		if (end == value || *end)
			return false;
	}
	if (!hostfs_line(pmu->root, format, sizeof(format),
			 DEVICES "/%s/format/%s", pmu->name, term))
		return false;
	bits = strchr(format, ':');
	if (!bits)
		return false;
	*bits++ = '\0';
	if (!strcmp(format, "config"))
		config = &attr->config;
	else if (!strcmp(format, "config1"))
		config = &attr->config1;
	else if (!strcmp(format, "config2"))
		config = &attr->config2;
	else
		return false;
	return deposit(bits, v, config);
}

static int named_attr(const struct perf_pmu *pmu, const char *name,
		      struct perf_event_attr *attr)
{
	struct perf_event_attr made = *attr;
	char text[HOST_PERF_TEXT_MAX], *save, *term;

	if (!pmu->name[0] ||
	    !hostfs_line(pmu->root, text, sizeof(text), DEVICES "/%s/events/%s",
			 pmu->name, name))
		return -ENOENT;
	made.type = pmu->type;
	made.config = 0;
	for (term = strtok_r(text, ",", &save); term;
	     term = strtok_r(NULL, ",", &save))
		if (!add_term(pmu, term, &made))
			return -ENOENT;
	*attr = made;
	return 0;
}

/* See perf_candidates[] for who means what. */
static bool is_meant(const struct perf_pmu *pmu, const struct perf_candidate *c)
{
	return strcmp(c->name, "cache-misses") != 0 ||
	       !strcmp(pmu->vendor, "GenuineIntel");
}

int perf_pmu_attr(const struct perf_pmu *pmu, const struct perf_candidate *c,
		  struct perf_event_attr *attr, char source[HOST_PERF_TEXT_MAX])
{
	int ret;

	if (c->type == PERF_TYPE_RAW) {
		ret = is_meant(pmu, c) ? named_attr(pmu, c->name, attr) :
					 -ENOENT;
		if (!ret)
			snprintf(source, HOST_PERF_TEXT_MAX, "%s/%s/",
				 pmu->name, c->name);
		return ret;
	}
	attr->type = c->type;
	attr->config = c->config;
	if (c->type != PERF_TYPE_SOFTWARE && pmu->nr_core_pmus > 1)
		attr->config |= (u64)pmu->type << PMU_TYPE_SHIFT;
	snprintf(source, HOST_PERF_TEXT_MAX, "%s", c->name);
	return 0;
}
