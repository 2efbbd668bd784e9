// SPDX-License-Identifier: GPL-2.0-only
/* Time between points where the kernel could reschedule. */
#include "stretch.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* From here on a system call for the thread's own time adds little. */
#define LONG_NS 20000.0

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int stretch_init(struct stretch *s, const struct host_clock *clock,
		 struct iopt_err *err)
{
	*s = (struct stretch){ .clock = clock };
	s->ns = calloc(STRETCH_MAX, sizeof(*s->ns));
	if (!s->ns)
		return iopt_err_set(err, -ENOMEM, "no memory for stretches");
	return 0;
}

void stretch_fini(struct stretch *s)
{
	free(s->ns);
	s->ns = NULL;
}

void stretch_start(struct stretch *s)
{
	s->nr = 0;
	s->longest_ns = 0;
	s->since_ns = 0;
	s->cpu_ns = cpu_ns();
	s->wall_ns = host_clock_ns(s->clock);
}

/* The least of all passes is what it takes when nothing disturbs it. */
static void keep(struct stretch *s, double ns)
{
	u64 i = s->nr++;

	if (i >= STRETCH_MAX)
		s->longest_ns = fmax(s->longest_ns, ns);
	else if (!s->nr_passes || ns < s->ns[i])
		s->ns[i] = ns;
}

/*
 * Short stretches by the clock. For a long one the thread's own time since it
 * was last read, less the short ones since then.
 */
void stretch_mark(void *arg)
{
	struct stretch *s = arg;
	double ns = (double)(host_clock_ns(s->clock) - s->wall_ns);

	if (ns >= LONG_NS) {
		double cpu = cpu_ns();

		ns = fmax(fmin(ns, cpu - s->cpu_ns - s->since_ns), 0);
		s->cpu_ns = cpu;
		s->since_ns = 0;
	} else {
		s->since_ns += ns;
	}
	keep(s, fmax(ns - s->clock->overhead_ns, 0));
	s->wall_ns = host_clock_ns(s->clock);
}

void stretch_end(struct stretch *s)
{
	stretch_mark(s);
	if (!s->nr_passes || s->longest_ns < s->rest_ns)
		s->rest_ns = s->longest_ns;
	s->nr_passes++;
}

void stretch_price_mark(void *arg)
{
	struct stretch_price *p = arg;
	u64 bytes = p->counts->unpinned_bytes, ps = 0, i = p->nr++;
	int ret = cost_sim_ps(p->sim->profile, p->sim->counters, &ps);
	double ns;

	if (ret) {
		p->ret = ret;
		return;
	}
	ns = ((double)(ps - p->sim_ps) +
	      (double)(bytes - p->unpinned_bytes) * p->unpin_ps_per_byte) /
	     1000;
	p->sim_ps = ps;
	p->unpinned_bytes = bytes;
	if (i < STRETCH_MAX)
		p->longest_ns = fmax(p->longest_ns, p->stretch->ns[i] + ns);
	else
		p->rest_ns = fmax(p->rest_ns, ns);
}

int stretch_price_end(struct stretch_price *p, double *ns, struct iopt_err *err)
{
	stretch_price_mark(p);
	if (p->ret)
		return iopt_err_set(err, p->ret,
				    "the simulated time cannot be said");
	if (p->nr != p->stretch->nr)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " stretches, expected %" PRIu64
				    " as without a simulator",
				    p->nr, p->stretch->nr);
	*ns = p->longest_ns;
	if (p->nr > STRETCH_MAX)
		*ns = fmax(*ns, p->stretch->rest_ns + p->rest_ns);
	return 0;
}
