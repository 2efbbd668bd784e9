// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model against Linux trees' own code: see kernel_pair.h for what is
 * compared.
 *
 * Random sequences go over every granule, stage, pair of address sizes, and
 * both kinds of walkers; and every sequence of three operations out of a small
 * set is tried, which holds each way in which two leaf sizes can meet. What is
 * past the end of a top table is not asked for: the kernel writes there.
 * IOPT_SEED repeats a run.
 */
#include "test.h"

#include "kernel_pair.h"
#include "lg2.h"
#include "rng.h"
#include "sizes.h"

#define EXIT_SKIPPED 77
#define NR_OPS	     80
#define EVERY	     8
#define PROT	     (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

static struct kernel_set *kernels;

static u64 leaf_sizes(const struct pair_cfg *c)
{
	if (c->granule == SZ_4K)
		return SZ_4K | SZ_2M | SZ_1G;
	if (c->granule == SZ_16K)
		return SZ_16K | SZ_32M;
	return SZ_64K | SZ_512M | (c->oas > 48 ? SZ_4T : 0);
}

static u64 nr_entries(const struct pair_cfg *c)
{
	return c->granule / sizeof(u64);
}

static u64 space(const struct pair_cfg *c)
{
	return 1ull << c->ias;
}

/* Is it a 1 in @n? */
static bool is_chosen(struct rng *rng, u64 n)
{
	return rng_below(rng, n) == 0;
}

static size_t any_size(struct rng *rng, u64 sizes)
{
	for (;;) {
		u64 size = 1ull << rng_below(rng, 43);

		if (size & sizes)
			return size;
	}
}

/* The ends of a table, where most goes wrong, more often than the rest. */
static u64 any_index(struct rng *rng, u64 entries)
{
	u64 dice = rng_below(rng, 10);

	if (dice < 5)
		return rng_below(rng, 4);
	if (dice < 7)
		return entries - 1 - rng_below(rng, 3);
	return dice == 7 ? entries / 2 : rng_below(rng, entries);
}

static size_t any_count(struct rng *rng, u64 entries, u64 index)
{
	u64 dice = rng_below(rng, 20);

	if (dice < 8)
		return 1;
	if (dice < 13)
		return 2 + rng_below(rng, 4);
	if (dice < 15)
		return entries - index;
	if (dice < 17)
		return entries;
	return dice == 17 ? 2 * entries + 1 : 1 + rng_below(rng, entries);
}

static void set_place(struct rng *rng, const struct pair_cfg *c,
		      const u64 bases[4], struct pair_op *op)
{
	u64 entries = nr_entries(c);
	u64 index = any_index(rng, entries);

	op->iova = bases[rng_below(rng, 4)] + index * op->pgsize;
	if (is_chosen(rng, 8))
		op->iova += entries * op->pgsize;
	if (is_chosen(rng, 25))
		op->iova += rng_below(rng, op->pgsize);
	else if (is_chosen(rng, 25))
		op->iova +=
			c->granule * rng_below(rng, op->pgsize / c->granule);
	op->iova &= space(c) - 1;
	op->pgcount = any_count(rng, entries, index);
	op->paddr = rng_next(rng) & ((1ull << c->oas) - 1);
	if (!is_chosen(rng, 10))
		op->paddr &= ~(u64)(op->pgsize - 1);
	else if (!is_chosen(rng, 4))
		op->paddr &= ~(u64)(c->granule - 1);
}

/* Wrong arguments, now and then. */
static void spoil(struct rng *rng, const struct pair_cfg *c, struct pair_op *op)
{
	switch (rng_below(rng, 150)) {
	case 0:
		op->pgsize = 0;
		break;
	case 1:
		op->pgsize = 1ull << rng_below(rng, 48);
		break;
	case 2:
		op->pgsize = leaf_sizes(c);
		break;
	case 3:
		op->iova |= space(c) << rng_below(rng, 64 - c->ias);
		break;
	case 4:
		op->paddr |= 1ull << c->oas << rng_below(rng, 64 - c->oas);
		break;
	case 5:
		op->pgcount = 0;
		break;
	case 6:
		op->prot &= ~(IOMMU_READ | IOMMU_WRITE);
		break;
	default:
		break;
	}
}

/* What no caller may do: past the end of the top table. */
static void keep_inside(const struct pair_cfg *c, struct pair_op *op)
{
	u64 left;

	if (!op->pgcount || !op->pgsize || op->iova >= space(c) ||
	    (op->pgsize & leaf_sizes(c)) != op->pgsize)
		return;
	left = (space(c) - op->iova) / op->pgsize;
	if (op->pgcount > left)
		op->pgcount = left ? left : 1;
}

static struct pair_op any_op(struct rng *rng, const struct pair_cfg *c,
			     const u64 bases[4])
{
	struct pair_op op = { .prot = PROT };
	u64 dice = rng_below(rng, 100);

	op.kind = dice < 42 ? PAIR_MAP :
		  dice < 78 ? PAIR_UNMAP :
		  dice < 96 ? PAIR_IOVA_TO_PHYS :
			      PAIR_SYNC;
	op.pgsize = any_size(rng, leaf_sizes(c));
	set_place(rng, c, bases, &op);
	if (is_chosen(rng, 2))
		op.prot = (int)rng_below(rng, 64);
	dice = rng_below(rng, 10);
	op.gather = dice < 6 ? PAIR_GATHER : dice < 8 ? PAIR_QUEUED : PAIR_NONE;
	if (is_chosen(rng, 40))
		op.fail_at = 1 + (unsigned int)rng_below(rng, 2);
	if (op.kind == PAIR_IOVA_TO_PHYS) {
		op.iova += rng_below(rng, op.pgsize);
		if (is_chosen(rng, 40))
			op.iova = rng_next(rng) >> 1;
	}
	spoil(rng, c, &op);
	keep_inside(c, &op);
	return op;
}

static void any_ops(u64 seed, const struct pair_cfg *c, struct pair_op *ops)
{
	unsigned int bits = lg2_floor(c->granule) - 3;
	u64 large = c->granule << (2 * bits > 30 ? bits : 2 * bits);
	u64 bases[4] = { 0 };
	struct rng rng;

	rng_init(&rng, seed);
	if (large > space(c) / 4)
		large = space(c) / 4;
	bases[1] = rng_below(&rng, space(c) / large) * large;
	bases[2] = space(c) - large;
	bases[3] = space(c) / 2 - large / 2;
	for (size_t i = 0; i < NR_OPS; i++)
		ops[i] = any_op(&rng, c, bases);
}

/* Leave out what the difference does not need. */
static size_t shrink(struct pair *pair, const struct pair_cfg *c,
		     struct pair_op *ops, size_t nr)
{
	struct pair_op without[NR_OPS];
	char why[PAIR_TEXT_MAX];
	size_t at;

	for (size_t i = nr; i-- > 0 && nr > 1;) {
		memcpy(without, ops, i * sizeof(*ops));
		memcpy(without + i, ops + i + 1, (nr - i - 1) * sizeof(*ops));
		if (pair_run(pair, c, without, nr - 1, 1, &at, why))
			continue;
		memcpy(ops, without, --nr * sizeof(*ops));
	}
	return nr;
}

static void tell(struct pair *pair, const char *engine,
		 const struct pair_cfg *c, u64 seed, struct pair_op *ops,
		 size_t nr)
{
	char why[PAIR_TEXT_MAX], text[PAIR_TEXT_MAX], size[SIZE_TEXT_MAX];
	size_t at;

	nr = shrink(pair, c, ops, nr);
	pair_run(pair, c, ops, nr, 1, &at, why);
	for (size_t i = 0; i < nr; i++)
		print_message("    %zu: %s\n", i, pair_op_text(&ops[i], text));
	fail_msg("%s stage %u granule %s ias %u oas %u %s seed %" PRIu64
		 ", operation %zu: %s",
		 engine, c->stage, size_format(c->granule, size), c->ias,
		 c->oas, c->coherent_walk ? "coherent" : "noncoherent", seed,
		 at, why);
}

/* Every configuration, in turn; false past the last. */
static bool cfg_at(size_t i, struct pair_cfg *c)
{
	static const unsigned int bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	static const size_t granules[] = { SZ_4K, SZ_16K, SZ_64K };
	const size_t nr_bits = ARRAY_SIZE(bits);

	c->stage = 1 + i % 2;
	i /= 2;
	c->coherent_walk = i % 2;
	i /= 2;
	c->oas = bits[i % nr_bits];
	i /= nr_bits;
	c->ias = bits[i % nr_bits];
	i /= nr_bits;
	c->granule = i < ARRAY_SIZE(granules) ? granules[i] : 0;
	return c->granule;
}

static bool is_possible(const struct pair_cfg *c)
{
	return c->ias <= c->oas && (c->oas < 52 || c->granule == SZ_64K);
}

static void random_on(const struct pgtable_engine *engine, bool is_counted,
		      u64 seed)
{
	struct pair *pair = pair_create(engine, is_counted);
	struct pair_op ops[NR_OPS];
	char why[PAIR_TEXT_MAX];
	struct pair_cfg c;
	size_t at;

	for (size_t i = 0; cfg_at(i, &c); i++) {
		if (!is_possible(&c))
			continue;
		any_ops(seed + i, &c, ops);
		if (!pair_run(pair, &c, ops, NR_OPS, EVERY, &at, why))
			tell(pair, engine->name, &c, seed, ops, NR_OPS);
	}
	if (!pair_reached(pair, why))
		fail_msg("%s seed %" PRIu64 ": not all was reached: %s",
			 engine->name, seed, why);
	print_message("%s%s: %s\n", engine->name, is_counted ? " counted" : "",
		      why);
	pair_destroy(pair);
}

static bool is_lpae(const struct pgtable_engine *engine)
{
	return engine->format == PGTABLE_LPAE;
}

static void test_random(void **state)
{
	const struct pgtable_engine_set *set = kernel_set_engines(kernels);
	u64 seed = test_seed();

	(void)state;
	for (size_t i = 0; i < set->nr_more; i++)
		if (is_lpae(set->more[i]))
			for (u64 round = 0; round < 3; round++)
				random_on(set->more[i], false,
					  seed + 1000 * round);
}

static void test_random_stores(void **state)
{
	const struct pgtable_engine_set *set = kernel_set_engines(kernels);
	u64 seed = test_seed();

	(void)state;
	if (!pgtable_engine_at(0)->create_counted)
		skip();
	for (size_t i = 0; i < set->nr_more; i++)
		if (is_lpae(set->more[i]) && set->more[i]->create_counted)
			random_on(set->more[i], true, seed);
}

/* Operations whose sequences meet in every way: on two blocks of a table. */
static size_t small_ops(const struct pair_cfg *c, struct pair_op *ops)
{
	size_t page = c->granule, block = page * nr_entries(c), nr = 0;
	const struct {
		u64 iova;
		size_t pgsize, pgcount;
	} places[] = {
		{ 0, page, 1 },
		{ page, page, 2 },
		{ block - page, page, 1 },
		{ 0, page, nr_entries(c) },
		{ block, page, 1 },
		{ 0, block, 1 },
		{ block, block, 1 },
		{ 0, block, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (int is_map = 0; is_map < 2; is_map++)
			ops[nr++] = (struct pair_op){
				.kind = is_map ? PAIR_MAP : PAIR_UNMAP,
				.iova = places[i].iova,
				.paddr = places[i].iova + 4 * block,
				.pgsize = places[i].pgsize,
				.pgcount = places[i].pgcount,
				.prot = PROT,
			};
	return nr;
}

/* Every sequence of three; most that are shorter are the start of one. */
static void small_on(struct pair *pair, const char *engine,
		     const struct pair_cfg *c)
{
	struct pair_op set[32], ops[4];
	size_t nr = small_ops(c, set), at;
	char why[PAIR_TEXT_MAX];

	for (size_t i = 0; i < nr * nr * nr; i++) {
		ops[0] = set[i % nr];
		ops[1] = set[i / nr % nr];
		ops[2] = set[i / nr / nr];
		ops[3] = (struct pair_op){ .kind = PAIR_SYNC };
		if (!pair_run(pair, c, ops, 4, 4, &at, why))
			tell(pair, engine, c, 0, ops, 4);
	}
}

static void test_exhaustive(void **state)
{
	static const struct pair_cfg rows[] = {
		{ 1, SZ_4K, 32, 40, true },   { 2, SZ_4K, 32, 40, true },
		{ 1, SZ_4K, 32, 40, false },  { 2, SZ_4K, 40, 40, false },
		{ 1, SZ_16K, 36, 40, true },  { 2, SZ_16K, 36, 40, false },
		{ 1, SZ_64K, 42, 48, false }, { 2, SZ_64K, 42, 48, true },
	};
	const struct pgtable_engine_set *set = kernel_set_engines(kernels);

	(void)state;
	for (size_t i = 0; i < set->nr_more; i++) {
		struct pair *pair;

		if (!is_lpae(set->more[i]))
			continue;
		pair = pair_create(set->more[i], false);
		for (size_t j = 0; j < ARRAY_SIZE(rows); j++)
			small_on(pair, set->more[i]->name, &rows[j]);
		pair_destroy(pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_stores),
		cmocka_unit_test(test_exhaustive),
	};
	int failed;

	kernels = pair_kernels();
	if (!kernels)
		return EXIT_SKIPPED;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kernel_set_destroy(kernels);
	return failed;
}
