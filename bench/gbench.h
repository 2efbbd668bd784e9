/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A C API over Google Benchmark (libbenchmark 1.7.1 to 1.9.x).
 *
 * A session takes benchmarks by name, runs them and writes rows to a stream.
 * What the library passes over in silence comes back as a value here: a filter
 * that matches nothing, rows that are errors, a stream that cannot be written.
 * Values that would spoil a result file (NaN, a counter named as a field of
 * the library) are refused. A library built without NDEBUG, as Debian's is,
 * would have each result carry a warning: it concerns the library's own
 * assertions, costs a measured loop nothing, and is left out.
 *
 * One session at a time in a process, since the library's registry is global.
 */
#ifndef IOPT_GBENCH_H
#define IOPT_GBENCH_H

#include <stdio.h>

#include "err.h"
#include "types.h"

struct gb;
struct gb_state;

/* What a session writes. */
enum gb_format {
	GB_JSON,    /* one Google Benchmark JSON object */
	GB_CONSOLE, /* the library's table, for a person */
};

/**
 * gb_fn - A benchmark: runs its iterations in a loop that the state drives.
 * @state: valid during the call
 * @arg: as registered
 *
 * Each path ends in one of: the loop ran until there were no iterations left;
 * gb_error(); gb_skip(); gb_drop(). A callback that just returns makes an
 * error row. Must not longjmp out.
 */
typedef void gb_fn(struct gb_state *state, void *arg);

/**
 * struct gb_bench - A benchmark to register.
 * @name: name of its row; libbenchmark's own additions (iterations:1000,
 *	manual_time, ...) are left out of it. Copied
 * @fn: called once a repetition
 * @arg: handed to @fn; the caller's
 * @nr_iterations: iterations of each repetition, 0 to let the library choose
 * @nr_repetitions: rows to make; 0 means 1
 * @has_manual_time: time is what gb_time_add() was told, otherwise the wall
 *	clock round the loop
 */
struct gb_bench {
	const char *name;
	gb_fn *fn;
	void *arg;
	u64 nr_iterations;
	unsigned int nr_repetitions;
	bool has_manual_time;
};

/**
 * struct gb_result - What a gb_run() did.
 * @nr_matched: benchmarks that the filter selected
 * @nr_rows: rows written, error rows included, aggregates not
 * @nr_errors: rows that are errors or skips
 * @nr_dropped: rows left out because of gb_drop()
 */
struct gb_result {
	u64 nr_matched;
	u64 nr_rows;
	u64 nr_errors;
	u64 nr_dropped;
};

IOPT_BEGIN_DECLS

/**
 * gb_version() - Version of libbenchmark that this was built against.
 *
 * Return: a static string, "1.7.1".
 */
const char *gb_version(void);

/**
 * gb_create() - Start a session.
 * @out: where rows go; the caller's, open for the life of the session
 * @format: what to write
 * @program: name of the program for the result; must outlive the session
 * @session: set to the session, owned by the caller until gb_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int gb_create(FILE *out, enum gb_format format, const char *program,
	      struct gb **session, struct iopt_err *err);

/**
 * gb_context_add() - Add a key to the context of the result.
 * @gb: session that has not run yet
 * @key: letters, digits and underscores; new; copied
 * @value: any text, copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @key is malformed or a key of the library's own;
 * -EEXIST when @key was added before;
 * -EBUSY when the context has been written;
 * -ENOMEM when there is no memory.
 */
int gb_context_add(struct gb *gb, const char *key, const char *value,
		   struct iopt_err *err);

/**
 * gb_register() - Add a benchmark to the next gb_run().
 * @gb: session
 * @bench: see there; copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @bench has no name or callback;
 * -EEXIST when a benchmark of that name waits already;
 * -ENOMEM when there is no memory.
 */
int gb_register(struct gb *gb, const struct gb_bench *bench,
		struct iopt_err *err);

/**
 * gb_run() - Run what is registered, write its rows, and forget it.
 * @gb: session; may be run again, rows go on in the same result
 * @regex: of the names to run, as the library takes it; NULL for all
 * @result: set to what was done, also on failure; may be NULL
 * @err: gets the reason of a failure; may be NULL
 *
 * Rows are in the stream, flushed, as soon as a benchmark is done.
 *
 * Return: 0, also when rows are errors: see @result;
 * -ENOENT when no benchmark matched;
 * -ENOMEM, -EIO when the library failed;
 * -errno of a failed write, such as -ENOSPC.
 */
int gb_run(struct gb *gb, const char *regex, struct gb_result *result,
	   struct iopt_err *err);

/**
 * gb_destroy() - End a session: close the result in the stream.
 * @gb: session, or NULL
 * @err: gets the reason of a failure; may be NULL
 *
 * JSON is complete after this also when nothing was run.
 *
 * Return: 0;
 * -errno of a failed write.
 */
int gb_destroy(struct gb *gb, struct iopt_err *err);

/**
 * gb_next_batch() - Ask for iterations to run.
 * @state: of this call
 * @want: how many at most, not 0
 *
 * Cost: one call into the library a batch, none an iteration.
 *
 * Return: how many to run now; 0 when there are no more.
 */
u64 gb_next_batch(struct gb_state *state, u64 want);

/**
 * gb_all() - The number of iterations of this repetition.
 * @state: of this call
 */
u64 gb_all(const struct gb_state *state);

/**
 * gb_for_each() - Loop over all iterations; the countdown is in a register.
 * @state: of this call
 * @i: name of a u64 that the loop defines: iterations left in the batch
 *
 * The body must not leave the loop, except after gb_error(), gb_skip() or
 * gb_drop(). Cost: one decrement and one branch an iteration.
 */
#define gb_for_each(state, i)                                \
	for (u64 i = gb_next_batch(state, gb_all(state)); i; \
	     i = __builtin_expect(i > 1, 1) ?                \
			 i - 1 :                             \
			 gb_next_batch(state, gb_all(state)))

/**
 * gb_time_add() - Add measured time, for a benchmark with manual time.
 * @state: of this call
 * @ns: time of iterations done since the last call; finite, not negative
 *
 * Return: 0;
 * -EINVAL when @ns is not such a number; nothing was added.
 */
int gb_time_add(struct gb_state *state, double ns);

/**
 * gb_cpu_time_add() - Add CPU time; the row's cpu_time is then the sum of it.
 * @state: of this call
 * @ns: CPU time of iterations done since the last call; finite, not negative
 *
 * Without it cpu_time is the library's: all that the thread did in the loop,
 * preparation included.
 *
 * Return: 0;
 * -EINVAL when @ns is not such a number; nothing was added.
 */
int gb_cpu_time_add(struct gb_state *state, double ns);

/**
 * gb_counter_set() - Give the row a counter.
 * @state: of this call
 * @name: lower case letters, digits, underscores; not a field of the library
 * @value: finite; written as it is, never scaled
 *
 * Return: 0;
 * -EINVAL when @name is malformed or reserved, or @value is not finite;
 * -EEXIST when the row has it already;
 * -ENOMEM when there is no memory.
 */
int gb_counter_set(struct gb_state *state, const char *name, double value);

/**
 * gb_label_set() - Give the row a label, in place of an earlier one.
 * @state: of this call
 * @label: any text, copied
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int gb_label_set(struct gb_state *state, const char *label);

/**
 * gb_error() - Make the row an error row; it gets no number. The first counts.
 * @state: of this call; gb_next_batch() returns 0 from now on
 * @what: one line, copied
 */
void gb_error(struct gb_state *state, const char *what);

/**
 * gb_skip() - Make the row a skip: an error row "skip: <reason>".
 * @state: of this call; gb_next_batch() returns 0 from now on
 * @reason: one line, copied
 */
void gb_skip(struct gb_state *state, const char *reason);

/**
 * gb_drop() - Leave the row out of the result: it was interrupted.
 * @state: of this call; gb_next_batch() returns 0 from now on
 */
void gb_drop(struct gb_state *state);

IOPT_END_DECLS

#endif
