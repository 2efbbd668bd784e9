/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps and unmaps memory as a plan says, and writes what it took, a line of
 * JSON each, as soon as it is known; docs/live.md has the lines.
 */
#ifndef IOPT_LIVE_RUN_H
#define IOPT_LIVE_RUN_H

#include <signal.h>
#include <stdio.h>

#include "dma_space.h"
#include "err.h"
#include "live_events.h"
#include "live_plan.h"

/**
 * struct live_run - A run; the caller owns it.
 * @space: empty space to map into
 * @events: tracepoints; NULL for none
 * @frames_dir: where to write each row's frames; NULL for nowhere
 * @nr_reps: how often each row is measured
 * @max_seconds: of a row; no further repetition starts after it
 * @is_stopping: becomes other than 0 when the run shall end
 * @out: where lines go
 * @nr_measured: rows that were measured so far
 * @nr_failed: rows that the kernel did not do
 */
struct live_run {
	struct dma_space *space;
	const struct live_events *events;
	const char *frames_dir;
	unsigned int nr_reps;
	unsigned int max_seconds;
	const volatile sig_atomic_t *is_stopping;
	FILE *out;
	size_t nr_measured;
	size_t nr_failed;
};

IOPT_BEGIN_DECLS

/**
 * live_run_row() - Measure a row; nothing of it stays mapped.
 * @run: run
 * @row: the row; one that this host has no memory for is a line that says so,
 *	one that the kernel refuses likewise, and is counted in run.nr_failed
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINTR when the run was stopped;
 * -EIO when a line or a file of frames could not be written.
 */
int live_run_row(struct live_run *run, const struct plan_row *row,
		 struct iopt_err *err);

IOPT_END_DECLS

#endif
