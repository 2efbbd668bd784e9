// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopt-sim: runs a scenario or a recorded trace against a page-table engine
 * and prints, for each op, what it returned, what it cost and which commands
 * went to the SMMU.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "option.h"
#include "profile.h"
#include "report.h"
#include "scenario.h"
#include "sim.h"
#include "sizes.h"

#define EXIT_USAGE  2
#define KERNELS_MAX 16

/**
 * struct options - The command line.
 * @sim: machine
 * @report: output
 * @profile: name or file
 * @scenario: scenario file, or NULL
 * @trace: trace file, or NULL
 * @kernels: modules of Linux trees to load
 * @nr_kernels: entries in @kernels
 * @wants_help: print the usage and stop
 */
struct options {
	struct sim_cfg sim;
	struct report report;
	const char *profile;
	const char *scenario;
	const char *trace;
	const char *kernels[KERNELS_MAX];
	size_t nr_kernels;
	bool wants_help;
};

static const char usage[] =
	"usage: iopt-sim [options] FILE|-\n"
	"       iopt-sim [options] --trace FILE\n"
	"\n"
	"Runs a scenario, one op a line (# starts a comment):\n"
	"  vfio_map <iova> <size> run=<size> [phys=<addr>]\n"
	"  vfio_unmap <iova> <size>\n"
	"  iommufd_map, iommufd_unmap  with the same arguments\n"
	"  iommu_map <iova> <paddr> <size>\n"
	"  iommu_unmap <iova> <size>\n"
	"\n"
	"  --driver D      6.1, 6.12 or 7.3 (7.3): policy, clearing, "
	"gathering,\n"
	"                  threshold; other options override it\n"
	"  --engine E      page-table engine (lpae-<driver>); amdv1 has 4K "
	"pages, one\n"
	"                  stage and no other driver, and is priced as an "
	"SMMU\n"
	"  --kernel M      a Linux tree that scripts/kernel.py built, as an "
	"engine;\n"
	"                  its driver is the default then; may be repeated\n"
	"  --strategy S    how vfio_unmap works (chunked-fast): page, "
	"chunked,\n"
	"                  chunked-unfixed, chunked-fast, "
	"chunked-fast-unfixed,\n"
	"                  fgsp, iommufd, unmap-remap, whole-range, leafwalk;\n"
	"                  the two unfixed ones set the engine's walk\n"
	"  --profile P     cost profile, a name or a file (smmuv3-ril)\n"
	"  --ril on|off    range invalidation; overrides the profile\n"
	"  --e2h on|off    EL2 commands for stage 1 (off)\n"
	"  --stage 1|2     (1)\n"
	"  --granule G     4K, 16K or 64K (4K)\n"
	"  --ias N         input address bits (48)\n"
	"  --oas N         output address bits (48)\n"
	"  --trace FILE    a recorded trace of iommu:map and iommu:unmap "
	"instead\n"
	"                  of a scenario\n"
	"  --json          one object a line, an op each\n"
	"  --dump-queue    with the commands that each op put into the queue\n"
	"  --explain       with a line for each command: why it was sent\n"
	"  --help          this text\n"
	"\n"
	"Exit codes: 0 done (an op that failed is a result), 1 the tool "
	"failed,\n"
	"2 usage, or a bad line.\n";

enum {
	OPT_ENGINE = 256,
	OPT_DRIVER,
	OPT_KERNEL,
	OPT_STRATEGY,
	OPT_RIL,
	OPT_E2H,
	OPT_STAGE,
	OPT_GRANULE,
	OPT_IAS,
	OPT_OAS,
	OPT_PROFILE,
	OPT_TRACE,
	OPT_JSON,
	OPT_DUMP_QUEUE,
	OPT_EXPLAIN,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "strategy", required_argument, NULL, OPT_STRATEGY },
	{ "ril", required_argument, NULL, OPT_RIL },
	{ "e2h", required_argument, NULL, OPT_E2H },
	{ "stage", required_argument, NULL, OPT_STAGE },
	{ "granule", required_argument, NULL, OPT_GRANULE },
	{ "ias", required_argument, NULL, OPT_IAS },
	{ "oas", required_argument, NULL, OPT_OAS },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "dump-queue", no_argument, NULL, OPT_DUMP_QUEUE },
	{ "explain", no_argument, NULL, OPT_EXPLAIN },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int add_kernel(struct options *o, const char *path, struct iopt_err *err)
{
	if (o->nr_kernels == KERNELS_MAX)
		return iopt_err_set(err, -EINVAL,
				    "--kernel %s: at most %d of them", path,
				    KERNELS_MAX);
	o->kernels[o->nr_kernels++] = path;
	return 0;
}

/* Options that take a word or a number. */
static int parse_value(struct options *o, int opt, struct iopt_err *err)
{
	bool on = false;
	int ret = 0;

	switch (opt) {
	case OPT_ENGINE:
		o->sim.engine = optarg;
		return 0;
	case OPT_DRIVER:
		o->sim.driver = optarg;
		return 0;
	case OPT_KERNEL:
		return add_kernel(o, optarg, err);
	case OPT_STRATEGY:
		o->sim.strategy = optarg;
		return 0;
	case OPT_PROFILE:
		o->profile = optarg;
		return 0;
	case OPT_TRACE:
		o->trace = optarg;
		return 0;
	case OPT_RIL:
		ret = option_either("--ril", "on", "off", &on, err);
		o->sim.ril = on ? TLBSIM_RIL_ON : TLBSIM_RIL_OFF;
		return ret;
	case OPT_E2H:
		return option_either("--e2h", "on", "off", &o->sim.has_e2h,
				     err);
	case OPT_STAGE:
		return option_number("--stage", 1, 2, &o->sim.stage, err);
	case OPT_GRANULE:
		return option_page("--granule", &o->sim.granule, err);
	case OPT_IAS:
		return option_number("--ias", 32, 52, &o->sim.ias, err);
	default:
		return option_number("--oas", 32, 52, &o->sim.oas, err);
	}
}

static int parse_option(struct options *o, int opt, char *const argv[],
			struct iopt_err *err)
{
	switch (opt) {
	case OPT_JSON:
		o->report.is_json = true;
		return 0;
	case OPT_DUMP_QUEUE:
		o->report.dumps_queue = true;
		return 0;
	case OPT_EXPLAIN:
		o->report.explains = o->sim.wants_log = true;
		return 0;
	case OPT_HELP:
		o->wants_help = true;
		return 0;
	case ':':
	case '?':
		return option_refused(opt, argv, err);
	default:
		return parse_value(o, opt, err);
	}
}

static int parse_options(struct options *o, int argc, char *argv[],
			 struct iopt_err *err)
{
	int opt, ret;

	while ((opt = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		ret = parse_option(o, opt, argv, err);
		if (ret)
			return ret;
	}
	if (o->wants_help)
		return 0;
	if (argc - optind > 1)
		return iopt_err_set(err, -EINVAL,
				    "%s: one scenario is wanted, not several",
				    argv[optind + 1]);
	if (argc > optind)
		o->scenario = argv[optind];
	if (!o->scenario == !o->trace)
		return iopt_err_set(err, -EINVAL,
				    "a scenario (FILE or -) or --trace FILE is "
				    "wanted, see --help");
	return 0;
}

static int load(const struct options *o, struct scenario **scenario,
		struct iopt_err *err)
{
	struct iopt_err note = { "" };
	int ret;

	if (!o->trace)
		return scenario_load(o->scenario, o->sim.granule, scenario,
				     err);
	ret = scenario_load_trace(o->trace, scenario, &note, err);
	if (!ret && note.msg[0])
		fprintf(stderr, "iopt-sim: %s\n", note.msg);
	return ret;
}

static int run(struct sim *sim, const struct scenario *scenario,
	       const struct report *report, struct iopt_err *err)
{
	for (size_t i = 0; i < scenario->nr_ops; i++) {
		struct sim_result result;
		int ret = sim_run(sim, &scenario->ops[i], &result, err);

		if (ret)
			return ret;
		report_op(report, stdout, i, &scenario->ops[i], &result, sim);
	}
	if (fflush(stdout) || ferror(stdout))
		return iopt_err_set(err, -EIO, "standard output: %s",
				    strerror(errno));
	return 0;
}

static int complain(int code, const struct iopt_err *err)
{
	fprintf(stderr, "iopt-sim: %s\n", err->msg);
	return code;
}

/* -EINVAL is what the user can mend; the rest is the tool or the machine. */
static int failure(int ret, const struct iopt_err *err)
{
	bool is_usage = ret == -EINVAL || ret == -ENOENT || ret == -ENODATA ||
			ret == -EISDIR || ret == -EACCES;

	return complain(is_usage ? EXIT_USAGE : EXIT_FAILURE, err);
}

/*
 * Without --engine the first tree is meant, without --driver what it has; for
 * the others sim_create() knows.
 */
static void set_engine(struct sim_cfg *cfg, const struct kernel_set *kernels)
{
	const struct pgtable_engine *given;

	cfg->engines = kernel_set_engines(kernels);
	if (!cfg->engine && cfg->engines->nr_more && !cfg->driver)
		cfg->engine = cfg->engines->more[0]->name;
	for (size_t i = 0; i < cfg->engines->nr_more && !cfg->driver; i++) {
		given = cfg->engines->more[i];
		if (!strcmp(given->name, cfg->engine))
			cfg->driver = given->rule;
	}
}

static void tell_warning(const struct kernel_set *kernels)
{
	const struct kmodule *module;

	for (size_t i = 0; (module = kernel_set_module(kernels, i, true)); i++)
		if (module->nr_warnings())
			fprintf(stderr,
				"iopt-sim: kernel-%s warned, first: %s\n",
				module->label, module->first_warning());
}

static int simulate(struct options *o, struct iopt_err *err)
{
	struct cost_profile profile;
	struct kernel_set *kernels = NULL;
	struct scenario *scenario = NULL;
	struct sim *sim = NULL;
	int ret = profile_load(o->profile, &profile, err);

	if (!ret) {
		o->sim.profile = &profile;
		ret = load(o, &scenario, err);
	}
	if (!ret)
		ret = kernel_set_create(o->kernels, o->nr_kernels, &kernels,
					err);
	if (!ret) {
		set_engine(&o->sim, kernels);
		ret = sim_create(&o->sim, &sim, err);
	}
	if (!ret)
		ret = run(sim, scenario, &o->report, err);
	if (sim)
		tell_warning(kernels);
	sim_destroy(sim);
	scenario_destroy(scenario);
	kernel_set_destroy(kernels);
	return ret;
}

int main(int argc, char *argv[])
{
	struct options o = {
		.sim = { .strategy = "chunked-fast",
			 .stage = 1,
			 .granule = SZ_4K,
			 .ias = 48,
			 .oas = 48 },
		.profile = "smmuv3-ril",
	};
	struct iopt_err err = { "" };
	int ret = parse_options(&o, argc, argv, &err);

	if (ret)
		return complain(EXIT_USAGE, &err);
	if (o.wants_help) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	ret = simulate(&o, &err);
	return ret ? failure(ret, &err) : EXIT_SUCCESS;
}
