/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A family of benchmarks: a const table of keys and hooks.
 *
 * How to write one: fill in a struct bench_family, in a file of its own, and
 * add it to the list in families.c. The harness makes a case of every
 * combination of key values that check() says exists, and takes each through
 *
 *	BENCH_VERIFY	setup verify teardown
 *	BENCH_COUNT	setup count teardown
 *	BENCH_TIME	setup (prepare run finish)... prepare run check finish
 *			teardown
 *
 * in this order, with a context of its own each; a family without run() has
 * counters alone and stops after the second. A case that fails any step is an
 * error row and never a number. After each teardown the arena must be as
 * empty as before. Only run() is timed, n operations at a time; n is chosen
 * so that a timed section lasts at least 20 us, and sections alternate with
 * the untimed prepare() and finish().
 */
#ifndef IOPT_BENCH_H
#define IOPT_BENCH_H

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "types.h"

#define BENCH_MAX_KEYS	   8
#define BENCH_MAX_COUNTERS 96
#define BENCH_COUNTER_MAX  48
#define BENCH_NAME_MAX	   192

struct bench_family;
struct cost_profile;
struct host_load;
struct host_topology;
struct pgtable_engine_set;
struct progress;
struct trace_set;

/* The smallest set of cases that a case is in; each holds those before it. */
enum bench_set {
	BENCH_QUICK,
	BENCH_DEFAULT,
	BENCH_FULL,
};

/* What a context is set up for. */
enum bench_phase {
	BENCH_VERIFY, /* results are checked, on a table of its own */
	BENCH_COUNT,  /* one operation is counted; never timed */
	BENCH_TIME, /* nothing but the operation, invalidating into the sink */
};

/**
 * struct bench_file - A file that the user gave, as a value of a key.
 * @path: as it was given
 * @value: "file-" and what its name has of [0-9A-Za-z_.-]
 */
struct bench_file {
	const char *path;
	char value[64];
};

/**
 * struct bench_env - What the process gives to all cases.
 * @arena: where tables come from; shared, empty between cases
 * @clock: clock that measures
 * @engines: those that the user gave, beside the static ones; NULL for none
 * @profile: what invalidations go through while a row of the ledger is counted;
 *	NULL otherwise
 * @shared: beside a profile: what share() of the family made; NULL otherwise
 * @topo: topology of the machine; NULL where none is known
 * @load: how busy its CPUs were before; NULL where that is not known
 * @cpu: CPU that this thread is on
 * @seed: of the process; a case derives its own random numbers from it
 * @traces: files that the user gave to replay
 * @nr_traces: entries in @traces, 0 for the shipped ones
 * @frames: files of recorded frames that the user gave to tear down
 * @nr_frames: entries in @frames
 * @trace_set: the same traces under their names, or NULL where none is run
 * @progress: told what is being done; NULL where nobody listens
 */
struct bench_env {
	struct arena *arena;
	const struct host_clock *clock;
	const struct pgtable_engine_set *engines;
	const struct cost_profile *profile;
	void *shared;
	const struct host_topology *topo;
	const struct host_load *load;
	unsigned int cpu;
	u64 seed;
	const char *const *traces;
	size_t nr_traces;
	const struct bench_file *frames;
	size_t nr_frames;
	struct trace_set *trace_set;
	struct progress *progress;
};

/**
 * struct bench_key - A key of a family's names and the values it takes.
 * @name: lower case letters, digits, underscores; not one that libbenchmark
 *	writes, and not tlbi, which the runner adds
 * @values: values, NULL after the last; [0-9A-Za-z_.-]+ each
 * @value_at: in place of @values, for values only known at run time: value
 *	number @i from 0, NULL past the last; must outlive the run
 */
struct bench_key {
	const char *name;
	const char *const *values;
	const char *(*value_at)(const struct bench_env *env, size_t i);
};

/**
 * struct bench_case - One combination of key values.
 * @family: its family
 * @values: a value for each key of the family, in the order of the keys
 * @set: set by check(): the smallest set that it is in
 * @is_long: set by check(): an operation takes some 30 ms or more, up to
 *	minutes: one section of one operation is timed, without the proof of
 *	2N against N, and a run may leave it out of its later rounds
 * @skip: set by check(): why it cannot run here, "" if it can
 * @name: "family/key:value/key:value"
 */
struct bench_case {
	const struct bench_family *family;
	const char *values[BENCH_MAX_KEYS];
	enum bench_set set;
	bool is_long;
	char skip[128];
	char name[BENCH_NAME_MAX];
};

/**
 * struct bench_counter - A counter that a family may report.
 * @name: as gb_counter_set() takes it
 * @is_exact: the same on every machine and in every run; otherwise bounded or
 *	noisy, see bench_counter_is_bounded()
 */
struct bench_counter {
	const char *name;
	bool is_exact;
};

/**
 * struct bench_counts - Counters of one row, filled by bench_count().
 * @entries: name and value of each
 * @nr: entries used
 * @nr_lost: counters that found no room: a fault of the family
 */
struct bench_counts {
	struct {
		char name[BENCH_COUNTER_MAX];
		double value;
	} entries[BENCH_MAX_COUNTERS];
	size_t nr;
	size_t nr_lost;
};

/**
 * struct bench_family - A family of benchmarks.
 * @name: lower case letters, digits and underscores
 * @question: what a reader learns, one line
 * @keys: keys in the order of the name; ended by one without a name
 * @counters: counters of its own beside the common ones of bench_counters;
 *	ended by one without a name; NULL for none
 * @arena_bytes: most bytes of tables that @c has at a time; NULL: within what
 *	the process has anyhow
 * @check: does @c, whose values are set, exist? false: it is silently no part
 *	of the family. Sets @c->set, and @c->skip where it cannot run here.
 *	NULL: all exist, in BENCH_DEFAULT
 * @setup: makes a context, never NULL; on failure *@ctx stays as it is and
 *	nothing is held. -ECANCELED is no failure: the case cannot run here, as
 *	only trying could tell, and @err says why; it is a named skip
 * @teardown: frees a context and every table in it
 * @verify: does one operation or a few, and checks what they return and leave
 *	behind
 * @count: counts one operation, checks the counts against what they must be,
 *	and reports them. All must be declared exact
 * @max_n: most operations that one prepare() can provide for; NULL: 2^20; not
 *	called without @run
 * @min_section_ns: least length of a timed section, if the clock needs less
 * @needs_load: it places threads of its own by how busy the CPUs are
 * @times_cpu: its time is the CPU time of the thread, not that of the clock:
 *	its operations last so long that others take their part meanwhile, and
 *	so long that reading a slower clock costs little. True of each long case
 * @prepare: provides for @n operations, untimed; NULL for nothing to do; not
 *	called without @run
 * @run: does @n operations, timed; NULL where only counters have a meaning:
 *	rows are labelled "counted" and no hook after this one is called
 * @check_after: compares what the @n operations of the last section left
 *	behind, before finish(); NULL where verify() says all
 * @finish: undoes what run() did, untimed; NULL for nothing to do
 * @start: sections from now on count, calibration is over; NULL for nothing
 * @report: reports noisy counters after the last section; NULL for none
 * @share: makes what all rows of the ledger of a case have in common, before
 *	the first of them is counted; they find it in @env->shared. NULL for
 *	nothing; on failure *@shared stays as it is
 * @unshare: frees what @share made
 * @takes_short: engines of short descriptors go with it; elsewhere they are
 *	skipped by name
 * @has_ledger: its operations invalidate: a case also has a row for each cost
 *	profile, with what is sent
 * @takes_profile: does @c have a row of the ledger for @profile? NULL: for each
 * @outcome: a static word for how the operation ends, such as "refused", asked
 *	after the last section; NULL: "ok"
 * @warning: a static word for what is doubtful in the input, such as "lost",
 *	or NULL for nothing; goes to the label behind the outcome. NULL: nothing
 *
 * Hooks that return int return 0, or -errno with the reason in @err.
 */
struct bench_family {
	const char *name;
	const char *question;
	const struct bench_key *keys;
	const struct bench_counter *counters;
	u64 (*arena_bytes)(const struct bench_case *c);
	bool (*check)(const struct bench_env *env, struct bench_case *c);
	int (*setup)(const struct bench_env *env, const struct bench_case *c,
		     enum bench_phase phase, void **ctx, struct iopt_err *err);
	void (*teardown)(void *ctx);
	int (*verify)(void *ctx, struct iopt_err *err);
	int (*count)(void *ctx, struct bench_counts *counts,
		     struct iopt_err *err);
	u64 (*max_n)(void *ctx);
	double min_section_ns;
	bool needs_load;
	bool times_cpu;
	int (*prepare)(void *ctx, u64 n, struct iopt_err *err);
	void (*run)(void *ctx, u64 n);
	int (*check_after)(void *ctx, u64 n, struct iopt_err *err);
	int (*finish)(void *ctx, u64 n, struct iopt_err *err);
	void (*start)(void *ctx);
	void (*report)(void *ctx, struct bench_counts *counts);
	int (*share)(const struct bench_env *env, const struct bench_case *c,
		     void **shared, struct iopt_err *err);
	void (*unshare)(void *shared);
	bool takes_short;
	bool has_ledger;
	bool (*takes_profile)(const struct bench_case *c,
			      const struct cost_profile *profile);
	const char *(*outcome)(void *ctx);
	const char *(*warning)(void *ctx);
};

/**
 * struct bench_list - The cases of some families.
 * @cases: the cases, family by family, the last key varying fastest
 * @nr: entries in @cases
 */
struct bench_list {
	struct bench_case *cases;
	size_t nr;
};

IOPT_BEGIN_DECLS

/* Every family, NULL after the last. */
extern const struct bench_family *const bench_families[];

/* Counters that any family may report; ended by one without a name. */
extern const struct bench_counter bench_counters[];

/**
 * bench_value() - The value of a key of a case.
 * @c: case
 * @key: key of its family
 *
 * Return: the value; NULL when the family has no such key.
 */
const char *bench_value(const struct bench_case *c, const char *key);

/**
 * bench_size() - The value of a key of a case, as a size.
 * @c: case
 * @key: key whose values are sizes
 *
 * Return: bytes; 0 when the value is no size.
 */
u64 bench_size(const struct bench_case *c, const char *key);

/**
 * bench_is() - Has a key of a case this value?
 * @c: case
 * @key: key of its family
 * @value: text
 */
bool bench_is(const struct bench_case *c, const char *key, const char *value);

/**
 * bench_count() - Report a counter.
 * @counts: of this row
 * @name: a counter that is declared, below BENCH_COUNTER_MAX bytes; copied
 * @value: finite
 */
void bench_count(struct bench_counts *counts, const char *name, double value);

/**
 * bench_count_find() - Value of a counter that was reported.
 * @counts: of this row
 * @name: counter
 * @value: set to the value; untouched when it was not reported
 *
 * Return: 0; -ENOENT when it was not reported.
 */
int bench_count_find(const struct bench_counts *counts, const char *name,
		     double *value);

/**
 * bench_counter_find() - The declaration of a counter.
 * @family: whose own counters are looked at first
 * @name: counter
 *
 * Return: the declaration; NULL when there is none.
 */
const struct bench_counter *
bench_counter_find(const struct bench_family *family, const char *name);

/**
 * bench_counter_is_bounded() - Is an inexact counter one that hardly differs?
 * @name: counter
 *
 * Return: true when runs of one binary give nearly the same; false when the
 * counter is noisy, as any measurement.
 */
bool bench_counter_is_bounded(const char *name);

/**
 * bench_family_find() - A family by its name.
 * @families: list, NULL after the last
 * @name: any text
 *
 * Return: the family; NULL when there is none of that name.
 */
const struct bench_family *
bench_family_find(const struct bench_family *const *families, const char *name);

/**
 * bench_list_build() - Make the cases of families.
 * @list: set to the cases; freed by bench_list_free()
 * @families: list, NULL after the last
 * @env: for keys and checks that ask; its arena is not used
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when a name does not follow the grammar, a key is reserved, or a
 * hook that must be there is not;
 * -EEXIST when two cases have the same name;
 * -ENOMEM when there is no memory.
 */
int bench_list_build(struct bench_list *list,
		     const struct bench_family *const *families,
		     const struct bench_env *env, struct iopt_err *err);

/**
 * bench_list_free() - Free what bench_list_build() made.
 * @list: list
 */
void bench_list_free(struct bench_list *list);

IOPT_END_DECLS

#endif
