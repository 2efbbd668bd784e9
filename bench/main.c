// SPDX-License-Identifier: GPL-2.0-only
/* iopt-bench: runs the selected cases and writes one row of each. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "families.h"
#include "harness.h"
#include "kernel.h"
#include "list.h"
#include "machine.h"
#include "options.h"
#include "progress.h"
#include "selection.h"
#include "sizes.h"
#include "trace_set.h"
#include "turns.h"

#define ARENA_BYTES (256 * SZ_1M)
#define ARENA_SLACK (64 * SZ_1M)

enum {
	EXIT_USAGE = 2,
	EXIT_INTERRUPTED = 128 + SIGINT,
};

static volatile sig_atomic_t stop;

/* A second signal ends the process at once: the handler was reset. */
static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int complain(const struct iopt_err *err, int code)
{
	fprintf(stderr, "iopt-bench: %s\n", err->msg);
	return code;
}

/* What became of the run, as an exit code. */
static int conclude(int ret, const struct harness_result *result,
		    const struct iopt_err *err)
{
	if (ret == -EINTR)
		return complain(err, EXIT_INTERRUPTED);
	if (ret)
		return complain(err, EXIT_FAILURE);
	if (!result->nr_failed)
		return EXIT_SUCCESS;
	fprintf(stderr, "iopt-bench: %zu of %zu cases failed; the first: %s\n",
		result->nr_failed,
		result->nr_failed + result->nr_ok + result->nr_skipped,
		result->first_failure);
	return EXIT_FAILURE;
}

/**
 * struct job - What is to be measured, where, and where to.
 * @opt: command line
 * @sel: cases
 * @kernels: Linux trees among the engines
 * @machine: what is measured on
 * @progress: of the cases, told to the user
 * @env: for the cases
 * @turns: taken with other processes
 * @out: where the result goes
 */
struct job {
	const struct options *opt;
	const struct selection *sel;
	const struct kernel_set *kernels;
	struct machine machine;
	struct progress progress;
	struct bench_env env;
	struct turns *turns;
	FILE *out;
};

static int run_cases(const struct job *job, struct gb *gb,
		     struct harness_result *result, struct iopt_err *err)
{
	const struct options *opt = job->opt;
	struct bench_context context = {
		.env = &job->env,
		.families = job->sel->families,
		.order = job->sel->order,
		.round = opt->round,
		.machine = &job->machine,
		.kernels = job->kernels,
	};
	struct harness_cfg cfg = {
		.env = &job->env,
		.measure = { .clock = &job->machine.clock,
			     .budget_ns = (double)opt->min_time_ms * 1e6,
			     .stop = &stop,
			     .perf = job->machine.perf,
			     .turns = job->turns },
		.cases = job->sel->cases,
		.nr_cases = job->sel->nr,
		.plan = opt->plan.nr ? &opt->plan : NULL,
		.profiles = opt->profiles,
		.nr_profiles = opt->nr_profiles,
		.is_count_only = opt->is_count_only,
	};
	int ret;

	context.overhead_ns = measure_overhead_ns(
		&job->machine.clock, job->machine.perf, &context.perf_overhead);
	ret = context_add_all(gb, &context, err);
	if (ret)
		return ret;
	cfg.measure.min_section_ns =
		measure_section_ns(&job->machine.clock, context.overhead_ns);
	return harness_run(&cfg, gb, result, err);
}

static int measure_all(const struct job *job)
{
	struct harness_result result = { .nr_ok = 0 };
	struct iopt_err err = { "" }, end_err = { "" };
	struct gb *gb;
	int ret, end;

	ret = gb_create(job->out, job->opt->out ? GB_JSON : GB_CONSOLE,
			"iopt-bench", &gb, &err);
	if (ret)
		return complain(&err, EXIT_FAILURE);
	ret = run_cases(job, gb, &result, &err);
	end = gb_destroy(gb, &end_err);
	if (end && (!ret || ret == -EINTR)) {
		ret = end;
		err = end_err;
	}
	return conclude(ret, &result, &err);
}

/* The result must be writable before anything is measured. */
static int measure_into(struct job *job)
{
	const char *path = job->opt->out;
	struct iopt_err err = { "" };
	int code;

	job->out = path ? fopen(path, "w") : stdout;
	if (!job->out) {
		iopt_err_set(&err, -errno, "--out %s: %s", path,
			     strerror(errno));
		return complain(&err, EXIT_FAILURE);
	}
	catch_signals();
	code = measure_all(job);
	if (path && fclose(job->out) && code == EXIT_SUCCESS) {
		iopt_err_set(&err, -errno, "--out %s: %s", path,
			     strerror(errno));
		code = complain(&err, EXIT_FAILURE);
	}
	return code;
}

/* Bound of the arena: what most cases need, or the largest of the selected. */
static u64 arena_bytes(const struct selection *sel)
{
	u64 bytes = ARENA_BYTES;

	for (size_t i = 0; i < sel->nr; i++) {
		const struct bench_case *c = sel->cases[i];
		u64 want = 0;

		if (c->family->arena_bytes && !c->skip[0])
			want = c->family->arena_bytes(c) + ARENA_SLACK;
		if (bytes < want)
			bytes = want;
	}
	return bytes;
}

/*
 * Where the CPU is named, processes that take turns are many and short, and
 * what they would see of the load are the others of their ring.
 */
static bool wants_load(const struct job *job, const struct turns *turns)
{
	if (job->opt->cpu < 0 || !turns_are_taken(turns))
		return true;
	for (size_t i = 0; job->sel->families[i]; i++)
		if (job->sel->families[i]->needs_load)
			return true;
	return false;
}

static int run_job(struct job *job)
{
	struct arena_cfg cfg = { .size = arena_bytes(job->sel),
				 .bind = machine_mem_bind,
				 .bind_arg = &job->machine };
	struct machine_wish wish = {
		.host = { job->opt->cpu, job->opt->node },
		.wants_perf = !job->opt->has_no_perf,
	};
	struct iopt_err err = { "" };
	struct turns turns;
	int ret = turns_init(&turns, getenv("IOPT_TURNS"), &stop, &err);
	int code;

	if (ret)
		return complain(&err, EXIT_USAGE);
	job->turns = &turns;
	wish.wants_load = wants_load(job, &turns);
	ret = machine_init(&job->machine, &wish, &err);
	if (!ret)
		ret = arena_create(&cfg, &job->env.arena, &err);
	if (ret) {
		machine_fini(&job->machine);
		return complain(&err,
				ret == -EINVAL ? EXIT_USAGE : EXIT_FAILURE);
	}
	job->env.clock = &job->machine.clock;
	job->env.topo = job->machine.topo;
	job->env.load = machine_load(&job->machine);
	job->env.cpu = job->machine.choice.cpu;
	job->progress.out = stderr;
	if (job->opt->wants_progress)
		job->env.progress = &job->progress;
	code = measure_into(job);
	arena_destroy(job->env.arena);
	machine_fini(&job->machine);
	return code;
}

static int run(const struct options *opt, const struct kernel_set *kernels)
{
	struct selection sel = { .nr = 0 };
	struct job job = {
		.opt = opt,
		.sel = &sel,
		.kernels = kernels,
		.env = { .engines = kernel_set_engines(kernels),
			 .seed = opt->seed,
			 .traces = opt->traces,
			 .nr_traces = opt->nr_traces,
			 .frames = opt->frames,
			 .nr_frames = opt->nr_frames },
	};
	struct bench_list list = { NULL, 0 };
	struct iopt_err err = { "" };
	int code = EXIT_SUCCESS;
	int ret = trace_set_create(opt->traces, opt->nr_traces,
				   &job.env.trace_set, &err);

	if (!ret)
		ret = bench_list_build(&list, opt->families, &job.env, &err);
	if (!ret && opt->wants_list)
		ret = list_print(stdout, &list, opt, &err);
	else if (!ret)
		ret = selection_init(&sel, &list, opt, &err);
	if (!ret && !opt->wants_list)
		code = run_job(&job);
	selection_fini(&sel);
	bench_list_free(&list);
	trace_set_destroy(job.env.trace_set);
	return ret ? complain(&err, EXIT_FAILURE) : code;
}

static int run_with_kernels(const struct options *opt)
{
	struct kernel_set *kernels = NULL;
	struct iopt_err err = { "" };
	int ret = kernel_set_create(opt->kernels, opt->nr_kernels, &kernels,
				    &err);
	int code;

	if (ret)
		return complain(&err,
				ret == -ENOMEM ? EXIT_FAILURE : EXIT_USAGE);
	code = run(opt, kernels);
	kernel_set_destroy(kernels);
	return code;
}

int main(int argc, char **argv)
{
	struct options opt;
	struct iopt_err err = { "" };
	int code;

	if (options_parse(&opt, argc, argv, bench_families, &err))
		code = complain(&err, EXIT_USAGE);
	else if (opt.wants_help)
		code = fputs(options_help(), stdout) < 0;
	else
		code = run_with_kernels(&opt);
	options_fini(&opt);
	return code;
}
