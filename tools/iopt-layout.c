// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopt-layout: shows what VFIO maps of a virtual machine, records where memory
 * comes to lie on this host, and says how contiguous memory is.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "option.h"
#include "lpae_fmt.h"
#include "run_stat.h"
#include "sizes.h"
#include "vm_backing.h"
#include "vm_frames.h"
#include "vm_live.h"

#define EXIT_USAGE 2
#define EXIT_SKIP  77

/* What frames of a file are looked at as if they were mapped there. */
#define FILE_IOVA SZ_1G

/**
 * struct options - The command line.
 * @words: the command and its arguments
 * @nr_words: how many
 * @out: file to write, or NULL
 * @vm: machine that a backing is looked at in, or NULL: a file of frames
 * @host_page: page size of the host in bytes
 * @granule: of the tables whose leaves are counted; 0: the host page
 * @oas: output address bits
 * @seed: of a backing
 * @is_json: output for programs
 * @wants_help: print the usage and stop
 */
struct options {
	char *const *words;
	int nr_words;
	const char *out;
	const char *vm;
	u64 host_page;
	u64 granule;
	unsigned int oas;
	u64 seed;
	bool is_json;
	bool wants_help;
};

static const char usage[] =
	"usage: iopt-layout show MACHINE RAM [--host-page P] [--json]\n"
	"       iopt-layout live HOW SIZE [-o FILE]\n"
	"       iopt-layout stat FILE [--granule G] [--json]\n"
	"       iopt-layout stat BACKING --vm VM [options] [--json]\n"
	"\n"
	"show: the DMA ranges that QEMU has VFIO map of a virtual machine.\n"
	"  MACHINE is virt or q35, or a file; RAM a size such as 64G.\n"
	"live: allocates memory on this host, sees where it lies and writes a\n"
	"  file of frames. HOW is the host's page size (4K), thp, or the size\n"
	"  of hugetlb pages that are reserved (2M, 1G). No more than a "
	"quarter\n"
	"  of the available memory is taken. Needs CAP_SYS_ADMIN.\n"
	"stat: how contiguous memory is. FILE is one of live, - is standard\n"
	"  input. BACKING is what benchmarks take: 4K, 2M, 1G, buddy75, "
	"thp90,\n"
	"  live-thp, file:PATH, trace:NAME; VM is RAM or RAM-MACHINE.\n"
	"\n"
	"  -o, --output FILE  where live writes (standard output)\n"
	"  --vm VM            machine that the backing lies behind: 64G, "
	"64G-q35\n"
	"  --host-page P      4K, 16K or 64K (4K)\n"
	"  --granule G        of the table whose leaves are counted (the host "
	"page)\n"
	"  --oas N            output address bits (48)\n"
	"  --seed N           of the places (1)\n"
	"  --json             one object\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit codes: 0 done, 1 the tool failed, 2 usage or a bad file, 77 "
	"this\n"
	"host cannot do it.\n";

enum {
	OPT_VM = 256,
	OPT_HOST_PAGE,
	OPT_GRANULE,
	OPT_OAS,
	OPT_SEED,
	OPT_JSON,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "vm", required_argument, NULL, OPT_VM },
	{ "host-page", required_argument, NULL, OPT_HOST_PAGE },
	{ "granule", required_argument, NULL, OPT_GRANULE },
	{ "oas", required_argument, NULL, OPT_OAS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The leaf sizes of Arm's tables with a granule; 0 for no granule. */
static u64 leaf_sizes(u64 granule)
{
	const struct pgtable_cfg cfg = {
		.stage = 1,
		.granule = granule,
		.ias = 48,
		.oas = 48,
	};
	struct pgtable_geometry geo;

	return lpae_geometry(&cfg, &geo, NULL) ? 0 : geo.pgsizes;
}

static int parse_number(const char *option, u64 min, u64 max, u64 *number,
			struct iopt_err *err)
{
	if (size_parse(optarg, number) || *number < min || *number > max)
		return iopt_err_set(err, -EINVAL,
				    "%s %s: must be a number from %" PRIu64
				    " to %" PRIu64,
				    option, optarg, min, max);
	return 0;
}

static int parse_option(struct options *o, int opt, char *const argv[],
			struct iopt_err *err)
{
	u64 number = 0;
	int ret;

	switch (opt) {
	case 'o':
		o->out = optarg;
		return 0;
	case 'h':
		o->wants_help = true;
		return 0;
	case OPT_VM:
		o->vm = optarg;
		return 0;
	case OPT_HOST_PAGE:
		return option_page("--host-page", &o->host_page, err);
	case OPT_GRANULE:
		return option_page("--granule", &o->granule, err);
	case OPT_OAS:
		ret = parse_number("--oas", 32, 52, &number, err);
		o->oas = (unsigned int)number;
		return ret;
	case OPT_SEED:
		return parse_number("--seed", 0, UINT64_MAX, &o->seed, err);
	case OPT_JSON:
		o->is_json = true;
		return 0;
	default:
		return option_refused(opt, argv, err);
	}
}

static int parse_options(struct options *o, int argc, char *argv[],
			 struct iopt_err *err)
{
	int opt, ret;

	while ((opt = getopt_long(argc, argv, ":o:h", long_options, NULL)) !=
	       -1) {
		ret = parse_option(o, opt, argv, err);
		if (ret)
			return ret;
	}
	o->words = argv + optind;
	o->nr_words = argc - optind;
	if (!o->granule)
		o->granule = o->host_page;
	return 0;
}

static void print_layout(const struct vm_layout *l)
{
	char size[SIZE_TEXT_MAX];

	printf("%s: %s\nsource: %s\n\n", l->name, l->title, l->source);
	for (size_t i = 0; i < l->nr_ranges; i++) {
		const struct vm_range *r = &l->ranges[i];

		printf("0x%012" PRIx64 "-0x%012" PRIx64
		       " %8s %-4s %s %-12s %s\n",
		       r->iova, r->iova + r->size - 1,
		       size_format(r->size, size), vm_range_kind_name(r->kind),
		       r->is_readonly ? "ro" : "rw", r->name, r->note);
	}
	printf("\n%zu DMA ranges, %s of RAM", l->nr_ranges,
	       size_format(l->ram_bytes, size));
	if (l->hidden_bytes)
		printf(", of it %s not mapped",
		       size_format(l->hidden_bytes, size));
	printf("\n");
}

static void json_range(const struct vm_range *r)
{
	printf("{\"name\": ");
	json_text(stdout, r->name);
	printf(", \"note\": ");
	json_text(stdout, r->note);
	printf(", \"kind\": \"%s\", \"iova\": %" PRIu64 ", \"size\": %" PRIu64
	       ", \"is_readonly\": %s, \"offset\": %" PRIu64
	       ", \"phys\": %" PRIu64 "}",
	       vm_range_kind_name(r->kind), r->iova, r->size,
	       r->is_readonly ? "true" : "false", r->offset, r->phys);
}

static void json_layout(const struct vm_layout *l)
{
	printf("{\"name\": ");
	json_text(stdout, l->name);
	printf(", \"title\": ");
	json_text(stdout, l->title);
	printf(", \"source\": ");
	json_text(stdout, l->source);
	printf(", \"ram_bytes\": %" PRIu64 ", \"hidden_bytes\": %" PRIu64
	       ", \"host_page\": %" PRIu64 ", \"ranges\": [",
	       l->ram_bytes, l->hidden_bytes, l->host_page);
	for (size_t i = 0; i < l->nr_ranges; i++) {
		fputs(i ? ", " : "", stdout);
		json_range(&l->ranges[i]);
	}
	puts("]}");
}

static int show(const struct options *o, struct iopt_err *err)
{
	struct vm_layout *layout;
	u64 ram;
	int ret;

	if (size_parse(o->words[2], &ram))
		return iopt_err_set(err, -EINVAL,
				    "%s: must be a size, such as 64G",
				    o->words[2]);
	ret = vm_layout_create(o->words[1], ram, o->host_page, &layout, err);
	if (ret)
		return ret;
	if (o->is_json)
		json_layout(layout);
	else
		print_layout(layout);
	vm_layout_destroy(layout);
	return 0;
}

static u64 frames_run(const void *arg, u64 offset, u64 *paddr)
{
	return vm_frames_run(arg, offset, paddr);
}

static void stat_frames(const struct vm_frames *f, struct run_stat *stat)
{
	const struct vfio_memory memory = { .run = frames_run, .arg = f };

	run_stat_add(stat, FILE_IOVA, vm_frames_bytes(f), &memory);
}

static int write_frames(const struct vm_frames *f, const char *path,
			struct iopt_err *err)
{
	FILE *file = path ? fopen(path, "w") : stdout;
	int ret = 0;

	if (file) {
		vm_frames_write(f, file);
		if (fflush(file) || ferror(file))
			ret = -EIO;
		if (path && fclose(file))
			ret = -EIO;
	} else {
		ret = -errno;
	}
	if (ret)
		iopt_err_set(err, ret, "%s: %s",
			     path ? path : "standard output", strerror(-ret));
	return ret;
}

static int live(const struct options *o, struct iopt_err *err)
{
	struct vm_live_cfg cfg = { .how = o->words[1], .root = "" };
	struct run_stat stat = { .pgsizes = 0 };
	struct vm_frames frames;
	int ret;

	if (size_parse(o->words[2], &cfg.bytes) || !cfg.bytes)
		return iopt_err_set(err, -EINVAL,
				    "%s: must be a size, such as 4G",
				    o->words[2]);
	ret = vm_live_measure(&cfg, &frames, err);
	if (ret)
		return ret;
	ret = write_frames(&frames, o->out, err);
	if (!ret && o->out) {
		stat.pgsizes = leaf_sizes(frames.page);
		stat_frames(&frames, &stat);
		run_stat_print(&stat, stdout);
	}
	vm_frames_fini(&frames);
	return ret;
}

static void report(const struct options *o, const char *what, const char *note,
		   const struct run_stat *stat)
{
	if (!o->is_json) {
		printf("%s%s%s: ", what, *note ? ", " : "", note);
		run_stat_print(stat, stdout);
		return;
	}
	printf("{\"what\": ");
	json_text(stdout, what);
	printf(", \"note\": ");
	json_text(stdout, note);
	printf(", ");
	run_stat_json(stat, stdout);
	printf("}\n");
}

static int stat_file(const struct options *o, struct iopt_err *err)
{
	struct run_stat stat = { .pgsizes = leaf_sizes(o->granule) };
	char note[4 * VM_FRAMES_TEXT];
	struct vm_frames f;
	int ret = vm_frames_load(o->words[1], &f, err);

	if (ret)
		return ret;
	if (f.page < o->granule) {
		ret = iopt_err_set(err, -EINVAL,
				   "%s: recorded with pages of %" PRIu64
				   " bytes, less than the granule",
				   o->words[1], f.page);
	} else {
		stat_frames(&f, &stat);
		snprintf(note, sizeof(note), "%s, kernel %s, thp %s", f.how,
			 f.kernel, f.thp);
		report(o, o->words[1], note, &stat);
	}
	vm_frames_fini(&f);
	return ret;
}

/* Only RAM: the rest is the same behind every backing. */
static int stat_backing(const struct options *o, struct iopt_err *err)
{
	struct run_stat stat = { .pgsizes = leaf_sizes(o->granule) };
	struct vm_backing *backing = NULL;
	struct vm_layout *l = NULL;
	int ret = vm_layout_create_word(o->vm, o->host_page, &l, err);

	if (!ret)
		ret = vm_backing_create(o->words[1], l, o->oas, o->seed,
					&backing, err);
	if (!ret) {
		for (size_t i = 0; i < l->nr_ranges; i++)
			if (l->ranges[i].kind == VM_RAM)
				run_stat_add(&stat, l->ranges[i].iova,
					     l->ranges[i].size,
					     vm_backing_memory(backing, i));
		report(o, o->words[1], vm_backing_note(backing), &stat);
	}
	vm_backing_destroy(backing);
	vm_layout_destroy(l);
	return ret;
}

static int stat(const struct options *o, struct iopt_err *err)
{
	if (o->granule > o->host_page && o->vm)
		return iopt_err_set(err, -EINVAL,
				    "the granule must not be above the host's "
				    "page");
	return o->vm ? stat_backing(o, err) : stat_file(o, err);
}

static const struct command {
	const char *name;
	int nr_words;
	int (*run)(const struct options *o, struct iopt_err *err);
} commands[] = {
	{ "show", 3, show },
	{ "live", 3, live },
	{ "stat", 2, stat },
};

static int run(const struct options *o, struct iopt_err *err)
{
	int ret;

	if (!o->nr_words)
		return iopt_err_set(err, -EINVAL,
				    "a command is wanted, see --help");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, o->words[0]) != 0)
			continue;
		if (o->nr_words != commands[i].nr_words)
			return iopt_err_set(err, -EINVAL,
					    "%s: %d arguments are wanted, see "
					    "--help",
					    o->words[0],
					    commands[i].nr_words - 1);
		ret = commands[i].run(o, err);
		if (!ret && (fflush(stdout) || ferror(stdout)))
			ret = iopt_err_set(err, -EIO, "standard output: %s",
					   strerror(errno));
		return ret;
	}
	return iopt_err_set(err, -EINVAL,
			    "%s: must be show, live or stat, see --help",
			    o->words[0]);
}

/* What the user can mend, what this host cannot do, and the rest. */
static int exit_code(int ret)
{
	if (vm_live_is_skip(ret))
		return EXIT_SKIP;
	return ret == -EINVAL || ret == -ENOENT || ret == -ERANGE ||
			       ret == -ENODATA || ret == -EACCES ?
		       EXIT_USAGE :
		       EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
	struct options o = { .host_page = SZ_4K, .oas = 48, .seed = 1 };
	struct iopt_err err = { "" };
	int ret = parse_options(&o, argc, argv, &err);

	if (!ret && o.wants_help) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (!ret)
		ret = run(&o, &err);
	if (!ret)
		return EXIT_SUCCESS;
	fprintf(stderr, "iopt-layout: %s\n", err.msg);
	return exit_code(ret);
}
