// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shipped traces hold what data/traces/README.md says of them. The numbers
 * were counted by other code than the reader's.
 *
 * TRACE_DIR is their folder.
 */
#include <dirent.h>

#include "test.h"
#include "trace_prog.h"

struct shipped_row {
	const char *name;
	u64 nr_maps;
	u64 nr_unmaps;
	u64 bytes_mapped;
	u64 bytes_unmapped;
	u64 peak_bytes;
	u64 end_bytes;
	u64 nr_leaves[3]; /* of 4K, 2M, 1G */
};

static const struct shipped_row rows[] = {
	{ "net-e1000e-6.12",
	  21481,
	  21479,
	  138903552,
	  138899456,
	  1667072,
	  4096,
	  { 33912, 0, 0 } },
	{ "net-e1000e-7.3",
	  21228,
	  21226,
	  137437184,
	  137433088,
	  1683456,
	  4096,
	  { 33554, 0, 0 } },
	{ "net-virtio-6.12",
	  61770,
	  61768,
	  291082240,
	  291078144,
	  1507328,
	  4096,
	  { 71065, 0, 0 } },
	{ "nvme-mixed-6.12",
	  91612,
	  14416,
	  827392000,
	  827387904,
	  5644288,
	  4096,
	  { 202000, 0, 0 } },
	{ "nvme-mixed-7.3",
	  91546,
	  14416,
	  827392000,
	  827387904,
	  5799936,
	  4096,
	  { 202000, 0, 0 } },
	{ "vfio-vm-4k-6.12",
	  3040,
	  3041,
	  4299186176,
	  4299186176,
	  4299177984,
	  0,
	  { 1047558, 4, 0 } },
	{ "vfio-vm-4k-7.3",
	  2962,
	  2962,
	  4299177984,
	  4299177984,
	  4299177984,
	  0,
	  { 1048580, 2, 0 } },
	{ "vfio-vm-4k-frag-6.12",
	  52382,
	  52383,
	  541089792,
	  541089792,
	  541081600,
	  0,
	  { 132102, 0, 0 } },
	{ "vfio-vm-4k-frag-7.3",
	  27738,
	  27738,
	  541081600,
	  541081600,
	  541081600,
	  0,
	  { 132100, 0, 0 } },
	{ "vfio-vm-hugetlb1g-6.12",
	  2140,
	  2144,
	  17196744704,
	  17196744704,
	  4299177984,
	  0,
	  { 4120, 0, 16 } },
	{ "vfio-vm-hugetlb1g-7.3",
	  2152,
	  2152,
	  17196711936,
	  17196711936,
	  4299177984,
	  0,
	  { 4112, 0, 16 } },
	{ "vfio-vm-hugetlb2m-6.12",
	  7344,
	  7348,
	  17196744704,
	  17196744704,
	  4299177984,
	  0,
	  { 4120, 8192, 0 } },
	{ "vfio-vm-hugetlb2m-7.3",
	  7416,
	  7416,
	  17196711936,
	  17196711936,
	  4299177984,
	  0,
	  { 4112, 8192, 0 } },
	{ "vfio-vm-thp-6.12",
	  2951,
	  2953,
	  8598372352,
	  8598372352,
	  4299177984,
	  0,
	  { 2060, 4096, 0 } },
	{ "vfio-vm-thp-7.3",
	  2847,
	  2847,
	  8598355968,
	  8598355968,
	  4299177984,
	  0,
	  { 2056, 4096, 0 } },
	{ "vfio-vm-thp-defer-6.12",
	  14528,
	  14529,
	  541089792,
	  541089792,
	  541081600,
	  0,
	  { 81926, 98, 0 } },
	{ "vfio-vm-thp-frag-6.12",
	  1261,
	  1262,
	  1077960704,
	  1077960704,
	  1077952512,
	  0,
	  { 1030, 512, 0 } },
	{ "vfio-vm-thp-frag-7.3",
	  1181,
	  1181,
	  1077952512,
	  1077952512,
	  1077952512,
	  0,
	  { 1028, 512, 0 } },
};

static const u64 leaf_sizes[] = { 0x1000, 0x200000, 0x40000000 };

/* The leaves of a map, each the largest that fits, by definition. */
static void count_leaves(const struct trace_op *op, u64 nr_leaves[3])
{
	u64 iova = op->iova, paddr = op->arg, left = op->size;

	while (left) {
		size_t i = ARRAY_SIZE(leaf_sizes) - 1;

		while (i &&
		       ((iova | paddr) % leaf_sizes[i] || left < leaf_sizes[i]))
			i--;
		nr_leaves[i]++;
		iova += leaf_sizes[i];
		paddr += leaf_sizes[i];
		left -= leaf_sizes[i];
	}
}

static void check_leaves(const struct trace_prog *prog,
			 const struct shipped_row *row)
{
	u64 nr_leaves[3] = { 0 };

	for (size_t r = 0; r < prog->nr_runs; r++) {
		const struct trace_run *run = &prog->runs[r];

		for (u32 i = 0; run->kind == TRACE_MAP && i < run->nr_ops; i++)
			count_leaves(&prog->ops[run->first + i], nr_leaves);
	}
	for (size_t i = 0; i < ARRAY_SIZE(leaf_sizes); i++)
		expect_u64(nr_leaves[i], row->nr_leaves[i],
			   "%s: leaves of 0x%" PRIx64, row->name,
			   leaf_sizes[i]);
}

static void check_trace(const struct trace_prog *prog,
			const struct shipped_row *row)
{
	const struct trace_summary *sum = &prog->sum;

	expect_u64(sum->nr_maps, row->nr_maps, "%s: maps", row->name);
	expect_u64(sum->nr_unmaps, row->nr_unmaps, "%s: unmaps", row->name);
	expect_u64(sum->bytes_mapped, row->bytes_mapped, "%s: mapped",
		   row->name);
	expect_u64(sum->bytes_unmapped, row->bytes_unmapped, "%s: unmapped",
		   row->name);
	expect_u64(sum->peak_bytes, row->peak_bytes, "%s: peak", row->name);
	expect_u64(sum->end_bytes, row->end_bytes, "%s: end", row->name);
	expect_u64(sum->lost.first_line, 0, "%s: lost", row->name);
	expect_u64(sum->over_live.nr_events, 0, "%s: over live", row->name);
	expect_u64(sum->never_mapped.nr_events, 0, "%s: never mapped",
		   row->name);
	expect_u64(sum->other_size.nr_events, 0, "%s: other size", row->name);
	expect_u64(sum->empty.nr_events, 0, "%s: empty", row->name);
	expect_u64(prog->nr_ops, row->nr_maps + row->nr_unmaps, "%s: calls",
		   row->name);
	expect_u64(sum->all_bits & -sum->all_bits, 4096, "%s: granule",
		   row->name);
	check_leaves(prog, row);
}

static void test_traces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trace_prog *prog;
		struct iopt_err err;
		char path[512];
		int ret;

		snprintf(path, sizeof(path), "%s/%s.trace.xz", TRACE_DIR,
			 rows[i].name);
		ret = trace_prog_load(path, &prog, &err);
		if (ret == -EOPNOTSUPP) {
			print_message("skip: a build without liblzma\n");
			skip();
		}
		if (ret)
			fail_msg("%s", err.msg);
		check_trace(prog, &rows[i]);
		trace_prog_destroy(prog);
	}
}

/* No trace lies there that the table does not know. */
static void test_table_is_whole(void **state)
{
	DIR *dir = opendir(TRACE_DIR);
	struct dirent *entry;
	size_t nr = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		nr += strstr(entry->d_name, ".trace") != NULL;
	closedir(dir);
	expect_u64(nr, ARRAY_SIZE(rows), "traces in " TRACE_DIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_table_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
