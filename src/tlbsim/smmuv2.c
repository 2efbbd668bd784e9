// SPDX-License-Identifier: GPL-2.0-only
/* What the arm-smmu driver writes when a page table changed. */
#include "smmuv2.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LG2_UNIT   12 /* addresses are written in units of 4K */
#define ASID_SHIFT 48
/* Mixed leaves of so many bytes, 512 of 4K, are better dropped with all. */
#define WIDE_BYTES (512ull << LG2_UNIT)
#define NO_OP	   TLB_NR_OPS

/**
 * struct reg - A register of those that invalidate.
 * @offset: in its space
 * @is_global: in global register space 0
 * @op: how it is counted; NO_OP for a sync
 * @name: as the architecture calls it
 */
struct reg {
	u32 offset;
	bool is_global;
	enum tlb_op op;
	const char *name;
};

static const struct reg regs[] = {
	{ V2_CB_TLBIVA, false, TLB_V2_VA, "TLBIVA" },
	{ V2_CB_TLBIVAL, false, TLB_V2_VAL, "TLBIVAL" },
	{ V2_CB_TLBIASID, false, TLB_V2_ASID, "TLBIASID" },
	{ V2_CB_TLBIIPAS2, false, TLB_V2_IPAS2, "TLBIIPAS2" },
	{ V2_CB_TLBIIPAS2L, false, TLB_V2_IPAS2L, "TLBIIPAS2L" },
	{ V2_CB_TLBSYNC, false, NO_OP, "TLBSYNC" },
	{ V2_GR0_TLBIVMID, true, TLB_V2_VMID, "TLBIVMID" },
	{ V2_GR0_STLBGSYNC, true, NO_OP, "sTLBGSYNC" },
};

static const struct reg *reg_find(u32 offset, bool is_global)
{
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		if (regs[i].offset == offset && regs[i].is_global == is_global)
			return &regs[i];
	return NULL;
}

const char *smmuv2_reg_name(u32 offset, bool is_global)
{
	const struct reg *reg = reg_find(offset, is_global);

	return reg ? reg->name : NULL;
}

static u64 max_writes(const struct smmuv2 *v2)
{
	return 1ull << v2->cfg.lg2_writes;
}

static void put(struct smmuv2 *v2, u32 offset, bool is_global, u64 value)
{
	struct smmuv2_write *write =
		&v2->writes[v2->nr_writes++ & (max_writes(v2) - 1)];

	*write = (struct smmuv2_write){ offset, is_global, value };
	if (__builtin_expect(v2->log != NULL, 0)) {
		struct tlb_log_entry entry = {
			.kind = TLB_LOG_MMIO,
			.raw = { { offset | (is_global ? TLB_LOG_GLOBAL : 0),
				   value } },
		};

		tlb_log_add(v2->log, &entry);
	}
}

static void count(struct smmuv2 *v2, enum tlb_op op, u64 n)
{
	v2->counters.nr_ops[op] += n;
	v2->counters.open[tlb_op_class(op)] += n;
}

static void sync_context(struct smmuv2 *v2)
{
	put(v2, V2_CB_TLBSYNC, false, 0);
	tlb_counters_sync(&v2->counters);
}

/* A whole context; no sync. */
static void put_context(struct smmuv2 *v2)
{
	if (v2->cfg.stage == 1) {
		put(v2, V2_CB_TLBIASID, false, v2->cfg.asid);
		count(v2, TLB_V2_ASID, 1);
	} else {
		put(v2, V2_GR0_TLBIVMID, true, v2->cfg.vmid);
		count(v2, TLB_V2_VMID, 1);
	}
}

/* The same, with its sync. */
static void inv_context(struct smmuv2 *v2)
{
	put_context(v2);
	if (v2->cfg.stage == 1) {
		sync_context(v2);
		return;
	}
	put(v2, V2_GR0_STLBGSYNC, true, 0);
	tlb_counters_sync(&v2->counters);
}

/* One write for each granule; no sync. */
static void inv_range(struct smmuv2 *v2, u64 iova, u64 size, u64 granule,
		      bool is_leaf)
{
	bool is_s1 = v2->cfg.stage == 1;
	u32 offset = is_s1 ? (is_leaf ? V2_CB_TLBIVAL : V2_CB_TLBIVA) :
			     (is_leaf ? V2_CB_TLBIIPAS2L : V2_CB_TLBIIPAS2);
	enum tlb_op op = is_s1 ? (is_leaf ? TLB_V2_VAL : TLB_V2_VA) :
				 (is_leaf ? TLB_V2_IPAS2L : TLB_V2_IPAS2);
	u64 value = iova >> LG2_UNIT;
	u64 end = (iova + size) >> LG2_UNIT;
	u64 asid = is_s1 ? (u64)v2->cfg.asid << ASID_SHIFT : 0;
	u64 n = 0;

	for (; value < end; value += granule >> LG2_UNIT, n++)
		put(v2, offset, false, value | asid);
	count(v2, op, n);
}

static void v2_flush_all(void *cookie)
{
	struct smmuv2 *v2 = cookie;
	const struct tlb_request request = { .why = TLB_WHY_ALL };

	tlb_log_request(v2->log, &request);
	inv_context(v2);
}

static void v2_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	struct smmuv2 *v2 = cookie;
	const struct tlb_request request = {
		.why = TLB_WHY_WALK,
		.iova = iova,
		.size = size,
		.granule = granule,
	};

	tlb_log_request(v2->log, &request);
	if (v2->cfg.stage == 1 && v2->cfg.flushes_by_asid) {
		inv_context(v2);
		return;
	}
	inv_range(v2, iova, size, granule, false);
	sync_context(v2);
}

/* The gather is kept for the IOMMU core, which looks at its page size. */
static void v2_add_page(struct gather *gather, u64 iova, size_t granule,
			void *cookie)
{
	struct smmuv2 *v2 = cookie;
	const struct tlb_request request = {
		.why = TLB_WHY_PAGE,
		.iova = iova,
		.size = granule,
		.granule = v2->cfg.widens ? GATHER_WIDEN_PGSIZE : granule,
		.is_leaf = true,
		.is_mixed = v2->cfg.widens,
	};

	tlb_log_request(v2->log, &request);
	if (v2->cfg.widens && granule >= WIDE_BYTES)
		put_context(v2);
	else
		inv_range(v2, iova, granule, request.granule, true);
	if (!gather)
		return;
	gather->pgsize = request.granule;
	gather_add_range(gather, iova, granule);
}

/* The driver syncs whatever the gather holds, even nothing. */
static void v2_sync(struct gather *gather, void *cookie)
{
	struct smmuv2 *v2 = cookie;
	struct tlb_request request = { .why = TLB_WHY_SYNC,
				       .is_leaf = true,
				       .is_mixed = v2->cfg.widens };

	if (gather->pgsize) {
		request.iova = gather->start;
		request.size = gather->last - gather->start + 1;
		request.granule = gather->pgsize;
	}
	tlb_log_request(v2->log, &request);
	sync_context(v2);
}

const struct inval_ops smmuv2_inval_ops = {
	.flush_all = v2_flush_all,
	.flush_walk = v2_flush_walk,
	.add_page = v2_add_page,
	.sync = v2_sync,
};

u64 smmuv2_nr_kept(const struct smmuv2 *v2)
{
	return v2->nr_writes < max_writes(v2) ? v2->nr_writes : max_writes(v2);
}

const struct smmuv2_write *smmuv2_kept(const struct smmuv2 *v2, u64 i)
{
	u64 first = v2->nr_writes - smmuv2_nr_kept(v2);

	return &v2->writes[(first + i) & (max_writes(v2) - 1)];
}

u64 smmuv2_write_iova(const struct smmuv2_write *write)
{
	return (write->value & ((1ull << ASID_SHIFT) - 1)) << LG2_UNIT;
}

const char *smmuv2_write_text(const struct smmuv2_write *write,
			      char text[SMMU_CMD_TEXT_MAX])
{
	const struct reg *reg = reg_find(write->offset, write->is_global);
	const char *space = write->is_global ? "GR0" : "CB";

	if (!reg)
		snprintf(text, SMMU_CMD_TEXT_MAX,
			 "%s+0x%x = 0x%" PRIx64 ": not a TLB register", space,
			 write->offset, write->value);
	else if (reg->op == NO_OP)
		snprintf(text, SMMU_CMD_TEXT_MAX, "%s", reg->name);
	else if (reg->op == TLB_V2_ASID)
		snprintf(text, SMMU_CMD_TEXT_MAX, "%s asid=%" PRIu64, reg->name,
			 write->value);
	else if (reg->op == TLB_V2_VMID)
		snprintf(text, SMMU_CMD_TEXT_MAX, "%s vmid=%" PRIu64, reg->name,
			 write->value);
	else if (reg->op == TLB_V2_VA || reg->op == TLB_V2_VAL)
		snprintf(text, SMMU_CMD_TEXT_MAX,
			 "%s asid=%" PRIu64 " va 0x%" PRIx64, reg->name,
			 write->value >> ASID_SHIFT, smmuv2_write_iova(write));
	else
		snprintf(text, SMMU_CMD_TEXT_MAX, "%s ipa 0x%" PRIx64,
			 reg->name, smmuv2_write_iova(write));
	return text;
}

int smmuv2_create(const struct smmuv2_cfg *cfg, struct smmuv2 **out,
		  struct iopt_err *err)
{
	struct smmuv2 *v2;

	if (cfg->stage != 1 && cfg->stage != 2)
		return iopt_err_set(err, -EINVAL, "stage %u: must be 1 or 2",
				    cfg->stage);
	if (cfg->lg2_writes < V2_MIN_LG2_WRITES ||
	    cfg->lg2_writes > V2_MAX_LG2_WRITES)
		return iopt_err_set(err, -EINVAL,
				    "2^%u writes to keep: must be 2^%d to 2^%d",
				    cfg->lg2_writes, V2_MIN_LG2_WRITES,
				    V2_MAX_LG2_WRITES);
	v2 = calloc(1, sizeof(*v2));
	if (!v2)
		return iopt_err_set(err, -ENOMEM, "no memory for an SMMUv2");
	v2->cfg = *cfg;
	v2->writes = calloc(max_writes(v2), sizeof(*v2->writes));
	if (!v2->writes || tlb_counters_init(&v2->counters)) {
		free(v2->writes);
		free(v2);
		return iopt_err_set(err, -ENOMEM,
				    "no memory to keep 2^%u writes",
				    cfg->lg2_writes);
	}
	*out = v2;
	return 0;
}

void smmuv2_destroy(struct smmuv2 *v2)
{
	if (!v2)
		return;
	tlb_counters_fini(&v2->counters);
	free(v2->writes);
	free(v2);
}
