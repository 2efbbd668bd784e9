/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the arm-smmu-v3 driver sends when a page table changed: a domain behind
 * struct inval_ops.
 *
 * Models: arm_smmu_tlb_inv_range_domain(), arm_smmu_tlb_inv_walk(),
 *	arm_smmu_iotlb_sync(), arm_smmu_tlb_inv_context(),
 *	arm_smmu_atc_inv_domain() of Linux 6.1 and 6.12, and the one walk over
 *	the invalidation array that does their work in 7.3
 *	(arm_smmu_domain_inv_range()).
 * Does not model: nested stage 1 under a parent's change, SVA, BTM. None of
 *	the three kernels attaches a domain to a second SMMU; with more than one
 *	here, each is served in turn as 7.3's array would be walked.
 * Source: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c of Linux 6.1, 6.12, 7.3.
 */
#ifndef IOPT_SMMUV3_H
#define IOPT_SMMUV3_H

#include "err.h"
#include "gather.h"
#include "smmu.h"
#include "tlb_log.h"
#include "types.h"

/**
 * struct smmu_rule - What a driver sends for a range, as data.
 * @name: "6.1", "6.12", "7.3"; or "amdv1": what an SMMU would be sent for the
 *	gathers of the AMD driver, whose own commands are not modelled
 * @has_threshold: without range invalidation a range as large as a table's
 *	entries' worth of leaves goes as one whole-context command
 * @sorts_streams: ATC_INV in the order of stream numbers, else of attachment
 * @widens: leaves of any size gather in one range: no level is named, and
 *	without range invalidation one command goes for each smallest page
 */
struct smmu_rule {
	const char *name;
	bool has_threshold;
	bool sorts_streams;
	bool widens;
};

/**
 * struct smmu_attach - An SMMU that a domain is used on.
 * @smmu: the SMMU, outlives the domain; not owned
 * @sids: streams of devices with ATS on, NULL for none; copied
 * @nr_sids: how many
 * @ssid: PASID that the domain is attached to, 0 for none
 */
struct smmu_attach {
	struct smmu *smmu;
	const u32 *sids;
	size_t nr_sids;
	u32 ssid;
};

/**
 * struct smmu_domain_cfg - How to create a domain.
 * @rule: driver
 * @stage: 1 or 2
 * @granule: smallest page size in bytes: 4K, 16K or 64K
 * @asid: of stage 1
 * @vmid: of stage 2
 * @attach: SMMUs, each once; copied
 * @nr_attach: how many, at least 1
 */
struct smmu_domain_cfg {
	const struct smmu_rule *rule;
	unsigned int stage;
	u64 granule;
	u16 asid;
	u16 vmid;
	const struct smmu_attach *attach;
	size_t nr_attach;
};

struct smmu_domain;

IOPT_BEGIN_DECLS

/* Cookie: struct smmu_domain. */
extern const struct inval_ops smmuv3_inval_ops;

/**
 * smmu_rule_find() - The rule of a driver.
 * @name: "6.1", "6.12", "7.3" or "amdv1"
 *
 * Return: a static rule; NULL when there is none of that name.
 */
const struct smmu_rule *smmu_rule_find(const char *name);

/**
 * smmu_rule_is_whole() - Does a driver send one whole-context command?
 * @rule: driver
 * @has_ril: the SMMU has range invalidation
 * @size: bytes to invalidate; 0 for everything
 * @granule: size of a leaf in bytes, a power of two; of the smallest page for
 *	a table flush
 *
 * Example: at a granule of 4K from 4K << (12 - 3) = 2M on, that is 512 leaves.
 *
 * Source: arm_smmu_inv_size_too_big(), Linux 7.3.
 */
bool smmu_rule_is_whole(const struct smmu_rule *rule, bool has_ril, u64 size,
			u64 granule);

/**
 * smmu_domain_create() - Create a domain.
 * @cfg: see there; copied
 * @out: set to it, owned by the caller until smmu_domain_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @cfg is not as described;
 * -ENOMEM when there is no memory.
 */
int smmu_domain_create(const struct smmu_domain_cfg *cfg,
		       struct smmu_domain **out, struct iopt_err *err);

/**
 * smmu_domain_destroy() - Free a domain; its SMMUs stay.
 * @domain: from smmu_domain_create(), or NULL
 */
void smmu_domain_destroy(struct smmu_domain *domain);

/**
 * smmu_domain_invalidate() - Send what the driver sends for a request.
 * @domain: domain
 * @request: range and level; @why goes to the log alone
 *
 * Cost: without range invalidation one command a granule; no allocation but
 * that of a log.
 */
void smmu_domain_invalidate(struct smmu_domain *domain,
			    const struct tlb_request *request);

/**
 * smmu_domain_log() - List each command from now on.
 * @domain: domain; its SMMUs log to the same place
 * @log: caller's, outlives its use here; NULL to stop
 */
void smmu_domain_log(struct smmu_domain *domain, struct tlb_log *log);

/**
 * smmu_atc_range() - The range of an ATC_INV: smallest aligned power of two.
 * @iova: start in bytes
 * @size: bytes, not 0
 * @addr: set to the start of the range in bytes
 *
 * Example: pages 7 to 10 need 0 to 15, since 7 ^ 10 = 0b1101.
 *
 * Return: lg2 of the number of 4K pages.
 *
 * Source: arm_smmu_atc_inv_to_cmd().
 */
unsigned int smmu_atc_range(u64 iova, u64 size, u64 *addr);

IOPT_END_DECLS

#endif
