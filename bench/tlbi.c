// SPDX-License-Identifier: GPL-2.0-only
/*
 * One invalidation: what a driver does between a gather and the last command.
 *
 * Question: what does it cost the CPU to encode an invalidation of a number of
 *	leaves and put it into the command queue?
 * What a reader learns: that range invalidation is a command or two whatever
 *	the number of leaves; what a command a leaf costs without it; where the
 *	rule of 7.3 cuts that off.
 *
 * The key unit says what is sent to, and by which driver's rule:
 *	smmuv3-ril		range commands (6.1, 6.12 and 7.3 alike)
 *	smmuv3-noril		one command a leaf (6.1 and 6.12)
 *	smmuv3-noril-threshold	the same, but one for the whole context from
 *				leaf / 8 leaves on (7.3)
 *	smmuv2			one register write a leaf, when it is added to
 *				the gather, and a polled sync
 *
 * One operation is an invalidation of adjacent leaves, with its sync, at
 * stage 1 and a granule of 4K. For an SMMUv3 the gather is there, as gathering
 * is a part of the other families; for an SMMUv2 the adding is all there is.
 * What is timed is this suite's simulator: the encoding of 16-byte commands or
 * of register writes, batches, the ring of 2^16 entries and its doorbell, and
 * the accounting that all counters come from. No device is written to and
 * nothing is waited for: that is in the simulated time alone. cmds_per_s is the
 * rate of the fastest section at which commands went into the queue; the sync
 * of each invalidation is one of them, encoded and queued like the others.
 *
 * A profile prices the units of its own kind: those of its interface and, for
 * an SMMUv3, with or without range invalidation, as it says. The other units
 * have no row for it.
 */
#include "families.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "sizes.h"

#define START_IOVA SZ_4T
#define LG2_VERIFY 19 /* a ring that keeps all of one invalidation */
#define RANGE_TG   1  /* TG of a granule of 4K */

/**
 * struct unit - A value of the key unit.
 * @name: the value
 * @driver: whose rule decides what is sent
 * @profile: interface and features; prices are of no interest and 0
 */
struct unit {
	const char *name;
	const char *driver;
	struct cost_profile profile;
};

static const struct unit units[] = {
	{ .name = "smmuv3-ril",
	  .driver = "7.3",
	  .profile = { .name = "smmuv3-ril",
		       .interface = COST_SMMUV3,
		       .has_ril = true } },
	{ .name = "smmuv3-noril",
	  .driver = "6.12",
	  .profile = { .name = "smmuv3-noril", .interface = COST_SMMUV3 } },
	{ .name = "smmuv3-noril-threshold",
	  .driver = "7.3",
	  .profile = { .name = "smmuv3-noril-threshold",
		       .interface = COST_SMMUV3 } },
	{ .name = "smmuv2",
	  .driver = "7.3",
	  .profile = { .name = "smmuv2", .interface = COST_SMMUV2 } },
};

/**
 * struct tlbi - Context of a case.
 * @unit: unit
 * @sim: what is sent to
 * @leaf: size of a leaf in bytes
 * @nr_leaves: leaves of one invalidation
 * @nr_commands: commands of one invalidation, syncs not counted
 * @is_ledger: @sim is that of a profile and not of the unit
 */
struct tlbi {
	const struct unit *unit;
	struct tlbsim *sim;
	u64 leaf;
	u64 nr_leaves;
	u64 nr_commands;
	bool is_ledger;
};

static const struct unit *unit_of(const struct bench_case *c)
{
	const struct unit *unit = units;

	while (!bench_is(c, "unit", unit->name))
		unit++;
	return unit;
}

static bool tlbi_takes_profile(const struct bench_case *c,
			       const struct cost_profile *profile)
{
	const struct cost_profile *own = &unit_of(c)->profile;

	return profile->interface == own->interface &&
	       profile->has_ril == own->has_ril;
}

static bool has_commands_each(const struct bench_case *c)
{
	return bench_is(c, "unit", "smmuv3-noril") ||
	       bench_is(c, "unit", "smmuv2");
}

static u64 nr_leaves_of(const struct bench_case *c)
{
	return strtoull(bench_value(c, "pages"), NULL, 10);
}

static bool tlbi_check(const struct bench_env *env, struct bench_case *c)
{
	u64 leaf = bench_size(c, "leaf");
	u64 nr = nr_leaves_of(c);

	(void)env;
	/* Half of the 48-bit input addresses at most. */
	if (leaf * nr > 1ull << 47)
		return false;
	c->set = BENCH_DEFAULT;
	if (leaf == SZ_1G || (leaf == SZ_2M && nr != 1 && nr != 512))
		c->set = BENCH_FULL;
	else if (nr > 4096 && has_commands_each(c))
		c->set = BENCH_FULL;
	else if (leaf == SZ_4K && (nr == 1 || nr == 512))
		c->set = BENCH_QUICK;
	return true;
}

/*
 * With RIL a command for each five bits of the number of pages: 1, 16, 512,
 * 4096 and 262144 have one bit, whatever the leaf; 511 has nine, which is five
 * and four.
 */
static u64 commands_of(const struct tlbi *b)
{
	bool is_whole =
		!strcmp(b->unit->driver, "7.3") && b->nr_leaves >= b->leaf / 8;

	if (b->unit->profile.has_ril)
		return b->nr_leaves == 511 ? 2 : 1;
	if (b->unit->profile.interface == COST_SMMUV3 && is_whole)
		return 1;
	return b->nr_leaves;
}

static void tlbi_teardown(void *ctx)
{
	struct tlbi *b = ctx;

	tlbsim_destroy(b->sim);
	free(b);
}

static int tlbi_setup(const struct bench_env *env, const struct bench_case *c,
		      enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	struct tlbsim_cfg cfg = {
		.profile = env->profile,
		.stage = 1,
		.granule = SZ_4K,
		.lg2_entries = phase == BENCH_VERIFY ? LG2_VERIFY : 0,
	};
	struct tlbi *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return iopt_err_set(err, -ENOMEM, "no memory");
	b->unit = unit_of(c);
	b->leaf = bench_size(c, "leaf");
	b->nr_leaves = nr_leaves_of(c);
	b->nr_commands = commands_of(b);
	b->is_ledger = env->profile != NULL;
	if (!b->is_ledger)
		cfg.profile = &b->unit->profile;
	cfg.driver = b->unit->driver;
	ret = tlbsim_create(&cfg, &b->sim, err);
	if (ret)
		tlbi_teardown(b);
	else
		*ctx = b;
	return ret;
}

static void invalidate(const struct tlbi *b)
{
	const struct inval_ops *ops = b->sim->ops;
	void *cookie = b->sim->cookie;
	struct gather gather;

	gather_init(&gather);
	if (b->sim->rule->immediate) {
		for (u64 i = 0; i < b->nr_leaves; i++)
			ops->add_page(&gather, START_IOVA + i * b->leaf,
				      b->leaf, cookie);
	} else {
		gather_add_range(&gather, START_IOVA, b->nr_leaves * b->leaf);
		gather.pgsize = b->leaf;
	}
	ops->sync(&gather, cookie);
}

/* A command of the queue: what it must be, and the bytes that it covers. */
static int check_command(const struct tlbi *b, const struct smmu_raw *raw,
			 u64 iova, u64 *bytes, struct iopt_err *err)
{
	char text[SMMU_CMD_TEXT_MAX];
	struct smmu_cmd cmd = { .op = 0 };
	u8 level = b->leaf == SZ_1G ? 1 : b->leaf == SZ_2M ? 2 : 3;
	bool is_right = !smmu_cmd_decode(raw, &cmd);

	if (b->unit->profile.has_ril) {
		*bytes = smmu_cmd_bytes(&cmd);
		is_right = is_right && cmd.op == CMD_TLBI_NH_VA &&
			   cmd.addr == iova && cmd.is_leaf &&
			   cmd.tg == RANGE_TG && cmd.ttl == level;
	} else if (b->nr_commands < b->nr_leaves) {
		*bytes = b->nr_leaves * b->leaf;
		is_right = is_right && cmd.op == CMD_TLBI_NH_ASID;
	} else {
		*bytes = b->leaf;
		is_right = is_right && cmd.op == CMD_TLBI_NH_VA &&
			   cmd.addr == iova && cmd.is_leaf && !cmd.tg;
	}
	if (!is_right)
		return iopt_err_set(err, -EINVAL,
				    "%s, expected the command for %#" PRIx64,
				    smmu_cmd_text(raw, text), iova);
	return 0;
}

static int check_write(const struct tlbi *b, const struct smmuv2_write *write,
		       u64 iova, u64 *bytes, struct iopt_err *err)
{
	char text[SMMU_CMD_TEXT_MAX];

	*bytes = b->leaf;
	if (write->offset != V2_CB_TLBIVAL || write->is_global ||
	    smmuv2_write_iova(write) != iova)
		return iopt_err_set(err, -EINVAL,
				    "%s, expected TLBIVAL of %#" PRIx64,
				    smmuv2_write_text(write, text), iova);
	return 0;
}

/* The last thing sent is a sync. */
static bool is_synced(const struct tlbsim *sim)
{
	u64 last = tlbsim_nr_kept(sim) - 1;

	if (sim->smmu)
		return cmd_op(smmu_kept(sim->smmu, last)) == CMD_SYNC;
	return smmuv2_kept(sim->v2, last)->offset == V2_CB_TLBSYNC;
}

/* Every command is decoded: together they cover the leaves, each once. */
static int tlbi_verify(void *ctx, struct iopt_err *err)
{
	const struct tlbi *b = ctx;
	u64 end = START_IOVA + b->nr_leaves * b->leaf;
	u64 at = START_IOVA, bytes;
	int ret = 0;

	invalidate(b);
	if (tlbsim_nr_kept(b->sim) != b->nr_commands + 1)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " commands with the sync, "
				    "expected %" PRIu64,
				    tlbsim_nr_kept(b->sim), b->nr_commands + 1);
	for (u64 i = 0; i < b->nr_commands && !ret; i++, at += bytes) {
		if (b->sim->smmu)
			ret = check_command(b, smmu_kept(b->sim->smmu, i), at,
					    &bytes, err);
		else
			ret = check_write(b, smmuv2_kept(b->sim->v2, i), at,
					  &bytes, err);
	}
	if (!ret && at != end)
		ret = iopt_err_set(err, -EINVAL,
				   "invalidated to %#" PRIx64
				   ", expected %#" PRIx64,
				   at, end);
	if (!ret && !is_synced(b->sim))
		ret = iopt_err_set(err, -EINVAL, "no sync at the end");
	return ret;
}

/* What was sent since the reset, against @n invalidations. */
static int check_sent(const struct tlbi *b, u64 n, struct iopt_err *err)
{
	const struct tlb_counters *c = b->sim->counters;
	bool is_queue = b->sim->smmu != NULL;
	u64 doorbells =
		is_queue ? (b->nr_commands + SMMU_BATCH - 1) / SMMU_BATCH : 0;
	u64 got = tlb_counters_invalidations(c);

	if (got != n * b->nr_commands || c->nr_syncs != n ||
	    c->nr_doorbells != n * doorbells)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " commands, %" PRIu64
				    " syncs, %" PRIu64 " doorbells; expected "
				    "%" PRIu64 ", %" PRIu64 " and %" PRIu64,
				    got, c->nr_syncs, c->nr_doorbells,
				    n * b->nr_commands, n, n * doorbells);
	return 0;
}

static int tlbi_count(void *ctx, struct bench_counts *counts,
		      struct iopt_err *err)
{
	const struct tlbi *b = ctx;
	const struct tlb_counters *c = b->sim->counters;

	tlbsim_reset(b->sim);
	invalidate(b);
	if (b->is_ledger)
		return ledger_report(b->sim, counts, err);
	bench_count(counts, "nr_commands",
		    (double)tlb_counters_invalidations(c));
	bench_count(counts, "nr_doorbells", (double)c->nr_doorbells);
	return check_sent(b, 1, err);
}

static int tlbi_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct tlbi *b = ctx;

	(void)n;
	(void)err;
	tlbsim_reset(b->sim);
	return 0;
}

static void tlbi_run(void *ctx, u64 n)
{
	const struct tlbi *b = ctx;

	for (u64 i = 0; i < n; i++)
		invalidate(b);
}

static int tlbi_finish(void *ctx, u64 n, struct iopt_err *err)
{
	return check_sent(ctx, n, err);
}

static void tlbi_report(void *ctx, struct bench_counts *counts)
{
	const struct tlbi *b = ctx;
	double ns;

	if (!bench_count_find(counts, "block_min_ns", &ns))
		bench_count(counts, "cmds_per_s",
			    (double)(b->nr_commands + 1) / ns * 1e9);
}

static const char *const unit_names[] = { "smmuv3-ril", "smmuv3-noril",
					  "smmuv3-noril-threshold", "smmuv2",
					  NULL };
static const char *const nr_pages[] = { "1",	"16",	  "511", "512",
					"4096", "262144", NULL };
static const char *const leaves[] = { "4K", "2M", "1G", NULL };

static const struct bench_key keys[] = {
	{ .name = "unit", .values = unit_names },
	{ .name = "pages", .values = nr_pages },
	{ .name = "leaf", .values = leaves },
	{ .name = NULL },
};

static const struct bench_counter counters[] = {
	{ "nr_commands", true },
	{ "nr_doorbells", true },
	{ "cmds_per_s", false },
	{ NULL, false },
};

const struct bench_family tlbi_family = {
	.name = "tlbi",
	.question = "encode one invalidation and put it into the queue",
	.has_ledger = true,
	.takes_profile = tlbi_takes_profile,
	.keys = keys,
	.counters = counters,
	.check = tlbi_check,
	.setup = tlbi_setup,
	.teardown = tlbi_teardown,
	.verify = tlbi_verify,
	.count = tlbi_count,
	.prepare = tlbi_prepare,
	.run = tlbi_run,
	.finish = tlbi_finish,
	.report = tlbi_report,
};
