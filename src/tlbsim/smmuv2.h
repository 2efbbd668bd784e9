/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the arm-smmu driver (SMMUv2, MMU-500) writes when a page table changed:
 * a domain behind struct inval_ops.
 *
 * Models: the stage 1 and stage 2 operations of a v2 context with AArch64
 *	tables: one register write for a page when it is added, a polled sync,
 *	a table flush as one write for each page, or as one TLBIASID
 *	(flush_walk_prefer_tlbiasid, Qualcomm and Tegra since v5.15).
 * Does not model: SMMUv1, AArch32 contexts, the global sync of a v1 stage 2,
 *	debugging of a sync that hangs; the order barrier before the writes.
 * Source: drivers/iommu/arm/arm-smmu/arm-smmu.c and arm-smmu.h of Linux 6.1,
 *	6.12 and 7.3 (equal there); Arm SMMUv2 specification, IHI 0062.
 */
#ifndef IOPT_SMMUV2_H
#define IOPT_SMMUV2_H

#include "err.h"
#include "gather.h"
#include "tlb_counters.h"
#include "tlb_log.h"
#include "types.h"

/* Offsets in a context bank. */
#define V2_CB_TLBIVA	 0x600
#define V2_CB_TLBIASID	 0x610
#define V2_CB_TLBIVAL	 0x620
#define V2_CB_TLBIIPAS2	 0x630
#define V2_CB_TLBIIPAS2L 0x638
#define V2_CB_TLBSYNC	 0x7f0

/* Offsets in global register space 0. */
#define V2_GR0_TLBIVMID	 0x64
#define V2_GR0_STLBGSYNC 0x70

#define V2_MIN_LG2_WRITES 8
#define V2_MAX_LG2_WRITES 19

/**
 * struct smmuv2_write - A register write.
 * @offset: in its space, in bytes
 * @is_global: in global register space 0, else in the domain's context bank
 * @value: what is written
 */
struct smmuv2_write {
	u32 offset;
	bool is_global;
	u64 value;
};

/**
 * struct smmuv2_cfg - How to create a domain.
 * @stage: 1 or 2
 * @asid: of stage 1
 * @vmid: of stage 2
 * @flushes_by_asid: a table flush of stage 1 is one TLBIASID
 * @widens: a page may be leaves of any size: each smallest page is written, or
 *	from 512 of them on the context (no driver does this: see struct
 *	smmu_rule on "amdv1")
 * @lg2_writes: lg2 of the writes kept for reading back, 8 to 19
 */
struct smmuv2_cfg {
	unsigned int stage;
	u16 asid;
	u16 vmid;
	bool flushes_by_asid;
	bool widens;
	unsigned int lg2_writes;
};

/**
 * struct smmuv2 - A domain of an SMMUv2; read only outside this module.
 * @cfg: as created
 * @writes: the latest writes, a ring
 * @nr_writes: writes ever made; the index into @writes is its low bits
 * @counters: what was written
 * @log: where each write is listed, NULL for nowhere
 */
struct smmuv2 {
	struct smmuv2_cfg cfg;
	struct smmuv2_write *writes;
	u64 nr_writes;
	struct tlb_counters counters;
	struct tlb_log *log;
};

IOPT_BEGIN_DECLS

/* Cookie: struct smmuv2. */
extern const struct inval_ops smmuv2_inval_ops;

/**
 * smmuv2_create() - Create a domain.
 * @cfg: see there; copied
 * @out: set to it, owned by the caller until smmuv2_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @cfg is not as described;
 * -ENOMEM when there is no memory.
 */
int smmuv2_create(const struct smmuv2_cfg *cfg, struct smmuv2 **out,
		  struct iopt_err *err);

/**
 * smmuv2_destroy() - Free a domain.
 * @v2: from smmuv2_create(), or NULL
 */
void smmuv2_destroy(struct smmuv2 *v2);

/**
 * smmuv2_nr_kept() - How many of the writes made can still be read.
 * @v2: domain
 */
u64 smmuv2_nr_kept(const struct smmuv2 *v2);

/**
 * smmuv2_kept() - A write that is still there.
 * @v2: domain
 * @i: from 0, the oldest, to smmuv2_nr_kept() - 1
 */
const struct smmuv2_write *smmuv2_kept(const struct smmuv2 *v2, u64 i);

/**
 * smmuv2_write_text() - Write a register write as a line of text.
 * @write: write
 * @text: caller's buffer; gets the text and a NUL, no newline
 *
 * Return: @text.
 */
const char *smmuv2_write_text(const struct smmuv2_write *write,
			      char text[SMMU_CMD_TEXT_MAX]);

/**
 * smmuv2_write_iova() - The address that a write is about.
 * @write: write of an invalidation by address
 *
 * Return: input address in bytes.
 */
u64 smmuv2_write_iova(const struct smmuv2_write *write);

/**
 * smmuv2_reg_name() - "TLBIVAL", "TLBSYNC", ...
 * @offset: in its space
 * @is_global: in global register space 0
 *
 * Return: a static string; NULL for a register that is not used here.
 */
const char *smmuv2_reg_name(u32 offset, bool is_global);

IOPT_END_DECLS

#endif
