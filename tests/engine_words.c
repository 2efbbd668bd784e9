// SPDX-License-Identifier: GPL-2.0-only
/* Engines by their words: what each sets, and that there are no others. */
#include "support.h"

struct word {
	const char *name;
	struct pgtable_params params;
	const char *rule;
};

static const struct word words[] = {
	/* 6.12 in all but the policy. */
	{ "lpae-split",
	  { PGTABLE_SPLIT, PGTABLE_CLEAR_RUN, PGTABLE_WALK_LOOP,
	    PGTABLE_CONCAT_OLD },
	  "6.12" },
	{ "lpae-nosplit",
	  { PGTABLE_NOSPLIT, PGTABLE_CLEAR_RUN, PGTABLE_WALK_LOOP,
	    PGTABLE_CONCAT_OLD },
	  "6.12" },
	{ "lpae-whole",
	  { PGTABLE_WHOLE, PGTABLE_CLEAR_RUN, PGTABLE_WALK_LOOP,
	    PGTABLE_CONCAT_OLD },
	  "6.12" },
	/* Whole drivers. */
	{ "lpae-6.1",
	  { PGTABLE_SPLIT, PGTABLE_CLEAR_EACH, PGTABLE_WALK_LOOP,
	    PGTABLE_CONCAT_OLD },
	  "6.1" },
	{ "lpae-6.12",
	  { PGTABLE_SPLIT, PGTABLE_CLEAR_RUN, PGTABLE_WALK_LOOP,
	    PGTABLE_CONCAT_OLD },
	  "6.12" },
	{ "lpae-7.3",
	  { PGTABLE_NOSPLIT, PGTABLE_CLEAR_RUN, PGTABLE_WALK_VISITOR,
	    PGTABLE_CONCAT_NEW },
	  "7.3" },
	/* Another format, which no parameter changes. */
	{ "amdv1",
	  { PGTABLE_WHOLE, PGTABLE_CLEAR_RUN, PGTABLE_WALK_LOOP,
	    PGTABLE_CONCAT_OLD },
	  "amdv1" },
};

static void each_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct word *want = &words[i];
		const struct pgtable_engine *got =
			pgtable_engine_find(want->name);

		if (!got)
			fail_msg("%s: not found", want->name);
		assert_string_equal(got->name, want->name);
		assert_string_equal(got->rule, want->rule);
		assert_non_null(gather_rule_find(got->rule));
		if (got->params.policy != want->params.policy ||
		    got->params.clear != want->params.clear ||
		    got->params.walk != want->params.walk ||
		    got->params.concat != want->params.concat)
			fail_msg("%s: expected policy %d clear %d walk %d "
				 "concat %d, got %d %d %d %d",
				 want->name, want->params.policy,
				 want->params.clear, want->params.walk,
				 want->params.concat, got->params.policy,
				 got->params.clear, got->params.walk,
				 got->params.concat);
	}
}

static void listing(void **state)
{
	size_t nr = 0;

	(void)state;
	for (size_t i = 0; pgtable_engine_at(i); i++) {
		const struct pgtable_engine *engine = pgtable_engine_at(i);

		assert_ptr_equal(pgtable_engine_find(engine->name), engine);
		assert_int_equal(engine->is_fixed,
				 !strcmp(engine->name, "amdv1"));
		nr++;
	}
	assert_int_equal(nr, ARRAY_SIZE(words));
}

static void no_such_word(void **state)
{
	static const char *const names[] = { "",	   "lpae",
					     "lpae-",	   "lpae-6.13",
					     "LPAE-SPLIT", "lpae-split " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_null(pgtable_engine_find(names[i]));
}

/* What the user gives stands behind the static engines, and hides none. */
static void set_of_engines(void **state)
{
	static const struct pgtable_engine given[] = {
		{ .name = "kernel-6.12" },
		{ .name = "lpae-6.12" },
	};
	const struct pgtable_engine *const more[] = { &given[0], &given[1] };
	const struct pgtable_engine_set set = { more, ARRAY_SIZE(more) };
	size_t nr = 0;

	(void)state;
	while (pgtable_engine_at(nr))
		nr++;
	for (size_t i = 0; i < nr; i++)
		assert_ptr_equal(pgtable_set_at(&set, i), pgtable_engine_at(i));
	assert_ptr_equal(pgtable_set_at(&set, nr), &given[0]);
	assert_ptr_equal(pgtable_set_at(&set, nr + 1), &given[1]);
	assert_null(pgtable_set_at(&set, nr + 2));
	assert_null(pgtable_set_at(NULL, nr));
	assert_ptr_equal(pgtable_set_find(&set, "kernel-6.12"), &given[0]);
	assert_ptr_equal(pgtable_set_find(&set, "lpae-6.12"),
			 pgtable_engine_find("lpae-6.12"));
	assert_null(pgtable_set_find(&set, "kernel-6.1"));
	assert_null(pgtable_set_find(NULL, "kernel-6.12"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word),
		cmocka_unit_test(listing),
		cmocka_unit_test(no_such_word),
		cmocka_unit_test(set_of_engines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
