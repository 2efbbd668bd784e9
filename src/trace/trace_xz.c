// SPDX-License-Identifier: GPL-2.0-only
/* Decompression of .xz by liblzma. */
#include "trace_xz.h"

#include "sizes.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

/* xz -9 needs 65M; what wants more than this is damaged or hostile. */
#define XZ_MEM_MAX (256 * SZ_1M)

struct trace_xz {
	lzma_stream strm;
};

/* Turn a code of liblzma into one of ours. */
static int xz_result(lzma_ret ret, struct iopt_err *err)
{
	switch (ret) {
	case LZMA_OK:
		return 0;
	case LZMA_STREAM_END:
		return 1;
	case LZMA_BUF_ERROR:
		return iopt_err_set(err, -EBADMSG,
				    "the compressed data ends too early: "
				    "a truncated .xz");
	case LZMA_FORMAT_ERROR:
		return iopt_err_set(err, -EBADMSG,
				    "not .xz data where a stream should begin");
	case LZMA_MEM_ERROR:
		return iopt_err_set(err, -ENOMEM, "out of memory");
	case LZMA_MEMLIMIT_ERROR:
		return iopt_err_set(err, -ENOMEM,
				    "decompression needs more than 256M of "
				    "memory; xz -9 makes files that need 65M");
	default:
		return iopt_err_set(err, -EBADMSG,
				    "the compressed data is damaged "
				    "(liblzma code %d)",
				    (int)ret);
	}
}

bool trace_xz_is_built(void)
{
	return true;
}

int trace_xz_create(struct trace_xz **out, struct iopt_err *err)
{
	struct trace_xz *xz = calloc(1, sizeof(*xz));
	int ret;

	if (!xz)
		return xz_result(LZMA_MEM_ERROR, err);
	xz->strm = (lzma_stream)LZMA_STREAM_INIT;
	ret = xz_result(
		lzma_stream_decoder(&xz->strm, XZ_MEM_MAX, LZMA_CONCATENATED),
		err);
	if (ret) {
		free(xz);
		return ret;
	}
	*out = xz;
	return 0;
}

int trace_xz_run(struct trace_xz *xz, const u8 **in, size_t *in_len,
		 bool is_last, u8 *out, size_t *out_len, struct iopt_err *err)
{
	lzma_ret ret;

	xz->strm.next_in = *in;
	xz->strm.avail_in = *in_len;
	xz->strm.next_out = out;
	xz->strm.avail_out = *out_len;
	ret = lzma_code(&xz->strm, is_last ? LZMA_FINISH : LZMA_RUN);
	*in = xz->strm.next_in;
	*in_len = xz->strm.avail_in;
	*out_len -= xz->strm.avail_out;
	/* No progress is only an error when there is nothing more to come. */
	if (ret == LZMA_BUF_ERROR && !is_last)
		ret = LZMA_OK;
	return xz_result(ret, err);
}

void trace_xz_destroy(struct trace_xz *xz)
{
	if (!xz)
		return;
	lzma_end(&xz->strm);
	free(xz);
}
