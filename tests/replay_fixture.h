/* SPDX-License-Identifier: GPL-2.0-only */
/* A process with one trace in it, and a case of it. */
#ifndef IOPT_REPLAY_FIXTURE_H
#define IOPT_REPLAY_FIXTURE_H

#include <sys/mman.h>
#include <unistd.h>

#include "families.h"
#include "test.h"
#include "trace_set.h"

/**
 * struct fixture - What a case of the family replay needs; the test owns it.
 * @fd: the trace, in memory
 * @path: of @fd
 * @paths: @path alone
 * @clock: of this machine
 * @env: for the case
 * @c: the case; its values may be changed
 */
struct fixture {
	int fd;
	char path[64];
	const char *paths[1];
	struct host_clock clock;
	struct bench_env env;
	struct bench_case c;
};

/**
 * fixture_init() - Make the case trace:trace, engine:@engine, sync:@sync.
 * @f: set; freed by fixture_fini()
 * @arena: of the tables
 * @text: the trace
 * @engine: value of the key
 * @sync: value of the key
 */
static inline void fixture_init(struct fixture *f,
				const struct arena_cfg *arena, const char *text,
				const char *engine, const char *sync)
{
	*f = (struct fixture){ .fd = memfd_create("trace", 0) };
	assert_true(f->fd >= 0);
	assert_int_equal(write(f->fd, text, strlen(text)), strlen(text));
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
	assert_int_equal(host_clock_init(&f->clock, 0, NULL), 0);
	f->env.clock = &f->clock;
	f->paths[0] = f->path;
	f->env.traces = f->paths;
	f->env.nr_traces = 1;
	assert_int_equal(arena_create(arena, &f->env.arena, NULL), 0);
	assert_int_equal(trace_set_create(f->paths, 1, &f->env.trace_set, NULL),
			 0);
	f->c = (struct bench_case){ .family = &replay_family };
	f->c.values[0] = trace_set_name(f->env.trace_set, 0);
	f->c.values[1] = engine;
	f->c.values[2] = sync;
}

/**
 * fixture_fini() - Free it; fails the test when tables are left.
 * @f: fixture
 */
static inline void fixture_fini(struct fixture *f)
{
	trace_set_destroy(f->env.trace_set);
	expect_u64(arena_destroy(f->env.arena), 0, "bytes leaked");
	close(f->fd);
}

#endif
