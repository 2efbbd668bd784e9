// SPDX-License-Identifier: GPL-2.0-only
/* The cases of a family: the product of its keys, their names, their values. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "pgtable.h"
#include "sizes.h"

#define LOWER	"abcdefghijklmnopqrstuvwxyz0123456789_"
#define ANYCASE LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-"

/* libbenchmark writes these as keys of names; the runner adds tlbi. */
static const char *const reserved_keys[] = {
	"iterations",	   "manual_time",  "min_time",
	"min_warmup_time", "process_time", "real_time",
	"repeats",	   "threads",	   "tlbi",
};

const struct bench_counter bench_counters[] = {
	{ "pte_writes", true },
	{ "tables_alloc", true },
	{ "tables_freed", true },
	{ "table_bytes_peak", true },
	{ "inval_all", true },
	{ "inval_walks", true },
	{ "inval_pages", true },
	{ "syncs", true },
	{ "bytes_mapped", true },
	{ "bytes_unmapped", true },
	{ "warnings", true },
	{ "calls", true },
	{ "block_min_ns", false },
	{ "block_n", false },
	{ "blocks", false },
	{ "n2n_ratio", false },
	/* The names are those of host_perf_name(). */
	{ "perf_cycles", false },
	{ "perf_instructions", false },
	{ "perf_branch_misses", false },
	{ "perf_l1d_misses", false },
	{ "perf_llc_misses", false },
	{ "perf_dtlb_misses", false },
	{ "perf_task_clock_ns", false },
	{ "perf_page_faults", false },
	{ "perf_context_switches", false },
	{ "perf_cpu_migrations", false },
	{ "steal_ms", false },
	{ NULL, false },
};

static size_t nr_keys(const struct bench_family *f)
{
	size_t nr = 0;

	while (f->keys[nr].name)
		nr++;
	return nr;
}

const char *bench_value(const struct bench_case *c, const char *key)
{
	for (size_t i = 0; c->family->keys[i].name; i++)
		if (!strcmp(c->family->keys[i].name, key))
			return c->values[i];
	return NULL;
}

u64 bench_size(const struct bench_case *c, const char *key)
{
	const char *value = bench_value(c, key);
	u64 bytes;

	return value && !size_parse(value, &bytes) ? bytes : 0;
}

bool bench_is(const struct bench_case *c, const char *key, const char *value)
{
	const char *has = bench_value(c, key);

	return has && !strcmp(has, value);
}

void bench_count(struct bench_counts *counts, const char *name, double value)
{
	if (counts->nr == BENCH_MAX_COUNTERS) {
		counts->nr_lost++;
		return;
	}
	snprintf(counts->entries[counts->nr].name, BENCH_COUNTER_MAX, "%s",
		 name);
	counts->entries[counts->nr++].value = value;
}

int bench_count_find(const struct bench_counts *counts, const char *name,
		     double *value)
{
	for (size_t i = 0; i < counts->nr; i++) {
		if (strcmp(counts->entries[i].name, name))
			continue;
		*value = counts->entries[i].value;
		return 0;
	}
	return -ENOENT;
}

bool bench_counter_is_bounded(const char *name)
{
	return !strcmp(name, "perf_instructions");
}

static const struct bench_counter *find_in(const struct bench_counter *list,
					   const char *name)
{
	for (; list && list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

const struct bench_counter *
bench_counter_find(const struct bench_family *family, const char *name)
{
	static const struct bench_counter of_ledger = { "ledger", true };
	const struct bench_counter *own = find_in(family->counters, name);

	if (!own && family->has_ledger && ledger_is_counter(name))
		return &of_ledger;
	return own ? own : find_in(bench_counters, name);
}

const struct bench_family *
bench_family_find(const struct bench_family *const *families, const char *name)
{
	for (; *families; families++)
		if (!strcmp((*families)->name, name))
			return *families;
	return NULL;
}

static bool has_only(const char *text, const char *set)
{
	return text && *text && !text[strspn(text, set)];
}

static int family_check(const struct bench_family *f, struct iopt_err *err)
{
	if (!has_only(f->name, LOWER))
		return iopt_err_set(err, -EINVAL,
				    "family %s: a name is lower case letters, "
				    "digits and _",
				    f->name ? f->name : "(none)");
	if (!f->question || !f->keys || !f->setup || !f->teardown ||
	    !f->verify || !f->count)
		return iopt_err_set(err, -EINVAL,
				    "family %s: needs question, keys, setup, "
				    "teardown, verify and count",
				    f->name);
	if (!nr_keys(f) || nr_keys(f) > BENCH_MAX_KEYS)
		return iopt_err_set(err, -EINVAL,
				    "family %s: has %zu keys, not 1 to %d",
				    f->name, nr_keys(f), BENCH_MAX_KEYS);
	for (const struct bench_key *k = f->keys; k->name; k++) {
		if (!has_only(k->name, LOWER))
			return iopt_err_set(err, -EINVAL,
					    "family %s: key '%s' is not lower "
					    "case letters, digits and _",
					    f->name, k->name);
		for (size_t i = 0; i < ARRAY_SIZE(reserved_keys); i++)
			if (!strcmp(k->name, reserved_keys[i]))
				return iopt_err_set(err, -EINVAL,
						    "family %s: key %s is "
						    "reserved",
						    f->name, k->name);
	}
	return 0;
}

/* Values of one key, counted and checked. */
static int key_values(const struct bench_family *f, const struct bench_key *k,
		      const struct bench_env *env, size_t *nr,
		      struct iopt_err *err)
{
	size_t i = 0;

	for (;; i++) {
		const char *v =
			k->value_at ? k->value_at(env, i) : k->values[i];

		if (!v)
			break;
		if (!has_only(v, ANYCASE))
			return iopt_err_set(err, -EINVAL,
					    "family %s: value '%s' of %s is "
					    "not [0-9A-Za-z_.-]+",
					    f->name, v, k->name);
	}
	*nr = i;
	return 0;
}

static int case_name(struct bench_case *c, struct iopt_err *err)
{
	const struct bench_family *f = c->family;
	size_t len = (size_t)snprintf(c->name, sizeof(c->name), "%s", f->name);

	for (size_t i = 0; f->keys[i].name && len < sizeof(c->name); i++)
		len += (size_t)snprintf(c->name + len, sizeof(c->name) - len,
					"/%s:%s", f->keys[i].name,
					c->values[i]);
	if (len >= sizeof(c->name))
		return iopt_err_set(err, -EINVAL,
				    "%s...: a name has at most %d letters",
				    c->name, BENCH_NAME_MAX - 1);
	return 0;
}

static int list_add(struct bench_list *list, const struct bench_case *c,
		    struct iopt_err *err)
{
	/* Room doubles at each power of two. */
	if (!(list->nr & (list->nr - 1))) {
		size_t room = list->nr ? list->nr * 2 : 1;
		void *p = realloc(list->cases, room * sizeof(*list->cases));

		if (!p)
			return iopt_err_set(err, -ENOMEM,
					    "no memory for the cases");
		list->cases = p;
	}
	list->cases[list->nr++] = *c;
	return 0;
}

static void skip_short(const struct bench_env *env, struct bench_case *c)
{
	const char *name = bench_value(c, "engine");
	const struct pgtable_engine *engine =
		name ? pgtable_set_find(env->engines, name) : NULL;

	if (engine && engine->format == PGTABLE_V7S && !c->family->takes_short)
		snprintf(c->skip, sizeof(c->skip),
			 "short descriptors are measured in map, unmap and "
			 "unmap_partial");
}

/* Case number @at of the product of @nr values a key, the last key fastest. */
static int product_add(struct bench_list *list, const struct bench_family *f,
		       const struct bench_env *env, const size_t *nr, size_t at,
		       struct iopt_err *err)
{
	struct bench_case c = { .family = f, .set = BENCH_DEFAULT };
	int ret;

	for (size_t i = nr_keys(f); i-- > 0;) {
		const struct bench_key *k = &f->keys[i];

		c.values[i] = k->value_at ? k->value_at(env, at % nr[i]) :
					    k->values[at % nr[i]];
		at /= nr[i];
	}
	if (f->check && !f->check(env, &c))
		return 0;
	skip_short(env, &c);
	ret = case_name(&c, err);
	return ret ? ret : list_add(list, &c, err);
}

static int family_add(struct bench_list *list, const struct bench_family *f,
		      const struct bench_env *env, struct iopt_err *err)
{
	size_t nr[BENCH_MAX_KEYS];
	size_t total = 1;
	int ret = family_check(f, err);

	for (size_t i = 0; !ret && f->keys[i].name; i++) {
		ret = key_values(f, &f->keys[i], env, &nr[i], err);
		total *= ret ? 0 : nr[i];
	}
	for (size_t at = 0; !ret && at < total; at++)
		ret = product_add(list, f, env, nr, at, err);
	return ret;
}

static int name_cmp(const void *a, const void *b)
{
	const struct bench_case *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int list_check_unique(const struct bench_list *list,
			     struct iopt_err *err)
{
	const struct bench_case **sorted =
		calloc(list->nr + 1, sizeof(*sorted));
	int ret = 0;

	if (!sorted)
		return iopt_err_set(err, -ENOMEM, "no memory for the cases");
	for (size_t i = 0; i < list->nr; i++)
		sorted[i] = &list->cases[i];
	qsort(sorted, list->nr, sizeof(*sorted), name_cmp);
	for (size_t i = 1; !ret && i < list->nr; i++)
		if (!name_cmp(&sorted[i - 1], &sorted[i]))
			ret = iopt_err_set(err, -EEXIST,
					   "%s: two cases of this name",
					   sorted[i]->name);
	free(sorted);
	return ret;
}

int bench_list_build(struct bench_list *list,
		     const struct bench_family *const *families,
		     const struct bench_env *env, struct iopt_err *err)
{
	struct bench_list made = { NULL, 0 };
	int ret = 0;

	for (; !ret && *families; families++)
		ret = family_add(&made, *families, env, err);
	if (!ret)
		ret = list_check_unique(&made, err);
	if (ret)
		bench_list_free(&made);
	else
		*list = made;
	return ret;
}

void bench_list_free(struct bench_list *list)
{
	free(list->cases);
	*list = (struct bench_list){ NULL, 0 };
}
