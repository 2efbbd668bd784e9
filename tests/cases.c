// SPDX-License-Identifier: GPL-2.0-only
/* The grammar of names, what families may not do, and the command line. */
#include "test.h"

#include "options.h"

static int setup(const struct bench_env *env, const struct bench_case *c,
		 enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	(void)env;
	(void)c;
	(void)phase;
	(void)ctx;
	(void)err;
	return 0;
}

static void teardown(void *ctx)
{
	(void)ctx;
}

static int verify(void *ctx, struct iopt_err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static int count(void *ctx, struct bench_counts *counts, struct iopt_err *err)
{
	(void)ctx;
	(void)counts;
	(void)err;
	return 0;
}

static void run(void *ctx, u64 n)
{
	(void)ctx;
	(void)n;
}

/* A case without 2M in it; 16K is skipped, 64K is in the full set only. */
static bool check(const struct bench_env *env, struct bench_case *c)
{
	(void)env;
	if (bench_is(c, "size", "16K"))
		strcpy(c->skip, "why not");
	c->set = bench_size(c, "size") == 65536 ? BENCH_FULL : BENCH_QUICK;
	return !bench_is(c, "size", "2M");
}

static const char *trace_at(const struct bench_env *env, size_t i)
{
	return i < env->nr_traces ? env->traces[i] : NULL;
}

#define VALUES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define KEY(name_, ...)                                      \
	{                                                    \
		.name = name_, .values = VALUES(__VA_ARGS__) \
	}
#define KEYS(...) ((const struct bench_key[]){ __VA_ARGS__, { .name = NULL } })
#define HOOKS                                                  \
	.question = "q", .setup = setup, .teardown = teardown, \
	.verify = verify, .count = count, .run = run

static const struct {
	const char *title;
	struct bench_family family;
	int ret;
	const char *msg;
} bad[] = {
	{ "upper case",
	  { .name = "Map", .keys = KEYS(KEY("k", "1")), HOOKS },
	  -EINVAL,
	  "Map" },
	{ "no keys",
	  { .name = "f", .keys = KEYS({ .name = NULL }), HOOKS },
	  -EINVAL,
	  "has 0 keys" },
	{ "too many keys",
	  { .name = "f",
	    .keys = KEYS(KEY("a", "1"), KEY("b", "1"), KEY("c", "1"),
			 KEY("d", "1"), KEY("e", "1"), KEY("f", "1"),
			 KEY("g", "1"), KEY("h", "1"), KEY("i", "1")),
	    HOOKS },
	  -EINVAL,
	  "has 9 keys" },
	{ "key of libbenchmark",
	  { .name = "f", .keys = KEYS(KEY("iterations", "1")), HOOKS },
	  -EINVAL,
	  "iterations is reserved" },
	{ "key of libbenchmark",
	  { .name = "f", .keys = KEYS(KEY("threads", "1")), HOOKS },
	  -EINVAL,
	  "threads is reserved" },
	{ "key of the runner",
	  { .name = "f", .keys = KEYS(KEY("tlbi", "none")), HOOKS },
	  -EINVAL,
	  "tlbi is reserved" },
	{ "key with a space",
	  { .name = "f", .keys = KEYS(KEY("a b", "1")), HOOKS },
	  -EINVAL,
	  "'a b'" },
	{ "value with a slash",
	  { .name = "f", .keys = KEYS(KEY("k", "a/b")), HOOKS },
	  -EINVAL,
	  "'a/b'" },
	{ "empty value",
	  { .name = "f", .keys = KEYS(KEY("k", "")), HOOKS },
	  -EINVAL,
	  "value ''" },
	{ "twice the same",
	  { .name = "f", .keys = KEYS(KEY("k", "1", "2", "1")), HOOKS },
	  -EEXIST,
	  "f/k:1: two cases" },
	{ "no hooks",
	  { .name = "f", .question = "q", .keys = KEYS(KEY("k", "1")) },
	  -EINVAL,
	  "needs question" },
	{ "too long",
	  { .name = "f",
	    .keys = KEYS(KEY("k", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaa")),
	    HOOKS },
	  -EINVAL,
	  "at most 191 letters" },
};

static void test_bad_families(void **state)
{
	const struct bench_env env = { .nr_traces = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct bench_family *const one[] = { &bad[i].family,
							   NULL };
		struct bench_list list = { NULL, 77 };
		struct iopt_err err = { "" };

		expect_int(bench_list_build(&list, one, &env, &err), bad[i].ret,
			   bad[i].title);
		expect_text(err.msg, bad[i].msg, bad[i].title);
		assert_int_equal(list.nr, 77); /* untouched */
	}
}

static const struct bench_family good = {
	.name = "good",
	.keys = KEYS({ .name = "trace", .value_at = trace_at },
		     KEY("size", "4K", "16K", "2M", "64K")),
	.check = check,
	HOOKS,
};

static const struct bench_family other = {
	.name = "other",
	.keys = KEYS(KEY("k", "1")),
	HOOKS,
};

static const struct bench_family *const both[] = { &good, &other, NULL };

static void test_product(void **state)
{
	const char *const traces[] = { "a.txt", "b-1" };
	const struct bench_env env = { .traces = traces, .nr_traces = 2 };
	static const struct {
		const char *name, *skip;
		enum bench_set set;
	} want[] = {
		{ "good/trace:a.txt/size:4K", "", BENCH_QUICK },
		{ "good/trace:a.txt/size:16K", "why not", BENCH_QUICK },
		{ "good/trace:a.txt/size:64K", "", BENCH_FULL },
		{ "good/trace:b-1/size:4K", "", BENCH_QUICK },
		{ "good/trace:b-1/size:16K", "why not", BENCH_QUICK },
		{ "good/trace:b-1/size:64K", "", BENCH_FULL },
		{ "other/k:1", "", BENCH_DEFAULT },
	};
	struct bench_list list;

	(void)state;
	assert_int_equal(bench_list_build(&list, both, &env, NULL), 0);
	assert_int_equal(list.nr, ARRAY_SIZE(want));
	for (size_t i = 0; i < list.nr; i++) {
		assert_string_equal(list.cases[i].name, want[i].name);
		assert_string_equal(list.cases[i].skip, want[i].skip);
		assert_int_equal(list.cases[i].set, want[i].set);
	}
	assert_null(bench_value(&list.cases[0], "nothing"));
	assert_int_equal(bench_size(&list.cases[0], "size"), 4096);
	assert_int_equal(bench_size(&list.cases[0], "trace"), 0);
	bench_list_free(&list);
}

static const struct {
	const char *argv[5];
	int ret;
	const char *msg;
} lines[] = {
	{ { "--family", "nothing" },
	  -EINVAL,
	  "--family nothing: there is no such family; there are: good other" },
	{ { "--filter", "(" }, -EINVAL, "--filter (:" },
	{ { "--seed", "x" }, -EINVAL, "--seed x: a number from 0" },
	{ { "--seed", "-1" }, -EINVAL, "--seed -1: a number from 0" },
	{ { "--seed", "99999999999999999999" }, -EINVAL, "--seed 999" },
	{ { "--round", "1x" }, -EINVAL, "--round 1x" },
	{ { "--min-time-ms", "0" }, -EINVAL, "--min-time-ms 0: a number" },
	{ { "--cpu", "" }, -EINVAL, "--cpu :" },
	{ { "--bogus" }, -EINVAL, "--bogus: there is no such option" },
	{ { "-z" }, -EINVAL, "-z: there is no such option" },
	{ { "--out" }, -EINVAL, "--out: a value is wanted" },
	{ { "map" }, -EINVAL, "map: there are options only" },
	{ { "--json" }, -EINVAL, "--json goes with --list" },
	{ { "--family", "good", "--quick" }, 0, "" },
	{ { "--list", "--json", "--full" }, 0, "" },
	{ { "--trace", "x", "--trace", "y" }, 0, "" },
};

static void test_command_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char *argv[ARRAY_SIZE(lines[i].argv) + 2] = { NULL };
		char text[ARRAY_SIZE(lines[i].argv) + 1][32] = { "prog" };
		struct iopt_err err = { "" };
		struct options opt;
		int argc = 1;

		argv[0] = text[0];
		for (size_t a = 0; a < ARRAY_SIZE(lines[i].argv); a++) {
			if (!lines[i].argv[a])
				break;
			strcpy(text[argc], lines[i].argv[a]);
			argv[argc] = text[argc];
			argc++;
		}
		expect_int(options_parse(&opt, argc, argv, both, &err),
			   lines[i].ret, lines[i].argv[0]);
		expect_text(err.msg, lines[i].msg, lines[i].argv[0]);
		options_fini(&opt);
	}
}

static void test_selection(void **state)
{
	char text[6][24] = { "prog",	 "--family", "good",
			     "--filter", "size:4K$", "--full" };
	char *argv[] = { text[0], text[1], text[2], text[3],
			 text[4], text[5], NULL };
	struct bench_case c = { .set = BENCH_FULL };
	struct options opt;

	(void)state;
	assert_int_equal(options_parse(&opt, 6, argv, both, NULL), 0);
	assert_ptr_equal(opt.families[0], &good);
	assert_null(opt.families[1]);
	strcpy(c.name, "good/trace:a/size:4K");
	assert_true(options_wants(&opt, &c));
	opt.set = BENCH_DEFAULT;
	assert_false(options_wants(&opt, &c));
	c.set = BENCH_QUICK;
	assert_true(options_wants(&opt, &c));
	strcpy(c.name, "good/trace:a/size:16K");
	assert_false(options_wants(&opt, &c));
	options_fini(&opt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_families),
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_selection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
