// SPDX-License-Identifier: GPL-2.0-only
/* The command line of iopt-bench. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cpu_choice.h"
#include "profile.h"

enum {
	OPT_COUNT_ONLY = 256,
	OPT_CPU,
	OPT_FAMILY,
	OPT_FILTER,
	OPT_FRAMES,
	OPT_FULL,
	OPT_JSON,
	OPT_KERNEL,
	OPT_LIST,
	OPT_MIN_TIME_MS,
	OPT_NODE,
	OPT_NO_PERF,
	OPT_OUT,
	OPT_PLAN,
	OPT_PROFILE,
	OPT_PROGRESS,
	OPT_QUICK,
	OPT_ROUND,
	OPT_SEED,
	OPT_SKIP_LONG,
	OPT_TRACE,
};

static const struct option table[] = {
	{ "count-only", no_argument, NULL, OPT_COUNT_ONLY },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "family", required_argument, NULL, OPT_FAMILY },
	{ "filter", required_argument, NULL, OPT_FILTER },
	{ "frames", required_argument, NULL, OPT_FRAMES },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "min-time-ms", required_argument, NULL, OPT_MIN_TIME_MS },
	{ "node", required_argument, NULL, OPT_NODE },
	{ "no-perf", no_argument, NULL, OPT_NO_PERF },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "plan", required_argument, NULL, OPT_PLAN },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "progress", no_argument, NULL, OPT_PROGRESS },
	{ "quick", no_argument, NULL, OPT_QUICK },
	{ "round", required_argument, NULL, OPT_ROUND },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "skip-long", no_argument, NULL, OPT_SKIP_LONG },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ NULL, 0, NULL, 0 },
};

const char *options_help(void)
{
	return "usage: iopt-bench [options]\n"
	       "Runs each selected case once and writes one row of each.\n"
	       "\n"
	       "  --list            each family with its question and number "
	       "of cases\n"
	       "  --json            with --list: JSON, with the names\n"
	       "  --family NAME     only this family; may be repeated\n"
	       "  --filter REGEX    only cases whose name matches (POSIX "
	       "extended)\n"
	       "  --quick, --full   a small, or the whole, set of cases\n"
	       "  --plan FILE       the cases of FILE in its order: a name a "
	       "line, alone\n"
	       "                    or with the operations of a section and "
	       "the\n"
	       "                    sections, which then are not found out\n"
	       "  --skip-long       no case whose operation takes long\n"
	       "  --count-only      exact counters, no times\n"
	       "  --profile NAME    with --count-only: what is sent under "
	       "this cost\n"
	       "                    profile, a row each; a file too; may be "
	       "repeated\n"
	       "  --kernel MODULE   a Linux tree that scripts/kernel.py built, "
	       "as "
	       "an\n"
	       "                    engine; may be repeated\n"
	       "  --trace FILE      replay this trace; may be repeated\n"
	       "  --frames FILE     teardown: memory with these frames, as "
	       "iopt-layout\n"
	       "                    writes them; may be repeated\n"
	       "  --seed N          of the order of the cases (default: "
	       "random)\n"
	       "  --round N         recorded in the result (default: 0)\n"
	       "  --cpu N           run on this CPU (default: chosen by "
	       "topology)\n"
	       "  --node N          page tables in this node's memory, on a "
	       "CPU "
	       "of it\n"
	       "                    unless --cpu (default: the CPU's own "
	       "node)\n"
	       "  --min-time-ms N   timed part of a case (default: 10)\n"
	       "  --no-perf         do not count perf events round what is "
	       "timed\n"
	       "  --out FILE        Google Benchmark JSON (default: a table "
	       "on stdout)\n"
	       "  --progress        \"progress <i> <n> <name>\" lines on "
	       "stderr, and\n"
	       "                    \"doing <what>\" in long cases\n"
	       "  --help            this text\n"
	       "\n"
	       "Exit: 0 done; 1 a case failed or the result cannot be "
	       "written;\n"
	       "2 wrong usage; 130 interrupted, what was measured is "
	       "written.\n";
}

static int parse_number(const char *name, const char *text, u64 min, u64 max,
			u64 *value, struct iopt_err *err)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < min ||
	    v > max)
		return iopt_err_set(err, -EINVAL,
				    "--%s %s: a number from %llu to %llu is "
				    "wanted",
				    name, text, (unsigned long long)min,
				    (unsigned long long)max);
	*value = v;
	return 0;
}

static int add_family(struct options *opt, const char *name,
		      const struct bench_family *const *families,
		      struct iopt_err *err)
{
	const struct bench_family *f = bench_family_find(families, name);
	char list[sizeof(*err)] = "";
	size_t i = 0;

	for (; !f && *families; families++) {
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, " %s",
			 (*families)->name);
	}
	if (!f)
		return iopt_err_set(err, -EINVAL,
				    "--family %s: there is no such family; "
				    "there are:%s",
				    name, list);
	while (opt->families[i] && opt->families[i] != f)
		i++;
	opt->families[i] = f;
	return 0;
}

static int set_filter(struct options *opt, const char *text,
		      struct iopt_err *err)
{
	char why[128];
	int ret;

	if (opt->has_filter)
		regfree(&opt->filter);
	ret = regcomp(&opt->filter, text, REG_EXTENDED | REG_NOSUB);
	opt->has_filter = !ret;
	opt->filter_text = text;
	if (!ret)
		return 0;
	regerror(ret, &opt->filter, why, sizeof(why));
	return iopt_err_set(err, -EINVAL,
			    "--filter %s: %s; a POSIX extended regular "
			    "expression is wanted",
			    text, why);
}

static int add_profile(struct options *opt, const char *name,
		       struct iopt_err *err)
{
#ifdef HAS_PROFILES
	size_t nr = opt->nr_profiles;
	void *p = realloc(opt->profiles, (nr + 1) * sizeof(*opt->profiles));
	int ret;

	if (!p)
		return iopt_err_set(err, -ENOMEM, "no memory for a profile");
	opt->profiles = p;
	ret = profile_load(name, &opt->profiles[nr], err);
	if (ret)
		return ret;
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(opt->profiles[i].name, opt->profiles[nr].name))
			return iopt_err_set(err, -EINVAL,
					    "--profile %s: there is one named "
					    "%s already",
					    name, opt->profiles[i].name);
	opt->nr_profiles++;
	return 0;
#else
	(void)opt;
	return iopt_err_set(err, -EINVAL,
			    "--profile %s: this build reads no profiles "
			    "(libinih was not there)",
			    name);
#endif
}

/* One more word of an option that may be repeated. */
static int add_word(const char *name, const char **words, size_t *nr,
		    const char *word, struct iopt_err *err)
{
	if (*nr == OPTIONS_MAX)
		return iopt_err_set(err, -EINVAL, "--%s %s: at most %d of them",
				    name, word, OPTIONS_MAX);
	words[(*nr)++] = word;
	return 0;
}

/* A file of frames, and the word that stands for it in names. */
static int add_frames(struct options *opt, const char *path,
		      struct iopt_err *err)
{
	const char *slash = strrchr(path, '/');
	struct bench_file *f = &opt->frames[opt->nr_frames];
	char *end;

	if (opt->nr_frames == OPTIONS_MAX)
		return iopt_err_set(err, -EINVAL,
				    "--frames %s: at most %d of them", path,
				    OPTIONS_MAX);
	f->path = path;
	snprintf(f->value, sizeof(f->value), "file-%s",
		 slash ? slash + 1 : path);
	for (char *p = f->value; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			*p = '_';
	end = strrchr(f->value, '.');
	if (end && !strcmp(end, ".xz"))
		*end = '\0';
	opt->nr_frames++;
	return 0;
}

/* The number of a CPU or a node. */
static int set_index(int *index, const char *name, const char *text,
		     struct iopt_err *err)
{
	u64 v;
	int ret = parse_number(name, text, 0, 65535, &v, err);

	if (!ret)
		*index = (int)v;
	return ret;
}

static int apply(struct options *opt, int o, const char *arg,
		 const struct bench_family *const *families,
		 struct iopt_err *err)
{
	switch (o) {
	case OPT_COUNT_ONLY:
		opt->is_count_only = true;
		return 0;
	case OPT_CPU:
		return set_index(&opt->cpu, "cpu", arg, err);
	case OPT_FAMILY:
		return add_family(opt, arg, families, err);
	case OPT_FILTER:
		return set_filter(opt, arg, err);
	case OPT_FRAMES:
		return add_frames(opt, arg, err);
	case OPT_FULL:
		opt->set = BENCH_FULL;
		return 0;
	case OPT_JSON:
		opt->wants_json = true;
		return 0;
	case OPT_KERNEL:
		return add_word("kernel", opt->kernels, &opt->nr_kernels, arg,
				err);
	case OPT_LIST:
		opt->wants_list = true;
		return 0;
	case OPT_MIN_TIME_MS:
		return parse_number("min-time-ms", arg, 1, 3600000,
				    &opt->min_time_ms, err);
	case OPT_NODE:
		return set_index(&opt->node, "node", arg, err);
	case OPT_NO_PERF:
		opt->has_no_perf = true;
		return 0;
	case OPT_OUT:
		opt->out = arg;
		return 0;
	case OPT_PLAN:
		plan_fini(&opt->plan);
		return plan_load(&opt->plan, arg, err);
	case OPT_PROGRESS:
		opt->wants_progress = true;
		return 0;
	case OPT_QUICK:
		opt->set = BENCH_QUICK;
		return 0;
	case OPT_ROUND:
		return parse_number("round", arg, 0, UINT32_MAX, &opt->round,
				    err);
	case OPT_SKIP_LONG:
		opt->wants_no_long = true;
		return 0;
	case OPT_SEED:
		return parse_number("seed", arg, 0, UINT64_MAX, &opt->seed,
				    err);
	case OPT_PROFILE:
		return add_profile(opt, arg, err);
	case OPT_TRACE:
		return add_word("trace", opt->traces, &opt->nr_traces, arg,
				err);
	default:
		opt->wants_help = true;
		return 0;
	}
}

static int parse_all(struct options *opt, int argc, char **argv,
		     const struct bench_family *const *families,
		     struct iopt_err *err)
{
	int o, ret;

	optind = 0; /* start anew, also when called a second time */
	opterr = 0;
	while ((o = getopt_long(argc, argv, "+:h", table, NULL)) != -1) {
		if (o == '?')
			return iopt_err_set(err, -EINVAL,
					    "%s: there is no such option; "
					    "--help lists them",
					    argv[optind - 1]);
		if (o == ':')
			return iopt_err_set(err, -EINVAL,
					    "%s: a value is wanted",
					    argv[optind - 1]);
		ret = apply(opt, o, optarg, families, err);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return iopt_err_set(err, -EINVAL,
				    "%s: there are options only, no "
				    "arguments; --help lists them",
				    argv[optind]);
	if (opt->wants_json && !opt->wants_list)
		return iopt_err_set(err, -EINVAL,
				    "--json goes with --list; results are "
				    "JSON with --out FILE");
	return 0;
}

int options_parse(struct options *opt, int argc, char **argv,
		  const struct bench_family *const *families,
		  struct iopt_err *err)
{
	int ret;

	*opt = (struct options){ .cpu = HOST_CPU_ANY,
				 .node = HOST_NODE_ANY,
				 .min_time_ms = 10,
				 .set = BENCH_DEFAULT };
	if (getrandom(&opt->seed, sizeof(opt->seed), 0) < 0)
		opt->seed = 1;
	opt->seed >>= 32; /* short enough to type again */
	ret = parse_all(opt, argc, argv, families, err);
	if (!ret && opt->nr_profiles && !opt->is_count_only)
		ret = iopt_err_set(err, -EINVAL,
				   "--profile: goes with --count-only, since "
				   "nothing is timed for a profile");
	if (!ret && opt->plan.nr &&
	    (opt->has_filter || opt->set != BENCH_DEFAULT || opt->wants_list))
		ret = iopt_err_set(err, -EINVAL,
				   "--plan: names the cases itself: not with "
				   "--filter, --quick, --full or --list");
	if (ret || opt->families[0])
		return ret;
	for (size_t i = 0; families[i] && i < OPTIONS_MAX; i++)
		opt->families[i] = families[i];
	return 0;
}

void options_fini(struct options *opt)
{
	if (opt->has_filter)
		regfree(&opt->filter);
	opt->has_filter = false;
	plan_fini(&opt->plan);
	free(opt->profiles);
	opt->profiles = NULL;
}

bool options_wants(const struct options *opt, const struct bench_case *c)
{
	if (c->set > opt->set || (c->is_long && opt->wants_no_long))
		return false;
	return !opt->has_filter || !regexec(&opt->filter, c->name, 0, NULL, 0);
}
