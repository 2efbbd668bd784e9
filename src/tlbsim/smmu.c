// SPDX-License-Identifier: GPL-2.0-only
/* An SMMUv3 as its driver sees it: the command queue. */
#include "smmu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "barrier.h"
#include "lg2.h"

#define SH_INNER  3u   /* MSH: inner shareable */
#define ATTR_OIWB 0xfu /* MSIATTR: normal, outer and inner write-back */

static u64 nr_entries(const struct smmu *smmu)
{
	return 1ull << smmu->cfg.lg2_entries;
}

/* Wait until @n entries are free: the consumer executes that far. */
static void wait_for_room(struct smmu *smmu, unsigned int n)
{
	u64 used = smmu->prod - smmu->cons;
	u64 max = nr_entries(smmu);

	if (used + n <= max)
		return;
	smmu->counters.nr_full_waits++;
	smmu->cons += used + n - max;
}

/* The batch goes to the ring, which may end in its midst. */
static void ring_write(struct smmu *smmu, unsigned int n)
{
	u64 mask = nr_entries(smmu) - 1;

	for (unsigned int i = 0; i < n; i++)
		smmu->ring[smmu->prod++ & mask] = smmu->batch[i];
}

/* The CMD_SYNC of an SMMU, but for the address of its MSI. */
static struct smmu_raw sync_cmd(const struct smmu_cfg *cfg)
{
	struct smmu_cmd cmd = {
		.op = CMD_SYNC,
		.signal = cfg->polls_msi ? SYNC_IRQ : SYNC_SEV,
		.shareability = SH_INNER,
		.memattr = ATTR_OIWB,
	};
	struct smmu_raw raw = { { 0, 0 } };

	smmu_cmd_encode(&cmd, &raw);
	return raw;
}

/* Put the CMD_SYNC behind @n commands; an MSI goes to its own slot. */
static void add_sync(struct smmu *smmu, unsigned int n)
{
	u64 at = (smmu->prod + n) & (nr_entries(smmu) - 1);

	smmu->batch[n] = smmu->sync;
	if (smmu->cfg.polls_msi)
		smmu->batch[n].w[1] =
			(smmu->cfg.queue_base + at * sizeof(smmu->sync)) &
			CMD_1_MSI_MASK;
}

/* Count commands; equal ones but for the address at once. */
static void account(struct tlb_counters *c, const struct smmu_raw *cmds,
		    unsigned int n)
{
	for (unsigned int i = 0; i < n;) {
		u64 w0 = cmds[i].w[0];
		u64 w1 = cmds[i].w[1] & ~CMD_1_VA_MASK;
		enum tlb_op op = tlb_op_of_opcode(cmd_op(&cmds[i]));
		unsigned int j = i + 1;

		while (j < n && cmds[j].w[0] == w0 &&
		       (cmds[j].w[1] & ~CMD_1_VA_MASK) == w1)
			j++;
		c->nr_ops[op] += j - i;
		c->open[tlb_op_class(op)] += j - i;
		if (tlb_op_class(op) == TLB_CLASS_ADDR)
			tlb_counters_shape(c, tlb_shape_key(w0, w1), j - i);
		i = j;
	}
}

static void list(struct smmu *smmu, unsigned int n, bool is_repeat)
{
	struct tlb_log_entry entry = {
		.kind = TLB_LOG_CMD,
		.is_repeat = is_repeat,
		.unit = smmu->cfg.unit,
	};

	for (unsigned int i = 0; i < n; i++) {
		entry.raw = smmu->batch[i];
		tlb_log_add(smmu->log, &entry);
	}
}

/* The batch into the ring, one doorbell. */
static void push(struct smmu *smmu, bool has_sync, bool is_repeat)
{
	unsigned int n = smmu->nr_batch;

	if (has_sync)
		add_sync(smmu, n);
	wait_for_room(smmu, n + has_sync);
	ring_write(smmu, n + has_sync);
	if (__builtin_expect(smmu->log != NULL, 0))
		list(smmu, n + has_sync, is_repeat);
	dma_wmb();
	smmu->prod_reg = (u32)(smmu->prod & (2 * nr_entries(smmu) - 1));
	smmu->counters.nr_doorbells++;
	account(&smmu->counters, smmu->batch, n);
	if (!has_sync) {
		smmu->counters.nr_pushes++;
		return;
	}
	smmu->cons = smmu->prod;
	tlb_counters_sync(&smmu->counters);
}

/* Batches never mix CFGI or TLBI with others: the first command tells. */
static bool needs_repeat(const struct smmu *smmu)
{
	u8 op = cmd_op(&smmu->batch[0]);

	return smmu->cfg.repeats_tlbi && smmu->nr_batch && op >= CMD_CFGI_STE &&
	       op < CMD_ATC_INV;
}

void smmu_batch_flush(struct smmu *smmu)
{
	if (smmu->cfg.forces_sync || needs_repeat(smmu)) {
		smmu_batch_submit(smmu);
		return;
	}
	push(smmu, false, false);
	smmu->nr_batch = 0;
}

void smmu_batch_submit(struct smmu *smmu)
{
	push(smmu, true, false);
	if (needs_repeat(smmu))
		push(smmu, true, true);
	smmu->nr_batch = 0;
}

u64 smmu_nr_kept(const struct smmu *smmu)
{
	u64 max = nr_entries(smmu);

	return smmu->prod < max ? smmu->prod : max;
}

const struct smmu_raw *smmu_kept(const struct smmu *smmu, u64 i)
{
	u64 first = smmu->prod - smmu_nr_kept(smmu);

	return &smmu->ring[(first + i) & (nr_entries(smmu) - 1)];
}

int smmu_create(const struct smmu_cfg *cfg, struct smmu **out,
		struct iopt_err *err)
{
	struct smmu *smmu;

	if (cfg->lg2_entries < SMMU_MIN_LG2_ENTRIES ||
	    cfg->lg2_entries > SMMU_MAX_LG2_ENTRIES)
		return iopt_err_set(
			err, -EINVAL,
			"a command queue of 2^%u entries: must be 2^%d to 2^%d",
			cfg->lg2_entries, SMMU_MIN_LG2_ENTRIES,
			SMMU_MAX_LG2_ENTRIES);
	smmu = calloc(1, sizeof(*smmu));
	if (!smmu)
		return iopt_err_set(err, -ENOMEM, "no memory for an SMMU");
	smmu->cfg = *cfg;
	smmu->sync = sync_cmd(cfg);
	smmu->ring = calloc(nr_entries(smmu), sizeof(*smmu->ring));
	if (!smmu->ring || tlb_counters_init(&smmu->counters)) {
		free(smmu->ring);
		free(smmu);
		return iopt_err_set(err, -ENOMEM,
				    "no memory for a queue of 2^%u commands",
				    cfg->lg2_entries);
	}
	*out = smmu;
	return 0;
}

void smmu_destroy(struct smmu *smmu)
{
	if (!smmu)
		return;
	tlb_counters_fini(&smmu->counters);
	free(smmu->ring);
	free(smmu);
}
