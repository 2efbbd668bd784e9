/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes times measured here less sure, and what to do about it. */
#ifndef IOPT_DOUBTS_H
#define IOPT_DOUBTS_H

#include "clock.h"
#include "cpu_choice.h"
#include "environ.h"
#include "load.h"
#include "topology.h"
#include "types.h"

#define HOST_DOUBT_MAX	256
#define HOST_DOUBTS_MAX 16

/**
 * struct host_doubt - One doubt.
 * @key: the fact it is about, a static string
 * @text: one sentence of what is, and one of what to do
 */
struct host_doubt {
	const char *key;
	char text[HOST_DOUBT_MAX];
};

/**
 * struct host_doubts - All doubts.
 * @list: in the order of how much they matter
 * @nr: entries in @list
 */
struct host_doubts {
	struct host_doubt list[HOST_DOUBTS_MAX];
	size_t nr;
};

/**
 * struct host_state - What the doubts are about.
 * @env: environment
 * @topo: topology, or NULL
 * @load: sample of the load, or NULL
 * @clock: clock, or NULL
 * @cpu: CPU that is measured on
 */
struct host_state {
	const struct host_environ *env;
	const struct host_topology *topo;
	const struct host_load *load;
	const struct host_clock *clock;
	unsigned int cpu;
};

IOPT_BEGIN_DECLS

/**
 * host_doubts_find() - Find what is in doubt. The unknown is never in doubt.
 * @state: what is known
 * @doubts: filled in
 */
void host_doubts_find(const struct host_state *state,
		      struct host_doubts *doubts);

IOPT_END_DECLS

#endif
