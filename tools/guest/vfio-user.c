// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-user: does a scenario of iopt-sim to a real kernel, an op for each line
 * of standard input and the end for one more, so that somebody can look at the
 * machine in between; or the whole of it several times, and counts what the
 * kernel executes for each op.
 *
 * Lines on standard output: "@ready NR" with the number of ops; "@op I ret R
 * warnings W" after each; "@skip REASON" or "@error REASON" in place of them.
 * With --count: "@empty ROUND instructions N cycles N" of a call that does
 * nothing, and "@count ROUND I ret R instructions N cycles N" of each op.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kcount.h"
#include "kmsg.h"
#include "space.h"

#define EXIT_USAGE 2
#define EXIT_SKIP  77
#define MAX_ROUNDS 1000

static const struct space_ops *const spaces[] = {
	&space_vfio,
	&space_iommufd,
	&space_core,
};

static const char usage[] =
	"usage: vfio-user --device BDF [--count ROUNDS] FILE\n"
	"\n"
	"Does the ops of scenario FILE to this kernel, an op for each line of\n"
	"standard input, and ends with one more: vfio_* in a type1v2 "
	"container, iommufd_* in an IOAS,\n"
	"iommu_* through the module iopt-guest, which all take frames from.\n"
	"With --count it waits for nothing, does all ROUNDS times, each in a\n"
	"new space, and counts what each op takes in kernel mode.\n"
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

/* What an op returned, and what it took in kernel mode if that is counted. */
struct done {
	s64 ret;
	struct kcount_value value;
};

/*
 * An op, counted by @count unless that is NULL; memory for it is no part of
 * what is counted. 0, or the exit code when it could not be done or counted.
 */
static int do_op(struct space *space, const struct scenario_op *op, size_t i,
		 struct kcount *count, struct done *done)
{
	bool is_map = op->kind == space->ops->map_kind;
	int ret = 0;

	done->ret = is_map && space->ops->has_frames ?
			    space_frames(op, &space->at) :
			    0;
	if (count)
		ret = kcount_begin(count);
	if (!done->ret)
		done->ret = is_map ? space->ops->map(space, op) :
				     space->ops->unmap(space, op);
	if (count && !ret)
		ret = kcount_end(count, &done->value);
	if (ret) {
		printf("@error op %zu: not counted: %s\n", i, strerror(-ret));
		return EXIT_FAILURE;
	}
	if (!is_map || done->ret != -ENOSPC)
		return 0;
	printf("@skip op %zu: the guest has not that many frames in a row: "
	       "%s\n",
	       i, op->text);
	return EXIT_SKIP;
}

static int run_op(struct space *space, const struct scenario_op *op, size_t i,
		  struct kmsg *kmsg)
{
	struct done done;
	int code;

	kmsg_skip(kmsg);
	code = do_op(space, op, i, NULL, &done);
	if (code)
		return code;
	printf("@op %zu ret %" PRId64 " warnings %u\n", i, done.ret,
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

/* Say why there is nothing; the exit code. */
static int give_up(int ret, const struct iopt_err *err)
{
	printf("@%s %s\n", ret == -ENOTSUP ? "skip" : "error", err->msg);
	return ret == -ENOTSUP ? EXIT_SKIP : EXIT_FAILURE;
}

static int run(const char *bdf, const struct space_ops *ops,
	       const struct scenario *scenario)
{
	struct space space = { .ops = ops, .fd = -1, .dma = DMA_SPACE_CLOSED };
	struct iopt_err err = { 0 };
	struct kmsg kmsg;
	int ret = ops->open(&space, bdf, &err);

	if (!ret)
		ret = kmsg_init(&kmsg, &err);
	if (!ret) {
		ret = run_ops(&space, scenario, &kmsg);
		kmsg_fini(&kmsg);
	} else {
		ret = give_up(ret, &err);
	}
	ops->close(&space);
	return ret;
}

/* A call that does nothing; its second try, as code and data are there then. */
static int count_nothing(struct space *space, struct kcount *count,
			 struct done *done)
{
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		ret = kcount_begin(count);
		if (space->ops->nothing)
			space->ops->nothing(space);
		if (!ret)
			ret = kcount_end(count, &done->value);
	}
	if (!ret)
		return 0;
	printf("@error nothing was counted: %s\n", strerror(-ret));
	return EXIT_FAILURE;
}

/*
 * All ops in a new space; @out gets one more than there are, the call that
 * does nothing first. Nothing is printed: the console's interrupts would be
 * counted.
 */
static int count_round(struct space *space, const struct scenario *scenario,
		       struct kcount *count, struct done *out)
{
	int code = count_nothing(space, count, &out[0]);

	for (size_t i = 0; i < scenario->nr_ops && !code; i++)
		code = do_op(space, &scenario->ops[i], i, count, &out[1 + i]);
	return code;
}

static void print_round(size_t round, const struct done *c, size_t nr_ops)
{
	printf("@empty %zu instructions %" PRIu64 " cycles %" PRIu64 "\n",
	       round, c->value.instructions, c->value.cycles);
	for (size_t i = 0; i < nr_ops; i++)
		printf("@count %zu %zu ret %" PRId64 " instructions %" PRIu64
		       " cycles %" PRIu64 "\n",
		       round, i, c[1 + i].ret, c[1 + i].value.instructions,
		       c[1 + i].value.cycles);
}

static int count_rounds(const char *bdf, const struct space_ops *ops,
			const struct scenario *scenario, size_t nr_rounds,
			struct done *out)
{
	const size_t nr = 1 + scenario->nr_ops;
	struct iopt_err err = { 0 };
	struct kcount count;
	int ret = kcount_init(&count, &err);

	if (ret)
		return give_up(ret, &err);
	for (size_t i = 0; i < nr_rounds && !ret; i++) {
		struct space space = { .ops = ops,
				       .fd = -1,
				       .dma = DMA_SPACE_CLOSED };

		ret = ops->open(&space, bdf, &err);
		ret = ret ? give_up(ret, &err) :
			    count_round(&space, scenario, &count, &out[i * nr]);
		ops->close(&space);
	}
	kcount_fini(&count);
	for (size_t i = 0; i < nr_rounds && !ret; i++)
		print_round(i, &out[i * nr], scenario->nr_ops);
	return ret;
}

static int run_counted(const char *bdf, const struct space_ops *ops,
		       const struct scenario *scenario, size_t nr_rounds)
{
	struct done *out =
		calloc(nr_rounds * (1 + scenario->nr_ops), sizeof(*out));
	int ret;

	if (!out) {
		puts("@error out of memory");
		return EXIT_FAILURE;
	}
	printf("@ready %zu\n", scenario->nr_ops);
	ret = count_rounds(bdf, ops, scenario, nr_rounds, out);
	free(out);
	return ret;
}

static int run_either(const char *bdf, const struct scenario *scenario,
		      size_t nr_rounds)
{
	const struct space_ops *ops = ops_of(scenario);

	if (!ops) {
		puts("@skip vfio_*, iommufd_* and iommu_* ops in one scenario "
		     "are different address spaces in a kernel");
		return EXIT_SKIP;
	}
	return nr_rounds ? run_counted(bdf, ops, scenario, nr_rounds) :
			   run(bdf, ops, scenario);
}

static int load_and_run(const char *bdf, const char *path, size_t nr_rounds)
{
	u64 page_bytes = (u64)sysconf(_SC_PAGESIZE);
	struct scenario *scenario = NULL;
	struct iopt_err err = { 0 };
	int ret = scenario_load(path, page_bytes, &scenario, &err);

	if (ret) {
		printf("@error %s\n", err.msg);
		return EXIT_USAGE;
	}
	ret = run_either(bdf, scenario, nr_rounds);
	scenario_destroy(scenario);
	return ret;
}

static bool parse_rounds(const char *text, size_t *nr_rounds)
{
	char *end;
	unsigned long nr = strtoul(text, &end, 10);

	if (*end || !nr || nr > MAX_ROUNDS) {
		fprintf(stderr, "vfio-user: --count %s: 1 to %d rounds\n", text,
			MAX_ROUNDS);
		return false;
	}
	*nr_rounds = nr;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *bdf = NULL;
	size_t nr_rounds = 0;
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			if (!parse_rounds(optarg, &nr_rounds))
				return EXIT_USAGE;
			break;
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
	return load_and_run(bdf, argv[optind], nr_rounds);
}
