/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger: what one operation sends to a TLB, and what a cost profile says
 * that takes.
 *
 * A case has a row for each profile beside its own. Such a row holds counters
 * alone: the operation is counted once more, with a simulated SMMU in place of
 * the recorder. Nothing in it is timed, and no time is in both rows.
 */
#ifndef IOPT_LEDGER_H
#define IOPT_LEDGER_H

#include "bench.h"
#include "tlbsim.h"

/* Shapes of commands that a row lists; with more it only says how many. */
#define LEDGER_MAX_SHAPES 64

IOPT_BEGIN_DECLS

/**
 * ledger_report() - Report what a simulator has sent since it was reset.
 * @sim: simulator
 * @counts: gets, each if it is not 0: a counter for each kind of command
 *	("tlbi_nh_va", "atc_inv"); cmd_syncs, doorbells; nr_ranges, the
 *	distinct shapes, and range_<num>_<scale>_<ttl>_<tg>_<leaf>, the fields
 *	of a shape with the commands that have it; and always sim_ps, the
 *	simulated time in picoseconds
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when the simulator lost counts for want of memory;
 * -ERANGE when the time does not fit.
 */
int ledger_report(const struct tlbsim *sim, struct bench_counts *counts,
		  struct iopt_err *err);

/**
 * ledger_is_counter() - Is this the name of a counter of the ledger?
 * @name: any text
 */
bool ledger_is_counter(const char *name);

IOPT_END_DECLS

#endif
