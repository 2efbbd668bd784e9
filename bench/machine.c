// SPDX-License-Identifier: GPL-2.0-only
/* The machine that is measured on. */
#include "machine.h"

#include <errno.h>

#include "load.h"

#define WATCH_MS 100

static int bind(struct machine *m, struct iopt_err *err)
{
	int ret = host_cpu_bind(m->topo, m->choice.cpu, err);

	m->is_bound = !ret;
	return ret == -ENOTSUP ? 0 : ret;
}

/* What the record and the doubts say of the chosen CPU. */
static void look_round(struct machine *m)
{
	const struct host_source source = { .topo = m->topo,
					    .cpu = m->choice.cpu };
	const struct host_state state = { .env = &m->environ,
					  .topo = m->topo,
					  .load = machine_load(m),
					  .clock = &m->clock,
					  .cpu = m->choice.cpu };

	host_environ_read(&source, &m->environ);
	host_doubts_find(&state, &m->doubts);
}

int machine_mem_bind(void *base, size_t size, void *machine)
{
	struct machine *m = machine;
	struct host_place place = { m->topo, m->choice.node };

	m->bind_ret = host_mem_bind(base, size, &place);
	return m->bind_ret;
}

const struct host_load *machine_load(const struct machine *m)
{
	return m->load.nr_cpus ? &m->load : NULL;
}

static int count_from_now(struct machine *m, struct iopt_err *err)
{
	const struct host_perf_cfg cfg = { .cpu = m->choice.cpu };

	return host_perf_create(&cfg, &m->perf, err);
}

int machine_init(struct machine *m, const struct machine_wish *wish,
		 struct iopt_err *err)
{
	int ret;

	*m = (struct machine){ .bind_ret = 1 };
	ret = host_topology_create(NULL, &m->topo, err);
	if (ret)
		return ret;
	if (wish->wants_load && host_topology_is_here(m->topo))
		host_load_sample(NULL, WATCH_MS, &m->load, NULL);
	ret = host_cpu_choose(m->topo, machine_load(m), &wish->host, &m->choice,
			      err);
	if (!ret)
		ret = bind(m, err);
	/* On the CPU that it will be read on. */
	if (!ret)
		ret = host_clock_init(&m->clock, 0, err);
	if (!ret)
		look_round(m);
	if (!ret && wish->wants_perf)
		ret = count_from_now(m, err);
	return ret;
}

void machine_fini(struct machine *m)
{
	host_perf_destroy(m->perf);
	m->perf = NULL;
	host_load_fini(&m->load);
	host_topology_destroy(m->topo);
	m->topo = NULL;
}
