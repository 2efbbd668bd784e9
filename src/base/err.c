// SPDX-License-Identifier: GPL-2.0-only
/* One line of error text that travels with a negative errno. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int iopt_err_set(struct iopt_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (!err)
		return code;
	va_start(ap, fmt);
	len = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(err->msg))
		memcpy(err->msg + sizeof(err->msg) - 4, "...", 4);
	return code;
}
