// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: any bytes as a trace. The reader must neither crash nor
 * leak, its errors must be one line that names the file, and what it accepts
 * must be a sequence of calls that an empty page table can follow.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "live.h"
#include "trace_prog.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz_trace: %s\n", what);
	abort();
}

/* Follow the calls on a set of live ranges of our own. */
static void check_ops(const struct trace_prog *prog)
{
	struct live live;
	u64 removed;
	size_t nr_ops = 0;

	live_init(&live);
	for (size_t r = 0; r < prog->nr_runs; r++) {
		const struct trace_run *run = &prog->runs[r];

		check(run->first == nr_ops && run->nr_ops, "runs have a gap");
		check(!r || run[-1].kind != run->kind, "runs of one kind");
		nr_ops += run->nr_ops;
		for (u32 i = 0; i < run->nr_ops; i++) {
			const struct trace_op *op = &prog->ops[run->first + i];

			check(op->size, "a call of no size");
			if (run->kind == TRACE_MAP) {
				check(!live_add(&live, op->iova, op->size),
				      "a map over a live range");
				continue;
			}
			if (!op->arg)
				continue;
			check(!live_remove(&live, op->iova, op->arg, &removed),
			      "no memory");
			check(removed == op->arg, "an unmap of a hole");
		}
	}
	check(nr_ops == prog->nr_ops, "calls outside runs");
	check(live.bytes == prog->sum.end_bytes, "bytes live at the end");
	check(live.peak_bytes == prog->sum.peak_bytes, "bytes at the peak");
	live_fini(&live);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);
	struct trace_prog *prog;
	struct iopt_err err = { "" };
	char path[64];
	int ret;

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size, "memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = trace_prog_load(path, &prog, &err);
	close(fd);
	if (ret) {
		check(!strncmp(err.msg, path, strlen(path)), "error text");
		check(!strchr(err.msg, '\n'), "error of several lines");
		return 0;
	}
	check_ops(prog);
	trace_prog_destroy(prog);
	return 0;
}
