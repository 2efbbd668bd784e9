// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-user: does a scenario of iopt-sim to a real kernel, an op for each line
 * of standard input and the end for one more, so that somebody can look at the
 * machine in between.
 *
 * Lines on standard output: "@ready NR" with the number of ops; "@op I ret R
 * warnings W" after each; "@skip REASON" or "@error REASON" in place of them.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"
#include "space.h"

#define EXIT_USAGE 2
#define EXIT_SKIP  77

static const struct space_ops *const spaces[] = {
	&space_vfio,
	&space_iommufd,
	&space_core,
};

static const char usage[] =
	"usage: vfio-user --device BDF FILE\n"
	"\n"
	"Does the ops of scenario FILE to this kernel, an op for each line of\n"
	"standard input, and ends with one more: vfio_* in a type1v2 "
	"container, iommufd_* in an IOAS,\n"
	"iommu_* through the module iopt-guest, which all take frames from.\n"
	"\n"
	"Exit codes: 0 done (an op that failed is a result), 1 it failed,\n"
	"2 usage, or a bad line, 77 this kernel cannot do it.\n";

/* The one way that all ops of a scenario go. */
static const struct space_ops *ops_of(const struct scenario *scenario)
{
	const struct space_ops *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		size_t nr = 0;

		for (size_t j = 0; j < scenario->nr_ops; j++)
			nr += scenario->ops[j].kind == spaces[i]->map_kind ||
			      scenario->ops[j].kind == spaces[i]->unmap_kind;
		if (nr == scenario->nr_ops)
			found = spaces[i];
	}
	return found;
}

/* A line of standard input, whatever is in it; false at its end. */
static bool wait_for_line(void)
{
	int c = getchar();

	while (c != '\n' && c != EOF)
		c = getchar();
	return c != EOF;
}

static int run_op(struct space *space, const struct scenario_op *op, size_t i,
		  struct kmsg *kmsg)
{
	bool is_map = op->kind == space->ops->map_kind;
	s64 ret;

	kmsg_skip(kmsg);
	ret = is_map ? space->ops->map(space, op) :
		       space->ops->unmap(space, op);
	if (is_map && ret == -ENOSPC) {
		printf("@skip op %zu: the guest has not that many frames in "
		       "a row: %s\n",
		       i, op->text);
		return EXIT_SKIP;
	}
	printf("@op %zu ret %" PRId64 " warnings %u\n", i, ret,
	       kmsg_nr_warnings(kmsg));
	return 0;
}

static int run_ops(struct space *space, const struct scenario *scenario,
		   struct kmsg *kmsg)
{
	printf("@ready %zu\n", scenario->nr_ops);
	for (size_t i = 0; i < scenario->nr_ops; i++) {
		int ret;

		if (!wait_for_line()) {
			printf("@error end of input before op %zu\n", i);
			return EXIT_FAILURE;
		}
		ret = run_op(space, &scenario->ops[i], i, kmsg);
		if (ret)
			return ret;
	}
	/* What closing sends is not the last op's. */
	wait_for_line();
	return 0;
}

static int run(const char *bdf, const struct scenario *scenario)
{
	struct space space = { .fd = -1, .device_fd = -1 };
	struct iopt_err err = { 0 };
	struct kmsg kmsg;
	int ret;

	space.ops = ops_of(scenario);
	if (!space.ops) {
		puts("@skip vfio_*, iommufd_* and iommu_* ops in one scenario "
		     "are different address spaces in a kernel");
		return EXIT_SKIP;
	}
	ret = space.ops->open(&space, bdf, &err);
	if (!ret)
		ret = kmsg_init(&kmsg, &err);
	if (!ret) {
		ret = run_ops(&space, scenario, &kmsg);
		kmsg_fini(&kmsg);
	} else {
		printf("@%s %s\n", ret == -ENOTSUP ? "skip" : "error", err.msg);
		ret = ret == -ENOTSUP ? EXIT_SKIP : EXIT_FAILURE;
	}
	space.ops->close(&space);
	return ret;
}

static int load_and_run(const char *bdf, const char *path)
{
	u64 page_bytes = (u64)sysconf(_SC_PAGESIZE);
	struct scenario *scenario = NULL;
	struct iopt_err err = { 0 };
	int ret = scenario_load(path, page_bytes, &scenario, &err);

	if (ret) {
		printf("@error %s\n", err.msg);
		return EXIT_USAGE;
	}
	ret = run(bdf, scenario);
	scenario_destroy(scenario);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *bdf = NULL;
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'd':
			bdf = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (!bdf || optind != argc - 1) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return load_and_run(bdf, argv[optind]);
}
