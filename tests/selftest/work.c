// SPDX-License-Identifier: GPL-2.0-only
/*
 * Families that do a known amount of extra work in each timed section, in the
 * place of those that do not.
 *
 * The file that IOPT_WORK names has a line for each case that gets some: its
 * name and steps of spin() for each operation. Nothing else differs, so that
 * sides with and without it are the same program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "spin.h"

enum { MAP, UNMAP, UNMAP_PARTIAL, IOVA_TO_PHYS, NR_WORKING };

static const struct bench_family *const sound[NR_WORKING] = {
	&map_family,
	&unmap_family,
	&unmap_partial_family,
	&iova_to_phys_family,
};

static struct bench_family working[NR_WORKING];

/* clang-format off */
const struct bench_family *const bench_families[] = {
	&working[MAP],		&working[UNMAP],  &working[UNMAP_PARTIAL],
	&working[IOVA_TO_PHYS], &destroy_family,  &dma_family,
	&tlbi_family,		&replay_family,	  &aftermath_family,
	&contention_family,	&limit_family,
	NULL,
};
/* clang-format on */

/* The case that is timed: one at a time, by one thread. */
static struct {
	void (*run)(void *ctx, u64 n);
	double nr_steps;
} now;

/* Steps of an operation of a case; 0 when the file does not name it. */
static int find_steps(const char *name, double *nr_steps, struct iopt_err *err)
{
	const char *path = getenv("IOPT_WORK");
	char line[512];
	double found = 0;
	FILE *file;

	if (!path)
		return 0;
	file = fopen(path, "r");
	if (!file)
		return iopt_err_set(err, -errno, "IOPT_WORK=%s: %s", path,
				    strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		char *end = strchr(line, ' ');

		if (end && (size_t)(end - line) == strlen(name) &&
		    !memcmp(line, name, strlen(name)))
			found = strtod(end, NULL);
	}
	fclose(file);
	*nr_steps = found;
	return 0;
}

static int setup(const struct bench_env *env, const struct bench_case *c,
		 enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	const struct bench_family *f = sound[c->family - working];
	double nr_steps = 0;
	int ret;

	if (phase == BENCH_TIME) {
		ret = find_steps(c->name, &nr_steps, err);
		if (ret)
			return ret;
		now.run = f->run;
		now.nr_steps = nr_steps;
	}
	return f->setup(env, c, phase, ctx, err);
}

static void run(void *ctx, u64 n)
{
	now.run(ctx, n);
	spin((u64)((double)n * now.nr_steps + 0.5));
}

static void __attribute__((constructor)) fill_families(void)
{
	for (int i = 0; i < NR_WORKING; i++) {
		working[i] = *sound[i];
		working[i].setup = setup;
		working[i].run = run;
	}
}
