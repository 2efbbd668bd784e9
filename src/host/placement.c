// SPDX-License-Identifier: GPL-2.0-only
/* Where several threads go that work at a time. */
#include "placement.h"

#include "cpu_rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A CPU that a thread may have; each core is represented by its best one. */
struct seat {
	hwloc_obj_t pu;
	struct cpu_rank rank;
	bool is_taken;
};

/* Part of the machine that gets its share of threads. */
struct quarter {
	hwloc_const_cpuset_t cpus;
	bool is_near; /* in the first's package */
};

/**
 * struct plan - A placement being made.
 * @team: what is wanted
 * @seats: one a core
 * @nr_seats: entries in @seats
 * @quarters: to share the threads among, the first's own first
 * @nr_quarters: entries in @quarters
 */
struct plan {
	const struct host_team *team;
	struct seat *seats;
	size_t nr_seats;
	struct quarter *quarters;
	size_t nr_quarters;
};

static const char *const spread_names[] = {
	[HOST_SPREAD_COMPLEX] = "complex",
	[HOST_SPREAD_NODE] = "node",
	[HOST_SPREAD_NODES] = "nodes",
};

static hwloc_obj_t pu_of(const struct host_team *team, unsigned int cpu)
{
	return hwloc_get_pu_obj_by_os_index(team->topo->hwloc, cpu);
}

/* What shares a core; a CPU alone where hwloc knows of no cores. */
static hwloc_const_cpuset_t core_of(const struct host_team *team,
				    hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(team->topo->hwloc,
							  HWLOC_OBJ_CORE, pu);

	return core ? core->cpuset : pu->cpuset;
}

static hwloc_obj_t node_of(const struct host_team *team, unsigned int cpu)
{
	int node = host_node_of(team->topo, cpu);

	return node < 0 ? NULL :
			  hwloc_get_numanode_obj_by_os_index(
				  team->topo->hwloc, (unsigned int)node);
}

static bool is_group(hwloc_obj_t obj)
{
	return obj->type == HWLOC_OBJ_GROUP || obj->type == HWLOC_OBJ_DIE;
}

/*
 * The largest thing round a CPU that several cores share and that lies within
 * its node: a cache, or else a group. What is the whole node is no group: hwloc
 * puts one round each.
 */
static hwloc_obj_t complex_of(const struct host_team *team, unsigned int cpu)
{
	hwloc_obj_t node = node_of(team, cpu), pu = pu_of(team, cpu), obj;
	hwloc_obj_t cache = NULL, group = NULL;
	hwloc_const_cpuset_t core = core_of(team, pu);

	for (obj = pu->parent; obj; obj = obj->parent) {
		if (hwloc_bitmap_isincluded(obj->cpuset, core))
			continue;
		if (node && !hwloc_bitmap_isincluded(obj->cpuset, node->cpuset))
			break;
		if (hwloc_obj_type_is_dcache(obj->type))
			cache = obj;
		else if (is_group(obj) &&
			 !(node &&
			   hwloc_bitmap_isequal(obj->cpuset, node->cpuset)))
			group = obj;
	}
	return cache ? cache : group;
}

static hwloc_obj_t package_of(const struct host_team *team, hwloc_obj_t obj)
{
	return hwloc_get_ancestor_obj_by_type(team->topo->hwloc,
					      HWLOC_OBJ_PACKAGE, obj);
}

static bool has_quarter(const struct plan *plan, hwloc_const_cpuset_t cpus)
{
	for (size_t i = 0; i < plan->nr_quarters; i++)
		if (plan->quarters[i].cpus == cpus)
			return true;
	return false;
}

/* What a seat belongs to: its complex, its node; NULL for nothing. */
static hwloc_const_cpuset_t quarter_of(const struct host_team *team,
				       const struct seat *seat)
{
	unsigned int cpu = seat->pu->os_index;
	hwloc_obj_t obj = team->spread == HOST_SPREAD_NODES ?
				  node_of(team, cpu) :
				  complex_of(team, cpu);

	return obj ? obj->cpuset : NULL;
}

/* Of others, those in another package come first; else as they come. */
static int by_distance(const void *a, const void *b)
{
	const struct quarter *x = a, *y = b;

	if (x->is_near != y->is_near)
		return x->is_near ? 1 : -1;
	return hwloc_bitmap_compare_first(x->cpus, y->cpus);
}

static void find_quarters(struct plan *plan)
{
	const struct host_team *team = plan->team;
	hwloc_obj_t first = pu_of(team, team->first);

	for (size_t i = 0; i < plan->nr_seats; i++) {
		const struct seat *seat = &plan->seats[i];
		hwloc_const_cpuset_t cpus = quarter_of(team, seat);

		if (!cpus || has_quarter(plan, cpus))
			continue;
		plan->quarters[plan->nr_quarters++] = (struct quarter){
			.cpus = cpus,
			.is_near = package_of(team, seat->pu) ==
				   package_of(team, first),
		};
	}
	if (plan->nr_quarters)
		qsort(plan->quarters + 1, plan->nr_quarters - 1,
		      sizeof(*plan->quarters), by_distance);
}

/* Where all threads have to be: NULL for anywhere. */
static int bounds_of(const struct host_team *team, hwloc_const_cpuset_t *bounds,
		     struct iopt_err *err)
{
	hwloc_obj_t obj = NULL;

	*bounds = NULL;
	if (team->spread == HOST_SPREAD_NODES)
		return 0;
	if (team->spread == HOST_SPREAD_COMPLEX) {
		obj = complex_of(team, team->first);
		if (!obj)
			return iopt_err_set(err, -ENOENT,
					    "no cache is known that cores near "
					    "CPU %u share",
					    team->first);
	} else {
		obj = node_of(team, team->first);
	}
	if (obj)
		*bounds = obj->cpuset;
	return 0;
}

/* The first's own core is its seat; of any other the best CPU. */
static void add_seat(struct plan *plan, unsigned int cpu)
{
	const struct host_team *team = plan->team;
	struct seat seat = { .pu = pu_of(team, cpu) };
	hwloc_const_cpuset_t core;

	if (!seat.pu)
		return;
	core = core_of(team, seat.pu);
	seat.rank = cpu_rank_of(team->topo, team->load, seat.pu);
	if (seat.rank.by[RANK_SLOW] != plan->seats[0].rank.by[RANK_SLOW])
		return;
	for (size_t i = 0; i < plan->nr_seats; i++) {
		struct seat *s = &plan->seats[i];

		if (!hwloc_bitmap_isset(core, s->pu->os_index))
			continue;
		if (i && cpu_rank_compare(&seat.rank, &s->rank) < 0)
			*s = seat;
		return;
	}
	plan->seats[plan->nr_seats++] = seat;
}

static int find_seats(struct plan *plan, hwloc_const_cpuset_t bounds,
		      struct iopt_err *err)
{
	const struct host_team *team = plan->team;
	hwloc_bitmap_t set = hwloc_bitmap_alloc();
	size_t max;
	unsigned int cpu;

	if (!set)
		return iopt_err_set(err, -ENOMEM, "cpus: out of memory");
	hwloc_bitmap_and(set, team->topo->candidates, team->topo->allowed);
	if (bounds)
		hwloc_bitmap_and(set, set, bounds);
	max = (size_t)hwloc_bitmap_weight(set) + 1;
	plan->seats = calloc(max, sizeof(*plan->seats));
	plan->quarters = calloc(max, sizeof(*plan->quarters));
	if (!plan->seats || !plan->quarters) {
		hwloc_bitmap_free(set);
		return iopt_err_set(err, -ENOMEM, "cpus: out of memory");
	}
	plan->seats[0].pu = pu_of(team, team->first);
	plan->seats[0].rank =
		cpu_rank_of(team->topo, team->load, plan->seats[0].pu);
	plan->nr_seats = 1;
	hwloc_bitmap_foreach_begin(cpu, set)
	{
		add_seat(plan, cpu);
	}
	hwloc_bitmap_foreach_end();
	hwloc_bitmap_free(set);
	return 0;
}

/* The best free seat of a quarter, or of all; NULL when none is free. */
static struct seat *best_seat(struct plan *plan, const struct quarter *quarter)
{
	struct seat *best = NULL;

	for (size_t i = 0; i < plan->nr_seats; i++) {
		struct seat *s = &plan->seats[i];

		if (s->is_taken ||
		    (quarter &&
		     !hwloc_bitmap_isset(quarter->cpus, s->pu->os_index)))
			continue;
		if (!best || cpu_rank_compare(&s->rank, &best->rank) < 0)
			best = s;
	}
	return best;
}

static int check(const struct plan *plan, struct iopt_err *err)
{
	const struct host_team *team = plan->team;
	const char *what = team->spread == HOST_SPREAD_NODES ? "memory node" :
							       "core complex";

	if (team->spread != HOST_SPREAD_COMPLEX && plan->nr_quarters == 1)
		return iopt_err_set(err, -ENOENT, "there is one %s", what);
	if (team->spread == HOST_SPREAD_NODES && !plan->nr_quarters)
		return iopt_err_set(err, -ENOENT, "no %s is known", what);
	if (plan->nr_seats < team->nr)
		return iopt_err_set(
			err, -ENOENT, "%zu core%s there, fewer than threads",
			plan->nr_seats, plan->nr_seats == 1 ? " is" : "s are");
	return 0;
}

/* One thread a quarter in turn; a full quarter is passed over. */
static void seat_all(struct plan *plan, unsigned int *cpus)
{
	const struct host_team *team = plan->team;
	size_t nr_turns = plan->nr_quarters ? plan->nr_quarters : 1;
	unsigned int nr = 1;

	cpus[0] = team->first;
	plan->seats[0].is_taken = true;
	for (size_t turn = 1; nr < team->nr; turn++) {
		const struct quarter *q =
			plan->nr_quarters ? &plan->quarters[turn % nr_turns] :
					    NULL;
		struct seat *s = best_seat(plan, q);

		/* Those that are left belong to no quarter. */
		if (!s && turn > nr_turns * plan->nr_seats)
			s = best_seat(plan, NULL);
		if (!s)
			continue;
		s->is_taken = true;
		cpus[nr++] = s->pu->os_index;
	}
}

int host_team_place(const struct host_team *team, unsigned int *cpus,
		    struct iopt_err *err)
{
	struct plan plan = { .team = team };
	hwloc_const_cpuset_t bounds;
	int ret;

	if (!pu_of(team, team->first))
		return iopt_err_set(err, -ENOENT, "there is no CPU %u",
				    team->first);
	ret = bounds_of(team, &bounds, err);
	if (!ret)
		ret = find_seats(&plan, bounds, err);
	if (!ret) {
		if (team->spread != HOST_SPREAD_COMPLEX)
			find_quarters(&plan);
		ret = check(&plan, err);
	}
	if (!ret)
		seat_all(&plan, cpus);
	free(plan.seats);
	free(plan.quarters);
	return ret;
}

const char *host_spread_name(enum host_spread spread)
{
	return spread_names[spread];
}

bool host_spread_find(const char *name, enum host_spread *spread)
{
	for (size_t i = 0; i < ARRAY_SIZE(spread_names); i++)
		if (!strcmp(spread_names[i], name)) {
			*spread = (enum host_spread)i;
			return true;
		}
	return false;
}
