/* SPDX-License-Identifier: GPL-2.0-only */
/* A trace file as lines of text: plain or .xz, from a file or a pipe. */
#ifndef IOPT_TRACE_INPUT_H
#define IOPT_TRACE_INPUT_H

#include "err.h"

/* Longest line that is read, in bytes without its newline. The kernel's own
 * limit for one is a page. */
#define TRACE_LINE_MAX 65535u

struct trace_input;

IOPT_BEGIN_DECLS

/**
 * trace_input_open() - Open a file.
 * @path: its path; "-" for standard input
 * @out: set to the input; owned by the caller until trace_input_close()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when it is a directory, or in a known format that is not text;
 * -EOPNOTSUPP when it is .xz and the build has no liblzma;
 * -ENOMEM when there is no memory;
 * any other negative errno of open(2) or read(2).
 */
int trace_input_open(const char *path, struct trace_input **out,
		     struct iopt_err *err);

/**
 * trace_input_line() - The next line.
 * @in: input
 * @line: set to the line with a NUL in place of its newline, or CR and
 *	newline; valid until the next call
 * @err: gets file and place of a failure; may be NULL
 *
 * Return: 1; 0 at the end, @line is untouched then;
 * -EINVAL when the line holds a NUL byte or is over TRACE_LINE_MAX long;
 * -EBADMSG or -ENOMEM as trace_xz_run();
 * any other negative errno of read(2).
 */
int trace_input_line(struct trace_input *in, char **line, struct iopt_err *err);

/**
 * trace_input_name() - What messages call the file: its path, or "stdin".
 * @in: input
 */
const char *trace_input_name(const struct trace_input *in);

/**
 * trace_input_nr_lines() - Number of the line that was read last, from 1.
 * @in: input
 */
u64 trace_input_nr_lines(const struct trace_input *in);

/**
 * trace_input_close() - Close the file and free what was held.
 * @in: from trace_input_open(), or NULL
 */
void trace_input_close(struct trace_input *in);

IOPT_END_DECLS

#endif
