// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace made ready to be replayed: checked, and in memory without its text.
 */
#include "trace_prog.h"

#include "live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* A trace that is being loaded, with the room that its arrays have. */
struct load {
	struct trace_prog *prog;
	struct live live;
	size_t max_ops;
	size_t max_runs;
};

/* Make room for one more element of @size bytes; doubles, so that adding one
 * costs constant time in the mean. */
static int grow(void **array, size_t nr, size_t *max, size_t size)
{
	size_t more = *max ? *max * 2 : 1024;
	void *p;

	if (nr < *max)
		return 0;
	p = reallocarray(*array, more, size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*max = more;
	return 0;
}

static int grow_ops(struct load *load)
{
	struct trace_prog *prog = load->prog;
	size_t max_ops = load->max_ops, max_lines = load->max_ops;
	void *ops = prog->ops, *lines = prog->lines;
	int ret;

	if (prog->nr_ops == UINT32_MAX)
		return -E2BIG;
	ret = grow(&ops, prog->nr_ops, &max_ops, sizeof(*prog->ops));
	prog->ops = ops;
	if (ret)
		return ret;
	ret = grow(&lines, prog->nr_ops, &max_lines, sizeof(*prog->lines));
	prog->lines = lines;
	if (ret)
		return ret;
	load->max_ops = max_ops;
	return 0;
}

static struct trace_run *last_run(const struct trace_prog *prog)
{
	return &prog->runs[prog->nr_runs - 1];
}

static int add_run(struct load *load, enum trace_kind kind)
{
	struct trace_prog *prog = load->prog;
	void *runs = prog->runs;
	int ret = grow(&runs, prog->nr_runs, &load->max_runs,
		       sizeof(*prog->runs));

	prog->runs = runs;
	if (ret)
		return ret;
	prog->nr_runs++;
	*last_run(prog) = (struct trace_run){ kind, (u32)prog->nr_ops, 0 };
	return 0;
}

static int add_op(struct load *load, enum trace_kind kind, struct trace_op op,
		  u64 line)
{
	struct trace_prog *prog = load->prog;
	int ret = grow_ops(load);

	if (!ret && (!prog->nr_runs || last_run(prog)->kind != kind))
		ret = add_run(load, kind);
	if (ret)
		return ret;
	last_run(prog)->nr_ops++;
	prog->lines[prog->nr_ops] = line;
	prog->ops[prog->nr_ops++] = op;
	return 0;
}

static void count_flaw(struct trace_flaw *flaw, u64 line)
{
	if (!flaw->nr_events++)
		flaw->first_line = line;
}

static int load_map(struct load *load, const struct trace_event *ev)
{
	struct trace_summary *sum = &load->prog->sum;
	u64 last = ev->paddr + ev->size - 1;
	int ret;

	sum->nr_maps++;
	sum->bytes_mapped += ev->size;
	if (!ev->size) {
		count_flaw(&sum->empty, ev->line);
		return 0;
	}
	sum->all_bits |= ev->paddr;
	if (sum->last_paddr < last)
		sum->last_paddr = last;
	ret = live_add(&load->live, ev->iova, ev->size);
	if (ret == -EEXIST) {
		count_flaw(&sum->over_live, ev->line);
		return 0;
	}
	if (ret)
		return ret;
	return add_op(load, TRACE_MAP,
		      (struct trace_op){ ev->iova, ev->size, ev->paddr },
		      ev->line);
}

/* Unmap the live pieces of a range that is not live as a whole. */
static int load_pieces(struct load *load, const struct trace_event *ev,
		       u64 size)
{
	struct live_range piece;
	u64 removed, n;
	int ret = 0;

	while (!ret && live_find(&load->live, ev->iova, size, &piece)) {
		n = piece.last - piece.start + 1;
		ret = live_remove(&load->live, piece.start, n, &removed);
		if (!ret)
			ret = add_op(load, TRACE_UNMAP,
				     (struct trace_op){ piece.start, n, n },
				     ev->line);
	}
	return ret;
}

/* Is all of a range live? */
static bool is_live(const struct live *live, u64 iova, u64 size)
{
	struct live_range piece;
	u64 n;

	while (size) {
		if (!live_find(live, iova, size, &piece) || piece.start != iova)
			return false;
		n = piece.last - iova + 1;
		iova += n;
		size -= n;
	}
	return true;
}

static int load_unmap(struct load *load, const struct trace_event *ev)
{
	struct trace_summary *sum = &load->prog->sum;
	/* When nothing was unmapped, what was asked for must be live too. */
	u64 size = ev->unmapped_size ? ev->unmapped_size : ev->size;
	u64 removed;
	int ret;

	sum->nr_unmaps++;
	sum->bytes_unmapped += ev->unmapped_size;
	if (!ev->size) {
		count_flaw(&sum->empty, ev->line);
		return 0;
	}
	if (ev->unmapped_size != ev->size)
		count_flaw(&sum->other_size, ev->line);
	if (!is_live(&load->live, ev->iova, size)) {
		count_flaw(&sum->never_mapped, ev->line);
		return ev->unmapped_size ? load_pieces(load, ev, size) : 0;
	}
	ret = ev->unmapped_size ?
		      live_remove(&load->live, ev->iova, size, &removed) :
		      0;
	if (ret)
		return ret;
	return add_op(
		load, TRACE_UNMAP,
		(struct trace_op){ ev->iova, ev->size, ev->unmapped_size },
		ev->line);
}

static int load_event(struct load *load, const struct trace_event *ev)
{
	struct trace_summary *sum = &load->prog->sum;

	sum->all_bits |= ev->iova | ev->size | ev->unmapped_size;
	if (ev->size && sum->last_iova < ev->iova + ev->size - 1)
		sum->last_iova = ev->iova + ev->size - 1;
	return ev->kind == TRACE_MAP ? load_map(load, ev) :
				       load_unmap(load, ev);
}

/* Read all events. */
static int load_all(struct load *load, struct trace_reader *reader,
		    struct iopt_err *err)
{
	struct trace_summary *sum = &load->prog->sum;
	struct trace_event ev;
	int ret;

	while ((ret = trace_next(reader, &ev, err)) > 0) {
		ret = load_event(load, &ev);
		if (ret)
			return iopt_err_set(err, ret, "%s:%" PRIu64 ": %s",
					    trace_name(reader), ev.line,
					    ret == -E2BIG ? "too many events" :
							    "out of memory");
	}
	if (ret < 0)
		return ret;
	sum->lost = trace_lost(reader);
	sum->peak_bytes = load->live.peak_bytes;
	sum->peak_ranges = load->live.peak_ranges;
	sum->end_bytes = load->live.bytes;
	if (sum->nr_maps + sum->nr_unmaps)
		return 0;
	return iopt_err_set(err, -ENODATA,
			    "%s: no iommu:map or iommu:unmap event in %" PRIu64
			    " lines; expected the text of tracefs, perf script "
			    "or trace-cmd report",
			    trace_name(reader), trace_nr_lines(reader));
}

int trace_prog_load(const char *path, struct trace_prog **out,
		    struct iopt_err *err)
{
	struct load load = { .prog = calloc(1, sizeof(*load.prog)) };
	struct trace_reader *reader;
	int ret;

	if (!load.prog)
		return iopt_err_set(err, -ENOMEM, "%s: out of memory", path);
	ret = trace_open(path, &reader, err);
	if (ret) {
		trace_prog_destroy(load.prog);
		return ret;
	}
	live_init(&load.live);
	ret = load_all(&load, reader, err);
	live_fini(&load.live);
	trace_close(reader);
	if (ret) {
		trace_prog_destroy(load.prog);
		return ret;
	}
	*out = load.prog;
	return 0;
}

void trace_prog_destroy(struct trace_prog *prog)
{
	if (!prog)
		return;
	free(prog->ops);
	free(prog->lines);
	free(prog->runs);
	free(prog);
}
