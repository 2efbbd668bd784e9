// SPDX-License-Identifier: GPL-2.0-only
/* Reading small files: lines, numbers, values, and what is not there. */
#include "fixture.h"

#include "hostfs.h"

static const struct fixture_file files[] = {
	{ "proc/empty", "" },
	{ "proc/line", "  a line \t\nsecond\n" },
	{ "proc/bare", "no newline" },
	{ "proc/number", "4096 kB\n" },
	{ "proc/minus", "-1\n" },
	{ "proc/words", "x\n" },
	{ "proc/pairs", "keys : no\nkey : a b \nkey: second\n\n"
			"stop\nlate : 1\nname=\"quoted text\"\n" },
	{ NULL, NULL },
};

static const struct {
	const char *path;
	const char *line; /* NULL: cannot be read */
	bool has_number;
	u64 number;
} rows[] = {
	{ "proc/empty", "", false, 0 },
	{ "proc/line", "a line", false, 0 },
	{ "proc/bare", "no newline", false, 0 },
	{ "proc/number", "4096 kB", true, 4096 },
	{ "proc/minus", "-1", false, 0 },
	{ "proc/words", "x", false, 0 },
	{ "proc/absent", NULL, false, 0 },
	{ "proc", NULL, false, 0 }, /* a folder */
};

static void test_lines_and_numbers(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, files);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *path = rows[i].path;
		char text[64] = "untouched";
		u64 v = 77;

		expect_u64(hostfs_line(fixture.root, text, sizeof(text), "%s",
				       path),
			   rows[i].line != NULL, "%s is read", path);
		assert_string_equal(text,
				    rows[i].line ? rows[i].line : "untouched");
		expect_u64(hostfs_u64(fixture.root, &v, "%s", path),
			   rows[i].has_number, "%s is a number", path);
		expect_u64(v, rows[i].has_number ? rows[i].number : 77,
			   "number of %s", path);
	}
	fixture_fini(&fixture);
}

static void test_line_is_cut(void **state)
{
	struct fixture fixture;
	char text[4];

	(void)state;
	fixture_init(&fixture, files);
	assert_true(hostfs_line(fixture.root, text, sizeof(text), "proc/bare"));
	assert_string_equal(text, "no ");
	fixture_fini(&fixture);
}

static const struct {
	const char *key, *stop, *value;
} values[] = {
	{ "key", NULL, "a b" },	  { "keys", NULL, "no" },
	{ "late", NULL, "1" },	  { "late", "stop", NULL },
	{ "ke", NULL, NULL },	  { "name", NULL, "quoted text" },
	{ "key", "stop", "a b" }, { "absent", NULL, NULL },
};

static void test_values(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, files);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		FILE *f = hostfs_open(fixture.root, "proc/%s", "pairs");
		char text[64] = "untouched";

		assert_non_null(f);
		expect_u64(hostfs_value(f, values[i].key, values[i].stop, text,
					sizeof(text)),
			   values[i].value != NULL, "key %s", values[i].key);
		assert_string_equal(text, values[i].value ? values[i].value :
							    "untouched");
		fclose(f);
	}
	fixture_fini(&fixture);
}

static void test_running_system(void **state)
{
	char path[64], line[4096];

	(void)state;
	hostfs_path(NULL, "proc/stat", path, sizeof(path));
	assert_string_equal(path, "/proc/stat");
	assert_true(hostfs_line(NULL, line, sizeof(line), "proc/stat"));
	expect_text(line, "cpu ", "first line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_and_numbers),
		cmocka_unit_test(test_line_is_cut),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_running_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
