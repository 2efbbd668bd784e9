// SPDX-License-Identifier: GPL-2.0-only
/* What a build without liblzma says to a .xz file. */
#include "trace_xz.h"

#include <errno.h>

bool trace_xz_is_built(void)
{
	return false;
}

int trace_xz_create(struct trace_xz **out, struct iopt_err *err)
{
	(void)out;
	return iopt_err_set(err, -EOPNOTSUPP,
			    "compressed with xz, and this build cannot read "
			    "it: configure with liblzma and -Dtraces=enabled, "
			    "or decompress it with xz -d");
}

int trace_xz_run(struct trace_xz *xz, const u8 **in, size_t *in_len,
		 bool is_last, u8 *out, size_t *out_len, struct iopt_err *err)
{
	(void)xz;
	(void)in;
	(void)in_len;
	(void)is_last;
	(void)out;
	(void)out_len;
	return iopt_err_set(err, -EOPNOTSUPP, "no liblzma in this build");
}

void trace_xz_destroy(struct trace_xz *xz)
{
	(void)xz;
}
