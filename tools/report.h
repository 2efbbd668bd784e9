/* SPDX-License-Identifier: GPL-2.0-only */
/* What iopt-sim prints of an op: text for people, or a line of JSON. */
#ifndef IOPT_REPORT_H
#define IOPT_REPORT_H

#include <stdio.h>

#include "sim.h"

/**
 * struct report - How to print.
 * @is_json: one object a line
 * @dumps_queue: with each command that the op put into the queue
 * @explains: with a line of prose for each command
 */
struct report {
	bool is_json;
	bool dumps_queue;
	bool explains;
};

IOPT_BEGIN_DECLS

/**
 * report_op() - Print an op and what it did.
 * @report: how
 * @out: where
 * @nr: number of the op, from 0
 * @op: op
 * @result: what it did
 * @sim: machine, right after the op
 */
void report_op(const struct report *report, FILE *out, size_t nr,
	       const struct scenario_op *op, const struct sim_result *result,
	       const struct sim *sim);

IOPT_END_DECLS

#endif
