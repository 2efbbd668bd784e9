/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An SMMUv3 as its driver sees it: features, errata and the command queue.
 *
 * Models: arm_smmu_cmdq_issue_cmdlist() and its batches: up to 64 commands are
 *	collected, a full batch is written to the ring and the doorbell rung
 *	without a sync when the next command arrives, submitting adds the
 *	CMD_SYNC; waiting for room in a full queue; the producer register with
 *	its wrap bit; the errata that repeat a batch (Tegra264) or force a sync
 *	(Arm 2812531).
 * Does not model: several CPUs in one queue (that is cmdq.h), command errors,
 *	the MSI write into a completed CMD_SYNC. The consumer executes in order
 *	and no further than somebody waits for: up to the room that a batch
 *	needs, or to the end at a sync. So the number of waits is the largest
 *	that any speed of the hardware could give, and the same in every run.
 *	One thread at a time.
 * Source: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c of Linux 6.1, 6.12, 7.3.
 */
#ifndef IOPT_SMMU_H
#define IOPT_SMMU_H

#include "err.h"
#include "smmu_cmd.h"
#include "tlb_counters.h"
#include "tlb_log.h"
#include "types.h"

#define SMMU_BATCH	     64
#define SMMU_MIN_LG2_ENTRIES 8
#define SMMU_MAX_LG2_ENTRIES 19

/**
 * struct smmu_cfg - How to create an SMMUv3.
 * @lg2_entries: lg2 of the entries of its queue, 8 to 19
 * @has_ril: range invalidation (IDR3.RIL)
 * @has_e2h: the host runs at EL2 with E2H: EL2 commands for stage 1
 * @polls_msi: a sync is awaited by its MSI, else by the CONS register and SEV
 * @queue_base: bus address of the queue, where the MSI of a sync goes
 * @repeats_tlbi: erratum: each batch of CFGI or TLBI with its CMD_SYNC is
 *	issued twice, the second after the first completed (Tegra264; Linux has
 *	the workaround since 7.x)
 * @forces_sync: erratum 2812531: no batch of 64 without a CMD_SYNC, one of 63
 *	gets it
 * @unit: number in logs, from 0
 */
struct smmu_cfg {
	unsigned int lg2_entries;
	bool has_ril;
	bool has_e2h;
	bool polls_msi;
	u64 queue_base;
	bool repeats_tlbi;
	bool forces_sync;
	u16 unit;
};

/**
 * struct smmu - An SMMUv3; read only outside this module.
 * @cfg: as created
 * @ring: the queue, 2^@cfg.lg2_entries commands
 * @prod: commands ever written; the index into @ring is its low bits
 * @cons: commands ever executed
 * @prod_reg: the doorbell: producer index with its wrap bit
 * @sync: its CMD_SYNC, but for the address of an MSI
 * @batch: commands collected, not yet in the queue, and room for a CMD_SYNC
 * @nr_batch: how many
 * @counters: what was sent
 * @log: where each command is listed, NULL for nowhere
 */
struct smmu {
	struct smmu_cfg cfg;
	struct smmu_raw *ring;
	u64 prod;
	u64 cons;
	volatile u32 prod_reg;
	struct smmu_raw sync;
	struct smmu_raw batch[SMMU_BATCH + 1];
	unsigned int nr_batch;
	struct tlb_counters counters;
	struct tlb_log *log;
};

IOPT_BEGIN_DECLS

/**
 * smmu_create() - Create an SMMUv3 with an empty queue.
 * @cfg: see there; copied
 * @out: set to it, owned by the caller until smmu_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the size of the queue is none;
 * -ENOMEM when there is no memory.
 */
int smmu_create(const struct smmu_cfg *cfg, struct smmu **out,
		struct iopt_err *err);

/**
 * smmu_destroy() - Free an SMMUv3.
 * @smmu: from smmu_create(), or NULL
 */
void smmu_destroy(struct smmu *smmu);

/**
 * smmu_batch_flush() - Make room in a full batch: push it.
 * @smmu: SMMU with SMMU_BATCH commands collected, or one less where a sync is
 *	forced
 *
 * The first command decides about the erratum, as in the driver: batches
 * never mix CFGI or TLBI with others.
 *
 * Cost: copies 16 bytes a command; no allocation but that of a log, or of a
 * doubling of the distinct segments counted.
 */
void smmu_batch_flush(struct smmu *smmu);

/**
 * smmu_batch_submit() - Push what is collected, with a CMD_SYNC, and wait.
 * @smmu: SMMU; nothing collected sends a CMD_SYNC alone
 */
void smmu_batch_submit(struct smmu *smmu);

/**
 * smmu_nr_kept() - How many of the commands sent are still in the ring.
 * @smmu: SMMU
 *
 * Return: 2^lg2_entries at most; they are smmu_kept(smmu, 0) to the last one.
 */
u64 smmu_nr_kept(const struct smmu *smmu);

/**
 * smmu_kept() - A command that is still in the ring, executed or not.
 * @smmu: SMMU
 * @i: from 0, the oldest, to smmu_nr_kept() - 1
 */
const struct smmu_raw *smmu_kept(const struct smmu *smmu, u64 i);

IOPT_END_DECLS

/**
 * smmu_batch_add() - Collect a command.
 * @smmu: SMMU
 * @w0: first word
 * @w1: second word
 */
static inline void smmu_batch_add(struct smmu *smmu, u64 w0, u64 w1)
{
	if (smmu->nr_batch >= SMMU_BATCH - (smmu->cfg.forces_sync ? 1u : 0u))
		smmu_batch_flush(smmu);
	smmu->batch[smmu->nr_batch].w[0] = w0;
	smmu->batch[smmu->nr_batch].w[1] = w1;
	smmu->nr_batch++;
}

#endif
