// SPDX-License-Identifier: GPL-2.0-only
/* What the arm-smmu-v3 driver sends when a page table changed. */
#include "smmuv3.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"

/**
 * struct unit - An SMMU of a domain, with what does not change a command.
 * @smmu: the SMMU
 * @addr_w0: first word of a TLBI by address, NUM and SCALE 0
 * @whole_w0: first word of a whole-context TLBI
 * @atc_w0: first word of an ATC_INV, without its stream
 * @sids: streams with ATS on; owned
 * @nr_sids: how many
 */
struct unit {
	struct smmu *smmu;
	u64 addr_w0;
	u64 whole_w0;
	u64 atc_w0;
	u32 *sids;
	size_t nr_sids;
};

/**
 * struct smmu_domain - A domain.
 * @rule: driver
 * @lg2_granule: of the smallest page
 * @why: reason of the next sync, for the log
 * @log: where requests are listed, NULL for nowhere
 * @nr_units: how many
 * @units: its SMMUs
 */
struct smmu_domain {
	const struct smmu_rule *rule;
	unsigned int lg2_granule;
	enum tlb_why why;
	struct tlb_log *log;
	size_t nr_units;
	struct unit units[];
};

static const struct smmu_rule rules[] = {
	{ .name = "6.1" },
	{ .name = "6.12" },
	{ .name = "7.3", .has_threshold = true, .sorts_streams = true },
	{ .name = "amdv1",
	  .has_threshold = true,
	  .sorts_streams = true,
	  .widens = true },
};

const struct smmu_rule *smmu_rule_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}

bool smmu_rule_is_whole(const struct smmu_rule *rule, bool has_ril, u64 size,
			u64 granule)
{
	if (!size)
		return true;
	return rule->has_threshold && !has_ril &&
	       size >= granule << (lg2_floor(granule) - 3);
}

unsigned int smmu_atc_range(u64 iova, u64 size, u64 *addr)
{
	u64 first = iova >> CMD_LG2_ATC_PAGE;
	u64 last = (iova + size - 1) >> CMD_LG2_ATC_PAGE;
	unsigned int lg2 = first == last ? 0 : lg2_floor(first ^ last) + 1;

	*addr = (first & ~lg2_mask(lg2)) << CMD_LG2_ATC_PAGE;
	return lg2;
}

/* One command for each granule. */
static void add_singles(const struct unit *unit,
			const struct tlb_request *request)
{
	struct smmu *smmu = unit->smmu;
	u64 w1 = request->is_leaf ? CMD_1_LEAF : 0;
	u64 iova = request->iova;
	u64 end = iova + request->size;

	for (; iova < end; iova += request->granule)
		smmu_batch_add(smmu, unit->addr_w0,
			       w1 | (iova & CMD_1_VA_MASK));
}

/*
 * One command for each five bits of the number of pages, lowest first. A
 * table flush does not know which levels it is about, nor does a gather of
 * mixed leaves: TTL 0; there a range of one page is never sent, as NUM and
 * SCALE would both be 0.
 */
static void add_ranges(const struct unit *unit, unsigned int tg,
		       const struct tlb_request *request)
{
	u64 w1 = (u64)(tg - 10) / 2 << CMD_1_TG_SHIFT;
	u64 nr_pages = request->size >> tg;
	u64 iova = request->iova;
	u64 end = iova + request->size;

	assert(!(request->size & lg2_mask(tg)));
	if (request->is_leaf)
		w1 |= CMD_1_LEAF;
	if (request->is_leaf && !request->is_mixed) {
		u32 level = 4 - (lg2_floor(request->granule) - 3) / (tg - 3);

		w1 |= (level & 3) << CMD_1_TTL_SHIFT;
	} else if ((nr_pages & CMD_RANGE_MAX) == 1) {
		nr_pages++;
	}
	while (iova < end) {
		unsigned int scale = lg2_low(nr_pages);
		u64 num = (nr_pages >> scale) & CMD_RANGE_MAX;

		smmu_batch_add(unit->smmu,
			       unit->addr_w0 | (num - 1) << CMD_0_NUM_SHIFT |
				       (scale & 31ull) << CMD_0_SCALE_SHIFT,
			       w1 | (iova & CMD_1_VA_MASK));
		iova += num << (scale + tg);
		nr_pages -= num << scale;
	}
}

static void add_tlbi(const struct smmu_domain *domain, const struct unit *unit,
		     const struct tlb_request *request)
{
	bool has_ril = unit->smmu->cfg.has_ril;

	if (smmu_rule_is_whole(domain->rule, has_ril, request->size,
			       request->granule))
		smmu_batch_add(unit->smmu, unit->whole_w0, 0);
	else if (has_ril)
		add_ranges(unit, domain->lg2_granule, request);
	else
		add_singles(unit, request);
}

/* The leaf does not matter: a table may have gone with the range. */
static void add_atc(const struct unit *unit, const struct tlb_request *request)
{
	u64 addr = 0;
	u64 size = CMD_ATC_SIZE_ALL;

	if (request->size)
		size = smmu_atc_range(request->iova, request->size, &addr);
	for (size_t i = 0; i < unit->nr_sids; i++)
		smmu_batch_add(unit->smmu,
			       unit->atc_w0 | (u64)unit->sids[i]
						      << CMD_0_SID_SHIFT,
			       addr | size);
}

void smmu_domain_invalidate(struct smmu_domain *domain,
			    const struct tlb_request *request)
{
	if (__builtin_expect(domain->log != NULL, 0))
		tlb_log_request(domain->log, request);
	for (size_t i = 0; i < domain->nr_units; i++) {
		const struct unit *unit = &domain->units[i];

		add_tlbi(domain, unit, request);
		smmu_batch_submit(unit->smmu);
		if (!unit->nr_sids)
			continue;
		add_atc(unit, request);
		smmu_batch_submit(unit->smmu);
	}
}

static void smmuv3_flush_all(void *cookie)
{
	const struct tlb_request request = { .why = TLB_WHY_ALL };

	smmu_domain_invalidate(cookie, &request);
}

static void smmuv3_flush_walk(u64 iova, size_t size, size_t granule,
			      void *cookie)
{
	const struct tlb_request request = {
		.why = TLB_WHY_WALK,
		.iova = iova,
		.size = size,
		.granule = granule,
	};

	smmu_domain_invalidate(cookie, &request);
}

static void smmuv3_sync(struct gather *gather, void *cookie)
{
	struct smmu_domain *domain = cookie;
	const struct tlb_request request = {
		.why = domain->why,
		.iova = gather->start,
		.size = gather->last - gather->start + 1,
		.granule = gather->pgsize,
		.is_leaf = true,
		.is_mixed = domain->rule->widens,
	};

	domain->why = TLB_WHY_SYNC;
	if (gather->pgsize)
		smmu_domain_invalidate(domain, &request);
}

static void smmuv3_add_page(struct gather *gather, u64 iova, size_t granule,
			    void *cookie)
{
	struct smmu_domain *domain = cookie;

	if (!gather)
		return;
	if (domain->rule->widens) {
		gather_widen(gather, iova, granule);
		return;
	}
	if (__builtin_expect(domain->log != NULL, 0)) {
		if (gather->pgsize && gather->pgsize != granule)
			domain->why = TLB_WHY_SIZE;
		else if (gather_is_disjoint(gather, iova, granule))
			domain->why = TLB_WHY_DISJOINT;
	}
	gather_add_page(gather, &smmuv3_inval_ops, domain, iova, granule);
}

const struct inval_ops smmuv3_inval_ops = {
	.flush_all = smmuv3_flush_all,
	.flush_walk = smmuv3_flush_walk,
	.add_page = smmuv3_add_page,
	.sync = smmuv3_sync,
};

void smmu_domain_log(struct smmu_domain *domain, struct tlb_log *log)
{
	domain->log = log;
	for (size_t i = 0; i < domain->nr_units; i++)
		domain->units[i].smmu->log = log;
}

static int compare_sids(const void *a, const void *b)
{
	u32 x = *(const u32 *)a;
	u32 y = *(const u32 *)b;

	return (x > y) - (x < y);
}

static u64 first_word(u8 op, const struct smmu_domain_cfg *cfg)
{
	struct smmu_cmd cmd = { .op = op };
	struct smmu_raw raw = { { 0, 0 } };

	if (cfg->stage == 1)
		cmd.asid = cfg->asid;
	else
		cmd.vmid = cfg->vmid;
	smmu_cmd_encode(&cmd, &raw);
	return raw.w[0];
}

static int unit_init(struct unit *unit, const struct smmu_domain_cfg *cfg,
		     const struct smmu_attach *attach)
{
	struct smmu_cmd atc = {
		.op = CMD_ATC_INV,
		.ssid = attach->ssid,
		.has_ssid = attach->ssid != 0,
	};
	struct smmu_raw raw = { { 0, 0 } };
	bool has_e2h = attach->smmu->cfg.has_e2h;

	unit->smmu = attach->smmu;
	if (cfg->stage == 1) {
		unit->addr_w0 = first_word(
			has_e2h ? CMD_TLBI_EL2_VA : CMD_TLBI_NH_VA, cfg);
		unit->whole_w0 = first_word(
			has_e2h ? CMD_TLBI_EL2_ASID : CMD_TLBI_NH_ASID, cfg);
	} else {
		unit->addr_w0 = first_word(CMD_TLBI_S2_IPA, cfg);
		unit->whole_w0 = first_word(CMD_TLBI_S12_VMALL, cfg);
	}
	smmu_cmd_encode(&atc, &raw);
	unit->atc_w0 = raw.w[0];
	if (!attach->nr_sids)
		return 0;
	unit->sids = malloc(attach->nr_sids * sizeof(*unit->sids));
	if (!unit->sids)
		return -ENOMEM;
	unit->nr_sids = attach->nr_sids;
	memcpy(unit->sids, attach->sids, attach->nr_sids * sizeof(u32));
	if (cfg->rule->sorts_streams)
		qsort(unit->sids, unit->nr_sids, sizeof(u32), compare_sids);
	return 0;
}

static int check(const struct smmu_domain_cfg *cfg, struct iopt_err *err)
{
	if (cfg->stage != 1 && cfg->stage != 2)
		return iopt_err_set(err, -EINVAL, "stage %u: must be 1 or 2",
				    cfg->stage);
	if (cfg->granule != 0x1000 && cfg->granule != 0x4000 &&
	    cfg->granule != 0x10000)
		return iopt_err_set(err, -EINVAL,
				    "granule %" PRIu64
				    ": must be 4K, 16K or 64K",
				    cfg->granule);
	if (!cfg->nr_attach)
		return iopt_err_set(err, -EINVAL,
				    "a domain on no SMMU: must have one");
	for (size_t i = 0; i < cfg->nr_attach; i++)
		for (size_t j = 0; j < i; j++)
			if (cfg->attach[i].smmu == cfg->attach[j].smmu)
				return iopt_err_set(
					err, -EINVAL,
					"SMMU %u twice: list each once",
					cfg->attach[i].smmu->cfg.unit);
	return 0;
}

int smmu_domain_create(const struct smmu_domain_cfg *cfg,
		       struct smmu_domain **out, struct iopt_err *err)
{
	struct smmu_domain *domain;
	int ret = check(cfg, err);

	if (ret)
		return ret;
	domain = calloc(1, sizeof(*domain) +
				   cfg->nr_attach * sizeof(domain->units[0]));
	if (!domain)
		return iopt_err_set(err, -ENOMEM, "no memory for a domain");
	domain->rule = cfg->rule;
	domain->lg2_granule = lg2_floor(cfg->granule);
	domain->why = TLB_WHY_SYNC;
	domain->nr_units = cfg->nr_attach;
	for (size_t i = 0; i < cfg->nr_attach; i++) {
		if (!unit_init(&domain->units[i], cfg, &cfg->attach[i]))
			continue;
		smmu_domain_destroy(domain);
		return iopt_err_set(err, -ENOMEM, "no memory for %zu streams",
				    cfg->attach[i].nr_sids);
	}
	*out = domain;
	return 0;
}

void smmu_domain_destroy(struct smmu_domain *domain)
{
	if (!domain)
		return;
	for (size_t i = 0; i < domain->nr_units; i++)
		free(domain->units[i].sids);
	free(domain);
}
