// SPDX-License-Identifier: GPL-2.0-only
/* Taking turns with other processes. */
#include "turns.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "bench.h"

#define TURN_NS 1000000u

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

int turns_init(struct turns *t, const char *text,
	       const volatile sig_atomic_t *stop, struct iopt_err *err)
{
	struct stat st;
	char *end;
	long fd;

	*t = (struct turns){
		.fd = -1, .since_ns = now_ns(), .min_ns = INFINITY, .stop = stop
	};
	if (!text)
		return 0;
	fd = strtol(text, &end, 10);
	if (end == text || *end || fd < 0 || fd > 0xffff ||
	    fstat((int)fd, &st) || !S_ISSOCK(st.st_mode))
		return iopt_err_set(err, -EINVAL,
				    "IOPT_TURNS=%s: not the number of an open "
				    "socket; unset it to measure alone",
				    text);
	t->fd = (int)fd;
	return 0;
}

bool turns_are_taken(const struct turns *t)
{
	return t->fd >= 0;
}

void turns_measured(struct turns *t, double ns)
{
	if (t)
		t->min_ns = fmin(t->min_ns, ns);
}

/* Send a packet; once more when a signal meant nothing. */
static ssize_t tell(const struct turns *t, const char *name)
{
	char text[BENCH_NAME_MAX + 32] = "-";
	ssize_t nr;

	if (name && isfinite(t->min_ns))
		snprintf(text, sizeof(text), "%.9g %s", t->min_ns, name);
	do {
		nr = send(t->fd, text, strlen(text), MSG_NOSIGNAL);
	} while (nr < 0 && errno == EINTR && !(t->stop && *t->stop));
	return nr;
}

/* Wait for one, whatever it says. */
static ssize_t wait_for_turn(const struct turns *t)
{
	ssize_t nr;
	char byte;

	do {
		nr = recv(t->fd, &byte, 1, 0);
	} while (nr < 0 && errno == EINTR && !(t->stop && *t->stop));
	return nr;
}

int turns_pass(struct turns *t, const char *name, struct iopt_err *err)
{
	ssize_t nr;

	if (!t || t->fd < 0)
		return 0;
	nr = tell(t, name);
	if (nr > 0)
		nr = wait_for_turn(t);
	if (nr < 0 && errno == EINTR)
		return iopt_err_set(err, -EINTR, "interrupted");
	if (!nr || (nr < 0 && (errno == EPIPE || errno == ECONNRESET)))
		return iopt_err_set(err, -EPIPE,
				    "IOPT_TURNS: who gives turns is gone");
	if (nr < 0)
		return iopt_err_set(err, -errno, "IOPT_TURNS: %s",
				    strerror(errno));
	t->since_ns = now_ns();
	t->min_ns = INFINITY;
	return 0;
}

int turns_pass_if_due(struct turns *t, const char *name, struct iopt_err *err)
{
	if (!t || t->fd < 0 || now_ns() - t->since_ns < TURN_NS)
		return 0;
	return turns_pass(t, name, err);
}
