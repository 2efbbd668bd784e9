// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an iteration of the C API costs: an empty gb_for_each() loop, the
 * fastest of several repetitions so that a busy machine does not matter.
 */
#include "test.h"

#include "gbench.h"

#define NR_ITERATIONS  200000 /* short: the fastest run is left in peace */
#define NR_REPETITIONS 500
#define LIMIT_NS       1.0

static void empty(struct gb_state *state, void *arg)
{
	(void)arg;
	gb_for_each(state, i) __asm__ volatile("" : : "r"(i));
}

static void test_cost(void **state)
{
	static const char key[] = "\"real_time\": ";
	struct gb_bench bench = { .name = "empty",
				  .fn = empty,
				  .nr_iterations = NR_ITERATIONS,
				  .nr_repetitions = NR_REPETITIONS };
	double min_ns = 1e9;
	char line[256];
	FILE *f = tmpfile();
	struct gb *gb;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skip: a sanitizer's code would be measured\n");
	skip();
#endif
	assert_non_null(f);
	assert_int_equal(gb_create(f, GB_JSON, "test", &gb, NULL), 0);
	assert_int_equal(gb_register(gb, &bench, NULL), 0);
	assert_int_equal(gb_run(gb, NULL, NULL, NULL), 0);
	assert_int_equal(gb_destroy(gb, NULL), 0);
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, key);
		double ns = at ? strtod(at + strlen(key), NULL) : 1e9;

		if (strstr(line, "aggregate"))
			break;
		min_ns = ns < min_ns ? ns : min_ns;
	}
	fclose(f);
	print_message("the C API: %.3f ns an iteration, limit %.1f\n", min_ns,
		      LIMIT_NS);
	/* A loop of nothing at all would mean that it was optimised away. */
	assert_true(min_ns > 0.05);
	if (test_emulator())
		print_message("skip: %s takes longer for an iteration than a "
			      "CPU may\n",
			      test_emulator());
	else
		assert_true(min_ns < LIMIT_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cost) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
