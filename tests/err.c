// SPDX-License-Identifier: GPL-2.0-only
/* Error text: what it holds, where it is cut, and that nobody need want it. */
#include "test.h"

#include "err.h"

static void test_text_and_code(void **state)
{
	struct iopt_err err = { "stale" };

	(void)state;
	assert_int_equal(iopt_err_set(&err, -EINVAL, "bad %s %d", "size", 7),
			 -EINVAL);
	assert_string_equal(err.msg, "bad size 7");
}

static void test_nobody_listens(void **state)
{
	(void)state;
	assert_int_equal(iopt_err_set(NULL, -ENOMEM, "%s", "x"), -ENOMEM);
}

/* The buffer holds 255 characters; longer text ends in dots. */
static const struct {
	int length;
	bool is_cut;
} lengths[] = { { 0, false },  { 1, false },  { 254, false }, { 255, false },
		{ 256, true }, { 257, true }, { 1000, true } };

static void test_cut(void **state)
{
	struct iopt_err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		int len = lengths[i].length;
		size_t want = lengths[i].is_cut ? 255 : (size_t)len;
		const char *end;

		memset(&err, 'y', sizeof(err));
		iopt_err_set(&err, -EIO, "%0*d", len, 0);
		if (!len)
			iopt_err_set(&err, -EIO, "%s", "");
		expect_u64(strlen(err.msg), want, "length %d", len);
		end = err.msg + (want > 3 ? want - 3 : 0);
		expect_u64(!strcmp(end, "..."), lengths[i].is_cut, "length %d",
			   len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_code),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
