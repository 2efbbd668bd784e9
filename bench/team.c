// SPDX-License-Identifier: GPL-2.0-only
/* Threads that work at the same time. */
#include "team.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "barrier.h"

#define LINE	128   /* what two CPUs share at most, with its neighbour */
#define SPINS	4096  /* before a waiting thread offers its CPU */
#define GLANCES 64    /* before one that may sleep looks at the clock */
#define SPIN_NS 50000 /* before it sleeps */

/**
 * struct member - A thread.
 * @team: its team
 * @thread: handle
 * @index: number from 0
 * @bind_err: why it could not be bound, "" if it was
 * @cpu: where it was at the end of its part
 */
struct member {
	_Alignas(LINE) struct team *team;
	pthread_t thread;
	unsigned int index;
	int bind_ret;
	struct iopt_err bind_err;
	int cpu;
};

/**
 * struct team - A team.
 * @cfg: as created
 * @cpus: where threads belong, or NULL
 * @members: threads; that of the caller is not made
 * @nr_made: how many were made, the caller's counted
 * @lock: of those that sleep
 * @wake: they sleep here
 * @n: for work()
 * @is_over: end
 * @armed: number of the last call to the gate
 * @gone: number of the last opening
 * @nr_ready: threads at the gate
 * @nr_done: threads that ended their part
 */
struct team {
	struct team_cfg cfg;
	unsigned int *cpus;
	struct member *members;
	unsigned int nr_made;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	u64 n;
	bool is_over;
	_Alignas(LINE) u32 armed;
	_Alignas(LINE) u32 gone;
	_Alignas(LINE) u32 nr_ready;
	_Alignas(LINE) u32 nr_done;
};

/* Until *@p is @want, which comes soon. */
static void spin_until(const u32 *p, u32 want)
{
	unsigned int nr = 0;

	while (__atomic_load_n(p, __ATOMIC_ACQUIRE) != want) {
		cpu_relax();
		if (!(++nr % SPINS))
			sched_yield();
	}
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

/* Until *@p is @want: true; or SPIN_NS are over: false. */
static bool spin_a_while(const u32 *p, u32 want)
{
	const u64 end = now_ns() + SPIN_NS;
	unsigned int nr = 0;

	while (__atomic_load_n(p, __ATOMIC_ACQUIRE) != want) {
		cpu_relax();
		if (!(++nr % GLANCES) && now_ns() >= end)
			return false;
	}
	return true;
}

/* Others may measure meanwhile, so whoever waits long must not run. */
static void wait_for_call(struct team *team, u32 call)
{
	if (spin_a_while(&team->armed, call))
		return;
	pthread_mutex_lock(&team->lock);
	while (__atomic_load_n(&team->armed, __ATOMIC_ACQUIRE) != call)
		pthread_cond_wait(&team->wake, &team->lock);
	pthread_mutex_unlock(&team->lock);
}

static void do_part(struct member *m)
{
	m->team->cfg.work(m->team->cfg.arg, m->index, m->team->n);
	m->cpu = sched_getcpu();
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct team *team = m->team;

	if (team->cpus)
		m->bind_ret = host_cpu_bind(team->cfg.topo,
					    team->cpus[m->index], &m->bind_err);
	else if (team->cfg.topo)
		host_cpu_unbind(team->cfg.topo);
	__atomic_fetch_add(&team->nr_ready, 1, __ATOMIC_RELEASE);
	for (u32 call = 1;; call++) {
		wait_for_call(team, call);
		if (team->is_over)
			return NULL;
		__atomic_fetch_add(&team->nr_ready, 1, __ATOMIC_RELEASE);
		spin_until(&team->gone, call);
		do_part(m);
		__atomic_fetch_add(&team->nr_done, 1, __ATOMIC_RELEASE);
	}
}

static void call_all(struct team *team)
{
	pthread_mutex_lock(&team->lock);
	__atomic_store_n(&team->armed, team->armed + 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&team->wake);
	pthread_mutex_unlock(&team->lock);
}

void team_arm(struct team *team, u64 n)
{
	team->n = n;
	__atomic_store_n(&team->nr_ready, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&team->nr_done, 0, __ATOMIC_RELAXED);
	call_all(team);
	spin_until(&team->nr_ready, team->cfg.nr - 1);
}

void team_go(struct team *team)
{
	__atomic_store_n(&team->gone, team->armed, __ATOMIC_RELEASE);
	do_part(&team->members[0]);
	spin_until(&team->nr_done, team->cfg.nr - 1);
}

static int make_threads(struct team *team, struct iopt_err *err)
{
	for (; team->nr_made < team->cfg.nr; team->nr_made++) {
		struct member *m = &team->members[team->nr_made];
		int ret = pthread_create(&m->thread, NULL, member_main, m);

		if (ret)
			return iopt_err_set(err, -ret, "thread %u of %u: %s",
					    team->nr_made, team->cfg.nr,
					    strerror(ret));
	}
	spin_until(&team->nr_ready, team->cfg.nr - 1);
	for (unsigned int i = 1; i < team->cfg.nr; i++) {
		struct member *m = &team->members[i];

		if (m->bind_ret)
			return iopt_err_set(err, m->bind_ret, "thread %u: %s",
					    i, m->bind_err.msg);
	}
	return 0;
}

static bool allocate(struct team *team)
{
	const struct team_cfg *cfg = &team->cfg;

	team->members = aligned_alloc(LINE, cfg->nr * sizeof(*team->members));
	if (!team->members)
		return false;
	for (unsigned int i = 0; i < cfg->nr; i++)
		team->members[i] = (struct member){ .team = team, .index = i };
	if (!cfg->cpus)
		return true;
	team->cpus = calloc(cfg->nr, sizeof(*team->cpus));
	if (team->cpus)
		memcpy(team->cpus, cfg->cpus, cfg->nr * sizeof(*team->cpus));
	return team->cpus;
}

int team_create(const struct team_cfg *cfg, struct team **out,
		struct iopt_err *err)
{
	struct team *team = aligned_alloc(LINE, sizeof(*team));
	int ret;

	if (!team)
		return iopt_err_set(err, -ENOMEM, "no memory for threads");
	*team = (struct team){ .cfg = *cfg, .nr_made = 1 };
	pthread_mutex_init(&team->lock, NULL);
	pthread_cond_init(&team->wake, NULL);
	if (allocate(team))
		ret = make_threads(team, err);
	else
		ret = iopt_err_set(err, -ENOMEM, "no memory for %u threads",
				   cfg->nr);
	if (ret)
		team_destroy(team);
	else
		*out = team;
	return ret;
}

void team_destroy(struct team *team)
{
	if (!team)
		return;
	team->is_over = true;
	call_all(team);
	for (unsigned int i = 1; i < team->nr_made; i++)
		pthread_join(team->members[i].thread, NULL);
	pthread_cond_destroy(&team->wake);
	pthread_mutex_destroy(&team->lock);
	free(team->members);
	free(team->cpus);
	free(team);
}

int team_check_cpus(const struct team *team, struct iopt_err *err)
{
	for (unsigned int i = 0; team->cpus && i < team->cfg.nr; i++)
		if (team->members[i].cpu != (int)team->cpus[i])
			return iopt_err_set(err, -EINVAL,
					    "thread %u was on CPU %d, its "
					    "place is CPU %u",
					    i, team->members[i].cpu,
					    team->cpus[i]);
	return 0;
}
