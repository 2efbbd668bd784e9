// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel-selftest: runs the selftests that Linux trees bring, on modules that
 * scripts/kernel.py built with them.
 *
 * usage: kernel-selftest [MODULE...]   without one, all that are below
 *	build/kernel; exit 77 where there is none
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "sizes.h"

#define EXIT_SKIPPED 77
#define ARENA_BYTES  (256 * SZ_1M)

static int complain(const struct iopt_err *err)
{
	fprintf(stderr, "kernel-selftest: %s\n", err->msg);
	return EXIT_FAILURE;
}

static int run_on(const struct kmodule *module)
{
	const struct arena_cfg cfg = { .size = ARENA_BYTES };
	struct arena *arena = NULL;
	struct iopt_err err = { "" };
	int nr_failed;
	u64 left;

	if (!module->selftest) {
		fprintf(stderr,
			"kernel-selftest: kernel-%s was not built with its "
			"selftests\n",
			module->label);
		return EXIT_FAILURE;
	}
	if (arena_create(&cfg, &arena, &err) ||
	    kernel_module_bind(module, arena, &err)) {
		arena_destroy(arena);
		return complain(&err);
	}
	nr_failed = module->selftest();
	module->unbind();
	left = arena_destroy(arena);
	printf("kernel-%s (%s): %s, %d failed\n", module->label,
	       module->version, nr_failed || left ? "FAILED" : "passed",
	       nr_failed);
	if (left)
		fprintf(stderr, "kernel-selftest: %llu bytes of tables left\n",
			(unsigned long long)left);
	return nr_failed || left ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_all(const char *const *paths, size_t nr)
{
	struct kernel_set *set = NULL;
	struct iopt_err err = { "" };
	const struct kmodule *module;
	int code = EXIT_SUCCESS;

	if (kernel_set_create(paths, nr, &set, &err))
		return complain(&err);
	for (size_t i = 0; (module = kernel_set_module(set, i, false)); i++)
		if (run_on(module))
			code = EXIT_FAILURE;
	kernel_set_destroy(set);
	return code;
}

int main(int argc, char *argv[])
{
	glob_t found = { .gl_pathc = 0 };
	int code = EXIT_SKIPPED;

	if (argc > 1)
		return run_all((const char *const *)argv + 1, (size_t)argc - 1);
	if (!glob(KERNEL_DIR "/*/kernel.selftest.so", 0, NULL, &found))
		code = run_all((const char *const *)found.gl_pathv,
			       found.gl_pathc);
	else
		printf("skipped: no Linux tree is built with its selftests; "
		       "make kernel-selftest KERNEL=debian:6.12 builds one\n");
	globfree(&found);
	return code;
}
