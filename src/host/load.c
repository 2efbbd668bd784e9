// SPDX-License-Identifier: GPL-2.0-only
/* How busy each CPU is, sampled from /proc/stat. */
#include "load.h"

#include "hostfs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A growing list of CPUs by their number. */
struct ticks_list {
	struct cpu_ticks *cpus;
	unsigned int nr;
};

/* The numbers of a line, in the order of proc(5); guest is within user. */
static bool ticks_parse(const char *text, struct cpu_ticks *ticks)
{
	unsigned long long v[8] = { 0 };
	int nr = sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu", &v[0],
			&v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);

	if (nr < 4)
		return false;
	ticks->busy = v[0] + v[1] + v[2] + v[5] + v[6];
	ticks->steal = v[7];
	ticks->total = ticks->busy + ticks->steal + v[3] + v[4];
	return true;
}

static int ticks_put(struct ticks_list *list, unsigned int cpu,
		     const struct cpu_ticks *ticks)
{
	struct cpu_ticks *p;

	if (cpu >= list->nr) {
		p = realloc(list->cpus, (cpu + 1) * sizeof(*p));
		if (!p)
			return -ENOMEM;
		memset(p + list->nr, 0, (cpu + 1 - list->nr) * sizeof(*p));
		list->cpus = p;
		list->nr = cpu + 1;
	}
	list->cpus[cpu] = *ticks;
	return 0;
}

/* Lines of other things are far longer than those of a CPU. */
static int ticks_read(const char *root, struct ticks_list *list)
{
	FILE *f = hostfs_open(root, "proc/stat");
	struct cpu_ticks ticks;
	char line[256] = "";
	unsigned int cpu;
	int at, ret = 0;

	if (!f)
		return -ENOENT;
	while (!ret && fgets(line, sizeof(line), f))
		if (isdigit((unsigned char)line[3]) && /* not the sum */
		    sscanf(line, "cpu%u %n", &cpu, &at) == 1 && cpu < 65536 &&
		    ticks_parse(line + at, &ticks))
			ret = ticks_put(list, cpu, &ticks);
	fclose(f);
	return ret || list->nr ? ret : -ENOENT;
}

bool host_ticks_of(const char *root, unsigned int cpu, struct cpu_ticks *ticks)
{
	struct ticks_list list = { 0 };
	bool is_there = !ticks_read(root, &list) && cpu < list.nr &&
			list.cpus[cpu].total;

	if (is_there)
		*ticks = list.cpus[cpu];
	free(list.cpus);
	return is_there;
}

static unsigned int permille(const struct cpu_ticks *before,
			     const struct cpu_ticks *after)
{
	u64 total = after->total - before->total;
	u64 busy = after->busy + after->steal - before->busy - before->steal;

	/* A CPU that was just brought up may count backwards. */
	if (after->total <= before->total || busy > total)
		return 0;
	return (unsigned int)(busy * 1000 / total);
}

int host_load_between(const struct cpu_ticks *before,
		      const struct cpu_ticks *after, unsigned int nr_cpus,
		      struct host_load *load)
{
	unsigned int *v = calloc(nr_cpus, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_cpus; i++)
		v[i] = permille(&before[i], &after[i]);
	load->busy_permille = v;
	load->nr_cpus = nr_cpus;
	return 0;
}

u64 host_stolen_ticks(const struct cpu_ticks *before,
		      const struct cpu_ticks *after)
{
	return after->steal > before->steal ? after->steal - before->steal : 0;
}

int host_load_sample(const char *root, unsigned int interval_ms,
		     struct host_load *load, struct iopt_err *err)
{
	const struct timespec interval = {
		.tv_sec = interval_ms / 1000,
		.tv_nsec = interval_ms % 1000 * 1000000l,
	};
	struct ticks_list before = { 0 }, after = { 0 };
	int ret = ticks_read(root, &before);

	if (!ret) {
		nanosleep(&interval, NULL);
		ret = ticks_read(root, &after);
	}
	if (!ret)
		ret = host_load_between(
			before.cpus, after.cpus,
			before.nr < after.nr ? before.nr : after.nr, load);
	free(before.cpus);
	free(after.cpus);
	if (ret)
		return iopt_err_set(err, ret, "load: /proc/stat: %s",
				    ret == -ENOENT ? "no CPU found there" :
						     strerror(-ret));
	return 0;
}

unsigned int host_load_of(const struct host_load *load, unsigned int cpu)
{
	return load && cpu < load->nr_cpus ? load->busy_permille[cpu] : 0;
}

void host_load_fini(struct host_load *load)
{
	free(load->busy_permille);
	load->busy_permille = NULL;
	load->nr_cpus = 0;
}
