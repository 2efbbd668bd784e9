/* SPDX-License-Identifier: GPL-2.0-only */
/* Decompression of .xz, a piece at a time, where liblzma was there. */
#ifndef IOPT_TRACE_XZ_H
#define IOPT_TRACE_XZ_H

#include "err.h"

/* What a .xz file begins with, and its length in bytes. */
#define TRACE_XZ_MAGIC \
	"\xfd"         \
	"7zXZ\0"
#define TRACE_XZ_MAGIC_BYTES 6u

struct trace_xz;

IOPT_BEGIN_DECLS

/**
 * trace_xz_is_built() - Does this build have liblzma?
 */
bool trace_xz_is_built(void);

/**
 * trace_xz_create() - Start a decompressor.
 * @out: set to it; owned by the caller until trace_xz_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EOPNOTSUPP when the build has no liblzma (option traces);
 * -ENOMEM when there is no memory.
 */
int trace_xz_create(struct trace_xz **out, struct iopt_err *err);

/**
 * trace_xz_run() - Decompress as far as input and room go.
 * @xz: decompressor
 * @in: input; moved past what was used
 * @in_len: bytes at *@in; lowered by what was used
 * @is_last: nothing comes after *@in
 * @out: where the text goes
 * @out_len: bytes of room at @out; set to the bytes written
 * @err: gets the reason of a failure; may be NULL
 *
 * Several streams one after the other are one text, as xz itself has it.
 *
 * Return: 0 when there may be more; 1 at the end;
 * -EBADMSG when the data is damaged or ends too early;
 * -ENOMEM when it asks for more memory than 256M.
 */
int trace_xz_run(struct trace_xz *xz, const u8 **in, size_t *in_len,
		 bool is_last, u8 *out, size_t *out_len, struct iopt_err *err);

/**
 * trace_xz_destroy() - Free a decompressor.
 * @xz: from trace_xz_create(), or NULL
 */
void trace_xz_destroy(struct trace_xz *xz);

IOPT_END_DECLS

#endif
