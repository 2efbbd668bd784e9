// SPDX-License-Identifier: GPL-2.0-only
/* The cases of one process, in the order to run them. */
#include "selection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

static void note_family(struct selection *sel, const struct bench_family *f)
{
	size_t i = 0;

	while (sel->families[i] && sel->families[i] != f)
		i++;
	sel->families[i] = f;
}

static const struct bench_case *find(const struct bench_list *list,
				     const char *name)
{
	for (size_t i = 0; i < list->nr; i++)
		if (!strcmp(list->cases[i].name, name))
			return &list->cases[i];
	return NULL;
}

/* A plan's cases, in its order. */
static int follow(struct selection *sel, const struct bench_list *list,
		  const struct plan *plan, struct iopt_err *err)
{
	for (size_t i = 0; i < plan->nr; i++) {
		const struct plan_entry *e = &plan->entries[i];
		const struct bench_case *c = find(list, e->name);

		if (!c)
			return iopt_err_set(err, -ENOENT,
					    "%s:%u: there is no case %s; "
					    "--list --full --json names them",
					    plan->path, e->line, e->name);
		sel->cases[sel->nr++] = c;
		note_family(sel, c->family);
	}
	return 0;
}

static int select_cases(struct selection *sel, const struct bench_list *list,
			const struct options *opt, struct iopt_err *err)
{
	sel->cases = calloc(list->nr + 1, sizeof(*sel->cases));
	sel->order = calloc(list->nr + 1, sizeof("4294967295,"));
	if (!sel->cases || !sel->order)
		return iopt_err_set(err, -ENOMEM, "no memory");
	if (opt->plan.nr)
		return follow(sel, list, &opt->plan, err);
	for (size_t i = 0; i < list->nr; i++) {
		if (!options_wants(opt, &list->cases[i]))
			continue;
		sel->cases[sel->nr++] = &list->cases[i];
		note_family(sel, list->cases[i].family);
	}
	if (!sel->nr)
		return iopt_err_set(err, -ENOENT,
				    "no case matches%s%s; --list --json "
				    "names them",
				    opt->filter_text ? " --filter " : "",
				    opt->filter_text ? opt->filter_text : "");
	return 0;
}

/*
 * Fisher and Yates, unless a plan has its order; the order is the list of old
 * indices.
 */
static int arrange(struct selection *sel, const struct options *opt,
		   struct iopt_err *err)
{
	u32 *index = calloc(sel->nr, sizeof(*index));
	struct rng rng;
	size_t len = 0;

	if (!index)
		return iopt_err_set(err, -ENOMEM, "no memory");
	rng_init(&rng, opt->seed);
	for (size_t i = 0; i < sel->nr; i++)
		index[i] = (u32)i;
	for (size_t i = opt->plan.nr ? 0 : sel->nr - 1; i > 0; i--) {
		size_t j = rng_below(&rng, i + 1);
		const struct bench_case *c = sel->cases[i];
		u32 at = index[i];

		sel->cases[i] = sel->cases[j];
		sel->cases[j] = c;
		index[i] = index[j];
		index[j] = at;
	}
	for (size_t i = 0; i < sel->nr; i++)
		len += (size_t)sprintf(sel->order + len, "%s%u", i ? "," : "",
				       index[i]);
	free(index);
	return 0;
}

int selection_init(struct selection *sel, const struct bench_list *list,
		   const struct options *opt, struct iopt_err *err)
{
	int ret;

	*sel = (struct selection){ .nr = 0 };
	ret = select_cases(sel, list, opt, err);
	return ret ? ret : arrange(sel, opt, err);
}

void selection_fini(struct selection *sel)
{
	free(sel->cases);
	free(sel->order);
}
