// SPDX-License-Identifier: GPL-2.0-only
/* What iopt-sim prints of an op. */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "json_text.h"
#include "sizes.h"

/* First of the commands of an op that the ring still holds; all before went. */
static u64 first_kept(const struct sim *sim, u64 nr_sent)
{
	u64 kept = tlbsim_nr_kept(sim->tlb);

	return kept - (nr_sent < kept ? nr_sent : kept);
}

static void json_commands(FILE *out, const struct tlb_counters *c)
{
	const char *comma = "";

	fputs(",\"commands\":{", out);
	for (int op = 0; op < TLB_NR_OPS; op++) {
		if (!c->nr_ops[op])
			continue;
		fprintf(out, "%s\"%s\":%" PRIu64, comma, tlb_op_name(op),
			c->nr_ops[op]);
		comma = ",";
	}
	fprintf(out, "},\"sync\":%" PRIu64 ",\"ranges\":[", c->nr_syncs);
	for (u32 i = 0; i < c->nr_shapes; i++) {
		const struct tlb_shape *s = &c->shapes[i];

		fprintf(out,
			"%s{\"num\":%u,\"scale\":%u,\"ttl\":%u,\"tg\":%u,"
			"\"leaf\":%u,\"count\":%" PRIu64 "}",
			i ? "," : "", s->num, s->scale, s->ttl, s->tg,
			s->is_leaf, s->count);
	}
	fputc(']', out);
}

static void json_counters(FILE *out, const struct sim_result *r,
			  const struct tlb_counters *c)
{
	fputs(",\"counters\":{", out);
	if (r->has_pte_writes)
		fprintf(out, "\"pte_writes\":%" PRIu64 ",", r->pte_writes);
	fprintf(out,
		"\"tables_alloc\":%" PRIu64 ",\"tables_freed\":%" PRIu64
		",\"table_bytes_peak\":%" PRIu64,
		r->tables_alloc, r->tables_freed, r->table_bytes_peak);
	for (int op = 0; op < TLB_NR_OPS; op++)
		if (c->nr_ops[op])
			fprintf(out, ",\"%s\":%" PRIu64, tlb_op_counter(op),
				c->nr_ops[op]);
	fprintf(out,
		",\"syncs\":%" PRIu64 ",\"doorbells\":%" PRIu64
		",\"bytes_unmapped\":%" PRIu64 ",\"warnings\":%" PRIu64 "}",
		c->nr_syncs, c->nr_doorbells, r->bytes_unmapped, r->warnings);
}

static void json_queue(FILE *out, const struct sim *sim, u64 nr_sent)
{
	u64 kept = tlbsim_nr_kept(sim->tlb);
	u64 first = first_kept(sim, nr_sent);
	char text[SMMU_CMD_TEXT_MAX];

	fputs(",\"queue\":[", out);
	for (u64 i = first; i < kept; i++) {
		fputs(i > first ? "," : "", out);
		json_text(out, tlbsim_kept_text(sim->tlb, i, text));
	}
	fputc(']', out);
}

static void json_prose(FILE *out, const struct sim *sim)
{
	char text[TLB_LOG_PROSE_MAX];

	fputs(",\"explain\":[", out);
	for (size_t i = 0; i < sim->log.nr_entries; i++) {
		fputs(i ? "," : "", out);
		json_text(out, tlb_log_prose(&sim->log, i, text));
	}
	fputc(']', out);
}

static void json_op(const struct report *report, FILE *out, size_t nr,
		    const struct scenario_op *op, const struct sim_result *r,
		    const struct sim *sim)
{
	const struct tlb_counters *c = sim->tlb->counters;
	char text[COST_NS_TEXT_MAX];

	fprintf(out, "{\"op\":%zu,\"line\":", nr);
	json_text(out, op->text);
	fprintf(out, ",\"ret\":%" PRId64, r->ret);
	json_commands(out, c);
	json_counters(out, r, c);
	fprintf(out, ",\"sim_ns\":%s", cost_ns_text(r->sim_ps, text));
	if (report->dumps_queue)
		json_queue(out, sim, r->nr_sent);
	if (report->explains)
		json_prose(out, sim);
	fputs("}\n", out);
}

static const char *plural(u64 n)
{
	return n == 1 ? "" : "s";
}

static void text_ret(FILE *out, const struct scenario_op *op, s64 ret)
{
	const char *name = ret < 0 ? strerrorname_np((int)-ret) : NULL;
	char size[SIZE_TEXT_MAX];
	bool is_map = op->kind == SCENARIO_VFIO_MAP ||
		      op->kind == SCENARIO_IOMMUFD_MAP ||
		      op->kind == SCENARIO_IOMMU_MAP;

	if (ret < 0)
		fprintf(out, "-%s", name ? name : "errno");
	else if (is_map)
		fputs("0", out);
	else
		fprintf(out, "%" PRId64 " (%s)", ret,
			size_format((u64)ret, size));
}

static void text_sent(FILE *out, const struct tlb_counters *c,
		      const struct sim_result *r)
{
	const char *comma = "";
	char text[COST_NS_TEXT_MAX];

	fputs("    sent: ", out);
	for (int op = 0; op < TLB_NR_OPS; op++) {
		if (!c->nr_ops[op])
			continue;
		fprintf(out, "%s%" PRIu64 " %s", comma, c->nr_ops[op],
			tlb_op_name(op));
		comma = ", ";
	}
	fprintf(out,
		"%s%" PRIu64 " sync%s, %" PRIu64
		" doorbell%s; simulated %s ns\n",
		comma, c->nr_syncs, plural(c->nr_syncs), c->nr_doorbells,
		plural(c->nr_doorbells), cost_ns_text(r->sim_ps, text));
	for (u32 i = 0; i < c->nr_shapes; i++) {
		const struct tlb_shape *s = &c->shapes[i];

		fprintf(out,
			"    %" PRIu64
			" x num=%u scale=%u ttl=%u tg=%u leaf=%u\n",
			s->count, s->num, s->scale, s->ttl, s->tg, s->is_leaf);
	}
}

static void text_table(FILE *out, const struct sim_result *r)
{
	char peak[SIZE_TEXT_MAX];

	fputs("    page table: ", out);
	if (r->has_pte_writes)
		fprintf(out, "%" PRIu64 " entries written, ", r->pte_writes);
	fprintf(out,
		"%" PRIu64 " table%s allocated, %" PRIu64 " freed, peak %s",
		r->tables_alloc, plural(r->tables_alloc), r->tables_freed,
		size_format(r->table_bytes_peak, peak));
	if (r->warnings)
		fprintf(out, "; %" PRIu64 " warning%s", r->warnings,
			plural(r->warnings));
	fputc('\n', out);
}

static void text_queue(FILE *out, const struct sim *sim, u64 nr_sent)
{
	u64 kept = tlbsim_nr_kept(sim->tlb);
	u64 first = first_kept(sim, nr_sent);
	char text[SMMU_CMD_TEXT_MAX];

	if (nr_sent > kept - first)
		fprintf(out, "    [%" PRIu64 " older ones were overwritten]\n",
			nr_sent - (kept - first));
	for (u64 i = first; i < kept; i++)
		fprintf(out, "    %s\n", tlbsim_kept_text(sim->tlb, i, text));
}

static void text_prose(FILE *out, const struct sim_result *r,
		       const struct sim *sim)
{
	char text[TLB_LOG_PROSE_MAX];

	if (r->bytes_unmapped && r->tables_alloc)
		fprintf(out, "    a block was split: nothing invalidated it "
			     "before its table was put in\n");
	for (size_t i = 0; i < sim->log.nr_entries; i++)
		fprintf(out, "    %s\n", tlb_log_prose(&sim->log, i, text));
	if (sim->log.nr_lost)
		fprintf(out, "    [no memory to explain %" PRIu64 " more]\n",
			sim->log.nr_lost);
}

void report_op(const struct report *report, FILE *out, size_t nr,
	       const struct scenario_op *op, const struct sim_result *result,
	       const struct sim *sim)
{
	if (report->is_json) {
		json_op(report, out, nr, op, result, sim);
		return;
	}
	fprintf(out, "%zu: %s = ", nr, op->text);
	text_ret(out, op, result->ret);
	fputc('\n', out);
	text_table(out, result);
	text_sent(out, sim->tlb->counters, result);
	if (report->dumps_queue)
		text_queue(out, sim, result->nr_sent);
	if (report->explains)
		text_prose(out, result, sim);
}
