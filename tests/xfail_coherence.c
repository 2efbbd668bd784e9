// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the coherence oracle find the fault in the engine that this is linked
 * with?
 *
 * usage: xfail_coherence KIND[,KIND...]
 *
 * Kinds: leaves (stale in the IOTLB), tables (stale in a walk cache), bbm. What
 * is found must be exactly these, over all that is done; with the kind "none"
 * there must be nothing.
 */
#include "hw_rig.h"
#include "sizes.h"

#include <stdio.h>
#include <string.h>

#define BASE  (1ull << 35)
#define PADDR (1ull << 36)
#define PROT  (IOMMU_READ | IOMMU_WRITE)

static void touch(struct rig *rig, u64 size, u64 step)
{
	struct hw_result res;

	for (u64 i = 0; i < size; i += step)
		oracle_access(rig->oracle, BASE + i, IOMMU_READ, &res);
	oracle_look(rig->oracle);
}

static void do_pages(struct rig *rig)
{
	iommu_map(&rig->domain, BASE, PADDR, SZ_64K, PROT);
	touch(rig, SZ_64K, SZ_4K);
	iommu_unmap(&rig->domain, BASE, SZ_64K);
}

static void do_block(struct rig *rig)
{
	iommu_map(&rig->domain, BASE, PADDR, 2 * SZ_2M, PROT);
	touch(rig, 2 * SZ_2M, SZ_2M);
	iommu_unmap(&rig->domain, BASE, 2 * SZ_2M);
}

/* Pages that fill a table, unmapped as one; then others in their place. */
static void do_table(struct rig *rig)
{
	iommu_map(&rig->domain, BASE, PADDR + SZ_4K, SZ_2M, PROT);
	touch(rig, SZ_64K, SZ_4K);
	iommu_unmap(&rig->domain, BASE, SZ_2M);
	oracle_check(rig->oracle);
	iommu_map(&rig->domain, BASE, 2 * PADDR, SZ_4K, PROT);
}

/* A block over the table that page unmaps have left. */
static void do_left_over(struct rig *rig)
{
	do_pages(rig);
	iommu_map(&rig->domain, BASE, PADDR, SZ_2M, PROT);
}

/* A caller's fault that the engine refuses: a leaf is there already. */
static void do_twice(struct rig *rig)
{
	iommu_map(&rig->domain, BASE + SZ_4K, PADDR, SZ_16K, PROT);
	touch(rig, SZ_16K, SZ_4K);
	iommu_map(&rig->domain, BASE, 2 * PADDR, SZ_16K, PROT);
}

static void (*const acts[])(struct rig *rig) = {
	do_pages, do_block, do_table, do_left_over, do_twice,
};

static void add(struct oracle_counts *sum, const struct oracle_counts *c)
{
	sum->stale_leaves += c->stale_leaves;
	sum->stale_tables += c->stale_tables;
	sum->bbm_violations += c->bbm_violations;
}

/* A table that leaks is another oracle's business. */
static void act(size_t i, enum pgtable_policy policy, enum pgtable_clear clear,
		struct oracle_counts *sum)
{
	const struct rig_cfg cfg = {
		.params = { .policy = policy, .clear = clear },
		.rule = "6.12",
		.granule = SZ_4K,
		.stage = 1,
		.has_ril = true,
		.is_strict = true,
	};
	struct oracle_counts c;
	struct rig rig;

	rig_init(&rig, &cfg);
	acts[i](&rig);
	c = rig_check(&rig);
	add(sum, &c);
	rig_print(&rig);
	rig_free(&rig);
}

static bool is_right(const char *kinds, const char *kind, u64 nr)
{
	bool is_wanted = strstr(kinds, kind);

	if (is_wanted == (nr != 0))
		return true;
	printf("%s: %llu found, expected %s\n", kind, (unsigned long long)nr,
	       is_wanted ? "some" : "none");
	return false;
}

int main(int argc, char **argv)
{
	struct oracle_counts sum = { 0 };
	bool is_ok;

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		for (int p = PGTABLE_SPLIT; p <= PGTABLE_WHOLE; p++) {
			act(i, p, PGTABLE_CLEAR_EACH, &sum);
			act(i, p, PGTABLE_CLEAR_RUN, &sum);
		}
	is_ok = is_right(argv[1], "leaves", sum.stale_leaves);
	is_ok &= is_right(argv[1], "tables", sum.stale_tables);
	is_ok &= is_right(argv[1], "bbm", sum.bbm_violations);
	return is_ok ? 0 : 1;
}
