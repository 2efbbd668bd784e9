// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several CPUs map and unmap at the same time.
 *
 * Question: what do CPUs cost each other that use one page table, or one
 *	command queue?
 * What a reader learns: how throughput grows with CPUs, which of the two
 *	sharings limits it, and how long a single call can take.
 *
 * An operation maps a 4K page and unmaps it again, with a TLBI and a CMD_SYNC,
 * as a driver's streaming mapping does; each CPU does its own operations on
 * pages of its own, whose tables are there. The time of an operation is that
 * of every CPU doing one, so one that scales costs the same on any number of
 * them. What is shared is the value of the key sharing:
 *
 *	nothing		each has a page table and a command queue
 *	queue		each has a page table, all use one queue: several
 *			devices of one SMMU
 *	root		one page table, each in a table of leaves of its own;
 *each has a queue (as with VCMDQ or ECMDQ) root-queue	likewise, and all use
 *one queue: one device leaf		one table of leaves, in which the pages
 *of all CPUs take turns, so that several share a cache line; each has a queue
 *	leaf-queue	likewise, and all use one queue
 *
 * The key place says how far the CPUs are apart, see placement.h. Here timed
 * code does put commands into a queue, since that is the question; the SMMU
 * behind it takes no time (cmdq.h). So no price of a cost profile is added:
 * what an SMMU takes that several CPUs keep busy is not known from what it
 * takes for one.
 */
#include "families.h"
#include "tables.h"
#include "team.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdq.h"
#include "placement.h"
#include "sizes.h"

#define LINE	    128
#define MAX_CPUS    96
#define PAGE	    SZ_4K
#define LG2_QUEUE   12
#define NR_SAMPLES  2048 /* single calls of each kind that a CPU times */
#define NR_VERIFIED 256	 /* operations of a CPU; with 8 they fit the queue */
#define MAX_VERIFY  8	 /* CPUs: more only make it slow */
#define MIN_SECTION_NS                                        \
	200000.0 /* the gate and the last one's end are in it \
		  */

/* What is shared, as the bits of a value of the key. */
enum { OWN_TABLES, SHARED_ROOT, SHARED_LEAF };

/**
 * struct contender - What a CPU works with, on lines that only it writes.
 * @domain: its own, or over the common table
 * @sender: into its queue, or the common one; counts in @tries
 * @tries: since the start
 * @first: its first page
 * @step: to the next one, in bytes
 * @nr_pages: how many it has
 * @nr_wrong: calls that did not return what they must
 * @ns: its part of the last section
 * @map_ns: of single calls, NR_SAMPLES, in the samples of all; NULL but for
 *	timing
 * @unmap_ns: likewise
 */
struct contender {
	_Alignas(LINE) struct iommu_domain domain;
	struct cmdq_domain sender;
	struct cmdq_tries tries;
	u64 first;
	u64 step;
	u64 nr_pages;
	u64 nr_wrong;
	u64 ns;
	u32 *map_ns;
	u32 *unmap_ns;
};

/**
 * struct contention - Context of a case.
 * @t: engine and configuration; its tables are used for counting
 * @clock: clock
 * @nr: CPUs
 * @tables: OWN_TABLES, SHARED_ROOT or SHARED_LEAF
 * @has_one_queue: all use the first queue
 * @team: threads; NULL for counting
 * @contenders: one a CPU
 * @pgt: page tables, one a contender or the first alone
 * @queues: likewise
 * @table_senders: for what a page table says itself
 * @how: what work() does
 * @nr_sections: since the start
 * @span_ns: of them, the slowest CPU's parts
 * @nr_ops: in them, of all CPUs
 * @spread: sum over sections of the slowest part over the fastest
 * @tries: in them, of all CPUs
 * @samples: of single calls: maps of each contender, then unmaps of each; NULL
 *	but for timing
 */
struct contention {
	struct tables t;
	const struct host_clock *clock;
	unsigned int nr;
	int tables;
	bool has_one_queue;
	struct team *team;
	struct contender *contenders;
	struct pgtable **pgt;
	struct cmdq **queues;
	struct cmdq_domain *table_senders;
	void (*how)(struct contention *c, struct contender *me, u64 n);
	u64 nr_sections;
	u64 span_ns;
	u64 nr_ops;
	double spread;
	struct cmdq_tries tries;
	u32 *samples;
};

static const char *const cpus_values[] = { "1",	 "2",  "4",  "8", "16",
					   "32", "64", "96", NULL };
static const char *const places[] = { "one", "complex", "node", "nodes", NULL };
static const char *const sharings[] = { "nothing",    "queue", "root",
					"root-queue", "leaf",  "leaf-queue",
					NULL };

static unsigned int nr_cpus(const struct bench_case *c)
{
	return (unsigned int)strtoul(bench_value(c, "cpus"), NULL, 10);
}

static bool is_any(const struct bench_case *c, const char *key,
		   const char *const *values)
{
	for (; *values; values++)
		if (bench_is(c, key, *values))
			return true;
	return false;
}

static bool contention_check(const struct bench_env *env, struct bench_case *c)
{
	static const char *const drivers[] = { "lpae-6.1", "lpae-6.12",
					       "lpae-7.3", NULL };
	static const char *const few_cpus[] = {
		"1", "2", "4", "16", "64", NULL
	};
	static const char *const few_shared[] = { "nothing", "queue",
						  "root-queue", "leaf-queue",
						  NULL };
	bool is_alone = bench_is(c, "cpus", "1");

	if (!is_any(c, "engine", drivers) && !tables_is_given(env, c))
		return false;
	if (is_alone != bench_is(c, "place", "one") ||
	    (is_alone && !bench_is(c, "sharing", "nothing")))
		return false;
	c->set = BENCH_FULL;
	if (!bench_is(c, "engine", "lpae-7.3") && !tables_is_given(env, c))
		return true;
	if (is_any(c, "cpus", few_cpus) && is_any(c, "sharing", few_shared))
		c->set = BENCH_DEFAULT;
	if (is_alone ||
	    (bench_is(c, "cpus", "2") && bench_is(c, "place", "complex") &&
	     c->set == BENCH_DEFAULT && !bench_is(c, "sharing", "queue")))
		c->set = BENCH_QUICK;
	return true;
}

/*
 * The CPUs of a case, @env->cpu first. Where the machine has no room the case
 * is a skip, but only for being timed.
 */
static int place(const struct bench_env *env, const char *where,
		 unsigned int nr, unsigned int *cpus, struct iopt_err *err)
{
	struct host_team team = { .topo = env->topo,
				  .load = env->load,
				  .first = env->cpu,
				  .nr = nr };
	struct iopt_err why = { "no topology is known" };
	int ret = -ENOENT;

	if (!host_spread_find(where, &team.spread))
		return iopt_err_set(err, -EINVAL, "no place is named %s",
				    where);
	if (env->topo && !host_topology_is_here(env->topo))
		iopt_err_set(&why, -ENOENT,
			     "the topology is not this machine's, so threads "
			     "cannot be placed");
	else if (env->topo)
		ret = host_team_place(&team, cpus, &why);
	return ret ? iopt_err_set(err, ret == -ENOENT ? -ECANCELED : ret,
				  "place:%s: %s", where, why.msg) :
		     0;
}

static void append_place(const struct bench_env *env, const char *where,
			 const char *nr_text, char *text, size_t size)
{
	unsigned int nr = (unsigned int)strtoul(nr_text, NULL, 10);
	unsigned int cpus[MAX_CPUS];
	size_t len = strlen(text);

	if (nr > MAX_CPUS || place(env, where, nr, cpus, NULL))
		return;
	snprintf(text + len, size - len, "%s%s/%s", len ? " " : "", nr_text,
		 where);
	for (unsigned int i = 0; i < nr; i++) {
		len = strlen(text);
		snprintf(text + len, size - len, "%c%u", i ? ',' : '=',
			 cpus[i]);
	}
}

void contention_places(const struct bench_env *env, char *text, size_t size)
{
	text[0] = '\0';
	/* Alone is where the process is. */
	for (size_t w = 1; places[w]; w++)
		for (size_t i = 1; cpus_values[i]; i++)
			append_place(env, places[w], cpus_values[i], text,
				     size);
}

/* Its pages in the order in which it takes them, again and again. */
static inline u64 page_of(const struct contender *me, u64 i)
{
	return me->first + i % me->nr_pages * me->step;
}

static inline bool map_one(const struct contention *c, struct contender *me,
			   u64 iova)
{
	return !iommu_map(&me->domain, iova, tables_paddr(&c->t, iova), PAGE,
			  TABLES_PROT);
}

static inline bool unmap_one(struct contender *me, u64 iova)
{
	return iommu_unmap(&me->domain, iova, PAGE) == PAGE;
}

static void just_work(struct contention *c, struct contender *me, u64 n)
{
	u64 start = host_clock_ns(c->clock);
	u64 nr_wrong = 0;

	for (u64 i = 0; i < n; i++) {
		u64 iova = page_of(me, i);

		nr_wrong += !map_one(c, me, iova);
		nr_wrong += !unmap_one(me, iova);
	}
	me->nr_wrong += nr_wrong;
	me->ns = host_clock_ns(c->clock) - start;
}

/* Each call between two readings of the clock, of which one is in it. */
static void time_calls(struct contention *c, struct contender *me, u64 n)
{
	for (u64 i = 0; i < n; i++) {
		u64 iova = page_of(me, i);
		u64 start = host_clock_ns(c->clock), middle, end;

		me->nr_wrong += !map_one(c, me, iova);
		middle = host_clock_ns(c->clock);
		me->nr_wrong += !unmap_one(me, iova);
		end = host_clock_ns(c->clock);
		me->map_ns[i] = (u32)(middle - start);
		me->unmap_ns[i] = (u32)(end - middle);
	}
}

/* What is mapped translates, what is unmapped does not, others or not. */
static void check_calls(struct contention *c, struct contender *me, u64 n)
{
	for (u64 i = 0; i < n; i++) {
		u64 iova = page_of(me, i);

		me->nr_wrong += !map_one(c, me, iova);
		me->nr_wrong += iommu_iova_to_phys(&me->domain, iova) !=
				tables_paddr(&c->t, iova);
		me->nr_wrong += !unmap_one(me, iova);
		me->nr_wrong += iommu_iova_to_phys(&me->domain, iova) != 0;
	}
}

static void work(void *arg, unsigned int thread, u64 n)
{
	struct contention *c = arg;

	c->how(c, &c->contenders[thread], n);
}

static void run_all(struct contention *c, u64 n)
{
	team_arm(c->team, n);
	team_go(c->team);
}

static int check_returns(const struct contention *c, struct iopt_err *err)
{
	for (unsigned int i = 0; i < c->nr; i++)
		if (c->contenders[i].nr_wrong)
			return iopt_err_set(
				err, -EINVAL,
				"%llu calls of thread %u of %u "
				"went wrong",
				(unsigned long long)c->contenders[i].nr_wrong,
				i, c->nr);
	return 0;
}

static size_t nr_of(const struct contention *c, bool is_common)
{
	return is_common ? 1 : c->nr;
}

static int check_empty(struct contention *c, struct iopt_err *err)
{
	size_t nr = nr_of(c, c->tables != OWN_TABLES);
	int ret = 0;

	for (size_t i = 0; i < nr && !ret; i++)
		ret = tables_check(&c->t, c->pgt[i], NULL, 0, NULL, err);
	return ret;
}

static void contention_teardown(void *ctx)
{
	struct contention *c = ctx;

	team_destroy(c->team);
	for (unsigned int i = 0; c->pgt && i < c->nr; i++)
		if (c->pgt[i])
			c->pgt[i]->ops.free(c->pgt[i]);
	for (unsigned int i = 0; c->queues && i < c->nr; i++)
		cmdq_destroy(c->queues[i]);
	free(c->contenders);
	free(c->samples);
	free(c->pgt);
	free(c->queues);
	free(c->table_senders);
	tables_fini(&c->t);
	free(c);
}

/* Page tables and queues: one for each, or one for all. */
static int make_shared(struct contention *c, struct iopt_err *err)
{
	struct pgtable_cfg cfg = c->t.cfg;
	int ret = 0;

	for (size_t i = 0; i < nr_of(c, c->has_one_queue) && !ret; i++)
		ret = cmdq_create(LG2_QUEUE, &c->queues[i], err);
	cfg.tlb = &cmdq_inval_ops;
	for (size_t i = 0; i < nr_of(c, c->tables != OWN_TABLES) && !ret; i++) {
		cmdq_domain_init(&c->table_senders[i],
				 c->queues[c->has_one_queue ? 0 : i], (u16)i);
		cfg.cookie = &c->table_senders[i];
		ret = pgtable_create(c->t.engine, &cfg, &c->pgt[i], err);
	}
	return ret;
}

/*
 * A table of leaves each, next to one another; or every nr-th page of one.
 */
static void lay_out(struct contention *c, unsigned int i)
{
	struct contender *me = &c->contenders[i];
	u64 per_table = tables_entries(&c->t, PAGE);
	bool is_leaf = c->tables == SHARED_LEAF;
	u32 table = c->tables == OWN_TABLES ? i : 0;
	u32 queue = c->has_one_queue ? 0 : i;

	me->first = i * (is_leaf ? PAGE : per_table * PAGE);
	me->step = is_leaf ? c->nr * PAGE : PAGE;
	me->nr_pages = is_leaf ? per_table / c->nr : per_table;
	iommu_domain_init(&me->domain, c->pgt[table],
			  gather_rule_find(c->t.engine->rule));
	cmdq_domain_init(&me->sender, c->queues[queue], (u16)table);
	me->sender.tries = &me->tries;
	me->domain.cookie = &me->sender;
}

static int allocate_samples(struct contention *c, struct iopt_err *err)
{
	const size_t size = NR_SAMPLES * sizeof(*c->samples);

	c->samples = aligned_alloc(LINE, 2 * c->nr * size);
	if (!c->samples)
		return iopt_err_set(err, -ENOMEM, "no memory for samples");
	memset(c->samples, 0, 2 * c->nr * size);
	for (unsigned int i = 0; i < c->nr; i++) {
		struct contender *me = &c->contenders[i];

		me->map_ns = c->samples + (size_t)i * NR_SAMPLES;
		me->unmap_ns = c->samples + (size_t)(c->nr + i) * NR_SAMPLES;
	}
	return 0;
}

static int make_contenders(struct contention *c, enum bench_phase phase,
			   struct iopt_err *err)
{
	size_t size = c->nr * sizeof(*c->contenders);
	int ret = 0;

	c->contenders = aligned_alloc(LINE, size);
	c->pgt = calloc(c->nr, sizeof(struct pgtable *));
	c->queues = calloc(c->nr, sizeof(struct cmdq *));
	c->table_senders = calloc(c->nr, sizeof(*c->table_senders));
	if (c->contenders)
		memset(c->contenders, 0, size);
	if (!c->contenders || !c->pgt || !c->queues || !c->table_senders)
		return iopt_err_set(err, -ENOMEM, "no memory");
	ret = make_shared(c, err);
	for (unsigned int i = 0; i < c->nr && !ret; i++) {
		lay_out(c, i);
		/* Its tables are there from now on. */
		just_work(c, &c->contenders[i], 1);
	}
	if (!ret && phase == BENCH_TIME)
		ret = allocate_samples(c, err);
	return ret ? ret : check_returns(c, err);
}

static int make_team(struct contention *c, const struct bench_env *env,
		     const struct bench_case *bc, enum bench_phase phase,
		     struct iopt_err *err)
{
	unsigned int *cpus = calloc(c->nr, sizeof(*cpus));
	struct team_cfg cfg = {
		.nr = c->nr, .topo = env->topo, .work = work, .arg = c
	};
	int ret = 0;

	if (!cpus)
		return iopt_err_set(err, -ENOMEM, "no memory");
	/* Results do not depend on the place. */
	if (phase == BENCH_TIME && c->nr > 1) {
		ret = place(env, bench_value(bc, "place"), c->nr, cpus, err);
		cfg.cpus = cpus;
	}
	if (!ret)
		ret = team_create(&cfg, &c->team, err);
	free(cpus);
	return ret;
}

static int contention_setup(const struct bench_env *env,
			    const struct bench_case *bc, enum bench_phase phase,
			    void **ctx, struct iopt_err *err)
{
	const char *sharing = bench_value(bc, "sharing");
	struct contention *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return iopt_err_set(err, -ENOMEM, "no memory");
	ret = tables_init(&c->t, env, bench_value(bc, "engine"), PAGE, PAGE,
			  phase, err);
	if (ret) {
		free(c);
		return ret;
	}
	c->clock = env->clock;
	c->how = just_work;
	c->nr = nr_cpus(bc);
	if (phase != BENCH_TIME && c->nr > MAX_VERIFY)
		c->nr = MAX_VERIFY;
	c->has_one_queue = strstr(sharing, "queue");
	c->tables = !strncmp(sharing, "root", 4) ? SHARED_ROOT :
		    !strncmp(sharing, "leaf", 4) ? SHARED_LEAF :
						   OWN_TABLES;
	if (phase == BENCH_COUNT)
		tables_layout(&c->t, PAGE, 1, PAGE, 1);
	else
		ret = make_contenders(c, phase, err);
	if (!ret && phase != BENCH_COUNT)
		ret = make_team(c, env, bc, phase, err);
	if (ret)
		contention_teardown(c);
	else
		*ctx = c;
	return ret;
}

/* In a queue of @nr_senders each operation is a TLBI and then its CMD_SYNC. */
static int check_queue(const struct cmdq *q, unsigned int nr_senders,
		       struct iopt_err *err)
{
	u32 want = nr_senders * 2 * (NR_VERIFIED + 1);
	struct cmdq_state s = cmdq_state(q);
	/* The first of each went in before, and may be gone from the ring. */
	u32 i = nr_senders * 2;

	if (s.prod != want || s.prod_reg != want || s.executed != want)
		return iopt_err_set(err, -EINVAL,
				    "%u commands are in the queue, %u were "
				    "told of, %u executed: all must be %u",
				    s.prod, s.prod_reg, s.executed, want);
	for (; i < want; i += 2)
		if (cmd_op(cmdq_entry(q, i)) != CMD_TLBI_NH_VA ||
		    cmd_op(cmdq_entry(q, i + 1)) != CMD_SYNC)
			return iopt_err_set(err, -EINVAL,
					    "commands %u and %u are no TLBI "
					    "with its CMD_SYNC",
					    i, i + 1);
	return 0;
}

static int contention_verify(void *ctx, struct iopt_err *err)
{
	struct contention *c = ctx;
	size_t nr_queues = nr_of(c, c->has_one_queue);
	int ret;

	c->how = check_calls;
	run_all(c, NR_VERIFIED);
	ret = check_returns(c, err);
	if (!ret)
		ret = check_empty(c, err);
	for (size_t i = 0; i < nr_queues && !ret; i++)
		ret = check_queue(c->queues[i], c->has_one_queue ? c->nr : 1,
				  err);
	return ret;
}

/* One CPU's operation, whatever others do: those of all are alike. */
static int contention_count(void *ctx, struct bench_counts *counts,
			    struct iopt_err *err)
{
	static const struct tables_counts want = {
		.pte_writes = 2,
		.calls = 2,
		.inval_pages = 1,
		.syncs = 1,
		.bytes_mapped = PAGE,
		.bytes_unmapped = PAGE,
	};
	struct contention *c = ctx;
	struct tables_snapshot snapshot;
	struct tables_counts got;
	struct contender me = { .nr_wrong = 0 };
	bool is_mapped, is_unmapped;
	int ret = tables_grow(&c->t, 1, err);

	if (ret)
		return ret;
	me.domain = c->t.domain[0];
	map_one(c, &me, 0);
	unmap_one(&me, 0);
	tables_count_start(&c->t, &snapshot);
	is_mapped = map_one(c, &me, 0);
	is_unmapped = unmap_one(&me, 0);
	tables_count_stop(&c->t, &snapshot, &got);
	got.bytes_mapped = is_mapped ? PAGE : 0;
	got.bytes_unmapped = is_unmapped ? PAGE : 0;
	return tables_count_report(&c->t, &got, &want, counts, err);
}

static int contention_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct contention *c = ctx;

	(void)err;
	team_arm(c->team, n);
	return 0;
}

static void contention_run(void *ctx, u64 n)
{
	struct contention *c = ctx;

	(void)n;
	team_go(c->team);
}

static int contention_finish(void *ctx, u64 n, struct iopt_err *err)
{
	struct contention *c = ctx;
	u64 slowest = 0, fastest = ~0ull;
	int ret = check_returns(c, err);

	for (unsigned int i = 0; i < c->nr; i++) {
		u64 ns = c->contenders[i].ns;

		if (slowest < ns)
			slowest = ns;
		if (fastest > ns)
			fastest = ns;
	}
	c->nr_sections++;
	c->span_ns += slowest;
	c->nr_ops += n * c->nr;
	c->spread += (double)slowest / (double)(fastest ? fastest : 1);
	return ret ? ret : team_check_cpus(c->team, err);
}

static struct cmdq_tries tries_of_all(const struct contention *c)
{
	struct cmdq_tries all = { 0, 0 };

	for (unsigned int i = 0; i < c->nr; i++) {
		all.nr_issues += c->contenders[i].tries.nr_issues;
		all.nr_tries += c->contenders[i].tries.nr_tries;
	}
	return all;
}

/* Single calls of all CPUs, in a pass of their own, checked as a section is. */
static int take_samples(struct contention *c, struct iopt_err *err)
{
	int ret;

	c->how = time_calls;
	run_all(c, NR_SAMPLES);
	c->how = just_work;
	ret = check_returns(c, err);
	if (!ret)
		ret = check_empty(c, err);
	return ret ? ret : team_check_cpus(c->team, err);
}

/* The last section has ended: what is done now is in none. */
static int contention_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	struct contention *c = ctx;
	int ret = check_returns(c, err);

	(void)n;
	if (!ret)
		ret = team_check_cpus(c->team, err);
	if (!ret)
		ret = check_empty(c, err);
	c->tries = tries_of_all(c);
	return ret ? ret : take_samples(c, err);
}

static void contention_start(void *ctx)
{
	struct contention *c = ctx;

	c->nr_sections = 0;
	c->span_ns = 0;
	c->nr_ops = 0;
	c->spread = 0;
	for (unsigned int i = 0; i < c->nr; i++)
		c->contenders[i].tries = (struct cmdq_tries){ 0, 0 };
}

static void report_tries(const struct contention *c,
			 struct bench_counts *counts)
{
	if (c->tries.nr_issues)
		bench_count(counts, "cmpxchg_per_issue",
			    (double)c->tries.nr_tries /
				    (double)c->tries.nr_issues);
}

static int compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

/* The smallest that this share of all is not above; @v ascends. */
static double percentile(const u32 *v, size_t nr, double share)
{
	size_t at = (size_t)(share * (double)nr);

	return v[at < nr ? at : nr - 1];
}

static void report_calls(struct bench_counts *counts, const char *name, u32 *v,
			 size_t nr)
{
	char key[BENCH_COUNTER_MAX];

	qsort(v, nr, sizeof(*v), compare_u32);
	snprintf(key, sizeof(key), "%s_p50_ns", name);
	bench_count(counts, key, percentile(v, nr, 0.5));
	snprintf(key, sizeof(key), "%s_p99_ns", name);
	bench_count(counts, key, percentile(v, nr, 0.99));
	snprintf(key, sizeof(key), "%s_max_ns", name);
	bench_count(counts, key, v[nr - 1]);
}

static void contention_report(void *ctx, struct bench_counts *counts)
{
	struct contention *c = ctx;
	const size_t nr = (size_t)NR_SAMPLES * c->nr;

	bench_count(counts, "ops_per_s",
		    1e9 * (double)c->nr_ops / (double)c->span_ns);
	bench_count(counts, "slowest_over_fastest",
		    c->spread / (double)c->nr_sections);
	report_tries(c, counts);
	report_calls(counts, "map", c->samples, nr);
	report_calls(counts, "unmap", c->samples + nr, nr);
}

static const struct bench_counter counters[] = {
	{ "ops_per_s", false },		{ "slowest_over_fastest", false },
	{ "cmpxchg_per_issue", false }, { "map_p50_ns", false },
	{ "map_p99_ns", false },	{ "map_max_ns", false },
	{ "unmap_p50_ns", false },	{ "unmap_p99_ns", false },
	{ "unmap_max_ns", false },	{ NULL, false },
};

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = tables_engine_at },
	{ .name = "cpus", .values = cpus_values },
	{ .name = "place", .values = places },
	{ .name = "sharing", .values = sharings },
	{ .name = NULL },
};

const struct bench_family contention_family = {
	.name = "contention",
	.question = "CPUs that map and unmap at a time, sharing tables, a "
		    "queue, both or neither",
	.keys = keys,
	.counters = counters,
	.check = contention_check,
	.setup = contention_setup,
	.teardown = contention_teardown,
	.verify = contention_verify,
	.count = contention_count,
	.min_section_ns = MIN_SECTION_NS,
	.needs_load = true,
	.prepare = contention_prepare,
	.run = contention_run,
	.check_after = contention_check_after,
	.finish = contention_finish,
	.start = contention_start,
	.report = contention_report,
};
