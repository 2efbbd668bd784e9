// SPDX-License-Identifier: GPL-2.0-only
/* Progress lines. */
#include "progress.h"

#include <stdarg.h>
#include <time.h>

#define QUIET_NS 250000000u

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

void progress_case(struct progress *p, size_t i, size_t n, const char *name)
{
	if (!p)
		return;
	fprintf(p->out, "progress %zu %zu %s\n", i, n, name);
	p->said_ns = now_ns();
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!p)
		return;
	fputs("doing ", p->out);
	va_start(ap, fmt);
	vfprintf(p->out, fmt, ap);
	va_end(ap);
	putc('\n', p->out);
	fflush(p->out);
	p->said_ns = now_ns();
}

bool progress_is_due(const struct progress *p)
{
	return p && now_ns() - p->said_ns >= QUIET_NS;
}
