/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The harness: takes cases through verification, counting and timing, and
 * makes one row of each.
 */
#ifndef IOPT_HARNESS_H
#define IOPT_HARNESS_H

#include "bench.h"
#include "gbench.h"
#include "measure.h"
#include "plan.h"

/**
 * struct harness_cfg - What to run, and how.
 * @env: for the cases
 * @measure: for timing
 * @cases: the cases in the order to run them
 * @nr_cases: entries in @cases
 * @plan: operations and sections of those cases that it has them for; NULL
 *	to find them out
 * @profiles: cost profiles for rows of the ledger, when only counting
 * @nr_profiles: entries in @profiles
 * @is_count_only: count and do not time; rows are labelled "counted", as those
 *	of a family that has no run() always are
 */
struct harness_cfg {
	const struct bench_env *env;
	struct measure_cfg measure;
	const struct bench_case *const *cases;
	size_t nr_cases;
	const struct plan *plan;
	const struct cost_profile *profiles;
	size_t nr_profiles;
	bool is_count_only;
};

/**
 * struct harness_result - What became of the cases.
 * @nr_ok: rows with a number
 * @nr_skipped: named skips
 * @nr_failed: error rows
 * @first_failure: name of the first failed case and its error, "" for none
 */
struct harness_result {
	size_t nr_ok;
	size_t nr_skipped;
	size_t nr_failed;
	char first_failure[BENCH_NAME_MAX + sizeof(struct iopt_err) + 32];
};

IOPT_BEGIN_DECLS

/**
 * harness_run() - Run cases and write a row of each.
 * @cfg: see there
 * @gb: session whose context is complete
 * @result: set to what was done, also on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0, also when cases failed: see @result;
 * -EINTR when *cfg->measure.stop became true: rows so far are written;
 * -errno of a failed write.
 */
int harness_run(const struct harness_cfg *cfg, struct gb *gb,
		struct harness_result *result, struct iopt_err *err);

IOPT_END_DECLS

#endif
