// SPDX-License-Identifier: GPL-2.0-only
/* iopt-bench: runs the selected cases and writes one row of each. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "families.h"
#include "harness.h"
#include "list.h"
#include "options.h"
#include "rng.h"
#include "sizes.h"

#define ARENA_BYTES (256 * SZ_1M)

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

/**
 * struct selection - Cases to run.
 * @cases: in the order to run them
 * @nr: entries in @cases
 * @order: their indices before the shuffle, as a comma list
 * @families: families that have a case among them, NULL after the last
 */
struct selection {
	const struct bench_case **cases;
	size_t nr;
	char *order;
	const struct bench_family *families[OPTIONS_MAX + 1];
};

static void selection_free(struct selection *sel)
{
	free(sel->cases);
	free(sel->order);
}

static void note_family(struct selection *sel, const struct bench_family *f)
{
	size_t i = 0;

	while (sel->families[i] && sel->families[i] != f)
		i++;
	sel->families[i] = f;
}

static int select_cases(struct selection *sel, const struct bench_list *list,
			const struct options *opt, struct iopt_err *err)
{
	sel->cases = calloc(list->nr + 1, sizeof(*sel->cases));
	sel->order = calloc(list->nr + 1, sizeof("4294967295,"));
	if (!sel->cases || !sel->order)
		return iopt_err_set(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < list->nr; i++) {
		if (!options_wants(opt, &list->cases[i]))
			continue;
		sel->cases[sel->nr++] = &list->cases[i];
		note_family(sel, list->cases[i].family);
	}
	if (!sel->nr)
		return iopt_err_set(err, -ENOENT,
				    "no case matches%s%s; --list --json "
				    "names them",
				    opt->filter_text ? " --filter " : "",
				    opt->filter_text ? opt->filter_text : "");
	return 0;
}

/* Fisher and Yates; the order is the list of old indices. */
static int shuffle(struct selection *sel, u64 seed, struct iopt_err *err)
{
	u32 *index = calloc(sel->nr, sizeof(*index));
	struct rng rng;
	size_t len = 0;

	if (!index)
		return iopt_err_set(err, -ENOMEM, "no memory");
	rng_init(&rng, seed);
	for (size_t i = 0; i < sel->nr; i++)
		index[i] = (u32)i;
	for (size_t i = sel->nr - 1; i > 0; i--) {
		size_t j = rng_below(&rng, i + 1);
		const struct bench_case *c = sel->cases[i];
		u32 at = index[i];

		sel->cases[i] = sel->cases[j];
		sel->cases[j] = c;
		index[i] = index[j];
		index[j] = at;
	}
	for (size_t i = 0; i < sel->nr; i++)
		len += (size_t)sprintf(sel->order + len, "%s%u", i ? "," : "",
				       index[i]);
	free(index);
	return 0;
}

static int pin(int cpu, struct iopt_err *err)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	if (cpu < CPU_SETSIZE)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return iopt_err_set(err, -EINVAL,
				    "--cpu %d: this process may not run there",
				    cpu);
	return 0;
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

static int measure_all(const struct options *opt, const struct selection *sel,
		       const struct bench_env *env, FILE *out)
{
	struct harness_result result = { .nr_ok = 0 };
	struct harness_cfg cfg = {
		.env = env,
		.measure = { .budget_ns = (double)opt->min_time_ms * 1e6,
			     .stop = &stop },
		.cases = sel->cases,
		.nr_cases = sel->nr,
		.is_count_only = opt->is_count_only,
		.progress = opt->wants_progress ? stderr : NULL,
	};
	struct bench_context context = {
		.env = env,
		.families = sel->families,
		.order = sel->order,
		.round = opt->round,
		.cpu = opt->cpu,
	};
	struct iopt_err err = { "" }, end_err = { "" };
	struct gb *gb;
	int ret, end;

	clock_measure(&context.clock);
	context.overhead_ns = measure_overhead_ns();
	cfg.measure.min_section_ns =
		measure_section_ns(&context.clock, context.overhead_ns);
	ret = gb_create(out, opt->out ? GB_JSON : GB_CONSOLE, "iopt-bench", &gb,
			&err);
	if (ret)
		return complain(&err, EXIT_FAILURE);
	ret = context_add_all(gb, &context, &err);
	if (!ret)
		ret = harness_run(&cfg, gb, &result, &err);
	end = gb_destroy(gb, &end_err);
	if (end && (!ret || ret == -EINTR)) {
		ret = end;
		err = end_err;
	}
	return conclude(ret, &result, &err);
}

/* The result must be writable before anything is measured. */
static FILE *open_out(const char *path, struct iopt_err *err)
{
	FILE *out = path ? fopen(path, "w") : stdout;

	if (!out)
		iopt_err_set(err, -errno, "--out %s: %s", path,
			     strerror(errno));
	return out;
}

static int run_in_arena(const struct options *opt, const struct selection *sel,
			struct bench_env *env)
{
	struct arena_cfg cfg = { .size = ARENA_BYTES };
	struct iopt_err err = { "" };
	FILE *out;
	int code;

	if (arena_create(&cfg, &env->arena, &err))
		return complain(&err, EXIT_FAILURE);
	out = open_out(opt->out, &err);
	if (!out) {
		arena_destroy(env->arena);
		return complain(&err, EXIT_FAILURE);
	}
	catch_signals();
	code = measure_all(opt, sel, env, out);
	if (out != stdout && fclose(out) && code == EXIT_SUCCESS) {
		iopt_err_set(&err, -errno, "--out %s: %s", opt->out,
			     strerror(errno));
		code = complain(&err, EXIT_FAILURE);
	}
	arena_destroy(env->arena);
	return code;
}

static int run(const struct options *opt)
{
	struct bench_env env = { .seed = opt->seed,
				 .traces = opt->traces,
				 .nr_traces = opt->nr_traces };
	struct bench_list list = { NULL, 0 };
	struct selection sel = { .nr = 0 };
	struct iopt_err err = { "" };
	int code = EXIT_SUCCESS;
	int ret = bench_list_build(&list, opt->families, &env, &err);

	if (!ret && opt->wants_list) {
		ret = list_print(stdout, &list, opt, &err);
		goto out;
	}
	if (!ret)
		ret = select_cases(&sel, &list, opt, &err);
	if (!ret)
		ret = shuffle(&sel, opt->seed, &err);
	if (!ret && pin(opt->cpu, &err)) {
		code = complain(&err, EXIT_USAGE);
		goto out;
	}
	if (!ret)
		code = run_in_arena(opt, &sel, &env);
out:
	selection_free(&sel);
	bench_list_free(&list);
	return ret ? complain(&err, EXIT_FAILURE) : code;
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
		code = run(&opt);
	options_fini(&opt);
	return code;
}
