// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopt-live: maps and unmaps real memory for a real device, through VFIO type1
 * or iommufd of this machine's kernel, and writes what it took. It binds,
 * unbinds and resets nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "dma_device.h"
#include "dma_limit.h"
#include "dma_space.h"
#include "host_page.h"
#include "json_text.h"
#include "live_events.h"
#include "live_plan.h"
#include "live_run.h"
#include "option.h"

#define EXIT_USAGE	 2
#define EXIT_SKIP	 77
#define EXIT_INTERRUPTED 130

static volatile sig_atomic_t is_stopping;

/**
 * struct options - The command line.
 * @device: PCI address
 * @way: "auto", "type1" or "iommufd"
 * @frames_dir: where frames go, or NULL
 * @plan: file, or "-"
 * @nr_reps: repetitions of a row
 * @max_seconds: of a row
 * @cpu: to run on, or -1 for the present one
 * @wants_check: only see whether it would work
 * @wants_no_trace: leave tracefs alone
 */
struct options {
	const char *device;
	const char *way;
	const char *frames_dir;
	const char *plan;
	unsigned int nr_reps;
	unsigned int max_seconds;
	int cpu;
	bool wants_check;
	bool wants_no_trace;
};

static const char usage[] =
	"usage: iopt-live --device BDF [options] PLAN|-\n"
	"       iopt-live --device BDF --check\n"
	"\n"
	"Maps and unmaps memory for a device that is bound to vfio-pci, as "
	"PLAN\n"
	"says (a row a line: NAME BACKING range|all IOVA+SIZE[@OFFSET] ...), "
	"and\n"
	"writes a line of JSON for each repetition. Binds and unbinds "
	"nothing.\n"
	"\n"
	"  --device BDF   PCI address, such as 0000:01:00.0\n"
	"  --way W        type1, iommufd, or auto: type1 if there is one "
	"(auto)\n"
	"  --reps N       repetitions of a row (9)\n"
	"  --seconds S    none starts after so long in a row (20)\n"
	"  --cpu N        run on this CPU (the present one)\n"
	"  --frames DIR   write there where each row's memory lies\n"
	"  --no-trace     leave the events of tracefs out\n"
	"  --check        only see whether it would work\n"
	"  --help         this text\n"
	"\n"
	"Exit codes: 0 done, 1 it failed, or a row did, 2 usage, or a bad "
	"plan,\n"
	"77 this machine cannot do it, with the reason, 130 interrupted.\n";

enum {
	OPT_DEVICE = 256,
	OPT_WAY,
	OPT_REPS,
	OPT_SECONDS,
	OPT_CPU,
	OPT_FRAMES,
	OPT_NO_TRACE,
	OPT_CHECK,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "way", required_argument, NULL, OPT_WAY },
	{ "reps", required_argument, NULL, OPT_REPS },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "frames", required_argument, NULL, OPT_FRAMES },
	{ "no-trace", no_argument, NULL, OPT_NO_TRACE },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int complain(int code, const struct iopt_err *err)
{
	fprintf(stderr, "iopt-live: %s\n", err->msg);
	return code;
}

static void on_signal(int signal)
{
	(void)signal;
	is_stopping = 1;
}

static int parse_way(struct options *o, struct iopt_err *err)
{
	if (strcmp(optarg, "auto") != 0 && strcmp(optarg, "type1") != 0 &&
	    strcmp(optarg, "iommufd") != 0)
		return iopt_err_set(err, -EINVAL,
				    "--way %s: must be auto, type1 or iommufd",
				    optarg);
	o->way = optarg;
	return 0;
}

static int parse_option(struct options *o, int opt, char *const argv[],
			struct iopt_err *err)
{
	unsigned int cpu = 0;
	int ret;

	switch (opt) {
	case OPT_DEVICE:
		o->device = optarg;
		return 0;
	case OPT_WAY:
		return parse_way(o, err);
	case OPT_REPS:
		return option_number("--reps", 1, 1000, &o->nr_reps, err);
	case OPT_SECONDS:
		return option_number("--seconds", 1, 86400, &o->max_seconds,
				     err);
	case OPT_CPU:
		ret = option_number("--cpu", 0, CPU_SETSIZE - 1, &cpu, err);
		o->cpu = (int)cpu;
		return ret;
	case OPT_FRAMES:
		o->frames_dir = optarg;
		return 0;
	case OPT_NO_TRACE:
		o->wants_no_trace = true;
		return 0;
	case OPT_CHECK:
		o->wants_check = true;
		return 0;
	default:
		return option_refused(opt, argv, err);
	}
}

static int parse_options(struct options *o, int argc, char *argv[],
			 bool *wants_help, struct iopt_err *err)
{
	int opt, ret;

	while ((opt = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		*wants_help = opt == OPT_HELP;
		ret = *wants_help ? 0 : parse_option(o, opt, argv, err);
		if (ret || *wants_help)
			return ret;
	}
	if (!o->device)
		return iopt_err_set(err, -EINVAL,
				    "--device BDF is wanted: a PCI address "
				    "such as 0000:01:00.0");
	if (optind + !o->wants_check != argc)
		return iopt_err_set(err, -EINVAL,
				    "one PLAN (a file, or -) is wanted, see "
				    "--help");
	o->plan = argv[optind];
	return 0;
}

/* Stay on one CPU: the tracepoints of others are not looked at. */
static int bind_cpu(struct options *o, struct iopt_err *err)
{
	cpu_set_t set;

	if (o->cpu < 0)
		o->cpu = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET((unsigned int)o->cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return 0;
	return iopt_err_set(err, -EINVAL, "--cpu %d: %s", o->cpu,
			    strerror(errno));
}

/* With auto the one that is there, type1 first: what most VMMs use. */
static int open_space(const struct options *o, const struct dma_device *device,
		      struct dma_space *space, enum dma_way *way,
		      struct iopt_err *err)
{
	int ret;

	*way = strcmp(o->way, "iommufd") ? DMA_TYPE1 : DMA_IOMMUFD;
	ret = dma_space_open(space, *way, device, err);
	if (ret != -ENOTSUP || strcmp(o->way, "auto") != 0)
		return ret;
	dma_space_close(space);
	if (dma_space_open(space, DMA_IOMMUFD, device, NULL)) {
		dma_space_close(space);
		return ret;
	}
	*way = DMA_IOMMUFD;
	return 0;
}

static void write_text(const char *key, const char *text)
{
	printf(",\"%s\":", key);
	json_text(stdout, text);
}

static void write_host(const struct options *o, const struct dma_device *device,
		       enum dma_way way, const char *events)
{
	struct utsname uts = { .release = "unknown" };

	uname(&uts);
	fputs("{\"kind\":\"host\"", stdout);
	write_text("device", device->bdf);
	write_text("driver", device->driver);
	write_text("iommu", device->iommu);
	printf(",\"group\":%lu", device->group);
	write_text("way", dma_way_name(way));
	write_text("kernel", uts.release);
	write_text("machine", uts.machine);
	printf(",\"page_bytes\":%zu,\"cpu\":%d", host_page_bytes(0), o->cpu);
	write_text("events", events);
	fputs("}\n", stdout);
	fflush(stdout);
}

/* The rows; what is mapped when one breaks off goes with it. */
static int run_rows(struct live_run *run, const struct plan *plan,
		    struct iopt_err *err)
{
	int ret = 0;

	for (size_t i = 0; i < plan->nr_rows && !ret; i++)
		ret = live_run_row(run, &plan->rows[i], err);
	if (ret == -EINTR || (!ret && is_stopping)) {
		puts("{\"kind\":\"end\",\"outcome\":\"interrupted\"}");
		return EXIT_INTERRUPTED;
	}
	if (ret)
		return complain(EXIT_FAILURE, err);
	puts("{\"kind\":\"end\",\"outcome\":\"done\"}");
	if (run->nr_failed)
		return EXIT_FAILURE;
	return run->nr_measured ? EXIT_SUCCESS : EXIT_SKIP;
}

static int measure(const struct options *o, const struct dma_device *device,
		   struct dma_space *space, enum dma_way way,
		   const struct plan *plan, struct iopt_err *err)
{
	struct live_events events = { .path = "" };
	struct iopt_err why = { "left out" };
	bool has_events =
		!o->wants_no_trace &&
		!live_events_open(&events, (unsigned int)o->cpu, &why);
	struct live_run run = {
		.space = space,
		.events = has_events ? &events : NULL,
		.frames_dir = o->frames_dir,
		.nr_reps = o->nr_reps,
		.max_seconds = o->max_seconds,
		.is_stopping = &is_stopping,
		.out = stdout,
	};
	int ret;

	write_host(o, device, way, has_events ? "yes" : why.msg);
	ret = o->wants_check ? EXIT_SUCCESS : run_rows(&run, plan, err);
	live_events_close(&events);
	return ret;
}

/* What the user can mend by another command line is usage. */
static int failure(int ret, const struct iopt_err *err)
{
	if (dma_device_is_refusal(ret))
		return complain(EXIT_SKIP, err);
	return complain(ret == -EINVAL || ret == -ENOENT ? EXIT_USAGE :
							   EXIT_FAILURE,
			err);
}

static int run(struct options *o, struct iopt_err *err)
{
	struct dma_space space = { .fd = -1, .device_fd = -1 };
	struct plan plan = { .rows = NULL };
	struct dma_device device;
	enum dma_way way;
	int ret = bind_cpu(o, err);

	if (!ret && o->plan)
		ret = plan_load(o->plan, host_page_bytes(0), &plan, err);
	if (!ret)
		ret = dma_device_find("", o->device, &device, err);
	if (!ret)
		ret = open_space(o, &device, &space, &way, err);
	if (!ret)
		ret = dma_limit_check(way, plan_most_mapped(&plan), err);
	ret = ret ? failure(ret, err) :
		    measure(o, &device, &space, way, &plan, err);
	dma_space_close(&space);
	plan_fini(&plan);
	return ret;
}

int main(int argc, char *argv[])
{
	struct sigaction action = { .sa_handler = on_signal };
	struct options o = {
		.way = "auto",
		.nr_reps = 9,
		.max_seconds = 20,
		.cpu = -1,
	};
	struct iopt_err err = { "" };
	bool wants_help = false;
	int ret = parse_options(&o, argc, argv, &wants_help, &err);

	if (ret)
		return complain(EXIT_USAGE, &err);
	if (wants_help) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return run(&o, &err);
}
