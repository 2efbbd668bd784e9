// SPDX-License-Identifier: GPL-2.0-only
/* Threads that start together, each on its CPU, as often as they are called. */
#include "test.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "team.h"

#define MAX_THREADS 8

/**
 * struct record - What threads did.
 * @sum: of what each was told to do
 * @nr_calls: of each
 * @nr_inside: at work now
 * @most_inside: at a time
 * @is_slow: wait until all are inside
 * @nr: threads
 */
struct record {
	u64 sum[MAX_THREADS];
	u64 nr_calls[MAX_THREADS];
	unsigned int nr_inside;
	unsigned int most_inside;
	bool is_slow;
	unsigned int nr;
};

static void work(void *arg, unsigned int thread, u64 n)
{
	struct record *r = arg;
	unsigned int nr =
		__atomic_add_fetch(&r->nr_inside, 1, __ATOMIC_ACQ_REL);

	assert_true(thread < r->nr);
	r->sum[thread] += n;
	r->nr_calls[thread]++;
	/* Nobody would get out if one began only after another's end. */
	while (r->is_slow &&
	       (nr = __atomic_load_n(&r->nr_inside, __ATOMIC_ACQUIRE)) < r->nr)
		sched_yield();
	if (thread == 0)
		r->most_inside = nr;
}

static void test_calls(void **state)
{
	(void)state;
	for (unsigned int nr = 1; nr <= MAX_THREADS; nr *= 2) {
		struct record r = { .nr = nr, .is_slow = true };
		const struct team_cfg cfg = { .nr = nr,
					      .work = work,
					      .arg = &r };
		struct team *team;

		assert_int_equal(team_create(&cfg, &team, NULL), 0);
		for (u64 call = 1; call <= 20; call++) {
			r.nr_inside = 0;
			team_arm(team, call);
			for (unsigned int i = 0; i < nr; i++)
				expect_u64(r.nr_calls[i], call - 1,
					   "before the gate, thread %u", i);
			team_go(team);
			for (unsigned int i = 0; i < nr; i++)
				expect_u64(r.sum[i], call * (call + 1) / 2,
					   "thread %u of %u, call %" PRIu64, i,
					   nr, call);
			expect_u64(r.most_inside, nr, "at a time");
		}
		assert_int_equal(team_check_cpus(team, NULL), 0);
		team_destroy(team);
	}
	team_destroy(NULL);
}

/* Threads that had to wait long sleep, and come all the same. */
static void test_after_a_nap(void **state)
{
	struct record r = { .nr = 3 };
	const struct team_cfg cfg = { .nr = 3, .work = work, .arg = &r };
	struct team *team;

	(void)state;
	assert_int_equal(team_create(&cfg, &team, NULL), 0);
	for (u64 call = 1; call <= 3; call++) {
		usleep(50000);
		team_arm(team, 1);
		usleep(1000);
		team_go(team);
		for (unsigned int i = 0; i < 3; i++)
			expect_u64(r.nr_calls[i], call, "thread %u", i);
	}
	usleep(50000);
	team_destroy(team);
}

static u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

#define NR_NAPS	    10
#define MAX_IDLE_NS 400000 /* of 3 threads that spin 50 us each, and sleep */

/* Between two calls, while others may measure, the threads hardly run. */
static void test_rests(void **state)
{
	struct record r = { .nr = 4 };
	const struct team_cfg cfg = { .nr = 4, .work = work, .arg = &r };
	u64 least_ns = UINT64_MAX;
	struct team *team;

	(void)state;
	assert_int_equal(team_create(&cfg, &team, NULL), 0);
	for (int i = 0; i < NR_NAPS; i++) {
		u64 start;

		team_arm(team, 1);
		team_go(team);
		start = cpu_ns();
		usleep(20000);
		if (least_ns > cpu_ns() - start)
			least_ns = cpu_ns() - start;
	}
	team_destroy(team);
	print_message("%" PRIu64 " ns in a nap of 20 ms\n", least_ns);
	assert_true(least_ns <= MAX_IDLE_NS);
}

/* Never called to work. */
static void test_idle(void **state)
{
	struct record r = { .nr = 4 };
	const struct team_cfg cfg = { .nr = 4, .work = work, .arg = &r };
	struct team *team;

	(void)state;
	assert_int_equal(team_create(&cfg, &team, NULL), 0);
	team_destroy(team);
	assert_int_equal(r.nr_calls[0], 0);
}

static struct host_topology *topology_here(void)
{
	struct host_topology *topo;

	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	return topo;
}

static void test_places(void **state)
{
	struct host_topology *topo = topology_here();
	struct record r = { .nr = 2 };
	unsigned int cpus[2] = { 0, 0 };
	const struct team_cfg cfg = {
		.nr = 2, .topo = topo, .cpus = cpus, .work = work, .arg = &r
	};
	cpu_set_t before, one;
	struct iopt_err err = { "" };
	struct team *team;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2) {
		print_message("skip: one CPU, no second place\n");
		skip();
	}
	while (!CPU_ISSET(cpus[0], &before))
		cpus[0]++;
	for (cpus[1] = cpus[0] + 1; !CPU_ISSET(cpus[1], &before);)
		cpus[1]++;
	CPU_ZERO(&one);
	CPU_SET(cpus[0], &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(team_create(&cfg, &team, NULL), 0);
	team_arm(team, 1);
	team_go(team);
	assert_int_equal(team_check_cpus(team, NULL), 0);
	/* The calling thread strays. */
	CPU_ZERO(&one);
	CPU_SET(cpus[1], &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	team_arm(team, 1);
	team_go(team);
	assert_int_equal(team_check_cpus(team, &err), -EINVAL);
	expect_text(err.msg, "thread 0 was on CPU", "error text");
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	team_destroy(team);
	host_topology_destroy(topo);
}

/* What each thread may use, by thread. */
static void look_round(void *arg, unsigned int thread, u64 n)
{
	cpu_set_t *sets = arg;

	(void)n;
	assert_int_equal(sched_getaffinity(0, sizeof(*sets), &sets[thread]), 0);
}

/* Threads of a caller that is bound to one CPU, and that shall not be. */
static void test_unbound(void **state)
{
	struct host_topology *topo = topology_here();
	cpu_set_t before, one, sets[3];
	const struct team_cfg cfg = {
		.nr = 3, .topo = topo, .work = look_round, .arg = sets
	};
	struct team *team;
	int cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(team_create(&cfg, &team, NULL), 0);
	team_arm(team, 1);
	team_go(team);
	team_destroy(team);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_true(CPU_EQUAL(&sets[0], &one));
	assert_true(CPU_EQUAL(&sets[1], &before));
	assert_true(CPU_EQUAL(&sets[2], &before));
	host_topology_destroy(topo);
}

/* Threads that cannot be bound end again, and the reason is told. */
static void test_no_such_place(void **state)
{
	struct host_topology *topo = topology_here();
	struct record r = { .nr = 3 };
	const unsigned int cpus[3] = { 0, 0, 100000 };
	const struct team_cfg cfg = {
		.nr = 3, .topo = topo, .cpus = cpus, .work = work, .arg = &r
	};
	struct team *team = (void *)0x5a;
	struct iopt_err err = { "" };

	(void)state;
	assert_true(team_create(&cfg, &team, &err) < 0);
	expect_text(err.msg, "thread 2: cpu 100000", "error text");
	assert_ptr_equal(team, (void *)0x5a);
	host_topology_destroy(topo);
	setenv("HWLOC_SYNTHETIC", "core:4 pu:1", 1);
	topo = topology_here();
	unsetenv("HWLOC_SYNTHETIC");
	assert_true(team_create(&(struct team_cfg){ .nr = 2,
						    .topo = topo,
						    .cpus = cpus,
						    .work = work,
						    .arg = &r },
				&team, &err) == -ENOTSUP);
	host_topology_destroy(topo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_after_a_nap),
		cmocka_unit_test(test_rests),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_unbound),
		cmocka_unit_test(test_no_such_place),
	};

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
