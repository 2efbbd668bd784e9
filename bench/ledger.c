// SPDX-License-Identifier: GPL-2.0-only
/* The ledger: commands of one operation as counters, and their price. */
#include "ledger.h"

#include <stdio.h>
#include <string.h>

static void report(struct bench_counts *counts, const char *name, u64 value)
{
	if (value)
		bench_count(counts, name, (double)value);
}

static void report_shapes(const struct tlb_counters *c,
			  struct bench_counts *counts)
{
	report(counts, "nr_ranges", c->nr_shapes);
	if (c->nr_shapes > LEDGER_MAX_SHAPES)
		return;
	for (u32 i = 0; i < c->nr_shapes; i++) {
		const struct tlb_shape *s = &c->shapes[i];
		char name[BENCH_COUNTER_MAX];

		snprintf(name, sizeof(name), "range_%u_%u_%u_%u_%u", s->num,
			 s->scale, s->ttl, s->tg, s->is_leaf);
		report(counts, name, s->count);
	}
}

int ledger_report(const struct tlbsim *sim, struct bench_counts *counts,
		  struct iopt_err *err)
{
	const struct tlb_counters *c = sim->counters;
	u64 ps;
	int ret = cost_sim_ps(sim->profile, c, &ps);

	if (ret)
		return iopt_err_set(err, ret,
				    "%s: the simulated time cannot be said",
				    sim->profile->name);
	bench_count(counts, "sim_ps", (double)ps);
	for (int op = 0; op < TLB_NR_OPS; op++)
		report(counts, tlb_op_counter((enum tlb_op)op), c->nr_ops[op]);
	report(counts, "cmd_syncs", c->nr_syncs);
	report(counts, "doorbells", c->nr_doorbells);
	report_shapes(c, counts);
	return 0;
}

bool ledger_is_counter(const char *name)
{
	static const char *const names[] = { "sim_ps", "cmd_syncs", "doorbells",
					     "nr_ranges" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	for (int op = 0; op < TLB_NR_OPS; op++)
		if (!strcmp(name, tlb_op_counter((enum tlb_op)op)))
			return true;
	return !strncmp(name, "range_", strlen("range_"));
}
