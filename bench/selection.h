/* SPDX-License-Identifier: GPL-2.0-only */
/* The cases of one process, in the order to run them. */
#ifndef IOPT_SELECTION_H
#define IOPT_SELECTION_H

#include "options.h"

/**
 * struct selection - Cases to run.
 * @cases: in the order to run them
 * @nr: entries in @cases
 * @order: their indices before the shuffle, or in the plan, as a comma list
 * @families: families that have a case among them, NULL after the last
 */
struct selection {
	const struct bench_case **cases;
	size_t nr;
	char *order;
	const struct bench_family *families[OPTIONS_MAX + 1];
};

IOPT_BEGIN_DECLS

/**
 * selection_init() - Select cases, and put them in an order.
 * @sel: set; freed by selection_fini(), also on failure
 * @list: cases of the selected families; must outlive @sel
 * @opt: which cases; the seed of a random order, unless a plan has its own
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOENT when no case is selected, or the plan names one that is not there;
 * -ENOMEM when there is no memory.
 */
int selection_init(struct selection *sel, const struct bench_list *list,
		   const struct options *opt, struct iopt_err *err);

/**
 * selection_fini() - Free what selection_init() made.
 * @sel: selection
 */
void selection_fini(struct selection *sel);

IOPT_END_DECLS

#endif
