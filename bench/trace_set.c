// SPDX-License-Identifier: GPL-2.0-only
/* The traces that this process may replay. */
#include "trace_set.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define NAME_BYTES 64

/* Recordings in data/traces; see its README. */
static const char *const shipped[] = {
	"net-e1000e-6.12",	 "net-e1000e-7.3",
	"net-virtio-6.12",	 "nvme-mixed-6.12",
	"nvme-mixed-7.3",	 "vfio-vm-4k-6.12",
	"vfio-vm-4k-7.3",	 "vfio-vm-4k-frag-6.12",
	"vfio-vm-4k-frag-7.3",	 "vfio-vm-hugetlb1g-6.12",
	"vfio-vm-hugetlb1g-7.3", "vfio-vm-hugetlb2m-6.12",
	"vfio-vm-hugetlb2m-7.3", "vfio-vm-thp-6.12",
	"vfio-vm-thp-7.3",	 "vfio-vm-thp-defer-6.12",
	"vfio-vm-thp-frag-6.12", "vfio-vm-thp-frag-7.3",
};

/* A trace of the set; @prog is NULL until it is loaded. */
struct entry {
	char name[NAME_BYTES];
	char *path;
	struct trace_prog *prog;
};

struct trace_set {
	bool is_shipped;
	size_t nr;
	struct entry entries[];
};

/* Cut @suffix off the end of @text, if it is there and not all of it. */
static void cut_suffix(char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	if (len > n && !strcmp(text + len - n, suffix))
		text[len - n] = '\0';
}

static void name_from_path(char name[NAME_BYTES], const char *path)
{
	const char *base = strrchr(path, '/');
	char *p;

	base = base ? base + 1 : path;
	if (!strcmp(path, "-"))
		base = "stdin";
	else if (!*base)
		base = "trace";
	/* Room is left for a number; the end of a long name says most. */
	if (strlen(base) > NAME_BYTES - 8)
		base += strlen(base) - (NAME_BYTES - 8);
	strcpy(name, base);
	cut_suffix(name, ".xz");
	cut_suffix(name, ".trace");
	for (p = name; *p; p++)
		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-",
			    *p))
			*p = '_';
}

static struct entry *find(struct trace_set *set, const char *name)
{
	for (size_t i = 0; i < set->nr; i++)
		if (!strcmp(set->entries[i].name, name))
			return &set->entries[i];
	return NULL;
}

/* Add a file as the last entry, under a name that none before it has. */
static int add_file(struct trace_set *set, const char *path)
{
	struct entry *e = &set->entries[set->nr];
	size_t len;

	name_from_path(e->name, path);
	len = strlen(e->name);
	for (unsigned int n = 2; find(set, e->name); n++)
		snprintf(e->name + len, sizeof(e->name) - len, "-%u", n);
	e->path = strdup(path);
	set->nr++;
	return e->path ? 0 : -ENOMEM;
}

static int add_shipped(struct trace_set *set, const char *name)
{
	struct entry *e = &set->entries[set->nr];

	strcpy(e->name, name);
	set->nr++;
	if (asprintf(&e->path, "%s/%s.trace.xz", IOPT_TRACE_DIR, name) >= 0)
		return 0;
	e->path = NULL;
	return -ENOMEM;
}

int trace_set_create(const char *const *paths, size_t nr_paths,
		     struct trace_set **out, struct iopt_err *err)
{
	size_t nr = nr_paths ? nr_paths : ARRAY_SIZE(shipped);
	struct trace_set *set =
		calloc(1, sizeof(*set) + nr * sizeof(set->entries[0]));
	int ret = set ? 0 : -ENOMEM;

	if (set)
		set->is_shipped = !nr_paths;
	for (size_t i = 0; i < nr && !ret; i++)
		ret = nr_paths ? add_file(set, paths[i]) :
				 add_shipped(set, shipped[i]);
	if (ret) {
		trace_set_destroy(set);
		return iopt_err_set(err, ret, "no memory for the traces");
	}
	*out = set;
	return 0;
}

const char *trace_set_name(const struct trace_set *set, size_t i)
{
	if (!set)
		return i < ARRAY_SIZE(shipped) ? shipped[i] : NULL;
	return i < set->nr ? set->entries[i].name : NULL;
}

const char *trace_set_skip(const struct trace_set *set)
{
	if (trace_reads_xz() || (set && !set->is_shipped))
		return NULL;
	return "the shipped traces are .xz and this build has no liblzma "
	       "(option traces)";
}

int trace_set_load(struct trace_set *set, const char *name,
		   const struct trace_prog **prog, const char **path,
		   struct iopt_err *err)
{
	struct entry *e = find(set, name);
	int ret = 0;

	if (!e)
		return iopt_err_set(err, -ENOENT, "there is no trace %s", name);
	if (!e->prog)
		ret = trace_prog_load(e->path, &e->prog, err);
	if (ret)
		return ret;
	*prog = e->prog;
	if (path)
		*path = e->path;
	return 0;
}

static void describe(FILE *f, struct trace_set *set, const struct entry *e)
{
	const struct trace_summary *sum;
	const struct trace_prog *prog;
	struct iopt_err err;

	if (trace_set_load(set, e->name, &prog, NULL, &err)) {
		fprintf(f, "%s: %s", e->name, err.msg);
		return;
	}
	sum = &prog->sum;
	fprintf(f,
		"%s: %s, %" PRIu64 " maps, %" PRIu64 " unmaps, %" PRIu64
		" lost",
		e->name, e->path, sum->nr_maps, sum->nr_unmaps,
		sum->lost.nr_events);
	if (sum->lost.nr_gaps)
		fprintf(f, " and %" PRIu64 " gaps", sum->lost.nr_gaps);
}

char *trace_set_describe(struct trace_set *set)
{
	char *text = NULL;
	size_t len;
	FILE *f;

	if (set->is_shipped)
		return strdup("shipped");
	f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	for (size_t i = 0; i < set->nr; i++) {
		fputs(i ? "; " : "", f);
		describe(f, set, &set->entries[i]);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

void trace_set_destroy(struct trace_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->nr; i++) {
		trace_prog_destroy(set->entries[i].prog);
		free(set->entries[i].path);
	}
	free(set);
}
