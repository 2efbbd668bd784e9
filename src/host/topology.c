// SPDX-License-Identifier: GPL-2.0-only
/* The machine as hwloc sees it: CPUs, caches, nodes; binding to them. */
#include "topology.h"

#include "hostfs.h"
#include "sizes.h"
#include "topology_hwloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_isolated(struct host_topology *topo, const char *root)
{
	char list[4096];

	if (!root && !host_topology_is_here(topo))
		return;
	if (hostfs_line(root, list, sizeof(list),
			"sys/devices/system/cpu/isolated") &&
	    list[0])
		hwloc_bitmap_list_sscanf(topo->isolated, list);
}

/*
 * isolcpus= takes CPUs out of every process's binding. So a binding that only
 * lacks those was not asked for, and they may be chosen.
 */
static void read_binding(struct host_topology *topo)
{
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();

	hwloc_bitmap_copy(topo->candidates, topo->allowed);
	if (!bound)
		return;
	if (host_topology_is_here(topo) &&
	    !hwloc_get_cpubind(topo->hwloc, bound, HWLOC_CPUBIND_THREAD)) {
		hwloc_bitmap_or(bound, bound, topo->isolated);
		hwloc_bitmap_and(bound, bound, topo->allowed);
		if (!hwloc_bitmap_isequal(bound, topo->allowed))
			hwloc_get_cpubind(topo->hwloc, topo->candidates,
					  HWLOC_CPUBIND_THREAD);
	}
	hwloc_bitmap_free(bound);
}

/*
 * hwloc ignores a description that it cannot read and takes this machine
 * instead, which nobody asked for.
 */
static int check_wish(const struct host_topology *topo, const char *variable,
		      struct iopt_err *err)
{
	const char *wish = getenv(variable);

	if (!wish || getenv("HWLOC_THISSYSTEM") || !host_topology_is_here(topo))
		return 0;
	return iopt_err_set(err, -EINVAL,
			    "topology: hwloc cannot use %s=%.120s; unset it "
			    "to use this machine",
			    variable, wish);
}

static int load(struct host_topology *topo, struct iopt_err *err)
{
	int ret;

	if (hwloc_topology_load(topo->hwloc))
		return iopt_err_set(err, -EIO,
				    "topology: hwloc cannot read it; does "
				    "lstopo work here?");
	ret = check_wish(topo, "HWLOC_SYNTHETIC", err);
	return ret ? ret : check_wish(topo, "HWLOC_XMLFILE", err);
}

int host_topology_create(const char *root, struct host_topology **out,
			 struct iopt_err *err)
{
	struct host_topology *topo = calloc(1, sizeof(*topo));
	int ret;

	/*
	 * A machine without /sys makes hwloc print of its own accord; what it
	 * cannot find is told as unknown. A user's own wish stands.
	 */
	setenv("HWLOC_HIDE_ERRORS", "2", 0);
	if (topo)
		topo->isolated = hwloc_bitmap_alloc();
	if (topo)
		topo->candidates = hwloc_bitmap_alloc();
	if (!topo || !topo->isolated || !topo->candidates ||
	    hwloc_topology_init(&topo->hwloc)) {
		host_topology_destroy(topo);
		return iopt_err_set(err, -ENOMEM, "topology: out of memory");
	}
	ret = load(topo, err);
	if (ret) {
		host_topology_destroy(topo);
		return ret;
	}
	topo->allowed = hwloc_topology_get_allowed_cpuset(topo->hwloc);
	read_isolated(topo, root);
	read_binding(topo);
	*out = topo;
	return 0;
}

void host_topology_destroy(struct host_topology *topo)
{
	if (!topo)
		return;
	if (topo->hwloc)
		hwloc_topology_destroy(topo->hwloc);
	hwloc_bitmap_free(topo->isolated);
	hwloc_bitmap_free(topo->candidates);
	free(topo);
}

bool host_topology_is_here(const struct host_topology *topo)
{
	return hwloc_topology_is_thissystem(topo->hwloc);
}

static unsigned int count_of(const struct host_topology *topo,
			     hwloc_obj_type_t type)
{
	int nr = hwloc_get_nbobjs_by_type(topo->hwloc, type);

	return nr > 0 ? (unsigned int)nr : 0;
}

struct host_counts host_topology_counts(const struct host_topology *topo)
{
	return (struct host_counts){
		.nr_packages = count_of(topo, HWLOC_OBJ_PACKAGE),
		.nr_numa_nodes = count_of(topo, HWLOC_OBJ_NUMANODE),
		.nr_cores = count_of(topo, HWLOC_OBJ_CORE),
		.nr_pus = count_of(topo, HWLOC_OBJ_PU),
	};
}

void host_topology_caches(const struct host_topology *topo, unsigned int cpu,
			  char text[HOST_TEXT_MAX])
{
	hwloc_obj_t obj = hwloc_get_pu_obj_by_os_index(topo->hwloc, cpu);
	char size[SIZE_TEXT_MAX], type[16];
	size_t len = 0;

	text[0] = '\0';
	for (; obj; obj = obj->parent) {
		if (!hwloc_obj_type_is_dcache(obj->type))
			continue;
		hwloc_obj_type_snprintf(type, sizeof(type), obj, 0);
		len += (size_t)snprintf(
			text + len, HOST_TEXT_MAX - len, "%s%s %s",
			len ? " " : "", type,
			size_format(obj->attr->cache.size, size));
		if (len >= HOST_TEXT_MAX)
			return;
	}
}

size_t host_topology_siblings(const struct host_topology *topo,
			      unsigned int cpu, unsigned int *siblings,
			      size_t max)
{
	hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topo->hwloc, cpu);
	hwloc_obj_t core;
	unsigned int i;
	size_t nr = 0;

	if (!pu)
		return 0;
	core = hwloc_get_ancestor_obj_by_type(topo->hwloc, HWLOC_OBJ_CORE, pu);
	if (!core)
		return 0;
	hwloc_bitmap_foreach_begin(i, core->cpuset)
	{
		if (i != cpu && nr < max)
			siblings[nr++] = i;
	}
	hwloc_bitmap_foreach_end();
	return nr;
}

int host_cpu_bind(const struct host_topology *topo, unsigned int cpu,
		  struct iopt_err *err)
{
	hwloc_bitmap_t set;
	int ret = 0;

	if (!host_topology_is_here(topo))
		return iopt_err_set(err, -ENOTSUP,
				    "cpu %u is chosen on a topology that is "
				    "not this machine's: nothing is bound",
				    cpu);
	set = hwloc_bitmap_alloc();
	if (!set)
		return iopt_err_set(err, -ENOMEM, "cpu: out of memory");
	hwloc_bitmap_only(set, cpu);
	if (hwloc_set_cpubind(topo->hwloc, set, HWLOC_CPUBIND_THREAD))
		ret = iopt_err_set(err, -errno, "cpu %u: cannot bind to it: %s",
				   cpu, strerror(errno));
	hwloc_bitmap_free(set);
	return ret;
}

int host_cpu_unbind(const struct host_topology *topo)
{
	if (!host_topology_is_here(topo))
		return -ENOTSUP;
	return hwloc_set_cpubind(topo->hwloc, topo->candidates,
				 HWLOC_CPUBIND_THREAD) ?
		       -errno :
		       0;
}

bool host_node_exists(const struct host_topology *topo, int node)
{
	return node >= 0 &&
	       hwloc_bitmap_isset(
		       hwloc_topology_get_allowed_nodeset(topo->hwloc),
		       (unsigned int)node);
}

int host_node_of(const struct host_topology *topo, unsigned int cpu)
{
	hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topo->hwloc, cpu);

	return pu && pu->nodeset ? hwloc_bitmap_first(pu->nodeset) :
				   HOST_NODE_ANY;
}

int host_mem_bind(void *base, size_t size, void *place)
{
	const struct host_place *p = place;
	hwloc_bitmap_t node;
	int ret = 0;

	if (!host_topology_is_here(p->topo) ||
	    !host_node_exists(p->topo, p->node))
		return -ENOTSUP;
	node = hwloc_bitmap_alloc();
	if (!node)
		return -ENOMEM;
	hwloc_bitmap_only(node, (unsigned int)p->node);
	if (hwloc_set_area_membind(p->topo->hwloc, base, size, node,
				   HWLOC_MEMBIND_BIND, HWLOC_MEMBIND_BYNODESET))
		ret = errno == ENOSYS ? -ENOTSUP : -errno;
	hwloc_bitmap_free(node);
	return ret;
}

/* Each kind's CPUs, in hwloc's order, from the least efficient on. */
static void append_kinds(const struct host_topology *topo, char *text)
{
	int nr = hwloc_cpukinds_get_nr(topo->hwloc, 0);
	hwloc_bitmap_t set = hwloc_bitmap_alloc();
	char list[HOST_TEXT_MAX];

	for (int i = 0; set && nr > 1 && i < nr; i++) {
		size_t len = strlen(text);

		if (hwloc_cpukinds_get_info(topo->hwloc, (unsigned int)i, set,
					    NULL, NULL, NULL, 0))
			continue;
		hwloc_bitmap_list_snprintf(list, sizeof(list), set);
		snprintf(text + len, HOST_TOPOLOGY_MAX - len, "%s%s",
			 i ? ";" : " kinds:", list);
	}
	hwloc_bitmap_free(set);
}

void host_topology_text(const struct host_topology *topo,
			char text[HOST_TOPOLOGY_MAX])
{
	struct host_counts n = host_topology_counts(topo);
	int len = hwloc_topology_export_synthetic(topo->hwloc, text,
						  HOST_TOPOLOGY_MAX, 0);

	if (len < 0 || len >= HOST_TOPOLOGY_MAX)
		snprintf(text, HOST_TOPOLOGY_MAX,
			 "packages:%u nodes:%u cores:%u pus:%u", n.nr_packages,
			 n.nr_numa_nodes, n.nr_cores, n.nr_pus);
	append_kinds(topo, text);
}

const char *host_hwloc_version(const struct host_topology *topo)
{
	return hwloc_obj_get_info_by_name(hwloc_get_root_obj(topo->hwloc),
					  "hwlocVersion");
}
