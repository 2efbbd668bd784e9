// SPDX-License-Identifier: GPL-2.0-only
/* Counts of what was sent: kinds, shapes in order, segments, adding up. */
#include "test.h"

#include "rng.h"
#include "smmu.h"
#include "tlb_counters.h"

static void test_names(void **unused)
{
	(void)unused;
	for (int op = 0; op < TLB_NR_OPS; op++) {
		assert_non_null(tlb_op_name(op));
		assert_non_null(tlb_op_counter(op));
		for (int other = 0; other < op; other++)
			assert_string_not_equal(tlb_op_counter(op),
						tlb_op_counter(other));
	}
	/* Every opcode that invalidates is counted under its own name. */
	for (unsigned int op = 0; op < 256; op++) {
		const char *name = smmu_opcode_name((u8)op);

		if (!name || !(cmd_is_tlbi((u8)op) || op == CMD_ATC_INV))
			continue;
		assert_string_equal(tlb_op_name(tlb_op_of_opcode((u8)op)),
				    name);
	}
}

/* Shapes stay in the order in which they came, also after a reset. */
static void test_shapes(void **unused)
{
	static const u32 keys[] = { 0x7fff, 3, 0x4000, 3, 3, 0x7fff, 0 };
	static const u32 order[] = { 0x7fff, 3, 0x4000, 0 };
	static const u64 counts[] = { 1 + 6, 2 + 4 + 5, 3, 7 };
	struct tlb_counters c;

	(void)unused;
	assert_int_equal(tlb_counters_init(&c), 0);
	for (int round = 0; round < 2; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(keys); i++)
			tlb_counters_shape(&c, keys[i], i + 1);
		expect_u64(c.nr_shapes, ARRAY_SIZE(order), "round %d", round);
		for (u32 i = 0; i < c.nr_shapes; i++) {
			const struct tlb_shape *s = &c.shapes[i];
			u32 key = s->num | (u32)s->scale << 5 |
				  (u32)s->ttl << 10 | (u32)s->tg << 12 |
				  (u32)s->is_leaf << 14;

			expect_u64(key, order[i], "shape %u", i);
			expect_u64(s->count, counts[i], "shape %u", i);
		}
		tlb_counters_reset(&c);
		expect_u64(c.nr_shapes, 0, "reset");
	}
	tlb_counters_fini(&c);
}

/* The key is what the command has: num 12, scale 20, ttl 8, tg 10, leaf 0. */
static void test_shape_key(void **unused)
{
	struct smmu_cmd cmd = { .op = CMD_TLBI_NH_VA,
				.asid = 0xffff,
				.vmid = 0xffff,
				.addr = ~0ull,
				.num = 21,
				.scale = 10,
				.ttl = 2,
				.tg = 1,
				.is_leaf = true };
	struct smmu_raw raw;

	(void)unused;
	assert_int_equal(smmu_cmd_encode(&cmd, &raw), 0);
	expect_u64(tlb_shape_key(raw.w[0], raw.w[1]),
		   21 | 10 << 5 | 2 << 10 | 1 << 12 | 1 << 14, "key");
}

#define NR_KINDS 3000

/* More distinct segments than there is room at first, counted as by hand. */
static void test_segments(void **unused)
{
	static u64 want[NR_KINDS];
	u64 seed = test_seed();
	struct tlb_counters c;
	struct rng rng;
	u64 total = 0;

	(void)unused;
	rng_init(&rng, seed);
	memset(want, 0, sizeof(want));
	assert_int_equal(tlb_counters_init(&c), 0);
	for (int i = 0; i < 20000; i++) {
		u64 kind = rng_below(&rng, NR_KINDS);

		c.open[TLB_CLASS_ADDR] = kind * 3;
		c.open[TLB_CLASS_CONTEXT] = kind % 7;
		tlb_counters_sync(&c);
		want[kind]++;
	}
	expect_u64(c.nr_lost, 0, "lost");
	expect_u64(c.nr_syncs, 20000, "syncs");
	for (u32 i = 0; i < c.nr_segments; i++) {
		u64 kind = c.segments[i].nr[TLB_CLASS_ADDR] / 3;

		expect_u64(c.segments[i].count, want[kind],
			   "kind %" PRIu64 " seed %" PRIu64, kind, seed);
		expect_u64(c.segments[i].nr[TLB_CLASS_CONTEXT], kind % 7,
			   "kind %" PRIu64 " seed %" PRIu64, kind, seed);
		total += c.segments[i].count;
	}
	expect_u64(total, 20000, "segments, seed %" PRIu64, seed);
	tlb_counters_fini(&c);
}

/* Segments that differ in one class only are not equal, one after another. */
static void test_neighbours(void **unused)
{
	struct tlb_counters c;

	(void)unused;
	assert_int_equal(tlb_counters_init(&c), 0);
	for (int i = 0; i < 6; i++) {
		c.open[TLB_CLASS_ADDR] = 1;
		c.open[TLB_CLASS_CONTEXT] = i % 3 == 1;
		c.open[TLB_CLASS_ATC] = i % 3 == 2;
		tlb_counters_sync(&c);
	}
	expect_u64(c.nr_segments, 3, "segments");
	for (u32 i = 0; i < 3; i++)
		expect_u64(c.segments[i].count, 2, "segment %u", i);
	tlb_counters_fini(&c);
}

/* Two queues added up: sums, shapes in order, equal segments in one. */
static void test_merge(void **unused)
{
	struct tlb_counters a, b;

	(void)unused;
	assert_int_equal(tlb_counters_init(&a), 0);
	assert_int_equal(tlb_counters_init(&b), 0);
	a.open[TLB_CLASS_ADDR] = b.open[TLB_CLASS_ADDR] = 5;
	tlb_counters_sync(&a);
	tlb_counters_sync(&b);
	b.open[TLB_CLASS_ATC] = 1;
	tlb_counters_sync(&b);
	b.open[TLB_CLASS_ADDR] = 2; /* not synced yet */
	tlb_counters_shape(&a, 1, 5);
	tlb_counters_shape(&b, 2, 3);
	tlb_counters_shape(&b, 1, 4);
	b.nr_ops[TLB_NH_VA] = 7;
	b.nr_doorbells = 2;
	b.nr_pushes = 1;
	b.nr_full_waits = 6;
	assert_int_equal(tlb_counters_merge(&a, &b), 0);
	expect_u64(a.nr_ops[TLB_NH_VA], 7, "commands");
	expect_u64(a.nr_syncs, 3, "syncs");
	expect_u64(a.nr_doorbells, 2, "doorbells");
	expect_u64(a.nr_pushes, 1, "pushes");
	expect_u64(a.nr_full_waits, 6, "waits");
	expect_u64(a.open[TLB_CLASS_ADDR], 2, "open");
	expect_u64(a.nr_shapes, 2, "shapes");
	expect_u64(a.shapes[0].count, 9, "first shape");
	expect_u64(a.nr_segments, 2, "segments");
	expect_u64(a.segments[0].count, 2, "segments of five");
	tlb_counters_fini(&a);
	tlb_counters_fini(&b);
}

/* What is counted is what lies in the queue. */
static void test_against_queue(void **unused)
{
	struct smmu_cfg cfg = { .lg2_entries = 14, .repeats_tlbi = true };
	static const u8 ops[] = { CMD_TLBI_NH_VA, CMD_TLBI_S2_IPA,
				  CMD_TLBI_NH_ASID, CMD_ATC_INV, CMD_CFGI_STE };
	u64 nr_ops[TLB_NR_OPS] = { 0 }, nr_syncs = 0;
	u64 seed = test_seed();
	struct smmu *smmu = NULL;
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	assert_int_equal(smmu_create(&cfg, &smmu, NULL), 0);
	while (smmu->prod < 12000) {
		u8 op = ops[rng_below(&rng, ARRAY_SIZE(ops))];
		u64 n = 1 + rng_below(&rng, 150);

		while (n--)
			smmu_batch_add(smmu, op, 0);
		smmu_batch_submit(smmu);
	}
	for (u64 i = 0; i < smmu_nr_kept(smmu); i++) {
		u8 op = cmd_op(smmu_kept(smmu, i));

		if (op == CMD_SYNC)
			nr_syncs++;
		else
			nr_ops[tlb_op_of_opcode(op)]++;
	}
	expect_u64(smmu->counters.nr_syncs, nr_syncs, "syncs, seed %" PRIu64,
		   seed);
	for (int op = 0; op < TLB_NR_OPS; op++)
		expect_u64(smmu->counters.nr_ops[op], nr_ops[op],
			   "%s, seed %" PRIu64, tlb_op_name(op), seed);
	smmu_destroy(smmu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_shape_key),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_against_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
