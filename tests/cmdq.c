// SPDX-License-Identifier: GPL-2.0-only
/* A command queue under several threads: every command once, lists whole. */
#include "test.h"

#include <pthread.h>

#include "cmdq.h"
#include "rng.h"
#include "sizes.h"

#define MAX_THREADS 8
#define MARK	    CMD_TLBI_NH_VA

/* A list is entries of its thread and number, counted from 0. */
static struct smmu_raw entry_of(u32 thread, u32 list, u32 i)
{
	return (struct smmu_raw){ { MARK | (u64)thread << 32 | (u64)list << 40,
				    i } };
}

static unsigned int issue_list(struct cmdq *q, u32 thread, u32 list, u32 n,
			       bool has_sync)
{
	struct smmu_raw cmds[CMDQ_MAX_LIST];

	for (u32 i = 0; i < n; i++)
		cmds[i] = entry_of(thread, list, i);
	return cmdq_issue(q, cmds, n, has_sync);
}

static struct cmdq *queue_of(unsigned int lg2)
{
	struct cmdq *q;

	assert_int_equal(cmdq_create(lg2, &q, NULL), 0);
	return q;
}

/* One thread: where the queue stands after lists, some larger than is free. */
static const struct {
	const char *name;
	unsigned int lg2;
	u32 n, nr_lists;
	bool has_sync;
	u32 prod, cons;
} rows[] = {
	{ "one", 7, 1, 1, true, 2, 2 },
	{ "one, not waited for", 7, 1, 1, false, 1, 0 },
	{ "a sync alone", 7, 0, 3, true, 3, 3 },
	{ "nothing", 7, 0, 3, false, 0, 0 },
	{ "round the ring", 7, 63, 100, true, 6400, 6400 },
	/* 128 entries: room is looked for by every second list of 64. */
	{ "full", 7, 64, 2, false, 128, 0 },
	{ "more than full", 7, 64, 3, false, 192, 128 },
	{ "many, not waited for", 7, 64, 101, false, 6464, 6400 },
	{ "odd lists", 8, 61, 1000, true, 62000, 62000 },
	{ "odd lists, not waited for", 8, 61, 1000, false, 61000, 60756 },
};

static void test_one_thread(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cmdq *q = queue_of(rows[i].lg2);
		bool is_any = rows[i].n || rows[i].has_sync;
		struct cmdq_state s;

		for (u32 k = 0; k < rows[i].nr_lists; k++)
			expect_u64(issue_list(q, 0, k, rows[i].n,
					      rows[i].has_sync),
				   is_any, "tries, %s", rows[i].name);
		s = cmdq_state(q);
		expect_u64(s.prod, rows[i].prod, "prod, %s", rows[i].name);
		expect_u64(s.cons, rows[i].cons, "cons, %s", rows[i].name);
		expect_u64(s.prod_reg, rows[i].prod, "doorbell, %s",
			   rows[i].name);
		expect_u64(s.owner_prod, rows[i].prod, "owner, %s",
			   rows[i].name);
		cmdq_destroy(q);
	}
	cmdq_destroy(NULL);
}

static void test_bad_size(void **state)
{
	static const unsigned int sizes[] = { 0, 6, 20, 31 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct cmdq *q = (void *)0x5a;
		struct iopt_err err = { "" };

		assert_int_equal(cmdq_create(sizes[i], &q, &err), -EINVAL);
		expect_text(err.msg, "2^7 to 2^19", "error text");
		assert_ptr_equal(q, (void *)0x5a);
	}
}

/* How many entries before the executed end are looked at. */
#define NR_LOOKED_AT 80

/*
 * In a ring that was never full: what is executed was written, and stays so.
 * Entries are 0 before they are written.
 */
static bool is_written(const struct cmdq *q, u32 *executed)
{
	u32 end = cmdq_state(q).executed, before = *executed;
	u32 i = end < NR_LOOKED_AT ? 0 : end - NR_LOOKED_AT;

	*executed = end;
	while (i < end && cmdq_entry(q, i)->w[0])
		i++;
	return i == end && end >= before;
}

/**
 * struct crew - Threads at one queue.
 * @q: queue
 * @nr_threads: how many
 * @nr_lists: that each puts in
 * @seed: of the sizes of lists
 * @is_large: the ring holds all that is put in
 * @nr_holes: times that something unwritten was executed, or undone
 * @gate: all start together
 * @nr_entries: that each put in
 */
struct crew {
	struct cmdq *q;
	unsigned int nr_threads;
	u32 nr_lists;
	u64 seed;
	bool is_large;
	unsigned int nr_holes;
	pthread_barrier_t gate;
	u32 nr_entries[MAX_THREADS];
	unsigned int nr_started;
};

static void *work(void *arg)
{
	struct crew *crew = arg;
	u32 thread = __atomic_fetch_add(&crew->nr_started, 1, __ATOMIC_RELAXED);
	u32 nr = 0, executed = 0;
	struct rng rng;

	rng_init(&rng, crew->seed + thread);
	pthread_barrier_wait(&crew->gate);
	for (u32 list = 0; list < crew->nr_lists; list++) {
		u32 n = (u32)rng_below(&rng, CMDQ_MAX_LIST + 1);
		bool has_sync = rng_below(&rng, 4) || !n;

		if (!issue_list(crew->q, thread, list, n, has_sync))
			fail_msg("no try put %u entries in", n);
		nr += n + has_sync;
		if (crew->is_large && !is_written(crew->q, &executed))
			__atomic_fetch_add(&crew->nr_holes, 1,
					   __ATOMIC_RELAXED);
	}
	crew->nr_entries[thread] = nr;
	return NULL;
}

static void run_crew(struct crew *crew)
{
	pthread_t threads[MAX_THREADS];
	u32 nr = 0;
	struct cmdq_state s;

	pthread_barrier_init(&crew->gate, NULL, crew->nr_threads);
	for (unsigned int i = 0; i < crew->nr_threads; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, crew),
				 0);
	for (unsigned int i = 0; i < crew->nr_threads; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < crew->nr_threads; i++)
		nr += crew->nr_entries[i];
	pthread_barrier_destroy(&crew->gate);
	s = cmdq_state(crew->q);
	expect_u64(crew->nr_holes, 0, "holes, %u threads, seed %" PRIu64,
		   crew->nr_threads, crew->seed);
	expect_u64(s.executed, nr, "executed, %u threads, seed %" PRIu64,
		   crew->nr_threads, crew->seed);
	expect_u64(s.prod, nr, "entries of %u threads, seed %" PRIu64,
		   crew->nr_threads, crew->seed);
	expect_u64(s.prod_reg, nr, "doorbell of %u threads, seed %" PRIu64,
		   crew->nr_threads, crew->seed);
	expect_u64(s.owner_prod, nr, "owner of %u threads, seed %" PRIu64,
		   crew->nr_threads, crew->seed);
}

/*
 * Nothing was written over: each list lies whole and in order, each thread's
 * lists follow each other, and only a CMD_SYNC stands between lists.
 */
static void check_ring(const struct crew *crew)
{
	u32 lists[MAX_THREADS] = { 0 }, nr = cmdq_state(crew->q).prod;
	const char *what = NULL;
	u32 i = 0;

	while (i < nr && !what) {
		const struct smmu_raw *e = cmdq_entry(crew->q, i);
		u32 thread = (e->w[0] >> 32) & 0xff;
		u32 list = (u32)(e->w[0] >> 40);

		if (cmd_op(e) == CMD_SYNC) {
			i++;
			continue;
		}
		if (cmd_op(e) != MARK || thread >= crew->nr_threads)
			what = "an entry was not written";
		else if (list < lists[thread])
			what = "a list comes late";
		else if (e->w[1])
			what = "a list is torn";
		lists[thread] = list + 1;
		for (u32 k = 0; !what && i < nr; k++, i++) {
			struct smmu_raw want = entry_of(thread, list, k);

			e = cmdq_entry(crew->q, i);
			if (memcmp(e, &want, sizeof(want)))
				break;
		}
	}
	if (what)
		fail_msg("entry %u of %u, %u threads, seed %" PRIu64 ": %s", i,
			 nr, crew->nr_threads, crew->seed, what);
}

static void test_all_are_there(void **state)
{
	u64 seed = test_seed();

	(void)state;
	for (unsigned int nr = 1; nr <= MAX_THREADS; nr *= 2) {
		/* 33 entries a list on average, 65 at most. */
		struct crew crew = { .q = queue_of(19),
				     .nr_threads = nr,
				     .nr_lists = 12000 / nr,
				     .is_large = true,
				     .seed = seed };

		run_crew(&crew);
		check_ring(&crew);
		cmdq_destroy(crew.q);
	}
}

/* A ring that hardly holds two lists: full again and again. */
static void test_round_and_round(void **state)
{
	u64 seed = test_seed();

	(void)state;
	for (unsigned int nr = 1; nr <= 4; nr *= 2) {
		struct crew crew = { .q = queue_of(7),
				     .nr_threads = nr,
				     .nr_lists = 4000 / nr,
				     .seed = seed };

		run_crew(&crew);
		cmdq_destroy(crew.q);
	}
}

/* What a table says of invalidation, as commands. */
static void test_domain(void **state)
{
	struct cmdq_tries tries = { 0, 0 };
	struct cmdq *q = queue_of(10);
	struct cmdq_domain domain;
	struct gather gather;

	(void)state;
	cmdq_domain_init(&domain, q, 7);
	domain.tries = &tries;
	gather_init(&gather);
	cmdq_inval_ops.add_page(&gather, 0x40000000, SZ_4K, &domain);
	assert_int_equal(cmdq_state(q).prod, 0);
	gather_sync(&gather, &cmdq_inval_ops, &domain);
	assert_int_equal(cmdq_state(q).prod, 2);
	assert_true(cmdq_entry(q, 0)->w[0] ==
		    (CMD_TLBI_NH_VA | 7ull << CMD_0_ASID_SHIFT));
	assert_true(cmdq_entry(q, 0)->w[1] == (0x40000000 | CMD_1_LEAF));
	assert_int_equal(cmd_op(cmdq_entry(q, 1)), CMD_SYNC);
	/* 512 pages: 8 batches, and a sync behind the last. */
	cmdq_inval_ops.flush_walk(0x200000, SZ_2M, SZ_4K, &domain);
	assert_int_equal(cmdq_state(q).prod, 2 + 512 + 1);
	for (u32 i = 0; i < 512; i++)
		assert_true(cmdq_entry(q, 2 + i)->w[1] ==
			    0x200000ull + i * SZ_4K);
	assert_int_equal(cmd_op(cmdq_entry(q, 514)), CMD_SYNC);
	cmdq_inval_ops.flush_all(&domain);
	assert_int_equal(cmdq_state(q).prod, 517);
	assert_int_equal(cmd_op(cmdq_entry(q, 515)), CMD_TLBI_NH_ASID);
	assert_int_equal(tries.nr_issues, 1 + 8 + 1);
	assert_int_equal(tries.nr_tries, tries.nr_issues);
	/* Nothing gathered, nothing sent. */
	gather_init(&gather);
	cmdq_inval_ops.sync(&gather, &domain);
	assert_int_equal(cmdq_state(q).prod, 517);
	cmdq_destroy(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread),
		cmocka_unit_test(test_bad_size),
		cmocka_unit_test(test_all_are_there),
		cmocka_unit_test(test_round_and_round),
		cmocka_unit_test(test_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
