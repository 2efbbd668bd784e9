/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of error text that travels with a negative errno. */
#ifndef IOPT_ERR_H
#define IOPT_ERR_H

#include "types.h"

/**
 * struct iopt_err - Why a call failed, for a person.
 * @msg: one line without newline, "" when nothing failed; names the bad value
 *	and what would be right
 *
 * The caller owns it; one may be reused for any number of calls.
 */
struct iopt_err {
	char msg[256];
};

IOPT_BEGIN_DECLS

/**
 * iopt_err_set() - Say why a call fails.
 * @err: where the text goes, or NULL when nobody wants it
 * @code: what the failing call returns, a negative errno
 * @fmt: printf format of one line, without newline
 *
 * Text that does not fit is cut and ends in "...".
 *
 * Return: @code, so that ``return iopt_err_set(...)`` reads well.
 */
int iopt_err_set(struct iopt_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

IOPT_END_DECLS

#endif
