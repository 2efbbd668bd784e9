// SPDX-License-Identifier: GPL-2.0-only
/* Plans: what is read, and what is refused with file and line. */
#include "plan.h"

#include <unistd.h>

#include "test.h"

static const struct {
	const char *title;
	const char *text;
	size_t nr;
	struct plan_entry first;
} rows[] = {
	{ "a name", "map/k:1\n", 1, { "map/k:1", 0, 0, 1 } },
	{ "counts", "map/k:1 20 5\n", 1, { "map/k:1", 20, 5, 1 } },
	{ "no newline", "map/k:1 20 5", 1, { "map/k:1", 20, 5, 1 } },
	{ "comments, blanks",
	  "\n# no\n \t map/k:1\t2 3 # as found\r\nb/k:2",
	  2,
	  { "map/k:1", 2, 3, 3 } },
};

static const struct {
	const char *title;
	const char *text;
	const char *says;
} refused[] = {
	{ "one number", "map/k:1 20\n", ":1: a name, or a name and two" },
	{ "three numbers", "map/k:1 1 2 3\n", ":1: a name, or" },
	{ "zero", "a/k:1\nmap/k:1 0 5\n", ":2: a name, or" },
	{ "negative", "map/k:1 -1 5\n", ":1: a name, or" },
	{ "no number", "map/k:1 1x 5\n", ":1: a name, or" },
	{ "too large", "map/k:1 1000000000001 5\n", ":1: a name, or" },
	{ "overflow", "a 99999999999999999999 5", ":1: a name, or" },
	{ "twice", "a/k:1\nb/k:1\na/k:1 2 3\n", ":3: a/k:1 is in line 1 too" },
	{ "nothing", "", ": it names no case" },
	{ "only comments", "# a/k:1\n\n", ": it names no case" },
};

static void make_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct plan_entry *want = &rows[i].first, *e;
		char path[] = "/tmp/plan.XXXXXX";
		struct plan plan;

		make_file(path, rows[i].text);
		expect_int(plan_load(&plan, path, NULL), 0, rows[i].title);
		expect_u64(plan.nr, rows[i].nr, "%s: entries", rows[i].title);
		e = plan_find(&plan, want->name);
		assert_ptr_equal(e, plan.entries);
		expect_u64(e->n, want->n, "%s: n", rows[i].title);
		expect_u64(e->nr_blocks, want->nr_blocks, "%s: sections",
			   rows[i].title);
		expect_u64(e->line, want->line, "%s: line", rows[i].title);
		assert_null(plan_find(&plan, "c/k:3"));
		plan_fini(&plan);
		unlink(path);
	}
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char path[] = "/tmp/plan.XXXXXX";
		struct iopt_err err = { "" };
		struct plan plan;

		make_file(path, refused[i].text);
		expect_int(plan_load(&plan, path, &err), -EINVAL,
			   refused[i].title);
		expect_text(err.msg, path, refused[i].title);
		expect_text(err.msg, refused[i].says, refused[i].title);
		plan_fini(&plan);
		unlink(path);
	}
}

static void test_long_name(void **state)
{
	char path[] = "/tmp/plan.XXXXXX";
	char text[BENCH_NAME_MAX + 1] = "";
	struct iopt_err err = { "" };
	struct plan plan;

	(void)state;
	memset(text, 'a', BENCH_NAME_MAX);
	make_file(path, text);
	assert_int_equal(plan_load(&plan, path, &err), -EINVAL);
	expect_text(err.msg, ":1: a name has at most 191 letters", "long");
	plan_fini(&plan);
	unlink(path);
}

static void test_no_file(void **state)
{
	struct iopt_err err = { "" };
	struct plan plan;

	(void)state;
	assert_int_equal(plan_load(&plan, "/nonexistent/plan", &err), -ENOENT);
	expect_text(err.msg, "--plan /nonexistent/plan: No such", "no file");
	plan_fini(&plan);
	assert_int_equal(plan_load(&plan, "/", &err), -EISDIR);
	plan_fini(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
