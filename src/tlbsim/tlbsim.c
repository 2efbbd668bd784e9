// SPDX-License-Identifier: GPL-2.0-only
/* One handle on what a domain's invalidations become. */
#include "tlbsim.h"

#include <errno.h>
#include <stdlib.h>

#include "sink.h"

#define DEFAULT_LG2_ENTRIES 16

static unsigned int lg2_entries(const struct tlbsim_cfg *cfg)
{
	return cfg->lg2_entries ? cfg->lg2_entries : DEFAULT_LG2_ENTRIES;
}

static int create_v3(const struct tlbsim_cfg *cfg, struct tlbsim *sim,
		     struct iopt_err *err)
{
	const struct smmu_cfg smmu = {
		.lg2_entries = lg2_entries(cfg),
		.has_ril = cfg->ril == TLBSIM_RIL_PROFILE ?
				   cfg->profile->has_ril :
				   cfg->ril == TLBSIM_RIL_ON,
		.has_e2h = cfg->has_e2h,
		.repeats_tlbi = cfg->profile->repeats_tlbi,
	};
	struct smmu_attach attach = { .sids = cfg->sids,
				      .nr_sids = cfg->nr_sids };
	const struct smmu_domain_cfg domain = {
		.rule = smmu_rule_find(cfg->driver),
		.stage = cfg->stage,
		.granule = cfg->granule,
		.asid = 1,
		.vmid = 1,
		.attach = &attach,
		.nr_attach = 1,
	};
	int ret = smmu_create(&smmu, &sim->smmu, err);

	if (ret)
		return ret;
	attach.smmu = sim->smmu;
	ret = smmu_domain_create(&domain, &sim->domain, err);
	if (ret)
		return ret;
	sim->ops = &smmuv3_inval_ops;
	sim->cookie = sim->domain;
	sim->counters = &sim->smmu->counters;
	return 0;
}

static int create_v2(const struct tlbsim_cfg *cfg, struct tlbsim *sim,
		     struct iopt_err *err)
{
	const struct smmuv2_cfg v2 = {
		.stage = cfg->stage,
		.asid = 1,
		.vmid = 1,
		.flushes_by_asid = cfg->profile->flushes_by_asid,
		.widens = sim->rule->widens,
		.lg2_writes = lg2_entries(cfg),
	};
	int ret = smmuv2_create(&v2, &sim->v2, err);

	if (ret)
		return ret;
	sim->ops = &smmuv2_inval_ops;
	sim->cookie = sim->v2;
	sim->v2_rule = *sim->rule;
	sim->v2_rule.immediate = true;
	sim->rule = &sim->v2_rule;
	sim->counters = &sim->v2->counters;
	return 0;
}

static int create_any(const struct tlbsim_cfg *cfg, struct tlbsim *sim,
		      struct iopt_err *err)
{
	if (cfg->profile->interface == COST_SMMUV3)
		return create_v3(cfg, sim, err);
	if (cfg->profile->interface == COST_SMMUV2)
		return create_v2(cfg, sim, err);
	sim->ops = inval_sink(sim->rule);
	sim->counters = &sim->empty;
	if (tlb_counters_init(&sim->empty))
		return iopt_err_set(err, -ENOMEM, "no memory for counters");
	return 0;
}

static int check(const struct tlbsim_cfg *cfg, struct iopt_err *err)
{
	bool is_v3 = cfg->profile->interface == COST_SMMUV3;

	if (!smmu_rule_find(cfg->driver))
		return iopt_err_set(err, -EINVAL,
				    "driver %s: must be 6.1, 6.12, 7.3 or "
				    "amdv1",
				    cfg->driver);
	if (!is_v3 &&
	    (cfg->ril != TLBSIM_RIL_PROFILE || cfg->has_e2h || cfg->nr_sids))
		return iopt_err_set(
			err, -EINVAL,
			"profile %s is of interface %s: RIL, E2H and ATS are "
			"of smmuv3",
			cfg->profile->name,
			cost_interface_name(cfg->profile->interface));
	return 0;
}

int tlbsim_create(const struct tlbsim_cfg *cfg, struct tlbsim **out,
		  struct iopt_err *err)
{
	struct tlbsim *sim;
	int ret = check(cfg, err);

	if (ret)
		return ret;
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return iopt_err_set(err, -ENOMEM, "no memory for a simulator");
	sim->profile = cfg->profile;
	sim->rule = gather_rule_find(cfg->driver);
	ret = create_any(cfg, sim, err);
	if (ret) {
		tlbsim_destroy(sim);
		return ret;
	}
	*out = sim;
	return 0;
}

void tlbsim_destroy(struct tlbsim *sim)
{
	if (!sim)
		return;
	smmu_domain_destroy(sim->domain);
	smmu_destroy(sim->smmu);
	smmuv2_destroy(sim->v2);
	tlb_counters_fini(&sim->empty);
	free(sim);
}

void tlbsim_reset(struct tlbsim *sim)
{
	tlb_counters_reset(sim->counters);
}

void tlbsim_log(struct tlbsim *sim, struct tlb_log *log)
{
	if (sim->domain)
		smmu_domain_log(sim->domain, log);
	if (sim->v2)
		sim->v2->log = log;
}

u64 tlbsim_nr_kept(const struct tlbsim *sim)
{
	if (sim->smmu)
		return smmu_nr_kept(sim->smmu);
	return sim->v2 ? smmuv2_nr_kept(sim->v2) : 0;
}

const char *tlbsim_kept_text(const struct tlbsim *sim, u64 i,
			     char text[SMMU_CMD_TEXT_MAX])
{
	if (sim->smmu)
		return smmu_cmd_text(smmu_kept(sim->smmu, i), text);
	return smmuv2_write_text(smmuv2_kept(sim->v2, i), text);
}
