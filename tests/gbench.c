// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C API over libbenchmark: iterations, rows, refusals and failed writes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gbench.h"

/* What a session wrote; the caller frees it. */
static char *slurp(FILE *f)
{
	long len;
	char *text;

	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	len = ftell(f);
	rewind(f);
	text = malloc((size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)len, f), len);
	text[len] = '\0';
	return text;
}

static unsigned int nr_times(const char *text, const char *word)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, word)); text++)
		nr++;
	return nr;
}

/* The number in a field of the only row. */
static double field(const char *text, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\": ", name);
	at = strstr(text, key);
	assert_non_null(at);
	return strtod(at + strlen(key), NULL);
}

/* Callbacks; each counts the iterations that it was given. */

static void plain(struct gb_state *state, void *arg)
{
	u64 *nr = arg;

	gb_for_each(state, i)++ *nr;
	gb_label_set(state, "a \"label\"");
}

static void batches_of_7(struct gb_state *state, void *arg)
{
	u64 *nr = arg;
	u64 n;

	while ((n = gb_next_batch(state, 7))) {
		assert_true(n <= 7);
		*nr += n;
		assert_int_equal(gb_time_add(state, (double)n * 50), 0);
		assert_int_equal(gb_cpu_time_add(state, (double)n * 25), 0);
	}
}

static void with_error(struct gb_state *state, void *arg)
{
	(void)arg;
	gb_error(state, "verify: wrong");
	assert_int_equal(gb_next_batch(state, 1), 0);
}

static void late_error(struct gb_state *state, void *arg)
{
	plain(state, arg);
	gb_error(state, "verify: late");
}

static void error_inside(struct gb_state *state, void *arg)
{
	u64 *nr = arg;

	while (gb_next_batch(state, 10)) {
		*nr += 10;
		gb_error(state, "verify: inside");
	}
}

static void with_skip(struct gb_state *state, void *arg)
{
	(void)arg;
	gb_skip(state, "no such thing");
}

static void with_drop(struct gb_state *state, void *arg)
{
	u64 *nr = arg;

	*nr += gb_next_batch(state, 3);
	gb_drop(state);
}

static void early_return(struct gb_state *state, void *arg)
{
	(void)state;
	(void)arg;
}

static void return_inside(struct gb_state *state, void *arg)
{
	u64 *nr = arg;

	*nr += gb_next_batch(state, 5);
}

static const struct row {
	const char *title;
	gb_fn *fn;
	u64 nr_iterations;
	unsigned int nr_repetitions;
	bool has_manual_time;
	u64 sum; /* of the iterations that callbacks were given */
	struct gb_result result;
	const char *has[3];
} table[] = {
	{ "plain loop",
	  plain,
	  1000,
	  0,
	  false,
	  1000,
	  { 1, 1, 0, 0 },
	  { "\"iterations\": 1000", "\"label\": \"a \\\"label\\\"\"" } },
	{ "one iteration",
	  plain,
	  1,
	  0,
	  false,
	  1,
	  { 1, 1, 0, 0 },
	  { "\"iterations\": 1," } },
	/* A plain name: 3 rows and 3 aggregates, each named fam/key:value. */
	{ "repetitions",
	  plain,
	  100,
	  3,
	  false,
	  300,
	  { 1, 3, 0, 0 },
	  { "\"run_name\": \"fam/key:value\"",
	    "\"name\": \"fam/key:value_median\"", "\"repetition_index\": 2" } },
	{ "manual time",
	  batches_of_7,
	  100,
	  0,
	  true,
	  100,
	  { 1, 1, 0, 0 },
	  { "\"name\": \"fam/key:value\"", "\"real_time\": 5.000000000000000",
	    "\"cpu_time\": 2.5000000000" } },
	{ "manual time, repeated",
	  batches_of_7,
	  10,
	  2,
	  true,
	  20,
	  { 1, 2, 0, 0 },
	  { "\"real_time\": 5.000000000000000",
	    "\"cpu_time\": 2.5000000000" } },
	{ "error",
	  with_error,
	  10,
	  0,
	  true,
	  0,
	  { 1, 1, 1, 0 },
	  { "\"error_message\": \"verify: wrong\"" } },
	{ "error after the loop",
	  late_error,
	  10,
	  0,
	  true,
	  10,
	  { 1, 1, 1, 0 },
	  { "\"error_message\": \"verify: late\"" } },
	{ "error in the loop",
	  error_inside,
	  100,
	  0,
	  true,
	  10,
	  { 1, 1, 1, 0 },
	  { "\"error_message\": \"verify: inside\"" } },
	{ "skip",
	  with_skip,
	  10,
	  0,
	  true,
	  0,
	  { 1, 1, 1, 0 },
	  { "\"error_message\": \"skip: no such thing\"" } },
	{ "drop", with_drop, 10, 0, true, 3, { 1, 0, 0, 1 }, { NULL } },
	{ "early return",
	  early_return,
	  10,
	  0,
	  false,
	  0,
	  { 1, 1, 1, 0 },
	  { "returned before" } },
	{ "return in the loop",
	  return_inside,
	  10,
	  0,
	  false,
	  5,
	  { 1, 1, 1, 0 },
	  { "returned before" } },
};

static void run_row(const struct row *row)
{
	FILE *f = tmpfile();
	u64 sum = 0;
	struct gb_bench bench = {
		.name = "fam/key:value",
		.fn = row->fn,
		.arg = &sum,
		.nr_iterations = row->nr_iterations,
		.nr_repetitions = row->nr_repetitions,
		.has_manual_time = row->has_manual_time,
	};
	struct gb_result got;
	struct gb *gb;
	char *text;

	print_message("case: %s\n", row->title);
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, &got, NULL), 0);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	text = slurp(f);
	assert_int_equal(sum, row->sum);
	assert_int_equal(got.nr_matched, row->result.nr_matched);
	assert_int_equal(got.nr_rows, row->result.nr_rows);
	assert_int_equal(got.nr_errors, row->result.nr_errors);
	assert_int_equal(got.nr_dropped, row->result.nr_dropped);
	for (size_t i = 0; i < ARRAY_SIZE(row->has) && row->has[i]; i++)
		if (!strstr(text, row->has[i]))
			fail_msg("%s: no %s in\n%s", row->title, row->has[i],
				 text);
	assert_int_equal(nr_times(text, "\"repetition_index\""),
			 row->result.nr_rows);
	assert_null(strstr(text, "iterations:"));
	assert_null(strstr(text, "manual_time"));
	free(text);
	fclose(f);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		run_row(&table[i]);
}

/* The library chooses the iterations: trial runs, then the one that counts. */
static void test_free_iterations(void **state)
{
	u64 sum = 0;
	struct gb_bench bench = { .name = "free",
				  .fn = batches_of_7,
				  .arg = &sum,
				  .has_manual_time = true };
	FILE *f = tmpfile();
	struct gb *gb;
	char *text;

	(void)state;
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, "^free", NULL, NULL), 0);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	text = slurp(f);
	assert_true(sum > 1000);
	assert_true(fabs(field(text, "real_time") - 50) < 1e-6);
	assert_true(fabs(field(text, "cpu_time") - 25) < 1e-6);
	free(text);
	fclose(f);
}

static const struct {
	const char *name;
	double value;
	int ret;
} counters[] = {
	{ "pte_writes", 512, 0 },
	{ "n2n_ratio", 2.25, 0 },
	{ "pte_writes", 1, -EEXIST },
	{ "not_a_number", NAN, -EINVAL },
	{ "too_much", INFINITY, -EINVAL },
	{ "too_little", -INFINITY, -EINVAL },
	{ "real_time", 1, -EINVAL },
	{ "iterations", 1, -EINVAL },
	{ "label", 1, -EINVAL },
	{ "Upper", 1, -EINVAL },
	{ "with space", 1, -EINVAL },
	{ "1st", 1, -EINVAL },
	{ "", 1, -EINVAL },
};

static void set_counters(struct gb_state *state, void *arg)
{
	plain(state, arg);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		print_message("counter: '%s' %g\n", counters[i].name,
			      counters[i].value);
		assert_int_equal(gb_counter_set(state, counters[i].name,
						counters[i].value),
				 counters[i].ret);
	}
	assert_int_equal(gb_time_add(state, NAN), -EINVAL);
	assert_int_equal(gb_time_add(state, -1), -EINVAL);
	assert_int_equal(gb_cpu_time_add(state, INFINITY), -EINVAL);
}

static void test_counters(void **state)
{
	u64 sum = 0;
	struct gb_bench bench = { .name = "c",
				  .fn = set_counters,
				  .arg = &sum,
				  .nr_iterations = 10 };
	FILE *f = tmpfile();
	struct gb *gb;
	char *text;

	(void)state;
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, NULL, NULL), 0);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	text = slurp(f);
	assert_non_null(strstr(text, "\"pte_writes\": 5.12"));
	assert_non_null(strstr(text, "\"n2n_ratio\": 2.25"));
	assert_null(strstr(text, "NaN"));
	assert_null(strstr(text, "Inf"));
	free(text);
	fclose(f);
}

static void test_context(void **state)
{
	u64 sum = 0;
	struct gb_bench bench = {
		.name = "x", .fn = plain, .arg = &sum, .nr_iterations = 10
	};
	FILE *f = tmpfile();
	struct iopt_err err = { "" };
	struct gb *gb;
	char *text;

	(void)state;
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_JSON, "prog", &gb, NULL), 0);
	assert_int_equal(gb_context_add(gb, "iopt_a", "1 \"q\"", NULL), 0);
	assert_int_equal(gb_context_add(gb, "iopt_a", "2", &err), -EEXIST);
	assert_non_null(strstr(err.msg, "iopt_a"));
	assert_int_equal(gb_context_add(gb, "date", "now", &err), -EINVAL);
	assert_int_equal(gb_context_add(gb, "a b", "1", &err), -EINVAL);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, &err), -EEXIST);
	assert_int_equal(gb_run(gb, NULL, NULL, NULL), 0);
	assert_int_equal(gb_context_add(gb, "iopt_b", "1", &err), -EBUSY);
	bench.name = "y";
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, NULL, NULL), 0);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	text = slurp(f);
	/* One object with one context and both rows, with no build type. */
	assert_int_equal(nr_times(text, "\"context\""), 1);
	assert_int_equal(nr_times(text, "\"iopt_a\": \"1 \\\"q\\\"\""), 1);
	assert_int_equal(nr_times(text, "\"executable\": \"prog\""), 1);
	assert_int_equal(nr_times(text, "\"repetition_index\""), 2);
	assert_null(strstr(text, "library_build_type"));
	assert_string_equal(text + strlen(text) - 4, "]\n}\n");
	free(text);
	fclose(f);
}

static void test_silent_successes(void **state)
{
	u64 sum = 0;
	struct gb_bench bench = {
		.name = "x", .fn = plain, .arg = &sum, .nr_iterations = 10
	};
	struct gb_bench nameless = { .name = "", .fn = plain };
	struct gb_result got = { .nr_matched = 9 };
	struct iopt_err err = { "" };
	FILE *f = tmpfile();
	struct gb *gb;
	char *text;

	(void)state;
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, &got, &err), -ENOENT);
	assert_int_equal(gb_register(gb, &nameless, &err), -EINVAL);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, "nothing", &got, &err), -ENOENT);
	assert_int_equal(got.nr_matched, 0);
	assert_non_null(strstr(err.msg, "nothing"));
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, "(", &got, &err), -ENOENT);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	assert_int_equal(sum, 0);
	/* Nothing ran, and still it is one whole object. */
	text = slurp(f);
	assert_int_equal(text[0], '{');
	assert_string_equal(text + strlen(text) - 4, "]\n}\n");
	free(text);
	fclose(f);
}

static void test_full_disk(void **state)
{
	u64 sum = 0;
	struct gb_bench bench = {
		.name = "x", .fn = plain, .arg = &sum, .nr_iterations = 10
	};
	struct iopt_err err = { "" };
	FILE *f = fopen("/dev/full", "w");
	struct gb *gb;

	(void)state;
	if (!f) {
		print_message("skip: no /dev/full here\n");
		skip();
	}
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, NULL, &err), -ENOSPC);
	assert_int_equal(gb_destroy(gb, &err), -ENOSPC);
	fclose(f);
}

static void test_console(void **state)
{
	u64 sum = 0;
	struct gb_bench bench = { .name = "fam/key:value",
				  .fn = plain,
				  .arg = &sum,
				  .nr_iterations = 10 };
	FILE *f = tmpfile();
	struct gb *gb;
	char *text;

	(void)state;
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_CONSOLE, "test", &gb, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, NULL, NULL), 0);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	text = slurp(f);
	assert_non_null(strstr(text, "fam/key:value "));
	assert_null(strstr(text, "WARNING"));
	free(text);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_free_iterations),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_silent_successes),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
