// SPDX-License-Identifier: GPL-2.0-only
/* Names of traces, and that each is read once. */
#include "trace_set.h"

#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static const struct {
	const char *path;
	const char *name;
} rows[] = {
	{ "/a/b/vfio-vm-4k-6.12.trace.xz", "vfio-vm-4k-6.12" },
	{ "mine.trace", "mine" },
	{ "mine.txt.xz", "mine.txt" },
	{ "x/mine.trace", "mine-2" },
	{ "y/mine.trace.xz", "mine-3" },
	{ "my trace/of:Tuesday (2).txt", "of_Tuesday__2_.txt" },
	{ "gr\xc3\xbc\xc3\x9f"
	  "e",
	  "gr____e" },
	{ "-", "stdin" },
	{ ".xz", ".xz" },
	{ "a/", "trace" },
	{ "0123456789012345678901234567890123456789012345678901234567890.xz",
	  "89012345678901234567890123456789012345678901234567890" },
};

static void test_names(void **state)
{
	const char *paths[ARRAY_SIZE(rows)];
	struct trace_set *set;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		paths[i] = rows[i].path;
	assert_int_equal(trace_set_create(paths, ARRAY_SIZE(rows), &set, NULL),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(trace_set_name(set, i), rows[i].name))
			fail_msg("%s: expected %s, got %s", rows[i].path,
				 rows[i].name, trace_set_name(set, i));
	assert_null(trace_set_name(set, ARRAY_SIZE(rows)));
	assert_null(trace_set_skip(set));
	trace_set_destroy(set);
}

static void test_shipped_names(void **state)
{
	struct trace_set *set;
	size_t i = 0;

	(void)state;
	assert_int_equal(trace_set_create(NULL, 0, &set, NULL), 0);
	for (; trace_set_name(NULL, i); i++)
		assert_string_equal(trace_set_name(set, i),
				    trace_set_name(NULL, i));
	assert_null(trace_set_name(set, i));
	expect_u64(i, 18, "shipped traces");
	trace_set_destroy(set);
}

/* The second time the file may be gone, as standard input is. */
static void test_read_once(void **state)
{
	static const char text[] = "map: IOMMU: iova=0x0 paddr=0x0 size=4096\n";
	int fd = memfd_create("trace", 0);
	const struct trace_prog *first, *second;
	const char *paths[1], *path = NULL;
	struct trace_set *set;
	struct iopt_err err;
	char name[64];

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	paths[0] = name;
	assert_int_equal(trace_set_create(paths, 1, &set, NULL), 0);
	assert_int_equal(trace_set_load(set, trace_set_name(set, 0), &first,
					&path, &err),
			 0);
	assert_string_equal(path, name);
	close(fd);
	assert_int_equal(trace_set_load(set, trace_set_name(set, 0), &second,
					NULL, &err),
			 0);
	assert_ptr_equal(first, second);
	assert_int_equal(trace_set_load(set, "other", &second, NULL, &err),
			 -ENOENT);
	trace_set_destroy(set);
}

static void test_describe(void **state)
{
	static const char text[] = "map: IOMMU: iova=0x0 paddr=0x0 size=4096\n"
				   "CPU:0 [LOST 7 EVENTS]\n"
				   "CPU:1 [LOST EVENTS]\n";
	const char *paths[2] = { NULL, "/nonexistent/x.trace" };
	int fd = memfd_create("trace", 0);
	struct trace_set *set;
	char name[64], want[256], *got;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	paths[0] = name;
	assert_int_equal(trace_set_create(paths, 2, &set, NULL), 0);
	got = trace_set_describe(set);
	snprintf(want, sizeof(want),
		 "%d: %s, 1 maps, 0 unmaps, 7 lost and 1 gaps; x: "
		 "/nonexistent/x.trace: No such file or directory",
		 fd, name);
	assert_string_equal(got, want);
	free(got);
	trace_set_destroy(set);
	close(fd);
	assert_int_equal(trace_set_create(NULL, 0, &set, NULL), 0);
	got = trace_set_describe(set);
	assert_string_equal(got, "shipped");
	free(got);
	trace_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_shipped_names),
		cmocka_unit_test(test_read_once),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
