// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of all benchmarks, against the golden list: names are an API.
 *
 * A change on purpose is written down with
 *	<build>/tests/test_names --bless tests/golden/names.txt
 * and goes into the commit that makes it. The list holds the full set, with
 * Q or D before a name that the quick or the default set holds too, F before
 * the others. Traces that the user names make no part of it.
 */
#include "test.h"

#include "families.h"

static char set_letter(const struct bench_case *c)
{
	return "QDF"[c->set];
}

static void build(struct bench_list *list)
{
	const struct bench_env env = { .nr_traces = 0 };
	struct iopt_err err = { "" };

	if (bench_list_build(list, bench_families, &env, &err))
		fail_msg("%s", err.msg);
	assert_true(list->nr > 0);
}

static void test_names(void **state)
{
	struct bench_list list;
	char line[BENCH_NAME_MAX + 8];
	FILE *f = fopen(GOLDEN_NAMES, "r");
	size_t i = 0;

	(void)state;
	if (!f)
		fail_msg("%s: %s", GOLDEN_NAMES, strerror(errno));
	build(&list);
	while (fgets(line, sizeof(line), f)) {
		char want[BENCH_NAME_MAX + 8];

		line[strcspn(line, "\n")] = '\0';
		/* Not in a build that cannot read layouts of machines. */
		if (!bench_family_find(bench_families, "teardown") &&
		    strstr(line, " teardown/"))
			continue;
		if (i >= list.nr)
			fail_msg("line %zu: %s is no more", i + 1, line);
		snprintf(want, sizeof(want), "%c %s",
			 set_letter(&list.cases[i]), list.cases[i].name);
		if (strcmp(line, want))
			fail_msg("line %zu: expected %s, got %s", i + 1, line,
				 want);
		i++;
	}
	if (i < list.nr)
		fail_msg("new and not listed: %s", list.cases[i].name);
	fclose(f);
	bench_list_free(&list);
}

/* The small set exists for every family, so that `quick` runs each. */
static void test_quick_has_every_family(void **state)
{
	struct bench_list list;

	(void)state;
	build(&list);
	for (size_t f = 0; bench_families[f]; f++) {
		size_t nr = 0;

		for (size_t i = 0; i < list.nr; i++)
			nr += list.cases[i].family == bench_families[f] &&
			      list.cases[i].set == BENCH_QUICK;
		if (!nr)
			fail_msg("family %s: no quick case",
				 bench_families[f]->name);
	}
	bench_list_free(&list);
}

static int bless(const char *path)
{
	struct bench_list list;
	FILE *f = fopen(path, "w");

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	build(&list);
	for (size_t i = 0; i < list.nr; i++)
		fprintf(f, "%c %s\n", set_letter(&list.cases[i]),
			list.cases[i].name);
	bench_list_free(&list);
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_quick_has_every_family),
	};

	if (argc == 3 && !strcmp(argv[1], "--bless"))
		return bless(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
