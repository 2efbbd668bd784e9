/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that work at the same time: each on its CPU, started together.
 *
 * The calling thread is the first of them. The others wait at a gate while it
 * prepares; between two calls they sleep unless the next comes within 50 us.
 * Opening the gate is one store.
 */
#ifndef IOPT_TEAM_H
#define IOPT_TEAM_H

#include "err.h"
#include "topology.h"
#include "types.h"

struct team;

/**
 * struct team_cfg - How to make a team.
 * @nr: threads, the calling one included; at least 1
 * @topo: for binding; outlives the team; may be NULL if @cpus is
 * @cpus: CPU of each thread, copied; the calling thread is not bound. NULL:
 *	each may use any CPU of @topo, even if the calling one may not
 * @work: what a thread does when the gate opens: its number from 0, and @n of
 *	team_arm()
 * @arg: handed to @work
 */
struct team_cfg {
	unsigned int nr;
	const struct host_topology *topo;
	const unsigned int *cpus;
	void (*work)(void *arg, unsigned int thread, u64 n);
	void *arg;
};

IOPT_BEGIN_DECLS

/**
 * team_create() - Start the threads.
 * @cfg: see there
 * @out: set to the team, owned by the caller until team_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory;
 * -errno when a thread cannot be made, or bound to its CPU.
 */
int team_create(const struct team_cfg *cfg, struct team **out,
		struct iopt_err *err);

/**
 * team_destroy() - End the threads.
 * @team: from team_create(), or NULL
 */
void team_destroy(struct team *team);

/**
 * team_arm() - Call all to the gate, and wait until they are there.
 * @team: team
 * @n: for work()
 */
void team_arm(struct team *team, u64 n);

/**
 * team_go() - Open the gate, do the first thread's part, wait for the others.
 * @team: team that was armed
 */
void team_go(struct team *team);

/**
 * team_check_cpus() - Was each thread on its CPU when it last ended its part?
 * @team: team
 * @err: gets the thread that was not; may be NULL
 *
 * Return: 0; -EINVAL.
 */
int team_check_cpus(const struct team *team, struct iopt_err *err);

IOPT_END_DECLS

#endif
