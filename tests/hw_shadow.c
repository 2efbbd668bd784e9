// SPDX-License-Identifier: GPL-2.0-only
/* Which changes of a descriptor lack break-before-make. */
#include "test.h"

#include "hw_rig.h"
#include "lg2.h"
#include "lpae_fmt.h"
#include "sizes.h"

/* The descriptor that changes: level 2, for the second 2M. */
#define AT SZ_2M

/* What it is made to be. */
enum desc {
	NONE,
	BLOCK_1,    /* to 1G */
	BLOCK_2,    /* to 2G */
	BLOCK_1_RO, /* BLOCK_1, read-only */
	BLOCK_1_NC, /* BLOCK_1, other memory type */
	TABLE_1,    /* a table with a page at its start */
	TABLE_2,    /* another one */
	TABLE_1_SW, /* TABLE_1 with the software bit */
	NR_DESCS,
};

/* A step of a row: the digit of an enum desc, or one of these letters. */
#define LOOK	   'l'
#define INV_BLOCK  'b' /* leaf, TTL 2, the 2M */
#define INV_PAGE   'p' /* leaf, TTL 3, the first page */
#define INV_TABLE  't' /* leaf and tables, the 2M */
#define INV_TTL_2  'x' /* leaf of level 2 and tables, the 2M */
#define INV_BEHIND 'n' /* leaf and tables, the next 2M */
#define INV_ASID   'a'
#define INV_OTHER  'o' /* another ASID */

static const struct {
	const char *what;
	const char *script;
	u64 strict;  /* violations when TTL is a promise */
	u64 lenient; /* and when it is ignored */
} rows[] = {
	{ "make", "0l1l", 0, 0 },
	{ "make and break", "1l0l", 0, 0 },
	{ "nothing changes", "1l1l1bl", 0, 0 },
	{ "block, then table", "1l5l", 1, 1 },
	{ "table, then block", "5l1l", 1, 1 },
	{ "another output address", "1l2l", 1, 1 },
	{ "another memory type", "1l4l", 1, 1 },
	{ "permissions alone", "1l3l1l", 0, 0 },
	{ "another table", "5l6l", 1, 1 },
	{ "the software bit", "5l7l5l", 0, 0 },
	{ "broken, not invalidated", "1l0l5l", 1, 1 },
	{ "broken, then the same again", "1l0l1l", 0, 0 },
	{ "break, invalidate, make: table", "1l0b5l", 0, 0 },
	{ "break, invalidate, make: address", "1l0b2l", 0, 0 },
	{ "break, invalidate, make: block", "5l0t1l", 0, 0 },
	{ "invalidated before the break", "1lb0l5l", 1, 1 },
	{ "invalidated after the make", "1l5bl", 1, 1 },
	{ "the wrong level", "1l0p5l", 1, 0 },
	{ "the wrong place", "1l0n5l", 1, 1 },
	{ "the wrong context", "1l0o5l", 1, 1 },
	{ "the whole context", "1l0a5l", 0, 0 },
	{ "a table is no leaf", "5l0b1l", 1, 1 },
	{ "a table's first page alone", "5l0p1l", 1, 1 },
	{ "the table, but no page in it", "5l0x1l", 1, 0 },
	/* With no look between, hardware may have seen it all the same. */
	{ "looked at by the invalidation", "1b0b5t1l", 1, 1 },
	{ "once for each change", "1l5l1l5l", 3, 3 },
};

struct changer {
	struct rig rig;
	u64 *slot;
	u64 descs[NR_DESCS];
};

static u64 *slot_of(struct rig *rig, u64 iova, unsigned int level)
{
	u64 *table = rig->pgt->root;

	for (unsigned int l = rig->pgt->geo.start_level; l < level; l++) {
		struct walk_desc d = walk_find(&rig->context.table, iova, l);

		assert_int_equal(d.kind, WALK_TABLE);
		table = (u64 *)(uintptr_t)(d.paddr -
					   arena_pa_offset(rig->arena));
	}
	return table + (iova >> walk_shift(&rig->context.table, level) & 511);
}

static void changer_init(struct changer *c, bool is_strict)
{
	const struct rig_cfg cfg = { .rule = "6.12",
				     .granule = SZ_4K,
				     .stage = 1,
				     .is_strict = is_strict };
	const int prot = IOMMU_READ | IOMMU_WRITE;
	struct iommu_domain *domain = &c->rig.domain;
	u64 *descs = c->descs;

	rig_init(&c->rig, &cfg);
	/* What the row's descriptor is copied from lies behind it. */
	iommu_map(domain, 2 * SZ_2M, SZ_1G, SZ_2M, prot);
	iommu_map(domain, 3 * SZ_2M, 2 * SZ_1G, SZ_2M, prot);
	iommu_map(domain, 4 * SZ_2M, SZ_1G, SZ_2M, IOMMU_READ);
	iommu_map(domain, 5 * SZ_2M, SZ_1G, SZ_2M, prot | IOMMU_CACHE);
	iommu_map(domain, 6 * SZ_2M, SZ_1M, SZ_4K, prot);
	iommu_map(domain, 7 * SZ_2M, SZ_1M, SZ_4K, prot);
	for (u64 i = BLOCK_1; i <= TABLE_2; i++)
		descs[i] = *slot_of(&c->rig, (i + 1) * SZ_2M, 2);
	descs[NONE] = 0;
	descs[TABLE_1_SW] = descs[TABLE_1] | LPAE_SW_SYNC;
	c->slot = slot_of(&c->rig, AT, 2);
}

static void changer_fini(struct changer *c)
{
	*c->slot = 0;
	rig_fini(&c->rig);
}

static void step(struct changer *c, char step)
{
	struct hw_inval inval = { .kind = HW_INVAL_VA,
				  .tag = c->rig.context.tag,
				  .iova = AT,
				  .size = SZ_2M };

	switch (step) {
	case LOOK:
		expect_int(oracle_look(c->rig.oracle), 0, "look");
		return;
	case INV_BLOCK:
		inval.is_leaf_only = true;
		inval.ttl = 2;
		break;
	case INV_PAGE:
		inval.is_leaf_only = true;
		inval.ttl = 3;
		inval.size = SZ_4K;
		break;
	case INV_TABLE:
		break;
	case INV_TTL_2:
		inval.ttl = 2;
		break;
	case INV_BEHIND:
		inval.iova += SZ_2M;
		break;
	case INV_ASID:
		inval.kind = HW_INVAL_ASID;
		break;
	case INV_OTHER:
		inval.kind = HW_INVAL_ASID;
		inval.tag.asid++;
		break;
	default:
		assert_in_range(step, '0', '0' + NR_DESCS - 1);
		*c->slot = c->descs[step - '0'];
		return;
	}
	oracle_invalidate(c->rig.oracle, &inval);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const bool is_strict = i & 1;
		struct changer c;

		changer_init(&c, is_strict);
		for (const char *p = rows[i / 2].script; *p; p++)
			step(&c, *p);
		expect_u64(oracle_counts(c.rig.oracle).bbm_violations,
			   is_strict ? rows[i / 2].strict : rows[i / 2].lenient,
			   "%s (%s), %s", rows[i / 2].what, rows[i / 2].script,
			   is_strict ? "strict" : "lenient");
		changer_fini(&c);
	}
}

/* What a finding says, for the two that the split causes. */
static void test_text(void **state)
{
	char text[ORACLE_TEXT_MAX];
	struct changer c;

	(void)state;
	changer_init(&c, true);
	for (const char *p = "1l5l1l"; *p; p++)
		step(&c, *p);
	expect_text(oracle_finding_text(oracle_finding(c.rig.oracle, 0), text),
		    "level 2, 2M at 0x200000: a leaf to 0x40000000 became "
		    "a table at 0x",
		    "block to table");
	expect_text(oracle_finding_text(oracle_finding(c.rig.oracle, 1), text),
		    "became a leaf to 0x40000000 without break-before-make",
		    "table to block");
	assert_null(oracle_finding(c.rig.oracle, 2));
	changer_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
