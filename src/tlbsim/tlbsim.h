/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One handle on what a domain's invalidations become: an SMMUv3, an SMMUv2 or
 * nothing, as a cost profile says.
 */
#ifndef IOPT_TLBSIM_H
#define IOPT_TLBSIM_H

#include "cost.h"
#include "err.h"
#include "gather.h"
#include "smmuv2.h"
#include "smmuv3.h"

/* Range invalidation: as the profile says, or set. */
enum tlbsim_ril { TLBSIM_RIL_PROFILE, TLBSIM_RIL_OFF, TLBSIM_RIL_ON };

/**
 * struct tlbsim_cfg - How to create a simulator.
 * @profile: interface, features and errata; outlives the simulator
 * @driver: "6.1", "6.12", "7.3", or "amdv1", see struct smmu_rule
 * @stage: 1 or 2
 * @granule: smallest page size in bytes
 * @ril: overrides the profile
 * @has_e2h: EL2 commands for stage 1 of an SMMUv3
 * @lg2_entries: lg2 of the queue, or of the register writes kept; 0 means 16
 * @sids: streams with ATS of an SMMUv3, NULL for none; copied
 * @nr_sids: how many
 */
struct tlbsim_cfg {
	const struct cost_profile *profile;
	const char *driver;
	unsigned int stage;
	u64 granule;
	enum tlbsim_ril ril;
	bool has_e2h;
	unsigned int lg2_entries;
	const u32 *sids;
	size_t nr_sids;
};

/**
 * struct tlbsim - A simulator; read only outside this module.
 * @ops: for the page table
 * @cookie: for @ops
 * @rule: how pages gather, for the domain over the page table
 * @counters: what was sent; tlbsim_reset() sets them to 0
 * @profile: prices
 * @smmu: the SMMUv3, or NULL
 * @domain: its domain, or NULL
 * @v2: the SMMUv2 domain, or NULL
 * @empty: counts of nothing
 * @v2_rule: the driver's rule, but each page at once
 */
struct tlbsim {
	const struct inval_ops *ops;
	void *cookie;
	const struct gather_rule *rule;
	struct tlb_counters *counters;
	const struct cost_profile *profile;
	struct smmu *smmu;
	struct smmu_domain *domain;
	struct smmuv2 *v2;
	struct tlb_counters empty;
	struct gather_rule v2_rule;
};

IOPT_BEGIN_DECLS

/**
 * tlbsim_create() - Create a simulator.
 * @cfg: see there; copied
 * @out: set to it, owned by the caller until tlbsim_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the driver is not known, or @cfg asks for what the profile's
 * interface does not have;
 * -ENOMEM when there is no memory.
 */
int tlbsim_create(const struct tlbsim_cfg *cfg, struct tlbsim **out,
		  struct iopt_err *err);

/**
 * tlbsim_destroy() - Free a simulator.
 * @sim: from tlbsim_create(), or NULL
 */
void tlbsim_destroy(struct tlbsim *sim);

/**
 * tlbsim_reset() - Set the counts to 0; the queue stays as it is.
 * @sim: simulator
 */
void tlbsim_reset(struct tlbsim *sim);

/**
 * tlbsim_log() - List each command from now on.
 * @sim: simulator
 * @log: caller's, outlives its use here; NULL to stop
 */
void tlbsim_log(struct tlbsim *sim, struct tlb_log *log);

/**
 * tlbsim_nr_kept() - How many commands or register writes can be read back.
 * @sim: simulator
 */
u64 tlbsim_nr_kept(const struct tlbsim *sim);

/**
 * tlbsim_kept_text() - One of them as text.
 * @sim: simulator
 * @i: from 0, the oldest, to tlbsim_nr_kept() - 1
 * @text: caller's buffer; gets the text and a NUL, no newline
 *
 * Return: @text.
 */
const char *tlbsim_kept_text(const struct tlbsim *sim, u64 i,
			     char text[SMMU_CMD_TEXT_MAX]);

IOPT_END_DECLS

#endif
