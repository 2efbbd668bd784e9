// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on every configuration, against the oracle.
 *
 * A sequence that fails is shrunk and printed with its seed.
 */
#include "support.h"

#include "model.h"
#include "rng.h"
#include "sizes.h"

#define NR_OPS	     48
#define NR_SEQUENCES 3 /* for a configuration; odd: counted and not */

static const unsigned int addr_bits[] = { 32, 36, 40, 42, 44, 48, 52 };

/**
 * struct campaign - Sequences one after the other.
 * @rng: gives each its seed
 * @arena: where all of them take tables from
 * @has_counted: every other one counts stores
 * @nr_runs: sequences so far
 */
struct campaign {
	struct rng rng;
	struct arena *arena;
	bool has_counted;
	u64 nr_runs;
};

static void campaign_init(struct campaign *campaign)
{
	rng_init(&campaign->rng, test_seed());
	campaign->arena = test_arena(64 * SZ_1M);
	campaign->has_counted = pgtable_engine_at(0)->create_counted;
	campaign->nr_runs = 0;
	if (!campaign->has_counted)
		print_message("stores are not counted in this build\n");
}

static void campaign_fini(const struct campaign *campaign)
{
	assert_int_equal(arena_destroy(campaign->arena), 0);
	print_message("%" PRIu64 " sequences of %d operations\n",
		      campaign->nr_runs, NR_OPS);
}

/* One sequence; a new seed for each, so that one seed names one case. */
static void run_once(struct campaign *campaign, struct pgtable_cfg cfg)
{
	bool is_counted = campaign->nr_runs++ % 2 && campaign->has_counted;
	u64 seed = rng_next(&campaign->rng);
	struct model_op ops[NR_OPS];
	char why[MODEL_TEXT_MAX];
	enum model_diff diff;
	struct rng rng;
	size_t nr;

	cfg.arena = campaign->arena;
	rng_init(&rng, seed);
	model_ops_random(&cfg, &rng, ops, NR_OPS);
	diff = model_run(&cfg, is_counted, ops, NR_OPS, why);
	if (!diff)
		return;
	nr = model_shrink(&cfg, is_counted, ops, NR_OPS, diff);
	model_run(&cfg, is_counted, ops, nr, why);
	print_error("%s, sequence seed 0x%" PRIx64 "%s:\n",
		    model_diff_name(diff), seed, is_counted ? ", counted" : "");
	model_print(stderr, &cfg, ops, nr, why);
	fail_msg("the engine is not what the oracle foretells");
}

static void run(struct campaign *campaign, struct pgtable_cfg cfg)
{
	for (unsigned int i = 0; i < NR_SEQUENCES; i++)
		run_once(campaign, cfg);
}

/* Each pair of ias <= oas that @granule has, for each stage and coherence. */
static void run_geometries(struct campaign *campaign, size_t granule,
			   const struct pgtable_params *params)
{
	size_t nr_bits = granule == SZ_64K ? 7 : 6;

	for (size_t i = 0; i < nr_bits; i++)
		for (size_t j = i; j < nr_bits; j++)
			for (unsigned int k = 0; k < 4; k++)
				run(campaign, (struct pgtable_cfg){
						      .params = *params,
						      .stage = 1 + k / 2,
						      .granule = granule,
						      .ias = addr_bits[i],
						      .oas = addr_bits[j],
						      .coherent_walk = k % 2,
					      });
}

static void run_engines(size_t granule)
{
	const struct pgtable_engine *engine;
	struct campaign campaign;

	campaign_init(&campaign);
	for (size_t i = 0; (engine = pgtable_engine_at(i)); i++)
		run_geometries(&campaign, granule, &engine->params);
	campaign_fini(&campaign);
}

static void geometries_4k(void **state)
{
	(void)state;
	run_engines(SZ_4K);
}

static void geometries_16k(void **state)
{
	(void)state;
	run_engines(SZ_16K);
}

static void geometries_64k(void **state)
{
	(void)state;
	run_engines(SZ_64K);
}

/* Every parameter with every other, where leaves of all levels exist. */
static void every_parameter(void **state)
{
	static const struct pgtable_cfg geometries[] = {
		{ .granule = SZ_4K, .ias = 48, .oas = 48, .stage = 1 },
		{ .granule = SZ_4K, .ias = 40, .oas = 48, .stage = 2 },
		{ .granule = SZ_16K, .ias = 48, .oas = 48, .stage = 2 },
		{ .granule = SZ_64K, .ias = 52, .oas = 52, .stage = 1 },
	};
	struct campaign campaign;

	(void)state;
	campaign_init(&campaign);
	for (size_t g = 0; g < ARRAY_SIZE(geometries); g++)
		for (unsigned int p = 0; p < 3 * 2 * 3 * 2 * 2; p++) {
			struct pgtable_cfg cfg = geometries[g];

			cfg.params = (struct pgtable_params){
				.policy = (enum pgtable_policy)(p % 3),
				.clear = (enum pgtable_clear)(p / 3 % 2),
				.walk = (enum pgtable_walk)(p / 6 % 3),
				.concat = (enum pgtable_concat)(p / 18 % 2),
			};
			cfg.coherent_walk = p / 36;
			run(&campaign, cfg);
		}
	campaign_fini(&campaign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geometries_4k),
		cmocka_unit_test(geometries_16k),
		cmocka_unit_test(geometries_64k),
		cmocka_unit_test(every_parameter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
