// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the oracle find the fault in the engine that this is linked with?
 *
 * usage: xfail_pgtable REASON[,REASON...] plain|counted
 *
 * The sequences are always the same. The first difference found must be one
 * of the reasons; with the reason "same" there must be none.
 */
#include "model.h"
#include "sizes.h"

#include <stdlib.h>
#include <string.h>

#define NR_OPS	     48
#define NR_SEQUENCES 480

static const struct pgtable_params params[] = {
	{ PGTABLE_SPLIT, PGTABLE_CLEAR_EACH, PGTABLE_WALK_LOOP,
	  PGTABLE_CONCAT_OLD },
	{ PGTABLE_SPLIT, PGTABLE_CLEAR_RUN, PGTABLE_WALK_LOOP,
	  PGTABLE_CONCAT_OLD },
	{ PGTABLE_NOSPLIT, PGTABLE_CLEAR_RUN, PGTABLE_WALK_VISITOR,
	  PGTABLE_CONCAT_NEW },
	{ PGTABLE_WHOLE, PGTABLE_CLEAR_RUN, PGTABLE_WALK_UNFIXED,
	  PGTABLE_CONCAT_OLD },
};

static struct pgtable_cfg config(unsigned int i, struct arena *arena)
{
	static const size_t granules[] = { SZ_4K, SZ_16K, SZ_64K };

	return (struct pgtable_cfg){
		.params = params[i % ARRAY_SIZE(params)],
		.granule = granules[i / 4 % 3],
		.stage = 1 + i / 12 % 2,
		.coherent_walk = i / 2 % 2,
		.ias = 48,
		.oas = 48,
		.arena = arena,
	};
}

static enum model_diff run(const struct pgtable_cfg *cfg, bool is_counted,
			   struct rng *rng)
{
	struct model_op ops[NR_OPS];
	char why[MODEL_TEXT_MAX];
	enum model_diff diff;
	size_t nr;

	model_ops_random(cfg, rng, ops, NR_OPS);
	diff = model_run(cfg, is_counted, ops, NR_OPS, why);
	if (diff) {
		nr = model_shrink(cfg, is_counted, ops, NR_OPS, diff);
		model_run(cfg, is_counted, ops, nr, why);
		model_print(stdout, cfg, ops, nr, why);
	}
	return diff;
}

/* Is @reason one of a list with commas? */
static bool is_listed(const char *list, const char *reason)
{
	size_t len = strlen(reason);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, reason, len) && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	const struct arena_cfg arena_cfg = { .size = 64 * SZ_1M,
					     .want_base_pages = true };
	enum model_diff diff = MODEL_SAME;
	struct arena *arena;
	struct rng rng;

	if (argc != 3) {
		fprintf(stderr, "usage: %s REASON[,REASON...] plain|counted\n",
			argv[0]);
		return 2;
	}
	if (arena_create(&arena_cfg, &arena, NULL)) {
		fprintf(stderr, "no arena\n");
		return EXIT_FAILURE;
	}
	rng_init(&rng, 1);
	for (unsigned int i = 0; !diff && i < NR_SEQUENCES; i++) {
		const struct pgtable_cfg cfg = config(i, arena);

		diff = run(&cfg, !strcmp(argv[2], "counted"), &rng);
	}
	arena_destroy(arena);
	printf("expected %s, found %s\n", argv[1], model_diff_name(diff));
	return is_listed(argv[1], model_diff_name(diff)) ? EXIT_SUCCESS :
							   EXIT_FAILURE;
}
