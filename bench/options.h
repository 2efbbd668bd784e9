/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of iopt-bench. */
#ifndef IOPT_OPTIONS_H
#define IOPT_OPTIONS_H

#include <regex.h>

#include "bench.h"
#include "cost.h"
#include "plan.h"

#define OPTIONS_MAX 64 /* families, traces and modules that may be named */

/**
 * struct options - What the user asked for.
 * @profiles: cost profiles for the ledger, as read
 * @nr_profiles: entries in @profiles
 * @families: selected families; NULL after the last; all when none was named
 * @traces: files to replay
 * @nr_traces: entries in @traces
 * @frames: files of frames to tear down
 * @nr_frames: entries in @frames
 * @kernels: modules of Linux trees to load
 * @nr_kernels: entries in @kernels
 * @has_filter: @filter is compiled and counts
 * @filter: of the names of cases
 * @filter_text: as given; NULL when there is none
 * @plan: cases to run in its order; without entries there is no plan
 * @seed: of the order and of random inputs
 * @round: recorded
 * @cpu: to pin to; negative to let topology pick
 * @node: of the memory of page tables; negative for that of the CPU
 * @min_time_ms: timed part of a case
 * @out: file for JSON; NULL for a table on standard output
 * @set: which cases
 * @wants_list: list and do not run
 * @wants_json: the list as JSON
 * @wants_progress: progress lines on standard error
 * @wants_no_long: leave out what takes long
 * @wants_help: print the options
 * @is_count_only: count and do not time
 * @has_no_perf: do not count by perf events while timing
 */
struct options {
	const struct bench_family *families[OPTIONS_MAX + 1];
	struct cost_profile *profiles;
	size_t nr_profiles;
	const char *traces[OPTIONS_MAX];
	size_t nr_traces;
	struct bench_file frames[OPTIONS_MAX];
	size_t nr_frames;
	const char *kernels[OPTIONS_MAX];
	size_t nr_kernels;
	bool has_filter;
	regex_t filter;
	const char *filter_text;
	struct plan plan;
	u64 seed;
	u64 round;
	int cpu;
	int node;
	u64 min_time_ms;
	const char *out;
	enum bench_set set;
	bool wants_list;
	bool wants_json;
	bool wants_progress;
	bool wants_no_long;
	bool wants_help;
	bool is_count_only;
	bool has_no_perf;
};

IOPT_BEGIN_DECLS

/**
 * options_parse() - Read a command line.
 * @opt: set; freed by options_fini(), also on failure
 * @argc: as main() got it
 * @argv: as main() got it; must outlive @opt
 * @families: families that there are, NULL after the last
 * @err: gets the bad argument and what would be right
 *
 * Return: 0;
 * -EINVAL when the command line, or a profile or plan that it names, is wrong;
 * -ENOENT when one of these is not there, -errno when it cannot be read;
 * -ENOMEM when there is no memory.
 */
int options_parse(struct options *opt, int argc, char **argv,
		  const struct bench_family *const *families,
		  struct iopt_err *err);

/**
 * options_fini() - Free what options_parse() holds.
 * @opt: options
 */
void options_fini(struct options *opt);

/**
 * options_wants() - Is a case selected by set and filter?
 * @opt: options
 * @c: case of a selected family
 */
bool options_wants(const struct options *opt, const struct bench_case *c);

/**
 * options_help() - Text that lists the options.
 *
 * Return: a static string.
 */
const char *options_help(void);

IOPT_END_DECLS

#endif
