/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for scenarios: a page table, what its invalidations become, a
 * type1 container and an IOAS over one domain.
 */
#ifndef IOPT_SIM_H
#define IOPT_SIM_H

#include "cost.h"
#include "err.h"
#include "pte_count.h"
#include "scenario.h"
#include "tlb_log.h"
#include "tlbsim.h"
#include "vfio.h"

/**
 * struct sim_cfg - How to build the machine.
 * @engines: those that the user gave, beside the static ones; NULL for none
 * @engine: word of the engine; NULL for that of @driver
 * @driver: "6.1", "6.12" or "7.3"; NULL for 7.3, or for that of an engine
 *	which has one of its own
 * @strategy: name of how vfio_unmap tears a range down
 * @ril: range invalidation, or as @profile says
 * @has_e2h: EL2 commands for stage 1
 * @stage: 1 or 2
 * @granule: in bytes
 * @ias: input address bits
 * @oas: output address bits
 * @profile: prices and interface
 * @wants_log: list each command with its reason
 * @is_timed: the engine as it is measured, that reports no stores
 */
struct sim_cfg {
	const struct pgtable_engine_set *engines;
	const char *engine;
	const char *driver;
	const char *strategy;
	enum tlbsim_ril ril;
	bool has_e2h;
	unsigned int stage;
	u64 granule;
	unsigned int ias;
	unsigned int oas;
	const struct cost_profile *profile;
	bool wants_log;
	bool is_timed;
};

/**
 * struct sim_result - What an op did. What was sent is in the simulator's
 * counters until the next op.
 * @ret: bytes or 0, or -errno
 * @has_pte_writes: @pte_writes is known (not under ThreadSanitizer, and not
 *	when the machine is timed)
 * @pte_writes: descriptors stored
 * @tables_alloc: tables allocated
 * @tables_freed: tables freed
 * @table_bytes_peak: most bytes of tables at a time, those from before too
 * @bytes_unmapped: of an unmap that did something
 * @warnings: how often the kernel would have warned
 * @sim_ps: simulated time of what was sent
 * @nr_sent: commands, or register writes, put into the queue
 */
struct sim_result {
	s64 ret;
	bool has_pte_writes;
	u64 pte_writes;
	u64 tables_alloc;
	u64 tables_freed;
	u64 table_bytes_peak;
	u64 bytes_unmapped;
	u64 warnings;
	u64 sim_ps;
	u64 nr_sent;
};

/**
 * struct sim - The machine; read only outside this module.
 * @cfg: as created; @cfg.driver is the one that was chosen
 * @engine: of the table
 * @strategy: how vfio_unmap tears a range down
 * @arena: where tables lie
 * @tlb: what invalidations become
 * @pgt: the page table
 * @is_counted: @pgt reports its stores
 * @domain: domain over it
 * @domains: its address, for the containers
 * @type1: container of the vfio_* lines
 * @ioas: of the iommufd_* lines
 * @log: commands of the last op, with their reasons
 */
struct sim {
	struct sim_cfg cfg;
	const struct pgtable_engine *engine;
	const struct vfio_strategy *strategy;
	struct arena *arena;
	struct tlbsim *tlb;
	struct pgtable *pgt;
	bool is_counted;
	struct iommu_domain domain;
	struct iommu_domain *domains[1];
	struct vfio type1;
	struct vfio ioas;
	struct tlb_log log;
};

IOPT_BEGIN_DECLS

/**
 * sim_create() - Build a machine.
 * @cfg: see there; copied, its strings and profile outlive the machine
 * @out: set to it, owned by the caller until sim_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @cfg asks for what there is not;
 * -ENOMEM when there is no memory.
 */
int sim_create(const struct sim_cfg *cfg, struct sim **out,
	       struct iopt_err *err);

/**
 * sim_destroy() - Free a machine.
 * @sim: from sim_create(), or NULL
 */
void sim_destroy(struct sim *sim);

/**
 * sim_run() - Do one op.
 * @sim: machine
 * @op: op; its failure is a result
 * @result: set to what it did
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ERANGE when the simulated time does not fit, -ENOMEM when there was no
 * memory to account for it.
 */
int sim_run(struct sim *sim, const struct scenario_op *op,
	    struct sim_result *result, struct iopt_err *err);

IOPT_END_DECLS

#endif
