// SPDX-License-Identifier: GPL-2.0-only
/* Facts that hwloc tells. */
#include "environ_facts.h"
#include "hostfs.h"
#include "topology.h"

#include <hwloc.h>

/* 0 is what the topology does not know. */
static bool count_format(char *value, unsigned int count)
{
	return count && fact_format(value, "%u", count);
}

static struct host_counts counts_of(const struct host_source *src)
{
	return src->topo ? host_topology_counts(src->topo) :
			   (struct host_counts){ 0 };
}

bool fact_packages(const struct host_source *src, char *value)
{
	return count_format(value, counts_of(src).nr_packages);
}

bool fact_numa_nodes(const struct host_source *src, char *value)
{
	return count_format(value, counts_of(src).nr_numa_nodes);
}

bool fact_cores(const struct host_source *src, char *value)
{
	return count_format(value, counts_of(src).nr_cores);
}

bool fact_pus(const struct host_source *src, char *value)
{
	return count_format(value, counts_of(src).nr_pus);
}

/* Of the machine; the PUs are those that this process may use. */
bool fact_cpus_online(const struct host_source *src, char *value)
{
	hwloc_bitmap_t cpus;
	char list[4096];
	int nr = 0;

	if (!hostfs_line(src->root, list, sizeof(list),
			 "sys/devices/system/cpu/online"))
		return false;
	cpus = hwloc_bitmap_alloc();
	if (!cpus)
		return false;
	if (!hwloc_bitmap_list_sscanf(cpus, list))
		nr = hwloc_bitmap_weight(cpus);
	hwloc_bitmap_free(cpus);
	return nr > 0 && count_format(value, (unsigned int)nr);
}

bool fact_caches(const struct host_source *src, char *value)
{
	char text[HOST_TEXT_MAX];

	if (!src->topo)
		return false;
	host_topology_caches(src->topo, src->cpu, text);
	return fact_format(value, "%s", text);
}

bool fact_hwloc(const struct host_source *src, char *value)
{
	const char *version = src->topo ? host_hwloc_version(src->topo) : NULL;

	return version && fact_format(value, "%s", version);
}
