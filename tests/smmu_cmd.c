// SPDX-License-Identifier: GPL-2.0-only
/* SMMUv3 commands: the bits of each field, both ways, and their text. */
#include "test.h"

#include "rng.h"
#include "smmu_cmd.h"

/*
 * One row a command; the words are put together by hand from IHI 0070: for
 * the first, 0x12 | scale 9 << 20 | vmid 0x56 << 32 | asid 0x1234 << 48 and
 * va | tg 1 << 10 | ttl 3 << 8 | leaf.
 */
static const struct {
	struct smmu_cmd cmd;
	u64 w0, w1;
	const char *text;
} rows[] = {
	{ { .op = CMD_TLBI_NH_VA,
	    .asid = 0x1234,
	    .vmid = 0x56,
	    .addr = 0x500000000,
	    .scale = 9,
	    .ttl = 3,
	    .tg = 1,
	    .is_leaf = true },
	  0x1234005600900012,
	  0x500000701,
	  "TLBI_NH_VA asid=4660 vmid=86 va 0x500000000 +2M num=0 scale=9 "
	  "ttl=3 tg=1 leaf=1" },
	/* One address: no TG, whatever covers it goes. */
	{ { .op = CMD_TLBI_EL2_VA, .asid = 7, .addr = 0x1000 },
	  0x0007000000000022,
	  0x1000,
	  "TLBI_EL2_VA asid=7 va 0x1000 leaf=0" },
	/* 31 pages of 4K: num 30 << 12. */
	{ { .op = CMD_TLBI_S2_IPA,
	    .vmid = 5,
	    .addr = 0x40000000,
	    .num = 30,
	    .ttl = 3,
	    .tg = 1,
	    .is_leaf = true },
	  0x000000050001e02a,
	  0x40000701,
	  "TLBI_S2_IPA vmid=5 ipa 0x40000000 +124K num=30 scale=0 ttl=3 tg=1 "
	  "leaf=1" },
	/* 2 * 2^31 pages of 64K. */
	{ { .op = CMD_TLBI_NH_VAA,
	    .vmid = 0xffff,
	    .num = 1,
	    .scale = 31,
	    .tg = 3 },
	  0x0000ffff01f01013,
	  0xc00,
	  "TLBI_NH_VAA vmid=65535 va 0x0 +256T num=1 scale=31 ttl=0 tg=3 "
	  "leaf=0" },
	{ { .op = CMD_TLBI_NH_ASID, .asid = 1 },
	  0x0001000000000011,
	  0,
	  "TLBI_NH_ASID asid=1 vmid=0" },
	{ { .op = CMD_TLBI_EL2_ASID, .asid = 0xffff },
	  0xffff000000000021,
	  0,
	  "TLBI_EL2_ASID asid=65535" },
	{ { .op = CMD_TLBI_S12_VMALL, .vmid = 5 },
	  0x0000000500000028,
	  0,
	  "TLBI_S12_VMALL vmid=5" },
	{ { .op = CMD_TLBI_NH_ALL, .vmid = 2 },
	  0x0000000200000010,
	  0,
	  "TLBI_NH_ALL vmid=2" },
	{ { .op = CMD_TLBI_NSNH_ALL }, 0x30, 0, "TLBI_NSNH_ALL" },
	{ { .op = CMD_TLBI_EL2_ALL }, 0x20, 0, "TLBI_EL2_ALL" },
	{ { .op = CMD_ATC_INV, .sid = 0x100, .addr = 0x500000000, .size = 9 },
	  0x0000010000000040,
	  0x500000009,
	  "ATC_INV sid=0x100 addr 0x500000000 +2M size=9" },
	/* SSV is bit 11, SSID starts at bit 12, GLOBAL is bit 9. */
	{ { .op = CMD_ATC_INV,
	    .sid = 0xffffffff,
	    .ssid = 3,
	    .has_ssid = true,
	    .is_global = true,
	    .size = CMD_ATC_SIZE_ALL },
	  0xffffffff00003a40,
	  0x34,
	  "ATC_INV sid=0xffffffff ssid=3 all global" },
	{ { .op = CMD_CFGI_CD, .sid = 9, .ssid = 0xfffff, .is_leaf = true },
	  0x00000009fffff005,
	  1,
	  "CFGI_CD sid=0x9" },
	{ { .op = CMD_CFGI_ALL, .size = CMD_CFGI_ALL_SID },
	  0x04,
	  0x1f,
	  "CFGI_ALL" },
	/* CS 2 << 12, MSH 3 << 22, MSIATTR 15 << 24. */
	{ { .op = CMD_SYNC,
	    .signal = SYNC_SEV,
	    .shareability = 3,
	    .memattr = 15 },
	  0x0fc02046,
	  0,
	  "CMD_SYNC cs=sev" },
	{ { .op = CMD_SYNC,
	    .signal = SYNC_IRQ,
	    .shareability = 3,
	    .memattr = 15,
	    .addr = 0x80000ff0 },
	  0x0fc01046,
	  0x80000ff0,
	  "CMD_SYNC cs=irq msi 0x80000ff0" },
};

static void expect_raw(struct smmu_raw got, u64 w0, u64 w1, const char *what)
{
	expect_u64(got.w[0], w0, "%s: word 0", what);
	expect_u64(got.w[1], w1, "%s: word 1", what);
}

static void test_rows(void **unused)
{
	char text[SMMU_CMD_TEXT_MAX];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smmu_raw raw = { { 0, 0 } };
		struct smmu_cmd back;

		expect_int(smmu_cmd_encode(&rows[i].cmd, &raw), 0,
			   rows[i].text);
		expect_raw(raw, rows[i].w0, rows[i].w1, rows[i].text);
		expect_int(smmu_cmd_decode(&raw, &back), 0, rows[i].text);
		smmu_cmd_text(&raw, text);
		if (strcmp(text, rows[i].text))
			fail_msg("row %zu: expected \"%s\", got \"%s\"", i,
				 rows[i].text, text);
		smmu_cmd_encode(&back, &raw);
		expect_raw(raw, rows[i].w0, rows[i].w1, rows[i].text);
	}
}

static struct smmu_cmd random_cmd(struct rng *rng, u8 op)
{
	return (struct smmu_cmd){
		.op = op,
		.asid = (u16)rng_next(rng),
		.vmid = (u16)rng_next(rng),
		.addr = rng_next(rng),
		.num = (u8)rng_next(rng),
		.scale = (u8)rng_next(rng),
		.ttl = (u8)rng_next(rng),
		.tg = (u8)rng_next(rng),
		.is_leaf = rng_below(rng, 2),
		.sid = (u32)rng_next(rng),
		.ssid = (u32)rng_next(rng),
		.has_ssid = rng_below(rng, 2),
		.is_global = rng_below(rng, 2),
		.size = (u8)rng_next(rng),
		.signal = (u8)rng_next(rng),
		.shareability = (u8)rng_next(rng),
		.memattr = (u8)rng_next(rng),
	};
}

/* Any fields of any opcode: what was decoded encodes to the same bits. */
static void test_round_trip(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (unsigned int op = 0; op < 256; op++) {
		if (!smmu_opcode_name((u8)op))
			continue;
		for (int i = 0; i < 200; i++) {
			struct smmu_cmd cmd = random_cmd(&rng, (u8)op);
			struct smmu_raw raw, again;
			char what[64];

			snprintf(what, sizeof(what),
				 "opcode 0x%x seed %" PRIu64, op, seed);
			expect_int(smmu_cmd_encode(&cmd, &raw), 0, what);
			expect_int(smmu_cmd_decode(&raw, &cmd), 0, what);
			expect_int(smmu_cmd_encode(&cmd, &again), 0, what);
			expect_raw(again, raw.w[0], raw.w[1], what);
		}
	}
}

/* Bits that the command does not have: not this command. */
static void test_refused(void **unused)
{
	static const struct {
		const char *name;
		u64 w0, w1;
	} bad[] = {
		{ "no such opcode", 0x47, 0 },
		{ "opcode 0", 0, 0 },
		{ "opcode 0xff", 0xff, 0 },
		{ "NH_VA with bit 11", 0x812, 0 },
		{ "EL2_VA with a VMID", 0x100000022, 0 },
		{ "S2_IPA above bit 51", 0x2a, 1ull << 52 },
		{ "NH_ASID with an address", 0x11, 0x1000 },
		{ "ATC_INV size of 7 bits", 0x40, 0x40 },
		{ "CMD_SYNC with bit 14", 0x4046, 0 },
	};
	char text[SMMU_CMD_TEXT_MAX];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct smmu_raw raw = { { bad[i].w0, bad[i].w1 } };
		struct smmu_cmd cmd = { .op = 0xaa };

		expect_int(smmu_cmd_decode(&raw, &cmd), -EINVAL, bad[i].name);
		expect_u64(cmd.op, 0xaa, "%s: untouched", bad[i].name);
		expect_text(smmu_cmd_text(&raw, text), "not a command",
			    bad[i].name);
	}
}

static void test_bytes(void **unused)
{
	static const struct {
		struct smmu_cmd cmd;
		u64 bytes;
	} spans[] = {
		{ { .op = CMD_TLBI_NH_VA, .tg = 1 }, 0x1000 },
		{ { .op = CMD_TLBI_NH_VA, .tg = 2, .num = 1 }, 0x8000 },
		{ { .op = CMD_TLBI_S2_IPA, .tg = 3, .scale = 13 }, 1u << 29 },
		/* 31 * 2^31 * 64K: the most there is. */
		{ { .op = CMD_TLBI_NH_VA, .tg = 3, .num = 30, .scale = 31 },
		  31ull << 47 },
		{ { .op = CMD_TLBI_NH_VA, .num = 3 }, 0 },
		{ { .op = CMD_TLBI_NH_ASID, .tg = 1 }, 0 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		expect_u64(smmu_cmd_bytes(&spans[i].cmd), spans[i].bytes,
			   "span %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
