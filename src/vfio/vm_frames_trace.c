// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of a guest's RAM in a recorded trace.
 *
 * Models: the mappings that are live when most is mapped; of them the longest
 *	stretch of IOVAs without a hole, which is RAM in a VM's trace.
 * Does not model: maps of which a part was gone at that moment; they count as
 *	holes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"
#include "live.h"
#include "sizes.h"
#include "trace_prog.h"
#include "vm_frames.h"

/* A mapping: where it is and what is behind it. */
struct mapping {
	u64 iova;
	u64 size;
	u64 paddr;
};

/**
 * struct mappings - The mappings of one moment.
 * @all: in rising order of their IOVAs, once they are sorted
 * @nr: entries in @all
 */
struct mappings {
	struct mapping *all;
	size_t nr;
};

static enum trace_kind kind_of(const struct trace_prog *prog, size_t *run,
			       size_t op)
{
	while (op < prog->runs[*run].first)
		--*run;
	return prog->runs[*run].kind;
}

/* Calls up to the moment when most is mapped. */
static size_t nr_ops_to_peak(const struct trace_prog *prog)
{
	u64 bytes = 0;

	for (size_t r = 0; r < prog->nr_runs; r++) {
		const struct trace_run *run = &prog->runs[r];

		for (size_t i = run->first; i < run->first + run->nr_ops; i++) {
			if (run->kind == TRACE_UNMAP) {
				bytes -= prog->ops[i].arg;
				continue;
			}
			bytes += prog->ops[i].size;
			if (bytes == prog->sum.peak_bytes)
				return i + 1;
		}
	}
	return prog->nr_ops;
}

/* Mark a range as unmapped later on; parts of it may be so already. */
static int mark_gone(struct live *gone, u64 iova, u64 size)
{
	struct live_range piece;
	u64 removed;
	int ret = 0;

	if (!size)
		return 0;
	while (!ret && live_find(gone, iova, size, &piece))
		ret = live_remove(gone, piece.start,
				  piece.last - piece.start + 1, &removed);
	return ret ? ret : live_add(gone, iova, size);
}

/* Backwards from the peak: what no later call touched is mapped there. */
static int collect(const struct trace_prog *prog, struct live *gone,
		   struct mappings *m)
{
	size_t run = prog->nr_runs - 1;
	struct live_range piece;
	int ret = 0;

	for (size_t i = nr_ops_to_peak(prog); i-- && !ret;) {
		const struct trace_op *op = &prog->ops[i];

		if (kind_of(prog, &run, i) == TRACE_UNMAP)
			ret = mark_gone(gone, op->iova, op->arg);
		else if (!live_find(gone, op->iova, op->size, &piece))
			m->all[m->nr++] =
				(struct mapping){ op->iova, op->size, op->arg };
	}
	return ret;
}

static int by_iova(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	return (x->iova > y->iova) - (x->iova < y->iova);
}

static bool touches(const struct mapping *m)
{
	return m[-1].iova + m[-1].size == m->iova;
}

/* First and end of the longest stretch without a hole. */
static void longest(const struct mappings *m, size_t *first, size_t *end)
{
	u64 best = 0, bytes = 0;
	size_t start = 0;

	for (size_t i = 0; i < m->nr; i++) {
		if (i && !touches(&m->all[i])) {
			start = i;
			bytes = 0;
		}
		bytes += m->all[i].size;
		if (bytes <= best)
			continue;
		best = bytes;
		*first = start;
		*end = i + 1;
	}
}

static int add_stretch(const struct mappings *m, struct vm_frames *f,
		       const char *path, struct iopt_err *err)
{
	struct iopt_err why = { "" };
	size_t first = 0, end = 0;
	int ret = 0;

	longest(m, &first, &end);
	for (size_t i = first; i < end && !ret; i++)
		ret = vm_frames_add(f, m->all[i].paddr, m->all[i].size);
	if (ret)
		return iopt_err_set(err, ret, "%s: %s", path,
				    ret == -ENOMEM ? "no memory for its runs" :
						     "an address above 2^52");
	ret = vm_frames_check(f, &why);
	if (ret)
		iopt_err_set(err, ret, "%s: %s", path, why.msg);
	return ret;
}

/* The largest page that all addresses and sizes are multiples of. */
static u64 trace_page(const struct trace_prog *prog)
{
	u64 bits = prog->sum.all_bits | SZ_64K;

	return 1ull << lg2_low(bits);
}

static int frames_of(const struct trace_prog *prog, const char *path,
		     struct vm_frames *f, struct iopt_err *err)
{
	struct mappings m = { .nr = 0 };
	struct live gone;
	int ret;

	if (trace_page(prog) < SZ_4K)
		return iopt_err_set(err, -EINVAL,
				    "%s: addresses must be multiples of 4K",
				    path);
	vm_frames_init(f, trace_page(prog));
	strcpy(f->how, "trace");
	live_init(&gone);
	m.all = malloc(prog->nr_ops * sizeof(*m.all));
	ret = m.all ? collect(prog, &gone, &m) : -ENOMEM;
	live_fini(&gone);
	if (ret) {
		iopt_err_set(err, ret, "%s: no memory for its maps", path);
	} else {
		qsort(m.all, m.nr, sizeof(*m.all), by_iova);
		ret = add_stretch(&m, f, path, err);
	}
	free(m.all);
	if (ret)
		vm_frames_fini(f);
	return ret;
}

int vm_frames_from_trace(const char *path, struct vm_frames *frames,
			 struct iopt_err *err)
{
	struct trace_prog *prog;
	struct vm_frames read;
	int ret = trace_prog_load(path, &prog, err);

	if (ret)
		return ret;
	ret = frames_of(prog, path, &read, err);
	trace_prog_destroy(prog);
	if (!ret)
		*frames = read;
	return ret;
}
