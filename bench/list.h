/* SPDX-License-Identifier: GPL-2.0-only */
/* What --list prints. */
#ifndef IOPT_LIST_H
#define IOPT_LIST_H

#include <stdio.h>

#include "options.h"

IOPT_BEGIN_DECLS

/**
 * list_print() - Print each family with its question and number of cases.
 * @out: where to
 * @list: cases of the selected families
 * @opt: which cases count; JSON or a table
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -errno of a failed write.
 */
int list_print(FILE *out, const struct bench_list *list,
	       const struct options *opt, struct iopt_err *err);

IOPT_END_DECLS

#endif
