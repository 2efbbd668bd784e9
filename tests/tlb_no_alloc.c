// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing is allocated while invalidations are encoded, queued and counted:
 * malloc(), calloc() and realloc() of the library are linked to these counters.
 */
#include "test.h"

#include "lg2.h"
#include "sizes.h"
#include "tlbsim.h"

static u64 nr_calls;

/* The names are the linker's, for --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	nr_calls++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	nr_calls++;
	return __real_calloc(nr, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	nr_calls++;
	return __real_realloc(p, size);
}

static const struct row {
	const char *title;
	const char *driver;
	struct cost_profile profile;
} rows[] = {
	{ "smmuv3-ril",
	  "7.3",
	  { .name = "p", .interface = COST_SMMUV3, .has_ril = true } },
	{ "smmuv3-noril", "6.12", { .name = "p", .interface = COST_SMMUV3 } },
	{ "smmuv3-noril-threshold",
	  "7.3",
	  { .name = "p", .interface = COST_SMMUV3 } },
	{ "smmuv2", "7.3", { .name = "p", .interface = COST_SMMUV2 } },
};

/* As the simulator's user does it: leaves into a gather, a flush, a sync. */
static void invalidate(struct tlbsim *sim, u64 nr_leaves, u64 leaf)
{
	struct gather gather;

	gather_init(&gather);
	for (u64 i = 0; i < nr_leaves; i++)
		sim->ops->add_page(&gather, SZ_1G + i * leaf, leaf,
				   sim->cookie);
	sim->ops->sync(&gather, sim->cookie);
	sim->ops->flush_walk(SZ_1G, SZ_2M, SZ_4K, sim->cookie);
	sim->ops->flush_all(sim->cookie);
}

static void check(const struct row *row)
{
	static const u64 leaves[] = { SZ_4K, SZ_2M, SZ_1G };
	struct tlbsim_cfg cfg = {
		.profile = &row->profile,
		.driver = row->driver,
		.stage = 1,
		.granule = SZ_4K,
		.lg2_entries = 8,
	};
	struct tlbsim *sim;
	struct iopt_err err;
	u64 before, sent;

	if (tlbsim_create(&cfg, &sim, &err))
		fail_msg("%s: %s", row->title, err.msg);
	before = nr_calls;
	for (u64 nr = 1; nr <= 4096; nr = nr < 520 ? nr + 7 : 2 * nr)
		for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
			invalidate(sim, nr, leaves[i]);
	tlbsim_reset(sim);
	invalidate(sim, 511, SZ_4K);
	sent = tlb_counters_invalidations(sim->counters);
	expect_u64(nr_calls, before, "%s: allocations", row->title);
	if (!sent)
		fail_msg("%s: nothing was sent", row->title);
	tlbsim_destroy(sim);
}

static void test_no_allocation(void **state)
{
	u64 before = nr_calls;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
	/* The counters do count: creation allocates. */
	if (nr_calls == before)
		fail_msg("no allocation was seen at all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
