// SPDX-License-Identifier: GPL-2.0-only
/* Loading modules: what is refused, and by which words. */
#include "test.h"

#include <errno.h>

#include "kernel.h"

static void nothing_given(void **state)
{
	struct kernel_set *set = NULL;
	struct iopt_err err = { "" };

	(void)state;
	assert_int_equal(kernel_set_create(NULL, 0, &set, &err), 0);
	assert_non_null(kernel_set_engines(set));
	assert_int_equal(kernel_set_engines(set)->nr_more, 0);
	assert_null(kernel_set_module(set, 0, false));
	kernel_set_destroy(set);
	assert_null(kernel_set_engines(NULL));
	assert_null(kernel_set_module(NULL, 0, false));
	kernel_set_destroy(NULL);
}

static void no_module(void **state)
{
	static const struct {
		const char *path;
		const char *said;
	} rows[] = {
		{ "/nonexistent/kernel.so", "/nonexistent/kernel.so: cannot" },
		{ "/etc/passwd", "/etc/passwd: invalid ELF header" },
		{ "kernel.so", "./kernel.so: cannot open" },
		/* A library that is there, but has no door. */
		{ KERNEL_NO_MODULE, "is no module that scripts/kernel.py" },
		{ KERNEL_OLD_MODULE, "was built for interface 4711" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel_set *set = NULL;
		struct iopt_err err = { "" };
		int ret = kernel_set_create(&rows[i].path, 1, &set, &err);

		if (ret != -EINVAL || !strstr(err.msg, rows[i].said))
			fail_msg("%s: expected -EINVAL and '%s', got %d and "
				 "'%s'",
				 rows[i].path, rows[i].said, ret, err.msg);
		assert_null(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(no_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
