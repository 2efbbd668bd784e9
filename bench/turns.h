/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that are compared measure in turns of a millisecond, so that what
 * the machine does meanwhile is done to all of them.
 *
 * Whoever runs them gives each a socket of packets, of which IOPT_TURNS has the
 * number. A process has its turn when it starts, gives it up with a packet,
 * sleeps until it gets one, and gives it up for good when it ends. Its packet
 * says what it measured in this turn: the least time of an operation in ns and
 * the name of the case, or "-" for nothing.
 */
#ifndef IOPT_TURNS_H
#define IOPT_TURNS_H

#include <signal.h>

#include "err.h"
#include "types.h"

/**
 * struct turns - The turns of this process; the caller owns it.
 * @fd: socket of who gives them, not owned; -1 for a process that is alone
 * @since_ns: when this turn began, by CLOCK_MONOTONIC
 * @min_ns: least time of an operation in this turn; infinite for none
 * @stop: becomes true when the user wants to stop; NULL when nobody will
 */
struct turns {
	int fd;
	u64 since_ns;
	double min_ns;
	const volatile sig_atomic_t *stop;
};

IOPT_BEGIN_DECLS

/**
 * turns_init() - The first turn begins.
 * @t: set
 * @text: value of IOPT_TURNS, or NULL: this process is alone
 * @stop: see struct turns
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @text is not the number of an open socket.
 */
int turns_init(struct turns *t, const char *text,
	       const volatile sig_atomic_t *stop, struct iopt_err *err);

/**
 * turns_are_taken() - Are there others to take turns with?
 * @t: turns
 */
bool turns_are_taken(const struct turns *t);

/**
 * turns_measured() - Note what an operation took in this turn.
 * @t: turns, or NULL
 * @ns: of a section, for one operation
 *
 * Told by the next turns_pass() that has a name.
 */
void turns_measured(struct turns *t, double ns);

/**
 * turns_pass() - Let the others have theirs, and wait for the next.
 * @t: turns; NULL or alone: nothing is done
 * @name: of the case that was measured; NULL when one begins: what was noted
 *	before, of a case that took no turns or failed, is forgotten
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINTR when the user wants to stop;
 * -EPIPE when nobody is there who gives turns;
 * -errno when the socket fails.
 */
int turns_pass(struct turns *t, const char *name, struct iopt_err *err);

/**
 * turns_pass_if_due() - The same once this turn has lasted a millisecond.
 * @t: see turns_pass()
 * @name: see turns_pass()
 * @err: see turns_pass()
 *
 * Cost: a reading of the clock when it is not due.
 *
 * Return: as turns_pass().
 */
int turns_pass_if_due(struct turns *t, const char *name, struct iopt_err *err);

IOPT_END_DECLS

#endif
