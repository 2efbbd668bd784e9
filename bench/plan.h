/* SPDX-License-Identifier: GPL-2.0-only */
/* A plan: which cases to run, in which order, and how often each. */
#ifndef IOPT_PLAN_H
#define IOPT_PLAN_H

#include "bench.h"

/**
 * struct plan_entry - One line of a plan.
 * @name: full name of the case
 * @n: operations of a timed section; 0 to find out
 * @nr_blocks: sections to time; 0 exactly if @n is
 * @line: in the file, from 1
 */
struct plan_entry {
	char name[BENCH_NAME_MAX];
	u64 n;
	u64 nr_blocks;
	unsigned int line;
};

/**
 * struct plan - Cases in the order to run them.
 * @entries: no name is there twice; owned
 * @nr: entries in @entries
 * @path: the file, as given; not owned
 */
struct plan {
	struct plan_entry *entries;
	size_t nr;
	const char *path;
};

IOPT_BEGIN_DECLS

/**
 * plan_load() - Read a plan.
 * @plan: set; freed by plan_fini(), also on failure
 * @path: file; must outlive @plan
 * @err: gets file, line and what is wrong; may be NULL
 *
 * A line is the name of a case, alone or with two numbers above zero: the
 * operations of a section, and the sections. What follows a # is a comment.
 *
 * Return: 0;
 * -EINVAL when a line is wrong, a name is there twice, or there is none;
 * -ENOMEM when there is no memory;
 * -errno when the file cannot be read.
 */
int plan_load(struct plan *plan, const char *path, struct iopt_err *err);

/**
 * plan_find() - The entry of a case.
 * @plan: plan
 * @name: full name of the case
 *
 * Return: the entry, or NULL.
 */
const struct plan_entry *plan_find(const struct plan *plan, const char *name);

/**
 * plan_fini() - Free what plan_load() holds.
 * @plan: plan; may be all zero
 */
void plan_fini(struct plan *plan);

IOPT_END_DECLS

#endif
