/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command queue that several CPUs put commands into at a time.
 *
 * Models: the insertion of arm_smmu_cmdq_issue_cmdlist(): space taken by a
 *	compare and swap of producer and consumer index in one word; the first
 *	CPU after a doorbell owns the doorbell for all that come until it takes
 *	over; a bit for each entry that says it is written; the lock that keeps
 *	the queue from being reused before a CMD_SYNC was seen to complete;
 *which of these fields share a cache line. Does not model: the time that an
 *SMMU takes: it has executed a command when the doorbell is rung, so a wait for
 *a CMD_SYNC is the wait for the CPU that owns the doorbell and no more. Its
 *registers lie in memory: no access leaves the CPUs. Interrupts stay on, so a
 *thread may lose its CPU where the kernel's cannot. Polling by MSI, errors,
 *errata. Source: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c of Linux 5.4
 *to 7.3, arm_smmu_cmdq_issue_cmdlist() (587e6c10a7ce).
 */
#ifndef IOPT_CMDQ_H
#define IOPT_CMDQ_H

#include "err.h"
#include "gather.h"
#include "smmu_cmd.h"
#include "types.h"

#define CMDQ_MAX_LIST 64 /* commands of one insertion, without the CMD_SYNC */

struct cmdq;

/**
 * struct cmdq_tries - How hard it was to get space.
 * @nr_issues: insertions
 * @nr_tries: tries that they took together
 */
struct cmdq_tries {
	u64 nr_issues;
	u64 nr_tries;
};

/**
 * struct cmdq_domain - An address space whose invalidations go into a queue.
 * @queue: queue; not owned, may be other domains' too
 * @addr_w0: first word of its TLBI by address
 * @whole_w0: first word of its TLBI of everything
 * @tries: counted there, of a domain that one thread uses; NULL for nowhere
 */
struct cmdq_domain {
	struct cmdq *queue;
	u64 addr_w0;
	u64 whole_w0;
	struct cmdq_tries *tries;
};

/**
 * struct cmdq_state - Where a queue stands. While it is used each is true of
 *	some moment, and what is executed is written.
 * @prod: entries ever put in, modulo 2^31
 * @cons: entries known to be executed, modulo 2^31
 * @prod_reg: entries that a doorbell told of
 * @executed: entries that the SMMU has executed
 * @owner_prod: entries up to which doorbells were owned
 */
struct cmdq_state {
	u32 prod;
	u32 cons;
	u32 prod_reg;
	u32 executed;
	u32 owner_prod;
};

IOPT_BEGIN_DECLS

/*
 * Sends a TLBI for each page, as a driver does without range invalidation, and
 * a CMD_SYNC. Cookie: struct cmdq_domain; safe from several threads if it
 * counts nowhere.
 */
extern const struct inval_ops cmdq_inval_ops;

/**
 * cmdq_create() - Create an empty queue.
 * @lg2_entries: lg2 of its entries, 7 to 19
 * @out: set to it, owned by the caller until cmdq_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the size is none;
 * -ENOMEM when there is no memory.
 */
int cmdq_create(unsigned int lg2_entries, struct cmdq **out,
		struct iopt_err *err);

/**
 * cmdq_destroy() - Free a queue.
 * @q: from cmdq_create(), or NULL
 */
void cmdq_destroy(struct cmdq *q);

/**
 * cmdq_issue() - Put commands into a queue, one after the other.
 * @q: queue
 * @cmds: commands
 * @n: how many, at most CMDQ_MAX_LIST
 * @has_sync: put a CMD_SYNC behind them and wait until it is executed
 *
 * Safe from several threads.
 *
 * Cost: a compare and swap for each try at taking space; 16 bytes written a
 * command; two atomic operations on words that all share, with a CMD_SYNC
 * four; an owner waits for those whose commands it tells of.
 *
 * Return: tries that it took to get space; 1 when nobody came between.
 */
unsigned int cmdq_issue(struct cmdq *q, const struct smmu_raw *cmds,
			unsigned int n, bool has_sync);

/**
 * cmdq_state() - Where a queue stands.
 * @q: queue
 */
struct cmdq_state cmdq_state(const struct cmdq *q);

/**
 * cmdq_entry() - An entry of the ring.
 * @q: queue; nobody may be writing this entry
 * @i: number of the entry since the queue was created; of those that lie in one
 *	place of the ring the last is given
 */
const struct smmu_raw *cmdq_entry(const struct cmdq *q, u32 i);

/**
 * cmdq_domain_init() - Let a domain send into a queue, at stage 1.
 * @domain: set; counts nowhere
 * @queue: queue; must outlive @domain
 * @asid: its address space
 */
void cmdq_domain_init(struct cmdq_domain *domain, struct cmdq *queue, u16 asid);

IOPT_END_DECLS

#endif
