// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on every configuration, against the oracle.
 *
 * A sequence that fails is shrunk and printed with its seed.
 */
#include "support.h"

#include "model.h"
#include "sizes.h"

#define NR_OPS 48

static const unsigned int addr_bits[] = { 32, 36, 40, 42, 44, 48, 52 };

/* One sequence; a new seed for each, so that one seed names one case. */
static void run_sequence(const struct pgtable_cfg *cfg, bool is_counted,
			 u64 seed)
{
	struct model_op ops[NR_OPS];
	char why[MODEL_TEXT_MAX];
	enum model_diff diff;
	struct rng rng;
	size_t nr;

	rng_init(&rng, seed);
	model_ops_random(cfg, &rng, ops, NR_OPS);
	diff = model_run(cfg, is_counted, ops, NR_OPS, why);
	if (!diff)
		return;
	nr = model_shrink(cfg, is_counted, ops, NR_OPS, diff);
	model_run(cfg, is_counted, ops, nr, why);
	print_error("%s, sequence seed 0x%" PRIx64 "%s:\n",
		    model_diff_name(diff), seed, is_counted ? ", counted" : "");
	model_print(stderr, cfg, ops, nr, why);
	fail_msg("the engine is not what the oracle foretells");
}

static bool has_counted(void)
{
	return pgtable_engine_at(0)->create_counted;
}

/* Plain on one configuration, counted on the next. */
static void run(const struct pgtable_cfg *cfg, struct rng *rng)
{
	static unsigned int nr_runs;

	run_sequence(cfg, has_counted() && nr_runs++ % 2, rng_next(rng));
}

/* Each pair of ias <= oas that @granule has, for each stage and coherence. */
static void for_each_geometry(size_t granule,
			      const struct pgtable_params *params,
			      struct rng *rng)
{
	size_t nr_bits = granule == SZ_64K ? 7 : 6;

	for (size_t i = 0; i < nr_bits; i++)
		for (size_t j = i; j < nr_bits; j++)
			for (unsigned int k = 0; k < 4; k++) {
				const struct pgtable_cfg cfg = {
					.params = *params,
					.stage = 1 + k / 2,
					.granule = granule,
					.ias = addr_bits[i],
					.oas = addr_bits[j],
					.coherent_walk = k % 2,
				};

				run(&cfg, rng);
			}
}

static void every_geometry(size_t granule)
{
	const struct pgtable_engine *engine;
	struct rng rng;

	rng_init(&rng, test_seed());
	if (!has_counted())
		print_message("stores are not counted in this build\n");
	for (size_t i = 0; (engine = pgtable_engine_at(i)); i++)
		for_each_geometry(granule, &engine->params, &rng);
}

static void geometries_4k(void **state)
{
	(void)state;
	every_geometry(SZ_4K);
}

static void geometries_16k(void **state)
{
	(void)state;
	every_geometry(SZ_16K);
}

static void geometries_64k(void **state)
{
	(void)state;
	every_geometry(SZ_64K);
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
	struct rng rng;

	(void)state;
	rng_init(&rng, test_seed());
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
			run(&cfg, &rng);
		}
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
