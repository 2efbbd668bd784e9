// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopt-predict: what iopt-live's plan would do by the model: the CPU time of
 * the page table on this machine, and what is counted beside it (calls,
 * lookups, commands, syncs, pages that are unpinned), a line of JSON a row.
 *
 * Models: VFIO type1 and iommufd over an SMMU's page table, as iopt-sim, on
 *	the frames that iopt-live found behind each row's memory.
 * Does not model: the system call, pinning, accounting, a table that other
 *	rows left behind.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buddy.h"
#include "host_page.h"
#include "json_text.h"
#include "lg2.h"
#include "live_plan.h"
#include "option.h"
#include "profile.h"
#include "sim.h"
#include "sizes.h"
#include "vm_frames.h"

#define EXIT_USAGE 2
#define NR_REPS	   9
#define MIN_REPS   3
#define MAX_NS	   1e9

/**
 * struct options - The command line.
 * @sim: machine
 * @profile: what the commands are sent through, and their prices
 * @frames_dir: files of frames
 * @plan: file, or "-"
 * @is_iommufd: the calls are iommufd's, not those of type1
 */
struct options {
	struct sim_cfg sim;
	const char *profile;
	const char *frames_dir;
	const char *plan;
	bool is_iommufd;
};

/**
 * struct piece - Memory of one range; arg of a struct vfio_memory.
 * @frames: of the row
 * @offset: where the range starts in them, in bytes
 * @size: bytes of the range
 */
struct piece {
	const struct vm_frames *frames;
	u64 offset;
	u64 size;
};

/**
 * struct times - CPU time of a row's maps and unmaps, the least of all tries.
 * @map_ns: all maps
 * @unmap_ns: all unmaps
 */
struct times {
	double map_ns;
	double unmap_ns;
};

static const char usage[] =
	"usage: iopt-predict [options] --frames DIR PLAN|-\n"
	"\n"
	"Says what the model makes of each row of a plan of iopt-live, on the\n"
	"frames that iopt-live --frames DIR wrote.\n"
	"\n"
	"  --driver D      6.1, 6.12 or 7.3 (7.3)\n"
	"  --engine E      page-table engine (lpae-<driver>)\n"
	"  --way W         type1 or iommufd (type1)\n"
	"  --strategy S    how type1 tears a range down (chunked-fast)\n"
	"  --profile P     cost profile, a name or a file (smmuv3-ril)\n"
	"  --ril on|off    range invalidation; overrides the profile\n"
	"  --stage 1|2     (1)\n"
	"  --page G        the host's page and granule: 4K, 16K, 64K (this\n"
	"                  host's)\n"
	"  --cpu N         measure on this CPU (any)\n"
	"  --frames DIR    where the frames are\n"
	"  --help          this text\n"
	"\n"
	"Exit codes: 0 done (a row without frames is a line that says so), 1 "
	"it\n"
	"failed, 2 usage, or a bad plan.\n";

enum {
	OPT_DRIVER = 256,
	OPT_ENGINE,
	OPT_WAY,
	OPT_STRATEGY,
	OPT_PROFILE,
	OPT_RIL,
	OPT_STAGE,
	OPT_PAGE,
	OPT_CPU,
	OPT_FRAMES,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "way", required_argument, NULL, OPT_WAY },
	{ "strategy", required_argument, NULL, OPT_STRATEGY },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "ril", required_argument, NULL, OPT_RIL },
	{ "stage", required_argument, NULL, OPT_STAGE },
	{ "page", required_argument, NULL, OPT_PAGE },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "frames", required_argument, NULL, OPT_FRAMES },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int complain(int code, const struct iopt_err *err)
{
	fprintf(stderr, "iopt-predict: %s\n", err->msg);
	return code;
}

static int bind_cpu(struct iopt_err *err)
{
	unsigned int cpu = 0;
	cpu_set_t set;
	int ret = option_number("--cpu", 0, CPU_SETSIZE - 1, &cpu, err);

	if (ret)
		return ret;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return 0;
	return iopt_err_set(err, -EINVAL, "--cpu %u: %s", cpu, strerror(errno));
}

static int parse_option(struct options *o, int opt, char *const argv[],
			struct iopt_err *err)
{
	bool is_first = false;
	int ret;

	switch (opt) {
	case OPT_DRIVER:
		o->sim.driver = optarg;
		return 0;
	case OPT_ENGINE:
		o->sim.engine = optarg;
		return 0;
	case OPT_WAY:
		return option_either("--way", "iommufd", "type1",
				     &o->is_iommufd, err);
	case OPT_STRATEGY:
		o->sim.strategy = optarg;
		return 0;
	case OPT_PROFILE:
		o->profile = optarg;
		return 0;
	case OPT_RIL:
		ret = option_either("--ril", "on", "off", &is_first, err);
		o->sim.ril = is_first ? TLBSIM_RIL_ON : TLBSIM_RIL_OFF;
		return ret;
	case OPT_STAGE:
		ret = option_either("--stage", "1", "2", &is_first, err);
		o->sim.stage = is_first ? 1 : 2;
		return ret;
	case OPT_PAGE:
		return option_page("--page", &o->sim.granule, err);
	case OPT_CPU:
		return bind_cpu(err);
	case OPT_FRAMES:
		o->frames_dir = optarg;
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
	if (!o->frames_dir || optind + 1 != argc)
		return iopt_err_set(err, -EINVAL,
				    "--frames DIR and one PLAN (a file, or -) "
				    "are wanted, see --help");
	o->plan = argv[optind];
	return 0;
}

static u64 piece_run(const void *arg, u64 offset, u64 *paddr)
{
	const struct piece *piece = arg;
	u64 run = vm_frames_run(piece->frames, piece->offset + offset, paddr);
	u64 left = piece->size - offset;

	return run < left ? run : left;
}

static int map_row(struct vfio *vfio, const struct plan_row *row,
		   const struct vm_frames *frames, struct iopt_err *err)
{
	for (size_t i = 0; i < row->nr_ranges; i++) {
		const struct plan_range *range = &row->ranges[i];
		const struct piece piece = { frames, range->offset,
					     range->size };
		const struct vfio_memory memory = { .run = piece_run,
						    .arg = &piece };
		int ret = vfio_map(vfio, range->iova, range->size, &memory);

		if (ret)
			return iopt_err_set(err, ret, "%s: map: %s", row->name,
					    strerror(-ret));
	}
	return 0;
}

static int unmap_row(struct vfio *vfio, const struct plan_row *row,
		     struct iopt_err *err)
{
	u64 bytes = 0;

	if (row->is_all)
		bytes = (u64)vfio_unmap_all(vfio);
	for (size_t i = 0; i < row->nr_ranges && !row->is_all; i++)
		bytes += (u64)vfio_unmap(vfio, row->ranges[i].iova,
					 row->ranges[i].size);
	if (bytes == row->mapped_bytes && !vfio->counts.is_stuck)
		return 0;
	return iopt_err_set(
		err, -EIO, "%s: %" PRIu64 " of %" PRIu64 " bytes were unmapped",
		row->name, bytes, row->mapped_bytes);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static struct vfio *space_of(const struct options *o, struct sim *sim)
{
	return o->is_iommufd ? &sim->ioas : &sim->type1;
}

/* The least of some tries, on a table that is used again, as in iopt-live. */
static int time_row(const struct options *o, const struct plan_row *row,
		    const struct vm_frames *frames, struct times *times,
		    struct iopt_err *err)
{
	static const struct cost_profile none = { .interface = COST_NOTHING };
	double first = now_ns();
	struct times best = { INFINITY, INFINITY };
	struct sim_cfg cfg = o->sim;
	struct sim *sim = NULL;
	int ret;

	cfg.profile = &none;
	cfg.ril = TLBSIM_RIL_PROFILE;
	cfg.is_timed = true;
	ret = sim_create(&cfg, &sim, err);
	for (int i = 0;
	     i < NR_REPS && !ret && (i < MIN_REPS || now_ns() - first < MAX_NS);
	     i++) {
		double start = now_ns(), middle;

		ret = map_row(space_of(o, sim), row, frames, err);
		middle = now_ns();
		if (!ret)
			ret = unmap_row(space_of(o, sim), row, err);
		best.unmap_ns = fmin(best.unmap_ns, now_ns() - middle);
		best.map_ns = fmin(best.map_ns, middle - start);
	}
	sim_destroy(sim);
	if (!ret)
		*times = best;
	return ret;
}

/* Of a row's bytes, those in huge pages: aligned here and there. */
static u64 huge_bytes(const struct plan_row *row,
		      const struct vm_frames *frames)
{
	u64 huge = buddy_huge_page(frames->page), bytes = 0, size;
	bool is_pages =
		!size_parse(row->backing, &size) && size == frames->page;

	for (size_t i = 0; i < row->nr_ranges && !is_pages; i++) {
		const struct plan_range *r = &row->ranges[i];
		u64 at = align_up(r->offset, huge);

		for (; at + huge <= r->offset + r->size; at += huge) {
			u64 paddr, run = vm_frames_run(frames, at, &paddr);

			if (run >= huge && !(paddr & (huge - 1)))
				bytes += huge;
		}
	}
	return bytes;
}

static u64 nr_of_class(const struct tlb_counters *c, enum tlb_class class)
{
	u64 nr = 0;

	for (int op = TLB_CFGI + 1; op < TLB_NR_OPS; op++)
		if (tlb_class_of_op[op] == class)
			nr += c->nr_ops[op];
	return nr;
}

static int write_row(const struct options *o, const struct plan_row *row,
		     const struct vm_frames *frames, const struct times *times,
		     struct sim *sim, struct iopt_err *err)
{
	const struct vfio_counts *counts = &space_of(o, sim)->counts;
	const struct tlb_counters *c = sim->tlb->counters;
	u64 sim_ps = 0, huge = huge_bytes(row, frames);
	int ret = cost_sim_ps(o->sim.profile, c, &sim_ps);

	if (ret)
		return iopt_err_set(err, ret,
				    "%s: commands could not be "
				    "counted",
				    row->name);
	fputs("{\"name\":", stdout);
	json_text(stdout, row->name);
	printf(",\"map_cpu_ns\":%.0f,\"unmap_cpu_ns\":%.0f"
	       ",\"nr_ioctls\":%zu,\"nr_unmaps\":%" PRIu64
	       ",\"nr_lookups\":%" PRIu64 ",\"nr_addr\":%" PRIu64
	       ",\"nr_context\":%" PRIu64 ",\"nr_syncs\":%" PRIu64
	       ",\"nr_pushes\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"unpinned_bytes\":%" PRIu64 ",\"huge_bytes\":%" PRIu64
	       ",\"page_bytes\":%" PRIu64 ",\"sim_ns\":%.3f}\n",
	       times->map_ns, times->unmap_ns,
	       row->is_all ? (size_t)1 : row->nr_ranges, counts->nr_unmaps,
	       counts->nr_lookups, nr_of_class(c, TLB_CLASS_ADDR),
	       nr_of_class(c, TLB_CLASS_CONTEXT), c->nr_syncs, c->nr_pushes,
	       row->mapped_bytes, counts->unpinned_bytes, huge, frames->page,
	       (double)sim_ps / 1000);
	return 0;
}

/* Counts of an unmap, after one round that leaves its tables behind. */
static int count_row(const struct options *o, const struct plan_row *row,
		     const struct vm_frames *frames, const struct times *times,
		     struct iopt_err *err)
{
	struct sim *sim = NULL;
	struct vfio *vfio = NULL;
	int ret = sim_create(&o->sim, &sim, err);

	if (!ret) {
		vfio = space_of(o, sim);
		ret = map_row(vfio, row, frames, err);
	}
	if (!ret)
		ret = unmap_row(vfio, row, err);
	if (!ret)
		ret = map_row(vfio, row, frames, err);
	if (!ret) {
		tlbsim_reset(sim->tlb);
		vfio->counts = (struct vfio_counts){ 0 };
		ret = unmap_row(vfio, row, err);
	}
	if (!ret)
		ret = write_row(o, row, frames, times, sim, err);
	sim_destroy(sim);
	return ret;
}

static int write_reason(const struct plan_row *row, const char *reason)
{
	fputs("{\"name\":", stdout);
	json_text(stdout, row->name);
	fputs(",\"reason\":", stdout);
	json_text(stdout, reason);
	puts("}");
	return 0;
}

static int predict_row(const struct options *o, const struct plan_row *row,
		       struct iopt_err *err)
{
	char path[PLAN_PATH_MAX];
	struct times times = { 0 };
	struct vm_frames frames;
	struct iopt_err why = { "" };
	int ret;

	plan_frames_path(o->frames_dir, row, path);
	if (vm_frames_load(path, &frames, &why))
		return write_reason(row, why.msg);
	if (vm_frames_bytes(&frames) < row->memory_bytes ||
	    frames.page != o->sim.granule) {
		ret = write_reason(row, "its frames are of another plan, or "
					"of pages of another size");
	} else {
		ret = time_row(o, row, &frames, &times, err);
		if (!ret)
			ret = count_row(o, row, &frames, &times, err);
	}
	vm_frames_fini(&frames);
	return ret;
}

static int predict(struct options *o, struct iopt_err *err)
{
	struct cost_profile profile;
	struct plan plan;
	int ret = profile_load(o->profile, &profile, err);

	if (ret)
		return ret;
	o->sim.profile = &profile;
	ret = plan_load(o->plan, o->sim.granule, &plan, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < plan.nr_rows && !ret; i++)
		ret = predict_row(o, &plan.rows[i], err);
	plan_fini(&plan);
	if (!ret && (fflush(stdout) || ferror(stdout)))
		ret = iopt_err_set(err, -EIO, "standard output: %s",
				   strerror(errno));
	return ret;
}

int main(int argc, char *argv[])
{
	struct options o = {
		.sim = { .strategy = "chunked-fast",
			 .stage = 1,
			 .granule = host_page_bytes(0),
			 .ias = 48,
			 .oas = 48 },
		.profile = "smmuv3-ril",
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
	ret = predict(&o, &err);
	if (!ret)
		return EXIT_SUCCESS;
	return complain(ret == -EINVAL || ret == -ENOENT ? EXIT_USAGE :
							   EXIT_FAILURE,
			&err);
}
