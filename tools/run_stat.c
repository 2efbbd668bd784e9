// SPDX-License-Identifier: GPL-2.0-only
/* How contiguous memory is: lengths of runs, and the leaves that map them. */
#include "run_stat.h"

#include <inttypes.h>

#include "lg2.h"
#include "sizes.h"

static void add_leaves(struct run_stat *s, u64 iova, u64 paddr, u64 size)
{
	while (size) {
		size_t count;
		u64 pgsize =
			iommu_pgsize(s->pgsizes, iova, paddr, size, &count);

		s->nr_leaves[lg2_floor(pgsize)] += count;
		iova += pgsize * count;
		paddr += pgsize * count;
		size -= pgsize * count;
	}
}

static void add_run(struct run_stat *s, u64 iova, u64 paddr, u64 size)
{
	unsigned int i = lg2_floor(size);

	s->bytes += size;
	s->nr_runs++;
	s->nr_by_length[i]++;
	s->bytes_by_length[i] += size;
	if (size > s->largest)
		s->largest = size;
	add_leaves(s, iova, paddr, size);
}

void run_stat_add(struct run_stat *stat, u64 iova, u64 size,
		  const struct vfio_memory *memory)
{
	u64 at = 0, first, next = 0;

	while (at < size) {
		u64 len = memory->run(memory->arg, at, &first);

		while (len < size - at) {
			u64 more = memory->run(memory->arg, at + len, &next);

			if (next != first + len)
				break;
			len += more;
		}
		if (len > size - at)
			len = size - at;
		add_run(stat, iova + at, first, len);
		at += len;
	}
}

void run_stat_print(const struct run_stat *s, FILE *out)
{
	char from[SIZE_TEXT_MAX], text[SIZE_TEXT_MAX];
	const char *comma = "";

	fprintf(out, "%s in %" PRIu64 " runs, %.0f K in the mean, the longest ",
		size_format(s->bytes, text), s->nr_runs,
		(double)s->bytes / (double)s->nr_runs / 1024);
	fprintf(out, "%s\n\n%9s %12s %12s %8s\n", size_format(s->largest, text),
		"runs of", "number", "memory", "share");
	for (unsigned int i = 0; i < RUN_STAT_LENGTHS; i++)
		if (s->nr_by_length[i])
			fprintf(out, "%8s+ %12" PRIu64 " %12s %6.1f %%\n",
				size_format(1ull << i, from),
				s->nr_by_length[i],
				size_format(s->bytes_by_length[i], text),
				100 * (double)s->bytes_by_length[i] /
					(double)s->bytes);
	fputs("\nleaves:", out);
	for (unsigned int i = 0; i < RUN_STAT_LENGTHS; i++) {
		if (!(s->pgsizes >> i & 1))
			continue;
		fprintf(out, "%s %" PRIu64 " of %s", comma, s->nr_leaves[i],
			size_format(1ull << i, text));
		comma = ",";
	}
	fputc('\n', out);
}

void run_stat_json(const struct run_stat *s, FILE *out)
{
	char text[SIZE_TEXT_MAX];
	const char *comma = "";

	fprintf(out,
		"\"bytes\": %" PRIu64 ", \"nr_runs\": %" PRIu64
		", \"largest\": %" PRIu64 ", \"runs\": [",
		s->bytes, s->nr_runs, s->largest);
	for (unsigned int i = 0; i < RUN_STAT_LENGTHS; i++) {
		if (!s->nr_by_length[i])
			continue;
		fprintf(out,
			"%s{\"from\": %" PRIu64 ", \"count\": %" PRIu64
			", \"bytes\": %" PRIu64 "}",
			comma, (u64)1 << i, s->nr_by_length[i],
			s->bytes_by_length[i]);
		comma = ", ";
	}
	fputs("], \"leaves\": {", out);
	comma = "";
	for (unsigned int i = 0; i < RUN_STAT_LENGTHS; i++) {
		if (!(s->pgsizes >> i & 1))
			continue;
		fprintf(out, "%s\"%s\": %" PRIu64, comma,
			size_format(1ull << i, text), s->nr_leaves[i]);
		comma = ", ";
	}
	fputs("}", out);
}
